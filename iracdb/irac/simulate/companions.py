"""What stands beside a subarray cube in the archive: uncertainty, mask, collapsed image."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from iracdb.irac.simulate.cards import Card
from iracdb.irac.simulate.detector import noise_level
from iracdb.irac.simulate.headers import collapsed_cards
from iracdb.irac.simulate.poor_headers import mask_cards, poor_cards, uncertainty_cards
from iracdb.irac.simulate.spec import FrameSpec

MISSING = 1 << 14
"""Bit of a mask that says that a pixel is bad or missing."""

Companion = tuple[list[Card], NDArray[Any]]


def companions(spec: FrameSpec, cube: NDArray[np.float32]) -> dict[str, Companion]:
    """Make the other six kinds of file of one subarray exposure.

    Parameters
    ----------
    spec : FrameSpec
        The exposure.
    cube : ndarray of float32, shape (64, 32, 32)
        Its bcd, MJy/sr.

    Returns
    -------
    dict of str to (list of Card, ndarray)
        Header and data of bunc, bimsk, sub2d, unc2d, msk2d and cov2d; masks and coverage are
        int16, the rest float32. Where no plane has a value, sub2d and unc2d are not a number.
    """
    missing = np.isnan(cube)
    values = np.where(missing, 0.0, cube.astype(np.float64))
    uncertainty = np.where(missing, np.nan, noise_level(values, spec.detector))
    covered = (~missing).sum(axis=0)
    some = np.maximum(covered, 1)
    mean = np.where(covered, values.sum(axis=0) / some, np.nan)
    spread = np.where(missing, 0.0, values - mean)
    error = np.where(covered, np.sqrt((spread**2).sum(axis=0)) / some, np.nan)
    return {
        "bunc": (uncertainty_cards(spec), uncertainty.astype(np.float32)),
        "bimsk": (mask_cards(spec), (missing * MISSING).astype(np.int16)),
        "sub2d": (collapsed_cards(spec), mean.astype(np.float32)),
        "unc2d": (poor_cards(spec), error.astype(np.float32)),
        "msk2d": (poor_cards(spec), ((covered == 0) * MISSING).astype(np.int16)),
        "cov2d": (poor_cards(spec, coverage=True), covered.astype(np.int16)),
    }
