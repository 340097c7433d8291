"""One process at a time makes a run. A lock ends with its process, however that ends."""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Iterator

from sqlalchemy import text

from iracdb.catalogue.database import Database
from iracdb.errors import Busy, CannotWrite

_RUN_LOCKS = 4977673


@contextlib.contextmanager
def run_lock(database: Database, run_id: int) -> Iterator[None]:
    """Hold a run while it is made.

    Parameters
    ----------
    database : Database
        The catalogue.
    run_id : int
        The run's number.

    Yields
    ------
    None
        While nobody else can hold it.

    Raises
    ------
    Busy
        Where another process is making it.
    """
    database.check_writable()
    holder = _sqlite_lock if database.dialect == "sqlite" else _postgresql_lock
    with holder(database, run_id):
        yield


def _taken(run_id: int) -> Busy:
    return Busy(f"Another process is making run {run_id}: wait for it, or take another number")


@contextlib.contextmanager
def _sqlite_lock(database: Database, run_id: int) -> Iterator[None]:
    path = f"{database.url.database}-run{run_id}.lock"
    try:
        handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
    except OSError as problem:
        raise CannotWrite(
            f"No permission to write beside {database.url.database}: {problem.strerror}"
        ) from None
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise _taken(run_id) from None
        if not _is_still(path, handle):
            # Whoever held it removed the file between our open and our lock.
            raise _taken(run_id)
        try:
            yield
        finally:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(path)
    finally:
        os.close(handle)


def _is_still(path: str, handle: int) -> bool:
    try:
        return os.stat(path).st_ino == os.fstat(handle).st_ino
    except FileNotFoundError:
        return False


@contextlib.contextmanager
def _postgresql_lock(database: Database, run_id: int) -> Iterator[None]:
    # A session's lock: the server lets go of it when the connection ends.
    with database.engine.connect() as connection:
        key = {"family": _RUN_LOCKS, "run": run_id}
        got = connection.execute(text("SELECT pg_try_advisory_lock(:family, :run)"), key)
        if not got.scalar_one():
            raise _taken(run_id)
        connection.commit()
        try:
            yield
        finally:
            connection.execute(text("SELECT pg_advisory_unlock(:family, :run)"), key)
            connection.commit()
