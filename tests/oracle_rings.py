"""Sums over rings by photutils' overlaps, image by image: what the compiled ones must give, too."""

from __future__ import annotations

import math

import numpy as np
from photutils.geometry import circular_overlap_grid


def ring_pixels(image, x, y, r_out, r_in=0.0):
    """Values of the pixels that a ring overlaps, row by row, and their overlaps."""
    x0, x1 = math.floor(x - r_out + 0.5), math.ceil(x + r_out + 0.5)
    y0, y1 = math.floor(y - r_out + 0.5), math.ceil(y + r_out + 0.5)
    grid = (x0 - 0.5 - x, x1 - 0.5 - x, y0 - 0.5 - y, y1 - 0.5 - y, x1 - x0, y1 - y0)
    weights = circular_overlap_grid(*grid, r_out, 1, 1)
    if r_in > 0:
        weights = weights - circular_overlap_grid(*grid, r_in, 1, 1)
    cut = image[max(y0, 0) : y1, max(x0, 0) : x1]
    bottom, left = max(-y0, 0), max(-x0, 0)
    weights = weights[bottom : bottom + cut.shape[0], left : left + cut.shape[1]]
    return cut[weights > 0], weights[weights > 0]


def ring_sums(image, x, y, r_out, r_in=0.0):
    """Sum, area, count of pixels without a value, and weighted standard deviation."""
    values, weights = ring_pixels(image, x, y, r_out, r_in)
    held = np.isfinite(values)
    nan_pixels = np.count_nonzero(~held)
    values, weights = values[held], weights[held]
    total, area = np.sum(weights * values), np.sum(weights)
    if area == 0:
        return total, area, nan_pixels, math.nan
    deviation = math.sqrt(np.sum(weights * (values - total / area) ** 2) / area)
    return total, area, nan_pixels, deviation
