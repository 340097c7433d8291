"""Raising links: imported images whose frames have been ingested since.

Ingesting never changes a link. `relink` raises those that can be raised, in one transaction, and
records that it did; it lowers none. Images whose AOR nothing told get it where their frames tell.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, bindparam, delete, select, update

from iracdb.catalogue import tables as t
from iracdb.catalogue.activity import record_activity
from iracdb.catalogue.clock import now
from iracdb.catalogue.database import Database, in_batches
from iracdb.published.frames import BY_TIME_SHOWN, EXACT
from iracdb.published.unknown_aors import FoundAor, find_aors, settle

image, result, frame = t.image_result.c, t.aor_result.c, t.frame.c


@dataclass(frozen=True)
class Relinked:
    """What a relinking came to.

    Parameters
    ----------
    raised : dict
        Number of links by (run, what they were, what they are): grades of links to frames, or AORs.
    """

    raised: dict[tuple[str, str, str], int]

    @property
    def total(self) -> int:
        """How many links were raised."""
        return sum(self.raised.values())


def _candidates() -> Any:
    """Find images linked to a frame without files, and the frames with files they may be."""
    shown = t.frame.alias("shown")
    return (
        select(
            image.aor_result_id, image.frame_id, image.plane, image.repeat, image.link_grade,
            result.run_id, result.aorkey, t.run.c.name, shown.c.id.label("shown_id"),
            shown.c.aorkey.label("shown_aorkey"),
        )
        .join(t.aor_result, result.id == image.aor_result_id)
        .join(t.run, t.run.c.run_id == result.run_id)
        .join(t.frame, frame.id == image.frame_id)
        .join(
            shown,
            (shown.c.channel == frame.channel)
            & (shown.c.mjd_obs == frame.mjd_obs)
            & shown.c.expid.is_not(None),
        )
        .where(image.link_grade.is_not(None), image.link_grade != "A", frame.expid.is_(None))
    )  # fmt: skip


def could_rise(connection: Connection) -> int:
    """Count the links of images that `relink` would make surer.

    Parameters
    ----------
    connection : sqlalchemy.Connection
        To a catalogue.

    Returns
    -------
    int
        How many.
    """
    anything = select(image.link_grade).where(image.link_grade.is_not(None)).limit(1)
    if connection.execute(anything).first() is None:
        return 0
    return len(_rises(connection)) + sum(found.images for found in find_aors(connection))


@dataclass(frozen=True)
class _Rise:
    """A link that can be raised: its image as the candidates tell it, and to what."""

    image: Any
    grade: str
    evidence: str


def _rises(connection: Connection) -> list[_Rise]:
    """Find the links that become surer; none that would only become other."""
    by_image: dict[tuple[int, int, int, int], list[Any]] = {}
    for row in connection.execute(_candidates()):
        key = (row.aor_result_id, row.frame_id, row.plane, row.repeat)
        by_image.setdefault(key, []).append(row)
    rises = []
    for _, found in sorted(by_image.items()):
        same = [row for row in found if row.shown_aorkey == row.aorkey]
        if len(same) == 1:
            rises.append(_Rise(same[0], "A", EXACT))
        elif not same and len(found) == 1 and found[0].link_grade > "B":
            rises.append(_Rise(found[0], "B", BY_TIME_SHOWN))
    return rises


def relink(database: Database) -> Relinked:
    """Raise every link that can be raised.

    Parameters
    ----------
    database : Database
        Open for writing.

    Returns
    -------
    Relinked
        How many, of which runs.
    """
    started = now()
    with database.write() as connection:
        aors = find_aors(connection)
        left = {number for found in aors for number in settle(connection, found)}
        # With their AOR, links may rise that could not without.
        rises = _rises(connection)
        left |= _raise(connection, rises)
        _forget_empty_frames(connection, left)
        raised = Counter((rise.image.name, rise.image.link_grade, rise.grade) for rise in rises)
        for found in aors:
            raised[found.average.name, "AOR 0", f"AOR {found.aorkey}"] += found.images
        runs = {row.name: row.run_id for row in _changed(aors, rises)}
        _record(connection, started, raised, runs)
    return Relinked(dict(raised))


def _changed(aors: Sequence[FoundAor], rises: Sequence[_Rise]) -> Iterator[Any]:
    """Give rows of all that changes, each with its run."""
    yield from (found.average for found in aors)
    yield from (rise.image for rise in rises)


def _raise(connection: Connection, rises: Sequence[_Rise]) -> set[Any]:
    """Link images to other frames; give those that they were linked to."""
    changes = [
        {
            "b_average": rise.image.aor_result_id, "b_frame": rise.image.frame_id,
            "b_plane": rise.image.plane, "b_repeat": rise.image.repeat,
            "frame_id": rise.image.shown_id, "link_grade": rise.grade,
            "link_evidence": rise.evidence,
        }
        for rise in rises
    ]  # fmt: skip
    if changes:
        connection.execute(
            update(t.image_result).where(
                image.aor_result_id == bindparam("b_average"),
                image.frame_id == bindparam("b_frame"),
                image.plane == bindparam("b_plane"),
                image.repeat == bindparam("b_repeat"),
            ),
            changes,
        )
    return {change["b_frame"] for change in changes}


def _forget_empty_frames(connection: Connection, frames: set[Any]) -> None:
    """Leave no frame behind that neither a file nor a row shows any more."""
    for batch in in_batches(sorted(frames), 500):
        used = select(image.frame_id).where(image.frame_id == frame.id).exists()
        connection.execute(delete(t.frame).where(frame.id.in_(batch), frame.expid.is_(None), ~used))


def _record(
    connection: Connection, started: str, raised: Counter[Any], runs: dict[str, int]
) -> None:
    for name in sorted({key[0] for key in raised}):
        counts = {f"{a} to {b}": n for (run, a, b), n in raised.items() if run == name}
        outcome = f"{sum(counts.values())} links raised"
        record_activity(
            connection, "relink", runs[name], outcome, started_at=started, detail=counts
        )
