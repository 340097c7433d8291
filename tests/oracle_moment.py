"""The first moment, image by image in numpy: what the compiled one must give, too."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields

import numpy as np

from iracdb.photometry.centres import FWHM_PER_SIGMA, Centres, FloatArray
from iracdb.photometry.peak import Background, box_around, brightest_pixel, ring_background


class MomentCentre:
    """As `iracdb.photometry.moment_centre.MomentCentre`."""

    name = "moment"

    half_box = 3
    half_core = 1
    fewest_pixels = 25
    faintest = 3.0
    farthest = 1.5

    def __call__(self, images: FloatArray, x: FloatArray, y: FloatArray) -> Centres:
        """Take the moments of each image alone."""
        table = np.full((len(fields(Centres)), len(images)), np.nan)
        # Pixels near the largest double overflow in sums; what is not finite is no centre.
        with np.errstate(all="ignore"):
            for k, (image, x_k, y_k) in enumerate(zip(images, x, y, strict=True)):
                star = self._find(image, float(x_k), float(y_k))
                if star is not None:
                    table[:, k] = star.as_row()
        return Centres(*table)

    def _find(self, image: FloatArray, x: float, y: float) -> _Moments | None:
        pixel = brightest_pixel(image, x, y)
        first = None if pixel is None else self._moments(image, *pixel)
        if first is None:
            return None
        second = self._moments(image, *first.pixel)
        if second is None or max(abs(second.dx), abs(second.dy)) > self.farthest:
            return None
        return second

    def _moments(self, image: FloatArray, column: int, row: int) -> _Moments | None:
        box = box_around(image, column, row, self.half_box)
        if box is None:
            return None
        held = np.isfinite(box)
        core = slice(self.half_box - self.half_core, self.half_box + self.half_core + 1)
        if np.count_nonzero(held) < self.fewest_pixels or not held[core, core].all():
            return None
        background = ring_background(image, column, row)
        if background is None:
            return None
        return self._sum_up(box, held, background, column, row)

    def _sum_up(
        self, box: FloatArray, held: np.ndarray, background: Background, column: int, row: int
    ) -> _Moments | None:
        rows, columns = np.nonzero(held)
        light = box[rows, columns] - background.level
        total = float(np.sum(light))
        noise = background.scatter * math.sqrt(len(light))
        if not (math.isfinite(total) and total > self.faintest * noise):
            return None
        # From the box's middle, so that the last bits do not depend on the place on the array.
        i, j = columns - float(self.half_box), rows - float(self.half_box)
        dx, dy = (float(np.sum(axis * light)) / total for axis in (i, j))
        if not max(abs(dx), abs(dy)) <= self.half_box + 0.5:
            return None
        return _Moments(
            column,
            row,
            dx,
            dy,
            float(np.sum((i - dx) ** 2 * light)) / total,
            float(np.sum((j - dy) ** 2 * light)) / total,
            float(np.sum((i - dx) * (j - dy) * light)) / total,
            float(np.max(light)),
        )


@dataclass(frozen=True)
class _Moments:
    """Moments of one box, from its middle pixel."""

    column: int
    row: int
    dx: float
    dy: float
    xx: float
    yy: float
    xy: float
    amplitude: float

    @property
    def pixel(self) -> tuple[int, int]:
        """Column and row of the pixel that holds the moment."""
        return self.column + math.floor(self.dx + 0.5), self.row + math.floor(self.dy + 0.5)

    def as_row(self) -> tuple[float, ...]:
        """Order them as the fields of `Centres`."""
        mean, half = 0.5 * (self.xx + self.yy), 0.5 * (self.xx - self.yy)
        lean = math.hypot(half, self.xy)
        wide = narrow = angle = math.nan
        if mean - lean > 0.0:
            wide = FWHM_PER_SIGMA * math.sqrt(mean + lean)
            narrow = FWHM_PER_SIGMA * math.sqrt(mean - lean)
            # Twice the angle lies in [-pi, pi]; its lower end is the same axis as its upper.
            angle = 0.5 * math.atan2(self.xy, half)
            angle = 0.5 * math.pi if angle <= -0.5 * math.pi else angle
        x, y = self.column + self.dx, self.row + self.dy
        return (x, y, wide, narrow, self.amplitude, angle, math.nan)
