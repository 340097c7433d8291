"""Lineage in the browser: the graph and its tables are those of `Catalogue.lineage`."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import unescape
from pathlib import Path

import pytest
from lineage_helpers import FIRST, UNLIKE, make_scene
from published_helpers import copy_run
from sqlalchemy import select, text, update
from starlette.testclient import TestClient
from web_pages import client_of, page_of, rows_of

from iracdb import Catalogue
from iracdb.catalogue import tables as t
from iracdb.catalogue.database import Database
from iracdb.trace.graph import Lineage
from iracdb.web import graph
from iracdb.web.pages import lineages
from iracdb.web.view import plain

HOSTILE = "<script>alert('x')</script> \"quoted\" ‮back"


@pytest.fixture(scope="module")
def catalogue(
    module_database: Database, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Catalogue]:
    folder = tmp_path_factory.mktemp("lineage")
    url = module_database.url.render_as_string(hide_password=False)
    with Catalogue(url) as opened:
        make_scene(opened, folder)
        yield opened


@pytest.fixture(scope="module")
def client(catalogue: Catalogue) -> TestClient:
    return client_of(catalogue)


def asked(catalogue: Catalogue) -> Iterator[tuple[str, Lineage]]:
    """Addresses of every kind, and what the catalogue tells."""
    for run, aorkey in ((1, FIRST), (2, FIRST), (4, UNLIKE)):
        yield f"/run/{run}/aor/{aorkey}/lineage", catalogue.lineage(run, aor=aorkey)
    with catalogue._database.read() as connection:
        files = connection.execute(select(t.file.c.id, t.file.c.sha256)).all()
        frames = connection.execute(select(t.frame.c.id)).scalars().all()
    for number, sha256 in files:
        yield f"/file/{number}/lineage", catalogue.lineage(file=sha256)
    for number in frames:
        yield f"/frame/{number}/lineage", catalogue.lineage(frame=number)


def boxes(html: str) -> list[str]:
    """Whole names of what is drawn."""
    drawn = html[html.index("<svg") : html.index("</svg>")]
    return [unescape(name) for name in re.findall(r"<title>[^<:]+: ([^<]*)</title><rect", drawn)]


def test_every_lineage_is_told_whole(catalogue: Catalogue, client: TestClient) -> None:
    for address, found in asked(catalogue):
        told = client.get(f"{address}.json").json()
        assert told["direction"] == found.direction
        assert [(one["id"], one["kind"], one["label"]) for one in told["nodes"]] == [
            row[:3] for row in found.nodes.rows
        ]
        assert [one["attributes"] for one in told["nodes"]] == [
            plain(row[3]) for row in found.nodes.rows
        ]
        assert [tuple(one.values()) for one in told["edges"]] == found.edges.rows
        assert [tuple(row.values()) for row in told["rows"]] == [
            tuple(plain(row)) for row in found.images.rows
        ]
        table = rows_of(client, f"{address}.csv")
        assert [(row["run_id"], row["image"], row["sha256"]) for row in table] == [
            (str(row[0]), str(row[8]), row[21] or "") for row in found.images.rows
        ]


def test_what_is_drawn_is_the_lineage(
    catalogue: Catalogue, client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(graph, "MOST", 1000)
    for address, found in asked(catalogue):
        shown = page_of(client, address)
        assert sorted(boxes(shown)) == sorted(row[2] for row in found.nodes.rows)
        told = {row[0]: row[2] for row in found.nodes.rows}
        lines = [unescape(one) for one in re.findall(r"<path[^>]*><title>([^<]*)</title>", shown)]
        assert sorted(lines) == sorted(
            f"{told[later]} {relation} {told[earlier]}"
            for later, earlier, relation in found.edges.rows
        )


def test_many_of_a_kind_are_one_box(catalogue: Catalogue, client: TestClient) -> None:
    shown = page_of(client, f"/run/1/aor/{FIRST}/lineage")
    names = boxes(shown)
    assert "and 4 more images" in names
    assert sum(name.startswith("image ") for name in names) == graph.MOST
    assert 'href="#images-title" class="more"' in shown
    # Those drawn hang together: the file of each image that is drawn is drawn, too.
    found = catalogue.lineage(1, aor=FIRST)
    labels = {row[0]: row[2] for row in found.nodes.rows}
    for tie in found.ties:
        if labels[tie.image] in names:
            assert labels[tie.file] in names
            assert labels[tie.frame] in names
    # All images are in the table below, each with what it is about.
    for row in found.images.rows:
        assert f'href="/run/1/image/{row[8]}"' in shown
    count = len(found.images.rows) - graph.MOST
    assert f"wasDerivedFrom <bdi>and {count} more images</bdi> ({count} times)" in shown


def test_of_nine_none_is_left_out() -> None:
    assert graph.MOST + 1 == 9  # a box that stands for one thing would say less than the thing


def test_the_graph_can_be_walked(catalogue: Catalogue, client: TestClient) -> None:
    """From a number by the links of the graph alone to a file, and up to another run."""
    shown = page_of(client, f"/run/1/aor/{FIRST}/lineage")
    drawn = shown[shown.index("<svg") : shown.index("</svg>")]
    walked = re.findall(r'<a href="(/file/\d+/lineage)"', drawn)
    assert walked
    above = page_of(client, walked[0])
    drawn = above[above.index("<svg") : above.index("</svg>")]
    assert f'<a href="/run/3/aor/{FIRST}/lineage"' in drawn
    assert f'<a href="{walked[0].removesuffix("/lineage")}" class="centre"' in drawn
    assert re.search(r'<a href="/frame/\d+/lineage"', drawn)
    assert '<a href="/run/3"' in drawn
    assert re.search(r'<a href="/run/3/image/\d+"', drawn)


def test_numbers_of_files_are_those_of_the_catalogue(
    catalogue: Catalogue, client: TestClient
) -> None:
    with catalogue._database.read() as connection:
        held = connection.execute(select(t.file.c.id, t.file.c.name)).all()
        names = {row.id: row.name for row in held}
    shown = page_of(client, f"/run/1/aor/{FIRST}/lineage")
    links = re.findall(r'<a href="/file/(\d+)">(SPITZER[^<]*)</a>', shown)
    assert links
    for number, name in links:
        assert names[int(number)] == name
    for number, name in re.findall(r'<a href="/file/(\d+)/lineage">(SPITZER[^<]*)</a>', shown):
        assert names[int(number)] == name


def test_images_come_a_stretch_at_a_time(
    catalogue: Catalogue, client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lineages, "limit", lambda request: 5)
    address, seen = "", []
    while address is not None:
        shown = page_of(client, f"/run/1/aor/{FIRST}/lineage{address}")
        told = client.get(f"/run/1/aor/{FIRST}/lineage.json{address}").json()
        seen += [row["image"] for row in told["rows"]]
        for row in told["rows"]:
            assert f'href="/run/1/image/{row["image"]}"' in shown
        address = told["next"]
    assert seen == [row[8] for row in catalogue.lineage(1, aor=FIRST).images.rows]


def test_the_graph_has_a_role_and_a_name(client: TestClient) -> None:
    shown = page_of(client, f"/run/1/aor/{FIRST}/lineage")
    [tag] = re.findall(r"<svg [^>]*>", shown)
    # Not an image: its links would be hidden from those who do not see it.
    assert 'role="group"' in tag
    assert 'aria-label="Where the flux of AOR' in tag


def test_one_target_of_several(catalogue: Catalogue, client: TestClient) -> None:
    every = client.get(f"/run/2/aor/{FIRST}/lineage.json").json()
    targets = [one["label"] for one in every["nodes"] if one["kind"] == "target"]
    assert len(targets) == 2
    for target in targets:
        told = client.get(f"/run/2/aor/{FIRST}/lineage.json", params={"target": target}).json()
        assert [o["label"] for o in told["nodes"] if o["kind"] == "target"] == [target]


def test_what_is_not_there(client: TestClient) -> None:
    for address in (f"/run/99/aor/{FIRST}/lineage", "/run/1/aor/1/lineage", "/file/9999/lineage",
                    "/frame/9999/lineage", "/file/x/lineage", "/frame/" + "9" * 30 + "/lineage",
                    "/file/..%2f..%2fetc%2fpasswd/lineage"):  # fmt: skip
        answer = client.get(address)
        assert answer.status_code == 404, address


def test_imported_runs(reference: Path, any_location: str, tmp_path: Path) -> None:
    copy_run(reference / "published_runs", tmp_path / "runs", "run13")
    with Catalogue(any_location) as catalogue:
        catalogue.import_runs(tmp_path / "runs", targets=[reference / "coordinates"])
        client = client_of(catalogue)
        [row] = catalogue.sql(
            "SELECT aorkey FROM aor_result WHERE run_id = 13 ORDER BY row_number LIMIT 1"
        ).rows
        shown = page_of(client, f"/run/13/aor/{row[0]}/lineage")
        assert "run13_img_data.csv" in boxes(shown)
        assert not re.findall(r'href="/file/\d', shown)
        frame = re.search(r'href="/frame/(\d+)/lineage"', shown)
        assert frame is not None
        above = page_of(client, f"/frame/{frame[1]}/lineage")
        assert f'<a href="/run/13/aor/{row[0]}/lineage"' in above


def test_names_are_escaped(any_location: str, tmp_path: Path) -> None:
    with Catalogue(any_location) as here:
        make_scene(here, tmp_path)
        with here._database.write() as connection:
            connection.execute(update(t.aor_result).values(target_name=HOSTILE))
            connection.execute(update(t.target).values(name=HOSTILE))
            connection.execute(update(t.study).values(name=HOSTILE))
            connection.execute(update(t.run).values(operator=HOSTILE))
            connection.execute(text("UPDATE file SET name = :name || id"), {"name": HOSTILE})
        here.withdraw(1, HOSTILE)
        client = client_of(here)
        number = here.sql("SELECT id FROM file ORDER BY id LIMIT 1").rows[0][0]
        for address in (
            f"/run/1/aor/{FIRST}/lineage", f"/file/{number}/lineage", "/frame/1/lineage",
        ):  # fmt: skip
            shown = page_of(client, address)
            assert "<script>alert" not in shown
            assert "&lt;script&gt;alert" in shown
            assert "withdrawn" in shown


def test_an_empty_catalogue(any_location: str) -> None:
    with Catalogue(any_location) as empty:
        client = client_of(empty)
        for address in ("/run/1/aor/1/lineage", "/file/1/lineage", "/frame/1/lineage"):
            page_of(client, address, 404)
