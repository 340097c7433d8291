"""What source circles hold, compiled: one pass an image."""

from __future__ import annotations

import math

import numpy as np

from iracdb.compiled import compiled
from iracdb.photometry.centres import BoolArray, FloatArray, IntArray
from iracdb.photometry.order_kernel import summed
from iracdb.photometry.ring_kernel import gather


@compiled
def _sum_values(
    image: FloatArray,
    bad: BoolArray,
    places: IntArray,
    weights: FloatArray,
    count: int,
    parts: FloatArray,
) -> tuple[float, int, int, float]:
    """Give total, pixels without a value, masked pixels and peak; a mask may be empty."""
    used = holes = covered = 0
    peak = -np.inf
    for i in range(count):
        value = image[places[i]]
        held = math.isfinite(value)
        if held:
            peak = max(peak, value)
        if len(bad) > 0 and bad[places[i]]:
            covered += 1
        elif held:
            parts[used] = weights[i] * value
            used += 1
        else:
            holes += 1
    return summed(parts, used), holes, covered, peak if peak > -np.inf else np.nan


@compiled
def _noise_pixels(
    image: FloatArray,
    places: IntArray,
    weights: FloatArray,
    count: int,
    sky: float,
    parts: FloatArray,
) -> float:
    """Give the squared sum over the sum of squares of the light above the sky."""
    for i in range(count):
        parts[i] = weights[i] * (image[places[i]] - sky)
    net = summed(parts, count)
    for i in range(count):
        parts[i] = weights[i] * (image[places[i]] - sky) ** 2
    return net * net / summed(parts, count) if net != 0.0 else np.nan


@compiled
def sum_circles(
    images: FloatArray,
    x: FloatArray,
    y: FloatArray,
    r: float,
    sky: FloatArray,
    masked: BoolArray,
    variance: FloatArray,
    cells: int,
) -> FloatArray:
    """Sum each image over a circle.

    Parameters
    ----------
    images : numpy.ndarray
        Block of images (n, ny, nx); NaN where a pixel has no value.
    x, y : numpy.ndarray
        Centres (n,) in pixels; NaN asks for nothing.
    r : float
        Radius in pixels.
    sky : numpy.ndarray
        Sky per pixel (n,); NaN where it is not known.
    masked, variance : numpy.ndarray
        Masks and variances (n, ny, nx), or of no image where there are none.
    cells : int
        What `room` of the ring kernel tells.

    Returns
    -------
    numpy.ndarray
        Of each image the fields of `Circles`, in their order (n, 6).
    """
    found = np.full((len(images), 6), np.nan)
    places, weights = np.empty(cells, dtype=np.int64), np.empty(cells)
    parts = np.empty(cells)
    _, ny, nx = images.shape
    for k in range(len(images)):
        found[k, 1] = found[k, 2] = 0.0
        if math.isnan(x[k]) or math.isnan(y[k]):
            continue
        count = gather(ny, nx, x[k], y[k], r, 0.0, places, weights)
        image = images[k].ravel()
        bad = masked[k].ravel() if len(masked) > 0 else masked.ravel()
        sums = _sum_values(image, bad, places, weights, count, parts)
        found[k, 0], found[k, 1], found[k, 2], found[k, 4] = sums
        if len(variance) > 0:
            noise = variance[k].ravel()
            for i in range(count):
                parts[i] = weights[i] * noise[places[i]]
            found[k, 3] = summed(parts, count)
        if sums[1] == 0 and sums[2] == 0:
            found[k, 5] = _noise_pixels(image, places, weights, count, sky[k], parts)
    return found
