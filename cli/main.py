"""The command ``iracdb``: its groups, and how errors become one line and an exit status."""

from __future__ import annotations

import contextlib
import errno
import os
import sys
from collections.abc import Sequence

import click

from iracdb.errors import EXIT_STATUSES, IracdbError

from .commands import Commands, Program
from .options import DEBUG, common_options

FAULT = 70
"""Exit status of a fault of the program itself, which no user should ever meet."""

_NO_WRITING = {errno.ENOSPC, errno.EFBIG, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EPERM}

_STATUSES = "\b\nExit statuses:\n" + "\n".join(
    f"  {status:<4}{meaning}" for status, meaning in EXIT_STATUSES.items()
)


@click.group(cls=Program, epilog=_STATUSES)
@common_options
@click.version_option(package_name="iracdb", prog_name="iracdb")
def cli() -> None:
    """Measure stars in IRAC frames, and remember where every number came from.

    Frames go in once ('iracdb ingest'); every run over them is recorded with all that made it
    ('iracdb run'); the tables are views ('iracdb sql').
    """


cli.commands = Commands(cli)


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
    except click.exceptions.NoArgsIsHelpError as problem:
        problem.show()
        return problem.exit_code
    except click.ClickException as problem:
        return _said(_usage(problem), problem.exit_code, debug)
    except (KeyboardInterrupt, click.Abort):
        what = "Interrupted. What was finished is kept; repeat the command to go on"
        return _said(what, 130, debug)
    except IracdbError as problem:
        return _said(str(problem), problem.exit_status, debug)
    except (BrokenPipeError, SystemExit):
        # Whoever read our output has seen enough ('iracdb files | head'). Click, where it comes
        # upon that first, ends by itself.
        with contextlib.suppress(OSError, ValueError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except OSError as problem:
        if problem.errno not in _NO_WRITING:
            return _fault(problem, debug)
        where = f" {problem.filename}" if problem.filename else ""
        return _said(f"Could not write{where}: {problem.strerror}", 6, debug)
    except Exception as problem:
        return _fault(problem, debug)


def _said(what: str, status: int, debug: bool) -> int:
    """Say what is wrong in one line, after the trace where it was asked for."""
    from .output import note

    if debug:
        import traceback

        traceback.print_exc()
    note(f"iracdb: {what}")
    return status


def _usage(problem: click.ClickException) -> str:
    from .defaults import whose_fault

    said = " ".join(problem.format_message().split()) + whose_fault(problem)
    context = getattr(problem, "ctx", None)
    return said if context is None else f"{said} (see '{context.command_path} --help')"


def _fault(problem: BaseException, debug: bool) -> int:
    said = " ".join(str(problem).split())[:300]
    what = (
        f"This is a fault of iracdb itself ({type(problem).__name__}: {said}). "
        f"Please report it, with what --{DEBUG} shows"
    )
    return _said(what, FAULT, debug)
