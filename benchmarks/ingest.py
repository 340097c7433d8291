"""How fast files are taken in, new ones and those that are known.

New files are read, hashed twice, checked, and their headers go into a database, against reading
and sha256 alone and against astropy's getheader alone. Known files are looked at only, against
os.stat of each in Python. All on one core, in turns.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
import warnings
from pathlib import Path

from archives import make_archive
from astropy.io import fits
from places import empty
from rows import PROCESSOR, Row, alone, ratios, timed, turns

from iracdb import Catalogue

PIXELS = 256 * 256 * 4
"""Bytes of a frame's image."""

NEW = {"tiny": 5, "small": 300, "full": 10_000}
KNOWN = {"tiny": 10, "small": 2000, "full": 100_000}


def hash_all(paths: list[Path]) -> None:
    for path in paths:
        hashlib.sha256(path.read_bytes()).hexdigest()


def hash_all_twice(paths: list[Path]) -> None:
    """Read files, and hash both what an ingest hashes: all bytes, and the pixels."""
    for path in paths:
        content = path.read_bytes()
        hashlib.sha256(content).hexdigest()
        hashlib.sha256(memoryview(content)[-PIXELS:]).hexdigest()


def headers_of_all(paths: list[Path]) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of cards that are no standard
        for path in paths:
            fits.getheader(path)


def ingest(archive: Path, folder: Path) -> float:
    """Time an ingest into a new catalogue."""
    with empty("SQLite", folder) as location, Catalogue(location) as catalogue:
        return timed(lambda: catalogue.ingest(archive))


def new_files(size: str) -> list[Row]:
    """Take in files that the catalogue does not know."""
    with tempfile.TemporaryDirectory() as name:
        archive = Path(name) / "archive"
        paths = make_archive(archive, NEW[size])
        seconds = turns(
            {
                "ours": lambda: ingest(archive, Path(name)),
                "hashing": lambda: timed(lambda: hash_all(paths)),
                "twice": lambda: timed(lambda: hash_all_twice(paths)),
                "headers": lambda: timed(lambda: headers_of_all(paths)),
            },
            size,
        )
    what = f"ingest of {NEW[size]:,} new files"
    floor = "the floor: reading and both hashes of these files, and nothing else"
    once, parsed = "reading the files and sha256 alone", "astropy.io.fits.getheader alone"
    return [
        Row(what, once, 0.6, ratios(seconds["hashing"], seconds["ours"]), PROCESSOR,
            why="Two hashes are kept, of all bytes and of the pixels, and neither helps the other: "
                "the floor is below the goal. Beside them the header is compressed, and written."),
        Row(floor, once, None, ratios(seconds["hashing"], seconds["twice"]), PROCESSOR),
        Row(what, "reading the files and both hashes", None,
            ratios(seconds["twice"], seconds["ours"]), PROCESSOR),
        Row(what, parsed, 15, ratios(seconds["headers"], seconds["ours"]), PROCESSOR,
            why="The two hashes alone take longer than a fifteenth of getheader."),
        Row(floor, parsed, None, ratios(seconds["headers"], seconds["twice"]), PROCESSOR),
    ]  # fmt: skip


def known_files(size: str) -> list[Row]:
    """Look at files that the catalogue knows."""
    with tempfile.TemporaryDirectory() as name:
        archive = Path(name) / "archive"
        # Their bytes are not read again: they may have holes.
        paths = make_archive(archive, KNOWN[size], holes=True)
        with empty("SQLite", Path(name)) as location, Catalogue(location) as catalogue:
            catalogue.ingest(archive)
            seconds = turns(
                {
                    "ours": lambda: timed(lambda: catalogue.ingest(archive)),
                    "stat": lambda: timed(lambda: [os.stat(path) for path in paths]),
                },
                size,
            )
    return [
        Row(f"ingest of {KNOWN[size]:,} files again, nothing new", "os.stat of each", 0.3,
            ratios(seconds["stat"], seconds["ours"]), PROCESSOR,
            why="Folders are listed too, and each path is looked up among those known."),
    ]  # fmt: skip


def rows(size: str) -> list[Row]:
    """Measure both."""
    return new_files(size) + known_files(size)


if __name__ == "__main__":
    alone(rows, __doc__)
