"""What the Science Center's point response functions say about the table of aperture corrections.

Each function holds the star at 25 places within the pixel, five across and five along, already
integrated over pixels. It ends 12.8 pixels from the star: the light in the annulus from 12 to 20 is
that from 10 to 12 continued as r^-3, which moves a correction by less than 0.2 %.
"""

from __future__ import annotations

import math
import warnings
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits
from astropy.utils.exceptions import AstropyUserWarning
from photutils.aperture import CircularAperture
from test_simulate_star import Radii, Star, net, table

FILES: dict[Star, str] = {
    **{(True, channel): f"IRAC{channel}" for channel in (1, 2, 3, 4)},
    **{(False, channel): f"IRACPC{channel}" for channel in (1, 2)},
}
NEAR: list[Radii] = [(2, 2, 6), (3, 3, 7), (5, 5, 10)]
FAR: list[float] = [2.0, 3.0, 4.0, 5.0, 6.0, 8.0]
SKIES = ("mode", "median", "mean")


@cache
def placed(path: Path) -> list[tuple[np.ndarray, tuple[float, float]]]:
    """Give the star at each place within the pixel, and its centre: the first moment in 3.5."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", AstropyUserWarning)  # something stands behind END
        function = fits.getdata(path).astype(float)
    stars = []
    for row in range(5):
        for column in range(5):
            image = np.pad(function[row::5, column::5], 10)
            y, x = (float(n) for n in np.unravel_index(image.argmax(), image.shape))
            for _ in range(30):
                weight = CircularAperture((x, y), 3.5).to_mask(method="exact").to_image(image.shape)
                light = weight * image
                rows, columns = np.indices(image.shape)
                x = float((light * columns).sum() / light.sum())
                y = float((light * rows).sum() / light.sum())
            stars.append((image, (x, y)))
    return stars


def implied(path: Path) -> dict[tuple[Radii, str], float]:
    """Aperture corrections of a point response function, by radii and sky."""
    stars = placed(path)

    def within(radius: float) -> np.ndarray:
        return np.array(
            [CircularAperture(place, radius).do_photometry(image)[0][0] for image, place in stars]
        )

    beside = (within(12.0) - within(10.0)) / (math.pi * (12.0**2 - 10.0**2))
    far = beside * 11.0**3 * 2.0 * (1.0 / 12.0 - 1.0 / 20.0) / (20.0**2 - 12.0**2)
    counted = (within(10.0) - far * math.pi * 10.0**2).mean()
    found = {
        ((radius, 12.0, 20.0), "mean"): counted
        / (within(radius) - far * math.pi * radius**2).mean()
        for radius in FAR
    }
    for radii in NEAR:
        for sky in SKIES:
            sums = [net(image, place, radii, sky) for image, place in stars]
            found[radii, sky] = counted / np.mean(sums)
    return {key: float(value) for key, value in found.items()}


@pytest.mark.reference
@pytest.mark.parametrize("star", list(FILES))
def test_corrections_that_the_response_functions_imply(reference: Path, star: Star) -> None:
    found = implied(reference / "prf" / f"{FILES[star]}_col129_row129.fits")
    told = table(star)
    off = {}
    for (radii, sky), value in found.items():
        off[radii, sky] = 100.0 * (value / told[radii] - 1.0)
        name = f"{radii[0]:g}, {radii[1]:g}-{radii[2]:g}"
        print(f"{FILES[star]} {name:9} {sky:6} {value:.4f} {off[radii, sky]:+.2f} %")
    for radii in NEAR:
        # A star's light in the annulus is skew: its mode is under its median, that under its mean.
        assert found[radii, "mode"] < found[radii, "median"] < found[radii, "mean"]
        assert found[radii, "mean"] > 1.002 * found[radii, "mode"]
    if star[1] < 3:
        # Channels 1 and 2: the far annulus agrees, and the near table lies between mode and mean.
        assert all(abs(off[(r, 12.0, 20.0), "mean"]) < 0.6 for r in FAR[1:])
        assert all(off[radii, "mode"] < 0.0 for radii in NEAR)
        assert abs(off[(5, 5, 10), "median"]) < 0.1
        odd = (star, (3, 3, 7)) == ((False, 2), (3, 3, 7))
        assert (off[(3, 3, 7), "mean"] < 0.0) == odd
        assert (off[(3, 3, 7), "mode"] < -1.5) == odd
    else:
        # Channels 3 and 4: scattered light within the array, which the functions have in part.
        assert all(off[(r, 12.0, 20.0), "mean"] > 0.2 for r in FAR)
