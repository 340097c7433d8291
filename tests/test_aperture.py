"""Circles and annuli, held against geometry and photutils' own photometry."""

from __future__ import annotations

import math

import numpy as np
import pytest
from photutils.aperture import ApertureStats, CircularAnnulus, CircularAperture, aperture_photometry

from iracdb.errors import UsageError
from iracdb.photometry.aperture import Aperture, ring_pixels, ring_sums
from iracdb.photometry.sky import MeanSky, sky_named

RADII = [(10, 12, 20), (3, 3, 7), (2, 2, 6), (5, 12, 20), (1.5, 2.25, 3.75)]


@pytest.fixture
def positions():
    rng = np.random.default_rng(7)
    x, y = rng.uniform(20, 43, size=(2, 24))
    # Where circle and pixel edges meet: centres and corners of pixels.
    x[:4], y[:4] = [31, 31.5, 31, 30.5], [32, 32.5, 31.5, 30]
    return x, y


@pytest.mark.parametrize("radii", RADII)
def test_a_flat_image_gives_the_area(positions, radii):
    x, y = positions
    aperture = Aperture(*radii)
    ones = np.ones((len(x), 64, 64))
    circle = ring_sums(ones, x, y, aperture.r)
    np.testing.assert_allclose(circle.total, math.pi * radii[0] ** 2, rtol=1e-12)
    np.testing.assert_allclose(aperture.area, math.pi * radii[0] ** 2, rtol=1e-15)
    sky = MeanSky()(3 * ones, x, y, aperture)
    np.testing.assert_allclose(sky.level, 3, rtol=1e-12)
    annulus = math.pi * (radii[2] ** 2 - radii[1] ** 2)
    np.testing.assert_allclose(sky.pixels, annulus, rtol=1e-12)


@pytest.mark.parametrize("radii", RADII)
def test_agrees_with_photutils(positions, radii):
    x, y = positions
    aperture = Aperture(*radii)
    rng = np.random.default_rng(11)
    images = rng.normal(5, 2, size=(len(x), 64, 64))
    images[rng.random(images.shape) < 0.05] = np.nan
    circle = ring_sums(images, x, y, aperture.r)
    sky = MeanSky()(images, x, y, aperture)
    for k, image in enumerate(images):
        at, mask = (x[k], y[k]), ~np.isfinite(image)
        oracle = CircularAperture(at, radii[0])
        want = aperture_photometry(image, oracle, mask=mask, method="exact")["aperture_sum"][0]
        assert circle.total[k] == pytest.approx(want, rel=1e-12)
        ring = CircularAnnulus(at, radii[1], radii[2])
        stats = ApertureStats(image, ring, mask=mask, sum_method="exact")
        want = stats.sum / stats.sum_aper_area.value
        assert sky.level[k] == pytest.approx(want, rel=1e-12)
        assert sky.pixels[k] == pytest.approx(stats.sum_aper_area.value, rel=1e-12)
        for got, shape in ((circle.nan_pixels[k], oracle), (sky.nan_pixels[k], ring)):
            weights = shape.to_mask(method="exact").to_image(image.shape)
            assert got == np.count_nonzero(mask & (weights > 0))


def test_infinite_pixels_are_left_out_like_nan():
    images = np.ones((1, 32, 32))
    images[0, 16, 16] = np.inf
    sums = ring_sums(images, np.array([16.0]), np.array([16.0]), 3.0)
    assert sums.nan_pixels[0] == 1
    assert sums.total[0] == pytest.approx(math.pi * 9 - 1)


def test_a_ring_that_leaves_the_image_is_not_measured():
    images = np.full((5, 32, 32), np.nan)
    x = np.array([6.4, 6.5, 25.6, math.nan, 1e30])
    sums = ring_sums(images, x, np.full(5, 16.0), 7.0)
    assert np.isnan(sums.total).tolist() == [True, False, True, True, True]
    assert (sums.nan_pixels > 0).tolist() == [False, True, False, False, False]


def test_an_annulus_without_a_value_has_no_level():
    images = np.full((1, 32, 32), np.nan)
    sky = MeanSky()(images, np.array([16.0]), np.array([16.0]), Aperture(3, 3, 7))
    assert np.isnan(sky.level[0])
    assert sky.pixels[0] == 0
    assert sky.nan_pixels[0] > math.pi * (49 - 9)


def test_ring_pixels_keeps_nan_and_overlaps():
    image = np.arange(32.0 * 32).reshape(32, 32)
    image[16, 16] = np.nan
    values, weights = ring_pixels(image, 16.0, 16.0, 0.5)
    assert np.isnan(values).tolist() == [True]
    assert weights[0] == pytest.approx(math.pi / 4)


@pytest.mark.parametrize("axis", [0, 1])
def test_out_of_bounds_is_the_outer_circle_at_the_pixels_edge(axis):
    aperture = Aperture(3, 3, 7)
    shape = (32, 48)
    along = 48 if axis == 0 else 32
    edge = np.array([6.5, np.nextafter(6.5, 0), along - 7.5, np.nextafter(along - 7.5, 99)])
    other = np.full(4, 15.0)
    x, y = (edge, other) if axis == 0 else (other, edge)
    assert aperture.out_of_bounds(x, y, shape).tolist() == [False, True, False, True]
    assert aperture.out_of_bounds(np.array([np.nan]), np.array([9.0]), shape).tolist() == [True]


def test_fits():
    assert Aperture(10, 12, 20).fits((256, 256))
    assert not Aperture(10, 12, 20).fits((32, 32))
    assert Aperture(10, 12, 16).fits((32, 64))
    assert not Aperture(10, 12, 16.01).fits((32, 64))


@pytest.mark.parametrize(
    "radii",
    [(0, 3, 7), (-1, 3, 7), (3, 2, 7), (3, 7, 7), (3, 8, 7), (3, 3, math.inf), (math.nan, 3, 7)],
)
def test_radii_must_grow(radii):
    with pytest.raises(UsageError, match=r"Radii must grow: \S+ \S+ \S+ is not 0 < r"):
        Aperture(*radii)


def test_unknown_sky():
    assert sky_named("mean").name == "mean"
    with pytest.raises(UsageError, match="'blue'; there are: mean"):
        sky_named("blue")
