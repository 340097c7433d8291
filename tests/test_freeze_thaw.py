"""Thawing: a frozen run in another catalogue is the same run, and nothing is taken twice."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from freeze_helpers import AORS, RUNS, archive_of, raw, sha256, stopping_at, tampered, typed
from helpers import facts, places
from published_helpers import differing_files, dump
from run_helpers import content
from sqlalchemy import insert, select, update

from iracdb import Catalogue
from iracdb.catalogue import revisions
from iracdb.catalogue import tables as t
from iracdb.errors import CannotWrite, InputRefused, NotFound, RunRefused, UsageError
from iracdb.export.frozen import marks, thawing
from iracdb.export.tables import export_run


@pytest.fixture(scope="module")
def home(
    tmp_path_factory: pytest.TempPathFactory, runs_of_every_kind_at: Callable[[str], str]
) -> Path:
    """Where the runs were made: a catalogue, and a frozen file of each run."""
    folder = tmp_path_factory.mktemp("home")
    with Catalogue(runs_of_every_kind_at(str(folder / "iracdb.sqlite"))) as catalogue:
        for run in RUNS:
            catalogue.freeze(run, folder / f"run{run}.sqlite")
            export_run(catalogue.get(run), folder / f"out{run}")
    return folder


@pytest.fixture(scope="module")
def archive(home: Path) -> Path:
    """What the runs were made from."""
    with Catalogue(home / "iracdb.sqlite") as catalogue:
        return archive_of(catalogue)


@pytest.fixture
def other(any_location: str) -> Iterator[Catalogue]:
    """Another catalogue, with nothing in it, in both kinds of database."""
    with Catalogue(any_location) as catalogue:
        yield catalogue


@pytest.fixture
def here(tmp_path: Path) -> Iterator[Catalogue]:
    """Another catalogue, where the kind of database makes no difference."""
    with Catalogue(tmp_path / "here.sqlite") as catalogue:
        yield catalogue


@pytest.fixture(scope="module")
def nothing_here(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Catalogue]:
    """A catalogue into which nothing ever comes."""
    with Catalogue(tmp_path_factory.mktemp("nothing") / "iracdb.sqlite") as catalogue:
        yield catalogue


def frozen(home: Path, run: int) -> Path:
    return home / f"run{run}.sqlite"


# --- The same run --------------------------------------------------------------------------------


def test_a_thawed_run_is_the_same_run(home: Path, other: Catalogue, tmp_path: Path) -> None:
    with Catalogue(home / "iracdb.sqlite") as origin:
        for run in (21, 7, 13, 114):
            made = other.thaw(frozen(home, run))
            there, here = origin.get(run), other.get(run)
            assert (made.run_id, made.name, made.new) == (run, f"run{run}", True)
            assert made.uuid == here.row.uuid == there.row.uuid
            assert made.digest == here.digest.sha256 == there.digest.sha256
            assert content(other, here) == content(origin, there)
            assert here.software == there.software
            assert here.row.parameters == there.row.parameters
            export_run(here, tmp_path / f"out{run}")
            assert differing_files(tmp_path / f"out{run}", home / f"out{run}") == []
        assert other.get(14).digest.sha256 == origin.get(14).digest.sha256
        query = 'SELECT "AORKEY", "Flux (mJy)" FROM run13_aor_data ORDER BY "AORKEY"'
        assert other.sql(query).rows == origin.sql(query).rows
        for view in ("run_img_data", "run7_aor_data", "run14_img_data"):
            count = f"SELECT count(*) FROM {view} WHERE 1 = 1"
            assert other.sql(count).rows == origin.sql(count).rows


def test_frames_files_and_headers_come_with_it(home: Path, other: Catalogue) -> None:
    other.thaw(frozen(home, 21))
    with Catalogue(home / "iracdb.sqlite") as origin:
        there, here = facts(origin._database), facts(other._database)
        read = {row[0] for row in here["header"]}
        inputs = (
            "SELECT f.sha256 FROM run_input i JOIN file f ON f.id = i.file_id WHERE run_id = 21"
        )
        assert read == {row[0] for row in origin.sql(inputs).rows}
        assert len(read) == len(here["file"]) == len(here["frame"]) > 5
        for table in ("header", "file", "frame"):
            assert [row for row in here[table] if row not in there[table]] == [], table
        located = places(origin._database)
    assert places(other._database) == {
        path: (digest, True) for path, (digest, _) in located.items() if digest in read
    }


def test_thawing_again_adds_nothing(home: Path, other: Catalogue) -> None:
    for run in (114, 21):
        first = other.thaw(frozen(home, run), number=50 + run)
        before = dump(other._database)
        again = other.thaw(frozen(home, run))
        assert (again.run_id, again.new, again.added) == (first.run_id, False, {})
        assert other.thaw(frozen(home, run), number=99).run_id == first.run_id
        assert dump(other._database) == before


def test_what_is_done_is_remembered(home: Path, other: Catalogue) -> None:
    other.thaw(frozen(home, 14), number=33)
    rows = other.sql(
        "SELECT kind, outcome, detail FROM activity WHERE run_id = 33 ORDER BY id"
    ).rows
    # It was imported where it comes from; freezing is told by the thawing.
    assert [row[0] for row in rows] == ["import", "recompute", "thaw"]
    detail = rows[-1][2] if isinstance(rows[-1][2], dict) else json.loads(rows[-1][2])
    assert detail["was"] == {"run_id": 14, "name": "run14"}
    assert detail["files"] == [{"name": "run14.sqlite", "sha256": sha256(frozen(home, 14))}]
    assert detail["digest"] == other.get(33).digest.sha256


def test_a_thawed_run_freezes_to_the_same_results(
    home: Path, other: Catalogue, tmp_path: Path
) -> None:
    other.thaw(frozen(home, 21))
    again = other.freeze(21, tmp_path / "again")
    with Catalogue(home / "iracdb.sqlite") as origin:
        assert again.digest == origin.get(21).digest.sha256
    assert raw(again.path, "SELECT kind FROM activity ORDER BY id") == [("thaw",), ("freeze",)]


# --- What is here already ------------------------------------------------------------------------


def test_what_is_known_here_is_not_taken_twice(home: Path, archive: Path, other: Catalogue) -> None:
    other.ingest(archive)
    before = facts(other._database)
    located = places(other._database)
    made = other.thaw(frozen(home, 21))
    assert facts(other._database) == before
    assert places(other._database) == located
    assert {"frame", "file", "header", "file_location", "aor"} & set(made.added) == set()
    # Measured again here, from the same frames: the same numbers.
    run = other.run(run_id=22, channel=1, aors=AORS, radius=(3, 3, 7))
    assert content(other, run) == content(other, other.get(21))


def test_it_can_be_known_from_another_run(home: Path, other: Catalogue) -> None:
    other.thaw(frozen(home, 21))
    second = other.thaw(frozen(home, 7))
    shared = {"frame", "file", "header", "file_location", "aor", "software", "calibration"}
    assert shared & set(second.added) == set()
    assert second.added["target_list"] == 1
    assert other.sql("SELECT count(*) FROM study").rows == [(1,)]
    studies = other.sql("SELECT run_id, position, label FROM study_run ORDER BY position").rows
    assert studies == [(21, 1, "number 1"), (7, 2, "number 2")]


def test_a_place_where_something_else_lies_is_not_taken_over(
    home: Path, archive: Path, other: Catalogue
) -> None:
    other.ingest(archive)
    (path, digest) = raw(
        frozen(home, 21),
        "SELECT l.path, f.sha256 FROM file_location l JOIN file f ON f.id = l.file_id",
    )[0]
    with other._database.write() as connection:
        stranger = connection.execute(
            select(t.file.c.id).where(t.file.c.sha256 != digest).limit(1)
        ).scalar_one()
        connection.execute(
            update(t.file_location).where(t.file_location.c.path == path).values(file_id=stranger)
        )
    located = places(other._database)
    other.thaw(frozen(home, 21))
    assert places(other._database) == located


@pytest.mark.parametrize("how", ["gone", "grown", "touched", "there"])
def test_a_place_is_present_only_if_the_file_lies_there(
    home: Path, archive: Path, here: Catalogue, tmp_path: Path, how: str
) -> None:
    path, size, mtime = raw(frozen(home, 21), "SELECT path, size, mtime_ns FROM file_location")[0]
    mine = tmp_path / "mine.fits"
    shutil.copyfile(path, mine)
    os.utime(mine, ns=(mtime, mtime))
    assert mine.stat().st_size == size
    if how == "gone":
        mine.unlink()
    if how == "grown":
        mine.write_bytes(mine.read_bytes() + b" ")
        os.utime(mine, ns=(mtime, mtime))
    if how == "touched":
        os.utime(mine, ns=(mtime, mtime + 1_000))
    with Catalogue(home / "iracdb.sqlite") as origin, origin._database.write() as connection:
        rename(connection, path, str(mine))
    try:
        with Catalogue(home / "iracdb.sqlite") as origin:
            moved = origin.freeze(21, tmp_path / "run21").path
    finally:
        with Catalogue(home / "iracdb.sqlite") as origin, origin._database.write() as connection:
            rename(connection, str(mine), path)
    made = here.thaw(moved)
    assert made.absent == (0 if how == "there" else 1)
    assert places(here._database)[str(mine)][1] is (how == "there")
    if how == "gone":
        here.ingest(archive)
        assert here.totals()["gone"] == 0


def rename(connection: Any, path: str, new: str) -> None:
    location = t.file_location
    connection.execute(update(location).where(location.c.path == path).values(path=new))


def test_a_frame_that_only_tables_know_stays_so(home: Path, other: Catalogue) -> None:
    """Its grade says that no file shows it; raising that is what relink is for."""
    (time,) = raw(frozen(home, 14), "SELECT mjd_obs FROM frame ORDER BY mjd_obs LIMIT 1")[0]
    (aorkey,) = raw(frozen(home, 14), "SELECT aorkey FROM aor_result")[0]
    with other._database.write() as connection:
        connection.execute(insert(t.aor).values(aorkey=aorkey, label="known here"))
        connection.execute(
            insert(t.frame),
            [
                {"channel": 1, "aorkey": aorkey, "expid": 0, "dcenum": 0, "mjd_obs": time},
                {"channel": 2, "aorkey": aorkey, "expid": 0, "dcenum": 0, "mjd_obs": time},
            ],
        )
    made = other.thaw(frozen(home, 14))
    assert made.added["frame"] == 10
    assert other.sql("SELECT label FROM aor").rows == [("known here",)]
    grades = "SELECT link_grade, count(*) FROM image_result GROUP BY link_grade ORDER BY 1"
    assert other.sql(grades).rows == [("B", 10)]
    other.relink()
    assert other.sql(grades).rows == [("A", 1), ("B", 9)]
    assert other.get(14).digest.sha256 == made.digest


def test_an_aor_that_only_tables_knew_learns_its_facts(home: Path, other: Catalogue) -> None:
    with other._database.write() as connection:
        connection.execute(insert(t.aor), [{"aorkey": AORS[0]}, {"aorkey": AORS[1]}])
        connection.execute(
            update(t.aor).where(t.aor.c.aorkey == AORS[1]).values(label="known here")
        )
    other.thaw(frozen(home, 21))
    labels = dict(other.sql("SELECT aorkey, label FROM aor").rows)
    assert labels[AORS[1]] == "known here"
    theirs = dict(raw(frozen(home, 21), "SELECT aorkey, label FROM aor"))
    assert labels[AORS[0]] == theirs[AORS[0]] is not None


def test_targets_within_a_tenth_of_an_arcsec_are_one(home: Path, other: Catalogue) -> None:
    ((ra, dec),) = raw(frozen(home, 14), "SELECT ra, dec FROM target")
    near, far = dec + 0.09 / 3600, dec - 0.11 / 3600
    with other._database.write() as connection:
        connection.execute(
            insert(t.target),
            [
                {"identity": f"{ra!r} {d!r}", "name": "mine", "ra": ra, "dec": d}
                for d in (near, far)
            ],
        )
    made = other.thaw(frozen(home, 14))
    assert "target" not in made.added
    used = other.sql("SELECT p.dec FROM target p JOIN aor_result a ON a.target_id = p.id").rows
    assert used == [(near,)]


def test_targets_that_the_run_holds_apart_stay_apart(
    home: Path, archive: Path, here: Catalogue, tmp_path: Path
) -> None:
    """Two positions 0.15 arcsec apart, and one here that is near to both."""
    with Catalogue(home / "iracdb.sqlite") as origin, Catalogue(tmp_path / "made") as made:
        made.ingest(archive)
        positions = tmp_path / "list.csv"
        rows = [f"r{AORS[0]},270.628 {dec}" for dec in ("+58.627", repr(58.627 + 0.15 / 3600))]
        positions.write_text("AOR Filepath,Target Coordinates\n" + "\n".join(rows) + "\n")
        made.run(run_id=1, channel=1, targets=positions, radius=(3, 3, 7))
        file = made.freeze(1, tmp_path / "run1").path
        assert origin.get(21).run_id == 21
    with here._database.write() as connection:
        dec = 58.627 + 0.075 / 3600
        connection.execute(
            insert(t.target).values(identity="between", name="mine", ra=270.628, dec=dec)
        )
    thawed = here.thaw(file)
    assert thawed.added["target"] == 1
    assert here.sql("SELECT count(DISTINCT target_id), count(*) FROM aor_result").rows == [(2, 2)]


# --- Numbers and names ---------------------------------------------------------------------------


def test_a_taken_number_is_not_taken_over(home: Path, other: Catalogue) -> None:
    other.thaw(frozen(home, 21), number=13)
    made = other.thaw(frozen(home, 13))
    assert (made.run_id, made.name, made.was.run_id) == (14, "run14", 13)
    # The next one's own number has gone by this.
    parent_and_child = other.thaw(frozen(home, 114))
    assert (parent_and_child.run_id, parent_and_child.name) == (114, "run114")
    (parent,) = parent_and_child.parents
    assert (parent.run_id, parent.name, parent.was.run_id, parent.new) == (15, "run15", 14, True)
    assert other.get(114).row.parent_run_id == 15
    assert other.sql("SELECT count(*) FROM run15_img_data").rows == [(10,)]
    with Catalogue(home / "iracdb.sqlite") as origin:
        for here, there in ((13, 21), (14, 13), (114, 114), (15, 14)):
            assert other.get(here).digest.sha256 == origin.get(there).digest.sha256
            assert content(other, other.get(here)) == content(origin, origin.get(there))


def test_numbers_and_names_that_are_asked_for(home: Path, here: Catalogue) -> None:
    made = here.thaw(frozen(home, 21), number=5)
    assert (made.run_id, made.name) == (5, "run5")
    named = here.thaw(frozen(home, 7), name="mine")
    assert (named.run_id, named.name) == (7, "mine")
    assert here.sql("SELECT count(*) FROM mine_aor_data").rows == [(2,)]
    before = dump(here._database)
    for asked in ({"number": 5}, {"name": "run5"}, {"name": "MINE"}, {"number": 7, "name": "x"}):
        with pytest.raises(RunRefused, match=r"is taken.*The next free number is 8"):
            here.thaw(frozen(home, 14), **asked)
    for wrong in ({"number": 0}, {"name": "1x"}, {"name": "run"}, {"number": 3, "name": "run4"}):
        with pytest.raises(UsageError):
            here.thaw(frozen(home, 14), **wrong)
    assert dump(here._database) == before
    both = here.thaw(frozen(home, 14), number=9, name="y")
    assert (both.run_id, both.name) == (9, "y")


def test_a_name_of_its_own_stays_where_it_is_free(
    home: Path, here: Catalogue, reference: Path, tmp_path: Path
) -> None:
    with Catalogue(tmp_path / "made") as made:
        made.import_runs(reference / "published_runs" / "upperSco_final_log.txt")
        file = made.freeze("upperSco_final", tmp_path / "file").path
    here.thaw(frozen(home, 14), number=1001)
    thawed = here.thaw(file)
    assert (thawed.run_id, thawed.name) == (1002, "upperSco_final")
    assert here.sql("SELECT count(*) FROM uppersco_final_img_data").rows == [(558,)]


# --- Parents -------------------------------------------------------------------------------------


def test_a_parent_that_is_held_is_linked(home: Path, other: Catalogue) -> None:
    other.thaw(frozen(home, 14), number=40)
    made = other.thaw(frozen(home, 114))
    assert [(p.run_id, p.new) for p in made.parents] == [(40, False)]
    assert other.get(114).row.parent_run_id == 40
    assert other.sql("SELECT count(*) FROM run").rows == [(2,)]
    assert made.added["aor_result"] == 1


def test_the_same_run_with_other_results_is_refused(home: Path, other: Catalogue) -> None:
    other.thaw(frozen(home, 14))
    with other._database.write() as connection:
        connection.execute(update(t.image_result).values(raw=t.image_result.c.raw * 2))
    before = dump(other._database)
    for run in (14, 114):
        with pytest.raises(RunRefused, match=r"is the same run by its uuid, .* digest"):
            other.thaw(frozen(home, run))
    assert dump(other._database) == before


def test_the_same_run_unfinished_is_refused(home: Path, other: Catalogue) -> None:
    other.thaw(frozen(home, 14))
    with other._database.write() as connection:
        connection.execute(update(t.run).values(state="running"))
    with pytest.raises(RunRefused, match="is not finished here"):
        other.thaw(frozen(home, 14))


# --- All or nothing ------------------------------------------------------------------------------


def test_an_interruption_leaves_nothing(home: Path, other: Catalogue) -> None:
    other.thaw(frozen(home, 14))
    before = dump(other._database)
    for table in ("aor", "file", "run", "image_result", "study_run"):
        with pytest.raises(KeyboardInterrupt):
            other.thaw(frozen(home, 21), progress=stopping_at(table, KeyboardInterrupt()))
        assert dump(other._database) == before, table
    assert other.thaw(frozen(home, 21)).new


def test_results_that_do_not_arrive_whole_are_refused(
    home: Path, other: Catalogue, monkeypatch: pytest.MonkeyPatch
) -> None:
    carry = thawing.Carrier.carry

    def carry_badly(self: Any, step: Any = None) -> None:
        carry(self, step)
        self._target.execute(update(t.image_result).values(raw=0.0))

    before = dump(other._database)
    monkeypatch.setattr(thawing.Carrier, "carry", carry_badly)
    with pytest.raises(InputRefused, match=r"have the digest .* here, and .* in the file"):
        other.thaw(frozen(home, 21))
    assert dump(other._database) == before


# --- Files of strangers --------------------------------------------------------------------------


def refused(other: Catalogue, path: Path, said: str) -> None:
    before = dump(other._database)
    with pytest.raises(InputRefused, match=said) as told:
        other.thaw(path)
    assert "\n" not in str(told.value)
    assert str(path) in str(told.value)
    assert dump(other._database) == before


def test_what_is_no_frozen_run(home: Path, nothing_here: Catalogue, tmp_path: Path) -> None:
    (tmp_path / "text").write_text("not a database, but long enough " * 100)
    (tmp_path / "empty").write_bytes(b"")
    with closing(sqlite3.connect(tmp_path / "stranger")) as connection:
        connection.execute("CREATE TABLE mine (a)")
    shutil.copyfile(tmp_path / "stranger", tmp_path / "marked")
    with closing(sqlite3.connect(tmp_path / "marked")) as connection:
        connection.execute("PRAGMA application_id = 1769103715")
    (tmp_path / "cut").write_bytes(frozen(home, 13).read_bytes()[:200_000])
    refused(nothing_here, tmp_path / "text", "is not a frozen run: file is not a database")
    refused(nothing_here, tmp_path / "empty", "is not a frozen run: it is another SQLite database")
    refused(nothing_here, tmp_path / "stranger", "it is another SQLite database")
    refused(nothing_here, tmp_path / "marked", "under the mark of a frozen run")
    refused(nothing_here, tmp_path / "cut", "malformed")
    refused(nothing_here, home / "iracdb.sqlite", "it is a whole catalogue.*iracdb copy")
    unmarked = tampered(frozen(home, 14), tmp_path / "unmarked", mark=False)
    refused(nothing_here, unmarked, "whole catalogue")
    with pytest.raises(NotFound, match="There is no file"):
        nothing_here.thaw(tmp_path / "nothing")
    with pytest.raises(UsageError, match="is a file, not a server"):
        nothing_here.thaw("postgresql://me@host/base")


@pytest.mark.parametrize(
    ("statement", "table"),
    [
        ("UPDATE image_result SET raw = raw * 1.0000000001 WHERE row_number = 3", "image_result"),
        ("DELETE FROM image_result WHERE row_number = 3", "image_result"),
        ("UPDATE run_parameter SET value = '4' WHERE name = 'radius_source'", "run_parameter"),
        ("UPDATE run SET comment = 'better'", "run"),
        ("UPDATE file_location SET path = path || 'x'", "file_location"),
        ("UPDATE header SET verbatim = x'00'", "header"),
        ("INSERT INTO aor (aorkey) VALUES (1)", "aor"),
        ("DROP TABLE run_cell", "run_cell"),
        ("CREATE TABLE more (a)", "more"),
        ("UPDATE software SET python = '4'", "software"),
    ],
)
def test_changed_rows_are_noticed(
    home: Path, nothing_here: Catalogue, tmp_path: Path, statement: str, table: str
) -> None:
    path = tampered(frozen(home, 21), tmp_path / "tampered", statement)
    refused(nothing_here, path, f"was changed after it was frozen, in {table}: ask for it anew")


def forged(path: Path, to: Path, *statements: str) -> Path:
    """Change a frozen file, and have it say that it was frozen so."""
    tampered(path, to, *statements, mark=False)
    with Catalogue(to) as plain, plain._database.write() as connection:
        own = t.activity.c.kind == "freeze"
        detail = connection.execute(select(t.activity.c.detail).where(own)).scalar_one()
        detail["tables"] = marks.fingerprints(connection)
        connection.execute(update(t.activity).where(own).values(detail=detail))
    with closing(sqlite3.connect(to)) as connection:
        connection.execute("PRAGMA journal_mode = DELETE")
        connection.execute("PRAGMA application_id = 1769103715")
    return to


@pytest.mark.parametrize(
    ("statement", "said"),
    [
        ("UPDATE image_result SET raw = raw + 1", "have the digest .* the file says"),
        ("UPDATE run SET result_digest = 'x'", "have the digest .* the file says x"),
        ("UPDATE run SET name = 'x\"; DROP TABLE run; --'", "is no name for a run"),
        ("UPDATE run SET name = 'run'", "is no name for a run"),
        ("UPDATE run SET layout = 'mine'", "of an unknown layout, mine"),
        ("UPDATE run SET state = 'running'", "not finished"),
        ("UPDATE run SET uuid = 'x'", "its runs are not those"),
        ("UPDATE run SET parameters = 'no JSON'", "is refused"),
        ("UPDATE run SET aors = '{\"a\": NaN}'", "over AORs that have no key"),
        ("UPDATE run SET parameters_typed = '{\"a\": NaN}'", "a value of another kind"),
        ("UPDATE run_parameter SET number = 'seven'", "a value of another kind"),
        ("UPDATE aor_result SET cycling = 'perhaps'", "is refused|a value of another kind"),
        ("UPDATE file_location SET size = 'large'", "a value of another kind"),
        ("UPDATE frame SET channel = 2.5", "a value of another kind"),
        ("UPDATE header SET cards = '['", "a value of another kind"),
        ("UPDATE header SET verbatim = 'text'", "a value of another kind"),
        ("DELETE FROM target", "a row of aor_result speaks of one of target"),
        ("DELETE FROM activity", "does not say which run it holds"),
        ("UPDATE activity SET detail = '{}'", "does not say which run it holds"),
        ("UPDATE activity SET detail = '[]'", "does not say which run it holds"),
        ("CREATE TRIGGER mine AFTER INSERT ON run BEGIN SELECT 1; END", "holds mine"),
    ],
)
def test_a_forged_file_does_no_harm(
    home: Path, nothing_here: Catalogue, tmp_path: Path, statement: str, said: str
) -> None:
    if "activity" in statement:
        path = tampered(frozen(home, 21), tmp_path / "forged", statement)
    else:
        path = forged(
            frozen(home, 21), tmp_path / "forged", "PRAGMA foreign_keys = OFF",
            "PRAGMA ignore_check_constraints = ON", statement,
        )  # fmt: skip
    refused(nothing_here, path, said)


def test_another_scheme_and_another_revision(home: Path, here: Catalogue, tmp_path: Path) -> None:
    later = "UPDATE iracdb_revision SET version_num = '9999'"
    refused(here, tampered(frozen(home, 14), tmp_path / "later", later), "frozen by a newer iracdb")
    scheme = "UPDATE activity SET detail = json_set(detail, '$.scheme', 'iracdb-frozen-9')"
    path = tampered(frozen(home, 14), tmp_path / "scheme", scheme)
    refused(here, path, "in a way that this iracdb does not know: iracdb-frozen-9")


def test_an_older_file_is_upgraded_on_a_copy(
    home: Path, here: Catalogue, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As if the file's revision were not the latest: the upgrade itself is tested elsewhere."""
    path = tampered(
        frozen(home, 14), tmp_path / "older", "UPDATE iracdb_revision SET version_num = '0000'"
    )
    before = sha256(path)
    state_of, upgraded = revisions.state_of, []

    def state(connection: Any) -> str:
        return "older" if revisions.current(connection) == "0000" else state_of(connection)

    def upgrade(connection: Any) -> None:
        upgraded.append(connection.engine.url.database)
        connection.exec_driver_sql(f"UPDATE iracdb_revision SET version_num = '{revisions.head()}'")

    monkeypatch.setattr(revisions, "state_of", state)
    monkeypatch.setattr(revisions, "upgrade", upgrade)
    assert here.thaw(path).new
    assert [Path(str(place)).exists() for place in upgraded] == [False]
    assert sha256(path) == before


def test_what_cannot_be_stored_is_refused(home: Path, other: Catalogue, tmp_path: Path) -> None:
    """PostgreSQL holds no NUL in a text; SQLite does."""
    statement = "UPDATE run SET comment = 'a' || char(0) || 'b'"
    path = forged(frozen(home, 14), tmp_path / "nul", statement)
    if other._database.dialect == "postgresql":
        refused(other, path, "NUL")
    else:
        assert other.thaw(path).new
        assert other.get(14).row.comment == "a\0b"


# --- The command ---------------------------------------------------------------------------------


def test_the_command(home: Path, tmp_path: Path) -> None:
    file = shutil.copy(frozen(home, 114), tmp_path / "my run.sqlite")
    words = f"thaw '{file}' --db other.sqlite"
    told = typed(f"{words} --as 3", words, f"{words} --json", f"thaw {frozen(home, 21)} "
                 "--db other.sqlite --as 3", f"thaw '{file}' --db '{file}'",
                 "runs --json --db other.sqlite", cwd=tmp_path)  # fmt: skip
    (first, again, as_json, taken, into_itself, runs) = told
    assert (first[0], first[2]) == (0, "")
    assert first[1].splitlines()[:3] == [
        "Run 14 (run14) is thawed, from which the next was made",
        "Run 3 (run3) is thawed, which was run 114 (run114)",
        "  new here: 2 runs, 2 averages, 20 images, 1 AOR, 10 frames, 0 files, 1 target",
    ]
    assert again == (
        0, "Run 3 (run3) is this very run, with the same results: nothing to do\n", "",
    )  # fmt: skip
    said = json.loads(as_json[1])
    assert (said["new"], said["run_id"], said["was"]["run_id"]) == (False, 3, 114)
    assert taken[0] == 3
    assert taken[2].startswith("iracdb: Number 3 or the name run3 is taken")
    assert into_itself[0] == 6
    assert [(row["run_id"], row["name"]) for row in json.loads(runs[1])] == [
        (3, "run3"), (14, "run14"),
    ]  # fmt: skip


def test_a_catalogue_that_cannot_be_written(home: Path) -> None:
    with Catalogue(frozen(home, 14)) as small, pytest.raises(CannotWrite, match="frozen run"):
        small.thaw(frozen(home, 21))
