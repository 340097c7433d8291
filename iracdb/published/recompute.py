"""The AOR table again from the image table, and where and why it differs from the published."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby, pairwise
from typing import Any

import numpy as np
from sqlalchemy import Connection, select

from iracdb.catalogue import tables as t
from iracdb.catalogue.database import Database
from iracdb.errors import RunRefused, UsageError
from iracdb.layouts import LAYOUTS
from iracdb.published.replay import (
    Replayed,
    Rows,
    Rules,
    done_right,
    published_rules,
    replay,
    shares,
)
from iracdb.runs import registry

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
    return _recomputed(run, averages, images, recipe)


def verdict_of(run: Any, averages: Sequence[Any], images: dict[int, list[Any]]) -> Recomputation:
    """Make a published run again by its own rules.

    Parameters
    ----------
    run : Row
        Of the table ``run``.
    averages : sequence of Row
        From `averages_of`.
    images : dict
        From `images_of`.

    Returns
    -------
    Recomputation
        By the recipe ``published-2018``.
    """
    return _recomputed(run, averages, images, "published-2018")


def _recomputed(
    run: Any, averages: Sequence[Any], images: dict[int, list[Any]], recipe: str
) -> Recomputation:
    rows = tuple(_again(run, average, images.get(average.id, []), recipe) for average in averages)
    return Recomputation(run.run_id, run.name, recipe, rows, _verdict(run, rows, recipe))


def averages_of(connection: Connection, run_id: int, *, unlisted: bool = False) -> Sequence[Any]:
    """Read the averages that a run's table lists.

    Parameters
    ----------
    connection : sqlalchemy.Connection
        To a catalogue.
    run_id : int
        The run.
    unlisted : bool, optional
        Also those of AORs without a row.

    Returns
    -------
    sequence of Row
        Of the table ``aor_result``, in the order of the table.
    """
    result = t.aor_result.c
    query = select(t.aor_result).where(result.run_id == run_id)
    if not unlisted:
        query = query.where(result.listed)
    return connection.execute(query.order_by(result.row_number)).all()


def images_of(connection: Connection, run_id: int) -> dict[int, list[Any]]:
    """Read the images of a run.

    Parameters
    ----------
    connection : sqlalchemy.Connection
        To a catalogue.
    run_id : int
        The run.

    Returns
    -------
    dict
        Rows of ``image_result``, in order, by average.
    """
    image, result = t.image_result.c, t.aor_result.c
    query = (
        select(t.image_result)
        .join(t.aor_result, result.id == image.aor_result_id)
        .where(result.run_id == run_id)
        .order_by(image.row_number)
    )
    found: dict[int, list[Any]] = {}
    for number, group in groupby(connection.execute(query), key=lambda row: row.aor_result_id):
        found.setdefault(number, []).extend(group)
    return found


def rules_of(run: Any, average: Any) -> Rules:
    """Tell the rules by which a published average was made.

    Parameters
    ----------
    run : Row
        Of the table ``run``.
    average : Row
        Of the table ``aor_result``.

    Returns
    -------
    Rules
        Complete.
    """
    counted = any(column.key == "rejected" for column in LAYOUTS[run.layout].aor)
    return published_rules(
        run.channel,
        aperture_correction=average.aperture_correction,
        pixel_size=average.pixel_size,
        subarray=average.read_mode == "SUB",
        counts_rejections=counted,
    )


def applied_rules(run: Any, average: Any, recipe: str) -> Rules:
    """Tell the rules by which a recipe makes a published average again.

    Parameters
    ----------
    run : Row
        Of the table ``run``.
    average : Row
        Of the table ``aor_result``.
    recipe : {'manual', 'published-2018'}
        Done right, or as it was.

    Returns
    -------
    Rules
        Complete.
    """
    rules = rules_of(run, average)
    return rules if recipe == "published-2018" else done_right(rules)


def _again(run: Any, average: Any, images: Sequence[Any], recipe: str) -> Recomputed:
    rows = rows_of(images)
    rules = rules_of(run, average)
    again = replay(rows, applied_rules(run, average, recipe))
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
        shares(rows, rules) if recipe == "manual" else {},
        rows,
        again,
    )


def rows_of(images: Sequence[Any]) -> Rows:
    """Make arrays of image rows.

    Parameters
    ----------
    images : sequence of Row
        With x, y, raw, background and mjd_obs.

    Returns
    -------
    Rows
        NaN where there is no value.
    """

    def array(name: str) -> Any:
        values = [getattr(image, name) for image in images]
        return np.array([math.nan if value is None else value for value in values], dtype=float)

    return Rows(array("x"), array("y"), array("raw") - array("background"), array("mjd_obs"))


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
