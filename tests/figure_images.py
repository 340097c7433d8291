"""Pictures compared with stored ones, a little apart: fonts are drawn alike, but not to the bit.

The stored pictures lie in ``tests/figures``. After a figure was changed on purpose they are made
anew by running the tests with IRACDB_NEW_PICTURES=1 set; then look at each, and commit those that
are right. They are kept in few colours, so that they are small.
"""

from __future__ import annotations

import io
import os
from pathlib import Path

import numpy as np
from PIL import Image

FOLDER = Path(__file__).parent / "figures"

VARIABLE = "IRACDB_NEW_PICTURES"

TOLERANCE = 8.0
"""Root of the mean squared difference, of 255, that rendering elsewhere may make."""

DPI, LARGEST, COLOURS = 60, 25_000, 40
"""How stored pictures are made, how many bytes each may have, and how many colours."""


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
    with Image.open(io.BytesIO(png_bytes)) as image:
        made = image.convert("RGB")
    if os.environ.get(VARIABLE):
        FOLDER.mkdir(exist_ok=True)
        made.quantize(COLOURS, dither=Image.Dither.NONE).save(path, optimize=True)
        assert path.stat().st_size < LARGEST, f"{name} has {path.stat().st_size} bytes"
        return
    assert path.is_file(), f"{path} is not there: set {VARIABLE}=1 to make it"
    with Image.open(path) as image:
        stored = image.convert("RGB")
    assert made.size == stored.size, f"{name} has another size: {made.size}"
    difference = np.asarray(made, dtype=np.float64) - np.asarray(stored, dtype=np.float64)
    apart = float(np.sqrt(np.mean(difference**2)))
    assert apart < TOLERANCE, f"{name} is {apart:.1f} of 255 from the stored picture"
