"""Where a run's time goes, step by step: ``python benchmarks/steps.py`` prints a table.

The same frames are run over by this process alone, by two workers, on PostgreSQL, and through the
ten apertures of a radius test, in turns. Told are microseconds at work a frame, medians of the
rounds, of this process; where workers measure, their time is not in it. A step within a step is
not counted twice.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any
from unittest.mock import patch

from archives import make_archive
from places import copy_of, empty
from rows import ROUNDS, SIZES
from server_clock import Clock

from iracdb import Catalogue
from iracdb.runs import execute, measuring, radius_test, registry, start

FRAMES = {"tiny": 6, "small": 2000, "full": 20_000}
RADII = (10.0, 12.0, 20.0)
TEN = 10

STEPS: dict[str, list[tuple[Any, str]]] = {
    "planning": [(start, "make_plan"), (radius_test, "prepare")],
    "declaring the inputs": [(registry, "declare")],
    "finding files, and their coordinate systems": [(execute, "frame_files")],
    "measuring": [(measuring, "measure")],
    "rows: response, average, times, marks": [(execute, "made_rows_of")],
    "writing images and averages": [(execute._Writer, "_write")],
    "looking at all files once more": [(execute, "_check_inputs")],
    "digest, views, closing": [(registry, "close")],
    "statistics": [(execute, "analyse")],
}
"""The functions behind each step, where they are called from."""

REST, ALL = "the rest", "this process in all"
SERVER, PASSED = "the server", "passed on the clock"

Seconds = dict[str, float]


class Steps:
    """Seconds at work of this process in each step, without those of steps within it."""

    def __init__(self) -> None:
        self.seconds: Seconds = dict.fromkeys(STEPS, 0.0)
        self._within: list[float] = []

    def clocked(self, step: str, function: Callable[..., Any]) -> Callable[..., Any]:
        """Give a function that adds its time to a step's."""

        def timed(*given: Any, **options: Any) -> Any:
            self._within.append(0.0)
            begun = time.process_time()
            try:
                return function(*given, **options)
            finally:
                took = time.process_time() - begun
                self.seconds[step] += took - self._within.pop()
                if self._within:
                    self._within[-1] += took

        return timed


@contextmanager
def watched(*but: str) -> Iterator[Steps]:
    """Watch all steps but some."""
    steps = Steps()
    with ExitStack() as stack:
        for step, functions in STEPS.items():
            for owner, name in functions if step not in but else ():
                clocked = steps.clocked(step, getattr(owner, name))
                stack.enter_context(patch.object(owner, name, clocked))
        yield steps


def one_run(
    catalogued: str, folder: Path, make: Callable[[Catalogue], object], *but: str
) -> Seconds:
    """Make a run in a copy of a catalogue, and tell its steps, and what else passed."""
    with copy_of(catalogued, folder) as location, Catalogue(location) as catalogue:
        clock = Clock(location)
        with watched(*but) as steps:
            everybody, passed, mine = clock.so_far(), time.perf_counter(), time.process_time()
            make(catalogue)
            took = time.process_time() - mine
            passed, everybody = time.perf_counter() - passed, clock.so_far() - everybody
    rest = took - sum(steps.seconds.values())
    return {**steps.seconds, REST: rest, SERVER: everybody - took, PASSED: passed}


def run(**options: Any) -> Callable[[Catalogue], object]:
    """Give what runs through one aperture."""
    return lambda catalogue: catalogue.run(channel=1, radius=RADII, **options)


def measured(frames: int, size: str) -> dict[str, list[Seconds]]:
    """Let the ways take turns, and give the seconds of their steps, round by round."""
    with tempfile.TemporaryDirectory() as name:
        here = Path(name)
        make_archive(here / "archive", frames)
        with empty("SQLite", here) as sqlite, empty("PostgreSQL", here) as postgresql:
            for location in (sqlite, postgresql):
                with Catalogue(location) as catalogue:
                    catalogue.ingest(here / "archive")
            ways: dict[str, Callable[[], Seconds]] = {
                "one process, SQLite": lambda: one_run(sqlite, here, run()),
                "two workers, SQLite": lambda: one_run(sqlite, here, run(jobs=2), "measuring"),
                "one process, PostgreSQL": lambda: one_run(postgresql, here, run()),
                "ten radii": lambda: one_run(sqlite, here, lambda c: c.radius_test(200, channel=1)),
            }
            found: dict[str, list[Seconds]] = {way: [] for way in ways}
            for _ in range(ROUNDS[size] + (size != "tiny")):
                for way, make in ways.items():
                    found[way].append(make())
    return {way: rounds[size != "tiny" :] for way, rounds in found.items()}


def table(found: dict[str, list[Seconds]], frames: int) -> str:
    """Write the medians in microseconds a frame, as Markdown."""
    medians = {
        way: {step: statistics.median(r[step] for r in rounds) for step in rounds[0]}
        for way, rounds in found.items()
    }
    one, ten = medians["one process, SQLite"], medians.pop("ten radii")
    medians["each further radius"] = {step: (ten[step] - one[step]) / (TEN - 1) for step in one}
    lines = [f"| step | {' | '.join(medians)} |", f"| --- |{' ---: |' * len(medians)}"]
    for way in medians.values():
        way[ALL] = sum(way[step] for step in (*STEPS, REST))
    for step in (*STEPS, REST, ALL, SERVER, PASSED):
        told = (f"{1e6 * way[step] / frames:.0f}" for way in medians.values())
        lines.append(f"| {step} | {' | '.join(told)} |")
    return "\n".join(lines)


def main(words: list[str] | None = None) -> None:
    """Measure, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", choices=SIZES, default="small", help="how much (small)")
    size = parser.parse_args(words).size
    print(table(measured(FRAMES[size], size), FRAMES[size]))


if __name__ == "__main__":
    main()
