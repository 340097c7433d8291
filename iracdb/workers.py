"""Worker processes: started apart, ended with the work, deaf to Ctrl-C.

Those that need much before they can begin are forked from a process that has it already, and that
stays for the next time. None is forked from this one: a database connection must not be shared
with a child.
"""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing import forkserver, get_context
from threading import Lock
from types import ModuleType

_STARTING = Lock()


def make_ready(module: str) -> None:
    """Begin to import a module where workers will be forked, and do not wait for it.

    Parameters
    ----------
    module : str
        Its name; one module in a process's life.
    """
    # As with workers: Ctrl-C, while it imports, is not for it.
    with _interrupts_blocked(), _main_left_alone():
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
        with _interrupts_blocked(), _main_left_alone():
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


@contextmanager
def _main_left_alone() -> Iterator[None]:
    """Start processes that do not carry out the user's script once more.

    They would, to find what it defines; nothing of it is ever asked of them, and a script that does
    not begin with ``if __name__ == "__main__"`` would start workers of its own in each.
    """
    # One after the other: a second thread would keep the first one's stand-in for the script.
    with _STARTING:
        main = sys.modules["__main__"]
        sys.modules["__main__"] = ModuleType("__main__")
        try:
            yield
        finally:
            sys.modules["__main__"] = main


def _ignore_interrupt() -> None:
    """Leave Ctrl-C, which reaches every process, to the one that started them."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def _start() -> None:
    """Do nothing: what matters is the process it is done in."""
