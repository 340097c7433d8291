"""Blocks of images measured, held against what the original pipeline measured on real frames."""

from __future__ import annotations

import csv
import dataclasses
import math
import warnings
from collections import Counter, defaultdict

import numpy as np
import pytest
from astropy.io import fits
from astropy.modeling.models import Gaussian2D
from astropy.wcs import WCS, FITSFixedWarning
from hypothesis import given, settings
from hypothesis import strategies as st

from iracdb import flags as quality
from iracdb.errors import UsageError
from iracdb.irac.handbook import is_cryogenic
from iracdb.photometry.aperture import Aperture
from iracdb.photometry.measure import (
    fit_centres,
    lay_apertures,
    measure_block,
    measure_fluxes,
)
from iracdb.photometry.planes import STEADY_MEDIAN, reduce
from iracdb.photometry.response import irac_aphot_corr
from iracdb.photometry.sky import SKIES

SUB = (32, 32)
SMALL = Aperture(3, 3, 7)

# ---- real frames -------------------------------------------------------------------------------

COLUMN_BITS = {
    "coord_conversion_issue": quality.COORDINATE_CONVERSION,
    "centroiding_issue": quality.CENTROIDING,
    "bad_center_guess": quality.BAD_CENTER_GUESS,
    "not_in_fov": quality.NOT_IN_FOV,
    "ap_out_of_bound": quality.APERTURE_OUT_OF_BOUNDS,
}
DEEPER = 1e-6


def read_frame(path):
    data, header = fits.getdata(path, header=True)
    image = reduce(data, STEADY_MEDIAN).images[0] if data.ndim == 3 else data.astype(np.float64)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FITSFixedWarning)
        return image, WCS(header, naxis=2), data.ndim == 3


@pytest.fixture(scope="module")
def original(reference):
    """The original's rows, each with its frame, the pixel position and our measurement."""
    paths = {path.name: path for path in (reference / "archive").rglob("*_bcd.fits")}
    groups, frames = defaultdict(list), {}
    with (reference / "original_pipeline_photometry.csv").open(newline="") as lines:
        for row in csv.DictReader(lines):
            if row["file"] not in frames:
                frames[row["file"]] = read_frame(paths[row["file"]])
            radii = tuple(float(row[c]) for c in ("r", "r_in", "r_out"))
            groups[radii, frames[row["file"]][0].shape].append(row)
    rows = []
    for (radii, _), members in groups.items():
        at = []
        for row in members:
            world = [float(row["target_ra_deg"]), float(row["target_dec_deg"])]
            at.append(frames[row["file"]][1].all_world2pix([world], 0)[0])
        images = np.array([frames[row["file"]][0] for row in members])
        got = measure_block(images, *np.array(at).T, Aperture(*radii))
        rows += [(row, got, k, frames[row["file"]][2]) for k, row in enumerate(members)]
    return rows


@pytest.mark.reference
def test_same_flags_as_the_original_on_every_row(original):
    assert len(original) == 228
    for row, got, k, _ in original:
        assert got.flags[k] == sum(bit for c, bit in COLUMN_BITS.items() if row[c] == "Y"), row


@pytest.mark.reference
def test_same_numbers_as_the_original(original):
    compared = Counter()
    for row, got, k, subarray in original:
        want = {c: float(row[c]) for c in row if c not in COLUMN_BITS and c != "file"}
        x, y = got.centres.x[k], got.centres.y[k]
        if math.isnan(want["xc"]):
            assert math.isnan(x) and math.isnan(y)
            compared["without a centre"] += 1
            continue
        shallower = want["fit_residual_sum"] / got.centres.residual_sum[k] - 1
        assert shallower > -DEEPER, row
        if shallower > DEEPER:  # the original stopped in the shallower of two minima
            compared["deeper"] += 1
            continue
        assert x == pytest.approx(want["xc"], abs=2e-5)
        assert y == pytest.approx(want["yc"], abs=2e-5)
        widths = sorted([want["fx"], want["fy"]])
        assert [got.centres.fwhm_narrow[k], got.centres.fwhm_wide[k]] == pytest.approx(
            widths, rel=1e-4
        )
        assert got.centres.amplitude[k] == pytest.approx(want["fit_amplitude"], rel=1e-4)
        sums = got.fluxes.raw[k], got.fluxes.background[k], got.fluxes.net[k]
        corrected = irac_aphot_corr(
            sums[2],
            x,
            y,
            int(row["file"].split("_")[1][1:]),
            mission="cryo" if is_cryogenic(want["mjd"]) else "warm",
            subarray=subarray,
        )
        wanted = [want[c] for c in ("raw_flux", "bkg_flux", "res_flux", "corrected_flux")]
        assert [*sums, corrected] == pytest.approx(wanted, rel=5e-6, nan_ok=True)
        compared["with fluxes" if math.isfinite(sums[2]) else "with a centre only"] += 1
    # None of the frames here is one on which the original stopped short of our minimum.
    assert compared["deeper"] == 0
    assert compared == {"with fluxes": 207, "with a centre only": 12, "without a centre": 9}


@pytest.mark.reference
def test_the_centre_does_not_depend_on_where_the_fit_starts(reference):
    """Real undersampled stars have two minima: any start over the same box ends in the deeper."""
    rng = np.random.default_rng(64)
    paths = sorted(
        path
        for aorkey in ("46466816", "24649984")
        for path in (reference / "archive").rglob(f"*_{aorkey}_*_bcd.fits")
    )
    assert len(paths) == 23
    for path in paths:
        images = np.repeat(read_frame(path)[0][None], 6, axis=0)
        first = fit_centres(images[:1], [15.0], [15.0])
        x = int(first.x[0]) + rng.random(6)
        y = int(first.y[0]) + rng.random(6)
        centres = fit_centres(images, x, y)
        assert np.ptp(centres.x) < 1e-6
        assert np.ptp(centres.y) < 1e-6
        assert np.ptp(centres.residual_sum) < 1e-10 * centres.residual_sum[0]


# ---- made-up frames ----------------------------------------------------------------------------


def star_image(x, y, shape=SUB, sky=2.0, amplitude=500.0):
    rows, columns = np.mgrid[: shape[0], : shape[1]].astype(float)
    return sky + Gaussian2D(amplitude, x, y, 0.9, 0.8, theta=0.4)(columns, rows)


def test_the_flux_of_a_known_star():
    # With sky the fit's widths are wrong (it has no constant); its centre, by symmetry, is not.
    got = measure_block(star_image(15, 16)[None], [15.4], [15.7], Aperture(8, 9, 14))
    total = 500.0 * 2 * math.pi * 0.9 * 0.8
    assert got.flags.tolist() == [0]
    assert got.fluxes.sky[0] == pytest.approx(2.0, rel=1e-9)
    assert got.fluxes.background[0] == pytest.approx(2.0 * math.pi * 64, rel=1e-9)
    # A Gaussian read at pixel centres sums to its integral within 2 exp(-2 pi^2 sigma^2).
    assert got.fluxes.net[0] == pytest.approx(total, rel=2 * math.exp(-2 * (math.pi * 0.8) ** 2))
    assert got.fluxes.raw[0] - got.fluxes.background[0] == got.fluxes.net[0]
    assert (got.x_wcs[0], got.y_wcs[0]) == (15.4, 15.7)


@pytest.mark.parametrize(
    ("star", "expected", "want", "has_centre"),
    [
        ((15, 16), (15.4, 15.7), 0, True),
        ((15, 16), (math.nan, 15.7), quality.COORDINATE_CONVERSION, False),
        ((15, 16), (15.4, math.inf), quality.COORDINATE_CONVERSION, False),
        ((15, 16), (0.0, 15.7), quality.NOT_IN_FOV | quality.APERTURE_OUT_OF_BOUNDS, False),
        ((15, 16), (15.4, 32.0), quality.NOT_IN_FOV | quality.APERTURE_OUT_OF_BOUNDS, False),
        ((15, 16), (-3, 1e9), quality.NOT_IN_FOV | quality.APERTURE_OUT_OF_BOUNDS, False),
        ((5, 16), (5.0, 16.0), quality.CENTROIDING, False),
        ((15, 16), (31.99, 16.0), quality.CENTROIDING, False),
        ((6.3, 16), (7.0, 16.2), quality.APERTURE_OUT_OF_BOUNDS, True),
        ((15, 16), (12.95, 16.0), quality.BAD_CENTER_GUESS, True),
        ((15, 16), (15.0, 18.05), quality.BAD_CENTER_GUESS, True),
        ((15, 16), (13.05, 17.95), 0, True),  # more than 2 pixels away, but in neither direction
        # Both far and out of bounds: the first reason stands alone, as in the original.
        ((6.3, 16), (9.0, 16.0), quality.APERTURE_OUT_OF_BOUNDS, True),
    ],
)
def test_each_reason_in_the_originals_order(star, expected, want, has_centre):
    got = measure_block(star_image(*star)[None], [expected[0]], [expected[1]], SMALL)
    assert got.flags.dtype == np.int64
    assert got.flags.tolist() == [want]
    assert got.centres.found.tolist() == [has_centre]
    assert np.isfinite(got.centres.fwhm_wide).tolist() == [has_centre]
    sums = [got.fluxes.raw, got.fluxes.sky, got.fluxes.background, got.fluxes.net]
    assert np.isfinite(sums).all() == (want == 0)
    if want:
        assert np.isnan(sums).all() and np.isnan(got.fluxes.sky_pixels).all()
        assert (got.fluxes.nan_in_aperture[0], got.fluxes.nan_in_annulus[0]) == (0, 0)


def annulus_of(x, y, r_in, r_out):
    rows, columns = np.mgrid[: SUB[0], : SUB[1]]
    distance = np.hypot(columns - x, rows - y)
    return (distance > r_in - 1) & (distance < r_out + 1)


def test_nan_in_the_circle_makes_an_image_unusable():
    image = star_image(15, 16)
    image[18, 15] = np.nan  # its edge, at 1.5 of 3 pixels, and the annulus's: it begins at 3
    image[20, 15] = np.nan  # in the annulus only
    got = measure_block(image[None], [15.4], [15.7], SMALL)
    assert got.flags.tolist() == [quality.NAN_IN_APERTURE]
    assert np.isnan([got.fluxes.raw[0], got.fluxes.background[0], got.fluxes.net[0]]).all()
    assert got.fluxes.nan_in_aperture.tolist() == [1]
    assert got.fluxes.nan_in_annulus[0] in (1, 2)
    assert got.centres.found[0]


def test_nan_in_the_annulus_is_left_out_and_counted():
    image = star_image(15, 16)
    whole = measure_block(image[None], [15.4], [15.7], Aperture(3, 6, 9))
    image[23, 15] = np.nan
    got = measure_block(image[None], [15.4], [15.7], Aperture(3, 6, 9))
    assert got.flags.tolist() == [0]
    assert got.fluxes.nan_in_annulus.tolist() == [1]
    assert got.fluxes.sky_pixels[0] == pytest.approx(whole.fluxes.sky_pixels[0] - 1, abs=1e-9)
    assert got.fluxes.sky[0] == pytest.approx(whole.fluxes.sky[0], rel=1e-6)


def test_an_annulus_without_a_value_is_no_background():
    image = star_image(15, 16)
    image[annulus_of(15, 16, 8, 11)] = np.nan
    got = measure_block(image[None], [15.4], [15.7], Aperture(3, 8, 11))
    assert got.flags.tolist() == [quality.NO_BACKGROUND]
    assert np.isnan([got.fluxes.raw[0], got.fluxes.sky[0], got.fluxes.net[0]]).all()
    assert got.fluxes.sky_pixels.tolist() == [0]
    image[16, 15] = np.nan
    got = measure_block(image[None], [15.4], [15.7], Aperture(3, 8, 11))
    assert got.flags.tolist() == [quality.NO_BACKGROUND | quality.NAN_IN_APERTURE]


def test_ten_apertures_share_one_fit():
    images = np.array([star_image(30 + k / 9, 31, shape=(64, 64)) for k in range(4)])
    x, y = [30.5] * 4, [30.5] * 4
    calls = []

    class Counting:
        name = "counting"

        def __call__(self, images, x, y):
            calls.append(len(images))
            return fit_centres(images, x, y)

    centres = fit_centres(images, x, y, centre=Counting())
    for r in range(2, 12):
        aperture = Aperture(r, 12, 20)
        flags, fluxes = measure_fluxes(images, x, y, centres, aperture)
        alone = measure_block(images, x, y, aperture)
        assert flags.tolist() == alone.flags.tolist() == [0] * 4
        assert bits(fluxes) == bits(alone.fluxes)
    assert calls == [4]


@pytest.mark.parametrize("sky", SKIES)
@pytest.mark.parametrize("forced", [False, True])
def test_apertures_laid_together_read_an_annulus_once_and_give_the_same_bits(pool, sky, forced):
    images, positions, _ = pool
    x, y = positions.T
    masked = np.random.default_rng(7).random(images.shape) < 0.01
    read = []

    class Reading:
        name = sky

        def __call__(self, images, x, y, aperture):
            read.append((aperture.r_in, aperture.r_out, aperture.bounds))
            return SKIES[sky](images, x, y, aperture)

    radii = [(2, 8, 11), (3, 3, 7), (5, 8, 11), (3, 3, 7, "indices"), (8, 8, 11), (2, 8, 15)]
    apertures = [Aperture(*each) for each in radii]
    centres = fit_centres(images, x, y, masked=masked)
    more = {"masked": masked, "variance": np.abs(images), "forced": forced}
    together = lay_apertures(images, x, y, centres, apertures, sky=Reading(), **more)
    # Each once of the images, and once for the masked pixels among them.
    assert Counter(read) == Counter({(8, 11, "edges"): 2, (3, 7, "edges"): 2,
                                     (3, 7, "indices"): 2, (8, 15, "edges"): 2})  # fmt: skip
    for aperture, (flags, fluxes) in zip(apertures, together, strict=True):
        alone = measure_fluxes(images, x, y, centres, aperture, sky=sky, **more)
        assert flags.tobytes() == alone[0].tobytes()
        assert bits(fluxes) == bits(alone[1])
    assert len({flags.tobytes() for flags, _ in together}) > 1


# ---- the same bits in any block ------------------------------------------------------------------


def bits(record, part=slice(None)):
    return {
        f.name: np.ascontiguousarray(getattr(record, f.name)[part]).tobytes()
        for f in dataclasses.fields(record)
    }


def everything(got, part=slice(None)):
    return [got.flags[part].tobytes(), bits(got.centres, part), bits(got.fluxes, part)]


@pytest.fixture(scope="module")
def pool():
    """Images of all sorts with their positions, and what each gives alone."""
    rng = np.random.default_rng(42)
    stars = [*rng.uniform(12, 19, size=(9, 2)), (6.3, 16), (15, 16), (40, 15), (15, 15)]
    images = np.array([star_image(*at) + rng.normal(0, 3, SUB) for at in stars])
    images[3][rng.random(SUB) < 0.05] = np.nan
    images[4] = rng.normal(0, 1, SUB)
    images[5] = np.nan
    positions = np.array(stars) + rng.uniform(-0.3, 0.3, size=(len(stars), 2))
    positions[-1] = np.nan
    alone = [
        measure_block(i[None], *p[:, None], SMALL) for i, p in zip(images, positions, strict=True)
    ]
    assert len({int(one.flags[0]) for one in alone}) >= 5
    return images, positions, [everything(one) for one in alone]


@settings(max_examples=30, deadline=None)
@given(st.data())
def test_an_image_gives_the_same_bits_in_any_block(pool, data):
    images, positions, alone = pool
    members = data.draw(st.lists(st.integers(0, len(images) - 1), min_size=1, max_size=8))
    got = measure_block(images[members], *positions[members].T, SMALL)
    for place, member in enumerate(members):
        assert everything(got, slice(place, place + 1)) == alone[member]


def test_any_memory_order_and_byte_order_gives_the_same_bits(pool):
    images, positions, _ = pool
    x, y = positions.T
    stored = images.astype(np.float32)
    want = everything(measure_block(stored.astype(np.float64), x, y, SMALL))
    big_endian, fortran = stored.astype(">f4"), np.asfortranarray(stored)
    strided = np.repeat(stored, 2, axis=2)[:, :, ::2]
    for same in (big_endian, fortran, strided):
        assert everything(measure_block(same, x, y, SMALL)) == want


def test_an_empty_block():
    got = measure_block(np.empty((0, 32, 32)), [], [], SMALL)
    assert len(got.flags) == len(got.centres) == len(got.fluxes.net) == 0


# ---- cubes and wrong calls ---------------------------------------------------------------------


def test_a_cube_is_the_median_of_its_steady_planes():
    rng = np.random.default_rng(1)
    cube = rng.normal(100, 5, size=(64, 32, 32)).astype(np.float32)
    cube[:14] = 1e6
    cube[rng.random(cube.shape) < 0.3] = np.nan
    cube[14:, 3, 4] = np.nan
    cube[14:63, 5, 6] = np.nan
    cube[63, 5, 6] = 7.0
    image = reduce(cube.astype(">f4"), STEADY_MEDIAN).images[0]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        want = np.nanmedian(cube[14:].astype(np.float64), axis=0)
    assert image.dtype == np.float64
    assert np.array_equal(image, want, equal_nan=True)
    assert math.isnan(image[3, 4]) and image[5, 6] == 7.0


@pytest.mark.parametrize("shape", [(63, 32, 32), (64, 32), (32, 32, 64), ()])
def test_what_is_no_cube(shape):
    with pytest.raises(ValueError, match="64 planes"):
        reduce(np.zeros(shape), STEADY_MEDIAN).images[0]


def test_shapes_that_do_not_belong_together():
    images = np.zeros((2, 32, 32))
    for x, y in (([1.0], [1.0]), ([1.0, 2.0], [1.0]), ([[1.0, 2.0]], [[1.0, 2.0]])):
        with pytest.raises(ValueError, match="a block is images"):
            measure_block(images, x, y, SMALL)
    with pytest.raises(ValueError, match="a block is images"):
        measure_block(images[0], [1.0] * 32, [1.0] * 32, SMALL)
    centres = fit_centres(images[:1], [15.0], [15.0])
    with pytest.raises(ValueError, match="2 images and 1 centres"):
        measure_fluxes(images, [15.0] * 2, [15.0] * 2, centres, SMALL)


def test_unknown_names():
    image = star_image(15, 16)[None]
    with pytest.raises(UsageError, match="No centre is called"):
        measure_block(image, [15.0], [16.0], SMALL, centre="navel")
    with pytest.raises(UsageError, match="No sky is called"):
        measure_block(image, [15.0], [16.0], SMALL, sky="blue")
