"""How the array's answer depends on where the star falls: the simulation's own formula.

Written apart from the photometry's correction, as an independent witness of it. The coefficients
are those of the Spitzer Science Center's routine IRAC_APHOT_CORR, single precision there and here:
a quadratic over the array (array-location-dependent response) and two Gaussians over the place
within the pixel (pixel phase).
"""

from __future__ import annotations

import math

import numpy as np

SUBARRAY_CORNER: dict[int, tuple[int, int]] = {1: (8, 216), 2: (8, 216), 3: (8, 8), 4: (8, 8)}
"""First column and row of the subarray on the full array, by channel."""

Mission = tuple[bool, int]

LOCATION: dict[Mission, tuple[float, ...]] = {
    (True, 1): (
        *(0.98866790, -2.5460463e-05, -4.5413791e-05),
        *(-3.7748392e-07, 9.6670990e-07, 1.1259718e-06),
    ),
    (True, 2): (
        *(0.97713769, 0.00016023137, 0.00010671203),
        *(6.1546421e-07, 2.3478283e-06, 1.8726664e-06),
    ),
    (True, 3): (
        *(0.98318195, -0.00044891858, 5.7375573e-05),
        *(3.5613363e-07, 1.9036209e-06, 1.1912425e-06),
    ),
    (True, 4): (
        *(0.98239745, 0.00020132123, -1.9285260e-05),
        *(-3.7193490e-07, 1.4509036e-06, 1.8131923e-06),
    ),
    (False, 1): (
        *(0.98397385, -8.6387206e-05, 3.6310403e-05),
        *(-5.6284359e-07, 1.6023687e-06, 1.3574380e-06),
    ),
    (False, 2): (
        *(0.97494935, 0.00015911599, 9.5483763e-05),
        *(5.5486492e-08, 1.2604664e-06, 3.3644277e-06),
    ),
}
"""By (cryogenic, channel): A, B, C, D, E, F of A + Bi + Cj + Dij + Ei^2 + Fj^2."""

PHASE: dict[Mission, tuple[float, ...]] = {
    (True, 1): (
        *(0.018823169, 0.030359022, 0.091603768, 0.0067795815),
        *(0.17107575, 0.16949466, 0.97909886),
    ),
    (True, 2): (
        *(0.010250904, 0.0091393800, 0.040266280, 0.12475250),
        *(0.17673946, 0.27301699, 0.98964462),
    ),
    (False, 1): (
        *(0.039129220, 0.059108698, 0.15899583, 0.037160298),
        *(0.18512016, 0.17005089, 0.95685578),
    ),
    (False, 2): (
        *(0.017579553, 0.0092593634, 0.14839436, 0.11459924),
        *(0.18020032, 0.15649627, 0.98847611),
    ),
}
"""By (cryogenic, channel): dFx, dFy, x0, y0, sigma x, sigma y, F0. Others have no such effect."""


def location_factor(
    channel: int, cryogenic: bool, x: float, y: float, *, subarray: bool = False
) -> float:
    """Array-location-dependent response.

    Parameters
    ----------
    channel : int
        1 to 4.
    cryogenic : bool
        The mission. Warm channels 3 and 4, which were switched off, give 1.
    x, y : float
        Centre, 0-based, integers at pixel centres, on the image.
    subarray : bool, optional
        Whether the image is a subarray's.

    Returns
    -------
    float
        What the star's light is multiplied with.
    """
    coefficients = LOCATION.get((cryogenic, channel))
    if coefficients is None:
        return 1.0
    left, bottom = SUBARRAY_CORNER[channel] if subarray else (0, 0)
    i = math.trunc(x + left) - 127
    j = math.trunc(y + bottom) - 127
    a, b, c, d, e, f = _single(coefficients)
    return a + b * i + c * j + d * i * j + e * i * i + f * j * j


def phase_factor(channel: int, cryogenic: bool, x: float, y: float) -> float:
    """Pixel-phase response.

    Parameters
    ----------
    channel : int
        1 to 4; channels 3 and 4 have no pixel-phase effect.
    cryogenic : bool
        The mission.
    x, y : float
        Centre, 0-based, integers at pixel centres.

    Returns
    -------
    float
        What the star's light is multiplied with.
    """
    coefficients = PHASE.get((cryogenic, channel))
    if coefficients is None:
        return 1.0
    height_x, height_y, x0, y0, width_x, width_y, base = _single(coefficients)
    dx = _from_peak(x, x0)
    dy = _from_peak(y, y0)
    return (
        height_x * math.exp(-(dx**2) / (2.0 * width_x**2))
        + height_y * math.exp(-(dy**2) / (2.0 * width_y**2))
        + base
    )


def _single(coefficients: tuple[float, ...]) -> list[float]:
    return [float(np.float32(value)) for value in coefficients]


def _from_peak(place: float, peak: float) -> float:
    nearest = math.copysign(math.floor(abs(place) + 0.5), place)
    distance = place - nearest - peak
    return 1.0 - abs(distance) if abs(distance) > 0.5 else distance
