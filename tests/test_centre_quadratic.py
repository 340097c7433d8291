"""The quadratic centre, held against photutils on the same pixels and its own surface."""

from __future__ import annotations

import math
import warnings

import numpy as np
import pytest
from astropy.utils.exceptions import AstropyUserWarning
from photutils.centroids import centroid_quadratic

from iracdb.irac.simulate import FrameSpec, simulate_frame
from iracdb.photometry.centre import CENTRES, QuadraticCentre, centre_named

quadratic = centre_named("quadratic")


def find(image, x=20.0, y=20.0, centre=quadratic):
    return centre(np.array([image]), np.array([x], float), np.array([y], float))


def surface(x, y, tilt=0.1, background=0.0):
    """Make a paraboloid with its top at a place, on a background."""
    rows, columns = np.mgrid[:41, :41].astype(float)
    image = np.full((41, 41), background)
    dx, dy = columns - x, rows - y
    top = 100 - 9 * dx**2 - 7 * dy**2 + tilt * dx * dy
    near = np.maximum(abs(rows - 20), abs(columns - 20)) < 3
    image[near] += top[near]
    return image


def theirs(image, size):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", AstropyUserWarning)
        return centroid_quadratic(image[14:27, 14:27], fit_boxsize=size) + 14


class FivePixels(QuadraticCentre):
    half_box = 2


def test_names():
    assert CENTRES["quadratic"] is quadratic
    assert quadratic.half_box == 1


def test_the_top_of_a_quadratic_surface_is_found_exactly():
    for x, y, tilt in ((20.0, 20.0, 0.0), (20.4, 19.7, 3.0), (19.55, 20.45, -5.0)):
        for background in (0.0, 1e4):
            found = find(surface(x, y, tilt, background))
            assert found.x[0] == pytest.approx(x, abs=1e-9)
            assert found.y[0] == pytest.approx(y, abs=1e-9)
            assert found.amplitude[0] == pytest.approx(surface(x, y, tilt)[20, 20], abs=1e-9)
    for unknown in ("fwhm_wide", "fwhm_narrow", "angle", "residual_sum"):
        assert np.isnan(getattr(found, unknown)[0])


@pytest.mark.parametrize("channel", [1, 2, 3, 4])
def test_photutils_finds_the_same_on_the_same_pixels(channel):
    rng = np.random.default_rng(channel)
    for _ in range(6):
        x, y = 127 + rng.uniform(-0.5, 0.5, size=2)
        frame = FrameSpec(channel=channel, mjd=54_000.0, frame_time=12.0, x=x, y=y)
        image = simulate_frame(frame, rng)[1][107:148, 107:148].astype(float)
        for centre, size in ((quadratic, 3), (FivePixels(), 5)):
            found = find(image, x - 107 + 0.7, y - 107 - 0.8, centre)
            expected = theirs(image, size)
            np.testing.assert_allclose([found.x[0], found.y[0]], expected, rtol=0, atol=1e-9)


def test_photutils_finds_the_same_in_noise_where_both_find():
    rng = np.random.default_rng(6)
    both = 0
    for _ in range(100):
        image = rng.normal(size=(41, 41))
        image[19:22, 19:22] += 6
        image[20, 20] += 3
        found, expected = find(image), theirs(image, 3)
        if found.found[0]:
            both += 1
            np.testing.assert_allclose([found.x[0], found.y[0]], expected, rtol=0, atol=1e-9)
        else:
            distance = np.abs(expected - np.unravel_index(image.argmax(), image.shape)[::-1])
            faint = image.max() < 5.5
            assert faint or not np.isfinite(expected).all() or distance.max() > 1.5
    assert both > 70


@pytest.mark.parametrize("edge", [1, 39])
@pytest.mark.parametrize("axis", [0, 1])
def test_nine_pixels_that_leave_the_array_are_no_centre(edge, axis):
    outward = -1 if edge == 1 else 1
    for step, there in ((0, True), (1, False)):
        at = [20, 20]
        at[axis] = edge + outward * step
        image = np.zeros((41, 41))
        image[at[1], at[0]] = 1.0
        assert find(image, *at).found.tolist() == [there]


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_a_pixel_without_a_value_among_the_nine_is_no_centre(value):
    whole = surface(20.2, 20.1)
    for row in (19, 20, 21):
        for column in (19, 20, 21):
            image = whole.copy()
            image[row, column] = value
            found = find(image)
            assert not (
                found.found[0] and abs(found.x[0] - 20) < 0.5 and abs(found.y[0] - 20) < 0.5
            )
    beyond = whole.copy()
    beyond[22, 20] = value
    assert find(beyond).x[0] == find(whole).x[0]


@pytest.mark.parametrize("position", [math.nan, math.inf, -math.inf, 1e300, -0.6, 40.6])
def test_no_centre_at_a_position_that_is_none(position):
    assert not find(surface(20, 20), position, 20).found[0]
    assert not find(surface(20, 20), 20, position).found[0]


def test_no_centre_rather_than_a_wild_one():
    rng = np.random.default_rng(4)
    noise = rng.normal(size=(400, 41, 41))
    assert quadratic(noise, np.full(400, 20.0), np.full(400, 20.0)).found.mean() < 0.01
    assert not find(np.zeros((41, 41))).found[0]
    assert not find(-surface(20, 20)).found[0]
    ridge = np.zeros((41, 41))
    ridge[20, :] = 1.0  # no maximum along it
    assert not find(ridge).found[0]
    saddle = np.zeros((41, 41))
    saddle[[19, 21], [19, 21]] = 0.99  # as high as the middle along one diagonal
    saddle[20, 20] = 1.0
    found = find(saddle)
    assert not found.found[0] or abs(found.x[0] - 20) <= 1.5


@pytest.mark.parametrize("scale", [0.0, 1e-300, 1e200, 1e308])
def test_hopeless_images_end_in_finite_numbers_or_in_none(scale):
    rng = np.random.default_rng(13)
    images = scale * np.clip(rng.normal(size=(8, 41, 41)), -1, 1)
    images[7, 20, 20] = scale
    found = quadratic(images, np.full(8, 20.3), np.full(8, 19.6))
    for name in ("x", "y", "amplitude"):
        assert np.array_equal(np.isfinite(getattr(found, name)), found.found)
