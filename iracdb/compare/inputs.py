"""The files that two runs measured, compared by frame and content."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from sqlalchemy import Connection, Select, and_, bindparam, distinct, func, select

from iracdb.catalogue import tables as t
from iracdb.catalogue.database import in_batches
from iracdb.compare.columns import measured_here
from iracdb.runs.companions import SCIENCE

_BATCH = 500


class OtherFile(NamedTuple):
    """A frame that two runs measured on different files.

    Parameters
    ----------
    frame_id : int
        The frame.
    role : str
        What the file served for.
    name_a, name_b : str
        Names in the archive.
    sha256_a, sha256_b : str
        Hashes of all bytes.
    same_pixels : bool
        Whether only the headers differ.
    """

    frame_id: int
    role: str
    name_a: str
    name_b: str
    sha256_a: str
    sha256_b: str
    same_pixels: bool


@dataclass(frozen=True)
class Inputs:
    """The files of two runs.

    Parameters
    ----------
    known : bool
        Whether both runs record their files; where one does not, all else is empty.
    same : int
        Frames measured on one file by both.
    others : tuple of OtherFile
        Frames measured on different files.
    only_a, only_b : int
        Frames that only one measured.
    creators, fluxconvs : Counter
        How many of ``others`` have which two CREATORs, or FLUXCONVs, where they differ.
    companions : Counter
        Of the frames that both measured, how many have another file, or one in one run only, in
        which role beside it.
    """

    known: bool
    same: int = 0
    others: tuple[OtherFile, ...] = ()
    only_a: int = 0
    only_b: int = 0
    creators: Counter[tuple[Any, Any]] = field(default_factory=Counter)
    fluxconvs: Counter[tuple[Any, Any]] = field(default_factory=Counter)
    companions: Counter[str] = field(default_factory=Counter)

    @property
    def other_pixels(self) -> int:
        """Frames measured on files whose pixels differ."""
        return sum(1 for other in self.others if not other.same_pixels)

    @property
    def other_header(self) -> int:
        """Frames measured on files whose headers alone differ."""
        return sum(1 for other in self.others if other.same_pixels)


def compare_inputs(connection: Connection, a: Any, b: Any) -> Inputs:
    """Compare the files that two runs measured.

    Parameters
    ----------
    connection : sqlalchemy.Connection
        To a catalogue.
    a, b : Row
        Of the table ``run``.

    Returns
    -------
    Inputs
        Counted, and each file that differs.
    """
    if not (measured_here(a) and measured_here(b)):
        return Inputs(known=False)
    same = _frames_of_same_files(connection, a.run_id, b.run_id)
    if same is not None:
        return Inputs(True, same)
    mine_all, theirs_all = _files(connection, a.run_id), _files(connection, b.run_id)
    mine, theirs = _measured(mine_all), _measured(theirs_all)
    shared = mine.keys() & theirs.keys()
    other = sorted(place for place in shared if mine[place] != theirs[place])
    facts = _facts(connection, [run[place] for place in other for run in (mine, theirs)])
    pairs = [(place, facts[mine[place]], facts[theirs[place]]) for place in other]
    return Inputs(
        True,
        len(shared) - len(other),
        tuple(_other(*place, one, two) for place, one, two in pairs),
        len(mine.keys() - theirs.keys()),
        len(theirs.keys() - mine.keys()),
        _changes(pairs, "creator"),
        _changes(pairs, "fluxconv"),
        Counter(
            role
            for frame, role in sorted(mine_all.keys() | theirs_all.keys())
            if role != SCIENCE
            and (frame, SCIENCE) in shared
            and mine_all.get((frame, role)) != theirs_all.get((frame, role))
        ),
    )


def _frames_of_same_files(connection: Connection, a: int, b: int) -> int | None:
    """Count the frames that two runs measured, where all files of both are the same."""
    mine, others, shared = connection.execute(_COUNTS, {"one": a, "other": b}).one()
    if not shared == mine == others:
        return None
    return int(connection.execute(_FRAMES, {"one": a}).scalar_one())


def _counts() -> Select[Any]:
    one, other = t.run_input.alias("one"), t.run_input.alias("other")
    of_one, of_other = one.c.run_id == bindparam("one"), other.c.run_id == bindparam("other")
    same = and_(other.c.file_id == one.c.file_id, other.c.role == one.c.role)
    return select(
        select(func.count()).select_from(one).where(of_one).scalar_subquery(),
        select(func.count()).select_from(other).where(of_other).scalar_subquery(),
        select(func.count()).select_from(one.join(other, same)).where(of_one, of_other)
        .scalar_subquery(),
    )  # fmt: skip


_COUNTS = _counts()
"""How many files two runs declared, each, and how many both."""

_FRAMES = (
    select(func.count(distinct(t.file.c.frame_id)))
    .join(t.run_input, t.run_input.c.file_id == t.file.c.id)
    .where(t.run_input.c.run_id == bindparam("one"), t.run_input.c.role == SCIENCE)
)
"""How many frames a run measured."""


def _files(connection: Connection, run_id: int) -> dict[tuple[int, str], int]:
    """Read the file of each frame and role."""
    inputs = t.run_input.c
    rows = connection.execute(
        select(t.file.c.frame_id, inputs.role, inputs.file_id)
        .join(t.file, t.file.c.id == inputs.file_id)
        .where(inputs.run_id == run_id)
    ).all()
    return {(frame, role): file for frame, role, file in rows}


def _measured(files: dict[tuple[int, str], int]) -> dict[tuple[int, str], int]:
    return {place: file for place, file in files.items() if place[1] == SCIENCE}


def _facts(connection: Connection, numbers: Sequence[int]) -> dict[int, Any]:
    column = t.file.c
    found: dict[int, Any] = {}
    for batch in in_batches(list(numbers), _BATCH):
        rows = connection.execute(
            select(
                column.id, column.name, column.sha256, column.data_sha256, column.creator,
                column.fluxconv,
            ).where(column.id.in_(batch))
        ).all()  # fmt: skip
        found |= {row.id: row for row in rows}
    return found


def _other(frame_id: int, role: str, a: Any, b: Any) -> OtherFile:
    same = a.data_sha256 == b.data_sha256
    return OtherFile(frame_id, role, a.name, b.name, a.sha256, b.sha256, same)


def _changes(pairs: Sequence[tuple[Any, Any, Any]], name: str) -> Counter[tuple[Any, Any]]:
    both = ((getattr(a, name), getattr(b, name)) for _, a, b in pairs)
    return Counter((one, other) for one, other in both if one != other)
