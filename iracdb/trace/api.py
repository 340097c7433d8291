"""What a catalogue can tell of where numbers come from: a part of `iracdb.Catalogue`.

Nothing heavy is imported before it is used.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from iracdb.catalogue.database import Database
from iracdb.errors import UsageError

if TYPE_CHECKING:
    from iracdb.runs.withdrawal import Withdrawal
    from iracdb.trace.graph import Lineage


class TracesNumbers:
    """Follows numbers to files and files to numbers; withdraws runs and restores them."""

    _database: Database

    def lineage(
        self,
        which: int | str | None = None,
        *,
        aor: int | None = None,
        target: str | None = None,
        file: str | os.PathLike[str] | None = None,
        frame: int | str | None = None,
    ) -> Lineage:
        """Follow an AOR's flux down to files, or find all that rests on a file or a frame.

        Parameters
        ----------
        which : int or str, optional
            A run's number or name, together with ``aor``.
        aor : int, optional
            The AOR whose averages are followed down.
        target : str, optional
            Only this target of the AOR, as the run calls it.
        file : str or path-like, optional
            A path, an archive name, or the beginning of a SHA-256.
        frame : int or str, optional
            A frame's number, the beginning of an archive name, channel/AORKEY/EXPID/DCENUM or
            channel/MJD.

        Returns
        -------
        Lineage
            Nodes, edges and images as tables.

        Raises
        ------
        iracdb.errors.UsageError
            Where it is not just one of the three that is asked for.
        iracdb.errors.NotFound
            Where there is no such run, AOR, target, file or frame.
        """
        from iracdb.catalogue.bulk import no_garbage_collection
        from iracdb.trace.down import lineage_of_aor
        from iracdb.trace.questions import by_index
        from iracdb.trace.up import lineage_of_file, lineage_of_frame

        _check(which, aor, target, file, frame)
        with no_garbage_collection(), self._database.read() as connection:
            by_index(connection)
            if file is not None:
                found = lineage_of_file(connection, os.fspath(file))
            elif frame is not None:
                found = lineage_of_frame(connection, str(frame))
            elif which is not None and aor is not None:
                found = lineage_of_aor(connection, which, aor, target)
            else:
                raise UsageError(_WHAT)
            # Nothing was written; but at a rollback psycopg forgets the statements it has prepared.
            connection.commit()
            return found

    def withdraw(self, which: int | str, reason: str, *, dry_run: bool = False) -> Withdrawal:
        """Withdraw a run: a dated, reasoned mark that hides it; nothing is deleted.

        Parameters
        ----------
        which : int or str
            The run's number or name.
        reason : str
            Why.
        dry_run : bool, optional
            Tell what rests on it, and change nothing.

        Returns
        -------
        Withdrawal
            What was done, and what rests on the run.

        Raises
        ------
        iracdb.errors.RunRefused
            Where the run is withdrawn already, or not finished.
        iracdb.errors.InputRefused
            Where no reason is given.
        """
        from iracdb.runs.withdrawal import withdraw

        return withdraw(self._database, which, reason, dry_run=dry_run)

    def restore(
        self, which: int | str, reason: str | None = None, *, dry_run: bool = False
    ) -> Withdrawal:
        """Take a withdrawal back.

        Parameters
        ----------
        which : int or str
            The run's number or name.
        reason : str, optional
            Why.
        dry_run : bool, optional
            Tell what would be done, and change nothing.

        Returns
        -------
        Withdrawal
            What was done, and what rests on the run.

        Raises
        ------
        iracdb.errors.RunRefused
            Where the run is not withdrawn.
        """
        from iracdb.runs.withdrawal import restore

        return restore(self._database, which, reason, dry_run=dry_run)


_WHAT = (
    "Say what to follow: a run and an AOR of it (RUN --aor KEY), or a file (--file), "
    "or a frame (--frame)"
)


def _check(which: object, aor: object, target: object, file: object, frame: object) -> None:
    downward = [given for given in (which, aor, target) if given is not None]
    asked = bool(downward) + (file is not None) + (frame is not None)
    if asked != 1 or (downward and (which is None or aor is None)):
        raise UsageError(_WHAT)
