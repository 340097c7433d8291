"""A lineage laid out as a drawing: things in columns from numbers to files, many of a kind folded.

It knows places on the paper, and nothing of a database or of addresses.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, NamedTuple

from iracdb.trace.graph import Lineage

COLUMNS = (
    ("Written of it", ("study", "activity")),
    ("Averages", ("aor_result",)),
    ("Images", ("image_result",)),
    ("Runs, targets", ("run", "target")),
    ("Files, and what runs used",
     ("file", "source", "parameters", "calibration", "software", "target_list", "agent")),
    ("Frames, pipelines", ("frame", "pipeline")),
)  # fmt: skip
"""Kinds of things, from what came last to what was there first."""

WORDS = {
    "study": ("study", "studies"), "activity": ("activity", "activities"),
    "aor_result": ("average", "averages"), "image_result": ("image", "images"),
    "run": ("run", "runs"), "target": ("target", "targets"), "file": ("file", "files"),
    "source": ("table", "tables"), "parameters": ("parameters", "sets of parameters"),
    "calibration": ("calibration", "calibrations"), "software": ("software", "software"),
    "target_list": ("list of targets", "lists of targets"), "agent": ("who", "persons"),
    "frame": ("frame", "frames"), "pipeline": ("pipeline", "pipelines"),
}  # fmt: skip
"""What kinds are called, one and several."""

MOST = 8
"""Things of one kind that are drawn: of more, the others are one box."""

WIDTH, HEIGHT, BETWEEN, APART, TOP = 190, 42, 12, 76, 34
LETTERS = 23
"""That fit into a box."""


@dataclass(frozen=True)
class Box:
    """One thing, or the rest of a kind.

    Parameters
    ----------
    node : str
        Its id.
    kind : str
        Of `WORDS`.
    word, short, label : str
        What is written small above, what fits into the box, and the whole name.
    x, y : int
        Of its upper left corner.
    marks : str
        Classes: ``centre`` for what was asked about, ``left-out``, ``more``.
    """

    node: str
    kind: str
    word: str
    short: str
    label: str
    x: int
    y: int
    marks: str


class Line(NamedTuple):
    """What came from what.

    Parameters
    ----------
    path : str
        For ``d`` of an SVG path, from what came later to what was there before.
    ends : tuple of str
        The ids of both boxes.
    relation : str
        In the words of W3C PROV.
    later, earlier : str
        Labels.
    times : int
        How many such steps it stands for.
    """

    path: str
    ends: tuple[str, str]
    relation: str
    later: str
    earlier: str
    times: int


@dataclass(frozen=True)
class Drawing:
    """A lineage as boxes and lines.

    Parameters
    ----------
    width, height : int
        Of the paper.
    headings : list of tuple
        Place and words of each column.
    boxes : list of Box
        Column by column.
    lines : list of Line
        Beneath them.
    """

    width: int
    height: int
    headings: list[tuple[int, str]]
    boxes: list[Box]
    lines: list[Line]


def draw(lineage: Lineage, centres: Iterable[str]) -> Drawing:
    """Lay a lineage out.

    Parameters
    ----------
    lineage : Lineage
        Downward or upward.
    centres : iterable of str
        Ids of what was asked about: they are drawn whatever else is folded.

    Returns
    -------
    Drawing
        The same for the same lineage.
    """
    nodes = {row[0]: row for row in lineage.nodes.rows}
    wanted = set(centres)
    shown, folded = _choose(lineage, nodes, wanted)
    used = [place for place, (_, kinds) in enumerate(COLUMNS) if any(k in shown for k in kinds)]
    tall = max((_boxes_of(place, shown, folded) for place in used), default=1)
    boxes: dict[str, Box] = {}
    headings, where = [], {}
    for column, place in enumerate(used):
        x = column * (WIDTH + APART)
        headings.append((x, COLUMNS[place][0]))
        free = tall - _boxes_of(place, shown, folded)
        y = TOP + free * (HEIGHT + BETWEEN) // 2
        for kind in COLUMNS[place][1]:
            for node in shown.get(kind, ()):
                made = _box(nodes[node], x, y, node in wanted)
                boxes[node], where[node] = made, column
                y += HEIGHT + BETWEEN
            if kind in folded:
                count = folded[kind]
                said = f"and {count:,} more {WORDS[kind][1]}"
                boxes[f"more:{kind}"] = Box(
                    f"more:{kind}", kind, WORDS[kind][1], said, said, x, y, "more"
                )
                where[f"more:{kind}"] = column
                y += HEIGHT + BETWEEN
    height = TOP + tall * (HEIGHT + BETWEEN)
    width = max(1, len(used)) * (WIDTH + APART) - APART
    return Drawing(width, height, headings, list(boxes.values()), _lines(lineage, nodes, boxes))


def _choose(
    lineage: Lineage, nodes: dict[str, Any], wanted: set[str]
) -> tuple[dict[str, list[str]], dict[str, int]]:
    """Choose what is drawn of each kind: what hangs together with what is drawn already."""
    near: dict[str, set[str]] = defaultdict(set)
    for later, earlier, _ in lineage.edges.rows:
        near[later].add(earlier)
        near[earlier].add(later)
    by_kind: dict[str, list[str]] = defaultdict(list)
    for node, kind, *_ in lineage.nodes.rows:
        by_kind[kind].append(node)
    shown: dict[str, list[str]] = {}
    folded: dict[str, int] = {}
    drawn = set(wanted)
    # Images first: through them all else hangs together, in both directions.
    order = ["image_result", *(k for _, kinds in COLUMNS for k in kinds if k != "image_result")]
    for kind in order:
        all_of_it = by_kind.get(kind, [])
        if not all_of_it:
            continue
        chosen = all_of_it
        if len(all_of_it) > MOST + 1:
            of_note = [n for n in all_of_it if n in wanted]
            beside = [n for n in all_of_it if n not in wanted and near[n] & drawn]
            others = [n for n in all_of_it if n not in wanted and not near[n] & drawn]
            taken = set([*of_note, *beside, *others][: max(MOST, len(of_note))])
            chosen = [n for n in all_of_it if n in taken]
            folded[kind] = len(all_of_it) - len(chosen)
        shown[kind] = chosen
        drawn |= set(chosen)
    return shown, folded


def _boxes_of(place: int, shown: dict[str, list[str]], folded: dict[str, int]) -> int:
    return sum(len(shown.get(kind, ())) + (kind in folded) for kind in COLUMNS[place][1])


def _box(row: tuple[Any, ...], x: int, y: int, centre: bool) -> Box:
    node, kind, label, attributes = row
    word, marks = WORDS[kind][0], ["centre"] if centre else []
    status = attributes.get("status") if kind == "image_result" else None
    if status is not None:
        word = f"{word}, {status}"
        if status in ("rejected", "unusable"):
            marks.append("left-out")
    if kind == "run" and attributes.get("withdrawn_at") is not None:
        word = f"{word}, withdrawn"
        marks.append("left-out")
    return Box(node, kind, word, shortened(kind, label), label, x, y, " ".join(marks))


def shortened(kind: str, label: str) -> str:
    """Cut a name to what fits into a box.

    Parameters
    ----------
    kind : str
        Of `WORDS`: files, tables and frames differ at the ends of their names.
    label : str
        Any.

    Returns
    -------
    str
        Up to `LETTERS` characters.
    """
    if len(label) <= LETTERS:
        return label
    if kind in ("file", "source", "frame"):
        return f"…{label[1 - LETTERS :]}"
    return f"{label[: LETTERS - 1]}…"


def _lines(lineage: Lineage, nodes: dict[str, Any], boxes: dict[str, Box]) -> list[Line]:
    counts: dict[tuple[str, str, str], int] = {}
    for later, earlier, relation in lineage.edges.rows:
        ends = [one if one in boxes else f"more:{nodes[one][1]}" for one in (later, earlier)]
        if ends[0] != ends[1]:
            key = (ends[0], ends[1], relation)
            counts[key] = counts.get(key, 0) + 1
    return [
        Line(_curve(boxes[later], boxes[earlier]), (later, earlier), relation,
             boxes[later].label, boxes[earlier].label, count)
        for (later, earlier, relation), count in counts.items()
    ]  # fmt: skip


def _curve(later: Box, earlier: Box) -> str:
    y1, y2 = later.y + HEIGHT // 2, earlier.y + HEIGHT // 2
    if later.x == earlier.x:
        x = later.x + WIDTH
        return f"M{x} {y1} C{x + 40} {y1} {x + 40} {y2} {x} {y2}"
    x1, x2 = (later.x + WIDTH, earlier.x) if later.x < earlier.x else (later.x, earlier.x + WIDTH)
    bend = (x2 - x1) // 2
    return f"M{x1} {y1} C{x1 + bend} {y1} {x2 - bend} {y2} {x2} {y2}"
