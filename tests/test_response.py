"""The response correction, held against the routine's own answers and a formula written apart."""

from __future__ import annotations

import csv
import hashlib
import json
import math
from collections import defaultdict
from decimal import ROUND_HALF_UP, Decimal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from iracdb.engines.choosing import engine_named
from iracdb.errors import UsageError
from iracdb.photometry.response import (
    MISSIONS,
    NATIVE,
    irac_aphot_corr,
    response_factors,
)


def close(got, want):
    return np.testing.assert_allclose(got, want, rtol=1e-15, atol=0)


@pytest.mark.reference
def test_agrees_with_the_routine_on_every_row(reference):
    groups = defaultdict(list)
    with (reference / "aphot_reference.csv").open(newline="") as lines:
        for row in csv.DictReader(lines):
            key = row["mode"], row["subarray"] == "1", int(row["channel"])
            groups[key].append(
                [float(row[c]) for c in ("x", "y", "observed_flux", "corrected_flux")]
            )
    assert len(groups) == 32
    assert sum(map(len, groups.values())) == 2016
    for (mission, subarray, channel), rows in groups.items():
        x, y, observed, corrected = np.array(rows).T
        got = irac_aphot_corr(observed, x, y, channel, mission=mission, subarray=subarray)
        close(got, corrected)


# A formula apart: plain Python, decimal rounding, coefficients of three modes written as printed.
AL = {
    (
        "warm",
        1,
    ): "0.98397385 -8.6387206e-05 3.6310403e-05 -5.6284359e-07 1.6023687e-06 1.3574380e-06",
    ("cryo", 2): "0.97713769 0.00016023137 0.00010671203 6.1546421e-07 2.3478283e-06 1.8726664e-06",
    ("reach", 1): "1.0114 -3.536E-6 -6.826E-5 -1.618E-8 1.215E-6 1.049E-6",
}
PP = {
    ("warm", 1): "0.039129220 0.059108698 0.15899583 0.037160298 0.18512016 0.17005089 0.95685578",
    ("cryo", 2): "0.010250904 0.0091393800 0.040266280 0.12475250 0.17673946 0.27301699 0.98964462",
}


def single(text):
    return [float(np.float32(word)) for word in text.split()]


def phase_apart(x):
    return float(Decimal(x) - Decimal(x).quantize(Decimal(1), rounding=ROUND_HALF_UP))


def factors_apart(mission, channel, x, y):
    a, b, c, d, e, f = single(AL[mission, channel])
    i, j = int(x) - 127, int(y) - 127
    r_al = a + b * i + c * j + d * i * j + e * i**2 + f * j**2
    p, q = phase_apart(x), phase_apart(y)
    if mission == "reach":
        cone = float(np.float32(0.0535)) * (1 / math.sqrt(2 * math.pi) - math.hypot(p, q))
        return r_al / a, 1 + cone
    height_x, height_y, x0, y0, sigma_x, sigma_y, constant = single(PP[mission, channel])
    dx, dy = p - x0, q - y0
    dx = 1 - abs(dx) if abs(dx) > 0.5 else dx
    dy = 1 - abs(dy) if abs(dy) > 0.5 else dy
    in_x = height_x * math.exp(-(dx**2) / (2 * sigma_x**2))
    return r_al, in_x + height_y * math.exp(-(dy**2) / (2 * sigma_y**2)) + constant


halves = st.integers(-600, 600).map(lambda n: n / 2)
pixels = halves | st.floats(-300, 300)
edges = st.sampled_from([-0.49999999999999994, 0.49999999999999994, -0.0, 254.99999999999997])


@given(st.sampled_from(sorted(AL)), pixels | edges, pixels | edges)
def test_agrees_with_a_formula_written_apart(mode, x, y):
    mission, channel = mode
    want_al, want_pp = factors_apart(mission, channel, x, y)
    r_al, r_pp = response_factors(x, y, channel, mission=mission)
    # The order of operations is the routine's here and not there.
    assert r_al == pytest.approx(want_al, rel=2e-15)
    assert r_pp == pytest.approx(want_pp, rel=2e-15)
    assert irac_aphot_corr(7.0, x, y, channel, mission=mission) == pytest.approx(
        7.0 / (want_al * want_pp), rel=4e-15
    )


@pytest.mark.parametrize("channel", [1, 2, 3, 4])
def test_subarray_stands_at_its_place_on_the_array(channel):
    offset = (8, 216) if channel < 3 else (8, 8)
    x, y = np.array([3.25, 15.5, 31.0]), np.array([14.75, 0.5, 2.0])
    for mission in MISSIONS:
        sub = irac_aphot_corr(1.0, x, y, channel, mission=mission, subarray=True)
        full = irac_aphot_corr(1.0, x + offset[0], y + offset[1], channel, mission=mission)
        close(sub, full)


def test_each_part_can_be_left_out():
    both = response_factors(14.6, 200.2, 2, mission="warm")
    only_al = response_factors(14.6, 200.2, 2, mission="warm", pixel_phase=False)
    only_pp = response_factors(14.6, 200.2, 2, mission="warm", array_location=False)
    assert (only_al[0], only_al[1]) == (both[0], 1.0)
    assert (only_pp[0], only_pp[1]) == (1.0, both[1])
    assert 1.0 not in both


@pytest.mark.parametrize("channel", [3, 4])
def test_warm_has_no_channels_3_and_4(channel):
    assert irac_aphot_corr(3.25, 14.6, 200.2, channel, mission="warm") == 3.25
    _, r_pp = response_factors(14.6, 200.2, channel, mission="cryo")
    assert r_pp == 1.0


def test_scalars_give_a_float_and_arrays_broadcast():
    assert type(irac_aphot_corr(1, 2, 3, 1)) is float
    flux, x, y = np.ones((3, 1)), np.arange(4.0), 7
    assert irac_aphot_corr(flux, x, y, 1).shape == (3, 4)
    assert [f.shape for f in response_factors(x, y, 1)] == [(4,), (4,)]
    assert irac_aphot_corr([], [], [], 1).shape == (0,)


@pytest.mark.parametrize("mission", MISSIONS)
@pytest.mark.parametrize("channel", [1, 2, 3, 4])
def test_nan_in_nan_out(mission, channel):
    nan = math.nan
    x, y, flux = [nan, 9.0, 9.0, math.inf], [9.0, nan, 9.0, 9.0], [1.0, 1.0, nan, 1.0]
    assert np.isnan(irac_aphot_corr(flux, x, y, channel, mission=mission)).all()


def test_huge_positions_warn_of_nothing():
    for value in (1e15, -1e15, 1e200, -1e308):
        r_al, r_pp = response_factors(value, value, 1)
        assert r_al != 1.0
        assert 0.9 < r_pp < 1.1


@pytest.mark.parametrize("channel", [0, 5, -1, True, 1.0, "1", None])
def test_unknown_channel(channel):
    with pytest.raises(UsageError, match=r"Channel .* none of IRAC's"):
        irac_aphot_corr(1.0, 1.0, 1.0, channel)


def test_unknown_mission_and_engine():
    with pytest.raises(UsageError, match="'cold'; there are: warm, cryo, hora, reach"):
        irac_aphot_corr(1.0, 1.0, 1.0, 1, mission="cold")
    with pytest.raises(UsageError, match="'abacus'; there are: native"):
        engine_named("abacus")


def test_coefficients_are_told_by_their_digest():
    native = engine_named("native")
    assert native is NATIVE
    told = native.coefficients()
    assert told["cryo"]["1"]["array_location"] == single(
        "0.98866790 -2.5460463e-05 -4.5413791e-05 -3.7748392e-07 9.6670990e-07 1.1259718e-06"
    )
    assert told["warm"]["3"]["array_location"] == []
    assert told["hora"]["2"]["pixel_phase_cone"] == float(np.float32(0.0309))
    text = json.dumps(told, sort_keys=True, separators=(",", ":"))
    assert json.loads(text) == told
    assert native.coefficients_digest() == hashlib.sha256(text.encode()).hexdigest()
