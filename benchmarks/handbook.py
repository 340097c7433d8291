"""How fast the handbook's recipe measures on one core, masks and uncertainties read too.

Both in one process and in turns, five rounds after one that warms the caches, by the time that the
processor is at work. README.md tells how to read it.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
import warnings
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import plain
import plain_handbook

from iracdb.irac.files import read_irac_file
from iracdb.irac.frames import FrameFile, sky_to_pixel
from iracdb.irac.mask_bits import FATAL
from iracdb.irac.simulate import FrameSpec, file_path, write_series
from iracdb.photometry.aperture import Aperture
from iracdb.photometry.centre import centre_named
from iracdb.photometry.measure import fit_centres, measure_fluxes
from iracdb.photometry.planes import Planes
from iracdb.runs.images import BLOCK, FARTHEST_OF_CENTRES, read_images
from iracdb.runs.measuring import Block, measure
from iracdb.runs.recipes import recipe_named

RECIPE = recipe_named("handbook")
PLANES = Planes.parse(RECIPE.planes)
GOAL = 100

Three = tuple[Path, Path, Path]


def make_frames(
    folder: Path, wanted: int, *, subarray: bool
) -> tuple[list[FrameFile], list[Three]]:
    """Simulate frames with masks and uncertainties, and tell what the catalogue knows of them."""
    rng = np.random.default_rng(1)
    middle = 15.5 if subarray else 127.5
    specs = [
        FrameSpec(
            channel=1, expid=k, subarray=subarray, x=middle + dx, y=middle + dy,
            mask_bits=((4, 3, 5), (14, 20, 20)),
        )
        for k, (dx, dy) in enumerate(rng.uniform(-2, 2, (wanted, 2)))
    ]  # fmt: skip
    write_series(folder, specs, beside=True)
    frames, paths = [], []
    for spec in specs:
        three = tuple(file_path(folder, spec.name(kind)) for kind in ("bcd", "bimsk", "bunc"))
        science, mask, uncertainty = map(known, three)
        frames.append(replace(science, mask=mask, uncertainty=uncertainty))
        paths.append(three)
    return frames, paths  # type: ignore[return-value]


def known(path: Path) -> FrameFile:
    """Tell what the catalogue knows of a file."""
    file = read_irac_file(path)
    return FrameFile(
        str(path), file.size, file.mtime_ns, file.bitpix, file.shape,
        len(file.header.verbatim), False, file.wcs,
    )  # fmt: skip


class Ours:
    """What a run does with its blocks."""

    def __init__(self, frames: list[FrameFile], target: tuple[float, float]) -> None:
        ra, dec = (target[0],), (target[1],)
        self.blocks = [
            Block(
                tuple(frames[i : i + BLOCK]), ra, dec, (None,), (Aperture(*RECIPE.radii),),
                RECIPE.centre, RECIPE.sky, PLANES, FATAL,
            )
            for i in range(0, len(frames), BLOCK)
        ]  # fmt: skip

    def __call__(self) -> np.ndarray:
        """Measure all frames once, and give net fluxes and their errors."""
        found = [measure(block)[0][0].fluxes for block in self.blocks]
        return np.concatenate([(one.net, one.net_error) for one in found], axis=1)

    def steps(self) -> dict[str, float]:
        """Time each step by itself, in seconds over all frames."""
        spent = dict.fromkeys(("coordinates", "reading", "centre", "apertures"), 0.0)
        for block in self.blocks:
            marks = [time.process_time()]
            at = np.concatenate(
                [sky_to_pixel(frame.wcs, block.ra, block.dec) for frame in block.frames]
            )
            marks.append(time.process_time())
            images = read_images(
                block.frames, at[:, :1], at[:, 1:], FARTHEST_OF_CENTRES, PLANES, FATAL
            )
            marks.append(time.process_time())
            x, y = at.T
            centre = centre_named(RECIPE.centre)
            centres = fit_centres(images.values, x, y, centre=centre, masked=images.masked)
            marks.append(time.process_time())
            measure_fluxes(
                images.values, x, y, centres, block.apertures[0],
                sky=RECIPE.sky, masked=images.masked, variance=images.variance,
            )  # fmt: skip
            marks.append(time.process_time())
            for name, begun, ended in zip(spent, marks, marks[1:], strict=False):
                spent[name] += ended - begun
        return spent


def plain_steps(
    frames: list[FrameFile], paths: list[Three], target: tuple[float, float]
) -> dict[str, Callable[[], object]]:
    """List the steps of the plain way, each over all frames."""
    opened = [plain_handbook.open_frame(three) for three in paths]
    at = [sky_to_pixel(frame.wcs, *target)[0] for frame in frames]
    both = list(zip([arrays for _, arrays in opened], at, strict=True))
    return {
        "coordinates": lambda: [plain.place(header, *target) for header, _ in opened],
        "reading": lambda: [plain_handbook.open_frame(three) for three in paths],
        "centre": lambda: [plain_handbook.centre(*arrays[:2], *xy) for arrays, xy in both],
        "apertures": lambda: [
            plain_handbook.photometry(arrays, *xy, RECIPE.radii) for arrays, xy in both
        ],
    }


def timed(work: Callable[[], object]) -> float:
    begun = time.process_time()
    work()
    return time.process_time() - begun


def compare(name: str, wanted: int, rounds: int, *, subarray: bool) -> None:
    """Measure frames of one kind both ways, and print."""
    with tempfile.TemporaryDirectory() as folder:
        frames, paths = make_frames(Path(folder), wanted, subarray=subarray)
        target = (FrameSpec(channel=1).ra, FrameSpec(channel=1).dec)
        ours, targets = Ours(frames, target), [target] * len(frames)
        net, error = ours()
        table = plain_handbook.measure_all(paths, RECIPE.radii, targets)
        spent: dict[str, list[float]] = {"ours": [], "plain": []}
        for number in range(rounds):
            for way in sorted(spent, reverse=bool(number % 2)):
                # Once is too short to be timed beside the plain way.
                if way == "ours":
                    seconds = timed(lambda: [ours() for _ in range(10)]) / 10
                else:
                    seconds = timed(
                        lambda: plain_handbook.measure_all(paths, RECIPE.radii, targets)
                    )
                spent[way].append(seconds)
        ratios = [b / a for a, b in zip(spent["ours"], spent["plain"], strict=True)]
        each = {way: statistics.median(found) / len(frames) * 1e6 for way, found in spent.items()}
        print(f"{name}: {each['ours']:.0f} us a frame, plain {each['plain']:.0f} us")
        print(f"rate over that of plain: {statistics.median(ratios):.3g} "
              f"({min(ratios):.3g} to {max(ratios):.3g}), goal {GOAL}")  # fmt: skip
        print(f"largest difference of net fluxes {np.max(np.abs(net / table['net'] - 1)):.1e}, "
              f"of errors {np.max(np.abs(error / table['error'] - 1)):.1e}")  # fmt: skip
        print(f"{'step':<14}{'ours us':>10}{'plain us':>12}{'ratio':>8}")
        others = plain_steps(frames, paths, target)
        for step, seconds in ours.steps().items():
            one, other = (s / len(frames) * 1e6 for s in (seconds, timed(others[step])))
            print(f"{step:<14}{one:>10.1f}{other:>12.0f}{other / one:>8.0f}")


def main() -> None:
    """Compare full arrays, then cubes."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--frames", type=int, default=300, help="frames of each kind (300)")
    parser.add_argument("--rounds", type=int, default=5, help="rounds after the first (5)")
    chosen = parser.parse_args()
    warnings.simplefilter("ignore")  # of headers
    compare("full arrays", chosen.frames, chosen.rounds, subarray=False)
    compare("cubes", chosen.frames, chosen.rounds, subarray=True)


if __name__ == "__main__":
    main()
