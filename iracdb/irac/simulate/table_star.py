"""The simulated star that follows the handbook's table of aperture corrections.

Each profile is a sum of round parts: Gaussians, and rings, r^(2 n) times a Gaussian, as the
telescope's diffraction makes them. Both have an encircled energy and an integral over a pixel in
closed form.

How the numbers came about: by mission and channel, the shares of some thirty parts of fixed scale
were fitted once, none of them negative, so that the noiseless star, averaged over its place within
the pixel, gives the table's ten aperture corrections. The correction of radii is the flux density
in the calibration's convention (source radius 10 less the mean of the annulus from 12 to 20) over
the sum in the exact circle less the mode of the whole pixels of the annulus: 3 median - 2 mean
after clipping at 3 sigma. The three entries whose annulus begins at the star weigh twice the
others. What they leave open was loosely tied to the share of light in the central pixel (IRAC
Instrument Handbook, table 2.1) and to little light in the widest wing. Shares below 0.001 were
dropped and the rest fitted again. A test measures the star and holds it against the table.

The entry 3, 3-7 of warm channel 2 was left out. The table's entries with the annulus 12-20 say how
much light lies between 3 and 7 pixels; its mean there gives 1.137 in warm channel 2, and the mode
must give less. The table's 1.1336 is near the mean, all other entries of its kind are not.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import gammainc, ndtr

from iracdb.errors import UsageError
from iracdb.irac.handbook import CHANNELS, PIXEL_SIZE


class Part(NamedTuple):
    """One term of a profile.

    Parameters
    ----------
    share : float
        Share of the star's light.
    sigma : float
        Scale in pixels.
    order : int
        0 for a Gaussian; a ring of order n has its ridge at a radius of sigma sqrt(2 n).
    """

    share: float
    sigma: float
    order: int


_PARTS: dict[tuple[bool, int], tuple[Part, ...]] = {
    (True, 1): (
        Part(0.7488, 0.5, 0),
        Part(0.0907, 1.2, 0),
        Part(0.0047, 6.0, 0),
        Part(0.0690, 0.8, 4),
        Part(0.0140, 2.6, 4),
        Part(0.0208, 0.8, 8),
        Part(0.0049, 0.9, 8),
        Part(0.0284, 1.2, 8),
        Part(0.0187, 1.75, 8),
    ),
    (True, 2): (
        Part(0.5558, 0.5, 0),
        Part(0.0967, 0.95, 0),
        Part(0.2537, 1.2, 0),
        Part(0.0306, 2.6, 4),
        Part(0.0060, 3.0, 4),
        Part(0.0318, 1.0, 8),
        Part(0.0119, 1.1, 8),
        Part(0.0070, 1.35, 8),
        Part(0.0065, 1.5, 8),
    ),
    (True, 3): (
        Part(0.1167, 0.5, 0),
        Part(0.3735, 0.95, 0),
        Part(0.4298, 1.2, 0),
        Part(0.0058, 6.0, 0),
        Part(0.0156, 2.6, 4),
        Part(0.0160, 1.1, 8),
        Part(0.0261, 1.2, 8),
        Part(0.0164, 1.75, 8),
    ),
    (True, 4): (
        Part(0.2196, 0.5, 0),
        Part(0.3476, 0.6, 0),
        Part(0.2861, 0.8, 4),
        Part(0.0406, 3.0, 4),
        Part(0.0469, 0.7, 8),
        Part(0.0237, 1.1, 8),
        Part(0.0154, 1.2, 8),
        Part(0.0022, 1.5, 8),
        Part(0.0179, 1.75, 8),
    ),
    (False, 1): (
        Part(0.7777, 0.5, 0),
        Part(0.0469, 1.2, 0),
        Part(0.0055, 6.0, 0),
        Part(0.0894, 0.8, 4),
        Part(0.0120, 2.3, 4),
        Part(0.0217, 2.6, 4),
        Part(0.0263, 1.0, 8),
        Part(0.0140, 1.2, 8),
        Part(0.0064, 1.35, 8),
    ),
    (False, 2): (
        Part(0.4991, 0.5, 0),
        Part(0.2330, 0.95, 0),
        Part(0.1701, 1.2, 0),
        Part(0.0032, 6.0, 0),
        Part(0.0092, 2.3, 4),
        Part(0.0278, 2.6, 4),
        Part(0.0116, 0.9, 8),
        Part(0.0297, 1.0, 8),
        Part(0.0162, 1.35, 8),
    ),
}
"""By (cryogenic, channel)."""

_REACH = 48  # pixels from the centre; less than 1e-9 of the light lies farther out


def table_profile(channel: int, *, cryogenic: bool) -> tuple[Part, ...]:
    """Tell what a star is made of.

    Parameters
    ----------
    channel : int
        1 to 4.
    cryogenic : bool
        The mission. Warm channels 3 and 4, which were switched off, are as they were before.

    Returns
    -------
    tuple of Part
        Their shares add up to 1.

    Raises
    ------
    UsageError
        If there is no such channel.
    """
    if channel not in CHANNELS:
        raise UsageError(f"There is no channel {channel!r}: IRAC's channels are 1 to 4")
    key = (cryogenic or channel > 2, channel)
    whole = sum(part.share for part in _PARTS[key])
    return tuple(part._replace(share=part.share / whole) for part in _PARTS[key])


def table_encircled_energy(
    channel: int, radius: ArrayLike, *, cryogenic: bool
) -> NDArray[np.float64]:
    """Share of the star's light within a radius, before pixels.

    Parameters
    ----------
    channel : int
        1 to 4.
    radius : array_like of float
        Radius in pixels, any shape, not negative.
    cryogenic : bool
        The mission.

    Returns
    -------
    ndarray of float
        0 to 1, of the shape of ``radius``.
    """
    square = np.asarray(radius, dtype=np.float64) ** 2
    light = np.zeros_like(square)
    for share, sigma, order in table_profile(channel, cryogenic=cryogenic):
        light += share * gammainc(order + 1, square / (2.0 * sigma**2))
    return light


def table_surface_brightness(
    channel: int, radius: ArrayLike, *, cryogenic: bool
) -> NDArray[np.float64]:
    """Brightness of a star of total light 1, before pixels.

    Parameters
    ----------
    channel : int
        1 to 4.
    radius : array_like of float
        Distance from the centre in pixels, any shape.
    cryogenic : bool
        The mission.

    Returns
    -------
    ndarray of float
        Light per square pixel, of the shape of ``radius``.
    """
    square = np.asarray(radius, dtype=np.float64) ** 2
    light = np.zeros_like(square)
    for share, sigma, order in table_profile(channel, cryogenic=cryogenic):
        scaled = square / (2.0 * sigma**2)
        whole = 2.0 * math.pi * sigma**2 * math.factorial(order)
        light += share / whole * scaled**order * np.exp(-scaled)
    return light


def table_calibrated_fraction(channel: int, *, cryogenic: bool) -> float:
    """Share of the star's light that IRAC's calibration aperture counts.

    As `iracdb.irac.simulate.star.calibrated_fraction` does for the other star.

    Parameters
    ----------
    channel : int
        1 to 4.
    cryogenic : bool
        The mission.

    Returns
    -------
    float
        0 to 1.
    """

    def counted(radius: float) -> float:
        # Pixel and exact aperture each spread the star over a pixel: a twelfth of the Laplacian.
        step = 1e-4
        ends = table_surface_brightness(
            channel, [radius - step, radius + step], cryogenic=cryogenic
        )
        slope = float(ends[1] - ends[0]) / (2.0 * step)
        energy = float(table_encircled_energy(channel, radius, cryogenic=cryogenic))
        return energy + math.pi * radius / 6.0 * slope

    return counted(10.0) - (counted(20.0) - counted(12.0)) * 10.0**2 / (20.0**2 - 12.0**2)


def table_total_light(channel: int, flux_mjy: float, *, cryogenic: bool) -> float:
    """Sum of a star's light over all pixels of an endless array.

    Parameters
    ----------
    channel : int
        1 to 4.
    flux_mjy : float
        Flux density in mJy, in the convention of `iracdb.irac.simulate.star.total_light`.
    cryogenic : bool
        The mission.

    Returns
    -------
    float
        MJy/sr x pixel.
    """
    fraction = table_calibrated_fraction(channel, cryogenic=cryogenic)
    return flux_mjy * 1e-9 / (PIXEL_SIZE[channel] / 206265.0) ** 2 / fraction


def table_star_image(
    channel: int, shape: tuple[int, int], x: float, y: float, *, cryogenic: bool
) -> NDArray[np.float64]:
    """Image of a star of total light 1, integrated over each pixel in closed form.

    Parameters
    ----------
    channel : int
        1 to 4.
    shape : tuple of int
        Rows and columns of the image.
    x, y : float
        Centre, 0-based, integers at pixel centres; may lie outside.
    cryogenic : bool
        The mission.

    Returns
    -------
    ndarray of float, shape ``shape``
        Light in each pixel; what falls outside is lost.
    """
    image = np.zeros(shape)
    profile = table_profile(channel, cryogenic=cryogenic)
    rows, columns = _window(y, shape[0]), _window(x, shape[1])
    edges_y = np.arange(rows.start, rows.stop + 1) - 0.5 - y
    edges_x = np.arange(columns.start, columns.stop + 1) - 0.5 - x
    for share, sigma, order in profile:
        across = _moments(edges_x / sigma, order)
        along = _moments(edges_y / sigma, order)
        whole = 2.0**order * math.factorial(order)
        # (x^2 + y^2)^n by the binomial theorem: each term is a row times a column.
        for k in range(order + 1):
            factor = share / whole * math.comb(order, k)
            image[rows, columns] += factor * np.outer(along[order - k], across[k])
    return image


def _moments(edges: NDArray[np.float64], order: int) -> list[NDArray[np.float64]]:
    """Integrals of u^(2 k) times the normal density between neighbouring edges, k to the order."""
    density = np.exp(-0.5 * edges**2) / math.sqrt(2.0 * math.pi)
    moments = [np.diff(ndtr(edges))]
    for k in range(1, order + 1):
        by_parts = np.diff(edges ** (2 * k - 1) * density)
        moments.append((2 * k - 1) * moments[-1] - by_parts)
    return moments


def _window(centre: float, size: int) -> slice:
    first = min(max(0, math.floor(centre) - _REACH), size)
    last = max(min(size, math.ceil(centre) + _REACH + 1), first)
    return slice(first, last)
