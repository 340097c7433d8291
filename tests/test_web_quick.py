"""Pages that stay quick: what is read for them, pictures that are not drawn twice, and turns."""

from __future__ import annotations

import statistics
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from freeze_helpers import fill, location_of
from run_helpers import averages
from sqlalchemy import event, text
from starlette.testclient import TestClient
from web_helpers import client_of

from iracdb import Catalogue
from iracdb.catalogue.database import Database
from iracdb.export.log import log_fields
from iracdb.report import page_figures
from iracdb.report.drawing import table_text
from iracdb.report.registry import FIGURES
from iracdb.runs import results
from iracdb.web import pictures as kept_pictures
from iracdb.web.kept import Kept
from iracdb.web.pages import figures, sql
from iracdb.web.reading import glances
from iracdb.web.reading import held as held_reading
from iracdb.web.turns import Turns

CURVE = "/run/21/figure/lightcurve.svg"


@pytest.fixture(scope="module")
def catalogue(
    module_database: Database, tmp_path_factory: pytest.TempPathFactory, reference: Path
) -> Iterator[Catalogue]:
    """Runs 7 and 21 over simulated frames, 13 and 14 imported, 114 recomputed."""
    location = location_of(module_database)
    fill(location, tmp_path_factory.mktemp("quick"), reference)
    with Catalogue(location) as opened:
        yield opened


@pytest.fixture
def client(catalogue: Catalogue) -> TestClient:
    """A server that has answered nothing yet."""
    return client_of(catalogue)


# --- The start page, and that of a run -----------------------------------------------------------


def test_the_start_page_tells_of_each_run_what_its_averages_say(
    catalogue: Catalogue, client: TestClient
) -> None:
    rows = client.get("/runs.json").json()["rows"]
    assert {row["run_id"] for row in rows} == {7, 13, 14, 21, 114}
    for row in rows:
        stored = averages(catalogue, catalogue.get(row["run_id"]))
        fluxes = [one["flux"] for one in stored if one["flux"] is not None]
        assert row["sampled"] is (len(stored) > glances.SAMPLE)
        if not row["sampled"]:
            assert row["median_flux"] == statistics.median(fluxes)
            assert row["targets"] == len({one["target_name"] for one in stored})
        assert row["target"] == stored[0]["target_name"]
        assert row["aors"] == len({one["aorkey"] for one in stored})
        assert row["averages"] == max(one["row_number"] for one in stored)


def test_of_many_averages_some_are_read_and_the_page_says_so(
    catalogue: Catalogue, client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "every second, third" not in client.get("/?q=run21").text
    before = client.get("/runs.json?q=run21").json()["rows"][0]
    monkeypatch.setattr(glances, "SAMPLE", 2)
    stored = averages(catalogue, catalogue.get(21))
    every = -(-len(stored) // 2)
    assert every > 1
    # What was seen of a run is kept.
    (row,) = client.get("/runs.json?q=run21").json()["rows"]
    assert row == before
    client = client_of(catalogue)
    (row,) = client.get("/runs.json?q=run21").json()["rows"]
    read = [one["flux"] for one in stored if (one["row_number"] - 1) % every == 0]
    assert row["sampled"] is True
    assert row["median_flux"] == statistics.median(one for one in read if one is not None)
    told = ("target", "targets", "aors", "averages")
    assert [row[name] for name in told] == [before[name] for name in told]
    assert "every second, third" in client.get("/?q=run21").text


def test_the_start_page_asks_as_much_for_many_runs_as_for_one(
    catalogue: Catalogue, client: TestClient
) -> None:
    asked: list[str] = []

    def note(_: Any, __: Any, statement: str, *___: Any) -> None:
        asked.append(statement)

    engine = catalogue._database.engine
    event.listen(engine, "before_cursor_execute", note)
    try:
        client.get("/?q=run21")
        one = len(asked)
        client.get("/")
    finally:
        event.remove(engine, "before_cursor_execute", note)
    assert len(asked) - one == one


def test_what_is_held_is_counted_or_said_to_be_about(
    catalogue: Catalogue, client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    totals = catalogue.totals()
    told = client.get("/runs.json").json()["held"]
    assert told == {
        **{name: totals[name] for name in ("runs", "withdrawn", "aors", "frames")}, "about": False,
    }  # fmt: skip
    monkeypatch.setattr(held_reading, "COUNTED", 3)
    many = client.get("/runs.json").json()["held"]
    assert many["about"] is True
    assert many["frames"] >= totals["frames"]
    assert f"about {many['frames']:,} frames" in client.get("/").text


def test_no_page_makes_a_digest(
    catalogue: Catalogue, client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    def made(*_: Any) -> None:
        raise AssertionError("a page read a whole run")

    noted = catalogue.get(21).result_digest
    monkeypatch.setattr(results, "digest_of_run", made)
    assert client.get("/run/21.json").json()["log"]["Results"] == f"sha256 {noted}"
    note = text("UPDATE run SET result_digest = :digest WHERE run_id = 21")
    with catalogue._database.write() as connection:
        connection.execute(note, {"digest": None})
    try:
        page = client.get("/run/21.json")
        assert page.json()["log"]["Results"] == "not noted"
        assert client.get("/").status_code == 200
        monkeypatch.undo()
        assert dict(log_fields(catalogue.get(21)))["Results"] == f"sha256 {noted}"
    finally:
        with catalogue._database.write() as connection:
            connection.execute(note, {"digest": noted})


# --- Pictures ------------------------------------------------------------------------------------


@pytest.fixture(autouse=True)
def _drawn_on_one_database(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """A picture is drawn from its table alone: beside PostgreSQL the table stands in for it."""
    if "[postgresql" in request.node.name:
        monkeypatch.setattr(
            figures, "picture", lambda _, table, ending: table_text(table) + ending.encode()
        )


@pytest.fixture
def work(_drawn_on_one_database: None, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What is done for pictures, in order."""
    done: list[str] = []
    for name in ("gather", "picture"):
        plain = getattr(figures, name)

        def noted(*given: Any, name: str = name, plain: Any = plain) -> Any:
            done.append(name)
            return plain(*given)

        monkeypatch.setattr(figures, name, noted)
    return done


def test_a_picture_is_drawn_once_and_a_browser_that_has_it_is_told_so(
    catalogue: Catalogue, client: TestClient, work: list[str]
) -> None:
    first = client.get(CURVE)
    assert work == ["gather", "picture"]
    assert client.get(CURVE).content == first.content
    assert client.get(f"{CURVE}?target=").headers["etag"] == first.headers["etag"]
    for given in ('"{}"', 'W/"{}"', '"another", "{}"'):
        held = given.format(first.headers["etag"].strip('"'))
        for one in (client, client_of(catalogue)):
            answer = one.get(CURVE, headers={"if-none-match": held})
            assert (answer.status_code, answer.content) == (304, b"")
            assert answer.headers["etag"] == first.headers["etag"]
            assert answer.headers["cache-control"] == "no-cache"
    assert work == ["gather", "picture"]
    for address in (f"{CURVE}?aor=90000256", CURVE.replace("svg", "ecsv"), CURVE.replace("21", "7"),
                    CURVE.replace("lightcurve", "residuals")):  # fmt: skip
        assert client.get(address).headers["etag"] != first.headers["etag"]
        held = {"if-none-match": first.headers["etag"]}
        assert client.get(address, headers=held).status_code == 200


def test_what_is_done_with_a_run_makes_its_picture_another(
    catalogue: Catalogue, client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    tags = [client.get(CURVE).headers["etag"]]
    catalogue.withdraw(21, "a test")
    tags.append(client.get(CURVE).headers["etag"])
    catalogue.restore(21)
    tags.append(client.get(CURVE).headers["etag"])
    monkeypatch.setattr(kept_pictures, "_drawn_by", lambda: ["another version"])
    tags.append(client.get(CURVE).headers["etag"])
    assert len(set(tags)) == 4


@pytest.mark.parametrize("name", ["frame", "growth", "lineage"])
def test_a_figure_of_what_can_change_is_looked_at_again(
    name: str, client: TestClient, work: list[str]
) -> None:
    address = f"/run/21/figure/{name}.png?image=1" + ("&aor=90000256" if name == "lineage" else "")
    first = client.get(address)
    assert first.status_code == 200
    assert client.get(address).content == first.content
    assert work == ["gather", "picture", "gather"]
    again = client.get(address, headers={"if-none-match": first.headers["etag"]})
    assert again.status_code == 304
    assert work == ["gather", "picture", "gather", "gather"]


def test_a_frame_that_goes_leaves_no_picture_of_it(catalogue: Catalogue) -> None:
    """The picture of pixels changes with the file that holds them, whatever was drawn before."""
    client = client_of(catalogue)
    address = "/run/21/figure/frame.png?image=1"
    before = client.get(address)
    query = (
        "SELECT l.path FROM file_location l JOIN image_result i ON i.file_id = l.file_id "
        "JOIN aor_result a ON a.id = i.aor_result_id WHERE a.run_id = 21 AND i.row_number = 1"
    )
    with catalogue._database.read() as connection:
        place = Path(connection.execute(text(query)).scalars().one())
    content = place.read_bytes()
    place.unlink()
    try:
        after = client.get(address, headers={"if-none-match": before.headers["etag"]})
        assert after.status_code == 200
        assert after.content != before.content
    finally:
        place.write_bytes(content)


def test_which_figures_rest_on_runs_alone_is_said() -> None:
    assert {one.name for one in FIGURES} >= kept_pictures.RESTS_ON_MORE


def test_few_pictures_are_kept() -> None:
    kept: Kept[bytes] = Kept(2, 10, len)
    for key in "abc":
        kept.put(key, key.encode())
    assert [kept.get(key) for key in "abc"] == [None, b"b", b"c"]
    kept.get("b")
    kept.put("d", b"d")
    assert [kept.get(key) for key in "bcd"] == [b"b", None, b"d"]
    kept.put("large", b"x" * 11)
    assert kept.get("large") is None
    kept.put("d", b"dd")
    kept.put("e", b"x" * 10)
    assert [kept.get(key) for key in "bde"] == [None, None, b"x" * 10]
    assert kept.get(None) is None


# --- Turns ---------------------------------------------------------------------------------------


def test_so_many_are_served_so_many_wait() -> None:
    turns = Turns("things", at_once=2, waiting=1, seconds=20.0)
    inside, most, entered, go = 0, 0, threading.Semaphore(0), threading.Event()

    def one() -> None:
        nonlocal inside, most
        with turns.turn():
            inside += 1
            most = max(most, inside)
            entered.release()
            go.wait(20)
            inside -= 1

    threads = [threading.Thread(target=one) for _ in range(3)]
    for thread in threads:
        thread.start()
    assert entered.acquire(timeout=20) and entered.acquire(timeout=20)
    while turns._here < 3:
        pass
    with pytest.raises(Exception, match="busy with other things") as refused, turns.turn():
        raise AssertionError("there was no place")
    assert refused.value.status_code == 503  # type: ignore[attr-defined]
    go.set()
    for thread in threads:
        thread.join(20)
    assert most == 2
    with pytest.raises(ZeroDivisionError), turns.turn():
        raise ZeroDivisionError
    for _ in range(4):  # whatever happened, places are given back
        with turns.turn():
            pass


@pytest.mark.parametrize(
    ("address", "turns"),
    [("/sql?q=SELECT%201", "sql_turns"), ("/sql.csv?q=SELECT%201", "sql_turns"),
     (CURVE, "figure_turns"), ("/run/21/figure/lightcurve", "figure_turns"),
     ("/run/21/report.html", "figure_turns")],
)  # fmt: skip
def test_who_waits_too_long_is_told_to_come_again(
    address: str, turns: str, catalogue: Catalogue, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sql, "why_not_a_reader", lambda *_: None)
    # All figures of a report are drawn in test_report.py.
    monkeypatch.setattr(page_figures, "FIGURES", page_figures.FIGURES[:1])
    few = Turns("work", at_once=1, waiting=1, seconds=0.05)
    client = client_of(catalogue, **{turns: few})
    with few.turn():
        answer = client.get(address)
        assert answer.status_code == 503
        assert answer.headers["retry-after"] == "1"
        assert "busy with other work: ask again in 1 s" in answer.text
        # Pages that ask for no such thing are answered.
        assert client.get("/run/21").status_code == 200
        assert client.get("/sql").status_code == 200
    assert client.get(address).status_code == 200


def test_a_picture_that_is_kept_waits_for_nobody(catalogue: Catalogue) -> None:
    few = Turns("figures", at_once=1, waiting=0, seconds=0.05)
    client = client_of(catalogue, figure_turns=few)
    first = client.get(CURVE)
    with few.turn():
        assert client.get(CURVE).content == first.content
        assert client.get(CURVE.replace("21", "7")).status_code == 503
