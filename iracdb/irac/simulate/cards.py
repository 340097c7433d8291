"""FITS headers card by card, and the one way this package writes a FITS file.

The cards are laid out by hand, as the archive's pipeline does, so that a simulated file holds the
same bytes whatever version of astropy is installed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from iracdb.errors import CannotWrite, UsageError

CardValue = bool | int | float | str

BLOCK = 2880
"""Bytes of a FITS block."""

_WIDTH = 80
_COMMENTARY = ("COMMENT", "HISTORY", "")
_BITPIX: dict[str, int] = {"f4": -32, "i2": 16}


class Card(NamedTuple):
    """One card of a header.

    Parameters
    ----------
    keyword : str
        At most 8 characters; ``'COMMENT'``, ``'HISTORY'`` and ``''`` have text and no value.
    value : bool, int, float or str
        The value, or the text.
    comment : str, optional
        What the value is; cut where the card ends, as the archive's are.
    """

    keyword: str
    value: CardValue
    comment: str = ""

    def __str__(self) -> str:
        if self.keyword in _COMMENTARY:
            return f"{self.keyword:<8}{self.value}"[:_WIDTH].ljust(_WIDTH)
        text = f"{self.keyword:<8}= {_printed(self.value)}"
        if len(text) > _WIDTH or len(self.keyword) > 8:
            raise UsageError(f"The card {self.keyword} does not fit into 80 characters")
        return (f"{text} / {self.comment}" if self.comment else text)[:_WIDTH].ljust(_WIDTH)


def changed(cards: Sequence[Card], changes: Mapping[str, CardValue | None]) -> list[Card]:
    """Take cards with some of them replaced, removed or added.

    Parameters
    ----------
    cards : sequence of Card
        The header.
    changes : mapping of str to value
        New values by keyword; None removes the card; a keyword that is not there is added at the
        end, before the history.

    Returns
    -------
    list of Card
        The header as it is to be.
    """
    names = {card.keyword for card in cards}
    kept = [
        card._replace(value=new)
        for card in cards
        if (new := changes.get(card.keyword, card.value)) is not None
    ]
    added = [
        Card(keyword, value)
        for keyword, value in changes.items()
        if value is not None and keyword not in names
    ]
    end = next((n for n, card in enumerate(kept) if card.keyword == "HISTORY"), len(kept))
    return kept[:end] + added + kept[end:]


def fits_bytes(cards: Sequence[Card], data: NDArray[Any]) -> bytes:
    """Make a FITS file of one image.

    Parameters
    ----------
    cards : sequence of Card
        The header without SIMPLE, BITPIX, NAXIS and END, which follow from the data.
    data : ndarray of float32 or int16
        The image, 2 or 3 dimensions.

    Returns
    -------
    bytes
        Header and data, big-endian, each filled up to whole blocks.

    Raises
    ------
    UsageError
        If a card is too long or the data are of another type.
    """
    bitpix = _BITPIX.get(data.dtype.str[1:])
    if bitpix is None:
        raise UsageError(f"An image of {data.dtype} cannot be written: float32 or int16 can")
    layout = [
        Card("SIMPLE", True, "standard FITS"),
        Card("BITPIX", bitpix, "32-bit floating point" if bitpix < 0 else "16-bit integers"),
        Card("NAXIS", data.ndim, "number of axes"),
        *(Card(f"NAXIS{n}", size) for n, size in enumerate(reversed(data.shape), start=1)),
    ]
    text = "".join(str(card) for card in (*layout, *cards)) + "END"
    header = text.encode("ascii").ljust(-(-len(text) // BLOCK) * BLOCK)
    pixels = data.astype(data.dtype.newbyteorder(">")).tobytes()
    return header + pixels.ljust(-(-len(pixels) // BLOCK) * BLOCK, b"\0")


def write_fits(path: str | Path, cards: Sequence[Card], data: NDArray[Any]) -> None:
    """Write an image as a FITS file, whole or not at all.

    Parameters
    ----------
    path : str or Path
        Where; missing folders are made, an existing file is replaced.
    cards : sequence of Card
        The header without SIMPLE, BITPIX, NAXIS and END.
    data : ndarray of float32 or int16
        The image, 2 or 3 dimensions.

    Raises
    ------
    CannotWrite
        If the file cannot be written.
    UsageError
        If a card is too long or the data are of another type.
    """
    write_bytes(path, fits_bytes(cards, data))


def write_bytes(path: str | Path, content: bytes) -> None:
    """Write a file, whole or not at all.

    Parameters
    ----------
    path : str or Path
        Where; missing folders are made, an existing file is replaced.
    content : bytes
        What.

    Raises
    ------
    CannotWrite
        If the file cannot be written.
    """
    path = Path(path)
    unfinished = path.with_name(path.name + ".part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        unfinished.write_bytes(content)
        unfinished.replace(path)
    except OSError as error:
        raise CannotWrite(f"Could not write {path}: {error.strerror or error}") from error


def _printed(value: CardValue) -> str:
    if isinstance(value, bool | np.bool_):
        return f"{'T' if value else 'F':>20}"
    if isinstance(value, int | np.integer):
        return f"{int(value):>20}"
    if isinstance(value, float | np.floating):
        if not np.isfinite(value):
            raise UsageError("A header has no way to say that a number is not finite")
        return f"{float(value)!r:>20}".upper()
    quoted = value.replace("'", "''")
    return f"'{quoted:<8}'".ljust(20)
