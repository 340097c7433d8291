"""Compiling is announced where it takes long, and only there; listings never wait for it."""

from __future__ import annotations

import subprocess
import sys
import time

from iracdb.photometry import warming

NO_PLACE = """
import os, numba.core.caching as caching
caching.CacheImpl._locator_classes = []
from iracdb.compiled import compiled
print(compiled(lambda a: a + 1)(2))
"""


def test_what_takes_long_is_announced_once(monkeypatch):
    said = []
    monkeypatch.setattr(warming, "measure_block", lambda *_: time.sleep(0.3))
    warming.compile_all(said.append, patience=0.05)
    assert said == [warming.MESSAGE]


def test_what_is_compiled_is_not_announced():
    said = []
    warming.compile_all(said.append, patience=100)
    begun = time.perf_counter()
    warming.compile_all(said.append, patience=20)
    assert time.perf_counter() - begun < 10
    assert said == []


def test_the_help_does_not_import_the_compiler():
    code = "import sys, iracdb_cli.main, iracdb.photometry.measure; print('numba' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_it_works_where_nothing_can_be_kept():
    done = subprocess.run([sys.executable, "-c", NO_PLACE], capture_output=True, text=True)
    assert done.stdout.strip() == "3", done.stderr
