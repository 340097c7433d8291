"""Scatter against bin size: how far averaging images helps."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import astropy.units as u
import numpy as np
from astropy.table import QTable

from iracdb.report.measured import FloatArray, column, images
from iracdb.report.points import remark
from iracdb.report.style import BLACK, KEPT, axes, empty, look
from iracdb.report.subject import Subject
from iracdb.report.worked_out import chains, counted, over_average, tell

if TYPE_CHECKING:
    from matplotlib.axes import Axes

COUNT = "number of images that count"
SERIES = "number of series of consecutive images (one target, AOR and kind of frame each)"
SINGLE = "standard deviation of single images in their series, per cent"
EXCESS = "scatter of the largest bins over what uncorrelated noise would leave"
LEAST = 3
"""Degrees of freedom that the standard deviation of bins must have to be told."""


def gather(subject: Subject) -> QTable:
    """Make the table that is drawn: the scatter of bins of consecutive images.

    A bin holds images of one target, AOR and kind of frame that follow each other in time; those
    that are left out are passed over, and what fills no bin is not used.

    Parameters
    ----------
    subject : Subject
        Which run, and what of it.

    Returns
    -------
    astropy.table.QTable
        One row a bin size: bin_size (images), bins and series (how many), scatter (per cent): the
        standard deviation of the bins' means, each about the mean of its series' bins, with the
        degrees of freedom that leaves; error of it, and expected: that of single images of
        the same series over ``sqrt(bin_size)``.

    Raises
    ------
    NotFound
        Where the run has no such target or AOR.
    """
    shown = images(subject, f"{subject.run.name}: scatter against bin size")
    counts, of, residual = counted(shown), chains(shown), over_average(shown)
    series = [residual[counts & (of == one)] for one in np.unique(of[counts])]
    rows = []
    for size in bin_sizes(max((len(one) for one in series), default=0)):
        scatter, bins, used = scatter_of_bins(series, size)
        freedom = bins - used
        if freedom >= LEAST:
            long_enough = [one for one in series if len(one) >= 2 * size]
            single = scatter_of_bins(long_enough, 1)[0]
            error = scatter / math.sqrt(2 * freedom)
            rows.append((size, bins, used, scatter, error, single / math.sqrt(size)))
    columns = [np.array(one) for one in zip(*rows, strict=True)] if rows else [np.array([])] * 6
    names = ("bin_size", "bins", "series", "scatter", "error", "expected")
    table = QTable(dict(zip(names, columns, strict=True)), meta=shown.meta)
    single = float(table["scatter"][0]) if rows else math.nan
    for name in ("scatter", "error", "expected"):
        table[name] = table[name] * u.percent
    tell(table, COUNT, int(counts.sum()))
    tell(table, SERIES, len(series))
    tell(table, SINGLE, single)
    if len(rows) > 1 and table["expected"][-1] > 0:
        tell(table, EXCESS, float(table["scatter"][-1] / table["expected"][-1]))
    return table


def draw(table: QTable, ax: Axes | None = None) -> Axes:
    """Draw scatter against bin size on logarithmic axes, with the line of uncorrelated noise.

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
    from matplotlib.ticker import FuncFormatter, NullLocator

    with look():
        ax = axes(ax)
        ax.set_title(table.meta["title"])
        scatter, expected = column(table, "scatter"), column(table, "expected")
        if scatter is None or expected is None:
            return empty(ax, "Too few images follow each other to tell how bins scatter")
        if not (scatter > 0).any():
            return empty(ax, "The images do not scatter")
        size, error = np.asarray(table["bin_size"]), np.asarray(table["error"].value)
        ax.set_xscale("log")
        ax.set_yscale("log")
        ax.plot(
            size, expected, "--", color=BLACK, linewidth=1.1,
            label="uncorrelated, of the same series: 1/√N",
        )  # fmt: skip
        ax.errorbar(
            size, scatter, np.minimum(error, scatter * 0.999), fmt="o-", color=KEPT, linewidth=0.9,
            elinewidth=0.8, label="bins of consecutive images",
        )  # fmt: skip
        last = table.meta["numbers"].get(EXCESS)
        if last is not None:
            remark(ax, f"largest bins: {last:.2f} times what uncorrelated noise leaves")
        known = scatter[scatter > 0]
        ax.set_ylim(0.6 * min(known.min(), expected.min()), 1.6 * float((scatter + error).max()))
        ax.set_xlim(0.9, 1.12 * max(float(size[-1]), 2.0))
        steps = [first * 10**power for power in range(7) for first in (1, 2, 3, 5)]
        ax.set_xticks([step for step in steps if step <= ax.get_xlim()[1]], minor=False)
        ax.xaxis.set_minor_locator(NullLocator())
        ax.xaxis.set_major_formatter(FuncFormatter(_plain))
        ax.yaxis.set_major_formatter(FuncFormatter(_plain))
        ax.yaxis.set_minor_formatter(FuncFormatter(_some_minor))
        ax.set_xlabel("Images in a bin, N")
        ax.set_ylabel("Standard deviation of the bins' means  [per cent]")
        ax.legend(loc="lower left")
        return ax


def bin_sizes(longest: int) -> list[int]:
    """Give the bin sizes that are tried.

    Parameters
    ----------
    longest : int
        Images in the longest series.

    Returns
    -------
    list of int
        1 to half the longest, about four a factor of 2.
    """
    steps = np.arange(0, max(4 * math.log2(max(longest / 2, 1)), 0) + 1e-9)
    return sorted({int(size) for size in np.round(2 ** (steps / 4)).tolist()}) if longest else []


def scatter_of_bins(series: list[FloatArray], size: int) -> tuple[float, int, int]:
    """Give the standard deviation of bins' means, each about the mean of its own series' bins.

    Parameters
    ----------
    series : list of ndarray
        Values in the order of time, finite, a series each: no bin holds values of two.
    size : int
        Values in a bin.

    Returns
    -------
    tuple of float, int and int
        The standard deviation, with as many degrees of freedom as bins less series; how many bins
        there are, and in how many series: only in those with two or more. NaN where there are none.
    """
    square, bins, used = 0.0, 0, 0
    for values in series:
        number = len(values) // size
        if number < 2:
            continue
        means = values[: number * size].reshape(number, size).mean(axis=1)
        square += float(np.sum((means - means.mean()) ** 2))
        bins, used = bins + number, used + 1
    return (math.sqrt(square / (bins - used)) if bins else math.nan), bins, used


def _plain(value: float, _: object) -> str:
    return f"{value:g}"


def _some_minor(value: float, _: object) -> str:
    """Label 2 and 5 of each factor of 10: an axis may hold no whole one."""
    first = f"{value:e}"[0]
    return f"{value:g}" if first in "25" else ""
