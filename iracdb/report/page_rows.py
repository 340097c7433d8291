"""The averages of a run as a table of its page; its problem AORs; the files set aside."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from sqlalchemy import select

from iracdb.catalogue import tables as t
from iracdb.catalogue.database import Database
from iracdb.layouts import LAYOUTS, Column
from iracdb.more_columns import AOR_MORE
from iracdb.report.page_parts import (
    NOTHING,
    Cell,
    Command,
    Grid,
    Heading,
    Part,
    Section,
    Sentences,
    count_cell,
    number_cells,
)
from iracdb.runs.results import Run
from iracdb.runs.tables import complete_layout

_FIRST = (
    "aorkey", "target", "group", "flux", "standard_error", "error", "spread", "workable_total",
    "rejected", "upper_limit", "mjd", "mjd_mid", "bjd_mid", "mission", "marks",
)  # fmt: skip
_TOLD_ELSEWHERE = {"state", "reason", "channel", "hdr_part", "repeat"}
"""What the problems say, the head of the page, and the frame group."""

_IN_WORKABLE = {"n_total", "n_workable"}
_ALWAYS = {"aorkey", "flux", "error", "standard_error", "spread"}
# Places on the sky and in time: many digits count, and none of them has a comma.
_PLACES = {"target_ra": 9, "target_dec": 9, "mjd": 10, "mjd_mid": 10, "bjd_mid": 12}
_DIGITS = {"flux": 6, "spread": 3, "error": 3, "standard_error": 3, "expected_noise": 3}
_KEYS = {"aorkey", "dither_position"}
"""Whole numbers that are names: nothing stands between their digits."""

LISTED = 200
"""So many files set aside are listed; more are counted."""


def averages_section(run: Run) -> Section:
    """Make the table of averages.

    Parameters
    ----------
    run : Run
        Any.

    Returns
    -------
    Section
        All columns that hold anything; those alike in all rows are told once, in words.
    """
    columns, rows = averages_of(run)
    if not rows:
        return Section("averages", "Averages", [Sentences(["The run has no averages."])])
    shown, alike = _apart(columns, rows)
    cells = [_cells(column, [row[place] for row in rows]) for place, column in shown]
    grid = Grid(
        f"One row an average. Numbers are rounded for the eye: "
        f"'iracdb export {run.name}' writes every digit.",
        [
            Heading(_title(column), column.unit, column.sentence, column.form != "text")
            for _, column in shown
        ],
        list(zip(*cells, strict=True)),
        large=True,
    )
    parts: list[Part] = [grid]
    if alike:
        told = "; ".join(
            f"{_title(columns[place])} {_with_unit(columns[place], rows[0][place])}"
            for place in alike
        )
        parts.append(Sentences([f"The same in every row: {told}."]))
    return Section("averages", "Averages", parts)


def averages_of(run: Run) -> tuple[list[Column], list[tuple[Any, ...]]]:
    """Read the averages with all that is held of them.

    Parameters
    ----------
    run : Run
        Any.

    Returns
    -------
    tuple of list
        Columns, those that matter most first; and the rows, in the order of the AOR table.
    """
    layout = LAYOUTS[run.row.layout]
    own = {column.key for column in layout.aor}
    more = [
        column
        for column in AOR_MORE
        if column.key not in own | _TOLD_ELSEWHERE
        and not (column.key in _IN_WORKABLE and "workable_total" in own)
    ]
    complete = complete_layout(layout, more, "aor")
    rows = run.rows("aor", complete)
    ranks = {key: rank for rank, key in enumerate(_FIRST)}
    order = sorted(
        range(len(complete.aor)), key=lambda place: ranks.get(complete.aor[place].key, len(ranks))
    )
    return (
        [complete.aor[place] for place in order],
        [tuple(row[place] for place in order) for row in rows],
    )


def _apart(
    columns: Sequence[Column], rows: Sequence[tuple[Any, ...]]
) -> tuple[list[tuple[int, Column]], list[int]]:
    """Tell columns to show from those that say the same in every row; none of them is empty."""
    shown, alike = [], []
    for place, column in enumerate(columns):
        values = {row[place] for row in rows}
        if values == {None} or (values == {"--"}):
            continue
        if len(rows) > 1 and len(values) == 1 and column.key not in _ALWAYS:
            alike.append(place)
        else:
            shown.append((place, column))
    return shown, alike


def _cells(column: Column, values: Sequence[Any]) -> list[Cell]:
    if column.form == "float":
        digits = _PLACES.get(column.key) or _DIGITS.get(column.key, 4)
        return number_cells(values, digits, comma=column.key not in _PLACES)
    if column.form == "integer" and column.key not in _KEYS:
        return [count_cell(value) for value in values]
    return [Cell(NOTHING if value in (None, "--") else str(value)) for value in values]


def _title(column: Column) -> str:
    """Leave out the unit that the layouts write into a title: it has a line of its own."""
    if column.unit is None:
        return column.title
    return re.sub(r"\s*[(\[](mJy|%|sec|MJD)[)\]]$", "", column.title) or column.title


def _with_unit(column: Column, value: Any) -> str:
    text = repr(value) if isinstance(value, float) else f"{value}"
    return f"{text} {column.unit}" if column.unit else text


def problems_section(database: Database, run: Run) -> Section:
    """Tell what gave no flux, and which files were set aside.

    Parameters
    ----------
    database : Database
        The catalogue.
    run : Run
        Any.

    Returns
    -------
    Section
        With the reasons.
    """
    parts: list[Part] = []
    if run.problems:
        parts.append(
            Grid(
                "AORs that gave no flux",
                [Heading("AOR", number=True), Heading("Reason")],
                [(Cell(str(aorkey)), Cell(reason)) for aorkey, reason in run.problems],
            )
        )
    else:
        parts.append(Sentences(["Every AOR of the run gave a flux."]))
    return Section("problems", "Problems", [*parts, *_set_aside(database, run)])


def _set_aside(database: Database, run: Run) -> list[Part]:
    """List files that could not be taken in, those of the run's AORs first."""
    columns = t.file_problem.c
    query = select(columns.path, columns.code, columns.message, columns.last_seen)
    with database.read() as connection:
        rows = connection.execute(
            query.where(columns.resolved_at.is_(None)).order_by(columns.path)
        ).all()
        known = set(connection.execute(select(t.aor.c.aorkey)).scalars())
    mine = {row.aorkey for row in run.averages()} | {key for key, _ in run.problems}
    of_run, of_none, others = [], [], 0
    for row in rows:
        keys = aorkeys_in(row.path)
        if keys & mine:
            of_run.append((row, "this run's"))
        elif keys & known:
            others += 1
        else:
            of_none.append((row, "none held"))
    listed = [*of_run, *of_none]
    parts: list[Part] = []
    if listed:
        parts.append(
            Grid(
                "Files that were set aside when they were to be taken in, with the reason: those "
                "of the run's AORs, then those whose paths tell no AOR that is held",
                [Heading("File"), Heading("AOR"), Heading("Code"), Heading("Reason"),
                 Heading("Last seen", "UTC")],
                [(Cell(row.path), Cell(whose), Cell(row.code), Cell(row.message),
                  Cell(row.last_seen[:16].replace("T", " "))) for row, whose in listed[:LISTED]],
            )
        )  # fmt: skip
    if others or len(listed) > LISTED:
        words = []
        if len(listed) > LISTED:
            words.append(f"{len(listed) - LISTED:,} more are not listed here.")
        if others:
            words.append(f"{others:,} files of other AORs were set aside too.")
        parts += [Sentences(words), Command("iracdb problems", "Lists all files set aside.")]
    if not rows:
        parts.append(Sentences(["No file is set aside in this catalogue."]))
    return parts


def aorkeys_in(path: str) -> set[int]:
    """Find what may be AOR keys in the path of a file.

    Parameters
    ----------
    path : str
        Such as ``archive/r90000256/ch1/bcd/SPITZER_I1_90000256_0000_0000_1_bcd.fits``.

    Returns
    -------
    set of int
        Numbers of four to twelve digits that stand by themselves, or after an ``r``.
    """
    found = re.findall(r"(?:^|[^0-9A-Za-z])r?(\d{4,12})(?![0-9A-Za-z])", path)
    return {int(digits) for digits in found} - {0}
