"""Sources that give up: each is an error with the source's own words, and never a number."""

from __future__ import annotations

import os
import stat
import time
from pathlib import Path

import numpy as np
import pytest
from engine_helpers import BOTH, IDL, broken, python_with_stand_in, temporary_folders

from iracdb.engines import gdl as gdl_module
from iracdb.engines.choosing import engine_named
from iracdb.engines.gdl import GdlResponse
from iracdb.engines.idl import IdlResponse, mirpyidl_version
from iracdb.engines.process import complaints
from iracdb.engines.source import read_source
from iracdb.errors import EngineFailed

pytestmark = pytest.mark.usefixtures("gdl")

X, Y = np.array([3.25, 100.5, 254.75]), np.array([14.75, 0.5, 200.0])
AT = {"mission": "cryo", "subarray": False, "pixel_phase": True, "array_location": True}


@pytest.fixture(params=["gdl", "idl"])
def make(request, tmp_path):
    if request.param == "gdl":
        return lambda path, **words: GdlResponse(read_source(path), **words)
    python = python_with_stand_in(tmp_path)
    return lambda path, **words: IdlResponse(read_source(path), python, **words)


@pytest.fixture(autouse=True)
def temporary(tmp_path, monkeypatch):
    """Where the engines make their folders: nothing may be left there."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(folder))
    yield folder
    assert temporary_folders(folder) == []


GIVING_UP = {
    "MESSAGE, 'the table is not here'": "the table is not here",
    "RETURN, flux[0:1]": "gave 2 numbers of type DOUBLE, not 3|gave 2 numbers of IDL's type 5",
    "RETURN, [flux, flux]": "gave 6 numbers",
    "RETURN, FLOAT(flux)": "3 numbers of type FLOAT|3 numbers of IDL's type 4",
    "RETURN, 'none'": "1 numbers of type STRING|1 numbers of IDL's type 7",
    "RETURN, nowhere": "(?i)undefined.*nowhere|nowhere.*undefined",
    "RETURN, no_such_function(flux)": "(?i)no_such_function",
    "y = (flux +": "syntax error",
    "RETURN, flux*!VALUES.D_NAN": "gave nan as the corrected flux of a star of flux 1, at 3 of 3",
    "RETURN, flux/0d0": "gave inf as",
    "RETURN, flux*0d0": "gave 0.0 as",
    "EXIT": "no answer",
    "STOP": "no answer",
    "RETALL": "no answer",
    "ON_ERROR, 2 & MESSAGE, 'given up'": "given up",
}


# What the driver of either says of these is no other than of one above them.
ALIKE = {
    "RETURN, [flux, flux]", "RETURN, no_such_function(flux)", "RETURN, flux/0d0", "RETURN, flux*0d0"
}  # fmt: skip


@pytest.mark.parametrize("body", [body for body in GIVING_UP if body not in ALIKE])
def test_a_source_that_gives_up(make, tmp_path, body):
    gives_up(make, tmp_path, body)


@pytest.mark.parametrize("body", sorted(ALIKE))
def test_a_source_that_gives_up_in_gdl(tmp_path, body):
    gives_up(lambda path, **words: GdlResponse(read_source(path), **words), tmp_path, body)


def gives_up(make, tmp_path, body):
    engine = make(broken(tmp_path, body), timeout=60.0)
    with pytest.raises(EngineFailed, match=GIVING_UP[body]) as raised:
        engine.factors(X, Y, 1, **AT)
    assert (raised.value.code, raised.value.exit_status) == ("engine-failed", 3)
    assert "\n" not in str(raised.value)
    assert "iracdb-" not in str(raised.value), "the temporary folder is nobody's business"


def test_a_source_that_gives_up_for_one_factor_only(make, tmp_path):
    """The second result must not be the first one's, which a variable could still hold."""
    engine = make(broken(tmp_path, "IF KEYWORD_SET(pp_only) THEN MESSAGE, 'no'\nRETURN, flux"))
    with pytest.raises(EngineFailed, match="no"):
        engine.factors(X, Y, 1, **AT)


def test_a_source_that_gives_up_at_the_second_block(make, tmp_path):
    """The second block must not be given the first one's result."""
    engine = make(broken(tmp_path, "IF x[0] LT 50 THEN RETURN, flux*2\nMESSAGE, 'too far out'"))
    r_al, _ = engine.factors(X[:1], Y[:1], 1, **AT)
    assert r_al == [0.5]
    with pytest.raises(EngineFailed, match="too far out"):
        engine.factors(X[1:2], Y[1:2], 1, **AT)


def test_a_call_that_does_nothing_leaves_no_stale_result(tmp_path):
    """A mirpyidl whose `execute` neither assigns nor raises, as after an error that is not told."""
    silent = tmp_path / "silent"
    silent.mkdir()
    text = (IDL / "mirpyidl.py").read_text()
    first = "def execute(command):\n"
    assert first in text
    (silent / "mirpyidl.py").write_text(
        text.replace(first, f"{first}    if 'PP_ONLY' in command:\n        return\n")
    )
    python = python_with_stand_in(tmp_path, silent)
    engine = IdlResponse(read_source(BOTH), python)
    with pytest.raises(EngineFailed, match=r"gave 1 numbers of IDL's type 7, not 3"):
        engine.factors(X, Y, 1, **AT)


def test_an_endless_loop_is_stopped(make, tmp_path):
    engine = make(broken(tmp_path, "WHILE 1 DO a = 1\nRETURN, flux"), timeout=2.0)
    began = time.monotonic()
    with pytest.raises(EngineFailed, match="stopped after 2 seconds without an answer"):
        engine.factors(X, Y, 1, **AT)
    assert time.monotonic() - began < 30
    deadline = time.monotonic() + 10
    while still_running() and time.monotonic() < deadline:
        time.sleep(0.1)  # what is killed needs a moment to be gone
    assert still_running() == []


def test_endless_printing_is_stopped(tmp_path, monkeypatch):
    monkeypatch.setattr("iracdb.engines.process._MOST_PRINTED", 100_000)
    source = read_source(broken(tmp_path, "WHILE 1 DO PRINT, x\nRETURN, flux"))
    with pytest.raises(EngineFailed, match="after it had printed 100,000 bytes"):
        GdlResponse(source, timeout=60.0).factors(X, Y, 1, **AT)


def still_running() -> list[str]:
    """Processes that run in a folder of the engines."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            place = os.readlink(entry / "cwd")
        except OSError:
            continue
        if "/temporary/iracdb-" in place:
            found.append(f"{entry.name} in {place}")
    return found


def test_a_source_that_waits_for_words_is_given_none(make, tmp_path):
    engine = make(broken(tmp_path, "a = ''\nREAD, a, PROMPT='?'\nRETURN, flux"), timeout=30.0)
    began = time.monotonic()
    try:
        r_al, _ = engine.factors(X, Y, 1, **AT)
    except EngineFailed:
        pass
    else:
        assert (r_al == 1).all(), "it went on with an empty word, which is a true answer"
    assert time.monotonic() - began < 25


def test_a_source_that_changes_its_arguments(make, tmp_path):
    engine = make(broken(tmp_path, "x = x*0 & y = 7 & r = 1/(1 + x) & flux = 0\nRETURN, r"))
    r_al, r_pp = engine.factors(X, Y, 1, **AT)
    assert (r_al == 1).all()
    assert (r_pp == 1).all()
    engine = make(
        broken(tmp_path, "r = 1d0/(1d0 + x)\nx = x*0\nflux = 0\nchannel = 3\nRETURN, r", "b.pro")
    )
    r_al, r_pp = engine.factors(X, Y, 1, **AT)
    np.testing.assert_allclose(r_al, 1 + X, rtol=1e-15)
    np.testing.assert_allclose(r_pp, 1 + X, rtol=1e-15)


def test_a_routine_that_only_has_the_older_keywords(make, tmp_path):
    path = tmp_path / "irac_aphot_corr.pro"
    path.write_text("FUNCTION irac_aphot_corr, flux, x, y, channel\nRETURN, flux\nEND\n")
    with pytest.raises(EngineFailed, match=r"(?i)keyword"):
        make(path).factors(X, Y, 1, **AT)


def test_another_routine_on_the_path_is_not_taken(make, tmp_path, monkeypatch):
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    broken(elsewhere, "RETURN, flux/2")
    startup = elsewhere / "startup.pro"
    startup.write_text(f"!PATH = '{elsewhere}:' + !PATH\nEXIT\n")
    for name in ("GDL_PATH", "IDL_PATH"):
        monkeypatch.setenv(name, str(elsewhere))
    for name in ("GDL_STARTUP", "IDL_STARTUP"):
        monkeypatch.setenv(name, str(startup))
    r_al, _ = make(broken(tmp_path, "RETURN, flux")).factors(X, Y, 1, **AT)
    assert (r_al == 1).all()
    with pytest.raises(EngineFailed, match="syntax error"):
        make(broken(tmp_path, "y = (")).factors(X, Y, 1, **AT)


# --- Programs ------------------------------------------------------------------------------------


def program(folder: Path, script: str, name: str = "gdl") -> Path:
    path = folder / name
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return path


@pytest.fixture
def other_gdl(tmp_path, monkeypatch):
    """Put another program before GDL."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")
    return lambda script: program(folder, script)


SAYS_DONE = "token=$(sed -n \"s/.*PRINTF, unit, '\\(.*\\)'.*/\\1/p\" iracdb_block.pro)"


@pytest.mark.parametrize(
    ("script", "words"),
    [
        ("exit 0", "ended with status 0 and no message"),
        ("exit 7", "ended with status 7"),
        ("kill -9 $$", "ended with status -9"),
        ("head -c 24 /dev/zero > answer_0.f64; echo done > done.txt", "no answer"),
        (SAYS_DONE + "; echo $token > done.txt", "wrote none of 3 numbers"),
        (
            SAYS_DONE + "; head -c 16 x.f64 > answer_0.f64; echo $token > done.txt",
            "wrote 2 of 3 numbers",
        ),
        (SAYS_DONE + "; cp x.f64 answer_0.f64; echo $token > done.txt", "wrote none of 3"),
        ("head -c 300000 /dev/zero | tr '\\0' x; echo; echo '% NOW: late'; exit 1", "NOW: late$"),
    ],
)
def test_a_program_without_an_answer(other_gdl, script, words):
    other_gdl(script)
    with pytest.raises(EngineFailed, match=words):
        engine_named("gdl", idl_source=BOTH).factors(X, Y, 1, **AT)


def test_another_program_of_that_name(other_gdl):
    other_gdl("echo gallery 1.0")
    with pytest.raises(EngineFailed, match="is not GNU Data Language"):
        gdl_module.gdl_version()


def test_a_program_that_cannot_be_started(other_gdl):
    path = other_gdl("")
    path.write_bytes(b"\x7fELF")
    with pytest.raises(EngineFailed, match="cannot be started"):
        engine_named("gdl", idl_source=BOTH).factors(X, Y, 1, **AT)


def test_a_python_without_mirpyidl(tmp_path):
    empty = tmp_path / "empty"
    empty.mkdir()
    python = python_with_stand_in(tmp_path, empty)
    with pytest.raises(EngineFailed, match="cannot import mirpyidl"):
        mirpyidl_version(python)
    with pytest.raises(EngineFailed, match="cannot import mirpyidl"):
        engine_named("idl", idl_source=BOTH, idl_python=python).factors(X, Y, 1, **AT)


def test_a_mirpyidl_that_finds_no_idl(tmp_path):
    folder = tmp_path / "mirpyidl"
    folder.mkdir()
    (folder / "mirpyidl.py").write_text("raise ImportError('libidl.so: cannot open')\n")
    with pytest.raises(EngineFailed, match=r"cannot import mirpyidl \(libidl.so: cannot open\)"):
        mirpyidl_version(python_with_stand_in(tmp_path, folder))


def test_what_is_printed_is_sifted():
    printed = (
        "09:00:00: Error: Unable to initialize GTK+, is DISPLAY set properly?\n"
        "% Compiled module: IRACDB_BLOCK.\n"
        "% Lexer/Parser syntax error: expecting RBRACE, found '\n'\n"
        "  At: irac_aphot_corr.pro, Line 6  Column 29\n"
        "% IRAC_APHOT_CORR: no table\n"
        "% Execution halted at: IRAC_APHOT_CORR 3 irac_aphot_corr.pro\n"
        "%                      $MAIN$\n"
        "% At IRAC_APHOT_CORR    3 irac_aphot_corr.pro\n"
        "% IRAC_APHOT_CORR: no table\n"
    )
    assert complaints(printed) == [
        "Lexer/Parser syntax error: expecting RBRACE, found ' At: irac_aphot_corr.pro, "
        "Line 6 Column 29",
        "IRAC_APHOT_CORR: no table",
    ]
