"""The centre that the pixel-phase correction was made with: the first moment in a box."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields

import numpy as np

from iracdb.photometry.centres import FWHM_PER_SIGMA, Centres, FloatArray
from iracdb.photometry.peak import Background, box_around, brightest_pixel, ring_background


class MomentCentre:
    """First moment of the light above the background, in a box of 7 x 7 pixels, taken twice.

    The first box lies around the brightest pixel within 3 pixels of the expected one, the second
    around the pixel that holds the moment of the first; so the answer does not depend on where
    the star was expected. Each time the background is that of a square ring 6 to 12 pixels away:
    see `ring_background`. It is not repeated further: a star on the border of two pixels would
    turn to and fro between them. Negative pixels count as they are, since leaving them out would
    make a background of the noise.

    Widths and angle are those of the second moments about the centre, the pixel's own width
    included; NaN where the narrower is not above zero. The amplitude is the brightest pixel of
    the last box less the background. There is no residual sum.

    There is no centre where the expected position is not finite or off the array; where a box
    leaves the array or its ring has fewer than 25 pixels with a value; where a pixel of the middle
    3 x 3, or half of the box, has no value; where the box's sum is not above 3 times its noise,
    told from the ring's scatter; or where the moment falls more than 1.5 pixels from the box's
    middle. Other pixels of the box that are not finite are left out, as if they stood at the
    background.

    Notes
    -----
    The Science Center's box_centroider, which its pages on high-precision photometry and on the
    contributed IRAC software recommend, always with TWOPASS, for use with its gain map; the
    half-width 3, background width 6 and border 3 are those that observers call it with. From
    there are box, ring, clipped median,
    second pass and the share of pixels needed. Ours are the search for the brightest pixel, and
    no centre where the routine would cut its box at the array's edge, take zero for the
    background, or divide by any sum, were it negative.
    """

    name = "moment"

    half_box = 3
    half_core = 1
    fewest_pixels = 25
    faintest = 3.0
    farthest = 1.5

    def __call__(self, images: FloatArray, x: FloatArray, y: FloatArray) -> Centres:
        """Take the moments of each image alone.

        Parameters
        ----------
        images : numpy.ndarray
            Block of images (n, ny, nx); pixels that are not finite are left out.
        x, y : numpy.ndarray
            Expected positions (n,) in pixels; NaN asks for no centre.

        Returns
        -------
        Centres
            One centre an image, NaN where there is none; residual sums are NaN.
        """
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
