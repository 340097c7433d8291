"""Thawing: a frozen run comes into a catalogue, which may know it, or much of it, already."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Row, exc, select, text

from iracdb.catalogue import tables as t
from iracdb.catalogue import views
from iracdb.catalogue.activity import record_activity
from iracdb.catalogue.clock import now
from iracdb.catalogue.database import Database
from iracdb.catalogue.upkeep import analyse
from iracdb.errors import InputRefused, RunRefused
from iracdb.export.frozen.carrying import Carrier, Place, Step
from iracdb.export.frozen.holdings import Holdings
from iracdb.export.frozen.marks import Contents
from iracdb.export.frozen.numbers import FreePlaces
from iracdb.export.frozen.places import file_path
from iracdb.export.frozen.reading import frozen_runs, opened_frozen
from iracdb.runs import registry
from iracdb.runs.digested import digest_of_run

_LOCKS = (4977672, 4977674)
"""Those of an ingest and of an import: frames, files and targets come in one at a time."""


@dataclass(frozen=True)
class Thawed:
    """A run that came out of a frozen file.

    Parameters
    ----------
    run_id : int
        Its number here.
    name : str
        Its name here.
    uuid : str
        The same in every catalogue.
    digest : str
        SHA-256 of its results, as in the file.
    was : Place
        Its number and name in the file.
    new : bool
        False where this catalogue held it already: nothing was done then.
    added : dict, optional
        Rows that are new here, by table.
    absent : int, optional
        Places of files that are new here, and at which the file does not lie.
    parents : tuple of Thawed, optional
        The runs that it was made from, the first of them first.
    """

    run_id: int
    name: str
    uuid: str
    digest: str
    was: Place
    new: bool
    added: Mapping[str, int] = field(default_factory=dict)
    absent: int = 0
    parents: tuple[Thawed, ...] = ()


def thaw(
    database: Database,
    place: str | os.PathLike[str],
    *,
    number: int | None = None,
    name: str | None = None,
    step: Step | None = None,
) -> Thawed:
    """Take a frozen run, and the runs that it was made from, into a catalogue.

    Parameters
    ----------
    database : Database
        Open for writing.
    place : path-like
        The frozen file.
    number, name : optional
        For the run here; by default its own, or free ones.
    step : callable, optional
        Told which table is next.

    Returns
    -------
    Thawed
        What became of it.

    Raises
    ------
    InputRefused
        Where the file is no frozen run, or was changed since.
    RunRefused
        Where the number or name is taken, or the run is held with other results.
    CannotWrite
        Where nothing can be written to the catalogue.
    """
    database.check_writable()
    path, started_at = file_path(place), now()
    with (
        opened_frozen(path) as (frozen, contents),
        frozen.read() as source,
        database.write() as target,
    ):
        if target.dialect.name == "postgresql":
            for lock in _LOCKS:
                target.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": lock})
        runs = frozen_runs(source, contents)
        held = _held(target, runs, contents)
        if runs[-1].uuid in held:
            return _known(runs, held, contents)[-1]
        thawing = _Thawing(source, target, path, contents, held, started_at)
        done = thawing.take_in(runs, number, name, step)
    with database.write() as connection:
        analyse(connection)
    return done


def _held(
    connection: Connection, runs: Sequence[Row[Any]], contents: Contents
) -> dict[str, Row[Any]]:
    """Find the runs that this catalogue holds already, by uuid, with the same results."""
    uuids = [run.uuid for run in runs]
    found = connection.execute(select(t.run).where(t.run.c.uuid.in_(uuids))).all()
    for run in found:
        where = f"Run {run.run_id} ({run.name}) is the same run by its uuid, {run.uuid}"
        if run.state != "finished":
            raise RunRefused(f"{where}, and is not finished here")
        made = digest_of_run(connection, run).sha256
        if made != contents.digests[run.uuid]:
            raise RunRefused(
                f"{where}, but its results here have the digest {made}, and those in the file "
                f"{contents.digests[run.uuid]}"
            )
    return {run.uuid: run for run in found}


def _known(
    runs: Sequence[Row[Any]], held: Mapping[str, Row[Any]], contents: Contents
) -> list[Thawed]:
    return [
        Thawed(
            held[run.uuid].run_id, held[run.uuid].name, run.uuid, contents.digests[run.uuid],
            Place(run.run_id, run.name), new=False,
        )
        for run in runs if run.uuid in held
    ]  # fmt: skip


class _Thawing:
    """One frozen file on its way into a catalogue."""

    def __init__(
        self,
        source: Connection,
        target: Connection,
        path: Path,
        contents: Contents,
        held: Mapping[str, Row[Any]],
        started_at: str,
    ) -> None:
        self._source = source
        self._target = target
        self._path = path
        self._contents = contents
        self._held = held
        self._started_at = started_at
        with path.open("rb") as stream:
            self._sha256 = hashlib.file_digest(stream, "sha256").hexdigest()

    def take_in(
        self, runs: Sequence[Row[Any]], number: int | None, name: str | None, step: Step | None
    ) -> Thawed:
        coming = [run for run in runs if run.uuid not in self._held]
        places = self._places(coming, number, name)
        carrier = Carrier(
            self._source,
            self._target,
            places,
            Holdings(self._target),
            known_runs={run.run_id: self._held[run.uuid].run_id
                        for run in runs if run.uuid in self._held},
            stranger=True,
        )  # fmt: skip
        try:
            carrier.carry(step)
        # What a stranger's file holds may be more than any of the checks thought of.
        except (exc.IntegrityError, exc.DataError, ValueError, TypeError, LookupError) as problem:
            said = " ".join(str(getattr(problem, "orig", problem)).split())
            raise InputRefused(f"{self._path} is refused: {said}") from problem
        done = [self._closed(run, places[run.run_id]) for run in coming]
        known = _known(runs[:-1], self._held, self._contents)
        return replace(
            done[-1],
            added=dict(carrier.added),
            absent=carrier.absent,
            parents=(*known, *done[:-1]),
        )

    def _places(
        self, coming: Sequence[Row[Any]], number: int | None, name: str | None
    ) -> dict[int, Place]:
        """Give each run its number and name: the last one first, which may have been asked for."""
        free = FreePlaces(self._target)
        places = {coming[-1].run_id: free.take(coming[-1], number, name)}
        places |= {run.run_id: free.take(run) for run in coming[:-1]}
        # Parents before children, as their rows must come.
        return {run.run_id: places[run.run_id] for run in coming}

    def _closed(self, run: Row[Any], place: Place) -> Thawed:
        """Make a run's views, check its results, and note where it came from."""
        here = registry.find(self._target, place.run_id)
        digest = digest_of_run(self._target, here).sha256
        if digest != self._contents.digests[run.uuid]:
            raise InputRefused(
                f"{self._path} is refused: the results of run {run.run_id} ({run.name}) have the "
                f"digest {digest} here, and {self._contents.digests[run.uuid]} in the file"
            )
        if here.withdrawn_at is None:
            views.create_run_views(self._target, place.run_id)
        was = Place(run.run_id, run.name)
        record_activity(
            self._target,
            "thaw",
            place.run_id,
            "thawed",
            started_at=self._started_at,
            detail={
                "folder": str(self._path.parent),
                "files": [{"name": self._path.name, "sha256": self._sha256}],
                "digest": digest,
                "was": vars(was),
            },
        )
        return Thawed(place.run_id, place.name, run.uuid, digest, was, new=True)
