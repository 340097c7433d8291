"""Where a catalogue lives: from what people type to a complete URL."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import create_engine

from iracdb.catalogue.urls import DEFAULT_PATH, ENVIRONMENT_VARIABLE, database_url, shown
from iracdb.errors import UsageError


@pytest.mark.parametrize(
    "typed",
    [
        "postgres://me@host/irac",
        "postgresql://me@host/irac",
        "postgresql+psycopg://me@host/irac",
    ],
)
def test_postgresql_gets_its_driver_written_out(typed: str):
    url = database_url(typed)
    assert url.render_as_string() == "postgresql+psycopg://me@host/irac"
    assert create_engine(url).dialect.driver == "psycopg"


def test_the_rest_of_a_postgresql_url_stays():
    url = database_url("postgresql://a%40b:p%2Fw@[::1]:5433/some%20name?sslmode=require")
    assert (url.username, url.password, url.host, url.port) == ("a@b", "p/w", "::1", 5433)
    assert dict(url.query) == {"sslmode": "require"}
    assert database_url("postgresql:///irac?host=/run/postgresql").host is None


@pytest.mark.parametrize(
    ("typed", "path"),
    [
        ("a.sqlite", "a.sqlite"),
        ("./b/../a.sqlite", "b/../a.sqlite"),
        ("sqlite:///a.sqlite", "a.sqlite"),
        ("sqlite+pysqlite:///a.sqlite", "a.sqlite"),
        ("with blanks #1 100%?.sqlite", "with blanks #1 100%?.sqlite"),
        ("postgresql", "postgresql"),
        (Path("a.sqlite"), "a.sqlite"),
    ],
)
def test_a_path_becomes_absolute(
    typed: str | Path, path: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(tmp_path)
    url = database_url(typed)
    assert url.drivername == "sqlite"
    assert url.database == str(tmp_path / path)
    assert shown(url) == str(tmp_path / path)


def test_absolute_paths_and_homes(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.setenv("HOME", str(tmp_path))
    assert database_url("~/a.sqlite").database == str(tmp_path / "a.sqlite")
    assert database_url("/x/a.sqlite").database == "/x/a.sqlite"
    assert database_url("sqlite:////x/a.sqlite").database == "/x/a.sqlite"


def test_by_default_the_environment_then_the_current_folder(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv(ENVIRONMENT_VARIABLE, raising=False)
    assert database_url().database == str(tmp_path / DEFAULT_PATH)
    monkeypatch.setenv(ENVIRONMENT_VARIABLE, "")
    assert database_url().database == str(tmp_path / DEFAULT_PATH)
    monkeypatch.setenv(ENVIRONMENT_VARIABLE, "postgres://me@host/irac")
    assert database_url().drivername == "postgresql+psycopg"
    assert database_url("other.sqlite").database == str(tmp_path / "other.sqlite")


@pytest.mark.parametrize(
    "typed", ["", ":memory:", "sqlite://", "sqlite:///", "sqlite:///:memory:", "sqlite+pysqlite://"]
)
def test_no_memory(typed: str):
    with pytest.raises(UsageError, match="needs a file"):
        database_url(typed)


@pytest.mark.parametrize(
    "typed",
    [
        "mysql://me@host/irac",
        "postgresql+psycopg2://me@host/irac",
        "postgresql+asyncpg://me@host/irac",
        "sqlite+aiosqlite:///a.sqlite",
        "https://host/irac",
    ],
)
def test_other_databases_are_refused(typed: str):
    with pytest.raises(UsageError, match="is not supported: give a path"):
        database_url(typed)


@pytest.mark.parametrize("typed", ["://", "postgresql://me@host:port/irac", "a b://c"])
def test_what_is_no_url(typed: str):
    with pytest.raises(UsageError) as caught:
        database_url(typed)
    assert "\n" not in str(caught.value)


def test_passwords_are_not_shown():
    url = database_url("postgresql://me:secret@host/irac")
    assert shown(url) == "postgresql+psycopg://me:***@host/irac"
    assert "secret" not in shown(url)


@pytest.mark.parametrize(
    "typed", ["mysql://me:secret@host/irac", "postgresql://me:secret@host:port/irac"]
)
def test_passwords_are_not_shown_by_errors_either(typed: str):
    with pytest.raises(UsageError) as caught:
        database_url(typed)
    assert "secret" not in str(caught.value)
