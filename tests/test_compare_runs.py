"""Runs over real frames compared, in both kinds of database."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from iracdb_cli.main import main
from run_helpers import images, select
from sqlalchemy import insert, update
from sqlalchemy import select as sql_select

from iracdb import Catalogue
from iracdb.catalogue import tables as t
from iracdb.catalogue.database import Database
from iracdb.compare.comparison import Comparison
from iracdb.export.tables import export_run
from iracdb.runs.results import Run

AOR, FRAMES = 46466816, 11
RADII = (3.0, 3.0, 7.0)
OPTIONS: dict[str, Any] = {"channel": 2, "aors": [AOR], "radius": RADII}
COUNTS = ("same", "rounding_only", "changed", "flag_changed", "only_a", "only_b")


def location(database: Database) -> str:
    if database.dialect == "sqlite":
        return str(database.url.database)
    return database.url.render_as_string(hide_password=False)


@pytest.fixture(scope="module")
def archive(reference: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One AOR of the archive, writable."""
    folder = tmp_path_factory.mktemp("archive")
    for name in (AOR, 38703360):
        shutil.copytree(reference / "archive" / f"r{name}", folder / f"r{name}")
    for path in (folder, *folder.rglob("*")):
        path.chmod(0o755)
    return folder


@pytest.fixture(scope="module")
def catalogue(module_database: Database, archive: Path) -> Iterator[Catalogue]:
    """A catalogue of two AORs and of runs over one of them, by name."""
    with Catalogue(location(module_database)) as opened:
        opened.ingest(archive)
        for name, options in {
            "first": {},
            "second": {"comment": "the same once more"},
            "wider": {"radius": (5, 5, 10)},
            "brighter": {"aperture_correction": 1.25},
            "sifted": {"rejection": "sigma:1"},
            "cubes": {"kind": "sub2d"},
            "two_aors": {"aors": [AOR, 38703360]},
        }.items():
            opened.run(name=name, **(OPTIONS | options))
        yield opened


def told(comparison: Comparison, which: str) -> tuple[int, ...]:
    counts = comparison.summary()[which]
    return tuple(counts[key] for key in COUNTS)


def causes(comparison: Comparison) -> dict[str, tuple[Any, Any]]:
    return {
        each.name: (each.a, each.b)
        for each in comparison.made_by.causes
        # The sources may be worked on while tests run.
        if each.name not in ("commit", "uncommitted changes")
    }


def test_the_same_parameters_twice_change_nothing(catalogue: Catalogue) -> None:
    found = catalogue.compare("first", "second")
    assert not found.differs
    assert found.made_by.parameters == ()
    assert (told(found, "images"), told(found, "aors")) == ((FRAMES, *[0] * 5), (1, *[0] * 5))
    assert causes(found) == {}
    # Every number that is stored of an image is compared, and is the same.
    compared = set(found.parts[0].columns)
    numbers = {column.name for column in t.image_result.c if str(column.type) == "DOUBLE"}
    assert numbers <= compared
    assert {"kept", "rejected_by", "nan_in_aperture", "no_background"} <= compared
    rows = [images(catalogue, catalogue.get(name)) for name in ("first", "second")]
    for one, other in zip(*rows, strict=True):
        assert {name: one[name] for name in numbers} == {name: other[name] for name in numbers}


def test_another_radius_is_a_change_with_its_causes(catalogue: Catalogue) -> None:
    found = catalogue.compare("first", "wider")
    assert causes(found) == {
        "radius_source": (3.0, 5.0), "radius_inner": (3.0, 5.0), "radius_outer": (7.0, 10.0),
        "aperture_correction": (1.12, 1.063),
    }  # fmt: skip
    assert (told(found, "images"), told(found, "aors")) == (
        (0, 0, FRAMES, 0, 0, 0), (0, 0, 1, 0, 0, 0),
    )  # fmt: skip
    summary = {each.name: each for each in found.parts[0].summaries}
    # The centre is fitted in a box of its own.
    assert not summary["x"].differs
    assert summary["raw"].changed == FRAMES
    a, b = (images(catalogue, catalogue.get(name)) for name in ("first", "wider"))
    largest = max(abs(y["raw"] - x["raw"]) / x["raw"] for x, y in zip(a, b, strict=True))
    assert summary["raw"].largest_relative_change == largest
    row = found.images[0]
    assert row["raw_difference"].value == b[0]["raw"] - a[0]["raw"]


def test_a_factor_of_the_average_leaves_the_images_alone(catalogue: Catalogue) -> None:
    found = catalogue.compare("first", "brighter")
    assert causes(found) == {"aperture_correction": (1.12, 1.25)}
    assert told(found, "images") == (FRAMES, 0, 0, 0, 0, 0)
    (row,) = found.aors
    assert row["flux_relative"] == pytest.approx(1.25 / 1.12 - 1, rel=1e-12)
    flux, error = (row[f"{name}_a"].to_value("mJy") for name in ("flux", "error"))
    factor = 1.25 / 1.12
    both = np.hypot(error, error * factor)
    assert row["flux_in_errors"] == pytest.approx(flux * (factor - 1) / both, rel=1e-9)


def test_rejected_images_are_changed_flags(catalogue: Catalogue) -> None:
    found = catalogue.compare("first", "sifted")
    assert causes(found) == {"rejection": ("minmax", "sigma:1")}
    rejected = [row["file_name"] for row in images(catalogue, catalogue.get("sifted"))
                if not row["kept"]]  # fmt: skip
    assert 0 < len(rejected) < FRAMES
    assert told(found, "images") == (FRAMES - len(rejected), 0, 0, len(rejected), 0, 0)
    assert told(found, "aors") == (0, 0, 1, 0, 0, 0)
    (row,) = found.aors
    assert (row["n_rejected_a"], row["n_rejected_b"]) == (0, len(rejected))
    flagged = found.images[found.images["outcome"] == "flag_changed"]
    assert {(row["kept_a"], row["kept_b"]) for row in flagged} == {("True", "False")}
    assert set(flagged["rejected_by_b"]) <= {"low", "high"}


def test_other_files_of_the_same_frames(catalogue: Catalogue) -> None:
    found = catalogue.compare("first", "cubes")
    inputs = found.made_by.inputs
    assert inputs.known
    assert (inputs.same, len(inputs.others), inputs.only_a, inputs.only_b) == (0, FRAMES, 0, 0)
    assert all(each.name_a.endswith("_bcd.fits") for each in inputs.others)
    assert all(each.name_b.endswith("_sub2d.fits") for each in inputs.others)
    assert {"pixels", "kind"} <= causes(found).keys()
    assert told(found, "images")[:4] == (0, 0, FRAMES, 0)


def test_rows_of_one_run_alone(catalogue: Catalogue) -> None:
    found = catalogue.compare("first", "two_aors")
    assert told(found, "images") == (FRAMES, 0, 0, 0, 0, 12)
    assert told(found, "aors") == (1, 0, 0, 0, 0, 1)
    assert found.differs
    assert causes(found) == {"aors": (str(AOR), f"38703360 {AOR}"), "files": (0, 12)}
    assert set(found.only("images")["aorkey"]) == {38703360}


def test_exit_statuses(
    catalogue: Catalogue, module_database: Database, capsys: pytest.CaptureFixture[str]
) -> None:
    del catalogue
    where = ["--db", location(module_database)]
    assert main(["compare", "first", "second", "--json", *where]) == 0
    same = json.loads(capsys.readouterr().out)
    assert (same["differs"], same["parameters"]) == (False, [])
    assert same["a"]["result_digest"] == same["b"]["result_digest"]
    assert main(["compare", "first", "wider", *where]) == 1
    out, err = capsys.readouterr()
    assert err == ""
    assert out.splitlines()[-1].startswith(
        "Candidate causes: radius_source, radius_inner, radius_outer, aperture_correction"
    )
    assert main(["compare", "first", "sifted", "--rows", *where]) == 1
    out = capsys.readouterr().out
    assert "flag changed; kept: yes, no; rejected_by: none, " in out


def test_another_numpy_is_a_candidate_and_another_sqlalchemy_is_not(
    catalogue: Catalogue, module_database: Database
) -> None:
    run = catalogue.get("second").row
    with module_database.write() as connection:
        row = connection.execute(
            sql_select(t.software).where(t.software.c.id == run.software_id)
        ).one()
        values = dict(row._mapping) | {"digest": "another"}
        values["packages"] = row.packages | {"numpy": "9.9", "sqlalchemy": "9.9"}
        del values["id"]
        made = insert(t.software).values(**values).returning(t.software.c.id)
        number = connection.execute(made).scalar_one()
        connection.execute(
            update(t.run).where(t.run.c.run_id == run.run_id).values(software_id=number)
        )
    try:
        found = catalogue.compare("first", "second")
        software = {each.name: each.b for each in found.made_by.software}
        assert software.items() >= {"numpy": "9.9", "sqlalchemy": "9.9"}.items()
        assert causes(found) == {"numpy": (row.packages["numpy"], "9.9")}
        assert "gave the same results to the bit, though they were made with other" in found.verdict
    finally:
        with module_database.write() as connection:
            connection.execute(
                update(t.run)
                .where(t.run.c.run_id == run.run_id)
                .values(software_id=run.software_id)
            )


# Files that changed


def test_a_changed_pixel_and_a_changed_header(archive: Path, any_location: str) -> None:
    """Two frames in another version of their files: another pixel in one, another card in one."""
    folder = archive.parent / f"changed_{'sql' if '://' in any_location else 'file'}"
    shutil.copytree(archive / f"r{AOR}", folder / f"r{AOR}")
    with Catalogue(any_location) as catalogue:
        catalogue.ingest(folder)
        catalogue.run(name="before", **OPTIONS)
        paths = sorted(folder.rglob("*_bcd.fits"))
        assert len(paths) == FRAMES
        pixel, header = (newer_version(paths[number]) for number in (2, 5))
        add_to_a_pixel(pixel)
        content = header.read_bytes()
        start = content.index(b"FLUXCONV=")
        card = f"FLUXCONV= {0.1234:>20}".encode().ljust(80)
        header.write_bytes(content[:start] + card + content[start + 80 :])
        catalogue.ingest(folder)
        catalogue.run(name="after", **OPTIONS, allow_mixed_calibration=True)
        found = catalogue.compare("before", "after")
        inputs = found.made_by.inputs
        assert (inputs.same, inputs.other_pixels, inputs.other_header) == (FRAMES - 2, 1, 1)
        assert {each.name_b for each in inputs.others} == {pixel.name, header.name}
        assert [each.name for each in found.made_by.calibration] == ["FLUXCONV"]
        assert {"pixels", "headers", "FLUXCONV"} == causes(found).keys()
        # A header's FLUXCONV does not enter a flux: of its frame only the expected noise is other.
        assert told(found, "images") == (FRAMES - 2, 0, 2, 0, 0, 0)
        changed_rows = found.images[found.images["outcome"] == "changed"]
        (row,) = changed_rows[changed_rows["raw_a"] != changed_rows["raw_b"]]
        changed = select(
            catalogue,
            "SELECT e.id, f.name FROM file f JOIN frame e ON e.id = f.frame_id "
            f"WHERE f.name = '{pixel.name}'",
        )
        assert {each["id"] for each in changed} == {row["frame_id"]}
        assert told(found, "aors") == (0, 0, 1, 0, 0, 0)


def newer_version(path: Path) -> Path:
    """Copy a file under the name of its next version."""
    first, version, kind = path.name.rsplit("_", 2)
    newer = path.with_name(f"{first}_{int(version) + 1}_{kind}")
    shutil.copyfile(path, newer)
    return newer


def add_to_a_pixel(path: Path) -> None:
    """Add to the pixel at the centre of each image of a file."""
    from astropy.io import fits

    with fits.open(path, mode="update", memmap=False) as opened:
        opened[0].data[..., 15, 15] += 10


# Imported tables against runs over the frames


@pytest.mark.parametrize("first", ["import", "ingest"])
def test_an_imported_copy_is_the_run_whatever_knew_the_frames_first(
    catalogue: Catalogue, module_database: Database, archive: Path, tmp_path: Path, first: str,
    request: pytest.FixtureRequest,
) -> None:  # fmt: skip
    sqlite = module_database.dialect == "sqlite"
    new = tmp_path / "iracdb.sqlite" if sqlite else request.getfixturevalue("postgres_url")
    folder = tmp_path / "tables"
    export_run(catalogue.get("first"), folder)
    # In the form of 2018: ours is another.
    (folder / "first_log.txt").write_text(
        "Date Reduced : 2018-10-18T17:13:04.700982 \n"
        "Command Used : single hms;/data/r46466816,04 21 52.7 +57 49 01.9;bcd;XO-3;3;3;7;2;"
        "1.12;1.213;first;1;A copy. \n"
        "Instrument   : IRAC Channel 2 \nFile Type    : BCD \nTarget       : XO-3 \n"
        "Radius Used  : src_r-3, bkg_in-3, bkg_out-7 \nAverage Flux : 54.99 +- 0.19 \n"
        "Problem AORs : \nComments     : A copy."
    )
    with Catalogue(new) as here:
        steps = [lambda: here.import_runs(folder), lambda: here.ingest(archive)]
        for step in steps if first == "import" else reversed(steps):
            step()
        mine: Run = here.run(name="again", **OPTIONS)
        frames = select(here, "SELECT DISTINCT frame_id FROM image_result")
        assert len(frames) == (2 * FRAMES if first == "import" else FRAMES)
        found = here.compare("first", mine.run_id)
        assert told(found, "images") == (FRAMES, 0, 0, 0, 0, 0)
        assert told(found, "aors") == (1, 0, 0, 0, 0, 0)
        assert not found.made_by.inputs.known
        # The one was given a position, the other took that of the headers.
        assert causes(found).keys() == {"aors", "target_ra", "target_dec"}
        # What the table does not print is not compared.
        assert not {"corrected", "amplitude", "kept"} & found.parts[0].columns.keys()
