"""Images of a run, a stretch at a time."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, func, select

from iracdb.catalogue import tables as t
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
        row, average, target, frame_group, frame, file_id, file, plane, time (MJD), x, y (pixels),
        sky (MJy/sr), flux and flux_error (mJy; without the response where its factors are not
        known), corrected (whether they are), kept, rejected_by, flags.
    """
    query = (
        select(
            _IMAGE.row_number.label("row"), _AVERAGE.row_number.label("average"),
            _AVERAGE.target_name.label("target"), _AVERAGE.frame_group,
            _IMAGE.frame_id.label("frame"), _IMAGE.file_id, t.file.c.name.label("file"),
            _IMAGE.plane, func.coalesce(_IMAGE.mjd_mid, _IMAGE.mjd_obs).label("time"),
            _IMAGE.x, _IMAGE.y, _IMAGE.sky, _IMAGE.raw, _IMAGE.background, _IMAGE.corrected,
            _IMAGE.calibration_factor, _IMAGE.net_error, _IMAGE.expected_noise,
            _IMAGE.array_location_factor, _IMAGE.pixel_phase_factor,
            _AVERAGE.aperture_correction, _AVERAGE.pixel_size, _AVERAGE.colour_correction,
            _IMAGE.kept, _IMAGE.rejected_by, _IMAGE.flags,
        )
        .join(t.aor_result, _AVERAGE.id == _IMAGE.aor_result_id)
        .join(t.file, t.file.c.id == _IMAGE.file_id, isouter=True)
        .where(_AVERAGE.run_id == run_id, _AVERAGE.aorkey == aorkey, _IMAGE.row_number > after)
        .order_by(_IMAGE.row_number)
        .limit(limit)
    )  # fmt: skip
    return [_in_mjy(dict(row._mapping)) for row in connection.execute(query)]


_ONLY_FOR_MJY = (
    "raw", "background", "calibration_factor", "net_error", "expected_noise",
    "array_location_factor", "pixel_phase_factor", "aperture_correction", "pixel_size",
    "colour_correction",
)  # fmt: skip


def _in_mjy(row: dict[str, Any]) -> dict[str, Any]:
    """Tell flux and error of a row as flux densities."""
    given = {name: row.pop(name) for name in _ONLY_FOR_MJY}
    calibration = 1.0 if given["calibration_factor"] is None else given["calibration_factor"]
    corrected, error = row["corrected"], given["net_error"]
    row["corrected"] = corrected is not None
    sums = corrected
    if sums is None and given["raw"] is not None and given["background"] is not None:
        sums = (given["raw"] - given["background"]) * calibration
    error = given["expected_noise"] if error is None else error
    factors = [given["array_location_factor"], given["pixel_phase_factor"]]
    if error is not None:
        error = None if None in factors else error * calibration / (factors[0] * factors[1])
    known = given["aperture_correction"] is not None and given["pixel_size"] is not None
    k = 1.0 if given["colour_correction"] is None else given["colour_correction"]
    for name, value in (("flux", sums), ("flux_error", error)):
        row[name] = (
            float(to_mjy(value, given["aperture_correction"], given["pixel_size"], k))
            if known and value is not None
            else None
        )
    return row
