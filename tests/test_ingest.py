"""Ingest: what is held of which file, and what becomes of it when files move, change and go."""

from __future__ import annotations

import hashlib
import os
import shutil
import signal
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from astropy.io import fits
from helpers import facts, fits_of, many_files, outcomes, places, problems, put, spec, with_card
from sqlalchemy import func, select
from warm import carried_out

from iracdb.catalogue import ingest as ingest_module
from iracdb.catalogue import ingest_report, listing
from iracdb.catalogue import tables as t
from iracdb.catalogue.database import Database, open_database
from iracdb.catalogue.file_places import frame_files, places_of_files
from iracdb.catalogue.ingest import ingest
from iracdb.catalogue.query import run_query
from iracdb.catalogue.urls import database_url
from iracdb.errors import NotFound
from iracdb.irac.header import read_header
from iracdb.irac.pipeline_versions import version_numbers
from iracdb.irac.simulate import file_path

REAL_AORS = [24649984, 38703360, 42789888, 46466816, 48765440]


@pytest.fixture
def sqlite(tmp_path: Path):
    database = open_database(database_url(tmp_path / "iracdb.sqlite"), create=True)
    yield database
    database.close()


@pytest.fixture
def other(tmp_path: Path):
    """A second catalogue, to compare with."""
    database = open_database(database_url(tmp_path / "other.sqlite"), create=True)
    yield database
    database.close()


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    """Two AORs, each of two exposures, one of them with all its companions."""
    folder = tmp_path / "archive"
    for expid in (0, 1):
        put(folder, spec(expid=expid, mjd=56000.0 + expid))
        put(folder, spec(aorkey=90000256, expid=expid, channel=1, mjd=56001.0 + expid))
    for kind in ("bcd", "bunc", "bimsk", "unc2d", "msk2d", "cov2d"):
        put(folder, spec(), kind)
    return folder


def no_reading(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(path: object) -> None:
        raise AssertionError(f"{path} was read")

    monkeypatch.setattr(ingest_module, "read_irac_file", fail)


def versions(database: Database) -> dict[str, int]:
    with database.read() as connection:
        return dict(connection.execute(select(t.file.c.sha256, t.file.c.version)).all())


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


# --- The real archive ----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def real(module_database: Database, reference: Path) -> Database:
    report = ingest(module_database, [reference / "archive"])
    assert outcomes(report) == {"new": 130}
    assert (report.found, report.frames, sorted(report.aors)) == (130, 43, REAL_AORS)
    return module_database


def test_the_real_archive_is_held(real: Database):
    with real.read() as connection:
        totals = listing.totals(connection)
        held = listing.holdings(connection)
        aors = listing.aors(connection)
    assert (totals["files"], totals["frames"], totals["aors"]) == (130, 43, 5)
    assert (totals["gone"], totals["set_aside"]) == (0, 0)
    kinds = {(row[0], row[2]): row[3] for row in held.rows}
    assert kinds == {
        (24649984, "bcd"): 12, (38703360, "bcd"): 12, (48765440, "bcd"): 3,
        **{(46466816, kind): 11
           for kind in ("bcd", "bunc", "bimsk", "sub2d", "unc2d", "msk2d", "cov2d")},
        **{(42789888, kind): 4 for kind in ("bunc", "bimsk", "msk2d", "cov2d")},
        **{(42789888, kind): 5 for kind in ("sub2d", "unc2d")},
    }  # fmt: skip
    assert sorted(row[0] for row in aors.rows) == REAL_AORS


def test_hashes_of_the_bytes_and_of_the_pixels(real: Database, reference: Path):
    with real.read() as connection:
        rows = connection.execute(select(t.file)).all()
    by_name = {row.name: row for row in rows}
    paths = list((reference / "archive").rglob("*.fits"))
    assert len(paths) == 130
    for path in paths:
        row, content = by_name[path.name], path.read_bytes()
        assert (row.sha256, row.size) == (hashlib.sha256(content).hexdigest(), len(content))
        with fits.open(path, memmap=False, do_not_scale_image_data=True) as hdus:
            pixels = hdus[0].data
            assert row.data_offset == hdus[0].fileinfo()["datLoc"]
        stored = pixels.astype(pixels.dtype.newbyteorder(">")).tobytes()
        assert row.data_sha256 == hashlib.sha256(stored).hexdigest()
        assert (row.naxis3, row.naxis2, row.naxis1) == (None, *pixels.shape)[-3:]


def test_headers_print_back_byte_for_byte(real: Database, reference: Path):
    paths = list((reference / "archive").rglob("*.fits"))
    assert len(paths) == 130
    for path in paths:
        with real.read() as connection:
            found = listing.header_of(connection, str(path))
        content = path.read_bytes()
        assert content.startswith(found.verbatim)
        assert b"".join(found.lines).ljust(len(found.verbatim)) == found.verbatim


def test_any_keyword_is_reached_in_sql(real: Database, reference: Path):
    wanted = ("RA_REF", "PTGCS", "SIMPLE", "OBSRVR", "A_5_0", "HISTORY")
    expected = []
    for path in (reference / "archive").rglob("*.fits"):
        with path.open("rb") as stream:
            cards = read_header(stream).cards
        expected += [
            (path.name, place, card.keyword, card.text, card.number)
            for place, card in enumerate(cards)
            if card.keyword in wanted
        ]
    found = run_query(
        real,
        f"SELECT file, position, keyword, text, number FROM header_card WHERE keyword IN {wanted}",
    )
    assert sorted(found.rows) == sorted(expected)


def test_both_databases_hold_the_same(
    real: Database, other: Database, reference: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(ingest_module, "WORTH_A_WORKER", 1)
    ingest(other, [reference / "archive"], jobs=2)
    assert facts(real) == facts(other)
    assert places(real) == places(other)


def test_what_a_companions_header_lacks_the_name_completes(real: Database):
    lacking = run_query(
        real,
        "SELECT count(*) FROM file f WHERE kind = 'msk2d' AND NOT EXISTS (SELECT 1 FROM "
        "header_card c WHERE c.file_id = f.id AND c.keyword = 'DCENUM')",
    )
    assert lacking.rows == [(15,)]
    frames = run_query(
        real, "SELECT DISTINCT e.dcenum FROM file f JOIN frame e ON e.id = f.frame_id "
        "WHERE f.kind = 'msk2d'",
    )  # fmt: skip
    assert frames.rows == [(0,)]


# --- Again ---------------------------------------------------------------------------------------


def test_again_there_is_nothing_new_and_no_file_is_read(
    any_database: Database, archive: Path, monkeypatch: pytest.MonkeyPatch
):
    assert outcomes(ingest(any_database, [archive])) == {"new": 10}
    before = facts(any_database), places(any_database)
    no_reading(monkeypatch)
    report = ingest(any_database, [archive])
    assert (report.found, report.unchanged, report.nothing_new) == (10, 10, True)
    assert outcomes(report) == {}
    assert (facts(any_database), places(any_database)) == before


def test_rehash_reads_every_file_again(
    sqlite: Database, archive: Path, monkeypatch: pytest.MonkeyPatch
):
    ingest(sqlite, [archive])
    path = put(archive, spec())
    status = path.stat()
    content = bytearray(path.read_bytes())
    content[-2000] ^= 1
    path.write_bytes(content)
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns - 10**9))
    ingest(sqlite, [archive])
    # The same size and time again, with other bytes: only reading tells.
    stamp = path.stat()
    content[-2000] ^= 2
    path.write_bytes(content)
    os.utime(path, ns=(stamp.st_atime_ns, stamp.st_mtime_ns))
    assert ingest(sqlite, [archive]).nothing_new
    report = ingest(sqlite, [archive], rehash=True)
    assert (outcomes(report), report.unchanged) == ({"changed": 1}, 9)
    assert places(sqlite)[str(path)] == (sha256(path), True)
    no_reading(monkeypatch)
    with pytest.raises(AssertionError, match="was read"):
        ingest(sqlite, [archive], rehash=True)


def test_loose_folders_and_single_files(sqlite: Database, tmp_path: Path):
    loose = tmp_path / "loose" / "anything at all"
    loose.mkdir(parents=True)
    first, second = put(tmp_path / "a", spec()), put(tmp_path / "a", spec(expid=1))
    shutil.copy(first, loose)
    assert outcomes(ingest(sqlite, [loose, second])) == {"new": 2}
    assert set(places(sqlite)) == {str(loose / first.name), str(second)}
    assert outcomes(ingest(sqlite, [tmp_path, loose, loose, second])) == {"copy": 1}


def test_what_is_not_for_the_catalogue_is_counted(sqlite: Database, tmp_path: Path):
    path = put(tmp_path, spec())
    (tmp_path / "README.txt").write_text("hello")
    shutil.copy(path, path.with_name(path.name.replace("sub2d", "maic")))
    report = ingest(sqlite, [tmp_path])
    assert (report.found, report.other_kinds) == (1, {"maic": 1})
    assert report.other_files >= 1  # the catalogue itself lies there too
    assert outcomes(report) == {"new": 1}


def test_a_folder_that_is_not_there_stores_nothing(sqlite: Database, archive: Path):
    with pytest.raises(NotFound, match=r"^There is no file or folder .*nowhere$"):
        ingest(sqlite, [archive, archive / "nowhere"])
    assert places(sqlite) == {}


# --- What becomes of files -----------------------------------------------------------------------


def test_a_moved_file(any_database: Database, archive: Path):
    ingest(any_database, [archive])
    before = facts(any_database)
    old = put(archive, spec(expid=1, mjd=56001.0))
    new = archive / "elsewhere" / old.name
    new.parent.mkdir()
    old.rename(new)
    report = ingest(any_database, [archive])
    assert outcomes(report) == {"moved": 1}
    [moved] = report.of("moved")
    assert (moved.path, moved.note) == (str(new), f"from {old}")
    assert (places(any_database)[str(old)][1], places(any_database)[str(new)][1]) == (False, True)
    assert facts(any_database) == before
    assert ingest(any_database, [archive]).nothing_new


def test_a_moved_folder_of_which_only_the_new_place_is_ingested(sqlite: Database, archive: Path):
    ingest(sqlite, [archive])
    archive.rename(archive.with_name("moved"))
    report = ingest(sqlite, [archive.with_name("moved")])
    assert outcomes(report) == {"moved": 10}
    assert [there for _, there in places(sqlite).values()].count(False) == 10


def test_a_second_copy(any_database: Database, archive: Path):
    ingest(any_database, [archive])
    before = facts(any_database)
    first = put(archive, spec())
    os.utime(first, ns=(0, 10**18))
    ingest(any_database, [archive])
    copy = archive / "copy" / first.name
    copy.parent.mkdir()
    shutil.copy2(first, copy)
    report = ingest(any_database, [archive])
    assert outcomes(report) == {"copy": 1}
    assert report.of("copy")[0].note == f"the same content as {first}"
    assert places(any_database)[str(copy)] == places(any_database)[str(first)] == (
        sha256(first), True,
    )  # fmt: skip
    assert facts(any_database) == before


def test_of_two_copies_one_moved_and_one_gone(sqlite: Database, archive: Path):
    ingest(sqlite, [archive])
    first = put(archive, spec())
    second, third = archive / "2" / first.name, archive / "3" / first.name
    for place in (second, third):
        place.parent.mkdir()
    shutil.copy2(first, second)
    ingest(sqlite, [archive])
    first.unlink()
    second.rename(third)
    report = ingest(sqlite, [archive])
    assert outcomes(report) == {"moved": 1, "gone": 1}
    there = {path for path, (digest, present) in places(sqlite).items()
             if present and digest == sha256(third)}  # fmt: skip
    assert there == {str(third)}


def test_changed_content(any_database: Database, archive: Path):
    ingest(any_database, [archive])
    path = put(archive, spec())
    old = sha256(path)
    path = put(archive, spec(flux_mjy=11.0, label="SIM_again"))
    report = ingest(any_database, [archive])
    assert outcomes(report) == {"changed": 1}
    assert report.of("changed")[0].path == str(path)
    assert places(any_database)[str(path)] == (sha256(path), True)
    with any_database.read() as connection:
        frames = connection.execute(
            select(t.file.c.frame_id).where(t.file.c.sha256.in_([old, sha256(path)]))
        ).all()
        # Both contents are of one frame; the old one is held, and is nowhere.
        assert len(frames) == 2
        assert len(set(frames)) == 1
        assert listing.totals(connection)["gone"] == 1


def test_a_newer_and_an_older_version_of_a_frame(any_database: Database, archive: Path):
    put(archive, spec(version=2, mjd=56000.25))
    ingest(any_database, [archive])
    put(archive, spec(version=3, mjd=56000.5, label="SIM_new"))
    newer = ingest(any_database, [archive])
    assert outcomes(newer) == {"newer version": 1}
    assert newer.of("newer version")[0].note == "version 3 after 2"
    assert newer.frames == 0
    put(archive, spec(version=1, mjd=55000.0), "bcd", fits_of(spec(mjd=55000.0), "bcd"))
    put(archive, spec(version=1), "sub2d", fits_of(spec(mjd=55000.0)))
    report = ingest(any_database, [archive])
    assert outcomes(report) == {"changed": 2}
    put(archive, spec(version=0), "sub2d", fits_of(spec(mjd=54000.0)))
    older = ingest(any_database, [archive])
    assert outcomes(older) == {"older version": 1}
    assert older.of("older version")[0].note == "version 0, where 3 is held"


def test_other_content_of_one_version_is_a_sibling(sqlite: Database, tmp_path: Path):
    put(tmp_path / "a", spec())
    ingest(sqlite, [tmp_path / "a"])
    put(tmp_path / "b", spec(flux_mjy=3.0))
    report = ingest(sqlite, [tmp_path / "b"])
    assert outcomes(report) == {"sibling": 1}


def test_gone_and_come_back(any_database: Database, archive: Path):
    ingest(any_database, [archive])
    before = facts(any_database)
    path = file_path(archive, spec().name("sub2d"))
    content, status = path.read_bytes(), path.stat()
    path.unlink()
    report = ingest(any_database, [archive])
    assert outcomes(report) == {"gone": 1}
    assert report.of("gone")[0].path == str(path)
    assert not report.nothing_new
    assert places(any_database)[str(path)][1] is False
    assert ingest(any_database, [archive]).nothing_new
    path.write_bytes(content)
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert outcomes(ingest(any_database, [archive])) == {"back": 1}
    assert places(any_database)[str(path)] == (sha256(path), True)
    assert facts(any_database) == before


def test_gone_is_only_what_was_looked_for(sqlite: Database, archive: Path):
    ingest(sqlite, [archive])
    shutil.rmtree(archive / "r90000256")
    assert ingest(sqlite, [archive / "r90000000"]).nothing_new
    assert outcomes(ingest(sqlite, [archive])) == {"gone": 2}


def test_touched(any_database: Database, archive: Path):
    ingest(any_database, [archive])
    before = facts(any_database), places(any_database)
    path = put(archive, spec())
    os.utime(path, ns=(0, 12345678901234567))
    report = ingest(any_database, [archive])
    assert outcomes(report) == {"touched": 1}
    assert (facts(any_database), places(any_database)) == before
    assert ingest(any_database, [archive]).nothing_new


def test_two_files_that_changed_places(sqlite: Database, tmp_path: Path):
    one, two = put(tmp_path / "1", spec()), put(tmp_path / "2", spec(flux_mjy=3.0))
    ingest(sqlite, [tmp_path])
    held = places(sqlite)
    (tmp_path / "1").rename(tmp_path / "3")
    (tmp_path / "2").rename(tmp_path / "1")
    (tmp_path / "3").rename(tmp_path / "2")
    os.utime(one, ns=(0, 1))
    os.utime(two, ns=(0, 2))
    assert outcomes(ingest(sqlite, [tmp_path])) == {"changed": 2}
    after = places(sqlite)
    assert (after[str(one)], after[str(two)]) == (held[str(two)], held[str(one)])


@pytest.mark.parametrize("away", ["a", "z"])
def test_a_file_moved_away_and_another_put_in_its_place(
    sqlite: Database, tmp_path: Path, away: str
):
    path = put(tmp_path / "data" / "m", spec())
    ingest(sqlite, [tmp_path / "data"])
    moved = tmp_path / "data" / away / path.name
    moved.parent.mkdir()
    path.rename(moved)
    put(tmp_path / "data" / "m", spec(flux_mjy=3.0))
    report = ingest(sqlite, [tmp_path / "data"])
    assert outcomes(report) == {"changed": 1, "moved": 1}
    assert report.of("moved")[0].note == f"from {path}"
    assert places(sqlite) == {str(path): (sha256(path), True), str(moved): (sha256(moved), True)}
    assert ingest(sqlite, [tmp_path / "data"]).nothing_new


@pytest.mark.parametrize("copy", ["a", "z"])
def test_a_file_touched_and_copied(sqlite: Database, tmp_path: Path, copy: str):
    path = put(tmp_path / "data" / "m", spec())
    ingest(sqlite, [tmp_path / "data"])
    os.utime(path, ns=(0, 12345678901234567))
    (tmp_path / "data" / copy).mkdir()
    shutil.copy2(path, tmp_path / "data" / copy)
    assert outcomes(ingest(sqlite, [tmp_path / "data"])) == {"touched": 1, "copy": 1}
    assert {there for _, there in places(sqlite).values()} == {True}


# --- Whatever the order --------------------------------------------------------------------------


@pytest.fixture
def two_trees(tmp_path: Path) -> tuple[Path, Path]:
    """Two trees that tell of the same frames in different versions, kinds and words."""
    one, two = tmp_path / "one", tmp_path / "two"
    put(one, spec(label="SIM_cycl old"))
    put(two, spec(version=2, label="SIM_new", mjd=56000.5))
    put(two, spec(label="SIM_other"), "bcd")
    put(one, spec(expid=1, creator="S18.7.0", target="OLD"))
    put(two, spec(expid=1, creator="S18.18.0", target="NEW"))
    put(one, spec(expid=2, target="A"))
    put(two, spec(expid=2, target="B"))
    put(one, spec(aorkey=90000256), "msk2d")
    put(two, spec(aorkey=90000256), "bunc")
    put(one, spec(aorkey=90000512), content=fits_of(spec(aorkey=90000512)))
    put(two, spec(aorkey=90000512, version=2), content=fits_of(spec(aorkey=90000512)))
    put(one, spec(aorkey=90000768, target="WITHOUT", header={"CREATOR": None}))
    put(two, spec(aorkey=90000768, target="WITH"))
    return one, two


def test_the_order_of_ingest_does_not_matter(
    any_database: Database, other: Database, two_trees: tuple[Path, Path], tmp_path: Path
):
    one, two = two_trees
    third = open_database(database_url(tmp_path / "third.sqlite"), create=True)
    for place in (one, two):
        ingest(any_database, [place])
    for place in (two, one):
        ingest(other, [place])
    ingest(third, [one, two])
    try:
        assert facts(any_database) == facts(other) == facts(third)
        assert places(any_database) == places(other) == places(third)
    finally:
        third.close()


def test_the_best_file_is_believed(sqlite: Database, two_trees: tuple[Path, Path]):
    ingest(sqlite, two_trees)
    with sqlite.read() as connection:
        rows = connection.execute(
            select(t.frame.c.aorkey, t.frame.c.expid, t.frame.c.object, t.frame.c.mjd_obs)
        ).all()
        labels = dict(connection.execute(select(t.aor.c.aorkey, t.aor.c.label)).all())
    told = {(row.aorkey, row.expid): row.object for row in rows}
    assert told[90000000, 1] == "NEW"  # S18.18 after S18.7, not before it
    assert told[90000768, 0] == "WITH"  # a pipeline that is told before one that is not
    assert {row.mjd_obs for row in rows if row.expid == 0 and row.aorkey == 90000000} == {56000.0}
    assert labels[90000000] == "SIM_other"  # the bcd, not the newer sub2d


def test_the_same_bytes_under_two_versions_are_of_the_newer(
    sqlite: Database, two_trees: tuple[Path, Path]
):
    content = hashlib.sha256(fits_of(spec(aorkey=90000512))).hexdigest()
    for place in two_trees:
        ingest(sqlite, [place])
    assert versions(sqlite)[content] == 2


def test_versions_of_the_pipeline_are_numbers():
    assert version_numbers("S18.7.0") < version_numbers("S18.18.0") < version_numbers("S19.1")
    assert version_numbers(None) == ()


def test_a_file_is_where_it_is_present(any_database: Database, tmp_path: Path):
    one, other = put(tmp_path, spec(expid=1)), put(tmp_path, spec(expid=2))
    copy = tmp_path / "zz" / one.name
    copy.parent.mkdir()
    shutil.copyfile(one, copy)
    ingest(any_database, [tmp_path])
    numbers = dict(located(any_database))
    assert set(numbers) == {str(one), str(other), str(copy)}
    one.unlink()
    other.unlink()
    ingest(any_database, [tmp_path])
    with any_database.read() as connection:
        found = places_of_files(connection, list(numbers.values()))
        frames = frame_files(connection, list(numbers.values()))
    assert {number: place.path for number, place in found.items()} == {
        numbers[str(copy)]: str(copy)
    }
    assert {number: frame.path for number, frame in frames.items()} == {
        numbers[str(copy)]: str(copy)
    }


def located(database: Database) -> list[tuple[str, int]]:
    place = t.file_location.c
    with database.read() as connection:
        return [tuple(row) for row in connection.execute(select(place.path, place.file_id))]


def test_a_report_is_told_in_a_line(sqlite: Database, archive: Path):
    report = ingest(sqlite, [archive])
    new, aside = report.counts["new"], report.counts["set aside"]
    assert repr(report) == (
        f"<IngestReport of {report.found:,} files: {new:,} new"
        f"{f', {aside:,} set aside' if aside else ''}>"
    )
    again = ingest(sqlite, [archive])
    assert repr(again).endswith(f"{again.unchanged:,} unchanged>")
    assert repr(ingest_report.IngestReport()) == "<IngestReport of 0 files: nothing new>"


def test_the_number_of_workers_does_not_matter(
    sqlite: Database, other: Database, archive: Path, monkeypatch: pytest.MonkeyPatch
):
    pools = []
    original = ingest_module.worker_pool
    monkeypatch.setattr(
        ingest_module, "worker_pool", lambda jobs: pools.append(jobs) or original(jobs)
    )
    ingest(sqlite, [archive / "r90000256"], jobs=2)
    assert pools == []  # not for so few
    monkeypatch.setattr(ingest_module, "WORTH_A_WORKER", 1)
    ingest(other, [archive / "r90000256"], jobs=1)
    bad = put(archive, spec(expid=9), content=b"")
    one = ingest(sqlite, [archive], jobs=1)
    two = ingest(other, [archive], jobs=2)
    assert pools == [2]
    assert facts(sqlite) == facts(other)
    assert places(sqlite) == places(other)
    assert problems(sqlite) == problems(other)
    assert set(problems(other)) == {str(bad)}
    assert one.as_dict() == two.as_dict()


# --- Set aside and taken in ----------------------------------------------------------------------


def test_the_life_of_a_problem(
    any_database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    folder = tmp_path / "data"
    path = put(folder, spec())
    whole = path.read_bytes()
    good = put(folder, spec(expid=1))
    path.write_bytes(whole[:-4000])
    first = ingest(any_database, [folder])
    assert outcomes(first) == {"new": 1, "set aside": 1}
    [set_aside] = first.of("set aside")
    assert (set_aside.path, set_aside.code, set_aside.again) == (
        str(path), "truncated-data", False,
    )  # fmt: skip
    assert set(places(any_database)) == {str(good)}

    with monkeypatch.context() as patched:
        no_reading(patched)
        again = ingest(any_database, [folder])
    assert outcomes(again) == {"set aside": 1}
    assert again.nothing_new
    assert again.of("set aside")[0].again

    path.write_bytes(whole)
    mended = ingest(any_database, [folder])
    assert outcomes(mended) == {"new": 1, "no longer set aside": 1}
    assert problems(any_database)[str(path)] == (
        "truncated-data", set_aside.note, True,
    )  # fmt: skip
    with any_database.read() as connection:
        assert listing.problems(connection).rows == []
        assert len(listing.problems(connection, settled=True).rows) == 1
    assert ingest(any_database, [folder]).nothing_new

    path.write_bytes(b"")
    assert outcomes(ingest(any_database, [folder])) == {"set aside": 1}
    assert places(any_database)[str(path)][1] is False
    assert problems(any_database)[str(path)] == ("file-empty", "it is empty", False)

    path.write_bytes(whole)
    assert outcomes(ingest(any_database, [folder])) == {"back": 1, "no longer set aside": 1}

    path.write_bytes(b"")
    ingest(any_database, [folder])
    path.unlink()
    assert outcomes(ingest(any_database, [folder])) == {"no longer set aside": 1}
    assert problems(any_database)[str(path)][2] is True
    assert ingest(any_database, [folder]).nothing_new


def test_the_report_as_plain_values(sqlite: Database, archive: Path):
    put(archive, spec(expid=9), content=b"")
    found = ingest(sqlite, [archive]).as_dict()
    assert (found["found"], found["new"], found["set_aside"], found["unchanged"]) == (11, 10, 1, 0)
    assert (found["aors"], found["new_frames"]) == ([90000000, 90000256], 4)
    assert [(one["outcome"], one["code"]) for one in found["files"]] == [
        ("set_aside", "file-empty")
    ]


# --- The header, hostile -------------------------------------------------------------------------


def test_headers_of_one_name_are_told_apart_by_path(
    sqlite: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    one, two = put(tmp_path / "1", spec()), put(tmp_path / "2", spec(label="SIM_two"))
    ingest(sqlite, [tmp_path / "1", tmp_path / "2"])
    (tmp_path / "1" / "x").mkdir()
    monkeypatch.chdir(tmp_path / "1" / "x")
    with sqlite.read() as connection:
        for path in (one, two, os.path.relpath(one), os.path.relpath(two)):
            found = listing.header_of(connection, str(path))
            assert Path(path).read_bytes().startswith(found.verbatim)
        for which in (sha256(two)[:10], sha256(two)):
            assert listing.header_of(connection, which).text("AORLABEL") == "SIM_two"
        with pytest.raises(NotFound, match="may be any of 2 files"):
            listing.header_of(connection, one.name)
        for which in ("nothing.fits", "abcdef0123", "", "%", "'"):
            with pytest.raises(NotFound, match=r"^No file .* is held"):
                listing.header_of(connection, which)


def test_a_hostile_header_is_held_alike(any_database: Database, other: Database, tmp_path: Path):
    content = fits_of(spec())
    hostile = {
        "AORLABEL": b"AORLABEL= '[red]\x1b[31m''; DROP TABLE file; --\x00'",
        "OBJECT": b"OBJECT  = '\xff\x80 %s :a'",
        "CREATOR": b"\x00\x01REATOR= 'x'",
        "GAIN": b"GAIN    =                1E999",
        "RONOISE": b"RONOISE =                 -0.0",
    }
    for keyword, card in hostile.items():
        content = with_card(content, keyword, card)
    path = put(tmp_path / "data", spec(), content=content)
    for database in (any_database, other):
        assert outcomes(ingest(database, [tmp_path / "data"])) == {"new": 1}
    assert facts(any_database) == facts(other)
    with any_database.read() as connection:
        assert content.startswith(listing.header_of(connection, str(path)).verbatim)
        row = connection.execute(select(t.file)).one()
    assert row.aor_label == "[red]\ufffd[31m'; DROP TABLE file; --\ufffd"
    assert (row.gain, row.creator) == (None, None)
    assert str(row.ronoise) == "0.0"


# --- Killed --------------------------------------------------------------------------------------

KILLED = """
import os, signal, sys
from iracdb.catalogue import ingest, ingest_new
from iracdb.catalogue.database import open_database
from iracdb.catalogue.urls import database_url

calls = 0
# A batch takes five inserts: the third of the second batch comes when files are stored, and neither
# their headers nor their places.
module, name, when = {
    "reading": (ingest, "read_one", 215), "storing": (ingest_new, "insert_rows", 9),
}[sys.argv[3]]
original = getattr(module, name)

def killing(*arguments):
    global calls
    calls += 1
    if calls == when:
        os.kill(os.getpid(), signal.SIGKILL)
    return original(*arguments)

setattr(module, name, killing)
ingest.ingest(open_database(database_url(sys.argv[1]), create=True), [sys.argv[2]])
"""


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("many")
    assert len(many_files(folder, 230)) == 230
    return folder


@pytest.fixture(scope="module")
def held_of_many(
    many: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[dict[str, Any], dict[str, Any]]:
    """What a catalogue holds of the many files, and where, that ingested them in one go."""
    path = tmp_path_factory.mktemp("held") / "iracdb.sqlite"
    with closing(open_database(database_url(path), create=True)) as database:
        ingest(database, [many])
        return facts(database), places(database)


@pytest.mark.parametrize("moment", ["reading", "storing"])
def test_a_killed_ingest_keeps_its_batches_and_a_repeat_completes_it(
    any_location: str,
    many: Path,
    held_of_many: tuple[dict[str, Any], dict[str, Any]],
    moment: str,
):
    open_database(database_url(any_location), create=True).close()
    words = [any_location, str(many), moment]
    killed = carried_out(KILLED, words, many.parent, os.environ, seconds=120)
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    database = open_database(database_url(any_location))
    try:
        with database.read() as connection:
            kept = connection.execute(select(func.count()).select_from(t.file)).scalar_one()
        assert kept == ingest_module.BATCH
        report = ingest(database, [many])
        assert (outcomes(report), report.unchanged) == ({"new": 30}, 200)
        assert (facts(database), places(database)) == held_of_many
    finally:
        database.close()
