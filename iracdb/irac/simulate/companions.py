"""What stands beside a bcd in the archive: uncertainty, mask, and what is made of a cube."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from iracdb.irac.simulate.cards import Card
from iracdb.irac.simulate.detector import noise_level
from iracdb.irac.simulate.frame import bad_pixels
from iracdb.irac.simulate.headers import collapsed_cards, science_cards
from iracdb.irac.simulate.poor_headers import mask_cards, poor_cards, uncertainty_cards
from iracdb.irac.simulate.spec import FrameSpec

MISSING = 1 << 14
"""Bit of a mask that says that a pixel is bad or missing."""

SATURATED = 1 << 13
"""Bit of a mask that says that a pixel's well is full."""

Companion = tuple[list[Card], NDArray[Any]]


def companions(
    spec: FrameSpec, image: NDArray[np.float32], *, corrected: bool = False
) -> dict[str, Companion]:
    """Make the other kinds of file of one exposure.

    Parameters
    ----------
    spec : FrameSpec
        The exposure.
    image : ndarray of float32, shape (256, 256) or (64, 32, 32)
        Its bcd, MJy/sr.
    corrected : bool, optional
        Whether to make cbcd, cbunc and brmsk, too. As nothing of what a cbcd is corrected for is
        simulated, they hold what bcd, bunc and bimsk hold.

    Returns
    -------
    dict of str to (list of Card, ndarray)
        Header and data of bunc and bimsk, and of a cube's sub2d, unc2d, msk2d and cov2d; masks
        and coverage are int16, the rest float32. The uncertainty is one standard deviation of
        photons and read-out, MJy/sr. Where no plane has a value, sub2d and unc2d are not a number.
    """
    missing = np.isnan(image)
    values = np.where(missing, 0.0, image.astype(np.float64))
    uncertainty = np.where(missing, np.nan, noise_level(values, spec.detector)).astype(np.float32)
    mask = bit_mask(spec, image)
    files: dict[str, Companion] = {
        "bunc": (uncertainty_cards(spec), uncertainty),
        "bimsk": (mask_cards(spec), mask),
    }
    if corrected:
        files["cbcd"] = (science_cards(spec), image)
        files["cbunc"] = (uncertainty_cards(spec), uncertainty)
        files["brmsk"] = (mask_cards(spec), mask)
    if not spec.subarray:
        return files
    covered = (~missing).sum(axis=0)
    some = np.maximum(covered, 1)
    mean = np.where(covered, values.sum(axis=0) / some, np.nan)
    spread = np.where(missing, 0.0, values - mean)
    error = np.where(covered, np.sqrt((spread**2).sum(axis=0)) / some, np.nan)
    files["sub2d"] = (collapsed_cards(spec), mean.astype(np.float32))
    files["unc2d"] = (poor_cards(spec), error.astype(np.float32))
    files["msk2d"] = (poor_cards(spec), np.bitwise_and.reduce(mask, axis=0))
    files["cov2d"] = (poor_cards(spec, coverage=True), covered.astype(np.int16))
    return files


def bit_mask(spec: FrameSpec, image: NDArray[np.float32]) -> NDArray[np.int16]:
    """Tell what is wrong with each pixel.

    Parameters
    ----------
    spec : FrameSpec
        The exposure.
    image : ndarray of float32, shape (256, 256) or (64, 32, 32)
        Its bcd, MJy/sr.

    Returns
    -------
    ndarray of int16, shape of ``image``
        `MISSING` where the spec puts no number, `SATURATED` where the well is full, and the bits
        of ``mask_bits``.
    """
    bad = bad_pixels(spec)
    full = np.isnan(image) & ~bad
    # A little less: what a plane's dark added and is taken off again is rounded twice.
    full |= _as_read(spec, image) >= spec.detector.saturation * (1.0 - 1e-6)
    mask = (bad * MISSING | full * SATURATED).astype(np.int16)
    for bit, *place in spec.mask_bits:
        # Without a plane: of every plane.
        where: Any = (..., *place)
        mask[where] |= np.int16(1 << bit)
    return mask


def _as_read(spec: FrameSpec, image: NDArray[np.float32]) -> NDArray[np.float64]:
    read = image.astype(np.float64)
    for plane, added in spec.plane_background.items():
        read[plane] -= added
    return read
