"""A run in words: its plan, its beginning, what it gave. For people, or as JSON."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

from .output import FEW, few, many, note, plain, print_json, print_table, tell_problems

if TYPE_CHECKING:
    from iracdb.runs.plan import Plan
    from iracdb.runs.results import Run


def tell_start(run_id: int, name: str, plan: Plan, resumed: bool) -> None:
    """Say what a run will do, before it is done.

    Parameters
    ----------
    run_id : int
        The run's number.
    name : str
        Its name.
    plan : Plan
        What it will do.
    resumed : bool
        Whether it was begun before.
    """
    again = "goes on with" if resumed else "makes"
    note(
        f"This {again} run {run_id} ({name}): {many(len(plan.aors), 'AOR')}, "
        f"{many(len(plan.inputs), 'frame')}"
    )
    for sentence in _warnings(plan):
        note(f"  {sentence}")


def _warnings(plan: Plan) -> list[str]:
    """List what the user should know; of many repeated rows of a list only the first."""
    repeats = [text for text in plan.warnings if text in set(getattr(plan.choice, "repeats", ()))]
    others = [text for text in plan.warnings if text not in set(repeats)]
    return [*_conditions(plan), *few(repeats, "repeated rows"), *others]


def tell_plan(plan: Plan, as_json: bool) -> None:
    """Print what a run would do.

    Parameters
    ----------
    plan : Plan
        What it would do.
    as_json : bool
        As JSON, or for people.
    """
    rows = [
        (average.aorkey, average.target.name, average.target.ra, average.target.dec, average.group,
         len(average.files), average.problem)
        for average in plan.averages
    ]  # fmt: skip
    titles = ("aorkey", "target", "ra", "dec", "group", "frames", "problem")
    if as_json:
        print_json(
            {
                "parameters": plan.parameters.values,
                "frames": len(plan.inputs),
                "conditions": [vars(step) for step in plan.conditions],
                "averages": [dict(zip(titles, map(plain, row), strict=True)) for row in rows],
                "warnings": list(plan.warnings),
            }
        )
        return
    from iracdb.runs.planned import NOT_HELD

    absent = [(row[0], NOT_HELD) for row in rows if row[-1] == NOT_HELD]
    many_absent = len({aorkey for aorkey, _ in absent}) > FEW
    shown = [row for row in rows if row[-1] != NOT_HELD] if many_absent else rows
    print_table(("AOR", "Target", "RA", "Dec", "Frames alike", "Frames", "Problem"), shown)
    print_table(("Parameter", "Value"), list(plan.parameters.values.items()))
    for warning in _warnings(plan):
        click.echo(warning)
    if many_absent:
        tell_problems(absent)
    click.echo(
        f"A dry run: {many(len(plan.aors), 'AOR')}, {many(len(plan.inputs), 'frame')} and "
        f"{many(len(plan.averages), 'average')} would be made; nothing was done"
    )


def _conditions(plan: Plan) -> list[str]:
    return [
        f"Of {many(step.total, 'frame')} {step.holds:,} where {step.text}; {step.left:,} left"
        for step in plan.conditions
    ]


def tell_run(
    made: Run, out: str | None, as_json: bool, absent: Sequence[tuple[int, str]] = ()
) -> None:
    """Print what a run gave.

    Parameters
    ----------
    made : Run
        Finished.
    out : str or None
        The folder that its tables were written into.
    as_json : bool
        As JSON, or for people.
    absent : sequence of tuple, optional
        (AORKEY, reason) of AORs that were asked for, and that the run is not over.
    """
    from iracdb.export.tables import file_names

    averages = made.averages()
    problems = [*made.problems, *absent]
    files = [] if out is None else [f"{out}/{name}" for name in file_names(made.name)]
    if as_json:
        print_json(
            {
                "run_id": made.run_id,
                "name": made.name,
                "averages": plain_rows(averages),
                "problems": [{"aorkey": key, "reason": why} for key, why in problems],
                "files": files,
            }
        )
        return
    print_averages(averages, made.row.layout)
    tell_problems(problems)
    counts = made.counts
    click.echo(
        f"Run {made.run_id} ({made.name}) is finished: {many(counts.aors, 'AOR')}, "
        f"{many(counts.images, 'image')}, {counts.workable:,} workable, "
        f"{counts.rejected:,} rejected"
    )
    for path in files:
        note(f"  wrote {path}")


def plain_rows(averages: Sequence[Any]) -> list[dict[str, Any]]:
    """Make the averages of a run fit for JSON.

    Parameters
    ----------
    averages : sequence of Row
        Of the table ``aor_result``.

    Returns
    -------
    list of dict
        By the names of the columns.
    """
    return [{key: plain(value) for key, value in row._mapping.items()} for row in averages]


def print_averages(averages: Sequence[Any], layout: str = "") -> None:
    """Print the averages of a run, rounded for the eye.

    Parameters
    ----------
    averages : sequence of Row
        Of the table ``aor_result``.
    layout : str, optional
        Of the run's tables: in our own the error of a flux is that of the mean.
    """
    from iracdb.layouts import OWN_LAYOUT
    from iracdb.runs.planned import NOT_HELD

    of_mean = layout == OWN_LAYOUT
    held = [row for row in averages if row.reason != NOT_HELD]
    if len({row.aorkey for row in averages if row.reason == NOT_HELD}) > FEW:
        # The others are told of as problems, in one line.
        averages = held
    # Which frames were averaged is worth a column only where an AOR has more than one kind.
    places = Counter((row.aorkey, row.target_id) for row in averages)
    alike = any(count > 1 for count in places.values())
    rows = []
    for row in averages:
        error = row.standard_error if of_mean else row.error
        spread = row.error / row.flux * 100 if row.flux else None
        rows.append(
            (
                row.aorkey,
                row.target_name,
                *((row.frame_group,) if alike else ()),
                "--" if row.n_total is None else f"{row.n_workable}/{row.n_total}",
                _rounded(row.flux, "#.6g"),
                _rounded(error, "#.3g"),
                _rounded(spread, ".2f"),
                row.n_rejected,
            )
        )
    numbers = ("Used", "Flux/mJy", "Error/mJy", "Scatter/%" if of_mean else "Spread/%", "Rejected")
    titles = ("AOR", "Target", *(("Frames",) if alike else ()), *numbers)
    print_table(titles, rows, right=numbers, spare=_SPARE, more="'iracdb show --json' lists all")


_SPARE = ("Rejected", "Used", "Scatter/%", "Spread/%")
"""Columns of the averages that a narrow terminal goes without, the first first."""


def _rounded(number: float | None, form: str) -> str:
    return "nan" if number is None else format(number, form)
