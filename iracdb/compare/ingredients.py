"""All that an average's flux is made of, image by image: as a run stored it, or replayed."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from iracdb.irac.handbook import is_cryogenic
from iracdb.photometry.combine import exact_mean, to_mjy
from iracdb.photometry.correction import factors, tables_of
from iracdb.photometry.pairing import pairing_named
from iracdb.photometry.rejection import NoRejection, parse_rejection

FloatArray = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]
StrArray = npt.NDArray[np.str_]
IndexArray = npt.NDArray[np.intp]

SAME = 1e-12
"""Relative difference up to which two numbers are one but for rounding."""


@dataclass(frozen=True)
class Method:
    """What is done alike to all images of an average.

    Parameters
    ----------
    channel : int
        1 to 4.
    aperture_correction, pixel_size : float
        As applied.
    radii : tuple of float or None
        Source circle and annulus, pixels; None where the run does not tell.
    centre, sky, bounds, pairing, rejection : str
        Names of rules in `iracdb.photometry`.
    engine : str
        What gave the response.
    tables : str
        Whose response: each image's own mission's (auto), or one of
        `iracdb.photometry.correction.TABLES` for all.
    pixel_phase, array_location : bool
        Which parts of it were applied.
    colour_correction : float
        K, by which fluxes are divided.
    planes, mask : str or None
        How cubes are reduced to images, and which pixels are left out.
    position : str
        Whether the aperture lies at a fitted centre or where the WCS expects the target.
    """

    channel: int
    aperture_correction: float
    pixel_size: float
    radii: tuple[float, float, float] | None
    centre: str = "gaussian"
    sky: str = "mean"
    bounds: str = "edges"
    pairing: str = "image"
    rejection: str = "none"
    engine: str = "native"
    tables: str = "auto"
    pixel_phase: bool = True
    array_location: bool = True
    colour_correction: float = 1.0
    planes: str | None = None
    mask: str | None = None
    position: str = "fitted"


@dataclass(frozen=True)
class Ingredients:
    """What one average is made of; arrays are (n,), in the order of the run's table.

    Parameters
    ----------
    method : Method
        What is done to all images alike.
    x, y : ndarray
        Fitted centres, pixels; NaN where there is none.
    raw, background : ndarray
        Sums in the source circle, MJy/sr x pixel; NaN where there is none.
    sky : ndarray
        Sky a pixel, MJy/sr; NaN where it is not stored.
    fluxconv : ndarray
        FLUXCONV of the file; NaN where no file is known.
    rescaled : ndarray
        What sums are multiplied by, as if the file had another FLUXCONV; 1 for none.
    content : tuple of str or None
        Hash of each image's pixels; None where no file is known.
    mjd : ndarray
        Times, days UTC: they tell the mission, where the tables go by it.
    subarray : ndarray of bool
        Which images were taken to show the subarray.
    array_location, pixel_phase : ndarray
        The factors applied; NaN where there is no flux.
    kept : ndarray of bool
        Which images the average is of.
    flux : float
        The flux stored for it, mJy; NaN for none.
    chosen : ndarray of bool
        Which images are looked at: all, or those of one frame.
    """

    method: Method
    x: FloatArray
    y: FloatArray
    raw: FloatArray
    background: FloatArray
    sky: FloatArray
    fluxconv: FloatArray
    rescaled: FloatArray
    content: tuple[str | None, ...]
    mjd: FloatArray
    subarray: BoolArray
    array_location: FloatArray
    pixel_phase: FloatArray
    kept: BoolArray
    flux: float
    chosen: BoolArray

    @property
    def tables(self) -> StrArray:
        """Whose tables were taken for each image."""
        return tables_by(self.method, self.mjd)

    @property
    def corrected(self) -> FloatArray:
        """Net flux over both factors, MJy/sr x pixel; NaN where there is none."""
        net = (self.raw - self.background) * self.rescaled
        return net / (self.array_location * self.pixel_phase)

    @property
    def mjy(self) -> FloatArray:
        """Flux of each image, mJy."""
        method = self.method
        return to_mjy(
            self.corrected,
            method.aperture_correction,
            method.pixel_size,
            method.colour_correction,
        )

    @property
    def usable(self) -> BoolArray:
        """Which of the images looked at have a flux."""
        return np.isfinite(self.corrected) & self.chosen

    @property
    def replayed(self) -> float:
        """The mean of the kept images, mJy; NaN where there is none."""
        return mean_of(self.mjy[self.kept & self.usable])

    def sources(self) -> tuple[IndexArray, IndexArray]:
        """Tell which image's x and y each flux was corrected at.

        Returns
        -------
        tuple of ndarray of int
            Indices of images for x and for y; -1 where there is no flux or no centre.
        """
        rule, net = pairing_named(self.method.pairing), self.raw - self.background
        places = np.arange(len(net), dtype=np.float64)
        of_x, of_y = (np.where(np.isfinite(c), places, np.nan) for c in (self.x, self.y))
        given = rule(of_x, of_y, net)
        x, y = (np.where(np.isfinite(g), g, -1.0).astype(np.intp) for g in given)
        return x, y

    def centres_used(self) -> tuple[FloatArray, FloatArray]:
        """Give the centres at which the fluxes were corrected.

        Returns
        -------
        tuple of ndarray
            x and y, pixels; NaN where there is no flux or no centre.
        """
        of_x, of_y = self.sources()
        return at(self.x, of_x), at(self.y, of_y)

    def only(self, chosen: BoolArray) -> Ingredients:
        """Look at some images alone, each kept whatever the average did with it.

        Parameters
        ----------
        chosen : ndarray of bool
            Which.

        Returns
        -------
        Ingredients
            Its flux is theirs; all else, the pairing included, is that of the whole list.
        """
        method = replace(self.method, rejection=NoRejection.name)
        alone = replace(self, method=method, chosen=chosen, kept=chosen)
        return replace(alone, flux=alone.replayed)

    def is_kept_by_rule(self) -> bool:
        """Tell whether the images kept are those that the rule of rejection keeps.

        Returns
        -------
        bool
            False where something else chose them.
        """
        used = self.usable
        rule = parse_rejection(self.method.rejection)
        return bool(np.array_equal(rule(self.mjy[used]).kept, self.kept[used]))

    def can_be_recomputed(self) -> bool:
        """Tell whether the factors are those that the response gives here at the centres used.

        Returns
        -------
        bool
            False where an engine that gives something else, or other tables, made them.
        """
        used = self.usable
        made = factors_at(*self.centres_used(), self.method, self.tables, self.subarray)
        applied = (self.array_location, self.pixel_phase)
        return all(
            np.allclose(one[used], other[used], rtol=SAME, atol=0)
            for one, other in zip(made, applied, strict=True)
        )


def tables_by(method: Method, mjd: FloatArray) -> StrArray:
    """Tell whose tables a method takes for images.

    Parameters
    ----------
    method : Method
        Whose tables go by time, or not.
    mjd : ndarray
        Times of the images, days UTC.

    Returns
    -------
    ndarray of str
        Of the shape of `mjd`.
    """
    return tables_of(method.tables, np.array([is_cryogenic(time) for time in mjd], dtype=bool))


def mean_of(values: FloatArray) -> float:
    """Average values, whatever their order.

    Parameters
    ----------
    values : ndarray
        Finite.

    Returns
    -------
    float
        Their exactly rounded sum over their number; NaN for none.
    """
    return exact_mean(values) if len(values) else math.nan


def at(values: FloatArray, places: IndexArray) -> FloatArray:
    """Take values by index.

    Parameters
    ----------
    values : ndarray, shape (m,)
        To take from.
    places : ndarray of int, shape (n,)
        Where; -1 for nowhere.

    Returns
    -------
    ndarray, shape (n,)
        NaN where there is nothing to take.
    """
    if not len(values):
        return np.full(places.shape, np.nan)
    return np.where(places >= 0, values[places], np.nan)


def factors_at(
    x: FloatArray, y: FloatArray, method: Method, tables: StrArray, subarray: BoolArray
) -> tuple[FloatArray, FloatArray]:
    """Give the response at centres that are known.

    Parameters
    ----------
    x, y : ndarray, shape (n,)
        Pixels; NaN where there is no flux.
    method : Method
        Channel, and which parts of the response it applies.
    tables : ndarray of str, shape (n,)
        Whose tables to take.
    subarray : ndarray of bool, shape (n,)
        Which images show the subarray.

    Returns
    -------
    tuple of ndarray
        Array-location and pixel-phase factors; NaN where there is no centre.
    """
    return factors(
        x, y, channel=method.channel, tables=tables, subarray=subarray,
        pixel_phase=method.pixel_phase, array_location=method.array_location,
    )  # fmt: skip
