"""Recomputing a kept recomputation again, from its parent's rows. Nothing is written."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, select

from iracdb.catalogue import tables as t
from iracdb.catalogue.database import Database
from iracdb.published.keeping import KEPT_COLUMNS, kept_parameters, kept_rows
from iracdb.published.recompute import RECIPES, recompute
from iracdb.runs.parameters import Parameters
from iracdb.runs.stored_rows import averages_of, images_of
from iracdb.verify.differences import Comparison, keyed

_AVERAGE_KEY = ("target_id", "aorkey", "channel", "frame_group", "repeat")
_IMAGE_KEY = ("frame_id", "plane", "repeat")
_OWN = {"id", "run_id", "aor_result_id"}


def compare_kept(database: Database, run: Any) -> tuple[Comparison, list[str]]:
    """Recompute a kept recomputation again and compare.

    Parameters
    ----------
    database : Database
        A catalogue.
    run : Row
        Of the table ``run``: one recomputed from an imported run that is held.

    Returns
    -------
    tuple
        The comparison of all its rows, and a sentence for each parameter that recomputing would
        not record like this.
    """
    recipe = run.parameters.get("recipe")
    if recipe not in RECIPES:
        found = Comparison()
        with database.read() as connection:
            found.images.not_checked, found.averages.not_checked = count_rows(connection, run)
        return found, [f"There is no recipe {recipe!r} to recompute by"]
    again = recompute(database, run.parent_run_id, recipe)
    with database.read() as connection:
        parent = connection.execute(select(t.run).where(t.run.c.run_id == run.parent_run_id)).one()
        averages = averages_of(connection, parent.run_id, unlisted=True)
        images = images_of(connection, parent.run_id)
        stored = averages_of(connection, run.run_id, unlisted=True)
        stored_images = images_of(connection, run.run_id)
    comparing = _Comparing(stored, stored_images)
    for kept in kept_rows(parent, again, averages, images):
        comparing.average(
            kept.average, [dict(zip(KEPT_COLUMNS, i, strict=True)) for i in kept.images]
        )
    comparing.rest()
    applied = kept_parameters(parent, recipe, averages[0])
    return comparing.found, _other_parameters(Parameters.recorded(run.parameters), applied)


def count_rows(connection: Connection, run: Any) -> tuple[int, int]:
    """Count a run's rows.

    Parameters
    ----------
    connection : sqlalchemy.Connection
        To a catalogue.
    run : Row
        Of the table ``run``.

    Returns
    -------
    tuple of int
        Images, and averages that its table lists.
    """
    images = images_of(connection, run.run_id)
    return sum(map(len, images.values())), len(averages_of(connection, run.run_id))


def _other_parameters(recorded: Parameters, applied: Parameters) -> list[str]:
    return [
        f"Its parameter {name} is {was}, and recomputing applies {now}"
        for name, was, now in recorded.differences(applied)
    ]


class _Comparing:
    """Holds the stored rows that no row made again was found for yet."""

    def __init__(self, averages: Any, images: dict[int, list[Any]]) -> None:
        self.found = Comparison()
        self._averages = keyed(averages, _AVERAGE_KEY)
        self._images = images

    def average(self, made: dict[str, Any], images: list[dict[str, Any]]) -> None:
        """Compare one average and its images."""
        stored = self._averages.pop(tuple(made[name] for name in _AVERAGE_KEY), None)
        about = _about(made)
        self.found.add("averages", about, stored, made, _OWN, counted=made["listed"])
        mine = {} if stored is None else self._images_of(stored)
        for image in images:
            held = mine.pop(tuple(image[name] for name in _IMAGE_KEY), None)
            self.found.add("images", _of_image(about, image), held, image, _OWN)
        for image in mine.values():
            self.found.add("images", _of_image(about, image), image, None)

    def rest(self) -> None:
        """Count what recomputing does not give."""
        for stored in self._averages.values():
            about = _about(stored)
            self.found.add("averages", about, stored, None)
            for image in self._images_of(stored).values():
                self.found.add("images", _of_image(about, image), image, None)

    def _images_of(self, stored: Any) -> dict[Any, Any]:
        return keyed(self._images.get(stored["id"], []), _IMAGE_KEY)


def _about(average: Any) -> dict[str, Any]:
    return {
        "aorkey": average["aorkey"],
        "target": average["target_name"],
        "group": average["frame_group"],
        "row": average["row_number"],
    }


def _of_image(about: dict[str, Any], image: Any) -> dict[str, Any]:
    return {**about, "row": image["row_number"]}
