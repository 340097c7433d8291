"""Flux against the place within a pixel, before and after the correction, with its model."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import astropy.units as u
import numpy as np
from astropy.table import QTable

from iracdb.photometry.correction import tables_of
from iracdb.photometry.response import NATIVE
from iracdb.report.measured import FloatArray, column, images
from iracdb.report.points import draw_kinds, head, kinds_of_images, remark
from iracdb.report.style import BLACK, CRYO, GREY, WARM, empty, look, panels
from iracdb.report.subject import Subject
from iracdb.report.worked_out import counted, over_median, robust_sigma, slope, tell

if TYPE_CHECKING:
    from matplotlib.axes import Axes

COUNT = "number of images that count"
SLOPE = "slope against distance {} the correction for the pixel phase, per cent a pixel"
SIGMA = "robust sigma (1.4826 MAD) {} the correction for the pixel phase, per cent"
NO_FACTORS = "The run does not tell the response's factors: fluxes after the correction are missing"
FURTHEST = float(np.sqrt(0.5))


def gather(subject: Subject) -> QTable:
    """Make the table that is drawn: the images, with their phase and flux before and after.

    Parameters
    ----------
    subject : Subject
        Which run, and what of it.

    Returns
    -------
    astropy.table.QTable
        Of `iracdb.report.measured.images`, with phase_x, phase_y and distance (pixels) of the
        centre from its pixel's middle; after: flux over the median of its target and kind of
        frame; before: the same times the factor that the pixel phase was corrected by. Where the
        run does not tell factors there is only before: without any correction. The model of the
        response in ``meta['models']``: its mean at each distance, and between what it is by
        direction.

    Raises
    ------
    NotFound
        Where the run has no such target or AOR.
    """
    table = images(subject, f"{subject.run.name}: flux against pixel phase")
    x, y = column(table, "x"), column(table, "y")
    table.meta["models"] = []
    if x is not None and y is not None:
        table["phase_x"] = (x - np.floor(x + 0.5)) * u.pix
        table["phase_y"] = (y - np.floor(y + 0.5)) * u.pix
        table["distance"] = np.hypot(table["phase_x"], table["phase_y"])
    flux, factor = column(table, "flux"), column(table, "pixel_phase_factor")
    if flux is not None:
        if factor is not None:
            table["before"] = over_median(table, flux * factor, flux)
            table["after"] = over_median(table, flux, flux)
            table.meta["models"] = _models(subject, table)
        else:
            table["before"] = over_median(table, flux, flux)
    counts = counted(table)
    tell(table, COUNT, int(counts.sum()))
    distance = column(table, "distance")
    for name in ("before", "after"):
        shown = column(table, name)
        if shown is not None and distance is not None:
            tell(table, SLOPE.format(name), 100 * slope(distance[counts], shown[counts]))
            tell(table, SIGMA.format(name), 100 * robust_sigma(shown[counts]))
    return table


def draw(table: QTable, ax: Axes | None = None) -> list[Axes]:
    """Draw flux before and after the correction against distance from the pixel's middle.

    The model is a line, its mean over all directions, in a band from its lowest to its highest.

    Parameters
    ----------
    table : astropy.table.QTable
        From `gather`.
    ax : matplotlib.axes.Axes, optional
        Whose place both take; by default a new figure.

    Returns
    -------
    list of matplotlib.axes.Axes
        Before and after.
    """
    with look():
        both = panels(ax, 2, sharex=True, hspace=0.04)
        distance = column(table, "distance")
        if distance is None or column(table, "before") is None:
            both[0].set_title(table.meta["title"])
            missing = "centres" if distance is None else "fluxes of images"
            return [empty(one, f"The run does not tell {missing}") for one in both]
        kinds = [kind for kind in kinds_of_images(table) if kind.marker != "|"]
        for panel, name in zip(both, ("before", "after"), strict=True):
            shown = column(table, name)
            if shown is None:
                empty(panel, NO_FACTORS)
                continue
            models = table.meta["models"] if name == "before" else []
            reach = [value for model in models for value in model["mean"]]
            draw_kinds(panel, distance, shown, kinds, reach=reach, foot=0.1)
            panel.set_ylabel(f"Flux over its median,\n{name} correction")
            if name == "after":
                panel.axhline(1.0, color=BLACK, linewidth=1.1, zorder=4)
            else:
                _draw_models(panel, models)
            panel.set_xlim(0, 0.72)
            say_slope(panel, table, SLOPE.format(name), "per cent a pixel")
        last = both[1] if column(table, "after") is not None else both[0]
        last.tick_params(labelbottom=True)
        last.set_xlabel("Distance of the centre from the middle of its pixel [pixels]")
        head(both[0], table.meta["title"], columns=3)
        return both


def say_slope(ax: Axes, table: QTable, sentence: str, unit: str) -> None:
    """Write a slope into the lower left corner of axes.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
        Where.
    table : astropy.table.QTable
        Whose ``meta['numbers']`` holds it; where it does not, nothing is written.
    sentence : str
        Of the number.
    unit : str
        What it is in.
    """
    found = table.meta.get("numbers", {}).get(sentence)
    if found is not None:
        remark(ax, f"slope {found:+.2f} {unit}".replace("-", "−"), low=True)


def _models(subject: Subject, table: QTable) -> list[dict[str, Any]]:
    """Give the response that the run divided by, by distance and for each set of its tables."""
    parameters = subject.run.parameters
    if not parameters["pixel_phase"]:
        table.meta["notes"].append("The run did not correct for the pixel phase")
        return []
    if parameters["response_coefficients"] != NATIVE.coefficients_digest():
        table.meta["notes"].append(
            "The run's response is not the one that is built in: its model is not drawn"
        )
        return []
    cryogenic = np.array([str(one) == "CRYO" for one in table["mission"]])
    distance = np.linspace(0.0, FURTHEST, 48)
    angle = np.linspace(0.0, 2 * np.pi, 240, endpoint=False)
    x, y = distance[:, None] * np.cos(angle), distance[:, None] * np.sin(angle)
    # Beyond half a pixel some directions leave the pixel: another's response goes on there.
    inside = np.maximum(np.abs(x), np.abs(y)) <= 0.5 + 1e-9
    found = []
    for tables in np.unique(tables_of(str(parameters["response"]), cryogenic)).tolist():
        if tables == "none":
            continue
        _, model = NATIVE.factors(
            100 + x, 100 + y, subject.run.row.channel, mission=tables, subarray=False,
            pixel_phase=True, array_location=False,
        )  # fmt: skip
        of = np.ma.masked_array(model, ~inside)
        found.append(
            {
                "tables": tables,
                "distance": distance.tolist(),
                "mean": of.mean(axis=1).tolist(),
                "lowest": of.min(axis=1).tolist(),
                "highest": of.max(axis=1).tolist(),
            }
        )
    return found


def _draw_models(ax: Axes, models: list[dict[str, Any]]) -> None:
    for model in models:
        at: FloatArray = np.array(model["distance"])
        colour = {"cryo": CRYO, "warm": WARM}.get(model["tables"], GREY)
        ax.fill_between(
            at, model["lowest"], model["highest"], color=colour, alpha=0.16, linewidth=0, zorder=0.5
        )
        ax.plot(
            at, model["mean"], "--" if model["tables"] == "cryo" else "-", color=colour,
            linewidth=1.8, zorder=4, label=f"response, {model['tables']}",
        )  # fmt: skip
