"""Images whose AOR nothing in their own tables told: found by what else is known of their frames.

An AOR is told by a frame that files show, and by the rows of another run over the same frames whose
AOR is sure. Only where all that is known of a block's frames is one and the same AOR, it is theirs.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, bindparam, func, select, update

from iracdb.catalogue import tables as t
from iracdb.published.averages import UNKNOWN_AOR
from iracdb.published.frames import BY_TIME_SHOWN
from iracdb.runs.results import AOR_NOTE

image, result, frame = t.image_result.c, t.aor_result.c, t.frame.c

_ANY_NOTE = f"%{AOR_NOTE}%"


@dataclass(frozen=True)
class FoundAor:
    """The AOR of images that were kept without.

    Parameters
    ----------
    average : Row
        Of the table ``aor_result``, with the name of its run.
    aorkey : int
        Whose they are.
    images : int
        How many they are.
    runs : tuple of str
        The runs that tell it; empty where only files do.
    """

    average: Any
    aorkey: int
    images: int
    runs: tuple[str, ...]

    @property
    def evidence(self) -> str:
        """How that is known."""
        where = " and ".join(self.runs) if self.runs else "their files"
        return f"its frames are of that AOR in {where}"


def find_aors(connection: Connection) -> list[FoundAor]:
    """Find the AORs of images that are kept without.

    Parameters
    ----------
    connection : sqlalchemy.Connection
        To a catalogue.

    Returns
    -------
    list of FoundAor
        In the order of their runs; those that are told, and not in two ways.
    """
    unknown = connection.execute(
        select(t.aor_result, t.run.c.name)
        .join(t.run, t.run.c.run_id == result.run_id)
        .where(result.aorkey == UNKNOWN_AOR)
        .order_by(result.run_id, result.row_number)
    ).all()
    found = []
    for average in unknown:
        by_runs = _told_by_runs(connection, average.id)
        keys = {key for key, _ in by_runs} | _told_by_files(connection, average.id)
        if len(keys) == 1:
            mine = select(func.count()).where(image.aor_result_id == average.id)
            images = connection.execute(mine).scalar_one()
            runs = tuple(name for _, name in by_runs)
            found.append(FoundAor(average, keys.pop(), images, runs))
    return found


def _told_by_files(connection: Connection, average: int) -> set[int]:
    """Ask the frames that files show: of the same channel and time as the images'."""
    shown = t.frame.alias("shown")
    query = (
        select(shown.c.aorkey)
        .distinct()
        .select_from(t.image_result)
        .join(t.frame, frame.id == image.frame_id)
        .join(shown, (shown.c.channel == frame.channel) & (shown.c.mjd_obs == frame.mjd_obs))
        .where(image.aor_result_id == average, shown.c.expid.is_not(None))
    )
    return set(connection.execute(query).scalars())


def _told_by_runs(connection: Connection, average: int) -> list[tuple[int, str]]:
    """Ask the rows of other averages over the same frames, where their AOR is sure."""
    other, theirs = t.image_result.alias("other"), t.aor_result.alias("theirs")
    query = (
        select(theirs.c.aorkey, t.run.c.name)
        .distinct()
        .select_from(t.image_result)
        .join(other, other.c.frame_id == image.frame_id)
        .join(theirs, theirs.c.id == other.c.aor_result_id)
        .join(t.run, t.run.c.run_id == theirs.c.run_id)
        .where(
            image.aor_result_id == average,
            theirs.c.aorkey != UNKNOWN_AOR,
            other.c.link_evidence.is_(None) | other.c.link_evidence.not_like(_ANY_NOTE),
        )
        .order_by(theirs.c.aorkey, t.run.c.name)
    )
    return [(row.aorkey, row.name) for row in connection.execute(query)]


def settle(connection: Connection, found: FoundAor) -> set[int]:
    """Write an AOR that was found to the images kept without.

    Parameters
    ----------
    connection : sqlalchemy.Connection
        In a transaction that may write.
    found : FoundAor
        From `find_aors`.

    Returns
    -------
    set of int
        Frames without files that images were linked to before.
    """
    number, key = found.average.id, found.aorkey
    connection.execute(
        update(t.aor_result)
        .where(result.id == number)
        .values(
            aorkey=key,
            repeat=_free_repeat(connection, found),
            reason=f"no row in the published table; {found.evidence}",
        )
    )
    left = set() if found.runs else _link_to_shown(connection, found)
    _note_aor(connection, found)
    frames = select(image.frame_id).where(image.aor_result_id == number)
    connection.execute(
        update(t.frame)
        .where(frame.id.in_(frames), frame.aorkey.is_(None), frame.expid.is_(None))
        .values(aorkey=key)
    )
    return left


def _free_repeat(connection: Connection, found: FoundAor) -> int:
    """Count the averages that only ``repeat`` would tell from this one."""
    same = [
        t.aor_result.c[name] == getattr(found.average, name)
        for name in ("run_id", "target_id", "channel", "frame_group")
    ]
    query = select(func.max(result.repeat)).where(*same, result.aorkey == found.aorkey)
    largest = connection.execute(query).scalar()
    return 0 if largest is None else int(largest) + 1


def _link_to_shown(connection: Connection, found: FoundAor) -> set[int]:
    """Link images to the frames that told their AOR: no surer than before, by channel and time."""
    shown = t.frame.alias("shown")
    same = (
        (shown.c.channel == frame.channel)
        & (shown.c.mjd_obs == frame.mjd_obs)
        & (shown.c.aorkey == found.aorkey)
    )
    rows = connection.execute(
        select(image.frame_id, func.min(shown.c.id).label("shown_id"))
        .join(t.frame, frame.id == image.frame_id)
        .join(shown, same)
        .where(
            image.aor_result_id == found.average.id,
            frame.expid.is_(None),
            shown.c.expid.is_not(None),
        )
        .group_by(image.frame_id)
        .having(func.count(shown.c.id.distinct()) == 1)
    ).all()
    if rows:
        connection.execute(
            update(t.image_result)
            .where(image.aor_result_id == found.average.id, image.frame_id == bindparam("b_frame"))
            .values(frame_id=bindparam("b_shown"), link_evidence=BY_TIME_SHOWN),
            [{"b_frame": row.frame_id, "b_shown": row.shown_id} for row in rows],
        )
    return {row.frame_id for row in rows}


def _note_aor(connection: Connection, found: FoundAor) -> None:
    """Let each image say how its AOR is known now."""
    mine = image.aor_result_id == found.average.id
    told = connection.execute(select(image.link_evidence).distinct().where(mine)).scalars().all()
    for evidence in told:
        before, _, _ = str(evidence).partition(AOR_NOTE)
        connection.execute(
            update(t.image_result)
            .where(mine, image.link_evidence == evidence)
            .values(link_evidence=f"{before}{AOR_NOTE}B): {found.evidence}")
        )
