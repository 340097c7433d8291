"""The same run is the same bytes: on either database, by one or two, in one go or in several."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from built_once import Beginnings
from run_helpers import begun, command, content, csv_files, cut_short, read_csv, select
from warm import Begun

from iracdb import Catalogue
from iracdb.catalogue.locks import run_lock
from iracdb.errors import Busy
from iracdb.irac.simulate import simulate_archive

# The last of them has no frames of this channel.
AORS = (90000256, 90000512, 90001792, 90002048, 90002304, 90001536)
OPTIONS: dict[str, Any] = {"channel": 1, "rejection": "sigma:1.5", "aors": AORS}
RUN = ("run", "--channel", "1", "--rejection", "sigma:1.5", "--out", "tables",
       *(word for aorkey in AORS for word in ("--aor", str(aorkey))))  # fmt: skip
TABLES = {"run1_aor_data.csv", "run1_img_data.csv"}
KILLED = -9


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("same") / "archive"
    simulate_archive(folder, frames=3, full_frames=12, bad_files=False)
    return folder


@pytest.fixture(scope="module")
def one_go(
    archive: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[dict[str, bytes], list[tuple[Any, ...]]]:
    """What one process makes of it in one go, on SQLite: files, and all numbers stored."""
    folder = tmp_path_factory.mktemp("one")
    with Catalogue(folder / "iracdb.sqlite") as catalogue:
        catalogue.ingest(archive)
        run = catalogue.run(**OPTIONS, out=folder)
        files, numbers = csv_files(folder), content(catalogue, run)
    assert set(files) == TABLES
    assert len(numbers) > 40
    rows = read_csv(files["run1_aor_data.csv"])
    assert [row["AORKEY"] for row in rows if row["Flux (mJy)"] == "nan"] == ["90001536"]
    assert sum(int(row["Outliers Rejected"]) for row in rows) > 2
    return files, numbers


@pytest.fixture
def location(any_location: str, archive: Path, begun_with: Beginnings) -> str:
    """A catalogue with the archive in it, in both kinds of database."""

    def fill(place: str) -> None:
        with Catalogue(place) as catalogue:
            catalogue.ingest(archive)

    return begun_with(any_location, fill)


def assert_same(
    location: str, folder: Path, one_go: tuple[dict[str, bytes], list[tuple[Any, ...]]]
) -> None:
    files, numbers = one_go
    assert csv_files(folder) == files
    with Catalogue(location) as catalogue:
        assert content(catalogue, catalogue.get(1)) == numbers
        assert len(catalogue.runs().rows) == 1
        assert select(catalogue, "SELECT aorkey FROM run_problem") == [{"aorkey": 90001536}]


@pytest.mark.parametrize("jobs", [1, 2])
def test_databases_and_workers(
    location: str,
    tmp_path: Path,
    one_go: tuple[dict[str, bytes], list[tuple[Any, ...]]],
    jobs: int,
) -> None:
    with Catalogue(location) as catalogue:
        catalogue.run(**OPTIONS, jobs=jobs, out=tmp_path / "out")
    assert_same(location, tmp_path / "out", one_go)


@pytest.mark.parametrize("block", [1, 5])
def test_sizes_of_blocks(
    archive: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    one_go: tuple[dict[str, bytes], list[tuple[Any, ...]]],
    block: int,
) -> None:
    from iracdb.runs import making, measuring

    sizes: list[int] = []
    measure = measuring.measure

    def noted(one: measuring.Block) -> Any:
        sizes.append(len(one.frames))
        return measure(one)

    monkeypatch.setattr(making, "BLOCK", block)
    monkeypatch.setattr(measuring, "measure", noted)
    location = str(tmp_path / "iracdb.sqlite")
    with Catalogue(location) as catalogue:
        catalogue.ingest(archive)
        catalogue.run(**OPTIONS, out=tmp_path / "out")
    assert max(sizes) == block
    assert_same(location, tmp_path / "out", one_go)


def test_order_of_ingest(
    archive: Path,
    any_location: str,
    tmp_path: Path,
    one_go: tuple[dict[str, bytes], list[tuple[Any, ...]]],
) -> None:
    with Catalogue(any_location) as catalogue:
        paths = sorted(archive.rglob("SPITZER_I1_*.fits"), key=lambda p: p.name[::-1])[::-1]
        for first in range(0, len(paths), 8):
            catalogue.ingest(*paths[first : first + 8])
        catalogue.ingest(archive, jobs=2)
        catalogue.run(**OPTIONS, out=tmp_path / "out")
    assert_same(any_location, tmp_path / "out", one_go)


def test_place_of_the_files(
    archive: Path, tmp_path: Path, one_go: tuple[dict[str, bytes], list[tuple[Any, ...]]]
) -> None:
    """Another folder, no folders at all, and a second copy make no difference."""
    loose = tmp_path / "loose"
    loose.mkdir()
    for path in archive.rglob("SPITZER_I1_*.fits"):
        shutil.copy2(path, loose / path.name)
    location = str(tmp_path / "iracdb.sqlite")
    with Catalogue(location) as catalogue:
        catalogue.ingest(loose, archive)
        catalogue.run(**OPTIONS, out=tmp_path / "out")
    assert_same(location, tmp_path / "out", one_go)


@pytest.mark.parametrize(
    "how, number", [("kill", ()), ("halfway-kill", ("--run-id", "1"))], ids=["after", "halfway"]
)
def test_killed_and_gone_on_with(
    location: str,
    tmp_path: Path,
    one_go: tuple[dict[str, bytes], list[tuple[Any, ...]]],
    how: str,
    number: tuple[str, ...],
) -> None:
    killed = cut_short(how, location, *RUN, *number, folder=tmp_path)
    assert killed.returncode == KILLED, killed.stderr
    with Catalogue(location) as catalogue:
        run = catalogue.get(1)
        assert run.state == "running"
        # The first AOR is there whole, and nothing of the second.
        assert {row.aorkey for row in run.averages()} == {90000256}
        assert len(run.rows("img")) == 12
        assert catalogue.sql("SELECT * FROM run_img_data").rows == []
    assert not (tmp_path / "tables").exists()
    done = command(location, *RUN, *number, folder=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "goes on with run 1" in done.stderr
    assert_same(location, tmp_path / "tables", one_go)


@pytest.mark.parametrize("jobs", ["1", "2"])
def test_interrupted_and_gone_on_with(
    location: str,
    tmp_path: Path,
    one_go: tuple[dict[str, bytes], list[tuple[Any, ...]]],
    jobs: str,
) -> None:
    stopped = cut_short("interrupt", location, *RUN, "--jobs", jobs, folder=tmp_path)
    assert stopped.returncode == 130, stopped.stderr
    assert "Traceback" not in stopped.stderr
    with Catalogue(location) as catalogue:
        assert catalogue.get(1).state == "running"
        assert len(catalogue.get(1).averages()) == 1
    done = command(location, *RUN, folder=tmp_path)
    assert done.returncode == 0, done.stderr
    assert_same(location, tmp_path / "tables", one_go)


@pytest.fixture
def holder(location: str, tmp_path: Path) -> Iterator[Begun]:
    """A process that is making the run, and waits in the middle of it."""
    with begun(location, *RUN, folder=tmp_path) as process:
        yield process


def test_two_processes_cannot_make_one_run(
    location: str,
    tmp_path: Path,
    holder: Begun,
    one_go: tuple[dict[str, bytes], list[tuple[Any, ...]]],
) -> None:
    for words in ((), ("--run-id", "1")):
        second = command(location, *RUN, *words, folder=tmp_path)
        assert second.returncode == 4, second.stderr
        assert "Another process is making run 1" in second.stderr
    # Another run can be made meanwhile.
    other = command(
        location, "run", "--channel", "3", "--no-tables", "--name", "other", folder=tmp_path
    )
    assert other.returncode == 0, other.stderr
    (tmp_path / "go").touch()
    status = holder.wait(60)
    out, err = holder.said()
    assert status == 0, err
    assert "is finished" in out
    assert csv_files(tmp_path / "tables") == one_go[0]


def test_the_lock_ends_with_its_process(location: str, tmp_path: Path, holder: Begun) -> None:
    with Catalogue(location) as catalogue:
        with pytest.raises(Busy), run_lock(catalogue._database, 1):
            pass
        holder.kill()
        holder.wait(30)
        deadline = time.monotonic() + 30
        while True:  # the server takes a moment to notice
            try:
                with run_lock(catalogue._database, 1):
                    break
            except Busy:
                assert time.monotonic() < deadline
                time.sleep(0.05)
        with run_lock(catalogue._database, 1):
            pass
