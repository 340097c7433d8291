"""What drivers say when something is wrong, in the words of this program."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import exc
from sqlalchemy.engine import URL

from iracdb.catalogue.urls import shown
from iracdb.errors import Busy, CannotWrite, CatalogueError, NotOurs, Unreachable


@contextmanager
def plain_errors(url: URL) -> Iterator[None]:
    """Say in one sentence what the driver says in a page.

    Parameters
    ----------
    url : sqlalchemy.engine.URL
        The database, for the message.

    Yields
    ------
    None
        While the database is spoken to.

    Raises
    ------
    CatalogueError, CannotWrite
        In place of the driver's error; one that is a fault of the program passes as it is.
    """
    try:
        yield
    except exc.DBAPIError as problem:
        for told in _and_what_led_to_it(problem):
            translated = translate(told, url)
            if translated is not None:
                raise translated from problem
        raise


def _and_what_led_to_it(problem: BaseException) -> Iterator[exc.DBAPIError]:
    """Follow an error back: a full disk, say, ends the savepoint that is then not found."""
    led: BaseException | None = problem
    while led is not None:
        if isinstance(led, exc.DBAPIError):
            yield led
        led = led.__context__


def translate(problem: exc.DBAPIError, url: URL) -> Exception | None:
    """Find the user's error behind a driver's error.

    Parameters
    ----------
    problem : sqlalchemy.exc.DBAPIError
        What the driver raised.
    url : sqlalchemy.engine.URL
        The database, for the message.

    Returns
    -------
    Exception or None
        None where it is a fault of the program, to be seen as it is.
    """
    where = shown(url)
    said = " ".join(str(problem.orig).split())
    lowered = said.lower()
    table: tuple[tuple[tuple[str, ...], type[CatalogueError] | type[CannotWrite], str], ...] = (
        (
            ("not a database", "image is malformed"),
            NotOurs,
            f"{where} is not an iracdb catalogue: {said}",
        ),
        (
            ("disk is full", "database or disk", "no space left", "disk i/o", "file too large"),
            CannotWrite,
            f"Could not write to {where}: {said}. What was finished before is kept",
        ),
        (
            ("readonly", "read-only", "permission denied", "must be owner"),
            CannotWrite,
            f"No permission to write to {where}: {said}",
        ),
        (
            ("locked", "lock timeout", "busy"),
            Busy,
            f"Another process is writing to {where}: try again when it is done",
        ),
        (
            ("unable to open", "connection failed", "could not connect", "server closed",
             "terminating connection", "connection refused", "connection timeout", "no password",
             "authentication failed", "is closed", "connection is bad",
             "resolve host", "translate host name", "name or service not known",
             "timeout expired", "invalid connection option"),
            Unreachable,
            f"Cannot reach {where}: {said}",
        ),
    )  # fmt: skip
    for marks, kind, message in table:
        if any(mark in lowered for mark in marks):
            return kind(message)
    return None
