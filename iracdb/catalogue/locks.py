"""One process at a time makes a run. A lock ends with its process, however that ends."""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Iterator, Sequence

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
    with run_locks(database, (run_id,)):
        yield


@contextlib.contextmanager
def run_locks(database: Database, run_ids: Sequence[int]) -> Iterator[None]:
    """Hold several runs while they are made together.

    Parameters
    ----------
    database : Database
        The catalogue.
    run_ids : sequence of int
        The runs' numbers.

    Yields
    ------
    None
        While nobody else can hold any of them.

    Raises
    ------
    Busy
        Where another process is making one of them.
    """
    database.check_writable()
    with contextlib.ExitStack() as stack:
        if database.dialect == "sqlite":
            for run_id in run_ids:
                stack.enter_context(_sqlite_lock(database, run_id))
        else:
            stack.enter_context(_postgresql_locks(database, run_ids))
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
def _postgresql_locks(database: Database, run_ids: Sequence[int]) -> Iterator[None]:
    # A session's locks, all in one session: the server lets go of them when its connection ends.
    lock = text("SELECT pg_try_advisory_lock(:family, :run)")
    unlock = text("SELECT pg_advisory_unlock(:family, :run)")
    with database.engine.connect() as connection:
        held: list[dict[str, int]] = []
        try:
            for run_id in run_ids:
                key = {"family": _RUN_LOCKS, "run": run_id}
                got = connection.execute(lock, key).scalar_one()
                connection.commit()
                if not got:
                    raise _taken(run_id)
                held.append(key)
            yield
        finally:
            for key in held:
                connection.execute(unlock, key)
            connection.commit()
