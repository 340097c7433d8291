"""Which images of an average a user means by a frame's name, number, exposure or time."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from iracdb.compare.sides import frame_label
from iracdb.errors import UsageError

FORMS = (
    "a name as the archive has it (SPITZER_I2_46466816_0003_0000, or all of a file's), "
    "EXPID/DCENUM (3/0), a time (58306.3075373) or a frame's number (iracdb frames)"
)

_NAME = re.compile(r"(?:.*/)?(SPITZER_I\d_\d{1,12}_\d{4}_\d{4})(?:_\w*(?:\.\w+)?)?")
_EXPOSURE = re.compile(r"(?:[1-4]/\d{1,12}/)?(\d{1,9})/(\d{1,9})")
_TIME = re.compile(r"(?:MJD\s*|[1-4]/)?(\d+\.\d*)", re.IGNORECASE)
_NUMBER = re.compile(r"\d{1,18}")


def images_meant(images: Sequence[Any], frame: str) -> set[int]:
    """Find the images of a frame.

    Parameters
    ----------
    images : sequence of Row
        Of one average.
    frame : str
        As typed.

    Returns
    -------
    set of int
        Their places in the list.

    Raises
    ------
    UsageError
        Where the text has none of the forms.
    """
    text = frame.strip()
    if name := _NAME.fullmatch(text):
        return _where(images, lambda i: frame_label(i) == name[1])
    if exposure := _EXPOSURE.fullmatch(text):
        wanted = int(exposure[1]), int(exposure[2])
        return _where(images, lambda i: (i.expid, i.dcenum) == wanted)
    if time := _TIME.fullmatch(text):
        return _where(images, lambda i: float(time[1]) in (i.mjd_obs, i.frame_mjd))
    if _NUMBER.fullmatch(text):
        return _where(images, lambda i: i.frame_id == int(text))
    raise UsageError(f"{frame!r} is no frame: give {FORMS}")


def _where(images: Sequence[Any], is_meant: Any) -> set[int]:
    return {index for index, image in enumerate(images) if is_meant(image)}
