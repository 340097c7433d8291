"""Median and mode of an annulus, image by image in numpy: what the compiled ones must give, too."""

from __future__ import annotations

import math

import numpy as np

from iracdb.photometry.sky import CLIP, FEWEST_PIXELS, SkyLevels

_SIGMA_OF_MAD = 1.482602218505602


def median_sky(images, x, y, aperture):
    """As `iracdb.photometry.sky.MedianSky`."""
    return _levels(images, x, y, aperture, _median_of)


def mode_sky(images, x, y, aperture):
    """As `iracdb.photometry.sky.ModeSky`."""
    return _levels(images, x, y, aperture, _mode_of)


def _levels(images, x, y, aperture, estimate):
    """Give the sorted finite pixels of each annulus to an estimate: level, sigma, pixels used.

    Sorted, they are summed in one order: the bits do not depend on where a pixel lies.
    """
    level, sigma, pixels = (np.full(len(images), np.nan) for _ in range(3))
    nan_pixels = np.zeros(len(images), dtype=np.int64)
    laid = ~aperture.out_of_bounds(x, y, (images.shape[-2], images.shape[-1]))
    with np.errstate(over="ignore", invalid="ignore"):
        for k in np.flatnonzero(laid):
            values = _whole_pixels(images[k], float(x[k]), float(y[k]), aperture)
            finite = np.isfinite(values)
            nan_pixels[k] = np.count_nonzero(~finite)
            level[k], sigma[k], pixels[k] = estimate(np.sort(values[finite]))
    return SkyLevels(level, sigma, pixels, nan_pixels)


def _whole_pixels(image, x, y, aperture):
    """Values of the pixels whose centre lies in the annulus, its two circles included."""
    ny, nx = image.shape
    r_in, r_out = aperture.r_in, aperture.r_out
    x0, x1 = max(math.ceil(x - r_out), 0), min(math.floor(x + r_out) + 1, nx)
    y0, y1 = max(math.ceil(y - r_out), 0), min(math.floor(y + r_out) + 1, ny)
    squared = (np.arange(x0, x1) - x) ** 2 + ((np.arange(y0, y1) - y) ** 2)[:, None]
    return image[y0:y1, x0:x1][(squared >= r_in**2) & (squared <= r_out**2)]


def _median_of(values):
    n = len(values)
    if n == 0:
        return math.nan, math.nan, 0
    level = _middle(values)
    return level, _SIGMA_OF_MAD * _middle(np.sort(np.abs(values - level))), n


def _mode_of(values):
    while len(values) >= FEWEST_PIXELS:
        # Called by name, np.mean and np.std take longer than the hundred pixels they add up.
        n, median = len(values), _middle(values)
        mean = float(np.add.reduce(values)) / n
        sigma = math.sqrt(float(np.add.reduce((values - mean) ** 2)) / n)
        first = values.searchsorted(median - CLIP * sigma, "left")
        last = values.searchsorted(median + CLIP * sigma, "right")
        if last - first == n:
            return 3 * median - 2 * mean, sigma, n
        values = values[first:last]
    return math.nan, math.nan, len(values)


def _middle(values):
    """Median of sorted values."""
    n = len(values)
    return 0.5 * float(values[(n - 1) // 2]) + 0.5 * float(values[n // 2])
