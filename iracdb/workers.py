"""Worker processes: started apart, ended with the work, deaf to Ctrl-C."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing import get_context


@contextmanager
def worker_pool(jobs: int) -> Iterator[ProcessPoolExecutor]:
    """Give worker processes, and end them afterwards.

    Parameters
    ----------
    jobs : int
        How many.

    Yields
    ------
    concurrent.futures.ProcessPoolExecutor
        Its processes are started.
    """
    # Not forked: a database connection must not be shared with a child.
    pool = ProcessPoolExecutor(jobs, mp_context=get_context("spawn"), initializer=_ignore_interrupt)
    try:
        # A process that is still starting cannot ignore anything yet, but inherits what is
        # blocked. Each is started by a task that finds no other idle.
        before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        try:
            for _ in range(jobs):
                pool.submit(_start)
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
        yield pool
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _ignore_interrupt() -> None:
    """Leave Ctrl-C, which reaches every process, to the one that started them."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def _start() -> None:
    """Do nothing: what matters is the process it is done in."""
