"""``iracdb rename`` and ``comment``: what a run is called, and what is said of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from .completing import run_names
from .options import common_options, open_catalogue
from .output import _visible, print_json

if TYPE_CHECKING:
    from iracdb.runs.wording import Change

_json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


@click.command()
@click.argument("run", shell_complete=run_names)
@click.argument("new_name")
@click.option("--reason", metavar="TEXT", help="Why.")
@_json_option
@common_options
def rename(run: str, new_name: str, reason: str | None, as_json: bool) -> None:
    """Give a run another name; its number stays.

    RUN is a number or a name. Its views and the files of later exports are called by the new name;
    the old one is kept as an activity. A name run<N> is only for run N.
    """
    with open_catalogue() as catalogue:
        done = catalogue.rename(run, new_name, reason)
    _tell(done, f"Run {done.run_id} was called {done.before} and is called {done.name}", as_json)


@click.command()
@click.argument("run", shell_complete=run_names)
@click.argument("text")
@_json_option
@common_options
def comment(run: str, text: str, as_json: bool) -> None:
    """Change the comment of a run.

    RUN is a number or a name. The comment before is kept as an activity. An empty TEXT takes the
    comment away. The log of an imported run is left as it was published.
    """
    with open_catalogue() as catalogue:
        done = catalogue.comment(run, text)
    said = "has no comment now" if done.after is None else f"is commented: {done.after}"
    _tell(done, f"Run {done.run_id} ({done.name}) {said}", as_json)


def _tell(done: Change, sentence: str, as_json: bool) -> None:
    if as_json:
        print_json({name: value for name, value in vars(done).items()
                    if name not in ("operator", "host")})  # fmt: skip
        return
    why = "" if done.reason is None else f": {done.reason}"
    click.echo(_visible(" ".join(f"{sentence}{why}".split())))
