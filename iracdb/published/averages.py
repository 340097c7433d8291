"""The rows of a published AOR table become averages, each of its target and AOR."""

from __future__ import annotations

import math
from bisect import bisect_left, insort
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import Connection, insert, select

from iracdb.catalogue import tables as t
from iracdb.catalogue import targets as catalogue_targets
from iracdb.catalogue.bulk import insert_rows, reserve_numbers
from iracdb.catalogue.targets import SAME_TARGET_ARCSEC, Position, separation_arcsec
from iracdb.layouts import MISSING_TEXT
from iracdb.published.blocks import ImageBlock
from iracdb.published.reading import PublishedRun
from iracdb.runs.coordinates import parse_coordinate
from iracdb.runs.targets import FromList

UNKNOWN_AOR = 0
"""The key under which images are kept whose AOR nothing tells."""


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

    def note(self, positions: Iterable[Position]) -> None:
        """Add the positions that are new, all at once.

        Parameters
        ----------
        positions : iterable of Position
            Of rows to come.
        """
        asked = [p for p in dict.fromkeys(positions) if p not in self._found]
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

    def number_of(self, position: Position) -> int:
        """Tell the target of a position.

        Parameters
        ----------
        position : Position
            One that was noted.

        Returns
        -------
        int
            Its number.
        """
        return self._found[position]

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


class AorRows:
    """Makes the rows of ``aor_result``: those printed, and those of blocks without a row.

    Parameters
    ----------
    connection : sqlalchemy.Connection
        In a transaction that may write.
    published : PublishedRun
        As read.
    run_id : int
        Its number.
    blocks : sequence of ImageBlock
        Its images by AOR.
    target_list : FromList or None
        The list that the run was given.
    targets : KnownTargets
        Gains the targets that are new.
    """

    def __init__(
        self,
        connection: Connection,
        published: PublishedRun,
        run_id: int,
        blocks: Sequence[ImageBlock],
        target_list: FromList | None,
        targets: KnownTargets,
    ) -> None:
        self.connection = connection
        self.published = published
        self.run_id = run_id
        self.blocks = blocks
        self.target_list = target_list
        self.targets = targets

    def store(self) -> list[int]:
        """Store them.

        Returns
        -------
        list of int
            The row of each block.
        """
        self._store_aors()
        table = self.published.aor
        unlisted = [block for block in self.blocks if block.aor_row is None]
        positions = [self._position(table.row(index)) for index in range(len(table))]
        places = [self._listed_position(block) or self._position({}) for block in unlisted]
        self.targets.note([*positions, *places])
        rows = [self._printed(index, position) for index, position in enumerate(positions)]
        rows += [
            self._unprinted(block, position, len(table) + place)
            for place, (block, position) in enumerate(zip(unlisted, places, strict=True), start=1)
        ]
        repeats: Counter[tuple[Any, ...]] = Counter()
        for row in rows:
            identity = tuple(row[name] for name in ("target_id", "aorkey", "frame_group"))
            row["repeat"] = repeats[identity]
            repeats[identity] += 1
        ids = list(reserve_numbers(self.connection, t.aor_result, len(rows)))
        columns = list(rows[0])
        values = (
            (number, *(row[name] for name in columns))
            for number, row in zip(ids, rows, strict=True)
        )
        insert_rows(self.connection, t.aor_result, ("id", *columns), values)
        place_of_unlisted = {id(block): len(table) + i for i, block in enumerate(unlisted)}
        return [
            ids[block.aor_row if block.aor_row is not None else place_of_unlisted[id(block)]]
            for block in self.blocks
        ]

    def _store_aors(self) -> None:
        keys = {*self.published.aor.column("aorkey")}
        keys |= {block.aorkey for block in self.blocks if block.aorkey is not None}
        held = set(self.connection.execute(select(t.aor.c.aorkey)).scalars())
        missing = sorted(keys - held)
        if missing:
            self.connection.execute(insert(t.aor), [{"aorkey": key} for key in missing])

    def _printed(self, index: int, position: Position) -> dict[str, Any]:
        cells = self.published.aor.row(index)
        workable, total = _fraction(cells.get("workable_total"))
        flux = cells["flux"]
        return {
            **self._common(cells["aorkey"], position, index + 1, listed=True),
            "frame_group": _group(cells),
            "state": "empty" if flux is None else "measured",
            "reason": "no flux in the published table" if flux is None else None,
            "target_ra": cells.get("target_ra", position.ra),
            "target_dec": cells.get("target_dec", position.dec),
            "target_text": cells.get("target_text"),
            "mission": cells.get("mission"),
            "read_mode": cells.get("read_mode"),
            "frame_time": cells["frame_time"],
            "cycling": cells["cycling"] == "YES",
            "dither_scale": _present(cells["dither_scale"]),
            "dither_position": _integer(cells["dither_position"]),
            "date_obs": cells["date_obs"],
            "mjd_obs": cells["mjd"],
            "n_total": total,
            "n_workable": workable,
            "n_rejected": cells.get("rejected"),
            "flux": flux,
            "error": cells["error"],
        }

    def _unprinted(self, block: ImageBlock, position: Position, number: int) -> dict[str, Any]:
        times = self.published.img.column("mjd")[block.first : block.end]
        empty = dict.fromkeys(
            ("target_text", "mission", "read_mode", "frame_time", "cycling", "dither_scale",
             "dither_position", "date_obs", "n_total", "n_workable", "n_rejected", "flux", "error")
        )  # fmt: skip
        key = UNKNOWN_AOR if block.aorkey is None else block.aorkey
        return {
            **empty,
            **self._common(key, position, number, listed=False),
            "frame_group": "unknown",
            "state": "empty",
            "reason": f"no row in the published table; AOR {block.evidence}",
            "target_ra": position.ra,
            "target_dec": position.dec,
            "mjd_obs": times[-1],
        }

    def _common(self, aorkey: int, position: Position, row: int, *, listed: bool) -> dict[str, Any]:
        command = self.published.log.command
        return {
            "run_id": self.run_id,
            "target_id": self.targets.number_of(position),
            "aorkey": aorkey,
            "channel": self.published.log.channel,
            "row_number": row,
            "listed": listed,
            "target_name": position.name,
            "aperture_correction": command.aperture_correction,
            "pixel_size": command.pixel_size,
        }

    def _position(self, cells: dict[str, Any]) -> Position:
        """Tell the target of a row: as its table prints it, else as the log does."""
        name = self.published.log.value("Target") or "unknown"
        if cells.get("target_ra") is not None:
            return Position(name, cells["target_ra"], cells["target_dec"])
        if cells.get("target_text"):
            ra, dec = parse_coordinate(cells["target_text"])
            return Position(name, ra, dec)
        told = self.published.log.command.position
        return Position(name, *told) if told else Position(name, None, None)

    def _listed_position(self, block: ImageBlock) -> Position | None:
        """Tell the target of a block without a row by its turn in the list of targets."""
        if self.target_list is None or block.aorkey is None:
            return None
        of_aor = self.target_list.of(block.aorkey)
        turn = [b for b in self.blocks if b.aorkey == block.aorkey].index(block)
        if turn >= len(of_aor):
            return None
        name = self.published.log.value("Target") or "unknown"
        return Position(name, of_aor[turn].ra, of_aor[turn].dec)


def _present(text: str) -> str | None:
    return None if text == MISSING_TEXT else text


def _integer(text: str) -> int | None:
    return None if text == MISSING_TEXT else int(text)


def _fraction(text: str | None) -> tuple[int | None, int | None]:
    if text is None:
        return None, None
    workable, _, total = text.partition("/")
    return int(workable), int(total)


def _group(cells: dict[str, Any]) -> str:
    words = [cells.get("read_mode"), f"{cells['frame_time']!r} s"]
    return " ".join(word for word in words if word)
