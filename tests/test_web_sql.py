"""The SQL page: it answers within its limits, and changes nothing, whatever is tried."""

from __future__ import annotations

import csv
import io
import re
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from docs_helpers import blocks, text_of
from iracdb_cli.main import main
from sqlalchemy import make_url, text
from starlette.testclient import TestClient
from test_sql import FLUX, dump, fill

from iracdb import Catalogue
from iracdb.catalogue.database import Database
from iracdb.catalogue.query import run_query
from iracdb.catalogue.readers import why_not_a_reader
from iracdb.errors import QueryRefused, UsageError
from iracdb.web.app import application
from iracdb.web.guard import Guard
from iracdb.web.pages import sql as page
from iracdb.web.saved_queries import SAVED

ENDLESS = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n"
BIDI = "‮desrever‬"


@pytest.fixture
def roles(postgres_server: str) -> Iterator[dict[str, str]]:
    """Two roles of the server, one that will read and one that will write; dropped afterwards."""
    made = {name: f"iracdb_test_{name}_{secrets.token_hex(4)}" for name in ("reader", "writer")}
    with psycopg.connect(postgres_server, autocommit=True) as connection:
        for name in made.values():
            connection.execute(f"CREATE ROLE {name} LOGIN PASSWORD 'a-test'")
        yield made
        for name in made.values():
            connection.execute(f"DROP ROLE {name}")


@pytest.fixture
def granted(postgres_url: str, roles: dict[str, str]) -> Iterator[dict[str, str]]:
    """A catalogue in PostgreSQL, whose rights the two roles have; and where it is."""
    with Catalogue(postgres_url) as catalogue:
        fill(catalogue._database)
        with catalogue._database.write() as connection:
            for name in roles.values():
                connection.execute(text(f"GRANT SELECT ON ALL TABLES IN SCHEMA public TO {name}"))
            connection.execute(text(f"GRANT UPDATE (state) ON run TO {roles['writer']}"))
    yield {**roles, "url": postgres_url}
    with Catalogue(postgres_url) as catalogue, catalogue._database.write() as connection:
        for name in roles.values():
            connection.execute(text(f"DROP OWNED BY {name}"))


def client_of(catalogue: Catalogue, **settings: Any) -> TestClient:
    app = application(catalogue, Guard(frozenset({"127.0.0.1"})), **settings)
    return TestClient(app, base_url="http://127.0.0.1")


def location(database: Database) -> str:
    if database.dialect == "sqlite":
        return str(database.url.database)
    return database.url.render_as_string(hide_password=False)


@pytest.fixture
def opened(any_database: Database, request: pytest.FixtureRequest) -> Iterator[Catalogue]:
    """A catalogue of one image, in both kinds of database."""
    fill(any_database)
    with Catalogue(location(any_database)) as catalogue:
        yield catalogue


@pytest.fixture
def client(opened: Catalogue, request: pytest.FixtureRequest) -> Iterator[TestClient]:
    """Asks the page; on PostgreSQL by a role that can only read."""
    role = None
    if opened._database.dialect != "sqlite":
        role = request.getfixturevalue("roles")["reader"]
        with opened._database.write() as connection:
            connection.execute(text(f"GRANT SELECT ON ALL TABLES IN SCHEMA public TO {role}"))
    yield client_of(opened, sql_role=role)
    if role is not None:
        with opened._database.write() as connection:
            connection.execute(text(f"DROP OWNED BY {role}"))


def ask(client: TestClient, query: str, ending: str = "", **headers: str) -> Any:
    return client.get(f"/sql{ending}", params={"q": query}, headers=headers)


# --- What it answers -----------------------------------------------------------------------------


def test_a_query_is_answered_as_by_the_command(opened: Catalogue, client: TestClient) -> None:
    query = 'SELECT "AORKEY", "Flux (mJy)" FROM run13_aor_data'
    told = ask(client, query, ".json").json()
    found = opened.sql(query)
    assert told["columns"] == list(found.columns)
    assert told["rows"] == [list(row) for row in found.rows] == [[42789888, FLUX]]
    assert told["truncated"] is False
    assert ask(client, query, ".csv").text == f"AORKEY,Flux (mJy)\n42789888,{FLUX!r}\n"
    shown = ask(client, query)
    assert shown.status_code == 200
    assert repr(FLUX) in shown.text
    assert f">{query.replace(chr(34), '&#34;')}</textarea>" in shown.text.replace("\n", "")


def test_no_value_is_told_from_empty_text(client: TestClient) -> None:
    query = "SELECT NULL AS none, '' AS empty, 'NULL' AS word, 'a,\"b' AS signs"
    assert ask(client, query, ".json").json()["rows"] == [[None, "", "NULL", 'a,"b']]
    answered = ask(client, query, ".csv").text
    assert answered == 'none,empty,word,signs\n,"",NULL,"a,""b"\n'
    assert next(csv.DictReader(io.StringIO(answered)))["signs"] == 'a,"b'
    shown = ask(client, query).text
    assert '<span class="null">NULL</span>' in shown
    assert '<span class="empty">&#39;&#39;</span>' in shown
    assert '<span class="plain">NULL</span>' in shown


def test_two_columns_of_one_name_are_both_there(client: TestClient) -> None:
    told = ask(client, "SELECT 1 AS a, 2 AS a", ".json").json()
    assert (told["columns"], told["rows"]) == (["a", "a"], [[1, 2]])


def test_what_is_held_is_escaped(client: TestClient) -> None:
    shown = ask(client, f"SELECT '<script>alert(1)</script>{BIDI}' AS \"<b>\"").text
    assert "<script>alert" not in shown
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in shown
    assert '<th scope="col">&lt;b&gt;</th>' in shown
    # What turns the direction around ends with the cell.
    assert re.search(f'<span class="plain">[^<]*{BIDI}</span></td>', shown)
    assert "</textarea><script>" not in ask(client, "SELECT '</textarea><script>x'").text


def test_the_page_without_a_query(client: TestClient) -> None:
    shown = client.get("/sql")
    assert shown.status_code == 200
    assert shown.text.count("<h1>") == 1
    assert '<label for="query">' in shown.text
    assert "One Astronomical Observation Request" in shown.text
    assert "run13_aor_data" in shown.text
    assert "&#34;Flux (mJy)&#34;" in shown.text
    assert client.get("/sql.csv").text == ""


def test_an_empty_catalogue(tmp_path: Path) -> None:
    with Catalogue(tmp_path / "empty.sqlite") as catalogue:
        client = client_of(catalogue)
        assert client.get("/sql").status_code == 200
        assert "No row is like that" in ask(client, "SELECT name FROM run").text


# --- Its limits ----------------------------------------------------------------------------------

MANY = (
    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {}) SELECT i FROM n"
)


def test_the_limit_of_rows(client: TestClient) -> None:
    just = ask(client, MANY.format(1000), ".json").json()
    assert (len(just["rows"]), just["truncated"]) == (1000, False)
    more = ask(client, MANY.format(1001), ".json").json()
    assert (len(more["rows"]), more["truncated"]) == (1000, True)
    assert len(ask(client, MANY.format(5000), ".csv").text.splitlines()) == 1 + 1000
    assert "There are more rows than these 1,000" in ask(client, MANY.format(1001)).text
    assert "There are more rows" not in ask(client, MANY.format(1000)).text


def test_the_limit_of_time(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(page, "SECONDS", 0.3)
    answer = ask(client, ENDLESS)
    assert answer.status_code == 400
    assert "stopped after 0.3 s" in answer.text
    assert ENDLESS in answer.text.replace("&#39;", "'")
    assert ask(client, ENDLESS, ".json").json()["code"] == "query-too-long"


def test_a_long_cell_is_cut_on_the_page_alone(client: TestClient) -> None:
    query = "SELECT replace('" + "x" * 60 + "', 'x', '" + "y" * 50 + "') AS long"
    assert "(3,000 characters)" in ask(client, query).text
    assert ask(client, query, ".json").json()["rows"] == [["y" * 3000]]


def test_a_query_that_another_site_sends_is_not_carried_out(client: TestClient) -> None:
    for came, carried_out in (
        ("none", True), ("same-origin", True), ("cross-site", False), ("same-site", False),
    ):  # fmt: skip
        shown = ask(client, "SELECT 40 + 2 AS n", **{"Sec-Fetch-Site": came})
        assert shown.status_code == 200
        assert (">42<" in shown.text) is carried_out, came
        assert ("Another site" in shown.text) is not carried_out
        assert "SELECT 40 + 2 AS n" in shown.text


# --- Nothing is changed --------------------------------------------------------------------------

TRICKS = (
    "INSERT INTO aor (aorkey) VALUES (1)",
    "UPDATE run SET name = 'x'",
    "DELETE FROM run",
    "DROP TABLE run",
    "CREATE TABLE t (a integer)",
    "WITH gone AS (DELETE FROM run_log_field RETURNING 1) SELECT * FROM gone",
    "WITH x AS (SELECT 1) DELETE FROM run_log_field",
    "SELECT 1; DELETE FROM run_log_field",
    "SELECT 1; COMMIT; DELETE FROM run_log_field",
    "ATTACH '/dev/shm/iracdb_test_attached.sqlite' AS other",
    "VACUUM INTO '/dev/shm/iracdb_test_vacuumed.sqlite'",
    "PRAGMA user_version = 7",
    "SELECT * FROM pragma_user_version",
    "SELECT load_extension('x')",
    "COPY run TO PROGRAM 'cat'",
    "COPY (SELECT 1) TO '/dev/shm/iracdb_test_copied'",
    "SET ROLE postgres",
    "RESET ROLE",
    "SELECT set_config('role', 'none', false)",
    "SELECT set_config('transaction_read_only', 'off', true)",
    "SELECT pg_read_file('/etc/passwd')",
    "SELECT lo_import('/etc/passwd')",
    "SELECT nextval('run_run_id_seq')",
    "SELECT * INTO t FROM run",
    "SELECT * FROM run FOR UPDATE",
    "EXPLAIN ANALYZE DELETE FROM run",
    "DO $$ BEGIN DELETE FROM run; END $$",
    "",
    ";",
    "SELECT '\0'",
)


def test_nothing_is_changed_whatever_is_tried(opened: Catalogue, client: TestClient) -> None:
    before = dump(opened._database)
    for query in filter(str.strip, TRICKS):
        answer = ask(client, query, ".json")
        assert answer.status_code == 400, query
        assert answer.json()["code"] == "query-refused", query
        shown = ask(client, query)
        assert shown.status_code == 400, query
        assert 'role="alert"' in shown.text, query
        refused = ask(client, query, ".csv")
        assert (refused.status_code, refused.json()["code"]) == (400, "query-refused")
    assert dump(opened._database) == before
    assert not list(Path("/dev/shm").glob("iracdb_test_[acv]*ed*"))


def test_nothing_but_get_is_answered(opened: Catalogue, client: TestClient) -> None:
    for method in ("POST", "PUT", "DELETE", "PATCH"):
        assert client.request(method, "/sql", params={"q": "SELECT 1"}).status_code == 405


# --- Who asks, on PostgreSQL ---------------------------------------------------------------------


def connected_as(granted: dict[str, str], name: str) -> str:
    url = make_url(granted["url"]).set(username=granted[name], password="a-test")
    return url.render_as_string(hide_password=False)


def test_who_can_write_is_refused_and_told_how_to_read(granted: dict[str, str]) -> None:
    for url, said in (
        (granted["url"], "is a superuser"),
        (connected_as(granted, "writer"), "may write to run:"),
    ):
        with Catalogue(url, create=False) as catalogue:
            client = client_of(catalogue)
            shown = client.get("/sql")
            assert shown.status_code == 200
            assert said in shown.text
            assert "iracdb serve --sql-role irac_reader" in shown.text
            answer = ask(client, "SELECT 1 AS one", ".json")
            assert (answer.status_code, answer.json()["code"]) == (400, "no-reader")
            assert said in answer.json()["message"]
            assert answer.json()["rows"] == []


def test_who_can_only_read_needs_no_role(granted: dict[str, str]) -> None:
    with Catalogue(connected_as(granted, "reader"), create=False) as catalogue:
        client = client_of(catalogue)
        assert ask(client, "SELECT name FROM run", ".json").json()["rows"] == [["run13"]]
        assert "--sql-role" not in client.get("/sql").text


def test_the_role_is_who_asks(granted: dict[str, str]) -> None:
    with Catalogue(granted["url"]) as catalogue:
        client = client_of(catalogue, sql_role=granted["reader"])
        told = ask(client, "SELECT current_user, session_user", ".json").json()
        session = make_url(granted["url"]).username
        assert told["rows"] == [[granted["reader"], session]]
        # The rest of the site goes on as who is connected.
        with catalogue._database.read() as connection:
            assert connection.execute(text("SELECT current_user")).scalar_one() == session


def test_a_role_that_can_write_is_refused_too(granted: dict[str, str]) -> None:
    with Catalogue(granted["url"]) as catalogue:
        for role, said in (
            (granted["writer"], "may write to run"),
            ("iracdb_test_nobody", "there is no role iracdb_test_nobody"),
            ("pg_write_all_data", "pg_write_all_data"),
            ("pg_execute_server_program", "pg_execute_server_program"),
        ):
            answer = ask(client_of(catalogue, sql_role=role), "SELECT 1", ".json")
            assert (answer.status_code, answer.json()["code"]) == (400, "no-reader")
            assert said in answer.json()["message"]


def test_a_right_that_is_one_command_away_counts(granted: dict[str, str]) -> None:
    with Catalogue(granted["url"]) as catalogue:
        database = catalogue._database
        assert why_not_a_reader(database, granted["reader"]) is None
        with database.write() as connection:
            connection.execute(text(f"ALTER ROLE {granted['reader']} NOINHERIT"))
            connection.execute(text(f"GRANT {granted['writer']} TO {granted['reader']}"))
        said = why_not_a_reader(database, granted["reader"])
        assert said == f"{granted['reader']} may write to run, as {granted['writer']}"


def test_each_right_to_write_counts(granted: dict[str, str]) -> None:
    reader = granted["reader"]
    with Catalogue(granted["url"]) as catalogue:
        database = catalogue._database
        for right in ("INSERT", "UPDATE", "DELETE", "TRUNCATE", "INSERT (label)"):
            with database.write() as connection:
                connection.execute(text(f"GRANT {right} ON aor TO {reader}"))
            assert why_not_a_reader(database, reader) == f"{reader} may write to aor", right
            with database.write() as connection:
                connection.execute(text(f"REVOKE {right} ON aor FROM {reader}"))
            assert why_not_a_reader(database, reader) is None, right


def test_run_query_by_a_role(granted: dict[str, str]) -> None:
    with Catalogue(granted["url"]) as catalogue:
        database = catalogue._database
        role = granted["reader"]
        assert run_query(database, "SELECT current_user", role=role).rows == [(role,)]
        with pytest.raises(QueryRefused, match="Nothing is asked as nobody"):
            run_query(database, "SELECT 1", role='nobody"; RESET ROLE; --')
        with database.write() as connection:
            connection.execute(text(f"REVOKE SELECT ON aor FROM {role}"))
        with pytest.raises(QueryRefused, match="permission denied for table aor"):
            run_query(database, "SELECT * FROM aor", role=role)


def test_sqlite_has_no_roles(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with Catalogue(tmp_path / "iracdb.sqlite") as catalogue:
        with pytest.raises(UsageError, match="SQLite has no roles"):
            run_query(catalogue._database, "SELECT 1", role="reader")
        assert why_not_a_reader(catalogue._database) is None
    words = ["serve", "--db", str(tmp_path / "iracdb.sqlite"), "--sql-role", "reader"]
    assert main(words) == 2
    assert "SQLite has no roles" in capsys.readouterr().err


def test_serving_by_a_role_that_can_write_does_not_begin(
    granted: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["serve", "--db", granted["url"], "--sql-role", granted["writer"]]) == 2
    assert "may write to run" in capsys.readouterr().err


# --- The saved queries ---------------------------------------------------------------------------


def test_saved_queries_are_those_of_the_page_of_the_database() -> None:
    section = text_of("docs/database.md").split("## Questions to begin with\n")[1]
    section = section.split("\n## ")[0]
    titles = re.findall(r"^(.+):\n\n```sql$", section, re.MULTILINE)
    queries = [block.rstrip("\n") for block in blocks(section, "sql")]
    assert list(zip(titles, queries, strict=True)) == [tuple(one) for one in SAVED]


def test_saved_queries_are_carried_out(opened: Catalogue, client: TestClient) -> None:
    links = re.findall(r'<li><a href="(/sql\?q=[^"]+)">', client.get("/sql").text)
    assert len(links) == len(SAVED)
    for link, one in zip(links, SAVED, strict=True):
        shown = client.get(link.replace("&amp;", "&"))
        assert shown.status_code == 200, one.title
        assert 'id="answer-title"' in shown.text
        assert ask(client, one.sql, ".json").json()["columns"]


def test_names_of_the_schema_can_be_asked_for(opened: Catalogue, client: TestClient) -> None:
    """Each name that the page writes is one that the database knows."""
    from iracdb.web.reading.schema import schema

    with opened._database.read() as connection:
        groups = schema(connection)
    assert [group["title"] for group in groups] == ["Views", "Tables", "Views of single runs"]
    for group in groups:
        for table in group["tables"]:
            columns = ", ".join(column["name"] for column in table["columns"])
            assert table["sentence"]
            assert all(column["sentence"] for column in table["columns"]), table["names"]
            for name in table["names"]:
                answer = ask(client, f"SELECT {columns} FROM {name} LIMIT 1", ".json")
                assert answer.status_code == 200, answer.json()["message"]
