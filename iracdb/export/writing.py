"""Writing files: all of them or none, never over something else."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path

from iracdb.errors import CannotWrite


def write_files(
    folder: str | Path, contents: Mapping[str, bytes], *, overwrite: bool
) -> list[Path]:
    """Write files into a folder: first all beside their places, then each into its own.

    Parameters
    ----------
    folder : path
        Made where it is not there.
    contents : mapping
        Bytes by file name.
    overwrite : bool
        Whether a file that holds something else may be replaced.

    Returns
    -------
    list of Path
        The files, in order.

    Raises
    ------
    CannotWrite
        Where a file that holds something else is in the way, or the disk is full, or permission
        lacks; nothing is half written then.
    """
    place = Path(folder)
    waiting: list[tuple[str, Path]] = []
    try:
        place.mkdir(parents=True, exist_ok=True)
        for name, content in contents.items():
            if not overwrite:
                check_free(place / name, content)
            waiting.append((_write_beside(place / name, content), place / name))
        for beside, final in waiting:
            os.replace(beside, final)
    except OSError as problem:
        if isinstance(problem, CannotWrite):
            raise
        raise CannotWrite(f"Could not write to {place}: {problem.strerror or problem}") from None
    finally:
        for beside, _ in waiting:
            with contextlib.suppress(OSError):
                os.unlink(beside)
    return [place / name for name in contents]


def check_free(path: Path, content: bytes | None = None) -> None:
    """Make sure that nothing else is in the way.

    Parameters
    ----------
    path : Path
        Where a file shall be written.
    content : bytes, optional
        A file with this very content is not in the way.

    Raises
    ------
    CannotWrite
        Where something else is there.
    """
    if not os.path.lexists(path):
        return
    if content is not None and path.is_file() and path.read_bytes() == content:
        return
    raise CannotWrite(
        f"{path} is there already and holds something else: name another place with --out, "
        "or replace it with --overwrite"
    )


def _write_beside(path: Path, content: bytes) -> str:
    handle, beside = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(content)
        # A file made by mkstemp is the owner's alone; a table is for whoever may read the folder.
        mask = os.umask(0)
        os.umask(mask)
        os.chmod(beside, 0o666 & ~mask)
    except BaseException:
        os.unlink(beside)
        raise
    return beside
