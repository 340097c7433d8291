"""What makes a machine sweat is done for a few at a time; others wait, and not for ever."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from threading import BoundedSemaphore, Lock

from starlette.exceptions import HTTPException


class Turns:
    """Places for those who are served, and for those who wait.

    Parameters
    ----------
    what : str
        What is done, in the plural, for the sentence that says that one must come again.
    at_once : int
        How many are served at a time.
    waiting : int
        How many wait at the most: each of them holds a thread that could answer others.
    seconds : float
        How long each waits.
    """

    def __init__(self, what: str, at_once: int, waiting: int, seconds: float) -> None:
        self._what, self._seconds = what, seconds
        self._most = at_once + waiting
        self._here = 0
        self._lock = Lock()
        self._places = BoundedSemaphore(at_once)

    @contextmanager
    def turn(self) -> Iterator[None]:
        """Wait for a place, and hold it.

        Yields
        ------
        None
            When it is one's turn.

        Raises
        ------
        HTTPException
            503, where it does not come in time, or too many wait already.
        """
        with self._lock:
            if self._here >= self._most:
                raise self._busy()
            self._here += 1
        try:
            if not self._places.acquire(timeout=self._seconds):
                raise self._busy()
            try:
                yield
            finally:
                self._places.release()
        finally:
            with self._lock:
                self._here -= 1

    def _busy(self) -> HTTPException:
        after = max(1, math.ceil(self._seconds))
        return HTTPException(
            503,
            f"The server is busy with other {self._what}: ask again in {after} s",
            {"Retry-After": str(after)},
        )


def sql_turns() -> Turns:
    """Give the places for queries of the SQL page.

    Returns
    -------
    Turns
        Each query is stopped after ten seconds.
    """
    return Turns("queries", at_once=3, waiting=9, seconds=15.0)


def figure_turns() -> Turns:
    """Give the places for figures and reports.

    Returns
    -------
    Turns
        One is drawn at a time, while the numbers of another are read.
    """
    return Turns("figures", at_once=2, waiting=12, seconds=30.0)
