"""How figures look: the project's style, its colours, axes for them, and what their feet say."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib.resources import files
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

BLUE, VERMILION, GREEN, PURPLE, ORANGE, SKY, BLACK = (
    "#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000",
)  # fmt: skip
"""Colours that people tell apart whatever colours they see: Okabe and Ito, 2008."""

GREY = "#767676"
"""For what is beside the point: dark enough to be read on white."""

KEPT, REJECTED, UNKNOWN = BLUE, VERMILION, GREY
"""Images that an average counts, those it leaves out, and those of which that is not known."""

CRYO, WARM = PURPLE, GREEN
"""The cryogenic and the warm mission."""

MANY = 400
"""From so many points on a vector figure holds them as an image: it would be too large."""


@contextmanager
def look() -> Iterator[None]:
    """Draw in the project's style; what was set before is set again afterwards.

    Yields
    ------
    None
        While it holds.
    """
    import matplotlib.style

    with matplotlib.style.context(str(files("iracdb.report") / "iracdb.mplstyle")):
        yield


def axes(ax: Axes | None) -> Axes:
    """Give the axes to draw on.

    Parameters
    ----------
    ax : matplotlib.axes.Axes or None
        As given to a figure; None for new ones, of a figure of pyplot's.

    Returns
    -------
    matplotlib.axes.Axes
        Those given, or new ones.
    """
    if ax is not None:
        return ax
    from matplotlib import pyplot

    with look():
        return pyplot.figure().add_subplot()


def panels(
    ax: Axes | None, rows: int, columns: int = 1, *, sharex: bool = False, **layout: Any
) -> list[Axes]:
    """Put several panels where one was.

    Parameters
    ----------
    ax : matplotlib.axes.Axes or None
        Whose place they take; it is removed. None for a new figure of pyplot's.
    rows, columns : int
        How many.
    sharex : bool, optional
        Whether all of a column show the same stretch; then only the lowest has labels.
    **layout
        Of `matplotlib.gridspec.SubplotSpec.subgridspec`, such as ``height_ratios``.

    Returns
    -------
    list of matplotlib.axes.Axes
        Row by row.
    """
    from matplotlib.gridspec import GridSpec

    given = axes(ax)
    figure, place = given.figure, given.get_subplotspec()
    given.remove()
    place = GridSpec(1, 1)[0] if place is None else place
    grid = place.subgridspec(rows, columns, **layout)
    made: list[Axes] = []
    for row in range(rows):
        for column in range(columns):
            above = made[column] if sharex and row else None
            made.append(figure.add_subplot(grid[row, column], sharex=above))
            if sharex and row + 1 < rows:
                made[-1].tick_params(labelbottom=False)
    return made


def empty(ax: Axes, missing: str) -> Axes:
    """Say in an empty figure what is missing.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
        Where.
    missing : str
        One sentence: what there is not, and why.

    Returns
    -------
    matplotlib.axes.Axes
        The same.
    """
    import textwrap

    ax.set_axis_off()
    ax.text(
        0.5, 0.5, textwrap.fill(missing, 46, break_on_hyphens=False), transform=ax.transAxes,
        ha="center", va="center", color=GREY, fontsize=11,
    )  # fmt: skip
    return ax


def foot(meta: Mapping[str, Any]) -> str:
    """Write what stands under a figure: which run it shows, and the digest of its results.

    Parameters
    ----------
    meta : mapping
        Of the table that is drawn: ``runs``, a list of mappings with run_id, run_name, uuid and
        results_sha256.

    Returns
    -------
    str
        One line.
    """
    told = []
    for run in meta.get("runs", ()):
        digest = run["results_sha256"]
        end = f"results sha256 {digest[:16]}" if digest else "not finished"
        told.append(f"run {run['run_id']} ({run['run_name']}), {end}")
    return "iracdb  ·  " + "  ·  ".join(told)


def new_figure(size: tuple[float, float]) -> tuple[Figure, Axes]:
    """Make a figure that belongs to nobody: no window, nothing kept of it.

    Parameters
    ----------
    size : tuple of float
        Width and height, inches.

    Returns
    -------
    tuple
        The figure and its axes.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=size)
    FigureCanvasAgg(figure)
    return figure, figure.add_subplot()
