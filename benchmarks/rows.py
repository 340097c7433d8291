"""The frame of all benchmarks: what a row of the table is, how pairs are timed, how it is told.

Two ways of one thing take turns in one process, the order changing from round to round, so that
whatever else the machine does falls on both. A round gives one ratio; a row tells the median of
them, the lowest and the highest. Machines differ, so that seconds alone would say little.
"""

from __future__ import annotations

import argparse
import json
import resource
import statistics
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

Way = Callable[[], float]
"""Does the work once, and gives the seconds that it took: what comes before is not counted."""

SIZES = ("tiny", "small", "full")
"""Tiny proves that a benchmark runs, small is for `make bench`, full for `make bench-full`."""

ROUNDS = {"tiny": 1, "small": 5, "full": 5}

PROCESSOR, WALL = "processor", "wall"
"""Clocks: time at work of this process and those that it waited for, and time that passed."""

RESULTS = Path(__file__).parent / "results" / "latest.json"


@dataclass(frozen=True)
class Row:
    """One line of the table.

    Parameters
    ----------
    what : str
        What is measured, and on how much.
    against : str
        What it is held to; empty where the goal is no ratio.
    goal : float or None
        What is to be reached; None where the row only stands beside another.
    rounds : sequence of float
        What each round reached; empty where nothing could be measured.
    clock : str
        By which clock: `PROCESSOR` or `WALL`; for memory, "-".
    at_most : bool, optional
        Whether less is better.
    unit : str, optional
        Of the numbers; by default they are ratios.
    why : str, optional
        A sentence: what stands in the way where the goal is not reached.
    """

    what: str
    against: str
    goal: float | None
    rounds: Sequence[float]
    clock: str
    at_most: bool = False
    unit: str = ""
    why: str = ""

    @property
    def reached(self) -> float | None:
        """The median of the rounds."""
        return statistics.median(self.rounds) if self.rounds else None

    @property
    def low(self) -> float | None:
        """The lowest of the rounds."""
        return min(self.rounds, default=None)

    @property
    def high(self) -> float | None:
        """The highest of the rounds."""
        return max(self.rounds, default=None)

    @property
    def met(self) -> bool | None:
        """Whether the goal is reached; None where there is none."""
        if self.goal is None:
            return None
        if self.reached is None:
            return False
        return self.reached <= self.goal if self.at_most else self.reached >= self.goal

    @property
    def why_not(self) -> str:
        """What stands in the way; empty where the goal is reached."""
        return self.why if self.met is False else ""

    def as_json(self) -> dict[str, Any]:
        """Give what is kept of it."""
        told = ("what", "against", "reached", "goal", "at_most", "unit", "met", "low", "high")
        return {name: getattr(self, name) for name in (*told, "clock", "why_not")}


def at_work() -> float:
    """Seconds that this process, and those that it waited for, were at work."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(each.ru_utime + each.ru_stime for each in used)


def peak_memory() -> int:
    """Bytes that this process held at most.

    Linux tells of a process as getrusage does what the one held that started it, if that was more.
    """
    status = Path("/proc/self/status")
    if status.exists():
        told = dict(line.split(":", 1) for line in status.read_text().splitlines() if ":" in line)
        return int(told["VmHWM"].split()[0]) * 1024
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


CLOCKS = {PROCESSOR: at_work, WALL: time.perf_counter}


def timed(work: Callable[[], object], clock: str = PROCESSOR, times: int = 1) -> float:
    """Do something a number of times, and give the seconds of one."""
    read = CLOCKS[clock]
    begun = read()
    for _ in range(times):
        work()
    return (read() - begun) / times


def turns(ways: Mapping[str, Way], size: str, *, warm: bool = True) -> dict[str, list[float]]:
    """Let ways take turns.

    Parameters
    ----------
    ways : mapping
        What is timed, by name.
    size : str
        Of `SIZES`: how many rounds.
    warm : bool, optional
        Whether a round before them, which is not counted, fills the caches of disk and libraries.

    Returns
    -------
    dict
        Seconds of each round.
    """
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    first = 1 if warm and size != "tiny" else 0
    for number in range(ROUNDS[size] + first):
        for name in ways if number % 2 else reversed(ways):
            seconds[name].append(ways[name]())
    return {name: found[first:] for name, found in seconds.items()}


def ratios(some: Iterable[float], others: Iterable[float]) -> list[float]:
    """Divide, round by round; a clock that did not move counts as its finest step."""
    return [one / max(other, 1e-6) for one, other in zip(some, others, strict=True)]


def number(value: float | None) -> str:
    """Write a number in three digits."""
    if value is None:
        return "-"
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def show(found: Sequence[Row]) -> None:
    """Print rows as a table, and below it why goals are not reached."""
    from rich.console import Console
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    table.add_column("what", overflow="fold", ratio=3)
    table.add_column("against", overflow="fold", ratio=2)
    for name in ("reached", "low", "high", "goal"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("met")
    table.add_column("clock")
    met = {True: "yes", False: "NO", None: ""}
    for row in found:
        unit = f" {row.unit}" if row.unit else ""
        sign = "under " if row.at_most else ""
        goal = "" if row.goal is None else f"{sign}{number(row.goal)}{unit}"
        numbers = (number(row.reached) + unit, number(row.low), number(row.high))
        table.add_row(row.what, row.against, *numbers, goal, met[row.met], row.clock)
    console = Console(width=None if sys.stdout.isatty() else 120)
    console.print(table)
    for row in found:
        if row.why_not:
            console.print(f"\n{row.what}: {row.why_not}", highlight=False)


def write(found: Sequence[Row], place: Path = RESULTS) -> None:
    """Write rows as a list of objects."""
    place.parent.mkdir(parents=True, exist_ok=True)
    text = json.dumps([row.as_json() for row in found], indent=1, ensure_ascii=False)
    place.write_text(f"{text}\n", encoding="utf-8")


def alone(rows: Callable[[str], list[Row]], about: str | None) -> None:
    """Measure one family, from the command line, and print its rows."""
    parser = argparse.ArgumentParser(description=about)
    parser.add_argument("--size", choices=SIZES, default="small", help="how much (small)")
    show(rows(parser.parse_args().size))
