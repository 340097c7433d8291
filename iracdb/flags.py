"""The registry of quality flags of one image's measurement.

The Y/N columns of the tables, the decoder, the documentation and the SQL view ``quality_flag``
are all made from `FLAGS`. Bits are stored: they may be added to, never changed.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Flag:
    """One quality flag.

    Parameters
    ----------
    bit : int
        Its value in the bit mask, a power of two.
    name : str
        Its name in Python and SQL.
    column : str or None
        The column of the published image tables that shows it, if there is one.
    sentence : str
        What it says of an image.
    advisory : bool, optional
        True for one that leaves the image its flux; the others are the reason why it has none.
    """

    bit: int
    name: str
    column: str | None
    sentence: str
    advisory: bool = False


FLAGS: tuple[Flag, ...] = (
    Flag(
        1,
        "coordinate_conversion",
        "Coord Conversion Issue",
        "The target's position could not be converted to pixels with the frame's WCS.",
    ),
    Flag(
        2,
        "centroiding",
        "Centroiding Issue",
        "No centre: the box leaves the array, holds fewer than 7 finite pixels, "
        "or what seeks it did not end in finite numbers.",
    ),
    Flag(
        4,
        "bad_center_guess",
        "Bad Center Guess",
        "The fitted centre lies more than 2 pixels from the WCS position in x or y.",
    ),
    Flag(8, "not_in_fov", "Not In FOV", "The target is not on the array."),
    Flag(
        16,
        "aperture_out_of_bounds",
        "Ap Out Of Bound",
        "The outer circle of the background annulus leaves the array.",
    ),
    Flag(
        32,
        "nan_in_aperture",
        None,
        "A pixel without a value lies in the source circle: leaving it out would lose flux.",
    ),
    Flag(64, "no_background", None, "No pixel of the background annulus has a value."),
    Flag(
        128,
        "fatal_in_aperture",
        None,
        "A pixel that the frame's mask marks as fatal lies in the source circle.",
    ),
    Flag(
        256,
        "header_mark",
        None,
        "The frame's header marks it as bad: missing data, a bad trigger or pixels set to zero.",
    ),
    Flag(
        512,
        "saturated",
        None,
        "A pixel of the source circle is near full well: the flux may be too low.",
        advisory=True,
    ),
    Flag(
        1024,
        "no_mask",
        None,
        "The frame has no mask file: no pixel could be left out for it.",
        advisory=True,
    ),
)

_BY_NAME = {flag.name: flag for flag in FLAGS}

COORDINATE_CONVERSION = _BY_NAME["coordinate_conversion"].bit
CENTROIDING = _BY_NAME["centroiding"].bit
BAD_CENTER_GUESS = _BY_NAME["bad_center_guess"].bit
NOT_IN_FOV = _BY_NAME["not_in_fov"].bit
APERTURE_OUT_OF_BOUNDS = _BY_NAME["aperture_out_of_bounds"].bit
NAN_IN_APERTURE = _BY_NAME["nan_in_aperture"].bit
NO_BACKGROUND = _BY_NAME["no_background"].bit
FATAL_IN_APERTURE = _BY_NAME["fatal_in_aperture"].bit
HEADER_MARK = _BY_NAME["header_mark"].bit
SATURATED = _BY_NAME["saturated"].bit
NO_MASK = _BY_NAME["no_mask"].bit

DECIDING = sum(flag.bit for flag in FLAGS if not flag.advisory)
"""Bits of the flags that leave an image without a flux."""


def decode(bits: int) -> tuple[str, ...]:
    """Names of the flags that are set.

    Parameters
    ----------
    bits : int
        A bit mask, as stored in ``image_result.flags``.

    Returns
    -------
    tuple of str
        The names in the order of the registry; empty where nothing is set.

    Raises
    ------
    ValueError
        Where a bit is set that no flag owns.

    Examples
    --------
    >>> decode(24)
    ('not_in_fov', 'aperture_out_of_bounds')
    """
    known = sum(flag.bit for flag in FLAGS)
    if bits & ~known:
        raise ValueError(f"{bits} has bits that no flag owns (known: {known})")
    return tuple(flag.name for flag in FLAGS if bits & flag.bit)


def flag_of_column(column: str) -> Flag:
    """Find the flag that a column of the published image tables shows.

    Parameters
    ----------
    column : str
        The column's title, such as ``"Not In FOV"``.

    Returns
    -------
    Flag
        The flag behind it.

    Raises
    ------
    KeyError
        Where no flag is shown under that title.
    """
    for flag in FLAGS:
        if flag.column == column:
            return flag
    raise KeyError(column)
