"""Where a command's options get their values from, if they are not typed: environment, then files.

Click asks each command's ``default_map`` for what is not typed. Here that is a view of the
settings files, so that nothing is read before it is asked for. What ``[run]`` may hold is told by
the command ``iracdb run`` itself.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import click
from click.core import ParameterSource

from iracdb import settings
from iracdb.errors import UsageError
from iracdb.settings import SettingsFile

from .output import note, shown_path

_OF_ONE_RUN = {"run_id", "name", "comment", "dry_run", "scheduler", "as_json"}
"""Options of ``iracdb run`` that say which run, or what to do with this call: never a default."""

_BELONGS_TO = {
    "aperture_correction": ("radius", "channel"),
    "pixel_size": ("channel",),
    "target": ("coord", "targets"),
    "coord": ("target", "targets"),
    "targets": ("target", "coord"),
}
"""Options that are meant together with others: a correction with its radii, a position with its
name. Where the other is given anew by what goes before, such a one is left aside."""

_WHERE_WORKED = {"out"}
"""Paths that are relative to the current folder, wherever the file is that names them."""

_TYPES = {
    click.types.IntParamType: (int, "a whole number"),
    click.types.FloatParamType: ((int, float), "a number"),
    click.types.BoolParamType: (bool, "true or false"),
}


def key_of(parameter: click.Parameter) -> str:
    """Tell the name of an option in a settings file.

    Parameters
    ----------
    parameter : click.Parameter
        The option.

    Returns
    -------
    str
        As it is typed, without the dashes before it.
    """
    return max(parameter.opts, key=len).lstrip("-")


def run_options() -> dict[str, click.Option]:
    """List the options of ``iracdb run`` that may have a default of the user's own.

    Returns
    -------
    dict
        By their names in a settings file.
    """
    from .measuring import run

    return _that_may_have_defaults(run)


def _that_may_have_defaults(run: click.Command) -> dict[str, click.Option]:
    listed = {
        key_of(option): option
        for option in run.params
        if isinstance(option, click.Option) and option.expose_value and not option.hidden
    }
    return {
        key: option
        for key, option in listed.items()
        if option.name not in _OF_ONE_RUN and key not in settings.VARIABLES
    }


def name_variables(run: click.Command) -> None:
    """Give each option of ``iracdb run`` that may have a default its variable.

    Parameters
    ----------
    run : click.Command
        That command. The variables are IRACDB_RUN_RADIUS and so on.
    """
    for key, option in _that_may_have_defaults(run).items():
        if option.envvar is None:
            option.envvar = f"IRACDB_RUN_{key.upper().replace('-', '_')}"


def take_defaults(program: click.Group, name: str, command: click.Command) -> None:
    """Let a command ask the settings files for what is not typed.

    Parameters
    ----------
    program : click.Group
        The whole.
    name : str
        Of the command.
    command : click.Command
        One of its commands.
    """
    if not isinstance(command, click.Group):
        program.context_settings["default_map"][name] = Defaults(name)


@dataclass(frozen=True)
class Default:
    """What a settings file says of an option.

    Parameters
    ----------
    value : object
        As the option takes it.
    file : SettingsFile
        The file.
    rank : int
        The file's place among those that are there; what is lower goes before.
    """

    value: Any
    file: SettingsFile
    rank: int


def of_files(command: str | None) -> dict[str, Default]:
    """Read what the settings files say of the options of a command.

    Parameters
    ----------
    command : str or None
        Its name.

    Returns
    -------
    dict
        By the options' names in Python.

    Raises
    ------
    iracdb.errors.UsageError
        Where a file is wrong.
    """
    context = click.get_current_context(silent=True)
    # Click asks for one option after the other: the files are read once a call.
    kept: dict[str | None, dict[str, Default]] = (
        {} if context is None else context.meta.setdefault(_KEPT, {})
    )
    if command not in kept:
        kept[command] = _of_files(command)
    return kept[command]


_KEPT = "iracdb_cli.defaults"


def _of_files(command: str | None) -> dict[str, Default]:
    found: dict[str, Default] = {}
    for rank, file in enumerate(settings.files()):
        # The whole file is checked whatever the command, so that a mistake is seen at once.
        run = _checked_run(file)
        told = {name: file.values[name] for name in settings.VARIABLES if name in file.values}
        for name in ("idl-source", "idl-python"):
            if name in told:
                told[name] = settings.completed(name, told[name], file.path.parent)
        values = {key.replace("-", "_"): value for key, value in told.items()}
        for name, value in (values | (run if command == settings.RUN else {})).items():
            found.setdefault(name, Default(value, file, rank))
    return found


def _checked_run(file: SettingsFile) -> dict[str, Any]:
    told = file.values.get(settings.RUN, {})
    options = run_options() if told else {}
    values = {}
    for key, value in told.items():
        if key not in options:
            raise settings.unknown_key(file, key, options, settings.RUN)
        option = options[key]
        values[str(option.name)] = _checked(file, key, option, value)
    return values


def _checked(file: SettingsFile, key: str, option: click.Option, value: Any) -> Any:
    """Refuse a value that the option would not take, or that is of another type."""
    kind, words = next(
        (told for its, told in _TYPES.items() if isinstance(option.type, its)), (str, "a text")
    )
    several = option.multiple or option.nargs != 1
    if several:
        number = "" if option.multiple else f"{option.nargs} "
        words = f"a list of {number}values, each {words}"
    items = value if several else [value]
    fits = isinstance(items, list) and (option.multiple or len(items) == option.nargs)
    if not fits or any(not _is_a(item, kind) for item in items):
        raise settings.wrong_value(file, key, words, settings.RUN)
    try:
        taken = [option.type.convert(item, option, None) for item in items]
    except click.UsageError as problem:
        said = problem.message.rstrip(".")
        raise UsageError(
            f"{file.place(key, settings.RUN)}: {key} in [{settings.RUN}] is refused: {said}",
            code="bad-settings",
        ) from None
    if isinstance(option.type, click.Path):
        folder = None if option.name in _WHERE_WORKED else file.path.parent
        taken = [settings.path_from(item, folder) for item in taken]
    return taken if several else taken[0]


def _is_a(item: Any, kind: Any) -> bool:
    return isinstance(item, kind) and (kind is bool or not isinstance(item, bool))


class Defaults(Mapping[str, Any]):
    """What click asks for the values of a command's options that are not typed.

    Parameters
    ----------
    command : str
        The command's name.
    """

    def __init__(self, command: str) -> None:
        self._command = command

    def __getitem__(self, name: str) -> Any:
        context = click.get_current_context(silent=True)
        try:
            return of_files(self._command)[name].value
        except UsageError:
            # Help shows defaults, too, and must not fail for a file that is wrong.
            if context is not None and context.resilient_parsing:
                raise KeyError(name) from None
            raise

    def __iter__(self) -> Iterator[str]:
        return iter(of_files(self._command))

    def __len__(self) -> int:
        return len(of_files(self._command))


def settled(context: click.Context, values: dict[str, Any]) -> dict[str, Any]:
    """Make one sense of values that come from different places, and say what was not typed.

    An aperture correction is meant for its radii, a position for its target: where such a value
    comes from a place that the other's goes before, it is left aside. What files and environment
    gave is told on stderr, since a run must not depend on it unseen.

    Parameters
    ----------
    context : click.Context
        Of ``iracdb run``.
    values : dict
        Its options.

    Returns
    -------
    dict
        The same, without what is left aside.
    """
    files = of_files(context.info_name)
    ranks = {name: _rank(context, name, files) for name in values}
    given = {name: rank for name, rank in ranks.items() if rank is not None}
    aside = {
        name: next(other for other in _BELONGS_TO[name] if given.get(other, rank) < rank)
        for name, rank in given.items()
        if any(given.get(other, rank) < rank for other in _BELONGS_TO.get(name, ()))
    }
    options = {str(parameter.name): parameter for parameter in context.command.params}
    for name, rank in given.items():
        if rank == _TYPED:
            continue
        key, option = key_of(options[name]), options[name]
        place = _variable(option) if rank == _NAMED else short_place(str(files[name].file.path))
        if name in aside:
            other = key_of(options[aside[name]])
            note(f"{key} of {place} is left aside: it belongs to another {other}")
        else:
            note(f"{key} is {_in_words(values[name])}, from {place}")
    return {name: _none(options[name]) if name in aside else value
            for name, value in values.items()}  # fmt: skip


_TYPED, _NAMED, _FILES = 0, 1, 2


def short_place(path: str) -> str:
    """Write the path of a settings file for people.

    Parameters
    ----------
    path : str
        Absolute.

    Returns
    -------
    str
        Relative below the current folder, and with ``~`` below the home folder.
    """
    home = os.path.join(os.path.expanduser("~"), "")
    short = shown_path(path)
    return f"~/{short.removeprefix(home)}" if short.startswith(home) else short


def _rank(context: click.Context, name: str, files: dict[str, Default]) -> int | None:
    source = context.get_parameter_source(name)
    if source is ParameterSource.DEFAULT_MAP:
        return _FILES + files[name].rank
    if source is ParameterSource.COMMANDLINE:
        return _TYPED
    return _NAMED if source is ParameterSource.ENVIRONMENT else None


def _none(option: click.Parameter) -> Any:
    return () if option.multiple else None


def _in_words(value: Any) -> str:
    if isinstance(value, bool):
        return "on" if value else "off"
    return " ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)


def _variable(option: click.Parameter) -> str:
    """Tell which variable of the environment gave an option its value."""
    names = [option.envvar] if isinstance(option.envvar, str) else list(option.envvar or ())
    return next((name for name in names if os.environ.get(name)), "the environment")


def origin(context: click.Context, option: click.Parameter) -> tuple[str, str | None]:
    """Tell where an option's value comes from.

    Parameters
    ----------
    context : click.Context
        Of the command, parsed.
    option : click.Parameter
        The option.

    Returns
    -------
    tuple
        ``'flag'``, ``'environment'``, ``'file'`` or ``'default'``; and the variable's name or the
        file's path, or None.
    """
    source = context.get_parameter_source(str(option.name))
    if source is ParameterSource.COMMANDLINE:
        return "flag", None
    if source is ParameterSource.ENVIRONMENT:
        return "environment", _variable(option)
    if source is ParameterSource.DEFAULT_MAP:
        return "file", str(of_files(context.info_name)[str(option.name)].file.path)
    return "default", None


def whose_fault(problem: click.ClickException) -> str:
    """Tell of a wrong value that it was not typed.

    Parameters
    ----------
    problem : click.ClickException
        What click says is wrong.

    Returns
    -------
    str
        Where it comes from, to be put behind the sentence; nothing where it was typed.
    """
    context, option = getattr(problem, "ctx", None), getattr(problem, "param", None)
    if context is None or option is None or option.name is None:
        return ""
    if context.get_parameter_source(option.name) is ParameterSource.ENVIRONMENT:
        return f" (from {_variable(option)})"
    return ""
