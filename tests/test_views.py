"""The tables as views, in SQL: their columns, their rows, and which runs are in them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from astropy.io import fits
from run_helpers import cut_short, images, read_csv, select, write_frames

from iracdb import Catalogue
from iracdb.catalogue.views import rebuild_all
from iracdb.export.csv_tables import cell_text
from iracdb.flags import FLAGS
from iracdb.irac.simulate import FrameSpec, simulate_archive
from iracdb.layouts import DEFAULT_LAYOUT, LAYOUTS

# As the issue lists them.
AOR = [
    "AORKEY", "Target RA", "Target Dec", "DateObs", "Mission", "Read Mode",
    "Workable/Total Files in AOR", "Cycling DPattern", "DScale", "DPosition", "FTime (sec)",
    "Time (MJD)", "Flux (mJy)", "Error (mJy)", "Spread (%)", "Outliers Rejected",
]  # fmt: skip
IMG = [
    "File#", "Coord Conversion Issue", "Centroiding Issue", "Bad Center Guess", "Not In FOV",
    "Ap Out Of Bound", "Xc", "Yc", "Fx", "Fy", "Time[MJD]", "Raw_Flux", "Bkg_Flux", "Res_Flux",
]  # fmt: skip
RUN_AOR = ["run_id", "run_name", "target", "channel", *AOR]
RUN_IMG = ["run_id", "run_name", "target", "AORKEY", "channel", "file_name", "sha256", "frame_id",
           "plane", "row_number", *IMG]  # fmt: skip


@pytest.fixture(scope="module")
def held(
    module_database: object, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Catalogue, Path]]:
    """The simulated archive and two finished runs over it, with their tables as files."""
    folder = tmp_path_factory.mktemp("views")
    simulate_archive(folder / "archive", frames=3, bad_files=False)
    url = module_database.url  # type: ignore[attr-defined]
    with Catalogue(url.render_as_string(hide_password=False)) as catalogue:
        catalogue.ingest(folder / "archive")
        catalogue.run(run_id=5, channel=1, out=folder / "out")
        catalogue.run(run_id=13, channel=1, radius=(3, 3, 7), out=folder / "out")
        catalogue.run(name="Other_Name", channel=2, radius=(3, 3, 7), out=folder / "out")
        yield catalogue, folder


@pytest.mark.parametrize("view, columns", [
    ("run_aor_data", RUN_AOR), ("run_img_data", RUN_IMG), ("run13_aor_data", AOR),
    ("run13_img_data", IMG), ("other_name_aor_data", AOR), ("other_name_img_data", IMG),
])  # fmt: skip
def test_columns(held: tuple[Catalogue, Path], view: str, columns: list[str]) -> None:
    catalogue, _ = held
    assert list(catalogue.sql(f"SELECT * FROM {view}").columns) == columns


@pytest.mark.parametrize("name", ["run5", "run13", "Other_Name"])
@pytest.mark.parametrize("which", ["aor", "img"])
def test_a_runs_own_views_are_its_files(
    held: tuple[Catalogue, Path], name: str, which: str
) -> None:
    catalogue, folder = held
    in_file = read_csv((folder / "out" / f"{name}_{which}_data.csv").read_text())
    in_view = select(catalogue, f"SELECT * FROM {name.lower()}_{which}_data")
    forms = {column.title: column.form for column in getattr(LAYOUTS[DEFAULT_LAYOUT], which)}
    written = [
        {title: cell_text(forms[title], cell) for title, cell in row.items()} for row in in_view
    ]
    assert len(written) > 1
    # Views have no order.
    assert sorted(map(tuple, (row.values() for row in written))) == sorted(
        map(tuple, (row.values() for row in in_file))
    )


@pytest.mark.parametrize("which", ["aor", "img"])
def test_the_views_over_all_runs_hold_each_runs_own(
    held: tuple[Catalogue, Path], which: str
) -> None:
    catalogue, _ = held
    everything = select(catalogue, f"SELECT * FROM run_{which}_data")
    assert {(row["run_id"], row["run_name"]) for row in everything} == {
        (5, "run5"), (13, "run13"), (14, "Other_Name")
    }  # fmt: skip
    columns = AOR if which == "aor" else IMG
    mine = [tuple(row[c] for c in columns) for row in everything if row["run_id"] == 13]
    own = [tuple(row.values()) for row in select(catalogue, f"SELECT * FROM run13_{which}_data")]
    assert sorted(mine, key=repr) == sorted(own, key=repr)


def test_rows_of_images_say_what_they_are_of(held: tuple[Catalogue, Path]) -> None:
    catalogue, _ = held
    rows = select(catalogue, "SELECT * FROM run_img_data WHERE run_id = 13 ORDER BY row_number")
    stored = images(catalogue, catalogue.get(13))
    assert [row["row_number"] for row in rows] == list(range(1, len(stored) + 1))
    for row, image in zip(rows, stored, strict=True):
        assert row["AORKEY"] == image["aorkey"] == int(row["file_name"].split("_")[2])
        assert (row["sha256"], row["frame_id"]) == (image["sha256"], image["frame_id"])
        assert (row["plane"], row["channel"]) == (-1, 1)
        assert row["target"] == image["target_name"]


def test_a_join_of_two_runs(held: tuple[Catalogue, Path]) -> None:
    """The query is that of the design, its answer worked out from the two files."""
    catalogue, folder = held
    found = catalogue.sql(
        'SELECT a."AORKEY", a."Flux (mJy)" - b."Flux (mJy)" '
        'FROM run13_aor_data a JOIN run5_aor_data b USING ("AORKEY")'
    )
    tables = [
        read_csv((folder / "out" / f"{name}_aor_data.csv").read_text())
        for name in ("run13", "run5")
    ]
    expected = sorted(
        (int(one["AORKEY"]), float(one["Flux (mJy)"]) - float(other["Flux (mJy)"]))
        for one in tables[0]
        for other in tables[1]
        if one["AORKEY"] == other["AORKEY"]
    )
    # The AOR of unlike frames has two rows in each run.
    assert len(expected) == 4 + 4
    assert sorted(map(tuple, found.rows)) == expected


def test_views_of_names_in_capitals_are_in_small_letters(held: tuple[Catalogue, Path]) -> None:
    catalogue, _ = held
    for name in ("other_name_aor_data", "OTHER_NAME_AOR_DATA", '"other_name_aor_data"'):
        assert len(catalogue.sql(f"SELECT * FROM {name}").rows) == 2


def test_rebuilt_views_are_the_same(held: tuple[Catalogue, Path]) -> None:
    catalogue, _ = held
    views = ("run_aor_data", "run_img_data", "run13_aor_data", "other_name_img_data")
    before = [sorted(map(repr, catalogue.sql(f"SELECT * FROM {v}").rows)) for v in views]
    with catalogue._database.write() as connection:
        rebuild_all(connection)
    assert [sorted(map(repr, catalogue.sql(f"SELECT * FROM {v}").rows)) for v in views] == before


def test_quality_flags_explain_the_bits(held: tuple[Catalogue, Path]) -> None:
    catalogue, _ = held
    rows = select(catalogue, "SELECT * FROM quality_flag ORDER BY bit")
    assert [tuple(row.values()) for row in rows] == [
        (flag.bit, flag.name, flag.column, flag.sentence) for flag in FLAGS
    ]
    assert [row["bit"] for row in rows] == [2**n for n in range(len(rows))]
    # 90002048: once in the middle, twice at an edge, three times off the array.
    counted = select(
        catalogue,
        "SELECT q.column_title AS title, count(*) AS n FROM quality_flag q "
        "JOIN image_result i ON (i.flags & q.bit) <> 0 "
        "JOIN aor_result a ON a.id = i.aor_result_id "
        "WHERE a.run_id = 5 AND a.aorkey = 90002048 GROUP BY q.column_title",
    )
    found = {row["title"]: row["n"] for row in counted}
    shown = select(catalogue, 'SELECT * FROM run_img_data WHERE run_id = 5 AND "AORKEY" = 90002048')
    assert found["Not In FOV"] == 3
    for title in IMG[1:6]:
        assert found.get(title, 0) == sum(row[title] == "Y" for row in shown)


def test_cards_of_headers_can_be_asked_for(held: tuple[Catalogue, Path]) -> None:
    catalogue, folder = held
    path = next((folder / "archive" / "r90000256").rglob("*_0001_0000_1_bcd.fits"))
    header = fits.getheader(path)
    rows = select(
        catalogue, f"SELECT * FROM header_card WHERE file = '{path.name}' ORDER BY position"
    )
    by_keyword = {row["keyword"]: row for row in rows}
    for keyword in ("GAIN", "RONOISE", "FLUXCONV", "EXPTIME", "AORKEY", "RA_REF"):
        assert by_keyword[keyword]["number"] == header[keyword]
    assert by_keyword["CREATOR"]["number"] is None
    assert header["CREATOR"] in by_keyword["CREATOR"]["text"]
    assert [row["position"] for row in rows] == list(range(rows[0]["position"], len(rows)))
    assert [row["keyword"] for row in rows if row["keyword"]][:50] == [
        card.keyword for card in header.cards if card.keyword
    ][:50]


def test_unfinished_runs_are_in_no_view(any_location: str, tmp_path: Path) -> None:
    spec = FrameSpec(channel=1, aorkey=91000000, x=127.0, y=127.0, noise=False)
    write_frames(tmp_path / "a", spec, replace(spec, aorkey=91000256))
    with Catalogue(any_location) as catalogue:
        catalogue.ingest(tmp_path / "a")
        catalogue.run(aors=[91000000])
        done = cut_short("kill", any_location, "run", "--no-tables", folder=tmp_path)
        assert done.returncode == -9
        assert catalogue.get(2).averages() != []
        for view in ("run_aor_data", "run_img_data"):
            assert {row["run_id"] for row in select(catalogue, f"SELECT * FROM {view}")} == {1}
        known = (
            "SELECT name FROM sqlite_master WHERE type = 'view'"
            if any_location.endswith(".sqlite")
            else "SELECT viewname AS name FROM pg_views WHERE schemaname = 'public'"
        )
        names = {row["name"] for row in select(catalogue, known)}
        assert names == {
            "run_aor_data", "run_img_data", "run1_aor_data", "run1_img_data", "header_card",
            "quality_flag", "ivoa_obscore",
        }  # fmt: skip


def test_withdrawn_runs_are_in_no_view_over_all(any_location: str, tmp_path: Path) -> None:
    write_frames(tmp_path, FrameSpec(channel=1, noise=False))
    with Catalogue(any_location) as catalogue:
        catalogue.ingest(tmp_path)
        catalogue.run()
        catalogue.run()
        from sqlalchemy import update

        from iracdb.catalogue.tables import run

        with catalogue._database.write() as connection:
            mark = {"withdrawn_at": "2026-01-01T00:00:00Z", "withdrawn_reason": "a test"}
            connection.execute(update(run).where(run.c.run_id == 1).values(**mark))
            rebuild_all(connection)
        for view in ("run_aor_data", "run_img_data"):
            assert {row["run_id"] for row in select(catalogue, f"SELECT * FROM {view}")} == {2}
