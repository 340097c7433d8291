"""What a circle holds in one compiled pass, held against numpy and photutils."""

from __future__ import annotations

from dataclasses import fields

import numpy as np
import oracle_circle
import pytest

from iracdb.photometry.circle import Circles, circle_sums


def block(seed, n=40):
    rng = np.random.default_rng(seed)
    images = rng.normal(5, 2, size=(n, 40, 48))
    images[rng.random(images.shape) < 0.004] = np.nan
    images[rng.random(images.shape) < 0.002] = np.inf
    x, y = rng.uniform(-1, 49, n), rng.uniform(-1, 41, n)
    x[: n // 2], y[: n // 2] = rng.uniform(10, 37, (n // 2,)), rng.uniform(10, 29, (n // 2,))
    x[0], y[1], x[2], y[2] = np.nan, np.inf, 2.5, 2.5
    sky = rng.normal(1, 0.1, n)
    sky[3] = np.nan
    masked = rng.random(images.shape) < 0.01
    variance = rng.uniform(0.5, 2, images.shape)
    variance[rng.random(images.shape) < 0.002] = np.nan
    return images, x, y, sky, masked, variance


def agree(got: Circles, want: Circles):
    for field in fields(Circles):
        one, other = getattr(got, field.name), getattr(want, field.name)
        assert one.dtype == other.dtype
        if one.dtype == np.int64:
            assert np.array_equal(one, other), field.name
        else:
            np.testing.assert_allclose(one, other, rtol=1e-11, err_msg=field.name)


@pytest.mark.parametrize("r", [0.3, 2.0, 3.0, 10.0])
@pytest.mark.parametrize("beside", ["", "masked", "variance", "masked variance"])
def test_every_field_is_the_oracles(r, beside):
    images, x, y, sky, masked, variance = block(15)
    given = {"masked": masked, "variance": variance}
    given = {name: given[name] for name in beside.split()}
    agree(
        circle_sums(images, x, y, r, sky, **given),
        oracle_circle.circle_sums(images, x, y, r, sky, **given),
    )


def test_light_that_adds_up_to_nothing_or_to_more_than_a_number_holds():
    images = np.zeros((3, 16, 16))
    images[1] = 1e308
    images[2] = np.nan
    at = np.full(3, 7.5)
    agree(
        circle_sums(images, at, at, 3.0, np.zeros(3)),
        oracle_circle.circle_sums(images, at, at, 3.0, np.zeros(3)),
    )


def test_the_bits_do_not_depend_on_the_block_nor_on_the_layout():
    images, x, y, sky, masked, variance = block(16, n=8)
    whole = circle_sums(images, x, y, 3.0, sky, masked=masked, variance=variance)
    flipped = np.asfortranarray(images)
    again = circle_sums(flipped, x, y, 3.0, sky, masked=masked, variance=variance)
    for k in range(8):
        one = slice(k, k + 1)
        alone = circle_sums(
            images[one], x[one], y[one], 3.0, sky[one], masked=masked[one], variance=variance[one]
        )
        for field in fields(Circles):
            bits = getattr(whole, field.name)[k].tobytes()
            assert getattr(alone, field.name)[0].tobytes() == bits
            assert getattr(again, field.name)[k].tobytes() == bits
