"""From a name to a figure: its table is gathered, drawn, and written beside it."""

from __future__ import annotations

import io
from threading import Lock
from typing import Any

from astropy.table import QTable

from iracdb.errors import UsageError
from iracdb.report.registry import Figure
from iracdb.report.style import GREY, foot, look, new_figure
from iracdb.report.subject import Subject

FORMATS = ("png", "pdf", "svg")
"""What a figure can be written as."""

_DRAWING = Lock()
"""One figure is drawn at a time: the settings of matplotlib are everybody's."""

_NO_DATES: dict[str, dict[str, Any]] = {
    "png": {"Software": None},
    "pdf": {"CreationDate": None, "Producer": None, "Creator": "iracdb"},
    "svg": {"Date": None, "Creator": "iracdb"},
}


def gather(figure: Figure, subject: Subject) -> QTable:
    """Make the table of what a figure shows.

    Parameters
    ----------
    figure : Figure
        Which.
    subject : Subject
        What it is about.

    Returns
    -------
    astropy.table.QTable
        With units, and in ``meta`` the title, the runs, and what is to be known.

    Raises
    ------
    UsageError
        Where the figure is about one run and two are given, or the other way round.
    NotFound
        Where what is asked about is not held.
    """
    if len(subject.runs) != figure.runs:
        needs = "one run" if figure.runs == 1 else "two runs"
        raise UsageError(f"The figure {figure.name} is about {needs}: {len(subject.runs)} given")
    table: QTable = figure.module.gather(subject)
    table.meta["figure"] = figure.name
    return table


def picture(figure: Figure, table: QTable, format_name: str = "png", dpi: int = 160) -> bytes:
    """Draw a figure as a file's content: the same bytes for the same table and matplotlib.

    Parameters
    ----------
    figure : Figure
        Which.
    table : astropy.table.QTable
        From `gather`.
    format_name : {'png', 'pdf', 'svg'}, optional
        Of the content.
    dpi : int, optional
        Dots an inch of what is no vector.

    Returns
    -------
    bytes
        The file.
    """
    with _DRAWING, look():
        made, ax = new_figure(figure.size)
        figure.module.draw(table, ax)
        made.supxlabel(foot(table.meta), fontsize=7, color=GREY, x=0.01, ha="left")
        content = io.BytesIO()
        made.savefig(content, format=format_name, dpi=dpi, metadata=_NO_DATES[format_name])
    return content.getvalue()


def table_text(table: QTable) -> bytes:
    """Write the table of what a figure shows as ECSV.

    Parameters
    ----------
    table : astropy.table.QTable
        From `gather`.

    Returns
    -------
    bytes
        The file.
    """
    from astropy.table import Table

    text = io.StringIO()
    Table(table, meta=table.meta).write(text, format="ascii.ecsv", delimiter=",")
    return text.getvalue().encode()
