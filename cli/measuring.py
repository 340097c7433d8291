"""``iracdb run``: measure a star in every frame, and average each AOR."""

from __future__ import annotations

import shlex
import sys
from typing import TYPE_CHECKING, Any

import click

from iracdb.irac.names import KINDS

from .completing import recipe_names
from .defaults import name_variables, settled
from .handbook_options import calibration_options, image_options
from .motion import motion_options
from .options import (
    Function,
    common_options,
    idl_options,
    jobs_beside,
    jobs_option,
    open_catalogue,
    scheduler_option,
    strict_option,
)
from .output import (
    note,
    progress_bar,
)
from .telling import tell_plan, tell_run, tell_start

if TYPE_CHECKING:
    pass

OUT = "Reduction_Data_&_Logs"

_ENGINES = ["native", "gdl", "idl"]
_RESPONSES = ["auto", "cryo", "warm", "hora", "reach", "none"]

_SCIENCE = [kind.name for kind in KINDS.values() if kind.role == "science"]


def response_options(command: Function) -> Function:
    """Add the options of the response and of the engine that gives it.

    Parameters
    ----------
    command : callable
        Takes ``engine``, ``response``, ``pixel_phase``, ``array_location``, ``idl_source`` and
        ``idl_python``.

    Returns
    -------
    callable
        Decorated.
    """
    options = (
        click.option(
            "--response",
            type=click.Choice(_RESPONSES),
            help="Whose response corrects fluxes: each image's own mission's (auto), one of them "
            "for all, or none.  [default: auto]",
        ),
        click.option(
            "--pixel-phase/--no-pixel-phase",
            default=True,
            help="Correct for the place within the pixel, or not.",
        ),
        click.option(
            "--array-location/--no-array-location",
            default=True,
            help="Correct for the place on the array, or not.",
        ),
        click.option(
            "--engine",
            type=click.Choice(_ENGINES),
            help="What computes the response: iracdb itself, or your own IDL routine in GDL or "
            "IDL.  [default: native]",
        ),
    )
    command = idl_options(command)
    for option in reversed(options):
        command = option(command)
    return command


@click.command()
@click.option("--run-id", type=int, help="The run's number; by default the next free.")
@click.option("--name", help="The run's name; by default run<number>.")
@click.option("--channel", type=click.IntRange(1, 4), help="By default the only one there is.")
@click.option(
    "--kind",
    type=click.Choice(_SCIENCE),
    default="bcd",
    show_default=True,
    help="Kind of file to measure.",
)
@click.option(
    "--wcs",
    type=click.Choice(_SCIENCE),
    help="Kind of the file of the same frame that gives the coordinate system, such as sub2d.  "
    "[default: the file measured]",
)
@click.option(
    "--aor",
    "aors",
    type=int,
    multiple=True,
    help="Only this AOR (may be repeated); by default all.",
)
@click.option(
    "--where",
    multiple=True,
    metavar="CONDITION",
    help="Only frames for which it holds, such as 'frame_time >= 2 and hdr_part = long' (may be "
    "repeated: all must hold).",
)
@click.option(
    "--recipe",
    default="manual",
    show_default=True,
    shell_complete=recipe_names,
    help="Named set of measuring parameters.",
)
@click.option(
    "--radius",
    type=float,
    nargs=3,
    metavar="R R_IN R_OUT",
    help="Source radius and annulus, pixels.  [default: the recipe's]",
)
@click.option(
    "--aperture-correction",
    type=float,
    metavar="X",
    help="By default from the recipe's table, by channel and radii.",
)
@click.option(
    "--pixel-size",
    type=float,
    metavar="X",
    help="Arcsec; by default from the manual's table, by channel.",
)
@click.option(
    "--centre",
    type=click.Choice(["gaussian", "moment", "quadratic"]),
    help="How centres are found.  [default: the recipe's]",
)
@click.option(
    "--sky",
    type=click.Choice(["mean", "median", "mode"]),
    help="How the sky is read from the annulus.  [default: the recipe's]",
)
@click.option("--forced", is_flag=True, help="Lay the aperture where the WCS expects the target.")
@image_options
@calibration_options
@click.option(
    "--rejection",
    metavar="RULE",
    help="minmax, sigma:N, sigma-iterate:N, mad:N, published or none.  [default: the recipe's]",
)
@response_options
@click.option("--target", metavar="NAME", help="Name of the target.")
@click.option(
    "--coord",
    metavar="POSITION",
    help="Its ICRS position, as '18 02 30.74 +58 37 38.16' or '270.628 +58.627'.",
)
@motion_options
@click.option(
    "--targets",
    type=click.Path(),
    metavar="FILE",
    help="A list of AORs and positions (AOR Filepath,Target Coordinates).",
)
@click.option("--comment", help="Why the run is made.")
@click.option(
    "--out",
    type=click.Path(),
    default=OUT,
    show_default=True,
    help="Folder for the tables and the log.",
)
@click.option("--no-tables", is_flag=True, help="Write no files: 'iracdb export' can do it later.")
@click.option("--dry-run", is_flag=True, help="Print what would be done, and do nothing.")
@click.option(
    "--check-inputs", is_flag=True, help="Re-read the hash of every input before the run closes."
)
@jobs_option
@scheduler_option
@strict_option
@click.option("--json", "as_json", is_flag=True, help="Print the summary as JSON.")
@common_options
def run(
    out: str,
    no_tables: bool,
    dry_run: bool,
    check_inputs: bool,
    jobs: int,
    scheduler: str | None,
    strict: bool,
    as_json: bool,
    radius: tuple[float, float, float] | None,
    **options: Any,
) -> int:
    """Measure a star in every frame, and average each AOR.

    Where neither --coord nor --targets is given, each AOR's own target is measured: RA_REF and
    DEC_REF of its first frame. A run that was interrupted goes on with the same command; a
    finished one is never overwritten.
    """  # fmt: skip
    options = settled(click.get_current_context(), {**options, "radius": radius or None})
    if dry_run:
        with open_catalogue() as catalogue:
            plan = catalogue.plan(**options)
        tell_plan(plan, as_json)
        return 0
    command = command_typed()
    with open_catalogue() as catalogue:
        with progress_bar("Measuring", "frames") as progress:
            made = catalogue.run(
                **options, jobs=jobs_beside(scheduler, jobs), scheduler=scheduler,
                check_inputs=check_inputs, command=command,
                out=None if no_tables else out, progress=progress, on_plan=tell_start,
            )  # fmt: skip
        tell_run(made, None if no_tables else out, as_json)
        for sentence in catalogue.closing_notes(made.run_id):
            note(f"  {sentence}")
        return 5 if strict and made.problems else 0


name_variables(run)


def command_typed() -> str:
    r"""Write this process's command as it was typed.

    Returns
    -------
    str
        Quoted as a shell needs it; bytes that are no text as ``\xff``.
    """
    words = [word.encode(errors="backslashreplace").decode() for word in sys.argv[1:]]
    return shlex.join(["iracdb", *words])
