"""How images scatter about the average that they count in: a histogram, and the normal curve."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import astropy.units as u
import numpy as np
from astropy.table import QTable

from iracdb.report.measured import FloatArray, column, images
from iracdb.report.points import remark
from iracdb.report.style import BLACK, KEPT, REJECTED, axes, empty, look
from iracdb.report.subject import Subject
from iracdb.report.worked_out import counted, over_average, robust_sigma, tell

if TYPE_CHECKING:
    from matplotlib.axes import Axes

COUNT = "number of images that count"
SIGMA = "robust sigma (1.4826 MAD) of the images that count, per cent of their average"
SHARE = "images that count further than 3 robust sigma from their median, per cent of all"
NORMAL = "what of a normal distribution is beyond 3 sigma, per cent"
WIDE = 6.0
"""So many robust sigmas the axes show to each side."""


def gather(subject: Subject) -> QTable:
    """Make the table that is drawn: how far each image's flux is from its average.

    Parameters
    ----------
    subject : Subject
        Which run, and what of it.

    Returns
    -------
    astropy.table.QTable
        Of `iracdb.report.measured.images`, with ``counted``, and ``residual``, per cent: flux over
        the mean of those counted in the same average, less 1.

    Raises
    ------
    NotFound
        Where the run has no such target or AOR.
    """
    table = images(subject, f"{subject.run.name}: images about their averages")
    table["counted"] = counted(table)
    residual = over_average(table)
    table["residual"] = residual * u.percent
    mine = residual[table["counted"] & np.isfinite(residual)]
    tell(table, COUNT, len(mine))
    sigma = robust_sigma(mine)
    tell(table, SIGMA, sigma)
    if sigma > 0:
        far = np.abs(mine - np.median(mine)) > 3 * sigma
        tell(table, SHARE, float(far.mean() * 100))
        tell(table, NORMAL, 0.26998)
    return table


def draw(table: QTable, ax: Axes | None = None) -> Axes:
    """Draw the histogram, with the normal curve of the robust sigma.

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
        residual = column(table, "residual")
        sigma = table.meta.get("numbers", {}).get(SIGMA, 0.0)
        counts = np.asarray(table["counted"], dtype=bool)
        if residual is None:
            return empty(ax, "No flux is known of what is shown")
        if not sigma > 0:
            number = int((counts & np.isfinite(residual)).sum())
            told = "one image counts" if number == 1 else f"{number} images count"
            return empty(ax, f"The images do not scatter: {told} in all that is shown")
        middle = float(np.median(residual[counts]))
        edges = _edges(residual[counts], middle, sigma)
        kept, left = residual[counts], residual[~counts & np.isfinite(residual)]
        word = "kept" if not np.ma.getmaskarray(np.ma.asarray(table["kept"])).all() else "counted"
        ax.hist(
            [left, kept], bins=edges.tolist(), stacked=True, color=["white", KEPT],
            edgecolor=[REJECTED, "white"], hatch=["xxxx", ""], linewidth=0.6,
            label=[f"left out ({len(left)})", f"{word} ({len(kept)})"],
        )  # fmt: skip
        _curve(ax, edges, len(kept), middle, sigma)
        ax.set_xlim(float(edges[0]), float(edges[-1]))
        ax.set_ylim(0, ax.get_ylim()[1] * 1.12)
        ax.set_xlabel("Flux over the average of its images, less 1  [per cent]")
        ax.set_ylabel(f"Images in {edges[1] - edges[0]:.2g} per cent")
        ax.tick_params(axis="x", top=False)
        to_sigma: Any = lambda at: (at - middle) / sigma  # noqa: E731
        from_sigma: Any = lambda number: number * sigma + middle  # noqa: E731
        above = ax.secondary_xaxis("top", functions=(to_sigma, from_sigma))
        above.set_xlabel("Robust sigma from the median")
        handles, labels = ax.get_legend_handles_labels()
        shown = [one for one in zip(handles, labels, strict=True) if not one[1].endswith("(0)")]
        ax.legend(*zip(*shown, strict=True), loc="upper left")
        beyond = int(((residual < edges[0]) | (residual > edges[-1])).sum())
        if beyond:
            remark(ax, f"{beyond} beyond the axes")
        return ax


def _edges(values: FloatArray, middle: float, sigma: float) -> FloatArray:
    """Give bins to both sides of the median: half a sigma wide, narrower for many images."""
    width = sigma / np.clip(np.round(len(values) ** (1 / 3) / 2), 2, 6)
    reach = np.ceil(WIDE * sigma / width)
    edges: FloatArray = middle + width * np.arange(-reach, reach + 1)
    return edges


def _curve(ax: Axes, edges: FloatArray, number: int, middle: float, sigma: float) -> None:
    """Draw what the images that count would be, were they normal with the robust sigma."""
    at = np.linspace(edges[0], edges[-1], 400)
    width = float(edges[1] - edges[0])
    density = np.exp(-(((at - middle) / sigma) ** 2) / 2) / (sigma * np.sqrt(2 * np.pi))
    ax.plot(
        at, number * width * density, "-", color=BLACK, linewidth=1.2,
        label=f"normal, robust sigma {sigma:.3g} per cent",
    )  # fmt: skip
