"""From flux densities to Vega magnitudes, and from sums of pixels to electrons.

The zero points are those of the IRAC Instrument Handbook, "Calculation of IRAC zmags", from
Reach et al. 2005 (PASP 117, 978); the way to electrons is its section on the calculation of noise
and the cards FLUXCONV, EXPTIME and GAIN of the header.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from iracdb.errors import UsageError

FloatArray = npt.NDArray[np.float64]

VEGA: dict[int, float] = {1: 280.9, 2: 179.7, 3: 115.0, 4: 64.9}
"""Flux density of a star of magnitude 0 by channel, Jy."""


def magnitude(mjy: npt.ArrayLike, channel: int) -> FloatArray:
    """Turn flux densities into Vega magnitudes.

    Parameters
    ----------
    mjy : array-like
        Flux densities, mJy.
    channel : int
        1 to 4.

    Returns
    -------
    ndarray, of the same shape
        Magnitudes; NaN where the flux density is zero, negative or NaN.

    Raises
    ------
    UsageError
        Where there is no such channel.
    """
    if channel not in VEGA:
        raise UsageError(f"There is no channel {channel}: give 1, 2, 3 or 4")
    return -2.5 * np.log10(_positive(mjy) / (VEGA[channel] * 1e3))


def magnitude_error(mjy: npt.ArrayLike, error: npt.ArrayLike) -> FloatArray:
    """Turn errors of flux densities into those of magnitudes, to first order.

    Parameters
    ----------
    mjy : array-like
        Flux densities, mJy.
    error : array-like, broadcast with `mjy`
        Their errors, mJy.

    Returns
    -------
    ndarray
        Magnitudes; NaN where the flux density is zero, negative or NaN, or the error is NaN.
        Beyond some 0.1 the error is no longer the same to both sides, which this does not tell.
    """
    errors = np.asarray(error, dtype=np.float64)
    return np.asarray(2.5 / math.log(10) * errors / _positive(mjy), dtype=np.float64)


def electrons(
    sum_mjysr_pix: npt.ArrayLike,
    gain: npt.ArrayLike,
    exptime: npt.ArrayLike,
    fluxconv: npt.ArrayLike,
) -> FloatArray:
    """Turn sums of pixels into electrons, as the detector collected them in one frame.

    Parameters
    ----------
    sum_mjysr_pix : array-like
        Sums over pixels, MJy/sr x pixel.
    gain : array-like
        GAIN, electrons a DN.
    exptime : array-like
        EXPTIME, the effective integration time in s; not FRAMTIME.
    fluxconv : array-like
        FLUXCONV, MJy/sr for one DN/s.

    Returns
    -------
    ndarray, broadcast from all four
        Electrons; NaN where any of them is NaN, or a card is not above zero.
    """
    total = np.asarray(sum_mjysr_pix, dtype=np.float64)
    product = total / _positive(fluxconv) * _positive(exptime) * _positive(gain)
    return np.asarray(product, dtype=np.float64)


def _positive(values: npt.ArrayLike) -> FloatArray:
    numbers = np.asarray(values, dtype=np.float64)
    return np.where(numbers > 0, numbers, np.nan)
