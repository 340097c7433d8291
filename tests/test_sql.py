"""The user's own SQL: it answers, and it changes nothing, whatever is tried."""

from __future__ import annotations

import os
import signal
import sqlite3
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text
from warm import carried_out

from iracdb.catalogue import query as query_module
from iracdb.catalogue import query_text, tables, views
from iracdb.catalogue.database import Database, open_database
from iracdb.catalogue.query import run_query
from iracdb.catalogue.urls import database_url
from iracdb.errors import QueryRefused, Unreachable, UsageError
from iracdb.flags import FLAGS
from iracdb.layouts import DEFAULT_LAYOUT, LAYOUTS

FLUX = 0.1 + 0.2  # 0.30000000000000004: as many digits as there are
ENDLESS = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n"


def fill(database: Database) -> None:
    """Write a run of one image, as a finished run leaves it."""
    rows = {
        "aor": {"aorkey": 42789888, "label": "50% cycl: it's"},
        "frame": {
            "id": 1, "channel": 2, "aorkey": 42789888, "expid": 0, "dcenum": 0, "mjd_obs": 55555.5,
        },
        "file": {
            "id": 1, "frame_id": 1, "kind": "bcd", "version": 1, "name": "a_bcd.fits", "size": 9,
            "sha256": "aa", "data_sha256": "bb", "bitpix": -32, "naxis1": 1, "naxis2": 1,
            "data_offset": 2880, "first_seen": "2026-01-01T00:00:00Z",
        },
        "header": {
            "file_id": 1, "verbatim": b"\x00\xff",
            "cards": [["CREATOR", "'S18.18.0'", None], ["GAIN", "3.7", 3.7]],
        },
        "target": {"id": 1, "identity": "hd", "name": "HD 165459"},
        "run": {
            "run_id": 13, "uuid": "u", "name": "run13", "name_key": "run13", "origin": "executed",
            "state": "finished", "layout": DEFAULT_LAYOUT, "parameters": {"radius": [3, 3, 7]},
            "parameters_digest": "d",
        },
        "aor_result": {
            "id": 1, "run_id": 13, "target_id": 1, "target_name": "HD 165459",
            "aorkey": 42789888, "channel": 2,
            "frame_group": "g", "repeat": 0, "row_number": 1, "listed": True, "state": "measured",
            "flux": FLUX,
            "error": FLUX / 100, "n_total": 1, "n_workable": 1, "n_rejected": 0, "cycling": True,
        },
        "image_result": {
            "aor_result_id": 1, "frame_id": 1, "plane": -1, "repeat": 0, "file_id": 1,
            "row_number": 1, "file_number": 1, "flags": 24, "raw": 3.0, "background": 1.0,
        },
    }  # fmt: skip
    with database.write() as connection:
        for name, row in rows.items():
            connection.execute(getattr(tables, name).insert(), row)
        views.create_run_views(connection, 13)


@pytest.fixture(scope="module")
def catalogue(module_database: Database) -> Database:
    fill(module_database)
    return module_database


@pytest.fixture(scope="module")
def rows_before(catalogue: Database) -> dict[str, list[Any]]:
    """What the catalogue holds, which no test changes."""
    return dump(catalogue)


@pytest.fixture
def sqlite_catalogue(tmp_path: Path):
    database = open_database(database_url(tmp_path / "iracdb.sqlite"), create=True)
    fill(database)
    yield database
    database.close()


@pytest.fixture
def postgres_catalogue(postgres_url: str):
    database = open_database(database_url(postgres_url), create=True)
    fill(database)
    yield database
    database.close()


def dump(database: Database) -> list[object]:
    """Write down everything that a query could have changed."""
    if database.dialect == "sqlite":
        path = Path(str(database.url.database))
        connection = sqlite3.connect(path)
        try:
            return [
                *connection.iterdump(),
                connection.execute("PRAGMA journal_mode").fetchall(),
                connection.execute("PRAGMA user_version").fetchall(),
                sorted(entry.name for entry in path.parent.iterdir()),
            ]
        finally:
            connection.close()
    with database.read() as connection:
        seen = [
            connection.execute(text(sql)).all()
            for sql in (
                "SELECT relname, relkind::text FROM pg_class ORDER BY oid",
                "SELECT proname FROM pg_proc WHERE oid > 16000 ORDER BY oid",
                "SELECT rolname FROM pg_roles ORDER BY oid",
                "SELECT datname FROM pg_database WHERE datname NOT LIKE 'iracdb_test_%' ORDER BY 1",
                "SELECT oid FROM pg_largeobject_metadata ORDER BY oid",
                "SELECT sequencename, last_value FROM pg_sequences ORDER BY 1",
                "SELECT setdatabase, setconfig FROM pg_db_role_setting WHERE setdatabase = "
                "(SELECT oid FROM pg_database WHERE datname = current_database())",
                "SELECT classid, objid FROM pg_locks WHERE locktype = 'advisory'",
            )
        ]
        return seen + [
            sorted(map(repr, connection.execute(table.select())))
            for table in tables.metadata.sorted_tables
        ]


# --- What it answers -----------------------------------------------------------------------------


def test_columns_are_named_as_they_are_in_the_tables(catalogue: Database):
    result = run_query(
        catalogue,
        'SELECT "AORKEY", "Flux (mJy)", "Spread (%)", "Workable/Total Files in AOR" '
        "FROM run13_aor_data ORDER BY 1",
    )
    assert result.columns == ("AORKEY", "Flux (mJy)", "Spread (%)", "Workable/Total Files in AOR")
    [(aorkey, flux, spread, workable)] = result.rows
    assert (aorkey, flux, workable) == (42789888, FLUX, "1/1")
    assert spread == pytest.approx(1.0)
    assert not result.truncated


def test_every_column_of_both_tables_can_be_asked_for(catalogue: Database):
    for kind, columns in (
        ("aor", LAYOUTS[DEFAULT_LAYOUT].aor),
        ("img", LAYOUTS[DEFAULT_LAYOUT].img),
    ):
        titles = tuple(column.title for column in columns)
        wanted = ", ".join(f'"{title}"' for title in titles)
        assert run_query(catalogue, f"SELECT {wanted} FROM run13_{kind}_data").columns == titles


def test_characters_that_drivers_take_for_parameters(catalogue: Database):
    result = run_query(
        catalogue,
        "SELECT \"Time[MJD]\", '50%', '%s', '%(a)s', ':b', '?', '{c}', '1', 7 % 4 "
        "FROM run13_img_data",
    )
    assert result.rows == [(55555.5, "50%", "%s", "%(a)s", ":b", "?", "{c}", "1", 3)]
    like = "SELECT label FROM aor WHERE label LIKE '50\\%%: it''s' ESCAPE '\\'"
    assert run_query(catalogue, like).rows == [("50% cycl: it's",)]


def test_a_semicolon_at_the_end_and_comments_are_fine(catalogue: Database):
    for sql in (
        "SELECT 1;",
        "  SELECT 1 ;; \n",
        "-- first; this\nSELECT /* a; b */ 1 -- and; that",
        "/* ' \" */ SELECT 1; -- done; really\n/* ; */",
    ):
        assert run_query(catalogue, sql).rows == [(1,)]
    assert run_query(catalogue, 'SELECT \'a;b\', "name" AS "c;d" FROM run').rows == [
        ("a;b", "run13")
    ]


def test_with_and_values_are_queries_too(catalogue: Database):
    assert run_query(catalogue, "VALUES (1), (2)").rows == [(1,), (2,)]
    assert run_query(catalogue, "WITH a AS (SELECT 2 AS b) SELECT b FROM a").rows == [(2,)]
    assert run_query(catalogue, "select max(flags) from image_result").rows == [(24,)]


def test_a_quality_flag_is_explained(catalogue: Database):
    result = run_query(catalogue, "SELECT bit, name, column_title, sentence FROM quality_flag")
    assert sorted(result.rows) == [(f.bit, f.name, f.column, f.sentence) for f in FLAGS]


def test_a_header_card_is_found(catalogue: Database):
    result = run_query(
        catalogue,
        "SELECT file, keyword, position, text, number FROM header_card ORDER BY position",
    )
    assert result.rows == [
        ("a_bcd.fits", "CREATOR", 0, "'S18.18.0'", None),
        ("a_bcd.fits", "GAIN", 1, "3.7", 3.7),
    ]


def test_json_is_taken_apart_in_the_query_itself(catalogue: Database):
    each = "json_each" if catalogue.dialect == "sqlite" else "jsonb_array_elements"
    result = run_query(catalogue, f"SELECT count(*) FROM {each}('[1, 2, 3]')")
    assert result.rows == [(3,)]


def test_floats_and_bytes_come_unchanged(catalogue: Database):
    [(flux, missing, data)] = run_query(
        catalogue,
        "SELECT a.flux, a.frame_time, h.verbatim FROM aor_result a, header h",
    ).rows
    assert flux.hex() == FLUX.hex()
    assert missing is None
    assert data == b"\x00\xff"


def test_a_limit_truncates_and_says_so(catalogue: Database):
    sql = "SELECT bit FROM quality_flag ORDER BY bit"
    result = run_query(catalogue, sql, limit=2)
    assert (result.rows, result.truncated) == ([(1,), (2,)], True)
    assert run_query(catalogue, sql, limit=0) == query_module.QueryResult(("bit",), [], True)
    for limit in (None, len(FLAGS), 1000):
        result = run_query(catalogue, sql, limit=limit)
        assert (len(result.rows), result.truncated) == (len(FLAGS), False)


def test_a_limit_of_an_endless_query_is_reached(catalogue: Database):
    endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i FROM n"
    result = run_query(catalogue, endless, limit=3, timeout_seconds=5)
    assert (result.rows, result.truncated) == ([(1,), (2,), (3,)], True)


@pytest.mark.parametrize(
    "options", [{"limit": -1}, {"timeout_seconds": 0}, {"timeout_seconds": float("nan")}]
)
def test_a_limit_must_be_one(catalogue: Database, options: dict):
    with pytest.raises(UsageError, match="is not possible"):
        run_query(catalogue, "SELECT 1", **options)


# --- What it refuses -----------------------------------------------------------------------------

EVERYWHERE = [
    "INSERT INTO aor (aorkey) VALUES (1)",
    "REPLACE INTO aor (aorkey) VALUES (1)",
    "UPDATE run SET comment = 'x'",
    "DELETE FROM image_result",
    "TRUNCATE image_result",
    "MERGE INTO aor USING run ON true WHEN MATCHED THEN DELETE",
    "CREATE TABLE x (a integer)",
    "CREATE TEMP TABLE x (a integer)",
    "CREATE TABLE x AS SELECT 1",
    "CREATE VIEW x AS SELECT 1",
    "DROP TABLE image_result",
    "DROP VIEW run13_aor_data",
    "ALTER TABLE aor ADD COLUMN x integer",
    "DO $$ BEGIN DELETE FROM image_result; END $$",
    "SELECT 1; DROP TABLE image_result",
    "SELECT 1; DELETE FROM image_result;",
    "SELECT 1; -- one\nDELETE FROM image_result",
    "SELECT 1) ; COMMIT; DELETE FROM image_result; SELECT (1",
    "SELECT 1 /* ' */; DELETE FROM image_result; -- '",
    "SELECT '\\'; DELETE FROM image_result; --'",
    "SELECT 1; CLOSE iracdb_query; DELETE FROM image_result",
    "BEGIN",
    "BEGIN; DELETE FROM image_result; COMMIT",
    "COMMIT",
    "ROLLBACK; DELETE FROM image_result",
    "SAVEPOINT a",
    "SET TRANSACTION READ WRITE",
    "SET default_transaction_read_only = off",
    "SET SESSION CHARACTERISTICS AS TRANSACTION READ WRITE",
    "RESET ALL",
    "ATTACH 'other.sqlite' AS other",
    "ATTACH DATABASE 'file:other.sqlite?mode=rwc' AS other",
    "DETACH main",
    "VACUUM",
    "VACUUM INTO 'copy.sqlite'",
    "PRAGMA writable_schema = 1",
    "PRAGMA journal_mode = DELETE",
    "PRAGMA user_version = 7",
    "SELECT * FROM pragma_journal_mode('DELETE')",
    "SELECT * FROM pragma_wal_checkpoint",
    "SELECT load_extension('x')",
    "SELECT LOAD_EXTENSION('x')",
    "SELECT fts3_tokenizer('simple')",
    "SELECT writefile('x', 'y')",
    "SELECT edit('x')",
    "REINDEX",
    "ANALYZE",
    "WITH x AS (INSERT INTO aor (aorkey) VALUES (1) RETURNING aorkey) SELECT * FROM x",
    "WITH x AS (DELETE FROM image_result RETURNING plane) SELECT * FROM x",
    "WITH x AS (SELECT 1) DELETE FROM image_result",
    "WITH x AS (SELECT 7) INSERT INTO aor (aorkey) SELECT * FROM x",
    "SELECT * INTO x FROM aor",
    "SELECT aorkey INTO TEMP x FROM aor",
    "COPY aor TO 'aor.txt'",
    "COPY aor TO PROGRAM 'touch touched'",
    "COPY aor FROM PROGRAM 'echo 1'",
    "COPY (SELECT 1) TO STDOUT",
    "EXPLAIN ANALYZE DELETE FROM image_result",
    "PREPARE x AS DELETE FROM image_result",
    "EXECUTE x",
    "DECLARE c CURSOR FOR SELECT 1",
    "CLOSE iracdb_query",
    "CALL x()",
    "LISTEN x",
    "NOTIFY x",
    "LOCK TABLE aor",
    "GRANT ALL ON aor TO public",
    "SELECT * FROM aor FOR UPDATE",
    "SELECT set_config('default_transaction_read_only', 'off', false)",
    "SELECT set_config('transaction_read_only', 'off', true)",
    "SELECT nextval('file_id_seq')",
    "SELECT setval('file_id_seq', 100)",
    "SELECT pg_advisory_lock(1)",
    "SELECT pg_notify('a', 'b')",
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity",
    "SELECT \"pg_reload_conf\"()",
    "SELECT PG_CATALOG.Pg_Reload_Conf /* */ ()",
    'SELECT U&"pg_reload\\005fconf"()',
    "SELECT E'a'\n'b\\'' , pg_reload_conf() , 'x'",
    "SELECT * FROM pg_reload_conf()",
    "SELECT lo_import('/etc/hostname')",
    "SELECT lo_create(0)",
    "SELECT lo_from_bytea(0, 'x')",
    "SELECT lo_export(1, 'x')",
    "SELECT pg_read_file('/etc/hostname')",
    "SELECT pg_create_restore_point('x')",
    "SELECT pg_stat_reset()",
    "SELECT pg_switch_wal()",
    "SELECT dblink_exec('DELETE FROM image_result')",
    "SELECT query_to_xml('SELECT pg_reload_conf()', true, true, '')",
    "SELECT query_to_xml('DELETE FROM image_result', true, true, '')",
]  # fmt: skip


@pytest.mark.parametrize("sql", EVERYWHERE)
def test_refused_and_nothing_changes(
    catalogue: Database,
    rows_before: dict[str, list[Any]],
    sql: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(QueryRefused) as caught:
        run_query(catalogue, sql, timeout_seconds=10)
    assert "\n" not in str(caught.value)
    assert caught.value.exit_status == 3
    assert dump(catalogue) == rows_before
    assert list(tmp_path.iterdir()) == []


def test_what_reading_the_text_lets_through_the_database_still_refuses(
    catalogue: Database,
    rows_before: dict[str, list[Any]],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
):
    # The reading of the text is for plain words only. Without it, and without the list of
    # functions, the means of the two databases themselves must hold.
    def unread(sql: str, dialect: str):
        return query_text.Query(sql, tuple(query_text._tokens(sql, dialect)))

    monkeypatch.setattr(query_module, "one_query", unread)
    if catalogue.dialect == "postgresql":
        monkeypatch.setattr(query_module, "_refuse_functions", lambda *_: None)
    monkeypatch.chdir(tmp_path)
    acting = (  # what a transaction does not hold back: only the list of functions does
        "advisory", "notify", "terminate", "reload", "lo_export", "pg_read_file", "restore_point",
        "stat_reset", "switch_wal",
    )  # fmt: skip
    for sql in EVERYWHERE:
        if catalogue.dialect == "postgresql" and any(word in sql.lower() for word in acting):
            continue
        if "default_transaction_read_only'" in sql and catalogue.dialect == "postgresql":
            # Succeeds, and comes too late; the connection is thrown away.
            assert run_query(catalogue, sql).rows == [("off",)]
        elif "lo_" in sql and catalogue.dialect == "postgresql":
            # Older servers let these through, and the transaction is rolled back.
            with pytest.raises(QueryRefused):
                run_query(catalogue, sql)
        else:
            with pytest.raises(QueryRefused):
                run_query(catalogue, sql, timeout_seconds=10)
    assert dump(catalogue) == rows_before
    assert list(tmp_path.iterdir()) == []


def test_preparing_switched_off_in_the_url_still_means_one_statement(
    postgres_catalogue: Database, monkeypatch: pytest.MonkeyPatch
):
    def unread(sql: str, dialect: str):
        return query_text.Query(sql, tuple(query_text._tokens(sql, dialect)))

    monkeypatch.setattr(query_module, "one_query", unread)
    with postgres_catalogue.engine.connect() as connection:
        connection.connection.driver_connection.prepare_threshold = None
    before = dump(postgres_catalogue)
    with pytest.raises(QueryRefused, match="multiple commands"):
        run_query(postgres_catalogue, "SELECT 1; COMMIT; DELETE FROM image_result")
    assert dump(postgres_catalogue) == before


def test_a_function_of_ones_own_that_may_act_is_refused(postgres_catalogue: Database):
    with postgres_catalogue.write() as connection:
        for name, kind in (("acting", "VOLATILE"), ("quiet", "STABLE")):
            connection.execute(
                text(f"CREATE FUNCTION {name}() RETURNS int LANGUAGE sql {kind} AS 'SELECT 1'")
            )
    with pytest.raises(QueryRefused, match=r"the function acting\(\) is refused"):
        run_query(postgres_catalogue, "SELECT acting()")
    assert run_query(postgres_catalogue, "SELECT quiet()").rows == [(1,)]


def test_no_name_of_ours_is_taken_for_a_function_that_may_act(catalogue: Database):
    names = [c.title for layout in LAYOUTS.values() for c in (*layout.aor, *layout.img)]
    for table in tables.metadata.sorted_tables:
        names += [table.name, *table.columns.keys()]
    assert run_query(catalogue, f"SELECT 1 -- {' '.join(names)}").rows == [(1,)]


def test_harmless_functions_work(catalogue: Database):
    if catalogue.dialect == "sqlite":
        sql = "SELECT lower('A'), round(1.26, 1), json_extract('[1]', '$[0]'), abs(random()) >= 0"
        assert run_query(catalogue, sql).rows == [("a", 1.3, 1, 1)]
    else:
        sql = "SELECT lower('A'), round(1.26, 1)::float8, '[1]'::json ->> 0, random() >= 0"
        assert run_query(catalogue, sql).rows == [("a", 1.3, "1", True)]


def test_nothing_of_a_query_stays_with_the_connection(postgres_catalogue: Database):
    def backends() -> list:
        with postgres_catalogue.read() as connection:
            return connection.execute(text("SELECT pg_backend_pid()")).scalars().all()

    own = backends()
    [(used,)] = run_query(postgres_catalogue, "SELECT pg_backend_pid()").rows
    assert used not in backends() or own == [used]
    with postgres_catalogue.write() as connection:
        assert connection.execute(text("SHOW transaction_read_only")).scalar() == "off"
        assert connection.execute(text("SHOW statement_timeout")).scalar() == "0"
        connection.execute(tables.aor.insert(), {"aorkey": 2})
    assert run_query(postgres_catalogue, "SELECT count(*) FROM aor").rows == [(2,)]
    with postgres_catalogue.read() as connection:
        alive = connection.execute(text("SELECT pid FROM pg_stat_activity")).scalars().all()
    assert used not in alive or _gone(postgres_catalogue, used)


def _gone(database: Database, backend: int) -> bool:
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline:
        with database.read() as connection:
            sql = text("SELECT count(*) FROM pg_stat_activity WHERE pid = :pid")
            if connection.execute(sql, {"pid": backend}).scalar() == 0:
                return True
        time.sleep(0.05)
    return False


# --- When it must end ----------------------------------------------------------------------------


def test_a_query_without_end_is_stopped(catalogue: Database):
    start = time.monotonic()
    with pytest.raises(QueryRefused, match=r"stopped after 0\.5 s, the limit") as caught:
        run_query(catalogue, ENDLESS, timeout_seconds=0.5)
    assert 0.4 < time.monotonic() - start < 5
    assert caught.value.code == "query-too-long"
    assert run_query(catalogue, "SELECT 1").rows == [(1,)]


def test_ctrl_c_ends_a_query(catalogue: Database):
    timer = threading.Timer(0.3, signal.raise_signal, [signal.SIGINT])
    timer.start()
    start = time.monotonic()
    try:
        with pytest.raises(KeyboardInterrupt):
            run_query(catalogue, ENDLESS, timeout_seconds=20)
    finally:
        timer.join()
    assert time.monotonic() - start < 10
    assert run_query(catalogue, "SELECT 1").rows == [(1,)]


# --- What it says --------------------------------------------------------------------------------


@pytest.mark.parametrize("sql", ["", "  \n", ";", "-- nothing", "/* nothing */ ;"])
def test_no_query(catalogue: Database, sql: str):
    with pytest.raises(QueryRefused, match="There is no query"):
        run_query(catalogue, sql)


@pytest.mark.parametrize(
    ("sql", "message"),
    [
        (
            "DELETE FROM run",
            "changes nothing: a query begins with SELECT, WITH or VALUES, not DELETE",
        ),
        ("SELECT 1; SELECT 2", "reads and changes nothing: it takes one query at a time"),
        ("SELECT * FROM run13_aor_dta", r"Did you mean run13_aor_data\b"),
        ("SELECT * FROM run13_aor", r"Did you mean run13_aor_data\b"),
        ('SELECT "Flx (mJy)" FROM run13_aor_data', r'Did you mean "Flux \(mJy\)"'),
        ("SELECT Flux FROM run13_aor_data", r'Did you mean "Flux \(mJy\)".*in double quotes'),
        ("SELECT Flux (mJy) FROM run13_aor_data", r'Did you mean "Flux \(mJy\)"\?'),
        ("SELECT Spread (%) FROM run13_aor_data", r'Did you mean "Spread \(%\)"\?'),
        ("SELECT a.flx FROM aor_result a", r"Did you mean flux\b"),
        ('SELECT * FROM run WHERE name = "run13 x"', "texts in single quotes"),
        ("SELECT * FROM run WHERE", "The query was refused: .*(syntax error|incomplete input)"),
        ("SELECT 'a", "The query was refused"),
        ("SELECT \x00", "The query was refused"),
        ("SELECT :a", "The query was refused"),
        ("SELECT $1", "The query was refused"),
        ("SELECT ?", "The query was refused"),
        ("SELECT '\ud800'", "The query"),
    ],
)
def test_what_is_said(catalogue: Database, sql: str, message: str):
    with pytest.raises(QueryRefused, match=message) as caught:
        run_query(catalogue, sql)
    assert "\n" not in str(caught.value)


def test_capitals_without_quotes_on_postgresql(postgres_catalogue: Database):
    with pytest.raises(QueryRefused, match=r'Did you mean "AORKEY".*double quotes'):
        run_query(postgres_catalogue, "SELECT AORKEY FROM run13_aor_data")


def test_a_misspelt_name_is_never_taken_for_a_text(sqlite_catalogue: Database):
    # SQLite by itself would answer 'Flx (mJy)' in every row.
    with pytest.raises(QueryRefused, match="no such column"):
        run_query(sqlite_catalogue, 'SELECT "AORKEY", "Flx (mJy)" FROM run13_aor_data')
    sql = 'SELECT "Flux (mJy)" * 2, 1 AS "a""b`c" FROM run13_aor_data ORDER BY "a""b`c"'
    assert run_query(sqlite_catalogue, sql).columns == ('"Flux (mJy)" * 2', 'a"b`c')


# --- Where it lies -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "folder", ["with blanks", "100%", "a%20b", "why?", "no#1", "a&mode=rwc", "Δ", "semi;colon"]
)
def test_a_path_of_any_characters(tmp_path: Path, folder: str):
    (tmp_path / folder).mkdir()
    path = tmp_path / folder / f"{folder}.sqlite"
    database = open_database(database_url(path), create=True)
    try:
        assert run_query(database, "SELECT count(*) FROM run").rows == [(0,)]
    finally:
        database.close()
    assert [entry.name for entry in tmp_path.iterdir()] == [folder]


def test_no_file_stays_beside_the_database(sqlite_catalogue: Database):
    run_query(sqlite_catalogue, "SELECT 1")
    sqlite_catalogue.close()
    folder = Path(str(sqlite_catalogue.url.database)).parent
    assert [entry.name for entry in folder.iterdir()] == ["iracdb.sqlite"]


READ = """
import os, sys
from iracdb.catalogue.database import connect
from iracdb.catalogue.query import run_query
from iracdb.catalogue.urls import database_url
from iracdb.errors import IracdbError
database = connect(database_url(sys.argv[1]))
if os.geteuid() == 0:
    # Imports everything before it becomes somebody else.
    run_query(connect(database_url(sys.argv[2])), "SELECT 1")
    os.setegid(65534)
    os.seteuid(65534)
try:
    print(run_query(database, "SELECT name FROM run").rows)
except IracdbError as problem:
    print(type(problem).__name__, problem)
"""


@pytest.mark.parametrize("log", [False, True])
def test_a_folder_that_cannot_be_written_in(sqlite_catalogue: Database, log: bool):
    path = Path(str(sqlite_catalogue.url.database))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if log:
            # With a log that nobody may take in, what it holds would be missed.
            (folder / "db-wal").write_bytes(path.with_name("iracdb.sqlite-wal").read_bytes())
            assert (folder / "db-wal").stat().st_size
        else:
            sqlite_catalogue.close()
        (folder / "db").write_bytes(path.read_bytes())
        for entry in folder.iterdir():
            entry.chmod(0o444)
        folder.chmod(0o555)
        try:
            words = [str(folder / "db"), str(path)]
            done = carried_out(READ, words, path.parent, os.environ, seconds=120)
            assert done.returncode == 0, done.stderr
        finally:
            folder.chmod(0o755)
        if log:
            assert done.stdout.startswith("Unreachable Cannot reach")
        else:
            assert done.stdout == "[('run13',)]\n"
        assert sorted(entry.name for entry in folder.iterdir()) == (
            ["db", "db-wal"] if log else ["db"]
        )


def test_a_database_that_has_gone(tmp_path: Path):
    database = open_database(database_url(tmp_path / "iracdb.sqlite"), create=True)
    database.close()
    (tmp_path / "iracdb.sqlite").unlink()
    with pytest.raises(Unreachable, match="Cannot reach"):
        run_query(database, "SELECT 1")
    assert list(tmp_path.iterdir()) == []
