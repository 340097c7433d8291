"""File names and headers: what they tell, held against astropy's reading of the same bytes."""

from __future__ import annotations

import io
import unicodedata
import warnings
from collections.abc import Sequence
from pathlib import Path

import pytest
from astropy.io import fits
from astropy.utils.exceptions import AstropyWarning
from hypothesis import given
from hypothesis import strategies as st

from iracdb.errors import BadFile
from iracdb.irac.header import BLOCK, CARD, Card, Header, read_header
from iracdb.irac.names import KINDS, FileName, parse_name

REPLACEMENT = "\ufffd"


def block(*lines: str | bytes, end: bool = True) -> bytes:
    """Lay out a header: SIMPLE, the lines, END."""
    cards = [b"SIMPLE  =                    T"]
    cards += [line.encode("latin-1") if isinstance(line, str) else line for line in lines]
    cards += [b"END"] if end else []
    text = b"".join(card.ljust(CARD) for card in cards)
    assert len(text) == CARD * len(cards)
    return text.ljust(-(-len(text) // BLOCK) * BLOCK)


def parse(*lines: str | bytes) -> Header:
    return read_header(io.BytesIO(block(*lines)))


# --- Names ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_is_told_by_name(kind: str):
    name = parse_name(f"SPITZER_I2_46467840_0013_0007_12_{kind}.fits")
    assert name == FileName(2, 46467840, 13, 7, 12, kind)


@pytest.mark.parametrize(
    "name",
    [
        "SPITZER_I5_46467840_0000_0000_1_bcd.fits",
        "SPITZER_I0_46467840_0000_0000_1_bcd.fits",
        "SPITZER_I2_46467840_000_0000_1_bcd.fits",
        "SPITZER_I2_46467840_0000_00000_1_bcd.fits",
        "SPITZER_I2_46467840_0000_0000_bcd.fits",
        "SPITZER_I2_46467840_0000_0000_1_.fits",
        "SPITZER_I2_46467840_0000_0000_1_bcd.fits\n",
        "SPITZER_I2_46467840_0000_0000_1_bcd.FITS",
        "SPITZER_I2_46467840_0000_0000_1_bcd.fits.gz",
        "SPITZER_I2_4646784a_0000_0000_1_bcd.fits",
        "SPITZER_M2_46467840_0000_0000_1_bcd.fits",
        " SPITZER_I2_46467840_0000_0000_1_bcd.fits",
        "a/SPITZER_I2_46467840_0000_0000_1_bcd.fits",
        "bcd.fits",
        "",
    ],
)
def test_other_names_are_not_taken_for_the_archives(name: str):
    assert parse_name(name) is None


@given(
    st.integers(1, 4), st.integers(1, 10**12 - 1), st.integers(0, 9999), st.integers(0, 9999),
    st.integers(1, 9999), st.sampled_from(sorted(KINDS)),
)  # fmt: skip
def test_a_name_is_written_as_it_is_read(channel, aorkey, expid, dcenum, version, kind):
    name = FileName(channel, aorkey, expid, dcenum, version, kind)
    assert parse_name(str(name)) == name


def test_every_name_of_the_real_archive_is_read_and_written_back(reference: Path):
    names = [path.name for path in (reference / "archive").rglob("*.fits")]
    assert len(names) == 130
    assert [str(parse_name(name)) for name in names] == names


# --- Headers, against astropy --------------------------------------------------------------------


def real_headers(reference: Path) -> list[tuple[str, bytes]]:
    """Every real header: of the archive's files, and those kept as cards alone."""
    found = []
    for path in sorted((reference / "archive").rglob("*.fits")):
        with fits.open(path, memmap=False) as hdus:
            length = hdus[0].fileinfo()["datLoc"]
        found.append((path.name, path.read_bytes()[:length]))
    raw = sorted((reference / "headers").glob("*.hdr"))
    found += [(path.name, padded(path.read_bytes())) for path in raw]
    for path in sorted((reference / "headers").glob("*.txt")):
        lines = path.read_bytes().rstrip(b"\n").split(b"\n")
        found.append((path.name, padded(b"".join(line.ljust(CARD) for line in lines))))
    return found


def padded(cards: bytes) -> bytes:
    assert len(cards) % CARD == 0
    if cards[-CARD:].rstrip() != b"END":
        cards += b"END".ljust(CARD)
    return cards.ljust(-(-len(cards) // BLOCK) * BLOCK)


def assert_as_astropy(cards: Sequence[Card], others: list[fits.Card]) -> None:
    assert [card.keyword for card in cards] == [card.keyword for card in others]
    for ours, theirs in zip(cards, others, strict=True):
        value = theirs.value
        if isinstance(value, fits.card.Undefined):
            assert (ours.text, ours.number) == ("", None)
        elif isinstance(value, bool):
            assert (ours.text, ours.number) == ("T" if value else "F", None)
        elif isinstance(value, int | float):
            assert ours.number == value, theirs
            assert float(ours.text.replace("D", "E")) == value
        else:
            assert (ours.text, ours.number) == (str(value).rstrip(), None), theirs


def test_every_real_header_is_read_as_astropy_reads_it(reference: Path):
    headers = real_headers(reference)
    assert len(headers) >= 130 + 19
    for _, verbatim in headers:
        header = read_header(io.BytesIO(verbatim + bytes(BLOCK)))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", AstropyWarning)
            theirs = list(fits.Header.fromstring(verbatim.decode("latin-1")).cards)
            # astropy leaves out blank cards at the end.
            count = len(theirs)
            assert all(card.keyword == card.text == "" for card in header.cards[count:])
            assert_as_astropy(header.cards[:count], theirs)


def test_every_real_header_is_kept_byte_for_byte(reference: Path):
    for _, verbatim in real_headers(reference):
        stream = io.BytesIO(verbatim + b"pixels".ljust(BLOCK))
        header = read_header(stream)
        assert header.verbatim == verbatim
        assert stream.read(6) == b"pixels"
        assert b"".join(header.lines).ljust(len(verbatim)) == verbatim
        assert header.lines[-1].rstrip() == b"END"


@pytest.mark.parametrize(
    "line",
    [
        "OBJECT  = 'it''s / here'       / a slash in quotes is none",
        "EMPTY   = ''",
        "LEADING = '  a  '",
        "NOVALUE =                      / only a comment",
        "FLOAT   =   1.25E-3 / a float",
        "DOUBLE  =            -1.5D+02 / Fortran",
        "POINT   =                   3. / as OLRCUTOF is printed",
        "BARE    =                  .5",
        "PLUS    =                  +7",
        "ZEROS   =                 007",
        "TRUE    =                    T",
        "HISTORY  free text / with a slash",
        "        blank keyword",
        "A-B_C1  =                    1",
    ],
)
def test_a_card_is_read_as_astropy_reads_it(line: str):
    assert_as_astropy(parse(line).cards[1:], [fits.Card.fromstring(line.ljust(CARD))])


@pytest.mark.parametrize(
    ("line", "keyword", "text", "number"),
    [
        ("OBJECT  = 'it''s / here'       / comment", "OBJECT", "it's / here", None),
        ("OPEN    = 'no end of it", "OPEN", "no end of it", None),
        ("BLANKS  = '   '", "BLANKS", None, None),
        ("NOVALUE =                      / comment", "NOVALUE", None, None),
        ("DOUBLE  = -1.5D+02 / Fortran", "DOUBLE", "-1.5D+02", -150.0),
        ("DIGITS  = 2.7062810000000000", "DIGITS", "2.7062810000000000", 2.706281),
        ("QUOTED  = '12      '", "QUOTED", "12", None),
        ("HUGE    = 1E999", "HUGE", "1E999", None),
        ("NOTANUM = NaN", "NOTANUM", "NaN", None),
        ("INFINITE= INF", "INFINITE", "INF", None),
        ("UNDERLIN= 1_000", "UNDERLIN", "1_000", None),
        ("COMMENT = 'not a value'", "COMMENT", "= 'not a value'", None),
    ],
)
def test_text_as_printed_and_number_where_it_is_finite(line, keyword, text, number):
    header = parse(line)
    assert (header.text(keyword), header.number(keyword)) == (text, number)


@pytest.mark.parametrize(
    ("value", "integer"),
    [
        ("42789888", 42789888),
        ("'42789888'", 42789888),
        ("42789888.", 42789888),
        ("4.2789888E7", 42789888),
        ("1.5", None),
        ("T", None),
        ("'x'", None),
        ("9223372036854775807", 2**63 - 1),
        ("9223372036854775808", None),
        ("1E300", None),
        ("1E999", None),
        ("", None),
    ],
)
def test_an_integer_whether_or_not_it_stands_in_quotes(value: str, integer: int | None):
    assert parse(f"AORKEY  = {value}").integer("AORKEY") == integer


def test_of_two_cards_with_one_keyword_the_first_counts_and_both_are_kept():
    header = parse("GAIN    = 3.7", "GAIN    = 9.9")
    assert header.number("GAIN") == 3.7
    assert [card.number for card in header.cards if card.keyword == "GAIN"] == [3.7, 9.9]
    theirs = fits.Header.fromstring(header.verbatim.decode("ascii"))
    assert theirs["GAIN"] == 3.7


def test_what_is_not_there_is_none():
    header = parse()
    assert header.text("GAIN") is header.number("GAIN") is header.integer("GAIN") is None
    assert "GAIN" not in header
    assert "SIMPLE" in header


def test_long_strings_and_long_keywords_do_not_disturb():
    header = parse(
        "LONG    = 'the first part &'",
        "CONTINUE  'the second part'",
        "HIERARCH ESO DET NAME = 'x'",
        "AORKEY  = 1",
    )
    assert [card.keyword for card in header.cards] == [
        "SIMPLE", "LONG", "CONTINUE", "HIERARCH", "AORKEY",
    ]  # fmt: skip
    assert header.text("LONG") == "the first part &"
    assert header.integer("AORKEY") == 1


def test_control_characters_are_shown_but_not_kept_in_text():
    line = b"OBJ\x00CT  = 'a\x00b\x1b[31mc\x7f'"
    header = parse(line, b"\x1b[2J    = 1", b"HISTORY \x07bell")
    texts = [(card.keyword, card.text) for card in header.cards[1:]]
    assert texts == [
        (f"OBJ{REPLACEMENT}CT", f"a{REPLACEMENT}b{REPLACEMENT}[31mc{REPLACEMENT}"),
        (f"{REPLACEMENT}[2J", "1"),
        ("HISTORY", f"{REPLACEMENT}bell"),
    ]
    assert header.lines[1].startswith(line)


@given(st.lists(st.binary(min_size=CARD, max_size=CARD), max_size=40))
def test_whatever_bytes_stand_in_a_header_it_is_kept_and_its_text_is_clean(lines: list[bytes]):
    content = block(*lines)
    header = read_header(io.BytesIO(content))
    assert header.verbatim == content
    for card in header.cards:
        assert not any(unicodedata.category(one) == "Cc" for one in card.keyword + card.text)
        assert card.number is None or abs(card.number) < float("inf")


# --- Headers that are none -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "code", "message"),
    [
        (b"", "file-empty", "it is empty"),
        (b"<html>", "not-fits", "it is not a FITS file"),
        (bytes(5 * BLOCK), "not-fits", "it is not a FITS file"),
        (b"XTENSION= 'IMAGE   '".ljust(BLOCK), "not-fits", "it is not a FITS file"),
        (b"SIMPLE  =", "truncated-header", "it ends in the header, after 9 bytes"),
        (block()[:-1], "truncated-header", "it ends in the header, after 2879 bytes"),
        (block(end=False), "truncated-header", "it ends in the header, after 2880 bytes"),
        (block("END OF  = 'this is not END'", end=False) + b"x" * 80, "truncated-header",
         "it ends in the header, after 2960 bytes"),
        (block(end=False) * 1000 + block(), "not-fits", "its header has no END"),
    ],
)  # fmt: skip
def test_what_is_no_header_is_refused_with_a_reason(content: bytes, code: str, message: str):
    with pytest.raises(BadFile) as caught:
        read_header(io.BytesIO(content))
    assert (caught.value.code, str(caught.value)) == (code, message)


def test_a_header_of_ten_thousand_cards_is_read():
    header = parse(*(f"K{number:<7}= {number}" for number in range(10_000)))
    assert len(header.cards) == 10_001
    assert header.number("K9999") == 9999
