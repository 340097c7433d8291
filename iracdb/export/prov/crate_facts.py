"""What an RO-Crate tells of a run, read from the catalogue."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, select

from iracdb.catalogue import tables as t
from iracdb.export.prov.inputs import file_rows
from iracdb.export.prov.run_part import moment


def facts_of(connection: Connection, run: Any, license_: str | None) -> dict[str, Any]:
    """Read what is told of a run.

    Parameters
    ----------
    connection : sqlalchemy.Connection
        To a catalogue.
    run : Row
        Of the table ``run``.
    license_ : str or None
        As stated by whoever makes the crate.

    Returns
    -------
    dict
        Rows and texts by name; None for what is not known.
    """
    made_here = run.origin == "executed"
    return {
        "run": run,
        "license": license_,
        "operator": run.operator,
        "host": run.host,
        "description": run.comment or "Photometry of stars in frames of Spitzer's camera IRAC.",
        "date": _date(connection, run),
        "software": _row(connection, t.software, "id", run.software_id),
        "response": _row(connection, t.calibration, "id", run.response_id),
        "targets": _row(connection, t.target_list, "id", run.target_list_id),
        "files": list(file_rows(connection, run.run_id)) if made_here else [],
    }


def _row(connection: Connection, table: Any, key: str, value: int | None) -> Any:
    if value is None:
        return None
    return connection.execute(select(table).where(table.c[key] == value)).one()


def _date(connection: Connection, run: Any) -> str:
    """Tell on which day the results came to be; else on which they came into the catalogue."""
    when = moment(run.finished_at)
    if when is None:
        columns = t.activity.c
        first = select(columns.started_at).where(columns.run_id == run.run_id)
        when = moment(connection.execute(first.order_by(columns.started_at)).scalars().first())
    if when is None:
        raise ValueError(f"nothing tells when run {run.run_id} was made")
    return when.date().isoformat()
