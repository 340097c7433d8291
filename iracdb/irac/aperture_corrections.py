"""Tables of aperture corrections, by mission, channel and radii, each with its source.

An aperture correction is the factor from the flux inside an aperture, with the sky of its annulus
taken off, to the flux of the whole star. It holds for the sky that it was derived with, and for
radii in native pixels.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass

from iracdb.errors import UsageError
from iracdb.irac.handbook import APERTURE_CORRECTION, CHANNELS, Radii

MISSIONS = ("cryo", "warm")

RESPONSE_RADII: Radii = (3.0, 3.0, 7.0)
"""Source radius and annulus, in pixels, of the photometry that the response correction was derived
from: with other radii it is off its aperture."""

Factors = tuple[float | None, float | None, float | None, float | None]
"""Of channels 1 to 4; None where there is none."""


@dataclass(frozen=True)
class ApertureTable:
    """A table of aperture corrections.

    Parameters
    ----------
    name : str
        As it is asked for.
    version : int
        Grows whenever a number of the table changes.
    source : str
        Where the numbers are from.
    factors : mapping
        By mission, then by radii in pixels, the factors of channels 1 to 4, without unit; None
        where the source has none.
    """

    name: str
    version: int
    source: str
    factors: Mapping[str, Mapping[Radii, Factors]]

    def find(self, mission: str, channel: int, radii: Radii) -> float | None:
        """Look a factor up.

        Parameters
        ----------
        mission : {"cryo", "warm"}
            Of the frame.
        channel : int
            1 to 4.
        radii : tuple of float
            Source radius, inner and outer radius of the annulus, in pixels.

        Returns
        -------
        float or None
            By which a flux is multiplied; None where the table has none, never a guess between
            two radii.

        Raises
        ------
        UsageError
            Where there is no such mission or channel.
        """
        row = self._rows(mission, channel).get(radii)
        return None if row is None else row[channel - 1]

    def radii(self, mission: str, channel: int) -> list[Radii]:
        """List the radii that the table has a factor for.

        Parameters
        ----------
        mission : {"cryo", "warm"}
            Of the frame.
        channel : int
            1 to 4.

        Returns
        -------
        list of tuple
            In pixels, sorted.

        Raises
        ------
        UsageError
            Where there is no such mission or channel.
        """
        rows = self._rows(mission, channel)
        return sorted(radii for radii, row in rows.items() if row[channel - 1] is not None)

    @property
    def sha256(self) -> str:
        """Hash of the numbers, whatever their order and whatever the table is called."""
        numbers = {
            mission: {" ".join(repr(float(r)) for r in radii): row for radii, row in rows.items()}
            for mission, rows in self.factors.items()
        }
        text = json.dumps(numbers, sort_keys=True, separators=(",", ":"), allow_nan=False)
        return hashlib.sha256(text.encode("ascii")).hexdigest()

    def _rows(self, mission: str, channel: int) -> Mapping[Radii, Factors]:
        if mission not in self.factors:
            raise UsageError(
                f"There is no mission {mission!r} in the table of aperture corrections "
                f"{self.name}: give one of {', '.join(self.factors)}"
            )
        if channel not in CHANNELS:
            raise UsageError(f"There is no channel {channel}: give 1, 2, 3 or 4")
        return self.factors[mission]


_WARM: dict[Radii, Factors] = {
    (2.0, 2.0, 6.0): (1.2132, 1.2322, None, None),
    (2.0, 12.0, 20.0): (1.2026, 1.2228, None, None),
    (3.0, 3.0, 7.0): (1.1233, 1.1336, None, None),
    (3.0, 12.0, 20.0): (1.1132, 1.1126, None, None),
    (4.0, 12.0, 20.0): (1.0736, 1.0809, None, None),
    (5.0, 5.0, 10.0): (1.0588, 1.0625, None, None),
    (5.0, 12.0, 20.0): (1.0482, 1.0500, None, None),
    (6.0, 12.0, 20.0): (1.0315, 1.0349, None, None),
    (8.0, 12.0, 20.0): (1.0112, 1.0125, None, None),
    # By the definition of the calibration, in both missions; the warm table does not list it.
    (10.0, 12.0, 20.0): (1.0, 1.0, None, None),
}

_CRYOGENIC: dict[Radii, Factors] = dict(APERTURE_CORRECTION)

DOUBTFUL: dict[tuple[str, int, Radii], str] = {
    ("warm", 2, (3.0, 3.0, 7.0)): "1.1336, stands 1.2 % off the others of its table: two "
    "stars and the Science Center's own response functions contradict it",
}
"""Entries of the table `handbook` that its other entries contradict: see docs/science.md."""

TABLES: dict[str, ApertureTable] = {
    table.name: table
    for table in (
        ApertureTable(
            "manual",
            1,
            "The manual of the original pipeline: the cryogenic numbers of the IRAC Instrument "
            "Handbook (aperture corrections), for both missions alike",
            {"cryo": _CRYOGENIC, "warm": _CRYOGENIC},
        ),
        ApertureTable(
            "handbook",
            1,
            "Cryogenic: IRAC Instrument Handbook, aperture corrections. Warm: Spitzer Science "
            "Center, 'Warm IRAC only: aperture corrections'; 10, 12-20 is 1 by definition",
            {"cryo": _CRYOGENIC, "warm": _WARM},
        ),
    )
}
"""Every table, by name."""
