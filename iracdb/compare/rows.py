"""The rows of a run, read in bulk: what each is about, and the columns asked for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from sqlalchemy import Connection, Row, bindparam, func, select

from iracdb.catalogue import tables as t
from iracdb.catalogue.upkeep import between_its_averages
from iracdb.compare.matching import AverageKey, FrameKey, ImageKey, TargetKey

image, result = t.image_result.c, t.aor_result.c

_IMAGE_KEY = (
    image.frame_id, image.plane, result.target_id, result.aorkey, result.repeat, image.repeat,
    image.row_number,
)  # fmt: skip


@dataclass(frozen=True)
class Images:
    """Image rows of a run, in the order of its table.

    Parameters
    ----------
    keys : list of ImageKey
        What each row is about.
    rows : list of tuple
        The columns asked for, of each row.
    columns : tuple of str
        Their names.
    """

    keys: list[ImageKey]
    rows: list[tuple[Any, ...]]
    columns: tuple[str, ...]


@dataclass(frozen=True)
class Averages:
    """Averages of a run, in the order of its table.

    Parameters
    ----------
    keys : list of AverageKey
        What each row is about.
    rows : list of Row
        Of the table ``aor_result``.
    """

    keys: list[AverageKey]
    rows: Sequence[Row[Any]]


def read_images(
    connection: Connection, run_id: int, columns: Sequence[str], *, aorkey: int | None = None
) -> Images:
    """Read image rows of a run.

    Parameters
    ----------
    connection : sqlalchemy.Connection
        To a catalogue.
    run_id : int
        The run.
    columns : sequence of str
        Names of columns of ``image_result``.
    aorkey : int, optional
        Only the images of that AOR.

    Returns
    -------
    Images
        In the order of the run's table.
    """
    targets = targets_of(connection, run_id)
    frames = frames_of(connection, run_id, aorkey=aorkey)
    query = (
        select(*_IMAGE_KEY, *(image[name] for name in columns))
        .select_from(t.image_result.join(t.aor_result, result.id == image.aor_result_id))
        .where(result.run_id == run_id, *between_its_averages(connection, run_id))
        .order_by(image.row_number)
    )
    if aorkey is not None:
        query = query.where(result.aorkey == aorkey)
    keys, rows = [], []
    for row in connection.execute(query).all():
        frame, plane, target, aor, of_average, of_image, number = row[: len(_IMAGE_KEY)]
        keys.append(
            ImageKey(frames[frame], plane, targets[target], aor, (of_average, of_image), number)
        )
        rows.append(tuple(row[len(_IMAGE_KEY) :]))
    return Images(keys, rows, tuple(columns))


def read_averages(
    connection: Connection,
    run_id: int,
    targets: Mapping[int, TargetKey],
    *,
    aorkey: int | None = None,
) -> Averages:
    """Read the averages that a run's table lists.

    Parameters
    ----------
    connection : sqlalchemy.Connection
        To a catalogue.
    run_id : int
        The run.
    targets : mapping
        Its targets, as `targets_of` reads them.
    aorkey : int, optional
        Only those of that AOR.

    Returns
    -------
    Averages
        In the order of the run's table.
    """
    query = _AVERAGES if aorkey is None else _AVERAGES.where(result.aorkey == aorkey)
    rows = connection.execute(query, {"run": run_id}).all()
    return Averages([average_key(row, targets[row.target_id]) for row in rows], rows)


_RUN: Any = bindparam("run")

_AVERAGES = (
    select(t.aor_result).where(result.run_id == _RUN, result.listed).order_by(result.row_number)
)


def average_key(row: Any, target: TargetKey) -> AverageKey:
    """Tell what an average is about.

    Parameters
    ----------
    row : Row
        Of the table ``aor_result``.
    target : TargetKey
        Its target.

    Returns
    -------
    AverageKey
        To be matched.
    """
    alike = (row.read_mode, row.frame_time, row.hdr_part)
    # The runs of 2018 averaged all frames of an AOR; they do not count why images were unusable.
    mixed = row.frame_group == "all" or row.n_coordinate_conversion is None
    return AverageKey(row.aorkey, row.channel, target, alike, row.repeat, row.row_number, mixed)


def targets_of(connection: Connection, run_id: int) -> dict[int, TargetKey]:
    """Read the targets of a run.

    Parameters
    ----------
    connection : sqlalchemy.Connection
        To a catalogue.
    run_id : int
        The run.

    Returns
    -------
    dict
        By their numbers.
    """
    return {row.id: TargetKey(*row) for row in connection.execute(_TARGETS, {"run": run_id})}


_target_columns = (t.target.c.id, *(t.target.c[name] for name in TargetKey._fields[2:]))
# The name that the run gave it: the catalogue's own may be another run's.
_TARGETS = (
    select(_target_columns[0], func.min(result.target_name), *_target_columns[1:])
    .join(t.aor_result, result.target_id == t.target.c.id)
    .where(result.run_id == _RUN)
    .group_by(*_target_columns)
)


def frames_of(
    connection: Connection, run_id: int, *, aorkey: int | None = None
) -> dict[int, FrameKey]:
    """Read the frames of a run.

    Parameters
    ----------
    connection : sqlalchemy.Connection
        To a catalogue.
    run_id : int
        The run.
    aorkey : int, optional
        Only the frames of that AOR's images.

    Returns
    -------
    dict
        By their numbers.
    """
    frame = t.frame.c
    held = (
        select(image.frame_id)
        .join(t.aor_result, result.id == image.aor_result_id)
        .where(result.run_id == run_id, *between_its_averages(connection, run_id))
    )
    if aorkey is not None:
        held = held.where(result.aorkey == aorkey)
    query = select(
        frame.id, frame.channel, frame.aorkey, frame.expid.is_not(None), frame.mjd_obs
    ).where(frame.id.in_(held))
    found = connection.execute(query).all()
    return {
        number: FrameKey(number, channel, aorkey, bool(shown), mjd)
        for number, channel, aorkey, shown, mjd in found
    }


def as_doubles(values: Sequence[Any]) -> npt.NDArray[np.float64]:
    """Make an array of a column.

    Parameters
    ----------
    values : sequence of float or None
        As read.

    Returns
    -------
    ndarray of float
        NaN where there is no value.
    """
    return np.array([np.nan if value is None else value for value in values], dtype=np.float64)
