"""First moments of stars in boxes above the background of a ring, compiled."""

from __future__ import annotations

import math

import numpy as np

from iracdb.compiled import compiled
from iracdb.photometry.centres import FWHM_PER_SIGMA, FloatArray
from iracdb.photometry.order_kernel import nth, summed
from iracdb.photometry.peak import (
    CLIP,
    DEVIATION_PER_MAD,
    FEWEST_RING_PIXELS,
    RING_INNER,
    RING_OUTER,
    SEARCH,
)

HALF_BOX, HALF_CORE = 3, 1
"""Pixels to each side of the middle: of the box, and of the part that must have all its values."""

FEWEST_PIXELS = 25
"""Of the box's 49."""

FAINTEST = 3.0
"""Least sum of the box, in its noise."""

FARTHEST = 1.5
"""From the second box's middle, in pixels."""

_RING_ROOM = (2 * RING_OUTER + 1) ** 2
_BOX_ROOM = (2 * HALF_BOX + 1) ** 2


@compiled
def _brightest(image: FloatArray, x: float, y: float) -> tuple[int, int]:
    """Column and row of the brightest pixel near a position; -1 for none."""
    ny, nx = image.shape
    if not (-0.5 <= x < nx - 0.5 and -0.5 <= y < ny - 0.5):
        return -1, -1
    column, row = math.floor(x + 0.5), math.floor(y + 0.5)
    at_column, at_row, most = -1, -1, -np.inf
    for j in range(max(row - SEARCH, 0), min(row + SEARCH + 1, ny)):
        for i in range(max(column - SEARCH, 0), min(column + SEARCH + 1, nx)):
            if image[j, i] > most and math.isfinite(image[j, i]):
                at_column, at_row, most = i, j, image[j, i]
    return at_column, at_row


@compiled
def _background(
    image: FloatArray, column: int, row: int, values: FloatArray, scratch: FloatArray
) -> tuple[float, float]:
    """Level and scatter of the square ring around a pixel; NaN where too few have a value."""
    ny, nx = image.shape
    n = 0
    for j in range(max(row - RING_OUTER, 0), min(row + RING_OUTER + 1, ny)):
        for i in range(max(column - RING_OUTER, 0), min(column + RING_OUTER + 1, nx)):
            if max(abs(j - row), abs(i - column)) >= RING_INNER and math.isfinite(image[j, i]):
                values[n] = image[j, i]
                n += 1
    if n < FEWEST_RING_PIXELS:
        return np.nan, np.nan
    mean = summed(values, n) / n
    for i in range(n):
        scratch[i] = (values[i] - mean) ** 2
    farthest = CLIP * math.sqrt(summed(scratch, n) / (n - 1))
    middle = nth(values, n, n // 2)
    kept = 0
    for i in range(n):
        if abs(values[i] - middle) <= farthest:
            values[kept] = values[i]
            kept += 1
    if kept < FEWEST_RING_PIXELS:
        return np.nan, np.nan
    level = nth(values, kept, kept // 2)
    for i in range(kept):
        scratch[i] = abs(values[i] - level)
    return level, DEVIATION_PER_MAD * nth(scratch, kept, kept // 2)


@compiled
def _cut_box(
    image: FloatArray, column: int, row: int, light: FloatArray, i_of: FloatArray, j_of: FloatArray
) -> int:
    """Fill in the box's values and places, and count them; 0 where too few are there."""
    ny, nx = image.shape
    if not (HALF_BOX <= column < nx - HALF_BOX and HALF_BOX <= row < ny - HALF_BOX):
        return 0
    n = 0
    # From the box's middle, so that the last bits do not depend on the place on the array.
    for j in range(-HALF_BOX, HALF_BOX + 1):
        for i in range(-HALF_BOX, HALF_BOX + 1):
            value = image[row + j, column + i]
            if math.isfinite(value):
                light[n], i_of[n], j_of[n] = value, i, j
                n += 1
            elif max(abs(i), abs(j)) <= HALF_CORE:
                return 0
    return n if n >= FEWEST_PIXELS else 0


@compiled
def _moments(
    image: FloatArray,
    column: int,
    row: int,
    values: FloatArray,
    scratch: FloatArray,
    found: FloatArray,
) -> bool:
    """Fill in dx, dy, xx, yy, xy and amplitude of the box around a pixel; False for no moments."""
    light, i_of, j_of = np.empty(_BOX_ROOM), np.empty(_BOX_ROOM), np.empty(_BOX_ROOM)
    n = _cut_box(image, column, row, light, i_of, j_of)
    if n == 0:
        return False
    level, scatter = _background(image, column, row, values, scratch)
    if math.isnan(level):
        return False
    amplitude = -np.inf
    for i in range(n):
        light[i] -= level
        amplitude = max(amplitude, light[i])
    total = summed(light, n)
    if not (math.isfinite(total) and total > FAINTEST * (scatter * math.sqrt(n))):
        return False
    dx, dy = summed(i_of * light, n) / total, summed(j_of * light, n) / total
    if not max(abs(dx), abs(dy)) <= HALF_BOX + 0.5:
        return False
    for i in range(n):
        i_of[i], j_of[i] = i_of[i] - dx, j_of[i] - dy
    found[0], found[1], found[5] = dx, dy, amplitude
    found[2] = summed(i_of * i_of * light, n) / total
    found[3] = summed(j_of * j_of * light, n) / total
    found[4] = summed(i_of * j_of * light, n) / total
    return True


@compiled
def find_moments(images: FloatArray, x: FloatArray, y: FloatArray) -> FloatArray:
    """Take the moments of each image alone.

    Parameters
    ----------
    images : numpy.ndarray
        Block of images (n, ny, nx); pixels that are not finite are left out.
    x, y : numpy.ndarray
        Expected positions (n,) in pixels; NaN asks for no centre.

    Returns
    -------
    numpy.ndarray
        The fields of `Centres`, in their order (7, n); NaN where there is no centre.
    """
    table = np.full((7, len(images)), np.nan)
    values, scratch, star = np.empty(_RING_ROOM), np.empty(_RING_ROOM), np.empty(6)
    for k in range(len(images)):
        image = images[k]
        column, row = _brightest(image, x[k], y[k])
        if column < 0 or not _moments(image, column, row, values, scratch, star):
            continue
        right, up = math.floor(star[0] + 0.5), math.floor(star[1] + 0.5)
        column, row = column + right, row + up
        # The same box has the same moments.
        again = right != 0 or up != 0
        if again and not _moments(image, column, row, values, scratch, star):
            continue
        dx, dy, xx, yy, xy, amplitude = star
        if max(abs(dx), abs(dy)) > FARTHEST:
            continue
        table[0, k], table[1, k], table[4, k] = column + dx, row + dy, amplitude
        mean, half = 0.5 * (xx + yy), 0.5 * (xx - yy)
        lean = math.hypot(half, xy)
        if mean - lean > 0.0:
            table[2, k] = FWHM_PER_SIGMA * math.sqrt(mean + lean)
            table[3, k] = FWHM_PER_SIGMA * math.sqrt(mean - lean)
            # Twice the angle lies in [-pi, pi]; its lower end is the same axis as its upper.
            angle = 0.5 * math.atan2(xy, half)
            table[5, k] = 0.5 * math.pi if angle <= -0.5 * math.pi else angle
    return table
