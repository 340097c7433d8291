"""The simulated pointing: TAN projections with SIP distortion, set by where the star falls.

IRAC's headers give the distortion both ways: A and B from the detector to the sky, AP and BP back,
polynomials of third order. The forward coefficients and scales of full-array channel 1 and of
subarrays 1, 2 and 4 are those of real headers (pipelines S18.18 to S19.1); the other modes borrow
those of the nearest. The inverse is fitted to the forward here, and like the archive's is only
nearly its inverse.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from iracdb.irac.simulate.cards import Card

ORDER = 3

Polynomial = dict[tuple[int, int], float]


@dataclass(frozen=True)
class Optics:
    """What maps the pixels of one channel and read mode to the sky.

    Parameters
    ----------
    reference : float
        CRPIX1 and CRPIX2, 1-based.
    scale : tuple of float
        PXSCAL1 and PXSCAL2, arcsec/pixel; the first is negative, as the sky is seen mirrored.
    along_x, along_y : tuple of float
        Coefficients (0,2) (0,3) (1,1) (1,2) (2,0) (2,1) (3,0) of A and of B.
    """

    reference: float
    scale: tuple[float, float]
    along_x: tuple[float, ...]
    along_y: tuple[float, ...]


_TERMS = ((0, 2), (0, 3), (1, 1), (1, 2), (2, 0), (2, 1), (3, 0))
_INVERSE_TERMS = ((0, 1), (0, 2), (0, 3), (1, 0), (1, 1), (1, 2), (2, 0), (2, 1), (3, 0))

_FULL = Optics(
    128.0,
    (-1.22334117768332, 1.22328355209902),
    (2.9656e-06, 3.7746e-09, 2.1886e-05, -1.6847e-07, -2.3863e-05, -8.561e-09, -1.4172e-07),
    (2.31e-05, -1.6168e-07, -2.4386e-05, -5.7813e-09, 2.1197e-06, -1.6583e-07, -2.0249e-08),
)
_SUB_1 = Optics(
    16.5,
    (-1.22457237448543, 1.23610681621358),
    (2.171e-05, 4.172e-09, -1.139e-05, -1.683e-07, 1.947e-05, -8.141e-09, -1.415e-07),
    (-2.648e-05, -1.6e-07, 8.821e-06, -5.58e-09, -8.734e-06, -1.641e-07, -1.992e-08),
)
_SUB_2 = Optics(
    16.5,
    (-1.20546362595633, 1.22844240395352),
    (1.881e-05, -2.931e-09, -1.047e-05, -1.899e-07, 7.829e-05, 6.836e-09, -1.87e-07),
    (-2.171e-05, -1.771e-07, 5.594e-05, 4.608e-09, -1.475e-05, -1.757e-07, 3.922e-10),
)
_SUB_4 = Optics(
    16.5,
    (-1.20241083204746, 1.19457721011713),
    (2.708e-05, 2.499e-09, 7.88e-05, -1.738e-07, 8.472e-05, 3.166e-08, -1.903e-07),
    (0.0001005, -1.941e-07, 4.955e-05, 2.122e-08, 1.325e-05, -1.854e-07, -1.211e-09),
)
_SUBARRAY = {1: _SUB_1, 2: _SUB_2, 3: _SUB_4, 4: _SUB_4}


def optics(channel: int, subarray: bool) -> Optics:
    """Tell the optics of a channel and read mode.

    Parameters
    ----------
    channel : int
        1 to 4.
    subarray : bool
        Whether the image is a subarray's.

    Returns
    -------
    Optics
        Scales, reference pixel and distortion.
    """
    return _SUBARRAY[channel] if subarray else _FULL


def pointing(
    lens: Optics, x: float, y: float, ra: float, dec: float, angle: float
) -> tuple[float, float]:
    """Find where the telescope must point for a position to fall on a pixel.

    Parameters
    ----------
    lens : Optics
        What maps pixels to the sky.
    x, y : float
        Pixel, 0-based, integers at pixel centres.
    ra, dec : float
        Position, ICRS, degrees; not nearer to a pole than the array is wide.
    angle : float
        Position angle of the array's second axis, degrees east of north.

    Returns
    -------
    tuple of float
        CRVAL1 and CRVAL2, degrees.
    """
    u, v = (place + 1.0 - lens.reference for place in (x, y))
    u, v = u + _value(lens.along_x, u, v), v + _value(lens.along_y, u, v)
    cd = _matrix(lens, angle)
    xi = math.radians(cd[0][0] * u + cd[0][1] * v)
    eta = math.radians(cd[1][0] * u + cd[1][1] * v)
    # The gnomonic projection solved for its tangent point: sin(dec) fixes the point's
    # declination, the triangle at the pole its right ascension.
    stretch = math.sqrt(1.0 + xi**2 + eta**2)
    sine = stretch * math.sin(math.radians(dec)) / math.hypot(1.0, eta)
    dec0 = math.asin(sine) - math.atan(eta)
    ra0 = math.radians(ra) - math.atan2(xi, math.cos(dec0) - eta * math.sin(dec0))
    return math.degrees(ra0) % 360.0, math.degrees(dec0)


def linear_cards(lens: Optics, angle: float) -> list[Card]:
    """Make the cards of the linear part: matrix, types, scales and position angle.

    Parameters
    ----------
    lens : Optics
        What maps pixels to the sky.
    angle : float
        Position angle of the array's second axis, degrees east of north.

    Returns
    -------
    list of Card
        CD, CTYPE, PXSCAL and PA.
    """
    cd = _matrix(lens, angle)
    return [
        *(
            Card(f"CD{i + 1}_{j + 1}", cd[i][j], "[deg/pixel] matrix")
            for i in (0, 1)
            for j in (0, 1)
        ),
        Card("CTYPE1", "RA---TAN-SIP", "gnomonic, distorted in pixel space"),
        Card("CTYPE2", "DEC--TAN-SIP", "gnomonic, distorted in pixel space"),
        Card("PXSCAL1", lens.scale[0], "[arcsec/pixel] along axis 1"),
        Card("PXSCAL2", lens.scale[1], "[arcsec/pixel] along axis 2"),
        Card("PA", angle, "[deg] position angle of axis 2, E of N"),
    ]


def distortion_cards(lens: Optics) -> list[Card]:
    """Make the cards of the distortion, both ways.

    Parameters
    ----------
    lens : Optics
        What maps pixels to the sky.

    Returns
    -------
    list of Card
        A, B, AP and BP, each headed by its order.
    """
    cards = []
    forward = (lens.along_x, lens.along_y)
    for name, coefficients in zip("AB", forward, strict=True):
        cards.append(Card(f"{name}_ORDER", ORDER, "order, detector to sky"))
        cards += _terms(name, dict(zip(_TERMS, coefficients, strict=True)))
        cards.append(Card(f"{name}_DMAX", _largest(lens, coefficients), "[pixel] largest shift"))
    for name, polynomial in zip(("AP", "BP"), _inverse(lens), strict=True):
        cards.append(Card(f"{name}_ORDER", ORDER, "order, sky to detector"))
        cards += _terms(name, polynomial)
    return cards


def _terms(name: str, polynomial: Polynomial) -> list[Card]:
    return [Card(f"{name}_{i}_{j}", value, "SIP term") for (i, j), value in polynomial.items()]


def _value(coefficients: tuple[float, ...], u: float, v: float) -> float:
    return sum(c * u**i * v**j for c, (i, j) in zip(coefficients, _TERMS, strict=True))


def _matrix(lens: Optics, angle: float) -> tuple[tuple[float, float], tuple[float, float]]:
    sine, cosine = math.sin(math.radians(angle)), math.cos(math.radians(angle))
    across, along = (scale / 3600.0 for scale in lens.scale)
    return (across * cosine, along * sine), (-across * sine, along * cosine)


def _grid(lens: Optics) -> NDArray[np.float64]:
    """Places over the array, from its reference pixel: one row for u and one for v."""
    half = 128.0 if lens.reference > 100.0 else 16.0
    steps = np.linspace(-half, half, 25)
    return np.array([axis.ravel() for axis in np.meshgrid(steps, steps)])


@lru_cache(maxsize=16)
def _largest(lens: Optics, coefficients: tuple[float, ...]) -> float:
    shifts = [abs(_value(coefficients, float(u), float(v))) for u, v in _grid(lens).T]
    return round(max(shifts), 3)


@lru_cache(maxsize=8)
def _inverse(lens: Optics) -> tuple[Polynomial, Polynomial]:
    """Fit AP and BP, rounded to five figures like the archive's."""
    u, v = _grid(lens)
    shift_x = sum(c * u**i * v**j for c, (i, j) in zip(lens.along_x, _TERMS, strict=True))
    shift_y = sum(c * u**i * v**j for c, (i, j) in zip(lens.along_y, _TERMS, strict=True))
    # Scaled to the array, so that the fit is well conditioned and the rounding sure.
    size = float(np.abs(u).max())
    seen_u, seen_v = (u + shift_x) / size, (v + shift_y) / size
    terms = np.stack([seen_u**i * seen_v**j for i, j in _INVERSE_TERMS], axis=1)
    fits = [np.linalg.lstsq(terms, -shift, rcond=None)[0] for shift in (shift_x, shift_y)]
    first, second = (
        {
            (i, j): float(f"{value / size ** (i + j):.4e}")
            for (i, j), value in zip(_INVERSE_TERMS, fit.tolist(), strict=True)
        }
        for fit in fits
    )
    return first, second
