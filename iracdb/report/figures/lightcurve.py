"""The light curve: over all AORs, an average a point; or within one, an image a point."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from astropy.table import QTable

from iracdb.report.measured import averages, column, images
from iracdb.report.style import CRYO, KEPT, REJECTED, UNKNOWN, WARM, axes, empty, look
from iracdb.report.subject import Subject

if TYPE_CHECKING:
    from matplotlib.axes import Axes


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
        return images(subject, f"{subject.run.name}, AOR {keys}")
    return averages(subject, f"{subject.run.name}, every AOR")


def draw(table: QTable, ax: Axes | None = None) -> Axes:
    """Draw flux against time, with errors, kept and rejected told apart.

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
        ax.set_title(table.meta["title"])
        several = len(set(table["target"])) > 1
        flux, time = column(table, "relative" if several else "flux"), column(table, "time")
        if flux is None or time is None:
            return empty(ax, f"No {'flux' if flux is None else 'time'} is known of what is shown")
        error = _error(table, flux)
        start = np.floor(np.nanmin(time))
        for name, colour, marker, mine in _kinds(table):
            if mine.any():
                ax.errorbar(
                    (time - start)[mine], flux[mine], None if error is None else error[mine],
                    fmt=marker, color=colour, ecolor=colour, elinewidth=0.7, label=name,
                )  # fmt: skip
        ax.set_xlabel(f"{table.meta['time_scale']} − {start:.0f}  [days]")
        ax.set_ylabel("Flux density over its median" if several else "Flux density [mJy]")
        ax.legend()
        return ax


def _error(table: QTable, shown: np.ndarray) -> np.ndarray | None:
    """Give the errors in the unit that is shown; 0 where none is known."""
    error, flux = column(table, "flux_err"), column(table, "flux")
    error = column(table, "error") if error is None else error
    if error is None or flux is None:
        return None
    with np.errstate(invalid="ignore", divide="ignore"):
        scaled = np.abs(error * shown / flux)
    return np.where(np.isfinite(scaled), scaled, 0.0)


def _kinds(table: QTable) -> list[tuple[str, str, str, np.ndarray]]:
    """Tell apart what is drawn apart: name, colour, marker, and which rows."""
    if "kept" in table.colnames:
        kept = table["kept"]
        known = ~np.ma.getmaskarray(np.ma.asarray(kept))
        yes = np.ma.filled(np.ma.asarray(kept), False).astype(bool)
        return [
            ("kept", KEPT, "o", known & yes),
            ("left out", REJECTED, "x", known & ~yes),
            ("not told whether kept", UNKNOWN, "o", ~known),
        ]
    mission = np.array([str(one) for one in table["mission"]])
    cryo, warm = mission == "CRYO", mission == "WARM"
    return [
        ("cryogenic mission", CRYO, "s", cryo),
        ("warm mission", WARM, "o", warm),
        ("mission not told", UNKNOWN, "o", ~(cryo | warm)),
    ]
