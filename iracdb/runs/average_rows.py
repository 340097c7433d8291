"""The row of an average: what its images come to, flags counted, and what is to be known of it."""

from __future__ import annotations

import math
from dataclasses import asdict
from typing import Any

import numpy as np
import numpy.typing as npt

from iracdb import flags
from iracdb.catalogue.targets import motion_columns
from iracdb.photometry.combine import Average, exact_mean
from iracdb.photometry.noise import upper_limit
from iracdb.runs.factors import correction_of, pixel_size_of
from iracdb.runs.marks import marks_of
from iracdb.runs.parameters import Parameters
from iracdb.runs.planned import PlannedAverage
from iracdb.runs.rows import in_mjy, stored

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
        "upper_limit": _limit(mean, math.sqrt(exact_mean(noise[kept] ** 2))),
    }


def _limit(mean: Average, expected: float) -> float | None:
    """Give an upper limit where a flux is not above three of its standard errors.

    One image has no scatter: its expected noise stands for it.
    """
    error = expected if math.isnan(mean.standard_error) else mean.standard_error
    if not mean.flux < _SEEN * error:
        return None
    return float(upper_limit(mean.flux, error, _SEEN))


def _counts(bits: npt.NDArray[Any] | None) -> dict[str, int]:
    """Count the images that each reason made unusable, each image once."""
    counts = dict.fromkeys(_REASONS, 0)
    if bits is None:
        return counts
    for value, images in zip(*map(np.ndarray.tolist, np.unique_counts(bits)), strict=True):
        names = flags.decode(value)
        # A target off the array takes the aperture with it: the first reason is the reason.
        decisive = next((name for name in _REASONS if name in names), None)
        if decisive is not None:
            counts[decisive] += images
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
