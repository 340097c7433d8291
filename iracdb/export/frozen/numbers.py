"""The number and name that a run gets in a catalogue that it comes into."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, select

from iracdb.catalogue import tables as t
from iracdb.errors import RunRefused
from iracdb.export.frozen.carrying import Place
from iracdb.runs import registry
from iracdb.runs.names import agree, number_of


class FreePlaces:
    """Gives out numbers and names that no run has.

    Parameters
    ----------
    connection : sqlalchemy.Connection
        To the catalogue, in a transaction that may write.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        rows = connection.execute(select(t.run.c.run_id, t.run.c.name_key)).all()
        self._names = {row.name_key for row in rows}
        # A name run<N> owns its number, though none but run N can have it.
        self._numbers = {row.run_id for row in rows}
        self._numbers |= {n for n in map(number_of, self._names) if n is not None}

    def take(self, run: Any, number: int | None = None, name: str | None = None) -> Place:
        """Find a place for a run: as asked for, else its own, else a free one.

        Parameters
        ----------
        run : Row
            Of the table ``run``, elsewhere.
        number, name : optional
            Asked for.

        Returns
        -------
        Place
            Free until now.

        Raises
        ------
        RunRefused
            Where what was asked for is taken.
        UsageError
            Where it cannot be a run's, or the two do not go together.
        """
        asked_number, asked_name = agree(number, name)
        if asked_number is None:
            asked_number = run.run_id
            if asked_number in self._numbers:
                asked_number = self._next_like(run.run_id)
        if name is None:
            owned = number_of(run.name)
            keeps = run.name.lower() not in self._names and owned in (None, asked_number)
            asked_name = run.name if keeps else f"run{asked_number}"
        place = Place(asked_number, str(asked_name))
        if place.run_id in self._numbers or place.name.lower() in self._names:
            raise RunRefused(
                f"Number {place.run_id} or the name {place.name} is taken. The next free number "
                f"is {self._next_like(run.run_id)}"
            )
        self._numbers.add(place.run_id)
        self._names.add(place.name.lower())
        return place

    def _next_like(self, number: int) -> int:
        """Give a free number: a small one, or one as imported runs get that have no number."""
        imported = number >= registry.FIRST_IMPORTED
        found = registry.FIRST_IMPORTED if imported else registry.next_free(self._connection)
        while found in self._numbers:
            found += 1
        return found
