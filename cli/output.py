"""Printing: tables for people, JSON and CSV for scripts. Data on stdout, the rest on stderr."""

from __future__ import annotations

import csv
import json
import math
import os
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import click

from .pace import Pace

# Wide enough that nothing is cut where a program reads.
_NO_TERMINAL = 100_000

SECONDS_BETWEEN_LINES = 10.0
"""Of what tells how far a command is, where no terminal shows a bar."""

FEW = 5
"""Of how many things of one kind each is told of."""


def print_rows(
    columns: Sequence[str],
    rows: Sequence[Sequence[Any]],
    output_format: str,
    *,
    spare: Sequence[str] = (),
) -> None:
    """Print a small table.

    Parameters
    ----------
    columns : sequence of str
        Titles.
    rows : sequence of sequence
        Plain values.
    output_format : {'table', 'json', 'csv'}
        How.
    spare : sequence of str, optional
        Titles of columns that a terminal too narrow for all goes without, the first first.
    """
    if output_format == "json":
        print_json([dict(zip(columns, map(plain, row), strict=True)) for row in rows])
    elif output_format == "csv":
        writer = csv.writer(sys.stdout, lineterminator="\n")
        writer.writerow(columns)
        writer.writerows([cell_text(cell, "") for cell in row] for row in rows)
    else:
        print_table(columns, rows, spare=spare, more="--json and --csv list all")


def print_table(
    columns: Sequence[str],
    rows: Sequence[Sequence[Any]],
    *,
    right: Sequence[str] = (),
    spare: Sequence[str] = (),
    more: str = "",
) -> None:
    """Print a table for people, as wide as the terminal or as need be.

    Parameters
    ----------
    columns : sequence of str
        Titles.
    rows : sequence of sequence
        Plain values.
    right : sequence of str, optional
        Titles of columns of text that stand to the right, as numbers do.
    spare : sequence of str, optional
        Titles of columns that a terminal too narrow for all goes without, the first first.
    more : str, optional
        How to see those, such as ``--json lists all``.
    """
    from rich.console import Console

    terminal = sys.stdout.isatty()
    console = Console(width=None if terminal else _NO_TERMINAL, highlight=False)
    left_out: list[str] = []
    if terminal:
        columns, rows, left_out = _narrowed(columns, rows, spare, console.width)
    table = _table(columns, rows, right)
    with console.capture() as drawn:
        console.print(table)
    for line in drawn.get().splitlines():
        click.echo(line.rstrip())
    if left_out:
        how = f" ({more})" if more else ""
        note(f"Left out, since the terminal is too narrow: {', '.join(left_out)}{how}")


_APART = 3
"""Blanks between two columns."""


def _narrowed(
    columns: Sequence[str], rows: Sequence[Sequence[Any]], spare: Sequence[str], width: int
) -> tuple[Sequence[str], Sequence[Sequence[Any]], list[str]]:
    """Leave columns out until a table is no wider than the terminal, and name them."""
    widths = [
        max(len(_visible(cell_text(cell, "--"))) for cell in (title, *(row[place] for row in rows)))
        for place, title in enumerate(columns)
    ]
    kept = list(range(len(columns)))
    left_out = []
    for title in spare:
        if sum(widths[place] + _APART for place in kept) - _APART <= width:
            break
        if title in columns:
            left_out.append(title)
            kept.remove(list(columns).index(title))
    return (
        [columns[place] for place in kept],
        [[row[place] for place in kept] for row in rows],
        left_out,
    )


def _table(columns: Sequence[str], rows: Sequence[Sequence[Any]], right: Sequence[str]) -> Any:
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False)
    for index, title in enumerate(columns):
        numbers = all(isinstance(row[index], int | float) or row[index] is None for row in rows)
        number = numbers or title in right
        # Words may stand in several lines, numbers in one; nothing is cut.
        table.add_column(
            Text(title), justify="right" if number else "left", overflow="fold", no_wrap=number
        )
    for row in rows:
        # Text, not markup: an AORLABEL may hold anything.
        table.add_row(*(Text(_visible(cell_text(cell, "--"))) for cell in row))
    return table


def _visible(text: str) -> str:
    """Take the sting out of control characters, which a terminal would obey."""
    return "".join(
        character if character.isprintable() else f"\\x{ord(character):02x}" for character in text
    )


def cell_text(cell: Any, missing: str) -> str:
    """Write one cell.

    Parameters
    ----------
    cell : object
        A plain value.
    missing : str
        What to write for None.

    Returns
    -------
    str
        Floats in the shortest exact form.
    """
    if cell is None:
        return missing
    if isinstance(cell, bool):
        return "yes" if cell else "no"
    if isinstance(cell, float):
        return repr(cell)
    if isinstance(cell, bytes | memoryview):
        return bytes(cell).hex()
    if isinstance(cell, dict | list):
        return json.dumps(cell)
    return str(cell)


def plain(value: Any) -> Any:
    """Make a value fit for JSON.

    Parameters
    ----------
    value : object
        From a database.

    Returns
    -------
    object
        NaN and infinities become null, bytes their digits.
    """
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, bytes | memoryview):
        return bytes(value).hex()
    if isinstance(value, str | int | bool | dict | list) or value is None:
        return value
    return str(value)


def print_json(value: Any) -> None:
    """Print JSON.

    Parameters
    ----------
    value : object
        Plain.
    """
    click.echo(json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False))


def note(text: str) -> None:
    """Say something that is not data.

    Parameters
    ----------
    text : str
        One line, to stderr.
    """
    click.echo(_visible(text), err=True)


def few(items: Sequence[str], more: str) -> list[str]:
    """Cut a long list short.

    Parameters
    ----------
    items : sequence of str
        Any.
    more : str
        What the rest are called; "" for nothing in particular.

    Returns
    -------
    list of str
        All where they are few; else the first few, and how many more there are.
    """
    if len(items) <= FEW:
        return list(items)
    rest = f"{len(items) - FEW:,} more {more}".strip()
    return [*items[:FEW], f"and {rest} (--json lists all)"]


def tell_problems(problems: Sequence[tuple[int, str]]) -> None:
    """Print problem AORs: a line each, or one line for many of one reason.

    Parameters
    ----------
    problems : sequence of tuple
        AORKEY and reason of each average without a flux.
    """
    by_reason: dict[str, dict[int, None]] = {}
    for aorkey, reason in problems:
        by_reason.setdefault(reason, {})[aorkey] = None
    told = set()
    for aorkey, reason in problems:
        alike = by_reason[reason]
        if len(alike) <= FEW:
            click.echo(f"Problem AOR {aorkey}: {reason}")
        elif reason not in told:
            shown = ", ".join(few([str(key) for key in alike], "AORs"))
            click.echo(f"Problem AORs, {len(alike):,} in all: {reason}: {shown}")
            told.add(reason)


def shown_path(path: str) -> str:
    """Write a path for people: relative where it lies below the current folder.

    Parameters
    ----------
    path : str
        Absolute.

    Returns
    -------
    str
        The shorter form.
    """
    relative = os.path.relpath(path)
    return path if relative.startswith("..") else relative


def many(number: int, one: str, several: str | None = None) -> str:
    """Count in words.

    Parameters
    ----------
    number : int
        How many.
    one : str
        The noun.
    several : str, optional
        Its plural; by default with an s.

    Returns
    -------
    str
        Such as ``1 file`` or ``1,204 files``.
    """
    return f"{number:,} {one if number == 1 else several or one + 's'}"


@contextmanager
def progress_bar(what: str, unit: str = "") -> Iterator[Callable[[int, int, str], None]]:
    """Show how far a long command is: a bar on a terminal, elsewhere a line now and then.

    Parameters
    ----------
    what : str
        What it is doing.
    unit : str, optional
        What is counted, such as ``frames``.

    Yields
    ------
    callable
        To be called with done, total and the current item.
    """
    pace = Pace(unit)
    if not sys.stderr.isatty():
        yield lines_of_progress(what, pace)
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

    bar = Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[words]}", markup=False),
        console=Console(stderr=True),
        transient=True,
    )
    with bar:
        task = bar.add_task(what, total=None, words="")

        def tell(done: int, total: int, item: str) -> None:
            pace.reach(done, total, item)
            words = ", ".join(filter(None, (unit, pace.words())))
            bar.update(task, completed=done, total=total, words=words)

        yield tell


def lines_of_progress(
    what: str, pace: Pace, clock: Callable[[], float] = time.monotonic
) -> Callable[[int, int, str], None]:
    """Print how far a command is now and then; not at the end, of which it tells itself.

    Parameters
    ----------
    what : str
        What it is doing.
    pace : Pace
        Puts it into words.
    clock : callable, optional
        Gives seconds.

    Returns
    -------
    callable
        To be called with done, total and the current item.
    """
    due = clock() + SECONDS_BETWEEN_LINES

    def tell(done: int, total: int, item: str) -> None:
        nonlocal due
        pace.reach(done, total, item)
        now = clock()
        if now >= due and not pace.finished:
            due = now + SECONDS_BETWEEN_LINES
            note(": ".join((what, ", ".join(filter(None, (pace.count(), pace.words()))))))

    return tell
