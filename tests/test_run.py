"""A run: what it chooses, measures, rejects, records and refuses."""

from __future__ import annotations

import getpass
import hashlib
import json
import math
import os
import platform
import shutil
import socket
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from importlib.metadata import version
from pathlib import Path
from typing import Any

import astropy.units as u
import numpy as np
import pytest
from astropy.coordinates import SkyCoord
from astropy.table import QTable
from run_helpers import averages, command, cut_short, images, select, write_frames

from iracdb import Catalogue, irac_aphot_corr
from iracdb.errors import (
    BadCoordinate,
    BadTargetList,
    InputsChanged,
    NotFound,
    RunRefused,
    UsageError,
)
from iracdb.irac.simulate import (
    FrameSpec,
    companions,
    location_factor,
    phase_factor,
    simulate_archive,
    simulate_frame,
    write_fits,
)
from iracdb.runs import software as software_module
from iracdb.runs.coordinates import parse_coordinate
from iracdb.runs.names import agree, check_name
from iracdb.runs.request import Request
from iracdb.runs.target_lists import read_target_list

PLAIN = FrameSpec(
    channel=1, aorkey=91000000, x=127.0, y=127.0, flux_mjy=30.0, noise=False, response=False,
    background=0.0, frame_time=12.0,
)  # fmt: skip

# Table 4.8 of the handbook as the original's manual copies it, typed in once more.
MANUAL_RADII = """
10 12 20: 1.000 1.000 1.000 1.000
8 12 20: 1.011 1.013 1.011 1.017
6 12 20: 1.032 1.036 1.030 1.051
5 12 20: 1.047 1.048 1.054 1.064
5 5 10: 1.060 1.063 1.063 1.084
4 12 20: 1.070 1.080 1.076 1.087
3 12 20: 1.112 1.112 1.118 1.213
3 3 7: 1.125 1.120 1.135 1.221
2 12 20: 1.208 1.220 1.349 1.554
2 2 6: 1.215 1.233 1.366 1.568
"""
MANUAL = {
    tuple(map(float, radii.split())): tuple(map(float, corrections.split()))
    for radii, corrections in (line.split(":") for line in MANUAL_RADII.split("\n") if line)
}
PIXEL_SIZE = {1: 1.221, 2: 1.213, 3: 1.222, 4: 1.220}


def exposures(count: int, first: FrameSpec = PLAIN) -> list[FrameSpec]:
    return [replace(first, expid=n, mjd=first.mjd + n / 1000) for n in range(count)]


@pytest.fixture
def catalogue(any_location: str) -> Iterator[Catalogue]:
    """An empty catalogue, in both kinds of database."""
    with Catalogue(any_location) as opened:
        yield opened


@pytest.fixture
def plain(tmp_path: Path) -> Iterator[Catalogue]:
    """An empty catalogue in SQLite alone, for what no database has a part in."""
    with Catalogue(tmp_path / "plain.sqlite") as opened:
        yield opened


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The simulated archive, which nobody changes."""
    folder = tmp_path_factory.mktemp("simulated") / "archive"
    simulate_archive(folder, frames=3, bad_files=False)
    return folder


@pytest.fixture(scope="module")
def simulated(archive: Path) -> Iterator[Catalogue]:
    """Its catalogue; tests add runs to it and change nothing else."""
    with Catalogue(archive.parent / "iracdb.sqlite") as opened:
        opened.ingest(archive)
        yield opened


# Defaults and choices


def test_defaults(catalogue: Catalogue, tmp_path: Path) -> None:
    write_frames(tmp_path, *exposures(2))
    catalogue.ingest(tmp_path)
    run = catalogue.run()
    assert (run.run_id, run.name, run.state) == (1, "run1", "finished")
    applied = run.parameters.values
    assert (applied["recipe"], applied["kind"], applied["aors"]) == ("manual", "bcd", "all")
    assert [applied[f"radius_{name}"] for name in ("source", "inner", "outer")] == [10, 12, 20]
    assert (applied["aperture_correction"], applied["pixel_size"]) == (1.0, 1.221)
    assert applied["aperture_correction_from"] == applied["pixel_size_from"] == "manual"
    assert (applied["rejection"], applied["targets"]) == ("minmax", "headers")
    assert (applied["centre"], applied["sky"], applied["channel"]) == ("gaussian", "mean", 1)
    assert run.row.parameters_typed == {}
    (row,) = run.aor_data
    assert row["Target"] == PLAIN.target  # OBJECT
    assert (row["Target RA"].value, row["Target Dec"].value) == (PLAIN.ra, PLAIN.dec)


def test_the_channel_is_asked_for_where_there_are_several(simulated: Catalogue) -> None:
    with pytest.raises(UsageError, match=r"channels 1, 2, 3, 4: name one with --channel"):
        simulated.plan()
    assert simulated.plan(aors=[90001536]).parameters["channel"] == 3


@pytest.mark.parametrize("kind", ["xyz", "bimsk", "BCD", ""])
def test_a_kind_that_cannot_be_measured(simulated: Catalogue, kind: str) -> None:
    with pytest.raises(UsageError, match="bcd, cbcd, sub2d"):
        simulated.plan(channel=1, kind=kind)


@pytest.mark.parametrize("character", ["\0", "\x07", "\x1b"])
def test_a_name_or_comment_without_control_characters(character: str) -> None:
    with pytest.raises(UsageError, match="comment holds a"):
        Request(comment=f"a{character}b")
    assert Request(comment="two\nlines").comment == "two\nlines"


def test_a_file_overwritten_in_its_place(tmp_path: Path) -> None:
    """Of two contents under one name the one that lies there is measured, whatever their hashes."""
    [path] = write_frames(tmp_path / "a", FrameSpec(channel=1, noise=False))
    first = path.read_bytes()
    second = first[:-2880] + bytes([first[-2880] ^ 1]) + first[-2879:]
    with Catalogue(tmp_path / "c.sqlite") as catalogue:
        for content in (first, second, first):
            path.write_bytes(content)
            catalogue.ingest(tmp_path / "a")
            [chosen] = catalogue.plan().inputs
            assert chosen.sha256 == hashlib.sha256(content).hexdigest()


def test_a_kind_of_which_there_is_no_file(simulated: Catalogue) -> None:
    with pytest.raises(RunRefused, match="no cbcd file of channel 1"):
        simulated.plan(channel=1, kind="cbcd")


def test_another_kind_is_measured(simulated: Catalogue) -> None:
    run = simulated.run(channel=2, kind="sub2d", radius=(3, 3, 7))
    assert run.row.kind == "sub2d"
    assert {name.rsplit("_", 1)[1] for name in run.img_data["File"]} == {"sub2d.fits"}


def test_an_empty_catalogue(tmp_path: Path) -> None:
    with (
        Catalogue(tmp_path / "iracdb.sqlite") as catalogue,
        pytest.raises(RunRefused, match="no frames yet"),
    ):
        catalogue.plan()


def test_an_aor_that_is_not_held(simulated: Catalogue) -> None:
    with pytest.raises(RunRefused, match=r"AOR 17 is not in this catalogue"):
        simulated.plan(channel=1, aors=[90000256, 17])


def test_only_some_aors(simulated: Catalogue) -> None:
    plan = simulated.plan(channel=1, aors=[90002304, 90000256, 90002304])
    assert plan.aors == (90000256, 90002304)
    assert plan.parameters["aors"] == "90000256 90002304"


@pytest.mark.parametrize("radii", [(3, 2, 7), (3, 7, 7), (0, 3, 7), (-1, 3, 7), (3, 3, math.inf),
                                   (math.nan, 3, 7)])  # fmt: skip
def test_radii_must_grow(simulated: Catalogue, radii: tuple[float, float, float]) -> None:
    with pytest.raises(UsageError, match="Radii must grow"):
        simulated.plan(channel=1, radius=radii)


@pytest.mark.parametrize("rule", ["maxmin", "sigma", "sigma:0", "sigma:-1", "sigma:x", "minmax:2"])
def test_a_rejection_that_is_none(simulated: Catalogue, rule: str) -> None:
    with pytest.raises(UsageError, match=r"minmax, published, sigma:N .* none"):
        simulated.plan(channel=1, rejection=rule)


def test_a_recipe_that_is_none(simulated: Catalogue) -> None:
    with pytest.raises(UsageError, match="there is handbook"):
        simulated.plan(channel=1, recipe="cake")


def test_files_come_by_aor_exposure_and_dce_whatever_the_order_of_ingest(
    catalogue: Catalogue, tmp_path: Path
) -> None:
    keys = [(91000512, 0, 1), (91000000, 10, 0), (91000512, 0, 0), (91000000, 9, 0)]
    for number, (aorkey, expid, dcenum) in enumerate(keys):
        folder = tmp_path / str(number)
        write_frames(folder, replace(PLAIN, aorkey=aorkey, expid=expid, dcenum=dcenum))
        catalogue.ingest(folder)
    rows = images(catalogue, catalogue.run())
    assert [(row["aorkey"], row["expid"], row["dcenum"]) for row in rows] == sorted(keys)
    assert [row["row_number"] for row in rows] == [1, 2, 3, 4]
    assert [row["file_number"] for row in rows] == [1, 2, 1, 2]


# Versions


def test_the_newest_version_is_measured(simulated: Catalogue) -> None:
    run = simulated.run(channel=1, aors=[90002304])
    assert [row["file_name"] for row in images(simulated, run)] == [
        f"SPITZER_I1_90002304_000{n}_0000_2_bcd.fits" for n in range(3)
    ]
    assert averages(simulated, run)[0]["creators"] is None


def test_versions_are_numbers(catalogue: Catalogue, tmp_path: Path) -> None:
    write_frames(tmp_path, replace(PLAIN, version=9), replace(PLAIN, version=10))
    catalogue.ingest(tmp_path)
    assert [file.version for file in catalogue.plan().inputs] == [10]


def test_the_newest_gone_is_an_error_that_names_the_older(
    catalogue: Catalogue, tmp_path: Path
) -> None:
    older, newer = write_frames(tmp_path, replace(PLAIN, version=1), replace(PLAIN, version=2))
    catalogue.ingest(tmp_path)
    newer.unlink()
    catalogue.ingest(tmp_path)
    with pytest.raises(InputsChanged, match="is gone") as refusal:
        catalogue.run()
    assert str(newer) in str(refusal.value)
    assert older.name in str(refusal.value)
    assert catalogue.runs().rows == []


def test_of_one_version_the_later_pipeline_is_measured(
    catalogue: Catalogue, tmp_path: Path
) -> None:
    # As text, S18.9.0 would be later than S18.18.0.
    for creator in ("S18.9.0", "S18.18.0", "S18.7.0"):
        write_frames(tmp_path / creator, replace(PLAIN, creator=creator))
    catalogue.ingest(tmp_path)
    assert [file.creator for file in catalogue.plan().inputs] == ["S18.18.0"]


def test_of_one_pipeline_the_greater_hash_is_measured(catalogue: Catalogue, tmp_path: Path) -> None:
    paths = []
    for flux in (30.0, 31.0, 32.0, 33.0):
        paths += write_frames(tmp_path / str(flux), replace(PLAIN, flux_mjy=flux))
    catalogue.ingest(tmp_path)
    hashes = [hashlib.sha256(path.read_bytes()).hexdigest() for path in paths]
    assert [file.sha256 for file in catalogue.plan().inputs] == [max(hashes)]


# Like with like


def test_unlike_frames_are_never_averaged_together(plain: Catalogue, archive: Path) -> None:
    plain.ingest(archive / "r90001792")
    plan = plain.plan()
    assert any("unlike frames" in warning for warning in plan.warnings)
    run = plain.run()
    short, long = averages(plain, run)
    assert (long["hdr_part"], long["frame_time"], long["n_total"]) == ("long", 30.0, 3)
    assert (short["hdr_part"], short["frame_time"], short["n_total"]) == ("short", 1.2, 3)
    for average in (long, short):
        mine = [row for row in images(plain, run) if row["aor_result_id"] == average["id"]]
        part = 1 if average is long else 0
        assert {row["dcenum"] for row in mine} == {part}
        assert average["mjd_obs"] == mine[-1]["mjd"]
    # The long frames are saturated: the two averages are not of the same light.
    assert long["flux"] < 0.8 * short["flux"]


def test_frame_times_make_averages_of_their_own(plain: Catalogue, tmp_path: Path) -> None:
    times = [12.0, 2.0, 12.0, 30.0]
    specs = [replace(spec, frame_time=time) for spec, time in zip(exposures(4), times, strict=True)]
    write_frames(tmp_path, *specs)
    plain.ingest(tmp_path)
    made = averages(plain, plain.run())
    assert {row["frame_time"]: row["n_total"] for row in made} == {2.0: 1, 12.0: 2, 30.0: 1}
    assert len({row["frame_group"] for row in made}) == len(made) == 3


def test_frames_of_different_pipelines_are_reported(plain: Catalogue, tmp_path: Path) -> None:
    specs = exposures(2)
    write_frames(tmp_path, specs[0], replace(specs[1], creator="S18.18.0"))
    plain.ingest(tmp_path)
    with pytest.raises(RunRefused, match=r"calibration: CREATOR S18\.18\.0, S19\.2\.0; "):
        plain.plan()
    (warning,) = plain.plan(allow_mixed_calibration=True).warnings
    assert "91000000" in warning
    assert "S18.18.0, S19.2.0" in warning
    (row,) = averages(plain, plain.run(allow_mixed_calibration=True))
    assert row["creators"] == "S18.18.0, S19.2.0"
    assert row["n_total"] == 2


# Problem AORs, counts and reasons


def test_an_aor_without_a_frame_of_the_channel(simulated: Catalogue) -> None:
    run = simulated.run(channel=1, aors=[90001536, 90000256])
    assert run.problems == [(90001536, "no frames of channel 1")]
    assert list(run.aor_data["AORKEY"]) == [90000256, 90001536]


def test_a_target_without_position(catalogue: Catalogue, tmp_path: Path) -> None:
    nowhere = replace(PLAIN, header={"RA_REF": None, "DEC_REF": None})
    write_frames(tmp_path, nowhere, replace(PLAIN, aorkey=91000256))
    catalogue.ingest(tmp_path)
    run = catalogue.run()
    ((aorkey, reason),) = run.problems
    assert aorkey == run.problem_aors[0] == 91000000
    assert "no position" in reason
    row = run.aor_data[0]
    for title in ("Target RA", "Flux (mJy)", "Error (mJy)", "Spread (%)"):
        assert math.isnan(row[title].value)
    assert row["Workable/Total Files in AOR"] == "0/1"
    assert run.img_data["Coord Conversion Issue"][0] == "Y"
    assert averages(catalogue, run)[0]["n_coordinate_conversion"] == 1
    assert np.isfinite(run.aor_data["Flux (mJy)"][1])
    # With a position it can be measured.
    again = catalogue.run(coord=f"{PLAIN.ra} {PLAIN.dec}")
    assert again.problems == []


UNUSABLE: dict[str, dict[str, Any]] = {
    "n_not_in_fov": {"x": -30.0},
    "n_centroiding": {"x": 5.0, "y": 100.0},
    "n_aperture_out_of_bounds": {"x": 14.0, "y": 100.0},
    "n_bad_center_guess": {"offset": (2.5, 0.0)},
    "n_nan_in_aperture": {"nan_pixels": ((130, 130),)},
}


def test_an_aor_counts_why_its_images_could_not_be_used(plain: Catalogue, tmp_path: Path) -> None:
    bright = replace(PLAIN, background=0.1)
    specs = [bright] + [replace(bright, **change) for change in UNUSABLE.values()]
    specs += [replace(bright, nan_pixels=((127, 127),)), replace(bright, nan_pixels=((141, 127),))]
    write_frames(tmp_path, *(replace(spec, expid=n) for n, spec in enumerate(specs)))
    write_frames(tmp_path, *(replace(s, aorkey=91000256) for s in specs[1:2]))
    plain.ingest(tmp_path)
    run = plain.run(rejection="none")
    mixed, empty = averages(plain, run)
    counts = {name: mixed[name] for name in mixed if name.startswith("n_")}
    assert counts == {
        "n_total": 8, "n_workable": 2, "n_rejected": 0, "n_coordinate_conversion": 0,
        "n_not_in_fov": 1, "n_centroiding": 1, "n_aperture_out_of_bounds": 1,
        "n_bad_center_guess": 1, "n_nan_in_aperture": 2, "n_no_background": 0,
        "n_fatal_in_aperture": 0, "n_header_mark": 0,
    }  # fmt: skip
    assert (mixed["state"], mixed["reason"]) == ("measured", None)
    assert (empty["state"], empty["reason"]) == (
        "empty",
        "no usable image of 1: 1 not in the field",
    )
    rows = images(plain, run)
    workable = [row["expid"] for row in rows[:8] if row["corrected"] is not None]
    assert workable == [0, 7]
    assert [row["kept"] for row in rows] == [row["corrected"] is not None for row in rows]
    assert {row["rejected_by"] for row in rows} == {None}
    assert [row["nan_in_aperture"] for row in rows[5:8]] == [1, 1, 0]
    assert [row["nan_in_annulus"] for row in rows[5:8]] == [0, 0, 1]
    # A bad guess and an annulus off the array keep their centres.
    by_name = dict(zip(UNUSABLE, rows[1:], strict=False))
    for name, row in by_name.items():
        kept_centre = name not in ("n_not_in_fov", "n_centroiding")
        assert (row["x"] is not None) == (row["fwhm_x"] is not None) == kept_centre
        assert row["raw"] is row["background"] is row["corrected"] is None


# Rejection


def fluxes(count: int, spread: float) -> np.ndarray:
    """Flux densities whose population deviation is `spread` of their mean, all different."""
    steps = np.random.default_rng(5).permutation(count) - (count - 1) / 2
    return 30.0 * (1.0 + spread * steps / np.std(steps))


@pytest.fixture(scope="module")
def scattered(
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[tuple[Catalogue, dict[int, np.ndarray]]]:
    """AORs of known scatter: stars without noise, at one place, of different flux density."""
    folder = tmp_path_factory.mktemp("scattered")
    made = {
        91000000: fluxes(10, 0.0201),
        91000256: fluxes(10, 0.0199),
        91000512: fluxes(9, 0.0201),
        91000768: np.array([30.0, 29.0, 31.0, 30.5, 29.5, 45.0, 30.0, 20.0]),
    }
    for aorkey, values in made.items():
        specs = exposures(len(values), replace(PLAIN, aorkey=aorkey))
        write_frames(
            folder,
            *(replace(s, flux_mjy=float(v)) for s, v in zip(specs, values, strict=True)),
        )
    with Catalogue(folder / "iracdb.sqlite") as opened:
        opened.ingest(folder)
        yield opened, made


def test_minmax_drops_two_of_ten_that_spread_over_two_percent(
    scattered: tuple[Catalogue, dict[int, np.ndarray]],
) -> None:
    catalogue, made = scattered
    run = catalogue.run()
    bounds: dict[int, list[Any]] = {key: [] for key in made}
    for row in images(catalogue, run):
        bounds[row["aorkey"]].append(row["rejected_by"])
        assert row["kept"] == (row["rejected_by"] is None)
    over = bounds.pop(91000000)
    values = made[91000000]
    assert [over.index("min"), over.index("max")] == [values.argmin(), values.argmax()]
    assert len([bound for bound in over if bound is not None]) == 2
    assert {bound for others in bounds.values() for bound in others} == {None}
    assert list(run.aor_data["Outliers Rejected"]) == [2, 0, 0, 0]
    rest = np.sort(values)[1:-1]
    row = run.aor_data[0]
    scale = row["Flux (mJy)"].value / rest.mean()
    assert row["Error (mJy)"].value / scale == pytest.approx(rest.std(), rel=1e-5)
    assert row["Spread (%)"].value == pytest.approx(100 * rest.std() / rest.mean(), rel=1e-5)
    # Images left out of the mean are workable all the same.
    assert row["Workable/Total Files in AOR"] == "10/10"


def test_no_rejection_keeps_all(scattered: tuple[Catalogue, dict[int, np.ndarray]]) -> None:
    catalogue, made = scattered
    run = catalogue.run(rejection="none")
    assert list(run.aor_data["Outliers Rejected"]) == [0, 0, 0, 0]
    for row, values in zip(run.aor_data, made.values(), strict=True):
        assert row["Spread (%)"].value == pytest.approx(
            100 * values.std() / values.mean(), rel=1e-5
        )
    stored = averages(catalogue, run)
    for row, values in zip(stored, made.values(), strict=True):
        sample = values.std(ddof=1) / math.sqrt(len(values)) / values.mean()
        assert row["standard_error"] / row["flux"] == pytest.approx(sample, rel=1e-5)


def test_sigma_keeps_what_is_near_the_median_once(
    scattered: tuple[Catalogue, dict[int, np.ndarray]],
) -> None:
    catalogue, made = scattered
    values = made[91000768]
    far = np.abs(values - np.median(values)) > 1.4 * values.std()
    assert list(values[far]) == [45.0, 20.0]
    assert (np.abs(values[~far] - np.median(values[~far])) > 1.4 * values[~far].std()).any()
    run = catalogue.run(rejection="sigma:1.4", aors=[91000768])
    assert [row["rejected_by"] for row in images(catalogue, run)] == [
        {45.0: "high", 20.0: "low"}.get(value) for value in values
    ]
    assert run.aor_data["Outliers Rejected"][0] == 2


# From sums to flux densities


# The simulated frames of channel 4 are subarray cubes, which cannot hold all radii.
@pytest.mark.parametrize(
    "channel, radii",
    [
        (channel, radii)
        for radii in MANUAL
        for channel in (1, 2, 3, 4)
        if channel < 4 or radii[2] < 16
    ],
)
def test_the_manuals_tables(
    simulated: Catalogue, channel: int, radii: tuple[float, float, float]
) -> None:
    plan = simulated.plan(channel=channel, radius=radii)
    assert plan.parameters["aperture_correction"] == MANUAL[radii][channel - 1]
    assert plan.parameters["pixel_size"] == PIXEL_SIZE[channel]


def test_the_manuals_tables_in_full() -> None:
    from iracdb.irac import handbook

    assert handbook.APERTURE_CORRECTION == MANUAL
    assert handbook.PIXEL_SIZE == PIXEL_SIZE


def test_radii_that_are_not_in_the_table(simulated: Catalogue) -> None:
    with pytest.raises(UsageError, match="--aperture-correction") as refusal:
        simulated.plan(channel=1, radius=(4, 5, 9))
    assert "4 5 9" in str(refusal.value)
    for radii in MANUAL:
        assert " ".join(f"{radius:g}" for radius in radii) in str(refusal.value)
    plan = simulated.plan(channel=1, radius=(4, 5, 9), aperture_correction=1.5)
    assert plan.parameters["aperture_correction"] == 1.5
    assert plan.parameters["aperture_correction_from"] == "given"


@pytest.mark.parametrize("option", ["aperture_correction", "pixel_size"])
@pytest.mark.parametrize("value", [0.0, -1.0, math.nan, math.inf])
def test_overrides_must_be_positive(simulated: Catalogue, option: str, value: float) -> None:
    with pytest.raises(UsageError, match=r"must be from 0\.01 to 100"):
        simulated.plan(channel=1, **{option: value})


def test_flux_densities_follow_from_the_rows(plain: Catalogue, tmp_path: Path) -> None:
    write_frames(
        tmp_path,
        *(replace(s, noise=True, response=True, background=0.2) for s in exposures(3)),
    )
    plain.ingest(tmp_path)
    for options, factor, pixel in (
        ({}, 1.0, 1.221),
        ({"radius": (3, 3, 7)}, 1.125, 1.221),
        ({"aperture_correction": 1.7, "pixel_size": 0.6}, 1.7, 0.6),
    ):
        run = plain.run(**options)
        rows = images(plain, run)
        mjy = [
            (row["raw"] - row["background"])
            / (row["array_location_factor"] * row["pixel_phase_factor"])
            * factor * pixel**2 / 206265**2 * 1e9
            for row in rows
        ]  # fmt: skip
        (average,) = averages(plain, run)
        mean = math.fsum(mjy) / 3
        deviation = math.sqrt(math.fsum((value - mean) ** 2 for value in mjy) / 3)
        assert average["flux"] == pytest.approx(mean, rel=1e-14)
        assert average["error"] == pytest.approx(deviation, rel=1e-9)
        assert average["standard_error"] == pytest.approx(deviation / math.sqrt(2), rel=1e-9)
        assert (average["aperture_correction"], average["pixel_size"]) == (factor, pixel)
        spread = run.aor_data["Spread (%)"][0].value
        assert spread == pytest.approx(100 * deviation / mean, rel=1e-9)


@pytest.mark.parametrize("channel, radius", [(1, None), (2, (3, 3, 7)), (3, None), (4, (3, 3, 7))])
def test_corrected_is_net_over_both_factors(
    simulated: Catalogue, channel: int, radius: tuple[float, float, float] | None
) -> None:
    run = simulated.run(channel=channel, radius=radius)
    rows = [row for row in images(simulated, run) if row["corrected"] is not None]
    assert len(rows) >= 3
    for row in rows:
        net = row["raw"] - row["background"]
        factors = row["array_location_factor"] * row["pixel_phase_factor"]
        assert row["corrected"] == net / factors
        cryogenic, subarray = row["mjd"] <= 54968, row["read_mode"] == "SUB"
        again = irac_aphot_corr(
            net, row["x"], row["y"], channel,
            mission="cryo" if cryogenic else "warm", subarray=subarray,
        )  # fmt: skip
        assert again == pytest.approx(row["corrected"], rel=1e-15)
        # The simulation has the formula from another hand.
        assert row["array_location_factor"] == pytest.approx(
            location_factor(channel, cryogenic, row["x"], row["y"], subarray=subarray), rel=1e-15
        )
        assert row["pixel_phase_factor"] == pytest.approx(
            phase_factor(channel, cryogenic, row["x"], row["y"]), rel=1e-14
        )
        assert row["background"] == pytest.approx(
            row["sky"] * math.pi * run.parameters["radius_source"] ** 2, rel=1e-15
        )


def test_the_mission_ends_with_mjd_54968(plain: Catalogue, tmp_path: Path) -> None:
    last, first = replace(PLAIN, mjd=54968.0), replace(PLAIN, mjd=54968.0000001)
    write_frames(tmp_path, last, replace(first, aorkey=91000256))
    # One AOR across the boundary: each image has the tables of its own mission.
    both = replace(PLAIN, aorkey=91000512)
    write_frames(tmp_path, replace(both, mjd=54968.0), replace(both, mjd=54968.0000001, expid=1))
    plain.ingest(tmp_path)
    run = plain.run(allow_mixed_calibration=True)
    assert list(run.aor_data["Mission"]) == ["CRYO", "WARM", "WARM"]
    for row, cryogenic in zip(images(plain, run), (True, False, True, False), strict=True):
        assert row["array_location_factor"] == pytest.approx(
            location_factor(1, cryogenic, row["x"], row["y"]), rel=1e-15
        )
    assert location_factor(1, True, 127, 127) != location_factor(1, False, 127, 127)


# Targets


def test_one_position_for_all_aors(catalogue: Catalogue, tmp_path: Path) -> None:
    write_frames(tmp_path, PLAIN, replace(PLAIN, aorkey=91000256, x=60.0, ra=270.01))
    catalogue.ingest(tmp_path)
    run = catalogue.run(target="My star", coord="18 00 00 +66 00 00")
    assert list(run.aor_data["Target"]) == ["My star", "My star"]
    assert set(run.aor_data["Target RA"].value) == {270.0}
    assert set(run.aor_data["Target Dec"].value) == {66.0}
    assert run.aor_data["Workable/Total Files in AOR"][0] == "1/1"
    assert run.problem_aors == [91000256]
    named = catalogue.run(aors=[91000000], target="Renamed")
    assert list(named.aor_data["Target"]) == ["Renamed"]
    unnamed = catalogue.run(aors=[91000000], coord=" 270.0 66.0 ")
    assert list(unnamed.aor_data["Target"]) == ["270.0 66.0"]
    # All three are one target: names do not make a star.
    made = [row for each in (run, named, unnamed) for row in averages(catalogue, each)]
    assert len({row["target_id"] for row in made}) == 1


@pytest.mark.parametrize("coord", ["90 66", "270 -66", "100 -66", "270 89.9", "271 66", "0 0"])
def test_a_position_elsewhere_on_the_sky(simulated: Catalogue, coord: str) -> None:
    run = simulated.run(channel=1, aors=[90000256], coord=coord)
    assert run.problem_aors == [90000256]
    (row,) = averages(simulated, run)
    assert row["n_not_in_fov"] + row["n_coordinate_conversion"] == row["n_total"] == 3


def test_a_position_and_a_list_together(simulated: Catalogue) -> None:
    with pytest.raises(UsageError, match="not both"):
        simulated.plan(channel=1, coord="1 2", targets="list.csv")


POSITIONS = [
    ("18 02 30.74 +58 37 38.16", "18h02m30.74s", "+58d37m38.16s"),
    ("18:02:30.74 +58:37:38.16", "18h02m30.74s", "+58d37m38.16s"),
    ("18h02m30.74s +58d37m38.16s", "18h02m30.74s", "+58d37m38.16s"),
    ("08 54 51.2 -00 06 09.7", "8h54m51.2s", "-0d6m9.7s"),
    ("00 00 00 -90 00 00", "0h", "-90d"),
    ("270.628 +58.627", "270.628d", "58.627d"),
    ("270.628,-58.627", "270.628d", "-58.627d"),
    ("0 0", "0d", "0d"),
]


@pytest.mark.parametrize("text, ra, dec", POSITIONS)
def test_positions(text: str, ra: str, dec: str) -> None:
    truth = SkyCoord(ra, dec)
    found = parse_coordinate(text)
    assert found == pytest.approx((truth.ra.deg, truth.dec.deg), abs=1e-12)


@pytest.mark.parametrize("text", [
    "", "north", "12", "1 2 3", "1 2 3 4 5", "1 2 3 4 5 6 7", "360 0", "-1 0", "0 90.1", "0 -91",
    "24 00 01 +10 00 00", "10 60 00 +10 00 00", "10 00 60 +10 00 00", "10 00 00 +10 60 00",
    "10 00 00 +91 00 00", "10 -1 00 +10 00 00", "10.5 00 00 +10 00 00", "nan nan", "inf 0",
    "1e2 0", "10 00 00 +10 00.5 00", "-10 00 00 +10 00 00",
])  # fmt: skip
def test_text_that_is_no_position(text: str) -> None:
    with pytest.raises(BadCoordinate, match="no position on the sky"):
        parse_coordinate(text)


def write_list(folder: Path, *rows: str) -> Path:
    path = folder / "targets.csv"
    path.write_text("\n".join(["AOR Filepath,Target Coordinates", *rows, ""]))
    return path


def test_a_list_of_targets(catalogue: Catalogue, tmp_path: Path) -> None:
    two = replace(PLAIN, x=100.0, y=100.0, background=0.1, response=True)
    write_frames(tmp_path, two, replace(two, expid=1), replace(PLAIN, aorkey=91000256))
    catalogue.ingest(tmp_path)
    path = write_list(
        tmp_path,
        "/data/r91000256,18 00 00.0 +66 00 00",
        "/data1/spitzer/r91000000,270.0 66.001",
        "91000000/,270.0 66.0",
        "r91000000,18 00 00.0 +65 59 59.91",  # 0.09 arcsec from the last one: measured once
        "",
        "r17,270.0 66.0",
    )
    plan = catalogue.plan(targets=path)
    assert any("row 5 of" in text and "repeats row 4" in text for text in plan.warnings)
    run = catalogue.run(targets=path)
    table = run.aor_data
    assert list(table["AORKEY"]) == [17, 91000000, 91000000, 91000256]
    assert list(table["Target"]) == [
        "270.0 66.0", "270.0 66.001", "270.0 66.0", "18 00 00.0 +66 00 00"
    ]  # fmt: skip
    assert list(table["Target Dec"].value) == [66.0, 66.001, 66.0, 66.0]
    assert run.problems[0] == (17, "not in this catalogue")
    # The star is at the second target; at the first there is only sky.
    assert table["Workable/Total Files in AOR"][2] == "2/2"
    assert table["Workable/Total Files in AOR"][3] == "1/1"
    assert table["Flux (mJy)"][2].value == pytest.approx(30.0, rel=1e-3)
    assert len(run.img_data) == 2 * 2 + 1
    assert list(run.img_data["File#"]) == [1, 2, 1, 2, 1]
    (held,) = select(catalogue, "SELECT * FROM target_list")
    assert held["sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()
    assert run.row.target_list_id == held["id"]
    assert run.parameters["target_list"] == held["sha256"]


def test_a_list_and_some_of_its_aors(plain: Catalogue, tmp_path: Path) -> None:
    write_frames(tmp_path, PLAIN, replace(PLAIN, aorkey=91000256))
    plain.ingest(tmp_path)
    path = write_list(tmp_path, "r91000000,270.0 66.0", "r91000256,270.0 66.0")
    plan = plain.plan(targets=path, aors=[91000256])
    assert plan.aors == (91000256,)


def test_targets_a_little_more_than_the_limit_apart_are_two(
    catalogue: Catalogue, tmp_path: Path
) -> None:
    write_frames(tmp_path, PLAIN)
    catalogue.ingest(tmp_path)
    step = 0.11 / 3600
    path = write_list(tmp_path, "r91000000,270.0 66.0", f"r91000000,270.0 {66 + step!r}")
    run = catalogue.run(targets=path)
    assert len({row["target_id"] for row in averages(catalogue, run)}) == 2


def test_two_targets_on_either_side_of_a_known_one(catalogue: Catalogue, tmp_path: Path) -> None:
    """Being the same within 0.1 arcsec does not pass on: both are near to the one between."""
    write_frames(tmp_path, PLAIN)
    catalogue.ingest(tmp_path)
    catalogue.run(coord="270.0 66.0")
    step = 0.07 / 3600
    path = write_list(tmp_path, f"r91000000,270.0 {66 - step!r}", f"r91000000,270.0 {66 + step!r}")
    run = catalogue.run(targets=path)
    assert len(run.aor_data) == 2
    assert list(run.aor_data["Target Dec"].value) == [66 - step, 66 + step]


@pytest.mark.parametrize("row, message", [
    ("r91000000", "Row 3 .* 1 columns"),
    ("r91000000,270 66,x", "Row 3 .* 3 columns"),
    ("nowhere,270 66", "Row 3 .* names no AOR"),
    ("r91000000,270 96", "Row 3 .* no position on the sky"),
    ("r91000000,star", "Row 3 .* no position on the sky"),
])  # fmt: skip
def test_a_list_with_a_bad_row_tells_which(tmp_path: Path, row: str, message: str) -> None:
    with pytest.raises(BadTargetList, match=message):
        read_target_list(write_list(tmp_path, "r91000000,270 66", row))


def test_a_list_that_is_not_there_or_empty(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="No such file"):
        read_target_list(tmp_path / "none.csv")
    with pytest.raises(BadTargetList, match="no rows"):
        read_target_list(write_list(tmp_path))
    (tmp_path / "binary.csv").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(BadTargetList, match="not text"):
        read_target_list(tmp_path / "binary.csv")


# Numbers and names


@pytest.mark.parametrize("name", ["", "1run", "a-b", "a b", "run", "RUN", "x" * 49, "é", "a\n"])
def test_names_that_are_none(name: str) -> None:
    with pytest.raises(UsageError, match="no name for a run"):
        check_name(name)


def test_names_and_numbers_own_each_other() -> None:
    assert agree(13, None) == (13, "run13")
    assert agree(None, "Run13") == (13, "Run13")
    assert agree(7, "final") == (7, "final")
    assert agree(None, None) == (None, None)
    assert check_name("_" + "x" * 47)
    for number in (0, -1, 2**31):
        with pytest.raises(UsageError, match="positive integer"):
            agree(number, None)
    with pytest.raises(UsageError, match="owns number 13"):
        agree(12, "run13")


def test_numbers_and_names_are_given_out(catalogue: Catalogue, tmp_path: Path) -> None:
    write_frames(tmp_path, PLAIN)
    catalogue.ingest(tmp_path)
    assert catalogue.run(run_id=5).name == "run5"
    assert catalogue.run().run_id == 6
    assert catalogue.run(name="run13").run_id == 13
    final = catalogue.run(name="Final")
    assert (final.run_id, final.name) == (14, "Final")
    assert catalogue.run(name="other", run_id=2).run_id == 2
    for options in ({"name": "FINAL"}, {"run_id": 14}, {"name": "RUN13"}, {"run_id": 13}):
        with pytest.raises(RunRefused, match="never overwritten"):
            catalogue.run(**options)
    with pytest.raises(RunRefused, match="is called Final, not mine"):
        catalogue.run(run_id=14, name="mine")
    with pytest.raises(RunRefused, match="taken by run 14"):
        catalogue.run(run_id=99, name="final")
    with pytest.raises(RunRefused, match="different runs"):
        catalogue.run(run_id=2, name="final")
    for which in (14, "14", "final", "FINAL"):
        assert catalogue.get(which).run_id == 14
    with pytest.raises(NotFound, match="no run 77"):
        catalogue.get(77)


def test_the_next_number_is_free_whatever_is_taken(catalogue: Catalogue, tmp_path: Path) -> None:
    """From 1001 on numbers are those of imported runs; counting up to there must not end it."""
    write_frames(tmp_path, PLAIN)
    catalogue.ingest(tmp_path)
    for number, name in ((999, "a"), (1000, "b"), (1001, "c")):
        catalogue.run(run_id=number, name=name)
    assert catalogue.run().run_id == 1002


def test_a_finished_run_is_never_overwritten(catalogue: Catalogue, tmp_path: Path) -> None:
    write_frames(tmp_path, PLAIN)
    catalogue.ingest(tmp_path)
    made = catalogue.run(run_id=3)
    before = [tuple(row) for row in made.rows("img")], made.row.finished_at
    for options in ({}, {"radius": (3, 3, 7)}):
        with pytest.raises(RunRefused, match=r"Run 3 \(run3\) is finished.* next free number is 4"):
            catalogue.run(run_id=3, **options)
    again = catalogue.get(3)
    assert ([tuple(row) for row in again.rows("img")], again.row.finished_at) == before


# Begun, cut short, gone on with


def two_aors(folder: Path) -> None:
    write_frames(folder, *exposures(2), *exposures(2, replace(PLAIN, aorkey=91000256)))


@pytest.fixture
def unfinished(catalogue: Catalogue, tmp_path: Path) -> Catalogue:
    """Run 4 over two AORs, given up when all was declared and nothing measured."""
    two_aors(tmp_path / "a")
    catalogue.ingest(tmp_path / "a")
    with pytest.MonkeyPatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr("iracdb.runs.start.execute", raise_interrupt)
        catalogue.run(run_id=4, radius=(3, 3, 7))
    return catalogue


def raise_interrupt(*_arguments: Any, **_options: Any) -> None:
    raise KeyboardInterrupt


def test_inputs_are_declared_before_anything_is_measured(
    catalogue: Catalogue, any_location: str, tmp_path: Path
) -> None:
    two_aors(tmp_path / "a")
    catalogue.ingest(tmp_path / "a")
    words = ("run", "--run-id", "4", "--radius", "3", "3", "7", "--no-tables")
    done = cut_short("declared-kill", any_location, *words, folder=tmp_path)
    assert done.returncode == -9, done.stderr
    run = catalogue.get(4)
    assert (run.state, run.row.finished_at) == ("running", None)
    declared = select(
        catalogue,
        "SELECT f.name, i.role, i.position FROM run_input i JOIN file f ON f.id = i.file_id "
        "WHERE i.run_id = 4 ORDER BY i.position",
    )
    assert [row["name"] for row in declared] == sorted(row["name"] for row in declared)
    assert [(row["role"], row["position"]) for row in declared] == [
        ("science", n) for n in (1, 2, 3, 4)
    ]
    assert images(catalogue, run) == averages(catalogue, run) == []


def test_other_parameters_are_refused_with_the_difference(
    unfinished: Catalogue,
) -> None:
    with pytest.raises(RunRefused, match="begun otherwise") as refusal:
        unfinished.run(run_id=4, radius=(2, 2, 6), rejection="none")
    said = str(refusal.value)
    assert "radius_source is 3.0, now 2.0" in said
    assert "rejection is minmax, now none" in said
    assert "next free number is 5" in said


def test_other_software_is_refused_with_the_difference(
    unfinished: Catalogue, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = replace(software_module.this_software(), packages={"numpy": "0.1"})
    monkeypatch.setattr("iracdb.runs.start.this_software", lambda: other)
    with pytest.raises(RunRefused, match=r"numpy was .*, is now 0\.1"):
        unfinished.run(run_id=4, radius=(3, 3, 7))


def test_without_a_number_other_software_makes_a_run_of_its_own(
    unfinished: Catalogue, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Half a run by one software and half by another would be neither's."""
    other = replace(software_module.this_software(), packages={"numpy": "0.1"})
    monkeypatch.setattr("iracdb.runs.start.this_software", lambda: other)
    monkeypatch.setattr("iracdb.runs.registry.this_software", lambda: other)
    run = unfinished.run(radius=(3, 3, 7))
    assert run.run_id == 5
    assert run.software.packages == {"numpy": "0.1"}
    assert unfinished.get(4).state == "running"


def test_an_unfinished_run_uses_the_inputs_it_declared(
    unfinished: Catalogue, tmp_path: Path
) -> None:
    write_frames(tmp_path / "b", replace(PLAIN, expid=9), replace(PLAIN, version=2))
    unfinished.ingest(tmp_path / "b")
    told: list[tuple[int, bool]] = []
    run = unfinished.run(
        radius=(3, 3, 7), on_plan=lambda number, _name, _plan, again: told.append((number, again))
    )
    assert told == [(4, True)]
    assert (run.run_id, run.state) == (4, "finished")
    rows = images(unfinished, run)
    assert [(row["aorkey"], row["expid"]) for row in rows] == [
        (key, n) for key in (91000000, 91000256) for n in (0, 1)
    ]
    assert {row["file_name"].split("_")[5] for row in rows} == {"1"}


# Files that change


def change_content(path: Path, *, same_time: bool) -> None:
    """Change a pixel; size stays, and if wished the time."""
    status = path.stat()
    content = bytearray(path.read_bytes())
    content[-2880 * 2] ^= 1
    path.write_bytes(content)
    later = 0 if same_time else 10**9
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns + later))


@pytest.mark.parametrize("how", ["time", "size", "gone"])
def test_a_file_changed_since_ingest_stops_the_run(
    catalogue: Catalogue, tmp_path: Path, how: str
) -> None:
    paths = write_frames(tmp_path, PLAIN, replace(PLAIN, aorkey=91000256))
    catalogue.ingest(tmp_path)
    kept = tmp_path / "kept"
    shutil.copy2(paths[1], kept)
    if how == "time":
        change_content(paths[1], same_time=False)
    elif how == "size":
        with paths[1].open("ab") as stream:
            stream.write(b" " * 2880)
    else:
        paths[1].unlink()
    for _ in range(2):  # going on with it does not close it either
        with pytest.raises(InputsChanged, match="91000256"):
            catalogue.run(run_id=1)
        run = catalogue.get(1)
        assert run.state == "running"
        assert [row["aorkey"] for row in averages(catalogue, run)] == [91000000]
        assert select(catalogue, "SELECT * FROM run_aor_data") == []
    # With the file as it was the same command ends it.
    os.replace(kept, paths[1])
    assert catalogue.run(run_id=1).state == "finished"


def test_a_file_changed_after_it_was_measured_keeps_the_run_open(
    catalogue: Catalogue, tmp_path: Path
) -> None:
    paths = write_frames(tmp_path, PLAIN, replace(PLAIN, aorkey=91000256))
    catalogue.ingest(tmp_path)

    def change_first(_done: int, _all: int, aorkey: str) -> None:
        if aorkey == "91000000":
            change_content(paths[0], same_time=False)

    with pytest.raises(InputsChanged, match=paths[0].name):
        catalogue.run(progress=change_first)
    assert catalogue.get(1).state == "running"
    assert len(averages(catalogue, catalogue.get(1))) == 2
    with pytest.raises(InputsChanged):
        catalogue.run()


def test_check_inputs_reads_the_hashes(plain: Catalogue, tmp_path: Path) -> None:
    paths = write_frames(tmp_path, PLAIN)
    plain.ingest(tmp_path)
    assert plain.run(check_inputs=True).state == "finished"
    change_content(paths[0], same_time=True)
    with pytest.raises(InputsChanged, match="other bytes") as refusal:
        plain.run(run_id=2, check_inputs=True)
    assert hashlib.sha256(paths[0].read_bytes()).hexdigest()[:12] in str(refusal.value)
    assert plain.get(2).state == "running"


def test_a_file_that_was_moved_is_measured_where_it_is_now(
    catalogue: Catalogue, tmp_path: Path
) -> None:
    (path,) = write_frames(tmp_path / "a", PLAIN)
    catalogue.ingest(tmp_path / "a")
    (tmp_path / "b").mkdir()
    moved = tmp_path / "b" / path.name
    path.rename(moved)
    catalogue.ingest(tmp_path)
    assert catalogue.run().state == "finished"


# What a run records


def test_what_made_a_run_is_recorded(catalogue: Catalogue, tmp_path: Path) -> None:
    paths = write_frames(tmp_path, *exposures(2))
    catalogue.ingest(tmp_path)
    before = datetime.now(UTC)
    run = catalogue.run(radius=(3, 3, 7), comment="why not", rejection="sigma:3")
    row = run.row
    assert row.parameters_typed == {
        "radius": [3.0, 3.0, 7.0], "comment": "why not", "rejection": "sigma:3"
    }  # fmt: skip
    assert (row.operator, row.host) == (getpass.getuser(), socket.gethostname())
    assert (row.comment, row.origin, row.recipe) == ("why not", "executed", "manual")
    started, finished = (datetime.fromisoformat(t) for t in (row.started_at, row.finished_at))
    assert before <= started <= finished <= before + timedelta(minutes=5)
    canonical = json.dumps(row.parameters, sort_keys=True, separators=(",", ":"))
    assert row.parameters_digest == hashlib.sha256(canonical.encode()).hexdigest()
    hashes = sorted(hashlib.sha256(path.read_bytes()).hexdigest() for path in paths)
    lines = "".join(f"{digest} science\n" for digest in hashes)
    assert row.inputs_digest == hashlib.sha256(lines.encode()).hexdigest()
    stored = {
        r["name"]: r for r in select(catalogue, "SELECT * FROM run_parameter WHERE run_id = 1")
    }
    assert set(stored) == set(row.parameters)
    assert (stored["radius_outer"]["value"], stored["radius_outer"]["number"]) == ("7.0", 7.0)
    assert (stored["rejection"]["value"], stored["rejection"]["number"]) == ("sigma:3", None)


def test_software_is_recorded_down_to_numpy_and_the_platform(
    catalogue: Catalogue, tmp_path: Path
) -> None:
    write_frames(tmp_path, PLAIN)
    catalogue.ingest(tmp_path)
    found = catalogue.run().software
    assert found.iracdb == version("iracdb")
    for package in ("numpy", "astropy", "photutils", "scipy", "sqlalchemy"):
        assert found.packages[package] == version(package)
    assert platform.python_version() in found.python
    assert platform.machine() in found.platform
    assert catalogue.run().row.software_id == catalogue.get(1).row.software_id


def test_the_commit_is_recorded(monkeypatch: pytest.MonkeyPatch) -> None:
    top = Path(software_module.__file__).resolve().parents[2]
    answers = {"rev-parse --show-toplevel": str(top), "rev-parse HEAD": "c0ffee"}

    def ask(_folder: Path, *words: str) -> str | None:
        return answers.get(" ".join(words[:2]))

    monkeypatch.setattr(software_module, "_ask_git", ask)
    look = software_module.this_software.__wrapped__
    assert (look().git_commit, look().git_clean, look().git_changes) == ("c0ffee", True, None)
    answers |= {"status --porcelain": " M iracdb/api.py", "diff HEAD": "-a\n+b"}
    assert (look().git_commit, look().git_clean) == ("c0ffee", False)
    assert look().git_changes == " M iracdb/api.py\n-a\n+b"
    # An installed package in somebody's own repository is not that repository's.
    answers["rev-parse --show-toplevel"] = str(top.parent)
    assert (look().git_commit, look().git_clean) == (None, None)


def test_the_corrections_coefficients_are_recorded_by_digest(
    catalogue: Catalogue, tmp_path: Path
) -> None:
    write_frames(tmp_path, PLAIN)
    catalogue.ingest(tmp_path)
    run = catalogue.run()
    held, table = select(catalogue, "SELECT * FROM calibration ORDER BY kind DESC")
    assert table["sha256"] == run.parameters["aperture_correction_sha256"]
    assert (table["kind"], table["name"]) == ("aperture-correction", "manual 1")
    assert (run.row.response_id, held["kind"]) == (held["id"], "response")
    assert run.parameters["response_coefficients"] == held["sha256"]
    content = held["content"]
    content = json.loads(content) if isinstance(content, str) else content
    canonical = json.dumps(content, sort_keys=True, separators=(",", ":"))
    assert held["sha256"] == hashlib.sha256(canonical.encode()).hexdigest()
    assert content["warm"]["2"]["array_location"][0] == float(np.float32(0.97494935))


def test_measurements_say_what_they_came_from(catalogue: Catalogue, tmp_path: Path) -> None:
    paths = write_frames(tmp_path, *exposures(2))
    catalogue.ingest(tmp_path)
    run = catalogue.run()
    for path, row in zip(paths, images(catalogue, run), strict=True):
        assert row["sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()
        assert (row["plane"], row["repeat"], row["flags"]) == (-1, 0, 0)
        assert (row["x_wcs"], row["y_wcs"]) == pytest.approx((127.0, 127.0), abs=1e-6)
        assert (row["x"], row["y"]) == pytest.approx((127.0, 127.0), abs=1e-4)
        assert row["amplitude"] > 0
        assert row["residual_sum"] > 0
        assert -math.pi / 2 < row["angle"] <= math.pi / 2
        assert row["sky_pixels"] == pytest.approx(math.pi * (20**2 - 12**2), rel=1e-9)


# From Python


def test_tables_in_python_have_units_and_nothing_is_written(
    plain: Catalogue, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lit = replace(PLAIN, response=True)
    write_frames(tmp_path / "a", *exposures(2, lit), replace(lit, aorkey=91000256, x=-30.0))
    plain.ingest(tmp_path / "a")
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.chdir(home)
    run = plain.run()
    assert list(home.iterdir()) == []
    aor, img = run.aor_data, run.img_data
    assert isinstance(aor, QTable)
    assert isinstance(img, QTable)
    assert aor["Flux (mJy)"].unit == aor["Error (mJy)"].unit == u.mJy
    assert aor["Spread (%)"].unit == u.percent
    assert aor["FTime (sec)"].unit == u.s
    assert aor["Time (MJD)"].unit == img["Time[MJD]"].unit == u.day
    assert aor["Target RA"].unit == aor["Target Dec"].unit == u.deg
    assert img["Xc"].unit == img["Fy"].unit == u.pix
    assert img["Raw_Flux"].unit == img["Res_Flux"].unit == u.MJy / u.sr * u.pix
    assert list(img["AORKEY"]) == [91000000, 91000000, 91000256]
    assert run.problem_aors == [91000256]
    assert math.isnan(img["Raw_Flux"][2].value)
    assert aor["Flux (mJy)"][0].to(u.uJy).value == pytest.approx(30000, rel=1e-3)


def test_files_are_written_where_asked_for(plain: Catalogue, tmp_path: Path) -> None:
    write_frames(tmp_path / "a", PLAIN)
    plain.ingest(tmp_path / "a")
    plain.run(name="mine", out=tmp_path / "deep" / "out")
    assert sorted(path.name for path in (tmp_path / "deep" / "out").iterdir()) == [
        "mine_aor_data.csv", "mine_img_data.csv", "mine_log.txt"
    ]  # fmt: skip


def test_the_command_writes_its_tables_where_the_originals_users_look(
    tmp_path: Path,
) -> None:
    write_frames(tmp_path / "a", PLAIN)
    location = str(tmp_path / "iracdb.sqlite")
    assert command(location, "ingest", "a", folder=tmp_path).returncode == 0
    dry = command(location, "run", "--dry-run", folder=tmp_path)
    assert dry.returncode == 0, dry.stderr
    assert "91000000" in dry.stdout
    assert not (tmp_path / "Reduction_Data_&_Logs").exists()
    done = command(location, "run", "--run-id", "13", "--comment", "x y", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    assert sorted(path.name for path in (tmp_path / "Reduction_Data_&_Logs").iterdir()) == [
        "run13_aor_data.csv", "run13_img_data.csv", "run13_log.txt"
    ]  # fmt: skip
    again = command(location, "run", "--run-id", "13", folder=tmp_path)
    assert again.returncode == 3
    assert "next free number is 14" in again.stderr
    with Catalogue(location) as catalogue:
        assert catalogue.get(13).row.command == "iracdb run --run-id 13 --comment 'x y'"
        assert len(catalogue.runs().rows) == 1


def test_frames_without_a_file_of_the_kind_are_told(catalogue: Catalogue, tmp_path: Path) -> None:
    """A frame whose bcd is not there, and of which companions tell, is not passed over."""
    cube = replace(PLAIN, channel=2, subarray=True, x=15.5, y=15.5)
    write_frames(tmp_path, cube, replace(cube, expid=1, mjd=cube.mjd + 0.01))
    (bcd,) = tmp_path.rglob("*_0001_0000_1_bcd.fits")
    spec = replace(cube, expid=1, mjd=cube.mjd + 0.01)
    for kind, (cards, data) in companions(spec, simulate_frame(spec)[1]).items():
        write_fits(bcd.with_name(str(spec.name(kind))), cards, data)
    bcd.unlink()
    catalogue.ingest(tmp_path)
    plan = catalogue.plan(radius=(3, 3, 7))
    assert plan.warnings == ("AOR 91000000 has 1 of 2 frames without a bcd",)
