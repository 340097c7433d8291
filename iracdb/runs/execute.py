"""Carrying a plan out: workers measure, one writer writes, a transaction an AOR.

A killed run goes on at the first AOR that is not there. It closes only if every file it read is
the one that was declared, and as the catalogue knows it.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import chain, groupby
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, insert, select

from iracdb.catalogue import tables as t
from iracdb.catalogue import targets as catalogue_targets
from iracdb.catalogue.bulk import insert_columns
from iracdb.catalogue.database import Database, in_batches
from iracdb.catalogue.file_places import Place, frame_files, places_of_files
from iracdb.catalogue.selection import ScienceFile
from iracdb.catalogue.targets import Position
from iracdb.catalogue.upkeep import analyse
from iracdb.errors import InputsChanged, RunRefused
from iracdb.irac.frames import FrameFile, check_unchanged
from iracdb.runs import registry
from iracdb.runs.companions import companions_of, with_companions
from iracdb.runs.making import (
    Columns,
    Made,
    Places,
    made_rows_of,
    measured_through,
    row_numbers,
)
from iracdb.runs.measuring import Workers, workers
from iracdb.runs.plan import Plan

Images = dict[str, list[Any]]

_AT_ONCE = 10_000
"""Images written by one call: an AOR may have a quarter of a million planes."""

_INSERT_AVERAGE = insert(t.aor_result).returning(t.aor_result.c.id)

Progress = Callable[[int, int, str], None]
"""Called with frames done, frames in all, and the AOR just written, a `Written`; as the measuring
begins, too."""


class Written(str):
    """An AOR that was just written; "" as the measuring begins, for those that were there already.

    Parameters
    ----------
    aorkey : str
        Its key.
    problems : str
        What was wrong so far, in words; "" for nothing.
    """

    problems: str

    def __new__(cls, aorkey: str, problems: str) -> Written:
        """Make the text."""
        written = super().__new__(cls, aorkey)
        written.problems = problems
        return written


def execute(
    database: Database,
    run_id: int,
    plan: Plan,
    *,
    jobs: int = 1,
    team: Workers | None = None,
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
    team : Workers, optional
        What measures instead, such as a cluster.
    check_inputs : bool, optional
        Read every input once more before closing, and compare its hash.
    progress : callable, optional
        Called as the measuring begins, and after each AOR.

    Raises
    ------
    InputsChanged
        Where a file is not the one that the catalogue knows; the run stays open.
    """
    execute_together(
        database,
        {run_id: plan},
        jobs=jobs,
        team=team,
        check_inputs=check_inputs,
        progress=progress,
    )


def execute_together(
    database: Database,
    plans: Mapping[int, Plan],
    *,
    jobs: int = 1,
    team: Workers | None = None,
    check_inputs: bool = False,
    progress: Progress | None = None,
) -> None:
    """Make several runs that differ in their aperture alone: measure once, and close them all.

    Each frame is read, and each centre fitted, once. An AOR of all runs is written in one
    transaction, and all are closed in one.

    Parameters
    ----------
    database : Database
        Open for writing; this process holds the locks of all runs.
    plans : mapping
        Plans by the numbers of declared runs that are not finished.
    jobs, team, check_inputs, progress : optional
        As of `execute`.

    Raises
    ------
    InputsChanged
        Where a file is not the one that the catalogue knows; all runs stay open.
    """
    with database.read() as connection:
        done = {run_id: _aors_done(connection, run_id) for run_id in plans}
        declared = _declared(connection, plans)
    writer = _Writer(database, plans, done, progress)
    first = writer.plans[0]
    apertures = tuple(plan.parameters.aperture for plan in writer.plans)
    left = [aorkey for aorkey in first.aors if not writer.has(aorkey)]
    with workers(jobs, team) as hands:
        # Only now the measuring begins: the first time, a minute has passed in compiling.
        writer.skip()
        places = _places(database, first, declared)
        writer.write_all(measured_through(apertures, first, left, places, hands))
    _check_inputs(database, declared, by_hash=check_inputs)
    with database.write() as connection:
        for run_id in plans:
            registry.close(connection, run_id)
    with database.write() as connection:
        # A join of two runs takes seconds until the database knows how large they are.
        analyse(connection)


def _aors_done(connection: Connection, run_id: int) -> set[int]:
    keys = t.aor_result.c
    return set(
        connection.execute(select(keys.aorkey).where(keys.run_id == run_id).distinct()).scalars()
    )


def _declared(connection: Connection, run_ids: Iterable[int]) -> set[int]:
    inputs = t.run_input.c
    query = select(inputs.file_id).where(inputs.run_id.in_(list(run_ids))).distinct()
    return set(connection.execute(query).scalars())


def _places(database: Database, plan: Plan, declared: set[int]) -> Places:
    """Give what finds the pixels of declared files where the catalogue knows them."""

    def find(files: Sequence[ScienceFile]) -> tuple[FrameFile, ...]:
        every = (*files, *companions_of(plan.companions, files))
        ids = [file.file_id for file in every]
        if not declared.issuperset(ids):
            raise RunRefused(f"AOR {files[0].aorkey} would read files that the run did not declare")
        with database.read() as connection:
            places = frame_files(connection, ids)
        missing = [file.name for file in every if file.file_id not in places]
        if missing:
            raise InputsChanged(
                f"{missing[0]} is nowhere any more: put it back, ingest it, and repeat the command"
            )
        return with_companions(plan.companions, files, places)

    return find


class _Writer:
    """Writes whole AORs, in order, of one run or of several over the same frames."""

    def __init__(
        self,
        database: Database,
        plans: Mapping[int, Plan],
        done: Mapping[int, set[int]],
        progress: Progress | None,
    ) -> None:
        self._database = database
        self._run_ids = tuple(plans)
        self.plans = tuple(plans.values())
        self._done = done
        self._progress = progress
        # Averages and files are those of all runs.
        self._frames = len(self.plans[0].inputs)
        self._frames_done = 0
        self._rows = row_numbers(self.plans[0])
        self._without_flux = 0
        self._problem_aors: set[int] = set()
        self._targets: dict[Position, int] = {}

    def has(self, aorkey: int) -> bool:
        """Tell whether an earlier process wrote an AOR of all runs."""
        return all(aorkey in done for done in self._done.values())

    def skip(self) -> None:
        """Count what an earlier process wrote, and tell where this one begins."""
        if any(self._done.values()):
            self._frames_done = sum(1 for file in self.plans[0].inputs if self.has(file.aorkey))
            with self._database.read() as connection:
                self._count_problems(_numbers_of_averages(connection, self._run_ids))
        self._tell("")

    def write_all(self, measured: Iterator[tuple[int, list[list[Columns | None]]]]) -> None:
        """Write each AOR as soon as it is measured, before the next is asked for."""
        for aorkey, columns in measured:
            self._write(aorkey, columns)

    def _write(self, aorkey: int, columns: list[list[Columns | None]]) -> None:
        averages = self.plans[0].of_aor(aorkey)
        numbers: dict[Position, int] = {}
        # Before the transaction: another engine may take its time.
        rows = made_rows_of(self.plans, aorkey, columns, self._rows[aorkey])
        with self._database.write() as connection:
            for average in averages:
                if average.target not in numbers:
                    numbers[average.target] = self._target(connection, average.target, numbers)
            images: list[tuple[int, Images]] = []
            for run_id, mine in zip(self._run_ids, rows, strict=True):
                # One run of a study may have gone on alone.
                if aorkey in self._done[run_id]:
                    continue
                for average, made in zip(averages, mine, strict=True):
                    number = _write_average(connection, run_id, made, numbers[average.target])
                    images.append((number, made.images))
            _write_images(connection, images)
        # Once they are kept: averages that refer to them hold them.
        self._targets |= numbers
        frames = {file.file_id for average in averages for file in average.files}
        self._frames_done += len(frames)
        self._count_problems(
            (aorkey, made.average["n_total"], made.average["n_workable"])
            for run_id, mine in zip(self._run_ids, rows, strict=True)
            if aorkey not in self._done[run_id]
            for made in mine
        )
        self._tell(str(aorkey))

    def _target(
        self, connection: Connection, position: Position, others: Mapping[Position, int]
    ) -> int:
        """Give the number of a position, which many AORs may have in common."""
        known = self._targets.get(position)
        if known is not None and known not in others.values():
            return known
        return catalogue_targets.find_or_add(connection, position, other_than=others.values())

    def _count_problems(self, averages: Iterable[tuple[int, int, int]]) -> None:
        for aorkey, total, workable in averages:
            self._without_flux += total - workable
            if not workable:
                self._problem_aors.add(aorkey)

    def _tell(self, aorkey: str) -> None:
        if self._progress is None:
            return
        images, aors = self._without_flux, len(self._problem_aors)
        told = [f"{images:,} without a flux"] if images else []
        if aors:
            told.append(f"{aors:,} problem {'AOR' if aors == 1 else 'AORs'}")
        self._progress(self._frames_done, self._frames, Written(aorkey, ", ".join(told)))


def _numbers_of_averages(
    connection: Connection, run_ids: Sequence[int]
) -> list[tuple[int, int, int]]:
    average = t.aor_result.c
    query = select(average.aorkey, average.n_total, average.n_workable)
    rows = connection.execute(query.where(average.run_id.in_(run_ids)))
    return [(row.aorkey, row.n_total, row.n_workable) for row in rows]


def _write_average(connection: Connection, run_id: int, made: Made, target_id: int) -> int:
    values = {**made.average, "run_id": run_id, "target_id": target_id}
    return int(connection.execute(_INSERT_AVERAGE, values).scalar_one())


def _write_images(connection: Connection, averages: list[tuple[int, Images]]) -> None:
    """Write the images of an AOR, all averages that have the same columns at once."""
    there = (average for average in averages if average[1])
    for names, group in groupby(there, key=lambda average: tuple(average[1])):
        alike = list(group)
        numbers = [number for number, images in alike for _ in images[names[0]]]
        columns = {"aor_result_id": numbers}
        for name in names:
            columns[name] = list(chain.from_iterable(images[name] for _, images in alike))
        for first in range(0, len(numbers), _AT_ONCE):
            some = {name: v[first : first + _AT_ONCE] for name, v in columns.items()}
            insert_columns(connection, t.image_result, some)


def _check_inputs(database: Database, declared: set[int], *, by_hash: bool) -> None:
    numbers = sorted(declared)
    with database.read() as connection:
        places = places_of_files(connection, numbers)
        hashes = _hashes(connection, numbers) if by_hash else {}
    for number in numbers:
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


def _check_hash(place: Place, expected: str) -> None:
    with Path(place.path).open("rb") as stream:
        found = hashlib.file_digest(stream, "sha256").hexdigest()
    if found != expected:
        raise InputsChanged(
            f"{place.path} has other bytes than were ingested, at the same size and time: "
            f"SHA-256 {found[:12]}..., not {expected[:12]}.... The run stays open; "
            "ingest with --rehash and make a new run"
        )
