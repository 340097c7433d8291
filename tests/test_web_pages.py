"""The pages of AORs, images, files, frames and figures: every number, every link, every case."""

from __future__ import annotations

import csv
import io
import math
import re
import threading
import time
import zlib
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from freeze_helpers import fill, location_of
from helpers import fits_of, put, spec, with_card
from run_helpers import averages, select
from sqlalchemy import event
from starlette.testclient import TestClient
from web_helpers import Walk, client_of, look, served, walk

from iracdb import Catalogue
from iracdb.catalogue.database import Database, open_database
from iracdb.catalogue.urls import database_url
from iracdb.flags import decode
from iracdb.irac.header import Header
from iracdb.report import page_figures
from iracdb.report.figures import lightcurve
from iracdb.web import asked
from iracdb.web.pages import aors as aor_pages
from iracdb.web.pages import figures as figure_pages
from iracdb.web.pages import images as image_pages
from iracdb.web.reading import files as file_reading

EVIL = "<script>alert('x')</script> & \"it\""
CUBES = 93_000_000
"""An AOR of subarray cubes whose label is not to be trusted."""


@dataclass
class Held:
    """A catalogue with runs of every kind, its pages, and the folder of its frames."""

    catalogue: Catalogue
    client: TestClient
    folder: Path

    def json(self, address: str) -> dict[str, Any]:
        """Ask for the JSON of a page."""
        answer = self.client.get(address)
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    def rows(self, address: str) -> list[dict[str, str]]:
        """Ask for the CSV of a page."""
        return list(csv.DictReader(io.StringIO(self.client.get(address).text)))

    def text(self, address: str) -> str:
        """Ask for a page."""
        answer = self.client.get(address)
        assert answer.status_code == 200, answer.text
        assert look(address, answer.text).all_faults() == []
        return answer.text


@pytest.fixture(scope="module")
def held(
    module_database: Database, tmp_path_factory: pytest.TempPathFactory, reference: Path
) -> Iterator[Held]:
    """Runs 7 and 21 over simulated frames, 13 and 14 imported, 114 recomputed, 22 over cubes."""
    folder = tmp_path_factory.mktemp("pages")
    location = location_of(module_database)
    fill(location, folder, reference)
    frames = folder / "evil <img src=x>"
    for expid in range(2):
        frame = spec(aorkey=CUBES, expid=expid)
        content = with_card(
            fits_of(frame, "bcd"),
            "AORLABEL",
            f"AORLABEL= '{EVIL[:60]:<60}'".replace("'x'", "''x''").encode(),
        )
        put(frames, frame, "bcd", content)
        put(frames, frame, "sub2d")
    put(frames, spec(aorkey=CUBES, expid=9), "bcd", b"SIMPLE  = not a frame")
    with Catalogue(location) as catalogue, pytest.MonkeyPatch.context() as patch:
        patch.setenv("GIT_DIR", "/dev/null")
        catalogue.ingest(frames)
        catalogue.run(
            run_id=22, channel=2, aors=[CUBES], radius=(3, 3, 7), kind="bcd", planes="each",
            comment=EVIL,
        )  # fmt: skip
        yield Held(catalogue, client_of(catalogue), folder)


@pytest.fixture(scope="module")
def walked(held: Held) -> Walk:
    """What is found by every link: pages are the same code on both databases, so once in full."""
    sqlite = held.catalogue._database.dialect == "sqlite"
    with pytest.MonkeyPatch.context() as patch:
        # All figures of a report are drawn in test_report.py.
        patch.setattr(page_figures, "FIGURES", page_figures.FIGURES[:1])
        return walk(held.client, a_kind=3 if sqlite else 1, drawings=sqlite)


def same(one: Any, other: Any) -> bool:
    """Whether a value is the other one: NaN, None and '' are no value."""
    if isinstance(one, float) and math.isnan(one):
        one = None
    return one == other or (one in (None, "") and other in (None, ""))


# --- An AOR --------------------------------------------------------------------------------------


@pytest.mark.parametrize("number", [21, 7, 13, 114, 22])
def test_an_aor_tells_what_the_tables_hold(held: Held, number: int) -> None:
    run = held.catalogue.get(number)
    stored, of_images = (
        averages(held.catalogue, run),
        select(
            held.catalogue,
            "SELECT i.*, a.aorkey, a.target_name, f.name FROM image_result i "
            "JOIN aor_result a ON a.id = i.aor_result_id LEFT JOIN file f ON f.id = i.file_id "
            f"WHERE a.run_id = {number} ORDER BY i.row_number",
        ),
    )
    for key in list(dict.fromkeys(row["aorkey"] for row in stored))[:4]:
        page = held.json(f"/run/{number}/aor/{key}.json")
        mine = [row for row in stored if row["aorkey"] == key]
        assert [row["flux"] for row in page["averages"]] == [row["flux"] for row in mine]
        for told, row in zip(page["stored"], mine, strict=True):
            assert all(same(row[fact["name"]], fact["value"]) for fact in told)
            assert {fact["name"] for fact in told} == row.keys()
        rows = [row for row in of_images if row["aorkey"] == key]
        listed = held.rows(f"/run/{number}/aor/{key}.csv")
        assert [int(row["row"]) for row in listed] == [row["row_number"] for row in rows]
        for told, row in zip(page["rows"], rows[: asked.ROWS], strict=False):
            names = ("x", "y", "sky", "kept", "rejected_by", "flags", "file_id", "plane")
            assert all(same(told[name], row[name]) for name in names)
            assert all(
                flag.replace("_", " ") in told["fate"]
                for flag in decode(row["flags"])
                if row["kept"] is False and told["flux"] is None
            )
        html = held.text(f"/run/{number}/aor/{key}")
        for row in mine:
            if row["flux"] is not None:
                assert format(row["flux"], ".6g").replace("-", "−") in html
        assert f'data-points="/run/{number}/lightcurve.json?aor={key}"' in html or not rows


def test_the_fluxes_of_an_executed_aor_add_up_to_its_average(held: Held) -> None:
    for number in (21, 22):
        for row in averages(held.catalogue, held.catalogue.get(number)):
            told = held.json(f"/run/{number}/aor/{row['aorkey']}.json")["rows"]
            kept = [one["flux"] for one in told if one["fate"] == "kept"]
            if row["flux"] is not None:
                assert math.fsum(kept) / len(kept) == pytest.approx(row["flux"], rel=1e-13)
            assert len(kept) == (row["n_workable"] or 0) - (row["n_rejected"] or 0)


def test_an_imported_aor_is_replayed_as_why_does_it(held: Held) -> None:
    key, row = next(
        (one["aorkey"], one["row_number"])
        for one in averages(held.catalogue, held.catalogue.get(13))
        if one["flux"] is not None
    )
    page = held.json(f"/run/13/aor/{key}.json")
    made = held.catalogue.why(13, key, row=row)
    mine = [one for one in page["rows"] if one["average"] == row]
    assert [one["replayed_flux"] for one in mine] == [one.mjy for one in made.images]
    assert [one["replayed_fate"] for one in mine] == [one.fate for one in made.images]
    assert page["notes"] == list(dict.fromkeys(made.notes))
    assert all(one["fate"] == "not told" or one["fate"].startswith("no flux") for one in mine)


def test_an_aor_names_the_other_runs_that_measured_it(
    held: Held, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = 90000256
    mine = {
        r["target_id"]: r["flux"]
        for r in averages(held.catalogue, held.catalogue.get(21))
        if r["aorkey"] == key
    }
    page = held.json(f"/run/21/aor/{key}.json")
    there = select(
        held.catalogue,
        "SELECT run_id, flux, target_id FROM aor_result "
        f"WHERE aorkey = {key} AND run_id <> 21 ORDER BY run_id, row_number",
    )
    assert [(one["run_id"], one["flux"]) for one in page["others"]] == [
        (row["run_id"], row["flux"]) for row in there
    ]
    for told, row in zip(page["others"], there, strict=True):
        before = mine.get(row["target_id"])
        assert told["difference"] == (None if before is None else row["flux"] - before)
    monkeypatch.setattr(aor_pages, "RUNS", 1)
    first = held.text(f"/run/7/aor/{key}")
    assert "?runs=21" in first
    assert held.json(f"/run/7/aor/{key}.json?runs=21")["others"] == []


def test_images_of_an_aor_come_in_stretches(held: Held, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asked, "ROWS", 30)
    address, rows = f"/run/22/aor/{CUBES}", []
    following: str | None = ""
    while following is not None:
        page = held.json(f"{address}.json{following}")
        assert len(page["rows"]) <= 30
        rows += [row["row"] for row in page["rows"]]
        following = page["next"]
    assert rows == list(range(1, 101))
    assert len(held.rows(f"{address}.csv")) == 100
    assert 'rel="next"' in held.text(address)


def test_an_aor_that_a_run_has_not_is_not_found(held: Held) -> None:
    for address in ("/run/21/aor/1", "/run/21/aor/x", "/run/99/aor/90000256"):
        assert held.client.get(address).status_code == 404
    assert held.client.get("/run/21/aor/1.json").json()["code"]


def test_an_empty_aor_says_why(held: Held) -> None:
    run = held.catalogue.get(21)
    key, reason = run.problems[0]
    text = held.text(f"/run/21/aor/{key}")
    assert reason.split(":")[0] in text.replace("&#39;", "'")
    assert "No image of it is held." in text


# --- An image ------------------------------------------------------------------------------------


@pytest.mark.parametrize("number", [21, 22, 13, 114])
def test_every_image_is_found_by_its_row(held: Held, number: int) -> None:
    rows = select(
        held.catalogue,
        "SELECT i.row_number, i.frame_id FROM image_result i JOIN aor_result a "
        f"ON a.id = i.aor_result_id WHERE a.run_id = {number} ORDER BY i.row_number",
    )
    some = rows if len(rows) < 40 else [*rows[:: len(rows) // 12], rows[-1]]
    for row in some:
        page = held.json(f"/run/{number}/image/{row['row_number']}.json")
        assert page["frame"]["number"] == row["frame_id"]
        first, last = rows[0]["row_number"], rows[-1]["row_number"]
        here = row["row_number"]
        assert page["before"] == (None if here == first else here - 1)
        assert page["after"] == (None if here == last else here + 1)
    beyond = rows[-1]["row_number"] + 1
    assert held.client.get(f"/run/{number}/image/{beyond}").status_code == 404
    assert held.client.get(f"/run/{number}/image/0").status_code == 404


def test_an_image_is_found_where_the_averages_do_not_tell(held: Held, monkeypatch: Any) -> None:
    """Imported tables may count otherwise than they list."""
    from iracdb.web.reading import one_image

    monkeypatch.setattr(one_image, "_counted", lambda: 0)
    average = one_image._AVERAGE
    monkeypatch.setattr(one_image, "_AVERAGE", _Renamed(average, n_total=average.n_rejected))
    last = select(
        held.catalogue,
        "SELECT max(i.row_number) AS n FROM image_result i JOIN "
        "aor_result a ON a.id = i.aor_result_id WHERE a.run_id = 13",
    )[0]["n"]
    assert held.json(f"/run/13/image/{last}.json")["row"] == last


class _Renamed:
    """Columns, of which one is another."""

    def __init__(self, columns: Any, **others: Any) -> None:
        self._columns, self._others = columns, others

    def __getattr__(self, name: str) -> Any:
        return self._others.get(name) if name in self._others else getattr(self._columns, name)


@pytest.mark.parametrize("number", [21, 22, 114])
def test_an_image_tells_all_that_is_stored_and_adds_up(held: Held, number: int) -> None:
    run = held.catalogue.get(number)
    stored = select(
        held.catalogue,
        "SELECT i.*, a.aorkey, a.row_number AS average FROM image_result i JOIN aor_result a "
        f"ON a.id = i.aor_result_id WHERE a.run_id = {number} ORDER BY i.row_number",
    )
    for row in stored[:: max(1, len(stored) // 6)]:
        page = held.json(f"/run/{number}/image/{row['row_number']}.json")
        assert all(same(row[one["name"]], one["value"]) for one in page["rows"])
        assert {one["name"] for one in page["rows"]} == row.keys() - {"aorkey", "average"}
        assert all(one["meaning"] for one in page["rows"])
        assert [one["name"] for one in page["flags"]] == list(decode(row["flags"]))
        lines = held.catalogue.why(number, row["aorkey"], row=row["average"]).images
        first = min(r["row_number"] for r in stored if r["average"] == row["average"])
        assert page["flux"] == lines[row["row_number"] - first].mjy
        assert carried_out(page["steps"]) == page["flux"] or page["flux"] is None
        html = held.text(f"/run/{number}/image/{row['row_number']}")
        assert all(repr(step["value"]).replace("-", "−") in html for step in page["steps"])
        assert run.name in html


def carried_out(steps: list[dict[str, Any]]) -> float | None:
    """Do what the steps say, and see that each result is what they lead to."""
    made: float | None = None
    for step in steps:
        value = step["value"]
        if step["sign"] == "=":
            assert made == pytest.approx(value, rel=1e-12)
            made = value
        else:
            made = {
                "": lambda a, b: b, "−": lambda a, b: a - b, "×": lambda a, b: a * b,
                "÷": lambda a, b: a / b,
            }[step["sign"]](made, value)  # fmt: skip
    return made


def test_an_imported_image_adds_up_by_replay(held: Held) -> None:
    row = next(r for r in averages(held.catalogue, held.catalogue.get(14)) if r["flux"] is not None)
    made = held.catalogue.why(14, row["aorkey"], row=row["row_number"])
    first = held.rows(f"/run/14/aor/{row['aorkey']}.csv")[0]["row"]
    page = held.json(f"/run/14/image/{first}.json")
    assert page["flux"] == made.images[0].mjy == carried_out(page["steps"])
    assert any("replayed" in note for note in page["notes"])
    assert page["header"] is None
    html = held.text(f"/run/14/image/{first}")
    assert "imported from tables" in html and "frame.png" not in html


def test_an_image_shows_its_pixels_where_they_are(held: Held, monkeypatch: Any) -> None:
    figures = [one for one in image_pages.FIGURES if one.name != "frame"]
    stand_in = figures[0]._replace(name="frame")
    monkeypatch.setattr(image_pages, "FIGURES", (*figures, stand_in))
    html = held.text("/run/21/image/1")
    assert 'src="/run/21/figure/frame.png?image=1"' in html
    monkeypatch.setattr(image_pages, "FIGURES", tuple(figures))
    assert "no figure of a frame" in held.text("/run/21/image/1")
    monkeypatch.setattr(image_pages, "FIGURES", (*figures, stand_in))
    number = held.json("/run/21/image/1.json")["image"]["file_id"]
    path = Path(held.json(f"/file/{number}.json")["locations"][0]["path"])
    path.rename(path.with_suffix(".away"))
    try:
        html = held.text("/run/21/image/1")
        assert "not where it was" in html and "frame.png" not in html
    finally:
        path.with_suffix(".away").rename(path)


def test_an_image_names_who_else_measured_its_frame(held: Held) -> None:
    page = held.json("/run/21/image/1.json")
    there = select(
        held.catalogue,
        "SELECT a.run_id, i.row_number, i.corrected, a.aperture_correction FROM image_result i "
        f"JOIN aor_result a ON a.id = i.aor_result_id WHERE i.frame_id = {page['frame']['number']} "
        "AND NOT (a.run_id = 21 AND i.row_number = 1) ORDER BY a.run_id, i.row_number",
    )
    assert there
    assert [(one["run_id"], one["row"]) for one in page["others"]] == [
        (row["run_id"], row["row_number"]) for row in there
    ]
    for one in page["others"]:
        other = held.json(f"{one['address']}.json")
        assert one["difference"] == other["flux"] - page["flux"]
        assert one["compared"] == "with the response"


def test_planes_of_a_cube_are_compared_with_the_same_plane(held: Held) -> None:
    page = held.json("/run/22/image/70.json")
    assert page["image"]["plane"] == 33
    assert page["others"] == []


def test_a_header_is_searched_on_the_server(held: Held) -> None:
    page = held.json("/run/21/image/1.json?q=crpix")
    header = stored_header(held, page["image"]["file_id"])
    meant = [card for card in header.cards if card.keyword.startswith("CRPIX")]
    assert meant
    assert [(c["keyword"], c["value"]) for c in page["header"]][: len(meant)] == [
        (card.keyword, card.text) for card in meant
    ]
    every = held.json("/run/21/image/1.json")["header"]
    assert [(c["keyword"], c["value"]) for c in every] == [
        (c.keyword, c.text) for c in header.cards
    ]
    commented = next(one for one in every if len(one["comment"]) > 8)
    found = held.json(
        f"/file/{page['image']['file_id']}.json",
    )["cards"]
    assert found == every
    again = held.client.get(
        f"/file/{page['image']['file_id']}.json", params={"q": commented["comment"].upper()}
    ).json()
    assert commented in again["cards"]
    assert "No card is like that" in held.text("/run/21/image/1?q=nothingofthekind")


def stored_header(held: Held, number: int) -> Header:
    """The header of a file as the database has it."""
    row = select(held.catalogue, f"SELECT verbatim FROM header WHERE file_id = {number}")[0]
    verbatim = row["verbatim"]
    content = bytes.fromhex(verbatim) if isinstance(verbatim, str) else bytes(verbatim)
    return Header(zlib.decompress(content))


# --- Files, frames and what was set aside --------------------------------------------------------


def test_a_file_tells_where_it_lies_and_what_rests_on_it(held: Held) -> None:
    number = held.json("/run/21/image/1.json")["image"]["file_id"]
    page = held.json(f"/file/{number}.json")
    row = select(held.catalogue, f"SELECT * FROM file WHERE id = {number}")[0]
    assert all(same(row[one["name"]], one["value"]) for one in page["facts"])
    places = select(held.catalogue, f"SELECT * FROM file_location WHERE file_id = {number}")
    assert [one["path"] for one in page["locations"]] == [one["path"] for one in places]
    there = select(
        held.catalogue,
        "SELECT a.run_id, i.row_number FROM image_result i JOIN aor_result a "
        f"ON a.id = i.aor_result_id WHERE i.file_id = {number} ORDER BY a.run_id, i.row_number",
    )
    assert [(one["run_id"], one["row"]) for one in page["rows"]] == [
        (one["run_id"], one["row_number"]) for one in there
    ]
    assert {one["run_id"]: one["images"] for one in page["runs"]} == {
        run: sum(one["run_id"] == run for one in there) for run in {r["run_id"] for r in there}
    }
    assert all(one["roles"] == "science" for one in page["runs"])
    alike = select(
        held.catalogue,
        f"SELECT id FROM file WHERE frame_id = {row['frame_id']} AND id <> {number}",
    )
    assert {one["file"] for one in page["siblings"]} == {one["id"] for one in alike}
    html = held.text(f"/file/{number}")
    assert row["sha256"] in html and row["data_sha256"] in html
    verbatim = held.client.get(f"/file/{number}/header.txt").content
    assert verbatim == b"".join(line + b"\n" for line in stored_header(held, number).lines)


def test_files_are_looked_for_in_every_way(held: Held, monkeypatch: pytest.MonkeyPatch) -> None:
    every = select(
        held.catalogue,
        "SELECT f.*, e.aorkey, l.path FROM file f JOIN frame e ON e.id = f.frame_id "
        "LEFT JOIN file_location l ON l.file_id = f.id ORDER BY f.id",
    )
    one = every[len(every) // 2]

    def found(words: str) -> set[int]:
        answer = held.client.get("/files.csv", params={"q": words})
        return {
            int(row["address"].split("/")[-1]) if "address" in row else names[row["name"]]
            for row in csv.DictReader(io.StringIO(answer.text))
        }

    names = {row["name"]: row["id"] for row in every}
    assert found("") == {row["id"] for row in every}
    assert found(one["name"]) == {r["id"] for r in every if r["name"] == one["name"]}
    assert found(str(one["aorkey"])) >= {r["id"] for r in every if r["aorkey"] == one["aorkey"]}
    assert found(one["sha256"][:9].upper()) == {one["id"]}
    folder = str(Path(one["path"]).parent)
    assert found(folder) == {r["id"] for r in every if folder in r["path"]}
    assert found("EVIL <IMG") == {r["id"] for r in every if "evil <img" in r["path"]} != set()
    assert found("100%_nothing") == set()
    monkeypatch.setattr(asked, "ROWS", 7)
    monkeypatch.setattr(file_reading, "STRETCH", 10)
    for words in ("", str(one["aorkey"]), "evil <img", "SPITZER_I2_93"):
        numbers: list[int] = []
        page = held.client.get("/files.json", params={"q": words}).json()
        numbers += [row["file"] for row in page["rows"]]
        while page["next"]:
            page = held.json(f"/files.json{page['next']}")
            numbers += [row["file"] for row in page["rows"]]
        assert len(numbers) == len(set(numbers))
        monkeypatch.undo()
        assert set(numbers) == found(words)
        monkeypatch.setattr(asked, "ROWS", 7)
        monkeypatch.setattr(file_reading, "STRETCH", 10)


def test_a_frame_tells_its_files_and_who_measured_it(
    held: Held, monkeypatch: pytest.MonkeyPatch
) -> None:
    frame = held.json("/run/22/image/1.json")["frame"]["number"]
    page = held.json(f"/frame/{frame}.json")
    assert {one["kind"] for one in page["files"]} == {"bcd", "sub2d"}
    assert len(page["rows"]) == 50
    row = select(held.catalogue, f"SELECT * FROM frame WHERE id = {frame}")[0]
    assert all(same(row[one["name"]], one["value"]) for one in page["facts"])
    monkeypatch.setattr(asked, "ROWS", 30)
    first = held.json(f"/frame/{frame}.json")
    second = held.json(f"/frame/{frame}.json{first['next']}")
    assert [one["row"] for one in (*first["rows"], *second["rows"])] == list(range(1, 51))
    assert held.client.get("/frame/123456789").status_code == 404
    imported = held.json("/run/13/image/1.json")["frame"]["number"]
    assert "No file shows it" in held.text(f"/frame/{imported}")


def test_what_was_set_aside_is_told_with_its_reason(held: Held, monkeypatch: Any) -> None:
    there = select(held.catalogue, "SELECT * FROM file_problem WHERE resolved_at IS NULL")
    page = held.json("/problems.json")
    assert {(r["path"], r["message"]) for r in page["rows"]} == {
        (r["path"], r["message"]) for r in there
    }
    html = held.text("/problems?q=evil")
    assert "evil &lt;img src=x&gt;" in html and "<img" not in html
    monkeypatch.setattr(asked, "ROWS", 3)
    paths, page = [], held.json("/problems.json")
    paths += [r["path"] for r in page["rows"]]
    while page["next"]:
        page = held.json(f"/problems.json{page['next']}")
        paths += [r["path"] for r in page["rows"]]
    assert sorted(paths) == sorted(r["path"] for r in there)


@pytest.mark.parametrize(
    "address",
    ["/file/..%2f..%2fetc%2fpasswd", "/file/../../etc/passwd", "/file/%2fetc%2fpasswd/header.txt",
     "/file/-1", "/file/99999999", "/file/99999999/header.txt", "/file/1e3", "/file/٣",
     "/run/21/image/x", "/run/21/image/9999999999999999999", "/frame/0x1",
     "/run/21/figure/..%2f..%2fsecret.png", "/run/21/figure/nope", "/run/21/figure/lightcurve.gif"],
)  # fmt: skip
def test_nothing_is_reached_by_a_path(held: Held, address: str) -> None:
    answer = held.client.get(address)
    assert answer.status_code == 404
    assert "root:" not in answer.text


@pytest.mark.parametrize(
    "address",
    ["/files?q=%00", "/files?after=x", "/problems?q=a%00b", "/run/21/image/1?q=%00",
     "/run/21/aor/90000256?after=-1", "/run/21/figure/lightcurve?aor=x",
     "/run/21/figure/lightcurve.png?image=no"],
)  # fmt: skip
def test_what_makes_no_sense_is_refused(held: Held, address: str) -> None:
    assert held.client.get(address).status_code == 400


# --- Figures -------------------------------------------------------------------------------------


def test_a_figure_has_a_page_and_files(held: Held) -> None:
    html = held.text("/run/21/figure/lightcurve?aor=90000256&target=")
    assert 'src="/run/21/figure/lightcurve.svg?aor=90000256"' in html
    begins = {"png": b"\x89PNG", "svg": b"<?xml", "pdf": b"%PDF", "ecsv": b"# %ECSV"}
    if held.catalogue._database.dialect != "sqlite":  # it is drawn from the table alone
        del begins["svg"], begins["pdf"]
    for ending, begin in begins.items():
        answer = held.client.get(f"/run/21/figure/lightcurve.{ending}?aor=90000256")
        assert answer.content.startswith(begin)
        assert answer.headers["cache-control"] == "no-cache"
    from astropy.table import QTable

    table = QTable.read(held.client.get("/run/21/figure/lightcurve.ecsv").text, format="ascii.ecsv")
    fluxes = sorted(
        r["flux"] for r in averages(held.catalogue, held.catalogue.get(21)) if r["flux"]
    )
    assert sorted(v for v in table["flux"].value.tolist() if not math.isnan(v)) == fluxes
    assert held.client.get("/run/21/figure/lightcurve?target=Nobody").status_code == 404
    assert held.client.get("/run/21/figure/lightcurve?aor=12").status_code == 404


def test_a_figure_says_its_numbers_or_what_is_missing(held: Held, monkeypatch: Any) -> None:
    drawn = figure_pages.gather

    def with_numbers(figure: Any, subject: Any) -> Any:
        table = drawn(figure, subject)
        table.meta |= {"numbers": {"robust sigma <of> it": 0.123456789}, "notes": ["A <note>"]}
        return table

    monkeypatch.setattr(figure_pages, "gather", with_numbers)
    html = held.text("/run/21/figure/lightcurve")
    assert re.search('alt="[^"]*robust sigma &lt;of&gt; it: 0.123457"', html)
    assert "A &lt;note&gt;." in html

    def without(figure: Any, subject: Any) -> Any:
        table = drawn(figure, subject)
        table.meta["missing"] = "There is no <flux>"
        return table

    monkeypatch.setattr(figure_pages, "gather", without)
    html = held.text("/run/21/figure/lightcurve")
    assert "There is no &lt;flux&gt;" in html and "lightcurve.svg" not in html
    monkeypatch.setattr(figure_pages, "SMALL", 0)
    html = held.text("/run/21/figure/lightcurve")
    assert "lightcurve.svg" in html and "The run is large" in html


def test_figures_are_drawn_one_at_a_time(held: Held, monkeypatch: pytest.MonkeyPatch) -> None:
    inside, most = 0, 0
    client = client_of(held.catalogue)

    def slow(*_: Any, **__: Any) -> None:
        nonlocal inside, most
        inside += 1
        most = max(most, inside)
        time.sleep(0.05)
        inside -= 1

    monkeypatch.setattr(lightcurve, "draw", slow)
    threads = [
        threading.Thread(target=client.get, args=(f"/run/21/figure/lightcurve.{ending}",))
        for ending in ("png", "svg", "pdf", "png")
    ]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert most == 1


# --- All of them ---------------------------------------------------------------------------------


def test_a_name_leads_to_the_number_of_its_run(held: Held) -> None:
    for name, to in {
        "/run/run21": "/run/21", "/run/RUN13?q=a%20b": "/run/13?q=a%20b",
        "/run/run21.json": "/run/21.json", "/run/run21.csv?after=3": "/run/21.csv?after=3",
    }.items():  # fmt: skip
        answer = held.client.get(name)
        assert (answer.status_code, answer.headers["location"]) == (307, to)
    assert held.client.get("/run/nobody").status_code == 404


def test_every_link_leads_to_a_page_that_is_well_made(walked: Walk) -> None:
    assert walked.broken == {}
    assert walked.faults == {}
    kinds = {re.sub(r"\d+", "N", one).partition("?")[0] for one in walked.pages}
    assert kinds >= {
        "/", "/files", "/problems", "/run/N", "/run/N/aor/N", "/run/N/image/N", "/file/N",
        "/frame/N", "/run/N/figure/lightcurve", "/run/N/lightcurve",
    }  # fmt: skip
    assert any("header.txt" in one for one in walked.others)
    assert any(one.endswith(".csv") for one in walked.others)


def test_nothing_that_a_header_or_a_comment_says_becomes_html(walked: Walk) -> None:
    told = [f"/run/22/aor/{CUBES}", "/run/22", "/run/22/image/1"]
    assert walked.pages.keys() >= set(told)
    for address, text in walked.pages.items():
        assert "<script>alert" not in text and "<img src=x" not in text, address
        assert all(one.startswith("/static/") for one in look(address, text).scripts)
    assert "&lt;script&gt;alert" in walked.pages[told[0]]


def test_a_frozen_run_has_the_same_pages(
    held: Held, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(page_figures, "FIGURES", page_figures.FIGURES[:1])
    for number in (21, 13):
        held.catalogue.freeze(number, tmp_path / f"{number}.sqlite")
        with served(str(tmp_path / f"{number}.sqlite")) as (catalogue, client):
            if held.catalogue._database.dialect == "sqlite":
                # Whatever a run was frozen from, the file that it is read from is SQLite's.
                found = walk(client, a_kind=2, drawings=number == 21)
                assert found.broken == found.faults == {}
            for image in (1, 2):
                here = held.json(f"/run/{number}/image/{image}.json")
                there = client.get(f"/run/{number}/image/{image}.json").json()
                assert there["flux"] == here["flux"]
                assert there["steps"] == here["steps"]
            assert catalogue._database.frozen


def test_an_empty_catalogue_says_what_is_not_there(any_location: str) -> None:
    with closing(open_database(database_url(any_location), create=True)):
        pass
    with served(any_location) as (_, client):
        found = walk(client)
        assert found.broken == found.faults == {}
        assert "No files are held yet" in found.pages["/files"]
        assert "No file is set aside" in found.pages["/problems"]
        for address in ("/run/1", "/run/1/aor/1", "/run/1/image/1", "/file/1", "/frame/1",
                        "/run/1/figure/lightcurve", "/run/1/figure/lightcurve.png"):  # fmt: skip
            answer = client.get(address)
            assert answer.status_code == 404
            assert look(address, answer.text).all_faults() == []


ASKED = (
    "/run/13/aor/{imported}", "/run/22/aor/{cubes}", "/run/22/image/100", "/run/13/image/200",
    "/files?q=90000256", "/files?q=abcdef0", "/files?q=SPITZER_I1_90000256_0000", "/files?after=5",
    "/files?q=r900", "/file/3", "/file/3/header.txt", "/frame/3", "/problems?after=a",
)  # fmt: skip


def test_no_page_reads_a_whole_table(held: Held, tmp_path: Path) -> None:
    """Each statement goes by an index, as the plans of both databases tell."""
    engine = held.catalogue._database.engine
    seen: dict[str, Any] = {}

    def note(_c: Any, _cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        if statement.lstrip().upper().startswith(("SELECT", "WITH")):
            seen[statement] = parameters

    imported = averages(held.catalogue, held.catalogue.get(13))[5]["aorkey"]
    event.listen(engine, "before_cursor_execute", note)
    try:
        for address in ASKED:
            told = held.client.get(address.format(imported=imported, cubes=CUBES))
            assert told.status_code == 200, address
    finally:
        event.remove(engine, "before_cursor_execute", note)
    assert len(seen) > 15
    whole = {}
    # SQLite reads a table whole that it knows to be small: of an empty one it knows nothing.
    location = database_url(str(tmp_path / "unknown.sqlite"))
    planner = held.catalogue._database
    if planner.dialect == "sqlite":
        planner = open_database(location, create=True)
    for statement, parameters in seen.items():
        plan = _plan(planner, statement, parameters)
        if _reads_a_whole_table(plan):
            whole[statement] = plan
    if planner is not held.catalogue._database:
        planner.close()
    assert whole == {}


BIG = "image_result|aor_result|file|frame|file_location|header|run_input"


def _reads_a_whole_table(plan: str) -> bool:
    return bool(re.search(rf"Seq Scan on ({BIG})\b|^SCAN ({BIG})$", plan, re.MULTILINE))


def _plan(database: Database, statement: str, parameters: Any) -> str:
    """How a database would answer; PostgreSQL as if each table were too large to be read whole."""
    with database.engine.connect() as connection:
        if connection.dialect.name == "sqlite":
            found = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters)
            return "\n".join(row[3] for row in found)
        connection.exec_driver_sql("SET enable_seqscan = off")
        found = connection.exec_driver_sql(f"EXPLAIN {statement}", parameters)
        plan = "\n".join(row[0] for row in found)
        connection.exec_driver_sql("RESET enable_seqscan")
        return plan
