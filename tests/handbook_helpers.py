"""What the tests of the handbook's recipe share: frames with companions, and plain arithmetic."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from photutils.aperture import CircularAperture

from iracdb import Catalogue
from iracdb.irac.simulate import FrameSpec, companions, file_path, simulate_frame, write_fits

COMPANIONS = {
    "bcd": ("bimsk", "bunc"), "cbcd": ("brmsk", "cbunc"), "sub2d": ("msk2d", "unc2d"),
}  # fmt: skip


def write_with_companions(
    folder: Path, frame: FrameSpec, kind: str = "sub2d", without: tuple[str, ...] = ()
) -> None:
    """Write a frame with its mask and its uncertainties."""
    rng = np.random.default_rng([frame.aorkey, frame.expid])
    cards, image = simulate_frame(frame, rng)
    made = {**companions(frame, image, corrected=True), "bcd": (cards, image)}
    for each in (kind, *COMPANIONS[kind]):
        if each not in without:
            write_fits(file_path(folder, frame.name(each)), *made[each])


def handbook(catalogue: Catalogue, **options: Any) -> Any:
    """Make a run by the recipe, of the smallest kind there is."""
    return catalogue.run(**{"recipe": "handbook", "kind": "sub2d", **options})


def clipped_mode(values: NDArray[np.float64]) -> float:
    """3 median - 2 mean, when nothing is more than 3 sigma from the median any more."""
    while True:
        centre, sigma = np.median(values), np.std(values)
        left = values[np.abs(values - centre) <= 3 * sigma]
        if len(left) == len(values):
            return float(3 * centre - 2 * np.mean(values))
        values = left


def by_hand(
    image: NDArray[np.float64], x: float, y: float, radii: tuple[float, float, float] = (3, 3, 7)
) -> dict[str, float]:
    """Sum, sky, and what a mode sky makes of an image at a centre; NaN is left out of the sky."""
    rows, columns = np.indices(image.shape)
    distance = np.hypot(columns - x, rows - y)
    ring = image[(distance >= radii[1]) & (distance <= radii[2])]
    ring = ring[np.isfinite(ring)]
    circle = CircularAperture((x, y), radii[0])
    (total,), _ = circle.do_photometry(image, method="exact")
    sky = clipped_mode(ring)
    return {"raw": float(total), "sky": sky, "background": sky * np.pi * radii[0] ** 2}
