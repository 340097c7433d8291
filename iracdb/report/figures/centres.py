"""Where the star fell on the detector: the whole of it, and the centres from near."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from astropy.table import QTable

from iracdb.irac.simulate.spec import FULL_SIZE, SUBARRAY_SIZE
from iracdb.report.measured import FloatArray, column, images
from iracdb.report.points import Kind, head, kinds_of_images, remark, robust_range, size_for
from iracdb.report.style import BLACK, GREY, MANY, ORANGE, empty, look, panels
from iracdb.report.subject import Subject
from iracdb.report.worked_out import (
    counted,
    in_subarray,
    on_detector,
    robust_sigma,
    subarray_corner,
    tell,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes

STARING = 3.0
"""Pixels: where centres spread less, they are shown themselves, else their offsets."""

_TOLD = "of the centre less the place that the coordinate system expects, pixels"


def gather(subject: Subject) -> QTable:
    """Make the table that is drawn: centres, and the places that were expected.

    Parameters
    ----------
    subject : Subject
        Which run, and what of it.

    Returns
    -------
    astropy.table.QTable
        Of `iracdb.report.measured.images`, with offset_x and offset_y (pixels): centre less
        expected place; the medians and robust sigmas of both in ``meta['numbers']``.

    Raises
    ------
    NotFound
        Where the run has no such target or AOR.
    """
    table = images(subject, f"{subject.run.name}: centres on the detector")
    counts = counted(table)
    x = column(table, "x")
    tell(table, "number of centres", 0 if x is None else int(np.isfinite(x).sum()))
    for name in "xy":
        centre, expected = column(table, name), column(table, f"{name}_wcs")
        if centre is None or expected is None:
            continue
        offset = centre - expected
        table[f"offset_{name}"] = offset * table[name].unit
        mine = offset[counts & np.isfinite(offset)]
        if mine.size:
            tell(table, f"median in {name} {_TOLD}", float(np.median(mine)))
            tell(table, f"robust sigma (1.4826 MAD) in {name} {_TOLD}", robust_sigma(mine))
    return table


def draw(table: QTable, ax: Axes | None = None) -> list[Axes]:
    """Draw the detector with all centres, and beside it the centres from near.

    From near are the centres themselves where the telescope stared, with the pixels' borders; else
    how far each is from the place that the coordinate system expects; and where the run does not
    tell such places, how far from the middle of its pixel.

    Parameters
    ----------
    table : astropy.table.QTable
        From `gather`.
    ax : matplotlib.axes.Axes, optional
        Whose place both take; by default a new figure.

    Returns
    -------
    list of matplotlib.axes.Axes
        The detector, and from near.
    """
    with look():
        both = panels(ax, 1, 2)
        if column(table, "x") is None or column(table, "y") is None:
            both[0].set_title(table.meta["title"])
            return [empty(one, "The run does not tell centres") for one in both]
        kinds = [kind for kind in kinds_of_images(table) if kind.marker != "|"]
        rest = np.ones(len(table), dtype=bool)
        for kind in kinds:
            rest &= ~kind.rows
        kinds.append(Kind("centre without a flux", rest, GREY, "d", filled=False))
        _detector(both[0], table, kinds)
        _near(both[1], table, kinds)
        head(both[0], table.meta["title"], columns=2)
        return both


def _places(table: QTable) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
    """Give centres and expected places: on the detector, or on the subarray if all is of it."""
    if not in_subarray(table).all():
        return *on_detector(table), *on_detector(table, "x_wcs", "y_wcs")
    found = [column(table, name) for name in ("x", "y", "x_wcs", "y_wcs")]
    nowhere = np.full(len(table), np.nan)
    one, two, three, four = (nowhere if values is None else values for values in found)
    return one, two, three, four


def _detector(ax: Axes, table: QTable, kinds: list[Kind]) -> None:
    from matplotlib.patches import Rectangle

    x, y, x_wcs, y_wcs = _places(table)
    alone = bool(in_subarray(table).all())
    part = in_subarray(table) & np.isfinite(x)
    side = SUBARRAY_SIZE if alone else FULL_SIZE
    ax.add_patch(Rectangle((-0.5, -0.5), side, side, facecolor="0.965", edgecolor=BLACK, zorder=0))
    if part.any() and not alone:
        corner = subarray_corner(int(table.meta["runs"][0]["channel"]))
        at = (corner[0] - 0.5, corner[1] - 0.5)
        square = Rectangle(at, SUBARRAY_SIZE, SUBARRAY_SIZE, fill=False, edgecolor=BLACK)
        square.set_linestyle("--")
        ax.add_patch(square)
        ax.text(
            at[0] + SUBARRAY_SIZE + 4, at[1] + 2, "subarray", fontsize=8, zorder=5,
            bbox={"facecolor": "white", "alpha": 0.75, "edgecolor": "none", "pad": 1},
        )  # fmt: skip
    _expected(ax, x_wcs, y_wcs)
    _points(ax, x, y, kinds)
    air = 0.06 * side
    ax.set_xlim(-0.5 - air, side - 0.5 + air)
    ax.set_ylim(-0.5 - air, side - 0.5 + air)
    ticks = range(0, side + 1, side // 4)
    ax.set_xticks(ticks)
    ax.set_yticks(ticks)
    ax.set_aspect("equal")
    off = (x < -0.5) | (x > side - 0.5) | (y < -0.5) | (y > side - 0.5)
    if off.any():
        remark(ax, f"{int(off.sum())} off the array")
    where = "subarray" if alone else "detector"
    ax.set_xlabel(f"x on the {where} [pixels]")
    ax.set_ylabel(f"y on the {where} [pixels]")


def _near(ax: Axes, table: QTable, kinds: list[Kind]) -> None:
    x, y, x_wcs, y_wcs = _places(table)
    stares = max(robust_sigma(x), robust_sigma(y)) < STARING
    offset_x, offset_y = column(table, "offset_x"), column(table, "offset_y")
    title, of = "From near", ""
    if stares:
        _expected(ax, x_wcs, y_wcs)
    elif offset_x is not None and offset_y is not None:
        title, of = "From the place expected", " less that expected"
        x, y = offset_x, offset_y
        ax.plot(0, 0, "+", color=ORANGE, markersize=14, markeredgewidth=1.8, zorder=4)
    else:
        title, of = "Within the pixel; places expected are not told", " from the pixel's middle"
        x, y = x - np.floor(x + 0.5), y - np.floor(y + 0.5)
    ax.set_title(title)
    _points(ax, x, y, kinds)
    (left, right), (low, high) = robust_range(x), robust_range(y)
    half = max(right - left, high - low, 0.1) / 2
    middle_x, middle_y = (left + right) / 2, (low + high) / 2
    if of.endswith("middle"):
        half, middle_x, middle_y = 0.56, 0.0, 0.0
    ax.set_xlim(middle_x - half, middle_x + half)
    ax.set_ylim(middle_y - half, middle_y + half)
    ax.set_aspect("equal")
    ax.locator_params(nbins=6)  # numbers near one another are long
    if half < 6 and not of.endswith("expected"):
        _borders_of_pixels(ax)
    inside = (np.abs(x - middle_x) <= half) & (np.abs(y - middle_y) <= half)
    beyond = int((np.isfinite(x) & ~inside).sum())
    if beyond:
        remark(ax, f"{beyond} beyond the axes")
    ax.set_xlabel(f"x{of} [pixels]")
    ax.set_ylabel(f"y{of} [pixels]")


def _points(ax: Axes, x: FloatArray, y: FloatArray, kinds: list[Kind]) -> None:
    for kind in kinds:
        mine = kind.rows & np.isfinite(x) & np.isfinite(y)
        if mine.any():
            ax.plot(
                x[mine], y[mine], kind.marker, color=kind.colour, markersize=size_for(len(x)),
                markerfacecolor=kind.colour if kind.filled else "white", markeredgewidth=0.7,
                label=f"{kind.label} ({int(mine.sum())})", rasterized=len(x) > MANY,
            )  # fmt: skip


def _expected(ax: Axes, x: FloatArray, y: FloatArray) -> None:
    known = np.isfinite(x) & np.isfinite(y)
    if known.any():
        ax.plot(
            x[known], y[known], "+", color=ORANGE, markersize=7, markeredgewidth=1.1,
            label="expected", rasterized=len(x) > MANY, zorder=1.5,
        )  # fmt: skip


def _borders_of_pixels(ax: Axes) -> None:
    ax.grid(False)
    for lines, (low, high) in ((ax.axvline, ax.get_xlim()), (ax.axhline, ax.get_ylim())):
        for at in np.arange(np.ceil(low - 0.5) + 0.5, high, 1.0):
            lines(float(at), color="0.7", linewidth=0.8, linestyle=":", zorder=0)
