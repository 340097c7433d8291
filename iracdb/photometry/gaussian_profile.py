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


_FARTHEST = 300.0
"""Exponent up to which a box is laid down by ratios: all its numbers are far from underflow."""


@compiled
def evaluate(
    values: FloatArray,
    held: FloatArray,
    rows: int,
    p: FloatArray,
    profile: FloatArray,
    residuals: FloatArray,
) -> float:
    """Lay down profile and residuals (model minus image), and sum their squares.

    Parameters
    ----------
    values, held : numpy.ndarray
        The box in `lines_of` lines of `LANES`, each the row that `row_of` tells: 0 and 0 where a
        pixel has no value, else its value and 1.
    rows : int
        How many rows it has.
    p : numpy.ndarray
        Amplitude, x, y, the two sigmas and the angle of the first of them (6,), in pixels from
        the box's first.
    profile, residuals : numpy.ndarray
        Filled, like the box.

    Returns
    -------
    float
        The sum; not finite where the parameters are beyond all bounds.
    """
    cos, sin = math.cos(p[5]), math.sin(p[5])
    half_u, half_v = math.sqrt(0.5) / p[3], math.sqrt(0.5) / p[4]
    ux, uy, vx, vy = cos * half_u, sin * half_u, -sin * half_v, cos * half_v
    x, y, amplitude = p[1], p[2], p[0]
    # Few loops, long ones, of one kind each and over few arrays: so they are compiled to run over
    # several pixels.
    if _farthest(ux, uy, vx, vy, x, y, rows) <= _FARTHEST:
        _lay_by_ratios(ux, uy, vx, vy, x, y, rows, profile, residuals)
    else:
        _lay_directly(ux, uy, vx, vy, x, y, rows, profile)
    cells = LANES * lines_of(rows)
    for i in range(cells):
        profile[i] *= held[i]
    for i in range(cells):
        residuals[i] = amplitude * profile[i] - values[i]
    return _sum_of_squares(residuals, cells)


@compiled
def lines_of(rows: int) -> int:
    """Tell how many lines a box is laid into.

    Parameters
    ----------
    rows : int
        How many rows the box has.

    Returns
    -------
    int
        As many, or one more where they are odd.
    """
    return 2 * (rows - rows // 2)


@compiled
def row_of(line: int, rows: int) -> int:
    """Tell which row of the box stands in a line.

    Parameters
    ----------
    line : int
        From 0: rows upwards and downwards from the middle one take turns.
    rows : int
        How many rows the box has.

    Returns
    -------
    int
        The row; -1 for the last line of an odd box, which holds nothing.
    """
    return rows // 2 + line // 2 if line % 2 == 0 else rows // 2 - 1 - line // 2


@compiled
def _farthest(ux: float, uy: float, vx: float, vy: float, x: float, y: float, rows: int) -> float:
    """Give the largest exponent of the box, which is at one of its corners; NaN where it is."""
    farthest = 0.0
    for j in (0, rows - 1):
        for i in (0, LANES - 1):
            u, v = ux * (i - x) + uy * (j - y), vx * (i - x) + vy * (j - y)
            exponent = u * u + v * v
            farthest = exponent if not exponent <= farthest else farthest
    return farthest


@compiled
def _lay_directly(
    ux: float, uy: float, vx: float, vy: float, x: float, y: float, rows: int, profile: FloatArray
) -> None:
    """Lay down the Gaussian, an exponential a pixel."""
    lines = lines_of(rows)
    for line in range(lines):
        d = row_of(line, rows) - y
        for i in range(LANES):
            u, v = ux * (i - x) + uy * d, vx * (i - x) + vy * d
            profile[LANES * line + i] = -(u * u + v * v)
    for i in range(LANES * lines):
        profile[i] = exp_of_negative(profile[i])


@compiled
def _lay_by_ratios(
    ux: float,
    uy: float,
    vx: float,
    vy: float,
    x: float,
    y: float,
    rows: int,
    profile: FloatArray,
    ratios: FloatArray,
) -> None:
    """Lay down the Gaussian, with exponentials for the two middle rows alone.

    From there a pixel is to the one before it, upwards or downwards, as a ratio that itself
    changes by one factor from row to row.
    """
    xy, yy, d = 2.0 * (ux * uy + vx * vy), uy * uy + vy * vy, rows // 2 - y
    for i in range(LANES):
        u, v = ux * (i - x) + uy * d, vx * (i - x) + vy * d
        profile[i] = -(u * u + v * v)
    for i in range(LANES):
        u, v = ux * (i - x) + uy * (d - 1.0), vx * (i - x) + vy * (d - 1.0)
        profile[LANES + i] = -(u * u + v * v)
    for i in range(LANES):
        ratios[i] = -(xy * (i - x) + yy * (2.0 * d + 1.0))
    for i in range(LANES):
        ratios[LANES + i] = xy * (i - x) + yy * (2.0 * d - 3.0)
    for i in range(2 * LANES):
        profile[i] = exp_of_negative(profile[i])
    for i in range(2 * LANES):
        ratios[i] = exp_of_negative(ratios[i])
    factor = exp_of_negative(-2.0 * yy)
    others = LANES * (lines_of(rows) - 2)
    for i in range(others):
        ratios[i + 2 * LANES] = ratios[i] * factor
    for i in range(others):
        profile[i + 2 * LANES] = profile[i] * ratios[i]


@compiled
def _sum_of_squares(values: FloatArray, cells: int) -> float:
    """Sum squares in sixteen strands, and these halves upon halves."""
    s0 = s1 = s2 = s3 = s4 = s5 = s6 = s7 = s8 = s9 = 0.0
    s10 = s11 = s12 = s13 = s14 = s15 = 0.0
    for i in range(0, cells, 16):
        s0 += values[i] * values[i]
        s1 += values[i + 1] * values[i + 1]
        s2 += values[i + 2] * values[i + 2]
        s3 += values[i + 3] * values[i + 3]
        s4 += values[i + 4] * values[i + 4]
        s5 += values[i + 5] * values[i + 5]
        s6 += values[i + 6] * values[i + 6]
        s7 += values[i + 7] * values[i + 7]
        s8 += values[i + 8] * values[i + 8]
        s9 += values[i + 9] * values[i + 9]
        s10 += values[i + 10] * values[i + 10]
        s11 += values[i + 11] * values[i + 11]
        s12 += values[i + 12] * values[i + 12]
        s13 += values[i + 13] * values[i + 13]
        s14 += values[i + 14] * values[i + 14]
        s15 += values[i + 15] * values[i + 15]
    low = ((s0 + s8) + (s4 + s12)) + ((s2 + s10) + (s6 + s14))
    return low + (((s1 + s9) + (s5 + s13)) + ((s3 + s11) + (s7 + s15)))


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
    for line in range(lines_of(rows)):
        d = row_of(line, rows) - y
        for i in range(LANES):
            p = profile[LANES * line + i]
            t, g = p * p, p * residuals[LANES * line + i]
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
    for line in range(lines_of(rows)):
        j = row_of(line, rows)
        for i in range(LANES):
            at = profile[LANES * line + i]
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
                gradient[a] += row[a] * residuals[LANES * line + i]
                for b in range(6):
                    matrix[a, b] += row[a] * row[b]
