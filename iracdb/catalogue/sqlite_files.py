"""SQLite files that are only read: frozen runs, and catalogues where nothing can be written.

A frozen run carries its mark in the file's header, the application id, where `file` shows it too.
"""

from __future__ import annotations

import os
import sqlite3
import time
from pathlib import Path

FROZEN = int.from_bytes(b"irac", "big")
"""The application id of a frozen run: 1769103715."""


def is_frozen(path: Path) -> bool:
    """Tell whether a file is a frozen run.

    Parameters
    ----------
    path : Path
        Absolute; perhaps no SQLite file at all.

    Returns
    -------
    bool
        By its mark alone; what else it holds is not looked at.
    """
    try:
        # Immutable: neither locks nor files beside it, whatever state it is in.
        connection = sqlite3.connect(f"{path.as_uri()}?mode=ro&immutable=1", uri=True)
        try:
            return bool(connection.execute("PRAGMA application_id").fetchone()[0] == FROZEN)
        finally:
            connection.close()
    except sqlite3.Error:
        return False


def can_be_written(path: Path) -> bool:
    """Tell whether the system would let us write to a database.

    Parameters
    ----------
    path : Path
        Of a file that is there.

    Returns
    -------
    bool
        SQLite writes beside the file, too, and where a link leads.
    """
    real = path.resolve()
    return os.access(real, os.W_OK) and os.access(real.parent, os.W_OK)


def opened_to_read(path: Path, wait: float) -> sqlite3.Connection:
    """Open a database that nothing shall be written to, also where nothing can be.

    Parameters
    ----------
    path : Path
        Absolute.
    wait : float
        Seconds to wait for a lock.

    Returns
    -------
    sqlite3.Connection
        Read-only.

    Raises
    ------
    sqlite3.Error
        Where it cannot be read.
    """
    uri = f"{path.as_uri()}?mode=ro"
    log = path.with_name(f"{path.name}-wal")
    if not log.exists() and not can_be_written(path):
        # A write-ahead log needs files beside the database, which may be refused, or would stay.
        # Nobody has the file open, or there would be a log; without one there is none to miss.
        return _opened(f"{uri}&immutable=1", wait)
    try:
        return _opened(uri, wait)
    except sqlite3.OperationalError as problem:
        cannot = problem.sqlite_errorcode & 0xFF in (
            sqlite3.SQLITE_CANTOPEN,
            sqlite3.SQLITE_READONLY,
        )
        if not cannot or not path.is_file() or (log.exists() and log.stat().st_size):
            raise
        return _opened(f"{uri}&immutable=1", wait)


def use_write_ahead_log(connection: sqlite3.Connection, wait: float) -> None:
    """Let readers and the one writer of a database not block each other; it stays with the file.

    Parameters
    ----------
    connection : sqlite3.Connection
        To a database that may be written, outside a transaction.
    wait : float
        Seconds to wait for others to let go of it.

    Raises
    ------
    sqlite3.Error
        Where that is not possible.
    """
    deadline = time.monotonic() + wait
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as problem:
            # For this lock SQLite itself does not wait.
            busy = problem.sqlite_errorcode & 0xFF == sqlite3.SQLITE_BUSY
            if not busy or time.monotonic() > deadline:
                raise
            time.sleep(0.01)
        else:
            return


def _opened(uri: str, wait: float) -> sqlite3.Connection:
    # The engine's pool may hand a connection to another thread, one at a time.
    connection = sqlite3.connect(
        uri, uri=True, timeout=wait, isolation_level=None, check_same_thread=False
    )
    try:
        connection.execute("SELECT 1 FROM sqlite_master").fetchone()
    except BaseException:
        connection.close()
        raise
    return connection
