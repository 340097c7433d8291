"""What a catalogue holds already of a run that comes into it."""

from __future__ import annotations

import math
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Mapping
from typing import Any, Protocol

from sqlalchemy import Connection, Row, select

from iracdb.catalogue import tables as t
from iracdb.catalogue.targets import SAME_TARGET_ARCSEC, separation_arcsec
from iracdb.export.frozen.streams import batches

_TEXT_KEYS = {
    "file": "sha256",
    "target_list": "sha256",
    "calibration": "sha256",
    "software": "digest",
    "study": "name",
}


class Held(Protocol):
    """Knows what the other catalogue holds already."""

    def find(self, table: Any, rows: list[Row[Any]], /) -> list[int | None]:
        """Tell the number there of each row, None where it is not held."""

    def aorkeys(self, keys: list[int], /) -> Mapping[int, bool]:
        """Tell which AORs are held, and whether anything but their key is known."""

    def headers(self, file_ids: list[int], /) -> set[int]:
        """Tell which files have a header."""

    def paths(self, paths: list[str], /) -> set[str]:
        """Tell which places are known."""


class NothingHeld:
    """An empty catalogue."""

    def find(self, _table: Any, rows: list[Row[Any]]) -> list[int | None]:
        """Tell the number there of each row, None where it is not held."""
        return [None] * len(rows)

    def aorkeys(self, _keys: list[int]) -> Mapping[int, bool]:
        """Tell which AORs are held, and whether anything but their key is known."""
        return {}

    def headers(self, _file_ids: list[int]) -> set[int]:
        """Tell which files have a header."""
        return set()

    def paths(self, _paths: list[str]) -> set[str]:
        """Tell which places are known."""
        return set()


class Holdings:
    """Finds what is held by what it is.

    A frame is itself by channel, AORKEY, EXPID and DCENUM; one that only imported tables know by
    channel and time. One without even a time is never another. A file is its bytes, a list,
    a calibration and an environment their digest, a study its name. Two positions within 0.1 arcsec
    are one target, but never two that a run holds apart.

    Parameters
    ----------
    connection : sqlalchemy.Connection
        To the catalogue, in a transaction that may write.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def find(self, table: Any, rows: list[Row[Any]]) -> list[int | None]:
        """Tell the number here of each row, None where it is not held.

        Parameters
        ----------
        table : sqlalchemy.Table
            A numbered one.
        rows : list of Row
            Of a stranger; of ``target`` all that come in.

        Returns
        -------
        list of int or None
            In the order of the rows.
        """
        if table is t.frame:
            return self._frames(rows)
        if table is t.target:
            return self._targets(rows)
        key = _TEXT_KEYS[table.name]
        asked = [getattr(row, key) for row in rows]
        column = table.c[key]
        found = self._connection.execute(select(column, table.c.id).where(column.in_(asked)))
        numbers = {row[0]: row[1] for row in found}
        return [numbers.get(word) for word in asked]

    def aorkeys(self, keys: list[int]) -> Mapping[int, bool]:
        """Tell which AORs are held, and whether anything but their key is known.

        Parameters
        ----------
        keys : list of int
            AORKEYs.

        Returns
        -------
        mapping
            By those that are held.
        """
        rows = self._connection.execute(select(t.aor).where(t.aor.c.aorkey.in_(keys)))
        return {row.aorkey: any(cell is not None for cell in tuple(row)[1:]) for row in rows}

    def headers(self, file_ids: list[int]) -> set[int]:
        """Tell which files have a header.

        Parameters
        ----------
        file_ids : list of int
            Numbers here.

        Returns
        -------
        set of int
            Those that have one.
        """
        column = t.header.c.file_id
        return set(self._connection.execute(select(column).where(column.in_(file_ids))).scalars())

    def paths(self, paths: list[str]) -> set[str]:
        """Tell which places are known, whatever lies there.

        Parameters
        ----------
        paths : list of str
            Absolute.

        Returns
        -------
        set of str
            The known ones.
        """
        column = t.file_location.c.path
        return set(self._connection.execute(select(column).where(column.in_(paths))).scalars())

    def _frames(self, rows: list[Row[Any]]) -> list[int | None]:
        numbers: dict[tuple[Any, ...], int] = {}
        exposures: dict[tuple[int, int], None] = {}
        times: dict[int, list[float]] = defaultdict(list)
        for row in rows:
            if row.expid is not None:
                exposures[row.channel, row.aorkey] = None
            elif row.mjd_obs is not None:
                times[row.channel].append(row.mjd_obs)
        frame = t.frame.c
        shown = select(frame.id, frame.expid, frame.dcenum).where(frame.expid.is_not(None))
        for channel, aorkey in exposures:
            of_aor = shown.where(frame.channel == channel, frame.aorkey == aorkey)
            for number, expid, dcenum in self._connection.execute(of_aor):
                numbers[channel, aorkey, expid, dcenum] = number
        for channel, asked in times.items():
            for some in batches(asked):
                by_time = select(frame.id, frame.mjd_obs).where(
                    frame.channel == channel, frame.expid.is_(None), frame.mjd_obs.in_(some)
                )
                for number, time in self._connection.execute(by_time):
                    numbers[channel, time] = number
        return [numbers.get(_identity(row)) for row in rows]

    def _targets(self, rows: list[Row[Any]]) -> list[int | None]:
        target = t.target.c
        numbers: dict[str, int] = {}
        for some in batches(row.identity for row in rows):
            found = self._connection.execute(
                select(target.identity, target.id).where(target.identity.in_(some))
            )
            numbers.update((row.identity, row.id) for row in found)
        near = [row for row in rows if row.identity not in numbers and _is_observed(row)]
        places = self._observed_places() if near else []
        for row in near:
            number = _nearest(places, row, set(numbers.values()))
            if number is not None:
                numbers[row.identity] = number
        return [numbers.get(row.identity) for row in rows]

    def _observed_places(self) -> list[tuple[float, float, int]]:
        """List declination, right ascension and number of the targets held, as observed."""
        target = t.target.c
        rows = self._connection.execute(
            select(target.dec, target.ra, target.id).where(
                target.dec.is_not(None), target.pm_ra.is_(None), target.epoch.is_(None)
            )
        )
        return sorted((row.dec, row.ra, row.id) for row in rows)


def _is_observed(row: Row[Any]) -> bool:
    return row.ra is not None and row.pm_ra is None and row.epoch is None


def _nearest(
    places: list[tuple[float, float, int]], row: Row[Any], other_than: set[int]
) -> int | None:
    """Find the nearest target held, as `iracdb.catalogue.targets.find_or_add` would."""
    degrees = SAME_TARGET_ARCSEC / 3600
    best = (math.inf, -1)
    for index in range(bisect_left(places, (row.dec - degrees,)), len(places)):
        dec, ra, number = places[index]
        if dec > row.dec + degrees:
            break
        if number not in other_than:
            best = min(best, (separation_arcsec(row.ra, row.dec, ra, dec), number))
    return best[1] if best[0] <= SAME_TARGET_ARCSEC else None


def _identity(row: Row[Any]) -> tuple[Any, ...]:
    if row.expid is not None:
        return row.channel, row.aorkey, row.expid, row.dcenum
    # None is never a time that is held.
    return row.channel, row.mjd_obs
