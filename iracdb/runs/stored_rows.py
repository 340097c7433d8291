"""A run's rows read back from the database, and the rules by which they were averaged."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import groupby
from typing import Any

import numpy as np
from sqlalchemy import Connection, select

from iracdb.catalogue import tables as t
from iracdb.layouts import LAYOUTS
from iracdb.runs.replay import Rows, Rules, done_right, published_rules


def averages_of(connection: Connection, run_id: int, *, unlisted: bool = False) -> Sequence[Any]:
    """Read the averages that a run's table lists.

    Parameters
    ----------
    connection : sqlalchemy.Connection
        To a catalogue.
    run_id : int
        The run.
    unlisted : bool, optional
        Also those of AORs without a row.

    Returns
    -------
    sequence of Row
        Of the table ``aor_result``, in the order of the table.
    """
    result = t.aor_result.c
    query = select(t.aor_result).where(result.run_id == run_id)
    if not unlisted:
        query = query.where(result.listed)
    return connection.execute(query.order_by(result.row_number)).all()


def images_of(connection: Connection, run_id: int) -> dict[int, list[Any]]:
    """Read the images of a run.

    Parameters
    ----------
    connection : sqlalchemy.Connection
        To a catalogue.
    run_id : int
        The run.

    Returns
    -------
    dict
        Rows of ``image_result``, in order, by average.
    """
    image, result = t.image_result.c, t.aor_result.c
    query = (
        select(t.image_result)
        .join(t.aor_result, result.id == image.aor_result_id)
        .where(result.run_id == run_id)
        .order_by(image.row_number)
    )
    found: dict[int, list[Any]] = {}
    for number, group in groupby(connection.execute(query), key=lambda row: row.aor_result_id):
        found.setdefault(number, []).extend(group)
    return found


def rules_of(run: Any, average: Any) -> Rules:
    """Tell the rules by which a published average was made.

    Parameters
    ----------
    run : Row
        Of the table ``run``.
    average : Row
        Of the table ``aor_result``.

    Returns
    -------
    Rules
        Complete.
    """
    counted = any(column.key == "rejected" for column in LAYOUTS[run.layout].aor)
    return published_rules(
        run.channel,
        aperture_correction=average.aperture_correction,
        pixel_size=average.pixel_size,
        subarray=average.read_mode == "SUB",
        counts_rejections=counted,
    )


def applied_rules(run: Any, average: Any, recipe: str) -> Rules:
    """Tell the rules by which a recipe makes a published average again.

    Parameters
    ----------
    run : Row
        Of the table ``run``.
    average : Row
        Of the table ``aor_result``.
    recipe : {'manual', 'published-2018'}
        Done right, or as it was.

    Returns
    -------
    Rules
        Complete.
    """
    rules = rules_of(run, average)
    return rules if recipe == "published-2018" else done_right(rules)


def rows_of(images: Sequence[Any]) -> Rows:
    """Make arrays of image rows.

    Parameters
    ----------
    images : sequence of Row
        With x, y, raw, background and mjd_obs.

    Returns
    -------
    Rows
        NaN where there is no value.
    """

    def array(name: str) -> Any:
        values = [getattr(image, name) for image in images]
        return np.array([math.nan if value is None else value for value in values], dtype=float)

    return Rows(array("x"), array("y"), array("raw") - array("background"), array("mjd_obs"))
