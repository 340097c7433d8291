"""Functions compiled for this machine's processor, and kept on disk once they are.

Only the modules with kernels import this one, and they are imported where measuring begins:
numba takes as long to import as all else together.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar, cast

from llvmlite import ir
from numba import njit, types
from numba.extending import intrinsic

_Function = TypeVar("_Function", bound=Callable[..., Any])

_WITH_KERNELS = ("irac", "photometry")


def stamp_of(rooms: Path) -> str:
    """Tell what is compiled by a hash of its sources.

    Parameters
    ----------
    rooms : pathlib.Path
        The package.

    Returns
    -------
    str
        Another one where any module with compiled functions has changed.
    """
    found = hashlib.sha256()
    own = Path(__file__).name
    measuring = (path for room in _WITH_KERNELS for path in sorted((rooms / room).glob("*.py")))
    for path in (rooms / own, *measuring):
        source = path.read_bytes()
        if path.name == own or b"iracdb.compiled import" in source:
            found.update(path.name.encode() + b"\0" + source)
    return found.hexdigest()


_STAMP = stamp_of(Path(__file__).parent)


def compiled(function: _Function) -> _Function:
    """Compile a function when it is first called, and keep the result on disk.

    It is kept in the folder that NUMBA_CACHE_DIR names, else beside the source, else in the
    user's own cache. Where none of them can be written, each process compiles anew.

    Nothing is reordered or fused by the compiler, so that blocks and widths of vectors make no
    difference. Sine, cosine and arcsine are the system's library's, whose last bit may be another
    elsewhere: what compiled a run is told by its software.

    Parameters
    ----------
    function : callable
        Of arrays and numbers.

    Returns
    -------
    callable
        That does the same.
    """
    try:
        made = njit(cache=True, error_model="numpy")(function)
    except RuntimeError:
        # There is no place for a cache.
        return cast(_Function, njit(error_model="numpy")(function))
    # numba looks at the function's own file alone, and would go on with what was compiled of
    # another that it calls.
    kept: Any = getattr(getattr(made, "_cache", None), "_cache_file", None)
    if hasattr(kept, "_source_stamp"):
        kept._source_stamp = _STAMP
    return cast(_Function, made)


def inlined(function: _Function) -> _Function:
    """Compile a function into those that call it.

    Parameters
    ----------
    function : callable
        Of numbers.

    Returns
    -------
    callable
        That does the same, for compiled functions.
    """
    return cast(_Function, njit(inline="always", error_model="numpy")(function))


def _shift_to_exponent(_context: Any, _number: Any) -> Any:
    """Move the low eleven bits of a double to where its exponent is."""

    def build(_: Any, builder: Any, __: Any, arguments: Any) -> Any:
        integer = ir.IntType(64)
        bits = builder.shl(builder.bitcast(arguments[0], integer), ir.Constant(integer, 52))
        return builder.bitcast(bits, ir.DoubleType())

    return types.float64(types.float64), build


_shifted_to_exponent: Any = intrinsic(_shift_to_exponent)

_TO_INTEGER = 6755399441055744.0
"""1.5 x 2^52: added to a small number, it leaves the nearest integer in the low bits."""

_LOG2_E = 1.4426950408889634
_LN2_HIGH, _LN2_LOW = 0.693147180369123816490, 1.90821492927058770002e-10
"""The logarithm of 2 in two parts, the first with zeros at its end."""

# The polynomial of degree 11 that is exp at the Chebyshev nodes of [-ln(2)/2, ln(2)/2].
_C0, _C1, _C2, _C3 = 1.0, 1.0, 0.5000000000000019, 0.1666666666666668
_C4, _C5, _C6 = 0.04166666666648809, 0.008333333333319601, 0.0013888888952315155
_C7, _C8, _C9 = 0.00019841269890047406, 2.480148548192088e-05, 2.7557240918265525e-06
_C10, _C11 = 2.7632639789868395e-07, 2.5110037721946562e-08


@inlined
def exp_of_negative(q: float) -> float:
    """Take the exponential of a number that is not above zero, for several at once.

    Parameters
    ----------
    q : float
        Zero or less, or not above 700; below -708 it counts as -708. NaN stays NaN.

    Returns
    -------
    float
        Within 5e-16 of it, relatively, and the same bits on every machine: the one of the C
        library is neither, and cannot be taken of four numbers in one instruction.
    """
    q = max(q, -708.0)
    shifted = q * _LOG2_E + _TO_INTEGER
    n = shifted - _TO_INTEGER
    r = (q - n * _LN2_HIGH) - n * _LN2_LOW
    r2 = r * r
    low = (_C0 + _C1 * r) + r2 * (_C2 + _C3 * r)
    middle = (_C4 + _C5 * r) + r2 * (_C6 + _C7 * r)
    high = (_C8 + _C9 * r) + r2 * (_C10 + _C11 * r)
    polynomial = low + r2 * r2 * (middle + r2 * r2 * high)
    scale: float = _shifted_to_exponent(shifted + 1023.0)
    return polynomial * scale
