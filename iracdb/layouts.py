"""The layouts of the tables that people are used to, as data.

One description a layout: columns, order, units, UCDs, how a cell is written. The database's views,
the exports and the documentation are all made from it. A column's ``key`` names what it shows;
`iracdb.catalogue.views` knows where the database keeps it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

CellForm = Literal["integer", "float", "text"]

MISSING_TEXT = "--"
"""What the published tables show where a header has no such card."""


@dataclass(frozen=True)
class Column:
    """One column of a table.

    Parameters
    ----------
    title : str
        As it stands in the first line of the CSV file.
    key : str
        What it shows.
    form : {'integer', 'float', 'text'}
        How a cell is written: floats in the shortest form that reads back to the same bits,
        an absent one as ``nan``.
    unit : str or None
        In the VOUnit spelling that astropy reads.
    ucd : str or None
        Unified Content Descriptor (IVOA UCD1+).
    sentence : str
        What the column says.
    """

    title: str
    key: str
    form: CellForm
    unit: str | None
    ucd: str | None
    sentence: str


@dataclass(frozen=True)
class Layout:
    """The two tables of a run.

    Parameters
    ----------
    name : str
        The layout's own name, recorded with each run.
    aor : tuple of Column
        One row an average of an AOR.
    img : tuple of Column
        One row an image.
    """

    name: str
    aor: tuple[Column, ...]
    img: tuple[Column, ...]


FLUX_UCD = {
    1: "phot.flux.density;em.IR.3-4um",
    2: "phot.flux.density;em.IR.4-8um",
    3: "phot.flux.density;em.IR.4-8um",
    4: "phot.flux.density;em.IR.4-8um",
}
"""UCD of a flux density by channel: 3.6, 4.5, 5.7 and 7.9 micrometres."""


def ucd_of(column: Column, channel: int) -> str | None:
    """UCD of a column in a run of one channel.

    Parameters
    ----------
    column : Column
        Any column of a layout.
    channel : int
        1 to 4; completes what is true of flux densities in general.

    Returns
    -------
    str or None
        The complete UCD.
    """
    if column.ucd is None:
        return None
    return column.ucd.replace("phot.flux.density", FLUX_UCD[channel])


_PIXEL_SUM = "MJy sr-1 pix"

_AOR_COLUMNS = (
    Column("AORKEY", "aorkey", "integer", None, "meta.id;obs", "Key of the AOR."),
    Column(
        "Target RA", "target_ra", "float", "deg", "pos.eq.ra;meta.main", "ICRS right ascension."
    ),
    Column("Target Dec", "target_dec", "float", "deg", "pos.eq.dec;meta.main", "ICRS declination."),
    Column(
        "DateObs", "date_obs", "text", None, "time.start;obs", "DATE_OBS of the last frame, UTC."
    ),
    Column("Mission", "mission", "text", None, "meta.note", "CRYO or WARM."),
    Column("Read Mode", "read_mode", "text", None, "instr.setup", "FULL or SUB array."),
    Column(
        "Workable/Total Files in AOR",
        "workable_total",
        "text",
        None,
        "meta.number",
        "Images with a flux, of all images.",
    ),
    Column(
        "Cycling DPattern", "cycling", "text", None, "meta.note", "YES where AORLABEL has 'cycl'."
    ),
    Column("DScale", "dither_scale", "text", None, "instr.setup", "DITHSCAL of the last frame."),
    Column(
        "DPosition", "dither_position", "text", None, "instr.setup", "DITHPOS of the last frame."
    ),
    Column("FTime (sec)", "frame_time", "float", "s", "time.duration;obs.exposure", "FRAMTIME."),
    Column(
        "Time (MJD)",
        "mjd",
        "float",
        "d",
        "time.epoch;obs.exposure",
        "MJD_OBS of the last frame, UTC.",
    ),
    Column("Flux (mJy)", "flux", "float", "mJy", "phot.flux.density", "Mean of the kept images."),
    Column(
        "Error (mJy)",
        "error",
        "float",
        "mJy",
        "stat.stdev;phot.flux.density",
        "Population standard deviation of the kept images.",
    ),
    Column(
        "Spread (%)",
        "spread",
        "float",
        "%",
        "stat.stdev;arith.ratio",
        "100 x Error / Flux, signed.",
    ),
    Column("Outliers Rejected", "rejected", "integer", None, "meta.number", "Images left out."),
)


def _flag_column(title: str) -> Column:
    return Column(title, f"flag:{title}", "text", None, "meta.code.qual", "N, or Y where it is so.")


_IMG_COLUMNS = (
    Column(
        "File#", "file_number", "integer", None, "meta.number", "Order within the average, from 1."
    ),
    _flag_column("Coord Conversion Issue"),
    _flag_column("Centroiding Issue"),
    _flag_column("Bad Center Guess"),
    _flag_column("Not In FOV"),
    _flag_column("Ap Out Of Bound"),
    Column("Xc", "x", "float", "pix", "pos.cartesian.x;instr.det", "Fitted centre, 0-based."),
    Column("Yc", "y", "float", "pix", "pos.cartesian.y;instr.det", "Fitted centre, 0-based."),
    Column("Fx", "fwhm_x", "float", "pix", "phys.angSize;instr.det", "FWHM of the wider axis."),
    Column("Fy", "fwhm_y", "float", "pix", "phys.angSize;instr.det", "FWHM of the narrower axis."),
    Column(
        "Time[MJD]", "mjd", "float", "d", "time.epoch;obs.exposure", "MJD_OBS, UTC at the start."
    ),
    Column("Raw_Flux", "raw", "float", _PIXEL_SUM, "phot.count", "Sum in the source circle."),
    Column(
        "Bkg_Flux", "background", "float", _PIXEL_SUM, "phot.count;instr.background", "Sky in it."
    ),
    Column("Res_Flux", "net", "float", _PIXEL_SUM, "phot.count", "Raw_Flux - Bkg_Flux."),
)

DEFAULT_LAYOUT = "published-16"

LAYOUTS: dict[str, Layout] = {
    DEFAULT_LAYOUT: Layout(DEFAULT_LAYOUT, _AOR_COLUMNS, _IMG_COLUMNS),
}
"""Layouts by name; ``published-16`` is the last one of 2018, of 16 and 14 columns."""
