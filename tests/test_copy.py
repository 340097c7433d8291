"""Copying a catalogue: every row under its own number, from SQLite to PostgreSQL and back."""

from __future__ import annotations

import json
import resource
import signal
import sqlite3
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg
import pytest
from freeze_helpers import AORS, archive_of, location_of, raw, sha256, typed
from published_helpers import differing_files, dump
from run_helpers import content
from sqlalchemy import insert, make_url, select, text, update

from iracdb import Catalogue
from iracdb.catalogue import tables as t
from iracdb.catalogue.database import Database, connect, open_database
from iracdb.catalogue.urls import database_url
from iracdb.errors import CannotWrite, CatalogueError, InputRefused, NotOurs, Unreachable
from iracdb.export.frozen import copying
from iracdb.export.tables import export_run


@pytest.fixture(scope="module")
def home(
    tmp_path_factory: pytest.TempPathFactory, runs_of_every_kind_at: Callable[[str], str]
) -> Path:
    """A catalogue with rows in every table, and with what the databases keep differently."""
    folder = tmp_path_factory.mktemp("home")
    path = folder / "iracdb.sqlite"
    runs_of_every_kind_at(str(path))
    with Catalogue(path) as catalogue:
        # What it warns of is kept.
        catalogue.run(run_id=8, channel=1, aors=AORS, recipe="handbook")
        export_run(catalogue.get(13), folder / "out")
        catalogue.withdraw(14, "a test")
        with catalogue._database.write() as connection:
            connection.execute(
                insert(t.run_cell).values(
                    run_id=13, role="aor_data", row_number=1, title="Spread (%)", printed="-0.0"
                )
            )
            odd = {"b": [1, 1e20, 1e-7, 5e-324, -0.0, None, True], "aa": 'é\u2028"\\', "ß": {}}
            connection.execute(
                insert(t.activity),
                [
                    {"kind": "odd", "run_id": None, "started_at": "2026", "detail": odd},
                    {"kind": "null", "run_id": 13, "started_at": "2026", "detail": None},
                ],
            )
            connection.execute(text(
                "INSERT INTO activity (kind, started_at, detail) VALUES ('nothing', '2026', NULL)"
            ))  # fmt: skip
            # A number that is far from its neighbours, and one that is not whole in binary.
            connection.execute(
                insert(t.target).values(
                    id=70_000, identity="odd", name="tab\t\\N \n;", ra=0.1 + 0.2, dec=5e-324
                )
            )
    with closing(open_database(database_url(path))) as database:
        rows = dump(database)
    assert {name for name, held in rows.items() if not held} == set()
    return path


def rows_of(location: str | Path) -> dict[str, list[Any]]:
    with closing(open_database(database_url(location))) as database:
        return dump(database)


def nulls(location: str | Path) -> list[tuple[Any, ...]]:
    """Which details are no value, and which are a JSON null, which are not the same."""
    query = (
        "SELECT kind, detail IS NULL, CAST(detail AS TEXT) = 'null' FROM activity "
        "WHERE kind IN ('odd', 'null', 'nothing') ORDER BY kind"
    )
    with closing(connect(database_url(location))) as database, database.read() as connection:
        return [tuple(row) for row in connection.execute(text(query))]


# --- Everything ----------------------------------------------------------------------------------


def test_there_and_back(home: Path, postgres_url: str, tmp_path: Path) -> None:
    back = tmp_path / "back.sqlite"
    with Catalogue(home) as origin:
        made = origin.copy_to(postgres_url)
        before = rows_of(home)
        assert made.rows == {name: len(rows) for name, rows in before.items()}
        runs = (7, 8, 13, 14, 21, 114)
        assert made.digests == {run: origin.get(run).digest.sha256 for run in runs}
        assert made.changed == ()
    with Catalogue(postgres_url, create=False) as there:
        assert there.copy_to(back).rows == made.rows
    assert rows_of(postgres_url) == before
    assert rows_of(back) == before
    assert nulls(home) == nulls(back) == [("nothing", 1, None), ("null", 0, 1), ("odd", 0, 0)]
    assert nulls(postgres_url) == [
        ("nothing", True, None), ("null", False, True), ("odd", False, False),
    ]  # fmt: skip
    with closing(sqlite3.connect(back)) as one, closing(sqlite3.connect(home)) as other:
        for query in ("SELECT hex(verbatim) FROM header ORDER BY file_id",
                      "SELECT id, name, ra, dec FROM target ORDER BY id",
                      "SELECT * FROM image_result ORDER BY 1, 2, 3, 4"):  # fmt: skip
            assert one.execute(query).fetchall() == other.execute(query).fetchall()
        views = "SELECT name FROM sqlite_master WHERE type = 'view' ORDER BY name"
        assert one.execute(views).fetchall() == other.execute(views).fetchall()
        assert one.execute("PRAGMA journal_mode").fetchone() == ("wal",)
        assert one.execute("PRAGMA foreign_key_check").fetchall() == []
    for place, location in (("there", postgres_url), ("back", back), ("home", home)):
        with Catalogue(location, create=False) as catalogue:
            for run in (7, 13, 14, 21, 114):
                # What the other formats add is of a kind of run: one imported, one executed.
                formats = ("csv", "ecsv", "votable") if run in (14, 21) else ("csv",)
                export_run(catalogue.get(run), tmp_path / place, formats=formats)
    assert differing_files(tmp_path / "home", tmp_path / "there") == []
    assert differing_files(tmp_path / "home", tmp_path / "back") == []


def test_sqlite_to_sqlite(home: Path, tmp_path: Path) -> None:
    with Catalogue(home) as origin:
        origin.copy_to(tmp_path / "copy")
    assert rows_of(tmp_path / "copy") == rows_of(home)
    assert [entry.name for entry in tmp_path.iterdir()] == ["copy"]


@pytest.fixture
def copied(home: Path, any_location: str) -> Iterator[Catalogue]:
    """A copy, in both kinds of database."""
    with Catalogue(home) as origin:
        origin.copy_to(any_location)
    with Catalogue(any_location, create=False) as catalogue:
        yield catalogue


def test_work_goes_on_in_a_copy(copied: Catalogue, reference: Path) -> None:
    """New rows get numbers of their own: the database goes on counting where the copy ends."""
    detail = detail_of_the_odd(copied)
    assert detail["b"] == [1, 1e20, 1e-7, 5e-324, 0.0, None, True]
    assert detail["aa"] == 'é\u2028"\\'
    assert copied.ingest(archive_of(copied)).counts["new"] == 0
    run = copied.run(run_id=22, channel=1, aors=AORS, radius=(3, 3, 7))
    assert content(copied, run) == content(copied, copied.get(21))
    copied.import_runs(reference / "published_runs" / "run18_log.txt")
    numbers = copied.sql("SELECT id FROM target ORDER BY id DESC LIMIT 2").rows
    assert numbers[0][0] > 70_000
    copied.restore(14)
    assert copied.sql("SELECT count(*) FROM run14_img_data").rows == [(10,)]
    with copied._database.read() as connection:
        statistics = "pg_stats" if copied._database.dialect == "postgresql" else "sqlite_stat1"
        assert connection.execute(text(f"SELECT count(*) FROM {statistics}")).scalar_one() > 10


def test_a_copy_of_an_initialised_database(home: Path, any_location: str) -> None:
    """Where there are tables and no row, nothing is lost by copying into them."""
    Catalogue(any_location).close()
    with Catalogue(home) as origin:
        origin.copy_to(any_location)
    assert rows_of(any_location) == rows_of(home)


def detail_of_the_odd(catalogue: Catalogue) -> Any:
    """Numbers in JSON that must be the same to the last bit."""
    with catalogue._database.read() as connection:
        return connection.execute(
            select(t.activity.c.detail).where(t.activity.c.kind == "odd")
        ).scalar_one()


# --- Refused -------------------------------------------------------------------------------------


def test_nothing_is_copied_onto_a_catalogue(home: Path, any_database: Database) -> None:
    with any_database.write() as connection:
        connection.execute(insert(t.aor).values(aorkey=1))
    before = dump(any_database)
    with Catalogue(home) as origin:
        with pytest.raises(CatalogueError, match="holds a catalogue already") as told:
            origin.copy_to(location_of(any_database))
        with pytest.raises(CatalogueError, match="holds a catalogue already"):
            origin.copy_to(home)
    assert told.value.exit_status == 4
    assert dump(any_database) == before


def test_nothing_is_copied_among_other_tables(home: Path, any_location: str) -> None:
    with closing(connect(database_url(any_location), create=True)) as database:
        with database.write() as connection:
            connection.execute(text("CREATE TABLE mine (a INTEGER)"))
        with Catalogue(home) as origin, pytest.raises(NotOurs, match="holds other tables"):
            origin.copy_to(any_location)
        with database.read() as connection:
            assert connection.execute(text("SELECT count(*) FROM mine")).scalar_one() == 0
            assert copying.revisions.state_of(connection) == "foreign"


def test_places_that_cannot_be(home: Path, postgres_url: str, tmp_path: Path) -> None:
    gone = make_url(postgres_url).set(database="no_such_database")
    with Catalogue(home) as origin:
        for place, kind, said in (
            (tmp_path / "no" / "file", Unreachable, "There is no folder"),
            (tmp_path, Unreachable, "is a folder"),
            (gone.render_as_string(hide_password=False), Unreachable, "no_such_database"),
        ):
            with pytest.raises(kind, match=said) as told:
                origin.copy_to(place)
            assert str(make_url(postgres_url).password) not in str(told.value)
        frozen = origin.freeze(21, tmp_path / "run21").path
        with pytest.raises(CannotWrite, match="frozen run"):
            origin.copy_to(frozen)
    assert [entry.name for entry in tmp_path.iterdir()] == ["run21"]


def test_a_frozen_run_becomes_a_catalogue(home: Path, tmp_path: Path) -> None:
    with Catalogue(home) as origin:
        frozen = origin.freeze(21, tmp_path / "run21").path
    with Catalogue(frozen) as small:
        small.copy_to(tmp_path / "plain")
    with Catalogue(tmp_path / "plain") as plain:
        plain.withdraw(21, "it can be written")
        plain.restore(21)
        assert plain.freeze(21, tmp_path / "again").digest == plain.get(21).digest.sha256


def test_a_child_may_stand_before_its_parent(home: Path, any_location: str, tmp_path: Path) -> None:
    with Catalogue(home) as origin, Catalogue(tmp_path / "source") as source:
        made = source.thaw(origin.freeze(114, tmp_path / "run114").path, number=3)
        assert [parent.run_id for parent in made.parents] == [14]
        source.copy_to(any_location)
    with Catalogue(any_location, create=False) as copied:
        assert copied.get(3).row.parent_run_id == 14


def changed_copy(home: Path, to: Path, *statements: str) -> Path:
    """Copy a catalogue's file, and change it by another program."""
    to.write_bytes(home.read_bytes())
    with closing(sqlite3.connect(to)) as connection:
        for statement in statements:
            connection.execute(statement)
        connection.commit()
    return to


def test_what_postgresql_cannot_hold(home: Path, postgres_url: str, tmp_path: Path) -> None:
    for place, (statement, said) in enumerate({
        "UPDATE run SET comment = 'a' || char(0) WHERE run_id = 7": "NUL",
        "UPDATE run SET channel = 'one' WHERE run_id = 7": "invalid input syntax",
        "UPDATE activity SET detail = '{' WHERE kind = 'odd'": "json",
        "UPDATE aor_result SET target_id = 9999": "foreign key",
    }.items()):  # fmt: skip
        source = changed_copy(home, tmp_path / f"changed{place}", statement)
        with Catalogue(source) as origin, pytest.raises(InputRefused, match=f"cannot hold.*{said}"):
            origin.copy_to(postgres_url)
        target = connect(database_url(postgres_url))
        with closing(target), target.read() as connection:
            assert copying.revisions.state_of(connection) == "empty"


def test_rows_that_speak_of_none_are_refused(home: Path, tmp_path: Path) -> None:
    statement = "UPDATE aor_result SET target_id = 9999"
    said = "a row of aor_result speaks of one of target"
    source = changed_copy(home, tmp_path / "changed", statement)
    with Catalogue(source) as origin, pytest.raises(InputRefused, match=said):
        origin.copy_to(tmp_path / "copy")
    assert [entry.name for entry in tmp_path.iterdir()] == ["changed"]


def test_results_that_had_changed_before_are_told(home: Path, tmp_path: Path) -> None:
    statement = (
        "UPDATE image_result SET raw = raw + 1 "
        "WHERE aor_result_id IN (SELECT id FROM aor_result WHERE run_id = 21)"
    )
    source = changed_copy(home, tmp_path / "changed", statement)
    (done,) = typed(f"copy --to copy --db {source}", cwd=tmp_path)
    assert done[0] == 0
    assert done[2] == (
        "The results of run 21 do not have the digest that was noted at its close: "
        "nor have they in the original\n"
    )
    assert rows_of(tmp_path / "copy") == rows_of(source)


# --- All or nothing ------------------------------------------------------------------------------


def test_an_interruption_leaves_nothing(
    home: Path, any_location: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    insert_rows = copying.insert_rows

    def stopping_at(table: str) -> Callable[..., None]:
        def stop(connection: Any, which: Any, columns: Any, rows: Any) -> None:
            def some() -> Iterator[Any]:
                yield next(iter(rows))
                raise KeyboardInterrupt

            insert_rows(connection, which, columns, some() if which.name == table else rows)

        return stop

    with Catalogue(home) as origin:
        for table in ("aor", "run", "image_result"):
            monkeypatch.setattr(copying, "insert_rows", stopping_at(table))
            with pytest.raises(KeyboardInterrupt):
                origin.copy_to(any_location)
            monkeypatch.undo()
            if "://" in any_location:
                with psycopg.connect(make_url(any_location).set(drivername="postgresql")
                                     .render_as_string(hide_password=False)) as plain:  # fmt: skip
                    tables = "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'"
                    assert plain.execute(tables).fetchone() == (0,), table
            else:
                assert list(Path(any_location).parent.iterdir()) == [], table
        origin.copy_to(any_location)
    assert rows_of(any_location) == rows_of(home)


def damage(connection: Any, table: str) -> None:
    statement = {
        "header": "UPDATE header SET verbatim = '\\x00' WHERE file_id = 1",
        "target": "UPDATE target SET ra = ra + 1e-13 WHERE id = 70000",
        "activity": "UPDATE activity SET detail = NULL WHERE kind = 'null'",
        "run_cell": "DELETE FROM run_cell",
    }[table]
    connection.execute(text(statement))


@pytest.mark.parametrize("table", ["header", "target", "activity", "run_cell"])
def test_rows_that_do_not_arrive_whole_are_noticed(
    home: Path, any_location: str, table: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    insert_rows = copying.insert_rows

    def insert_badly(connection: Any, which: Any, columns: Any, rows: Any) -> None:
        insert_rows(connection, which, columns, rows)
        if which.name == table:
            damage(connection, table)

    monkeypatch.setattr(copying, "insert_rows", insert_badly)
    said = f"rows of {table} do not read back"
    with Catalogue(home) as origin, pytest.raises(CatalogueError, match=said):
        origin.copy_to(any_location)
    if "://" not in any_location:
        assert list(Path(any_location).parent.iterdir()) == []


@pytest.mark.parametrize("room", [0, 50_000, 500_000])
def test_a_full_disk_leaves_nothing(home: Path, tmp_path: Path, room: int) -> None:
    assert home.stat().st_size > 600_000
    before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    with Catalogue(home) as origin:
        resource.setrlimit(resource.RLIMIT_FSIZE, (room, limits[1]))
        try:
            with pytest.raises(CannotWrite, match="Could not write"):
                origin.copy_to(tmp_path / "copy")
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, limits)
            signal.signal(signal.SIGXFSZ, before)
    assert list(tmp_path.iterdir()) == []


def test_rows_pass_in_a_stream(tmp_path: Path, postgres_url: str) -> None:
    """Never more rows in memory than a batch, in either direction."""
    label, count = "x" * 4000, 5_000
    with Catalogue(tmp_path / "source") as origin:
        with origin._database.write() as connection:
            rows = ((key, f"{label}{key}") for key in range(1, count + 1))
            copying.insert_rows(connection, t.aor, ("aorkey", "label"), rows)
        told: list[tuple[int, int, str]] = []
        # Tables are built before: it is the rows that count.
        for place in (postgres_url, tmp_path / "back"):
            Catalogue(place).close()
        tracemalloc.start()
        try:
            origin.copy_to(postgres_url, progress=lambda *words: told.append(words))
            with Catalogue(postgres_url, create=False) as there:
                there.copy_to(tmp_path / "back")
            assert tracemalloc.get_traced_memory()[1] < len(label) * count / 2
        finally:
            tracemalloc.stop()
    # Progress is told in passing, of all that is copied and read back.
    assert len(told) == 2 * count / 500
    assert {total for _, total, _ in told} == {2 * count}
    assert [done for done, _, _ in told] == sorted({done for done, _, _ in told})


# --- The command ---------------------------------------------------------------------------------


def test_the_command(home: Path, tmp_path: Path) -> None:
    words = f"copy --to copy.sqlite --db {home}"
    first, again, as_json = typed(
        words, words, f"copy --json --to other.sqlite --db {home}", cwd=tmp_path
    )
    counts = {name: len(rows) for name, rows in rows_of(home).items()}
    assert first == (
        0,
        f"copy.sqlite holds all of the catalogue: 6 runs, {counts['image_result']:,} images, "
        f"{counts['file']} files; {sum(counts.values()):,} rows in {len(counts)} tables\n"
        "Each table, and the digest of each run, is the same on both sides\n",
        "",
    )
    assert again[:2] == (4, "")
    assert len(again[2].splitlines()) == 1
    told = json.loads(as_json[1])
    assert (told["rows"], told["changed"]) == (counts, [])
    assert sorted(told["digests"]) == ["114", "13", "14", "21", "7", "8"]
    assert raw(tmp_path / "copy.sqlite", "SELECT count(*) FROM run") == [(6,)]
    assert sha256(home)


def test_a_running_run_is_copied_as_it_is(home: Path, tmp_path: Path) -> None:
    with Catalogue(changed_copy(home, tmp_path / "source", "SELECT 1")) as origin:
        with origin._database.write() as connection:
            connection.execute(
                update(t.run)
                .where(t.run.c.run_id == 21)
                .values(state="running", result_digest=None, finished_at=None)
            )
        origin.copy_to(tmp_path / "copy")
    assert rows_of(tmp_path / "copy") == rows_of(tmp_path / "source")
