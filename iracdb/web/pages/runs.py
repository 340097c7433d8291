"""The start page, and the page of a run."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from iracdb.errors import UsageError
from iracdb.export.log import log_fields
from iracdb.report.registry import FIGURES
from iracdb.runs.withdrawal import withdrawn_sentence
from iracdb.web.asked import catalogue_of, limit, number, run_of, whole, word
from iracdb.web.reading.averages import curve, list_averages, only_aor
from iracdb.web.reading.glances import SAMPLE
from iracdb.web.reading.held import held_in_short
from iracdb.web.reading.runs import SORTS, list_runs
from iracdb.web.view import Column, Table, View

RUNS = 50
"""Runs of one page."""


def start(request: Request) -> View:
    """Show the runs: filtered, sorted, a page of them."""
    catalogue = catalogue_of(request)
    asked: dict[str, Any] = {
        "wanted": word(request, "q"), "channel": whole(request, "channel"),
        "withdrawn": bool(word(request, "withdrawn")),
    }  # fmt: skip
    given = word(request, "sort") or "number"
    sort, backwards = given.removeprefix("-"), given.startswith("-")
    if sort not in SORTS:
        raise UsageError(f"Runs are sorted by {', '.join(SORTS)}, not by {sort[:40]!r}")
    page = max(1, whole(request, "page", 1))
    size = None if limit(request) is None else RUNS
    with catalogue._database.read() as connection:
        total, rows = list_runs(
            connection, request.app.state.glances, **asked, sort=sort, backwards=backwards,
            offset=(page - 1) * (size or 0), limit=size,
        )  # fmt: skip
        held = held_in_short(connection)
    for row in rows:
        row["address"] = f"/run/{row['run_id']}"
    query = {name: value for name, value in request.query_params.items() if name != "page"}
    more = f"?{urlencode({**query, 'page': page + 1})}" if size and page * size < total else None
    return View(
        "start", "Runs",
        {"total": total, "held": held},
        Table(_RUN_COLUMNS, rows, "Runs", more),
        {"asked": asked, "sort": given, "sorts": list(SORTS), "filtered": bool(query),
         "sampled": any(row["sampled"] for row in rows), "sample": SAMPLE},
    )  # fmt: skip


def run(request: Request) -> View | Response:
    """Show one run: what it is, its light curve, its averages."""
    elsewhere = by_its_number(request)
    if elsewhere is not None:
        return elsewhere
    found = run_of(request)
    aor_filter = whole(request, "aor")
    with catalogue_of(request)._database.read() as connection:
        rows = list_averages(
            connection, found.run_id, after=whole(request, "after"), limit=limit(request),
            aorkey=aor_filter, wanted=word(request, "q"),
        )  # fmt: skip
        alone = only_aor(connection, found.run_id)
    for row in rows:
        row["address"] = f"/run/{found.run_id}/aor/{row['aorkey']}"
    size, more = limit(request), None
    if size is not None and len(rows) == size:
        kept = {k: v for k, v in request.query_params.items() if k != "after"}
        more = f"?{urlencode({**kept, 'after': rows[-1]['row']})}"
    data = {
        "run_id": found.run_id, "name": found.name, "uuid": found.row.uuid, "state": found.state,
        "origin": found.row.origin, "channel": found.row.channel, "recipe": found.row.recipe,
        "result_digest": found.row.result_digest, "withdrawn": withdrawn_sentence(found.row),
        "parameters": dict(found.row.parameters or {}),
        "log": dict(log_fields(found, as_noted=True)), "warnings": found.warnings,
        "problems": [{"aorkey": key, "reason": reason} for key, reason in found.problems],
    }  # fmt: skip
    return View(
        "run", f"{found.name}: run {found.run_id}", data,
        Table(_AVERAGE_COLUMNS, rows, f"Averages of {found.name}", more),
        {"figures": [one for one in FIGURES if one.runs == 1], "wanted": word(request, "q"),
         "curve_of": f"?aor={alone}" if alone else ""},
    )  # fmt: skip


def by_its_number(request: Request) -> Response | None:
    """Lead from a run's name to its number, by which its pages go.

    Parameters
    ----------
    request : Request
        For the page of a run.

    Returns
    -------
    Response or None
        None where the address has a number.
    """
    name = str(request.path_params["run"])
    if name.isascii() and name.isdigit():
        return None
    address = f"/run/{catalogue_of(request).get(name).run_id}"
    ending, query = request.state.ending, request.url.query
    address += "" if ending == "html" else f".{ending}"
    return RedirectResponse(f"{address}?{query}" if query else address)


def lightcurve(request: Request) -> View:
    """Give the points of a run's interactive light curve: its averages, or an AOR's images."""
    found = run_of(request)
    aorkey = whole(request, "aor")
    with catalogue_of(request)._database.read() as connection:
        made = curve(connection, found.run_id, aorkey)
    table = Table(
        _POINT_COLUMNS, made["points"], f"Light curve of {found.name}",
    )  # fmt: skip
    where = f", AOR {aorkey}" if aorkey else ""
    return View(
        "table", f"Light curve of {found.name}{where}",
        {"run_id": found.run_id, **{k: v for k, v in made.items() if k != "points"}}, table,
        {"back": f"/run/{number(request, 'run')}"},
    )  # fmt: skip


_RUN_COLUMNS = (
    Column("run_id", "Run"), Column("name", "Name", link="address"), Column("target", "Target"),
    Column("channel", "Channel"), Column("radius", "Radii", "pix"), Column("aors", "AORs"),
    Column("median_flux", "Median flux", "mJy", ".6g"), Column("spread", "Spread", "%", ".2f"),
    Column("recipe", "Recipe"), Column("state", "State"), Column("finished_at", "Finished"),
    Column("comment", "Comment"),
)  # fmt: skip
_POINT_COLUMNS = (
    Column("time", "Time (MJD)", "d", ".6f"),
    Column("flux", "Flux density", "mJy", ".6g", "address"), Column("error", "Error", "mJy", ".2g"),
    Column("relative", "Over the median", "", ".6f"),
    Column("kept", "Kept"), Column("target", "Target"), Column("label", "Of"),
)  # fmt: skip
_AVERAGE_COLUMNS = (
    Column("row", "Row"), Column("aorkey", "AOR", link="address"), Column("target", "Target"),
    Column("frame_group", "Frames"), Column("flux", "Flux density", "mJy", ".6g"),
    Column("error", "Error", "mJy", ".3g"), Column("spread", "Spread", "%", ".2f"),
    Column("images", "Images"), Column("workable", "Usable"), Column("rejected", "Left out"),
    Column("time", "Time (MJD)", "d", ".5f"), Column("reason", "Why empty"),
)  # fmt: skip
