"""Images of a run, a stretch at a time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, func, select

from iracdb.catalogue import tables as t
from iracdb.flags import DECIDING, decode
from iracdb.photometry.combine import to_mjy

_AVERAGE, _IMAGE = t.aor_result.c, t.image_result.c


def list_images(
    connection: Connection,
    run_id: int,
    *,
    aorkey: int,
    after: int = 0,
    limit: int | None = None,
) -> list[dict[str, Any]]:
    """List the images of an AOR in a run, in the order of its image table.

    Parameters
    ----------
    connection : sqlalchemy.Connection
        To a catalogue.
    run_id, aorkey : int
        The run and the AOR.
    after : int, optional
        Row after which they begin.
    limit : int, optional
        How many; by default all.

    Returns
    -------
    list of dict
        As of `images_where`.
    """
    of_aor = averages_of(connection, run_id, aorkey)
    conditions = [_IMAGE.aor_result_id.in_(of_aor), _IMAGE.row_number > after]
    return images_where(connection, conditions, [_IMAGE.row_number], limit) if of_aor else []


def averages_of(connection: Connection, run_id: int, aorkey: int) -> list[int]:
    """Tell the numbers of an AOR's averages in a run.

    Parameters
    ----------
    connection : sqlalchemy.Connection
        To a catalogue.
    run_id, aorkey : int
        The run and the AOR.

    Returns
    -------
    list of int
        Images are found by them at once, on either database and in whatever parts they lie.
    """
    query = select(_AVERAGE.id).where(_AVERAGE.run_id == run_id, _AVERAGE.aorkey == aorkey)
    return list(connection.execute(query).scalars())


def images_where(
    connection: Connection,
    conditions: Sequence[ColumnElement[bool]],
    order: Sequence[Any],
    limit: int | None = None,
) -> list[dict[str, Any]]:
    """List the images that some conditions pick.

    Parameters
    ----------
    connection : sqlalchemy.Connection
        To a catalogue.
    conditions : sequence of sqlalchemy.ColumnElement
        On images and averages; at least one must be on what images have an index on.
    order : sequence of columns
        By what they are sorted.
    limit : int, optional
        How many; by default all.

    Returns
    -------
    list of dict
        run_id, row, average, aorkey, target, frame_group, frame, file_id, file, plane, time (MJD),
        x, y (pixels), sky (MJy/sr), flux and flux_error (mJy; without the response where its
        factors are not known), flux_uncorrected (mJy, without the response), corrected (whether
        the factors are known), kept, rejected_by, rejection_bound (mJy), flags, fate (in words).
    """
    query = (
        select(
            _AVERAGE.run_id, _IMAGE.row_number.label("row"), _AVERAGE.row_number.label("average"),
            _AVERAGE.aorkey, _AVERAGE.target_name.label("target"), _AVERAGE.frame_group,
            _IMAGE.frame_id.label("frame"), _IMAGE.file_id, t.file.c.name.label("file"),
            _IMAGE.plane, func.coalesce(_IMAGE.mjd_mid, _IMAGE.mjd_obs).label("time"),
            _IMAGE.x, _IMAGE.y, _IMAGE.sky, _IMAGE.raw, _IMAGE.background, _IMAGE.corrected,
            _IMAGE.calibration_factor, _IMAGE.net_error, _IMAGE.expected_noise,
            _IMAGE.array_location_factor, _IMAGE.pixel_phase_factor,
            _AVERAGE.aperture_correction, _AVERAGE.pixel_size, _AVERAGE.colour_correction,
            _IMAGE.kept, _IMAGE.rejected_by, _IMAGE.rejection_bound, _IMAGE.flags,
        )
        .select_from(t.image_result)
        .join(t.aor_result, _AVERAGE.id == _IMAGE.aor_result_id)
        .join(t.file, t.file.c.id == _IMAGE.file_id, isouter=True)
        .where(*conditions)
        .order_by(*order)
        .limit(limit)
    )  # fmt: skip
    return [_in_mjy(dict(row._mapping)) for row in connection.execute(query)]


_ONLY_FOR_MJY = (
    "raw", "background", "calibration_factor", "net_error", "expected_noise",
    "array_location_factor", "pixel_phase_factor", "aperture_correction", "pixel_size",
    "colour_correction",
)  # fmt: skip


def _in_mjy(row: dict[str, Any]) -> dict[str, Any]:
    """Tell flux and error of a row as flux densities, and its fate in words."""
    given = {name: row.pop(name) for name in _ONLY_FOR_MJY}
    calibration = 1.0 if given["calibration_factor"] is None else given["calibration_factor"]
    corrected, error, net = row["corrected"], given["net_error"], None
    row["corrected"] = corrected is not None
    if given["raw"] is not None and given["background"] is not None:
        net = (given["raw"] - given["background"]) * calibration
    error = given["expected_noise"] if error is None else error
    factors = [given["array_location_factor"], given["pixel_phase_factor"]]
    if error is not None:
        error = None if None in factors else error * calibration / (factors[0] * factors[1])
    known = given["aperture_correction"] is not None and given["pixel_size"] is not None
    k = 1.0 if given["colour_correction"] is None else given["colour_correction"]
    sums = net if corrected is None else corrected
    for name, value in (("flux", sums), ("flux_error", error), ("flux_uncorrected", net)):
        row[name] = (
            float(to_mjy(value, given["aperture_correction"], given["pixel_size"], k))
            if known and value is not None
            else None
        )
    row["fate"] = fate(row["flags"], row["kept"], row["rejected_by"], row["rejection_bound"])
    return row


def fate(flags: int, kept: bool | None, rejected_by: str | None, bound: float | None) -> str:
    """Tell what became of an image in its average, and why.

    Parameters
    ----------
    flags : int
        Its quality flags.
    kept : bool or None
        Whether it counts; None where that is not known.
    rejected_by : str or None
        The bound that left it out.
    bound : float or None
        Where that lies, mJy.

    Returns
    -------
    str
        A few words.
    """
    deciding = decode(flags & DECIDING)
    if deciding:
        return f"no flux: {', '.join(one.replace('_', ' ') for one in deciding)}"
    if kept is None:
        return "not told"
    if kept:
        return "kept"
    if rejected_by is None:
        return "no flux"
    return f"left out by {rejected_by}" + ("" if bound is None else f", the bound {bound:.6g} mJy")
