"""Fluxes in the unit that somebody wants: flux densities, Vega magnitudes, electrons."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from iracdb.errors import UsageError
from iracdb.irac import zero_points

FloatArray = npt.NDArray[np.float64]

UNITS: dict[str, str] = {
    "mJy": "flux density",
    "uJy": "flux density",
    "mag": "Vega magnitude, by the zero point of the channel",
    "electron": "electrons in the source circle in one frame, without aperture correction",
}
"""Units that a flux can be given in, and what each says."""


def check_unit(unit: str) -> str:
    """Make sure that there is such a unit.

    Parameters
    ----------
    unit : str
        Of `UNITS`.

    Returns
    -------
    str
        The same.

    Raises
    ------
    UsageError
        Where there is none.
    """
    if unit not in UNITS:
        raise UsageError(f"There is no unit {unit!r} for a flux: {', '.join(UNITS)}")
    return unit


def from_mjy(
    mjy: npt.ArrayLike, error: npt.ArrayLike, unit: str, channel: int
) -> tuple[FloatArray, FloatArray]:
    """Turn flux densities with their errors into another unit.

    Parameters
    ----------
    mjy, error : array-like, shape (n,)
        Flux densities and their errors, mJy; NaN where there is none.
    unit : {'mJy', 'uJy', 'mag'}
        To give them in.
    channel : int
        1 to 4; tells the zero point.

    Returns
    -------
    flux, error : ndarray, shape (n,)
        In that unit; NaN where there was none, and as a magnitude where the flux density is not
        above zero.

    Raises
    ------
    UsageError
        Where there is no such unit, or flux densities do not tell it, as with electrons.
    """
    values = np.asarray(mjy, dtype=np.float64)
    errors = np.asarray(error, dtype=np.float64)
    if check_unit(unit) == "electron":
        raise UsageError("A flux density does not tell its electrons: its sum over pixels does")
    if unit == "mag":
        return (
            zero_points.magnitude(values, channel),
            zero_points.magnitude_error(values, errors),
        )
    scale = {"mJy": 1.0, "uJy": 1e3}[unit]
    return values * scale, errors * scale


def from_sums(
    sums: npt.ArrayLike,
    error: npt.ArrayLike,
    *,
    gain: npt.ArrayLike,
    exposure_time: npt.ArrayLike,
    fluxconv: npt.ArrayLike,
) -> tuple[FloatArray, FloatArray]:
    """Turn sums over pixels with their errors into electrons of one frame.

    Parameters
    ----------
    sums, error : array-like, shape (n,)
        In the calibration of the file, MJy/sr x pixel; NaN where there is none.
    gain, exposure_time, fluxconv : array-like, shape (n,)
        GAIN, EXPTIME and FLUXCONV of the file.

    Returns
    -------
    electrons, error : ndarray, shape (n,)
        NaN where the sum or one of the cards is not known.
    """
    return (
        zero_points.electrons(sums, gain, exposure_time, fluxconv),
        zero_points.electrons(error, gain, exposure_time, fluxconv),
    )
