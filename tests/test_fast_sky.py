"""Compiled medians and modes of annuli, held against numpy."""

from __future__ import annotations

from dataclasses import fields

import numpy as np
import oracle_sky
import pytest

from iracdb.photometry.aperture import Aperture
from iracdb.photometry.sky import MedianSky, ModeSky, SkyLevels

PAIRS = [(MedianSky(), oracle_sky.median_sky), (ModeSky(), oracle_sky.mode_sky)]


def skies(seed, n=80):
    rng = np.random.default_rng(seed)
    images = rng.normal(3, 0.3, size=(n, 48, 56))
    images += 30 * (rng.random(images.shape) < 0.03)
    images[::5] = np.round(images[::5])
    images[rng.random(images.shape) < 0.02] = np.nan
    images[rng.random(images.shape) < 0.003] = np.inf
    images[1::9] = np.where(rng.random((48, 56)) < 0.85, np.nan, images[1::9])
    images[2], images[3], images[4], images[6] = np.nan, 7.1, 1e308, 0.0
    images[6, 20:24] = np.nan
    x, y = rng.uniform(-1, 57, n), rng.uniform(-1, 49, n)
    x[: n // 2], y[: n // 2] = rng.uniform(19.5, 35.5, n // 2), rng.uniform(19.5, 27.5, n // 2)
    x[7], y[8], x[9], y[9] = np.nan, np.inf, 25.0, 24.0
    return images, x, y


def agree(got, want):
    for field in fields(SkyLevels):
        one, other = getattr(got, field.name), getattr(want, field.name)
        assert one.dtype == other.dtype
        if field.name in ("pixels", "nan_pixels"):
            np.testing.assert_array_equal(one, other, err_msg=field.name)
        else:
            np.testing.assert_allclose(one, other, rtol=1e-11, atol=1e-12, err_msg=field.name)


@pytest.mark.parametrize("bounds", ["edges", "indices"])
@pytest.mark.parametrize("radii", [(3, 3, 7), (2, 2, 6), (10, 12, 20), (1, 1.5, 2.3)])
@pytest.mark.parametrize(("sky", "oracle"), PAIRS)
def test_every_field_is_the_oracles(sky, oracle, radii, bounds):
    images, x, y = skies(19)
    aperture = Aperture(*radii, bounds)
    agree(sky(images, x, y, aperture), oracle(images, x, y, aperture))


@pytest.mark.parametrize(("sky", "oracle"), PAIRS)
def test_the_bits_do_not_depend_on_the_block_nor_on_the_place(sky, oracle):
    images, x, y = skies(20, n=12)
    aperture = Aperture(3, 3, 7)
    whole = sky(images, x, y, aperture)
    # Turned by half a circle, the pixels come in the opposite order.
    turned = sky(images[:, ::-1, ::-1], 55 - x, 47 - y, aperture)
    for k in range(12):
        alone = sky(images[k : k + 1], x[k : k + 1], y[k : k + 1], aperture)
        for field in fields(SkyLevels):
            assert (
                getattr(alone, field.name)[0].tobytes() == getattr(whole, field.name)[k].tobytes()
            )
    np.testing.assert_array_equal(turned.nan_pixels, whole.nan_pixels)
    same = turned.pixels == whole.pixels
    np.testing.assert_array_equal(turned.level[same], whole.level[same])
