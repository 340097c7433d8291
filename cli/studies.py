"""``iracdb radius-test``, ``studies``, ``study``, ``export-study``: runs that belong together."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import click

from .measuring import OUT, command_typed, run
from .options import common_options, jobs_beside, open_catalogue, output_options
from .output import many, note, plain, print_json, print_rows, print_table, progress_bar

if TYPE_CHECKING:
    from iracdb.export.radius_tables import RadiusTables, WhichTable
    from iracdb.runs.radius_test import Prepared

_OF_ONE_RUN = ("run_id", "name", "radius", "aperture_correction", "out", "no_tables")
"""Options of ``iracdb run`` that tell the runs of a radius test apart, or mean something else."""

_OF_THE_CALL = ("dry_run", "check_inputs", "jobs", "scheduler", "strict", "as_json")


@click.command("radius-test")
@click.option(
    "--first-run", type=int, required=True, help="The first run's number; the others follow."
)
@click.option(
    "--combinations",
    default="all",
    show_default=True,
    metavar="all|FILE",
    help="The manual's ten sets of radii, or those of a file: a line "
    "'r r_in r_out [aperture correction]'.",
)
@click.option(
    "--study", metavar="NAME", help="The study's name; by default radius-test-<first run>."
)
@click.option(
    "--out", type=click.Path(), default=OUT, show_default=True, help="Folder for the tables."
)
@click.option("--no-tables", is_flag=True, help="Write no files: 'iracdb export-study' can do it.")
@click.option("--run-tables", is_flag=True, help="Write each run's own tables and log too.")
def radius_test(
    first_run: int,
    combinations: str,
    study: str | None,
    out: str,
    no_tables: bool,
    run_tables: bool,
    dry_run: bool,
    check_inputs: bool,
    jobs: int,
    scheduler: str | None,
    strict: bool,
    as_json: bool,
    **options: Any,
) -> int:
    """Measure every AOR through several apertures at once.

    Each frame is read, and each centre fitted, once. Each set of radii is a run of its own, the
    very one that 'iracdb run' makes with that radius; together they are a study. One that was
    interrupted goes on with the same command.
    """
    asked = {"combinations": combinations, "study": study, **options}
    if dry_run:
        with open_catalogue() as catalogue:
            prepared = catalogue.plan_radius_test(first_run, **asked)
        _tell_plan(prepared, as_json)
        return 0

    def on_plan(prepared: Prepared) -> None:
        again = "goes on with" if prepared.existing is not None else "makes"
        plan = prepared.plan
        note(
            f"This {again} the study {prepared.test.study}: {many(len(prepared.plans), 'run')}, "
            f"{many(len(plan.aors), 'AOR')}, {many(len(plan.inputs), 'frame')}"
        )
        for sentence in (*prepared.warnings, *_nowhere(prepared)):
            note(f"  {sentence}")

    folder = None if no_tables else out
    with open_catalogue() as catalogue:
        with progress_bar("Measuring", "frames") as progress:
            tables = catalogue.radius_test(
                first_run, **asked, jobs=jobs_beside(scheduler, jobs), scheduler=scheduler,
                check_inputs=check_inputs, command=command_typed(), out=folder,
                run_tables=run_tables, progress=progress, on_plan=on_plan,
            )  # fmt: skip
        problems = {
            member.run_id: dict(catalogue.get(member.run_id).problems)
            for member in tables.results.members
        }
    _tell_study(tables, as_json)
    if not as_json:
        # What the smallest aperture could not do either.
        outer = {one.run_id: radii[2] for one, radii in
                 zip(tables.results.members, tables.results.radii, strict=True)}  # fmt: skip
        for aorkey, reason in problems[min(problems, key=lambda number: outer[number])].items():
            if all(aorkey in each for each in problems.values()):
                click.echo(f"Problem AOR {aorkey}, through every combination: {reason}")
    if folder is not None and not as_json:
        from iracdb.export.study_files import study_file_names

        for name in study_file_names(tables.results.study.name):
            note(f"  wrote {folder}/{name}")
    return 5 if strict and any(problems.values()) else 0


# What all runs share is asked for as of one run, option by option.
radius_test.params[3:3] = [
    option
    for option in run.params
    if option.name not in (*_OF_ONE_RUN, *_OF_THE_CALL) and option.expose_value
]
radius_test.params += [option for option in run.params if option.name in (
    *_OF_THE_CALL,
) or not option.expose_value]  # fmt: skip


def _nowhere(prepared: Prepared) -> list[str]:
    labels = prepared.nowhere
    if not labels:
        return []
    return [
        f"{' '.join(labels)} {'fits' if len(labels) == 1 else 'fit'} none of these arrays: "
        "every AOR of such a run is a problem AOR"
    ]


def _tell_plan(prepared: Prepared, as_json: bool) -> None:
    plan, test = prepared.plan, prepared.test
    rows = []
    for number, one in zip(test.numbers, test.combinations, strict=True):
        mine = prepared.plans.get(number)
        if mine is not None:
            values = mine.parameters.values
            without = len({each.aorkey for each in mine.averages if each.problem})
            rows.append(
                (number, one.label, values["aperture_correction"],
                 values["aperture_correction_from"], without)
            )  # fmt: skip
    titles = ("run_id", "combination", "aperture_correction", "from", "aors_without_flux")
    if as_json:
        print_json(
            {
                "study": test.study,
                "goes_on": prepared.existing is not None,
                "runs": [dict(zip(titles, row, strict=True)) for row in rows],
                "parameters": plan.parameters.values,
                "aors": list(plan.aors),
                "frames": len(plan.inputs),
                "warnings": [*prepared.warnings, *_nowhere(prepared)],
            }
        )
        return
    print_table(
        ("Run", "Combination", "Aperture correction", "From", "AORs that cannot be measured"), rows
    )
    for sentence in (*prepared.warnings, *_nowhere(prepared)):
        click.echo(sentence)
    click.echo(
        f"A dry run: the study {test.study} would be of {many(len(rows), 'run')} over "
        f"{many(len(plan.aors), 'AOR')} and {many(len(plan.inputs), 'frame')}; nothing was done"
    )


def _tell_study(tables: RadiusTables, as_json: bool) -> None:
    results = tables.results
    study = results.study
    if as_json:
        print_json(
            {
                "study": study.name,
                "kind": study.kind,
                "state": "finished" if study.finished else "running",
                "comment": study.comment,
                "created_at": study.created_at,
                "runs": [
                    {"run_id": one.run_id, "name": one.row.name, "combination": one.label,
                     "state": one.row.state, "withdrawn_at": one.row.withdrawn_at,
                     "withdrawn_reason": one.row.withdrawn_reason}
                    for one in study.members
                ],
                **{which: _plain(tables, which) for which in ("best", "agreement", "growth")},
                "over_all": _plain(tables, "over_all"),
            }
        )  # fmt: skip
        return
    print_table(*_best(tables), right=("Flux/mJy", "Spread/%", "Disagreement/%"))
    click.echo("")
    titles, rows = _over_all(tables)
    print_table(titles, rows, right=titles[4:8])
    state = "finished" if study.finished else "not finished: repeat the command that began it"
    click.echo(
        f"The study {study.name} (runs {study.numbers}) is {state}. "
        "The least spread is not the truest flux"
    )


def _plain(tables: RadiusTables, which: WhichTable) -> list[dict[str, Any]]:
    titles = [column.title for column in tables.columns(which)]
    return [dict(zip(titles, map(plain, row), strict=True)) for row in tables.rows(which)]


def _best(tables: RadiusTables) -> tuple[tuple[str, ...], list[tuple[Any, ...]]]:
    """Tell the best combination of each average, and how far the combinations agree."""
    results = tables.results
    several = len({line.aorkey for line in results.lines}) < len(results.lines)
    rows = []
    for line in results.lines:
        best, reference = line.best, results.reference(line)
        held = None if best is None else line.cells[best]
        ends = results.extremes(line)
        rows.append(
            (
                line.aorkey,
                *((line.target, line.group) if several else ()),
                None if best is None else results.labels[best],
                "nan" if held is None else format(held.flux, "#.6g"),
                "nan" if held is None else format(held.spread, ".3f"),
                None if reference is None else results.labels[reference],
                format(results.disagreement(line), ".2f"),
                None if ends is None else results.labels[ends[0]],
                None if ends is None else results.labels[ends[1]],
            )
        )
    more = ("Target", "Frames") if several else ()
    return (
        ("AOR", *more, "Least spread", "Flux/mJy", "Spread/%", "Reference", "Disagreement/%",
         "Lowest", "Highest"),
        rows,
    )  # fmt: skip


def _over_all(tables: RadiusTables) -> tuple[tuple[str, ...], list[tuple[Any, ...]]]:
    results = tables.results
    rows = [
        (
            results.labels[one.reference],
            results.labels[one.place],
            results.members[one.place].run_id,
            one.compared,
            *("nan" if math.isnan(value) else format(value, "+.2f") for value in (one.mean,)),
            *(format(value, ".2f") for value in (one.scatter, one.least, one.most)),
            one.best,
        )
        for one in results.over_all()
        if one.compared
    ]
    return (
        "Reference", "Combination", "Run", "Compared", "Mean/%", "Scatter/%", "Least/%", "Most/%",
        "Best in",
    ), rows  # fmt: skip


def _tell_withdrawn(tables: RadiusTables) -> None:
    """Say which runs of the study were withdrawn, and whether they are shown."""
    shown = {member.run_id for member in tables.results.members}
    for one in tables.results.study.members:
        if one.withdrawn:
            day = str(one.row.withdrawn_at)[:16].replace("T", " ")
            why = " ".join(str(one.row.withdrawn_reason or "").split())
            left = "" if one.run_id in shown else ". It is left out (--all shows it)"
            note(f"Run {one.run_id} {one.label} was withdrawn on {day} UTC: {why}{left}")


@click.command()
@output_options
@common_options
def studies(output_format: str) -> None:
    """List the studies: runs that belong together."""
    with open_catalogue() as catalogue:
        found = catalogue.studies()
    if output_format != "table":
        print_rows(found.columns, found.rows, output_format)
        return
    if not found.rows:
        note("There are no studies yet: make one with 'iracdb radius-test'")
        return
    print_table(
        ("Study", "Kind", "State", "First run", "Last run", "Runs", "Withdrawn", "AORs", "Made",
         "Comment"),
        [(*row[:8], row[8][:16].replace("T", " "), row[9]) for row in found.rows],
    )  # fmt: skip


@click.command()
@click.argument("study")
@click.option("--all", "withdrawn", is_flag=True, help="Also runs that were withdrawn.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@common_options
def study(study: str, withdrawn: bool, as_json: bool) -> None:
    """Show a radius test: the best combination of each AOR, and how far all agree.

    STUDY is its name. The best combination has the least spread; the reference is 10 12 20 where
    it gave a flux, else the largest aperture that did.
    """
    with open_catalogue() as catalogue:
        tables = catalogue.study(study, withdrawn=withdrawn)
    _tell_study(tables, as_json)
    _tell_withdrawn(tables)


_FILES = """\b
Files:
  STUDY.csv                     all combinations and the best, as in 2018
  STUDY_agreement.csv           how far they agree after correction, by AOR
  STUDY_agreement_over_all.csv  the same over all AORs
  STUDY_growth.csv              the curve of growth, a line an AOR and radii
"""


@click.command("export-study", epilog=_FILES)
@click.argument("study")
@click.option("--out", type=click.Path(), default=OUT, show_default=True, help="Folder.")
@click.option(
    "--format",
    "formats",
    multiple=True,
    default=("csv",),
    show_default=True,
    type=click.Choice(["csv", "ecsv"]),
    help="May be repeated. STUDY.csv is written as CSV alone.",
)
@click.option("--all", "withdrawn", is_flag=True, help="Also runs that were withdrawn.")
@click.option("--overwrite", is_flag=True, help="Replace files that hold something else.")
@common_options
def export_study(
    study: str, out: str, formats: tuple[str, ...], withdrawn: bool, overwrite: bool
) -> None:
    """Write the tables of a radius test. STUDY is its name."""
    with open_catalogue() as catalogue:
        tables = catalogue.study(study, withdrawn=withdrawn)
        written = catalogue.export_study(
            study, out, formats=formats, withdrawn=withdrawn, overwrite=overwrite
        )
    _tell_withdrawn(tables)
    for path in written:
        click.echo(str(path))
