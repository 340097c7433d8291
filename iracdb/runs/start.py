"""Making a run, or going on with one: plan, declare, execute."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import Connection, Row

from iracdb.catalogue.database import Database
from iracdb.catalogue.locks import run_lock
from iracdb.errors import RunRefused
from iracdb.runs import registry
from iracdb.runs.companions import declared_files
from iracdb.runs.execute import Progress, execute
from iracdb.runs.measuring import Workers, ready_soon
from iracdb.runs.parameters import Parameters
from iracdb.runs.plan import Plan, assemble, make_plan
from iracdb.runs.request import Request
from iracdb.runs.software import recorded, this_software


@dataclass(frozen=True)
class Started:
    """What became of a request.

    Parameters
    ----------
    run_id : int
        The run's number.
    plan : Plan
        What was done.
    resumed : bool
        Whether it went on with a run begun before.
    """

    run_id: int
    plan: Plan
    resumed: bool


def make_run(
    database: Database,
    request: Request,
    *,
    jobs: int = 1,
    team: Workers | None = None,
    check_inputs: bool = False,
    progress: Progress | None = None,
    on_plan: Any = None,
) -> Started:
    """Make a run, or go on with one that was interrupted.

    Parameters
    ----------
    database : Database
        Open for writing.
    request : Request
        What was asked.
    jobs : int, optional
        Worker processes; the result does not depend on it.
    team : Workers, optional
        What measures instead, such as a cluster; nor on this.
    check_inputs : bool, optional
        Re-read the hashes of all inputs before closing.
    progress : callable, optional
        Called as the measuring begins, and after each AOR.
    on_plan : callable, optional
        Called with run number, name, plan and whether it is resumed, before anything is measured.

    Returns
    -------
    Started
        The finished run.

    Raises
    ------
    RunRefused
        Where the number is taken by a finished run, or by one with other parameters or software.
    Busy
        Where another process is making the run.
    InputsChanged
        Where a file is not the one that the catalogue knows; what is measured so far is kept.
    """
    ready_soon(jobs, team)
    with database.read() as connection:
        plan = make_plan(connection, request)
        existing = _existing(connection, request, plan.parameters)
        if existing is None:
            run_id, name = registry.number_and_name(connection, request)
        else:
            run_id, name = existing.run_id, existing.name
    with run_lock(database, run_id):
        if existing is not None:
            with database.read() as connection:
                plan = declared_plan(connection, run_id, plan)
        if on_plan is not None:
            on_plan(run_id, name, plan, existing is not None)
        if existing is None:
            with database.write() as connection:
                registry.declare(connection, run_id, name, request, plan)
        execute(
            database,
            run_id,
            plan,
            jobs=jobs,
            team=team,
            check_inputs=check_inputs,
            progress=progress,
        )
    return Started(run_id, plan, existing is not None)


def _existing(connection: Connection, request: Request, parameters: Parameters) -> Row[Any] | None:
    """Find the run to go on with; refuse one that cannot be gone on with."""
    named = registry.find_to_continue(connection, request)
    if named is None:
        if request.run_id is not None or request.name is not None:
            return None
        return registry.unfinished_like(connection, parameters)
    if named.state == "finished":
        raise RunRefused(
            f"Run {named.run_id} ({named.name}) is finished, {named.finished_at}: a run is never "
            f"overwritten. The next free number is {registry.next_free(connection)}"
        )
    check_same(connection, named, parameters)
    return named


def check_same(connection: Connection, row: Row[Any], parameters: Parameters) -> None:
    """Refuse to go on with a run under other parameters or other software.

    Parameters
    ----------
    connection : sqlalchemy.Connection
        To a catalogue.
    row : Row
        Of the unfinished run.
    parameters : Parameters
        As applied now.

    Raises
    ------
    RunRefused
        With the differences.
    """
    other = Parameters.recorded(row.parameters)
    differences = [
        f"{name} is {was}, now {now}" for name, was, now in other.differences(parameters)
    ]
    if row.software_id is not None:
        was = recorded(connection, row.software_id)
        differences += [
            f"{name} was {before}, is now {after}"
            for name, before, after in was.differences(this_software())
        ]
    if differences:
        raise RunRefused(
            f"Run {row.run_id} ({row.name}) was begun otherwise and cannot be gone on with: "
            f"{'; '.join(differences)}. The next free number is {registry.next_free(connection)}"
        )


def declared_plan(connection: Connection, run_id: int, plan: Plan) -> Plan:
    """Put together the plan that a run was declared with: its own inputs, not what is there now.

    Parameters
    ----------
    connection : sqlalchemy.Connection
        To a catalogue.
    run_id : int
        An unfinished run.
    plan : Plan
        What would be done now: its parameters, targets and engine.

    Returns
    -------
    Plan
        Over the files that the run declared.

    Raises
    ------
    RunRefused
        Where another process has finished it.
    """
    row = registry.find(connection, run_id)
    if row.state == "finished":
        raise RunRefused(f"Run {run_id} ({row.name}) has just been finished by another process")
    files, companions = declared_files(connection, run_id, plan.parameters)
    resumed = assemble(connection, plan.parameters, plan.choice, row.aors, files, companions)
    return replace(resumed, engine=plan.engine)
