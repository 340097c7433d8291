"""What a catalogue can do with the runs of 2018: the part of `iracdb.Catalogue` that is about them.

Nothing heavy is imported before it is used.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from iracdb.catalogue.database import Database

if TYPE_CHECKING:
    from iracdb.published.audit.finding import Finding
    from iracdb.published.importing import ImportReport
    from iracdb.published.recompute import Recomputation
    from iracdb.published.relinking import Relinked


class PublishedRuns:
    """Imports, recomputes, audits and links the runs of 2018."""

    _database: Database

    def import_runs(self, folder: str | Path, **options: Any) -> ImportReport:
        """Take in runs that the pipeline of 2018 published.

        Parameters
        ----------
        folder : path
            With the tables and logs of the runs.
        **options
            As of `iracdb.published.importing.import_runs`: targets, number, name, keep_going,
            jobs, progress.

        Returns
        -------
        ImportReport
            What became of each run.

        Raises
        ------
        iracdb.errors.InputRefused
            Where anything is not as it must be: nothing is imported then.
        """
        from iracdb.published.importing import import_runs

        return import_runs(self._database, folder, **options)

    def recompute(self, which: int | str, *, recipe: str = "manual") -> Recomputation:
        """Make an imported run's AOR table again from its image table.

        Parameters
        ----------
        which : int or str
            The run's number or name.
        recipe : {'manual', 'published-2018'}
            Done right, or with the known issues of 2018.

        Returns
        -------
        Recomputation
            Row by row.
        """
        from iracdb.published.recompute import recompute

        return recompute(self._database, which, recipe)

    def keep_recomputed(
        self,
        again: Recomputation,
        *,
        number: int | None = None,
        name: str | None = None,
        comment: str | None = None,
    ) -> int:
        """Keep a recomputation as a run, with the published one as its parent.

        Parameters
        ----------
        again : Recomputation
            From `recompute`.
        number, name : optional
            Of the new run.
        comment : str, optional
            Why.

        Returns
        -------
        int
            Its number.
        """
        from iracdb.published.keeping import keep

        why = comment or f"{again.name} recomputed from its image table by {again.recipe}"
        return keep(self._database, again, number, name, why)

    def audit(self, *which: int | str) -> list[Finding]:
        """Find what is wrong with what is held.

        Parameters
        ----------
        *which : int or str
            Numbers or names of runs; by default all.

        Returns
        -------
        list of Finding
            Worst first.
        """
        from iracdb.published.audit.checks import audit

        return audit(self._database, which)

    def links_that_could_rise(self) -> int:
        """Count the imported images whose link `relink` would raise.

        Returns
        -------
        int
            How many.
        """
        from iracdb.published.relinking import could_rise

        with self._database.read() as connection:
            return could_rise(connection)

    def relink(self) -> Relinked:
        """Link imported images to frames that were ingested since.

        Returns
        -------
        Relinked
            How many links were raised.
        """
        from iracdb.published.relinking import relink

        return relink(self._database)
