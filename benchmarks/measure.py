"""How fast a run is as a whole: from the catalogue's files to rows, lineage and averages in it.

Against the plain way, which knows no database, on the same frames; on PostgreSQL against SQLite;
and two worker processes, or the two of a Dask cluster, against one, beside what two processes of
pure arithmetic reach. What is in the catalogue before, the files' headers, is not counted. The
plain way is timed on fewer frames, as a rate.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import plain
from archives import make_archive
from arithmetic import add, speed_of_two
from places import copy_of, empty
from rows import PROCESSOR, WALL, Row, Way, alone, ratios, timed, turns

from iracdb import Catalogue
from iracdb.irac.files import read_irac_file

FRAMES = {"tiny": 6, "small": 2000, "full": 20_000}
PLAIN = {"tiny": 2, "small": 100, "full": 300}
SUMS = {"tiny": 10_000, "small": 20_000_000, "full": 100_000_000}
RADII = (10.0, 12.0, 20.0)


def run(catalogued: str, folder: Path, clock: str, **workers: Any) -> float:
    """Time a run in a copy of a catalogue, which has none yet."""
    with copy_of(catalogued, folder) as location, Catalogue(location) as catalogue:
        return timed(lambda: catalogue.run(channel=1, radius=RADII, **workers), clock)


@contextmanager
def dask_cluster(size: str) -> Iterator[str]:
    """Give the address of a cluster of two processes, as one that is there already.

    At the tiny size its workers are threads of this process, which are there at once.
    """
    from distributed import LocalCluster

    with LocalCluster(
        n_workers=2, threads_per_worker=1, processes=size != "tiny", protocol="tcp",
        host="127.0.0.1", dashboard_address="127.0.0.1:0", memory_limit=0, silence_logs=60,
    ) as cluster:  # fmt: skip
        yield cluster.scheduler_address


def plain_way(paths: list[Path]) -> Way:
    """Measure the targets of files without a catalogue."""
    targets = []
    for path in paths:
        facts = read_irac_file(path).facts
        targets.append((facts["ra_ref"], facts["dec_ref"]))
    return lambda: timed(lambda: plain.measure_all(paths, RADII, targets)) / len(paths)


def rows(size: str) -> list[Row]:
    """Measure runs over simulated frames."""
    frames, said = FRAMES[size], f"a run over {FRAMES[size]:,} frames"
    with tempfile.TemporaryDirectory() as name:
        here = Path(name)
        made = make_archive(here / "archive", frames)
        with empty("SQLite", here) as sqlite, empty("PostgreSQL", here) as postgresql:
            for location in (sqlite, postgresql):
                with Catalogue(location) as catalogue:
                    catalogue.ingest(here / "archive")
            at_work = turns(
                {
                    "ours": lambda: run(sqlite, here, PROCESSOR) / frames,
                    "plain": plain_way(made[: PLAIN[size]]),
                },
                size,
            )
            with (
                ProcessPoolExecutor(2, mp_context=get_context("spawn")) as pool,
                dask_cluster(size) as scheduler,
            ):
                list(pool.map(add, [10, 10]))
                passed = turns(
                    {
                        "sqlite": lambda: run(sqlite, here, WALL),
                        "postgresql": lambda: run(postgresql, here, WALL),
                        "two": lambda: run(sqlite, here, WALL, jobs=2),
                        "dask": lambda: run(sqlite, here, WALL, scheduler=scheduler),
                        "ceiling": lambda: speed_of_two(SUMS[size], pool),
                    },
                    size,
                )
    more, by_dask = (ratios(passed["sqlite"], passed[way]) for way in ("two", "dask"))
    return [
        Row(f"{said}, SQLite", "the plain way without a database", 120,
            ratios(at_work["plain"], at_work["ours"]), PROCESSOR,
            why="Measuring alone takes four fifths of what the goal leaves a frame; to write rows "
            "and read them back takes the other fifth: see the profile."),
        Row(f"{said}, PostgreSQL", "the same on SQLite", 0.8,
            ratios(passed["sqlite"], passed["postgresql"]), WALL,
            why="The server is at work for a third as long as a run on SQLite takes: each row "
            "crosses a socket to it, and its keys are checked there: see the profile."),
        Row("two processes of pure arithmetic", "one", None, passed["ceiling"], WALL),
        Row(f"{said}, two workers over one", "what two processes of arithmetic reach", 0.9,
            ratios(more, passed["ceiling"]), WALL,
            why="One process plans, writes and closes, which takes as long as measuring does, and "
            "a third of it while nothing can be measured: see the profile."),
        Row(f"{said}, two Dask workers over one", "what two processes of arithmetic reach", 0.8,
            ratios(by_dask, passed["ceiling"]), WALL,
            why="The same, and blocks pass through the scheduler, a process of its own."),
    ]  # fmt: skip


if __name__ == "__main__":
    alone(rows, __doc__)
