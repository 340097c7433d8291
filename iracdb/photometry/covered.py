"""Images and what is left of them where masks cover pixels.

A centre and a sky know no masks: they are given images whose masked pixels have no value. These
are made once for all apertures.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]


@dataclass(frozen=True)
class Covered:
    """What masks leave of n images.

    Parameters
    ----------
    usable : numpy.ndarray
        The images (n, ny, nx), NaN where a pixel is masked.
    flat : numpy.ndarray
        Images (n, ny, nx) that are NaN where a pixel is masked, and finite elsewhere: what is
        counted on them is masked.
    some : numpy.ndarray of bool
        Which images have masked pixels (n,).
    """

    usable: FloatArray
    flat: FloatArray
    some: BoolArray


def cover(images: FloatArray, masked: BoolArray) -> Covered:
    """Cover whole images with their masks.

    Parameters
    ----------
    images : numpy.ndarray
        Block of images (n, ny, nx); NaN where a pixel has no value.
    masked : numpy.ndarray
        True (n, ny, nx) where a pixel is not to be used.

    Returns
    -------
    Covered
        Images of their own.
    """
    return Covered(
        np.where(masked, np.nan, images),
        np.where(masked, np.nan, 0.0),
        np.asarray(masked.any(axis=(1, 2))),
    )
