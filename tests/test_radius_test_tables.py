"""The tables of a radius test: the published form to the byte, the agreement, the growth."""

from __future__ import annotations

import csv
import io
import math
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from astropy.table import QTable
from built_once import Beginnings
from iracdb_cli.main import main
from run_helpers import csv_files, read_csv, write_frames

from iracdb import Catalogue
from iracdb.errors import NotFound, RunRefused, UsageError
from iracdb.export.csv_tables import csv_text
from iracdb.export.radius_tables import RadiusTables, best_columns, cell_of
from iracdb.export.study_files import study_file_names
from iracdb.irac.handbook import APERTURE_CORRECTION
from iracdb.irac.simulate import FrameSpec
from iracdb.runs.combinations import Combination
from iracdb.runs.radius_results import Cell, Line, RadiusResults, best_of
from iracdb.runs.studies import Member, Study

LABELS = [Combination(radii).label for radii in APERTURE_CORRECTION]
_CELL = re.compile(r"(\S+) \+- (\S+), (\S+)%")
nan = math.nan

# The published form


@pytest.mark.parametrize("name", ["rad_test_bd_warm", "rad_test_hd_cryo"])
def test_a_published_table_is_made_again_to_the_byte(reference: Path, name: str) -> None:
    content = (reference / "radius_tests" / f"{name}.csv").read_bytes()
    titles, *lines = csv.reader(io.StringIO(content.decode(), newline=""))
    columns = best_columns(LABELS)
    assert [column.title for column in columns] == titles
    rows: list[tuple[Any, ...]] = []
    for aorkey, mjd, *cells, _ in lines:
        numbers = []
        for cell in cells:
            found = _CELL.fullmatch(cell)
            assert found is not None
            numbers.append(tuple(map(float, found.groups())))
        best = best_of([spread for _, _, spread in numbers])
        assert best is not None
        told = [cell_of(*three) for three in numbers]
        rows.append((int(aorkey), float(mjd), *told, LABELS[best]))
    assert len(rows) > 30
    assert csv_text(columns, rows).encode() == content


def test_the_published_cells_are_those_of_a_published_run(reference: Path) -> None:
    """run20 was measured through 10 12 20: its numbers, which are not rounded, give the cells."""
    aors = {
        row["AORKEY"]: row
        for row in read_csv((reference / "published_runs" / "run20_aor_data.csv").read_bytes())
    }
    table = read_csv((reference / "radius_tests" / "rad_test_hd_cryo.csv").read_bytes())
    for row in table:
        run = aors[row["AORKEY"]]
        cell = Cell(float(run["Flux (mJy)"]), float(run["Error (mJy)"]), 1.0, 5)
        assert cell_of(cell.flux, cell.error, cell.spread) == row["(10, 12, 20)"]
        assert repr(float(run["Time (MJD)"])) == row["Time (MJD)"]
    # They stand in the order of their keys, not of their times.
    keys, times = ([float(row[title]) for row in table] for title in ("AORKEY", "Time (MJD)"))
    assert keys == sorted(keys)
    assert times != sorted(times)


def test_the_least_spread() -> None:
    assert best_of([0.3, 0.2, 0.4]) == 1
    assert best_of([0.3, 0.2, 0.2]) == 1
    assert best_of([nan, 0.2, nan, 0.1]) == 3
    assert best_of([-0.1, 0.05]) == 1
    assert best_of([-0.01, 0.05]) == 0
    assert best_of([nan, nan]) is None
    assert best_of([]) is None


# What is made of numbers


def member(label: str, number: int) -> Member:
    class Row:
        run_id = number
        withdrawn_at = None
        state = "finished"

    return Member(label, Row())  # type: ignore[arg-type]


def made(*lines: Line) -> RadiusTables:
    radii = ((10.0, 12.0, 20.0), (5.0, 5.0, 10.0), (5.0, 12.0, 20.0), (2.0, 2.0, 6.0))
    members = tuple(member(Combination(each).label, 7 + n) for n, each in enumerate(radii))
    study = Study("a", "radius-test", None, "2020-01-01", members)
    return RadiusTables(RadiusResults(study, members, radii, lines))


FULL = Line(1, "A", "g", 55000.5, (Cell(100, 1, 1.0, 5), Cell(101, 0.5, 1.01, 5),
                                   Cell(98, 0.5, 1.02, 4), Cell(104, 2, 1.3, 5)))  # fmt: skip
SUBARRAY = Line(2, "B", "g", None, (Cell(), Cell(50, 1, 1.06, 9), Cell(), Cell(49, 1, 1.2, 8)))
EMPTY = Line(3, "C", "g", 55001.0, (Cell(),) * 4)


def test_agreement_is_against_10_12_20_else_the_largest() -> None:
    results = made(FULL, SUBARRAY, EMPTY).results
    assert [results.reference(line) for line in results.lines] == [0, 1, None]
    assert results.relative(FULL) == pytest.approx((0, 1, -2, 4))
    assert results.relative(SUBARRAY)[1::2] == pytest.approx((0, -2))
    assert all(map(math.isnan, (*results.relative(SUBARRAY)[::2], *results.relative(EMPTY))))
    assert results.disagreement(FULL) == pytest.approx(6)
    assert results.disagreement(SUBARRAY) == pytest.approx(2)
    assert math.isnan(results.disagreement(EMPTY))
    assert (results.extremes(FULL), results.extremes(EMPTY)) == ((2, 3), None)


def test_a_single_flux_disagrees_with_nothing() -> None:
    alone = Line(4, "D", "g", 1.0, (Cell(), Cell(50, 1, 1.06, 9), Cell(), Cell()))
    results = made(alone).results
    assert math.isnan(results.disagreement(alone))
    assert results.extremes(alone) is None
    assert results.relative(alone)[1] == 0


def test_over_all_keeps_references_apart() -> None:
    second = replace(FULL, aorkey=5, cells=(Cell(10, 0.01, 1.0, 5), Cell(10.3, 0.5, 1.01, 5),
                                            Cell(), Cell(9.8, 2, 1.3, 5)))  # fmt: skip
    over = made(FULL, SUBARRAY, EMPTY, second).results.over_all()
    assert [(one.reference, one.place) for one in over] == [
        (reference, place) for reference in (0, 1) for place in range(4)
    ]
    by_place = {(one.reference, one.place): one for one in over}
    one = by_place[0, 1]
    assert (one.compared, one.mean, one.scatter, one.least, one.most, one.best) == pytest.approx(
        (2, 2.0, 1.0, 1.0, 3.0, 1)
    )
    assert by_place[0, 3].scatter == pytest.approx(3.0)
    assert by_place[0, 2].compared == 1
    assert by_place[0, 0].best == 1
    empty = by_place[1, 0]
    assert empty.compared == 0
    assert math.isnan(empty.mean)


def test_rows_of_the_tables() -> None:
    tables = made(FULL, SUBARRAY, EMPTY)
    assert tables.csv("best").splitlines() == [
        'AORKEY,Time (MJD),"(10, 12, 20)","(5, 5, 10)","(5, 12, 20)","(2, 2, 6)",Best Combination',
        '1,55000.5,"100.000 +- 1.000, 1.000%","101.000 +- 0.500, 0.495%",'
        '"98.000 +- 0.500, 0.510%","104.000 +- 2.000, 1.923%","(5, 5, 10)"',
        '2,nan,"nan +- nan, nan%","50.000 +- 1.000, 2.000%",'
        '"nan +- nan, nan%","49.000 +- 1.000, 2.041%","(5, 5, 10)"',
        '3,55001.0,"nan +- nan, nan%","nan +- nan, nan%","nan +- nan, nan%","nan +- nan, nan%",--',
    ]
    agreement = read_csv(tables.csv("agreement"))
    assert [row["Reference"] for row in agreement] == ["(10, 12, 20)", "(5, 5, 10)", "--"]
    assert agreement[0]["Lowest"] == "(5, 12, 20)"
    assert agreement[0]["(2, 2, 6) (%)"] == "4.0"
    assert agreement[2]["Largest Disagreement (%)"] == "nan"


def test_the_curve_of_growth() -> None:
    rows = read_csv(made(FULL, SUBARRAY, EMPTY).csv("growth"))
    assert len(rows) == 12
    assert [row["Run"] for row in rows[:4]] == ["7", "8", "9", "10"]
    last = rows[3]
    assert (last["Radius (pix)"], last["Inner Radius (pix)"], last["Outer Radius (pix)"]) == (
        "2.0", "2.0", "6.0",
    )  # fmt: skip
    assert float(last["Uncorrected Flux (mJy)"]) == pytest.approx(80)
    assert float(last["Uncorrected / Largest"]) == pytest.approx(0.8)
    assert float(last["Flux / Largest"]) == pytest.approx(1.04)
    # On the subarray the largest aperture is the largest that fits.
    assert rows[5]["Flux / Largest"] == "1.0"
    assert float(rows[7]["Uncorrected / Largest"]) == pytest.approx(49 / 1.2 / (50 / 1.06))
    assert rows[4]["Flux / Largest"] == rows[8]["Flux / Largest"] == "nan"
    assert rows[2]["Images"] == "4"


def test_rows_of_one_aor_are_told_apart_by_what_differs() -> None:
    def titles(*lines: Line) -> list[str]:
        return made(*lines).csv("best").splitlines()[0].split(",")[1:3]

    assert titles(FULL, SUBARRAY) == ["Time (MJD)", '"(10']
    assert titles(FULL, replace(FULL, group="h")) == ["Frame Group", "Time (MJD)"]
    assert titles(FULL, replace(FULL, target="B")) == ["Target", "Time (MJD)"]
    assert titles(FULL, replace(FULL, target="B", group="h")) == ["Target", "Frame Group"]
    assert titles(FULL, FULL) == ["Target", "Time (MJD)"]


def test_tables_that_are_none() -> None:
    for method in (made(FULL).csv, made(FULL).table):
        with pytest.raises(UsageError, match="There is no table 'x'"):
            method("x")  # type: ignore[arg-type]


# Of a catalogue


def frames() -> list[FrameSpec]:
    one = FrameSpec(channel=1, aorkey=93000000, x=127.3, y=126.8, flux_mjy=30.0, frame_time=12.0)
    return [replace(one, expid=n, x=one.x + n / 7, mjd=one.mjd + n) for n in range(3)]


@pytest.fixture
def catalogue(
    any_location: str, begun_with: Beginnings, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Catalogue]:
    def fill(place: str) -> None:
        folder = tmp_path_factory.mktemp("archive")
        write_frames(folder, *frames())
        with Catalogue(place) as made:
            made.ingest(folder)
            made.radius_test(200, channel=1, study="hd")

    with Catalogue(begun_with(any_location, fill), create=False) as opened:
        yield opened


def place(catalogue: Catalogue) -> str:
    url = catalogue._database.url
    return str(url.database) if url.get_backend_name() == "sqlite" else url.render_as_string(False)


def test_a_study_is_exported(catalogue: Catalogue, tmp_path: Path) -> None:
    out = tmp_path / "out"
    written = catalogue.export_study("HD", out, formats=("csv", "ecsv"))
    names = [path.name for path in written]
    assert names == study_file_names("hd", ("csv", "ecsv"))
    assert names == [
        "hd.csv", "hd_agreement.csv", "hd_agreement_over_all.csv", "hd_growth.csv",
        "hd_agreement.ecsv", "hd_agreement_over_all.ecsv", "hd_growth.ecsv",
    ]  # fmt: skip
    files = csv_files(out)
    (row,) = read_csv(files["hd.csv"])
    assert list(row) == ["AORKEY", "Time (MJD)", *LABELS, "Best Combination"]
    spreads = []
    for number, label in zip(range(200, 210), LABELS, strict=True):
        run = catalogue.get(number)
        (flux,), (error,), (spread,) = (
            run.aor_data[title].value for title in ("Flux (mJy)", "Error (mJy)", "Spread (%)")
        )
        assert row[label] == f"{flux:.3f} +- {error:.3f}, {spread:.3f}%"
        spreads.append(spread)
    assert row["Best Combination"] == LABELS[spreads.index(min(spreads))]
    # Units stand in the ECSV, and the numbers are those of the CSV.
    growth = QTable.read(out / "hd_growth.ecsv", format="ascii.ecsv")
    assert str(growth["Flux (mJy)"].unit) == "mJy"
    assert [repr(float(each)) for each in growth["Flux (mJy)"].value] == [
        each["Flux (mJy)"] for each in read_csv(files["hd_growth.csv"])
    ]
    assert growth.meta["runs"] == "200 to 209"
    # Each run knows what was written of it; withdrawing tells.
    done = catalogue.withdraw(204, "why not", dry_run=True)
    assert [each[0] for each in done.resting.studies.rows] == ["hd"] * 10
    assert len(done.resting.exports.rows) == 1
    # The same once more is no overwriting; something else is in the way.
    catalogue.export_study("hd", out)
    (out / "hd.csv").write_text("mine")
    assert main(["export-study", "hd", "--out", str(out), "--db", place(catalogue)]) == 6
    assert main(
        ["export-study", "hd", "--out", str(out), "--overwrite", "--db", place(catalogue)]
    ) == 0  # fmt: skip
    assert csv_files(out)["hd.csv"] == files["hd.csv"]


def test_a_withdrawn_run_is_left_out_and_told(
    catalogue: Catalogue, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    catalogue.withdraw(200, "a wrong\ncorrection")
    words = ["export-study", "hd", "--db", place(catalogue), "--out"]
    assert main([*words, str(tmp_path / "a")]) == 0
    said = capsys.readouterr().err
    assert re.search(r"Run 200 \(10, 12, 20\) was withdrawn on .* UTC: a wrong correction", said)
    assert "left out (--all shows it)" in said
    (row,) = read_csv(csv_files(tmp_path / "a")["hd.csv"])
    assert list(row)[2:-1] == LABELS[1:]
    agreement = read_csv(csv_files(tmp_path / "a")["hd_agreement.csv"])
    assert agreement[0]["Reference"] == "(8, 12, 20)"
    assert main([*words, str(tmp_path / "b"), "--all"]) == 0
    said = capsys.readouterr().err
    assert "Run 200 (10, 12, 20) was withdrawn" in said
    assert "left out" not in said
    (row,) = read_csv(csv_files(tmp_path / "b")["hd.csv"])
    assert list(row)[2:-1] == LABELS
    assert main(["study", "hd", "--db", place(catalogue)]) == 0
    assert "Run 200 (10, 12, 20) was withdrawn" in capsys.readouterr().err
    assert catalogue.studies().rows[0][6] == 1
    catalogue.restore(200)
    assert len(catalogue.study("hd").results.members) == 10


def test_what_is_no_study(catalogue: Catalogue) -> None:
    with pytest.raises(NotFound, match="There is no study x: there is hd"):
        catalogue.study("x")
    for number in range(200, 210):
        catalogue.withdraw(number, "all of them")
    with pytest.raises(RunRefused, match="All runs of the study hd are withdrawn"):
        catalogue.study("hd")
    assert len(catalogue.study("hd", withdrawn=True).results.members) == 10


def test_several_targets_in_one_aor(catalogue: Catalogue, tmp_path: Path) -> None:
    average = catalogue.get(200).averages()[0]
    ra, dec = average.target_ra, average.target_dec
    path = tmp_path / "targets.csv"
    path.write_text(
        f"AOR Filepath,Target Coordinates\n93000000,{ra} {dec}\n93000000,{ra} {dec + 0.01}\n"
    )
    tables = catalogue.radius_test(300, channel=1, targets=path, target="Here")
    assert len(tables.results.lines) == 2
    assert [column.title for column in tables.columns("best")][:3] == [
        "AORKEY", "Target", "Time (MJD)",
    ]  # fmt: skip
    assert len({row[1] for row in tables.rows("best")}) in (1, 2)
    assert len(tables.rows("growth")) == 20


def test_a_study_is_in_the_lineage_and_in_a_frozen_run(
    catalogue: Catalogue, tmp_path: Path
) -> None:
    name = catalogue.sql("SELECT path FROM file_location ORDER BY path LIMIT 1").rows[0][0]
    found = catalogue.lineage(file=name)
    (study,) = found.of_kind("study")
    assert study["label"] == "hd"
    assert [run["run_id"] for run in study["attributes"]["runs"]] == list(range(200, 210))
    frozen = tmp_path / "run204.sqlite"
    assert main(["freeze", "204", str(frozen), "--db", place(catalogue)]) == 0
    with Catalogue(frozen) as opened:
        assert [row[0] for row in opened.studies().rows] == ["hd"]
        assert opened.study("hd").results.labels == ("(5, 5, 10)",)
