"""The list of commands, which are imported when they are asked for: it says what they say."""

from __future__ import annotations

import subprocess
import sys

import click
import pytest
from iracdb_cli.commands import PLACES, Commands, Program
from iracdb_cli.main import cli


@pytest.mark.parametrize("name", PLACES)
def test_the_list_says_what_the_command_says(name: str) -> None:
    command = cli.commands[name]
    assert command.name == name
    assert not command.hidden
    paragraph = " ".join(str(command.help).split("\n\n")[0].split())
    assert paragraph.startswith(PLACES[name].sentence)
    assert PLACES[name].sentence.endswith(".")
    for limit in range(10, 100):
        told = click.Command(name, help=PLACES[name].sentence).get_short_help_str(limit)
        assert told == command.get_short_help_str(limit)


@pytest.mark.parametrize("width", [40, 60, 80, 200])
def test_the_help_is_that_of_click(width: int) -> None:
    context = click.Context(cli, info_name="iracdb", terminal_width=width, max_content_width=width)
    theirs, ours = context.make_formatter(), context.make_formatter()
    click.Group.format_commands(cli, context, theirs)
    cli.format_commands(context, ours)
    assert ours.getvalue() == theirs.getvalue()
    assert "radius-test" in ours.getvalue()


def modules_after(*words: str) -> set[str]:
    code = (
        f"import sys; from iracdb_cli.main import main; status = main({list(words)!r})\n"
        "print(*sys.modules, sep='\\n', file=sys.stderr); sys.exit(status)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return {name for name in done.stderr.split() if name.startswith("iracdb_cli.")}


def test_help_imports_no_command() -> None:
    files = {f"iracdb_cli.{place.file}" for place in PLACES.values()}
    assert not files & modules_after("--help")
    assert files & modules_after("header", "--help") == {"iracdb_cli.files"}


def test_a_command_of_another_is_added_as_to_any_group() -> None:
    program = Program("program")
    program.commands = Commands(program)
    assert list(program.commands) == list(PLACES)
    program.add_command(click.Command("more"))
    assert program.list_commands(click.Context(program))[-1] == "more"
    del program.commands["more"]
    assert len(program.commands) == len(PLACES)
    assert "more" not in program.commands


def test_only_commands_without_others_below_take_defaults() -> None:
    program = Program("program")
    program.commands = Commands(program)
    assert program.context_settings["default_map"] == {}
    assert program.commands["db"].name == "db"
    assert program.commands["status"].name == "status"
    assert list(program.context_settings["default_map"]) == ["status"]
