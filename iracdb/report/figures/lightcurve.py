"""The light curve: over all AORs, an average a point; or within one, an image a point."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from astropy.table import QTable

from iracdb.report.measured import FloatArray, averages, column, images
from iracdb.report.points import (
    days,
    draw_kinds,
    head,
    kinds_of_averages,
    kinds_of_images,
    remark,
    several_targets,
)
from iracdb.report.style import axes, empty, look
from iracdb.report.subject import Subject
from iracdb.report.worked_out import robust_sigma, tell, whether_kept

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_BARS = {
    "standard_error": "standard error of the mean",
    "error": "standard deviation of the images",
}
"""What the bars of averages are, which is not seen by looking at them."""


def gather(subject: Subject) -> QTable:
    """Make the table that is drawn: averages by time, or the images of the AORs asked for.

    Parameters
    ----------
    subject : Subject
        Which run, and what of it.

    Returns
    -------
    astropy.table.QTable
        Of `iracdb.report.measured.averages` or `iracdb.report.measured.images`.

    Raises
    ------
    NotFound
        Where the run has no such target or AOR.
    """
    if subject.aors:
        keys = ", ".join(map(str, subject.aors))
        called = "AOR" if len(subject.aors) == 1 else "AORs"
        table = images(subject, f"{subject.run.name}, {called} {keys}")
    else:
        table = averages(subject, f"{subject.run.name}, every AOR")
    _tell_numbers(table, "images" if subject.aors else "averages")
    return table


def draw(table: QTable, ax: Axes | None = None) -> Axes:
    """Draw flux against time, with errors.

    Images kept, left out and without a flux are told apart, averages by mission; those far out are
    arrows at the edge. The bars of averages are standard errors of the mean where the run tells
    them, else the standard deviation of the images: the figure says which.

    Parameters
    ----------
    table : astropy.table.QTable
        From `gather`.
    ax : matplotlib.axes.Axes, optional
        Where to draw; by default on a new figure.

    Returns
    -------
    matplotlib.axes.Axes
        Where it is drawn.
    """
    with look():
        ax = axes(ax)
        several, when = several_targets(table), days(table)
        flux = column(table, "relative" if several else "flux")
        if flux is None or when is None:
            ax.set_title(table.meta["title"])
            return empty(ax, f"No {'flux' if flux is None else 'time'} is known of what is shown")
        time, label = when
        kinds = kinds_of_images(table) if "kept" in table.colnames else kinds_of_averages(table)
        bars = _BARS.get(str(_which_error(table)))
        draw_kinds(ax, time, flux, kinds, _error(table, flux), foot=0.1 if bars else 0.0)
        ax.set_xlabel(label)
        ax.set_ylabel("Flux density over its target's median" if several else "Flux density [mJy]")
        if bars is not None:
            remark(ax, f"bars: {bars}", low=True)
        head(ax, table.meta["title"], columns=3)
        return ax


def _tell_numbers(table: QTable, what: str) -> None:
    """Tell of how many the light curve is, and its middle and spread."""
    several = several_targets(table)
    flux = column(table, "relative" if several else "flux")
    if flux is None:
        return
    if "kept" in table.colnames:
        known, kept = whether_kept(table)
        flux = np.where(kept | ~known, flux, np.nan)
    found = flux[np.isfinite(flux)]
    tell(table, f"number of {what} with a flux that count", len(found))
    if not len(found):
        return
    median = float(np.median(found))
    if not several:
        tell(table, "median flux density, mJy", median)
    if median:
        sigma = robust_sigma(found) / abs(median) * 100
        tell(table, "robust sigma (1.4826 MAD) of the fluxes, per cent of the median", sigma)


def _which_error(table: QTable) -> str | None:
    """Choose the column of errors: of an average that of the mean, else its images' spread."""
    for name in ("flux_err", "standard_error", "error"):
        if column(table, name) is not None:
            return name
    return None


def _error(table: QTable, shown: FloatArray) -> FloatArray | None:
    """Give the errors in the unit that is shown; 0 where none is known."""
    flux, of = column(table, "flux"), _which_error(table)
    error = None if of is None else column(table, of)
    if error is None or flux is None:
        return None
    with np.errstate(invalid="ignore", divide="ignore"):
        scaled = np.abs(error * shown / flux)
    return np.where(np.isfinite(scaled), scaled, 0.0)
