"""One image of many planes, compiled: median or mean pixel by pixel."""

from __future__ import annotations

import numpy as np

from iracdb.compiled import compiled
from iracdb.photometry.centres import BoolArray, FloatArray, IntArray

_PLANES = 64
"""As many numbers are sorted; where there are fewer, the others are infinite."""

_TOGETHER = 16
"""Pixels that are sorted at once, by the same comparisons."""


def _comparisons() -> IntArray:
    """List the pairs of Batcher's odd-even merge sort (1968, AFIPS Conference 32, 307)."""
    pairs: list[tuple[int, int]] = []
    size = 1
    while size < _PLANES:
        step = size
        while step:
            for first in range(step % size, _PLANES - step, 2 * step):
                pairs += [
                    (low, low + step)
                    for low in range(first, min(first + step, _PLANES - step))
                    if low // (2 * size) == (low + step) // (2 * size)
                ]
            step //= 2
        size *= 2
    return np.array(pairs)


_PAIRS = _comparisons()


@compiled
def _medians(columns: FloatArray, held: IntArray, image: FloatArray) -> None:
    """Fill in the median of each pixel's numbers, the first ones of (64, n) when sorted."""
    block = np.empty((_PLANES, _TOGETHER))
    for first in range(0, len(image), _TOGETHER):
        across = min(_TOGETHER, len(image) - first)
        for p in range(_PLANES):
            for b in range(across):
                block[p, b] = columns[p, first + b]
        for pair in range(len(_PAIRS)):
            low, high = _PAIRS[pair]
            for b in range(_TOGETHER):
                lower = min(block[low, b], block[high, b])
                block[high, b] = max(block[low, b], block[high, b])
                block[low, b] = lower
        for b in range(across):
            n = held[first + b]
            if n > 0:
                image[first + b] = (block[(n - 1) // 2, b] + block[n // 2, b]) / 2.0


@compiled
def _find_used(values: FloatArray, bad: BoolArray, used: BoolArray, covered: BoolArray) -> None:
    """Fill in which pixels of a plane count, and add those that its mask covers."""
    for i in range(len(values)):
        used[i] = not np.isnan(values[i])
    for i in range(len(bad)):
        used[i] = used[i] & (not bad[i])
        covered[i] = covered[i] | bad[i]


@compiled
def reduce_planes(
    cube: FloatArray,
    kept: IntArray,
    masked: BoolArray,
    variance: FloatArray,
    median: bool,
    median_per_mean: float,
) -> tuple[FloatArray, BoolArray, FloatArray]:
    """Make one image of planes.

    Parameters
    ----------
    cube : numpy.ndarray
        Cube (64, n), its pixels in one row; NaN where a pixel has no value.
    kept : numpy.ndarray
        Which planes are used.
    masked, variance : numpy.ndarray
        Masks and variances (64, n), or of no plane where there are none.
    median : bool
        Whether the median is wanted, and not the mean.
    median_per_mean : float
        Variance of a median over that of a mean, for more than two values.

    Returns
    -------
    image, covered, spread : numpy.ndarray
        Values, what nothing but its mask keeps from having one, and variances, each (n,); see
        `Reduced`.
    """
    size = cube.shape[1]
    total, noise, spread = np.zeros(size), np.zeros(size), np.full(size, np.nan)
    held, used = np.zeros(size, dtype=np.int64), np.empty(size, dtype=np.bool_)
    covered = np.zeros(size, dtype=np.bool_)
    no_mask = np.empty(0, dtype=np.bool_)
    columns = np.full((_PLANES if median else 0, size), np.inf)
    for p in range(len(kept)):
        values = cube[kept[p]]
        _find_used(values, masked[kept[p]] if len(masked) > 0 else no_mask, used, covered)
        for i in range(size):
            held[i] += used[i]
            total[i] += values[i] if used[i] else 0.0
        if len(variance) > 0:
            errors = variance[kept[p]]
            for i in range(size):
                noise[i] += errors[i] if used[i] else 0.0
        if median:
            for i in range(size):
                columns[p, i] = values[i] if used[i] else np.inf
    image = np.full(size, np.nan)
    for i in range(size):
        covered[i] &= held[i] == 0
        if held[i] > 0:
            image[i] = total[i] / held[i]
            spread[i] = noise[i] / float(held[i]) ** 2
            if median and held[i] > 2:
                spread[i] *= median_per_mean
    if median:
        _medians(columns, held, image)
    return image, covered, spread
