"""What a run took in: files by their hashes, the frames that they show, the correction applied."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from sqlalchemy import Connection, Select, select

from iracdb.catalogue import tables as t
from iracdb.export.prov.names import RUN, content_name, frame_name
from iracdb.export.prov.statements import Name, Statement, element, relation

SURE = ("A", "B")
"""Grades of links to a frame that are one frame's; other links are not told as facts."""

_ROWS_AT_ONCE = 5_000

_FRAME = (
    t.frame.c.channel, t.frame.c.aorkey, t.frame.c.expid, t.frame.c.dcenum,
    t.frame.c.mjd_obs.label("frame_mjd"),
)  # fmt: skip


def file_rows(connection: Connection, run_id: int) -> Iterator[Any]:
    """Read the files that a run declared, with their frames.

    Parameters
    ----------
    connection : sqlalchemy.Connection
        To a catalogue.
    run_id : int
        The run.

    Yields
    ------
    Row
        In the order of measuring.
    """
    file = t.file.c
    query: Select[Any] = (
        select(
            t.run_input.c.role, file.sha256, file.data_sha256, file.name, file.kind, file.version,
            file.creator, file.size, file.mjd_obs, *_FRAME,
        )
        .join(t.file, file.id == t.run_input.c.file_id)
        .join(t.frame, t.frame.c.id == file.frame_id)
        .where(t.run_input.c.run_id == run_id)
        .order_by(t.run_input.c.position, t.run_input.c.role)
    )  # fmt: skip
    yield from connection.execute(query, execution_options={"yield_per": _ROWS_AT_ONCE})


def image_rows(connection: Connection, average_id: int) -> Sequence[Any]:
    """Read the images of one average, with file and frame.

    Parameters
    ----------
    connection : sqlalchemy.Connection
        To a catalogue.
    average_id : int
        Of the table ``aor_result``.

    Returns
    -------
    sequence of Row
        In the order of the run's table.
    """
    image, file = t.image_result.c, t.file.c
    query = (
        select(t.image_result, file.sha256, *_FRAME)
        .join(t.frame, t.frame.c.id == image.frame_id)
        .outerjoin(t.file, file.id == image.file_id)
        .where(image.aor_result_id == average_id)
        .order_by(image.row_number)
    )
    return connection.execute(query).all()


def source_of(image: Any) -> str | None:
    """Name what an image was measured on.

    Parameters
    ----------
    image : Row
        From `image_rows`.

    Returns
    -------
    str or None
        The file, else the frame; None where it is not sure which.
    """
    if image.sha256 is not None:
        return content_name(image.sha256)
    if image.link_grade is None or image.link_grade in SURE:
        return frame_name(image)
    return None


class Inputs:
    """States files and frames, each once.

    Parameters
    ----------
    connection : sqlalchemy.Connection
        To a catalogue.
    run : Row
        Of the table ``run``.
    """

    def __init__(self, connection: Connection, run: Any) -> None:
        self._connection = connection
        self._run = run
        self._stated: set[str] = set()

    def statements(self) -> Iterator[Statement]:
        """Tell of the correction and of the files that the run declared.

        Yields
        ------
        Statement
            Each file as used by the run.
        """
        yield from self._response()
        for row in file_rows(self._connection, self._run.run_id):
            yield from self._file(row)

    def _response(self) -> Iterator[Statement]:
        if self._run.response_id is None:
            return
        columns = t.calibration.c
        row = self._connection.execute(
            select(columns.kind, columns.name, columns.sha256, columns.origin).where(
                columns.id == self._run.response_id
            )
        ).one()
        name = f"iracdb:{row.kind}-{row.sha256}"
        yield element(
            "entity",
            name,
            {
                "prov:type": Name("voprov:DatasetEntity"),
                "prov:label": f"{row.kind} {row.name}",
                "voprov:name": row.name,
                "voprov:comment": row.origin,
                "iracdb:sha256": row.sha256,
            },
        )
        yield relation("used", RUN, name, told={"prov:role": row.kind})

    def _file(self, row: Any) -> Iterator[Statement]:
        name = content_name(row.sha256)
        if name in self._stated:
            return
        self._stated.add(name)
        yield element(
            "entity",
            name,
            {
                "prov:type": Name("voprov:DatasetEntity"),
                "prov:label": row.name,
                "voprov:name": row.name,
                "iracdb:sha256": row.sha256,
                "iracdb:dataSha256": row.data_sha256,
                "iracdb:sizeBytes": row.size,
                "iracdb:kind": row.kind,
                "iracdb:version": row.version,
                "iracdb:creator": row.creator,
                "iracdb:mjdObs": row.mjd_obs,
            },
        )
        yield relation("used", RUN, name, told={"prov:role": row.role})
        yield from self.frame(row)
        frame = frame_name(row)
        if frame is not None:
            yield relation("specializationOf", name, frame)

    def frame(self, row: Any) -> Iterator[Statement]:
        """Tell of a frame, where that has not been done.

        Parameters
        ----------
        row : Row
            With channel, aorkey, expid, dcenum, frame_mjd.

        Yields
        ------
        Statement
            One or none. Only what makes the frame this one: what files tell of it may change as
            better files come.
        """
        name = frame_name(row)
        if name is None or name in self._stated:
            return
        self._stated.add(name)
        yield element(
            "entity",
            name,
            {
                "prov:type": Name("iracdb:Frame"),
                "iracdb:channel": row.channel,
                "iracdb:aorkey": None if row.expid is None else row.aorkey,
                "iracdb:expid": row.expid,
                "iracdb:dcenum": row.dcenum,
                "iracdb:mjdObs": row.frame_mjd if row.expid is None else None,
            },
        )
