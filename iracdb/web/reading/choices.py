"""Runs to choose from: just what tells them apart, since there may be many."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, func, or_, select

from iracdb.catalogue import tables as t

_RUN = t.run.c


def count_finished(connection: Connection) -> int:
    """Count the runs that can be compared.

    Parameters
    ----------
    connection : sqlalchemy.Connection
        To a catalogue.

    Returns
    -------
    int
        Finished ones, withdrawn or not.
    """
    query = select(func.count()).select_from(t.run).where(_RUN.state == "finished")
    return int(connection.execute(query).scalar_one())


def list_choices(connection: Connection, wanted: str, limit: int | None) -> list[dict[str, Any]]:
    """List runs that can be compared.

    Parameters
    ----------
    connection : sqlalchemy.Connection
        To a catalogue.
    wanted : str
        Words, each of which name, recipe or comment holds; or a number.
    limit : int or None
        How many, the newest first; None for all.

    Returns
    -------
    list of dict
        run_id, name, channel, recipe, origin, finished_at, withdrawn, comment.
    """
    query = select(
        _RUN.run_id, _RUN.name, _RUN.channel, _RUN.recipe, _RUN.origin, _RUN.finished_at,
        _RUN.withdrawn_at.is_not(None).label("withdrawn"), _RUN.comment,
    ).where(_RUN.state == "finished")  # fmt: skip
    for word in wanted.lower().split():
        texts = (_RUN.name, _RUN.recipe, _RUN.comment)
        held = [func.lower(text).contains(word, autoescape=True) for text in texts]
        if word.isascii() and word.isdigit() and len(word) <= 18:
            held.append(_RUN.run_id == int(word))
        query = query.where(or_(*held))
    rows = connection.execute(query.order_by(_RUN.run_id.desc()).limit(limit))
    return [{**row._mapping, "withdrawn": bool(row.withdrawn)} for row in rows]
