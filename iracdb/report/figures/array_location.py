"""Flux against the place on the array, before and after the correction, with its model."""

from __future__ import annotations

from typing import TYPE_CHECKING

import astropy.units as u
import numpy as np
from astropy.table import QTable

from iracdb.report.figures.pixel_phase import NO_FACTORS, say_slope
from iracdb.report.measured import column, images
from iracdb.report.points import draw_kinds, head, kinds_of_images
from iracdb.report.style import BLACK, MANY, empty, look, panels
from iracdb.report.subject import Subject
from iracdb.report.worked_out import counted, on_detector, over_median, robust_sigma, slope, tell

if TYPE_CHECKING:
    from matplotlib.axes import Axes

COUNT = "number of images that count"
SLOPE = "slope against {} {} the correction for the place on the array, per cent a 100 pixels"
SIGMA = "robust sigma (1.4826 MAD) {} the correction for the place on the array, per cent"


def gather(subject: Subject) -> QTable:
    """Make the table that is drawn: the images, with their place and flux before and after.

    Parameters
    ----------
    subject : Subject
        Which run, and what of it.

    Returns
    -------
    astropy.table.QTable
        Of `iracdb.report.measured.images`, with array_x and array_y (pixels of the whole detector,
        0-based); after: flux over the median of its target and kind of frame; before: the same
        times the factor that the place on the array was corrected by. Where the run does not tell
        factors there is only before: without any correction.

    Raises
    ------
    NotFound
        Where the run has no such target or AOR.
    """
    table = images(subject, f"{subject.run.name}: flux against place on the array")
    if column(table, "x") is not None and column(table, "y") is not None:
        x, y = on_detector(table)
        table["array_x"], table["array_y"] = x * u.pix, y * u.pix
    flux, factor = column(table, "flux"), column(table, "array_location_factor")
    if flux is not None:
        if factor is not None:
            table["before"] = over_median(table, flux * factor, flux)
            table["after"] = over_median(table, flux, flux)
            if not subject.run.parameters["array_location"]:
                table.meta["notes"].append("The run did not correct for the place on the array")
        else:
            table["before"] = over_median(table, flux, flux)
    counts = counted(table)
    tell(table, COUNT, int(counts.sum()))
    for name in ("before", "after"):
        shown = column(table, name)
        if shown is None:
            continue
        tell(table, SIGMA.format(name), 100 * robust_sigma(shown[counts]))
        for axis in "xy":
            place = column(table, f"array_{axis}")
            if place is not None:
                found = 1e4 * slope(place[counts], shown[counts])
                tell(table, SLOPE.format(axis, name), found)
    return table


def draw(table: QTable, ax: Axes | None = None) -> list[Axes]:
    """Draw flux before and after the correction against x and y.

    The model is a dash at each image: what the correction divided by there.

    Parameters
    ----------
    table : astropy.table.QTable
        From `gather`.
    ax : matplotlib.axes.Axes, optional
        Whose place the four take; by default a new figure.

    Returns
    -------
    list of matplotlib.axes.Axes
        Before against x and y, after against x and y.
    """
    with look():
        four = panels(ax, 2, 2, sharex=True, hspace=0.04, wspace=0.02)
        if column(table, "array_x") is None or column(table, "before") is None:
            four[0].set_title(table.meta["title"])
            missing = "centres" if column(table, "array_x") is None else "fluxes of images"
            return [empty(one, f"The run does not tell {missing}") for one in four]
        kinds = [kind for kind in kinds_of_images(table) if kind.marker != "|"]
        model = column(table, "array_location_factor")
        for number, panel in enumerate(four):
            name, axis = ("before", "after")[number // 2], "xy"[number % 2]
            shown, place = column(table, name), column(table, f"array_{axis}")
            if shown is None or place is None:
                empty(panel, NO_FACTORS)
                continue
            at_images = model if name == "before" and model is not None else np.array([1.0])
            reach = at_images[np.isfinite(at_images)].tolist()
            draw_kinds(panel, place, shown, kinds, reach=reach, foot=0.12)
            if name == "after":
                panel.axhline(1.0, color=BLACK, linewidth=1.1, zorder=4)
            elif model is not None:
                panel.plot(
                    place, model, "_", color=BLACK, markersize=7, markeredgewidth=0.9, zorder=4,
                    label="response at the image", rasterized=len(place) > MANY,
                )  # fmt: skip
            panel.set_xlim(-8, 263)
            panel.set_xticks(range(0, 257, 64))
            say_slope(panel, table, SLOPE.format(axis, name), "per cent in 100 pixels")
            if axis == "x":
                panel.set_ylabel(f"Flux over its median,\n{name} correction")
            else:
                panel.sharey(four[number - 1])
                panel.tick_params(labelleft=False)
            if name == "after" or column(table, "after") is None:
                panel.tick_params(labelbottom=True)
                panel.set_xlabel(f"{axis} on the detector [pixels]")
        head(four[0], table.meta["title"], columns=3)
        return four
