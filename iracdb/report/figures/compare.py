"""A run against another: their difference against time and against flux, and how it is spread."""

from __future__ import annotations

import textwrap
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import astropy.units as u
import numpy as np
import numpy.typing as npt
from astropy.table import QTable

from iracdb.compare.comparison import Comparison, compare
from iracdb.compare.made_by import NOTHING
from iracdb.compare.parts import Part
from iracdb.report.measured import averages, column, images
from iracdb.report.missing import say_missing, table_without
from iracdb.report.style import BLACK, BLUE, GREY, MANY, VERMILION, axes, look, panels
from iracdb.report.subject import Subject

if TYPE_CHECKING:
    from matplotlib.axes import Axes

FloatArray = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]

SIGMA_PER_MAD = 1.4826
"""Standard deviation of a Gaussian over its median absolute deviation."""

_TOLD = 12
"""So many parameters that differ are named under the figure."""


def gather(subject: Subject) -> QTable:
    """Make the table that is drawn: the fluxes that both runs have, image by image.

    Parameters
    ----------
    subject : Subject
        Two runs: A, then B.

    Returns
    -------
    astropy.table.QTable
        One row an image that both runs measured, by time, or an average where the images of either
        run have no flux after all corrections: row_a, row_b, aorkey, target, time (days), flux_a,
        flux_b, difference (B minus A, mJy), percent (of A), and decided, whether both runs keep
        the image alike. ``meta['numbers']`` tells how many there are and how many are the same to
        the bit, the median difference and its robust scatter (`SIGMA_PER_MAD` times the median
        absolute deviation). ``meta['parameters']`` lists what differs. Without rows where the runs
        cannot be compared.

    Raises
    ------
    NotFound
        Where the first run has no such target or AOR.
    """
    a, b = subject.runs
    title = f"{b.name} minus {a.name}"
    found = compare(subject.database, a.run_id, b.run_id)
    if not found.comparable:
        reason = str(found.reason)
        return table_without(subject, title, f"They cannot be compared: {reason}")
    by_image = [images(one, title) for one in _sides(subject)]
    fully = [_fully_corrected(one) for one in by_image]
    if all(fully):
        table = _joined(subject, title, found.parts[0], by_image, "images")
    else:
        by_average = [averages(one, title) for one in _sides(subject)]
        table = _joined(subject, title, found.parts[1], by_average, "averages")
        names = " and ".join(run.name for run, one in zip((a, b), fully, strict=True) if not one)
        table.meta["notes"].append(
            f"Averages are compared: the images of {names} have no flux after all corrections"
        )
    if not np.isfinite(table["difference"].value).any():
        what = "average" if "averages" in table.meta["of"] else "image"
        return table_without(subject, title, f"No {what} has a flux in both runs")
    table.meta["parameters"] = _parameters(found)
    return table


def _sides(subject: Subject) -> tuple[Subject, Subject]:
    """Give each run for itself; what is shown of them is chosen in the first alone."""
    a, b = subject.runs
    return replace(subject, runs=(a,)), replace(subject, runs=(b,), target=None, aors=())


def _fully_corrected(table: QTable) -> bool:
    corrected, plain = column(table, "flux"), column(table, "flux_uncorrected")
    if corrected is None or plain is None:
        return False
    return not any("without them" in note for note in table.meta["notes"])


def _joined(subject: Subject, title: str, part: Part, sides: list[QTable], of: str) -> QTable:
    """Put the rows of both runs that are about the same beside each other, by time."""
    places = [{int(row): place for place, row in enumerate(one["row"])} for one in sides]
    rows = [
        (places[0].get(part.keys_a[i].row_number), places[1].get(part.keys_b[j].row_number))
        for i, j in part.matched.pairs
    ]
    both = [(mine, other) for mine, other in rows if mine is not None and other is not None]
    mine, other = np.array(both, dtype=np.intp).reshape(-1, 2).T
    a, b = sides[0][mine], sides[1][other]
    table = QTable(meta={**subject.meta(title), "of": of})
    table["row_a"], table["row_b"] = a["row"], b["row"]
    table["aorkey"], table["target"], table["time"] = a["aorkey"], a["target"], a["time"]
    table.meta["time_scale"] = sides[0].meta["time_scale"]
    flux_a, flux_b = (_flux(one) for one in (a, b))
    difference = flux_b - flux_a
    with np.errstate(divide="ignore", invalid="ignore"):
        percent = np.where(flux_a != 0, 100 * difference / np.abs(flux_a), np.nan)
    table["flux_a"], table["flux_b"] = flux_a * u.mJy, flux_b * u.mJy
    table["difference"], table["percent"] = difference * u.mJy, percent
    table["decided"] = _alike(a, b) if of == "images" else np.ones(len(a), dtype=bool)
    table = table[np.argsort(table["time"].value, kind="stable")]
    table.meta["numbers"] = _numbers(table)
    return table


def _flux(table: QTable) -> FloatArray:
    known = column(table, "flux") if len(table) else np.empty(0)
    return np.full(len(table), np.nan) if known is None else known


def _alike(a: QTable, b: QTable) -> BoolArray:
    """Tell of which images both runs decided alike; one that does not tell decided nothing."""
    sides = [np.ma.asarray(one["kept"]) for one in (a, b)]
    unknown = np.ma.getmaskarray(sides[0]) | np.ma.getmaskarray(sides[1])
    same = np.ma.getdata(sides[0]) == np.ma.getdata(sides[1])
    return np.asarray(unknown | same, dtype=bool)


def _numbers(table: QTable) -> dict[str, Any]:
    difference, percent = table["difference"].value, np.asarray(table["percent"])
    known = np.isfinite(difference)
    told: dict[str, Any] = {
        "compared": int(known.sum()), "same": int((difference[known] == 0).sum()),
    }  # fmt: skip
    for name, values in (("mjy", difference[known]), ("percent", percent[np.isfinite(percent)])):
        if len(values):
            median = float(np.median(values))
            told[f"median_{name}"] = median
            told[f"scatter_{name}"] = SIGMA_PER_MAD * float(np.median(np.abs(values - median)))
            told[f"largest_{name}"] = float(np.abs(values).max())
    return told


def _parameters(found: Comparison) -> list[list[str]]:
    """List what differs of the making but the software: name, in A, in B, what it moves."""
    differ = [each for each in found.made_by.differences if each.what != "software"]
    # What can have moved a number comes first.
    differ.sort(key=lambda each: not each.is_cause)
    return [[each.name, str(each.a), str(each.b), each.moves] for each in differ]


def draw(table: QTable, ax: Axes | None = None) -> Axes | list[Axes]:
    """Draw the difference against time and flux, and its histogram.

    Parameters
    ----------
    table : astropy.table.QTable
        From `gather`.
    ax : matplotlib.axes.Axes, optional
        Where to draw; by default on a new figure.

    Returns
    -------
    list of matplotlib.axes.Axes
        Against time, against flux, histogram, and the caption; one where there is nothing to draw.
    """
    with look():
        nothing = say_missing(table, ax)
        if nothing is not None:
            return nothing
        lines = _caption(table)
        time, _, flux, spread, caption, rest = drawn = panels(
            axes(ax), 3, 2, height_ratios=(1, 1, 0.08 * (len(lines) + 0.3)), width_ratios=(1.6, 1)
        )
        # The uppermost panel and the caption are as wide as the figure.
        for wide, narrow in ((time, drawn[1]), (caption, rest)):
            place = wide.get_subplotspec()
            narrow.remove()
            if place is not None:
                wide.set_subplotspec(place.get_gridspec()[place.rowspan.start, :])
        name, unit = _shown(table)
        values = np.asarray(getattr(table[name], "value", table[name]), dtype=np.float64)
        start = np.floor(np.nanmin(table["time"].value))
        _scatter(time, table["time"].value - start, values, table)
        _scatter(flux, table["flux_a"].value, values, table)
        a, b = (run["run_name"] for run in table.meta["runs"])
        time.set_title(f"{table.meta['title']}, {table.meta['numbers']['compared']} {_of(table)}")
        time.set_xlabel(f"{table.meta['time_scale']} − {start:.0f}  [days]")
        flux.set_xlabel(f"Flux density in {a}  [mJy]")
        if _wide(table["flux_a"].value):
            flux.set_xscale("log")
        for one in (time, flux):
            one.set_ylabel(f"{b} − {a}  [{unit}]")
        _histogram(spread, values, unit, _of(table))
        if len(time.get_legend_handles_labels()[1]) > 1:
            time.legend(loc="best")
        caption.set_axis_off()
        said = caption.text(
            0, 1, "\n".join(lines), transform=caption.transAxes, va="top", fontsize=8, color=BLACK
        )
        # The row is made for it; its width must not narrow the panels.
        said.set_in_layout(False)
        return [time, flux, spread, caption]


def _of(table: QTable) -> str:
    count = table.meta["numbers"]["compared"]
    return str(table.meta["of"])[:-1] if count == 1 else str(table.meta["of"])


def _shown(table: QTable) -> tuple[str, str]:
    """Choose per cent where every flux of A is well above zero, else mJy."""
    flux = table["flux_a"].value[np.isfinite(table["difference"].value)]
    if len(flux) and flux.min() > 0:
        return "percent", "per cent"
    return "difference", "mJy"


def _wide(flux: FloatArray) -> bool:
    known = flux[np.isfinite(flux)]
    return bool(len(known) and known.min() > 0 and known.max() > 20 * known.min())


def _scatter(ax: Axes, x: FloatArray, y: FloatArray, table: QTable) -> None:
    alike = np.asarray(table["decided"], dtype=bool)
    kinds = (
        (alike, BLUE, "o", 3.2, "kept, or left out, in both"),
        (~alike, VERMILION, "x", 5.0, "kept in one of them alone"),
    )
    for mine, colour, marker, size, label in kinds:
        mine = mine & np.isfinite(y)
        if mine.any():
            ax.plot(
                x[mine], y[mine], ls="none", marker=marker, ms=size, color=colour,
                mew=1.2 if marker == "x" else 0, alpha=0.75, rasterized=int(mine.sum()) > MANY,
                label=label,
            )  # fmt: skip
    ax.axhline(0, color=GREY, lw=0.8, zorder=1)


def _histogram(ax: Axes, values: FloatArray, unit: str, of: str) -> None:
    known = values[np.isfinite(values)]
    middle = float(np.median(known))
    spread = SIGMA_PER_MAD * float(np.median(np.abs(known - middle)))
    low, high = float(known.min()), float(known.max())
    if spread:
        # Far values are counted in the outermost bins: they must not make all others one.
        low, high = max(low, middle - 6 * spread), min(high, middle + 6 * spread)
    if not high > low:
        low, high = middle - 1, middle + 1
    # An odd number, so that where all are the same they stand in the middle.
    bins = int(np.clip(np.sqrt(len(known)) * 1.5, 5, 40)) | 1
    beyond = int(((known < low) | (known > high)).sum())
    ax.hist(
        np.clip(known, low, high), bins=bins, range=(low, high), color=BLUE, alpha=0.75,
        edgecolor="white", linewidth=0.4,
    )  # fmt: skip
    ax.axvline(middle, color=BLACK, lw=1.2)
    ax.axvspan(middle - spread, middle + spread, color=GREY, alpha=0.18, lw=0)
    ax.set_title(f"median {middle:.3g}, robust σ {spread:.3g}", fontsize=9)
    if beyond:
        ax.text(
            0.03, 0.97, f"{beyond} beyond,\nat the edges", transform=ax.transAxes, va="top",
            fontsize=8, color=GREY,
        )  # fmt: skip
    ax.set_xlabel(f"Difference  [{unit}]")
    ax.set_ylabel(f"{of.capitalize()}")


def _caption(table: QTable) -> list[str]:
    """Tell what differs between the runs, in lines."""
    same = table.meta["numbers"]["same"]
    first = f"{same} of {table.meta['numbers']['compared']} are the same to the bit. "
    listed = table.meta["parameters"]
    if not listed:
        return [first + "No parameter and no input differs."]
    # Names and digests of what is listed anyway have no place in a caption.
    said = [one for one in listed if one[3] != NOTHING] or listed
    told = [f"{name} {_short(a)} → {_short(b)}" for name, a, b, _ in said[:_TOLD]]
    more = f"; and {len(listed) - len(told)} more" if len(listed) > len(told) else ""
    names = " → ".join(run["run_name"] for run in table.meta["runs"])
    return textwrap.wrap(f"{first}What differs, {names}: {'; '.join(told)}{more}.", 100)


def _short(value: str) -> str:
    return value if len(value) <= 24 else f"{value[:22]}…"
