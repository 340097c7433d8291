"""Workers of a Dask cluster that is there already: the same results, made elsewhere.

Files are reached by the paths that the catalogue knows, so the cluster must share them. One that
is lost in the middle costs the blocks it had: Dask gives them to another.
"""

from __future__ import annotations

import hashlib
import logging
import socket
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import CancelledError, Future
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from typing import Any, TypeVar

from iracdb.errors import RunRefused, UsageError, WorkersLost
from iracdb.runs.measuring import Workers
from iracdb.runs.software import Software, this_software

SECONDS_TO_REACH = 10.0
"""Until a scheduler must have answered, and have a worker."""

_AHEAD = 3
"""Blocks a thread of the cluster: one in work, and some on their way."""

_Given = TypeVar("_Given")
_Result = TypeVar("_Result")


class DaskWorkers:
    """Works in the processes of a Dask cluster.

    Parameters
    ----------
    address : str
        The scheduler's, such as ``tcp://10.0.0.1:8786``.
    seconds : float, optional
        Until it must have answered, and have a worker.

    Raises
    ------
    UsageError
        Where Dask is not installed, nobody answers, or the scheduler has no workers.
    """

    def __init__(self, address: str, seconds: float = SECONDS_TO_REACH) -> None:
        try:
            # Not in this module's imports: an extra, and half a second.
            from distributed import Client
        except ModuleNotFoundError:
            raise UsageError(
                "A Dask scheduler needs the package distributed: pip install 'iracdb[dask]'"
            ) from None
        self._address = address
        self._software = _brief(this_software())
        # What it has to say of a scheduler that is lost is told as an error, in one sentence.
        logging.getLogger("distributed.client").setLevel(logging.CRITICAL)
        try:
            self._client = _within(
                seconds + 1, partial(Client, address, timeout=seconds, set_as_default=False)
            )
        except Exception as problem:  # whatever listens there may answer anything
            said = " ".join(str(problem).split()).rstrip(".")
            raise UsageError(
                f"No Dask scheduler can be reached at {address} ({said}): start one with "
                "'dask scheduler', and give its address, such as tcp://10.0.0.1:8786"
            ) from None
        try:
            self._client.wait_for_workers(1, timeout=seconds)
        except TimeoutError:
            self.close()
            raise UsageError(
                f"The Dask scheduler at {address} has no workers: start some with "
                f"'dask worker {address}'"
            ) from None

    def each(
        self, function: Callable[[_Given], _Result], items: Iterable[_Given]
    ) -> Iterator[_Result]:
        """Apply a function to items on the cluster, a few ahead of the one that is waited for.

        Parameters
        ----------
        function : callable
            Of a module that the workers have too.
        items : iterable
            What to apply it to.

        Yields
        ------
        object
            The results, in the order of the items.

        Raises
        ------
        WorkersLost
            Where the scheduler is lost, or a block ends one worker after the other.
        RunRefused
            Where a worker has other software.
        """
        ahead = _AHEAD * max(1, sum(self._client.nthreads().values()))
        waiting: deque[Any] = deque()
        for item in items:
            if self._client.status == "closed":
                raise self._lost()
            # Not pure: a result is never taken from an earlier call, since files may change.
            waiting.append(self._client.submit(_apply, self._software, function, item, pure=False))
            if len(waiting) > ahead:
                yield self._result(waiting.popleft())
        while waiting:
            yield self._result(waiting.popleft())

    def _result(self, future: Any) -> Any:
        from distributed import KilledWorker
        from distributed.comm.core import CommClosedError

        try:
            return future.result()
        except KilledWorker:
            raise WorkersLost(
                f"A block of frames ended several workers of {self._address}, one after the other: "
                "see what they say, such as that memory is short. What is measured so far is kept"
            ) from None
        except (CancelledError, CommClosedError):
            raise self._lost() from None

    def _lost(self) -> WorkersLost:
        return WorkersLost(
            f"The Dask scheduler at {self._address} was lost: repeat the command when it is "
            "there again. What is measured so far is kept"
        )

    def close(self) -> None:
        """Leave the cluster; what it still works at for this process is dropped."""
        self._client.close()


@contextmanager
def cluster(address: str | None, jobs: int = 1) -> Iterator[Workers | None]:
    """Give the workers of a cluster, and leave it afterwards.

    Parameters
    ----------
    address : str or None
        The scheduler's; None for no cluster.
    jobs : int, optional
        Processes of this machine that were asked for.

    Yields
    ------
    Workers or None
        None without an address.

    Raises
    ------
    UsageError
        Where it cannot be reached, or processes are asked for too.
    """
    if address is None:
        yield None
        return
    if jobs > 1:
        raise UsageError("Give a scheduler or jobs, not both: the cluster has workers of its own")
    team = DaskWorkers(address)
    try:
        yield team
    finally:
        team.close()


def _within(seconds: float, function: Callable[[], Any]) -> Any:
    """Call a function, but wait no longer: Dask's own limit does not hold where nobody speaks."""
    outcome: Future[Any] = Future()

    def call() -> None:
        try:
            outcome.set_result(function())
        except BaseException as problem:
            outcome.set_exception(problem)

    threading.Thread(target=call, daemon=True).start()
    try:
        return outcome.result(seconds)
    except TimeoutError:
        raise TimeoutError(f"no answer in {seconds:.0f} s") from None


def _apply(software: Software, function: Callable[[_Given], _Result], item: _Given) -> _Result:
    """Apply a function on a worker; other software might give other bits than the run records."""
    differences = software.differences(_brief(this_software()))
    if differences:
        told = "; ".join(f"{name} is {there}, here {here}" for name, here, there in differences)
        raise RunRefused(
            f"The worker on {socket.gethostname()} has other software: {told}. Install the same "
            "on all workers"
        )
    return function(item)


def _brief(software: Software) -> Software:
    """Leave out the text of uncommitted changes, which would go with every block."""
    if software.git_changes is None:
        return software
    return replace(software, git_changes=hashlib.sha256(software.git_changes.encode()).hexdigest())
