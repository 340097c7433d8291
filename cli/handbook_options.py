"""Options of what the handbook speaks of: planes, masks and errors; calibration and spectrum."""

from __future__ import annotations

import click

from .options import Function

_IMAGES = (
    click.option(
        "--planes",
        type=click.Choice(["each", "median", "mean"]),
        help="How subarray cubes are reduced: each plane an image of its own, or all to one.  "
        "[default: the recipe's]",
    ),
    click.option(
        "--drop-planes",
        metavar="LIST",
        help="Planes left out, from 0, such as 0,57 or 0-13; or none.  [default: the recipe's]",
    ),
    click.option(
        "--mask/--no-mask",
        default=None,
        help="Read each frame's own mask, and leave out what is fatal.  [default: the recipe's]",
    ),
    click.option(
        "--mask-bits",
        metavar="BITS",
        help="Which bits are fatal, such as 3,8-14 or 32520.  [default: 32520]",
    ),
    click.option(
        "--uncertainties/--no-uncertainties",
        default=None,
        help="Read each frame's own uncertainties, and carry them through the sums.  "
        "[default: the recipe's]",
    ),
    click.option(
        "--header-marks/--no-header-marks",
        default=None,
        help="Leave out frames that their headers mark as bad.  [default: the recipe's]",
    ),
)

_CALIBRATION = (
    click.option(
        "--pixel-area",
        type=click.Choice(["nominal", "header"]),
        default="nominal",
        show_default=True,
        help="A pixel's solid angle: one a channel, or by PXSCAL1 and PXSCAL2 of the frames.",
    ),
    click.option(
        "--source-spectrum",
        type=click.Choice(["stellar", "flat"]),
        default="stellar",
        show_default=True,
        help="Of the target: for a flat one the place on the array is not corrected for.",
    ),
    click.option(
        "--colour-correction",
        type=float,
        default=1.0,
        show_default=True,
        metavar="K",
        help="Divides every flux density.",
    ),
    click.option(
        "--fluxconv",
        type=float,
        metavar="X",
        help="Rescale files of another FLUXCONV to this one, MJy/sr per DN/s.",
    ),
    click.option(
        "--allow-mixed-calibration",
        is_flag=True,
        help="Average frames of different CREATOR or FLUXCONV.",
    ),
)


def image_options(command: Function) -> Function:
    """Add the options of planes, masks, uncertainties and header marks.

    Parameters
    ----------
    command : callable
        Takes ``planes``, ``drop_planes``, ``mask``, ``mask_bits``, ``uncertainties`` and
        ``header_marks``.

    Returns
    -------
    callable
        Decorated.
    """
    for option in reversed(_IMAGES):
        command = option(command)
    return command


def calibration_options(command: Function) -> Function:
    """Add the options of calibration, pixel area and spectrum.

    Parameters
    ----------
    command : callable
        Takes ``pixel_area``, ``source_spectrum``, ``colour_correction``, ``fluxconv`` and
        ``allow_mixed_calibration``.

    Returns
    -------
    callable
        Decorated.
    """
    for option in reversed(_CALIBRATION):
        command = option(command)
    return command
