"""docs/reproducing.md: its commands are carried out, and print what it shows."""

from __future__ import annotations

import io
import math
import re
import shlex
import subprocess
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import get_args

import pytest
from iracdb_cli.main import main

from iracdb.runs.digest import SCHEME
from iracdb.verify.verification import Verdict

PAGE = Path(__file__).parents[1] / "docs" / "reproducing.md"

_FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_NUMBER = re.compile(r"(?<![\w.])[+-]?\d+\.\d+(?:e[+-]?\d+)?(?![\w.])")
_HASH = re.compile(r"(?<![\w.])[0-9a-f]{12,64}(?![\w.])")


def commands(text: str) -> list[tuple[str, str]]:
    """Each command of the page with what stands below it."""
    found: list[tuple[str, str]] = []
    for word, body in _FENCE.findall(text):
        for line in body.splitlines(keepends=True) if word == "console" else ():
            if line.startswith("$ "):
                found.append((line[2:].strip(), ""))
            else:
                found[-1] = (found[-1][0], found[-1][1] + line)
    return found


def carried_out(command: str, folder: Path) -> tuple[int, str]:
    """Carry a line out; both streams as a terminal shows them."""
    line, _, target = command.partition(" > ")
    words = shlex.split(line)
    printed = io.StringIO()
    if words[0] == "iracdb":
        with redirect_stdout(printed), redirect_stderr(printed):
            status = main(words[1:])
    else:
        status = subprocess.run(command, shell=True, cwd=folder, check=True).returncode
    if target:
        (folder / target).write_text(printed.getvalue(), encoding="utf-8")
        return status, ""
    return status, printed.getvalue().replace(f"{folder.resolve()}/", "")


def without_hashes(text: str) -> str:
    """Hashes are of every last digit, which another machine may have otherwise."""
    return _HASH.sub("HASH", text)


def same(expected: str, found: str) -> bool:
    one, other = without_hashes(expected), without_hashes(found)
    if _NUMBER.sub("#", one).split() != _NUMBER.sub("#", other).split():
        return False
    pairs = zip(_NUMBER.findall(one), _NUMBER.findall(other), strict=True)
    return all(math.isclose(float(a), float(b), rel_tol=1e-9) for a, b in pairs)


@pytest.fixture(scope="module")
def typed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[tuple[str, str, str, int]]]:
    """A folder in which the page's commands were typed: command, shown, printed, status."""
    folder = tmp_path_factory.mktemp("reproducing")
    said = []
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.delenv("IRACDB_DATABASE_URL", raising=False)
        for command, shown in commands(PAGE.read_text(encoding="utf-8")):
            status, printed = carried_out(command, folder)
            said.append((command, shown, printed, status))
    return folder, said


def test_the_page_prints_what_it_says(
    typed: tuple[Path, list[tuple[str, str, str, int]]],
) -> None:
    _, said = typed
    assert len(said) > 15
    for command, shown, printed, _ in said:
        # Of the three that only make the ground ready nothing is shown.
        if shown or not command.startswith(("iracdb simulate", "iracdb ingest", "iracdb run")):
            assert same(shown, printed), f"$ {command}\n{printed}"
    statuses = [status for command, _, _, status in said if command.startswith("iracdb verify")]
    assert statuses == [0, 1, 0, 1, 0, 0, 1, 1, 0]


def test_python_of_the_page_runs(
    typed: tuple[Path, list[tuple[str, str, str, int]]],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(typed[0])
    text = PAGE.read_text(encoding="utf-8")
    (example,) = [body for word, body in _FENCE.findall(text) if word == "python"]
    exec(compile(example, PAGE.name, "exec"), {})
    lines = capsys.readouterr().out.splitlines()
    assert lines[1:] == ["True", "90000256 3"]
    assert lines[0].split()[1] in ("0", "1", "2")


def test_verdicts_and_scheme() -> None:
    text = PAGE.read_text(encoding="utf-8")
    rows = re.findall(r"^\| `([\w-]+)` \|", text, re.MULTILINE)
    assert rows == list(get_args(Verdict))
    assert f"`{SCHEME}`" in text
