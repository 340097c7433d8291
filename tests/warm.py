"""Processes that begin at once: forked by a server that has imported everything already.

A new Python takes seconds of the processor to import what a command needs, and many tests need a
process of their own: one that can be killed, or one that shares nothing with the tests'. The
server is multiprocessing's; what it forks has run nothing of ours before.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from multiprocessing import forkserver, get_context
from pathlib import Path

CONTEXT = get_context("forkserver")
CONTEXT.set_forkserver_preload(
    [
        "iracdb.api",
        "iracdb_cli.main",
        "iracdb_cli.measuring",
        "iracdb_cli.published",
        "iracdb.catalogue.ingest",
        "iracdb.export.study_files",
        "iracdb.published.ahead",
        "iracdb.runs.execute",
        "iracdb.runs.ready",
        "iracdb.verify.verifying",
        "psycopg",
        "rich.progress",
        "rich.table",
    ]
)


def _leave_it(modules_names: list[str]) -> None:
    """`iracdb.workers.make_ready` would put one of these modules in the place of all."""


forkserver.set_forkserver_preload = _leave_it


def carried_out(
    program: str,
    words: Sequence[str],
    folder: Path,
    environment: Mapping[str, str],
    *,
    seconds: float,
) -> subprocess.CompletedProcess[str]:
    """Carry out a program in Python in a new process and session, as ``python -c`` would."""
    with Begun(program, words, folder, environment) as process:
        status = process.wait(seconds)
        return subprocess.CompletedProcess(list(words), status, *process.said())


class Begun:
    """A program in Python that is carried out in a new process and session; killed at the end.

    Parameters
    ----------
    program : str
        Its text.
    words : sequence of str
        Its arguments.
    folder : pathlib.Path
        Where it runs.
    environment : mapping
        All of it.
    """

    def __init__(
        self, program: str, words: Sequence[str], folder: Path, environment: Mapping[str, str]
    ) -> None:
        self._words = list(words)
        self._place = tempfile.TemporaryDirectory()
        self._paths = [str(Path(self._place.name, name)) for name in ("out", "err")]
        given = (program, self._words, str(folder), dict(environment), self._paths)
        self._process = CONTEXT.Process(target=_begin, args=given)
        self._process.start()

    @property
    def status(self) -> int | None:
        """Its exit status; None while it runs."""
        return self._process.exitcode

    def wait(self, seconds: float) -> int:
        """Wait for its end, and give its exit status."""
        self._process.join(seconds)
        if self.status is None:
            raise subprocess.TimeoutExpired(self._words, seconds)
        return self.status

    def said(self) -> list[str]:
        """Read what it has written, to both streams."""
        return [Path(path).read_text(encoding="utf-8") for path in self._paths]

    def kill(self) -> None:
        """Kill it."""
        self._process.kill()

    def __enter__(self) -> Begun:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.join()
        self._process.close()
        self._place.cleanup()


def _begin(
    program: str, words: list[str], folder: str, environment: dict[str, str], paths: list[str]
) -> None:
    os.setsid()
    # Whoever began the server may have held Ctrl-C back, as those do who begin workers.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
    for number, path in enumerate(paths, start=1):
        opened = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        os.dup2(opened, number)
        os.close(opened)
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    sys.argv = ["-c", *words]
    exec(compile(program, "<string>", "exec"), {"__name__": "__main__"})
