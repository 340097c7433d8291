"""How much a catalogue holds, told at once however much that is."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, Select, func, select

from iracdb.catalogue import tables as t

COUNTED = 100_000
"""Frames up to which they are counted: of more, the last one's number is told."""


def held_in_short(connection: Connection) -> dict[str, Any]:
    """Tell how much is held.

    Parameters
    ----------
    connection : sqlalchemy.Connection
        To a catalogue.

    Returns
    -------
    dict
        runs (that stand), withdrawn, aors, frames; and about, whether the frames were not counted
        one by one.
    """
    runs = select(func.count(), func.count(t.run.c.withdrawn_at)).select_from(t.run)
    every, withdrawn = connection.execute(runs).one()
    found: dict[str, Any] = {"runs": every - withdrawn, "withdrawn": withdrawn}
    found["aors"] = _count(connection, select(func.count()).select_from(t.aor))
    number = t.frame.c.id
    some = select(number).limit(COUNTED + 1).subquery()
    found["frames"] = _count(connection, select(func.count()).select_from(some))
    found["about"] = found["frames"] > COUNTED
    if found["about"]:
        # Numbers are given one after the other, and few are lost.
        found["frames"] = _count(connection, select(func.max(number)))
    return found


def _count(connection: Connection, query: Select[Any]) -> int:
    return int(connection.execute(query).scalar_one())
