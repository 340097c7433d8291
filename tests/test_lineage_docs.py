"""The pages on tracing and withdrawing: their commands print what they show, their SQL is right."""

from __future__ import annotations

import json
import re
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from iracdb_cli.main import main
from lineage_helpers import attributes, told_images
from run_helpers import select
from sqlalchemy import update
from test_docs import blocks, console, table, text_of, the_same

from iracdb import Catalogue
from iracdb.catalogue import tables as t
from iracdb.irac.simulate import simulate_archive

TRACING, WITHDRAWING = "docs/tracing.md", "docs/withdrawing.md"
RUN, AOR = 13, 90002048
FILE = f"SPITZER_I1_{AOR}_0000_0000_1_bcd.fits"

# What is another thing each time, or on each machine.
_OTHERWISE = (
    (r"\b[0-9a-f]{12}\b", "HASH"),
    (r"\d{4}-\d\d-\d\d \d\d:\d\d", "TIME"),
    (r"^.*Software:? .*$", "SOFTWARE"),
    (r"─{5,}", ""),
)


def masked(text: str) -> str:
    for pattern, word in _OTHERWISE:
        text = re.sub(pattern, word, text, flags=re.MULTILINE)
    return text


@pytest.mark.parametrize("page", [TRACING, WITHDRAWING])
def test_commands_print_what_the_page_says(
    page: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("IRACDB_DATABASE_URL", raising=False)
    monkeypatch.setenv("LOGNAME", "ada")
    monkeypatch.setattr(socket, "gethostname", lambda: "observatory")
    told = 0
    for words, expected in console(text_of(page)):
        assert words[0] == "iracdb"
        assert main(words[1:]) == 0, words
        found = "".join(capsys.readouterr())
        if expected:
            told += 1
            assert the_same(masked(expected), masked(found)), found
    assert told >= 3
    for example in blocks(text_of(page), "python"):
        exec(compile(example, page, "exec"), {})
        out = capsys.readouterr().out
        assert "6 images" in out
        assert "['run 5 (run5)', 'run 13 (run13)']" in out
    with Catalogue("iracdb.sqlite") as catalogue:
        for query in blocks(text_of(page), "sql"):
            assert catalogue.sql(query).rows or "derived" in query, query


def test_a_wrong_line_is_noticed() -> None:
    (*_, (_, shown)) = console(text_of(WITHDRAWING))
    assert the_same(masked(shown), masked(shown))
    assert not the_same(masked(shown), masked(shown.replace("run13_log", "run14_log")))


@pytest.fixture(scope="module")
def catalogue(
    module_database: object, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Catalogue]:
    """What the page begins with, and two runs made from run 13, one by way of the other."""
    folder = tmp_path_factory.mktemp("docs")
    simulate_archive(folder / "archive", frames=3)
    url = module_database.url.render_as_string(hide_password=False)  # type: ignore[attr-defined]
    with Catalogue(url) as opened:
        opened.ingest(folder / "archive")
        for number in (5, 6):
            opened.run(number, channel=1)
        opened.run(RUN, channel=1, radius=(3, 3, 7), out=folder / "tables")
        with opened._database.write() as connection:
            for child, parent in ((5, RUN), (6, 5)):
                made = update(t.run).where(t.run.c.run_id == child)
                connection.execute(made.values(parent_run_id=parent))
        opened.withdraw(6, "a test")
        yield opened


def asked(catalogue: Catalogue, beginning: str) -> list[tuple[object, ...]]:
    """Answer of the one query of the page that begins so."""
    (query,) = [one for one in blocks(text_of(TRACING), "sql") if one.startswith(beginning)]
    return [tuple(row.values()) for row in select(catalogue, query)]


def test_sql_of_images_is_the_lineage(catalogue: Catalogue) -> None:
    found = catalogue.lineage(RUN, aor=AOR)
    images = {(one["run_id"], one["row_number"]): one for one in attributes(found, "image_result")}
    files = {one["sha256"]: one for one in attributes(found, "file")}
    expected = []
    for average, image, digest in told_images(found, "average", "image", "sha256"):
        told, file = images[RUN, image], files[digest]
        expected += [
            (average, image, told["status"], told["rejected_by"], told["corrected"], file["name"],
             file["version"], digest, file["data_sha256"], file["creator"], file["fluxconv"],
             place["path"], place["present"])
            for place in file["places"]
        ]  # fmt: skip
    assert len(expected) == 6
    assert asked(catalogue, "SELECT a.row_number AS average") == expected


def test_sql_of_the_run_is_the_lineage(catalogue: Catalogue) -> None:
    found = catalogue.lineage(RUN, aor=AOR)
    (run,) = attributes(found, "run")
    (software,), (response,) = attributes(found, "software"), attributes(found, "calibration")
    names = ("run_id", "uuid", "name", "parameters_digest", "parent_run_id", "operator", "host")
    assert asked(catalogue, "SELECT r.run_id, r.uuid") == [
        (*(run[name] for name in names), software["digest"], response["sha256"], None)
    ]


def test_sql_of_frames_is_the_lineage(catalogue: Catalogue) -> None:
    found = catalogue.lineage(RUN, aor=AOR)
    frames = {node["label"]: node["attributes"] for node in found.of_kind("frame")}
    names = ("channel", "aorkey", "expid", "dcenum", "mjd_obs")
    expected = [
        (image, *(frames[frame][name] for name in names), grade, evidence)
        for image, frame, grade, evidence in told_images(
            found, "image", "frame", "link_grade", "link_evidence"
        )
    ]
    assert len(expected) == 6
    assert asked(catalogue, "SELECT i.row_number AS image") == expected


def test_sql_upward_is_the_lineage(catalogue: Catalogue) -> None:
    found = catalogue.lineage(file=FILE)
    told = told_images(
        found, "run_id", "run", "withdrawn_at", "aorkey", "target", "flux", "average", "image"
    )
    assert len(told) == 3
    assert asked(catalogue, "SELECT r.run_id, r.name, r.withdrawn_at") == told
    digest = attributes(found, "file")[0]["sha256"]
    (query,) = [one for one in blocks(text_of(TRACING), "sql") if "FROM frame e" in one]
    by_hash = f"{query.partition('WHERE')[0]} WHERE f.sha256 = '{digest}' ORDER BY 1, 8"
    assert [tuple(row.values()) for row in select(catalogue, by_hash)] == told


def test_sql_of_what_rests_on_a_run_is_the_lineage(catalogue: Catalogue) -> None:
    resting = catalogue.withdraw(RUN, "a test", dry_run=True).resting
    derived = [(row[0], row[1], row[4]) for row in resting.runs.rows]
    assert [row[0] for row in derived] == [5, 6]
    assert asked(catalogue, "WITH RECURSIVE derived") == derived
    found = catalogue.lineage(file=FILE)
    exports = [
        (int(node["id"].split(":")[1]), node["attributes"]["at"], node["attributes"]["operator"],
         node["attributes"]["host"], node["attributes"]["folder"])
        for node in found.of_kind("activity")
    ]  # fmt: skip
    told = asked(catalogue, "SELECT id, ended_at")
    assert [(*row[:4], _folder(row[4])) for row in told] == exports
    assert len(exports) == 1


def _folder(detail: object) -> str:
    # SQLite keeps JSON as text.
    return str((json.loads(detail) if isinstance(detail, str) else detail)["folder"])  # type: ignore[index]


def test_kinds_and_relations_are_those_of_the_page(catalogue: Catalogue) -> None:
    listed = {
        kind: set(re.findall(r"was\w+|used|specializationOf|alternateOf|hadMember", relations))
        for kind, _, relations in table(text_of(TRACING), "kind", "what it is")
    }
    for found in (catalogue.lineage(RUN, aor=AOR), catalogue.lineage(file=FILE)):
        kinds = {row[0]: row[1] for row in found.nodes.rows}
        assert set(kinds.values()) <= set(listed)
        for one, _, relation in found.edges.rows:
            assert relation in listed[kinds[one]], (kinds[one], relation)
    statuses = dict(table(text_of(TRACING), "status", "what became of the image"))
    assert list(statuses) == ["kept", "rejected", "unusable", "not told"]
