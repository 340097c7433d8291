"""Reading runs before they are asked for: another process reads while this one writes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from iracdb.published.blocks import ImageBlock, image_blocks
from iracdb.published.digested import digested_images
from iracdb.published.reading import PublishedRun, read_run
from iracdb.runs.digest import digest_images
from iracdb.workers import worker_pool

_WORTH_A_WORKER = 20_000_000
"""Bytes of files that take clearly longer to read than another process to start."""

_AHEAD = 6
"""How many runs are read ahead of the one that is written: memory holds no more."""

Files = dict[str, dict[str, Path]]
"""Paths by role, by the run's name."""


@dataclass(frozen=True)
class ReadRun:
    """All that the files of a run tell by themselves.

    Parameters
    ----------
    published : PublishedRun
        Its tables and its log.
    blocks : list of ImageBlock
        Its images by AOR.
    images_digest : str
        Digest of its image table, hexadecimal.
    """

    published: PublishedRun
    blocks: list[ImageBlock]
    images_digest: str


@contextmanager
def reader(files: Files, jobs: int) -> Iterator[Callable[[str], ReadRun]]:
    """Give what reads a run, and end what it needed.

    Parameters
    ----------
    files : dict
        Paths by role, by the run's name: the runs are to be asked for in this order.
    jobs : int
        How many processes may be at work, this one included.

    Yields
    ------
    callable
        Gives a run by its name, or raises `iracdb.errors.InputRefused`.
    """
    if jobs <= 1 or len(files) == 1 or _size(files) < _WORTH_A_WORKER:
        yield lambda name: read_complete(name, files[name])
        return
    with worker_pool(jobs - 1) as pool:
        yield _Ahead(pool, files).read


def _size(files: Files) -> int:
    there = (path for paths in files.values() for path in paths.values() if path.exists())
    return sum(path.stat().st_size for path in there)


class _Ahead:
    """Reads in worker processes what will be asked for next."""

    def __init__(self, pool: ProcessPoolExecutor, files: Files) -> None:
        self._pool = pool
        self._files = files
        # The first one is read here, while the workers start.
        self._to_come = islice(files, 1, None)
        self._reading: dict[str, Future[ReadRun]] = {}
        self._submit(_AHEAD)

    def _submit(self, count: int) -> None:
        for name in islice(self._to_come, count):
            self._reading[name] = self._pool.submit(read_complete, name, self._files[name])

    def read(self, name: str) -> ReadRun:
        """Give a run."""
        if name not in self._reading:
            return read_complete(name, self._files[name])
        self._submit(1)
        return self._reading.pop(name).result()


def read_complete(name: str, paths: dict[str, Path]) -> ReadRun:
    """Read a run, and which of its images belong together.

    Parameters
    ----------
    name : str
        As its files are called.
    paths : dict
        Its files by role.

    Returns
    -------
    ReadRun
        Complete.

    Raises
    ------
    InputRefused
        Where anything is not as it must be.
    """
    published = read_run(name, paths)
    digest = digest_images(digested_images(published))
    return ReadRun(published, image_blocks(published), digest.sha256)
