"""Times in runs: start and middle in MJD (UTC), middle in BJD (TDB), against real headers."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from astropy.io import fits
from handbook_helpers import handbook, write_with_companions
from helpers import spec
from run_helpers import averages, images

from iracdb import Catalogue

# Channels of the archive's AORs.
AORS = {24649984: 4, 38703360: 2, 46466816: 2, 48765440: 1}
CUBES = {24649984, 38703360, 46466816}
PRINTED = 1e-7 / 2  # days: BMJD_OBS has 7 decimals
MS = 1e-3


@pytest.fixture(scope="module")
def real(
    real_archive_at: Callable[[str], str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Catalogue]:
    place = str(tmp_path_factory.mktemp("times") / "iracdb.sqlite")
    with Catalogue(real_archive_at(place), create=False) as catalogue:
        yield catalogue


def headers(reference: Path, aorkey: int) -> dict[str, fits.Header]:
    folder = reference / "archive" / f"r{aorkey}"
    return {path.name: fits.getheader(path) for path in sorted(folder.rglob("*_bcd.fits"))}


def utc(header: fits.Header) -> float:
    """MJD of DATE_OBS, without anything of ours."""
    passed = datetime.fromisoformat(header["DATE_OBS"]) - datetime(2000, 1, 1)
    return 51544.0 + passed.total_seconds() / 86400


@pytest.mark.parametrize(
    ("aorkey", "how"), [*((key, "mean") for key in AORS), *((key, "each") for key in sorted(CUBES))]
)
def test_times_of_real_frames(real: Catalogue, reference: Path, aorkey: int, how: str) -> None:
    cards = headers(reference, aorkey)
    first = next(iter(cards.values()))
    # The cards' light time is for where the array was to point.
    where = first["RA_RQST"], first["DEC_RQST"]
    run = handbook(
        real, kind="bcd", channel=AORS[aorkey], aors=[aorkey],
        coord=f"{where[0]:.10f} {where[1]:+.10f}",
        planes=how, drop_planes="0-13" if how == "mean" else "1-60",
    )  # fmt: skip
    found = images(real, run)
    assert len(found) == len(cards) * (4 if how == "each" else 1)
    off = []
    for row in found:
        header = cards[row["file_name"]]
        plane = 0.5
        if aorkey in CUBES:
            plane += row["plane"] if how == "each" else np.mean(range(14, 64))
        start = utc(header)
        begins = start + (row["plane"] if how == "each" else 0) * header["FRAMTIME"] / 86400
        middle = plane * header["FRAMTIME"]  # s after the start
        assert 86400 * abs(row["mjd_start"] - begins) < MS
        assert 86400 * abs(row["mjd_mid"] - start - middle / 86400) < MS
        assert 86400 * abs(row["mjd_obs"] - header["MJD_OBS"]) < 1e-5

        # The card is of the start; until the middle the telescope goes on, and so does the light.
        velocity = np.array([header[f"SPTZR_V{axis}"] for axis in "XYZ"])
        place = np.array([header[f"SPTZR_{axis}"] for axis in "XYZ"])
        mine, theirs = (
            np.array([np.cos(d) * np.cos(a), np.cos(d) * np.sin(a), np.sin(d)])
            for a, d in np.radians([where, (header["RA_RQST"], header["DEC_RQST"])])
        )
        light = (velocity @ mine * middle + place @ (mine - theirs)) / 299792.458
        tdb = header["ET_OBS"] - header["UTCS_OBS"]
        expected = header["BMJD_OBS"] + (middle + light + tdb) / 86400
        off.append(86400 * (row["bjd_mid"] - 2400000.5 - expected))
    # A card is rounded by up to 4.3 ms; a Julian date holds 0.04 ms, ET_OBS 1 ms.
    assert np.abs(off).max() < 86400 * PRINTED + MS
    assert abs(np.mean(off)) < 1.5 * MS
    (average,) = averages(real, run)
    kept = [row for row in found if row["kept"]]
    if kept:
        assert average["mjd_mid"] == pytest.approx(np.mean([r["mjd_mid"] for r in kept]), abs=1e-10)
        assert average["bjd_mid"] == pytest.approx(np.mean([r["bjd_mid"] for r in kept]), abs=1e-9)


def star(expid: int, **changes: Any) -> Any:
    given = {"aorkey": 91_000_000, "expid": expid, "mjd": 56_000 + expid / 100, "flux_mjy": 30,
             "x": 15.0, "y": 15.0, "frame_time": 2.0}  # fmt: skip
    return spec(**(given | changes))


def test_an_aors_time_is_the_mean_of_the_images_kept(tmp_path: Path) -> None:
    # One exposure is unusable; one is left out as an outlier.
    frames = [star(n, flux_mjy=30 + n / 10) for n in range(4)]
    frames += [star(4, header={"BADTRIG": True}), star(5, flux_mjy=60.0)]
    for frame in frames:
        write_with_companions(tmp_path / "archive", frame, "bcd")
    with Catalogue(tmp_path / "iracdb.sqlite") as catalogue:
        catalogue.ingest(tmp_path / "archive")
        run = handbook(catalogue, kind="bcd")
        kept = [row["kept"] for row in images(catalogue, run)]
        assert list(map(bool, kept)) == [True, True, True, True, False, False]
        (average,) = averages(catalogue, run)
        # Of planes 1 to 56 and 58 to 63 the mean middle is that of plane 31.85.
        planes = [*range(1, 57), *range(58, 64)]
        middle = (np.mean(planes) + 0.5) * 2.0 / 86400
        expected = np.mean([56_000 + n / 100 for n in range(4)]) + middle
        assert 86400 * abs(average["mjd_mid"] - expected) < MS
        assert 1 / 1440 < average["bjd_mid"] - 2400000.5 - expected - 67.184 / 86400 + 0.01 < 0.02
        # The marked frame has times all the same.
        assert images(catalogue, run)[4]["mjd_mid"] > 0


def test_what_headers_do_not_tell(tmp_path: Path) -> None:
    frames = [
        star(0, header={"FRAMTIME": None}),
        star(1, header={"SPTZR_X": None}),
        star(2, header={"SPTZR_VX": None}),
        star(3, header={"UTCS_OBS": None}),
        star(4, header={"UTCS_OBS": 1.0}),  # which is not when MJD_OBS says
    ]
    for frame in frames:
        write_with_companions(tmp_path / "archive", frame)
    with Catalogue(tmp_path / "iracdb.sqlite") as catalogue:
        catalogue.ingest(tmp_path / "archive")
        found = sorted(images(catalogue, handbook(catalogue)), key=lambda row: row["expid"])
        told = [[row[name] is not None for name in ("mjd_start", "mjd_mid", "bjd_mid")]
                for row in found]  # fmt: skip
        assert told == [[True, False, False], [True, True, False], *[[True] * 3] * 3]
        for row in found:
            assert 86400 * abs(row["mjd_start"] - 56_000 - row["expid"] / 100) < MS


@pytest.mark.parametrize("recipe", ["handbook", "manual"])
def test_a_sub2d_is_of_all_64_planes(tmp_path: Path, recipe: str) -> None:
    """The archive's own mean of a cube: its middle is the cube's, its noise that of 64 planes."""
    write_with_companions(tmp_path / "archive", star(0, noise=True))
    with Catalogue(tmp_path / "iracdb.sqlite") as catalogue:
        catalogue.ingest(tmp_path / "archive")
        run = catalogue.run(kind="sub2d", recipe=recipe, radius=(3, 3, 7))
        (row,) = images(catalogue, run)
        assert 86400 * (row["mjd_mid"] - row["mjd_start"]) == pytest.approx(64.0, abs=1e-3)
        header = fits.getheader(next((tmp_path / "archive").rglob("*_sub2d.fits")))
        electrons = header["EXPTIME"] * header["GAIN"] / header["FLUXCONV"]
        area, net = 9 * np.pi, row["raw"] - row["background"]
        pixel = (row["sky"] + header.get("SKYDRKZB", 0)) * electrons + header["RONOISE"] ** 2
        photons = (net * electrons + area * pixel) / 64 / electrons**2
        scatter = {"handbook": 4.5 * np.pi - 8, "manual": 1}[recipe] * row["sky_sigma"] ** 2
        level = area**2 * scatter / row["sky_pixels"]
        assert row["expected_noise"] == pytest.approx(np.sqrt(photons + level), rel=1e-9)
