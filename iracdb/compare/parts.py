"""Two tables of one kind compared: their matched rows, column by column, and what each comes to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from iracdb.compare.columns import Compares
from iracdb.compare.matching import AverageKey, ImageKey, Matched
from iracdb.compare.rows import as_doubles
from iracdb.compare.values import (
    CHANGED,
    FLAG_CHANGED,
    OUTCOMES,
    ROUNDING_ONLY,
    SAME,
    CodeArray,
    Compared,
    FloatArray,
    compare_doubles,
    largest,
)

Which = Literal["images", "aors"]


@dataclass(frozen=True)
class ColumnPair:
    """One column of the matched rows of two runs.

    Parameters
    ----------
    column : Compares
        Which.
    a, b : ndarray
        Its values in each run: of float with NaN for none, or of object.
    outcome : ndarray of int8
        Codes of `iracdb.compare.values.OUTCOMES`, row by row.
    numbers : Compared or None
        How far they are apart; None for text and flags.
    """

    column: Compares
    a: npt.NDArray[Any]
    b: npt.NDArray[Any]
    outcome: CodeArray
    numbers: Compared | None


@dataclass(frozen=True)
class ColumnSummary:
    """What became of one column.

    Parameters
    ----------
    name : str
        In the database.
    same, rounding_only, changed : int
        Matched rows; a flag or a text that differs is changed.
    only_a, only_b : int
        Rows among the changed ones that have a value in one run alone.
    largest_relative_change : float or None
        Of rows that have a value in both runs; None for text and flags.
    """

    name: str
    same: int
    rounding_only: int
    changed: int
    only_a: int
    only_b: int
    largest_relative_change: float | None

    @property
    def differs(self) -> bool:
        """Whether any row differs."""
        return bool(self.rounding_only or self.changed)


@dataclass(frozen=True)
class Rows:
    """What matched rows come to.

    Parameters
    ----------
    columns : dict
        Columns compared, by name.
    decisive : tuple of str
        Names of the columns that settle what a row comes to; one that is not among `columns` is
        the same in all rows.
    size : int
        How many rows.
    """

    columns: Mapping[str, ColumnPair]
    decisive: tuple[str, ...]
    size: int

    @cached_property
    def outcome(self) -> CodeArray:
        """What each row comes to: the gravest of what its columns come to."""
        found = np.zeros(self.size, dtype=np.int8)
        for name in self.decisive:
            if name in self.columns:
                np.maximum(found, self.columns[name].outcome, out=found)
        return found

    @cached_property
    def relative(self) -> FloatArray:
        """The largest relative change of each row, over the columns that settle it."""
        found = np.zeros(self.size)
        for name in self.decisive:
            pair = self.columns.get(name)
            if pair is not None and pair.numbers is not None:
                found = np.fmax(found, pair.numbers.relative)
        return found

    @cached_property
    def one_sided(self) -> npt.NDArray[np.bool_]:
        """Which rows have some value in one run alone."""
        found = np.zeros(self.size, dtype=bool)
        for name in self.decisive:
            pair = self.columns.get(name)
            if pair is not None and pair.numbers is not None:
                found |= np.isinf(pair.numbers.ulps)
        return found


@dataclass(frozen=True)
class Part:
    """The images of two runs compared, or their averages.

    Parameters
    ----------
    which : {'images', 'aors'}
        Which of the two.
    keys_a, keys_b : sequence of ImageKey or AverageKey
        What the rows of each run are about, in the order of its table.
    matched : Matched
        Which belong together.
    columns : dict
        Columns that both runs tell, by name.
    decisive : tuple of str
        Names of the columns that settle what a row comes to.
    """

    which: Which
    keys_a: Sequence[ImageKey] | Sequence[AverageKey]
    keys_b: Sequence[ImageKey] | Sequence[AverageKey]
    matched: Matched
    columns: dict[str, ColumnPair]
    decisive: tuple[str, ...]

    @cached_property
    def telling(self) -> Rows:
        """Rows of which all counts can be told: those left out are the same in both runs."""
        return Rows(self.columns, self.decisive, len(self.matched.pairs))

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the columns that both runs tell."""
        return tuple(self.columns)

    @property
    def shared(self) -> int:
        """How many rows are matched."""
        return len(self.matched.pairs)

    @property
    def alone(self) -> tuple[int, int]:
        """How many rows are in the first run alone, and how many in the second."""
        return len(self.matched.only_a), len(self.matched.only_b)

    @cached_property
    def outcome(self) -> CodeArray:
        """What each matched row comes to: the gravest of what its columns come to."""
        return Rows(self.columns, self.decisive, len(self.matched.pairs)).outcome

    @property
    def counts(self) -> dict[str, int]:
        """How many rows came to what: the four outcomes, and those of one run alone."""
        codes = np.bincount(self.telling.outcome, minlength=len(OUTCOMES))
        codes[SAME] += self.shared - self.telling.size
        found = {name: int(codes[code]) for code, name in enumerate(OUTCOMES)}
        return {**found, "only_a": self.alone[0], "only_b": self.alone[1]}

    @property
    def largest_relative_change(self) -> float:
        """The largest relative change of a value, over the columns that settle a row."""
        return largest(self.telling.relative)

    @cached_property
    def summaries(self) -> tuple[ColumnSummary, ...]:
        """What became of each column."""
        return tuple(summary_of(pair) for pair in self.columns.values())

    @property
    def differs(self) -> bool:
        """Whether any row or column differs."""
        return any(self.alone) or any(summary.differs for summary in self.summaries)


def compare_columns(
    columns: Sequence[Compares],
    rows_a: Sequence[Sequence[Any]],
    rows_b: Sequence[Sequence[Any]],
    matched: Matched,
) -> dict[str, ColumnPair]:
    """Compare the columns of matched rows.

    Parameters
    ----------
    columns : sequence of Compares
        What stands in the rows, in order.
    rows_a, rows_b : sequence of sequence
        Rows of each run.
    matched : Matched
        Which belong together.

    Returns
    -------
    dict
        Each column compared, by name.
    """
    mine = [rows_a[index] for index, _ in matched.pairs]
    others = [rows_b[index] for _, index in matched.pairs]
    return {
        column.name: compare_column(
            column, [row[place] for row in mine], [row[place] for row in others]
        )
        for place, column in enumerate(columns)
    }


def compare_bits(
    names: Sequence[str], bits: Sequence[int], a: Sequence[int], b: Sequence[int]
) -> dict[str, ColumnPair]:
    """Compare flags that are bits of one number.

    Parameters
    ----------
    names : sequence of str
        Of the flags.
    bits : sequence of int
        Their values.
    a, b : sequence of int
        The numbers of matched rows in each run.

    Returns
    -------
    dict
        Each flag compared, by name.
    """
    mine, others = np.array(a, dtype=np.int64), np.array(b, dtype=np.int64)
    found = {}
    for name, bit in zip(names, bits, strict=True):
        one, other = (mine & bit) != 0, (others & bit) != 0
        outcome = np.where(one == other, SAME, FLAG_CHANGED).astype(np.int8)
        found[name] = ColumnPair(Compares(name, "flag"), one, other, outcome, None)
    return found


def compare_column(column: Compares, a: Sequence[Any], b: Sequence[Any]) -> ColumnPair:
    """Compare one column of matched rows.

    Parameters
    ----------
    column : Compares
        Which.
    a, b : sequence
        Its values in each run, None for none.

    Returns
    -------
    ColumnPair
        Row by row.
    """
    if column.kind == "number":
        one, other = as_doubles(a), as_doubles(b)
        numbers = compare_doubles(one, other)
        return ColumnPair(column, one, other, numbers.outcome, numbers)
    code = FLAG_CHANGED if column.kind == "flag" else CHANGED
    outcome = [SAME if x == y else code for x, y in zip(a, b, strict=True)]
    return ColumnPair(column, _objects(a), _objects(b), np.array(outcome, dtype=np.int8), None)


def _objects(values: Sequence[Any]) -> npt.NDArray[Any]:
    found = np.empty(len(values), dtype=object)
    found[:] = values
    return found


def summary_of(pair: ColumnPair) -> ColumnSummary:
    """Tell what became of a column.

    Parameters
    ----------
    pair : ColumnPair
        Compared row by row.

    Returns
    -------
    ColumnSummary
        Counts of the rows.
    """
    codes = np.bincount(pair.outcome, minlength=len(OUTCOMES))
    has_a, has_b = _present(pair.a), _present(pair.b)
    return ColumnSummary(
        pair.column.name,
        int(codes[SAME]),
        int(codes[ROUNDING_ONLY]),
        int(codes[CHANGED] + codes[FLAG_CHANGED]),
        int((has_a & ~has_b).sum()),
        int((has_b & ~has_a).sum()),
        None if pair.numbers is None else largest(pair.numbers.relative),
    )


def _present(values: npt.NDArray[Any]) -> npt.NDArray[np.bool_]:
    if values.dtype == object:
        return np.array([value is not None for value in values], dtype=bool)
    present: npt.NDArray[np.bool_] = ~np.isnan(values)
    return present
