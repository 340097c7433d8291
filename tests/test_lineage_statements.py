"""How lineage asks: few statements, as many for much as for little, each by an index."""

from __future__ import annotations

import gc
import re
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
from lineage_helpers import FIRST, OFF, UNLIKE, make_scene
from sqlalchemy import event, text

from iracdb import Catalogue
from iracdb.catalogue.database import Database
from iracdb.compare import comparison
from iracdb.trace import down

MOST = 8
"""Statements of a lineage, at most, but for the beginning of the transaction."""

BEGINNING = ("BEGIN", "SELECT set_config(")

LARGE = ("image_result", "aor_result", "frame", "file", "file_location", "header", "run_input")


@pytest.fixture(scope="module")
def catalogue(
    module_database: Database, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Catalogue]:
    with Catalogue(module_database.url.render_as_string(hide_password=False)) as opened:
        make_scene(opened, tmp_path_factory.mktemp("statements"))
        yield opened


@contextmanager
def heard(catalogue: Catalogue) -> Iterator[list[tuple[str, Any]]]:
    """Write down what is asked of the database."""
    engine = catalogue._database.engine
    told: list[tuple[str, Any]] = []

    def hear(_connection: Any, _cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        if not statement.startswith(BEGINNING):
            told.append((statement, parameters))

    event.listen(engine, "before_cursor_execute", hear)
    try:
        yield told
    finally:
        event.remove(engine, "before_cursor_execute", hear)


ASKED: dict[str, Callable[[Catalogue], object]] = {
    "one image": lambda catalogue: catalogue.lineage(1, aor=OFF),
    "twelve images": lambda catalogue: catalogue.lineage(1, aor=FIRST),
    "two averages": lambda catalogue: catalogue.lineage(1, aor=UNLIKE),
    "two targets": lambda catalogue: catalogue.lineage(2, aor=FIRST),
    "a file of one run": lambda catalogue: catalogue.lineage(file=_name(FIRST, 6, 2)),
    "a file of three runs": lambda catalogue: catalogue.lineage(file=_name(FIRST, 0, 1)),
    "a file of five runs": lambda catalogue: catalogue.lineage(file=_name(UNLIKE, 0, 1)),
    "a frame": lambda catalogue: catalogue.lineage(frame=f"1/{FIRST}/0/0"),
    "a frame of two files": lambda catalogue: catalogue.lineage(frame=f"1/{FIRST}/6/0"),
}


def _name(aorkey: int, expid: int, version: int) -> str:
    return f"SPITZER_I1_{aorkey}_{expid:04d}_0000_{version}_bcd.fits"


def test_as_many_statements_for_much_as_for_little(catalogue: Catalogue) -> None:
    counts = {}
    for what, ask in ASKED.items():
        with heard(catalogue) as told:
            ask(catalogue)
        counts[what] = len(told)
    down = {counts[what] for what in list(ASKED)[:4]}
    of_files = {counts[what] for what in list(ASKED)[4:7]}
    of_frames = {counts[what] for what in list(ASKED)[7:]}
    assert len(down) == len(of_files) == len(of_frames) == 1
    assert max(counts.values()) <= MOST


@pytest.mark.parametrize("what", ASKED)
def test_every_large_table_is_read_by_an_index(catalogue: Catalogue, what: str) -> None:
    with heard(catalogue) as told:
        ASKED[what](catalogue)
    assert any("image_result" in statement for statement, _ in told)
    for statement, parameters in told:
        scanned = _scanned(catalogue._database, statement, parameters)
        assert not scanned & set(LARGE), statement


def test_what_is_set_for_a_lineage_ends_with_it(catalogue: Catalogue) -> None:
    if _is_sqlite(catalogue._database):
        return
    ASKED["twelve images"](catalogue)
    with catalogue._database.read() as connection:
        for name in ("hashjoin", "mergejoin"):
            assert connection.execute(text(f"SHOW enable_{name}")).scalar_one() == "on"


def test_no_garbage_is_looked_for_meanwhile(
    catalogue: Catalogue, monkeypatch: pytest.MonkeyPatch
) -> None:
    """To look through all that is imported takes longer than to answer."""
    seen: list[tuple[str, bool]] = []

    def watched(where: Any, name: str) -> None:
        real = getattr(where, name)

        def noted(*given: Any, **options: Any) -> Any:
            seen.append((name, gc.isenabled()))
            return real(*given, **options)

        monkeypatch.setattr(where, name, noted)

    watched(down, "_add_images")
    watched(comparison, "join_images")
    assert gc.isenabled()
    catalogue.lineage(1, aor=FIRST)
    catalogue.compare(1, 2).summary()
    assert seen == [("_add_images", False), ("join_images", False)]
    assert gc.isenabled()


def test_statements_stay_prepared_from_one_lineage_to_the_next(catalogue: Catalogue) -> None:
    if _is_sqlite(catalogue._database):
        return
    with closing(Catalogue(catalogue._database.url.render_as_string(hide_password=False))) as other:
        for _ in range(7):
            ASKED["twelve images"](other)
        with other._database.read() as connection:
            held = connection.execute(text("SELECT statement FROM pg_prepared_statements")).all()
    assert any("image_result" in statement for (statement,) in held)


def test_a_question_without_an_index_is_noticed(catalogue: Catalogue) -> None:
    database = catalogue._database
    for statement in (
        "SELECT * FROM image_result WHERE raw = 1",
        "SELECT * FROM file JOIN image_result AS i ON file.size = i.flags",
    ):
        assert "image_result" in _scanned(database, statement, () if _is_sqlite(database) else {})


def _is_sqlite(database: Database) -> bool:
    return database.dialect == "sqlite"


def _scanned(database: Database, statement: str, parameters: Any) -> set[str]:
    """Tell which tables a statement reads from end to end, or would if they were large."""
    if _is_sqlite(database):
        with _without_statistics(database) as empty:
            plan = empty.execute(f"EXPLAIN QUERY PLAN {statement}", parameters).fetchall()
        steps = [row[3] for row in plan]
        # An index that is made for the question is made by reading all of the table.
        whole = [step.split() for step in steps if "SCAN" in step or "AUTOMATIC" in step]
        return {_table_of(step[1], statement) for step in whole}
    with database.read() as connection:
        # A small table is quicker read whole: what matters is whether it need not be.
        connection.execute(text("SET LOCAL enable_seqscan = off"))
        plan = connection.exec_driver_sql(f"EXPLAIN (FORMAT JSON) {statement}", parameters)
        return set(_read_whole(plan.scalar_one()[0]["Plan"]))


@contextmanager
def _without_statistics(database: Database) -> Iterator[sqlite3.Connection]:
    """Give the same tables without rows: SQLite then takes them to be large."""
    with closing(sqlite3.connect(str(database.url.database))) as full:
        made = [row[0] for row in full.execute(
            "SELECT sql FROM sqlite_master WHERE type IN ('table', 'index') AND sql IS NOT NULL "
            "AND name NOT LIKE 'sqlite_%'"
        )]  # fmt: skip
    with closing(sqlite3.connect(":memory:")) as empty:
        for statement in made:
            empty.execute(statement)
        yield empty


def _table_of(name: str, statement: str) -> str:
    """Find the table behind an alias."""
    told = re.search(rf"(\w+) AS {re.escape(name)}\b", statement)
    return told[1] if told is not None else name


def _read_whole(plan: dict[str, Any]) -> Iterator[str]:
    if plan["Node Type"] == "Seq Scan":
        yield plan["Relation Name"]
    for below in plan.get("Plans", ()):
        yield from _read_whole(below)


def test_the_scene_is_where_it_is_read_from(catalogue: Catalogue, tmp_path: Path) -> None:
    """Nothing of a lineage is written anywhere."""
    with heard(catalogue) as told:
        for ask in ASKED.values():
            ask(catalogue)
    assert not list(tmp_path.iterdir())
    assert all(statement.lstrip().startswith(("SELECT", "WITH")) for statement, _ in told)
