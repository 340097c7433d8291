"""From measurements to rows: response, average, flags counted, canonical values.

NaN is stored as NULL, with a flag that says why, and -0.0 as 0.0, so that both databases hold and
hash the same.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from iracdb.irac.handbook import is_cryogenic
from iracdb.photometry.combine import Average, average, to_mjy
from iracdb.photometry.correction import factors, tables_of
from iracdb.photometry.measure import Measurement
from iracdb.photometry.pairing import pairing_named
from iracdb.photometry.rejection import parse_rejection
from iracdb.photometry.response import Response
from iracdb.runs.factors import correction_of, pixel_size_of
from iracdb.runs.parameters import Parameters
from iracdb.runs.planned import PlannedAverage

FloatArray = npt.NDArray[np.float64]


def join(measurements: Sequence[Measurement]) -> dict[str, npt.NDArray[Any]]:
    """Put the blocks of one average together.

    Parameters
    ----------
    measurements : sequence of Measurement
        In the order of the frames.

    Returns
    -------
    dict
        Arrays by the names of the columns of ``image_result``.
    """

    def all_of(*path: str) -> npt.NDArray[Any]:
        parts: list[Any] = list(measurements)
        for name in path:
            parts = [getattr(part, name) for part in parts]
        return np.concatenate(parts)

    def motion(along: str) -> npt.NDArray[Any]:
        parts = [(getattr(part, along), len(part.flags)) for part in measurements]
        return np.concatenate([np.full(n, np.nan) if m is None else m for m, n in parts])

    return {
        "flags": all_of("flags"),
        "x_wcs": all_of("x_wcs"),
        "y_wcs": all_of("y_wcs"),
        "motion_x": motion("motion_x"),
        "motion_y": motion("motion_y"),
        "x": all_of("centres", "x"),
        "y": all_of("centres", "y"),
        "fwhm_x": all_of("centres", "fwhm_wide"),
        "fwhm_y": all_of("centres", "fwhm_narrow"),
        "amplitude": all_of("centres", "amplitude"),
        "angle": all_of("centres", "angle"),
        "residual_sum": all_of("centres", "residual_sum"),
        "sky": all_of("fluxes", "sky"),
        "sky_sigma": all_of("fluxes", "sky_sigma"),
        "sky_pixels": all_of("fluxes", "sky_pixels"),
        "nan_in_aperture": all_of("fluxes", "nan_in_aperture"),
        "nan_in_annulus": all_of("fluxes", "nan_in_annulus"),
        "raw": all_of("fluxes", "raw"),
        "background": all_of("fluxes", "background"),
        "masked_in_aperture": all_of("fluxes", "masked_in_aperture"),
        "masked_in_annulus": all_of("fluxes", "masked_in_annulus"),
        "net_error": all_of("fluxes", "net_error"),
        "peak": all_of("fluxes", "peak"),
        "noise_pixels": all_of("fluxes", "noise_pixels"),
    }


def correct(
    measured: Sequence[tuple[PlannedAverage, dict[str, npt.NDArray[Any]]]],
    parameters: Parameters,
    engine: Response,
) -> None:
    """Add the response's factors and the corrected flux to the columns of several averages.

    The engine is asked once for all of them, as it may be a program that takes a second to start.

    Parameters
    ----------
    measured : sequence of tuple
        Averages, whose frames tell mission and read mode, each with its columns from `join`, which
        gain ``array_location_factor``, ``pixel_phase_factor`` and ``corrected``.
    parameters : Parameters
        Channel, pairing, and which response is applied.
    engine : Response
        What gives it.
    """
    if not measured:
        return
    pairing = pairing_named(parameters["pairing"])
    nets = [columns["raw"] - columns["background"] for _, columns in measured]
    centres = [
        pairing(columns["x"], columns["y"], net)
        for (_, columns), net in zip(measured, nets, strict=True)
    ]
    planes = parameters.planes
    files = [file for planned, _ in measured for file, _ in planned.images(planes)]
    location, phase = factors(
        np.concatenate([x for x, _ in centres]),
        np.concatenate([y for _, y in centres]),
        channel=parameters["channel"],
        tables=tables_of(
            parameters["response"], np.array([is_cryogenic(file.mjd_obs) for file in files])
        ),
        subarray=np.array([file.subarray for file in files]),
        engine=engine,
        pixel_phase=parameters["pixel_phase"],
        array_location=parameters["array_location"],
    )
    ends = np.cumsum([len(net) for net in nets])[:-1]
    parts = zip(measured, nets, np.split(location, ends), np.split(phase, ends), strict=True)
    for (_, columns), net, r_al, r_pp in parts:
        columns["array_location_factor"] = r_al
        columns["pixel_phase_factor"] = r_pp
        columns["corrected"] = net * columns["calibration_factor"] / (r_al * r_pp)


def averaged(
    planned: PlannedAverage, columns: dict[str, npt.NDArray[Any]], parameters: Parameters
) -> Average:
    """Average the corrected fluxes of one group of like frames.

    Parameters
    ----------
    planned : PlannedAverage
        Whose frames tell what goes by the mission, or by their headers.
    columns : dict
        With ``corrected``.
    parameters : Parameters
        Aperture correction, pixel size, colour correction and rejection.

    Returns
    -------
    Average
        In mJy.
    """
    mjy = in_mjy(columns["corrected"], planned, parameters)
    return average(mjy, parse_rejection(parameters["rejection"]))


def in_mjy(
    corrected: FloatArray, planned: PlannedAverage, parameters: Parameters
) -> npt.NDArray[np.float64]:
    """Turn corrected sums of one average into flux densities.

    Parameters
    ----------
    corrected : ndarray
        MJy/sr x pixel.
    planned : PlannedAverage
        Whose.
    parameters : Parameters
        As applied.

    Returns
    -------
    ndarray
        mJy; NaN everywhere where no aperture correction is known.
    """
    correction = correction_of(planned, parameters)
    return to_mjy(
        corrected,
        np.nan if correction is None else correction,
        pixel_size_of(planned, parameters),
        parameters["colour_correction"],
    )


def image_columns(
    planned: PlannedAverage,
    columns: dict[str, npt.NDArray[Any]],
    mean: Average,
    parameters: Parameters,
    first_row: int,
) -> dict[str, list[Any]]:
    """Make the columns of ``image_result`` of one average, but for the average's number.

    Parameters
    ----------
    planned : PlannedAverage
        Whose files they are.
    columns : dict
        Complete.
    mean : Average
        Which images it kept.
    parameters : Parameters
        How cubes are reduced to images.
    first_row : int
        Row number of the first.

    Returns
    -------
    dict
        Values in the order of the files, and of the planes in each.
    """
    images = planned.images(parameters.planes)
    numbers = {file.file_id: number for number, file in enumerate(planned.files, start=1)}
    return {
        "frame_id": [file.frame_id for file, _ in images],
        "plane": [plane for _, plane in images],
        "repeat": [0] * len(images),
        "file_id": [file.file_id for file, _ in images],
        "row_number": list(range(first_row, first_row + len(images))),
        "file_number": [numbers[file.file_id] for file, _ in images],
        "mjd_obs": [stored(file.mjd_obs) for file, _ in images],
        "kept": mean.kept.tolist(),
        "rejected_by": [str(bound) or None for bound in mean.rejected_by],
        "rejection_bound": stored_column(mean.bound),
        **{name: stored_column(values) for name, values in columns.items()},
    }


def stored_column(values: npt.NDArray[Any]) -> list[Any]:
    """Make the values of a column canonical, as `stored` makes each.

    Parameters
    ----------
    values : ndarray, shape (n,)
        Of any type.

    Returns
    -------
    list
        Plain values.
    """
    if values.dtype.kind != "f":
        return list(values.tolist())
    plain: list[Any] = (values + 0.0).tolist()
    finite = np.isfinite(values)
    if not finite.all():
        for index in np.flatnonzero(~finite).tolist():
            plain[index] = None
    return plain


def stored(value: Any) -> Any:
    """Make a value canonical: NaN and infinities to None, -0.0 to 0.0.

    Parameters
    ----------
    value : object
        A plain value.

    Returns
    -------
    object
        As both databases keep it.
    """
    if isinstance(value, float):
        return value + 0.0 if math.isfinite(value) else None
    return value
