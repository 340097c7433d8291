"""The database: built, recognised, refused, upgraded; what it holds to, on both kinds."""

from __future__ import annotations

import contextlib
import datetime
import os
import re
import shlex
import socket
import sqlite3
import subprocess
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg
import pytest
import sqlalchemy as sa
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from built_once import Copies
from sqlalchemy import Connection, exc, inspect, text
from verify_helpers import a_database
from warm import carried_out

from iracdb.catalogue import database as database_module
from iracdb.catalogue import revisions, tables, views
from iracdb.catalogue.database import Database, connect, open_database
from iracdb.catalogue.tables import metadata
from iracdb.catalogue.urls import database_url
from iracdb.errors import NotOurs, Unreachable, UsageError, WrongRevision
from iracdb.flags import FLAGS
from iracdb.layouts import DEFAULT_LAYOUT, LAYOUTS

in_earnest = pytest.mark.usefixtures("built_in_earnest")

FIXED_VIEWS = {"run_aor_data", "run_img_data", "header_card", "quality_flag", "ivoa_obscore"}


def migrations() -> Config:
    config = Config()
    config.set_main_option("script_location", "iracdb_migrations:")
    config.set_main_option("path_separator", "os")
    return config


REVISIONS = [
    script.revision
    for script in reversed(list(ScriptDirectory.from_config(migrations()).walk_revisions()))
]


# --- Rows for any table, whatever revision made it -----------------------------------------------


def some_value(column: sa.Column, checks: str) -> object:
    """Make a value that the column's type and its table's checks accept."""
    allowed = re.search(rf"\b{column.name}\b[^)]*?'([^']+)'", checks)
    for kind, value in (
        (sa.Text, allowed[1] if allowed else f"some {column.name}"),
        (sa.String, "x"),
        (sa.Boolean, True),
        (sa.Integer, 1),
        (sa.Float, 0.1 + 0.2),
        (sa.LargeBinary, b"\x00\xff"),
        (sa.JSON, [["A", "1", 1.5]]),
        (sa.DateTime, datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)),
    ):
        if isinstance(column.type, kind):
            return value
    raise AssertionError(f"no value known for {column!r}")


def insert_everywhere(connection: Connection) -> dict[str, dict[str, object]]:
    """Put one row into every table there is, every column filled, foreign keys honoured."""
    reflected = sa.MetaData()
    reflected.reflect(connection)
    inspector = inspect(connection)
    rows: dict[str, dict[str, object]] = {}
    for table in reflected.sorted_tables:
        if table.name == revisions.VERSION_TABLE:
            continue
        checks = " ".join(check["sqltext"] for check in inspector.get_check_constraints(table.name))
        row: dict[str, object] = {}
        for column in table.columns:
            keys = [key.column for key in column.foreign_keys]
            if not keys:
                row[column.name] = some_value(column, checks)
            elif keys[0].table is not table:
                row[column.name] = rows[keys[0].table.name][keys[0].name]
        connection.execute(table.insert(), row)
        rows[table.name] = row
    return rows


def held(
    connection: Connection, known: sa.MetaData | None = None
) -> dict[str, list[dict[str, object]]]:
    """Every row of every table; which there are is asked, where it is not known."""
    if known is None:
        known = sa.MetaData()
        known.reflect(connection)
    return {
        table.name: [dict(row) for row in connection.execute(table.select()).mappings()]
        for table in known.sorted_tables
        if table.name != revisions.VERSION_TABLE
    }


@pytest.fixture
def bare(any_location: str) -> Iterator[Database]:
    """A database in which nothing has been made yet."""
    database = connect(database_url(any_location), create=True)
    yield database
    database.close()


@in_earnest
@pytest.mark.parametrize("revision", REVISIONS)
def test_every_revision_with_rows_in_it(bare: Database, revision: str):
    with bare.write() as connection:
        revisions.upgrade(connection, revision)
        assert revisions.current(connection) == revision
        before = insert_everywhere(connection)
    assert before
    if revision == revisions.head():
        assert set(before) == set(metadata.tables)
    with bare.write() as connection:
        connection.execute(text("UPDATE run SET state = 'finished', withdrawn_at = NULL"))
        connection.execute(text(f"UPDATE run SET layout = '{DEFAULT_LAYOUT}'"))
        kept = held(connection)
        for name, row in before.items():
            assert len(kept[name]) == 1
            changed = {"state", "withdrawn_at", "layout"} if name == "run" else set()
            for column in row.keys() - changed:
                assert kept[name][0][column] == row[column]
    # Twice: the second time the views of the first stand in the way of the upgrade.
    for _ in range(2):
        with bare.write() as connection:
            revisions.upgrade(connection)
        with bare.read() as connection:
            assert revisions.state_of(connection) == "head"
            after = held(connection, metadata)
            for name, rows in kept.items():
                assert len(after[name]) == len(rows), name
                for column in after[name][0].keys() & rows[0].keys():
                    assert after[name][0][column] == rows[0][column], (name, column)
            for view in (*FIXED_VIEWS, "some name_aor_data", "some name_img_data"):
                count = connection.execute(text(f'SELECT count(*) FROM "{view}"')).scalar()
                expected = {"quality_flag": len(FLAGS), "ivoa_obscore": 0}
                assert count == expected.get(view, 1), view
    # What has rows of the first revision comes down, and what has every column filled.
    if revision not in (REVISIONS[0], REVISIONS[-1]):
        return
    with bare.write() as connection:
        views.drop_all(connection)
        config = migrations()
        config.attributes["connection"] = connection
        command.downgrade(config, "base")
        assert set(inspect(connection).get_table_names()) == {revisions.VERSION_TABLE}
        assert inspect(connection).get_view_names() == []
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
        assert all(rows == [] for rows in held(connection, metadata).values())


# --- What the migrations make is what the models say ---------------------------------------------


@in_earnest
def test_a_migrated_database_equals_the_models(any_database: Database):
    with any_database.read() as connection:
        context = MigrationContext.configure(
            connection,
            opts={
                "version_table": revisions.VERSION_TABLE,
                "compare_type": True,
                "compare_server_default": True,
            },
        )
        assert compare_metadata(context, metadata) == []


def reflected(connection: Connection) -> dict[str, object]:
    """The schema as SQLAlchemy reads it back."""
    inspector = inspect(connection)
    found = {}
    for table in sorted(set(inspector.get_table_names()) - {revisions.VERSION_TABLE}):
        found[table] = {
            "columns": [{**c, "type": repr(c["type"])} for c in inspector.get_columns(table)],
            "primary key": inspector.get_pk_constraint(table),
            "unique": sorted(inspector.get_unique_constraints(table), key=str),
            "checks": sorted(inspector.get_check_constraints(table), key=str),
            "foreign keys": sorted(inspector.get_foreign_keys(table), key=str),
            "indexes": sorted(
                (
                    {**i, "dialect_options": {k: str(v) for k, v in i["dialect_options"].items()}}
                    for i in inspector.get_indexes(table)
                ),
                key=str,
            ),
        }
        if connection.dialect.name == "postgresql":
            found[table]["comment"] = inspector.get_table_comment(table)
    return found


def reported(connection: Connection) -> list[object]:
    """The schema as the database itself tells it."""
    if connection.dialect.name == "sqlite":
        found: list[object] = []
        names = sorted(set(inspect(connection).get_table_names()) - {revisions.VERSION_TABLE})
        for table in names:
            indexes = connection.execute(text(f"PRAGMA index_list({table})")).all()
            found += [
                table,
                connection.execute(text(f"PRAGMA table_xinfo({table})")).all(),
                sorted(
                    tuple(key)[2:]
                    for key in connection.execute(text(f"PRAGMA foreign_key_list({table})"))
                ),
                sorted(
                    (
                        tuple(index)[2:],
                        connection.execute(text(f"PRAGMA index_xinfo({name})")).all(),
                    )
                    for index in indexes
                    for name in [index[1]]
                ),
            ]
        sql = "SELECT name, sql FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL"
        return [*found, sorted(map(tuple, connection.execute(text(sql))))]
    return [
        connection.execute(text(sql)).all()
        for sql in (
            "SELECT c.relname, a.attname, a.attnum, format_type(a.atttypid, a.atttypmod), "
            "a.attnotnull, a.attidentity::text, pg_get_expr(d.adbin, d.adrelid), "
            "col_description(c.oid, a.attnum) FROM pg_class c "
            "JOIN pg_attribute a ON a.attrelid = c.oid LEFT JOIN pg_attrdef d "
            "ON d.adrelid = c.oid AND d.adnum = a.attnum WHERE c.relkind = 'r' "
            "AND c.relnamespace = 'public'::regnamespace AND a.attnum > 0 "
            "AND NOT a.attisdropped AND c.relname <> 'iracdb_revision' ORDER BY 1, 3",
            "SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid) "
            "FROM pg_constraint WHERE connamespace = 'public'::regnamespace "
            "AND conrelid <> 'iracdb_revision'::regclass ORDER BY 1, 2",
            "SELECT tablename, indexname, indexdef FROM pg_indexes WHERE schemaname = 'public' "
            "AND tablename <> 'iracdb_revision' ORDER BY 1, 2",
        )
    ]


@in_earnest
def test_a_migrated_database_is_the_one_that_the_models_make(any_database: Database):
    with any_database.write() as connection:
        views.drop_all(connection)
        migrated = reflected(connection), reported(connection)
        metadata.drop_all(connection)
        assert reflected(connection) == {}
        metadata.create_all(connection)
        modelled = reflected(connection), reported(connection)
    assert set(migrated[0]) == set(metadata.tables)
    for table, schema in modelled[0].items():
        assert migrated[0][table] == schema, table
    assert migrated[1] == modelled[1]


def everything(database: Database) -> list[object]:
    """Tables, views, what stands in them, and how the database keeps its file."""
    with database.read() as connection:
        made: list[object] = [reflected(connection), reported(connection), held(connection)]
        made.append(revisions.current(connection))
        inspector = inspect(connection)
        for view in sorted(inspector.get_view_names()):
            made.append((view, inspector.get_view_definition(view)))
            made.append(connection.execute(text(f'SELECT * FROM "{view}"')).all())
        if connection.dialect.name == "sqlite":
            sql = "SELECT type, name, tbl_name, sql FROM sqlite_master ORDER BY 1, 2"
            made.append(connection.execute(text(sql)).all())
            for pragma in (
                "journal_mode",
                "page_size",
                "auto_vacuum",
                "encoding",
                "user_version",
                "application_id",
                "freelist_count",
            ):
                made += [pragma, connection.execute(text(f"PRAGMA {pragma}")).scalar()]
    return made


@in_earnest
def test_what_other_tests_copy_is_what_is_built(
    any_database: Database, copies: Copies, request: pytest.FixtureRequest, tmp_path: Path
):
    with contextlib.ExitStack() as stack:
        location = str(tmp_path / "copied.sqlite")
        if any_database.dialect == "postgresql":
            server = request.getfixturevalue("postgres_server")
            location = stack.enter_context(a_database(server))
        copied = connect(database_url(location), create=True)
        stack.callback(copied.close)
        copies(copied)
        built = everything(any_database)
        assert everything(copied) == built
        if any_database.dialect == "postgresql":
            for _ in range(2):  # said to be noted, and said again
                location = stack.enter_context(a_database(server))
                upgraded = connect(database_url(location), create=True)
                stack.callback(upgraded.close)
                with upgraded.migrate() as connection:
                    copies.upgrade(connection)
                assert everything(upgraded) == built


def test_tables_that_other_tests_copy_into_a_transaction_are_those_of_the_upgrade(
    copies: Copies, tmp_path: Path
):
    def packed(name: str, upgrade: Callable[[Connection], None]) -> bytes:
        made = connect(database_url(tmp_path / name), create=True)
        with contextlib.closing(made) as database, database.migrate() as connection:
            upgrade(connection)
        with contextlib.closing(sqlite3.connect(tmp_path / name)) as connection:
            connection.execute("VACUUM INTO ?", (str(tmp_path / f"{name}.packed"),))
        content = bytearray((tmp_path / f"{name}.packed").read_bytes())
        # How often its tables were changed is no matter: three numbers of the file's header.
        for place in (24, 40, 92):
            content[place : place + 4] = bytes(4)
        return bytes(content)

    made = packed("copied", copies.upgrade)
    assert len(made) > 100_000
    assert made == packed("upgraded", copies.upgraded_in_earnest)


def test_constraints_are_named_by_the_convention(any_database: Database):
    with any_database.read() as connection:
        inspector = inspect(connection)
        for table in metadata.sorted_tables:
            name = table.name
            assert inspector.get_pk_constraint(name)["name"] == f"pk_{name}"
            for unique in inspector.get_unique_constraints(name):
                convention = f"uq_{name}_{'_'.join(unique['column_names'])}"
                # A name that PostgreSQL would cut is given by hand.
                assert unique["name"] == convention or len(convention) > 63
            for key in inspector.get_foreign_keys(name):
                columns = "_".join(key["constrained_columns"])
                assert key["name"] == f"fk_{name}_{columns}_{key['referred_table']}"
            for check in inspector.get_check_constraints(name):
                assert check["name"].startswith(f"ck_{name}_")
            for index in inspector.get_indexes(name):
                assert index["name"].startswith((f"ix_{name}_", f"uq_{name}_"))
        names = [
            str(constraint.name)
            for table in metadata.sorted_tables
            for constraint in (*table.constraints, *table.indexes)
        ]
        assert len(set(names)) == len(names)
        assert max(len(name.encode()) for name in names) <= 63  # PostgreSQL cuts longer ones


def test_no_key_can_be_null(any_database: Database):
    with any_database.read() as connection:
        inspector = inspect(connection)
        for table in metadata.sorted_tables:
            nullable = {c["name"] for c in inspector.get_columns(table.name) if c["nullable"]}
            keys = [inspector.get_pk_constraint(table.name)["constrained_columns"]]
            keys += [u["column_names"] for u in inspector.get_unique_constraints(table.name)]
            for key in keys:
                assert key
                assert not nullable & set(key), table.name


# --- Opening -------------------------------------------------------------------------------------


@in_earnest
def test_a_new_database_is_built_when_opened(any_location: str):
    url = database_url(any_location)
    database = open_database(url, create=True)
    try:
        with database.read() as connection:
            assert revisions.state_of(connection) == "head"
            assert set(inspect(connection).get_table_names()) == {
                *metadata.tables,
                revisions.VERSION_TABLE,
            }
            assert set(inspect(connection).get_view_names()) == FIXED_VIEWS
    finally:
        database.close()
    open_database(url).close()
    open_database(url, create=True).close()
    assert database_module.current(url) == (revisions.head(), revisions.head(), "head")


BUILD = """
import sys, time, warnings
from pathlib import Path
warnings.simplefilter("error")
from iracdb.catalogue.database import open_database
from iracdb.catalogue.urls import database_url
folder = Path(sys.argv[2])
(folder / sys.argv[3]).touch()
while not (folder / "go").exists():
    time.sleep(0.001)
open_database(database_url(sys.argv[1]), create=True).close()
"""


def test_processes_that_build_the_same_database_at_once(any_location: str, tmp_path: Path):
    folder = tmp_path / "signals"
    folder.mkdir()
    names = ["a", "b", "c"]

    def build(name: str) -> subprocess.CompletedProcess[str]:
        words = [any_location, str(folder), name]
        return carried_out(BUILD, words, tmp_path, os.environ, seconds=60)

    with ThreadPoolExecutor(len(names)) as started:
        ended = [started.submit(build, name) for name in names]
        while not all((folder / name).exists() for name in names):
            assert not any(each.done() for each in ended)
            time.sleep(0.001)
        (folder / "go").touch()
        for each in ended:
            assert (each.result().returncode, each.result().stderr) == (0, "")
    database = open_database(database_url(any_location))
    try:
        with database.read() as connection:
            assert set(inspect(connection).get_view_names()) == FIXED_VIEWS
            sql = f"SELECT count(*) FROM {revisions.VERSION_TABLE}"
            assert connection.execute(text(sql)).scalar() == 1
    finally:
        database.close()


@pytest.mark.parametrize("create", [False, True])
def test_something_else_lives_there(any_location: str, create: bool):
    url = database_url(any_location)
    database = connect(url, create=True)
    with database.write() as connection:
        connection.execute(text("CREATE TABLE cats (name TEXT)"))
        connection.execute(text("INSERT INTO cats VALUES ('Tom')"))
    try:
        with pytest.raises(NotOurs, match=r"holds other tables\. Name another with --db"):
            open_database(url, create=create)
        with pytest.raises(NotOurs, match="holds other tables"):
            database_module.upgrade(url)
        assert database_module.current(url) == (None, revisions.head(), "foreign")
        with database.read() as connection:
            assert inspect(connection).get_table_names() == ["cats"]
            assert connection.execute(text("SELECT * FROM cats")).all() == [("Tom",)]
    finally:
        database.close()


@pytest.mark.parametrize("content", [b"AORKEY,Flux\n" * 100, b"xy", b"SQLite format 3\x00" * 100])
def test_a_file_that_is_no_database(tmp_path: Path, content: bytes):
    path = tmp_path / "table.csv"
    path.write_bytes(content)
    for create in (False, True):
        with pytest.raises(NotOurs, match=r"table\.csv is not an iracdb catalogue"):
            open_database(database_url(path), create=create)
    assert path.read_bytes() == content
    assert list(tmp_path.iterdir()) == [path]


@in_earnest
def test_a_database_without_tables_is_built_only_if_asked(any_location: str):
    url = database_url(any_location)
    if url.drivername == "sqlite":
        Path(any_location).touch()
    with pytest.raises(NotOurs, match="holds no catalogue yet: make one with: iracdb init"):
        open_database(url)
    assert database_module.current(url) == (None, revisions.head(), "empty")
    open_database(url, create=True).close()


def test_a_path_that_is_not_there(tmp_path: Path):
    with pytest.raises(Unreachable, match=r"no catalogue at .*missing\.sqlite: make one with"):
        open_database(database_url(tmp_path / "missing.sqlite"))
    with pytest.raises(Unreachable, match=r"no folder .*nowhere to make the catalogue in"):
        open_database(database_url(tmp_path / "nowhere" / "x.sqlite"), create=True)
    for create in (False, True):
        with pytest.raises(Unreachable, match="is a folder, not a catalogue"):
            open_database(database_url(tmp_path), create=create)
    assert list(tmp_path.iterdir()) == []


def test_a_server_that_is_not_there():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound but not listening: connections are refused
        url = f"postgresql://me:secret@127.0.0.1:{taken.getsockname()[1]}/irac"
        for create in (False, True):
            with pytest.raises(Unreachable, match="Cannot reach postgresql") as caught:
                open_database(database_url(url), create=create)
    assert "\n" not in str(caught.value)
    assert "secret" not in str(caught.value)


def test_a_database_that_the_server_does_not_have(postgres_url: str):
    with pytest.raises(Unreachable, match="does not exist") as caught:
        open_database(database_url(postgres_url + "_not"), create=True)
    assert "\n" not in str(caught.value)


# --- Revisions -----------------------------------------------------------------------------------


def test_an_older_database_is_refused(any_database: Database, monkeypatch: pytest.MonkeyPatch):
    known = revisions.head()
    monkeypatch.setattr(revisions, "head", lambda: "9998")
    for create in (False, True):
        with pytest.raises(WrongRevision, match=r"older iracdb: .*run: iracdb db upgrade"):
            open_database(any_database.url, create=create)
    assert database_module.current(any_database.url) == (known, "9998", "older")


def test_a_newer_database_is_refused(any_database: Database):
    with any_database.write() as connection:
        connection.execute(text(f"UPDATE {revisions.VERSION_TABLE} SET version_num = '9999'"))
    for create in (False, True):
        with pytest.raises(WrongRevision, match=r"by a newer iracdb .*'pip install --upgrade"):
            open_database(any_database.url, create=create)
    with pytest.raises(WrongRevision, match="by a newer iracdb"):
        database_module.upgrade(any_database.url)
    assert database_module.current(any_database.url) == ("9999", revisions.head(), "newer")


def test_the_command_in_the_message_can_be_typed(
    any_database: Database, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(revisions, "head", lambda: "9998")
    with pytest.raises(WrongRevision) as caught:
        open_database(any_database.url)
    words = shlex.split(str(caught.value).split("run: ", 1)[1])
    assert words[:-1] == ["iracdb", "db", "upgrade", "--db"]
    shown = database_url(words[-1])
    assert shown.set(password=any_database.url.password) == any_database.url


@in_earnest
def test_upgrade(any_location: str):
    url = database_url(any_location)
    with pytest.raises((Unreachable, NotOurs), match="iracdb init"):
        database_module.upgrade(url)
    open_database(url, create=True).close()
    assert database_module.upgrade(url) == (revisions.head(), revisions.head())
    # A view that came with a newer program of the same revision is made.
    database = open_database(url)
    with database.write() as connection:
        connection.execute(text("DROP VIEW ivoa_obscore"))
    database_module.upgrade(url)
    with database.read() as connection:
        assert set(inspect(connection).get_view_names()) == FIXED_VIEWS
    database.close()


# --- What both databases hold to -----------------------------------------------------------------


def test_foreign_keys_are_enforced(any_database: Database):
    with pytest.raises(exc.IntegrityError), any_database.write() as connection:
        connection.execute(tables.frame.insert(), {"channel": 1, "aorkey": 12345})
    with any_database.read() as connection:
        assert connection.execute(tables.frame.select()).all() == []


def test_checks_and_partial_unique_indexes_are_enforced(any_database: Database):
    with any_database.write() as connection:
        connection.execute(tables.aor.insert(), {"aorkey": 7})
    whole = {"channel": 1, "aorkey": 7, "expid": 0, "dcenum": 0, "mjd_obs": 5.5}
    imported = {"channel": 1, "mjd_obs": 5.5}
    with any_database.write() as connection:
        connection.execute(tables.frame.insert(), whole)
        connection.execute(tables.frame.insert(), imported)
        connection.execute(tables.frame.insert(), whole | {"dcenum": 1})
    for refused in (whole, imported, {"channel": 5}, {"channel": 1, "expid": 1, "dcenum": 1}):
        with pytest.raises(exc.IntegrityError), any_database.write() as connection:
            connection.execute(tables.frame.insert(), refused)


def test_a_transaction_is_kept_whole_or_not_at_all(any_database: Database):
    with pytest.raises(KeyError), any_database.write() as connection:
        connection.execute(tables.aor.insert(), {"aorkey": 7})
        raise KeyError
    with any_database.read() as connection:
        assert connection.execute(tables.aor.select()).all() == []


def test_numbers_of_64_bits_and_doubles(any_database: Database):
    big = 2**62 + 1
    with any_database.write() as connection:
        connection.execute(tables.aor.insert(), {"aorkey": big, "program": 2**31})
        connection.execute(
            tables.frame.insert(), {"id": big, "channel": 1, "aorkey": big, "mjd_obs": 0.1 + 0.2}
        )
    with any_database.read() as connection:
        frame = tables.frame.c
        [row] = connection.execute(sa.select(frame.id, frame.aorkey, frame.mjd_obs)).all()
        assert row == (big, big, 0.1 + 0.2)


def test_sqlite_keeps_a_log_and_waits(tmp_path: Path):
    path = tmp_path / "iracdb.sqlite"
    database = open_database(database_url(path), create=True)
    try:
        with database.read() as connection:
            assert connection.execute(text("PRAGMA journal_mode")).scalar() == "wal"
            assert connection.execute(text("PRAGMA foreign_keys")).scalar() == 1
            assert connection.execute(text("PRAGMA busy_timeout")).scalar() == 30_000
        with database.write() as writer:
            writer.execute(tables.aor.insert(), {"aorkey": 7})
            with database.read() as reader:  # is not kept waiting, and sees the state before
                assert reader.execute(tables.aor.select()).all() == []
    finally:
        database.close()
    plain = sqlite3.connect(path)
    try:
        assert plain.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    finally:
        plain.close()


def test_a_reader_sees_one_state(any_database: Database):
    with any_database.read() as reader:
        assert reader.execute(tables.aor.select()).all() == []
        with any_database.write() as writer:
            writer.execute(tables.aor.insert(), {"aorkey": 7})
        assert reader.execute(tables.aor.select()).all() == []
    with any_database.read() as reader:
        assert len(reader.execute(tables.aor.select()).all()) == 1


# --- Views ---------------------------------------------------------------------------------------


def insert_run(connection: Connection, run_id: int, name: str, **more: object) -> None:
    row = {
        "run_id": run_id, "uuid": name, "name": name, "name_key": name.lower(),
        "origin": "executed", "state": "finished", "layout": DEFAULT_LAYOUT, "parameters": {},
        "parameters_digest": "d",
    }  # fmt: skip
    connection.execute(tables.run.insert(), row | more)


def test_every_view_can_be_read(any_database: Database):
    with any_database.write() as connection:
        insert_run(connection, 13, "run13")
        views.create_run_views(connection, 13)
    with any_database.read() as connection:
        names = set(inspect(connection).get_view_names())
        assert names == {*FIXED_VIEWS, "run13_aor_data", "run13_img_data"}
        for name in names:
            assert connection.execute(text(f'SELECT * FROM "{name}" LIMIT 0')).all() == []


def test_a_runs_views_have_the_columns_of_its_layout(any_database: Database):
    with any_database.write() as connection:
        insert_run(connection, 13, "HD_Cryo")
        views.create_run_views(connection, 13)
        views.create_run_views(connection, 13)  # again does no harm
    layout = LAYOUTS[DEFAULT_LAYOUT]
    with any_database.read() as connection:
        for kind, columns in (("aor", layout.aor), ("img", layout.img)):
            titles = [column.title for column in columns]
            of_run = connection.execute(text(f"SELECT * FROM hd_cryo_{kind}_data")).keys()
            of_all = connection.execute(text(f"SELECT * FROM run_{kind}_data")).keys()
            assert list(of_run) == titles
            assert list(of_all)[-len(titles) :] == titles


def test_views_are_rebuilt_for_runs_that_stand(any_database: Database):
    with any_database.write() as connection:
        insert_run(connection, 1, "done")
        insert_run(connection, 2, "going", state="running")
        insert_run(connection, 3, "gone", withdrawn_at="2026-01-01T00:00:00Z")
        views.rebuild_all(connection)
        names = {*FIXED_VIEWS, "done_aor_data", "done_img_data"}
        assert set(inspect(connection).get_view_names()) == names
        views.drop_all(connection)
        assert inspect(connection).get_view_names() == []
        views.rebuild_all(connection)
        assert set(inspect(connection).get_view_names()) == names


def test_the_longest_name_of_a_run_is_not_cut(any_database: Database):
    name = "r" * 48
    with any_database.write() as connection:
        insert_run(connection, 1, name)
        insert_run(connection, 2, name[:-1] + "s")
        views.rebuild_all(connection)
        found = set(inspect(connection).get_view_names()) - FIXED_VIEWS
    assert found == {f"{n}_{k}_data" for n in (name, name[:-1] + "s") for k in ("aor", "img")}


def test_a_view_of_somebody_elses_is_left_alone(any_database: Database):
    with any_database.write() as connection:
        connection.execute(text("CREATE VIEW mine AS SELECT aorkey FROM aor"))
        views.rebuild_all(connection)
        assert set(inspect(connection).get_view_names()) == {*FIXED_VIEWS, "mine"}


def test_the_server_is_the_tests_own(postgres_url: str):
    with psycopg.connect(postgres_url) as connection:
        names = connection.execute("SELECT relname FROM pg_class WHERE relnamespace = 2200")
        assert names.fetchall() == []


def test_a_server_whose_name_nobody_knows_is_unreachable():
    with pytest.raises(Unreachable, match="Cannot reach postgresql"):
        open_database(database_url("postgresql://irac@no-such-host.invalid/irac"))


def test_a_password_with_an_at_is_not_taken_for_a_host():
    with pytest.raises(UsageError, match="%40") as caught:
        database_url("postgresql://irac:se@cret@127.0.0.1/irac")
    assert "cret" not in str(caught.value)
