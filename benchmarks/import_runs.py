"""How fast published runs go in, against bare sqlite3 writing the same rows.

Run ``python benchmarks/import_runs.py [FOLDER] [--times N]``. FOLDER holds the published runs, by
default those of the reference data beside the repository. Import and bare writing take turns in
one process, so that whatever else the machine does falls on both; the medians are compared.
"""

from __future__ import annotations

import argparse
import csv
import sqlite3
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

from iracdb.catalogue.database import open_database
from iracdb.catalogue.urls import database_url
from iracdb.published.importing import import_runs

GOAL = 0.5
REFERENCE = Path(__file__).parents[2] / "shared" / "reference"


def timed_import(folder: Path, targets: list[Path], location: Path) -> float:
    database = open_database(database_url(location), create=True)
    try:
        began = time.perf_counter()
        import_runs(database, folder, targets=targets)
        return time.perf_counter() - began
    finally:
        database.close()


def stored_rows(location: Path) -> tuple[list[str], list[tuple[Any, ...]]]:
    """Read the image rows as an import stored them, and the columns that it filled."""
    with sqlite3.connect(location) as connection:
        cursor = connection.execute("SELECT * FROM image_result")
        names = [column[0] for column in cursor.description]
        rows = cursor.fetchall()
    filled = [i for i in range(len(names)) if any(row[i] is not None for row in rows)]
    return [names[i] for i in filled], [tuple(row[i] for i in filled) for row in rows]


def csv_rows(folder: Path) -> tuple[list[str], list[tuple[Any, ...]]]:
    """Read the image tables as Python values, 14 columns each."""
    rows: list[tuple[Any, ...]] = []
    for path in sorted(folder.glob("*_img_data.csv")):
        with path.open(newline="") as stream:
            reader = csv.reader(stream)
            flags = len(next(reader)) - 9
            for cells in reader:
                letters = [*cells[1 : 1 + flags], *[None] * (5 - flags)]
                numbers = [None if c == "nan" else float(c) for c in cells[1 + flags :]]
                rows.append((int(cells[0]), *letters, *numbers))
    return [f"c{place}" for place in range(14)], rows


def timed_bare(names: list[str], rows: list[tuple[Any, ...]], location: Path) -> float:
    """Write rows into a table without keys or indices, in one transaction."""
    connection = sqlite3.connect(location)
    columns = ", ".join(f'"{name}"' for name in names)
    connection.execute(f"CREATE TABLE bare ({columns})")
    marks = ", ".join("?" for _ in names)
    began = time.perf_counter()
    connection.executemany(f"INSERT INTO bare VALUES ({marks})", rows)
    connection.commit()
    taken = time.perf_counter() - began
    connection.close()
    return taken


def timed_keyed(source: Path, names: list[str], rows: list[tuple[Any, ...]], place: Path) -> float:
    """Write rows into a table with the catalogue's own columns, key and indices."""
    with sqlite3.connect(source) as connection:
        made = [
            row[0]
            for row in connection.execute(
                "SELECT sql FROM sqlite_master WHERE tbl_name = 'image_result' AND sql IS NOT NULL "
                "ORDER BY type DESC"
            )
        ]
    connection = sqlite3.connect(place)
    for statement in made:
        connection.execute(statement)
    columns, marks = ", ".join(f'"{name}"' for name in names), ", ".join("?" for _ in names)
    began = time.perf_counter()
    connection.executemany(f"INSERT INTO image_result ({columns}) VALUES ({marks})", rows)
    connection.commit()
    taken = time.perf_counter() - began
    connection.close()
    return taken


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", nargs="?", type=Path, default=REFERENCE / "published_runs")
    parser.add_argument("--times", type=int, default=5)
    options = parser.parse_args()
    lists = REFERENCE / "coordinates"
    targets = [lists] if lists.is_dir() else []
    with tempfile.TemporaryDirectory() as scratch:
        here = Path(scratch)
        timed_import(options.folder, targets, here / "warm.sqlite")  # imports modules, fills caches
        stored = stored_rows(here / "warm.sqlite")
        plain = csv_rows(options.folder)
        seconds: dict[str, list[float]] = {}
        for turn in range(options.times):
            for what, taken in (
                ("import", timed_import(options.folder, targets, here / f"i{turn}.sqlite")),
                ("as stored", timed_bare(*stored, here / f"s{turn}.sqlite")),
                ("as in the CSV", timed_bare(*plain, here / f"c{turn}.sqlite")),
                ("with keys", timed_keyed(here / "warm.sqlite", *stored, here / f"k{turn}.sqlite")),
            ):
                seconds.setdefault(what, []).append(taken)
    count = len(stored[1])
    rate = {what: count / statistics.median(taken) for what, taken in seconds.items()}
    print(f"{count:,} image rows, {options.times} times, medians")
    print(f"import, from files to views and statistics: {rate['import']:>12,.0f} rows/s")
    for what, said in (
        ("as stored", f"bare executemany, {len(stored[0])} columns as stored"),
        ("as in the CSV", "bare executemany, 14 columns as in the CSV"),
        ("with keys", "executemany with the catalogue's key and indices"),
    ):
        ratio = rate["import"] / rate[what]
        print(f"{said}: {rate[what]:>12,.0f} rows/s; import is {ratio:.2f} of it (goal {GOAL})")


if __name__ == "__main__":
    main()
