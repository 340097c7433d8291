"""The application: which address is answered by what, and how errors look."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles

from iracdb.api import Catalogue
from iracdb.errors import CatalogueError, IracdbError, NotFound, QueryRefused
from iracdb.web import html
from iracdb.web.addresses import PAGES, Page
from iracdb.web.guard import Guard, Guarded
from iracdb.web.pictures import no_pictures
from iracdb.web.reading.glances import no_glances
from iracdb.web.turns import figure_turns, sql_turns
from iracdb.web.view import View, csv_text, json_text

Answer = Callable[[Request], Any]


def application(catalogue: Catalogue, guard: Guard, **settings: Any) -> Starlette:
    """Make the application over a catalogue.

    Parameters
    ----------
    catalogue : Catalogue
        Open.
    guard : Guard
        Whom it lets in.
    **settings
        What pages ask of ``request.app.state``: ``sql_role``, and where they are not to be as
        usual ``pictures``, ``glances``, ``sql_turns`` and ``figure_turns``.

    Returns
    -------
    starlette.applications.Starlette
        Answers GET and HEAD.
    """
    routes: list[BaseRoute] = [
        Mount("/static", StaticFiles(packages=[("iracdb.web", "static")]), name="static")
    ]
    for one in PAGES:
        routes += _routes(one)
    app = Starlette(
        routes=routes,
        middleware=[Middleware(Guarded, guard=guard)],
        exception_handlers={
            IracdbError: _refused,  # type: ignore[dict-item]
            HTTPException: _not_there,  # type: ignore[dict-item]
        },
    )
    app.state.catalogue = catalogue
    app.state.pictures, app.state.glances = no_pictures(), no_glances()
    app.state.sql_turns, app.state.figure_turns = sql_turns(), figure_turns()
    for name, value in settings.items():
        setattr(app.state, name, value)
    return app


def _routes(page: Page) -> list[BaseRoute]:
    """Answer an address, and what is said of it with an ending.

    Endings come first: ``/run/13.json`` is not the run called ``13.json``.
    """
    endings = [*(() if page.raw else ("json", "csv")), "html"]
    made: list[BaseRoute] = []
    for ending in endings:
        path = page.path if ending == "html" else f"{page.json_path}.{ending}"
        made.append(Route(path, _endpoint(page, ending), methods=["GET"]))
    return made


def _endpoint(page: Page, ending: str) -> Answer:
    async def answer(request: Request) -> Response:
        request.state.ending = ending
        # Databases and figures make one wait: others are answered meanwhile.
        made = await run_in_threadpool(page.function, request)
        if isinstance(made, Response):
            return made
        return _response(request, made, ending)

    return answer


def _response(request: Request, view: View, ending: str) -> Response:
    if ending == "json":
        return Response(json_text(view), view.status, media_type="application/json")
    if ending == "csv":
        if view.table is None:
            raise HTTPException(404, "This page has no table")
        return PlainTextResponse(
            csv_text(view.table), view.status, media_type="text/csv; charset=utf-8"
        )
    text = html.page(view, request.url.path, request.url.query)
    return HTMLResponse(text, view.status)


def _refused(request: Request, problem: IracdbError) -> Response:
    """Say what is wrong, as the command line would."""
    # QueryRefused is an error of the catalogue, too, but it is the query that is wrong.
    ours = isinstance(problem, CatalogueError) and not isinstance(problem, QueryRefused)
    status = 404 if isinstance(problem, NotFound) else 503 if ours else 400
    return _problem(request, status, problem.message, problem.code)


def _not_there(request: Request, problem: HTTPException) -> Response:
    if problem.status_code == 404 and request.url.path.endswith("/") and request.url.path != "/":
        return RedirectResponse("/" + request.url.path.strip("/"), status_code=308)
    said = problem.detail if problem.detail != "Not Found" else "There is no such page"
    code = "server-busy" if problem.status_code == 503 else "no-such-page"
    answer = _problem(request, problem.status_code, said, code)
    answer.headers.update(problem.headers or {})
    return answer


def _problem(request: Request, status: int, message: str, code: str) -> Response:
    ending = getattr(request.state, "ending", "html")
    view = View("problem", "Not to be shown", {"message": message, "code": code}, status=status)
    return _response(request, view, "json" if ending == "csv" else ending)
