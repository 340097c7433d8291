"""A target's light curve: one row an image, by time, for those who go on from here."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from astropy.table import Column as TableColumn
from astropy.table import MaskedColumn, QTable
from sqlalchemy import Row

from iracdb import flags
from iracdb.errors import NotFound, RunRefused
from iracdb.irac.zero_points import VEGA
from iracdb.layouts import Column
from iracdb.photometry import units
from iracdb.photometry.combine import to_mjy
from iracdb.runs import lightcurve_columns as columns_
from iracdb.runs.lightcurve_rows import check_one_star, image_rows, target_meant
from iracdb.runs.stamps import middle_of, read_stamps
from iracdb.runs.tables import make_table
from iracdb.runs.withdrawal import withdrawn_sentence

if TYPE_CHECKING:
    from iracdb.runs.results import Run

FloatArray = npt.NDArray[np.float64]
Cells = dict[str, npt.NDArray[Any] | list[Any]]

BY_FILE, BY_ELECTRONS = "uncertainty file", "expected noise"
"""What an error may rest on."""


def light_curve(
    run: Run,
    target: str | None = None,
    *,
    unit: str = "mJy",
    aors: Collection[int] = (),
    kept_only: bool = False,
    stamp: bool = False,
) -> QTable:
    """Make the light curve of one target in a run.

    Parameters
    ----------
    run : Run
        Finished.
    target : str, optional
        Its name; by default the run's only one.
    unit : {'mJy', 'uJy', 'mag', 'electron'}, optional
        Of the flux.
    aors : collection of int, optional
        Only these AORs.
    kept_only : bool, optional
        Only images that the run's averages count.
    stamp : bool, optional
        Add the 5 x 5 pixels around the star, read from the frames.

    Returns
    -------
    astropy.table.QTable
        One row an image, by time, with units, descriptions and UCDs, and in ``meta`` what made
        it. NaN where a value is not known; a column of which nothing is known is left out.

    Raises
    ------
    UsageError
        Where there is no such unit, or the run has several targets and none is named.
    NotFound
        Where the run has no such target, or no image of it as asked.
    InputRefused
        Where the name stands for two stars.
    RunRefused
        Where the run is not finished, or does not tell what is asked of it.
    InputsChanged
        Where stamps are wanted and a frame is not there any more, or is another.
    """
    units.check_unit(unit)
    if run.state != "finished":
        raise RunRefused(
            f"Run {run.run_id} ({run.name}) is not finished: repeat the command that began it"
        )
    names = target_meant(run.targets, target, run.name)
    with run._database.read() as connection:
        rows = image_rows(connection, run.run_id, names, aors)
    if kept_only:
        if rows and all(row.kept is None for row in rows):
            raise RunRefused(f"{run.name} does not tell which images its averages count")
        rows = [row for row in rows if row.kept]
    if not rows:
        raise NotFound(_nothing(run.name, names[0], aors, kept_only))
    notes = [check_one_star(rows, names[0], run.name), withdrawn_sentence(run.row)]
    cells = _cells(rows)
    notes += _add_fluxes(run, rows, cells, unit)
    wanted = [
        *columns_.IDENTITY, *columns_.TIMES, columns_.PRINTED_TIME, *columns_.flux_columns(unit),
        *columns_.MEASURED,
    ]  # fmt: skip
    if all(row.mjd_mid is not None for row in rows):
        wanted.remove(columns_.PRINTED_TIME)
    else:
        notes.append("Some times are as recorded, the start of the exposure (UTC): time_mjd_obs")
    if stamp:
        _add_stamps(run, rows, cells)
        wanted += columns_.stamp_columns()
    shown = [one for one in wanted if one.key in columns_.ALWAYS or _told(cells[one.key])]
    if not any(column.key in ("flux", "flux_uncorrected") for column in shown):
        raise RunRefused(_no_flux(run, names[0], unit))
    said = [note for note in notes if note is not None]
    return _table(shown, cells, run.row.channel, _meta(run, rows, names[0], unit, said))


def _nothing(run_name: str, target: str, aors: Collection[int], kept_only: bool) -> str:
    which = " that its averages count" if kept_only else ""
    where = f" in AOR {', '.join(map(str, sorted(aors)))}" if aors else ""
    return f"{run_name} has no image of {target}{which}{where} (iracdb show {run_name})"


def _no_flux(run: Run, target: str, unit: str) -> str:
    if unit == "electron":
        return (
            f"{run.name} does not tell electrons of {target}: they need GAIN, EXPTIME and FLUXCONV "
            "of the files measured"
        )
    return (
        f"{run.name} has no flux of {target} in {unit}: no image of it is usable, or no aperture "
        f"correction is known (iracdb show {run.name})"
    )


def _array(rows: Sequence[Row[Any]], name: str) -> FloatArray:
    values = [getattr(row, name) for row in rows]
    return np.array([np.nan if value is None else value for value in values], dtype=np.float64)


def _cells(rows: Sequence[Row[Any]]) -> Cells:
    """Take what is shown as it is stored."""
    as_stored = (*columns_.IDENTITY, *columns_.TIMES, columns_.PRINTED_TIME, *columns_.MEASURED)
    return {column.key: [getattr(row, column.key) for row in rows] for column in as_stored}


def _add_fluxes(run: Run, rows: Sequence[Row[Any]], cells: Cells, unit: str) -> list[str]:
    """Add the flux in the unit, its error, and what that rests on; and tell what is not known."""
    calibration = np.array(
        [1.0 if row.calibration_factor is None else row.calibration_factor for row in rows]
    )
    net = (_array(rows, "raw") - _array(rows, "background")) * calibration
    corrected = _array(rows, "corrected")
    factors = _array(rows, "array_location_factor") * _array(rows, "pixel_phase_factor")
    by_file, expected = _array(rows, "net_error"), _array(rows, "expected_noise")
    error = np.where(np.isfinite(by_file), by_file, expected) * calibration / factors
    in_unit = _in_electrons if unit == "electron" else _by_area
    cells["flux"], cells["flux_err"] = in_unit(rows, corrected, error, unit, run.row.channel)
    cells["flux_uncorrected"], _ = in_unit(rows, net, error, unit, run.row.channel)
    has_error = np.isfinite(np.asarray(cells["flux_err"], dtype=np.float64))
    rests_on = np.where(np.isfinite(by_file), BY_FILE, BY_ELECTRONS)
    cells["flux_err_from"] = [
        str(word) if there else None for word, there in zip(rests_on, has_error, strict=True)
    ]
    notes = []
    if not np.isfinite(corrected).any():
        notes.append("The run does not tell its response's factors: flux_uncorrected is without")
    if not has_error.any():
        notes.append("The run tells no errors of single images")
    return notes


def _by_area(
    rows: Sequence[Row[Any]], sums: FloatArray, error: FloatArray, unit: str, channel: int
) -> tuple[FloatArray, FloatArray]:
    """Turn sums into flux densities as the run did, to the last bit, and into the unit."""
    alike: dict[tuple[float | None, float | None, float | None], list[int]] = {}
    for index, row in enumerate(rows):
        factors = (row.aperture_correction, row.pixel_size, row.colour_correction)
        alike.setdefault(factors, []).append(index)
    mjy, mjy_error = np.full((2, len(rows)), np.nan)
    for (correction, size, colour), mine in alike.items():
        if correction is not None and size is not None:
            k = 1.0 if colour is None else colour
            mjy[mine] = to_mjy(sums[mine], correction, size, k)
            mjy_error[mine] = to_mjy(error[mine], correction, size, k)
    return units.from_mjy(mjy, mjy_error, unit, channel)


def _in_electrons(
    rows: Sequence[Row[Any]], sums: FloatArray, error: FloatArray, _unit: str, _channel: int
) -> tuple[FloatArray, FloatArray]:
    """Turn sums back into electrons, in the calibration of their own files."""
    given = np.array([1.0 if r.calibration_factor is None else r.calibration_factor for r in rows])
    cards = {name: _array(rows, name) for name in ("gain", "exposure_time", "fluxconv")}
    return units.from_sums(sums / given, error / given, **cards)


def _add_stamps(run: Run, rows: Sequence[Row[Any]], cells: Cells) -> None:
    if run.row.origin == "imported" or any(row.file_id is None for row in rows):
        raise RunRefused(
            f"{run.name} is of tables, not of frames measured here: it has no pixels for stamps"
        )
    x, y = _array(rows, "x"), _array(rows, "y")
    files, planes = [row.file_id for row in rows], [row.plane for row in rows]
    with run._database.read() as connection:
        stamps = read_stamps(connection, files, planes, (x, y), run.parameters.planes)
    *middle, known = middle_of(x, y)
    for place, along in zip(("stamp_x", "stamp_y"), middle, strict=True):
        cells[place] = [
            int(one) if there else None for one, there in zip(along, known, strict=True)
        ]
    for number in range(stamps.shape[1]):
        cells[f"P{number + 1}"] = stamps[:, number]


def _told(values: npt.NDArray[Any] | list[Any]) -> bool:
    """Tell whether anything is known."""
    if isinstance(values, np.ndarray):
        return bool(np.isfinite(values).any())
    return any(value is not None for value in values)


def _table(shown: Sequence[Column], cells: Cells, channel: int, meta: dict[str, Any]) -> QTable:
    plain = [
        values.tolist() if isinstance(values, np.ndarray) else values
        for values in (cells[column.key] for column in shown)
    ]
    table = make_table(shown, list(zip(*plain, strict=True)), channel, meta)
    if "kept" in table.colnames:
        info = table["kept"].info
        told = [None if value is None else bool(value) for value in cells["kept"]]
        missing = [value is None for value in told]
        truth = np.array([bool(value) for value in told])
        kept = MaskedColumn(truth, mask=missing) if any(missing) else TableColumn(truth)
        kept.info.description, kept.info.meta = info.description, info.meta
        table.replace_column("kept", kept)
    return table


def _meta(
    run: Run, rows: Sequence[Row[Any]], target: str, unit: str, notes: list[str]
) -> dict[str, Any]:
    """Tell what made it: the run with its digests and parameters, and how to read the columns."""
    first, parameters = rows[0], run.parameters
    meta: dict[str, Any] = {
        "run_id": run.run_id,
        "run_name": run.name,
        "run_uuid": run.row.uuid,
        "run_origin": run.row.origin,
        "finished_at": run.row.finished_at,
        "target": target,
        "target_ra": first.target_ra,
        "target_dec": first.target_dec,
        "channel": run.row.channel,
        "recipe": run.row.recipe,
        "recipe_version": parameters.values.get("recipe_version"),
        "unit": unit,
        "unit_means": units.UNITS[unit],
    }
    if unit == "mag":
        meta["zero_point_jy"] = VEGA[run.row.channel]
    errors = {
        BY_FILE if row.net_error is not None else BY_ELECTRONS
        for row in rows
        if row.net_error is not None or row.expected_noise is not None
    }
    return {
        **meta,
        "aperture_correction": _each(rows, "aperture_correction"),
        "pixel_size": _each(rows, "pixel_size"),
        "flux_err_from": ", ".join(sorted(errors)) or "not known",
        "flag_bits": {str(flag.bit): flag.name for flag in flags.FLAGS},
        "results_sha256": run.result_digest,
        "inputs_sha256": run.row.inputs_digest,
        "parameters_sha256": run.row.parameters_digest,
        "parameters": dict(run.row.parameters),
        "warnings": run.warnings,
        "notes": notes,
    }


def _each(rows: Sequence[Row[Any]], name: str) -> str | None:
    """Write what the averages were made with: one number, or each once."""
    values = {getattr(row, name) for row in rows} - {None}
    return ", ".join(f"{value!r}" for value in sorted(values)) or None
