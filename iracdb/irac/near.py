"""Blocks of frames of which only what is near the stars is read.

An aperture touches a fortieth of a full-array frame. The other rows need not come from the disk,
nor the other pixels of these rows be brought to double precision.
"""

from __future__ import annotations

import math
import os
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from iracdb.irac.frames import FrameFile, check_unchanged, read_pixels, unreadable

FloatArray = npt.NDArray[np.float64]

_PIXEL = np.dtype(">f4")


Window = tuple[int, int, int, int]


class NearBlocks:
    """Room for a block of frames of one shape, used for one block after the other.

    Whatever is not read is NaN: neither an earlier block nor an earlier frame shows through.

    Parameters
    ----------
    most : int
        Frames that a block may have.
    shape : tuple of int
        The frames' (rows, columns).
    """

    def __init__(self, most: int, shape: tuple[int, int]) -> None:
        self._images = np.full((most, *shape), np.nan)
        self._filled: list[Window] = [(0, 0, 0, 0)] * most
        self._raw = bytearray(shape[0] * shape[1] * _PIXEL.itemsize)

    def read(
        self, frames: Sequence[FrameFile], x: FloatArray, y: FloatArray, reach: float
    ) -> FloatArray:
        """Read what is near each frame's stars.

        Parameters
        ----------
        frames : sequence of FrameFile
            No more than there is room for, each of one plane.
        x, y : numpy.ndarray
            Where the stars are expected (n, m), for m stars on each frame; NaN asks for nothing.
        reach : float
            How far from the stars is read, in pixels along x and y.

        Returns
        -------
        numpy.ndarray
            The frames (n, rows, columns) in their unit, valid until the next call; NaN where a
            pixel has no value, and wherever is farther than `reach` from all stars.

        Raises
        ------
        InputsChanged
            Where a file is not there, cannot be read, or has another size or time than it had.
        """
        rows, columns = self._images.shape[1:]
        for k, (frame, x_k, y_k) in enumerate(zip(frames, x.tolist(), y.tolist(), strict=True)):
            first, last, left, right = self._filled[k]
            self._images[k, first:last, left:right] = np.nan
            window = (*_near(y_k, reach, rows), *_near(x_k, reach, columns))
            # Noted before it is filled: an error may come between.
            self._filled[k] = window
            self._fill(frame, self._images[k], window)
        return self._images[: len(frames)]

    def _fill(self, frame: FrameFile, image: FloatArray, window: Window) -> None:
        first, last, left, right = window
        near = image[first:last, left:right]
        if frame.bitpix != -32 or frame.scaled:
            near[:] = read_pixels(frame)[first:last, left:right]
            return
        line = image.shape[1] * _PIXEL.itemsize
        raw = memoryview(self._raw)[: (last - first) * line]
        try:
            descriptor = os.open(frame.path, os.O_RDONLY | os.O_CLOEXEC)
            try:
                check_unchanged(frame, os.fstat(descriptor))
                read = os.preadv(descriptor, [raw], frame.data_offset + first * line)
                check_unchanged(frame, os.fstat(descriptor))
            finally:
                os.close(descriptor)
        except OSError as problem:
            raise unreadable(frame, problem) from None
        # A file of the size that it had gives all that is asked for, or its disk is failing.
        if read != len(raw):
            raise unreadable(frame, OSError(f"{len(raw) - read} bytes are missing"))
        lines = np.frombuffer(raw, dtype=_PIXEL).reshape(last - first, image.shape[1])
        near[:] = lines[:, left:right]


def _near(at: list[float], reach: float, size: int) -> tuple[int, int]:
    """Give the first pixel of an axis and the one after the last; none where no star is near."""
    on_it = [place for place in at if -reach <= place <= size + reach]
    if not on_it:
        return 0, 0
    first, last = math.floor(min(on_it) - reach), math.ceil(max(on_it) + reach) + 1
    return min(max(first, 0), size), max(min(last, size), 0)
