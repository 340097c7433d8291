"""Files that cannot be taken in: each with its reason, in one sentence, and nothing else lost."""

from __future__ import annotations

import errno
import gzip
import json
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from helpers import facts, fits_of, outcomes, places, problems, put, spec, with_card
from iracdb_cli.main import main

from iracdb.catalogue import listing
from iracdb.catalogue.database import Database, open_database
from iracdb.catalogue.ingest import ingest
from iracdb.catalogue.urls import database_url
from iracdb.irac import files as files_module
from iracdb.irac.simulate import simulate_frame
from iracdb.irac.simulate.cards import fits_bytes

NAME = "SPITZER_I2_90000000_0007_0000_1_sub2d.fits"
WHOLE = fits_of(spec(expid=7))
DATA = WHOLE.index(b"END" + b" " * 77) // 2880 * 2880 + 2880


def card(keyword: str, text: bytes) -> bytes:
    return with_card(WHOLE, keyword, text)


def without(keyword: str) -> bytes:
    return card(keyword, b"COMMENT")


def other_shape() -> bytes:
    frame = spec(expid=7)
    cards, image = simulate_frame(frame)
    return fits_bytes(cards, np.ascontiguousarray(image[0, :16]))


BAD: dict[str, tuple[bytes, str, str]] = {
    "zero bytes": (b"", "file-empty", "it is empty"),
    "truncated in the first block": (
        WHOLE[:1000], "truncated-header", "it ends in the header, after 1000 bytes",
    ),
    "truncated in the header": (
        WHOLE[: 2880 + 99], "truncated-header", "it ends in the header, after 2979 bytes",
    ),
    "truncated before the pixels": (
        WHOLE[:DATA], "truncated-data",
        "it ends in the pixels: 4096 of 4096 bytes are missing",
    ),
    "truncated in the pixels": (
        WHOLE[: DATA + 4095], "truncated-data",
        "it ends in the pixels: 1 of 4096 bytes are missing",
    ),
    "not FITS": (b"<html>503</html>", "not-fits", "it is not a FITS file"),
    "another instrument": (
        card("INSTRUME", b"INSTRUME= 'MIPS    '"), "other-instrument",
        "its instrument is MIPS, not IRAC",
    ),
    "no instrument": (
        without("INSTRUME"), "other-instrument", "its instrument is not told, not IRAC",
    ),
    "AORKEY missing": (without("AORKEY"), "no-aorkey", "its header has no AORKEY"),
    "AORKEY without a number": (
        card("AORKEY", b"AORKEY  = 'unknown'"), "no-aorkey", "its header has no AORKEY",
    ),
    "AORKEY unlike the name's": (
        card("AORKEY", b"AORKEY  = 90000001"), "name-mismatch",
        "its header says AORKEY 90000001, its name says 90000000",
    ),
    "EXPID unlike the name's": (
        card("EXPID", b"EXPID   = 8"), "name-mismatch",
        "its header says EXPID 8, its name says 7",
    ),
    "channel unlike the name's": (
        card("CHNLNUM", b"CHNLNUM = 1"), "name-mismatch",
        "its header says CHNLNUM 1, its name says 2",
    ),
    "wrong shape": (
        other_shape(), "unexpected-shape", "its image is 16 x 32, which no sub2d is",
    ),
    "a cube under the name of an image": (
        fits_of(spec(expid=7), "bcd"), "unexpected-shape",
        "its image is 64 x 32 x 32, which no sub2d is",
    ),
    "no pixels": (
        card("NAXIS", b"NAXIS   = 0"), "unexpected-shape",
        "its image is no pixels, which no sub2d is",
    ),
    "a number of axes that cannot be": (
        card("NAXIS", b"NAXIS   = 99999999999999999"), "bad-header",
        "its header has no usable BITPIX and NAXIS",
    ),
    "pixels of no type": (
        card("BITPIX", b"BITPIX  = 7"), "bad-header", "its header has no usable BITPIX and NAXIS",
    ),
    "an axis of negative length": (
        card("NAXIS1", b"NAXIS1  = -32"), "unexpected-shape",
        "its image is 32 x -32, which no sub2d is",
    ),
    "no time": (
        without("MJD_OBS"), "bad-header",
        "its header has no usable MJD_OBS, so neither time nor mission can be told",
    ),
    "a time that is no number": (
        card("MJD_OBS", b"MJD_OBS = 1E999"), "bad-header",
        "its header has no usable MJD_OBS, so neither time nor mission can be told",
    ),
}  # fmt: skip


@pytest.fixture
def sqlite(tmp_path: Path):
    database = open_database(database_url(tmp_path / "iracdb.sqlite"), create=True)
    yield database
    database.close()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with two good files, around the one that is to be bad."""
    made = tmp_path / "data"
    put(made, spec(expid=1))
    put(made, spec(expid=9))
    return made


def assert_set_aside(database: Database, folder: Path, path: str, code: str, sentence: str) -> None:
    """Ingest a folder with two good files and a bad one, and see what is said everywhere."""
    report = ingest(database, [folder])
    assert outcomes(report) == {"new": 2, "set aside": 1}
    [one] = report.of("set aside")
    assert (one.path, one.code, one.note) == (path, code, sentence)
    assert problems(database) == {path: (code, sentence, False)}
    assert len(places(database)) == 2
    assert len(facts(database)["frame"]) == 2
    again = ingest(database, [folder])
    assert (outcomes(again), again.nothing_new, again.unchanged) == ({"set aside": 1}, True, 2)
    with database.read() as connection:
        [row] = listing.problems(connection).rows
    assert row[:3] == (path, code, sentence)


@pytest.mark.parametrize("what", BAD)
def test_a_bad_file_is_set_aside_with_its_reason(
    sqlite: Database, folder: Path, what: str, capsys: pytest.CaptureFixture[str]
):
    content, code, sentence = BAD[what]
    path = put(folder, spec(expid=7), content=content)
    assert path.name == NAME
    assert_set_aside(sqlite, folder, str(path), code, sentence)
    assert main(["--db", str(sqlite.url.database), "problems", "--json"]) == 0
    [row] = json.loads(capsys.readouterr().out)
    assert (row["path"], row["code"], row["message"]) == (str(path), code, sentence)
    path.write_bytes(WHOLE)
    assert outcomes(ingest(sqlite, [folder])) == {"new": 1, "no longer set aside": 1}


def test_all_bad_files_at_once_on_both_databases(any_database: Database, tmp_path: Path):
    folder = tmp_path / "data"
    expected = {}
    for number, (content, code, sentence) in enumerate(BAD.values()):
        path = folder / str(number) / NAME
        path.parent.mkdir(parents=True)
        path.write_bytes(content)
        expected[str(path)] = (code, sentence, False)
    good = put(folder, spec(expid=7))
    report = ingest(any_database, [folder])
    assert outcomes(report) == {"new": 1, "set aside": len(BAD)}
    assert problems(any_database) == expected
    assert set(places(any_database)) == {str(good)}


@pytest.mark.parametrize(
    ("name", "content", "code", "sentence"),
    [
        (NAME + ".gz", gzip.compress(WHOLE), "compressed",
         "it is compressed: uncompress it (gunzip, funpack) and try again"),
        (NAME, gzip.compress(WHOLE), "not-fits", "it is not a FITS file"),
        ("image.fits", WHOLE, "unknown-name",
         "its name is not of the archive's form "
         "SPITZER_I<channel>_<AORKEY>_<EXPID>_<DCENUM>_<version>_<kind>.fits, "
         "so its kind cannot be told"),
        (NAME.upper(), WHOLE, "unknown-name",
         "its name is not of the archive's form "
         "SPITZER_I<channel>_<AORKEY>_<EXPID>_<DCENUM>_<version>_<kind>.fits, "
         "so its kind cannot be told"),
    ],
)  # fmt: skip
def test_names_that_do_not_tell(
    sqlite: Database, folder: Path, name: str, content: bytes, code: str, sentence: str
):
    (folder / name).write_bytes(content)
    assert_set_aside(sqlite, folder, str(folder / name), code, sentence)


# --- Places --------------------------------------------------------------------------------------


def dangling(place: Path) -> None:
    place.symlink_to("nowhere")


def itself(place: Path) -> None:
    place.symlink_to(place)


def above(place: Path) -> None:
    place.symlink_to(place.parent)


def fifo(place: Path) -> None:
    os.mkfifo(place)


def dangling_to_no_text(place: Path) -> None:
    os.symlink(b"no\xfftext\n\x1b[31m", place)


@pytest.mark.parametrize(
    ("make", "code", "sentence"),
    [
        (dangling, "dangling-link", "it is a link to nowhere, which is not there"),
        (itself, "link-loop",
         "it is a link that leads nowhere: Too many levels of symbolic links"),
        (above, "link-loop", "it is a link to a folder that holds it"),
        (fifo, "unreadable", "it is not a regular file"),
        (dangling_to_no_text, "dangling-link",
         "it is a link to no\\xfftext\n\x1b[31m, which is not there"),
    ],
)  # fmt: skip
def test_what_is_no_file(
    any_database: Database, folder: Path, make: Callable[[Path], None], code: str, sentence: str
):
    place = folder / NAME
    make(place)
    assert_set_aside(any_database, folder, str(place), code, sentence)
    place.unlink()
    report = ingest(any_database, [folder])
    assert outcomes(report) == {"no longer set aside": 1}


def test_a_link_to_a_file_and_to_a_folder_is_followed(sqlite: Database, tmp_path: Path):
    path = put(tmp_path / "a", spec())
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "tree").symlink_to(tmp_path / "a")
    (tmp_path / "b" / path.name).symlink_to(path)
    report = ingest(sqlite, [tmp_path / "b"])
    assert outcomes(report) == {"new": 1, "copy": 1}
    assert all(there.startswith(str(tmp_path / "b")) for there in places(sqlite))


def test_a_folder_named_like_a_file_is_a_folder(sqlite: Database, tmp_path: Path):
    put(tmp_path / NAME, spec())
    assert outcomes(ingest(sqlite, [tmp_path / NAME])) == {"new": 1}


@pytest.mark.parametrize(
    ("number", "sentence"),
    [
        (errno.EACCES, "it cannot be read: no permission"),
        (errno.EIO, "it cannot be read: Input/output error"),
    ],
)
def test_unreadable_and_readable_again(
    sqlite: Database, folder: Path, monkeypatch: pytest.MonkeyPatch, number: int, sentence: str
):
    path = put(folder, spec(expid=7))
    original = files_module._read

    def read(stream, name, status):
        if name.expid == 7:
            raise OSError(number, os.strerror(number))
        return original(stream, name, status)

    with monkeypatch.context() as patched:
        patched.setattr(files_module, "_read", read)
        assert_set_aside(sqlite, folder, str(path), "unreadable", sentence)
    # Neither size nor time tell that it can be read now.
    assert outcomes(ingest(sqlite, [folder])) == {"new": 1, "no longer set aside": 1}


@pytest.mark.skipif(os.geteuid() == 0, reason="permissions do not hold the superuser back")
def test_without_permission(sqlite: Database, folder: Path):
    path = put(folder, spec(expid=7))
    path.chmod(0)
    assert_set_aside(sqlite, folder, str(path), "unreadable", "it cannot be read: no permission")


def test_a_file_that_changes_while_it_is_read(
    sqlite: Database, folder: Path, monkeypatch: pytest.MonkeyPatch
):
    path = put(folder, spec(expid=7))
    original = files_module._read

    def read(stream, name, status):
        found = original(stream, name, status)
        if name.expid == 7:
            with path.open("ab") as more:
                more.write(b"more")
        return found

    with monkeypatch.context() as patched:
        patched.setattr(files_module, "_read", read)
        report = ingest(sqlite, [folder])
    assert [(one.code, one.note) for one in report.of("set aside")] == [
        ("changing", "it changed while it was read")
    ]
    assert outcomes(ingest(sqlite, [folder])) == {"new": 1, "no longer set aside": 1}


def test_a_path_that_is_no_text(any_database: Database, folder: Path):
    place = os.fsencode(folder) + b"/caf\xe9"
    os.mkdir(place)
    path = place + b"/" + NAME.encode()
    Path(os.fsdecode(path)).write_bytes(WHOLE)
    shown = f"{folder}/caf\\xe9/{NAME}"
    assert_set_aside(any_database, folder, shown, "unreadable-name", "its path is not UTF-8 text")
    os.rename(place, os.fsencode(folder) + "/café".encode())
    assert outcomes(ingest(any_database, [folder])) == {"new": 1, "no longer set aside": 1}


def test_a_dangling_link_whose_own_name_is_no_text(sqlite: Database, folder: Path):
    os.symlink(b"nowhere", os.fsencode(folder) + b"/\xff.fits")
    sentence = "it is a link to nowhere, which is not there"
    assert_set_aside(sqlite, folder, f"{folder}/\\xff.fits", "dangling-link", sentence)


# --- Headers that mean harm ----------------------------------------------------------------------


def test_a_header_of_ten_thousand_cards(any_database: Database, folder: Path):
    end = WHOLE.index(b"END" + b" " * 77)
    cards = WHOLE[:end] + b"".join(
        f"K{number:<7}= {number}".encode().ljust(80) for number in range(10_000)
    )
    header = (cards + b"END").ljust(-(-(len(cards) + 3) // 2880) * 2880)
    path = put(folder, spec(expid=7), content=header + WHOLE[DATA:])
    assert outcomes(ingest(any_database, [folder])) == {"new": 3}
    with any_database.read() as connection:
        found = listing.header_of(connection, str(path))
    assert found.verbatim == header
    assert found.integer("K9999") == 9999


def test_numbers_that_fit_nowhere(any_database: Database, folder: Path):
    content = WHOLE
    for keyword, value in {
        "FRAMTIME": b"1E999",
        "GAIN": b"-1E308",
        "RA_REF": b"NaN",
        "PROGID": b"99999999999999999999999999",
        "PROCYCL": b"1E300",
        "EXPTIME": b"5E-324",
    }.items():
        content = with_card(content, keyword, f"{keyword:<8}= ".encode() + value)
    put(folder, spec(expid=7), content=content)
    assert outcomes(ingest(any_database, [folder])) == {"new": 3}
    frame = next(row for row in facts(any_database)["frame"] if row[2] == 7)
    assert "NaN" not in map(str, frame)
    assert outcomes(ingest(any_database, [folder])) == {}


def test_what_the_header_says_is_printed_not_obeyed(
    sqlite: Database, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    label = "[red]''; DROP TABLE file; --[/red]"
    content = with_card(WHOLE, "AORLABEL", f"AORLABEL= '{label}'".encode())
    content = with_card(content, "OBJECT", b"OBJECT  = '\x9b31m \x1b[31m [bold]'")
    put(tmp_path / "data", spec(expid=7), content=content)
    ingest(sqlite, [tmp_path / "data"])
    for command in (["aors"], ["frames"], ["status"], ["aors", "--csv"], ["aors", "--json"]):
        assert main(["--db", str(sqlite.url.database), *command]) == 0
        out = capsys.readouterr().out
        assert "\x1b" not in out
        assert "\x9b" not in out
        assert "[bold]" in out
    assert "[red]'; DROP TABLE file; --[/red]" in out
    assert len(places(sqlite)) == 1
