"""Where a catalogue lives: from what people type to a database URL.

What is typed is a path (SQLite) or a URL. A PostgreSQL URL always gets its driver written out,
since the driver that SQLAlchemy takes by default has changed between its versions.
"""

from __future__ import annotations

import os
from pathlib import Path

from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError

from iracdb import passwords, settings
from iracdb.errors import UsageError

ENVIRONMENT_VARIABLE = settings.VARIABLES["database"]
DEFAULT_PATH = "iracdb.sqlite"

_POSTGRESQL = {"postgres", "postgresql", "postgresql+psycopg"}


def database_url(location: str | os.PathLike[str] | None = None) -> URL:
    """Turn a path or URL into a complete database URL.

    Parameters
    ----------
    location : str or path-like, optional
        A file's path, ``sqlite:///path`` or ``postgresql://user@host/database``. By default the
        environment variable ``IRACDB_DATABASE_URL``, else what the settings files say, else
        ``iracdb.sqlite`` in the current folder.

    Returns
    -------
    sqlalchemy.engine.URL
        With driver ``sqlite`` (and an absolute path) or ``postgresql+psycopg``.

    Raises
    ------
    UsageError
        Where the URL cannot be read or is of another kind of database, or a settings file is
        wrong.

    Examples
    --------
    >>> database_url("postgres://me@host/irac").drivername
    'postgresql+psycopg'
    """
    if location is not None:
        return _complete(os.fspath(location))
    found = settings.setting("database")
    if found is None:
        return _complete(DEFAULT_PATH)
    try:
        return _complete(found.value, found.folder)
    except UsageError as problem:
        raise UsageError(f"The database in {found.where}: {problem}") from None


def _complete(text: str, folder: Path | None = None) -> URL:
    if "://" not in text:
        return _sqlite(text, folder)
    try:
        url = make_url(text)
    except (ArgumentError, ValueError) as problem:
        raise UsageError(f"{passwords.hidden(text)!r} is not a database URL: {problem}") from None
    if url.drivername in _POSTGRESQL and "@" in (url.host or ""):
        raise UsageError("The URL's password holds an @: write it as %40")
    if url.drivername in _POSTGRESQL:
        return url.set(drivername="postgresql+psycopg")
    if url.drivername in ("sqlite", "sqlite+pysqlite"):
        return _sqlite(url.database or "", folder)
    raise UsageError(
        f"{url.drivername} is not supported: give a path (SQLite) or postgresql://user@host/name"
    )


def _sqlite(path: str, folder: Path | None) -> URL:
    if path in ("", ":memory:"):
        raise UsageError("A catalogue needs a file: an SQLite database in memory would forget")
    expanded = Path(path).expanduser()
    start = expanded if folder is None else folder / expanded
    return URL.create("sqlite", database=str(start.absolute()))


def shown(url: URL) -> str:
    """Write a URL for people, its password hidden.

    Parameters
    ----------
    url : sqlalchemy.engine.URL
        As `database_url` makes it.

    Returns
    -------
    str
        The path of an SQLite file, or the URL with ``***`` for the password.
    """
    if url.get_backend_name() == "sqlite":
        return str(url.database)
    return passwords.hidden_in_query(url.render_as_string(hide_password=True))
