"""The figures of a run: a page for each, and the files themselves."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from sqlalchemy import func, select
from starlette.requests import Request
from starlette.responses import Response

from iracdb.catalogue import tables as t
from iracdb.errors import NotFound, UsageError
from iracdb.report.drawing import gather, picture, table_text
from iracdb.report.registry import Figure, figure_named
from iracdb.report.subject import Subject
from iracdb.runs.results import Run
from iracdb.web.asked import catalogue_of, run_of, whole, word
from iracdb.web.html import written
from iracdb.web.kept import Kept
from iracdb.web.pictures import is_held, key_by_numbers, key_by_runs
from iracdb.web.view import View

SMALL = 5_000
"""Images of a run up to which its page tells what its figure does not draw: reading takes time."""

_TYPES = {
    "png": "image/png", "svg": "image/svg+xml", "pdf": "application/pdf",
    "ecsv": "text/plain; charset=utf-8",
}  # fmt: skip


def figure(request: Request) -> View:
    """Show a figure, what it says, and what else can be asked of it."""
    which, run = _figure(request), run_of(request)
    notes: list[str] = []
    missing, numbers, against = None, {}, whole(request, "against")
    if which.runs == 2 and not against:
        missing = "This figure is about two runs: say with which one this run is compared."
    elif _images_of(request, run) <= SMALL or whole(request, "image"):
        subject = _subject(request, which, run)
        with request.app.state.figure_turns.turn():
            meta = gather(which, subject).meta
        notes, missing = list(meta.get("notes", ())), meta.get("missing")
        numbers = dict(meta.get("numbers", {}))
    else:
        notes = ["The run is large: what its figures do not draw is told in the table (ECSV)"]
    asked = {name: word(request, name) for name in _OPTIONS}
    query = urlencode({name: value for name, value in asked.items() if value})
    place = f"/run/{run.run_id}/figure/{which.name}"
    files = {ending: f"{place}.{ending}{f'?{query}' if query else ''}" for ending in _TYPES}
    data = {
        "run_id": run.run_id, "run": run.name, "figure": which.name, "sentence": which.sentence,
        "missing": missing, "notes": notes, "numbers": numbers, "files": files, "asked": asked,
    }  # fmt: skip
    return View(
        "figure", f"{run.name}: {which.name}", data,
        shown={"alt": alternative(which, run.name, numbers), "two": which.runs == 2},
    )  # fmt: skip


def png(request: Request) -> Response:
    """Give a figure as PNG."""
    return _file(request, "png")


def svg(request: Request) -> Response:
    """Give a figure as SVG."""
    return _file(request, "svg")


def pdf(request: Request) -> Response:
    """Give a figure as PDF."""
    return _file(request, "pdf")


def ecsv(request: Request) -> Response:
    """Give the table of what a figure shows."""
    return _file(request, "ecsv")


def alternative(which: Figure, run: str, numbers: dict[str, Any]) -> str:
    """Say in words what a figure shows.

    Parameters
    ----------
    which : Figure
        The figure.
    run : str
        The run's name.
    numbers : dict
        What it draws as a number, by what that is.

    Returns
    -------
    str
        For who cannot see it.
    """
    told = "; ".join(f"{name}: {written(value, '.6g')}" for name, value in numbers.items())
    return f"{which.sentence}, of {run}" + (f". {told}" if told else "")


_OPTIONS = ("target", "aor", "image", "against", "study")


def _figure(request: Request) -> Figure:
    try:
        return figure_named(request.path_params["name"])
    except UsageError as problem:
        raise NotFound(problem.message) from None


def _subject(request: Request, which: Figure, run: Run) -> Subject:
    runs: tuple[Run, ...] = (run,)
    if which.runs == 2:
        runs = (run, catalogue_of(request).get(whole(request, "against")))
    keys = word(request, "aor").replace(",", " ").split()
    if not all(key.isascii() and key.isdigit() and len(key) <= 18 for key in keys):
        raise UsageError("AORs are asked for by their keys, which are numbers")
    return Subject(
        catalogue_of(request)._database, runs, word(request, "target") or None,
        tuple(map(int, keys)), whole(request, "image") or None, word(request, "study") or None,
    )  # fmt: skip


def _images_of(request: Request, run: Run) -> int:
    columns = t.aor_result.c
    query = select(func.coalesce(func.sum(columns.n_total), 0)).where(columns.run_id == run.run_id)
    with catalogue_of(request)._database.read() as connection:
        return int(connection.execute(query).scalar_one())


def _file(request: Request, ending: str) -> Response:
    which, run = _figure(request), run_of(request)
    key, content = _found(request, which, _subject(request, which, run), ending)
    # A run that goes on, and a file that comes back, change it: it may be kept, but is asked for.
    headers = {"Cache-Control": "no-cache", "ETag": f'"{key}"'}
    if content is None:
        return Response(status_code=304, headers=headers)
    return Response(content, media_type=_TYPES[ending], headers=headers)


def _found(
    request: Request, which: Figure, subject: Subject, ending: str
) -> tuple[str, bytes | None]:
    """Give a file and its key; of one that the browser holds the key alone."""
    kept: Kept[bytes] = request.app.state.pictures
    key = key_by_runs(which, subject, ending, {name: word(request, name) for name in _OPTIONS})
    if key is not None and is_held(request, key):
        return key, None
    content = kept.get(key)
    if key is not None and content is not None:
        return key, content
    with request.app.state.figure_turns.turn():
        # Who waited may have waited for just this.
        content = kept.get(key)
        if key is not None and content is not None:
            return key, content
        return _made(request, which, subject, ending, key)


def _made(
    request: Request, which: Figure, subject: Subject, ending: str, key: str | None
) -> tuple[str, bytes | None]:
    kept: Kept[bytes] = request.app.state.pictures
    table = gather(which, subject)
    numbers = table_text(table) if key is None or ending == "ecsv" else b""
    if key is None:
        key = key_by_numbers(which, ending, numbers)
        if is_held(request, key):
            return key, None
    content = kept.get(key)
    if content is None:
        content = numbers if ending == "ecsv" else picture(which, table, ending)
        kept.put(key, content)
    return key, content
