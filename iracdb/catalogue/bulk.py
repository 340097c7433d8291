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
            with driver.cursor() as cursor, cursor.copy(statement) as copy:
                for row in zip(*columns.values(), strict=True):
                    copy.write_row([None if value != value else value for value in row])
        else:
            statement = f'INSERT INTO "{table.name}" ({names}) VALUES '  # noqa: S608
            _insert_many(driver, statement, list(columns.values()))
    except known as problem:
        # As SQLAlchemy raises it, so that what is wrong is said in the same words everywhere.
        raise exc.DBAPIError.instance(
            statement, None, problem, known, dialect=connection.dialect
        ) from problem


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
