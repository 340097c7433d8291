"""What is held of each result beside the columns of the published layouts, as data.

ECSV and VOTable files have these columns after those of the CSV file, so that such a file alone
tells everything that the catalogue knows of the rows, and its digest can be made again from it.
"""

from __future__ import annotations

from iracdb.layouts import Column

_PIXEL_SUM = "MJy sr-1 pix"
_COUNT = "meta.number"


def _count(title: str, key: str, sentence: str) -> Column:
    return Column(title, key, "integer", None, _COUNT, sentence)


FLAGS_COLUMN = Column("Flags", "flags", "integer", None, "meta.code.qual", "Quality flags as bits.")
"""What the letters of a layout's flags are written from."""

AOR_MORE: tuple[Column, ...] = (
    Column("Target", "target", "text", None, "meta.id;src", "The target's name in this run."),
    Column("Channel", "channel", "integer", None, "meta.id;instr", "IRAC channel, 1 to 4."),
    Column(
        "Frame Group", "group", "text", None, "meta.code",
        "Read mode, frame time and HDR part of the frames averaged.",
    ),
    Column("Repeat", "repeat", "integer", None, "meta.number", "0; more only in imported runs."),
    Column(
        "Target PM RA", "target_pm_ra", "float", "mas yr-1", "pos.pm;pos.eq.ra",
        "Proper motion in right ascension times cos(Dec).",
    ),
    Column(
        "Target PM Dec", "target_pm_dec", "float", "mas yr-1", "pos.pm;pos.eq.dec",
        "Proper motion in declination.",
    ),
    Column("Target Parallax", "target_parallax", "float", "mas", "pos.parallax", "Parallax."),
    Column(
        "Target Epoch", "target_epoch", "float", "yr", "time.epoch",
        "Julian year of Target RA and Dec; empty where they are as observed.",
    ),
    Column("State", "state", "text", None, "meta.code.status", "measured or empty."),
    Column("Reason", "reason", "text", None, "meta.note", "Why it is empty."),
    Column("HDR Part", "hdr_part", "text", None, "instr.setup", "HDRFRAME."),
    _count("Images", "n_total", "Images of the AOR."),
    _count("Workable", "n_workable", "Images with a flux."),
    _count("No Coordinates", "n_coordinate_conversion", "Images whose WCS failed."),
    _count("Off The Array", "n_not_in_fov", "Images that miss the target."),
    _count("No Centre", "n_centroiding", "Images without a centre."),
    _count("Annulus Cut", "n_aperture_out_of_bounds", "Images that cut the annulus."),
    _count("Centre Far", "n_bad_center_guess", "Images with a centre far from the WCS."),
    _count("Hole In Circle", "n_nan_in_aperture", "Images with a hole in the source circle."),
    _count("No Sky", "n_no_background", "Images without sky."),
    Column(
        "Aperture Correction", "aperture_correction", "float", None, "arith.factor",
        "Factor applied to every flux.",
    ),
    Column(
        "Pixel Size", "pixel_size", "float", "arcsec", "pos.wcs.scale",
        "Pixel size of the conversion to mJy.",
    ),
    Column(
        "Standard Error (mJy)", "standard_error", "float", "mJy",
        "stat.error;phot.flux.density", "Standard error of the mean.",
    ),
    Column(
        "Creators", "creators", "text", None, "meta.version",
        "CREATOR of the frames averaged, where they differ.",
    ),
    _count("Fatal Pixel", "n_fatal_in_aperture", "Images with a fatal pixel in the circle."),
    _count("Header Mark", "n_header_mark", "Images that their headers mark as bad."),
    Column(
        "Middle (MJD)", "mjd_mid", "float", "d", "time.epoch;obs.exposure",
        "Mean of the kept images' middles, UTC.",
    ),
    Column(
        "Middle (BJD TDB)", "bjd_mid", "float", "d", "time.epoch;obs.exposure",
        "The same seen from the barycentre, Julian days TDB.",
    ),
    Column(
        "Colour Correction", "colour_correction", "float", None, "arith.factor",
        "K, by which every flux is divided.",
    ),
    Column(
        "Expected Noise (mJy)", "expected_noise", "float", "mJy",
        "stat.error;phot.flux.density", "Noise expected of one image.",
    ),
    Column(
        "Upper Limit (mJy)", "upper_limit", "float", "mJy", "phot.flux.density;stat.max",
        "Of a flux not above 3 standard errors: 3 above it, or above 0.",
    ),
    Column("Marks", "marks", "text", None, "meta.code.qual", "What is to be known of it."),
)  # fmt: skip
"""Beside the columns of an AOR table."""

IMG_MORE: tuple[Column, ...] = (
    Column("Target", "target", "text", None, "meta.id;src", "The target's name in this run."),
    Column("AORKEY", "aorkey", "integer", None, "meta.id;obs", "Key of the AOR."),
    Column(
        "Frame Group", "group", "text", None, "meta.code",
        "Read mode, frame time and HDR part of its average.",
    ),
    Column("EXPID", "expid", "integer", None, "meta.id;obs", "Exposure of the AOR."),
    Column("DCENUM", "dcenum", "integer", None, "meta.id;obs", "DCE of the exposure."),
    Column("Plane", "plane", "integer", None, "meta.id", "Plane of a cube; -1: a whole frame."),
    Column("File", "file", "text", None, "meta.id;meta.file", "Name of the file measured."),
    Column("SHA-256", "sha256", "text", None, "meta.checksum", "Of all its bytes."),
    FLAGS_COLUMN,
    Column("Xw", "x_wcs", "float", "pix", "pos.cartesian.x;instr.det", "Expected by the WCS."),
    Column("Yw", "y_wcs", "float", "pix", "pos.cartesian.y;instr.det", "Expected by the WCS."),
    Column(
        "Motion X", "motion_x", "float", "pix", "pos.cartesian.x;arith.diff",
        "How far proper motion and parallax moved Xw.",
    ),
    Column(
        "Motion Y", "motion_y", "float", "pix", "pos.cartesian.y;arith.diff",
        "How far proper motion and parallax moved Yw.",
    ),
    Column("Amplitude", "amplitude", "float", "MJy sr-1", "phot.count;stat.max", "Fitted peak."),
    Column("Angle", "angle", "float", "rad", "pos.posAng", "Of the wider axis from +x."),
    Column(
        "Residual Sum", "residual_sum", "float", None, "stat.fit.residual",
        "Sum of squared residuals of the fit, (MJy/sr)^2.",
    ),
    Column("Sky", "sky", "float", "MJy sr-1", "instr.background", "Background a pixel."),
    Column(
        "Sky Sigma", "sky_sigma", "float", "MJy sr-1", "stat.stdev;instr.background",
        "Scatter of the pixels that the sky rests on.",
    ),
    Column(
        "Sky Pixels", "sky_pixels", "float", "pix", "meta.number",
        "Area of the annulus that has values.",
    ),
    _count("Holes In Circle", "nan_in_aperture", "Pixels without a value in the source circle."),
    _count("Holes In Annulus", "nan_in_annulus", "Pixels without a value in the annulus."),
    Column(
        "Array-Location Factor", "array_location_factor", "float", None, "arith.factor",
        "Array-location-dependent response.",
    ),
    Column(
        "Pixel-Phase Factor", "pixel_phase_factor", "float", None, "arith.factor",
        "Response within the pixel.",
    ),
    Column(
        "Corrected_Flux", "corrected", "float", _PIXEL_SUM, "phot.count",
        "Res_Flux over both factors.",
    ),
    Column("Kept", "kept", "integer", None, "meta.code", "1 where it counts in the average."),
    Column("Rejected By", "rejected_by", "text", None, "meta.code", "The bound that left it out."),
    Column(
        "Rejection Bound (mJy)", "rejection_bound", "float", "mJy", "phot.flux.density;stat.max",
        "The bound that it lies beyond.",
    ),
    Column("Link Grade", "link_grade", "text", None, "meta.code.qual",
           "Imported: how sure the link to the frame is."),
    Column("Creator", "creator", "text", None, "meta.version", "CREATOR of the file measured."),
    Column(
        "FLUXCONV", "fluxconv", "float", None, "arith.factor",
        "Of the file measured, MJy/sr per DN/s.",
    ),
    Column(
        "Calibration Factor", "calibration_factor", "float", None, "arith.factor",
        "FLUXCONV asked for over the file's.",
    ),
    Column(
        "Start [MJD]", "mjd_start", "float", "d", "time.start;obs.exposure",
        "Start of the exposure or of its plane, UTC, to 1 ms.",
    ),
    Column(
        "Middle [MJD]", "mjd_mid", "float", "d", "time.epoch;obs.exposure",
        "Middle of the exposure, or of the planes used, UTC.",
    ),
    Column(
        "Middle [BJD TDB]", "bjd_mid", "float", "d", "time.epoch;obs.exposure",
        "The same seen from the barycentre, Julian days TDB.",
    ),
    _count("Fatal In Circle", "masked_in_aperture", "Fatal pixels in the source circle."),
    _count("Fatal In Annulus", "masked_in_annulus", "Fatal pixels in the annulus."),
    Column(
        "Res_Flux Error", "net_error", "float", _PIXEL_SUM, "stat.error;phot.count",
        "Of Res_Flux, by the uncertainty file.",
    ),
    Column(
        "Expected Noise", "expected_noise", "float", _PIXEL_SUM, "stat.error;phot.count",
        "Of Res_Flux, by its electrons.",
    ),
    Column(
        "Peak", "peak", "float", "MJy sr-1", "phot.count;stat.max",
        "Brightest pixel of the source circle.",
    ),
    Column("Well Fraction", "well_fraction", "float", None, "instr.saturation;arith.ratio",
           "Electrons of the brightest pixel over the full well."),
    Column("Noise Pixels", "noise_pixels", "float", "pix", "phys.angArea;instr.det",
           "Square of the sum over the sum of squares."),
)  # fmt: skip
"""Beside the columns of an image table."""
