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

from iracdb.flags import CENTROIDING, FATAL_IN_APERTURE, NO_MASK
from iracdb.irac.frames import FrameFile, sky_to_pixels
from iracdb.photometry.aperture import Aperture
from iracdb.photometry.centre import centre_named
from iracdb.photometry.centres import forced_centres
from iracdb.photometry.measure import (
    Fluxes,
    Measurement,
    fit_centres,
    lay_apertures,
    measure_fluxes,
)
from iracdb.photometry.planes import Planes
from iracdb.photometry.sky import sky_named
from iracdb.photometry.warming import compile_all, say
from iracdb.runs.images import BESIDE_APERTURE, FARTHEST_OF_CENTRES, Images, read_images
from iracdb.workers import make_ready, worker_pool

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
    planes : Planes
        How cubes are reduced to images.
    mask_bits : int
        Which bits of a mask are fatal.
    forced : bool
        Whether the apertures are laid where the WCS expects the target.
    """

    frames: tuple[FrameFile, ...]
    ra: tuple[float, ...]
    dec: tuple[float, ...]
    moved: tuple[npt.NDArray[np.float64] | None, ...]
    apertures: tuple[Aperture, ...]
    centre: str
    sky: str
    planes: Planes
    mask_bits: int = 0
    forced: bool = False


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
    systems = [frame.wcs for frame in block.frames]
    at_epoch = sky_to_pixels(systems, block.ra, block.dec)
    expected = at_epoch.copy()
    for target, moved in enumerate(block.moved):
        if moved is not None:
            expected[:, target] = sky_to_pixels(systems, moved[:, :1], moved[:, 1:])[:, 0]
    reach = max(aperture.r_out for aperture in block.apertures) + BESIDE_APERTURE
    images = read_images(
        block.frames, expected[..., 0], expected[..., 1], max(reach, FARTHEST_OF_CENTRES),
        block.planes, block.mask_bits,
    )  # fmt: skip
    centre, sky = centre_named(block.centre), sky_named(block.sky)
    found: list[list[Measurement]] = [[] for _ in block.apertures]
    for target, moved in enumerate(block.moved):
        x, y = expected[images.frame, target].T
        motion = None
        if moved is not None:
            motion = (expected[:, target] - at_epoch[:, target])[images.frame].T
        if block.forced:
            centres = forced_centres(x, y)
        else:
            usable = images.values if images.covered is None else images.covered.usable
            centres = fit_centres(usable, x, y, centre=centre)
        laid = lay_apertures(
            images.values, x, y, centres, block.apertures,
            sky=sky, masked=images.masked, variance=images.variance,
            covered=images.covered, forced=block.forced,
        )  # fmt: skip
        for through, aperture, (flags, fluxes) in zip(found, block.apertures, laid, strict=True):
            _name_fatal_pixels(block, images, x, y, aperture, flags, fluxes)
            flags[images.unmasked] |= NO_MASK
            shift = (None, None) if motion is None else (motion[0], motion[1])
            through.append(Measurement(x, y, centres, fluxes, flags, *shift))
    return found


def _name_fatal_pixels(
    block: Block,
    images: Images,
    x: npt.NDArray[np.float64],
    y: npt.NDArray[np.float64],
    aperture: Aperture,
    flags: npt.NDArray[np.int64],
    fluxes: Fluxes,
) -> None:
    """Give images that have no centre for a masked pixel in the star's core that reason.

    Where the star is, is told by a fit that takes the mask for nothing, or by the WCS; no number
    of the image comes of it but the counts.
    """
    if images.masked is None or images.covered is None:
        return
    lost = np.flatnonzero((flags == CENTROIDING) & images.covered.some)
    if not len(lost):
        return
    values, masked, at_x, at_y = images.values[lost], images.masked[lost], x[lost], y[lost]
    rough = fit_centres(values, at_x, at_y, centre=centre_named(block.centre))
    found = forced_centres(
        np.where(rough.found, rough.x, at_x), np.where(rough.found, rough.y, at_y)
    )
    again, sums = measure_fluxes(
        values, at_x, at_y, found, aperture, sky=sky_named(block.sky), masked=masked
    )
    hit = (again & FATAL_IN_APERTURE) != 0
    flags[lost[hit]] = FATAL_IN_APERTURE
    for name in ("masked_in_aperture", "masked_in_annulus"):
        getattr(fluxes, name)[lost[hit]] = getattr(sums, name)[hit]


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


def ready_soon(jobs: int, team: Workers | None = None) -> None:
    """Let workers get ready while it is planned what they will do.

    Parameters
    ----------
    jobs, team : optional
        As of `workers`.
    """
    if team is None and jobs > 1:
        make_ready("iracdb.runs.ready")


@contextmanager
def workers(jobs: int, team: Workers | None = None) -> Iterator[Workers]:
    """Give what does the work, and end it afterwards.

    Parameters
    ----------
    jobs : int
        How many processes; 1 for none but this one.
    team : Workers, optional
        What does it instead; its owner ends it.

    Yields
    ------
    Workers
        Ready.
    """
    if team is not None:
        # Or each worker of a cluster on this machine would compile the same.
        compile_all(say)
        yield team
        return
    if jobs <= 1:
        compile_all(say)
        yield ThisProcess()
        return
    ready_soon(jobs)
    with worker_pool(jobs, ready=True) as pool:
        yield Processes(pool, jobs)
