"""The figures there are: their names, what each shows, and how large it is."""

from __future__ import annotations

import importlib
from typing import Any, NamedTuple

from iracdb.errors import UsageError


class Figure(NamedTuple):
    """A figure that can be asked for.

    Parameters
    ----------
    name : str
        What it is called, and its file in `iracdb.report.figures`, with underscores.
    sentence : str
        What it shows.
    runs : int
        How many runs it is about: 1 or 2.
    size : tuple of float
        Width and height, inches.
    """

    name: str
    sentence: str
    runs: int = 1
    size: tuple[float, float] = (7.2, 4.6)

    @property
    def module(self) -> Any:
        """Its file, with ``gather`` and ``draw``."""
        return importlib.import_module(f"iracdb.report.figures.{self.name.replace('-', '_')}")


FIGURES: tuple[Figure, ...] = (
    Figure("lightcurve", "Flux against time: every average, or the images of one AOR"),
    Figure("timeseries", "Flux, x, y and widths of images against time", size=(7.2, 8.4)),
    Figure("centres", "Centres on the detector, and from near", size=(8.4, 4.9)),
    Figure("pixel-phase", "Flux against pixel phase before and after", size=(7.2, 6.0)),
    Figure("array-location", "Flux against place on the array before and after", size=(7.6, 6.0)),
    Figure("residuals", "Images about their averages: a histogram with the robust sigma"),
    Figure("binning", "Scatter of bins of consecutive images against their size"),
    Figure(
        "growth",
        "Flux against source radius, before and after the aperture correction",
        size=(9.0, 6.2),
    ),
    Figure(
        "frame",
        "The frame around the star of one image: pixels, circle, annulus, mask",
        size=(7.2, 6.0),
    ),
    Figure(
        "compare",
        "A run minus another, image by image: against time, flux, histogram",
        2,
        (7.2, 6.4),
    ),
    Figure("dithers", "Where on the array each AOR put its star", size=(9.0, 4.8)),
    Figure("lineage", "What one flux rests on: images, files, run, parameters", size=(11.0, 6.4)),
)
"""All of them, in the order of the work."""


def figure_named(name: str) -> Figure:
    """Find a figure.

    Parameters
    ----------
    name : str
        Of `FIGURES`.

    Returns
    -------
    Figure
        The one.

    Raises
    ------
    UsageError
        Where there is none of that name.
    """
    for figure in FIGURES:
        if figure.name == name:
            return figure
    raise UsageError(
        f"There is no figure {name!r}: choose from {', '.join(one.name for one in FIGURES)}"
    )
