"""A frozen run as a database that is only read, wherever it lies and whoever asks for what."""

from __future__ import annotations

import json
import os
import resource
import shutil
import signal
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from freeze_helpers import RUNS, sha256, typed

from iracdb import Catalogue
from iracdb.errors import CannotWrite, NotFound, Unreachable, UsageError
from iracdb.export.tables import export_run

FROZEN = "is a frozen run, which is only read"


@pytest.fixture(scope="module")
def frozen(
    tmp_path_factory: pytest.TempPathFactory, runs_of_every_kind_at: Callable[[str], str]
) -> dict[int, Path]:
    """Each run frozen into a file of its own."""
    folder = tmp_path_factory.mktemp("reading")
    with Catalogue(runs_of_every_kind_at(str(folder / "iracdb.sqlite"))) as catalogue:
        return {run: catalogue.freeze(run, folder / f"run{run}.sqlite").path for run in RUNS}


@pytest.fixture
def alone(frozen: dict[int, Path], tmp_path: Path) -> Iterator[Path]:
    """A frozen file in a folder of its own, in which nothing may change."""
    place = tmp_path / "alone"
    place.mkdir()
    path = place / "run114.sqlite"
    shutil.copyfile(frozen[114], path)
    before = path.read_bytes()
    yield path
    assert [entry.name for entry in place.iterdir()] == ["run114.sqlite"]
    assert path.read_bytes() == before


# --- Commands ------------------------------------------------------------------------------------

READING = {
    "runs": "run114", "runs --all --json": "run114", "show 114": "114", "show run14 --json": "{",
    "status": "10 frames", "aors": "38", "frames": "38", "files": "", "problems": "",
    "compare 14 114": "14", "audit": "", "recompute 14": "run14", "db current": "up to date",
    "db upgrade": "", "prov 114": "wasGeneratedBy", "verify 114 --digest": "",
    "sql 'SELECT count(*) FROM run114_img_data'": "10",
}  # fmt: skip
"""What reads, and a word of its answer."""

WRITING = (
    "ingest {home}", "import {published}", "relink", "recompute 14 --as 9",
    "withdraw 14 --reason x", "restore 14", "thaw {file}",
)  # fmt: skip


def test_every_command_that_reads_reads_it(alone: Path, tmp_path: Path) -> None:
    told = typed(*(f"{command} --db {alone}" for command in READING), cwd=tmp_path)
    for (command, word), (status, out, err) in zip(READING.items(), told, strict=True):
        answers_no = command.startswith("compare")
        assert status == (1 if answers_no else 0), (command, err)
        assert word in out, (command, out)


def test_every_command_that_writes_is_refused_in_a_sentence(
    alone: Path, tmp_path: Path, reference: Path
) -> None:
    places = {"home": tmp_path, "published": reference / "published_runs", "file": alone}
    commands = [f"{command.format(**places)} --db {alone}" for command in WRITING]
    for command, told in zip(commands, typed(*commands, cwd=tmp_path), strict=True):
        status, out, err = told
        assert (status, out) == (6, ""), (command, err)
        assert err == (
            f"iracdb: {alone} {FROZEN}: take it into a catalogue with "
            f"'iracdb thaw {alone} --db CATALOGUE', and do it there\n"
        ), command


def test_a_run_is_not_made_in_it(frozen: dict[int, Path], tmp_path: Path) -> None:
    path = tmp_path / "run21.sqlite"
    shutil.copyfile(frozen[21], path)
    with Catalogue(path) as small, pytest.raises(CannotWrite, match=FROZEN):
        small.run(run_id=22, channel=1, radius=(3, 3, 7))
    assert [entry.name for entry in tmp_path.iterdir()] == ["run21.sqlite"]


def test_an_export_of_it_leaves_no_note(alone: Path, tmp_path: Path) -> None:
    with Catalogue(alone) as small:
        assert len(export_run(small.get(114), tmp_path / "out")) == 3


def test_the_command_freeze(frozen: dict[int, Path], tmp_path: Path) -> None:
    command = f"freeze 114 mine.sqlite --db {frozen[114]}"
    other = f"freeze 14 mine.sqlite --db {frozen[114]}"
    done, again, refused = typed(command, f"{command} --json", other, cwd=tmp_path)
    status, out, err = done
    assert (status, err) == (0, "")
    first, *rest = out.splitlines()
    assert first == "mine.sqlite holds run 114 (run114), and run14, from which it was made"
    assert rest[0].startswith("  2 averages, 20 images, 0 files with headers; ")
    assert rest[2] == f"  of the file itself:    sha256 {sha256(frozen[114])}"
    told = json.loads(again[1])
    assert (told["written"], told["parents"]) == (False, ["run14"])
    assert told["digest"] in rest[1]
    assert refused[:2] == (6, "")
    assert "holds something else" in refused[2]
    assert len(refused[2].splitlines()) == 1


# --- Paths ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name", ["with blanks", "100%", "a%20b", "why?", "no#1", "a&mode=rwc", "Δ", "semi;colon", "'"]
)
def test_a_path_of_any_characters(frozen: dict[int, Path], tmp_path: Path, name: str) -> None:
    (tmp_path / name).mkdir()
    with Catalogue(frozen[14]) as small:
        made = small.freeze(14, tmp_path / name / f"{name}.sqlite")
    assert made.path.read_bytes() == frozen[14].read_bytes()
    with Catalogue(made.path) as small:
        assert small.sql("SELECT name FROM run").rows == [("run14",)]
        with pytest.raises(CannotWrite, match=FROZEN):
            small.relink()
    with Catalogue(tmp_path / "other") as other:
        assert other.thaw(made.path).new
    assert [entry.name for entry in (tmp_path / name).iterdir()] == [f"{name}.sqlite"]


def test_a_relative_path(
    frozen: dict[int, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with Catalogue(frozen[14]) as small:
        assert small.freeze("run14", "mine").path == tmp_path / "mine"
    with Catalogue("mine") as small:
        assert small.get("run14").run_id == 14


# --- Where nothing can be written ----------------------------------------------------------------


@contextmanager
def sealed(folder: Path) -> Iterator[None]:
    """Let nobody write to a folder, nor to what is in it."""
    for entry in folder.iterdir():
        entry.chmod(0o444)
    folder.chmod(0o555)
    try:
        yield
    finally:
        folder.chmod(0o755)


@pytest.mark.usefixtures("built_in_earnest")
def test_a_frozen_run_in_a_folder_that_cannot_be_written_in(
    frozen: dict[int, Path], tmp_path: Path
) -> None:
    place = tmp_path / "sealed"
    place.mkdir()
    path = place / "run14.sqlite"
    with Catalogue(frozen[14]) as small:
        small.freeze(14, path)
    reading = ("show 14", "sql 'SELECT * FROM run14_aor_data'", "runs", "export 14 --out out",
               "digest 14", "freeze 14 mine")  # fmt: skip
    commands = [f"{command} --db {path}" for command in (*reading, "relink")]
    with sealed(place):
        *read, relinked, written, thawed = typed(
            *commands, f"freeze 14 {place}/again --db {path}", f"thaw {path} --db other",
            cwd=tmp_path, powerless=True,
        )  # fmt: skip
    for command, (status, _, err) in zip(reading, read, strict=True):
        assert (status, err) == (0, ""), command
    # Another process gives the same bytes.
    assert (tmp_path / "mine").read_bytes() == path.read_bytes()
    assert relinked[0] == 6
    assert FROZEN in relinked[2]
    assert written[0] == 6
    assert written[2].startswith(f"iracdb: Could not write {place}/again: Permission denied")
    assert thawed[0] == 0
    assert [entry.name for entry in place.iterdir()] == ["run14.sqlite"]


@pytest.mark.parametrize("log", [False, True])
def test_a_catalogue_in_a_folder_that_cannot_be_written_in(
    frozen: dict[int, Path], tmp_path: Path, log: bool
) -> None:
    place = tmp_path / "sealed"
    place.mkdir()
    path = place / "iracdb.sqlite"
    with Catalogue(path) as plain:
        plain.thaw(frozen[14])
        shutil.copyfile(f"{path}-wal", tmp_path / "log")
    assert [entry.name for entry in place.iterdir()] == ["iracdb.sqlite"]
    if log:
        # With a log that nobody may take in, what it holds would be missed.
        shutil.copyfile(tmp_path / "log", f"{path}-wal")
        assert Path(f"{path}-wal").stat().st_size
    names = sorted(entry.name for entry in place.iterdir())
    with sealed(place):
        shown, frames, thawed, again = typed(
            f"show 14 --db {path}", f"frames --json --db {path}", f"thaw {frozen[13]} --db {path}",
            f"freeze 14 mine --db {path}", cwd=tmp_path, powerless=True,
        )  # fmt: skip
    assert sorted(entry.name for entry in place.iterdir()) == names
    if log:
        for status, out, err in (shown, frames, thawed, again):
            assert (status, out) == (4, "")
            assert err.startswith(f"iracdb: Cannot reach {path}: ")
        return
    assert (shown[0], shown[2]) == (0, "")
    assert len(json.loads(frames[1])) == 10
    assert again[0] == 0
    assert thawed[0] == 6
    assert thawed[2].startswith(f"iracdb: No permission to write to {path}: ")


# --- Places that cannot be -----------------------------------------------------------------------


def test_a_file_in_the_way(frozen: dict[int, Path], tmp_path: Path) -> None:
    path = tmp_path / "place"
    path.write_bytes(b"precious")
    with Catalogue(frozen[14]) as small:
        with pytest.raises(CannotWrite, match=r"holds something else.*--overwrite"):
            small.freeze(14, path)
        assert path.read_bytes() == b"precious"
        assert small.freeze(14, path, overwrite=True).written
    with Catalogue(frozen[13]) as small:
        with pytest.raises(CannotWrite, match="holds something else"):
            small.freeze(13, path)
        assert sha256(path) == sha256(frozen[14])
        assert small.freeze(13, path, overwrite=True).written
    assert sha256(path) == sha256(frozen[13])
    assert [entry.name for entry in tmp_path.iterdir()] == ["place"]


def test_a_catalogue_is_never_replaced(frozen: dict[int, Path], tmp_path: Path) -> None:
    path = tmp_path / "iracdb.sqlite"
    with Catalogue(path) as plain:
        plain.thaw(frozen[14])
    before = sha256(path)
    (tmp_path / "link").symlink_to(path)
    for source in (path, frozen[14]):
        with Catalogue(source) as catalogue:
            for place in (path, tmp_path / "link"):
                with pytest.raises(CannotWrite, match="which is never replaced"):
                    catalogue.freeze(14, place, overwrite=True)
    assert sha256(path) == before


def test_places_that_cannot_be(frozen: dict[int, Path], tmp_path: Path) -> None:
    (tmp_path / "left-journal").write_bytes(b"")
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "nowhere").symlink_to(tmp_path / "gone")
    names = sorted(os.listdir(tmp_path))
    with Catalogue(frozen[14]) as small:
        for place, kind, said in (
            (tmp_path / "pipe", CannotWrite, "is no file that could be replaced"),
            (tmp_path / "nowhere", CannotWrite, "is no file that could be replaced"),
            (tmp_path, CannotWrite, "is a folder"),
            (tmp_path / "no" / "file", CannotWrite, "There is no folder"),
            (tmp_path / "left", CannotWrite, "belongs to another database"),
            (tmp_path / ("x" * 300), CannotWrite, "Could not write .* too long"),
            ("postgresql://me@host/base", UsageError, "is a file, not a server"),
            (":memory:", UsageError, "needs a file"),
        ):
            with pytest.raises(kind, match=said):
                small.freeze(14, place, overwrite=True)
        with pytest.raises(NotFound):
            small.freeze(99, tmp_path / "mine")
    assert sorted(os.listdir(tmp_path)) == names


def test_what_is_read_from_is_not_replaced(alone: Path) -> None:
    with Catalogue(alone) as small:
        assert not small.freeze(114, alone).written
        with pytest.raises(CannotWrite, match="is what the run is read from"):
            small.freeze(14, alone, overwrite=True)
        with pytest.raises(CannotWrite, match="holds something else"):
            small.freeze(14, alone)


@pytest.mark.parametrize("room", [0, 4096, 100_000, 300_000])
def test_a_full_disk_leaves_nothing(frozen: dict[int, Path], tmp_path: Path, room: int) -> None:
    path = tmp_path / "mine"
    assert frozen[21].stat().st_size > 300_000
    before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    with Catalogue(frozen[21]) as small:
        resource.setrlimit(resource.RLIMIT_FSIZE, (room, limits[1]))
        try:
            with pytest.raises(CannotWrite) as told:
                small.freeze(21, path)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, limits)
            signal.signal(signal.SIGXFSZ, before)
        assert str(told.value).startswith(f"Could not write {path}: ")
        assert str(told.value).endswith("Nothing was left behind")
        assert list(tmp_path.iterdir()) == []
        assert small.freeze(21, path).written


def test_a_later_revision_is_refused_with_what_to_do(
    frozen: dict[int, Path], tmp_path: Path
) -> None:
    path = tmp_path / "mine"
    path.write_bytes(frozen[14].read_bytes())
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("UPDATE iracdb_revision SET version_num = '9999'")
        connection.commit()
    ((status, out, err),) = typed(f"show 14 --db {path}", cwd=tmp_path)
    assert (status, out) == (4, "")
    assert "newer iracdb" in err
    assert [entry.name for entry in tmp_path.iterdir()] == ["mine"]


def test_a_file_that_has_gone(frozen: dict[int, Path], tmp_path: Path) -> None:
    path = tmp_path / "mine"
    path.write_bytes(frozen[14].read_bytes())
    with Catalogue(path) as small:
        path.unlink()
        small._database.engine.dispose()
        with pytest.raises(Unreachable, match="Cannot reach"):
            small.runs()
    assert list(tmp_path.iterdir()) == []
