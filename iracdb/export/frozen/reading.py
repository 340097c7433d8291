"""Opening a frozen file that may come from anybody: looked at before anything of it is believed."""

from __future__ import annotations

import contextlib
import os
import shutil
import sqlite3
import tempfile
import uuid
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Row, exc, select

from iracdb.catalogue import database as databases
from iracdb.catalogue import revisions
from iracdb.catalogue import tables as t
from iracdb.catalogue.database import Database, connect
from iracdb.catalogue.sqlite_files import is_frozen
from iracdb.catalogue.urls import database_url
from iracdb.errors import CatalogueError, InputRefused, NotFound
from iracdb.export.frozen.belongings import with_parents
from iracdb.export.frozen.marks import Contents, fingerprints, read_contents
from iracdb.layouts import LAYOUTS
from iracdb.runs.digested import digest_of_run
from iracdb.runs.names import check_name, check_number


@contextlib.contextmanager
def opened_frozen(path: Path) -> Iterator[tuple[Database, Contents]]:
    """Open a frozen file, which must hold what was frozen.

    Parameters
    ----------
    path : Path
        Absolute.

    Yields
    ------
    tuple
        The file as a database at this program's revision, and what it says that it holds.

    Raises
    ------
    NotFound
        Where there is no such file.
    InputRefused
        Where it is no frozen run, is of a later iracdb, or was changed since.
    """
    if not os.path.isfile(path):  # of a name that cannot be, too
        raise NotFound(f"There is no file {path}")
    if not is_frozen(path):
        raise InputRefused(f"{path} is not a frozen run: {_what_else(path)}")
    with contextlib.ExitStack() as stack:
        try:
            database = stack.enter_context(contextlib.closing(connect(database_url(path))))
            with database.read() as connection:
                contents, state = _looked_at(connection)
            if state == "older":
                database = stack.enter_context(_upgraded(path))
            with database.read() as connection:
                _check_runs(connection, contents)
        # A stranger's file may hold anything, in any column.
        except (exc.DBAPIError, RuntimeError, ValueError, TypeError, LookupError) as problem:
            raise InputRefused(f"{path} is refused: {_said(problem)}") from problem
        yield database, contents


def frozen_runs(connection: Connection, contents: Contents) -> Sequence[Row[Any]]:
    """Read the rows of the runs in a frozen file.

    Parameters
    ----------
    connection : sqlalchemy.Connection
        To the file.
    contents : Contents
        What it says that it holds.

    Returns
    -------
    sequence of Row
        Of the table ``run``: parents first, the run itself last.
    """
    return [
        connection.execute(select(t.run).where(t.run.c.run_id == number)).one()
        for number in with_parents(connection, contents.run_id)
    ]


def _said(problem: BaseException) -> str:
    """Tell what is wrong: of what a driver said, the one line that says it."""
    return " ".join(str(getattr(problem, "orig", None) or problem).split())


def _what_else(path: Path) -> str:
    try:
        _, _, state = databases.current(database_url(path))
    except CatalogueError as problem:
        return _said(problem.__cause__ or problem)
    if state in ("empty", "foreign"):
        return "it is another SQLite database"
    return (
        "it is a whole catalogue. Freeze a run of it with 'iracdb freeze', or take all of it "
        "elsewhere with 'iracdb copy'"
    )


def _looked_at(connection: Connection) -> tuple[Contents, str]:
    """Compare a file with what it says of itself."""
    state = revisions.state_of(connection)
    if state == "newer":
        raise InputRefused(
            "it was frozen by a newer iracdb than this one: run 'pip install --upgrade iracdb'"
        )
    if state in ("empty", "foreign"):
        raise InputRefused("it is another SQLite database, under the mark of a frozen run")
    strange = connection.exec_driver_sql(
        "SELECT name FROM sqlite_master WHERE type = 'trigger' "
        "OR (type = 'table' AND sql LIKE 'CREATE VIRTUAL%')"
    ).scalar()
    if strange is not None:
        raise InputRefused(f"it holds {strange}, which no iracdb makes")
    contents = read_contents(connection)
    held = fingerprints(connection)
    changed = sorted(
        name for name in {*held, *contents.tables} if held.get(name) != contents.tables.get(name)
    )
    if changed:
        more = f" and {len(changed) - 3} more tables" if len(changed) > 3 else ""
        raise InputRefused(
            f"it was changed after it was frozen, in {', '.join(changed[:3])}{more}: "
            "ask for it anew"
        )
    broken = connection.exec_driver_sql("PRAGMA foreign_key_check").first()
    if broken is not None:
        raise InputRefused(f"a row of {broken[0]} speaks of one of {broken[2]} that is not there")
    return contents, state


def _check_runs(connection: Connection, contents: Contents) -> None:
    """Refuse runs that no catalogue could hold, and results that are not those that were frozen."""
    runs = frozen_runs(connection, contents)
    if {run.uuid for run in runs} != set(contents.digests):
        raise InputRefused("its runs are not those that it says it holds")
    for run in runs:
        check_number(run.run_id)
        check_name(run.name)
        uuid.UUID(run.uuid)
        if run.layout not in LAYOUTS:
            raise InputRefused(f"run {run.run_id} has tables of an unknown layout, {run.layout}")
        if run.aors is not None and not all(isinstance(key, int) for key in list(run.aors)):
            raise InputRefused(f"run {run.run_id} is over AORs that have no key")
        if run.state != "finished":
            raise InputRefused(f"run {run.run_id} is not finished")
        made, said = digest_of_run(connection, run).sha256, contents.digests[run.uuid]
        if made != said or run.result_digest not in (None, said):
            raise InputRefused(
                f"the results of run {run.run_id} ({run.name}) have the digest {made}, "
                f"and the file says {said if made != said else run.result_digest}"
            )


@contextlib.contextmanager
def _upgraded(path: Path) -> Iterator[Database]:
    """Bring a copy of the file up to date, and leave the file as it is."""
    with tempfile.TemporaryDirectory(prefix="iracdb-thaw-") as folder:
        copy = Path(folder) / "thawing.sqlite"
        shutil.copyfile(path, copy)
        os.chmod(copy, 0o600)
        marked = sqlite3.connect(copy, isolation_level=None)
        try:
            marked.execute("PRAGMA application_id = 0")
        finally:
            marked.close()
        url = database_url(copy)
        databases.upgrade(url)
        with contextlib.closing(connect(url)) as database:
            yield database
