"""The centre of 2018: least squares of an elliptical Gaussian."""

from __future__ import annotations

import math
from dataclasses import fields

import numpy as np

from iracdb.photometry.centres import FWHM_PER_SIGMA, Centres, FloatArray


class GaussianCentre:
    """Least squares of an elliptical, rotated Gaussian without a constant, as the original's.

    The box is columns ``int(x - 7):int(x + 7)`` and rows ``int(y - 7):int(y + 7)``, where ``int``
    cuts towards zero. Levenberg-Marquardt starts at the expected position with amplitude 5,
    widths 4 and 4 and angle 0, and then from its own result with the angle turned by 0, 45, 90
    and 135 degrees; the smallest residual sum wins. The turned starts are needed because an
    undersampled star often has two minima some hundredths of a pixel apart, and which of them
    one start ends in is decided by rounding.

    There is no centre where the expected position is not finite, the box leaves the array, fewer
    than 7 of its pixels are finite, or no fit ends in finite numbers. Pixels that are not finite
    are left out of the fit. A fit that runs far away is a centre all the same: who measures calls
    it a bad guess.

    Notes
    -----
    The original pipeline's manual; the turned starts are ours, the original had the first only.

    The descents are compiled: see `iracdb.photometry.gaussian_kernel`. On the way to a spike, a
    Gaussian narrower than half a pixel, the normal equations lose the digits that decide where it
    ends; such an image is fitted anew by MINPACK's own QR decomposition, which is what the
    compiled descents are held against.
    """

    name = "gaussian"

    half_box = 7
    start_amplitude = 5.0
    start_width = 4.0
    turns = (0.0, 0.25 * math.pi, 0.5 * math.pi, 0.75 * math.pi)
    tolerance = 1e-10
    max_evaluations = 2000
    fewest_pixels = 7
    spike = 0.5

    def __call__(self, images: FloatArray, x: FloatArray, y: FloatArray) -> Centres:
        """Fit each image alone.

        Parameters
        ----------
        images : numpy.ndarray
            Block of images (n, ny, nx); pixels that are not finite are left out.
        x, y : numpy.ndarray
            Expected positions (n,) in pixels; NaN asks for no centre.

        Returns
        -------
        Centres
            One centre an image, NaN where there is none.
        """
        # Here, since only those who measure wait for the compiler to be imported.
        from iracdb.photometry.gaussian_kernel import fit_block

        start = np.array([self.start_amplitude, self.start_width, self.start_width])
        best = fit_block(
            np.ascontiguousarray(images, dtype=np.float64),
            np.ascontiguousarray(x, dtype=np.float64),
            np.ascontiguousarray(y, dtype=np.float64),
            self.half_box,
            self.fewest_pixels,
            start,
            np.array(self.turns),
            self.tolerance,
            self.max_evaluations,
        )
        found = _ordered(best)
        return self._judged(found, images, x, y)

    def _judged(self, found: Centres, images: FloatArray, x: FloatArray, y: FloatArray) -> Centres:
        """Leave to MINPACK what is narrower than any star."""
        narrow = np.flatnonzero(found.fwhm_narrow < self.spike)
        if not len(narrow):
            return found
        from iracdb.photometry.minpack_gaussian import MinpackGaussian

        anew = MinpackGaussian(self.turns)(images[narrow], x[narrow], y[narrow])
        table = [np.array(getattr(found, field.name)) for field in fields(Centres)]
        for column, field in zip(table, fields(Centres), strict=True):
            column[narrow] = getattr(anew, field.name)
        return Centres(*table)


def _ordered(best: FloatArray) -> Centres:
    """Order fits as the fields of `Centres`: the wider axis first, a sigma's sign dropped."""
    amplitude, x, y, sigma_u, sigma_v, angle, residual_sum = best.T
    wide, narrow = np.abs(sigma_u), np.abs(sigma_v)
    turned = narrow > wide
    wide, narrow = np.where(turned, narrow, wide), np.where(turned, wide, narrow)
    angles = [
        _folded(a) if math.isfinite(a) else math.nan
        for a in np.where(turned, angle + 0.5 * math.pi, angle).tolist()
    ]
    widths = (wide * FWHM_PER_SIGMA, narrow * FWHM_PER_SIGMA)
    return Centres(x, y, *widths, amplitude, np.array(angles, dtype=np.float64), residual_sum)


def _folded(angle: float) -> float:
    """Bring the direction of an axis into (-pi/2, pi/2]."""
    angle = math.remainder(angle, math.pi)
    return angle + math.pi if angle <= -0.5 * math.pi else angle
