"""The settings: what is asked of the environment and of two files, where a call does not say.

One file is the user's own, the other belongs to the folder that is worked in. For each value what
is given in the call comes first, then the environment, then the file in the current folder, then
the user's file, then the default. Nothing is read before a value is asked for, and a file that is
not there costs a look.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from iracdb.errors import UsageError

FILE_VARIABLE = "IRACDB_CONFIG"
"""Names the user's file, in place of the one in the configuration folder."""

HERE = "iracdb.toml"
"""The file in the current folder."""

RUN = "run"
"""The table of defaults for a run. What it may hold only the command ``iracdb run`` knows."""

VARIABLES = {
    "database": "IRACDB_DATABASE_URL",
    "jobs": "IRACDB_JOBS",
    "idl-source": "IRACDB_IDL_SOURCE",
    "idl-python": "IRACDB_IDL_PYTHON",
}
"""Each setting outside that table, and the variable of the environment that goes before files."""

_KINDS: dict[str, tuple[type, str]] = {
    "database": (str, "a text, such as \"iracdb.sqlite\" or \"postgresql://user@host/name\""),
    "jobs": (int, "a whole number from 1"),
    "idl-source": (str, "a text, the path of a file"),
    "idl-python": (str, "a text, the path or name of a Python"),
    RUN: (dict, "a table, [run]"),
}  # fmt: skip


_CARRIED_OUT = ("idl-source", "idl-python")


@dataclass(frozen=True)
class Found:
    """A setting that was found.

    Parameters
    ----------
    value : object
        As it stands there: of the environment a text.
    source : {'environment', 'file'}
        Where.
    where : str
        The variable's name, or the file's path.
    folder : Path or None
        Of a file: the folder that relative paths start from.
    """

    value: Any
    source: str
    where: str
    folder: Path | None = None


@dataclass(frozen=True)
class SettingsFile:
    """A settings file that is there.

    Parameters
    ----------
    path : Path
        Absolute.
    values : dict
        What it holds; the keys outside ``[run]`` are checked.
    text : str
        The same as it stands there.
    """

    path: Path
    values: dict[str, Any]
    text: str

    def place(self, key: str, table: str | None = None) -> str:
        """Say where a key stands.

        Parameters
        ----------
        key : str
            It.
        table : str, optional
            The table that it is in.

        Returns
        -------
        str
            The file's path, and the line where that can be told.
        """
        line = _line_of(self.text, key, table)
        return f"{self.path}" if line is None else f"{self.path}, line {line}"


def users_file() -> Path:
    """Tell where the user's own settings are looked for.

    Returns
    -------
    Path
        What IRACDB_CONFIG names, else ``iracdb/config.toml`` in the configuration folder, which
        is XDG_CONFIG_HOME, or ``~/.config``.
    """
    named = os.environ.get(FILE_VARIABLE)
    if named:
        return _absolute(named)
    folder = os.environ.get("XDG_CONFIG_HOME", "")
    # The standard has a relative path ignored.
    home = folder if os.path.isabs(folder) else os.path.expanduser("~/.config")
    return Path(home, "iracdb", "config.toml")


def places() -> tuple[Path, Path]:
    """Tell where settings files are looked for.

    Returns
    -------
    tuple of Path
        In the current folder, and the user's: the first goes before the second.
    """
    return _absolute(HERE), users_file()


def files() -> list[SettingsFile]:
    """Read the settings files that are there.

    Returns
    -------
    list of SettingsFile
        What comes first goes before what follows.

    Raises
    ------
    UsageError
        Where one cannot be read, is not TOML, or has a key or a value that it may not hold; or
        where there is no file that IRACDB_CONFIG names.
    """
    here, users = places()
    found = [_read(here), _read(users)]
    if found[0] is not None:
        _refuse_programs(found[0])
    if found[1] is None and os.environ.get(FILE_VARIABLE):
        raise UsageError(
            f"There is no settings file {users}, which {FILE_VARIABLE} names: make it, or unset "
            "the variable",
            code="bad-settings",
        )
    return [file for file in found if file is not None]


def setting(key: str) -> Found | None:
    """Find a setting outside ``[run]`` in the environment, else in the files.

    Parameters
    ----------
    key : str
        Of `VARIABLES`.

    Returns
    -------
    Found or None
        None where nobody says: then the default holds.

    Raises
    ------
    UsageError
        As of `files`.
    """
    told = os.environ.get(VARIABLES[key])
    if told:
        return Found(told, "environment", VARIABLES[key])
    for file in files():
        if key in file.values:
            return Found(file.values[key], "file", str(file.path), file.path.parent)
    return None


def path_setting(key: str) -> str | None:
    """Find a setting that is a path.

    Parameters
    ----------
    key : str
        ``idl-source`` or ``idl-python``.

    Returns
    -------
    str or None
        With the home folder for ``~``. One from a file is relative to that file's folder; a name
        without a slash for ``idl-python`` is a program's and stays.
    """
    found = setting(key)
    return None if found is None else completed(key, found.value, found.folder)


def completed(key: str, text: str, folder: Path | None) -> str:
    """Complete a setting that is a path, or the name of a program.

    Parameters
    ----------
    key : str
        ``idl-source`` or ``idl-python``.
    text : str
        As it stands there.
    folder : Path or None
        Of the file that it stands in; None where it comes from elsewhere.

    Returns
    -------
    str
        A name without a slash for ``idl-python`` as it is; else as `path_from` makes it.
    """
    is_name = key == "idl-python" and "/" not in text
    return text if is_name else path_from(text, folder)


def path_from(text: str, folder: Path | None) -> str:
    """Complete a path that stands in a settings file.

    Parameters
    ----------
    text : str
        As it stands there.
    folder : Path or None
        The file's folder; None where it comes from elsewhere.

    Returns
    -------
    str
        With the home folder for ``~``, and absolute where a folder is given.
    """
    expanded = os.path.expanduser(text)
    return expanded if folder is None else os.path.join(folder, expanded)


def _absolute(name: str) -> Path:
    path = Path(name).expanduser()
    try:
        return path.absolute()
    except FileNotFoundError:  # the current folder is gone
        return path


def _read(path: Path) -> SettingsFile | None:
    try:
        content = path.read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, ValueError) as problem:
        why = getattr(problem, "strerror", None) or problem
        raise _wrong(f"The settings file {path} cannot be read: {why}") from None
    import tomllib

    try:
        text = content.decode()
        values = tomllib.loads(text)
    except UnicodeDecodeError as problem:
        line = content.count(b"\n", 0, problem.start) + 1
        raise _wrong(f"The settings file {path} is not UTF-8 text, in line {line}") from None
    except (ValueError, RecursionError) as problem:
        raise _wrong(f"The settings file {path} is not TOML: {problem}") from None
    file = SettingsFile(path, values, text)
    _check(file)
    return file


def _check(file: SettingsFile) -> None:
    for key, value in file.values.items():
        if key not in _KINDS:
            raise unknown_key(file, key, _KINDS)
        kind, allowed = _KINDS[key]
        wrong = not isinstance(value, kind) or isinstance(value, bool)
        if wrong or value == "" or (key == "jobs" and value < 1):
            raise wrong_value(file, key, allowed)


def _refuse_programs(file: SettingsFile) -> None:
    """Refuse what would be carried out: the current folder may be one that others have filled."""
    for key in _CARRIED_OUT:
        if key in file.values:
            raise _wrong(
                f"{file.place(key)}: {key} names a program to be carried out, and may stand "
                f"only in your own file: {users_file()}"
            )


def unknown_key(
    file: SettingsFile, key: str, allowed: Mapping[str, Any], table: str | None = None
) -> UsageError:
    """Say that a key may not stand in a settings file.

    Parameters
    ----------
    file : SettingsFile
        The file.
    key : str
        The key.
    allowed : mapping
        Keys that may.
    table : str, optional
        The table that it is in.

    Returns
    -------
    UsageError
        To be raised.
    """
    inside = "" if table is None else f" in [{table}]"
    return _wrong(
        f"{file.place(key, table)}: there is no setting {key!r}{inside}: {', '.join(allowed)}"
    )


def wrong_value(file: SettingsFile, key: str, allowed: str, table: str | None = None) -> UsageError:
    """Say that a key has a value that it cannot have. The value is not told: it may be a secret.

    Parameters
    ----------
    file : SettingsFile
        The file.
    key : str
        The key.
    allowed : str
        What it must be, in words.
    table : str, optional
        The table that it is in.

    Returns
    -------
    UsageError
        To be raised.
    """
    inside = "" if table is None else f" in [{table}]"
    return _wrong(f"{file.place(key, table)}: {key}{inside} must be {allowed}")


def _wrong(sentence: str) -> UsageError:
    return UsageError(sentence, code="bad-settings")


def _line_of(text: str, key: str, table: str | None) -> int | None:
    """Find the line where a key is given a value: the reader of TOML does not tell."""
    name = rf"""(?:{re.escape(key)}|"{re.escape(key)}"|'{re.escape(key)}')"""
    for number, inside, line in _lines(text):
        dotted = rf"{re.escape(table)}\s*\.\s*{name}" if table and not inside else "(?!)"
        plain = name if inside == (table or "") else "(?!)"
        header = rf"\[+\s*{name}\s*[\].]" if table is None else "(?!)"
        if re.match(rf"\s*(?:(?:{plain}|{dotted})\s*[=.]|{header})", line):
            return number
    return None


def _lines(text: str) -> Iterator[tuple[int, str, str]]:
    """List lines, each with its number and the name of the table that it stands in."""
    inside = ""
    for number, line in enumerate(text.split("\n"), start=1):
        header = re.match(r"\s*\[\s*([^\[\]]+?)\s*\]", line)
        if header:
            yield number, "", line
            inside = header[1].strip("\"'")
        else:
            yield number, inside, line
