"""Withdrawing a run and restoring it: a dated, reasoned mark, and what rests on the run.

Nothing is deleted. The mark is on the run's row; each change of it is an activity of its own, so
that the reason is known after a restore, too. The views over all runs leave a withdrawn run out by
themselves; its own two views are dropped, and made again.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, bindparam, select, update

from iracdb.catalogue import tables as t
from iracdb.catalogue import views
from iracdb.catalogue.activity import record_activity
from iracdb.catalogue.clock import now
from iracdb.catalogue.database import Database
from iracdb.catalogue.listing import Listing
from iracdb.errors import InputRefused, RunRefused
from iracdb.runs import registry

run, activity, study, study_run = t.run.c, t.activity.c, t.study.c, t.study_run.c

EXPORTS = ("export", "freeze")
"""Kinds of activity that carry a run's numbers out of the catalogue."""

_RUNS: Any = bindparam("runs", expanding=True)


@dataclass(frozen=True)
class Resting:
    """What rests on some runs.

    Parameters
    ----------
    runs : Listing
        Runs made from them, from those, and so on: run_id, name, state, parent_run_id,
        withdrawn_at, withdrawn_reason.
    studies : Listing
        The studies that these runs stand in, a row each run of theirs: study, kind, run_id, name,
        label.
    exports : Listing
        Files written of any of these runs: activity, kind, run_id, name, at, operator, host, detail
        (folder, and name and SHA-256 of each file).
    """

    runs: Listing
    studies: Listing
    exports: Listing

    @property
    def nothing(self) -> bool:
        """Whether nothing does."""
        return not (self.runs.rows or self.studies.rows or self.exports.rows)


@dataclass(frozen=True)
class Withdrawal:
    """A run withdrawn or restored, or what would be.

    Parameters
    ----------
    kind : {'withdraw', 'restore'}
        Which.
    run_id : int
        The run.
    name : str
        Its name.
    reason : str or None
        Why; a restore need not tell.
    at : str or None
        When, UTC; None where nothing was done.
    before : str or None
        When it had been withdrawn, for a restore.
    before_reason : str or None
        And why.
    resting : Resting
        What rests on it.
    """

    kind: str
    run_id: int
    name: str
    reason: str | None
    at: str | None
    before: str | None
    before_reason: str | None
    resting: Resting


def withdraw(
    database: Database, which: int | str, reason: str, *, dry_run: bool = False
) -> Withdrawal:
    """Withdraw a run.

    Parameters
    ----------
    database : Database
        Open for writing.
    which : int or str
        The run's number or name.
    reason : str
        Why.
    dry_run : bool, optional
        Tell what rests on it, and change nothing.

    Returns
    -------
    Withdrawal
        What was done, and what rests on it.

    Raises
    ------
    InputRefused
        Where no reason is given.
    RunRefused
        Where the run is withdrawn already, or not finished.
    """
    why = checked_reason(reason)
    if dry_run:
        with database.read() as connection:
            row = _standing(registry.find(connection, which))
            return _told("withdraw", row, why, None, _resting(connection, row))
    with database.write() as connection:
        row = _standing(_held(connection, which))
        at = now()
        mark = {"withdrawn_at": at, "withdrawn_reason": why}
        connection.execute(update(t.run).where(run.run_id == row.run_id).values(**mark))
        views.drop_run_views(connection, row.name)
        detail = {"reason": why}
        record_activity(connection, "withdraw", row.run_id, "withdrawn", started_at=at,
                        detail=detail)  # fmt: skip
        return _told("withdraw", row, why, at, _resting(connection, row))


def restore(
    database: Database, which: int | str, reason: str | None = None, *, dry_run: bool = False
) -> Withdrawal:
    """Take a withdrawal back.

    Parameters
    ----------
    database : Database
        Open for writing.
    which : int or str
        The run's number or name.
    reason : str, optional
        Why.
    dry_run : bool, optional
        Tell what would be done, and change nothing.

    Returns
    -------
    Withdrawal
        What was done, and what rests on it.

    Raises
    ------
    InputRefused
        Where the reason is empty.
    RunRefused
        Where the run is not withdrawn.
    """
    why = None if reason is None else checked_reason(reason)
    if dry_run:
        with database.read() as connection:
            row = _withdrawn(registry.find(connection, which))
            return _told("restore", row, why, None, _resting(connection, row))
    with database.write() as connection:
        row = _withdrawn(_held(connection, which))
        at = now()
        mark = {"withdrawn_at": None, "withdrawn_reason": None}
        connection.execute(update(t.run).where(run.run_id == row.run_id).values(**mark))
        views.create_run_views(connection, row.run_id)
        detail = {
            "reason": why,
            "withdrawn_at": row.withdrawn_at,
            "withdrawn_reason": row.withdrawn_reason,
        }
        record_activity(connection, "restore", row.run_id, "restored", started_at=at,
                        detail=detail)  # fmt: skip
        return _told("restore", row, why, at, _resting(connection, row))


def withdrawn_sentence(row: Any) -> str | None:
    """Say that a run is withdrawn, since when and why.

    Parameters
    ----------
    row : Row
        Of the table ``run``.

    Returns
    -------
    str or None
        A sentence; None where the run stands.
    """
    if row.withdrawn_at is None:
        return None
    when = row.withdrawn_at[:16].replace("T", " ")
    why = " ".join((row.withdrawn_reason or "no reason is told").split())
    return f"Run {row.run_id} ({row.name}) was withdrawn on {when} UTC: {why}"


def checked_reason(reason: str) -> str:
    """Refuse a reason that says nothing, or that no database can hold.

    Parameters
    ----------
    reason : str
        As typed.

    Returns
    -------
    str
        Without blanks around it.

    Raises
    ------
    InputRefused
        Where it is empty, or not UTF-8 text.
    """
    why = reason.strip()
    if not why:
        raise InputRefused("The reason is empty: say in a few words why, with --reason")
    try:
        why.encode()
    except UnicodeEncodeError:
        raise InputRefused("The reason is not UTF-8 text") from None
    if "\0" in why:
        raise InputRefused("The reason holds a NUL character")
    return why


def _resting(connection: Connection, row: Row[Any]) -> Resting:
    return resting_on(connection, family(connection, [row.run_id]))


def _held(connection: Connection, which: int | str) -> Row[Any]:
    """Find a run, and let nobody else withdraw or restore it meanwhile."""
    number = registry.find(connection, which).run_id
    mine = select(t.run).where(run.run_id == number).with_for_update(key_share=True)
    return connection.execute(mine).one()


def _standing(row: Row[Any]) -> Row[Any]:
    said = withdrawn_sentence(row)
    if said is not None:
        raise RunRefused(f"{said}. Take that back with 'iracdb restore {row.name}'")
    if row.state != "finished":
        raise RunRefused(
            f"Run {row.run_id} ({row.name}) is not finished: no view shows it yet, and it may "
            "still go on. Repeat the command that began it, then withdraw it"
        )
    return row


def _withdrawn(row: Row[Any]) -> Row[Any]:
    if row.withdrawn_at is None:
        raise RunRefused(f"Run {row.run_id} ({row.name}) is not withdrawn: there is nothing to do")
    return row


def _told(
    kind: str, row: Row[Any], reason: str | None, at: str | None, resting: Resting
) -> Withdrawal:
    return Withdrawal(
        kind, row.run_id, row.name, reason, at, row.withdrawn_at, row.withdrawn_reason, resting
    )


RUN = {
    column.name: column
    for column in (
        run.run_id, run.uuid, run.name, run.origin, run.state, run.recipe, run.channel, run.kind,
        run.command, run.parameters_digest, run.inputs_digest, run.result_digest,
        run.parent_run_id, run.operator, run.host, run.comment, run.started_at, run.finished_at,
        run.withdrawn_at, run.withdrawn_reason,
    )
}  # fmt: skip
"""What is told of a run before others: all that is not long."""


def _family() -> Any:
    first = select(run.run_id).where(run.run_id.in_(_RUNS)).cte("family", recursive=True)
    # A union of sets ends by itself, whatever the parents are.
    every = first.union(select(run.run_id).join(first, run.parent_run_id == first.c.run_id))
    return select(*RUN.values()).join(every, every.c.run_id == run.run_id).order_by(run.run_id)


_FAMILY = _family()
_STUDIES = (
    select(study.name.label("study"), study.kind, run.run_id, run.name, study_run.label)
    .join(t.study_run, study_run.study_id == study.id)
    .join(t.run, run.run_id == study_run.run_id)
    .where(study.id.in_(select(study_run.study_id).where(study_run.run_id.in_(_RUNS))))
    .order_by(study.name, study_run.position)
)
_EXPORTED = (
    select(activity.id.label("activity"), activity.kind, activity.run_id, run.name,
           activity.ended_at.label("at"), activity.operator, activity.host, activity.detail)
    .join(t.run, run.run_id == activity.run_id)
    .where(activity.run_id.in_(_RUNS), activity.kind.in_(EXPORTS))
    .order_by(activity.id)
)  # fmt: skip


def family(connection: Connection, runs: Iterable[int]) -> list[Row[Any]]:
    """Find runs, those made from them, from those, and so on.

    Parameters
    ----------
    connection : sqlalchemy.Connection
        To a catalogue.
    runs : iterable of int
        Their numbers.

    Returns
    -------
    list of Row
        Columns of `RUN`, by number.
    """
    return list(connection.execute(_FAMILY, {"runs": sorted(set(runs))}).all())


def resting_on(connection: Connection, members: Sequence[Any]) -> Resting:
    """Find what rests on some runs.

    Parameters
    ----------
    connection : sqlalchemy.Connection
        To a catalogue.
    members : sequence of Row
        From `family`.

    Returns
    -------
    Resting
        Runs made from them, studies and exports.
    """
    numbers = {row.run_id for row in members}

    def listed(query: Any) -> Listing:
        found = connection.execute(query, {"runs": sorted(numbers)})
        return Listing(tuple(found.keys()), [tuple(row) for row in found])

    made = [
        tuple(getattr(row, name) for name in _TOLD_OF_RUNS)
        for row in members
        if row.parent_run_id in numbers
    ]
    return Resting(Listing(_TOLD_OF_RUNS, made), listed(_STUDIES), listed(_EXPORTED))


_TOLD_OF_RUNS = (
    "run_id", "name", "state", "parent_run_id", "withdrawn_at", "withdrawn_reason",
)  # fmt: skip
