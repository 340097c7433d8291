"""What one source circle holds: flux, holes, masked pixels, variance, peak and noise pixels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from iracdb.photometry.aperture import stays_on

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]
IntArray = NDArray[np.int64]

_Scalar = TypeVar("_Scalar", bound=np.generic)


@dataclass(frozen=True)
class Circles:
    """The source circles of n images, each an array (n,).

    Parameters
    ----------
    total : numpy.ndarray
        Sum of overlap times value over the pixels that have a value and are not masked, in the
        images' unit times pixel; NaN where no circle was laid.
    nan_pixels : numpy.ndarray
        Count of the pixels that are not finite and not masked; 0 where no circle was laid.
    masked_pixels : numpy.ndarray
        Count of the masked pixels, with or without a value; 0 where no circle was laid.
    variance : numpy.ndarray
        Sum of overlap times variance, in the images' unit squared; NaN where a pixel has no
        variance, none was given, or no circle was laid.
    peak : numpy.ndarray
        The brightest pixel that the circle overlaps, masked ones included, in the images' unit;
        NaN where none is finite or no circle was laid.
    noise_pixels : numpy.ndarray
        Squared sum over sum of squares of what stands above the sky, see `circle_sums`; NaN where
        a pixel is masked or has no value, the net flux is 0, or no circle was laid.
    """

    total: FloatArray
    nan_pixels: IntArray
    masked_pixels: IntArray
    variance: FloatArray
    peak: FloatArray
    noise_pixels: FloatArray


def circle_sums(
    images: FloatArray,
    x: FloatArray,
    y: FloatArray,
    r: float,
    sky: FloatArray,
    *,
    masked: BoolArray | None = None,
    variance: FloatArray | None = None,
) -> Circles:
    """Sum each image over a circle, with the exact overlap of circle and pixel.

    Parameters
    ----------
    images : numpy.ndarray
        Block of images (n, ny, nx); NaN where a pixel has no value.
    x, y : numpy.ndarray
        Centres (n,) in pixels, 0-based with integers at pixel centres; NaN asks for nothing.
    r : float
        Radius in pixels.
    sky : numpy.ndarray
        Sky per pixel (n,) for the noise pixels, in the images' unit; NaN where it is not known.
    masked : numpy.ndarray, optional
        True (n, ny, nx) where a pixel is not to be used.
    variance : numpy.ndarray, optional
        Variances (n, ny, nx) in the images' unit squared; NaN where one is not known.

    Returns
    -------
    Circles
        One circle an image; nothing is laid where it would leave the array.

    Notes
    -----
    The variance is weighted as the flux is, by overlap and not by its square: a pixel cut by the
    circle then has the noise of the photons that fell into its part, and this is what photutils
    calls the error of an aperture sum.

    Noise pixels are (sum I)^2 / sum I^2 over the circle (Lewis et al. 2013, ApJ 766, 95, their
    Appendix; the handbook defines them so in its section on image quality), where I is a pixel's
    value above the sky, each weighted by its overlap. Their square root is a measure of the
    star's width that decorrelates light curves.
    """
    # Here, since only those who measure wait for the compiler to be imported.
    from iracdb.photometry.circle_kernel import sum_circles
    from iracdb.photometry.ring_kernel import room

    images = np.ascontiguousarray(images, dtype=np.float64)
    inside = stays_on(x, y, r, (images.shape[1], images.shape[2]))
    found = sum_circles(
        images,
        np.where(inside, x, np.nan),
        np.where(inside, y, np.nan),
        float(r),
        np.ascontiguousarray(sky, dtype=np.float64),
        _beside(masked, np.bool_),
        _beside(variance, np.float64),
        room(r, images.shape),
    )
    counts = found[:, 1:3].astype(np.int64)
    return Circles(found[:, 0], counts[:, 0], counts[:, 1], found[:, 3], found[:, 4], found[:, 5])


def _beside(given: NDArray[_Scalar] | None, kind: type[_Scalar]) -> NDArray[_Scalar]:
    """Bring what may go with the images to what is compiled: nothing is a block of no image."""
    if given is None:
        return np.empty((0, 0, 0), dtype=kind)
    return np.ascontiguousarray(given, dtype=kind)
