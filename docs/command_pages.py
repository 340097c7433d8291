"""The pages of the commands: an index, and one page for each command at the top, by its help."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path

import click
from iracdb_cli.main import cli

DOCS = Path(__file__).parent
WIDTH = 78
"""What click uses on a terminal of 80 columns, so that the help here is the help seen there."""

MOST_PAGES = 4
"""That a command's page sends its reader on to."""

_INDEX = """\
# Commands

A page for each command: its help, as `iracdb COMMAND --help` prints it on a terminal of 80
columns, and where other pages show it. Written by [generate.py](generate.py). Exit statuses are
explained in [errors.md](errors.md).
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
    # A command keeps its option of help from the first context that asks for it.
    context = click.Context(
        command,
        info_name=name,
        terminal_width=WIDTH,
        max_content_width=WIDTH,
        color=False,
        help_option_names=command.context_settings.get("help_option_names"),
    )
    return "\n".join(line.rstrip() for line in context.get_help().splitlines())


def pages() -> dict[str, str]:
    """Write the index of the commands, and a page for each command at the top.

    Returns
    -------
    dict
        Markdown by the name of the file, in the folder of the documentation.
    """
    (root, group), *_ = commands()
    context = click.Context(group)
    lines = [_INDEX, _help(root, group)]
    written = {}
    others = _other_pages()
    for word in group.list_commands(context):
        command = group.get_command(context, word)
        if command is None or command.hidden:
            continue
        lines.append(f"- [{word}](commands/{word}.md): {command.get_short_help_str(200)}")
        parts = []
        for depth, (name, each) in enumerate(commands(command, f"{root} {word}")):
            parts += [f"{'##' if depth else '#'} {name}\n", _help(name, each)]
            parts += _shown_in(name, others)
        written[f"commands/{word}.md"] = "\n".join(parts)
    return {"commands.md": "\n".join(lines) + "\n", **written}


def anchor(title: str) -> str:
    """Give the anchor of a title, as a page of the repository and the site have it.

    Parameters
    ----------
    title : str
        Without its signs.

    Returns
    -------
    str
        What follows the ``#`` of a link.
    """
    return re.sub(r"[^\w\- ]", "", title.strip().lower()).replace(" ", "-")


def _help(name: str, command: click.Command) -> str:
    return f"```text\n{help_text(name, command)}\n```\n"


def _other_pages() -> dict[str, str]:
    """Text of the pages that the index lists, in its order."""
    contents = (DOCS / "README.md").read_text(encoding="utf-8")
    names = re.findall(r"^\| \[[^\]]*\]\(([\w-]+\.md)\)", contents, re.MULTILINE)
    return {
        name: (DOCS / name).read_text(encoding="utf-8")
        for name in names
        if name != "commands.md" and (DOCS / name).exists()
    }


def _shown_in(name: str, others: Mapping[str, str]) -> list[str]:
    """Send the reader on: to the pages that name the command most, and most of all commands."""
    named = _naming(re.escape(name))
    any_command = _naming(r"iracdb [a-z]\w*")
    found = {}
    for page, text in others.items():
        mine = len(named.findall(text))
        if mine:
            found[page] = mine * mine / len(any_command.findall(text))
    best = sorted(found, key=lambda page: -found[page])[:MOST_PAGES]
    links = [_link(page, others[page], named) for page in others if page in best]
    return [f"Shown in {', '.join(links)}.\n"] if links else []


def _naming(command: str) -> re.Pattern[str]:
    return re.compile(rf"\b{command}\b(?![-_])")


def _link(page: str, text: str, named: re.Pattern[str]) -> str:
    """Link to the section of a page that names a command most."""
    sections = _sections(text)
    first = sections[0][0]
    title, _ = max(sections, key=lambda section: len(named.findall(section[1])))
    if title == first:
        return f"[{first}](../{page})"
    return f"[{first}: {title}](../{page}#{anchor(title)})"


def _sections(text: str) -> list[tuple[str, str]]:
    """Title and text of each section of a page; a line in a block is no title."""
    found: list[tuple[str, str]] = []
    in_block = False
    for line in text.splitlines(keepends=True):
        in_block ^= line.startswith("```")
        title = None if in_block else re.match("#+ (.*)", line)
        if title is not None:
            found.append((title[1], ""))
        elif found:
            found[-1] = (found[-1][0], found[-1][1] + line)
    return found
