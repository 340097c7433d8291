"""Runs that another engine corrects: recorded, resumed, verified, refused."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from built_once import Beginnings
from engine_helpers import BOTH, CRYO
from iracdb_cli.main import main
from run_helpers import images, select, write_frames

from iracdb import Catalogue
from iracdb.engines.gdl import GdlResponse, gdl_version
from iracdb.errors import EngineFailed, RunRefused, UsageError
from iracdb.irac.simulate import FrameSpec

WARM, COLD = 56000.0, 54000.0
OPTIONS: dict[str, Any] = {"channel": 1}


@pytest.fixture(scope="module")
def ingested(
    tmp_path_factory: pytest.TempPathFactory, begun_with: Beginnings
) -> Callable[[str], str]:
    """Puts a catalogue of three frames of each mission where a new one may be made."""
    folder = tmp_path_factory.mktemp("engines") / "archive"
    places = [(127.3, 128.6), (60.2, 190.9), (200.6, 40.1)]
    write_frames(
        folder,
        *(
            FrameSpec(channel=1, aorkey=aorkey, mjd=mjd, expid=expid, x=x, y=y, noise=False)
            for aorkey, mjd in ((91000000, COLD), (91000256, WARM))
            for expid, (x, y) in enumerate(places)
        ),
    )

    def fill(place: str) -> None:
        with Catalogue(place) as made:
            made.ingest(folder)

    return lambda location: begun_with(location, fill)


@pytest.fixture
def catalogue(any_location: str, ingested: Callable[[str], str], gdl: str) -> Iterator[Catalogue]:
    """The catalogue, in both kinds of database."""
    with Catalogue(ingested(any_location), create=False) as opened:
        yield opened


@pytest.fixture
def plain(tmp_path: Path, ingested: Callable[[str], str], gdl: str) -> Iterator[Catalogue]:
    """The same in SQLite alone, for what no database has a part in."""
    location = ingested(str(tmp_path / "plain.sqlite"))
    with Catalogue(location, create=False) as opened:
        yield opened


def test_gdl_gives_what_native_gives_and_the_run_records_it(catalogue: Catalogue) -> None:
    native = images(catalogue, catalogue.run(run_id=5, **OPTIONS))
    run = catalogue.run(run_id=6, engine="gdl", idl_source=BOTH, **OPTIONS)
    for one, other in zip(native, images(catalogue, run), strict=True):
        assert other["corrected"] == pytest.approx(one["corrected"], rel=1e-14)
        for name in ("array_location_factor", "pixel_phase_factor"):
            assert other[name] == pytest.approx(one[name], rel=1e-14)
    recorded = run.parameters
    assert (recorded["engine"], recorded["engine_version"]) == ("gdl", gdl_version())
    (held,) = select(
        catalogue, "SELECT c.* FROM calibration c JOIN run r ON r.response_id = c.id "
        "WHERE r.run_id = 6"
    )  # fmt: skip
    assert recorded["response_coefficients"] == held["sha256"]
    assert (held["kind"], held["name"]) == ("response", "irac_aphot_corr")
    assert str(BOTH) in held["origin"] and recorded["idl_source"] in held["origin"]
    content = held["content"] if isinstance(held["content"], dict) else json.loads(held["content"])
    assert content["source_sha256"] == recorded["idl_source"]
    assert len(content["params"]["warm"]) == 4


def test_why_finds_no_more_than_rounding_between_engines(plain: Catalogue) -> None:
    plain.run(run_id=5, **OPTIONS)
    plain.run(run_id=6, engine="gdl", idl_source=BOTH, **OPTIONS)
    found = plain.why(5, 91000256, 6)
    assert found.telling == ()
    compared = plain.compare(5, 6)
    made = {each.name: (each.a, each.b) for each in compared.made_by.parameters}
    assert made["engine"] == ("native", "gdl")
    assert "response" not in made


def test_an_engine_is_asked_once_for_an_aor(
    plain: Catalogue, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[int] = []
    whole = GdlResponse._carry_out

    def counted(self: GdlResponse, x: Any, y: Any, calls: Any) -> Any:
        asked.append(x.size)
        return whole(self, x, y, calls)

    monkeypatch.setattr(GdlResponse, "_carry_out", counted)
    plain.run(run_id=6, engine="gdl", idl_source=BOTH, **OPTIONS)
    # First the coefficients, then three images of either AOR.
    assert asked == [1, 3, 3]


def test_verify_needs_the_same_source(
    plain: Catalogue, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("IRACDB_IDL_SOURCE", raising=False)
    plain.run(run_id=6, engine="gdl", idl_source=BOTH, **OPTIONS)
    with pytest.raises(RunRefused, match=r"cannot be measured again .* IRACDB_IDL_SOURCE"):
        plain.verify(6)
    assert plain.verify(6, idl_source=BOTH).verdict == "exact"
    monkeypatch.setenv("IRACDB_IDL_SOURCE", str(BOTH))
    assert plain.verify(6).exact
    other = tmp_path / "other.pro"
    other.write_bytes(Path(BOTH).read_bytes().replace(b"0.039129220", b"0.039129230"))
    found = plain.verify(6, idl_source=other)
    assert found.verdict == "differs"
    changed = {name for name, _, _ in found.environment}
    assert {"response coefficients", "IDL source"} <= changed


def test_tables_that_a_source_lacks_are_refused_before_anything_is_measured(
    plain: Catalogue, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["--db", str(tmp_path / "plain.sqlite"), "run", "--run-id", "6", "--channel", "1",
             "--no-tables", "--engine", "gdl", "--idl-source", str(CRYO)]  # fmt: skip
    assert main(words) == 3
    assert capsys.readouterr().err == (
        "iracdb: IRAC_APHOT_CORR_CRYO has no tables of warm, by which 3 frames would be "
        "corrected: give another source, or --response, of which it has cryo, hora, reach\n"
    )
    assert plain.runs().rows == []
    run = plain.run(run_id=6, aors=[91000000], engine="gdl", idl_source=CRYO, **OPTIONS)
    assert run.state == "finished"


def test_an_engine_that_fails_leaves_a_run_to_go_on_with(
    catalogue: Catalogue, tmp_path: Path
) -> None:
    source = tmp_path / "irac_aphot_corr.pro"
    lines = Path(BOTH).read_text().splitlines(keepends=True)
    begins = next(i for i, line in enumerate(lines) if line.startswith("FUNCTION irac_aphot_corr"))
    body = next(i for i in range(begins, len(lines)) if not lines[i].rstrip().endswith("$")) + 1
    # The coefficients are asked for with one position: that works, a block does not.
    lines.insert(body, "  IF N_ELEMENTS(observed_flux) GT 1 THEN MESSAGE, 'out of order'\n")
    source.write_text("".join(lines))
    with pytest.raises(EngineFailed, match="out of order"):
        catalogue.run(run_id=6, engine="gdl", idl_source=source, **OPTIONS)
    assert catalogue.get(6).state == "running"
    with pytest.raises(RunRefused, match="idl_source is"):
        catalogue.run(run_id=6, engine="gdl", idl_source=BOTH, **OPTIONS)


def test_words_without_a_source(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("IRACDB_IDL_SOURCE", raising=False)
    write_frames(tmp_path / "archive", FrameSpec(channel=1, subarray=False))
    with Catalogue(tmp_path / "iracdb.sqlite") as catalogue:
        catalogue.ingest(tmp_path / "archive")
        with pytest.raises(UsageError, match="--idl-source or IRACDB_IDL_SOURCE"):
            catalogue.plan(engine="gdl", channel=1)
