"""Carrying a plan out: workers measure, one writer writes, a transaction an AOR.

A killed run goes on at the first AOR that is not there. It closes only if every file it read is
the one that was declared, and as the catalogue knows it.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, insert, select, text

from iracdb.catalogue import selection
from iracdb.catalogue import tables as t
from iracdb.catalogue import targets as catalogue_targets
from iracdb.catalogue.database import Database, in_batches
from iracdb.catalogue.selection import ScienceFile
from iracdb.catalogue.targets import Position
from iracdb.errors import InputsChanged, RunRefused
from iracdb.irac.frames import FrameFile, check_unchanged
from iracdb.runs import registry
from iracdb.runs.companions import companions_of, with_companions
from iracdb.runs.making import Columns, Made, Places, made_rows, measured_aors, row_numbers
from iracdb.runs.measuring import workers
from iracdb.runs.plan import Plan

Progress = Callable[[int, int, str], None]
"""Called with frames done, frames in all, and the AOR just written."""


def execute(
    database: Database,
    run_id: int,
    plan: Plan,
    *,
    jobs: int = 1,
    check_inputs: bool = False,
    progress: Progress | None = None,
) -> None:
    """Measure what is not measured yet, and close the run.

    Parameters
    ----------
    database : Database
        Open for writing; this process holds the run's lock.
    run_id : int
        A declared run that is not finished.
    plan : Plan
        The one it was declared with.
    jobs : int, optional
        Worker processes.
    check_inputs : bool, optional
        Read every input once more before closing, and compare its hash.
    progress : callable, optional
        Called after each AOR.

    Raises
    ------
    InputsChanged
        Where a file is not the one that the catalogue knows; the run stays open.
    """
    with database.read() as connection:
        done = _aors_done(connection, run_id)
        declared = _declared(connection, run_id)
    writer = _Writer(database, run_id, plan, progress)
    left = [aorkey for aorkey in plan.aors if aorkey not in done]
    writer.skip(done)
    with workers(jobs) as team:
        writer.write_all(measured_aors(plan, left, _places(database, plan, declared), team))
    _check_inputs(database, declared, by_hash=check_inputs)
    with database.write() as connection:
        registry.close(connection, run_id)
    with database.write() as connection:
        # A join of two runs takes seconds until the database knows how large they are.
        connection.execute(text("ANALYZE"))


def _aors_done(connection: Connection, run_id: int) -> set[int]:
    keys = t.aor_result.c
    return set(
        connection.execute(select(keys.aorkey).where(keys.run_id == run_id).distinct()).scalars()
    )


def _declared(connection: Connection, run_id: int) -> set[int]:
    inputs = t.run_input.c
    return set(connection.execute(select(inputs.file_id).where(inputs.run_id == run_id)).scalars())


def _places(database: Database, plan: Plan, declared: set[int]) -> Places:
    """Give what finds the pixels of declared files where the catalogue knows them."""

    def find(files: Sequence[ScienceFile]) -> tuple[FrameFile, ...]:
        every = (*files, *companions_of(plan.companions, files))
        ids = [file.file_id for file in every]
        if not declared.issuperset(ids):
            raise RunRefused(f"AOR {files[0].aorkey} would read files that the run did not declare")
        with database.read() as connection:
            places = selection.frame_files(connection, ids)
        missing = [file.name for file in every if file.file_id not in places]
        if missing:
            raise InputsChanged(
                f"{missing[0]} is nowhere any more: put it back, ingest it, and repeat the command"
            )
        return with_companions(plan.companions, files, places)

    return find


class _Writer:
    """Writes whole AORs, in order."""

    def __init__(
        self, database: Database, run_id: int, plan: Plan, progress: Progress | None
    ) -> None:
        self._database = database
        self._run_id = run_id
        self._plan = plan
        self._progress = progress
        self._frames = len(plan.inputs)
        self._frames_done = 0
        self._rows = row_numbers(plan)

    def skip(self, done: set[int]) -> None:
        """Count what an earlier process wrote."""
        self._frames_done = sum(1 for file in self._plan.inputs if file.aorkey in done)
        if done and self._progress is not None:
            self._progress(self._frames_done, self._frames, "")

    def write_all(self, measured: Iterator[tuple[int, list[Columns | None]]]) -> None:
        """Write each AOR as soon as it is measured, before the next is asked for."""
        for aorkey, columns in measured:
            self._write(aorkey, columns)

    def _write(self, aorkey: int, columns: list[Columns | None]) -> None:
        averages = self._plan.of_aor(aorkey)
        numbers: dict[Position, int] = {}
        # Before the transaction: another engine may take its time.
        rows = made_rows(self._plan, aorkey, columns, self._rows[aorkey])
        with self._database.write() as connection:
            for average, made in zip(averages, rows, strict=True):
                if average.target not in numbers:
                    numbers[average.target] = catalogue_targets.find_or_add(
                        connection, average.target, other_than=numbers.values()
                    )
                self._write_average(connection, made, numbers[average.target])
        frames = {file.file_id for average in averages for file in average.files}
        self._frames_done += len(frames)
        if self._progress is not None:
            self._progress(self._frames_done, self._frames, str(aorkey))

    def _write_average(self, connection: Connection, made: Made, target_id: int) -> None:
        values = {**made.average, "run_id": self._run_id, "target_id": target_id}
        returning = insert(t.aor_result).values(**values).returning(t.aor_result.c.id)
        number = int(connection.execute(returning).scalar_one())
        if made.images:
            rows = [{"aor_result_id": number, **image} for image in made.images]
            connection.execute(insert(t.image_result), rows)


def _check_inputs(database: Database, declared: set[int], *, by_hash: bool) -> None:
    with database.read() as connection:
        places = selection.frame_files(connection, sorted(declared))
        hashes = _hashes(connection, sorted(declared)) if by_hash else {}
    for number in sorted(declared):
        place = places.get(number)
        if place is None:
            raise InputsChanged("A file that was measured is nowhere any more: the run stays open")
        try:
            check_unchanged(place, os.stat(place.path))
            if by_hash:
                _check_hash(place, hashes[number])
        except OSError as problem:
            raise InputsChanged(
                f"{place.path} was measured and cannot be read any more: {problem.strerror}"
            ) from None


def _hashes(connection: Connection, numbers: list[int]) -> dict[int, Any]:
    found: dict[int, Any] = {}
    for batch in in_batches(numbers, 500):
        query = select(t.file.c.id, t.file.c.sha256).where(t.file.c.id.in_(batch))
        found |= {row.id: row.sha256 for row in connection.execute(query)}
    return found


def _check_hash(place: FrameFile, expected: str) -> None:
    with Path(place.path).open("rb") as stream:
        found = hashlib.file_digest(stream, "sha256").hexdigest()
    if found != expected:
        raise InputsChanged(
            f"{place.path} has other bytes than were ingested, at the same size and time: "
            f"SHA-256 {found[:12]}..., not {expected[:12]}.... The run stays open; "
            "ingest with --rehash and make a new run"
        )
