"""Writing many rows at the speed of the driver."""

from __future__ import annotations

import gc
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import islice
from typing import Any

from sqlalchemy import Connection, Table, exc, func, select, text

_MOST_VARIABLES = 999
"""In one statement: what every SQLite takes."""

_ROWS_IN_MEMORY = 10_000
"""Of a stream of rows, however long it is."""

_BINARY: dict[str, frozenset[type]] = {
    "bigint": frozenset({int}),
    "integer": frozenset({int}),
    "double precision": frozenset({float, int}),
    "text": frozenset({str}),
    "boolean": frozenset({bool, int}),
}
"""Types of PostgreSQL that are sent as bits, and the values that are sent as they are."""

_RANGES = {"bigint": (-(2**63), 2**63 - 1), "integer": (-(2**31), 2**31 - 1), "boolean": (0, 1)}


@contextmanager
def no_garbage_collection() -> Iterator[None]:
    """Let Python look for no cycles: millions of plain values form none, and are visited often."""
    collects = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collects:
            gc.enable()


def insert_rows(
    connection: Connection, table: Table, columns: Sequence[str], rows: Iterable[Sequence[Any]]
) -> None:
    """Insert rows of plain values.

    Parameters
    ----------
    connection : sqlalchemy.Connection
        In a transaction that may write.
    table : sqlalchemy.Table
        Where to.
    columns : sequence of str
        Names of its columns.
    rows : iterable of sequence
        Values in the order of the columns, as the driver takes them.
    """
    coming = iter(rows)
    while some := list(islice(coming, _ROWS_IN_MEMORY)):
        values = zip(*some, strict=True)
        insert_columns(connection, table, dict(zip(columns, values, strict=True)))


def insert_columns(
    connection: Connection, table: Table, columns: Mapping[str, Sequence[Any]]
) -> None:
    """Insert columns of plain values: by COPY on PostgreSQL, many rows a statement on SQLite.

    COPY sends bits where the values are what the columns hold; JSON, bytes, and what does not fit,
    are sent as text, so that it is the server that reads or refuses them.

    Parameters
    ----------
    connection : sqlalchemy.Connection
        In a transaction that may write.
    table : sqlalchemy.Table
        Where to.
    columns : mapping
        Values of each row, as the driver takes them, by the names of the columns. A NaN is stored
        as NULL, on SQLite sooner than None: its driver asks at length what a None might be.
    """
    names = ", ".join(f'"{column}"' for column in columns)
    driver: Any = connection.connection.dbapi_connection
    known: Any = connection.dialect.loaded_dbapi.Error
    statement = f'COPY "{table.name}" ({names}) FROM STDIN'
    try:
        if connection.dialect.name == "postgresql":
            types = [_type_of(connection, table, name) for name in columns]
            binary = all(map(_fits, types, columns.values()))
            if binary:
                statement += " (FORMAT BINARY)"
            _copy(driver, statement, types if binary else None, columns.values())
        else:
            statement = f'INSERT INTO "{table.name}" ({names}) VALUES '  # noqa: S608
            _insert_many(driver, statement, list(columns.values()))
    except known as problem:
        # As SQLAlchemy raises it, so that what is wrong is said in the same words everywhere.
        raise exc.DBAPIError.instance(
            statement, None, problem, known, dialect=connection.dialect
        ) from problem


def _type_of(connection: Connection, table: Table, column: str) -> str:
    return table.c[column].type.compile(connection.dialect).lower()


def _fits(name: str, values: Sequence[Any]) -> bool:
    """Tell whether values can be sent as bits of a type: the driver would cut off what is over."""
    if not set(map(type, values)) <= _BINARY.get(name, frozenset()) | {type(None)}:
        return False
    if name not in _RANGES:
        return True
    least, most = _RANGES[name]
    there = [value for value in values if value is not None]
    return not there or (least <= min(there) and max(there) <= most)


def _copy(
    driver: Any, statement: str, types: Sequence[str] | None, columns: Iterable[Sequence[Any]]
) -> None:
    without_nan = [[None if value != value else value for value in values] for values in columns]
    with driver.cursor() as cursor, cursor.copy(statement) as copy:
        if types is not None:
            copy.set_types(types)
        for row in zip(*without_nan, strict=True):
            copy.write_row(row)


def _insert_many(driver: Any, statement: str, columns: Sequence[Sequence[Any]]) -> None:
    """Insert as many rows at once as may be: to begin a statement costs more than a row."""
    width = len(columns)
    cells: list[Any] = [None] * (width * len(columns[0]))
    for place, values in enumerate(columns):
        cells[place::width] = values
    row = f"({', '.join('?' * width)})"
    at_once = _MOST_VARIABLES // width
    step = at_once * width
    whole = len(cells) // step * step
    full = (cells[start : start + step] for start in range(0, whole, step))
    driver.executemany(statement + ", ".join([row] * at_once), full)
    if whole < len(cells):
        rest = cells[whole:]
        driver.execute(statement + ", ".join([row] * (len(rest) // width)), rest)


def reserve_numbers(connection: Connection, table: Table, count: int) -> range | list[int]:
    """Take numbers for rows to come, so that they can be written in bulk and still be named.

    Parameters
    ----------
    connection : sqlalchemy.Connection
        In a transaction that writes: on SQLite nobody else does.
    table : sqlalchemy.Table
        With a key named ``id``.
    count : int
        How many.

    Returns
    -------
    range or list of int
        Numbers that no row has or will be given.
    """
    if connection.dialect.name == "postgresql":
        sequence = text(
            "SELECT nextval(pg_get_serial_sequence(:name, 'id')) FROM generate_series(1, :count)"
        )
        return list(connection.execute(sequence, {"name": table.name, "count": count}).scalars())
    largest = connection.execute(select(func.max(table.c.id))).scalar() or 0
    return range(largest + 1, largest + 1 + count)
