"""``iracdb pipeline``: the command line of the pipeline of 2018, as it stands in its logs."""

from __future__ import annotations

import re
import shlex
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from iracdb.errors import InputRefused, UsageError

from .measuring import OUT, command_typed
from .options import common_options, jobs_option, open_catalogue, strict_option
from .output import note, progress_bar
from .telling import tell_run, tell_start

if TYPE_CHECKING:
    from iracdb.compat.asked import Asked

_FIELD = re.compile(r"\s*(Command Used|Input Parameters)\s*:\s*")
_NO_FILE = "no file of it could be taken in, and the catalogue has none"


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("words", nargs=-1, required=True, metavar="FORMAT PLACE [POSITION]")
@click.option(
    "-f",
    "--file-type",
    default="bcd",
    show_default=True,
    metavar="KIND",
    help="Kind of file to measure: bcd, cbcd or sub2d.",
)
@click.option(
    "-r",
    "--radius",
    type=float,
    nargs=3,
    default=(10, 12, 20),
    metavar="R R_IN R_OUT",
    help="Source radius and annulus, pixels.  [default: 10 12 20]",
)
@click.option(
    "-a",
    "--aperture-correction",
    type=float,
    default=1.0,
    show_default=True,
    metavar="X",
    help="Factor by which fluxes are multiplied.",
)
@click.option(
    "-cp",
    "--ch-px",
    type=float,
    nargs=2,
    default=(1, 1.221),
    metavar="CHANNEL PIXEL",
    help="Channel, and pixel size in arcsec.  [default: 1 1.221]",
)
@click.option("-o", "--outlier-rejection", is_flag=True, help="Reject by the manual's rule.")
@click.option(
    "-rn",
    "--run-name",
    metavar="NAME",
    help="The run's name or number; by default the next free number.",
)
@click.option("-t", "--target-name", metavar="NAME", help="Name of the target or targets.")
@click.option("-c", "--comments", "--comment", metavar="TEXT", help="Why the run is made.")
@click.option(
    "--out",
    type=click.Path(),
    default=OUT,
    show_default=True,
    help="Folder for the tables and the log.",
)
@jobs_option
@strict_option
@click.option("--json", "as_json", is_flag=True, help="Print the summary as JSON.")
@common_options
@click.pass_context
def pipeline(
    context: click.Context,
    /,
    words: tuple[str, ...],
    out: str,
    jobs: int,
    strict: bool,
    as_json: bool,
    **options: Any,
) -> int:
    """Take in and measure AORs, asked for as in 2018.

    FORMAT is single_hms or single_deg, PLACE then an AOR's folder (or several, or a quoted
    wildcard) and POSITION the target's; or multiple_hms or multiple_deg, and PLACE a list with
    the columns AOR Filepath and Target Coordinates. Instead, one quoted argument may hold a whole
    command as a log of 2018 keeps it: 'python Pipeline.py ...', a dict, or 14 or 13 parts with ;.
    """  # fmt: skip
    from iracdb.compat.measured import measure, take_in

    line = _line(words)
    if line is None:
        asked, command = _asked(context), command_typed()
    else:
        _refuse_beside(context, options)
        asked, command = _asked_by_line(line), line
    # Where nothing is there to be taken in, no empty catalogue is left behind.
    with open_catalogue(create=bool(asked.places.there)) as catalogue:
        with progress_bar("Reading", "files") as progress:
            take_in(catalogue, asked, on_note=note, jobs=jobs, progress=progress)
        with progress_bar("Measuring", "frames") as progress:
            measured = measure(
                catalogue, asked, command=command, on_note=note, on_plan=tell_start,
                jobs=jobs, out=out, progress=progress,
            )  # fmt: skip
        tell_run(measured.run, out, as_json, [(key, _NO_FILE) for key in measured.absent])
        for sentence in catalogue.closing_notes(measured.run.run_id):
            note(f"  {sentence}")
        return 5 if strict and measured.problem_aors else 0


def _line(words: tuple[str, ...]) -> str | None:
    """Tell whether a whole command was given as one argument."""
    from iracdb.compat.asked import is_format

    if len(words) > 1 or is_format(words[0]):
        return None
    return _FIELD.sub("", words[0], count=1).strip()


def _asked(context: click.Context) -> Asked:
    """Tell what was typed word by word."""
    from iracdb.compat.asked import Asked, measuring, naming, targets_asked

    typed = context.params
    channel, pixel = typed["ch_px"]
    how = measuring(
        kind=typed["file_type"],
        radii=typed["radius"],
        correction=typed["aperture_correction"],
        channel=channel,
        pixel=pixel,
        rejection=typed["outlier_rejection"],
    )
    named = naming(typed["run_name"], typed["target_name"], typed["comments"])
    places, target = targets_asked(typed["words"][0], typed["words"][1:])
    _mind_the_correction(context, how)
    return Asked(places, {**target, **how, **named})


def _asked_by_line(line: str) -> Asked:
    """Tell what a whole line says: one of a log, or one that was typed as the manual has it."""
    from iracdb.compat.asked import asked_by_command
    from iracdb.published.commands import parse_command

    try:
        command = parse_command(line)
    except InputRefused:
        # The logs always have all options; what people typed may leave them out.
        if not line.startswith("python "):
            raise
        try:
            words = shlex.split(line)[2:]
        except ValueError:
            words = []
        if not words:
            raise
        return _asked(pipeline.make_context("iracdb pipeline", words))
    return asked_by_command(command)


def _refuse_beside(context: click.Context, options: dict[str, Any]) -> None:
    """Take a line as it is: what is typed beside it would not be in the log."""
    typed = [
        f"--{name.replace('_', '-')}"
        for name in options
        if context.get_parameter_source(name) is ParameterSource.COMMANDLINE
    ]
    if typed:
        raise UsageError(f"A whole line tells all by itself: leave out {', '.join(typed)}")


def _mind_the_correction(context: click.Context, how: dict[str, Any]) -> None:
    """Say where 2018's default for the aperture correction is not that of the radii."""
    from iracdb.irac.handbook import APERTURE_CORRECTION

    known = APERTURE_CORRECTION.get(how["radius"])
    source = context.get_parameter_source("aperture_correction")
    if source is ParameterSource.COMMANDLINE or known is None:
        return
    manual = known[how["channel"] - 1]
    if manual != how["aperture_correction"]:
        note(f"The aperture correction is 1, as in 2018 without -a; the manual has {manual:g}")
