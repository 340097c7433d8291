"""Measuring a block of images: positions in, flags, centres and fluxes out.

Each image is measured alone, so that its numbers are the same bits in any block.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from iracdb import flags as quality
from iracdb.photometry.aperture import Aperture
from iracdb.photometry.centre import Centre, Centres, centre_named, forced_centres
from iracdb.photometry.circle import circle_sums
from iracdb.photometry.covered import Covered, cover
from iracdb.photometry.sky import LEVEL_NOISE, Sky, sky_named

__all__ = [
    "FARTHEST_CENTRE",
    "Fluxes",
    "Measurement",
    "fit_centres",
    "measure_block",
    "measure_fluxes",
]

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]
IntArray = NDArray[np.int64]

_Scalar = TypeVar("_Scalar", bound=np.generic)

FARTHEST_CENTRE = 2.0
"""Distance in x or y from the WCS position, in pixels, beyond which a centre is a bad guess."""


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
        Counts of the pixels without a value in circle and annulus, masked ones not among them; 0
        where no aperture was laid. Of the annulus the mean counts all that it overlaps, the other
        skies those whose centre lies in it.
    masked_in_aperture, masked_in_annulus : numpy.ndarray
        Counts of the masked pixels, with or without a value, by the same rule.
    net_error : numpy.ndarray
        One standard deviation of net from the variances given, the sky's own error included,
        MJy/sr x pixel; NaN where a pixel of the circle has no variance.
    peak : numpy.ndarray
        Brightest finite pixel that the circle overlaps, MJy/sr; also known where a pixel of the
        circle forbids the flux.
    noise_pixels : numpy.ndarray
        (sum I)^2 / sum I^2 over the circle, the sky subtracted: see `iracdb.photometry.circle`.
    """

    raw: FloatArray
    sky: FloatArray
    sky_sigma: FloatArray
    background: FloatArray
    net: FloatArray
    sky_pixels: FloatArray
    nan_in_aperture: IntArray
    nan_in_annulus: IntArray
    masked_in_aperture: IntArray
    masked_in_annulus: IntArray
    net_error: FloatArray
    peak: FloatArray
    noise_pixels: FloatArray


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
    images, x, y = _block(images, x, y)
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
    images, x, y = _block(images, x, y)
    find = centre_named(centre) if isinstance(centre, str) else centre
    in_field = _in_field(x, y, images.shape)
    bad = _beside(images, masked, np.bool_)
    if bad is not None:
        images = np.where(bad, np.nan, images)
    return find(images, np.where(in_field, x, np.nan), np.where(in_field, y, np.nan))


def measure_fluxes(
    images: ArrayLike,
    x: ArrayLike,
    y: ArrayLike,
    centres: Centres,
    aperture: Aperture,
    *,
    sky: str | Sky = "mean",
    masked: ArrayLike | None = None,
    variance: ArrayLike | None = None,
    covered: Covered | None = None,
    forced: bool = False,
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
    masked : array_like, optional
        True (n, ny, nx) where a pixel is not to be used, whether it has a value or not. The sky
        leaves it out.
    variance : array_like, optional
        Variances (n, ny, nx) of the pixels in (MJy/sr)^2, as the squares of an uncertainty frame;
        NaN where one is not known.
    covered : Covered, optional
        What the masks leave of the images, where it is known; else it is made here. Of no effect
        without masks.
    forced : bool, optional
        True to lay the aperture on the expected positions, whatever the centres say.

    Returns
    -------
    flags : numpy.ndarray
        Quality flags (n,). The first of these that is true stands alone and leaves the fluxes
        NaN: position not finite, not on the array (which is out of bounds too), no centre,
        annulus out of bounds, centre more than 2 pixels from the position in x or y; where the
        position is forced, nothing is asked of the centre. Else a pixel without a value in the
        circle, a masked pixel there, and an annulus without a value, each set their flag and
        leave the fluxes NaN.
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
    bad = _beside(images, masked, np.bool_)
    noise = _beside(images, variance, np.float64)
    read_sky = sky_named(sky) if isinstance(sky, str) else sky
    at = forced_centres(x, y) if forced else centres
    flags = _position_flags(x, y, at, aperture, images.shape)
    laid = flags == 0
    at_x, at_y = (np.where(laid, c, np.nan) for c in (at.x, at.y))
    left = None if bad is None else covered or cover(images, bad)
    level = read_sky(images if left is None else left.usable, at_x, at_y, aperture)
    masked_in_annulus = _masked_of_sky(left, at_x, at_y, aperture, read_sky)
    circle = circle_sums(images, at_x, at_y, aperture.r, level.level, masked=bad, variance=noise)

    flags[circle.nan_pixels > 0] |= quality.NAN_IN_APERTURE
    flags[circle.masked_pixels > 0] |= quality.FATAL_IN_APERTURE
    flags[laid & ~np.isfinite(level.level)] |= quality.NO_BACKGROUND
    raw, per_pixel, sigma, noise_pixels = (
        np.where(flags == 0, v, np.nan)
        for v in (circle.total, level.level, level.sigma, circle.noise_pixels)
    )
    background = per_pixel * aperture.area
    net_error = np.full(len(images), np.nan)
    if noise is not None:
        sky_variance = (LEVEL_NOISE.get(read_sky.name, 1.0) * sigma) ** 2 / level.pixels
        net_error = np.sqrt(circle.variance + aperture.area**2 * sky_variance)
    return flags, Fluxes(
        raw=raw,
        sky=per_pixel,
        sky_sigma=sigma,
        background=background,
        net=raw - background,
        sky_pixels=level.pixels,
        nan_in_aperture=circle.nan_pixels,
        nan_in_annulus=level.nan_pixels - masked_in_annulus,
        masked_in_aperture=circle.masked_pixels,
        masked_in_annulus=masked_in_annulus,
        net_error=net_error,
        peak=circle.peak,
        noise_pixels=noise_pixels,
    )


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


def _beside(
    images: FloatArray, given: ArrayLike | None, kind: type[_Scalar]
) -> NDArray[_Scalar] | None:
    """Bring what goes with a block's pixels to its type, and check its shape."""
    if given is None:
        return None
    array = np.asarray(given, dtype=kind)
    if array.shape != images.shape:
        raise ValueError(
            f"a block of shape {images.shape} has a mask or variances of shape {array.shape}"
        )
    return array


def _masked_of_sky(
    left: Covered | None, x: FloatArray, y: FloatArray, aperture: Aperture, read_sky: Sky
) -> IntArray:
    """Count the masked pixels among those that a sky takes for the annulus."""
    if left is None or not left.some.any():
        return np.zeros(len(x), dtype=np.int64)
    # The sky alone knows which pixels it takes; on an image that lacks nothing but the masked
    # ones it counts these.
    x, y = (np.where(left.some, at, np.nan) for at in (x, y))
    return read_sky(left.flat, x, y, aperture).nan_pixels


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
