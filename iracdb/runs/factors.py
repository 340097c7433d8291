"""The factors between a corrected sum and a flux density, for the frames of one average."""

from __future__ import annotations

import math
from collections.abc import Sequence

from iracdb.catalogue.selection import ScienceFile
from iracdb.irac.handbook import PIXEL_SIZE
from iracdb.runs.parameters import Parameters, aperture_correction_of
from iracdb.runs.planned import PlannedAverage


def correction_of(planned: PlannedAverage, parameters: Parameters) -> float | None:
    """Tell the aperture correction of an average.

    Parameters
    ----------
    planned : PlannedAverage
        Whose frames tell the mission.
    parameters : Parameters
        As applied.

    Returns
    -------
    float or None
        None where the table has none for this mission, or no frame tells the mission.
    """
    typed, mission = parameters["aperture_correction"], planned.facts.mission
    if typed is not None or mission is None:
        return None if typed is None else float(typed)
    return aperture_correction_of(parameters, mission.lower())


def pixel_size_of(planned: PlannedAverage, parameters: Parameters) -> float:
    """Tell the pixel size of an average: its square is the solid angle.

    Parameters
    ----------
    planned : PlannedAverage
        Whose frames tell, where it goes by their headers.
    parameters : Parameters
        As applied.

    Returns
    -------
    float
        Arcsec. By headers it is the root of PXSCAL1 times PXSCAL2, of all frames alike; without
        frames the nominal one.
    """
    if parameters["pixel_size"] is not None:
        return float(parameters["pixel_size"])
    sizes = pixel_sizes(planned.files)
    return sizes[0] if sizes else PIXEL_SIZE[parameters["channel"]]


def pixel_sizes(files: Sequence[ScienceFile]) -> list[float]:
    """List the pixel sizes that headers tell.

    Parameters
    ----------
    files : sequence of ScienceFile
        Frames.

    Returns
    -------
    list of float
        Each once, arcsec, in rising order; of those that tell PXSCAL1 and PXSCAL2.
    """
    told = {
        math.sqrt(abs(file.pixel_scale_x * file.pixel_scale_y))
        for file in files
        if file.pixel_scale_x and file.pixel_scale_y
    }
    return sorted(told)
