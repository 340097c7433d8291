"""The user's own SQL: one query, carried out where it can change nothing.

Nothing here rests on reading the SQL right. SQLite gets a connection of its own, opened read-only,
with an authorizer that allows reading and nothing else. PostgreSQL gets a connection of its own in
a READ ONLY transaction that has begun to read (after which no query can make it write), in which
the text stands inside ``DECLARE ... CURSOR FOR`` and goes by the extended protocol: one statement,
and only a query. What a transaction does not hold back, functions that act on the server or open
connections of their own, is refused by the catalogue of functions. The connection is thrown away.
The text is taken apart only to say in plain words what is wrong with it.
"""

from __future__ import annotations

import re
import sqlite3
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from sqlalchemy import exc, inspect

from iracdb.catalogue.database import BUSY_TIMEOUT_SECONDS, Database
from iracdb.catalogue.driver_errors import translate
from iracdb.catalogue.query_text import LETTER, NOTHING_CHANGES, Query, one_query
from iracdb.catalogue.sqlite_files import opened_to_read
from iracdb.catalogue.urls import shown
from iracdb.errors import QueryRefused, Unreachable, UsageError

if TYPE_CHECKING:
    import psycopg

HARMLESS_VOLATILE = (
    "bernoulli", "clock_timestamp", "gen_random_uuid", "pg_column_size", "pg_database_size",
    "pg_indexes_size", "pg_relation_size", "pg_sleep", "pg_table_size", "pg_total_relation_size",
    "random", "random_normal", "system", "timeofday", "uuidv4", "uuidv7",
)  # fmt: skip
"""Functions of PostgreSQL that are called volatile but leave nothing behind."""

_DIRECT_ONLY = 0x80000  # SQLITE_DIRECTONLY: what SQLite itself calls unsafe in a view
_STEPS_BETWEEN_LOOKS = 10_000  # of SQLite's machine: some 0.1 ms
_ALLOWED = {
    sqlite3.SQLITE_SELECT,
    sqlite3.SQLITE_READ,
    sqlite3.SQLITE_FUNCTION,
    sqlite3.SQLITE_RECURSIVE,
}
_NOT_THE_QUERYS_FAULT = {
    sqlite3.SQLITE_BUSY,
    sqlite3.SQLITE_LOCKED,
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_CORRUPT,
    sqlite3.SQLITE_FULL,
    sqlite3.SQLITE_CANTOPEN,
    sqlite3.SQLITE_NOTADB,
}
_ACTIONS = {
    getattr(sqlite3, f"SQLITE_{word}"): word.replace("_", " ")
    for word in ("INSERT", "UPDATE", "DELETE", "PRAGMA", "ATTACH", "DETACH", "TRANSACTION")
}


@dataclass(frozen=True)
class QueryResult:
    """What a query gave.

    Parameters
    ----------
    columns : tuple of str
        Names of the columns, as the database gives them.
    rows : list of tuple
        The rows in the order given; values as the driver gives them, floats unchanged.
    truncated : bool
        Whether there were more rows than asked for.
    """

    columns: tuple[str, ...]
    rows: list[tuple[Any, ...]]
    truncated: bool


def run_query(
    database: Database,
    sql: str,
    *,
    limit: int | None = None,
    timeout_seconds: float = 60.0,
    role: str | None = None,
) -> QueryResult:
    """Carry out one query of the user's, which can change nothing.

    Parameters
    ----------
    database : Database
        An open catalogue.
    sql : str
        One query; a semicolon at its end and comments are welcome. It is sent as it is, so that
        ``%``, ``:`` and ``?`` are characters like others.
    limit : int, optional
        The most rows to give; by default all.
    timeout_seconds : float, optional
        When to stop a query that does not end.
    role : str, optional
        The role of PostgreSQL that asks, for this one transaction; by default the one connected.

    Returns
    -------
    QueryResult
        Its columns and rows.

    Raises
    ------
    QueryRefused
        Where it is no query, would change something, fails, or takes too long.
    Unreachable
        Where the database cannot be read.
    UsageError
        Where the limit or the time is not one, or SQLite is to have a role.
    """
    if limit is not None and limit < 0:
        raise UsageError(f"A limit of {limit} rows is not possible: give 0 or more")
    if not timeout_seconds > 0:
        raise UsageError(f"A time limit of {timeout_seconds} s is not possible: give more than 0")
    query = one_query(sql, database.dialect)
    if database.dialect != "sqlite":
        return _on_postgresql(database, query, limit, timeout_seconds, role)
    if role is not None:
        raise UsageError(f"SQLite has no roles, {role!r} neither: its queries can only read anyway")
    return _on_sqlite(database, query, limit, timeout_seconds)


# --- SQLite --------------------------------------------------------------------------------------


def _on_sqlite(
    database: Database, query: Query, limit: int | None, timeout_seconds: float
) -> QueryResult:
    connection = _open_read_only(database, timeout_seconds)
    denied: list[str] = []
    deadline = time.monotonic() + timeout_seconds
    try:
        connection.execute("PRAGMA query_only = ON")
        connection.setlimit(sqlite3.SQLITE_LIMIT_ATTACHED, 0)
        # SQLite enters these in its schema when they are first used, which would be refused.
        connection.execute("SELECT 1 FROM json_each('[]'), json_tree('[]')").close()
        connection.set_authorizer(_authorizer(_safe_functions(connection), denied))
        connection.set_progress_handler(lambda: time.monotonic() > deadline, _STEPS_BETWEEN_LOOKS)
        # SQLite takes a name that is not there for a text, if it stands in double quotes: a
        # misspelt column would be answered. In other quotes it says that there is no such column.
        connection.execute(f"EXPLAIN {query.in_backticks()}").close()
        cursor = connection.execute(query.text)
        columns = tuple(str(column[0]) for column in cursor.description or ())
        return _result(columns, cursor.fetchmany(limit + 1) if limit is not None else cursor, limit)
    except (sqlite3.Error, sqlite3.Warning, ValueError, OverflowError) as problem:
        said = str(problem)
        if said == "interrupted":
            # The handler stops the query for two reasons; a Ctrl-C inside it is lost on the way.
            if time.monotonic() <= deadline:
                raise KeyboardInterrupt from problem
            raise _too_long(timeout_seconds) from problem
        if getattr(problem, "sqlite_errorcode", 0) & 0xFF in _NOT_THE_QUERYS_FAULT:
            raise _unreadable(database, problem) from problem  # type: ignore[arg-type]
        if denied:
            raise QueryRefused(f"{NOTHING_CHANGES}: {denied[0]} is refused") from problem
        missing = re.match(r"no such (column|table|function): (?:\w+\.)?(.+)", said)
        raise _refused(database, query, said, *(missing.groups() if missing else ())) from problem
    finally:
        connection.close()


def _open_read_only(database: Database, timeout_seconds: float) -> sqlite3.Connection:
    wait = min(timeout_seconds, BUSY_TIMEOUT_SECONDS)
    try:
        return opened_to_read(Path(str(database.url.database)), wait)
    except sqlite3.Error as problem:
        raise _unreadable(database, problem) from problem


def _unreadable(database: Database, problem: sqlite3.Error) -> Exception:
    known = translate(exc.OperationalError("", {}, problem), database.url)
    return known or Unreachable(f"Cannot read {shown(database.url)}: {problem}")


def _safe_functions(connection: sqlite3.Connection) -> set[str]:
    """Functions that SQLite itself brings and calls safe: no extension's, not load_extension."""
    rows = connection.execute(
        "SELECT name, builtin, flags FROM pragma_function_list ORDER BY name"
    ).fetchall()
    unsafe = {name for name, builtin, flags in rows if not builtin or flags & _DIRECT_ONLY}
    return {name for name, _, _ in rows} - unsafe


def _authorizer(safe: set[str], denied: list[str]) -> Callable[..., int]:
    def authorize(action: int, first: str | None, second: str | None, *_: str | None) -> int:
        if action == sqlite3.SQLITE_FUNCTION and str(second).lower() not in safe:
            denied.append(f"the function {second}()")
        elif action not in _ALLOWED:
            denied.append(_ACTIONS.get(action, "anything but reading"))
        else:
            return sqlite3.SQLITE_OK
        return sqlite3.SQLITE_DENY

    return authorize


# --- PostgreSQL ----------------------------------------------------------------------------------


def _on_postgresql(
    database: Database,
    query: Query,
    limit: int | None,
    timeout_seconds: float,
    role: str | None,
) -> QueryResult:
    import psycopg

    try:
        borrowed = database.engine.raw_connection()
    except exc.DBAPIError as problem:
        raise translate(problem, database.url) or problem from problem
    connection: psycopg.Connection[Any] = borrowed.driver_connection  # type: ignore[assignment]
    try:
        connection.autocommit = False
        connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        connection.read_only = True
        with connection.cursor() as cursor:
            milliseconds = str(max(1, min(int(timeout_seconds * 1000), 2**31 - 1)))
            # A transaction that has begun to read can no longer be allowed to write.
            cursor.execute(
                "SELECT set_config('statement_timeout', %s, true), "
                "set_config('standard_conforming_strings', 'on', true), "
                "set_config('cursor_tuple_fraction', %s, true)",
                (milliseconds, "1" if limit is None else "0.1"),
            )
            if role is not None:
                _become(cursor, role)
            _refuse_functions(cursor, query)
            # Prepared, and asked for in binary: either makes psycopg use the extended protocol,
            # which takes one statement only, whatever the URL says about preparing.
            cursor.execute(
                b"DECLARE iracdb_query NO SCROLL CURSOR WITHOUT HOLD FOR " + query.text.encode(),
                prepare=True,
                binary=True,
            )
            cursor.execute(
                b"FETCH ALL FROM iracdb_query"
                if limit is None
                else f"FETCH FORWARD {limit + 1} FROM iracdb_query".encode()
            )
            columns = tuple(column.name for column in cursor.description or ())
            return _result(columns, cursor.fetchall(), limit)
    except UnicodeEncodeError as problem:
        raise QueryRefused(f"The query is not text that can be sent: {problem}") from problem
    except psycopg.Error as problem:
        _explain_postgresql(database, query, problem, timeout_seconds)
    finally:
        borrowed.invalidate()  # closes it: what a query sets does not come back from the pool


def _become(cursor: psycopg.Cursor[Any], role: str) -> None:
    """Act as a role until the transaction ends; no query can take that back."""
    import psycopg
    from psycopg import sql

    try:
        cursor.execute(sql.SQL("SET LOCAL ROLE {}").format(sql.Identifier(role)))
    except psycopg.Error as problem:
        said = problem.diag.message_primary or str(problem)
        raise QueryRefused(f"Nothing is asked as {role}: {said}") from problem


def _refuse_functions(cursor: psycopg.Cursor[Any], query: Query) -> None:
    """Refuse what no transaction holds back: signals, files, locks, other connections."""
    if re.search(r'[uU]&"', query.text):
        raise QueryRefused('Names in the form U&"..." are refused: write the characters themselves')
    # Every word anywhere, in texts and comments too: then no trick of quoting can hide one.
    words = sorted({word.lower() for word in re.findall(rf"[{LETTER}][{LETTER}0-9$]*", query.text)})
    cursor.execute(
        "SELECT proname FROM pg_catalog.pg_proc WHERE provolatile = 'v' "
        "AND lower(proname) = ANY(%s) AND NOT (proname = ANY(%s) "
        "AND pronamespace = 'pg_catalog'::regnamespace) ORDER BY proname LIMIT 1",
        (words, list(HARMLESS_VOLATILE)),
    )
    row = cursor.fetchone()
    if row is not None:
        raise QueryRefused(
            f"{NOTHING_CHANGES}: the function {row[0]}() is refused, since PostgreSQL counts it "
            "among those that may act (volatile)"
        )


def _explain_postgresql(
    database: Database, query: Query, problem: psycopg.Error, timeout_seconds: float
) -> NoReturn:
    state = problem.sqlstate or ""
    said = problem.diag.message_primary or " ".join(str(problem).split())
    if state == "57014":
        raise _too_long(timeout_seconds) from problem
    lost = not state or state[:3] == "57P" or (state[:2] == "08" and state != "08P01")
    if lost:
        raise Unreachable(f"Lost {shown(database.url)}: {said}") from problem
    if state == "25006" or "data-modifying" in said or "INTO is not allowed" in said:
        raise QueryRefused(f"{NOTHING_CHANGES}: {said}") from problem
    kind = {"42703": "column", "42P01": "table", "42883": "function"}.get(state)
    missing = re.match(r'(?:column|relation|function) (?:\w+\.)?"?(.+?)"?(?:\(.*)? does', said)
    words = (kind, missing[1]) if kind and missing else ()
    raise _refused(database, query, said, *words) from problem


# --- Both ----------------------------------------------------------------------------------------


def _result(
    columns: tuple[str, ...], rows: Iterable[tuple[Any, ...]], limit: int | None
) -> QueryResult:
    kept = list(rows)
    truncated = limit is not None and len(kept) > limit
    return QueryResult(columns, kept[:limit] if truncated else kept, truncated)


def _too_long(seconds: float) -> QueryRefused:
    return QueryRefused(
        f"The query was stopped after {seconds:g} s, the limit: ask for less, or give it more time",
        code="query-too-long",
    )


def _refused(
    database: Database, query: Query, said: str, kind: str = "", missing: str = ""
) -> QueryRefused:
    """Say what the database said, and what to write instead."""
    tables, columns = _names_around(database, query)
    # A name out of quotes is often another kind of thing to the database: Flux (mJy) a function.
    candidates = tables if kind == "table" else columns
    unquoted = "".join(
        "\0" if token.kind in ("name", "text") else token.text for token in query.tokens
    ).lower()
    bare = [name for name in columns if re.search(r"[^\w]", name) and name.lower() in unquoted]
    meant = bare[:3] or (_nearest(missing, candidates) if missing else [])
    hint = ""
    if meant:
        hint = f". Did you mean {' or '.join(_as_written(name) for name in meant)}?"
        if any(_as_written(name) != name for name in meant):
            hint += " Names with capitals, blanks or signs go in double quotes"
    elif kind == "column" and any(
        token.kind == "name" and token.name == missing for token in query.tokens
    ):
        hint = "; names go in double quotes, texts in single quotes"
    return QueryRefused(f"The query was refused: {said}{hint}")


def _names_around(database: Database, query: Query) -> tuple[list[str], list[str]]:
    """Names of all tables and views, and of the columns of those that the query speaks of."""
    spoken = {token.name.lower() for token in query.tokens if token.kind in ("word", "name")}
    try:
        with database.read() as connection:
            inspector = inspect(connection)
            tables = sorted({*inspector.get_table_names(), *inspector.get_view_names()})
            columns = {
                column["name"]: None
                for table in tables
                if table.lower() in spoken
                for column in inspector.get_columns(table)
            }
    except Exception:  # a hint must not hide what it is a hint about
        return [], []
    return tables, list(columns)


def _nearest(name: str, candidates: list[str]) -> list[str]:
    plain = {re.sub(r"[\W_]+", "", candidate.lower()): candidate for candidate in candidates}
    wanted = re.sub(r"[\W_]+", "", name.lower())
    if not wanted or wanted in plain:
        return [plain[wanted]] if wanted else []
    starting = [key for key in plain if len(wanted) > 2 and key.startswith(wanted)]
    close = get_close_matches(wanted, plain, n=3, cutoff=0.6)
    return [plain[key] for key in dict.fromkeys([*starting, *close])][:3]


def _as_written(name: str) -> str:
    if re.fullmatch(r"[a-z_][a-z0-9_]*", name):
        return name
    return '"' + name.replace('"', '""') + '"'
