"""Rows become nodes: what each thing is called, and what is told of it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cache
from typing import Any

from iracdb import flags
from iracdb.runs.withdrawal import RUN
from iracdb.trace.graph import Graph
from iracdb.trace.identity import Frame, frame_key, frame_label
from iracdb.trace.questions import AVERAGE, FILE, IMAGE, OF_FILES

Places = Sequence[tuple[str, bool]]
"""Paths at which a file was seen, and whether it was there when last looked for."""

_names_of = cache(flags.decode)
_AVERAGE, _IMAGE, _FILE = tuple(AVERAGE), tuple(IMAGE), tuple(FILE)


def status_of(told: dict[str, Any], flags: int, kept: bool | None) -> tuple[str, str | None]:
    """Tell what became of an image in its average, and why.

    Parameters
    ----------
    told : dict
        What `iracdb.trace.questions.IMAGE` names, of an image.
    flags : int
        Its quality flags.
    kept : bool or None
        Whether it counts.

    Returns
    -------
    tuple
        ``'kept'``, ``'rejected'``, ``'unusable'`` or, where an imported table does not say,
        ``'not told'``; and the bound or the flags.
    """
    if kept:
        return "kept", None
    if told["rejected_by"] is not None:
        return "rejected", told["rejected_by"]
    if kept is None and told["raw"] is not None and told["background"] is not None:
        return "not told", None
    return "unusable", ", ".join(_names_of(flags)) or "no flux"


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
    attributes = dict(zip(_AVERAGE, row, strict=False))
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


def add_image(
    graph: Graph, told: Sequence[Any], beside: Sequence[Any], average: str, run: Any
) -> str:
    """Add an image of an average.

    Parameters
    ----------
    graph : Graph
        To be added to.
    told : sequence
        The part of a row that `iracdb.trace.questions.IMAGE` names.
    beside : sequence
        What the row tells of the image besides: flags, whether it is kept and the number of its
        file come last.
    average : str
        The id of its average.
    run : Row
        The run.

    Returns
    -------
    str
        The image's id.
    """
    attributes = dict(zip(_IMAGE, told, strict=True))
    _, _, _, bits, kept, _ = beside
    attributes["status"], attributes["why"] = status_of(attributes, bits, kept)
    attributes["flags"] = list(_names_of(bits))
    attributes["run_id"] = run.run_id
    number, uuid = attributes["row_number"], run.uuid
    node_id = f"image_result:{uuid}:{number}"
    graph.nodes.setdefault(node_id, ("image_result", f"image {number} of {run.name}", attributes))
    edges = graph.edges
    edges[average, node_id, "wasDerivedFrom"] = None
    edges[node_id, f"run:{uuid}", "wasGeneratedBy"] = None
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


def add_frame(graph: Graph, frame: Frame, key: str | None = None) -> str:
    """Add a frame.

    Parameters
    ----------
    graph : Graph
        To be added to.
    frame : sequence
        The values of `iracdb.trace.identity.COLUMNS`, and anything after them.
    key : str, optional
        Its id, where that is known already.

    Returns
    -------
    str
        The frame's id.
    """
    node_id = key or frame_key(frame)
    if node_id not in graph.nodes:
        attributes = dict(zip(_FRAME, frame, strict=False))
        graph.nodes[node_id] = "frame", frame_label(frame), attributes
    return node_id


_FRAME = ("number", "channel", "aorkey", "expid", "dcenum", "mjd_obs")


def add_file(
    graph: Graph,
    told: Sequence[Any],
    frame: Frame,
    header_of: int | None,
    places: Places,
    key: str | None = None,
) -> str:
    """Add a file, the frame that it shows and the pipeline that made it.

    Parameters
    ----------
    graph : Graph
        To be added to.
    told : sequence
        The part of a row that `iracdb.trace.questions.FILE` names.
    frame : sequence
        Its frame: the values of `iracdb.trace.identity.COLUMNS`.
    header_of : int or None
        Number of the file, where its header is held.
    places : sequence
        Where it was seen.
    key : str, optional
        The id of its frame, where that is known already.

    Returns
    -------
    str
        The file's id.
    """
    attributes = dict(zip(_FILE, told, strict=True))
    node_id = f"file:{attributes['sha256']}"
    if node_id in graph.nodes:
        return node_id
    attributes["header_held"] = header_of is not None
    attributes["places"] = [{"path": path, "present": present} for path, present in places]
    attributes["path"], attributes["present"] = best_place(places)
    graph.nodes[node_id] = "file", attributes["name"], attributes
    edges = graph.edges
    edges[node_id, add_frame(graph, frame, key), "specializationOf"] = None
    creator, fluxconv = attributes["creator"], attributes["fluxconv"]
    if creator is not None or fluxconv is not None:
        name = f"pipeline:{creator}/{fluxconv!r}"
        if name not in graph.nodes:
            known = [f"CREATOR {creator}"] if creator is not None else []
            known += [f"FLUXCONV {fluxconv!r}"] if fluxconv is not None else []
            made_by = {"creator": creator, "fluxconv": fluxconv}
            graph.add(name, "pipeline", ", ".join(known), made_by)
        edges[node_id, name, "wasAttributedTo"] = None
    return node_id


def add_file_of(graph: Graph, rows: Sequence[Any], key: str | None = None) -> str:
    """Add a file of which there is a row each place.

    Parameters
    ----------
    graph : Graph
        To be added to.
    rows : sequence of Row
        As `iracdb.trace.questions.OF_FILES` says.
    key : str, optional
        The id of its frame, where that is known already.

    Returns
    -------
    str
        The file's id.
    """
    told, shown, beside = OF_FILES
    row = rows[0]
    places = places_of([each[beside] for each in rows])
    return add_file(graph, row[told], row[shown], row[beside][1], places, key)


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
    for path, present in places:
        if present:
            return path, True
    return (places[0][0] if places else None), False


def places_of(rows: Iterable[Sequence[Any]]) -> list[tuple[str, bool]]:
    """Gather the places of one file.

    Parameters
    ----------
    rows : iterable of sequence
        What is told of the file beside itself, where path and presence come last; one each place,
        or one without.

    Returns
    -------
    list of tuple
        Path, and whether the file was there when last looked for.
    """
    return [(path, bool(present)) for _, _, path, present in rows if path is not None]
