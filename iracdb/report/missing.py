"""Figures of which something is missing: a table without rows, and an empty figure that says so."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from astropy.table import QTable

from iracdb.report.style import axes, empty
from iracdb.report.subject import Subject

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def table_without(subject: Subject, title: str, missing: str) -> QTable:
    """Make the table of a figure that cannot be drawn.

    Parameters
    ----------
    subject : Subject
        What it was to be about.
    title : str
        Of the figure.
    missing : str
        One sentence: what there is not, and why.

    Returns
    -------
    astropy.table.QTable
        Without rows; ``meta['missing']`` is the sentence.
    """
    meta: dict[str, Any] = {**subject.meta(title), "missing": missing, "numbers": {}}
    return QTable(meta=meta)


def say_missing(table: QTable, ax: Axes | None) -> Axes | None:
    """Draw what `table_without` says.

    Parameters
    ----------
    table : astropy.table.QTable
        Of a figure.
    ax : matplotlib.axes.Axes or None
        Where to draw; None for a new figure.

    Returns
    -------
    matplotlib.axes.Axes or None
        The empty figure; None where nothing is missing.
    """
    if "missing" not in table.meta:
        return None
    ax = axes(ax)
    ax.set_title(table.meta["title"])
    return empty(ax, table.meta["missing"])
