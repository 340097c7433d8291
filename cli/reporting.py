"""``iracdb report``: a run as one page to read, to print and to mail."""

from __future__ import annotations

import click

from .completing import run_names
from .measuring import OUT
from .options import common_options, open_catalogue


@click.command()
@click.argument("run", shell_complete=run_names)
@click.option(
    "--out",
    type=click.Path(),
    metavar="FILE",
    help=f"The file, by default run<N>_report.html in the folder '{OUT}'.",
)
@click.option(
    "--against",
    metavar="RUN2",
    shell_complete=run_names,
    help="The run it is compared with; by default the one it was made from, else the last before "
    "it over the same AORs.",
)
@click.option("--overwrite", is_flag=True, help="Replace a file that holds something else.")
@common_options
def report(run: str, out: str | None, against: str | None, overwrite: bool) -> None:
    """Write the page of a run: one HTML file that needs no other.

    RUN is a number or a name. The page tells what was done and how it is done again, its figures,
    every average, what is wrong, and what changed since the run before.
    """
    with open_catalogue() as catalogue:
        path = catalogue.report(run, out, against=against, overwrite=overwrite, folder=OUT)
    click.echo(str(path))
