"""Compiled first moments, held against numpy."""

from __future__ import annotations

from dataclasses import fields

import numpy as np
import oracle_moment

from iracdb.photometry.centres import Centres
from iracdb.photometry.moment_centre import MomentCentre


def stars(seed, n=300):
    rng = np.random.default_rng(seed)
    images = rng.normal(3, 0.3, size=(n, 32, 36))
    x, y = rng.uniform(-1, 36, n), rng.uniform(-1, 32, n)
    x[: n // 2], y[: n // 2] = rng.uniform(6, 30, n // 2), rng.uniform(6, 26, n // 2)
    rows, columns = np.mgrid[:32, :36]
    height, width = 10 ** rng.uniform(-1, 3, n), rng.uniform(0.4, 2, n)
    for k in range(n):
        away = (columns - x[k]) ** 2 + (rows - y[k]) ** 2 * rng.uniform(0.7, 1.4)
        images[k] += height[k] * np.exp(-0.5 * away / width[k] ** 2)
    images[rng.random(images.shape) < 0.01] = np.nan
    images[rng.random(images.shape) < 0.003] = np.inf
    images[rng.random(images.shape) < 0.003] = -np.inf
    images[::17] = np.where(rng.random((32, 36)) < 0.6, np.nan, images[::17])
    images[1], images[2], images[3] = np.nan, 1e308, 7.0
    return images, x + rng.uniform(-1, 1, n), y + rng.uniform(-1, 1, n)


def agree(got, want):
    for field in fields(Centres):
        one, other = getattr(got, field.name), getattr(want, field.name)
        np.testing.assert_allclose(one, other, rtol=1e-9, atol=1e-9, err_msg=field.name)


def test_every_field_is_the_oracles():
    images, x, y = stars(17)
    x[5], y[6], x[7] = np.nan, np.inf, -0.5
    got, want = MomentCentre()(images, x, y), oracle_moment.MomentCentre()(images, x, y)
    assert 60 < np.count_nonzero(want.found) < 240
    agree(got, want)
    assert np.abs(got.x - want.x)[want.found].max() < 1e-12


def test_a_star_on_the_border_of_pixels():
    """There the last bit of the first moment decides where the second box lies."""
    rows, columns = np.mgrid[:40, :40]
    places = [(20.5, 20.0), (20.5, 20.5), (20.0, 19.5), (21.0, 20.0)]
    images = np.array(
        [50 * np.exp(-0.5 * ((columns - x) ** 2 + (rows - y) ** 2)) for x, y in places]
    )
    x, y = np.array(places).T
    agree(MomentCentre()(images, x, y), oracle_moment.MomentCentre()(images, x, y))


def test_the_bits_do_not_depend_on_the_block_nor_on_the_layout():
    images, x, y = stars(18, n=40)
    whole = MomentCentre()(images, x, y)
    again = MomentCentre()(np.asfortranarray(images), x, y)
    for k in range(40):
        alone = MomentCentre()(images[k : k + 1], x[k : k + 1], y[k : k + 1])
        for field in fields(Centres):
            bits = getattr(whole, field.name)[k].tobytes()
            assert getattr(alone, field.name)[0].tobytes() == bits
            assert getattr(again, field.name)[k].tobytes() == bits
