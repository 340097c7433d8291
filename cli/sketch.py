"""A small picture of numbers against time, in text."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence

WIDTH = 70
"""Columns, at most."""

ROWS = 9
"""Lines of the picture itself."""

_SIGMAS = 6.0
"""So many robust standard deviations from the median are shown; what lies beyond is told of."""

_SIGMA_OF_MAD = 1.4826
_BLANK = 0x2800
_DOTS = ((0x01, 0x08), (0x02, 0x10), (0x04, 0x20), (0x40, 0x80))
"""Dots of a braille character, row by row; each character is two dots wide and four high."""

_PLAIN = " .:*#"
_MARKS = {True: ("▲", "▼"), False: ("^", "v")}
_FRAME = {True: ("┤", "│", "└", "─", "┬"), False: ("+", "|", "+", "-", "+")}
_DIVIDED = {True: ("┊", "┴"), False: (":", "+")}


def sketch(
    times: Sequence[float | None],
    values: Sequence[float | None],
    *,
    time_name: str = "",
    divided: tuple[float, str, str] | None = None,
    plain: bool = False,
    width: int = WIDTH,
    rows: int = ROWS,
) -> list[str]:
    """Draw numbers against time with characters.

    Parameters
    ----------
    times : sequence of float or None
        Days; None or NaN where not known.
    values : sequence of float or None
        One for each time; None or NaN where there is none.
    time_name : str, optional
        What the times are, as told below them.
    divided : tuple, optional
        A time, and the names of what is before it and after: a line is drawn there where both
        names have room.
    plain : bool, optional
        Use ASCII alone, rather than braille and lines.
    width : int, optional
        Columns, at most; from 30.
    rows : int, optional
        Lines of the picture; from 2.

    Returns
    -------
    list of str
        Lines without blanks at their ends; empty where there is nothing to draw. The range shown
        is that of the values, at most six robust standard deviations from their median: what
        lies beyond is drawn at the edge as a mark, and counted in a line.
    """
    points = [
        (float(time), float(value))
        for time, value in zip(times, values, strict=True)
        if time is not None and value is not None and math.isfinite(time) and math.isfinite(value)
    ]
    if not points:
        return []
    low, high = _range([value for _, value in points])
    labels = _labels(low, high, rows)
    margin = max(len(label) for label in labels) + 1
    columns = width - margin - 1
    first, last = min(points)[0], max(points)[0]
    picture, beyond = _picture(points, (first, last), (low, high), (columns, rows), plain)
    tick, side, corner, floor, mark = _FRAME[not plain]
    lines = [
        f"{label.rjust(margin - 1)} {tick if label else side}{text}".rstrip()
        for label, text in zip(labels, picture, strict=True)
    ]
    bottom = f"{mark}{floor * (columns - 2)}{mark}"
    place, names = _division(divided, (first, last), columns)
    if names:
        upright, foot = _DIVIDED[not plain]
        bottom = f"{bottom[:place]}{foot}{bottom[place + 1 :]}"
        cut = margin + 1 + place
        for index in range(len(lines) - rows, len(lines)):
            line = lines[index].ljust(cut + 1)
            if line[cut] == " ":
                lines[index] = f"{line[:cut]}{upright}{line[cut + 1 :]}".rstrip()
    lines.append(f"{' ' * margin}{corner}{bottom}")
    if names:
        lines.append(f"{' ' * (margin + 1)}{names}")
    lines.append(_time_line(first, last, time_name, margin + 1, columns))
    if beyond:
        lies = "value lies" if beyond == 1 else "values lie"
        lines.append(
            f"{' ' * margin} {beyond:,} of {len(points):,} {lies} beyond, at "
            f"{' and '.join(_MARKS[not plain])}"
        )
    return lines


def _range(values: Sequence[float]) -> tuple[float, float]:
    """Choose what is shown: all, but for what lies far from the median."""
    middle = statistics.median(values)
    sigma = _SIGMA_OF_MAD * statistics.median(abs(value - middle) for value in values)
    near = [value for value in values if abs(value - middle) <= _SIGMAS * sigma] if sigma else []
    low, high = min(near or values), max(near or values)
    if low == high:
        room = abs(low) * 0.01 or 1.0
        return low - room, high + room
    return low, high


def _labels(low: float, high: float, rows: int) -> list[str]:
    """Label the first, the middle and the last line with digits enough to tell them apart."""
    decimals = max(0, min(9, 2 - math.floor(math.log10(high - low))))
    step = (high - low) / (rows - 1)
    told = {0, rows // 2, rows - 1}
    values = [high - step * row for row in range(rows)]
    fixed = [f"{value:.{decimals}f}" if row in told else "" for row, value in enumerate(values)]
    if max(map(len, fixed)) <= _LONGEST:
        return fixed
    return [f"{value:.4g}" if row in told else "" for row, value in enumerate(values)]


_LONGEST = 12
"""A label; a longer one is written with an exponent."""


def _picture(
    points: Sequence[tuple[float, float]],
    times: tuple[float, float],
    values: tuple[float, float],
    size: tuple[int, int],
    plain: bool,
) -> tuple[list[str], int]:
    """Put every point into its cell; tell how many lie beyond the range."""
    columns, rows = size
    across, down = (1, 1) if plain else (2, 4)
    (first, last), (low, high) = times, values
    counted: dict[tuple[int, int], int] = {}
    marks: dict[tuple[int, int], str] = {}
    above, below = _MARKS[not plain]
    beyond = 0
    for time, value in points:
        share = (time - first) / (last - first) if last > first else 0.5
        x = round(share * (columns * across - 1))
        if not low <= value <= high:
            beyond += 1
            over = value > high
            marks[0 if over else rows - 1, x // across] = above if over else below
            continue
        y = round((high - value) / (high - low) * (rows * down - 1))
        cell = y // down, x // across
        if plain:
            counted[cell] = counted.get(cell, 0) + 1
        else:
            counted[cell] = counted.get(cell, 0) | _DOTS[y % down][x % across]
    lines = []
    for row in range(rows):
        cells = (
            marks.get((row, place)) or _cell(counted.get((row, place), 0), plain)
            for place in range(columns)
        )
        lines.append("".join(cells).rstrip())
    return lines, beyond


def _cell(content: int, plain: bool) -> str:
    if plain:
        return _PLAIN[min(content, len(_PLAIN) - 1)]
    return chr(_BLANK + content) if content else " "


def _division(
    divided: tuple[float, str, str] | None, times: tuple[float, float], columns: int
) -> tuple[int, str]:
    """Find the column at which the picture is divided, and write the names beside it."""
    first, last = times
    if divided is None or not first < divided[0] < last:
        return 0, ""
    time, before, after = divided
    place = round((time - first) / (last - first) * (columns - 1))
    if place < len(before) + 1 or columns - place < len(after) + 2:
        return 0, ""
    return place, f"{before.rjust(place - 1)}   {after}"


def _time_line(first: float, last: float, name: str, margin: int, columns: int) -> str:
    """Write the first and the last time below their ends, and between them what they are."""
    decimals = max(1, min(6, 1 - math.floor(math.log10(last - first)))) if last > first else 1
    start, end = f"{first:.{decimals}f}", f"{last:.{decimals}f}"
    between = columns - len(start) - len(end)
    middle = name if len(name) + 2 <= between else ""
    return f"{' ' * margin}{start}{middle.center(between)}{end}".rstrip()
