"""Points on axes: told apart by colour, marker and filling, within a range that outliers leave."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
from astropy.table import QTable

from iracdb.report.measured import FloatArray, column
from iracdb.report.style import CRYO, GREY, KEPT, MANY, REJECTED, UNKNOWN, WARM
from iracdb.report.worked_out import robust_sigma, whether_kept

if TYPE_CHECKING:
    from matplotlib.axes import Axes

BoolArray = npt.NDArray[np.bool_]

FAR = 8.0
"""So many robust sigmas from the median axes show; what is beyond is drawn as an arrow."""

LONG_BAR = 3.0
"""So many times the middle error an error widens the range, at most."""

MOST_BEYOND = 0.2
"""Where more than this share lies beyond, it is no outliers: axes show nearly all."""

TARGET_MARKERS = ("o", "s", "^", "D", "v", "P")
"""So many targets are told apart; more are drawn faint and alike."""


@dataclass(frozen=True)
class Kind:
    """Points that are drawn alike.

    Parameters
    ----------
    label : str
        What they are.
    rows : ndarray of bool, shape (n,)
        Which rows of the table.
    colour, marker : str
        As matplotlib names them.
    filled : bool, optional
        Whether markers are filled.
    alpha : float, optional
        How far what is behind is hidden, 0 to 1.
    """

    label: str
    rows: BoolArray
    colour: str
    marker: str
    filled: bool = True
    alpha: float = 1.0


def kinds_of_images(table: QTable) -> list[Kind]:
    """Tell images apart: kept or left out, by mission; and those without a flux.

    Parameters
    ----------
    table : astropy.table.QTable
        From `iracdb.report.measured.images`.

    Returns
    -------
    list of Kind
        Those of which there are some. Squares and crosses are cryogenic, circles and slanted
        crosses warm.
    """
    flux = column(table, "flux")
    usable = np.zeros(len(table), dtype=bool) if flux is None else np.isfinite(flux)
    known, kept = whether_kept(table)
    found: list[Kind] = []
    for mission, rows in _missions(table):
        cold, told = mission == "cryogenic", f", {mission}" if mission else ""
        point, cross = ("s", "P") if cold else ("o", "X")
        found += [
            Kind(f"kept{told}", usable & known & kept & rows, KEPT, point, not cold),
            Kind(f"left out{told}", usable & known & ~kept & rows, REJECTED, cross, not cold),
            Kind(f"measured{told}", usable & ~known & rows, UNKNOWN, point, not cold),
        ]
    found.append(Kind("no flux", ~usable, "#000000", "|"))
    return [kind for kind in found if kind.rows.any()]


def kinds_of_averages(table: QTable) -> list[Kind]:
    """Tell averages apart: by mission, and by target where there are a few.

    Parameters
    ----------
    table : astropy.table.QTable
        From `iracdb.report.measured.averages`.

    Returns
    -------
    list of Kind
        Those of which there are some. Open markers are cryogenic, filled ones warm.
    """
    flux = column(table, "flux")
    usable = np.zeros(len(table), dtype=bool) if flux is None else np.isfinite(flux)
    names = np.array([str(one) for one in table["target"]])
    targets = list(dict.fromkeys(names.tolist()))
    several = 1 < len(targets) <= len(TARGET_MARKERS)
    found: list[Kind] = []
    for number, target in enumerate(targets if several else [""]):
        mine = names == target if several else np.ones(len(table), dtype=bool)
        for mission, rows in _missions(table):
            cold = mission == "cryogenic"
            words = f"{mission} mission" if mission else "mission not told"
            marker = TARGET_MARKERS[number] if several else ("s" if cold else "o")
            found.append(
                Kind(
                    f"{target}, {mission or 'mission not told'}" if several else words,
                    usable & rows & mine,
                    {"cryogenic": CRYO, "warm": WARM}.get(mission, UNKNOWN),
                    marker,
                    not cold,
                    alpha=0.35 if len(targets) > len(TARGET_MARKERS) else 1.0,
                )
            )
    found.append(Kind("no flux", ~usable, "#000000", "|"))
    return [kind for kind in found if kind.rows.any()]


def robust_range(values: FloatArray, errors: FloatArray | None = None) -> tuple[float, float]:
    """Give the range that axes show: what is not far out, with its errors and some air.

    Parameters
    ----------
    values : ndarray, shape (n,)
        NaN where there is none; at least one is finite.
    errors : ndarray, shape (n,), optional
        In the same unit, not negative; `LONG_BAR` times the middle one at most is seen.

    Returns
    -------
    tuple of float
        From and to. Values further than `FAR` robust sigmas from the median are outside, unless
        more than a fifth are.
    """
    known = np.isfinite(values)
    found = values[known]
    middle, sigma = float(np.median(found)), robust_sigma(found)
    inside = np.abs(found - middle) <= FAR * sigma if sigma > 0 else np.ones(len(found), bool)
    if inside.mean() < 1 - MOST_BEYOND:
        low, high = np.percentile(found, [1, 99])
        air = 0.25 * (high - low)
        inside = (found >= low - air) & (found <= high + air)
    low, high = float(found[inside].min()), float(found[inside].max())
    if errors is not None:
        bars = np.where(np.isfinite(errors[known]), errors[known], 0.0)[inside]
        bars = np.minimum(bars, LONG_BAR * float(np.median(bars)))
        low, high = float((found[inside] - bars).min()), float((found[inside] + bars).max())
    air = 0.06 * (high - low) or 0.01 * abs(middle) or 1.0
    return low - air, high + air


def draw_kinds(
    ax: Axes,
    x: FloatArray,
    y: FloatArray,
    kinds: list[Kind],
    errors: FloatArray | None = None,
    *,
    reach: Sequence[float] = (),
    foot: float = 0.0,
) -> int:
    """Draw points kind by kind; what lies far out becomes an arrow at the edge.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
        Where.
    x, y : ndarray, shape (n,)
        Rows of the table; NaN where there is none. At least one y is finite.
    kinds : list of Kind
        As they are told apart. Of those without a flux small strokes at the foot say when.
    errors : ndarray, shape (n,), optional
        Of y.
    reach : sequence of float, optional
        What the axes hold in any case, such as a model that is drawn with them.
    foot : float, optional
        Share of the axes that is left free below, to be written in.

    Returns
    -------
    int
        How many points are beyond the axes.
    """
    low, high = robust_range(y, errors)
    low, high = min(low, *reach, high), max(high, *reach, low)
    low -= foot * (high - low)
    ax.set_ylim(low, high)
    beyond = 0
    size, thin = size_for(len(y)), len(y) > MANY
    for kind in kinds:
        label = f"{kind.label} ({int(kind.rows.sum())})"
        if kind.marker == "|":
            strokes = kind.rows & np.isfinite(x)
            ax.plot(
                x[strokes], np.full(int(strokes.sum()), 0.025), "|", color=GREY, markersize=5,
                markeredgewidth=0.8, transform=ax.get_xaxis_transform(), label=label,
                rasterized=thin,
            )  # fmt: skip
            continue
        mine = kind.rows & np.isfinite(x) & np.isfinite(y)
        if not mine.any():
            continue
        drawn = ax.errorbar(
            x[mine], y[mine], None if errors is None else errors[mine], fmt=kind.marker,
            markersize=size * 1.7 if kind.marker in "XP" else size, color=kind.colour,
            alpha=kind.alpha, label=label, rasterized=thin,
            markerfacecolor=kind.colour if kind.filled else "white",
            markeredgecolor=kind.colour if kind.marker not in "XP" or not kind.filled else "white",
            markeredgewidth=0.4 if kind.filled else 0.9, elinewidth=0.4 if thin else 0.7,
            ecolor=(kind.colour, 0.7), zorder=3 if kind.marker in "XP" else 2,
        )  # fmt: skip
        if thin:
            # Bars of so many lie on one another: the points must still be seen.
            for bars in drawn.lines[2]:
                bars.set_alpha(0.12)
        for marker, place, out in (("^", 0.985, mine & (y > high)), ("v", 0.015, mine & (y < low))):
            if out.any():
                beyond += int(out.sum())
                ax.plot(
                    x[out], np.full(int(out.sum()), place), marker, color=kind.colour,
                    markersize=5, markerfacecolor=kind.colour if kind.filled else "white",
                    transform=ax.get_xaxis_transform(), label="_beyond", rasterized=thin,
                    clip_on=False, zorder=4,
                )  # fmt: skip
    if beyond:
        remark(ax, f"{beyond} beyond the axes")
    return beyond


def size_for(points: int) -> float:
    """Give the size of markers for so many points.

    Parameters
    ----------
    points : int
        How many.

    Returns
    -------
    float
        Points of 1/72 inch.
    """
    return 4.5 if points <= 60 else 3.5 if points <= MANY else 2.2


def remark(ax: Axes, text: str, *, low: bool = False) -> None:
    """Write something small into a corner of axes: the upper right, or the lower left.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
        Where.
    text : str
        What.
    low : bool, optional
        Whether it is the lower left.
    """
    ax.text(
        0.015 if low else 0.985, 0.05 if low else 0.95, text, transform=ax.transAxes,
        ha="left" if low else "right", va="bottom" if low else "top", fontsize=8, color="0.2",
        zorder=5, bbox={"facecolor": "white", "alpha": 0.75, "edgecolor": "none", "pad": 1.5},
    )  # fmt: skip


def head(ax: Axes, title: str, columns: int = 4) -> None:
    """Write the title of a figure, and under it in one line what its points are.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
        The uppermost.
    title : str
        Of the figure.
    columns : int, optional
        So many kinds side by side.
    """
    from matplotlib.container import Container

    told = list(zip(*ax.get_legend_handles_labels(), strict=True))
    if not told:
        ax.set_title(title)
        return
    told.sort(key=lambda one: not isinstance(one[0], Container))  # points before lines
    lines = -(-len(told) // columns)
    ax.set_title(title, pad=8 + 14 * lines)
    legend = ax.legend(
        *zip(*told, strict=True), loc="lower left", bbox_to_anchor=(0, 1), ncols=columns,
        frameon=False, borderaxespad=0.1, borderpad=0.2, handletextpad=0.3, columnspacing=1.4,
        handlelength=1.6,
    )  # fmt: skip
    # Its height is the title's distance; its width must not widen one of several panels.
    legend.set_in_layout(False)


def days(table: QTable) -> tuple[FloatArray, str] | None:
    """Give times as they are drawn, and what the axis is called.

    Parameters
    ----------
    table : astropy.table.QTable
        With a column ``time`` and ``meta['time_scale']``.

    Returns
    -------
    tuple of ndarray, shape (n,), and str, or None
        Days since the whole day before the first, and the label; None where no time is known.
    """
    time = column(table, "time")
    if time is None:
        return None
    start = float(np.floor(np.nanmin(time)))
    return time - start, f"{table.meta['time_scale']} − {start:.0f}  [days]"


def several_targets(table: QTable) -> bool:
    """Tell whether a table holds more than one target.

    Parameters
    ----------
    table : astropy.table.QTable
        With a column ``target``.

    Returns
    -------
    bool
        Whether fluxes can only be shown over their medians.
    """
    return len(set(table["target"])) > 1


def _missions(table: QTable) -> list[tuple[str, BoolArray]]:
    missions = np.array([str(one) for one in table["mission"]])
    cryo, warm = missions == "CRYO", missions == "WARM"
    return [("cryogenic", cryo), ("warm", warm), ("", ~(cryo | warm))]
