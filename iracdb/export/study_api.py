"""What a catalogue can do with studies: the part of `iracdb.Catalogue` that makes radius tests.

Nothing heavy is imported before it is used.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from iracdb.catalogue.database import Database
from iracdb.catalogue.listing import Listing

if TYPE_CHECKING:
    from iracdb.export.radius_tables import RadiusTables
    from iracdb.runs.radius_test import Prepared


class MakesStudies:
    """Makes radius tests, lists studies, and writes their tables."""

    _database: Database

    def radius_test(
        self,
        first_run: int,
        combinations: str | Path | None = None,
        *,
        study: str | None = None,
        out: str | Path | None = None,
        run_tables: bool = False,
        jobs: int = 1,
        scheduler: str | None = None,
        check_inputs: bool = False,
        progress: Any = None,
        on_plan: Any = None,
        **options: Any,
    ) -> RadiusTables:
        """Measure every AOR through several apertures: each frame is read, each centre fitted once.

        Each combination of radii is a run of its own, to the bit the one that `run` makes with
        that radius; together they are a study. One that was interrupted goes on.

        Parameters
        ----------
        first_run : int
            Number of the first run; the others follow.
        combinations : str or path, optional
            ``all``, the manual's ten, or a file: a line ``r r_in r_out [aperture correction]``.
        study : str, optional
            The study's name; by default ``radius-test-<first_run>``.
        out : path, optional
            Write the study's tables into this folder too.
        run_tables : bool, optional
            And the runs' own.
        jobs : int, optional
            Worker processes; the result does not depend on it.
        scheduler : str, optional
            Address of a Dask scheduler, whose workers measure instead.
        check_inputs : bool, optional
            Re-read the hashes of all inputs before the runs close.
        progress, on_plan : callable, optional
            Told how far it is, and what will be done.
        **options
            As of `run`; without ``run_id``, ``name``, ``radius`` and ``aperture_correction``.

        Returns
        -------
        RadiusTables
            What it gave.

        Raises
        ------
        iracdb.errors.IracdbError
            Where it cannot be made; what is measured so far is kept.

        Examples
        --------
        >>> tables = cat.radius_test(200, channel=2)  # doctest: +SKIP
        >>> tables.table("agreement")["Largest Disagreement (%)"]  # doctest: +SKIP
        """
        from iracdb.export.study_files import radius_test_into, study_tables
        from iracdb.runs.dask_workers import cluster
        from iracdb.runs.radius_test import RadiusTest

        test = RadiusTest.of(first_run, combinations, study, options)
        with cluster(scheduler, jobs) as team:
            made = radius_test_into(
                self._database, test, out, run_tables=run_tables, jobs=jobs, team=team,
                check_inputs=check_inputs, progress=progress, on_plan=on_plan,
            )  # fmt: skip
        return study_tables(self._database, made.name, withdrawn=True)

    def plan_radius_test(
        self,
        first_run: int,
        combinations: str | Path | None = None,
        *,
        study: str | None = None,
        **options: Any,
    ) -> Prepared:
        """Tell what `radius_test` with the same options would do, without doing it.

        Parameters
        ----------
        first_run : int
            Number of the first run.
        combinations, study : str, optional
            As of `radius_test`.
        **options
            As of `radius_test`.

        Returns
        -------
        Prepared
            The plan of each run.
        """
        from iracdb.runs.radius_test import RadiusTest, prepare

        test = RadiusTest.of(first_run, combinations, study, options)
        with self._database.read() as connection:
            return prepare(connection, test)

    def studies(self) -> Listing:
        """List the studies.

        Returns
        -------
        Listing
            One row a study.
        """
        from iracdb.runs.studies import list_studies

        with self._database.read() as connection:
            return list_studies(connection)

    def study(self, name: str, *, withdrawn: bool = False) -> RadiusTables:
        """Read the tables of a study.

        Parameters
        ----------
        name : str
            The study's.
        withdrawn : bool, optional
            Whether runs that were withdrawn are shown too.

        Returns
        -------
        RadiusTables
            The published table, the agreement and the curve of growth.

        Raises
        ------
        iracdb.errors.NotFound
            Where there is no such study.
        """
        from iracdb.export.study_files import study_tables

        return study_tables(self._database, name, withdrawn=withdrawn)

    def export_study(
        self,
        name: str,
        out: str | Path,
        *,
        formats: Iterable[str] = ("csv",),
        withdrawn: bool = False,
        overwrite: bool = False,
    ) -> list[Path]:
        """Write the tables of a study.

        Parameters
        ----------
        name : str
            The study's.
        out : path
            Folder; made where it is not there.
        formats : iterable of str, optional
            ``csv`` and ``ecsv``.
        withdrawn : bool, optional
            Whether runs that were withdrawn are shown too.
        overwrite : bool, optional
            Whether files that hold something else may be replaced.

        Returns
        -------
        list of Path
            The files written.

        Raises
        ------
        iracdb.errors.IracdbError
            Where there is no such study, it is not finished, or a file cannot be written.
        """
        from iracdb.export.study_files import export_study

        return export_study(
            self._database, name, out, formats=formats, withdrawn=withdrawn, overwrite=overwrite
        )
