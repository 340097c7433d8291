"""The frames in the words of ObsCore 1.1 (IVOA Recommendation, 9 May 2017): a view and its columns.

A row is a data product: the content of one science file, by its hash. All products of one exposure
share ``obs_id``. What the catalogue does not know is NULL.
"""

# ruff: noqa: S608 (the SQL is put together from words of our own)
from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from iracdb.catalogue.footprint import centre_sql, extent_sql, region_sql
from iracdb.irac.handbook import CHANNELS, LAST_CRYOGENIC_MJD, SUBARRAY_PLANES
from iracdb.irac.names import KINDS

NAME = "ivoa_obscore"
"""Of the view: the standard's ``ivoa.obscore``, without a schema of its own."""

BANDS: dict[int, tuple[float, float]] = {
    1: (3.551, 0.750),
    2: (4.493, 1.010),
    3: (5.730, 1.420),
    4: (7.873, 2.930),
}
"""Effective wavelength and bandwidth by channel, micrometres (IRAC Instrument Handbook, table of
the channels' characteristics)."""

RESOLUTION: dict[int, tuple[float, float | None]] = {
    1: (1.66, 1.95),
    2: (1.72, 2.02),
    3: (1.88, None),
    4: (1.98, None),
}
"""Mean width at half maximum of a point source by channel, arcsec, in the cryogenic and in the warm
mission (IRAC Instrument Handbook, table of the image quality)."""

DataType = Literal["char", "int", "long", "double"]


@dataclass(frozen=True)
class ObsCoreColumn:
    """A mandatory column of ObsCore.

    Parameters
    ----------
    name : str
        As the standard spells it.
    datatype : {'char', 'int', 'long', 'double'}
        In VOTable's words; ``char`` is text of any length.
    unit : str or None
        VOUnit.
    ucd : str
        UCD1+.
    utype : str
        In ObsCore's own data model.
    sentence : str
        What it holds here.
    """

    name: str
    datatype: DataType
    unit: str | None
    ucd: str
    utype: str
    sentence: str


_SPACE = "Char.SpatialAxis"
_TIME = "Char.TimeAxis"
_WAVE = "Char.SpectralAxis"

_MANDATORY: tuple[tuple[str, DataType, str | None, str, str, str], ...] = (
    ("dataproduct_type", "char", None, "meta.code.class", "ObsDataset.dataProductType",
     "image, or cube for the planes of a subarray."),
    ("calib_level", "int", None, "meta.code;obs.calib", "ObsDataset.calibLevel",
     "2: calibrated, without the instrument's signature."),
    ("obs_collection", "char", None, "meta.id", "DataID.collection", "Spitzer/IRAC."),
    ("obs_id", "char", None, "meta.id", "DataID.observationID",
     "The exposure: the archive's file name without version and kind."),
    ("obs_publisher_did", "char", None, "meta.ref.ivoid", "Curation.publisherDID",
     "The file's content by its SHA-256, as in PROV documents; no registered IVOA name."),
    ("access_url", "char", None, "meta.ref.url", "Access.reference",
     "Where the file lies, as last seen; NULL where it has gone."),
    ("access_format", "char", None, "meta.code.mime", "Access.format", "image/fits."),
    ("access_estsize", "long", "kbyte", "phys.size;meta.file", "Access.size",
     "The file's size, rounded up."),
    ("target_name", "char", None, "meta.id;src", "Target.name", "OBJECT of the header."),
    ("s_ra", "double", "deg", "pos.eq.ra",
     f"{_SPACE}.Coverage.Location.Coord.Position2D.Value2.C1",
     "Right ascension of the array's centre, ICRS, by the header's WCS."),
    ("s_dec", "double", "deg", "pos.eq.dec",
     f"{_SPACE}.Coverage.Location.Coord.Position2D.Value2.C2",
     "Declination of the array's centre, ICRS, by the header's WCS."),
    ("s_fov", "double", "deg", "phys.angSize;instr.fov",
     f"{_SPACE}.Coverage.Bounds.Extent.diameter",
     "Diameter of the circle around the array's corners."),
    ("s_region", "char", None, "pos.outline;obs.field", f"{_SPACE}.Coverage.Support.Area",
     "The array's outline, by the header's WCS with its distortion."),
    ("s_resolution", "double", "arcsec", "pos.angResolution",
     f"{_SPACE}.Resolution.Refval.value", "Mean width of a point source at half maximum."),
    ("s_xel1", "long", None, "meta.number", f"{_SPACE}.numBins1", "NAXIS1."),
    ("s_xel2", "long", None, "meta.number", f"{_SPACE}.numBins2", "NAXIS2."),
    ("t_min", "double", "d", "time.start;obs.exposure",
     f"{_TIME}.Coverage.Bounds.Limits.StartTime", "MJD_OBS, UTC."),
    ("t_max", "double", "d", "time.end;obs.exposure",
     f"{_TIME}.Coverage.Bounds.Limits.StopTime",
     "MJD_OBS and FRAMTIME; 64 times FRAMTIME for a subarray."),
    ("t_exptime", "double", "s", "time.duration;obs.exposure",
     f"{_TIME}.Coverage.Support.Extent", "EXPTIME; 64 times EXPTIME for a subarray."),
    ("t_resolution", "double", "s", "time.resolution", f"{_TIME}.Resolution.Refval.value",
     "FRAMTIME of a cube's planes; of an image, its exposure time."),
    ("t_xel", "long", None, "meta.number", f"{_TIME}.numBins",
     "Planes of a cube; 1 of an image."),
    ("em_min", "double", "m", "em.wl;stat.min", f"{_WAVE}.Coverage.Bounds.Limits.LoLimit",
     "Effective wavelength less half the bandwidth."),
    ("em_max", "double", "m", "em.wl;stat.max", f"{_WAVE}.Coverage.Bounds.Limits.HiLimit",
     "Effective wavelength and half the bandwidth."),
    ("em_res_power", "double", None, "spect.resolution",
     f"{_WAVE}.Resolution.ResolPower.refVal", "Effective wavelength over bandwidth."),
    ("em_xel", "long", None, "meta.number", f"{_WAVE}.numBins", "1: one band."),
    ("o_ucd", "char", None, "meta.ucd", "Char.ObservableAxis.ucd",
     "phot.flux.density.sb for pixels in MJy/sr."),
    ("pol_states", "char", None, "meta.code;phys.polarization",
     "Char.PolarizationAxis.stateList", "NULL: not measured."),
    ("pol_xel", "long", None, "meta.number", "Char.PolarizationAxis.numBins",
     "0: not measured."),
    ("facility_name", "char", None, "meta.id;instr.tel", "Provenance.ObsConfig.Facility.name",
     "Spitzer."),
    ("instrument_name", "char", None, "meta.id;instr", "Provenance.ObsConfig.Instrument.name",
     "IRAC."),
)  # fmt: skip

COLUMNS: tuple[ObsCoreColumn, ...] = tuple(
    ObsCoreColumn(name, datatype, unit, ucd, f"obscore:{utype}", sentence)
    for name, datatype, unit, ucd, utype, sentence in _MANDATORY
)
"""All mandatory columns, in the standard's order."""


def view_sql(dialect: str) -> str:
    """Write the view.

    Parameters
    ----------
    dialect : {'sqlite', 'postgresql'}
        The database.

    Returns
    -------
    str
        A query whose columns are `COLUMNS`.
    """
    written = _expressions(dialect)
    columns = ", ".join(f"{written[column.name]} AS {column.name}" for column in COLUMNS)
    science = ", ".join(f"'{kind.name}'" for kind in KINDS.values() if kind.role == "science")
    source = "file f JOIN frame e ON e.id = f.frame_id"
    return f"SELECT {columns} FROM {source} WHERE f.kind IN ({science})"


def _expressions(dialect: str) -> dict[str, str]:
    is_cube = f"f.naxis3 = {SUBARRAY_PLANES} OR f.read_mode = 'SUB'"
    subarray = f"CASE WHEN {is_cube} THEN {SUBARRAY_PLANES}.0 ELSE 1.0 END"
    exposure = f"f.exposure_time * {subarray}"
    cube = "f.naxis3 IS NOT NULL"
    return {
        "dataproduct_type": f"CASE WHEN {cube} THEN 'cube' ELSE 'image' END",
        "calib_level": "2",
        "obs_collection": _text("Spitzer/IRAC"),
        "obs_id": (
            "'SPITZER_I' || CAST(e.channel AS TEXT) || '_' || CAST(e.aorkey AS TEXT) || '_' || "
            f"{_four('e.expid')} || '_' || {_four('e.dcenum')}"
        ),
        "obs_publisher_did": "'urn:iracdb:sha256-' || f.sha256",
        "access_url": (
            f"(SELECT 'file://' || {_escaped('MIN(l.path)')} FROM file_location l "
            f"WHERE l.file_id = f.id AND l.present)"
        ),
        "access_format": _text("image/fits"),
        "access_estsize": "(f.size + 999) / 1000",
        "target_name": "f.object",
        "s_ra": centre_sql(dialect, "ra"),
        "s_dec": centre_sql(dialect, "dec"),
        "s_fov": extent_sql(dialect),
        "s_region": region_sql(dialect),
        "s_resolution": _resolution(),
        "s_xel1": _long("f.naxis1"),
        "s_xel2": _long("f.naxis2"),
        "t_min": "f.mjd_obs",
        "t_max": f"f.mjd_obs + f.frame_time * {subarray} / 86400.0",
        "t_exptime": exposure,
        "t_resolution": f"CASE WHEN {cube} THEN f.frame_time ELSE {exposure} END",
        "t_xel": _long("COALESCE(f.naxis3, 1)"),
        "em_min": _by_channel({c: (w - b / 2) / 1e6 for c, (w, b) in BANDS.items()}),
        "em_max": _by_channel({c: (w + b / 2) / 1e6 for c, (w, b) in BANDS.items()}),
        "em_res_power": _by_channel({c: w / b for c, (w, b) in BANDS.items()}),
        "em_xel": _long("1"),
        "o_ucd": f"CASE WHEN f.bunit = 'MJy/sr' THEN {_text('phot.flux.density.sb')} END",
        "pol_states": "CAST(NULL AS TEXT)",
        "pol_xel": _long("0"),
        "facility_name": _text("Spitzer"),
        "instrument_name": _text("IRAC"),
    }


def _text(value: str) -> str:
    return f"CAST('{value}' AS TEXT)"


def _long(expression: str) -> str:
    return f"CAST({expression} AS BIGINT)"


def _four(number: str) -> str:
    """Write a number of up to four digits with leading zeros."""
    return f"SUBSTR(CAST({number} + 10000 AS TEXT), 2)"


def _escaped(path: str) -> str:
    """Write a path for a URL: what would be taken for its punctuation is escaped."""
    for character in ("%", " ", "#", "?"):
        path = f"REPLACE({path}, '{character}', '%{ord(character):02X}')"
    return path


def _by_channel(values: dict[int, float]) -> str:
    cases = " ".join(f"WHEN {channel} THEN {_double(values[channel])}" for channel in CHANNELS)
    return f"CASE e.channel {cases} END"


def _resolution() -> str:
    cryogenic = _by_channel({channel: widths[0] for channel, widths in RESOLUTION.items()})
    warm = " ".join(
        f"WHEN {channel} THEN {_double(width)}"
        for channel, (_, width) in RESOLUTION.items()
        if width is not None
    )
    return (
        f"CASE WHEN f.mjd_obs <= {LAST_CRYOGENIC_MJD!r} THEN {cryogenic} "
        f"ELSE CASE e.channel {warm} END END"
    )


def _double(value: float) -> str:
    # A bare literal would be a decimal number in PostgreSQL.
    return f"CAST({value!r} AS DOUBLE PRECISION)"
