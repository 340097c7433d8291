"""``iracdb ingest``, ``problems`` and ``header``: files going in, set aside, looked into."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from .options import (
    common_options,
    jobs_option,
    open_catalogue,
    output_options,
    strict_option,
)
from .output import many, note, print_json, print_rows, progress_bar, shown_path

if TYPE_CHECKING:
    from iracdb.catalogue.ingest_report import IngestReport

_SHOWN = 20


@click.command()
@click.argument("places", nargs=-1, required=True, type=click.Path())
@click.option("--rehash", is_flag=True, help="Read every file again, also those unchanged.")
@jobs_option
@strict_option
@click.option("--json", "as_json", is_flag=True, help="Print the summary as JSON.")
@common_options
def ingest(places: tuple[str, ...], rehash: bool, jobs: int, strict: bool, as_json: bool) -> int:
    """Take folders and files in, once.

    PLACES are folders, walked to the bottom, or single files. A file is known by its content, a
    frame by its channel, AORKEY, EXPID and DCENUM. What cannot be taken in is set aside with its
    reason ('iracdb problems') and taken in when it is whole.
    """
    from iracdb.irac.archive import roots_of

    # A mistyped folder must not leave an empty catalogue behind.
    roots_of(places)
    with open_catalogue(create=True) as catalogue, progress_bar("Reading", "files") as progress:
        report = catalogue.ingest(*places, rehash=rehash, jobs=jobs, progress=progress)
        could_rise = catalogue.links_that_could_rise()
    if as_json:
        print_json(report.as_dict() | {"links_that_could_rise": could_rise})
    else:
        _tell(report)
    if could_rise:
        note(f"{many(could_rise, 'image')} of imported runs can be linked better: iracdb relink")
    return 5 if strict and report.counts["set aside"] else 0


def _tell(report: IngestReport) -> None:
    from iracdb.catalogue.ingest_report import OUTCOMES

    click.echo(f"{many(report.found, 'FITS file')} found, {report.unchanged:,} unchanged")
    if report.nothing_new:
        click.echo("Nothing new")
    counts = report.counts
    for kind in OUTCOMES:
        if not counts[kind]:
            continue
        extra = ""
        if kind == "new":
            extra = (
                f" ({many(report.frames, 'new frame')}, "
                f"AOR {', '.join(map(str, sorted(report.aors)[:8]))}"
                f"{', ...' if len(report.aors) > 8 else ''})"
            )
        click.echo(f"  {kind:<20}{counts[kind]:>8,}{extra}")
        if kind != "new":
            for outcome in report.of(kind)[:_SHOWN]:
                note(f"    {shown_path(outcome.path)}: {outcome.note}")
            if counts[kind] > _SHOWN:
                note(f"    ... and {counts[kind] - _SHOWN:,} more (--json lists all)")
    for kind, number in sorted(report.other_kinds.items()):
        note(f"  left out: {many(number, 'file')} of kind {kind}")
    if report.other_files:
        note(f"  left out: {many(report.other_files, 'other file')}")


@click.command()
@click.option("--all", "settled", is_flag=True, help="Also those taken in since, or gone.")
@output_options
@common_options
def problems(settled: bool, output_format: str) -> None:
    """List the files that were set aside, and why."""
    with open_catalogue() as catalogue:
        found = catalogue.problems(settled=settled)
    if output_format != "table":
        print_rows(found.columns, found.rows, output_format)
    elif not found.rows:
        note("No file is set aside")
    else:
        print_rows(
            ("path", "code", "why"),
            [(shown_path(path), code, why) for path, code, why, *_ in found.rows],
            "table",
        )


@click.command()
@click.argument("file")
@click.option("--raw", is_flag=True, help="The bytes as they are, without line ends.")
@common_options
def header(file: str, raw: bool) -> None:
    """Print a file's header from the catalogue, one card of 80 characters a line.

    FILE is a path, an archive name, or the first digits of a SHA-256.
    """
    with open_catalogue() as catalogue:
        found = catalogue.header(file)
    stream = sys.stdout.buffer
    if raw:
        stream.write(found.verbatim)
    else:
        stream.writelines(card + b"\n" for card in found.lines)
