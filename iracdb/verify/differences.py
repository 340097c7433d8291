"""Rows as stored and rows as made again, column by column, bit for bit."""

from __future__ import annotations

import math
from collections.abc import Collection, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

from iracdb.compare.values import ulp_distance

Table = Literal["images", "averages"]


@dataclass
class Count:
    """How many rows of a table came out how.

    Parameters
    ----------
    same, differs, not_checked : int
        Rows.
    """

    same: int = 0
    differs: int = 0
    not_checked: int = 0

    @property
    def checked(self) -> int:
        """Rows that were compared."""
        return self.same + self.differs


@dataclass(frozen=True)
class RowDifference:
    """A row that is not what making it again gives.

    Parameters
    ----------
    table : {'images', 'averages'}
        Which table it is of.
    about : dict
        Which row: AORKEY, target, group, and of an image its exposure.
    what : {'changed', 'not made again', 'not stored'}
        Whether both have it, or only the catalogue, or only the second making.
    columns : dict
        By column what is stored and what was made again, where both have the row.
    """

    table: Table
    about: dict[str, Any]
    what: str
    columns: dict[str, tuple[Any, Any]]

    @property
    def largest(self) -> float:
        """Largest relative change of a number; infinite where a value came, went or is text."""
        if self.what != "changed":
            return math.inf
        return max(relative_change(was, now) for was, now in self.columns.values())


@dataclass(frozen=True)
class ColumnDifference:
    """How far one column is off.

    Parameters
    ----------
    table : {'images', 'averages'}
        Which table it is of.
    column : str
        As the database calls it.
    rows : int
        Rows that differ in it.
    largest_absolute, largest_relative : float or None
        None where the column holds no numbers, or no two numbers differ.
    largest_ulps : float or None
        In units in the last place.
    """

    table: Table
    column: str
    rows: int
    largest_absolute: float | None
    largest_relative: float | None
    largest_ulps: float | None


@dataclass
class Comparison:
    """What comparing rows came to.

    Parameters
    ----------
    images, averages : Count
        Rows of the two tables.
    rows : list of RowDifference
        Those that differ, in order.
    """

    images: Count = field(default_factory=Count)
    averages: Count = field(default_factory=Count)
    rows: list[RowDifference] = field(default_factory=list)

    def add(
        self,
        table: Table,
        about: dict[str, Any],
        stored: Mapping[str, Any] | None,
        again: Mapping[str, Any] | None,
        but: Collection[str] = (),
        *,
        counted: bool = True,
    ) -> None:
        """Compare one row.

        Parameters
        ----------
        table : {'images', 'averages'}
            Which table it is of.
        about : dict
            Which row.
        stored, again : mapping or None
            Values by column; None where there is no such row.
        but : collection of str, optional
            Columns that are the catalogue's own.
        counted : bool, optional
            Whether it counts where it is the same.
        """
        count = self.images if table == "images" else self.averages
        if stored is None or again is None:
            what = "not made again" if again is None else "not stored"
            self.rows.append(RowDifference(table, about, what, {}))
            count.differs += 1
            return
        columns = {
            name: (stored[name], again.get(name))
            for name in stored
            if name not in but and not same_value(stored[name], again.get(name))
        }
        if columns:
            self.rows.append(RowDifference(table, about, "changed", columns))
            count.differs += 1
        else:
            count.same += counted

    def by_column(self) -> list[ColumnDifference]:
        """Sum the differences up.

        Returns
        -------
        list of ColumnDifference
            In the order of the tables' columns; rows that only one side has are left out.
        """
        pairs: dict[tuple[Table, str], list[tuple[Any, Any]]] = {}
        for row in self.rows:
            for name, pair in row.columns.items():
                pairs.setdefault((row.table, name), []).append(pair)
        return [_summed(table, name, found) for (table, name), found in pairs.items()]

    def most_changed(self, number: int) -> list[RowDifference]:
        """Pick the rows that changed most.

        Parameters
        ----------
        number : int
            How many at most.

        Returns
        -------
        list of RowDifference
            The largest relative change first; averages before images.
        """
        return sorted(self.rows, key=lambda row: (-row.largest, row.table != "averages"))[:number]


def same_value(one: Any, other: Any) -> bool:
    """Tell whether two values are the same in both databases' terms.

    Parameters
    ----------
    one, other : object
        Plain.

    Returns
    -------
    bool
        To the last bit, -0.0 being 0.0; no value is the same as none only.
    """
    return bool(one == other) and (one is None) == (other is None)


def relative_change(was: Any, now: Any) -> float:
    """Tell how far a value moved.

    Parameters
    ----------
    was, now : object
        Two values that differ.

    Returns
    -------
    float
        Over the first; infinite where either is no number, or the first is 0.
    """
    if not _is_number(was) or not _is_number(now) or was == 0:
        return math.inf
    return float(abs(now - was) / abs(was))


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _summed(table: Table, name: str, pairs: Sequence[tuple[Any, Any]]) -> ColumnDifference:
    numbers = [pair for pair in pairs if all(map(_is_number, pair))]
    if not numbers:
        return ColumnDifference(table, name, len(pairs), None, None, None)
    was, now = (np.array(side, dtype=float) for side in zip(*numbers, strict=True))
    with np.errstate(over="ignore"):
        apart = np.abs(now - was)
    return ColumnDifference(
        table,
        name,
        len(pairs),
        float(np.max(apart)),
        max(relative_change(*pair) for pair in numbers),
        float(np.max(ulp_distance(was, now))),
    )


def keyed(rows: Iterable[Any], names: Sequence[str]) -> dict[Hashable, Any]:
    """Put rows under their keys.

    Parameters
    ----------
    rows : iterable of Row
        From the database.
    names : sequence of str
        Of the columns that make the key.

    Returns
    -------
    dict
        Mappings of values by key.
    """
    return {tuple(row._mapping[name] for name in names): row._mapping for row in rows}
