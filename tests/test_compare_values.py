"""Doubles compared to the bit, and rows matched by what they are about."""

from __future__ import annotations

import math
import random
import struct
from collections import Counter
from fractions import Fraction

import astropy.units as u
import numpy as np
import pytest
from astropy.coordinates import SkyCoord
from hypothesis import example, given
from hypothesis import strategies as st

from iracdb.compare.matching import (
    AverageKey,
    FrameKey,
    ImageKey,
    TargetKey,
    match_averages,
    match_images,
    same_targets,
)
from iracdb.compare.values import (
    CHANGED,
    ROUNDING_ONLY,
    SAME,
    compare_doubles,
    in_errors,
    largest,
    ulp_distance,
)

doubles = st.floats(allow_nan=False, allow_infinity=False)
cells = st.one_of(st.just(math.nan), doubles)


def one(first: float, second: float) -> tuple[int, float, float, float]:
    """Compare two values: outcome, difference, relative change, units in the last place."""
    found = compare_doubles(np.array([first]), np.array([second]))
    return (
        int(found.outcome[0]),
        float(found.difference[0]),
        float(found.relative[0]),
        float(found.ulps[0]),
    )


def place(value: float) -> int:
    """Place of a double among all doubles, by its bits read as sign and magnitude."""
    (bits,) = struct.unpack(">Q", struct.pack(">d", value))
    magnitude = bits & (2**63 - 1)
    return -magnitude if bits >> 63 else magnitude


# Values


@given(doubles, doubles)
@example(0.0, -0.0)
@example(-5e-324, 5e-324)
@example(-1.7976931348623157e308, 1.7976931348623157e308)
def test_units_in_the_last_place_count_the_doubles_between(a: float, b: float) -> None:
    apart = float(abs(place(a) - place(b)))
    assert ulp_distance(np.array([a]), np.array([b]))[0] == apart
    outcome, *_ = one(a, b)
    expected = SAME if apart == 0 else ROUNDING_ONLY if apart <= 4 else CHANGED
    assert outcome == expected


@given(doubles, st.integers(min_value=0, max_value=9), st.booleans())
def test_so_many_steps_are_so_many_units(value: float, steps: int, up: bool) -> None:
    other = value
    for _ in range(steps):
        other = math.nextafter(other, math.inf if up else -math.inf)
    if not math.isfinite(other):
        return
    apart = one(value, other)[3]
    assert apart == steps
    assert one(other, value)[3] == apart


@given(cells, cells)
def test_the_same_only_where_bits_or_absence_are_the_same(a: float, b: float) -> None:
    outcome, difference, relative, ulps = one(a, b)
    absent = math.isnan(a), math.isnan(b)
    if all(absent):
        assert (outcome, difference, relative, ulps) == (SAME, 0, 0, 0)
    elif any(absent):
        assert (outcome, ulps) == (CHANGED, math.inf)
        assert math.isnan(difference)
        assert math.isnan(relative)
    else:
        assert (outcome == SAME) == (a == b)
        assert (ulps == 0) == (a == b)
        assert one(b, a)[0] == outcome


@given(st.floats(1e-100, 1e100), st.floats(-1e-3, 1e-3))
def test_differences_are_signed_and_relative_ones_are_to_the_first(a: float, by: float) -> None:
    b = a * (1 + by)
    _, difference, relative, _ = one(a, b)
    exact = Fraction(b) - Fraction(a)
    assert difference == float(exact)  # near values: subtraction rounds nothing, or once
    assert relative == pytest.approx(float(abs(exact) / Fraction(a)), rel=1e-15, abs=0)
    assert one(-a, -b)[1:3] == (-difference, relative)


def test_four_units_are_rounding_and_five_are_a_change() -> None:
    value = 650.0
    for steps in range(1, 6):
        value = math.nextafter(value, math.inf)
        assert one(650.0, value)[0] == (ROUNDING_ONLY if steps <= 4 else CHANGED)


def test_the_largest_change_leaves_out_what_has_none() -> None:
    first = np.array([1.0, np.nan, 0.0, 2.0])
    second = np.array([1.5, 1.0, 1.0, 2.0])
    found = compare_doubles(first, second)
    assert math.isinf(found.relative[2])
    assert largest(found.relative) == 0.5
    assert largest(np.array([np.nan])) == largest(np.array([])) == 0


def test_a_change_in_units_of_both_errors() -> None:
    found = in_errors(np.array([-5.0, 1.0, 1.0]), np.array([3.0, 0.0, np.nan]),
                      np.array([4.0, 0.0, 1.0]))  # fmt: skip
    assert found[0] == 1.0
    assert np.isnan(found[1:]).all()


# Matching

HERE = TargetKey(1, "HD 165459", 270.628, 58.627)
THERE = TargetKey(2, "HD 1", 10.0, -20.0)
NOWHERE = TargetKey(3, "HD165459", None, None)


def frame(number: int, *, shown: bool = True, mjd: float | None = None) -> FrameKey:
    return FrameKey(number, 1, 100, shown, 53000.0 + number if mjd is None else mjd)


def image(at: FrameKey, row: int = 1, aorkey: int = 100, target: TargetKey = HERE, repeat: int = 0,
          plane: int = -1) -> ImageKey:  # fmt: skip
    return ImageKey(at, plane, target, aorkey, (0, repeat), row)


some_images = st.lists(
    st.builds(
        image,
        st.sampled_from([frame(1), frame(2), frame(3, shown=False, mjd=53001.0),
                         frame(4, shown=False)]),
        st.integers(1, 9),
        st.sampled_from([100, 200]),
        st.sampled_from([HERE, THERE]),
        st.integers(0, 2),
        st.sampled_from([-1, 0]),
    ),
    max_size=12,
)  # fmt: skip


@given(some_images, some_images)
def test_each_row_is_matched_at_most_once_and_none_is_lost(
    a: list[ImageKey], b: list[ImageKey]
) -> None:
    found = match_images(a, b)
    assert sorted([i for i, _ in found.pairs] + found.only_a) == list(range(len(a)))
    assert sorted([j for _, j in found.pairs] + found.only_b) == list(range(len(b)))
    for i, j in found.pairs:
        # Frame 3 is known by its time alone, which is that of frame 1.
        assert {a[i].frame.number, b[j].frame.number} in ({1}, {2}, {3}, {4}, {1, 3})
        assert (a[i].plane, a[i].target) == (b[j].plane, b[j].target)


@given(some_images, some_images, st.randoms(use_true_random=False))
def test_the_order_of_rows_does_not_matter(
    a: list[ImageKey], b: list[ImageKey], chance: random.Random
) -> None:
    # No two rows of one table have the same number.
    a, b = ([key._replace(row_number=n) for n, key in enumerate(rows)] for rows in (a, b))

    def named(a: list[ImageKey], b: list[ImageKey]) -> Counter[tuple[ImageKey, ImageKey]]:
        return Counter((a[i], b[j]) for i, j in match_images(a, b).pairs)

    shuffled = chance.sample(a, len(a)), chance.sample(b, len(b))
    assert named(a, b) == named(*shuffled)


@given(some_images, some_images)
def test_as_many_are_matched_as_there_are_on_both_sides(
    a: list[ImageKey], b: list[ImageKey]
) -> None:
    def places(rows: list[ImageKey]) -> Counter[object]:
        numbers = Counter(key.frame.number for key in (*a, *b))
        same = {3: 1} if numbers[1] else {}
        return Counter((same.get(k.frame.number, k.frame.number), k.plane, k.target) for k in rows)

    shared = places(a) & places(b)
    assert len(match_images(a, b).pairs) == shared.total()


def test_occurrences_of_a_frame_are_matched_in_order_and_the_surplus_is_left() -> None:
    a = [image(frame(1), row) for row in (7, 3, 5)]
    b = [image(frame(1), row, repeat=turn) for turn, row in enumerate((20, 10))]
    found = match_images(a, b)
    assert [(a[i].row_number, b[j].row_number) for i, j in found.pairs] == [(3, 20), (5, 10)]
    assert [a[i].row_number for i in found.only_a] == [7]
    assert found.only_b == []


def test_the_same_aor_is_preferred_and_another_is_taken() -> None:
    a = [image(frame(1), 1, aorkey=100), image(frame(1), 2, aorkey=200)]
    b = [image(frame(1), 1, aorkey=200)]
    assert match_images(a, b).pairs == [(1, 0)]
    assert match_images(a[:1], b).pairs == [(0, 0)]


def test_a_frame_known_by_its_time_alone_is_that_of_the_files() -> None:
    shown, imported = frame(1), frame(9, shown=False, mjd=53001.0)
    later = frame(8, shown=False, mjd=53001.5)
    assert match_images([image(shown)], [image(imported)]).pairs == [(0, 0)]
    assert match_images([image(imported)], [image(shown)]).pairs == [(0, 0)]
    assert match_images([image(shown)], [image(later)]).pairs == []
    other_channel = imported._replace(channel=2)
    assert match_images([image(shown)], [image(other_channel)]).pairs == []
    timeless = frame(7, shown=False)._replace(mjd=None)
    assert match_images([image(timeless)], [image(timeless)]).pairs == [(0, 0)]
    assert match_images([image(timeless)], [image(timeless._replace(number=6))]).pairs == []


@pytest.mark.parametrize(("dec", "ra"), [(0.0, 0.0), (58.6, 359.99999), (-89.9, 12.0), (0.0, 180)])
@pytest.mark.parametrize(("arcsec", "same"), [(0.0, True), (0.09, True), (0.11, False)])
@pytest.mark.parametrize("angle", [0, 90, 200])
def test_positions_within_a_tenth_of_an_arcsec_are_one_target(
    dec: float, ra: float, arcsec: float, same: bool, angle: int
) -> None:
    moved = SkyCoord(ra, dec, unit="deg").directional_offset_by(angle * u.deg, arcsec * u.arcsec)
    a = TargetKey(1, "a star", ra, dec)
    b = TargetKey(2, "another name", float(moved.ra.deg), float(moved.dec.deg))
    numbers = same_targets([a, THERE._replace(number=9)], [b])
    assert (numbers[a] == numbers[b]) == same
    pairs = match_images([image(frame(1), target=a)], [image(frame(1), target=b)]).pairs
    assert bool(pairs) == same


def test_a_target_whose_position_is_not_told_is_the_only_one_there() -> None:
    told, untold = image(frame(1)), image(frame(1), target=NOWHERE)
    assert match_images([untold], [told]).pairs == [(0, 0)]
    assert match_images([told], [untold]).pairs == [(0, 0)]
    # With two stars on the frame, which one it is cannot be told.
    two = [told, image(frame(1), 2, target=THERE)]
    assert match_images([untold], two).pairs == []
    assert match_images(two, [untold]).pairs == []


def test_two_positions_not_told_are_one_target_by_name() -> None:
    numbers = same_targets([NOWHERE], [TargetKey(4, "HD 165459", None, None)])
    assert len(set(numbers.values())) == 1
    numbers = same_targets([NOWHERE], [TargetKey(4, "BD +60 1753", None, None)])
    assert len(set(numbers.values())) == 2


def average(
    row: int, alike: tuple[str | None, float | None, str | None], *, mixed: bool = False,
    target: TargetKey = HERE, repeat: int = 0, aorkey: int = 100,
) -> AverageKey:  # fmt: skip
    return AverageKey(aorkey, 1, target, alike, repeat, row, mixed)


def test_averages_are_matched_by_the_frames_they_are_of() -> None:
    short, long = ("FULL", 0.4, "short"), ("FULL", 12.0, "long")
    a = [average(1, short), average(2, long)]
    b = [average(1, long), average(2, short)]
    assert match_averages(a, b).pairs == [(0, 1), (1, 0)]
    # An imported table tells neither the part nor, the older ones, the read mode.
    imported = average(1, (None, 12.0, None), mixed=True)
    assert match_averages(a, [imported]).pairs == [(1, 0)]
    # Averages of unlike frames are not the same, unless one is of all frames.
    assert match_averages([average(1, short)], [average(1, long)]).pairs == []
    assert match_averages([average(1, short, mixed=True)], [average(1, long)]).pairs == [(0, 0)]


def test_averages_of_other_aors_targets_and_channels_are_others() -> None:
    alike = ("FULL", 12.0, None)
    here = average(1, alike)
    for other in (
        average(1, alike, aorkey=200),
        average(1, alike, target=THERE),
        average(1, alike)._replace(channel=2),
    ):
        assert match_averages([here], [other]).pairs == []
    untold = average(1, alike, target=NOWHERE)
    assert match_averages([here], [untold]).pairs == [(0, 0)]


def test_repeated_averages_are_matched_in_turn() -> None:
    alike = ("FULL", 12.0, None)
    a = [average(row, alike, repeat=repeat) for row, repeat in ((5, 1), (2, 0), (9, 2))]
    b = [average(row, alike, repeat=repeat) for row, repeat in ((1, 0), (2, 1))]
    found = match_averages(a, b)
    assert found.pairs == [(0, 1), (1, 0)]
    assert (found.only_a, found.only_b) == ([2], [])
