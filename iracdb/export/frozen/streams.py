"""Rows as they are stored: read in a stream, in an order that both databases agree on."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any, TypeVar

from sqlalchemy import JSON, Connection, Row, Select, Text, cast, type_coerce
from sqlalchemy.sql import ColumnElement

Item = TypeVar("Item")

AT_ONCE = 500
"""Rows that are held in memory together, and values that one question asks for."""


def stored_columns(connection: Connection, table: Any) -> list[ColumnElement[Any]]:
    """List a table's columns as they are to be read to be written elsewhere.

    Parameters
    ----------
    connection : sqlalchemy.Connection
        Where they are read.
    table : sqlalchemy.Table
        Whose columns.

    Returns
    -------
    list
        JSON as its text, so that NULL and a JSON null stay apart and nothing is written anew.
    """
    as_text = type_coerce if connection.dialect.name == "sqlite" else cast
    return [
        as_text(column, Text).label(column.name) if isinstance(column.type, JSON) else column
        for column in table.columns
    ]


def in_order(connection: Connection, columns: Iterable[Any]) -> list[ColumnElement[Any]]:
    """Make an order that does not depend on the database or its language.

    Parameters
    ----------
    connection : sqlalchemy.Connection
        Where it is asked.
    columns : iterable of sqlalchemy.Column
        To sort by.

    Returns
    -------
    list
        For ``order_by``: texts by their bytes, NULL first.
    """
    by_bytes = connection.dialect.name == "postgresql"
    return [
        (
            column.collate("C") if by_bytes and isinstance(column.type, Text) else column
        ).nulls_first()
        for column in columns
    ]


def stream(connection: Connection, query: Select[Any]) -> Iterator[Row[Any]]:
    """Read rows without holding all of them.

    Parameters
    ----------
    connection : sqlalchemy.Connection
        In a transaction.
    query : sqlalchemy.Select
        What to read.

    Yields
    ------
    Row
        In the order of the query.
    """
    yield from connection.execute(query, execution_options={"yield_per": AT_ONCE})


def batches(items: Iterable[Item], size: int = AT_ONCE) -> Iterator[list[Item]]:
    """Gather a stream into lists.

    Parameters
    ----------
    items : iterable
        Any.
    size : int, optional
        The largest length of a list.

    Yields
    ------
    list
        Not empty.
    """
    left = iter(items)
    while batch := list(islice(left, size)):
        yield batch
