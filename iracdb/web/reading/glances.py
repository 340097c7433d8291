"""What the list of runs tells of each run's averages, kept since a finished run never changes."""

from __future__ import annotations

import statistics
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from sqlalchemy import Connection, func, select

from iracdb.catalogue import tables as t
from iracdb.catalogue.database import in_batches
from iracdb.web.kept import Kept

_AVERAGE = t.aor_result.c

SAMPLE = 300
"""Averages of one run that are read, at the most: of more, every second, third, ..."""

POINTS = 60
"""Of the small line."""

KEPT = 2_000
"""Runs of which it is kept."""

_AT_ONCE = 500


@dataclass(frozen=True)
class Glance:
    """A run's averages at a glance.

    Parameters
    ----------
    target : str or None
        The first.
    targets, aors, averages : int
        How many.
    sampled : bool
        Whether not all averages were read for what follows.
    median_flux : float or None
        mJy.
    spread : float or None
        Per cent, the median of the averages' own.
    line : list of float or None
        Up to `POINTS` fluxes over the median of their target, in the order of the AOR table.
    """

    target: str | None
    targets: int
    aors: int
    averages: int
    sampled: bool
    median_flux: float | None
    spread: float | None
    line: list[float | None]


def no_glances() -> Kept[Glance]:
    """Give what keeps them, with none in it yet.

    Returns
    -------
    Kept
        At most `KEPT`.
    """
    return Kept(KEPT)


def glances(connection: Connection, runs: Sequence[Any], kept: Kept[Glance]) -> dict[int, Glance]:
    """Look at the averages of some runs: few statements for all that are not kept.

    Parameters
    ----------
    connection : sqlalchemy.Connection
        To a catalogue.
    runs : sequence of Row
        With run_id, uuid, state, result_digest and averages, the last row of the AOR table.
    kept : Kept
        Those of finished runs, as long as nothing is done in the catalogue that is noted.

    Returns
    -------
    dict
        By run.
    """
    done = connection.execute(select(func.max(t.activity.c.id))).scalar_one()
    keys = {run.run_id: _key(run, done) for run in runs}
    found = {run: seen for run, key in keys.items() if (seen := kept.get(key)) is not None}
    new = {run.run_id: run.averages for run in runs if run.run_id not in found}
    every = {run: -(-averages // SAMPLE) or 1 for run, averages in new.items()}
    aors = _count(connection, list(new), _AVERAGE.aorkey)
    targets = _count(
        connection, [run for run, step in every.items() if step > 1], _AVERAGE.target_name
    )
    for run, sample in _samples(connection, every).items():
        found[run] = _glance(sample, new[run], aors.get(run, 0), targets.get(run))
        if keys[run] is not None:
            kept.put(keys[run], found[run])
    return found


def _key(run: Any, done: int | None) -> Hashable:
    """Tell what it rests on; None while it can change."""
    if run.state != "finished" or run.result_digest is None:
        return None
    return run.run_id, run.uuid, run.result_digest, done


class _Sampled(NamedTuple):
    flux: float | None
    error: float | None
    target: str


def _glance(sample: Sequence[_Sampled], averages: int, aors: int, targets: int | None) -> Glance:
    fluxes = [flux for flux, _, _ in sample if flux is not None]
    spreads = [abs(100 * error / flux) for flux, error, _ in sample if error is not None and flux]
    names = list(dict.fromkeys(target for _, _, target in sample))
    return Glance(
        target=names[0] if names else None,
        targets=len(names) if targets is None else targets,
        aors=aors,
        averages=averages,
        sampled=targets is not None,
        median_flux=statistics.median(fluxes) if fluxes else None,
        spread=statistics.median(spreads) if spreads else None,
        line=_thinned(_relative(sample)),
    )


def _count(connection: Connection, runs: list[int], column: Any) -> dict[int, int]:
    """Count the different values of a column in runs."""
    found: dict[int, int] = {}
    for some in in_batches(runs, _AT_ONCE):
        query = (
            select(_AVERAGE.run_id, func.count(column.distinct()))
            .where(_AVERAGE.run_id.in_(some))
            .group_by(_AVERAGE.run_id)
        )
        found |= {int(run): int(values) for run, values in connection.execute(query)}
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
            for run, flux, error, target in connection.execute(query).all():
                found[run].append(_Sampled(flux, error, target))
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
