"""New files of a batch, stored together.

Most files of an ingest are as simple as can be: their content is not held, nothing was ever at
their path. A stretch of them goes in by a few statements, and its rows are those that
`iracdb.catalogue.ingest_store.Store` would have stored one file after the other.
"""

# ruff: noqa: S608 (the SQL is put together from words and integers of our own)
from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Column, Connection, select, text

from iracdb.catalogue import tables as t
from iracdb.catalogue.bulk import insert_rows, reserve_numbers
from iracdb.catalogue.ingest_facts import FRAME_FACTS, belief
from iracdb.catalogue.ingest_reading import Reading
from iracdb.catalogue.ingest_report import IngestReport, Outcome
from iracdb.catalogue.tables import file, file_location, file_problem, frame
from iracdb.irac.files import FACTS, IracFile

_FILE = (
    "id", "frame_id", "kind", "version", "name", "size", "sha256", "data_sha256", "bitpix",
    "naxis1", "naxis2", "naxis3", "data_offset", "wcs", "first_seen", *FACTS,
)  # fmt: skip
_FRAME = ("id", "channel", "aorkey", "expid", "dcenum", *FRAME_FACTS)
_LOCATION = ("path", "file_id", "size", "mtime_ns", "present", "first_seen", "last_seen")

Exposure = tuple[int, int, int, int]
"""Channel, AORKEY, EXPID, DCENUM: what tells a frame."""


@dataclass
class Stored:
    """What became of a stretch.

    Parameters
    ----------
    outcomes : list of Outcome
        In the order of the files.
    frames : int
        New frames.
    touched : set of int
        Frames that were there already, and have one more file now.
    """

    outcomes: list[Outcome]
    frames: int
    touched: set[int]


def exposure(content: IracFile) -> Exposure:
    """Tell the frame that a file shows.

    Parameters
    ----------
    content : IracFile
        The file.

    Returns
    -------
    tuple of int
        Channel, AORKEY, EXPID, DCENUM.
    """
    name = content.name
    return name.channel, name.aorkey, name.expid, name.dcenum


class Familiar:
    """What the catalogue knows of a batch before it is stored.

    Parameters
    ----------
    connection : sqlalchemy.Connection
        In a transaction that may write.
    readings : list of Reading
        The batch.
    """

    def __init__(self, connection: Connection, readings: list[Reading]) -> None:
        files = [reading.file for reading in readings if reading.file is not None]
        paths = [reading.found.path for reading in readings if reading.file is not None]
        self.contents = _those_held(connection, file.c.sha256, [one.sha256 for one in files])
        self.paths = _those_held(connection, file_location.c.path, paths)
        self.paths |= _those_held(connection, file_problem.c.path, paths)

    def is_new(self, reading: Reading) -> bool:
        """Tell whether nothing is known of a file, its content or its path.

        Parameters
        ----------
        reading : Reading
            Of the batch.

        Returns
        -------
        bool
            False for one that could not be read too.
        """
        return (
            reading.file is not None
            and reading.problem is None
            and reading.file.sha256 not in self.contents
            and reading.found.path not in self.paths
        )


def _those_held(connection: Connection, column: Column[Any], values: Sequence[str]) -> set[str]:
    return set(connection.execute(select(column).where(column.in_(values))).scalars())


def store_new(connection: Connection, readings: Sequence[Reading], when: str) -> Stored:
    """Store files of which nothing is known, each with content of its own.

    Parameters
    ----------
    connection : sqlalchemy.Connection
        In a transaction that may write.
    readings : sequence of Reading
        All with a file.
    when : str
        The time to write down.

    Returns
    -------
    Stored
        What became of them; nothing was reported yet.
    """
    contents = [reading.file for reading in readings if reading.file is not None]
    _add_aors(connection, {content.name.aorkey for content in contents})
    by_frame: dict[Exposure, list[IracFile]] = defaultdict(list)
    for content in contents:
        by_frame[exposure(content)].append(content)
    held = _frames_held(connection, by_frame)
    new = [one for one in by_frame if one not in held]
    numbers = held | dict(zip(new, reserve_numbers(connection, frame, len(new)), strict=True))
    best = (max(by_frame[one], key=_belief_of) for one in new)
    insert_rows(
        connection, frame, _FRAME,
        [(numbers[one], *one, *(told.facts[fact] for fact in FRAME_FACTS))
         for one, told in zip(new, best, strict=True)],
    )  # fmt: skip
    versions = _versions_held(connection, held.values())
    outcomes = []
    for reading, content in zip(readings, contents, strict=True):
        seen = versions[numbers[exposure(content)], content.name.kind]
        outcomes.append(Outcome(*_compared(reading.found.path, content.name.version, seen)))
        seen.append(content.name.version)
    _add_files(connection, readings, contents, numbers, when)
    return Stored(outcomes, len(new), set(held.values()))


def compare_versions(version: int, versions: Collection[int]) -> tuple[str, str]:
    """Tell what new content is to the frame it shows.

    Parameters
    ----------
    version : int
        Of its name.
    versions : collection of int
        Those of the same kind that are held of the frame.

    Returns
    -------
    tuple of str
        An outcome of `iracdb.catalogue.ingest_report.OUTCOMES`, and a clause.
    """
    if not versions:
        return "new", ""
    newest = max(versions)
    if version > newest:
        return "newer version", f"version {version} after {newest}"
    if version in versions:
        return "sibling", f"version {version} is held with other content too"
    return "older version", f"version {version}, where {newest} is held"


def _compared(path: str, version: int, versions: Collection[int]) -> tuple[str, str, str]:
    kind, note = compare_versions(version, versions)
    return kind, path, note


def _belief_of(content: IracFile) -> tuple[Any, ...]:
    name = content.name
    return belief(name.kind, name.version, content.facts["creator"], content.sha256)


def _add_aors(connection: Connection, aorkeys: set[int]) -> None:
    query = select(t.aor.c.aorkey).where(t.aor.c.aorkey.in_(aorkeys))
    new = aorkeys - set(connection.execute(query).scalars())
    insert_rows(connection, t.aor, ("aorkey",), [(aorkey,) for aorkey in sorted(new)])


def _frames_held(connection: Connection, wanted: Iterable[Exposure]) -> dict[Exposure, int]:
    # A list of rows in IN would make SQLite look at every frame; so each is looked up.
    rows = ", ".join(map(str, wanted))
    query = text(
        f"WITH wanted (channel, aorkey, expid, dcenum) AS (VALUES {rows}) "
        "SELECT e.channel, e.aorkey, e.expid, e.dcenum, e.id FROM wanted w CROSS JOIN frame e "
        "WHERE e.channel = w.channel AND e.aorkey = w.aorkey AND e.expid = w.expid "
        "AND e.dcenum = w.dcenum AND e.expid IS NOT NULL"
    )
    return {(row[0], row[1], row[2], row[3]): row[4] for row in connection.execute(query)}


def _versions_held(
    connection: Connection, frames: Collection[int]
) -> dict[tuple[int, str], list[int]]:
    found: dict[tuple[int, str], list[int]] = defaultdict(list)
    if frames:
        columns = file.c
        query = select(columns.frame_id, columns.kind, columns.version)
        for row in connection.execute(query.where(columns.frame_id.in_(frames))):
            found[row.frame_id, row.kind].append(row.version)
    return found


def _add_files(
    connection: Connection,
    readings: Sequence[Reading],
    contents: Sequence[IracFile],
    frames: dict[Exposure, int],
    when: str,
) -> None:
    files, headers, locations = [], [], []
    numbers = reserve_numbers(connection, file, len(contents))
    for number, reading, content in zip(numbers, readings, contents, strict=True):
        planes, rows, columns = (None, *content.shape)[-3:]
        name, packed = content.name, reading.packed
        files.append((
            number, frames[exposure(content)], name.kind, name.version, str(name), content.size,
            content.sha256, content.data_sha256, content.bitpix, columns, rows, planes,
            len(content.header.verbatim), packed.wcs, when,
            *(content.facts[fact] for fact in FACTS),
        ))  # fmt: skip
        headers.append((number, packed.verbatim, packed.cards))
        locations.append(
            (reading.found.path, number, content.size, content.mtime_ns, True, when, when)
        )
    insert_rows(connection, file, _FILE, files)
    insert_rows(connection, t.header, ("file_id", "verbatim", "cards"), headers)
    insert_rows(connection, file_location, _LOCATION, locations)


def report_new(report: IngestReport, readings: Sequence[Reading], stored: Stored) -> None:
    """Tell of a stretch that is stored.

    Parameters
    ----------
    report : IngestReport
        Filled with it.
    readings : sequence of Reading
        The stretch.
    stored : Stored
        What became of it.
    """
    report.outcomes.extend(stored.outcomes)
    report.frames += stored.frames
    report.aors.update(one.file.name.aorkey for one in readings if one.file is not None)
