"""The quick ingest stores what the plain one would, row for row, whatever the files are like."""

from __future__ import annotations

import gzip
import os
import shutil
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from helpers import fits_of, many_files, outcomes, put, spec, with_card
from hypothesis import given
from hypothesis import strategies as st
from plain_ingest import cards, go_the_plain_way, plain_card
from sqlalchemy import make_url

from iracdb.catalogue import ingest as ingest_module
from iracdb.catalogue import ingest_new
from iracdb.catalogue.database import Database, open_database
from iracdb.catalogue.ingest import ingest
from iracdb.catalogue.urls import database_url
from iracdb.irac.header import CARD, Header
from iracdb.irac.simulate import simulate_archive

TABLES = ("aor", "frame", "file", "header", "file_location", "file_problem")
TIMES = ("first_seen", "last_seen", "resolved_at")


@pytest.fixture
def plain(any_location: str) -> Iterator[Database]:
    """A second catalogue of the same kind, for the plain way."""
    location = any_location + "_plain"
    server = "://" in any_location
    if server:
        administer(any_location, f'CREATE DATABASE "{location.rpartition("/")[2]}"')
    database = open_database(database_url(location), create=True)
    yield database
    database.close()
    if server:
        administer(any_location, f'DROP DATABASE "{location.rpartition("/")[2]}"')


def administer(url: str, statement: str) -> None:
    plain_url = make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
    with psycopg.connect(plain_url, autocommit=True) as connection:
        connection.execute(statement)


def held(database: Database) -> dict[str, list[tuple[Any, ...]]]:
    """Give every table as the driver does: numbers of rows too, of times only whether."""
    found = {}
    with database.read() as connection:
        for table in TABLES:
            result = connection.exec_driver_sql(f'SELECT * FROM "{table}"')
            names = list(result.keys())
            rows = [
                tuple(_shown(name, value) for name, value in zip(names, row, strict=True))
                for row in result
            ]
            found[table] = sorted(rows, key=repr)
    return found


def _shown(name: str, value: object) -> object:
    if name == "verbatim":
        return zlib.decompress(value)  # type: ignore[arg-type]
    if name in TIMES:
        return value is not None
    return type(value).__name__, value


# --- Whole ingests -------------------------------------------------------------------------------

HOSTILE = (
    ("AORLABEL", b"AORLABEL= '[red]\x1b[31m''; DROP TABLE file; --\x00'"),
    ("OBJECT", b"OBJECT  = '\xff\x80\xa0\xad %s :a \\N \t'"),
    ("CREATOR", b"\x00\x01REATOR= 'x'"),
    ("GAIN", b"GAIN    =                1E999"),
    ("GAIN", b"DITHPOS =  99999999999"),
    ("RONOISE", b"RONOISE =                 -0.0"),
    ("FLUXCONV", b"FLUXCONV= 0.1469D+00 / Fortran's"),
    ("CTYPE1", b"CTYPE1  = 'never ended"),
    ("CRVAL1", b"CRVAL1  = '12.5'"),
)
"""Keywords whose cards are replaced by others."""


def first_state(root: Path) -> None:
    """Lay down what an archive may hold."""
    simulate_archive(root / "simulated", frames=1, bad_files=True)
    odd = root / "odd"
    many_files(odd, 70)
    content = fits_of(spec(aorkey=90000001))
    put(odd, spec(aorkey=90000001), content=content)
    for number, (keyword, card) in enumerate(HOSTILE, 1):
        one = fits_of(spec(aorkey=90000001, expid=number))
        put(odd, spec(aorkey=90000001, expid=number), content=with_card(one, keyword, card))
    # The same bytes twice, and under two versions; other bytes of one version.
    for place in ("copy", "one more"):
        put(odd / place, spec(aorkey=90000001), content=content)
    put(odd, spec(aorkey=90000001, version=3), content=content)
    put(odd / "sibling", spec(aorkey=90000001, flux_mjy=3.0))
    # Versions and kinds of one frame, in several stretches, the best one last or first.
    for version, creator in ((2, "S18.7.0"), (1, "S18.18.0"), (4, None)):
        changes: dict[str, Any] = {"header": {"CREATOR": None}} if creator is None else {}
        for kind in ("sub2d", "bcd", "msk2d", "bunc"):
            frame = spec(aorkey=90000002, version=version, target=f"V{version}", **changes)
            put(odd / f"{kind} {version}", frame, kind)
    put(odd / "no coordinates", spec(aorkey=90000003, header={"CTYPE1": None}))
    put(odd / "no reference", spec(aorkey=90000003, expid=1, header={"RA_REF": None}))
    # A header longer than what is read at once, pixels longer, and what comes after them.
    start = content.index(b"END".ljust(CARD))
    put(odd / "long", spec(aorkey=90000001, version=7), content=_padded(content, start, 20_000))
    put(odd / "long", spec(aorkey=90000001, version=8),
        content=_padded(content, start, 20_000)[:-2000])  # fmt: skip
    put(odd / "more", spec(aorkey=90000001, version=9), content=content + bytes(3 << 20))
    wide = with_card(fits_of(spec(aorkey=90000004), "bcd"), "BITPIX", b"BITPIX  = -64")
    put(odd / "wide", spec(aorkey=90000004), "bcd", content=wide + bytes(3 << 20))
    packed = put(odd / "packed", spec(aorkey=90000005))
    packed.with_name(packed.name + ".gz").write_bytes(gzip.compress(packed.read_bytes()))
    put(odd / "ends", spec(aorkey=90000005, expid=1), content=content[: start - 7])
    put(odd / "empty", spec(aorkey=90000005, expid=2), content=b"")
    (odd / "link.fits").symlink_to("nowhere.fits")
    # Times of change are what they are: those of a file that was moved stay.
    for path in sorted(root.rglob("*.fits")):
        if not path.is_symlink():
            os.utime(path, ns=(0, 10**18))


def _padded(content: bytes, start: int, more: int) -> bytes:
    """Put comments before END, so many that the header is longer than a mebibyte."""
    data = -(-(start + CARD) // 2880) * 2880
    header = content[:start] + b"HISTORY on and on".ljust(CARD) * more + b"END".ljust(CARD)
    return header.ljust(-(-len(header) // 2880) * 2880) + content[data:]


def second_state(root: Path) -> None:
    """Change it: files that moved, changed, went, came, were mended, and came to be bad."""
    odd = root / "odd"
    paths = sorted((odd / "r90000000").rglob("*.fits"))
    moved = odd / "moved"
    moved.mkdir()
    for path in paths[:5]:
        path.rename(moved / path.name)
    for number, path in enumerate(paths[5:10]):
        changed = with_card(path.read_bytes(), "OBJECT", f"OBJECT  = 'new {number}'".encode())
        path.write_bytes(changed)
    for path in paths[10:13]:
        os.utime(path, ns=(0, 10**18 + 1))
    for path in paths[13:16]:
        path.unlink()
    paths[16].write_bytes(paths[17].read_bytes()[:4000])
    paths[18].write_bytes(b"")
    one, two = paths[20], paths[21]
    one.rename(odd / "third")
    two.rename(one)
    (odd / "third").rename(two)
    os.utime(one, ns=(0, 10**18 + 5))
    shutil.copy2(paths[30], odd / paths[30].name)
    for expid in range(25, 50):  # files that come to frames that are there
        put(odd / "later", spec(expid=expid, version=2, target="LATER"))
        put(odd / "later", spec(expid=expid, version=1, target="BCD"), "bcd")
    put(odd / "empty", spec(aorkey=90000005, expid=2))
    put(odd / "000 before all", spec(aorkey=90000001, channel=1, label="SIM_cycl"), "bcd")


def test_what_is_stored_is_what_the_plain_way_stores(
    any_database: Database, plain: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(ingest_module, "BATCH", 30)
    root = tmp_path / "data"
    for change, rehash in ((first_state, False), (second_state, False), (None, True)):
        if change is not None:
            change(root)
        quick = ingest(any_database, [root], rehash=rehash)
        with pytest.MonkeyPatch.context() as patch:
            go_the_plain_way(patch)
            slow = ingest(plain, [root], rehash=rehash)
        assert quick.outcomes == slow.outcomes
        assert quick.as_dict() == slow.as_dict()
        assert held(any_database) == held(plain)


def test_the_real_archive_is_stored_as_the_plain_way_stores_it(
    any_database: Database, plain: Database, reference: Path
):
    ingest(any_database, [reference / "archive"])
    with pytest.MonkeyPatch.context() as patch:
        go_the_plain_way(patch)
        ingest(plain, [reference / "archive"])
    assert held(any_database) == held(plain)


# --- One file that the database cannot hold ------------------------------------------------------


def test_a_file_that_cannot_be_held_is_set_aside_and_no_other(
    any_database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    many_files(tmp_path / "data", 9)
    spoil_version(monkeypatch, expid=4)
    report = ingest(any_database, [tmp_path / "data"])
    assert outcomes(report) == {"new": 8, "set aside": 1}
    [bad] = report.of("set aside")
    assert (bad.code, "_0004_" in bad.path) == ("not-storable", True)
    assert len(held(any_database)["file"]) == len(held(any_database)["frame"]) == 8


def spoil_version(monkeypatch: pytest.MonkeyPatch, expid: int) -> None:
    """Let one file have a number that no column holds: no header that is read has."""
    original = ingest_new.IracFile.__init__

    def made(self: Any, *arguments: Any, **fields: Any) -> None:
        original(self, *arguments, **fields)
        if self.name.expid == expid:
            object.__setattr__(self, "size", -1)

    monkeypatch.setattr(ingest_new.IracFile, "__init__", made)


# --- Cards ---------------------------------------------------------------------------------------

PIECES = st.text(
    st.sampled_from("AB09 ='/.+-EeDd\"\\\t\x00\x7f\x85\xa0\xad\xff\u0131nainf_"), max_size=CARD
)


@given(st.lists(st.tuples(st.sampled_from(["KEY     = ", "KEY     =", "HISTORY = ", ""]), PIECES)))
def test_cards_are_read_as_the_plain_way_reads_them(lines: list[tuple[str, str]]):
    written = [
        (start + rest).encode("latin-1", "replace")[:CARD].ljust(CARD) for start, rest in lines
    ]
    header = Header(b"".join([*written, b"END".ljust(CARD)]))
    assert header.cards == cards(header)
    for _ in range(2):  # read, and remembered
        again = Header(header.verbatim)
        assert [*map(repr, again.cards)] == [*map(repr, cards(header))]


def test_memory_does_not_grow_with_the_headers(monkeypatch: pytest.MonkeyPatch):
    from iracdb.irac import header as module

    monkeypatch.setattr(module, "_MOST_KEPT", 100)
    for start in range(0, 2000, 50):
        lines = [
            f"N{number:<7}= {number}".encode().ljust(CARD) for number in range(start, start + 50)
        ]
        read = Header(b"".join([*lines, b"END".ljust(CARD)])).cards
        assert read == tuple(plain_card(line.decode()) for line in lines)
        assert len(module._lately) <= 100
