"""What frames are called, and how a frame that is typed is found."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Row, bindparam, select

from iracdb.catalogue import tables as t
from iracdb.errors import NotFound, UsageError

frame = t.frame.c

COLUMNS = (
    frame.id.label("frame_id"), frame.channel, frame.aorkey, frame.expid, frame.dcenum,
    frame.mjd_obs.label("frame_mjd"),
)  # fmt: skip
"""What tells a frame from others; also beside the columns of other tables."""

Frame = Sequence[Any]
"""The values of `COLUMNS`, and anything after them."""

_LARGEST = 2**63 - 1
_NUMBER = re.compile(r"\d{1,19}")
_EXPOSURE = re.compile(r"([1-4])/(\d{1,12})/(\d{1,9})/(\d{1,9})")
_TIME = re.compile(r"([1-4])/(\d+\.\d*)")
# What follows the numbers of the exposure is of its files: version, kind, ending.
_NAME = re.compile(r"(?:.*/)?SPITZER_I([1-4])_(\d{1,12})_(\d{4})_(\d{4})(?:_\w*(?:\.\w+)?)?")
_FORMS = (
    "a number (iracdb frames), the beginning of an archive name such as "
    "SPITZER_I2_46466816_0003_0000, channel/AORKEY/EXPID/DCENUM or channel/MJD"
)


def frame_key(frame: Frame) -> str:
    """Name a frame the same in any catalogue.

    Parameters
    ----------
    frame : sequence
        The values of `COLUMNS`, and anything after them.

    Returns
    -------
    str
        By its exposure, else by its time, else by its number here.
    """
    number, channel, aorkey, expid, dcenum, mjd = frame[:6]
    if expid is not None:
        return f"frame:{channel}/{aorkey}/{expid}/{dcenum}"
    if mjd is not None:
        return f"frame:{channel}/{mjd!r}"
    return f"frame:#{number}"


def frame_label(frame: Frame) -> str:
    """Name a frame for people.

    Parameters
    ----------
    frame : sequence
        The values of `COLUMNS`, and anything after them.

    Returns
    -------
    str
        As the names of its files begin, where it has files.
    """
    number, channel, aorkey, expid, dcenum, mjd = frame[:6]
    if expid is not None:
        return f"SPITZER_I{channel}_{aorkey}_{expid:04d}_{dcenum:04d}"
    if mjd is not None:
        return f"channel {channel} at MJD {mjd!r}"
    return f"frame {number}, without a time"


def frames_meant(connection: Connection, spec: str) -> Sequence[Row[Any]]:
    """Find the rows of a frame that is typed: a frame may have two.

    Parameters
    ----------
    connection : sqlalchemy.Connection
        To a catalogue.
    spec : str
        Its number, the beginning of an archive name, channel/AORKEY/EXPID/DCENUM or channel/MJD.

    Returns
    -------
    sequence of Row
        The frame meant, then those that are the same exposure: a frame that only an imported table
        knows is that of its channel and time.

    Raises
    ------
    UsageError
        Where it is none of these.
    NotFound
        Where there is no such frame.
    """
    text = spec.strip()
    condition = _condition(text)
    query = select(*COLUMNS).where(*condition).order_by(frame.expid.is_(None), frame.id)
    found = connection.execute(query).all()
    if not found:
        raise NotFound(f"There is no frame {text}: iracdb frames lists those that are held")
    shown = [row for row in found if row.expid is not None]
    if len(shown) > 1:
        names = ", ".join(f"{r.channel}/{r.aorkey}/{r.expid}/{r.dcenum}" for r in shown)
        raise NotFound(f"{text} may be any of {len(shown)} frames: {names}")
    return _same(found[0], connection.execute(_ALIKE, {"frame": found[0].frame_id}).all())


def _condition(text: str) -> list[Any]:
    if _NUMBER.fullmatch(text):
        # No database has a number that large.
        return [frame.id == min(int(text), _LARGEST)]
    exposure = _EXPOSURE.fullmatch(text) or _NAME.fullmatch(text)
    if exposure is not None:
        numbers = map(int, exposure.groups())
        columns = (frame.channel, frame.aorkey, frame.expid, frame.dcenum)
        return [column == number for column, number in zip(columns, numbers, strict=True)]
    time = _TIME.fullmatch(text)
    if time is not None:
        return [frame.channel == int(time[1]), frame.mjd_obs == float(time[2])]
    raise UsageError(f"{text!r} is no frame: give {_FORMS}")


_alike = t.frame.alias("alike")
_ALIKE_COLUMNS = (
    _alike.c.id.label("frame_id"), _alike.c.channel, _alike.c.aorkey, _alike.c.expid,
    _alike.c.dcenum, _alike.c.mjd_obs.label("frame_mjd"),
)  # fmt: skip
_AT_ITS_TIME = (_alike.c.channel == frame.channel) & (_alike.c.mjd_obs == frame.mjd_obs)
_ALIKE = (
    select(*_ALIKE_COLUMNS)
    .select_from(t.frame.join(_alike, _AT_ITS_TIME))
    .where(frame.id == bindparam("frame"))
    .order_by(_alike.c.id)
)
_ALIKE_OF_FILE = (
    select(*_ALIKE_COLUMNS, frame.id.label("own_id"))
    .select_from(t.file.join(t.frame, frame.id == t.file.c.frame_id).join(_alike, _AT_ITS_TIME))
    .where(t.file.c.id == bindparam("file"))
    .order_by(_alike.c.id)
)
_OF_FILE = (
    select(*COLUMNS)
    .join(t.file, t.file.c.frame_id == frame.id)
    .where(t.file.c.id == bindparam("file"))
)


def frames_of_file(connection: Connection, number: int) -> Sequence[Row[Any]]:
    """Find the rows of the frame that a file shows.

    Parameters
    ----------
    connection : sqlalchemy.Connection
        To a catalogue.
    number : int
        Of the file.

    Returns
    -------
    sequence of Row
        As from `frames_meant`.
    """
    alike = connection.execute(_ALIKE_OF_FILE, {"file": number}).all()
    own = [row for row in alike if row.frame_id == row.own_id]
    # A frame without a time is like no other, not even itself.
    mine = own[0] if own else connection.execute(_OF_FILE, {"file": number}).one()
    return _same(mine, alike)


def _same(one: Any, alike: Sequence[Any]) -> Sequence[Row[Any]]:
    """Take the rows of one frame: what only an imported table knows is known by its time.

    Two frames that both have files are never the same.
    """
    others = [
        row
        for row in alike
        if row.frame_id != one.frame_id and (row.expid is None or one.expid is None)
    ]
    return [one, *others]
