"""Which frame is it? Imported images are linked by channel and time, and each link says how surely.

A is an exact key: a frame that files show, of the row's channel, AOR and time. B is unique by
channel and time. C is one of several candidates. D is no frame at all: the row has no time.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from sqlalchemy import Connection, insert, select

from iracdb.catalogue.bulk import insert_rows, reserve_numbers
from iracdb.catalogue.tables import frame
from iracdb.published.blocks import ImageBlock

EXACT = "channel, AORKEY and time of a frame that files show"
BY_TIME = "channel and time; no file shows the frame"
BY_TIME_SHOWN = "channel and time of a frame that files show; its AOR is not told by the table"
SEVERAL = "channel and time are those of several frames"
NOTHING = "the row has no time"


Frame = tuple[int, int | None, bool]
"""A frame's number, its AOR, and whether files show it."""


class KnownFrames:
    """The frames of the catalogue by channel and time, read once for all runs of an import.

    Parameters
    ----------
    connection : sqlalchemy.Connection
        In a transaction that may write.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._by_channel: dict[int, dict[float, list[Frame]]] = {}

    def of_channel(self, channel: int) -> dict[float, list[Frame]]:
        """Give the frames of a channel by time.

        Parameters
        ----------
        channel : int
            1 to 4.

        Returns
        -------
        dict
            Lists of frames, in the order of their numbers.
        """
        if channel not in self._by_channel:
            found: dict[float, list[Frame]] = defaultdict(list)
            rows = self._connection.execute(
                select(frame.c.id, frame.c.aorkey, frame.c.expid, frame.c.mjd_obs)
                .where(frame.c.channel == channel, frame.c.mjd_obs.is_not(None))
                .order_by(frame.c.id)
            )
            for number, aorkey, expid, time in rows:
                found[time].append((number, aorkey, expid is not None))
            self._by_channel[channel] = found
        return self._by_channel[channel]

    def add(self, channel: int, missing: dict[float, int | None]) -> None:
        """Note frames that nothing else knows.

        Parameters
        ----------
        channel : int
            1 to 4.
        missing : dict
            AORKEY or None by time.
        """
        known = self.of_channel(channel)
        numbers = reserve_numbers(self._connection, frame, len(missing))
        rows = [
            (number, channel, aorkey, time)
            for number, (time, aorkey) in zip(numbers, sorted(missing.items()), strict=True)
        ]
        insert_rows(self._connection, frame, ("id", "channel", "aorkey", "mjd_obs"), rows)
        for number, _, aorkey, time in rows:
            known[time].append((number, aorkey, False))

    def nameless(self, channel: int) -> int:
        """Note a frame without even a time.

        Parameters
        ----------
        channel : int
            1 to 4.

        Returns
        -------
        int
            Its number.
        """
        made = insert(frame).values(channel=channel).returning(frame.c.id)
        return int(self._connection.execute(made).scalar_one())


class FrameLinks:
    """Finds the frame of each image of a table.

    Parameters
    ----------
    known : KnownFrames
        Gains the frames that only this table knows.
    channel : int
        1 to 4.
    times : sequence of float or None
        MJD of each row.
    blocks : sequence of ImageBlock
        Whose rows they are.
    """

    def __init__(
        self,
        known: KnownFrames,
        channel: int,
        times: Sequence[float | None],
        blocks: Sequence[ImageBlock],
    ) -> None:
        self._known = known
        self._channel = channel
        self._times = times
        self._frames = known.of_channel(channel)
        self._note_missing(blocks)

    def _note_missing(self, blocks: Sequence[ImageBlock]) -> None:
        missing: dict[float, int | None] = {}
        for block in blocks:
            for time in self._times[block.first : block.end]:
                if time is not None and not self._serves(time, block.aorkey):
                    missing.setdefault(time, block.aorkey)
        if missing:
            self._known.add(self._channel, missing)

    def _serves(self, time: float, aorkey: int | None) -> bool:
        """Tell whether a frame that is known can be a row's: not one of another AOR."""
        return any(
            not is_shown or aorkey in (None, key) for _, key, is_shown in self._frames.get(time, ())
        )

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
            return self._known.nameless(self._channel), "D", NOTHING
        candidates = self._frames[time]
        if len(candidates) == 1 and not candidates[0][2]:
            return candidates[0][0], "B", BY_TIME
        shown = [(number, key) for number, key, is_shown in candidates if is_shown]
        same = [number for number, key in shown if key == aorkey]
        if len(same) == 1:
            return same[0], "A", EXACT
        if shown and aorkey is None:
            return shown[0][0], *(("B", BY_TIME_SHOWN) if len(shown) == 1 else ("C", SEVERAL))
        if same:
            return same[0], "C", SEVERAL
        # A frame of another AOR at that time is not this row's.
        return next(number for number, _, is_shown in candidates if not is_shown), "B", BY_TIME
