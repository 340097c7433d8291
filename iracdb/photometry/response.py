"""The response of IRAC over the array and within a pixel, and its correction.

The coefficients are those of the Spitzer Science Center's IDL routine IRAC_APHOT_CORR; the IRAC
Instrument Handbook describes the effects as the array-location-dependent and the
pixel-phase-dependent photometric corrections. Held against the routine's own answers.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping
from functools import cache
from types import MappingProxyType
from typing import Any, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from iracdb.errors import UsageError
from iracdb.irac.handbook import CHANNELS

FloatArray = NDArray[np.float64]
Coefficients = tuple[float, ...]

MISSIONS = ("warm", "cryo", "hora", "reach")
"""Whose tables: those of the two missions, and the older ones the routine calls HORA and REACH."""


def _single(*values: float) -> Coefficients:
    """Round to single precision, as the routine holds them; as doubles they move fluxes by 2e-8."""
    return tuple(float(np.float32(value)) for value in values)


# A B C D E F of R_al = A + B i + C j + D i j + E i^2 + F j^2.
_CRYO_AL = {
    1: _single(
        0.98866790, -2.5460463e-05, -4.5413791e-05, -3.7748392e-07, 9.6670990e-07, 1.1259718e-06
    ),
    2: _single(
        0.97713769, 0.00016023137, 0.00010671203, 6.1546421e-07, 2.3478283e-06, 1.8726664e-06
    ),
    3: _single(
        0.98318195, -0.00044891858, 5.7375573e-05, 3.5613363e-07, 1.9036209e-06, 1.1912425e-06
    ),
    4: _single(
        0.98239745, 0.00020132123, -1.9285260e-05, -3.7193490e-07, 1.4509036e-06, 1.8131923e-06
    ),
}
_WARM_AL = {
    1: _single(
        0.98397385, -8.6387206e-05, 3.6310403e-05, -5.6284359e-07, 1.6023687e-06, 1.3574380e-06
    ),
    2: _single(
        0.97494935, 0.00015911599, 9.5483763e-05, 5.5486492e-08, 1.2604664e-06, 3.3644277e-06
    ),
}
_HORA_AL = {
    1: _single(1.0114, -3.536e-6, -6.826e-5, -1.618e-8, 1.215e-6, 1.049e-6),
    2: _single(1.0138, 8.401e-5, 3.345e-7, 1.885e-7, 1.438e-6, 1.337e-6),
    3: _single(1.0055, -3.870e-4, 4.600e-5, 1.956e-7, 2.078e-6, 9.970e-7),
    4: _single(1.0054, 2.332e-4, -8.234e-5, -1.881e-7, 6.520e-7, 9.415e-7),
}
_AL: Mapping[str, Mapping[int, Coefficients]] = MappingProxyType(
    {"cryo": _CRYO_AL, "warm": _WARM_AL, "hora": _HORA_AL, "reach": _HORA_AL}
)

# dFx dFy x0 y0 sx sy F0 of the two Gaussians of the phase.
_PP: Mapping[str, Mapping[int, Coefficients]] = MappingProxyType(
    {
        "cryo": {
            1: _single(
                *(0.018823169, 0.030359022, 0.091603768, 0.0067795815),
                *(0.17107575, 0.16949466, 0.97909886),
            ),
            2: _single(
                *(0.010250904, 0.0091393800, 0.040266280, 0.12475250),
                *(0.17673946, 0.27301699, 0.98964462),
            ),
        },
        "warm": {
            1: _single(
                *(0.039129220, 0.059108698, 0.15899583, 0.037160298),
                *(0.18512016, 0.17005089, 0.95685578),
            ),
            2: _single(
                *(0.017579553, 0.0092593634, 0.14839436, 0.11459924),
                *(0.18020032, 0.15649627, 0.98847611),
            ),
        },
    }
)

# a of R_pp = 1 + a (1/sqrt(2 pi) - distance of star and pixel centre).
_CONE: Mapping[str, Mapping[int, float]] = MappingProxyType(
    {"hora": {1: _single(0.0535)[0], 2: _single(0.0309)[0]}, "reach": {1: _single(0.0535)[0]}}
)

_ARRAY_SIZE = 256
_ARRAY_CENTRE = 127.0
_SUBARRAY_OFFSET: Mapping[int, tuple[float, float]] = MappingProxyType(
    {1: (8.0, 216.0), 2: (8.0, 216.0), 3: (8.0, 8.0), 4: (8.0, 8.0)}
)


class Response(Protocol):
    """An engine that knows the response; those outside this process are in `iracdb.engines`."""

    @property
    def name(self) -> str:
        """Name under which parameters and runs know it."""
        ...

    @property
    def version(self) -> str | None:
        """Of what computes; None for our own, since the software record holds it."""
        ...

    @property
    def calibration(self) -> str:
        """Name of the correction that it applies: of the routine, where it carries one out."""
        ...

    @property
    def origin(self) -> str:
        """Where the correction comes from."""
        ...

    @property
    def missions(self) -> tuple[str, ...]:
        """Whose tables it has: of `MISSIONS`."""
        ...

    @property
    def source_sha256(self) -> str | None:
        """Hash of the routine's source that is carried out, hexadecimal; None for our own."""
        ...

    def factors(
        self,
        x: ArrayLike,
        y: ArrayLike,
        channel: int,
        *,
        mission: str,
        subarray: bool,
        pixel_phase: bool,
        array_location: bool,
    ) -> tuple[FloatArray, FloatArray]:
        """Give array-location and pixel-phase factors, as `response_factors` does."""
        ...

    def coefficients(self) -> dict[str, Any]:
        """Everything that the factors depend on, fit for JSON."""
        ...

    def coefficients_digest(self) -> str:
        """Hash the coefficients: sha256 in hexadecimal digits."""
        ...


def response_factors(
    x: ArrayLike,
    y: ArrayLike,
    channel: int,
    *,
    mission: str = "warm",
    subarray: bool = False,
    pixel_phase: bool = True,
    array_location: bool = True,
) -> tuple[FloatArray, FloatArray]:
    """Give the response at positions on an array, relative to what the calibration assumes.

    Parameters
    ----------
    x, y : array_like
        Positions of the star in pixels, 0-based with integers at pixel centres; they broadcast.
        In a subarray image they are the subarray's own.
    channel : int
        1 to 4.
    mission : {"warm", "cryo", "hora", "reach"}, optional
        Whose tables.
    subarray : bool, optional
        Whether the positions are those of a 32 x 32 subarray image.
    pixel_phase, array_location : bool, optional
        Whether to give that factor; else it is 1.

    Returns
    -------
    array_location, pixel_phase : numpy.ndarray
        The two factors, dimensionless, of the broadcast shape; NaN where x or y is not finite.
        Off the array the polynomial is what it is.

    Raises
    ------
    UsageError
        Where channel or mission is not known.
    """
    channel, mission = check_known(channel, mission)
    x, y = np.broadcast_arrays(np.asarray(x, np.float64), np.asarray(y, np.float64))
    r_al = r_pp = np.where(np.isfinite(x) & np.isfinite(y), 1.0, np.nan)
    # The routine takes the phase, too, after the offset: the same but for the last bits.
    offset_x, offset_y = _SUBARRAY_OFFSET[channel] if subarray else (0.0, 0.0)
    x, y = x + offset_x, y + offset_y
    # A position far off the array may overflow; one that is not finite gives NaN.
    with np.errstate(over="ignore", invalid="ignore"):
        if array_location and channel in _AL[mission]:
            i, j = np.trunc(x) - _ARRAY_CENTRE, np.trunc(y) - _ARRAY_CENTRE
            r_al = r_al * _polynomial(_normalised(mission, channel), i, j)
        if pixel_phase:
            r_pp = r_pp * _phase_factor(mission, channel, _phase(x), _phase(y))
    return r_al, r_pp


def irac_aphot_corr(
    flux: ArrayLike,
    x: ArrayLike,
    y: ArrayLike,
    channel: int,
    *,
    mission: str = "warm",
    subarray: bool = False,
    pixel_phase: bool = True,
    array_location: bool = True,
) -> float | FloatArray:
    """Correct point-source fluxes for the response over the array and within a pixel.

    Parameters
    ----------
    flux : array_like
        Fluxes in any linear unit; flux, x and y broadcast.
    x, y : array_like
        Positions of the star in pixels, 0-based with integers at pixel centres. In a subarray
        image they are the subarray's own.
    channel : int
        1 to 4.
    mission : {"warm", "cryo", "hora", "reach"}, optional
        Whose tables.
    subarray : bool, optional
        Whether the positions are those of a 32 x 32 subarray image.
    pixel_phase, array_location : bool, optional
        Whether to apply that part of the correction.

    Returns
    -------
    float or numpy.ndarray
        ``flux / (R_al * R_pp)``, in the unit of `flux`; a float where all three are scalars. NaN
        where flux, x or y is NaN. Warm channels 3 and 4 are unchanged.

    Raises
    ------
    UsageError
        Where channel or mission is not known.

    Notes
    -----
    The Spitzer Science Center's IDL routine IRAC_APHOT_CORR.

    Examples
    --------
    >>> irac_aphot_corr(100.0, 127.0, 127.0, 3, mission="reach")
    100.0
    """
    r_al, r_pp = response_factors(
        x,
        y,
        channel,
        mission=mission,
        subarray=subarray,
        pixel_phase=pixel_phase,
        array_location=array_location,
    )
    with np.errstate(over="ignore", invalid="ignore"):
        corrected = np.asarray(flux, np.float64) / (r_al * r_pp)
    return float(corrected) if np.ndim(corrected) == 0 else corrected


class NativeResponse:
    """The factors as computed here, in NumPy."""

    name = calibration = "native"
    version = None
    origin = "IRAC_APHOT_CORR and IRAC_APHOT_CORR_CRYO, Spitzer Science Center"
    missions = MISSIONS
    source_sha256 = None

    factors = staticmethod(response_factors)

    def coefficients(self) -> dict[str, Any]:
        """Give every number that the factors depend on.

        Returns
        -------
        dict
            Fit for JSON: by mission and channel, single precision widened to double.
        """
        return {
            mission: {
                str(channel): {
                    "array_location": list(_AL[mission].get(channel, ())),
                    "pixel_phase": list(_PP.get(mission, {}).get(channel, ())),
                    "pixel_phase_cone": _CONE.get(mission, {}).get(channel, 0.0),
                    "subarray_offset": list(_SUBARRAY_OFFSET[channel]),
                }
                for channel in CHANNELS
            }
            for mission in MISSIONS
        }

    def coefficients_digest(self) -> str:
        """Hash the coefficients.

        Returns
        -------
        str
            sha256, hexadecimal, of `coefficients` as JSON with sorted keys, without spaces, each
            number in its shortest exact form.
        """
        text = json.dumps(self.coefficients(), sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode("ascii")).hexdigest()


NATIVE = NativeResponse()
"""The engine that is always there."""


def check_known(channel: int, mission: str) -> tuple[int, str]:
    """Check that IRAC has such a channel, and that there are tables of the mission.

    Parameters
    ----------
    channel : int
        1 to 4.
    mission : str
        One of `MISSIONS`.

    Returns
    -------
    tuple of int and str
        The same.

    Raises
    ------
    UsageError
        Where one of them is not known.
    """
    whole = isinstance(channel, int | np.integer) and not isinstance(channel, bool)
    if not whole or channel not in CHANNELS:
        raise UsageError(f"Channel {channel!r} is none of IRAC's: 1, 2, 3 and 4")
    if mission not in MISSIONS:
        raise UsageError(f"No correction for mission {mission!r}; there are: {', '.join(MISSIONS)}")
    return int(channel), mission


def _polynomial(c: Coefficients, i: FloatArray, j: FloatArray) -> FloatArray:
    """Evaluate in this order: it is the one that gives the routine's own last bits."""
    return c[0] + c[1] * i + c[2] * j + c[3] * i * j + c[4] * i * i + c[5] * j * j


@cache
def _normalised(mission: str, channel: int) -> Coefficients:
    """Coefficients as they are applied: Hora's and Reach's tables are not relative to 1."""
    given = _AL[mission][channel]
    if mission == "hora":
        j, i = np.indices((_ARRAY_SIZE, _ARRAY_SIZE)) - _ARRAY_CENTRE
        over_array = np.sort(_polynomial(given, i, j), axis=None)
        unit = float(over_array[over_array.size // 2])  # the upper median, as IDL's MEDIAN gives
    else:
        unit = given[0] if mission == "reach" else 1.0
    return tuple(value / unit for value in given)


def _phase(x: FloatArray) -> FloatArray:
    """Give x - round(x) with halves rounded away from zero, without adding 0.5 (it may round)."""
    part = x - np.trunc(x)
    return np.where(np.abs(part) >= 0.5, part - np.copysign(1.0, x), part)


def _phase_factor(mission: str, channel: int, x: FloatArray, y: FloatArray) -> FloatArray | float:
    """Response by phase; x and y are what `_phase` gives."""
    if channel in _CONE.get(mission, {}):
        cone: FloatArray = 1 / math.sqrt(2 * math.pi) - np.hypot(x, y)
        return 1 + _CONE[mission][channel] * cone
    if channel not in _PP.get(mission, {}):
        return 1.0
    d_x, d_y, x0, y0, s_x, s_y, floor = _PP[mission][channel]
    return d_x * _bump(x - x0, s_x) + d_y * _bump(y - y0, s_y) + floor


def _bump(d: FloatArray, sigma: float) -> FloatArray:
    wrapped = np.where(np.abs(d) > 0.5, 1 - np.abs(d), d)
    return np.asarray(np.exp(-wrapped * wrapped / (2 * sigma * sigma)), dtype=np.float64)
