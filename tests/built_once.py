"""Tables built once: where a test makes a catalogue, it gets a copy of one that was built.

Building takes up to a second, a copy some hundredths, and a thousand tests make a catalogue. What
is copied was built by `iracdb.catalogue.database.build` itself; tests/test_database.py, which
builds in earnest, holds the copies against it.
"""

from __future__ import annotations

import sqlite3
import threading
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
from sqlalchemy import make_url

from iracdb.catalogue import revisions
from iracdb.catalogue.database import Database, connect
from iracdb.catalogue.urls import database_url

NAME = "iracdb_test_"
"""Names of the tests' own databases begin so: no other is ever replaced."""


@contextmanager
def administrator(url: str) -> Iterator[psycopg.Connection]:
    """Give a connection that creates and drops databases."""
    plain = make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
    with psycopg.connect(plain, autocommit=True) as connection:
        yield connection


class Copies:
    """Stands in for `iracdb.catalogue.database.build`.

    Parameters
    ----------
    build : callable
        The one of the program.
    folder : pathlib.Path
        Where the catalogue to be copied may be kept.
    """

    def __init__(self, build: Callable[[Database], None], folder: Path) -> None:
        self.in_earnest = build
        self._server: str | None = None
        self._path = folder / "built.sqlite"
        self._name: str | None = None
        self._lock = threading.Lock()

    def __call__(self, database: Database) -> None:
        """Make the tables of an empty database, as `build` does."""
        with self._lock:
            with database.read() as connection:
                empty = revisions.state_of(connection) == "empty"
            if empty and database.dialect == "sqlite":
                self._copy_file(database)
            elif empty and self._may_replace(database):
                self._replace(database)
            elif empty:
                self.in_earnest(database)

    @contextmanager
    def on(self, server: str) -> Iterator[None]:
        """Copy on a PostgreSQL server too, and leave nothing on it."""
        self._server = server
        try:
            yield
        finally:
            self._server = None
            if self._name is not None:
                with administrator(server) as connection:
                    connection.execute(f'DROP DATABASE "{self._name}"')
                self._name = None

    def _copy_file(self, database: Database) -> None:
        if not self._path.exists():
            self._build_at(str(self._path))
        with sqlite3.connect(self._path) as source, database.engine.connect() as connection:
            source.backup(connection.connection.dbapi_connection)
        source.close()

    def _may_replace(self, database: Database) -> bool:
        """Whether it is a database of the tests, opened by the user who makes and drops them."""
        if self._server is None or not str(database.url.database).startswith(NAME):
            return False
        return database.url.username == make_url(self._server).username

    def _replace(self, database: Database) -> None:
        """Put a copy in the place of an empty database; PostgreSQL copies only as it creates."""
        assert self._server is not None
        name = str(database.url.database)
        database.engine.dispose()
        with administrator(self._server) as connection:
            if self._name is None:
                self._name = f"{NAME}built_{uuid.uuid4().hex}"
                connection.execute(f'CREATE DATABASE "{self._name}"')
                url = make_url(self._server).set(drivername="postgresql", database=self._name)
                self._build_at(url.render_as_string(hide_password=False))
            connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)')
            connection.execute(f'CREATE DATABASE "{name}" TEMPLATE "{self._name}"')

    def _build_at(self, location: str) -> None:
        database = connect(database_url(location), create=True)
        try:
            self.in_earnest(database)
        finally:
            database.close()
