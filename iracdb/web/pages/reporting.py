"""The report of a run: one file to be kept, never a page of this site."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from iracdb.web.asked import catalogue_of, run_of, whole, word


def report(request: Request) -> Response:
    """Give the report of a run as a file; ``?against=14`` compares it with another run."""
    from iracdb.report.html import page_html
    from iracdb.report.page import gather_page

    found = run_of(request)
    against = whole(request, "against") if word(request, "against") else None
    with request.app.state.figure_turns.turn():
        text = page_html(gather_page(catalogue_of(request)._database, found.run_id, against))
    # It has its own script: saved it may run that, shown here it would be part of this site.
    name = f'attachment; filename="{found.name}_report.html"'
    return HTMLResponse(text, headers={"Content-Disposition": name})
