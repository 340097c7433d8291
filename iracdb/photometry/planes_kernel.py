"""One image of many planes, compiled: median or mean pixel by pixel."""

from __future__ import annotations

import math

import numpy as np

from iracdb.compiled import compiled
from iracdb.photometry.centres import BoolArray, FloatArray
from iracdb.photometry.order_kernel import two_middles

_TOGETHER = 16
"""Pixels of a row that are read together: alone they lie too far apart in a cube."""


@compiled
def reduce_planes(
    values: FloatArray,
    masked: BoolArray,
    variance: FloatArray,
    median: bool,
    median_per_mean: float,
) -> tuple[FloatArray, BoolArray, FloatArray]:
    """Make one image of planes.

    Parameters
    ----------
    values : numpy.ndarray
        Planes (m, ny, nx); NaN where a pixel has no value.
    masked, variance : numpy.ndarray
        Masks and variances (m, ny, nx), or of no plane where there are none.
    median : bool
        Whether the median is wanted, and not the mean.
    median_per_mean : float
        Variance of a median over that of a mean, for more than two values.

    Returns
    -------
    image, covered, spread : numpy.ndarray
        Values, what nothing but its mask keeps from having one, and variances, each (ny, nx);
        see `Reduced`.
    """
    m, ny, nx = values.shape
    image, spread = np.full((ny, nx), np.nan), np.full((ny, nx), np.nan)
    covered = np.zeros((ny, nx), dtype=np.bool_)
    column = np.empty((_TOGETHER, m))
    held, hidden = np.empty(_TOGETHER, dtype=np.int64), np.empty(_TOGETHER, dtype=np.int64)
    total, noise = np.empty(_TOGETHER), np.empty(_TOGETHER)
    for j in range(ny):
        for first in range(0, nx, _TOGETHER):
            across = min(_TOGETHER, nx - first)
            held[:], hidden[:], total[:], noise[:] = 0, 0, 0.0, 0.0
            for p in range(m):
                for b in range(across):
                    if len(masked) > 0 and masked[p, j, first + b]:
                        hidden[b] += 1
                        continue
                    value = values[p, j, first + b]
                    if math.isnan(value):
                        continue
                    total[b] += value
                    column[b, held[b]] = value
                    held[b] += 1
                    if len(variance) > 0:
                        noise[b] += variance[p, j, first + b]
            for b in range(across):
                i, n = first + b, held[b]
                covered[j, i] = n == 0 and hidden[b] > 0
                if n == 0:
                    continue
                spread[j, i] = noise[b] / float(n) ** 2
                if not median:
                    image[j, i] = total[b] / n
                    continue
                lower, upper = two_middles(column[b], n)
                image[j, i] = (lower + upper) / 2.0
                if n > 2:
                    spread[j, i] *= median_per_mean
    return image, covered, spread
