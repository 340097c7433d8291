"""Write what the documentation takes from the program: commands.md, and the tables of database.md.

Run ``python docs/generate.py`` after a command's help or a table's comment has changed. Whether it
was run is tested.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import click
from iracdb_cli.main import cli

from iracdb.catalogue.tables import metadata

DOCS = Path(__file__).parent
WIDTH = 78
"""What click uses on a terminal of 80 columns, so that the help here is the help seen there."""

BEGIN = "<!-- tables: written by docs/generate.py -->\n"
END = "<!-- end of tables -->\n"

_INTRODUCTION = """\
# Commands

The help of each command, as `iracdb COMMAND --help` prints it on a terminal of 80 columns. Written
by [generate.py](generate.py). Exit statuses are explained in [errors.md](errors.md).
"""


def commands(
    command: click.Command = cli, name: str = "iracdb"
) -> Iterator[tuple[str, click.Command]]:
    """List a command and all below it.

    Parameters
    ----------
    command : click.Command, optional
        Where to begin.
    name : str, optional
        How it is typed.

    Yields
    ------
    tuple
        How each is typed, and the command, in the order of the help.
    """
    yield name, command
    if isinstance(command, click.Group):
        context = click.Context(command)
        for word in command.list_commands(context):
            below = command.get_command(context, word)
            if below is not None and not below.hidden:
                yield from commands(below, f"{name} {word}")


def help_text(name: str, command: click.Command) -> str:
    """Give the help of one command, whatever the terminal's width.

    Parameters
    ----------
    name : str
        How it is typed.
    command : click.Command
        It.

    Returns
    -------
    str
        Without a line end at its end.
    """
    return click.Context(command, info_name=name, terminal_width=WIDTH, color=False).get_help()


def commands_page() -> str:
    """Write the whole of commands.md.

    Returns
    -------
    str
        Markdown.
    """
    parts = [_INTRODUCTION]
    parts += [f"## {name}\n\n```text\n{help_text(name, each)}\n```\n" for name, each in commands()]
    return "\n".join(parts)


def tables_list() -> str:
    """Write the list of tables in database.md.

    Returns
    -------
    str
        A markdown table: name, what a row is, key.
    """
    lines = ["| table | a row is | primary key |", "| --- | --- | --- |"]
    for name in sorted(metadata.tables):
        table = metadata.tables[name]
        key = ", ".join(f"`{column.name}`" for column in table.primary_key)
        lines.append(f"| `{name}` | {table.comment} | {key} |")
    return "\n".join(lines) + "\n"


def database_page(text: str) -> str:
    """Put the list of tables into database.md.

    Parameters
    ----------
    text : str
        The page as it is.

    Returns
    -------
    str
        The page as it ought to be.
    """
    before, rest = text.split(BEGIN)
    _, after = rest.split(END)
    return f"{before}{BEGIN}\n{tables_list()}\n{END}{after}"


def main() -> None:
    """Write both pages."""
    (DOCS / "commands.md").write_text(commands_page(), encoding="utf-8")
    page = DOCS / "database.md"
    page.write_text(database_page(page.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main()
