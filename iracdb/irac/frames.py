"""Pixels and coordinates of a frame, from what the catalogue already knows of its file."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
from astropy import log
from astropy.coordinates import SkyCoord
from astropy.io import fits
from astropy.utils.exceptions import AstropyWarning
from astropy.wcs import WCS, NoConvergence

from iracdb.errors import InputsChanged

DTYPES = {-32: ">f4", -64: ">f8", 8: ">u1", 16: ">i2", 32: ">i4"}
"""How a pixel is written, by BITPIX."""


@dataclass(frozen=True)
class FrameFile:
    """Where the pixels of a frame are, and what they are.

    Parameters
    ----------
    path : str
        Absolute.
    size, mtime_ns : int
        As the catalogue knows the file.
    bitpix : int
        Type of a pixel.
    shape : tuple of int
        (rows, columns) or (planes, rows, columns).
    data_offset : int
        Bytes before the first pixel.
    scaled : bool
        True where BSCALE or BZERO are in the header.
    wcs : mapping or None
        The cards of the world coordinate system by keyword.
    mask, uncertainty : FrameFile or None, optional
        Other files of the same frame that tell which pixels are bad, and how sure each is; None
        where they are not asked for, or not there.
    """

    path: str
    size: int
    mtime_ns: int
    bitpix: int
    shape: tuple[int, ...]
    data_offset: int
    scaled: bool
    wcs: Mapping[str, Any] | None
    mask: FrameFile | None = None
    uncertainty: FrameFile | None = None


def read_pixels(file: FrameFile) -> npt.NDArray[np.float64]:
    """Read a frame's pixels, and make sure that it is the file that the catalogue knows.

    Parameters
    ----------
    file : FrameFile
        From the catalogue.

    Returns
    -------
    ndarray of float64, shape ``file.shape``
        In the file's units; NaN where a pixel has no value.

    Raises
    ------
    InputsChanged
        Where the file is not there, cannot be read, or has another size or time than it had.
    """
    try:
        with Path(file.path).open("rb") as stream:
            check_unchanged(file, os.fstat(stream.fileno()))
            if file.bitpix in DTYPES and not file.scaled:
                stream.seek(file.data_offset)
                count = int(np.prod(file.shape))
                pixels = np.fromfile(stream, dtype=DTYPES[file.bitpix], count=count)
                pixels = pixels.reshape(file.shape)
            else:
                with fits.open(stream, memmap=False) as hdus:
                    pixels = np.asarray(hdus[0].data)
            check_unchanged(file, os.fstat(stream.fileno()))
    except OSError as problem:
        raise unreadable(file, problem) from None
    return pixels.astype(np.float64)


def unreadable(file: FrameFile, problem: OSError) -> InputsChanged:
    """Say that a frame cannot be read.

    Parameters
    ----------
    file : FrameFile
        From the catalogue.
    problem : OSError
        What the system says.

    Returns
    -------
    InputsChanged
        To be raised.
    """
    return InputsChanged(
        f"{file.path} cannot be read: {problem.strerror or problem}. "
        "Put it back, or ingest where it is now, and repeat the command"
    )


class Known(Protocol):
    """What the catalogue knows of a file's bytes."""

    @property
    def path(self) -> str:
        """Where it lies."""
        ...

    @property
    def size(self) -> int:
        """How many there are."""
        ...

    @property
    def mtime_ns(self) -> int:
        """When they were changed."""
        ...


def check_unchanged(file: Known, status: os.stat_result) -> None:
    """Make sure that a file is the one that the catalogue knows.

    Parameters
    ----------
    file : Known
        Such as a `FrameFile` from the catalogue.
    status : os.stat_result
        Of the file as it is now.

    Raises
    ------
    InputsChanged
        Where size or time of change differ.
    """
    if (status.st_size, status.st_mtime_ns) != (file.size, file.mtime_ns):
        raise InputsChanged(
            f"{file.path} is not the file that was ingested: its size or time has changed. "
            "Ingest it again and make a new run"
        )


@contextmanager
def log_only_errors() -> Iterator[None]:
    """Keep astropy's log silent but for errors.

    Yields
    ------
    None
        Meanwhile.
    """
    level = log.level
    log.setLevel("ERROR")
    try:
        yield
    finally:
        log.setLevel(level)


def make_wcs(cards: Mapping[str, Any]) -> WCS:
    """Make the two-axis WCS of a frame.

    Parameters
    ----------
    cards : mapping
        By keyword, as `iracdb.irac.files.IracFile.wcs`.

    Returns
    -------
    astropy.wcs.WCS
        With SIP distortion where the cards have it.
    """
    # What astropy logs goes to stdout, where only data belongs.
    with log_only_errors(), warnings.catch_warnings():
        # Such as the note that SIP coefficients stand beside a CTYPE without -SIP.
        warnings.simplefilter("ignore", AstropyWarning)
        return WCS(fits.Header(dict(cards)), naxis=2)


def sky_to_pixel(
    cards: Mapping[str, Any] | None, ra: npt.ArrayLike, dec: npt.ArrayLike
) -> npt.NDArray[np.float64]:
    """Find where positions fall on a frame.

    Parameters
    ----------
    cards : mapping or None
        The frame's WCS cards.
    ra, dec : array-like, shape (n,)
        ICRS, degrees.

    Returns
    -------
    ndarray, shape (n, 2)
        x and y in pixels, 0-based, integers at pixel centres, converged to 1e-8 pixels; NaN where
        the position cannot be converted.
    """
    ra = np.array(ra, dtype=np.float64, ndmin=1)
    dec = np.array(dec, dtype=np.float64, ndmin=1)
    if cards is None:
        return np.full((len(ra), 2), np.nan)
    # Here, since only those who measure wait for the compiler to be imported.
    from iracdb.irac.tan_sip import on_planes, read_plane, to_fk5

    plane = read_plane(cards)
    if plane is None:
        return _by_wcslib(cards, ra, dec)
    here = to_fk5(ra, dec) if cards["RADESYS"] == "FK5" else (ra, dec)
    pixels: npt.NDArray[np.float64]
    (pixels,), (unsure,) = on_planes(plane[np.newaxis], here[0][np.newaxis], here[1][np.newaxis])
    if unsure:
        asked = np.isinf(pixels[:, 0])
        pixels[asked] = _by_wcslib(cards, ra[asked], dec[asked])
    return pixels


def sky_to_pixels(
    many: Sequence[Mapping[str, Any] | None], ra: npt.ArrayLike, dec: npt.ArrayLike
) -> npt.NDArray[np.float64]:
    """Find where positions fall on each frame of a block.

    Parameters
    ----------
    many : sequence of mapping or None
        The WCS cards of n frames.
    ra, dec : array-like, shape (n, t) or (t,)
        ICRS, degrees; of one axis, the same for all frames.

    Returns
    -------
    ndarray, shape (n, t, 2)
        As `sky_to_pixel` tells for each frame: the same bits.
    """
    # Here, since only those who measure wait for the compiler to be imported.
    from iracdb.irac.tan_sip import on_planes, read_planes, to_fk5

    ra = np.array(ra, dtype=np.float64, ndmin=1)
    dec = np.array(dec, dtype=np.float64, ndmin=1)
    shape = (len(many), ra.shape[-1])
    ra, dec = np.array(np.broadcast_to(ra, shape)), np.array(np.broadcast_to(dec, shape))
    planes, known, fk5 = read_planes(many)
    lon, lat = ra.copy(), dec.copy()
    for other in np.flatnonzero(fk5):
        lon[other], lat[other] = to_fk5(ra[other], dec[other])
    pixels: npt.NDArray[np.float64]
    pixels, unsure = on_planes(planes, lon, lat)
    for k in range(len(many)):
        if known[k] and not unsure[k]:
            continue
        cards = many[k]
        asked = np.isinf(pixels[k, :, 0]) | ~known[k]
        pixels[k, asked] = (
            np.nan if cards is None else _by_wcslib(cards, ra[k, asked], dec[k, asked])
        )
    return pixels


def _by_wcslib(
    cards: Mapping[str, Any], ra: npt.NDArray[np.float64], dec: npt.NDArray[np.float64]
) -> npt.NDArray[np.float64]:
    """Do the same for any coordinate system."""
    nowhere = np.full((len(ra), 2), np.nan)
    try:
        wcs = make_wcs(cards)
        lon, lat = _in_frame_of(wcs, ra, dec)
        pixels = [_to_pixel(wcs, *position) for position in zip(lon, lat, strict=True)]
    except (ValueError, KeyError, TypeError, AstropyWarning):
        # wcslib's errors are ValueErrors: a header without a usable WCS converts nothing.
        return nowhere
    return np.array(pixels, dtype=float).reshape(len(ra), 2)


def _in_frame_of(
    wcs: WCS, ra: npt.NDArray[np.float64], dec: npt.NDArray[np.float64]
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    system = (wcs.wcs.radesys or "ICRS").strip().upper()
    if system == "ICRS":
        return ra, dec
    position = SkyCoord(ra, dec, unit="deg", frame="icrs").transform_to(system.lower())
    return position.ra.deg, position.dec.deg


def _to_pixel(wcs: WCS, lon: float, lat: float) -> tuple[float, float]:
    if not (np.isfinite(lon) and np.isfinite(lat)):
        return np.nan, np.nan
    try:
        with warnings.catch_warnings():
            # Far off the array the distortion runs away, to infinity and to NaN.
            warnings.simplefilter("ignore", RuntimeWarning)
            x, y = wcs.all_world2pix(lon, lat, 0, tolerance=1e-8, maxiter=50)
    except NoConvergence:
        return np.nan, np.nan
    return (float(x), float(y)) if np.isfinite(x) and np.isfinite(y) else (np.nan, np.nan)
