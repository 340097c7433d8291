"""The rows of a run read as columns, by the driver's own cursor: no object is made of a row."""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Sequence
from contextlib import closing, suppress
from itertools import chain
from types import NoneType
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection

from iracdb.catalogue import views
from iracdb.catalogue.upkeep import span_of_averages
from iracdb.flags import flag_of_column
from iracdb.layouts import CellForm, Column, Layout
from iracdb.runs.coded import Cells, Coded, plain
from iracdb.runs.tables import Which

_ROWS = 2048
"""Rows fetched at once: what is made of them is gone before the next ones need its place."""


def read_columns(
    connection: Connection, run_id: int, which: Which, columns: Sequence[Column], layout: Layout
) -> list[Cells]:
    """Read columns of one of a run's tables, in the order of its rows.

    Parameters
    ----------
    connection : sqlalchemy.Connection
        To a catalogue.
    run_id : int
        The run's number.
    which : {'aor', 'img'}
        The table of averages or of images.
    columns : sequence of Column
        Which ones.
    layout : Layout
        Whose letters flags have.

    Returns
    -------
    list of array, Coded or list
        The cells of each column.
    """
    # Flags are read once, as bits: five letters a row take as long as all its numbers.
    others = [column for column in columns if not _is_flag(column)]
    flags = len(others) < len(columns)
    table = "a" if which == "aor" else "i"
    selected = [f"{table}.row_number", *(views.column_sql(column, layout) for column in others)]
    forms: list[CellForm] = ["integer", *(column.form for column in others)]
    if flags:
        selected.append("i.flags")
        forms.append("integer")
    source = views.AOR_SOURCE if which == "aor" else views.IMG_SOURCE
    listed = " AND a.listed" if which == "aor" else ""
    parts: list[list[Cells]] = [[] for _ in forms]
    # Put in order here: a database would sort whole rows.
    statement = f"SELECT {', '.join(selected)} FROM {source} WHERE a.run_id = {int(run_id)}{listed}"  # noqa: S608
    span = span_of_averages(connection, run_id) if which == "img" else None
    if span is not None:
        statement += f" AND i.aor_result_id BETWEEN {span[0]} AND {span[1]}"
    for rows in _fetched(connection, statement):
        for told, form, cells in zip(parts, forms, zip(*rows, strict=True), strict=True):
            told.append(_array(form, cells))
    gathered = [_gathered(form, told) for form, told in zip(forms, parts, strict=True)]
    order = _order(gathered[0])
    if order is not None:
        gathered = [_ordered(cells, order) for cells in gathered]
    if not flags:
        return gathered[1:]
    bits, codes = np.unique(np.asarray(gathered.pop(), np.int64), return_inverse=True)
    rest = iter(gathered[1:])
    return [
        Coded(codes, _letters(column, bits.tolist(), layout)) if _is_flag(column) else next(rest)
        for column in columns
    ]


def _fetched(connection: Connection, statement: str) -> Iterator[list[tuple[Any, ...]]]:
    # SQLAlchemy's rows take as long to make as the database's own.
    result = connection.exec_driver_sql(statement, execution_options={"no_parameters": True})
    with closing(result):
        cursor: Any = result.cursor
        while rows := cursor.fetchmany(_ROWS):
            yield rows


def _array(form: CellForm, cells: tuple[Any, ...]) -> Cells:
    """Make an array of numbers; leave what is none as it is."""
    if form == "float":
        # The standard library's array takes nothing but numbers, and faster than numpy does.
        with suppress(TypeError):
            return np.frombuffer(array("d", cells), np.float64)
    kinds = set(map(type, cells))
    if form == "integer" and kinds == {int}:
        return np.array(cells, np.int64)
    if form != "float":
        return cells
    if kinds == {NoneType}:
        return np.full(len(cells), np.nan)
    if kinds == {float, NoneType}:
        return np.array(cells, np.float64)  # None becomes NaN
    return cells


def _gathered(form: CellForm, parts: Sequence[Cells]) -> Cells:
    if len(parts) == 1 and isinstance(parts[0], np.ndarray):
        return parts[0]
    arrays = [part for part in parts if isinstance(part, np.ndarray)]
    if len(arrays) == len(parts):
        # Of no rows, too.
        return np.concatenate([np.empty(0, np.float64 if form == "float" else np.int64), *arrays])
    cells = list(chain.from_iterable(map(plain, parts)))
    kinds = set(map(type, cells))
    # Values of several types may be equal, such as 1 and True.
    one_type = kinds <= {str, NoneType} or kinds <= {int, NoneType}
    return Coded.of(cells) if one_type else cells


def _order(row_numbers: Cells) -> NDArray[np.intp] | None:
    numbers = np.asarray(row_numbers)
    if np.all(numbers[1:] > numbers[:-1]):
        return None
    return np.argsort(numbers, kind="stable")


def _ordered(cells: Cells, order: NDArray[np.intp]) -> Cells:
    if isinstance(cells, Coded):
        return Coded(cells.codes[order], cells.values)
    if isinstance(cells, np.ndarray):
        return cells[order]
    return [cells[place] for place in order]


def _is_flag(column: Column) -> bool:
    return column.key.startswith("flag:")


def _letters(column: Column, values: Sequence[int], layout: Layout) -> list[str]:
    bit = flag_of_column(column.key.removeprefix("flag:")).bit
    return [layout.yes if value & bit else layout.no for value in values]
