"""How the nodes of a lineage look: each kind by a colour and a shape of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from iracdb.report.style import BLUE, GREEN, GREY, ORANGE, PURPLE, SKY, VERMILION

if TYPE_CHECKING:
    from matplotlib.path import Path


class Look(NamedTuple):
    """How nodes of a kind look.

    Parameters
    ----------
    colour : str
        Of the edge; the face is a pale tint of it.
    shape : str
        Of `outline`.
    name : str
        What the kind is called before people.
    """

    colour: str
    shape: str
    name: str


LOOKS: dict[str, Look] = {
    "aor_result": Look(BLUE, "double", "average"),
    "image_result": Look(SKY, "round", "image"),
    "file": Look(GREEN, "cut", "file"),
    "source": Look(GREEN, "slant", "published table"),
    "frame": Look(GREY, "round", "frame"),
    "pipeline": Look(VERMILION, "house", "pipeline"),
    "target": Look(PURPLE, "round", "target"),
    "target_list": Look(PURPLE, "cut", "list of targets"),
    "run": Look(ORANGE, "box", "run"),
    "parameters": Look(BLUE, "slant", "parameters"),
    "calibration": Look(PURPLE, "slant", "calibration"),
    "software": Look(VERMILION, "hexagon", "software"),
    "agent": Look(ORANGE, "house", "who"),
}
"""Of the kinds that there are; shape and word tell them apart without colour."""


def look_of(kind: str) -> Look:
    """Tell how nodes of a kind look.

    Parameters
    ----------
    kind : str
        Of a lineage.

    Returns
    -------
    Look
        That of a plain box where the kind is not known.
    """
    return LOOKS.get(kind, Look(GREY, "box", kind.replace("_", " ")))


def outline(shape: str, left: float, low: float, width: float, height: float) -> Path:
    """Draw the outline of a node.

    Parameters
    ----------
    shape : {'box', 'double', 'round', 'cut', 'slant', 'house', 'hexagon'}
        Of a `Look`.
    left, low, width, height : float
        The box that it fills.

    Returns
    -------
    matplotlib.path.Path
        Closed; within the box.
    """
    from matplotlib.path import Path

    right, high, middle = left + width, low + height, low + height / 2
    # How much is cut of the sides: text keeps clear of it.
    c = min(0.3 * height, 7.0)
    corners = {
        "cut": [(left, low), (right, low), (right, high - c), (right - c, high), (left, high)],
        "slant": [(left, low), (right - c, low), (right, high), (left + c, high)],
        "house": [(left, low), (right - c, low), (right, middle), (right - c, high), (left, high)],
        "hexagon": [
            (left + c, low), (right - c, low), (right, middle), (right - c, high),
            (left + c, high), (left, middle),
        ],
    }.get(shape, [(left, low), (right, low), (right, high), (left, high)])  # fmt: skip
    if shape == "double":
        inner = [(x + d, y + e) for (x, y), d, e in zip(
            corners, (2, -2, -2, 2), (2, 2, -2, -2), strict=True
        )]  # fmt: skip
        one, other = (Path([*each, each[0]], closed=True) for each in (corners, inner[::-1]))
        return Path.make_compound_path(one, other)
    if shape != "round":
        return Path([*corners, corners[0]], closed=True)
    # Quarter circles, by cubics.
    r, k = height / 2, height / 2 * 0.4477
    codes = [Path.MOVETO, Path.LINETO, *[Path.CURVE4] * 6, Path.LINETO, *[Path.CURVE4] * 6]
    points = [
        (left + r, low), (right - r, low), (right - k, low), (right, middle - r + k),
        (right, middle), (right, middle + r - k), (right - k, high), (right - r, high),
        (left + r, high), (left + k, high), (left, middle + r - k), (left, middle),
        (left, middle - r + k), (left + k, low), (left + r, low),
    ]  # fmt: skip
    return Path(points, codes)
