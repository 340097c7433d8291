"""Files, frames, and what was set aside."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from sqlalchemy import select
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from iracdb.catalogue import tables as t
from iracdb.trace.identity import COLUMNS, frame_label
from iracdb.web.asked import catalogue_of, limit, number, whole, word
from iracdb.web.pages.images import CARDS
from iracdb.web.reading.aors import told_of
from iracdb.web.reading.files import (
    files_of_frames,
    find_file,
    list_files,
    locations_of,
    runs_on_file,
)
from iracdb.web.reading.headers import MOST, cards_like, header_of_file
from iracdb.web.reading.one_image import measured_frame, numbers_of_frame
from iracdb.web.reading.problems import list_problems
from iracdb.web.view import Column, Table, View


def files(request: Request) -> View:
    """Look for files."""
    wanted, size = word(request, "q"), limit(request)
    with catalogue_of(request)._database.read() as connection:
        rows, last = list_files(connection, wanted, after=whole(request, "after"), limit=size)
        held = connection.execute(select(t.file.c.id).limit(1)).first() is not None
    return View(
        "files", "Files", {"q": wanted, "held": held},
        Table(_FILES, rows, "Files", _next(request, after=last)),
    )  # fmt: skip


def file(request: Request) -> View:
    """Show one file: where it lies, its header, what rests on it."""
    which, wanted = number(request, "file"), word(request, "q")
    size = limit(request)
    with catalogue_of(request)._database.read() as connection:
        row = find_file(connection, which)
        header = header_of_file(connection, which)
        cards = [] if header is None else cards_like(header, wanted)
        numbers = numbers_of_frame(connection, row.frame_id)
        images = measured_frame(
            connection, [row.frame_id], after=_after(request), limit=size,
            more=[t.image_result.c.file_id == which],
        )  # fmt: skip
        siblings = [one for one in files_of_frames(connection, numbers) if one["file"] != which]
        data: dict[str, Any] = {
            "file": which, "name": row.name, "q": wanted, "frame": row.frame_id,
            "facts": told_of(t.file, row, ("id", "wcs")), "wcs": row.wcs,
            "locations": locations_of(connection, which), "cards": cards[:MOST],
            "cards_found": len(cards), "runs": runs_on_file(connection, which),
            "siblings": siblings,
        }  # fmt: skip
    return View(
        "file", row.name, data, _images(request, images, f"Images measured on {row.name}", size),
        {
            "locations_table": Table(_LOCATIONS, data["locations"], "Where it was seen"),
            "facts_table": Table(_FACTS, data["facts"], "All that is known of its content"),
            "cards_table": Table(CARDS, data["cards"], "Cards of the header as they are printed"),
            "runs_table": Table(_RUNS, data["runs"], f"Runs that rest on {row.name}"),
            "siblings_table": Table(_FILES, siblings, "Other files of the same frame"),
        },
    )  # fmt: skip


def header_text(request: Request) -> Response:
    """Give a header as it is in the file, a card a line."""
    with catalogue_of(request)._database.read() as connection:
        find_file(connection, which := number(request, "file"))
        header = header_of_file(connection, which)
    if header is None:
        raise HTTPException(404, "No header of this file is held")
    text = b"".join(line + b"\n" for line in header.lines)
    return Response(text, media_type="text/plain; charset=iso-8859-1")


def frame(request: Request) -> View:
    """Show one frame: its files, and the images that measured it."""
    which, size = number(request, "frame"), limit(request)
    with catalogue_of(request)._database.read() as connection:
        numbers = numbers_of_frame(connection, which)
        row = connection.execute(select(t.frame).where(t.frame.c.id == which)).one()
        named = connection.execute(select(*COLUMNS).where(t.frame.c.id == which)).one()
        images = measured_frame(connection, numbers, after=_after(request), limit=size)
        data: dict[str, Any] = {
            "frame": which, "name": frame_label(named), "facts": told_of(t.frame, row),
            "alike": numbers[1:], "files": files_of_frames(connection, numbers),
        }  # fmt: skip
    return View(
        "frame", f"Frame {data['name']}", data,
        _images(request, images, f"Images that measured {data['name']}", size),
        {
            "facts_table": Table(_FACTS, data["facts"], "What is known of it"),
            "files_table": Table(_FILES, data["files"], "Files that show it"),
        },
    )  # fmt: skip


def problems(request: Request) -> View:
    """List the files that were set aside, and why."""
    wanted, settled, size = word(request, "q"), bool(word(request, "settled")), limit(request)
    with catalogue_of(request)._database.read() as connection:
        rows = list_problems(
            connection, wanted, settled=settled, after=word(request, "after"), limit=size
        )
    last = rows[-1]["path"] if size is not None and len(rows) == size else None
    columns = _PROBLEMS if settled else _PROBLEMS[:-1]
    return View(
        "problems", "Files set aside", {"q": wanted, "settled": settled},
        Table(columns, rows, "Files set aside", _next(request, after=last)),
    )  # fmt: skip


def _after(request: Request) -> tuple[int, int]:
    return whole(request, "run"), whole(request, "row")


def _next(request: Request, **names: Any) -> str | None:
    if None in names.values():
        return None
    kept = {k: v for k, v in request.query_params.items() if k not in names}
    return f"?{urlencode({**kept, **names})}"


def _images(request: Request, rows: list[dict[str, Any]], caption: str, size: int | None) -> Table:
    more = None
    if size is not None and len(rows) == size:
        more = _next(request, run=rows[-1]["run_id"], row=rows[-1]["row"])
    return Table(_IMAGES, rows, caption, more)


_FACTS = (Column("name", "Column"), Column("value", "Value"), Column("meaning", "What it is"))
_FILES = (
    Column("name", "Name", link="address"), Column("kind", "Kind"), Column("version", "Version"),
    Column("aorkey", "AOR"), Column("channel", "Channel"), Column("size", "Size", "bytes", ","),
    Column("sha256", "SHA-256"), Column("path", "Where"), Column("present", "There"),
)  # fmt: skip
_LOCATIONS = (
    Column("path", "Path"), Column("present", "There"), Column("size", "Size", "bytes", ","),
    Column("first_seen", "First seen"), Column("last_seen", "Last seen"),
)  # fmt: skip
_RUNS = (
    Column("run_id", "Number"), Column("run", "Run", link="address"),
    Column("roles", "Declared for"), Column("images", "Images measured on it", "", ","),
    Column("withdrawn", "Withdrawn"),
)  # fmt: skip
_IMAGES = (
    Column("run", "Run", link="address"), Column("row", "Image", link="address"),
    Column("aorkey", "AOR"), Column("target", "Target"), Column("plane", "Plane"),
    Column("file", "File"), Column("flux", "Flux density", "mJy", ".6g"),
    Column("fate", "Kept or left out"), Column("withdrawn", "Withdrawn"),
)  # fmt: skip
_PROBLEMS = (
    Column("code", "In one word"), Column("message", "Why"), Column("path", "Path"),
    Column("size", "Size", "bytes", ","), Column("first_seen", "First seen"),
    Column("last_seen", "Last seen"), Column("resolved_at", "Settled"),
)  # fmt: skip
