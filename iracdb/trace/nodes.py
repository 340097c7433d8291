"""Rows become nodes: what each thing is called, and what is told of it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cache
from typing import Any

from iracdb import flags
from iracdb.runs.withdrawal import RUN
from iracdb.trace.graph import Graph
from iracdb.trace.identity import frame_key, frame_label
from iracdb.trace.questions import AVERAGE, FILE, IMAGE

Places = Sequence[tuple[str, bool]]
"""Paths at which a file was seen, and whether it was there when last looked for."""

_names_of = cache(flags.decode)


def status_of(row: Any) -> tuple[str, str | None]:
    """Tell what became of an image in its average, and why.

    Parameters
    ----------
    row : Row
        Of an image.

    Returns
    -------
    tuple
        ``'kept'``, ``'rejected'``, ``'unusable'`` or, where an imported table does not say,
        ``'not told'``; and the bound or the flags.
    """
    if row.kept:
        return "kept", None
    if row.image_rejected_by is not None:
        return "rejected", row.image_rejected_by
    if row.kept is None and row.image_raw is not None and row.image_background is not None:
        return "not told", None
    return "unusable", ", ".join(_names_of(row.flags)) or "no flux"


def add_run(graph: Graph, row: Any) -> str:
    """Add a run, and who made it.

    Parameters
    ----------
    graph : Graph
        To be added to.
    row : Row
        Whose first columns are those of `iracdb.runs.withdrawal.RUN`.

    Returns
    -------
    str
        The run's id.
    """
    node_id = f"run:{row.uuid}"
    if node_id in graph.nodes:
        return node_id
    attributes = dict(zip(RUN, row[: len(RUN)], strict=True))
    graph.add(node_id, "run", f"run {row.run_id} ({row.name})", attributes)
    if row.operator is not None or row.host is not None:
        who = f"{row.operator or 'unknown'}@{row.host or 'unknown'}"
        told = {"operator": row.operator, "host": row.host}
        label = f"{row.operator or 'unknown'} on {row.host or 'an unknown machine'}"
        graph.link(node_id, graph.add(f"agent:{who}", "agent", label, told), "wasAssociatedWith")
    return node_id


def add_average(graph: Graph, row: Any, run: Any) -> str:
    """Add an average, its target and that the run made it.

    Parameters
    ----------
    graph : Graph
        To be added to.
    row : Row
        Of an average with its target.
    run : Row
        The run.

    Returns
    -------
    str
        The average's id.
    """
    node_id = f"aor_result:{run.uuid}:{row.average_row_number}"
    if node_id in graph.nodes:
        return node_id
    attributes = dict(zip(AVERAGE, row[: len(AVERAGE)], strict=True))
    name = attributes["target"]
    graph.add(node_id, "aor_result", f"AOR {attributes['aorkey']}, {name}", attributes)
    graph.link(node_id, f"run:{run.uuid}", "wasGeneratedBy")
    target = f"target:{row.identity}"
    if target not in graph.nodes:
        told = {"name": name, "ra": row.ra, "dec": row.dec}
        if row.epoch is not None:
            told |= {key: getattr(row, key) for key in ("pm_ra", "pm_dec", "parallax", "epoch")}
        graph.add(target, "target", name, told)
    graph.link(node_id, target, "wasDerivedFrom")
    return node_id


def add_image(graph: Graph, row: Any, told: Sequence[Any], average: str, run: Any) -> str:
    """Add an image of an average.

    Parameters
    ----------
    graph : Graph
        To be added to.
    row : Row
        Of an image.
    told : sequence
        The part of the row that `iracdb.trace.questions.IMAGE` names.
    average : str
        The id of its average.
    run : Row
        The run.

    Returns
    -------
    str
        The image's id.
    """
    attributes = dict(zip(IMAGE, told, strict=True))
    attributes["status"], attributes["why"] = status_of(row)
    attributes["flags"] = list(_names_of(row.flags))
    attributes["run_id"] = run.run_id
    number, uuid = attributes["row_number"], run.uuid
    node_id = f"image_result:{uuid}:{number}"
    graph.add(node_id, "image_result", f"image {number} of {run.name}", attributes)
    graph.link(average, node_id, "wasDerivedFrom")
    graph.link(node_id, f"run:{uuid}", "wasGeneratedBy")
    return node_id


def add_companion(graph: Graph, image: str, file: str, role: str) -> None:
    """Say which other file of its frame served for an image.

    Parameters
    ----------
    graph : Graph
        To be added to.
    image, file : str
        Ids.
    role : str
        What the file served for.
    """
    graph.nodes[image][2].setdefault("companions", {})[role] = graph.nodes[file][2]["sha256"]
    graph.link(image, file, "wasDerivedFrom")


def add_frame(graph: Graph, row: Any, key: str | None = None) -> str:
    """Add a frame.

    Parameters
    ----------
    graph : Graph
        To be added to.
    row : Row
        With the labels of `iracdb.trace.identity.COLUMNS`.
    key : str, optional
        Its id, where that is known already.

    Returns
    -------
    str
        The frame's id.
    """
    node_id = key or frame_key(row)
    if node_id in graph.nodes:
        return node_id
    attributes = {
        "number": row.frame_id,
        "channel": row.channel,
        "aorkey": row.aorkey,
        "expid": row.expid,
        "dcenum": row.dcenum,
        "mjd_obs": row.frame_mjd,
    }
    return graph.add(node_id, "frame", frame_label(row), attributes)


def add_file(
    graph: Graph, row: Any, told: Sequence[Any], places: Places, frame: str | None = None
) -> str:
    """Add a file, the frame that it shows and the pipeline that made it.

    Parameters
    ----------
    graph : Graph
        To be added to.
    row : Row
        Of a file with its frame.
    told : sequence
        The part of the row that `iracdb.trace.questions.FILE` names.
    places : sequence
        Where it was seen.
    frame : str, optional
        The id of its frame, where that is known already.

    Returns
    -------
    str
        The file's id.
    """
    attributes = dict(zip(FILE, told, strict=True))
    node_id = f"file:{attributes['sha256']}"
    if node_id in graph.nodes:
        return node_id
    attributes["header_held"] = row.header_of is not None
    attributes["places"] = [{"path": path, "present": present} for path, present in places]
    attributes["path"], attributes["present"] = best_place(places)
    graph.add(node_id, "file", attributes["name"], attributes)
    graph.link(node_id, add_frame(graph, row, frame), "specializationOf")
    creator, fluxconv = attributes["creator"], attributes["fluxconv"]
    if creator is not None or fluxconv is not None:
        name = f"pipeline:{creator}/{fluxconv!r}"
        if name not in graph.nodes:
            known = [f"CREATOR {creator}"] if creator is not None else []
            known += [f"FLUXCONV {fluxconv!r}"] if fluxconv is not None else []
            made_by = {"creator": creator, "fluxconv": fluxconv}
            graph.add(name, "pipeline", ", ".join(known), made_by)
        graph.link(node_id, name, "wasAttributedTo")
    return node_id


def best_place(places: Places) -> tuple[str | None, bool]:
    """Choose the place to tell: the first at which a file is, else the first where it was.

    Parameters
    ----------
    places : sequence
        Of the file.

    Returns
    -------
    tuple
        The path, None where there is none; and whether the file is there.
    """
    there = [path for path, present in places if present]
    if there:
        return there[0], True
    return (places[0][0] if places else None), False


def places_of(rows: Iterable[Any]) -> list[tuple[str, bool]]:
    """Gather the places of one file.

    Parameters
    ----------
    rows : iterable of Row
        One each place, or one without.

    Returns
    -------
    list of tuple
        Path, and whether the file was there when last looked for.
    """
    return [(row.path, bool(row.present)) for row in rows if row.path is not None]
