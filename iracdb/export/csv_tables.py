"""CSV in a published layout: floats in the shortest exact form, ``nan``, ``--``."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from iracdb.export.printed_numbers import (
    MOST_DIGITS,
    Words,
    float_words,
    integer_words,
    joined,
    text_words,
)
from iracdb.layouts import MISSING_TEXT, Column
from iracdb.runs.coded import Cells, Coded, plain

_BLOCK = 8192
"""Rows written at once: so many that arrays stay near the processor."""


def csv_text(
    columns: Sequence[Column],
    rows: Iterable[tuple[Any, ...]],
    cells: Mapping[tuple[int, str], str] | None = None,
) -> str:
    """Write a table as CSV.

    Parameters
    ----------
    columns : sequence of Column
        Of a layout.
    rows : iterable of tuple
        Cells in the order of the columns; None where there is no value.
    cells : mapping, optional
        What to print instead of a value, by (row from 1, title).

    Returns
    -------
    str
        With a title line, lines ended by a newline.
    """
    table: list[Cells] = list(zip(*rows, strict=True)) or [()] * len(columns)
    return csv_content(columns, table, cells).decode()


def csv_content(
    columns: Sequence[Column],
    table: Sequence[Cells],
    cells: Mapping[tuple[int, str], str] | None = None,
) -> bytes:
    """Write the columns of a table as CSV.

    Parameters
    ----------
    columns : sequence of Column
        Of a layout, two or more.
    table : sequence
        The cells of each column, as `iracdb.runs.stored_columns.read_columns` gives them; None,
        and of numbers NaN, where there is no value.
    cells : mapping, optional
        What to print instead of a value, by (row from 1, title).

    Returns
    -------
    bytes
        UTF-8, with a title line, lines ended by a newline.
    """
    printed: dict[str, dict[int, str]] = {}
    for (number, title), text in (cells or {}).items():
        printed.setdefault(title, {})[number - 1] = text
    prepared = [
        _prepared(column, told, printed.get(column.title, {}))
        for column, told in zip(columns, table, strict=True)
    ]
    count = max(map(len, prepared), default=0)
    content = [_line([column.title for column in columns]).encode()]
    end = text_words(["\n"])
    for start in range(0, count, _BLOCK):
        part = slice(start, start + _BLOCK)
        words = [
            _words(column, told, part, "," if place else "")
            for place, (column, told) in enumerate(zip(columns, prepared, strict=True))
        ]
        content.append(joined(np.hstack((*words, np.repeat(end, len(words[0]), axis=0)))))
    return b"".join(content)


_Prepared = Coded | NDArray[Any]


def _prepared(column: Column, cells: Cells, printed: Mapping[int, str]) -> _Prepared:
    """Bring a column into the form that it is written from: texts, or an array of numbers."""
    if printed:
        texts = [cell_text(column.form, cell) for cell in plain(cells)]
        for place, text in printed.items():
            if place < len(texts):
                texts[place] = text
        return Coded.of(texts)
    if isinstance(cells, Coded):
        return Coded(cells.codes, [cell_text(column.form, value) for value in cells.values])
    if column.form == "float":
        return np.array(cells, dtype=np.float64)  # None becomes NaN
    if isinstance(cells, np.ndarray) and np.all(np.abs(cells) < 10**MOST_DIGITS):
        return cells
    return Coded.of([cell_text(column.form, cell) for cell in plain(cells)])


def _words(column: Column, prepared: _Prepared, part: slice, before: str) -> Words:
    if isinstance(prepared, Coded):
        told, codes = np.unique(prepared.codes[part], return_inverse=True)
        return text_words([before + _quoted(prepared.values[code]) for code in told])[codes]
    if column.form == "float":
        return float_words(prepared[part], before)
    return integer_words(prepared[part], before)


def _quoted(text: str) -> str:
    if not any(mark in text for mark in ',"\r\n'):
        return text
    return _line([text, ""]).removesuffix(",\n")


def _line(cells: Sequence[str]) -> str:
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerow(cells)
    return out.getvalue()


def cell_text(form: str, cell: Any) -> str:
    """Write one cell.

    Parameters
    ----------
    form : {'integer', 'float', 'text'}
        Of its column.
    cell : object
        Its value, or None.

    Returns
    -------
    str
        Reads back to the same value, floats to the last bit.
    """
    if cell is None:
        return MISSING_TEXT if form == "text" else "nan"
    return repr(float(cell)) if form == "float" else str(cell)
