"""From net fluxes to corrected ones: pairing, then the response at the centre that goes with each.

One piece for runs over frames and for published rows that are replayed alike.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from iracdb.errors import UsageError
from iracdb.photometry.pairing import pairing_named
from iracdb.photometry.response import MISSIONS, NATIVE, Response

FloatArray = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]
StrArray = npt.NDArray[np.str_]

TABLES = ("auto", "cryo", "warm", "hora", "reach", "none")
"""Whose tables a run may ask for: by each image's own mission, one of them for all, or none."""


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


def tables_of(response: str, cryogenic: BoolArray) -> StrArray:
    """Tell whose tables each image is corrected by.

    Parameters
    ----------
    response : str
        One of `TABLES`.
    cryogenic : ndarray of bool, shape (n,)
        Which images are of the cryogenic mission.

    Returns
    -------
    ndarray of str, shape (n,)
        One of `iracdb.photometry.response.MISSIONS`, or ``none``.

    Raises
    ------
    UsageError
        Where there are no such tables.
    """
    if response not in TABLES:
        raise UsageError(f"No response is called {response!r}; there are: {', '.join(TABLES)}")
    if response == "auto":
        return np.where(cryogenic, "cryo", "warm")
    return np.full(np.shape(cryogenic), response)


def factors(
    x: FloatArray,
    y: FloatArray,
    *,
    channel: int,
    tables: StrArray,
    subarray: BoolArray,
    engine: Response = NATIVE,
    pixel_phase: bool = True,
    array_location: bool = True,
) -> tuple[FloatArray, FloatArray]:
    """Give the response at centres, image by image after its own tables.

    The engine is asked once for all images of one set of tables and one read mode.

    Parameters
    ----------
    x, y : ndarray, shape (n,)
        Centres, pixels, 0-based; NaN where there is no flux.
    channel : int
        1 to 4.
    tables : ndarray of str, shape (n,)
        From `tables_of`.
    subarray : ndarray of bool, shape (n,)
        Which images show the 32 x 32 subarray.
    engine : Response, optional
        What knows the response.
    pixel_phase, array_location : bool, optional
        Whether to give that factor; else it is 1.

    Returns
    -------
    array_location, pixel_phase : ndarray, shape (n,)
        Dimensionless; NaN where there is no centre.
    """
    location = np.where(np.isfinite(x) & np.isfinite(y), 1.0, np.nan)
    phase = location.copy()
    if not (pixel_phase or array_location):
        return location, phase
    for mission in MISSIONS:
        for is_sub in (False, True):
            mine = (tables == mission) & (subarray == is_sub)
            if mine.any():
                location[mine], phase[mine] = engine.factors(
                    x[mine],
                    y[mine],
                    channel,
                    mission=mission,
                    subarray=is_sub,
                    pixel_phase=pixel_phase,
                    array_location=array_location,
                )
    return location, phase


def correct(
    x: FloatArray,
    y: FloatArray,
    net: FloatArray,
    *,
    channel: int,
    tables: StrArray,
    subarray: BoolArray,
    pairing: str,
    engine: Response = NATIVE,
    pixel_phase: bool = True,
    array_location: bool = True,
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
    tables : ndarray of str, shape (n,)
        From `tables_of`.
    subarray : ndarray of bool, shape (n,)
        Which images show the 32 x 32 subarray.
    pairing : str
        Which centre goes with which flux: a name of `iracdb.photometry.pairing.PAIRINGS`.
    engine : Response, optional
        What knows the response.
    pixel_phase, array_location : bool, optional
        Whether to apply that part.

    Returns
    -------
    Corrected
        NaN where there is no flux.

    Raises
    ------
    UsageError
        Where a name is not known.
    """
    x, y = pairing_named(pairing)(x, y, net)
    location, phase = factors(
        x,
        y,
        channel=channel,
        tables=tables,
        subarray=subarray,
        engine=engine,
        pixel_phase=pixel_phase,
        array_location=array_location,
    )
    return Corrected(location, phase, net / (location * phase))
