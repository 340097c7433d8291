"""The tables as files: what stands in them, how it is written, and what is never overwritten."""

from __future__ import annotations

import io
import math
import re
import resource
import signal
import stat
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import astropy.units as u
import numpy as np
import pytest
from astropy.io.votable import parse
from astropy.io.votable.ucd import check_ucd
from astropy.table import MaskedColumn, QTable, Table
from run_helpers import averages, command, cut_short, images, read_csv, write_frames
from sqlalchemy import text

from iracdb import Catalogue
from iracdb.errors import CannotWrite, RunRefused, UsageError
from iracdb.export.tables import export_run
from iracdb.export.writing import write_files
from iracdb.irac.simulate import FrameSpec
from iracdb.layouts import LAYOUTS, ucd_of
from iracdb.more_columns import AOR_MORE, IMG_MORE
from iracdb.runs.results import Run

FRAME = FrameSpec(
    channel=1, aorkey=91000000, x=127.0, y=127.0, flux_mjy=30.0, frame_time=12.0, background=0.1,
    mjd=54000.25, label="SIM_cycling_star", dither_position=1, dither_scale="small",
)  # fmt: skip
OFF = replace(FRAME, aorkey=91000256, x=-40.0, label="SIM_stare", mjd=56000.5,
              dither_position=None, dither_scale=None)  # fmt: skip
NOWHERE = replace(OFF, aorkey=91000512, header={"RA_REF": None, "DEC_REF": None}, x=127.0)

MORE = {"aor": AOR_MORE, "img": IMG_MORE}
KEYS = ["Date Reduced", "Input Parameters", "Instrument", "File Type", "Target", "Radius Used",
        "Problem AORs", "Comments"]  # fmt: skip


@pytest.fixture(scope="module")
def held(module_database: object, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Catalogue]:
    """A catalogue with one run: cryogenic and dithered, warm and off the array, no position."""
    folder = tmp_path_factory.mktemp("export")
    first = [replace(FRAME, expid=n, mjd=FRAME.mjd + n / 7, dither_position=n + 1) for n in (0, 1)]
    write_frames(folder, *first, OFF, NOWHERE)
    url = module_database.url  # type: ignore[attr-defined]
    with Catalogue(url.render_as_string(hide_password=False)) as catalogue:
        catalogue.ingest(folder)
        catalogue.run(comment="A comment, with a comma\nand a second line", name="Mine")
        yield catalogue


@pytest.fixture(scope="module")
def made(held: Catalogue) -> Run:
    return held.get("mine")


@pytest.fixture(scope="module")
def files(made: Run, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("files")
    export_run(made, folder, formats=("csv", "ecsv", "votable"))
    return folder


def test_files_keep_the_case_of_the_name(files: Path) -> None:
    assert sorted(path.name for path in files.iterdir()) == [
        "Mine_aor_data.csv", "Mine_aor_data.ecsv", "Mine_aor_data.vot", "Mine_img_data.csv",
        "Mine_img_data.ecsv", "Mine_img_data.vot", "Mine_log.txt",
    ]  # fmt: skip
    for path in files.iterdir():
        assert stat.S_IMODE(path.stat().st_mode) & 0o600 == 0o600


# CSV


@pytest.mark.parametrize("which", ["aor", "img"])
def test_titles_are_the_published_ones_byte_for_byte(
    reference: Path, files: Path, which: str
) -> None:
    published = (reference / "published_runs" / f"hd_cryo_final_{which}_data.csv").read_bytes()
    ours = (files / f"Mine_{which}_data.csv").read_bytes()
    title = ours.split(b"\n")[0]
    assert title == published.split(b"\n")[0].rstrip(b"\r")
    assert b"\r" not in ours
    assert ours.endswith(b"\n")


@pytest.mark.parametrize("which", ["aor", "img"])
def test_cells_are_of_the_published_forms(reference: Path, files: Path, which: str) -> None:
    """Each cell looks like some cell of its column as published: digits apart."""

    def form(cell: str) -> str:
        number = re.fullmatch(r"-?\d+\.\d+(e-?\d+)?", cell)
        return "float" if number else re.sub(r"\d+", "9", cell)

    known: dict[str, set[str]] = {}
    for run in ("hd_cryo_final", "hd_warm_final"):
        text = (reference / "published_runs" / f"{run}_{which}_data.csv").read_text()
        for row in read_csv(text):
            for title, cell in row.items():
                known.setdefault(title, set()).add(form(cell))
    # Ours dithered on two positions of a small pattern; those tables say no DITHPOS in numbers
    # where the original's users would find them in others.
    known.get("DPosition", set()).update({"9", "--"})
    known.get("DScale", set()).update({"small", "--"})
    known.get("Cycling DPattern", set()).add("YES")
    known.get("Target RA", set()).add("nan")
    known.get("Target Dec", set()).add("nan")
    for title in ("Flux (mJy)", "Error (mJy)", "Spread (%)"):
        known.get(title, set()).add("nan")
    for title in ("Coord Conversion Issue", "Not In FOV", "Ap Out Of Bound"):
        known.get(title, set()).add("Y")
    for title in ("Xc", "Yc", "Fx", "Fy", "Raw_Flux", "Bkg_Flux", "Res_Flux"):
        known.get(title, set()).add("nan")
    for row in read_csv((files / f"Mine_{which}_data.csv").read_text()):
        for title, cell in row.items():
            assert form(cell) in known[title], (title, cell)


def test_the_aor_table(made: Run, held: Catalogue, files: Path) -> None:
    rows = read_csv((files / "Mine_aor_data.csv").read_text())
    assert [row["AORKEY"] for row in rows] == ["91000000", "91000256", "91000512"]
    first, off, nowhere = rows
    last = FRAME.mjd + 1 / 7
    assert (first["Mission"], first["Read Mode"]) == ("CRYO", "FULL")
    assert (first["Target RA"], first["Target Dec"]) == ("270.0", "66.0")
    assert first["Workable/Total Files in AOR"] == "2/2"
    assert first["Cycling DPattern"] == "YES"
    assert (first["DScale"], first["DPosition"], first["FTime (sec)"]) == ("small", "2", "12.0")
    assert float(first["Time (MJD)"]) == round(last, 7)
    # MJD 54000 is 2006-09-22; the second frame is 0.25 + 1/7 days into it.
    assert first["DateObs"].startswith("2006-09-22T09:25:42")
    assert first["Outliers Rejected"] == "0"
    assert (off["Mission"], off["Cycling DPattern"]) == ("WARM", "NO")
    assert (off["DScale"], off["DPosition"]) == ("--", "--")
    assert off["Workable/Total Files in AOR"] == "0/1"
    assert [off[t] for t in ("Flux (mJy)", "Error (mJy)", "Spread (%)")] == ["nan"] * 3
    assert (nowhere["Target RA"], nowhere["Target Dec"]) == ("nan", "nan")
    for row, stored in zip(rows, averages(held, made), strict=True):
        for title, name in (("Flux (mJy)", "flux"), ("Error (mJy)", "error")):
            if stored[name] is None:
                assert row[title] == "nan"
            else:
                # The shortest form that reads back to the same bits is Python's own.
                assert row[title] == repr(stored[name])


def test_the_image_table(made: Run, held: Catalogue, files: Path) -> None:
    rows = read_csv((files / "Mine_img_data.csv").read_text())
    assert [row["File#"] for row in rows] == ["1", "2", "1", "1"]
    assert [row["Not In FOV"] for row in rows] == ["N", "N", "Y", "N"]
    assert [row["Ap Out Of Bound"] for row in rows] == ["N", "N", "Y", "N"]
    assert [row["Coord Conversion Issue"] for row in rows] == ["N", "N", "N", "Y"]
    assert {row[t] for row in rows for t in ("Centroiding Issue", "Bad Center Guess")} == {"N"}
    columns = {"Xc": "x", "Yc": "y", "Fx": "fwhm_x", "Fy": "fwhm_y", "Raw_Flux": "raw",
               "Bkg_Flux": "background", "Time[MJD]": "mjd"}  # fmt: skip
    for row, stored in zip(rows, images(held, made), strict=True):
        for title, name in columns.items():
            assert row[title] == ("nan" if stored[name] is None else repr(stored[name]))
        if stored["raw"] is not None:
            assert float(row["Res_Flux"]) == float(row["Raw_Flux"]) - float(row["Bkg_Flux"])
    assert rows[2]["Raw_Flux"] == rows[3]["Res_Flux"] == "nan"


# The log


def test_the_log_begins_with_the_published_keys(reference: Path, files: Path) -> None:
    published = (reference / "published_runs" / "hd_cryo_final_log.txt").read_text()
    lines = (files / "Mine_log.txt").read_text().split("\n")
    # The key in 17 columns, a colon, a blank, the value, a blank.
    pattern = re.compile(r"(.{17}): (.*) ")
    theirs = [line[:17] for line in published.split("\n") if line]
    parts = [pattern.fullmatch(line) for line in lines[: len(theirs)]]
    assert [part and part[1] for part in parts] == theirs
    assert [key.strip() for key in theirs] == KEYS
    assert lines[-1] == ""
    assert all(pattern.fullmatch(line) for line in lines[:-1])
    assert len(lines) - 1 > len(KEYS)


def test_the_log_says_what_was_done(made: Run, files: Path) -> None:
    text = (files / "Mine_log.txt").read_text()
    fields = {line[:17].strip(): line[19:-1] for line in text.splitlines()}
    assert datetime.fromisoformat(fields["Date Reduced"]).isoformat(timespec="microseconds")
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}", fields["Date Reduced"])
    assert fields["Instrument"] == "IRAC Channel 1"
    assert fields["File Type"] == "BCD"
    assert fields["Target"] == FRAME.target
    assert fields["Radius Used"] == "10, 12, 20"
    assert fields["Problem AORs"] == "91000256 91000512"
    # A line break would make a line of its own.
    assert fields["Comments"] == "A comment, with a comma and a second line"
    assert "name='Mine'" in fields["Input Parameters"]
    assert made.row.uuid in fields["Run"]
    assert made.row.parameters_digest in fields["Parameters"]
    assert f"numpy {np.__version__}" in fields["Software"]


def test_a_run_without_comment_says_so_as_the_original_did(held: Catalogue, tmp_path: Path) -> None:
    export_run(held.run(aors=[91000000]), tmp_path)
    (log,) = tmp_path.glob("*_log.txt")
    assert "\nComments         : No comment was specified \n" in log.read_text()


# ECSV and VOTable


@pytest.mark.parametrize("which", ["aor", "img"])
def test_ecsv_reads_back_with_units(made: Run, files: Path, which: str) -> None:
    table = QTable.read(files / f"Mine_{which}_data.ecsv", format="ascii.ecsv")
    rows = read_csv((files / f"Mine_{which}_data.csv").read_text())
    assert len(table) == len(rows)
    assert table.meta["run_name"] == "Mine"
    assert table.meta["parameters"]["radius_source"] == 10.0
    for column in getattr(LAYOUTS[made.row.layout], which):
        values = table[column.title]
        if column.unit is not None:
            assert values.unit == u.Unit(column.unit)
        assert table[column.title].info.description == column.sentence
        plain = getattr(values, "value", values)
        for value, cell in zip(plain, (row[column.title] for row in rows), strict=True):
            if column.form == "float":
                assert float(value) == float(cell) or (cell == "nan" and math.isnan(value))
            else:
                assert str(value) == cell


@pytest.mark.parametrize("which", ["aor", "img"])
def test_votable_is_valid_and_reads_back(made: Run, files: Path, which: str) -> None:
    path = files / f"Mine_{which}_data.vot"
    # Whatever is against the standard is a warning here, and warnings are errors.
    document = parse(path, verify="exception")
    table = document.get_first_table()
    layout = getattr(LAYOUTS[made.row.layout], which)
    rows = read_csv((files / f"Mine_{which}_data.csv").read_text())
    titles = [field.name for field in table.fields]
    more = [column for column in MORE[which] if column.title in titles]
    assert titles == [column.title for column in (*layout, *more)]
    told = {param.name: param.value for param in table.params}
    assert told["results_sha256"] == made.row.result_digest
    assert told["run_uuid"] == made.row.uuid
    for field, column in zip(table.fields, (*layout, *more), strict=True):
        assert field.ucd == ucd_of(column, 1)
        assert field.description == column.sentence
        assert (field.unit is None) == (column.unit is None)
        if column.unit is not None:
            assert u.Unit(str(field.unit)) == u.Unit(column.unit)
    read: Table = table.to_table(use_names_over_ids=True)
    for column in layout:
        # A number that is not there is masked when read.
        values = read[column.title]
        values = (
            values.filled(math.nan)
            if column.form == "float" and isinstance(values, MaskedColumn)
            else values
        )
        for value, row in zip(values, rows, strict=True):
            cell = row[column.title]
            if column.form == "float":
                assert float(value) == float(cell) or (cell == "nan" and math.isnan(value))
            else:
                assert str(value) == cell


AOR_STORED = {
    "Target": "target_name", "Channel": "channel", "Frame Group": "frame_group",
    "State": "state", "Images": "n_total", "Workable": "n_workable",
    "Off The Array": "n_not_in_fov", "Standard Error (mJy)": "standard_error",
    "Pixel Size": "pixel_size", "Reason": "reason",
}  # fmt: skip
IMG_STORED = {
    "Plane": "plane", "Flags": "flags", "Xw": "x_wcs", "Yw": "y_wcs", "Amplitude": "amplitude",
    "Residual Sum": "residual_sum", "Sky": "sky", "Array-Location Factor": "array_location_factor",
    "Pixel-Phase Factor": "pixel_phase_factor", "Corrected_Flux": "corrected", "Kept": "kept",
}  # fmt: skip


@pytest.mark.parametrize("which", ["aor", "img"])
def test_ecsv_has_all_that_is_held_of_a_row(
    made: Run, held: Catalogue, files: Path, which: str
) -> None:
    table = Table.read(files / f"Mine_{which}_data.ecsv", format="ascii.ecsv")
    stored = averages(held, made) if which == "aor" else images(held, made)
    assert len(table) == len(stored) > 0
    for title, name in (AOR_STORED if which == "aor" else IMG_STORED).items():
        for cell, row in zip(table[title], stored, strict=True):
            value = row[name]
            if value is None:
                assert np.ma.is_masked(cell) or math.isnan(cell), title
            else:
                assert cell == value, title
    if which == "img":
        files_measured = [(row["file_name"], row["sha256"]) for row in stored]
        assert list(zip(table["File"], table["SHA-256"], strict=True)) == files_measured


@pytest.mark.parametrize("channel", [1, 2, 3, 4])
def test_ucds_are_of_the_vocabulary(channel: int) -> None:
    for layout in LAYOUTS.values():
        for column in (*layout.aor, *layout.img, *AOR_MORE, *IMG_MORE):
            ucd = ucd_of(column, channel)
            assert ucd is not None
            assert check_ucd(ucd, check_controlled_vocabulary=True, has_colon=False), ucd
    flux = {column.title: ucd_of(column, channel) for column in layout.aor}["Flux (mJy)"]
    band = "3-4um" if channel == 1 else "4-8um"
    assert flux == f"phot.flux.density;em.IR.{band}"


def test_empty_dates_and_missions_are_no_words(held: Catalogue, tmp_path: Path) -> None:
    """An AOR of a list that nobody took in has no date: no text, not the word None."""
    targets = tmp_path / "targets.csv"
    targets.write_text("r17,270 66\nr91000000,270 66\n")
    run = held.run(targets=targets)
    export_run(run, tmp_path, formats=("csv", "ecsv", "votable"))
    row = read_csv((tmp_path / f"{run.name}_aor_data.csv").read_text())[0]
    assert (row["AORKEY"], row["DateObs"], row["Mission"]) == ("17", "--", "--")
    assert (row["FTime (sec)"], row["Time (MJD)"]) == ("nan", "nan")
    assert row["Workable/Total Files in AOR"] == "0/0"
    table = QTable.read(tmp_path / f"{run.name}_aor_data.ecsv", format="ascii.ecsv")
    assert table["DateObs"].mask[0]
    assert not table["DateObs"].mask[1]
    assert b"None" not in (tmp_path / f"{run.name}_aor_data.vot").read_bytes()
    parse(io.BytesIO((tmp_path / f"{run.name}_aor_data.vot").read_bytes()), verify="exception")


def test_a_format_that_is_none(made: Run, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="csv, ecsv, votable"):
        export_run(made, tmp_path, formats=["xlsx"])
    assert list(tmp_path.iterdir()) == []


# Nothing overwritten, nothing half written


def test_another_file_is_never_overwritten(made: Run, tmp_path: Path) -> None:
    precious = tmp_path / "Mine_img_data.csv"
    precious.write_text("precious")
    with pytest.raises(CannotWrite, match="--overwrite") as refusal:
        export_run(made, tmp_path)
    assert str(precious) in str(refusal.value)
    assert precious.read_text() == "precious"
    assert [path.name for path in tmp_path.iterdir()] == ["Mine_img_data.csv"]
    export_run(made, tmp_path, overwrite=True)
    assert precious.read_text().startswith("File#,")


def test_exporting_again_is_no_harm(made: Run, tmp_path: Path) -> None:
    first = export_run(made, tmp_path)
    before = {path: path.read_bytes() for path in first}
    assert {path: path.read_bytes() for path in export_run(made, tmp_path)} == before


def test_a_table_in_the_way_is_said_before_anything_is_measured(
    held: Catalogue, tmp_path: Path
) -> None:
    (tmp_path / "early_log.txt").write_text("precious")
    with pytest.raises(CannotWrite, match="early_log"):
        held.run(name="early", out=tmp_path)
    assert "early" not in [row[1] for row in held.runs().rows]
    assert (tmp_path / "early_log.txt").read_text() == "precious"


def test_a_dangling_link_is_in_the_way_too(made: Run, tmp_path: Path) -> None:
    (tmp_path / "Mine_log.txt").symlink_to(tmp_path / "nowhere")
    with pytest.raises(CannotWrite):
        export_run(made, tmp_path)
    assert not (tmp_path / "nowhere").exists()


def test_nothing_is_half_written_where_the_disk_is_full(tmp_path: Path) -> None:
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, limits[1]))
    try:
        with pytest.raises(CannotWrite, match="File too large"):
            write_files(tmp_path, {"small": b"x", "large": b"x" * 10000}, overwrite=False)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, handler)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_a_file(made: Run, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(CannotWrite, match="Could not write"):
        export_run(made, tmp_path / "file")


def test_an_unfinished_run_has_no_tables(tmp_path: Path) -> None:
    location = str(tmp_path / "iracdb.sqlite")
    with Catalogue(location) as catalogue:
        write_frames(tmp_path / "a", FRAME, OFF)
        catalogue.ingest(tmp_path / "a")
        assert cut_short("kill", location, "run", "--no-tables", folder=tmp_path).returncode == -9
        with pytest.raises(RunRefused, match="not finished"):
            export_run(catalogue.get(1), tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_the_command(tmp_path: Path) -> None:
    location = str(tmp_path / "iracdb.sqlite")
    with Catalogue(location) as catalogue:
        write_frames(tmp_path / "a", FRAME)
        catalogue.ingest(tmp_path / "a")
        catalogue.run(run_id=13)
    words = ("export", "13", "--out", "tables")
    done = command(location, *words, "--format", "votable", "--format", "csv", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    written = sorted(str(p.relative_to(tmp_path)) for p in (tmp_path / "tables").iterdir())
    assert sorted(done.stdout.split()) == written
    assert len(written) == 5
    (tmp_path / "tables" / "run13_log.txt").write_text("mine")
    refused = command(location, *words, folder=tmp_path)
    assert refused.returncode == 6
    assert "run13_log.txt" in refused.stderr
    assert command(location, *words, "--overwrite", folder=tmp_path).returncode == 0
    assert (tmp_path / "tables" / "run13_log.txt").read_text().startswith("Date Reduced     : ")


def test_images_are_exported_in_their_order_wherever_their_rows_lie(tmp_path: Path) -> None:
    write_frames(tmp_path / "frames", *(replace(FRAME, expid=n, mjd=54000 + n) for n in range(3)))
    with Catalogue(tmp_path / "iracdb.sqlite") as catalogue:
        catalogue.ingest(tmp_path / "frames")
        run = catalogue.run()
        with catalogue._database.write() as connection:
            connection.execute(text("UPDATE image_result SET row_number = 4 - row_number"))
        export_run(run, tmp_path / "tables")
    rows = read_csv((tmp_path / "tables" / "run1_img_data.csv").read_text())
    assert [float(row["Time[MJD]"]) for row in rows] == [54002.0, 54001.0, 54000.0]
