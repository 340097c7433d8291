"""The compiled least squares behind `iracdb.photometry.gaussian_centre`.

Levenberg-Marquardt as in MINPACK (Moré 1978): the same scaling, trust region and ends, so that a
start leads to the minimum that MINPACK finds from it. Each step is solved by the normal equations
instead of a QR decomposition. All their terms are moments of the squared profile in x and y about
the centre, since each derivative of the Gaussian is the profile times a polynomial of degree two.
"""

from __future__ import annotations

import math

import numpy as np

from iracdb.compiled import compiled, exp_of_negative
from iracdb.photometry.centres import FloatArray

LANES = 16
"""Columns that a box's row is filled up to: sums run over sixteen columns side by side, in an
order that does not depend on the processor."""

_FACTOR = 100.0
_MACHINE = 2.220446049250313e-16
_DWARF = 2.2250738585072014e-308
_LONGEST = 30.0
"""Ratio of the sigmas beyond which moments about x and y lose digits when they are turned."""


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
    cells = 2 * half_box * LANES
    values, held = np.empty(cells), np.empty(cells)
    work = np.empty((4, cells))
    first, p, best = np.empty(6), np.empty(6), np.empty(6)
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
        _descend(values, held, rows, first, tolerance, max_evaluations, work)
        best_sum, best_converged = np.nan, False
        for turn in turns:
            p[:] = first
            p[5] += turn
            residual_sum, converged = _descend(
                values, held, rows, p, tolerance, max_evaluations, work
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
        if not math.isnan(best_sum):
            found[k, :6] = best
            found[k, 1] += x0
            found[k, 2] += y0
            found[k, 6] = best_sum
    return found


@compiled
def _cut(image, x0, x1, y0, y1, values, held):  # type: ignore[no-untyped-def]
    """Lay a box into rows of sixteen; what has no value is zero and not held. Count the held."""
    count = 0
    values[:] = 0.0
    held[:] = 0.0
    for j in range(y1 - y0):
        for i in range(x1 - x0):
            value = image[y0 + j, x0 + i]
            if math.isfinite(value):
                values[LANES * j + i] = value
                held[LANES * j + i] = 1.0
                count += 1
    return count


@compiled
def _descend(values, held, rows, p, tolerance, max_evaluations, work):  # type: ignore[no-untyped-def]
    """Descend from `p`, and leave there where it ended. Give residual sum and whether it is one."""
    profile, residuals, next_profile, next_residuals = work[0], work[1], work[2], work[3]
    matrix, scaled, factor = np.empty((6, 6)), np.empty((6, 6)), np.empty((6, 6))
    gradient, scale, step, trial = np.empty(6), np.zeros(6), np.empty(6), np.empty(6)
    right, turned = np.empty(6), np.empty(6)
    total = _evaluate(values, held, rows, p, profile, residuals)
    evaluations, first = 1, True
    delta, par = 0.0, 0.0
    size = 0.0
    if not math.isfinite(total):
        return total, False
    while True:
        _normal_equations(held, rows, p, profile, residuals, matrix, gradient)
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
            par = _trust_region(scaled, right, delta, par, step, factor, turned)
            # `step` is scaled, and points uphill.
            length = 0.0
            for i in range(6):
                length += step[i] * step[i]
                trial[i] = p[i] - step[i] / scale[i]
            length = math.sqrt(length)
            if first:
                delta = min(delta, length)
            next_total = _evaluate(values, held, rows, trial, next_profile, next_residuals)
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
            small = abs(actual) <= tolerance and predicted <= tolerance and ratio <= 2.0
            if small or delta <= tolerance * size:
                return total, True
            if evaluations >= max_evaluations:
                return total, False
            if delta <= _MACHINE * size or steepest <= _MACHINE:
                return total, True
            if not total > 0.0 or not math.isfinite(delta):
                return total, total == 0.0


@compiled
def _evaluate(values, held, rows, p, profile, residuals):  # type: ignore[no-untyped-def]
    """Lay down profile and residuals (model minus image) at `p`, and sum their squares."""
    cos, sin = math.cos(p[5]), math.sin(p[5])
    half_u, half_v = math.sqrt(0.5) / p[3], math.sqrt(0.5) / p[4]
    ux, uy, vx, vy = cos * half_u, sin * half_u, -sin * half_v, cos * half_v
    x, y, amplitude = p[1], p[2], p[0]
    # Loops of one kind each, over few arrays: so they are compiled to run over several pixels.
    for j in range(rows):
        u_j, v_j = uy * (j - y), vy * (j - y)
        for i in range(LANES):
            u, v = ux * (i - x) + u_j, vx * (i - x) + v_j
            profile[LANES * j + i] = -(u * u + v * v)
    cells = LANES * rows
    for i in range(cells):
        profile[i] = exp_of_negative(profile[i])
    for i in range(cells):
        profile[i] *= held[i]
    for i in range(cells):
        residuals[i] = amplitude * profile[i] - values[i]
    sums = np.zeros(LANES)
    for j in range(rows):
        for i in range(LANES):
            sums[i] += residuals[LANES * j + i] * residuals[LANES * j + i]
    return _sum_lanes(sums)


@compiled
def _sum_lanes(sums):  # type: ignore[no-untyped-def]
    """Sum sixteen numbers, halves upon halves."""
    for half in (8, 4, 2, 1):
        for i in range(half):
            sums[i] += sums[i + half]
    return sums[0]


@compiled
def _normal_equations(held, rows, p, profile, residuals, matrix, gradient):  # type: ignore[no-untyped-def]
    """Give the Jacobian's product with itself and with the residuals."""
    amplitude, sigma_u, sigma_v = p[0], p[3], p[4]
    ratio = abs(sigma_u / sigma_v)
    if not 1.0 / _LONGEST < ratio < _LONGEST:
        _sum_directly(rows, p, profile, residuals, matrix, gradient)
        return
    cos, sin = math.cos(p[5]), math.sin(p[5])
    columns = _column_sums(rows, p[2], profile, residuals)
    # Moments of the squared profile by powers of x and y: m21 is of x^2 y.
    m00 = m10 = m20 = m30 = m40 = m01 = m11 = m21 = m31 = m02 = m12 = m22 = m03 = m13 = m04 = 0.0
    g00 = g10 = g20 = g01 = g11 = g02 = 0.0
    for i in range(LANES):
        d = i - p[1]
        dd = d * d
        s0, s1, s2, s3, s4 = columns[0, i], columns[1, i], columns[2, i], columns[3, i], columns[4, i]
        m00 += s0
        m10 += s0 * d
        m20 += s0 * dd
        m30 += s0 * dd * d
        m40 += s0 * dd * dd
        m01 += s1
        m11 += s1 * d
        m21 += s1 * dd
        m31 += s1 * dd * d
        m02 += s2
        m12 += s2 * d
        m22 += s2 * dd
        m03 += s3
        m13 += s3 * d
        m04 += s4
        r0, r1, r2 = columns[5, i], columns[6, i], columns[7, i]
        g00 += r0
        g10 += r0 * d
        g20 += r0 * dd
        g01 += r1
        g11 += r1 * d
        g02 += r2
    # The derivatives in terms of x and y, and of x^2, xy and y^2.
    iu, iv = 1.0 / (sigma_u * sigma_u), 1.0 / (sigma_v * sigma_v)
    cc, ss, cs = cos * cos, sin * sin, cos * sin
    xx, xy, yy = amplitude * (cc * iu + ss * iv), amplitude * cs * (iu - iv), amplitude * (ss * iu + cc * iv)
    by_u, by_v, by_angle = amplitude * iu / sigma_u, amplitude * iv / sigma_v, amplitude * (iv - iu)
    u20, u11, u02 = by_u * cc, by_u * 2.0 * cs, by_u * ss
    v20, v11, v02 = by_v * ss, -by_v * 2.0 * cs, by_v * cc
    # Exactly zero for a circle, which has no angle.
    t20, t11, t02 = -by_angle * cs, by_angle * (cc - ss), by_angle * cs
    matrix[0, 0] = m00
    matrix[0, 1] = xx * m10 + xy * m01
    matrix[0, 2] = xy * m10 + yy * m01
    matrix[0, 3] = u20 * m20 + u11 * m11 + u02 * m02
    matrix[0, 4] = v20 * m20 + v11 * m11 + v02 * m02
    matrix[0, 5] = t20 * m20 + t11 * m11 + t02 * m02
    matrix[1, 1] = xx * xx * m20 + 2.0 * xx * xy * m11 + xy * xy * m02
    matrix[1, 2] = xx * xy * m20 + (xx * yy + xy * xy) * m11 + xy * yy * m02
    matrix[2, 2] = xy * xy * m20 + 2.0 * xy * yy * m11 + yy * yy * m02
    gradient[0] = g00
    gradient[1] = xx * g10 + xy * g01
    gradient[2] = xy * g10 + yy * g01
    gradient[3] = u20 * g20 + u11 * g11 + u02 * g02
    gradient[4] = v20 * g20 + v11 * g11 + v02 * g02
    gradient[5] = t20 * g20 + t11 * g11 + t02 * g02
    for row in range(3):
        if row == 0:
            a, b, c = u20, u11, u02
        elif row == 1:
            a, b, c = v20, v11, v02
        else:
            a, b, c = t20, t11, t02
        along_x = a * m30 + b * m21 + c * m12
        along_y = a * m21 + b * m12 + c * m03
        matrix[1, 3 + row] = xx * along_x + xy * along_y
        matrix[2, 3 + row] = xy * along_x + yy * along_y
        q20 = a * m40 + b * m31 + c * m22
        q11 = a * m31 + b * m22 + c * m13
        q02 = a * m22 + b * m13 + c * m04
        if row == 0:
            matrix[3, 3] = u20 * q20 + u11 * q11 + u02 * q02
        if row <= 1:
            matrix[3 + row, 4] = v20 * q20 + v11 * q11 + v02 * q02
        matrix[3 + row, 5] = t20 * q20 + t11 * q11 + t02 * q02
    for i in range(6):
        # A derivative that is almost nothing may come out below it.
        matrix[i, i] = max(matrix[i, i], 0.0)
        for j in range(i):
            matrix[i, j] = matrix[j, i]


@compiled
def _column_sums(rows, y, profile, residuals):  # type: ignore[no-untyped-def]
    """Sum each column: profile squared by powers of y to 4, profile times residual to 2."""
    sums = np.zeros((8, LANES))
    flat = sums.reshape(8 * LANES)
    for j in range(rows):
        d = j - y
        for i in range(LANES):
            p = profile[LANES * j + i]
            t, g = p * p, p * residuals[LANES * j + i]
            flat[i] += t
            t *= d
            flat[LANES + i] += t
            t *= d
            flat[2 * LANES + i] += t
            t *= d
            flat[3 * LANES + i] += t
            t *= d
            flat[4 * LANES + i] += t
            flat[5 * LANES + i] += g
            g *= d
            flat[6 * LANES + i] += g
            g *= d
            flat[7 * LANES + i] += g
    return sums


@compiled
def _sum_directly(rows, p, profile, residuals, matrix, gradient):  # type: ignore[no-untyped-def]
    """Do the same pixel by pixel, for a Gaussian that is long and thin."""
    amplitude, sigma_u, sigma_v = p[0], p[3], p[4]
    cos, sin = math.cos(p[5]), math.sin(p[5])
    iu, iv = 1.0 / (sigma_u * sigma_u), 1.0 / (sigma_v * sigma_v)
    row = np.empty(6)
    matrix[:] = 0.0
    gradient[:] = 0.0
    for j in range(rows):
        for i in range(LANES):
            at = profile[LANES * j + i]
            if at == 0.0:
                continue
            dx, dy = i - p[1], j - p[2]
            u, v = cos * dx + sin * dy, cos * dy - sin * dx
            model = amplitude * at
            to_u, to_v = model * u * iu, model * v * iv
            row[0] = at
            row[1] = to_u * cos - to_v * sin
            row[2] = to_u * sin + to_v * cos
            row[3] = to_u * u / sigma_u
            row[4] = to_v * v / sigma_v
            row[5] = model * u * v * (iv - iu)
            for a in range(6):
                gradient[a] += row[a] * residuals[LANES * j + i]
                for b in range(6):
                    matrix[a, b] += row[a] * row[b]


@compiled
def _length(scale, p):  # type: ignore[no-untyped-def]
    total = 0.0
    for i in range(6):
        total += (scale[i] * p[i]) ** 2
    return math.sqrt(total)


@compiled
def _decompose(matrix, par, factor):  # type: ignore[no-untyped-def]
    """Give Cholesky's lower factor of matrix + par; a parameter without effect has a zero.

    Tell whether all have an effect.
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
                factor[j, j] = math.sqrt(total)
            else:
                factor[i, j] = total / factor[j, j]
    return whole


@compiled
def _forward(factor, right, solution):  # type: ignore[no-untyped-def]
    for i in range(6):
        total = right[i]
        for k in range(i):
            total -= factor[i, k] * solution[k]
        solution[i] = total / factor[i, i] if factor[i, i] > 0.0 else 0.0


@compiled
def _solve(factor, right, solution):  # type: ignore[no-untyped-def]
    """Solve by a factor, and give the solution's length."""
    _forward(factor, right, solution)
    length = 0.0
    for i in range(5, -1, -1):
        total = solution[i]
        for k in range(i + 1, 6):
            total -= factor[k, i] * solution[k]
        solution[i] = total / factor[i, i] if factor[i, i] > 0.0 else 0.0
        length += solution[i] * solution[i]
    return math.sqrt(length)


@compiled
def _newton(factor, step, length, turned):  # type: ignore[no-untyped-def]
    """Give the squared length of the step's direction, seen through the factor."""
    _forward(factor, step, turned)
    total = 0.0
    for i in range(6):
        total += (turned[i] / length) ** 2
    return total


@compiled
def _trust_region(scaled, right, delta, par, step, factor, turned):  # type: ignore[no-untyped-def]
    """Find the damping with which a step is as long as the trust region, within a tenth.

    The whole step of Gauss and Newton is taken where it is not longer. Leaves the step, and gives
    the damping.
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
