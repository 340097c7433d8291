"""``iracdb import``, ``recompute``, ``audit`` and ``relink``: the runs of 2018."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import click

from .completing import run_names
from .options import common_options, open_catalogue, output_options
from .output import many, note, plain, print_json, print_rows, print_table, progress_bar

if TYPE_CHECKING:
    from iracdb.published.importing import ImportReport
    from iracdb.published.recompute import Recomputation

_SHOWN = 15

_READ_AND_WRITE = 2
"""One process reads while another writes; a folder that is read in no time starts no second."""


@click.command("import")
@click.argument("folder", type=click.Path())
@click.option(
    "--targets",
    multiple=True,
    type=click.Path(),
    metavar="PLACE",
    help="A list of targets that the runs were given, or a folder of them.",
)
@click.option("--as", "number", type=int, help="Number for a single run.")
@click.option("--name", help="Name for a single run.")
@click.option("--keep-going", is_flag=True, help="Import what can be, and list what is refused.")
@click.option("--json", "as_json", is_flag=True, help="Print the summary as JSON.")
@common_options
def import_(
    folder: str,
    targets: tuple[str, ...],
    number: int | None,
    name: str | None,
    keep_going: bool,
    as_json: bool,
) -> int:
    """Take in runs that the pipeline of 2018 published.

    FOLDER holds <run>_aor_data.csv, <run>_img_data.csv and <run>_log.txt of each run; one of a
    run's files stands for that run alone. Every row is kept, also where it is wrong, and written
    back byte for byte by 'iracdb export'.
    """  # fmt: skip
    with open_catalogue(create=True) as catalogue, progress_bar("Importing", "runs") as progress:
        report = catalogue.import_runs(
            folder, targets=targets, number=number, name=name, keep_going=keep_going,
            jobs=_READ_AND_WRITE, progress=progress,
        )  # fmt: skip
    if as_json:
        print_json(
            {
                "imported": [vars(run) for run in report.imported],
                "refused": [{"name": n, "reason": why} for n, why in report.refused],
                "renamed": [{"from": old, "to": new} for old, new in report.renamed],
            }
        )
    else:
        _tell_import(report)
    return 3 if report.refused else 0


def _tell_import(report: ImportReport) -> None:
    new = [run for run in report.imported if run.new]
    if new:
        rows = [
            (run.run_id, run.name, run.averages, run.images,
             ", ".join(f"{grade} {count}" for grade, count in sorted(run.grades.items())),
             run.cells)
            for run in new
        ]  # fmt: skip
        print_table(("Run", "Name", "AOR rows", "Images", "Links to frames", "Odd cells"), rows)
        images = sum(run.images for run in new)
        click.echo(f"{many(len(new), 'run')} imported, {many(images, 'image')}")
    known = len(report.imported) - len(new)
    if known:
        click.echo(f"{many(known, 'run')} held already, from these very files")
    for old, run_name in report.renamed:
        note(f"  {old} is called {run_name} here: names are letters, digits and _")
    for name, why in report.refused:
        note(f"  refused {name}: {why}")


@click.command()
@click.argument("run", shell_complete=run_names)
@click.option(
    "--recipe",
    type=click.Choice(["manual", "published-2018"]),
    default="manual",
    show_default=True,
    help="Done right, or with the known issues of 2018.",
)
@click.option("--as", "number", type=int, help="Keep the result as a run of this number.")
@click.option("--name", help="Keep the result as a run of this name.")
@click.option("--all", "everything", is_flag=True, help="List every AOR that differs.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@common_options
def recompute(
    run: str, recipe: str, number: int | None, name: str | None, everything: bool, as_json: bool
) -> int:
    """Make an imported run's AOR table again from its image table.

    Says by AOR how far the published number is off, and which known issue moved it by how much.
    Exit status 0 where all agree with what was published, 1 where one does not.
    """  # fmt: skip
    with open_catalogue() as catalogue:
        again = catalogue.recompute(run, recipe=recipe)
        kept = None
        if number is not None or name is not None:
            kept = catalogue.keep_recomputed(again, number=number, name=name)
        said = [] if kept is None else catalogue.closing_notes(kept)
    if as_json:
        print_json(_recomputed_json(again, kept))
    else:
        _tell_recomputed(again, everything)
        if kept is not None:
            click.echo(f"Kept as run {kept}, with run {again.run_id} as its parent")
    for sentence in said:
        note(f"  {sentence}")
    return 0 if again.agrees else 1


def _recomputed_json(again: Recomputation, kept: int | None) -> dict[str, object]:
    return {
        "run_id": again.run_id,
        "name": again.name,
        "recipe": again.recipe,
        "agrees": again.agrees,
        "verdict": again.verdict,
        "kept_as": kept,
        "aors": [
            {
                "aorkey": row.aorkey, "row": row.row_number, "published": plain(row.published),
                "recomputed": plain(row.recomputed), "relative": plain(row.relative),
                "rejected_published": row.rejected_published, "rejected": row.rejected,
                "agrees": row.agrees,
                "shares_mjy": {key: plain(value) for key, value in row.shares.items()},
            }
            for row in again.rows
        ],
    }  # fmt: skip


def _tell_recomputed(again: Recomputation, everything: bool) -> None:
    differing = sorted((row for row in again.rows if not row.agrees), key=lambda r: -r.relative)
    issues = tuple(differing[0].shares) if differing else ()
    shown = differing if everything else differing[:_SHOWN]
    if shown:
        rows = [
            (row.aorkey, _number(row.published), _number(row.recomputed),
             f"{100 * row.relative:.3g}", f"{row.rejected_published}", f"{row.rejected}",
             *(f"{row.shares[issue]:+.4g}" for issue in issues))
            for row in shown
        ]  # fmt: skip
        numbers = ("Published", "Again", "Off/%", "Rejected", "Again ", *issues)
        print_table(("AOR", *numbers), rows, right=numbers)
        if len(differing) > len(shown):
            click.echo(f"... and {len(differing) - len(shown)} more (--all)")
        if issues:
            click.echo("The last columns are mJy by known issue: docs/published-runs.md")
    click.echo(f"{again.name}, by {again.recipe}: {again.verdict}")


def _number(value: float | None) -> str:
    return "nan" if value is None else f"{value:.7g}"


@click.command()
@click.argument("runs", nargs=-1, shell_complete=run_names)
@click.option(
    "--strict", is_flag=True, help="Exit with status 1 if an error or a warning was found."
)
@click.option("--rows", is_flag=True, help="Print the rows that each finding is about.")
@output_options
@common_options
def audit(runs: tuple[str, ...], strict: bool, rows: bool, output_format: str) -> int:
    """Find what is wrong with what is held, worst first.

    RUNS are numbers or names; by default all. Each finding has a code that docs/audit.md explains.
    """
    with open_catalogue() as catalogue:
        found = catalogue.audit(*runs)
    status = 1 if strict and any(finding.severity != "note" for finding in found) else 0
    if output_format == "json":
        print_json(
            [
                {"code": f.code, "severity": f.severity, "run_id": f.run_id, "run": f.run,
                 "sentence": f.sentence, "numbers": f.numbers, "rows": f.rows, "docs": f.docs}
                for f in found
            ]
        )  # fmt: skip
        return status
    titles = ("severity", "code", "run", "finding")
    print_rows(titles, [(f.severity, f.code, f.run, f.sentence) for f in found], output_format)
    if output_format == "table":
        for finding in found if rows else ():
            note(f"{finding.run}: {finding.code}")
            for row in finding.rows:
                note("  " + ", ".join(f"{key} {value}" for key, value in row.items()))
        counted = Counter(f.severity for f in found)
        said = ", ".join(many(counted[kind], kind) for kind in ("error", "warning", "note"))
        note(f"{said}: each is explained in docs/audit.md" if found else "Nothing was found")
    return status


@click.command()
@common_options
def relink() -> None:
    """Link imported images to frames that were ingested since.

    No link is lowered. What was done is recorded as an activity of each run.
    """
    with open_catalogue() as catalogue:
        done = catalogue.relink()
    if not done.total:
        click.echo("No link can be raised")
    for (run, before, after), count in sorted(done.raised.items()):
        click.echo(f"{run}: {many(count, 'link')} raised from {before} to {after}")
