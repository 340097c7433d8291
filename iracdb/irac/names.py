"""Names of IRAC's archive files, and the kinds of file that they tell.

A Level 1 file is called ``SPITZER_I<channel>_<AORKEY>_<EXPID>_<DCENUM>_<version>_<kind>.fits``
(IRAC Instrument Handbook, "Data Products").
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

Role = Literal["science", "uncertainty", "mask", "coverage"]


@dataclass(frozen=True)
class Kind:
    """A kind of Level 1 file.

    Parameters
    ----------
    name : str
        As the file name tells it.
    role : {'science', 'uncertainty', 'mask', 'coverage'}
        What it is to a measurement.
    rank : int
        Which kind to believe first about the frame: the smallest.
    collapsed : bool
        True for the two-dimensional products of a subarray cube.
    sentence : str
        What it holds.
    """

    name: str
    role: Role
    rank: int
    collapsed: bool
    sentence: str


KINDS: dict[str, Kind] = {
    kind.name: kind
    for kind in (
        Kind("bcd", "science", 0, False, "basic calibrated data, MJy/sr"),
        Kind("cbcd", "science", 1, False, "artifact-corrected basic calibrated data, MJy/sr"),
        Kind("sub2d", "science", 2, True, "a subarray cube collapsed to one image, MJy/sr"),
        Kind("bunc", "uncertainty", 3, False, "uncertainty of the bcd, MJy/sr"),
        Kind("cbunc", "uncertainty", 4, False, "uncertainty of the cbcd, MJy/sr"),
        Kind("bimsk", "mask", 5, False, "imask of the bcd, bits"),
        Kind("brmsk", "mask", 6, False, "outlier mask of the bcd, bits"),
        Kind("unc2d", "uncertainty", 7, True, "uncertainty of the sub2d, MJy/sr"),
        Kind("msk2d", "mask", 8, True, "mask of the sub2d, bits"),
        Kind("cov2d", "coverage", 9, True, "planes that went into each pixel of the sub2d"),
    )
}

_NAME = re.compile(
    r"SPITZER_I(?P<channel>[1-4])_(?P<aorkey>\d{1,12})_(?P<expid>\d{4})_(?P<dcenum>\d{4})"
    r"_(?P<version>\d{1,4})_(?P<kind>[A-Za-z0-9]+)\.fits"
)


@dataclass(frozen=True, order=True)
class FileName:
    """What a file's name tells.

    Parameters
    ----------
    channel : int
        1 to 4.
    aorkey : int
        Key of the Astronomical Observation Request.
    expid, dcenum : int
        Exposure within the AOR, and data-collection event within the exposure.
    version : int
        Version of the processed file.
    kind : str
        Such as ``'bcd'``; not necessarily one of `KINDS`.
    """

    channel: int
    aorkey: int
    expid: int
    dcenum: int
    version: int
    kind: str

    def __str__(self) -> str:
        return (
            f"SPITZER_I{self.channel}_{self.aorkey}_{self.expid:04d}_{self.dcenum:04d}"
            f"_{self.version}_{self.kind}.fits"
        )


def parse_name(name: str) -> FileName | None:
    """Read a file's name.

    Parameters
    ----------
    name : str
        The name without folders.

    Returns
    -------
    FileName or None
        None where the name is not of the archive's form.

    Examples
    --------
    >>> parse_name("SPITZER_I1_48765440_0084_0000_1_bcd.fits")
    FileName(channel=1, aorkey=48765440, expid=84, dcenum=0, version=1, kind='bcd')
    """
    match = _NAME.fullmatch(name)
    if match is None:
        return None
    fields = match.groupdict()
    kind = fields.pop("kind")
    numbers = {field: int(text) for field, text in fields.items()}
    return FileName(**numbers, kind=kind)


def kind_in(name: str) -> str | None:
    """Read a file's name for its kind alone, which is asked of every file of an archive.

    Parameters
    ----------
    name : str
        The name without folders.

    Returns
    -------
    str or None
        As `parse_name` tells it; None where the name is not of the archive's form.

    Examples
    --------
    >>> kind_in("SPITZER_I1_48765440_0084_0000_1_bcd.fits")
    'bcd'
    """
    match = _NAME.fullmatch(name)
    return None if match is None else match["kind"]
