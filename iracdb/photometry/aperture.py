"""The source circle and its background annulus, with the exact overlap of circle and pixel."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from iracdb.errors import UsageError

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]
IntArray = NDArray[np.int64]


@dataclass(frozen=True)
class Aperture:
    """A source circle and a background annulus about the same centre.

    Parameters
    ----------
    r : float
        Radius of the source circle in pixels.
    r_in, r_out : float
        Radii of the annulus in pixels.
    bounds : {'edges', 'indices'}, optional
        What the outer circle must stay within: the array's edges, half a pixel outside the outer
        pixels' centres; or, as in 2018, 0 and the number of pixels, half a pixel to the right. The
        published tables show the latter: with the annulus ending at 255.996 an image counts, with
        it beginning at -0.029 it does not (hd_warm_final).

    Raises
    ------
    UsageError
        Unless all are finite and 0 < r <= r_in < r_out.

    Examples
    --------
    >>> Aperture(3, 3, 7).fits((32, 32))
    True
    """

    r: float
    r_in: float
    r_out: float
    bounds: str = "edges"

    def __post_init__(self) -> None:
        radii = self.radii
        if not (all(map(math.isfinite, radii)) and 0 < self.r <= self.r_in < self.r_out):
            said = " ".join(f"{radius:g}" for radius in radii)
            raise UsageError(
                f"Radii must grow: {said} is not 0 < r <= r_in < r_out "
                "(source circle, inner and outer radius of the annulus, in pixels)"
            )

    @property
    def radii(self) -> tuple[float, float, float]:
        """Radius of the source circle and those of the annulus, pixels."""
        return self.r, self.r_in, self.r_out

    @property
    def area(self) -> float:
        """Area of the source circle in pixels."""
        return math.pi * self.r**2

    def fits(self, shape: tuple[int, int]) -> bool:
        """Tell whether a centred annulus fits an array at all.

        Parameters
        ----------
        shape : tuple of int
            The array's (ny, nx).

        Returns
        -------
        bool
            False where it would leave the array wherever the star is.
        """
        return 2 * self.r_out <= min(shape)

    def out_of_bounds(self, x: FloatArray, y: FloatArray, shape: tuple[int, int]) -> BoolArray:
        """Tell where the annulus leaves the array.

        Parameters
        ----------
        x, y : numpy.ndarray
            Centres (n,) in pixels, 0-based with integers at pixel centres.
        shape : tuple of int
            The array's (ny, nx).

        Returns
        -------
        numpy.ndarray
            True (n,) where the outer circle crosses the array's edge; True where x or y is NaN.
        """
        return ~stays_on(np.asarray(x), np.asarray(y), self.r_out, shape, self.shift)

    @property
    def shift(self) -> float:
        """How far to the right and up the array's edges are taken to be, in pixels."""
        return {"edges": 0.0, "indices": 0.5}[self.bounds]

    @property
    def annulus_area(self) -> float:
        """Area of the annulus in pixels."""
        return math.pi * (self.r_out**2 - self.r_in**2)


@dataclass(frozen=True)
class Sums:
    """Exact-overlap sums over rings of n images, each an array (n,).

    Parameters
    ----------
    total : numpy.ndarray
        Sum of overlap times value over the finite pixels, in the images' unit times pixel.
    pixels : numpy.ndarray
        Sum of the overlap of the finite pixels.
    nan_pixels : numpy.ndarray
        Count of the pixels that overlap and are not finite; 0 where nothing was measured.
    deviation : numpy.ndarray
        Standard deviation of the finite pixels, weighted by their overlap; NaN where there is
        none.
    """

    total: FloatArray
    pixels: FloatArray
    nan_pixels: IntArray
    deviation: FloatArray


def ring_sums(
    images: FloatArray,
    x: FloatArray,
    y: FloatArray,
    r_out: float,
    r_in: float = 0.0,
    *,
    shift: float = 0.0,
) -> Sums:
    """Sum each image over a circle or an annulus.

    Parameters
    ----------
    images : numpy.ndarray
        Block of images (n, ny, nx); pixels that are not finite are left out, and counted.
    x, y : numpy.ndarray
        Centres (n,) in pixels, 0-based with integers at pixel centres.
    r_out : float
        Outer radius in pixels.
    r_in : float, optional
        Inner radius in pixels; 0 is a circle.
    shift : float, optional
        How far to the right and up the array's edges are taken to be: see `Aperture`. What lies
        past the last pixel adds nothing.

    Returns
    -------
    Sums
        NaN where the position is NaN or the ring leaves the array.
    """
    # Here, since only those who measure wait for the compiler to be imported.
    from iracdb.photometry.ring_kernel import room, sum_rings

    images = np.ascontiguousarray(images, dtype=np.float64)
    inside = stays_on(x, y, r_out, (images.shape[1], images.shape[2]), shift)
    at_x, at_y = np.where(inside, x, np.nan), np.where(inside, y, np.nan)
    cells = room(r_out, images.shape)
    found = sum_rings(images, at_x, at_y, float(r_out), float(r_in), cells)
    return Sums(found[:, 0], found[:, 1], found[:, 2].astype(np.int64), found[:, 3])


def ring_pixels(
    image: FloatArray, x: float, y: float, r_out: float, r_in: float = 0.0
) -> tuple[FloatArray, FloatArray]:
    """Cut the pixels that a circle or an annulus overlaps out of one image.

    Parameters
    ----------
    image : numpy.ndarray
        Image (ny, nx).
    x, y : float
        Centre in pixels; of a ring that leaves the image the part on it is taken.
    r_out : float
        Outer radius in pixels.
    r_in : float, optional
        Inner radius in pixels; 0 is a circle.

    Returns
    -------
    values, weights : numpy.ndarray
        Pixel values (m,), row by row, NaN kept, and their overlaps (m,), in (0, 1].
    """
    from iracdb.photometry.ring_kernel import gather, room

    image = np.ascontiguousarray(image, dtype=np.float64)
    cells = room(r_out, image.shape)
    places, weights = np.empty(cells, dtype=np.int64), np.empty(cells)
    ny, nx = image.shape
    count = gather(ny, nx, float(x), float(y), float(r_out), float(r_in), places, weights)
    return image.ravel()[places[:count]], weights[:count]


def stays_on(
    x: FloatArray, y: FloatArray, r: float, shape: tuple[int, int], shift: float = 0.0
) -> BoolArray:
    """Tell where a circle stays on the array.

    Parameters
    ----------
    x, y : numpy.ndarray
        Centres (n,) in pixels.
    r : float
        Radius in pixels.
    shape : tuple of int
        The array's (ny, nx).
    shift : float, optional
        How far to the right and up the array's edges are taken to be: see `Aperture`.

    Returns
    -------
    numpy.ndarray
        True (n,) where it does; False for a position that is NaN.
    """
    ny, nx = shape
    x, y = x - shift, y - shift
    inside: BoolArray = (
        (x - r >= -0.5) & (x + r <= nx - 0.5) & (y - r >= -0.5) & (y + r <= ny - 0.5)
    )
    return inside
