"""Measuring a run again, AOR by AOR, and comparing with what is stored. Nothing is written."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from sqlalchemy import select

from iracdb.catalogue import tables as t
from iracdb.catalogue.database import Database
from iracdb.catalogue.targets import motion_columns
from iracdb.runs.execute import Progress
from iracdb.runs.making import Columns, Made, made_rows, measured_aors, row_numbers
from iracdb.runs.measuring import Workers
from iracdb.runs.plan import Plan
from iracdb.runs.planned import PlannedAverage
from iracdb.verify.differences import Comparison, keyed
from iracdb.verify.inputs import CheckedInput, places_of_found
from iracdb.verify.planned import Chosen, complete_files, only_files

# Numbers that the catalogue gives out, and what tells an image's frame to people.
_OWN = {"id", "run_id", "target_id", "aor_result_id", "expid", "dcenum"}
_AVERAGE_KEY = (
    "target_name", "target_ra", "target_dec", *motion_columns(None), "frame_group", "repeat",
)  # fmt: skip
_IMAGE_KEY = ("frame_id", "plane", "repeat")


@dataclass(frozen=True)
class _Stored:
    """The rows of one AOR, as mappings by their keys; images by the average's number."""

    averages: dict[Any, Any]
    images: dict[int, dict[Any, Any]]


def compare_again(
    database: Database,
    run_id: int,
    plan: Plan,
    chosen: Chosen,
    found: Mapping[int, CheckedInput],
    team: Workers,
    progress: Progress | None,
    not_told: Collection[str] = (),
) -> Comparison:
    """Measure a run again and compare.

    Parameters
    ----------
    database : Database
        A catalogue.
    run_id : int
        The run.
    plan : Plan
        Its plan.
    chosen : Chosen
        The images to check.
    found : mapping
        `CheckedInput` by file; images of those whose bytes, or a companion's,
        were not found are not checked.
    team : Workers
        Measure.
    progress : callable or None
        Called after each AOR.
    not_told : collection of str, optional
        Columns that the run could not fill when it was made: they are not compared.

    Returns
    -------
    Comparison
        Over all rows of the run.
    """
    usable = complete_files(plan, {number for number, one in found.items() if one.usable})
    comparing = _Comparing(database, run_id, plan, chosen, usable, _OWN | set(not_told))
    wanted = only_files(plan, usable)
    measured = measured_aors(wanted, plan.aors, places_of_found(database, plan, found), team)
    done, total = 0, len(wanted.inputs)
    for aorkey, columns in measured:
        comparing.aor(aorkey, columns)
        done += len({file.file_id for one in wanted.of_aor(aorkey) for file in one.files})
        if progress is not None:
            progress(done, total, str(aorkey))
    return comparing.found


class _Comparing:
    """Goes through the AORs of a run."""

    def __init__(
        self,
        database: Database,
        run_id: int,
        plan: Plan,
        chosen: Chosen,
        usable: set[int],
        own: set[str],
    ) -> None:
        self.found = Comparison()
        self._database = database
        self._run_id = run_id
        self._plan = plan
        self._chosen = chosen
        self._usable = usable
        self._own = own
        self._rows = row_numbers(plan)
        self._place = 0  # of the next average in the plan

    def aor(self, aorkey: int, measured: Sequence[Columns | None]) -> None:
        """Compare one AOR: what was measured is for each average over the usable files only."""
        stored = self._stored(aorkey)
        averages = self._plan.of_aor(aorkey)
        held, wholes = [], []
        for planned, columns in zip(averages, measured, strict=True):
            key = _key_of(planned)
            average = stored.averages.pop(key, None)
            images = {} if average is None else stored.images[average["id"]]
            held.append((average, images))
            wholes.append(self._completed(planned, columns, images))
        rows = made_rows(self._plan, aorkey, wholes, self._rows.get(aorkey, []))
        for planned, whole, made, (average, images) in zip(
            averages, wholes, rows, held, strict=True
        ):
            # Of files that are not there nothing can be made.
            known = made if whole is not None or not planned.files else None
            self._average(planned, known, average)
            self._images(planned, known, images)
            self._place += 1
        for left in stored.averages.values():
            about = {"aorkey": aorkey, **_named(left)}
            self.found.add("averages", about, left, None)
            for image in stored.images[left["id"]].values():
                self.found.add("images", {**about, **_placed(image)}, image, None)

    def _average(self, planned: PlannedAverage, made: Made | None, average: Any) -> None:
        of_files = {file.file_id for file in planned.files}
        checked = self._chosen.of(self._place, planned) & self._usable
        # Of an average without images a sample says nothing.
        sampled = self._chosen.images is not None and not of_files
        if made is None or sampled or checked != of_files:
            self.found.averages.not_checked += 1
            return
        about = {"aorkey": planned.aorkey, **_named(made.average)}
        self.found.add("averages", about, average, made.average, self._own)

    def _images(self, planned: PlannedAverage, made: Made | None, images: dict[Any, Any]) -> None:
        checked = self._chosen.of(self._place, planned) & self._usable
        again = {} if made is None else {_key(image): image for image in made.image_rows}
        about = {"aorkey": planned.aorkey, "target": planned.target.name, "group": planned.group}
        for file, plane in planned.images(self._plan.parameters.planes):
            key = (file.frame_id, plane, 0)
            if file.file_id not in checked:
                self.found.images.not_checked += 1
                images.pop(key, None)
                continue
            where = {**about, "expid": file.expid, "dcenum": file.dcenum, "plane": plane}
            self.found.add("images", where, images.pop(key, None), again[key], self._own)
        for image in images.values():
            self.found.add("images", {**about, **_placed(image)}, image, None)

    def _completed(
        self,
        planned: PlannedAverage,
        columns: Columns | None,
        images: Mapping[Any, Mapping[str, Any]],
    ) -> Columns | None:
        """Put stored values where nothing was measured: the average is over all its images."""
        if columns is None:
            return None
        every = planned.images(self._plan.parameters.planes)
        measured = [file.file_id in self._usable for file, _ in every]
        if all(measured):
            return columns
        rows = [images.get((file.frame_id, plane, 0), {}) for file, plane in every]
        whole: Columns = {}
        for name, values in columns.items():
            lacking: Any = math.nan if values.dtype.kind == "f" else 0
            column = np.array([_number(row.get(name), lacking) for row in rows], dtype=values.dtype)
            column[measured] = values
            whole[name] = column
        return whole

    def _stored(self, aorkey: int) -> _Stored:
        result, image = t.aor_result.c, t.image_result.c
        mine = (result.run_id == self._run_id, result.aorkey == aorkey)
        averages = select(t.aor_result).where(*mine).order_by(result.row_number)
        images = (
            select(t.image_result, t.frame.c.expid, t.frame.c.dcenum)
            .join(t.aor_result, result.id == image.aor_result_id)
            .join(t.frame, t.frame.c.id == image.frame_id)
            .where(*mine)
            .order_by(image.row_number)
        )
        with self._database.read() as connection:
            rows = connection.execute(averages).all()
            by_average: dict[int, list[Any]] = {row.id: [] for row in rows}
            for row in connection.execute(images):
                by_average[row.aor_result_id].append(row)
        return _Stored(
            keyed(rows, _AVERAGE_KEY),
            {number: keyed(mine, _IMAGE_KEY) for number, mine in by_average.items()},
        )


def _number(value: Any, lacking: Any) -> Any:
    return value if isinstance(value, int | float) else lacking


def _key_of(planned: PlannedAverage) -> tuple[Any, ...]:
    target = planned.target
    motion = motion_columns(target.motion).values()
    return target.name, target.ra, target.dec, *motion, planned.group, 0


def _key(image: Mapping[str, Any]) -> tuple[Any, ...]:
    return tuple(image[name] for name in _IMAGE_KEY)


def _named(average: Mapping[str, Any]) -> dict[str, Any]:
    return {"target": average["target_name"], "group": average["frame_group"]}


def _placed(image: Mapping[str, Any]) -> dict[str, Any]:
    return {name: image[name] for name in ("expid", "dcenum", "plane")}
