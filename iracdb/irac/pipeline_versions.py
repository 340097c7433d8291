"""Which pipeline made a frame, which one the response tables were made for, and when that breaks.

Sources: the description of the Science Center's routine IRAC_APHOT_CORR (cryogenic tables of
S18.24, warm ones of S19.2; those of Reach et al. 2005 and Hora et al. 2008 are older), its page on
image characteristics of the warm mission (set points), and NASA's report of 15 May 2009 (standby
at 22:11 UTC).

The archive's last cryogenic processing calls itself S18.25: the Science Center's memo on the flux
conversion of S18.18 names it as the version that took the corrected FLUXCONV in. The routine does
not name it, so that its frames count as made by another version.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Literal

from iracdb.errors import UsageError
from iracdb.irac.handbook import CHANNELS, is_cryogenic

RETIRED_SET_POINTS = (54966.0, 55093.0)
"""MJD, UTC, from the start of 15 May to the end of 18 September 2009: temperatures and voltages of
the arrays were changed several times, and each time their calibration."""

CRYOGEN_OUT = 54966 + (22 * 60 + 11) / 1440
"""MJD, UTC, at which Spitzer went to standby without helium: 15 May 2009, 22:11."""

_Version = tuple[int, ...]

_SPANS: dict[str, tuple[_Version | None, _Version]] = {
    "warm": ((19, 2), (19, 2)),
    "cryo": ((18, 18), (18, 24)),
    "hora": (None, (18, 7)),
    "reach": (None, (18, 7)),
}
_CREATOR = re.compile(r"\s*S\d+\.\d+(\.\d+)*\s*", re.IGNORECASE)


@lru_cache
def version_numbers(creator: str | None) -> tuple[int, ...]:
    """Read the numbers of a pipeline version, so that S18.7 comes before S18.18.

    Parameters
    ----------
    creator : str or None
        CREATOR.

    Returns
    -------
    tuple of int
        Empty where there are none.
    """
    return tuple(int(digits) for digits in re.findall(r"\d+", creator or ""))


@lru_cache
def tables_made_for(tables: str, creator: str | None) -> bool | None:
    """Tell whether response tables were made for the pipeline that made a frame.

    Parameters
    ----------
    tables : {"warm", "cryo", "hora", "reach"}
        The tables.
    creator : str or None
        CREATOR of the frame, such as ``"S18.25.0"``; S18.7.1 is a version of S18.7.

    Returns
    -------
    bool or None
        None where the creator is not told, or is no pipeline version.

    Raises
    ------
    UsageError
        Where there are no such tables.

    Examples
    --------
    >>> tables_made_for("cryo", "S18.18.0"), tables_made_for("cryo", "S18.7.0")
    (True, False)
    """
    first, last = _span(tables)
    if creator is None or _CREATOR.fullmatch(creator) is None:
        return None
    version = version_numbers(creator)
    return (first is None or first <= version[: len(first)]) and version[: len(last)] <= last


def span_of(tables: str) -> str:
    """Name the pipeline versions that response tables were made for.

    Parameters
    ----------
    tables : {"warm", "cryo", "hora", "reach"}
        The tables.

    Returns
    -------
    str
        Such as ``"S18.18 to S18.24"``.

    Raises
    ------
    UsageError
        Where there are no such tables.
    """
    first, last = _span(tables)
    if first is None:
        return f"{_name(last)} and earlier"
    return _name(last) if first == last else f"{_name(first)} to {_name(last)}"


def in_transition(mjd: float) -> bool:
    """Tell whether a frame is of the months in which the set points changed.

    Parameters
    ----------
    mjd : float
        MJD_OBS, UTC days.

    Returns
    -------
    bool
        True from the start of 15 May to the end of 18 September 2009; False for NaN.
    """
    start, end = RETIRED_SET_POINTS
    return start <= mjd < end


def science_exists(channel: int, mjd: float) -> bool:
    """Tell whether a channel observed the sky at a time.

    Parameters
    ----------
    channel : int
        1 to 4.
    mjd : float
        MJD_OBS, UTC days.

    Returns
    -------
    bool
        False for channels 3 and 4 once the cryogen had run out, and where the time is NaN.

    Raises
    ------
    UsageError
        Where there is no such channel.
    """
    if channel not in CHANNELS:
        raise UsageError(f"There is no channel {channel}: give 1, 2, 3 or 4")
    return channel in (1, 2) or mjd < CRYOGEN_OUT


def mission_of(mjd: float) -> Literal["cryo", "warm"]:
    """Name the mission whose tables hold for a time.

    Parameters
    ----------
    mjd : float
        MJD_OBS, UTC days.

    Returns
    -------
    {"cryo", "warm"}
        By `iracdb.irac.handbook.is_cryogenic`, which draws its line a day after the helium ran
        out.
    """
    return "cryo" if is_cryogenic(mjd) else "warm"


def _span(tables: str) -> tuple[_Version | None, _Version]:
    try:
        return _SPANS[tables]
    except KeyError:
        raise UsageError(
            f"There are no response tables {tables!r}: give one of {', '.join(_SPANS)}"
        ) from None


def _name(version: _Version) -> str:
    return "S" + ".".join(map(str, version))
