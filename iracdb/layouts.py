"""The layouts of the tables that people are used to, as data.

One description a layout: columns, order, units, UCDs, how a cell is written. The database's views,
the exports and the documentation are all made from it. A column's ``key`` names what it shows;
`iracdb.catalogue.views` knows where the database keeps it.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
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
    no, yes : str
        The letters of a flag.
    """

    name: str
    aor: tuple[Column, ...]
    img: tuple[Column, ...]
    no: str
    yes: str


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

_AOR = (
    Column("AORKEY", "aorkey", "integer", None, "meta.id;obs", "Key of the AOR."),
    Column(
        "Target RA", "target_ra", "float", "deg", "pos.eq.ra;meta.main", "ICRS right ascension."
    ),
    Column("Target Dec", "target_dec", "float", "deg", "pos.eq.dec;meta.main", "ICRS declination."),
    Column(
        "Target Coordinates",
        "target_text",
        "text",
        None,
        "pos.eq;meta.main",
        "Both coordinates in degrees, to eight decimals.",
    ),
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


_IMG = (
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

_BY_KEY = {column.key: column for column in _AOR}


def _columns(*keys: str) -> tuple[Column, ...]:
    return tuple(_BY_KEY[key] for key in keys)


_DITHER = ("cycling", "dither_scale", "dither_position", "frame_time", "mjd")
_MEAN = ("flux", "error", "spread")
_SETUP = ("date_obs", "mission", "read_mode")

AOR_TABLES: dict[int, tuple[Column, ...]] = {
    10: _columns("aorkey", "date_obs", *_DITHER, *_MEAN),
    11: _columns("aorkey", "date_obs", *_DITHER, *_MEAN, "rejected"),
    14: _columns("aorkey", "target_text", *_SETUP, *_DITHER, *_MEAN, "rejected"),
    15: _columns(
        "aorkey", "target_text", *_SETUP, "workable_total", *_DITHER, *_MEAN, "rejected"
    ),
    16: _columns(
        "aorkey", "target_ra", "target_dec", *_SETUP, "workable_total", *_DITHER, *_MEAN,
        "rejected",
    ),
}  # fmt: skip
"""The AOR tables that were ever published, by their number of columns."""

_LAST_FLAG = "flag:Ap Out Of Bound"
_IMG_13 = tuple(column for column in _IMG if column.key != _LAST_FLAG)

IMG_TABLES: dict[str, tuple[tuple[Column, ...], str, str]] = {
    "13-XO": (_IMG_13, "X", "O"),
    "14-XO": (_IMG, "X", "O"),
    "14-NY": (_IMG, "N", "Y"),
}
"""The image tables that were ever published: their columns and the letters for no and yes."""

LAYOUTS: dict[str, Layout] = {
    f"{count}-{img_name}": Layout(f"{count}-{img_name}", aor, *img)
    for (count, aor), (img_name, img) in product(AOR_TABLES.items(), IMG_TABLES.items())
}
"""Layouts by name: the columns of the AOR table, those of the image table, the flags' letters."""

OWN_LAYOUT = "iracdb-1"
"""Ours, of the recipe ``handbook``: the error of a flux is the standard error of the mean, beside
the scatter, and its time is the middle of what was averaged."""


LAYOUTS[OWN_LAYOUT] = Layout(
    OWN_LAYOUT,
    aor=(
        Column("AORKEY", "aorkey", "integer", None, "meta.id;obs", "Key of the AOR."),
        Column("Target", "target", "text", None, "meta.id;src", "The target's name in this run."),
        *_columns("target_ra", "target_dec", *_SETUP),
        Column(
            "Frame Group", "group", "text", None, "meta.code",
            "Read mode, frame time and HDR part of the frames averaged.",
        ),
        *_columns("workable_total", "cycling", "dither_scale", "dither_position", "frame_time"),
        Column(
            "Time (MJD)", "mjd_mid", "float", "d", "time.epoch;obs.exposure",
            "Mean of the kept images' middles, UTC.",
        ),
        Column(
            "Time (BJD TDB)", "bjd_mid", "float", "d", "time.epoch;obs.exposure",
            "The same seen from the barycentre, Julian days TDB.",
        ),
        *_columns("flux"),
        Column(
            "Error (mJy)", "standard_error", "float", "mJy", "stat.error;phot.flux.density",
            "Standard error of the mean.",
        ),
        Column(
            "Scatter (mJy)", "error", "float", "mJy", "stat.stdev;phot.flux.density",
            "Population standard deviation of the kept images.",
        ),
        Column(
            "Scatter (%)", "spread", "float", "%", "stat.stdev;arith.ratio",
            "100 x Scatter / Flux, signed.",
        ),
        Column(
            "Expected Noise (mJy)", "expected_noise", "float", "mJy",
            "stat.error;phot.flux.density", "Noise expected of one image.",
        ),
        Column(
            "Scatter/Noise", "noise_ratio", "float", None, "stat.stdev;arith.ratio",
            "Scatter over the noise expected of one image.",
        ),
        *_columns("rejected"),
        Column(
            "Aperture Correction", "aperture_correction", "float", None, "arith.factor",
            "Factor applied to every flux.",
        ),
        Column("Marks", "marks", "text", None, "meta.code.qual", "What is to be known of it."),
    ),
    img=(
        *_IMG[:1],
        Column("Plane", "plane", "integer", None, "meta.id", "Plane of a cube; -1: a whole frame."),
        *_IMG[1:10],
        Column(
            "Time[MJD]", "mjd_mid", "float", "d", "time.epoch;obs.exposure",
            "Middle of the exposure, or of the planes used, UTC.",
        ),
        Column(
            "Time[BJD TDB]", "bjd_mid", "float", "d", "time.epoch;obs.exposure",
            "The same seen from the barycentre, Julian days TDB.",
        ),
        *_IMG[11:],
        Column(
            "Res_Flux Error", "net_error", "float", _PIXEL_SUM, "stat.error;phot.count",
            "Of Res_Flux, by the uncertainty file.",
        ),
        Column(
            "Corrected_Flux", "corrected", "float", _PIXEL_SUM, "phot.count",
            "Res_Flux over both factors of the response.",
        ),
    ),
    no="N",
    yes="Y",
)  # fmt: skip

DEFAULT_LAYOUT = "16-14-NY"
"""The last layout of 2018, and our own."""
