"""Every row that the 2018 code measured on the real frames, measured by runs and read from tables.

The measure of agreement is that of an independent fit which finds the deepest minimum; the 2018
code may have stopped in a shallower one, and such rows are counted.
"""

from __future__ import annotations

import csv
import math
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from run_helpers import command, images, read_csv, select

from iracdb import Catalogue
from iracdb.errors import RunRefused

Row = dict[str, str]
Combination = tuple[int, int, str, str, tuple[float, float, float]]

FLAGS = {
    "coord_conversion_issue": "Coord Conversion Issue",
    "centroiding_issue": "Centroiding Issue",
    "bad_center_guess": "Bad Center Guess",
    "not_in_fov": "Not In FOV",
    "ap_out_of_bound": "Ap Out Of Bound",
}
FLUXES = {"raw_flux": "raw", "bkg_flux": "background", "res_flux": "net", "corrected_flux":
          "corrected"}  # fmt: skip

# RA_REF of the first frame of each AOR, read from its header with another tool.
HEADER_RA = {
    24649984: "330.795067777778",
    38703360: "330.795085555556",
    46466816: "65.4695494444445",
    48765440: "3.58155",
}


@pytest.fixture(scope="module")
def expected(reference: Path) -> dict[Combination, dict[str, Row]]:
    """Rows by file, by channel, AOR, position and radii."""
    rows: dict[Combination, dict[str, Row]] = defaultdict(dict)
    with (reference / "original_pipeline_photometry.csv").open(newline="") as stream:
        for row in csv.DictReader(stream):
            _, array, aorkey, *_ = row["file"].split("_")
            radii = (float(row["r"]), float(row["r_in"]), float(row["r_out"]))
            key = (int(array[1]), int(aorkey), row["target_ra_deg"], row["target_dec_deg"], radii)
            rows[key][row["file"]] = row
    return rows


@pytest.fixture(scope="module")
def archive(
    real_archive_at: Callable[[str], str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Catalogue, str]]:
    location = real_archive_at(str(tmp_path_factory.mktemp("reference") / "iracdb.sqlite"))
    with Catalogue(location, create=False) as catalogue:
        yield catalogue, location


@pytest.fixture(scope="module")
def measured(
    archive: tuple[Catalogue, str], expected: dict[Combination, dict[str, Row]]
) -> dict[Combination, dict[str, dict[str, Any]]]:
    """The same rows as we measure them: of the views, and what the tables hold beside."""
    catalogue, _ = archive
    found = {}
    for key in expected:
        channel, aorkey, ra, dec, radii = key
        coord = None if ra == HEADER_RA[aorkey] else f"{ra} {dec}"
        run = catalogue.run(channel=channel, aors=[aorkey], radius=radii, coord=coord)
        assert {float(value) for value in run.aor_data["Target RA"].value} == {float(ra)}
        stored = {row["file_name"]: row for row in images(catalogue, run)}
        shown = select(catalogue, f"SELECT * FROM run_img_data WHERE run_id = {run.run_id}")
        assert len(shown) == len(stored)
        found[key] = {row["file_name"]: {**stored[row["file_name"]], **row} for row in shown}
    return found


@pytest.fixture(scope="module")
def pairs(
    expected: dict[Combination, dict[str, Row]],
    measured: dict[Combination, dict[str, dict[str, Any]]],
) -> list[tuple[str, Row, dict[str, Any]]]:
    """Their row and ours, of every image."""
    assert {key: set(rows) for key, rows in measured.items()} == {
        key: set(rows) for key, rows in expected.items()
    }
    both = [
        (f"{key} {name}", row, measured[key][name])
        for key, rows in expected.items()
        for name, row in rows.items()
    ]
    assert len(both) == 228
    return both


def is_deeper(theirs: Row, ours: dict[str, Any]) -> bool:
    """Whether the 2018 code stopped in a shallower minimum than we did."""
    residual = float(theirs["fit_residual_sum"])
    return not math.isnan(residual) and ours["residual_sum"] < residual * (1 - 1e-6)


def same(ours: float | None, theirs: str, relative: float) -> bool:
    if ours is None or theirs == "nan":
        return ours is None and theirs == "nan"
    return math.isclose(ours, float(theirs), rel_tol=relative)


def test_every_header_position_is_measured_by_default(
    expected: dict[Combination, dict[str, Row]],
) -> None:
    assert {key[1] for key in expected} == set(HEADER_RA)
    for aorkey, ra in HEADER_RA.items():
        positions = {key[2] for key in expected if key[1] == aorkey}
        assert ra in positions
        assert len(positions) == 2


def test_no_row_of_the_2018_code_is_in_a_shallower_minimum(
    pairs: list[tuple[str, Row, dict[str, Any]]],
) -> None:
    deeper = [name for name, theirs, ours in pairs if is_deeper(theirs, ours)]
    assert len(deeper) == 0, deeper


def test_no_row_of_ours_is_in_a_shallower_minimum(
    pairs: list[tuple[str, Row, dict[str, Any]]],
) -> None:
    fitted = [(theirs, ours) for _, theirs, ours in pairs if theirs["fit_residual_sum"] != "nan"]
    assert len(fitted) > 200
    for theirs, ours in fitted:
        assert ours["residual_sum"] <= float(theirs["fit_residual_sum"]) * (1 + 1e-6)


def test_flags_are_the_same(pairs: list[tuple[str, Row, dict[str, Any]]]) -> None:
    for name, theirs, ours in pairs:
        flags = {column: ours[title] for column, title in FLAGS.items()}
        assert flags == {column: theirs[column] for column in FLAGS}, name


def test_flags_are_of_every_kind_that_these_frames_show(
    pairs: list[tuple[str, Row, dict[str, Any]]],
) -> None:
    raised = {column for _, theirs, _ in pairs for column in FLAGS if theirs[column] == "Y"}
    assert raised == {"bad_center_guess", "not_in_fov", "ap_out_of_bound"}


def test_centres_agree_within_2e_5_pixels(pairs: list[tuple[str, Row, dict[str, Any]]]) -> None:
    for name, theirs, ours in pairs:
        for column, title in (("xc", "Xc"), ("yc", "Yc")):
            if theirs[column] == "nan":
                assert ours[title] is None, name
            elif not is_deeper(theirs, ours):
                assert abs(ours[title] - float(theirs[column])) <= 2e-5, name


def test_fluxes_agree_within_5e_6(pairs: list[tuple[str, Row, dict[str, Any]]]) -> None:
    for name, theirs, ours in pairs:
        assert (ours["Raw_Flux"], ours["Bkg_Flux"]) == (ours["raw"], ours["background"])
        values = {**ours, "net": ours["Res_Flux"]}
        for column, title in FLUXES.items():
            if not is_deeper(theirs, ours):
                assert same(values[title], theirs[column], 5e-6), (name, column)


def test_widths_agree_within_1e_4_as_a_pair(pairs: list[tuple[str, Row, dict[str, Any]]]) -> None:
    for name, theirs, ours in pairs:
        if theirs["fx"] == "nan":
            assert (ours["Fx"], ours["Fy"]) == (None, None), name
            continue
        assert ours["Fx"] >= ours["Fy"] > 0, name
        if not is_deeper(theirs, ours):
            wide, narrow = sorted((float(theirs["fx"]), float(theirs["fy"])), reverse=True)
            assert math.isclose(ours["Fx"], wide, rel_tol=1e-4), name
            assert math.isclose(ours["Fy"], narrow, rel_tol=1e-4), name


def test_times_are_the_same(pairs: list[tuple[str, Row, dict[str, Any]]]) -> None:
    for name, theirs, ours in pairs:
        assert ours["Time[MJD]"] == float(theirs["mjd"]), name


@pytest.mark.parametrize("channel, aorkey, radii", [
    (2, 46466816, (3.0, 3.0, 7.0)), (1, 48765440, (10.0, 12.0, 20.0)),
])  # fmt: skip
def test_the_command_gives_the_same(
    archive: tuple[Catalogue, str],
    expected: dict[Combination, dict[str, Row]],
    tmp_path: Path,
    channel: int,
    aorkey: int,
    radii: tuple[float, float, float],
) -> None:
    _, location = archive
    _, _, ra, dec, _ = key = next(
        key
        for key in expected
        if key[:2] == (channel, aorkey) and key[2] != HEADER_RA[aorkey] and key[4] == radii
    )
    words = ("--channel", str(channel), "--aor", str(aorkey), "--radius", *map(str, radii))
    name = f"typed{channel}"
    done = command(
        location, "run", *words, "--coord", f"{ra} {dec}", "--name", name, "--out", tmp_path,
        folder=tmp_path,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    rows = read_csv((tmp_path / f"{name}_img_data.csv").read_bytes())
    theirs = [row for _, row in sorted(expected[key].items())]
    assert [row["File#"] for row in rows] == [str(n + 1) for n in range(len(theirs))]
    for ours, row in zip(rows, theirs, strict=True):
        assert {column: ours[title] for column, title in FLAGS.items()} == {
            column: row[column] for column in FLAGS
        }
        for column, title in (("raw_flux", "Raw_Flux"), ("res_flux", "Res_Flux")):
            assert float(ours[title]) == pytest.approx(float(row[column]), rel=5e-6, nan_ok=True)


def test_radii_that_fit_no_array_are_refused_and_those_that_fit_are_named(
    archive: tuple[Catalogue, str],
) -> None:
    catalogue, _ = archive
    for radii in ((10, 12, 20), (3, 12, 20)):
        with pytest.raises(RunRefused, match="cannot fit the 32 x 32 array") as refusal:
            catalogue.run(channel=2, radius=radii)
        for fitting in ("5 5 10", "3 3 7", "2 2 6"):
            assert fitting in str(refusal.value)
        assert "12 20;" not in str(refusal.value)


def test_the_transcript_reports_the_aor_without_bcd(archive: tuple[Catalogue, str]) -> None:
    catalogue, _ = archive
    run = catalogue.run(channel=2, radius=(3, 3, 7))
    ((aorkey, reason),) = run.problems
    assert aorkey == 42789888
    assert reason.startswith("no bcd file of channel 2, only ")
    assert "sub2d" in reason
    (row,) = (row for row in run.aor_data if row["AORKEY"] == 42789888)
    assert row["Workable/Total Files in AOR"] == "0/0"
    assert all(
        math.isnan(row[title].value) for title in ("Flux (mJy)", "Error (mJy)", "Spread (%)")
    )
    assert row["Outliers Rejected"] == 0
    assert row["Target"] == "HD 147506"
    assert list(run.aor_data["AORKEY"]) == [38703360, 42789888, 46466816]


def test_the_transcript_reports_the_target_off_the_array(archive: tuple[Catalogue, str]) -> None:
    catalogue, _ = archive
    run = catalogue.run(channel=1)
    ((aorkey, reason),) = run.problems
    assert aorkey == 48765440
    assert reason == "no usable image of 3: 3 not in the field"
    assert len(run.img_data) == 3
    assert set(run.img_data["Not In FOV"]) == set(run.img_data["Ap Out Of Bound"]) == {"Y"}
