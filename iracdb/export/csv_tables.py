"""CSV in a published layout: floats in the shortest exact form, ``nan``, ``--``."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from iracdb.layouts import MISSING_TEXT, Column


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
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow([column.title for column in columns])
    forms = [column.form for column in columns]
    printed = _by_row(columns, cells or {})
    for number, row in enumerate(rows, start=1):
        line = [cell_text(form, cell) for form, cell in zip(forms, row, strict=True)]
        for index, text in printed.get(number, ()):
            line[index] = text
        writer.writerow(line)
    return out.getvalue()


def _by_row(
    columns: Sequence[Column], cells: Mapping[tuple[int, str], str]
) -> dict[int, list[tuple[int, str]]]:
    place = {column.title: index for index, column in enumerate(columns)}
    found: dict[int, list[tuple[int, str]]] = {}
    for (number, title), text in cells.items():
        if title in place:
            found.setdefault(number, []).append((place[title], text))
    return found


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
