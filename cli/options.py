"""Options that commands share."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import click
from click.core import ParameterSource

from iracdb.settings import VARIABLES

if TYPE_CHECKING:
    from iracdb.api import Catalogue

Function = TypeVar("Function", bound=Callable[..., Any])

DEBUG = "debug"
DB = "iracdb_cli.db"


def _remember(context: click.Context, _parameter: click.Parameter, value: str | None) -> None:
    if value is not None:
        context.meta[DB] = value


def common_options(command: Function) -> Function:
    """Add ``--db`` and ``--debug``, which stand before or after a command's name alike.

    Parameters
    ----------
    command : callable
        To be decorated.

    Returns
    -------
    callable
        Decorated.
    """
    database = click.option(
        "--db",
        metavar="PATH_OR_URL",
        callback=_remember,
        expose_value=False,
        help="The catalogue: a file, or postgresql://user@host/name. "
        "By default IRACDB_DATABASE_URL, else as 'iracdb config' tells.",
    )
    return database(debug_option(command))


def debug_option(command: Function) -> Function:
    """Add ``--debug``.

    Parameters
    ----------
    command : callable
        To be decorated.

    Returns
    -------
    callable
        Decorated.
    """
    return click.option(
        f"--{DEBUG}", is_flag=True, expose_value=False, help="Show the trace of an error."
    )(command)


def location() -> str | None:
    """Tell what was typed after ``--db``.

    Returns
    -------
    str or None
        None where nothing was.
    """
    value = click.get_current_context().meta.get(DB)
    return None if value is None else str(value)


def open_catalogue(*, create: bool = False) -> Catalogue:
    """Open the catalogue that the command is about.

    Parameters
    ----------
    create : bool, optional
        Make it where there is none yet.

    Returns
    -------
    Catalogue
        To be used in a ``with`` statement.
    """
    from iracdb.api import Catalogue

    return Catalogue(location(), create=create)


def output_options(command: Function) -> Function:
    """Add ``--json`` and ``--csv``: the same on every listing.

    Parameters
    ----------
    command : callable
        Takes ``output_format``: ``'table'``, ``'json'`` or ``'csv'``.

    Returns
    -------
    callable
        Decorated.
    """
    as_json = click.option("--json", "output_format", flag_value="json", help="Print JSON.")
    as_csv = click.option("--csv", "output_format", flag_value="csv", help="Print CSV.")
    plain = click.option(
        "--table", "output_format", flag_value="table", default="table", hidden=True
    )
    return as_json(as_csv(plain(command)))


def strict_option(command: Function) -> Function:
    """Add ``--strict``.

    Parameters
    ----------
    command : callable
        Takes ``strict``.

    Returns
    -------
    callable
        Decorated.
    """
    return click.option(
        "--strict", is_flag=True, help="Exit with status 5 if something was set aside."
    )(command)


def jobs_option(command: Function) -> Function:
    """Add ``--jobs``.

    Parameters
    ----------
    command : callable
        Takes ``jobs``.

    Returns
    -------
    callable
        Decorated.
    """
    return click.option(
        "--jobs",
        type=click.IntRange(min=1),
        default=1,
        show_default=True,
        envvar=VARIABLES["jobs"],
        help="Worker processes. The result does not depend on it.",
    )(command)


def scheduler_option(command: Function) -> Function:
    """Add ``--scheduler``, which takes the place of ``--jobs``.

    Parameters
    ----------
    command : callable
        Takes ``scheduler``.

    Returns
    -------
    callable
        Decorated.
    """
    return click.option(
        "--scheduler",
        metavar="ADDRESS",
        help="Let the workers of a Dask cluster measure, such as tcp://10.0.0.1:8786, in place of "
        "--jobs. The result does not depend on it.",
    )(command)


def jobs_beside(scheduler: str | None, jobs: int) -> int:
    """Tell how many processes of this machine are asked for: none of a default's beside a cluster.

    Parameters
    ----------
    scheduler : str or None
        A cluster's.
    jobs : int
        Typed, or by default.

    Returns
    -------
    int
        What was typed goes before, so that both at once are refused.
    """
    source = click.get_current_context().get_parameter_source("jobs")
    return jobs if scheduler is None or source is ParameterSource.COMMANDLINE else 1


def idl_options(command: Function) -> Function:
    """Add ``--idl-source`` and ``--idl-python``.

    Parameters
    ----------
    command : callable
        Takes ``idl_source`` and ``idl_python``.

    Returns
    -------
    callable
        Decorated.
    """
    source = click.option(
        "--idl-source",
        metavar="FILE",
        help="Your irac_aphot_corr.pro or irac_aphot_corr_cryo.pro, for the engines gdl and idl. "
        "By default IRACDB_IDL_SOURCE.",
    )
    python = click.option(
        "--idl-python",
        metavar="PYTHON",
        help="The Python that has mirpyidl, for the engine idl. By default IRACDB_IDL_PYTHON.",
    )
    return source(python(command))
