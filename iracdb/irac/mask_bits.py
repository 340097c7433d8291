"""The bits of the imask (``bimsk``, ``brmsk``): what each says of a pixel, and which are fatal.

Source: IRAC Instrument Handbook, "Data Products", on the imask, and the Science Center's page on
the bits of ``*_bimsk.fits``, which also gives the fatal pattern for mosaics. Bits count from 0, the
least; bits 2 to 7 are left to steps after the bcd.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from iracdb.errors import UsageError

WIDTH = 16
"""Bits of a pixel of the mask."""

FATAL = 32520
"""Bits 3 and 8 to 14: with these the Science Center leaves a pixel out of its mosaics."""


@dataclass(frozen=True)
class MaskBit:
    """One bit of the imask.

    Parameters
    ----------
    bit : int
        Its number, 0 to 15.
    name : str
        Its name in Python and SQL.
    sentence : str
        What it says of a pixel.
    """

    bit: int
    name: str
    sentence: str

    @property
    def value(self) -> int:
        """The mask in which this bit alone is set."""
        return 1 << self.bit


MASK_BITS: tuple[MaskBit, ...] = (
    MaskBit(0, "reserved_0", "Kept free for a mask of yes and no, or for a measure of quality."),
    MaskBit(1, "reserved_1", "Kept free for later use."),
    MaskBit(2, "optical_ghost", "A bright star, reflected in the optics, has a ghost here."),
    MaskBit(3, "stray_light", "Light of a bright star from outside the array is scattered here."),
    MaskBit(4, "donut", "The ring of a saturated star lies here."),
    MaskBit(5, "muxbleed", "A trail along the row of a bright star or hot pixel (channels 1, 2)."),
    MaskBit(6, "banding", "The row or column of a bright star is too bright (channels 3, 4)."),
    MaskBit(7, "column_pulldown", "The column of a bright star is too dark (channels 1, 2)."),
    MaskBit(8, "crosstalk", "Electrical crosstalk of another pixel falls here."),
    MaskBit(9, "radiation_hit", "A cosmic ray struck here, by a search within the one frame."),
    MaskBit(10, "latent", "An afterimage of a bright star of an earlier frame lies here."),
    MaskBit(11, "no_flat_field", "The flat field could not be applied."),
    MaskBit(12, "poor_linearity", "The response was not made linear, or only poorly."),
    MaskBit(13, "saturated", "Saturated, or in a long HDR frame bound to be by the short one."),
    MaskBit(14, "bad_or_missing", "Known to be bad, or lost on the way to the ground."),
    MaskBit(15, "reserved_15", "Kept free: the sign of the 16 bits."),
)
"""Every bit, in order."""

_PART = re.compile(r"(\d{1,9})(?:\s*-\s*(\d{1,9}))?", re.ASCII)


def parse_bits(text: str) -> int:
    """Read a mask, or the bits that it is of.

    Parameters
    ----------
    text : str
        A mask as one number above 15, or 0 for none, ``"32520"``; or bits and ranges of bits,
        ``"3,8-14"``. A single number from 1 to 15 might mean either and is refused.

    Returns
    -------
    int
        The mask, 0 to 65535.

    Raises
    ------
    UsageError
        Where it is neither.

    Examples
    --------
    >>> parse_bits("3,8-14"), parse_bits("32520"), parse_bits("14-14")
    (32520, 32520, 16384)
    """
    parts = [_PART.fullmatch(part.strip()) for part in text.split(",")]
    if any(part is None for part in parts):
        raise _nonsense(text)
    found = [part for part in parts if part is not None]
    if len(found) == 1 and found[0].group(2) is None:
        return _whole(int(found[0].group(1)), text)
    mask = 0
    for part in found:
        first = int(part.group(1))
        last = first if part.group(2) is None else int(part.group(2))
        if not first <= last < WIDTH:
            raise _nonsense(text)
        mask |= (1 << (last + 1)) - (1 << first)
    return mask


def bits_of(mask: int) -> tuple[int, ...]:
    """List the bits that are set.

    Parameters
    ----------
    mask : int
        0 to 65535; or down to -32768, as a signed pixel of 16 bits is read.

    Returns
    -------
    tuple of int
        Their numbers, from the least; empty where nothing is set.

    Raises
    ------
    UsageError
        Where the number has not 16 bits.

    Examples
    --------
    >>> bits_of(32520)
    (3, 8, 9, 10, 11, 12, 13, 14)
    """
    if not -(1 << (WIDTH - 1)) <= mask < 1 << WIDTH:
        raise UsageError(f"{mask} is no mask of {WIDTH} bits: give a number from 0 to 65535")
    return tuple(bit for bit in range(WIDTH) if mask >> bit & 1)


def _whole(number: int, text: str) -> int:
    if 0 < number < WIDTH:
        told = ",".join(f"{bit}-{bit}" for bit in bits_of(number))
        raise UsageError(
            f"{text.strip()} may be a bit or a mask: give {number}-{number} for bit {number}, "
            f"or {told} for the mask {number}"
        )
    if number >= 1 << WIDTH:
        raise _nonsense(text)
    return number


def _nonsense(text: str) -> UsageError:
    return UsageError(
        f"{text!r} is no mask: give a number up to 65535, such as {FATAL}, or bits from 0 to 15, "
        "such as 3,8-14"
    )
