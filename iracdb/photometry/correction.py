"""From net fluxes to corrected ones: pairing, then the response of each image's own mission.

One piece for runs over frames and for published rows that are replayed alike.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from iracdb.photometry.pairing import pairing_named
from iracdb.photometry.response import response_named

FloatArray = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Corrected:
    """Corrected fluxes and what they were divided by.

    Parameters
    ----------
    array_location, pixel_phase : ndarray, shape (n,)
        The factors of the response; NaN where there is no flux.
    flux : ndarray, shape (n,)
        Net flux over both factors, MJy/sr x pixel; NaN where there is none.
    """

    array_location: FloatArray
    pixel_phase: FloatArray
    flux: FloatArray


def correct(
    x: FloatArray,
    y: FloatArray,
    net: FloatArray,
    *,
    channel: int,
    cryogenic: BoolArray,
    subarray: BoolArray,
    pairing: str,
    response: str,
) -> Corrected:
    """Correct the net fluxes of the images of one average.

    Parameters
    ----------
    x, y : ndarray, shape (n,)
        Fitted centres, pixels, 0-based; NaN where there is none.
    net : ndarray, shape (n,)
        Net fluxes, MJy/sr x pixel; NaN where there is none.
    channel : int
        1 to 4.
    cryogenic, subarray : ndarray of bool, shape (n,)
        Of each image: which tables to take, and whether it shows the 32 x 32 subarray.
    pairing : str
        Which centre goes with which flux: a name of `iracdb.photometry.pairing.PAIRINGS`.
    response : str
        A name of `iracdb.photometry.response.RESPONSES`.

    Returns
    -------
    Corrected
        NaN where there is no flux.

    Raises
    ------
    UsageError
        Where a name is not known.
    """
    engine = response_named(response)
    x, y = pairing_named(pairing)(x, y, net)
    location, phase = np.full(net.shape, np.nan), np.full(net.shape, np.nan)
    for mission, of_mission in (("cryo", cryogenic), ("warm", ~cryogenic)):
        for is_sub in (False, True):
            mine = of_mission & (subarray == is_sub)
            if mine.any():
                location[mine], phase[mine] = engine.factors(
                    x[mine],
                    y[mine],
                    channel,
                    mission=mission,
                    subarray=is_sub,
                    pixel_phase=True,
                    array_location=True,
                )
    return Corrected(location, phase, net / (location * phase))
