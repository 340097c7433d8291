"""docs/from-2018.md: its commands and its Python are carried out, and print what it shows."""

from __future__ import annotations

import doctest
import os
from pathlib import Path

import pytest
from helpers import in_this_process
from iracdb_cli.main import cli
from iracdb_cli.pipeline import pipeline
from test_docs import NearlyEqual, blocks, console, table, text_of, the_same

from iracdb.compat.calls import _later, _older

PAGE = "docs/from-2018.md"


def test_commands_and_calls_print_what_the_page_shows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("IRACDB_DATABASE_URL", raising=False)
    text = text_of(PAGE)
    (listed,) = blocks(text, "text")
    Path("list.csv").write_text(listed)
    for words, expected in console(text):
        assert words[0] == "iracdb"
        # Both streams as a terminal shows them, in the order of writing.
        done = in_this_process(words[1:], tmp_path, os.environ, together=True)
        assert done.returncode == 0, done.stdout
        assert len(done.stdout.splitlines()) == len(expected.splitlines()), done.stdout
        assert the_same(expected, done.stdout), done.stdout
    names: dict[str, object] = {}
    for example in blocks(text, "pycon"):
        case = doctest.DocTestParser().get_doctest(example, names, PAGE, None, None)
        said: list[str] = []
        runner = doctest.DocTestRunner(NearlyEqual(), verbose=False)
        result = runner.run(case, out=said.append, clear_globs=False)
        names = case.globs
        assert result.failed == 0, "".join(said)
        assert result.attempted > 0


def test_every_option_and_argument_is_told() -> None:
    text = text_of(PAGE)
    own = {"--out", "--jobs", "--strict", "--json", "--db", "--debug", "--comment"}
    options = {opt for param in pipeline.params for opt in param.opts if opt.startswith("-")}
    told = {
        opt
        for row in table(text, "option", "default", "`iracdb run`".replace("`", ""))
        for opt in row[0].split(", ")
        if opt.startswith("-")
    }
    assert told == options - own
    run_options = {opt for param in cli.commands["run"].params for opt in param.opts}
    for row in table(text, "option", "default", "iracdb run"):
        words = [word.split()[0] for word in row[2].split(", ") if word.startswith("--")]
        assert set(words) <= run_options
    arguments = {
        name for row in table(text, "argument", "what is different") for name in row[0].split(", ")
    }
    assert arguments >= set(_older.__annotations__) - {"return", "ap_corr", "pixArea"}
    assert arguments >= set(_later.__annotations__) - {"return"}
