"""``iracdb withdraw`` and ``restore``: whether a run stands."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

from .completing import run_names
from .options import common_options, open_catalogue
from .output import _visible, many, plain, print_json, print_table
from .tracing_text import day, export_text

if TYPE_CHECKING:
    from iracdb.runs.withdrawal import Resting, Withdrawal


def _changing(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the argument and the options that both commands share."""
    which = click.argument("run", shell_complete=run_names)
    dry = click.option(
        "--dry-run", is_flag=True, help="Print what rests on the run, and do nothing."
    )
    as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
    return which(dry(as_json(common_options(command))))


@click.command()
@click.option("--reason", required=True, metavar="TEXT", help="Why. It is kept for good.")
@_changing
def withdraw(run: str, reason: str, dry_run: bool, as_json: bool) -> None:
    """Withdraw a run; nothing is deleted.

    RUN is a number or a name. Listings and views leave it out from then on. Prints what rests on
    it: runs made from it, studies it stands in, files written of them. 'iracdb restore' takes
    it back.
    """  # fmt: skip
    with open_catalogue() as catalogue:
        done = catalogue.withdraw(run, reason, dry_run=dry_run)
    _tell(done, dry_run, as_json)


@click.command()
@click.option("--reason", metavar="TEXT", help="Why.")
@_changing
def restore(run: str, reason: str | None, dry_run: bool, as_json: bool) -> None:
    """Take the withdrawal of a run back.

    RUN is a number or a name. When and why it had been withdrawn is kept as an activity.
    """
    with open_catalogue() as catalogue:
        done = catalogue.restore(run, reason, dry_run=dry_run)
    _tell(done, dry_run, as_json)


def _tell(done: Withdrawal, dry_run: bool, as_json: bool) -> None:
    if as_json:
        print_json(_as_json(done, dry_run))
        return
    _tell_resting(done)
    click.echo(_visible(_outcome(done, dry_run)))


def _outcome(done: Withdrawal, dry_run: bool) -> str:
    which = f"Run {done.run_id} ({done.name})"
    why = "" if done.reason is None else f": {' '.join(done.reason.split())}"
    ends = {"withdraw": "withdrawn", "restore": "restored"}[done.kind]
    if dry_run:
        return f"A dry run: r{which[1:]} would be {ends}{why}; nothing was done"
    if done.kind == "withdraw":
        return f"{which} is withdrawn{why}"
    before = " ".join((done.before_reason or "").split())
    return f"{which} stands again{why}. It had been withdrawn on {day(done.before)} UTC: {before}"


def _tell_resting(done: Withdrawal) -> None:
    resting = done.resting
    if resting.nothing:
        click.echo(f"Nothing that the catalogue knows of rests on run {done.run_id}")
        return
    if resting.runs.rows:
        print_table(
            ("Run", "Name", "State", "Made from run", "Withdrawn"),
            [(number, name, state, parent, day(gone))
             for number, name, state, parent, gone, _ in resting.runs.rows],
        )  # fmt: skip
        click.echo("")
    if resting.studies.rows:
        print_table(
            ("Study", "Kind", "Run", "Name", "Label"),
            resting.studies.rows,
        )
        click.echo("")
    if resting.exports.rows:
        print_table(
            ("Written", "Run", "When", "By", "What"),
            [(kind, number, day(at), operator, export_text(detail or {}))
             for _, kind, number, _, at, operator, _, detail in resting.exports.rows],
        )  # fmt: skip
        click.echo("")
    click.echo(_counted(resting, done.run_id))


def _counted(resting: Resting, run_id: int) -> str:
    counts = (
        (len(resting.runs.rows), "run", "runs"),
        (len({row[0] for row in resting.studies.rows}), "study", "studies"),
        (len(resting.exports.rows), "export", "exports"),
    )
    said = [many(count, one, several) for count, one, several in counts if count]
    listed = " and ".join([", ".join(said[:-1]), said[-1]]) if len(said) > 1 else said[0]
    if sum(count for count, _, _ in counts) == 1:
        return f"{listed} rests on run {run_id}, and is left as it is"
    return f"{listed} rest on run {run_id}, and are left as they are"


def _as_json(done: Withdrawal, dry_run: bool) -> dict[str, Any]:
    resting = done.resting
    return {
        "run_id": done.run_id,
        "name": done.name,
        "kind": done.kind,
        "dry_run": dry_run,
        "at": done.at,
        "reason": done.reason,
        "was_withdrawn_at": done.before,
        "was_withdrawn_reason": done.before_reason,
        "rests_on_it": {
            name: [
                dict(zip(listing.columns, map(plain, row), strict=True)) for row in listing.rows
            ]
            for name, listing in (
                ("runs", resting.runs), ("studies", resting.studies), ("exports", resting.exports)
            )
        },
    }  # fmt: skip
