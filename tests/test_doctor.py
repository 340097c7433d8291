"""The command `iracdb doctor`: states, exit status, JSON, and its page."""

from __future__ import annotations

import doctest
import json
import re
import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from engine_helpers import BOTH, CRYO, broken, python_with_stand_in
from iracdb_cli.main import main

from iracdb.engines import examining
from iracdb.engines.choosing import PYTHON_VARIABLE, SOURCE_VARIABLE

PAGE = Path(__file__).parents[1] / "docs" / "engines.md"


@pytest.fixture(autouse=True)
def no_environment(monkeypatch):
    for variable in (SOURCE_VARIABLE, PYTHON_VARIABLE):
        monkeypatch.delenv(variable, raising=False)


def told(capsys, *words):
    """Exit status and each engine's state."""
    status = main(["doctor", "--json", *map(str, words)])
    answer = json.loads(capsys.readouterr().out)
    assert answer["works"] == (status == 0)
    return status, {each["engine"]: each for each in answer["engines"]}, answer["parts"]


def states(engines):
    return {name: each["state"] for name, each in engines.items()}


def test_without_a_source(capsys, gdl):
    status, engines, parts = told(capsys)
    assert status == 0
    assert states(engines) == {"native": "works", "gdl": "there", "idl": "missing"}
    assert "--idl-source" in engines["gdl"]["says"]
    assert "--idl-python" in engines["idl"]["says"]
    held = {part["part"]: part for part in parts}
    assert held["Python"]["version"] == ".".join(map(str, sys.version_info[:3]))
    assert held["SQLite"]["version"] == sqlite3.sqlite_version
    assert {"iracdb", "numpy", "psycopg", "lxml", "rocrate"} <= set(held)


@pytest.mark.parametrize("source", [BOTH, CRYO])
def test_gdl_works(capsys, gdl, source):
    status, engines, _ = told(capsys, "--idl-source", source)
    assert status == 0
    assert states(engines) == {"native": "works", "gdl": "works", "idl": "missing"}
    assert engines["gdl"]["asked"]
    assert engines["gdl"]["version"]
    assert engines["gdl"]["difference"] < 1e-14
    assert "coefficients of" in engines["gdl"]["says"]


def test_idl_works_by_the_environment(capsys, gdl, tmp_path, monkeypatch):
    monkeypatch.setenv(SOURCE_VARIABLE, str(CRYO))
    monkeypatch.setenv(PYTHON_VARIABLE, python_with_stand_in(tmp_path))
    status, engines, _ = told(capsys)
    assert status == 0
    assert states(engines) == {"native": "works", "gdl": "works", "idl": "works"}
    assert [engines[name]["asked"] for name in ("gdl", "idl")] == [False, True]
    assert "mirpyidl" in engines["idl"]["version"]


def test_another_answer_is_noticed(capsys, gdl, tmp_path):
    path = tmp_path / "mine.pro"
    path.write_text(BOTH.read_text().replace("0.98866790", "0.98866"))
    status, engines, _ = told(capsys, "--idl-source", path)
    assert status == 1
    assert engines["gdl"]["state"] == "differs"
    assert 1e-6 < engines["gdl"]["difference"] < 1e-4


def test_what_fails_and_what_is_missing(capsys, gdl, tmp_path, monkeypatch):
    status, engines, _ = told(capsys, "--idl-source", broken(tmp_path, "MESSAGE, 'no table'"))
    assert (status, engines["gdl"]["state"]) == (1, "fails")
    assert "no table" in engines["gdl"]["says"]
    status, engines, _ = told(capsys, "--idl-source", tmp_path / "nowhere.pro")
    assert (status, engines["gdl"]["state"]) == (1, "fails")
    assert "cannot be read" in engines["gdl"]["says"]
    # A Python alone asks for IDL, which cannot work without a source.
    for python in (tmp_path / "nowhere", python_with_stand_in(tmp_path, tmp_path)):
        status, engines, _ = told(capsys, "--idl-python", python)
        assert (status, engines["idl"]["state"]) == (1, "missing")
    monkeypatch.setenv("PATH", str(tmp_path))
    status, engines, _ = told(capsys)
    assert (status, engines["gdl"]["state"]) == (0, "missing")
    assert "install" in engines["gdl"]["says"]
    status, engines, _ = told(capsys, "--idl-source", BOTH)
    assert (status, engines["gdl"]["state"]) == (1, "missing")


def test_a_routine_that_does_not_hand_back_its_coefficients(capsys, gdl, tmp_path):
    path = tmp_path / "silent.pro"
    path.write_text(BOTH.read_text().replace("PARAMS=params, ", ""))
    status, engines, _ = told(capsys, "--idl-source", path)
    assert status == 0
    assert "does not hand back its coefficients" in engines["gdl"]["says"]


def test_a_native_engine_that_is_broken(capsys, monkeypatch):
    monkeypatch.setattr(examining, "response_factors", lambda *_, **__: (0.5, 1.0))
    status, engines, _ = told(capsys)
    assert (status, engines["native"]["state"]) == (1, "fails")


def test_the_command_alone_imports_little():
    code = "import sys, iracdb_cli.doctor; print(','.join(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not {"numpy", "sqlalchemy", "astropy"} & set(done.stdout.strip().split(","))


# --- The page ------------------------------------------------------------------------------------


def without_numbers(text: str) -> list[str]:
    # What is between the columns depends on how long versions are.
    return [
        " ".join(re.sub(r"\d[\w.+-]*", "#", line).split())
        for line in text.splitlines()
        if line.strip("─ ")
    ]


def test_the_page_shows_what_doctor_prints(capsys, gdl, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    shutil.copy(BOTH, tmp_path)
    (block,) = re.findall(r"^```console\n(.*?)^```$", PAGE.read_text(), re.MULTILINE | re.DOTALL)
    typed, shown = block.split("\n", 1)
    assert typed.startswith("$ iracdb doctor ")
    assert main(typed.split()[2:]) == 0
    assert without_numbers(capsys.readouterr().out) == without_numbers(shown)


def test_the_page_tells_every_state():
    table = PAGE.read_text().split("| state | meaning |")[1].split("\n\n")[0]
    assert re.findall(r"^\| `(\w+)`", table, re.MULTILINE) == [
        "works", "differs", "there", "missing", "fails",
    ]  # fmt: skip


def test_the_example_of_the_page_runs(gdl, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    shutil.copy(BOTH, tmp_path)
    (example,) = re.findall(r"^```pycon\n(.*?)^```$", PAGE.read_text(), re.MULTILINE | re.DOTALL)
    ours = subprocess.run([gdl, "--version"], capture_output=True, text=True, check=False)
    example = example.replace("1.0.1", re.search(r"[Vv]ersion (\S+)", ours.stdout + ours.stderr)[1])
    case = doctest.DocTestParser().get_doctest(example, {}, "engines.md", None, None)
    said: list[str] = []
    result = doctest.DocTestRunner(verbose=False).run(case, out=said.append)
    assert result.failed == 0, "".join(said)
    assert result.attempted >= 5
