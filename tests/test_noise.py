"""The noise that is expected, held against photons counted and against real cubes."""

from __future__ import annotations

import math
import warnings
from functools import cache

import numpy as np
import pytest
from astropy.io import fits
from photutils.aperture import (
    ApertureStats,
    CircularAnnulus,
    CircularAperture,
    aperture_photometry,
)

from iracdb.errors import UsageError
from iracdb.irac.handbook import FULL_WELL
from iracdb.photometry.aperture import Aperture
from iracdb.photometry.circle import circle_sums
from iracdb.photometry.measure import fit_centres, measure_block, measure_fluxes
from iracdb.photometry.noise import (
    SATURATED,
    expected_noise,
    upper_limit,
    well_fraction,
)
from iracdb.photometry.planes import Planes, planes_without, reduce
from iracdb.photometry.sky import LEVEL_NOISE

WARM = {"gain": 3.71, "exposure_time": 1.92, "fluxconv": 0.1447, "read_noise": 9.4}
ELECTRONS = 1.92 / 0.1447 * 3.71


# ---- arithmetic ----------------------------------------------------------------------------------


def test_each_term_by_hand():
    area = math.pi * 9
    got = expected_noise([1000.0], [2.0], area, [100.0], **WARM)
    star, pixel = 1000 * ELECTRONS, 2 * ELECTRONS + 9.4**2
    want = math.sqrt(star + area * pixel + area**2 / 100 * pixel) / ELECTRONS
    assert got == pytest.approx([want], rel=1e-12)
    alone = expected_noise([1000.0], [2.0], area, [math.inf], **WARM)
    assert alone == pytest.approx([math.sqrt(star + area * pixel) / ELECTRONS], rel=1e-12)
    dark = expected_noise([1000.0], [2.0], area, [100.0], **WARM, dark_sky=3.0)
    assert dark == pytest.approx(expected_noise([1000.0], [5.0], area, [100.0], **WARM))
    mode = expected_noise([0.0], [2.0], area, [100.0], **WARM, level_noise=2.5)
    want = math.sqrt(area * pixel + 2.5**2 * area**2 / 100 * pixel) / ELECTRONS
    assert mode == pytest.approx([want], rel=1e-12)


def test_light_below_zero_has_no_photons():
    area = math.pi * 9
    read = 9.4 * math.sqrt(area) / ELECTRONS
    got = expected_noise([-50.0, 0.0], [-3.0, 0.0], area, [math.inf] * 2, **WARM)
    assert got == pytest.approx([read, read], rel=1e-12)


def test_what_is_not_known_stays_so():
    got = expected_noise([math.nan, 5, 5], [1, math.nan, 1], 28.0, [99, 99, math.nan], **WARM)
    assert np.isnan(got).all()
    assert len(expected_noise([], [], 28.0, [], **WARM)) == 0


def test_many_planes():
    given = ([1000.0], [2.0], 28.0, [100.0])
    one = expected_noise(*given, **WARM)
    assert expected_noise(*given, **WARM, images=50) == pytest.approx(one / math.sqrt(50))
    median = expected_noise(*given, **WARM, images=50, median=True)
    assert median == pytest.approx(one * math.sqrt(math.pi / 2 / 50))
    for few in (1, 2):  # the median of so many is their mean
        got = expected_noise(*given, **WARM, images=few, median=True)
        assert got == pytest.approx(one / math.sqrt(few))
    each = expected_noise(
        *np.repeat(given[:2], 2, axis=1), 28.0, [100.0] * 2, **WARM, images=[1, 4]
    )
    assert each == pytest.approx([one[0], one[0] / 2])


def test_the_scatter_of_photons_that_are_counted():
    """A Gaussian star on a sky, read with noise 400 times: sums scatter as is told."""
    rng = np.random.default_rng(31)
    rows, columns = np.mgrid[:32, :32]
    star = 60 * np.exp(-((columns - 15.2) ** 2 + (rows - 16.1) ** 2) / (2 * 0.9**2))
    aperture = Aperture(3, 5, 9)
    at = np.full(1500, 15.2), np.full(1500, 16.1)
    counted = rng.poisson((star + 1.5) * ELECTRONS, size=(1500, 32, 32))
    images = (counted + rng.normal(0, 9.4, counted.shape)) / ELECTRONS
    for sky in ("mean", "mode"):
        got = measure_block(images, *at, aperture, forced=True, sky=sky).fluxes
        want = expected_noise(
            got.net, got.sky, aperture.area, got.sky_pixels, **WARM, level_noise=LEVEL_NOISE[sky]
        )
        # Parts of pixels are summed: less noise than their photons' alone, by some per cent.
        assert 0.90 < np.std(got.net) / np.mean(want) < 1.03, sky


def test_how_full_the_well_is():
    assert FULL_WELL == {1: 145_000, 2: 140_000, 3: 170_000, 4: 200_000}  # the handbook, chapter 2
    given = {"gain": 3.71, "frame_time": 2.0, "fluxconv": 0.1447, "channel": 2}
    full = 140_000 * 0.1447 / (3.71 * 2)
    got = well_fraction([0.5 * full, math.nan, -1.0], **given)
    assert got[0] == pytest.approx(0.5)
    assert math.isnan(got[1]) and got[2] < 0
    assert well_fraction(full - 1, **given, dark_sky=1.0) == pytest.approx(1.0)
    assert 0.5 < SATURATED < 1
    with pytest.raises(UsageError, match="Channel 5 is none of IRAC's"):
        well_fraction([1.0], gain=1, frame_time=1, fluxconv=1, channel=5)


def test_upper_limits():
    got = upper_limit([2.0, -5.0, math.nan, 1.0], [1.0, 1.0, 1.0, math.nan])
    assert got[:2].tolist() == [5.0, 3.0]
    assert np.isnan(got[2:]).all()
    assert upper_limit([2.0], [1.0], sigmas=2).tolist() == [4.0]


# ---- real cubes ----------------------------------------------------------------------------------

PLANES = Planes("each", planes_without({0, 57}))
RADII = [(2.0, 2.0, 6.0), (3.0, 3.0, 7.0)]


@pytest.fixture(scope="module")
def cubes(reference):
    """The cubes of an AOR: header, pixels, variances where there are some, where the star is."""

    @cache
    def of(aorkey):
        found = []
        for path in sorted((reference / "archive").rglob(f"*_{aorkey}_*_bcd.fits")):
            cube, header = fits.getdata(path, header=True)
            beside = path.with_name(path.name.replace("_bcd", "_bunc"))
            variance = fits.getdata(beside).astype(float) ** 2 if beside.exists() else None
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", RuntimeWarning)
                median = np.nanmedian(cube[list(PLANES.kept)], axis=0)
            row, column = np.unravel_index(np.nanargmax(median), median.shape)
            found.append((header, cube.astype(float), variance, float(column), float(row)))
        return found

    return of


def measured(cubes, radii, sky="mean"):
    """Every plane of every cube: net fluxes, what is expected of them, and by the pipeline."""
    nets, expected, errors = [], [], []
    for header, cube, variance, column, row in cubes:
        made = reduce(cube, PLANES, variance=variance)
        at = np.full(len(made.images), column), np.full(len(made.images), row)
        centres = fit_centres(made.images, *at, centre="moment")
        flags, fluxes = measure_fluxes(
            made.images, *at, centres, Aperture(*radii), sky=sky, variance=made.variance
        )
        assert np.count_nonzero(flags) == 0
        nets.append(fluxes.net)
        errors.append(fluxes.net_error)
        expected.append(
            expected_noise(
                fluxes.net,
                fluxes.sky,
                math.pi * radii[0] ** 2,
                fluxes.sky_pixels,
                gain=header["GAIN"],
                exposure_time=header["EXPTIME"],
                fluxconv=header["FLUXCONV"],
                read_noise=header["RONOISE"],
                dark_sky=header["SKYDRKZB"],
                level_noise=LEVEL_NOISE[sky],
            )
        )
    return np.array(nets), np.array(expected), np.array(errors)


@pytest.mark.reference
@pytest.mark.parametrize("aorkey", ["46466816", "24649984"])
def test_planes_against_a_plain_loop(cubes, aorkey):
    _, cube, variance, column, row = cubes(aorkey)[3]
    made = reduce(cube, PLANES, variance=variance)
    assert made.plane.tolist() == [k for k in range(64) if k not in (0, 57)]
    at = np.full(62, column), np.full(62, row)
    centres = fit_centres(made.images, *at, centre="moment")
    _, fluxes = measure_fluxes(made.images, *at, centres, Aperture(3, 3, 7), variance=made.variance)
    for k, plane in enumerate(p for p in range(64) if p not in (0, 57)):
        image, place = cube[plane], (centres.x[k], centres.y[k])
        circle, ring = CircularAperture(place, 3), CircularAnnulus(place, 3, 7)
        noise = None if variance is None else np.sqrt(variance[plane])
        table = aperture_photometry(image, circle, error=noise, method="exact")
        stats = ApertureStats(image, ring, sum_method="exact")
        area = stats.sum_aper_area.value
        want = table["aperture_sum"][0] - 9 * math.pi * stats.sum / area
        assert fluxes.net[k] == pytest.approx(want, rel=1e-10)
        if variance is not None:
            of_sky = 9 * math.pi * fluxes.sky_sigma[k] / math.sqrt(area)
            want = math.hypot(table["aperture_sum_err"][0], of_sky)
            assert fluxes.net_error[k] == pytest.approx(want, rel=1e-10)


# Scatter of the planes within a cube, five deviations clipped, over what is expected of it.
SCATTER = {
    ("46466816", (2.0, 2.0, 6.0)): 1.22,
    ("46466816", (3.0, 3.0, 7.0)): 1.17,
    ("24649984", (2.0, 2.0, 6.0)): 1.06,
    ("24649984", (3.0, 3.0, 7.0)): 1.05,
}


def scatter(nets):
    """Standard deviation within each cube of the planes within five deviations of the median."""
    found = []
    for net in nets:
        from_median = np.abs(net - np.median(net))
        found.append(np.std(net[from_median <= 5 * 1.4826 * np.median(from_median)], ddof=1))
    return np.array(found)


@pytest.mark.reference
@pytest.mark.parametrize(("aorkey", "radii"), SCATTER)
def test_how_the_planes_of_real_stars_scatter(cubes, aorkey, radii):
    nets, expected, errors = measured(cubes(aorkey), radii)
    ratio = math.sqrt(np.mean((scatter(nets) / np.median(expected, axis=1)) ** 2))
    print(f"{aorkey} {radii}: scatter / expected noise {ratio:.3f}", end=", ")
    print(f"/ error from uncertainty frames {np.mean(scatter(nets)) / np.median(errors):.3f}")
    assert ratio == pytest.approx(SCATTER[aorkey, radii], abs=0.01)


@pytest.mark.reference
def test_uncertainty_frames_tell_more_than_photons_and_readout(cubes):
    """By 9 %, in the circle: it accounts for half of what the planes of 46466816 scatter more."""
    for radii in RADII:
        ratios = []
        for header, cube, variance, column, row in cubes("46466816")[::5]:
            made = reduce(cube, PLANES, variance=variance)
            at = np.full(62, column), np.full(62, row)
            sky = np.zeros(62)
            circle = circle_sums(made.images, *at, radii[0], sky, variance=made.variance)
            expected = expected_noise(
                circle.total,
                sky,
                math.pi * radii[0] ** 2,
                [math.inf] * 62,
                gain=header["GAIN"],
                exposure_time=header["EXPTIME"],
                fluxconv=header["FLUXCONV"],
                read_noise=header["RONOISE"],
            )
            ratios.append(np.median(np.sqrt(circle.variance) / expected))
        print(f"{radii}: uncertainty frames over expected noise {np.mean(ratios):.3f}")
        assert np.mean(ratios) == pytest.approx(1.09, abs=0.01)
