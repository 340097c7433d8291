"""From the images of one AOR to one flux density: units, and the average of what is kept."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from iracdb.photometry.rejection import Rejection, mean_and_deviation

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]
StrArray = NDArray[np.str_]

ARCSEC_PER_RADIAN = 206265.0
"""As the original has it, rounded: the published flux densities rest on it."""


def to_mjy(
    flux: ArrayLike,
    aperture_correction: float | FloatArray,
    pixel_size: float | FloatArray,
    colour_correction: float | FloatArray = 1.0,
) -> FloatArray:
    """Turn sums over pixels into flux densities.

    Parameters
    ----------
    flux : array_like
        Sums in MJy/sr x pixel, of any shape; NaN stays NaN.
    aperture_correction : float or numpy.ndarray
        Factor from the source circle to the whole star; an array has the shape of `flux`, as for
        the factors that follow.
    pixel_size : float or numpy.ndarray
        Pixel size in arcsec.
    colour_correction : float or numpy.ndarray, optional
        K, by which flux densities are divided: what a source of another spectrum than the
        calibrators' nominal one gives too much (IRAC Instrument Handbook, section on the color
        correction; Reach et al. 2005).

    Returns
    -------
    numpy.ndarray
        Flux densities in mJy.

    Notes
    -----
    The operations and their order are the original pipeline's, so that its numbers come out to
    the last bit.
    """
    steradian = pixel_size**2 / ARCSEC_PER_RADIAN**2
    return np.asarray(
        np.asarray(flux, np.float64) * aperture_correction * steradian * 1e9 / colour_correction,
        np.float64,
    )


@dataclass(frozen=True)
class Average:
    """The average of n images.

    Parameters
    ----------
    flux : float
        Mean of the kept, mJy; NaN where none is workable.
    error : float
        Population standard deviation of the kept, mJy.
    standard_error : float
        Standard error of the mean, mJy: the sample standard deviation of the kept over the root
        of their number; NaN for fewer than two.
    spread : float
        ``error / flux * 100``, signed, percent; NaN where the mean is zero.
    n_workable, n_rejected : int
        How many are finite, and how many of those were rejected.
    kept : numpy.ndarray
        Whether each counts (n,).
    rejected_by : numpy.ndarray
        What rejected each (n,), as `iracdb.photometry.rejection.Verdict` tells; "" where it is
        kept, and where it was not workable.
    bound : numpy.ndarray
        The bound that each rejected one lies beyond (n,), mJy; NaN where there is none.
    """

    flux: float
    error: float
    standard_error: float
    spread: float
    n_workable: int
    n_rejected: int
    kept: BoolArray
    rejected_by: StrArray
    bound: FloatArray


def exact_mean(values: ArrayLike) -> float:
    """Average values, whatever their order.

    Parameters
    ----------
    values : array_like
        Of shape (n,); at least one.

    Returns
    -------
    float
        Their exactly rounded sum over their number; NaN where one is.
    """
    values = np.asarray(values, np.float64)
    return math.fsum(values.tolist()) / len(values) if np.isfinite(values).all() else math.nan


def average(mjy: ArrayLike, rejection: Rejection) -> Average:
    """Average the images of one AOR.

    Parameters
    ----------
    mjy : array_like
        Flux densities (n,) in mJy, in the order of the images. Those that are not finite are not
        workable: they are never counted.
    rejection : Rejection
        Which of the workable to leave out.

    Returns
    -------
    Average
        NaN and zero counts where nothing is workable.

    Raises
    ------
    ValueError
        Where `mjy` is not one-dimensional.
    """
    mjy = np.asarray(mjy, dtype=np.float64)
    if mjy.ndim != 1:
        raise ValueError(f"one flux density an image is wanted, not shape {mjy.shape}")
    workable = np.isfinite(mjy)
    rejected_by, bound = np.full(mjy.shape, "", dtype="U4"), np.full(mjy.shape, np.nan)
    verdict = rejection(mjy[workable])
    rejected_by[workable], bound[workable] = verdict.rejected_by, verdict.bound
    kept = workable & (rejected_by == "")
    n_workable, n_kept = int(np.count_nonzero(workable)), int(np.count_nonzero(kept))
    flux = error = standard_error = spread = math.nan
    if n_kept:
        flux, error = mean_and_deviation(mjy[kept])
        spread = error / flux * 100 if flux != 0 else math.nan
    if n_kept > 1:
        # The sample deviation over sqrt(n), from the population's.
        standard_error = error / math.sqrt(n_kept - 1)
    rejected = n_workable - n_kept
    return Average(
        flux, error, standard_error, spread, n_workable, rejected, kept, rejected_by, bound
    )
