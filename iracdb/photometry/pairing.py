"""Which centre goes with which flux: by image, or as the code of 2018 did."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Protocol

import numpy as np
import numpy.typing as npt

from iracdb.errors import UsageError

FloatArray = npt.NDArray[np.float64]


class Pairing(Protocol):
    """Gives each image the centre at which its flux is corrected; entered in `PAIRINGS`."""

    @property
    def name(self) -> str:
        """Name under which parameters and runs know it."""
        ...

    def __call__(
        self, x: FloatArray, y: FloatArray, flux: FloatArray
    ) -> tuple[FloatArray, FloatArray]:
        """Give the centres to correct at, NaN where there is no flux."""
        ...


class ByImage:
    """Each flux with its own image's centre."""

    name = "image"

    def __call__(
        self, x: FloatArray, y: FloatArray, flux: FloatArray
    ) -> tuple[FloatArray, FloatArray]:
        """Give each image its own centre.

        Parameters
        ----------
        x, y : ndarray, shape (n,)
            Fitted centres, pixels; NaN where there is none.
        flux : ndarray, shape (n,)
            Net fluxes; NaN where there is none.

        Returns
        -------
        tuple of ndarray, shape (n,)
            x and y; NaN where there is no flux.
        """
        workable = np.isfinite(flux)
        return np.where(workable, x, np.nan), np.where(workable, y, np.nan)


class Stripped:
    """As in 2018: x, y and flux each lose their own NaNs before they are put side by side.

    Every image with a centre but without a flux shifts the centres against the fluxes of the rest
    of its AOR. A known issue: needed to reproduce published numbers, wrong to repeat.
    """

    name = "stripped"

    def __call__(
        self, x: FloatArray, y: FloatArray, flux: FloatArray
    ) -> tuple[FloatArray, FloatArray]:
        """Give each flux the centre that stood beside it.

        Parameters
        ----------
        x, y : ndarray, shape (n,)
            Fitted centres, pixels; NaN where there is none.
        flux : ndarray, shape (n,)
            Net fluxes; NaN where there is none.

        Returns
        -------
        tuple of ndarray, shape (n,)
            x and y; NaN where there is no flux.
        """
        workable = np.flatnonzero(np.isfinite(flux))
        return _placed(x, workable), _placed(y, workable)


def _placed(values: FloatArray, workable: npt.NDArray[np.intp]) -> FloatArray:
    stripped = values[np.isfinite(values)][: len(workable)]
    placed = np.full(values.shape, np.nan)
    placed[workable[: len(stripped)]] = stripped
    return placed


PAIRINGS: Mapping[str, Pairing] = MappingProxyType({p.name: p for p in (ByImage(), Stripped())})
"""Pairings by name."""


def pairing_named(name: str) -> Pairing:
    """Find a pairing.

    Parameters
    ----------
    name : str
        Of `PAIRINGS`.

    Returns
    -------
    Pairing
        Of that name.

    Raises
    ------
    UsageError
        Where there is none.
    """
    try:
        return PAIRINGS[name]
    except KeyError:
        raise UsageError(f"There is no pairing {name!r}: {', '.join(PAIRINGS)}") from None
