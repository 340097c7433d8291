"""The audit: every known fact of the 21 runs is found, with its numbers; and our own runs."""

from __future__ import annotations

import json
import os
import re
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from published_helpers import copy_run, rows_of
from run_helpers import command, write_frames

from iracdb import Catalogue
from iracdb.errors import NotFound
from iracdb.irac.pipeline_versions import in_transition
from iracdb.irac.simulate import FrameSpec
from iracdb.published.audit.finding import CODES, SEVERITIES, Finding

DOCS = Path(__file__).parents[1] / "docs"


@pytest.fixture(scope="module")
def published(reference: Path) -> Path:
    """The folder of published runs."""
    return reference / "published_runs"


@pytest.fixture(scope="module")
def catalogue(
    published_runs_at: Callable[[str], str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Catalogue]:
    """All 21 runs."""
    place = str(tmp_path_factory.mktemp("audit") / "iracdb.sqlite")
    with Catalogue(published_runs_at(place), create=False) as opened:
        yield opened


@pytest.fixture(scope="module")
def found(catalogue: Catalogue) -> list[Finding]:
    """What the audit of all finds."""
    return catalogue.audit()


def of(found: list[Finding], code: str) -> dict[str, Finding]:
    """The findings of a code by run."""
    return {finding.run: finding for finding in found if finding.code == code}


def numbers(found: list[Finding], code: str, name: str) -> dict[str, object]:
    """One number of each finding of a code by run."""
    return {run: finding.numbers[name] for run, finding in of(found, code).items()}


# The 21 runs


def test_frames_counted_more_than_once(found: list[Finding], published: Path) -> None:
    times = Counter(row["Time[MJD]"] for row in rows_of(published / "run3_img_data.csv"))
    more = sum(count > 1 for count in times.values())
    assert (more, len(times), max(times.values())) == (5396, 7596, 3)
    twice = of(found, "frames-counted-twice")
    assert set(twice) == {"run3", "run6", "run10"}
    told = twice["run3"].numbers
    assert (told["counted_more_than_once"], told["frames"], told["most_often"]) == (5396, 7596, 3)
    assert round(told["percent"]) == 71
    assert "5,396 of 7,596 frames (71 %)" in twice["run3"].sentence
    assert twice["run6"].numbers["most_often"] == 6
    assert twice["run3"].severity == "error"


def test_mispaired_centres(found: list[Finding]) -> None:
    assert numbers(found, "mispaired-centres", "aors") == {
        "run1": 2, "run3": 3, "run5": 2, "run6": 6, "run10": 4, "run13": 2, "run17": 3, "run18": 4,
        "run20": 2, "hd_cryo_final": 7, "hd_warm_final": 97, "mk_test1": 163, "ngc2420_337": 39,
        "ngc2420_ch2": 39, "ngc2506_ch2": 5, "ngc2506_pV2": 4, "upperSco_final": 39,
    }  # fmt: skip
    largest = numbers(found, "mispaired-centres", "largest_relative")
    assert largest["hd_warm_final"] == pytest.approx(0.011, abs=0.0005)
    assert largest["ngc2420_337"] == pytest.approx(0.37, abs=0.005)
    finding = of(found, "mispaired-centres")["hd_warm_final"]
    assert finding.numbers["averages"] == 194
    assert len(finding.rows) == 97
    assert all(row["change_mjy"] for row in finding.rows)


def test_words_and_parameters_disagree(found: list[Finding]) -> None:
    (finding,) = of(found, "wrong-channel").values()
    assert (finding.run, finding.numbers) == ("ngc2420_ch2", {"said": [2], "channel": 1})
    assert "its aperture correction 1.12 is that of channel 2" in finding.sentence


def test_identical_tables(found: list[Finding], published: Path) -> None:
    content = {path.name: path.read_bytes() for path in published.glob("*.csv")}
    wanted = {}
    for name in {name.removesuffix("_img_data.csv") for name in content if "_img_" in name}:
        same = {
            (other.removesuffix(f"_{role}.csv"), role)
            for role in ("aor_data", "img_data")
            for other in content
            if other.endswith(f"_{role}.csv")
            and other != f"{name}_{role}.csv"
            and content[other] == content[f"{name}_{role}.csv"]
        }
        if same:
            wanted[name] = same
    assert set(wanted) == {"run1", "run5", "run13", "ngc2420_337", "ngc2420_ch2"}
    assert wanted["run5"] == {("run1", "img_data"), ("run13", "img_data"), ("run13", "aor_data")}
    told = {
        run: {(row["run"], row["table"]) for row in finding.rows}
        for run, finding in of(found, "identical-tables").items()
    }
    assert told == wanted


def test_repeated_aors(found: list[Finding], published: Path) -> None:
    assert numbers(found, "aor-repeated", "extra_rows") == {"run3": 3, "run6": 5, "run10": 5}
    keys = {
        run: [(row["aorkey"], row["times"]) for row in finding.rows]
        for run, finding in of(found, "aor-repeated").items()
    }
    assert keys["run6"] == [(41422592, 6)]
    assert keys["run10"] == [(41588736, 6)]
    assert {key for key, _ in keys["run3"]} == {15264000, 24290816}
    rows = rows_of(published / "run6_aor_data.csv")
    assert sum(row["AORKEY"] == "41422592" for row in rows) == 6


def test_aors_without_a_flux(found: list[Finding], published: Path) -> None:
    empty = of(found, "aor-without-flux")
    for run, finding in empty.items():
        rows = rows_of(published / f"{run}_aor_data.csv")
        listed = sum(row["Flux (mJy)"] == "nan" for row in rows)
        assert finding.numbers["listed"] == listed
        assert len(finding.rows) == finding.numbers["empty"]
    assert {run: f.numbers["empty"] for run, f in empty.items()} == {
        "run1": 6, "run5": 6, "run6": 1, "run9": 1, "run10": 1, "run13": 6, "run17": 1, "run18": 2,
        "run20": 6, "hd_cryo_final": 6, "hd_warm_final": 3, "mk_test1": 586, "mk_test2": 586,
        "ngc2420_337": 27, "ngc2420_ch2": 27, "ngc2506_ch2": 1, "ngc2506_pV2": 2,
        "upperSco_final": 1,
    }  # fmt: skip
    assert {run for run, f in empty.items() if not f.numbers["listed"]} == {
        "run1", "run5", "run6", "run9", "run10", "run13", "run17", "run18",
    }  # fmt: skip


def test_a_run_without_any_flux(found: list[Finding]) -> None:
    assert numbers(found, "no-flux-at-all", "averages") == {"run22": 1444}


def test_negative_fluxes(found: list[Finding], published: Path) -> None:
    wanted = {}
    for path in sorted(published.glob("*_aor_data.csv")):
        below = sum(float(row["Flux (mJy)"]) <= 0 for row in rows_of(path))
        if below:
            wanted[path.name.removesuffix("_aor_data.csv")] = below
    assert wanted == {"mk_test1": 5, "ngc2506_ch2": 1, "ngc2506_pV2": 3, "run18": 1}
    assert numbers(found, "negative-flux", "aors") == wanted


def test_outlying_fluxes(found: list[Finding], published: Path) -> None:
    fluxes = np.array(
        [float(row["Flux (mJy)"]) for row in rows_of(published / "hd_warm_final_aor_data.csv")]
    )
    fluxes = fluxes[np.isfinite(fluxes)]
    off = np.abs(fluxes - np.median(fluxes))
    far = np.sum(off > 10 * 1.4826 * np.median(off))
    assert numbers(found, "outlying-flux", "aors")["hd_warm_final"] == far == 5


def test_unlike_frames(found: list[Finding], published: Path) -> None:
    told = numbers(found, "unlike-frames", "aors")
    assert told == {
        "run6": 5, "run9": 3, "run10": 5, "run20": 3, "hd_cryo_final": 3, "hd_warm_final": 7,
    }  # fmt: skip
    kinds = Counter(
        (row["Read Mode"], float(row["FTime (sec)"]))
        for row in rows_of(published / "hd_warm_final_aor_data.csv")
    )
    usual, count = kinds.most_common(1)[0]
    assert (usual, sum(kinds.values()) - count) == (("FULL", 0.4), 7)
    finding = of(found, "unlike-frames")["hd_warm_final"]
    rows = finding.rows
    assert Counter((row["read_mode"], row["frame_time"]) for row in rows) == kinds - Counter(
        {usual: count}
    )
    # Named unasked, and what they do to the mean.
    keys = re.findall(r"\d{8}", finding.sentence)
    assert keys == [str(row["aorkey"]) for row in rows]
    fluxes = np.array(
        [
            [float(row["Flux (mJy)"]), (row["Read Mode"], float(row["FTime (sec)"])) == usual]
            for row in rows_of(published / "hd_warm_final_aor_data.csv")
        ]
    )
    fluxes = fluxes[np.isfinite(fluxes[:, 0])]
    alike = fluxes[fluxes[:, 1] == 1, 0]
    (means,) = finding.numbers["targets"]
    assert (means["fluxes_all"], means["fluxes_alike"]) == (191, 186) == (len(fluxes), len(alike))
    assert means["mean_all_mjy"] == pytest.approx(fluxes[:, 0].mean(), rel=1e-12)
    assert means["mean_alike_mjy"] == pytest.approx(alike.mean(), rel=1e-12)
    assert means["scatter_alike_mjy"] == pytest.approx(alike.std(ddof=1), rel=1e-12)
    assert finding.sentence.endswith(
        "the mean is 638.45 mJy over 191 fluxes, 647.35 mJy over the 186 alike"
    )
    for run in ("run20", "hd_cryo_final"):
        assert of(found, "unlike-frames")[run].sentence.endswith("that could move a mean")


def test_the_months_of_changing_set_points(found: list[Finding], published: Path) -> None:
    told = of(found, "transition")
    assert set(told) == {"run6", "run10", "hd_warm_final"}
    for run, finding in told.items():
        times = {
            float(row["Time[MJD]"])
            for row in rows_of(published / f"{run}_img_data.csv")
            if row["Res_Flux"] != "nan"
        }
        assert finding.numbers["frames"] == sum(map(in_transition, times)) == 30
        assert finding.numbers["averages"] == 6


def test_factors_and_responses_made_for_others(found: list[Finding]) -> None:
    assert numbers(found, "aperture-correction", "averages") == {
        "mk_test1": 858, "ngc2420_337": 37, "ngc2420_ch2": 45, "upperSco_final": 39,
    }  # fmt: skip
    for finding in of(found, "aperture-correction").values():
        factors = {row["applied"] / row["of_table"] - 1 for row in finding.rows}
        assert finding.numbers["largest_relative"] == max(map(abs, factors))
    sentence = of(found, "aperture-correction")["upperSco_final"].sentence
    assert "1.06 for the cryogenic mission in 39 averages, not 1.063 (0.28 %)" in sentence
    told = numbers(found, "off-aperture", "radii")
    # mk_test2 was made by another routine, run22 has no flux, run1 and run3 tell no radii.
    assert set(told) == {
        "run5", "run6", "run9", "run10", "run13", "run14", "run17", "run20", "hd_cryo_final",
        "hd_warm_final", "mk_test1", "ngc2506_pV2", "upperSco_final",
    }  # fmt: skip
    assert Counter(told.values()) == {"10 12 20": 11, "2 2 6": 1, "5 5 10": 1}


def test_fluxes_of_the_aor_before(found: list[Finding], published: Path) -> None:
    fluxes = [
        row["Flux (mJy)"]
        for row in rows_of(published / "mk_test2_aor_data.csv")
        if row["Flux (mJy)"] != "nan"
    ]
    assert (sum(a == b for a, b in pairwise(fluxes)), len(fluxes)) == (200, 858)
    (finding,) = of(found, "flux-repeated").values()
    assert finding.run == "mk_test2"
    assert finding.numbers == {"aors": 200, "measured": 858}
    assert len(finding.rows) == 200


def test_what_cannot_be_reproduced(found: list[Finding]) -> None:
    (finding,) = of(found, "not-reproducible").values()
    assert (finding.run, finding.numbers) == ("mk_test2", {"aors": 858})
    assert "another routine" in finding.sentence


def test_rejection_without_a_look(found: list[Finding]) -> None:
    assert numbers(found, "rejection-blind", "aors") == {
        "run5": 1, "run6": 72, "run9": 4, "run10": 59, "run13": 1, "run20": 1, "hd_cryo_final": 1,
        "hd_warm_final": 11,
    }  # fmt: skip
    for finding in of(found, "rejection-blind").values():
        assert all(row["spread_percent"] <= 2 for row in finding.rows)


def test_the_worst_comes_first(found: list[Finding]) -> None:
    order = [SEVERITIES.index(finding.severity) for finding in found]
    assert order == sorted(order)
    assert Counter(finding.severity for finding in found)["error"] == 27
    # Runs of the cryogenic mission, and those with their own mission's tables, are not accused.
    assert not of(found, "wrong-mission-tables")


# One run, and the command


def test_the_audit_of_named_runs(catalogue: Catalogue, found: list[Finding]) -> None:
    few = catalogue.audit("run3", 14)
    assert few == [finding for finding in found if finding.run in ("run3", "run14")]
    assert {finding.run for finding in few} == {"run3", "run14"}
    assert [finding.code for finding in catalogue.audit("run14")] == ["off-aperture"]
    with pytest.raises(NotFound):
        catalogue.audit("run4")


def test_the_command(published: Path, tmp_path: Path) -> None:
    for name in ("run14", "run18"):
        copy_run(published, tmp_path, name)
    location = str(tmp_path / "iracdb.sqlite")
    command(location, "import", tmp_path, folder=tmp_path)
    plain = command(location, "audit", "run18", "--rows", folder=tmp_path)
    assert plain.returncode == 0
    assert "1 of 4 fluxes are not positive, down to -0.1069 mJy" in plain.stdout
    assert "docs/audit.md" in plain.stderr
    assert "aorkey 17133824" in plain.stderr
    told = command(location, "audit", "--json", "--strict", folder=tmp_path)
    assert told.returncode == 1
    for finding in json.loads(told.stdout):
        assert list(finding) == [
            "code", "severity", "run_id", "run", "sentence", "numbers", "rows", "docs",
        ]  # fmt: skip
        assert finding["severity"] == CODES[finding["code"]].severity
        assert finding["docs"] == f"docs/audit.md#{finding['code']}"
        assert (finding["run_id"], finding["run"]) in {(18, "run18"), (14, "run14")}
    # What is only worth knowing is no fault.
    spoken = command(location, "audit", "14", "--strict", folder=tmp_path)
    assert spoken.returncode == 0
    assert "0 errors, 0 warnings, 1 note" in spoken.stderr
    with Catalogue(tmp_path / "iracdb.sqlite") as opened:
        opened.withdraw(14, "to be left out")
        opened.withdraw(18, "to be left out")
    quiet = command(location, "audit", "--strict", folder=tmp_path)
    assert quiet.returncode == 0
    assert "Nothing was found" in quiet.stderr


def test_every_code_has_its_section() -> None:
    text = (DOCS / "audit.md").read_text()
    headings = re.findall(r"^## (\S+)$", text, re.MULTILINE)
    assert headings == list(CODES)
    for section in text.split("\n## ")[1:]:
        code = CODES[section.split("\n")[0]]
        assert code.sentence in section
        assert f"**{code.severity}**" in section


# Runs made here


def frames(**changes: object) -> list[FrameSpec]:
    first = replace(FrameSpec(channel=1, aorkey=91000000, noise=False), **changes)
    return [replace(first, expid=n, mjd=first.mjd + n / 1000) for n in range(2)]


@pytest.fixture
def ours(any_location: str, tmp_path: Path) -> Iterator[Catalogue]:
    """A run of our own over two files, one superseded since."""
    write_frames(tmp_path / "archive", *frames(creator="S18.18.0"))
    with Catalogue(any_location) as opened:
        opened.ingest(tmp_path / "archive")
        opened.run()
        yield opened


def codes(catalogue: Catalogue) -> dict[str, dict[str, object]]:
    return {finding.code: finding.numbers for finding in catalogue.audit(1)}


METHOD = {"off-aperture", "off-centre", "other-version"}
"""What a run by the manual is told of its response, whatever its files."""


def test_a_run_of_ours_in_order(ours: Catalogue) -> None:
    assert codes(ours).keys() == METHOD
    assert {finding.severity for finding in ours.audit(1)} == {"note"}
    ours.run(recipe="handbook", mask=False, uncertainties=False, response="none")
    assert ours.audit(2) == []


def test_superseded_files_and_mixed_creators(ours: Catalogue, tmp_path: Path) -> None:
    newer = frames(creator="S19.2.0", version=2)[:1]
    write_frames(tmp_path / "newer", *newer)
    ours.ingest(tmp_path / "newer")
    (finding,) = [one for one in ours.audit() if one.code not in METHOD]
    assert (finding.code, finding.numbers) == ("superseded-files", {"files": 1})
    assert [(row["version"], row["newer"]) for row in finding.rows] == [(1, 2)]
    mixed = ours.run(allow_mixed_calibration=True)
    fluxconv, finding = [one for one in ours.audit(mixed.run_id) if one.code not in METHOD]
    assert fluxconv.code == "mixed-fluxconv"
    assert (finding.code, finding.numbers) == ("mixed-creators", {"averages": 1})
    assert "S18.18.0" in finding.rows[0]["creators"]
    assert "S19.2.0" in finding.rows[0]["creators"]


def test_files_gone_and_changed(ours: Catalogue, tmp_path: Path) -> None:
    first, second = sorted((tmp_path / "archive").rglob("*.fits"))
    first.unlink()
    os.utime(second, (1, 1))
    found = codes(ours)
    assert found["files-gone"] == {"files": 1, "inputs": 2}
    assert found["files-changed"] == {"files": 1, "inputs": 2}
