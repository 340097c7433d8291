"""Light curves: what stands in them, by plain sums over the database's rows and the frames."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import astropy.units as u
import numpy as np
import pytest
from astropy.io import fits
from astropy.io.votable.ucd import check_ucd
from astropy.table import QTable
from iracdb_cli.main import main
from published_helpers import copy_run
from run_helpers import averages, images, select
from sqlalchemy import update

from iracdb import Catalogue
from iracdb.catalogue import tables as t
from iracdb.errors import CannotWrite, InputRefused, InputsChanged, NotFound, RunRefused, UsageError
from iracdb.export.lightcurve import as_bytes, export_light_curve, file_name
from iracdb.export.writing import write_files
from iracdb.irac.simulate import FrameSpec, eclipse, follow, write_series
from iracdb.photometry.units import from_mjy, from_sums
from iracdb.runs.results import Run
from iracdb.runs.stamps import cut_stamp, middle_of

STAR, DIP = 91_000_000, 0.005
HOSTILE = "../HD 1/;*"
SHAPE = {"middle": 56000.00045, "duration": 0.0007, "ingress": 0.00005}
ARCSEC = 206_265  # as the original pipeline has it


def frames() -> list[FrameSpec]:
    """Six cubes of a star in eclipse, and a star at the edge of a full array, with another name."""
    star = [
        FrameSpec(
            channel=2, aorkey=STAR, dcenum=n, mjd=56000 + n * 2e-4, subarray=True, frame_time=0.1,
            flux_mjy=800.0, target="SIM TRANSIT", x=14.6, y=15.3, background=0.1,
        )
        for n in range(6)
    ]  # fmt: skip
    edge = [
        FrameSpec(
            channel=2, aorkey=STAR + 256, dcenum=n, mjd=56010 - n * 0.01, frame_time=12.0,
            flux_mjy=20.0, target=HOSTILE, x=100.0 + n, y=254.8 - 100 * n, ra=271.0,
        )
        for n in range(2)
    ]  # fmt: skip
    return [*follow(star, lambda times: eclipse(times, depth=DIP, **SHAPE)), *edge]


@dataclass
class Held:
    catalogue: Catalogue
    location: str
    archive: Path
    run: Run
    mean: Run


@pytest.fixture(scope="module")
def held(module_database: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Held]:
    folder = tmp_path_factory.mktemp("lightcurve")
    write_series(folder / "archive", frames(), beside=True)
    url = module_database.url
    location = (
        str(url.database)
        if module_database.dialect == "sqlite"
        else url.render_as_string(hide_password=False)
    )
    with Catalogue(location) as catalogue:
        catalogue.ingest(folder / "archive")
        run = catalogue.run(1, recipe="handbook", planes="each", fluxconv=0.15)
        mean = catalogue.run(2, aors=[STAR], radius=(3, 3, 7), planes="mean")
        yield Held(catalogue, location, folder / "archive", run, mean)


@pytest.fixture(scope="module")
def curve(held: Held) -> QTable:
    return held.run.lightcurve("SIM TRANSIT", stamp=True)


def stored(held: Held, run: Run, aorkey: int) -> dict[str, np.ndarray]:
    """What the database holds of an AOR's images, by time, as plain arrays."""
    rows = [row for row in images(held.catalogue, run) if row["aorkey"] == aorkey]
    rows.sort(key=lambda row: row["mjd_mid"])
    found = {
        name: np.array([np.nan if row[name] is None else row[name] for row in rows])
        for name in rows[0]
        if not isinstance(rows[0][name], str)
    }
    found["file_name"] = np.array([row["file_name"] for row in rows])
    return found


# ---- numbers -------------------------------------------------------------------------------------


def test_a_row_is_an_image_by_time(held: Held, curve: QTable) -> None:
    assert len(curve) == 6 * 62
    assert set(curve["plane"]) == set(range(64)) - {0, 57}
    assert set(curve["dcenum"]) == set(range(6))
    assert list(curve["aorkey"]) == [STAR] * len(curve)
    (average,) = [row for row in averages(held.catalogue, held.run) if row["aorkey"] == STAR]
    assert set(curve["frame_group"]) == {average["frame_group"]}
    assert np.all(np.diff(curve["time_bjd_tdb"].value) > 0)
    assert "time_mjd_obs" not in curve.colnames
    started = 56000 + curve["dcenum"] * 2e-4
    middle = started + (curve["plane"] + 0.5) * 0.1 / 86400
    assert np.abs(curve["time_mjd_utc"].value - middle).max() * 86400 < 2e-3
    other = held.run.lightcurve(HOSTILE)
    assert list(other["dcenum"]) == [1, 0]
    assert set(other["plane"]) == {-1}


def test_fluxes_are_those_of_the_run(held: Held, curve: QTable) -> None:
    rows = stored(held, held.run, STAR)
    scale = 1.1336 * (rows["pixel_size"] / ARCSEC) ** 2 * 1e9
    assert curve["flux"].unit == u.mJy
    assert curve["flux"].value == pytest.approx(rows["corrected"] * scale, rel=1e-8)
    net = (rows["raw"] - rows["background"]) * rows["calibration_factor"]
    assert curve["flux_uncorrected"].value == pytest.approx(net * scale, rel=1e-8)
    assert set(rows["calibration_factor"]) != {1.0}
    error = rows["net_error"] * rows["corrected"] / (rows["raw"] - rows["background"])
    assert curve["flux_err"].value == pytest.approx(error * scale, rel=1e-8)
    assert set(curve["flux_err_from"]) == {"uncertainty file"} == {curve.meta["flux_err_from"]}
    # To the last bit: the mean of what is kept is the run's average.
    (average,) = [row for row in averages(held.catalogue, held.run) if row["aorkey"] == STAR]
    kept = curve["flux"].value[curve["kept"]]
    assert math.fsum(kept.tolist()) / len(kept) == average["flux"]
    assert len(kept) == average["n_workable"] - average["n_rejected"]


def test_without_uncertainties_the_error_is_the_expected_noise(held: Held) -> None:
    table = held.mean.lightcurve()
    rows = stored(held, held.mean, STAR)
    assert set(table["flux_err_from"]) == {"expected noise"} == {table.meta["flux_err_from"]}
    error = rows["expected_noise"] / rows["array_location_factor"] / rows["pixel_phase_factor"]
    scale = rows["aperture_correction"] * (rows["pixel_size"] / ARCSEC) ** 2 * 1e9
    assert table["flux_err"].value == pytest.approx(error * scale, rel=1e-8)


def test_columns_are_as_stored(held: Held, curve: QTable) -> None:
    rows = stored(held, held.run, STAR)
    for name in (
        "x", "y", "fwhm_x", "fwhm_y", "noise_pixels", "sky", "sky_sigma", "peak", "well_fraction",
        "pixel_phase_factor", "array_location_factor", "kept", "flags", "expid", "dcenum", "plane",
    ):  # fmt: skip
        found = getattr(curve[name], "value", curve[name])
        assert np.array_equal(found, rows[name]), name
    for name, key in (("time_bjd_tdb", "bjd_mid"), ("time_mjd_utc", "mjd_mid")):
        assert np.array_equal(curve[name].value, rows[key])
    facts = {
        row["id"]: (row["fpa_temperature"], row["jitter"])
        for row in select(held.catalogue, "SELECT id, fpa_temperature, jitter FROM file")
    }
    beside = np.array([facts[int(number)] for number in rows["file_id"]])
    assert np.array_equal(curve["fpa_temperature"].to_value(u.K), beside[:, 0])
    assert np.array_equal(curve["jitter"].to_value(u.arcsec), beside[:, 1])


def test_an_eclipse_comes_back(curve: QTable) -> None:
    flux, error = curve["flux"].value, curve["flux_err"].value
    shape = 1 - eclipse(curve["time_mjd_utc"].value, depth=1.0, **SHAPE)
    design = np.stack([np.ones(len(flux)), -shape], axis=1) / error[:, None]
    covariance = np.linalg.inv(design.T @ design)
    level, fall = covariance @ design.T @ (flux / error)
    sigma = math.sqrt(covariance[1, 1]) / level
    assert sigma < DIP / 5
    assert abs(fall / level - DIP) < 2 * sigma
    assert np.std((flux - level + fall * shape) / error) == pytest.approx(1, abs=0.15)


def test_units(held: Held, curve: QTable) -> None:
    rows = stored(held, held.run, STAR)
    mjy, error = curve["flux"].value, curve["flux_err"].value
    micro = held.run.lightcurve("SIM TRANSIT", unit="uJy")
    assert micro["flux"].unit == u.uJy
    assert micro["flux"].value == pytest.approx(mjy * 1000, rel=1e-12)
    assert micro["flux_err"].value == pytest.approx(error * 1000, rel=1e-12)
    magnitude = held.run.lightcurve("SIM TRANSIT", unit="mag")
    assert magnitude["flux"].unit == u.mag
    assert magnitude["flux"].value == pytest.approx(-2.5 * np.log10(mjy / 179_700), abs=1e-12)
    assert magnitude["flux_err"].value == pytest.approx(1.0857362 * error / mjy, rel=1e-7)
    assert magnitude.meta["zero_point_jy"] == 179.7
    assert "zero_point_jy" not in curve.meta
    electrons = held.run.lightcurve("SIM TRANSIT", unit="electron")
    assert electrons["flux"].unit == u.electron
    cards = {
        row["id"]: row
        for row in select(held.catalogue, "SELECT id, gain, exposure_time, fluxconv FROM file")
    }
    of = [cards[int(number)] for number in rows["file_id"]]
    factor = np.array([c["gain"] * c["exposure_time"] / c["fluxconv"] for c in of])
    net = rows["raw"] - rows["background"]
    response = rows["array_location_factor"] * rows["pixel_phase_factor"]
    assert electrons["flux"].value == pytest.approx(net / response * factor, rel=1e-12)
    assert electrons["flux_uncorrected"].value == pytest.approx(net * factor, rel=1e-12)
    with pytest.raises(UsageError, match="no unit 'Jy'"):
        held.run.lightcurve("SIM TRANSIT", unit="Jy")


def test_units_alone() -> None:
    values, errors = from_mjy([1.0, 0.0, -1.0, np.nan], [0.1, 0.1, 0.1, 0.1], "mag", 1)
    assert values[0] == pytest.approx(2.5 * math.log10(280_900))
    assert np.isnan(values[1:]).all()
    assert np.isnan(errors[1:]).all()
    assert errors[0] == pytest.approx(0.10857, rel=1e-4)
    flux, error = from_sums([2.0], [0.5], gain=[3.0], exposure_time=[4.0], fluxconv=[0.5])
    assert (flux[0], error[0]) == (48.0, 12.0)
    with pytest.raises(UsageError, match="its sum over pixels"):
        from_mjy([1.0], [1.0], "electron", 1)


# ---- stamps --------------------------------------------------------------------------------------


def pixels_of(held: Held, name: str) -> np.ndarray:
    (path,) = held.archive.rglob(str(name))
    return fits.getdata(path).astype(float)


def test_stamps_are_the_frames_pixels(held: Held, curve: QTable) -> None:
    rows = stored(held, held.run, STAR)
    for place in (0, 61, 62, 371):
        cube = pixels_of(held, rows["file_name"][place])
        column, row = int(curve["stamp_x"][place]), int(curve["stamp_y"][place])
        assert abs(column - curve["x"][place].value) <= 0.5
        assert abs(row - curve["y"][place].value) <= 0.5
        plane = cube[curve["plane"][place]]
        expected = [plane[row + j, column + i] for j in range(-2, 3) for i in range(-2, 3)]
        found = [curve[f"P{n}"][place].value for n in range(1, 26)]
        assert found == expected
        assert max(found) == plane[10:20, 10:20].max()


def test_stamps_of_cubes_made_one_image(held: Held) -> None:
    table = held.mean.lightcurve(stamp=True)
    rows = stored(held, held.mean, STAR)
    kept = held.mean.parameters.planes.kept
    for place in range(len(table)):
        image = pixels_of(held, rows["file_name"][place])[list(kept)].mean(axis=0)
        column, row = int(table["stamp_x"][place]), int(table["stamp_y"][place])
        found = [table[f"P{n}"][place].value for n in range(1, 26)]
        assert found == pytest.approx(image[row - 2 : row + 3, column - 2 : column + 3].ravel())


def test_stamps_at_the_edge(held: Held) -> None:
    table = held.run.lightcurve(HOSTILE, stamp=True)
    assert not np.isfinite(table["x"].value[1])
    assert np.isnan([table[f"P{n}"][1].value for n in range(1, 26)]).all()
    assert table["stamp_x"].mask.tolist() == [False, True]
    image = np.arange(20.0).reshape(4, 5)
    stamp = cut_stamp(image, 4, 0)
    assert np.isnan(stamp[:2]).all()
    assert np.isnan(stamp[:, 3:]).all()
    assert stamp[2:, :3].tolist() == image[:3, 2:].tolist()
    assert np.isnan(cut_stamp(image, 100, -100)).all()
    column, row, known = middle_of([1.5, 2.49, np.nan, -0.6], [0.5, -0.5, 1.0, 0.0])
    assert (column.tolist(), row.tolist()) == ([2, 2, 0, -1], [1, 0, 0, 0])
    assert known.tolist() == [True, True, False, True]


def test_stamps_need_the_frames_as_they_were(held: Held, tmp_path: Path) -> None:
    with Catalogue(tmp_path / "other.sqlite") as catalogue:
        spec = FrameSpec(channel=1, subarray=True, noise=False)
        made = write_series(tmp_path / "archive", [spec])
        (path,) = (made.directory / name for name in map(Path, made.written))
        catalogue.ingest(tmp_path / "archive")
        run = catalogue.run(1, radius=(3, 3, 7))
        os.utime(path, (1, 1))
        with pytest.raises(InputsChanged, match="is not the file that was ingested"):
            run.lightcurve(stamp=True)
        path.unlink()
        catalogue.ingest(tmp_path / "archive")
        with pytest.raises(InputsChanged, match=r"1 of 1 frames .* are not where they"):
            run.lightcurve(stamp=True)
        assert len(run.lightcurve()) == 1


# ---- files ---------------------------------------------------------------------------------------


def test_both_formats_hold_the_same(held: Held, curve: QTable, tmp_path: Path) -> None:
    for name in ("ecsv", "fits"):
        path, table = export_light_curve(
            held.run, "sim_transit", folder=tmp_path, format_name=name, stamp=True
        )
        assert path.name == f"run1_SIM_TRANSIT_lightcurve.{name}"
        read = QTable.read(path)
        assert read.colnames == curve.colnames == table.colnames
        for title in curve.colnames:
            one, other = curve[title], read[title]
            assert one.dtype.kind == other.dtype.kind or one.dtype.kind == "U"
            assert getattr(one, "unit", None) == getattr(other, "unit", None), title
            plain, same = getattr(one, "value", one), getattr(other, "value", other)
            if one.dtype.kind == "U":
                same = same.astype(str)  # astropy reads texts of FITS as bytes
            assert np.array_equal(plain, same, equal_nan=plain.dtype.kind == "f"), title
        assert path.stat().st_mode & 0o600 == 0o600


@pytest.mark.parametrize("unit", ["uJy", "mag", "electron"])
def test_every_unit_goes_into_either_file(held: Held, unit: str, tmp_path: Path) -> None:
    for name in ("ecsv", "fits"):
        path, table = export_light_curve(
            held.mean, folder=tmp_path, format_name=name, unit=unit, stamp=True
        )
        read = QTable.read(path)["flux"]
        plain = getattr(read, "value", np.asarray(read))
        assert np.array_equal(plain, table["flux"].value)
        if (unit, name) == ("electron", "fits"):
            # Of which FITS knows no unit.
            assert fits.getheader(path, 1)["FLUXUNIT"] == "electron"
        else:
            assert read.unit == u.Unit(unit)


def test_metadata_tell_what_made_it(held: Held, curve: QTable, tmp_path: Path) -> None:
    meta = QTable.read(io_bytes(curve, tmp_path), format="ascii.ecsv").meta
    assert meta == curve.meta
    assert meta["run_name"] == "run1"
    assert meta["results_sha256"] == held.run.result_digest
    assert meta["parameters"] == held.run.parameters.values
    assert (meta["recipe"], meta["channel"], meta["unit"]) == ("handbook", 2, "mJy")
    assert (meta["aperture_correction"], meta["target"]) == ("1.1336", "SIM TRANSIT")
    assert meta["warnings"] == held.run.warnings
    assert meta["flag_bits"]["512"] == "saturated"
    for unit in ("mJy", "uJy", "mag", "electron"):
        table = held.run.lightcurve("SIM TRANSIT", unit=unit)
        for title in table.colnames:
            assert table[title].info.description
            assert check_ucd(table[title].info.meta["ucd"], check_controlled_vocabulary=True), title


def io_bytes(table: QTable, folder: Path) -> str:
    (path,) = write_files(folder, {"curve.ecsv": as_bytes(table, "ecsv")}, overwrite=True)
    return str(path)


def test_a_fits_header_is_plain(held: Held, tmp_path: Path) -> None:
    table = held.run.lightcurve(HOSTILE, unit="mag")
    table.meta["target"] = "../HD 1/é\n*"
    (path,) = write_files(tmp_path, {"a.fits": as_bytes(table, "fits")}, overwrite=False)
    with fits.open(path) as hdus:
        hdus.verify("exception")
        header = hdus[1].header
        assert all(len(keyword) <= 8 for keyword in header)
        assert "HIERARCH" not in str(header)
        assert header["TARGET"] == "../HD 1/\\xe9\\x0a*"
        assert (header["ZEROPT"], header["FLUXUNIT"]) == (179.7, "mag")
        assert header["RESDIG"] == held.run.result_digest
        numbers = range(1, header["TFIELDS"] + 1)
        assert all(header[f"TCOMM{n}"] and header[f"TUCD{n}"] for n in numbers)
        comments = "".join(header["COMMENT"])
        for name, value in held.run.parameters.values.items():
            assert f"parameter {name} = {value}"[:60] in comments


@pytest.mark.parametrize(
    ("target", "name"),
    [
        ("HD 209458", "run1_HD_209458_lightcurve.ecsv"),
        ("../../etc/passwd", "run1_.._.._etc_passwd_lightcurve.ecsv"),
        ("a\0b\n;$(rm)", "run1_a_b____rm__lightcurve.ecsv"),
        ("Ångström", "run1_Ångström_lightcurve.ecsv"),
        ("", "run1__lightcurve.ecsv"),
        ("é" * 400, f"run1_{'é' * 60}_lightcurve.ecsv"),
        ("x" * 5000, f"run1_{'x' * 120}_lightcurve.ecsv"),
    ],
)
def test_names_of_files(target: str, name: str, tmp_path: Path) -> None:
    assert file_name("run1", target, "ecsv") == name
    (path,) = write_files(tmp_path, {name: b"x"}, overwrite=False)
    assert path.parent == tmp_path
    assert path.read_bytes() == b"x"


def test_nothing_is_overwritten_unasked(held: Held, tmp_path: Path) -> None:
    words = ["lightcurve", "1", "--target", "SIM TRANSIT", "--db", held.location, "--out"]
    path = tmp_path / "new" / "curve.ecsv"
    assert main([*words, str(path)]) == 0
    before = path.read_bytes()
    assert main([*words, str(path)]) == 0
    assert main([*words, str(path), "--unit", "mag"]) == 6
    assert path.read_bytes() == before
    with pytest.raises(CannotWrite, match=r"curve\.ecsv is there already .* --overwrite$"):
        export_light_curve(held.run, "SIM TRANSIT", path, unit="mag")
    assert main([*words, str(path), "--unit", "mag", "--overwrite"]) == 0
    assert QTable.read(path)["flux"].unit == u.mag
    # A folder that is there takes the file by its own name.
    assert main([*words, str(path.parent), "--format", "fits"]) == 0
    assert sorted(one.name for one in path.parent.iterdir()) == [
        "curve.ecsv", "run1_SIM_TRANSIT_lightcurve.fits",
    ]  # fmt: skip
    assert main([*words, str(tmp_path / "a.fits"), "--format", "ecsv"]) == 2
    assert main([*words, str(path / "below")]) == 6


def test_an_interrupted_export_leaves_nothing(
    held: Held, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "replace", interrupted)
    out = tmp_path / "curve.ecsv"
    words = ["lightcurve", "1", "--target", "SIM TRANSIT", "--db", held.location, "--out", str(out)]
    assert main(words) == 130
    assert list(tmp_path.iterdir()) == []
    assert capsys.readouterr().out == ""


def test_an_export_is_noted(held: Held, tmp_path: Path) -> None:
    path, _ = export_light_curve(held.mean, None, tmp_path / "noted.ecsv")
    rows = select(
        held.catalogue, "SELECT detail FROM activity WHERE kind = 'export' AND run_id = 2"
    )
    details = [row["detail"] for row in rows]
    told = [json.loads(one) if isinstance(one, str) else one for one in details]
    assert told[-1]["files"][0]["name"] == path.name
    assert (told[-1]["formats"], told[-1]["layout"]) == (["ecsv"], "lightcurve")


def test_the_command_writes_into_the_usual_folder(
    held: Held, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["lightcurve", "run1", "--target", HOSTILE, "--db", held.location]) == 0
    (line,) = capsys.readouterr().out.splitlines()
    assert line == "Reduction_Data_&_Logs/run1_.._HD_1____lightcurve.ecsv"
    assert Path(line).is_file()
    assert len(list(tmp_path.rglob("*"))) == 2


# ---- which rows ----------------------------------------------------------------------------------


def test_only_what_is_asked_for(held: Held, curve: QTable) -> None:
    kept = held.run.lightcurve("SIM TRANSIT", kept_only=True)
    assert len(kept) == np.count_nonzero(curve["kept"]) > 300
    assert kept["kept"].all()
    assert len(held.run.lightcurve("SIM TRANSIT", aors=[STAR, 5])) == len(curve)
    with pytest.raises(NotFound, match="no image of SIM TRANSIT in AOR 5 "):
        held.run.lightcurve("SIM TRANSIT", aors=[5])
    edge = held.run.lightcurve(HOSTILE, kept_only=True)
    assert list(edge["dcenum"]) == [1]


def test_targets_are_listed_where_there_is_none(
    held: Held, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["lightcurve", "1", "--target", "HD 9", "--db", held.location]) == 3
    said = capsys.readouterr().err
    assert "run1 has no target 'HD 9'; it has SIM TRANSIT, ../HD 1/;*" in said
    assert main(["lightcurve", "1", "--db", held.location]) == 2
    assert "run1 has several targets, name one with --target: SIM TRANSIT" in (
        capsys.readouterr().err
    )
    assert main(["lightcurve", "77", "--db", held.location]) == 3


def test_a_name_of_two_stars_is_refused(tmp_path: Path) -> None:
    write_series(tmp_path / "archive", [FrameSpec(channel=1, target="X", flux_mjy=90.0)])
    frame = FrameSpec(channel=1)
    lines = [f"{frame.aorkey},{frame.ra} {frame.dec + place},X" for place in (0, 0.005)]
    titles = "AORKEY,Target Coordinates,Target Name"
    (tmp_path / "list.csv").write_text("\n".join([titles, *lines]) + "\n")
    with Catalogue(tmp_path / "two.sqlite") as catalogue:
        catalogue.ingest(tmp_path / "archive")
        run = catalogue.run(1, targets=tmp_path / "list.csv")
        with pytest.raises(InputRefused, match="two targets called 'X' on the same images"):
            run.lightcurve()


def test_positions_that_differ_by_aor_are_told(tmp_path: Path) -> None:
    first = FrameSpec(channel=1, subarray=True, noise=False)
    second = FrameSpec(
        channel=1, subarray=True, noise=False, aorkey=first.aorkey + 256, mjd=first.mjd + 1,
        dec=first.dec + 0.001,
    )  # fmt: skip
    write_series(tmp_path / "archive", [first, second])
    with Catalogue(tmp_path / "two.sqlite") as catalogue:
        catalogue.ingest(tmp_path / "archive")
        table = catalogue.run(1, radius=(3, 3, 7)).lightcurve()
        assert len(table) == 2
        assert table.meta["notes"] == [
            "SIM-STAR is at 2 positions, up to 3.6 arcsec from the first"
        ]
        catalogue.withdraw(1, reason="a test")
        assert "withdrawn" in " ".join(catalogue.get(1).lightcurve().meta["notes"])
        with catalogue._database.write() as connection:
            connection.execute(update(t.run).values(state="running"))
        with pytest.raises(RunRefused, match="is not finished"):
            catalogue.get(1).lightcurve()


def test_an_imported_run_tells_what_it_knows(
    reference: Path, any_location: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    copy_run(reference / "published_runs", tmp_path / "published", "run13")
    with Catalogue(any_location) as catalogue:
        catalogue.import_runs(tmp_path / "published")
        run = catalogue.get("run13")
        (name, *_) = run.targets
        table = run.lightcurve(name)
        assert {"time_mjd_obs", "x", "y", "flux_uncorrected", "flags"} <= set(table.colnames)
        unknown = {"time_bjd_tdb", "time_mjd_utc", "flux", "flux_err", "kept", "sky", "jitter"}
        assert not unknown & set(table.colnames)
        assert any("without" in note for note in table.meta["notes"])
        rows = select(
            catalogue,
            "SELECT i.raw, i.background, i.mjd_obs, a.aperture_correction, a.pixel_size "
            "FROM image_result i JOIN aor_result a ON a.id = i.aor_result_id "
            f"WHERE a.run_id = {run.run_id} AND a.target_name = '{name}' AND i.raw IS NOT NULL "
            "ORDER BY i.mjd_obs, i.row_number",
        )
        expected = [
            (r["raw"] - r["background"])
            * r["aperture_correction"] * (r["pixel_size"] / ARCSEC) ** 2 * 1e9
            for r in rows
        ]  # fmt: skip
        told = np.isfinite(table["flux_uncorrected"].value)
        assert table["flux_uncorrected"].value[told] == pytest.approx(expected, rel=1e-8)
        assert table["time_mjd_obs"].value[told].tolist() == [row["mjd_obs"] for row in rows]
        with pytest.raises(RunRefused, match="no pixels for stamps"):
            run.lightcurve(name, stamp=True)
        with pytest.raises(RunRefused, match="does not tell electrons"):
            run.lightcurve(name, unit="electron")
        with pytest.raises(RunRefused, match="does not tell which images"):
            run.lightcurve(name, kept_only=True)
        for kind in ("ecsv", "fits"):
            out = tmp_path / f"curve.{kind}"
            words = ["lightcurve", "run13", "--target", name, "--out", str(out)]
            assert main([*words, "--db", any_location]) == 0
            assert len(QTable.read(out)) == len(table)
        assert "time_mjd_obs" in capsys.readouterr().err
