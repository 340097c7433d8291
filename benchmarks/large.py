"""Large catalogues for measuring: ten million image rows and more, made by the database itself.

All runs measured the same frames, 100 an AOR. The first of them are imported, whose files are not
held; the last are derived from others. What was made stays until `drop_all`, or the process's end:
several benchmarks ask the same catalogue.
"""

from __future__ import annotations

import atexit
import hashlib
import json
import tempfile
import uuid
import zlib
from contextlib import ExitStack
from functools import cache
from pathlib import Path

from archives import header_of_a_frame
from places import empty
from sqlalchemy import Connection, text

from iracdb import Catalogue
from iracdb.catalogue import tables as t
from iracdb.catalogue import views
from iracdb.catalogue.bulk import insert_rows
from iracdb.photometry.response import NATIVE
from iracdb.runs.parameters import apply
from iracdb.runs.request import Request
from iracdb.runs.targets import FromHeaders

ROWS = {"tiny": 10_000, "small": 400_000, "full": 10_000_000}
RUNS, IMPORTED, DERIVED = 100, 10, 5
IMAGES = 100
FIRST_AOR = 40_000_000
NOW = "2026-01-01T00:00:00.000000Z"
SHARED = ExitStack()


@cache
def catalogue_of(engine: str, rows: int) -> str:
    """Make a catalogue of so many image rows, once, and give where it is."""
    folder = SHARED.enter_context(tempfile.TemporaryDirectory())
    location = SHARED.enter_context(empty(engine, Path(folder)))
    # Before the server ends, which has been started by now.
    atexit.register(drop_all)
    with Catalogue(location) as catalogue:
        with catalogue._database.write() as connection:
            fill(connection, rows)
        with catalogue._database.write() as connection:
            connection.execute(text("ANALYZE"))
    return location


def drop_all() -> None:
    """Remove all that was made."""
    SHARED.close()
    catalogue_of.cache_clear()


def sha(word: object) -> str:
    return hashlib.sha256(str(word).encode()).hexdigest()


def aors_of(rows: int) -> int:
    return max(1, rows // (RUNS * IMAGES))


def fill(connection: Connection, rows: int) -> None:
    """Make a catalogue of so many image rows."""
    aors = aors_of(rows)
    frames = aors * IMAGES
    for table in (t.image_result, t.run_input, t.aor_result, t.file, t.file_location, t.frame):
        for index in table.indexes:
            index.drop(connection)
    fill_observations(connection, aors)
    fill_runs(connection, aors)
    series = numbers(connection, RUNS * frames)
    connection.execute(text(
        "INSERT INTO image_result (aor_result_id, frame_id, plane, repeat, file_id, row_number, "
        "file_number, mjd_obs, flags, x_wcs, y_wcs, x, y, fwhm_x, fwhm_y, amplitude, angle, "
        "residual_sum, sky, sky_pixels, nan_in_aperture, nan_in_annulus, raw, background, "
        "array_location_factor, pixel_phase_factor, corrected, kept, rejected_by, link_grade, "
        f"link_evidence) {series} SELECT i / {IMAGES} + 1, i % {frames} + 1, -1, 0, "
        f"CASE WHEN i / {frames} < {IMPORTED} THEN NULL ELSE i % {frames} + 1 END, "
        f"i % {frames} + 1, i % {IMAGES} + 1, 55000.0 + (i % {frames}) * 0.001, 0, "
        "15.5, 15.5, 15.1 + i * 1e-9, 15.2, 2.1, 1.9, 310.5, 0.3, 12.5, 1.25, 848.2, 0, 0, "
        "1500.0 + i * 1e-7, 35.5, 1.01, 0.99, 1464.25, "
        f"i % {IMAGES} > 1, CASE i % {IMAGES} WHEN 0 THEN 'min' WHEN 1 THEN 'max' END, "
        f"CASE WHEN i / {frames} < {IMPORTED} THEN 'A' END, "
        f"CASE WHEN i / {frames} < {IMPORTED} THEN 'channel, AORKEY and time' END FROM n"
    ))  # fmt: skip
    series = numbers(connection, (RUNS - IMPORTED) * frames)
    connection.execute(text(
        f"INSERT INTO run_input (run_id, file_id, role, position) {series} "
        f"SELECT i / {frames} + {IMPORTED} + 1, i % {frames} + 1, 'science', i % {frames} + 1 "
        "FROM n"
    ))  # fmt: skip
    for table in (t.image_result, t.run_input, t.aor_result, t.file, t.file_location, t.frame):
        for index in table.indexes:
            index.create(connection)
    views.rebuild_all(connection)


def numbers(connection: Connection, count: int) -> str:
    """Write what makes a table n of the numbers i from 0."""
    if connection.dialect.name == "postgresql":
        return f"WITH n AS (SELECT i FROM generate_series(0, {count - 1}) AS s (i))"
    return f"WITH RECURSIVE n (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < {count - 1})"


def fill_observations(connection: Connection, aors: int) -> None:
    frames = range(aors * IMAGES)
    insert_rows(connection, t.aor, ("aorkey",), ((FIRST_AOR + aor,) for aor in range(aors)))
    insert_rows(
        connection, t.frame, ("id", "channel", "aorkey", "expid", "dcenum", "mjd_obs"),
        ((i + 1, 2, FIRST_AOR + i // IMAGES, i % IMAGES, 0, mjd_of(0, i)) for i in frames),
    )  # fmt: skip
    insert_rows(
        connection, t.file,
        ("id", "frame_id", "kind", "version", "name", "size", "sha256", "data_sha256", "bitpix",
         "naxis1", "naxis2", "data_offset", "creator", "fluxconv", "wcs", "first_seen"),
        ((i + 1, i + 1, "bcd", 2, file_name(i), 274_240, sha(i), sha(-i - 1), -32, 256, 256, 8640,
          "S19.2.0", 0.1447, '{"CRPIX1": "128."}', NOW)
         for i in frames),
    )  # fmt: skip
    # All have one text: that of its cards, which no page reads, would be most of a large catalogue.
    packed = zlib.compress(header_of_a_frame())
    insert_rows(
        connection, t.header, ("file_id", "verbatim", "cards"),
        ((i + 1, packed, '[["SIMPLE", "T", null]]') for i in frames),
    )  # fmt: skip
    insert_rows(
        connection, t.file_location,
        ("path", "file_id", "size", "mtime_ns", "present", "first_seen", "last_seen"),
        ((f"/archive/r{FIRST_AOR + i // IMAGES}/ch2/bcd/{file_name(i)}", i + 1, 274_240, 1, True,
          NOW, NOW) for i in frames),
    )  # fmt: skip


def file_name(i: int) -> str:
    return f"SPITZER_I2_{FIRST_AOR + i // IMAGES}_{i % IMAGES:04d}_0000_2_bcd.fits"


def fill_runs(connection: Connection, aors: int) -> None:
    insert_rows(
        connection, t.target, ("id", "identity", "name", "ra", "dec"),
        [(1, "65.5 57.8", "XO-3", 65.5, 57.8)],
    )  # fmt: skip
    insert_rows(
        connection, t.software, ("id", "digest", "iracdb", "python", "platform", "packages"),
        [(1, sha("software"), "0.1.0", "3.11", "Linux", '{"numpy": "2.0"}')],
    )  # fmt: skip
    insert_rows(
        connection, t.calibration, ("id", "kind", "name", "sha256"),
        [(1, "response", "native", sha("response"))],
    )  # fmt: skip
    keys = "[" + ", ".join(str(FIRST_AOR + aor) for aor in range(aors)) + "]"
    parameters = json.dumps(apply(Request(channel=2), 2, FromHeaders(None), NATIVE).values)
    insert_rows(
        connection, t.run,
        ("run_id", "uuid", "name", "name_key", "origin", "state", "channel", "kind", "layout",
         "parameters", "parameters_digest", "aors", "inputs_digest", "software_id",
         "response_id", "parent_run_id", "operator", "host", "started_at", "finished_at",
         "result_digest"),
        ((n, str(uuid.uuid4()), f"run{n}", f"run{n}",
          "imported" if n <= IMPORTED else "executed", "finished", 2, "bcd", "16-14-NY",
          parameters, sha(n), keys,
          *((None, None, None) if n <= IMPORTED else (sha("inputs"), 1, 1)),
          n - DERIVED if n > RUNS - DERIVED else None, "astronomer", "workstation", NOW, NOW,
          sha(("results", n)))
         for n in range(1, RUNS + 1)),
    )  # fmt: skip
    insert_rows(
        connection, t.run_source,
        ("run_id", "position", "role", "path", "size", "sha256", "line_end", "ended"),
        ((n, place, role, f"/runs/run{n}_{role}.csv", 1000, sha((n, role)), "\n", True)
         for n in range(1, IMPORTED + 1)
         for place, role in enumerate(("aor_data", "img_data", "log"), start=1)),
    )  # fmt: skip
    insert_rows(
        connection, t.activity, ("kind", "run_id", "started_at", "ended_at", "outcome", "detail"),
        (("export", n, NOW, NOW, "3 files", '{"folder": "/tables", "files": []}')
         for n in range(1, RUNS + 1)),
    )  # fmt: skip
    insert_rows(
        connection, t.aor_result,
        ("id", "run_id", "target_id", "aorkey", "channel", "frame_group", "repeat", "row_number",
         "listed", "state", "target_name", "target_ra", "target_dec", "mission", "mjd_obs",
         "mjd_mid", "n_total", "n_workable", "n_rejected", "aperture_correction", "pixel_size",
         "colour_correction", "flux", "error", "standard_error"),
        ((i + 1, i // aors + 1, 1, FIRST_AOR + i % aors, 2, "SUB 2.0 s", 0, i % aors + 1, True,
          "measured", "XO-3", 65.5, 57.8, "WARM", mjd_of(i % aors, IMAGES - 1),
          mjd_of(i % aors, IMAGES / 2), IMAGES, IMAGES, 2, 1.0, 1.221, 1.0,
          54.9 + 0.001 * (i % aors * 37 % 100), 0.2, 0.02)
         for i in range(RUNS * aors)),
    )  # fmt: skip


def mjd_of(aor: int, image: float) -> float:
    return 55000.0 + (aor * IMAGES + image) * 0.001
