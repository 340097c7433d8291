"""The brightest pixel near a position, and the background around it.

Where a centre starts that fits no profile. Every number is of one image alone.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from iracdb.photometry.centres import FloatArray

SEARCH = 3
"""How far from the expected pixel the brightest one is sought, in pixels along x and y."""

RING_INNER, RING_OUTER = 6, 12
"""Nearest and farthest pixels of the background's square ring, counted from the peak."""

CLIP = 3.0
"""Deviations beyond which a pixel of the ring is left out, once."""

FEWEST_RING_PIXELS = 25
"""With fewer pixels that have a value a ring tells no background."""

DEVIATION_PER_MAD = 1.4826
"""Standard deviation over median distance from the median, for a Gaussian."""


@dataclass(frozen=True)
class Background:
    """Level and scatter of one ring.

    Parameters
    ----------
    level : float
        The background of a pixel, in the unit of the image.
    scatter : float
        Robust deviation of one pixel, 1.4826 times the median distance from the level.
    """

    level: float
    scatter: float


def brightest_pixel(image: FloatArray, x: float, y: float) -> tuple[int, int] | None:
    """Find the brightest pixel near a position.

    Parameters
    ----------
    image : numpy.ndarray
        One image (ny, nx); pixels that are not finite are passed over.
    x, y : float
        Expected position in pixels, 0-based with integers at pixel centres.

    Returns
    -------
    tuple of int, or None
        Column and row, the first in order of rows where several are equal. None where the
        position is not finite or off the array, or no pixel near it has a value.
    """
    ny, nx = image.shape
    if not (-0.5 <= x < nx - 0.5 and -0.5 <= y < ny - 0.5):  # not finite is not on it, too
        return None
    column, row = math.floor(x + 0.5), math.floor(y + 0.5)
    left, bottom = max(column - SEARCH, 0), max(row - SEARCH, 0)
    near = image[bottom : row + SEARCH + 1, left : column + SEARCH + 1]
    held = np.where(np.isfinite(near), near, -np.inf)
    j, i = np.unravel_index(int(np.argmax(held)), held.shape)
    if not math.isfinite(held[j, i]):
        return None
    return left + int(i), bottom + int(j)


def box_around(image: FloatArray, column: int, row: int, half: int) -> FloatArray | None:
    """Cut a square box of odd width.

    Parameters
    ----------
    image : numpy.ndarray
        One image (ny, nx).
    column, row : int
        The pixel in its middle.
    half : int
        Pixels to each side of it.

    Returns
    -------
    numpy.ndarray or None
        A copy (2 half + 1, 2 half + 1), NaN where the image has it; None where the box leaves
        the array.
    """
    ny, nx = image.shape
    if not (half <= column < nx - half and half <= row < ny - half):
        return None
    cut = image[row - half : row + half + 1, column - half : column + half + 1]
    return np.array(cut, dtype=np.float64, order="C")


def ring_background(image: FloatArray, column: int, row: int) -> Background | None:
    """Read the background from a square ring around a pixel.

    The ring holds the pixels whose distance from the middle, along x or y whichever is larger, is
    `RING_INNER` to `RING_OUTER`; what of it lies beyond the array is left out. The level is the
    median of the pixels within `CLIP` standard deviations of the median of all.

    Parameters
    ----------
    image : numpy.ndarray
        One image (ny, nx); pixels that are not finite are left out.
    column, row : int
        The pixel in the middle, on the array.

    Returns
    -------
    Background or None
        None where fewer than `FEWEST_RING_PIXELS` have a value.

    Notes
    -----
    The background of the Science Center's box_centroider, with its upper median of an even
    number. The scatter is ours: a neighbour in the ring moves it little.
    """
    left, bottom = max(column - RING_OUTER, 0), max(row - RING_OUTER, 0)
    cut = image[bottom : row + RING_OUTER + 1, left : column + RING_OUTER + 1]
    rows = np.abs(np.arange(bottom, bottom + cut.shape[0]) - row)
    columns = np.abs(np.arange(left, left + cut.shape[1]) - column)
    ring = np.maximum(rows[:, None], columns[None, :]) >= RING_INNER
    values = np.array(cut[ring & np.isfinite(cut)], dtype=np.float64)
    if len(values) < FEWEST_RING_PIXELS:
        return None
    kept = values[np.abs(values - _upper_median(values)) <= CLIP * float(np.std(values, ddof=1))]
    if len(kept) < FEWEST_RING_PIXELS:
        return None
    level = _upper_median(kept)
    return Background(level, DEVIATION_PER_MAD * _upper_median(np.abs(kept - level)))


def _upper_median(values: FloatArray) -> float:
    """Give the upper of the two middle ones of an even number, as IDL's MEDIAN does."""
    return float(np.sort(values)[len(values) // 2])
