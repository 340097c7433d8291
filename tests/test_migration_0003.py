"""Revision 0003: what a catalogue of 0002 gains, and what becomes of its runs."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from handbook_helpers import handbook, write_with_companions
from helpers import spec
from run_helpers import averages, images
from sqlalchemy import inspect, text

from iracdb import Catalogue
from iracdb.catalogue import revisions, views
from iracdb.catalogue.database import Database, connect
from iracdb.catalogue.urls import database_url

FILE = {
    "pixel_scale_x", "pixel_scale_y", "utcs_obs", "spacecraft_x", "spacecraft_y", "spacecraft_z",
    "spacecraft_vx", "spacecraft_vy", "spacecraft_vz", "header_marks", "dark_sky",
    "fpa_temperature", "jitter",
}  # fmt: skip
AOR = {
    "n_fatal_in_aperture", "n_header_mark", "mjd_mid", "bjd_mid", "colour_correction",
    "expected_noise", "upper_limit", "marks",
}  # fmt: skip
IMAGE = {
    "mjd_start", "mjd_mid", "bjd_mid", "calibration_factor", "masked_in_aperture",
    "masked_in_annulus", "net_error", "expected_noise", "peak", "well_fraction", "noise_pixels",
}  # fmt: skip
ADDED = {"file": FILE, "aor_result": AOR, "image_result": IMAGE}

LATER = (
    "mask", "mask_bits", "header_marks", "uncertainty", "position", "source_spectrum",
    "colour_correction", "fluxconv", "mixed_calibration",
)  # fmt: skip
"""Parameters that runs of 0002 had no names for."""

# As a run made by iracdb at 0002 told them.
DIGESTED_AVERAGES = {
    "AORKEY", "Target RA", "Target Dec", "DateObs", "Mission", "Read Mode", "Cycling DPattern",
    "DScale", "DPosition", "FTime (sec)", "Time (MJD)", "Flux (mJy)", "Error (mJy)",
    "Outliers Rejected", "Target", "Channel", "Frame Group", "Repeat", "State", "Images",
    "Workable", "No Coordinates", "Off The Array", "No Centre", "Annulus Cut", "Centre Far",
    "Hole In Circle", "No Sky", "Aperture Correction", "Pixel Size", "Standard Error (mJy)",
}  # fmt: skip
DIGESTED_IMAGES = {
    "Time[MJD]", "File#", "Xc", "Yc", "Fx", "Fy", "Raw_Flux", "Bkg_Flux", "Target", "AORKEY",
    "Frame Group", "EXPID", "DCENUM", "Plane", "SHA-256", "Flags", "Xw", "Yw", "Amplitude",
    "Angle", "Residual Sum", "Sky", "Sky Sigma", "Sky Pixels", "Holes In Circle",
    "Holes In Annulus", "Array-Location Factor", "Pixel-Phase Factor", "Corrected_Flux", "Kept",
    "Rejected By", "Rejection Bound (mJy)",
}  # fmt: skip

FIRST = 91_000_000


def config(connection: sa.Connection) -> Config:
    made = Config()
    made.set_main_option("script_location", "iracdb_migrations:")
    made.set_main_option("path_separator", "os")
    made.attributes["connection"] = connection
    return made


def take_back(location: str) -> None:
    """Bring a catalogue to revision 0002, its runs as they were recorded then."""
    database = connect(database_url(location))
    try:
        with database.write() as connection:
            views.drop_all(connection)
            command.downgrade(config(connection), "0002")
            assert revisions.current(connection) == "0002"
            run = sa.table(
                "run", sa.column("run_id"), sa.column("parameters", sa.JSON),
                sa.column("parameters_digest"),
            )  # fmt: skip
            for number, told, _ in connection.execute(sa.select(run)).all():
                before = {name: value for name, value in told.items() if name not in LATER}
                canonical = json.dumps(before, sort_keys=True, separators=(",", ":"))
                digest = hashlib.sha256(canonical.encode()).hexdigest()
                changed = sa.update(run).where(run.c.run_id == number)
                connection.execute(changed.values(parameters=before, parameters_digest=digest))
            told = sa.table("run_parameter", sa.column("name"))
            connection.execute(sa.delete(told).where(told.c.name.in_(LATER)))
    finally:
        database.close()


def upgrade(location: str) -> None:
    database = connect(database_url(location))
    try:
        with database.write() as connection:
            assert revisions.state_of(connection) == "older"
            revisions.upgrade(connection)
            assert revisions.state_of(connection) == "head"
    finally:
        database.close()


def columns(database: Database, table: str) -> set[str]:
    with database.read() as connection:
        return {column["name"] for column in inspect(connection).get_columns(table)}


def facts(catalogue: Catalogue) -> dict[str, tuple[Any, ...]]:
    names = ", ".join(sorted(FILE))
    found = catalogue.sql(f"SELECT sha256, {names} FROM file ORDER BY sha256")
    return {row[0]: tuple(row[1:]) for row in found.rows}


@pytest.fixture
def location(any_location: str) -> str:
    Catalogue(any_location).close()
    return any_location


def test_down_and_up_again(location: str) -> None:
    database = connect(database_url(location))
    try:
        for table, added in ADDED.items():
            assert added <= columns(database, table)
        take_back(location)
        for table, added in ADDED.items():
            assert not added & columns(database, table)
        with database.read() as connection:
            assert "run_warning" not in inspect(connection).get_table_names()
        upgrade(location)
        for table, added in ADDED.items():
            assert added <= columns(database, table)
        with database.read() as connection:
            assert connection.execute(text("SELECT count(*) FROM run_warning")).scalar() == 0
    finally:
        database.close()


def test_files_gain_what_a_new_ingest_tells(
    any_location: str, real_archive_at: Callable[[str], str], tmp_path: Path
) -> None:
    """Real headers of every kind, and headers that mark their frames."""
    odd = tmp_path / "odd"
    cards: tuple[dict[str, Any], ...] = (
        {"MISSDATA": True}, {"MISS_LCT": 3}, {"BADTRIG": True}, {"ZEROPIX": 5}, {"PTGCPD": "Yes"},
        {"USEDBPHF": False}, {"SPTZR_X": None, "UTCS_OBS": None}, {"SKYDRKZB": 0.25},
        {"SKYDRKZB": "none", "PXSCAL1": "?"},
    )  # fmt: skip
    for expid, header in enumerate(cards):
        write_with_companions(odd, spec(aorkey=FIRST, expid=expid, header=header))
    location = real_archive_at(any_location)
    with Catalogue(location, create=False) as catalogue:
        catalogue.ingest(odd)
        fresh = facts(catalogue)
    told = [sum(row[place] is not None for row in fresh.values()) for place in range(len(FILE))]
    assert len(fresh) > 120 and min(told) > 0
    # Bits 1 to 32 all occur.
    marks = {row[sorted(FILE).index("header_marks")] for row in fresh.values()}
    assert {1, 2, 4, 8, 16, 32, 0} <= marks
    take_back(location)
    upgrade(location)
    with Catalogue(location) as catalogue:
        assert facts(catalogue) == fresh


def test_runs_of_0002_verify_and_compare(location: str, tmp_path: Path) -> None:
    folder = tmp_path / "archive"
    for expid in range(3):
        frame = spec(aorkey=FIRST, expid=expid, mjd=56_000 + expid / 100, x=15.0 + expid / 9, y=15)
        write_with_companions(folder, frame, "bcd")
    with Catalogue(location) as catalogue:
        catalogue.ingest(folder)
        for number, recipe in ((1, "manual"), (2, "published-2018")):
            catalogue.run(number, kind="bcd", recipe=recipe, radius=(3, 3, 7))
    take_back(location)
    upgrade(location)
    with Catalogue(location) as catalogue:
        for number, recipe in ((1, "manual"), (2, "published-2018")):
            old = catalogue.get(number)
            assert not set(LATER) & set(old.row.parameters)
            assert {name for row in images(catalogue, old) for name in IMAGE if row[name]} == set()
            # What its digest was over then, and is now.
            assert set(catalogue.digest(number).averages.columns) <= DIGESTED_AVERAGES
            assert set(catalogue.digest(number).images.columns) <= DIGESTED_IMAGES
            with catalogue._database.write() as connection:
                connection.execute(
                    text("UPDATE run SET result_digest = :digest WHERE run_id = :run"),
                    {"digest": catalogue.digest(number).sha256, "run": number},
                )
            found = catalogue.verify(number)
            assert found.verdict == "exact", found
            assert found.compared.images.same == 3
            # Numbers are still held to: a changed one is found.
            new = catalogue.run(number + 10, kind="bcd", recipe=recipe, radius=(3, 3, 7))
            compared = catalogue.compare(number, new.run_id)
            assert not compared.differs, compared.verdict
            # That mixtures are refused now moves no number.
            moved = {row["name"] for row in compared.parameters} - {"mixed_calibration"}
            assert moved == set()
            why = catalogue.why(number, FIRST, new.run_id)
            assert why.change == 0
        # Against the new recipe the change is explained to its end.
        mine = handbook(catalogue, kind="bcd")
        found = catalogue.why(1, FIRST, mine.run_id)
        change = (
            averages(catalogue, mine)[0]["flux"] - averages(catalogue, catalogue.get(1))[0]["flux"]
        )
        assert sum(share.mjy for share in found.shares) == pytest.approx(change, abs=1e-12)
        assert catalogue.compare(1, mine.run_id).differs
        with catalogue._database.write() as connection:
            connection.execute(
                text("UPDATE image_result SET raw = raw * 1.001 WHERE row_number = 2")
            )
        assert catalogue.verify(1).verdict != "exact"
        assert json.dumps(catalogue.get(1).warnings) == "[]"
