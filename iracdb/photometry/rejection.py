"""Which images an average leaves out: rules by name, each a small protocol's implementation."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from astropy.stats import mad_std
from numpy.typing import NDArray

from iracdb.errors import UsageError

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]
StrArray = NDArray[np.str_]

REJECTION_FORMS = "minmax, published, sigma:N (such as sigma:3), sigma-iterate:N, mad:N or none"


@dataclass(frozen=True)
class Verdict:
    """What a rule says of n fluxes, each an array (n,).

    Parameters
    ----------
    rejected_by : numpy.ndarray
        What rejects it: "min", "max", "low" or "high"; "" where it is kept.
    bound : numpy.ndarray
        The bound that it lies beyond, in the unit of the fluxes; NaN where it is kept, and where
        the rule has no bounds.
    """

    rejected_by: StrArray
    bound: FloatArray

    @property
    def kept(self) -> BoolArray:
        """Whether each is kept, (n,)."""
        return np.asarray(self.rejected_by == "", dtype=bool)


class Rejection(Protocol):
    """A rule by which images are left out of an average."""

    @property
    def name(self) -> str:
        """The rule as it is written, in its one canonical form."""
        ...

    def __call__(self, fluxes: FloatArray) -> Verdict:
        """Judge fluxes.

        Parameters
        ----------
        fluxes : numpy.ndarray
            Finite fluxes (n,), in the order of the images.

        Returns
        -------
        Verdict
            One an image.
        """
        ...


@dataclass(frozen=True)
class NoRejection:
    """Keeps everything."""

    name = "none"

    def __call__(self, fluxes: FloatArray) -> Verdict:
        """Judge fluxes: all are kept."""
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

    def __call__(self, fluxes: FloatArray) -> Verdict:
        """Judge fluxes: "min" for one and "max" for one, or all are kept; no bounds."""
        if len(fluxes) < self.fewest:
            return _all_kept(fluxes)
        mean, deviation = mean_and_deviation(fluxes)
        # Multiplied out, because the mean may be zero.
        scatters = 100.0 * deviation > self.widest_percent * abs(mean)
        return _without_extremes(fluxes) if scatters else _all_kept(fluxes)


class PublishedMinMax:
    """As in 2018: the smallest and the largest, whenever more than 10 are workable.

    The spread was compared with itself, which is never under 2 %, so it had no say. A known issue.
    """

    name = "published"
    fewest = 11

    def __call__(self, fluxes: FloatArray) -> Verdict:
        """Judge fluxes, as the class says."""
        enough = len(fluxes) >= self.fewest
        return _without_extremes(fluxes) if enough else _all_kept(fluxes)


@dataclass(frozen=True)
class _WithinN:
    """A rule with a number: what is called ``word:N`` where it is written.

    Parameters
    ----------
    n_sigma : float
        How many deviations; positive and finite.

    Raises
    ------
    UsageError
        Where it is not.
    """

    n_sigma: float

    word = "sigma"

    def __post_init__(self) -> None:
        if not (math.isfinite(self.n_sigma) and self.n_sigma > 0):
            raise UsageError(f"{self.word}:N needs a positive number N, not {self.n_sigma:g}")

    @property
    def name(self) -> str:
        """The rule as it is written, such as ``sigma:3`` or ``sigma:2.5``."""
        return f"{self.word}:{self.n_sigma!r}".removesuffix(".0")


class SigmaClip(_WithinN):
    """Keeps what lies within N population standard deviations of the median, once.

    Parameters
    ----------
    n_sigma : float
        How many; positive and finite.
    """

    def __call__(self, fluxes: FloatArray) -> Verdict:
        """Judge fluxes: "low" or "high" for what lies outside, with the bound."""
        return _outside(fluxes, self.n_sigma * _deviation(fluxes))


class IteratedSigmaClip(_WithinN):
    """As `SigmaClip`, again and again over what is left, until nothing more is rejected.

    The bound of an image is that of the round which rejected it.

    Parameters
    ----------
    n_sigma : float
        How many; positive and finite.
    """

    word = "sigma-iterate"

    def __call__(self, fluxes: FloatArray) -> Verdict:
        """Judge fluxes: "low" or "high" for what lies outside, with the bound."""
        verdict = _all_kept(fluxes)
        while True:
            left = np.flatnonzero(verdict.kept)
            again = _outside(fluxes[left], self.n_sigma * _deviation(fluxes[left]))
            if again.kept.all():
                return verdict
            verdict.rejected_by[left] = again.rejected_by
            verdict.bound[left] = again.bound


FEWEST_OF_MAD = 5
"""Of fewer fluxes a median distance tells nothing."""


class MadClip(_WithinN):
    """Keeps what lies within N robust standard deviations of the median, once.

    A robust standard deviation is 1.4826 times the median of the absolute distances from the
    median, which for a normal distribution is its standard deviation. Where it is zero, because
    more than half of the fluxes are equal, nothing is rejected; nor of fewer than `FEWEST_OF_MAD`
    fluxes, of which two always seem to agree: of three from one normal distribution, one would lie
    beyond five such deviations in one case of five.

    Parameters
    ----------
    n_sigma : float
        How many; positive and finite.
    """

    word = "mad"

    def __call__(self, fluxes: FloatArray) -> Verdict:
        """Judge fluxes: "low" or "high" for what lies outside, with the bound."""
        if len(fluxes) < FEWEST_OF_MAD:
            return _all_kept(fluxes)
        deviation = float(mad_std(fluxes))
        return _outside(fluxes, self.n_sigma * deviation) if deviation > 0 else _all_kept(fluxes)


_PLAIN: dict[str, Rejection] = {
    rule.name: rule for rule in (MinMax(), PublishedMinMax(), NoRejection())
}
_WITH_NUMBER: dict[str, Callable[[float], Rejection]] = {
    rule.word: rule for rule in (SigmaClip, IteratedSigmaClip, MadClip)
}


def parse_rejection(text: str) -> Rejection:
    """Read a rejection as users write it.

    Parameters
    ----------
    text : str
        ``minmax``, ``published``, ``sigma:N``, ``sigma-iterate:N`` or ``mad:N`` with a positive
        number N, or ``none``; case and blanks around it do not matter.

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
    if not colon and word in _PLAIN:
        return _PLAIN[word]
    if colon and word in _WITH_NUMBER:
        try:
            return _WITH_NUMBER[word](float(number))
        except ValueError:  # no number, or (a UsageError is one) no fit number
            pass
    raise UsageError(f"Rejection {text!r} is not known; write {REJECTION_FORMS}")


def mean_and_deviation(fluxes: FloatArray) -> tuple[float, float]:
    """Give the mean and the population standard deviation.

    Parameters
    ----------
    fluxes : numpy.ndarray
        At least one flux (n,).

    Returns
    -------
    tuple of float
        In the unit of the fluxes.
    """
    with np.errstate(over="ignore", invalid="ignore"):
        return float(np.mean(fluxes)), float(np.std(fluxes))


def _deviation(fluxes: FloatArray) -> float:
    return mean_and_deviation(fluxes)[1] if len(fluxes) else 0.0


def _all_kept(fluxes: FloatArray) -> Verdict:
    return Verdict(np.full(fluxes.shape, "", dtype="U4"), np.full(fluxes.shape, np.nan))


def _without_extremes(fluxes: FloatArray) -> Verdict:
    verdict = _all_kept(fluxes)
    verdict.rejected_by[np.argmin(fluxes)] = "min"
    verdict.rejected_by[np.argmax(fluxes)] = "max"
    return verdict


def _outside(fluxes: FloatArray, width: float) -> Verdict:
    """Reject what lies further than a width from the median."""
    verdict = _all_kept(fluxes)
    if len(fluxes) == 0:
        return verdict
    middle = float(np.median(fluxes))
    offset = fluxes - middle
    for name, beyond, bound in (
        ("low", offset < -width, middle - width),
        ("high", offset > width, middle + width),
    ):
        verdict.rejected_by[beyond] = name
        verdict.bound[beyond] = bound
    return verdict
