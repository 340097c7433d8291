"""``iracdb run``: measure a star in every frame, and average each AOR."""

from __future__ import annotations

import shlex
import sys
from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

from iracdb.irac.names import KINDS

from .options import Function, common_options, jobs_option, open_catalogue, strict_option
from .output import many, note, plain, print_json, print_table, progress_bar

if TYPE_CHECKING:
    from iracdb.runs.plan import Plan
    from iracdb.runs.results import Run

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
        click.option(
            "--idl-source",
            type=click.Path(),
            metavar="FILE",
            help="The routine, irac_aphot_corr.pro. By default IRACDB_IDL_SOURCE.",
        ),
        click.option(
            "--idl-python",
            type=click.Path(),
            metavar="FILE",
            help="The Python that has mirpyidl. By default IRACDB_IDL_PYTHON.",
        ),
    )
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
    "--recipe", default="manual", show_default=True, help="Named set of measuring parameters."
)
@click.option(
    "--radius",
    type=float,
    nargs=3,
    metavar="R R_IN R_OUT",
    help="Source radius and annulus, pixels.  [default: 10 12 20]",
)
@click.option(
    "--aperture-correction",
    type=float,
    metavar="X",
    help="By default from the manual's table, by channel and radius.",
)
@click.option(
    "--pixel-size",
    type=float,
    metavar="X",
    help="Arcsec; by default from the manual's table, by channel.",
)
@click.option(
    "--rejection",
    metavar="RULE",
    help="minmax, sigma:N, sigma-iterate:N, mad:N, published or none.  [default: minmax]",
)
@response_options
@click.option("--target", metavar="NAME", help="Name of the target.")
@click.option(
    "--coord",
    metavar="POSITION",
    help="Its ICRS position, as '18 02 30.74 +58 37 38.16' or '270.628 +58.627'.",
)
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
@strict_option
@click.option("--json", "as_json", is_flag=True, help="Print the summary as JSON.")
@common_options
def run(
    out: str,
    no_tables: bool,
    dry_run: bool,
    check_inputs: bool,
    jobs: int,
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
    options["radius"] = tuple(radius) if radius else None
    if dry_run:
        with open_catalogue() as catalogue:
            plan = catalogue.plan(**options)
        _tell_plan(plan, as_json)
        return 0
    told: dict[str, Any] = {}

    def on_plan(run_id: int, name: str, plan: Plan, resumed: bool) -> None:
        told["plan"] = plan
        again = "goes on with" if resumed else "makes"
        note(
            f"This {again} run {run_id} ({name}): {many(len(plan.aors), 'AOR')}, "
            f"{many(len(plan.inputs), 'frame')}"
        )
        for warning in plan.warnings:
            note(f"  {warning}")

    command = typed_command()
    with open_catalogue() as catalogue:
        with progress_bar("Measuring") as progress:
            made = catalogue.run(
                **options, jobs=jobs, check_inputs=check_inputs, command=command,
                out=None if no_tables else out, progress=progress, on_plan=on_plan,
            )  # fmt: skip
        _tell_run(made, None if no_tables else out, as_json)
        for sentence in catalogue.closing_notes(made.run_id):
            note(f"  {sentence}")
        return 5 if strict and made.problems else 0


def typed_command() -> str:
    """Tell what was typed, for a run's log.

    Returns
    -------
    str
        As a shell would read it.
    """
    words = [word.encode(errors="backslashreplace").decode() for word in sys.argv[1:]]
    return shlex.join(["iracdb", *words])


def _tell_plan(plan: Plan, as_json: bool) -> None:
    rows = [
        (average.aorkey, average.target.name, average.target.ra, average.target.dec, average.group,
         len(average.files), average.problem)
        for average in plan.averages
    ]  # fmt: skip
    titles = ("aorkey", "target", "ra", "dec", "group", "frames", "problem")
    if as_json:
        print_json(
            {
                "parameters": plan.parameters.values,
                "frames": len(plan.inputs),
                "averages": [dict(zip(titles, map(plain, row), strict=True)) for row in rows],
                "warnings": list(plan.warnings),
            }
        )
        return
    print_table(("AOR", "Target", "RA", "Dec", "Frames alike", "Frames", "Problem"), rows)
    print_table(("Parameter", "Value"), list(plan.parameters.values.items()))
    for warning in plan.warnings:
        click.echo(warning)
    click.echo(
        f"A dry run: {many(len(plan.aors), 'AOR')}, {many(len(plan.inputs), 'frame')} and "
        f"{many(len(plan.averages), 'average')} would be made; nothing was done"
    )


def _tell_run(made: Run, out: str | None, as_json: bool) -> None:
    from iracdb.export.tables import file_names

    averages = made.averages()
    files = [] if out is None else [f"{out}/{name}" for name in file_names(made.name)]
    if as_json:
        print_json(
            {
                "run_id": made.run_id,
                "name": made.name,
                "averages": plain_rows(averages),
                "problems": [{"aorkey": key, "reason": why} for key, why in made.problems],
                "files": files,
            }
        )
        return
    print_averages(averages)
    for aorkey, reason in made.problems:
        click.echo(f"Problem AOR {aorkey}: {reason}")
    counts = made.counts
    click.echo(
        f"Run {made.run_id} ({made.name}) is finished: {many(counts.aors, 'AOR')}, "
        f"{many(counts.images, 'image')}, {counts.workable:,} workable, "
        f"{counts.rejected:,} rejected"
    )
    for path in files:
        note(f"  wrote {path}")


def plain_rows(averages: Sequence[Any]) -> list[dict[str, Any]]:
    """Make the averages of a run fit for JSON.

    Parameters
    ----------
    averages : sequence of Row
        Of the table ``aor_result``.

    Returns
    -------
    list of dict
        By the names of the columns.
    """
    return [{key: plain(value) for key, value in row._mapping.items()} for row in averages]


def print_averages(averages: Sequence[Any]) -> None:
    """Print the averages of a run, rounded for the eye.

    Parameters
    ----------
    averages : sequence of Row
        Of the table ``aor_result``.
    """
    # Which frames were averaged is worth a column only where an AOR has more than one kind.
    places = Counter((row.aorkey, row.target_id) for row in averages)
    alike = any(count > 1 for count in places.values())
    rows = []
    for row in averages:
        spread = row.error / row.flux * 100 if row.flux else None
        rows.append(
            (
                row.aorkey,
                row.target_name,
                *((row.frame_group,) if alike else ()),
                "--" if row.n_total is None else f"{row.n_workable}/{row.n_total}",
                _rounded(row.flux, "#.6g"),
                _rounded(row.error, "#.3g"),
                _rounded(spread, ".2f"),
                row.n_rejected,
            )
        )
    numbers = ("Used", "Flux/mJy", "Error/mJy", "Spread/%", "Rejected")
    titles = ("AOR", "Target", *(("Frames",) if alike else ()), *numbers)
    print_table(titles, rows, right=numbers)


def _rounded(number: float | None, form: str) -> str:
    return "nan" if number is None else format(number, form)
