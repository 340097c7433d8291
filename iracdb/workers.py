"""Worker processes: started apart, ended with the work, deaf to Ctrl-C.

Those that need much before they can begin are forked from a process that has it already, and that
stays for the next time. None is forked from this one: a database connection must not be shared
with a child.
"""

from __future__ import annotations

import signal
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing import forkserver, get_context


def make_ready(module: str) -> None:
    """Begin to import a module where workers will be forked, and do not wait for it.

    Parameters
    ----------
    module : str
        Its name; one module in a process's life.
    """
    # As with workers: Ctrl-C, while it imports, is not for it.
    with _interrupts_blocked():
        forkserver.set_forkserver_preload([module])
        forkserver.ensure_running()


@contextmanager
def worker_pool(jobs: int, *, ready: bool = False) -> Iterator[ProcessPoolExecutor]:
    """Give worker processes, and end them afterwards.

    Parameters
    ----------
    jobs : int
        How many.
    ready : bool, optional
        Whether they have what `make_ready` imported; else each begins with nothing.

    Yields
    ------
    concurrent.futures.ProcessPoolExecutor
        Its processes are started.
    """
    context = get_context("forkserver" if ready else "spawn")
    pool = ProcessPoolExecutor(jobs, mp_context=context, initializer=_ignore_interrupt)
    try:
        # A process that is still starting cannot ignore anything yet, but inherits what is
        # blocked. Each is started by a task that finds no other idle.
        with _interrupts_blocked():
            for _ in range(jobs):
                pool.submit(_start)
        yield pool
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


@contextmanager
def _interrupts_blocked() -> Iterator[None]:
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _ignore_interrupt() -> None:
    """Leave Ctrl-C, which reaches every process, to the one that started them."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def _start() -> None:
    """Do nothing: what matters is the process it is done in."""
