"""Choosing frames: which of them the conditions of a run hold for, and how many each leaves."""

from __future__ import annotations

import operator
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from sqlalchemy import Connection, select

from iracdb.catalogue import tables as t
from iracdb.catalogue.condition_text import parse_condition
from iracdb.catalogue.conditions import (
    All,
    Among,
    AnyOf,
    Between,
    Comparison,
    Condition,
    Flagged,
    Missing,
    Not,
    Value,
    canonical,
    conjuncts,
    joined,
    parts_of,
)
from iracdb.catalogue.database import in_batches
from iracdb.catalogue.frame_facts import FACTS, HEADER
from iracdb.catalogue.selection import MANY, ScienceFile
from iracdb.errors import NotFound, RunRefused
from iracdb.flags import DECIDING, FLAGS
from iracdb.irac.pipeline_versions import version_numbers
from iracdb.runs.names import LARGEST

_COMPARE = {
    "=": operator.eq, "!=": operator.ne, "<": operator.lt, "<=": operator.le, ">": operator.gt,
    ">=": operator.ge,
}  # fmt: skip
_BITS = {flag.name: flag.bit for flag in FLAGS}


@dataclass(frozen=True)
class Step:
    """What one condition leaves.

    Parameters
    ----------
    text : str
        The condition.
    holds : int
        Frames for which it holds.
    left : int
        Frames for which it and those before it hold.
    total : int
        Frames that there were.
    """

    text: str
    holds: int
    left: int
    total: int


@dataclass(frozen=True)
class Beside:
    """What conditions ask for beside the facts of a file.

    Parameters
    ----------
    cards : mapping
        (printed value, number or None) by file and keyword; of a card that is there and has a
        value.
    flagged : mapping
        Frames by run and flag.
    """

    cards: Mapping[tuple[int, str], tuple[str, float | None]] = field(default_factory=dict)
    flagged: Mapping[tuple[str, str | None], set[int]] = field(default_factory=dict)


def holds(condition: Condition, file: ScienceFile, beside: Beside) -> bool:
    """Tell whether a condition holds for a frame.

    Parameters
    ----------
    condition : condition
        Any.
    file : ScienceFile
        The frame's file.
    beside : Beside
        Cards and flags.

    Returns
    -------
    bool
        A comparison with a value that is missing is false; so is one of a card's text with a
        number.
    """
    match condition:
        case Comparison(fact, sign, value):
            mine, other = _pair(fact, file, beside, value)
            return mine is not None and bool(_COMPARE[sign](mine, other))
        case Among(fact, values):
            pairs = (_pair(fact, file, beside, value) for value in values)
            return any(mine is not None and mine == other for mine, other in pairs)
        case Between(fact, low, high):
            mine, least = _pair(fact, file, beside, low)
            _, most = _pair(fact, file, beside, high)
            return mine is not None and bool(least <= mine <= most)
        case Missing(fact):
            if fact.startswith(HEADER):
                return (file.file_id, fact[len(HEADER) :]) not in beside.cards
            return FACTS[fact].of(file) is None
        case Flagged(flag, run):
            return file.frame_id in beside.flagged[run, flag]
        case Not(one):
            return not holds(one, file, beside)
        case All(parts):
            return all(holds(part, file, beside) for part in parts)
        case AnyOf(parts):
            return any(holds(part, file, beside) for part in parts)


def _pair(fact: str, file: ScienceFile, beside: Beside, value: Value) -> tuple[Any, Any]:
    """Give a fact and a value as they compare."""
    if fact.startswith(HEADER):
        text, number = beside.cards.get((file.file_id, fact[len(HEADER) :]), (None, None))
        return (text if isinstance(value, str) else number), value
    mine = FACTS[fact].of(file)
    if FACTS[fact].sort == "version" and mine is not None:
        return version_numbers(mine), version_numbers(str(value))
    return mine, value


class Choice:
    """The conditions of a run, ready to choose by.

    Parameters
    ----------
    connection : sqlalchemy.Connection
        To a catalogue.
    where : sequence of str
        Conditions, all of which must hold.

    Raises
    ------
    UsageError
        Where one cannot be read.
    NotFound
        Where one asks for a run that is not there.
    RunRefused
        Where it is not finished.
    """

    def __init__(self, connection: Connection, where: Sequence[str]) -> None:
        self._connection = connection
        parsed = [_numbered(connection, parse_condition(text)) for text in where]
        self._condition = joined(parsed)
        self.steps: tuple[Step, ...] = ()

    @property
    def canonical(self) -> tuple[str, ...]:
        """The condition in the one form that stands for it, or nothing."""
        return () if self._condition is None else (canonical(self._condition),)

    @property
    def nothing_left(self) -> str | None:
        """Why no frame is left, once frames were chosen; None where there were none before."""
        if not self.steps or not self.steps[0].total:
            return None
        told = "; ".join(f"{step.holds} where {step.text}" for step in self.steps)
        return f"No frame is left of {self.steps[0].total}: there are {told}"

    def __call__(self, files: list[ScienceFile]) -> list[ScienceFile]:
        """Choose frames.

        Parameters
        ----------
        files : list of ScienceFile
            Those that there are.

        Returns
        -------
        list of ScienceFile
            Those for which the conditions hold, in the same order.
        """
        if self._condition is None:
            return files
        beside = self._beside(files)
        left, steps = files, []
        for part in conjuncts(self._condition):
            held = {file.file_id for file in files if holds(part, file, beside)}
            left = [file for file in left if file.file_id in held]
            steps.append(Step(canonical(part), len(held), len(left), len(files)))
        self.steps = tuple(steps)
        return left

    def _beside(self, files: Sequence[ScienceFile]) -> Beside:
        keywords: set[str] = set()
        flagged: set[tuple[str, str | None]] = set()
        for part in () if self._condition is None else parts_of(self._condition):
            if isinstance(part, Flagged):
                flagged.add((part.run, part.flag))
            elif isinstance(part, Comparison | Among | Between | Missing):
                keywords |= {part.fact[len(HEADER) :]} if part.fact.startswith(HEADER) else set()
        return Beside(
            _cards(self._connection, files, keywords) if keywords else {},
            {each: _flagged(self._connection, *each) for each in flagged},
        )


def _numbered(connection: Connection, condition: Condition) -> Condition:
    """Call runs by their numbers: a name may be given to another run."""
    match condition:
        case Flagged(_, run):
            return replace(condition, run=_finished(connection, run))
        case Not(one):
            return Not(_numbered(connection, one))
        case All(parts):
            return All(tuple(_numbered(connection, part) for part in parts))
        case AnyOf(parts):
            return AnyOf(tuple(_numbered(connection, part) for part in parts))
    return condition


def _finished(connection: Connection, which: str) -> str:
    run = t.run.c
    if which.isascii() and which.isdigit():
        number = int(which)
        mine = run.run_id == (number if number <= LARGEST else -1)
    else:
        mine = run.name_key == which.lower()
    row = connection.execute(select(run.run_id, run.name, run.state).where(mine)).one_or_none()
    if row is None:
        raise NotFound(f"There is no run {which} whose flags could be asked for (iracdb runs)")
    if row.state != "finished":
        raise RunRefused(
            f"Run {row.run_id} ({row.name}) is not finished: its flags are not all set"
        )
    return str(row.run_id)


def _flagged(connection: Connection, run: str, flag: str | None) -> set[int]:
    image, average = t.image_result.c, t.aor_result.c
    bits = DECIDING if flag is None else _BITS[flag]
    query = (
        select(image.frame_id)
        .join(t.aor_result, average.id == image.aor_result_id)
        .where(average.run_id == int(run), image.flags.op("&")(bits) != 0)
    )
    return set(connection.execute(query).scalars())


def _cards(
    connection: Connection, files: Sequence[ScienceFile], keywords: set[str]
) -> dict[tuple[int, str], tuple[str, float | None]]:
    """Read cards of headers: of a keyword that stands twice the first counts."""
    found: dict[tuple[int, str], tuple[str, float | None]] = {}
    columns = t.header.c
    for batch in in_batches([file.file_id for file in files], MANY):
        query = select(columns.file_id, columns.cards).where(columns.file_id.in_(batch))
        for number, cards in connection.execute(query):
            first: dict[str, tuple[str, float | None]] = {}
            for keyword, text, value in cards:
                if keyword in keywords and keyword not in first:
                    first[keyword] = (text, value)
            found |= {(number, name): card for name, card in first.items() if card[0] != ""}
    return found
