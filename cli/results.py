"""``iracdb runs``, ``show`` and ``export``: what runs gave."""

from __future__ import annotations

import click

from .measuring import OUT, plain_rows, print_averages
from .options import common_options, open_catalogue, output_options
from .output import many, note, plain, print_json, print_rows, print_table


@click.command()
@click.option("--all", "withdrawn", is_flag=True, help="Also those that were withdrawn.")
@output_options
@common_options
def runs(withdrawn: bool, output_format: str) -> None:
    """List the runs."""
    with open_catalogue() as catalogue:
        found = catalogue.runs(withdrawn=withdrawn)
    if output_format == "table":
        if not found.rows:
            note("There are no runs yet: make one with 'iracdb run'")
            return
        titles = ("Run", "Name", "State", "Recipe", "Ch", "Kind", "AORs", "Images", "Problems",
                  "Finished", "Comment")  # fmt: skip
        rows = [
            (*row[:9], (row[10] or "")[:16].replace("T", " "), _shortened(row[11]))
            for row in found.rows
        ]
        print_table(titles, rows)
    else:
        print_rows(found.columns, found.rows, output_format)


@click.command()
@click.argument("run")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@common_options
def show(run: str, as_json: bool) -> None:
    """Show one run: what made it, and what it gave. RUN is a number or a name."""
    from iracdb.export.log import log_fields

    with open_catalogue() as catalogue:
        found = catalogue.get(run)
        averages, software = found.averages(), found.software
        cells = sum(len(found.printed_cells(role)) for role in ("aor_data", "img_data"))
        if as_json:
            print_json(
                {
                    **{key: plain(value) for key, value in found.row._mapping.items()},
                    "software": None if software is None else software.packages,
                    "links": found.link_grades,
                    "cells_as_printed": cells,
                    "averages": plain_rows(averages),
                    "problems": [{"aorkey": key, "reason": why} for key, why in found.problems],
                }
            )
            return
        print_table(("", found.name), log_fields(found))
        if averages:
            print_averages(averages)
        for aorkey, reason in found.problems:
            click.echo(f"Problem AOR {aorkey}: {reason}")
        if found.row.origin == "imported":
            _tell_import(found.link_grades, cells)
        if found.state != "finished":
            note("This run is not finished: repeat the command that began it")


def _shortened(comment: str | None) -> str:
    text = " ".join((comment or "").split())
    return text if len(text) <= _COMMENT else f"{text[: _COMMENT - 3]}..."


_COMMENT = 40

_GRADES = {
    "A": "to a frame that files show, by channel, AORKEY and time",
    "B": "by channel and time alone; ingest the frames, then 'iracdb relink'",
    "C": "to one of several frames of that channel and time",
    "D": "to none: the row has no time",
}


def _tell_import(grades: dict[str, int], cells: int) -> None:
    for grade, count in grades.items():
        click.echo(f"{many(count, 'image')} linked with grade {grade}, {_GRADES[grade]}")
    click.echo(f"{many(cells, 'cell')} kept as printed, because the value would print otherwise")


@click.command()
@click.argument("run")
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

    with open_catalogue() as catalogue:
        written = export_run(
            catalogue.get(run), out, formats=formats, layout=layout, overwrite=overwrite
        )
    for path in written:
        click.echo(str(path))
