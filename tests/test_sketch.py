"""A small light curve in text: every point is where it belongs, and every number is told."""

from __future__ import annotations

import math
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from iracdb_cli.sketch import ROWS, WIDTH, sketch

numbers = st.floats(allow_nan=True, allow_infinity=True, width=32) | st.none()


def dots(lines: list[str]) -> list[tuple[int, int]]:
    """Where a braille picture has dots, (column, row from above), by Unicode's numbering."""
    found = []
    places = {
        0: (0, 0),
        1: (0, 1),
        2: (0, 2),
        3: (1, 0),
        4: (1, 1),
        5: (1, 2),
        6: (0, 3),
        7: (1, 3),
    }
    for row, line in enumerate(lines):
        start = re.search("[┤│]", line).end()  # type: ignore[union-attr]
        for place, character in enumerate(line[start:]):
            code = ord(character) - 0x2800
            if 0 <= code < 256:
                for bit, (x, y) in places.items():
                    if code >> bit & 1:
                        found.append((2 * place + x, 4 * row + y))
    return sorted(found)


def test_points_are_where_they_belong() -> None:
    times, values = [0.0, 1.0, 2.0, 3.0, 4.0], [10.0, 20.0, 30.0, 20.0, 10.0]
    lines = sketch(times, values, width=40, rows=5)
    found = dots(lines[:5])
    assert len(found) == 5
    columns = 40 - len("30.0 ") - 1
    assert [x for x, _ in found] == [round(i / 4 * (2 * columns - 1)) for i in range(5)]
    assert [y for _, y in found] == [19, 10, 0, 10, 19] or [y for _, y in found] == [
        19,
        9,
        0,
        9,
        19,
    ]


def test_ranges_are_told() -> None:
    lines = sketch([55041.25, 58347.5], [638.5, 651.25], time_name="MJD (UTC)")
    assert len(lines) == ROWS + 2
    assert [
        float(label) for label in re.findall(r"^ *(\S+) ┤", "\n".join(lines), re.MULTILINE)
    ] == [pytest.approx(value, abs=0.06) for value in (651.25, 644.875, 638.5)]
    assert lines[-1].split("MJD (UTC)")[0].strip() == "55041.2"
    assert lines[-1].split("MJD (UTC)")[1].strip() == "58347.5"
    short = sketch([2456248.61, 2456248.72], [1.0, 2.0])
    assert short[-1].split() == ["2456248.61", "2456248.72"]


def test_what_lies_far_is_told_and_does_not_flatten_the_rest() -> None:
    values = [100 + 0.1 * (i % 7) for i in range(60)]
    values[20], values[40], values[41] = 900.0, -5.0, 2.0
    lines = sketch(list(range(60)), values)
    assert lines[0].count("▲") == 1 and lines[ROWS - 1].count("▼") == 2
    assert lines[-1].strip() == "3 of 60 values lie beyond, at ▲ and ▼"
    assert float(lines[0].split()[0]) == pytest.approx(100.6)
    one = sketch(list(range(60)), [*values[:40], *values[42:], 100.1, 100.2])
    assert one[-1].strip().startswith("1 of 60 value lies beyond")


def test_without_other_characters_than_ascii() -> None:
    lines = sketch([0, 1, 1, 1, 1, 1, 2], [1, 2, 2, 2, 2, 2, 3], plain=True, width=40)
    text = "\n".join(lines)
    assert text.isascii()
    assert text.count("#") == 1, "many in one cell"
    assert text.count(".") >= 2


@pytest.mark.parametrize("plain", [False, True])
def test_the_missions_are_told_apart_where_there_is_room(plain: bool) -> None:
    times = [0.0, 10.0, 40.0, 90.0, 100.0]
    lines = sketch(times, [1, 2, 3, 2, 1], divided=(50, "cryogenic", "warm"), plain=plain)
    (names,) = (line for line in lines if "cryogenic" in line)
    bar = "┊" if not plain else ":"
    place = lines[0].index(bar)
    assert all(line[place] == bar for line in lines[1:ROWS] if len(line) > place)
    assert lines[ROWS][place] == ("┴" if not plain else "+")
    assert names.index("cryogenic") + len("cryogenic") < place < names.index("warm")
    crowded = sketch(times, [1, 2, 3, 2, 1], divided=(99.5, "cryogenic", "warm"), plain=plain)
    assert "cryogenic" not in "\n".join(crowded)
    outside = sketch(times, [1, 2, 3, 2, 1], divided=(500.0, "cryogenic", "warm"), plain=plain)
    assert "warm" not in "\n".join(outside)


def test_nothing_to_draw() -> None:
    assert sketch([], []) == []
    assert sketch([1.0, None, math.nan], [math.nan, 2.0, 3.0]) == []


def test_one_point_and_equal_points() -> None:
    assert len(dots(sketch([5.0], [7.0])[:ROWS])) == 1
    assert len(dots(sketch([1.0, 2.0], [7.0, 7.0])[:ROWS])) == 2
    assert len(dots(sketch([1.0, 2.0], [0.0, 0.0])[:ROWS])) == 2


@given(
    st.lists(st.tuples(numbers, numbers), max_size=30),
    st.integers(min_value=40, max_value=WIDTH),
    st.booleans(),
)
def test_whatever_comes_it_is_no_wider(
    points: list[tuple[float | None, float | None]], width: int, plain: bool
) -> None:
    lines = sketch([t for t, _ in points], [v for _, v in points], width=width, plain=plain)
    known = [
        v for t, v in points
        if t is not None and v is not None and math.isfinite(t) and math.isfinite(v)
    ]  # fmt: skip
    assert bool(lines) == bool(known)
    for line in lines:
        assert line == line.rstrip()
        assert not plain or line.isascii()
    for line in lines[: ROWS + 1]:
        assert len(line) <= width
