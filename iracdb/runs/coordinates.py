"""Positions as people type them: hours or degrees, told apart by themselves; and their motion."""

from __future__ import annotations

import math
import re

from iracdb.catalogue.targets import Motion
from iracdb.errors import BadCoordinate, UsageError

_EXAMPLE = "give '18 02 30.74 +58 37 38.16' (hours) or '270.628 +58.627' (degrees)"
_SEPARATORS = re.compile(r"[\s:,]+|(?<=\d)[hmd°'’\"″s](?=\s|\d|[+-]|$)\s*")
_GLUED_SIGN = re.compile(r"(?<=[\d.s\"″])([+-])")
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)")

# Barnard's star moves by 10,400 mas/yr, Proxima has 769 mas; what lies beyond is a slip.
_MOST_PM, _MOST_PARALLAX = 15_000.0, 1000.0
_EPOCHS = (1850.0, 2100.0)


def parse_coordinate(text: str) -> tuple[float, float]:
    """Read a position on the sky.

    Parameters
    ----------
    text : str
        Right ascension and declination: six numbers are hours, minutes, seconds and degrees,
        minutes, seconds; two numbers are degrees. Separated by blanks, colons, commas or unit
        letters.

    Returns
    -------
    tuple of float
        ICRS right ascension and declination, degrees.

    Raises
    ------
    BadCoordinate
        Where it is neither, or outside the sky.

    Examples
    --------
    >>> parse_coordinate("270.625 -58.5")
    (270.625, -58.5)
    >>> parse_coordinate("18 02 30 -58 30 00")
    (270.625, -58.5)
    """
    parts = [part for part in _SEPARATORS.split(_GLUED_SIGN.sub(r" \1", text.strip())) if part]
    if not all(_NUMBER.fullmatch(part) for part in parts) or len(parts) not in (2, 6):
        raise BadCoordinate(f"{text!r} is no position on the sky: {_EXAMPLE}")
    if len(parts) == 2:
        ra, dec = float(parts[0]), float(parts[1])
    else:
        ra = 15 * _sexagesimal(text, parts[:3], "hours", 24)
        dec = _sexagesimal(text, parts[3:], "degrees", 90)
    if not (0 <= ra < 360 and -90 <= dec <= 90):
        raise BadCoordinate(
            f"{text!r} is no position on the sky: right ascension is 0 to 360 degrees, "
            "declination -90 to +90"
        )
    # -00 00 00 is no other place than 00 00 00.
    return ra + 0.0, dec + 0.0


def _sexagesimal(text: str, parts: list[str], unit: str, largest: int) -> float:
    whole, minutes, seconds = (float(part) for part in parts)
    signed = any(part[0] in "+-" for part in parts[1:])
    if signed or minutes >= 60 or seconds >= 60 or not whole.is_integer():
        raise BadCoordinate(
            f"{text!r} is no position on the sky: {' '.join(parts)} are no {unit}, minutes, seconds"
        )
    if abs(whole) > largest or not minutes.is_integer():
        raise BadCoordinate(f"{text!r} is no position on the sky: {_EXAMPLE}")
    # The sign stands on the text: -00 30 00 is south.
    sign = -1.0 if parts[0].startswith("-") else 1.0
    return math.copysign(1.0, sign) * (abs(whole) + minutes / 60 + seconds / 3600)


def motion_of(
    pm_ra: float | None, pm_dec: float | None, parallax: float | None, epoch: float | None
) -> Motion | None:
    """Check how a star is said to move.

    Parameters
    ----------
    pm_ra, pm_dec : float or None
        Proper motion, mas/yr; in right ascension times cos(Dec).
    parallax : float or None
        mas.
    epoch : float or None
        Julian year of the position.

    Returns
    -------
    Motion or None
        None where nothing is given.

    Raises
    ------
    UsageError
        Where the epoch is missing, or stands alone, or a number cannot be.
    """
    if (pm_ra is None) != (pm_dec is None):
        raise UsageError("A proper motion has two parts, in RA and in Dec: give both, or none")
    if pm_ra is None and parallax is None:
        if epoch is not None:
            raise UsageError(
                "An epoch alone moves nothing: give the proper motion or the parallax too, or "
                "leave the epoch out"
            )
        return None
    if epoch is None:
        raise UsageError(
            "A motion needs the epoch of its position, a Julian year such as 2016.0 (Gaia DR3) or "
            "1991.25 (Hipparcos)"
        )
    for value in (pm_ra, pm_dec):
        if value is not None and not abs(value) <= _MOST_PM:
            raise UsageError(
                f"No star has a proper motion of {value} mas/yr: it is at most {_MOST_PM:g}"
            )
    if parallax is not None and not 0 <= parallax <= _MOST_PARALLAX:
        raise UsageError(f"A parallax is from 0 to {_MOST_PARALLAX:g} mas, not {parallax}")
    if not _EPOCHS[0] <= epoch <= _EPOCHS[1]:
        raise UsageError(
            f"An epoch is a Julian year from {_EPOCHS[0]:g} to {_EPOCHS[1]:g}, not {epoch}"
        )
    # -0.0 is no other motion than 0.0, and 2016 no other epoch than 2016.0.
    pm_ra, pm_dec, parallax = (
        None if value is None else float(value) + 0.0 for value in (pm_ra, pm_dec, parallax)
    )
    return Motion(pm_ra, pm_dec, parallax, float(epoch))
