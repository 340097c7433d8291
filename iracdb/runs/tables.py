"""A run's tables, from its views: rows for files, astropy tables for people."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any, Literal

import astropy.units as u
import numpy as np
from astropy.table import Column as TableColumn
from astropy.table import MaskedColumn, QTable
from sqlalchemy import Connection, text

from iracdb.catalogue import views
from iracdb.layouts import LAYOUTS, Column, Layout, ucd_of

Which = Literal["aor", "img"]


def columns_of(layout: Layout, which: Which) -> tuple[Column, ...]:
    """List the columns of one of a layout's tables.

    Parameters
    ----------
    layout : Layout
        Of the run.
    which : {'aor', 'img'}
        The table of averages or of images.

    Returns
    -------
    tuple of Column
        In order.
    """
    return layout.aor if which == "aor" else layout.img


def complete_layout(layout: Layout, more: Iterable[Column], which: Which) -> Layout:
    """Add columns to one of a layout's tables.

    Parameters
    ----------
    layout : Layout
        Of a run.
    more : iterable of Column
        To stand after its own.
    which : {'aor', 'img'}
        The table of averages or of images.

    Returns
    -------
    Layout
        Wider.
    """
    if which == "aor":
        return replace(layout, aor=(*layout.aor, *more))
    return replace(layout, img=(*layout.img, *more))


def table_rows(
    connection: Connection, run: Any, which: Which, layout: Layout | None = None
) -> list[tuple[Any, ...]]:
    """Read one of a run's tables, in the order of its rows.

    Parameters
    ----------
    connection : sqlalchemy.Connection
        To a catalogue.
    run : Row
        Of the table ``run``.
    which : {'aor', 'img'}
        The table of averages or of images.
    layout : Layout, optional
        Another than the run's own.

    Returns
    -------
    list of tuple
        The columns of the layout; None where there is no value.
    """
    layout = layout or LAYOUTS[run.layout]
    columns = columns_of(layout, which)
    selected = ", ".join(views.column_sql(column, layout) for column in columns)
    source = views.AOR_SOURCE if which == "aor" else views.IMG_SOURCE
    order = "a.row_number" if which == "aor" else "i.row_number"
    listed = "AND a.listed " if which == "aor" else ""
    statement = f"SELECT {selected} FROM {source} WHERE a.run_id = :run_id {listed}ORDER BY {order}"  # noqa: S608
    return [tuple(row) for row in connection.execute(text(statement), {"run_id": run.run_id})]


def identities(connection: Connection, run: Any, which: Which) -> dict[str, list[Any]]:
    """Tell what each row of a run's table is about, beside the layout's columns.

    Parameters
    ----------
    connection : sqlalchemy.Connection
        To a catalogue.
    run : Row
        Of the table ``run``.
    which : {'aor', 'img'}
        The table of averages or of images.

    Returns
    -------
    dict
        Lists by title: target (and for images AORKEY and file name).
    """
    if which == "aor":
        selected, order, titles = "a.target_name", "a.row_number", ["Target"]
        source = f"{views.AOR_SOURCE} AND a.listed"
    else:
        selected, order = "a.target_name, a.aorkey, f.name", "i.row_number"
        titles = ["Target", "AORKEY", "File"]
        source = views.IMG_SOURCE
    statement = f"SELECT {selected} FROM {source} WHERE a.run_id = :run_id ORDER BY {order}"  # noqa: S608
    rows = connection.execute(text(statement), {"run_id": run.run_id}).all()
    return {title: [row[index] for row in rows] for index, title in enumerate(titles)}


def make_table(
    columns: Sequence[Column], rows: Sequence[tuple[Any, ...]], channel: int, meta: dict[str, Any]
) -> QTable:
    """Make an astropy table with units, descriptions and UCDs.

    Parameters
    ----------
    columns : sequence of Column
        Of a layout.
    rows : sequence of tuple
        Their cells.
    channel : int
        1 to 4; completes the UCDs of flux densities.
    meta : dict
        What the table says of itself.

    Returns
    -------
    astropy.table.QTable
        A column without a unit is a `~astropy.table.Column`, one with a unit a
        `~astropy.units.Quantity`; NaN where there is no value.
    """
    table = QTable(meta=meta)
    for index, column in enumerate(columns):
        table[column.title] = _table_column(column, [row[index] for row in rows])
        info = table[column.title].info
        info.description = column.sentence
        info.meta = {"ucd": ucd_of(column, channel)} if column.ucd else {}
    return table


def _table_column(column: Column, cells: list[Any]) -> Any:
    if column.form == "float":
        values = np.array([np.nan if cell is None else cell for cell in cells], dtype=float)
        return TableColumn(values) if column.unit is None else u.Quantity(values, column.unit)
    missing = [cell is None for cell in cells]
    if column.form == "integer":
        filled = np.array([0 if cell is None else cell for cell in cells], dtype=np.int64)
        return MaskedColumn(filled, mask=missing) if any(missing) else TableColumn(filled)
    texts = np.array(["" if cell is None else cell for cell in cells], dtype=str)
    return MaskedColumn(texts, mask=missing) if any(missing) else TableColumn(texts)
