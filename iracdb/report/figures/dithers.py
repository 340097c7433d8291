"""The dither map: where on the array each AOR put its star, in which order."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import astropy.units as u
import numpy as np
import numpy.typing as npt
from astropy.table import QTable
from sqlalchemy import func, select

from iracdb.catalogue import tables as t
from iracdb.report.measured import column, images
from iracdb.report.missing import say_missing
from iracdb.report.style import (
    BLACK,
    BLUE,
    GREEN,
    GREY,
    MANY,
    ORANGE,
    PURPLE,
    SKY,
    VERMILION,
    axes,
    look,
    panels,
)  # fmt: skip
from iracdb.report.subject import Subject

if TYPE_CHECKING:
    from matplotlib.axes import Axes

FloatArray = npt.NDArray[np.float64]

SIDES = {"FULL": 256, "SUB": 32}
"""Pixels along a side of the array, read whole or in part."""

APART = 7
"""Up to so many AORs are told apart, each by a colour and a marker; more by their time."""

_LOOKS = (
    (BLUE, "o"), (VERMILION, "s"), (GREEN, "^"), (PURPLE, "D"), (ORANGE, "v"), (SKY, "P"),
    (GREY, "X"),
)  # fmt: skip


def gather(subject: Subject) -> QTable:
    """Make the table that is drawn: the positions of the star on the array.

    Parameters
    ----------
    subject : Subject
        Which run, and what of it.

    Returns
    -------
    astropy.table.QTable
        One row an image whose position is known, in order of AOR and time: row, aorkey, target,
        read_mode, dither_position (masked where the header tells none), number (DITHPOS, else the
        place in the order of the AOR, from 1), x and y (pixels): where the coordinate system
        expects the star, else its centre, which ``meta['position']`` tells. ``meta['numbers']``
        tells the reach of each AOR: the largest distance of two of its positions, pixels.

    Raises
    ------
    NotFound
        Where the run has no such target or AOR.
    """
    title = f"{subject.run.name}, positions on the array"
    table = images(subject, title)
    expected = all(column(table, name) is not None for name in ("x_wcs", "y_wcs"))
    x, y = (column(table, name) for name in (("x_wcs", "y_wcs") if expected else ("x", "y")))
    table.meta["numbers"], table.meta["notes"] = {}, []
    if x is None or y is None:
        nothing = QTable(meta=table.meta)
        nothing.meta["missing"] = "No position on the array is known of what is shown"
        return nothing
    said = _of_frames(subject)
    rows = [said.get(int(row), (None, None)) for row in table["row"]]
    number, aors = np.zeros(len(table), dtype=np.int64), np.asarray(table["aorkey"])
    for key in np.unique(aors):
        mine = np.flatnonzero(aors == key)
        number[mine] = np.arange(1, len(mine) + 1)
    told = np.array([dither is not None for _, dither in rows])
    dithers = np.array([dither or 0 for _, dither in rows], dtype=np.int64)
    made = QTable({name: table[name] for name in ("row", "aorkey", "target")}, meta=table.meta)
    # Where nothing tells the array, the frames averaged are called by it.
    groups = ["SUB" if str(one).startswith("SUB") else "FULL" for one in table["frame_group"]]
    made["read_mode"] = [mode or group for (mode, _), group in zip(rows, groups, strict=True)]
    made["dither_position"] = np.ma.MaskedArray(dithers, mask=~told)
    made["number"] = np.where(told, dithers, number)
    made["x"], made["y"] = x * u.pix, y * u.pix
    made.meta["position"] = "expected by the WCS" if expected else "fitted centre"
    known = np.isfinite(x) & np.isfinite(y)
    made = made[known]
    if not known.all():
        made.meta["notes"].append(
            f"{int((~known).sum())} of {len(known)} images have no position and are not shown"
        )
    # AORs in the order of their first image.
    first = {key: place for place, key in reversed(list(enumerate(made["aorkey"].tolist())))}
    order = np.argsort([first[key] for key in made["aorkey"].tolist()], kind="stable")
    made = made[order]
    made.meta["numbers"] = {str(key): _reach(made, key) for key in first}
    return made


def _of_frames(subject: Subject) -> dict[int, tuple[str | None, int | None]]:
    """Read the kind of array and DITHPOS of each image, by its row."""
    image, frame, file = t.image_result.c, t.frame.c, t.file.c
    query = (
        select(
            image.row_number,
            frame.read_mode,
            file.naxis1,
            func.coalesce(file.dither_position, frame.dither_position),
        )
        .join(t.aor_result, t.aor_result.c.id == image.aor_result_id)
        .join(t.frame, frame.id == image.frame_id)
        .join(t.file, file.id == image.file_id, isouter=True)
        .where(t.aor_result.c.run_id == subject.run.run_id)
    )
    with subject.database.read() as connection:
        return {
            row: (_mode(mode, side, subject.run.row.kind), dither)
            for row, mode, side, dither in connection.execute(query)
        }


def _mode(told: str | None, side: int | None, kind: str | None) -> str | None:
    """Tell the kind of array: by the file, else by the kind of file, else as it was recorded."""
    if side is not None or kind == "sub2d":
        return "SUB" if side in (None, SIDES["SUB"]) else "FULL"
    return told


def _reach(table: QTable, key: int) -> float:
    mine = np.asarray(table["aorkey"]) == key
    points = np.unique(np.column_stack([table["x"].value, table["y"].value])[mine], axis=0)
    # Of many the farthest lie on the hull; of few all are looked at.
    farthest = 0.0
    for one in points:
        farthest = max(farthest, float(np.hypot(*(points - one).T).max()))
    return farthest


def draw(table: QTable, ax: Axes | None = None) -> Axes | list[Axes]:
    """Draw the positions on the whole array, and near by.

    Parameters
    ----------
    table : astropy.table.QTable
        From `gather`.
    ax : matplotlib.axes.Axes, optional
        Where to draw; by default on a new figure.

    Returns
    -------
    list of matplotlib.axes.Axes
        For each read mode the whole array, and of the full array the part where positions are;
        one where there is nothing to draw.
    """
    with look():
        nothing = say_missing(table, ax)
        if nothing is not None:
            return nothing
        keys = list(dict.fromkeys(table["aorkey"].tolist()))
        parts = [part for mode in SIDES for part in _parts(table, mode)]
        drawn = panels(axes(ax), 1, len(parts))
        for one, (mine, mode, square) in zip(drawn, parts, strict=True):
            whole = square is None
            _points(mine, keys, one)
            low, high = _border(one, SIDES[mode], mine) if square is None else square
            one.set_xlim(low[0], high[0])
            one.set_ylim(low[1], high[1])
            one.set_aspect("equal")
            if len(keys) <= APART and not (whole and mode == "FULL" and len(parts) > 1):
                _name_positions(mine, keys, one)
            array = "full array" if mode == "FULL" else "subarray"
            one.set_title(array.capitalize() if whole else "Part of it", fontsize=10)
            one.set_xlabel("x  [pixels]")
        if len(parts) == 1:
            drawn[0].set_anchor("W")
        drawn[0].set_ylabel("y  [pixels]")
        where = f"{table.meta['title']}: {table.meta['position']}"
        drawn[0].set_title(f"{where}\n{drawn[0].get_title('left')}", fontsize=10)
        _legend(keys, drawn)
        return drawn


Square = tuple[tuple[float, float], tuple[float, float]]


def _parts(table: QTable, mode: str) -> list[tuple[QTable, str, Square | None]]:
    """List the panels of a read mode: the whole array, and a part where positions are close."""
    mine = table[np.asarray(table["read_mode"]) == mode]
    if not len(mine):
        return []
    side = SIDES[mode]
    x, y = mine["x"].value, mine["y"].value
    on = (x > -0.5) & (y > -0.5) & (x < side - 0.5) & (y < side - 0.5)
    found: list[tuple[QTable, str, Square | None]] = [(mine, mode, None)]
    if mode == "FULL" and on.any():
        half = 0.6 * max(np.ptp(x[on]), np.ptp(y[on]), 2.0)
        if half < 0.3 * side:
            at_x, at_y = (float(v[on].min() + v[on].max()) / 2 for v in (x, y))
            found.append((mine, mode, ((at_x - half, at_y - half), (at_x + half, at_y + half))))
    return found


def _points(table: QTable, keys: list[int], ax: Axes) -> None:
    aors = np.asarray(table["aorkey"])
    x, y = table["x"].value, table["y"].value
    if len(keys) > APART:
        order = np.array([keys.index(key) for key in aors.tolist()])
        ax.scatter(
            x, y, c=order, s=12, marker="o", linewidths=0.3, edgecolors=GREY, vmin=0,
            vmax=len(keys) - 1, cmap="cividis", rasterized=len(x) > MANY, gid="positions",
        )  # fmt: skip
        return
    for key, (colour, marker) in zip(keys, _LOOKS, strict=False):
        mine = aors == key
        if mine.any():
            ax.plot(
                x[mine], y[mine], color=colour, marker=marker, ms=4.5, lw=0.6, alpha=0.85, mew=0,
                label=str(key), rasterized=int(mine.sum()) > MANY,
            )  # fmt: skip


def _border(ax: Axes, side: int, table: QTable) -> Square:
    """Draw the edge of the array, and give the square that shows it and what lies beside it."""
    low, high = -0.5, side - 0.5
    ax.plot(
        [low, high, high, low, low], [low, low, high, high, low], color=BLACK, lw=1.2, gid="array",
    )  # fmt: skip
    points = np.concatenate([table["x"].value, table["y"].value])
    # A position far off the array says no more than that it is off.
    start = max(min(low, points.min()), -0.6 * side) - 0.05 * side
    end = min(max(high, points.max()), 1.6 * side) + 0.05 * side
    return (start, start), (end, end)


def _name_positions(table: QTable, keys: list[int], ax: Axes) -> None:
    """Write the numbers beside the positions, where there is room; those of one place together."""
    across = ax.get_xlim()[1] - ax.get_xlim()[0]
    inches = ax.get_position().width * ax.figure.bbox.width / ax.figure.dpi
    # Size of a letter, and of what is one place on paper.
    letter = across / (72 * inches) * np.array([5.6, 9.5])
    held: dict[tuple[int, int], dict[int, list[int]]] = {}
    at: dict[tuple[int, int], tuple[float, float]] = {}
    for key, x, y, number in zip(
        table["aorkey"].tolist(), table["x"].value, table["y"].value, table["number"].tolist(),
        strict=True,
    ):  # fmt: skip
        place = (round(x / letter[0]), round(y / letter[0]))
        at.setdefault(place, (x, y))
        held.setdefault(place, {}).setdefault(key, []).append(number)
    taken: list[tuple[float, float, float, float]] = [
        (x - letter[0] / 2, y - letter[0] / 2, x + letter[0] / 2, y + letter[0] / 2)
        for x, y in at.values()
    ]
    for place, labels in held.items():
        alone = len(labels) == 1
        colour = _LOOKS[keys.index(next(iter(labels)))][0] if alone else BLACK
        said = shortened(sorted({one for mine in labels.values() for one in mine}))
        box = _room(at[place], letter * (len(said), 1), letter, taken)
        if box is not None:
            taken.append(box)
            ax.text(
                (box[0] + box[2]) / 2, (box[1] + box[3]) / 2, said, fontsize=8, color=colour,
                ha="center", va="center", clip_on=True, gid="number",
            )  # fmt: skip


def _room(
    at: tuple[float, float],
    size: FloatArray,
    letter: FloatArray,
    taken: list[tuple[float, float, float, float]],
) -> tuple[float, float, float, float] | None:
    """Find room for a label beside a position: to the right, the left, above, below."""
    away = 0.7 * letter[0]
    for x, y in (
        (at[0] + away, at[1]), (at[0] - away - size[0], at[1]),
        (at[0] + away, at[1] - size[1]), (at[0] - away - size[0], at[1] - size[1]),
    ):  # fmt: skip
        box = (x, y, x + size[0], y + size[1])
        if not any(
            box[0] < b[2] and b[0] < box[2] and box[1] < b[3] and b[1] < box[3] for b in taken
        ):
            return box
    return None


def shortened(numbers: list[int]) -> str:
    """Write numbers in rising order, three or more that follow each other by first and last.

    Parameters
    ----------
    numbers : list of int
        In rising order, each once.

    Returns
    -------
    str
        At most three parts, then dots.

    Examples
    --------
    >>> shortened([1, 2, 3, 5, 6])
    '1–3, 5, 6'
    """
    parts: list[list[int]] = []
    for number in numbers:
        if parts and number == parts[-1][-1] + 1:
            parts[-1].append(number)
        else:
            parts.append([number])
    said = []
    for part in parts:
        said += [f"{part[0]}–{part[-1]}"] if len(part) > 2 else [str(one) for one in part]
    return ", ".join(said[:3]) + (", …" if len(said) > 3 else "")


def _legend(keys: list[int], drawn: list[Axes]) -> None:
    last = drawn[-1]
    if len(keys) <= APART:
        handles: dict[str, Any] = {}
        for one in drawn:
            shown, labels = one.get_legend_handles_labels()
            handles |= dict(zip(labels, shown, strict=True))
        last.legend(
            handles.values(), handles.keys(), title="AOR", loc="upper left",
            bbox_to_anchor=(1.03, 1.0), borderaxespad=0, title_fontsize=9,
        )  # fmt: skip
        return
    coloured: Any = next(one for one in last.collections if one.get_gid() == "positions")
    bar = last.figure.colorbar(coloured, cax=last.inset_axes((1.04, 0.0, 0.05, 1.0)))
    bar.set_label(f"AOR in order of time (of {len(keys)})")
