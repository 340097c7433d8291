"""The lineage of one number as a graph: the flux of an average, and all that it rests on."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np
from astropy.table import QTable
from sqlalchemy import select

from iracdb.catalogue import tables as t
from iracdb.report.missing import say_missing, table_without
from iracdb.report.node_layout import (
    BESIDE,
    FIRST_SIZE,
    SECOND_SIZE,
    Box,
    Node,
    curve,
    place,
    plain,
    text_outline,
)  # fmt: skip
from iracdb.report.node_shapes import look_of, outline
from iracdb.report.style import BLACK, GREY, axes, look
from iracdb.report.subject import Subject
from iracdb.runs.lightcurve_rows import target_meant
from iracdb.trace.down import lineage_of_aor
from iracdb.trace.graph import Lineage

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.patches import Patch

MOST, FIRST = 12, 8
"""Up to so many things of a kind are drawn each; of more the first, and one for all others."""

_LINES = {
    "wasDerivedFrom": "-", "wasGeneratedBy": (0, (5, 2)), "used": (0, (1.2, 1.5)),
    "wasAssociatedWith": (0, (5, 1.5, 1.2, 1.5)), "specializationOf": (0, (8, 2)),
    "wasAttributedTo": (0, (3, 1.5, 1, 1.5, 1, 1.5)), "wasInformedBy": (0, (2, 1)),
    "alternateOf": (0, (1, 3)),
}  # fmt: skip
"""How edges are drawn, by the word of W3C PROV."""


def gather(subject: Subject) -> QTable:
    """Make the table that is drawn: the nodes, and in ``meta['edges']`` what joins them.

    Parameters
    ----------
    subject : Subject
        A run and an AOR; without an AOR, the run's first average that has a flux.

    Returns
    -------
    astropy.table.QTable
        One row a node: id, kind, first and second (its lines of text) and folded, how many it
        stands for. ``meta['edges']`` lists from, to and the relation in the words of W3C PROV;
        ``meta['numbers']`` counts the things of each kind that the flux rests on.

    Raises
    ------
    NotFound
        Where the run has no such AOR or target.
    """
    run = subject.run
    chosen = _chosen(subject)
    if chosen is None:
        missing = f"{run.name} has no average in what is asked for: there is no number to follow"
        return table_without(subject, f"{run.name}, lineage of a flux", missing)
    aorkey, target = chosen
    with subject.database.read() as connection:
        found = lineage_of_aor(connection, run.run_id, aorkey, target)
    told = {row[0]: row for row in found.nodes.rows}
    edges = [tuple(edge) for edge in found.edges.rows]
    averages = found.of_kind("aor_result")
    with_flux = [one for one in averages if one["attributes"]["flux"] is not None]
    average = (with_flux or averages)[0]
    reached = _reached(average["id"], edges)
    meta = subject.meta(f"{run.name}, what the flux of AOR {aorkey} rests on")
    if len(averages) > 1:
        meta["notes"].append(
            f"AOR {aorkey} has {len(averages)} averages: the one in row "
            f"{average['attributes']['row_number']} is followed"
        )
    nodes, stands_in = _folded(found, reached)
    joined = dict.fromkeys(
        (stands_in[one], stands_in[other], relation)
        for one, other, relation in edges
        if one in reached and other in reached and stands_in[one] != stands_in[other]
    )
    kinds = [told[one][1] for one in reached]
    meta["numbers"] = {kind: kinds.count(kind) for kind in dict.fromkeys(kinds)}
    meta["edges"] = [list(edge) for edge in joined]
    return QTable(
        {
            "id": [node.id for node in nodes], "kind": [node.kind for node in nodes],
            "first": [node.lines[0] for node in nodes],
            "second": [node.lines[1] if len(node.lines) > 1 else "" for node in nodes],
            "folded": np.array([node.folded for node in nodes], dtype=np.int64),
        },
        meta=meta,
    )  # fmt: skip


def _chosen(subject: Subject) -> tuple[int, str | None] | None:
    """Choose the AOR, and the target where it matters."""
    named = None
    if subject.target is not None:
        named = target_meant(subject.run.targets, subject.target, subject.run.name)
    if subject.aors:
        return subject.aors[0], None if named is None else named[0]
    average = t.aor_result.c
    query = select(average.aorkey, average.target_name).where(average.run_id == subject.run.run_id)
    if named is not None:
        query = query.where(average.target_name.in_(named))
    with subject.database.read() as connection:
        found = connection.execute(
            query.order_by(average.flux.is_(None), average.row_number).limit(1)
        ).first()
    return None if found is None else (found.aorkey, found.target_name)


def _reached(start: str, edges: Iterable[tuple[str, ...]]) -> dict[str, None]:
    """Find all that can be reached along edges, nearest first."""
    after: dict[str, list[str]] = {}
    for one, other, _ in edges:
        after.setdefault(one, []).append(other)
    found, queue = {start: None}, [start]
    while queue:
        one = queue.pop(0)
        for other in after.get(one, ()):
            if other not in found:
                found[other] = None
                queue.append(other)
    return found


def _folded(found: Lineage, reached: dict[str, None]) -> tuple[list[Node], dict[str, str]]:
    """Make the nodes that are drawn, and tell which of them each thing stands in."""
    rows = {row[0]: row for row in found.nodes.rows if row[0] in reached}
    images = [one for one, row in rows.items() if row[1] == "image_result"]
    # Of many, those that may count are shown before those without a flux.
    if len(images) > MOST:
        images.sort(key=lambda one: rows[one][3]["status"] == "unusable")
    # Files and frames stand in the order of their images.
    place_of = {one: number for number, one in enumerate(images)}
    ties = sorted(found.ties, key=lambda tie: place_of.get(tie.image, len(images)))
    order = [row[0] for row in found.nodes.rows if row[1] not in ("image_result", "file", "frame")]
    order += images
    order += [end for tie in ties for end in (tie.file, tie.frame) if end is not None]
    order = [one for one in dict.fromkeys([*order, *rows]) if one in rows]
    measured = {tie.file for tie in found.ties}
    groups: dict[tuple[str, str], list[str]] = {}
    for one in order:
        _, kind, _, attributes = rows[one]
        beside = kind == "file" and one not in measured
        groups.setdefault((kind, attributes["kind"] if beside else ""), []).append(one)
    nodes: list[Node] = []
    stands_in: dict[str, str] = {}
    for (kind, beside), ids in groups.items():
        # Files read beside those measured are many alike: one node for all of a kind.
        most, first = (1, 0) if beside else (MOST, FIRST)
        shown = ids if len(ids) <= most else ids[:first]
        rest = ids[len(shown) :]
        nodes += [Node(one, kind, _lines(*rows[one])) for one in shown]
        stands_in |= {one: one for one in shown}
        if rest:
            stands_in |= dict.fromkeys(rest, rest[0])
            nodes.append(Node(rest[0], kind, _many(kind, beside, rest, rows), len(rest)))
    return nodes, stands_in


def _many(
    kind: str, beside: str, rest: list[str], rows: dict[str, tuple[Any, ...]]
) -> tuple[str, ...]:
    """Say what is folded into one node."""
    if beside:
        return f"{len(rest)} files {beside}", "read beside those measured"
    name = look_of(kind).name
    if kind != "image_result":
        return (f"and {len(rest)} more {name}s",)
    states = [rows[one][3]["status"] for one in rest]
    counts = ", ".join(f"{states.count(one)} {one}" for one in dict.fromkeys(states))
    return f"and {len(rest)} more images", counts


def _lines(_: str, kind: str, label: str, told: dict[str, Any]) -> tuple[str, ...]:
    """Write what stands in a node."""
    name = look_of(kind).name
    if kind == "aor_result":
        if told["flux"] is None:
            return label, f"average: {told['reason'] or 'no flux'}"
        error = "" if told["error"] is None else f" ± {told['error']:.2g}"
        return label, f"average: {told['flux']:.6g}{error} mJy"
    if kind == "image_result":
        why = f": {told['why']}" if told["why"] else ""
        return f"image {told['row_number']}", f"{told['status']}{why}"
    if kind == "frame":
        known = told["mjd_obs"] is not None and "MJD" not in label
        return label, f"{name} at MJD {told['mjd_obs']:.5f}" if known else name
    if kind in ("file", "calibration", "source", "target_list"):
        return label.rsplit("/", 1)[-1], f"{name}, sha256 {str(told['sha256'])[:12]}"
    if kind == "parameters":
        return label, f"{len(told)} parameters"
    if kind == "software":
        commit = told["git_commit"]
        return label, f"{name}, commit {commit[:12]}" if commit else name
    return label, name


def draw(table: QTable, ax: Axes | None = None) -> Axes:
    """Draw the graph, the flux on the left and what it rests on to its right.

    Parameters
    ----------
    table : astropy.table.QTable
        From `gather`.
    ax : matplotlib.axes.Axes, optional
        Where to draw; by default on a new figure.

    Returns
    -------
    matplotlib.axes.Axes
        Where it is drawn; one point of the layout is one unit of it.
    """
    with look():
        nothing = say_missing(table, ax)
        if nothing is not None:
            return nothing
        ax = axes(ax)
        nodes = nodes_of(table)
        boxes = boxes_of(table)
        for one, other, relation in table.meta["edges"]:
            _draw_edge(ax, boxes[one], boxes[other], relation)
        for node in nodes:
            _draw_node(ax, node, boxes[node.id])
        ax.set_xlim(-3, max(box.left + box.width for box in boxes.values()) + 3)
        lows = [box.low for box in boxes.values()]
        ax.set_ylim(min(lows) - 3, max(box.low + box.height for box in boxes.values()) + 3)
        ax.set_aspect("equal")
        ax.set_axis_off()
        ax.set_title(table.meta["title"])
        _legend(ax, [relation for _, _, relation in table.meta["edges"]])
        return ax


def nodes_of(table: QTable) -> list[Node]:
    """Give the nodes of a table.

    Parameters
    ----------
    table : astropy.table.QTable
        From `gather`.

    Returns
    -------
    list of Node
        In the table's order.
    """
    return [
        Node(str(one), str(kind), tuple(line for line in (str(a), str(b)) if line), int(many))
        for one, kind, a, b, many in zip(
            *(table[name] for name in ("id", "kind", "first", "second", "folded")), strict=True
        )
    ]


def boxes_of(table: QTable) -> dict[str, Box]:
    """Tell where the nodes of a table stand.

    Parameters
    ----------
    table : astropy.table.QTable
        From `gather`.

    Returns
    -------
    dict
        `Box` by id.
    """
    nodes = nodes_of(table)
    runs = [node.id for node in nodes if node.kind == "run"]
    return place(nodes, dict.fromkeys(runs[1:], "earlier run"))


def _draw_edge(ax: Axes, start: Box, end: Box, relation: str) -> None:
    from matplotlib.patches import FancyArrowPatch

    arrow = FancyArrowPatch(
        path=curve(start, end), arrowstyle="-|>", mutation_scale=6, color=GREY, alpha=0.75,
        lw=0.8, ls=_LINES.get(relation, "-"), zorder=1, gid=relation,
    )  # fmt: skip
    _add(ax, arrow)


def _add(ax: Axes, patch: Patch) -> None:
    """Add what lies within the limits that are set: to measure each curve of it takes seconds."""
    patch.set_in_layout(False)
    ax.add_artist(patch)


def _draw_node(ax: Axes, node: Node, box: Box) -> None:
    from matplotlib.colors import to_rgb
    from matplotlib.patches import PathPatch
    from matplotlib.transforms import Affine2D

    colour, shape, _ = look_of(node.kind)
    tint = 1 - 0.16 * (1 - np.array(to_rgb(colour)))
    # Another of the same outline lies behind what stands for several.
    for away in (2.5, 0.0) if node.folded > 1 else (0.0,):
        path = outline(shape, box.left + away, box.low - away, box.width, box.height)
        _add(ax, PathPatch(path, fc=tint, ec=colour, lw=1.0, zorder=2))
    lines = list(zip(node.lines, (FIRST_SIZE, SECOND_SIZE), (BLACK, "#404040"), strict=False))
    base = box.low + box.height / 2 + (2.2 if len(lines) > 1 else -2.8)
    for line, size, ink in lines:
        words = text_outline(plain(line), size)
        moved = Affine2D().translate(box.left + BESIDE, base).transform_path(words)
        _add(ax, PathPatch(moved, fc=ink, ec="none", lw=0, zorder=3, gid="text"))
        base -= 9.4


def _legend(ax: Axes, relations: list[str]) -> None:
    from matplotlib.lines import Line2D

    used = [name for name in _LINES if name in relations]
    handles = [Line2D([], [], color=GREY, lw=1.2, ls=_LINES[name], label=name) for name in used]
    ax.legend(
        handles=handles, loc="upper center", bbox_to_anchor=(0.5, -0.02), ncols=len(used) or 1,
        frameon=False, handlelength=3.4, fontsize=8,
    )  # fmt: skip
