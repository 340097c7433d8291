"""The AOR table again from the image table, and where and why it differs from the published."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from iracdb.catalogue.database import Database
from iracdb.errors import RunRefused, UsageError
from iracdb.runs import registry
from iracdb.runs.replay import Replayed, Replays, Rows, shares
from iracdb.runs.stored_rows import applied_rules, averages_of, images_of, rows_of, rules_of

AGREES = 1e-12
"""Relative difference up to which a recomputed flux is the published one."""

RECIPES = ("manual", "published-2018")


@dataclass(frozen=True)
class Recomputed:
    """One row of the AOR table, again.

    Parameters
    ----------
    aor_result_id, aorkey, row_number : int
        Which.
    target : str
        Its target.
    published, recomputed : float or None
        Flux in mJy; None for none.
    rejected_published, rejected : int or None
        Images left out.
    shares : dict
        Change in mJy by known issue, for the recipe ``manual``.
    rows : Rows
        Its images.
    again : Replayed
        What it is made of now.
    """

    aor_result_id: int
    aorkey: int
    row_number: int
    target: str
    published: float | None
    recomputed: float | None
    rejected_published: int | None
    rejected: int
    shares: dict[str, float]
    rows: Rows
    again: Replayed

    @property
    def relative(self) -> float:
        """Relative difference of the fluxes; 0 where both have none, infinite where one has."""
        if self.published is None or self.recomputed is None:
            return 0.0 if self.published is self.recomputed else math.inf
        if self.published == self.recomputed:
            return 0.0
        return abs(self.recomputed - self.published) / max(abs(self.published), 1e-300)

    @property
    def agrees(self) -> bool:
        """Whether flux and count of rejections are those published."""
        counted = self.rejected_published in (None, self.rejected)
        return self.relative <= AGREES and counted


@dataclass(frozen=True)
class Recomputation:
    """A run's AOR table, again.

    Parameters
    ----------
    run_id : int
        The run.
    name : str
        Its name.
    recipe : str
        By which rules.
    rows : tuple of Recomputed
        In the order of the table.
    verdict : str
        One sentence.
    """

    run_id: int
    name: str
    recipe: str
    rows: tuple[Recomputed, ...]
    verdict: str

    @property
    def agrees(self) -> bool:
        """Whether every row is as published."""
        return all(row.agrees for row in self.rows)


def recompute(database: Database, which: int | str, recipe: str = "manual") -> Recomputation:
    """Make the AOR table of an imported run again from its image table.

    Parameters
    ----------
    database : Database
        A catalogue.
    which : int or str
        The run's number or name.
    recipe : {'manual', 'published-2018'}
        Done right, or with the known issues of 2018.

    Returns
    -------
    Recomputation
        Row by row.

    Raises
    ------
    RunRefused
        Where the run was made here: its image rows say already how they were averaged.
    UsageError
        Where there is no such recipe.
    """
    if recipe not in RECIPES:
        raise UsageError(f"There is no recipe {recipe!r} to recompute by: {', '.join(RECIPES)}")
    with database.read() as connection:
        run = registry.find(connection, which)
        if run.origin != "imported":
            raise RunRefused(
                f"Run {run.run_id} ({run.name}) was made here: 'iracdb show' tells "
                "how; only imported runs are recomputed"
            )
        averages = averages_of(connection, run.run_id)
        images = images_of(connection, run.run_id)
    return _recomputed(run, averages, replays_of(averages, images), recipe)


def replays_of(averages: Sequence[Any], images: Mapping[int, list[Any]]) -> dict[int, Replays]:
    """Make ready to make averages again.

    Parameters
    ----------
    averages : sequence of Row
        From `averages_of`.
    images : mapping
        From `images_of`.

    Returns
    -------
    dict
        By the number of the average.
    """
    return {average.id: Replays(rows_of(images.get(average.id, []))) for average in averages}


def verdict_of(run: Any, averages: Sequence[Any], replays: Mapping[int, Replays]) -> Recomputation:
    """Make a published run again by its own rules.

    Parameters
    ----------
    run : Row
        Of the table ``run``.
    averages : sequence of Row
        From `averages_of`.
    replays : mapping
        From `replays_of`.

    Returns
    -------
    Recomputation
        By the recipe ``published-2018``.
    """
    return _recomputed(run, averages, replays, "published-2018")


def _recomputed(
    run: Any, averages: Sequence[Any], replays: Mapping[int, Replays], recipe: str
) -> Recomputation:
    rows = tuple(_again(run, average, replays[average.id], recipe) for average in averages)
    return Recomputation(run.run_id, run.name, recipe, rows, _verdict(run, rows, recipe))


def _again(run: Any, average: Any, replays: Replays, recipe: str) -> Recomputed:
    rules = rules_of(run, average)
    again = replays(applied_rules(run, average, recipe))
    flux = again.mean.flux
    return Recomputed(
        average.id,
        average.aorkey,
        average.row_number,
        average.target_name,
        average.flux,
        flux if math.isfinite(flux) else None,
        average.n_rejected,
        again.mean.n_rejected,
        shares(replays, rules) if recipe == "manual" else {},
        replays.rows,
        again,
    )


def _verdict(run: Any, rows: Sequence[Recomputed], recipe: str) -> str:
    measured = [row for row in rows if row.published is not None]
    differing = [row for row in rows if not row.agrees]
    if not differing:
        return f"all {len(rows)} AORs agree with what was published"
    if recipe == "manual":
        largest = max((row.relative for row in differing if math.isfinite(row.relative)), default=0)
        return (
            f"{len(differing)} of {len(rows)} AORs differ from what was published, "
            f"by up to {100 * largest:.3g} %"
        )
    if len(differing) == len(measured):
        stale = sum(1 for one, other in pairwise(measured) if one.published == other.published)
        said = f"not reproducible: none of the {len(measured)} fluxes is what IRAC_APHOT_CORR gives"
        if stale:
            said += f", and {stale} repeat the flux of the AOR before"
        return f"{said}: another routine corrected them (comment: {run.comment})"
    return f"{len(differing)} of {len(rows)} AORs differ from what was published"
