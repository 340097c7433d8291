"""What is told of each image beside its sums: times, calibration, noise, and its header's marks."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property
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

Image = tuple[ScienceFile, int]
"""File and plane, as `PlannedAverage.images` gives them."""


class Told:
    """What the headers of an average's frames tell of its images, read once for all apertures.

    Parameters
    ----------
    planned : PlannedAverage
        Whose frames they are.
    parameters : Parameters
        As applied; of several that differ in the aperture alone, any.
    """

    def __init__(self, planned: PlannedAverage, parameters: Parameters) -> None:
        self._target = planned.target
        self._parameters = parameters
        self._images = planned.images(parameters.planes)
        self._files = [file for file, _ in self._images]

    def tell(self, columns: dict[str, npt.NDArray[Any]], parameters: Parameters) -> None:
        """Add to the columns of the average what its frames' headers tell of each image.

        Parameters
        ----------
        columns : dict
            From `iracdb.runs.rows.join`. They gain ``mjd_start``, ``mjd_mid``, ``bjd_mid``,
            ``calibration_factor``, ``expected_noise`` and ``well_fraction``. An image that its
            header marks as bad, where such are left out, gets its flag and loses its sums.
        parameters : Parameters
            As applied, with the aperture.
        """
        if self._marked.any():
            columns["flags"][self._marked] |= flags.HEADER_MARK
            for name in _OF_A_SUM:
                columns[name][self._marked] = np.nan
        columns["mjd_start"], columns["mjd_mid"] = self._times
        columns["bjd_mid"] = self._at_barycentre
        columns["calibration_factor"] = self._calibration_factors
        columns["expected_noise"] = self._noise(columns, parameters)
        columns["well_fraction"] = well_fraction(
            columns["peak"],
            channel=parameters["channel"],
            dark_sky=self._dark_sky,
            **self._by("gain", "frame_time", "fluxconv"),
        )
        columns["flags"][columns["well_fraction"] >= SATURATED] |= flags.SATURATED

    @cached_property
    def _marked(self) -> npt.NDArray[np.bool_]:
        """Which images their headers mark as bad, where such are left out."""
        unusable = bits_named((self._parameters["header_marks"] or "").split())
        return np.array([bool((f.header_marks or 0) & unusable) for f in self._files], dtype=bool)

    @cached_property
    def _times(self) -> tuple[FloatArray, FloatArray]:
        return times_of(self._images, self._parameters)

    @cached_property
    def _at_barycentre(self) -> FloatArray:
        return at_barycentre(self._times[1], self._files, self._target)

    @cached_property
    def _calibration_factors(self) -> FloatArray:
        return calibration_factors(self._files, self._parameters)

    @cached_property
    def _dark_sky(self) -> FloatArray:
        """The sky that the dark took away; none where a header does not tell of it."""
        return np.nan_to_num(_array(self._files, "dark_sky"))

    @cached_property
    def _numbers(self) -> dict[str, FloatArray]:
        names = ("gain", "frame_time", "exposure_time", "fluxconv", "ronoise")
        return {name: _array(self._files, name) for name in names}

    @cached_property
    def _made_of(self) -> FloatArray:
        """How many planes each image is made of."""
        return _of_each(self._images, self._parameters, len)

    def _by(self, *names: str) -> dict[str, FloatArray]:
        return {name: self._numbers[name] for name in names}

    def _noise(self, columns: dict[str, npt.NDArray[Any]], parameters: Parameters) -> FloatArray:
        return expected_noise(
            columns["raw"] - columns["background"],
            columns["sky"],
            parameters.aperture.area,
            columns["sky_pixels"],
            **self._by("gain", "exposure_time", "fluxconv"),
            read_noise=self._numbers["ronoise"],
            images=self._made_of,
            median=parameters.planes.how == "median" and parameters["kind"] != "sub2d",
            dark_sky=self._dark_sky,
            level_noise=LEVEL_NOISE[parameters["sky"]],
            sky_sigma=columns["sky_sigma"],
        )


def times_of(images: Sequence[Image], parameters: Parameters) -> tuple[FloatArray, FloatArray]:
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
    cube = starts_of(files)
    frame_time = _array(files, "frame_time")
    plane = np.array([max(plane, 0) for _, plane in images], dtype=np.float64)
    middle = _of_each(images, parameters, np.mean)
    start = np.where(plane > 0, cube + frame_time * plane / times.SECONDS, cube)
    return start, times.middle_of_each(cube, frame_time, middle)


def _of_each(
    images: Sequence[Image], parameters: Parameters, count: Callable[[tuple[int, ...]], Any]
) -> FloatArray:
    """Give a number of the planes that each image is made of; there are few such sets."""
    known: dict[tuple[bool, int], float] = {}
    found = []
    for file, plane in images:
        key = file.planes is not None, plane
        if key not in known:
            known[key] = float(count(planes_in(file, plane, parameters)))
        found.append(known[key])
    return np.array(found, dtype=np.float64)


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


def starts_of(files: Sequence[ScienceFile]) -> FloatArray:
    """Tell when the exposures of files began.

    Parameters
    ----------
    files : sequence of ScienceFile
        Of any frames (n,).

    Returns
    -------
    ndarray, shape (n,)
        MJD (UTC), by UTCS_OBS where it is told, else by MJD_OBS.
    """
    days = np.array([file.mjd_obs for file in files], dtype=np.float64)
    start = times.start_of(_array(files, "utcs_obs"))
    # A header that contradicts itself is believed in its days.
    return np.where(np.abs(start - days) < _SAME_START, start, days)


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
    place = _vectors(files, "spacecraft_{}")
    known = np.isfinite(place).all(axis=1) & np.isfinite(mjd)
    if target.ra is None or target.dec is None or not known.any():
        return found
    velocity = _vectors(files, "spacecraft_v{}")
    velocity[~np.isfinite(velocity).all(axis=1)] = 0.0
    passed = (mjd - starts_of(files)) * times.SECONDS
    place = (place + velocity * passed[:, np.newaxis])[known]
    delay = times.light_time(place, target.ra, target.dec, mjd[known])
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


def _vectors(files: Sequence[ScienceFile], name: str) -> FloatArray:
    return np.stack([_array(files, name.format(axis)) for axis in "xyz"], axis=1)


def _array(files: Sequence[ScienceFile], name: str) -> FloatArray:
    # None becomes NaN.
    return np.array([getattr(file, name) for file in files], dtype=np.float64)
