"""Keeping a recomputation as a run of its own, with its parent recorded."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, insert, select

from iracdb.catalogue import tables as t
from iracdb.catalogue.activity import host, operator, record_activity
from iracdb.catalogue.bulk import insert_rows
from iracdb.catalogue.clock import now
from iracdb.catalogue.database import Database
from iracdb.errors import RunRefused
from iracdb.photometry.response import NATIVE
from iracdb.published.recompute import Recomputation, Recomputed
from iracdb.runs import registry
from iracdb.runs.names import agree
from iracdb.runs.parameters import Parameters
from iracdb.runs.registry import as_number, as_text
from iracdb.runs.replay import Rules
from iracdb.runs.rows import stored
from iracdb.runs.software import record, this_software
from iracdb.runs.stored_rows import applied_rules, averages_of, images_of

_COPIED = (
    "frame_id", "file_id", "plane", "repeat", "row_number", "file_number", "mjd_obs", "flags",
    "x", "y", "fwhm_x", "fwhm_y", "raw", "background", "link_grade", "link_evidence",
)  # fmt: skip
_MADE = (
    "array_location_factor", "pixel_phase_factor", "corrected", "kept", "rejected_by",
    "rejection_bound",
)  # fmt: skip

KEPT_COLUMNS = (*_COPIED, *_MADE)
"""Columns of ``image_result`` that a kept recomputation fills, but for the average's number."""


@dataclass(frozen=True)
class KeptAverage:
    """One average of a kept recomputation with its images, as rows.

    Parameters
    ----------
    average : dict
        By the columns of ``aor_result``, but for its own number and the run's.
    images : list of tuple
        In the order of `KEPT_COLUMNS`.
    """

    average: dict[str, Any]
    images: list[tuple[Any, ...]]


def keep(
    database: Database, again: Recomputation, number: int | None, name: str | None, comment: str
) -> int:
    """Keep a recomputation as a run.

    Parameters
    ----------
    database : Database
        Open for writing.
    again : Recomputation
        To be kept.
    number, name : optional
        Of the new run.
    comment : str
        Why.

    Returns
    -------
    int
        Its number.

    Raises
    ------
    RunRefused
        Where the number or the name is taken.
    """
    owned, lawful = agree(number, name)
    with database.write() as connection:
        parent = registry.find(connection, again.run_id)
        run_id = owned or registry.next_free(connection)
        run_name = lawful or f"run{run_id}"
        _check_free(connection, run_id, run_name)
        averages = averages_of(connection, parent.run_id, unlisted=True)
        images = images_of(connection, parent.run_id)
        _store_run_row(connection, parent, again, averages[0], run_id, run_name, comment)
        for kept in kept_rows(parent, again, averages, images):
            _store_average(connection, run_id, kept)
        registry.close(connection, run_id)
        record_activity(connection, "recompute", parent.run_id, f"kept as run {run_id}")
    return run_id


def _check_free(connection: Connection, number: int, name: str) -> None:
    taken = connection.execute(
        select(t.run.c.run_id, t.run.c.name).where(
            (t.run.c.run_id == number) | (t.run.c.name_key == name.lower())
        )
    ).first()
    if taken is not None:
        raise RunRefused(
            f"Number {number} or the name {name} is taken by run {taken.run_id} ({taken.name}). "
            f"The next free number is {registry.next_free(connection)}"
        )


def _store_run_row(
    connection: Connection,
    parent: Any,
    again: Recomputation,
    average: Any,
    run_id: int,
    name: str,
    comment: str,
) -> None:
    parameters = kept_parameters(parent, again.recipe, average)
    connection.execute(
        insert(t.run).values(
            run_id=run_id,
            uuid=str(uuid.uuid4()),
            name=name,
            name_key=name.lower(),
            origin="executed",
            state="running",
            recipe=again.recipe,
            channel=parent.channel,
            kind=parent.kind,
            layout=parent.layout,
            command=f"iracdb recompute {parent.name} --recipe {again.recipe} --as {run_id}",
            parameters=parameters.values,
            parameters_digest=parameters.digest,
            software_id=record(connection, this_software()),
            parent_run_id=parent.run_id,
            response_id=registry.calibration_of(connection, NATIVE),
            operator=operator(),
            host=host(),
            comment=comment,
            started_at=now(),
        )
    )
    connection.execute(
        insert(t.run_parameter),
        [
            {"run_id": run_id, "name": key, "value": as_text(value), "number": as_number(value)}
            for key, value in parameters.values.items()
        ],
    )


def kept_parameters(parent: Any, recipe: str, average: Any) -> Parameters:
    """Take the parent's parameters, and what a recomputation applies in place of its gaps.

    Parameters
    ----------
    parent : Row
        Of the table ``run``: the imported run.
    recipe : {'manual', 'published-2018'}
        By which it is recomputed.
    average : Row
        Any of its averages.

    Returns
    -------
    iracdb.runs.parameters.Parameters
        Of the kept run.
    """
    rules = applied_rules(parent, average, recipe)
    return Parameters(
        {
            **Parameters.recorded(parent.parameters).values,
            "recipe": recipe,
            "recipe_version": 1,
            "aperture_correction": rules.aperture_correction,
            "pixel_size": rules.pixel_size,
            "aperture_correction_from": "recomputed",
            "pixel_size_from": "recomputed",
            "engine": NATIVE.name,
            "response": rules.tables,
            "pixel_phase": True,
            "array_location": True,
            "response_coefficients": NATIVE.coefficients_digest(),
            "rejection": rules.rejection,
            "pairing": rules.pairing,
        }
    )


def kept_rows(
    parent: Any, again: Recomputation, averages: Sequence[Any], images: dict[int, list[Any]]
) -> Iterator[KeptAverage]:
    """Make the rows of a kept recomputation.

    Parameters
    ----------
    parent : Row
        Of the table ``run``: the imported run.
    again : Recomputation
        Of it.
    averages : sequence of Row
        All of the parent's: see `iracdb.runs.stored_rows.averages_of`.
    images : dict
        The parent's, by average.

    Yields
    ------
    KeptAverage
        In the order of the averages.
    """
    rows = {row.aor_result_id: row for row in again.rows}
    for average in averages:
        # An AOR without a row in the published table has images all the same, and no flux.
        row, mine = rows.get(average.id), images.get(average.id, [])
        rules = applied_rules(parent, average, again.recipe)
        yield KeptAverage(
            _average_again(average, rules, row, len(mine)),
            [
                (*(getattr(image, name) for name in _COPIED), *_made_again(row, index))
                for index, image in enumerate(mine)
            ],
        )


def _average_again(
    average: Any, rules: Rules, row: Recomputed | None, images: int
) -> dict[str, Any]:
    values = {
        column.name: getattr(average, column.name)
        for column in t.aor_result.columns
        if column.name not in ("id", "run_id")
    }
    if row is None:
        return values
    mean, flux = row.again.mean, stored(row.again.mean.flux)
    return values | {
        "state": "empty" if flux is None else "measured",
        "reason": None if flux is not None else "no image with a flux",
        "n_total": images,
        "n_workable": mean.n_workable,
        "n_rejected": mean.n_rejected,
        "aperture_correction": rules.aperture_correction,
        "pixel_size": rules.pixel_size,
        "flux": flux,
        "error": stored(mean.error),
        "standard_error": stored(mean.standard_error),
    }


def _store_average(connection: Connection, run_id: int, kept: KeptAverage) -> None:
    values = {**kept.average, "run_id": run_id}
    made = insert(t.aor_result).values(**values).returning(t.aor_result.c.id)
    number = int(connection.execute(made).scalar_one())
    columns = ("aor_result_id", *KEPT_COLUMNS)
    insert_rows(connection, t.image_result, columns, ((number, *image) for image in kept.images))


def _made_again(row: Recomputed | None, index: int) -> tuple[Any, ...]:
    if row is None:
        return None, None, None, False, None, None
    again = row.again
    return (
        stored(float(again.array_location[index])),
        stored(float(again.pixel_phase[index])),
        stored(float(again.corrected[index])),
        bool(again.mean.kept[index]),
        str(again.mean.rejected_by[index]) or None,
        stored(float(again.mean.bound[index])),
    )
