"""Runs carried from one catalogue into another, every number of the one mapped to the other's.

Freezing carries a run into an empty file, thawing carries it from there into a catalogue that may
hold its frames, files and targets already. What is held is known by what it is, never by a number.
"""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import JSON, Boolean, Connection, Double, Integer, LargeBinary, Row, Text

from iracdb.catalogue import tables as t
from iracdb.catalogue.bulk import insert_rows, reserve_numbers
from iracdb.errors import InputRefused
from iracdb.export.frozen.belongings import rows_of
from iracdb.export.frozen.holdings import Held
from iracdb.export.frozen.streams import AT_ONCE, batches

SHARED = ("frame", "file", "target", "target_list", "calibration", "software", "study")
"""Numbered tables whose rows several runs share, each after those that it names."""

_OF_RUN = (
    "run_parameter", "run_input", "run_problem", "run_warning", "run_source", "run_cell",
    "run_log_field",
)  # fmt: skip

Step = Callable[[int, int, str], None]
"""Told how many tables are done, of how many, and which is next."""


@dataclass(frozen=True)
class Place:
    """Where a run comes to stand.

    Parameters
    ----------
    run_id : int
        Its number there.
    name : str
        Its name there.
    """

    run_id: int
    name: str


class Carrier:
    """Carries runs.

    Parameters
    ----------
    source : sqlalchemy.Connection
        Where they are, in a transaction.
    target : sqlalchemy.Connection
        Where they go, in a transaction that may write.
    places : mapping
        Where each run comes to stand, by its number in the source: parents before children.
    held : Held
        What the target holds.
    known_runs : mapping, optional
        Runs that are in the target already: its number there by that in the source.
    stranger : bool, optional
        Whether the source is somebody's file, whose values must be looked at and whose places are
        those of another machine.

    Attributes
    ----------
    added : collections.Counter
        Rows that were new, by table.
    absent : int
        Places that were new, and at which the file does not lie now.
    """

    def __init__(
        self,
        source: Connection,
        target: Connection,
        places: Mapping[int, Place],
        held: Held,
        *,
        known_runs: Mapping[int, int] | None = None,
        stranger: bool = False,
    ) -> None:
        self._source = source
        self._target = target
        self._places = places
        self._held = held
        self._stranger = stranger
        of_runs = {number: place.run_id for number, place in places.items()}
        self._numbers: dict[str, dict[int, int]] = {"run": {**(known_runs or {}), **of_runs}}
        self.added: Counter[str] = Counter()
        self.absent = 0

    def carry(self, step: Step | None = None) -> None:
        """Carry all rows, in the order of their foreign keys.

        Parameters
        ----------
        step : callable, optional
            Told which table is next.
        """
        steps: list[tuple[str, Callable[[Any], None]]] = [
            ("aor", self._aors),
            *((name, self._shared) for name in SHARED[:2]),
            ("header", self._headers),
            ("file_location", self._locations),
            *((name, self._shared) for name in SHARED[2:]),
            ("run", self._runs),
            *((name, self._plain) for name in _OF_RUN),
            ("aor_result", self._numbered),
            ("image_result", self._plain),
            ("activity", self._numbered),
            ("study_run", self._plain),
        ]
        for done, (name, carry_table) in enumerate(steps):
            if step is not None:
                step(done, len(steps), name)
            carry_table(t.metadata.tables[name])

    def _rows(self, table: Any) -> Iterator[Row[Any]]:
        rows = rows_of(self._source, table, list(self._places))
        return checked(table, rows) if self._stranger else rows

    def _insert(self, table: Any, rows: Iterable[Iterable[Any]]) -> None:
        def counted() -> Iterator[Any]:
            for row in rows:
                self.added[table.name] += 1
                yield row

        insert_rows(self._target, table, [column.name for column in table.columns], counted())

    def _mapped(self, table: Any, rows: Iterable[Row[Any]]) -> Iterator[list[Any]]:
        """Give the rows with the target's numbers in place of the source's."""
        maps = [
            (place, self._numbers[key.column.table.name])
            for place, column in enumerate(table.columns)
            for key in column.foreign_keys
            if key.column.table is not t.aor  # whose key is the same everywhere
        ]
        for row in rows:
            cells = list(row)
            for place, numbers in maps:
                if cells[place] is not None:
                    cells[place] = numbers[cells[place]]
            yield cells

    def _plain(self, table: Any) -> None:
        self._insert(table, self._mapped(table, self._rows(table)))

    def _numbered(self, table: Any) -> None:
        for batch in batches(self._rows(table)):
            self._add(table, batch)

    def _add(self, table: Any, rows: list[Row[Any]]) -> None:
        """Insert rows under new numbers, which are remembered."""
        numbers = reserve_numbers(self._target, table, len(rows))
        known = self._numbers.setdefault(table.name, {})
        known.update(zip((row.id for row in rows), numbers, strict=True))
        mapped = self._mapped(table, rows)
        self._insert(
            table,
            ((number, *cells[1:]) for number, cells in zip(numbers, mapped, strict=True)),
        )

    def _shared(self, table: Any) -> None:
        known = self._numbers.setdefault(table.name, {})
        # Of targets all must be seen together: see `Holdings.find`.
        size = AT_ONCE if table is not t.target else 2**31
        for batch in batches(self._rows(table), size):
            found = self._held.find(table, batch)
            known.update(
                (row.id, number)
                for row, number in zip(batch, found, strict=True)
                if number is not None
            )
            new = [row for row, number in zip(batch, found, strict=True) if number is None]
            if new:
                self._add(table, new)

    def _aors(self, table: Any) -> None:
        for batch in batches(self._rows(table)):
            held = self._held.aorkeys([row.aorkey for row in batch])
            self._insert(table, (tuple(row) for row in batch if row.aorkey not in held))
            # Of an AOR that only imported tables name, nothing but the key is known.
            for row in batch:
                facts = {name: cell for name, cell in row._mapping.items() if cell is not None}
                if held.get(row.aorkey) is False and len(facts) > 1:
                    self._target.execute(
                        table.update().where(table.c.aorkey == row.aorkey).values(facts)
                    )

    def _headers(self, table: Any) -> None:
        known = self._numbers["file"]
        for batch in batches(self._rows(table), AT_ONCE // 5):
            held = self._held.headers([known[row.file_id] for row in batch])
            new = (row for row in batch if known[row.file_id] not in held)
            self._insert(table, self._mapped(table, new))

    def _locations(self, table: Any) -> None:
        for batch in batches(self._rows(table)):
            held = self._held.paths([row.path for row in batch])
            new = (row for row in batch if row.path not in held)
            rows = self._mapped(table, new)
            if self._stranger:
                rows = map(self._as_it_is_here, rows)
            self._insert(table, rows)

    def _as_it_is_here(self, cells: list[Any]) -> list[Any]:
        """Tell a place as present only where a file of that size and time lies there."""
        named = dict(zip(t.file_location.columns.keys(), cells, strict=True))
        try:
            status = os.stat(named["path"])
            there = (status.st_size, status.st_mtime_ns) == (named["size"], named["mtime_ns"])
        except (OSError, ValueError):
            there = False
        self.absent += not there
        return list((named | {"present": there}).values())

    def _runs(self, table: Any) -> None:
        columns = list(table.columns.keys())
        for row in self._rows(table):
            place = self._places[row.run_id]
            (cells,) = self._mapped(table, [row])
            mine = {"run_id": place.run_id, "name": place.name, "name_key": place.name.lower()}
            named = dict(zip(columns, cells, strict=True)) | mine
            self._insert(table, [tuple(named.values())])


_KINDS: tuple[tuple[type, type], ...] = (
    (Boolean, bool), (JSON, str), (LargeBinary, bytes), (Text, str), (Integer, int),
    (Double, float),
)  # fmt: skip


def checked(table: Any, rows: Iterable[Row[Any]]) -> Iterator[Row[Any]]:
    """Refuse values that are not of their column's kind, which SQLite would keep all the same.

    Parameters
    ----------
    table : sqlalchemy.Table
        Whose rows they are.
    rows : iterable of Row
        From `belongings.rows_of`.

    Yields
    ------
    Row
        As it was.

    Raises
    ------
    InputRefused
        Where a value is of another kind, or JSON cannot be read.
    """
    kinds = [
        (next(kind for sort, kind in _KINDS if isinstance(column.type, sort)), type(None))
        for column in table.columns
    ]
    of_json = [place for place, c in enumerate(table.columns) if isinstance(c.type, JSON)]
    for row in rows:
        if not (all(map(isinstance, row, kinds)) and all(_is_json(row[i]) for i in of_json)):
            raise InputRefused(f"it holds a row of {table.name} with a value of another kind")
        yield row


def _is_json(text: str | None) -> bool:
    try:
        json.loads("null" if text is None else text, parse_constant=_not_json)
    except (ValueError, RecursionError):
        return False
    return True


def _not_json(word: str) -> float:
    raise ValueError(f"{word} is not JSON")
