"""The shares of a change: they add up, and one changed ingredient has all of it."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from iracdb import irac_aphot_corr
from iracdb.compare import shares
from iracdb.compare.ingredients import Ingredients, Method
from iracdb.photometry.combine import average, to_mjy
from iracdb.photometry.correction import correct
from iracdb.photometry.rejection import parse_rejection

WITHIN = 1e-12
CRYO, WARM = 54000.0, 55000.0


@dataclass(frozen=True)
class Image:
    """One image of a made-up run; all numbers are its own."""

    key: int
    x: float
    y: float
    raw: float
    background: float
    mjd: float = WARM
    content: str | None = None
    fluxconv: float = math.nan
    sky: float = math.nan

    @property
    def usable(self) -> bool:
        return math.isfinite(self.raw) and math.isfinite(self.x)


@dataclass(frozen=True)
class MadeUp:
    """A run of one average: its images in order, and how it makes a flux of them."""

    images: tuple[Image, ...]
    method: Method = field(
        default_factory=lambda: Method(1, 1.0, 1.221, (10.0, 12.0, 20.0), rejection="none")
    )
    subarray: bool = False
    off: float = 0.0

    def with_(self, **changes: Any) -> MadeUp:
        return replace(self, method=replace(self.method, **changes))

    def column(self, name: str) -> np.ndarray:
        return np.array([getattr(image, name) for image in self.images], dtype=float)

    def made(self) -> Ingredients:
        """Carry the run out with the pieces that real runs use."""
        method, x, y = self.method, self.column("x"), self.column("y")
        raw, background, mjd = self.column("raw"), self.column("background"), self.column("mjd")
        cryogenic = (mjd <= 54968) | (method.tables == "cryo")
        tables = np.where(cryogenic, "cryo", "warm")
        subarray = np.full(x.shape, self.subarray)
        corrected = correct(
            x, y, raw - background, channel=method.channel, tables=tables,
            subarray=subarray, pairing=method.pairing,
        )  # fmt: skip
        mjy = to_mjy(corrected.flux, method.aperture_correction, method.pixel_size)
        mean = average(mjy, parse_rejection(method.rejection))
        return Ingredients(
            method, x, y, raw, background, self.column("sky"), self.column("fluxconv"),
            np.ones(x.shape),
            tuple(image.content for image in self.images), mjd, subarray,
            corrected.array_location, corrected.pixel_phase, mean.kept, mean.flux + self.off,
            np.ones(x.shape, dtype=bool),
        )  # fmt: skip


def pairs_of(a: MadeUp, b: MadeUp) -> list[tuple[int, int]]:
    places = {image.key: place for place, image in enumerate(b.images)}
    return [(i, places[image.key]) for i, image in enumerate(a.images) if image.key in places]


def split(a: MadeUp, b: MadeUp) -> tuple[Ingredients, Ingredients, dict[str, float]]:
    of_a, of_b = a.made(), b.made()
    return of_a, of_b, shares.split(of_a, of_b, pairs_of(a, b))


# --- One ingredient ------------------------------------------------------------------------------


def twelve(**changes: Any) -> tuple[Image, ...]:
    """Twelve images that differ, the third of which has a centre and no flux."""
    rng = np.random.default_rng(4)
    images = [
        Image(
            key,
            *rng.uniform(60, 200, 2).tolist(),
            18000 + 900 * rng.standard_normal(),
            60 * rng.standard_normal(),
        )
        for key in range(12)
    ]
    images[2] = replace(images[2], raw=math.nan, background=math.nan)
    return tuple(replace(image, **changes) for image in images)


def each(run: MadeUp, change: Callable[[Image], dict[str, Any]]) -> MadeUp:
    return replace(run, images=tuple(replace(image, **change(image)) for image in run.images))


def moved(image: Image) -> dict[str, Any]:
    by = 0.03 * math.sin(image.key + 1)
    return {"x": image.x + by, "y": image.y - by, "raw": image.raw + 5, "background": 2.0}


ONE = MadeUp(twelve())
STRIPPED = ONE.with_(pairing="stripped", rejection="published")
FILES = each(ONE, lambda i: {"content": f"a{i.key}", "fluxconv": 0.1469})
# Channel 3 has no phase: its tables are the location's alone.
COLD = ONE.with_(channel=3)

SINGLE = {
    "an image lost": (shares.IMAGES, ONE, replace(ONE, images=ONE.images[1:])),
    "an image gained": (shares.IMAGES, replace(ONE, images=ONE.images[:-1]), ONE),
    "an image lost, min/max": (
        shares.IMAGES,
        ONE.with_(rejection="minmax"),
        replace(ONE, images=ONE.images[1:]).with_(rejection="minmax"),
    ),
    "images that lost their flux": (
        shares.IMAGES,
        ONE,
        each(ONE, lambda i: {"raw": math.nan} if i.key > 8 else {}),
    ),
    "no image shared": (shares.IMAGES, ONE, each(ONE, lambda i: {"key": i.key + 50} | moved(i))),
    "FLUXCONV": (
        shares.CALIBRATION,
        FILES,
        each(FILES, lambda i: {
            "content": f"b{i.key}", "fluxconv": 0.1447, "raw": i.raw * (0.1447 / 0.1469),
            "background": i.background * (0.1447 / 0.1469),
        }),
    ),
    "another sky": (
        shares.SKY,
        ONE,
        each(ONE.with_(sky="median"), lambda i: {"background": i.background + 3.0}),
    ),
    "another annulus": (
        shares.SKY,
        ONE.with_(rejection="published"),
        each(
            ONE.with_(radii=(10.0, 14.0, 20.0), rejection="published"),
            lambda i: {"sky": 0.1 * i.key, "background": 0.1 * i.key * math.pi * 100},
        ),
    ),
    "another bound of the annulus": (
        shares.SKY,
        ONE.with_(bounds="indices"),
        each(ONE, lambda i: {"background": i.background + 300 * (i.key == 5)}),
    ),
    "another circle": (
        shares.APERTURE,
        STRIPPED,
        each(STRIPPED.with_(radii=(8.0, 12.0, 20.0)), lambda i: {
            "raw": 0.97 * i.raw + i.key, "background": 0.64 * i.background}),
    ),
    "another circle with its correction": (
        shares.APERTURE,
        ONE,
        each(ONE.with_(radii=(8.0, 12.0, 20.0), aperture_correction=1.011), lambda i: {
            "raw": 0.97 * i.raw + i.key, "background": 0.64 * i.background}),
    ),
    "another correction": (shares.APERTURE, STRIPPED, STRIPPED.with_(aperture_correction=1.125)),
    "another way to centre": (shares.CENTRE, ONE, each(ONE.with_(centre="moments"), moved)),
    "other pixels": (
        shares.PIXELS,
        FILES,
        each(FILES, lambda i: {"content": f"b{i.key}", "raw": i.raw + i.key}),
    ),
    "centres moved": (shares.MOVED, ONE, each(ONE, moved)),
    "centres moved and mispaired alike": (shares.MOVED, STRIPPED, each(STRIPPED, moved)),
    "pairing": (shares.PAIRING, ONE, ONE.with_(pairing="stripped")),
    "pairing, with rejection": (shares.PAIRING, STRIPPED, STRIPPED.with_(pairing="image")),
    "the order of the files, mispaired": (
        shares.PAIRING, STRIPPED, replace(STRIPPED, images=STRIPPED.images[::-1])
    ),
    "tables of the location": (shares.LOCATION, COLD, COLD.with_(tables="cryo")),
    "the subarray's place": (
        shares.LOCATION,
        COLD.with_(tables="cryo"),
        replace(COLD.with_(tables="cryo"), subarray=True),
    ),
    "rejection": (shares.KEPT, ONE, ONE.with_(rejection="published")),
    "clipping": (shares.KEPT, ONE.with_(rejection="minmax"), ONE.with_(rejection="sigma:1")),
    "pixel size": (shares.AREA, STRIPPED, STRIPPED.with_(pixel_size=1.213)),
    "a flux of something else": (shares.REMAINING, ONE, replace(ONE, off=3.0)),
    "sums that nothing explains": (
        shares.REMAINING, ONE, each(ONE, lambda i: {"raw": i.raw + 7.0})
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", list(SINGLE))
def test_one_ingredient_has_the_whole_change(name: str) -> None:
    cause, before, after = SINGLE[name]
    for a, b in ((before, after), (after, before)):
        of_a, of_b, found = split(a, b)
        change = of_b.flux - of_a.flux
        assert abs(change) > 1e-5 * of_a.flux
        assert found[cause] == pytest.approx(change, abs=WITHIN * of_a.flux)
        for other in set(shares.CAUSES) - {cause}:
            assert abs(found[other]) <= WITHIN * of_a.flux, other


def test_nothing_changed() -> None:
    assert set(split(STRIPPED, STRIPPED)[2].values()) == {0.0}


def test_factors_of_another_engine_are_taken_as_they_are_stored() -> None:
    of_a = ONE.made()
    of_b = replace(
        of_a,
        method=replace(of_a.method, engine="idl"),
        pixel_phase=of_a.pixel_phase * 1.01,
        flux=of_a.flux / 1.01,
    )
    found = shares.split(of_a, of_b, pairs_of(ONE, ONE))
    assert found[shares.PHASE] == pytest.approx(of_b.flux - of_a.flux, rel=1e-12)
    assert sum(abs(share) for cause, share in found.items() if cause != shares.PHASE) < 1e-9


def test_factors_that_the_rules_do_not_give_are_taken_as_they_are_stored() -> None:
    of_a = ONE.made()
    of_b = replace(of_a, array_location=of_a.array_location * 0.99, flux=of_a.flux / 0.99)
    for one, other in ((of_a, of_b), (of_b, of_a)):
        found = shares.split(one, other, pairs_of(ONE, ONE))
        assert found[shares.LOCATION] == pytest.approx(other.flux - one.flux, rel=1e-12)


def test_a_choice_of_images_that_no_rule_makes() -> None:
    of_a = ONE.made()
    kept = of_a.kept.copy()
    kept[4:9] = False
    of_b = replace(of_a, kept=kept, flux=float(of_a.mjy[kept & of_a.usable].mean()))
    found = shares.split(of_a, of_b, pairs_of(ONE, ONE))
    assert found[shares.KEPT] == pytest.approx(of_b.flux - of_a.flux, rel=1e-9)


def test_a_flux_without_images_is_left_over() -> None:
    empty = each(ONE, lambda _: {"raw": math.nan})
    of_b = replace(empty.made(), flux=5.0)
    found = shares.split(ONE.made(), of_b, pairs_of(ONE, empty))
    assert found[shares.REMAINING] == 5.0 - ONE.made().flux


MJY = 1.221**2 / 206265**2 * 1e9


def flux_of(
    images: tuple[Image, ...],
    *,
    centres: tuple[Image, ...] | None = None,
    factor: float = 1.0,
    mission: str = "warm",
) -> float:
    """The mean of the images with a flux by the plain formula, at their own centres or others."""
    good = [image for image in images if image.usable]
    values = [
        irac_aphot_corr(image.raw - image.background, at.x, at.y, 1, mission=mission) * factor * MJY
        for image, at in zip(good, centres or good, strict=False)
    ]
    return math.fsum(values) / len(values)


def test_two_causes_by_hand() -> None:
    """Radii and pairing at once, each step with the plain formula."""
    a = ONE.with_(pairing="stripped")
    b = each(ONE.with_(radii=(8.0, 12.0, 20.0), aperture_correction=1.02), lambda i: {
        "raw": 0.96 * i.raw, "background": 0.64 * i.background + i.key})  # fmt: skip
    first = flux_of(a.images, centres=a.images)
    other_sums = flux_of(b.images, centres=b.images, factor=1.02)
    last = flux_of(b.images, factor=1.02)
    of_a, of_b, found = split(a, b)
    assert (of_a.flux, of_b.flux) == pytest.approx((first, last), rel=1e-13)
    assert found[shares.APERTURE] == pytest.approx(other_sums - first, rel=1e-10)
    assert found[shares.PAIRING] == pytest.approx(last - other_sums, rel=1e-9)


def test_sky_and_circle_by_hand() -> None:
    """With other radii, the sky's share is B's sky a pixel in A's circle."""
    b = each(ONE.with_(radii=(3.0, 3.0, 7.0)), lambda i: {
        "raw": 0.9 * i.raw, "background": (0.2 + 0.01 * i.key) * math.pi * 9})  # fmt: skip
    level = {image.key: 0.2 + 0.01 * image.key for image in ONE.images}
    between = each(ONE, lambda i: {"background": level[i.key] * math.pi * 100}).images
    found = split(ONE, b)[2]
    assert found[shares.SKY] == pytest.approx(flux_of(between) - flux_of(ONE.images), rel=1e-9)
    rest = flux_of(b.images) - flux_of(between)
    assert found[shares.APERTURE] == pytest.approx(rest, rel=1e-9)


def test_a_gained_image_is_taken_as_the_first_run_would_take_it() -> None:
    """With its tables, pixel and correction; what the second does otherwise, it does to all."""
    fewer = replace(ONE, images=ONE.images[:-1]).with_(tables="cryo")
    a, b = fewer, ONE.with_(aperture_correction=1.2, pixel_size=1.3)
    found = split(a, b)[2]
    cold = [flux_of(images, mission="cryo") for images in (a.images, b.images)]
    warm = flux_of(b.images)
    assert found[shares.IMAGES] == pytest.approx(cold[1] - cold[0], rel=1e-9)
    assert found[shares.APERTURE] == pytest.approx(0.2 * cold[1], rel=1e-9)
    tables = found[shares.LOCATION] + found[shares.PHASE]
    assert tables == pytest.approx(1.2 * (warm - cold[1]), rel=1e-9)
    grown = (1.3 / 1.221) ** 2 - 1
    assert found[shares.AREA] == pytest.approx(1.2 * warm * grown, rel=1e-9)


def test_a_gained_image_brings_the_correction_of_its_circle() -> None:
    fewer = replace(ONE, images=ONE.images[:-1])
    b = each(ONE.with_(radii=(8.0, 12.0, 20.0), aperture_correction=1.05), lambda i: {
        "raw": 0.95 * i.raw, "background": 0.64 * i.background})  # fmt: skip
    gained = replace(b.images[-1], raw=b.images[-1].raw * 1.05,
                     background=b.images[-1].background * 1.05)  # fmt: skip
    found = split(fewer, b)[2]
    after = flux_of((*fewer.images, gained))
    assert found[shares.IMAGES] == pytest.approx(after - flux_of(fewer.images), rel=1e-8)


def test_a_centre_that_only_the_first_run_knows_stays_where_it_was() -> None:
    """The image that displaced the centres is gone; those that are left have moved."""
    a = ONE.with_(pairing="stripped")
    b = each(replace(a, images=a.images[:2] + a.images[3:]), moved)
    found = split(a, b)[2]
    gone = a.images[2]
    displaced = (*b.images[:2], gone, *b.images[2:])
    between = flux_of(b.images, centres=displaced)
    first, last = flux_of(a.images, centres=a.images), flux_of(b.images)
    assert found[shares.MOVED] == pytest.approx(between - first, rel=1e-9)
    assert found[shares.PAIRING] == pytest.approx(last - between, rel=1e-9)
    assert found[shares.IMAGES] == 0.0


def test_another_fluxconv_over_the_same_pixels_changes_nothing() -> None:
    other = each(FILES, lambda _: {"fluxconv": 0.1447})
    assert set(split(FILES, other)[2].values()) == {0.0}


# --- Anything ------------------------------------------------------------------------------------

finite = st.floats(-1.0, 1.0, allow_nan=False)
METHODS = st.builds(
    Method,
    channel=st.just(1),
    aperture_correction=st.floats(0.9, 1.6),
    pixel_size=st.floats(1.1, 1.3),
    radii=st.sampled_from([None, (10.0, 12.0, 20.0), (3.0, 3.0, 7.0), (3.0, 12.0, 20.0)]),
    centre=st.sampled_from(["gaussian", "moments"]),
    sky=st.sampled_from(["mean", "median"]),
    bounds=st.sampled_from(["edges", "indices"]),
    pairing=st.sampled_from(["image", "stripped"]),
    rejection=st.sampled_from(["none", "minmax", "published", "sigma:1", "sigma:0.2", "sigma:3"]),
    tables=st.sampled_from(["auto", "cryo"]),
)


@st.composite
def runs(draw: st.DrawFn) -> tuple[MadeUp, MadeUp]:
    """Two runs over images of one pool, each with its own order, holes, sums and methods."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    return _run(draw, rng), _run(draw, rng)


def _run(draw: st.DrawFn, rng: np.random.Generator) -> MadeUp:
    keys = draw(st.lists(st.integers(0, 17), unique=True, min_size=1, max_size=18))
    amounts = draw(st.tuples(finite, finite, finite, st.booleans(), st.booleans()))
    moving, scatter, hole, known, negative = amounts
    images = []
    for key in keys:
        own = np.random.default_rng(key)
        x, y = own.uniform(20, 230, 2) + 0.1 * moving * rng.standard_normal(2)
        raw, background = own.uniform(1000, 2000), own.uniform(-90, 90)
        raw *= 1 + 0.05 * scatter * rng.standard_normal()
        without_centre, without_flux = rng.uniform(size=2) < 0.2 * abs(hole)
        if without_centre:
            x = y = math.nan
        # No image has a flux without a centre.
        if without_flux or without_centre:
            raw = background = math.nan
        images.append(
            Image(
                key, x, y, -raw if negative else raw, background, (CRYO, WARM)[key % 2],
                content=rng.choice(["one", "other"]) if known else None,
                fluxconv=rng.choice([0.14, 0.15]) if known else math.nan,
                sky=rng.uniform(-1, 1) if scatter > 0 else math.nan,
            )
        )  # fmt: skip
    return MadeUp(tuple(images), draw(METHODS), draw(st.booleans()))


@settings(deadline=None)
@given(runs())
def test_shares_add_up(pair: tuple[MadeUp, MadeUp]) -> None:
    of_a, of_b, found = split(*pair)
    assume(math.isfinite(of_a.flux) and math.isfinite(of_b.flux))
    change = of_b.flux - of_a.flux
    flux = max(abs(of_a.flux), abs(of_b.flux))
    assert tuple(found) == shares.CAUSES
    assert all(map(math.isfinite, found.values()))
    assert abs(sum(found.values()) - change) <= WITHIN * flux
    assert of_a.replayed == pytest.approx(of_a.flux, rel=1e-13)


@settings(deadline=None)
@given(runs())
def test_nothing_is_left_over_that_has_a_cause(pair: tuple[MadeUp, MadeUp]) -> None:
    """The sums of an image differ by other radii, another way to centre, or a moved centre."""
    a, b = pair
    b = b.with_(centre="another" if a.method.centre == "gaussian" else "gaussian")
    of_a, of_b, found = split(a, b)
    assume(math.isfinite(of_a.flux) and math.isfinite(of_b.flux))
    largest = max(abs(of_a.mjy[of_a.usable]).max(), abs(of_b.mjy[of_b.usable]).max())
    assert abs(found[shares.REMAINING]) <= 1e-11 * largest


def test_images_on_the_edge_of_a_rule() -> None:
    """Of two images each is just one deviation from the median: rounding keeps or rejects it."""
    kept = set()
    for number in range(200):
        two = MadeUp(ONE.images[:2]).with_(rejection="sigma:1", pixel_size=1.1 + number / 1000)
        of_a, of_b, found = split(MadeUp(ONE.images[:2]).with_(rejection="sigma:1"), two)
        if not (math.isfinite(of_a.flux) and math.isfinite(of_b.flux)):
            continue
        kept.add((int(of_a.kept.sum()), int(of_b.kept.sum())))
        change = of_b.flux - of_a.flux
        assert found[shares.AREA] == pytest.approx(change, abs=WITHIN * of_a.flux)
    assert len(kept) > 1


@settings(deadline=None)
@given(runs(), st.sampled_from(["pairing", "tables", "rejection", "pixel_size"]), st.data())
def test_what_is_the_same_has_no_share(
    pair: tuple[MadeUp, MadeUp], name: str, data: st.DataObject
) -> None:
    """With all else the same, a change of one rule is that rule's alone, whatever the images."""
    a, _ = pair
    other = getattr(data.draw(METHODS), name)
    of_a, of_b, found = split(a, a.with_(**{name: other}))
    assume(math.isfinite(of_a.flux) and math.isfinite(of_b.flux))
    mine = {
        "pairing": {shares.PAIRING},
        "tables": {shares.LOCATION, shares.PHASE},
        "rejection": {shares.KEPT},
        "pixel_size": {shares.AREA},
    }[name]
    assert set(found) >= mine
    largest = abs(of_a.mjy[of_a.usable]).max()
    for cause in set(shares.CAUSES) - mine:
        assert abs(found[cause]) <= 1e-12 * largest, cause
