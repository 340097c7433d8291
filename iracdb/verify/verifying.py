"""Verifying a run: same files? same answer? Nothing is written but that it was done."""

from __future__ import annotations

import contextlib
import secrets
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from iracdb.catalogue.activity import record_activity
from iracdb.catalogue.clock import now
from iracdb.catalogue.database import Database
from iracdb.catalogue.tables import LATER_COLUMNS
from iracdb.engines.choosing import engine_named
from iracdb.errors import CannotWrite, CatalogueError, InputRefused, RunRefused, UsageError
from iracdb.photometry.response import NATIVE, Response
from iracdb.runs import registry
from iracdb.runs.execute import Progress
from iracdb.runs.measuring import Workers, workers
from iracdb.runs.parameters import Parameters
from iracdb.runs.software import recorded, this_software
from iracdb.verify.again import compare_again
from iracdb.verify.inputs import judged, look, sought_inputs
from iracdb.verify.kept import compare_kept, count_rows
from iracdb.verify.measurable import response_change, why_not_measurable
from iracdb.verify.planned import choose_images, plan_of
from iracdb.verify.record import faults_of_record
from iracdb.verify.verification import Sample, Verification

_SEEDS = 2**31

EngineOf = Callable[[str], Response]


def verify(
    database: Database,
    which: int | str,
    *,
    sample: int | None = None,
    seed: int | None = None,
    jobs: int = 1,
    team: Workers | None = None,
    engine_of: EngineOf = engine_named,
    progress: Progress | None = None,
) -> Verification:
    """Make a run again, and compare every bit with what is stored.

    Parameters
    ----------
    database : Database
        A catalogue; that it was verified is noted where it may be written.
    which : int or str
        The run's number or name.
    sample : int, optional
        Check only so many images, chosen at random.
    seed : int, optional
        Chooses the same images again; by default another each time.
    jobs : int, optional
        Worker processes.
    team : Workers, optional
        What measures instead, such as a cluster.
    engine_of : callable, optional
        Gives the engine of a name.
    progress : callable, optional
        Called with files done, files in all, and what was just done: each is read twice, once
        for its bytes and once for its pixels.

    Returns
    -------
    Verification
        With the verdict.

    Raises
    ------
    NotFound
        Where there is no such run.
    RunRefused
        Where it is not finished, or was measured by rules that this program does not know.
    UsageError
        Where the sample is not a number of images.
    """
    if sample is not None and sample < 1:
        raise UsageError(f"A sample is of at least one image, not {sample}")
    if seed is not None and sample is None:
        raise UsageError("A seed chooses a sample: say of how many images")
    started = now()
    with database.read() as connection:
        run = registry.find(connection, which)
        if run.state != "finished":
            raise RunRefused(
                f"Run {run.run_id} ({run.name}) is not finished: repeat the command that began it"
            )
        faults = faults_of_record(connection, run)
        made_with = None if run.software_id is None else recorded(connection, run.software_id)
    environment = [] if made_with is None else made_with.differences(this_software())
    if run.origin == "imported":
        found = _imported(database, run)
    elif run.inputs_digest is None:
        found = _recomputed(database, run)
    else:
        chosen = None if sample is None else (sample, _seed(seed))
        with workers(jobs, team) as hands:
            found = _measured(database, run, faults, chosen, hands, engine_of, progress)
    found = replace(
        found,
        faults=(*faults, *found.faults),
        environment=(*environment, *found.environment),
    )
    _record(database, found, started)
    return found


def _seed(given: int | None) -> int:
    return secrets.randbelow(_SEEDS) if given is None else given


def _imported(database: Database, run: Any) -> Verification:
    found = Verification(run.run_id, run.name, "imported")
    with database.read() as connection:
        counted = count_rows(connection, run)
    found.compared.images.not_checked, found.compared.averages.not_checked = counted
    return found


def _recomputed(database: Database, run: Any) -> Verification:
    found = Verification(run.run_id, run.name, "recomputed")
    with database.read() as connection:
        if run.parent_run_id is None:
            counted = count_rows(connection, run)
            found.compared.images.not_checked, found.compared.averages.not_checked = counted
            return found
        parent = registry.find(connection, run.parent_run_id)
    compared, faults = compare_kept(database, run)
    environment = response_change(Parameters.recorded(run.parameters), NATIVE)
    return replace(
        found,
        parent=parent.name,
        compared=compared,
        faults=tuple(faults),
        environment=tuple(environment),
    )


def _measured(
    database: Database,
    run: Any,
    faults: list[str],
    chosen: tuple[int, int] | None,
    team: Workers,
    engine_of: EngineOf,
    progress: Progress | None,
) -> Verification:
    parameters = Parameters.recorded(run.parameters)
    found = Verification(run.run_id, run.name, "measured")
    engine: Response = NATIVE
    unknown = why_not_measurable(parameters)
    if unknown is None:
        try:
            engine = engine_of(parameters["engine"])
        except (InputRefused, UsageError) as problem:
            unknown = str(problem)
    if unknown is not None:
        if not faults:
            raise RunRefused(
                f"Run {run.run_id} ({run.name}) cannot be measured again by this iracdb: {unknown}"
            )
        with database.read() as connection:
            counted = count_rows(connection, run)
        found.compared.images.not_checked, found.compared.averages.not_checked = counted
        return replace(found, faults=(f"It cannot be measured again: {unknown}",))
    number, seed = chosen or (None, 0)
    with database.read() as connection:
        plan = plan_of(connection, run, engine)
        images = choose_images(plan, number, seed)
        sought = sought_inputs(connection, run, images.files(plan))
    measured = {file.file_id for file in plan.inputs}
    # Companions are looked at, and not measured.
    total = len(sought) + sum(one.file_id in measured for one in sought)

    def tell(done: int, _all: int, what: str) -> None:
        if progress is not None:
            progress(len(sought) + done, total, what)

    inputs = []
    for one in judged(database, sought, team.each(look, sought)):
        inputs.append(one)
        if progress is not None:
            progress(len(inputs), total, one.name)
    by_file = {one.file_id: one for one in inputs}
    # What was recorded before there was a choice of engines lacks what came with it.
    not_told = set().union(
        *(columns for name, columns in LATER_COLUMNS.items() if name not in run.parameters)
    )
    compared = compare_again(database, run.run_id, plan, images, by_file, team, tell, not_told)
    sample = None
    if images.images is not None:
        files = sum(len(average.files) for average in plan.averages)
        sample = Sample(len(images.images), files, seed)
    return replace(
        found,
        compared=compared,
        inputs=tuple(inputs),
        environment=tuple(response_change(parameters, engine)),
        sample=sample,
    )


def _record(database: Database, found: Verification, started: str) -> None:
    """Note that a run was verified; a catalogue that cannot be written is left as it is."""
    detail = found.summary()
    for name in ("run_id", "name", "verdict", "columns"):
        del detail[name]
    del detail["inputs"]["files"]
    with contextlib.suppress(CatalogueError, CannotWrite), database.write() as connection:
        record_activity(
            connection, "verify", found.run_id, found.verdict, started_at=started, detail=detail
        )
