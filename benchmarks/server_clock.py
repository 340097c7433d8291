"""Seconds at work of this process and of all processes of a PostgreSQL server on this machine.

A server is not waited for as a child is; what its processes do is read from what Linux tells of
them. What waits, for a disk or for a processor that others use, is not counted.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import psycopg
from rows import at_work

TICKS = os.sysconf("SC_CLK_TCK")


class Clock:
    """Seconds at work of this process and of a server, by what Linux tells of its processes.

    Parameters
    ----------
    location : str
        A database of it, whose user may read the server's files; or a path: then there is none.
    """

    def __init__(self, location: str) -> None:
        self._server: int | None = None
        if "://" in location:
            with psycopg.connect(location) as connection:
                told = connection.execute("SELECT pg_read_file('postmaster.pid')").fetchone()
            assert told is not None
            self._server = int(told[0].split()[0])

    def seconds(self, work: Callable[[], object], times: int = 1) -> float:
        """Do something a number of times, and give the seconds of one."""
        begun = self.so_far()
        for _ in range(times):
            work()
        return (self.so_far() - begun) / times

    def so_far(self) -> float:
        """Seconds at work since each of them began."""
        if self._server is None:
            return at_work()
        # What has ended is the keeper's, what has not is its own.
        told = {pid: _stat(pid) for pid in os.listdir("/proc") if pid.isdigit()}
        server = told[str(self._server)]
        if server is None:
            raise SystemExit("the server has ended")
        ticks = sum(server[11:15]) + sum(
            sum(stat[11:13]) for stat in told.values() if stat and stat[1] == self._server
        )
        return at_work() + ticks / TICKS


def _stat(pid: str) -> list[int] | None:
    """Read the numbers that Linux tells of a process, from the third on; the state is 0."""
    try:
        line = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return None
    return [0, *map(int, line.rpartition(")")[2].split()[1:])]
