"""What a run's images show of their frames: by the files measured, or by those held since.

An imported run names no files. What files of its frames say is told only where no held file of the
frame says otherwise, and not where a row's frame is one of several candidates.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    FromClause,
    Subquery,
    and_,
    func,
    or_,
    select,
)

from iracdb.catalogue import tables as t
from iracdb.compare.columns import measured_here

image, result = t.image_result.c, t.aor_result.c

COUNTED = and_(
    image.raw.is_not(None),
    image.background.is_not(None),
    or_(image.kept.is_(None), image.kept),
)
"""Which images count in their average; where that is not known, those with a flux."""


def images(run: Any) -> FromClause:
    """Join a run's images to their averages.

    Parameters
    ----------
    run : Row
        Of the table ``run``; the query must ask for it.

    Returns
    -------
    sqlalchemy.FromClause
        ``image_result`` with ``aor_result``.
    """
    return t.image_result.join(
        t.aor_result, and_(result.id == image.aor_result_id, result.run_id == run.run_id)
    )


def with_files(run: Any) -> FromClause:
    """Join a run's images to the files measured, or to the held ones that may have been.

    Parameters
    ----------
    run : Row
        Of the table ``run``.

    Returns
    -------
    sqlalchemy.FromClause
        ``image_result`` with ``aor_result`` and ``file``: one row an image where it was measured
        here, else one for each file of the run's kind that is held of its frame.
    """
    if measured_here(run):
        return images(run).join(t.file, t.file.c.id == image.file_id)
    return images(run).join(
        t.file,
        and_(
            t.file.c.frame_id == image.frame_id,
            t.file.c.kind == (run.kind or "bcd"),
            image.link_grade.in_(("A", "B")),
        ),
    )


def by_whom(run: Any) -> str:
    """Say what a finding about files rests on.

    Parameters
    ----------
    run : Row
        Of the table ``run``.

    Returns
    -------
    str
        Empty where the files were measured; else the end of a sentence.
    """
    return "" if measured_here(run) else ", by the files held of them"


def averages_with(connection: Connection, run: Any, *wanted: ColumnElement[bool]) -> list[Any]:
    """Count the frames for which conditions hold, by average.

    Parameters
    ----------
    connection : sqlalchemy.Connection
        To a catalogue.
    run : Row
        Of the table ``run``.
    *wanted : ColumnElement
        Conditions on the image or its average.

    Returns
    -------
    list of Row
        ``aorkey`` and ``frames`` of each average that has any, in the order of the table.
    """
    query = (
        select(result.aorkey, func.count(image.frame_id.distinct()).label("frames"))
        .select_from(images(run))
        .where(*wanted)
        .group_by(result.id, result.aorkey, result.row_number)
        .order_by(result.row_number)
    )
    return list(connection.execute(query).all())


def frames_of_files(run: Any, *told: ColumnElement[Any]) -> Subquery:
    """Put together what files tell of each frame that counts.

    Parameters
    ----------
    run : Row
        Of the table ``run``.
    *told : ColumnElement
        Labelled aggregates over the files of one frame.

    Returns
    -------
    sqlalchemy.Subquery
        ``row_number`` and ``aorkey`` of the average, and what is told; one row a frame.
    """
    return (
        select(result.row_number, result.aorkey, *told)
        .select_from(with_files(run))
        .where(COUNTED)
        .group_by(result.row_number, result.aorkey, image.frame_id)
        .subquery()
    )
