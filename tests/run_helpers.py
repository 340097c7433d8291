"""What the tests of runs share: frames made to order, tables read back, commands cut short."""

from __future__ import annotations

import csv
import io
import os
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from built_once import Beginnings
from helpers import in_this_process
from warm import Begun, carried_out

from iracdb import Catalogue
from iracdb.catalogue import tables
from iracdb.irac.simulate import FrameSpec, file_path, simulate_frame, write_fits
from iracdb.runs import software
from iracdb.runs.results import Run

TIME_LIMIT = 120

# Carries a command out as `iracdb` does, but is cut short at a chosen moment.
_DRIVER = """
import os, signal, sys, time
from pathlib import Path
from iracdb.runs import execute, radius_test, start

how, folder, *words = sys.argv[1:]
marks = Path(folder)
written = 0

def cut_short():
    if how.endswith("kill"):
        os.kill(os.getpid(), signal.SIGKILL)
    elif how.endswith("interrupt"):
        # As a terminal does: every process of the group is told.
        os.killpg(os.getpgid(0), signal.SIGINT)
        time.sleep(60)
    elif how == "wait":
        (marks / "waiting").touch()
        while not (marks / "go").exists():
            time.sleep(0.01)

def after(function):
    def wrapped(self, aorkey, results):
        global written
        function(self, aorkey, results)
        written += 1
        if written == 1 and not how.startswith(("declared", "halfway")):
            cut_short()
    return wrapped

def halfway(function):
    def wrapped(self, *arguments):
        function(self, *arguments)
        if how.startswith("halfway") and written == 1:
            cut_short()
    return wrapped

execute._Writer._write = after(execute._Writer._write)
execute._write_images = halfway(execute._write_images)
if how.startswith("declared"):
    start.execute = radius_test.execute_together = lambda *_, **__: cut_short()

from iracdb_cli.main import main
sys.argv = ["iracdb", *words]
sys.exit(main())
"""


def write_frames(folder: Path, *specs: FrameSpec, seed: int = 0) -> list[Path]:
    """Write science frames into a folder in the archive's layout, and tell where."""
    paths = []
    for spec in specs:
        rng = np.random.default_rng([seed, spec.aorkey, spec.channel, spec.expid, spec.dcenum])
        cards, image = simulate_frame(spec, rng)
        paths.append(file_path(folder, spec.name()))
        write_fits(paths[-1], cards, image)
    return paths


def select(catalogue: Catalogue, query: str) -> list[dict[str, Any]]:
    """Carry out a query; its rows by column."""
    found = catalogue.sql(query)
    return [dict(zip(found.columns, row, strict=True)) for row in found.rows]


def images(catalogue: Catalogue, run: Run) -> list[dict[str, Any]]:
    """All that is stored of a run's images, in the order of its table, with name and place."""
    return select(
        catalogue,
        "SELECT a.*, i.*, f.name AS file_name, f.sha256, e.expid, e.dcenum, f.mjd_obs AS mjd "
        "FROM image_result i JOIN aor_result a ON a.id = i.aor_result_id "
        "JOIN file f ON f.id = i.file_id JOIN frame e ON e.id = i.frame_id "
        f"WHERE a.run_id = {run.run_id} ORDER BY i.row_number",
    )


def averages(catalogue: Catalogue, run: Run) -> list[dict[str, Any]]:
    """All that is stored of a run's averages, in the order of its table."""
    return select(
        catalogue, f"SELECT * FROM aor_result WHERE run_id = {run.run_id} ORDER BY row_number"
    )


_LOCAL = ("id", "run_id", "target_id", "aor_result_id", "frame_id", "file_id")


def content(catalogue: Catalogue, run: Run) -> list[tuple[Any, ...]]:
    """All numbers of a run, without the catalogue's own: equal where runs are the same."""
    aor = [f"a.{column.name}" for column in tables.aor_result.c if column.name not in _LOCAL]
    img = [f"i.{column.name}" for column in tables.image_result.c if column.name not in _LOCAL]
    joined = "aor_result a LEFT JOIN image_result i ON a.id = i.aor_result_id"
    found = catalogue.sql(
        f"SELECT f.sha256, {', '.join([*aor, *img])} FROM {joined} "
        "LEFT JOIN file f ON f.id = i.file_id "
        f"WHERE a.run_id = {run.run_id} ORDER BY a.row_number, i.row_number"
    )
    return [tuple(row) for row in found.rows]


def csv_files(folder: Path) -> dict[str, bytes]:
    """The CSV tables in a folder, by name."""
    return {path.name: path.read_bytes() for path in sorted(folder.glob("*.csv"))}


def read_csv(text: str | bytes) -> list[dict[str, str]]:
    """Rows of a CSV text."""
    plain = text.decode() if isinstance(text, bytes) else text
    return list(csv.DictReader(io.StringIO(plain)))


def environment(location: str) -> dict[str, str]:
    """Environment of a command on a catalogue.

    The sources may be worked on while tests run: without git, software is the same all along.
    """
    return {**os.environ, "IRACDB_DATABASE_URL": location, "GIT_DIR": os.devnull}


def ingested_once(begun_with: Beginnings, archive: Path) -> Callable[[str], str]:
    """Give what puts a catalogue of an archive where a new one may be made."""

    def fill(place: str) -> None:
        with Catalogue(place) as made:
            made.ingest(archive)

    return lambda location: begun_with(location, fill)


def command(location: str, *words: str | Path, folder: Path) -> subprocess.CompletedProcess[str]:
    """Carry out a command of ours in a folder."""
    with _software_of_no_tree():
        return in_this_process(list(map(str, words)), folder, environment(location))


@contextmanager
def _software_of_no_tree() -> Iterator[None]:
    """Let this process see of itself what one without git sees; then again what it saw before."""
    before = software.this_software()
    with pytest.MonkeyPatch.context() as patch:
        try:
            patch.setattr(software, "_git", lambda: (None, None))
            software.this_software.cache_clear()
            yield
        finally:
            patch.setattr(software, "_git", lambda: (before.git_commit, before.git_changes))
            software.this_software.cache_clear()
            assert software.this_software() == before


def cut_short(
    how: str, location: str, *words: str | Path, folder: Path
) -> subprocess.CompletedProcess[str]:
    """Carry out a command that is ended in the middle.

    ``how`` is "kill" or "interrupt": when the first AOR has been written; "halfway-kill": in the
    second AOR, before its transaction ends; "declared-kill": when all is declared and nothing is
    measured.
    """
    told = [how, str(folder), *map(str, words)]
    return carried_out(_DRIVER, told, folder, environment(location), seconds=TIME_LIMIT)


@contextmanager
def begun(location: str, *words: str | Path, folder: Path) -> Iterator[Begun]:
    """Begin a command that waits after its first AOR, until there is a file ``go``."""
    told = ["wait", str(folder), *map(str, words)]
    with Begun(_DRIVER, told, folder, environment(location)) as process:
        deadline = time.monotonic() + TIME_LIMIT
        while not (folder / "waiting").exists():
            assert process.status is None, process.said()
            assert time.monotonic() < deadline
            time.sleep(0.01)
        yield process
