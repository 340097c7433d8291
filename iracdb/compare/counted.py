"""Images that the database has compared: counts at once, rows when they are asked for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cached_property

from iracdb.compare.columns import Compares
from iracdb.compare.joined import Joined
from iracdb.compare.matching import AverageKey, ImageKey, Matched
from iracdb.compare.parts import ColumnPair, ColumnSummary, Part, Rows, Which, summary_of


class CountedPart(Part):
    """Images of two runs, of which the differing ones are known and the others counted.

    Their keys, and the values of those that are the same, are read when they are first asked
    for. A finished run's rows never change, so that they are those that were counted.

    Parameters
    ----------
    columns : sequence of Compares
        Columns that both runs tell, in order.
    joined : Joined
        What the database found.
    read : callable
        Reads and matches all rows.
    """

    which: Which = "images"

    def __init__(
        self, columns: Sequence[Compares], joined: Joined, read: Callable[[], Part]
    ) -> None:
        # What is known is kept beside what a part would be given.
        self.__dict__.update(_told=tuple(columns), _joined=joined, _read=read)

    _told: tuple[Compares, ...]
    _joined: Joined
    _read: Callable[[], Part]

    def __repr__(self) -> str:
        return f"<{self.shared:,} images in both>"

    @cached_property
    def _whole(self) -> Part:
        return self._read()

    @property
    def keys_a(self) -> Sequence[ImageKey] | Sequence[AverageKey]:
        """What the rows of the first run are about."""
        return self._whole.keys_a

    @property
    def keys_b(self) -> Sequence[ImageKey] | Sequence[AverageKey]:
        """What the rows of the second run are about."""
        return self._whole.keys_b

    @property
    def matched(self) -> Matched:
        """Which rows belong together."""
        return self._whole.matched

    @property
    def columns(self) -> dict[str, ColumnPair]:
        """Columns that both runs tell, by name."""
        return self._whole.columns

    @property
    def decisive(self) -> tuple[str, ...]:
        """Names of the columns that settle what a row comes to: all."""
        return self.names

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the columns that both runs tell."""
        return tuple(column.name for column in self._told)

    @property
    def shared(self) -> int:
        """How many rows are matched."""
        return self._joined.shared

    @property
    def alone(self) -> tuple[int, int]:
        """How many rows are in the first run alone, and how many in the second."""
        return self._joined.alone

    @cached_property
    def telling(self) -> Rows:
        """The rows that differ."""
        return Rows(self._joined.columns, self.names, self._joined.size)

    @cached_property
    def summaries(self) -> tuple[ColumnSummary, ...]:
        """What became of each column."""
        return tuple(self._summary(column) for column in self._told)

    def _summary(self, column: Compares) -> ColumnSummary:
        pair = self._joined.columns.get(column.name)
        if pair is None:
            largest = 0.0 if column.kind == "number" else None
            return ColumnSummary(column.name, self.shared, 0, 0, 0, 0, largest)
        found = summary_of(pair)
        return replace(found, same=found.same + self.shared - self._joined.size)
