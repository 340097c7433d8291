"""The database's revisions: which one it is at, and how it gets to this program's.

Migrations are alembic's, run inside the caller's transaction. Views are never migrated: they are
dropped before and rebuilt at head.
"""

from __future__ import annotations

from functools import cache
from typing import Literal

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, inspect

from iracdb.catalogue import views

VERSION_TABLE = "iracdb_revision"
"""A table of our own, so that another alembic project in the same server is never taken for us."""

State = Literal["empty", "foreign", "older", "newer", "head"]


@cache
def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", "iracdb_migrations:")
    config.set_main_option("path_separator", "os")
    return config


@cache
def _scripts() -> ScriptDirectory:
    return ScriptDirectory.from_config(_config())


def head() -> str:
    """Tell the revision that this program works with.

    Returns
    -------
    str
        Its identifier.
    """
    revision = _scripts().get_current_head()
    if revision is None:
        raise RuntimeError("no migrations are installed with this program")
    return revision


def current(connection: Connection) -> str | None:
    """Tell the revision that a database is at.

    Parameters
    ----------
    connection : sqlalchemy.Connection
        To any database.

    Returns
    -------
    str or None
        None where no migration of ours was ever run.
    """
    context = MigrationContext.configure(connection, opts={"version_table": VERSION_TABLE})
    return context.get_current_revision()


def state_of(connection: Connection) -> State:
    """Tell what a database is to this program.

    Parameters
    ----------
    connection : sqlalchemy.Connection
        To any database.

    Returns
    -------
    {'empty', 'foreign', 'older', 'newer', 'head'}
        ``'foreign'`` where tables are there that no migration of ours made.
    """
    tables = inspect(connection).get_table_names()
    # A database brought back to its beginning keeps the table of revisions, with nothing in it.
    if set(tables) <= {VERSION_TABLE}:
        return "empty"
    revision = current(connection) if VERSION_TABLE in tables else None
    if revision is None:
        return "foreign"
    if revision == head():
        return "head"
    known = {script.revision for script in _scripts().walk_revisions()}
    return "older" if revision in known else "newer"


def upgrade(connection: Connection, revision: str = "head") -> None:
    """Run the migrations in the caller's transaction, and rebuild the views.

    Parameters
    ----------
    connection : sqlalchemy.Connection
        In a transaction that may write.
    revision : str, optional
        Where to stop; views are rebuilt only at head.
    """
    views.drop_all(connection)
    config = Config()
    config.set_main_option("script_location", "iracdb_migrations:")
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    command.upgrade(config, revision)
    if current(connection) == head():
        views.rebuild_all(connection)
