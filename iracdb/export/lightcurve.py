"""A light curve as a file: ECSV or FITS, with what made it, written whole or not at all."""

from __future__ import annotations

import io
import os
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

import astropy.units as u
from astropy.io import fits
from astropy.table import QTable, Table

from iracdb.catalogue.clock import now
from iracdb.errors import CannotWrite, UsageError
from iracdb.export.recording import record_export
from iracdb.export.writing import write_files
from iracdb.runs.results import Run

FORMATS = {"ecsv": ".ecsv", "fits": ".fits"}
"""Formats by name, and the ending of their files."""

_LONGEST = 120
"""Bytes of a target's name in a file's: with the run's and the ending it fits any file system."""

_KEYWORDS = {
    "run_id": ("RUNID", "number of the run"),
    "run_name": ("RUNNAME", "name of the run"),
    "run_uuid": ("RUNUUID", "of the run in every catalogue"),
    "run_origin": ("RUNORIG", "executed or imported"),
    "finished_at": ("RUNDONE", "when the run was finished, UTC"),
    "target": ("TARGET", "name of the target in the run"),
    "target_ra": ("TARGRA", "[deg] ICRS, as measured"),
    "target_dec": ("TARGDEC", "[deg] ICRS, as measured"),
    "channel": ("CHANNEL", "IRAC channel"),
    "recipe": ("RECIPE", "recipe of the run"),
    "recipe_version": ("RECIPEV", "version of the recipe"),
    "unit": ("FLUXUNIT", "unit of flux"),
    "zero_point_jy": ("ZEROPT", "[Jy] of Vega magnitude 0"),
    "aperture_correction": ("APCORR", "factor in flux"),
    "pixel_size": ("PIXSIZE", "[arcsec] in flux"),
    "flux_err_from": ("ERRFROM", "what flux_err rests on"),
    "results_sha256": ("RESDIG", None),
    "inputs_sha256": ("INPDIG", None),
    "parameters_sha256": ("PARDIG", None),
}
"""FITS keywords, and what each says, for what a light curve tells of itself in one value."""


def export_light_curve(
    run: Run,
    target: str | None = None,
    out: str | Path | None = None,
    *,
    folder: str | Path = ".",
    format_name: str | None = None,
    unit: str = "mJy",
    aors: Collection[int] = (),
    kept_only: bool = False,
    stamp: bool = False,
    overwrite: bool = False,
) -> tuple[Path, QTable]:
    """Write the light curve of a target, and note that as an activity.

    Parameters
    ----------
    run : Run
        A finished run.
    target : str, optional
        Its name; by default the run's only one.
    out : path, optional
        The file, or a folder that is there; by default `file_name` in ``folder``.
    folder : path, optional
        Made where it is not there.
    format_name : str, optional
        Of `FORMATS`; by default by the ending of ``out``, else ECSV.
    unit, aors, kept_only, stamp : optional
        As of `iracdb.runs.lightcurve.light_curve`.
    overwrite : bool, optional
        Whether a file that holds something else may be replaced.

    Returns
    -------
    path : Path
        The file written.
    table : astropy.table.QTable
        What it holds.

    Raises
    ------
    IracdbError
        Where there is no such light curve.
    CannotWrite
        Where the file cannot be written, or another is in the way; nothing is half written.
    """
    started_at = now()
    chosen = _format(out, format_name)
    table = run.lightcurve(target, unit=unit, aors=aors, kept_only=kept_only, stamp=stamp)
    name = file_name(run.name, str(table.meta["target"]), chosen)
    path = Path(folder) / name if out is None else Path(out)
    if out is not None and path.is_dir():
        path = path / name
    content = as_bytes(table, chosen)
    if not overwrite and os.path.lexists(path) and not _holds(path, content):
        raise CannotWrite(
            f"{path} is there already and holds something else: name another with --out, or "
            "replace it with --overwrite"
        )
    (written,) = write_files(path.parent, {path.name: content}, overwrite=overwrite)
    record_export(
        run, path.parent, {path.name: content}, formats=[chosen], layout="lightcurve",
        started_at=started_at,
    )  # fmt: skip
    return written, table


def _format(out: str | Path | None, asked: str | None) -> str:
    """Tell the format, and make sure that the file's ending does not say another."""
    ending = "" if out is None else Path(out).suffix.lower()
    by_ending = {".ecsv": "ecsv", ".fits": "fits", ".fit": "fits"}.get(ending)
    chosen = asked or by_ending or "ecsv"
    if chosen not in FORMATS:
        raise UsageError(f"There is no format {chosen!r}: {', '.join(FORMATS)}")
    if by_ending not in (None, chosen):
        raise UsageError(f"{out} is named as {by_ending}, not {chosen}: give --format {by_ending}")
    return chosen


def _holds(path: Path, content: bytes) -> bool:
    try:
        return path.is_file() and path.read_bytes() == content
    except OSError:
        return False


def file_name(run_name: str, target: str, format_name: str) -> str:
    """Tell what the file of a light curve is called.

    Parameters
    ----------
    run_name, target : str
        Their names.
    format_name : str
        Of `FORMATS`.

    Returns
    -------
    str
        Such as ``run13_HD_209458_lightcurve.ecsv``. What is no letter, digit, ``+``, ``-`` or
        ``.`` of the target's name stands as ``_``.
    """
    plain = "".join(one if one.isalnum() or one in "+-." else "_" for one in target)
    # Surrogates, which no file system need take, are no letters: what remains is UTF-8.
    short = plain.encode()[:_LONGEST].decode(errors="ignore")
    return f"{run_name}_{short}_lightcurve{FORMATS[format_name]}"


def as_bytes(table: QTable, format_name: str) -> bytes:
    """Write a light curve in one of the formats.

    Parameters
    ----------
    table : astropy.table.QTable
        From `iracdb.runs.lightcurve.light_curve`.
    format_name : str
        Of `FORMATS`.

    Returns
    -------
    bytes
        The same for the same light curve: no time of writing stands in it.
    """
    if format_name == "ecsv":
        out = io.StringIO()
        table.write(out, format="ascii.ecsv")
        return out.getvalue().encode()
    return _fits(table)


def _fits(table: QTable) -> bytes:
    """Write one binary table, in whose header all keywords are of FITS's eight letters."""
    plain = Table(table, copy=True)
    plain.meta.clear()
    for column in plain.itercols():
        # Electrons are no unit of FITS: FLUXUNIT tells them.
        if column.unit == u.electron:
            column.unit = None
    hdu = fits.table_to_hdu(plain)
    header = hdu.header
    header["EXTNAME"] = "LIGHTCURVE"
    for number, name in enumerate(plain.colnames, start=1):
        info = table[name].info
        header[f"TCOMM{number}"] = _printable(info.description)
        if info.meta and info.meta.get("ucd"):
            header[f"TUCD{number}"] = info.meta["ucd"]
    for key, (keyword, comment) in _KEYWORDS.items():
        value = table.meta.get(key)
        if value is not None:
            header[keyword] = (_printable(value) if isinstance(value, str) else value, comment)
    for line in _comments(table.meta):
        header.add_comment(_printable(line))
    out = io.BytesIO()
    fits.HDUList([fits.PrimaryHDU(), hdu]).writeto(out)
    return out.getvalue()


def _comments(meta: dict[str, Any]) -> Iterator[str]:
    yield f"flux is {meta['unit_means']}"
    yield "RESDIG, INPDIG, PARDIG: SHA-256 of the run's results, inputs and parameters"
    yield from (f"flag bit {bit}: {name}" for bit, name in meta["flag_bits"].items())
    yield from (f"parameter {name} = {value}" for name, value in meta["parameters"].items())
    yield from (f"warning: {sentence}" for sentence in meta["warnings"])
    yield from (f"note: {sentence}" for sentence in meta["notes"])


def _printable(text: str) -> str:
    """Write a text with the printable ASCII that a FITS header may hold."""
    ascii_only = text.encode("ascii", "backslashreplace").decode()
    return "".join(one if one.isprintable() else f"\\x{ord(one):02x}" for one in ascii_only)
