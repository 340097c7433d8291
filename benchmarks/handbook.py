"""How fast full-array frames are measured with the recipe "handbook", on one core.

Against the same steps done plainly with photutils and astropy.stats: image, mask and uncertainty
are opened, the coordinate system is made from the header, the first moment in a box of 7 x 7 pixels
is taken twice, the mode of the sky from the clipped pixels of the annulus, and circle and error are
summed into a table. Both know no database, and take turns.
"""

from __future__ import annotations

import tempfile
import warnings
from pathlib import Path

import numpy as np
import plain
from astropy.io import fits
from astropy.stats import sigma_clip, sigma_clipped_stats
from photutils.aperture import CircularAnnulus, CircularAperture, aperture_photometry
from photutils.centroids import centroid_com
from rows import PROCESSOR, Row, alone, ratios, timed, turns

from iracdb.irac.files import read_irac_file
from iracdb.irac.frames import FrameFile
from iracdb.irac.mask_bits import FATAL
from iracdb.irac.simulate import FrameSpec, companions, simulate_frame, write_fits
from iracdb.photometry.aperture import Aperture
from iracdb.photometry.planes import Planes
from iracdb.runs.images import BLOCK
from iracdb.runs.measuring import Block, measure
from iracdb.runs.recipes import recipe_named

FRAMES = {"tiny": 2, "small": 100, "full": 300}
RECIPE = recipe_named("handbook")
TARGET = (270.0, 66.0)
HALF_BOX, NEAR, RING = 3, 3, (6, 12)


def make_frames(folder: Path, count: int) -> list[FrameFile]:
    """Simulate frames with their masks and uncertainties, the star somewhere in the middle."""
    frames = []
    rng = np.random.default_rng(1)
    for exposure in range(count):
        x, y = rng.uniform(60, 190, 2)
        spec = FrameSpec(
            channel=1, expid=exposure, ra=TARGET[0], dec=TARGET[1], x=float(x), y=float(y),
            flux_mjy=200.0,
        )  # fmt: skip
        cards, image = simulate_frame(spec, rng)
        beside = companions(spec, image)
        files = {"bcd": (cards, image), "bimsk": beside["bimsk"], "bunc": beside["bunc"]}
        paths = {}
        for kind, (header, data) in files.items():
            paths[kind] = folder / f"SPITZER_I1_90000000_{exposure:04d}_0000_1_{kind}.fits"
            write_fits(paths[kind], header, data)
        mask, uncertainty = (known(paths[kind]) for kind in ("bimsk", "bunc"))
        frames.append(known(paths["bcd"], mask, uncertainty))
    return frames


def known(
    path: Path, mask: FrameFile | None = None, uncertainty: FrameFile | None = None
) -> FrameFile:
    """Tell what the catalogue knows of a file."""
    file = read_irac_file(path)
    return FrameFile(
        str(path), file.size, file.mtime_ns, file.bitpix, file.shape, len(file.header.verbatim),
        False, file.wcs, mask, uncertainty,
    )  # fmt: skip


def ours(frames: list[FrameFile]) -> np.ndarray:
    """Measure as a run does, and give centres and fluxes (n, 3)."""
    found = []
    for first in range(0, len(frames), BLOCK):
        block = Block(
            tuple(frames[first : first + BLOCK]), TARGET[:1], TARGET[1:], (None,),
            (Aperture(*RECIPE.radii),), RECIPE.centre, RECIPE.sky, Planes.parse(RECIPE.planes),
            FATAL,
        )  # fmt: skip
        ((one,),) = measure(block)
        net = one.fluxes.raw - one.fluxes.background
        found.append(np.stack([one.centres.x, one.centres.y, net], axis=1))
    return np.concatenate(found)


def plainly(frames: list[FrameFile]) -> np.ndarray:
    """Measure with photutils and astropy.stats, and give centres and fluxes (n, 3)."""
    table = plain.empty_table()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of headers
        for frame in frames:
            add_plain_row(table, frame)
    return np.stack([table["x"], table["y"], table["net"]], axis=1)


def add_plain_row(table: plain.Table, frame: FrameFile) -> None:
    assert frame.mask is not None
    assert frame.uncertainty is not None
    header, image = plain.open_frame(Path(frame.path))
    bad = (fits.getdata(frame.mask.path).astype(int) & FATAL) != 0
    error = fits.getdata(frame.uncertainty.path).astype(float)
    bad |= ~np.isfinite(image)
    x, y = plain.place(header, *TARGET)
    near = np.where(bad, -np.inf, image)[box(x, y, NEAR)]
    row, column = np.unravel_index(int(near.argmax()), near.shape)
    x, y = round(x) - NEAR + float(column), round(y) - NEAR + float(row)
    for _ in range(2):
        left, bottom = round(x) - HALF_BOX, round(y) - HALF_BOX
        around = box(x, y, HALF_BOX)
        light = image[around] - ring_median(image, bad, x, y)
        x, y = centroid_com(light, mask=bad[around])
        x, y = float(x) + left, float(y) + bottom
    r, r_in, r_out = RECIPE.radii
    circle = CircularAperture((x, y), r)
    annulus = CircularAnnulus((x, y), r_in, r_out).to_mask(method="center")
    clipped = sigma_clip(annulus.get_values(image, mask=bad), sigma=3, maxiters=None, masked=False)
    sky = 3 * np.median(clipped) - 2 * np.mean(clipped)
    sums = aperture_photometry(image, circle, error=error, mask=bad)
    raw, background = float(sums["aperture_sum"][0]), float(sky) * circle.area
    table.add_row(
        (x, y, float(sums["aperture_sum_err"][0]), 0.0, raw, background, raw - background)
    )


def box(x: float, y: float, half: int) -> tuple[slice, slice]:
    """Give the pixels around the one that holds a place."""
    column, row = round(x), round(y)
    return slice(row - half, row + half + 1), slice(column - half, column + half + 1)


def ring_median(image: np.ndarray, bad: np.ndarray, x: float, y: float) -> float:
    """Give the clipped median of the square ring around a place."""
    inner, outer = RING
    around = box(x, y, outer)
    within = bad[around].copy()
    middle = slice(outer - inner, outer + inner + 1)
    within[middle, middle] = True
    return float(sigma_clipped_stats(image[around], mask=within)[1])


def rows(size: str) -> list[Row]:
    """Measure simulated frames both ways, which must agree."""
    with tempfile.TemporaryDirectory() as name:
        frames = make_frames(Path(name), FRAMES[size])
        # Rings and clipping differ in their details, the stars are bright.
        np.testing.assert_allclose(ours(frames), plainly(frames), rtol=2e-3)
        times = 1 if size == "tiny" else 10
        seconds = turns(
            {
                "ours": lambda: timed(lambda: ours(frames), times=times),
                "plain": lambda: timed(lambda: plainly(frames)),
            },
            size,
        )
    return [
        Row(f'measuring {len(frames):,} full-array frames, recipe "handbook"',
            "the same steps by photutils and astropy.stats", 100,
            ratios(seconds["plain"], seconds["ours"]), PROCESSOR),
    ]  # fmt: skip


if __name__ == "__main__":
    alone(rows, __doc__)
