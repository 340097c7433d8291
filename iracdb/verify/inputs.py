"""A run's inputs, looked at again: whether the bytes that were measured still lie somewhere."""

from __future__ import annotations

import hashlib
import os
import zlib
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from sqlalchemy import Connection, select

from iracdb.catalogue import tables as t
from iracdb.catalogue.database import Database, in_batches
from iracdb.catalogue.selection import ScienceFile
from iracdb.errors import BadFile
from iracdb.irac.files import read_irac_file
from iracdb.irac.frames import FrameFile
from iracdb.runs.companions import companions_of, with_companions
from iracdb.runs.making import Places
from iracdb.runs.plan import Plan

State = Literal["same", "moved", "changed", "missing"]

_MANY = 500
_file, _place, _input = t.file.c, t.file_location.c, t.run_input.c


@dataclass(frozen=True)
class CheckedInput:
    """What became of one declared file.

    Parameters
    ----------
    file_id : int
        In the catalogue.
    name : str
        The archive's name for it.
    state : {'same', 'moved', 'changed', 'missing'}
        Its bytes lie where they were known to when the run was made, or elsewhere; or only other
        bytes lie there, or nothing.
    path : str or None
        Where its bytes are; of a changed file where the others are; of a missing one where they
        were.
    what : str or None
        Of a changed file what is other: ``pixels`` (whatever else), ``header``, ``padding``, or
        why it is no such file any more. Of a missing one why.
    size, mtime_ns : int
        Of the file at its path, when its bytes were read.
    """

    file_id: int
    name: str
    state: State
    path: str | None
    what: str | None = None
    size: int = 0
    mtime_ns: int = 0

    @property
    def usable(self) -> bool:
        """Whether its bytes were found."""
        return self.state in ("same", "moved")

    @property
    def absent(self) -> bool:
        """Whether it has one place, and nothing is there."""
        return self.what == _absent(self.path)


def _absent(path: str | None) -> str:
    return f"{path} is not there"


@dataclass(frozen=True)
class Sought:
    """One declared file, and where its bytes may lie.

    Parameters
    ----------
    file_id : int
        In the catalogue.
    name, sha256, data_sha256 : str
        As recorded.
    places : tuple of str
        In the order in which they are looked at.
    """

    file_id: int
    name: str
    sha256: str
    data_sha256: str
    places: tuple[str, ...]


@dataclass(frozen=True)
class Seen:
    """What lay at the places of a file.

    Parameters
    ----------
    path : str or None
        Where its bytes are.
    size, mtime_ns : int
        Of the file there.
    others : tuple of str
        Places with other bytes.
    failures : tuple of str
        Places without, each with the reason.
    """

    path: str | None
    size: int = 0
    mtime_ns: int = 0
    others: tuple[str, ...] = ()
    failures: tuple[str, ...] = ()


def sought_inputs(connection: Connection, run: Any, wanted: Collection[int] | None) -> list[Sought]:
    """List the files that a run declared, with the places to look at.

    Parameters
    ----------
    connection : sqlalchemy.Connection
        To a catalogue.
    run : Row
        Of the table ``run``.
    wanted : collection of int or None
        Only these files; None for all.

    Returns
    -------
    list of Sought
        In the order in which they were measured. Places known when the run began stand first; a
        file whose own place was taken by other content since is looked for there.
    """
    query = (
        select(_file.id, _file.name, _file.sha256, _file.data_sha256, _file.frame_id, _file.kind)
        .join(t.run_input, _input.file_id == _file.id)
        .where(_input.run_id == run.run_id)
        .order_by(_input.position)
    )
    files = {row.id: row for row in connection.execute(query)}
    if wanted is not None:
        files = {number: row for number, row in files.items() if number in wanted}
    places = _places_of(connection, run)
    homeless = [row for number, row in files.items() if number not in places]
    places |= _places_taken(connection, homeless)
    return [
        Sought(row.id, row.name, row.sha256, row.data_sha256, tuple(places.get(row.id, ())))
        for row in files.values()
    ]


def _places_of(connection: Connection, run: Any) -> dict[int, list[str]]:
    query = (
        select(_place.file_id, _place.path, _place.present, _place.first_seen)
        .join(t.run_input, _input.file_id == _place.file_id)
        .where(_input.run_id == run.run_id)
        .distinct()
    )
    found: dict[int, list[tuple[bool, bool, str]]] = defaultdict(list)
    for row in connection.execute(query):
        found[row.file_id].append((row.first_seen > run.started_at, not row.present, row.path))
    return {number: [path for *_, path in sorted(rows)] for number, rows in found.items()}


def _places_taken(connection: Connection, homeless: Sequence[Any]) -> dict[int, list[str]]:
    """Find where files lie that have the name of one whose own place is no longer recorded."""
    found: dict[int, list[str]] = {}
    by_name = {(row.frame_id, row.kind, row.name): row.id for row in homeless}
    for batch in in_batches(sorted({row.frame_id for row in homeless}), _MANY):
        query = (
            select(_file.frame_id, _file.kind, _file.name, _place.path)
            .join(t.file_location, _place.file_id == _file.id)
            .where(_file.frame_id.in_(batch))
            .order_by(_place.path)
        )
        for row in connection.execute(query):
            number = by_name.get((row.frame_id, row.kind, row.name))
            if number is not None:
                found.setdefault(number, []).append(row.path)
    return found


def look(sought: Sought) -> Seen:
    """Look for a file's bytes at its places; may be done in any process.

    Parameters
    ----------
    sought : Sought
        What is looked for.

    Returns
    -------
    Seen
        The first place that has them, and what was met before.
    """
    others: list[str] = []
    failures: list[str] = []
    for path in sought.places:
        try:
            with Path(path).open("rb") as stream:
                before = os.fstat(stream.fileno())
                found = hashlib.file_digest(stream, "sha256").hexdigest()
                after = os.fstat(stream.fileno())
        except FileNotFoundError:
            failures.append(_absent(path))
            continue
        except OSError as problem:
            failures.append(f"{path} cannot be read: {problem.strerror or problem}")
            continue
        stamps = (before.st_size, before.st_mtime_ns), (after.st_size, after.st_mtime_ns)
        if found == sought.sha256 and stamps[0] == stamps[1]:
            return Seen(path, *stamps[0], tuple(others), tuple(failures))
        others.append(path)
    return Seen(None, 0, 0, tuple(others), tuple(failures))


def judged(
    database: Database, sought: Iterable[Sought], seen: Iterable[Seen]
) -> Iterator[CheckedInput]:
    """Tell what became of files.

    Parameters
    ----------
    database : Database
        A catalogue.
    sought : iterable of Sought
        What was looked for.
    seen : iterable of Seen
        What `look` saw of each.

    Yields
    ------
    CheckedInput
        One each, in order.
    """
    for one, found in zip(sought, seen, strict=True):
        if found.path is not None:
            moved = bool(found.others or found.failures)
            yield CheckedInput(
                one.file_id, one.name, "moved" if moved else "same", found.path,
                _instead(found) if moved else None, found.size, found.mtime_ns,
            )  # fmt: skip
        elif found.others:
            path = found.others[0]
            what = _what_changed(database, one, path)
            yield CheckedInput(one.file_id, one.name, "changed", path, what)
        else:
            why = "; ".join(found.failures) or "the catalogue knows no place of it"
            last = one.places[0] if one.places else None
            yield CheckedInput(one.file_id, one.name, "missing", last, why)


def _instead(found: Seen) -> str:
    return "; ".join((*(f"{path} has other bytes" for path in found.others), *found.failures))


def _what_changed(database: Database, one: Sought, path: str) -> str:
    try:
        there = read_irac_file(path)
    except BadFile as problem:
        return str(problem)
    if there.data_sha256 != one.data_sha256:
        return "pixels"
    query = select(t.header.c.verbatim).where(t.header.c.file_id == one.file_id)
    with database.read() as connection:
        kept = connection.execute(query).scalar_one_or_none()
    same = kept is not None and zlib.decompress(kept) == there.header.verbatim
    return "padding" if same else "header"


def places_of_found(database: Database, plan: Plan, found: Mapping[int, CheckedInput]) -> Places:
    """Give what tells where the pixels of found files are.

    Parameters
    ----------
    database : Database
        A catalogue.
    plan : Plan
        What is measured.
    found : mapping
        `CheckedInput` by file.

    Returns
    -------
    callable
        For `iracdb.runs.making.measured_aors`: places of the very state in which the bytes were
        read.
    """

    def find(files: Sequence[ScienceFile]) -> tuple[FrameFile, ...]:
        every = (*files, *companions_of(plan.companions, files))
        query = select(t.file).where(_file.id.in_([file.file_id for file in every]))
        with database.read() as connection:
            rows = connection.execute(query).all()
        places = {row.id: _frame_file(row, found[row.id]) for row in rows}
        return with_companions(plan.companions, files, places)

    return find


def _frame_file(row: Any, found: CheckedInput) -> FrameFile:
    axes = (row.naxis3, row.naxis2, row.naxis1)
    return FrameFile(
        path=str(found.path),
        size=found.size,
        mtime_ns=found.mtime_ns,
        bitpix=row.bitpix,
        shape=tuple(length for length in axes if length is not None),
        data_offset=row.data_offset,
        scaled=row.bscale is not None or row.bzero is not None,
        wcs=row.wcs,
    )
