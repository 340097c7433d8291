"""From the images of one AOR to one flux density: units, rejection, average."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from iracdb.errors import UsageError

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]
StrArray = NDArray[np.str_]

ARCSEC_PER_RADIAN = 206265.0
"""As the original has it, rounded: the published flux densities rest on it."""

REJECTION_FORMS = "minmax, published, sigma:N (such as sigma:3) or none"


def to_mjy(flux: ArrayLike, aperture_correction: float, pixel_size: float) -> FloatArray:
    """Turn sums over pixels into flux densities.

    Parameters
    ----------
    flux : array_like
        Sums in MJy/sr x pixel, of any shape; NaN stays NaN.
    aperture_correction : float
        Factor from the source circle to the whole star.
    pixel_size : float
        Pixel size in arcsec.

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
        np.asarray(flux, np.float64) * aperture_correction * steradian * 1e9, np.float64
    )


class Rejection(Protocol):
    """A rule by which images are left out of an average."""

    @property
    def name(self) -> str:
        """The rule as it is written, in its one canonical form."""
        ...

    def __call__(self, fluxes: FloatArray) -> StrArray:
        """Judge fluxes.

        Parameters
        ----------
        fluxes : numpy.ndarray
            Finite fluxes (n,), in the order of the images.

        Returns
        -------
        numpy.ndarray
            For each (n,), what rejects it: "min", "max", "low" or "high"; "" where it is kept.
        """
        ...


@dataclass(frozen=True)
class NoRejection:
    """Keeps everything."""

    name = "none"

    def __call__(self, fluxes: FloatArray) -> StrArray:
        """Judge fluxes.

        Parameters
        ----------
        fluxes : numpy.ndarray
            Finite fluxes (n,).

        Returns
        -------
        numpy.ndarray
            "" for each (n,).
        """
        return _all_kept(fluxes)


@dataclass(frozen=True)
class MinMax:
    """Drops the smallest and the largest of at least 10 that scatter by more than 2 %.

    The scatter is 100 times the population standard deviation over the mean's absolute value.
    Of equal fluxes the first is dropped.

    Notes
    -----
    The sentence of the original pipeline's manual; its code compared something else.
    """

    name = "minmax"

    fewest = 10
    widest_percent = 2.0

    def __call__(self, fluxes: FloatArray) -> StrArray:
        """Judge fluxes.

        Parameters
        ----------
        fluxes : numpy.ndarray
            Finite fluxes (n,).

        Returns
        -------
        numpy.ndarray
            "min" for one, "max" for one, "" for the others, (n,); or "" for all.
        """
        verdict = _all_kept(fluxes)
        if len(fluxes) < self.fewest:
            return verdict
        mean, deviation = _mean_and_deviation(fluxes)
        # Multiplied out, because the mean may be zero.
        if 100.0 * deviation > self.widest_percent * abs(mean):
            verdict[np.argmin(fluxes)] = "min"
            verdict[np.argmax(fluxes)] = "max"
        return verdict


@dataclass(frozen=True)
class SigmaClip:
    """Keeps what lies within N population standard deviations of the median, once.

    Parameters
    ----------
    n_sigma : float
        How many; positive and finite.

    Raises
    ------
    UsageError
        Where it is not.
    """

    n_sigma: float

    def __post_init__(self) -> None:
        if not (math.isfinite(self.n_sigma) and self.n_sigma > 0):
            raise UsageError(f"sigma:N needs a positive number N, not {self.n_sigma:g}")

    @property
    def name(self) -> str:
        """The rule as it is written, such as ``sigma:3`` or ``sigma:2.5``."""
        return f"sigma:{self.n_sigma!r}".removesuffix(".0")

    def __call__(self, fluxes: FloatArray) -> StrArray:
        """Judge fluxes.

        Parameters
        ----------
        fluxes : numpy.ndarray
            Finite fluxes (n,).

        Returns
        -------
        numpy.ndarray
            "low" or "high" for what is rejected, "" for the others, (n,).
        """
        verdict = _all_kept(fluxes)
        if len(fluxes) == 0:
            return verdict
        bound = self.n_sigma * _mean_and_deviation(fluxes)[1]
        offset = fluxes - np.median(fluxes)
        verdict[offset < -bound] = "low"
        verdict[offset > bound] = "high"
        return verdict


class PublishedMinMax:
    """As in 2018: the smallest and the largest, whenever more than 10 are workable.

    The spread was compared with itself, which is never under 2 %, so it had no say. A known issue.
    """

    name = "published"
    fewest = 11

    def __call__(self, fluxes: FloatArray) -> StrArray:
        """Tell what is left out.

        Parameters
        ----------
        fluxes : numpy.ndarray
            Workable fluxes (n,).

        Returns
        -------
        numpy.ndarray
            "min" and "max" for the first smallest and largest, else "" (n,).
        """
        rejected_by = _all_kept(fluxes)
        if fluxes.size >= self.fewest:
            rejected_by[np.argmin(fluxes)] = "min"
            rejected_by[np.argmax(fluxes)] = "max"
        return rejected_by


def parse_rejection(text: str) -> Rejection:
    """Read a rejection as users write it.

    Parameters
    ----------
    text : str
        ``minmax``, ``published``, ``sigma:N`` with a positive number N, or ``none``; case and
        blanks around it do not matter.

    Returns
    -------
    Rejection
        The rule.

    Raises
    ------
    UsageError
        Where the text is none of these.

    Examples
    --------
    >>> parse_rejection("sigma:3").name
    'sigma:3'
    """
    word, colon, number = text.strip().lower().partition(":")
    named: dict[str, Rejection] = {r.name: r for r in (MinMax(), PublishedMinMax(), NoRejection())}
    if not colon and word in named:
        return named[word]
    if colon and word == "sigma":
        try:
            return SigmaClip(float(number))
        except ValueError:  # no number, or (a UsageError is one) no fit number
            pass
    raise UsageError(f"Rejection {text!r} is not known; write {REJECTION_FORMS}")


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
        The bound that rejected each (n,), as `Rejection` gives it; "" where it is kept, and where
        it was not workable.
    """

    flux: float
    error: float
    standard_error: float
    spread: float
    n_workable: int
    n_rejected: int
    kept: BoolArray
    rejected_by: StrArray


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
    rejected_by = _all_kept(mjy)
    rejected_by[workable] = rejection(mjy[workable])
    kept = workable & (rejected_by == "")
    n_workable, n_kept = int(np.count_nonzero(workable)), int(np.count_nonzero(kept))
    flux = error = standard_error = spread = math.nan
    if n_kept:
        flux, error = _mean_and_deviation(mjy[kept])
        spread = error / flux * 100 if flux != 0 else math.nan
    if n_kept > 1:
        # The sample deviation over sqrt(n), from the population's.
        standard_error = error / math.sqrt(n_kept - 1)
    return Average(
        flux, error, standard_error, spread, n_workable, n_workable - n_kept, kept, rejected_by
    )


def _all_kept(fluxes: FloatArray) -> StrArray:
    return np.full(fluxes.shape, "", dtype="U4")


def _mean_and_deviation(fluxes: FloatArray) -> tuple[float, float]:
    """Mean and population standard deviation of at least one flux."""
    with np.errstate(over="ignore", invalid="ignore"):
        return float(np.mean(fluxes)), float(np.std(fluxes))
