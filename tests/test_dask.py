"""A run by the workers of a Dask cluster: the same bits, also where one of them is killed."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import pytest
from helpers import iracdb
from run_helpers import content, csv_files, select

from iracdb import Catalogue
from iracdb.errors import RunRefused, UsageError, WorkersLost
from iracdb.irac.simulate import simulate_archive
from iracdb.runs import making
from iracdb.runs.dask_workers import DaskWorkers, cluster

OPTIONS: dict[str, Any] = {"channel": 1, "aors": (90000256, 90000512, 90001792, 90002048)}


@pytest.fixture(scope="module")
def scheduler() -> Iterator[str]:
    """Two worker processes on this machine, started anew where they end."""
    from distributed import LocalCluster

    with LocalCluster(
        n_workers=2, threads_per_worker=1, processes=True, host="127.0.0.1",
        dashboard_address="127.0.0.1:0", memory_limit=0, silence_logs=60,
    ) as local:  # fmt: skip
        yield local.scheduler_address


@pytest.fixture(scope="module")
def made_here(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A catalogue with run 1, made in one process, and the folder of its tables."""
    folder = tmp_path_factory.mktemp("dask")
    simulate_archive(folder / "archive", frames=1, full_frames=6, bad_files=False)
    with Catalogue(folder / "iracdb.sqlite") as catalogue:
        catalogue.ingest(folder / "archive")
        catalogue.run(**OPTIONS, name="a", out=folder / "tables")
    return folder / "iracdb.sqlite", folder / "tables"


def pids_of(address: str) -> set[int]:
    from distributed import Client

    with Client(address, set_as_default=False) as client:
        return set(client.run(os.getpid).values())


@pytest.mark.parametrize("killed", [False, True], ids=["whole", "one-killed"])
def test_the_same_tables(
    made_here: tuple[Path, Path],
    scheduler: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    killed: bool,
) -> None:
    location, tables = made_here
    # Blocks enough for both workers to have some when one is killed.
    monkeypatch.setattr(making, "BLOCK", 2)
    victims: list[int] = []

    def kill(done: int, total: int, aor: str) -> None:
        if killed and aor and not victims:
            assert done < total
            victims.append(min(pids_of(scheduler)))
            os.kill(victims[0], signal.SIGKILL)

    with Catalogue(location) as catalogue:
        here = catalogue.get(1)
        run = catalogue.run(**OPTIONS, scheduler=scheduler, progress=kill, out=tmp_path)
        assert content(catalogue, run) == content(catalogue, here)
        assert run.result_digest == here.result_digest
        parameters = select(catalogue, "SELECT parameters FROM run")
        assert parameters[0] == parameters[-1]
        if not killed:
            assert {name.partition("_")[2]: text for name, text in csv_files(tmp_path).items()} == {
                name.partition("_")[2]: text for name, text in csv_files(tables).items()
            }
    assert len(victims) == killed
    assert not pids_of(scheduler) & set(victims)


def test_what_measures_anywhere_measures_there(
    made_here: tuple[Path, Path], scheduler: str
) -> None:
    with Catalogue(made_here[0]) as catalogue:
        assert catalogue.verify(1, scheduler=scheduler).exact
        one = OPTIONS | {"aors": OPTIONS["aors"][:1]}
        study = catalogue.radius_test(100, **one, scheduler=scheduler).results
        assert len(study.members) == 10
        assert all(catalogue.get(member.run_id).state == "finished" for member in study.members)


def test_a_block_that_ends_every_worker(scheduler: str) -> None:
    from distributed import Client

    def once(dask_scheduler: Any = None) -> None:
        dask_scheduler.allowed_failures = 0

    with Client(scheduler, set_as_default=False) as client:
        client.run_on_scheduler(once)
    with cluster(scheduler) as team:
        assert team is not None
        with pytest.raises(WorkersLost, match="ended several workers"):
            list(team.each(os._exit, [1]))


def test_a_scheduler_that_is_lost() -> None:
    from distributed import LocalCluster

    local = LocalCluster(
        n_workers=1,
        processes=False,
        protocol="tcp",
        host="127.0.0.1",
        dashboard_address="127.0.0.1:0",
    )
    with cluster(local.scheduler_address) as team:
        assert team is not None
        results = team.each(time.sleep, [0.01] * 100)
        next(results)
        local.close()
        with pytest.raises(WorkersLost, match="was lost: repeat the command when it is there"):
            list(results)


def test_other_software_on_a_worker(scheduler: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from iracdb.runs import dask_workers
    from iracdb.runs.software import this_software

    mine = this_software()
    other = type(mine)(**{**vars(mine), "packages": {**mine.packages, "numpy": "1.0"}})
    monkeypatch.setattr(dask_workers, "this_software", lambda: other)
    with cluster(scheduler) as team:
        assert team is not None
        with pytest.raises(RunRefused, match=r"other software: numpy is .*, here 1\.0\. Install"):
            list(team.each(abs, [-1]))


# ---- refused -------------------------------------------------------------------------------------


@pytest.mark.timeout(60)
def test_nobody_answers() -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        address = f"tcp://127.0.0.1:{silent.getsockname()[1]}"
        with pytest.raises(UsageError, match=f"No Dask scheduler can be reached at {address} "):
            DaskWorkers(address, seconds=0.5)
    for wrong in (address, "nonsense://x:1", "no port"):
        with pytest.raises(UsageError, match="No Dask scheduler can be reached at"):
            DaskWorkers(wrong, seconds=0.5)


@pytest.fixture
def scheduler_alone() -> Iterator[str]:
    """A scheduler without workers, in a thread that has as long to begin as it takes."""
    from distributed import Scheduler

    address: Future[str] = Future()
    ended = threading.Event()

    async def serve() -> None:
        try:
            async with Scheduler(host="127.0.0.1", port=0, dashboard=False) as alone:
                address.set_result(alone.address)
                while not ended.is_set():
                    await asyncio.sleep(0.05)
        except Exception as problem:
            address.set_exception(problem)

    thread = threading.Thread(target=asyncio.run, args=(serve(),))
    thread.start()
    try:
        yield address.result(timeout=120)
    finally:
        ended.set()
        thread.join()


def test_no_workers(scheduler_alone: str) -> None:
    # The scheduler has the same seconds to answer as to have a worker.
    with pytest.raises(UsageError, match=f"at {scheduler_alone} has no workers: start some"):
        DaskWorkers(scheduler_alone, seconds=3.0)


def test_not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(UsageError, match=r"pip install 'iracdb\[dask\]'"):
        DaskWorkers("tcp://127.0.0.1:1")


def test_not_beside_jobs(
    made_here: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    location = made_here[0]
    words = ("run", "--channel", "1", "--db", location, "--scheduler", "nonsense://x:1")
    for before in ("1", "2"):
        monkeypatch.setenv("IRACDB_JOBS", before)
        refused = iracdb(*words, cwd=tmp_path)
        assert refused.returncode == 2
        assert "No Dask scheduler can be reached" in refused.stderr
    refused = iracdb(*words, "--jobs", "2", cwd=tmp_path)
    assert refused.returncode == 2
    assert "Give a scheduler or jobs, not both" in refused.stderr
    # Nothing was begun.
    with Catalogue(location) as catalogue:
        assert {run["state"] for run in select(catalogue, "SELECT state FROM run")} == {"finished"}
