"""Targets that move: where the telescope saw them from, and where they were seen."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import numpy.typing as npt
from sqlalchemy import Connection

from iracdb.catalogue.selection import ScienceFile
from iracdb.catalogue.spacecraft import spacecraft_places
from iracdb.catalogue.targets import Position
from iracdb.irac.motion import PLACE_KEYWORDS, Place, apparent


def observers_of(
    connection: Connection, measured: Iterable[tuple[Position, Sequence[ScienceFile]]]
) -> tuple[dict[int, Place], list[str]]:
    """Find where the telescope was, for targets with a parallax.

    Parameters
    ----------
    connection : sqlalchemy.Connection
        To a catalogue.
    measured : iterable of tuple
        Targets, each with the files that it is measured on.

    Returns
    -------
    places : dict
        x, y and z from the Sun's centre in km, by file.
    warnings : list of str
        A sentence where files do not tell.
    """
    files = {
        file.file_id: None
        for target, mine in measured
        if target.motion is not None and target.motion.parallax
        for file in mine
    }
    places = spacecraft_places(connection, list(files))
    lacking = len(files) - len(places)
    if not lacking:
        return places, []
    return places, [
        f"{lacking:,} of {len(files):,} files do not tell where the telescope was "
        f"({', '.join(PLACE_KEYWORDS)}): on them the target is moved without parallax"
    ]


def moved(
    target: Position, files: Sequence[ScienceFile], observers: Mapping[int, Place]
) -> npt.NDArray[np.float64] | None:
    """Tell where a target is seen at the start of each exposure.

    Parameters
    ----------
    target : Position
        With or without motion.
    files : sequence of ScienceFile
        The exposures (n,).
    observers : mapping
        Where the telescope was, by file.

    Returns
    -------
    ndarray or None
        ICRS right ascension and declination (n, 2), degrees; None for a target that does not move.
    """
    if target.motion is None or target.ra is None or target.dec is None:
        return None
    return apparent(
        target.ra,
        target.dec,
        **vars(target.motion),
        mjd=[file.mjd_obs for file in files],
        places=[observers.get(file.file_id) for file in files],
    )
