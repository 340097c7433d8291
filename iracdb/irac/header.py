"""FITS headers as they are printed: cards, their text and their numbers.

The catalogue keeps what a header prints, digit for digit, which astropy's parsed values do not
tell; and it reads thousands of headers, for which a plain scan of the cards is many times as fast.
Most cards stand in the next header too, byte for byte: what was read of them lately is kept.
Pixels and coordinates are left to numpy and astropy.
"""

from __future__ import annotations

import json
import math
import re
from dataclasses import dataclass
from functools import cached_property, lru_cache
from json.encoder import encode_basestring_ascii as quoted_json
from struct import Struct
from typing import Any, BinaryIO, NamedTuple

from iracdb.errors import BadFile

BLOCK = 2880
CARD = 80
_MAX_BLOCKS = 1000

_UNPRINTABLE = dict.fromkeys((*range(32), *range(127, 160)), "�")
_COMMENTARY = ("COMMENT", "HISTORY", "")
_END = b"END".ljust(CARD)
_MOST_KEPT = 8192
"""Cards that are remembered: some megabytes, however many headers are read."""


class Card(NamedTuple):
    """One card of a header.

    Parameters
    ----------
    keyword : str
        Empty for a blank one.
    text : str
        The value as printed: a string without its quotes, a number with its digits. The words of
        a comment.
    number : float or None
        The value, where it is a finite number.
    """

    keyword: str
    text: str
    number: float | None

    @property
    def integer(self) -> int | None:
        """The value as an integer, whether or not it stands in quotes; None for none of 64 bits."""
        try:
            value = int(self.text)
        except ValueError:
            if self.number is None or self.number != int(self.number):
                return None
            value = int(self.number)
        return value if abs(value) < 2**63 else None


class _Read(NamedTuple):
    """What was read of a card's bytes."""

    card: Card
    written: str
    """As JSON."""
    wcs: tuple[str, Any, str] | None
    """Keyword and value of the coordinate system, and both as JSON."""


@dataclass(frozen=True)
class Header:
    """A primary header.

    Parameters
    ----------
    verbatim : bytes
        All its blocks, a multiple of 2880 bytes.
    """

    verbatim: bytes

    def __getstate__(self) -> dict[str, bytes]:
        # What is read of it is read again sooner than sent to another process.
        return {"verbatim": self.verbatim}

    def forget(self) -> None:
        """Keep nothing but the bytes: what was read of them is read again when it is asked for."""
        verbatim = self.verbatim
        self.__dict__.clear()
        self.__dict__["verbatim"] = verbatim

    @property
    def lines(self) -> tuple[bytes, ...]:
        """The cards up to and with END, 80 bytes each, as they are in the file."""
        whole, rest = divmod(len(self.verbatim), CARD)
        lines: tuple[bytes, ...] = _lines_of(whole, rest).unpack(self.verbatim)
        return lines[: lines.index(_END) + 1] if _END in lines else lines

    @cached_property
    def _read(self) -> list[_Read]:
        lines = self.lines
        return [_lately[line] for line in (lines[:-1] if lines[-1:] == (_END,) else lines)]

    @cached_property
    def cards(self) -> tuple[Card, ...]:
        """The cards before END, in order."""
        return tuple([card for card, _, _ in self._read])

    @property
    def cards_json(self) -> str:
        """The cards as JSON: an array of [keyword, text, number or null] in order."""
        return f"[{', '.join([written for _, written, _ in self._read])}]"

    @cached_property
    def _wcs(self) -> list[tuple[str, Any, str]] | None:
        """What the cards of the coordinate system say, of each keyword the first."""
        if "CTYPE1" not in self:
            return None
        found = [wcs for _, _, wcs in self._read if wcs is not None]
        first: dict[str, tuple[str, Any, str]] = {}
        for each in found:
            first.setdefault(each[0], each)
        return found if len(first) == len(found) else list(first.values())

    @property
    def wcs(self) -> dict[str, Any] | None:
        """The cards of the world coordinate system by keyword; None where there is none."""
        return None if self._wcs is None else {name: value for name, value, _ in self._wcs}

    @property
    def wcs_json(self) -> str:
        """The same as JSON."""
        if self._wcs is None:
            return "null"
        return f"{{{', '.join([written for _, _, written in self._wcs])}}}"

    @cached_property
    def _first(self) -> dict[str, Card]:
        # A few keywords stand twice in real headers; the first counts, as in astropy.
        cards = self.cards[::-1]
        return dict(zip([card[0] for card in cards], cards, strict=True))

    def __contains__(self, keyword: str) -> bool:
        return keyword in self._first

    def text(self, keyword: str) -> str | None:
        """Tell a value as printed.

        Parameters
        ----------
        keyword : str
            In capitals.

        Returns
        -------
        str or None
            None where there is no such card, or no value on it.
        """
        card = self._first.get(keyword)
        return card.text if card is not None and card.text != "" else None

    def number(self, keyword: str) -> float | None:
        """Tell a value as a number.

        Parameters
        ----------
        keyword : str
            In capitals.

        Returns
        -------
        float or None
            None where there is no such card, or its value is not a finite number.
        """
        card = self._first.get(keyword)
        return None if card is None else card.number

    def integer(self, keyword: str) -> int | None:
        """Tell a value as an integer, whether or not it stands in quotes.

        Parameters
        ----------
        keyword : str
            In capitals.

        Returns
        -------
        int or None
            None where there is no such card, or its value is no integer of 64 bits.
        """
        card = self._first.get(keyword)
        return None if card is None else card.integer


@lru_cache(64)
def _lines_of(whole: int, rest: int) -> Struct:
    """Give what cuts a header into its cards."""
    return Struct(f"{CARD}s" * whole + (f"{rest}s" if rest else ""))


class _Lately(dict[bytes, _Read]):
    """What is on cards that were read lately, and how it is written as JSON."""

    def __missing__(self, line: bytes) -> _Read:
        if len(self) >= _MOST_KEPT:
            self.clear()
        card = _card(line.decode("latin-1"))
        number = "null" if card.number is None else repr(card.number)
        written = f"[{quoted_json(card.keyword)}, {quoted_json(card.text)}, {number}]"
        self[line] = found = _Read(card, written, _wcs_of(card))
        return found


_WCS_KEYWORD = re.compile(
    r"(CTYPE|CRPIX|CRVAL|CDELT|CUNIT|CROTA)[12]|(CD|PC)[12]_[12]|PV[12]_\d+"
    r"|(A|B|AP|BP)_(ORDER|\d_\d)|RADESYS|RADECSYS|EQUINOX|LONPOLE|LATPOLE"
)


def _wcs_of(card: Card) -> tuple[str, Any, str] | None:
    """Tell what a card says of the coordinate system."""
    if _WCS_KEYWORD.fullmatch(card.keyword) is None:
        return None
    number = card.integer if card.keyword.endswith("_ORDER") else card.number
    value = card.text if number is None else number
    return card.keyword, value, f"{json.dumps(card.keyword)}: {json.dumps(value)}"


_lately = _Lately()


def _card(line: str) -> Card:
    if not (line.isascii() and line.isprintable()):
        return _odd_card(line)
    keyword = line[:8].rstrip()
    if line[8:10] != "= " or keyword in _COMMENTARY:
        return Card(keyword, line[8:].rstrip(), None)
    value = line[10:].lstrip()
    if not value.startswith("'"):
        text = value.partition("/")[0].rstrip()
        return Card(keyword, text, _number(text))
    end = value.find("'", 1)
    if end < 0 or value.startswith("'", end + 1):
        return _odd_card(line)
    return Card(keyword, value[1:end].rstrip(), None)


def _odd_card(line: str) -> Card:
    """Read a card whatever is on it."""
    keyword = line[:8].rstrip().translate(_UNPRINTABLE)
    if line[8:10] != "= " or keyword in _COMMENTARY:
        return Card(keyword, line[8:].rstrip().translate(_UNPRINTABLE), None)
    value = line[10:]
    if value.lstrip().startswith("'"):
        return Card(keyword, _quoted(value).translate(_UNPRINTABLE), None)
    text = value.split("/", 1)[0].strip().translate(_UNPRINTABLE)
    return Card(keyword, text, _number(text))


_QUOTED = re.compile(r"\s*'((?:[^']|'')*)")


def _quoted(value: str) -> str:
    match = _QUOTED.match(value)
    return "" if match is None else match.group(1).replace("''", "'").rstrip()


_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eEdD][+-]?\d+)?")


def _number(text: str) -> float | None:
    if _NUMBER.fullmatch(text) is None:
        return None
    if "D" in text or "d" in text:
        text = text.replace("D", "E").replace("d", "e")
    value = float(text)
    # Minus zero is kept as zero: SQLite would lose the sign, PostgreSQL would not.
    return value + 0.0 if math.isfinite(value) else None


def read_header(stream: BinaryIO) -> Header:
    """Read the primary header of a FITS file.

    Parameters
    ----------
    stream : binary file
        At its beginning; left at the first byte of data.

    Returns
    -------
    Header
        With every byte up to the data.

    Raises
    ------
    BadFile
        ``file-empty``, ``not-fits`` or ``truncated-header``.
    """
    blocks: list[bytes] = []
    while len(blocks) < _MAX_BLOCKS:
        block = stream.read(BLOCK)
        if not blocks:
            _check_start(block)
        if len(block) < BLOCK:
            raise _ends_early(sum(map(len, blocks)) + len(block))
        blocks.append(block)
        if _ends(block):
            return Header(b"".join(blocks))
    raise BadFile("its header has no END", code="not-fits")


def header_at_start(content: bytearray, length: int, *, whole: bool) -> Header | None:
    """Read the primary header of a FITS file whose first bytes are in memory.

    Parameters
    ----------
    content : bytearray
        The file's first bytes, and anything after them.
    length : int
        How many are the file's.
    whole : bool
        Whether the file ends there.

    Returns
    -------
    Header or None
        As `read_header` gives it; None where it does not end in these bytes.

    Raises
    ------
    BadFile
        As `read_header`.
    """
    _check_start(bytes(content[: min(BLOCK, length)]))
    end = content.find(_END, 0, length)
    while end % CARD and end >= 0:
        end = content.find(_END, end + 1, length)
    most = (end // BLOCK + 1) * BLOCK
    if end >= 0 and most <= min(length, _MAX_BLOCKS * BLOCK):
        return Header(bytes(memoryview(content)[:most]))
    if whole and length < _MAX_BLOCKS * BLOCK:
        raise _ends_early(length)
    return None


def _ends_early(after: int) -> BadFile:
    return BadFile(f"it ends in the header, after {after} bytes", code="truncated-header")


def _check_start(block: bytes) -> None:
    if not block:
        raise BadFile("it is empty", code="file-empty")
    if not block.startswith(b"SIMPLE  ="):
        raise BadFile("it is not a FITS file", code="not-fits")


def _ends(block: bytes) -> bool:
    if b"END" not in block:
        return False
    return any(
        block[start : start + CARD].rstrip(b" ") == b"END" for start in range(0, len(block), CARD)
    )
