"""Rows in bulk: the same values whichever way they go, and what does not fit is refused."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import Connection, select
from sqlalchemy.exc import DataError

from iracdb.catalogue import bulk
from iracdb.catalogue import tables as t
from iracdb.catalogue.bulk import insert_rows
from iracdb.catalogue.database import Database, open_database
from iracdb.catalogue.urls import database_url

IMAGE: dict[str, Any] = {
    "aor_result_id": 1, "frame_id": 1, "plane": -1, "repeat": 0, "row_number": 1, "flags": 0,
    "x": 5e-324, "y": 0.1 + 0.2, "raw": float("nan"), "corrected": None, "kept": True,
    "rejected_by": "low\t\\N \u2014", "nan_in_aperture": None, "sky": -1.7976931348623157e308,
}  # fmt: skip
NOW = "2026-01-01T00:00:00Z"
RUN = {
    "run_id": 1, "uuid": "u", "name": "run1", "name_key": "run1", "origin": "executed",
    "state": "running", "layout": "iracdb-1", "parameters": "{}", "parameters_digest": "d",
    "aors": "[1]", "started_at": NOW,
}  # fmt: skip
AVERAGE = {
    "id": 1, "run_id": 1, "target_id": 1, "aorkey": 1, "channel": 1, "frame_group": "g",
    "repeat": 0, "row_number": 1, "listed": True, "state": "empty", "target_name": "x",
}  # fmt: skip


@pytest.fixture
def statements(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The statements by which PostgreSQL is given rows."""
    said: list[str] = []
    copy = bulk._copy

    def noted(driver: Any, statement: str, *rest: Any) -> None:
        said.append(statement)
        copy(driver, statement, *rest)

    monkeypatch.setattr(bulk, "_copy", noted)
    return said


def insert(connection: Connection, table: Any, row: dict[str, Any]) -> None:
    insert_rows(connection, table, list(row), [list(row.values())])


def insert_image(connection: Connection, image: dict[str, Any]) -> None:
    insert(connection, t.aor, {"aorkey": 1})
    insert(connection, t.target, {"id": 1, "identity": "x", "name": "x"})
    insert(connection, t.frame, {"id": 1, "channel": 1, "aorkey": 1, "expid": 0, "dcenum": 0})
    insert(connection, t.run, RUN)
    insert(connection, t.aor_result, AVERAGE)
    insert(connection, t.image_result, image)


@pytest.mark.parametrize(
    "change", [{}, {"plane": 2**31 - 1, "flags": 2**62 + 1}, {"kept": 0}, {"sky": 1}]
)
def test_every_bit_arrives(
    any_database: Database, statements: list[str], change: dict[str, Any]
) -> None:
    row = IMAGE | change
    with any_database.write() as connection:
        insert_image(connection, row)
        found = connection.execute(select(*(t.image_result.c[name] for name in row))).one()
    assert found._asdict() == {n: None if v != v else v for n, v in row.items()}
    if any_database.dialect == "postgresql":
        # The run's parameters are JSON, which goes as text; images go as bits.
        as_text = [words for words in statements if "BINARY" not in words]
        assert [words.split('"')[1] for words in as_text] == ["run"]
        assert statements[-1].startswith('COPY "image_result"')


@pytest.mark.parametrize("column, value", [("plane", 2**31), ("flags", 2**63), ("kept", 2)])
def test_what_does_not_fit_is_refused_by_the_server(
    postgres_url: str, statements: list[str], column: str, value: int
) -> None:
    database = open_database(database_url(postgres_url), create=True)
    try:
        with pytest.raises(DataError), database.engine.begin() as connection:
            insert_image(connection, IMAGE | {column: value})
        assert statements[-1].endswith("FROM STDIN")
    finally:
        database.close()
