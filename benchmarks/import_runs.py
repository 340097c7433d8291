"""How fast published runs go in, against bare sqlite3 writing the same rows.

Run ``python benchmarks/import_runs.py [FOLDER] [--times N] [--at-hand] [--postgresql URL]``. FOLDER
holds published runs, by default those of the reference data beside the repository. As many as were
ever published are made of them in a scratch folder, 47 runs with 459,224 rows of images; with
``--at-hand`` only those of FOLDER are measured. Everything takes turns in one process, so that
whatever else the machine does falls on all; the medians are compared. Beside the time that passed
stands the processor's time of that process: where others are busy, it says more.
"""

from __future__ import annotations

import argparse
import csv
import sqlite3
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

# iracdb is imported where it is used: a worker process imports this file, too.

GOAL = 0.5
REFERENCE = Path(__file__).parents[2] / "shared" / "reference"
LISTS = REFERENCE / "coordinates"

Rows = list[tuple[Any, ...]]
Times = tuple[float, float]
"""Seconds that passed, and seconds that this process was at work."""


def clocks() -> Times:
    return time.perf_counter(), time.process_time()


def since(began: Times) -> Times:
    now = clocks()
    return now[0] - began[0], now[1] - began[1]


def timed_import(folder: Path, location: str, jobs: int) -> Times:
    from iracdb.catalogue.database import open_database
    from iracdb.catalogue.urls import database_url
    from iracdb.published.importing import import_runs

    database = open_database(database_url(location), create=True)
    try:
        began = clocks()
        import_runs(database, folder, targets=[LISTS] if LISTS.is_dir() else [], jobs=jobs)
        return since(began)
    finally:
        database.close()


def timed_reading(folder: Path) -> Times:
    """Read and check all files, in this process, and store nothing."""
    from iracdb.published.ahead import read_complete
    from iracdb.published.reading import find_runs

    began = clocks()
    for name, paths in find_runs(folder).items():
        read_complete(name, paths)
    return since(began)


def timed_csv(folder: Path) -> Times:
    """Let Python's csv cut the image tables into texts, and make nothing of them."""
    began = clocks()
    for path in sorted(folder.glob("*_img_data.csv")):
        with path.open(newline="") as stream:
            for _ in csv.reader(stream):
                pass
    return since(began)


def stored_rows(location: Path, table: str) -> tuple[list[str], Rows]:
    """Read a table's rows as an import stored them, and the columns that it filled."""
    with sqlite3.connect(location) as connection:
        cursor = connection.execute(f"SELECT * FROM {table} ORDER BY rowid")
        names = [column[0] for column in cursor.description]
        rows = cursor.fetchall()
    filled = [i for i in range(len(names)) if any(row[i] is not None for row in rows)]
    return [names[i] for i in filled], [tuple(row[i] for i in filled) for row in rows]


def csv_rows(folder: Path) -> tuple[list[str], Rows]:
    """Read the image tables as Python values, 14 columns each."""
    rows: Rows = []
    for path in sorted(folder.glob("*_img_data.csv")):
        with path.open(newline="") as stream:
            reader = csv.reader(stream)
            flags = len(next(reader)) - 9
            for cells in reader:
                letters = [*cells[1 : 1 + flags], *[None] * (5 - flags)]
                numbers = [None if c == "nan" else float(c) for c in cells[1 + flags :]]
                rows.append((int(cells[0]), *letters, *numbers))
    return [f"c{place}" for place in range(14)], rows


def timed_bare(names: list[str], rows: Rows, location: Path) -> Times:
    """Write rows into a table without keys or indices, in one transaction."""
    connection = sqlite3.connect(location)
    connection.execute(f"CREATE TABLE bare ({quoted(names)})")
    taken = timed_writing(connection, "bare", names, rows)
    connection.close()
    return taken


def timed_keyed(source: Path, table: str, names: list[str], rows: Rows, place: Path) -> Times:
    """Write rows into a table with the catalogue's own columns, key and indices."""
    with sqlite3.connect(source) as connection:
        made = connection.execute(
            "SELECT sql FROM sqlite_master WHERE tbl_name = ? AND sql IS NOT NULL "
            "AND type IN ('table', 'index') ORDER BY type DESC",
            (table,),
        ).fetchall()
    connection = sqlite3.connect(place)
    for (statement,) in made:
        connection.execute(statement)
    taken = timed_writing(connection, table, names, rows)
    connection.close()
    return taken


def timed_writing(
    connection: sqlite3.Connection, table: str, names: list[str], rows: Rows
) -> Times:
    marks = ", ".join("?" for _ in names)
    began = clocks()
    connection.executemany(f"INSERT INTO {table} ({quoted(names)}) VALUES ({marks})", rows)
    connection.commit()
    return since(began)


def quoted(names: list[str]) -> str:
    return ", ".join(f'"{name}"' for name in names)


@contextmanager
def new_database(server: str) -> Iterator[str]:
    """Give the URL of a new, empty database on a PostgreSQL server, and drop it."""
    import psycopg
    from sqlalchemy import make_url

    url = make_url(server).set(drivername="postgresql")
    name = f"iracdb_bench_{time.time_ns()}"
    with psycopg.connect(url.render_as_string(hide_password=False), autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}"')
        try:
            yield url.set(database=name).render_as_string(hide_password=False)
        finally:
            connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


def measure(folder: Path, times: int, server: str | None, here: Path) -> tuple[int, Any]:
    """Give the number of image rows, and the seconds of each thing in the order of the turns."""
    warm = here / "warm.sqlite"
    timed_import(folder, str(warm), 1)  # imports modules, fills caches
    images, frames, averages = (
        stored_rows(warm, table) for table in ("image_result", "frame", "aor_result")
    )
    plain = csv_rows(folder)

    def on_postgresql() -> Times:
        with new_database(str(server)) as url:
            return timed_import(folder, url, 2)

    def keyed(table: str, stored: tuple[list[str], Rows]) -> Callable[[], Times]:
        return lambda: timed_keyed(warm, table, *stored, scratch("keyed"))

    def scratch(name: str) -> Path:
        path = here / f"{name}.sqlite"
        for ending in ("", "-wal", "-shm"):
            Path(f"{path}{ending}").unlink(missing_ok=True)
        return path

    things: dict[str, Callable[[], Times]] = {
        f"bare executemany, {len(images[0])} columns as stored": lambda: timed_bare(
            *images, scratch("bare")
        ),
        "bare executemany, 14 columns as in the CSV": lambda: timed_bare(*plain, scratch("plain")),
        "executemany with the catalogue's key and indices": keyed("image_result", images),
        "the same, its new frames": keyed("frame", frames),
        "the same, its averages": keyed("aor_result", averages),
        "Python's csv over the image tables, alone": lambda: timed_csv(folder),
        "reading and checking all files, alone": lambda: timed_reading(folder),
        "import, one process": lambda: timed_import(folder, str(scratch("one")), 1),
        "import, a second one reads": lambda: timed_import(folder, str(scratch("two")), 2),
    }
    if server is not None:
        things["import into PostgreSQL, a second one reads"] = on_postgresql
    seconds: dict[str, list[Times]] = {what: [] for what in things}
    for _ in range(times):
        for what, measured in things.items():
            seconds[what].append(measured())
    return len(images[1]), seconds


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", nargs="?", type=Path, default=REFERENCE / "published_runs")
    parser.add_argument("--times", type=int, default=3)
    parser.add_argument("--at-hand", action="store_true", help="measure the runs of FOLDER alone")
    parser.add_argument("--postgresql", metavar="URL", help="a server that may make databases")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        here, folder = Path(scratch), options.folder
        if not options.at_hand:
            from made_runs import make_runs

            folder = here / "runs"
            make_runs(options.folder, folder)
        count, seconds = measure(folder, options.times, options.postgresql, here)
    print(f"{count:,} image rows, {options.times} times, medians; the goal is {GOAL} of bare\n")
    print(f"{'':50}{'passed':>8}{'rows/s':>10}{'of bare':>9}{'at work':>9}{'of bare':>9}")
    bare: Times | None = None
    for what, taken in seconds.items():
        passed, at_work = (statistics.median(times) for times in zip(*taken, strict=True))
        bare = bare or (passed, at_work)
        print(
            f"{what:50}{passed:8.2f}{count / passed:10,.0f}{bare[0] / passed:9.2f}"
            f"{at_work:9.2f}{bare[1] / at_work:9.2f}"
        )


if __name__ == "__main__":
    main()
