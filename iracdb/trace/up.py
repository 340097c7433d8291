"""From a file or a frame up: every image, average, run, study and export that rests on it."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from typing import Any

from sqlalchemy import Connection, Row

from iracdb.catalogue.which_file import file_meant
from iracdb.runs.companions import SCIENCE
from iracdb.runs.withdrawal import Resting, family, resting_on
from iracdb.trace import questions
from iracdb.trace.graph import Graph, Lineage, Tie
from iracdb.trace.identity import frame_key, frame_label, frames_meant, frames_of_file
from iracdb.trace.nodes import (
    add_average,
    add_companion,
    add_file_of,
    add_frame,
    add_image,
    add_run,
)


def lineage_of_file(connection: Connection, which: str) -> Lineage:
    """Find everything that rests on a file.

    Parameters
    ----------
    connection : sqlalchemy.Connection
        To a catalogue.
    which : str
        A path, an archive name, or the beginning of a SHA-256 (at least 6 digits).

    Returns
    -------
    Lineage
        Upward. An imported image, of which no file is known, rests on the files that show its
        frame and are of its run's kind.

    Raises
    ------
    NotFound
        Where no file is meant, or more than one.
    """
    number = file_meant(connection, which)
    frames = frames_of_file(connection, number)
    files = {number: _files(connection, frames[:1])[number]}
    mine = files[number][0]
    graph = Graph()
    _add_files(graph, files)
    _add_results(connection, graph, frames, files, kind=mine.file_kind)
    return graph.lineage("up", f"{mine.file_name}, sha256 {mine.file_sha256[:12]}")


def lineage_of_frame(connection: Connection, spec: str) -> Lineage:
    """Find everything that rests on a frame, whichever file of it was measured.

    Parameters
    ----------
    connection : sqlalchemy.Connection
        To a catalogue.
    spec : str
        Its number, the beginning of an archive name, channel/AORKEY/EXPID/DCENUM or channel/MJD.

    Returns
    -------
    Lineage
        Upward.

    Raises
    ------
    NotFound
        Where there is no such frame.
    """
    frames = frames_meant(connection, spec)
    files = _files(connection, frames)
    graph = Graph()
    for row in frames:
        add_frame(graph, row)
    _add_files(graph, files)
    _add_results(connection, graph, frames, files, kind=None)
    return graph.lineage("up", frame_label(frames[0]))


def _files(connection: Connection, frames: Sequence[Row[Any]]) -> dict[int, list[Row[Any]]]:
    """Read the files that show frames, and where each was seen."""
    asked = {"frames": [row.frame_id for row in frames]}
    found = connection.execute(questions.FILES_OF_FRAMES, asked)
    by_file = groupby(found, key=lambda row: row.held_id)
    return {number: list(group) for number, group in by_file}


def _add_files(graph: Graph, files: dict[int, list[Row[Any]]]) -> None:
    for rows in files.values():
        add_file_of(graph, rows)


def _add_results(
    connection: Connection,
    graph: Graph,
    frames: Sequence[Row[Any]],
    files: dict[int, list[Row[Any]]],
    *,
    kind: str | None,
) -> None:
    """Add the results on frames, and what rests on their runs in turn.

    Of a file, its kind is given: images of other files of the frame, and of imported runs over
    another kind, do not rest on it.
    """
    asked = {"frames": [row.frame_id for row in frames]}
    declared = sorted(connection.execute(questions.DECLARED, {"files": list(files)}).all())
    beside = [row for row in declared if row.role != SCIENCE]
    through_role = {row.run_id: row for row in beside}
    images = [
        row
        for row in connection.execute(questions.RESTING_IMAGES, asked)
        if kind is None or row.average_run_id in through_role or _rests(row, files, kind)
    ]
    numbers = {row.average_run_id for row in images} | {row.run_id for row in declared}
    members = family(connection, numbers)
    runs = {row.run_id: row for row in members}
    for number in sorted(numbers):
        add_run(graph, runs[number])
    for row in declared:
        sha256 = files[row.file_id][0].file_sha256
        graph.link(f"run:{runs[row.run_id].uuid}", f"file:{sha256}", "used")
    by_number = {row.frame_id: row for row in frames}
    for row in images:
        run = runs[row.average_run_id]
        measured = None if row.file_id is None else files.get(row.file_id)
        frame = by_number[row.image_frame]
        through = "frame" if frame is frames[0] else "time"
        file = None
        if measured is not None:
            through, file = "file", f"file:{measured[0].file_sha256}"
        elif row.file_id is not None:
            # Another file was measured; this one served for it.
            given = through_role[run.run_id]
            through, file = given.role, f"file:{files[given.file_id][0].file_sha256}"
        image = _add_result(graph, row, run, frame, file, through)
        for given in beside:
            if given.run_id == run.run_id:
                add_companion(
                    graph, image, f"file:{files[given.file_id][0].file_sha256}", given.role
                )
    for other in frames[1:]:
        if frame_key(other) in graph.nodes:
            graph.link(frame_key(other), frame_key(frames[0]), "alternateOf")
    _add_resting(connection, graph, runs, resting_on(connection, members))


def _rests(row: Row[Any], files: dict[int, list[Row[Any]]], kind: str) -> bool:
    if row.file_id is not None:
        return row.file_id in files
    return row.run_kind in (None, kind)


def _add_result(
    graph: Graph, row: Row[Any], run: Row[Any], frame: Row[Any], file: str | None, through: str
) -> str:
    average = add_average(graph, row, run)
    image = add_image(graph, row[_IMAGE], row[_OF_IMAGE], average, run)
    frame_id = add_frame(graph, frame)
    graph.link(image, file or frame_id, "wasDerivedFrom")
    graph.ties.append(Tie(image, average, f"run:{run.uuid}", frame_id, file, through))
    return image


_IMAGE, _OF_IMAGE = questions.OF_RESTING_IMAGES


def _add_resting(
    connection: Connection, graph: Graph, runs: dict[int, Row[Any]], resting: Resting
) -> None:
    """Add runs made from these, the studies they stand in, and what was written of them."""
    for number, _, _, parent, *_ in resting.runs.rows:
        child = add_run(graph, runs[number])
        graph.link(child, f"run:{runs[parent].uuid}", "wasInformedBy")
    for study, kind, number, name, label in resting.studies.rows:
        node = f"study:{study}"
        graph.add(node, "study", study, {"name": study, "kind": kind, "runs": []})
        member = {"run_id": number, "name": name, "label": label}
        graph.nodes[node][2]["runs"].append(member)
        if number in runs:
            graph.link(node, f"run:{runs[number].uuid}", "hadMember")
    for activity, kind, number, name, at, operator, host, detail in resting.exports.rows:
        told = {"kind": kind, "run_id": number, "at": at, "operator": operator, "host": host}
        told |= detail if isinstance(detail, dict) else {"detail": detail}
        label = f"{kind} of {name} to {told.get('folder') or told.get('path') or 'files'}"
        node = graph.add(f"activity:{activity}", "activity", label, told)
        graph.link(node, f"run:{runs[number].uuid}", "wasInformedBy")
