"""``iracdb runs``, ``show`` and ``export``: what runs gave."""

from __future__ import annotations

import sys
from typing import Any

import click

from .completing import run_names
from .measuring import OUT
from .options import common_options, open_catalogue, output_options
from .output import (
    _visible,
    few,
    many,
    note,
    plain,
    print_json,
    print_rows,
    print_table,
    tell_problems,
)
from .sketching import print_curve
from .telling import plain_rows, print_averages


@click.command()
@click.option("--all", "withdrawn", is_flag=True, help="Also those that were withdrawn.")
@output_options
@common_options
def runs(withdrawn: bool, output_format: str) -> None:
    """List the runs."""
    with open_catalogue() as catalogue:
        found = catalogue.runs(withdrawn=withdrawn)
        hidden = 0 if found.rows else catalogue.totals()["withdrawn"]
    if output_format == "table":
        if not found.rows:
            note(f"{many(hidden, 'run is', 'runs are')} withdrawn: 'iracdb runs --all' lists them"
                 if hidden else "There are no runs yet: make one with 'iracdb run'")  # fmt: skip
            return
        titles: tuple[str, ...] = (
            "Run", "Name", "State", "Recipe", "Ch", "Kind", "AORs", "Images", "Problems",
            "Finished", "Comment",
        )  # fmt: skip
        rows: list[tuple[Any, ...]] = [
            (*row[:9], (row[10] or "")[:16].replace("T", " "), _shortened(row[11]))
            for row in found.rows
        ]
        if withdrawn and any(row[12] is not None for row in found.rows):
            titles += ("Withdrawn", "Why")
            rows = [
                (*shown, (row[12] or "")[:16].replace("T", " "), _shortened(row[13]))
                for shown, row in zip(rows, found.rows, strict=True)
            ]
        print_table(titles, rows, spare=_SPARE, more="--json and --csv list all")
    else:
        print_rows(found.columns, found.rows, output_format)


_SPARE = ("Comment", "Kind", "Problems", "Finished", "Recipe", "Why", "Withdrawn")
"""Columns of the list of runs that a narrow terminal goes without, the first first."""


@click.command()
@click.argument("run", shell_complete=run_names)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.option(
    "--curve/--no-curve",
    default=None,
    help="Draw a small light curve in text, or none.  [default: on a terminal]",
)
@common_options
def show(run: str, as_json: bool, curve: bool | None) -> None:
    """Show one run: what made it, and what it gave. RUN is a number or a name."""
    from iracdb.export.log import log_fields
    from iracdb.runs.withdrawal import withdrawn_sentence
    from iracdb.runs.wording import change_sentence

    with open_catalogue() as catalogue:
        found = catalogue.get(run)
        averages, software, changes = found.averages(), found.software, found.changes
        cells = sum(len(found.printed_cells(role)) for role in ("aor_data", "img_data"))
        if as_json:
            print_json(
                {
                    **{key: plain(value) for key, value in found.row._mapping.items()},
                    "result_digest": found.result_digest,
                    "changes": [vars(change) for change in changes],
                    "warnings": found.warnings,
                    "software": None if software is None else software.packages,
                    "links": found.link_grades,
                    "aor_links": found.aor_grades,
                    "cells_as_printed": cells,
                    "averages": plain_rows(averages),
                    "problems": [{"aorkey": key, "reason": why} for key, why in found.problems],
                }
            )
            return
        said = withdrawn_sentence(found.row)
        if said is not None:
            click.echo(_visible(said))
            click.echo("")
        fields = [
            (name, " ".join(few(value.split(), "")) if name == "Problem AORs" else value)
            for name, value in log_fields(found)
        ]
        print_table(("", found.name), fields)
        for change in changes:
            click.echo(_visible(change_sentence(change)))
        for sentence in few(found.warnings, "warnings"):
            click.echo(_visible(f"Warning: {sentence}"))
        if averages:
            print_averages(averages, found.row.layout)
            if sys.stdout.isatty() if curve is None else curve:
                print_curve(catalogue, found)
        tell_problems(found.problems)
        if found.row.origin == "imported":
            _tell_import(found.link_grades, found.aor_grades, cells)
            click.echo(f"Results: sha256 {found.result_digest}")
        if found.state != "finished":
            note("This run is not finished: repeat the command that began it")


def _shortened(comment: str | None) -> str:
    text = " ".join((comment or "").split())
    return text if len(text) <= _COMMENT else f"{text[: _COMMENT - 3]}..."


_COMMENT = 40


def _tell_import(links: dict[str, int], aors: dict[str, int], cells: int) -> None:
    from iracdb.published.grades import AOR_GRADES, LINK_GRADES

    for grade, count in links.items():
        click.echo(f"{many(count, 'image')} linked with grade {grade}, {LINK_GRADES[grade]}")
    for grade, count in aors.items():
        blocks = many(count, "block of images", "blocks of images")
        click.echo(f"{blocks} joined to the AOR with grade {grade}, {AOR_GRADES[grade]}")
    click.echo(f"{many(cells, 'cell')} kept as printed, because the value would print otherwise")


@click.command()
@click.argument("run", shell_complete=run_names)
@click.option("--out", type=click.Path(), default=OUT, show_default=True, help="Folder.")
@click.option(
    "--format",
    "formats",
    multiple=True,
    default=("csv",),
    show_default=True,
    type=click.Choice(["csv", "ecsv", "votable"]),
    help="May be repeated.",
)
@click.option(
    "--layout", metavar="NAME", help="Another of the published layouts, such as 16-14-NY, for CSV."
)
@click.option("--overwrite", is_flag=True, help="Replace files that hold something else.")
@common_options
def export(
    run: str, out: str, formats: tuple[str, ...], layout: str | None, overwrite: bool
) -> None:
    """Write a run's two tables and its log. RUN is a number or a name."""  # fmt: skip
    from iracdb.export.tables import export_run
    from iracdb.runs.withdrawal import withdrawn_sentence

    with open_catalogue() as catalogue:
        found = catalogue.get(run)
        written = export_run(found, out, formats=formats, layout=layout, overwrite=overwrite)
    said = withdrawn_sentence(found.row)
    if said is not None:
        note(said)
    for path in written:
        click.echo(str(path))
