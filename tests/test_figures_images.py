"""Figures of images: what they show against plain sums over the database's rows, and how they look.

Stored pictures lie in ``tests/figures``. They are made again, where a figure is meant to look
otherwise, by ``IRACDB_NEW_FIGURES=1 python -m pytest tests/test_figures_images.py -k stored``: look
at each before it is committed.
"""

from __future__ import annotations

import io
import math
import os
import statistics
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from astropy.stats import mad_std
from astropy.table import QTable
from matplotlib.axes import Axes
from matplotlib.testing.compare import compare_images
from PIL import Image
from published_helpers import copy_run
from run_helpers import averages, images, write_frames

from iracdb import Catalogue
from iracdb.irac.simulate import FrameSpec
from iracdb.photometry.response import response_factors
from iracdb.report import drawing
from iracdb.report.figures import binning, residuals
from iracdb.report.points import robust_range
from iracdb.report.registry import figure_named
from iracdb.report.style import REJECTED, look, new_figure
from iracdb.report.subject import Subject
from iracdb.report.worked_out import robust_sigma, slope
from iracdb.runs.results import Run

NAMES = (
    "lightcurve", "timeseries", "centres", "pixel-phase", "array-location", "residuals", "binning",
)  # fmt: skip
STORED = Path(__file__).parent / "figures"
TOLERANCE = 5.0
WARM, CRYO, DITHERED, ALONE, EDGE = (91_000_000 + 256 * n for n in range(5))
STAR = "SIM PHASE"


def frames() -> list[FrameSpec]:
    """Cubes of both missions, a star dithered over the array, one image, one without a flux."""
    star = {"channel": 2, "target": STAR, "flux_mjy": 100.0, "frame_time": 0.4}
    cubes = [
        FrameSpec(
            **star, aorkey=WARM, dcenum=n, mjd=56000 + n * 4e-4, subarray=True,
            x=15.1 + 0.2 * n, y=14.8 + 0.1 * n, offset=(0.1, -0.05),
            plane_flux={27: 1.3, 40: 0.75} if n == 1 else {},
        )
        for n in range(3)
    ]  # fmt: skip
    cold = FrameSpec(**star, aorkey=CRYO, mjd=53500.0, subarray=True, x=15.4, y=15.2)
    dithers = [
        FrameSpec(
            **star, aorkey=DITHERED, dcenum=n, mjd=56002 + n * 1e-3, x=30.2 + 22.3 * n,
            y=220.4 - 19.7 * n,
        )
        for n in range(10)
    ]  # fmt: skip
    alone = FrameSpec(channel=2, aorkey=ALONE, mjd=56003.0, target="SIM ALONE", ra=271.0)
    edge = FrameSpec(channel=2, aorkey=EDGE, mjd=56004.0, target="SIM EDGE", ra=272.0, x=0.4)
    return [*cubes, cold, *dithers, alone, edge]


@pytest.fixture(scope="module")
def catalogue(
    module_database: Any, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Catalogue]:
    """Runs over simulated frames; and one of 2018, where the reference data are."""
    folder = tmp_path_factory.mktemp("figures")
    write_frames(folder / "archive", *frames())
    url = module_database.url
    location = (
        str(url.database)
        if module_database.dialect == "sqlite"
        else url.render_as_string(hide_password=False)
    )
    how: dict[str, Any] = {"radius": (3, 3, 7), "planes": "each", "rejection": "mad:5"}
    how["centre"] = "moment"
    with Catalogue(location) as opened:
        opened.ingest(folder / "archive")
        opened.run(1, name="simulated", aors=[WARM, CRYO, DITHERED], **how)
        opened.run(2, name="alone", aors=[ALONE], **how)
        opened.run(3, name="edge", aors=[EDGE], **how)
        opened.run(4, name="everything", **how)
        opened.run(5, name="plain", aors=[WARM], pixel_phase=False, array_location=False, **how)
        yield opened


@pytest.fixture(scope="module")
def with_published(
    catalogue: Catalogue, reference: Path, tmp_path_factory: pytest.TempPathFactory
) -> Catalogue:
    folder = tmp_path_factory.mktemp("published")
    for name in ("hd_cryo_final", "run13"):
        copy_run(reference / "published_runs", folder, name, None if name != "run13" else "old13")
    catalogue.import_runs(folder)
    return catalogue


def subject(catalogue: Catalogue, name: str | int, **which: Any) -> Subject:
    return Subject(catalogue._database, (Run(catalogue._database, name),), **which)


def made(catalogue: Catalogue, figure: str, name: str | int = "simulated", **which: Any) -> QTable:
    return drawing.gather(figure_named(figure), subject(catalogue, name, **which))


def drawn(figure: str, table: QTable) -> list[Axes]:
    with look():
        asked = figure_named(figure)
        result = asked.module.draw(table, new_figure(asked.size)[1])
    return result if isinstance(result, list) else [result]


def points(ax: Axes, beginning: str) -> np.ndarray:
    """x and y of all points whose kind begins so."""
    found = [
        np.asarray(one.lines[0].get_xydata())
        for one in ax.containers
        if hasattr(one, "lines") and str(one.get_label()).startswith(beginning)
    ]
    found += [
        np.asarray(one.get_xydata())
        for one in ax.lines
        if str(one.get_label()).startswith(beginning)
    ]
    return np.concatenate(found) if found else np.empty((0, 2))


def same(ax_points: np.ndarray, x: np.ndarray, y: np.ndarray) -> bool:
    expected = np.column_stack([x, y])
    expected = expected[np.isfinite(expected).all(axis=1)]
    order = lambda rows: rows[np.lexsort(rows.T)]  # noqa: E731
    return ax_points.shape == expected.shape and np.allclose(
        order(ax_points), order(expected), rtol=1e-12
    )


class Rows:
    """A run's images as the database holds them, as plain arrays, in the order of time."""

    def __init__(self, catalogue: Catalogue, name: str = "simulated") -> None:
        run = Run(catalogue._database, name)
        rows = sorted(images(catalogue, run), key=lambda row: row["bjd_mid"])
        self.rows = rows
        self.kept = np.array([bool(row["kept"]) for row in rows])
        self.aor = np.array([row["aorkey"] for row in rows])
        self.flux = self["corrected"] * self["aperture_correction"] * (
            self["pixel_size"] / 206265
        ) ** 2 * 1e9  # fmt: skip
        self.average = {row["aorkey"]: row["flux"] for row in averages(catalogue, run)}

    def __getitem__(self, name: str) -> np.ndarray:
        return np.array([np.nan if row[name] is None else row[name] for row in self.rows], float)

    @property
    def residual(self) -> np.ndarray:
        return (self.flux / np.array([self.average[one] for one in self.aor]) - 1) * 100

    def over_median(self, flux: np.ndarray) -> np.ndarray:
        groups = np.array([row["frame_group"] for row in self.rows])
        medians = {
            one: statistics.median(self.flux[(groups == one) & self.kept]) for one in set(groups)
        }
        return flux / np.array([medians[one] for one in groups])


def number(table: QTable, *words: str) -> float:
    """Give the one number whose sentence holds all these words."""
    (found,) = [
        value
        for sentence, value in table.meta["numbers"].items()
        if all(word in sentence for word in words)
    ]
    return found


# ---- numbers against an independent witness ------------------------------------------------------


def test_the_simulated_run_is_what_the_figures_need(catalogue: Catalogue) -> None:
    rows = Rows(catalogue)
    assert len(rows.kept) == 4 * 50 + 10
    assert 2 <= (~rows.kept & np.isfinite(rows.flux)).sum() < 20
    assert np.isnan(Rows(catalogue, "edge").flux).all()
    assert np.isfinite(Rows(catalogue, "alone").flux).sum() == 1


def test_residuals_are_about_the_averages_of_the_database(catalogue: Catalogue) -> None:
    rows, table = Rows(catalogue), made(catalogue, "residuals")
    assert table["residual"].value == pytest.approx(rows.residual, rel=1e-7, abs=1e-9, nan_ok=True)
    assert list(table["counted"]) == list(rows.kept)
    mine = rows.residual[rows.kept]
    assert number(table, "robust sigma (1.4826 MAD)") == pytest.approx(mad_std(mine), rel=1e-5)
    assert number(table, "number of images") == rows.kept.sum()
    far = np.abs(mine - np.median(mine)) > 3 * mad_std(mine)
    assert number(table, "per cent of all") == pytest.approx(100 * far.mean())
    assert number(table, "normal distribution") == pytest.approx(
        100 * math.erfc(3 / math.sqrt(2)), rel=1e-4
    )


def test_bins_by_hand(catalogue: Catalogue) -> None:
    rows, table = Rows(catalogue), made(catalogue, "binning")
    series = [rows.residual[(rows.aor == one) & rows.kept] for one in (WARM, CRYO, DITHERED)]
    for row in table:
        size = int(row["bin_size"])
        deviations, bins, used, singles, freedom = [], 0, 0, [], 0
        for one in series:
            means = [
                statistics.fmean(one[at : at + size]) for at in range(0, len(one) - size + 1, size)
            ]
            if len(means) > 1:
                deviations += [mean - statistics.fmean(means) for mean in means]
                singles += [value - statistics.fmean(one) for value in one]
                bins, used, freedom = bins + len(means), used + 1, freedom + len(one) - 1
        assert (row["bins"], row["series"]) == (bins, used)
        scatter = math.sqrt(sum(one**2 for one in deviations) / (bins - used))
        assert row["scatter"].value == pytest.approx(scatter, rel=1e-6)
        expected = math.sqrt(sum(one**2 for one in singles) / freedom / size)
        assert row["expected"].value == pytest.approx(expected, rel=1e-6)
    assert list(table["bin_size"][:4]) == [1, 2, 3, 4]
    assert table["bin_size"][-1] > 30
    assert number(table, "single images") == pytest.approx(table["scatter"][0].value)
    assert number(table, "largest bins") == pytest.approx(
        float(table["scatter"][-1] / table["expected"][-1])
    )


def test_no_bin_holds_images_of_two_averages() -> None:
    flat = [np.full(8, 1.0), np.full(9, 5.0), np.full(1, 9.0)]
    assert binning.scatter_of_bins(flat, 2) == (0.0, 8, 2)
    assert math.isnan(binning.scatter_of_bins(flat, 5)[0])
    noise = np.random.default_rng(3).normal(size=(4, 8192))
    for size in (1, 4, 16, 64):
        found, bins, _ = binning.scatter_of_bins(list(noise), size)
        assert found * math.sqrt(size) == pytest.approx(1, abs=4 / math.sqrt(2 * bins))
    assert binning.bin_sizes(0) == []
    assert binning.bin_sizes(1) == [1]
    assert binning.bin_sizes(16)[-1] == 8


def test_pixel_phase_before_and_after(catalogue: Catalogue) -> None:
    rows, table = Rows(catalogue), made(catalogue, "pixel-phase")
    after = rows.over_median(rows.flux)
    before = after * rows["pixel_phase_factor"]
    distance = np.hypot(rows["x"] - np.rint(rows["x"]), rows["y"] - np.rint(rows["y"]))
    assert np.allclose(table["distance"].value, distance, equal_nan=True)
    assert np.allclose(table["before"], before, equal_nan=True)
    assert np.allclose(table["after"], after, equal_nan=True)
    for name, shown in (("before", before), ("after", after)):
        line = np.polyfit(distance[rows.kept], shown[rows.kept], 1)
        assert number(table, "slope", name) == pytest.approx(100 * line[0], rel=1e-6)
        spread = 100 * mad_std(shown[rows.kept])
        assert number(table, "robust sigma", name) == pytest.approx(spread, rel=1e-5)
    assert number(table, "robust sigma", "before") > number(table, "robust sigma", "after")


def test_the_model_is_what_the_run_divided_by(catalogue: Catalogue) -> None:
    rows, table = Rows(catalogue), made(catalogue, "pixel-phase")
    models = {model["tables"]: model for model in table.meta["models"]}
    assert set(models) == {"cryo", "warm"}
    distance = np.hypot(rows["x"] - np.rint(rows["x"]), rows["y"] - np.rint(rows["y"]))
    cold = np.array([row["mission"] == "CRYO" for row in rows.rows])
    for name, mine in (("cryo", cold), ("warm", ~cold)):
        model, known = models[name], mine & np.isfinite(rows["pixel_phase_factor"])
        at, factor = distance[known], rows["pixel_phase_factor"][known]
        lowest = np.interp(at, model["distance"], model["lowest"])
        highest = np.interp(at, model["distance"], model["highest"])
        assert known.sum() >= 50
        assert (factor > lowest - 3e-4).all()
        assert (factor < highest + 3e-4).all()
        middle = response_factors(7, 7, 2, mission=name, array_location=False)[1]
        assert model["mean"][0] == pytest.approx(float(middle))
        assert model["distance"][-1] == pytest.approx(math.sqrt(0.5))
    plain = made(catalogue, "pixel-phase", "plain")
    assert plain.meta["models"] == []
    assert plain.meta["notes"] == ["The run did not correct for the pixel phase"]


def test_the_place_on_the_array_before_and_after(catalogue: Catalogue) -> None:
    rows, table = Rows(catalogue), made(catalogue, "array-location")
    part = np.array([row["read_mode"] == "SUB" for row in rows.rows])
    assert part.sum() == 200
    x, y = rows["x"] + 8 * part, rows["y"] + 216 * part
    assert np.allclose(table["array_x"].value, x, equal_nan=True)
    assert np.allclose(table["array_y"].value, y, equal_nan=True)
    after = rows.over_median(rows.flux)
    before = after * rows["array_location_factor"]
    for name, shown in (("before", before), ("after", after)):
        assert np.allclose(table[name], shown, equal_nan=True)
        for axis, place in (("x", x), ("y", y)):
            line = np.polyfit(place[rows.kept], shown[rows.kept], 1)
            found = number(table, f"slope against {axis} ", name)
            assert found == pytest.approx(1e4 * line[0], rel=1e-6)
        spread = 100 * mad_std(shown[rows.kept])
        assert number(table, "robust sigma", name) == pytest.approx(spread, rel=1e-5)


def test_centres_and_the_places_expected(catalogue: Catalogue) -> None:
    rows, table = Rows(catalogue), made(catalogue, "centres")
    for axis, pointing in (("x", 0.1), ("y", -0.05)):
        offset = (rows[axis] - rows[f"{axis}_wcs"])[rows.kept]
        assert number(table, f"median in {axis}") == pytest.approx(np.median(offset), rel=1e-9)
        assert number(table, f"sigma (1.4826 MAD) in {axis}") == pytest.approx(
            mad_std(offset), rel=1e-5
        )
        warm = table["aorkey"] == WARM
        found = np.median(table[f"offset_{axis}"][warm].value)
        assert found == pytest.approx(pointing, abs=0.02)
    assert number(table, "number of centres") == np.isfinite(rows["x"]).sum()


def test_rows_of_the_time_series(catalogue: Catalogue) -> None:
    rows, table = Rows(catalogue), made(catalogue, "timeseries")
    assert np.array_equal(table["time"].value, rows["bjd_mid"])
    told = {"flux density": rows.flux, "x of the": rows["x"], "y of the": rows["y"]}
    told |= {"maximum in x": rows["fwhm_x"], "maximum in y": rows["fwhm_y"]}
    for words, values in told.items():
        mine = values[rows.kept]
        assert number(table, "median", words) == pytest.approx(statistics.median(mine), rel=1e-9)
        assert number(table, "robust sigma", words) == pytest.approx(mad_std(mine), rel=1e-5)


def test_numbers_of_the_light_curve(catalogue: Catalogue) -> None:
    table, rows = made(catalogue, "lightcurve"), Rows(catalogue)
    fluxes = list(rows.average.values())
    assert number(table, "median flux") == pytest.approx(statistics.median(fluxes), rel=1e-12)
    assert number(table, "robust sigma") == pytest.approx(
        100 * mad_std(fluxes) / statistics.median(fluxes), rel=1e-5
    )
    one = made(catalogue, "lightcurve", aors=(WARM,))
    mine = rows.flux[(rows.aor == WARM) & rows.kept]
    assert number(one, "number of images") == len(mine)
    assert number(one, "median flux") == pytest.approx(np.median(mine), rel=1e-9)


def test_spreads_and_slopes_of_too_little() -> None:
    assert math.isnan(robust_sigma([np.nan]))
    assert robust_sigma([4.0]) == 0
    assert math.isnan(slope(np.array([1.0, 2.0, np.nan]), np.array([1.0, 2.0, 3.0])))
    assert math.isnan(slope(np.ones(5), np.arange(5.0)))
    assert slope(np.arange(5.0), 3 - 2 * np.arange(5.0)) == pytest.approx(-2)


# ---- what is drawn is what the table says --------------------------------------------------------


def test_points_of_the_light_curve(catalogue: Catalogue) -> None:
    table = made(catalogue, "lightcurve", aors=(WARM,))
    (ax,) = drawn("lightcurve", table)
    kept, flux = np.asarray(table["kept"], bool), table["flux"].value
    time = table["time"].value - np.floor(table["time"].value.min())
    assert same(points(ax, "kept"), time[kept], flux[kept])
    assert same(points(ax, "left out"), time[~kept], flux[~kept])
    (out,) = [one for one in ax.containers if one.get_label().startswith("left out")]
    (inside,) = [one for one in ax.containers if one.get_label().startswith("kept")]
    assert out.lines[0].get_color() == REJECTED
    assert out.lines[0].get_marker() != inside.lines[0].get_marker()
    bars = np.array([segment[:, 1] for segment in inside.lines[2][0].get_segments()])
    assert np.allclose(bars[:, 1] - bars[:, 0], 2 * table["flux_err"].value[kept])
    # Those of 30 and of 25 per cent are far out: arrows at the edge, counted on the axes.
    arrows = [one for one in ax.lines if one.get_label() == "_beyond"]
    assert {one.get_marker() for one in arrows} == {"^", "v"}
    assert any(text.get_text() == "2 beyond the axes" for text in ax.texts)
    low, high = ax.get_ylim()
    assert high - low < 0.4 * (flux.max() - flux.min())
    assert "[days]" in ax.get_xlabel()
    assert "BJD" in ax.get_xlabel()
    assert "mJy" in ax.get_ylabel()


def test_averages_of_both_missions_are_told_apart(catalogue: Catalogue) -> None:
    table = made(catalogue, "lightcurve")
    (ax,) = drawn("lightcurve", table)
    cold = table["mission"] == "CRYO"
    time = table["time"].value - np.floor(table["time"].value.min())
    assert same(points(ax, "cryogenic"), time[cold], table["flux"].value[cold])
    assert same(points(ax, "warm"), time[~cold], table["flux"].value[~cold])
    styles = {(one.lines[0].get_marker(), one.lines[0].get_color()) for one in ax.containers}
    assert len(styles) == 2
    for less, error, said in (
        (0, "standard_error", "error of the mean"),
        (1, "error", "deviation"),
    ):
        shown = table.copy()
        shown.remove_columns(["standard_error"][:less])
        (drawn_anew,) = drawn("lightcurve", shown)
        segments = [s for one in drawn_anew.containers for s in one.lines[2][0].get_segments()]
        halves = sorted(float(np.ptp(one[:, 1])) / 2 for one in segments)
        assert halves == pytest.approx(sorted(table[error].value), rel=1e-9)
        assert any(said in text.get_text() for text in drawn_anew.texts)
    (several,) = drawn("lightcurve", made(catalogue, "lightcurve", "everything"))
    assert "over" in several.get_ylabel()
    assert len({one.lines[0].get_marker() for one in several.containers}) == 2
    assert len(points(several, "no flux")) == 1


def test_points_of_the_other_figures(catalogue: Catalogue) -> None:
    table = made(catalogue, "timeseries")
    time = table["time"].value - np.floor(table["time"].value.min())
    kept = np.asarray(table["kept"], bool)
    rows = drawn("timeseries", table)
    for ax, name in zip(rows, ("flux", "x", "y", "fwhm_x", "fwhm_y"), strict=True):
        assert same(points(ax, "kept"), time[kept], table[name].value[kept])
    assert rows[0].get_xlim() == rows[4].get_xlim()
    phase = made(catalogue, "pixel-phase")
    for ax, name in zip(drawn("pixel-phase", phase), ("before", "after"), strict=True):
        assert same(points(ax, "kept"), phase["distance"].value[kept], phase[name][kept])
        if name == "before":
            model = phase.meta["models"][0]
            assert same(points(ax, "response, cryo"), model["distance"], model["mean"])
    place = made(catalogue, "array-location")
    four = drawn("array-location", place)
    for at, (name, axis) in enumerate((a, b) for a in ("before", "after") for b in "xy"):
        across = place[f"array_{axis}"].value
        assert same(points(four[at], "kept"), across[kept], place[name][kept])
        if name == "before":
            factor = place["array_location_factor"]
            assert same(points(four[at], "response"), across, factor)
    bins = made(catalogue, "binning")
    (ax,) = drawn("binning", bins)
    assert same(points(ax, "bins of"), bins["bin_size"], bins["scatter"].value)
    assert same(points(ax, "uncorrelated"), bins["bin_size"], bins["expected"].value)


def test_centres_are_drawn_where_the_table_says(catalogue: Catalogue) -> None:
    table = made(catalogue, "centres")
    detector, _ = drawn("centres", table)
    kept, part = np.asarray(table["kept"], bool), table["read_mode"] == "SUB"
    x, y = table["x"].value + 8 * part, table["y"].value + 216 * part
    assert same(points(detector, "kept"), x[kept], y[kept])
    assert {one.get_width() for one in detector.patches} == {256, 32}
    alone = made(catalogue, "centres", aors=(WARM,))
    detector, near = drawn("centres", alone)
    kept = np.asarray(alone["kept"], bool)
    for ax in (detector, near):
        assert same(points(ax, "kept"), alone["x"].value[kept], alone["y"].value[kept])
        assert same(points(ax, "expected"), alone["x_wcs"].value, alone["y_wcs"].value)
    assert [one.get_width() for one in detector.patches] == [32]
    dithered = made(catalogue, "centres", aors=(DITHERED,))
    _, near = drawn("centres", dithered)
    offsets = dithered["offset_x"].value, dithered["offset_y"].value
    assert same(points(near, "kept"), *offsets)
    assert "expected" in near.get_xlabel()


def test_bars_of_the_histogram(catalogue: Catalogue) -> None:
    table = made(catalogue, "residuals")
    (ax,) = drawn("residuals", table)
    left, kept = ax.containers
    edges = [bar.get_x() for bar in kept] + [kept[-1].get_x() + kept[-1].get_width()]
    residual, counts = table["residual"].value, np.asarray(table["counted"], bool)
    for bars, mine in ((kept, counts), (left, ~counts)):
        expected = np.histogram(residual[mine], bins=edges)[0]
        assert [bar.get_height() for bar in bars] == list(expected)
    (curve,) = [one for one in ax.lines if one.get_label().startswith("normal")]
    x, y = curve.get_xydata().T
    sigma = table.meta["numbers"][residuals.SIGMA]
    assert f"{sigma:.3g}" in curve.get_label()
    assert np.trapezoid(y, x) == pytest.approx(counts.sum() * (edges[1] - edges[0]), rel=1e-3)
    half = x[y > y.max() / 2]
    assert half[-1] - half[0] == pytest.approx(2.3548 * sigma, rel=0.03)


def test_a_robust_range() -> None:
    values = np.concatenate([np.random.default_rng(1).normal(10, 1, 100), [1000, -1000, np.nan]])
    low, high = robust_range(values)
    assert 5 < low < 8
    assert 12 < high < 15
    errors = np.where(np.arange(103) == 50, 1e6, 0.5)  # one bar must not squeeze the rest either
    assert low - 1 < robust_range(values, errors)[0] < low
    assert high < robust_range(values, errors)[1] < high + 2
    places = np.repeat([10.0, 100.0, 200.0], [60, 20, 20])  # no outliers: the star was moved
    low, high = robust_range(places)
    assert low < 10
    assert high > 200
    assert robust_range(np.array([5.0])) == pytest.approx((4.95, 5.05))
    assert robust_range(np.zeros(3)) == (-1, 1)


# ---- whatever a run tells ------------------------------------------------------------------------


def draws(catalogue: Catalogue) -> bool:
    """Whether to draw: what is drawn hangs on the table alone, not on the kind of database."""
    return catalogue._database.dialect == "sqlite"


def rendered(figure: str, table: QTable) -> list[Axes]:
    """Draw to the pixels, but leave panels where they are: to make room for words takes longest.

    Room is made for those that are drawn as `iracdb plot` draws them, and for stored pictures.
    """
    with look():
        asked = figure_named(figure)
        made_figure, ax = new_figure(asked.size)
        made_figure.set_layout_engine("none")
        result = asked.module.draw(table, ax)
        made_figure.canvas.draw()
    assert np.ptp(np.asarray(made_figure.canvas.buffer_rgba())) > 0
    return result if isinstance(result, list) else [result]


@pytest.mark.parametrize("figure", NAMES)
def test_each_figure_of_all_that_there_is(catalogue: Catalogue, figure: str) -> None:
    table = made(catalogue, figure, "everything")
    if draws(catalogue):
        assert len(drawing.picture(figure_named(figure), table, dpi=40)) > 2000


@pytest.mark.parametrize("figure", NAMES)
def test_a_figure_is_drawn_from_its_file_as_well(catalogue: Catalogue, figure: str) -> None:
    table = made(catalogue, figure)
    again = QTable.read(drawing.table_text(table).decode(), format="ascii.ecsv")
    if not draws(catalogue):
        assert again.colnames == table.colnames
        return
    for one, other in zip(drawn(figure, again), drawn(figure, table), strict=True):
        assert same(points(one, ""), *points(other, "").T)
        assert one.get_title(loc="left") == other.get_title(loc="left")


# What was not corrected for shows in these two; in the others it is a run over one AOR.
UNCORRECTED = ("pixel-phase", "array-location")


@pytest.mark.parametrize("figure", NAMES)
@pytest.mark.parametrize("name", ["alone", "edge", "plain"])
def test_each_figure_of_each_run(catalogue: Catalogue, figure: str, name: str) -> None:
    table = made(catalogue, figure, name)
    if draws(catalogue) and (name != "plain" or figure in UNCORRECTED):
        rendered(figure, table)


@pytest.mark.parametrize("figure", NAMES)
def test_each_figure_of_one_aor_and_of_one_target(catalogue: Catalogue, figure: str) -> None:
    table = made(catalogue, figure, "everything", aors=(DITHERED, CRYO))
    if draws(catalogue):
        rendered(figure, table)
    # All that shows the star is the run over the AORs of the star.
    star, simulated = made(catalogue, figure, "everything", target=STAR), made(catalogue, figure)
    assert star.colnames == simulated.colnames
    for name in set(star.colnames) - {"row", "image"}:
        assert list(star[name].astype(str)) == list(simulated[name].astype(str)), name
    assert star.meta["numbers"] == simulated.meta["numbers"]


@pytest.mark.parametrize("figure", NAMES)
@pytest.mark.parametrize("name", ["old13", "hd_cryo_final"])
def test_each_figure_of_a_published_run(with_published: Catalogue, figure: str, name: str) -> None:
    table = made(with_published, figure, name)
    if draws(with_published):
        rendered(figure, table)


def test_what_a_published_run_does_not_tell(with_published: Catalogue) -> None:
    table = made(with_published, "pixel-phase", "hd_cryo_final")
    assert "after" not in table.colnames
    assert any("which images it kept" in note for note in table.meta["notes"])
    before, after = drawn("pixel-phase", table)
    assert not after.axison
    assert "response's factors" in after.texts[0].get_text().replace("\n", " ")
    assert len(points(before, "measured")) == np.isfinite(table["before"]).sum() > 400
    (line,) = [one.lines[0] for one in before.containers]
    assert line.get_rasterized()
    flux = table["flux"].value
    counted = made(with_published, "residuals", "hd_cryo_final")
    mine = np.asarray(counted["counted"], bool)
    for key in sorted(set(counted["aorkey"]))[:20]:
        one = np.asarray(counted["aorkey"] == key) & np.isfinite(flux)
        if one.any():
            far = np.abs(flux - np.median(flux[one])) > 5.0 * 1.4826 / 1.482602218 * mad_std(
                flux[one]
            )
            assert list(mine[one]) == list(~far[one])


@pytest.mark.parametrize("figure", NAMES)
def test_a_missing_column_is_told_and_no_fault(catalogue: Catalogue, figure: str) -> None:
    table = made(catalogue, figure)
    if not draws(catalogue):
        return
    columns = {"time", "flux", "flux_err", "relative", "x", "y", "x_wcs", "fwhm_x", "before"}
    columns |= {"after", "distance", "residual", "scatter", "expected", "array_x", "offset_x"}
    columns |= {"error" if figure == "lightcurve" else "array_location_factor"}
    for name in sorted(columns & set(table.colnames)):
        less = table.copy()
        less.remove_column(name)
        drawn(figure, less)


def test_an_empty_panel_says_what_is_missing(catalogue: Catalogue) -> None:
    table = made(catalogue, "timeseries")
    table.remove_columns(["fwhm_x", "fwhm_y"])
    rows = drawn("timeseries", table)
    assert [row.axison for row in rows] == [True, True, True, False, False]
    assert "widths" in rows[3].texts[0].get_text()
    assert "BJD" in rows[2].get_xlabel()
    edge = drawn("residuals", made(catalogue, "residuals", "edge"))[0]
    assert "No flux" in edge.texts[0].get_text()
    alone = drawn("residuals", made(catalogue, "residuals", "alone"))[0]
    assert "one image counts" in alone.texts[0].get_text().replace("\n", " ")


def test_a_figure_by_itself_is_drawn_on_a_new_one(catalogue: Catalogue) -> None:
    from matplotlib import pyplot

    before = pyplot.rcParams["axes.grid"]
    try:
        rows = figure_named("timeseries").module.draw(made(catalogue, "timeseries"))
        assert len(rows) == len(rows[0].figure.axes) == 5
        ax = catalogue.plot("residuals", "simulated")
        assert ax.get_title(loc="left").startswith("simulated")
    finally:
        pyplot.close("all")
    assert pyplot.rcParams["axes.grid"] == before


# ---- how they look -------------------------------------------------------------------------------


def small_picture(figure: str, table: QTable, path: Path) -> None:
    """Draw as `iracdb plot` does, but small and without a foot: digests are the machine's own."""
    asked = figure_named(figure)
    with look():
        made_figure, ax = new_figure(asked.size)
        asked.module.draw(table, ax)
        content = io.BytesIO()
        made_figure.savefig(content, dpi=60)
    # So few colours that it is small; as many as can be seen.
    Image.open(content).convert("RGB").quantize(160).save(path, optimize=True)


STORIES = {name: (name, ()) for name in NAMES} | {
    "lightcurve-aor": ("lightcurve", (WARM,)),
    "centres-staring": ("centres", (WARM,)),
}


@pytest.mark.parametrize("story", sorted(STORIES))
def test_they_look_as_the_stored_pictures(catalogue: Catalogue, story: str, tmp_path: Path) -> None:
    if not draws(catalogue):
        return
    figure, aors = STORIES[story]
    stored = STORED / f"{story}.png"
    table = made(catalogue, figure, aors=aors)
    if os.environ.get("IRACDB_NEW_FIGURES"):
        STORED.mkdir(exist_ok=True)
        small_picture(figure, table, stored)
    assert stored.stat().st_size < 25_000
    expected = tmp_path / "expected.png"  # what differs is written beside it
    expected.write_bytes(stored.read_bytes())
    small_picture(figure, table, tmp_path / "found.png")
    assert compare_images(str(expected), str(tmp_path / "found.png"), TOLERANCE) is None


def test_the_comparison_sees_half_a_pixel(catalogue: Catalogue, tmp_path: Path) -> None:
    if not draws(catalogue):
        return
    table = made(catalogue, "timeseries")
    table["x"] += 0.5 * table["x"].unit
    small_picture("timeseries", table, tmp_path / "found.png")
    (tmp_path / "expected.png").write_bytes((STORED / "timeseries.png").read_bytes())
    told = compare_images(str(tmp_path / "expected.png"), str(tmp_path / "found.png"), TOLERANCE)
    assert told is not None
    assert "RMS" in told
