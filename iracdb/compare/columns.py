"""The columns that are compared, and which of them a run tells.

A run measured here tells all that was stored when it was made. An imported one tells what its
tables print; one recomputed from it copies that and adds what was computed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from iracdb.catalogue.tables import LATER_COLUMNS
from iracdb.flags import FLAGS, flag_of_column
from iracdb.layouts import DEFAULT_LAYOUT, LAYOUTS

Kind = Literal["number", "text", "flag"]


@dataclass(frozen=True)
class Compares:
    """One column that is compared.

    Parameters
    ----------
    name : str
        In the database.
    kind : {'number', 'text', 'flag'}
        Numbers have a difference; flags say what became of an image, or of an average.
    unit : str or None
        In the VOUnit spelling that astropy reads.
    shown : str or None
        Key of the layout's column that prints it, where one does.
    computed : bool
        Whether a recomputation of an imported run tells it too.
    """

    name: str
    kind: Kind = "number"
    unit: str | None = None
    shown: str | None = None
    computed: bool = False


_SUM = "MJy sr-1 pix"

IMAGE_COLUMNS: tuple[Compares, ...] = (
    Compares("mjd_obs", "number", "d", "mjd"),
    Compares("x_wcs", "number", "pix"),
    Compares("y_wcs", "number", "pix"),
    Compares("motion_x", "number", "pix"),
    Compares("motion_y", "number", "pix"),
    Compares("x", "number", "pix", "x"),
    Compares("y", "number", "pix", "y"),
    Compares("fwhm_x", "number", "pix", "fwhm_x"),
    Compares("fwhm_y", "number", "pix", "fwhm_y"),
    Compares("amplitude", "number", "MJy sr-1"),
    Compares("angle", "number", "rad"),
    Compares("residual_sum", "number", "MJy2 sr-2"),
    Compares("sky", "number", "MJy sr-1"),
    Compares("sky_sigma", "number", "MJy sr-1"),
    Compares("sky_pixels", "number", "pix"),
    Compares("nan_in_aperture"),
    Compares("nan_in_annulus"),
    Compares("raw", "number", _SUM, "raw"),
    Compares("background", "number", _SUM, "background"),
    Compares("array_location_factor", computed=True),
    Compares("pixel_phase_factor", computed=True),
    Compares("corrected", "number", _SUM, computed=True),
    Compares("kept", "flag", computed=True),
    Compares("rejected_by", "flag", computed=True),
    Compares("rejection_bound", "number", "mJy", computed=True),
    Compares("mjd_start", "number", "d"),
    Compares("mjd_mid", "number", "d"),
    Compares("bjd_mid", "number", "d"),
    Compares("calibration_factor"),
    Compares("masked_in_aperture"),
    Compares("masked_in_annulus"),
    Compares("net_error", "number", _SUM),
    Compares("expected_noise", "number", _SUM),
    Compares("peak", "number", "MJy sr-1"),
    Compares("well_fraction"),
    Compares("noise_pixels", "number", "pix"),
)
"""Columns of ``image_result``; the bits of ``flags`` are compared beside them."""

AOR_COLUMNS: tuple[Compares, ...] = (
    Compares("state", "flag", shown="flux"),
    Compares("flux", "number", "mJy", "flux"),
    Compares("error", "number", "mJy", "error"),
    Compares("standard_error", "number", "mJy", computed=True),
    Compares("n_total", shown="workable_total", computed=True),
    Compares("n_workable", shown="workable_total", computed=True),
    Compares("n_rejected", shown="rejected", computed=True),
    Compares("n_coordinate_conversion"),
    Compares("n_not_in_fov"),
    Compares("n_centroiding"),
    Compares("n_aperture_out_of_bounds"),
    Compares("n_bad_center_guess"),
    Compares("n_nan_in_aperture"),
    Compares("n_no_background"),
    Compares("target_ra", "number", "deg", "target_ra"),
    Compares("target_dec", "number", "deg", "target_dec"),
    Compares("target_pm_ra", "number", "mas yr-1"),
    Compares("target_pm_dec", "number", "mas yr-1"),
    Compares("target_parallax", "number", "mas"),
    Compares("target_epoch", "number", "yr"),
    Compares("mission", "text", shown="mission"),
    Compares("read_mode", "text", shown="read_mode"),
    Compares("frame_time", "number", "s", "frame_time"),
    Compares("hdr_part", "text"),
    Compares("cycling", "text", shown="cycling"),
    Compares("dither_scale", "text", shown="dither_scale"),
    Compares("dither_position", "number", shown="dither_position"),
    Compares("date_obs", "text", shown="date_obs"),
    Compares("mjd_obs", "number", "d", "mjd"),
    Compares("creators", "text"),
    Compares("n_fatal_in_aperture"),
    Compares("n_header_mark"),
    Compares("mjd_mid", "number", "d"),
    Compares("bjd_mid", "number", "d"),
    Compares("colour_correction"),
    Compares("expected_noise", "number", "mJy"),
    Compares("upper_limit", "number", "mJy"),
    Compares("marks", "text"),
)
"""Columns of ``aor_result``."""


def measured_here(run: Any) -> bool:
    """Tell whether a run's images were measured by this program.

    Parameters
    ----------
    run : Row
        Of the table ``run``.

    Returns
    -------
    bool
        False for an imported run, and for one recomputed from the images of such.
    """
    return run.origin == "executed" and run.inputs_digest is not None


def image_columns(a: Any, b: Any) -> tuple[Compares, ...]:
    """List the image columns that both runs tell.

    Parameters
    ----------
    a, b : Row
        Of the table ``run``.

    Returns
    -------
    tuple of Compares
        In the order of `IMAGE_COLUMNS`.
    """
    return tuple(column for column in IMAGE_COLUMNS if _tells(a, column) and _tells(b, column))


def aor_columns(a: Any, b: Any) -> tuple[Compares, ...]:
    """List the columns of averages that both runs tell.

    Parameters
    ----------
    a, b : Row
        Of the table ``run``.

    Returns
    -------
    tuple of Compares
        In the order of `AOR_COLUMNS`.
    """
    return tuple(column for column in AOR_COLUMNS if _tells(a, column) and _tells(b, column))


def flag_names(a: Any, b: Any) -> tuple[str, ...]:
    """List the quality flags that both runs tell.

    Parameters
    ----------
    a, b : Row
        Of the table ``run``.

    Returns
    -------
    tuple of str
        In the order of the registry.
    """
    told = flags_told(a) & flags_told(b)
    return tuple(flag.name for flag in FLAGS if flag.name in told)


def _tells(run: Any, column: Compares) -> bool:
    if measured_here(run):
        # A run tells nothing of what had no name yet when it was made.
        return not any(
            column.name in columns
            for name, columns in LATER_COLUMNS.items()
            if name not in run.parameters
        )
    layout = LAYOUTS[run.layout]
    printed = {each.key for each in (*layout.aor, *layout.img)}
    return column.shown in printed or (column.computed and run.origin == "executed")


def flags_told(run: Any) -> set[str]:
    """List the quality flags that a run tells.

    Parameters
    ----------
    run : Row
        Of the table ``run``.

    Returns
    -------
    set of str
        Their names.
    """
    if measured_here(run):
        return {flag.name for flag in FLAGS}
    return {
        flag_of_column(column.title).name
        for column in LAYOUTS[run.layout].img
        if column.key.startswith("flag:")
    }


def column_named(name: str) -> Compares | None:
    """Find a column by its name, or by the title under which tables print it.

    Parameters
    ----------
    name : str
        Such as ``flux`` or ``Flux (mJy)``, whatever its case.

    Returns
    -------
    Compares or None
        None where there is none; of averages before images.
    """
    plain = name.strip().lower()
    layout = LAYOUTS[DEFAULT_LAYOUT]
    keys = {each.title.lower(): each.key for each in (*layout.img, *layout.aor)}
    columns = (*AOR_COLUMNS, *IMAGE_COLUMNS)
    by_name = next((column for column in columns if column.name == plain), None)
    titled = keys.get(plain)
    return by_name or next((c for c in columns if titled is not None and c.shown == titled), None)
