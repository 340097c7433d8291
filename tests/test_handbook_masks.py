"""Masks, header marks and errors in runs: what is left out, counted, flagged and declared."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from astropy.io import fits
from handbook_helpers import COMPANIONS, by_hand, handbook, write_with_companions
from helpers import spec
from photutils.aperture import CircularAperture
from run_helpers import averages, images, select

from iracdb import Catalogue
from iracdb.errors import InputsChanged
from iracdb.irac.simulate import FrameSpec

AOR = 91_000_000
X, Y = 15.0, 15.2
CIRCLE, ANNULUS, ELSEWHERE = (15, 15), (15, 20), (3, 3)  # (row, column)
PLACES = (CIRCLE, ANNULUS, ELSEWHERE)
FATAL = {3, 8, 9, 10, 11, 12, 13, 14}  # the Science Center's set, typed in
FATAL_IN_APERTURE, HEADER_MARK, SATURATED, NO_MASK = 128, 256, 512, 1024


def star(expid: int, **changes: Any) -> FrameSpec:
    given = {"aorkey": AOR, "expid": expid, "mjd": 56_000 + expid / 1000, "x": X, "y": Y,
             "flux_mjy": 30.0}  # fmt: skip
    return spec(**(given | changes))


def filled(folder: Path, *frames: FrameSpec, kind: str = "sub2d", **options: Any) -> Catalogue:
    for frame in frames:
        write_with_companions(folder / "archive", frame, kind, **options)
    catalogue = Catalogue(folder / "iracdb.sqlite")
    catalogue.ingest(folder / "archive")
    return catalogue


# ---- each bit ------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def bits(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Catalogue]:
    """Three exposures for each bit: in the circle, in the annulus, and where neither is."""
    frames = [
        star(3 * bit + place, mask_bits=((bit, *pixel),))
        for bit in range(15)
        for place, pixel in enumerate(PLACES)
    ]
    with filled(tmp_path_factory.mktemp("bits"), *frames) as catalogue:
        yield catalogue


@pytest.mark.parametrize(
    ("asked", "fatal", "recorded"),
    [
        ({}, FATAL, 32520),
        ({"mask_bits": "0-7"}, set(range(8)), 255),
        ({"mask_bits": "5,14"}, {5, 14}, 16416),
        ({"mask": False}, set(), None),
    ],
)
def test_each_bit(
    bits: Catalogue, asked: dict[str, Any], fatal: set[int], recorded: int | None
) -> None:
    run = handbook(bits, rejection="none", **asked)
    assert run.parameters["mask_bits"] == recorded
    assert run.parameters["mask"] == (None if recorded is None else "msk2d")
    found = images(bits, run)
    assert len(found) == 45
    clean = found[3 * 15 - 1]  # the last is hit nowhere
    for row in found:
        bit, place = divmod(row["expid"], 3)
        hit = bit in fatal
        in_circle, in_annulus = (hit and PLACES[place] == where for where in (CIRCLE, ANNULUS))
        assert row["masked_in_aperture"] == in_circle
        assert row["masked_in_annulus"] == in_annulus
        assert (row["flags"] & FATAL_IN_APERTURE != 0) is in_circle
        assert row["flags"] & ~FATAL_IN_APERTURE == 0
        assert (row["raw"] is None) is in_circle
        assert bool(row["kept"]) is not in_circle
        if not in_circle:
            # The same pixels but for the one in the annulus: the star and its centre are not moved.
            assert row["raw"] == pytest.approx(clean["raw"], rel=1e-6)
            assert row["sky_pixels"] == clean["sky_pixels"] - in_annulus
    (average,) = averages(bits, run)
    assert average["n_fatal_in_aperture"] == len(fatal)
    assert (average["n_total"], average["n_workable"]) == (45, 45 - len(fatal))


def test_the_sky_is_that_of_the_others(tmp_path: Path) -> None:
    """A bright pixel in the annulus, marked, is as if it were not there."""
    frame = star(0, mask_bits=((14, *ANNULUS),))
    with filled(tmp_path, frame) as catalogue:
        (path,) = (tmp_path / "archive").rglob("*_sub2d.fits")
        with fits.open(path, mode="update") as held:
            held[0].data[ANNULUS] += np.float32(50.0)
        catalogue.ingest(tmp_path / "archive", rehash=True)
        # A median feels one pixel; the mode clips it away by itself.
        run = handbook(catalogue, sky="mean")
        blind = handbook(catalogue, sky="mean", mask=False)
        (seen,), (hurt,) = images(catalogue, run), images(catalogue, blind)
        image = fits.getdata(path).astype(float)
        image[ANNULUS] = np.nan
        assert hurt["sky"] - seen["sky"] == pytest.approx(50 / (40 * np.pi), rel=0.05)
        modal = handbook(catalogue)
        (row,) = images(catalogue, modal)
        expected = by_hand(image, row["x"], row["y"])
        for name, value in expected.items():
            assert row[name] == pytest.approx(value, rel=1e-6), name


# ---- kinds and roles -----------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["bcd", "cbcd", "sub2d"])
def test_each_kind_has_companions_of_its_own(tmp_path: Path, kind: str) -> None:
    mask, uncertainty = COMPANIONS[kind]
    frames = [star(0, mask_bits=((14, *CIRCLE),)), star(1)]
    with filled(tmp_path, *frames, kind=kind) as catalogue:
        run = handbook(catalogue, kind=kind)
        assert (run.parameters["mask"], run.parameters["uncertainty"]) == (mask, uncertainty)
        rows = select(
            catalogue,
            "SELECT i.position, i.role, f.kind FROM run_input i JOIN file f ON f.id = i.file_id "
            f"WHERE i.run_id = {run.run_id} ORDER BY i.position, i.role",
        )
        assert [tuple(row.values()) for row in rows] == [
            (position, role, name)
            for position in (1, 2)
            for role, name in (("mask", mask), ("science", kind), ("uncertainty", uncertainty))
        ]
        first, second = images(catalogue, run)
        assert first["flags"] == FATAL_IN_APERTURE
        assert second["flags"] == 0 and second["net_error"] > 0
        assert catalogue.verify(run.run_id).verdict == "exact"
        drawn = catalogue.lineage(run.run_id, aor=AOR)
        told = " ".join(str(row) for row in drawn.nodes.rows)
        assert f"_{mask}.fits" in told and f"_{uncertainty}.fits" in told


def test_a_frame_without_a_mask_is_measured_and_said_so(tmp_path: Path) -> None:
    folder = tmp_path / "archive"
    write_with_companions(folder, star(0))
    write_with_companions(folder, star(1), without=("msk2d",))
    with Catalogue(tmp_path / "iracdb.sqlite") as catalogue:
        catalogue.ingest(folder)
        run = handbook(catalogue)
        assert f"AOR {AOR} has 1 of 2 frames without a msk2d for the bad pixels" in run.warnings
        assert [row["flags"] for row in images(catalogue, run)] == [0, NO_MASK]
        assert averages(catalogue, run)[0]["n_workable"] == 2
        assert [row["flags"] for row in images(catalogue, handbook(catalogue, mask=False))] == [
            0,
            0,
        ]
        assert catalogue.verify(run.run_id).verdict == "exact"


def test_no_frame_has_companions(tmp_path: Path) -> None:
    with filled(tmp_path, star(0), without=("msk2d", "unc2d")) as catalogue:
        run = handbook(catalogue)
        assert f"AOR {AOR} has 1 of 1 frames without a unc2d for the uncertainties" in run.warnings
        (row,) = images(catalogue, run)
        assert (row["flags"], row["net_error"]) == (NO_MASK, None)
        assert row["expected_noise"] > 0 and row["kept"]
        assert catalogue.verify(run.run_id).verdict == "exact"


def change(path: Path) -> None:
    """Put other bytes where a file is."""
    content = bytearray(path.read_bytes())
    content[-2880] ^= 1
    path.write_bytes(content)


@pytest.mark.parametrize("kind", ["msk2d", "unc2d"])
def test_a_companion_changed_while_the_run_was_made(tmp_path: Path, kind: str) -> None:
    with filled(tmp_path, star(0), star(1)) as catalogue:
        (path, _) = sorted((tmp_path / "archive").rglob(f"*_{kind}.fits"))

        def progress(_done: int, _total: int, aorkey: str) -> None:
            if aorkey:
                change(path)

        with pytest.raises(InputsChanged, match=path.name):
            handbook(catalogue, progress=progress)
        assert catalogue.get("run1").state != "finished"


@pytest.mark.parametrize("kind", ["msk2d", "unc2d"])
def test_a_companion_changed_after_the_run(tmp_path: Path, kind: str) -> None:
    with filled(tmp_path, star(0), star(1)) as catalogue:
        run = handbook(catalogue)
        (path, _) = sorted((tmp_path / "archive").rglob(f"*_{kind}.fits"))
        change(path)
        found = catalogue.verify(run.run_id)
        assert found.verdict != "exact"
        assert path.name in {one.name for one in found.inputs if not one.usable}


# ---- header marks --------------------------------------------------------------------------------

BAD = ({"MISSDATA": True}, {"MISS_LCT": 3}, {"BADTRIG": True}, {"ZEROPIX": 5})
ADVISORY = ({"PTGCPD": "Yes"}, {"USEDBPHF": False})


def test_frames_that_their_headers_mark(tmp_path: Path) -> None:
    frames = [star(n, header=cards) for n, cards in enumerate((*BAD, *ADVISORY, {}))]
    with filled(tmp_path, *frames) as catalogue:
        run = handbook(catalogue)
        assert run.parameters["header_marks"] == "MISSDATA MISS_LCT BADTRIG ZEROPIX"
        found = images(catalogue, run)
        assert [row["flags"] for row in found] == [HEADER_MARK] * 4 + [0] * 3
        sums = ("raw", "background", "sky", "net_error", "corrected", "expected_noise")
        for row in found:
            marked = row["flags"] == HEADER_MARK
            assert [row[name] is None for name in sums] == [marked] * len(sums)
            assert bool(row["kept"]) is not marked
        (average,) = averages(catalogue, run)
        assert (average["n_header_mark"], average["n_workable"]) == (4, 3)
        assert catalogue.verify(run.run_id).verdict == "exact"

        trusting = handbook(catalogue, header_marks=False)
        assert trusting.parameters["header_marks"] is None
        assert {row["flags"] for row in images(catalogue, trusting)} == {0}
        assert averages(catalogue, trusting)[0]["n_workable"] == 7
        # The recipe of old never looked.
        manual = catalogue.run(kind="sub2d", radius=(3, 3, 7))
        assert averages(catalogue, manual)[0]["n_header_mark"] == 0


def test_an_aor_of_marked_frames_alone_says_why(tmp_path: Path) -> None:
    with filled(tmp_path, star(0, header={"BADTRIG": True})) as catalogue:
        run = handbook(catalogue)
        assert run.problems == [(AOR, "no usable image of 1: 1 that their headers mark as bad")]


# ---- errors --------------------------------------------------------------------------------------

GAIN, EXPOSURE, FLUXCONV, READ_NOISE, FRAME_TIME, WELL = 3.71, 1.92, 0.1447, 9.4, 2.0, 140_000.0


@pytest.fixture(scope="module")
def noisy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Catalogue, Path]]:
    folder = tmp_path_factory.mktemp("noisy")
    frames = [star(n, noise=True, background=0.3, frame_time=2.0) for n in range(3)]
    with filled(folder, *frames, kind="bcd") as catalogue:
        yield catalogue, folder / "archive"


def test_errors_of_one_image_by_hand(noisy: tuple[Catalogue, Path]) -> None:
    catalogue, folder = noisy
    run = handbook(catalogue, kind="bcd", planes="each", drop_planes="0-60")
    found = images(catalogue, run)
    assert len(found) == 9
    for row in found:
        path = next(folder.rglob(row["file_name"]))
        header = fits.getheader(path)
        told = tuple(
            header[name] for name in ("GAIN", "EXPTIME", "FLUXCONV", "RONOISE", "FRAMTIME")
        )
        assert told == (GAIN, EXPOSURE, FLUXCONV, READ_NOISE, FRAME_TIME)
        image = fits.getdata(path)[row["plane"]].astype(float)
        beside = path.with_name(path.name.replace("_bcd", "_bunc"))
        error = fits.getdata(beside)[row["plane"]].astype(float)
        circle = CircularAperture((row["x"], row["y"]), 3)
        _, (squared,) = circle.do_photometry(image, error=error, method="exact")
        area = 9 * math.pi
        # The mode's level scatters by sqrt(9 pi/2 + 4 - 12) times what the mean's would.
        level = math.sqrt(4.5 * math.pi - 8) * row["sky_sigma"] / math.sqrt(row["sky_pixels"])
        assert row["net_error"] == pytest.approx(math.hypot(squared, area * level), rel=1e-6)

        electrons = EXPOSURE * GAIN / FLUXCONV
        net = row["raw"] - row["background"]
        dark = header.get("SKYDRKZB", 0.0)
        photons = net * electrons + area * ((row["sky"] + dark) * electrons + READ_NOISE**2)
        noise = math.hypot(math.sqrt(photons) / electrons, area * level)
        assert row["expected_noise"] == pytest.approx(noise, rel=1e-9)

        near = circle.to_mask(method="exact").to_image(image.shape) > 0
        assert row["peak"] == image[near].max()
        filled_by = (row["peak"] + dark) * FRAME_TIME * GAIN / FLUXCONV / WELL
        assert row["well_fraction"] == pytest.approx(filled_by, rel=1e-9)
        assert row["flags"] == 0
    assert catalogue.verify(run.run_id).verdict == "exact"


def test_the_averages_noise_is_that_of_its_images(noisy: tuple[Catalogue, Path]) -> None:
    catalogue, _ = noisy
    run = handbook(catalogue, kind="bcd")
    (average,) = averages(catalogue, run)
    kept = [row for row in images(catalogue, run) if row["kept"]]
    in_mjy = average["aperture_correction"] * average["pixel_size"] ** 2 / 206265**2 * 1e9
    noise = [
        row["expected_noise"] * in_mjy / (row["array_location_factor"] * row["pixel_phase_factor"])
        for row in kept
    ]
    rms = math.sqrt(sum(value**2 for value in noise) / len(noise))
    assert average["expected_noise"] == pytest.approx(rms, rel=1e-12)
    assert average["upper_limit"] is None


def test_a_full_well_is_flagged_and_keeps_its_flux(tmp_path: Path) -> None:
    # From far below to more than all of the well; the clipped one is masked too.
    frames = [star(n, flux_mjy=flux, frame_time=2.0) for n, flux in enumerate((100, 200, 3000))]
    with filled(tmp_path, *frames, kind="bcd") as catalogue:
        run = handbook(catalogue, kind="bcd", mask=False, rejection="none")
        found = images(catalogue, run)
        for row in found:
            assert (row["flags"] == SATURATED) is (row["well_fraction"] >= 0.9)
            assert row["kept"] and row["corrected"] > 0
        assert [row["flags"] for row in found] == [0, 0, SATURATED]
        masked = images(catalogue, handbook(catalogue, kind="bcd", rejection="none"))
        assert masked[2]["flags"] & FATAL_IN_APERTURE
        assert masked[2]["corrected"] is None


# ---- forced --------------------------------------------------------------------------------------


def test_forced_where_no_star_is(tmp_path: Path) -> None:
    # A star too faint to be seen, and none; in noise, where a fit would go astray.
    frames = [
        star(n, aorkey=AOR + 256 * (flux == 0), flux_mjy=flux, noise=True, frame_time=0.4,
             mjd=56_000 + n / 1000)
        for flux in (0.05, 0.0) for n in range(8)
    ]  # fmt: skip
    with filled(tmp_path, *frames) as catalogue:
        run = handbook(catalogue, forced=True, rejection="none")
        assert run.parameters["position"] == "forced"
        for row in images(catalogue, run):
            assert (row["x"], row["y"]) == (row["x_wcs"], row["y_wcs"])
            assert row["flags"] == 0 and row["raw"] is not None and row["net_error"] > 0
            path = next((tmp_path / "archive").rglob(row["file_name"]))
            expected = by_hand(fits.getdata(path).astype(float), row["x"], row["y"])
            for name, value in expected.items():
                assert row[name] == pytest.approx(value, rel=1e-6, abs=1e-9), name
        for average in averages(catalogue, run):
            assert average["n_workable"] == 8
            assert abs(average["flux"]) < 5 * average["standard_error"]
            if average["flux"] < 3 * average["standard_error"]:
                limit = max(average["flux"], 0) + 3 * average["standard_error"]
                assert average["upper_limit"] == pytest.approx(limit, rel=1e-12)
            else:
                assert average["upper_limit"] is None
        assert any(row["upper_limit"] for row in averages(catalogue, run))
        assert catalogue.verify(run.run_id).verdict == "exact"


def test_one_image_has_an_upper_limit_too(tmp_path: Path) -> None:
    """One image has no scatter: what its noise is expected to be stands for it."""
    with filled(tmp_path, star(0, flux_mjy=0.0, noise=True, frame_time=0.4)) as catalogue:
        run = handbook(catalogue, forced=True)
        (average,) = averages(catalogue, run)
        assert average["standard_error"] is None
        limit = max(average["flux"], 0) + 3 * average["expected_noise"]
        assert average["upper_limit"] == pytest.approx(limit, rel=1e-12)


def test_forced_needs_no_centre(tmp_path: Path) -> None:
    """A brighter star nearby draws the fit away; the position stays."""
    frame = star(0, offset=(3.5, 0.0))
    with filled(tmp_path, frame) as catalogue:
        (fitted,) = images(catalogue, handbook(catalogue))
        assert fitted["flags"] & 4 or fitted["raw"] is None
        (forced,) = images(catalogue, handbook(catalogue, forced=True))
        assert forced["flags"] == 0
        assert (forced["x"], forced["y"]) == pytest.approx((X - 3.5, Y), abs=1e-3)
