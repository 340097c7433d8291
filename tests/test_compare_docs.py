"""docs/comparing.md: its commands print what it shows, its SQL says what ``compare`` says."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from iracdb_cli.main import cli, main
from published_helpers import copy_run

from iracdb import Catalogue
from iracdb.catalogue.database import Database
from iracdb.runs.registry import as_text

PAGE = (Path(__file__).parents[1] / "docs" / "comparing.md").read_text(encoding="utf-8")
_FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
AOR = 46466816


def blocks(language: str) -> list[str]:
    return [body for word, body in _FENCE.findall(PAGE) if word == language]


def location(database: Database) -> str:
    if database.dialect == "sqlite":
        return str(database.url.database)
    return database.url.render_as_string(hide_password=False)


@pytest.fixture(scope="module")
def catalogue(
    module_database: Database, reference: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Catalogue]:
    """The runs of 2018 that the page speaks of, and two made here, in both kinds of database."""
    folder = tmp_path_factory.mktemp("published")
    for name in ("run5", "run6", "run10", "run13", "run20", "hd_warm_final"):
        copy_run(reference / "published_runs", folder, name)
    with Catalogue(location(module_database)) as opened:
        opened.import_runs(folder)
        opened.ingest(reference / "archive" / f"r{AOR}")
        for number, kind in ((30, "bcd"), (31, "sub2d")):
            opened.run(number, channel=2, kind=kind, radius=(3, 3, 7), aors=[AOR])
        yield opened


def test_commands_print_what_the_page_shows(
    catalogue: Catalogue, module_database: Database, capsys: pytest.CaptureFixture[str]
) -> None:
    del catalogue
    shown = blocks("console")
    assert len(shown) == 3
    for block in shown:
        first, _, expected = block.partition("\n")
        words = shlex.split(first.removeprefix("$ "))
        assert words[0] == "iracdb"
        main([*words[1:], "--db", location(module_database)])
        out, err = capsys.readouterr()
        assert out + err == expected, first


def rows(catalogue: Catalogue, query: str) -> list[dict[str, Any]]:
    found = catalogue.sql(query)
    return [dict(zip(found.columns, row, strict=True)) for row in found.rows]


def test_sql_says_what_compare_says(catalogue: Catalogue) -> None:
    parameters, aors, most, alone, images, files = blocks("sql")
    made = catalogue.compare(13, 20)
    counts = made.summary()["aors"]

    assert {(row["name"], row["run13"], row["run20"]) for row in rows(catalogue, parameters)} == {
        (each.name, as_text(each.a), as_text(each.b)) for each in made.made_by.parameters
    }

    (row,) = rows(catalogue, aors)
    assert row["shared"] == len(made.aors) == 131
    for name in ("same", "rounding_only", "changed"):
        assert row[name] == counts[name]

    first, second = rows(catalogue, most)
    assert (first["AORKEY"], second["AORKEY"]) == (28899840, 21529088)
    assert first["relative"] == counts["largest_relative_change"]

    only = made.only("aors")
    assert [row["aorkey"] for row in rows(catalogue, alone)] == list(only["aorkey"])

    part = catalogue.compare("run6", "hd_warm_final").parts[0]
    summaries = {each.name: each for each in part.summaries}
    assert rows(catalogue, images) == [
        {
            "shared": len(part.matched.pairs),
            "flag_changed": part.counts["flag_changed"],
            "lost": summaries["raw"].only_a,
            "moved": summaries["x"].changed,
        }
    ]

    inputs = catalogue.compare(30, 31).made_by.inputs
    assert [
        (row["file_a"], row["file_b"], bool(row["same_pixels"])) for row in rows(catalogue, files)
    ] == [
        (each.name_a, each.name_b, each.same_pixels)
        for each in sorted(inputs.others, key=lambda each: each.name_a)
    ]
    assert len(inputs.others) == 11


def test_python_of_the_page_runs(
    catalogue: Catalogue,
    module_database: Database,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    del catalogue
    monkeypatch.setenv("IRACDB_DATABASE_URL", location(module_database))
    (example,) = blocks("python")
    names: dict[str, Any] = {}
    exec(compile(example, "docs/comparing.md", "exec"), names)
    assert "2 changed by up to 0.0027 %" in capsys.readouterr().out
    assert len(names["changed"]) == 2
    assert (len(names["images"]), len(names["alone"])) == (2458, 6)
    assert list(names["parameters"]["name"]) == ["aors", "rejection"]
    # The columns that the page names are there.
    flux = {f"flux_{what}" for what in ("a", "b", "difference", "relative", "ulps")}
    assert flux | {"outcome", "row_a", "row_b"} <= set(names["aors"].colnames)
    # As are the keys of the JSON.
    described = set(re.findall(r"`(\w+)`", PAGE.split("## JSON")[1].split("## Python")[0]))
    assert names["summary"].keys() <= described


def test_options_of_the_page_are_those_of_the_command() -> None:
    listed = set(re.findall(r"^\| `(--\w+)", PAGE, re.MULTILINE))
    known = {
        option.opts[0] for option in cli.commands["compare"].params if option.opts[0][0] == "-"
    }
    assert listed == known - {"--db", "--debug"}
    shown = CliRunner().invoke(cli, ["compare", "--help"]).output
    assert all(option in shown for option in listed)
