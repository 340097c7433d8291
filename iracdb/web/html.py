"""From a view to a page: the templates, and how values are written in them."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any
from urllib.parse import quote

from jinja2 import Environment, PackageLoader, StrictUndefined

from iracdb.web.view import View


def page(view: View, path: str, query: str) -> str:
    """Write a page.

    Parameters
    ----------
    view : View
        What it shows.
    path, query : str
        Of the request: where the same is as JSON and CSV.

    Returns
    -------
    str
        HTML; every value in it escaped.
    """
    asked = f"?{query}" if query else ""
    return _TEMPLATES.get_template(f"{view.template}.html").render(
        {**view.data, **view.shown},
        title=view.title, table=view.table,
        as_json=f"{'/runs' if path == '/' else path}.json{asked}",
        as_csv=f"{'/runs' if path == '/' else path}.csv{asked}",
    )  # fmt: skip


def written(value: Any, form: str = "") -> str:
    """Write a value before people.

    Parameters
    ----------
    value : object
        Any.
    form : str, optional
        Of a number.

    Returns
    -------
    str
        A dash where there is no value.
    """
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return format(value, form or ".10g").replace("-", "−")
    if isinstance(value, int) and form:
        return format(value, form).replace("-", "−")
    return str(value)


def exact(value: Any) -> str:
    """Write a value before people with all its digits.

    Parameters
    ----------
    value : object
        Any.

    Returns
    -------
    str
        Of a float the shortest text that is just it.
    """
    if isinstance(value, float) and math.isfinite(value):
        return repr(value).replace("-", "−")
    return written(value)


def points(values: Iterable[float | None], width: int = 120, height: int = 28) -> str:
    """Lay values out as the points of a small line.

    Parameters
    ----------
    values : iterable of float or None
        In order; None and NaN are left out.
    width, height : int, optional
        Of the drawing.

    Returns
    -------
    str
        For ``points`` of an SVG polyline; '' for fewer than two.
    """
    numbers = [(i, v) for i, v in enumerate(values) if v is not None and math.isfinite(v)]
    if len(numbers) < 2:
        return ""
    in_order = sorted(v for _, v in numbers)
    low, high = in_order[0], in_order[-1]
    if len(in_order) >= 10:
        # What lies far out is drawn at the edge: it would press all else into a straight line.
        at = [in_order[round(share * (len(in_order) - 1))] for share in (0.16, 0.5, 0.84)]
        reach = 6 * max(at[2] - at[1], at[1] - at[0])
        low, high = max(low, at[1] - reach), min(high, at[1] + reach)
    numbers = [(i, min(high, max(low, v))) for i, v in numbers]
    across = (width - 4) / max(1, numbers[-1][0])
    up = (height - 4) / ((high - low) or 1.0)
    return " ".join(f"{2 + i * across:.1f},{height - 2 - (v - low) * up:.1f}" for i, v in numbers)


def _environment() -> Environment:
    made = Environment(
        loader=PackageLoader("iracdb.web"), autoescape=True, undefined=StrictUndefined,
        trim_blocks=True, lstrip_blocks=True,
    )  # fmt: skip
    made.filters.update(
        written=written, exact=exact, points=points, segment=lambda text: quote(str(text), safe="")
    )
    return made


_TEMPLATES = _environment()
