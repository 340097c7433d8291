"""A program in a folder of its own, with a time limit, and what it leaves behind."""

from __future__ import annotations

import contextlib
import os
import re
import secrets
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from iracdb.engines.calls import CHANNELS, PARAMETERS, Answer, FloatArray
from iracdb.errors import CannotWrite, EngineFailed

DONE, FAILED = "done.txt", "failed.txt"
INPUT, OUTPUT = "input.txt", "output.txt"

_LAST_BYTES = 20_000
_MOST_SAID = 400
_MOST_PRINTED = 50_000_000
# What IDL and GDL print of what they do, and not of what went wrong.
_CHATTER = re.compile(r"(Compiled module|Execution halted|Error occurred|Loaded DLM|Restored|At)\b")


@dataclass(frozen=True)
class Workshop:
    """A folder for one block, new and empty each time, so that nothing in it can be of another.

    Parameters
    ----------
    folder : pathlib.Path
        Where the program runs.
    token : str
        Random; the program writes it into the file `DONE` as the last thing it does.
    """

    folder: Path
    token: str

    def write(self, name: str, content: bytes | str) -> None:
        """Write a file for the program.

        Parameters
        ----------
        name : str
            Its name.
        content : bytes or str
            What it holds.
        """
        (self.folder / name).write_bytes(
            content if isinstance(content, bytes) else content.encode()
        )

    def text(self, name: str) -> str:
        """Read what the program wrote.

        Parameters
        ----------
        name : str
            Its name.

        Returns
        -------
        str
            The last of it; empty where there is no such file.
        """
        try:
            with (self.folder / name).open("rb") as file:
                file.seek(max(0, os.fstat(file.fileno()).st_size - _LAST_BYTES))
                said = file.read()
        except OSError:
            return ""
        return said.decode("utf-8", "replace").replace(f"{self.folder}/", "")

    def run(
        self, words: Sequence[str | Path], environment: Mapping[str, str], timeout: float, what: str
    ) -> None:
        """Run a program to its end; it reads `INPUT`, if there is one, and writes `OUTPUT`.

        Parameters
        ----------
        words : sequence of str or pathlib.Path
            The program and its arguments.
        environment : mapping of str to str
            All of its environment.
        timeout : float
            Seconds.
        what : str
            Its name, for the user.

        Raises
        ------
        EngineFailed
            Where it cannot be started, does not end in time, prints without end, or does not say
            that it is done.
        """
        given = self.folder / INPUT
        with (
            open(given if given.exists() else os.devnull, "rb") as stdin,
            (self.folder / OUTPUT).open("wb") as output,
        ):
            try:
                process = subprocess.Popen(  # noqa: S603  (the user's own program, no shell)
                    [str(word) for word in words],
                    stdin=stdin, stdout=output, stderr=subprocess.STDOUT,
                    cwd=self.folder, env=dict(environment), start_new_session=True,
                )  # fmt: skip
            except OSError as problem:
                raise EngineFailed(
                    f"{what} cannot be started: {words[0]} ({problem.strerror})"
                ) from problem
            try:
                status = self._ended(process, timeout, what)
            finally:
                # Also where Ctrl-C ends the waiting. It leads a session: its children end too.
                with contextlib.suppress(ProcessLookupError, PermissionError):
                    os.killpg(process.pid, signal.SIGKILL)
                process.wait()
        if self.text(DONE).strip() != self.token:
            raise EngineFailed(f"{what} gave no answer: {self._complaint(status)}")

    def _ended(self, process: subprocess.Popen[bytes], timeout: float, what: str) -> int:
        """Wait for the end, and no longer than is allowed, nor for an endless print."""
        deadline = time.monotonic() + timeout
        while True:
            left = deadline - time.monotonic()
            with contextlib.suppress(subprocess.TimeoutExpired):
                return process.wait(max(0.0, min(left, 1.0)))
            if left <= 0:
                raise EngineFailed(
                    f"{what} was stopped after {timeout:g} seconds without an answer; does the "
                    "IDL source wait for something?"
                )
            if (self.folder / OUTPUT).stat().st_size > _MOST_PRINTED:
                raise EngineFailed(
                    f"{what} was stopped after it had printed {_MOST_PRINTED:,} bytes; does the "
                    "IDL source print without end?"
                )

    def _complaint(self, status: int) -> str:
        """Tell what went wrong: the routine's own message, and what the driver says of it."""
        printed = complaints(self.text(OUTPUT))
        message = " ".join(self.text(FAILED).split())
        # An error of grammar is printed; the message that follows from it says less.
        grammar = [line for line in printed if "syntax error" in line.lower()]
        if grammar:
            found = grammar[:1]
        else:
            found = [line for line in printed[-1:] if line not in message] + [message]
        said = "; ".join(filter(None, found))[:_MOST_SAID]
        return said or f"it ended with status {status} and no message"

    def answer(self, number: int, size: int, what: str) -> Answer:
        """Read what one call gave.

        Parameters
        ----------
        number : int
            Which call, from 0.
        size : int
            How many positions it was given.
        what : str
            The program's name, for the user.

        Returns
        -------
        Answer
            Finite, and of the right size.

        Raises
        ------
        EngineFailed
            Where it is not.
        """
        corrected = self._numbers(f"answer_{number}.f64")
        if corrected is None or corrected.size != size:
            found = "none" if corrected is None else corrected.size
            raise EngineFailed(f"{what} wrote {found} of {size} numbers")
        bad = ~np.isfinite(corrected) | (corrected == 0)
        if bad.any():
            raise EngineFailed(
                f"{what} gave {corrected[bad][0]} as the corrected flux of a star of flux 1, at "
                f"{np.count_nonzero(bad)} of {size} positions"
            )
        coefficients = self._numbers(f"params_{number}.f64")
        if coefficients is not None and coefficients.size == PARAMETERS * CHANNELS:
            return Answer(corrected, coefficients.reshape(CHANNELS, PARAMETERS))
        return Answer(corrected, None)

    def _numbers(self, name: str) -> FloatArray | None:
        path = self.folder / name
        return np.frombuffer(path.read_bytes(), np.float64) if path.is_file() else None


@contextlib.contextmanager
def workshop() -> Iterator[Workshop]:
    """Make a folder, and remove it whatever happens.

    Yields
    ------
    Workshop
        Empty.

    Raises
    ------
    CannotWrite
        Where no folder can be made.
    """
    try:
        folder = tempfile.TemporaryDirectory(prefix="iracdb-", ignore_cleanup_errors=True)
    except OSError as problem:
        raise CannotWrite(
            f"No temporary folder can be made ({problem.strerror}); name a place with TMPDIR"
        ) from problem
    with folder as path:
        yield Workshop(Path(path).resolve(), secrets.token_hex(16))


def complaints(printed: str) -> list[str]:
    """Find what IDL or GDL complains of in what it printed.

    Parameters
    ----------
    printed : str
        All of it.

    Returns
    -------
    list of str
        Its messages without the sign before them, in order; each but once.
    """
    lines = printed.splitlines()
    found = []
    for number, line in enumerate(lines):
        # More than one blank: a line of the trace, that tells where and not what.
        if not re.match(r"% \S", line) or _CHATTER.match(line[2:]):
            continue
        message = line[2:].strip()
        # Where GDL breaks a message, the place comes in a later line.
        place = next((at for at in lines[number + 1 : number + 3] if at.startswith("  At: ")), "")
        found.append(" ".join((message + " " + place).split()))
    return list(dict.fromkeys(found))
