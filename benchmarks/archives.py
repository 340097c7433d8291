"""Archives of any size for measuring: full-array frames, each with bytes of its own.

A few frames are simulated; the others are made of them, under keys and times of their own and with
a number in a corner that no aperture reaches. So no two files have the same hash, and a thousand
take a second.
"""

from __future__ import annotations

import tempfile
from datetime import datetime, timedelta
from functools import cache
from itertools import cycle, islice
from pathlib import Path

import numpy as np

from iracdb.irac.files import read_irac_file
from iracdb.irac.frames import sky_to_pixel
from iracdb.irac.simulate import simulate_archive

IN_AN_AOR = 100
FIRST_AOR = 40_000_000
SIMULATED_AOR = 90_000_256
"""All is made of its frames, full-array frames of channel 1."""
START = datetime(2005, 1, 1)
START_MJD = 53371.0
SECONDS_APART = 14
BESIDE_STAR = 40
"""Rows to each side of the star that a file with holes still has: more than a run reads."""

_CARD, _BLOCK = 80, 2880


def make_archive(folder: Path, files: int, *, holes: bool = False) -> list[Path]:
    """Write an archive of full-array frames of channel 1.

    Parameters
    ----------
    folder : Path
        Where; it is made.
    files : int
        How many, `IN_AN_AOR` an AOR.
    holes : bool, optional
        Whether pixels far from the star are 0 and take no room on the disk.

    Returns
    -------
    list of Path
        The files.
    """
    made = []
    own = [(header, data.copy(), row) for header, data, row in _templates()]
    for i, (header, data, row) in enumerate(islice(cycle(own), files)):
        aor, exposure = FIRST_AOR + i // IN_AN_AOR, i % IN_AN_AOR
        path = folder / f"r{aor}/ch1/bcd/SPITZER_I1_{aor}_{exposure:04d}_0000_1_bcd.fits"
        if exposure == 0:
            path.parent.mkdir(parents=True)
        with path.open("wb", buffering=0) as stream:
            stream.write(_with_cards(header, aor, exposure, i))
            width = data.shape[1] * data.itemsize
            first, end = (row - BESIDE_STAR, row + BESIDE_STAR) if holes else (0, len(data))
            data[max(first, 0), 0] = i
            stream.seek(len(header) + max(first, 0) * width)
            stream.write(data[max(first, 0) : end].tobytes())
            whole = len(header) + data.nbytes
            stream.truncate(whole + -whole % _BLOCK)
        made.append(path)
    return made


def header_of_a_frame() -> bytes:
    """Give the header of a simulated frame, as it is in the file."""
    return _templates()[0][0]


@cache
def _templates() -> list[tuple[bytes, np.ndarray, int]]:
    """Give header, pixels and the star's row of simulated frames, made once in a process."""
    found = []
    with tempfile.TemporaryDirectory() as name:
        made = simulate_archive(Path(name) / "archive", frames=8, bad_files=False)
        for path in made.written:
            # Of one AOR: frames of different calibration are not averaged.
            if not path.match(f"r{SIMULATED_AOR}/*/*/*_bcd.fits"):
                continue
            file = read_irac_file(path)
            x, y = sky_to_pixel(file.wcs, file.facts["ra_ref"], file.facts["dec_ref"])[0]
            if 30 < x < 225 and 30 < y < 225:
                whole, start = path.read_bytes(), len(file.header.verbatim)
                shape = (256, 256)
                data = np.frombuffer(whole, ">f4", 256 * 256, start).reshape(shape).copy()
                found.append((whole[:start], data, int(y)))
    return found


def _with_cards(header: bytes, aor: int, exposure: int, i: int) -> bytes:
    """Give a header the keys and the time of frame i."""
    time = START + timedelta(seconds=SECONDS_APART * i)
    values = {
        "AORKEY": f"{aor:>20}",
        "EXPID": f"{exposure:>20}",
        "DCENUM": f"{0:>20}",
        "FILE_VER": f"{1:>20}",
        "MJD_OBS": f"{START_MJD + SECONDS_APART * i / 86400:>20.8f}",
        "DATE_OBS": f"'{time.isoformat(timespec='milliseconds')}'",
    }
    cards = bytearray(header)
    for place in range(0, len(cards), _CARD):
        value = values.get(cards[place : place + 8].decode("ascii").rstrip())
        if value is not None:
            card = f"{cards[place : place + 8].decode('ascii')}= {value}"
            cards[place : place + _CARD] = card.ljust(_CARD).encode("ascii")
    return bytes(cards)
