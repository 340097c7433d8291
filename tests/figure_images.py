"""Pictures compared with stored ones, a little apart: fonts are drawn alike, but not to the bit.

The stored pictures lie in ``tests/figures``. After a figure was changed on purpose they are made
anew with IRACDB_NEW_PICTURES=1 set, as in ``IRACDB_NEW_PICTURES=1 pytest tests/test_figures_runs.py``;
then look at each, and commit those that are right.
"""

from __future__ import annotations

import io
import os
from pathlib import Path

import numpy as np
from matplotlib.image import imread

FOLDER = Path(__file__).parent / "figures"

VARIABLE = "IRACDB_NEW_PICTURES"

TOLERANCE = 8.0
"""Root of the mean squared difference, of 255, that rendering elsewhere may make."""

DPI, LARGEST = 60, 25_000
"""How stored pictures are made, and how many bytes each may have."""


def same_picture(name: str, png_bytes: bytes) -> None:
    """Hold a picture against the stored one; where asked to, store it instead.

    Parameters
    ----------
    name : str
        Of the stored picture, without an ending.
    png_bytes : bytes
        A PNG, made at `DPI`.
    """
    path = FOLDER / f"{name}.png"
    assert len(png_bytes) < LARGEST, f"{name} has {len(png_bytes)} bytes"
    if os.environ.get(VARIABLE):
        FOLDER.mkdir(exist_ok=True)
        path.write_bytes(png_bytes)
        return
    assert path.is_file(), f"{path} is not there: set {VARIABLE}=1 to make it"
    made, stored = (_pixels(one) for one in (png_bytes, path.read_bytes()))
    assert made.shape == stored.shape, f"{name} has another size: {made.shape}"
    apart = float(np.sqrt(np.mean((made - stored) ** 2)))
    assert apart < TOLERANCE, f"{name} is {apart:.1f} of 255 from the stored picture"


def _pixels(content: bytes) -> np.ndarray:
    return 255 * np.asarray(imread(io.BytesIO(content)), dtype=np.float64)[..., :3]
