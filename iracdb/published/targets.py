"""The targets that the catalogue holds, for the many positions of published tables."""

from __future__ import annotations

import math
from bisect import bisect_left, insort
from collections.abc import Sequence

from sqlalchemy import Connection, select

from iracdb.catalogue import tables as t
from iracdb.catalogue import targets as catalogue_targets
from iracdb.catalogue.bulk import insert_rows, reserve_numbers
from iracdb.catalogue.targets import SAME_TARGET_ARCSEC, Position, separation_arcsec


class KnownTargets:
    """The catalogue's targets, read once: one question a position would take most of an import.

    Parameters
    ----------
    connection : sqlalchemy.Connection
        In a transaction that may write.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._found: dict[Position, int] = {}
        column = t.target.c
        rows = connection.execute(
            select(column.dec, column.id, column.ra).where(
                column.dec.is_not(None), column.pm_ra.is_(None), column.epoch.is_(None)
            )
        )
        self._held = sorted(tuple(row) for row in rows)

    def numbers_of(self, positions: Sequence[Position]) -> list[int]:
        """Tell the targets of positions; those that are new are added, all at once.

        Parameters
        ----------
        positions : sequence of Position
            Of rows to come.

        Returns
        -------
        list of int
            The number of each.
        """
        self._note([p for p in dict.fromkeys(positions) if p not in self._found])
        return [self._found[position] for position in positions]

    def _note(self, asked: Sequence[Position]) -> None:
        # Targets without a position are few, and take their numbers before any is reserved.
        for position in asked:
            if position.ra is None:
                self._found[position] = catalogue_targets.find_or_add(self._connection, position)
        numbers = iter(reserve_numbers(self._connection, t.target, len(asked)))
        rows = []
        for position in asked:
            if position.ra is None or position.dec is None:
                continue
            number = self._nearest(position.ra, position.dec)
            if number is None:
                number = next(numbers)
                identity = f"{position.ra!r} {position.dec!r}"
                rows.append((number, identity, position.name, position.ra, position.dec))
                insort(self._held, (position.dec, number, position.ra))
            self._found[position] = number
        insert_rows(self._connection, t.target, ("id", "identity", "name", "ra", "dec"), rows)

    def _nearest(self, ra: float, dec: float) -> int | None:
        """Find the nearest target held, as `iracdb.catalogue.targets.find_or_add` would."""
        degrees = SAME_TARGET_ARCSEC / 3600
        best = (math.inf, -1)
        start = bisect_left(self._held, (dec - degrees,))
        for held_dec, number, held_ra in self._held[start:]:
            if held_dec > dec + degrees:
                break
            best = min(best, (separation_arcsec(ra, dec, held_ra, held_dec), number))
        return best[1] if best[0] <= SAME_TARGET_ARCSEC else None
