"""A column of printed numbers, read at once, and which of them print the same again.

Python prints a float as the shortest decimal that reads back to it, of several the nearest. That
takes long for one and longer for millions, so it is proved here without printing. A decimal is a
whole number ``m`` over a power of ten, and a float ``x`` times that power is known exactly as the
sum of two floats. So it is known how far ``x`` lies from the decimal, and from the nearest one with
a digit less: where that lies beyond half the gap to the next float, it reads back to another.

What is not proved is only in doubt: whoever asks must look at such a cell by itself.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from iracdb.published.grid import WIDEST, Grid

Floats = NDArray[np.floating[Any]]
Rows = NDArray[np.int64]
Flags = NDArray[np.bool_]

_NOUGHT = np.uint8(ord("0"))
_POINT = np.uint8(ord(".") - ord("0") + 256)
"""What a point is where digits are 0 to 9."""
_NAN = (np.frombuffer(b"nan", np.uint8) - _NOUGHT)[:, None]
_MINUS = ord("-")
_PLACES = np.arange(WIDEST, dtype=np.uint8)[:, None]
_TENS = np.array([float(10**power) for power in range(WIDEST)])
"""Powers of ten: up to the 22nd a float holds them exactly."""
_MOST_DIGITS = 18
"""Of a number that 64 bits hold, whatever its digits are."""
_LOW = 9
"""Digits of the lower part of a number: floats hold both parts exactly."""
_SURE = 1 + 1e-9
"""More than rounding can amount to in what is compared."""
_EXACT = 2.0**53
"""Below it, floats hold every whole number."""


def read_floats(grid: Grid, column: int) -> tuple[Floats, Rows]:
    """Read a column of decimals.

    Parameters
    ----------
    grid : Grid
        The table.
    column : int
        From 0.

    Returns
    -------
    values : numpy.ndarray
        NaN for ``nan``.
    doubtful : numpy.ndarray
        Rows whose value is not to be trusted, or may print otherwise.
    """
    digits, negative, length = _digits(grid, column)
    is_point = digits == _POINT
    place = (is_point * _PLACES).sum(axis=0, dtype=np.uint8)
    places = WIDEST - 1 - place.astype(np.int64)
    before = length - 1 - places
    # One byte is no digit, and that is the point.
    plain = ((digits > 9).sum(axis=0, dtype=np.uint8) == 1) & is_point.any(axis=0)
    plain &= (places > 0) & (before > 0) & (length - 1 <= _MOST_DIGITS)
    plain &= ~_leading_nought(digits, length, before)
    missing = ~negative & (length == 3) & (digits[-3:] == _NAN).all(axis=0)
    # What stands before the point moves up into its place.
    digits[1:] = np.where(_PLACES[1:] <= place, digits[:-1], digits[1:])
    numerator = _whole(digits)
    # A cell of several points has places that no number has: whatever it says, it is in doubt.
    values, proved = _divided(numerator, np.where(plain, places, 0))
    proved &= plain & ~(negative & (numerator == 0))
    values = np.where(missing, np.nan, np.where(negative, -values, values))
    return values, np.flatnonzero(~(proved | missing))


def read_integers(grid: Grid, column: int) -> tuple[NDArray[np.int64], Rows]:
    """Read a column of whole numbers.

    Parameters
    ----------
    grid : Grid
        The table.
    column : int
        From 0.

    Returns
    -------
    values : numpy.ndarray
        Of 64 bits.
    doubtful : numpy.ndarray
        Rows whose value is not to be trusted, or may print otherwise.
    """
    digits, negative, length = _digits(grid, column)
    plain = (digits <= 9).all(axis=0) & (length > 0) & (length <= _MOST_DIGITS)
    plain &= ~_leading_nought(digits, length, length)
    values = _whole(digits)
    plain &= ~(negative & (values == 0))
    return np.where(negative, -values, values), np.flatnonzero(~plain)


def _digits(grid: Grid, column: int) -> tuple[NDArray[np.uint8], Flags, Rows]:
    """Give the digits of each cell, whether it has a minus, and its length without it."""
    negative = grid.first_bytes(column) == _MINUS
    length = grid.widths(column) - negative
    digits = grid.windows(column) - _NOUGHT
    digits *= np.clip(WIDEST - length, 0, WIDEST).astype(np.uint8) <= _PLACES
    return digits, negative, length


def _leading_nought(digits: NDArray[np.uint8], length: Rows, before: Rows) -> Flags:
    """Tell where a nought stands before other digits of a whole part."""
    first = digits[np.clip(WIDEST - length, 0, WIDEST - 1), np.arange(len(length))]
    found: Flags = (first == 0) & (before > 1)
    return found


def _whole(digits: NDArray[np.uint8]) -> NDArray[np.int64]:
    """Put digits together: in two parts, which floats hold exactly."""
    high, low = (
        (_TENS[len(part) - 1 :: -1] @ part.astype(float)).astype(np.int64)
        for part in (digits[:-_LOW], digits[-_LOW:])
    )
    numbers: NDArray[np.int64] = high * 10**_LOW + low
    return numbers


def _divided(numerator: NDArray[np.int64], places: Rows) -> tuple[Floats, Flags]:
    """Divide by powers of ten, and tell where the decimal is how Python prints what comes out."""
    tens: Floats = _TENS[places]
    values = numerator.astype(np.float64) / tens
    gap = np.spacing(values) * tens
    beyond = _times(values, tens, numerator)
    # A numerator beyond 53 bits was rounded: then the next float may be the nearer one.
    step = np.where(np.abs(beyond) > gap / 2, -np.sign(beyond), 0.0)
    values, beyond = values + step * np.spacing(values), beyond + step * gap
    shorter = numerator % 10 + beyond
    to_shorter = np.minimum(np.abs(shorter), np.abs(10 - shorter))
    proved = (
        (np.abs(beyond) * _SURE < np.minimum(gap, 1.0) / 2)
        & (to_shorter > gap / 2 * _SURE)
        # The gap below a power of two is the smaller one.
        & (np.frexp(values)[0] != 0.5)
        & (values >= 1e-4)
    )
    # Python prints whole numbers with a nought, and no shorter.
    whole = (places == 1) & (numerator % 10 == 0)
    return values, np.where(whole, (beyond == 0) & (values < _EXACT), proved & (values < 1e15))


def _times(values: Floats, tens: Floats, numerator: NDArray[np.int64]) -> Floats:
    """Tell how far products lie beyond whole numbers: exact but for the last rounding (Dekker)."""
    product = values * tens
    (a, b), (c, d) = _halves(values), _halves(tens)
    rounded_off = ((a * c - product) + a * d + b * c) + b * d
    floor = np.floor(product)
    return (floor.astype(np.int64) - numerator) + (product - floor) + rounded_off


def _halves(values: Floats) -> tuple[Floats, Floats]:
    """Split floats into two of half as many bits (Veltkamp)."""
    much = values * 134217729.0
    high = much - (much - values)
    return high, values - high
