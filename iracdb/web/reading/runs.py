"""The runs there are, each with what tells it from the others."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from sqlalchemy import Connection, Select, and_, func, or_, select

from iracdb.catalogue import tables as t
from iracdb.web.kept import Kept
from iracdb.web.reading.glances import Glance, glances

_RUN, _AVERAGE = t.run.c, t.aor_result.c

SORTS = {
    "number": (_RUN.run_id,), "name": (_RUN.name,), "finished": (_RUN.finished_at, _RUN.run_id),
    "channel": (_RUN.channel, _RUN.run_id),
}  # fmt: skip
"""What runs can be sorted by."""

_AVERAGES = (
    select(func.coalesce(func.max(_AVERAGE.row_number), 0))
    .where(_AVERAGE.run_id == _RUN.run_id)
    .correlate(t.run)
    .scalar_subquery()
)


def list_runs(
    connection: Connection,
    kept: Kept[Glance],
    *,
    wanted: str,
    channel: int,
    withdrawn: bool,
    sort: str,
    backwards: bool,
    offset: int,
    limit: int | None,
) -> tuple[int, list[dict[str, Any]]]:
    """List runs, and count them.

    Parameters
    ----------
    connection : sqlalchemy.Connection
        To a catalogue.
    kept : Kept
        What was seen of runs before.
    wanted : str
        Part of a name, a comment, a recipe or a target; '' for all.
    channel : int
        0 for all.
    withdrawn : bool
        Whether those withdrawn are shown, too.
    sort : str
        Of `SORTS`.
    backwards : bool
        Whether the last comes first.
    offset : int
        Runs left out before.
    limit : int or None
        How many; None for all.

    Returns
    -------
    tuple
        How many runs are asked for; and a list of dict with run_id, name, state, origin, recipe,
        channel, kind, radius, withdrawn_at, finished_at, comment, and what a
        `iracdb.web.reading.glances.Glance` has.
    """
    asked = _asked(
        select(
            _RUN.run_id, _RUN.uuid, _RUN.name, _RUN.state, _RUN.origin, _RUN.recipe, _RUN.channel,
            _RUN.kind, _RUN.parameters, _RUN.withdrawn_at, _RUN.finished_at, _RUN.comment,
            _RUN.result_digest, _AVERAGES.label("averages"), func.count().over().label("total"),
        ),
        wanted, channel, withdrawn,
    )  # fmt: skip
    order = [one.desc() if backwards else one.asc() for one in SORTS[sort]]
    rows = connection.execute(asked.order_by(*order).offset(offset).limit(limit)).all()
    if rows or not offset:
        total = rows[0].total if rows else 0
    else:  # beyond the last page
        total = connection.execute(select(func.count()).select_from(asked.subquery())).scalar_one()
    seen = glances(connection, rows, kept)
    return total, [{**_told(row), **asdict(seen[row.run_id])} for row in rows]


def _told(row: Any) -> dict[str, Any]:
    parameters = row.parameters or {}
    radii = [parameters.get(f"radius_{which}") for which in ("source", "inner", "outer")]
    return {
        "run_id": row.run_id, "name": row.name, "state": row.state, "origin": row.origin,
        "recipe": row.recipe, "channel": row.channel, "kind": row.kind,
        "radius": None if None in radii else " ".join(f"{one:g}" for one in radii),
        "withdrawn_at": row.withdrawn_at, "finished_at": row.finished_at, "comment": row.comment,
    }  # fmt: skip


def _asked(query: Select[Any], wanted: str, channel: int, withdrawn: bool) -> Select[Any]:
    if channel:
        query = query.where(_RUN.channel == channel)
    if not withdrawn:
        query = query.where(_RUN.withdrawn_at.is_(None))
    for one in wanted.lower().split():
        of_target = (
            select(_AVERAGE.id)
            .where(
                and_(
                    _AVERAGE.run_id == _RUN.run_id,
                    func.lower(_AVERAGE.target_name).contains(one, autoescape=True),
                )
            )
            .exists()
        )
        texts = (_RUN.name, _RUN.recipe, _RUN.comment, _RUN.state, _RUN.origin)
        query = query.where(
            or_(*(func.lower(text).contains(one, autoescape=True) for text in texts), of_target)
        )
    return query
