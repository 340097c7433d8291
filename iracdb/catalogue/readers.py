"""Whether a role of PostgreSQL can only read: what a query that anybody may type is asked by.

A query is carried out in a transaction that cannot write (`iracdb.catalogue.query`). This is the
second lock on the same door: who cannot write anything at all cannot do so by any trick.
"""

from __future__ import annotations

from sqlalchemy import text

from iracdb.catalogue import tables as t
from iracdb.catalogue.database import Database

_ACTING = ("pg_write_all_data", "pg_write_server_files", "pg_execute_server_program")
"""Roles that PostgreSQL brings, whose members can act on data or on the server."""

_THERE = text("SELECT 1 FROM pg_catalog.pg_roles WHERE rolname = :role")
# Of each role that it is or can become: a right that it has not now is one command away.
_CAN_WRITE = text("""
    WITH asked AS (SELECT COALESCE(CAST(:role AS name), current_user) AS name),
    become AS (
        SELECT r.oid, r.rolname, r.rolsuper
        FROM pg_catalog.pg_roles r, asked
        WHERE pg_has_role(asked.name, r.oid, 'MEMBER')
    )
    SELECT asked.name, become.rolname AS as_role,
           CASE WHEN become.rolsuper THEN 'is a superuser'
                WHEN become.rolname = ANY(:acting) THEN 'is a member of ' || become.rolname
                ELSE 'may write to ' || (
                    SELECT min(c.relname) FROM pg_catalog.pg_class c
                    WHERE c.oid = ANY(CAST(:tables AS oid[]))
                    AND (has_table_privilege(become.oid, c.oid, 'INSERT, UPDATE, DELETE, TRUNCATE')
                         OR has_any_column_privilege(become.oid, c.oid, 'INSERT, UPDATE'))
                ) END AS said
    FROM asked, become
    ORDER BY become.rolname = asked.name DESC, become.rolname
""")
_TABLES = text("""
    SELECT to_regclass(quote_ident(name))::oid FROM unnest(CAST(:names AS text[])) AS n (name)
    WHERE to_regclass(quote_ident(name)) IS NOT NULL
""")


def why_not_a_reader(database: Database, role: str | None = None) -> str | None:
    """Tell what a role can do beside reading.

    Parameters
    ----------
    database : Database
        An open catalogue.
    role : str, optional
        By default the one that is connected.

    Returns
    -------
    str or None
        A sentence without a full stop, such as ``ada may write to run``; None where it can only
        read, and on SQLite, which has no roles.
    """
    if database.dialect == "sqlite":
        return None
    with database.read() as connection:
        if role is not None and connection.execute(_THERE, {"role": role}).first() is None:
            return f"there is no role {role}"
        names = list(t.metadata.tables)
        tables = list(connection.execute(_TABLES, {"names": names}).scalars())
        asked = {"role": role, "acting": list(_ACTING), "tables": tables}
        for name, as_role, said in connection.execute(_CAN_WRITE, asked):
            if said is not None:
                through = "" if as_role == name or as_role in _ACTING else f", as {as_role}"
                return f"{name} {said}{through}"
    return None
