"""The pixels around a star, of one image of a run, with all that is drawn on them.

The file is found by its number in the catalogue. What stands in the way is told in a sentence.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from sqlalchemy import Connection, func, select

from iracdb import flags
from iracdb.catalogue import tables as t
from iracdb.catalogue.database import Database
from iracdb.catalogue.file_places import frame_files
from iracdb.errors import InputsChanged, NotFound
from iracdb.irac.frames import FrameFile, make_wcs, read_pixels
from iracdb.photometry.planes import reduce
from iracdb.runs.companions import MASK, WCS, kinds_by_role
from iracdb.runs.parameters import Parameters
from iracdb.runs.results import Run

FloatArray = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]

MARGIN = 4
"""How many pixels beyond the annulus are shown, unless told otherwise."""


@dataclass(frozen=True)
class Cutout:
    """The pixels around a star.

    Parameters
    ----------
    pixels : ndarray of float, shape (ny, nx)
        In the file's unit, rows upwards; NaN where the image has no value.
    origin : tuple of int
        Column and row, 0-based, of the first pixel on the array.
    masked : ndarray of bool, shape (ny, nx), or None
        Which pixels are fatal by the run's mask; None where it used none.
    unit : str
        The file's, such as ``MJy/sr``.
    centre : tuple of float or None
        x and y of the fitted centre, pixels of the array, integers at pixel centres.
    expected : tuple of float or None
        Where the coordinate system expects the target.
    radii : tuple of float
        Source circle, inner and outer edge of the annulus, pixels.
    at : tuple of float
        Where circle and annulus lie: on the centre, or where the run forced them.
    pixel_scale : float or None
        Arcsec, of the coordinate system there, else as the run converts; None where unknown.
    north, east : tuple of float or None
        Directions in pixels, of length 1; None without a coordinate system.
    told : dict
        Of the image: run, row, aorkey, target, channel, expid, dcenum, plane, file, file_id, flags
        (their names), kept (None where not told), rejected_by, array (its rows and columns) and
        position (fitted or forced).
    notes : tuple of str
        What is to be known of it.
    """

    pixels: FloatArray
    origin: tuple[int, int]
    masked: BoolArray | None
    unit: str
    centre: tuple[float, float] | None
    expected: tuple[float, float] | None
    radii: tuple[float, float, float]
    at: tuple[float, float]
    pixel_scale: float | None
    north: tuple[float, float] | None
    east: tuple[float, float] | None
    told: dict[str, Any]
    notes: tuple[str, ...] = ()


def first_usable(
    database: Database, run: Run, names: tuple[str, ...] | None = None, aors: tuple[int, ...] = ()
) -> int | None:
    """Find the first image of a run that has a flux, and a file.

    Parameters
    ----------
    database : Database
        A catalogue.
    run : Run
        Of it.
    names : tuple of str, optional
        Only of targets called so.
    aors : tuple of int, optional
        Only in these AORs.

    Returns
    -------
    int or None
        Its row; where none has both, the first row; None where the run has no such image.
    """
    image, average = t.image_result.c, t.aor_result.c
    query = (
        select(
            func.min(image.row_number),
            func.min(image.row_number).filter(
                image.file_id.is_not(None), image.raw.is_not(None), image.background.is_not(None)
            ),
        )
        .join(t.aor_result, average.id == image.aor_result_id)
        .where(average.run_id == run.run_id)
    )
    if names is not None:
        query = query.where(average.target_name.in_(names))
    if aors:
        query = query.where(average.aorkey.in_(aors))
    with database.read() as connection:
        first, usable = connection.execute(query).one()
    found = first if usable is None else usable
    return None if found is None else int(found)


def read_cutout(database: Database, run: Run, row: int, reach: float | None = None) -> Cutout | str:
    """Read the pixels around the star of one image, as the run measured them.

    Parameters
    ----------
    database : Database
        A catalogue.
    run : Run
        Of it.
    row : int
        Of the run's image table, from 1.
    reach : float, optional
        How far from the star, pixels; by default `MARGIN` beyond the annulus.

    Returns
    -------
    Cutout or str
        The pixels; or one sentence that tells why there are none, such as that an imported run
        tells of no file, or that the file is gone or was changed.

    Raises
    ------
    NotFound
        Where the run has no such image.
    """
    with database.read() as connection:
        image = _image(connection, run, row)
        if image.file_id is None:
            return (
                f"The pixels of image {row} are not to be had: {run.name} was imported, and no "
                "file in the catalogue is known to be the one that was measured"
            )
        parameters = Parameters.recorded(run.row.parameters)
        beside = _companions(connection, run, image.frame_id, parameters)
        places = frame_files(connection, [image.file_id, *beside.values()])
    file = places.get(image.file_id)
    if file is None:
        return f"{image.name} is not where it was ingested: put it back, or ingest where it is now"
    mask = places.get(beside[MASK]) if MASK in beside else None
    try:
        pixels, masked, notes = _read(file, mask, image.plane, parameters)
    except InputsChanged as problem:
        return str(problem)
    if WCS in kinds_by_role(parameters):
        cards = places[beside[WCS]].wcs if beside.get(WCS) in places else None
    else:
        cards = file.wcs
    return _cut(image, run, pixels, masked, cards, parameters, reach, notes)


def _image(connection: Connection, run: Run, row: int) -> Any:
    image, average, frame, file = t.image_result.c, t.aor_result.c, t.frame.c, t.file.c
    query = (
        select(
            image.file_id, image.frame_id, image.plane, image.flags, image.kept, image.rejected_by,
            image.x, image.y, image.x_wcs, image.y_wcs, average.aorkey, average.target_name,
            average.channel, average.pixel_size, frame.expid, frame.dcenum, file.name, file.bunit,
        )
        .select_from(t.image_result)
        .join(t.aor_result, average.id == image.aor_result_id)
        .join(t.frame, frame.id == image.frame_id)
        .join(t.file, file.id == image.file_id, isouter=True)
        .where(average.run_id == run.run_id, image.row_number == row)
    )  # fmt: skip
    # No database holds a larger number.
    found = connection.execute(query).first() if abs(row) < 2**63 else None
    if found is None:
        raise NotFound(f"{run.name} has no image in row {row} (iracdb show {run.name})")
    return found


def _companions(
    connection: Connection, run: Run, frame_id: int, parameters: Parameters
) -> dict[str, int]:
    """Find the files beside the measured one that the run declared, by their role."""
    roles = [role for role in kinds_by_role(parameters) if role in (MASK, WCS)]
    given = t.run_input.c
    query = (
        select(given.role, given.file_id)
        .join(t.file, t.file.c.id == given.file_id)
        .where(given.run_id == run.run_id, t.file.c.frame_id == frame_id, given.role.in_(roles))
    )
    return {row.role: row.file_id for row in connection.execute(query)} if roles else {}


def _read(
    file: FrameFile, mask: FrameFile | None, plane: int, parameters: Parameters
) -> tuple[FloatArray, BoolArray | None, tuple[str, ...]]:
    """Read an image as it was measured: cubes reduced, masks applied."""
    notes: tuple[str, ...] = ()
    pixels = read_pixels(file)
    masked, bits = None, parameters.values.get("mask_bits")
    if bits:
        notes = ("The run used a mask, and that of this frame is not at hand: none is shown",)
        if mask is not None:
            try:
                masked = (read_pixels(mask).astype(np.int64) & int(bits)) != 0
                notes = ()
            except InputsChanged as problem:
                notes = (f"No mask is shown: {problem}",)
    if pixels.ndim == 2:
        return pixels, masked, notes
    made = reduce(pixels, parameters.planes, masked=masked)
    place = made.plane.tolist().index(plane)
    return made.images[place], None if made.masked is None else made.masked[place], notes


def _cut(
    image: Any,
    run: Run,
    pixels: FloatArray,
    masked: BoolArray | None,
    cards: Mapping[str, Any] | None,
    parameters: Parameters,
    reach: float | None,
    notes: tuple[str, ...],
) -> Cutout | str:
    centre, expected = _point(image.x, image.y), _point(image.x_wcs, image.y_wcs)
    forced = parameters.values.get("position") == "forced"
    at = (expected or centre) if forced else (centre or expected)
    if at is None:
        return (
            f"Image {image.name} tells neither where its star was found nor where it was "
            "expected: there is nothing to cut out"
        )
    radii = parameters.aperture.radii
    far = radii[2] + MARGIN if reach is None else reach
    rows, columns = pixels.shape
    left, right = _within(at[0], far, columns)
    low, high = _within(at[1], far, rows)
    if left >= right or low >= high:
        return f"The star lies off the array in {image.name}, and none of its pixels are near it"
    scale, north, east = _sky(cards, at)
    size = scale if scale is not None else image.pixel_size
    return Cutout(
        pixels=pixels[low:high, left:right].copy(),
        origin=(left, low),
        masked=None if masked is None else masked[low:high, left:right].copy(),
        unit=image.bunit or "MJy/sr",
        centre=centre, expected=expected, radii=radii, at=at,
        pixel_scale=size, north=north, east=east,
        told={
            "run": run.name, "aorkey": image.aorkey, "target": image.target_name,
            "channel": image.channel, "expid": image.expid, "dcenum": image.dcenum,
            "plane": image.plane, "file": image.name, "file_id": image.file_id,
            "flags": list(flags.decode(image.flags)), "kept": image.kept,
            "rejected_by": image.rejected_by, "array": [rows, columns],
            "position": parameters.values.get("position"),
        },
        notes=notes,
    )  # fmt: skip


def _point(x: float | None, y: float | None) -> tuple[float, float] | None:
    return None if x is None or y is None else (float(x), float(y))


def _within(at: float, reach: float, length: int) -> tuple[int, int]:
    """Give the pixels of an axis that are near: the first, and the one after the last."""
    if not abs(at) < 1e6:
        return 0, 0
    return max(0, int(np.floor(at - reach + 0.5))), min(length, int(np.floor(at + reach + 0.5)) + 1)


def _sky(
    cards: Mapping[str, Any] | None, at: tuple[float, float]
) -> tuple[float | None, tuple[float, float] | None, tuple[float, float] | None]:
    """Give the scale of a pixel, arcsec, and the directions of north and east."""
    unknown = (None, None, None)
    if cards is None:
        return unknown
    try:
        x, y = at
        ra, dec = make_wcs(cards).all_pix2world([x, x + 1, x], [y, y, y + 1], 0)
    except (ValueError, KeyError, TypeError):
        # What wcslib raises are ValueErrors: a header without a usable system tells no direction.
        return unknown
    along = (ra[1:] - ra[0] + 180) % 360 - 180
    steps = 3600 * np.array([along * np.cos(np.radians(dec[0])), dec[1:] - dec[0]])
    area = abs(np.linalg.det(steps))
    if not (np.isfinite(area) and area > 0):
        return unknown
    # Columns: the pixels that an arcsec to the east and one to the north are.
    back = np.linalg.inv(steps)
    back /= np.linalg.norm(back, axis=0)
    (east_x, north_x), (east_y, north_y) = back.tolist()
    return float(np.sqrt(area)), (north_x, north_y), (east_x, east_y)
