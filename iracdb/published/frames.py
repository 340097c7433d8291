"""Which frame is it? Imported images are linked by channel and time, and each link says how surely.

A is an exact key: a frame that files show, of the row's channel, AOR and time. B is unique by
channel and time. C is one of several candidates. D is no frame at all: the row has no time.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from sqlalchemy import Connection, func, insert, select

from iracdb.catalogue.bulk import insert_rows
from iracdb.catalogue.tables import frame
from iracdb.published.blocks import ImageBlock

EXACT = "channel, AORKEY and time of a frame that files show"
BY_TIME = "channel and time; no file shows the frame"
BY_TIME_SHOWN = "channel and time of a frame that files show; its AOR is not told by the table"
SEVERAL = "channel and time are those of several frames"
NOTHING = "the row has no time"

GRADES = {
    "A": "exact key",
    "B": "unique by channel and time",
    "C": "one of several candidates",
    "D": "none",
}


Frame = tuple[int, int | None, bool]
"""A frame's number, its AOR, and whether files show it."""


class FrameLinks:
    """Finds the frame of each image of a table, and notes those that nothing else knows.

    Parameters
    ----------
    connection : sqlalchemy.Connection
        In a transaction that may write.
    channel : int
        1 to 4.
    times : sequence of float or None
        MJD of each row.
    blocks : sequence of ImageBlock
        Whose rows they are.
    """

    def __init__(
        self,
        connection: Connection,
        channel: int,
        times: Sequence[float | None],
        blocks: Sequence[ImageBlock],
    ) -> None:
        self._connection = connection
        self._channel = channel
        self._times = times
        self._frames: dict[float, list[Frame]] = defaultdict(list)
        self._add_held()
        self._note_missing(blocks)

    def _add_held(self, after: int = 0) -> None:
        """Read the frames of these times whose numbers are larger."""
        known = [time for time in self._times if time is not None]
        if not known:
            return
        rows = self._connection.execute(
            select(frame.c.id, frame.c.aorkey, frame.c.expid, frame.c.mjd_obs)
            .where(
                frame.c.id > after,
                frame.c.channel == self._channel,
                frame.c.mjd_obs.between(min(known), max(known)),
            )
            .order_by(frame.c.id)
        )
        wanted = set(known)
        for number, aorkey, expid, time in rows:
            if time in wanted:
                self._frames[time].append((number, aorkey, expid is not None))

    def _note_missing(self, blocks: Sequence[ImageBlock]) -> None:
        missing: dict[float, int | None] = {}
        for block in blocks:
            for time in self._times[block.first : block.end]:
                if time is not None and time not in self._frames:
                    missing.setdefault(time, block.aorkey)
        if missing:
            largest = self._connection.execute(select(func.max(frame.c.id))).scalar()
            rows = [(self._channel, aorkey, time) for time, aorkey in sorted(missing.items())]
            columns = ("channel", "aorkey", "mjd_obs")
            insert_rows(self._connection, frame, columns, rows)
            self._add_held(after=largest or 0)

    def of(self, block: ImageBlock) -> list[tuple[int, str, str]]:
        """Find the frame of each image of a block.

        Parameters
        ----------
        block : ImageBlock
            Of the image table.

        Returns
        -------
        list of tuple
            The frame's number, the grade and the evidence of each.
        """
        times = self._times[block.first : block.end]
        return [self._of(time, block.aorkey) for time in times]

    def _of(self, time: float | None, aorkey: int | None) -> tuple[int, str, str]:
        if time is None:
            return self._nameless(), "D", NOTHING
        candidates = self._frames[time]
        if len(candidates) == 1 and not candidates[0][2]:
            return candidates[0][0], "B", BY_TIME
        shown = [(number, key) for number, key, is_shown in candidates if is_shown]
        same = [number for number, key in shown if key == aorkey]
        if len(same) == 1:
            return same[0], "A", EXACT
        if len(shown) == 1:
            return shown[0][0], "B", BY_TIME_SHOWN
        if shown:
            return shown[0][0], "C", SEVERAL
        return candidates[0][0], "B", BY_TIME

    def _nameless(self) -> int:
        made = insert(frame).values(channel=self._channel).returning(frame.c.id)
        return int(self._connection.execute(made).scalar_one())
