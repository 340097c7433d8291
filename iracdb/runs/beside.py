"""What is told of each image beside its sums: times, calibration, noise, and its header's marks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from iracdb import flags
from iracdb.catalogue.selection import ScienceFile
from iracdb.catalogue.targets import Position
from iracdb.irac import times
from iracdb.irac.handbook import SUBARRAY_PLANES
from iracdb.irac.header_marks import bits_named
from iracdb.photometry.noise import SATURATED, expected_noise, well_fraction
from iracdb.photometry.sky import LEVEL_NOISE
from iracdb.runs.parameters import Parameters
from iracdb.runs.planned import PlannedAverage

FloatArray = npt.NDArray[np.float64]

_SAME_START = 1e-6
"""How far MJD_OBS, printed to 1e-7 days, may be from UTCS_OBS."""

_OF_A_SUM = (
    "raw", "background", "sky", "sky_sigma", "sky_pixels", "net_error", "noise_pixels",
)  # fmt: skip


def tell_beside(
    planned: PlannedAverage, columns: dict[str, npt.NDArray[Any]], parameters: Parameters
) -> None:
    """Add to the columns of one average what its frames' headers tell of each image.

    Parameters
    ----------
    planned : PlannedAverage
        Whose frames they are.
    columns : dict
        From `iracdb.runs.rows.join`. They gain ``mjd_start``, ``mjd_mid``, ``bjd_mid``,
        ``calibration_factor``, ``expected_noise`` and ``well_fraction``. An image that its
        header marks as bad, where such are left out, gets its flag and loses its sums.
    parameters : Parameters
        As applied.
    """
    images = planned.images(parameters.planes)
    files = [file for file, _ in images]
    _leave_out_marked(files, columns, parameters)
    columns["mjd_start"], columns["mjd_mid"] = times_of(images, parameters)
    columns["bjd_mid"] = at_barycentre(columns["mjd_mid"], files, planned.target)
    columns["calibration_factor"] = calibration_factors(files, parameters)
    columns["expected_noise"] = _noise(images, columns, parameters)
    columns["well_fraction"] = well_fraction(
        columns["peak"],
        channel=parameters["channel"],
        dark_sky=_dark_sky(files),
        **_told_by(files, "gain", "frame_time", "fluxconv"),
    )
    columns["flags"][columns["well_fraction"] >= SATURATED] |= flags.SATURATED


def _leave_out_marked(
    files: Sequence[ScienceFile], columns: dict[str, npt.NDArray[Any]], parameters: Parameters
) -> None:
    unusable = bits_named((parameters["header_marks"] or "").split())
    marked = np.array([bool((file.header_marks or 0) & unusable) for file in files], dtype=bool)
    if marked.any():
        columns["flags"][marked] |= flags.HEADER_MARK
        for name in _OF_A_SUM:
            columns[name][marked] = np.nan


def times_of(
    images: Sequence[tuple[ScienceFile, int]], parameters: Parameters
) -> tuple[FloatArray, FloatArray]:
    """Tell the start and the middle of each image's exposure.

    Parameters
    ----------
    images : sequence of tuple
        File and plane, as `PlannedAverage.images` gives them.
    parameters : Parameters
        As applied: they tell which planes an image of a whole cube is made of.

    Returns
    -------
    start, middle : ndarray, shape (n,)
        MJD (UTC), by UTCS_OBS where it is told, else by MJD_OBS: of the plane, or the start of the
        cube and the mean middle of the planes used. A middle is NaN where FRAMTIME is not told.
    """
    files = [file for file, _ in images]
    cube = np.array([_start(file) for file in files], dtype=np.float64)
    frame_time = _array(files, "frame_time")
    plane = np.array([max(plane, 0) for _, plane in images], dtype=np.float64)
    middle = [float(np.mean(planes_in(file, k, parameters))) for file, k in images]
    start = np.where(plane > 0, cube + frame_time * plane / times.SECONDS, cube)
    return start, times.middle_of_each(cube, frame_time, np.array(middle, dtype=np.float64))


def planes_in(file: ScienceFile, plane: int, parameters: Parameters) -> tuple[int, ...]:
    """Tell which planes an image was made of.

    Parameters
    ----------
    file : ScienceFile
        The file measured.
    plane : int
        The plane that the image is; -1 for one made of a whole file.
    parameters : Parameters
        As applied.

    Returns
    -------
    tuple of int
        Their numbers, from 0; 0 alone for a full-array frame. A sub2d is the archive's own mean
        of all planes of its cube.
    """
    if plane >= 0:
        return (plane,)
    if file.planes is not None:
        return parameters.planes.kept
    return tuple(range(SUBARRAY_PLANES)) if parameters["kind"] == "sub2d" else (0,)


def _start(file: ScienceFile) -> float:
    if file.utcs_obs is None:
        return file.mjd_obs
    start = float(times.start_of(file.utcs_obs))
    # A header that contradicts itself is believed in its days.
    return start if abs(start - file.mjd_obs) < _SAME_START else file.mjd_obs


def at_barycentre(mjd: FloatArray, files: Sequence[ScienceFile], target: Position) -> FloatArray:
    """Turn times at the telescope into times at the barycentre of the solar system.

    Parameters
    ----------
    mjd : ndarray, shape (n,)
        MJD (UTC).
    files : sequence of ScienceFile
        The frames, which tell where the telescope was at their start, and how it moved. It goes
        30 km/s: light's way changes by 0.1 ms each second. One that does not tell stands still.
    target : Position
        From whose direction the light comes.

    Returns
    -------
    ndarray, shape (n,)
        BJD (TDB), days; NaN where time, place or direction is not known.
    """
    found = np.full(mjd.shape, np.nan)
    known = np.array([file.place is not None for file in files], dtype=bool) & np.isfinite(mjd)
    if target.ra is None or target.dec is None or not known.any():
        return found
    told = [file for file, here in zip(files, known, strict=True) if here]
    places = np.array([file.place for file in told])
    velocities = np.array([file.velocity or (0.0, 0.0, 0.0) for file in told])
    passed = (mjd[known] - np.array([_start(file) for file in told])) * times.SECONDS
    places = places + velocities * passed[:, np.newaxis]
    delay = times.light_time(places, target.ra, target.dec, mjd[known])
    found[known] = times.bjd_tdb(mjd[known], delay)
    return found


def calibration_factors(files: Sequence[ScienceFile], parameters: Parameters) -> FloatArray:
    """Tell by what the sums of each file are rescaled.

    Parameters
    ----------
    files : sequence of ScienceFile
        One an image (n,).
    parameters : Parameters
        With ``fluxconv``, or none.

    Returns
    -------
    ndarray, shape (n,)
        FLUXCONV asked for over the file's own; NaN where the file tells none, 1 where none is
        asked for.
    """
    wanted = parameters["fluxconv"]
    if wanted is None:
        return np.ones(len(files))
    return np.asarray(wanted / _array(files, "fluxconv"))


def _noise(
    images: Sequence[tuple[ScienceFile, int]],
    columns: dict[str, npt.NDArray[Any]],
    parameters: Parameters,
) -> FloatArray:
    files = [file for file, _ in images]
    aperture = parameters.aperture
    made_of = [len(planes_in(file, plane, parameters)) for file, plane in images]
    return expected_noise(
        columns["raw"] - columns["background"],
        columns["sky"],
        aperture.area,
        columns["sky_pixels"],
        **_told_by(files, "gain", "exposure_time", "fluxconv"),
        read_noise=_array(files, "ronoise"),
        images=np.array(made_of, dtype=np.float64),
        median=parameters.planes.how == "median" and parameters["kind"] != "sub2d",
        dark_sky=_dark_sky(files),
        level_noise=LEVEL_NOISE[parameters["sky"]],
        sky_sigma=columns["sky_sigma"],
    )


def _dark_sky(files: Sequence[ScienceFile]) -> FloatArray:
    """Give the sky that the dark took away; none where a header does not tell of it."""
    return np.nan_to_num(_array(files, "dark_sky"))


def _told_by(files: Sequence[ScienceFile], *names: str) -> dict[str, FloatArray]:
    return {name: _array(files, name) for name in names}


def _array(files: Sequence[ScienceFile], name: str) -> FloatArray:
    values = [getattr(file, name) for file in files]
    return np.array([np.nan if value is None else value for value in values], dtype=np.float64)
