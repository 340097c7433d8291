"""Tables of 2018 as values: column by column, every cell read, or refused with file and line."""

from __future__ import annotations

import csv
import io
import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from iracdb.errors import InputRefused
from iracdb.export.csv_tables import cell_text
from iracdb.layouts import MISSING_TEXT, Column, Layout
from iracdb.published.grid import Grid
from iracdb.published.numerals import read_floats, read_integers
from iracdb.runs.coordinates import parse_coordinate


@dataclass(frozen=True)
class PrintedTable:
    """A table as values, and the cells that their values would not print as.

    Parameters
    ----------
    columns : tuple of Column
        Of the layout.
    values : dict
        Values of each column by its key, in the order of the rows: an array of numbers (NaN for
        ``nan``) or of flags, a list of texts.
    cells : dict
        What was printed, by (row from 1, title), where the value alone would print otherwise.
    """

    columns: tuple[Column, ...]
    values: dict[str, NDArray[Any] | list[str]]
    cells: dict[tuple[int, str], str]

    def __len__(self) -> int:
        return len(next(iter(self.values.values())))

    def column(self, key: str) -> list[Any]:
        """List the values of one column.

        Parameters
        ----------
        key : str
            The column's key.

        Returns
        -------
        list
            Plain values in the order of the rows; None for ``nan``.
        """
        values = self.values[key]
        return values if isinstance(values, list) else plain_values(values)

    def array(self, key: str) -> NDArray[Any]:
        """Give the numbers or flags of one column.

        Parameters
        ----------
        key : str
            The column's key.

        Returns
        -------
        numpy.ndarray
            In the order of the rows, NaN for ``nan``; not to be changed.
        """
        return np.asarray(self.values[key])


def plain_values(values: NDArray[Any]) -> list[Any]:
    """Make plain values of an array.

    Parameters
    ----------
    values : numpy.ndarray
        Numbers or flags.

    Returns
    -------
    list
        None for NaN.
    """
    plain: list[Any] = values.tolist()
    if values.dtype.kind == "f":
        for row in np.flatnonzero(np.isnan(values)).tolist():
            plain[row] = None
    return plain


@dataclass(frozen=True)
class Sheet:
    """A file cut into cells.

    Parameters
    ----------
    name : str
        Of the file.
    titles : list of str
        Its first line.
    grid : Grid
        The cells below them.
    """

    name: str
    titles: list[str]
    grid: Grid


def read_sheet(text: str, name: str) -> Sheet:
    """Cut a file into cells.

    Parameters
    ----------
    text : str
        All of it but the last line's end.
    name : str
        Of the file, for messages.

    Returns
    -------
    Sheet
        Its cells.

    Raises
    ------
    InputRefused
        Where a row is too short or too long, there is none, or quotes stand where the export would
        write none.
    """
    first, newline, below = text.partition("\n")
    if not newline:
        raise InputRefused(f"{name}, line 1: no rows stand below the titles")
    if '"' in text:
        return _quoted_sheet(text.split("\n"), name)
    titles = first.split(",")
    try:
        return Sheet(name, titles, Grid.of_lines(below, len(titles)))
    except ValueError:
        for number, line in enumerate(below.split("\n"), start=2):
            if line.count(",") != len(titles) - 1:
                found = _wrong_length(name, number, line.count(",") + 1, len(titles))
                raise InputRefused(found) from None
        raise


def _quoted_sheet(lines: list[str], name: str) -> Sheet:
    """Read lines with quotes; where the export would quote otherwise, refuse."""
    try:
        rows = list(csv.reader(lines))
    except csv.Error as problem:
        raise InputRefused(f"{name}: {problem}") from None
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    for number, (line, row) in enumerate(zip(lines, rows, strict=False), start=1):
        if len(row) != len(rows[0]):
            raise InputRefused(_wrong_length(name, number, len(row), len(rows[0])))
        if '"' in line:
            out.seek(0)
            out.truncate()
            writer.writerow(row)
            if out.getvalue() != f"{line}\n":
                raise InputRefused(f"{name}, line {number}: quotes stand where none are needed")
    cells = [cell for row in rows[1:] for cell in row]
    return Sheet(name, rows[0], Grid.of_cells(cells, len(rows[0])))


def _wrong_length(name: str, number: int, cells: int, wanted: int) -> str:
    return f"{name}, line {number}: {cells} cells, not {wanted}"


def read_table(columns: tuple[Column, ...], sheet: Sheet, layout: Layout) -> PrintedTable:
    """Read cells as the values that a layout says they are.

    Parameters
    ----------
    columns : tuple of Column
        Of the layout.
    sheet : Sheet
        With these columns.
    layout : Layout
        Whose flags have letters.

    Returns
    -------
    PrintedTable
        Values, and the cells that print otherwise.

    Raises
    ------
    InputRefused
        Where a cell is not what its column says, with file and line.
    """
    cells: dict[tuple[int, str], str] = {}
    try:
        values = {
            column.key: _column(column, layout, sheet.grid, place, cells)
            for place, column in enumerate(columns)
        }
    except ValueError:
        raise InputRefused(_bad_cell(columns, sheet, layout)) from None
    return PrintedTable(columns, values, cells)


def _column(
    column: Column, layout: Layout, grid: Grid, place: int, cells: dict[tuple[int, str], str]
) -> NDArray[Any] | list[str]:
    """Read a column at once, and one by one the cells that may print otherwise than their value."""
    if column.key.startswith("flag:"):
        return _flags(grid, place, layout)
    read = _reader(column, layout)
    if column.form == "text":
        texts = grid.texts(place)
        return [read(text) for text in texts] if column.key in _TEXT_READERS else texts
    values, doubtful = (read_floats if column.form == "float" else read_integers)(grid, place)
    for row in doubtful.tolist():
        text = grid.text(row, place)
        value = read(text)
        values[row] = math.nan if value is None else value
        if cell_text(column.form, value) != text:
            cells[row + 1, column.title] = text
    return values


def _flags(grid: Grid, place: int, layout: Layout) -> NDArray[np.bool_]:
    letters = grid.letters(place)
    is_set: NDArray[np.bool_] = letters == ord(layout.yes)
    if not (is_set | (letters == ord(layout.no))).all():
        raise ValueError
    return is_set


def _bad_cell(columns: Sequence[Column], sheet: Sheet, layout: Layout) -> str:
    """Name the first cell that cannot be read."""
    readers = [_reader(column, layout) for column in columns]
    texts = [sheet.grid.texts(place) for place in range(len(columns))]
    for number, line in enumerate(zip(*texts, strict=True), start=2):
        for column, read, cell in zip(columns, readers, line, strict=True):
            try:
                read(cell)
            except ValueError as problem:
                return f"{sheet.name}, line {number}: {column.title} is {cell!r}: {problem}"
    return f"{sheet.name} cannot be read"


def _reader(column: Column, layout: Layout) -> Callable[[str], Any]:
    if column.key.startswith("flag:"):
        return _one_of(layout.no, layout.yes)
    if column.key in _TEXT_READERS:
        return _TEXT_READERS[column.key]
    forms: dict[str, Callable[[str], Any]] = {"integer": _integer, "float": _float, "text": str}
    return forms[column.form]


def _one_of(*words: str) -> Callable[[str], str]:
    def read(cell: str) -> str:
        if cell not in words:
            raise ValueError(f"not {' or '.join(words)}")
        return cell

    return read


def _matching(pattern: str, wanted: str) -> Callable[[str], str]:
    matches = re.compile(pattern).fullmatch

    def read(cell: str) -> str:
        if matches(cell) is None:
            raise ValueError(f"not {wanted}")
        return cell

    return read


@cache
def _position(cell: str) -> str:
    parse_coordinate(cell)
    return cell


# Texts that are kept as something else than text: only what comes back as it was.
_NUMBER = r"(?:0|[1-9][0-9]{0,8})"
_TEXT_READERS: dict[str, Callable[[str], str]] = {
    "cycling": _one_of("YES", "NO"),
    "dither_position": _matching(
        f"{MISSING_TEXT}|0|-?[1-9][0-9]{{0,8}}", f"a number or {MISSING_TEXT}"
    ),
    "workable_total": _matching(f"{_NUMBER}/{_NUMBER}", "two numbers such as 5/10"),
    "target_text": _position,
}


def _integer(cell: str) -> int:
    if re.fullmatch(r"[+-]?[0-9]+", cell) is None:
        raise ValueError("no whole number")
    value = int(cell)
    if abs(value) >= 2**63:
        raise ValueError("too large")
    return value


def _float(cell: str) -> float | None:
    if cell == "nan":
        return None
    value = float(cell)
    if not math.isfinite(value) or cell != cell.strip() or "_" in cell:
        raise ValueError("no number that a table of 2018 prints")
    return value + 0.0
