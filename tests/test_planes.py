"""Planes of a cube: chosen, written down, and made into images with masks and variances."""

from __future__ import annotations

import math
import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from iracdb.errors import UsageError
from iracdb.irac.simulate import FrameSpec, simulate_frame
from iracdb.photometry.planes import (
    STEADY_MEDIAN,
    Planes,
    parse_planes_list,
    planes_without,
    reduce,
)

STEADY = Planes.parse("median 14-63")
ALL = tuple(range(64))


def old_median(cube):
    """Reduce as every run before this choice did."""
    planes = np.sort(np.asarray(cube, dtype=np.float64)[14:], axis=0)
    held = np.count_nonzero(~np.isnan(planes), axis=0)
    lower, upper = np.maximum(held - 1, 0) // 2, np.minimum(held // 2, 49)
    middle = np.take_along_axis(planes, np.stack((lower, upper)), axis=0)
    return np.mean(middle, axis=0)


@pytest.fixture(scope="module")
def cube():
    rng = np.random.default_rng(6)
    values = rng.normal(100, 5, size=(64, 12, 10))
    values[rng.random(values.shape) < 0.2] = np.nan
    values[14:, 2, 3] = np.nan
    return values


# ---- in words ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "how", "kept"),
    [
        ("median 14-63", "median", tuple(range(14, 64))),
        ("each 1-56,58-63", "each", planes_without({0, 57})),
        ("mean 0-63", "mean", ALL),
        ("each 0,2,63", "each", (0, 2, 63)),
    ],
)
def test_the_stored_text(text, how, kept):
    planes = Planes(how, kept)
    assert planes.text == text
    assert Planes.parse(text) == planes


@given(st.sampled_from(["median", "mean", "each"]), st.sets(st.integers(0, 63), min_size=1))
def test_text_and_planes_are_one(how, kept):
    planes = Planes(how, tuple(sorted(kept)))
    assert Planes.parse(planes.text) == planes


def test_lists_of_planes():
    assert parse_planes_list("0,57") == (0, 57)
    assert parse_planes_list("0-13") == tuple(range(14))
    assert parse_planes_list(" 57, 3 - 5 ,4,63 ") == (3, 4, 5, 57, 63)
    assert planes_without(parse_planes_list("0-13")) == STEADY.kept
    assert planes_without(()) == ALL
    assert len(planes_without({0, 57})) == 62


@pytest.mark.parametrize("text", ["", "a", "0,", "1-2-3", "-1", "0.5", "1 2", "\u0663", "--", "1-"])
def test_what_is_no_list(text):
    with pytest.raises(UsageError, match="No planes can be read"):
        parse_planes_list(text)


@pytest.mark.parametrize("text", ["64", "0-64", "99999999999999999999", "1" * 5000])
def test_planes_that_no_cube_has(text):
    with pytest.raises(UsageError, match="There is no plane"):
        parse_planes_list(text)


def test_other_words_that_are_no_choice():
    with pytest.raises(UsageError, match="run backwards: write 3-5"):
        parse_planes_list("5-3")
    with pytest.raises(UsageError, match="There is no plane -1"):
        planes_without({-1})
    with pytest.raises(UsageError, match="write a way and planes"):
        Planes.parse("median")
    with pytest.raises(UsageError, match="cannot be taken as 'sum'"):
        Planes.parse("sum 0-63")
    with pytest.raises(UsageError, match="No plane is left"):
        Planes("each", planes_without(ALL))
    for kept in ((3, 2), (3, 3)):
        with pytest.raises(UsageError, match="rising order"):
            Planes("each", kept)


# ---- in numbers ----------------------------------------------------------------------------------


def test_the_steady_median_has_the_bits_that_it_always_had(cube):
    got = reduce(cube, STEADY)
    assert got.images.shape == (1, 12, 10)
    assert got.images[0].tobytes() == old_median(cube).tobytes()
    assert reduce(cube, STEADY_MEDIAN).images[0].tobytes() == old_median(cube).tobytes()
    assert got.plane.tolist() == [-1]
    assert got.masked is None and got.variance is None
    _, real = simulate_frame(FrameSpec(channel=2, subarray=True, noise=False))
    assert real.ndim == 3
    assert reduce(real, STEADY_MEDIAN).images[0].tobytes() == old_median(real).tobytes()


@pytest.mark.parametrize("how", ["median", "mean"])
def test_masked_pixels_and_holes_are_left_out(cube, how):
    masked = np.random.default_rng(7).random(cube.shape) < 0.3
    masked[:, 5, 5] = True
    planes = Planes(how, planes_without({0, 57}))
    got = reduce(cube, planes, masked=masked)
    used = np.where(masked, np.nan, cube)[list(planes.kept)]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        want = (np.nanmedian if how == "median" else np.nanmean)(used, axis=0)
    np.testing.assert_allclose(got.images[0], want, rtol=1e-13)
    assert np.flatnonzero(got.masked[0]).tolist() == [5 * 10 + 5]
    assert math.isnan(got.images[0, 5, 5])


def test_where_the_result_is_masked():
    cube, masked = np.ones((64, 1, 6)), np.zeros((64, 1, 6), dtype=bool)
    masked[:, 0, 0] = True  # all masked
    masked[:63, 0, 1] = True  # one left
    cube[:32, 0, 2], masked[32:, 0, 2] = np.nan, True  # every plane with a value is masked
    cube[:, 0, 3] = np.nan  # no value, and no mask to blame
    cube[:, 0, 4], masked[5, 0, 4] = np.nan, True  # no value, and a mask
    for how in ("median", "mean"):
        got = reduce(cube, Planes(how, ALL), masked=masked)
        assert got.masked[0, 0].tolist() == [True, False, True, False, True, False]
        assert np.isnan(got.images[0, 0]).tolist() == [True, False, True, True, True, False]
    # A plane that is not kept has no say.
    masked[63] = True
    got = reduce(cube, Planes("mean", ALL[:63]), masked=masked)
    assert got.masked[0, 0, 1] and not got.masked[0, 0, 5]


def test_each_plane_is_as_it_was(cube):
    planes = Planes("each", planes_without({0, 57}))
    masked, variance = cube > 105, np.abs(cube)
    got = reduce(cube.astype(">f4"), planes, masked=masked, variance=variance)
    assert got.plane.tolist() == list(planes.kept)
    for image, bad, noise, plane in zip(
        got.images, got.masked, got.variance, got.plane, strict=True
    ):
        assert np.array_equal(image, cube[plane].astype(np.float32), equal_nan=True)
        assert np.array_equal(bad, masked[plane])
        assert np.array_equal(noise, variance[plane], equal_nan=True)


def test_the_variance_is_that_of_the_values_used():
    rng = np.random.default_rng(8)
    sigma = rng.uniform(1, 3, size=(64, 1, 1))
    cubes = rng.normal(0, sigma, size=(64, 100, 200))
    masked = np.zeros(cubes.shape, dtype=bool)
    masked[::3] = True
    variance = np.broadcast_to(sigma**2, cubes.shape)
    got = reduce(cubes, Planes("mean", ALL), masked=masked, variance=variance)
    used = [k for k in range(64) if k % 3]
    want = np.sum(sigma[used] ** 2) / len(used) ** 2
    assert got.variance[0] == pytest.approx(np.full((100, 200), want), rel=1e-12)
    assert np.var(got.images[0]) == pytest.approx(want, rel=0.04)
    even = rng.normal(0, 2, size=(64, 100, 200))
    got = reduce(even, STEADY, variance=np.full(even.shape, 4.0))
    assert got.variance[0, 0, 0] == pytest.approx(4 / 50 * math.pi / 2, rel=1e-12)
    assert np.var(got.images[0]) == pytest.approx(4 / 50 * math.pi / 2, rel=0.06)


def test_the_median_of_one_or_two_is_their_mean():
    cube, variance = np.ones((64, 1, 1)), np.full((64, 1, 1), 3.0)
    for kept, want in (((0,), 3), ((0, 1), 1.5), ((0, 1, 2), math.pi / 2)):
        got = reduce(cube, Planes("median", kept), variance=variance)
        assert got.variance[0, 0, 0] == pytest.approx(want)


def test_a_variance_that_is_not_known():
    cube, variance = np.ones((64, 1, 3)), np.ones((64, 1, 3))
    variance[3] = np.nan
    masked = np.zeros(cube.shape, dtype=bool)
    masked[3, 0, 0], masked[:, 0, 2] = True, True
    got = reduce(cube, Planes("mean", ALL), masked=masked, variance=variance)
    # Of a plane that is not used it does not matter.
    assert np.isnan(got.variance[0, 0]).tolist() == [False, True, True]


@pytest.mark.parametrize("shape", [(63, 4, 4), (64, 4), (4, 4, 64), ()])
def test_what_is_no_cube(shape):
    with pytest.raises(ValueError, match="64 planes"):
        reduce(np.zeros(shape), STEADY)


def test_a_mask_of_another_shape():
    cube = np.zeros((64, 4, 4))
    for more in ({"masked": np.zeros((4, 4))}, {"variance": np.zeros((64, 4, 5))}):
        with pytest.raises(ValueError, match="has a mask or variances"):
            reduce(cube, STEADY, **more)
