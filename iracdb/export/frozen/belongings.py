"""What belongs to some runs: their rows, and the rows of all that explains them.

A run is explained by the runs that it was made from, by its frames, AORs, files with headers and
places, targets, calibrations and software, by the studies that it stands in and by what was done to
it. What was written of it elsewhere (exports, frozen files) does not explain it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

from sqlalchemy import Connection, Row, Select, select, union

from iracdb.catalogue import tables as t
from iracdb.export.frozen.streams import batches, in_order, stored_columns, stream

LEFT_BEHIND = ("export", "freeze")
"""Kinds of activity that tell of files elsewhere."""

_ORDER: dict[str, tuple[str, ...]] = {
    # Without a name for it, a frame without even a time has nothing but its number.
    "frame": ("channel", "aorkey", "expid", "dcenum", "mjd_obs", "id"),
    "file": ("sha256",),
    "target": ("identity",),
    "target_list": ("sha256",),
    "calibration": ("sha256",),
    "software": ("digest",),
    "study": ("name",),
    "aor_result": ("run_id", "row_number"),
    "activity": ("started_at", "id"),
    "run_input": ("run_id", "position", "role"),
    "study_run": ("run_id", "position", "label", "study_id"),
}
"""By what the rows of tables are sorted whose keys are numbers of the catalogue's own."""


def with_parents(connection: Connection, run_id: int) -> list[int]:
    """List a run and the runs that it was made from.

    Parameters
    ----------
    connection : sqlalchemy.Connection
        To a catalogue.
    run_id : int
        The run.

    Returns
    -------
    list of int
        The first of them first, the run itself last.
    """
    chain: list[int] = []
    number: int | None = run_id
    while number is not None and number not in chain:
        chain.append(number)
        number = connection.execute(
            select(t.run.c.parent_run_id).where(t.run.c.run_id == number)
        ).scalar_one()
    return chain[::-1]


def rows_of(connection: Connection, table: Any, runs: Sequence[int]) -> Iterator[Row[Any]]:
    """Read the rows of a table that belong to some runs.

    Parameters
    ----------
    connection : sqlalchemy.Connection
        To a catalogue, in a transaction.
    table : sqlalchemy.Table
        Any but ``file_problem``, whose rows belong to no run.
    runs : sequence of int
        Numbers of runs.

    Yields
    ------
    Row
        With the columns of `streams.stored_columns`, in an order that depends on what the rows
        are and not on their numbers.
    """
    columns = stored_columns(connection, table)
    if table is t.aor:
        for keys in batches(_aorkeys(connection, runs)):
            yield from connection.execute(
                select(*columns).where(t.aor.c.aorkey.in_(keys)).order_by(t.aor.c.aorkey)
            )
        return
    if table is t.run:
        for number in runs:
            yield connection.execute(select(*columns).where(t.run.c.run_id == number)).one()
        return
    query = _belonging(select(*columns), table, runs)
    yield from stream(connection, query.order_by(*in_order(connection, _sorted_by(table))))


def _sorted_by(table: Any) -> list[Any]:
    if table is t.image_result:
        image = t.image_result.c
        return [t.aor_result.c.run_id, image.row_number, image.plane, image.repeat, image.frame_id]
    if table is t.header:
        return [t.file.c.sha256]
    if table.name in _ORDER:
        return [table.c[name] for name in _ORDER[table.name]]
    return list(table.primary_key.columns)


def _belonging(query: Select[Any], table: Any, runs: Sequence[int]) -> Select[Any]:
    """Ask for the rows that belong to runs."""
    result, file_ids = t.aor_result.c, _file_ids(runs)
    if table is t.image_result:
        return query.join(t.aor_result, result.id == table.c.aor_result_id).where(
            result.run_id.in_(runs)
        )
    if table is t.header:
        return query.join(t.file, t.file.c.id == table.c.file_id).where(
            table.c.file_id.in_(file_ids)
        )
    if table is t.activity:
        return query.where(table.c.run_id.in_(runs), table.c.kind.not_in(LEFT_BEHIND))
    if "run_id" in table.c:
        return query.where(table.c.run_id.in_(runs))
    of_runs = t.run.c.run_id.in_(runs)
    return {
        "frame": lambda: query.where(table.c.id.in_(_frame_ids(runs))),
        "file": lambda: query.where(table.c.id.in_(file_ids)),
        "file_location": lambda: query.where(table.c.file_id.in_(file_ids)),
        "target": lambda: query.where(
            table.c.id.in_(select(result.target_id).where(result.run_id.in_(runs)))
        ),
        "target_list": lambda: query.where(
            table.c.id.in_(select(t.run.c.target_list_id).where(of_runs))
        ),
        "calibration": lambda: query.where(
            table.c.id.in_(select(t.run.c.response_id).where(of_runs))
        ),
        "software": lambda: query.where(table.c.id.in_(select(t.run.c.software_id).where(of_runs))),
        "study": lambda: query.where(
            table.c.id.in_(select(t.study_run.c.study_id).where(t.study_run.c.run_id.in_(runs)))
        ),
    }[table.name]()


def _images(column: Any, runs: Sequence[int]) -> Select[Any]:
    return (
        select(column)
        .join(t.aor_result, t.aor_result.c.id == t.image_result.c.aor_result_id)
        .where(t.aor_result.c.run_id.in_(runs))
    )


def _file_ids(runs: Sequence[int]) -> Any:
    declared = select(t.run_input.c.file_id).where(t.run_input.c.run_id.in_(runs))
    measured = t.image_result.c.file_id
    return union(declared, _images(measured, runs).where(measured.is_not(None)))


def _frame_ids(runs: Sequence[int]) -> Any:
    shown = select(t.file.c.frame_id).where(t.file.c.id.in_(_file_ids(runs)))
    return union(_images(t.image_result.c.frame_id, runs), shown)


def _aorkeys(connection: Connection, runs: Sequence[int]) -> list[int]:
    """List the AORs that rows of some runs speak of, with results or without."""
    spoken = union(
        select(t.frame.c.aorkey).where(
            t.frame.c.id.in_(_frame_ids(runs)), t.frame.c.aorkey.is_not(None)
        ),
        select(t.aor_result.c.aorkey).where(t.aor_result.c.run_id.in_(runs)),
        select(t.run_problem.c.aorkey).where(t.run_problem.c.run_id.in_(runs)),
    )
    keys = set(connection.execute(spoken).scalars())
    asked = connection.execute(
        select(*(stored_columns(connection, t.run))).where(t.run.c.run_id.in_(runs))
    )
    for row in asked:
        keys |= set(json.loads(row.aors or "null") or ())
    return sorted(keys)
