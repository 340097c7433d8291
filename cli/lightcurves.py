"""``iracdb lightcurve`` and ``colour``: a target image by image, and in two channels."""

from __future__ import annotations

from dataclasses import astuple, fields

import click

from .completing import run_names
from .measuring import OUT
from .options import common_options, open_catalogue, output_options
from .output import many, note, print_rows, print_table


@click.command()
@click.argument("run", shell_complete=run_names)
@click.option("--target", metavar="NAME", help="The target; by default the run's only one.")
@click.option(
    "--out",
    type=click.Path(),
    metavar="FILE",
    help=f"The file, by default run<N>_<target>_lightcurve.ecsv in the folder '{OUT}'.",
)
@click.option(
    "--format",
    "format_name",
    type=click.Choice(["ecsv", "fits"]),
    help="By default by the file's ending, else ecsv.",
)
@click.option(
    "--unit",
    type=click.Choice(["mJy", "uJy", "mag", "electron"]),
    default="mJy",
    show_default=True,
    help="Of the flux: flux densities, Vega magnitudes, or electrons in the source circle.",
)
@click.option("--kept-only", is_flag=True, help="Only images that the run's averages count.")
@click.option("--stamp", is_flag=True, help="Add the 5 x 5 pixels around the star: P1 to P25.")
@click.option("--aor", "aors", type=int, multiple=True, help="Only this AOR (may be repeated).")
@click.option("--overwrite", is_flag=True, help="Replace a file that holds something else.")
@common_options
def lightcurve(
    run: str,
    target: str | None,
    out: str | None,
    format_name: str | None,
    unit: str,
    kept_only: bool,
    stamp: bool,
    aors: tuple[int, ...],
    overwrite: bool,
) -> None:
    """Write a target's light curve: one row an image, by time.

    RUN is a number or a name. Each row tells time, flux, its error, centre, width, noise pixels,
    sky and the factors of the response, for codes that take the detector's habits out. Stamps are
    read from the frames themselves, which must be where they were ingested.
    """
    from iracdb.export.lightcurve import export_light_curve

    with open_catalogue() as catalogue:
        path, table = export_light_curve(
            catalogue.get(run), target, out, folder=OUT, format_name=format_name, unit=unit,
            aors=aors, kept_only=kept_only, stamp=stamp, overwrite=overwrite,
        )  # fmt: skip
    for sentence in table.meta["notes"]:
        note(sentence)
    click.echo(str(path))


@click.command()
@click.argument("run1", shell_complete=run_names)
@click.argument("run2", shell_complete=run_names)
@click.option("--target", metavar="NAME", help="Only this target.")
@click.option(
    "--within",
    type=float,
    default=0.5,
    show_default=True,
    metavar="DAYS",
    help="How far averages of different AORs may be apart.",
)
@output_options
@common_options
def colour(run1: str, run2: str, target: str | None, within: float, output_format: str) -> None:
    """Join two runs of different channels: flux ratios and Vega colours.

    RUN1 and RUN2 are numbers or names. Averages of one AOR and target are joined, else those
    nearest in time; each once. The colour is RUN1's magnitude less RUN2's.
    """
    with open_catalogue() as catalogue:
        made = catalogue.colour(run1, run2, target=target, within=within)
    if output_format == "table":
        several = len({row.target for row in made.rows}) > 1
        titles = (
            *(("Target",) if several else ()), f"AOR {made.name_a}", f"AOR {made.name_b}",
            f"MJD {made.name_a}", f"MJD {made.name_b}", f"mJy {made.name_a}", "+-",
            f"mJy {made.name_b}", "+-", "Ratio", "+-", made.title, "+-",
        )  # fmt: skip
        print_table(
            titles,
            [
                (
                    *((row.target,) if several else ()), row.aorkey_a, row.aorkey_b,
                    _form(row.mjd_a, ".5f"), _form(row.mjd_b, ".5f"),
                    _form(row.flux_a, ".6g"), _form(row.error_a, ".2g"),
                    _form(row.flux_b, ".6g"), _form(row.error_b, ".2g"),
                    _form(row.ratio, ".6g"), _form(row.ratio_error, ".2g"),
                    _form(row.colour, "+.4f"), _form(row.colour_error, ".2g"),
                )
                for row in made.rows
            ],
            right=titles[-10:],
        )  # fmt: skip
    else:
        names = [field.name for field in fields(made.rows[0])]
        print_rows(names, [astuple(row) for row in made.rows], output_format)
    for sentence in made.notes:
        note(sentence)
    for name, count in ((made.name_a, made.alone_a), (made.name_b, made.alone_b)):
        if count:
            note(f"{many(count, 'average')} of {name} without a like in the other run")


def _form(value: float | None, form: str) -> str:
    return "--" if value is None else format(value, form)
