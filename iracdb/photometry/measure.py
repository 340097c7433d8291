"""Measuring a block of images: positions in, flags, centres and fluxes out.

Each image is measured alone, so that its numbers are the same bits in any block.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from iracdb.photometry.aperture import Aperture
from iracdb.photometry.centre import Centre, Centres, centre_named, forced_centres
from iracdb.photometry.laying import (
    FARTHEST_CENTRE,
    Fluxes,
    beside,
    block_of,
    in_field,
    lay_apertures,
    measure_fluxes,
)
from iracdb.photometry.sky import Sky

__all__ = [
    "FARTHEST_CENTRE",
    "Fluxes",
    "Measurement",
    "fit_centres",
    "lay_apertures",
    "measure_block",
    "measure_fluxes",
]

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]


@dataclass(frozen=True)
class Measurement:
    """Everything measured on n images with one aperture.

    Parameters
    ----------
    x_wcs, y_wcs : numpy.ndarray
        Expected positions (n,) in pixels, 0-based with integers at pixel centres.
    centres : Centres
        The fits; NaN where there was none.
    fluxes : Fluxes
        The sums; NaN where a flag forbids them.
    flags : numpy.ndarray
        Quality flags (n,), 64-bit integers, bits of `iracdb.flags`.
    motion_x, motion_y : numpy.ndarray or None, optional
        How far the target's own motion moved the expected positions (n,), pixels; None for a
        target that is not moved.
    """

    x_wcs: FloatArray
    y_wcs: FloatArray
    centres: Centres
    fluxes: Fluxes
    flags: IntArray
    motion_x: FloatArray | None = None
    motion_y: FloatArray | None = None


def measure_block(
    images: ArrayLike,
    x: ArrayLike,
    y: ArrayLike,
    aperture: Aperture,
    *,
    centre: str | Centre = "gaussian",
    sky: str | Sky = "mean",
    masked: ArrayLike | None = None,
    variance: ArrayLike | None = None,
    forced: bool = False,
) -> Measurement:
    """Measure one star on each image of a block.

    Parameters
    ----------
    images : array_like
        Block of images (n, ny, nx) in MJy/sr; NaN where a pixel has no value.
    x, y : array_like
        Where each image's WCS expects the star (n,), in pixels, 0-based with integers at pixel
        centres; not finite where the position could not be converted.
    aperture : Aperture
        Source circle and annulus.
    centre : str or Centre, optional
        How to find the centre, or its name.
    sky : str or Sky, optional
        How to read the sky, or its name.
    masked, variance, forced : optional
        See `measure_fluxes`. With ``forced`` no centre is sought.

    Returns
    -------
    Measurement
        Flags, centres and fluxes.

    Raises
    ------
    UsageError
        Where a name is not known.
    ValueError
        Where the shapes do not belong together.
    """
    images, x, y = block_of(images, x, y)
    if forced:
        centres = forced_centres(x, y)
    else:
        centres = fit_centres(images, x, y, centre=centre, masked=masked)
    flags, fluxes = measure_fluxes(
        images, x, y, centres, aperture, sky=sky, masked=masked, variance=variance, forced=forced
    )
    return Measurement(x, y, centres, fluxes, flags)


def fit_centres(
    images: ArrayLike,
    x: ArrayLike,
    y: ArrayLike,
    *,
    centre: str | Centre = "gaussian",
    masked: ArrayLike | None = None,
) -> Centres:
    """Find the star on each image of a block, whatever apertures follow.

    Parameters
    ----------
    images : array_like
        Block of images (n, ny, nx); NaN where a pixel has no value.
    x, y : array_like
        Expected positions (n,) in pixels. No centre is sought where they are not on the array.
    centre : str or Centre, optional
        How to find the centre, or its name.
    masked : array_like, optional
        True (n, ny, nx) where a pixel is not to be used: it is left out as one without a value.

    Returns
    -------
    Centres
        One centre an image, NaN where there is none.

    Raises
    ------
    UsageError
        Where the name is not known.
    ValueError
        Where the shapes do not belong together.
    """
    images, x, y = block_of(images, x, y)
    find = centre_named(centre) if isinstance(centre, str) else centre
    on_it = in_field(x, y, images.shape)
    bad = beside(images, masked, np.bool_)
    if bad is not None:
        images = np.where(bad, np.nan, images)
    return find(images, np.where(on_it, x, np.nan), np.where(on_it, y, np.nan))
