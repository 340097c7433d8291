"""What the tests of freezing, thawing and copying share: a catalogue with runs of every kind."""

from __future__ import annotations

import hashlib
import json
import os
import shlex
import sqlite3
import zlib
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from helpers import in_this_process
from published_helpers import copy_run
from sqlalchemy import insert
from warm import carried_out

from iracdb import Catalogue
from iracdb.catalogue import tables as t
from iracdb.catalogue.database import Database
from iracdb.irac.simulate import simulate_archive

RUNS = (7, 13, 14, 21, 114)
"""Executed over a list of targets, imported, imported, executed, recomputed from run 14."""

AORS = (90000256, 90000512, 90001536)
"""Of the simulated archive; the last has no frames of channel 1."""

LIST = """AOR Filepath,Target Coordinates
/data/r90000256,17 40 33.41 +65 27 13.6
/data/r90000512,269.7271542 +67.7936025
"""


def location_of(database: Database) -> str:
    """Tell where a database lives, its password included."""
    return database.url.render_as_string(hide_password=False)


def fill(location: str, folder: Path, reference: Path) -> None:
    """Make runs of every kind in a catalogue, and something beside them that is no run's."""
    published = folder / "published"
    # Run 17 of 2018 under another number: 558 images, just more than are ever held together.
    copy_run(reference / "published_runs", published, "run17", "run13")
    copy_run(reference / "published_runs", published, "run14")
    archive = folder / "archive"
    simulate_archive(archive, frames=3)
    targets = folder / "list # 100%.csv"
    targets.write_text(LIST)
    with pytest.MonkeyPatch.context() as patch, Catalogue(location) as catalogue:
        # The sources may be worked on while tests run: without git, software is the same all along.
        patch.setenv("GIT_DIR", os.devnull)
        catalogue.import_runs(published, targets=[reference / "coordinates"])
        catalogue.ingest(archive)
        catalogue.run(run_id=21, channel=1, aors=AORS, radius=(3, 3, 7), command="iracdb run ...")
        catalogue.run(run_id=7, channel=1, targets=targets, comment="Δ, 'quoted'", command="...")
        catalogue.keep_recomputed(catalogue.recompute(14), number=114)
        with catalogue._database.write() as connection:
            connection.execute(
                insert(t.study),
                [
                    {"name": "radii", "kind": "radius-test", "created_at": "2026-01-01"},
                    {"name": "other", "kind": "radius-test", "created_at": "2026-01-02"},
                ],
            )
            for study, run, place in ((1, 21, 1), (1, 7, 2), (2, 14, 1)):
                connection.execute(
                    insert(t.study_run).values(
                        study_id=study, run_id=run, position=place, label=f"number {place}"
                    )
                )


def archive_of(catalogue: Catalogue) -> Path:
    """Where the archive lies that `fill` simulated."""
    (path,) = catalogue.sql("SELECT min(path) FROM file_location").rows[0]
    return next(folder for folder in Path(path).parents if folder.name == "archive")


def raw(path: Path, query: str, *values: Any) -> list[tuple[Any, ...]]:
    """Ask an SQLite file without anything of ours."""
    with closing(sqlite3.connect(f"file:{path.as_posix()}?mode=ro", uri=True)) as connection:
        return connection.execute(query, values).fetchall()


def tampered(path: Path, to: Path, *statements: str, mark: bool = True) -> Path:
    """Make a copy of a frozen file in which something was changed by another program."""
    to.write_bytes(path.read_bytes())
    with closing(sqlite3.connect(to)) as connection:
        for statement in statements:
            connection.execute(statement)
        if not mark:
            connection.execute("PRAGMA application_id = 0")
        connection.commit()
    return to


_TYPED = """
import io, json, shlex, sys
from contextlib import redirect_stderr, redirect_stdout
from iracdb_cli.main import main
told = []
for command in sys.argv[1:]:
    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err):
        status = main(shlex.split(command))
    told.append((status, out.getvalue(), err.getvalue()))
print(json.dumps(told))
"""

# A superuser may write anywhere, unless that one right is given up.
_POWERLESS = """
import ctypes, os, sys
if os.geteuid() == 0:
    libc = ctypes.CDLL(None)
    header = (ctypes.c_uint32 * 2)(0x20080522, 0)
    rights = (ctypes.c_uint32 * 6)()
    if not hasattr(libc, "capset") or libc.capget(header, rights):
        sys.exit(77)
    for place in (0, 1):  # in effect, permitted
        rights[place] &= ~0b110  # CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH
    if libc.capset(header, rights):
        sys.exit(77)
"""


def typed(*commands: str, cwd: Path, powerless: bool = False) -> list[tuple[int, str, str]]:
    """Carry commands out: each one's status and what it prints."""
    if not powerless:
        said = [in_this_process(shlex.split(each), cwd, os.environ) for each in commands]
        return [(each.returncode, each.stdout, each.stderr) for each in said]
    done = carried_out(_POWERLESS + _TYPED, commands, cwd, os.environ, seconds=240)
    if done.returncode == 77:
        pytest.skip("the superuser's rights cannot be given up here")
    assert done.returncode == 0, done.stderr
    return [(status, out, err) for status, out, err in json.loads(done.stdout)]


def sha256(path: Path) -> str:
    """Hash a file."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def headers_of(path: Path) -> dict[str, bytes]:
    """The headers in a frozen file, byte for byte, by the file's SHA-256."""
    rows = raw(path, "SELECT f.sha256, h.verbatim FROM header h JOIN file f ON f.id = h.file_id")
    return {digest: zlib.decompress(verbatim) for digest, verbatim in rows}


def stopping_at(table: str, problem: BaseException) -> Callable[[int, int, str], None]:
    """Make a listener to progress that ends the work when a table is reached."""

    def step(_done: int, _total: int, name: str) -> None:
        if name == table:
            raise problem

    return step
