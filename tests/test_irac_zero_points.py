"""Magnitudes and electrons, against numbers worked out apart."""

from __future__ import annotations

import math

import numpy as np
import pytest

from iracdb.errors import UsageError
from iracdb.irac.zero_points import VEGA, electrons, magnitude, magnitude_error


def test_the_zero_points() -> None:
    assert VEGA == {1: 280.9, 2: 179.7, 3: 115.0, 4: 64.9}
    for channel, jansky in VEGA.items():
        assert magnitude(jansky * 1000, channel) == 0
        assert magnitude(jansky, channel) == pytest.approx(7.5, abs=1e-12)
    assert magnitude(1.0, 1) == pytest.approx(13.6213, abs=1e-4)
    # A star as bright in Jy in both channels is the fainter where Vega is the brighter.
    assert magnitude(10.0, 1) - magnitude(10.0, 2) == pytest.approx(
        2.5 * math.log10(280.9 / 179.7), abs=1e-12
    )


def test_magnitudes_of_arrays() -> None:
    mjy = np.array([[100.0, 1.0], [0.0, -3.0], [np.nan, np.inf]])
    found = magnitude(mjy, 4)
    assert found.shape == (3, 2)
    assert found[0, 1] - found[0, 0] == pytest.approx(5.0, abs=1e-12)
    assert np.isnan(found[1]).all()
    assert np.isnan(found[2, 0])


def test_errors_of_magnitudes() -> None:
    mjy, error = np.array([50.0, 50.0, 0.0, -1.0, np.nan, 5.0]), np.array([0.05] * 5 + [np.nan])
    found = magnitude_error(mjy, error)
    step = (magnitude(mjy[0] - 0.05, 1) - magnitude(mjy[0] + 0.05, 1)) / 2
    assert found[:2] == pytest.approx([step] * 2, rel=1e-6)
    assert found[0] == pytest.approx(0.00108574, abs=1e-7)
    assert np.isnan(found[2:]).all()


@pytest.mark.parametrize("channel", [0, 5])
def test_no_such_channel(channel: int) -> None:
    with pytest.raises(UsageError, match="no channel"):
        magnitude(1.0, channel)


def test_electrons_forth_and_back() -> None:
    # 20000 electrons in 1.92 s at 3.71 a DN are 2807.7 DN/s, at FLUXCONV 0.1447.
    dn_a_second = 20000 / 3.71 / 1.92
    found = electrons(dn_a_second * 0.1447, gain=3.71, exptime=1.92, fluxconv=0.1447)
    assert found == pytest.approx(20000, rel=1e-12)
    many = electrons([1.0, -2.0, np.nan], gain=3.7, exptime=[93.6, 26.8, 0.8], fluxconv=0.1257)
    assert many[:2] == pytest.approx([93.6 * 3.7 / 0.1257, -2 * 26.8 * 3.7 / 0.1257])
    assert np.isnan(many[2])
    assert np.isnan(electrons(1.0, 3.7, 0.0, 0.1257))
    assert np.isnan(electrons(1.0, 3.7, 1.0, -0.1))
