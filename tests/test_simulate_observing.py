"""What a simulated observation has beside light: masks, uncertainties, times, odd planes, pairs."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits
from astropy.time import Time

from iracdb.errors import UsageError
from iracdb.irac.names import parse_name
from iracdb.irac.simulate import (
    FrameSpec,
    companions,
    eclipse,
    follow,
    frame_truth,
    hdr_pairs,
    plane_times,
    read_truth,
    simulate_frame,
    with_plane_habits,
    write_series,
)

CUBE = FrameSpec(channel=2, subarray=True, frame_time=0.4, star="handbook", flux_mjy=60.0)
FULL = FrameSpec(channel=1, frame_time=12.0, star="handbook", flux_mjy=5.0, background=0.2)


def told(spec: FrameSpec) -> dict[str, object]:
    cards, _ = simulate_frame(replace(spec, noise=False))
    return {card.keyword: card.value for card in cards}


def lasted(spec: FrameSpec) -> float:
    cards = told(spec)
    return float(cards["ATIMEEND"]) - float(cards["AINTBEG"])


# --- masks and uncertainties ---


@pytest.mark.parametrize("bit", range(15))
def test_each_bit_where_asked(bit: int) -> None:
    spec = replace(FULL, mask_bits=((bit, 10, 20), (bit, 255, 0)), noise=False)
    _, image = simulate_frame(spec)
    mask = companions(spec, image)["bimsk"][1]
    assert mask.dtype == np.int16
    assert mask.shape == image.shape
    assert [tuple(p) for p in np.argwhere(mask)] == [(10, 20), (255, 0)]
    assert mask[10, 20] == 1 << bit
    _, plain = simulate_frame(replace(spec, mask_bits=()))
    assert np.array_equal(image, plain)


def test_bits_of_cubes() -> None:
    spec = replace(CUBE, mask_bits=((3, 5, 6), (11, 2, 5, 6), (0, 63, 31, 31)), noise=False)
    spec = replace(spec, nan_pixels=((7, 1, 2),))
    _, cube = simulate_frame(spec)
    files = companions(spec, cube)
    mask = files["bimsk"][1]
    assert mask.shape == cube.shape
    assert (mask[:, 5, 6] & 8 == 8).all()
    assert mask[2, 5, 6] == 8 | 2048
    assert mask[63, 31, 31] == 1
    assert mask[7, 1, 2] == 16384
    assert np.count_nonzero(mask) == 64 + 2
    assert files["msk2d"][1][5, 6] == 8  # what holds in all planes
    assert np.count_nonzero(files["msk2d"][1]) == 1


@pytest.mark.parametrize("wrong", [(15, 1, 1), (-1, 1, 1), (3, 256, 0), (3, 0, 0, 0), (3, 1)])
def test_bits_that_cannot_be(wrong: tuple[int, ...]) -> None:
    with pytest.raises(UsageError):
        replace(FULL, mask_bits=(wrong,))


@pytest.mark.parametrize("spec", [FULL, CUBE, replace(CUBE, channel=4, mjd=54_000.0)])
def test_uncertainty_is_the_noise(spec: FrameSpec) -> None:
    _, image = simulate_frame(spec, np.random.default_rng(5))
    _, quiet = simulate_frame(replace(spec, noise=False))
    uncertainty = companions(spec, image)["bunc"][1]
    # It follows what was read, as the archive's does: a pixel that is high by chance says so, and
    # sums are right. Light below zero counts as none, which on a dark sky is 2 % too much.
    square = (image.astype(float) - quiet) ** 2
    for pixels in (quiet > 0.0, quiet > 30.0 * spec.background):
        told = np.square(uncertainty[pixels], dtype=float).sum()
        chance = 4.0 / np.sqrt(pixels.sum() / 2.0)
        assert np.sqrt(told / square[pixels].sum()) == pytest.approx(1.0, abs=0.025 + chance)


def test_corrected_files_stand_beside() -> None:
    _, image = simulate_frame(FULL, np.random.default_rng(5))
    assert set(companions(FULL, image)) == {"bunc", "bimsk"}
    files = companions(FULL, image, corrected=True)
    assert set(files) == {"bunc", "bimsk", "cbcd", "cbunc", "brmsk"}
    assert np.array_equal(files["cbcd"][1], image)
    assert np.array_equal(files["brmsk"][1], files["bimsk"][1])


@pytest.mark.parametrize("spec", [FULL, CUBE])
@pytest.mark.parametrize("kept", ["clipped", "nan"])
def test_full_wells_are_bit_13(spec: FrameSpec, kept: str) -> None:
    spec = replace(spec, flux_mjy=60_000.0 / spec.frame_time, saturated=kept)  # type: ignore[arg-type]
    if spec.subarray:
        spec = with_plane_habits(spec)
    spec = replace(spec, nan_pixels=((3, 3),))
    _, image = simulate_frame(spec, np.random.default_rng(2))
    mask = companions(spec, image)["bimsk"][1]
    full = mask & (1 << 13) != 0
    assert full.any()
    assert frame_truth(spec).saturated
    assert (mask[..., 3, 3] == 1 << 14).all()
    if kept == "nan":
        assert np.isnan(image[full]).all()
        assert np.isnan(image).sum() == full.sum() + np.isnan(image[..., 3, 3]).sum()
    else:
        level = spec.detector.saturation
        planes = image - np.zeros_like(image)
        if spec.subarray:
            planes[57] += 0.5
        assert planes[full] == pytest.approx(level, rel=1e-5)
        assert np.nanmax(planes[~full]) < level


def test_marks_of_a_header() -> None:
    cards = told(FULL)
    marks = ("MISS_LCT", "MANCPKT", "MISSDATA", "BADTRIG", "USEDBPHF")
    assert [cards[mark] for mark in marks] == [0, False, False, False, True]
    assert not {"ZEROPIX", "PTGCPD"} & set(cards)
    marked = {"MISSDATA": True, "MISS_LCT": 12, "BADTRIG": True, "ZEROPIX": 3, "PTGCPD": "Yes"}
    cards = told(replace(FULL, header={**marked, "USEDBPHF": False}))
    assert {mark: cards[mark] for mark in marked} == marked
    assert cards["USEDBPHF"] is False


# --- the header's numbers ---


@pytest.mark.reference
def test_new_cards_are_of_the_types_of_real_ones(reference: Path) -> None:
    """Logical, whole or real, as in the archive; the clocks run as long as its clocks."""
    for folder, channel, sub, planes_time in (
        ("r46466816", 2, True, 2.0),
        ("r24649984", 4, True, 0.4),
        ("r48765440", 1, False, 100.0),
    ):
        path = next((reference / "archive" / folder).rglob("*_bcd.fits"))
        real = fits.getheader(path)
        spec = FrameSpec(
            channel=channel, subarray=sub, frame_time=planes_time, mjd=float(real["MJD_OBS"])
        )
        cards = told(spec)
        assert cards["FRAMTIME"] == real["FRAMTIME"]
        assert cards["EXPTIME"] == real["EXPTIME"]
        for name in (
            *("AINTBEG", "ATIMEEND", "RMS_JIT", "RMS_JITY", "RMS_JITZ", "AFPAT2B", "AFPAT2E"),
            *("MISS_LCT", "MANCPKT", "MISSDATA", "BADTRIG", "USEDBPHF", "PXSCAL1", "PXSCAL2"),
        ):
            assert type(cards[name]) is type(real[name]), name
        assert lasted(spec) == pytest.approx(real["ATIMEEND"] - real["AINTBEG"], abs=0.04)
        assert cards["AFPAT2B"] == pytest.approx(real["AFPAT2B"], abs=0.05)
        difference = float(cards["ET_OBS"]) - float(cards["UTCS_OBS"])
        assert difference == pytest.approx(real["ET_OBS"] - real["UTCS_OBS"], abs=2.5e-3)


@pytest.mark.parametrize(
    ("date", "seconds"),
    [
        *(("2005-12-30", 64.184), ("2006-01-02", 65.184), ("2009-01-02", 66.184)),
        *(("2012-06-29", 66.184), ("2012-07-02", 67.184), ("2015-07-02", 68.184)),
        ("2017-01-02", 69.184),
    ],
)
def test_times_against_astropy(date: str, seconds: float) -> None:
    start = Time(f"{date}T06:00:00", scale="utc")
    cards = told(replace(FULL, mjd=float(start.mjd)))
    assert float(cards["ET_OBS"]) - float(cards["UTCS_OBS"]) == pytest.approx(seconds, abs=2e-3)
    told_tdb = Time(51_544.5, float(cards["ET_OBS"]) / 86_400.0, format="mjd", scale="tdb")
    assert abs((told_tdb - start.tdb).sec) < 3e-3


def test_jitter_and_temperature() -> None:
    values = set()
    for expid in range(5):
        cards = told(replace(FULL, expid=expid))
        both = float(cards["RMS_JITY"]) ** 2 + float(cards["RMS_JITZ"]) ** 2
        assert both == pytest.approx(float(cards["RMS_JIT"]) ** 2, rel=1e-6)
        values.add((cards["RMS_JIT"], cards["AFPAT2B"]))
    assert len(values) == 5


# --- planes and time ---


def test_planes_that_real_cubes_have() -> None:
    spec = with_plane_habits(replace(CUBE, noise=False), first=0.98, background=-0.4)
    _, cube = simulate_frame(spec)
    star = cube.astype(float) - spec.background
    assert star[0] == pytest.approx(0.98 * star[1], rel=1e-4, abs=1e-6)
    assert star[57] == pytest.approx(star[1] - 0.4, rel=1e-4, abs=1e-5)
    others = np.delete(cube, [0, 57], axis=0)
    assert (others == others[0]).all()


def test_a_series_dims_the_target_alone() -> None:
    first = replace(CUBE, noise=False, frame_time=2.0, background=0.0)
    times = plane_times(first)
    assert times[0] == first.mjd + 1.0 / 86_400.0
    assert np.diff(times) == pytest.approx(2.0 / 86_400.0)

    def curve(moments: np.ndarray) -> np.ndarray:
        return eclipse(
            moments,
            middle=float(times[32]),
            duration=40.0 / 86_400.0,
            depth=0.005,
            ingress=8.0 / 86_400.0,
        )

    (spec,) = follow([first], curve)
    _, cube = simulate_frame(spec)
    _, bare = simulate_frame(first)
    ratio = cube.sum(axis=(1, 2), dtype=float) / bare.sum(axis=(1, 2), dtype=float)
    assert ratio == pytest.approx(curve(times), abs=1e-6)
    assert ratio[32] == pytest.approx(0.995, abs=1e-6)
    assert ratio[[0, 20, 44, 63]] == pytest.approx(1.0, abs=1e-6)
    assert ratio[24] == pytest.approx(1.0 - 0.005 * 4.0 / 8.0, abs=1e-6)


def test_a_full_array_dims_too() -> None:
    spec = replace(FULL, noise=False, background=0.0)
    _, bare = simulate_frame(spec)
    _, dim = simulate_frame(replace(spec, flux_series=(0.9,)))
    assert dim == pytest.approx(0.9 * bare, rel=1e-5)


@pytest.mark.parametrize(
    "wrong",
    [
        *({"flux_series": (1.0,)}, {"flux_series": (-1.0,) * 64}, {"plane_flux": {64: 1.0}}),
        *({"plane_background": {1: float("nan")}}, {"plane_flux": {0: float("inf")}}),
    ],
)
def test_planes_that_cannot_be(wrong: dict[str, object]) -> None:
    with pytest.raises(UsageError):
        replace(CUBE, **wrong)
    with pytest.raises(UsageError):
        replace(FULL, plane_flux={0: 0.99})


# --- high dynamic range ---


@pytest.mark.parametrize("kept", ["clipped", "nan"])
def test_pairs_of_short_and_long(tmp_path: Path, kept: str) -> None:
    first = replace(FULL, aorkey=90_100_000, flux_mjy=350.0, saturated=kept)  # type: ignore[arg-type]
    specs = list(hdr_pairs(first, 2, np.random.default_rng(1)))
    made = write_series(tmp_path, specs, seed=4, corrected=True)
    assert read_truth(made.truth_path) == made.truth
    assert [row.saturated for row in made.truth] == [False, True] * 2
    kinds = [parse_name(path.name).kind for path in made.written[:6]]  # type: ignore[union-attr]
    assert sorted(kinds) == ["bcd", "bimsk", "brmsk", "bunc", "cbcd", "cbunc"]
    ends = 0.0
    for row in made.truth:
        path = made.directory / row.file
        cards = fits.getheader(path)
        long = row.dcenum == 1
        assert (cards["FRAMTIME"], cards["EXPTIME"]) == ((12.0, 10.4) if long else (0.6, 0.4))
        assert cards["AORTIME"] == 12.0
        assert cards["HDRMODE"] is True
        assert cards["HDRFRAME"] == ("    long" if long else "   short")
        assert cards["HDRCYCLE"] == 1
        assert cards.get("PTGCPD") == (None if long else "Yes")
        assert cards["UTCS_OBS"] > ends  # no exposure begins before the one before it ended
        ends = cards["UTCS_OBS"] + cards["FRAMTIME"]
        image = fits.getdata(path)
        mask = fits.getdata(str(path).replace("_bcd", "_bimsk"))
        full = mask & (1 << 13) != 0
        assert (full.sum() > 3) == long
        assert np.array_equal(np.isnan(image), full if kept == "nan" else np.zeros_like(full))
        if long:
            place = np.argwhere(full).mean(axis=0)
            assert np.hypot(place[1] - row.x, place[0] - row.y) < 1.0
