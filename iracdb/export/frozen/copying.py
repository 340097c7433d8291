"""Copying a whole catalogue into another database: every row under its own number, or nothing."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Row, exc, func, select, text
from sqlalchemy.engine import URL

from iracdb.catalogue import revisions, views
from iracdb.catalogue import tables as t
from iracdb.catalogue.bulk import insert_rows
from iracdb.catalogue.database import Database, connect
from iracdb.catalogue.driver_errors import plain_errors
from iracdb.catalogue.urls import database_url, shown
from iracdb.errors import CatalogueError, InputRefused, NotOurs
from iracdb.export.frozen.fingerprints import Fingerprint, long_places
from iracdb.export.frozen.streams import AT_ONCE, batches, in_order, stored_columns, stream
from iracdb.runs.digested import digest_of_run

Progress = Callable[[int, int, str], None]
"""Told how many rows are done, of how many, and of which table."""

_AT_ONCE = {"run": 2**31, "header": AT_ONCE // 5}
"""Rows that are written together, where they are not many or not small."""

_BUILDING = 4977671
"""The lock under which a database is built."""


@dataclass(frozen=True)
class Copied:
    """A catalogue copied.

    Parameters
    ----------
    source, target : str
        Where it was, and where it is too: paths, or URLs without password.
    rows : mapping
        How many, by table.
    digests : mapping
        The digest of each run's results, made from the rows of the copy, by the run's number.
    changed : tuple of int
        Runs whose results had another digest than noted before they were copied, too.
    """

    source: str
    target: str
    rows: Mapping[str, int]
    digests: Mapping[int, str]
    changed: tuple[int, ...]


def copy_catalogue(
    source: Database, location: str | os.PathLike[str], *, progress: Progress | None = None
) -> Copied:
    """Copy a catalogue into a database in which nothing is yet.

    Parameters
    ----------
    source : Database
        The catalogue.
    location : path-like
        A file's path, or a PostgreSQL URL: not there, empty, or a catalogue without a row.
    progress : callable, optional
        Told how far it is.

    Returns
    -------
    Copied
        What was copied, each table and each run's digest compared on both sides.

    Raises
    ------
    CatalogueError
        Where the database cannot be reached, or holds anything.
    InputRefused
        Where it cannot hold what the catalogue does, such as a NUL in a text on PostgreSQL.
    CannotWrite
        Where it cannot be written; nothing is left in it.
    """
    url = database_url(location)
    with _emptied_on_failure(url), contextlib.closing(connect(url, create=True)) as target:
        with source.read() as reading, target.migrate() as writing:
            _prepare(writing, url)
            copier = _Copier(source, reading, writing, progress)
            try:
                rows = copier.copy()
            except (exc.DataError, exc.IntegrityError) as problem:
                said = " ".join(str(problem.orig).split())
                raise InputRefused(
                    f"{shown(url)} cannot hold what is to be copied: {said}"
                ) from problem
            _check_keys(writing, source.url)
            digests, changed = _compare_digests(reading, writing)
            views.rebuild_all(writing)
        _settle(target)
    return Copied(shown(source.url), shown(url), rows, digests, changed)


@contextlib.contextmanager
def _emptied_on_failure(url: URL) -> Iterator[None]:
    """Leave no file behind that was not there before and holds nothing."""
    path = Path(str(url.database)) if url.get_backend_name() == "sqlite" else None
    new = path is not None and not path.exists()
    try:
        yield
    except BaseException:
        if new and path is not None:
            for ending in ("", "-journal", "-wal", "-shm"):
                path.with_name(path.name + ending).unlink(missing_ok=True)
        raise


def _prepare(connection: Connection, url: URL) -> None:
    """Build the tables where there are none; refuse a database that holds anything."""
    if connection.dialect.name == "postgresql":
        connection.execute(text(f"SELECT pg_advisory_xact_lock({_BUILDING})"))
    state = revisions.state_of(connection)
    if state == "empty":
        revisions.upgrade(connection)
        return
    if state == "foreign":
        raise NotOurs(f"{shown(url)} holds other tables: name an empty database, or a new file")
    full = state != "head" or any(
        connection.execute(select(table).limit(1)).first() for table in t.metadata.sorted_tables
    )
    if full:
        raise CatalogueError(
            f"{shown(url)} holds a catalogue already: a copy goes into an empty database, "
            "or a new file. A single run comes into it with 'iracdb freeze' and 'iracdb thaw'"
        )


class _Copier:
    """Copies table by table, in a stream, and reads each back."""

    def __init__(
        self,
        source: Database,
        reading: Connection,
        writing: Connection,
        progress: Progress | None,
    ) -> None:
        self._url = source.url
        self._reading = reading
        self._writing = writing
        self._progress = progress
        self._tables = t.metadata.sorted_tables
        self._done = 0
        self._total = 0

    def copy(self) -> dict[str, int]:
        """Copy all rows; give how many, by table."""
        # Each row is written, then read again.
        self._total = 2 * sum(
            int(self._reading.execute(select(func.count()).select_from(table)).scalar_one())
            for table in self._tables
        )
        return {table.name: self._copy_table(table) for table in self._tables}

    def _copy_table(self, table: Any) -> int:
        # Between two of a kind JSON stays the text that it was.
        alike = self._reading.dialect.name != self._writing.dialect.name
        read, written = (Fingerprint(long_places(table), json_alike=alike) for _ in range(2))
        columns = [column.name for column in table.columns]
        rows = self._passing(self._from_source(table), table, read)
        # Of runs, a parent may come after its child: then both must come at once.
        for batch in batches(rows, _AT_ONCE.get(table.name, AT_ONCE)):
            insert_rows(self._writing, table, columns, batch)
        if "id" in columns and self._writing.dialect.name == "postgresql":
            self._continue_numbers(table)
        for _ in self._passing(_rows(self._writing, table), table, written):
            pass
        if (read.rows, read.sha256) != (written.rows, written.sha256):
            raise CatalogueError(
                f"The rows of {table.name} do not read back as they are in {shown(self._url)}: "
                f"{read.rows} were copied, and {written.rows} are there. Nothing was kept"
            )
        return read.rows

    def _from_source(self, table: Any) -> Iterator[Row[Any]]:
        # What goes wrong in reading must not be told of the target.
        with plain_errors(self._url):
            yield from _rows(self._reading, table)

    def _passing(
        self, rows: Iterator[Row[Any]], table: Any, taken: Fingerprint
    ) -> Iterator[Row[Any]]:
        for row in rows:
            taken.add(row)
            self._done += 1
            if self._progress is not None and self._done % AT_ONCE == 0:
                self._progress(self._done, self._total, table.name)
            yield row

    def _continue_numbers(self, table: Any) -> None:
        """Let the next row get a number that no row has."""
        self._writing.execute(
            select(
                func.setval(
                    func.pg_get_serial_sequence(table.name, "id"),
                    func.coalesce(func.max(table.c.id), 1),
                    func.max(table.c.id).is_not(None),
                )
            ).select_from(table)
        )


def _check_keys(connection: Connection, url: URL) -> None:
    """Refuse rows that speak of others that are not there, as PostgreSQL does by itself."""
    if connection.dialect.name == "sqlite":
        broken = connection.exec_driver_sql("PRAGMA foreign_key_check").first()
        if broken is not None:
            raise InputRefused(
                f"In {shown(url)} a row of {broken[0]} speaks of one of {broken[2]} that is not "
                "there: it was changed by another program. Nothing was copied"
            )


def _rows(connection: Connection, table: Any) -> Iterator[Row[Any]]:
    query = select(*stored_columns(connection, table))
    return stream(connection, query.order_by(*in_order(connection, table.primary_key.columns)))


def _compare_digests(
    reading: Connection, writing: Connection
) -> tuple[dict[int, str], tuple[int, ...]]:
    """Make each run's digest on both sides; give them, and the runs that do not have their own."""
    digests: dict[int, str] = {}
    changed = []
    for run in reading.execute(select(t.run).order_by(t.run.c.run_id)).all():
        here = digest_of_run(reading, run).sha256
        there = digest_of_run(writing, run).sha256
        if here != there:
            raise CatalogueError(
                f"The results of run {run.run_id} ({run.name}) have the digest {here}, and {there} "
                "in the copy. Nothing was kept"
            )
        digests[run.run_id] = there
        if run.result_digest not in (None, here):
            changed.append(run.run_id)
    return digests, tuple(changed)


def _settle(target: Database) -> None:
    """Bring a copy into the state of a catalogue in use."""
    with target.write() as connection:
        connection.execute(text("ANALYZE"))
    if target.dialect == "sqlite":
        with target.engine.connect() as connection:
            # Stays with the file: readers and the one writer do not block each other.
            connection.connection.dbapi_connection.execute(  # type: ignore[union-attr]
                "PRAGMA journal_mode = WAL"
            )
