"""Columns of numbers as text: each in the shortest form that reads back to the same bits.

What `repr` writes, for a column at once. Text is made in words of four bytes, padded with a byte
that no text has, which whoever joins the words takes away: so cells of different lengths fit one
array.

A double is ``c / 2**m`` with ``c`` below ``2**53``. Of the decimals that lie nearer to it than to
any other double (and on the border, where ``c`` is even) the one with the fewest digits is taken,
and of several the nearest; which is what G. L. Steele and J. L. White, "How to print
floating-point numbers accurately" (PLDI 1990), ask for. The grid of decimals on which to look is
chosen as by R. Giulietti, "The Schubfach way to render doubles" (2020): the finest one, ``10**-j``,
that has a point within any such interval. Then at most one point of the next coarser grid, ten
times as wide, lies within, and all shorter forms are among those. Everything is done in whole
numbers and exact: ``c * 10**j`` in 128 bits. Numbers too small or too large for that are left to
`repr`.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

Words = NDArray[np.uint32]
"""Texts, (n, width): each row four bytes a word, of which those that are `PAD` do not count."""

PAD = b"\xff"
"""Never a byte of UTF-8."""

MOST_DIGITS = 16
"""So many digits may a whole number have."""

_SMALLEST, _LARGEST = 2.0**-8, 2.0**53
_FRACTION = 52
_FRACTION_MASK = np.uint64(2**_FRACTION - 1)
_HALF_MASK, _HALF = np.uint64(2**32 - 1), np.uint64(32)
_DIGITS = 19
"""Digits behind the point, at most: so many has ``10**-j`` for the smallest number."""
_BACK = 5
"""Words that the point and these take."""


def float_words(values: NDArray[np.float64], before: str = "") -> Words:
    """Write a column of floats.

    Parameters
    ----------
    values : array, (n,)
        Any doubles.
    before : str, optional
        At most three ASCII characters to stand before each.

    Returns
    -------
    array, (n, width)
        What `repr` writes of each; ``nan`` for NaN.
    """
    size = np.abs(values)
    plain = ((size >= _SMALLEST) & (size < _LARGEST)) | (size == 0)
    size = np.where(plain, size, 1.0)
    whole = np.floor(size)
    parted = size != whole
    # A power of two has a nearer neighbour below.
    plain &= ~parted | ((size.view(np.uint64) & _FRACTION_MASK) != 0)
    front = whole.astype(np.uint64)
    back = np.zeros(len(values), dtype=np.uint64)
    there = np.flatnonzero(parted & plain)
    if len(there):
        front[there], back[there] = _decimal(size[there])
    words = np.empty((len(values), 1 + _groups(front) + _BACK), np.uint32)
    words[:, 0] = _signs(before)[np.signbit(values).view(np.uint8)]
    _front_words(front, words[:, 1:-_BACK])
    _back_words(back, words[:, -_BACK:])
    missing = np.isnan(values)
    words[missing] = _as_words(f"{before}nan", words.shape[1])
    for place in np.flatnonzero(~plain & ~missing):
        words[place] = _as_words(f"{before}{float(values[place])!r}", words.shape[1])
    return words


def integer_words(values: NDArray[np.int64], before: str = "") -> Words:
    """Write a column of whole numbers.

    Parameters
    ----------
    values : array, (n,)
        Of no more digits than `MOST_DIGITS`.
    before : str, optional
        At most three ASCII characters to stand before each.

    Returns
    -------
    array, (n, width)
        What `str` writes of each.
    """
    numbers = np.abs(values).astype(np.uint64)
    words = np.empty((len(values), 1 + _groups(numbers)), np.uint32)
    words[:, 0] = _signs(before)[(values < 0).view(np.uint8)]
    _front_words(numbers, words[:, 1:])
    return words


def text_words(texts: list[str]) -> Words:
    """Write texts.

    Parameters
    ----------
    texts : list of str
        Any.

    Returns
    -------
    array, (n, width)
        In UTF-8.
    """
    content = [text.encode() for text in texts]
    width = -(-max(map(len, content), default=0) // 4) * 4
    padded = b"".join([text.ljust(width, PAD) for text in content])
    return np.frombuffer(padded, np.uint32).reshape(len(texts), width // 4)


def joined(words: Words) -> bytes:
    """Join words, row after row.

    Parameters
    ----------
    words : array, (n, width)
        Of texts side by side.

    Returns
    -------
    bytes
        All of them, without what pads them.
    """
    return words.tobytes().translate(None, PAD)


def _decimal(size: NDArray[np.float64]) -> tuple[NDArray[np.uint64], NDArray[np.uint64]]:
    """Find the shortest decimals: the whole part, and the rest in units of ``10**-19``.

    The numbers lie within the bounds, are not whole and no power of two.
    """
    bits = size.view(np.uint64)
    c = (bits & _FRACTION_MASK) | np.uint64(1 << _FRACTION)
    m = np.uint64(1075) - (bits >> np.uint64(_FRACTION))
    powers, rests = _powers()
    power = powers[m]
    # c * 10**j in two parts of 64 bits, then parted into its whole units and what is beyond.
    c_high, c_low = c >> _HALF, c & _HALF_MASK
    power_high, power_low = power >> _HALF, power & _HALF_MASK
    middle = c_high * power_low + (c_low * power_low >> _HALF)
    other = c_low * power_high + (middle & _HALF_MASK)
    high = c_high * power_high + (middle >> _HALF) + (other >> _HALF)
    low = c * power
    digits = (high << (np.uint64(64) - m)) | (low >> m)
    unit = np.uint64(1) << m
    beyond = low & (unit - np.uint64(1))
    # The nearest of the coarser grid, if it is near enough.
    tens = digits // np.uint64(10)
    last = digits - tens * np.uint64(10)
    up = last >= np.uint64(5)
    far = np.where(up, (np.uint64(10) - last) * unit - beyond, last * unit + beyond)
    near = power >> np.uint64(1)
    short = (far < near) | ((far == near) & ((c & np.uint64(1)) == 0))
    # Else the nearer of two neighbours; of two as near the even one.
    rest = unit - beyond
    round_up = (beyond > rest) | ((beyond == rest) & ((digits & np.uint64(1)) == 1))
    digits = np.where(short, (tens + up) * np.uint64(10), digits + round_up)
    front = digits // power
    return front, (digits - front * power) * rests[m]


@cache
def _powers() -> tuple[NDArray[np.uint64], NDArray[np.uint64]]:
    """By m, from 0 to 60: ``10**j`` with j the least for which it is ``2**m``; ``10**(19 - j)``."""
    least = [len(str(2**m - 1)) if m else 0 for m in range(61)]
    powers = [10**j for j in least]
    return np.array(powers, np.uint64), np.array([10 ** (_DIGITS - j) for j in least], np.uint64)


def _groups(numbers: NDArray[np.uint64]) -> int:
    """Tell how many groups of four digits the largest needs."""
    return -(-len(str(int(numbers.max(initial=0)))) // 4)


def _front_words(numbers: NDArray[np.uint64], words: Words) -> None:
    """Write whole numbers below ``10**MOST_DIGITS`` into words, (n, groups)."""
    table = _front_table()
    groups = words.shape[1]
    for place in range(groups - 1, -1, -1):
        higher = numbers // np.uint64(10_000)
        group = (numbers - higher * np.uint64(10_000)).astype(np.intp)
        # Where nothing stands before it, without noughts; which leaves one only in the last.
        bare = 20_000 if place == groups - 1 else 10_000
        group[higher == 0] += bare
        words[:, place] = table[group]
        numbers = higher


def _back_words(rest: NDArray[np.uint64], words: Words) -> None:
    """Write the point and up to 19 digits behind it, at least one, into words, (n, 5)."""
    first, others = _back_tables()
    # The first word holds the point and three digits, each other four.
    for place, unit in enumerate((10**16, 10**12, 10**8, 10**4, 1)):
        group = rest // np.uint64(unit)
        rest = rest - group * np.uint64(unit)
        table = others if place else first
        index = group.astype(np.intp)
        # Where nothing follows, without noughts.
        index[rest == 0] += len(table) // 2
        words[:, place] = table[index]


def _table(texts: list[str]) -> Words:
    return np.frombuffer(b"".join([text.encode().ljust(4, PAD) for text in texts]), np.uint32)


@cache
def _front_table() -> Words:
    full = [f"{number:04d}" for number in range(10_000)]
    bare = [text.lstrip("0") for text in full]
    return _table([*full, *bare, *(text or "0" for text in bare)])


@cache
def _back_tables() -> tuple[Words, Words]:
    first = [f".{number:03d}" for number in range(1000)]
    bare = [text.rstrip("0") for text in first]
    full = [f"{number:04d}" for number in range(10_000)]
    return (
        _table([*first, *(text if len(text) > 1 else ".0" for text in bare)]),
        _table([*full, *(text.rstrip("0") for text in full)]),
    )


def _signs(before: str) -> Words:
    return _table([f"{before}{sign}" for sign in ("", "-")])


def _as_words(text: str, width: int) -> Any:
    return np.frombuffer(text.encode().ljust(4 * width, PAD), np.uint32)
