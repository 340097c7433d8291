"""When light came: the middle of an exposure in MJD (UTC), and at the barycentre in BJD (TDB).

**What the headers tell.** UTCS_OBS counts seconds from noon of 1 January 2000 without leap
seconds, to 1 ms; MJD_OBS is the same in days, printed to 7 decimals, 8.6 ms. HMJD_OBS and BMJD_OBS
are MJD_OBS plus the light time to the Sun and to the barycentre: still UTC, and for the direction
in which the array was to point (RA_RQST, DEC_RQST), not for the star: off by up to 0.15 s an arc
minute. ET_OBS is TDB, with its yearly wave of 1.7 ms, not only with the leap seconds. SPTZR_X, Y
and Z are from the Sun's centre, J2000 axes, km.

**What is used.** ERFA itself, which astropy stands on: its table of leap seconds is compiled in,
whereas `astropy.time` may look for a newer one on the network. TDB is for the Earth's centre, as
UTC was made from ET_OBS for the headers; the Sun's place from the barycentre is by ``epv00``.
A star is taken to be infinitely far: at 10 pc that is wrong by 0.1 ms.

**How sure a plane's middle is.** FRAMTIME is a whole number of the readout's ticks, and Fowler
sampling is the same forth and back: a plane's effective middle is the middle of its FRAMTIME. But
where the first plane begins is not told to better than this:

- MJD_OBS is the start of data taking with a reset. AINTBEG and ATIMEEND, on a clock of IRAC's own
  that is slow by 3e-4, are 63 frame times apart in a cube of 64 planes (25.19, 125.96 and 6.30 s
  for 0.4, 2 and 0.1 s), but 1 frame time, less 0.02 to 0.04 s, in a full-array frame (99.94 s for
  100 s). So one of 64 planes lies outside of the two stamps, and they do not tell which.
- Cubes in a row start 1.2 to 1.4 s (planes of 2 s) or 1.6 to 1.9 s (0.4 s) later than 64 frame
  times after one another (FRAMEDLY). The planes cannot begin later than that after MJD_OBS.

So a plane of a cube has its middle at what `middle` says or up to that much later, the same in all
cubes of one frame time: what is timed within a series is not touched. The start of the first cube
of an AOR may be off by itself: by 0.8 s against IRAC's clock in AOR 38703360.
"""

from __future__ import annotations

from collections.abc import Callable

import erfa  # type: ignore[import-untyped]
import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]

SECONDS = 86_400.0
"""Of a day: UTC days are counted so in headers, those with a leap second too."""

LIGHT = 299_792.458
"""Speed of light, km/s."""

KNOWN = (41317.0, 60000.0)
"""MJD, UTC, from 1972 to 2023, for which leap seconds are known for certain."""

_AU = 149_597_870.7  # km
_MJD_ZERO = 2_400_000.5
_J2000 = 51_544.5  # MJD
_STEP = 0.0625  # days; a power of two, so that to divide by it is exact


def start_of(utcs_obs: npt.ArrayLike) -> FloatArray:
    """Tell the start of an exposure from UTCS_OBS, which is printed finer than MJD_OBS.

    Parameters
    ----------
    utcs_obs : array-like
        UTCS_OBS, s.

    Returns
    -------
    ndarray, of the same shape
        MJD, UTC, as good as the card: 1 ms. NaN where it is NaN.
    """
    return np.asarray(_J2000 + np.asarray(utcs_obs, dtype=np.float64) / SECONDS)


def middle(
    mjd_start: npt.ArrayLike, frame_time: npt.ArrayLike, planes: npt.ArrayLike | None = None
) -> FloatArray:
    """Tell the middle of an exposure, or of what is used of a cube.

    Parameters
    ----------
    mjd_start : array-like
        Starts, MJD, UTC.
    frame_time : array-like, broadcast with `mjd_start`
        FRAMTIME, s, of a frame or of one plane of a cube.
    planes : array-like of int, optional
        Numbers of the planes used of each cube, from 0: their mean time is told; of a single
        number, that plane's. None for a frame of one plane.

    Returns
    -------
    ndarray
        MJD, UTC; NaN where something is NaN, or where no plane is used.
    """
    if planes is None:
        return middle_of_each(mjd_start, frame_time, 0)
    numbers = np.asarray(planes, dtype=np.float64)
    mean = numbers.mean() if numbers.size else np.nan
    return middle_of_each(mjd_start, frame_time, mean)


def middle_of_each(
    mjd_start: npt.ArrayLike, frame_time: npt.ArrayLike, plane: npt.ArrayLike
) -> FloatArray:
    """Tell the middle of single planes, element by element.

    Parameters
    ----------
    mjd_start : array-like
        Starts of the cubes, MJD, UTC.
    frame_time : array-like
        FRAMTIME, s.
    plane : array-like
        Number of the plane, from 0. All three are broadcast.

    Returns
    -------
    ndarray
        MJD, UTC: the start plus FRAMTIME x (plane + 0.5); NaN where something is NaN.
    """
    start, seconds, number = (
        np.asarray(values, dtype=np.float64) for values in (mjd_start, frame_time, plane)
    )
    return np.asarray(start + seconds * (number + 0.5) / SECONDS)


def tdb_minus_utc(mjd_utc: npt.ArrayLike) -> FloatArray:
    """Tell how far TDB is ahead of UTC.

    Parameters
    ----------
    mjd_utc : array-like
        MJD, UTC.

    Returns
    -------
    ndarray, of the same shape
        Seconds: 32.184 and the leap seconds, and the wave of up to 1.7 ms between TDB and TT. NaN
        where the time is NaN or out of `KNOWN`.
    """
    mjd, known = _known(mjd_utc)
    year, month, day, part = erfa.jd2cal(_MJD_ZERO, mjd)
    tt_minus_utc = 32.184 + erfa.dat(year, month, day, part)
    # At the Earth's centre, where the time of day does not matter.
    wave = _slowly(
        mjd + tt_minus_utc / SECONDS, lambda tt: erfa.dtdb(_MJD_ZERO, tt, 0.0, 0.0, 0.0, 0.0)
    )
    return np.where(known, tt_minus_utc + wave, np.nan)


def bjd_tdb(mjd_mid_utc: npt.ArrayLike, light_time_days: npt.ArrayLike) -> FloatArray:
    """Tell when light came to the barycentre.

    Parameters
    ----------
    mjd_mid_utc : array-like
        Middles of exposures at the spacecraft, MJD, UTC.
    light_time_days : array-like, broadcast with `mjd_mid_utc`
        As `light_time` gives it for the star.

    Returns
    -------
    ndarray
        BJD, TDB, days, of which a float holds 0.04 ms; NaN where something is NaN, or the time is
        out of `KNOWN`.
    """
    mjd = np.asarray(mjd_mid_utc, dtype=np.float64)
    delay = np.asarray(light_time_days, dtype=np.float64)
    # The small ones first: a Julian date swallows what is below 0.04 ms of each.
    return np.asarray(_MJD_ZERO + (mjd + (tdb_minus_utc(mjd) / SECONDS + delay)))


def light_time(
    place_km: npt.ArrayLike, ra: npt.ArrayLike, dec: npt.ArrayLike, mjd_utc: npt.ArrayLike
) -> FloatArray:
    """Tell by how much a star's light is later at the barycentre than at the spacecraft.

    Parameters
    ----------
    place_km : array-like, shape (3,) or (n, 3)
        SPTZR_X, SPTZR_Y, SPTZR_Z: from the Sun's centre, ICRS axes, km.
    ra, dec : array-like, shape () or (n,)
        The star, ICRS, degrees.
    mjd_utc : array-like, shape () or (n,)
        When, MJD, UTC: for the Sun's place from the barycentre.

    Returns
    -------
    ndarray, shape () or (n,)
        Days, at most 0.006; negative where the barycentre is passed first. NaN where something is
        NaN, or the time is out of `KNOWN`.
    """
    mjd, known = _known(mjd_utc)
    sun = np.where(
        known[..., np.newaxis], _slowly(mjd + tdb_minus_utc(mjd) / SECONDS, _sun), np.nan
    )
    return heliocentric_light_time(np.asarray(place_km, dtype=np.float64) + sun, ra, dec)


def heliocentric_light_time(
    place_km: npt.ArrayLike, ra: npt.ArrayLike, dec: npt.ArrayLike
) -> FloatArray:
    """Tell by how much a star's light is later at the Sun than at the spacecraft.

    Parameters
    ----------
    place_km : array-like, shape (3,) or (n, 3)
        From the Sun's centre, ICRS axes, km.
    ra, dec : array-like, shape () or (n,)
        The star, ICRS, degrees.

    Returns
    -------
    ndarray, shape () or (n,)
        Days; negative where the Sun is passed first. NaN where something is NaN.
    """
    a, d = (np.radians(np.asarray(angle, dtype=np.float64)) for angle in (ra, dec))
    towards = np.stack(
        np.broadcast_arrays(np.cos(d) * np.cos(a), np.cos(d) * np.sin(a), np.sin(d)), axis=-1
    )
    along = (np.asarray(place_km, dtype=np.float64) * towards).sum(axis=-1)
    return np.asarray(along / LIGHT / SECONDS, dtype=np.float64)


def _sun(tdb: FloatArray) -> FloatArray:
    """Give the Sun's centre from the barycentre, km, (n, 3)."""
    of_earth, from_barycentre = erfa.epv00(_MJD_ZERO, tdb)
    return np.asarray((from_barycentre["p"] - of_earth["p"]) * _AU)


def _slowly(mjd: FloatArray, at: Callable[[FloatArray], FloatArray]) -> FloatArray:
    """Give what changes evenly over 90 minutes, by a line between its values at such moments.

    ERFA takes 75 us a time. The Sun strays by 1 m from the line, and TDB by less than 1 ns; which
    moments a time lies between depends on nothing else.
    """
    steps = np.ravel(mjd) / _STEP
    before = np.floor(steps)
    moments, places = np.unique(np.concatenate([before, before + 1]), return_inverse=True)
    values = at(moments * _STEP)
    first, second = values[places[: len(before)]], values[places[len(before) :]]
    part = (steps - before).reshape(-1, *(1,) * (values.ndim - 1))
    return np.reshape(first + (second - first) * part, (*np.shape(mjd), *values.shape[1:]))


def _known(mjd_utc: npt.ArrayLike) -> tuple[FloatArray, npt.NDArray[np.bool_]]:
    """Replace times that ERFA would refuse, and tell which are good."""
    mjd = np.asarray(mjd_utc, dtype=np.float64)
    good = np.asarray((mjd >= KNOWN[0]) & (mjd < KNOWN[1]))
    return np.where(good, mjd, _J2000), good
