"""One file taken in: what its name, its header and its bytes tell, checked against each other."""

from __future__ import annotations

import errno
import hashlib
import os
import threading
from dataclasses import dataclass
from functools import lru_cache
from io import FileIO
from typing import Any

from iracdb.errors import BadFile
from iracdb.irac.header import Header, header_at_start, read_header
from iracdb.irac.header_marks import MARK_KEYWORDS, marks_of
from iracdb.irac.names import KINDS, FileName, parse_name

_CHUNK = 1 << 20
"""Most files are shorter: they are read by one call, and what is in memory serves both hashes."""

_SHAPES = {(256, 256), (64, 32, 32), (32, 32)}

FACTS = (
    "creator", "mjd_obs", "date_obs", "read_mode", "frame_time", "exposure_time", "hdr_part",
    "dither_position", "dither_scale", "aor_label", "object", "ra_ref", "dec_ref", "bunit",
    "fluxconv", "gain", "ronoise", "bscale", "bzero", "pixel_scale_x", "pixel_scale_y",
    "utcs_obs", "spacecraft_x", "spacecraft_y", "spacecraft_z",
    "spacecraft_vx", "spacecraft_vy", "spacecraft_vz", "header_marks", "dark_sky",
    "fpa_temperature", "jitter",
)  # fmt: skip
"""What a header tells of its exposure and its processing, by the names of the columns."""


@dataclass(frozen=True)
class IracFile:
    """One IRAC file, read and checked.

    Parameters
    ----------
    name : FileName
        What the file's name tells; the header does not contradict it.
    size : int
        Bytes.
    mtime_ns : int
        Time of change, nanoseconds.
    sha256, data_sha256 : str
        Of all bytes, and of the pixels as stored without padding; hexadecimal.
    header : Header
        As it is in the file.
    bitpix : int
        Type of a pixel.
    shape : tuple of int
        (rows, columns) or (planes, rows, columns).
    facts : dict
        By the names in `FACTS`; None where the header is silent.
    wcs : dict or None
        The cards of the world coordinate system by keyword; None where there is none.
    """

    name: FileName
    size: int
    mtime_ns: int
    sha256: str
    data_sha256: str
    header: Header
    bitpix: int
    shape: tuple[int, ...]
    facts: dict[str, Any]
    wcs: dict[str, Any] | None


def read_irac_file(path: str | os.PathLike[str]) -> IracFile:
    """Read one file once, and check it.

    Parameters
    ----------
    path : path-like
        Of a file named as the archive names them.

    Returns
    -------
    IracFile
        All that the catalogue keeps of it.

    Raises
    ------
    BadFile
        Whatever is wrong with it; ``code`` tells in a word, the message in a sentence that
        begins with "it" or "its".
    """
    name = _checked_name(os.path.basename(path))
    try:
        with FileIO(path) as stream:
            before = os.fstat(stream.fileno())
            found = _read(stream, name, before)
            after = os.fstat(stream.fileno())
    except OSError as problem:
        raise BadFile(_why_unreadable(problem), code="unreadable") from None
    if (before.st_size, before.st_mtime_ns) != (after.st_size, after.st_mtime_ns):
        raise BadFile("it changed while it was read", code="changing")
    return found


def _why_unreadable(problem: OSError) -> str:
    if problem.errno in (errno.EACCES, errno.EPERM):
        return "it cannot be read: no permission"
    return f"it cannot be read: {problem.strerror or problem}"


def _checked_name(text: str) -> FileName:
    name = parse_name(text)
    if name is None:
        raise BadFile(
            "its name is not of the archive's form "
            "SPITZER_I<channel>_<AORKEY>_<EXPID>_<DCENUM>_<version>_<kind>.fits, "
            "so its kind cannot be told",
            code="unknown-name",
        )
    if name.kind not in KINDS:
        raise BadFile(f"{name.kind} is not a kind that iracdb takes in", code="unknown-kind")
    return name


class _Memory(threading.local):
    """Room for the bytes of a file, which each thread has once."""

    def __init__(self) -> None:
        self.room = bytearray(_CHUNK)


_memory = _Memory()


def _fill(stream: FileIO, room: memoryview) -> int:
    """Read until there is no room left or no file; give how many bytes."""
    length = 0
    while length < len(room) and (more := stream.readinto(room[length:])):
        length += more
    return length


def _read(stream: FileIO, name: FileName, status: os.stat_result) -> IracFile:
    room = _memory.room
    with memoryview(room) as view:
        # No more is asked for than there is: a system may prepare room for all that is asked for.
        length = _fill(stream, view[: status.st_size])
        left = status.st_size - length
        header = header_at_start(room, length, whole=length < len(room))
        if header is None:
            stream.seek(0)
            header = read_header(stream)
            left = status.st_size - len(header.verbatim)
            start, length = 0, _fill(stream, view[:left])
            left -= length
            whole = hashlib.sha256(header.verbatim)
        else:
            start = len(header.verbatim)
            whole = hashlib.sha256()
        check_identity(header, name)
        bitpix, shape = _layout(header, name)
        pixel_bytes = abs(bitpix) // 8
        for axis in shape:
            pixel_bytes *= axis
        data = hashlib.sha256()
        missing = pixel_bytes
        while length:
            whole.update(view[:length])
            pixels = view[start : min(length, start + missing)]
            data.update(pixels)
            missing -= len(pixels)
            start, length = 0, _fill(stream, view[:left])
            left -= length
    if missing > 0:
        raise BadFile(
            f"it ends in the pixels: {missing} of {pixel_bytes} bytes are missing",
            code="truncated-data",
        )
    return IracFile(
        name=name,
        size=status.st_size,
        mtime_ns=status.st_mtime_ns,
        sha256=whole.hexdigest(),
        data_sha256=data.hexdigest(),
        header=header,
        bitpix=bitpix,
        shape=shape,
        facts=_facts(header, name),
        wcs=header.wcs,
    )


def check_identity(header: Header, name: FileName) -> None:
    """Check that a header is IRAC's and does not contradict the file's name.

    Parameters
    ----------
    header : Header
        Of the file.
    name : FileName
        What its name tells.

    Raises
    ------
    BadFile
        ``other-instrument``, ``no-aorkey`` or ``name-mismatch``.
    """
    instrument = header.text("INSTRUME") or ""
    if not instrument.startswith("IRAC"):
        raise BadFile(
            f"its instrument is {instrument or 'not told'}, not IRAC", code="other-instrument"
        )
    if header.integer("AORKEY") is None:
        raise BadFile("its header has no AORKEY", code="no-aorkey")
    told = {"AORKEY": name.aorkey, "CHNLNUM": name.channel, "EXPID": name.expid,
            "DCENUM": name.dcenum}  # fmt: skip
    for keyword, expected in told.items():
        found = header.integer(keyword)
        # Companions do not carry every keyword; the name completes them.
        if found is not None and found != expected:
            raise BadFile(
                f"its header says {keyword} {found}, its name says {expected}",
                code="name-mismatch",
            )


def _layout(header: Header, name: FileName) -> tuple[int, tuple[int, ...]]:
    bitpix = header.integer("BITPIX")
    axes = header.integer("NAXIS")
    if bitpix not in (8, 16, 32, 64, -32, -64) or axes is None or not 0 <= axes <= 999:
        raise BadFile("its header has no usable BITPIX and NAXIS", code="bad-header")
    shape = tuple(header.integer(f"NAXIS{axis}") or 0 for axis in range(axes, 0, -1))
    expected = {(32, 32)} if KINDS[name.kind].collapsed else _SHAPES
    if shape not in expected:
        shown = " x ".join(map(str, shape)) or "no pixels"
        raise BadFile(f"its image is {shown}, which no {name.kind} is", code="unexpected-shape")
    return bitpix, shape


def _facts(header: Header, name: FileName) -> dict[str, Any]:
    facts: dict[str, Any] = {
        "creator": header.text("CREATOR"),
        "mjd_obs": header.number("MJD_OBS"),
        "date_obs": header.text("DATE_OBS"),
        "read_mode": header.text("READMODE"),
        "frame_time": header.number("FRAMTIME"),
        "exposure_time": header.number("EXPTIME"),
        "hdr_part": (header.text("HDRFRAME") or "").strip().lower() or None,
        "dither_position": header.integer("DITHPOS"),
        "dither_scale": header.text("DITHSCAL"),
        "aor_label": header.text("AORLABEL"),
        "object": header.text("OBJECT"),
        "ra_ref": header.number("RA_REF"),
        "dec_ref": header.number("DEC_REF"),
        "bunit": header.text("BUNIT"),
        "fluxconv": header.number("FLUXCONV"),
        "gain": header.number("GAIN"),
        "ronoise": header.number("RONOISE"),
        "bscale": header.number("BSCALE"),
        "bzero": header.number("BZERO"),
        "pixel_scale_x": header.number("PXSCAL1"),
        "pixel_scale_y": header.number("PXSCAL2"),
        "utcs_obs": header.number("UTCS_OBS"),
        "spacecraft_x": header.number("SPTZR_X"),
        "spacecraft_y": header.number("SPTZR_Y"),
        "spacecraft_z": header.number("SPTZR_Z"),
        "spacecraft_vx": header.number("SPTZR_VX"),
        "spacecraft_vy": header.number("SPTZR_VY"),
        "spacecraft_vz": header.number("SPTZR_VZ"),
        "header_marks": _marks(tuple(map(header.text, MARK_KEYWORDS))),
        "dark_sky": header.number("SKYDRKZB"),
        "fpa_temperature": header.number("AFPAT2B"),
        "jitter": header.number("RMS_JIT"),
    }
    position = facts["dither_position"]
    if position is not None and abs(position) >= 2**31:
        facts["dither_position"] = None
    if facts["ra_ref"] is None or facts["dec_ref"] is None:
        facts["ra_ref"] = facts["dec_ref"] = None
    if KINDS[name.kind].role == "science" and facts["mjd_obs"] is None:
        raise BadFile(
            "its header has no usable MJD_OBS, so neither time nor mission can be told",
            code="bad-header",
        )
    return facts


@lru_cache(256)
def _marks(texts: tuple[str | None, ...]) -> int:
    """Read the marks of a frame: most files tell the same."""
    return marks_of(dict(zip(MARK_KEYWORDS, texts, strict=True)))


AOR_FACTS = {
    "label": "AORLABEL", "program_title": "PROTITLE", "observer": "OBSRVR", "object": "OBJECT",
    "aot": "AOT_TYPE", "request_type": "REQTYPE", "campaign": "CAMPAIGN", "fov_name": "FOVNAME",
    "dither_scale": "DITHSCAL",
}  # fmt: skip
"""Columns of an AOR by the keyword that tells them."""

_AOR_NUMBERS = {"program": "PROGID", "program_category": "PROGCAT", "cycle": "PROCYCL"}


def aor_facts(header: Header) -> dict[str, Any]:
    """Tell what a header says of the AOR it belongs to.

    Parameters
    ----------
    header : Header
        Of any file of the AOR.

    Returns
    -------
    dict
        By the names of the catalogue's columns; None where the header is silent.
    """
    facts: dict[str, Any] = {column: header.text(key) for column, key in AOR_FACTS.items()}
    facts |= {column: header.integer(key) for column, key in _AOR_NUMBERS.items()}
    facts["cycling"] = is_cycling(facts["label"])
    return facts


def is_cycling(label: str | None) -> bool | None:
    """Tell whether an AOR's label names a cycling dither.

    Parameters
    ----------
    label : str or None
        AORLABEL.

    Returns
    -------
    bool or None
        None where there is no label.
    """
    return None if label is None else "cycl" in label.lower()
