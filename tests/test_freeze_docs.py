"""docs/freezing.md: its commands are carried out, and print what it shows."""

from __future__ import annotations

import json
import math
import os
import re
from pathlib import Path

import pytest
from warm import carried_out

from iracdb.catalogue.sqlite_files import FROZEN

PAGE = Path(__file__).parents[1] / "docs" / "freezing.md"
# Both streams as a terminal shows them, in the order of writing.
TYPED = """
import io, json, shlex, subprocess, sys
from contextlib import redirect_stderr, redirect_stdout
from iracdb_cli.main import main
told = []
for command in json.loads(sys.argv[1]):
    said = io.StringIO()
    if command.startswith("iracdb "):
        with redirect_stdout(said), redirect_stderr(said):
            status = main(shlex.split(command)[1:])
    else:
        done = subprocess.run(command, shell=True, stdout=-1, stderr=-2, text=True)
        status = done.returncode
        said.write(done.stdout)
    told.append((status, said.getvalue()))
print(json.dumps(told))
"""

_FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_NUMBER = re.compile(r"(?<![\w.])[+-]?\d+\.\d+(?:e[+-]?\d+)?(?![\w.])")
# Hashes are of every last digit, and sizes of the version of SQLite: both may be others elsewhere.
_OWN = re.compile(r"\b[0-9a-f]{64}\b|\b\d+\.\d MB")

Typed = tuple[Path, list[tuple[str, str, str, int]]]


def text() -> str:
    return PAGE.read_text(encoding="utf-8")


def commands() -> list[tuple[str, str]]:
    """Each command of the page with what stands below it."""
    found: list[tuple[str, str]] = []
    for word, body in _FENCE.findall(text()):
        for line in body.splitlines(keepends=True) if word == "console" else ():
            if line.startswith("$ "):
                found.append((line[2:].strip(), ""))
            else:
                found[-1] = (found[-1][0], found[-1][1] + line)
    return found


@pytest.fixture(scope="module")
def typed(tmp_path_factory: pytest.TempPathFactory) -> Typed:
    """A folder in which the page's commands were typed: command, shown, printed, status."""
    folder = tmp_path_factory.mktemp("freezing")
    # The sources may be worked on while tests run: without git, software is the same all along.
    environment = {**os.environ, "GIT_DIR": os.devnull, "PYTHONIOENCODING": "utf-8"}
    environment.pop("IRACDB_DATABASE_URL", None)
    page = commands()
    words = [json.dumps([command for command, _ in page])]
    done = carried_out(TYPED, words, folder, environment, seconds=240)
    assert done.returncode == 0, done.stderr
    said = [
        (command, shown, printed.replace(f"{folder.resolve()}/", ""), status)
        for (command, shown), (status, printed) in zip(page, json.loads(done.stdout), strict=True)
    ]
    return folder, said


def same(expected: str, found: str) -> bool:
    one, other = _OWN.sub("#", expected), _OWN.sub("#", found)
    if _NUMBER.sub("#", one).split() != _NUMBER.sub("#", other).split():
        return False
    pairs = zip(_NUMBER.findall(one), _NUMBER.findall(other), strict=True)
    return all(math.isclose(float(a), float(b), rel_tol=1e-9) for a, b in pairs)


def test_the_page_prints_what_it_says(typed: Typed) -> None:
    statuses = []
    for command, shown, printed, status in typed[1]:
        statuses.append(status)
        # Of those that only make the ground ready nothing is shown, and of one the result hangs
        # on the last digits of this machine.
        if command.startswith(("iracdb simulate", "iracdb ingest", "iracdb run ")):
            assert status == 0, printed
        elif "--digest" not in command:
            assert same(shown, printed), f"$ {command}\n{printed}"
    assert [status for status in statuses if status] in ([6, 3, 4], [6, 3, 1, 4])


def test_the_same_digest_is_printed_each_time(typed: Typed) -> None:
    printed = "".join(printed for _, _, printed, _ in typed[1])
    digests = re.findall(r"results: sha256 (\w{64})", printed)
    files = re.findall(r"itself: +sha256 (\w{64})", printed)
    assert len(digests) == 6
    assert len(set(digests)) == 2
    assert len(files) == 4
    assert len(set(files)) == 2
    shown = re.findall(r"results: sha256 (\w{64})", text())
    assert [shown.index(digest) for digest in shown] == [
        digests.index(digest) for digest in digests
    ]


def test_python_of_the_page_runs(
    typed: Typed, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(typed[0])
    reading, keeping = (body for word, body in _FENCE.findall(text()) if word == "python")
    exec(compile(reading, PAGE.name, "exec"), {})
    *fluxes, prefixes = capsys.readouterr().out.splitlines()
    assert len(fluxes) == 6
    assert "voprov" in prefixes
    exec(compile(keeping, PAGE.name, "exec"), {})
    assert capsys.readouterr().out.splitlines() == ["cited True True", "21"]


def test_the_mark_is_the_one_told() -> None:
    assert f"application id {FROZEN} (the letters `{FROZEN.to_bytes(4, 'big').decode()}`)" in text()
