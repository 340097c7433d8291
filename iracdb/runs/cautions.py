"""Where what is asked of a run was not made for the frames that it is over: said, or refused."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import numpy as np

from iracdb.catalogue.ingest_store import version_numbers
from iracdb.catalogue.selection import ScienceFile
from iracdb.errors import RunRefused
from iracdb.irac.handbook import is_cryogenic
from iracdb.photometry.correction import tables_of
from iracdb.photometry.response import Response
from iracdb.runs.parameters import Parameters

OLD_TABLES = ("hora", "reach")
LAST_OF_OLD_TABLES = "S18.7"
"""The last pipeline version that these tables were made for, by the routine's own description."""

_CRYOGENIC_TABLES = ("cryo", *OLD_TABLES)


def response_cautions(parameters: Parameters, files: Collection[ScienceFile]) -> list[str]:
    """Tell where the response asked for was made for other frames.

    Parameters
    ----------
    parameters : Parameters
        As applied.
    files : collection of ScienceFile
        That will be measured.

    Returns
    -------
    list of str
        A sentence each; none for ``auto``, which takes each frame's own.
    """
    response = parameters["response"]
    said = []
    if response in OLD_TABLES:
        later = [file for file in files if _is_later(file)]
        if later:
            versions = sorted({str(file.creator) for file in later}, key=version_numbers)
            said.append(
                f"The tables of {response} were made for pipeline version {LAST_OF_OLD_TABLES} "
                f"and earlier: {_frames(later)} of {', '.join(versions)}"
            )
    cryogenic = [file for file in files if is_cryogenic(file.mjd_obs)]
    warm = [file for file in files if not is_cryogenic(file.mjd_obs)]
    if response in _CRYOGENIC_TABLES and warm:
        said.append(f"Tables of the cryogenic mission correct {_frames(warm)} of the warm mission")
    if response == "warm" and cryogenic:
        said.append(
            f"Tables of the warm mission correct {_frames(cryogenic)} of the cryogenic mission"
        )
    return said


def check_tables(engine: Response, parameters: Parameters, files: Collection[ScienceFile]) -> None:
    """Refuse an engine that lacks the tables which frames would be corrected by.

    Parameters
    ----------
    engine : Response
        That gives the response.
    parameters : Parameters
        As applied.
    files : collection of ScienceFile
        That will be measured.

    Raises
    ------
    RunRefused
        Before anything is measured.
    """
    cryogenic = np.array([is_cryogenic(file.mjd_obs) for file in files], dtype=bool)
    wanted = tables_of(parameters["response"], cryogenic).tolist()
    lacking = sorted(set(wanted) - {*engine.missions, "none"})
    if lacking:
        frames = _frames([name for name in wanted if name == lacking[0]])
        raise RunRefused(
            f"{engine.calibration.upper()} has no tables of {lacking[0]}, by which {frames} would "
            f"be corrected: give another source, or --response, of which it has "
            f"{', '.join(engine.missions)}"
        )


def _is_later(file: ScienceFile) -> bool:
    # S18.7.1 is a version of S18.7.
    last = version_numbers(LAST_OF_OLD_TABLES)
    return version_numbers(file.creator)[: len(last)] > last


def _frames(files: Collection[Any]) -> str:
    return "1 frame" if len(files) == 1 else f"{len(files):,} frames"
