"""Blocks of frames of which only what is near the stars is read.

An aperture touches a fortieth of a full-array frame. The other rows need not come from the disk,
nor the other pixels of these rows be brought to double precision.
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from iracdb.irac.frames import DTYPES, FrameFile, check_unchanged, read_pixels, unreadable

FloatArray = npt.NDArray[np.float64]

Change = Callable[[npt.NDArray[Any]], npt.NDArray[Any]]

Window = tuple[int, int, int, int]

_NOTHING: Window = (0, 0, 0, 0)


class NearBlocks:
    """Room for a block of frames of one shape, used for one block after the other.

    Whatever is not read is empty: neither an earlier block nor an earlier frame shows through.

    Parameters
    ----------
    most : int
        Frames that a block may have.
    shape : tuple of int
        The frames' (rows, columns).
    empty : float or bool, optional
        What a pixel is that is not read; it tells the pixels' type, too.
    """

    def __init__(self, most: int, shape: tuple[int, int], empty: float | bool = np.nan) -> None:
        self._images: npt.NDArray[Any] = np.full((most, *shape), empty)
        self._empty = empty
        self._filled: list[Window] = [_NOTHING] * most
        self._raw = bytearray(shape[0] * shape[1] * 8)

    def read(
        self,
        frames: Sequence[FrameFile | None],
        x: FloatArray,
        y: FloatArray,
        reach: float,
        change: Change | None = None,
    ) -> npt.NDArray[Any]:
        """Read what is near each frame's stars.

        Parameters
        ----------
        frames : sequence of FrameFile or None
            No more than there is room for, each of one plane; None for one that is not there.
        x, y : numpy.ndarray
            Where the stars are expected (n, m), for m stars on each frame; NaN asks for nothing.
        reach : float
            How far from the stars is read, in pixels along x and y.
        change : callable, optional
            What is made of the pixels read.

        Returns
        -------
        numpy.ndarray
            The frames (n, rows, columns) in their unit, valid until the next call; NaN where a
            pixel has no value, and empty wherever is farther than `reach` from all stars.

        Raises
        ------
        InputsChanged
            Where a file is not there, cannot be read, or has another size or time than it had.
        """
        rows, columns = self._images.shape[1:]
        for k, (frame, x_k, y_k) in enumerate(zip(frames, x.tolist(), y.tolist(), strict=True)):
            window = _NOTHING
            if frame is not None:
                window = (*_near(y_k, reach, rows), *_near(x_k, reach, columns))
            if window != self._filled[k]:
                first, last, left, right = self._filled[k]
                self._images[k, first:last, left:right] = self._empty
            if frame is None:
                self._filled[k] = _NOTHING
                continue
            # Noted before it is filled: an error may come between.
            self._filled[k] = window
            self._fill(frame, self._images[k], window, change)
        return self._images[: len(frames)]

    def _fill(
        self, frame: FrameFile, image: npt.NDArray[Any], window: Window, change: Change | None
    ) -> None:
        first, last, left, right = window
        pixels = self._pixels(frame, first, last, image.shape[1])[:, left:right]
        image[first:last, left:right] = pixels if change is None else change(pixels)

    def _pixels(self, frame: FrameFile, first: int, last: int, width: int) -> npt.NDArray[Any]:
        """Give whole rows of a frame."""
        if frame.bitpix not in DTYPES or frame.scaled:
            return read_pixels(frame)[first:last]
        kind = np.dtype(DTYPES[frame.bitpix])
        line = width * kind.itemsize
        raw = memoryview(self._raw)[: (last - first) * line]
        try:
            descriptor = os.open(frame.path, os.O_RDONLY | os.O_CLOEXEC)
            try:
                read = os.preadv(descriptor, [raw], frame.data_offset + first * line)
                # Once, and afterwards: this also finds what had changed before.
                check_unchanged(frame, os.fstat(descriptor))
            finally:
                os.close(descriptor)
        except OSError as problem:
            raise unreadable(frame, problem) from None
        # A file of the size that it had gives all that is asked for, or its disk is failing.
        if read != len(raw):
            raise unreadable(frame, OSError(f"{len(raw) - read} bytes are missing"))
        return np.frombuffer(raw, dtype=kind).reshape(last - first, width)


def _near(at: list[float], reach: float, size: int) -> tuple[int, int]:
    """Give the first pixel of an axis and the one after the last; none where no star is near."""
    on_it = [place for place in at if -reach <= place <= size + reach]
    if not on_it:
        return 0, 0
    first, last = math.floor(min(on_it) - reach), math.ceil(max(on_it) + reach) + 1
    return min(max(first, 0), size), max(min(last, size), 0)
