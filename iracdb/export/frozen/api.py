"""What a catalogue can do to keep and move its runs: a part of `iracdb.Catalogue`.

Nothing heavy is imported before it is used.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from iracdb.catalogue.database import Database

if TYPE_CHECKING:
    from iracdb.export.frozen.copying import Copied
    from iracdb.export.frozen.freezing import Frozen
    from iracdb.export.frozen.thawing import Thawed


class KeepsRuns:
    """Freezes runs into files, thaws them, and copies whole catalogues."""

    _database: Database

    def freeze(
        self,
        which: int | str,
        path: str | os.PathLike[str],
        *,
        overwrite: bool = False,
        progress: Any = None,
    ) -> Frozen:
        """Write a run and all that explains it into one SQLite file, which is only read.

        Parameters
        ----------
        which : int or str
            The run's number or name.
        path : path-like
            The file.
        overwrite : bool, optional
            Replace a file that holds something else; a catalogue is never replaced.
        progress : callable, optional
            Told how far it is.

        Returns
        -------
        Frozen
            What was written: path, digest, sha256, parents and more.

        Raises
        ------
        iracdb.errors.RunRefused
            Where the run is not finished, or its rows no longer have its digest.
        iracdb.errors.CannotWrite
            Where the file cannot be written, or something else is there.
        """
        from iracdb.export.frozen.freezing import freeze

        return freeze(self._database, which, path, overwrite=overwrite, step=progress)

    def thaw(
        self,
        path: str | os.PathLike[str],
        *,
        number: int | None = None,
        name: str | None = None,
        progress: Any = None,
    ) -> Thawed:
        """Take a frozen run into this catalogue, all of it or nothing.

        Parameters
        ----------
        path : path-like
            The frozen file.
        number, name : optional
            For the run here; by default its own where they are free.
        progress : callable, optional
            Told how far it is.

        Returns
        -------
        Thawed
            Its number and name here, and whether it is new.

        Raises
        ------
        iracdb.errors.InputRefused
            Where the file is no frozen run, was changed since, or cannot come in.
        """
        from iracdb.export.frozen.thawing import thaw

        return thaw(self._database, path, number=number, name=name, step=progress)

    def copy_to(self, location: str | os.PathLike[str], *, progress: Any = None) -> Copied:
        """Copy this whole catalogue into a file or database in which nothing is yet.

        Parameters
        ----------
        location : path-like
            A file's path, or a PostgreSQL URL.
        progress : callable, optional
            Told how far it is.

        Returns
        -------
        Copied
            Rows by table, and the digest of each run, compared on both sides.

        Raises
        ------
        iracdb.errors.CatalogueError
            Where the database cannot be reached, or holds anything.
        iracdb.errors.CannotWrite
            Where it cannot be written; nothing is left in it.
        """
        from iracdb.export.frozen.copying import copy_catalogue

        return copy_catalogue(self._database, location, progress=progress)
