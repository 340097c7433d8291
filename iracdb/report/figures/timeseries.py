"""Flux, place and widths of the star's image against time, one above the other."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from astropy.table import QTable

from iracdb.report.measured import column, images
from iracdb.report.points import days, draw_kinds, head, kinds_of_images, several_targets
from iracdb.report.style import empty, look, panels
from iracdb.report.subject import Subject
from iracdb.report.worked_out import counted, robust_sigma, tell

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_ROWS = {
    "flux": "Flux [mJy]",
    "x": "x [pixels]",
    "y": "y [pixels]",
    "fwhm_x": "FWHM x\n[pixels]",
    "fwhm_y": "FWHM y\n[pixels]",
}
_TOLD = {
    "flux": "flux density, mJy",
    "x": "x of the centre, pixels",
    "y": "y of the centre, pixels",
    "fwhm_x": "full width at half maximum in x, pixels",
    "fwhm_y": "full width at half maximum in y, pixels",
}
_MISSING = {
    "flux": "No flux is known of what is shown",
    "x": "The run does not tell centres",
    "y": "The run does not tell centres",
    "fwhm_x": "The run does not tell widths: its way to the centre gives none, or its tables",
    "fwhm_y": "The run does not tell widths: its way to the centre gives none, or its tables",
}


def gather(subject: Subject) -> QTable:
    """Make the table that is drawn: the images by time.

    Parameters
    ----------
    subject : Subject
        Which run, and what of it.

    Returns
    -------
    astropy.table.QTable
        Of `iracdb.report.measured.images`; the median and the robust sigma of each row in
        ``meta['numbers']``.

    Raises
    ------
    NotFound
        Where the run has no such target or AOR.
    """
    table = images(subject, f"{subject.run.name}: flux, centre and widths")
    counts = counted(table)
    tell(table, "number of images that count", int(counts.sum()))
    for name, sentence in _TOLD.items():
        values = column(table, name)
        if values is None or (name == "flux" and several_targets(table)):
            continue
        mine = values[counts & np.isfinite(values)]
        if mine.size:
            tell(table, f"median {sentence}", float(np.median(mine)))
            tell(table, f"robust sigma (1.4826 MAD) of the {sentence}", robust_sigma(mine))
    return table


def draw(table: QTable, ax: Axes | None = None) -> list[Axes]:
    """Draw five rows that share their time.

    Parameters
    ----------
    table : astropy.table.QTable
        From `gather`.
    ax : matplotlib.axes.Axes, optional
        Whose place the rows take; by default a new figure.

    Returns
    -------
    list of matplotlib.axes.Axes
        Flux, x, y, and the widths in x and y.
    """
    with look():
        rows = panels(ax, len(_ROWS), sharex=True, hspace=0.04)
        when = days(table)
        if when is None:
            rows[0].set_title(table.meta["title"])
            return [empty(row, "No time is known of what is shown") for row in rows]
        time, label = when
        kinds = kinds_of_images(table)
        drawn: list[Axes] = []
        for row, name in zip(rows, _ROWS, strict=True):
            several = name == "flux" and several_targets(table)
            values = column(table, "relative" if several else name)
            if values is None:
                empty(row, _MISSING[name])
                continue
            of_it = kinds if name == "flux" else [kind for kind in kinds if kind.marker != "|"]
            draw_kinds(row, time, values, of_it)
            row.set_ylabel("Flux over\nits median" if several else _ROWS[name])
            row.tick_params(labelbottom=False)
            drawn.append(row)
        head(rows[0], table.meta["title"])
        if drawn:
            drawn[-1].tick_params(labelbottom=True)
            drawn[-1].set_xlabel(label)
            drawn[-1].figure.align_ylabels(drawn)
        return rows
