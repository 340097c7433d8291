"""The rows of a published AOR table become averages, each of its target and AOR."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterable, Sequence
from functools import cache
from typing import Any

from sqlalchemy import Connection, select

from iracdb.catalogue import tables as t
from iracdb.catalogue.bulk import insert_columns, reserve_numbers
from iracdb.catalogue.targets import Position
from iracdb.layouts import MISSING_TEXT
from iracdb.published.blocks import ImageBlock
from iracdb.published.reading import PublishedRun
from iracdb.published.sheets import plain_values
from iracdb.published.targets import KnownTargets
from iracdb.runs.coordinates import parse_coordinate
from iracdb.runs.target_lists import FromList

UNKNOWN_AOR = 0
"""The key under which images are kept whose AOR nothing tells."""


class KnownAors:
    """The AORs that the catalogue holds, read once for all runs of an import.

    Parameters
    ----------
    connection : sqlalchemy.Connection
        In a transaction that may write.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._held = set(connection.execute(select(t.aor.c.aorkey)).scalars())

    def note(self, keys: set[int]) -> None:
        """Add the AORs that are new.

        Parameters
        ----------
        keys : set of int
            AORKEYs of rows to come.
        """
        missing = sorted(keys - self._held)
        insert_columns(self._connection, t.aor, {"aorkey": missing})
        self._held.update(missing)


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
    aors : KnownAors
        Gains the AORs that are new.
    """

    def __init__(
        self,
        connection: Connection,
        published: PublishedRun,
        run_id: int,
        blocks: Sequence[ImageBlock],
        target_list: FromList | None,
        targets: KnownTargets,
        aors: KnownAors,
    ) -> None:
        self.connection = connection
        self.published = published
        self.run_id = run_id
        self.blocks = blocks
        self.target_list = target_list
        self.targets = targets
        self.aors = aors
        self.name = published.log.value("Target") or "unknown"

    def store(self) -> list[int]:
        """Store them.

        Returns
        -------
        list of int
            The row of each block.
        """
        table = self.published.aor
        of_blocks = {block.aorkey for block in self.blocks if block.aorkey is not None}
        self.aors.note(of_blocks.union(table.column("aorkey")))
        unlisted = [block for block in self.blocks if block.aor_row is None]
        positions = self._printed_positions()
        positions += [self._listed_position(block) or self._position({}) for block in unlisted]
        columns = self._printed(positions)
        for block in unlisted:
            row = self._unprinted(block, positions[len(columns["aorkey"])])
            for name, values in columns.items():
                values.append(row.get(name))
        targets = self.targets.numbers_of(positions)
        identities = zip(targets, columns["aorkey"], columns["frame_group"], strict=True)
        ids = list(reserve_numbers(self.connection, t.aor_result, len(positions)))
        columns |= {
            "id": ids,
            "target_id": targets,
            "repeat": _repeats(identities),
            "row_number": list(range(1, len(ids) + 1)),
            "target_name": [position.name for position in positions],
            **{name: [value] * len(ids) for name, value in self._of_run().items()},
        }
        told = {name: values for name, values in columns.items() if set(values) != {None}}
        insert_columns(self.connection, t.aor_result, told)
        of_unlisted = iter(ids[len(table) :])
        return [
            next(of_unlisted) if block.aor_row is None else ids[block.aor_row]
            for block in self.blocks
        ]

    def _printed(self, positions: Sequence[Position]) -> dict[str, list[Any]]:
        """Make the columns of the rows that the table prints."""
        table = self.published.aor
        positions = positions[: len(table)]

        def told(key: str) -> list[Any]:
            return list(table.column(key)) if key in table.values else [None] * len(table)

        fluxes, times, modes = told("flux"), told("frame_time"), told("read_mode")
        empty = [flux is None for flux in fluxes]
        fractions = [_fraction(text) for text in told("workable_total")]
        has_position = "target_ra" in table.values
        return {
            "aorkey": told("aorkey"),
            "frame_group": [_group(mode, time) for mode, time in zip(modes, times, strict=True)],
            "listed": [True] * len(table),
            "state": ["empty" if nothing else "measured" for nothing in empty],
            "reason": ["no flux in the published table" if nothing else None for nothing in empty],
            "target_ra": told("target_ra") if has_position else [p.ra for p in positions],
            "target_dec": told("target_dec") if has_position else [p.dec for p in positions],
            "target_text": told("target_text"),
            "mission": told("mission"),
            "read_mode": modes,
            "frame_time": times,
            "cycling": [text == "YES" for text in told("cycling")],
            "dither_scale": [_present(text) for text in told("dither_scale")],
            "dither_position": [_integer(text) for text in told("dither_position")],
            "date_obs": told("date_obs"),
            "mjd_obs": told("mjd"),
            "n_total": [total for _, total in fractions],
            "n_workable": [workable for workable, _ in fractions],
            "n_rejected": told("rejected"),
            "flux": fluxes,
            "error": told("error"),
        }

    def _unprinted(self, block: ImageBlock, position: Position) -> dict[str, Any]:
        """Make the row of images that the table has no row for."""
        return {
            "aorkey": UNKNOWN_AOR if block.aorkey is None else block.aorkey,
            "frame_group": "unknown",
            "listed": False,
            "state": "empty",
            "reason": f"no row in the published table; AOR {block.evidence}",
            "target_ra": position.ra,
            "target_dec": position.dec,
            "mjd_obs": plain_values(self.published.img.array("mjd")[block.end - 1 : block.end])[0],
        }

    def _of_run(self) -> dict[str, Any]:
        """Tell what is the same in all rows."""
        log = self.published.log
        return {
            "run_id": self.run_id,
            "channel": log.channel,
            "aperture_correction": log.command.aperture_correction,
            "pixel_size": log.command.pixel_size,
        }

    def _printed_positions(self) -> list[Position]:
        """Tell the targets of the rows that the table prints."""
        table = self.published.aor
        keys = [key for key in ("target_ra", "target_dec", "target_text") if key in table.values]
        if not keys:
            return [self._position({})] * len(table)
        cells = list(zip(*(table.column(key) for key in keys), strict=True))
        known = {
            printed: self._position(dict(zip(keys, printed, strict=True)))
            for printed in dict.fromkeys(cells)
        }
        return [known[printed] for printed in cells]

    def _position(self, cells: dict[str, Any]) -> Position:
        """Tell the target of a row: as its table prints it, else as the log does."""
        if cells.get("target_ra") is not None:
            return Position(self.name, cells["target_ra"], cells["target_dec"])
        if cells.get("target_text"):
            return Position(self.name, *_parsed(cells["target_text"]))
        told = self.published.log.command.position
        return Position(self.name, *told) if told else Position(self.name, None, None)

    def _listed_position(self, block: ImageBlock) -> Position | None:
        """Tell the target of a block without a row by its turn in the list of targets."""
        if self.target_list is None or block.aorkey is None:
            return None
        of_aor = self.target_list.of(block.aorkey)
        turn = [b for b in self.blocks if b.aorkey == block.aorkey].index(block)
        if turn >= len(of_aor):
            return None
        return Position(self.name, of_aor[turn].ra, of_aor[turn].dec)


_parsed = cache(parse_coordinate)
"""The same targets are in many runs."""


def _present(text: str) -> str | None:
    return None if text == MISSING_TEXT else text


def _integer(text: str) -> int | None:
    return None if text == MISSING_TEXT else int(text)


def _fraction(text: str | None) -> tuple[int | None, int | None]:
    if text is None:
        return None, None
    workable, _, total = text.partition("/")
    return int(workable), int(total)


def _group(read_mode: str | None, frame_time: float | None) -> str:
    return f"{read_mode} {frame_time!r} s" if read_mode else f"{frame_time!r} s"


def _repeats(identities: Iterable[Hashable]) -> list[int]:
    """Count how often each stood there before."""
    seen: Counter[Hashable] = Counter()
    found = []
    for identity in identities:
        found.append(seen[identity])
        seen[identity] += 1
    return found
