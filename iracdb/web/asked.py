"""What a request asks for: numbers and words of its address, read strictly."""

from __future__ import annotations

from starlette.requests import Request

from iracdb.api import Catalogue
from iracdb.errors import NotFound, UsageError
from iracdb.runs.results import Run

ROWS = 200
"""Rows of one page."""


def catalogue_of(request: Request) -> Catalogue:
    """Give the catalogue that is served.

    Parameters
    ----------
    request : Request
        Any.

    Returns
    -------
    Catalogue
        Open.
    """
    found: Catalogue = request.app.state.catalogue
    return found


def number(request: Request, name: str) -> int:
    """Read a number of the address.

    Parameters
    ----------
    request : Request
        Any.
    name : str
        Of the part of the path.

    Returns
    -------
    int
        The number.

    Raises
    ------
    NotFound
        Where it is none.
    """
    text = str(request.path_params[name])
    if not (text.isascii() and text.isdigit() and len(text) <= 18):
        raise NotFound(f"{text[:40]!r} is no number: addresses here go by numbers")
    return int(text)


def run_of(request: Request, name: str = "run") -> Run:
    """Find the run that an address is about.

    Parameters
    ----------
    request : Request
        Any.
    name : str, optional
        Of the part of the path that holds its number.

    Returns
    -------
    Run
        As it is now.

    Raises
    ------
    NotFound
        Where there is none of that number.
    """
    return catalogue_of(request).get(number(request, name))


def word(request: Request, name: str) -> str:
    """Read a word that was asked for.

    Parameters
    ----------
    request : Request
        Any.
    name : str
        Of the query.

    Returns
    -------
    str
        Without blanks around it; '' where there is none.

    Raises
    ------
    UsageError
        Where it holds what no database can.
    """
    text = (request.query_params.get(name) or "").strip()
    if "\0" in text:
        raise UsageError(f"{name} holds a character that no text has")
    return text


def whole(request: Request, name: str, default: int = 0) -> int:
    """Read a whole number that was asked for.

    Parameters
    ----------
    request : Request
        Any.
    name : str
        Of the query.
    default : int, optional
        Where there is none.

    Returns
    -------
    int
        From 0 on.

    Raises
    ------
    UsageError
        Where it is no such number.
    """
    text = word(request, name)
    if not text:
        return default
    if not (text.isascii() and text.isdigit() and len(text) <= 18):
        raise UsageError(f"{name}={text[:40]} is no whole number")
    return int(text)


def limit(request: Request) -> int | None:
    """Tell how many rows are wanted: a stretch for a page, all for a file.

    Parameters
    ----------
    request : Request
        Any.

    Returns
    -------
    int or None
        None for all.
    """
    return None if request.state.ending == "csv" else ROWS
