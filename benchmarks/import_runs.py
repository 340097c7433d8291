"""How fast published runs go in, against bare sqlite3 writing the same rows.

The runs are those of the reference data beside the repository; at the full size as many as were
ever published are made of them, 47 runs with 459,224 rows of images. Everything takes turns in one
process. A second process reads ahead of an import: the clock is the processor's time of the one
that writes, so that what the other reads meanwhile is not counted, as it is in no one's way.
"""

from __future__ import annotations

import csv
import shutil
import sqlite3
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from rows import ROUNDS, Row, alone, ratios

# iracdb is imported where it is used: a worker process imports this file, too.

GOAL = 0.5
WRITER = "writer"
"""The clock: processor time of the process that writes."""
BARE = "bare sqlite3 executemany of the rows as stored"
KEYED = "executemany with the catalogue's key and indices"
IMPORT = "import of published runs, a second process reads"
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


def measure(folder: Path, size: str, here: Path) -> tuple[int, dict[str, list[Times]]]:
    """Give the number of image rows, and the seconds of each thing in the order of the turns."""
    warm = here / "warm.sqlite"
    timed_import(folder, str(warm), 1)  # imports modules, fills caches
    images, frames, averages = (
        stored_rows(warm, table) for table in ("image_result", "frame", "aor_result")
    )

    def keyed(table: str, stored: tuple[list[str], Rows]) -> Callable[[], Times]:
        return lambda: timed_keyed(warm, table, *stored, scratch("keyed"))

    def scratch(name: str) -> Path:
        path = here / f"{name}.sqlite"
        for ending in ("", "-wal", "-shm"):
            Path(f"{path}{ending}").unlink(missing_ok=True)
        return path

    things: dict[str, Callable[[], Times]] = {
        BARE: lambda: timed_bare(*images, scratch("bare")),
        KEYED: keyed("image_result", images),
        "the same, its new frames": keyed("frame", frames),
        "the same, its averages": keyed("aor_result", averages),
        "Python's csv over the image tables, alone": lambda: timed_csv(folder),
        "reading and checking all files, alone": lambda: timed_reading(folder),
        "import, one process": lambda: timed_import(folder, str(scratch("one")), 1),
        IMPORT: lambda: timed_import(folder, str(scratch("two")), 2),
    }
    if size != "full":
        things = {what: things[what] for what in (BARE, KEYED, IMPORT)}
    seconds: dict[str, list[Times]] = {what: [] for what in things}
    for number in range(ROUNDS[size]):
        for what in things if number % 2 else reversed(things):
            seconds[what].append(things[what]())
    return len(images[1]), seconds


def chosen_runs(size: str, here: Path) -> Path:
    """Give a folder of published runs: the smallest, those at hand, or all that there ever were."""
    real = REFERENCE / "published_runs"
    if size == "small":
        return real
    folder = here / "runs"
    if size == "full":
        from made_runs import make_runs

        make_runs(real, folder)
        return folder
    from iracdb.published.reading import find_runs

    runs = find_runs(real).values()
    smallest = min(runs, key=lambda paths: sum(path.stat().st_size for path in paths.values()))
    folder.mkdir()
    for path in smallest.values():
        shutil.copyfile(path, folder / path.name)
    return folder


def rows(size: str) -> list[Row]:
    """Import published runs, where they are at hand."""
    what = "import of published runs"
    if not REFERENCE.is_dir():
        return [
            Row(what, BARE, GOAL, [], WRITER, why="No published runs are beside the repository.")
        ]
    with tempfile.TemporaryDirectory() as scratch:
        here = Path(scratch)
        count, seconds = measure(chosen_runs(size, here), size, here)
    at_work = {name: [times[1] for times in found] for name, found in seconds.items()}
    why = (
        "The rows that an import must write beside those of images cost more than the bare ones, "
        "and keys and indices as much again: see benchmarks/README.md."
    )
    goals = {IMPORT: GOAL}
    return [
        Row(f"{name}, {count:,} image rows", BARE, goals.get(name),
            ratios(at_work[BARE], found), WRITER, why=why)
        for name, found in at_work.items() if name != BARE
    ]  # fmt: skip


if __name__ == "__main__":
    alone(rows, __doc__)
