"""Tables of 2018 as values: column by column, every cell read, or refused with file and line.

Columns are read at once: whether a column's numbers are printed in the shortest exact form is
one comparison with how Python prints the list of them.
"""

from __future__ import annotations

import csv
import io
import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from iracdb.errors import InputRefused
from iracdb.export.csv_tables import cell_text
from iracdb.layouts import MISSING_TEXT, Column, Layout
from iracdb.runs.coordinates import parse_coordinate


@dataclass(frozen=True)
class PrintedTable:
    """A table as values, and the cells that their values would not print as.

    Parameters
    ----------
    columns : tuple of Column
        Of the layout.
    values : dict
        Plain values of each column by its key, in the order of the rows; None for ``nan``.
    cells : dict
        What was printed, by (row from 1, title), where the value alone would print otherwise.
    """

    columns: tuple[Column, ...]
    values: dict[str, list[Any]]
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
            In the order of the rows; not to be changed.
        """
        return self.values[key]

    def row(self, index: int) -> dict[str, Any]:
        """Give one row.

        Parameters
        ----------
        index : int
            From 0.

        Returns
        -------
        dict
            Values by the keys of the columns.
        """
        return {key: values[index] for key, values in self.values.items()}


@dataclass(frozen=True)
class Sheet:
    """The cells of a file as texts.

    Parameters
    ----------
    name : str
        Of the file.
    titles : list of str
        Its first line.
    columns : list of sequence of str
        What stands below each title.
    """

    name: str
    titles: list[str]
    columns: list[Sequence[str]]


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
    lines = text.split("\n")
    if len(lines) == 1:
        raise InputRefused(f"{name}, line 1: no rows stand below the titles")
    if '"' in text:
        return _quoted_sheet(lines, name)
    titles = lines[0].split(",")
    between = len(titles) - 1
    for number, line in enumerate(lines, start=1):
        if line.count(",") != between:
            raise InputRefused(_wrong_length(name, number, line.count(",") + 1, between + 1))
    cells = ",".join(lines[1:]).split(",")
    return Sheet(name, titles, [cells[place :: between + 1] for place in range(between + 1)])


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
    columns: list[Sequence[str]] = list(zip(*rows[1:], strict=True))
    return Sheet(name, rows[0], columns)


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
            column.key: _column(column, layout, texts, cells)
            for column, texts in zip(columns, sheet.columns, strict=True)
        }
    except ValueError:
        raise InputRefused(_bad_cell(columns, sheet, layout)) from None
    return PrintedTable(columns, values, cells)


def _column(
    column: Column, layout: Layout, texts: Sequence[str], cells: dict[tuple[int, str], str]
) -> list[Any]:
    """Read a column at once; cell by cell where one is not printed as its value prints."""
    read = _reader(column, layout)
    if column.key.startswith("flag:"):
        letters = {layout.no: False, layout.yes: True}
        if not set(texts) <= set(letters):
            raise ValueError
        return [letters[text] for text in texts]
    if column.form == "text":
        return [read(text) for text in texts] if column.key in _TEXT_READERS else list(texts)
    plain: list[Any] = list(map(float if column.form == "float" else int, texts))
    printed = ", ".join(texts)
    usual = "inf" not in printed and "-0.0" not in texts
    if column.form == "integer":
        usual = min(plain) > -(2**63) and max(plain) < 2**63
    if usual and repr(plain) == f"[{printed}]":
        return [None if value != value else value for value in plain]
    values = [read(text) for text in texts]
    for number, (value, text) in enumerate(zip(values, texts, strict=True), start=1):
        if cell_text(column.form, value) != text:
            cells[number, column.title] = text
    return values


def _bad_cell(columns: Sequence[Column], sheet: Sheet, layout: Layout) -> str:
    """Name the first cell that cannot be read."""
    readers = [_reader(column, layout) for column in columns]
    for number, line in enumerate(zip(*sheet.columns, strict=True), start=2):
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
