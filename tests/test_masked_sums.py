"""Masked pixels, variances, peaks and noise pixels of a block, held against photutils."""

from __future__ import annotations

import math

import numpy as np
import pytest
from photutils.aperture import CircularAnnulus, CircularAperture, aperture_photometry
from test_measure import annulus_of, bits, star_image

from iracdb import flags as quality
from iracdb.photometry.aperture import Aperture
from iracdb.photometry.circle import circle_sums
from iracdb.photometry.measure import fit_centres, measure_block, measure_fluxes
from iracdb.photometry.sky import SKIES

LAID = Aperture(3, 6, 9)
AT = (15.2, 15.9)


def a_star():
    return star_image(*AT) + np.random.default_rng(3).normal(0, 1, (32, 32))


def overlap(x, y, r, r_in=0.0):
    """Overlap of every pixel of a subarray with a circle or an annulus."""
    shape = CircularAnnulus((x, y), r_in, r) if r_in else CircularAperture((x, y), r)
    return shape.to_mask(method="exact").to_image((32, 32))


def measured(image, **options):
    got = measure_block(image[None], [AT[0]], [AT[1]], options.pop("aperture", LAID), **options)
    return int(got.flags[0]), got.fluxes, got.centres


def one(masked_pixels):
    masked = np.zeros((1, 32, 32), dtype=bool)
    for x, y in masked_pixels:
        masked[0, y, x] = True
    return masked


@pytest.mark.parametrize("sky", SKIES)
def test_a_mask_that_marks_nothing_changes_no_bit(sky):
    image = a_star()
    image[22, 15] = np.nan
    without = measured(image, sky=sky)
    with_one = measured(image, sky=sky, masked=one([]))
    assert without[0] == with_one[0] == 0
    assert bits(without[1]) == bits(with_one[1])
    assert bits(without[2]) == bits(with_one[2])
    assert without[1].nan_in_annulus[0] == 1
    assert np.isnan(without[1].net_error[0])


def test_a_fatal_pixel_in_the_circle_makes_an_image_unusable():
    flags, fluxes, centres = measured(a_star(), masked=one([(13, 16)]))
    assert flags == quality.FATAL_IN_APERTURE
    assert quality.decode(flags) == ("fatal_in_aperture",)
    assert (fluxes.masked_in_aperture[0], fluxes.nan_in_aperture[0]) == (1, 0)
    assert np.isnan([fluxes.raw[0], fluxes.sky[0], fluxes.net[0], fluxes.noise_pixels[0]]).all()
    assert centres.found[0] and fluxes.peak[0] > 400


def test_a_circle_sums_what_is_neither_masked_nor_a_hole():
    image = a_star()
    image[16, 14] = np.nan
    masked = one([(16, 16), (14, 16)])
    got = circle_sums(image[None], *np.array(AT)[:, None], 3, np.zeros(1), masked=masked)
    weights = np.where(masked[0], 0, overlap(*AT, 3))
    assert got.total[0] == pytest.approx(np.nansum(weights * image), rel=1e-12)
    assert (got.masked_pixels[0], got.nan_pixels[0]) == (2, 0)
    assert math.isnan(got.noise_pixels[0])


def test_a_pixel_that_the_circle_only_touches_counts():
    x, y = AT
    weights = overlap(x, y, 3)
    edge = np.argwhere((weights > 0) & (weights < 0.2))[0]
    masked = one([(edge[1], edge[0])])
    centres = fit_centres(a_star()[None], [x], [y])
    exact = type(centres)(*(np.array([v]) for v in (x, y, 1, 1, 1, 0, 0)))
    flags, fluxes = measure_fluxes(a_star()[None], [x], [y], exact, LAID, masked=masked)
    assert flags.tolist() == [quality.FATAL_IN_APERTURE]
    assert fluxes.masked_in_aperture.tolist() == [1]


@pytest.mark.parametrize("sky", SKIES)
def test_a_fatal_pixel_in_the_annulus_is_left_out_and_counted(sky):
    image, hot = a_star(), a_star()
    image[23, 15] = np.nan
    hot[23, 15] = 1e6
    as_nan = measured(image, sky=sky)
    as_masked = measured(hot, sky=sky, masked=one([(15, 23)]))
    assert as_nan[0] == as_masked[0] == 0
    assert as_nan[1].sky[0] == as_masked[1].sky[0]
    assert as_nan[1].net[0] == as_masked[1].net[0]
    assert as_nan[1].sky_pixels[0] == as_masked[1].sky_pixels[0]
    assert (as_masked[1].masked_in_annulus[0], as_masked[1].nan_in_annulus[0]) == (1, 0)
    assert (as_nan[1].masked_in_annulus[0], as_nan[1].nan_in_annulus[0]) == (0, 1)


@pytest.mark.parametrize("sky", SKIES)
def test_counts_in_the_annulus_follow_the_skys_own_pixels(sky):
    rng = np.random.default_rng(4)
    masked = (rng.random((1, 32, 32)) < 0.15) & (overlap(*AT, 4) == 0)
    image = a_star()
    image[(rng.random((32, 32)) < 0.1) & (overlap(*AT, 4) == 0)] = np.nan
    flags, fluxes, centres = measured(image, sky=sky, masked=masked)
    x, y = centres.x[0], centres.y[0]
    if sky == "mean":
        taken = overlap(x, y, 9, 6) > 0
    else:
        rows, columns = np.mgrid[:32, :32]
        taken = (np.hypot(columns - x, rows - y) >= 6) & (np.hypot(columns - x, rows - y) <= 9)
    assert flags == 0
    assert fluxes.masked_in_annulus[0] == np.count_nonzero(taken & masked[0]) > 5
    # A pixel without a value that is masked too counts as masked alone.
    holes = taken & np.isnan(image) & ~masked[0]
    assert fluxes.nan_in_annulus[0] == np.count_nonzero(holes) > 5
    assert np.count_nonzero(taken & np.isnan(image) & masked[0]) > 0


def test_a_hole_in_the_circle_that_is_masked_is_masked_alone():
    image = a_star()
    image[16, 13] = np.nan
    flags, fluxes, _ = measured(image, masked=one([(13, 16)]))
    assert flags == quality.FATAL_IN_APERTURE
    assert (fluxes.masked_in_aperture[0], fluxes.nan_in_aperture[0]) == (1, 0)
    image[15, 13] = np.nan
    flags, fluxes, _ = measured(image, masked=one([(13, 16)]))
    assert flags == quality.FATAL_IN_APERTURE | quality.NAN_IN_APERTURE
    assert (fluxes.masked_in_aperture[0], fluxes.nan_in_aperture[0]) == (1, 1)


def test_an_annulus_of_masked_pixels_is_no_background():
    masked = annulus_of(*AT, 6, 9)[None] & (overlap(*AT, 4) == 0)
    flags, fluxes, _ = measured(a_star(), masked=masked)
    assert flags == quality.NO_BACKGROUND
    assert fluxes.masked_in_annulus[0] > 100 and fluxes.nan_in_annulus[0] == 0


def test_the_centre_does_without_masked_pixels():
    image = a_star()
    at = ([15.0], [16.0])
    plain = fit_centres(image[None], *at, centre="moment")
    image[19, 18] = 400
    pulled = fit_centres(image[None], *at, centre="moment")
    helped = fit_centres(image[None], *at, centre="moment", masked=one([(18, 19)]))
    assert abs(pulled.x[0] - plain.x[0]) > 0.02
    assert helped.x[0] == pytest.approx(plain.x[0], abs=0.002)


def test_nothing_is_counted_where_no_aperture_was_laid():
    got = measure_block(
        a_star()[None], [40.0], [16.0], LAID, masked=np.ones((1, 32, 32)), variance=[a_star() ** 2]
    )
    fluxes = got.fluxes
    assert got.flags.tolist() == [quality.NOT_IN_FOV | quality.APERTURE_OUT_OF_BOUNDS]
    assert (fluxes.masked_in_aperture[0], fluxes.masked_in_annulus[0]) == (0, 0)
    assert np.isnan([fluxes.net_error[0], fluxes.peak[0], fluxes.noise_pixels[0]]).all()


# ---- errors, peak, noise pixels ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("sky", "noisier"), [("mean", 1.0), ("median", math.sqrt(math.pi / 2)), ("mode", 2.4773)]
)
def test_the_error_against_photutils(sky, noisier):
    image, sigma = a_star(), np.random.default_rng(5).uniform(0.5, 4, (32, 32))
    flags, fluxes, centres = measured(image, sky=sky, variance=sigma[None] ** 2)
    assert flags == 0
    at = (centres.x[0], centres.y[0])
    table = aperture_photometry(image, CircularAperture(at, 3), error=sigma, method="exact")
    of_level = noisier * fluxes.sky_sigma[0] / math.sqrt(fluxes.sky_pixels[0])
    want = math.hypot(table["aperture_sum_err"][0], math.pi * 9 * of_level)
    assert fluxes.net_error[0] == pytest.approx(want, rel=1e-5)


def test_how_much_the_skys_levels_scatter():
    rng = np.random.default_rng(12)
    images = rng.normal(0, 1, size=(3000, 20, 20))
    at = np.full(len(images), 9.5)
    for name, noisier in (("mean", 1.0), ("median", 1.25), ("mode", 2.48)):
        levels = SKIES[name](images, at, at, Aperture(3, 3, 9))
        got = np.std(levels.level) * math.sqrt(np.mean(levels.pixels))
        assert got == pytest.approx(noisier, rel=0.06), name


def test_an_error_needs_every_variance_of_the_circle():
    variance = np.ones((1, 32, 32))
    variance[0, 24, 15] = np.nan  # in the annulus
    assert np.isfinite(measured(a_star(), variance=variance)[1].net_error[0])
    variance[0, 16, 14] = np.nan
    flags, fluxes, _ = measured(a_star(), variance=variance)
    assert flags == 0 and np.isfinite(fluxes.net[0]) and np.isnan(fluxes.net_error[0])


def test_peak_and_noise_pixels():
    image = a_star()
    image[3, 3] = 1e5  # far from the circle
    flags, fluxes, centres = measured(image)
    weights = overlap(centres.x[0], centres.y[0], 3)
    light = image - fluxes.sky[0]
    assert flags == 0
    assert fluxes.peak[0] == image[weights > 0].max() < 1e4
    want = np.sum(weights * light) ** 2 / np.sum(weights * light**2)
    assert fluxes.noise_pixels[0] == pytest.approx(want, rel=1e-10)
    # Of a Gaussian that is not cut, 4 pi sigma_x sigma_y.
    wide = measured(star_image(*AT, sky=0.0, amplitude=100.0), aperture=Aperture(7, 9, 14))[1]
    assert wide.noise_pixels[0] == pytest.approx(4 * math.pi * 0.9 * 0.8, rel=0.01)


def test_the_peak_is_known_where_a_hole_forbids_the_flux():
    image = a_star()
    image[16, 15] = np.nan
    flags, fluxes, _ = measured(image)
    assert flags == quality.NAN_IN_APERTURE
    assert fluxes.peak[0] == np.nanmax(image)


def test_shapes_that_do_not_belong_together():
    image = a_star()[None]
    centres = fit_centres(image, [15.0], [16.0])
    for more in ({"masked": image[0] > 0}, {"variance": image[:, :31]}):
        with pytest.raises(ValueError, match="mask or variances"):
            measure_fluxes(image, [15.0], [16.0], centres, LAID, **more)
    with pytest.raises(ValueError, match="mask or variances"):
        fit_centres(image, [15.0], [16.0], masked=image[0] > 0)
