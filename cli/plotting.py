"""``iracdb plot``: figures of runs."""

from __future__ import annotations

import click

from iracdb.report.registry import FIGURES

from .completing import run_names
from .measuring import OUT
from .options import common_options, open_catalogue
from .output import note


@click.command()
@click.argument("runs", nargs=-1, required=True, metavar="RUN [RUN2]", shell_complete=run_names)
@click.option(
    "--figure",
    "figures",
    multiple=True,
    default=("lightcurve",),
    show_default=True,
    type=click.Choice([figure.name for figure in FIGURES]),
    metavar="FIGURE",
    help=f"Which (may be repeated): {', '.join(figure.name for figure in FIGURES)}.",
)
@click.option("--target", metavar="NAME", help="Only this target.")
@click.option("--aor", "aors", type=int, multiple=True, help="Only this AOR (may be repeated).")
@click.option(
    "--image", "row", type=int, metavar="ROW", help="One image: its row in the image table, from 1."
)
@click.option("--study", metavar="NAME", help="The study meant, where the run is in several.")
@click.option(
    "--out",
    type=click.Path(),
    default=OUT,
    show_default=True,
    metavar="FILE_OR_FOLDER",
    help="A folder; or a file that ends in .png, .pdf or .svg.",
)
@click.option(
    "--format",
    "format_name",
    type=click.Choice(["png", "pdf", "svg"]),
    help="By default by the file's ending, else png.",
)
@click.option("--overwrite", is_flag=True, help="Replace files that hold something else.")
@common_options
def plot(
    runs: tuple[str, ...],
    figures: tuple[str, ...],
    target: str | None,
    aors: tuple[int, ...],
    row: int | None,
    study: str | None,
    out: str,
    format_name: str | None,
    overwrite: bool,
) -> None:
    """Draw figures of a run, and write what is drawn beside them.

    RUN is a number or a name; two are given to a figure that compares. Each figure is written with
    the table of what it shows, as ECSV.
    """
    from iracdb.report.registry import figure_named
    from iracdb.report.saving import save_figures
    from iracdb.report.subject import Subject

    with open_catalogue() as catalogue:
        found = tuple(catalogue.get(run) for run in runs)
        subject = Subject(catalogue._database, found, target, aors, row, study)
        files, notes = save_figures(
            [figure_named(name) for name in dict.fromkeys(figures)], subject, out,
            format_name=format_name, overwrite=overwrite,
        )  # fmt: skip
    for sentence in notes:
        note(sentence)
    for path in files:
        click.echo(str(path))
