"""The runs of a catalogue at a glance: for completing what somebody types, between two keys.

SQLAlchemy takes longer to import than all else that is done here, so that the drivers are spoken to
directly; and whatever is wrong, nothing is said and nothing is made.
"""

from __future__ import annotations

import re
import sqlite3
from pathlib import Path
from typing import Any

from iracdb import settings
from iracdb.catalogue import sqlite_files

_WAIT_SECONDS = 1
_QUERY = "SELECT run_id, name FROM run ORDER BY run_id"


def runs_at_a_glance(location: str | None) -> list[tuple[int, str]]:
    """List the runs of a catalogue, if that is possible at once.

    Parameters
    ----------
    location : str or None
        A path or URL; None for what environment and settings say.

    Returns
    -------
    list of tuple
        Number and name of each, by number; nothing where there is no catalogue, or it cannot be
        reached.
    """
    try:
        found = None if location is not None else settings.setting("database")
        folder = None if found is None else found.folder
        text = location or (_DEFAULT if found is None else str(found.value))
        if "://" in text and not text.startswith("sqlite"):
            return _of_server(text)
        path = re.sub(r"^sqlite(\+pysqlite)?:///", "", text)
        return _of_file(Path(settings.path_from(path, folder)).absolute())
    except Exception:  # to be silent is what matters here
        return []


_DEFAULT = "iracdb.sqlite"


def _of_file(path: Path) -> list[tuple[int, str]]:
    if not path.is_file():
        return []
    if sqlite_files.can_be_written(path):
        # What only reads would leave files beside a database that has a write-ahead log.
        connection = sqlite3.connect(f"{path.as_uri()}?mode=rw", uri=True, timeout=_WAIT_SECONDS)
    else:
        connection = sqlite_files.opened_to_read(path, _WAIT_SECONDS)
    try:
        connection.execute("PRAGMA query_only = ON")
        return [(int(number), str(name)) for number, name in connection.execute(_QUERY)]
    finally:
        connection.close()


def _of_server(url: str) -> list[tuple[int, str]]:
    import psycopg

    plain = re.sub(r"^\w+(\+psycopg)?://", "postgresql://", url)
    timeout: dict[str, Any] = {"connect_timeout": 2, "options": "-c statement_timeout=2000"}
    with psycopg.connect(plain, **timeout) as connection:
        return [(int(number), str(name)) for number, name in connection.execute(_QUERY)]
