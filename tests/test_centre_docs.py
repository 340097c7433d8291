"""The page's tables of centres: simulated stars, and how far the centres differ on real ones."""

from __future__ import annotations

import csv
from collections import defaultdict

import numpy as np
import pytest
from astropy.io import fits
from centre_tables import ACCURACY, FAINT_TITLES, accuracy, errors, faint, stars
from docs_helpers import table, text_of

from iracdb.photometry.centre import CENTRES
from iracdb.photometry.planes import STEADY_MEDIAN, reduce
from iracdb.photometry.response import response_factors

PAGE = text_of("docs/measuring.md")


def numbers(cells):
    """Give the numbers of some cells; what is no number is NaN."""
    parts = [part for cell in cells for part in (cell or "nan").replace("/", " ± ").split(" ± ")]
    return np.array([float(part) for part in parts])


def test_the_table_of_simulated_stars_is_true():
    told, found = table(PAGE, *ACCURACY), list(accuracy())
    assert [row[:3] for row in told] == [row[:3] for row in found]
    assert len(told) == 12
    for row, other in zip(told, found, strict=True):
        assert abs(numbers(row[3:]) - numbers(other[3:])).max() < 0.0015  # rounded
        means, scatters = numbers(other[3:]).reshape(-1, 2).T
        assert abs(means).max() < 0.003
        assert scatters.max() < 0.07
        assert scatters[2:4].max() < 0.036  # the moment


def test_the_table_of_faint_stars_is_true():
    told, found = table(PAGE, *FAINT_TITLES), list(faint())
    for row, other in zip(told, found, strict=True):
        assert row[0] == other[0]
        ours, theirs = numbers(row[1:]), numbers(other[1:])
        np.testing.assert_allclose(ours[3:], theirs[3:], rtol=0, atol=0.015)
        # Where a Gaussian ends in noise is decided by rounding, on each machine in its own way.
        np.testing.assert_allclose(ours[:3], theirs[:3], rtol=0, atol=2)


def test_the_error_of_a_bright_star_is_the_same_on_both_sides_of_the_pixel():
    images, truth, _ = stars(1, "warm", "full")
    off = errors(images, truth, truth)
    for both in off.values():
        grid = both.reshape(2, 5, 5)
        assert abs(grid[0] + grid[0][:, ::-1]).max() < 0.02
        assert abs(grid[1] + grid[1][::-1, :]).max() < 0.02


@pytest.fixture(scope="module")
def centres(reference):
    """The three centres on real stars, by channel and AOR: x and y, (2, n)."""
    places = {}
    with (reference / "original_pipeline_photometry.csv").open() as text:
        for row in csv.DictReader(text):
            if row["xc"] not in ("", "nan") and row["bad_center_guess"] == "N":
                places[row["file"]] = (float(row["xc"]), float(row["yc"]))
    blocks = defaultdict(list)
    for path in sorted((reference / "archive").rglob("*_bcd.fits")):
        if path.name in places and "_I1_" not in path.name:
            image = reduce(fits.getdata(path).astype(float), STEADY_MEDIAN).images[0]
            blocks[path.name.split("_")[2], path.parts[-3]].append((image, places[path.name]))
    found = {}
    for (aor, channel), frames in blocks.items():
        images, (x, y) = np.array([f[0] for f in frames]), np.array([f[1] for f in frames]).T
        by_name = {name: find(images, x, y) for name, find in CENTRES.items()}
        found[aor, channel[2:]] = {n: np.array([c.x, c.y]) for n, c in by_name.items()}
    return found


def differences(centres):
    """Rows of the page's table of real frames."""
    rows = []
    for (aor, channel), places in sorted(centres.items()):
        factors = {
            name: response_factors(*place, 1, mission="warm", array_location=False)[1]
            for name, place in places.items()
        }
        row = [aor, channel]
        for name in ("moment", "quadratic"):
            apart = np.median(places[name] - places["gaussian"], axis=1)
            moved = np.median(abs(factors[name] / factors["gaussian"] - 1))
            row += [f"{apart[0]:+.3f}", f"{apart[1]:+.3f}", f"{100 * moved:.2f}"]
        rows.append(row)
    return rows


@pytest.mark.reference
def test_the_table_of_real_stars_is_true(centres):
    told = table(PAGE, "AOR", "channel", "moment - gaussian x")
    found = differences(centres)
    assert [row[:2] for row in told] == [row[:2] for row in found]
    for row, other in zip(told, found, strict=True):
        np.testing.assert_allclose(numbers(row[2:]), numbers(other[2:]), rtol=0, atol=0.006)


@pytest.mark.reference
def test_real_centres_differ_by_a_tenth_of_a_pixel(centres):
    for places in centres.values():
        assert all(np.isfinite(place).all() for place in places.values())
        # The star stays where it is, so that the difference is the phase's and not the noise's.
        assert (places["moment"] - places["gaussian"]).std(axis=1).max() < 0.03
    worst = max(abs(p["moment"][0] - p["gaussian"][0]).max() for p in centres.values())
    assert 0.1 < worst < 0.15


@pytest.mark.reference
def test_a_tenth_of_a_pixel_moves_the_channel_1_factor_by_two_per_cent(centres):
    """Wherever within its pixel a star falls, shifted as far as the real centres are apart."""
    phases = np.arange(-0.5, 0.5, 0.01)
    x, y = (axis.ravel() for axis in np.meshgrid(100 + phases, 100 + phases))
    worst = 0.0
    for places in centres.values():
        dx, dy = np.median(places["moment"] - places["gaussian"], axis=1)
        one, other = (
            response_factors(x + k * dx, y + k * dy, 1, mission="warm", array_location=False)[1]
            for k in (0, 1)
        )
        worst = max(worst, abs(other / one - 1).max())
    assert 0.015 < worst < 0.025
