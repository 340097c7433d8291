"""What the catalogue holds, as small tables for people and scripts."""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from typing import Any

from sqlalchemy import BigInteger, Connection, Select, case, cast, func, select

from iracdb.catalogue import tables as t
from iracdb.catalogue.which_file import file_meant
from iracdb.irac.header import Header

aor, frame, file, location, problem, run = (
    t.aor, t.frame, t.file, t.file_location, t.file_problem, t.run
)  # fmt: skip


@dataclass(frozen=True)
class Listing:
    """A small table.

    Parameters
    ----------
    columns : tuple of str
        Names.
    rows : list of tuple
        Plain values.
    """

    columns: tuple[str, ...]
    rows: list[tuple[Any, ...]]


def _listing(connection: Connection, query: Select[Any], limit: int | None = None) -> Listing:
    result = connection.execute(query if limit is None else query.limit(limit))
    return Listing(tuple(result.keys()), [tuple(row) for row in result])


def _sum(numbers: Any) -> Any:
    """Add up integers to an integer: PostgreSQL's sum of them is a decimal number."""
    return cast(func.coalesce(func.sum(numbers), 0), BigInteger)


def _images_of_run() -> Any:
    """Count the rows of a run's image table: not every imported AOR table tells."""
    image, average = t.image_result.c, t.aor_result.alias("average")
    return (
        select(func.count())
        .select_from(t.image_result.join(average, average.c.id == image.aor_result_id))
        .where(average.c.run_id == run.c.run_id)
        .scalar_subquery()
    )


def holdings(connection: Connection) -> Listing:
    """Tell what is held, by AOR, channel and kind.

    Parameters
    ----------
    connection : sqlalchemy.Connection
        To a catalogue.

    Returns
    -------
    Listing
        One row an AOR, channel and kind: frames, files, of which gone.
    """
    is_gone = ~(
        select(location.c.path).where(location.c.file_id == file.c.id, location.c.present).exists()
    )
    query = (
        select(
            frame.c.aorkey,
            frame.c.channel,
            file.c.kind,
            func.count(frame.c.id.distinct()).label("frames"),
            func.count().label("files"),
            _sum(case((is_gone, 1), else_=0)).label("gone"),
            func.min(frame.c.read_mode).label("read_mode"),
            func.min(frame.c.object).label("object"),
        )
        .join(file, file.c.frame_id == frame.c.id)
        .group_by(frame.c.aorkey, frame.c.channel, file.c.kind)
        .order_by(frame.c.aorkey, frame.c.channel, file.c.kind)
    )
    return _listing(connection, query)


def totals(connection: Connection) -> dict[str, int]:
    """Count what is held.

    Parameters
    ----------
    connection : sqlalchemy.Connection
        To a catalogue.

    Returns
    -------
    dict
        aors, frames, files, bytes, gone, set_aside, runs that stand, withdrawn.
    """

    def count(query: Select[Any]) -> int:
        return int(connection.execute(query).scalar_one() or 0)

    there = select(location.c.file_id).where(location.c.present)
    return {
        "aors": count(select(func.count()).select_from(aor)),
        "frames": count(select(func.count()).select_from(frame)),
        "files": count(select(func.count()).select_from(file)),
        "bytes": count(select(func.sum(file.c.size))),
        "gone": count(select(func.count()).where(file.c.id.not_in(there))),
        "set_aside": count(select(func.count()).where(problem.c.resolved_at.is_(None))),
        "runs": count(select(func.count()).where(run.c.withdrawn_at.is_(None))),
        "withdrawn": count(select(func.count()).where(run.c.withdrawn_at.is_not(None))),
    }


def aors(connection: Connection, *, channel: int | None = None) -> Listing:
    """List the AORs.

    Parameters
    ----------
    connection : sqlalchemy.Connection
        To a catalogue.
    channel : int, optional
        Only those with frames of this channel.

    Returns
    -------
    Listing
        One row an AOR and channel.
    """
    query = (
        select(
            aor.c.aorkey,
            frame.c.channel,
            func.count().label("frames"),
            aor.c.object,
            aor.c.label,
            aor.c.program,
            aor.c.observer,
            func.min(frame.c.date_obs).label("first"),
            func.max(frame.c.date_obs).label("last"),
        )
        .join(frame, frame.c.aorkey == aor.c.aorkey)
        .group_by(aor.c.aorkey, frame.c.channel)
        .order_by(aor.c.aorkey, frame.c.channel)
    )
    if channel is not None:
        query = query.where(frame.c.channel == channel)
    return _listing(connection, query)


def frames(
    connection: Connection,
    *,
    aorkey: int | None = None,
    channel: int | None = None,
    limit: int | None = None,
) -> Listing:
    """List the frames.

    Parameters
    ----------
    connection : sqlalchemy.Connection
        To a catalogue.
    aorkey, channel : int, optional
        Only those.
    limit : int, optional
        At most so many.

    Returns
    -------
    Listing
        One row a frame.
    """
    query = select(
        frame.c.id, frame.c.channel, frame.c.aorkey, frame.c.expid, frame.c.dcenum,
        frame.c.mjd_obs, frame.c.read_mode, frame.c.frame_time, frame.c.hdr_part,
        frame.c.dither_position, frame.c.object,
    ).order_by(frame.c.aorkey, frame.c.channel, frame.c.expid, frame.c.dcenum)  # fmt: skip
    if aorkey is not None:
        query = query.where(frame.c.aorkey == aorkey)
    if channel is not None:
        query = query.where(frame.c.channel == channel)
    return _listing(connection, query, limit)


def files(
    connection: Connection,
    *,
    aorkey: int | None = None,
    channel: int | None = None,
    kind: str | None = None,
    limit: int | None = None,
) -> Listing:
    """List the files, one row a place.

    Parameters
    ----------
    connection : sqlalchemy.Connection
        To a catalogue.
    aorkey, channel : int, optional
        Only those.
    kind : str, optional
        Only that.
    limit : int, optional
        At most so many.

    Returns
    -------
    Listing
        Name, kind, version, CREATOR, size, hash, where, and whether it is there.
    """
    query = (
        select(
            file.c.name, file.c.kind, file.c.version, file.c.creator, file.c.size, file.c.sha256,
            location.c.present, location.c.path,
        )
        .join(frame, frame.c.id == file.c.frame_id)
        .join(location, location.c.file_id == file.c.id, isouter=True)
        .order_by(
            frame.c.aorkey, frame.c.channel, frame.c.expid, frame.c.dcenum, file.c.kind,
            file.c.version, file.c.sha256, location.c.path,
        )
    )  # fmt: skip
    if aorkey is not None:
        query = query.where(frame.c.aorkey == aorkey)
    if channel is not None:
        query = query.where(frame.c.channel == channel)
    if kind is not None:
        query = query.where(file.c.kind == kind)
    return _listing(connection, query, limit)


def problems(connection: Connection, *, settled: bool = False) -> Listing:
    """List the files set aside.

    Parameters
    ----------
    connection : sqlalchemy.Connection
        To a catalogue.
    settled : bool, optional
        Also those that were taken in since, or have gone.

    Returns
    -------
    Listing
        Path, code, sentence, times.
    """
    columns = problem.c
    query = select(
        columns.path, columns.code, columns.message, columns.first_seen, columns.last_seen,
        columns.resolved_at,
    ).order_by(columns.path)  # fmt: skip
    if not settled:
        query = query.where(columns.resolved_at.is_(None))
    return _listing(connection, query)


def runs(connection: Connection, *, withdrawn: bool = False) -> Listing:
    """List the runs.

    Parameters
    ----------
    connection : sqlalchemy.Connection
        To a catalogue.
    withdrawn : bool, optional
        Also those that were withdrawn, and of each run when and why.

    Returns
    -------
    Listing
        One row a run.
    """
    result = t.aor_result.c
    mark = (run.c.withdrawn_at, run.c.withdrawn_reason) if withdrawn else ()
    query = (
        select(
            run.c.run_id, run.c.name, run.c.state, run.c.recipe, run.c.channel, run.c.kind,
            func.count(result.aorkey.distinct()).label("aors"),
            _images_of_run().label("images"),
            _sum(case((result.state == "empty", 1), else_=0))
            .label("problems"),
            run.c.started_at, run.c.finished_at, run.c.comment, *mark,
        )
        .join(t.aor_result, result.run_id == run.c.run_id, isouter=True)
        .group_by(run.c.run_id)
        .order_by(run.c.run_id)
    )  # fmt: skip
    if not withdrawn:
        query = query.where(run.c.withdrawn_at.is_(None))
    return _listing(connection, query)


def header_of(connection: Connection, which: str) -> Header:
    """Find a file's header without opening the file.

    Parameters
    ----------
    connection : sqlalchemy.Connection
        To a catalogue.
    which : str
        A path, an archive name, or the beginning of a SHA-256 (at least 6 digits).

    Returns
    -------
    Header
        Byte for byte what it was.

    Raises
    ------
    NotFound
        Where no file is meant, or more than one.
    """
    verbatim = connection.execute(
        select(t.header.c.verbatim).where(t.header.c.file_id == file_meant(connection, which))
    ).scalar_one()
    return Header(zlib.decompress(verbatim))
