"""Tables built once: where a test makes a catalogue, it gets a copy of one that was built.

Building takes up to a second, a copy some hundredths, and a thousand tests make a catalogue. What
is copied was built by `iracdb.catalogue.database.build` itself; tests/test_database.py, which
builds in earnest, holds the copies against it.
"""

from __future__ import annotations

import fcntl
import shutil
import sqlite3
import threading
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import Any

import psycopg
from sqlalchemy import Connection, event, make_url

from iracdb.catalogue import database as database_module
from iracdb.catalogue import revisions
from iracdb.catalogue.database import Database, connect
from iracdb.catalogue.urls import database_url

NAME = "iracdb_test_"
"""Names of the tests' own databases begin so: no other is ever replaced."""


_ADMINISTRATORS: dict[str, psycopg.Connection] = {}


@contextmanager
def administrator(url: str) -> Iterator[psycopg.Connection]:
    """Give a connection that creates and drops databases; it is kept for the next that asks."""
    plain = make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
    kept = _ADMINISTRATORS.get(plain)
    if kept is None or kept.closed:
        kept = _ADMINISTRATORS[plain] = psycopg.connect(plain, autocommit=True)
    yield kept


def dismiss_administrators() -> None:
    """Close what `administrator` has kept."""
    while _ADMINISTRATORS:
        _ADMINISTRATORS.popitem()[1].close()


def create(connection: psycopg.Connection, name: str, template: str = "template1") -> None:
    """Create a database; copying files takes the server half the time of copying pages."""
    way = " STRATEGY file_copy" if connection.info.server_version >= 150_000 else ""
    connection.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}"{way}')


def put_in_place(connection: psycopg.Connection, name: str, template: str) -> None:
    """Put a copy of one database in the place of another."""
    connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)')
    create(connection, name, template)


class Copies:
    """Stands in for `iracdb.catalogue.database.build` and `iracdb.catalogue.revisions.upgrade`.

    Parameters
    ----------
    folder : pathlib.Path
        Where the catalogue to be copied may be kept.
    """

    def __init__(self, folder: Path) -> None:
        self.in_earnest = database_module.build
        self.upgraded_in_earnest = revisions.upgrade
        self._server: str | None = None
        self._path = folder / "built.sqlite"
        self._name: str | None = None
        self._written: list[tuple[str, tuple[Any, ...]]] = []
        self._said: list[tuple[str, Any, bool]] | None = None
        self._lock = threading.RLock()
        self._building = False

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

    def upgrade(self, connection: Connection, revision: str = "head") -> None:
        """Make the tables where none are, in the transaction; do all else as the program does."""
        with self._lock:
            empty = {
                "sqlite": "SELECT count(*) = 0 FROM sqlite_master",
                "postgresql": "SELECT count(*) = 0 FROM pg_class "
                "WHERE relnamespace = 'public'::regnamespace",
            }[connection.dialect.name]
            if (
                self._building
                or revision != "head"
                or not connection.exec_driver_sql(empty).scalar()
            ):
                self.upgraded_in_earnest(connection, revision)
            elif connection.dialect.name == "sqlite":
                self._write_as_in_file(connection)
            else:
                self._say_again(connection)

    def _write_as_in_file(self, connection: Connection) -> None:
        if not self._written:
            self._keep_file()
            with closing(sqlite3.connect(self._path)) as source:
                made = "SELECT sql FROM sqlite_master WHERE sql IS NOT NULL ORDER BY rowid"
                self._written += [(statement, ()) for (statement,) in source.execute(made)]
                tables = "SELECT name FROM sqlite_master WHERE type = 'table'"
                for (table,) in source.execute(tables):
                    for row in source.execute(f'SELECT * FROM "{table}"'):
                        places = ", ".join("?" * len(row))
                        insert = f'INSERT INTO "{table}" VALUES ({places})'
                        self._written.append((insert, row))
        driver: Any = connection.connection.dbapi_connection
        for statement, values in self._written:
            driver.execute(statement, values)

    def _say_again(self, connection: Connection) -> None:
        """Say to a server what the upgrade said to it, but for its questions."""
        if self._said is None:
            said: list[tuple[str, Any, bool]] = []

            def note(_0: Any, _1: Any, statement: str, values: Any, context: Any, _2: bool) -> None:
                if not statement.lstrip().upper().startswith("SELECT"):
                    plain = bool(context.execution_options.get("no_parameters"))
                    said.append((statement, values, plain))

            event.listen(connection, "before_cursor_execute", note)
            try:
                self.upgraded_in_earnest(connection)
            finally:
                event.remove(connection, "before_cursor_execute", note)
            self._said = said
            return
        for statement, values, plain in self._said:
            connection.exec_driver_sql(statement, values, {"no_parameters": plain})

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
        self._keep_file()
        with sqlite3.connect(self._path) as source, database.engine.connect() as connection:
            source.backup(connection.connection.dbapi_connection)
        source.close()

    def _keep_file(self) -> None:
        if not self._path.exists():
            self._build_at(str(self._path))

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
                create(connection, self._name)
                url = make_url(self._server).set(drivername="postgresql", database=self._name)
                self._build_at(url.render_as_string(hide_password=False))
            put_in_place(connection, name, self._name)

    def _build_at(self, location: str) -> None:
        database = connect(database_url(location), create=True)
        self._building = True
        try:
            self.in_earnest(database)
        finally:
            self._building = False
            database.close()


class Beginnings:
    """Catalogues that several tests begin with: each is filled once, the tests get copies.

    The files that it knows lie where they lay: a test that changes one has a catalogue of its own.

    Parameters
    ----------
    folder : pathlib.Path
        Where catalogues to be copied may be kept.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._databases: dict[str, str] = {}
        self._stack = ExitStack()

    def __call__(self, location: str, fill: Callable[[str], None]) -> str:
        """Put a copy where a new catalogue may be made.

        Parameters
        ----------
        location : str
            As `any_location` gives it; a server's database is there and empty.
        fill : callable
            Makes the catalogue at a place like it, and closes it. It is known by its name: of
            functions of one name only the first is called.

        Returns
        -------
        str
            The location.
        """
        if "://" not in location:
            kept = self._folder / f"{fill.__qualname__}.sqlite"
            with (self._folder / "lock").open("w") as lock:
                # Another worker may be filling it.
                fcntl.flock(lock, fcntl.LOCK_EX)
                if not kept.exists():
                    fill(f"{kept}.begun")
                    Path(f"{kept}.begun").rename(kept)
            shutil.copyfile(kept, location)
            return location
        name = str(make_url(location).database)
        assert name.startswith(NAME)
        server = str(
            make_url(location).set(database="postgres").render_as_string(hide_password=False)
        )
        kept = self._databases.get(fill.__qualname__)
        with administrator(server) as connection:
            if kept is None:
                kept = f"{NAME}begun_{uuid.uuid4().hex}"
                create(connection, kept)
                self._stack.callback(self._drop, server, kept)
                fill(make_url(server).set(database=kept).render_as_string(hide_password=False))
                self._databases[fill.__qualname__] = kept
            put_in_place(connection, name, kept)
        return location

    @staticmethod
    def _drop(server: str, name: str) -> None:
        with administrator(server) as connection:
            connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)')

    def close(self) -> None:
        """Leave nothing on a server."""
        self._stack.close()
