"""The page of one image: its pixels, its numbers, how its flux came about, who else measured it."""

from __future__ import annotations

import os
from typing import Any

from sqlalchemy import Connection, select
from starlette.requests import Request

from iracdb.catalogue import tables as t
from iracdb.catalogue.file_places import places_of_files
from iracdb.flags import FLAGS
from iracdb.report.registry import FIGURES
from iracdb.runs.results import Run
from iracdb.trace.identity import COLUMNS, frame_label
from iracdb.web.asked import ROWS, catalogue_of, number, run_of, word
from iracdb.web.reading.aors import told_of
from iracdb.web.reading.headers import MOST as MOST_CARDS
from iracdb.web.reading.headers import cards_like, header_of_file
from iracdb.web.reading.images import images_where
from iracdb.web.reading.one_image import (
    compared,
    find_image,
    has_image,
    measured_frame,
    numbers_of_frame,
)
from iracdb.web.reading.steps import MOST, Step, replayed, steps_of
from iracdb.web.view import Column, Table, View


def image(request: Request) -> View:
    """Show one image of a run."""
    catalogue, run, row = catalogue_of(request), run_of(request), number(request, "row")
    wanted = word(request, "q")
    with catalogue._database.read() as connection:
        stored, average = find_image(connection, run, row)
        data = _numbers(connection, run, stored, average)
        data |= _neighbours(connection, run, row, average.aorkey)
        data["others"] = _others(connection, stored, data["image"])
        data["pixels"] = _why_no_pixels(connection, run, stored)
        data["header"] = _header(connection, stored.file_id, wanted)
    steps, notes = _steps(request, run, stored, average)
    flux = steps[-1].value if steps and steps[-1].unit == "mJy" else None
    data |= {"steps": [one._asdict() for one in steps], "notes": notes, "flux": flux}
    numbers = told_of(t.image_result, stored)
    sizes = [one.size for one in FIGURES if one.name == "frame"]
    return View(
        "image", f"Image {row} of {run.name}", data,
        Table(_NUMBERS, numbers, f"All that is stored of image {row} of {run.name}"),
        {
            "q": wanted, "size": [round(inches * 120) for inches in sizes[0]] if sizes else None,
            "others_table": Table(_OTHERS, data["others"], f"{data['frame']['name']} in any run"),
            "cards_table": Table(
                CARDS, data["header"] or (), "Cards of the header as they are printed"
            ),
        },
    )  # fmt: skip


def _numbers(connection: Connection, run: Run, stored: Any, average: Any) -> dict[str, Any]:
    key = t.image_result.c
    mine = images_where(
        connection,
        [getattr(key, name) == getattr(stored, name) for name in _KEY],
        [key.row_number],
    )[0]
    frame = connection.execute(select(*COLUMNS).where(t.frame.c.id == stored.frame_id)).one()
    return {
        "run_id": run.run_id, "run": run.name, "row": stored.row_number, "image": mine,
        "aorkey": average.aorkey, "target": average.target_name,
        "frame_group": average.frame_group, "average": average.row_number, "fate": mine["fate"],
        "frame": {"number": stored.frame_id, "name": frame_label(frame)},
        "flags": [
            {"name": one.name, "sentence": one.sentence, "advisory": one.advisory}
            for one in FLAGS
            if stored.flags & one.bit
        ],
    }  # fmt: skip


_KEY = ("aor_result_id", "frame_id", "plane", "repeat")


def _neighbours(connection: Connection, run: Run, row: int, aorkey: int) -> dict[str, Any]:
    return {
        "before": row - 1 if has_image(connection, run.run_id, row - 1, aorkey) else None,
        "after": row + 1 if has_image(connection, run.run_id, row + 1, aorkey) else None,
    }


def _others(connection: Connection, stored: Any, mine: dict[str, Any]) -> list[dict[str, Any]]:
    """List who else measured the frame: of a cube the same plane, or the whole of it."""
    image = t.image_result.c
    found = measured_frame(
        connection, numbers_of_frame(connection, stored.frame_id), limit=ROWS,
        more=[image.plane.in_([stored.plane, -1])] if stored.plane >= 0 else (),
    )  # fmt: skip
    others = [one for one in found if (one["run_id"], one["row"]) != (mine["run_id"], mine["row"])]
    for one in others:
        one["difference"], one["compared"] = compared(mine, one)
    return others


def _why_no_pixels(connection: Connection, run: Run, stored: Any) -> str | None:
    """Tell why there is no picture of the frame; None where there is one."""
    if stored.file_id is None:
        return (
            f"{run.name} was imported from tables: which file was measured is not known, "
            "so that there are no pixels to show."
        )
    place = places_of_files(connection, [stored.file_id]).get(stored.file_id)
    if place is None or not os.path.isfile(place.path):
        return "The file that was measured is not where it was: there are no pixels to show."
    if all(one.name != "frame" for one in FIGURES):
        return "There is no figure of a frame in this iracdb."
    return None


def _header(connection: Connection, file: int | None, wanted: str) -> list[dict[str, Any]] | None:
    header = None if file is None else header_of_file(connection, file)
    return None if header is None else cards_like(header, wanted)[:MOST_CARDS]


def _steps(
    request: Request, run: Run, stored: Any, average: Any
) -> tuple[list[Step], tuple[str, ...]]:
    """Tell how the flux came about, with the response of an imported run replayed."""
    numbers = {
        name: getattr(stored, name)
        for name in (
            "raw", "background", "calibration_factor", "array_location_factor",
            "pixel_phase_factor",
        )
    } | {
        name: getattr(average, name)
        for name in ("aperture_correction", "pixel_size", "colour_correction")
    }  # fmt: skip
    if run.row.origin != "imported" or (average.n_total or 0) > MOST:
        return steps_of(numbers, stored.corrected), ()
    catalogue = catalogue_of(request)
    made = replayed(catalogue, run.run_id, average.aorkey, average.row_number)
    line = made.by_row[stored.row_number]
    numbers["array_location_factor"] = line.array_location
    numbers["pixel_phase_factor"] = line.pixel_phase
    fate = f"By these rules the image is {line.fate}" if line.mjy is not None else line.fate
    return steps_of(numbers, line.corrected), (*made.notes, fate)


_NUMBERS = (Column("name", "Column"), Column("value", "Value"), Column("meaning", "What it is"))
CARDS = (
    Column("card", "Card"), Column("keyword", "Keyword"), Column("value", "Value"),
    Column("comment", "Comment"),
)  # fmt: skip
"""What is shown of a header."""
_OTHERS = (
    Column("run", "Run", link="address"), Column("row", "Image", link="address"),
    Column("target", "Target"), Column("plane", "Plane"), Column("file", "File"),
    Column("flux", "Flux density", "mJy", ".6g"),
    Column("difference", "Less this image's", "mJy", ".3g"), Column("compared", "Compared"),
    Column("fate", "Kept or left out"), Column("withdrawn", "Withdrawn"),
)  # fmt: skip
