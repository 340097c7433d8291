"""Marks of headers: by single cards of every look, and in every real header."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits

from iracdb.irac.header import read_header
from iracdb.irac.header_marks import ADVISORY, HEADER_MARKS, UNUSABLE, decode, marks_of

CARDS = ("MISSDATA", "MISS_LCT", "BADTRIG", "ZEROPIX", "PTGCPD", "USEDBPHF")
YES = (True, np.True_, "T", "T       ", "'Yes     '", "yes", 1, 12, -1.0, np.int16(3), "12.")
NO = (False, np.False_, "F", "No", "n", 0, 0.0, np.float32(0), "0", "0.", "'F       '")
NEITHER = (None, "", "  ", "perhaps", float("nan"), "nan", b"T", [True], 1j)


def test_the_registry() -> None:
    assert tuple(mark.card for mark in HEADER_MARKS) == CARDS
    assert [mark.bit for mark in HEADER_MARKS] == [1, 2, 4, 8, 16, 32]
    assert decode(UNUSABLE) == CARDS[:4]
    assert decode(ADVISORY) == CARDS[4:]
    assert all(mark.sentence.endswith(".") for mark in HEADER_MARKS)


@pytest.mark.parametrize("card", CARDS)
def test_a_card_of_every_look(card: str) -> None:
    bit = 2 ** CARDS.index(card)
    # A pointing from the boresight's history is the good one.
    bad, good = (NO, YES) if card == "USEDBPHF" else (YES, NO)
    assert [marks_of({card: value}) for value in bad] == [bit] * len(bad)
    assert [marks_of({card: value}) for value in good] == [0] * len(good)
    assert [marks_of({card: value}) for value in NEITHER] == [0] * len(NEITHER)


def test_marks_add_up_and_decode() -> None:
    every: dict[str, object] = {card: card != "USEDBPHF" for card in CARDS}
    assert marks_of(every) == 63
    assert decode(63) == CARDS
    assert marks_of({}) == 0
    assert decode(0) == ()
    assert marks_of({"missdata": True, "ELSE": True}) == 0
    with pytest.raises(ValueError, match="no mark owns"):
        decode(64)


def test_real_headers_are_clean_but_for_one_pointing(reference: Path) -> None:
    pattern = re.compile(r"^([A-Z_]{6,8}) *= *('[^']*'|[^/\n]*)", re.MULTILINE)
    marked, seen = {}, set()
    for path in sorted((reference / "headers").glob("*.txt")):
        cards = dict(pattern.findall(path.read_text(errors="replace")))
        seen |= set(CARDS) & set(cards)
        if marks_of(cards):
            marked[path.name] = decode(marks_of(cards))
    (short,) = (reference / "headers").glob("*HDRshort_bcd.txt")
    assert marked == {short.name: ("PTGCPD",)}
    assert seen == set(CARDS) - {"ZEROPIX"}


def test_real_files_by_both_readers(reference: Path) -> None:
    paths = sorted((reference / "archive").rglob("*.fits"))
    assert paths
    told = set()
    for path in paths:
        with path.open("rb") as stream:
            header = read_header(stream)
        printed = {card: header.text(card) for card in CARDS}
        parsed = fits.getheader(path)
        assert marks_of(printed) == marks_of(parsed) == 0
        told |= {card for card, text in printed.items() if text is not None}
    assert {"MISSDATA", "MISS_LCT", "BADTRIG", "USEDBPHF"} <= told


def test_a_real_header_made_bad(reference: Path) -> None:
    path = next((reference / "archive").rglob("*46466816*_bcd.fits"))
    header = fits.getheader(path)
    header["MISS_LCT"] = 4
    header["BADTRIG"] = True
    header["USEDBPHF"] = False
    assert decode(marks_of(header)) == ("MISS_LCT", "BADTRIG", "USEDBPHF")
    assert marks_of(header) & UNUSABLE
