"""The runs' own rows: numbers and names given out, declared, found again, closed."""

from __future__ import annotations

import uuid
from typing import Any

from sqlalchemy import Connection, Row, func, insert, or_, select, update

from iracdb.catalogue import tables as t
from iracdb.catalogue import views
from iracdb.catalogue.activity import host, operator
from iracdb.catalogue.bulk import insert_rows
from iracdb.catalogue.clock import now
from iracdb.catalogue.once import find_or_insert
from iracdb.errors import Busy, NotFound, RunRefused
from iracdb.irac.aperture_corrections import TABLES
from iracdb.photometry.response import Response
from iracdb.runs.digested import digest_of_run
from iracdb.runs.names import LARGEST, agree, number_of
from iracdb.runs.parameters import Parameters
from iracdb.runs.plan import Plan
from iracdb.runs.recipes import recipe_named
from iracdb.runs.request import Request
from iracdb.runs.software import record, this_software
from iracdb.runs.target_lists import FromList

run = t.run

FIRST_IMPORTED = 1001
"""Imported runs without a number of their own count from here."""


def next_free(connection: Connection) -> int:
    """Tell the number that a run without one would get.

    Parameters
    ----------
    connection : sqlalchemy.Connection
        To a catalogue.

    Returns
    -------
    int
        One more than the largest below the imported runs' numbers.
    """
    largest = connection.execute(
        select(func.max(run.c.run_id)).where(run.c.run_id < FIRST_IMPORTED - 1)
    ).scalar_one()
    number = (largest or 0) + 1
    held = connection.execute(select(run.c.run_id, run.c.name_key)).all()
    taken = {row.run_id for row in held} | {number_of(row.name_key) for row in held}
    while number in taken:
        number += 1
    return number


def find(connection: Connection, which: int | str) -> Row[Any]:
    """Find a run by number or name.

    Parameters
    ----------
    connection : sqlalchemy.Connection
        To a catalogue.
    which : int or str
        A number, or a name whatever its case, or a number as text.

    Returns
    -------
    Row
        Of the table ``run``.

    Raises
    ------
    NotFound
        Where there is none; the message lists some that are.
    """
    text = str(which).strip()
    if text.isascii() and text.isdigit():
        condition = run.c.run_id == int(text) if int(text) <= LARGEST else run.c.run_id == -1
    else:
        condition = run.c.name_key == text.lower()
    row = connection.execute(select(run).where(condition)).one_or_none()
    if row is not None:
        return row
    held = connection.execute(select(run.c.name).order_by(run.c.run_id).limit(10)).scalars().all()
    shown = f"there is {', '.join(held)}" if held else "there are none yet"
    raise NotFound(f"There is no run {text}: {shown} (iracdb runs)")


def find_to_continue(connection: Connection, request: Request) -> Row[Any] | None:
    """Find the run that a request names, if there is one already.

    Parameters
    ----------
    connection : sqlalchemy.Connection
        To a catalogue.
    request : Request
        What was asked.

    Returns
    -------
    Row or None
        None where the number and name are free, or neither was given.

    Raises
    ------
    RunRefused
        Where number and name are those of different runs.
    """
    number, name = agree(request.run_id, request.name)
    conditions = []
    if number is not None:
        conditions.append(run.c.run_id == number)
    if name is not None:
        conditions.append(run.c.name_key == name.lower())
    if not conditions:
        return None
    rows = connection.execute(select(run).where(or_(*conditions))).all()
    if len(rows) > 1:
        raise RunRefused(f"Run {number} and the name {name} are those of different runs")
    if not rows:
        return None
    row = rows[0]
    if request.name is not None and row.name_key != request.name.lower():
        raise RunRefused(f"Run {row.run_id} is called {row.name}, not {request.name}")
    if number is not None and row.run_id != number:
        raise RunRefused(f"The name {name} is taken by run {row.run_id}")
    return row


def unfinished_like(connection: Connection, parameters: Parameters) -> Row[Any] | None:
    """Find an unfinished run with the same parameters, begun with this very software.

    Parameters
    ----------
    connection : sqlalchemy.Connection
        To a catalogue.
    parameters : Parameters
        As applied.

    Returns
    -------
    Row or None
        The latest; None where there is none.
    """
    return connection.execute(
        select(run)
        .join(t.software, t.software.c.id == run.c.software_id)
        .where(
            run.c.state == "running",
            run.c.parameters_digest == parameters.digest,
            t.software.c.digest == this_software().digest,
            # A run of a study goes on with its study, or when it is named.
            run.c.run_id.not_in(select(t.study_run.c.run_id)),
        )
        .order_by(run.c.run_id.desc())
        .limit(1)
    ).one_or_none()


def number_and_name(connection: Connection, request: Request) -> tuple[int, str]:
    """Give a new run its number and name.

    Parameters
    ----------
    connection : sqlalchemy.Connection
        To a catalogue.
    request : Request
        What was asked.

    Returns
    -------
    tuple
        Both free when looked at.
    """
    number, name = agree(request.run_id, request.name)
    if number is None:
        number = next_free(connection)
    return number, name or f"run{number}"


def declare(connection: Connection, number: int, name: str, request: Request, plan: Plan) -> None:
    """Note a new run and every file that it will read, before anything is measured.

    Parameters
    ----------
    connection : sqlalchemy.Connection
        In a transaction that may write.
    number : int
        The run's number.
    name : str
        The run's name.
    request : Request
        What was asked.
    plan : Plan
        What will be done.

    Raises
    ------
    Busy
        Where another process has taken the number or the name meanwhile.
    """
    taken = select(run.c.run_id).where(or_(run.c.run_id == number, run.c.name_key == name.lower()))
    if connection.execute(taken).first() is not None:
        raise Busy(f"Another process has just taken run {number} ({name}): try again")
    parameters = plan.parameters
    connection.execute(
        insert(run).values(
            run_id=number,
            uuid=str(uuid.uuid4()),
            name=name,
            name_key=name.lower(),
            origin="executed",
            state="running",
            recipe=parameters["recipe"],
            channel=parameters["channel"],
            kind=parameters["kind"],
            layout=recipe_named(parameters["recipe"]).layout,
            command=request.command,
            parameters_typed=request.typed(),
            parameters=parameters.values,
            parameters_digest=parameters.digest,
            aors=list(plan.aors),
            inputs_digest=plan.inputs_digest,
            software_id=record(connection, this_software()),
            response_id=calibration_of(connection, plan.engine),
            target_list_id=_target_list(connection, plan),
            operator=operator(),
            host=host(),
            comment=request.comment,
            started_at=now(),
        )
    )
    connection.execute(
        insert(t.run_parameter),
        [
            {"run_id": number, "name": key, "value": as_text(value), "number": as_number(value)}
            for key, value in parameters.values.items()
        ],
    )
    _note_aperture_table(connection, parameters)
    if plan.warnings:
        connection.execute(
            insert(t.run_warning),
            [
                {"run_id": number, "position": position, "sentence": sentence}
                for position, sentence in enumerate(plan.warnings, start=1)
            ],
        )
    insert_rows(
        connection, t.run_input, ("run_id", "file_id", "role", "position"),
        ((number, file.file_id, role, position) for role, position, file in plan.declared),
    )  # fmt: skip


def as_text(value: Any) -> str | None:
    """Write a parameter's value.

    Parameters
    ----------
    value : object
        Plain.

    Returns
    -------
    str or None
        Floats in the shortest exact form; None for one that was not given.
    """
    return None if value is None else repr(value) if isinstance(value, float) else str(value)


def as_number(value: Any) -> float | None:
    """Tell a parameter's value as a number.

    Parameters
    ----------
    value : object
        Plain.

    Returns
    -------
    float or None
        None where it is none.
    """
    return float(value) if isinstance(value, int | float) else None


def calibration_of(connection: Connection, engine: Response) -> int:
    """Note the response correction that a run applies, once.

    Parameters
    ----------
    connection : sqlalchemy.Connection
        In a transaction that may write.
    engine : Response
        What gives it.

    Returns
    -------
    int
        Its number.
    """
    return find_or_insert(
        connection,
        t.calibration,
        {"sha256": engine.coefficients_digest()},
        {
            "kind": "response",
            "name": engine.calibration,
            "origin": engine.origin,
            "content": engine.coefficients(),
        },
    )


def _note_aperture_table(connection: Connection, parameters: Parameters) -> None:
    """Note the table of aperture corrections that a run takes its own from, once."""
    table = TABLES.get(str(parameters["aperture_correction_from"]).split()[0])
    if table is not None:
        content = {
            mission: [[*radii, *row] for radii, row in rows.items()]
            for mission, rows in table.factors.items()
        }
        find_or_insert(
            connection,
            t.calibration,
            {"sha256": table.sha256},
            {
                "kind": "aperture-correction",
                "name": f"{table.name} {table.version}",
                "origin": table.source,
                "content": content,
            },
        )


def _target_list(connection: Connection, plan: Plan) -> int | None:
    if not isinstance(plan.choice, FromList):
        return None
    rows = [
        [
            aorkey, position.ra, position.dec, position.name, None,
            # Of one that moves also: pm_ra, pm_dec, parallax, epoch.
            *(() if position.motion is None else vars(position.motion).values()),
        ]
        for aorkey, position in plan.choice.rows
    ]  # fmt: skip
    return find_or_insert(
        connection,
        t.target_list,
        {"sha256": plan.choice.sha256},
        {"path": plan.choice.path, "rows": rows},
    )


def close(connection: Connection, run_id: int) -> None:
    """Finish a run: its problem AORs, the digest of its results, its views, its state.

    Parameters
    ----------
    connection : sqlalchemy.Connection
        In a transaction that may write.
    run_id : int
        A run whose results are complete.
    """
    result = t.aor_result.c
    empty = connection.execute(
        select(result.aorkey, result.reason)
        .where(result.run_id == run_id, result.state == "empty")
        .order_by(result.row_number)
    ).all()
    if empty:
        connection.execute(
            insert(t.run_problem),
            [
                {"run_id": run_id, "position": position, "aorkey": row.aorkey, "reason": row.reason}
                for position, row in enumerate(empty, start=1)
            ],
        )
    digest = digest_of_run(connection, find(connection, run_id))
    connection.execute(
        update(run)
        .where(run.c.run_id == run_id)
        .values(state="finished", finished_at=now(), result_digest=digest.sha256)
    )
    views.create_run_views(connection, run_id)
