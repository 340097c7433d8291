"""The images of a block of frames: read near the stars, cubes reduced, masks and errors beside."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt

from iracdb.irac.frames import FrameFile, read_pixels
from iracdb.irac.near import NearBlocks
from iracdb.photometry.planes import Planes, Reduced, reduce

FloatArray = npt.NDArray[np.float64]

BLOCK = 64
"""Frames a block: a full-array block takes 32 MiB."""

BESIDE_APERTURE = 4.0
"""How far beyond its outer radius an aperture reaches that lies up to 2 pixels off its place."""

FARTHEST_OF_CENTRES = 24.0
"""How far from the expected place a centre looks: the moment's ring, 12 pixels from the middle of
a box that lies up to 3 + 1.5 pixels from it, is the farthest."""


@dataclass(frozen=True)
class Images:
    """Images (m, ny, nx) of a block: one a frame, or one a plane.

    Parameters
    ----------
    values : ndarray
        In the files' unit; NaN where a pixel has no value, or is far from the stars.
    masked : ndarray of bool or None
        Which pixels are fatal; None where no frame has a mask.
    variance : ndarray or None
        Squares of the uncertainties; NaN where there is none, None where no frame has any.
    frame : ndarray of int, shape (m,)
        Whose image each is: an index into the block's frames.
    unmasked : ndarray of bool, shape (m,)
        Which images lack a mask that was asked for.
    """

    values: FloatArray
    masked: npt.NDArray[np.bool_] | None
    variance: FloatArray | None
    frame: npt.NDArray[np.intp]
    unmasked: npt.NDArray[np.bool_]


def read_images(
    frames: Sequence[FrameFile],
    x: FloatArray,
    y: FloatArray,
    reach: float,
    planes: Planes,
    mask_bits: int,
) -> Images:
    """Read the images of a block.

    Parameters
    ----------
    frames : sequence of FrameFile
        Of one shape.
    x, y : ndarray, shape (n, t)
        Where the t targets are expected on the n frames, pixels.
    reach : float
        How far from there pixels are looked at.
    planes : Planes
        How cubes are reduced.
    mask_bits : int
        Which bits of a mask are fatal; 0 for no mask.

    Returns
    -------
    Images
        Valid until the next block is read.

    Raises
    ------
    InputsChanged
        Where a file is not the one that the catalogue knows.
    """
    if len(frames[0].shape) == 2 and not any(frame.mask or frame.uncertainty for frame in frames):
        room = _room(frames[0].shape) if len(frames) <= BLOCK else _make_room(frames)
        values = room.read(frames, x, y, reach)
        read = [Reduced(values, None, None, np.full(len(frames), -1))]
        counts = [1] * len(frames)
    else:
        read = [_read(frame, planes, mask_bits) for frame in frames]
        counts = [len(one.images) for one in read]
    lacking = [bool(mask_bits) and frame.mask is None for frame in frames]
    like = [one.images for one in read]
    return Images(
        like[0] if len(like) == 1 else np.concatenate(like),
        _joined([one.masked for one in read], like, fill=False),
        _joined([one.variance for one in read], like, fill=np.nan),
        np.repeat(np.arange(len(frames)), counts),
        np.repeat(np.array(lacking, dtype=bool), counts),
    )


@cache
def _room(shape: tuple[int, int]) -> NearBlocks:
    """Keep room for frames of one shape, used for block after block by this process."""
    return NearBlocks(BLOCK, shape)


def _make_room(frames: Sequence[FrameFile]) -> NearBlocks:
    rows, columns = frames[0].shape
    return NearBlocks(len(frames), (rows, columns))


def _read(frame: FrameFile, planes: Planes, mask_bits: int) -> Reduced:
    """Read a frame with its companions, and reduce a cube to images."""
    pixels = read_pixels(frame)
    masked = variance = None
    if frame.mask is not None and mask_bits:
        masked = (read_pixels(frame.mask).astype(np.int64) & mask_bits) != 0
    if frame.uncertainty is not None:
        variance = read_pixels(frame.uncertainty) ** 2
    if pixels.ndim == 3:
        return reduce(pixels, planes, masked=masked, variance=variance)
    return Reduced(
        pixels[np.newaxis],
        None if masked is None else masked[np.newaxis],
        None if variance is None else variance[np.newaxis],
        np.array([-1]),
    )


def _joined(parts: list[Any], like: list[Any], *, fill: Any) -> Any:
    """Join what some frames have; None where none has it."""
    if all(part is None for part in parts):
        return None
    return np.concatenate(
        [
            np.full(one.shape, fill) if part is None else part
            for part, one in zip(parts, like, strict=True)
        ]
    )
