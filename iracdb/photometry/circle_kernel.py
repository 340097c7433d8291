"""What source circles hold, compiled: one pass an image."""

from __future__ import annotations

import math

import numpy as np

from iracdb.compiled import compiled
from iracdb.photometry.centres import BoolArray, FloatArray
from iracdb.photometry.order_kernel import summed
from iracdb.photometry.ring_kernel import gather


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
    parts, squares, noise = np.empty(cells), np.empty(cells), np.empty(cells)
    _, ny, nx = images.shape
    for k in range(len(images)):
        found[k, 1] = found[k, 2] = 0.0
        if math.isnan(x[k]) or math.isnan(y[k]):
            continue
        count = gather(ny, nx, x[k], y[k], r, 0.0, places, weights)
        image = images[k].ravel()
        used = holes = bad = 0
        peak = -np.inf
        for i in range(count):
            value = image[places[i]]
            held = math.isfinite(value)
            if held:
                peak = max(peak, value)
            if len(masked) > 0 and masked[k].ravel()[places[i]]:
                bad += 1
            elif held:
                parts[used] = weights[i] * value
                used += 1
            else:
                holes += 1
        found[k, 0], found[k, 1], found[k, 2] = summed(parts, used), holes, bad
        if len(variance) > 0:
            for i in range(count):
                noise[i] = weights[i] * variance[k].ravel()[places[i]]
            found[k, 3] = summed(noise, count)
        if peak > -np.inf:
            found[k, 4] = peak
        if used == count:
            for i in range(count):
                light = image[places[i]] - sky[k]
                parts[i], squares[i] = weights[i] * light, weights[i] * (light * light)
            net = summed(parts, count)
            if net != 0.0:
                found[k, 5] = net * net / summed(squares, count)
    return found
