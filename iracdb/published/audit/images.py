"""Checks of what single images were: bad pixels, bad frames, and times without a calibration."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sqlalchemy import Connection, case, func, select

from iracdb import flags
from iracdb.catalogue import tables as t
from iracdb.irac.header_marks import UNUSABLE, decode
from iracdb.irac.pipeline_versions import CRYOGEN_OUT, RETIRED_SET_POINTS
from iracdb.published.audit.finding import Finding
from iracdb.published.audit.held import (
    COUNTED,
    averages_with,
    by_whom,
    frames_of_files,
    image,
    images,
    result,
)
from iracdb.published.audit.saying import many


def pixels(connection: Connection, run: Any) -> Iterator[Finding]:
    """Find images with a bad pixel in the source circle, near full well, or without a mask."""
    has = {
        "nan_in_aperture": _has(flags.NAN_IN_APERTURE),
        "fatal_in_aperture": _has(flags.FATAL_IN_APERTURE),
        "saturated": _has(flags.SATURATED) & COUNTED,
        "no_mask": _has(flags.NO_MASK) & COUNTED,
        "left_out_of_annulus": (func.coalesce(image.masked_in_annulus, 0) > 0)
        | (func.coalesce(image.nan_in_annulus, 0) > 0),
    }
    counts = [func.sum(case((told, 1), else_=0)).label(name) for name, told in has.items()]
    wanted = sum((flags.NAN_IN_APERTURE, flags.FATAL_IN_APERTURE, flags.SATURATED, flags.NO_MASK))
    rows = connection.execute(
        select(result.aorkey, func.count().label("images"), *counts)
        .select_from(images(run))
        .group_by(result.row_number, result.aorkey)
        .having(func.sum(case((_has(wanted), 1), else_=0)) > 0)
        .order_by(result.row_number)
    ).all()
    yield from _bad_pixels(run, rows)
    saturated = _sum(rows, "saturated")
    if saturated:
        averages = sum(1 for row in rows if row.saturated)
        yield Finding(
            "saturated", run.run_id, run.name,
            f"{many(saturated, 'image')} with a pixel near full well "
            f"{'counts' if saturated == 1 else 'count'} in {many(averages, 'average')}",
            {"images": saturated, "averages": averages},
            [{"aorkey": row.aorkey, "images": int(row.saturated)} for row in rows if row.saturated],
        )  # fmt: skip
    without = _sum(rows, "no_mask")
    if without:
        yield Finding(
            "no-mask", run.run_id, run.name,
            f"{many(without, 'image')} had no mask: no pixel could be left out for it",
            {"images": without},
            [{"aorkey": row.aorkey, "images": int(row.no_mask)} for row in rows if row.no_mask],
        )  # fmt: skip


def _bad_pixels(run: Any, rows: Any) -> Iterator[Finding]:
    bad = [row for row in rows if row.nan_in_aperture or row.fatal_in_aperture]
    if not bad:
        return
    without, fatal = _sum(bad, "nan_in_aperture"), _sum(bad, "fatal_in_aperture")
    said = []
    if without:
        said.append(f"{many(without, 'image')} for a pixel without a value")
    if fatal:
        said.append(f"{many(fatal, 'image')} for one that the mask marks as fatal")
    annulus = _sum(bad, "left_out_of_annulus")
    yield Finding(
        "bad-pixels", run.run_id, run.name,
        f"left out of {many(len(bad), 'average')}: {' and '.join(said)} in the source circle",
        {"averages": len(bad), "nan_in_aperture": without, "fatal_in_aperture": fatal,
         "left_out_of_annulus": annulus},
        [{"aorkey": row.aorkey, "images": row.images, "nan_in_aperture": int(row.nan_in_aperture),
          "fatal_in_aperture": int(row.fatal_in_aperture),
          "left_out_of_annulus": int(row.left_out_of_annulus)} for row in bad],
    )  # fmt: skip


def marked_headers(connection: Connection, run: Any) -> Iterator[Finding]:
    """Find frames that count though their headers mark them as bad."""
    # The least of a frame's files: one clean file, and it may have been measured.
    bad = func.min(func.coalesce(t.file.c.header_marks, 0).bitwise_and(UNUSABLE)).label("marks")
    frames = frames_of_files(run, bad)
    rows = connection.execute(
        select(frames.c.aorkey, frames.c.marks, func.count().label("frames"))
        .where(frames.c.marks != 0)
        .group_by(frames.c.row_number, frames.c.aorkey, frames.c.marks)
        .order_by(frames.c.row_number, frames.c.marks)
    ).all()
    if rows:
        number = _sum(rows, "frames")
        marks = sorted({name for row in rows for name in decode(row.marks)})
        yield Finding(
            "marked-headers", run.run_id, run.name,
            f"{many(number, 'frame')} marked as bad by {', '.join(marks)}{by_whom(run)}, "
            f"{'was' if number == 1 else 'were'} measured all the same",
            {"frames": number, "aors": len({row.aorkey for row in rows}), "marks": marks},
            [{"aorkey": row.aorkey, "frames": row.frames, "marks": " ".join(decode(row.marks))}
             for row in rows],
        )  # fmt: skip


def transition(connection: Connection, run: Any) -> Iterator[Finding]:
    """Find frames of the months in which the set points were changed."""
    start, end = RETIRED_SET_POINTS
    rows = averages_with(connection, run, COUNTED, image.mjd_obs >= start, image.mjd_obs < end)
    if rows:
        number = _sum(rows, "frames")
        yield Finding(
            "transition", run.run_id, run.name,
            f"{many(number, 'frame')} of 15 May to 18 September 2009, when temperatures and set "
            f"points changed, {'counts' if number == 1 else 'count'} in "
            f"{many(len(rows), 'average')}",
            {"frames": number, "averages": len(rows)},
            [{"aorkey": row.aorkey, "frames": row.frames} for row in rows],
        )  # fmt: skip


def no_cryogen(connection: Connection, run: Any) -> Iterator[Finding]:
    """Find frames of channels 3 and 4 from after the cryogen had run out."""
    if run.channel not in (3, 4):
        return
    rows = averages_with(connection, run, COUNTED, image.mjd_obs >= CRYOGEN_OUT)
    if rows:
        number = _sum(rows, "frames")
        yield Finding(
            "no-cryogen", run.run_id, run.name,
            f"{many(number, 'frame')} of channel {run.channel} in {many(len(rows), 'average')} "
            f"{'is' if number == 1 else 'are'} from after 15 May 2009, when it saw no sky any more",
            {"frames": number, "averages": len(rows)},
            [{"aorkey": row.aorkey, "frames": row.frames} for row in rows],
        )  # fmt: skip


def _has(bits: int) -> Any:
    return image.flags.bitwise_and(bits) != 0


def _sum(rows: Any, name: str) -> int:
    return sum(int(getattr(row, name)) for row in rows)
