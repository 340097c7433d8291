"""How a catalogue grows: catalogues of several sizes, whole and cut, one after the other.

``python benchmarks/scale.py --rows 1_000_000 3_000_000 --layouts PostgreSQL PostgreSQL:cut:10``

A layout is ``SQLite``, ``PostgreSQL``, ``PostgreSQL:cut:N`` (N parts by number, as `iracdb db
partition` makes them) or ``PostgreSQL:hash:N`` (N parts by a hash of the average, which iracdb does
not make). Each catalogue is made by the database itself, without a look at foreign keys, asked, and
dropped before the next: the disk holds one at a time. What was measured is kept with ``--json``
after each, and the table is printed at the end. ``--archive FOLDER`` also measures what the files
below a folder take, which the made catalogues only feign.

Times are those at work: of this process, and of all of the server's processes where it runs on this
machine. The server waits for nothing but its disk then, which these times leave out. It is no
family of `make bench`: ten million rows and more take long.
"""

from __future__ import annotations

import argparse
import json
import random
import statistics
import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import large
from places import empty
from scale_table import carried_on, for_page, written
from server_clock import Clock
from sqlalchemy import Connection, text
from sqlalchemy.schema import AddConstraint, ForeignKeyConstraint, UniqueConstraint

from iracdb import Catalogue
from iracdb.catalogue import cutting, partitions, upkeep, views
from iracdb.catalogue import tables as t
from iracdb.catalogue.bulk import insert_rows
from iracdb.catalogue.database import Database
from iracdb.catalogue.urls import database_url

TABLES = ("image_result", "run_input", "header", "file", "file_location", "frame", "aor_result")
NEW_AORS = 100
QUESTIONS = 50
ROUNDS = 3


def trial(layout: str, rows: int) -> dict[str, float]:
    """Make one catalogue, ask it, and drop it.

    Parameters
    ----------
    layout : str
        As the module tells.
    rows : int
        Of image_result, a multiple of 10,000.

    Returns
    -------
    dict
        What was found, by what it is; seconds, bytes or pages, as its name says.
    """
    engine, way, parts = _read_layout(layout)
    with tempfile.TemporaryDirectory() as folder, empty(engine, Path(folder)) as location:
        with Catalogue(location) as catalogue:
            database = catalogue._database
            clock = Clock(location)
            _prepare(location, database, way, parts, rows)
            begun = time.perf_counter()
            found = {"load, s": clock.seconds(lambda: _load(database, rows))}
            found["load, s on the wall"] = time.perf_counter() - begun
            found["VACUUM after the load, s"] = clock.seconds(lambda: _alone(database, "VACUUM"))
            found["ANALYZE, s"] = clock.seconds(lambda: _analyse(database))
            found["ANALYZE after a run, s"] = clock.seconds(lambda: _after_a_run(database))
            found |= _sizes(database, rows)
            if engine == "PostgreSQL":
                found |= _indices(database, clock)
            found |= _questions(catalogue, rows, clock)
            found |= _new_runs(database, rows, clock)
            found["VACUUM after new runs, s"] = clock.seconds(lambda: _alone(database, "VACUUM"))
        if way in ("", "cut") and engine == "PostgreSQL":
            found |= _cutting(location, way, parts, rows, clock)
    return found


def _read_layout(layout: str) -> tuple[str, str, int]:
    engine, *more = layout.split(":")
    way, parts = (more[0], int(more[1])) if more else ("", 1)
    if engine not in ("SQLite", "PostgreSQL") or way not in ("", "cut", "hash"):
        raise SystemExit(f"{layout} is no layout")
    return engine, way, parts


# --- Making it -----------------------------------------------------------------------------------


def _prepare(location: str, database: Database, way: str, parts: int, rows: int) -> None:
    """Cut the tables while they are empty."""
    if way == "cut":
        partitions.partition(database_url(location))
        aors = large.aors_of(rows)
        ends = {"image_result": large.RUNS * aors, "run_input": large.RUNS,
                "header": aors * large.IMAGES}  # fmt: skip
        with database.write() as connection:
            for table, last in ends.items():
                # The last part is for what is to come.
                for place in range(1, parts + 1):
                    cutting.close(connection, table, last * place // parts + 1)
    elif way == "hash":
        with database.write() as connection:
            _cut_by_hash(connection, parts)


def _cut_by_hash(connection: Connection, parts: int) -> None:
    views.drop_all(connection)
    table = t.image_result
    for statement in (
        "ALTER TABLE image_result RENAME TO image_result_whole",
        "CREATE TABLE image_result (LIKE image_result_whole) PARTITION BY HASH (aor_result_id)",
        "DROP TABLE image_result_whole",
        f"ALTER TABLE image_result ADD CONSTRAINT {table.primary_key.name} "
        "PRIMARY KEY (aor_result_id, frame_id, plane, repeat)",
        *(f"CREATE TABLE image_result_{place} PARTITION OF image_result "
          f"FOR VALUES WITH (MODULUS {parts}, REMAINDER {place})" for place in range(parts)),
    ):  # fmt: skip
        connection.execute(text(statement))
    for key in table.constraints:
        if isinstance(key, ForeignKeyConstraint):
            connection.execute(AddConstraint(key, isolate_from_table=False))
    for index in table.indexes:
        index.create(connection)


def _load(database: Database, rows: int) -> None:
    """Fill the tables as a restored backup would: rows first, then their keys and indices."""
    with database.write() as connection:
        if database.dialect == "sqlite":
            large.fill(connection, rows)
            return
        connection.execute(text("SET LOCAL session_replication_role = replica"))
        keys = [t.image_result.primary_key, t.run_input.primary_key]
        for key in keys:
            connection.execute(text(f"ALTER TABLE {key.table.name} DROP CONSTRAINT {key.name}"))
        large.fill(connection, rows)
        for key in keys:
            connection.execute(AddConstraint(key, isolate_from_table=False))


def _analyse(database: Database) -> None:
    with database.write() as connection:
        connection.execute(text("ANALYZE"))


def _after_a_run(database: Database) -> None:
    with database.write() as connection:
        upkeep.analyse(connection)


@contextmanager
def _session(database: Database) -> Iterator[Connection]:
    """Give a connection outside transactions."""
    with database.engine.connect() as connection:
        yield connection.execution_options(isolation_level="AUTOCOMMIT")


def _alone(database: Database, statement: str) -> None:
    # SQLite's VACUUM writes the whole file anew, which nobody does after a run.
    if database.dialect == "postgresql":
        with _session(database) as connection:
            connection.execute(text(statement))


# --- How large it is -----------------------------------------------------------------------------

_PG_SIZES = """
    SELECT coalesce(whole.relname, c.relname) AS name, sum(pg_table_size(c.oid)) AS bytes
    FROM pg_class c LEFT JOIN pg_inherits h ON h.inhrelid = c.oid
    LEFT JOIN pg_class whole ON whole.oid = h.inhparent
    WHERE c.relkind IN ('r', 'i') AND c.relnamespace = 'public'::regnamespace GROUP BY 1
"""
_SQLITE_SIZES = "SELECT name, sum(pgsize) AS bytes FROM dbstat GROUP BY 1"


def _sizes(database: Database, rows: int) -> dict[str, float]:
    """Bytes a row of each table, and of each index by the rows of its table."""
    sql = _PG_SIZES if database.dialect == "postgresql" else _SQLITE_SIZES
    aors = large.aors_of(rows)
    frames = aors * large.IMAGES
    counts = {"image_result": rows, "aor_result": large.RUNS * aors,
              "run_input": (large.RUNS - large.IMPORTED) * frames}  # fmt: skip
    with database.read() as connection:
        held = {row.name: float(row.bytes) for row in connection.execute(text(sql))}
    found = {"all, GB": sum(held.values()) / 1e9}
    for table in TABLES:
        model = t.metadata.tables[table]
        names = [table, f"pk_{table}", f"sqlite_autoindex_{table}_1",
                 *sorted(str(index.name) for index in model.indexes),
                 *sorted(str(key.name) for key in model.constraints
                         if isinstance(key, UniqueConstraint))]  # fmt: skip
        for name in names:
            if name in held:
                kind = "table" if name == table else f"index {name}"
                found[f"{table}: {kind}, bytes a row"] = held[name] / counts.get(table, frames)
    return found


def _indices(database: Database, clock: Clock) -> dict[str, float]:
    found = {}
    for index in ("pk_image_result", *sorted(str(i.name) for i in t.image_result.indexes)):
        seconds = clock.seconds(partial(_alone, database, f"REINDEX INDEX {index}"))
        found[f"building {index}, s"] = seconds
    return found


# --- How fast it answers -------------------------------------------------------------------------


def _questions(catalogue: Catalogue, rows: int, clock: Clock) -> dict[str, float]:
    aors, rng = large.aors_of(rows), random.Random(1)

    def down() -> None:
        aor = large.FIRST_AOR + rng.randrange(aors)
        catalogue.lineage(rng.randint(large.IMPORTED + 1, large.RUNS), aor=aor)

    def up() -> None:
        catalogue.lineage(file=large.file_name(rng.randrange(aors * large.IMAGES)))

    def compare() -> None:
        one = rng.randint(large.IMPORTED + 1, large.RUNS - 1)
        catalogue.compare(one, one + 1).summary()

    images = rows / large.RUNS
    return {
        "lineage of an AOR, ms": 1000 * _one(down, QUESTIONS, clock),
        "lineage of a file, ms": 1000 * _one(up, QUESTIONS, clock),
        "compare of two runs, microseconds an image": 1e6 * _one(compare, ROUNDS, clock) / images,
        **_pages(catalogue._database, rows),
    }


def _one(ask: Callable[[], None], times: int, clock: Clock) -> float:
    """Ask several times, after one that is not counted; give the seconds of one."""
    ask()
    return clock.seconds(ask, times)


def _pages(database: Database, rows: int) -> dict[str, float]:
    """Count the pages that PostgreSQL looks at: what a cold disk would be asked for."""
    if database.dialect != "postgresql":
        return {}
    aors, rng = large.aors_of(rows), random.Random(2)
    span = "i.aor_result_id BETWEEN {first} AND {last} AND a.run_id = {run}"
    asked = {
        "the images of an average": ("i.aor_result_id = {first}", QUESTIONS),
        "the images of a frame": ("i.frame_id = {frame}", QUESTIONS),
        "the images of a run": ("a.run_id = {run}", ROUNDS),
        "the images of a run, its span told": (span, ROUNDS),
    }
    found: dict[str, float] = {}
    with database.read() as connection:
        for what, (condition, times) in asked.items():
            counts, planning = [], []
            for _ in range(times):
                run = rng.randint(1, large.RUNS)
                which = condition.format(
                    run=run, first=(run - 1) * aors + 1, last=run * aors,
                    frame=rng.randint(1, aors * large.IMAGES),
                )  # fmt: skip
                explained = connection.execute(text(
                    "EXPLAIN (ANALYZE, BUFFERS, TIMING OFF, FORMAT JSON) "
                    "SELECT i.*, a.run_id FROM image_result i "
                    f"JOIN aor_result a ON a.id = i.aor_result_id WHERE {which}"
                )).scalar_one()[0]  # fmt: skip
                plan = explained["Plan"]
                counts.append(plan["Shared Hit Blocks"] + plan["Shared Read Blocks"])
                planning.append(explained["Planning Time"])
            found[f"pages for {what}"] = statistics.median(counts)
            found[f"planning, {what}, ms"] = statistics.median(planning)
    return found


def _new_runs(database: Database, rows: int, clock: Clock) -> dict[str, float]:
    """Write runs as a run writes: AOR by AOR, each in a transaction, foreign keys looked at."""
    first = large.RUNS * large.aors_of(rows) + 1
    aors = min(NEW_AORS, large.aors_of(rows))
    seconds = []
    for place in range(ROUNDS):
        run_id = large.RUNS + 1 + place
        _declare(database, run_id, aors)
        seconds.append(clock.seconds(partial(_write, database, run_id, first, aors)))
        first += aors
    rate = aors * large.IMAGES / statistics.median(seconds)
    return {"writing a new run, images a second": rate}


def _declare(database: Database, run_id: int, aors: int) -> None:
    with database.write() as connection:
        connection.execute(t.run.insert().values(
            run_id=run_id, uuid=str(uuid.uuid4()), name=f"run{run_id}", name_key=f"run{run_id}",
            origin="executed", state="finished", channel=2, kind="bcd", layout="16-14-NY",
            parameters={}, parameters_digest="0",
        ))  # fmt: skip
        insert_rows(
            connection, t.run_input, ("run_id", "file_id", "role", "position"),
            ((run_id, i + 1, "science", i + 1) for i in range(aors * large.IMAGES)),
        )  # fmt: skip


_WRITTEN = (
    "aor_result_id", "frame_id", "plane", "repeat", "file_id", "row_number", "file_number",
    "mjd_obs", "flags", "x_wcs", "y_wcs", "x", "y", "fwhm_x", "fwhm_y", "amplitude", "angle",
    "residual_sum", "sky", "sky_pixels", "nan_in_aperture", "nan_in_annulus", "raw", "background",
    "array_location_factor", "pixel_phase_factor", "corrected", "kept",
)  # fmt: skip


def _write(database: Database, run_id: int, first: int, aors: int) -> None:
    for aor in range(aors):
        with database.write() as connection:
            insert_rows(
                connection, t.aor_result,
                ("id", "run_id", "target_id", "aorkey", "channel", "frame_group", "repeat",
                 "row_number", "listed", "state", "target_name"),
                [(first + aor, run_id, 1, large.FIRST_AOR + aor, 2, "SUB 2.0 s", 0, aor + 1, True,
                  "measured", "XO-3")],
            )  # fmt: skip
            frames = range(aor * large.IMAGES + 1, (aor + 1) * large.IMAGES + 1)
            insert_rows(
                connection, t.image_result, _WRITTEN,
                ((first + aor, f, -1, 0, f, f, f % large.IMAGES + 1, 55000.0 + f * 0.001, 0, 15.5,
                  15.5, 15.1 + f * 1e-9, 15.2, 2.1, 1.9, 310.5, 0.3, 12.5, 1.25, 848.2, 0, 0,
                  1500.0 + f * 1e-7, 35.5, 1.01, 0.99, 1464.25, True) for f in frames),
            )  # fmt: skip


def _cutting(location: str, way: str, parts: int, rows: int, clock: Clock) -> dict[str, float]:
    """Take the time of the migration itself."""
    url = database_url(location)
    if way == "cut":
        close = clock.seconds(lambda: partitions.partition(url, rows=1))
        return {f"closing the last parts after {rows // parts:,} rows each, s": close}
    cut = clock.seconds(lambda: partitions.partition(url, rows=10 * rows))
    closing = clock.seconds(lambda: partitions.partition(url, rows=rows))
    undone = clock.seconds(lambda: partitions.undo(url))
    return {
        "cutting: the whole becomes the first part, s": cut,
        "closing a part of all rows, s": closing,
        "undoing it, nothing in later parts, s": undone,
    }


# --- Files ---------------------------------------------------------------------------------------


def of_files(folder: Path) -> dict[str, float]:
    """Take files in, in PostgreSQL, and tell what their rows take."""
    tables = ("header", "file", "file_location", "frame")
    with empty("PostgreSQL", folder) as location, Catalogue(location) as catalogue:
        catalogue.ingest(folder)
        files = catalogue.totals()["files"]
        size = "SELECT pg_total_relation_size('{}')"
        with catalogue._database.read() as connection:
            sizes = {
                name: connection.execute(text(size.format(name))).scalar_one() for name in tables
            }
    return {"files": files} | {
        f"{name}: bytes a file, indices included": size / files for name, size in sizes.items()
    }


def main(words: list[str] | None = None) -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument(
        "--rows", nargs="*", type=int, default=[1_000_000],
        help="of image_result; without a number what is kept is printed",
    )  # fmt: skip
    parser.add_argument("--layouts", nargs="+", default=["PostgreSQL", "PostgreSQL:cut:10"])
    parser.add_argument("--json", type=Path, help="where what was found is kept, and added to")
    parser.add_argument("--archive", type=Path, help="a folder of FITS files to measure, too")
    chosen = parser.parse_args(words)
    columns: dict[str, dict[str, float]] = {}
    if chosen.json is not None and chosen.json.exists():
        columns = json.loads(chosen.json.read_text())

    def keep(name: str, found: dict[str, Any]) -> None:
        columns[name] = found
        if chosen.json is not None:
            chosen.json.write_text(json.dumps(columns, indent=1) + "\n")
        print(name, "done", file=sys.stderr, flush=True)

    for count in chosen.rows:
        for layout in chosen.layouts:
            keep(f"{layout}, {count:,}", trial(layout, count))
    print(written(columns))
    print(f"\nFor the page:\n\n{for_page(columns)}")
    print("\nCarried on, in proportion:\n")
    print(written({
        name: carried_on(found, int(name.rpartition(", ")[2].replace(",", "")))
        for name, found in columns.items()
    }))  # fmt: skip
    if chosen.archive is not None:
        print(f"\nFiles:\n\n{written({str(chosen.archive.name): of_files(chosen.archive)})}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
