"""A Gaussian on the pixels of a box: its residuals, and what their least squares needs of them.

All terms of the normal equations are moments of the squared profile in x and y about the centre,
since each derivative of the Gaussian is the profile times a polynomial of degree two.
"""

from __future__ import annotations

import math

import numpy as np

from iracdb.compiled import compiled, exp_of_negative
from iracdb.photometry.centres import FloatArray

LANES = 16
"""Columns that a box's row is filled up to: sums run over sixteen columns side by side, in an
order that does not depend on the processor."""

_LONGEST = 30.0
"""Ratio of the sigmas beyond which moments about x and y lose digits when they are turned."""


@compiled
def evaluate(
    values: FloatArray,
    held: FloatArray,
    rows: int,
    p: FloatArray,
    profile: FloatArray,
    residuals: FloatArray,
    sums: FloatArray,
) -> float:
    """Lay down profile and residuals (model minus image), and sum their squares.

    Parameters
    ----------
    values, held : numpy.ndarray
        The box in rows of `LANES`: 0 and 0 where a pixel has no value, else its value and 1.
    rows : int
        How many rows it has.
    p : numpy.ndarray
        Amplitude, x, y, the two sigmas and the angle of the first of them (6,), in pixels from
        the box's first.
    profile, residuals : numpy.ndarray
        Filled, like the box.
    sums : numpy.ndarray
        Room for `LANES` numbers.

    Returns
    -------
    float
        The sum; not finite where the parameters are beyond all bounds.
    """
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
    sums[:LANES] = 0.0
    for j in range(rows):
        for i in range(LANES):
            sums[i] += residuals[LANES * j + i] * residuals[LANES * j + i]
    return _sum_lanes(sums)


@compiled
def _sum_lanes(sums: FloatArray) -> float:
    """Sum sixteen numbers, halves upon halves."""
    for half in (8, 4, 2, 1):
        for i in range(half):
            sums[i] += sums[i + half]
    total: float = sums[0]
    return total


@compiled
def normal_equations(
    rows: int,
    p: FloatArray,
    profile: FloatArray,
    residuals: FloatArray,
    sums: FloatArray,
    matrix: FloatArray,
    gradient: FloatArray,
) -> None:
    """Give the Jacobian's products with itself and with the residuals.

    Parameters
    ----------
    rows : int
        How many rows the box has.
    p : numpy.ndarray
        The parameters (6,), as `evaluate` takes them.
    profile, residuals : numpy.ndarray
        As it leaves them.
    sums : numpy.ndarray
        Room for 8 times `LANES` numbers.
    matrix, gradient : numpy.ndarray
        Filled (6, 6) and (6,).
    """
    amplitude, sigma_u, sigma_v = p[0], p[3], p[4]
    ratio = abs(sigma_u / sigma_v)
    if not 1.0 / _LONGEST < ratio < _LONGEST:
        _sum_directly(rows, p, profile, residuals, matrix, gradient)
        return
    cos, sin = math.cos(p[5]), math.sin(p[5])
    _column_sums(rows, p[2], profile, residuals, sums)
    # Moments of the squared profile by powers of x and y: m21 is of x^2 y.
    m00 = m10 = m20 = m30 = m40 = m01 = m11 = m21 = m31 = m02 = m12 = m22 = m03 = m13 = m04 = 0.0
    g00 = g10 = g20 = g01 = g11 = g02 = 0.0
    for i in range(LANES):
        d = i - p[1]
        dd = d * d
        s0, s1, s2 = sums[i], sums[LANES + i], sums[2 * LANES + i]
        s3, s4 = sums[3 * LANES + i], sums[4 * LANES + i]
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
        r0, r1, r2 = sums[5 * LANES + i], sums[6 * LANES + i], sums[7 * LANES + i]
        g00 += r0
        g10 += r0 * d
        g20 += r0 * dd
        g01 += r1
        g11 += r1 * d
        g02 += r2
    # The derivatives in terms of x and y, and of x^2, xy and y^2.
    iu, iv = 1.0 / (sigma_u * sigma_u), 1.0 / (sigma_v * sigma_v)
    cc, ss, cs = cos * cos, sin * sin, cos * sin
    xx, yy = amplitude * (cc * iu + ss * iv), amplitude * (ss * iu + cc * iv)
    xy = amplitude * cs * (iu - iv)
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
def _column_sums(
    rows: int, y: float, profile: FloatArray, residuals: FloatArray, flat: FloatArray
) -> None:
    """Sum each column: profile squared by powers of y to 4, profile times residual to 2."""
    flat[: 8 * LANES] = 0.0
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


@compiled
def _sum_directly(
    rows: int,
    p: FloatArray,
    profile: FloatArray,
    residuals: FloatArray,
    matrix: FloatArray,
    gradient: FloatArray,
) -> None:
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
