"""What several tests use: small frames, catalogues compared, commands carried out."""

from __future__ import annotations

import contextlib
import io
import os
import subprocess
import sys
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from iracdb_cli.main import main
from sqlalchemy import select
from warm import carried_out

from iracdb.catalogue import tables as t
from iracdb.catalogue.database import Database
from iracdb.irac.simulate import FrameSpec, companions, file_path, simulate_frame
from iracdb.irac.simulate.cards import fits_bytes

AORKEY = 90_000_000


def spec(**changes: Any) -> FrameSpec:
    """Say what a small frame is to be: a subarray of channel 2, without noise."""
    return FrameSpec(**({"channel": 2, "subarray": True, "noise": False} | changes))


def fits_of(frame: FrameSpec, kind: str = "sub2d") -> bytes:
    """Make the bytes of a frame's file; a sub2d is the smallest that can be measured."""
    cards, image = simulate_frame(frame)
    if kind != "bcd":
        cards, image = companions(frame, image)[kind]
    return fits_bytes(cards, image)


def put(folder: Path, frame: FrameSpec, kind: str = "sub2d", content: bytes | None = None) -> Path:
    """Write a frame's file where the archive keeps it, with its own content or another."""
    path = file_path(folder, frame.name(kind))
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(fits_of(frame, kind) if content is None else content)
    return path


def with_card(content: bytes, keyword: str, card: bytes) -> bytes:
    """Replace the card of a keyword by other 80 bytes."""
    assert len(card) <= 80
    start = content.index(f"{keyword:<8}=".encode())
    assert start % 80 == 0
    return content[:start] + card.ljust(80) + content[start + 80 :]


def many_files(folder: Path, number: int, **changes: Any) -> list[Path]:
    """Write many small files, one an exposure, alike but for EXPID."""
    first = fits_of(spec(**changes))
    paths = []
    for expid in range(number):
        content = with_card(first, "EXPID", f"EXPID   = {expid:>20}".encode())
        paths.append(put(folder, spec(expid=expid, **changes), content=content))
    return paths


def facts(database: Database) -> dict[str, list[Any]]:
    """Write down what a catalogue holds of frames and files, without numbers and times of its own.

    Where files lie is left out: see `places`.
    """
    frame, file, header = t.frame, t.file, t.header
    identity = [frame.c.channel, frame.c.aorkey, frame.c.expid, frame.c.dcenum]
    own = {"id", "frame_id", "first_seen"}
    with database.read() as connection:
        rows = {
            "aor": connection.execute(select(t.aor)).all(),
            "frame": connection.execute(
                select(*(column for column in frame.c if column.name not in own))
            ).all(),
            "file": connection.execute(
                select(*identity, *(column for column in file.c if column.name not in own)).join(
                    frame, frame.c.id == file.c.frame_id
                )
            ).all(),
            "header": [
                (row.sha256, zlib.decompress(row.verbatim), row.cards)
                for row in connection.execute(
                    select(file.c.sha256, header.c.verbatim, header.c.cards).join(
                        file, file.c.id == header.c.file_id
                    )
                )
            ],
        }
    return {name: sorted((tuple(row) for row in found), key=repr) for name, found in rows.items()}


def places(database: Database) -> dict[str, tuple[str, bool]]:
    """Tell what content was last seen where, and whether it is there: (hash, present) by path."""
    query = select(t.file_location.c.path, t.file.c.sha256, t.file_location.c.present).join(
        t.file, t.file.c.id == t.file_location.c.file_id
    )
    with database.read() as connection:
        return {row.path: (row.sha256, row.present) for row in connection.execute(query)}


def problems(database: Database) -> dict[str, tuple[str, str, bool]]:
    """Tell what was set aside: (code, sentence, whether it is settled) by path."""
    with database.read() as connection:
        return {
            row.path: (row.code, row.message, row.resolved_at is not None)
            for row in connection.execute(select(t.file_problem))
        }


def outcomes(report: Any) -> dict[str, int]:
    """Tell how many files came to each outcome, without the zeros."""
    return {kind: count for kind, count in report.counts.items() if count}


def iracdb(
    *arguments: str | os.PathLike[str], before: str = "", cwd: Path, **options: Any
) -> subprocess.CompletedProcess[str]:
    """Carry out a command, in a process of its own where it must be one.

    It must where lines of Python go before it, or where it is told how to start.
    """
    words = list(map(os.fspath, arguments))
    environment = {k: v for k, v in os.environ.items() if k != "IRACDB_DATABASE_URL"}
    if not before and not options:
        return in_this_process(words, cwd, environment)
    program = f"import sys\n{before}\nfrom iracdb_cli.main import main\nsys.exit(main())"
    if options.keys() <= {"start_new_session"}:
        return carried_out(program, words, cwd, environment, seconds=120)
    return subprocess.run(
        [sys.executable, "-c", program, *words],
        **({"capture_output": True, "text": True, "cwd": cwd, "env": environment, "timeout": 120}
           | options),
    )  # fmt: skip


def in_this_process(
    words: Sequence[str], folder: Path, environment: Mapping[str, str], *, together: bool = False
) -> subprocess.CompletedProcess[str]:
    """Carry out a command as a process would, without the second that one takes to start.

    With ``together`` both streams go where the one goes, in the order of writing.
    """
    out = io.TextIOWrapper(io.BytesIO(), encoding="utf-8", write_through=True)
    err = out if together else io.TextIOWrapper(io.BytesIO(), encoding="utf-8", write_through=True)
    with pytest.MonkeyPatch.context() as patch, contextlib.chdir(folder):
        patch.setattr(sys, "argv", ["iracdb", *words])
        for name in os.environ.keys() - environment.keys():
            patch.delenv(name)
        for name, value in environment.items():
            patch.setenv(name, value)
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            status = main()
    said = [stream.buffer.getvalue().decode() for stream in (out, err)]
    return subprocess.CompletedProcess(words, status, said[0], None if together else said[1])
