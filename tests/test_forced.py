"""Apertures laid where the star is expected, for stars that no fit finds."""

from __future__ import annotations

import math

import numpy as np
import pytest
from photutils.aperture import CircularAperture, aperture_photometry
from test_measure import SMALL, star_image

from iracdb import flags as quality
from iracdb.photometry.aperture import Aperture
from iracdb.photometry.centre import forced_centres
from iracdb.photometry.measure import fit_centres, measure_block, measure_fluxes


def test_the_position_is_the_aperture_whatever_the_centre_says():
    image = star_image(15, 16)
    x, y = np.array([12.3]), np.array([17.1])
    centres = fit_centres(image[None], x, y)
    seen, nothing = measure_fluxes(image[None], x, y, centres, SMALL)
    assert seen.tolist() == [quality.BAD_CENTER_GUESS] and math.isnan(nothing.net[0])
    flags, fluxes = measure_fluxes(image[None], x, y, centres, SMALL, forced=True)
    assert flags.tolist() == [0]
    oracle = CircularAperture((12.3, 17.1), 3)
    want = aperture_photometry(image, oracle, method="exact")["aperture_sum"][0]
    assert fluxes.raw[0] == pytest.approx(want, rel=1e-12)


def test_no_centre_is_no_reason():
    image = np.full((32, 32), 2.0)
    image[16, 20] = np.nan  # in the annulus
    x, y = np.array([15.5]), np.array([16.0])
    none = fit_centres(image[None], x, y, centre="moment")
    assert not none.found[0]
    seen, _ = measure_fluxes(image[None], x, y, none, SMALL)
    assert seen.tolist() == [quality.CENTROIDING]
    flags, fluxes = measure_fluxes(image[None], x, y, none, SMALL, forced=True)
    assert flags.tolist() == [0]
    assert fluxes.net[0] == pytest.approx(0, abs=1e-9)


@pytest.mark.parametrize(
    ("expected", "want"),
    [
        ((math.nan, 16.0), quality.COORDINATE_CONVERSION),
        ((math.inf, 16.0), quality.COORDINATE_CONVERSION),
        ((40.0, 16.0), quality.NOT_IN_FOV | quality.APERTURE_OUT_OF_BOUNDS),
        ((5.0, 16.0), quality.APERTURE_OUT_OF_BOUNDS),
    ],
)
def test_other_reasons_stand(expected, want):
    image = star_image(15, 16)[None]
    got = measure_block(image, [expected[0]], [expected[1]], SMALL, forced=True)
    assert got.flags.tolist() == [want]
    assert np.isnan([got.fluxes.net[0], got.fluxes.peak[0]]).all()


def test_a_masked_pixel_and_a_hole_stand_too():
    image = star_image(15, 16)[None]
    image[0, 15, 15] = np.nan
    masked = np.zeros(image.shape, dtype=bool)
    masked[0, 17, 15] = True
    got = measure_block(image, [15.2], [16.1], SMALL, forced=True, masked=masked)
    assert got.flags.tolist() == [quality.NAN_IN_APERTURE | quality.FATAL_IN_APERTURE]


def test_forced_centres_know_their_place_alone():
    got = forced_centres([3.5, math.nan, 1.0], [4.5, 2.0, math.inf])
    assert len(got) == 3
    assert got.found.tolist() == [True, False, False]
    assert (got.x[0], got.y[0]) == (3.5, 4.5)
    assert np.isnan(got.x[1:]).all() and np.isnan(got.y[1:]).all()
    for unknown in (got.fwhm_wide, got.fwhm_narrow, got.amplitude, got.angle, got.residual_sum):
        assert np.isnan(unknown).all()


def test_faint_stars_come_out_right_on_average():
    """A star at 2 sigma: fits lose it or climb noise; forced its mean flux is the true one."""
    rng = np.random.default_rng(21)
    sigma, net = 1.0, 2 * math.sqrt(math.pi * 9)
    star = star_image(15.3, 16.2, sky=0.0, amplitude=net / (2 * math.pi * 0.9 * 0.8))
    images = star + rng.normal(0, sigma, size=(2000, 32, 32))
    at = np.full(len(images), 15.3), np.full(len(images), 16.2)
    got = measure_block(images, *at, Aperture(3, 5, 12), forced=True, variance=np.ones_like(images))
    assert np.count_nonzero(got.flags) == 0
    inside = measure_block(star[None], [15.3], [16.2], Aperture(3, 5, 12), forced=True)
    mean, error = np.mean(got.fluxes.net), np.std(got.fluxes.net)
    assert mean == pytest.approx(inside.fluxes.net[0], abs=4 * error / math.sqrt(2000))
    # Overlap by overlap, not squared, a circle of 28 pixels is told 6 % too noisy.
    assert 1.0 < np.mean(got.fluxes.net_error) / error < 1.12
