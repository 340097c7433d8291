"""Compiled overlaps and sums, held against photutils'."""

from __future__ import annotations

import math

import numpy as np
import oracle_rings
import pytest
from photutils.geometry import circular_overlap_grid

from iracdb.photometry.aperture import ring_pixels, ring_sums
from iracdb.photometry.ring_kernel import overlap


def test_every_overlap_is_photutils():
    rng = np.random.default_rng(12)
    for r in [0.05, 0.3, 0.5, 1.0, 1.5, 2.25, 3.0, 7.0, 10.0, 20.0, *rng.uniform(0.01, 25, 10)]:
        n = math.ceil(r) + 2
        for x, y in [*rng.uniform(-0.5, 0.5, (4, 2)), (0.0, 0.0), (0.5, 0.5), (0.5, 0.0)]:
            box = (-n - 0.5 - x, n + 0.5 - x, -n - 0.5 - y, n + 0.5 - y)
            want = circular_overlap_grid(*box, 2 * n + 1, 2 * n + 1, r, 1, 1)
            steps = range(-n, n + 1)
            got = np.array([[overlap(i - x, j - y, r) for i in steps] for j in steps])
            np.testing.assert_allclose(got, want, rtol=0, atol=1e-12)
            assert got.sum() == pytest.approx(math.pi * r**2, rel=1e-13)
            assert (got >= 0).all()
            assert (got <= 1).all()


@pytest.mark.parametrize("radii", [(10.0, 0.0), (20.0, 12.0), (7.0, 3.0), (0.4, 0.0), (2.5, 2.4)])
def test_sums_over_images_with_holes(radii):
    rng = np.random.default_rng(13)
    images = rng.normal(5, 2, size=(40, 64, 80))
    images[rng.random(images.shape) < 0.05] = np.nan
    images[rng.random(images.shape) < 0.01] = np.inf
    x, y = rng.uniform(19.5, 59.5, 40), rng.uniform(19.5, 43.5, 40)
    x[:4], y[:4] = [19.5, 59.5, 31, 31.5], [19.5, 43.5, 32, 31.5]
    sums = ring_sums(images, x, y, *radii)
    for k, image in enumerate(images):
        total, area, nan_pixels, deviation = oracle_rings.ring_sums(image, x[k], y[k], *radii)
        assert sums.total[k] == pytest.approx(total, rel=1e-12)
        assert sums.pixels[k] == pytest.approx(area, rel=1e-12)
        assert sums.nan_pixels[k] == nan_pixels
        assert sums.deviation[k] == pytest.approx(deviation, rel=1e-11, abs=1e-12, nan_ok=True)


def test_pixels_of_a_ring_that_leaves_the_image():
    image = np.arange(32.0 * 40).reshape(32, 40)
    for x, y in [(1.2, 3.4), (38.9, 30.1), (-2.0, 15.0), (20.0, 35.0)]:
        values, weights = ring_pixels(image, x, y, 7.0, 3.0)
        want_values, want_weights = oracle_rings.ring_pixels(image, x, y, 7.0, 3.0)
        assert np.array_equal(values, want_values)
        np.testing.assert_allclose(weights, want_weights, rtol=0, atol=1e-12)


def test_the_bits_do_not_depend_on_the_block():
    rng = np.random.default_rng(14)
    images, (x, y) = rng.normal(size=(6, 64, 64)), rng.uniform(25, 38, (2, 6))
    whole = ring_sums(images, x, y, 20.0, 12.0)
    for k in range(6):
        alone = ring_sums(images[k : k + 1], x[k : k + 1], y[k : k + 1], 20.0, 12.0)
        assert alone.total[0] == whole.total[k]
        assert alone.deviation[0] == whole.deviation[k]
