"""``iracdb config``: the settings, and where each comes from."""

from __future__ import annotations

from typing import Any, NamedTuple

import click

from iracdb import passwords, settings

from .defaults import origin, run_options, short_place
from .options import common_options, location
from .output import plain, print_json, print_table


class _Setting(NamedTuple):
    name: str
    value: Any
    source: str
    where: str | None


@click.group()
def config() -> None:
    """Show the settings: what holds where nothing is typed.

    A flag goes before the environment, the environment before iracdb.toml in the current folder,
    that before the user's own file, and that before the default.
    """


@config.command()
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@common_options
def show(as_json: bool) -> None:
    """Show every setting, its value, and where it comes from. Passwords are hidden."""
    found = [_database(), _jobs(), *map(_path, ("idl-source", "idl-python")), *_of_run()]
    if as_json:
        print_json(
            [
                {"setting": one.name, "value": _plain(one.value), "source": one.source,
                 "where": one.where}
                for one in found
            ]
        )  # fmt: skip
        return
    print_table(
        ("Setting", "Value", "From"),
        [(one.name, _in_words(one.value), _from(one)) for one in found],
    )


@config.command()
def path() -> None:
    """Print where settings files are looked for. The first goes before the second."""
    for place in settings.places():
        click.echo(str(place))


def _database() -> _Setting:
    from iracdb.catalogue.urls import database_url, shown

    typed = location()
    value = shown(database_url(typed))
    if typed is not None:
        return _Setting("database", value, "flag", None)
    return _placed("database", value, settings.setting("database"))


def _jobs() -> _Setting:
    from .measuring import run

    context = _parsed(run)
    option = next(each for each in run.params if each.name == "jobs")
    return _Setting("jobs", context.params["jobs"], *origin(context, option))


def _path(name: str) -> _Setting:
    return _placed(name, settings.path_setting(name), settings.setting(name))


def _placed(name: str, value: Any, found: settings.Found | None) -> _Setting:
    if found is None:
        return _Setting(name, value, "default", None)
    return _Setting(name, value, found.source, found.where)


def _of_run() -> list[_Setting]:
    from .measuring import run

    context = _parsed(run)
    return [
        _Setting(
            f"{settings.RUN}.{key}", context.params[str(option.name)], *origin(context, option)
        )
        for key, option in run_options().items()
    ]


def _parsed(command: click.Command) -> click.Context:
    """Let click find the values of a command that is typed without options."""
    return command.make_context(command.name, [], parent=click.get_current_context().find_root())


def _plain(value: Any) -> Any:
    if isinstance(value, tuple | list):
        return [_plain(item) for item in value]
    return passwords.hidden(value) if isinstance(value, str) else plain(value)


def _in_words(value: Any) -> Any:
    if isinstance(value, tuple | list):
        return " ".join(str(_plain(item)) for item in value) or None
    if isinstance(value, bool):
        return "on" if value else "off"
    return None if value is None else str(_plain(value))


def _from(one: _Setting) -> str:
    if one.source == "flag":
        return "flag --db"
    if one.source == "file":
        return f"file {short_place(str(one.where))}"
    return one.source if one.where is None else f"{one.source} {one.where}"
