"""Pure arithmetic in processes: what two of them can reach on a machine at all.

A module of its own, so that those processes import nothing else.
"""

from __future__ import annotations

from concurrent.futures import ProcessPoolExecutor

from rows import WALL, timed


def add(count: int) -> int:
    """Add numbers, which no disk and hardly any memory takes part in."""
    return sum(i * i for i in range(count))


def speed_of_two(count: int, pool: ProcessPoolExecutor) -> float:
    """Tell how much more two processes of a pool add in a time than one."""
    one = timed(lambda: pool.submit(add, count).result(), WALL)
    both = timed(lambda: list(pool.map(add, [count, count])), WALL)
    return 2 * one / both
