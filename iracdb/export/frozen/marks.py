"""What a frozen file says of itself: its mark, and the activity that tells what it holds."""

from __future__ import annotations

import json
from dataclasses import dataclass

from sqlalchemy import Connection, Text, func, select, type_coerce

from iracdb.catalogue import tables as t
from iracdb.catalogue.bulk import insert_rows, reserve_numbers
from iracdb.errors import InputRefused
from iracdb.export.frozen.fingerprints import Fingerprints, of_file
from iracdb.runs.digest import SCHEME as RESULTS

KIND = "freeze"
SCHEME = "iracdb-frozen-1"
"""Name of this way of keeping a run in a file; another way would have another name."""


@dataclass(frozen=True)
class Contents:
    """What a frozen file says that it holds.

    Parameters
    ----------
    run_id : int
        The run's number.
    digests : dict
        Digest of the results of each run, by its uuid.
    tables : dict
        Rows and SHA-256 of each table.
    """

    run_id: int
    digests: dict[str, str]
    tables: Fingerprints


def write_contents(
    connection: Connection, run_id: int, digests: dict[str, str], provenance: str
) -> Contents:
    """Say in a file what it holds: the last row that is written.

    The row tells no time of its own, nobody and no machine, so that freezing the same again gives
    the same bytes: it is dated by the newest thing in the file.

    Parameters
    ----------
    connection : sqlalchemy.Connection
        To the file, in a transaction.
    run_id : int
        The run.
    digests : dict
        Digest of each run's results, by its uuid.
    provenance : str
        Its PROV document, as JSON.

    Returns
    -------
    Contents
        As `read_contents` will find them.
    """
    contents = Contents(run_id, digests, fingerprints(connection))
    newest = _newest(connection)
    (number,) = reserve_numbers(connection, t.activity, 1)
    told = json.dumps(
        {"scheme": SCHEME, "results": RESULTS, "digests": digests, "tables": contents.tables}
    )
    row = {
        "id": number,
        "kind": KIND,
        "run_id": run_id,
        "started_at": newest,
        "ended_at": newest,
        "outcome": "frozen",
        # Put together as text: of a large run, the document as values would fill the memory.
        "detail": f'{told[:-1]}, "prov": {provenance.strip()}}}',
    }
    insert_rows(connection, t.activity, list(row), [list(row.values())])
    return contents


def read_contents(connection: Connection) -> Contents:
    """Read what a file says that it holds.

    Parameters
    ----------
    connection : sqlalchemy.Connection
        To a frozen file.

    Returns
    -------
    Contents
        Not yet compared with what it does hold.

    Raises
    ------
    InputRefused
        Where it does not say, or in a way of a later iracdb.
    """
    columns = t.activity.c
    parts = [
        type_coerce(func.json_extract(type_coerce(columns.detail, Text), f"$.{part}"), Text)
        for part in ("scheme", "results", "digests", "tables")
    ]
    rows = connection.execute(select(columns.run_id, *parts).where(columns.kind == KIND)).all()
    if len(rows) != 1 or None in rows[0]:
        raise InputRefused("it does not say which run it holds")
    run_id, scheme, results, digests, tables = rows[0]
    if (scheme, results) != (SCHEME, RESULTS):
        raise InputRefused(
            f"it was frozen in a way that this iracdb does not know: {scheme}, {results}"
        )
    return Contents(int(run_id), dict(json.loads(digests)), dict(json.loads(tables)))


def fingerprints(connection: Connection) -> Fingerprints:
    """Take the fingerprints of a frozen file's tables.

    Parameters
    ----------
    connection : sqlalchemy.Connection
        To the file.

    Returns
    -------
    dict
        Rows and SHA-256 by table, without what the file says of itself.
    """
    return of_file(connection, lambda name: f"kind <> '{KIND}'" if name == "activity" else "1 = 1")


def _newest(connection: Connection) -> str:
    """Tell when the newest thing in a file was noted."""
    columns = (
        t.run.c.started_at, t.run.c.finished_at, t.run.c.withdrawn_at, t.activity.c.started_at,
        t.activity.c.ended_at, t.file.c.first_seen, t.file_location.c.last_seen,
    )  # fmt: skip
    # The date of a run of 2018 is as its log prints it: it has no Z.
    times = [
        connection.execute(select(func.max(column)).where(column.like("%T%Z"))).scalar_one()
        for column in columns
    ]
    return max((time for time in times if time is not None), default="")
