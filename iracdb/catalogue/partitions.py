"""Partitions: the tables that grow with the archive, cut by number into parts, on PostgreSQL.

A table is cut by a number that only grows, so that what is written later lies in a later part, and
an earlier part is never written again. The last part takes every number that is to come: no part
has ever to be made ahead, and none can be missing. When it has become large it is closed at the
largest number that it holds, and a new last one begins. Rows are moved only where it is all undone.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, exc, select, text
from sqlalchemy.engine import URL

from iracdb.catalogue import views
from iracdb.catalogue.database import Database, open_database
from iracdb.catalogue.locks import run_locks
from iracdb.catalogue.tables import run
from iracdb.catalogue.urls import shown
from iracdb.errors import Busy, CatalogueError, UsageError

CUT_BY: Mapping[str, str] = {
    "header": "file_id",
    "run_input": "run_id",
    "image_result": "aor_result_id",
}
"""The tables that are cut, and by which number of each."""

ROWS = 20_000_000
"""A last part that holds so many rows is closed."""

_REFERRED = ("run", "frame", "file", "aor_result")
_LOCK_TIMEOUT = "10s"
_DEADLOCK = "40P01"
_BOUNDS = re.compile(
    r"FOR VALUES FROM \((MINVALUE|'-?\d+'|-?\d+)\) TO \((MAXVALUE|'-?\d+'|-?\d+)\)"
)


@dataclass(frozen=True)
class Part:
    """One part of a table.

    Parameters
    ----------
    name : str
        Its own name.
    first, end : int or None
        The smallest number that belongs to it, and the one after the largest; None: no bound.
    rows : int
        How many it holds, as the database's statistics tell: not to the row.
    size : int
        Bytes on the disk, indices included.
    """

    name: str
    first: int | None
    end: int | None
    rows: int
    size: int


def parts_of(connection: Connection, table: str) -> list[Part]:
    """List the parts of a table, in the order of their numbers.

    Parameters
    ----------
    connection : sqlalchemy.Connection
        To a catalogue.
    table : str
        One of `CUT_BY`.

    Returns
    -------
    list of Part
        Empty where the table is one whole, as always on SQLite.

    Raises
    ------
    CatalogueError
        Where somebody has cut it in another way.
    """
    if connection.dialect.name != "postgresql" or not _is_cut(connection, table):
        return []
    found = connection.execute(_PARTS, {"table": table}).all()
    parts = []
    for row in found:
        bounds = _BOUNDS.fullmatch(row.bounds or "")
        if bounds is None:
            raise CatalogueError(
                f"The table {table} is cut into partitions in a way that is not iracdb's "
                f"({row.name}: {row.bounds}): undo that by SQL before"
            )
        first, end = (_number(bound) for bound in bounds.groups())
        parts.append(Part(row.name, first, end, max(0, int(row.rows)), int(row.size)))
    return sorted(parts, key=lambda part: (part.first is not None, part.first or 0))


def names_of_parts(connection: Connection) -> set[str]:
    """Name all parts: tables that no model tells of, since they belong to others.

    Parameters
    ----------
    connection : sqlalchemy.Connection
        To any database.

    Returns
    -------
    set of str
        Names of tables.
    """
    if connection.dialect.name != "postgresql":
        return set()
    return set(connection.execute(_NAMES).scalars())


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
        On SQLite, which cannot cut tables; where something of others depends on the tables.
    Busy
        While a run is made, or something else is written or read for long.
    UsageError
        Where a part is to have no rows.
    """
    if rows < 1:
        raise UsageError(f"A part needs at least one row, not {rows}")
    return _change(url, lambda connection: [_go_on(connection, name, rows) for name in CUT_BY])


def undo(url: URL) -> dict[str, list[Part]]:
    """Make each table one whole again, in one transaction.

    The rows of all parts but the first are written anew.

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
    return _change(url, lambda connection: [_join(connection, name) for name in CUT_BY])


def _change(url: URL, change: Any) -> dict[str, list[Part]]:
    database = open_database(url)
    try:
        if database.dialect != "postgresql":
            raise CatalogueError(
                f"{shown(url)} is an SQLite file, and SQLite cannot cut a table into partitions: "
                "'iracdb copy' brings the catalogue to PostgreSQL, which can"
            )
        with _no_run_is_made(database), database.write() as connection, _deadlock_told(url):
            connection.execute(text(f"SET LOCAL lock_timeout = '{_LOCK_TIMEOUT}'"))
            # In the order in which those who write and read take them.
            _lock(connection, _REFERRED, "SHARE ROW EXCLUSIVE")
            # A view stays with the table that it was made of, whatever that is called later.
            views.drop_all(connection)
            _lock(connection, tuple(CUT_BY), "ACCESS EXCLUSIVE")
            _refuse_dependents(connection)
            changed = any(change(connection))
            views.rebuild_all(connection)
        with database.write() as connection:
            if changed:
                connection.execute(text(f"ANALYZE {', '.join(CUT_BY)}"))
            return {table: parts_of(connection, table) for table in CUT_BY}
    finally:
        database.close()


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


def _refuse_dependents(connection: Connection) -> None:
    """Refuse where others have made something of the tables, which would stay with the parts."""
    for table in CUT_BY:
        found = connection.execute(_DEPENDENTS, {"table": table}).scalars().all()
        if found:
            raise CatalogueError(
                f"Others have made something of the table {table}, which would be cut off from it: "
                f"drop it before, and make it anew afterwards: {', '.join(sorted(set(found)))}"
            )


def _go_on(connection: Connection, table: str, rows: int) -> bool:
    """Cut a table that is whole; close its last part where it is large."""
    new = not _is_cut(connection, table)
    if new:
        _cut(connection, table)
    last, column = parts_of(connection, table)[-1], CUT_BY[table]
    if last.end is not None:
        raise CatalogueError(
            f"The table {table} has no part for the numbers from {last.end}: add one by SQL before"
        )
    there = f"SELECT count(*) FROM (SELECT 1 FROM {last.name} LIMIT {rows}) AS first_rows"  # noqa: S608
    large = int(connection.execute(text(there)).scalar_one()) >= rows
    if large:
        largest = connection.execute(text(f"SELECT max({column}) FROM {last.name}")).scalar_one()  # noqa: S608
        close(connection, table, int(largest) + 1)
    return new or large


def close(connection: Connection, table: str, end: int) -> None:
    """Close the last part of a table below a number, and begin the next.

    Parameters
    ----------
    connection : sqlalchemy.Connection
        In a transaction that may write.
    table : str
        One of `CUT_BY`, which is cut.
    end : int
        The first number of the next part: larger than all that the last one holds.
    """
    parts = parts_of(connection, table)
    last = parts[-1]
    new = _free_name(connection, table, len(parts) + 1)
    first = "MINVALUE" if last.first is None else str(last.first)
    for statement in (
        f"ALTER TABLE {table} DETACH PARTITION {last.name}",
        f"ALTER TABLE {table} ATTACH PARTITION {last.name} FOR VALUES FROM ({first}) TO ({end})",
        f"CREATE TABLE {new} PARTITION OF {table} FOR VALUES FROM ({end}) TO (MAXVALUE)",
    ):
        connection.execute(text(statement))
    _give_to_owner(connection, table, new)


def _cut(connection: Connection, table: str) -> None:
    """Make a whole table the first and last part of one that is cut: no row is touched."""
    first, column = _free_name(connection, table, 1), CUT_BY[table]
    keys = connection.execute(_CONSTRAINTS, {"table": table}).all()
    indices = connection.execute(_INDICES, {"table": table}).all()
    connection.execute(text(f"ALTER TABLE {table} RENAME TO {first}"))
    for name, _, _ in indices:
        connection.execute(text(f"ALTER INDEX {name} RENAME TO {name}_1"))
    connection.execute(text(
        f"CREATE TABLE {table} (LIKE {first} INCLUDING ALL EXCLUDING INDEXES) "
        f"PARTITION BY RANGE ({column})"
    ))  # fmt: skip
    for name, definition in keys:
        connection.execute(text(f"ALTER TABLE {table} ADD CONSTRAINT {name} {definition}"))
    for _, definition, of_constraint in indices:
        if not of_constraint:
            connection.exec_driver_sql(definition)
    connection.execute(text(
        f"ALTER TABLE {table} ATTACH PARTITION {first} FOR VALUES FROM (MINVALUE) TO (MAXVALUE)"
    ))  # fmt: skip
    _tell_as_before(connection, first, table)


def _join(connection: Connection, table: str) -> bool:
    """Make a table whole again: the first part takes the rows of the others, and its name."""
    parts = parts_of(connection, table)
    if not parts:
        return False
    first, *others = [part.name for part in parts]
    names = connection.execute(_INDICES_OF_PART, {"table": table, "part": first}).all()
    columns = ", ".join(connection.execute(_COLUMNS, {"table": table}).scalars())
    for name in (first, *others):
        connection.execute(text(f"ALTER TABLE {table} DETACH PARTITION {name}"))
    for name in others:
        rows = f"INSERT INTO {first} ({columns}) SELECT {columns} FROM {name}"  # noqa: S608
        connection.execute(text(rows))
        connection.execute(text(f"DROP TABLE {name}"))
    _tell_as_before(connection, table, first)
    connection.execute(text(f"DROP TABLE {table}"))
    connection.execute(text(f"ALTER TABLE {first} RENAME TO {table}"))
    for of_part, of_whole in names:
        connection.execute(text(f"ALTER INDEX {of_part} RENAME TO {of_whole}"))
    return True


def _tell_as_before(connection: Connection, old: str, new: str) -> None:
    """Give a table the owner, rights and comments of another."""
    _give_to_owner(connection, old, new)
    for right in connection.execute(_TAKEN, {"table": new}).scalars():
        connection.exec_driver_sql(right)
    for right in connection.execute(_GIVEN, {"old": old, "new": new}).scalars():
        connection.exec_driver_sql(right)
    for comment in connection.execute(_COMMENTS, {"old": old, "new": new}).scalars():
        connection.exec_driver_sql(comment, execution_options={"no_parameters": True})


def _give_to_owner(connection: Connection, of: str, table: str) -> None:
    owner = connection.execute(_OWNER, {"table": of}).scalar_one()
    if owner != connection.execute(_OWNER, {"table": table}).scalar_one():
        connection.exec_driver_sql(f"ALTER TABLE {table} OWNER TO {owner}")


def _free_name(connection: Connection, table: str, number: int) -> str:
    taken = "SELECT to_regclass(:name) IS NOT NULL"
    while connection.execute(text(taken), {"name": f"{table}_{number}"}).scalar_one():
        number += 1
    return f"{table}_{number}"


def _is_cut(connection: Connection, table: str) -> bool:
    kind = text("SELECT relkind = 'p' FROM pg_class WHERE oid = to_regclass(:table)")
    return bool(connection.execute(kind, {"table": table}).scalar_one())


def _number(bound: str) -> int | None:
    return None if bound.endswith("VALUE") else int(bound.strip("'"))


_PARTS = text("""
    SELECT part.relname AS name, pg_get_expr(part.relpartbound, part.oid) AS bounds,
        part.reltuples AS rows, pg_total_relation_size(part.oid) AS size
    FROM pg_inherits i JOIN pg_class part ON part.oid = i.inhrelid
    WHERE i.inhparent = to_regclass(:table)
""")
_NAMES = text("SELECT relname FROM pg_class WHERE relispartition AND relkind IN ('r', 'p')")
_OWNER = text(
    "SELECT quote_ident(pg_get_userbyid(relowner)) FROM pg_class WHERE oid = to_regclass(:table)"
)
_COLUMNS = text("""
    SELECT quote_ident(attname) FROM pg_attribute
    WHERE attrelid = to_regclass(:table) AND attnum > 0 AND NOT attisdropped ORDER BY attnum
""")
# Keys; checks come with the columns, and what forbids NULL, too.
_CONSTRAINTS = text("""
    SELECT quote_ident(conname), pg_get_constraintdef(oid) FROM pg_constraint
    WHERE conrelid = to_regclass(:table) AND contype IN ('p', 'u', 'f') ORDER BY contype DESC
""")
_INDICES = text("""
    SELECT quote_ident(one.relname), pg_get_indexdef(one.oid), EXISTS (
        SELECT 1 FROM pg_constraint WHERE conindid = one.oid AND conrelid = i.indrelid)
    FROM pg_index i JOIN pg_class one ON one.oid = i.indexrelid
    WHERE i.indrelid = to_regclass(:table) ORDER BY one.relname
""")
_INDICES_OF_PART = text("""
    SELECT quote_ident(child.relname), quote_ident(parent.relname)
    FROM pg_index i JOIN pg_class child ON child.oid = i.indexrelid
    JOIN pg_inherits h ON h.inhrelid = child.oid JOIN pg_class parent ON parent.oid = h.inhparent
    JOIN pg_index whole ON whole.indexrelid = parent.oid
    WHERE i.indrelid = to_regclass(:part) AND whole.indrelid = to_regclass(:table)
""")
# Views of others, triggers, and keys that refer to the table.
_DEPENDENTS = text("""
    SELECT 'view ' || r.ev_class::regclass::text FROM pg_depend d
    JOIN pg_rewrite r ON d.classid = 'pg_rewrite'::regclass AND r.oid = d.objid
    WHERE d.refclassid = 'pg_class'::regclass AND d.refobjid = to_regclass(:table)
    UNION ALL
    SELECT 'trigger ' || tgname FROM pg_trigger
    WHERE tgrelid = to_regclass(:table) AND NOT tgisinternal
    UNION ALL
    SELECT 'key ' || conname || ' of ' || conrelid::regclass::text FROM pg_constraint
    WHERE confrelid = to_regclass(:table) AND contype = 'f' AND conparentid = 0
""")
_GRANTEE = "CASE r.grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(r.grantee)) END"
_TAKEN = text(f"""
    SELECT DISTINCT format('REVOKE ALL ON %I FROM %s', relname, {_GRANTEE})
    FROM pg_class, aclexplode(relacl) r WHERE oid = to_regclass(:table)
""")  # noqa: S608
_GIVEN = text(f"""
    SELECT format('GRANT %s ON %I TO %s%s', r.privilege_type, CAST(:new AS text), {_GRANTEE},
        CASE WHEN r.is_grantable THEN ' WITH GRANT OPTION' ELSE '' END)
    FROM pg_class, aclexplode(relacl) r WHERE oid = to_regclass(:old)
    UNION ALL
    SELECT format('GRANT %s (%I) ON %I TO %s%s', r.privilege_type, attname, CAST(:new AS text),
        {_GRANTEE}, CASE WHEN r.is_grantable THEN ' WITH GRANT OPTION' ELSE '' END)
    FROM pg_attribute, aclexplode(attacl) r
    WHERE attrelid = to_regclass(:old) AND attnum > 0 AND NOT attisdropped
""")  # noqa: S608
_COMMENTS = text("""
    SELECT format('COMMENT ON TABLE %I IS %L', CAST(:new AS text),
        obj_description(to_regclass(:old), 'pg_class'))
    UNION ALL
    SELECT format('COMMENT ON COLUMN %I.%I IS %L', CAST(:new AS text), attname,
        col_description(attrelid, attnum))
    FROM pg_attribute
    WHERE attrelid = to_regclass(:old) AND attnum > 0 AND NOT attisdropped
""")
