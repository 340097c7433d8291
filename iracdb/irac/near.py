"""Blocks of frames of which only what is near the stars is read.

An aperture touches a fortieth of a full-array frame. The other rows need not come from the disk,
nor the other pixels of these rows be brought to double precision.
"""

from __future__ import annotations

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

_KINDS = {bitpix: np.dtype(kind) for bitpix, kind in DTYPES.items()}


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
        self._raw = memoryview(bytearray(shape[0] * shape[1] * 8))

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
        windows = zip(*_near(y, reach, rows), *_near(x, reach, columns), strict=True)
        for k, (frame, near) in enumerate(zip(frames, windows, strict=True)):
            window = _NOTHING if frame is None else near
            image = self._cleared(k, window)
            # Noted before it is filled: an error may come between.
            self._filled[k] = window
            if frame is not None:
                self._fill(frame, image, window, change)
        return self.block(len(frames))

    def cover(self, images: NearBlocks, masks: NearBlocks, count: int) -> npt.NDArray[np.bool_]:
        """Take over what was read of images; what is masked has no value.

        Parameters
        ----------
        images, masks : NearBlocks
            What was read of the images and of their masks.
        count : int
            How many there are.

        Returns
        -------
        numpy.ndarray of bool
            Which images have masked pixels near their stars (count,).
        """
        some = np.zeros(count, dtype=bool)
        for k in range(count):
            window = images._filled[k]
            image = self._cleared(k, window)
            first, last, left, right = self._filled[k] = window
            image[...] = images._images[k, first:last, left:right]
            bad = masks._images[k, first:last, left:right]
            some[k] = bad.any()
            if some[k]:
                image[bad] = np.nan
        return some

    def mark(self, masks: NearBlocks, some: npt.NDArray[np.bool_]) -> None:
        """Give what is masked no value; all else is empty.

        Parameters
        ----------
        masks : NearBlocks
            What was read of the masks.
        some : numpy.ndarray of bool
            In which of them anything is masked.
        """
        for k, masked in enumerate(some.tolist()):
            window = masks._filled[k] if masked else _NOTHING
            image = self._cleared(k, window)
            first, last, left, right = self._filled[k] = window
            if masked:
                bad = masks._images[k, first:last, left:right]
                image[...] = np.where(bad, np.nan, self._empty)

    def block(self, count: int) -> npt.NDArray[Any]:
        """Give the first images.

        Parameters
        ----------
        count : int
            How many.

        Returns
        -------
        numpy.ndarray
            The images (count, rows, columns), valid until they are filled anew.
        """
        return self._images[:count]

    def _cleared(self, k: int, window: Window) -> npt.NDArray[Any]:
        """Give the part of an image that will be filled; what was filled elsewhere is empty."""
        if window != self._filled[k]:
            first, last, left, right = self._filled[k]
            self._images[k, first:last, left:right] = self._empty
        first, last, left, right = window
        return self._images[k, first:last, left:right]

    def _fill(
        self, frame: FrameFile, image: npt.NDArray[Any], window: Window, change: Change | None
    ) -> None:
        if frame.bitpix in _KINDS and not frame.scaled:
            pixels = self._raw_pixels(frame, window)
        else:
            first, last, left, right = window
            pixels = read_pixels(frame)[first:last, left:right]
        image[...] = pixels if change is None else change(pixels)

    def _raw_pixels(self, frame: FrameFile, window: Window) -> npt.NDArray[Any]:
        """Give pixels as the file has them, of whole rows that are read."""
        first, last, left, right = window
        kind = _KINDS[frame.bitpix]
        line = self._images.shape[2] * kind.itemsize
        raw = self._raw[: (last - first) * line]
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
        shape = (last - first, right - left)
        # Made of what is near alone: one call of numpy instead of four.
        return np.ndarray(shape, kind, self._raw, left * kind.itemsize, (line, kind.itemsize))


def _near(at: FloatArray, reach: float, size: int) -> tuple[list[int], list[int]]:
    """Give each frame's first pixel of an axis, and the one after its last.

    Where no star is near they are 0.
    """
    on_it = (at >= -reach) & (at <= size + reach)
    low = np.where(on_it, at, np.inf).min(axis=1, initial=np.inf)
    high = np.where(on_it, at, -np.inf).max(axis=1, initial=-np.inf)
    some = on_it.any(axis=1)
    first = np.where(some, np.clip(np.floor(low - reach), 0, size), 0)
    last = np.where(some, np.clip(np.ceil(high + reach) + 1, 0, size), 0)
    return first.astype(np.int64).tolist(), last.astype(np.int64).tolist()
