"""Numbers that figures work out of a run's images, and show: spreads, slopes, what an image counts.

None of them is stored with the run; each figure puts its own into ``table.meta['numbers']``.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
from astropy.table import QTable

from iracdb.photometry.response import NATIVE
from iracdb.report.measured import FloatArray, column

BoolArray = npt.NDArray[np.bool_]
IntArray = npt.NDArray[np.int64]

TO_SIGMA = 1.4826
"""From the median absolute deviation to the standard deviation of a normal distribution."""

OUTLIER = 5.0
"""Where a run does not tell which images count, those within so many robust sigmas are shown so."""


def robust_sigma(values: npt.ArrayLike) -> float:
    """Give a spread that outliers do not change: 1.4826 times the median absolute deviation.

    Parameters
    ----------
    values : array_like
        Of any shape; those that are not finite are passed over.

    Returns
    -------
    float
        In the unit of the values; NaN where there is none.
    """
    found = np.asarray(values, dtype=np.float64)
    found = found[np.isfinite(found)]
    if not found.size:
        return math.nan
    return float(TO_SIGMA * np.median(np.abs(found - np.median(found))))


def slope(x: FloatArray, y: FloatArray) -> float:
    """Give the slope of the straight line of least squares.

    Parameters
    ----------
    x, y : ndarray, shape (n,)
        Pairs that are not finite are passed over.

    Returns
    -------
    float
        In the unit of y over that of x; NaN for fewer than three pairs, or all at one x.
    """
    both = np.isfinite(x) & np.isfinite(y)
    if both.sum() < 3:
        return math.nan
    away = x[both] - x[both].mean()
    square = float(np.sum(away * away))
    return float(np.sum(away * (y[both] - y[both].mean())) / square) if square > 0 else math.nan


def tell(table: QTable, sentence: str, value: float) -> None:
    """Add a number to those that a figure shows; what is not finite is not told.

    Parameters
    ----------
    table : astropy.table.QTable
        That is drawn.
    sentence : str
        What it is, with its unit.
    value : float
        The number.
    """
    numbers = table.meta.setdefault("numbers", {})
    if math.isfinite(value):
        numbers[sentence] = value if isinstance(value, int) else float(value)


def whether_kept(table: QTable) -> tuple[BoolArray, BoolArray]:
    """Tell of which images it is known whether they were kept, and which were.

    Parameters
    ----------
    table : astropy.table.QTable
        From `iracdb.report.measured.images`.

    Returns
    -------
    known, kept : ndarray of bool, shape (n,)
        ``kept`` is False where it is not known.
    """
    kept = np.ma.asarray(table["kept"])
    known = ~np.ma.getmaskarray(kept)
    if not known.any():
        return known, known
    return known, known & np.ma.filled(kept, False).astype(bool)


def chains(table: QTable) -> IntArray:
    """Tell averages apart by numbers: one target, AOR and kind of frame each.

    Parameters
    ----------
    table : astropy.table.QTable
        From `iracdb.report.measured.images`.

    Returns
    -------
    ndarray of int, shape (n,)
        From 0.
    """
    return _numbered(table, "target", "aorkey", "frame_group")


def counted(table: QTable) -> BoolArray:
    """Tell which images numbers are worked out of: those kept.

    Where the run tells of none whether it was kept, these are the images with a flux within
    `OUTLIER` robust sigmas of the median of their average, and a note in the table says so.

    Parameters
    ----------
    table : astropy.table.QTable
        From `iracdb.report.measured.images`.

    Returns
    -------
    ndarray of bool, shape (n,)
        Which.
    """
    flux = column(table, "flux")
    if flux is None:
        return np.zeros(len(table), dtype=bool)
    known, kept = whether_kept(table)
    usable = np.isfinite(flux)
    if (known & usable).any():
        chosen: BoolArray = kept & usable
        return chosen
    note = (
        f"The run does not tell which images it kept: those within {OUTLIER:.0f} robust sigma "
        "of the median of their average count here"
    )
    if note not in table.meta["notes"]:
        table.meta["notes"].append(note)
    inside = np.zeros(len(table), dtype=bool)
    of = chains(table)
    for one in np.unique(of[usable]):
        mine = (of == one) & usable
        far = OUTLIER * robust_sigma(flux[mine])
        inside[mine] = np.abs(flux[mine] - np.median(flux[mine])) <= far
    return inside


def over_average(table: QTable) -> FloatArray:
    """Give each image's flux over the mean of those counted in its average, less 1.

    Parameters
    ----------
    table : astropy.table.QTable
        From `iracdb.report.measured.images`.

    Returns
    -------
    ndarray, shape (n,)
        Per cent; NaN where there is no flux, or none in the average is counted.
    """
    flux, counts, of = column(table, "flux"), counted(table), chains(table)
    result = np.full(len(table), np.nan)
    if flux is None:
        return result
    for one in np.unique(of[counts]):
        mean = math.fsum(flux[counts & (of == one)].tolist()) / int((counts & (of == one)).sum())
        result[of == one] = (flux[of == one] / mean - 1) * 100 if mean else np.nan
    return result


def over_median(table: QTable, shown: FloatArray, reference: FloatArray) -> FloatArray:
    """Divide fluxes by the median of their target and kind of frame.

    Parameters
    ----------
    table : astropy.table.QTable
        From `iracdb.report.measured.images`.
    shown : ndarray, shape (n,)
        What is divided.
    reference : ndarray, shape (n,)
        What the medians are of: of the images that are counted.

    Returns
    -------
    ndarray, shape (n,)
        Without unit; NaN where nothing is known.
    """
    of, counts = _numbered(table, "target", "frame_group"), counted(table)
    result = np.full(len(table), np.nan)
    for one in np.unique(of[counts]):
        median = float(np.median(reference[counts & (of == one)]))
        result[of == one] = shown[of == one] / median if median else np.nan
    return result


def in_subarray(table: QTable) -> BoolArray:
    """Tell which images are of the subarray, 32 x 32 pixels.

    Parameters
    ----------
    table : astropy.table.QTable
        With a column ``read_mode``.

    Returns
    -------
    ndarray of bool, shape (n,)
        Which.
    """
    return np.array([str(one) == "SUB" for one in table["read_mode"]], dtype=bool)


def on_detector(table: QTable, x: str = "x", y: str = "y") -> tuple[FloatArray, FloatArray]:
    """Give places on the whole detector, also of images that show its subarray alone.

    Parameters
    ----------
    table : astropy.table.QTable
        From `iracdb.report.measured.images`.
    x, y : str, optional
        Names of the columns; both are there.

    Returns
    -------
    x, y : ndarray, shape (n,)
        Pixels, 0-based, integers at pixel centres.
    """
    at = subarray_corner(int(table.meta["runs"][0]["channel"]))
    part = in_subarray(table)
    across, along = column(table, x), column(table, y)
    nowhere = np.full(len(table), np.nan)
    across = nowhere if across is None else across
    along = nowhere if along is None else along
    return np.where(part, across + at[0], across), np.where(part, along + at[1], along)


def subarray_corner(channel: int) -> tuple[float, float]:
    """Give the place of the subarray's first pixel on the detector.

    Parameters
    ----------
    channel : int
        1 to 4.

    Returns
    -------
    tuple of float
        x and y, pixels, 0-based: what the response's correction adds.
    """
    x, y = NATIVE.coefficients()["warm"][str(channel)]["subarray_offset"]
    return float(x), float(y)


def _numbered(table: QTable, *names: str) -> IntArray:
    rows = ["\0".join(map(str, one)) for one in zip(*(table[name] for name in names), strict=True)]
    return np.unique(np.array(rows), return_inverse=True)[1].astype(np.int64)
