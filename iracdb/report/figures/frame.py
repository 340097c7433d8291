"""The frame around the star of one image: pixels, source circle, annulus, centre, masked pixels."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import astropy.units as u
import numpy as np
import numpy.typing as npt
from astropy.table import QTable

from iracdb.report.cutout import Cutout, first_usable, read_cutout
from iracdb.report.missing import say_missing, table_without
from iracdb.report.style import BLACK, GREY, MANY, VERMILION, axes, look
from iracdb.report.subject import Subject
from iracdb.runs.lightcurve_rows import target_meant

if TYPE_CHECKING:
    from matplotlib.axes import Axes

FloatArray = npt.NDArray[np.float64]

_LENGTHS = (1, 2, 5, 10, 20, 50, 100)


def gather(subject: Subject) -> QTable:
    """Make the table that is drawn: the pixels around the star of one image.

    Parameters
    ----------
    subject : Subject
        A run and the row of an image; without a row, the first image that has a flux.

    Returns
    -------
    astropy.table.QTable
        Of `cutout_table`; without rows where the pixels are not to be had.

    Raises
    ------
    NotFound
        Where the run has no such image or target.
    """
    run, row = subject.run, subject.row
    if row is None:
        named = None
        if subject.target is not None:
            named = tuple(target_meant(run.targets, subject.target, run.name))
        row = first_usable(subject.database, run, named, subject.aors)
    if row is None:
        missing = f"{run.name} has no image in what is asked for: there is no frame to show"
        return table_without(subject, f"{run.name}, the frame around the star", missing)
    title = f"{run.name}, image {row}"
    found = read_cutout(subject.database, run, row)
    if isinstance(found, str):
        return table_without(subject, title, found)
    table = cutout_table(found, {**subject.meta(title), "row": row})
    table.meta["notes"] += found.notes
    return table


def cutout_table(cutout: Cutout, meta: dict[str, Any]) -> QTable:
    """Make the table of a cutout.

    Parameters
    ----------
    cutout : Cutout
        Read from a frame.
    meta : dict
        What the table tells of itself: ``title``, ``runs``, ``notes``.

    Returns
    -------
    astropy.table.QTable
        One row a pixel, row by row upwards: x and y (0-based, of the array), value (in the file's
        unit; NaN where there is none) and masked. ``meta['cutout']`` tells where star, circle and
        annulus are.
    """
    rows, columns = np.indices(cutout.pixels.shape)
    masked = np.zeros(cutout.pixels.shape, dtype=bool) if cutout.masked is None else cutout.masked
    left, low = cutout.origin
    table = QTable(
        {
            "x": (columns + left).ravel(),
            "y": (rows + low).ravel(),
            "value": cutout.pixels.ravel() * u.Unit(cutout.unit),
            "masked": masked.ravel(),
        },
        meta=meta,
    )
    table.meta["cutout"] = {
        "shape": list(cutout.pixels.shape), "origin": list(cutout.origin), "unit": cutout.unit,
        "centre": _listed(cutout.centre), "expected": _listed(cutout.expected),
        "radii": list(cutout.radii), "at": list(cutout.at), "pixel_scale": cutout.pixel_scale,
        "north": _listed(cutout.north), "east": _listed(cutout.east), **cutout.told,
    }  # fmt: skip
    finite = np.isfinite(cutout.pixels)
    table.meta["numbers"] = {
        "pixels": int(finite.size), "without_value": int((~finite).sum()),
        "masked": int(masked.sum()),
    }  # fmt: skip
    return table


def _listed(point: tuple[float, float] | None) -> list[float] | None:
    return None if point is None else list(point)


def draw(table: QTable, ax: Axes | None = None) -> Axes:
    """Draw the pixels, and on them where the star was measured.

    Parameters
    ----------
    table : astropy.table.QTable
        From `gather` or `cutout_table`.
    ax : matplotlib.axes.Axes, optional
        Where to draw; by default on a new figure.

    Returns
    -------
    matplotlib.axes.Axes
        Where it is drawn.
    """
    with look():
        nothing = say_missing(table, ax)
        if nothing is not None:
            return nothing
        ax, told = axes(ax), table.meta["cutout"]
        values = table["value"].value.reshape(told["shape"])
        left, low = told["origin"]
        high, right = low + values.shape[0], left + values.shape[1]
        shown = ax.imshow(
            values, extent=(left - 0.5, right - 0.5, low - 0.5, high - 0.5), norm=_stretch(values),
            cmap="cividis", aspect="equal",
        )  # fmt: skip
        # Beside the picture, whatever room there is around its square.
        bar = ax.figure.colorbar(shown, cax=ax.inset_axes((1.025, 0.0, 0.04, 1.0)))
        marks = _marks(shown.norm)
        bar.set_ticks(marks, labels=[f"{one:g}".replace("-", "−") for one in marks])
        bar.minorticks_off()
        bar.set_label(f"Surface brightness  [{told['unit']}], stretched by arcsinh")
        ax.grid(visible=False)
        ax.set_xlim(left - 0.5, right - 0.5)
        ax.set_ylim(low - 0.5, high - 0.5)
        _mark_pixels(table, values, ax)
        _mark_aperture(told, ax)
        _mark_sky(told, ax, values.shape)
        ax.set_title(f"{table.meta['title']}: {told['target']}, AOR {told['aorkey']}\n{_of(told)}")
        ax.title.set_fontsize(10)
        ax.set_xlabel("x  [pixels]")
        ax.set_ylabel("y  [pixels]")
        ax.legend(
            loc="upper center", bbox_to_anchor=(0.5, -0.11), ncols=3, columnspacing=1.4,
            frameon=False,
        )  # fmt: skip
        return ax


def _of(told: dict[str, Any]) -> str:
    """Tell in one line which frame it is and what became of it."""
    plane = f", plane {told['plane']}" if told["plane"] >= 0 else ""
    became = {True: "kept", False: "left out", None: "not told whether kept"}[told["kept"]]
    why = told["rejected_by"] or ", ".join(told["flags"])
    return f"{told['file']}{plane}; {became}" + (f": {why}" if why else "")


def _stretch(values: FloatArray) -> Any:
    """Stretch so that the sky's noise is seen, and the star not cut off."""
    from matplotlib.colors import AsinhNorm

    known = values[np.isfinite(values)]
    if not len(known):
        return AsinhNorm(1.0, 0.0, 1.0)
    low, middle, high = np.percentile(known, (0.5, 50, 100))
    spread = 1.4826 * float(np.median(np.abs(known - middle)))
    high = high if high > low else low + 1.0
    width = max(3 * spread, (high - low) / 500)
    return AsinhNorm(width, low, high)


def _marks(norm: Any) -> list[float]:
    """Choose what the bar beside the pixels is marked with: 1 and 3 of each power of 10, and 0.

    What would stand closer than a twelfth of the bar to the one before is left out.
    """
    powers = [first * 10.0**power for power in range(-4, 7) for first in (1, 3)]
    found: list[float] = []
    for value in (0.0, *powers, *(-one for one in powers)):
        if not norm.vmin <= value <= norm.vmax:
            continue
        if all(abs(float(norm(value)) - float(norm(one))) > 1 / 12 for one in found):
            found.append(value)
    return sorted(found)


def _mark_pixels(table: QTable, values: FloatArray, ax: Axes) -> None:
    """Hatch what is masked, and cross out what has no value."""
    from matplotlib.collections import PolyCollection

    masked = np.asarray(table["masked"], dtype=bool)
    if masked.any():
        x, y = (np.asarray(table[name], dtype=np.float64)[masked] for name in "xy")
        corners = np.array([(-0.5, -0.5), (0.5, -0.5), (0.5, 0.5), (-0.5, 0.5)])
        squares = np.column_stack([x, y])[:, np.newaxis] + corners
        ax.add_collection(
            PolyCollection(
                squares,
                facecolor="none",
                edgecolor=VERMILION,
                hatch="//////",
                linewidth=0.9,
                rasterized=len(squares) > MANY,
                label="masked (fatal)",
            )
        )
    nowhere = ~np.isfinite(values.ravel())
    if nowhere.any():
        ax.plot(
            table["x"][nowhere], table["y"][nowhere], ls="none", marker="x", ms=4, mew=0.9,
            color=GREY, rasterized=int(nowhere.sum()) > MANY, label="without a value",
        )  # fmt: skip


def _mark_aperture(told: dict[str, Any], ax: Axes) -> None:
    """Draw circle, annulus, centre, and where the star was expected."""
    from matplotlib.patheffects import withStroke

    outlined = [withStroke(linewidth=2.6, foreground=BLACK)]
    circle, inner, outer = told["radii"]
    rings = (
        (circle, "-", f"source circle, {circle:g} pixels"),
        (inner, "--", f"annulus, {inner:g} to {outer:g} pixels"),
        (outer, "--", None),
    )
    for radius, line, label in rings:
        angle = np.linspace(0, 2 * np.pi, 181)
        ax.plot(
            told["at"][0] + radius * np.cos(angle), told["at"][1] + radius * np.sin(angle),
            color="white", ls=line, lw=1.3, label=label, path_effects=outlined,
        )  # fmt: skip
    for name, marker, label in (
        ("centre", "+", "fitted centre"), ("expected", "x", "expected by the WCS"),
    ):  # fmt: skip
        if told[name] is not None and not (name == "centre" and told["position"] == "forced"):
            ax.plot(
                *[[value] for value in told[name]], ls="none", marker=marker, ms=9, mew=1.4,
                color="white", path_effects=outlined, label=label,
            )  # fmt: skip


def _mark_sky(told: dict[str, Any], ax: Axes, shape: tuple[int, ...]) -> None:
    """Draw a scale bar, and arrows to north and east where they are known."""
    from matplotlib.patheffects import withStroke

    outlined = [withStroke(linewidth=2.6, foreground=BLACK)]
    left, low = told["origin"]
    height, width = shape
    if told["pixel_scale"] is not None:
        arcsec = max(
            (one for one in _LENGTHS if one / told["pixel_scale"] <= 0.3 * width),
            default=_LENGTHS[0],
        )
        start, y = left + 0.04 * width, low + 0.045 * height
        end = start + arcsec / told["pixel_scale"]
        ax.plot([start, end], [y, y], color="white", lw=2.4, path_effects=outlined, gid="scale")
        ax.text(
            (start + end) / 2, y + 0.015 * height, f"{arcsec}″", color="white", ha="center",
            va="bottom", fontsize=9, path_effects=outlined,
        )  # fmt: skip
    if told["north"] is None or told["east"] is None:
        return
    arms = np.array([told["north"], told["east"]]) * 0.11 * min(width, height)
    # Letters stand beyond the arms' ends; the whole is moved until it is in the corner.
    ends = np.vstack([[0, 0], 1.35 * arms])
    corner = np.array([left + 0.95 * width, low + 0.95 * height]) - ends.max(axis=0)
    for name, arm in zip("NE", arms, strict=True):
        ax.annotate(
            "", corner + arm, corner, gid=name,
            arrowprops={
                "arrowstyle": "-|>", "color": "white", "lw": 1.4, "shrinkA": 0, "shrinkB": 0,
                "path_effects": outlined,
            },
        )  # fmt: skip
        x, y = (corner + 1.3 * arm).tolist()
        ax.text(
            x, y, name, color="white", ha="center", va="center", fontsize=9,
            path_effects=outlined,
        )  # fmt: skip
