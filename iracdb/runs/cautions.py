"""Where what is asked of a run was not made for the frames that it is over: said, or refused."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import numpy as np

from iracdb.catalogue.selection import ScienceFile
from iracdb.errors import RunRefused
from iracdb.irac.aperture_corrections import DOUBTFUL, RESPONSE_RADII
from iracdb.irac.handbook import is_cryogenic
from iracdb.irac.pipeline_versions import mission_of, span_of, tables_made_for, version_numbers
from iracdb.photometry.aperture import Aperture
from iracdb.photometry.correction import tables_of
from iracdb.photometry.response import Response
from iracdb.runs.marks import marks_of_files, tables_of_mission
from iracdb.runs.parameters import Parameters, shown_radii
from iracdb.runs.recipes import recipe_named

OLD_TABLES = ("hora", "reach")

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
        later = [file for file in files if tables_made_for(response, file.creator) is False]
        if later:
            said.append(
                f"The tables of {response} were made for pipeline version {span_of(response)}: "
                f"{_frames(later)} of {_versions(later)}"
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


def method_cautions(parameters: Parameters, files: Collection[ScienceFile]) -> list[str]:
    """Tell where the steps of a run were not made for one another, or for its frames.

    Parameters
    ----------
    parameters : Parameters
        As applied; a recipe that is not cautious leaves all but the transition to the marks.
    files : collection of ScienceFile
        That will be measured.

    Returns
    -------
    list of str
        A sentence each.
    """
    found = marks_of_files(tuple(files), parameters)
    said = []
    if found["transition"]:
        said.append(
            f"{_frames(found['transition'])} of 15 May to 18 September 2009, when temperatures and "
            "set points changed: neither mission's calibration holds for certain"
        )
    if not recipe_named(parameters["recipe"]).cautious:
        return said
    if found["off-centre"]:
        centre = "the WCS" if parameters["position"] == "forced" else parameters["centre"]
        said.append(
            f"The response was derived with first moments, and centres are by {centre}: up to "
            "0.1 pixels apart, which is up to 2 % of the pixel phase in channel 1"
        )
    if found["off-aperture"]:
        said.append(
            f"Correction off its aperture: the response was derived for radii "
            f"{shown_radii(Aperture(*RESPONSE_RADII))}, not {shown_radii(parameters.aperture)}"
        )
    others = found["other-version"]
    # Of older tables that were asked for it is told whatever the recipe.
    if others and parameters["response"] not in OLD_TABLES:
        tables = {tables_of_mission(parameters, mission_of(file.mjd_obs)) for file in others}
        made = "; ".join(f"{each}: {span_of(each)}" for each in sorted(tables))
        said.append(
            f"The response's tables were made for other pipeline versions ({made}) than "
            f"{_versions(others)} of {_frames(others)}"
        )
    said += _doubts(parameters, files)
    if parameters["source_spectrum"] == "flat":
        said.append(
            "A flat source spectrum: the place on the array is not corrected for, which leaves 4 "
            "to 14 % over the full array, by channel"
        )
    if parameters["colour_correction"] == 1:
        said.append(
            "Colour correction 1: flux densities are those of a spectrum with constant nu F_nu "
            "(--colour-correction K divides them by K)"
        )
    return said


def _doubts(parameters: Parameters, files: Collection[ScienceFile]) -> list[str]:
    if parameters["aperture_correction"] is not None:
        return []
    aperture = parameters.aperture
    return [
        f"The {mission} aperture correction of channel {channel} for {shown_radii(aperture)}, "
        f"{why} (see docs/science.md; --aperture-correction takes another)"
        for (mission, channel, of), why in DOUBTFUL.items()
        if (channel, of) == (parameters["channel"], aperture.radii)
        and any(mission_of(file.mjd_obs) == mission for file in files)
    ]


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


def _versions(files: Collection[ScienceFile]) -> str:
    return ", ".join(sorted({str(file.creator) for file in files}, key=version_numbers))


def _frames(files: Collection[Any]) -> str:
    return "1 frame" if len(files) == 1 else f"{len(files):,} frames"
