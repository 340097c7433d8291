"""SQL that only reads: the query, what it gave, and beside it what can be asked."""

from __future__ import annotations

import io
import math
import time
from typing import Any

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from iracdb.catalogue.database import Database
from iracdb.catalogue.query import QueryResult, run_query
from iracdb.catalogue.readers import why_not_a_reader
from iracdb.errors import QueryRefused
from iracdb.web.asked import catalogue_of
from iracdb.web.reading.schema import schema
from iracdb.web.saved_queries import SAVED
from iracdb.web.view import View, plain

MOST_ROWS = 1_000
"""Rows that a query gives, at the most."""

SECONDS = 10.0
"""After which a query is stopped."""

LONGEST = 1_000
"""Characters of a cell that the page shows."""


def sql(request: Request) -> View | Response:
    """Carry out the query of the address, where there is one, and show what it gave."""
    database = catalogue_of(request)._database
    query = request.query_params.get("q", "").strip()
    found: QueryResult | None = None
    problem: QueryRefused | None = None
    began = time.monotonic()
    closed = _closed(database, _role(request))
    if query and not _from_elsewhere(request):
        try:
            if closed is not None:
                raise QueryRefused(closed, code="no-reader")
            with request.app.state.sql_turns.turn():
                began = time.monotonic()
                found = run_query(
                    database, query, limit=MOST_ROWS, timeout_seconds=SECONDS, role=_role(request)
                )
        except QueryRefused as refused:
            problem = refused
    took = time.monotonic() - began
    if request.state.ending == "csv":
        if problem is not None:
            raise problem
        return PlainTextResponse(_csv(found), media_type="text/csv; charset=utf-8")
    data: dict[str, Any] = {
        "query": query, "message": problem and problem.message, "code": problem and problem.code,
        "columns": list(found.columns) if found else [],
        "rows": [[plain(value) for value in row] for row in found.rows] if found else [],
        "truncated": found is not None and found.truncated, "limit": MOST_ROWS,
    }  # fmt: skip
    status = 200 if problem is None else 400
    if request.state.ending == "json":
        return View("sql", "SQL", data, status=status)
    with database.read() as connection:
        shown = {
            "schema": schema(connection), "saved": SAVED, "closed": closed, "took": took,
            "seconds": SECONDS, "answered": found is not None, "waiting": query and not found,
            "cells": [[_cell(value) for value in row] for row in found.rows] if found else [],
        }  # fmt: skip
    return View("sql", "SQL", data, None, shown, status)


def _role(request: Request) -> str | None:
    role: str | None = getattr(request.app.state, "sql_role", None)
    return role


def _closed(database: Database, role: str | None) -> str | None:
    """Tell why no query is carried out at all."""
    said = why_not_a_reader(database, role)
    if said is None:
        return None
    return f"No SQL is carried out here, since {said}: it is asked by a role that can only read"


def _from_elsewhere(request: Request) -> bool:
    """Tell whether another site's page sent the browser here: it is not to have queries run."""
    came = request.headers.get("sec-fetch-site", "none")
    return came not in ("none", "same-origin")


def _cell(value: Any) -> tuple[str, str]:
    """Write a cell before people: its kind, by which no value is told from empty text."""
    if value is None:
        return "null", "NULL"
    if isinstance(value, bool):
        return "number", "true" if value else "false"
    if isinstance(value, int | float):
        return "number", repr(value)
    text = f"x'{bytes(value).hex()}'" if isinstance(value, bytes | memoryview) else str(value)
    if not text:
        return "empty", "''"
    cut = f"{text[:LONGEST]} … ({len(text):,} characters)" if len(text) > LONGEST else text
    return "plain", cut


def _csv(found: QueryResult | None) -> str:
    """Write rows as CSV: no value is nothing, and empty text stands in quotes."""
    text = io.StringIO()
    for row in [found.columns, *found.rows] if found is not None else []:
        text.write(",".join(_csv_cell(value) for value in row) + "\n")
    return text.getvalue()


def _csv_cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, float):
        return repr(value) if math.isfinite(value) else str(value)
    told = value if isinstance(value, str) else str(plain(value))
    if not told or any(sign in told for sign in ',"\r\n'):
        return '"' + told.replace('"', '""') + '"'
    return told
