"""One AOR in two runs: its averages and its images, matched as a comparison matches them."""

from __future__ import annotations

from typing import Any

import numpy as np
from sqlalchemy import Connection

from iracdb.compare.columns import image_columns
from iracdb.compare.comparison import _aor_part, _image_part
from iracdb.compare.parts import Part
from iracdb.compare.rows import read_averages, read_images, targets_of
from iracdb.compare.values import OUTCOMES, SAME
from iracdb.web.reading.comparisons import Average, averages_of
from iracdb.web.reading.images import list_images

_SHOWN = ("flux", "x", "y", "sky")


def averages_side_by_side(connection: Connection, a: Any, b: Any, aorkey: int) -> list[Average]:
    """Compare the averages of an AOR.

    Parameters
    ----------
    connection : sqlalchemy.Connection
        To a catalogue.
    a, b : Row
        Of the table ``run``.
    aorkey : int
        The AOR.

    Returns
    -------
    list of Average
        The gravest first; empty where neither run has it.
    """
    rows = [
        read_averages(connection, run.run_id, targets_of(connection, run.run_id), aorkey=aorkey)
        for run in (a, b)
    ]
    return list(averages_of(_aor_part(a, b, *rows)))


def images_side_by_side(
    connection: Connection, a: Any, b: Any, aorkey: int
) -> list[dict[str, Any]]:
    """Compare the images of an AOR.

    Parameters
    ----------
    connection : sqlalchemy.Connection
        To a catalogue.
    a, b : Row
        Of the table ``run``.
    aorkey : int
        The AOR.

    Returns
    -------
    list of dict
        In the order of the first run's table, then those of the second alone: outcome, differs
        (names of columns), frame, file, plane, target, time (MJD); and of each run, with the ending
        ``_a`` or ``_b``, row, flux (mJy), x, y (pixels), sky (MJy/sr), status; and flux_percent,
        the change in percent of the first flux.
    """
    names = ["flags", *(column.name for column in image_columns(a, b))]
    read = [read_images(connection, run.run_id, names, aorkey=aorkey) for run in (a, b)]
    part = _image_part(a, b, *read)
    told = [
        {row["row"]: row for row in list_images(connection, run.run_id, aorkey=aorkey)}
        for run in (a, b)
    ]
    differs = _differs(part)
    found = []
    for index, (i, j) in enumerate(part.matched.pairs):
        one, other = part.keys_a[i].row_number, part.keys_b[j].row_number
        row = _row(OUTCOMES[part.outcome[index]], told[0][one], told[1][other])
        found.append({**row, "differs": ", ".join(differs[index])})
    mine = [told[0][part.keys_a[i].row_number] for i in part.matched.only_a]
    others = [told[1][part.keys_b[j].row_number] for j in part.matched.only_b]
    found += [_row("only_a", row, None) for row in mine]
    found.sort(key=lambda row: row["row_a"])
    found += [_row("only_b", None, row) for row in others]
    return found


def _differs(part: Part) -> list[list[str]]:
    names: list[list[str]] = [[] for _ in part.matched.pairs]
    for name, pair in part.columns.items():
        for index in np.flatnonzero(pair.outcome != SAME):
            names[index].append(name)
    return names


def _row(outcome: str, one: dict[str, Any] | None, other: dict[str, Any] | None) -> dict[str, Any]:
    either = one or other or {}
    row: dict[str, Any] = {
        "outcome": outcome, "differs": "", "frame": either["frame"], "file": either["file"],
        "plane": either["plane"] if either["plane"] >= 0 else None, "target": either["target"],
        "time": either["time"],
    }  # fmt: skip
    for ending, side in (("a", one), ("b", other)):
        row[f"row_{ending}"] = None if side is None else side["row"]
        for name in _SHOWN:
            row[f"{name}_{ending}"] = None if side is None else side[name]
        row[f"status_{ending}"] = None if side is None else _status(side)
    both = row["flux_a"] is not None and row["flux_b"] is not None and row["flux_a"]
    row["flux_percent"] = (
        100 * (row["flux_b"] - row["flux_a"]) / abs(row["flux_a"]) if both else None
    )
    return row


def _status(row: dict[str, Any]) -> str:
    if row["kept"]:
        return "kept"
    if row["rejected_by"] is not None:
        return f"left out: {row['rejected_by']}"
    if row["flux"] is None:
        return "no flux"
    return "not told" if row["kept"] is None else "left out"
