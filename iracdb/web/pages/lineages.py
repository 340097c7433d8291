"""Where a number comes from, and what rests on a file or a frame: a graph that can be walked."""

from __future__ import annotations

from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any
from urllib.parse import urlencode

from starlette.requests import Request

from iracdb.runs.withdrawal import withdrawn_sentence
from iracdb.trace.graph import IMAGE_COLUMNS, Lineage
from iracdb.web.asked import catalogue_of, limit, number, run_of, whole, word
from iracdb.web.graph import HEIGHT, WIDTH, Drawing, draw
from iracdb.web.reading.lineages import numbers_of, sha256_of
from iracdb.web.view import Column, Table, View


def of_aor(request: Request) -> View:
    """Follow an AOR's averages down to files."""
    run, aorkey = run_of(request), number(request, "aorkey")
    found = catalogue_of(request).lineage(
        run.run_id, aor=aorkey, target=word(request, "target") or None
    )
    # The averages of an AOR are all there is of their kind on the way down.
    centres = [row[0] for row in found.nodes.rows if row[1] == "aor_result"]
    way = [("Runs", "/"), (run.name, f"/run/{run.run_id}"),
           (f"AOR {aorkey}", f"/run/{run.run_id}/aor/{aorkey}")]  # fmt: skip
    title = f"Where the flux of AOR {aorkey} in {run.name} comes from"
    return _view(request, found, title, centres, way)


def of_file(request: Request) -> View:
    """Find all that rests on a file."""
    catalogue, which = catalogue_of(request), number(request, "file")
    with catalogue._database.read() as connection:
        sha256 = sha256_of(connection, which)
    found = catalogue.lineage(file=sha256)
    name = next(one["label"] for one in found.of_kind("file"))
    way = [("Files", "/files"), (name, f"/file/{which}")]
    return _view(request, found, f"What rests on {name}", [f"file:{sha256}"], way)


def of_frame(request: Request) -> View:
    """Find all that rests on a frame."""
    which = number(request, "frame")
    found = catalogue_of(request).lineage(frame=which)
    mine = [one for one in found.of_kind("frame") if one["attributes"]["number"] == which]
    label = (mine or found.of_kind("frame"))[0]["label"]
    way = [("Files", "/files"), (label, f"/frame/{which}")]
    return _view(request, found, f"What rests on {label}", [one["id"] for one in mine], way)


def _view(
    request: Request,
    found: Lineage,
    title: str,
    centres: Sequence[str],
    way: Sequence[tuple[str, str]],
) -> View:
    size, after = limit(request), whole(request, "after")
    end = None if size is None else after + size
    rows = [dict(zip(IMAGE_COLUMNS, row, strict=True)) for row in found.images.rows[after:end]]
    more = None
    if end is not None and end < len(found.ties):
        more = f"?{urlencode({**request.query_params, 'after': end})}"
    data = {"direction": found.direction, "about": found.about, "images": len(found.ties)}
    if request.state.ending != "html":
        columns = tuple(map(Column, IMAGE_COLUMNS))
        return View("lineage", title, {**data, **_told(found)}, Table(columns, rows, "", more))
    nodes = {row[0]: row for row in found.nodes.rows}
    drawing = draw(found, centres)
    drawn = [nodes[box.node] for box in drawing.boxes if box.node in nodes]
    hashes = [row["sha256"] for row in rows if row["sha256"] is not None]
    hashes += [told["sha256"] for _, kind, _, told in drawn if kind == "file"]
    with catalogue_of(request)._database.read() as connection:
        numbers = numbers_of(connection, hashes)
    for row, tie in zip(rows, found.ties[after:end], strict=True):
        row["image_address"] = f"/run/{row['run_id']}/image/{row['image']}"
        row["run_address"] = f"/run/{row['run_id']}"
        row["aor_address"] = f"/run/{row['run_id']}/aor/{row['aorkey']}/lineage"
        row["frame_address"] = f"/frame/{nodes[tie.frame][3]['number']}/lineage"
        row["file_address"] = row["sha256"] and f"/file/{numbers[row['sha256']]}/lineage"
    links = {node: _links(kind, told, numbers) for node, kind, _, told in drawn}
    shown = {
        "way": way, "drawing": drawing, "links": links, "box_width": WIDTH, "box_height": HEIGHT,
        "things": _things(drawing, links), "centres": set(centres),
        "warnings": [
            said for run in found.of_kind("run")
            if (said := withdrawn_sentence(SimpleNamespace(**run["attributes"]))) is not None
        ],
    }  # fmt: skip
    caption = f"{len(found.ties):,} {'image' if len(found.ties) == 1 else 'images'}"
    return View("lineage", title, data, Table(_IMAGE_COLUMNS, rows, caption, more), shown)


def _told(found: Lineage) -> dict[str, Any]:
    return {
        "nodes": [
            {"id": one, "kind": kind, "label": label, "attributes": told}
            for one, kind, label, told in found.nodes.rows
        ],
        "edges": [dict(zip(found.edges.columns, row, strict=True)) for row in found.edges.rows],
    }  # fmt: skip


def _links(kind: str, told: dict[str, Any], numbers: dict[str, int]) -> dict[str, str | None]:
    """Tell where the page of a thing is, and the lineage of which it is the centre."""
    page: str | None = None
    lineage: str | None = None
    if kind == "run":
        page = f"/run/{told['run_id']}"
    elif kind == "aor_result":
        page = f"/run/{told['run_id']}/aor/{told['aorkey']}"
        lineage = f"{page}/lineage"
    elif kind == "image_result":
        page = f"/run/{told['run_id']}/image/{told['row_number']}"
    elif kind == "file":
        page = f"/file/{numbers[told['sha256']]}"
        lineage = f"{page}/lineage"
    elif kind == "frame":
        page = f"/frame/{told['number']}"
        lineage = f"{page}/lineage"
    return {"page": page, "lineage": lineage}


def _things(drawing: Drawing, links: dict[str, dict[str, str | None]]) -> list[dict[str, Any]]:
    """List what is drawn, each with what it came from: the same as the drawing, in words."""
    nowhere: dict[str, str | None] = {"page": None, "lineage": None}
    came_from: dict[str, list[tuple[str, str, int]]] = {}
    for line in drawing.lines:
        came_from.setdefault(line.ends[0], []).append((line.relation, line.earlier, line.times))
    return [
        {"word": box.word, "label": box.label, "came_from": came_from.get(box.node, []),
         **links.get(box.node, nowhere)}
        for box in drawing.boxes
    ]  # fmt: skip


_IMAGE_COLUMNS = (
    Column("run", "Run", link="run_address"), Column("aorkey", "AOR", link="aor_address"),
    Column("target", "Target"), Column("image", "Image", link="image_address"),
    Column("status", "Status"), Column("why", "Why"),
    Column("corrected", "Corrected flux", "MJy/sr pix", ".8g"), Column("through", "Through"),
    Column("frame", "Frame", link="frame_address"), Column("plane", "Plane"),
    Column("mjd_obs", "Time (MJD)", "d", ".6f"), Column("file", "File", link="file_address"),
    Column("version", "Version"), Column("kind", "Kind"), Column("creator", "Pipeline"),
    Column("fluxconv", "FLUXCONV"), Column("link_grade", "Link"), Column("path", "Path"),
)  # fmt: skip
