"""Which file is meant by a path, a name, or the first digits of its hash."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Text, bindparam, false, select, union_all

from iracdb.catalogue.tables import file, file_location, frame
from iracdb.errors import NotFound
from iracdb.irac.names import parse_name

_HASH = re.compile("[0-9A-Fa-f]{6,64}")


def file_meant(connection: Connection, which: str) -> int:
    """Find the file that a few words mean.

    Parameters
    ----------
    connection : sqlalchemy.Connection
        To a catalogue.
    which : str
        A path, an archive name, or the beginning of a SHA-256 (at least 6 digits).

    Returns
    -------
    int
        Its number.

    Raises
    ------
    NotFound
        Where no file is meant, or more than one.
    """
    name = Path(which).name
    told = parse_name(name)
    # A path as the walk makes it: links kept, .. taken out.
    asked: dict[str, Any] = {"path": os.path.abspath(which), "name": name, "digits": which.lower()}
    if told is not None:
        query = _BY_NAME
        asked |= vars(told)
    else:
        query = _BY_HASH if _HASH.fullmatch(which) else _BY_PATH
    found = connection.execute(query, asked).all() if _is_text(which) else []
    exact = {row.id: row.sha256 for row in found if row.there}
    meant = exact or {row.id: row.sha256 for row in found}
    if not meant:
        raise NotFound(
            f"No file {which} is held: give a path, an archive name, or the first digits of a "
            "SHA-256 (iracdb files)"
        )
    if len(meant) > 1:
        hashes = sorted(digest[:12] for digest in meant.values())
        raise NotFound(f"{which} may be any of {len(hashes)} files: {', '.join(hashes)}")
    return int(next(iter(meant)))


def _is_text(words: str) -> bool:
    """Tell whether a database can hold it: a path may be of any bytes."""
    return "\0" not in words and words.encode(errors="replace").decode() == words


_BY_PATH: Any = (
    select(file.c.id, file.c.sha256, file_location.c.present.label("there"))
    .join(file_location, file_location.c.file_id == file.c.id)
    .where(file_location.c.path == bindparam("path"))
)
_OTHERWISE = select(file.c.id, file.c.sha256, false())
# A name tells the frame, by which there is an index.
_EXPOSURE = (frame.c.channel, frame.c.aorkey, frame.c.expid, frame.c.dcenum)
_BY_NAME = union_all(
    _BY_PATH,
    _OTHERWISE.join(frame, frame.c.id == file.c.frame_id).where(
        *(column == bindparam(column.name) for column in _EXPOSURE),
        file.c.name == bindparam("name"),
    ),
)
_DIGITS = bindparam("digits", type_=Text)
_BY_HASH = union_all(
    _BY_PATH, _OTHERWISE.where(file.c.sha256 >= _DIGITS, file.c.sha256 < _DIGITS + "g")
)
