"""Freezing a run: one SQLite file that holds it and all that explains it."""

from __future__ import annotations

import contextlib
import hashlib
import os
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Row, func, select

from iracdb.catalogue import revisions, views
from iracdb.catalogue import tables as t
from iracdb.catalogue.activity import record_activity
from iracdb.catalogue.clock import now
from iracdb.catalogue.database import Database, connect, open_database
from iracdb.catalogue.sqlite_files import FROZEN
from iracdb.catalogue.urls import database_url
from iracdb.errors import CannotWrite, CatalogueError, RunRefused
from iracdb.export.frozen.belongings import with_parents
from iracdb.export.frozen.carrying import Carrier, Place, Step
from iracdb.export.frozen.holdings import NothingHeld
from iracdb.export.frozen.marks import KIND, Contents, fingerprints, write_contents
from iracdb.export.frozen.places import check_place, file_path, in_the_way, workshop
from iracdb.export.prov.writing import prov_text
from iracdb.runs import registry
from iracdb.runs.digested import digest_of_run
from iracdb.runs.results import Run
from iracdb.runs.withdrawal import withdrawn_sentence


@dataclass(frozen=True)
class Frozen:
    """A frozen run.

    Parameters
    ----------
    path : Path
        The file.
    run_id : int
        The run's number, in the file as in the catalogue.
    name : str
        Its name.
    uuid : str
        What tells it from every other run.
    digest : str
        SHA-256 of its results: the run's own.
    sha256 : str
        Of the file.
    size : int
        Of the file, bytes.
    parents : tuple of str
        Names of the runs that it was made from, which are in the file too.
    averages, images, files : int
        How much is in the file.
    withdrawn : str or None
        Where the run is withdrawn, the sentence that says so.
    written : bool
        False where this very file was there already.
    """

    path: Path
    run_id: int
    name: str
    uuid: str
    digest: str
    sha256: str
    size: int
    parents: tuple[str, ...]
    averages: int
    images: int
    files: int
    withdrawn: str | None
    written: bool = True


def freeze(
    database: Database,
    which: int | str,
    place: str | os.PathLike[str],
    *,
    overwrite: bool = False,
    step: Step | None = None,
) -> Frozen:
    """Write a run and all that explains it into one SQLite file.

    Parameters
    ----------
    database : Database
        The catalogue, which may be one that is only read.
    which : int or str
        The run's number or name.
    place : path-like
        The file.
    overwrite : bool, optional
        Replace a file that holds something else; never a catalogue.
    step : callable, optional
        Told which table is next.

    Returns
    -------
    Frozen
        What was written.

    Raises
    ------
    RunRefused
        Where the run is not finished, or its rows no longer have its digest.
    CannotWrite
        Where the file cannot be written, or something else is there; nothing is left behind.
    UsageError
        Where the place is not a file's.
    """
    path = file_path(place)
    started_at = now()
    with database.read() as source:
        row = registry.find(source, which)
        runs = [registry.find(source, number) for number in with_parents(source, row.run_id)]
        digests = {run.uuid: _own_digest(source, run) for run in runs}
        check_place(path, database, overwrite=overwrite)
        with workshop(path) as folder:
            filled, finished = folder / "filled", folder / "finished"
            contents = _fill(source, runs, digests, filled, step)
            _finish(filled, finished)
            frozen = _described(finished, path, runs, contents)
            if _same_file(path, frozen):
                return replace(frozen, written=False)
            if os.path.lexists(path) and not overwrite:
                raise in_the_way(path)
            os.replace(finished, path)
    _record(database, frozen, started_at)
    return frozen


def _own_digest(connection: Connection, run: Row[Any]) -> str:
    """Make a run's digest from its rows, which must be the one that it was closed with."""
    if run.state != "finished":
        raise RunRefused(
            f"Run {run.run_id} ({run.name}) is not finished: repeat the command that began it"
        )
    made = digest_of_run(connection, run).sha256
    if run.result_digest not in (None, made):
        raise RunRefused(
            f"The rows of run {run.run_id} ({run.name}) are not those that it was closed with: "
            f"their digest is {made}, the run's is {run.result_digest}"
        )
    return made


def _fill(
    source: Connection,
    runs: Sequence[Row[Any]],
    digests: dict[str, str],
    path: Path,
    step: Step | None,
) -> Contents:
    database = connect(database_url(path), create=True)
    run_id = runs[-1].run_id
    try:
        with database.migrate() as connection:
            revisions.upgrade(connection)
        places = {run.run_id: Place(run.run_id, run.name) for run in runs}
        with database.write() as target:
            Carrier(source, target, places, NothingHeld()).carry(step)
            views.rebuild_all(target)
        # Of the file, not of the catalogue: it tells of what is in it.
        provenance = "".join(prov_text(database, Run(database, run_id), "json", "aor"))
        with database.write() as target:
            return write_contents(target, run_id, digests, provenance)
    finally:
        database.close()


def _finish(filled: Path, finished: Path) -> None:
    """Pack the file, give it its mark, and let nobody write to it by mistake."""
    connection = sqlite3.connect(filled, isolation_level=None)
    try:
        connection.execute(f"PRAGMA application_id = {FROZEN}")
        connection.execute("ANALYZE")
        connection.execute("VACUUM INTO ?", (str(finished),))
    finally:
        connection.close()
    filled.unlink()
    mask = os.umask(0)
    os.umask(mask)
    os.chmod(finished, 0o444 & ~mask)
    handle = os.open(finished, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _described(finished: Path, path: Path, runs: Sequence[Row[Any]], contents: Contents) -> Frozen:
    """Read a finished file back: it must hold what was to be frozen."""
    database = open_database(database_url(finished))
    try:
        with database.read() as connection:
            broken = connection.exec_driver_sql("PRAGMA foreign_key_check").first()
            held = {run.uuid: digest_of_run(connection, run).sha256
                    for run in connection.execute(select(t.run))}  # fmt: skip
            if broken or held != contents.digests or fingerprints(connection) != contents.tables:
                raise RunRefused(
                    f"What was written of run {runs[-1].run_id} ({runs[-1].name}) does not read "
                    "back as it is in the catalogue: it is not frozen"
                )
            averages, images, files = (
                int(connection.execute(select(func.count()).select_from(table)).scalar_one())
                for table in (t.aor_result, t.image_result, t.file)
            )
    finally:
        database.close()
    with finished.open("rb") as stream:
        sha256 = hashlib.file_digest(stream, "sha256").hexdigest()
    run = runs[-1]
    return Frozen(
        path=path,
        run_id=run.run_id,
        name=run.name,
        uuid=run.uuid,
        digest=contents.digests[run.uuid],
        sha256=sha256,
        size=finished.stat().st_size,
        parents=tuple(parent.name for parent in runs[:-1]),
        averages=averages,
        images=images,
        files=files,
        withdrawn=withdrawn_sentence(run),
    )


def _same_file(path: Path, frozen: Frozen) -> bool:
    if not path.is_file() or path.stat().st_size != frozen.size:
        return False
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest() == frozen.sha256


def _record(database: Database, frozen: Frozen, started_at: str) -> None:
    """Note in the catalogue what was written; one that is only read is left as it is."""
    detail = {
        "folder": str(frozen.path.parent),
        "files": [{"name": frozen.path.name, "sha256": frozen.sha256}],
        "digest": frozen.digest,
    }
    # The file is written: that there is no note of it must not look like a failure.
    with contextlib.suppress(CatalogueError, CannotWrite), database.write() as connection:
        record_activity(
            connection, KIND, frozen.run_id, "1 file", started_at=started_at, detail=detail
        )
