"""The rows of a plan, made AOR by AOR: what a run writes, and what its verification compares.

Reads no database and writes none: where the pixels of a file are is told by whoever asks.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

import numpy.typing as npt

from iracdb.catalogue.database import in_batches
from iracdb.catalogue.selection import ScienceFile
from iracdb.irac.frames import FrameFile
from iracdb.photometry.aperture import Aperture
from iracdb.photometry.measure import Measurement
from iracdb.runs import measuring
from iracdb.runs.average_rows import average_row
from iracdb.runs.beside import Told
from iracdb.runs.images import BLOCK
from iracdb.runs.measuring import Block, Workers
from iracdb.runs.moving import moved
from iracdb.runs.parameters import Parameters
from iracdb.runs.plan import Plan
from iracdb.runs.planned import PlannedAverage
from iracdb.runs.rows import averaged, correct, image_columns, join

Places = Callable[[Sequence[ScienceFile]], tuple[FrameFile, ...]]
"""Tells where the pixels of files are, in their order."""

Columns = dict[str, npt.NDArray[Any]]
"""What was measured on the images of one average: see `iracdb.runs.rows.join`."""


_ASKED_AT_ONCE = 4 * BLOCK
"""Files of which it is asked at once where they are: to ask takes as long as a dozen answers."""


@dataclass(frozen=True)
class Made:
    """One average with its images, as they are stored.

    Parameters
    ----------
    average : dict
        By the columns of ``aor_result``, but for its own number, the run's and the target's.
    images : dict
        Lists of values by the columns of ``image_result``, but for the average's number; empty
        where there are none.
    """

    average: dict[str, Any]
    images: dict[str, list[Any]]

    @property
    def image_rows(self) -> list[dict[str, Any]]:
        """The images, one by one."""
        return [
            dict(zip(self.images, row, strict=True))
            for row in zip(*self.images.values(), strict=True)
        ]


def measured_aors(
    plan: Plan, aors: Sequence[int], places: Places, team: Workers
) -> Iterator[tuple[int, list[Columns | None]]]:
    """Measure AOR after AOR, through the plan's aperture.

    Parameters
    ----------
    plan : Plan
        What is to be measured.
    aors : sequence of int
        Which of its AORs, in order.
    places : callable
        Where their pixels are.
    team : Workers
        Measure blocks, a few ahead.

    Yields
    ------
    tuple
        AORKEY, and for each of its averages what was measured; None where it has no files. An
        AOR is given as soon as its last block is there, before the next is asked for.
    """
    through = measured_through((plan.parameters.aperture,), plan, aors, places, team)
    for aorkey, (columns,) in through:
        yield aorkey, columns


def measured_through(
    apertures: tuple[Aperture, ...],
    plan: Plan,
    aors: Sequence[int],
    places: Places,
    team: Workers,
) -> Iterator[tuple[int, list[list[Columns | None]]]]:
    """Measure AOR after AOR through several apertures: each frame is read, each centre fitted once.

    Parameters
    ----------
    apertures : tuple of Aperture
        In place of the plan's own.
    plan : Plan
        What is to be measured.
    aors : sequence of int
        Which of its AORs, in order.
    places : callable
        Where their pixels are.
    team : Workers
        Measure blocks, a few ahead.

    Yields
    ------
    tuple
        AORKEY, and for each aperture what `measured_aors` gives.
    """
    groups: list[str] = []

    def blocks() -> Iterator[Block]:
        for aorkey in aors:
            for group, block in _blocks(apertures, plan, aorkey, places):
                groups.append(group)
                yield block

    results = team.each(measuring.measure, blocks())
    for aorkey in aors:
        averages = plan.of_aor(aorkey)
        found: list[dict[str, list[list[Measurement]]]] = [{} for _ in apertures]
        for _ in _batches(averages, BLOCK):
            measurements, group = next(results), groups.pop(0)
            for mine, blocks_of_group in zip(measurements, found, strict=True):
                blocks_of_group.setdefault(group, []).append(mine)
        yield aorkey, [_by_average(averages, each) for each in found]


def _batches(averages: Sequence[PlannedAverage], most: int) -> list[tuple[str, list[ScienceFile]]]:
    """Cut an AOR's files into pieces of one group and one shape."""
    groups = {average.group: average.files for average in averages if average.files}
    return [
        (group, batch)
        for group, files in groups.items()
        for _, alike in groupby(files, key=lambda file: file.shape)
        for batch in in_batches(list(alike), most)
    ]


def _blocks(
    apertures: tuple[Aperture, ...], plan: Plan, aorkey: int, places: Places
) -> Iterator[tuple[str, Block]]:
    averages = plan.of_aor(aorkey)
    for group, asked in _batches(averages, _ASKED_AT_ONCE):
        positions = [average.target for average in averages if average.group == group]
        frames = places(asked)
        for first in range(0, len(asked), BLOCK):
            files = asked[first : first + BLOCK]
            block = Block(
                frames=frames[first : first + BLOCK],
                ra=tuple(math.nan if p.ra is None else p.ra for p in positions),
                dec=tuple(math.nan if p.dec is None else p.dec for p in positions),
                moved=tuple(moved(position, files) for position in positions),
                apertures=apertures,
                centre=plan.parameters["centre"],
                sky=plan.parameters["sky"],
                planes=plan.parameters.planes,
                mask_bits=plan.parameters["mask_bits"] or 0,
                forced=plan.parameters["position"] == "forced",
            )
            yield group, block


def _by_average(
    averages: Sequence[PlannedAverage], found: dict[str, list[list[Measurement]]]
) -> list[Columns | None]:
    """Give each average its own: a block has one measurement a target, in the averages' order."""
    turn: dict[str, int] = {}
    columns: list[Columns | None] = []
    for average in averages:
        index = turn.get(average.group, 0)
        turn[average.group] = index + 1
        blocks = [block[index] for block in found.get(average.group, [])]
        columns.append(join(blocks) if blocks else None)
    return columns


def made_rows(
    plan: Plan, aorkey: int, measured: Sequence[Columns | None], rows: Sequence[tuple[int, int]]
) -> list[Made]:
    """Correct and average what was measured of one AOR, and make rows of it.

    Parameters
    ----------
    plan : Plan
        What was to be averaged.
    aorkey : int
        Which AOR.
    measured : sequence of dict or None
        For each of its averages what was measured on all its images; they gain the response's
        factors. None where it has no files, or nothing is to be made.
    rows : sequence of tuple of int
        For each its row in the AOR table, and its first in the image table.

    Returns
    -------
    list of Made
        One an average. Canonical values: NaN is None, -0.0 is 0.0.
    """
    (made,) = made_rows_of((plan,), aorkey, (measured,), rows)
    return made


def made_rows_of(
    plans: Sequence[Plan],
    aorkey: int,
    measured: Sequence[Sequence[Columns | None]],
    rows: Sequence[tuple[int, int]],
) -> list[list[Made]]:
    """Correct and average what was measured of one AOR for plans that differ in aperture alone.

    The engine is asked once for all of them.

    Parameters
    ----------
    plans : sequence of Plan
        What was to be averaged.
    aorkey : int
        Which AOR.
    measured : sequence of sequence
        For each plan what `made_rows` takes.
    rows : sequence of tuple of int
        The same for all plans: see `made_rows`.

    Returns
    -------
    list of list of Made
        For each plan what `made_rows` gives.
    """
    known = [
        (planned, columns)
        for plan, mine in zip(plans, measured, strict=True)
        for planned, columns in zip(plan.of_aor(aorkey), mine, strict=True)
        if columns is not None
    ]
    first = plans[0]
    told = [Told(planned, first.parameters) for planned in first.of_aor(aorkey)]
    for plan, mine in zip(plans, measured, strict=True):
        for beside, columns in zip(told, mine, strict=True):
            if columns is not None:
                beside.tell(columns, plan.parameters)
    correct(known, first.parameters, first.engine)
    return [
        [
            _made(planned, columns, plan.parameters, places)
            for planned, columns, places in zip(plan.of_aor(aorkey), mine, rows, strict=True)
        ]
        for plan, mine in zip(plans, measured, strict=True)
    ]


def _made(
    planned: PlannedAverage, columns: Columns | None, parameters: Parameters, rows: tuple[int, int]
) -> Made:
    mean = None
    images: dict[str, list[Any]] = {}
    if columns is not None:
        mean = averaged(planned, columns, parameters)
        images = image_columns(planned, columns, mean, parameters, rows[1])
    average = average_row(planned, columns, mean, parameters)
    return Made({"row_number": rows[0], **average}, images)


def row_numbers(plan: Plan) -> dict[int, list[tuple[int, int]]]:
    """Tell where the rows of each AOR stand in the two tables.

    Parameters
    ----------
    plan : Plan
        Complete.

    Returns
    -------
    dict
        By AORKEY, for each of its averages its row in the AOR table and its first in the image
        table, from 1.
    """
    rows: dict[int, list[tuple[int, int]]] = {}
    aor_row = image_row = 1
    for average in plan.averages:
        rows.setdefault(average.aorkey, []).append((aor_row, image_row))
        aor_row += 1
        image_row += len(average.images(plan.parameters.planes))
    return rows
