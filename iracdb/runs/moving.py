"""Targets that move: where the telescope saw them from, and where they were seen."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import numpy.typing as npt

from iracdb.catalogue.selection import ScienceFile
from iracdb.catalogue.targets import Position
from iracdb.irac.motion import PLACE_KEYWORDS, apparent


def without_place(measured: Iterable[tuple[Position, Sequence[ScienceFile]]]) -> list[str]:
    """Tell where the telescope's place is not known, of targets with a parallax.

    Parameters
    ----------
    measured : iterable of tuple
        Targets, each with the files that it is measured on.

    Returns
    -------
    list of str
        A sentence where files do not tell.
    """
    files = {
        file.file_id: file.place
        for target, mine in measured
        if target.motion is not None and target.motion.parallax
        for file in mine
    }
    lacking = sum(place is None for place in files.values())
    if not lacking:
        return []
    return [
        f"{lacking:,} of {len(files):,} files do not tell where the telescope was "
        f"({', '.join(PLACE_KEYWORDS)}): on them the target is moved without parallax"
    ]


def moved(target: Position, files: Sequence[ScienceFile]) -> npt.NDArray[np.float64] | None:
    """Tell where a target is seen at the start of each exposure.

    Parameters
    ----------
    target : Position
        With or without motion.
    files : sequence of ScienceFile
        The exposures (n,).

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
        places=[file.place for file in files],
    )
