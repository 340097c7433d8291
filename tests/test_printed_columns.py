"""Tables written by columns are, to the byte, those that were written cell by cell."""

from __future__ import annotations

import csv
import io
import math
import random
import struct
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from iracdb.export.csv_tables import csv_content, csv_text
from iracdb.export.printed_numbers import PAD, float_words, integer_words, joined, text_words
from iracdb.layouts import LAYOUTS, Column
from iracdb.runs.coded import Coded, plain
from iracdb.runs.stored_columns import _array, _gathered, _order, _ordered


def one_by_one(words: NDArray[np.uint32]) -> list[str]:
    return [joined(row[None]).decode() for row in words]


def assert_as_repr(numbers: Sequence[float]) -> None:
    assert one_by_one(float_words(np.array(numbers, float), ",")) == [f",{n!r}" for n in numbers]


# --- Numbers -------------------------------------------------------------------------------------

ODD = [0.0, -0.0, math.inf, -math.inf, 5e-324, -5e-324, 2.2250738585072014e-308,
       1.7976931348623157e308, -1.2345678901234567e-300, 1e16, 9999999999999998.0, 1e22, 1e-4,
       9.999999999999999e-05, 0.0001, 0.00390625, 0.0039062500000000004, 0.003906249999999999, 0.5,
       0.1, 0.3, 1 / 3, 2 / 3, 100.0, 9999.0, 10000.0, 99999999.0, 2.0**52 + 0.5, 2.0**53 - 1,
       2.0**53, 2.0**53 + 2, 4503599627370497.5, 2251799813685249.25, 9007199254740993.0,
       1.0000000000000002, 0.9999999999999999, 123456789.12345679, 54321.00000000001]  # fmt: skip


def test_odd_numbers() -> None:
    assert_as_repr(ODD)
    assert_as_repr([-number for number in ODD])
    assert one_by_one(float_words(np.array([math.nan, -math.nan, 1.0]))) == ["nan", "nan", "1.0"]
    for number in ODD:
        assert_as_repr([number])
    assert float_words(np.empty(0)).shape[0] == 0


def test_powers_of_two_and_what_lies_beside_them() -> None:
    powers = [2.0**exponent for exponent in range(-80, 80)]
    for towards in (0.0, math.inf):
        beside = [math.nextafter(power, towards) for power in powers]
        assert_as_repr([*powers, *beside, *(math.nextafter(one, towards) for one in beside)])


@pytest.mark.parametrize("exponent", range(-4, 17))
def test_numbers_of_every_size_and_length(exponent: int) -> None:
    chance = np.random.default_rng(exponent + 4)
    numbers = 10.0 ** chance.uniform(exponent, exponent + 1, 3000)
    assert_as_repr(numbers.tolist())
    for digits in range(17):
        assert_as_repr([float(f"{number:.{digits}e}") for number in numbers[:200]])


def test_numbers_between_two_decimals() -> None:
    chance = random.Random(7)
    for halvings in range(1, 60):
        least, most = 2 ** max(halvings - 8, 0), 2**53
        numbers = [chance.randrange(least, most) / 2**halvings for _ in range(300)]
        assert_as_repr(numbers)


@given(st.lists(st.integers(0, 2**64 - 1), min_size=1, max_size=50))
@settings(max_examples=200, deadline=None)
def test_any_bits(bits: list[int]) -> None:
    numbers = [struct.unpack("<d", struct.pack("<Q", one))[0] for one in bits]
    assert_as_repr([number for number in numbers if number == number])


def test_whole_numbers() -> None:
    numbers = [0, 1, -1, 9, 10, 9999, -10000, 100_000_000, 10**15, 10**16 - 1, 1 - 10**16]
    assert one_by_one(integer_words(np.array(numbers), ",")) == [f",{n}" for n in numbers]
    for number in numbers:
        assert one_by_one(integer_words(np.array([number]))) == [str(number)]


def test_texts() -> None:
    texts = ["", "a", "abcd", "abcde", "\0", "Å\U0001f52d", "x" * 1000]
    assert one_by_one(text_words(texts)) == texts
    assert PAD not in "".join(texts).encode()


# --- Tables --------------------------------------------------------------------------------------


def cell_by_cell(
    columns: Sequence[Column],
    rows: Sequence[Sequence[Any]],
    printed: Mapping[tuple[int, str], str] | None = None,
) -> str:
    """Write a table as it was written before columns were."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow([column.title for column in columns])
    for number, row in enumerate(rows, start=1):
        line = []
        for column, cell in zip(columns, row, strict=True):
            if cell is None:
                text = "--" if column.form == "text" else "nan"
            else:
                text = repr(float(cell)) if column.form == "float" else str(cell)
            line.append((printed or {}).get((number, column.title), text))
        writer.writerow(line)
    return out.getvalue()


CELLS = {
    "float": st.one_of(st.none(), st.floats(), st.integers(-(2**60), 2**60), st.sampled_from(ODD)),
    "integer": st.one_of(st.none(), st.integers(-(2**63), 2**63 - 1), st.integers(-99999, 99999)),
    "text": st.one_of(
        st.none(), st.text(st.characters(codec="utf-8"), max_size=6),
        st.sampled_from(["", "a,b", 'say "so"', '"', ",", "a\nb", "a\rb", "\r\n", " a ", "nan",
                         "--", "\0", "2002/300, 4"]),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", LAYOUTS)
@pytest.mark.parametrize("which", ["aor", "img"])
@given(data=st.data())
@settings(max_examples=8, deadline=None)
def test_any_table_of_any_layout(name: str, which: str, data: st.DataObject) -> None:
    columns = getattr(LAYOUTS[name], which)
    row = st.tuples(*(CELLS[column.form] for column in columns))
    rows = data.draw(st.lists(row, max_size=6))
    titles = [column.title for column in columns]
    places = st.tuples(st.integers(1, 7), st.sampled_from(titles))
    printed = data.draw(st.dictionaries(places, CELLS["text"].filter(bool), max_size=3))
    assert csv_text(columns, rows) == cell_by_cell(columns, rows)
    assert csv_text(columns, rows, printed) == cell_by_cell(columns, rows, printed)


def test_more_rows_than_are_written_at_once() -> None:
    columns = LAYOUTS["16-14-NY"].img
    chance = random.Random(3)
    rows = [
        (n, *chance.choices("NY", k=5), *(chance.choice([None, *ODD, chance.gauss(9, 5)])
                                          for _ in range(8)))
        for n in range(20_000)
    ]  # fmt: skip
    printed = {(1, "Xc"): "-0", (8193, "Res_Flux"): "1,5", (20_000, "Time[MJD]"): '"'}
    assert csv_text(columns, rows, printed) == cell_by_cell(columns, rows, printed)


def test_columns_as_they_are_read() -> None:
    columns = [column for column in LAYOUTS["16-14-NY"].img if column.key in ("file_number", "x")]
    letters = LAYOUTS["16-14-NY"].img[1]
    written = csv_content(
        [*columns, letters],
        [np.array([3, 1]), np.array([math.nan, -0.0]), Coded(np.array([1, 0]), ["N", "Y"])],
    )
    assert written == b"File#,Xc,Coord Conversion Issue\n3,nan,Y\n1,-0.0,N\n"


# --- Columns -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("form", "parts"),
    [
        ("float", [(1.5, None), (None, None), (2.0, -0.0)]),
        ("integer", [(1, 2), (2**63 - 1, 3)]),
        ("integer", [(1, 2), (None, 3)]),
        ("integer", [(1, True), (None, 0)]),
        ("integer", [(1.5, 2)]),
        ("float", [(1.5, "1"), (2.5, None)]),
        ("float", [(b"1", 1.0)]),
        ("text", [("a", None), ("b", "a")]),
        ("text", [("1", 1)]),
        ("float", []),
        ("text", []),
    ],
)
def test_what_is_read_is_what_is_there(form: Any, parts: list[tuple[Any, ...]]) -> None:
    cells = _gathered(form, [_array(form, part) for part in parts])
    told = [cell for part in parts for cell in part]
    assert list(map(repr, plain(cells))) == list(map(repr, told))
    order = np.arange(len(told))[::-1]
    assert list(map(repr, plain(_ordered(cells, order)))) == list(map(repr, told[::-1]))


def test_rows_are_put_in_order() -> None:
    assert _order(np.array([1, 2, 9])) is None
    assert _order(np.empty(0, int)) is None
    order = _order(np.array([5, 1, 3]))
    assert order is not None
    assert order.tolist() == [1, 2, 0]
