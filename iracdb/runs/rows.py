"""From measurements to rows: response, average, flags counted, canonical values.

NaN is stored as NULL, with a flag that says why, and -0.0 as 0.0, so that both databases hold and
hash the same.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
import numpy.typing as npt

from iracdb import flags
from iracdb.catalogue.targets import motion_columns
from iracdb.irac.handbook import is_cryogenic
from iracdb.photometry.combine import Average, average, exact_mean, to_mjy
from iracdb.photometry.correction import factors, tables_of
from iracdb.photometry.measure import Measurement
from iracdb.photometry.noise import upper_limit
from iracdb.photometry.pairing import pairing_named
from iracdb.photometry.rejection import parse_rejection
from iracdb.photometry.response import Response
from iracdb.runs.factors import correction_of, pixel_size_of
from iracdb.runs.marks import marks_of
from iracdb.runs.parameters import Parameters
from iracdb.runs.planned import PlannedAverage

FloatArray = npt.NDArray[np.float64]

_SEEN = 3.0
"""So many standard errors make a star that is seen."""

_REASONS = {
    "coordinate_conversion": "without coordinates",
    "not_in_fov": "not in the field",
    "centroiding": "without a centre",
    "aperture_out_of_bounds": "with the annulus off the array",
    "bad_center_guess": "with the centre more than 2 pixels from the WCS position",
    "nan_in_aperture": "with a pixel without value in the aperture",
    "no_background": "without sky",
    "fatal_in_aperture": "with a fatal pixel in the aperture",
    "header_mark": "that their headers mark as bad",
}


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


def image_rows(
    planned: PlannedAverage,
    columns: dict[str, npt.NDArray[Any]],
    mean: Average,
    parameters: Parameters,
    first_row: int,
) -> list[dict[str, Any]]:
    """Make the rows of ``image_result`` of one average, but for the average's number.

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
    list of dict
        In the order of the files, and of the planes in each.
    """
    numbers = {file.file_id: number for number, file in enumerate(planned.files, start=1)}
    plain = {name: [stored(value) for value in values.tolist()] for name, values in columns.items()}
    rejected_by = [str(bound) or None for bound in mean.rejected_by]
    return [
        {
            "frame_id": file.frame_id,
            "plane": plane,
            "repeat": 0,
            "file_id": file.file_id,
            "row_number": first_row + index,
            "file_number": numbers[file.file_id],
            "mjd_obs": stored(file.mjd_obs),
            "kept": bool(mean.kept[index]),
            "rejected_by": rejected_by[index],
            "rejection_bound": stored(float(mean.bound[index])),
            **{name: values[index] for name, values in plain.items()},
        }
        for index, (file, plane) in enumerate(planned.images(parameters.planes))
    ]


def average_row(
    planned: PlannedAverage,
    columns: dict[str, npt.NDArray[Any]] | None,
    mean: Average | None,
    parameters: Parameters,
) -> dict[str, Any]:
    """Make the row of ``aor_result`` of one average, but for its place in the run.

    Parameters
    ----------
    planned : PlannedAverage
        What was to be averaged.
    columns : dict or None
        The images; None where there are none.
    mean : Average or None
        Their average.
    parameters : Parameters
        Channel, aperture correction and pixel size.

    Returns
    -------
    dict
        By the names of the columns.
    """
    counts = _counts(None if columns is None else columns["flags"])
    workable = 0 if mean is None else mean.n_workable
    total = len(planned.images(parameters.planes))
    return {
        "aorkey": planned.aorkey,
        "channel": parameters["channel"],
        "frame_group": planned.group,
        "repeat": 0,
        "listed": True,
        "state": "measured" if workable else "empty",
        "reason": None if workable else planned.problem or _reason(counts, total),
        "target_name": planned.target.name,
        "target_ra": stored(planned.target.ra),
        "target_dec": stored(planned.target.dec),
        "target_text": coordinates_text(planned.target.ra, planned.target.dec),
        **motion_columns(planned.target.motion),
        **{name: stored(value) for name, value in asdict(planned.facts).items()},
        "n_total": total,
        "n_workable": workable,
        "n_rejected": 0 if mean is None else mean.n_rejected,
        **{f"n_{name}": count for name, count in counts.items()},
        "aperture_correction": correction_of(planned, parameters),
        "pixel_size": pixel_size_of(planned, parameters),
        "colour_correction": parameters["colour_correction"],
        "flux": None if mean is None else stored(mean.flux),
        "error": None if mean is None else stored(mean.error),
        "standard_error": None if mean is None else stored(mean.standard_error),
        **kept_means(planned, columns, mean, parameters),
        "marks": marks_of(planned, parameters),
    }


def kept_means(
    planned: PlannedAverage,
    columns: dict[str, npt.NDArray[Any]] | None,
    mean: Average | None,
    parameters: Parameters,
) -> dict[str, float | None]:
    """Tell what an average says of its kept images beside their flux.

    Parameters
    ----------
    planned : PlannedAverage
        Whose.
    columns : dict or None
        The images; None where there are none.
    mean : Average or None
        Their average.
    parameters : Parameters
        As applied.

    Returns
    -------
    dict
        By the columns ``mjd_mid``, ``bjd_mid``, ``expected_noise`` and ``upper_limit``; None where
        a kept image does not tell.
    """
    names = ("mjd_mid", "bjd_mid", "expected_noise", "upper_limit")
    if columns is None or mean is None or not mean.kept.any():
        return dict.fromkeys(names)
    kept = mean.kept
    scale = in_mjy(np.ones(len(kept)), planned, parameters) * columns["calibration_factor"]
    factors = columns["array_location_factor"] * columns["pixel_phase_factor"]
    noise = columns["expected_noise"] * scale / factors
    return {
        "mjd_mid": stored(exact_mean(columns["mjd_mid"][kept])),
        "bjd_mid": stored(exact_mean(columns["bjd_mid"][kept])),
        "expected_noise": stored(math.sqrt(exact_mean(noise[kept] ** 2))),
        "upper_limit": _limit(mean),
    }


def _limit(mean: Average) -> float | None:
    """Give an upper limit where a flux is not above three of its standard errors."""
    if not mean.flux < _SEEN * mean.standard_error:
        return None
    return float(upper_limit(mean.flux, mean.standard_error, _SEEN))


def _counts(bits: npt.NDArray[Any] | None) -> dict[str, int]:
    """Count the images that each reason made unusable, each image once."""
    counts = dict.fromkeys(_REASONS, 0)
    for value in [] if bits is None else bits.tolist():
        names = flags.decode(value)
        # A target off the array takes the aperture with it: the first reason is the reason.
        decisive = next((name for name in _REASONS if name in names), None)
        if decisive is not None:
            counts[decisive] += 1
    return counts


def _reason(counts: dict[str, int], total: int) -> str:
    said = [f"{count} {_REASONS[name]}" for name, count in counts.items() if count]
    return (
        f"no usable image of {total}: {', '.join(said)}" if said else f"no flux in {total} images"
    )


def coordinates_text(ra: float | None, dec: float | None) -> str | None:
    """Write a position as the tables of 14 and 15 columns do.

    Parameters
    ----------
    ra, dec : float or None
        ICRS degrees.

    Returns
    -------
    str or None
        Each to eight decimals without trailing zeros, a blank where a minus could stand.
    """
    if ra is None or dec is None:
        return None
    first, second = (
        np.format_float_positional(value, precision=8, trim="-") for value in (ra, dec)
    )
    return f"{first}, {'' if second.startswith('-') else ' '}{second}"


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
