"""Which frame is it? Imported images are linked by channel and time, and each link says how surely.

A is an exact key: a frame that files show, of the row's channel, AOR and time. B is unique by
channel and time. C is one of several candidates. D is no frame at all: the row has no time.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, insert, select

from iracdb.catalogue.bulk import insert_columns, reserve_numbers
from iracdb.catalogue.tables import frame
from iracdb.published.blocks import ImageBlock

EXACT = "channel, AORKEY and time of a frame that files show"
BY_TIME = "channel and time; no file shows the frame"
BY_TIME_SHOWN = "channel and time of a frame that files show; its AOR is not told by the table"
SEVERAL = "channel and time are those of several frames"
NOTHING = "the row has no time"


@dataclass
class ChannelFrames:
    """The frames of one channel by time.

    Parameters
    ----------
    shown : dict
        (number, AORKEY) of those that files show, in the order of their numbers.
    unshown : dict
        Number of the one that no file shows.
    """

    shown: dict[float, list[tuple[int, int]]]
    unshown: dict[float, int]


class KnownFrames:
    """The frames of the catalogue by channel and time, read once for all runs of an import.

    Parameters
    ----------
    connection : sqlalchemy.Connection
        In a transaction that may write.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._by_channel: dict[int, ChannelFrames] = {}

    def of_channel(self, channel: int) -> ChannelFrames:
        """Give the frames of a channel.

        Parameters
        ----------
        channel : int
            1 to 4.

        Returns
        -------
        ChannelFrames
            Those with a time.
        """
        if channel not in self._by_channel:
            found = ChannelFrames({}, {})
            rows = self._connection.execute(
                select(frame.c.id, frame.c.aorkey, frame.c.expid, frame.c.mjd_obs)
                .where(frame.c.channel == channel, frame.c.mjd_obs.is_not(None))
                .order_by(frame.c.id)
            )
            for number, aorkey, expid, time in rows:
                if expid is None:
                    found.unshown[time] = number
                else:
                    found.shown.setdefault(time, []).append((number, aorkey))
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
        times = sorted(missing)
        numbers = reserve_numbers(self._connection, frame, len(times))
        rows = {
            "id": numbers,
            "channel": [channel] * len(times),
            "aorkey": [missing[time] for time in times],
            "mjd_obs": times,
        }
        insert_columns(self._connection, frame, rows)
        self.of_channel(channel).unshown.update(zip(times, numbers, strict=True))

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


@dataclass(frozen=True)
class Links:
    """The frames of the images of a table.

    Parameters
    ----------
    frames : list of int
        Number of each image's frame.
    grades, evidence : list of str
        How sure that is, and why.
    """

    frames: list[int]
    grades: list[str]
    evidence: list[str]


def link(
    known: KnownFrames,
    channel: int,
    times: Sequence[float | None],
    blocks: Sequence[ImageBlock],
) -> Links:
    """Find the frame of each image of a table.

    Parameters
    ----------
    known : KnownFrames
        Gains the frames that only this table knows.
    channel : int
        1 to 4.
    times : sequence of float or None
        MJD of each image.
    blocks : sequence of ImageBlock
        In order, together all of the table.

    Returns
    -------
    Links
        In the order of the table.
    """
    held = known.of_channel(channel)
    _add_missing(known, channel, times, blocks)
    if None not in times and held.shown.keys().isdisjoint(times):
        # Most tables: no file shows a frame of any of the times.
        frames = [held.unshown[time] for time in times]  # type: ignore[index]
        return Links(frames, ["B"] * len(times), [BY_TIME] * len(times))
    found = [
        _link(known, channel, time, block.aorkey)
        for block in blocks
        for time in times[block.first : block.end]
    ]
    numbers, grades, evidence = map(list, zip(*found, strict=True))
    return Links(numbers, grades, evidence)


def _add_missing(
    known: KnownFrames,
    channel: int,
    times: Sequence[float | None],
    blocks: Sequence[ImageBlock],
) -> None:
    """Note the frames that no row may be linked to otherwise."""
    held = known.of_channel(channel)
    missing: dict[float, int | None] = {}
    for block in blocks:
        for time in times[block.first : block.end]:
            if time in held.unshown or time is None or time in missing:
                continue
            if not _shown_serves(held.shown.get(time, ()), block.aorkey):
                missing[time] = block.aorkey
    if missing:
        known.add(channel, missing)


def _shown_serves(shown: Sequence[tuple[int, int]], aorkey: int | None) -> bool:
    """Tell whether a frame that files show can be a row's: not one of another AOR."""
    return len(shown) > 0 and (aorkey is None or any(key == aorkey for _, key in shown))


def _link(
    known: KnownFrames, channel: int, time: float | None, aorkey: int | None
) -> tuple[int, str, str]:
    if time is None:
        return known.nameless(channel), "D", NOTHING
    held = known.of_channel(channel)
    shown = held.shown.get(time, [])
    same = [number for number, key in shown if key == aorkey]
    if len(same) == 1:
        return same[0], "A", EXACT
    if shown and aorkey is None:
        return shown[0][0], *(("B", BY_TIME_SHOWN) if len(shown) == 1 else ("C", SEVERAL))
    if same:
        return same[0], "C", SEVERAL
    # A frame of another AOR at that time is not this row's.
    return held.unshown[time], "B", BY_TIME
