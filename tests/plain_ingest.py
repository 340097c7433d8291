"""The plain way to take files in, which the quick one must equal: a file at a time, all by hand."""

from __future__ import annotations

import hashlib
import io
import json
import re
import zlib
from functools import lru_cache
from pathlib import Path
from typing import Any

import pytest

from iracdb.catalogue import ingest as ingest_module
from iracdb.catalogue.ingest_new import Familiar
from iracdb.catalogue.ingest_reading import Packed, Reading
from iracdb.catalogue.ingest_store import Store
from iracdb.errors import BadFile
from iracdb.irac import files
from iracdb.irac.header import _WCS_KEYWORD, CARD, Card, Header, read_header

CONTROL = dict.fromkeys((*range(32), *range(127, 160)), "�")


def go_the_plain_way(patch: pytest.MonkeyPatch) -> None:
    """Let ingest read and store as plainly as can be."""
    patch.setattr(Familiar, "is_new", lambda self, reading: False)
    patch.setattr(
        ingest_module, "Store", lambda connection, report, first_of: Store(connection, report)
    )
    patch.setattr(ingest_module, "read_irac_file", plain_file)
    patch.setattr(Reading, "packed", property(packed))
    patch.setattr(Header, "cards", property(cards))
    patch.setattr(Header, "_first", property(first))


def plain_file(path: str) -> files.IracFile:
    """Read a file whole, and its header from a stream."""
    name = files._checked_name(Path(path).name)
    try:
        content, status = Path(path).read_bytes(), Path(path).stat()
    except OSError as problem:
        raise BadFile(files._why_unreadable(problem), code="unreadable") from None
    stream = io.BytesIO(content)
    header = read_header(stream)
    files.check_identity(header, name)
    bitpix, shape = files._layout(header, name)
    expected = abs(bitpix) // 8
    for axis in shape:
        expected *= axis
    pixels = stream.read(expected)
    if len(pixels) < expected:
        missing = expected - len(pixels)
        raise BadFile(
            f"it ends in the pixels: {missing} of {expected} bytes are missing",
            code="truncated-data",
        )
    return files.IracFile(
        name=name, size=status.st_size, mtime_ns=status.st_mtime_ns,
        sha256=hashlib.sha256(content).hexdigest(),
        data_sha256=hashlib.sha256(pixels).hexdigest(),
        header=header, bitpix=bitpix, shape=shape,
        facts=files._facts(header, name), wcs=plain_wcs(header),
    )  # fmt: skip


def plain_wcs(header: Header) -> dict[str, Any] | None:
    """Look at every card."""
    if all(card.keyword != "CTYPE1" for card in cards(header)):
        return None
    found: dict[str, Any] = {}
    for card in cards(header):
        if _WCS_KEYWORD.fullmatch(card.keyword) and card.keyword not in found:
            integer = card.keyword.endswith("_ORDER")
            value = header.integer(card.keyword) if integer else card.number
            found[card.keyword] = card.text if value is None else value
    return found


def packed(reading: Reading) -> Packed:
    """Compress as zlib does by default, and write JSON by its own module."""
    assert reading.file is not None
    header = reading.file.header
    listed = [[card.keyword, card.text, card.number] for card in cards(header)]
    return Packed(zlib.compress(header.verbatim), json.dumps(listed), json.dumps(plain_wcs(header)))


def cards(header: Header) -> tuple[Card, ...]:
    """Read every card of a header, none of another."""
    return cards_of(header.verbatim)


@lru_cache(1)
def cards_of(verbatim: bytes) -> tuple[Card, ...]:
    """Read cards one by one."""
    text = verbatim.decode("latin-1")
    found = []
    for start in range(0, len(text), CARD):
        line = text[start : start + CARD]
        if line.rstrip(" ") == "END":
            break
        found.append(plain_card(line))
    return tuple(found)


def first(header: Header) -> dict[str, Card]:
    """Find cards by keyword: the first of each."""
    return first_of(header.verbatim)


@lru_cache(1)
def first_of(verbatim: bytes) -> dict[str, Card]:
    """Find them from the first to the last."""
    found: dict[str, Card] = {}
    for card in cards_of(verbatim):
        found.setdefault(card.keyword, card)
    return found


def plain_card(line: str) -> Card:
    """Read one card, whatever is on it."""
    keyword = line[:8].rstrip().translate(CONTROL)
    if line[8:10] != "= " or keyword in ("COMMENT", "HISTORY", ""):
        return Card(keyword, line[8:].rstrip().translate(CONTROL), None)
    if line[10:].lstrip().startswith("'"):
        inside = re.match(r"\s*'((?:[^']|'')*)", line[10:])
        assert inside is not None
        return Card(keyword, inside[1].replace("''", "'").rstrip().translate(CONTROL), None)
    text = line[10:].split("/", 1)[0].strip().translate(CONTROL)
    number = None
    if re.fullmatch(r"[+-]?(\d+\.?\d*|\.\d+)([eEdD][+-]?\d+)?", text):
        value = float(text.replace("D", "E").replace("d", "e"))
        number = value + 0.0 if abs(value) < float("inf") else None
    return Card(keyword, text, number)
