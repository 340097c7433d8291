"""Rules of rejection, held against Python's statistics and astropy's clipping."""

from __future__ import annotations

import math
import statistics

import numpy as np
import pytest
from astropy.stats import sigma_clip
from hypothesis import example, given
from hypothesis import strategies as st
from run_helpers import images, write_frames

from iracdb import Catalogue
from iracdb.errors import UsageError
from iracdb.irac.simulate import FrameSpec
from iracdb.photometry.combine import average
from iracdb.photometry.rejection import (
    IteratedSigmaClip,
    MadClip,
    MinMax,
    NoRejection,
    PublishedMinMax,
    SigmaClip,
    parse_rejection,
)

fluxes = st.floats(0.001, 1e6)
many = st.lists(st.integers(-(10**6), 10**6).map(lambda n: n / 1000), min_size=1, max_size=60)


@given(st.lists(fluxes, max_size=40))
def test_minmax_drops_one_of_each_or_none(values):
    verdict = MinMax()(np.array(values)).rejected_by
    wide = len(values) >= 10 and 100 * statistics.pstdev(values) / statistics.fmean(values)
    if abs(wide - 2) < 1e-9:
        return
    if wide < 2:
        assert not any(verdict)
        return
    assert sorted(verdict)[-2:] == ["max", "min"]
    assert np.count_nonzero(verdict != "") == 2
    assert values[list(verdict).index("min")] == min(values)
    assert values[list(verdict).index("max")] == max(values)


def test_minmax_at_its_bounds():
    nine = [1.0, 2.0, 3.0] * 3
    assert average(nine, MinMax()).n_rejected == 0
    ten = average([*nine, 2.0], MinMax())
    assert ten.n_rejected == 2
    assert ten.rejected_by.tolist() == ["min", "", "max", *[""] * 7]
    # Five of 98 and five of 102: a spread of exactly 2 is not over 2.
    assert average([98.0, 102.0] * 5, MinMax()).n_rejected == 0
    assert average([97.9, 102.1] * 5, MinMax()).n_rejected == 2
    assert average([-97.9, -102.1] * 5, MinMax()).n_rejected == 2


def test_minmax_where_the_mean_is_zero():
    assert average([0.0] * 12, MinMax()).n_rejected == 0
    got = average([-1.0, 1.0] * 6, MinMax())
    assert got.n_rejected == 2
    assert got.flux == 0 and math.isnan(got.spread)


@given(
    st.lists(st.integers(-(10**9), 10**9).map(lambda n: n / 1000), min_size=1), st.floats(0.1, 5)
)
def test_sigma_keeps_what_is_near_the_median(values, n):
    verdict = SigmaClip(n)(np.array(values)).rejected_by
    middle, bound = statistics.median(values), n * statistics.pstdev(values)
    slack = 1e-9 * (bound + max(map(abs, values)))
    for value, said in zip(values, verdict, strict=True):
        if value < middle - bound - slack:
            assert said == "low"
        elif value > middle + bound + slack:
            assert said == "high"
        elif abs(value - middle) < bound - slack:
            assert said == ""


def test_sigma_is_applied_once():
    # Without 100 the next farthest, 10, would be out as well.
    values = [*([1.0, 2.0] * 10), 10.0, 100.0]
    assert average(values, SigmaClip(2)).rejected_by.tolist() == [*([""] * 21), "high"]
    assert average(values[:-1], SigmaClip(2)).rejected_by.tolist() == [*([""] * 20), "high"]


def test_equal_fluxes_are_all_kept():
    for rule in (NoRejection(), MinMax(), SigmaClip(0.5), IteratedSigmaClip(0.5), MadClip(0.5)):
        got = average([5.0] * 20, rule)
        assert (got.flux, got.error, got.standard_error, got.n_rejected) == (5.0, 0.0, 0.0, 0)


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("minmax", "minmax"),
        (" MinMax ", "minmax"),
        ("none", "none"),
        ("sigma:3", "sigma:3"),
        ("sigma:3.0", "sigma:3"),
        ("SIGMA:2.5", "sigma:2.5"),
        ("sigma: 0.1", "sigma:0.1"),
        ("sigma-iterate:3", "sigma-iterate:3"),
        ("Sigma-Iterate:2.50", "sigma-iterate:2.5"),
        ("mad:5", "mad:5"),
        ("MAD: 3.0", "mad:3"),
        ("published", "published"),
    ],
)
def test_rejection_as_written(text, name):
    rule = parse_rejection(text)
    assert rule.name == name
    assert parse_rejection(rule.name) == rule


@pytest.mark.parametrize(
    "text",
    [
        *("", "max", "sigma", "sigma:", "sigma:x", "sigma:0", "sigma:-3", "sigma:nan"),
        *("sigma:inf", "minmax:3", "none:", "sigma:3:3", "mad", "mad:", "mad:0", "mad:-1"),
        *("sigma-iterate", "sigma-iterate:", "sigma-iterate:nan", "sigma iterate:3", "iterate:3"),
    ],
)
def test_rejection_that_is_none(text):
    forms = r"write minmax, published, sigma:N \(such as sigma:3\), sigma-iterate:N, mad:N or none"
    with pytest.raises(UsageError, match=forms):
        parse_rejection(text)


def test_sigma_refuses_what_is_no_number_of_deviations():
    for n in (0.0, -1.0, math.nan, math.inf):
        with pytest.raises(UsageError, match="positive number"):
            SigmaClip(n)


@given(many, st.sampled_from([1.0, 1.5, 2.0, 3.0]))
def test_iterated_clipping_keeps_what_astropys_does(values, n):
    fluxes = np.array(values)
    # Where a flux lies on a bound but for rounding, either answer is right.
    kept, left = np.ones(len(fluxes), bool), None
    while left is None or left.sum() < kept.sum():
        kept = kept if left is None else left
        middle, width = statistics.median(fluxes[kept]), n * statistics.pstdev(fluxes[kept])
        distance = np.abs(fluxes - middle)
        if np.any(np.abs(distance[kept] - width) <= 1e-9 * (width + np.abs(fluxes).max())):
            return
        left = kept & (distance <= width)
    verdict = IteratedSigmaClip(n)(fluxes)
    clipped = sigma_clip(fluxes, sigma=n, maxiters=None, cenfunc="median", stdfunc="std")
    assert verdict.kept.tolist() == (~np.ma.getmaskarray(clipped)).tolist()


def test_iterated_clipping_tells_each_rounds_bound():
    values = np.array([*([1.0, 2.0] * 10), 10.0, 100.0])
    verdict = IteratedSigmaClip(2)(values)
    assert verdict.rejected_by.tolist() == [*([""] * 20), "high", "high"]
    first = statistics.median(values) + 2 * statistics.pstdev(values)
    second = statistics.median(values[:-1]) + 2 * statistics.pstdev(values[:-1])
    assert verdict.bound[-1] == pytest.approx(first, rel=1e-14)
    assert verdict.bound[-2] == pytest.approx(second, rel=1e-14)
    assert np.isnan(verdict.bound[:-2]).all()


@given(many, st.floats(0.5, 6))
def test_mad_keeps_what_is_near_the_median(values, n):
    verdict = MadClip(n)(np.array(values))
    middle = statistics.median(values)
    # For a normal distribution the median distance is the deviation's 0.6745: its third quartile.
    robust = statistics.median(abs(v - middle) for v in values) / statistics.NormalDist().inv_cdf(
        0.75
    )
    slack = 1e-9 * (n * robust + max(map(abs, values)))
    for value, said, bound in zip(values, verdict.rejected_by, verdict.bound, strict=True):
        if len(values) < 5 or robust == 0 or abs(value - middle) < n * robust - slack:
            assert said == "" and math.isnan(bound)
        elif abs(value - middle) > n * robust + slack:
            assert said == ("low" if value < middle else "high")
            side = -1 if value < middle else 1
            assert bound == pytest.approx(middle + side * n * robust, rel=1e-9, abs=slack)


def test_mad_is_not_moved_by_what_it_rejects():
    values = [100.0, 101.0, 99.0, 100.5, 99.5, 1e6, -1e6]
    assert MadClip(5)(np.array(values)).rejected_by.tolist() == [*([""] * 5), "high", "low"]
    assert SigmaClip(5)(np.array(values)).kept.all()


def test_the_rule_of_2018_asks_for_more_than_ten_and_nothing_else():
    ten = np.array([100.0 + n / 1000 for n in range(10)])
    assert PublishedMinMax()(ten).kept.all()
    eleven = PublishedMinMax()(np.append(ten, 100.01))
    assert eleven.rejected_by.tolist() == ["min", *([""] * 9), "max"]
    assert np.isnan(eleven.bound).all()


@pytest.mark.parametrize(
    "rule", [*map(parse_rejection, ("sigma:1", "sigma-iterate:1", "mad:1", "minmax", "published"))]
)
def test_the_bound_is_where_the_average_says_it_is(rule):
    values = [10.0, math.nan, 11.0, 9.0, 10.5, 9.5, 30.0, 10.1, 9.9, 10.2, 9.8, 10.3, -20.0]
    got = average(values, rule)
    for value, by, bound in zip(values, got.rejected_by, got.bound, strict=True):
        if by == "low":
            assert value < bound < got.flux
        elif by == "high":
            assert got.flux < bound < value
        else:
            assert math.isnan(bound)
    assert got.rejected_by[6] in ("high", "max") and got.rejected_by[12] in ("low", "min")


@given(st.lists(fluxes, max_size=30), st.sampled_from([SigmaClip, IteratedSigmaClip, MadClip]))
@example(values=[], rule=MadClip)
def test_no_rule_depends_on_the_order(values, rule):
    forward, backward = rule(1.5)(np.array(values)), rule(1.5)(np.array(values[::-1]))
    assert forward.rejected_by.tolist() == backward.rejected_by[::-1].tolist()


@pytest.mark.parametrize("rule", ["sigma:1.5", "sigma-iterate:1.5", "mad:3"])
def test_what_left_an_image_out_is_in_its_row(any_location, tmp_path, rule):
    brightness = [50.0, 50.2, 49.9, 50.1, 80.0, 20.0]
    write_frames(
        tmp_path / "archive",
        *(
            FrameSpec(channel=2, aorkey=91000000, expid=e, flux_mjy=f, noise=False, subarray=True)
            for e, f in enumerate(brightness)
        ),
    )
    with Catalogue(any_location) as catalogue:
        catalogue.ingest(tmp_path / "archive")
        run = catalogue.run(run_id=5, channel=2, radius=(3, 3, 7), rejection=rule)
        found = images(catalogue, run)
        held = run.parameters
        table = run.full_table("img")
    steradian = held["pixel_size"] ** 2 / 206265**2
    mjy = np.array([i["corrected"] for i in found]) * held["aperture_correction"] * steradian * 1e9
    judged = parse_rejection(rule)(mjy)
    assert [image["rejected_by"] for image in found][4:] == ["high", "low"]
    assert [image["rejected_by"] or "" for image in found] == judged.rejected_by.tolist()
    bounds = [math.nan if i["rejection_bound"] is None else i["rejection_bound"] for i in found]
    assert bounds == pytest.approx(judged.bound.tolist(), rel=1e-12, nan_ok=True)
    low, high = found[5]["rejection_bound"], found[4]["rejection_bound"]
    assert mjy[5] < low < np.median(mjy) < high < mjy[4]
    shown = table["Rejection Bound (mJy)"].value
    assert shown.tolist() == pytest.approx(bounds, nan_ok=True)
