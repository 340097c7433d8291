"""Where files lie, of the places at which they were seen."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from sqlalchemy import (
    ARRAY,
    BigInteger,
    Connection,
    Select,
    Text,
    any_,
    bindparam,
    cast,
    select,
)

from iracdb.catalogue.database import in_batches
from iracdb.catalogue.selection import MANY
from iracdb.catalogue.tables import file, file_location
from iracdb.irac.frames import FrameFile
from iracdb.irac.stored_cards import stored_cards


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


_OF_A_FRAME = (
    file.c.bitpix, file.c.naxis3, file.c.naxis2, file.c.naxis1, file.c.data_offset, file.c.bscale,
    file.c.bzero,
    # As text: most of the cards of a block are the same, and are read once.
    cast(file.c.wcs, Text),
)  # fmt: skip


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
    found = _found(connection, _PLACE_OF_EACH, file_ids)
    return {number: Place._make(place) for number, place in found.items()}


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
    found = _found(connection, _FRAME_OF_EACH, file_ids)
    return {number: _frame_file(*told) for number, told in found.items()}


def _frame_file(
    path: str,
    size: int,
    mtime_ns: int,
    bitpix: int,
    planes: int | None,
    rows: int | None,
    columns: int | None,
    data_offset: int,
    bscale: float | None,
    bzero: float | None,
    wcs: str | None,
) -> FrameFile:
    shape = (planes, rows, columns)
    return FrameFile(
        path,
        size,
        mtime_ns,
        bitpix,
        tuple(length for length in shape if length is not None),
        data_offset,
        bscale is not None or bzero is not None,
        stored_cards(wcs),
    )


_AT = file_location.c


_PLACES = select(_AT.file_id, _AT.path, _AT.size, _AT.mtime_ns).where(_AT.present)
_FRAMES = _PLACES.add_columns(*_OF_A_FRAME).join(file, file.c.id == _AT.file_id)

_ASKED_FOR = {
    "sqlite": _AT.file_id.in_(bindparam("numbers", expanding=True)),
    # One value in place of hundreds: a text that is the same each time is taken apart, and planned,
    # once.
    "postgresql": _AT.file_id == any_(bindparam("numbers", type_=ARRAY(BigInteger))),
}


def _by_dialect(query: Select[Any]) -> dict[str, Select[Any]]:
    """Ask for some files, as each database is asked best."""
    return {
        dialect: query.where(asked).order_by(_AT.path.desc())
        for dialect, asked in _ASKED_FOR.items()
    }


_PLACE_OF_EACH, _FRAME_OF_EACH = _by_dialect(_PLACES), _by_dialect(_FRAMES)
"""Made once: they are the same every time, but for the numbers of the files."""


def _found(
    connection: Connection, asked: Mapping[str, Select[Any]], file_ids: Sequence[int]
) -> dict[int, list[Any]]:
    """Give the place of each file, and more columns of it."""
    query = asked[connection.dialect.name]
    found: dict[int, list[Any]] = {}
    for batch in in_batches(list(file_ids), MANY):
        for number, *told in connection.execute(query, {"numbers": batch}):
            # Read backwards, so that the first place remains; unless a copy stands and it does not.
            if number not in found or os.path.lexists(told[0]):
                found[number] = told
    return found
