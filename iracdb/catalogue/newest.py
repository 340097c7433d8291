"""Which file stands for each frame: the newest version of one kind."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from typing import Any

from sqlalchemy import Connection, func, select

from iracdb.catalogue.database import in_batches
from iracdb.catalogue.selection import COLUMNS, MANY, ScienceFile, place_of, science_file
from iracdb.catalogue.tables import file, file_location, frame
from iracdb.errors import InputsChanged
from iracdb.irac.pipeline_versions import version_numbers

Choose = Callable[[list[ScienceFile]], list[ScienceFile]]
"""Takes the newest file of each frame, in order, and gives those that are wanted."""


def newest_files(
    connection: Connection,
    channel: int,
    kind: str,
    aors: Iterable[int],
    choose: Choose | None = None,
) -> list[ScienceFile]:
    """Choose the newest version of each frame.

    Newest is the largest version number of the name, then the latest CREATOR. Of several such, as
    where a file was overwritten, it is one that is there; then the hash decides.

    Parameters
    ----------
    connection : sqlalchemy.Connection
        To a catalogue.
    channel : int
        1 to 4.
    kind : str
        Such as ``'bcd'``.
    aors : iterable of int
        The AORs to look in.
    choose : callable, optional
        Leaves out frames that are not wanted, so that their files need not be there.

    Returns
    -------
    list of ScienceFile
        In (AORKEY, EXPID, DCENUM) order.

    Raises
    ------
    InputsChanged
        Where the newest version of a frame is at none of the places it was seen.
    """
    candidates: dict[int, list[ScienceFile]] = defaultdict(list)
    for batch in in_batches(sorted(set(aors)), MANY):
        query = (
            select(*COLUMNS)
            .join(file, file.c.frame_id == frame.c.id)
            .where(frame.c.channel == channel, file.c.kind == kind, frame.c.aorkey.in_(batch))
        )
        for row in connection.execute(query):
            candidates[row.frame_id].append(science_file(row))
    present = _present(connection, channel, kind)
    for versions in candidates.values():
        if len(versions) > 1:
            versions.sort(key=lambda one: _newness(one, one.file_id in present), reverse=True)
    chosen = sorted((versions[0] for versions in candidates.values()), key=place_of)
    if choose is not None:
        chosen = choose(chosen)
    for one in chosen:
        if one.file_id not in present:
            raise _gone(connection, candidates[one.frame_id], present)
    return chosen


def _newness(one: ScienceFile, there: bool) -> tuple[Any, ...]:
    return one.version, version_numbers(one.creator), there, one.sha256


def _present(connection: Connection, channel: int, kind: str) -> set[int]:
    query = (
        select(file_location.c.file_id)
        .join(file, file.c.id == file_location.c.file_id)
        .join(frame, frame.c.id == file.c.frame_id)
        .where(file_location.c.present, file.c.kind == kind, frame.c.channel == channel)
    )
    return set(connection.execute(query).scalars())


def _gone(connection: Connection, versions: list[ScienceFile], present: set[int]) -> InputsChanged:
    newest = versions[0]
    last_seen = connection.execute(
        select(func.min(file_location.c.path)).where(file_location.c.file_id == newest.file_id)
    ).scalar_one()
    message = f"{newest.name} (version {newest.version}) is gone: it was at {last_seen}."
    older = next((one for one in versions[1:] if one.file_id in present), None)
    if older is not None:
        message += (
            f" The older version {older.version} ({older.name}) is there, but not the newest."
        )
    return InputsChanged(f"{message} Put it back and ingest it again, or leave out its AOR")
