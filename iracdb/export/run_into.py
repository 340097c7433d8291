"""Making a run and writing its tables in one go."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from iracdb.catalogue.database import Database
from iracdb.errors import CannotWrite
from iracdb.export.tables import export_run, file_names
from iracdb.export.writing import check_free
from iracdb.runs.measuring import Workers
from iracdb.runs.plan import Plan
from iracdb.runs.request import Request
from iracdb.runs.results import Run
from iracdb.runs.start import make_run


def run_into(
    database: Database,
    request: Request,
    out: str | Path | None,
    *,
    jobs: int = 1,
    team: Workers | None = None,
    check_inputs: bool = False,
    progress: Any = None,
    on_plan: Any = None,
) -> Run:
    """Make a run, or go on with one, and write its tables where asked to.

    Parameters
    ----------
    database : Database
        Open for writing.
    request : Request
        What was asked.
    out : path or None
        Folder for the tables and the log; None writes no files.
    jobs : int, optional
        Worker processes; the result does not depend on it.
    team : Workers, optional
        What measures instead, such as a cluster; nor on this.
    check_inputs : bool, optional
        Re-read the hashes of all inputs before closing.
    progress : callable, optional
        Called as the measuring begins, and after each AOR.
    on_plan : callable, optional
        Called before anything is measured: see `iracdb.runs.start.make_run`.

    Returns
    -------
    Run
        Finished.

    Raises
    ------
    CannotWrite
        Where other files of those names are in the way: before anything is measured.
    """

    def tell(run_id: int, name: str, plan: Plan, resumed: bool) -> None:
        if out is not None:
            if Path(out).exists() and not Path(out).is_dir():
                raise CannotWrite(f"{out} is a file, not a folder: name another with --out")
            for file_name in file_names(name):
                check_free(Path(out) / file_name)
        if on_plan is not None:
            on_plan(run_id, name, plan, resumed)

    made = make_run(
        database,
        request,
        jobs=jobs,
        team=team,
        check_inputs=check_inputs,
        progress=progress,
        on_plan=tell,
    )
    run = Run(database, made.run_id)
    if out is not None:
        try:
            export_run(run, out)
        except CannotWrite as problem:
            raise CannotWrite(
                f"{problem}. Run {run.run_id} is finished and kept: write its tables with "
                f"'iracdb export {run.run_id} --out FOLDER'"
            ) from None
    return run
