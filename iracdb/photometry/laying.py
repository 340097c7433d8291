"""Laying apertures on centres that are known: flags and fluxes out.

Each image is measured alone, so that its numbers are the same bits in any block.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from iracdb import flags as quality
from iracdb.photometry.aperture import Aperture
from iracdb.photometry.centre import Centres, forced_centres
from iracdb.photometry.circle import circle_sums
from iracdb.photometry.covered import Covered, cover
from iracdb.photometry.sky import LEVEL_NOISE, Sky, SkyLevels, sky_named

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
    (laid,) = lay_apertures(
        images, x, y, centres, (aperture,),
        sky=sky, masked=masked, variance=variance, covered=covered, forced=forced,
    )  # fmt: skip
    return laid


def lay_apertures(
    images: ArrayLike,
    x: ArrayLike,
    y: ArrayLike,
    centres: Centres,
    apertures: Sequence[Aperture],
    *,
    sky: str | Sky = "mean",
    masked: ArrayLike | None = None,
    variance: ArrayLike | None = None,
    covered: Covered | None = None,
    forced: bool = False,
) -> list[tuple[IntArray, Fluxes]]:
    """Lay several apertures on the same centres: an annulus that they share is read once.

    Parameters
    ----------
    images, x, y, centres : array_like and Centres
        See `measure_fluxes`.
    apertures : sequence of Aperture
        Source circles with their annuli.
    sky, masked, variance, covered, forced : optional
        See `measure_fluxes`.

    Returns
    -------
    list of tuple
        For each aperture flags (n,) and fluxes, the same bits as `measure_fluxes` gives.

    Raises
    ------
    UsageError
        Where the name is not known.
    ValueError
        Where the shapes do not belong together.
    """
    images, x, y = block_of(images, x, y)
    if len(centres) != len(images):
        raise ValueError(f"{len(images)} images and {len(centres)} centres")
    bad = beside(images, masked, np.bool_)
    noise = beside(images, variance, np.float64)
    read_sky = sky_named(sky) if isinstance(sky, str) else sky
    at = forced_centres(x, y) if forced else centres
    left = None if bad is None else covered or cover(images, bad)
    # Whether an aperture is laid depends on its outer radius, and not on its circle.
    skies: dict[tuple[float, float, str], tuple[IntArray, SkyLevels, IntArray]] = {}
    found = []
    for aperture in apertures:
        annulus = (aperture.r_in, aperture.r_out, aperture.bounds)
        if annulus not in skies:
            skies[annulus] = _read_annuli(images, left, x, y, at, aperture, read_sky)
        found.append(_circles(images, bad, noise, at, aperture, read_sky, *skies[annulus]))
    return found


def _read_annuli(
    images: FloatArray,
    left: Covered | None,
    x: FloatArray,
    y: FloatArray,
    at: Centres,
    aperture: Aperture,
    read_sky: Sky,
) -> tuple[IntArray, SkyLevels, IntArray]:
    """Tell why an aperture may not be laid, and what its annuli hold, masked pixels too."""
    refused = _position_flags(x, y, at, aperture, images.shape)
    at_x, at_y = (np.where(refused == 0, c, np.nan) for c in (at.x, at.y))
    level = read_sky(images if left is None else left.usable, at_x, at_y, aperture)
    return refused, level, _masked_of_sky(left, at_x, at_y, aperture, read_sky)


def _circles(
    images: FloatArray,
    bad: BoolArray | None,
    noise: FloatArray | None,
    at: Centres,
    aperture: Aperture,
    read_sky: Sky,
    refused: IntArray,
    level: SkyLevels,
    masked_in_annulus: IntArray,
) -> tuple[IntArray, Fluxes]:
    """Sum the circles of an aperture whose annuli have been read."""
    laid = refused == 0
    at_x, at_y = (np.where(laid, c, np.nan) for c in (at.x, at.y))
    circle = circle_sums(images, at_x, at_y, aperture.r, level.level, masked=bad, variance=noise)

    flags = refused.copy()
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


def block_of(images: ArrayLike, x: ArrayLike, y: ArrayLike) -> tuple[FloatArray, ...]:
    """Bring a block to double precision and check that its shapes belong together.

    Parameters
    ----------
    images : array_like
        Block of images (n, ny, nx).
    x, y : array_like
        Positions (n,), pixels.

    Returns
    -------
    tuple of numpy.ndarray
        The same three.

    Raises
    ------
    ValueError
        Where there are not as many positions as images.
    """
    images = np.asarray(images, dtype=np.float64)
    x, y = np.asarray(x, dtype=np.float64), np.asarray(y, dtype=np.float64)
    if images.ndim != 3 or x.shape != (len(images),) or y.shape != x.shape:
        raise ValueError(
            "a block is images (n, ny, nx) with positions (n,), "
            f"not {images.shape} with {x.shape} and {y.shape}"
        )
    return images, x, y


def beside(
    images: FloatArray, given: ArrayLike | None, kind: type[_Scalar]
) -> NDArray[_Scalar] | None:
    """Bring what goes with a block's pixels to its type, and check its shape.

    Parameters
    ----------
    images : numpy.ndarray
        The block (n, ny, nx).
    given : array_like or None
        Masks or variances.
    kind : type
        The type that they are to have.

    Returns
    -------
    numpy.ndarray or None
        What was given (n, ny, nx); None for nothing.

    Raises
    ------
    ValueError
        Where the shape is not the block's.
    """
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


def in_field(x: FloatArray, y: FloatArray, shape: tuple[int, ...]) -> BoolArray:
    """Tell which positions are on the array, as 2018 counted: from 0 to the number of pixels.

    Parameters
    ----------
    x, y : numpy.ndarray
        Positions (n,), pixels.
    shape : tuple of int
        The array's (..., ny, nx).

    Returns
    -------
    numpy.ndarray of bool
        True (n,) where one is; False for NaN.
    """
    on_it: BoolArray = (x > 0) & (x < shape[-1]) & (y > 0) & (y < shape[-2])
    return on_it


def _position_flags(
    x: FloatArray, y: FloatArray, centres: Centres, aperture: Aperture, shape: tuple[int, ...]
) -> IntArray:
    """Give the first reason, in the original's order, why no aperture may be laid; 0 if none."""
    array = (shape[-2], shape[-1])
    far = np.maximum(np.abs(centres.x - x), np.abs(centres.y - y)) > FARTHEST_CENTRE
    reasons = [
        (~(np.isfinite(x) & np.isfinite(y)), quality.COORDINATE_CONVERSION),
        (~in_field(x, y, array), quality.NOT_IN_FOV | quality.APERTURE_OUT_OF_BOUNDS),
        (~centres.found, quality.CENTROIDING),
        (aperture.out_of_bounds(centres.x, centres.y, array), quality.APERTURE_OUT_OF_BOUNDS),
        (far, quality.BAD_CENTER_GUESS),
    ]
    conditions, bits = zip(*reasons, strict=True)
    return np.select(conditions, [np.int64(bit) for bit in bits], np.int64(0)).astype(np.int64)
