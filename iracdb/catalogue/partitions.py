"""Partitions: the tables that grow with the archive, cut by number into parts, on PostgreSQL.

A table is cut by a number that only grows, so that what is written later lies in a later part, and
an earlier part is hardly written again. The last part takes every number that is to come: no part
has ever to be made ahead, and none can be missing. When it has become large it is closed after the
largest number that it holds, and a new last one begins. Rows are moved only where it is undone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager

from sqlalchemy import Connection, exc, select, text
from sqlalchemy.engine import URL

from iracdb.catalogue import views
from iracdb.catalogue.cutting import CUT_BY, Part, close, cut, dependents_of, is_cut, join, parts_of
from iracdb.catalogue.database import Database, open_database
from iracdb.catalogue.locks import run_locks
from iracdb.catalogue.tables import run
from iracdb.catalogue.urls import shown
from iracdb.errors import Busy, CatalogueError, UsageError

ROWS = 20_000_000
"""A last part that holds so many rows is closed."""

_REFERRED = ("run", "frame", "file", "aor_result")
_LOCK_TIMEOUT = "10s"
_DEADLOCK = "40P01"


def partition(url: URL, *, rows: int = ROWS) -> dict[str, list[Part]]:
    """Cut the tables that grow, or go on cutting them, in one transaction.

    Where a table is whole it becomes the first part of itself as it stands; where the last part
    has become large it is closed and the next begins. Else nothing is done.

    Parameters
    ----------
    url : sqlalchemy.engine.URL
        A catalogue in PostgreSQL, which the user owns.
    rows : int, optional
        How many rows close the last part.

    Returns
    -------
    dict
        The parts of each table, afterwards.

    Raises
    ------
    CatalogueError
        On SQLite, which cannot cut tables; where something of others depends on the tables, or
        they are cut in another way.
    Busy
        While a run is made, or something else is written or read for long.
    UsageError
        Where a part is to have no rows.
    """
    if rows < 1:
        raise UsageError(f"A part needs at least one row, not {rows}")

    def change(connection: Connection) -> bool:
        whole = [table for table in CUT_BY if not is_cut(connection, table)]
        if whole:
            with _without_views(connection):
                for table in whole:
                    cut(connection, table)
        large = [table for table in CUT_BY if _is_large(connection, table, rows)]
        if large:
            _lock(connection, large, "ACCESS EXCLUSIVE")
            for table in large:
                _close_here(connection, table)
        return bool(whole or large)

    return _change(url, change)


def undo(url: URL) -> dict[str, list[Part]]:
    """Make each table one whole again, in one transaction.

    The rows of all parts but the first are written anew: a reader whose transaction began before
    does not see them there, so that nobody ought to read meanwhile.

    Parameters
    ----------
    url : sqlalchemy.engine.URL
        A catalogue in PostgreSQL, which the user owns.

    Returns
    -------
    dict
        The parts of each table, afterwards: none.

    Raises
    ------
    CatalogueError, Busy
        As by `partition`.
    """

    def change(connection: Connection) -> bool:
        in_parts = [table for table in CUT_BY if parts_of(connection, table)]
        if in_parts:
            with _without_views(connection):
                for table in in_parts:
                    join(connection, table)
        return bool(in_parts)

    return _change(url, change)


def _change(url: URL, change: Callable[[Connection], bool]) -> dict[str, list[Part]]:
    database = open_database(url)
    try:
        if database.dialect != "postgresql":
            raise CatalogueError(
                f"{shown(url)} is an SQLite file, and SQLite cannot cut a table into partitions: "
                "'iracdb copy' brings the catalogue to PostgreSQL, which can"
            )
        with _no_run_is_made(database), database.write() as connection, _deadlock_told(url):
            connection.execute(text(f"SET LOCAL lock_timeout = '{_LOCK_TIMEOUT}'"))
            # First those that others are written before; two of us wait for each other here.
            _lock(connection, _REFERRED, "SHARE ROW EXCLUSIVE")
            changed = change(connection)
        with database.write() as connection:
            if changed:
                connection.execute(text(f"ANALYZE {', '.join(CUT_BY)}"))
            return {table: parts_of(connection, table) for table in CUT_BY}
    finally:
        database.close()


@contextmanager
def _without_views(connection: Connection) -> Iterator[None]:
    """Hold all tables that are cut, while no view looks at them.

    A view stays with the table that it was made of, whatever that is called later.
    """
    views.drop_all(connection)
    _lock(connection, tuple(CUT_BY), "ACCESS EXCLUSIVE")
    for table in CUT_BY:
        found = dependents_of(connection, table)
        if found:
            raise CatalogueError(
                f"Others have made something of the table {table}, which would be cut off from it: "
                f"drop it before, and make it anew afterwards: {', '.join(found)}"
            )
    yield
    views.rebuild_all(connection)


@contextmanager
def _no_run_is_made(database: Database) -> Iterator[None]:
    """Hold all runs that are not finished: whoever makes one holds it."""
    with database.read() as connection:
        open_runs = connection.execute(select(run.c.run_id).where(run.c.state == "running"))
        numbers = list(open_runs.scalars())
    with ExitStack() as stack:
        try:
            stack.enter_context(run_locks(database, numbers))
        except Busy:
            raise Busy(
                f"A run is being made in {shown(database.url)}, and its rows belong into tables "
                "that are to be changed: try again when it is done"
            ) from None
        yield


@contextmanager
def _deadlock_told(url: URL) -> Iterator[None]:
    try:
        yield
    except exc.OperationalError as problem:
        if getattr(problem.orig, "sqlstate", None) != _DEADLOCK:
            raise
        raise Busy(f"Another process uses {shown(url)}: try again when it is done") from problem


def _lock(connection: Connection, tables: Sequence[str], mode: str) -> None:
    connection.execute(text(f"LOCK TABLE {', '.join(tables)} IN {mode} MODE"))


def _last_part(connection: Connection, table: str) -> Part:
    last = parts_of(connection, table)[-1]
    if last.end is not None:
        raise CatalogueError(
            f"The table {table} has no part for the numbers from {last.end}: add one by SQL before"
        )
    return last


def _is_large(connection: Connection, table: str, rows: int) -> bool:
    last = _last_part(connection, table).name
    there = f"SELECT count(*) FROM (SELECT 1 FROM {last} LIMIT {rows}) AS first_rows"  # noqa: S608
    return int(connection.execute(text(there)).scalar_one()) >= rows


def _close_here(connection: Connection, table: str) -> None:
    last = _last_part(connection, table).name
    largest = connection.execute(text(f"SELECT max({CUT_BY[table]}) FROM {last}")).scalar_one()  # noqa: S608
    close(connection, table, int(largest) + 1)
