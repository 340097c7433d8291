"""Where the nodes of a lineage stand: columns by kind, measured by the text that they hold.

All lengths are points at full size. Text is laid out as outlines, so that it keeps its place
whatever the size of the figure: nodes made as wide as their text never let texts overlap.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from matplotlib.textpath import TextPath

FIRST_SIZE, SECOND_SIZE = 8.0, 6.6
"""Sizes of the two lines of a node, points."""

BESIDE, BETWEEN, GAP = 9.0, 7.0, 36.0
"""Room left and right of a text, between nodes of a column, and between columns."""

COLUMNS = {
    "aor_result": 0, "image_result": 1, "source": 2, "run": 3, "target": 3, "file": 4,
    "parameters": 4, "calibration": 4, "target_list": 4, "earlier run": 4, "frame": 5,
    "pipeline": 5, "software": 5, "agent": 5,
}  # fmt: skip
"""From the number to what it rests on."""

_ABOVE = ("aor_result", "image_result", "file", "frame")
"""Kinds that stand in the upper lane, where what an image came from is level with it."""


class Node(NamedTuple):
    """A node that is drawn.

    Parameters
    ----------
    id : str
        Its id, or that of what is folded in it.
    kind : str
        What it is.
    lines : tuple of str
        One or two lines of text.
    folded : int
        How many it stands for: 1 for itself.
    """

    id: str
    kind: str
    lines: tuple[str, ...]
    folded: int = 1


class Box(NamedTuple):
    """Where a node stands.

    Parameters
    ----------
    left, low, width, height : float
        Points.
    column : int
        From 0, of those that are not empty.
    above : bool
        Whether it stands in the upper lane.
    """

    left: float
    low: float
    width: float
    height: float
    column: int
    above: bool


@lru_cache(maxsize=512)
def text_outline(text: str, size: float) -> TextPath:
    """Make the outline of a line of text, from 0 on its base line.

    Parameters
    ----------
    text : str
        One line, to the letter: nothing in it is a formula.
    size : float
        Points.

    Returns
    -------
    matplotlib.textpath.TextPath
        In points.
    """
    from matplotlib.font_manager import FontProperties
    from matplotlib.textpath import TextPath

    return TextPath((0, 0), text, size=size, prop=FontProperties("DejaVu Sans"), usetex=False)


def size_of(node: Node) -> tuple[float, float]:
    """Measure how large a node is to be.

    Parameters
    ----------
    node : Node
        With its text.

    Returns
    -------
    tuple of float
        Width and height, points.
    """
    widths = [
        float(text_outline(plain(line), size).vertices[:, 0].max())
        for line, size in zip(node.lines, (FIRST_SIZE, SECOND_SIZE), strict=False)
        if line.strip()
    ]
    return max(widths, default=20.0) + 2 * BESIDE, 17.0 if len(node.lines) == 1 else 26.0


def plain(text: str) -> str:
    """Keep a text from being read as a formula, or as several lines.

    Parameters
    ----------
    text : str
        Any.

    Returns
    -------
    str
        Of one line; a dollar sign is a letter.
    """
    return " ".join(text.split()).replace("$", r"\$")


def place(nodes: Sequence[Node], shift: Mapping[str, str] | None = None) -> dict[str, Box]:
    """Place nodes in columns.

    Parameters
    ----------
    nodes : sequence of Node
        In the order in which those of a column stand, from above.
    shift : mapping, optional
        Kind by which a node is placed, by id, where it is not its own.

    Returns
    -------
    dict
        `Box` by id: no two overlap.
    """
    asked = shift or {}
    column_of = {node.id: COLUMNS.get(asked.get(node.id, node.kind), 4) for node in nodes}
    used = sorted(set(column_of.values()))
    sizes = {node.id: size_of(node) for node in nodes}
    lanes: dict[tuple[int, bool], list[Node]] = {}
    for node in nodes:
        lanes.setdefault((column_of[node.id], node.kind in _ABOVE), []).append(node)
    pitch = max((sizes[n.id][1] for n in nodes if n.kind in _ABOVE), default=0.0) + BETWEEN
    rows = max((len(held) for (_, above), held in lanes.items() if above), default=0)
    floor = _height([held for (_, above), held in lanes.items() if not above], sizes)
    boxes: dict[str, Box] = {}
    left = 0.0
    for place_of, column in enumerate(used):
        mine = [node for node in nodes if column_of[node.id] == column]
        width = max(sizes[node.id][0] for node in mine)
        upper = lanes.get((column, True), [])
        # The number stands in the middle; what it rests on is level, row by row.
        high = floor + pitch * ((rows + len(upper)) / 2 if column == 0 else rows)
        for row, node in enumerate(upper):
            own, height = sizes[node.id]
            low = high - pitch * row - (pitch + height) / 2
            boxes[node.id] = Box(left, low, own, height, place_of, True)
        low = floor - 2 * BETWEEN
        for node in lanes.get((column, False), []):
            own, height = sizes[node.id]
            low -= height
            boxes[node.id] = Box(left, low, own, height, place_of, False)
            low -= BETWEEN
        left += width + GAP
    return boxes


def _height(lanes: Sequence[Sequence[Node]], sizes: Mapping[str, tuple[float, float]]) -> float:
    """Give the height of the lower lane."""
    tall = [sum(sizes[node.id][1] + BETWEEN for node in held) for held in lanes]
    return max(tall, default=0.0) + 2 * BETWEEN


def curve(start: Box, end: Box) -> Any:
    """Draw the way of an edge.

    Parameters
    ----------
    start, end : Box
        Where what came later stands, and what was there before.

    Returns
    -------
    matplotlib.path.Path
        From the right of the one to the left of the other; to what stands lower beyond another
        column, from below.
    """
    from matplotlib.path import Path

    codes = [Path.MOVETO, Path.CURVE4, Path.CURVE4, Path.CURVE4]
    x, y = end.left, end.low + end.height / 2
    if start.column == 0 and not end.above:
        x0, y0 = start.left + start.width / 2, start.low
        return Path([(x0, y0), (x0, y), (x0 + 0.2 * (x - x0), y), (x, y)], codes)
    x0, y0 = start.left + start.width, start.low + start.height / 2
    if end.column <= start.column:
        # In one column, or backward: around the right side of both.
        x, out = end.left + end.width, max(x0, end.left + end.width) + GAP / 2
        return Path([(x0, y0), (out, y0), (out, y), (x, y)], codes)
    reach = min(0.5 * (x - x0), 1.5 * GAP)
    return Path([(x0, y0), (x0 + reach, y0), (x - reach, y), (x, y)], codes)
