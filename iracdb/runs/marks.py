"""Marks: what is to be known of an average, in words that SQL can ask for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from iracdb.catalogue.selection import ScienceFile
from iracdb.irac.aperture_corrections import RESPONSE_RADII
from iracdb.irac.pipeline_versions import in_transition, mission_of, tables_made_for
from iracdb.runs.likeness import calibrations_of
from iracdb.runs.parameters import Parameters
from iracdb.runs.planned import PlannedAverage

RESPONSE_CENTRE = "moment"
"""The centre for which the Science Center made its correction within the pixel."""


@dataclass(frozen=True)
class Mark:
    """One thing that an average may be marked by.

    Parameters
    ----------
    name : str
        As it stands in ``aor_result.marks``.
    sentence : str
        What it says of an average.
    """

    name: str
    sentence: str


MARKS: tuple[Mark, ...] = (
    Mark(
        "off-aperture",
        "The response correction is off its aperture: it was derived for radii 3 3 7.",
    ),
    Mark(
        "off-centre",
        "The response correction was derived for first-moment centres, and these are others.",
    ),
    Mark(
        "other-version",
        "The response's tables were made for other versions of the pipeline than that of a frame.",
    ),
    Mark("mixed-calibration", "Its frames have several CREATOR or FLUXCONV."),
    Mark(
        "transition",
        "A frame is of 15 May to 18 September 2009, when temperatures and set points changed.",
    ),
)
"""Every mark, in the order in which they are written."""


def marks_of(planned: PlannedAverage, parameters: Parameters) -> str | None:
    """Tell the marks of an average.

    Parameters
    ----------
    planned : PlannedAverage
        Whose frames they are.
    parameters : Parameters
        As applied.

    Returns
    -------
    str or None
        Names of `MARKS`, a blank between them; None for none.
    """
    found = marks_of_files(planned.files, parameters)
    return " ".join(mark.name for mark in MARKS if found.get(mark.name)) or None


def marks_of_files(
    files: Sequence[ScienceFile], parameters: Parameters
) -> dict[str, list[ScienceFile]]:
    """Tell which frames give cause for each mark.

    Parameters
    ----------
    files : sequence of ScienceFile
        Frames that are measured.
    parameters : Parameters
        As applied.

    Returns
    -------
    dict
        The frames, by the mark's name.
    """
    # By mission and pipeline: of these there are few, and may be a hundred thousand files.
    of_mission = {name: _is_corrected(parameters, name) for name in ("cryo", "warm")}
    missions = [mission_of(file.mjd_obs) for file in files]
    corrected = [file for file, name in zip(files, missions, strict=True) if of_mission[name]]
    off_aperture = parameters.aperture.radii != RESPONSE_RADII
    off_centre = parameters["pixel_phase"] and (
        parameters["centre"] != RESPONSE_CENTRE or parameters["position"] == "forced"
    )
    pipelines = {(name, file.creator) for name, file in zip(missions, files, strict=True)}
    unlike = {
        (name, creator)
        for name, creator in pipelines
        if of_mission[name]
        and tables_made_for(tables_of_mission(parameters, name), creator) is False
    }
    others = [
        file for file, name in zip(files, missions, strict=True) if (name, file.creator) in unlike
    ]
    mixed = any(len(each) > 1 for each in calibrations_of(files, parameters["fluxconv"]))
    return {
        "off-aperture": corrected if off_aperture else [],
        "off-centre": corrected if off_centre else [],
        "other-version": others,
        "mixed-calibration": list(files) if mixed else [],
        "transition": [file for file in files if in_transition(file.mjd_obs)],
    }


def _is_corrected(parameters: Parameters, mission: str) -> bool:
    parts = parameters["pixel_phase"] or parameters["array_location"]
    return bool(parts) and tables_of_mission(parameters, mission) != "none"


def tables_of_mission(parameters: Parameters, mission: str) -> str:
    """Tell whose tables correct frames of a mission.

    Parameters
    ----------
    parameters : Parameters
        As applied.
    mission : {'cryo', 'warm'}
        Of the frames.

    Returns
    -------
    str
        One of `iracdb.photometry.response.MISSIONS`, or ``none``.
    """
    response = str(parameters["response"])
    return mission if response == "auto" else response
