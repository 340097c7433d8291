"""What a page shows, apart from how: the same values become HTML, JSON or CSV."""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple


class Column(NamedTuple):
    """One column of a table.

    Parameters
    ----------
    name : str
        In JSON and CSV.
    title : str
        Before people.
    unit : str
        ``''`` where it has none.
    form : str
        How a number is written before people, such as ``'.6g'``; ``''`` as it is.
    link : str
        The name of a column that holds where a cell leads to; ``''`` for nowhere. Such a column is
        itself not shown.
    """

    name: str
    title: str = ""
    unit: str = ""
    form: str = ""
    link: str = ""


@dataclass(frozen=True)
class Table:
    """Rows, and what their columns are.

    Parameters
    ----------
    columns : tuple of Column
        Those shown; others of the rows are for links and for JSON and CSV.
    rows : sequence of mapping
        Plain values by column.
    caption : str
        What it is.
    more : str or None
        Address of the next stretch; None where all is shown.
    """

    columns: tuple[Column, ...]
    rows: Sequence[Mapping[str, Any]]
    caption: str
    more: str | None = None


@dataclass(frozen=True)
class View:
    """What one address answers.

    Parameters
    ----------
    template : str
        The file in ``templates``, without its ending.
    title : str
        Of the page.
    data : dict
        Plain values: what JSON gives, and what the template knows.
    table : Table, optional
        What CSV gives.
    shown : dict, optional
        What the template alone needs.
    status : int, optional
        Of the answer.
    """

    template: str
    title: str
    data: dict[str, Any]
    table: Table | None = None
    shown: dict[str, Any] = field(default_factory=dict)
    status: int = 200


def json_text(view: View) -> str:
    """Write a view as JSON.

    Parameters
    ----------
    view : View
        Any.

    Returns
    -------
    str
        Its data, and the rows of its table; NaN and infinities are null.
    """
    told = {"title": view.title, **view.data}
    if view.table is not None:
        told["rows"] = [dict(row) for row in view.table.rows]
        told["next"] = view.table.more
    return json.dumps(plain(told), ensure_ascii=False, allow_nan=False)


def csv_text(table: Table) -> str:
    """Write a table as CSV.

    Parameters
    ----------
    table : Table
        Any.

    Returns
    -------
    str
        Titles and rows; floats in the shortest exact form, nothing where there is no value.
    """
    names = [column.name for column in table.columns]
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(names)
    for row in table.rows:
        cells = [plain(row.get(name)) for name in names]
        writer.writerow(
            ["" if one is None else repr(one) if type(one) is float else one for one in cells]
        )
    return text.getvalue()


def plain(value: Any) -> Any:
    """Make a value fit for JSON.

    Parameters
    ----------
    value : object
        From a database.

    Returns
    -------
    object
        NaN and infinities become None, bytes their digits, what is unknown its text.
    """
    if isinstance(value, Mapping):
        return {str(name): plain(one) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [plain(one) for one in value]
    if isinstance(value, bool | int | str) or value is None:
        return value
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else None
    if isinstance(value, bytes | memoryview):
        return bytes(value).hex()
    return str(value)
