"""The Gaussian centre by MINPACK itself, image by image.

It judges what the compiled descent may have lost its way on, and is what the tests hold it against.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, fields

import numpy as np
from scipy.optimize import leastsq

from iracdb.photometry.centres import FWHM_PER_SIGMA, Centres, FloatArray, IntArray


class MinpackGaussian:
    """The same as `iracdb.photometry.gaussian_centre.GaussianCentre`, a hundred times as slow.

    Parameters
    ----------
    turns : tuple of float, optional
        Angles by which the first result is turned for the starts that follow, radians.
    """

    name = "gaussian"

    half_box = 7
    start_amplitude = 5.0
    start_width = 4.0
    tolerance = 1e-10
    max_evaluations = 2000
    fewest_pixels = 7

    def __init__(
        self, turns: tuple[float, ...] = (0.0, 0.25 * math.pi, 0.5 * math.pi, 0.75 * math.pi)
    ) -> None:
        self.turns = turns

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
        table = np.full((len(fields(Centres)), len(images)), np.nan)
        # A start may run away through overflow and 0/0; what is not finite is dropped below.
        with np.errstate(all="ignore"):
            for k, (image, x_k, y_k) in enumerate(zip(images, x, y, strict=True)):
                star = self._cut(image, float(x_k), float(y_k))
                best = None if star is None else self._fit(star, float(x_k), float(y_k))
                if best is not None:
                    table[:, k] = _as_row(best)
        return Centres(*table)

    def _cut(self, image: FloatArray, x: float, y: float) -> _Star | None:
        if not (math.isfinite(x) and math.isfinite(y)):
            return None
        ny, nx = image.shape
        x0, x1 = int(x - self.half_box), int(x + self.half_box)
        y0, y1 = int(y - self.half_box), int(y + self.half_box)
        if x0 < 0 or y0 < 0 or x1 > nx or y1 > ny:
            return None
        box = image[y0:y1, x0:x1]
        rows, columns = np.nonzero(np.isfinite(box))
        if len(rows) < self.fewest_pixels:
            return None
        return _Star(columns + x0, rows + y0, box[rows, columns])

    def _fit(self, star: _Star, x: float, y: float) -> _Fit | None:
        width = self.start_width
        first = self._descend(star, np.array([self.start_amplitude, x, y, width, width, 0.0]))
        best: _Fit | None = None
        for turn in self.turns:
            start = first.parameters.copy()
            start[5] += turn
            fit = self._descend(star, start)
            if fit.finite and (best is None or fit.better_than(best)):
                best = fit
        return best

    def _descend(self, star: _Star, start: FloatArray) -> _Fit:
        parameters, _, info, _, status = leastsq(
            star.residuals,
            start,
            Dfun=star.derivatives,
            full_output=True,
            col_deriv=True,
            ftol=self.tolerance,
            xtol=self.tolerance,
            gtol=0.0,
            maxfev=self.max_evaluations,
        )
        residuals = np.asarray(info["fvec"], dtype=np.float64)
        # MINPACK's 0 is improper input, 5 too many evaluations; all else is an end of its own.
        return _Fit(
            np.asarray(parameters, dtype=np.float64),
            float(np.sum(residuals * residuals)),
            status not in (0, 5),
        )


@dataclass(frozen=True)
class _Fit:
    """Where one descent ended."""

    parameters: FloatArray
    residual_sum: float
    converged: bool

    @property
    def finite(self) -> bool:
        return math.isfinite(self.residual_sum) and bool(np.all(np.isfinite(self.parameters)))

    def better_than(self, other: _Fit) -> bool:
        if self.converged != other.converged:
            return self.converged
        return self.residual_sum < other.residual_sum


class _Star:
    """The pixels of one box, and the Gaussian's residuals and derivatives at them.

    The parameters are amplitude, x, y, the two sigmas and the angle of the first of them.
    """

    def __init__(self, columns: IntArray, rows: IntArray, values: FloatArray) -> None:
        self._columns = columns.astype(np.float64)
        self._rows = rows.astype(np.float64)
        self._values = values
        self._at: FloatArray | None = None

    def residuals(self, p: FloatArray) -> FloatArray:
        """Model minus image (m,)."""
        self._evaluate(p)
        residuals: FloatArray = p[0] * self._profile - self._values
        return residuals

    def derivatives(self, p: FloatArray) -> FloatArray:
        """Jacobian (6, m) of `residuals`."""
        # The minimiser asks for derivatives where it has just asked for residuals.
        if self._at is None or not np.array_equal(self._at, p):
            self._evaluate(p)
        amplitude, _, _, sigma_u, sigma_v, _ = p
        u, v = self._u, self._v
        model = amplitude * self._profile
        to_u = model * u / sigma_u**2
        to_v = model * v / sigma_v**2
        jacobian = np.empty((6, len(u)))
        jacobian[0] = self._profile
        jacobian[1] = to_u * self._cos - to_v * self._sin
        jacobian[2] = to_u * self._sin + to_v * self._cos
        jacobian[3] = to_u * u / sigma_u
        jacobian[4] = to_v * v / sigma_v
        # Written like this it is exactly zero for a circle. As to_v * u - to_u * v it would be
        # rounding noise there, and the minimiser would divide by it and turn without end.
        jacobian[5] = model * u * v * (1.0 / sigma_v**2 - 1.0 / sigma_u**2)
        return jacobian

    def _evaluate(self, p: FloatArray) -> None:
        _, x, y, sigma_u, sigma_v, angle = p
        cos, sin = np.cos(angle), np.sin(angle)
        dx, dy = self._columns - x, self._rows - y
        u = cos * dx + sin * dy
        v = cos * dy - sin * dx
        self._profile = np.exp(-0.5 * ((u / sigma_u) ** 2 + (v / sigma_v) ** 2))
        self._u, self._v, self._cos, self._sin = u, v, cos, sin
        self._at = p.copy()


def _as_row(fit: _Fit) -> tuple[float, ...]:
    """Order a fit as the fields of `Centres`: the wider axis first, a sigma's sign dropped."""
    amplitude, x, y, sigma_u, sigma_v, angle = (float(p) for p in fit.parameters)
    wide, narrow = abs(sigma_u), abs(sigma_v)
    if narrow > wide:
        wide, narrow, angle = narrow, wide, angle + 0.5 * math.pi
    angle = math.remainder(angle, math.pi)
    if angle <= -0.5 * math.pi:
        angle += math.pi
    widths = (wide * FWHM_PER_SIGMA, narrow * FWHM_PER_SIGMA)
    return (x, y, *widths, amplitude, angle, fit.residual_sum)
