"""The plan of a finished run, put together again from what it recorded, not from what is there now.

Its parameters, the files that it declared, and the targets that stand with its averages.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass, fields, replace
from itertools import chain
from random import Random
from typing import Any

from sqlalchemy import Connection, select

from iracdb.catalogue import tables as t
from iracdb.catalogue.targets import Motion, Position, motion_columns
from iracdb.photometry.response import Response
from iracdb.runs.companions import companions_of, declared_files
from iracdb.runs.likeness import Facts
from iracdb.runs.parameters import Parameters
from iracdb.runs.plan import Plan, assemble
from iracdb.runs.planned import PlannedAverage
from iracdb.runs.target_lists import FromList

_FACTS = tuple(field.name for field in fields(Facts))


def plan_of(connection: Connection, run: Any, engine: Response) -> Plan:
    """Put a run's plan together again.

    Parameters
    ----------
    connection : sqlalchemy.Connection
        To a catalogue.
    run : Row
        Of the table ``run``; one whose images were measured here.
    engine : Response
        What gives the response.

    Returns
    -------
    Plan
        As it was, as long as nothing that it rests on was changed.
    """
    result = t.aor_result.c
    stored: dict[int, list[Any]] = defaultdict(list)
    for row in connection.execute(
        select(t.aor_result).where(result.run_id == run.run_id).order_by(result.row_number)
    ):
        stored[row.aorkey].append(row)
    parameters = Parameters.recorded(run.parameters)
    files, companions = declared_files(connection, run.run_id, parameters)
    choice = _targets_of(stored)
    with_files = sorted({file.aorkey for file in files})
    made = assemble(connection, parameters, choice, with_files, files, companions)
    aors = tuple(dict.fromkeys((*(run.aors or ()), *with_files, *stored)))
    averages = chain.from_iterable(
        made.of_aor(aorkey) or map(_without_files, stored[aorkey]) for aorkey in aors
    )
    return replace(made, aors=aors, averages=tuple(averages), warnings=(), engine=engine)


def _targets_of(stored: dict[int, list[Any]]) -> FromList:
    rows = [(aorkey, _position(row)) for aorkey, mine in stored.items() for row in mine]
    return FromList(None, "", "", tuple(dict.fromkeys(rows)), ())


def _position(row: Any) -> Position:
    motion = None
    if row.target_epoch is not None:
        motion = Motion(*(getattr(row, name) for name in motion_columns(None)))
    return Position(row.target_name, row.target_ra, row.target_dec, motion)


def _without_files(row: Any) -> PlannedAverage:
    """Plan an average that has no files: all that its row tells is what was known then."""
    return PlannedAverage(
        aorkey=row.aorkey,
        target=_position(row),
        group=row.frame_group,
        files=(),
        facts=Facts(**{name: getattr(row, name) for name in _FACTS}),
        problem=row.reason,
    )


@dataclass(frozen=True)
class Chosen:
    """The images of a plan that are to be checked.

    Parameters
    ----------
    images : collection of tuple or None
        (place of the average in the plan, place of the image in it); None for all.
    """

    images: Collection[tuple[int, int]] | None

    def of(self, average: int, planned: PlannedAverage) -> set[int]:
        """Tell which files of an average are to be checked.

        Parameters
        ----------
        average : int
            Its place in the plan.
        planned : PlannedAverage
            The average.

        Returns
        -------
        set of int
            Numbers of files.
        """
        return {
            file.file_id
            for place, file in enumerate(planned.files)
            if self.images is None or (average, place) in self.images
        }

    def files(self, plan: Plan) -> set[int] | None:
        """Tell which files must be read, companions too.

        Parameters
        ----------
        plan : Plan
            Whose images these are.

        Returns
        -------
        set of int or None
            Numbers of files; None for all.
        """
        if self.images is None:
            return None
        measured = set().union(*(self.of(*each) for each in enumerate(plan.averages)))
        beside = companions_of(plan.companions, (f for f in plan.inputs if f.file_id in measured))
        return measured | {one.file_id for one in beside}


def choose_images(plan: Plan, number: int | None, seed: int) -> Chosen:
    """Choose images at random.

    Parameters
    ----------
    plan : Plan
        Whose.
    number : int or None
        How many; None, or as many as there are, for all.
    seed : int
        The same seed chooses the same images.

    Returns
    -------
    Chosen
        So many.
    """
    everything = [
        (average, image)
        for average, planned in enumerate(plan.averages)
        for image in range(len(planned.files))
    ]
    if number is None or number >= len(everything):
        return Chosen(None)
    return Chosen(frozenset(Random(seed).sample(everything, number)))  # noqa: S311


def complete_files(plan: Plan, found: Collection[int]) -> set[int]:
    """Tell which files can be measured: those that were found, and all their companions too.

    Parameters
    ----------
    plan : Plan
        Complete.
    found : collection of int
        Files of any role.

    Returns
    -------
    set of int
        Files that are measured.
    """
    return {
        file.file_id
        for file in plan.inputs
        if file.file_id in found
        and all(one.file_id in found for one in companions_of(plan.companions, (file,)))
    }


def only_files(plan: Plan, wanted: Collection[int]) -> Plan:
    """Leave files out of a plan.

    Parameters
    ----------
    plan : Plan
        Complete.
    wanted : collection of int
        Files that are kept.

    Returns
    -------
    Plan
        With the same averages.
    """
    averages = (
        replace(one, files=tuple(file for file in one.files if file.file_id in wanted))
        for one in plan.averages
    )
    return replace(plan, averages=tuple(averages))
