"""Who does what, where: the agent of an activity."""

from __future__ import annotations

import getpass
import socket
from typing import Any

from sqlalchemy import Connection, insert

from iracdb.catalogue.clock import now
from iracdb.catalogue.tables import activity


def operator() -> str | None:
    """Tell who runs this program.

    Returns
    -------
    str or None
        None where the machine knows no name for the user, as in some containers.
    """
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return None


def host() -> str:
    """Tell the machine's name.

    Returns
    -------
    str
        As it calls itself.
    """
    return socket.gethostname()


def record_activity(
    connection: Connection,
    kind: str,
    run_id: int,
    outcome: str,
    *,
    started_at: str | None = None,
    detail: Any = None,
) -> None:
    """Note what was done to a run.

    Parameters
    ----------
    connection : sqlalchemy.Connection
        In a transaction that may write.
    kind : str
        Such as ``relink``.
    run_id : int
        The run.
    outcome : str
        What came of it.
    started_at : str, optional
        When it began; by default now.
    detail : object, optional
        The rest, as plain values.
    """
    ended = now()
    connection.execute(
        insert(activity).values(
            kind=kind,
            run_id=run_id,
            started_at=started_at or ended,
            ended_at=ended,
            operator=operator(),
            host=host(),
            outcome=outcome,
            detail=detail,
        )
    )
