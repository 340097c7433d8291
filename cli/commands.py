"""The commands, and in which file each is: a file is imported when its command is asked for."""

from __future__ import annotations

import importlib
from collections.abc import Iterator, MutableMapping
from typing import NamedTuple

import click


class Place(NamedTuple):
    """Where a command is.

    Parameters
    ----------
    file : str
        Beside this one.
    function : str
        Its name there.
    sentence : str
        The first of its help.
    """

    file: str
    function: str
    sentence: str


PLACES: dict[str, Place] = {
    name: Place(file, function, sentence)
    for name, file, function, sentence in (
        ("init", "database", "init", "Make a new catalogue ('iracdb ingest' makes it too)."),
        ("ingest", "files", "ingest", "Take folders and files in, once."),
        ("status", "holdings", "status", "Tell what is held, by AOR, channel and kind of file."),
        ("aors", "holdings", "aors", "List the AORs."),
        ("frames", "holdings", "frames", "List the frames."),
        ("files", "holdings", "files", "List the files and where they lie."),
        ("problems", "files", "problems", "List the files that were set aside, and why."),
        ("header", "files", "header",
         "Print a file's header from the catalogue, one card of 80 characters a line."),
        ("run", "measuring", "run", "Measure a star in every frame, and average each AOR."),
        ("pipeline", "pipeline", "pipeline", "Take in and measure AORs, asked for as in 2018."),
        ("runs", "results", "runs", "List the runs."),
        ("show", "results", "show", "Show one run: what made it, and what it gave."),
        ("export", "results", "export", "Write a run's two tables and its log."),
        ("lightcurve", "lightcurves", "lightcurve",
         "Write a target's light curve: one row an image, by time."),
        ("colour", "lightcurves", "colour",
         "Join two runs of different channels: flux ratios and Vega colours."),
        ("plot", "plotting", "plot", "Draw figures of a run, and write what is drawn beside them."),
        ("report", "reporting", "report",
         "Write the page of a run: one HTML file that needs no other."),
        ("serve", "serving", "serve", "Show the catalogue in a browser, read-only, until Ctrl-C."),
        ("radius-test", "studies", "radius_test",
         "Measure every AOR through several apertures at once."),
        ("studies", "studies", "studies", "List the studies: runs that belong together."),
        ("study", "studies", "study",
         "Show a radius test: the best combination of each AOR, and how far all agree."),
        ("export-study", "studies", "export_study", "Write the tables of a radius test."),
        ("compare", "comparing", "compare",
         "Compare two runs: what made them, then their results row by row."),
        ("why", "explaining", "why", "Tell why an AOR's flux is not the same in two runs."),
        ("lineage", "tracing", "lineage",
         "Tell where a number comes from, or what rests on a file."),
        ("withdraw", "standing", "withdraw", "Withdraw a run; nothing is deleted."),
        ("restore", "standing", "restore", "Take the withdrawal of a run back."),
        ("rename", "wording", "rename", "Give a run another name; its number stays."),
        ("comment", "wording", "comment", "Change the comment of a run."),
        ("prov", "standards", "prov",
         "Tell where a run's results come from: files, parameters, software, people."),
        ("verify", "reproducing", "verify",
         "Make a run again, and say whether every bit is the same."),
        ("digest", "reproducing", "digest", "Print the citable digest of a run's results."),
        ("freeze", "keeping", "freeze",
         "Write a run and all that explains it into one file, which is only read."),
        ("thaw", "keeping", "thaw",
         "Take a frozen run into a catalogue, with the runs it was made from."),
        ("copy", "keeping", "copy", "Copy a whole catalogue, from SQLite to PostgreSQL or back."),
        ("sql", "sql", "sql", "Carry out one query; it can change nothing."),
        ("import", "published", "import_", "Take in runs that the pipeline of 2018 published."),
        ("recompute", "published", "recompute",
         "Make an imported run's AOR table again from its image table."),
        ("audit", "published", "audit", "Find what is wrong with what is held, worst first."),
        ("relink", "published", "relink",
         "Link imported images to frames that were ingested since."),
        ("db", "database", "db",
         "Look after the database: its revision, and bringing it up to date."),
        ("config", "configuring", "config",
         "Show the settings: what holds where nothing is typed."),
        ("doctor", "doctor", "doctor", "Tell what works here, and how to mend what does not."),
        ("simulate", "simulating", "simulate",
         "Write a small simulated archive into DIRECTORY, and the truth beside it."),
    )
}  # fmt: skip
"""Where each command is, in the order of the work."""


class Commands(MutableMapping[str, click.Command]):
    """The commands by name, each imported when it is taken out.

    Parameters
    ----------
    program : click.Group
        What they belong to: its ``default_map`` is told of each.
    """

    def __init__(self, program: click.Group) -> None:
        self._program = program
        # Filled as commands are taken out: a context keeps the mapping that it began with.
        program.context_settings["default_map"] = {}
        self._known: dict[str, click.Command | None] = dict.fromkeys(PLACES)

    def __getitem__(self, name: str) -> click.Command:
        command = self._known[name]
        if command is None:
            from .defaults import take_defaults

            file, function, _ = PLACES[name]
            module = importlib.import_module(f".{file}", __package__)
            command = self._known[name] = getattr(module, function)
            take_defaults(self._program, name, command)
        return command

    def __setitem__(self, name: str, command: click.Command) -> None:
        self._known[name] = command

    def __delitem__(self, name: str) -> None:
        del self._known[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._known)

    def __len__(self) -> int:
        return len(self._known)


class Program(click.Group):
    """Lists commands in the order of the work, and without importing them."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """List the names of the commands."""
        return list(self.commands)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write what each command does, as its first sentence says."""
        limit = formatter.width - 6 - max(map(len, PLACES))
        told = {name: click.Command(name, help=place.sentence) for name, place in PLACES.items()}
        with formatter.section("Commands"):
            formatter.write_dl(
                [(name, command.get_short_help_str(limit)) for name, command in told.items()]
            )
