"""``iracdb compare``: two runs, what made them, and row by row what changed."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import click

from iracdb.errors import RunRefused

from .completing import run_names
from .options import common_options, open_catalogue
from .output import many, note, plain, print_json, print_table

if TYPE_CHECKING:
    from iracdb.compare.comparison import Comparison
    from iracdb.compare.listed import ChangedRow
    from iracdb.compare.parts import Part

_SHOWN = 15
_MORE = "--json has all"


def _fraction(_context: click.Context, _parameter: click.Parameter, text: str | None) -> Any:
    """Read '0.1%' and '0.001' alike."""
    if text is None:
        return None
    number = text.strip()
    try:
        value = float(number[:-1]) / 100 if number.endswith("%") else float(number)
    except ValueError:
        value = -1.0
    if not 0 <= value < float("inf"):
        raise click.BadParameter(f"{text!r} is no relative change, such as 0.1% or 0.001")
    return value


@click.command()
@click.argument("a", shell_complete=run_names)
@click.argument("b", shell_complete=run_names)
@click.option("--rows", is_flag=True, help="List the images that differ, too.")
@click.option(
    "--over",
    callback=_fraction,
    metavar="X",
    help="List only rows that changed by more, such as 0.1% or 0.001.",
)
@click.option("--column", metavar="NAME", help="List the rows in which this column differs.")
@click.option("--all", "everything", is_flag=True, help="List every row and column.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@common_options
def compare(
    a: str,
    b: str,
    rows: bool,
    over: float | None,
    column: str | None,
    everything: bool,
    as_json: bool,
) -> int:
    """Compare two runs: what made them, then their results row by row.

    A and B are numbers or names. Rows are matched by frame, plane and target, never by their
    numbers. A value is the same to the bit, changed by rounding only (up to 4 units in the last
    place), or changed; an image's flag may have changed too. Exit status 0 where no result
    differs, 1 where one does, 3 where the runs cannot be compared.
    """  # fmt: skip
    with open_catalogue() as catalogue:
        made = catalogue.compare(a, b)
    if not made.comparable:
        if as_json:
            print_json(made.summary())
        raise RunRefused(made.verdict)
    listed = _listed(made, over, column, images=rows)
    if as_json:
        print_json(_json(made, listed if rows or column else None))
    else:
        _tell(made, listed, everything)
    return 1 if made.differs else 0


def _listed(
    made: Comparison, over: float | None, column: str | None, *, images: bool
) -> list[tuple[Part, list[ChangedRow]]]:
    """List the rows that differ: of the AORs, and of the images where they are asked for."""
    from iracdb.compare.listed import changed_rows, check_column, column_of

    of_images, of_aors = made.parts
    if column is not None:
        check_column(made.parts, column)
    found = []
    for part in (of_aors, of_images):
        name = None if column is None else column_of(part, column)
        wanted = name is not None if column is not None else (part is of_aors or images)
        if wanted and (part is of_aors or images or column_of(of_aors, column or "") is None):
            found.append((part, changed_rows(part, over=over, column=name)))
    return found


def _json(made: Comparison, listed: list[tuple[Part, list[ChangedRow]]] | None) -> dict[str, Any]:
    told: dict[str, Any] = made.summary()
    if listed is None:
        return told
    told["rows"] = {part.which: [_row_json(row) for row in rows] for part, rows in listed}
    told["only"] = {
        part.which: [
            {"run": run, **_about(part, keys[index])}
            for run, keys, indices in _alone(made, part)
            for index in indices
        ]
        for part, _ in listed
    }
    return told


def _row_json(row: ChangedRow) -> dict[str, Any]:
    return {
        "aorkey": row.key_a.aorkey, "target": row.key_a.target.name, **_time(row.key_a),
        "row_a": row.key_a.row_number, "row_b": row.key_b.row_number, "outcome": row.outcome,
        "column": row.column, "a": plain(row.a), "b": plain(row.b),
        "difference": row.difference, "relative": row.relative, "ulps": row.ulps,
        "in_errors": row.errors, "flags": list(row.flags),
    }  # fmt: skip


def _about(part: Part, key: Any) -> dict[str, Any]:
    about = {"aorkey": key.aorkey, "target": key.target.name, "row": key.row_number}
    return {**about, **_time(key)} if part.which == "images" else about


def _time(key: Any) -> dict[str, Any]:
    frame = getattr(key, "frame", None)
    return {} if frame is None else {"mjd": plain(frame.mjd), "plane": key.plane}


def _tell(made: Comparison, listed: list[tuple[Part, list[ChangedRow]]], everything: bool) -> None:
    from iracdb.compare.report import causes_said, sentences

    for text in made.notes:
        note(f"Note: {text}")
    _tell_making(made, everything)
    _tell_counts(made)
    _tell_columns(made, everything)
    for part, rows in listed:
        _tell_rows(made, part, rows, everything)
        _tell_alone(made, part, everything)
    said = [*sentences(made), causes_said(made)] if made.differs else [made.verdict]
    for sentence in said:
        click.echo(f"{sentence[0].upper()}{sentence[1:]}")


def _tell_making(made: Comparison, everything: bool) -> None:
    """Print what made the runs otherwise, and what is not known."""
    from iracdb.compare.made_by import NOTHING

    told = [each for each in made.made_by.differences if each.moves != NOTHING or everything]
    if told:
        rows = [(each.name, _short(each.a), _short(each.b), each.moves, each.sentence)
                for each in told]  # fmt: skip
        titles = ("Made by", made.a.name, made.b.name, "Can have moved", "Because")
        print_table(titles, rows, spare=("Because",), more=_MORE)
        click.echo()
    else:
        click.echo("Nothing that both runs tell of their making differs and can move a number")
    idle = [each.name for each in made.made_by.differences if each.moves == NOTHING]
    if idle and not everything:
        click.echo(f"Differs, and can have moved nothing: {', '.join(idle)}")
    for sentence in made.made_by.not_told:
        click.echo(f"Not known: {sentence}")
    if not told or idle or made.made_by.not_told:
        click.echo()


def _short(value: Any) -> Any:
    text = str(value)
    return value if not isinstance(value, str) or len(text) <= _WIDE else f"{text[: _WIDE - 3]}..."


_WIDE = 45


def _tell_counts(made: Comparison) -> None:
    titles = ("", "Same", "Rounding only", "Changed", "Flag changed",
              f"Only {made.a.name}", f"Only {made.b.name}")  # fmt: skip
    images, aors = (part.counts for part in made.parts)
    print_table(titles, [("Images", *images.values()), ("AORs", *aors.values())])
    click.echo()


def _tell_columns(made: Comparison, everything: bool) -> None:
    rows, same = [], []
    for part, noun in zip(made.parts, ("images", "AORs"), strict=True):
        alike = sum(1 for each in part.summaries if not each.differs)
        rows += [
            (each.name, noun, each.same, each.rounding_only, each.changed, each.only_b,
             each.only_a, _off(each.largest_relative_change))
            for each in part.summaries
            if each.differs or everything
        ]  # fmt: skip
        if alike:
            which = "All" if alike == len(part.summaries) else f"{alike} of the"
            told = many(len(part.summaries), "column")
            same.append(f"{which} {told} that both runs tell are the same in all {noun} in both")
    if rows:
        sides = (f"None in {made.a.name}", f"None in {made.b.name}")
        titles = ("Column", "Of", "Same", "Rounding only", "Changed", *sides, "Largest/%")
        print_table(
            titles, rows, right=("Largest/%",), spare=(*sides, "Rounding only", "Of"), more=_MORE
        )
        click.echo()
    for line in same:
        click.echo(line)
    click.echo()


def _tell_rows(made: Comparison, part: Part, rows: list[ChangedRow], everything: bool) -> None:
    if not rows:
        return
    several = len({row.key_a.target for row in rows}) > 1
    tell = _image_cells if part.which == "images" else _aor_cells
    shown = rows if everything else rows[:_SHOWN]
    names = ("Target",) if several else ()
    table = [
        (row.key_a.aorkey, *((row.key_a.target.name,) if several else ()), *tell(row),
         "; ".join((row.outcome.replace("_", " "), *row.flags)))
        for row in shown
    ]  # fmt: skip
    numbers = (made.a.name, made.b.name, "Change", "Off/%", "ulp")
    titles = ("MJD", "Column", *numbers) if part.which == "images" else (*numbers, "In errors")
    print_table(
        ("AOR", *names, *titles, "Outcome"), table, right=(*numbers, "In errors"),
        spare=("ulp", "In errors", "Target", "Off/%"), more=_MORE,
    )  # fmt: skip
    if len(rows) > len(shown):
        click.echo(f"... and {len(rows) - len(shown):,} more (--all)")
    click.echo()


def _aor_cells(row: ChangedRow) -> tuple[str, ...]:
    return (*_numbers(row), _form(row.errors, ".2g"))


def _image_cells(row: ChangedRow) -> tuple[str, ...]:
    time = row.key_a.frame.mjd
    return ("--" if time is None else repr(time), row.column, *_numbers(row))


def _numbers(row: ChangedRow) -> tuple[str, ...]:
    return (
        _text(row.a), _text(row.b), _form(row.difference, "+.3g"), _off(row.relative),
        _form(row.ulps, ".3g"),
    )  # fmt: skip


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "none" if value is None else f"{value:.10g}" if isinstance(value, float) else str(value)


def _off(relative: float | None) -> str:
    return "--" if relative is None else f"{100 * relative:.2g}"


def _form(value: float | None, form: str) -> str:
    return "--" if value is None else format(value, form)


def _tell_alone(made: Comparison, part: Part, everything: bool) -> None:
    """Name the AORs of which one run has rows alone, and how many."""
    noun = "Images" if part.which == "images" else "AORs"
    for run, keys, indices in _alone(made, part):
        counted = Counter(keys[index].aorkey for index in indices)
        words = [f"{aorkey} ({count})" if count > 1 else f"{aorkey}"
                 for aorkey, count in counted.items()]  # fmt: skip
        shown = words if everything else words[:_SHOWN]
        if words:
            more = f" and {len(words) - len(shown):,} more AORs (--all)" if shown != words else ""
            of = "of AOR " if part.which == "images" else ""
            click.echo(f"{noun} only in {run}: {of}{', '.join(shown)}{more}")
            click.echo()


def _alone(made: Comparison, part: Part) -> list[tuple[str, Any, list[int]]]:
    return [
        (made.a.name, part.keys_a, part.matched.only_a),
        (made.b.name, part.keys_b, part.matched.only_b),
    ]
