"""Pictures that were drawn lately, and what one rests on: what has not changed is not drawn again.

The key of a picture is its ETag, too: a browser that holds it is told so, and nothing is drawn.
"""

from __future__ import annotations

import hashlib
import json
from functools import cache
from importlib.metadata import version
from typing import Any

from sqlalchemy import func, select
from starlette.requests import Request

from iracdb import __version__
from iracdb.catalogue import tables as t
from iracdb.report.registry import Figure
from iracdb.report.subject import Subject
from iracdb.web.kept import Kept

KEPT = 64
"""Pictures that are kept, at the most."""

KEPT_BYTES = 64_000_000
"""Of all that are kept."""

RESTS_ON_MORE = frozenset({"frame", "growth", "lineage"})
"""Figures of what changes beside runs: files that come and go, studies, what was done with a run.
Their numbers are gathered each time, and are what tells whether the picture is the same."""


def no_pictures() -> Kept[bytes]:
    """Give what keeps pictures, with none in it yet.

    Returns
    -------
    Kept
        At most `KEPT`, and `KEPT_BYTES`.
    """
    return Kept(KEPT, KEPT_BYTES, len)


def key_by_runs(which: Figure, subject: Subject, ending: str, query: dict[str, str]) -> str | None:
    """Tell the key of a picture without gathering what it shows.

    Parameters
    ----------
    which : Figure
        The figure.
    subject : Subject
        What it is about.
    ending : str
        Of the file.
    query : dict
        What was asked of it, by name.

    Returns
    -------
    str or None
        None where a run goes on or has no digest, and for figures of `RESTS_ON_MORE`.
    """
    rows = [run.row for run in subject.runs]
    if which.name in RESTS_ON_MORE or any(
        row.state != "finished" or row.result_digest is None for row in rows
    ):
        return None
    # Results never change, but names and marks can; and what is told of frames can with a file that
    # is taken in, a link, an import.
    last = select(
        select(func.max(t.activity.c.id)).scalar_subquery(),
        select(func.max(t.file.c.id)).scalar_subquery(),
    )
    with subject.database.read() as connection:
        done = tuple(connection.execute(last).one())
    told = [
        (row.run_id, row.uuid, row.name, row.result_digest, row.withdrawn_at, row.withdrawn_reason)
        for row in rows
    ]
    return _key(which, ending, told, sorted(query.items()), done)


def key_by_numbers(which: Figure, ending: str, numbers: bytes) -> str:
    """Tell the key of a picture by what it shows.

    Parameters
    ----------
    which : Figure
        The figure.
    ending : str
        Of the file.
    numbers : bytes
        Its table, as ECSV.

    Returns
    -------
    str
        The same for the same numbers.
    """
    return _key(which, ending, hashlib.sha256(numbers).hexdigest())


def is_held(request: Request, key: str) -> bool:
    """Tell whether a browser says that it holds a picture.

    Parameters
    ----------
    request : Request
        For the picture.
    key : str
        Of the picture.

    Returns
    -------
    bool
        Whether If-None-Match names it.
    """
    told = ",".join(request.headers.getlist("if-none-match"))
    return any(one.strip().removeprefix("W/") == f'"{key}"' for one in told.split(","))


def _key(which: Figure, ending: str, *rests_on: Any) -> str:
    told = json.dumps([which.name, ending, _drawn_by(), *rests_on], default=str)
    return hashlib.sha256(told.encode()).hexdigest()[:40]


@cache
def _drawn_by() -> list[str]:
    return [__version__, *(version(name) for name in ("matplotlib", "astropy"))]
