"""Noting a row once, whoever else notes it at the same moment."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

from sqlalchemy import Connection, Select, Table, bindparam, select
from sqlalchemy.dialects import postgresql, sqlite

_INSERT: dict[str, Any] = {"postgresql": postgresql.insert, "sqlite": sqlite.insert}


def find_or_insert(
    connection: Connection, table: Table, key: Mapping[str, Any], values: Mapping[str, Any]
) -> int:
    """Find the row of a key, or make it.

    Two that look first and insert then may both find nothing; so the insertion itself says
    whether the row is there, and on PostgreSQL waits for another that is just making it.

    Parameters
    ----------
    connection : sqlalchemy.Connection
        In a transaction that may write.
    table : sqlalchemy.Table
        With a column ``id`` and a unique constraint over the key.
    key : mapping
        Columns that tell the row.
    values : mapping
        The others, where it has to be made.

    Returns
    -------
    int
        Its ``id``.
    """
    held = _held(table, tuple(key))
    found = connection.execute(held, key).scalar_one_or_none()
    if found is None:
        insert = _insert(connection.dialect.name, table, tuple(key))
        connection.execute(insert, {**key, **values})
        found = connection.execute(held, key).scalar_one()
    return int(found)


# Kept: a run notes thousands of targets, and to make a statement takes longer than to execute it.
@cache
def _held(table: Table, key: tuple[str, ...]) -> Select[tuple[Any]]:
    return select(table.c.id).where(*(table.c[name] == bindparam(name) for name in key))


@cache
def _insert(dialect: str, table: Table, key: tuple[str, ...]) -> Any:
    return _INSERT[dialect](table).on_conflict_do_nothing(index_elements=list(key))
