"""What figures are drawn from: a run's images and averages as tables, by time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import astropy.units as u
import numpy as np
import numpy.typing as npt
from astropy.table import Column, MaskedColumn, QTable
from sqlalchemy import Select, func, select

from iracdb.catalogue import tables as t
from iracdb.errors import NotFound
from iracdb.photometry.combine import to_mjy
from iracdb.report.subject import Subject
from iracdb.runs.lightcurve_rows import target_meant

FloatArray = npt.NDArray[np.float64]

_IMAGE, _AVERAGE = t.image_result.c, t.aor_result.c

_OF_IMAGES = {
    "row": _IMAGE.row_number, "aorkey": _AVERAGE.aorkey, "target": _AVERAGE.target_name,
    "frame_group": _AVERAGE.frame_group, "mission": _AVERAGE.mission,
    "read_mode": func.coalesce(t.file.c.read_mode, t.frame.c.read_mode, _AVERAGE.read_mode),
    "expid": t.frame.c.expid, "dcenum": t.frame.c.dcenum, "plane": _IMAGE.plane,
    "flags": _IMAGE.flags, "kept": _IMAGE.kept, "rejected_by": _IMAGE.rejected_by,
}  # fmt: skip
_NUMBERS = {
    "bjd_mid": _IMAGE.bjd_mid, "mjd_mid": _IMAGE.mjd_mid,
    "mjd_obs": func.coalesce(_IMAGE.mjd_obs, t.file.c.mjd_obs, t.frame.c.mjd_obs),
    "x": _IMAGE.x, "y": _IMAGE.y, "x_wcs": _IMAGE.x_wcs, "y_wcs": _IMAGE.y_wcs,
    "fwhm_x": _IMAGE.fwhm_x, "fwhm_y": _IMAGE.fwhm_y, "sky": _IMAGE.sky,
    "pixel_phase_factor": _IMAGE.pixel_phase_factor,
    "array_location_factor": _IMAGE.array_location_factor,
    "raw": _IMAGE.raw, "background": _IMAGE.background, "corrected": _IMAGE.corrected,
    "calibration_factor": _IMAGE.calibration_factor, "net_error": _IMAGE.net_error,
    "expected_noise": _IMAGE.expected_noise, "aperture_correction": _AVERAGE.aperture_correction,
    "pixel_size": _AVERAGE.pixel_size, "colour_correction": _AVERAGE.colour_correction,
}  # fmt: skip
_OF_AVERAGES = {
    "row": _AVERAGE.row_number, "aorkey": _AVERAGE.aorkey, "target": _AVERAGE.target_name,
    "frame_group": _AVERAGE.frame_group, "mission": _AVERAGE.mission, "state": _AVERAGE.state,
    "reason": _AVERAGE.reason, "images": _AVERAGE.n_total, "workable": _AVERAGE.n_workable,
    "rejected": _AVERAGE.n_rejected,
}  # fmt: skip
_AVERAGES_NUMBERS = {
    "bjd_mid": _AVERAGE.bjd_mid, "mjd_mid": _AVERAGE.mjd_mid, "mjd_obs": _AVERAGE.mjd_obs,
    "flux": _AVERAGE.flux, "error": _AVERAGE.error, "standard_error": _AVERAGE.standard_error,
}  # fmt: skip
_UNITS = {
    "time": u.d, "flux": u.mJy, "flux_uncorrected": u.mJy, "flux_err": u.mJy, "error": u.mJy,
    "standard_error": u.mJy, "x": u.pix, "y": u.pix, "x_wcs": u.pix, "y_wcs": u.pix,
    "fwhm_x": u.pix, "fwhm_y": u.pix, "sky": u.MJy / u.sr,
}  # fmt: skip


def images(subject: Subject, title: str) -> QTable:
    """Read the images of a run, of all its targets or of one.

    Parameters
    ----------
    subject : Subject
        Which run, and what of it.
    title : str
        Of the figure that is made of it.

    Returns
    -------
    astropy.table.QTable
        One row an image, by time: row, aorkey, target, frame_group, mission, read_mode, expid,
        dcenum, plane, flags, kept, rejected_by; time (days), flux, flux_uncorrected, flux_err
        (mJy; without the response where its factors are not known), relative, x, y, x_wcs, y_wcs,
        fwhm_x, fwhm_y
        (pixels), sky and both factors. NaN where a value is not known; a column of numbers of
        which none is known is left out. ``meta['time_scale']`` says what time is.

    Raises
    ------
    NotFound
        Where the run has no such target or AOR, or no image of it.
    """
    query = (
        select(*_labelled(_OF_IMAGES), *_labelled(_NUMBERS))
        .select_from(t.image_result)
        .join(t.aor_result, _AVERAGE.id == _IMAGE.aor_result_id)
        .join(t.frame, t.frame.c.id == _IMAGE.frame_id)
        .join(t.file, t.file.c.id == _IMAGE.file_id, isouter=True)
        .order_by(_IMAGE.row_number)
    )
    table, numbers = _read(subject, title, query, _OF_IMAGES, _NUMBERS)
    given = numbers.pop("calibration_factor")
    calibration = np.where(np.isfinite(given), given, 1.0)
    net = (numbers.pop("raw") - numbers.pop("background")) * calibration
    sums = numbers.pop("corrected")
    by_file, expected = numbers.pop("net_error"), numbers.pop("expected_noise")
    factors = numbers["pixel_phase_factor"] * numbers["array_location_factor"]
    error = np.where(np.isfinite(by_file), by_file, expected) * calibration / factors
    correction, size = numbers.pop("aperture_correction"), numbers.pop("pixel_size")
    colour = numbers.pop("colour_correction")
    numbers["flux_uncorrected"] = _in_mjy(net, correction, size, colour)
    flux = _in_mjy(sums, correction, size, colour)
    if not np.isfinite(flux).any():
        table.meta["notes"].append("The run does not tell the response's factors: without them")
        flux = numbers["flux_uncorrected"]
    numbers["flux"], numbers["flux_err"] = flux, _in_mjy(error, correction, size, colour)
    return _finished(table, numbers)


def averages(subject: Subject, title: str) -> QTable:
    """Read the averages of a run, of all its targets or of one.

    Parameters
    ----------
    subject : Subject
        Which run, and what of it.
    title : str
        Of the figure that is made of it.

    Returns
    -------
    astropy.table.QTable
        One row an average, by time: row, aorkey, target, frame_group, mission, state, reason,
        images, workable, rejected; time (days), flux, error, standard_error (mJy) and relative.
        NaN where a value is not known; a column of numbers of which none is known is left out.

    Raises
    ------
    NotFound
        Where the run has no such target or AOR.
    """
    query = select(*_labelled(_OF_AVERAGES), *_labelled(_AVERAGES_NUMBERS)).order_by(
        _AVERAGE.row_number
    )
    return _finished(*_read(subject, title, query, _OF_AVERAGES, _AVERAGES_NUMBERS))


def column(table: QTable, name: str) -> FloatArray | None:
    """Give a column as plain numbers.

    Parameters
    ----------
    table : astropy.table.QTable
        From `images` or `averages`, or like them.
    name : str
        Of the column.

    Returns
    -------
    ndarray of float, shape (n,), or None
        NaN where a value is not known; None where there is no such column, or no number in it.
    """
    if name not in table.colnames:
        return None
    values = table[name]
    numbers = np.asarray(getattr(values, "value", values), dtype=np.float64)
    return numbers if np.isfinite(numbers).any() else None


def _labelled(columns: dict[str, Any]) -> list[Any]:
    return [one.label(name) for name, one in columns.items()]


def _read(
    subject: Subject, title: str, query: Select[Any], told: dict[str, Any], numbers: dict[str, Any]
) -> tuple[QTable, dict[str, FloatArray]]:
    run = subject.run
    query = query.where(_AVERAGE.run_id == run.run_id)
    what = run.name
    if subject.target is not None:
        names = target_meant(run.targets, subject.target, run.name)
        query, what = query.where(_AVERAGE.target_name.in_(names)), f"{what} of {names[0]}"
    if subject.aors:
        query = query.where(_AVERAGE.aorkey.in_(subject.aors))
        what += f" in AOR {', '.join(map(str, subject.aors))}"
    with subject.database.read() as connection:
        rows: Sequence[Any] = connection.execute(query).all()
    if not rows:
        raise NotFound(f"Nothing is held in {what} (iracdb show {run.name})")
    columns = dict(zip((*told, *numbers), zip(*rows, strict=True), strict=True))
    arrays = {
        name: np.array([np.nan if one is None else one for one in columns[name]], dtype=np.float64)
        for name in numbers
    }
    table = QTable({name: _told(columns[name]) for name in told}, meta=subject.meta(title))
    _add_time(table, arrays)
    return table, arrays


def _told(values: Sequence[Any]) -> Any:
    """Make a column of what is no measured number; where nothing is known it is masked."""
    missing = [one is None for one in values]
    if not any(missing):
        return Column(list(values))
    known = next((one for one in values if one is not None), "")
    blank = type(known)()
    filled = [blank if one is None else one for one in values]
    return MaskedColumn(filled, mask=missing)


def _add_time(table: QTable, arrays: dict[str, FloatArray]) -> None:
    """Take the best time that all have: seen from the barycentre, else as the telescope had it."""
    scales = {
        "bjd_mid": "BJD (TDB), middle of the exposure",
        "mjd_mid": "MJD (UTC), middle of the exposure",
        "mjd_obs": "MJD (UTC) as recorded",
    }
    times = {name: arrays.pop(name) for name in scales}
    best = "mjd_obs"
    for name, scale in scales.items():
        table.meta["time_scale"] = scale
        if (
            np.isfinite(times[name]).any()
            and not (np.isnan(times[name]) & np.isfinite(times["mjd_obs"])).any()
        ):
            best = name
            break
    table["time"] = times[best]


def _in_mjy(
    sums: FloatArray, correction: FloatArray, size: FloatArray, colour: FloatArray
) -> FloatArray:
    """Turn sums into flux densities; what was made alike goes together, as the run made it."""
    mjy = np.full(len(sums), np.nan)
    k = np.where(np.isfinite(colour), colour, 1.0)
    known = np.isfinite(correction) & np.isfinite(size)
    alike = np.unique(np.column_stack([correction, size, k])[known], axis=0)
    for one in alike.tolist():
        mine = known & (correction == one[0]) & (size == one[1]) & (k == one[2])
        mjy[mine] = to_mjy(sums[mine], *one)
    return mjy


def _finished(table: QTable, numbers: dict[str, FloatArray]) -> QTable:
    """Add what is known of the numbers, and the flux over its median; sort by time."""
    for name, values in numbers.items():
        if np.isfinite(values).any():
            table[name] = values
    if "flux" in table.colnames:
        table["relative"] = _over_median(table)
    for name in set(table.colnames) & set(_UNITS):
        table[name] = table[name] * _UNITS[name]
    return table[np.argsort(table["time"].value, kind="stable")]


def _over_median(table: QTable) -> FloatArray:
    """Divide each flux by the median of its target and kind of frame."""
    flux = np.asarray(table["flux"], dtype=np.float64)
    relative = np.full(len(flux), np.nan)
    kinds = np.array(
        [f"{a}\0{b}" for a, b in zip(table["target"], table["frame_group"], strict=True)]
    )
    for kind in np.unique(kinds):
        mine = (kinds == kind) & np.isfinite(flux)
        if mine.any():
            median = float(np.median(flux[mine]))
            relative[mine] = flux[mine] / median if median else np.nan
    return relative
