"""A comparison as astropy tables, and its rows as plain values."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import astropy.units as u
import numpy as np
from astropy.table import Column, QTable, Table

from iracdb.compare.made_by import MadeBy
from iracdb.compare.matching import AverageKey, ImageKey
from iracdb.compare.parts import ColumnPair, Part
from iracdb.compare.values import OUTCOMES, in_errors

Key = ImageKey | AverageKey


def part_table(part: Part, a: Any, b: Any) -> QTable:
    """Make a table of matched rows.

    Parameters
    ----------
    part : Part
        Images or averages.
    a, b : Row
        The runs, of the table ``run``.

    Returns
    -------
    astropy.table.QTable
        What each row is about and what it comes to; then, by column that both runs tell, both
        values, their difference, the relative change, the units in the last place, and for the
        flux the change in units of both errors.
    """
    pairs = part.matched.pairs
    keys = [part.keys_a[index] for index, _ in pairs]
    table = QTable(meta={"a": a.name, "b": b.name, "a_run_id": a.run_id, "b_run_id": b.run_id})
    for title, cells in _identities(keys).items():
        table[title] = cells
    table["row_a"] = np.array([key.row_number for key in keys], dtype=np.int64)
    table["row_b"] = np.array([part.keys_b[index].row_number for _, index in pairs], dtype=np.int64)
    table["outcome"] = Column([OUTCOMES[code] for code in part.outcome], dtype="U13")
    for name, pair in part.columns.items():
        _add(table, name, pair)
    if "error" in part.columns and "flux" in part.columns:
        flux, error = part.columns["flux"].numbers, part.columns["error"]
        if flux is not None:
            table["flux_in_errors"] = in_errors(flux.difference, error.a, error.b)
    return table


def _add(table: QTable, name: str, pair: ColumnPair) -> None:
    unit = None if pair.column.unit is None else u.Unit(pair.column.unit)
    for side, values in (("a", pair.a), ("b", pair.b)):
        table[f"{name}_{side}"] = _with(values, unit) if pair.numbers else _cells(values)
    if pair.numbers is not None:
        table[f"{name}_difference"] = _with(pair.numbers.difference, unit)
        table[f"{name}_relative"] = pair.numbers.relative
        table[f"{name}_ulps"] = pair.numbers.ulps


def _with(values: Any, unit: u.UnitBase | None) -> Any:
    return values if unit is None else u.Quantity(values, unit, copy=False)


def _cells(values: Any) -> Any:
    if values.dtype == bool:
        return values
    return Column(["" if value is None else str(value) for value in values], dtype=str)


def _identities(keys: Sequence[Any]) -> dict[str, Any]:
    """Tell what rows are about."""
    found = {
        "aorkey": np.array([key.aorkey for key in keys], dtype=np.int64),
        "target": Column([key.target.name for key in keys], dtype=str),
    }
    if keys and isinstance(keys[0], ImageKey):
        times = [np.nan if key.frame.mjd is None else key.frame.mjd for key in keys]
        found["mjd"] = u.Quantity(np.array(times), u.day)
        found["frame_id"] = np.array([key.frame.number for key in keys], dtype=np.int64)
        found["plane"] = np.array([key.plane for key in keys], dtype=np.int64)
    return found


def only_table(part: Part, a: Any, b: Any) -> Table:
    """Make a table of the rows that one run has alone.

    Parameters
    ----------
    part : Part
        Images or averages.
    a, b : Row
        The runs, of the table ``run``.

    Returns
    -------
    astropy.table.Table
        Run, row, and what each is about; those of the first run first.
    """
    sides = ((a.name, part.keys_a, part.matched.only_a), (b.name, part.keys_b, part.matched.only_b))
    alone = [(name, keys[index]) for name, keys, indices in sides for index in indices]
    table = QTable()
    table["run"] = Column([name for name, _ in alone], dtype=str)
    table["row"] = np.array([key.row_number for _, key in alone], dtype=np.int64)
    for title, cells in _identities([key for _, key in alone]).items():
        table[title] = cells
    return table


def parameters_table(made_by: MadeBy) -> Table:
    """Make a table of the parameters that differ.

    Parameters
    ----------
    made_by : MadeBy
        What made two runs, compared.

    Returns
    -------
    astropy.table.Table
        Name, value in each run as text, what it can have moved, and why.
    """
    rows = [
        (each.name, str(each.a), str(each.b), each.moves, each.sentence)
        for each in made_by.parameters
    ]
    names = ("name", "a", "b", "moves", "why")
    return Table(rows=rows or None, names=names, dtype=["U64"] * 5 if not rows else None)
