"""The files of a study: the published table, the agreement, the curve of growth."""

from __future__ import annotations

import io
from collections.abc import Iterable
from pathlib import Path

from iracdb.catalogue.clock import now
from iracdb.catalogue.database import Database
from iracdb.errors import CannotWrite, RunRefused, UsageError
from iracdb.export.radius_tables import ENDINGS, RadiusTables, WhichTable
from iracdb.export.recording import record_export
from iracdb.export.tables import export_run, file_names
from iracdb.export.writing import check_free, write_files
from iracdb.runs.measuring import Workers
from iracdb.runs.radius_results import radius_results
from iracdb.runs.radius_test import KIND, Prepared, RadiusTest, make_radius_test
from iracdb.runs.results import Run
from iracdb.runs.studies import Study, find_study

STUDY_FORMATS = ("csv", "ecsv")
"""Formats of a study's tables; the published table is CSV alone."""

_TABLES: tuple[WhichTable, ...] = ("best", "agreement", "over_all", "growth")


def study_tables(database: Database, name: str, *, withdrawn: bool = False) -> RadiusTables:
    """Read the tables of a study.

    Parameters
    ----------
    database : Database
        The catalogue.
    name : str
        The study's.
    withdrawn : bool, optional
        Whether runs that were withdrawn are shown too.

    Returns
    -------
    RadiusTables
        Of an unfinished study what is there.

    Raises
    ------
    NotFound
        Where there is no such study.
    RunRefused
        Where it is no radius test, or all its runs were withdrawn.
    """
    with database.read() as connection:
        study = find_study(connection, name)
        if study.kind != KIND:
            raise RunRefused(f"The study {study.name} is a {study.kind}: its tables are not known")
        results = radius_results(connection, study, withdrawn=withdrawn)
    if not results.members:
        raise RunRefused(f"All runs of the study {study.name} are withdrawn: --all shows them")
    return RadiusTables(results)


def study_file_names(name: str, formats: Iterable[str] = ("csv",)) -> list[str]:
    """Tell what files the export of a study would write.

    Parameters
    ----------
    name : str
        The study's.
    formats : iterable of str, optional
        Of `STUDY_FORMATS`.

    Returns
    -------
    list of str
        Names without folder.
    """
    return [file_name for file_name, _, _ in _files(name, formats)]


def _files(name: str, formats: Iterable[str]) -> list[tuple[str, WhichTable, str]]:
    wanted = list(dict.fromkeys(formats))
    for each in wanted:
        if each not in STUDY_FORMATS:
            raise UsageError(f"There is no format {each!r}: {', '.join(STUDY_FORMATS)}")
    return [
        (f"{name}{ENDINGS[which]}.{form}", which, form)
        for form in wanted
        for which in _TABLES
        if (which, form) != ("best", "ecsv")
    ]


def export_study(
    database: Database,
    name: str,
    folder: str | Path,
    *,
    formats: Iterable[str] = ("csv",),
    withdrawn: bool = False,
    overwrite: bool = False,
) -> list[Path]:
    """Write the tables of a study, and note that as an activity of each of its runs.

    Parameters
    ----------
    database : Database
        The catalogue.
    name : str
        The study's.
    folder : path
        Where to; made where it is not there.
    formats : iterable of str, optional
        Of `STUDY_FORMATS`.
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
    NotFound
        Where there is no such study.
    RunRefused
        Where it is not finished.
    CannotWrite
        Where a file cannot be written.
    """
    tables = study_tables(database, name, withdrawn=withdrawn)
    study = tables.results.study
    if not study.finished:
        raise RunRefused(
            f"The study {study.name} is not finished: repeat the command that began it"
        )
    started_at, formats = now(), list(formats)
    contents = {
        file_name: (tables.csv(which) if form == "csv" else _ecsv(tables, which)).encode()
        for file_name, which, form in _files(study.name, formats)
    }
    written = write_files(folder, contents, overwrite=overwrite)
    for member in tables.results.members:
        record_export(
            Run(database, member.run_id), folder, contents,
            formats=formats, layout=KIND, started_at=started_at,
        )  # fmt: skip
    return written


def _ecsv(tables: RadiusTables, which: WhichTable) -> str:
    out = io.StringIO()
    tables.table(which).write(out, format="ascii.ecsv")
    return out.getvalue()


def radius_test_into(
    database: Database,
    test: RadiusTest,
    out: str | Path | None,
    *,
    run_tables: bool = False,
    jobs: int = 1,
    team: Workers | None = None,
    check_inputs: bool = False,
    progress: object = None,
    on_plan: object = None,
) -> Study:
    """Make a radius test, or go on with one, and write its tables where asked to.

    Parameters
    ----------
    database : Database
        Open for writing.
    test : RadiusTest
        What was asked.
    out : path or None
        Folder for the tables; None writes no files.
    run_tables : bool, optional
        Whether each run's own tables and log are written too.
    jobs : int, optional
        Worker processes; the result does not depend on it.
    team : Workers, optional
        What measures instead, such as a cluster; nor on this.
    check_inputs : bool, optional
        Re-read the hashes of all inputs before closing.
    progress, on_plan : callable, optional
        See `iracdb.runs.radius_test.make_radius_test`.

    Returns
    -------
    Study
        Finished.

    Raises
    ------
    CannotWrite
        Where other files of those names are in the way: before anything is measured.
    """

    def tell(prepared: Prepared) -> None:
        if out is not None:
            _check_free(Path(out), test, run_tables)
        if callable(on_plan):
            on_plan(prepared)

    study = make_radius_test(
        database, test, jobs=jobs, team=team, check_inputs=check_inputs,
        progress=progress if callable(progress) else None, on_plan=tell,
    )  # fmt: skip
    if out is not None:
        try:
            export_study(database, study.name, out)
            for member in study.members if run_tables else ():
                export_run(Run(database, member.run_id), out)
        except CannotWrite as problem:
            raise CannotWrite(
                f"{problem}. The study {study.name} is finished and kept: write its tables with "
                f"'iracdb export-study {study.name} --out FOLDER'"
            ) from None
    return study


def _check_free(folder: Path, test: RadiusTest, run_tables: bool) -> None:
    if folder.exists() and not folder.is_dir():
        raise CannotWrite(f"{folder} is a file, not a folder: name another with --out")
    names = study_file_names(test.study)
    if run_tables:
        names += [name for number in test.numbers for name in file_names(f"run{number}")]
    for name in names:
        check_free(folder / name)
