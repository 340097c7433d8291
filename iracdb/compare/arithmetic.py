"""The arithmetic of one AOR's flux in one run, from each image's raw sum to the mJy."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from iracdb.catalogue.database import Database
from iracdb.compare.choosing import Wanted, choose_one
from iracdb.compare.ingredients import SAME
from iracdb.compare.reasons import why_no_flux
from iracdb.compare.sides import Side, read_side, replay_notes
from iracdb.compare.which_frame import images_meant
from iracdb.errors import NotFound
from iracdb.photometry.combine import to_mjy
from iracdb.runs import registry

if TYPE_CHECKING:
    from astropy.table import QTable


@dataclass(frozen=True)
class ImageLine:
    """One image on its way to the average.

    Parameters
    ----------
    frame : str
        Its frame: as the archive names it, or its time.
    file_number : int or None
        Its number in the run's table.
    raw, background, net : float or None
        Sums in the source circle, MJy/sr x pixel; net is raw less background.
    x, y : float or None
        Where the factors were taken, pixels: the image's centre, unless the pairing of 2018
        gave it another's.
    array_location, pixel_phase : float or None
        The factors of the response.
    corrected : float or None
        Net over both factors.
    mjy : float or None
        Its flux, mJy.
    fate : str
        ``kept``, ``rejected (min)``, or why it has no flux.
    """

    frame: str
    file_number: int | None
    raw: float | None
    background: float | None
    net: float | None
    x: float | None
    y: float | None
    array_location: float | None
    pixel_phase: float | None
    corrected: float | None
    mjy: float | None
    fate: str


@dataclass(frozen=True)
class Arithmetic:
    """How one average came about.

    Parameters
    ----------
    run_id : int
        The run.
    run : str
        Its name.
    aorkey : int
        The AOR.
    target : str
        What was measured.
    frame : str or None
        The one frame looked at; None for all.
    images : tuple of ImageLine
        In the order of the run's table.
    aperture_correction, pixel_size, colour_correction : float
        Of the conversion to mJy.
    rescaled : tuple of float
        What sums were multiplied by, as if files had another FLUXCONV: each factor once.
    kept : int
        How many images the mean is of.
    mean : float or None
        Of the images kept, as worked out here, mJy.
    flux : float or None
        As the run stores it, mJy.
    reason : str or None
        Why the run has none.
    notes : tuple of str
        What else is to be known.
    """

    run_id: int
    run: str
    aorkey: int
    target: str
    frame: str | None
    images: tuple[ImageLine, ...]
    aperture_correction: float
    pixel_size: float
    colour_correction: float
    rescaled: tuple[float, ...]
    kept: int
    mean: float | None
    flux: float | None
    reason: str | None
    notes: tuple[str, ...]

    @property
    def mjy_per_sum(self) -> float:
        """What a corrected sum is multiplied by to give mJy."""
        return float(to_mjy(1.0, self.aperture_correction, self.pixel_size, self.colour_correction))

    @property
    def sum_of_kept(self) -> float:
        """Sum of the fluxes of the kept images, mJy."""
        return math.fsum(line.mjy for line in self.images if line.mjy and line.fate == KEPT)

    @property
    def agrees(self) -> bool:
        """Whether the mean is the flux that is stored, but for rounding."""
        if self.mean is None or self.flux is None:
            return self.mean is self.flux
        return abs(self.mean - self.flux) <= SAME * abs(self.flux)

    @property
    def table(self) -> QTable:
        """One row an image, from the raw sum to its flux and its fate."""
        from astropy.table import QTable

        numbers = ("raw", "background", "net", "x", "y", "array_location", "pixel_phase",
                   "corrected", "mjy")  # fmt: skip
        table = QTable(meta={"aorkey": self.aorkey, "run": self.run, "flux_mjy": self.flux})
        table["frame"] = [line.frame for line in self.images]
        for name in numbers:
            values = [getattr(line, name) for line in self.images]
            table[name] = np.array([math.nan if v is None else v for v in values], dtype=float)
        table["fate"] = [line.fate for line in self.images]
        table["mjy"].unit = "mJy"
        return table


KEPT = "kept"


def arithmetic(
    database: Database,
    run: int | str,
    aorkey: int,
    *,
    target: str | None = None,
    row: int | None = None,
    frame: str | None = None,
) -> Arithmetic:
    """Show how one AOR's flux came about in a run.

    Parameters
    ----------
    database : Database
        A catalogue.
    run : int or str
        Number or name of the run.
    aorkey : int
        The AOR.
    target : str, optional
        Name of the target, where the AOR has several.
    row : int, optional
        Row of the run's AOR table, where the AOR has several.
    frame : str, optional
        One frame alone: its name, number, EXPID/DCENUM or time.

    Returns
    -------
    Arithmetic
        Image by image.

    Raises
    ------
    NotFound
        Where the run does not hold the AOR, or the AOR not the frame.
    """
    wanted = Wanted(aorkey, target, row)
    with database.read() as connection:
        found = registry.find(connection, run)
        side = read_side(connection, found, choose_one(connection, found, wanted))
    places = range(len(side.images))
    if frame is not None:
        places = _places(side, frame)
    return _arithmetic(side, places, frame)


def _places(side: Side, frame: str) -> Any:
    meant = sorted(images_meant(side.images, frame))
    if not meant:
        like = f": its frames are like {side.label(0)}" if side.images else ""
        raise NotFound(f"{frame} is no frame of AOR {side.average.aorkey} in {side.run}{like}")
    return meant


def _arithmetic(side: Side, places: Sequence[int], frame: str | None) -> Arithmetic:
    made = side.ingredients
    flux, mean = made.flux, made.replayed
    return Arithmetic(
        side.run_id,
        side.run,
        side.average.aorkey,
        side.average.target_name,
        None if frame is None else side.label(places[0]),
        _lines(side, places),
        made.method.aperture_correction,
        made.method.pixel_size,
        made.method.colour_correction,
        tuple(sorted(set(made.rescaled[np.isfinite(made.raw)].tolist()))),
        int((made.kept & made.usable).sum()),
        mean if math.isfinite(mean) else None,
        flux if math.isfinite(flux) else None,
        side.average.reason,
        tuple(_notes(side)),
    )


def _lines(side: Side, places: Sequence[int]) -> tuple[ImageLine, ...]:
    made = side.ingredients
    x, y = made.centres_used()
    columns = {
        "raw": made.raw,
        "background": made.background,
        "net": made.raw - made.background,
        "x": x,
        "y": y,
        "array_location": made.array_location,
        "pixel_phase": made.pixel_phase,
        "corrected": made.corrected,
        "mjy": made.mjy,
    }
    plain = {name: [_plain(v) for v in values.tolist()] for name, values in columns.items()}
    return tuple(
        ImageLine(
            frame=side.label(index),
            file_number=side.images[index].file_number,
            fate=_fate(side, index),
            **{name: values[index] for name, values in plain.items()},
        )
        for index in places
    )


def _plain(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _fate(side: Side, index: int) -> str:
    if not side.ingredients.usable[index]:
        return f"no flux: {why_no_flux(side, index)}"
    if side.ingredients.kept[index]:
        return KEPT
    bound = side.rejected_by[index]
    return f"rejected ({bound})" if bound else "rejected"


def _notes(side: Side) -> list[str]:
    notes = replay_notes(side)
    made = side.ingredients
    of_x, of_y = made.sources()
    own = np.arange(len(of_x))
    away = int((made.usable & ((of_x != own) | (of_y != own))).sum())
    if away:
        images = "1 image" if away == 1 else f"{away} images"
        notes.append(f"By pairing {made.method.pairing}, {images} took another image's centre")
    return notes
