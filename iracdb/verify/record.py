"""Whether what is stored of a run still fits the digests that it noted: each a sentence if not."""

from __future__ import annotations

import hashlib
from typing import Any

from sqlalchemy import Connection, select

from iracdb.catalogue import tables as t
from iracdb.errors import InputRefused
from iracdb.runs.digested import digest_of_run
from iracdb.runs.parameters import Parameters
from iracdb.runs.registry import as_text


def faults_of_record(connection: Connection, run: Any) -> list[str]:
    """Find what does not fit in what is stored of a run.

    Parameters
    ----------
    connection : sqlalchemy.Connection
        To a catalogue.
    run : Row
        Of the table ``run``: a finished one.

    Returns
    -------
    list of str
        A sentence for each thing that was changed since it was stored; none where all fits.
    """
    checks = (_parameters, _parameter_rows, _inputs, _problems, _results)
    return [said for check in checks for said in check(connection, run)]


def _parameters(_connection: Connection, run: Any) -> list[str]:
    found = Parameters(dict(run.parameters)).digest
    return _unlike("Its parameters are not those noted", found, run.parameters_digest)


def _parameter_rows(connection: Connection, run: Any) -> list[str]:
    columns = t.run_parameter.c
    rows = connection.execute(
        select(columns.name, columns.value).where(columns.run_id == run.run_id)
    ).all()
    held = {row.name: row.value for row in rows}
    noted = {name: as_text(value) for name, value in run.parameters.items()}
    names = sorted(name for name in held | noted if held.get(name) != noted.get(name))
    return [
        f"The table run_parameter says that {name} is {held.get(name)}, "
        f"the run itself {noted.get(name)}"
        for name in names
    ]


def _inputs(connection: Connection, run: Any) -> list[str]:
    if run.inputs_digest is None:
        return []
    columns = t.run_input.c
    rows = connection.execute(
        select(t.file.c.sha256, columns.role)
        .join(t.run_input, columns.file_id == t.file.c.id)
        .where(columns.run_id == run.run_id)
    ).all()
    lines = sorted(f"{row.sha256} {row.role}\n" for row in rows)
    found = hashlib.sha256("".join(lines).encode()).hexdigest()
    said = _unlike("Its declared files are not those noted", found, run.inputs_digest)
    result = t.aor_result.c
    averaged = select(result.aorkey).where(result.run_id == run.run_id)
    lost = connection.execute(
        select(t.frame.c.aorkey)
        .join(t.file, t.file.c.frame_id == t.frame.c.id)
        .join(t.run_input, columns.file_id == t.file.c.id)
        .where(columns.run_id == run.run_id, t.frame.c.aorkey.not_in(averaged))
        .distinct()
        .order_by(t.frame.c.aorkey)
    ).scalars()
    return said + [f"AOR {aorkey} has declared files and no average" for aorkey in lost]


def _problems(connection: Connection, run: Any) -> list[str]:
    if run.inputs_digest is None:
        return []  # of an imported table the log's own, and a later link may name an AOR
    result, problem = t.aor_result.c, t.run_problem.c
    empty = connection.execute(
        select(result.aorkey, result.reason)
        .where(result.run_id == run.run_id, result.state == "empty")
        .order_by(result.row_number)
    ).all()
    listed = connection.execute(
        select(problem.aorkey, problem.reason)
        .where(problem.run_id == run.run_id)
        .order_by(problem.position)
    ).all()
    if [tuple(row) for row in empty] == [tuple(row) for row in listed]:
        return []
    return ["Its list of problem AORs is not that of its empty averages"]


def _results(connection: Connection, run: Any) -> list[str]:
    if run.result_digest is None:
        return []
    try:
        found = digest_of_run(connection, run).sha256
    except InputRefused as problem:
        return [f"Its results have no digest: {problem}"]
    return _unlike("Its results are not those noted at its close", found, run.result_digest)


def _unlike(what: str, found: str, noted: str) -> list[str]:
    if found == noted:
        return []
    return [f"{what}: SHA-256 {found[:12]}... now, {noted[:12]}... then"]
