"""Cards of time and of where the telescope was.

The orbit is a circle of one astronomical unit in the ecliptic on which the telescope falls behind
the Earth. That is wrong by up to a few hundredths of the light time, but right with itself:
HMJD_OBS is MJD_OBS plus the light time that SPTZR_X, SPTZR_Y and SPTZR_Z give.
"""

from __future__ import annotations

import math
from datetime import datetime, timedelta

from iracdb.irac.simulate.cards import Card

LIGHT = 299_792.458
"""Speed of light, km/s."""

_AU = 149_597_870.7  # km
_YEAR = 372.6  # days: one revolution of the telescope around the Sun
_START = 52_876.0  # MJD: launch, 25 August 2003
_START_LONGITUDE = 332.0  # degrees: the Earth's heliocentric longitude then
_OBLIQUITY = math.radians(23.4393)
_J2000 = 51_544.5  # MJD
_SUN_FROM_BARYCENTRE = (-2.4e5, 6.1e5, 2.5e5)  # km; the size is right, the direction is not
_TURN_ON = _START + 30.0  # MJD: IRAC's own clock starts; a month after launch
_CLOCK = 631_195_400.0  # seconds from the spacecraft clock's start to J2000
# UTC to dynamical time; the first MJD of each value since launch.
_LEAP_SECONDS = ((52_876, 64.184), (53_736, 65.184), (54_832, 66.184), (56_109, 67.184))
_LATER_LEAP_SECONDS = ((57_204, 68.184), (57_754, 69.184))
PROCESSING_DAYS = 20
"""Days after the exposure that DATE tells as the day of processing."""


def date_text(mjd: float, *, decimals: int = 3) -> str:
    """Write a time as the archive does.

    Parameters
    ----------
    mjd : float
        MJD, UTC days.
    decimals : int, optional
        Decimals of the second, 0 or 3.

    Returns
    -------
    str
        Such as ``'2012-12-09T11:21:18.813'``.
    """
    moment = datetime(2000, 1, 1, 12) + timedelta(milliseconds=round(_seconds(mjd) * 1000.0))
    return moment.isoformat(timespec="milliseconds" if decimals else "seconds")


def time_cards(mjd: float, ra: float, dec: float) -> list[Card]:
    """Make the cards from DATE_OBS to SPTZR_LT.

    Parameters
    ----------
    mjd : float
        MJD_OBS, UTC days at the start of the exposure.
    ra, dec : float
        Where the light comes from, ICRS, degrees.

    Returns
    -------
    list of Card
        In the order of the archive.
    """
    seconds = _seconds(mjd)
    place, speed = _orbit(mjd)
    heliocentric = mjd + _delay(place, ra, dec)
    barycentric = heliocentric + _delay(_SUN_FROM_BARYCENTRE, ra, dec)
    return [
        Card("DATE_OBS", date_text(mjd), "UTC at the start of the exposure"),
        Card("UTCS_OBS", seconds, "[s] UTC since noon of 1 January 2000"),
        Card("MJD_OBS", round(mjd, 7), "[d] MJD, UTC, at the start"),
        Card("HMJD_OBS", round(heliocentric, 7), "[d] MJD, UTC, seen from the Sun"),
        Card("BMJD_OBS", round(barycentric, 7), "[d] MJD, UTC, seen from the barycentre"),
        Card("ET_OBS", round(seconds + _leap(mjd), 3), "[s] TDB since J2000"),
        Card("SCLK_OBS", round(seconds + _CLOCK, 3), "[s] spacecraft clock at the start"),
        *(
            Card(f"SPTZR_{axis}", round(value, 6), "[km] from the Sun, J2000")
            for axis, value in zip("XYZ", place, strict=True)
        ),
        *(
            Card(f"SPTZR_V{axis}", round(value, 6), "[km/s] about the Sun, J2000")
            for axis, value in zip("XYZ", speed, strict=True)
        ),
        Card("SPTZR_LT", round(math.hypot(*place) / LIGHT, 6), "[s] light time from the Sun"),
    ]


def integration_cards(mjd: float, frame_time: float, planes: int | None) -> list[Card]:
    """Make the cards of IRAC's own clock.

    Parameters
    ----------
    mjd : float
        MJD_OBS, UTC days at the start of the exposure.
    frame_time : float
        FRAMTIME, seconds.
    planes : int or None
        Planes of a cube; None for a full array.

    Returns
    -------
    list of Card
        AINTBEG and ATIMEEND. As in the archive, the end of a cube is where its last plane begins.
    """
    begin = round((mjd - _TURN_ON) * 86_400.0, 2)
    # In real headers a full-array frame ends 0.04 to 0.06 s early, and a cube 63 planes later.
    lasts = frame_time - 0.04 if planes is None else (planes - 1) * frame_time - 0.01
    return [
        Card("AINTBEG", begin, "[s] start of integration, instrument's clock"),
        Card("ATIMEEND", round(begin + lasts, 2), "[s] end of integration, instrument's clock"),
    ]


def _seconds(mjd: float) -> float:
    return round((mjd - _J2000) * 86_400.0, 3)


def _leap(mjd: float) -> float:
    steps = _LEAP_SECONDS + _LATER_LEAP_SECONDS
    return next((value for start, value in reversed(steps) if mjd >= start), steps[0][1])


def _orbit(mjd: float) -> tuple[tuple[float, float, float], tuple[float, float, float]]:
    rate = 2.0 * math.pi / _YEAR
    longitude = math.radians(_START_LONGITUDE) + rate * (mjd - _START)
    speed = _AU * rate / 86_400.0
    sine, cosine = math.sin(longitude), math.cos(longitude)
    return _equatorial(_AU * cosine, _AU * sine), _equatorial(-speed * sine, speed * cosine)


def _equatorial(x: float, y: float) -> tuple[float, float, float]:
    return x, y * math.cos(_OBLIQUITY), y * math.sin(_OBLIQUITY)


def _delay(place: tuple[float, float, float], ra: float, dec: float) -> float:
    """Days by which light passes the origin later than the place."""
    east, north = math.radians(ra), math.radians(dec)
    towards = (
        math.cos(north) * math.cos(east),
        math.cos(north) * math.sin(east),
        math.sin(north),
    )
    return sum(p * t for p, t in zip(place, towards, strict=True)) / LIGHT / 86_400.0
