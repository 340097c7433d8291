"""How fast full-array frames are measured on one core: iracdb, the plain way, and reading alone.

All in one process and in turns, by the time that the processor is at work. Run alone, it prints
what each step takes, beside the same step of the plain way.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
import warnings
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any
from unittest.mock import patch

import plain
from rows import PROCESSOR, SIZES, Row, ratios, timed, turns

from iracdb.irac.files import read_irac_file
from iracdb.irac.frames import FrameFile, sky_to_pixel
from iracdb.irac.simulate import simulate_archive
from iracdb.photometry.aperture import Aperture
from iracdb.photometry.planes import STEADY_MEDIAN
from iracdb.runs import measuring
from iracdb.runs.images import BLOCK
from iracdb.runs.measuring import Block

FRAMES = {"tiny": 2, "small": 150, "full": 300}
RADII = (10.0, 12.0, 20.0)

STEPS = {
    "coordinates": "sky_to_pixels",
    "reading": "read_images",
    "centre": "fit_centres",
    "apertures": "lay_apertures",
}
"""The functions that a block goes through, by the plain way's names."""

Frames = list[tuple[FrameFile, tuple[float, float]]]
Step = tuple[str, Callable[[], object]]


def make_frames(folder: Path, wanted: int) -> Frames:
    """Simulate full-array frames, and tell of each what the catalogue knows and its target."""
    frames: Frames = []
    made = simulate_archive(folder, frames=max(wanted // 3, 1), bad_files=False)
    for path in made.written:
        if not path.name.endswith("_bcd.fits"):
            continue
        file = read_irac_file(path)
        target = (file.facts["ra_ref"], file.facts["dec_ref"])
        if len(file.shape) != 2 or file.name.channel != 1 or None in target:
            continue
        frame = FrameFile(
            str(path), file.size, file.mtime_ns, file.bitpix, file.shape,
            len(file.header.verbatim), False, file.wcs,
        )  # fmt: skip
        x, y = sky_to_pixel(file.wcs, *target)[0]
        if 24 < x < 231 and 24 < y < 231:
            frames.append((frame, target))
    # Observations of a few frames would tell of blocks that are hardly filled.
    counts = Counter(target for _, target in frames)
    largest = {target for target, _ in counts.most_common(2)}
    return [(frame, target) for frame, target in frames if target in largest][:wanted]


class Ours:
    """What a run does: blocks of frames that share their target, measured one after the other."""

    def __init__(self, frames: Frames) -> None:
        sharing: dict[tuple[float, float], list[FrameFile]] = {}
        for frame, target in frames:
            sharing.setdefault(target, []).append(frame)
        self._blocks = [
            Block(
                tuple(alike[first : first + BLOCK]), target[:1], target[1:], (None,),
                (Aperture(*RADII),), "gaussian", "mean", STEADY_MEDIAN,
            )
            for target, alike in sharing.items()
            for first in range(0, len(alike), BLOCK)
        ]  # fmt: skip

    def __call__(self) -> None:
        """Measure all frames once."""
        for block in self._blocks:
            measuring.measure(block)

    def steps(self, times: int) -> dict[str, float]:
        """Measure all frames a number of times, and give the seconds that each step takes once."""
        seconds = dict.fromkeys(STEPS, 0.0)
        with ExitStack() as stack:
            for step, name in STEPS.items():
                clocked = partial(_clocked, getattr(measuring, name), seconds, step)
                stack.enter_context(patch.object(measuring, name, clocked))
            for _ in range(times):
                self()
        return {step: found / times for step, found in seconds.items()}


def _clocked(
    function: Callable[..., Any],
    seconds: dict[str, float],
    step: str,
    *given: Any,
    **options: Any,
) -> Any:
    """Call a function, and add to a step's seconds what it takes."""
    begun = time.process_time()
    found = function(*given, **options)
    seconds[step] += time.process_time() - begun
    return found


def plain_steps(frames: Frames) -> list[Step]:
    """List the steps of the plain way, each over all frames."""
    paths = [Path(frame.path) for frame, _ in frames]
    opened = [plain.open_frame(path) for path in paths]
    at = [sky_to_pixel(frame.wcs, *target)[0] for frame, target in frames]
    table = plain.empty_table()
    return [
        ("coordinates", lambda: [
            plain.place(header, *target)
            for (header, _), (_, target) in zip(opened, frames, strict=True)
        ]),
        ("reading", lambda: [plain.open_frame(path) for path in paths]),
        ("centre", lambda: [
            plain.fit(image, *xy) for (_, image), xy in zip(opened, at, strict=True)
        ]),
        ("apertures", lambda: [
            plain.photometry(image, *xy, RADII) for (_, image), xy in zip(opened, at, strict=True)
        ]),
        ("rows", lambda: [table.add_row([0.0] * 7) for _ in frames]),
    ]  # fmt: skip


def read_whole(frames: Frames) -> None:
    """Read every byte of the files."""
    room = bytearray(max(frame.size for frame, _ in frames))
    for frame, _ in frames:
        with open(frame.path, "rb", buffering=0) as stream:
            stream.readinto(room)


def measured(frames: Frames, size: str) -> tuple[Ours, dict[str, list[float]]]:
    """Let iracdb, the plain way and reading take turns."""
    ours = Ours(frames)
    paths, targets = [Path(f.path) for f, _ in frames], [target for _, target in frames]
    ours()  # compiles, or loads what is compiled
    # Once is too short to be timed beside the plain way.
    times = 1 if size == "tiny" else 10
    seconds = turns(
        {
            "ours": lambda: timed(ours, times=times),
            "plain": lambda: timed(lambda: plain.measure_all(paths, RADII, targets)),
            "reading": lambda: timed(lambda: read_whole(frames), times=times),
        },
        size,
    )
    return ours, seconds


def rows(size: str) -> list[Row]:
    """Measure simulated frames."""
    with tempfile.TemporaryDirectory() as name:
        frames = make_frames(Path(name), FRAMES[size])
        _, seconds = measured(frames, size)
    what = f"measuring {len(frames):,} full-array frames"
    return [
        Row(what, "the plain way", 250, ratios(seconds["plain"], seconds["ours"]), PROCESSOR,
            why="Centre, apertures and reading share the time: see the profile."),
        Row(what, "reading the whole files", 0.3,
            ratios(seconds["reading"], seconds["ours"]), PROCESSOR,
            why="Centre, apertures and reading share the time: see the profile."),
    ]  # fmt: skip


def main() -> None:
    """Measure, and print the steps too."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", choices=SIZES, default="small", help="how much (small)")
    size = parser.parse_args().size
    with tempfile.TemporaryDirectory() as name, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of headers, and of fits that wander
        frames = make_frames(Path(name), FRAMES[size])
        ours, seconds = measured(frames, size)
        n = len(frames)
        for way, found in seconds.items():
            each = statistics.median(found) / n
            print(f"{way:<12}{1 / each:>10.0f} frames/s{each * 1e6:>10.1f} us a frame")
        steps = ours.steps(1 if size == "tiny" else 10)
        print(f"{'step':<14}{'ours us':>10}{'plain us':>12}{'ratio':>8}")
        for step, work in plain_steps(frames):
            one, other = steps.get(step, 0.0) / n, timed(work) / n
            ratio = f"{other / one:>8.0f}" if one else ""
            print(f"{step:<14}{one * 1e6:>10.1f}{other * 1e6:>12.0f}{ratio}")


if __name__ == "__main__":
    main()
