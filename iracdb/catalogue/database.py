"""One open database: its engine, its transactions, its state.

`open_database` is the only way in: it builds a new database where asked to, and refuses one that
is not ours or not at this program's revision.
"""

from __future__ import annotations

import shlex
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event, text
from sqlalchemy.engine import URL

from iracdb.catalogue import revisions, sqlite_files
from iracdb.catalogue.driver_errors import plain_errors
from iracdb.catalogue.urls import shown
from iracdb.errors import CannotWrite, NotOurs, Unreachable, WrongRevision

BUSY_TIMEOUT_SECONDS = 30.0


class Database:
    """An open catalogue database.

    Parameters
    ----------
    url : sqlalchemy.engine.URL
        Where it lives.
    engine : sqlalchemy.Engine
        A working engine for it.
    frozen : bool, optional
        Whether it is a frozen run.
    only_read : bool, optional
        Whether it is opened so that nothing can be written, as a frozen run is.
    """

    def __init__(
        self, url: URL, engine: Engine, *, frozen: bool = False, only_read: bool = False
    ) -> None:
        self.url = url
        self.engine = engine
        self.frozen = frozen
        self.only_read = only_read

    @property
    def dialect(self) -> str:
        """``'sqlite'`` or ``'postgresql'``."""
        return self.engine.dialect.name

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """Give a connection that sees one state of the database and changes nothing."""
        with plain_errors(self.url), self.engine.connect() as connection:
            yield (
                connection.execution_options(isolation_level="REPEATABLE READ")
                if (self.dialect == "postgresql")
                else connection
            )

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """Give a connection in a transaction: all of it is kept, or nothing."""
        self.check_writable()
        with plain_errors(self.url), self.engine.connect() as connection:
            connection = connection.execution_options(iracdb_writes=True)
            with connection.begin():
                yield connection

    @contextmanager
    def migrate(self) -> Iterator[Connection]:
        """Give a connection like that of `write`, on which SQLite's tables may be rebuilt.

        SQLite changes a table by making it anew, which foreign keys to it would forbid; and it
        can be told to look away only outside a transaction. They are checked before it ends.

        Yields
        ------
        sqlalchemy.Connection
            In a transaction: all of it is kept, or nothing.
        """
        self.check_writable()
        sqlite = self.dialect == "sqlite"
        with plain_errors(self.url), self.engine.connect() as connection:
            connection = connection.execution_options(iracdb_writes=True)
            driver: Any = connection.connection.dbapi_connection
            if sqlite:
                driver.execute("PRAGMA foreign_keys = OFF")
            try:
                with connection.begin():
                    yield connection
                    if sqlite and connection.exec_driver_sql("PRAGMA foreign_key_check").first():
                        raise RuntimeError("the migration would break foreign keys")
            finally:
                if sqlite:
                    driver.execute("PRAGMA foreign_keys = ON")

    def check_writable(self) -> None:
        """Refuse what would write, where nothing can be written.

        Raises
        ------
        CannotWrite
            Where this is a frozen run, or its place cannot be written in.
        """
        where = shown(self.url)
        if self.frozen:
            raise CannotWrite(
                f"{where} is a frozen run, which is only read: take it into a catalogue with "
                f"'iracdb thaw {shlex.quote(where)} --db CATALOGUE', and do it there"
            )
        if self.only_read:
            raise CannotWrite(
                f"No permission to write to {where}: the file, or the folder that it is in, "
                "can only be read"
            )

    def close(self) -> None:
        """Give all connections back."""
        self.engine.dispose()


def open_database(url: URL, *, create: bool = False) -> Database:
    """Open a catalogue database.

    Parameters
    ----------
    url : sqlalchemy.engine.URL
        From `iracdb.catalogue.urls.database_url`.
    create : bool, optional
        Build the tables where nothing is there yet.

    Returns
    -------
    Database
        At this program's revision.

    Raises
    ------
    Unreachable
        No file and not to be created, no server, no permission.
    NotOurs
        The file or database holds something else.
    WrongRevision
        It is older (``iracdb db upgrade`` mends it) or newer than this program.
    """
    database = connect(url, create=create)
    try:
        with plain_errors(url):
            _settle(database, create=create)
    except BaseException:
        database.close()
        raise
    return database


def connect(url: URL, *, create: bool = False) -> Database:
    """Make the engine without asking what the database holds.

    Parameters
    ----------
    url : sqlalchemy.engine.URL
        Where the database lives.
    create : bool, optional
        Whether an SQLite file that is not there may be made.

    Returns
    -------
    Database
        Not yet known to be ours.

    Raises
    ------
    Unreachable
        Where there is no such file or folder, or no driver.
    """
    if url.get_backend_name() == "sqlite":
        return _connect_sqlite(url, create=create)
    else:
        try:
            engine = create_engine(url, connect_args={"connect_timeout": 10})
        except ModuleNotFoundError:
            raise Unreachable(
                "PostgreSQL needs the package psycopg: pip install 'iracdb[postgres]'"
            ) from None
    return Database(url, engine)


def _connect_sqlite(url: URL, *, create: bool) -> Database:
    path = Path(str(url.database))
    try:
        _check_sqlite_path(path, create=create)
    except OSError as problem:  # such as a name that is too long for the disk
        raise Unreachable(f"Cannot reach {path}: {problem.strerror or problem}") from None
    frozen = path.exists() and sqlite_files.is_frozen(path)
    only_read = frozen or (path.exists() and not sqlite_files.can_be_written(path))
    if only_read:
        engine = create_engine(
            url, creator=lambda: sqlite_files.opened_to_read(path, BUSY_TIMEOUT_SECONDS)
        )
    else:
        engine = create_engine(url, connect_args={"timeout": BUSY_TIMEOUT_SECONDS})
    _prepare_sqlite(engine)
    return Database(url, engine, frozen=frozen, only_read=only_read)


def _check_sqlite_path(path: Path, *, create: bool) -> None:
    if path.is_dir():
        raise Unreachable(f"{path} is a folder, not a catalogue: name a file in it")
    if path.exists():
        return
    if not create:
        raise Unreachable(
            f"There is no catalogue at {path}: make one with 'iracdb init' or 'iracdb ingest', "
            "or name another with --db"
        )
    if not path.parent.is_dir():
        raise Unreachable(f"There is no folder {path.parent} to make the catalogue in")


def _prepare_sqlite(engine: Engine) -> None:
    @event.listens_for(engine, "connect")
    def on_connect(connection: sqlite3.Connection, _record: object) -> None:
        # SQLAlchemy says when a transaction begins (below); the driver must not add its own idea.
        connection.isolation_level = None
        connection.execute("PRAGMA foreign_keys = ON")
        connection.execute("PRAGMA synchronous = NORMAL")
        # ANALYZE looks at so many rows of an index, however large it has become.
        connection.execute("PRAGMA analysis_limit = 1000")

    @event.listens_for(engine, "begin")
    def on_begin(connection: Connection) -> None:
        # A transaction that will write takes the lock at once: one that upgrades from reading
        # fails without waiting when another writer came between.
        writes = connection.get_execution_options().get("iracdb_writes", False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _settle(database: Database, *, create: bool) -> None:
    with database.read() as connection:
        state = revisions.state_of(connection)
    if state == "empty" and create and not database.only_read:
        build(database)
        return
    check_state(state, database)


def check_state(state: str, database: Database) -> None:
    """Refuse a database that this program cannot work with.

    Parameters
    ----------
    state : str
        From `iracdb.catalogue.revisions.state_of`.
    database : Database
        It, for the message.

    Raises
    ------
    NotOurs
        Where it is empty or holds something else.
    WrongRevision
        Where it is older or newer than this program.
    """
    where = shown(database.url)
    option = _db_option(database.url)
    if state == "older" and database.frozen:
        raise WrongRevision(
            f"{where} was frozen by an older iracdb: take it into a catalogue with "
            f"'iracdb thaw {shlex.quote(where)} --db CATALOGUE'"
        )
    if state == "empty":
        raise NotOurs(f"{where} holds no catalogue yet: make one with: iracdb init{option}")
    if state == "foreign":
        raise NotOurs(
            f"{where} is not an iracdb catalogue: it holds other tables. Name another with --db"
        )
    if state == "older":
        raise WrongRevision(
            f"{where} was made by an older iracdb: save a copy, then run: iracdb db upgrade{option}"
        )
    if state == "newer":
        raise WrongRevision(
            f"{where} was made by a newer iracdb than this one: "
            "run 'pip install --upgrade iracdb', or name another with --db"
        )


def _db_option(url: URL) -> str:
    return f" --db {shlex.quote(shown(url))}"


def build(database: Database) -> None:
    """Make all tables and views in an empty database, in one transaction.

    Parameters
    ----------
    database : Database
        Empty; another process may be building it at the same time.

    Raises
    ------
    NotOurs
        Where something else came to live there meanwhile.
    """
    if database.dialect == "sqlite":
        with database.engine.connect() as connection:
            driver: Any = connection.connection.dbapi_connection
            sqlite_files.use_write_ahead_log(driver, BUSY_TIMEOUT_SECONDS)
    with database.migrate() as connection:
        if database.dialect == "postgresql":
            connection.execute(text("SELECT pg_advisory_xact_lock(4977671)"))
        if revisions.state_of(connection) == "empty":
            revisions.upgrade(connection)


def upgrade(url: URL) -> tuple[str | None, str]:
    """Bring a database to this program's revision.

    Parameters
    ----------
    url : sqlalchemy.engine.URL
        Where it lives.

    Returns
    -------
    tuple of str
        The revision before (None where it was empty) and after.

    Raises
    ------
    NotOurs, WrongRevision
        Where it holds something else, or is newer than this program.
    """
    database = connect(url)
    try:
        with plain_errors(url):
            with database.read() as connection:
                state = revisions.state_of(connection)
                before = revisions.current(connection)
            # Views are not migrated: a catalogue of this very revision may lack a newer one.
            if state == "older" or (state == "head" and not database.only_read):
                with database.migrate() as connection:
                    revisions.upgrade(connection)
            elif state != "head":
                check_state(state, database)
        return before, revisions.head()
    finally:
        database.close()


def current(url: URL) -> tuple[str | None, str, str]:
    """Tell the revision of a database without changing it.

    Parameters
    ----------
    url : sqlalchemy.engine.URL
        Where it lives.

    Returns
    -------
    tuple
        Its revision (None where there is none), this program's, and the state: ``'head'``,
        ``'older'``, ``'newer'``, ``'empty'`` or ``'foreign'``.
    """
    database = connect(url)
    try:
        with plain_errors(url), database.read() as connection:
            state = revisions.state_of(connection)
            return revisions.current(connection), revisions.head(), state
    finally:
        database.close()


def in_batches(items: list[Any], size: int) -> Iterator[list[Any]]:
    """Cut a list into pieces.

    Parameters
    ----------
    items : list
        Any items.
    size : int
        The largest length of a piece.

    Yields
    ------
    list
        The pieces, in order.
    """
    for start in range(0, len(items), size):
        yield items[start : start + size]
