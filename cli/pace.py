"""How far a long command is, how fast it goes, and when it will be done: told as measured."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable

_RECENT = 60.0
"""Seconds over which the rate is taken: what was slow at first is forgotten."""

_MINUTE, _HOUR = 60, 3600


class Pace:
    """Puts into words what a long command tells of itself.

    Parameters
    ----------
    unit : str
        What is counted, such as ``frames``; "" for nothing in particular.
    clock : callable, optional
        Gives seconds.
    """

    def __init__(self, unit: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._unit = unit
        self._clock = clock
        self._done, self._total, self._problems = 0, 0, ""
        self._past = deque([(clock(), 0)])

    def reach(self, done: int, total: int, item: str) -> None:
        """Take note of how far it is.

        Parameters
        ----------
        done, total : int
            Of what is counted.
        item : str
            What was just done; "" where an earlier process did it. It may have ``problems``: what
            was wrong so far, in words.
        """
        now = self._clock()
        if not item and not self._done:
            # What was there already says nothing of how fast it goes now.
            self._past.clear()
        self._done, self._total = done, total
        self._problems = str(getattr(item, "problems", ""))
        self._past.append((now, done))
        while len(self._past) > 2 and now - self._past[1][0] >= _RECENT:
            self._past.popleft()

    @property
    def finished(self) -> bool:
        """Whether all is done."""
        return self._done >= self._total

    def count(self) -> str:
        """Tell how much is done.

        Returns
        -------
        str
            Such as ``1,204 of 20,000 frames``.
        """
        return f"{self._done:,} of {self._total:,} {self._unit}".rstrip()

    def words(self) -> str:
        """Tell how fast it goes, how long it will take, and what was wrong so far.

        Returns
        -------
        str
            Such as ``312 a second, 1 min left, 3 without a flux``; "" where nothing is known.
        """
        (then, before), (now, done) = self._past[0], self._past[-1]
        told = []
        if done > before and now > then:
            rate = (done - before) / (now - then)
            told.append(_rate(rate))
            if not self.finished:
                told.append(f"{_duration((self._total - done) / rate)} left")
        return ", ".join(filter(None, (*told, self._problems)))


def _rate(a_second: float) -> str:
    if a_second >= 1:
        return f"{a_second:,.0f} a second"
    return f"{a_second * _MINUTE:.1f} a minute"


def _duration(seconds: float) -> str:
    if seconds < _MINUTE:
        return f"{seconds:.0f} s"
    if seconds < _HOUR:
        return f"{seconds / _MINUTE:.0f} min"
    minutes = round(seconds / _MINUTE)
    return f"{minutes // _MINUTE} h {minutes % _MINUTE} min"
