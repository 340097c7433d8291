"""CSV in a published layout: floats in the shortest exact form, ``nan``, ``--``."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from typing import Any

from iracdb.layouts import MISSING_TEXT, Column


def csv_text(columns: Sequence[Column], rows: Iterable[tuple[Any, ...]]) -> str:
    """Write a table as CSV.

    Parameters
    ----------
    columns : sequence of Column
        Of a layout.
    rows : iterable of tuple
        Cells in the order of the columns; None where there is no value.

    Returns
    -------
    str
        With a title line, lines ended by a newline.
    """
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow([column.title for column in columns])
    forms = [column.form for column in columns]
    for row in rows:
        writer.writerow([cell_text(form, cell) for form, cell in zip(forms, row, strict=True)])
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
