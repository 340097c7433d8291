"""How many frames a second: iracdb against the plain way with astropy and photutils.

Both in one process and in turns, round after round; medians and their ratios are printed. What is
and what is not comparable about them is told in README.md.
"""

from __future__ import annotations

import argparse
import hashlib
import statistics
import tempfile
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from astropy.io import fits
from astropy.modeling.fitting import LevMarLSQFitter
from astropy.modeling.models import Gaussian2D
from astropy.wcs import WCS
from photutils.aperture import CircularAnnulus, CircularAperture, aperture_photometry

from iracdb import Catalogue
from iracdb.irac.simulate import simulate_archive

Radii = tuple[float, float, float]


@dataclass(frozen=True)
class Contest:
    """One thing done in two ways.

    Parameters
    ----------
    name : str
        What is done.
    items : int
        How many frames or files it is done to.
    unit : str
        What they are.
    ours, plain : callable
        Given an empty folder, do it, and give the seconds it took.
    """

    name: str
    items: int
    unit: str
    ours: Callable[[Path], float]
    plain: Callable[[Path], float]


def contests(archive: Path, frames: int) -> list[Contest]:
    """Make the archive, and list what is compared on it."""
    made = simulate_archive(archive, frames=frames, bad_files=False)
    full = [path for path in made.written if "/ch1/" in path.as_posix()]
    # The earlier of two versions is not measured.
    full = [path for path in full if not (path.match("r90002304/*/*/*_0001_0000_1_bcd.fits"))]
    cubes = [path for path in made.written if path.match("r90001024/*/*/*_bcd.fits")]
    large, small = (10.0, 12.0, 20.0), (3.0, 3.0, 7.0)
    count = len(made.written)
    return [
        Contest("ingest", count, "files", ingest(archive), plain_reading(list(made.written))),
        Contest("run, full array", len(full), "frames",
                run(archive, 1, large), plain_photometry(full, large)),
        Contest("run, subarray", len(cubes), "frames",
                run(archive, 2, small, 90001024), plain_photometry(cubes, small)),
    ]  # fmt: skip


def ingest(archive: Path) -> Callable[[Path], float]:
    """Take the archive into a new catalogue, on an empty folder."""

    def once(folder: Path) -> float:
        with Catalogue(folder / "ingest.sqlite") as catalogue:
            return timed(lambda: catalogue.ingest(archive))

    return once


def run(archive: Path, channel: int, radius: Radii, *aors: int) -> Callable[[Path], float]:
    """Make a run over a channel; the ingest before it is not counted."""

    def once(folder: Path) -> float:
        with Catalogue(folder / "run.sqlite") as catalogue:
            catalogue.ingest(archive)
            return timed(lambda: catalogue.run(channel=channel, radius=radius, aors=aors))

    return once


def plain_reading(paths: list[Path]) -> Callable[[Path], float]:
    """Open, read and hash each file."""

    def all_of_them() -> None:
        for path in paths:
            hashlib.sha256(path.read_bytes()).hexdigest()
            with fits.open(path) as hdus:
                dict(hdus[0].header)
                np.asarray(hdus[0].data)

    return lambda _folder: timed(all_of_them)


def plain_photometry(paths: list[Path], radius: Radii) -> Callable[[Path], float]:
    """Measure the target of each frame as one would in a script."""

    def all_of_them() -> None:
        with warnings.catch_warnings():
            # Of headers, of rows without a value, of fits that wander.
            warnings.simplefilter("ignore")
            for path in paths:
                plain_flux(path, radius)

    return lambda _folder: timed(all_of_them)


def plain_flux(path: Path, radius: Radii) -> float:
    """Net flux of one frame's target; NaN where it is off the array."""
    with fits.open(path) as hdus:
        header, image = hdus[0].header, hdus[0].data.astype(float)
    if image.ndim == 3:
        image = np.nanmedian(image[14:], axis=0)
    wcs = WCS(header, naxis=2)
    x, y = wcs.all_world2pix(header["RA_REF"], header["DEC_REF"], 0)
    rows, columns = np.mgrid[int(y - 7) : int(y + 7), int(x - 7) : int(x + 7)]
    if columns.min() < 0 or rows.min() < 0:
        return np.nan
    if columns.max() >= image.shape[1] or rows.max() >= image.shape[0]:
        return np.nan
    box = image[rows, columns]
    held = np.isfinite(box)
    start = Gaussian2D(amplitude=5, x_mean=float(x), y_mean=float(y), x_stddev=4, y_stddev=4)
    fit = LevMarLSQFitter()(start, columns[held], rows[held], box[held], maxiter=2000)
    place = (fit.x_mean.value, fit.y_mean.value)
    r, r_in, r_out = radius
    shapes = [CircularAperture(place, r), CircularAnnulus(place, r_in, r_out)]
    sums = aperture_photometry(image, shapes, mask=~np.isfinite(image))
    sky = sums["aperture_sum_1"][0] / shapes[1].area
    return float(sums["aperture_sum_0"][0] - sky * shapes[0].area)


def timed(work: Callable[[], object]) -> float:
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun


def compete(contest: Contest, rounds: int, scratch: Path) -> tuple[float, float, float]:
    """Give the median frames a second of both ways, and the median ratio of the rounds."""
    ours, plain = [], []
    for number in range(rounds + 1):
        ways = [(contest.ours, ours), (contest.plain, plain)]
        for way, seconds in ways if number % 2 else reversed(ways):
            with tempfile.TemporaryDirectory(dir=scratch) as folder:
                seconds.append(way(Path(folder)))
    # The first round warms the caches of the disk and of the libraries.
    pairs = list(zip(ours[1:], plain[1:], strict=True))
    return (
        contest.items / statistics.median(one for one, _ in pairs),
        contest.items / statistics.median(other for _, other in pairs),
        statistics.median(other / one for one, other in pairs),
    )


def main() -> None:
    """Compare, and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--frames", type=int, default=20, help="exposures an AOR (20)")
    parser.add_argument("--rounds", type=int, default=5, help="rounds after the first (5)")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        scratch = Path(name)
        listed = contests(scratch / "archive", chosen.frames)
        print(f"{'':<18}{'items':>12}{'iracdb':>12}{'plain':>12}{'ratio':>8}")
        for contest in listed:
            ours, plain, ratio = compete(contest, chosen.rounds, scratch)
            items = f"{contest.items} {contest.unit}"
            print(f"{contest.name:<18}{items:>12}{ours:>10.1f}/s{plain:>10.1f}/s{ratio:>8.2f}")


if __name__ == "__main__":
    main()
