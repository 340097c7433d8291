"""The compiled least squares behind `iracdb.photometry.gaussian_centre`.

Levenberg-Marquardt as in MINPACK (Moré 1978): the same scaling, trust region and ends, so that a
start leads to the minimum that MINPACK finds from it. Each step is solved by the normal equations
instead of a QR decomposition.
"""

from __future__ import annotations

import math

import numpy as np

from iracdb.compiled import compiled
from iracdb.photometry.centres import FloatArray
from iracdb.photometry.gaussian_profile import (
    LANES,
    evaluate,
    lines_of,
    normal_equations,
    row_of,
)
from iracdb.photometry.trust_region import trust_region

_Room = tuple[FloatArray, FloatArray, FloatArray, FloatArray, FloatArray, FloatArray]
"""Values, what is held, work for four boxes, sums, vectors and matrices of six."""

_FACTOR = 100.0
_MACHINE = 2.220446049250313e-16
_NEAR, _NEAR_SUM = 1e-3, 1e-6
"""Pixels, and shares, within which a descent has reached a minimum that is known."""
_SETTLED = 1e-13
"""Share by which a descent may still go down from its own end, and that be the lowest point."""


@compiled
def fit_block(
    images: FloatArray,
    x: FloatArray,
    y: FloatArray,
    half_box: int,
    fewest_pixels: int,
    start: FloatArray,
    turns: FloatArray,
    tolerance: float,
    max_evaluations: int,
) -> FloatArray:
    """Fit each image of a block alone, from the first start and then from turned ones.

    Parameters
    ----------
    images : numpy.ndarray
        Block of images (n, ny, nx); pixels that are not finite are left out.
    x, y : numpy.ndarray
        Expected positions (n,) in pixels; NaN asks for nothing.
    half_box : int
        Half of the box's width, 8 at most.
    fewest_pixels : int
        How many of its pixels must be finite.
    start : numpy.ndarray
        Amplitude and the two sigmas that the first descent starts with (3,).
    turns : numpy.ndarray
        Angles by which its result is turned for the starts that follow.
    tolerance : float
        Relative, of the sum of squares and of the parameters.
    max_evaluations : int
        Of the residuals, in one descent.

    Returns
    -------
    numpy.ndarray
        Amplitude, x, y, the two sigmas, the angle of the first and the residual sum of the best
        (n, 7); NaN where there is none.
    """
    n, ny, nx = images.shape
    found = np.full((n, 7), np.nan)
    cells = LANES * lines_of(2 * half_box)
    values, held = np.empty(cells), np.empty(cells)
    work, sums = np.empty((4, cells)), np.empty(8 * LANES)
    small, matrices = np.empty((6, 6)), np.empty((3, 6, 6))
    first, p, best, nothing = np.empty(6), np.empty(6), np.empty(6), np.full(6, np.nan)
    room = (values, held, work, sums, small, matrices)
    for k in range(n):
        x_k, y_k = x[k], y[k]
        if not (abs(x_k) <= 1e9 and abs(y_k) <= 1e9):
            continue
        # `int` cuts towards zero.
        x0, x1 = int(x_k - half_box), int(x_k + half_box)
        y0, y1 = int(y_k - half_box), int(y_k + half_box)
        if x0 < 0 or y0 < 0 or x1 > nx or y1 > ny:
            continue
        rows = y1 - y0
        if _cut(images[k], x0, x1, y0, y1, values, held) < fewest_pixels:
            continue
        first[0], first[1], first[2] = start[0], x_k - x0, y_k - y0
        first[3], first[4], first[5] = start[1], start[2], 0.0
        first_sum, _ = _descend(room, rows, first, tolerance, max_evaluations, nothing, np.nan)
        best_sum, best_converged, known_sum = np.nan, False, np.nan
        for turn in turns:
            p[:] = first
            p[5] += turn
            residual_sum, converged = _descend(
                room, rows, p, tolerance, max_evaluations, best, known_sum
            )
            if not (math.isfinite(residual_sum) and np.all(np.isfinite(p))):
                continue
            if converged == best_converged:
                better = not residual_sum >= best_sum  # the first is better than none
            else:
                better = converged or math.isnan(best_sum)
            if better:
                best[:] = p
                best_sum, best_converged = residual_sum, converged
            # Where the first end was not yet the lowest point, every descent goes all the way.
            settled = best_converged and first_sum - best_sum <= _SETTLED * best_sum
            known_sum = best_sum if settled else np.nan
        if not math.isnan(best_sum):
            found[k, :6] = best
            found[k, 1] += x0
            found[k, 2] += y0
            found[k, 6] = best_sum
    return found


@compiled
def _cut(
    image: FloatArray, x0: int, x1: int, y0: int, y1: int, values: FloatArray, held: FloatArray
) -> int:
    """Lay a box into lines of sixteen; what has no value is zero and not held. Count the held."""
    count = 0
    values[:] = 0.0
    held[:] = 0.0
    rows = y1 - y0
    for line in range(lines_of(rows)):
        j = row_of(line, rows)
        if j < 0:
            continue
        for i in range(x1 - x0):
            value = image[y0 + j, x0 + i]
            if math.isfinite(value):
                values[LANES * line + i] = value
                held[LANES * line + i] = 1.0
                count += 1
    return count


@compiled
def _descend(  # noqa: C901 - one algorithm, its branches those of its description
    room: _Room,
    rows: int,
    p: FloatArray,
    tolerance: float,
    max_evaluations: int,
    known: FloatArray,
    known_sum: float,
) -> tuple[float, bool]:
    """Descend from `p`, and leave there where it ended. Give residual sum and whether it is one.

    It ends early where it comes down into the minimum that is known.
    """
    values, held, work, sums, small, matrices = room
    profile, residuals, next_profile, next_residuals = work[0], work[1], work[2], work[3]
    matrix, scaled, factor = matrices[0], matrices[1], matrices[2]
    gradient, scale, step, trial = small[0], small[1], small[2], small[3]
    right, turned = small[4], small[5]
    scale[:] = 0.0
    total = evaluate(values, held, rows, p, profile, residuals)
    evaluations, first = 1, True
    delta, par = 0.0, 0.0
    size = 0.0
    if not math.isfinite(total):
        return total, False
    while True:
        normal_equations(rows, p, profile, residuals, sums, matrix, gradient)
        steepest = 0.0
        norm = math.sqrt(total)
        for i in range(6):
            length = math.sqrt(matrix[i, i])
            if total > 0.0 and length > 0.0:
                steepest = max(steepest, abs(gradient[i]) / (norm * length))
            if first and length == 0.0:
                length = 1.0
            scale[i] = max(scale[i], length)
        if first:
            size = _length(scale, p)
            delta = _FACTOR * size if size > 0.0 else _FACTOR
        if not steepest > 0.0:
            return total, True
        for i in range(6):
            right[i] = gradient[i] / scale[i]
            for j in range(6):
                scaled[i, j] = matrix[i, j] / (scale[i] * scale[j])
        accepted = False
        while not accepted:
            par = trust_region(scaled, right, delta, par, step, factor, turned)
            # `step` is scaled, and points uphill.
            length = 0.0
            for i in range(6):
                length += step[i] * step[i]
                trial[i] = p[i] - step[i] / scale[i]
            length = math.sqrt(length)
            if first:
                delta = min(delta, length)
            next_total = evaluate(values, held, rows, trial, next_profile, next_residuals)
            evaluations += 1
            # The relative reduction of the sum: actual, predicted, and their ratio.
            actual = 1.0 - next_total / total if 0.01 * next_total < total else -1.0
            linear = 0.0
            for i in range(6):
                for j in range(6):
                    linear += step[i] * scaled[i, j] * step[j]
            linear /= total
            damping = par * length * length / total
            predicted = linear + 2.0 * damping
            slope = -(linear + damping)
            ratio = actual / predicted if predicted != 0.0 else 0.0
            if not ratio > 0.25:
                shrink = 0.5 if actual >= 0.0 else 0.5 * slope / (slope + 0.5 * actual)
                if not 0.01 * next_total < total or shrink < 0.1:
                    shrink = 0.1
                delta = shrink * min(delta, 10.0 * length)
                par /= shrink
            elif par == 0.0 or ratio >= 0.75:
                delta = 2.0 * length
                par *= 0.5
            accepted = ratio >= 1e-4
            if accepted:
                p[:] = trial
                size = _length(scale, p)
                total = next_total
                profile, next_profile = next_profile, profile
                residuals, next_residuals = next_residuals, residuals
                first = False
                if _the_same(p, total, known, known_sum):
                    return known_sum, True
            little = abs(actual) <= tolerance and predicted <= tolerance and ratio <= 2.0
            if little or delta <= tolerance * size:
                return total, True
            if evaluations >= max_evaluations:
                return total, False
            if delta <= _MACHINE * size or steepest <= _MACHINE:
                return total, True
            if not total > 0.0 or not math.isfinite(delta):
                return total, total == 0.0


@compiled
def _the_same(p: FloatArray, total: float, known: FloatArray, known_sum: float) -> bool:
    """Tell whether a descent has come so near to a known minimum that it must end there.

    Sum, place, height and shape differ by less than a thousandth of what two minima of one star
    differ by. The shape is compared by what does not change when the axes are exchanged.
    """
    if not abs(total - known_sum) <= _NEAR_SUM * known_sum:
        return False
    if abs(p[1] - known[1]) > _NEAR or abs(p[2] - known[2]) > _NEAR:
        return False
    if abs(p[0] - known[0]) > _NEAR * abs(known[0]):
        return False
    xx, xy, yy = _shape(p)
    known_xx, known_xy, known_yy = _shape(known)
    near = _NEAR * (known_xx + known_yy)
    return abs(xx - known_xx) <= near and abs(xy - known_xy) <= near and abs(yy - known_yy) <= near


@compiled
def _shape(p: FloatArray) -> tuple[float, float, float]:
    """Give the Gaussian's second moments along x and y, and the mixed one."""
    cos, sin = math.cos(p[5]), math.sin(p[5])
    uu, vv = p[3] * p[3], p[4] * p[4]
    return cos * cos * uu + sin * sin * vv, cos * sin * (uu - vv), sin * sin * uu + cos * cos * vv


@compiled
def _length(scale: FloatArray, p: FloatArray) -> float:
    total = 0.0
    for i in range(6):
        total += (scale[i] * p[i]) ** 2
    return math.sqrt(total)
