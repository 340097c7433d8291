"""The level of the sky under a star, from its background annulus.

The mean takes parts of pixels by their exact overlap. Median and mode take the pixels whose centre
lies in the annulus, whole, as aper.pro of the IDL Astronomy User's Library and DAOPHOT do: the
number of pixels stays a count and their scatter a plain one. Weighted by exact overlap, the mode
makes the apertures 2/2-6, 3/3-7 and 5/5-10 agree as well (0.5 %, 0.1 % and 0.3 % on the three
real stars of the tests, both ways, to 0.1 %); with all pixels that the annulus touches, whole, it
takes in the star at the inner circle, and they agree half as well.
"""

from __future__ import annotations

import math
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

CLIP = 3.0
"""How many standard deviations from the median a pixel may be for the mode."""

FEWEST_PIXELS = 20
"""Fewest pixels that the mode may rest on, as in MMM.

The mode of n pixels of pure Gaussian noise scatters by 2.5 sigma / sqrt(n), the mean by 1: on 20
pixels that is half a sigma.
"""


@dataclass(frozen=True)
class SkyLevels:
    """Sky of n images, each an array (n,).

    Parameters
    ----------
    level : numpy.ndarray
        Sky per pixel in the images' unit; NaN where the annulus has no finite pixel, or fewer
        than the sky needs, and where nothing was measured.
    sigma : numpy.ndarray
        Scatter of the single pixels that the level rests on, in the images' unit; each sky says
        which scatter. It is no error of the level. NaN where there is no level.
    pixels : numpy.ndarray
        How many pixels it rests on, parts of pixels included; where they were too few for a
        level, how many there were. NaN where nothing was measured.
    nan_pixels : numpy.ndarray
        Count of the annulus's pixels that are not finite; 0 where nothing was measured. The mean
        counts every pixel that the annulus overlaps, the others those whose centre lies in it.
    """

    level: FloatArray
    sigma: FloatArray
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

    Its sigma is the standard deviation of the same pixels with the same weights, none clipped: a
    star in the annulus widens it.
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
        sigma = np.where(np.isfinite(level), sums.deviation, np.nan)
        return SkyLevels(level, sigma, sums.pixels, sums.nan_pixels)


class MedianSky:
    """Median of the whole pixels of the annulus, none clipped.

    Notes
    -----
    Its sigma is the median absolute deviation from it, scaled by 1.4826 to the standard deviation
    of a Gaussian: as little moved by a few bright pixels as the median itself. It is 0 where more
    than half of the pixels are equal. One pixel is enough.
    """

    name = "median"

    def __call__(
        self, images: FloatArray, x: FloatArray, y: FloatArray, aperture: Aperture
    ) -> SkyLevels:
        """Take the median of each image's annulus.

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
        return _levels(images, x, y, aperture, mode=False)


class ModeSky:
    """Mode of the whole pixels of the annulus: 3 median - 2 mean of those left by clipping.

    Notes
    -----
    Pixels more than 3 standard deviations from the median are left out, and median and standard
    deviation taken anew, until nothing changes. Its sigma is the standard deviation (division by
    n) of the pixels that are left: for a Gaussian 1.3 % too small, since the tails are cut. Fewer
    than `FEWEST_PIXELS` before or after clipping give no level.

    It stands for MMM (Stetson 1987, PASP 99, 191), the sky of aper.pro, and is not MMM itself.
    MMM clips about its mode by Chauvenet's criterion (2.8 standard deviations for 100 pixels, and
    half of what lies between mean and mode more), lets clipped pixels return, averages the
    central fifth of the pixels for its median, and takes the mean where the median is not below
    the mean. Here 3 median - 2 mean holds on both sides: the mean on one side alone puts the sky
    of an empty annulus too low by 0.9 of the mean's standard error. On real stars in
    the apertures 2/2-6, 3/3-7 and 5/5-10 MMM's flux densities differ from these by 0.13 % on
    average and 0.43 % at most.

    How far clipping goes matters where the annulus begins on the star itself: in channel 4, from
    2 to 6 pixels, a stop after 5 rounds gives 1 % more than convergence.
    """

    name = "mode"

    def __call__(
        self, images: FloatArray, x: FloatArray, y: FloatArray, aperture: Aperture
    ) -> SkyLevels:
        """Estimate the mode of each image's annulus.

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
            NaN where the position is NaN, the annulus leaves the array, or fewer than
            `FEWEST_PIXELS` pixels are left.
        """
        return _levels(images, x, y, aperture, mode=True)


SKIES: Mapping[str, Sky] = MappingProxyType(
    {s.name: s for s in (MeanSky(), MedianSky(), ModeSky())}
)
"""The skies that a run may ask for, by name."""

LEVEL_NOISE: Mapping[str, float] = MappingProxyType(
    {"mean": 1.0, "median": math.sqrt(math.pi / 2), "mode": math.sqrt(4.5 * math.pi - 8)}
)
"""How much more than a mean's a sky's level scatters, for many pixels of one Gaussian.

The mode's: 9 times the median's variance, 4 times the mean's, less 12 times their covariance,
which is the mean's variance; 2.5 in all.
"""


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


def _levels(
    images: FloatArray, x: FloatArray, y: FloatArray, aperture: Aperture, *, mode: bool
) -> SkyLevels:
    """Read the sky from the whole pixels whose centre lies in each annulus."""
    # Here, since only those who measure wait for the compiler to be imported.
    from iracdb.photometry.ring_kernel import room
    from iracdb.photometry.sky_kernel import read_skies

    images = np.ascontiguousarray(images, dtype=np.float64)
    laid = ~aperture.out_of_bounds(x, y, (images.shape[-2], images.shape[-1]))
    found = read_skies(
        images,
        np.where(laid, x, np.nan),
        np.where(laid, y, np.nan),
        float(aperture.r_out),
        float(aperture.r_in),
        mode,
        room(aperture.r_out, images.shape),
    )
    return SkyLevels(found[:, 0], found[:, 1], found[:, 2], found[:, 3].astype(np.int64))
