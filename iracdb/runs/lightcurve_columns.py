"""The columns of a light curve, as data: names, units, UCDs and what each says."""

from __future__ import annotations

from iracdb.layouts import Column

SIDE = 5
"""Rows and columns of the stamp around a star."""

_X, _Y = "pos.cartesian.x;instr.det", "pos.cartesian.y;instr.det"
_SURFACE = "MJy sr-1"


def flux_columns(unit: str) -> tuple[Column, ...]:
    """List the columns of the flux.

    Parameters
    ----------
    unit : {'mJy', 'uJy', 'mag', 'electron'}
        Of `iracdb.photometry.units.UNITS`.

    Returns
    -------
    tuple of Column
        Flux, its error and what that rests on, and the flux without the response's factors.
    """
    ucd = {"mag": "phot.mag", "electron": "phot.count"}.get(unit, "phot.flux.density")
    return (
        Column(
            "flux", "flux", "float", unit, ucd,
            "Sum in the source circle less sky, by both factors of the response"
            + ("." if unit == "electron" else ", with the aperture correction."),
        ),
        Column(
            "flux_err", "flux_err", "float", unit, f"stat.error;{ucd}",
            "Error of flux: see flux_err_from.",
        ),
        Column(
            "flux_err_from", "flux_err_from", "text", None, "meta.note",
            "What the error rests on: the uncertainty file, or the noise expected of electrons.",
        ),
        Column(
            "flux_uncorrected", "flux_uncorrected", "float", unit, ucd,
            "The same without the factors of the response.",
        ),
    )  # fmt: skip


IDENTITY: tuple[Column, ...] = (
    Column("aorkey", "aorkey", "integer", None, "meta.id;obs", "Key of the AOR."),
    Column("expid", "expid", "integer", None, "meta.id;obs", "Exposure of the AOR."),
    Column("dcenum", "dcenum", "integer", None, "meta.id;obs", "DCE of the exposure."),
    Column("plane", "plane", "integer", None, "meta.id", "Plane of a cube; -1: a whole frame."),
    Column(
        "frame_group", "frame_group", "text", None, "meta.code",
        "Read mode, frame time and HDR part of its average.",
    ),
)  # fmt: skip
TIMES: tuple[Column, ...] = (
    Column(
        "time_bjd_tdb", "bjd_mid", "float", "d", "time.epoch;obs.exposure",
        "Middle of the exposure, or of the planes used, seen from the barycentre: BJD (TDB).",
    ),
    Column(
        "time_mjd_utc", "mjd_mid", "float", "d", "time.epoch;obs.exposure",
        "Middle of the exposure, or of the planes used, at the telescope: MJD (UTC).",
    ),
)  # fmt: skip
PRINTED_TIME = Column(
    "time_mjd_obs", "mjd_obs", "float", "d", "time.epoch;obs.exposure",
    "Time as recorded, where no middle is known: MJD_OBS, the start of the exposure (UTC).",
)  # fmt: skip
MEASURED: tuple[Column, ...] = (
    Column("x", "x", "float", "pix", _X, "Centre, 0-based."),
    Column("y", "y", "float", "pix", _Y, "Centre, 0-based."),
    Column("fwhm_x", "fwhm_x", "float", "pix", "phys.angSize;instr.det",
           "Full width at half maximum along the wider axis."),
    Column("fwhm_y", "fwhm_y", "float", "pix", "phys.angSize;instr.det",
           "Full width at half maximum along the narrower axis."),
    Column("noise_pixels", "noise_pixels", "float", "pix", "phys.angArea;instr.det",
           "Square of the sum over the sum of squares."),
    Column("sky", "sky", "float", _SURFACE, "instr.background", "Background a pixel."),
    Column("sky_sigma", "sky_sigma", "float", _SURFACE, "stat.stdev;instr.background",
           "Scatter of the pixels that the sky rests on."),
    Column("peak", "peak", "float", _SURFACE, "phot.count;stat.max",
           "Brightest pixel of the source circle."),
    Column("well_fraction", "well_fraction", "float", None, "instr.saturation;arith.ratio",
           "Electrons of the brightest pixel over the full well."),
    Column("pixel_phase_factor", "pixel_phase_factor", "float", None, "arith.factor",
           "Response within the pixel, by which flux is divided."),
    Column("array_location_factor", "array_location_factor", "float", None, "arith.factor",
           "Array-location-dependent response, by which flux is divided."),
    Column("fpa_temperature", "fpa_temperature", "float", "K", "phys.temperature;instr.det",
           "Temperature of the detector: AFPAT2B of the frame."),
    Column("jitter", "jitter", "float", "arcsec", "stat.stdev;pos",
           "Jitter of the pointing: RMS_JIT of the frame."),
    Column("kept", "kept", "integer", None, "meta.code",
           "Whether the run's average counts it: usable, and no outlier."),
    Column("flags", "flags", "integer", None, "meta.code.qual",
           "Quality flags as bits; what each says is in the metadata."),
)  # fmt: skip
ALWAYS = frozenset({"aorkey", "plane", "x", "y", "flags"})
"""Columns that stand there though nothing may be known."""


def stamp_columns() -> tuple[Column, ...]:
    """List the columns of the stamp around the star.

    Returns
    -------
    tuple of Column
        The pixel in its middle, then ``P1`` to ``P25``: row by row upwards, each from left to
        right.
    """
    reach = SIDE // 2
    places = [(x, y) for y in range(-reach, reach + 1) for x in range(-reach, reach + 1)]
    return (
        Column("stamp_x", "stamp_x", "integer", None, _X, "Column of P13: x rounded."),
        Column("stamp_y", "stamp_y", "integer", None, _Y, "Row of P13: y rounded."),
        *(
            Column(
                f"P{number}", f"P{number}", "float", _SURFACE, "phot.count;instr.det",
                f"Pixel {_told(x)} columns and {_told(y)} rows from the middle of the stamp.",
            )
            for number, (x, y) in enumerate(places, start=1)
        ),
    )  # fmt: skip


def _told(number: int) -> str:
    return "0" if number == 0 else f"{number:+d}"
