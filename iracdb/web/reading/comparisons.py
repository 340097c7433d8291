"""Two runs compared, once: what a page needs of it is kept, since huge runs take a while."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from threading import Lock
from typing import Any, NamedTuple

import numpy as np
from sqlalchemy import func, select

from iracdb.api import Catalogue
from iracdb.catalogue import tables as t
from iracdb.compare.parts import Part
from iracdb.compare.values import OUTCOMES, SAME, in_errors
from iracdb.runs.results import Run
from iracdb.web.view import plain

KEPT = 8
"""Comparisons that are kept, at the most."""

KEPT_ROWS = 200_000
"""Averages of all that are kept; the last comparison is kept whatever its size."""


class Average(NamedTuple):
    """An average in two runs.

    Parameters
    ----------
    outcome : str
        Of `iracdb.compare.values.OUTCOMES`, or ``only_a`` or ``only_b``.
    aorkey : int
        Its AOR.
    target : str
        Name of the target in the first run, or in the one that has it.
    row_a, row_b : int or None
        Rows of the AOR tables.
    flux_a, flux_b, difference : float or None
        mJy; None where there is none.
    relative : float or None
        Absolute difference over the first flux; None where there is no such number.
    errors : float or None
        Absolute difference in units of both errors together.
    also : str
        Other columns in which it differs.
    """

    outcome: str
    aorkey: int
    target: str
    row_a: int | None
    row_b: int | None
    flux_a: float | None
    flux_b: float | None
    difference: float | None
    relative: float | None
    errors: float | None
    also: str


@dataclass(frozen=True)
class Compared:
    """What is kept of a comparison.

    Parameters
    ----------
    summary : dict
        As of `Comparison.summary`.
    differences : list of dict
        What differs in the making: what, name, a, b, moves, why.
    sentences : list of str
        What changed, part by part; the verdict alone where that is all there is to say.
    causes : str
        What can have moved numbers, in one sentence; ``''`` where runs cannot be compared.
    averages : list of Average
        The gravest first, then those of one run alone.
    seconds : float
        How long it took.
    """

    summary: dict[str, Any]
    differences: list[dict[str, Any]]
    sentences: list[str]
    causes: str
    averages: list[Average]
    seconds: float


class Comparisons:
    """Comparisons that were asked for lately: each is made once, whoever asks meanwhile."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._made: OrderedDict[Any, Future[Compared]] = OrderedDict()

    def of(self, catalogue: Catalogue, a: Run, b: Run) -> Compared:
        """Compare two runs, or give what is kept of it.

        Parameters
        ----------
        catalogue : Catalogue
            Open.
        a, b : Run
            Of it.

        Returns
        -------
        Compared
            The same as long as nothing is done to either run.
        """
        key = _what_it_rests_on(catalogue, a, b)
        with self._lock:
            held = self._made.get(key)
            mine = held is None
            if held is None:
                held = self._made[key] = Future()
            self._made.move_to_end(key)
        if mine:
            try:
                held.set_result(_compared(catalogue, a, b))
            except BaseException as problem:
                # Who waits is told; who asks next tries again.
                with self._lock:
                    self._made.pop(key, None)
                held.set_exception(problem)
            self._make_room()
        return held.result()

    def _make_room(self) -> None:
        with self._lock:
            done = [key for key, held in self._made.items() if held.done()]
            rows = sum(len(self._made[key].result().averages) for key in done)
            for key in done[:-1]:
                if len(self._made) <= KEPT and rows <= KEPT_ROWS:
                    break
                rows -= len(self._made.pop(key).result().averages)


def _what_it_rests_on(catalogue: Catalogue, a: Run, b: Run) -> tuple[Any, ...]:
    """Tell what must not have changed: results never do, but links, names and marks can."""
    noted = t.activity.c
    last = select(func.max(noted.id)).where(noted.run_id.in_((a.run_id, b.run_id)))
    with catalogue._database.read() as connection:
        done = connection.execute(last).scalar_one()
    told = (
        (run.run_id, run.row.uuid, run.name, run.state, run.row.result_digest,
         run.row.withdrawn_at, run.row.withdrawn_reason)
        for run in (a, b)
    )  # fmt: skip
    return (done, *told)


def _compared(catalogue: Catalogue, a: Run, b: Run) -> Compared:
    from iracdb.compare.report import causes_said, sentences

    began = time.monotonic()
    made = catalogue.compare(a.run_id, b.run_id)
    summary = plain(made.summary())
    differences = [
        {"what": each.what, "name": each.name, "a": plain(each.a), "b": plain(each.b),
         "moves": each.moves, "why": each.sentence}
        for each in made.made_by.differences
    ]  # fmt: skip
    averages: list[Average] = []
    causes, said = "", [made.verdict]
    if made.comparable:
        said = sentences(made) if made.differs else said
        averages = list(averages_of(made.parts[1]))
        causes = causes_said(made)
    return Compared(summary, differences, said, causes, averages, time.monotonic() - began)


def averages_of(part: Part) -> Iterator[Average]:
    """List the averages of a comparison.

    Parameters
    ----------
    part : Part
        The averages.

    Yields
    ------
    Average
        Flags before values before rounding before the same, each by the size of the change; then
        those of the first run alone, and of the second.
    """
    pairs = part.matched.pairs
    flux = part.columns["flux"]
    assert flux.numbers is not None  # noqa: S101 - a flux is a number
    relative = flux.numbers.relative
    size = np.where(np.isnan(relative), np.inf, relative)
    errors = np.full(len(pairs), np.nan)
    if "error" in part.columns:
        error = part.columns["error"]
        errors = in_errors(flux.numbers.difference, error.a, error.b)
    also = _also(part)
    for index in map(int, np.lexsort((np.arange(len(pairs)), -size, -part.outcome))):
        one, other = part.keys_a[pairs[index][0]], part.keys_b[pairs[index][1]]
        numbers = (flux.a, flux.b, flux.numbers.difference, relative, errors)
        flux_a, flux_b, difference, change, in_units = (plain(float(x[index])) for x in numbers)
        yield Average(
            OUTCOMES[part.outcome[index]], one.aorkey, one.target.name, one.row_number,
            other.row_number, flux_a, flux_b, difference, change, in_units, also[index],
        )  # fmt: skip
    for index in part.matched.only_a:
        key = part.keys_a[index]
        yield Average("only_a", key.aorkey, key.target.name, key.row_number, None, *_NOTHING)
    for index in part.matched.only_b:
        key = part.keys_b[index]
        yield Average("only_b", key.aorkey, key.target.name, None, key.row_number, *_NOTHING)


_NOTHING: tuple[None, None, None, None, None, str] = (None, None, None, None, None, "")


def _also(part: Part) -> list[str]:
    """Name the columns in which each row differs, beside its flux."""
    names: list[list[str]] = [[] for _ in part.matched.pairs]
    for name, pair in part.columns.items():
        if name != "flux":
            for index in np.flatnonzero(pair.outcome != SAME):
                names[index].append(name)
    return [", ".join(each) for each in names]


def counted(averages: Sequence[Average]) -> dict[str, int]:
    """Count averages by what they come to.

    Parameters
    ----------
    averages : sequence of Average
        Of a comparison.

    Returns
    -------
    dict
        By outcome, those that do not occur left out.
    """
    found: dict[str, int] = {}
    for each in averages:
        found[each.outcome] = found.get(each.outcome, 0) + 1
    return found
