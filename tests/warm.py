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
from multiprocessing import get_context
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
        "iracdb.verify.verifying",
        "psycopg",
        "rich.progress",
        "rich.table",
    ]
)


def carried_out(
    program: str,
    words: Sequence[str],
    folder: Path,
    environment: Mapping[str, str],
    *,
    seconds: float,
) -> subprocess.CompletedProcess[str]:
    """Carry out a program in Python in a new process and session, as ``python -c`` would."""
    with tempfile.TemporaryDirectory() as place:
        paths = [str(Path(place, name)) for name in ("out", "err")]
        process = CONTEXT.Process(
            target=_begin, args=(program, list(words), str(folder), dict(environment), paths)
        )
        process.start()
        try:
            process.join(seconds)
            if process.exitcode is None:
                raise subprocess.TimeoutExpired(list(words), seconds)
            out, err = (Path(path).read_text(encoding="utf-8") for path in paths)
            return subprocess.CompletedProcess(list(words), process.exitcode, out, err)
        finally:
            process.kill()
            process.join()
            process.close()


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
