"""What was made lately and is asked for again: so much of it is kept, and no more."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable
from threading import Lock
from typing import Generic, TypeVar

Value = TypeVar("Value")


class Kept(Generic[Value]):
    """Values by their keys, those that were asked for last.

    Parameters
    ----------
    most : int
        How many.
    most_size : int, optional
        How large together; by default whatever they are.
    size : callable, optional
        Of a value.
    """

    def __init__(
        self, most: int, most_size: int = 0, size: Callable[[Value], int] = lambda _: 0
    ) -> None:
        self._most, self._most_size, self._size = most, most_size, size
        self._lock = Lock()
        self._kept: OrderedDict[Hashable, Value] = OrderedDict()
        self._together = 0

    def get(self, key: Hashable) -> Value | None:
        """Give a value.

        Parameters
        ----------
        key : hashable
            Its key; None where it is not known yet.

        Returns
        -------
        Value or None
            None where it is not kept.
        """
        with self._lock:
            if key is None or key not in self._kept:
                return None
            self._kept.move_to_end(key)
            return self._kept[key]

    def put(self, key: Hashable, value: Value) -> None:
        """Keep a value, and let go of those that nobody asked for since.

        Parameters
        ----------
        key : hashable
            Its key.
        value : Value
            One that is larger than all may be together is not kept.
        """
        if self._size(value) > self._most_size:
            return
        with self._lock:
            if key in self._kept:
                self._together -= self._size(self._kept[key])
            self._kept[key] = value
            self._kept.move_to_end(key)
            self._together += self._size(value)
            while len(self._kept) > self._most or self._together > self._most_size:
                self._together -= self._size(self._kept.popitem(last=False)[1])
