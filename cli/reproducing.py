"""``iracdb verify`` and ``digest``: is it the same again, and is it what was cited."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from iracdb.errors import UsageError

from .completing import run_names
from .options import (
    common_options,
    idl_options,
    jobs_beside,
    jobs_option,
    open_catalogue,
    scheduler_option,
)
from .output import _visible, many, note, plain, print_json, print_table, progress_bar, shown_path

if TYPE_CHECKING:
    from iracdb.verify.answers import DigestCheck
    from iracdb.verify.differences import Count, RowDifference
    from iracdb.verify.inputs import CheckedInput
    from iracdb.verify.verification import Verification

_SHOWN = 10
_PROVEN = ("AORKEY", "Target", "Frame Group", "Flux (mJy)", "Error (mJy)")
_AGAIN = ("sample", "seed", "jobs", "scheduler", "idl_source", "idl_python")


@click.command()
@click.argument("what", nargs=-1, shell_complete=run_names)
@click.option(
    "--digest",
    is_flag=False,
    flag_value="",
    metavar="[HEX]",
    help="Check the digest instead: against HEX (64 digits, or at least the first 12), or against "
    "the one noted.",
)
@click.option(
    "--sample", type=click.IntRange(min=1), metavar="N", help="Check N images, chosen at random."
)
@click.option("--seed", type=int, metavar="S", help="Choose the same images again.")
@jobs_option
@scheduler_option
@idl_options
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@common_options
@click.pass_context
def verify(
    context: click.Context,
    what: tuple[str, ...],
    digest: str | None,
    sample: int | None,
    seed: int | None,
    jobs: int,
    scheduler: str | None,
    idl_source: str | None,
    idl_python: str | None,
    as_json: bool,
) -> int:
    """Make a run again, and say whether every bit is the same.

    WHAT is the run's number or name: its files are hashed where they lie now, measured again with
    the parameters recorded, and each row is compared with what is stored. Nothing is written but
    that it was done. An imported run has no files here: see 'iracdb recompute'.

    With --digest the run is not measured: the digest of its rows is made again. WHAT may then
    also be a file, and needs no option: a table that was exported as ECSV or VOTable, or both of
    a run's, a proof (iracdb digest RUN --aor KEY), or a frozen run.

    Exit status 0 where it is exactly the same, 1 where it is not.
    """  # fmt: skip
    words, asked = list(what), digest is not None
    expected = _expected(digest or "", words)
    files = [word for word in words if _is_file(word)]
    if not words:
        raise UsageError("Name a run, or a file that carries a digest")
    if 0 < len(files) < len(words):
        raise UsageError("Give a run or files, not both")
    if not files and len(words) > 1:
        raise UsageError("Give one run at a time")
    given = [
        f"--{name.replace('_', '-')}" for name in _AGAIN
        if context.get_parameter_source(name) is ParameterSource.COMMANDLINE
    ]  # fmt: skip
    if given and (asked or files):
        raise UsageError(f"{given[0]} goes with measuring a run again, not with its digest")
    if files:
        return _check_files(files, expected, as_json)
    if asked:
        with open_catalogue() as catalogue:
            return _tell_check(catalogue.check_digest(words[0], expected), as_json)
    with open_catalogue() as catalogue, progress_bar("Measuring again", "files") as progress:
        found = catalogue.verify(
            words[0], sample=sample, seed=seed, jobs=jobs_beside(scheduler, jobs),
            scheduler=scheduler, idl_source=idl_source, idl_python=idl_python, progress=progress,
        )  # fmt: skip
    if as_json:
        print_json(_json(found))
    else:
        _tell(found)
    return 0 if found.exact else 1


def _expected(value: str, words: list[str]) -> str | None:
    """Take what stands after --digest as a digest, or as the first of the words."""
    from iracdb.verify.answers import checked_digest, is_digest

    if value and (is_digest(value) or (words and not _is_file(value))):
        return checked_digest(value)
    if value:
        words.insert(0, value)
    return None


def _is_file(word: str) -> bool:
    # No run's name has either.
    return "." in word or "/" in word


def _check_files(files: Sequence[str], expected: str | None, as_json: bool) -> int:
    from iracdb.verify.files import check_files

    return _tell_check(check_files(files, expected), as_json)


def _tell_check(check: DigestCheck, as_json: bool) -> int:
    if as_json:
        print_json(
            {
                "agrees": check.agrees, "what": list(check.what), "run": check.run,
                "expected": check.expected, "carried": check.carried, "found": check.found,
                "differs": list(check.differs), "row": check.row,
            }
        )  # fmt: skip
        return 0 if check.agrees else 1
    what, several = " and ".join(check.what), len(check.what) > 1
    if check.run is not None and check.run not in what:
        what = f"{what}, of {check.run},"
    if check.agrees:
        carries = (" that it carries", " that they carry")[several] if check.carried else ""
        _say(f"Yes: {what} {'agree' if several else 'agrees'} with the digest{carries}")
        click.echo(f"  {check.found}")
        if check.shortened:
            click.echo(f"  of which {len(check.expected)} of 64 digits were given")
    else:
        _say(f"No: {what} {'do' if several else 'does'} not agree with the digest")
        click.echo(f"  {check.expected}")
        for said in check.differs:
            _say(f"  {said}")
    if check.row is not None and check.agrees:
        shown = {title: check.row[title] for title in _PROVEN if check.row.get(title) is not None}
        _say(f"  {', '.join(f'{title} {value}' for title, value in shown.items())}")
    return 0 if check.agrees else 1


def _say(line: str) -> None:
    """Print a line that may hold what a stranger wrote."""
    click.echo(_visible(line))


def _json(found: Verification) -> dict[str, Any]:
    told = found.summary()
    for column in told["columns"]:
        column.update({name: plain(value) for name, value in column.items()})
    told["rows"] = [
        {
            "table": row.table, "what": row.what, **row.about,
            "columns": {
                name: {"stored": plain(was), "again": plain(now)}
                for name, (was, now) in row.columns.items()
            },
        }
        for row in found.compared.rows
    ]  # fmt: skip
    return told


def _tell(found: Verification) -> None:
    _tell_inputs(found)
    if found.environment:
        print_table(("Environment", "Was", "Is"), found.environment)
    elif found.origin != "imported":
        click.echo("Environment: the same software")
    for fault in found.faults:
        _say(f"Record: {fault}")
    _tell_columns(found)
    _tell_rows(found)
    if found.sample is not None:
        click.echo(
            f"A sample: {found.sample.images:,} of {many(found.sample.of, 'image')}, "
            f"with --seed {found.sample.seed}"
        )
    _tell_partly(found)
    click.echo(f"{'' if found.sample is None else 'In this sample '}{_verdict(found)}")


def _tell_inputs(found: Verification) -> None:
    if found.origin == "recomputed" and found.parent is not None:
        click.echo(f"Recomputed from the image table of {found.parent}")
    if not found.inputs:
        return
    bad = [one for one in found.inputs if not one.usable]
    moved = found.inputs_in("moved")
    elsewhere = f", {moved:,} in another place" if moved else ""
    click.echo(
        f"Inputs: {len(found.inputs) - len(bad):,} of {many(len(found.inputs), 'file')} hold the "
        f"bytes that were measured{elsewhere}"
    )
    for one in bad[:_SHOWN]:
        _say(f"  {_said_of(one)}")
    if len(bad) > _SHOWN:
        click.echo(f"  ... and {len(bad) - _SHOWN:,} more (--json)")


def _said_of(one: CheckedInput) -> str:
    where = one.name if one.path is None else shown_path(one.path)
    if one.state == "missing":
        return f"missing: {where}" if one.absent else f"missing: {one.name}: {one.what}"
    said = {
        "pixels": "other pixels",
        "header": "the same pixels under another header",
        "padding": "the same header and pixels, and other bytes behind them",
    }.get(str(one.what), str(one.what))
    return f"changed: {where}: {said}"


def _tell_columns(found: Verification) -> None:
    columns = found.compared.by_column()
    if not columns:
        return
    rows = [
        (one.table, one.column, one.rows, _short(one.largest_absolute),
         _short(one.largest_relative), _short(one.largest_ulps))
        for one in columns
    ]  # fmt: skip
    numbers = ("Rows", "Most", "Most/value", "Most/ulp")
    print_table(("Table", "Column", *numbers), rows, right=numbers)


def _tell_rows(found: Verification) -> None:
    shown = found.compared.most_changed(_SHOWN)
    if not shown:
        return
    rows = [(row.table, row.about["aorkey"], *_which(row), *_most(row)) for row in shown]
    titles = ("Table", "AOR", "Target", "Image", "Column", "Stored", "Again")
    print_table(titles, rows, right=titles[-2:])
    more = len(found.compared.rows) - len(shown)
    if more:
        click.echo(f"... and {many(more, 'row')} more (--json)")


def _which(row: RowDifference) -> tuple[Any, Any]:
    about = row.about
    if row.table == "averages":
        return about["target"], None
    if about.get("expid") is not None:
        return about["target"], f"{about['expid']} {about['dcenum']}"
    return about["target"], f"row {about.get('row')}"


def _most(row: RowDifference) -> tuple[str, Any, Any]:
    """Pick the column of a row that changed most."""
    from iracdb.verify.differences import relative_change

    if row.what != "changed":
        stored = row.what == "not made again"
        return "(the row)", "there" if stored else "none", "none" if stored else "there"
    name, (was, now) = max(row.columns.items(), key=lambda item: relative_change(*item[1]))
    return name, was, now


def _short(number: float | None) -> str:
    if number is None:
        return "--"
    return "inf" if math.isinf(number) else f"{number:.3g}"


def _tell_partly(found: Verification) -> None:
    """Say what was checked, where that is not all."""
    images, aors = found.compared.images, found.compared.averages
    if found.inputs_in("changed") or found.inputs_in("missing"):
        click.echo(f"Exactly the same: {_both(images.same, aors.same)}")
        if found.compared.rows:
            click.echo(f"Different: {_both(images.differs, aors.differs)}")
    if found.inputs and (images.not_checked or aors.not_checked):
        click.echo(f"Not checked: {_both(images.not_checked, aors.not_checked)}")


def _verdict(found: Verification) -> str:
    images, aors = found.compared.images, found.compared.averages
    if found.origin == "imported":
        return (
            f"{found.name} was imported: its images are not here to be measured again. "
            f"'iracdb recompute {found.run_id}' makes its averages again from its image table"
        )
    if not found.has_inputs:
        return f"{found.name} was recomputed from a run that is not in this catalogue"
    if found.verdict == "exact":
        return f"{found.name} is exactly the same: {_both(images.same, aors.same)}"
    if found.verdict == "differs":
        if found.compared.rows or not images.checked:
            return f"{found.name} differs: {_of_all(images, 'image')}, {_of_all(aors, 'AOR')}"
        return (
            f"{found.name} differs from what was noted of it; its rows are what making it again "
            f"gives: {_both(images.same, aors.same)}"
        )
    bad = [
        f"{many(found.inputs_in(state), 'file')} {state}"
        for state in ("changed", "missing") if found.inputs_in(state)
    ]  # fmt: skip
    return f"{found.name} cannot be made again: {', '.join(bad)}"


def _counted(number: int, kind: str) -> str:
    return many(number, f"{kind} result")


def _both(images: int, aors: int) -> str:
    return f"{_counted(images, 'image')}, {_counted(aors, 'AOR')}"


def _of_all(count: Count, kind: str) -> str:
    return f"{count.differs:,} of {_counted(count.checked, kind)}"


@click.command()
@click.argument("run", shell_complete=run_names)
@click.option("--aor", type=int, metavar="KEY", help="Print a proof of this AOR's average (JSON).")
@click.option("--target", metavar="NAME", help="Of this target, where the AOR has several.")
@click.option("--group", metavar="NAME", help="Of these like frames, where the AOR has several.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@common_options
def digest(run: str, aor: int | None, target: str | None, group: str | None, as_json: bool) -> None:
    """Print the citable digest of a run's results. RUN is a number or a name.

    One SHA-256 over the exact values of all rows, the same in every database and made again from
    an exported ECSV or VOTable; below it those of the two tables. With --aor prints what proves
    one average against it ('iracdb verify --digest HEX proof.json').
    """
    from iracdb.runs.digest import SCHEME

    if aor is None and (target or group):
        raise UsageError("--target and --group choose an average: name its AOR with --aor")
    with open_catalogue() as catalogue:
        if aor is not None:
            print_json(catalogue.proof(run, aor, target=target, group=group))
            return
        found, row = catalogue.digest(run), catalogue.get(run).row
    noted = row.result_digest
    if as_json:
        print_json(
            {
                "run_id": row.run_id, "name": row.name, "scheme": SCHEME, "sha256": found.sha256,
                "noted": noted,
                **{
                    name: {"sha256": part.sha256, "rows": part.count, "columns": part.columns}
                    for name, part in (("averages", found.averages), ("images", found.images))
                },
            }
        )  # fmt: skip
    else:
        click.echo(f"{found.sha256}  {row.name}")
        click.echo(f"{found.averages.sha256}  {many(found.averages.count, 'average')}")
        click.echo(f"{found.images.sha256}  {many(found.images.count, 'image')}")
    if noted not in (None, found.sha256):
        note(f"The digest noted at its close is {noted}: its rows were changed since")
