"""A radius test: one run for each set of radii, over one reading of the frames and one fit.

Each run is as `iracdb.runs.start.make_run` would have made it alone, to the bit.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import Connection

from iracdb.catalogue.database import Database
from iracdb.catalogue.locks import run_locks
from iracdb.errors import RunRefused, UsageError
from iracdb.photometry.aperture import Aperture
from iracdb.runs import registry
from iracdb.runs.calibrating import check_correction
from iracdb.runs.combinations import Combination, combinations_of
from iracdb.runs.execute import Progress, execute_together
from iracdb.runs.measuring import Workers, ready_soon
from iracdb.runs.names import LARGEST, agree
from iracdb.runs.parameters import Parameters, aperture_parameters
from iracdb.runs.plan import Plan, make_plan
from iracdb.runs.request import Request
from iracdb.runs.start import check_same, declared_plan
from iracdb.runs.studies import (
    Study,
    check_study_name,
    declare_study,
    find_study,
    free_range,
    shown_numbers,
    studies_of,
    study_called,
    taken_numbers,
)

KIND = "radius-test"
"""Kind of the studies made here."""

_OF_EACH_RUN = {
    "run_id": "its number follows from first_run",
    "name": "each is called run<number>",
    "radius": "the combinations tell it",
    "aperture_correction": "each combination has its own",
}


@dataclass(frozen=True)
class RadiusTest:
    """What was asked of a radius test.

    Parameters
    ----------
    first_run : int
        Number of the first run; the others follow.
    combinations : tuple of Combination
        One a run, in order.
    study : str
        Name of the study.
    request : Request
        What all runs share.
    """

    first_run: int
    combinations: tuple[Combination, ...]
    study: str
    request: Request

    @classmethod
    def of(
        cls, first_run: int, combinations: Any, study: str | None, options: Mapping[str, Any]
    ) -> RadiusTest:
        """Make a radius test of loosely typed options.

        Parameters
        ----------
        first_run : int
            Number of the first run.
        combinations : str, path or None
            ``all``, or a file: see `iracdb.runs.combinations`.
        study : str or None
            Name of the study; by default ``radius-test-<first_run>``.
        options : mapping
            By the names of `Request`; what differs from run to run is not among them.

        Returns
        -------
        RadiusTest
            Checked.

        Raises
        ------
        UsageError
            Where something is wrong.
        """
        for name, why in _OF_EACH_RUN.items():
            if options.get(name) is not None:
                raise UsageError(f"A radius test takes no {name}: {why}")
        wanted = combinations_of(combinations)
        agree(first_run, None)
        if first_run + len(wanted) - 1 > LARGEST:
            raise UsageError(f"A run's number is at most {LARGEST}: begin with a smaller one")
        name = check_study_name(f"{KIND}-{first_run}" if study is None else study)
        made = cls(first_run, wanted, name, Request.of(options))
        for number in made.numbers:
            made.request_of(number)
        return made

    @property
    def numbers(self) -> range:
        """Numbers of the runs."""
        return range(self.first_run, self.first_run + len(self.combinations))

    def request_of(self, number: int) -> Request:
        """Tell what the run of a number would have been asked for alone.

        Parameters
        ----------
        number : int
            Of `numbers`.

        Returns
        -------
        Request
            Checked.
        """
        one = self.combinations[number - self.first_run]
        return replace(
            self.request, run_id=number, radius=one.radii, aperture_correction=one.correction
        )


@dataclass(frozen=True)
class Prepared:
    """What a radius test will do.

    Parameters
    ----------
    test : RadiusTest
        What was asked.
    plans : dict
        The plan of each run that is to be made, by its number.
    existing : Study or None
        The study that is gone on with.
    """

    test: RadiusTest
    plans: dict[int, Plan]
    existing: Study | None

    @property
    def plan(self) -> Plan:
        """The first run's: all have its AORs and files."""
        return next(iter(self.plans.values()))

    @property
    def warnings(self) -> list[str]:
        """What the user should know of any of the runs, each sentence once."""
        return list(dict.fromkeys(said for plan in self.plans.values() for said in plan.warnings))

    @property
    def nowhere(self) -> list[str]:
        """Labels of the combinations that fit none of the arrays, whose runs will have no flux."""
        shapes = {file.shape for file in self.plan.inputs}
        return [
            one.label
            for one in self.test.combinations
            if not any(Aperture(*one.radii).fits(shape) for shape in shapes)
        ]


def prepare(connection: Connection, test: RadiusTest) -> Prepared:
    """Plan a radius test over what the catalogue holds now, or what an unfinished one declared.

    Parameters
    ----------
    connection : sqlalchemy.Connection
        To a catalogue.
    test : RadiusTest
        What was asked.

    Returns
    -------
    Prepared
        Nothing has been read but the catalogue.

    Raises
    ------
    RunRefused
        Where numbers or the study's name are taken, where the study was begun otherwise, or where
        no combination fits any array.
    """
    existing = study_called(connection, test.study)
    if existing is None:
        _check_free(connection, test)
        return Prepared(test, _plans(connection, test), None)
    _check_unfinished(connection, test, existing)
    plans = _plans(connection, test)
    for member in existing.members:
        check_same(connection, member.row, plans[member.run_id].parameters)
    left = [member.run_id for member in existing.members if member.row.state != "finished"]
    resumed = declared_plan(connection, left[0], plans[left[0]])
    pending = {number: resumed.through(plans[number].parameters) for number in left}
    return Prepared(test, pending, existing)


def _plans(connection: Connection, test: RadiusTest) -> dict[int, Plan]:
    # Through the smallest aperture: if that fits no array, none does.
    smallest = min(test.numbers, key=lambda number: test.request_of(number).aperture().r_out)
    plan = make_plan(connection, test.request_of(smallest))
    plans = {
        number: plan.through(_through(plan.parameters, test.request_of(number)))
        for number in test.numbers
    }
    for each in plans.values():
        check_correction(each.parameters, each.inputs)
    return plans


def _through(parameters: Parameters, request: Request) -> Parameters:
    """Give parameters another aperture and its correction."""
    return Parameters({**parameters.values, **aperture_parameters(request, parameters["channel"])})


def _check_free(connection: Connection, test: RadiusTest) -> None:
    taken = sorted(set(test.numbers) & taken_numbers(connection))
    if not taken:
        return
    names = sorted(set(studies_of(connection, taken).values()))
    begun = [name for name in names if not find_study(connection, name).finished]
    told = f" (to go on with a study that was begun: --study {begun[0]})" if begun else ""
    which = "Run {} is" if len(taken) == 1 else "Runs {} are"
    raise RunRefused(
        f"{which.format(shown_numbers(taken))} there already{told}, and a run is never "
        f"overwritten{_free(connection, test)}"
    )


def _free(connection: Connection, test: RadiusTest) -> str:
    """Tell where there is room for the runs."""
    count = len(test.combinations)
    first = free_range(connection, registry.next_free(connection), count)
    if first is None:
        return ""
    numbers = shown_numbers(range(first, first + count))
    return f". {numbers} {'is' if count == 1 else 'are'} free: --first-run {first}"


def _check_unfinished(connection: Connection, test: RadiusTest, existing: Study) -> None:
    if existing.kind != KIND:
        raise RunRefused(f"The study {existing.name} is no radius test but a {existing.kind}")
    held = [(member.run_id, member.label) for member in existing.members]
    asked = [
        (number, one.label) for number, one in zip(test.numbers, test.combinations, strict=True)
    ]
    if held != asked:
        labels = " ".join(label for _, label in held)
        raise RunRefused(
            f"The study {existing.name} is there with other runs, {existing.numbers} through "
            f"{labels}: take another name with --study"
        )
    if existing.finished:
        raise RunRefused(
            f"The study {existing.name} (runs {existing.numbers}) is finished, and a run is never "
            f"overwritten{_free(connection, test)}"
        )


def make_radius_test(
    database: Database,
    test: RadiusTest,
    *,
    jobs: int = 1,
    team: Workers | None = None,
    check_inputs: bool = False,
    progress: Progress | None = None,
    on_plan: Callable[[Prepared], None] | None = None,
) -> Study:
    """Make a radius test, or go on with one that was interrupted.

    Parameters
    ----------
    database : Database
        Open for writing.
    test : RadiusTest
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
        Called with what will be done, before anything is measured.

    Returns
    -------
    Study
        With every run finished.

    Raises
    ------
    RunRefused
        Where it may not be made: see `prepare`.
    Busy
        Where another process is making one of its runs.
    InputsChanged
        Where a file is not the one that the catalogue knows; what is measured so far is kept.
    """
    ready_soon(jobs, team)
    with run_locks(database, test.numbers):
        with database.read() as connection:
            prepared = prepare(connection, test)
        if on_plan is not None:
            on_plan(prepared)
        if prepared.existing is None:
            _declare(database, prepared)
        execute_together(
            database,
            prepared.plans,
            jobs=jobs,
            team=team,
            check_inputs=check_inputs,
            progress=progress,
        )
    with database.read() as connection:
        return find_study(connection, test.study)


def _declare(database: Database, prepared: Prepared) -> None:
    test = prepared.test
    labels: Sequence[tuple[int, str]] = [
        (number, one.label) for number, one in zip(test.numbers, test.combinations, strict=True)
    ]
    with database.write() as connection:
        for number, plan in prepared.plans.items():
            registry.declare(connection, number, f"run{number}", test.request_of(number), plan)
        declare_study(connection, test.study, KIND, test.request.comment, labels)
