"""Two runs compared in the browser: the same numbers as `Catalogue.compare` and `why` give."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from lineage_helpers import FIRST, OFF, UNLIKE, make_scene
from published_helpers import copy_run
from sqlalchemy import text, update
from starlette.testclient import TestClient
from web_pages import client_of, page_of, rows_of

from iracdb import Catalogue
from iracdb.catalogue import tables as t
from iracdb.catalogue.database import Database
from iracdb.compare.listed import changed_rows
from iracdb.errors import InputRefused
from iracdb.report import page_figures
from iracdb.web.pages import comparing
from iracdb.web.reading import comparisons
from iracdb.web.view import plain

HOSTILE = "<script>alert('x')</script> \"quoted\" ‮back"


@pytest.fixture(scope="module")
def catalogue(
    module_database: Database, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Catalogue]:
    """Runs that were made here: 1 and 2 by other radii, 2 over two targets, 3 to 5."""
    folder = tmp_path_factory.mktemp("compared")
    url = module_database.url.render_as_string(hide_password=False)
    with Catalogue(url) as opened:
        make_scene(opened, folder)
        opened.run(run_id=6, radius=(3, 3, 7), aors=[UNLIKE], comment="the fourth once more")
        opened.run(run_id=7, radius=(3, 3, 7), aors=[UNLIKE], centre="moment", name="Moments")
        yield opened


@pytest.fixture(scope="module")
def client(catalogue: Catalogue) -> TestClient:
    return client_of(catalogue)


@pytest.fixture(scope="module")
def published(reference: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Catalogue]:
    """Three runs of 2018."""
    folder = tmp_path_factory.mktemp("published")
    for name in ("run6", "run13", "run20", "hd_warm_final"):
        copy_run(reference / "published_runs", folder / "runs", name)
    with Catalogue(folder / "iracdb.sqlite") as opened:
        opened.import_runs(folder / "runs", targets=[reference / "coordinates"])
        yield opened


def summary_of(catalogue: Catalogue, a: int | str, b: int | str) -> dict[str, Any]:
    return json.loads(json.dumps(plain(catalogue.compare(a, b).summary())))


PAIRS = [(1, 3), (3, 6), (3, 7), (1, 2), (2, 1), (3, 3), (4, 5)]


@pytest.mark.parametrize(("a", "b"), PAIRS)
def test_the_summary_is_that_of_the_comparison(
    catalogue: Catalogue, client: TestClient, a: int, b: int
) -> None:
    told = client.get(f"/compare/{a}/{b}.json").json()
    expected = summary_of(catalogue, a, b)
    assert {name: told[name] for name in expected} == expected
    shown = page_of(client, f"/compare/{a}/{b}")
    if expected["comparable"]:
        for part in ("images", "aors"):
            for outcome in comparing.OUTCOMES:
                assert f">{expected[part][outcome]:,}<" in shown
    else:
        assert "cannot be compared" in shown


@pytest.mark.parametrize(("a", "b"), [(1, 3), (1, 6), (1, 2)])
def test_the_averages_are_those_of_the_comparison(
    catalogue: Catalogue, client: TestClient, a: int, b: int
) -> None:
    part = catalogue.compare(a, b).parts[1]
    changed = changed_rows(part)
    told = client.get(f"/compare/{a}/{b}.json").json()["rows"]
    differing = [row for row in told if not row["outcome"].startswith("only")]
    assert differing
    assert [(row["aorkey"], row["row_a"], row["row_b"], row["outcome"]) for row in differing] == [
        (row.key_a.aorkey, row.key_a.row_number, row.key_b.row_number, row.outcome)
        for row in changed
    ]
    for row, expected in zip(differing, changed, strict=True):
        assert (row["flux_a"], row["flux_b"]) == (expected.a, expected.b)
        assert (row["difference"], row["relative"]) == (expected.difference, expected.relative)
        assert row["errors"] == expected.errors
    for side in ("a", "b"):
        alone = [row[f"row_{side}"] for row in told if row["outcome"] == f"only_{side}"]
        name = catalogue.get({"a": a, "b": b}[side]).name
        assert alone == [row["row"] for row in catalogue.compare(a, b).only("aors")
                         if row["run"] == name]  # fmt: skip


def test_averages_are_filtered_by_outcome(catalogue: Catalogue, client: TestClient) -> None:
    counts = catalogue.compare(1, 3).summary()["aors"]
    for outcome in comparing.OUTCOMES:
        rows = rows_of(client, f"/compare/1/3.csv?outcome={outcome}")
        assert len(rows) == counts[outcome]
        page_of(client, f"/compare/1/3?outcome={outcome}")
    assert len(rows_of(client, "/compare/1/3.csv?outcome=all")) == sum(
        counts[outcome] for outcome in comparing.OUTCOMES
    )
    page_of(client, "/compare/1/3?outcome=worse", 400)


def test_averages_come_a_stretch_at_a_time(
    published: Catalogue, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = client_of(published)
    monkeypatch.setattr(comparing, "limit", lambda request: 50)
    every = client.get("/compare/6/1001.csv?outcome=all")
    seen, address = [], "?outcome=all"
    while address:
        told = client.get(f"/compare/6/1001.json{address}").json()
        seen += [(row["outcome"], row["row_a"], row["row_b"]) for row in told["rows"]]
        address = told["next"]
    monkeypatch.undo()
    every = rows_of(client, "/compare/6/1001.csv?outcome=all")
    assert len(seen) == len(set(seen)) == len(every) > 150
    assert [(str(a or ""), str(b or "")) for _, a, b in seen] == [
        (row["row_a"], row["row_b"]) for row in every
    ]


def test_what_differs_in_the_making_is_shown(catalogue: Catalogue, client: TestClient) -> None:
    made_by = catalogue.compare(1, 3).made_by
    told = client.get("/compare/1/3.json").json()["differences"]
    assert [(row["name"], row["moves"]) for row in told] == [
        (each.name, each.moves) for each in made_by.differences
    ]
    shown = page_of(client, "/compare/1/3")
    assert '<th scope="row">radius_source</th><td class="text">10</td>' in shown


def test_published_runs(published: Catalogue) -> None:
    client = client_of(published)
    told = client.get("/compare/13/20.json").json()
    assert {name: told[name] for name in ("images", "aors")} == {
        name: summary_of(published, 13, 20)[name] for name in ("images", "aors")
    }
    shown = page_of(client, "/compare/13/20")
    assert "run20" in shown
    for row in told["rows"][:3]:
        page_of(client, row["address"])


# --- Choosing ------------------------------------------------------------------------------------


def test_choosing_leads_to_the_stable_address(client: TestClient) -> None:
    for query, ending, place in (
        ("a=1&b=3", "", "/compare/1/3"), ("a=Newest&b=1", "", "/compare/3/1"),
        ("a=1&b=3", ".json", "/compare/1/3.json"), ("a=1&b=3", ".csv", "/compare/1/3.csv"),
    ):  # fmt: skip
        answer = client.get(f"/compare{ending}?{query}", follow_redirects=False)
        assert (answer.status_code, answer.headers["location"]) == (303, place)


def test_runs_are_chosen_from_a_list(client: TestClient) -> None:
    shown = page_of(client, "/compare")
    assert shown.count("<select ") == 2
    assert '<option value="3">3: Newest, channel 1</option>' in shown
    assert '<option value="3" selected>' in page_of(client, "/compare?a=3")
    told = client.get("/compare.json").json()
    assert [row["run_id"] for row in told["rows"]] == [7, 6, 5, 4, 3, 2, 1]


def test_of_many_runs_one_types_the_number(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(comparing, "FEW", 3)
    shown = page_of(client, "/compare?q=moments&a=3")
    assert "<select" not in shown
    assert re.search(r'<input name="a" value="3"', shown)
    assert "Moments" in shown
    assert "Newest" not in shown


def test_runs_that_are_not_there(client: TestClient) -> None:
    for address in ("/compare?a=1&b=99", "/compare/1/99", "/compare/1/x", "/compare/99/1/aor/1",
                    f"/compare/1/3/aor/{FIRST - 1}", "/compare?a=1&b=" + "9" * 5000):  # fmt: skip
        page_of(client, address, 404)


def test_runs_that_cannot_be_compared(published: Catalogue) -> None:
    def of_channel(channel: int) -> None:
        with published._database.write() as connection:
            connection.execute(update(t.run).where(t.run.c.run_id == 13).values(channel=channel))

    of_channel(2)
    try:
        client = client_of(published)
        told = client.get("/compare/13/20.json").json()
        assert told["comparable"] is False
        assert told["rows"] == []
        shown = page_of(client, "/compare/13/20")
        assert told["reason"] in shown
        assert "AORs by outcome" not in shown
    finally:
        of_channel(1)


# --- One AOR -------------------------------------------------------------------------------------


@pytest.mark.parametrize(("a", "b", "aorkey"), [(1, 3, FIRST), (1, 2, FIRST), (3, 7, UNLIKE)])
def test_why_is_what_the_catalogue_tells(
    catalogue: Catalogue, client: TestClient, a: int, b: int, aorkey: int
) -> None:
    told = client.get(f"/compare/{a}/{b}/aor/{aorkey}.json").json()
    shown = page_of(client, f"/compare/{a}/{b}/aor/{aorkey}")
    try:
        found = catalogue.why(a, aorkey, b, row=told["why"]["row"])
    except InputRefused as problem:
        assert told["why"]["said"] == problem.message
        return
    assert told["why"]["change"] == found.change
    assert told["why"]["shares"] == [plain(vars(each)) for each in found.shares]
    for each in found.telling:
        assert f'<th scope="row">{each.cause}</th>' in shown


def test_images_side_by_side(catalogue: Catalogue, client: TestClient) -> None:
    told = client.get(f"/compare/1/3/aor/{FIRST}.json").json()
    table = catalogue.compare(1, 3).images
    table = table[table["aorkey"] == FIRST]
    paired = [row for row in told["rows"] if not row["outcome"].startswith("only")]
    assert [(row["row_a"], row["row_b"], row["outcome"]) for row in paired] == [
        (row["row_a"], row["row_b"], row["outcome"]) for row in table
    ]
    for row, expected in zip(paired, table, strict=True):
        for name in ("x", "y"):
            for side in ("a", "b"):
                value = float(expected[f"{name}_{side}"].value)
                assert row[f"{name}_{side}"] == (None if value != value else value)
    assert told["images"]["changed"] == sum(row["outcome"] == "changed" for row in paired)
    shown = page_of(client, f"/compare/1/3/aor/{FIRST}")
    assert f'href="/run/1/image/{paired[0]["row_a"]}"' in shown
    assert f'href="/run/3/image/{paired[0]["row_b"]}"' in shown
    assert f'href="/run/1/aor/{FIRST}"' in shown
    only = rows_of(client, f"/compare/1/3/aor/{FIRST}.csv?outcome=changed")
    assert len(only) == told["images"]["changed"]


def test_each_average_of_an_aor_has_its_why(catalogue: Catalogue, client: TestClient) -> None:
    # Run 2 has two targets in the first AOR, run 1 one.
    told = client.get(f"/compare/2/1/aor/{FIRST}.json").json()
    assert len(told["averages"]) == 2
    rows = [each["row_a"] for each in told["averages"]]
    for row in rows:
        again = client.get(f"/compare/2/1/aor/{FIRST}.json?row={row}").json()
        assert again["why"]["row"] == row
        page_of(client, f"/compare/2/1/aor/{FIRST}?row={row}")


def test_an_aor_of_one_run_alone(client: TestClient) -> None:
    told = client.get(f"/compare/1/4/aor/{OFF}.json").json()
    assert {row["outcome"] for row in told["rows"]} == {"only_a"}
    page_of(client, f"/compare/1/4/aor/{OFF}")
    page_of(client, f"/compare/4/1/aor/{OFF}")


# --- What is kept --------------------------------------------------------------------------------


def test_a_comparison_is_made_once(catalogue: Catalogue, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[tuple[Any, Any]] = []
    really = Catalogue.compare

    def counting(self: Catalogue, a: Any, b: Any) -> Any:
        made.append((a, b))
        return really(self, a, b)

    monkeypatch.setattr(Catalogue, "compare", counting)
    client = client_of(catalogue)
    threads = [Thread(target=client.get, args=("/compare/1/3",)) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    first = client.get("/compare/1/3.json").json()
    assert client.get("/compare/1/3.json?outcome=all").json()["seconds"] == first["seconds"]
    assert made == [(1, 3)]
    client.get("/compare/3/1")
    assert made == [(1, 3), (3, 1)]


def test_what_is_kept_is_made_again_once_something_was_done(
    tmp_path: Path, any_location: str
) -> None:
    with Catalogue(any_location) as here:
        make_scene(here, tmp_path)
        client = client_of(here)
        assert client.get("/compare/1/3.json").json()["notes"] == []
        here.withdraw(3, HOSTILE)
        [note] = client.get("/compare/1/3.json").json()["notes"]
        assert HOSTILE in note
        shown = page_of(client, "/compare/1/3")
        assert "<script>alert" not in shown
        assert "&lt;script&gt;" in shown


def test_few_are_kept(catalogue: Catalogue, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(comparisons, "KEPT", 2)
    kept = comparisons.Comparisons()
    runs = [catalogue.get(number) for number in (1, 2, 3)]
    first = kept.of(catalogue, runs[0], runs[1])
    kept.of(catalogue, runs[0], runs[2])
    assert kept.of(catalogue, runs[0], runs[1]) is first
    kept.of(catalogue, runs[1], runs[2])
    assert kept.of(catalogue, runs[0], runs[1]) is first
    assert len(kept._made) == 2
    monkeypatch.setattr(comparisons, "KEPT_ROWS", 0)
    last = kept.of(catalogue, runs[2], runs[1])
    assert len(kept._made) == 1
    assert kept.of(catalogue, runs[2], runs[1]) is last


def test_a_comparison_that_fails_is_not_kept(
    catalogue: Catalogue, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: Any) -> None:
        raise InputRefused("for now")

    client = client_of(catalogue)
    with monkeypatch.context() as patch:
        patch.setattr(Catalogue, "compare", broken)
        assert client.get("/compare/1/3").status_code == 400
    assert client.get("/compare/1/3").status_code == 200


# --- Whatever is held ----------------------------------------------------------------------------


def test_an_empty_catalogue(any_location: str) -> None:
    with Catalogue(any_location) as empty:
        client = client_of(empty)
        assert "no finished runs" in page_of(client, "/compare")
        assert client.get("/compare.json").json()["rows"] == []
        page_of(client, "/compare/1/2", 404)


def test_names_are_escaped(any_location: str, tmp_path: Path) -> None:
    with Catalogue(any_location) as here:
        make_scene(here, tmp_path)
        with here._database.write() as connection:
            connection.execute(update(t.aor_result).values(target_name=HOSTILE))
            connection.execute(update(t.target).values(name=HOSTILE))
            connection.execute(update(t.run).values(comment=HOSTILE, recipe=HOSTILE))
            connection.execute(text("UPDATE file SET name = :name || id"), {"name": HOSTILE})
        client = client_of(here)
        for address in ("/compare", "/compare/1/3", f"/compare/1/3/aor/{FIRST}"):
            shown = page_of(client, address)
            assert "<script>alert" not in shown
            assert 'href="<' not in shown
        assert "&lt;script&gt;" in page_of(client, f"/compare/1/3/aor/{FIRST}")


def test_the_report_is_a_file_of_its_own(
    catalogue: Catalogue, client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    html = pytest.importorskip("iracdb.report.html")
    # All figures of a report are drawn in test_report.py.
    monkeypatch.setattr(page_figures, "FIGURES", page_figures.FIGURES[:1])
    answer = client.get("/run/3/report.html?against=1")
    assert answer.status_code == 200
    assert answer.headers["content-disposition"] == 'attachment; filename="Newest_report.html"'
    assert "script-src 'self'" in answer.headers["content-security-policy"]
    assert "run1" in answer.text
    assert html is not None
    page_of(client, "/run/99/report.html", 404)
