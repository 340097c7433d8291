"""The work that may be done anywhere: read a block of frames, measure it, send the numbers back.

Knows no database. A block's result does not depend on which process makes it, nor on how frames
are cut into blocks.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Protocol, TypeVar

import numpy as np
import numpy.typing as npt

from iracdb.irac.frames import FrameFile, read_pixels, sky_to_pixel
from iracdb.photometry.aperture import Aperture
from iracdb.photometry.centre import centre_named
from iracdb.photometry.measure import (
    Measurement,
    collapse_cube,
    fit_centres,
    measure_fluxes,
)
from iracdb.photometry.sky import sky_named
from iracdb.workers import worker_pool

_Given = TypeVar("_Given")
_Result = TypeVar("_Result")


@dataclass(frozen=True)
class Block:
    """Frames of one shape, and what to measure on them.

    Parameters
    ----------
    frames : tuple of FrameFile
        What to read.
    ra, dec : tuple of float
        Positions of the targets, ICRS degrees; NaN where unknown.
    moved : tuple of ndarray or None
        For each target its ICRS positions at the times of the frames (n, 2), degrees; None for one
        that is not moved.
    apertures : tuple of Aperture
        Radii in pixels; all are laid on the same centres.
    centre, sky : str
        Names of implementations in `iracdb.photometry`.
    """

    frames: tuple[FrameFile, ...]
    ra: tuple[float, ...]
    dec: tuple[float, ...]
    moved: tuple[npt.NDArray[np.float64] | None, ...]
    apertures: tuple[Aperture, ...]
    centre: str
    sky: str


def measure(block: Block) -> list[list[Measurement]]:
    """Read and measure one block.

    Parameters
    ----------
    block : Block
        What to do.

    Returns
    -------
    list of list of Measurement
        For each aperture one a target, each over all frames of the block.

    Raises
    ------
    InputsChanged
        Where a file is not the one that the catalogue knows.
    """
    images = np.stack([_image(frame) for frame in block.frames])
    pixels = np.stack([sky_to_pixel(frame.wcs, block.ra, block.dec) for frame in block.frames])
    centre, sky = centre_named(block.centre), sky_named(block.sky)
    found: list[list[Measurement]] = [[] for _ in block.apertures]
    for target, moved in enumerate(block.moved):
        x, y = pixels[:, target, 0], pixels[:, target, 1]
        motion = None
        if moved is not None:
            at_epoch = pixels[:, target]
            x, y = seen = _on_frames(block.frames, moved).T
            motion = seen - at_epoch.T
        centres = fit_centres(images, x, y, centre=centre)
        for through, aperture in zip(found, block.apertures, strict=True):
            flags, fluxes = measure_fluxes(images, x, y, centres, aperture, sky=sky)
            shift = (None, None) if motion is None else (motion[0], motion[1])
            through.append(Measurement(x, y, centres, fluxes, flags, *shift))
    return found


def _on_frames(
    frames: tuple[FrameFile, ...], positions: npt.NDArray[np.float64]
) -> npt.NDArray[np.float64]:
    """Find where a position of its own falls on each frame."""
    found = [
        sky_to_pixel(frame.wcs, ra, dec)[0]
        for frame, (ra, dec) in zip(frames, positions.tolist(), strict=True)
    ]
    return np.stack(found)


def _image(frame: FrameFile) -> np.ndarray:
    pixels = read_pixels(frame)
    return collapse_cube(pixels) if pixels.ndim == 3 else pixels


class Workers(Protocol):
    """Whatever does such work: this process, others, or a cluster."""

    def each(
        self, function: Callable[[_Given], _Result], items: Iterable[_Given]
    ) -> Iterator[_Result]:
        """Apply a function to items, and give its results in the same order."""
        ...


class ThisProcess:
    """Does one thing after the other, here."""

    def each(
        self, function: Callable[[_Given], _Result], items: Iterable[_Given]
    ) -> Iterator[_Result]:
        """Apply a function to items, in order."""
        return map(function, items)


class Processes:
    """Works in processes of this machine.

    Parameters
    ----------
    pool : concurrent.futures.ProcessPoolExecutor
        From `iracdb.workers.worker_pool`.
    jobs : int
        How many workers it has.
    """

    def __init__(self, pool: ProcessPoolExecutor, jobs: int) -> None:
        self._pool = pool
        self._ahead = 2 * jobs

    def each(
        self, function: Callable[[_Given], _Result], items: Iterable[_Given]
    ) -> Iterator[_Result]:
        """Apply a function to items side by side, a few ahead of the one that is waited for."""
        waiting: deque[Future[_Result]] = deque()
        for item in items:
            waiting.append(self._pool.submit(function, item))
            if len(waiting) > self._ahead:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()


@contextmanager
def workers(jobs: int) -> Iterator[Workers]:
    """Give what does the work, and end it afterwards.

    Parameters
    ----------
    jobs : int
        How many processes; 1 for none but this one.

    Yields
    ------
    Workers
        Ready.
    """
    if jobs <= 1:
        yield ThisProcess()
        return
    with worker_pool(jobs) as pool:
        yield Processes(pool, jobs)
