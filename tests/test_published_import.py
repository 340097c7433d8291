"""Importing the runs of 2018 and writing them back, in both kinds of database."""

from __future__ import annotations

import contextlib
import csv
import gc
import hashlib
import json
import multiprocessing
import subprocess
from collections import Counter
from collections.abc import Iterator
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from typing import Any

import pytest
from helpers import iracdb
from published_helpers import change, copy_run, differing_files, dump, rows_of, set_cell
from run_helpers import write_frames
from sqlalchemy import func, inspect, select
from sqlalchemy.exc import IntegrityError

from iracdb import Catalogue
from iracdb.catalogue import tables as t
from iracdb.catalogue import views
from iracdb.catalogue.bulk import insert_rows
from iracdb.catalogue.database import Database, open_database
from iracdb.catalogue.query import run_query
from iracdb.catalogue.urls import database_url
from iracdb.errors import InputRefused, RunRefused, UsageError
from iracdb.export.tables import export_run
from iracdb.irac.simulate import FrameSpec
from iracdb.layouts import LAYOUTS
from iracdb.published import ahead
from iracdb.published.blocks import ImageBlock, image_blocks
from iracdb.published.importing import import_runs, lawful_name
from iracdb.published.reading import find_runs, read_run
from iracdb.runs.digested import digest_of_run
from iracdb.runs.parameters import BEFORE_HANDBOOK
from iracdb.runs.results import Run

NUMBERED = (1, 3, 5, 6, 9, 10, 13, 14, 17, 18, 20, 22)
NAMED = (
    "hd_cryo_final", "hd_warm_final", "mk_test1", "mk_test2", "ngc2420_337", "ngc2420_ch2",
    "ngc2506_ch2", "ngc2506_pV2", "upperSco_final",
)  # fmt: skip
NUMBERS = {f"run{n}": n for n in NUMBERED} | {name: 1001 + i for i, name in enumerate(NAMED)}


@pytest.fixture(scope="module")
def published(reference: Path) -> Path:
    """The folder of published runs."""
    return reference / "published_runs"


@pytest.fixture(scope="module")
def imported(module_database: Database, reference: Path) -> Database:
    """A catalogue of all 21 runs, in both kinds of database."""
    folder = reference / "published_runs"
    report = import_runs(module_database, folder, targets=[reference / "coordinates"])
    assert {run.name: run.run_id for run in report.imported} == NUMBERS
    assert all(run.new for run in report.imported)
    assert (report.refused, report.renamed) == ([], [])
    assert sum(run.images for run in report.imported) == 95_808
    return module_database


@pytest.fixture(scope="module")
def blocks_of(published: Path) -> dict[str, list[ImageBlock]]:
    """The blocks of images of all 21 runs, as they are read from their files."""
    return {
        name: image_blocks(read_run(name, paths)) for name, paths in find_runs(published).items()
    }


@pytest.fixture(scope="module")
def printed(published: Path) -> dict[str, tuple[list[str], list[list[str]]]]:
    """Titles of all 42 tables, and the first two columns, by the names of their files."""
    found = {}
    for path in published.glob("*.csv"):
        with path.open(newline="") as stream:
            titles, *rows = csv.reader(stream)
            found[path.name] = titles, [row[:2] for row in rows]
    return found


def scalar(database: Database, query: str) -> Any:
    return run_query(database, query).rows[0][0]


def export_all(database: Database, folder: Path) -> Path:
    for name in NUMBERS:
        export_run(Run(database, name), folder)
    return folder


# The whole folder


def test_export_is_byte_for_byte_what_was_imported(
    imported: Database, published: Path, tmp_path: Path
) -> None:
    out = export_all(imported, tmp_path / "out")
    assert len(list(out.iterdir())) == len(list(published.iterdir())) == 63
    assert differing_files(published, out) == []
    for path in sorted(published.iterdir())[:3]:
        assert subprocess.run(["cmp", path, out / path.name], check=False).returncode == 0
    before = views_of(imported)
    with imported.write() as connection:
        views.drop_all(connection)
        assert not inspect(connection).get_view_names()
        views.rebuild_all(connection)
    assert views_of(imported) == before
    # Through the views that were rebuilt, one run of each layout.
    layouts = {Run(imported, name).row.layout: name for name in NUMBERS}
    for name in layouts.values():
        export_run(Run(imported, name), tmp_path / "again")
        copy_run(published, tmp_path / "wanted", name)
    assert differing_files(tmp_path / "wanted", tmp_path / "again") == []


def views_of(database: Database) -> dict[str, str]:
    """The text of every view, as the database keeps it."""
    with database.read() as connection:
        found = inspect(connection)
        return {name: found.get_view_definition(name) for name in found.get_view_names()}


def test_the_views_hold_the_tables(imported: Database, published: Path) -> None:
    """Every number of a table is in its view, without the cells kept as printed."""
    for name in ("run1", "run18", "mk_test1", "ngc2506_pV2"):
        for which in ("aor", "img"):
            found = run_query(imported, f"SELECT * FROM {name}_{which}_data")
            rows = rows_of(published / f"{name}_{which}_data.csv")
            assert list(found.columns) == list(rows[0])
            numbers = [c for c in found.columns if c.startswith(("AORKEY", "File#", "Xc", "Flux"))]
            seen = Counter(
                tuple(row[found.columns.index(c)] for c in numbers) for row in found.rows
            )
            wanted = Counter(
                tuple(None if row[c] == "nan" else float(row[c]) for c in numbers) for row in rows
            )
            assert seen == wanted


def test_no_row_is_dropped_and_the_order_kept(
    imported: Database, printed: dict[str, tuple[list[str], list[list[str]]]]
) -> None:
    for name, number in NUMBERS.items():
        run = Run(imported, name)
        assert run.run_id == number
        for which, key in (("aor", "AORKEY"), ("img", "File#")):
            titles, rows = printed[f"{name}_{which}_data.csv"]
            assert [c.title for c in getattr(LAYOUTS[run.row.layout], which)] == titles
            place = titles.index(key)
            assert [row[place] for row in run.rows(which)] == [int(row[place]) for row in rows]


def test_cells_kept_as_printed_are_fewer_than_one_in_a_thousand(
    imported: Database, printed: dict[str, tuple[list[str], list[list[str]]]]
) -> None:
    kept = scalar(imported, "SELECT count(*) FROM run_cell")
    cells = sum(len(titles) * len(rows) for titles, rows in printed.values())
    assert 0 < kept < cells / 1000
    assert cells > 1_300_000
    with imported.read() as connection:
        row = connection.execute(
            select(t.run_cell).where(t.run_cell.c.run_id == NUMBERS["run18"])
        ).one()
    # Its third AOR has a negative flux and no error.
    assert (row.role, row.row_number, row.title, row.printed) == (
        "aor_data", 3, "Spread (%)", "-0.0",
    )  # fmt: skip


def test_minus_nought_is_stored_as_nought(imported: Database) -> None:
    found = run_query(imported, 'SELECT "Error (mJy)" FROM run18_aor_data WHERE "Flux (mJy)" < 0')
    assert repr(found.rows[0][0]) == "0.0"


def test_two_runs_join_in_sql(imported: Database) -> None:
    found = run_query(
        imported,
        'SELECT a."AORKEY", a."Flux (mJy)" - b."Flux (mJy)" '
        'FROM run13_aor_data a JOIN run5_aor_data b USING ("AORKEY")',
    )
    assert len(found.rows) == 131
    assert {difference for _, difference in found.rows} == {0.0}


# Where a row belongs


def test_every_block_of_images_finds_its_row(
    published: Path, blocks_of: dict[str, list[ImageBlock]]
) -> None:
    """The rule of the README, worked out here: an AOR's time is that of its last image."""
    by_place: Counter[str] = Counter()
    for name, blocks in blocks_of.items():
        aors = rows_of(published / f"{name}_aor_data.csv")
        images = rows_of(published / f"{name}_img_data.csv")
        assert [block.first for block in blocks[1:]] == [block.end for block in blocks[:-1]]
        assert (blocks[0].first, blocks[-1].end) == (0, len(images))
        numbers = [int(row["File#"]) for row in images]
        starts = [0] + [i for i in range(1, len(numbers)) if numbers[i] <= numbers[i - 1]]
        assert [block.first for block in blocks] == starts
        listed = [block.aor_row for block in blocks if block.aor_row is not None]
        assert listed == list(range(len(aors)))
        for block in blocks:
            if block.aor_row is None:
                continue
            row = aors[block.aor_row]
            assert block.aorkey == int(row["AORKEY"])
            last = images[block.end - 1]["Time[MJD]"]
            assert block.grade == ("A" if last == row["Time (MJD)"] else "C")
            by_place[name] += block.grade == "C"
    # The images whose centre failed have no row in runs 1 to 13: here it was the last of an AOR.
    assert {name for name, count in by_place.items() if count} == {"run6"}
    assert by_place["run6"] == 1


def test_images_without_a_row_of_their_aor(
    imported: Database, published: Path, blocks_of: dict[str, list[ImageBlock]]
) -> None:
    """Six AORs of run1 are only in its image table; their images, and their number, are kept."""
    blocks = blocks_of["run1"]
    unlisted = [block for block in blocks if block.aor_row is None]
    assert [block.aorkey for block in unlisted] == [
        24960256, 24960512, 25127680, 25127936, 27150336, 27150592,
    ]  # fmt: skip
    assert {block.grade for block in unlisted} == {"C"}
    assert {block.evidence for block in unlisted} == {"by the order of the problem AORs in the log"}
    rows = rows_of(published / "run1_img_data.csv")
    assert all(
        row["Res_Flux"] == "nan" for block in unlisted for row in rows[block.first : block.end]
    )
    found = run_query(
        imported,
        "SELECT a.aorkey, count(*) FROM aor_result a JOIN image_result i ON i.aor_result_id = a.id "
        "WHERE a.run_id = 1 AND NOT a.listed GROUP BY a.aorkey",
    )
    assert {row[0]: row[1] for row in found.rows} == {b.aorkey: b.end - b.first for b in unlisted}
    assert len(Run(imported, "run1").rows("aor")) == 131


def test_evidence_says_how_the_aor_is_known(imported: Database) -> None:
    """Run6: the row of one AOR's last image is lacking; of another block nothing tells the AOR."""
    found = run_query(
        imported,
        "SELECT a.aorkey, a.listed, i.link_evidence, count(*) FROM image_result i "
        "JOIN aor_result a ON a.id = i.aor_result_id WHERE a.run_id = 6 "
        "AND i.link_evidence LIKE '%AOR (grade%' GROUP BY a.aorkey, a.listed, i.link_evidence",
    ).rows
    told = {bool(listed): (key, evidence) for key, listed, evidence, _ in found}
    assert len(found) == 2
    assert told[True][1].endswith("AOR (grade C): by its place between others: the row of its last "
                                  "image is lacking")  # fmt: skip
    assert told[False][0] == 0
    assert "candidates: 45709056, 45709312, 45709568" in told[False][1]


def test_the_targets_without_a_row_are_those_of_the_list(
    imported: Database, reference: Path
) -> None:
    """Run18: six targets were asked for, two have no row; the list tells which."""
    listed = [
        tuple(map(float, row["Target Coordinates"].split()))
        for row in rows_of(reference / "coordinates" / "ngc2506_skyCrd.csv")
    ]
    with imported.read() as connection:
        result = t.aor_result.c
        rows = connection.execute(
            select(result.listed, result.aorkey, result.target_ra, result.target_dec, result.state)
            .where(result.run_id == 18)
            .order_by(result.row_number)
        ).all()
    assert [row.listed for row in rows] == [True] * 4 + [False] * 2
    assert {row.aorkey for row in rows} == {17133824}
    assert {row.state for row in rows[4:]} == {"empty"}
    assert set(listed) >= {(row.target_ra, row.target_dec) for row in rows[4:]}


def test_frames_are_linked_by_channel_and_time(imported: Database, published: Path) -> None:
    for name in ("run1", "run3", "run9"):
        run = Run(imported, name)
        rows = rows_of(published / f"{name}_img_data.csv")
        assert run.link_grades == {"B": len(rows)}
        frames = run_query(
            imported,
            "SELECT i.row_number, e.channel, e.mjd_obs, i.link_evidence FROM image_result i "
            "JOIN aor_result a ON a.id = i.aor_result_id JOIN frame e ON e.id = i.frame_id "
            f"WHERE a.run_id = {run.run_id} ORDER BY i.row_number",
        ).rows
        assert [row[2] for row in frames] == [float(row["Time[MJD]"]) for row in rows]
        assert {row[1] for row in frames} == {run.row.channel}
        assert {row[3].partition("; AOR (grade")[0] for row in frames} == {
            "channel and time; no file shows the frame"
        }
    # The same frames in run1 and run5, others in run9 (channel 2), however equal their times.
    frames_of = {
        name: {
            row[0]
            for row in run_query(
                imported,
                "SELECT i.frame_id FROM image_result i JOIN aor_result a ON "
                f"a.id = i.aor_result_id WHERE a.run_id = {NUMBERS[name]}",
            ).rows
        }
        for name in ("run1", "run5", "run9")
    }
    assert frames_of["run1"] == frames_of["run5"]
    assert not frames_of["run1"] & frames_of["run9"]


# What is told of a run


def test_what_a_log_does_not_give_is_not_given(imported: Database) -> None:
    values = Run(imported, "run1").parameters.values
    told = {name for name, value in values.items() if value is not None}
    # What the code of 2018 could not do it did not do.
    assert told - BEFORE_HANDBOOK.keys() == {"channel", "kind", "target"}
    assert (values["channel"], values["kind"], values["target"]) == (1, "bcd", "HD165459")
    with imported.read() as connection:
        row = connection.execute(
            select(t.run_parameter).where(
                t.run_parameter.c.run_id == 1, t.run_parameter.c.name == "pixel_size"
            )
        ).one()
    assert (row.value, row.number) == (None, None)
    last = Run(imported, "hd_warm_final").parameters.values
    assert [last[f"radius_{which}"] for which in ("source", "inner", "outer")] == [10, 12, 20]
    assert (last["aperture_correction"], last["pixel_size"]) == (1.0, 1.221)
    assert last["rejection"] == "published"
    assert last["recipe"] is last["centre"] is last["sky"] is None


def test_origin_sources_and_hashes(imported: Database, published: Path) -> None:
    run = Run(imported, "run13")
    assert (run.row.origin, run.state, run.row.recipe) == ("imported", "finished", None)
    assert run.row.command.startswith("/data1/phot_cal/spitzer/hd165459/cryo/r*/;bcd;HD 165459;")
    assert run.row.parameters_typed["form"] == "14 parts"
    assert run.row.finished_at.startswith("2018-10-10T11:28:38.550661")
    for role, ending in (
        ("aor_data", "aor_data.csv"), ("img_data", "img_data.csv"), ("log", "log.txt"),
    ):  # fmt: skip
        source = run.source(role)
        content = (published / f"run13_{ending}").read_bytes()
        assert source is not None
        assert source.sha256 == hashlib.sha256(content).hexdigest()
        assert source.size == len(content)
        assert Path(source.path).name == f"run13_{ending}"
    assert run.problem_aors == [24960256, 24960512, 25127680, 25127936, 27150336, 27150592]


def test_a_second_import_adds_nothing(imported: Database, reference: Path) -> None:
    with imported.read() as connection:
        tables = (t.run, t.aor_result, t.image_result, t.frame, t.run_cell, t.activity, t.target)
        before = [connection.execute(select(func.count()).select_from(x)).scalar() for x in tables]
    report = import_runs(imported, reference / "published_runs")
    assert {run.name: run.run_id for run in report.imported} == NUMBERS
    assert not any(run.new for run in report.imported)
    with imported.read() as connection:
        assert before == [
            connection.execute(select(func.count()).select_from(x)).scalar() for x in tables
        ]


# Names and numbers


@pytest.mark.parametrize(
    ("name", "lawful"),
    [("run13", "run13"), ("2mass-run", "r_2mass_run"), ("run", "r_run"), ("ü b", "__b"),
     ("x" * 60, "x" * 48)],
)  # fmt: skip
def test_lawful_names(name: str, lawful: str) -> None:
    assert lawful_name(name) == lawful


def test_an_odd_name_is_mapped_and_told(
    any_database: Database, published: Path, tmp_path: Path
) -> None:
    copy_run(published, tmp_path / "in", "run14", "2mass-run")
    report = import_runs(any_database, tmp_path / "in")
    assert report.renamed == [("2mass-run", "r_2mass_run")]
    (made,) = report.imported
    assert (made.run_id, made.name) == (1001, "r_2mass_run")
    assert not import_runs(any_database, tmp_path / "in").imported[0].new
    export_run(Run(any_database, 1001), tmp_path / "out")
    written = (tmp_path / "out" / "r_2mass_run_img_data.csv").read_bytes()
    assert written == (published / "run14_img_data.csv").read_bytes()


def test_taken_numbers_and_names(any_database: Database, published: Path, tmp_path: Path) -> None:
    copy_run(published, tmp_path / "one", "run14")
    import_runs(any_database, tmp_path / "one")
    # Other files under the same name.
    copy_run(published, tmp_path / "two", "run18", "run14")
    before = dump(any_database)
    with pytest.raises(RunRefused, match=r"other files of that name.*--as N --name NAME"):
        import_runs(any_database, tmp_path / "two")
    # Another name, the same number; and the same name, another number.
    with pytest.raises(RunRefused, match=r"taken by run 14 \(run14\).*--as N --name NAME"):
        import_runs(any_database, tmp_path / "two", number=14, name="other")
    with pytest.raises(UsageError, match="owns number 14"):
        import_runs(any_database, tmp_path / "two", number=15, name="RUN14")
    assert dump(any_database) == before
    # The way out.
    (made,) = import_runs(any_database, tmp_path / "two", number=77, name="other").imported
    assert (made.run_id, made.name, made.new) == (77, "other", True)
    (again,) = import_runs(any_database, tmp_path / "two", number=77, name="other").imported
    assert not again.new
    (third,) = import_runs(any_database, tmp_path / "two", number=114).imported
    assert (third.run_id, third.name) == (114, "run114")


def test_changed_files_are_refused(any_database: Database, published: Path, tmp_path: Path) -> None:
    copy_run(published, tmp_path, "run14")
    import_runs(any_database, tmp_path)
    change(tmp_path / "run14_img_data.csv", set_cell(2, 5, "130.25"))
    with pytest.raises(RunRefused, match="other files of that name"):
        import_runs(any_database, tmp_path)


def test_as_and_name_go_with_one_run(
    any_database: Database, published: Path, tmp_path: Path
) -> None:
    copy_run(published, tmp_path, "run14")
    copy_run(published, tmp_path, "run18")
    with pytest.raises(UsageError, match="one of its files"):
        import_runs(any_database, tmp_path, number=5)
    (made,) = import_runs(any_database, tmp_path / "run18_log.txt", number=5).imported
    assert (made.run_id, made.name, made.images) == (5, "run5", 1152)


def test_strange_but_lawful_cells_come_back(
    any_database: Database, published: Path, tmp_path: Path
) -> None:
    copy_run(published, tmp_path / "in", "run18")
    img, aor = (tmp_path / "in" / f"run18_{which}_data.csv" for which in ("img", "aor"))
    change(img, set_cell(2, 9, "+53858.4112410"))
    change(img, set_cell(3, 12, "-0.0"))
    change(img, set_cell(4, 5, "1E1"))
    change(aor, lambda s: s.replace(",medium,4,", ",--,--,", 1))
    for path in (tmp_path / "in").iterdir():
        path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n").removesuffix(b"\r\n"))
    import_runs(any_database, tmp_path / "in")
    export_run(Run(any_database, 18), tmp_path / "out")
    assert differing_files(tmp_path / "in", tmp_path / "out") == []


# As other layouts, and as commands


def test_layouts_that_can_and_cannot_hold_a_run(
    imported: Database, published: Path, tmp_path: Path
) -> None:
    run = Run(imported, "run20")
    export_run(run, tmp_path, layout="11-13-XO")
    first = (tmp_path / "run20_aor_data.csv").read_text().split("\n")[0]
    assert first == (published / "run5_aor_data.csv").read_text().split("\n")[0]
    img = (tmp_path / "run20_img_data.csv").read_bytes()
    assert img == (published / "run20_img_data.csv").read_bytes()
    with pytest.raises(UsageError, match=r"cannot hold run20.*Ap Out Of Bound"):
        export_run(run, tmp_path / "other", layout="15-14-NY")
    with pytest.raises(UsageError, match=r"cannot hold run1,.*Outliers Rejected"):
        export_run(Run(imported, "run1"), tmp_path / "other", layout="11-13-XO")
    with pytest.raises(UsageError, match="no layout"):
        export_run(run, tmp_path / "other", layout="12-13-XO")
    assert not (tmp_path / "other").exists()


@pytest.fixture(scope="module")
def ours(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Catalogue]:
    """A small run of our own."""
    folder = tmp_path_factory.mktemp("ours")
    specs = [
        FrameSpec(channel=1, aorkey=90000000, expid=n, mjd=56000 + n / 1000, noise=False)
        for n in range(3)
    ]
    write_frames(folder, *specs)
    with Catalogue(folder / "iracdb.sqlite") as catalogue:
        catalogue.ingest(folder)
        catalogue.run()
        yield catalogue


@pytest.mark.parametrize("layout", sorted(LAYOUTS))
def test_our_runs_in_every_layout(ours: Catalogue, layout: str, tmp_path: Path) -> None:
    run = ours.get(1)
    export_run(run, tmp_path, layout=layout)
    aor, img = (rows_of(tmp_path / f"run1_{which}_data.csv") for which in ("aor", "img"))
    chosen = LAYOUTS[layout]
    assert list(aor[0]) == [column.title for column in chosen.aor]
    assert list(img[0]) == [column.title for column in chosen.img]
    assert {row["Not In FOV"] for row in img} == {chosen.no}
    flux = run.aor_data["Flux (mJy)"].value[0]
    assert float(aor[0]["Flux (mJy)"]) == flux
    assert [float(row["Xc"]) for row in img] == run.img_data["Xc"].value.tolist()


def test_show_counts_links_and_cells(published: Path, tmp_path: Path) -> None:
    copy_run(published, tmp_path, "run18")
    where = ("--db", "catalogue.sqlite")
    done = iracdb("import", ".", *where, cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert "1 run imported, 1,152 images" in done.stdout
    again = iracdb("import", ".", "--json", *where, cwd=tmp_path)
    assert [run["new"] for run in json.loads(again.stdout)["imported"]] == [False]
    shown = iracdb("show", "18", *where, cwd=tmp_path).stdout
    assert "1,152 images linked with grade B" in shown
    assert "by channel and time alone; for grade A ingest the frames, then 'iracdb relink'" in shown
    assert "6 blocks of images joined to the AOR with grade A, by the time of the last" in shown
    assert "1 cell kept as printed" in shown
    told = json.loads(iracdb("show", "run18", "--json", *where, cwd=tmp_path).stdout)
    assert (told["links"], told["cells_as_printed"]) == ({"B": 1152}, 1)
    assert told["aor_links"] == {"A": 6}


def test_joins_to_aors_are_counted_by_grade(
    imported: Database, blocks_of: dict[str, list[ImageBlock]]
) -> None:
    """Worked out here from the files: each block of images counts once, its AOR listed or not."""
    for name, blocks in blocks_of.items():
        assert Run(imported, name).aor_grades == Counter(block.grade for block in blocks)
    assert Run(imported, "run6").aor_grades == {"A": 195, "C": 1, "D": 1}


# Several processes

FOUR = ("ngc2506_ch2", "run1", "run18", "upperSco_final")


@pytest.fixture
def four_runs(published: Path, tmp_path: Path) -> Path:
    """A folder of four small runs, of different layouts."""
    for name in FOUR:
        copy_run(published, tmp_path / "four", name)
    return tmp_path / "four"


@pytest.fixture
def any_folder_is_large(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a second process be worth its start."""
    monkeypatch.setattr(ahead, "_WORTH_A_WORKER", 0)


def dump_without_times(database: Database) -> dict[str, list[str]]:
    """Leave out what no two imports have in common."""
    own = {"uuid", "started_at", "ended_at"}
    kept = {}
    for name, rows in dump(database).items():
        columns = t.metadata.tables[name].columns
        places = [place for place, column in enumerate(columns) if column.name not in own]
        kept[name] = sorted(repr([row[place] for place in places]) for row in rows)
    return kept


def test_the_number_of_processes_makes_no_difference(
    any_database: Database, four_runs: Path, tmp_path: Path, any_folder_is_large: None
) -> None:
    report = import_runs(any_database, four_runs, jobs=2)
    assert [run.name for run in report.imported] == list(FOUR)
    with contextlib.closing(
        open_database(database_url(tmp_path / "one.sqlite"), create=True)
    ) as other:
        assert import_runs(other, four_runs, jobs=1) == report
        if any_database.dialect == "sqlite":
            assert dump_without_times(any_database) == dump_without_times(other)
    for name in FOUR:
        export_run(Run(any_database, name), tmp_path / "out")
    assert differing_files(four_runs, tmp_path / "out") == []


def test_a_refusal_comes_from_another_process_as_it_is(
    any_database: Database, four_runs: Path, any_folder_is_large: None
) -> None:
    change(four_runs / "ngc2506_ch2_img_data.csv", set_cell(7, 2, "Q"))
    before = dump(any_database)
    messages = []
    for jobs in (1, 2):
        with pytest.raises(InputRefused, match=r"ngc2506_ch2_img_data\.csv, line 7") as caught:
            import_runs(any_database, four_runs, jobs=jobs)
        messages.append(str(caught.value))
        assert dump(any_database) == before
    assert messages[0] == messages[1]
    report = import_runs(any_database, four_runs, jobs=2, keep_going=True)
    assert report.refused == [("ngc2506_ch2", messages[0])]
    assert [run.name for run in report.imported] == ["run1", "run18", "upperSco_final"]


def test_a_process_that_dies_leaves_nothing(
    any_database: Database, four_runs: Path, any_folder_is_large: None, monkeypatch: Any
) -> None:
    monkeypatch.setattr(ahead, "_AHEAD", 1)
    before = dump(any_database)

    def kill(done: int, total: int, name: str) -> None:
        for process in multiprocessing.active_children():
            process.kill()
            process.join()

    with pytest.raises(BrokenProcessPool):
        import_runs(any_database, four_runs, jobs=2, progress=kill)
    assert dump(any_database) == before
    assert multiprocessing.active_children() == []


def test_an_interrupt_leaves_nothing(
    any_database: Database, four_runs: Path, any_folder_is_large: None
) -> None:
    before = dump(any_database)

    def interrupt(done: int, total: int, name: str) -> None:
        if done == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        import_runs(any_database, four_runs, jobs=2, progress=interrupt)
    assert dump(any_database) == before
    assert multiprocessing.active_children() == []
    assert gc.isenabled()


def test_a_small_folder_starts_no_process(
    any_database: Database, four_runs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ahead, "worker_pool", None)
    assert len(import_runs(any_database, four_runs, jobs=2).imported) == 4


# Rows in bulk


def test_rows_in_bulk(any_database: Database) -> None:
    """More rows than go in at once, and some left over; NaN is NULL; errors are SQLAlchemy's."""
    rows = [(number, f"list {number}", float("nan")) for number in range(1, 1001)]
    with any_database.write() as connection:
        insert_rows(connection, t.target, ("id", "identity", "name"), ())
        for width in (rows[:333], rows[333:]):
            insert_rows(
                connection,
                t.target,
                ("id", "identity", "name", "ra", "dec"),
                ((number, identity, identity, nan, nan) for number, identity, nan in width),
            )
        columns = t.target.c
        found = connection.execute(
            select(columns.id, columns.identity, columns.ra, columns.dec).order_by(columns.id)
        ).all()
        assert [tuple(row) for row in found] == [(n, text, None, None) for n, text, _ in rows]
    with pytest.raises(IntegrityError), any_database.engine.begin() as connection:
        insert_rows(connection, t.target, ("id", "identity", "name"), [(1, "x", "x")])


def test_a_flag_that_a_table_does_not_have_is_not_told(imported: Database) -> None:
    told = run_query(
        imported,
        'SELECT run_name, COUNT("Ap Out Of Bound") AS told, COUNT("Not In FOV") AS others, '
        "COUNT(*) AS images FROM run_img_data WHERE run_name IN ('run1', 'hd_cryo_final') "
        "GROUP BY run_name ORDER BY run_name",
    )
    # run1's table has 13 columns, without that flag; that of hd_cryo_final has it.
    assert told.rows == [("hd_cryo_final", 2459, 2459, 2459), ("run1", 0, 2458, 2458)]


def test_the_digest_made_while_reading_is_that_of_the_rows(imported: Database) -> None:
    with imported.read() as connection:
        runs = connection.execute(select(t.run)).all()
        assert len(runs) == 21
        for run in runs:
            assert run.result_digest == digest_of_run(connection, run).sha256, run.name
