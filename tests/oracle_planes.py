"""Cubes reduced in numpy: what the compiled pass must give, too."""

from __future__ import annotations

import numpy as np

from iracdb.irac.handbook import SUBARRAY_PLANES
from iracdb.photometry.planes import MEDIAN_PER_MEAN, Reduced


def reduce(cube, planes, *, masked=None, variance=None):
    """Make the images of one cube; see `iracdb.photometry.planes.reduce`."""
    cube = np.asarray(cube, dtype=np.float64)
    if cube.ndim != 3 or len(cube) != SUBARRAY_PLANES:
        raise ValueError(f"a subarray cube has {SUBARRAY_PLANES} planes, not shape {cube.shape}")
    kept = list(planes.kept)
    bad = None if masked is None else _kept(np.asarray(masked, dtype=np.bool_), cube, kept)
    noise = None if variance is None else _kept(np.asarray(variance, dtype=np.float64), cube, kept)
    values = cube[kept]
    if planes.how == "each":
        return Reduced(values, bad, noise, np.array(kept, dtype=np.int64))
    usable = ~np.isnan(values)
    if bad is not None:
        usable &= ~bad
    held = np.count_nonzero(usable, axis=0)
    with np.errstate(over="ignore", invalid="ignore"):
        image = (_median if planes.how == "median" else _mean)(values, usable, held)
        spread = None if noise is None else _variance(noise, usable, held, planes.how)[None]
    covered = None if bad is None else ((held == 0) & bad.any(axis=0))[None]
    return Reduced(image[None], covered, spread, np.array([-1], dtype=np.int64))


def _kept(array, cube, kept):
    """Cut the kept planes out of what goes with a cube."""
    if array.shape != cube.shape:
        raise ValueError(f"a cube of shape {cube.shape} has a mask or variances {array.shape}")
    return array[kept]


def _median(values, usable, held):
    ordered = np.sort(np.where(usable, values, np.nan), axis=0)  # NaN goes last
    lower = np.maximum(held - 1, 0) // 2
    upper = np.minimum(held // 2, len(values) - 1)
    middle = np.take_along_axis(ordered, np.stack((lower, upper)), axis=0)
    return np.asarray(np.mean(middle, axis=0), dtype=np.float64)


def _mean(values, usable, held):
    total = np.sum(np.where(usable, values, 0.0), axis=0)
    mean = np.divide(total, held, out=np.full(held.shape, np.nan), where=held > 0)
    return mean


def _variance(noise, usable, held, how):
    total = np.sum(np.where(usable, noise, 0.0), axis=0)
    count = held.astype(np.float64)
    of_mean = np.divide(total, count**2, out=np.full(held.shape, np.nan), where=held > 0)
    if how == "mean":
        return of_mean
    return np.asarray(of_mean * np.where(held > 2, MEDIAN_PER_MEAN, 1.0), dtype=np.float64)
