"""The compiled Gaussian, held against MINPACK's on stars of every kind."""

from __future__ import annotations

import numpy as np
import pytest

from iracdb.photometry.gaussian_centre import GaussianCentre
from iracdb.photometry.minpack_gaussian import MinpackGaussian

SHAPE = (32, 32)
ROWS, COLUMNS = np.mgrid[: SHAPE[0], : SHAPE[1]].astype(float)
KINDS = ("plain", "edge", "round", "undersampled", "nan", "faint", "crowded", "on a sky")
N = 25


def star(amplitude, x, y, sigma_u, sigma_v, angle):
    cos, sin = np.cos(angle), np.sin(angle)
    u, v = cos * (COLUMNS - x) + sin * (ROWS - y), cos * (ROWS - y) - sin * (COLUMNS - x)
    return amplitude * np.exp(-0.5 * ((u / sigma_u) ** 2 + (v / sigma_v) ** 2))


def integrated(amplitude, x, y, sigma):
    """A round star of which each pixel takes the mean over itself."""
    steps = (np.arange(5) - 2) / 5
    parts = [star(amplitude, x + i, y + j, sigma, sigma, 0.0) for i in steps for j in steps]
    return np.mean(parts, axis=0)


def random_image(rng, kind):
    x, y = rng.uniform(13, 18, size=2)
    amplitude = 10 ** rng.uniform(0.7, 4)
    noise = 0.01 * amplitude
    u, v, angle = *rng.uniform(0.9, 1.8, size=2), rng.uniform(-1.5, 1.5)
    if kind == "edge":  # the whole box just on the array
        x, y = rng.choice([7.2, 24.7], size=2)
    if kind == "faint":
        amplitude, noise = rng.uniform(1.5, 4), 0.4
    if kind == "round":
        v = u
    image = star(amplitude, x, y, u, v, angle)
    if kind == "undersampled":
        image = integrated(amplitude, x, y, rng.uniform(0.45, 0.65))
    if kind == "crowded":
        for _ in range(rng.integers(1, 4)):
            at = (x + rng.uniform(3, 8) * rng.choice([-1, 1]), y + rng.uniform(-8, 8))
            image += star(amplitude * rng.uniform(0.02, 0.3), *at, u, v, angle)
    if kind == "on a sky":
        image += rng.uniform(-0.03, 0.03) * amplitude
    image += rng.normal(0, noise, SHAPE)
    if kind == "nan":
        image[rng.random(SHAPE) < rng.uniform(0.02, 0.3)] = np.nan
    return image, x, y


def random_block(kind, n=N):
    rng = np.random.default_rng([KINDS.index(kind), 2018])
    images, x, y = zip(*(random_image(rng, kind) for _ in range(n)), strict=True)
    off = rng.uniform(-0.4, 0.4, size=(2, n)) if kind == "edge" else rng.uniform(-1, 1, (2, n))
    if kind == "edge":  # away from the edge, or there is no box
        off = np.sign(15.5 - np.array([x, y])) * np.abs(off) / 2
    return np.array(images), np.array(x) + off[0], np.array(y) + off[1]


@pytest.mark.parametrize("kind", KINDS)
def test_the_same_as_minpack(kind):
    images, x, y = random_block(kind)
    ours, theirs = GaussianCentre()(images, x, y), MinpackGaussian()(images, x, y)
    assert np.array_equal(ours.found, theirs.found)
    assert theirs.found.all()
    # Where it is no centre, on the way to infinity, both stop anywhere.
    star_like = np.maximum(np.abs(theirs.x - x), np.abs(theirs.y - y)) < 2
    assert np.count_nonzero(star_like) > 0.8 * N
    for name in ("x", "y"):
        away = np.abs(getattr(ours, name) - getattr(theirs, name))[star_like]
        # On the flat bottom of a faint or crowded star MINPACK itself stops 1e-6 to 1e-5 pixels
        # from the lowest point, since it ends where a step gains less than 1e-10 of the sum.
        assert np.count_nonzero(away > 1e-6) <= (2 if kind in ("faint", "crowded") else 0)
        assert np.max(away) < 1e-5
    deeper = ours.residual_sum[star_like] / theirs.residual_sum[star_like] - 1
    assert np.max(np.abs(deeper)) < 1e-9


@pytest.mark.parametrize("kind", ["plain", "undersampled", "faint"])
def test_no_start_of_many_leads_deeper(kind):
    images, x, y = random_block(kind, 12)
    ours = GaussianCentre()(images, x, y)
    many = MinpackGaussian(tuple(k * np.pi / 8 for k in range(8)))
    for dx, dy in [(0.0, 0.0), (0.7, -0.4), (-0.5, 0.6)]:
        other = many(images, ours.x + dx, ours.y + dy)
        # Another start may have another box; the same pixels are another's minimum only then.
        same = (np.trunc(ours.x + dx - 7) == np.trunc(x - 7)) & (
            np.trunc(ours.y + dy - 7) == np.trunc(y - 7)
        )
        assert (ours.residual_sum[same] <= other.residual_sum[same] * (1 + 1e-9)).all()


def test_the_bits_do_not_depend_on_the_block():
    images, x, y = random_block("faint")
    whole = GaussianCentre()(images, x, y)
    for k in range(0, N, 4):
        alone = GaussianCentre()(images[k : k + 1], x[k : k + 1], y[k : k + 1])
        for name in ("x", "y", "fwhm_wide", "fwhm_narrow", "amplitude", "angle", "residual_sum"):
            assert getattr(alone, name)[0] == getattr(whole, name)[k]


def test_a_spike_is_left_to_minpack():
    rng = np.random.default_rng(4)
    images = rng.normal(size=(2, *SHAPE))
    images[0, 15, 15] = 1e4
    images[1] += star(500.0, 15.2, 15.4, 1.2, 1.1, 0.3)
    at = np.array([15.3, 15.3])
    ours, theirs = GaussianCentre()(images, at, at), MinpackGaussian()(images, at, at)
    assert theirs.fwhm_narrow[0] < 0.5
    assert ours.x[0] == theirs.x[0]
    assert ours.residual_sum[0] == theirs.residual_sum[0]
    assert ours.x[1] == pytest.approx(15.2, abs=0.01)
