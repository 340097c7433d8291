"""The command ``iracdb``: its groups, and how errors become one line and an exit status."""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Sequence

import click

from iracdb.errors import EXIT_STATUSES, IracdbError

from . import database, files, holdings, measuring, results, simulating, sql
from .options import DEBUG, common_options

FAULT = 70
"""Exit status of a fault of the program itself, which no user should ever meet."""

_NO_WRITING = {errno.ENOSPC, errno.EFBIG, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EPERM}

_STATUSES = "\b\nExit statuses:\n" + "\n".join(
    f"  {status:<4}{meaning}" for status, meaning in EXIT_STATUSES.items()
)


class _Ordered(click.Group):
    """Lists commands in the order of the work, not of the alphabet."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self.commands)


@click.group(cls=_Ordered, epilog=_STATUSES)
@common_options
@click.version_option(package_name="iracdb", prog_name="iracdb")
def cli() -> None:
    """Measure stars in IRAC frames, and remember where every number came from.

    Frames go in once ('iracdb ingest'); every run over them is recorded with all that made it
    ('iracdb run'); the tables are views ('iracdb sql').
    """


for command in (
    database.init, files.ingest, holdings.status, holdings.aors, holdings.frames, holdings.files,
    files.problems, files.header, measuring.run, results.runs, results.show, results.export,
    sql.sql, database.db, simulating.simulate,
):  # fmt: skip
    cli.add_command(command)


def main(arguments: Sequence[str] | None = None) -> int:
    """Carry out one command.

    Parameters
    ----------
    arguments : sequence of str, optional
        What was typed after the program's name.

    Returns
    -------
    int
        The exit status: see `iracdb.errors.EXIT_STATUSES`.
    """
    typed = list(sys.argv[1:] if arguments is None else arguments)
    debug = "--debug" in typed
    try:
        status = cli.main(args=typed, prog_name="iracdb", standalone_mode=False)
        sys.stdout.flush()
        return status if isinstance(status, int) else 0
    except click.exceptions.Exit as leaving:
        return leaving.exit_code
    except click.ClickException as problem:
        problem.show()
        return problem.exit_code
    except (KeyboardInterrupt, click.Abort):
        return _interrupted(debug)
    except IracdbError as problem:
        if debug:
            raise
        click.echo(f"iracdb: {problem}", err=True)
        return problem.exit_status
    except BrokenPipeError:
        # Whoever read our output has seen enough ('iracdb files | head').
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except OSError as problem:
        if debug or problem.errno not in _NO_WRITING:
            return _fault(problem, debug)
        where = f" {problem.filename}" if problem.filename else ""
        click.echo(f"iracdb: Could not write{where}: {problem.strerror}", err=True)
        return 6
    except Exception as problem:
        return _fault(problem, debug)


def _interrupted(debug: bool) -> int:
    if debug:
        raise
    click.echo(
        "\niracdb: Interrupted. What was finished is kept; the same command goes on from there.",
        err=True,
    )
    return 130


def _fault(problem: BaseException, debug: bool) -> int:
    if debug:
        raise problem
    said = " ".join(str(problem).split())[:300]
    click.echo(
        f"iracdb: This is a fault of iracdb itself ({type(problem).__name__}: {said}). "
        f"Please report it, with what --{DEBUG} shows",
        err=True,
    )
    return FAULT
