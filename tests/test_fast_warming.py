"""Compiling is announced where it takes long, and only there; listings never wait for it."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import numpy as np

from iracdb import compiled
from iracdb.compiled import stamp_of
from iracdb.photometry import warming
from iracdb.photometry.aperture import Aperture
from iracdb.photometry.circle_kernel import sum_circles
from iracdb.photometry.measure import measure_block
from iracdb.photometry.moment_kernel import find_moments
from iracdb.photometry.planes import Planes, reduce
from iracdb.photometry.planes_kernel import reduce_planes
from iracdb.photometry.ring_kernel import sum_rings
from iracdb.photometry.sky_kernel import read_skies

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


def test_nothing_is_left_to_compile_for_the_handbook():
    warming.compile_all(str, patience=100)
    kernels = (find_moments, read_skies, reduce_planes, sum_circles, sum_rings)
    before = [kernel.signatures for kernel in kernels]
    cube = np.random.default_rng(22).normal(size=(64, 32, 32))
    made = reduce(cube, Planes.parse("mean 1-56,58-63"), masked=cube > 4, variance=cube**2)
    measure_block(
        made.images, [15.5], [15.5], Aperture(3, 3, 7), centre="moment", sky="mode",
        masked=made.masked, variance=made.variance,
    )  # fmt: skip
    for sky in ("median", "mean"):
        measure_block(made.images, [15.5], [15.5], Aperture(3, 3, 7), centre="moment", sky=sky)
    assert all(before)
    assert [kernel.signatures for kernel in kernels] == before


def test_what_is_kept_is_of_these_very_sources(tmp_path):
    for kernel in (sum_rings, sum_circles, find_moments, read_skies, reduce_planes):
        stamp = kernel._cache._cache_file._source_stamp
        assert stamp == stamp_of(Path(compiled.__file__).parent)
    room = tmp_path / "photometry"
    room.mkdir()
    kernel = "from iracdb.compiled import x"
    for path, text in (
        (tmp_path / "compiled.py", ""),
        (room / "b.py", ""),
        (room / "a.py", kernel),
    ):
        path.write_text(text)
    before = stamp_of(tmp_path)
    (room / "b.py").write_text("a = 2")
    assert stamp_of(tmp_path) == before
    (room / "a.py").write_text(f"{kernel}, y")
    assert stamp_of(tmp_path) != before
