"""The centre at the top of a quadratic surface through the brightest pixels."""

from __future__ import annotations

from dataclasses import fields

import numpy as np

from iracdb.photometry.centres import Centres, FloatArray
from iracdb.photometry.peak import box_around, brightest_pixel, ring_background


class QuadraticCentre:
    """The maximum of a second-degree polynomial, least squares through 3 x 3 pixels.

    The middle of the nine is the brightest pixel within 3 pixels of the expected one. A background
    that is the same in all of them moves nothing. Widths, angle and residual sum are NaN; the
    amplitude is the brightest pixel less the background of a square ring: see `ring_background`.

    There is no centre where the expected position is not finite or off the array; where the nine
    leave the array, or one of them has no value; where the ring has fewer than 25 pixels with a
    value; where the brightest pixel is not above the background by 5 times the ring's scatter; or
    where the surface has no maximum, or has it more than 1.5 pixels from the brightest pixel.

    Notes
    -----
    Vakili & Hogg (2016), "Do fast stellar centroiding methods saturate the Cramer-Rao lower
    bound?", and `centroid_quadratic` of photutils with ``fit_boxsize=3``, with which it agrees
    where both find a centre. On a whole box the polynomials are orthogonal, so that each
    coefficient is one sum.
    """

    name = "quadratic"

    half_box = 1
    faintest = 5.0
    farthest = 1.5

    def __call__(self, images: FloatArray, x: FloatArray, y: FloatArray) -> Centres:
        """Fit each image alone.

        Parameters
        ----------
        images : numpy.ndarray
            Block of images (n, ny, nx); a pixel that is not finite among the nine is no centre.
        x, y : numpy.ndarray
            Expected positions (n,) in pixels; NaN asks for no centre.

        Returns
        -------
        Centres
            One centre an image, NaN where there is none; only x, y and amplitude are known.
        """
        table = np.full((len(fields(Centres)), len(images)), np.nan)
        # Pixels near the largest double overflow in sums; what is not finite is no centre.
        with np.errstate(all="ignore"):
            for k, (image, x_k, y_k) in enumerate(zip(images, x, y, strict=True)):
                star = self._find(image, float(x_k), float(y_k))
                if star is not None:
                    table[0, k], table[1, k], table[4, k] = star
        return Centres(*table)

    def _find(self, image: FloatArray, x: float, y: float) -> tuple[float, float, float] | None:
        """Give x, y and amplitude of one image's star."""
        pixel = brightest_pixel(image, x, y)
        box = None if pixel is None else box_around(image, *pixel, self.half_box)
        if pixel is None or box is None or not np.isfinite(box).all():
            return None
        background = ring_background(image, *pixel)
        if background is None:
            return None
        # Less the middle, so that a high background costs no digits.
        amplitude = float(box[self.half_box, self.half_box]) - background.level
        if not amplitude > self.faintest * background.scatter:
            return None
        top = self._top(box - box[self.half_box, self.half_box])
        if top is None:
            return None
        return pixel[0] + top[0], pixel[1] + top[1], amplitude

    def _top(self, box: FloatArray) -> tuple[float, float] | None:
        """Find the maximum of the surface, from the box's middle."""
        step = np.arange(-self.half_box, self.half_box + 1.0)
        size, square = len(step), float(np.sum(step**2))
        # In whole numbers: of a ridge the sum is zero, not rounding noise with a maximum somewhere.
        bend = size * step**2 - square
        bends = float(np.sum(bend**2))
        along_x, along_y = np.sum(box, axis=0), np.sum(box, axis=1)
        c10 = float(np.sum(step * along_x)) / (size * square)
        c01 = float(np.sum(step * along_y)) / (size * square)
        c20 = float(np.sum(bend * along_x)) / bends
        c02 = float(np.sum(bend * along_y)) / bends
        c11 = float(np.sum(step[:, None] * step[None, :] * box)) / square**2
        determinant = 4.0 * c20 * c02 - c11**2
        if not (determinant > 0.0 and c20 < 0.0):
            return None
        dx = (c01 * c11 - 2.0 * c02 * c10) / determinant
        dy = (c10 * c11 - 2.0 * c20 * c01) / determinant
        return (dx, dy) if max(abs(dx), abs(dy)) <= self.farthest else None
