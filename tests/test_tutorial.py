"""docs/tutorial.md: it is carried out from beginning to end, and prints what it shows."""

from __future__ import annotations

import doctest
import io
import re
import shlex
import subprocess
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

import pytest
from docs_helpers import FENCE, the_same, without_haste
from docs_helpers import text_of as text_of_page
from iracdb_cli.main import main

PAGE = "docs/tutorial.md"

# What is of one machine and one hour.
_CHANGING = (
    # Of digits alone, too; but not what stands behind a point.
    (re.compile(r"(?<![\w.])[0-9a-f]{12,64}(?![\w.])"), "HASH"),
    (re.compile(r"\d{4}-\d\d-\d\d[ T]\d\d:\d\d(:[\d.]+Z?)?, by \S+ on \S+"), "WHEN, by WHOM"),
    (re.compile(r"^(Software +).*$", re.MULTILINE), r"\1WITH WHAT"),
    # Lines are as long as the longest cell.
    (re.compile("─+"), "─"),
)


def steps() -> list[tuple[str, str, str]]:
    """Each command or block of Python in order: its language, it, and what is shown of it."""
    found: list[tuple[str, str, str]] = []
    for language, body in FENCE.findall(text_of_page(PAGE)):
        if language == "pycon":
            found.append((language, body, ""))
        for line in body.splitlines(keepends=True) if language == "console" else ():
            if line.startswith("$ "):
                found.append((language, line[2:].strip(), ""))
            else:
                word, command, shown = found[-1]
                found[-1] = (word, command, shown + line)
    return found


def carried_out(command: str, folder: Path) -> tuple[int, str]:
    """Carry a line out; both streams as a terminal shows them."""
    words = shlex.split(command)
    if words[0] != "iracdb":
        done = subprocess.run(
            words, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        return done.returncode, done.stdout
    printed = io.StringIO()
    with redirect_stdout(printed), redirect_stderr(printed):
        status = main(words[1:])
    return status, without_haste(printed.getvalue())


def settled(text: str) -> str:
    for pattern, word in _CHANGING:
        text = pattern.sub(word, text)
    return text


class Settled(doctest.OutputChecker):
    def check_output(self, want: str, got: str, _flags: int) -> bool:
        return the_same(settled(want), settled(got))


def test_the_afternoon_goes_as_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("IRACDB_DATABASE_URL", raising=False)
    names: dict[str, object] = {}
    statuses = {}
    examples = 0
    for language, command, shown in steps():
        if language == "console":
            statuses[command], printed = carried_out(command, tmp_path)
            assert the_same(settled(shown), settled(printed)), f"$ {command}\n{printed}"
            continue
        case = doctest.DocTestParser().get_doctest(command, names, PAGE, None, None)
        runner = doctest.DocTestRunner(Settled(), verbose=False)
        said: list[str] = []
        result = runner.run(case, out=said.append, clear_globs=False)
        assert result.failed == 0, "".join(said)
        names = case.globs
        examples += result.attempted
    assert examples >= 10
    assert {command for command, status in statuses.items() if status != 0} == {
        "iracdb compare 13 14"  # the answer is that they differ
    }
    told = {command.split()[1] for command in statuses if command.startswith("iracdb")}
    assert told >= {
        "simulate", "ingest", "problems", "run", "compare", "why", "lineage", "verify",
        "export", "freeze",
    }  # fmt: skip


def test_a_changed_number_is_noticed() -> None:
    shown = "Run 14 (run14), finished 2026-11-29 22:56, by ada on dome\nflux 1.25"
    other = "Run 14 (run14), finished 2027-01-02 03:04, by eve on hill\nflux 1.25"
    assert the_same(settled(shown), settled(other))
    assert not the_same(settled(shown), settled(other.replace("1.25", "1.26")))
