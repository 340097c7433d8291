"""The pixels around a star, read again from the frames that a run measured."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from sqlalchemy import Connection

from iracdb.catalogue.file_places import frame_files
from iracdb.errors import InputsChanged
from iracdb.irac.frames import FrameFile, read_pixels
from iracdb.photometry.planes import Planes, reduce
from iracdb.runs.lightcurve_columns import SIDE

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]
BoolArray = npt.NDArray[np.bool_]


def middle_of(x: npt.ArrayLike, y: npt.ArrayLike) -> tuple[IntArray, IntArray, BoolArray]:
    """Tell the pixel that each centre lies in.

    Parameters
    ----------
    x, y : array-like, shape (n,)
        Centres, 0-based, integers at pixel centres; NaN where there is none.

    Returns
    -------
    column, row : ndarray of int, shape (n,)
        Of the pixel; 0 where there is no centre. Half-way between two pixels it is the upper.
    known : ndarray of bool, shape (n,)
        Where there is a centre.
    """
    xs, ys = np.asarray(x, dtype=np.float64), np.asarray(y, dtype=np.float64)
    known = np.isfinite(xs) & np.isfinite(ys)
    column = np.floor(np.where(known, xs, 0.0) + 0.5).astype(np.int64)
    row = np.floor(np.where(known, ys, 0.0) + 0.5).astype(np.int64)
    return column, row, known


def cut_stamp(image: npt.ArrayLike, column: int, row: int) -> FloatArray:
    """Cut the pixels around one out of an image.

    Parameters
    ----------
    image : array-like, shape (ny, nx)
        Any.
    column, row : int
        The pixel in the middle; it may lie off the image.

    Returns
    -------
    ndarray, shape (5, 5)
        Rows upwards; NaN off the image.
    """
    pixels = np.asarray(image, dtype=np.float64)
    stamp = np.full((SIDE, SIDE), np.nan)
    rows = np.arange(row - SIDE // 2, row + SIDE // 2 + 1)
    columns = np.arange(column - SIDE // 2, column + SIDE // 2 + 1)
    inside = np.ix_(
        (rows >= 0) & (rows < pixels.shape[0]), (columns >= 0) & (columns < pixels.shape[1])
    )
    stamp[inside] = pixels[np.ix_(rows[inside[0].ravel()], columns[inside[1].ravel()])]
    return stamp


def read_stamps(
    connection: Connection,
    file_ids: Sequence[int],
    planes_of: Sequence[int],
    centres: tuple[npt.ArrayLike, npt.ArrayLike],
    planes: Planes,
) -> FloatArray:
    """Read the pixels around the star on each of some images.

    Parameters
    ----------
    connection : sqlalchemy.Connection
        To a catalogue.
    file_ids : sequence of int
        The file of each image (n).
    planes_of : sequence of int
        The plane that each image is (n); -1 for a whole frame, or one made of several.
    centres : tuple of array-like, shape (n,)
        x and y; NaN where there is none.
    planes : Planes
        How the run reduced cubes to images. Masks are not applied.

    Returns
    -------
    ndarray, shape (n, 25)
        MJy/sr; NaN off the array, where the image has no value, and where there is no centre.

    Raises
    ------
    InputsChanged
        Where a frame is not there any more, or is not the file that was ingested.
    """
    places = frame_files(connection, sorted(set(file_ids)))
    lacking = len(set(file_ids) - set(places))
    if lacking:
        raise InputsChanged(
            f"{lacking} of {len(set(file_ids))} frames that were measured are not where they "
            "were ingested: without --stamp the light curve needs none, or ingest them "
            "where they are now"
        )
    column, row, known = middle_of(*centres)
    stamps = np.full((len(file_ids), SIDE * SIDE), np.nan)
    by_file: dict[int, list[int]] = {}
    for index in np.flatnonzero(known).tolist():
        by_file.setdefault(file_ids[index], []).append(index)
    for number, mine in by_file.items():
        images = _images(places[number], planes)
        for index in mine:
            image = images[planes_of[index]]
            stamps[index] = cut_stamp(image, int(column[index]), int(row[index])).ravel()
    return stamps


def _images(file: FrameFile, planes: Planes) -> dict[int, FloatArray]:
    """Read the images of a frame as the run measured them, by their plane."""
    pixels = read_pixels(file)
    if pixels.ndim == 2:
        return {-1: pixels}
    made = reduce(pixels, planes)
    return dict(zip(made.plane.tolist(), made.images, strict=True))
