"""Checks that an average is of like frames: of one read mode, one frame time, one calibration."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, FromClause, func, select

from iracdb.catalogue import tables as t
from iracdb.compare.columns import measured_here
from iracdb.published.audit.finding import Finding
from iracdb.published.audit.held import COUNTED, by_whom, image, images, result, with_files
from iracdb.published.audit.saying import aors, many
from iracdb.runs.parameters import Parameters


@dataclass(frozen=True)
class _Mixed:
    """An average whose frames are not alike, and how many frames are of which kind."""

    aorkey: int
    kinds: list[tuple[tuple[Any, ...], int]]


def mixed_frames(connection: Connection, run: Any) -> Iterator[Finding]:
    """Find averages over several read modes, frame times or parts of HDR sets."""
    if measured_here(run):
        told, source = t.file.c, with_files(run)
    else:
        # What a frame that no file shows is like is not known.
        told, source = t.frame.c, images(run).join(t.frame, t.frame.c.id == image.frame_id)
    known = (told.read_mode.is_not(None), image.link_grade.is_(None) | (image.link_grade != "C"))
    columns = (told.read_mode, told.frame_time, told.hdr_part)
    mixed = _mixed(connection, source, columns, *known)
    if mixed:
        yield Finding(
            "mixed-frames", run.run_id, run.name,
            f"{_said(mixed)} read mode, frame time or HDR part "
            f"({aors([one.aorkey for one in mixed])})",
            {"averages": len(mixed)},
            [{"aorkey": one.aorkey, "frames": _counted(one, _kind)} for one in mixed],
        )  # fmt: skip


def mixed_creators(connection: Connection, run: Any) -> Iterator[Finding]:
    """Find averages over files of different pipeline versions."""
    creator = func.coalesce(t.file.c.creator, "none")
    mixed = _mixed(connection, with_files(run), (creator,))
    if mixed:
        yield Finding(
            "mixed-creators", run.run_id, run.name,
            f"{_said(mixed)} pipeline versions{by_whom(run)}",
            {"averages": len(mixed)},
            [{"aorkey": one.aorkey, "creators": _counted(one, lambda kind: str(kind[0]))}
             for one in mixed],
        )  # fmt: skip


def mixed_fluxconv(connection: Connection, run: Any) -> Iterator[Finding]:
    """Find averages over files of different FLUXCONV that was not made one."""
    if Parameters.recorded(run.parameters)["fluxconv"] is not None:
        return
    fluxconv = t.file.c.fluxconv
    mixed = _mixed(connection, with_files(run), (fluxconv,), fluxconv > 0)
    if mixed:
        largest = max(
            max(kind[0] for kind, _ in one.kinds) / min(kind[0] for kind, _ in one.kinds) - 1
            for one in mixed
        )
        yield Finding(
            "mixed-fluxconv", run.run_id, run.name,
            f"{_said(mixed)} FLUXCONV{by_whom(run)}: up to {100 * largest:.2g} % apart",
            {"averages": len(mixed), "largest_relative": float(largest)},
            [{"aorkey": one.aorkey, "fluxconv": _counted(one, lambda kind: f"{kind[0]:g}")}
             for one in mixed],
        )  # fmt: skip


def _mixed(
    connection: Connection,
    source: FromClause,
    columns: tuple[ColumnElement[Any], ...],
    *known: ColumnElement[bool],
) -> list[_Mixed]:
    """Find averages for whose frames no one value can hold: a frame may have several files."""
    frames = func.count(image.frame_id.distinct()).label("frames")
    average = (result.row_number, result.aorkey)
    where = (COUNTED, *known)
    kinds = select(*average, *columns, frames).select_from(source).where(*where)
    # Averages of one kind, most of all, do not leave the database.
    apart = kinds.group_by(*average, *columns).subquery()
    several = (
        select(apart.c.row_number)
        .group_by(apart.c.row_number)
        .having(func.count() > 1)
        .scalar_subquery()
    )
    total = select(result.row_number, frames).select_from(source).where(*where)
    total = total.where(result.row_number.in_(several)).group_by(result.row_number)
    of_average = {row.row_number: row.frames for row in connection.execute(total)}
    if not of_average:
        return []
    found: dict[int, _Mixed] = {}
    listed = kinds.where(result.row_number.in_(several)).group_by(*average, *columns)
    for number, aorkey, *kind, count in connection.execute(listed.order_by(*average, *columns)):
        found.setdefault(number, _Mixed(aorkey, [])).kinds.append((tuple(kind), count))
    return [
        one
        for number, one in sorted(found.items())
        if max(count for _, count in one.kinds) < of_average[number]
    ]


def _kind(kind: tuple[Any, ...]) -> str:
    mode, time, part = kind
    return " ".join(str(word) for word in (mode, time and f"{time:g} s", part) if word)


def _counted(one: _Mixed, named: Any) -> str:
    return ", ".join(f"{count} of {named(kind)}" for kind, count in one.kinds)


def _said(mixed: list[_Mixed]) -> str:
    verb = "is" if len(mixed) == 1 else "are"
    return f"{many(len(mixed), 'average')} {verb} over frames of different"
