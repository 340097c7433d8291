"""Ingest: folders of files become rows, once.

A walk lists what is there; what is known by size and time is not read again; the rest is read by
workers and stored by one writer, a transaction a batch, so that a killed ingest keeps what it had.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection, bindparam, select, update

from iracdb.catalogue import tables as t
from iracdb.catalogue.clock import now
from iracdb.catalogue.database import Database, in_batches
from iracdb.catalogue.ingest_facts import Place
from iracdb.catalogue.ingest_reading import Reading
from iracdb.catalogue.ingest_report import IngestReport, Outcome
from iracdb.catalogue.ingest_store import Store
from iracdb.catalogue.upkeep import analyse
from iracdb.errors import BadFile
from iracdb.irac.archive import Found, Walk, as_text, under, walk
from iracdb.irac.files import read_irac_file
from iracdb.workers import worker_pool

BATCH = 200

WORTH_A_WORKER = 500
"""Files: to start a process costs as much as to read so many."""

Progress = Callable[[int, int, str], None]
"""Called with files done, files to read, and the path just read."""


def ingest(
    database: Database,
    places: Iterable[str | os.PathLike[str]],
    *,
    rehash: bool = False,
    jobs: int = 1,
    progress: Progress | None = None,
) -> IngestReport:
    """Take folders and files into the catalogue.

    Parameters
    ----------
    database : Database
        Open for writing.
    places : iterable of path-like
        Folders, walked to the bottom, and single files.
    rehash : bool, optional
        Read every file again, also those whose size and time are as they were.
    jobs : int, optional
        Worker processes that read and hash, at most, where there are files enough for them. The
        result does not depend on it.
    progress : callable, optional
        Called after each file read.

    Returns
    -------
    IngestReport
        What became of every file.

    Raises
    ------
    NotFound
        Where a place is not there; nothing is stored then.
    """
    database.check_writable()
    seen = walk(places)
    report = IngestReport(
        found=len(seen.found), other_kinds=seen.other_kinds, other_files=seen.other_files
    )
    with database.read() as connection:
        known = _known_locations(connection)
        problems = _known_problems(connection)
    to_read = [found for found in seen.found if _to_read(found, known, problems, rehash, report)]
    done = 0
    first_of: dict[int, Place] = {}
    with _readers(min(jobs, len(to_read) // WORTH_A_WORKER)) as read:
        for batch in in_batches(to_read, BATCH):
            readings = read(batch)
            with database.write() as connection:
                Store(connection, report, first_of).keep(readings)
            for reading in readings:
                done += 1
                if progress is not None:
                    progress(done, len(to_read), reading.found.path)
    with database.write() as connection:
        _mark_gone(connection, seen, known, report)
        _settle_problems(connection, seen, problems, report)
        if to_read and connection.dialect.name == "postgresql":
            # Or the first run is planned as if there were no files.
            analyse(connection)
    return report


Stamp = tuple[int, int, bool]
"""Size, time of change, and whether a file was there, as last seen."""


def _known_locations(connection: Connection) -> dict[str, Stamp]:
    query = "SELECT path, size, mtime_ns, present FROM file_location"
    # By the driver alone: there may be millions, and one more object for each is felt.
    cursor: Any = connection.exec_driver_sql(query).cursor
    return {path: (size, time, present) for path, size, time, present in cursor}


def _known_problems(connection: Connection) -> dict[str, Any]:
    rows = connection.execute(select(t.file_problem).where(t.file_problem.c.resolved_at.is_(None)))
    return {row.path: row for row in rows}


# Whether these are still so is not told by size and time: they are looked at again each time.
_RETRIED = {"unreadable", "changing"}


def _to_read(
    found: Found,
    known: dict[str, Stamp],
    problems: dict[str, Any],
    rehash: bool,
    report: IngestReport,
) -> bool:
    """Tell whether a file must be read, and count it where it need not be."""
    if found.problem is not None or rehash:
        return True
    stamp = (found.size, found.mtime_ns)
    if known.get(found.path) == (*stamp, True):
        report.unchanged += 1
        return False
    problem = problems.get(as_text(found.path))
    if problem is not None and (problem.size, problem.mtime_ns) == stamp:
        if problem.code in _RETRIED:
            return True
        report.add(
            Outcome("set aside", as_text(found.path), problem.message, problem.code, again=True)
        )
        return False
    return True


@contextmanager
def _readers(jobs: int) -> Iterator[Callable[[list[Found]], list[Reading]]]:
    """Give what reads a batch: this process, or workers that end with the ingest."""
    if jobs <= 1:
        yield lambda batch: [_read_and_pack(found) for found in batch]
        return
    with worker_pool(jobs) as pool:
        yield lambda batch: list(
            pool.map(_read_and_pack, batch, chunksize=max(1, len(batch) // (4 * jobs)))
        )


def read_one(found: Found) -> Reading:
    """Read a file, or say why it cannot be taken in.

    Parameters
    ----------
    found : Found
        From the walk.

    Returns
    -------
    Reading
        With either the file or the problem.
    """
    if found.problem is not None:
        code, message = found.problem
        return Reading(found, None, BadFile(message, code=code))
    try:
        found.path.encode("utf-8")
    except UnicodeEncodeError:
        return Reading(found, None, BadFile("its path is not UTF-8 text", code="unreadable-name"))
    try:
        return Reading(found, read_irac_file(found.path), None)
    except BadFile as problem:
        return Reading(found, None, problem)


def _read_and_pack(found: Found) -> Reading:
    """Read a file, and do what can be done before storing: in a worker, while it is at hand."""
    reading = read_one(found)
    if reading.file is not None:
        _ = reading.packed  # it is kept in the reading, and sent with it
        # Hundreds of headers in pieces would leave no room in the processor's own memory.
        reading.file.header.forget()
    return reading


def _mark_gone(
    connection: Connection, seen: Walk, known: dict[str, Stamp], report: IngestReport
) -> None:
    gone = sorted(
        path
        for path in known.keys() - {found.path for found in seen.found}
        if known[path][2]
        and path not in report.moved_from
        and under(path, seen.roots)
        and not os.path.lexists(path)
    )
    for path in gone:
        report.add(Outcome("gone", path, "it is no longer there"))
    if gone:
        connection.execute(
            update(t.file_location).where(t.file_location.c.path == bindparam("b_path")),
            [{"b_path": path, "present": False} for path in gone],
        )


def _settle_problems(
    connection: Connection, seen: Walk, problems: dict[str, Any], report: IngestReport
) -> None:
    """Settle the problems of files that were set aside and have gone."""
    if not problems:
        return
    there = {as_text(found.path) for found in seen.found}
    settled = [
        path
        for path in sorted(problems)
        if path not in there and under(path, seen.roots) and not os.path.lexists(path)
    ]
    when = now()
    for path in settled:
        report.add(Outcome("no longer set aside", path, "it is gone"))
        connection.execute(
            update(t.file_problem).where(t.file_problem.c.path == path).values(resolved_at=when)
        )
