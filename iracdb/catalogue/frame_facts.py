"""The facts of a frame that conditions may ask for, as the header of its measured file tells them.

They are those of the file, which do not change: a newer version of a frame is another file.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal

from iracdb.catalogue.selection import ScienceFile
from iracdb.irac.handbook import is_cryogenic
from iracdb.irac.pipeline_versions import version_numbers

Sort = Literal["number", "text", "time", "version", "header"]
"""How values of a fact are written and compared; of a header's card either number or text."""

HEADER = "header."
"""What stands before the keyword of any card."""


@dataclass(frozen=True)
class Fact:
    """One fact of a frame.

    Parameters
    ----------
    name : str
        In conditions.
    sort : str
        How its values compare.
    unit : str or None
        Of its values.
    sentence : str
        What it is.
    of : callable
        Tells it of a file; None where it is missing.
    """

    name: str
    sort: Sort
    unit: str | None
    sentence: str
    of: Callable[[ScienceFile], Any]


FACTS: dict[str, Fact] = {
    fact.name: fact
    for fact in (
        Fact("aorkey", "number", None, "Key of the AOR.", lambda f: f.aorkey),
        Fact("expid", "number", None, "EXPID: exposure of the AOR.", lambda f: f.expid),
        Fact("dcenum", "number", None, "DCENUM: DCE of the exposure.", lambda f: f.dcenum),
        Fact("time", "time", "d", "MJD_OBS: UTC at the start of the exposure.",
             lambda f: f.mjd_obs),
        Fact("mission", "text", None, "CRYO or WARM, by the time.",
             lambda f: "CRYO" if is_cryogenic(f.mjd_obs) else "WARM"),
        Fact("read_mode", "text", None, "READMODE: FULL or SUB array.", lambda f: f.read_mode),
        Fact("frame_time", "number", "s", "FRAMTIME.", lambda f: f.frame_time),
        Fact("exposure_time", "number", "s", "EXPTIME: effective integration a pixel.",
             lambda f: f.exposure_time),
        Fact("hdr_part", "text", None, "HDRFRAME: short or long, of a high-dynamic-range set.",
             lambda f: f.hdr_part),
        Fact("dither_position", "number", None, "DITHPOS.", lambda f: f.dither_position),
        Fact("dither_scale", "text", None, "DITHSCAL: small, medium or large.",
             lambda f: f.dither_scale),
        Fact("object", "text", None, "OBJECT: name of the target.", lambda f: f.object),
        Fact("label", "text", None, "AORLABEL.", lambda f: f.aor_label),
        Fact("ra_ref", "number", "deg", "RA_REF: commanded right ascension, ICRS.",
             lambda f: f.ra_ref),
        Fact("dec_ref", "number", "deg", "DEC_REF: commanded declination, ICRS.",
             lambda f: f.dec_ref),
        Fact("creator", "version", None, "CREATOR: version of the pipeline that made the file.",
             lambda f: f.creator if version_numbers(f.creator) else None),
        Fact("version", "number", None, "Version number of the file's name.", lambda f: f.version),
    )
}  # fmt: skip
"""By name, in the order of the documentation."""

NUMBER = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?")
_TIME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}(T[0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,6})?)?)?Z?")
_DAY_ZERO = datetime(1858, 11, 17, tzinfo=UTC)
_KEYWORD = re.compile(r"[A-Z0-9_-]{1,8}")
# Above it, not every whole number is one of floating point.
_WHOLE = 2**53


def is_keyword(name: str) -> bool:
    """Tell whether a name may be that of a header's card.

    Parameters
    ----------
    name : str
        In capitals.

    Returns
    -------
    bool
        True for up to eight letters, digits, hyphens and underscores.
    """
    return _KEYWORD.fullmatch(name) is not None


def read_number(text: str) -> int | float | None:
    """Read a number.

    Parameters
    ----------
    text : str
        As typed.

    Returns
    -------
    int, float or None
        The same for 2 and 2.0; None where it is no number, or too large for one.
    """
    if NUMBER.fullmatch(text) is None:
        return None
    value = float(text)
    if not math.isfinite(value):
        return None
    return int(value) if value.is_integer() and abs(value) < _WHOLE else value


def read_time(text: str) -> int | float | None:
    """Read a time, UTC.

    Parameters
    ----------
    text : str
        A modified Julian day, or ISO 8601 such as ``2012-05-03`` or ``2012-05-03T10:20:30``.

    Returns
    -------
    int, float or None
        Modified Julian day; None where it is no time.
    """
    if _TIME.fullmatch(text) is None:
        return read_number(text)
    try:
        moment = datetime.fromisoformat(text.removesuffix("Z")).replace(tzinfo=UTC)
    except ValueError:
        return None
    since = moment - _DAY_ZERO
    seconds = since.seconds + since.microseconds / 1e6
    return since.days if seconds == 0 else since.days + seconds / 86400


def read_version(text: str) -> str | None:
    """Read a version of the pipeline.

    Parameters
    ----------
    text : str
        Such as ``S18.18.0``.

    Returns
    -------
    str or None
        The same; None where there is no number in it.
    """
    return text if version_numbers(text) else None
