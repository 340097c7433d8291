"""A small simulated archive for the tests of figures, always the same, and runs over it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from helpers import put
from run_helpers import write_frames

from iracdb import Catalogue
from iracdb.irac.simulate import FrameSpec

FIRST, SECOND, SUB = 91000000, 91000256, 91000512
CUBES = 91000768

DITHERS = ((0.0, 0.0), (9.3, -4.2), (-7.6, 8.8), (4.1, 12.7), (-11.9, -9.4))

MASKED = ((14, 141, 118), (14, 142, 118), (14, 141, 119), (3, 121, 141), (13, 127, 111))
"""Bits set in the masks of the first AOR: bit, row and column of each; all are fatal."""

NOWHERE = ((138, 134), (128, 144))
"""Pixels without a value in its frames: row and column."""


def specs() -> list[FrameSpec]:
    """Two dithered AORs on the full array, and one that stays on the subarray."""
    first = FrameSpec(
        channel=1, aorkey=FIRST, x=127.3, y=126.8, flux_mjy=30.0, frame_time=12.0,
        mask_bits=MASKED, nan_pixels=NOWHERE,
    )  # fmt: skip
    second = replace(first, aorkey=SECOND, mjd=first.mjd + 40, mask_bits=(), nan_pixels=())
    sub = FrameSpec(channel=1, aorkey=SUB, subarray=True, flux_mjy=40.0, mjd=first.mjd + 80)
    made = []
    for place, (dx, dy) in enumerate(DITHERS):
        for one in (first, second):
            x, y = first.x + dx, first.y + (dy if one is first else -dy)
            later = one.mjd + place / 500
            made.append(replace(one, expid=place, dither_position=place + 1, x=x, y=y, mjd=later))
    made += [replace(sub, expid=n, mjd=sub.mjd + n / 100) for n in range(2)]
    return made


def write_archive(folder: Path) -> Path:
    """Write the frames, with their masks, and the cubes of a subarray in channel 2."""
    write_frames(folder, *specs(), seed=8)
    for one in specs():
        if not one.subarray:
            put(folder, replace(one, noise=False), "bimsk")
    cube = FrameSpec(
        channel=2, aorkey=CUBES, subarray=True, flux_mjy=25.0,
        mask_bits=((14, 14, 19), (14, 12, 9)), nan_pixels=((20, 12),),
    )  # fmt: skip
    write_frames(folder, cube, seed=8)
    put(folder, replace(cube, noise=False), "bimsk")
    return folder


def measure(catalogue: Catalogue, archive: Path) -> None:
    """Make the runs: 13 plainly, 14 by the handbook, 15 of cubes, 16 forced, and two tests."""
    catalogue.ingest(archive)
    catalogue.run(13, channel=1)
    catalogue.run(14, channel=1, recipe="handbook")
    catalogue.run(15, channel=2, recipe="handbook", radius=(3, 3, 7))
    catalogue.run(16, channel=1, aors=[FIRST], forced=True)
    catalogue.radius_test(200, channel=1, aors=[FIRST, SECOND])
    catalogue.radius_test(300, channel=1, aors=[FIRST, SECOND], recipe="handbook")
