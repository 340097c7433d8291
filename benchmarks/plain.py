"""The plain way to measure a star on a frame, with astropy and photutils as a script would.

The coordinate system comes from the whole header, the Gaussian is fitted twice by astropy's
Levenberg-Marquardt (from the start of the original, and again from its own result), circle and
annulus are summed into photutils' tables. Each step can be timed alone.

The recipe `handbook`, done plainly, is in `handbook.py`.
"""

from __future__ import annotations

import math
import warnings
from pathlib import Path
from typing import Any

import numpy as np
from astropy.io import fits
from astropy.modeling.fitting import LevMarLSQFitter
from astropy.modeling.models import Gaussian2D
from astropy.table import Table
from astropy.wcs import WCS
from photutils.aperture import CircularAnnulus, CircularAperture, aperture_photometry

Radii = tuple[float, float, float]

FIRST_PLANE = 14
"""Planes of a cube before it (0-based) are left out, as everywhere in iracdb."""


def open_frame(path: Path) -> tuple[fits.Header, np.ndarray]:
    """Read header and image; of a cube the median of its steady planes."""
    with fits.open(path) as hdus:
        header, image = hdus[0].header, hdus[0].data.astype(float)
    if image.ndim == 3:
        image = np.nanmedian(image[FIRST_PLANE:], axis=0)
    return header, image


def place(header: fits.Header, ra: float, dec: float) -> tuple[float, float]:
    """Find where a position falls."""
    x, y = WCS(header, naxis=2).all_world2pix(ra, dec, 0)
    return float(x), float(y)


def fit(image: np.ndarray, x: float, y: float) -> Gaussian2D | None:
    """Fit the box of 14 x 14 pixels twice; None where it leaves the array."""
    x0, x1, y0, y1 = int(x - 7), int(x + 7), int(y - 7), int(y + 7)
    if x0 < 0 or y0 < 0 or x1 > image.shape[1] or y1 > image.shape[0]:
        return None
    rows, columns = np.mgrid[y0:y1, x0:x1]
    box = image[y0:y1, x0:x1]
    held = np.isfinite(box)
    model = Gaussian2D(amplitude=5, x_mean=x, y_mean=y, x_stddev=4, y_stddev=4)
    for _ in range(2):
        model = LevMarLSQFitter()(model, columns[held], rows[held], box[held], maxiter=2000)
    return model


def photometry(image: np.ndarray, x: float, y: float, radii: Radii) -> tuple[float, float]:
    """Give the sum in the circle and the mean of the annulus."""
    circle = CircularAperture((x, y), radii[0])
    annulus = CircularAnnulus((x, y), radii[1], radii[2])
    sums = aperture_photometry(image, [circle, annulus], mask=~np.isfinite(image))
    return float(sums["aperture_sum_0"][0]), float(sums["aperture_sum_1"][0] / annulus.area)


def empty_table() -> Table:
    """Make a table that rows are added to."""
    return Table(names=("x", "y", "fwhm_x", "fwhm_y", "raw", "background", "net"))


def measure(path: Path, radii: Radii, table: Table, ra_dec: tuple[float, float]) -> None:
    """Measure one frame's target and add a row; NaN where it has no centre."""
    header, image = open_frame(path)
    x, y = place(header, *ra_dec)
    model = fit(image, x, y)
    if model is None:
        table.add_row([math.nan] * 7)
        return
    at = (model.x_mean.value, model.y_mean.value)
    widths = [s.value * 2.3548200450309493 for s in (model.x_stddev, model.y_stddev)]
    raw, sky = photometry(image, *at, radii)
    background = sky * math.pi * radii[0] ** 2
    table.add_row((*at, *widths, raw, background, raw - background))


def measure_all(paths: list[Path], radii: Radii, positions: list[tuple[float, float]]) -> Table:
    """Measure many frames, and tell nothing of fits that wander and of headers."""
    table: Any = empty_table()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for path, position in zip(paths, positions, strict=True):
            measure(path, radii, table, position)
    return table
