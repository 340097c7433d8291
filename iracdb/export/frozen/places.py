"""Where a frozen file may go: written beside its place, moved into it whole."""

from __future__ import annotations

import contextlib
import os
import shutil
import sqlite3
import tempfile
from collections.abc import Iterator
from pathlib import Path

from iracdb.catalogue import revisions
from iracdb.catalogue.database import Database, connect
from iracdb.catalogue.sqlite_files import is_frozen
from iracdb.catalogue.urls import database_url
from iracdb.errors import CannotWrite, CatalogueError, UsageError

_BESIDE = ("-journal", "-wal", "-shm")


def file_path(place: str | os.PathLike[str]) -> Path:
    """Tell the path of a frozen file.

    Parameters
    ----------
    place : path-like
        A path, or a URL as of an SQLite catalogue.

    Returns
    -------
    Path
        Absolute.

    Raises
    ------
    UsageError
        Where it is not a file's.
    """
    url = database_url(place)
    if url.get_backend_name() != "sqlite":
        raise UsageError(
            "A frozen run is a file, not a server's database: name a file, or take a whole "
            "catalogue to a server with 'iracdb copy --to URL'"
        )
    return Path(str(url.database))


def check_place(path: Path, source: Database, *, overwrite: bool) -> None:
    """Refuse, before anything is written, what can be known to be refused.

    Parameters
    ----------
    path : Path
        Where a file shall be.
    source : Database
        The catalogue that is frozen from, which is never replaced, nor is any other.
    overwrite : bool
        Whether another file may be replaced.

    Raises
    ------
    CannotWrite
        Where something is in the way, or there is no such folder.
    """
    try:
        _check(path, source, overwrite)
    except OSError as problem:
        if isinstance(problem, CannotWrite):
            raise
        raise CannotWrite(f"Could not write {path}: {problem.strerror or problem}") from None


def _check(path: Path, source: Database, overwrite: bool) -> None:
    if path.is_dir():
        raise CannotWrite(f"{path} is a folder: name a file in it")
    if not path.parent.is_dir():
        raise CannotWrite(f"There is no folder {path.parent} to write into")
    there = os.path.lexists(path)
    if there and not path.is_file():
        raise CannotWrite(f"{path} is no file that could be replaced: name another")
    if there and _is_catalogue(path, source):
        raise CannotWrite(f"{path} is a catalogue, which is never replaced: name another file")
    for ending in _BESIDE:
        # SQLite would take it for the new file's own, and put back what it says.
        beside = path.with_name(path.name + ending)
        if os.path.lexists(beside):
            raise CannotWrite(f"{beside} belongs to another database at that place: name another")
    if there and overwrite and _is_source(path, source):
        raise CannotWrite(f"{path} is what the run is read from: name another file")
    if there and not overwrite and not is_frozen(path):
        raise in_the_way(path)


def in_the_way(path: Path) -> CannotWrite:
    """Say that something else is there.

    Parameters
    ----------
    path : Path
        Where a file was to be.

    Returns
    -------
    CannotWrite
        To be raised.
    """
    return CannotWrite(
        f"{path} is there already and holds something else: name another file, or replace it "
        "with --overwrite"
    )


def _is_source(path: Path, source: Database) -> bool:
    return source.dialect == "sqlite" and os.path.samefile(path, str(source.url.database))


def _is_catalogue(path: Path, source: Database) -> bool:
    if is_frozen(path):
        return False
    if _is_source(path, source):
        return True
    try:
        other = connect(database_url(path))
        try:
            with other.read() as connection:
                return revisions.state_of(connection) not in ("empty", "foreign")
        finally:
            other.close()
    except CatalogueError:
        return False


@contextlib.contextmanager
def workshop(path: Path) -> Iterator[Path]:
    """Give a folder beside a file's place, which is gone afterwards with all that is left in it.

    Parameters
    ----------
    path : Path
        Where the file shall be.

    Yields
    ------
    Path
        A folder on the same disk.

    Raises
    ------
    CannotWrite
        In place of what the system or the database says of a place that is gone by then.
    """
    folder: Path | None = None
    try:
        folder = Path(tempfile.mkdtemp(prefix=".iracdb-freeze-", dir=path.parent))
        yield folder
    except (OSError, sqlite3.Error) as problem:
        cause = problem.__cause__ if isinstance(problem, CannotWrite) else problem
        if cause is None:
            raise
        said = getattr(cause, "orig", None) or getattr(cause, "strerror", None) or cause
        raise CannotWrite(f"Could not write {path}: {said}. Nothing was left behind") from problem
    finally:
        if folder is not None:
            shutil.rmtree(folder, ignore_errors=True)
