"""The AOR tables of 2018 again from their image tables, and the rules of 2018 as machinery."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from published_helpers import copy_run, rows_of
from run_helpers import averages, command, images, select, write_frames

from iracdb import Catalogue, irac_aphot_corr
from iracdb.errors import RunRefused, UsageError
from iracdb.export.tables import export_run
from iracdb.irac.simulate import FrameSpec
from iracdb.photometry.aperture import Aperture
from iracdb.photometry.pairing import pairing_named
from iracdb.photometry.rejection import parse_rejection

NOT_REPRODUCIBLE = "mk_test2"
# From a square pixel of 1.221 arcsec to mJy, with the original's radian.
MJY = 1.221**2 / 206265.0**2 * 1e9


@pytest.fixture(scope="module")
def catalogue(
    published_runs_at: Callable[[str], str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Catalogue]:
    """All 21 runs; tests add runs kept from them, under numbers of their own."""
    place = str(tmp_path_factory.mktemp("recompute") / "iracdb.sqlite")
    with Catalogue(published_runs_at(place), create=False) as opened:
        yield opened


@pytest.fixture(scope="module")
def recomputed(catalogue: Catalogue) -> Callable[..., Any]:
    """Recomputes a run, each by each recipe once: nothing in what it gives can be changed."""
    return cache(catalogue.recompute)


@pytest.fixture(scope="module")
def published(reference: Path) -> Path:
    """The folder of published runs."""
    return reference / "published_runs"


# What was published comes out again


def test_twenty_of_the_runs_agree_to_the_last_digits(
    recomputed: Callable[..., Any], published: Path
) -> None:
    names = sorted(path.name.removesuffix("_log.txt") for path in published.glob("*_log.txt"))
    assert len(names) == 21
    for name in names:
        again = recomputed(name, recipe="published-2018")
        rows = rows_of(published / f"{name}_aor_data.csv")
        assert len(again.rows) == len(rows)
        if name == NOT_REPRODUCIBLE:
            continue
        assert again.agrees
        assert again.verdict == f"all {len(rows)} AORs agree with what was published"
        for made, row in zip(again.rows, rows, strict=True):
            assert made.aorkey == int(row["AORKEY"])
            flux = float(row["Flux (mJy)"])
            if math.isnan(flux):
                assert made.recomputed is None
            else:
                assert made.recomputed == pytest.approx(flux, rel=1e-12, abs=0)
                assert made.again.mean.error == pytest.approx(
                    float(row["Error (mJy)"]), rel=1e-9, abs=1e-12 * abs(flux)
                )
            if "Outliers Rejected" in row:
                assert made.rejected == int(row["Outliers Rejected"])


def test_one_run_is_not_reproducible_and_said_why(recomputed: Callable[..., Any]) -> None:
    again = recomputed(NOT_REPRODUCIBLE, recipe="published-2018")
    assert not again.agrees
    measured = [row for row in again.rows if row.published is not None]
    assert len(measured) == 858
    repeated = sum(a.published == b.published for a, b in pairwise(measured))
    assert repeated == 200
    for said in ("not reproducible", "none of the 858", "200 repeat", "another routine"):
        assert said in again.verdict
    assert "Using a defferent systematics correction code" in again.verdict


@pytest.mark.parametrize(
    ("name", "aorkey"), [("hd_warm_final", None), ("ngc2420_337", 38111232), ("run6", None)]
)
def test_an_aor_by_hand(
    recomputed: Callable[..., Any], published: Path, name: str, aorkey: int | None
) -> None:
    """One AOR from the CSV files with numpy: the code of 2018, and the same done right."""
    aors, rows = (rows_of(published / f"{name}_{which}_data.csv") for which in ("aor", "img"))
    numbers = [int(row["File#"]) for row in rows]
    starts = [0] + [i for i in range(1, len(rows)) if numbers[i] <= numbers[i - 1]] + [len(rows)]
    factor = {"hd_warm_final": 1.0, "ngc2420_337": 1.125, "run6": 1.0}[name]
    by_time = {rows[end - 1]["Time[MJD]"]: (start, end)
               for start, end in pairwise(starts)}  # fmt: skip
    right = {row.row_number: row for row in recomputed(name).rows}
    checked = moved = 0
    for number, aor in enumerate(aors, start=1):
        if aorkey not in (None, int(aor["AORKEY"])) or aor["Flux (mJy)"] == "nan":
            continue
        if aorkey is not None:
            # Five stars share the times of an AOR: take the blocks in their order.
            start, end = starts[number - 1], starts[number]
        elif aor["Time (MJD)"] in by_time:
            start, end = by_time[aor["Time (MJD)"]]
        else:
            continue
        block = rows[start:end]
        x, y, net = (np.array([float(r[c]) for r in block]) for c in ("Xc", "Yc", "Res_Flux"))
        warm = float(block[0]["Time[MJD]"]) > 54968
        mission = {"mission": "warm" if warm else "cryo"}
        subarray = aor.get("Read Mode") == "SUB"
        good = np.isfinite(net)
        stripped = x[np.isfinite(x)][: good.sum()], y[np.isfinite(y)][: good.sum()]
        as_then = irac_aphot_corr(net[good], *stripped, 1, **mission, subarray=subarray)
        mjy = as_then * factor * MJY
        if len(mjy) > 10:
            mjy = np.delete(mjy, [mjy.argmin(), mjy.argmax()])
        assert mjy.mean() == pytest.approx(float(aor["Flux (mJy)"]), rel=1e-12)
        rightly = irac_aphot_corr(net[good], x[good], y[good], 1, **mission, subarray=subarray)
        mjy = rightly * factor * MJY
        if len(mjy) >= 10 and 100 * mjy.std() > 2 * abs(mjy.mean()):
            mjy = np.delete(mjy, [mjy.argmin(), mjy.argmax()])
        assert right[number].recomputed == pytest.approx(mjy.mean(), rel=1e-12)
        checked += 1
        moved += right[number].shares["pairing"] != 0
    assert checked > 4
    assert moved


# What was wrong, and by how much


@pytest.mark.parametrize(
    ("name", "aors", "moved", "percent"),
    [("hd_warm_final", 194, 97, 1.1), ("ngc2420_337", 72, 39, 37), ("run1", 131, 2, 0.73)],
)
def test_pairing_rightly(
    recomputed: Callable[..., Any], name: str, aors: int, moved: int, percent: float
) -> None:
    rows = recomputed(name).rows
    assert len(rows) == aors
    changed = [row for row in rows if row.published and row.shares["pairing"]]
    assert len(changed) == moved
    largest = max(abs(row.shares["pairing"] / row.published) for row in changed if row.published)
    assert float(f"{100 * largest:.2g}") == percent


@pytest.mark.parametrize("name", ["hd_warm_final", "ngc2420_337", "run6", "run18", "mk_test1"])
def test_shares_add_up_to_the_change(recomputed: Callable[..., Any], name: str) -> None:
    for row in recomputed(name).rows:
        if row.published is None or row.recomputed is None:
            continue
        assert set(row.shares) == {"pairing", "tables", "rejection"}
        change = row.recomputed - row.published
        assert abs(sum(row.shares.values()) - change) <= 1e-12 * abs(row.published)


def test_warm_data_with_cryogenic_tables(published: Path, tmp_path: Path) -> None:
    """A run like run2 and run4, made of run1: ten columns, times of the warm mission."""
    copy_run(published, tmp_path, "run1", "run2")
    add = 55000 - 52000
    aor, img = (tmp_path / f"run2_{which}_data.csv" for which in ("aor", "img"))
    for path, title in ((aor, "Time (MJD)"), (img, "Time[MJD]")):
        lines = [line.split(",") for line in path.read_text().splitlines()]
        place = lines[0].index(title)
        for line in lines[1:]:
            line[place] = repr(round(float(line[place]) + add, 7))
        path.write_text("".join(",".join(line) + "\n" for line in lines))
    with Catalogue(tmp_path / "iracdb.sqlite") as catalogue:
        catalogue.import_runs(tmp_path)
        assert catalogue.recompute(2, recipe="published-2018").agrees
        rows = catalogue.recompute(2).rows
        assert sum(row.shares["tables"] != 0 for row in rows) == 131
        (found,) = [f for f in catalogue.audit(2) if f.code == "wrong-mission-tables"]
        assert found.numbers["aors"] == 131
        largest = max(abs(row.shares["tables"] / row.published) for row in rows if row.published)
        assert found.numbers["largest_relative"] == pytest.approx(largest, rel=0.05)


# Keeping, and refusing


def test_a_kept_run_without_radii_keeps_the_images_of_empty_aors(
    catalogue: Catalogue, recomputed: Callable[..., Any], tmp_path: Path
) -> None:
    number = catalogue.keep_recomputed(recomputed("run1"), name="again1")
    run = catalogue.get(number)
    # Six AORs of run1 have no row in its table, and 131 have one; its images are all there.
    assert len(run.rows("aor")) == 131
    assert len(run.rows("img")) == 2458
    export_run(run, tmp_path)
    log = (tmp_path / "again1_log.txt").read_text()
    assert "Radius Used      : not given \n" in log


def test_a_recomputation_is_kept_as_a_run(
    catalogue: Catalogue, recomputed: Callable[..., Any]
) -> None:
    again = recomputed("hd_warm_final")
    assert catalogue.keep_recomputed(again, number=113) == 113
    run = catalogue.get(113)
    assert (run.name, run.state, run.row.recipe) == ("run113", "finished", "manual")
    assert run.row.parent_run_id == catalogue.get("hd_warm_final").run_id
    assert run.parameters["pairing"] == "image"
    assert run.parameters["rejection"] == "minmax"
    assert "recomputed" in str(run.row.comment)
    # The frames it measured, its centres and sums are those of the parent.
    rows = select(
        catalogue,
        "SELECT a.aorkey, a.n_rejected, i.* FROM image_result i JOIN aor_result a "
        "ON a.id = i.aor_result_id WHERE a.run_id = 113 ORDER BY i.row_number",
    )
    parent = catalogue.get("hd_warm_final").rows("img")
    assert len(rows) == len(parent) == 6339
    assert [row["x"] for row in rows] == [row[6] for row in parent]
    kept = [row for row in rows if row["corrected"] is not None]
    assert {row["rejected_by"] for row in kept} == {None, "min", "max"}
    assert all(row["kept"] == (row["rejected_by"] is None) for row in kept)
    assert not any(row["kept"] for row in rows if row["corrected"] is None)
    for row in kept[:500]:
        product = row["array_location_factor"] * row["pixel_phase_factor"]
        assert row["corrected"] == pytest.approx(
            (row["raw"] - row["background"]) / product, rel=1e-14
        )
    by_aor: dict[int, list[float]] = {}
    for row in kept:
        if row["kept"]:
            by_aor.setdefault(row["aorkey"], []).append(row["corrected"] * MJY)
    view = select(catalogue, 'SELECT "AORKEY", "Flux (mJy)" AS flux FROM run113_aor_data')
    assert len(view) == 194
    for row in view:
        if row["flux"] is not None:
            assert row["flux"] == pytest.approx(np.mean(by_aor[row["AORKEY"]]), rel=1e-12)
    with pytest.raises(RunRefused, match="taken by run 113"):
        catalogue.keep_recomputed(again, number=113)


def test_a_run_made_here_is_refused(catalogue: Catalogue) -> None:
    again = catalogue.recompute("run14")
    number = catalogue.keep_recomputed(again, name="mine")
    with pytest.raises(RunRefused, match="was made here"):
        catalogue.recompute(number)
    with pytest.raises(UsageError, match="recipe 'handbook'"):
        catalogue.recompute("run14", recipe="handbook")


def test_exit_status_and_json(published: Path, tmp_path: Path) -> None:
    copy_run(published, tmp_path, "run18")
    location = str(tmp_path / "iracdb.sqlite")
    command(location, "import", tmp_path, folder=tmp_path)
    then = command(location, "recompute", "18", "--recipe", "published-2018", folder=tmp_path)
    assert (then.returncode, then.stdout) == (
        0, "run18, by published-2018: all 4 AORs agree with what was published\n",
    )  # fmt: skip
    now = command(location, "recompute", "run18", "--json", "--as", "118", folder=tmp_path)
    assert now.returncode == 1
    told = json.loads(now.stdout)
    assert (told["kept_as"], told["agrees"], len(told["aors"])) == (118, False, 4)
    assert max(row["relative"] for row in told["aors"]) == pytest.approx(0.18, abs=0.005)
    shown = command(location, "recompute", "run18", folder=tmp_path)
    assert "4 of 4 AORs differ from what was published, by up to 17" in shown.stdout
    assert command(location, "recompute", "118", folder=tmp_path).returncode == 3


# The rules of 2018 as machinery

STAR = FrameSpec(
    channel=1, aorkey=91000000, x=127.0, y=127.0, flux_mjy=30.0, noise=False, response=False,
    background=0.0, frame_time=12.0,
)  # fmt: skip


def measured(folder: Path, *specs: FrameSpec, **options: Any) -> Iterator[Any]:
    """Run both recipes over frames; their runs, images and averages."""
    write_frames(folder, *specs)
    with Catalogue(folder / "iracdb.sqlite") as catalogue:
        catalogue.ingest(folder)
        for recipe in ("manual", "published-2018"):
            run = catalogue.run(recipe=recipe, **options)
            yield run, images(catalogue, run), averages(catalogue, run)


def frame(number: int, **changes: Any) -> FrameSpec:
    return replace(STAR, expid=number, mjd=STAR.mjd + number / 1000, **changes)


def test_centres_are_stripped(tmp_path: Path) -> None:
    """The second image has a centre, 2.6 pixels off, and so no flux: its centre moves on."""
    specs = [frame(0), frame(1, x=60.3, y=200.4, offset=(2.6, 0.0)), frame(2, x=30.2, y=40.1)]
    (_, right, _), (run, then, (average,)) = measured(tmp_path, *specs)
    assert run.parameters["pairing"] == "stripped"
    assert [image["x"] is not None for image in then] == [True] * 3
    assert [image["raw"] is not None for image in then] == [True, False, True]
    for made, at in ((right, (0, 2)), (then, (0, 1))):
        for image, centre in zip((made[0], made[2]), at, strict=True):
            net = image["raw"] - image["background"]
            x, y = made[centre]["x"], made[centre]["y"]
            assert image["corrected"] == pytest.approx(irac_aphot_corr(net, x, y, 1), rel=1e-14)
    assert then[2]["corrected"] != right[2]["corrected"]
    mean = (then[0]["corrected"] + then[2]["corrected"]) / 2 * MJY
    assert average["flux"] == pytest.approx(mean, rel=1e-13)


@pytest.mark.parametrize(("number", "rejected"), [(10, 0), (11, 2)])
def test_min_and_max_go_however_small_the_spread(
    number: int, rejected: int, tmp_path: Path
) -> None:
    specs = [frame(n, flux_mjy=30.0 + 0.001 * ((5 * n) % number)) for n in range(number)]
    (_, _, (right,)), (_, then, (average,)) = measured(tmp_path, *specs)
    assert right["n_rejected"] == 0
    assert average["n_rejected"] == rejected
    corrected = np.array([image["corrected"] for image in then])
    assert 100 * corrected.std() / corrected.mean() < 0.1
    bounds = {}
    if rejected:
        bounds = {int(corrected.argmin()): "min", int(corrected.argmax()): "max"}
    assert [image["rejected_by"] for image in then] == [bounds.get(n) for n in range(number)]
    left = np.delete(corrected, list(bounds)) if bounds else corrected
    assert average["flux"] == pytest.approx(left.mean() * MJY, rel=1e-13)


def test_bounds_from_nought_to_the_number_of_pixels(tmp_path: Path) -> None:
    """The annulus, 20 pixels wide, ends at 255.8 on one image and begins at -0.3 on another."""
    specs = [frame(0), frame(1, x=235.8), frame(2, x=19.7)]
    (_, right, _), (run, then, _) = measured(tmp_path, *specs)
    out = 16  # ap out of bound
    assert run.parameters["bounds"] == "indices"
    assert [image["flags"] & out for image in right] == [0, out, 0]
    assert [image["flags"] & out for image in then] == [0, 0, out]
    x = np.array([20.0, 19.999, 236.0, 236.001])
    y = np.full(4, 100.0)
    then_out = Aperture(10, 12, 20, "indices").out_of_bounds(x, y, (256, 256))
    assert then_out.tolist() == [False, True, False, True]
    now_out = Aperture(10, 12, 20).out_of_bounds(x, y, (256, 256))
    assert now_out.tolist() == [False, False, True, True]


def test_an_annulus_that_ends_past_the_last_pixel_counts(tmp_path: Path) -> None:
    """hd_warm_final has such an image, ending at 255.996, with a flux."""
    _, (_, then, _) = measured(tmp_path, frame(0), frame(1, x=235.8))
    assert then[1]["raw"] is not None
    # The whole annulus is divided by, a strip of at most half a pixel of which holds no light.
    right = then[0]["sky"]
    assert then[1]["sky"] == pytest.approx(right, rel=0.02)


def test_unlike_frames_are_averaged_together(tmp_path: Path) -> None:
    long = replace(STAR, frame_time=12.0, hdr="long")
    short = replace(STAR, frame_time=0.6, hdr="short", flux_mjy=31.0)
    specs = [
        replace(spec, expid=n, dcenum=d, mjd=STAR.mjd + n / 100 + d / 1000)
        for n in range(2)
        for d, spec in enumerate((short, long))
    ]
    (_, _, right), (run, then, (average,)) = measured(tmp_path, *specs)
    assert run.parameters["grouping"] == "all"
    assert [row["n_total"] for row in right] == [2, 2]
    assert (average["n_total"], average["frame_group"]) == (4, "all")
    assert [image["file_number"] for image in then] == [1, 2, 3, 4]
    mean = np.mean([image["corrected"] for image in then]) * MJY
    assert average["flux"] == pytest.approx(mean, rel=1e-13)
    apart = sorted(row["flux"] for row in right)
    assert apart[1] / apart[0] == pytest.approx(31 / 30, rel=1e-3)
    assert average["flux"] == pytest.approx(sum(apart) / 2, rel=1e-12)


def test_the_rules_by_name() -> None:
    x = np.array([1.0, 2.0, np.nan, 4.0])
    flux = np.array([10.0, np.nan, np.nan, 40.0])
    stripped, _ = pairing_named("stripped")(x, x, flux)
    np.testing.assert_array_equal(stripped, [1.0, np.nan, np.nan, 2.0])
    own, _ = pairing_named("image")(x, x, flux)
    np.testing.assert_array_equal(own, [1.0, np.nan, np.nan, 4.0])
    with pytest.raises(UsageError, match="no pairing"):
        pairing_named("both")
    rule = parse_rejection("published")
    assert rule(np.full(11, 5.0)).rejected_by.tolist().count("") == 10  # the first is both
    assert rule(np.arange(10.0)).kept.all()
    assert rule(np.arange(11.0)).rejected_by.tolist() == ["min", *[""] * 9, "max"]


def test_a_kept_run_says_what_was_applied(
    catalogue: Catalogue, recomputed: Callable[..., Any]
) -> None:
    number = catalogue.keep_recomputed(recomputed("run5"), name="again5")
    run = catalogue.get(number)
    assert run.parameters["response_coefficients"] is not None
    assert run.row.response_id is not None
    for row in run.averages():
        if row.listed:
            assert (row.aperture_correction, row.pixel_size) == (1.0, 1.221)
            assert row.n_total >= row.n_workable > 0
    # The six AORs without a usable image are the problem AORs of both.
    assert sorted(run.problem_aors) == sorted(set(catalogue.get("run5").problem_aors))
    listed = select(catalogue, f"SELECT outcome FROM activity WHERE outcome LIKE '%{number}'")
    assert [row["outcome"] for row in listed] == [f"kept as run {number}"]


def test_the_table_in_the_docs_is_what_recomputing_gives(
    catalogue: Catalogue, recomputed: Callable[..., Any]
) -> None:
    page = (Path(__file__).parents[1] / "docs" / "published-runs.md").read_text()
    lines = [line for line in page.splitlines() if re.match(r"\| \w+ \| \d+-1\d-", line)]
    assert len(lines) == 21
    for line in lines:
        name, layout, aors, fluxes, images, agrees, off, *_ = (
            cell.strip().replace(",", "") for cell in line.strip("|").split("|")
        )
        then = recomputed(name, recipe="published-2018")
        now = recomputed(name)
        assert catalogue.get(name).row.layout == layout
        assert int(aors) == len(now.rows)
        assert int(fluxes) == sum(row.published is not None for row in now.rows)
        assert int(images) == len(catalogue.get(name).rows("img"))
        assert (agrees == "yes") == then.agrees
        assert int(off) == sum(not row.agrees for row in now.rows)
