"""Calls of the routine: the words of each, and what came back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]

PARAMETERS, CHANNELS = 14, 4
"""Shape of PARAMS as IDL names it; in NumPy a row is a channel."""

_MISSION_KEYWORD: Mapping[str, str] = MappingProxyType(
    {"warm": "/WARM", "cryo": "/CRYO", "hora": "/HORA", "reach": "/REACH"}
)
_ONLY_CRYOGENIC: Mapping[str, str] = MappingProxyType(
    {"cryo": "", "hora": "/HORA", "reach": "/REACH"}
)
ARRAY_LOCATION, PIXEL_PHASE = "/AL_ONLY", "/PP_ONLY"


@dataclass(frozen=True)
class Call:
    """One call for one of the two factors at all positions of a block.

    Parameters
    ----------
    channel : int
        1 to 4.
    mission : str
        Whose tables.
    only : str
        `ARRAY_LOCATION` or `PIXEL_PHASE`.
    subarray : bool
        Whether the positions are those of a subarray image.
    """

    channel: int
    mission: str
    only: str
    subarray: bool = False

    def keywords(self, *, knows_missions: bool) -> str:
        """Write the keywords as IDL takes them.

        Parameters
        ----------
        knows_missions : bool
            Whether the routine knows both missions; the older one takes neither /CRYO nor /WARM.

        Returns
        -------
        str
            Joined by commas.
        """
        of_mission = (_MISSION_KEYWORD if knows_missions else _ONLY_CRYOGENIC)[self.mission]
        words = (self.only, of_mission, "/SUBARRAY" if self.subarray else "")
        return ", ".join(filter(None, words))


@dataclass(frozen=True)
class Answer:
    """What one call gave.

    Parameters
    ----------
    corrected : numpy.ndarray
        The corrected flux of a star of flux 1 at each position: one over the response.
    coefficients : numpy.ndarray or None
        (4, 14), by channel, that the routine says it applied; None where it does not say.
    """

    corrected: FloatArray
    coefficients: FloatArray | None
