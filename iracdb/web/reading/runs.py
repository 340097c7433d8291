"""The runs there are, each with what tells it from the others."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from typing import Any, NamedTuple

from sqlalchemy import Connection, Select, and_, func, or_, select

from iracdb.catalogue import tables as t
from iracdb.catalogue.database import in_batches

_RUN, _AVERAGE = t.run.c, t.aor_result.c

SORTS = {
    "number": (_RUN.run_id,), "name": (_RUN.name,), "finished": (_RUN.finished_at, _RUN.run_id),
    "channel": (_RUN.channel, _RUN.run_id),
}  # fmt: skip
"""What runs can be sorted by."""

SAMPLE = 200
"""Averages of one run that its median and its line are made of, at the most: of more, every second,
third, ... is read, since a page shows fifty runs."""

_AT_ONCE = 500
_AVERAGES = (
    select(func.coalesce(func.max(_AVERAGE.row_number), 0))
    .where(_AVERAGE.run_id == _RUN.run_id)
    .correlate(t.run)
    .scalar_subquery()
)

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
        sampled (whether not all averages were read), median_flux (mJy), spread (per cent, the
        median of the averages' own), withdrawn_at, finished_at, comment, and line, up to `POINTS`
        fluxes in the order of the AOR table.
    """
    query = _asked(
        select(
            _RUN.run_id, _RUN.name, _RUN.state, _RUN.origin, _RUN.recipe, _RUN.channel, _RUN.kind,
            _RUN.parameters, _RUN.withdrawn_at, _RUN.finished_at, _RUN.comment,
            _AVERAGES.label("averages"),
        ),
        wanted, channel, withdrawn,
    )  # fmt: skip
    order = [one.desc() if backwards else one.asc() for one in SORTS[sort]]
    rows = connection.execute(query.order_by(*order).offset(offset).limit(limit)).all()
    every = {row.run_id: -(-row.averages // SAMPLE) or 1 for row in rows}
    counted, samples = _counted(connection, list(every)), _samples(connection, every)
    return [
        _told(row, counted.get(row.run_id, (0, 0)), every[row.run_id], samples[row.run_id])
        for row in rows
    ]


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


class _Sampled(NamedTuple):
    flux: float | None
    error: float | None
    target: str


def _told(row: Any, counted: tuple[int, int], every: int, sample: Sequence[_Sampled]) -> dict[str, Any]:
    fluxes = [flux for flux, _, _ in sample if flux is not None]
    spreads = [abs(100 * error / flux) for flux, error, _ in sample if error is not None and flux]
    targets = list(dict.fromkeys(target for _, _, target in sample))
    parameters = row.parameters or {}
    radii = [parameters.get(f"radius_{which}") for which in ("source", "inner", "outer")]
    return {
        "run_id": row.run_id, "name": row.name, "state": row.state, "origin": row.origin,
        "recipe": row.recipe, "channel": row.channel, "kind": row.kind,
        "radius": None if None in radii else " ".join(f"{one:g}" for one in radii),
        "target": targets[0] if targets else None,
        "targets": len(targets) if every == 1 else counted[1],
        "aors": counted[0], "averages": row.averages, "sampled": every > 1,
        "median_flux": statistics.median(fluxes) if fluxes else None,
        "spread": statistics.median(spreads) if spreads else None,
        "withdrawn_at": row.withdrawn_at, "finished_at": row.finished_at, "comment": row.comment,
        "line": _thinned(_relative(sample)),
    }  # fmt: skip


def _counted(connection: Connection, runs: Sequence[int]) -> dict[int, tuple[int, int]]:
    """Count the AORs and targets of runs: one index has both."""
    found: dict[int, tuple[int, int]] = {}
    for some in in_batches(list(runs), _AT_ONCE):
        query = (
            select(
                _AVERAGE.run_id, func.count(_AVERAGE.aorkey.distinct()),
                func.count(_AVERAGE.target_id.distinct()),
            )
            .where(_AVERAGE.run_id.in_(some))
            .group_by(_AVERAGE.run_id)
        )  # fmt: skip
        found |= {int(run): (int(aors), int(of)) for run, aors, of in connection.execute(query)}
    return found


def _samples(connection: Connection, every: dict[int, int]) -> dict[int, list[_Sampled]]:
    """Read the averages of runs, of each every so many-th: one statement for those alike."""
    alike: dict[int, list[int]] = {}
    for run, step in every.items():
        alike.setdefault(step, []).append(run)
    found: dict[int, list[_Sampled]] = {run: [] for run in every}
    for step, runs in alike.items():
        for some in in_batches(runs, _AT_ONCE):
            query = (
                select(_AVERAGE.run_id, _AVERAGE.flux, _AVERAGE.error, _AVERAGE.target_name)
                .where(_AVERAGE.run_id.in_(some))
                .order_by(_AVERAGE.run_id, _AVERAGE.row_number)
            )
            if step > 1:
                query = query.where(_AVERAGE.row_number % step == 1)
            for run, *one in connection.execute(query).all():
                found[run].append(_Sampled(*one))
    return found


def _relative(sample: Sequence[_Sampled]) -> list[float | None]:
    """Divide each flux by the median of its target, so that one line shows several."""
    by_target: dict[str, list[float]] = {}
    for flux, _, target in sample:
        if flux is not None:
            by_target.setdefault(target, []).append(flux)
    medians = {name: statistics.median(values) for name, values in by_target.items()}
    return [
        flux / medians[target] if flux is not None and medians[target] else None
        for flux, _, target in sample
    ]


def _thinned(values: list[float | None]) -> list[float | None]:
    every = -(-len(values) // POINTS) or 1
    return values[::every]
