"""Writing many rows at the speed of the driver."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import Connection, Table, exc, func, select, text


def insert_rows(
    connection: Connection, table: Table, columns: Sequence[str], rows: Iterable[Sequence[Any]]
) -> None:
    """Insert rows of plain values: by COPY on PostgreSQL, by a prepared statement on SQLite.

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
    names = ", ".join(f'"{column}"' for column in columns)
    driver: Any = connection.connection.dbapi_connection
    known: Any = connection.dialect.loaded_dbapi.Error
    statement = f'COPY "{table.name}" ({names}) FROM STDIN'
    try:
        if connection.dialect.name == "postgresql":
            with driver.cursor() as cursor, cursor.copy(statement) as copy:
                for row in rows:
                    copy.write_row(row)
        else:
            marks = ", ".join("?" for _ in columns)
            statement = f'INSERT INTO "{table.name}" ({names}) VALUES ({marks})'  # noqa: S608
            driver.executemany(statement, rows)
    except known as problem:
        # As SQLAlchemy raises it, so that what is wrong is said in the same words everywhere.
        raise exc.DBAPIError.instance(
            statement, None, problem, known, dialect=connection.dialect
        ) from problem


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
