"""The questions that lineage asks of the database: few joins, each by an index, none in a loop.

They are made once: SQLAlchemy then knows them again without taking them apart.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, Select, bindparam, func, select

from iracdb.catalogue import tables as t
from iracdb.runs.companions import SCIENCE
from iracdb.runs.withdrawal import RUN
from iracdb.trace.identity import COLUMNS as FRAME_COLUMNS

average, image, frame, file, header, location, run, target = (
    t.aor_result.c, t.image_result.c, t.frame.c, t.file.c, t.header.c, t.file_location.c,
    t.run.c, t.target.c,
)  # fmt: skip

AVERAGE = {
    "run_id": average.run_id, "row_number": average.row_number, "aorkey": average.aorkey,
    "channel": average.channel, "target": average.target_name,
    "frame_group": average.frame_group, "repeat": average.repeat, "listed": average.listed,
    "state": average.state, "reason": average.reason, "flux": average.flux,
    "error": average.error, "standard_error": average.standard_error,
    "n_total": average.n_total, "n_workable": average.n_workable,
    "n_rejected": average.n_rejected, "aperture_correction": average.aperture_correction,
    "pixel_size": average.pixel_size,
}  # fmt: skip
"""What is told of an average: the first columns of each row of averages, in order."""

IMAGE = {
    "row_number": image.row_number, "file_number": image.file_number, "plane": image.plane,
    "mjd_obs": image.mjd_obs, "x": image.x, "y": image.y, "raw": image.raw,
    "background": image.background, "array_location_factor": image.array_location_factor,
    "pixel_phase_factor": image.pixel_phase_factor, "corrected": image.corrected,
    "rejected_by": image.rejected_by, "link_grade": image.link_grade,
    "link_evidence": image.link_evidence,
}  # fmt: skip
"""The same of an image; where its average is there too, it comes first."""

FILE = {
    "name": file.name, "kind": file.kind, "version": file.version, "size": file.size,
    "sha256": file.sha256, "data_sha256": file.data_sha256, "creator": file.creator,
    "fluxconv": file.fluxconv,
}  # fmt: skip
"""The same of a file; where the image measured on it is there too, that comes first."""

_AVERAGE_COLUMNS = (
    *(column.label(f"average_{name}") for name, column in AVERAGE.items()),
    average.id.label("average_id"), target.identity, target.ra, target.dec, target.pm_ra,
    target.pm_dec, target.parallax, target.epoch,
)  # fmt: skip
AVERAGE_WIDTH = len(_AVERAGE_COLUMNS)
"""How many columns an average has, its target's among them."""
_IMAGE_COLUMNS = tuple(column.label(f"image_{name}") for name, column in IMAGE.items())
_FILE_COLUMNS = tuple(column.label(f"file_{name}") for name, column in FILE.items())
_OF_IMAGE = (
    image.aor_result_id, image.frame_id.label("image_frame"), image.repeat.label("image_repeat"),
    image.flags, image.kept, image.file_id,
)  # fmt: skip
_OF_FILE = (
    file.id.label("held_id"), header.file_id.label("header_of"), location.path, location.present,
)  # fmt: skip


def _after(start: int, *columns: Any) -> tuple[slice, ...]:
    """Tell where kinds of columns stand in a row, one after the other."""
    found = []
    for each in columns:
        found.append(slice(start, start + len(each)))
        start += len(each)
    return tuple(found)


_AVERAGES: Any = bindparam("averages", expanding=True)
_FRAMES: Any = bindparam("frames", expanding=True)
_FILES: Any = bindparam("files", expanding=True)
_RUNS: Any = bindparam("runs", expanding=True)
_RUN: Any = bindparam("run")

AVERAGES: Select[Any] = (
    select(*_AVERAGE_COLUMNS)
    .join(t.target, target.id == average.target_id)
    .where(average.run_id == _RUN, average.aorkey == bindparam("aorkey"))
    .order_by(average.row_number)
)
"""The averages of an AOR in a run, each with its target."""

IMAGES: Select[Any] = (
    select(*_IMAGE_COLUMNS, *_FILE_COLUMNS, *_OF_IMAGE, *FRAME_COLUMNS, *_OF_FILE)
    .join(t.frame, frame.id == image.frame_id)
    .join(t.file, file.id == image.file_id, isouter=True)
    .join(t.header, header.file_id == file.id, isouter=True)
    .join(t.file_location, location.file_id == file.id, isouter=True)
    .where(image.aor_result_id.in_(_AVERAGES))
    .order_by(image.row_number, image.aor_result_id, location.path)
)
"""The images of averages, each with its frame and the file it was measured on, a row each place."""

OF_IMAGES = _after(0, IMAGE, FILE, _OF_IMAGE, FRAME_COLUMNS, _OF_FILE)
"""Where in a row of `IMAGES` stand: image, file, what is told of them besides, and the frame."""

_places = {name: place for place, name in enumerate(IMAGES.selected_columns.keys())}
IMAGE_KEY = tuple(
    _places[name] for name in ("aor_result_id", "image_frame", "image_plane", "image_repeat")
)
"""Where in a row of `IMAGES` stands what tells one image from another."""

_given = t.run_input.c

COMPANIONS: Select[Any] = (
    select(
        *_FILE_COLUMNS, *FRAME_COLUMNS, *_OF_FILE, image.row_number, _given.role,
    )
    .select_from(t.image_result)
    .join(t.frame, frame.id == image.frame_id)
    .join(t.file, file.frame_id == frame.id)
    .join(t.run_input, (_given.file_id == file.id) & (_given.run_id == _RUN))
    .join(t.header, header.file_id == file.id, isouter=True)
    .join(t.file_location, location.file_id == file.id, isouter=True)
    .where(image.aor_result_id.in_(_AVERAGES), _given.role != SCIENCE)
    .order_by(image.row_number, _given.role, location.path)
)  # fmt: skip
"""Files that a run read beside those that it measured, by image and role, a row each place."""

_without_file = select(image.frame_id).where(
    image.aor_result_id.in_(_AVERAGES), image.file_id.is_(None)
)
_beside_file = (
    t.file.join(t.header, header.file_id == file.id, isouter=True)
    .join(t.file_location, location.file_id == file.id, isouter=True)
)  # fmt: skip

SHOWN_BY: Select[Any] = (
    select(*_FILE_COLUMNS, *FRAME_COLUMNS, *_OF_FILE, frame.id.label("of_frame_id"))
    .select_from(t.frame.join(_beside_file, file.frame_id == frame.id))
    .where(
        frame.id.in_(_without_file), frame.expid.is_not(None), file.kind == bindparam("kind")
    )
    .order_by(frame.id, file.id, location.path)
)  # fmt: skip
"""Files that show the frames of images of which no file is known, of frames that are known by
their exposure."""

_alike = t.frame.alias("alike")

SHOWN_AT: Select[Any] = (
    select(
        *_FILE_COLUMNS,
        _alike.c.id.label("frame_id"),
        *(_alike.c[name] for name in ("channel", "aorkey", "expid", "dcenum")),
        _alike.c.mjd_obs.label("frame_mjd"),
        *_OF_FILE,
        frame.id.label("of_frame_id"),
    )
    .select_from(
        t.frame.join(
            _alike, (_alike.c.mjd_obs == frame.mjd_obs) & (_alike.c.channel == frame.channel)
        ).join(_beside_file, file.frame_id == _alike.c.id)
    )
    .where(frame.id.in_(_without_file), frame.expid.is_(None), file.kind == bindparam("kind"))
    .order_by(frame.id, file.id, location.path)
)
"""The same of frames that a table alone knows: found by channel and time."""

MADE_WITH: Select[Any] = (
    select(
        *RUN.values(),
        t.software.c.digest, t.software.c.iracdb, t.software.c.git_commit, t.software.c.git_clean,
        t.software.c.python, t.software.c.platform, t.software.c.packages,
        t.calibration.c.sha256.label("response_sha256"), t.calibration.c.name.label("response"),
        t.calibration.c.origin.label("response_origin"),
        t.target_list.c.sha256.label("list_sha256"), t.target_list.c.path.label("list_path"),
        run.parameters,
    )
    .select_from(
        t.run.outerjoin(t.software, t.software.c.id == run.software_id)
        .outerjoin(t.calibration, t.calibration.c.id == run.response_id)
        .outerjoin(t.target_list, t.target_list.c.id == run.target_list_id)
    )
    .where(run.run_id == _RUN)
)  # fmt: skip
"""A run, and what it was made with."""


def _ancestors() -> Select[Any]:
    first = (
        select(run.parent_run_id.label("number"))
        .where(run.run_id == _RUN, run.parent_run_id.is_not(None))
        .cte("ancestor", recursive=True)
    )
    older = (
        select(run.parent_run_id)
        .join(first, run.run_id == first.c.number)
        .where(run.parent_run_id.is_not(None))
    )
    every = first.union(older)
    return select(*RUN.values()).join(every, every.c.number == run.run_id).order_by(run.run_id)


ANCESTORS = _ancestors()
"""The run that a run was made from, the one that that was made from, and so on."""

SOURCES: Select[Any] = (
    select(
        t.run_source.c.run_id, t.run_source.c.role, t.run_source.c.path, t.run_source.c.size,
        t.run_source.c.sha256,
    )
    .where(t.run_source.c.run_id.in_(_RUNS))
    .order_by(t.run_source.c.run_id, t.run_source.c.position)
)  # fmt: skip
"""The files that runs were imported from."""

RESTING_IMAGES: Select[Any] = (
    select(*_AVERAGE_COLUMNS, *_IMAGE_COLUMNS, *_OF_IMAGE, run.kind.label("run_kind"))
    .join(t.image_result, image.aor_result_id == average.id)
    .join(t.target, target.id == average.target_id)
    .join(t.run, run.run_id == average.run_id)
    .where(image.frame_id.in_(_FRAMES))
    .order_by(average.run_id, image.row_number)
)
"""The images measured on frames, each with its average."""

OF_RESTING_IMAGES = _after(AVERAGE_WIDTH, IMAGE, _OF_IMAGE)
"""Where in a row of `RESTING_IMAGES` stand the image, and what is told of it besides."""

FILES_OF_FRAMES: Select[Any] = (
    select(*_FILE_COLUMNS, *FRAME_COLUMNS, *_OF_FILE)
    .join(t.file, file.frame_id == frame.id)
    .join(t.header, header.file_id == file.id, isouter=True)
    .join(t.file_location, location.file_id == file.id, isouter=True)
    .where(frame.id.in_(_FRAMES))
    .order_by(frame.id, file.kind, file.version, file.id, location.path)
)
"""The files that show frames, a row each place."""

OF_FILES = _after(0, FILE, FRAME_COLUMNS, _OF_FILE)
"""Where in a row of these, of `COMPANIONS`, `SHOWN_BY` and `SHOWN_AT` stand: file, frame, and the
rest."""

_BY_INDEX = select(*(func.set_config(f"enable_{name}", "off", True)
                     for name in ("hashjoin", "mergejoin")))  # fmt: skip


def by_index(connection: Connection) -> None:
    """Have PostgreSQL look rows up by their indices until the transaction ends.

    For a hundred files of four thousand it would sooner read all four thousand, which takes longer:
    it counts on a disk where each look-up is a movement of the head.

    Parameters
    ----------
    connection : sqlalchemy.Connection
        To a catalogue, in a transaction that asks for lineage alone.
    """
    if connection.dialect.name == "postgresql":
        connection.execute(_BY_INDEX)


DECLARED: Select[Any] = select(
    t.run_input.c.run_id, t.run_input.c.file_id, t.run_input.c.role
).where(t.run_input.c.file_id.in_(_FILES))
"""Runs that declared files as their inputs."""
