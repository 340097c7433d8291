"""Where a star that moves is seen at the time of a frame: proper motion, and parallax from Spitzer.

Proper motion is astropy's `SkyCoord.apply_space_motion`: uniform motion in space, without radial
velocity. Parallax is seen from the spacecraft's own place, which its headers tell. Times are
taken as they are, UTC for TDB: the 69 s between them move no star by 0.03 mas, and no table of
leap seconds is needed, which astropy would look for on the network.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Mapping, Sequence

import astropy.units as u
import numpy as np
import numpy.typing as npt
from astropy.constants import au
from astropy.coordinates import SkyCoord, get_body_barycentric
from astropy.time import Time

FloatArray = npt.NDArray[np.float64]
Place = tuple[float, float, float]
"""x, y and z from the Sun's centre, ICRS axes, km."""

PLACE_KEYWORDS = ("SPTZR_X", "SPTZR_Y", "SPTZR_Z")
"""Where Spitzer was, from the Sun's centre in J2000 axes, km."""

_AU_KM = float(au.to_value(u.km))
_RADIANS = math.pi / (180 * 3600 * 1000)  # of 1 mas


def place_of(numbers: Mapping[str, float | None]) -> Place | None:
    """Read the spacecraft's place from what a header tells.

    Parameters
    ----------
    numbers : mapping
        Numbers of cards by keyword.

    Returns
    -------
    tuple of float or None
        km from the Sun's centre; None where a card is missing or is no number.
    """
    found = [numbers.get(keyword) for keyword in PLACE_KEYWORDS]
    x, y, z = found
    if x is None or y is None or z is None or not all(map(math.isfinite, (x, y, z))):
        return None
    return x, y, z


def apparent(
    ra: float,
    dec: float,
    *,
    pm_ra: float | None,
    pm_dec: float | None,
    parallax: float | None,
    epoch: float,
    mjd: Sequence[float],
    places: Sequence[Place | None],
) -> FloatArray:
    """Tell where a star is seen at the times of frames.

    Parameters
    ----------
    ra, dec : float
        ICRS degrees at the epoch, from the barycentre.
    pm_ra, pm_dec : float or None
        Proper motion, mas/yr; in right ascension times cos(Dec). None for none.
    parallax : float or None
        mas; None for none.
    epoch : float
        Julian year of the position.
    mjd : sequence of float, shape (n,)
        Starts of the exposures, days UTC.
    places : sequence of tuple or None, shape (n,)
        Where the spacecraft was; None where that is not known: then there is no parallax.

    Returns
    -------
    ndarray, shape (n, 2)
        ICRS right ascension and declination, degrees. Each depends on its own frame alone.
    """
    when = Time(np.asarray(mjd, dtype=np.float64), format="mjd", scale="tdb")
    positions = _with_proper_motion(ra, dec, pm_ra, pm_dec, epoch, when)
    if not parallax:
        return positions
    sun = get_body_barycentric("sun", when, ephemeris="builtin").xyz.to_value(u.km).T.tolist()
    seen = [
        position if place is None else _seen_from(place, of_sun, parallax, *position)
        for position, place, of_sun in zip(positions.tolist(), places, sun, strict=True)
    ]
    return np.array(seen, dtype=np.float64).reshape(len(seen), 2)


def _with_proper_motion(
    ra: float, dec: float, pm_ra: float | None, pm_dec: float | None, epoch: float, when: Time
) -> FloatArray:
    if not (pm_ra or pm_dec):
        return np.tile(np.array([ra, dec], dtype=np.float64), (len(when), 1))
    star = SkyCoord(
        ra * u.deg,
        dec * u.deg,
        pm_ra_cosdec=(pm_ra or 0.0) * u.mas / u.yr,
        pm_dec=(pm_dec or 0.0) * u.mas / u.yr,
        obstime=Time(epoch, format="jyear", scale="tdb"),
        frame="icrs",
    )
    with warnings.catch_warnings():
        # Without a distance ERFA takes one that is large, and says so: the path is the same.
        warnings.filterwarnings("ignore", message=".*distance overridden")
        moved = star.apply_space_motion(new_obstime=when)
    return np.stack([moved.ra.deg, moved.dec.deg], axis=1)


def _seen_from(
    place: Place, sun: Place, parallax: float, ra: float, dec: float
) -> tuple[float, float]:
    """Look from the spacecraft, not from the barycentre, along the same star's ray."""
    a, d = math.radians(ra), math.radians(dec)
    towards = (math.cos(d) * math.cos(a), math.cos(d) * math.sin(a), math.sin(d))
    # The observer in units of the star's distance.
    scale = parallax * _RADIANS / _AU_KM
    x, y, z = (
        unit - scale * (mine + of_sun)
        for unit, mine, of_sun in zip(towards, place, sun, strict=True)
    )
    return math.degrees(math.atan2(y, x)) % 360.0, math.degrees(math.atan2(z, math.hypot(x, y)))
