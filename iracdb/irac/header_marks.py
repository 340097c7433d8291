"""Cards of a header that say something is wrong with the frame, as bits of a mark.

Four make a frame unusable, two are of the pointing and advisory. How the cards look in headers of
the archive: MISSDATA is ``F``, MISS_LCT the count ``0``, BADTRIG ``F`` in a bcd and ``0`` in a
companion, USEDBPHF ``T``, and PTGCPD, the text ``'Yes'``, stands in the short frame of an HDR pair.
ZEROPIX is in none of the headers that were seen; it is read as the others are.

USEDBPHF is the one whose ``T`` is good: the coordinates are from the reconstructed history of the
boresight. Its mark is set where the card says ``F``.

Source: the comments of the cards themselves, and the IRAC Instrument Handbook, "IRAC BCD file
headers". Bits are stored: they may be added to, never changed.
"""

from __future__ import annotations

import math
import numbers
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from iracdb.errors import UsageError


@dataclass(frozen=True)
class HeaderMark:
    """One card that marks a frame.

    Parameters
    ----------
    bit : int
        Its value in the mark, a power of two.
    card : str
        The keyword, which is the mark's name too.
    unusable : bool
        Whether a frame with it is not to be measured; else it is advisory.
    bad : bool
        The card's answer, yes or no, with which the mark is set.
    sentence : str
        What the mark says of the frame.
    """

    bit: int
    card: str
    unusable: bool
    bad: bool
    sentence: str


HEADER_MARKS: tuple[HeaderMark, ...] = (
    HeaderMark(1, "MISSDATA", True, True, "A part of the image did not reach the ground."),
    HeaderMark(2, "MISS_LCT", True, True, "Lines of the image are missing; the card counts them."),
    HeaderMark(4, "BADTRIG", True, True, "The raw frame has a pixel of zero: it is bad data."),
    HeaderMark(8, "ZEROPIX", True, True, "The raw frame has pixels of zero."),
    HeaderMark(
        16, "PTGCPD", False, True,
        "The pointing is that of the long frame of the pair, not the frame's own.",
    ),
    HeaderMark(
        32, "USEDBPHF", False, False,
        "The pointing is not from the boresight's reconstructed history: it is less certain.",
    ),
)  # fmt: skip
"""Every mark, in the order of its bits."""

UNUSABLE = sum(mark.bit for mark in HEADER_MARKS if mark.unusable)
"""The bits with which a frame is not to be measured."""

ADVISORY = sum(mark.bit for mark in HEADER_MARKS if not mark.unusable)
"""The bits that are only told."""

_YES = frozenset({"T", "TRUE", "Y", "YES"})
_NO = frozenset({"F", "FALSE", "N", "NO"})


MARK_KEYWORDS = tuple(mark.card for mark in HEADER_MARKS)
"""The cards that are read."""


def marks_of(cards: Mapping[str, object]) -> int:
    """Read the marks of a frame from its header.

    Parameters
    ----------
    cards : mapping
        Values by keyword: logical, number, or the text that is printed, such as ``"T"``, ``"0"``,
        ``"Yes"``. Yes is T, yes or a number other than 0.

    Returns
    -------
    int
        The bits that are set. A card that is absent, blank, NaN or in other words sets none: the
        companions lack most of them.

    Examples
    --------
    >>> marks_of({"MISSDATA": False, "MISS_LCT": 12, "USEDBPHF": "T"})
    2
    """
    return sum(mark.bit for mark in HEADER_MARKS if _answer(cards.get(mark.card)) is mark.bad)


def decode(bits: int) -> tuple[str, ...]:
    """Name the marks that are set.

    Parameters
    ----------
    bits : int
        As `marks_of` gives them.

    Returns
    -------
    tuple of str
        Keywords in the order of the registry; empty where nothing is set.

    Raises
    ------
    ValueError
        Where a bit is set that no mark owns.

    Examples
    --------
    >>> decode(17)
    ('MISSDATA', 'PTGCPD')
    """
    known = UNUSABLE | ADVISORY
    if bits & ~known:
        raise ValueError(f"{bits} has bits that no mark owns (known: {known})")
    return tuple(mark.card for mark in HEADER_MARKS if bits & mark.bit)


def bits_named(cards: Iterable[str]) -> int:
    """Make a mark of names.

    Parameters
    ----------
    cards : iterable of str
        Keywords of `HEADER_MARKS`, as `decode` gives them.

    Returns
    -------
    int
        Their bits.

    Raises
    ------
    UsageError
        Where a name is none of theirs.
    """
    known = {mark.card: mark.bit for mark in HEADER_MARKS}
    wanted = set(cards)
    if not wanted <= known.keys():
        raise UsageError(f"No header mark is called {min(wanted - known.keys())}")
    return sum(known[card] for card in wanted)


def _answer(value: object) -> bool | None:
    """Tell yes or no; None where the value is neither."""
    if isinstance(value, (bool, np.bool_)):
        return bool(value)
    if isinstance(value, numbers.Real):
        number = float(value)
        return None if math.isnan(number) else number != 0
    if not isinstance(value, str):
        return None
    word = value.strip().strip("'").strip().upper()
    if word in _YES or word in _NO:
        return word in _YES
    try:
        number = float(word)
    except ValueError:
        return None
    return None if math.isnan(number) else number != 0
