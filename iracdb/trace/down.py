"""From an AOR's flux down to the bytes: images, files, calibration, software, parameters."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from operator import itemgetter
from typing import Any

from sqlalchemy import Connection, Row

from iracdb.errors import NotFound
from iracdb.runs import registry
from iracdb.runs.companions import kinds_by_role
from iracdb.runs.names import LARGEST
from iracdb.runs.parameters import Parameters
from iracdb.trace import questions
from iracdb.trace.graph import Graph, Lineage, Tie
from iracdb.trace.identity import frame_key
from iracdb.trace.nodes import (
    add_average,
    add_companion,
    add_file,
    add_file_of,
    add_frame,
    add_image,
    add_run,
    places_of,
)


def lineage_of_aor(
    connection: Connection, which: int | str, aorkey: int, target: str | None = None
) -> Lineage:
    """Follow an AOR's flux, each average of it, down to files and all else that made it.

    Parameters
    ----------
    connection : sqlalchemy.Connection
        To a catalogue.
    which : int or str
        The run's number or name.
    aorkey : int
        The AOR.
    target : str, optional
        Only this target, as the run calls it.

    Returns
    -------
    Lineage
        Downward.

    Raises
    ------
    NotFound
        Where there is no such run, or it has no such AOR or target.
    """
    run = _run(connection, which)
    averages = _averages(connection, run, aorkey, target)
    graph = Graph()
    run_id = add_run(graph, run)
    numbers = {"averages": [row.average_id for row in averages]}
    ids = {row.average_id: add_average(graph, row, run) for row in averages}
    _add_context(graph, run, run_id)
    ancestors = _add_ancestors(connection, graph, run)
    sources = _add_sources(connection, graph, [run, *ancestors])
    for one in ids.values():
        graph.links(one, sources.get("aor_data", ()), "wasDerivedFrom")
    images = connection.execute(questions.IMAGES, numbers).all()
    _add_images(graph, images, ids, run, sources.get("img_data", ()))
    if kinds_by_role(Parameters.recorded(run.parameters)):
        _add_companions(connection, graph, numbers, run)
    if any(row[_FILE_NUMBER] is None for row in images):
        _add_shown_by(connection, graph, numbers, run.kind, images)
    named = "" if target is None else f" for {averages[0].average_target}"
    return graph.lineage("down", f"AOR {aorkey}{named} in run {run.run_id} ({run.name})")


def _run(connection: Connection, which: int | str) -> Row[Any]:
    """Read a run and what it was made with, of a number in one step."""
    if isinstance(which, int) and 0 <= which <= LARGEST:
        found = connection.execute(questions.MADE_WITH, {"run": which}).one_or_none()
        if found is not None:
            return found
    number = registry.find(connection, which).run_id
    return connection.execute(questions.MADE_WITH, {"run": number}).one()


def _averages(
    connection: Connection, run: Row[Any], aorkey: int, target: str | None
) -> Sequence[Row[Any]]:
    # No database holds a larger number.
    asked = {"run": run.run_id, "aorkey": aorkey if abs(aorkey) < 2**63 else -1}
    found = connection.execute(questions.AVERAGES, asked).all()
    if not found:
        raise NotFound(
            f"Run {run.run_id} ({run.name}) has no AOR {aorkey}: 'iracdb show {run.name}' lists "
            "those that it has"
        )
    if target is None:
        return found
    exact = [row for row in found if row.average_target == target]
    wanted = target.strip().casefold()
    meant = exact or [row for row in found if row.average_target.casefold() == wanted]
    if not meant:
        names = ", ".join(dict.fromkeys(row.average_target for row in found))
        raise NotFound(
            f"Run {run.run_id} ({run.name}) has no target {target} in AOR {aorkey}: it has {names}"
        )
    return meant


def _add_context(graph: Graph, run: Row[Any], run_id: str) -> None:
    """Add what the run was made with."""
    digest = run.parameters_digest
    parameters = graph.add(
        f"parameters:{digest}", "parameters", f"parameters {digest[:12]}", dict(run.parameters)
    )
    graph.link(run_id, parameters, "used")
    if run.digest is not None:
        named = ("iracdb", "git_commit", "git_clean", "python", "platform", "packages", "digest")
        told = {name: getattr(run, name) for name in named}
        software = graph.add(f"software:{run.digest}", "software", f"iracdb {run.iracdb}", told)
        graph.link(run_id, software, "wasAssociatedWith")
    if run.response_sha256 is not None:
        told = {"name": run.response, "sha256": run.response_sha256, "origin": run.response_origin}
        label = f"response {run.response}"
        response = graph.add(f"calibration:{run.response_sha256}", "calibration", label, told)
        graph.link(run_id, response, "used")
    if run.list_sha256 is not None:
        told = {"path": run.list_path, "sha256": run.list_sha256}
        given = graph.add(f"target_list:{run.list_sha256}", "target_list", run.list_path, told)
        graph.link(run_id, given, "used")
        for target in [name for name, node in graph.nodes.items() if node[0] == "target"]:
            graph.link(target, given, "wasDerivedFrom")


def _add_ancestors(connection: Connection, graph: Graph, run: Row[Any]) -> list[Row[Any]]:
    """Add the runs that a run comes from, nearest first."""
    if run.parent_run_id is None:
        return []
    older = connection.execute(questions.ANCESTORS, {"run": run.run_id}).all()
    by_number = {row.run_id: row for row in older}
    chain: list[Row[Any]] = []
    later = run
    while later.parent_run_id in by_number:
        parent = by_number.pop(later.parent_run_id)
        graph.link(f"run:{later.uuid}", add_run(graph, parent), "wasInformedBy")
        chain.append(parent)
        later = parent
    return chain


def _add_sources(
    connection: Connection, graph: Graph, runs: Sequence[Row[Any]]
) -> dict[str, list[str]]:
    """Add the files that a run, or the nearest run that it comes from, was imported from."""
    imported = [run for run in runs if run.origin == "imported"]
    if not imported:
        return {}
    run = imported[0]
    found: dict[str, list[str]] = {}
    for row in connection.execute(questions.SOURCES, {"runs": [run.run_id]}):
        told = {"role": row.role, "path": row.path, "size": row.size, "sha256": row.sha256}
        name = row.path.rsplit("/", 1)[-1]
        source = graph.add(f"source:{run.uuid}:{row.role}", "source", name, told)
        graph.link(source, f"run:{run.uuid}", "wasGeneratedBy")
        found.setdefault(row.role, []).append(source)
    return found


_image_key = itemgetter(*questions.IMAGE_KEY)


_IMAGE, _FILE, _OF_IMAGE, _FRAME, _OF_FILE = questions.OF_IMAGES
_SHOWN = questions.OF_FILES[1]
_FILE_NUMBER = _OF_IMAGE.stop - 1
_EXPID = _FRAME.start + 3


def _add_images(
    graph: Graph,
    images: Sequence[Row[Any]],
    averages: dict[int, str],
    run: Row[Any],
    sources: Sequence[str],
) -> None:
    """Add images, each with its file, of which there is a row each place, or its frame alone."""
    run_id = f"run:{run.uuid}"
    edges = graph.edges
    for _, group in groupby(images, key=_image_key):
        row, *others = group
        beside, shown = row[_OF_IMAGE], row[_FRAME]
        average = averages[beside[0]]
        image = add_image(graph, row[_IMAGE], beside, average, run)
        frame, file = frame_key(shown), None
        if beside[-1] is None:
            add_frame(graph, shown, frame)
            graph.links(image, sources, "wasDerivedFrom")
        else:
            told = row[_OF_FILE]
            places = places_of([told, *(other[_OF_FILE] for other in others)])
            file = add_file(graph, row[_FILE], shown, told[1], places, frame)
            edges[run_id, file, "used"] = None
        edges[image, file or frame, "wasDerivedFrom"] = None
        through = "frame" if file is None else "file"
        graph.ties.append(Tie(image, average, run_id, frame, file, through))


def _add_companions(
    connection: Connection, graph: Graph, numbers: dict[str, list[int]], run: Row[Any]
) -> None:
    """Add the other files of the frames that the run read, and say what they served for."""
    asked = {**numbers, "run": run.run_id}
    found = connection.execute(questions.COMPANIONS, asked).all()
    for (number, role), group in groupby(found, key=lambda row: (row.row_number, row.role)):
        file = add_file_of(graph, list(group))
        image = f"image_result:{run.uuid}:{number}"
        add_companion(graph, image, file, role)
        graph.link(f"run:{run.uuid}", file, "used")


def _add_shown_by(
    connection: Connection,
    graph: Graph,
    numbers: dict[str, list[int]],
    kind: str | None,
    images: Sequence[Row[Any]],
) -> None:
    """Add the files that show frames of which a table alone tells: one of them was measured."""
    asked = {**numbers, "kind": kind or "bcd"}
    linked = {row[_FRAME.start]: frame_key(row[_FRAME]) for row in images}
    found = list(connection.execute(questions.SHOWN_BY, asked))
    expids = {row[_EXPID] for row in images if row[_FILE_NUMBER] is None}
    if None in expids:
        found += connection.execute(questions.SHOWN_AT, asked)
    for _, group in groupby(found, key=lambda row: (row.of_frame_id, row.held_id)):
        rows = list(group)
        there = frame_key(rows[0][_SHOWN])
        add_file_of(graph, rows, there)
        here = linked[rows[0].of_frame_id]
        if here != there:
            graph.link(here, there, "alternateOf")
