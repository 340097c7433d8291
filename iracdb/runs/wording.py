"""What a run is called and what is said of it: both can be changed, and each change is kept.

The numbers of a run, their digest and its uuid do not depend on either. What it was called and
what was said before stands in the activity of each change.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, exc, select, update

from iracdb.catalogue import tables as t
from iracdb.catalogue import views
from iracdb.catalogue.activity import record_activity
from iracdb.catalogue.clock import now
from iracdb.catalogue.database import Database
from iracdb.catalogue.locks import run_lock
from iracdb.errors import InputRefused, RunRefused
from iracdb.runs import registry
from iracdb.runs.names import agree

KINDS = ("rename", "comment")
"""Kinds of activity that change a run's words."""

run, activity = t.run.c, t.activity.c


@dataclass(frozen=True)
class Change:
    """A change of a run's name or comment.

    Parameters
    ----------
    kind : {'rename', 'comment'}
        Which.
    run_id : int
        The run.
    name : str
        Its name, after the change.
    before, after : str or None
        What was said, and what is said; None for no comment.
    reason : str or None
        Why.
    at : str
        When, UTC.
    operator, host : str or None
        Who, and where.
    """

    kind: str
    run_id: int
    name: str
    before: str | None
    after: str | None
    reason: str | None
    at: str
    operator: str | None = None
    host: str | None = None


def rename(database: Database, which: int | str, name: str, reason: str | None = None) -> Change:
    """Give a run another name; its number stays.

    Parameters
    ----------
    database : Database
        Open for writing.
    which : int or str
        The run's number or name.
    name : str
        The new name.
    reason : str, optional
        Why.

    Returns
    -------
    Change
        What was done.

    Raises
    ------
    UsageError
        Where the name breaks the rule for names, or owns another number.
    RunRefused
        Where another run has the name, this one has it already or is not finished, or others made
        views of its views.
    Busy
        Where another process is making the run.
    """
    why = None if reason is None else _checked("reason", reason)
    if why == "":
        raise InputRefused("The reason is empty: say in a few words why, or leave it out")
    with _held(database, which) as (connection, row):
        agree(row.run_id, name)
        _check_free(connection, row, name)
        if row.state != "finished":
            raise RunRefused(
                f"Run {row.run_id} ({row.name}) is not finished, and the command that goes on with "
                "it may name it: repeat that command, then rename it"
            )
        if row.withdrawn_at is None:
            views.drop_run_views(connection, row.name)
        renamed = update(t.run).where(run.run_id == row.run_id)
        try:
            connection.execute(renamed.values(name=name, name_key=name.lower()))
        except exc.IntegrityError:
            raise RunRefused(f"Another process has just taken the name {name}") from None
        if row.withdrawn_at is None:
            views.create_run_views(connection, row.run_id)
        return _recorded(connection, "rename", row, row.name, name, why)


def comment(database: Database, which: int | str, text: str) -> Change:
    """Say something else of a run.

    Parameters
    ----------
    database : Database
        Open for writing.
    which : int or str
        The run's number or name.
    text : str
        The new comment; an empty one takes the comment away.

    Returns
    -------
    Change
        What was done.

    Raises
    ------
    InputRefused
        Where the text cannot be held.
    RunRefused
        Where it is the comment already.
    Busy
        Where another process is making the run.
    """
    said = _checked("comment", text) or None
    with _held(database, which) as (connection, row):
        if row.comment == said:
            raise RunRefused(
                f"That is the comment of run {row.run_id} ({row.name}) already: nothing was done"
            )
        connection.execute(update(t.run).where(run.run_id == row.run_id).values(comment=said))
        return _recorded(connection, "comment", row, row.comment, said, None)


def changes(connection: Connection, run_id: int) -> list[Change]:
    """List what a run was called and what was said of it.

    Parameters
    ----------
    connection : sqlalchemy.Connection
        To a catalogue.
    run_id : int
        The run.

    Returns
    -------
    list of Change
        In the order they were made.
    """
    query = (
        select(t.activity, run.name.label("name"))
        .join(t.run, run.run_id == activity.run_id)
        .where(activity.run_id == run_id, activity.kind.in_(KINDS))
        .order_by(activity.id)
    )
    return [
        Change(
            row.kind, row.run_id, row.name, row.detail["before"], row.detail["after"],
            row.detail["reason"], row.started_at, row.operator, row.host,
        )
        for row in connection.execute(query)
    ]  # fmt: skip


def change_sentence(change: Change) -> str:
    """Say what was changed.

    Parameters
    ----------
    change : Change
        From `changes`.

    Returns
    -------
    str
        A sentence in one line.
    """
    when = change.at[:16].replace("T", " ")
    why = "" if change.reason is None else f": {' '.join(change.reason.split())}"
    if change.kind == "rename":
        return f"Until {when} UTC it was called {change.before}{why}"
    if change.before is None:
        return f"Until {when} UTC it had no comment"
    return f"Until {when} UTC its comment was: {' '.join(change.before.split())}"


@contextmanager
def _held(database: Database, which: int | str) -> Iterator[tuple[Connection, Row[Any]]]:
    """Find a run, and let nobody make, withdraw or rename it meanwhile."""
    with database.read() as connection:
        number = registry.find(connection, which).run_id
    with run_lock(database, number), database.write() as connection:
        mine = select(t.run).where(run.run_id == number).with_for_update(key_share=True)
        yield connection, connection.execute(mine).one()


def _check_free(connection: Connection, row: Row[Any], name: str) -> None:
    if row.name == name:
        raise RunRefused(f"Run {row.run_id} is called {name} already: there is nothing to do")
    taken = select(run.run_id).where(run.name_key == name.lower(), run.run_id != row.run_id)
    other = connection.execute(taken).scalar_one_or_none()
    if other is not None:
        raise RunRefused(f"The name {name} is taken by run {other}")


def _recorded(
    connection: Connection,
    kind: str,
    row: Row[Any],
    before: str | None,
    after: str | None,
    reason: str | None,
) -> Change:
    at, detail = now(), {"before": before, "after": after, "reason": reason}
    outcome = {"rename": "renamed", "comment": "commented"}[kind]
    record_activity(connection, kind, row.run_id, outcome, started_at=at, detail=detail)
    name = after if kind == "rename" and after is not None else row.name
    return Change(kind, row.run_id, name, before, after, reason, at)


def _checked(what: str, text: str) -> str:
    """Refuse what no database, or no XML, can hold as text; take blanks around it away."""
    try:
        text.encode()
    except UnicodeEncodeError:
        raise InputRefused(f"The {what} is not UTF-8 text") from None
    if any(ord(character) < 32 and character not in "\t\n\r" for character in text):
        raise InputRefused(f"The {what} holds a control character")
    return text.strip()
