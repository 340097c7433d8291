"""Files that were set aside, a stretch at a time."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, func, or_, select

from iracdb.catalogue import tables as t

_PROBLEM = t.file_problem.c


def list_problems(
    connection: Connection,
    wanted: str,
    *,
    settled: bool,
    after: str = "",
    limit: int | None = None,
) -> list[dict[str, Any]]:
    """List the files set aside, by path.

    Parameters
    ----------
    connection : sqlalchemy.Connection
        To a catalogue.
    wanted : str
        Part of a path, a code or a reason; '' for all.
    settled : bool
        Whether those that were taken in since, or have gone, are listed, too.
    after : str, optional
        Path after which they begin.
    limit : int, optional
        How many; by default all.

    Returns
    -------
    list of dict
        path, code, message, size, first_seen, last_seen, resolved_at.
    """
    query = (
        select(
            _PROBLEM.path, _PROBLEM.code, _PROBLEM.message, _PROBLEM.size, _PROBLEM.first_seen,
            _PROBLEM.last_seen, _PROBLEM.resolved_at,
        )
        .where(_PROBLEM.path > after)
        .order_by(_PROBLEM.path)
        .limit(limit)
    )  # fmt: skip
    if not settled:
        query = query.where(_PROBLEM.resolved_at.is_(None))
    for one in wanted.lower().split():
        texts = (_PROBLEM.path, _PROBLEM.code, _PROBLEM.message)
        query = query.where(
            or_(*(func.lower(text).contains(one, autoescape=True) for text in texts))
        )
    return [dict(row._mapping) for row in connection.execute(query)]
