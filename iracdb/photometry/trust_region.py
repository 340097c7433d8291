"""One step of Levenberg and Marquardt for six parameters: as long as it is trusted."""

from __future__ import annotations

import math

from iracdb.compiled import compiled
from iracdb.photometry.centres import FloatArray

_DWARF = 2.2250738585072014e-308


@compiled
def _decompose(matrix: FloatArray, par: float, factor: FloatArray) -> bool:
    """Give Cholesky's lower factor of matrix + par; a parameter without effect has a zero.

    On its diagonal stand the reciprocals, since one division takes as long as many products. Tell
    whether all have an effect.
    """
    whole = True
    for j in range(6):
        for i in range(j, 6):
            total = matrix[i, j]
            if i == j:
                total += par
            for k in range(j):
                total -= factor[i, k] * factor[j, k]
            if i == j:
                if not total > 1e-15 * (matrix[j, j] + par):
                    whole = False
                    for low in range(j, 6):
                        factor[low, j] = 0.0
                    break
                factor[j, j] = 1.0 / math.sqrt(total)
            else:
                factor[i, j] = total * factor[j, j]
    return whole


@compiled
def _forward(factor: FloatArray, right: FloatArray, solution: FloatArray) -> None:
    for i in range(6):
        total = right[i]
        for k in range(i):
            total -= factor[i, k] * solution[k]
        solution[i] = total * factor[i, i]


@compiled
def _solve(factor: FloatArray, right: FloatArray, solution: FloatArray) -> float:
    """Solve by a factor, and give the solution's length."""
    _forward(factor, right, solution)
    length = 0.0
    for i in range(5, -1, -1):
        total = solution[i]
        for k in range(i + 1, 6):
            total -= factor[k, i] * solution[k]
        solution[i] = total * factor[i, i]
        length += solution[i] * solution[i]
    return math.sqrt(length)


@compiled
def _newton(factor: FloatArray, step: FloatArray, length: float, turned: FloatArray) -> float:
    """Give the squared length of the step's direction, seen through the factor."""
    _forward(factor, step, turned)
    total = 0.0
    for i in range(6):
        total += (turned[i] / length) ** 2
    return total


@compiled
def trust_region(
    scaled: FloatArray,
    right: FloatArray,
    delta: float,
    par: float,
    step: FloatArray,
    factor: FloatArray,
    turned: FloatArray,
) -> float:
    """Find the damping with which a step is as long as the trust region, within a tenth.

    The whole step of Gauss and Newton is taken where it is not longer.

    Parameters
    ----------
    scaled, right : numpy.ndarray
        Matrix (6, 6) and right-hand side (6,) of the normal equations, each parameter in its own
        scale.
    delta : float
        Size of the trust region.
    par : float
        The damping of the step before.
    step : numpy.ndarray
        Filled with the step (6,), uphill and scaled.
    factor, turned : numpy.ndarray
        Room for (6, 6) and (6,) numbers.

    Returns
    -------
    float
        The damping; 0 for the whole step.

    Notes
    -----
    The search of MINPACK's lmpar (Moré 1978), with Cholesky's factor in place of QR's.
    """
    whole = _decompose(scaled, 0.0, factor)
    length = _solve(factor, right, step)
    excess = length - delta
    if excess <= 0.1 * delta:
        return 0.0
    low = excess / delta / _newton(factor, step, length, turned) if whole else 0.0
    gradient = 0.0
    for i in range(6):
        gradient += right[i] * right[i]
    gradient = math.sqrt(gradient)
    high = gradient / delta
    if high == 0.0:
        high = _DWARF / min(delta, 0.1)
    par = min(max(par, low), high)
    if par == 0.0:
        par = gradient / length
    for _ in range(10):
        if par == 0.0:
            par = max(_DWARF, 0.001 * high)
        _decompose(scaled, par, factor)
        length = _solve(factor, right, step)
        before, excess = excess, length - delta
        if abs(excess) <= 0.1 * delta or (low == 0.0 and excess <= before < 0.0):
            break
        correction = excess / delta / _newton(factor, step, length, turned)
        if excess > 0.0:
            low = max(low, par)
        elif excess < 0.0:
            high = min(high, par)
        par = max(low, par + correction)
    return par
