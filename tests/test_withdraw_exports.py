"""Each export is noted: where to, which files, with which bytes; or, where it cannot be, not."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from run_helpers import write_frames
from sqlalchemy import make_url

from iracdb import Catalogue
from iracdb.catalogue import database as database_module
from iracdb.catalogue import tables as t
from iracdb.catalogue.database import open_database
from iracdb.catalogue.urls import database_url
from iracdb.errors import CannotWrite
from iracdb.export.tables import export_run
from iracdb.irac.simulate import FrameSpec
from iracdb.runs.results import Run


@pytest.fixture
def catalogue(any_location: str, tmp_path: Path) -> Iterator[Catalogue]:
    write_frames(tmp_path / "archive", FrameSpec(channel=1, x=127.0, y=127.0, noise=False))
    with Catalogue(any_location) as opened:
        opened.ingest(tmp_path / "archive")
        opened.run(13, out=tmp_path / "at once")
        yield opened


def noted(catalogue: Catalogue) -> list[dict[str, Any]]:
    with catalogue._database.read() as connection:
        rows = connection.execute(t.activity.select().order_by(t.activity.c.id)).all()
    return [dict(row._mapping) for row in rows if row.kind == "export"]


def hashes(folder: Path) -> dict[str, str]:
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.iterdir()}


def test_every_export_is_noted_with_the_hashes_of_its_files(
    catalogue: Catalogue, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    export_run(catalogue.get(13), "later", formats=("csv", "ecsv", "csv"))
    export_run(catalogue.get(13), "later", formats=("csv", "ecsv"))
    first, second, third = noted(catalogue)
    for row, name in ((first, "at once"), (second, "later"), (third, "later")):
        assert (row["run_id"], row["detail"]["folder"]) == (13, str(tmp_path / name))
        listed = {file["name"]: file["sha256"] for file in row["detail"]["files"]}
        assert listed == hashes(tmp_path / name)
        assert row["outcome"] == f"{len(listed)} files"
        assert row["started_at"] <= row["ended_at"]
        assert row["operator"]
        assert row["host"]
    assert first["detail"]["formats"] == ["csv"]
    assert second["detail"]["formats"] == ["csv", "ecsv"]
    assert first["detail"]["layout"] == catalogue.get(13).row.layout


def test_an_export_that_fails_is_not_noted(catalogue: Catalogue, tmp_path: Path) -> None:
    (tmp_path / "at once" / "run13_log.txt").write_text("something else")
    with pytest.raises(CannotWrite):
        export_run(catalogue.get(13), tmp_path / "at once")
    assert len(noted(catalogue)) == 1


def test_a_catalogue_that_another_writes_to_for_long(
    catalogue: Catalogue, any_location: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database_module, "BUSY_TIMEOUT_SECONDS", 0.1)
    patient = open_database(database_url(any_location))
    try:
        with catalogue._database.write() as connection:
            connection.execute(t.run.update().values(comment="not yet"))
            run = Run(patient, 13)
            if patient.dialect == "sqlite":
                assert len(export_run(run, tmp_path / "later")) == 3
        assert len(noted(catalogue)) == 1
        assert len(export_run(run, tmp_path / "last")) == 3
        assert len(noted(catalogue)) == 2
    finally:
        patient.close()


def test_a_postgresql_database_that_is_only_read(postgres_url: str, tmp_path: Path) -> None:
    write_frames(tmp_path / "archive", FrameSpec(channel=1, x=127.0, y=127.0, noise=False))
    with Catalogue(postgres_url) as opened:
        opened.ingest(tmp_path / "archive")
        opened.run(13)
    name = make_url(postgres_url).database
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute(f'ALTER DATABASE "{name}" SET default_transaction_read_only = on')
    with Catalogue(postgres_url, create=False) as opened:
        written = export_run(opened.get(13), tmp_path / "later")
        assert [path.is_file() for path in written] == [True] * 3
        assert noted(opened) == []
        with pytest.raises(CannotWrite):
            opened.withdraw(13, "a test")
        assert opened.get(13).row.withdrawn_at is None
