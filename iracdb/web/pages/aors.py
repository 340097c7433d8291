"""The page of an AOR in a run: its averages, its images and what became of each."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from starlette.requests import Request

from iracdb.errors import NotFound
from iracdb.runs.results import Run
from iracdb.web.asked import catalogue_of, limit, number, run_of, whole
from iracdb.web.reading.aors import facts_of_aor, other_runs, stored_averages
from iracdb.web.reading.averages import list_averages
from iracdb.web.reading.images import list_images
from iracdb.web.reading.steps import MOST, replayed
from iracdb.web.view import Column, Table, View

RUNS = 50
"""Other runs of one page."""


def aor(request: Request) -> View:
    """Show an AOR in a run."""
    catalogue, found, aorkey = catalogue_of(request), run_of(request), number(request, "aorkey")
    size, others_after = limit(request), whole(request, "runs")
    with catalogue._database.read() as connection:
        averages = list_averages(connection, found.run_id, aorkey=aorkey)
        problems = [reason for key, reason in found.problems if key == aorkey]
        if not averages and not problems:
            raise NotFound(f"Run {found.run_id} ({found.name}) has no AOR {aorkey}")
        images = list_images(
            connection, found.run_id, aorkey=aorkey, after=whole(request, "after"), limit=size
        )
        others, more_runs = other_runs(
            connection, found.run_id, aorkey, after=others_after, limit=RUNS
        )
        facts = facts_of_aor(connection, aorkey)
        stored = stored_averages(connection, found.run_id, aorkey)
    notes = _replay(request, found, aorkey, averages, images)
    for row in images:
        row["address"] = f"/run/{found.run_id}/image/{row['row']}"
        named = row["file_id"] is not None
        row["name"] = row["file"] if named else f"frame {row['frame']}"
        row["of"] = f"/file/{row['file_id']}" if named else f"/frame/{row['frame']}"
    more = _next(request, "after", images[-1]["row"]) if size and len(images) == size else None
    title = f"AOR {aorkey} in {found.name}"
    data = {
        "run_id": found.run_id, "run": found.name, "aorkey": aorkey, "averages": averages,
        "problems": problems, "aor": facts, "stored": stored, "others": others, "notes": notes,
    }  # fmt: skip
    columns = _IMAGES if not notes else (*_IMAGES[:2], *_REPLAYED, *_IMAGES[5:])
    return View(
        "aor", title, data, Table(columns, images, f"Images of {title}", more),
        {
            "averages_table": Table(_AVERAGES, averages, f"Averages of {title}"),
            "others_table": Table(
                _OTHERS, others, f"AOR {aorkey} in other runs",
                None if more_runs is None else _next(request, "runs", more_runs),
            ),
        },
    )  # fmt: skip


def _next(request: Request, name: str, value: int) -> str:
    kept = {k: v for k, v in request.query_params.items() if k != name}
    return f"?{urlencode({**kept, name: value})}"


def _replay(
    request: Request, run: Run, aorkey: int, averages: list[Any], images: list[Any]
) -> list[str]:
    """Add what an imported table does not hold: the flux with the response, and each one's fate."""
    if run.row.origin != "imported" or sum(row["images"] or 0 for row in averages) > MOST:
        return []
    catalogue = catalogue_of(request)
    notes: list[str] = []
    for average in dict.fromkeys(row["average"] for row in images):
        made = replayed(catalogue, run.run_id, aorkey, average)
        notes += made.notes
        for row in images:
            if row["average"] == average:
                line = made.by_row[row["row"]]
                row["replayed_flux"], row["replayed_fate"] = line.mjy, line.fate
    return list(dict.fromkeys(notes))


_AVERAGES = (
    Column("row", "Row"), Column("target", "Target"), Column("frame_group", "Frames"),
    Column("flux", "Flux density", "mJy", ".6g"), Column("error", "Error", "mJy", ".3g"),
    Column("standard_error", "Standard error", "mJy", ".3g"),
    Column("spread", "Spread", "%", ".2f"), Column("images", "Images"),
    Column("workable", "Usable"), Column("rejected", "Left out"),
    Column("time", "Time (MJD)", "d", ".5f"), Column("state", "State"),
    Column("reason", "Why empty"), Column("marks", "Marks"),
)  # fmt: skip
_IMAGES = (
    Column("row", "Image", link="address"), Column("name", "File or frame", link="of"),
    Column("flux", "Flux density", "mJy", ".6g"), Column("flux_error", "Error", "mJy", ".2g"),
    Column("fate", "Kept or left out"), Column("time", "Time (MJD)", "d", ".6f"),
    Column("x", "x", "pix", ".3f"), Column("y", "y", "pix", ".3f"),
    Column("sky", "Sky", "MJy/sr", ".4g"), Column("target", "Target"),
    Column("frame_group", "Frames"), Column("plane", "Plane"),
)  # fmt: skip
_REPLAYED = (
    Column("replayed_flux", "Flux density, replayed", "mJy", ".6g"),
    Column("replayed_fate", "Kept or left out, replayed"),
    Column("flux", "Without the response", "mJy", ".6g"),
)  # fmt: skip
_OTHERS = (
    Column("run", "Run", link="address"), Column("target", "Target"),
    Column("channel", "Channel"), Column("frame_group", "Frames"),
    Column("flux", "Flux density", "mJy", ".6g"), Column("error", "Error", "mJy", ".3g"),
    Column("difference", "Less this run's", "mJy", ".3g"), Column("images", "Images"),
    Column("rejected", "Left out"), Column("withdrawn", "Withdrawn"),
)  # fmt: skip
