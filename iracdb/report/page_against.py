"""A run beside another: which other, what made them differ, and what changed most."""

from __future__ import annotations

from typing import Any

from sqlalchemy import and_, distinct, func, select

from iracdb.catalogue import tables as t
from iracdb.catalogue.database import Database
from iracdb.compare.comparison import Comparison, compare
from iracdb.compare.listed import changed_rows
from iracdb.compare.made_by import NOTHING as MOVES_NOTHING
from iracdb.compare.report import causes_said, sentences
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
    number_cell,
    number_cells,
)
from iracdb.runs.results import Run

_LISTED = 15
_WIDE = 60


def other_run(database: Database, run: Run, against: int | str | None) -> tuple[Run | None, str]:
    """Choose the run that a run is compared with.

    Parameters
    ----------
    database : Database
        The catalogue.
    run : Run
        Any.
    against : int or str or None
        Number or name of the one asked for.

    Returns
    -------
    tuple
        The one asked for, else the run it was made from, else the last finished before it, of the
        same channel, that shares most AORs and targets with it and stands; None where there is
        none. And why it was chosen.

    Raises
    ------
    NotFound
        Where the one asked for is not held.
    """
    if against is not None:
        return Run(database, against), "as asked for"
    if run.row.parent_run_id is not None:
        return Run(database, run.row.parent_run_id), "the run that it was made from"
    found = _previous(database, run)
    if found is None:
        return None, ""
    return Run(database, found), "the last run before it over the same AORs, targets and channel"


def _previous(database: Database, run: Run) -> int | None:
    mine, its = t.aor_result.alias("mine"), t.aor_result.alias("its")
    same = and_(its.c.aorkey == mine.c.aorkey, its.c.target_id == mine.c.target_id)
    shared = func.count(distinct(mine.c.id))
    query = (
        select(its.c.run_id)
        .select_from(mine.join(its, same).join(t.run, t.run.c.run_id == its.c.run_id))
        .where(
            mine.c.run_id == run.run_id,
            its.c.run_id != run.run_id,
            t.run.c.channel == run.row.channel,
            t.run.c.state == "finished",
            t.run.c.withdrawn_at.is_(None),
        )
        .group_by(its.c.run_id, t.run.c.finished_at)
        .order_by(shared.desc(), t.run.c.finished_at.desc(), its.c.run_id.desc())
        .limit(1)
    )
    if run.row.finished_at is not None:
        at = run.row.finished_at
        before = and_(t.run.c.finished_at == at, its.c.run_id < run.run_id)
        query = query.where((t.run.c.finished_at < at) | before)
    with database.read() as connection:
        found = connection.execute(query).scalar_one_or_none()
    return None if found is None else int(found)


def against_section(database: Database, run: Run, other: Run | None, why: str) -> Section:
    """Compare a run with another.

    Parameters
    ----------
    database : Database
        The catalogue.
    run : Run
        Any.
    other : Run or None
        From `other_run`.
    why : str
        Why that was chosen.

    Returns
    -------
    Section
        What differs in their making, how many rows changed, and which changed most.
    """
    if other is None:
        none = "There is no run to compare it with: none before it is over the same AORs."
        return Section("against", "Compared", [Sentences([none])])
    made = compare(database, other.run_id, run.run_id)
    title = f"Compared with {other.name}"
    about = f"With run {other.run_id} ({other.name}), {why}."
    if not made.comparable:
        return Section("against", title, [Sentences([about, f"{_upper(made.verdict)}."])])
    said = [*sentences(made), causes_said(made)] if made.differs else [made.verdict]
    notes = [f"{_upper(note)}." for note in made.notes]
    parts: list[Part] = [
        Sentences([about, *(f"{_upper(one)}." for one in said), *notes]),
        *_making(made),
        _counts(made),
        *_largest(made),
        Command(f"iracdb compare {other.name} {run.name}", "Tells more: every column, every row."),
    ]
    return Section("against", title, parts)


def _upper(text: str) -> str:
    return f"{text[0].upper()}{text[1:]}".rstrip(".")


def _making(made: Comparison) -> list[Part]:
    told = [one for one in made.made_by.differences if one.moves != MOVES_NOTHING]
    idle = [one.name for one in made.made_by.differences if one.moves == MOVES_NOTHING]
    parts: list[Part] = []
    if told:
        parts.append(
            Grid(
                "What made them differ, and what it can have moved",
                [Heading("Made by"), Heading(made.a.name), Heading(made.b.name),
                 Heading("Can have moved"), Heading("Because")],
                [(Cell(one.name), Cell(_short(one.a)), Cell(_short(one.b)), Cell(one.moves),
                  Cell(one.sentence)) for one in told],
            )
        )  # fmt: skip
    words = []
    if idle:
        words.append(f"Differs, and can have moved nothing: {', '.join(idle)}.")
    words += [f"Not known: {sentence}." for sentence in made.made_by.not_told]
    return [*parts, Sentences(words)] if words else parts


def _short(value: Any) -> str:
    text = NOTHING if value is None else str(value)
    return text if len(text) <= _WIDE else f"{text[: _WIDE - 3]}..."


def _counts(made: Comparison) -> Grid:
    titles = ("Same", "Rounding only", "Changed", "Flag changed")
    alone = (f"Only {made.a.name}", f"Only {made.b.name}")
    return Grid(
        "How many rows came to what; a flag of an average is whether it has a flux",
        [Heading("Rows"), *(Heading(title, number=True) for title in (*titles, *alone))],
        [
            (Cell(noun), *(count_cell(number) for number in part.counts.values()))
            for noun, part in zip(("Images", "Averages"), made.parts, strict=True)
        ],
    )


def _largest(made: Comparison) -> list[Part]:
    rows = changed_rows(made.parts[1])
    if not rows:
        return []
    shown = rows[:_LISTED]
    columns = [
        number_cells([row.a for row in shown], 6),
        number_cells([row.b for row in shown], 6),
        number_cells([row.difference for row in shown], 3),
        [number_cell(None if row.relative is None else 100 * row.relative, 3) for row in shown],
        [number_cell(row.errors, 1) for row in shown],
    ]
    cells = [
        (Cell(str(row.key_a.aorkey)), Cell(row.key_a.target.name), *numbers,
         Cell(row.outcome.replace("_", " ")))
        for row, *numbers in zip(shown, *columns, strict=True)
    ]  # fmt: skip
    counted = f"the {len(shown)} gravest of {len(rows):,}" if len(rows) > len(shown) else "all"
    return [
        Grid(
            f"Averages that differ, {counted}",
            [
                Heading("AOR", number=True), Heading("Target"),
                Heading(made.a.name, "mJy", number=True), Heading(made.b.name, "mJy", number=True),
                Heading("Change", "mJy", number=True), Heading("Change", "%", number=True),
                Heading("In errors", None, "Over the error of both", number=True),
                Heading("Outcome"),
            ],
            cells,
        )
    ]  # fmt: skip
