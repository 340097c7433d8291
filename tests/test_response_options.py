"""Which response a run applies: its factors, cautions, record, verification and explanation."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from built_once import Beginnings
from iracdb_cli.main import main
from run_helpers import averages, images, write_frames

from iracdb import Catalogue, irac_aphot_corr
from iracdb.errors import UsageError
from iracdb.irac.simulate import FrameSpec
from iracdb.photometry.correction import TABLES
from iracdb.photometry.rejection import REJECTION_FORMS
from iracdb.runs.parameters import Parameters
from iracdb.runs.request import Request

DOCS = Path(__file__).parents[1] / "docs"

WARM, COLD = 56000.0, 54000.0
RADII: dict[str, Any] = {"radius": (10, 12, 20), "channel": 1}


def frames(**changes: Any) -> list[FrameSpec]:
    places = [(127.3, 128.6), (60.2, 190.9), (200.6, 40.1)]
    return [
        FrameSpec(channel=1, expid=expid, x=x, y=y, flux_mjy=50.0, noise=False, **changes)
        for expid, (x, y) in enumerate(places)
    ]


@pytest.fixture
def catalogue(
    any_location: str, begun_with: Beginnings, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Catalogue]:
    def fill(place: str) -> None:
        folder = tmp_path_factory.mktemp("archive")
        cold = frames(aorkey=91000000, mjd=COLD, creator="S18.7.0")
        write_frames(folder, *cold, *frames(aorkey=91000256, mjd=WARM))
        with Catalogue(place) as made:
            made.ingest(folder)

    with Catalogue(begun_with(any_location, fill), create=False) as opened:
        yield opened


def expected(image: dict[str, Any], mission: str, **parts: bool) -> float:
    net = image["raw"] - image["background"]
    corrected = irac_aphot_corr(net, image["x"], image["y"], 1, mission=mission, **parts)
    return pytest.approx(corrected, rel=1e-15)


@pytest.mark.parametrize("response", ["auto", "cryo", "warm", "hora", "reach"])
def test_every_image_is_corrected_by_the_tables_asked_for(
    catalogue: Catalogue, response: str
) -> None:
    run = catalogue.run(run_id=5, response=response, **RADII)
    found = images(catalogue, run)
    assert len(found) == 6
    for image in found:
        own = "cryo" if image["aorkey"] == 91000000 else "warm"
        assert image["corrected"] == expected(image, own if response == "auto" else response)
        assert image["array_location_factor"] != 1 and image["pixel_phase_factor"] != 1
    assert run.parameters["response"] == response
    assert catalogue.verify(5).verdict == "exact"


def test_without_a_response_the_flux_is_the_net_flux(catalogue: Catalogue) -> None:
    run = catalogue.run(run_id=5, response="none", **RADII)
    for image in images(catalogue, run):
        assert (image["array_location_factor"], image["pixel_phase_factor"]) == (1.0, 1.0)
        assert image["corrected"] == image["raw"] - image["background"]
    assert catalogue.verify(5).verdict == "exact"


@pytest.mark.parametrize("left_out", ["pixel_phase", "array_location"])
def test_a_part_can_be_left_out_and_why_says_so(catalogue: Catalogue, left_out: str) -> None:
    catalogue.run(run_id=5, **RADII)
    run = catalogue.run(run_id=6, **{left_out: False}, **RADII)
    for image in images(catalogue, run):
        mission = "cryo" if image["aorkey"] == 91000000 else "warm"
        assert image[f"{left_out}_factor"] == 1.0
        assert image["corrected"] == expected(image, mission, **{left_out: False})
    assert run.parameters[left_out] is False
    assert catalogue.verify(6).verdict == "exact"
    (row,) = catalogue.sql("SELECT value FROM run_parameter WHERE run_id = 6 AND name = "
                           f"'{left_out}'").rows  # fmt: skip
    assert row[0] == "False"
    found = catalogue.why(5, 91000256, 6)
    title = {"pixel_phase": "pixel-phase factor", "array_location": "array-location factor"}
    shares = {share.cause: share for share in found.shares}
    change = averages(catalogue, run)[1]["flux"] - averages(catalogue, catalogue.get(5))[1]["flux"]
    assert abs(change) > 0.01
    assert shares[title[left_out]].mjy == pytest.approx(change, rel=1e-9)
    assert "True -> False" in shares[title[left_out]].what


def cautions(catalogue: Catalogue, **options: Any) -> list[str]:
    return [said for said in catalogue.plan(**options).warnings if "ables" in said]


def test_tables_that_were_made_for_other_frames_are_said(catalogue: Catalogue) -> None:
    assert cautions(catalogue, **RADII) == []
    assert cautions(catalogue, response="none", **RADII) == []
    made_for = "were made for pipeline version S18.7 and earlier: 3 frames of S19.2.0"
    hora = f"The tables of hora {made_for}"
    cold = "Tables of the cryogenic mission correct 3 frames of the warm mission"
    assert cautions(catalogue, response="hora", **RADII) == [hora, cold]
    assert cautions(catalogue, response="reach", **RADII) == [
        f"The tables of reach {made_for}",
        cold,
    ]
    assert cautions(catalogue, response="cryo", **RADII) == [cold]
    (warm,) = cautions(catalogue, response="warm", **RADII)
    assert warm == "Tables of the warm mission correct 3 frames of the cryogenic mission"
    # S18.7.0 is a version of S18.7.
    assert cautions(catalogue, response="hora", aors=[91000000], **RADII) == []


@pytest.mark.reference
def test_real_frames_are_later_than_hora(reference: Path, tmp_path: Path) -> None:
    with Catalogue(tmp_path / "iracdb.sqlite") as catalogue:
        catalogue.ingest(reference / "archive" / "r24649984")
        options: dict[str, Any] = {"channel": 4, "radius": (3, 3, 7)}
        (said,) = cautions(catalogue, response="hora", **options)
        run = catalogue.run(run_id=5, response="hora", **options)
        for image in images(catalogue, run):
            if image["corrected"] is not None:
                net = image["raw"] - image["background"]
                assert image["corrected"] == pytest.approx(
                    irac_aphot_corr(net, image["x"], image["y"], 4, mission="hora", subarray=True),
                    rel=1e-15,
                )
    assert re.fullmatch(r"The tables of hora were made .* earlier: \d+ frames of S18\.25\.0", said)


def test_the_log_and_the_command_tell(
    catalogue: Catalogue, any_location: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["--db", any_location, "run", "--run-id", "7", "--channel", "1", "--response", "reach",
             "--no-pixel-phase", "--out", str(tmp_path / "tables")]  # fmt: skip
    assert main(words) == 0
    said = capsys.readouterr()
    assert "The tables of reach were made for pipeline version S18.7" in said.err
    log = (tmp_path / "tables" / "run7_log.txt").read_text()
    line = re.search(r"Response +: (.*)", log).group(1)
    assert re.match(r"reach \(array location\) by native, coefficients [0-9a-f]{64}", line)
    dry = ["--db", any_location, "run", "--response", "none", "--dry-run", "--channel", "1"]
    assert main(dry) == 0
    assert re.search(r"response +none", capsys.readouterr().out)


def test_words_that_are_no_response() -> None:
    with pytest.raises(UsageError, match="there are: auto, cryo, warm, hora, reach, none"):
        Request.of({"response": "lukewarm"})


def test_parameters_recorded_before_they_had_these_names() -> None:
    measured = Parameters.recorded({"kind": "bcd", "response": "native"})
    assert (measured["engine"], measured["response"]) == ("native", "auto")
    assert measured["pixel_phase"] is measured["array_location"] is True
    assert measured["wcs"] == "bcd"
    kept = Parameters.recorded({"response": "native", "response_tables": "by-time"})
    assert (kept["response"], "response_tables" in kept.values) == ("auto", False)
    cold = Parameters.recorded({"response": "native", "response_tables": "cryo"})
    assert cold["response"] == "cryo"
    imported = Parameters.recorded({"kind": "bcd", "response": None})
    assert imported["engine"] is imported["response"] is imported["pixel_phase"] is None
    now = {"engine": "gdl", "response": "hora", "wcs": "sub2d"}
    assert now.items() <= Parameters.recorded(now).values.items()


def test_the_docs_name_every_rule_and_every_response() -> None:
    text = (DOCS / "measuring.md").read_text()
    rules = re.findall(r"^\| `([a-z:N-]+)` \|.*\| (?:`|\|)", text, re.MULTILINE)
    named = re.findall(r"[a-z-]+:N|[a-z]+", REJECTION_FORMS.replace("(such as sigma:3)", ""))
    assert sorted(rules) == sorted(set(named) - {"or"})
    for response in TABLES:
        assert re.search(rf"^\| .*`(?:--response )?{response}`", text, re.MULTILINE), response
