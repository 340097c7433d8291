"""What frames and AORs are told by their files: the best of them is believed, in any order."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection
from typing import Any

from sqlalchemy import Connection, bindparam, case, select, update

from iracdb.catalogue import tables as t
from iracdb.catalogue.tables import file, frame
from iracdb.irac.files import IracFile, aor_facts
from iracdb.irac.names import KINDS
from iracdb.irac.pipeline_versions import version_numbers

FRAME_FACTS = (
    "mjd_obs", "date_obs", "read_mode", "frame_time", "hdr_part", "dither_position",
    "dither_scale", "object", "ra_ref", "dec_ref",
)  # fmt: skip
"""What a frame is told by the best of its files."""

Place = tuple[int, ...]
"""Where a file comes in its AOR: rank of its kind, channel, EXPID, DCENUM."""

_RANK = case({kind.name: kind.rank for kind in KINDS.values()}, value=file.c.kind)
_PLACE_IN_AOR = (_RANK.label("rank"), frame.c.channel, frame.c.expid, frame.c.dcenum)
_FIRST_OF_AOR = (
    select(file.c.frame_id, *_PLACE_IN_AOR)
    .join(frame, frame.c.id == file.c.frame_id)
    .where(frame.c.aorkey == bindparam("aorkey"))
    .order_by(*_PLACE_IN_AOR)
    .limit(1)
)


def belief(kind: str, version: int, creator: str | None, sha256: str) -> tuple[Any, ...]:
    """Rank a file among those of its frame.

    Parameters
    ----------
    kind : str
        Of the file.
    version : int
        Of its name.
    creator : str or None
        Version of the pipeline.
    sha256 : str
        Of its bytes, so that no two files are equal.

    Returns
    -------
    tuple
        A sort key: the one to believe is last.
    """
    return -KINDS[kind].rank, version, version_numbers(creator), sha256


def tell_frames(connection: Connection, frames: Collection[int]) -> None:
    """Gather what the files of frames say of them.

    Parameters
    ----------
    connection : sqlalchemy.Connection
        In a transaction that may write.
    frames : collection of int
        Numbers of frames that have other files than before.
    """
    if not frames:
        return
    facts = [file.c[fact] for fact in FRAME_FACTS]
    rows = connection.execute(
        select(
            file.c.frame_id, file.c.kind, file.c.version, file.c.creator, file.c.sha256, *facts
        ).where(file.c.frame_id.in_(frames))
    ).all()
    by_frame: dict[int, list[Any]] = defaultdict(list)
    for row in rows:
        by_frame[row.frame_id].append(row)
    best = {frame_id: max(rows, key=_belief_of) for frame_id, rows in by_frame.items()}
    connection.execute(
        update(frame).where(frame.c.id == bindparam("b_id")),
        [
            {"b_id": frame_id, **{fact: getattr(best[frame_id], fact) for fact in FRAME_FACTS}}
            for frame_id in sorted(best)
        ],
    )


def tell_aor(
    connection: Connection,
    aorkey: int,
    contents: Collection[IracFile],
    first_of: dict[int, Place],
) -> None:
    """Gather what is known of an AOR from the best file of its first frame, if it is new.

    Parameters
    ----------
    connection : sqlalchemy.Connection
        In a transaction that may write.
    aorkey : int
        The AOR.
    contents : collection of IracFile
        Its files of this batch, stored already; at least one.
    first_of : dict
        Where the first file of an AOR is in it, by AORKEY, as batches before this one found; filled
        on. Files are never taken out, so that it can only move to the front, and one that comes
        after it need not be asked about.
    """
    known = first_of.get(aorkey)
    if known is not None and known < min(_place_in_aor(content) for content in contents):
        return
    first = connection.execute(_FIRST_OF_AOR, {"aorkey": aorkey}).one()
    first_of[aorkey] = tuple(first)[1:]
    rows = connection.execute(
        select(file.c.kind, file.c.version, file.c.creator, file.c.sha256).where(
            file.c.frame_id == first.frame_id
        )
    ).all()
    best = max(rows, key=_belief_of).sha256
    for content in contents:
        if content.sha256 == best:
            facts = aor_facts(content.header)
            connection.execute(update(t.aor).where(t.aor.c.aorkey == aorkey).values(**facts))
            return


def _place_in_aor(content: IracFile) -> Place:
    name = content.name
    return KINDS[name.kind].rank, name.channel, name.expid, name.dcenum


def _belief_of(row: Any) -> tuple[Any, ...]:
    return belief(row.kind, row.version, row.creator, row.sha256)
