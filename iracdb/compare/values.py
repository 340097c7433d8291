"""Two columns of doubles compared: to the bit, by how far, and whether that is only rounding."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]
CodeArray = npt.NDArray[np.int8]

SAME: Final = 0
ROUNDING_ONLY: Final = 1
CHANGED: Final = 2
FLAG_CHANGED: Final = 3

OUTCOMES: tuple[str, ...] = ("same", "rounding_only", "changed", "flag_changed")
"""Names of the outcomes, in the order of their codes: the larger code wins."""

ROUNDING_ULPS = 4
"""Units in the last place up to which a change is rounding only."""

_SIGN = np.uint64(1 << 63)


@dataclass(frozen=True)
class Compared:
    """How the values of two columns differ, row by row.

    Parameters
    ----------
    difference : ndarray of float
        The second less the first; 0 where both have no value, NaN where only one has.
    relative : ndarray of float
        Absolute difference over the absolute first value; infinite where only the first is 0,
        NaN where only one has a value.
    ulps : ndarray of float
        Doubles from one to the other; infinite where only one has a value.
    outcome : ndarray of int8
        `SAME`, `ROUNDING_ONLY` or `CHANGED`.
    """

    difference: FloatArray
    relative: FloatArray
    ulps: FloatArray
    outcome: CodeArray


def compare_doubles(first: FloatArray, second: FloatArray) -> Compared:
    """Compare two columns of doubles, NaN standing for no value.

    Parameters
    ----------
    first, second : ndarray of float
        Of one shape.

    Returns
    -------
    Compared
        No value on both sides is the same; on one side alone it is a change.
    """
    ulps = ulp_distance(first, second)
    neither = np.isnan(first) & np.isnan(second)
    with np.errstate(invalid="ignore", over="ignore", divide="ignore"):
        difference = np.where(ulps == 0, 0.0, second - first)
        relative = np.where(ulps == 0, 0.0, np.abs(difference) / np.abs(first))
    difference[neither] = relative[neither] = 0.0
    return Compared(difference, relative, ulps, outcome_of(ulps))


def outcome_of(ulps: FloatArray) -> CodeArray:
    """Tell what distances come to.

    Parameters
    ----------
    ulps : ndarray of float
        From `ulp_distance`.

    Returns
    -------
    ndarray of int8
        `SAME`, `ROUNDING_ONLY` or `CHANGED`.
    """
    found = np.full(ulps.shape, CHANGED, dtype=np.int8)
    found[ulps <= ROUNDING_ULPS] = ROUNDING_ONLY
    found[ulps == 0] = SAME
    return found


def ulp_distance(first: FloatArray, second: FloatArray) -> FloatArray:
    """Count the doubles from one value to another.

    Parameters
    ----------
    first, second : ndarray of float
        Of one shape; NaN stands for no value.

    Returns
    -------
    ndarray of float
        Units in the last place: 0 for the same bits (0.0 and -0.0 are the same here, and so are
        two absent values), infinite where only one has a value. Exact below 2**53.
    """
    one, other = _ordered(first), _ordered(second)
    apart = (np.maximum(one, other) - np.minimum(one, other)).astype(np.float64)
    absent = np.isnan(first), np.isnan(second)
    apart[absent[0] ^ absent[1]] = np.inf
    apart[absent[0] & absent[1]] = 0.0
    return apart


def _ordered(values: FloatArray) -> npt.NDArray[np.uint64]:
    """Give each double its place in their order, so that neighbours differ by one."""
    bits = np.ascontiguousarray(values, dtype=np.float64).view(np.uint64)
    negative = bits >= _SIGN
    # A negative double's bits grow away from zero; both zeros take the middle.
    return np.where(negative, _SIGN - (bits - _SIGN), bits + _SIGN)


def in_errors(difference: FloatArray, first: FloatArray, second: FloatArray) -> FloatArray:
    """Tell differences in units of the errors of both values together.

    Parameters
    ----------
    difference : ndarray of float
        Of two values.
    first, second : ndarray of float
        Their errors.

    Returns
    -------
    ndarray of float
        Absolute, over the square root of the sum of squares; NaN where there is no error.
    """
    with np.errstate(invalid="ignore", divide="ignore"):
        both = np.hypot(first, second)
        return np.where(both > 0, np.abs(difference) / both, np.nan)


def largest(relative: FloatArray) -> float:
    """Tell the largest relative change.

    Parameters
    ----------
    relative : ndarray of float
        From `compare_doubles`.

    Returns
    -------
    float
        The largest that is finite; 0 where there is none.
    """
    finite = relative[np.isfinite(relative)]
    return float(finite.max()) if finite.size else 0.0
