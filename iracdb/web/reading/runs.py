"""The runs there are, each with what tells it from the others."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Select, and_, func, or_, select

from iracdb.catalogue import tables as t

_RUN, _AVERAGE = t.run.c, t.aor_result.c

SORTS = {
    "number": (_RUN.run_id,), "name": (_RUN.name,), "finished": (_RUN.finished_at, _RUN.run_id),
    "channel": (_RUN.channel, _RUN.run_id),
}  # fmt: skip
"""What runs can be sorted by."""

SAMPLE = 4_000
"""Averages of one run that its median and its line are made of, at the most."""

POINTS = 60
"""Of the small line."""


def count_runs(connection: Connection, wanted: str, channel: int, withdrawn: bool) -> int:
    """Count the runs that are asked for.

    Parameters
    ----------
    connection : sqlalchemy.Connection
        To a catalogue.
    wanted : str
        Part of a name, a comment, a recipe or a target; '' for all.
    channel : int
        0 for all.
    withdrawn : bool
        Whether those withdrawn are shown, too.

    Returns
    -------
    int
        How many.
    """
    query = select(func.count()).select_from(t.run)
    return int(connection.execute(_asked(query, wanted, channel, withdrawn)).scalar_one())


def list_runs(
    connection: Connection,
    *,
    wanted: str,
    channel: int,
    withdrawn: bool,
    sort: str,
    backwards: bool,
    offset: int,
    limit: int | None,
) -> list[dict[str, Any]]:
    """List runs.

    Parameters
    ----------
    connection : sqlalchemy.Connection
        To a catalogue.
    wanted : str
        As of `count_runs`, like the two that follow.
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
    list of dict
        run_id, name, state, origin, recipe, channel, kind, radius, target, targets, aors, averages,
        median_flux (mJy), spread (per cent, the median of the averages' own), withdrawn_at,
        finished_at, comment, and line, up to `POINTS` fluxes in the order of the AOR table.
    """
    query = _asked(
        select(
            _RUN.run_id, _RUN.name, _RUN.state, _RUN.origin, _RUN.recipe, _RUN.channel, _RUN.kind,
            _RUN.parameters, _RUN.withdrawn_at, _RUN.finished_at, _RUN.comment,
        ),
        wanted, channel, withdrawn,
    )  # fmt: skip
    order = [one.desc() if backwards else one.asc() for one in SORTS[sort]]
    rows = connection.execute(query.order_by(*order).offset(offset).limit(limit)).all()
    return [_told(connection, row) for row in rows]


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


def _told(connection: Connection, row: Any) -> dict[str, Any]:
    averages = connection.execute(
        select(func.coalesce(func.max(_AVERAGE.row_number), 0)).where(_AVERAGE.run_id == row.run_id)
    ).scalar_one()
    every = -(-averages // SAMPLE) or 1
    query = (
        select(_AVERAGE.flux, _AVERAGE.error, _AVERAGE.target_name, _AVERAGE.aorkey)
        .where(_AVERAGE.run_id == row.run_id)
        .order_by(_AVERAGE.row_number)
    )
    if every > 1:
        query = query.where(_AVERAGE.row_number % every == 0)
    sample = connection.execute(query).all()
    fluxes = [one.flux for one in sample if one.flux is not None]
    spreads = [
        abs(100 * one.error / one.flux) for one in sample if one.error is not None and one.flux
    ]
    targets = list(dict.fromkeys(one.target_name for one in sample))
    parameters = row.parameters or {}
    radii = [parameters.get(f"radius_{which}") for which in ("source", "inner", "outer")]
    return {
        "run_id": row.run_id, "name": row.name, "state": row.state, "origin": row.origin,
        "recipe": row.recipe, "channel": row.channel, "kind": row.kind,
        "radius": None if None in radii else " ".join(f"{one:g}" for one in radii),
        "target": targets[0] if targets else None, "targets": len(targets),
        "aors": len({one.aorkey for one in sample}) if every == 1 else None,
        "averages": averages, "sampled": every > 1,
        "median_flux": statistics.median(fluxes) if fluxes else None,
        "spread": statistics.median(spreads) if spreads else None,
        "withdrawn_at": row.withdrawn_at, "finished_at": row.finished_at, "comment": row.comment,
        "line": _thinned(_relative(sample)),
    }  # fmt: skip


def _relative(sample: Sequence[Any]) -> list[float | None]:
    """Divide each flux by the median of its target, so that one line shows several."""
    by_target: dict[str, list[float]] = {}
    for one in sample:
        if one.flux is not None:
            by_target.setdefault(one.target_name, []).append(one.flux)
    medians = {name: statistics.median(values) for name, values in by_target.items()}
    return [
        one.flux / medians[one.target_name]
        if one.flux is not None and medians[one.target_name]
        else None
        for one in sample
    ]


def _thinned(values: list[float | None]) -> list[float | None]:
    every = -(-len(values) // POINTS) or 1
    return values[::every]
