"""What tables hold, in one SHA-256 each: whether rows are still what they were, or came over whole.

These are not the digest that is cited, which is over a run's results alone.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from sqlalchemy import JSON, Connection, LargeBinary

from iracdb.catalogue.revisions import VERSION_TABLE
from iracdb.export.frozen.streams import AT_ONCE

Fingerprints = dict[str, dict[str, Any]]
"""Rows and SHA-256 by the table's name."""


class Fingerprint:
    """Takes rows in and tells their digest.

    Parameters
    ----------
    long_places : sequence of int, optional
        Which cells are bytes or long texts: they are hashed by themselves.
    json_alike : bool, optional
        Whether JSON counts as what it says, since the two databases write it otherwise.
    """

    def __init__(self, long_places: Sequence[int] = (), *, json_alike: bool = False) -> None:
        self._hash = hashlib.sha256()
        self._long_places = tuple(long_places)
        self._json_alike = json_alike
        self.rows = 0

    def add(self, row: Sequence[Any]) -> None:
        """Take a row in.

        Parameters
        ----------
        row : sequence
            Plain values; -0.0 counts as 0.0, which SQLite makes of it.
        """
        cells: list[Any] = list(row)
        for place in self._long_places:
            cells[place] = self._shortened(cells[place])
        written = repr(cells)
        if "-0.0" in written:
            written = repr([cell + 0.0 if isinstance(cell, float) else cell for cell in cells])
        self._hash.update(written.encode("utf-8", "surrogatepass"))
        self.rows += 1

    def _shortened(self, cell: Any) -> Any:
        if isinstance(cell, str):
            text = plain_json(cell) if self._json_alike else cell
            return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
        return hashlib.sha256(cell).digest() if isinstance(cell, bytes) else cell

    @property
    def sha256(self) -> str:
        """Hexadecimal."""
        return self._hash.hexdigest()


def long_places(table: Any) -> list[int]:
    """Tell which columns of a table hold bytes or JSON.

    Parameters
    ----------
    table : sqlalchemy.Table
        Any.

    Returns
    -------
    list of int
        Their places, from 0.
    """
    return [
        place for place, c in enumerate(table.columns) if isinstance(c.type, JSON | LargeBinary)
    ]


def _number(text: str) -> float:
    # PostgreSQL keeps 1e+20 as 100000000000000000000 and -0.0 as 0.0.
    return float(text) + 0.0


def plain_json(text: str) -> str:
    """Write JSON in the one way in which equal values are equal texts.

    Parameters
    ----------
    text : str
        As a database gives it.

    Returns
    -------
    str
        What is not JSON as it is.
    """
    try:
        value = json.loads(text, parse_int=_number, parse_float=_number)
    except ValueError:
        return text
    return json.dumps(value, sort_keys=True)


def of_file(connection: Connection, left_out: Callable[[str], str]) -> Fingerprints:
    """Take the fingerprints of an SQLite file's tables, of whatever revision.

    Parameters
    ----------
    connection : sqlalchemy.Connection
        To an SQLite database.
    left_out : callable
        Gives an SQL condition by a table's name: the rows that count.

    Returns
    -------
    dict
        By table.
    """
    tables = connection.exec_driver_sql(
        "SELECT name FROM sqlite_master WHERE type = 'table' "
        "AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' ORDER BY name"
    )
    found: Fingerprints = {}
    for name in tables.scalars().all():
        if name != VERSION_TABLE:
            found[name] = _of_table(connection, name, left_out(name))
    return found


def _of_table(connection: Connection, name: str, condition: str) -> dict[str, Any]:
    columns = connection.exec_driver_sql(f"PRAGMA table_info({_name(name)})")
    found = columns.all()
    listed = [(row.name, row.pk) for row in found]
    keys = ", ".join(_name(column) for column, place in _by_place(listed))
    order = f" ORDER BY {keys}" if keys else ""
    names = ", ".join(_name(column) for column, _ in listed)
    taken = Fingerprint([i for i, row in enumerate(found) if row.type in ("BLOB", "JSON")])
    taken.add([column for column, _ in listed])
    rows = connection.exec_driver_sql(
        f"SELECT {names} FROM {_name(name)} WHERE {condition}{order}",  # noqa: S608
        execution_options={"yield_per": AT_ONCE},
    )
    for row in rows:
        taken.add(row)
    return {"rows": taken.rows - 1, "sha256": taken.sha256}


def _by_place(columns: Iterable[tuple[str, int]]) -> list[tuple[str, int]]:
    return sorted(((name, place) for name, place in columns if place), key=lambda pair: pair[1])


def _name(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
