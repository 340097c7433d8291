"""Measuring a block of images: positions in, flags, centres and fluxes out.

Each image is measured alone, so that its numbers are the same bits in any block.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from iracdb import flags as quality
from iracdb.photometry.aperture import Aperture, ring_sums
from iracdb.photometry.centre import Centre, Centres, centre_named
from iracdb.photometry.sky import Sky, sky_named

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]
IntArray = NDArray[np.int64]

FARTHEST_CENTRE = 2.0
"""Distance in x or y from the WCS position, in pixels, beyond which a centre is a bad guess."""

SUBARRAY_PLANES = 64
FIRST_STEADY_PLANE = 14
"""The first planes (0-based 0 to 13) of a subarray cube are left out: the array still settles."""


@dataclass(frozen=True)
class Fluxes:
    """Sums of n images, each an array (n,); NaN where the image could not be measured.

    Parameters
    ----------
    raw : numpy.ndarray
        Exact-overlap sum in the source circle, MJy/sr x pixel.
    sky : numpy.ndarray
        Sky per pixel, MJy/sr.
    sky_sigma : numpy.ndarray
        Scatter of the single pixels that the sky rests on, MJy/sr; which scatter, the sky says.
    background : numpy.ndarray
        Sky times the circle's area, MJy/sr x pixel.
    net : numpy.ndarray
        Raw minus background, MJy/sr x pixel.
    sky_pixels : numpy.ndarray
        How many pixels the sky rests on, parts of pixels included.
    nan_in_aperture, nan_in_annulus : numpy.ndarray
        Counts of the pixels without a value in circle and annulus; 0 where no aperture was laid.
        Of the annulus the mean counts all that it overlaps, the other skies those whose centre
        lies in it.
    """

    raw: FloatArray
    sky: FloatArray
    sky_sigma: FloatArray
    background: FloatArray
    net: FloatArray
    sky_pixels: FloatArray
    nan_in_aperture: IntArray
    nan_in_annulus: IntArray


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
    images, x, y = _block(images, x, y)
    centres = fit_centres(images, x, y, centre=centre)
    flags, fluxes = measure_fluxes(images, x, y, centres, aperture, sky=sky)
    return Measurement(x, y, centres, fluxes, flags)


def fit_centres(
    images: ArrayLike, x: ArrayLike, y: ArrayLike, *, centre: str | Centre = "gaussian"
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
    images, x, y = _block(images, x, y)
    find = centre_named(centre) if isinstance(centre, str) else centre
    in_field = _in_field(x, y, images.shape)
    return find(images, np.where(in_field, x, np.nan), np.where(in_field, y, np.nan))


def measure_fluxes(
    images: ArrayLike,
    x: ArrayLike,
    y: ArrayLike,
    centres: Centres,
    aperture: Aperture,
    *,
    sky: str | Sky = "mean",
) -> tuple[IntArray, Fluxes]:
    """Lay one aperture on centres that are known.

    Parameters
    ----------
    images : array_like
        Block of images (n, ny, nx) in MJy/sr; NaN where a pixel has no value.
    x, y : array_like
        Expected positions (n,) in pixels, as they were given to `fit_centres`.
    centres : Centres
        The n centres that it found.
    aperture : Aperture
        Source circle and annulus.
    sky : str or Sky, optional
        How to read the sky, or its name.

    Returns
    -------
    flags : numpy.ndarray
        Quality flags (n,). The first of these that is true stands alone and leaves the fluxes
        NaN: position not finite, not on the array (which is out of bounds too), no centre,
        annulus out of bounds, centre more than 2 pixels from the position in x or y. Else a
        pixel without a value in the circle, and an annulus without a value, each set their flag
        and leave the fluxes NaN.
    fluxes : Fluxes
        The sums.

    Raises
    ------
    UsageError
        Where the name is not known.
    ValueError
        Where the shapes do not belong together.
    """
    images, x, y = _block(images, x, y)
    if len(centres) != len(images):
        raise ValueError(f"{len(images)} images and {len(centres)} centres")
    read_sky = sky_named(sky) if isinstance(sky, str) else sky
    flags = _position_flags(x, y, centres, aperture, images.shape)
    at_x, at_y = (np.where(flags == 0, c, np.nan) for c in (centres.x, centres.y))
    circle = ring_sums(images, at_x, at_y, aperture.r)
    level = read_sky(images, at_x, at_y, aperture)

    laid = flags == 0
    flags[circle.nan_pixels > 0] |= quality.NAN_IN_APERTURE
    flags[laid & ~np.isfinite(level.level)] |= quality.NO_BACKGROUND
    raw, per_pixel, sigma = (
        np.where(flags == 0, v, np.nan) for v in (circle.total, level.level, level.sigma)
    )
    background = per_pixel * aperture.area
    return flags, Fluxes(
        raw=raw,
        sky=per_pixel,
        sky_sigma=sigma,
        background=background,
        net=raw - background,
        sky_pixels=level.pixels,
        nan_in_aperture=circle.nan_pixels,
        nan_in_annulus=level.nan_pixels,
    )


def collapse_cube(cube: ArrayLike) -> FloatArray:
    """Reduce a subarray cube to one image: the median over planes 14 to 63 (0-based).

    Parameters
    ----------
    cube : array_like
        Cube (64, ny, nx); NaN where a pixel has no value.

    Returns
    -------
    numpy.ndarray
        Image (ny, nx) in double precision; NaN is ignored, and NaN where no plane has a value.

    Raises
    ------
    ValueError
        Where it is not a cube of 64 planes.
    """
    cube = np.asarray(cube, dtype=np.float64)
    if cube.ndim != 3 or len(cube) != SUBARRAY_PLANES:
        raise ValueError(f"a subarray cube has {SUBARRAY_PLANES} planes, not shape {cube.shape}")
    planes = np.sort(cube[FIRST_STEADY_PLANE:], axis=0)  # NaN goes last
    held = np.count_nonzero(~np.isnan(planes), axis=0)
    lower, upper = np.maximum(held - 1, 0) // 2, np.minimum(held // 2, len(planes) - 1)
    middle = np.take_along_axis(planes, np.stack((lower, upper)), axis=0)
    return np.asarray(np.mean(middle, axis=0), dtype=np.float64)


def _block(images: ArrayLike, x: ArrayLike, y: ArrayLike) -> tuple[FloatArray, ...]:
    """Bring a block to double precision and check that its shapes belong together."""
    images = np.asarray(images, dtype=np.float64)
    x, y = np.asarray(x, dtype=np.float64), np.asarray(y, dtype=np.float64)
    if images.ndim != 3 or x.shape != (len(images),) or y.shape != x.shape:
        raise ValueError(
            "a block is images (n, ny, nx) with positions (n,), "
            f"not {images.shape} with {x.shape} and {y.shape}"
        )
    return images, x, y


def _in_field(x: FloatArray, y: FloatArray, shape: tuple[int, ...]) -> BoolArray:
    in_field: BoolArray = (x > 0) & (x < shape[-1]) & (y > 0) & (y < shape[-2])
    return in_field


def _position_flags(
    x: FloatArray, y: FloatArray, centres: Centres, aperture: Aperture, shape: tuple[int, ...]
) -> IntArray:
    """Give the first reason, in the original's order, why no aperture may be laid; 0 if none."""
    array = (shape[-2], shape[-1])
    far = np.maximum(np.abs(centres.x - x), np.abs(centres.y - y)) > FARTHEST_CENTRE
    reasons = [
        (~(np.isfinite(x) & np.isfinite(y)), quality.COORDINATE_CONVERSION),
        (~_in_field(x, y, array), quality.NOT_IN_FOV | quality.APERTURE_OUT_OF_BOUNDS),
        (~centres.found, quality.CENTROIDING),
        (aperture.out_of_bounds(centres.x, centres.y, array), quality.APERTURE_OUT_OF_BOUNDS),
        (far, quality.BAD_CENTER_GUESS),
    ]
    conditions, bits = zip(*reasons, strict=True)
    return np.select(conditions, [np.int64(bit) for bit in bits], np.int64(0)).astype(np.int64)
