"""What every centre is and gives: where the stars of a block of images are, and how wide.

A centre is a function of a block of images and of the positions at which the stars are expected.
Each image is fitted alone: its result does not depend on the block it came in.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]
IntArray = NDArray[np.int64]

FWHM_PER_SIGMA = 2.0 * math.sqrt(2.0 * math.log(2.0))


@dataclass(frozen=True)
class Centres:
    """Fitted centres of n images, each an array (n,); NaN where there is no centre.

    Parameters
    ----------
    x, y : numpy.ndarray
        The centre in pixels, 0-based with integers at pixel centres.
    fwhm_wide, fwhm_narrow : numpy.ndarray
        Full widths at half maximum in pixels, the wider axis first.
    amplitude : numpy.ndarray
        Height of the fitted profile, in the unit of the images.
    angle : numpy.ndarray
        Direction of the wider axis in radians from +x towards +y, in (-pi/2, pi/2].
    residual_sum : numpy.ndarray
        Sum of the squared residuals, in the unit of the images squared.
    """

    x: FloatArray
    y: FloatArray
    fwhm_wide: FloatArray
    fwhm_narrow: FloatArray
    amplitude: FloatArray
    angle: FloatArray
    residual_sum: FloatArray

    @property
    def found(self) -> BoolArray:
        """Where there is a centre, (n,)."""
        return np.isfinite(self.x) & np.isfinite(self.y)

    def __len__(self) -> int:
        return len(self.x)


class Centre(Protocol):
    """A way to find a star's centre.

    A new one is a class with a name, entered in `iracdb.photometry.centre.CENTRES`. A width,
    amplitude, angle or residual sum that it does not know is NaN; x and y are both finite or
    both NaN.
    """

    @property
    def name(self) -> str:
        """Name under which parameters and runs know it."""
        ...

    def __call__(self, images: FloatArray, x: FloatArray, y: FloatArray) -> Centres:
        """Find the centres.

        Parameters
        ----------
        images : numpy.ndarray
            Block of images (n, ny, nx); NaN where a pixel has no value.
        x, y : numpy.ndarray
            Expected positions (n,) in pixels; NaN asks for no centre.

        Returns
        -------
        Centres
            One centre an image.
        """
        ...


def forced_centres(x: ArrayLike, y: ArrayLike) -> Centres:
    """Take the expected positions for the centres, for stars that are too faint to be fitted.

    Parameters
    ----------
    x, y : array_like
        Expected positions (n,) in pixels; NaN where there is none.

    Returns
    -------
    Centres
        At these positions; NaN in all else, since nothing was fitted.
    """
    x, y = np.array(x, dtype=np.float64), np.array(y, dtype=np.float64)
    held = np.isfinite(x) & np.isfinite(y)
    at = (np.where(held, x, np.nan), np.where(held, y, np.nan))
    return Centres(*at, *(np.full(x.shape, np.nan) for _ in range(5)))
