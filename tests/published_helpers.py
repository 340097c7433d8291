"""What the tests of published runs share: copies to spoil, catalogues imported, bytes compared."""

from __future__ import annotations

import csv
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from sqlalchemy import select

from iracdb.catalogue.database import Database
from iracdb.catalogue.tables import metadata

ENDINGS = ("_aor_data.csv", "_img_data.csv", "_log.txt")


def copy_run(folder: Path, to: Path, name: str, new_name: str | None = None) -> Path:
    """Copy the three files of a run, writable, under another name where asked to."""
    to.mkdir(parents=True, exist_ok=True)
    for ending in ENDINGS:
        path = to / f"{new_name or name}{ending}"
        shutil.copyfile(folder / f"{name}{ending}", path)
    return to


def change(path: Path, edit: Callable[[str], str]) -> None:
    """Rewrite a file, byte for byte but for the edit, which must make a difference."""
    before = path.read_bytes().decode()
    after = edit(before)
    assert after != before
    path.write_bytes(after.encode())


def set_cell(line: int, column: int, text: str) -> Callable[[str], str]:
    """Make an edit: the cell of a line (from 1, the titles) and column (from 0)."""

    def edit(content: str) -> str:
        lines = content.split("\n")
        cells = lines[line - 1].split(",")
        cells[column] = text
        lines[line - 1] = ",".join(cells)
        return "\n".join(lines)

    return edit


def rows_of(path: Path) -> list[dict[str, str]]:
    """Read a CSV file by the standard library."""
    with path.open(newline="") as stream:
        return list(csv.DictReader(stream))


def dump(database: Database) -> dict[str, list[Any]]:
    """Write down every row of every table."""
    with database.read() as connection:
        return {
            table.name: sorted((tuple(row) for row in connection.execute(select(table))), key=repr)
            for table in metadata.sorted_tables
        }


def differing_files(one: Path, other: Path) -> list[str]:
    """Name the files that are not, byte for byte, in both folders."""
    names = {path.name for path in (*one.iterdir(), *other.iterdir())}
    return sorted(
        name
        for name in names
        if not (one / name).is_file()
        or not (other / name).is_file()
        or (one / name).read_bytes() != (other / name).read_bytes()
    )
