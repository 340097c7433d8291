"""The moment centre, held against photutils on the same pixels and against stars that are known."""

from __future__ import annotations

import math

import numpy as np
import pytest
from photutils.centroids import centroid_com
from photutils.morphology import data_properties

from iracdb.irac.simulate import FrameSpec, simulate_frame
from iracdb.photometry.centre import CENTRES, MomentCentre, centre_named
from iracdb.photometry.peak import brightest_pixel, ring_background

moment = centre_named("moment")
FIELDS = ("x", "y", "fwhm_wide", "fwhm_narrow", "amplitude", "angle", "residual_sum")


def star(x=127.3, y=126.8, noise=1, **changes):
    frame = FrameSpec(**({"channel": 1, "frame_time": 12.0, "flux_mjy": 20.0} | changes), x=x, y=y)
    return simulate_frame(frame, np.random.default_rng(noise))[1].astype(float)


def find(image, x=127.0, y=127.0):
    return moment(np.array([image]), np.array([x], float), np.array([y], float))


def ring_of(image, column, row):
    """Read the ring's clipped median in another way: by a mask over the whole array."""
    rows, columns = np.indices(image.shape)
    far = np.maximum(abs(rows - row), abs(columns - column))
    values = image[(far >= 6) & (far <= 12) & np.isfinite(image)]
    kept = values[
        abs(values - np.percentile(values, 50, method="higher")) <= 3 * values.std(ddof=1)
    ]
    return np.percentile(kept, 50, method="higher"), len(values)


def test_names():
    assert CENTRES["moment"] is moment
    assert isinstance(moment, MomentCentre)


@pytest.mark.parametrize("phase", [(-0.45, 0.2), (0.0, 0.0), (0.31, -0.49), (0.49, 0.49)])
@pytest.mark.parametrize("channel", [1, 4])
def test_photutils_finds_the_same_on_the_same_pixels(phase, channel):
    image = star(128 + phase[0], 127 + phase[1], channel=channel, mjd=54_000.0)
    found = find(image, 127.4, 127.9)
    column, row = (math.floor(at[0] + 0.5) for at in (found.x, found.y))
    level, pixels = ring_of(image, column, row)
    assert pixels == 25**2 - 11**2
    box = image[row - 3 : row + 4, column - 3 : column + 4] - level
    theirs = centroid_com(box) + np.array([column - 3, row - 3])
    np.testing.assert_allclose([found.x[0], found.y[0]], theirs, rtol=0, atol=1e-11)
    assert found.amplitude[0] == pytest.approx(box.max(), rel=1e-12)
    assert np.isnan(found.residual_sum[0])


def test_widths_and_angle_are_those_of_second_moments():
    rows, columns = np.mgrid[:64, :64].astype(float)
    for angle in (-1.2, -0.4, 0.0, 0.7, 1.5):
        u = (columns - 31.1) * math.cos(angle) + (rows - 30.8) * math.sin(angle)
        v = (rows - 30.8) * math.cos(angle) - (columns - 31.1) * math.sin(angle)
        image = 100 * np.exp(-0.5 * ((u / 0.95) ** 2 + (v / 0.6) ** 2)) + 5
        found = find(image, 30.0, 32.0)
        theirs = data_properties(image[28:35, 28:35] - 5)
        to_fwhm = 2 * math.sqrt(2 * math.log(2))
        sizes = (theirs.semimajor_axis.value, theirs.semiminor_axis.value)
        assert found.fwhm_wide[0] == pytest.approx(sizes[0] * to_fwhm, rel=1e-6)
        assert found.fwhm_narrow[0] == pytest.approx(sizes[1] * to_fwhm, rel=1e-6)
        assert math.sin(found.angle[0] - angle) == pytest.approx(0, abs=0.02)
        assert -math.pi / 2 < found.angle[0] <= math.pi / 2


def test_where_the_star_was_expected_does_not_matter():
    image = star(127.45, 126.52)
    found = [find(image, 127 + i, 127 + j) for i in (-2, 0, 1.9) for j in (-2, 0.3, 2)]
    assert len({(f.x[0], f.y[0], f.fwhm_wide[0]) for f in found}) == 1


def test_the_sky_is_taken_off():
    low, high = (star(127.4, 127.2, noise=3, background=b) for b in (0.0, 40.0))
    assert abs(find(low).x[0] - find(high).x[0]) < 0.02
    lifted = star(127.4, 127.2)
    assert find(lifted + 1000.0).x[0] == pytest.approx(find(lifted).x[0], abs=1e-9)


@pytest.mark.parametrize("edge", [3, 252])
@pytest.mark.parametrize("axis", [0, 1])
def test_a_box_that_leaves_the_array_has_no_centre(edge, axis):
    outward = -1 if edge == 3 else 1
    for step, there in ((0, True), (1, False)):
        at = [127.0, 127.0]
        at[axis] = edge + outward * step
        image = star(*at)
        assert brightest_pixel(image, *at) == tuple(int(a) for a in at)
        assert find(image, *at).found.tolist() == [there]


@pytest.mark.parametrize("position", [math.nan, math.inf, -math.inf, 1e300, -0.6, 255.6])
def test_no_centre_at_a_position_that_is_none(position):
    assert not find(star(), position, 127).found[0]
    assert not find(star(), 127, position).found[0]


def test_pixels_without_a_value():
    image = star()
    whole = find(image)
    for value in (np.nan, np.inf, -np.inf):
        core, rim = image.copy(), image.copy()
        core[128, 128] = rim[130, 127] = value
        assert not find(core).found[0]
        assert abs(find(rim).y[0] - whole.y[0]) < 0.05
    half = image.copy()
    half[124:131, 124:126] = half[130, 126:131] = half[129, 126:131] = np.nan
    assert np.isfinite(half[124:131, 124:131]).sum() == 25
    assert find(half).found[0]
    half[124, 130] = np.nan
    assert not find(half).found[0]


def test_a_ring_with_too_few_pixels_tells_no_background():
    image = star()
    ring = ring_background(image, 127, 127)
    assert ring is not None
    assert ring.level == ring_of(image, 127, 127)[0]
    bare = np.full_like(image, np.nan)
    bare[118:137, 118:137] = image[118:137, 118:137]
    bare[121:134, 121:134][:] = np.nan
    bare[122:133, 122:133] = image[122:133, 122:133]
    bare[118:121, :] = bare[134:, :] = np.nan
    bare[:, 118:121] = bare[:, 134:] = np.nan
    assert ring_background(bare, 127, 127) is None
    assert not find(bare).found[0]
    bare[121, 115:139] = image[121, 115:139]
    assert ring_background(bare, 127, 127) is None  # 24
    bare[133, 120] = image[133, 120]
    assert find(bare).found[0]


def test_a_neighbour_in_the_ring_moves_the_background_little():
    image = star()
    other = image.copy()
    other[136:139, 126:129] += 5000.0
    ours, theirs = (ring_background(im, 127, 127) for im in (image, other))
    assert abs(ours.level - theirs.level) < 0.2 * ours.scatter
    assert theirs.scatter < 1.2 * ours.scatter
    assert abs(find(image).x[0] - find(other).x[0]) < 0.002


def test_no_centre_rather_than_a_wild_one():
    rng = np.random.default_rng(4)
    noise = rng.normal(size=(400, 40, 40))
    found = moment(noise, np.full(400, 20.0), np.full(400, 20.0))
    assert found.found.mean() < 0.03
    hole = np.zeros((40, 40))
    hole[17:24, 17:24] = -1.0
    hole[20, 20] = 3.0
    assert not find(hole, 20, 20).found[0]  # a sum below zero
    hole[17:24, 17:24] = 0.0
    hole[20, 20], hole[20, 23] = 1.0, -0.99
    assert not find(hole, 20, 20).found[0]  # a sum near zero, its moment far outside
    pair = np.zeros((40, 40))
    pair[20, 20], pair[20, 23], pair[20, 18] = 1.0, 0.9, 0.2
    assert find(pair, 18, 20).found[0]
    pair[20, 24] = 5.0  # beyond the first box, and in the second far from its middle
    assert not find(pair, 18, 20).found[0]


@pytest.mark.parametrize("scale", [0.0, 1e-300, 1.0, 1e200, 1e308])
def test_hopeless_images_end_in_finite_numbers_or_in_none(scale):
    rng = np.random.default_rng(13)
    images = scale * np.clip(rng.normal(size=(8, 40, 40)), -1, 1)
    images[6], images[7] = 0.0, -scale
    images[5, 20, 20] = scale
    found = moment(images, np.full(8, 20.3), np.full(8, 19.6))
    for name in FIELDS[:6]:
        assert np.isnan(getattr(found, name)[~found.found]).all()
    assert np.isfinite(found.y[found.found]).all()
    assert np.array_equal(np.isfinite(found.x), np.isfinite(found.y))


def test_a_width_that_is_none_is_not_a_number():
    image = np.zeros((40, 40))
    image[20, 20] = 1.0
    found = find(image, 20, 20)
    assert (found.x[0], found.y[0], found.amplitude[0]) == (20, 20, 1)
    assert np.isnan([found.fwhm_wide[0], found.fwhm_narrow[0], found.angle[0]]).all()


@pytest.mark.parametrize("name", ["moment", "quadratic"])
def test_each_image_is_alone(name):
    images = np.array([star(127 + k / 7, 127 - k / 9, noise=k) for k in range(6)])
    x, y = np.full(6, 127.4), np.full(6, 126.7)
    block = CENTRES[name](images, x, y)
    turned = CENTRES[name](np.asfortranarray(images)[::-1], x, y)
    for k in range(6):
        alone = CENTRES[name](images[k : k + 1].copy(), x[:1], y[:1])
        for field in FIELDS:
            bits = getattr(alone, field).tobytes()
            assert getattr(block, field)[k : k + 1].tobytes() == bits
            assert getattr(turned, field)[5 - k : 6 - k].tobytes() == bits
    assert len(CENTRES[name](images[:0], x[:0], y[:0])) == 0
