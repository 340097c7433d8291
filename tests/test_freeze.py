"""Freezing a run: one file with all that explains it, the same bytes each time, and only read."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from freeze_helpers import RUNS, headers_of, raw, sha256, stopping_at
from prov.model import ProvDocument
from published_helpers import differing_files, dump
from run_helpers import content
from sqlalchemy import update

from iracdb import Catalogue
from iracdb.catalogue import tables as t
from iracdb.catalogue.database import open_database
from iracdb.catalogue.urls import database_url
from iracdb.errors import RunRefused
from iracdb.export.tables import export_run

MARK = 0x69726163  # "irac"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("freeze")


@pytest.fixture(scope="module")
def catalogue(
    module_location: str, runs_of_every_kind_at: Callable[[str], str]
) -> Iterator[Catalogue]:
    """A catalogue with runs of every kind, in both kinds of database."""
    with Catalogue(runs_of_every_kind_at(module_location), create=False) as opened:
        yield opened


@pytest.fixture(scope="module")
def frozen(catalogue: Catalogue, folder: Path) -> dict[int, Path]:
    """Each run frozen into a file of its own, in a folder of nothing else."""
    place = folder / catalogue._database.dialect
    place.mkdir()
    paths = {run: place / f"run{run}.sqlite" for run in RUNS}
    for run, path in paths.items():
        made = catalogue.freeze(run, path)
        assert made.written
        assert (made.run_id, made.path, made.sha256) == (run, path, sha256(path))
        assert made.size == path.stat().st_size
        assert made.digest == catalogue.get(run).result_digest
    assert sorted(place.iterdir()) == sorted(paths.values())
    return paths


# --- What is in the file -------------------------------------------------------------------------


@pytest.mark.parametrize("run", RUNS)
def test_the_file_is_sound_packed_and_marked(frozen: dict[int, Path], run: int) -> None:
    path = frozen[run]
    head = path.read_bytes()[:100]
    assert head[68:72] == b"irac" == MARK.to_bytes(4, "big")
    assert head[18:20] == b"\x01\x01"  # no write-ahead log: nothing beside it is needed
    assert path.stat().st_mode & 0o777 == 0o444
    assert raw(path, "PRAGMA integrity_check") == [("ok",)]
    assert raw(path, "PRAGMA foreign_key_check") == []
    assert raw(path, "PRAGMA freelist_count") == [(0,)]
    assert len(raw(path, "SELECT version_num FROM iracdb_revision")) == 1


@pytest.mark.parametrize("run", RUNS)
def test_its_digest_is_the_runs(catalogue: Catalogue, frozen: dict[int, Path], run: int) -> None:
    own = catalogue.get(run).result_digest
    with Catalogue(frozen[run]) as small:
        assert small.get(run).digest.sha256 == own
        assert small.get(run).row.uuid == catalogue.get(run).row.uuid


@pytest.mark.parametrize("run", RUNS)
def test_it_tells_every_number_of_the_run(
    catalogue: Catalogue, frozen: dict[int, Path], run: int, tmp_path: Path
) -> None:
    # What the other formats add is of a kind of run, not of a run: one imported, one executed.
    formats = ("csv", "ecsv", "votable") if run in (14, 21) else ("csv",)
    with Catalogue(frozen[run]) as small:
        assert content(small, small.get(run)) == content(catalogue, catalogue.get(run))
        for where, whose in (("small", small), ("large", catalogue)):
            export_run(whose.get(run), tmp_path / where, formats=formats)
        assert small.get(run).software == catalogue.get(run).software
    assert differing_files(tmp_path / "small", tmp_path / "large") == []
    assert len(list((tmp_path / "small").iterdir())) == 1 + 2 * len(formats)


# What belongs to a run, told by its number and by what the rows are, not by numbers of rows.
_OF_RUN = {
    "run": "SELECT * FROM run WHERE run_id = {run}",
    "run_parameter": "SELECT * FROM run_parameter WHERE run_id = {run}",
    "run_problem": "SELECT * FROM run_problem WHERE run_id = {run}",
    "run_source": "SELECT * FROM run_source WHERE run_id = {run}",
    "run_log_field": "SELECT * FROM run_log_field WHERE run_id = {run}",
    "run_cell": "SELECT * FROM run_cell WHERE run_id = {run}",
    "run_input": "SELECT f.sha256, i.role, i.position FROM run_input i "
    "JOIN file f ON f.id = i.file_id WHERE i.run_id = {run}",
    "activity": "SELECT kind, started_at, ended_at, operator, host, outcome FROM activity "
    "WHERE run_id = {run} AND kind NOT IN ('export', 'freeze')",
    "study": "SELECT s.name, s.kind, r.position, r.label FROM study s "
    "JOIN study_run r ON r.study_id = s.id WHERE r.run_id = {run}",
    "target": "SELECT DISTINCT p.identity, p.name, p.ra, p.dec FROM target p "
    "JOIN aor_result a ON a.target_id = p.id WHERE a.run_id = {run}",
    "aor": "SELECT DISTINCT o.* FROM aor o JOIN aor_result a ON a.aorkey = o.aorkey "
    "WHERE a.run_id = {run}",
    "frame": "SELECT DISTINCT e.channel, e.aorkey, e.expid, e.dcenum, e.mjd_obs, e.object "
    "FROM frame e JOIN image_result i ON i.frame_id = e.id "
    "JOIN aor_result a ON a.id = i.aor_result_id WHERE a.run_id = {run}",
    "location": "SELECT l.path, f.sha256, l.mtime_ns, l.present FROM file_location l "
    "JOIN file f ON f.id = l.file_id JOIN run_input i ON i.file_id = f.id "
    "WHERE i.run_id = {run}",
}


@pytest.mark.parametrize("run", RUNS)
def test_all_that_explains_the_run_is_in_it(
    catalogue: Catalogue, frozen: dict[int, Path], run: int
) -> None:
    unlike = {"run": {"software_id", "response_id", "target_list_id"}}
    with Catalogue(frozen[run]) as small:
        for name, query in _OF_RUN.items():
            found = []
            for whose in (small, catalogue):
                result = whose.sql(query.format(run=run))
                kept = [i for i, c in enumerate(result.columns) if c not in unlike.get(name, ())]
                rows = [[_plain(row[i]) for i in kept] for row in result.rows]
                found.append(sorted(rows, key=repr))
            assert found[0] == found[1], name


def _plain(value: Any) -> Any:
    """JSON is text on SQLite and values on PostgreSQL; so are true and false."""
    if isinstance(value, bool):
        return int(value)
    if isinstance(value, str) and value[:1] in ("{", "["):
        return json.loads(value)
    return value


def test_nothing_else_is_in_it(catalogue: Catalogue, frozen: dict[int, Path]) -> None:
    assert catalogue.totals()["set_aside"] > 0
    for run, path in frozen.items():
        runs = [14, 114] if run == 114 else [run]
        assert raw(path, "SELECT run_id FROM run ORDER BY 1") == [(r,) for r in runs]
        assert raw(path, "SELECT count(*) FROM file_problem") == [(0,)]
        with Catalogue(path) as small:
            # Each row of a shared table is spoken of by a row of the runs.
            for table, query in {
                "frame": "SELECT frame_id FROM image_result UNION SELECT frame_id FROM file",
                "file": "SELECT file_id FROM run_input",
                "target": "SELECT target_id FROM aor_result",
                "software": "SELECT software_id FROM run",
                "calibration": "SELECT response_id FROM run",
                "target_list": "SELECT target_list_id FROM run",
                "study": "SELECT study_id FROM study_run",
            }.items():
                stray = small.sql(f"SELECT id FROM {table} WHERE id NOT IN ({query})")
                assert table in ("software", "calibration", "target_list") or stray.rows == []
                if table in ("software", "calibration", "target_list"):
                    numbers = {row[0] for row in small.sql(query).rows} - {None}
                    assert {row[0] for row in small.sql(f"SELECT id FROM {table}").rows} == numbers
    assert raw(frozen[7], "SELECT name FROM study") == [("radii",)]
    assert raw(frozen[7], "SELECT count(*) FROM target_list") == [(1,)]


def test_headers_are_those_of_the_files_byte_for_byte(frozen: dict[int, Path]) -> None:
    held = headers_of(frozen[21])
    places = raw(
        frozen[21],
        "SELECT l.path, f.sha256, f.data_offset FROM file_location l "
        "JOIN file f ON f.id = l.file_id",
    )
    assert len(held) == len(places) > 5
    for path, digest, offset in places:
        assert sha256(Path(path)) == digest
        assert Path(path).read_bytes()[:offset] == held[digest]
    cards = raw(frozen[21], "SELECT text FROM header_card WHERE keyword = 'CHNLNUM'")
    assert {text.strip() for (text,) in cards} == {"1"}


def test_a_recomputed_run_brings_the_published_one(
    catalogue: Catalogue, frozen: dict[int, Path], tmp_path: Path
) -> None:
    assert raw(frozen[114], "SELECT parent_run_id FROM run WHERE run_id = 114") == [(14,)]
    with Catalogue(frozen[114]) as small:
        assert small.get(14).digest.sha256 == catalogue.get(14).result_digest
        export_run(small.get(14), tmp_path / "small")
    export_run(catalogue.get(14), tmp_path / "large")
    assert differing_files(tmp_path / "small", tmp_path / "large") == []
    assert catalogue.freeze(114, tmp_path / "again").parents == ("run14",)


def test_its_provenance_is_in_it(frozen: dict[int, Path]) -> None:
    for run, path in frozen.items():
        ((text, outcome),) = raw(
            path,
            "SELECT json_extract(detail, '$.prov'), outcome FROM activity "
            "WHERE kind = 'freeze' AND run_id = ?",
            run,
        )
        document = ProvDocument.deserialize(content=text, format="json")
        assert outcome == "frozen"
        assert len(list(document.get_records())) > 5
        (digest,) = raw(path, "SELECT uuid FROM run WHERE run_id = ?", run)[0]
        assert digest in text


def test_views_are_the_runs_tables(catalogue: Catalogue, frozen: dict[int, Path]) -> None:
    query = 'SELECT "AORKEY", "Flux (mJy)" FROM run13_aor_data ORDER BY "AORKEY"'
    assert raw(frozen[13], query) == catalogue.sql(query).rows
    assert raw(frozen[13], "SELECT count(*) FROM run_img_data") == [(558,)]


# --- The same bytes ------------------------------------------------------------------------------


@pytest.mark.parametrize("run", RUNS)
def test_freezing_again_gives_the_same_bytes(
    catalogue: Catalogue, frozen: dict[int, Path], run: int, tmp_path: Path
) -> None:
    # What was written of the run meanwhile is not part of it.
    export_run(catalogue.get(run), tmp_path / "out")
    assert catalogue.freeze(run, tmp_path / "one").sha256 == sha256(frozen[run])
    if catalogue._database.dialect == "postgresql":
        return  # what is in the file is the same from both, as the next test says
    with Catalogue(frozen[run]) as small:
        assert small.freeze(run, tmp_path / "two").sha256 == sha256(frozen[run])


def test_both_databases_freeze_the_same_rows(
    catalogue: Catalogue, frozen: dict[int, Path], tmp_path: Path, postgres_url: str
) -> None:
    other = tmp_path / "copy" if catalogue._database.dialect == "postgresql" else postgres_url
    catalogue.copy_to(other)
    with Catalogue(other, create=False) as copied:
        for run in (7, 114):
            copied.freeze(run, tmp_path / f"{run}")
            assert rows_in(tmp_path / f"{run}") == rows_in(frozen[run])


def rows_in(path: Path) -> dict[str, list[Any]]:
    """Every row of a frozen file; what it says of itself is over JSON as it is written."""
    with closing(open_database(database_url(path))) as database:
        rows = dump(database)
    (own,) = (row for row in rows["activity"] if row[1] == "freeze")
    rows["activity"].remove(own)
    return rows | {"freeze": [own[:-1], own[-1]["prov"], own[-1]["digests"]]}


# --- Refused -------------------------------------------------------------------------------------


def change(catalogue: Catalogue, run: int, **values: Any) -> None:
    with catalogue._database.write() as connection:
        connection.execute(update(t.run).where(t.run.c.run_id == run).values(**values))


def test_an_unfinished_run_is_refused(catalogue: Catalogue, tmp_path: Path) -> None:
    change(catalogue, 14, state="running")
    try:
        with pytest.raises(RunRefused, match="not finished"):
            catalogue.freeze(14, tmp_path / "mine")
    finally:
        change(catalogue, 14, state="finished")
    assert list(tmp_path.iterdir()) == []


def test_rows_that_lost_their_digest_are_refused(catalogue: Catalogue, tmp_path: Path) -> None:
    digest = catalogue.get(21).row.result_digest
    change(catalogue, 21, result_digest="0" * 64)
    try:
        with pytest.raises(RunRefused, match=f"their digest is {digest}, the run's is 0000"):
            catalogue.freeze(21, tmp_path / "mine")
    finally:
        change(catalogue, 21, result_digest=digest)
    assert list(tmp_path.iterdir()) == []


def test_rows_that_do_not_read_back_are_not_kept(
    catalogue: Catalogue, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from iracdb.export.frozen import freezing

    finish = freezing._finish

    def finish_badly(filled: Path, finished: Path) -> None:
        with closing(sqlite3.connect(filled)) as connection:
            connection.execute("UPDATE image_result SET raw = raw * 1.0000000000000002")
            connection.commit()
        finish(filled, finished)

    monkeypatch.setattr(freezing, "_finish", finish_badly)
    with pytest.raises(RunRefused, match="does not read back"):
        catalogue.freeze(14, tmp_path / "mine")
    assert list(tmp_path.iterdir()) == []


def test_a_withdrawn_run_stays_withdrawn(catalogue: Catalogue, tmp_path: Path) -> None:
    catalogue.withdraw(14, "a test")
    try:
        made = catalogue.freeze(14, tmp_path / "mine")
    finally:
        catalogue.restore(14)
    assert "was withdrawn on" in str(made.withdrawn)
    assert raw(made.path, "SELECT withdrawn_reason FROM run") == [("a test",)]
    views = raw(made.path, "SELECT name FROM sqlite_master WHERE type = 'view'")
    assert ("run14_aor_data",) not in views
    with Catalogue(tmp_path / "other") as other:
        other.thaw(made.path)
        assert other.get(14).row.withdrawn_reason == "a test"
        assert other.runs().rows == []


# --- Cut short -----------------------------------------------------------------------------------


def test_an_interruption_leaves_nothing(catalogue: Catalogue, tmp_path: Path) -> None:
    for table in ("aor", "header", "image_result", "study_run"):
        stop = stopping_at(table, KeyboardInterrupt())
        with pytest.raises(KeyboardInterrupt):
            catalogue.freeze(14, tmp_path / "mine", progress=stop)
        assert list(tmp_path.iterdir()) == [], table
    assert catalogue.freeze(14, tmp_path / "mine").written


# --- What the catalogue remembers ----------------------------------------------------------------


def test_freezing_is_remembered(catalogue: Catalogue, tmp_path: Path) -> None:
    made = catalogue.freeze(14, tmp_path / "mine")
    exports = catalogue.withdraw(14, "a test", dry_run=True).resting.exports
    last = dict(zip(exports.columns, exports.rows[-1], strict=True))
    assert (last["kind"], last["detail"]["folder"]) == ("freeze", str(tmp_path))
    assert last["detail"]["files"] == [{"name": "mine", "sha256": made.sha256}]
    # Where the very file is there already, nothing was written.
    assert not catalogue.freeze(14, tmp_path / "mine").written
    assert catalogue.withdraw(14, "a test", dry_run=True).resting.exports == exports
