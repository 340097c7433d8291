"""The level of the sky under a star, from its background annulus."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from iracdb.errors import UsageError
from iracdb.photometry.aperture import Aperture, ring_sums

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]


@dataclass(frozen=True)
class SkyLevels:
    """Sky of n images, each an array (n,).

    Parameters
    ----------
    level : numpy.ndarray
        Sky per pixel in the images' unit; NaN where the annulus has no finite pixel, and where
        nothing was measured.
    pixels : numpy.ndarray
        How many pixels it rests on, parts of pixels included; NaN where nothing was measured.
    nan_pixels : numpy.ndarray
        Count of the annulus's pixels that are not finite; 0 where nothing was measured.
    """

    level: FloatArray
    pixels: FloatArray
    nan_pixels: IntArray


class Sky(Protocol):
    """A way to read the sky from an annulus; a new one is entered in `SKIES`."""

    @property
    def name(self) -> str:
        """Name under which parameters and runs know it."""
        ...

    def __call__(
        self, images: FloatArray, x: FloatArray, y: FloatArray, aperture: Aperture
    ) -> SkyLevels:
        """Measure the sky.

        Parameters
        ----------
        images : numpy.ndarray
            Block of images (n, ny, nx); NaN where a pixel has no value.
        x, y : numpy.ndarray
            Centres (n,) in pixels; NaN asks for nothing.
        aperture : Aperture
            Holds the annulus.

        Returns
        -------
        SkyLevels
            One sky an image.
        """
        ...


class MeanSky:
    """Mean of the annulus, each finite pixel weighted by its exact overlap.

    Notes
    -----
    The original pipeline's manual. It is the sky of the published runs; a star in the annulus
    moves it.
    """

    name = "mean"

    def __call__(
        self, images: FloatArray, x: FloatArray, y: FloatArray, aperture: Aperture
    ) -> SkyLevels:
        """Average each image's annulus.

        Parameters
        ----------
        images : numpy.ndarray
            Block of images (n, ny, nx); pixels that are not finite are left out, and counted.
        x, y : numpy.ndarray
            Centres (n,) in pixels; NaN asks for nothing.
        aperture : Aperture
            Holds the annulus.

        Returns
        -------
        SkyLevels
            NaN where the position is NaN or the annulus leaves the array.
        """
        sums = ring_sums(images, x, y, aperture.r_out, aperture.r_in, shift=aperture.shift)
        area = sums.pixels
        if aperture.shift:
            # The code of 2018 divided by the whole annulus, also where it ends past the array.
            area = np.where(sums.nan_pixels == 0, aperture.annulus_area, area)
        # 0/0 is an annulus without a value: NaN is the answer.
        with np.errstate(invalid="ignore"):
            level = sums.total / area
        return SkyLevels(level, sums.pixels, sums.nan_pixels)


SKIES: Mapping[str, Sky] = MappingProxyType({s.name: s for s in (MeanSky(),)})
"""The skies that a run may ask for, by name."""


def sky_named(name: str) -> Sky:
    """Find a sky by its name.

    Parameters
    ----------
    name : str
        One of `SKIES`.

    Returns
    -------
    Sky
        The sky.

    Raises
    ------
    UsageError
        Where there is none of that name.
    """
    if name not in SKIES:
        raise UsageError(f"No sky is called {name!r}; there are: {', '.join(SKIES)}")
    return SKIES[name]
