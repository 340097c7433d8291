"""Cutting a PostgreSQL table into parts by a number, closing the last part, joining all again.

A table that is cut keeps its name, columns, keys, indices, owner, rights and comments; what it
held becomes its first part, as it stands. A part's numbers go from its first to below its end.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import Connection, text

from iracdb.errors import CatalogueError

CUT_BY: Mapping[str, str] = {
    "header": "file_id",
    "run_input": "run_id",
    "image_result": "aor_result_id",
}
"""The tables that are cut, and by which number of each."""

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
    if connection.dialect.name != "postgresql" or not is_cut(connection, table):
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


def cut(connection: Connection, table: str) -> None:
    """Make a whole table the first and last part of one that is cut: no row is touched.

    Parameters
    ----------
    connection : sqlalchemy.Connection
        In a transaction that may write, of which no view looks at the table.
    table : str
        One of `CUT_BY`.
    """
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


def join(connection: Connection, table: str) -> None:
    """Make a table whole again: the first part takes the rows of the others, and its name.

    Parameters
    ----------
    connection : sqlalchemy.Connection
        In a transaction that may write, of which no view looks at the table.
    table : str
        One of `CUT_BY`, which is cut.
    """
    parts = parts_of(connection, table)
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


def dependents_of(connection: Connection, table: str) -> list[str]:
    """Name what has been made of a table beside its parts: views, triggers, keys that refer to it.

    Parameters
    ----------
    connection : sqlalchemy.Connection
        To a catalogue in PostgreSQL.
    table : str
        Its name.

    Returns
    -------
    list of str
        Such as ``'view bright'``; it would stay with the part that the table becomes.
    """
    return sorted(set(connection.execute(_DEPENDENTS, {"table": table}).scalars()))


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


def is_cut(connection: Connection, table: str) -> bool:
    """Tell whether a table is cut into parts.

    Parameters
    ----------
    connection : sqlalchemy.Connection
        To a catalogue in PostgreSQL.
    table : str
        Its name.

    Returns
    -------
    bool
        False where it is one whole.
    """
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
