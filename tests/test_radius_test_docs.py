"""docs/radius-test.md: its commands print what it shows, and its files hold it."""

from __future__ import annotations

import csv
import io
import re
from pathlib import Path

import pytest
from iracdb_cli.main import cli, main
from test_docs import blocks, console, table, text_of, the_same

from iracdb import Catalogue
from iracdb.runs.combinations import read_combinations

PAGE = "docs/radius-test.md"
_OTHERWISE = ((r"\d{4}-\d\d-\d\d \d\d:\d\d", "TIME"), (r"─{5,}", ""))


def masked(text: str) -> str:
    for pattern, word in _OTHERWISE:
        text = re.sub(pattern, word, text)
    return text


def test_the_page_is_true(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("IRACDB_DATABASE_URL", raising=False)
    monkeypatch.setenv("LOGNAME", "ada")
    told = 0
    for words, expected in console(text_of(PAGE)):
        assert words[0] == "iracdb"
        status = main(words[1:])
        found = capsys.readouterr()
        if "there already" in expected:
            assert status == 3
        else:
            assert status == 0, words
        if expected:
            told += 1
            # Data come before notes here; which stream is which other tests tell.
            both = sorted(masked(found.out + found.err).splitlines())
            shown = sorted(masked(expected).splitlines())
            assert the_same("\n".join(shown), "\n".join(both)), found
    assert told >= 6
    (shown_table,) = blocks(text_of(PAGE), "csv")
    assert the_same(shown_table, (tmp_path / "tables" / "stars.csv").read_text())
    assert "Images" in next(csv.reader(io.StringIO(Path("tables/stars_growth.csv").read_text())))
    with Catalogue("iracdb.sqlite") as catalogue:
        (query,) = blocks(text_of(PAGE), "sql")
        assert len(catalogue.sql(query).rows) == 13
    (example,) = blocks(text_of(PAGE), "python")
    exec(compile(example, PAGE, "exec"), {})
    out = capsys.readouterr().out
    assert "Largest Disagreement" in out or "%" in out
    assert "(2, 2, 6)" in out


def test_the_file_of_the_page_is_one(tmp_path: Path) -> None:
    (example,) = blocks(text_of(PAGE), "text")
    path = tmp_path / "radii.txt"
    path.write_text(example)
    assert [one.correction for one in read_combinations(path)] == [None, 1.16]


def test_options_of_a_radius_test_are_documented() -> None:
    listed = {
        name for row in table(text_of(PAGE), "option", "default") for name in row[0].split(", ")
    }
    own = {option.opts[0] for option in cli.commands["radius-test"].params}
    shared = {option.opts[0] for option in cli.commands["run"].params}
    assert own - shared == (listed | {"--first-run"}) - shared
    assert listed <= own
    assert shared - own == {"--run-id", "--name", "--radius", "--aperture-correction"}
