"""Files: looked for, where each lies, and what rests on it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Select, and_, func, or_, select, union

from iracdb.catalogue import tables as t
from iracdb.errors import NotFound
from iracdb.web.reading.one_image import name_runs

_FILE, _FRAME, _AT = t.file.c, t.frame.c, t.file_location.c

STRETCH = 20_000
"""Files that are looked through at once for a part of a path, which no index finds."""

_HASH = re.compile("[0-9a-f]{6,64}")


def list_files(
    connection: Connection, wanted: str, *, after: int = 0, limit: int | None = None
) -> tuple[list[dict[str, Any]], int | None]:
    """List files, by their numbers.

    Parameters
    ----------
    connection : sqlalchemy.Connection
        To a catalogue.
    wanted : str
        A name or its beginning, an AORKEY, a part of a path, or the beginning of a SHA-256 (at
        least 6 digits); '' for all.
    after : int, optional
        Number after which they begin.
    limit : int, optional
        How many; by default all. With it a part of a path is looked for in a stretch of files.

    Returns
    -------
    tuple
        A list of dict with file, name, kind, version, size, sha256, frame, aorkey, channel, path,
        present; and the number after which to go on, None where all has been looked at.
    """
    query = _files().where(_FILE.id > after).order_by(_FILE.id).limit(limit)
    by_index = _by_index(wanted)
    if not wanted or _any(connection, by_index):
        query = query if by_index is None else query.where(by_index)
        found = _told(connection, query)
        return found, _last(found, limit)
    return _by_part(connection, query, wanted, after, limit)


def _any(connection: Connection, condition: Any | None) -> bool:
    """Tell whether an index finds anything: else the words are part of a path."""
    if condition is None:
        return False
    return connection.execute(select(_FILE.id).where(condition).limit(1)).first() is not None


def _files() -> Select[Any]:
    return select(
        _FILE.id.label("file"), _FILE.name, _FILE.kind, _FILE.version, _FILE.size, _FILE.sha256,
        _FILE.frame_id.label("frame"), _FRAME.aorkey, _FRAME.channel,
    ).join(t.frame, _FRAME.id == _FILE.frame_id)  # fmt: skip


def _by_index(wanted: str) -> Any | None:
    """Tell what an index finds: an AORKEY, the beginning of a hash, or of a name."""
    conditions = []
    if wanted.isascii() and wanted.isdigit() and len(wanted) <= 18:
        conditions.append(_FRAME.aorkey == int(wanted))
    digits = wanted.lower()
    if _HASH.fullmatch(digits):
        conditions.append(and_(_FILE.sha256 >= digits, _FILE.sha256 < digits + "g"))
    exposure = _NAME.fullmatch(wanted)
    if exposure is not None:
        channel, aorkey, expid, dcenum = exposure.groups()
        of_frame = and_(_FRAME.channel == int(channel), _FRAME.aorkey == int(aorkey))
        if expid is not None:
            of_frame &= _FRAME.expid == int(expid)
        if dcenum is not None:
            of_frame &= _FRAME.dcenum == int(dcenum)
        conditions.append(of_frame & _FILE.name.startswith(wanted, autoescape=True))
    if not conditions:
        return None
    # Each is asked by its own index: of several joined by OR a database may use none.
    numbers = select(_FILE.id).join(t.frame, _FRAME.id == _FILE.frame_id)
    return _FILE.id.in_(union(*(numbers.where(one) for one in conditions)))


_NAME = re.compile(r"SPITZER_I([1-4])_(\d{1,12})_(?:(\d{4})_(?:(\d{4})_?.*)?)?")


def _by_part(
    connection: Connection, query: Select[Any], wanted: str, after: int, limit: int | None
) -> tuple[list[dict[str, Any]], int | None]:
    """Look for a part of a name or a path, whatever the case."""
    part = wanted.lower()
    until = after + STRETCH
    at = func.lower(_AT.path).contains(part, autoescape=True)
    placed = select(_AT.file_id).where(_AT.file_id > after, at)
    if limit is not None:
        placed = placed.where(_AT.file_id <= until)
    named = func.lower(_FILE.name).contains(part, autoescape=True)
    query = query.where(or_(named, _FILE.id.in_(placed)))
    if limit is None:
        return _told(connection, query), None
    found = _told(connection, query.where(_FILE.id <= until))
    if len(found) == limit:
        return found, _last(found, limit)
    beyond = select(func.min(_FILE.id)).where(_FILE.id > until)
    further = connection.execute(beyond).scalar()
    return found, None if further is None else further - 1


def _told(connection: Connection, query: Select[Any]) -> list[dict[str, Any]]:
    """Read files, and where one of each lies."""
    found = [dict(row._mapping) for row in connection.execute(query)]
    for start in range(0, len(found), STRETCH):
        stretch = found[start : start + STRETCH]
        places = _places(connection, [one["file"] for one in stretch])
        for one in stretch:
            one["path"], one["present"] = places.get(one["file"], (None, False))
    for one in found:
        one["address"] = f"/file/{one['file']}"
    return found


def _places(connection: Connection, numbers: Sequence[int]) -> dict[int, tuple[str, bool]]:
    """Tell of each file where it lies, or lay."""
    query = (
        select(_AT.file_id, _AT.path, _AT.present)
        .where(_AT.file_id.in_(numbers))
        .order_by(_AT.present, _AT.path.desc())
    )
    return {row.file_id: (row.path, row.present) for row in connection.execute(query)}


def _last(found: Sequence[dict[str, Any]], limit: int | None) -> int | None:
    return int(found[-1]["file"]) if limit is not None and len(found) == limit else None


def find_file(connection: Connection, number: int) -> Any:
    """Read a file's row.

    Parameters
    ----------
    connection : sqlalchemy.Connection
        To a catalogue.
    number : int
        Of the file.

    Returns
    -------
    Row
        Of the table ``file``.

    Raises
    ------
    NotFound
        Where there is none.
    """
    row = connection.execute(select(t.file).where(_FILE.id == number)).one_or_none()
    if row is None:
        raise NotFound(f"No file {number} is held")
    return row


def locations_of(connection: Connection, number: int) -> list[dict[str, Any]]:
    """List the places at which a file was seen.

    Parameters
    ----------
    connection : sqlalchemy.Connection
        To a catalogue.
    number : int
        Of the file.

    Returns
    -------
    list of dict
        path, present, size, first_seen, last_seen.
    """
    query = (
        select(_AT.path, _AT.present, _AT.size, _AT.first_seen, _AT.last_seen)
        .where(_AT.file_id == number)
        .order_by(_AT.path)
    )
    return [dict(row._mapping) for row in connection.execute(query)]


def files_of_frames(connection: Connection, frames: Sequence[int]) -> list[dict[str, Any]]:
    """List the files that show frames.

    Parameters
    ----------
    connection : sqlalchemy.Connection
        To a catalogue.
    frames : sequence of int
        Their numbers.

    Returns
    -------
    list of dict
        As of `list_files`.
    """
    query = _files().where(_FILE.frame_id.in_(frames))
    return _told(connection, query.order_by(_FILE.kind, _FILE.version, _FILE.id))


def runs_on_file(connection: Connection, number: int) -> list[dict[str, Any]]:
    """List the runs that rest on a file.

    Parameters
    ----------
    connection : sqlalchemy.Connection
        To a catalogue.
    number : int
        Of the file.

    Returns
    -------
    list of dict
        run_id, run, withdrawn, roles (what it declared the file for) and images (measured on it).
    """
    role, image, average = t.run_input.c, t.image_result.c, t.aor_result.c
    roles: dict[int, list[str]] = {}
    declared = select(role.run_id, role.role).where(role.file_id == number).order_by(role.role)
    for row in connection.execute(declared):
        roles.setdefault(row.run_id, []).append(row.role)
    counted = (
        select(average.run_id, func.count())
        .select_from(t.image_result)
        .join(t.aor_result, average.id == image.aor_result_id)
        .where(image.file_id == number)
        .group_by(average.run_id)
    )
    images = {int(row[0]): int(row[1]) for row in connection.execute(counted)}
    numbers = sorted(roles.keys() | images.keys())
    named = name_runs(connection, set(numbers))
    return [
        {
            "run_id": one, "run": named[one][0], "withdrawn": named[one][1],
            "roles": ", ".join(roles.get(one, ())) or None, "images": images.get(one, 0),
            "address": f"/run/{one}",
        }
        for one in numbers
    ]  # fmt: skip
