"""Median and mode of background annuli, compiled."""

from __future__ import annotations

import math

import numpy as np

from iracdb.compiled import compiled
from iracdb.photometry.centres import FloatArray
from iracdb.photometry.order_kernel import summed, two_middles
from iracdb.photometry.sky import CLIP, FEWEST_PIXELS

_SIGMA_OF_MAD = 1.482602218505602
"""Standard deviation over median absolute deviation, for a Gaussian: 1 / Phi^-1(3/4)."""


@compiled
def _median_of(values: FloatArray, n: int, scratch: FloatArray) -> tuple[float, float, int]:
    """Give median, scaled median absolute deviation and count."""
    if n == 0:
        return np.nan, np.nan, 0
    lower, upper = two_middles(values, n)
    level = 0.5 * lower + 0.5 * upper
    for i in range(n):
        scratch[i] = abs(values[i] - level)
    lower, upper = two_middles(scratch, n)
    return level, _SIGMA_OF_MAD * (0.5 * lower + 0.5 * upper), n


@compiled
def _mode_of(values: FloatArray, n: int, scratch: FloatArray) -> tuple[float, float, int]:
    """Give mode, standard deviation and count of what clipping leaves.

    Sorted, the pixels are summed in one order: the bits do not depend on where a pixel lies.
    """
    values[:n].sort()
    first, last = 0, n
    while last - first >= FEWEST_PIXELS:
        n = last - first
        kept = values[first:last]
        median = 0.5 * kept[(n - 1) // 2] + 0.5 * kept[n // 2]
        mean = summed(kept, n) / n
        for i in range(n):
            scratch[i] = (kept[i] - mean) ** 2
        sigma = math.sqrt(summed(scratch, n) / n)
        low, high = median - CLIP * sigma, median + CLIP * sigma
        # Written so that bounds that are NaN, where sums overflow, leave nothing.
        while first < last and not values[first] >= low:
            first += 1
        while first < last and not values[last - 1] <= high:
            last -= 1
        if last - first == n:
            return 3 * median - 2 * mean, sigma, n
    return np.nan, np.nan, last - first


@compiled
def read_skies(
    images: FloatArray,
    x: FloatArray,
    y: FloatArray,
    r_out: float,
    r_in: float,
    mode: bool,
    cells: int,
) -> FloatArray:
    """Read the sky from the whole pixels whose centre lies in an annulus, its circles included.

    Parameters
    ----------
    images : numpy.ndarray
        Block of images (n, ny, nx); pixels that are not finite are left out, and counted.
    x, y : numpy.ndarray
        Centres (n,) in pixels; NaN asks for nothing.
    r_out, r_in : float
        Radii in pixels; of an annulus that leaves the image the part on it is taken.
    mode : bool
        Whether the mode is wanted, and not the median.
    cells : int
        What `room` of the ring kernel tells.

    Returns
    -------
    numpy.ndarray
        Of each image the fields of `SkyLevels`, in their order (n, 4).
    """
    found = np.full((len(images), 4), np.nan)
    values, scratch = np.empty(cells), np.empty(cells)
    _, ny, nx = images.shape
    inner, outer = r_in**2, r_out**2
    for k in range(len(images)):
        found[k, 3] = 0.0
        if math.isnan(x[k]) or math.isnan(y[k]):
            continue
        image = images[k]
        held = holes = 0
        left, right = max(math.ceil(x[k] - r_out), 0), min(math.floor(x[k] + r_out) + 1, nx)
        for j in range(max(math.ceil(y[k] - r_out), 0), min(math.floor(y[k] + r_out) + 1, ny)):
            for i in range(left, right):
                squared = (i - x[k]) ** 2 + (j - y[k]) ** 2
                if inner <= squared <= outer:
                    if math.isfinite(image[j, i]):
                        values[held] = image[j, i]
                        held += 1
                    else:
                        holes += 1
        if mode:
            level, sigma, used = _mode_of(values, held, scratch)
        else:
            level, sigma, used = _median_of(values, held, scratch)
        found[k, 0], found[k, 1], found[k, 2], found[k, 3] = level, sigma, used, holes
    return found
