"""The images of a block of frames: read near the stars, cubes reduced, masks and errors beside."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, partial
from typing import Any

import numpy as np
import numpy.typing as npt

from iracdb.irac.frames import FrameFile, read_pixels
from iracdb.irac.near import NearBlocks
from iracdb.photometry.covered import Covered, cover
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
    covered : Covered or None
        What the masks leave of the images; None where no frame has a mask.
    """

    values: FloatArray
    masked: npt.NDArray[np.bool_] | None
    variance: FloatArray | None
    frame: npt.NDArray[np.intp]
    unmasked: npt.NDArray[np.bool_]
    covered: Covered | None


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
    lacking = [bool(mask_bits) and frame.mask is None for frame in frames]
    unmasked = np.array(lacking, dtype=bool)
    if _of_one_shape(frames):
        return _read_near(frames, (x, y, reach), mask_bits, unmasked)
    read = [_read(frame, planes, mask_bits) for frame in frames]
    counts = [len(one.images) for one in read]
    like = [one.images for one in read]
    values = like[0] if len(like) == 1 else np.concatenate(like)
    masked = _joined([one.masked for one in read], like, fill=False)
    return Images(
        values,
        masked,
        _joined([one.variance for one in read], like, fill=np.nan),
        np.repeat(np.arange(len(frames)), counts),
        np.repeat(unmasked, counts),
        None if masked is None else cover(values, masked),
    )


def _of_one_shape(frames: Sequence[FrameFile]) -> bool:
    """Tell whether frames and what stands beside them are single planes of one shape."""
    shape = frames[0].shape
    beside = [one for f in frames for one in (f.mask, f.uncertainty) if one is not None]
    return len(shape) == 2 and all(one.shape == shape for one in beside)


def _read_near(
    frames: Sequence[FrameFile],
    where: tuple[FloatArray, FloatArray, float],
    mask_bits: int,
    unmasked: npt.NDArray[np.bool_],
) -> Images:
    """Read what is near the stars, of frames, masks and uncertainties alike."""
    rows, columns = frames[0].shape
    # Rooms are kept, and used for block after block by this process.
    make = _room if len(frames) <= BLOCK else _make_room
    most = max(len(frames), BLOCK)
    room = make(most, (rows, columns), "values")
    values = room.read(frames, *where)
    masked = variance = covered = None
    masks, errors = [frame.mask for frame in frames], [frame.uncertainty for frame in frames]
    if mask_bits and any(masks):
        is_fatal = partial(_any_of, mask_bits)
        bad = make(most, (rows, columns), "masks")
        masked = bad.read(masks, *where, is_fatal)
        usable = make(most, (rows, columns), "usable")
        flat = make(most, (rows, columns), "flat")
        some = usable.cover(room, bad, len(frames))
        flat.mark(bad, some)
        covered = Covered(usable.block(len(frames)), flat.block(len(frames)), some)
    if any(errors):
        variance = make(most, (rows, columns), "variances").read(errors, *where, _squared)
    return Images(values, masked, variance, np.arange(len(frames)), unmasked, covered)


def _any_of(mask_bits: int, pixels: npt.NDArray[Any]) -> npt.NDArray[np.bool_]:
    """Tell where any of these bits is set."""
    bits = pixels.astype(np.int64)
    return np.asarray(np.bitwise_and(bits, mask_bits, out=bits) != 0)


def _squared(pixels: npt.NDArray[Any]) -> FloatArray:
    wide = pixels.astype(np.float64)
    return np.multiply(wide, wide, out=wide)


def _make_room(most: int, shape: tuple[int, int], what: str) -> NearBlocks:
    """Make room; what is not read is not masked, and else NaN."""
    return NearBlocks(most, shape, {"masks": False, "flat": 0.0}.get(what, np.nan))


_room = cache(_make_room)


def _read(frame: FrameFile, planes: Planes, mask_bits: int) -> Reduced:
    """Read a frame with its companions, and reduce a cube to images."""
    pixels = read_pixels(frame)
    masked = variance = None
    if frame.mask is not None and mask_bits:
        masked = _any_of(mask_bits, read_pixels(frame.mask))
    if frame.uncertainty is not None:
        variance = read_pixels(frame.uncertainty)
        np.multiply(variance, variance, out=variance)
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
