"""The plain way to the handbook's recipe, with astropy.stats and photutils as a script would.

Frame, mask and uncertainty are opened by astropy, the centre is the first moment in a box taken
twice, the sky the mode of the annulus clipped until nothing changes, and the circle is summed
with its error into photutils' tables.
"""

from __future__ import annotations

import math
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import plain
from astropy.io import fits
from astropy.stats import sigma_clipped_stats
from astropy.table import Table
from photutils.aperture import CircularAnnulus, CircularAperture, aperture_photometry
from photutils.centroids import centroid_com

FATAL = 32520
"""Bits of a mask from which a pixel is not to be used."""

DROPPED_PLANES = (0, 57)
"""Of a cube, 0-based; the mean is taken of the others."""

HALF_BOX, RING_INNER, RING_OUTER = 3, 6, 12

Arrays = tuple[np.ndarray, np.ndarray, np.ndarray]


def open_frame(paths: tuple[Path, Path, Path]) -> tuple[fits.Header, Arrays]:
    """Read frame, mask and uncertainty; give header, image, bad pixels and errors."""
    with fits.open(paths[0]) as hdus:
        header, image = hdus[0].header, hdus[0].data.astype(float)
    with fits.open(paths[1]) as hdus:
        bad = (hdus[0].data & FATAL) != 0
    with fits.open(paths[2]) as hdus:
        error = hdus[0].data.astype(float)
    if image.ndim == 3:
        image, bad, error = reduce(image, bad, error)
    return header, (image, bad | ~np.isfinite(image), error)


def reduce(cube: np.ndarray, bad: np.ndarray, error: np.ndarray) -> Arrays:
    """Average a cube's planes without its bad pixels."""
    planes = [plane for plane in range(len(cube)) if plane not in DROPPED_PLANES]
    cube, bad, error = cube[planes], bad[planes], error[planes]
    used = np.ma.masked_array(cube, bad | ~np.isfinite(cube))
    noise = np.ma.masked_array(error**2, used.mask)
    spread = np.sqrt(noise.sum(axis=0)) / used.count(axis=0)
    return used.mean(axis=0).filled(np.nan), bad.all(axis=0), spread.filled(np.nan)


def centre(image: np.ndarray, bad: np.ndarray, x: float, y: float) -> tuple[float, float]:
    """Take the first moment around the brightest pixel, and again around its own pixel."""
    held = np.where(bad, -np.inf, image)
    left, bottom = round(x) - HALF_BOX, round(y) - HALF_BOX
    near = held[bottom : bottom + 7, left : left + 7]
    row, column = np.unravel_index(np.argmax(near), near.shape)
    column, row = column + left, row + bottom
    for _ in range(2):
        box = _around(column, row, HALF_BOX)
        light = image[box] - ring_median(image, bad, column, row)
        dx, dy = centroid_com(light, mask=bad[box])
        x, y = column - HALF_BOX + float(dx), row - HALF_BOX + float(dy)
        column, row = math.floor(x + 0.5), math.floor(y + 0.5)
    return x, y


def ring_median(image: np.ndarray, bad: np.ndarray, column: int, row: int) -> float:
    """Give the median of a square ring, clipped once."""
    cut = _around(column, row, RING_OUTER)
    rows, columns = np.mgrid[cut]
    inner = np.maximum(abs(rows - row), abs(columns - column)) < RING_INNER
    _, median, _ = sigma_clipped_stats(image[cut], mask=bad[cut] | inner, sigma=3, maxiters=1)
    return float(median)


def photometry(arrays: Arrays, x: float, y: float, radii: plain.Radii) -> tuple[float, ...]:
    """Give sum, its error, sky per pixel, and the sky's scatter and count of pixels."""
    image, bad, error = arrays
    circle = CircularAperture((x, y), radii[0])
    annulus = CircularAnnulus((x, y), radii[1], radii[2])
    sums = aperture_photometry(image, circle, error=error, mask=bad)
    values = annulus.to_mask(method="center").get_values(image, mask=bad)
    mean, median, scatter = sigma_clipped_stats(values, sigma=3, maxiters=None)
    raw, its_error = float(sums["aperture_sum"][0]), float(sums["aperture_sum_err"][0])
    return raw, its_error, 3 * median - 2 * mean, scatter, len(values)


def empty_table() -> Table:
    """Make a table that rows are added to."""
    return Table(names=("x", "y", "raw", "background", "net", "error"))


def measure(
    paths: tuple[Path, Path, Path], radii: plain.Radii, table: Table, ra_dec: tuple[float, float]
) -> None:
    """Measure one frame's target and add a row."""
    header, arrays = open_frame(paths)
    x, y = centre(*arrays[:2], *plain.place(header, *ra_dec))
    raw, error, sky, scatter, pixels = photometry(arrays, x, y, radii)
    area = math.pi * radii[0] ** 2
    # 2.5 times the mean's scatter is the mode's.
    error = math.sqrt(error**2 + (area * 2.5 * scatter) ** 2 / pixels)
    table.add_row((x, y, raw, area * sky, raw - area * sky, error))


def measure_all(
    paths: list[tuple[Path, Path, Path]], radii: plain.Radii, positions: list[tuple[float, float]]
) -> Table:
    """Measure many frames, and tell nothing of headers and of clipped pixels."""
    table: Any = empty_table()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for three, position in zip(paths, positions, strict=True):
            measure(three, radii, table, position)
    return table


def _around(column: int, row: int, half: int) -> tuple[slice, slice]:
    rows = slice(max(row - half, 0), row + half + 1)
    return rows, slice(max(column - half, 0), column + half + 1)
