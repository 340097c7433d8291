"""Colours: two runs joined by AOR or by time, with ratios and magnitudes by plain numbers."""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from iracdb_cli.main import main
from published_helpers import copy_run, rows_of
from run_helpers import averages
from sqlalchemy import update

from iracdb import Catalogue
from iracdb.catalogue import tables as t
from iracdb.compare.colour import colour_of
from iracdb.errors import NotFound, RunRefused, UsageError
from iracdb.irac.simulate import FrameSpec, write_series

DAY = 56_000.0
VEGA = {1: 280.9, 2: 179.7}


def cubes(channel: int, aorkey: int, day: float, number: int, **changes: Any) -> list[FrameSpec]:
    flux = {1: 300.0, 2: 200.0}[channel]
    told = {"flux_mjy": flux, "target": "SIM A", "subarray": True, "frame_time": 0.4} | changes
    return [
        FrameSpec(channel=channel, aorkey=aorkey, dcenum=n, mjd=DAY + day + n * 1e-3, **told)
        for n in range(number)
    ]


ARCHIVE = [
    # One AOR in both channels; the star of channel 2 is nearer in time elsewhere.
    *cubes(1, 91_000_000, 0.0, 3),
    *cubes(2, 91_000_000, 0.3, 2),
    # AORs of their own, 0.1 and 0.2 d apart from one of channel 1; and one far from everything.
    *cubes(1, 91_000_256, 10.0, 2),
    *cubes(2, 91_000_512, 10.2, 2),
    *cubes(2, 91_000_768, 10.1, 1),
    *cubes(2, 91_001_024, 50.0, 2),
    # A second star, in one AOR.
    *cubes(1, 91_001_280, 20.0, 2, target="SIM B", ra=100.0),
    *cubes(2, 91_001_280, 20.0, 2, target="SIM B", ra=100.0, flux_mjy=400.0),
    # A star that the other channel has not seen.
    *cubes(2, 91_001_536, 30.0, 1, target="SIM C", ra=10.0),
]


@dataclass
class Held:
    catalogue: Catalogue
    location: str


@pytest.fixture(scope="module")
def held(module_database: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Held]:
    folder = tmp_path_factory.mktemp("colour")
    write_series(folder / "archive", ARCHIVE)
    url = module_database.url
    location = (
        str(url.database)
        if module_database.dialect == "sqlite"
        else url.render_as_string(hide_password=False)
    )
    with Catalogue(location) as catalogue:
        catalogue.ingest(folder / "archive")
        for number, channel in ((1, 1), (2, 2)):
            catalogue.run(number, channel=channel, radius=(3, 3, 7))
        catalogue.run(3, channel=2, radius=(3, 3, 7), target="SIM C", aors=[91_001_536],
                      coord="10.0 66.0")  # fmt: skip
        yield Held(catalogue, location)


def test_what_is_joined(held: Held) -> None:
    made = held.catalogue.colour(1, "run2")
    assert [(row.target, row.aorkey_a, row.aorkey_b, row.joined_by) for row in made.rows] == [
        ("SIM A", 91_000_000, 91_000_000, "AOR"),
        ("SIM A", 91_000_256, 91_000_768, "time"),
        ("SIM B", 91_001_280, 91_001_280, "AOR"),
    ]
    assert (made.alone_a, made.alone_b) == (0, 3)
    assert made.title == "[3.6]-[4.5]"
    # Each average is used once: the nearer of two is taken, the other is left.
    assert len({row.aorkey_b for row in made.rows}) == 3


def test_numbers(held: Held) -> None:
    of_a = {row["aorkey"]: row for row in averages(held.catalogue, held.catalogue.get(1))}
    of_b = {row["aorkey"]: row for row in averages(held.catalogue, held.catalogue.get(2))}
    for row in held.catalogue.colour(1, 2).rows:
        a, b = of_a[row.aorkey_a], of_b[row.aorkey_b]
        assert (row.flux_a, row.flux_b) == (a["flux"], b["flux"])
        assert (row.bjd_a, row.mjd_b) == (a["bjd_mid"], b["mjd_mid"])
        assert row.error_a == a["standard_error"]
        assert row.error_from_a == "standard error"
        # Of one image alone there is no scatter.
        one = b["n_workable"] == 1
        assert row.error_from_b == ("expected noise" if one else "standard error")
        assert row.error_b == b["expected_noise" if one else "standard_error"]
        relative = math.sqrt((row.error_a / row.flux_a) ** 2 + (row.error_b / row.flux_b) ** 2)
        assert row.ratio == pytest.approx(a["flux"] / b["flux"], rel=1e-14)
        assert row.ratio_error == pytest.approx(row.ratio * relative, rel=1e-12)
        magnitudes = [
            -2.5 * math.log10(flux / 1000 / VEGA[channel])
            for channel, flux in ((1, a["flux"]), (2, b["flux"]))
        ]
        assert row.colour == pytest.approx(magnitudes[0] - magnitudes[1], abs=1e-12)
        assert row.colour_error == pytest.approx(2.5 / math.log(10) * relative, rel=1e-12)
    # As simulated, up to what apertures without their own table leave.
    colours = {row.target: row.colour for row in held.catalogue.colour(1, 2).rows}
    truth = -2.5 * math.log10(300 / 200 / (VEGA[1] / VEGA[2]))
    assert colours["SIM A"] == pytest.approx(truth, abs=0.03)
    assert colours["SIM B"] - colours["SIM A"] == pytest.approx(2.5 * math.log10(2), abs=0.01)


def test_the_other_way_round(held: Held) -> None:
    there, back = held.catalogue.colour(1, 2), held.catalogue.colour(2, 1)
    assert back.title == "[4.5]-[3.6]"
    assert [row.colour for row in back.rows] == pytest.approx([-row.colour for row in there.rows])
    assert (back.alone_a, back.alone_b) == (there.alone_b, there.alone_a)


def test_nearest_in_time(held: Held) -> None:
    assert len(held.catalogue.colour(1, 2, within=0.05).rows) == 2
    far = held.catalogue.colour(1, 2, within=100, target="sim_a")
    assert [(row.aorkey_a, row.aorkey_b) for row in far.rows] == [
        (91_000_000, 91_000_000), (91_000_256, 91_000_768),
    ]  # fmt: skip
    assert (far.alone_a, far.alone_b) == (0, 2)
    with pytest.raises(UsageError, match="takes days"):
        held.catalogue.colour(1, 2, within=-1)
    with pytest.raises(UsageError, match="takes days"):
        held.catalogue.colour(1, 2, within=math.nan)


def test_what_is_refused(held: Held, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(RunRefused, match="run2 and run3 are both of channel 2"):
        held.catalogue.colour(2, 3)
    with pytest.raises(NotFound, match="no target in common: SIM A, SIM B; SIM C"):
        held.catalogue.colour(1, 3)
    with pytest.raises(NotFound, match="no target 'SIM C' in common; they have SIM A, SIM B"):
        held.catalogue.colour(1, 2, target="SIM C")
    assert main(["colour", "1", "9", "--db", held.location]) == 3
    assert "There is no run 9" in capsys.readouterr().err
    assert main(["colour", "1", "1", "--db", held.location]) == 3


def test_nothing_near_enough_and_withdrawn_and_unfinished(tmp_path: Path) -> None:
    write_series(tmp_path / "a", [*cubes(1, 91_000_000, 0, 1), *cubes(2, 91_000_256, 3, 1)])
    with Catalogue(tmp_path / "iracdb.sqlite") as catalogue:
        catalogue.ingest(tmp_path / "a")
        for channel in (1, 2):
            catalogue.run(channel, channel=channel, radius=(3, 3, 7))
        with pytest.raises(NotFound, match=r"nothing within 0\.5 days: allow more with --within"):
            catalogue.colour(1, 2)
        catalogue.withdraw(1, reason="a test")
        assert "withdrawn" in catalogue.colour(1, 2, within=4).notes[0]
        with catalogue._database.write() as connection:
            connection.execute(update(t.aor_result).values(flux=-1.0))
        (row,) = catalogue.colour(1, 2, within=4).rows
        assert (row.ratio, row.colour, row.colour_error) == (1.0, None, None)
        with catalogue._database.write() as connection:
            connection.execute(update(t.run).values(state="running"))
        with pytest.raises(RunRefused, match="is not finished"):
            catalogue.colour(1, 2)
    assert colour_of(0.0, 1.0, 1, 2) is None
    assert colour_of(math.nan, 1.0, 1, 2) is None
    assert colour_of(280.9, 179.7, 1, 2) == pytest.approx(0.0, abs=1e-15)


def test_the_command(held: Held, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["colour", "1", "2", "--db", held.location]
    made = held.catalogue.colour(1, 2)
    assert main([*words, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found == [vars(row) for row in made.rows]
    assert main([*words, "--csv"]) == 0
    out, err = capsys.readouterr()
    rows = list(csv.DictReader(io.StringIO(out)))
    assert [float(row["colour"]) for row in rows] == [row.colour for row in made.rows]
    assert err == "3 averages of run2 without a like in the other run\n"
    assert main([*words, "--target", "SIM B"]) == 0
    out, err = capsys.readouterr()
    assert "[3.6]-[4.5]" in out
    assert f"{made.rows[2].colour:+.4f}" in out
    assert err == ""


def test_imported_runs_have_colours_too(reference: Path, any_location: str, tmp_path: Path) -> None:
    for name in ("run9", "run13"):
        copy_run(reference / "published_runs", tmp_path, name)
    printed = {
        name: {row["AORKEY"]: row for row in rows_of(tmp_path / f"{name}_aor_data.csv")}
        for name in ("run9", "run13")
    }
    shared = [key for key in printed["run13"] if key in printed["run9"]]
    with Catalogue(any_location) as catalogue:
        catalogue.import_runs(tmp_path)
        made = catalogue.colour("run13", "run9")
        by_aor = [row for row in made.rows if row.joined_by == "AOR"]
        assert sorted(str(row.aorkey_a) for row in by_aor) == sorted(shared)
        assert len(shared) > 100
        for row in by_aor:
            one, other = (printed[name][str(row.aorkey_a)] for name in ("run13", "run9"))
            a, b = float(one["Flux (mJy)"]), float(other["Flux (mJy)"])
            assert row.colour == pytest.approx(-2.5 * math.log10(a / b / (280.9 / 179.7)))
            assert row.bjd_a is None
            assert row.error_from_a in ("scatter", None)
        # An A star, whose colour is near to zero, as magnitudes by Vega go.
        assert sorted(row.colour for row in by_aor)[len(by_aor) // 2] == pytest.approx(0, abs=0.05)
