"""Where files lie, of the places at which they were seen."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any, NamedTuple

from sqlalchemy import Connection, select

from iracdb.catalogue.database import in_batches
from iracdb.catalogue.selection import MANY
from iracdb.catalogue.tables import file, file_location
from iracdb.irac.frames import FrameFile


class Place(NamedTuple):
    """Where a file lies, and what it was when it was looked at.

    Parameters
    ----------
    path : str
        Absolute.
    size, mtime_ns : int
        Bytes, and time of change.
    """

    path: str
    size: int
    mtime_ns: int


def places_of_files(connection: Connection, file_ids: Sequence[int]) -> dict[int, Place]:
    """Tell where some files lie.

    Parameters
    ----------
    connection : sqlalchemy.Connection
        To a catalogue.
    file_ids : sequence of int
        Files.

    Returns
    -------
    dict
        By file; one that is nowhere is left out. Of several places the first by name at which
        something lies.
    """
    return {number: place for number, (place, _) in _found(connection, file_ids, ()).items()}


def frame_files(connection: Connection, file_ids: Sequence[int]) -> dict[int, FrameFile]:
    """Tell where the pixels of some files are.

    Parameters
    ----------
    connection : sqlalchemy.Connection
        To a catalogue.
    file_ids : sequence of int
        Files.

    Returns
    -------
    dict
        `FrameFile` by file, where `places_of_files` finds it.
    """
    columns = (
        file.c.bitpix, file.c.naxis1, file.c.naxis2, file.c.naxis3, file.c.data_offset,
        file.c.bscale, file.c.bzero, file.c.wcs,
    )  # fmt: skip
    return {
        number: FrameFile(
            *place,
            bitpix=bitpix,
            shape=tuple(length for length in reversed(axes) if length is not None),
            data_offset=offset,
            scaled=bscale is not None or bzero is not None,
            wcs=wcs,
        )
        for number, (place, (bitpix, *axes, offset, bscale, bzero, wcs)) in _found(
            connection, file_ids, columns
        ).items()
    }


def _found(
    connection: Connection, file_ids: Sequence[int], columns: Sequence[Any]
) -> dict[int, tuple[Place, tuple[Any, ...]]]:
    """Give the place of each file, and more columns of it."""
    at = file_location.c
    found: dict[int, tuple[Place, tuple[Any, ...]]] = {}
    for batch in in_batches(list(file_ids), MANY):
        query = (
            select(file.c.id, at.path, at.size, at.mtime_ns, *columns)
            .join(file_location, at.file_id == file.c.id)
            .where(file.c.id.in_(batch), at.present)
            .order_by(at.path.desc())
        )
        for number, path, size, mtime_ns, *more in connection.execute(query):
            # Read backwards, so that the first place remains; unless a copy stands and it does not.
            if number not in found or os.path.lexists(path):
                found[number] = Place(path, size, mtime_ns), tuple(more)
    return found
