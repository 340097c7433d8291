"""Which file stands for each frame: the newest version of one kind."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from sqlalchemy import Connection, bindparam, exists, func, select

from iracdb.catalogue.database import in_batches
from iracdb.catalogue.selection import COLUMNS, MANY, ScienceFile, place_of, science_file
from iracdb.catalogue.tables import file, file_location, frame
from iracdb.errors import InputsChanged
from iracdb.irac.pipeline_versions import version_numbers

Choose = Callable[[list[ScienceFile]], list[ScienceFile]]
"""Takes the newest file of each frame, in order, and gives those that are wanted."""

_PLACE = file_location.c

_OF_AORS = (
    # Whether it is anywhere is asked with it: of a million places few are of these files.
    select(*COLUMNS, exists().where(_PLACE.file_id == file.c.id, _PLACE.present))
    .join(file, file.c.frame_id == frame.c.id)
    .where(
        frame.c.channel == bindparam("channel"),
        file.c.kind == bindparam("kind"),
        frame.c.aorkey.in_(bindparam("aors", expanding=True)),
    )
)


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
    candidates: dict[int, list[ScienceFile]] = {}
    present: set[int] = set()
    for batch in in_batches(sorted(set(aors)), MANY):
        asked = {"channel": channel, "kind": kind, "aors": batch}
        for *told, there in connection.execute(_OF_AORS, asked):
            one = science_file(told)
            candidates.setdefault(one.frame_id, []).append(one)
            if there:
                present.add(one.file_id)
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
