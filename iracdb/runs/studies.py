"""Studies: runs that belong together, such as those of a radius test."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, exc, func, insert, select

from iracdb.catalogue import tables as t
from iracdb.catalogue.clock import now
from iracdb.catalogue.listing import Listing
from iracdb.errors import Busy, NotFound, UsageError
from iracdb.runs.names import LARGEST, number_of

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,63}")

study, study_run, run = t.study.c, t.study_run.c, t.run.c


@dataclass(frozen=True)
class Member:
    """A run of a study.

    Parameters
    ----------
    label : str
        What it is in the study, such as ``(3, 3, 7)``.
    row : Row
        Of the table ``run``.
    """

    label: str
    row: Row[Any]

    @property
    def run_id(self) -> int:
        """The run's number."""
        return int(self.row.run_id)

    @property
    def withdrawn(self) -> bool:
        """Whether the run was withdrawn."""
        return self.row.withdrawn_at is not None


@dataclass(frozen=True)
class Study:
    """Runs that belong together.

    Parameters
    ----------
    name : str
        Unique in a catalogue.
    kind : str
        Such as ``radius-test``.
    comment : str or None
        Why it was made.
    created_at : str
        UTC.
    members : tuple of Member
        In the study's order.
    """

    name: str
    kind: str
    comment: str | None
    created_at: str
    members: tuple[Member, ...]

    @property
    def finished(self) -> bool:
        """Whether every run is."""
        return all(member.row.state == "finished" for member in self.members)

    @property
    def numbers(self) -> str:
        """The runs' numbers, as people write them: ``200 to 209``."""
        return shown_numbers([member.run_id for member in self.members])


def shown_numbers(numbers: Sequence[int]) -> str:
    """Write numbers, those that follow each other by the first and the last.

    Parameters
    ----------
    numbers : sequence of int
        In any order.

    Returns
    -------
    str
        Such as ``200 to 209`` or ``3, 7 to 8``.

    Examples
    --------
    >>> shown_numbers([8, 3, 7])
    '3, 7 to 8'
    """
    parts: list[list[int]] = []
    for number in sorted(numbers):
        if parts and number == parts[-1][-1] + 1:
            parts[-1][1:] = [number]
        else:
            parts.append([number])
    return ", ".join(" to ".join(map(str, part)) for part in parts)


def check_study_name(name: str) -> str:
    """Check a study's name, which its files take.

    Parameters
    ----------
    name : str
        As typed.

    Returns
    -------
    str
        The same.

    Raises
    ------
    UsageError
        Where it breaks the rule.
    """
    if _NAME.fullmatch(name) is None:
        raise UsageError(
            f"{name!r} is no name for a study: up to 64 letters, digits, _ and -, "
            "beginning with a letter or _"
        )
    return name


def find_study(connection: Connection, name: str) -> Study:
    """Find a study by its name, whatever its case.

    Parameters
    ----------
    connection : sqlalchemy.Connection
        To a catalogue.
    name : str
        As typed.

    Returns
    -------
    Study
        With its runs.

    Raises
    ------
    NotFound
        Where there is none; the message lists some that are.
    """
    found = study_called(connection, name)
    if found is not None:
        return found
    held = connection.execute(select(study.name).order_by(study.id).limit(10)).scalars().all()
    shown = f"there is {', '.join(held)}" if held else "there are none yet"
    raise NotFound(f"There is no study {name}: {shown} (iracdb studies)")


def study_called(connection: Connection, name: str) -> Study | None:
    """Find a study by its name, whatever its case.

    Parameters
    ----------
    connection : sqlalchemy.Connection
        To a catalogue.
    name : str
        As typed.

    Returns
    -------
    Study or None
        None where there is none.
    """
    rows = connection.execute(
        select(t.study).where(func.lower(study.name) == name.lower()).order_by(study.id)
    ).all()
    # A catalogue that studies were carried into may have two that differ in case.
    row = next((each for each in rows if each.name == name), rows[0] if rows else None)
    if row is None:
        return None
    members = connection.execute(
        select(t.run, study_run.label)
        .join(t.study_run, study_run.run_id == run.run_id)
        .where(study_run.study_id == row.id)
        .order_by(study_run.position)
    )
    found = tuple(Member(member.label, member) for member in members)
    return Study(row.name, row.kind, row.comment, row.created_at, found)


def declare_study(
    connection: Connection,
    name: str,
    kind: str,
    comment: str | None,
    members: Sequence[tuple[int, str]],
) -> None:
    """Note a new study, in the transaction that declares its runs.

    Parameters
    ----------
    connection : sqlalchemy.Connection
        In a transaction that may write.
    name : str
        Free when looked at.
    kind : str
        Such as ``radius-test``.
    comment : str or None
        Why.
    members : sequence of tuple
        Number and label of each run, in order.

    Raises
    ------
    Busy
        Where another process has taken the name meanwhile.
    """
    values = {"name": name, "kind": kind, "comment": comment, "created_at": now()}
    try:
        made = connection.execute(insert(t.study).values(**values).returning(study.id)).scalar_one()
    except exc.IntegrityError:
        raise Busy(f"Another process has just begun the study {name}: try again") from None
    connection.execute(
        insert(t.study_run),
        [
            {"study_id": made, "run_id": number, "position": position, "label": label}
            for position, (number, label) in enumerate(members, start=1)
        ],
    )


def studies_of(connection: Connection, run_ids: Sequence[int]) -> dict[int, str]:
    """Tell which runs stand in a study.

    Parameters
    ----------
    connection : sqlalchemy.Connection
        To a catalogue.
    run_ids : sequence of int
        Numbers of runs.

    Returns
    -------
    dict
        Name of a study by the number of a run.
    """
    rows = connection.execute(
        select(study_run.run_id, study.name)
        .join(t.study, study.id == study_run.study_id)
        .where(study_run.run_id.in_(list(run_ids)))
        .order_by(study.id.desc())
    )
    return {row.run_id: row.name for row in rows}


def free_range(connection: Connection, first: int, count: int) -> int | None:
    """Find numbers for several new runs that follow each other.

    Parameters
    ----------
    connection : sqlalchemy.Connection
        To a catalogue.
    first : int
        From which number on.
    count : int
        How many.

    Returns
    -------
    int or None
        The first of them; None where there are not so many.
    """
    taken = sorted(taken_numbers(connection))
    start = first
    for number in taken:
        if number >= start + count:
            break
        start = max(start, number + 1)
    return start if start + count - 1 <= LARGEST else None


def taken_numbers(connection: Connection) -> set[int]:
    """List the numbers that no new run may have.

    Parameters
    ----------
    connection : sqlalchemy.Connection
        To a catalogue.

    Returns
    -------
    set of int
        Those of runs, and those that a run's name owns.
    """
    rows = connection.execute(select(run.run_id, run.name_key)).all()
    owned = {number_of(row.name_key) for row in rows}
    return {row.run_id for row in rows} | {number for number in owned if number is not None}


def list_studies(connection: Connection) -> Listing:
    """List the studies.

    Parameters
    ----------
    connection : sqlalchemy.Connection
        To a catalogue.

    Returns
    -------
    Listing
        One row a study: name, kind, state, first and last run, runs, withdrawn, aors, created_at,
        comment.
    """
    names = connection.execute(select(study.name).order_by(study.id)).scalars().all()
    rows: list[tuple[Any, ...]] = []
    for name in names:
        one = find_study(connection, name)
        numbers = [member.run_id for member in one.members]
        aors = max((len(member.row.aors or ()) for member in one.members), default=0)
        withdrawn = sum(member.withdrawn for member in one.members)
        state = "finished" if one.finished else "running"
        rows.append(
            (one.name, one.kind, state, min(numbers, default=None), max(numbers, default=None),
             len(numbers), withdrawn, aors, one.created_at, one.comment)
        )  # fmt: skip
    columns = (
        "name", "kind", "state", "first_run", "last_run", "runs", "withdrawn", "aors",
        "created_at", "comment",
    )  # fmt: skip
    return Listing(columns, rows)
