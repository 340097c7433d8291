"""Compiled sums and middles of a few numbers, in an order of their own."""

from __future__ import annotations

from iracdb.compiled import compiled
from iracdb.photometry.centres import FloatArray


@compiled
def summed(values: FloatArray, n: int) -> float:
    """Sum the first numbers of an array, in eight strands.

    Parameters
    ----------
    values : numpy.ndarray
        Numbers (m,).
    n : int
        How many of them.

    Returns
    -------
    float
        Their sum; up to 128 of them numpy adds in this order, too.
    """
    s0 = s1 = s2 = s3 = s4 = s5 = s6 = s7 = 0.0
    whole = n - n % 8
    for i in range(0, whole, 8):
        s0 += values[i]
        s1 += values[i + 1]
        s2 += values[i + 2]
        s3 += values[i + 3]
        s4 += values[i + 4]
        s5 += values[i + 5]
        s6 += values[i + 6]
        s7 += values[i + 7]
    total = ((s0 + s1) + (s2 + s3)) + ((s4 + s5) + (s6 + s7))
    for i in range(whole, n):
        total += values[i]
    return total


@compiled
def nth(values: FloatArray, n: int, k: int) -> float:
    """Find the number that would stand at a place if the first ones were sorted.

    Parameters
    ----------
    values : numpy.ndarray
        Numbers (m,), none of the first n NaN. They are put into another order: before k none is
        larger than the one found.
    n : int
        How many of them.
    k : int
        The place, from 0 to n - 1.

    Returns
    -------
    float
        That number.

    Notes
    -----
    Hoare (1961), Communications of the ACM 4, 321, Algorithm 65: Find.
    """
    first, last = 0, n - 1
    while first < last:
        pivot = values[k]
        i, j = first, last
        while i <= j:
            while values[i] < pivot:
                i += 1
            while pivot < values[j]:
                j -= 1
            if i <= j:
                values[i], values[j] = values[j], values[i]
                i += 1
                j -= 1
        if j < k:
            first = i
        if k < i:
            last = j
    found: float = values[k]
    return found


@compiled
def two_middles(values: FloatArray, n: int) -> tuple[float, float]:
    """Find the two numbers in the middle of the first ones of an array.

    Parameters
    ----------
    values : numpy.ndarray
        Numbers (m,), none of the first n NaN; they are put into another order.
    n : int
        How many of them, at least 1.

    Returns
    -------
    lower, upper : float
        The same one twice where n is odd.
    """
    upper = nth(values, n, n // 2)
    if n % 2:
        return upper, upper
    lower = values[0]
    for i in range(1, n // 2):
        lower = max(lower, values[i])
    return lower, upper
