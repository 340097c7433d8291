"""``iracdb prov``: where a run's results come from, in the standards' words."""

from __future__ import annotations

import io
import sys

import click

from .completing import run_names
from .options import common_options, open_catalogue
from .output import note


@click.command()
@click.argument("run", shell_complete=run_names)
@click.option(
    "--format",
    "format_name",
    type=click.Choice(["json", "provn", "xml", "rocrate"]),
    default="json",
    show_default=True,
    help="W3C PROV in one of its formats, or an RO-Crate.",
)
@click.option(
    "--level",
    type=click.Choice(["aor", "image"]),
    default="aor",
    show_default=True,
    help="How deep: to each average and the files it is over, or to each image.",
)
@click.option(
    "--out",
    type=click.Path(),
    metavar="PLACE",
    help="A file, by default standard output; for an RO-Crate a folder.",
)
@click.option(
    "--license",
    "license_",
    metavar="URL",
    help="Licence of the results, for an RO-Crate.",
)
@click.option("--overwrite", is_flag=True, help="Replace what holds something else.")
@common_options
def prov(
    run: str, format_name: str, level: str, out: str | None, license_: str | None, overwrite: bool
) -> None:
    """Tell where a run's results come from: files, parameters, software, people.

    RUN is a number or a name. The document is W3C PROV with the terms of the IVOA Provenance Data
    Model. An RO-Crate is a folder with the tables, the log and PROV-JSON, which describes itself;
    files that the run read are named with their hashes, not copied.
    """
    if out is None and format_name == "rocrate":
        raise click.UsageError("An RO-Crate is a folder: name one with --out")
    if license_ is not None and format_name != "rocrate":
        raise click.UsageError("--license goes with --format rocrate")
    with open_catalogue() as catalogue:
        if out is None:
            # The formats are UTF-8, whatever the terminal is.
            if isinstance(sys.stdout, io.TextIOWrapper):
                sys.stdout.reconfigure(encoding="utf-8", newline="\n")
            catalogue.write_prov(run, sys.stdout, format=format_name, level=level)
            return
        written = catalogue.write_prov(
            run, out, format=format_name, level=level, license=license_, overwrite=overwrite
        )
    for path in written:
        click.echo(str(path))
    if format_name == "rocrate" and license_ is None:
        note("The crate states no licence: --license URL states one")
