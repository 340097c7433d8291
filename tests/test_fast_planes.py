"""Compiled medians and means of cubes, held against numpy."""

from __future__ import annotations

import numpy as np
import oracle_planes
import pytest

from iracdb.photometry.planes import Planes, reduce


def cube(seed):
    rng = np.random.default_rng(seed)
    values = rng.normal(3, 1, size=(64, 9, 21))
    values[rng.random(values.shape) < 0.1] = np.nan
    values[rng.random(values.shape) < 0.01] = np.inf
    values[rng.random(values.shape) < 0.01] = -np.inf
    masked = rng.random(values.shape) < 0.1
    variance = rng.uniform(0.1, 1, values.shape)
    variance[rng.random(values.shape) < 0.005] = np.nan
    values[:, 0], masked[:, 1], masked[3:, 2] = np.nan, True, True
    values[:, 3] = np.where(masked[:, 3], values[:, 3], np.nan)
    values[:, 4] = 1e308
    return values, masked, variance


@pytest.mark.parametrize("text", ["median 14-63", "mean 1-56,58-63", "median 5", "mean 2-3"])
@pytest.mark.parametrize("beside", ["", "masked", "variance", "masked variance"])
def test_every_field_is_the_oracles(text, beside):
    values, masked, variance = cube(21)
    given = {"masked": masked, "variance": variance}
    given = {name: given[name] for name in beside.split()}
    planes = Planes.parse(text)
    want = oracle_planes.reduce(values, planes, **given)
    fortran = {name: np.asfortranarray(array) for name, array in given.items()}
    for got in (
        reduce(values, planes, **given),
        reduce(np.asfortranarray(values).astype(">f8"), planes, **fortran),
    ):
        np.testing.assert_allclose(got.images, want.images, rtol=1e-13)
        np.testing.assert_array_equal(got.plane, want.plane)
        assert (got.masked is None) == (want.masked is None)
        assert (got.variance is None) == (want.variance is None)
        if want.masked is not None:
            assert got.masked.dtype == want.masked.dtype
            np.testing.assert_array_equal(got.masked, want.masked)
        if want.variance is not None:
            np.testing.assert_allclose(got.variance, want.variance, rtol=1e-13)
