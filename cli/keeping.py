"""``iracdb freeze``, ``thaw`` and ``copy``: a run in a file, and whole catalogues elsewhere."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from .completing import run_names
from .options import common_options, open_catalogue
from .output import many, note, print_json, progress_bar, shown_path

if TYPE_CHECKING:
    from iracdb.export.frozen.freezing import Frozen
    from iracdb.export.frozen.thawing import Thawed

_json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


@click.command()
@click.argument("run", shell_complete=run_names)
@click.argument("file", type=click.Path())
@click.option("--overwrite", is_flag=True, help="Replace a file that holds something else.")
@_json_option
@common_options
def freeze(run: str, file: str, overwrite: bool, as_json: bool) -> None:
    """Write a run and all that explains it into one file, which is only read.

    RUN is a number or a name. FILE becomes an SQLite file with the tables and views of a catalogue
    that holds this run and the runs it was made from: parameters, software, files with headers and
    hashes, results, and its provenance as W3C PROV. Every command that reads takes it as --db. The
    same run is the same bytes.
    """
    with open_catalogue() as catalogue, progress_bar("Freezing") as progress:
        frozen = catalogue.freeze(run, file, overwrite=overwrite, progress=progress)
    if as_json:
        print_json({**vars(frozen), "path": str(frozen.path), "parents": list(frozen.parents)})
    else:
        _tell_frozen(frozen)


def _tell_frozen(frozen: Frozen) -> None:
    place = shown_path(str(frozen.path))
    verb = "holds" if frozen.written else "is there already, and holds just this:"
    made_from = f", and {', '.join(frozen.parents)}, from which it was made" * bool(frozen.parents)
    click.echo(f"{place} {verb} run {frozen.run_id} ({frozen.name}){made_from}")
    click.echo(
        f"  {many(frozen.averages, 'average')}, {many(frozen.images, 'image')}, "
        f"{many(frozen.files, 'file')} with headers; {frozen.size / 1e6:,.1f} MB"
    )
    click.echo(f"  digest of the results: sha256 {frozen.digest}")
    click.echo(f"  of the file itself:    sha256 {frozen.sha256}")
    if frozen.withdrawn is not None:
        note(frozen.withdrawn)


@click.command()
@click.argument("file", type=click.Path())
@click.option("--as", "number", type=int, help="Number for the run here.")
@click.option("--name", help="Name for the run here.")
@_json_option
@common_options
def thaw(file: str, number: int | None, name: str | None, as_json: bool) -> None:
    """Take a frozen run into a catalogue, with the runs it was made from.

    The run keeps its number and name where they are free here. Frames, files and targets that are
    known here are not taken twice. A run that is held already is told by its uuid: then nothing is
    done. All of it comes in, or nothing.
    """
    with open_catalogue(create=True) as catalogue, progress_bar("Thawing") as progress:
        thawed = catalogue.thaw(file, number=number, name=name, progress=progress)
    if as_json:
        print_json(_plain(thawed))
    else:
        _tell_thawed(thawed)


def _plain(thawed: Thawed) -> dict[str, Any]:
    return {
        **vars(thawed),
        "was": vars(thawed.was),
        "parents": [_plain(parent) for parent in thawed.parents],
    }


def _tell_thawed(thawed: Thawed) -> None:
    for parent in thawed.parents:
        if parent.new:
            click.echo(f"{_moved(parent)}, from which the next was made")
        else:
            click.echo(f"It was made from run {parent.run_id} ({parent.name}), which is held here")
    if not thawed.new:
        click.echo(
            f"Run {thawed.run_id} ({thawed.name}) is this very run, with the same results: "
            "nothing to do"
        )
        return
    click.echo(_moved(thawed))
    nouns = {"run": "run", "aor_result": "average", "image_result": "image", "aor": "AOR",
             "frame": "frame", "file": "file", "target": "target"}  # fmt: skip
    new = ", ".join(_counted(thawed.added, table, noun) for table, noun in nouns.items())
    click.echo(f"  new here: {new}")
    click.echo(f"  digest of the results: sha256 {thawed.digest}")
    if thawed.absent:
        are = "is" if thawed.absent == 1 else "are"
        note(
            f"{many(thawed.absent, 'file')} {are} not where the run read them: "
            "'iracdb ingest' finds them again"
        )


def _moved(thawed: Thawed) -> str:
    was, here = (thawed.was.run_id, thawed.was.name), (thawed.run_id, thawed.name)
    elsewhere = "" if was == here else f", which was run {was[0]} ({was[1]})"
    return f"Run {here[0]} ({here[1]}) is thawed{elsewhere}"


def _counted(added: Any, table: str, noun: str) -> str:
    return many(added.get(table, 0), noun)


@click.command()
@click.option("--to", "location", required=True, metavar="PATH_OR_URL", help="Where to: a new "
              "file, or an empty PostgreSQL database.")  # fmt: skip
@_json_option
@common_options
def copy(location: str, as_json: bool) -> None:
    """Copy a whole catalogue, from SQLite to PostgreSQL or back.

    Every row keeps its number. The rows of each table and the digest of each run's results are
    compared on both sides; where anything differs, or anything is there already, nothing is kept.
    """
    with open_catalogue() as catalogue, progress_bar("Copying") as progress:
        copied = catalogue.copy_to(location, progress=progress)
    if as_json:
        print_json(
            {"source": copied.source, "target": copied.target, "rows": dict(copied.rows),
             "digests": {str(run): digest for run, digest in copied.digests.items()},
             "changed": list(copied.changed)}
        )  # fmt: skip
    else:
        rows = sum(copied.rows.values())
        click.echo(
            f"{shown_path(copied.target) if '://' not in copied.target else copied.target} holds "
            f"all of the catalogue: {_counted(copied.rows, 'run', 'run')}, "
            f"{_counted(copied.rows, 'image_result', 'image')}, "
            f"{_counted(copied.rows, 'file', 'file')}; {many(rows, 'row')} in "
            f"{len(copied.rows)} tables"
        )
        click.echo("Each table, and the digest of each run, is the same on both sides")
    for number in copied.changed:
        note(
            f"The results of run {number} do not have the digest that was noted at its close: "
            "nor have they in the original"
        )
