"""The Gaussian centre, held against known stars and astropy's own model and fitter."""

from __future__ import annotations

import math
import warnings

import numpy as np
import pytest
from astropy.io import fits
from astropy.modeling.fitting import TRFLSQFitter
from astropy.modeling.models import Gaussian2D
from astropy.utils.exceptions import AstropyUserWarning

from iracdb.errors import UsageError
from iracdb.photometry.centre import CENTRES, FWHM_PER_SIGMA, GaussianCentre, centre_named

SHAPE = (32, 32)
ROWS, COLUMNS = np.mgrid[: SHAPE[0], : SHAPE[1]].astype(float)
gaussian = centre_named("gaussian")


def star(amplitude, x, y, sigma_x, sigma_y, angle):
    return Gaussian2D(amplitude, x, y, sigma_x, sigma_y, theta=angle)(COLUMNS, ROWS)


def find(image, x, y):
    return gaussian(np.array([image]), np.array([x], float), np.array([y], float))


def astropy_fit(image, start, x, y):
    """Fit the same box with another model, another algorithm and another start."""
    box = np.s_[int(y - 7) : int(y + 7), int(x - 7) : int(x + 7)]
    values = image[box]
    held = np.isfinite(values)
    columns, rows, values = COLUMNS[box][held], ROWS[box][held], values[held]
    model = TRFLSQFitter()(Gaussian2D(**start), columns, rows, values, maxiter=5000, acc=1e-12)
    return model, float(np.sum((model(columns, rows) - values) ** 2))


@pytest.mark.parametrize("angle", [-1.2, -math.pi / 4, 0.0, 0.6, math.pi / 2])
def test_a_noiseless_star_is_found_as_it_is(angle):
    found = find(star(250.0, 15.3, 14.8, 1.4, 0.8, angle), 16.0, 14.1)
    assert found.found.tolist() == [True]
    assert found.x[0] == pytest.approx(15.3, abs=1e-7)
    assert found.y[0] == pytest.approx(14.8, abs=1e-7)
    assert found.fwhm_wide[0] == pytest.approx(1.4 * 2.3548200450309493, rel=1e-7)
    assert found.fwhm_narrow[0] == pytest.approx(0.8 * 2.3548200450309493, rel=1e-7)
    assert found.amplitude[0] == pytest.approx(250.0, rel=1e-7)
    assert -math.pi / 2 < found.angle[0] <= math.pi / 2
    assert math.sin(found.angle[0] - angle) == pytest.approx(0, abs=1e-6)  # modulo half a turn
    assert found.residual_sum[0] < 1e-6


def test_the_wider_axis_comes_first_whichever_it_is():
    upright = find(star(100.0, 15.0, 15.0, 0.8, 1.4, 0.0), 15.2, 15.2)
    assert upright.fwhm_wide[0] > upright.fwhm_narrow[0]
    assert abs(upright.angle[0]) == pytest.approx(math.pi / 2, abs=1e-6)


def random_star(rng, kind):
    truth = {
        "amplitude": float(10 ** rng.uniform(0.7, 4)),
        "x_mean": float(rng.uniform(13, 18)),
        "y_mean": float(rng.uniform(13, 18)),
        "x_stddev": float(rng.uniform(0.9, 1.8)),
        "y_stddev": float(rng.uniform(0.9, 1.8)),
        "theta": float(rng.uniform(-1.5, 1.5)),
    }
    if kind == "edge":  # the whole box just on the array
        truth["x_mean"], truth["y_mean"] = 7.2, 24.7
    if kind == "faint":
        truth["amplitude"] = 4.0
    noise = 0.4 if kind == "faint" else 0.01 * truth["amplitude"]
    image = Gaussian2D(**truth)(COLUMNS, ROWS) + rng.normal(0, noise, SHAPE)
    if kind == "nan":
        image[rng.random(SHAPE) < 0.1] = np.nan
    return truth, image


@pytest.mark.parametrize("kind", ["plain", "edge", "faint", "nan"])
def test_no_other_fitter_finds_a_deeper_minimum(kind):
    rng = np.random.default_rng([len(kind), 2018])
    for _ in range(12):
        truth, image = random_star(rng, kind)
        x, y = truth["x_mean"] + 0.1, truth["y_mean"] - 0.1
        ours = find(image, x, y)
        model, theirs = astropy_fit(image, truth, x, y)
        assert ours.residual_sum[0] == pytest.approx(theirs, rel=1e-8)
        assert ours.x[0] == pytest.approx(model.x_mean.value, abs=2e-5)
        assert ours.y[0] == pytest.approx(model.y_mean.value, abs=2e-5)
        assert ours.amplitude[0] == pytest.approx(model.amplitude.value, rel=1e-4)
        widths = sorted([model.x_stddev.value, model.y_stddev.value])
        assert ours.fwhm_narrow[0] == pytest.approx(widths[0] * FWHM_PER_SIGMA, rel=1e-4)
        assert ours.fwhm_wide[0] == pytest.approx(widths[1] * FWHM_PER_SIGMA, rel=1e-4)


def undersampled_stars(path, rng, n):
    """Read the Science Center's point response function, five-times oversampled, at random."""
    with warnings.catch_warnings():
        # Two of the files have words after END.
        warnings.simplefilter("ignore", AstropyUserWarning)
        prf = np.pad(np.nan_to_num(fits.getdata(path).astype(float)), 100)
    row, column = np.unravel_index(prf.argmax(), prf.shape)
    for _ in range(n):
        i, j = rng.integers(-2, 3, size=2)
        image = prf[row + j - 75 : row + j + 85 : 5, column + i - 75 : column + i + 85 : 5]
        yield 1000 * image / image.max() + rng.normal(0, 10, SHAPE)


class OneStart(GaussianCentre):
    turns = (0.0,)


class EightStarts(GaussianCentre):
    turns = tuple(k * math.pi / 8 for k in range(8))


@pytest.mark.reference
@pytest.mark.parametrize("name", ["IRAC1", "IRAC2", "IRACPC1", "IRACPC2"])
def test_the_deeper_minimum_of_an_undersampled_star_is_found(reference, name):
    rng = np.random.default_rng(8)
    path = reference / "prf" / f"{name}_col129_row129.fits"
    images = np.array(list(undersampled_stars(path, rng, 100)))
    x, y = rng.uniform(14, 16, size=(2, 100))
    one, ours, eight = (find(images, x, y) for find in (OneStart(), gaussian, EightStarts()))
    np.testing.assert_allclose(ours.residual_sum, eight.residual_sum, rtol=1e-9)
    np.testing.assert_allclose([ours.x, ours.y], [eight.x, eight.y], rtol=0, atol=2e-6)
    trapped = np.flatnonzero(one.residual_sum > ours.residual_sum * (1 + 1e-6))
    assert len(trapped) < 20
    if name.endswith("2"):  # the turned starts are needed
        assert len(trapped) > 0
    for k in trapped:
        start = {
            "amplitude": ours.amplitude[k],
            "x_mean": ours.x[k],
            "y_mean": ours.y[k],
            "x_stddev": ours.fwhm_wide[k] / FWHM_PER_SIGMA,
            "y_stddev": ours.fwhm_narrow[k] / FWHM_PER_SIGMA,
            "theta": ours.angle[k],
        }
        _, theirs = astropy_fit(images[k], start, x[k], y[k])
        assert theirs == pytest.approx(ours.residual_sum[k], rel=1e-9)
        assert 0.001 < math.hypot(one.x[k] - ours.x[k], one.y[k] - ours.y[k]) < 0.2


def test_the_residual_sum_is_that_of_the_parameters():
    rng = np.random.default_rng(3)
    _, image = random_star(rng, "nan")
    found = find(image, 15.5, 15.5)
    sigmas = (found.fwhm_wide[0] / FWHM_PER_SIGMA, found.fwhm_narrow[0] / FWHM_PER_SIGMA)
    model = star(found.amplitude[0], found.x[0], found.y[0], *sigmas, found.angle[0])
    box = (model - image)[8:22, 8:22]
    assert np.nansum(box**2) == pytest.approx(found.residual_sum[0], rel=1e-12)


# `int` cuts towards zero: 6.5 - 7 is still column 0.
@pytest.mark.parametrize(
    ("expected", "found"),
    [(6.0, False), (6.001, True), (6.5, True), (7.0, True), (25.99, True), (26.0, False)],
)
@pytest.mark.parametrize("axis", [0, 1])
def test_a_box_that_leaves_the_array_has_no_centre(expected, found, axis):
    at = [15.5, 15.5]
    at[axis] = expected
    image = star(100.0, *at, 1.2, 1.1, 0.3)
    assert find(image, *at).found.tolist() == [found]


@pytest.mark.parametrize("position", [math.nan, math.inf, -math.inf, 1e300, -1e300])
def test_no_centre_at_a_position_that_is_none(position):
    image = star(100.0, 15.5, 15.5, 1.2, 1.1, 0.3)
    assert not find(image, position, 15.5).found[0]
    assert not find(image, 15.5, position).found[0]


def test_seven_finite_pixels_are_the_fewest():
    whole = star(100.0, 15.5, 15.5, 1.2, 1.1, 0.3)
    flat = np.full(SHAPE, np.nan)
    bright = np.argsort(whole, axis=None)[::-1]
    flat.flat[bright[:6]] = whole.flat[bright[:6]]
    missing = find(flat, 15.5, 15.5)
    for name in ("x", "y", "fwhm_wide", "fwhm_narrow", "amplitude", "angle", "residual_sum"):
        assert np.isnan(getattr(missing, name)).all()
    flat.flat[bright[6]] = whole.flat[bright[6]]
    assert find(flat, 15.5, 15.5).found[0]


def test_infinite_pixels_are_left_out_like_nan():
    _, image = random_star(np.random.default_rng(5), "plain")
    with_nan, with_inf = image.copy(), image.copy()
    with_nan[14, 15] = np.nan
    with_inf[14, 15] = np.inf
    assert find(with_nan, 15, 15).x[0] == find(with_inf, 15, 15).x[0]


@pytest.mark.parametrize("scale", [0.0, 1e-300, 1e-30, 1.0, 1e30, 1e200])
def test_hopeless_images_end_in_finite_numbers_or_in_none(scale):
    rng = np.random.default_rng(13)
    noise = scale * rng.normal(size=(6, *SHAPE))
    spike = np.zeros((1, *SHAPE))
    spike[0, 15, 15] = scale
    images = np.concatenate([noise, spike, np.full((1, *SHAPE), -scale)])
    found = gaussian(images, np.full(8, 15.3), np.full(8, 15.6))
    table = np.array([found.x, found.y, found.fwhm_wide, found.fwhm_narrow, found.residual_sum])
    assert np.array_equal(np.isfinite(table).all(axis=0), found.found)
    assert np.array_equal(np.isnan(table).any(axis=0), ~found.found)
    held = found.found
    assert (found.fwhm_wide[held] >= found.fwhm_narrow[held]).all()
    assert (np.abs(found.angle[held]) <= math.pi / 2).all()


def test_names():
    assert CENTRES["gaussian"] is gaussian
    with pytest.raises(UsageError, match="'navel'; there are: gaussian"):
        centre_named("navel")
