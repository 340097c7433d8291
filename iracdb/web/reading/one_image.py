"""One image of a run: where it is found, all that is stored of it, who else measured its frame."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, func, or_, select

from iracdb.catalogue import tables as t
from iracdb.catalogue.upkeep import between_its_averages
from iracdb.errors import NotFound
from iracdb.runs.results import Run
from iracdb.trace.identity import frames_meant
from iracdb.web.reading.images import averages_of, images_where

_AVERAGE, _IMAGE = t.aor_result.c, t.image_result.c


def find_image(connection: Connection, run: Run, row: int) -> tuple[Any, Any]:
    """Find an image by its row in a run's image table.

    Parameters
    ----------
    connection : sqlalchemy.Connection
        To a catalogue.
    run : Run
        The run.
    row : int
        From 1.

    Returns
    -------
    tuple of Row
        Of ``image_result`` and of ``aor_result``.

    Raises
    ------
    NotFound
        Where the run has no such image.
    """
    found = _looked_for(connection, run.run_id, row)
    if found is None:
        raise NotFound(f"Run {run.run_id} ({run.name}) has no image {row}")
    average = connection.execute(select(t.aor_result).where(_AVERAGE.id == found.aor_result_id))
    return found, average.one()


def has_image(connection: Connection, run_id: int, row: int, aorkey: int) -> bool:
    """Tell whether a run has an image, which is likely to be of an AOR.

    Parameters
    ----------
    connection : sqlalchemy.Connection
        To a catalogue.
    run_id, row : int
        The run, and the row in its image table.
    aorkey : int
        The AOR where it is looked for first.

    Returns
    -------
    bool
        False before the first and after the last.
    """
    if row < 1:
        return False
    if _among(connection, averages_of(connection, run_id, aorkey), row) is not None:
        return True
    return _looked_for(connection, run_id, row) is not None


def _looked_for(connection: Connection, run_id: int, row: int) -> Any | None:
    """Look where the row must be if AORs follow each other, which they do; else everywhere.

    There is no index by run and row, and none is needed: averages tell how many images they have.
    """
    query = (
        select(_AVERAGE.aorkey, func.coalesce(_AVERAGE.n_total, _counted()))
        .where(_AVERAGE.run_id == run_id)
        .order_by(_AVERAGE.row_number)
    )
    last = 0
    for aorkey, images in connection.execute(query):
        last += images
        if row <= last:
            found = _among(connection, averages_of(connection, run_id, aorkey), row)
            return _anywhere(connection, run_id, row) if found is None else found
    return _anywhere(connection, run_id, row) if _counts_may_be_wrong(connection, run_id) else None


def _counted() -> Any:
    return (
        select(func.count())
        .where(_IMAGE.aor_result_id == _AVERAGE.id)
        .correlate(t.aor_result)
        .scalar_subquery()
    )


def _among(connection: Connection, averages: Sequence[int], row: int) -> Any | None:
    query = select(t.image_result).where(
        _IMAGE.aor_result_id.in_(averages), _IMAGE.row_number == row
    )
    return connection.execute(query).first()


def _counts_may_be_wrong(connection: Connection, run_id: int) -> bool:
    """Tell whether a table says how many images there are, of which another holds more."""
    query = select(t.run.c.origin).where(t.run.c.run_id == run_id)
    return bool(connection.execute(query).scalar_one() == "imported")


def _anywhere(connection: Connection, run_id: int, row: int) -> Any | None:
    query = (
        select(t.image_result)
        .join(t.aor_result, _AVERAGE.id == _IMAGE.aor_result_id)
        .where(
            _AVERAGE.run_id == run_id,
            _IMAGE.row_number == row,
            *between_its_averages(connection, run_id),
        )
    )
    return connection.execute(query).first()


def measured_frame(
    connection: Connection,
    frames: Sequence[int],
    *,
    after: tuple[int, int] = (0, 0),
    limit: int | None = None,
    more: Sequence[ColumnElement[bool]] = (),
) -> list[dict[str, Any]]:
    """List the images that measured a frame, in any run.

    Parameters
    ----------
    connection : sqlalchemy.Connection
        To a catalogue.
    frames : sequence of int
        The frame, and its other numbers: see `numbers_of_frame`.
    after : tuple of int, optional
        Run and row after which they begin.
    limit : int, optional
        How many; by default all.
    more : sequence of sqlalchemy.ColumnElement, optional
        Further conditions.

    Returns
    -------
    list of dict
        As of `images_where`, and ``run``, the run's name, and ``withdrawn``; by run and row.
    """
    run, row = after
    beyond = or_(_AVERAGE.run_id > run, (_AVERAGE.run_id == run) & (_IMAGE.row_number > row))
    conditions = [_IMAGE.frame_id.in_(frames), beyond, *more]
    found = images_where(connection, conditions, (_AVERAGE.run_id, _IMAGE.row_number), limit)
    named = name_runs(connection, {one["run_id"] for one in found})
    for one in found:
        one["run"], one["withdrawn"] = named[one["run_id"]]
        one["address"] = f"/run/{one['run_id']}/image/{one['row']}"
    return found


def name_runs(connection: Connection, numbers: set[int]) -> dict[int, tuple[str, bool]]:
    """Tell what runs are called, and whether they are withdrawn.

    Parameters
    ----------
    connection : sqlalchemy.Connection
        To a catalogue.
    numbers : set of int
        Of runs.

    Returns
    -------
    dict
        By number.
    """
    run = t.run.c
    query = select(run.run_id, run.name, run.withdrawn_at).where(run.run_id.in_(numbers))
    return {
        row.run_id: (row.name, row.withdrawn_at is not None) for row in connection.execute(query)
    }


def numbers_of_frame(connection: Connection, frame: int) -> list[int]:
    """Tell the numbers of a frame: one that only a table knows may be one that files show.

    Parameters
    ----------
    connection : sqlalchemy.Connection
        To a catalogue.
    frame : int
        Its number.

    Returns
    -------
    list of int
        The number itself first.

    Raises
    ------
    NotFound
        Where there is no such frame.
    """
    return [row.frame_id for row in frames_meant(connection, str(frame))]


def compared(mine: dict[str, Any], other: dict[str, Any]) -> tuple[float | None, str]:
    """Tell by how much another image's flux differs, like with like.

    Parameters
    ----------
    mine, other : dict
        As of `images_where`.

    Returns
    -------
    tuple
        The other's flux less mine, mJy, None where one has none; and what was compared.
    """
    with_response = mine["corrected"] and other["corrected"]
    name = "flux" if with_response else "flux_uncorrected"
    if mine[name] is None or other[name] is None:
        return None, ""
    difference = other[name] - mine[name]
    told = "with the response" if with_response else "without the response"
    return (difference if math.isfinite(difference) else None), told
