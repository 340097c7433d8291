"""The errors a user may meet, each with a stable code and an exit status.

::

    IracdbError                      what the command line prints in one line
    ├── UsageError (ValueError)          2   the call's words are wrong
    ├── InputRefused (ValueError)        3   data, names, files, runs
    │   ├── BadFile                          one file that cannot be taken in
    │   ├── BadCoordinate                    text that is no position on the sky
    │   ├── BadTargetList                    a list, and the row that is wrong
    │   ├── NotFound (LookupError)           nothing of that name or number
    │   ├── RunRefused                       a run that may not be made like this
    │   ├── InputsChanged                    a file is not the one in the catalogue
    │   ├── EngineFailed                     GDL, IDL or its source is not there, or gives up
    │   └── WorkersLost                      a cluster's workers, or its scheduler, went away
    ├── CatalogueError (RuntimeError)    4   the database
    │   ├── Unreachable                      no server, no file, no permission
    │   ├── NotOurs                          something else lives there
    │   ├── WrongRevision                    older or newer than this iracdb
    │   ├── Busy                             another process holds it
    │   └── QueryRefused                 3   SQL that fails or would change something
    └── CannotWrite (OSError)            6   disk full, no permission

Exit status 0 is done or yes, 1 the answer no, 5 done with something set aside (``--strict``),
130 interrupted. Codes and statuses are relied on by scripts: they may be added to, not changed.
"""

from __future__ import annotations

from typing import ClassVar

EXIT_STATUSES: dict[int, str] = {
    0: "done, or the answer is yes",
    1: "the answer is no: differs, found, not reproduced",
    2: "wrong usage",
    3: "the input is refused (data, names, files, runs)",
    4: "the database: unreachable, not ours, wrong revision",
    5: "done, but something was set aside (with --strict)",
    6: "could not write (full disk, permissions)",
    130: "interrupted",
}


class IracdbError(Exception):
    """Root of every error that iracdb raises on purpose.

    Parameters
    ----------
    message : str
        One sentence: what is wrong, where, and what to do.
    code : str, optional
        A more specific code than the class's own.
    """

    code: str = "error"
    exit_status: ClassVar[int] = 1

    def __init__(self, message: str, *, code: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        if code is not None:
            self.code = code

    def __str__(self) -> str:
        return self.message


class UsageError(IracdbError, ValueError):
    """The call's words are wrong: an option, a number, a combination."""

    code = "usage"
    exit_status = 2


class InputRefused(IracdbError, ValueError):
    """What was given cannot be used."""

    code = "input-refused"
    exit_status = 3


class BadFile(InputRefused):
    """One file that cannot be taken in; ``code`` says why in one word."""

    code = "bad-file"


class BadCoordinate(InputRefused):
    """Text that is no position on the sky."""

    code = "bad-coordinate"


class BadTargetList(InputRefused):
    """A target list with a row that cannot be read."""

    code = "bad-target-list"


class NotFound(InputRefused, LookupError):
    """Nothing of that name or number is held."""

    code = "not-found"


class RunRefused(InputRefused):
    """A run that may not be made as asked: taken number, other parameters, no frames."""

    code = "run-refused"


class InputsChanged(InputRefused):
    """A file that a run reads is not the one that the catalogue knows."""

    code = "inputs-changed"


class EngineFailed(InputRefused):
    """A correction engine or its IDL source is not there, or gives no answer."""

    code = "engine-failed"


class WorkersLost(InputRefused):
    """The workers of a cluster, or its scheduler, went away while they measured."""

    code = "workers-lost"


class CatalogueError(IracdbError, RuntimeError):
    """The database cannot be used."""

    code = "database"
    exit_status = 4


class Unreachable(CatalogueError):
    """No server, no file, no permission."""

    code = "database-unreachable"


class NotOurs(CatalogueError):
    """Something that is not an iracdb catalogue lives there."""

    code = "database-not-ours"


class WrongRevision(CatalogueError):
    """The database is older or newer than this iracdb."""

    code = "database-revision"


class Busy(CatalogueError):
    """Another process holds the database or the run."""

    code = "database-busy"


class QueryRefused(CatalogueError):
    """A query that cannot be carried out, or would change something."""

    code = "query-refused"
    exit_status = 3


class CannotWrite(IracdbError, OSError):
    """A file could not be written."""

    code = "cannot-write"
    exit_status = 6
