"""The start page and that of a run: what they tell is what the runs hold; filters and orders."""

from __future__ import annotations

import csv
import io
import statistics
from collections.abc import Iterator
from typing import Any

import pytest
from freeze_helpers import location_of
from serving_helpers import client
from starlette.testclient import TestClient

from iracdb import Catalogue
from iracdb.catalogue.database import Database
from iracdb.irac.simulate import simulate_archive


@pytest.fixture(scope="module")
def catalogue(
    module_database: Database, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Catalogue]:
    """Run 13 and 14 of channel 1, 5 of channel 4, 6 like it and withdrawn."""
    folder = tmp_path_factory.mktemp("start")
    simulate_archive(folder / "archive", frames=4)
    with Catalogue(location_of(module_database)) as made:
        made.ingest(folder / "archive")
        made.run(13, channel=1, comment="As the manual says")
        made.run(14, name="Fine", channel=1, recipe="handbook")
        made.run(5, channel=4, radius=(3, 3, 7))
        made.run(6, channel=4, radius=(3, 3, 7))
        made.withdraw(6, "made for the tests")
        yield made


@pytest.fixture
def ask(catalogue: Catalogue) -> TestClient:
    return client(catalogue)


def listed(ask: TestClient, query: str = "") -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = ask.get(f"/runs.json{query}").json()["rows"]
    return found


def test_a_run_is_told_as_its_tables_have_it(catalogue: Catalogue, ask: TestClient) -> None:
    for row in listed(ask):
        run = catalogue.get(row["run_id"])
        table = run.aor_data
        fluxes = [flux for flux in table["Flux (mJy)"].value.tolist() if flux == flux]
        spreads = [
            abs(100 * one.error / one.flux)
            for one in run.averages()
            if one.error is not None and one.flux
        ]
        assert row["name"] == run.name
        assert row["averages"] == len(table)
        assert row["aors"] == len(set(table["AORKEY"].tolist()))
        assert row["median_flux"] == pytest.approx(statistics.median(fluxes), rel=1e-15)
        assert row["spread"] == pytest.approx(statistics.median(spreads), rel=1e-15)
        assert row["target"] == run.targets[0]
        assert row["targets"] == len(run.targets)
        assert row["channel"] == run.row.channel
    assert [row["radius"] for row in listed(ask)] == ["3 3 7", "10 12 20", "3 3 7"]


@pytest.mark.parametrize(
    ("query", "numbers"),
    [
        ("", [5, 13, 14]),
        ("?withdrawn=1", [5, 6, 13, 14]),
        ("?channel=4", [5]),
        ("?channel=4&withdrawn=1", [5, 6]),
        ("?channel=2", []),
        ("?q=manual", [5, 13]),
        ("?q=MANUAL says", [13]),
        ("?q=sim-k04", [13, 14]),
        ("?q=handbook k04", [14]),
        ("?q=%25", []),
        ("?q=_", []),
        ("?sort=-number", [14, 13, 5]),
        ("?sort=name", [14, 13, 5]),
        ("?sort=-name", [5, 13, 14]),
        ("?sort=finished&withdrawn=1", [13, 14, 5, 6]),
        ("?sort=-channel", [5, 14, 13]),
        ("?page=2", []),
    ],
)
def test_filters_and_orders(ask: TestClient, query: str, numbers: list[int]) -> None:
    assert [row["run_id"] for row in listed(ask, query)] == numbers
    page = ask.get(f"/{query}")
    assert page.status_code == 200
    assert all(f'href="/run/{number}"' in page.text for number in numbers)
    text = csv.DictReader(io.StringIO(ask.get(f"/runs.csv{query}").text))
    if "page" not in query:
        assert [int(row["run_id"]) for row in text] == numbers


@pytest.mark.parametrize(
    "query", ["?sort=comment", "?sort=--number", "?channel=x", "?page=-1", "?page=1.5", "?q=%00"]
)
def test_what_cannot_be_asked_is_said(ask: TestClient, query: str) -> None:
    answer = ask.get(f"/{query}")
    assert answer.status_code == 400
    assert "Traceback" not in answer.text
    assert ask.get(f"/runs.json{query}").json()["message"]


def test_the_averages_of_a_run(catalogue: Catalogue, ask: TestClient) -> None:
    run = catalogue.get(13)
    told = ask.get("/run/13.json").json()
    assert [row["flux"] for row in told["rows"]] == [row.flux for row in run.averages()]
    assert [row["aorkey"] for row in told["rows"]] == run.aor_data["AORKEY"].tolist()
    assert told["result_digest"] == run.result_digest
    key = told["rows"][1]["aorkey"]
    found = ask.get(f"/run/13.json?q={key}").json()["rows"]
    assert {row["aorkey"] for row in found} == {key}
    page = ask.get(f"/run/13?q={key}").text
    assert f'href="/run/13/aor/{key}"' in page
    assert f'href="/run/13/aor/{told["rows"][0]["aorkey"]}"' not in page
    assert (
        ask.get(f"/run/13.json?after={told['rows'][2]['row']}").json()["rows"] == told["rows"][3:]
    )


def test_points_of_the_curve_are_the_averages(catalogue: Catalogue, ask: TestClient) -> None:
    points = ask.get("/run/14/lightcurve.json").json()["rows"]
    stored = [one for one in catalogue.get(14).averages() if one.flux is not None]
    assert sorted(point["flux"] for point in points) == sorted(one.flux for one in stored)
    errors = [one.error if one.standard_error is None else one.standard_error for one in stored]
    assert sorted(p["error"] for p in points if p["error"] is not None) == sorted(
        error for error in errors if error is not None
    )
    times = [point["time"] for point in points]
    assert times == sorted(times)
    for target in {point["target"] for point in points}:
        mine = [point for point in points if point["target"] == target]
        middle = statistics.median(point["flux"] for point in mine)
        assert [p["relative"] for p in mine] == [p["flux"] / middle for p in mine]
    assert all(ask.get(point["address"]).status_code == 200 for point in points[:2])


def test_points_within_an_aor_are_its_images(catalogue: Catalogue, ask: TestClient) -> None:
    points = ask.get("/run/13/lightcurve.json?aor=90000256").json()["rows"]
    curve = catalogue.get(13).lightcurve("SIM-A17 5102")
    assert [point["flux"] for point in points] == pytest.approx(curve["flux"].value, rel=1e-14)
    assert [p["error"] for p in points] == pytest.approx(curve["flux_err"].value, rel=1e-14)
    assert [point["time"] for point in points] == curve["time_mjd_utc"].value.tolist()
    assert [point["kept"] for point in points] == curve["kept"].tolist()


def test_a_run_over_one_aor_shows_its_images(ask: TestClient) -> None:
    (row,) = ask.get("/run/5.json").json()["rows"]
    address = f"/run/5/lightcurve.json?aor={row['aorkey']}"
    assert f'data-points="{address}"' in ask.get("/run/5").text
    assert len(ask.get(address).json()["rows"]) == row["workable"] > 1
    assert 'data-points="/run/13/lightcurve.json"' in ask.get("/run/13").text


def test_a_withdrawn_run_says_so(ask: TestClient) -> None:
    assert "made for the tests" in ask.get("/run/6").text
    assert ask.get("/run/6.json").json()["withdrawn"]
