"""The recipe handbook and its options: as applied, as typed, from the settings file, together."""

from __future__ import annotations

import csv
import json
import math
import statistics
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from handbook_helpers import handbook, write_with_companions
from helpers import spec
from iracdb_cli.main import main
from run_helpers import averages, images

from iracdb import Catalogue
from iracdb.errors import UsageError
from iracdb.export.tables import export_run
from iracdb.runs.request import Request

FIRST, SECOND = 91_000_000, 91_000_256


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A catalogue of two AORs as sub2d, with their masks and uncertainties."""
    folder = tmp_path_factory.mktemp("options")
    for aorkey in (FIRST, SECOND):
        for expid in range(3):
            frame = spec(aorkey=aorkey, expid=expid, mjd=56_000 + expid / 100, flux_mjy=30 + expid,
                         x=15.0 + expid / 10, y=15.2)  # fmt: skip
            write_with_companions(folder / "archive", frame)
    with Catalogue(folder / "iracdb.sqlite") as catalogue:
        catalogue.ingest(folder / "archive")
    yield folder / "iracdb.sqlite"


@pytest.fixture
def catalogue(made: Path) -> Iterator[Catalogue]:
    with Catalogue(made) as opened:
        yield opened


# ---- as applied ----------------------------------------------------------------------------------


def test_what_the_recipe_applies(catalogue: Catalogue) -> None:
    applied = handbook(catalogue).parameters.values
    expected = {
        "recipe": "handbook", "recipe_version": 1, "centre": "moment", "position": "fitted",
        "sky": "mode", "rejection": "mad:5", "subarray_planes": "mean 1-56,58-63",
        "radius_source": 3.0, "radius_inner": 3.0, "radius_outer": 7.0,
        "aperture_correction": None, "aperture_correction_from": "handbook 1",
        "pixel_size": 1.213, "pixel_size_from": "manual", "mask": "msk2d", "mask_bits": 32520,
        "header_marks": "MISSDATA MISS_LCT BADTRIG ZEROPIX", "uncertainty": "unc2d",
        "source_spectrum": "stellar", "colour_correction": 1.0, "fluxconv": None,
        "mixed_calibration": "refused", "grouping": "like", "pairing": "image",
    }  # fmt: skip
    assert {name: applied[name] for name in expected} == expected


def test_the_recipes_of_old_apply_what_they_did(catalogue: Catalogue) -> None:
    for recipe in ("manual", "published-2018"):
        plan = catalogue.plan(kind="sub2d", recipe=recipe, radius=(3, 3, 7))
        applied = plan.parameters.values
        assert [applied[n] for n in ("mask", "mask_bits", "header_marks", "uncertainty")] == [
            None
        ] * 4
        assert (applied["sky"], applied["centre"]) == ("mean", "gaussian")
        assert applied["subarray_planes"] == "median 14-63"
        assert not plan.companions


def test_each_option_alone_under_the_manual(catalogue: Catalogue) -> None:
    run = catalogue.run(
        kind="sub2d", radius=(3, 3, 7), mask=True, uncertainties=True, header_marks=True
    )
    applied = run.parameters.values
    assert (applied["mask"], applied["uncertainty"]) == ("msk2d", "unc2d")
    assert all(row["net_error"] > 0 for row in images(catalogue, run))
    assert (applied["recipe"], run.row.layout) == ("manual", "16-14-NY")


def test_the_error_of_our_own_layout_is_that_of_the_mean(
    catalogue: Catalogue, tmp_path: Path
) -> None:
    """Beside the scatter, which the layouts of 2018 call the error."""
    run = handbook(catalogue)
    (average, *_), rows = averages(catalogue, run), images(catalogue, run)
    scale = average["aperture_correction"] * average["pixel_size"] ** 2 / 206265**2 * 1e9
    mjy = [row["corrected"] * scale for row in rows if row["kept"]][: average["n_workable"]]
    scatter = statistics.pstdev(mjy)
    of_mean = statistics.stdev(mjy) / math.sqrt(len(mjy))
    assert 1.2 * of_mean < scatter
    export_run(run, tmp_path / "own")
    export_run(run, tmp_path / "of 2018", layout="16-14-NY")
    own, old = (
        next(csv.DictReader((folder / f"{run.name}_aor_data.csv").read_text().splitlines()))
        for folder in (tmp_path / "own", tmp_path / "of 2018")
    )
    assert float(own["Error (mJy)"]) == pytest.approx(of_mean, rel=1e-12)
    assert float(own["Scatter (mJy)"]) == pytest.approx(scatter, rel=1e-12)
    assert float(own["Scatter (%)"]) == pytest.approx(100 * scatter / float(own["Flux (mJy)"]))
    assert float(old["Error (mJy)"]) == pytest.approx(scatter, rel=1e-12)
    assert run.aor_data["Error (mJy)"][0].value == float(own["Error (mJy)"])


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"planes": "sum"}, "The planes cannot be 'sum'"),
        ({"drop_planes": "64"}, "There is no plane 64"),
        ({"drop_planes": "0-63"}, "No plane is left"),
        ({"drop_planes": "x"}, "No planes can be read from 'x'"),
        ({"mask_bits": "16-17"}, "is no mask"),
        ({"mask_bits": "3"}, "may be a bit or a mask"),
        ({"pixel_area": "both"}, "The pixel area cannot be 'both'"),
        ({"source_spectrum": "steep"}, "The source spectrum cannot be 'steep'"),
        ({"fluxconv": 0.0}, "FLUXCONV is more than 0"),
        ({"fluxconv": float("nan")}, "FLUXCONV is more than 0"),
        ({"colour_correction": float("inf")}, "The colour correction must be from"),
    ],
)
def test_what_cannot_be_asked_for(options: dict[str, Any], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        Request(recipe="handbook", **options)


def test_the_default_mask_bits_may_be_named(catalogue: Catalogue) -> None:
    named, default = (
        catalogue.plan(recipe="handbook", kind="sub2d", mask_bits=bits) for bits in ("3,8-14", None)
    )
    assert named.parameters.digest == default.parameters.digest


# ---- as typed ------------------------------------------------------------------------------------


@pytest.fixture
def typed(made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> Any:
    """Carry out a command on the catalogue, in an empty folder; what it prints as JSON."""
    monkeypatch.chdir(tmp_path)

    def do(*words: str, status: int = 0) -> Any:
        capsys.readouterr()
        assert main([*words, "--json", "--db", str(made)]) == status, capsys.readouterr().err
        out, err = capsys.readouterr()
        return json.loads(out) if status == 0 else err

    return do


ALL = (
    "--recipe", "handbook", "--kind", "sub2d", "--planes", "each", "--drop-planes", "0,57",
    "--mask", "--mask-bits", "9-14", "--no-uncertainties", "--no-header-marks",
    "--pixel-area", "header", "--source-spectrum", "flat", "--colour-correction", "1.02",
    "--fluxconv", "0.15", "--allow-mixed-calibration", "--forced",
)  # fmt: skip

APPLIED = {
    "subarray_planes": "each 1-56,58-63", "mask": "msk2d", "mask_bits": 32256,
    "uncertainty": None, "header_marks": None, "pixel_size": None, "pixel_size_from": "header",
    "source_spectrum": "flat", "colour_correction": 1.02, "fluxconv": 0.15,
    "mixed_calibration": "allowed", "position": "forced", "array_location": False,
}  # fmt: skip


def test_every_option_as_typed(typed: Any) -> None:
    told = typed("run", *ALL, "--dry-run")
    assert {name: told["parameters"][name] for name in APPLIED} == APPLIED


SETTINGS = """
[run]
recipe = "handbook"
kind = "sub2d"
planes = "each"
drop-planes = "0,57"
mask = true
mask-bits = "9-14"
uncertainties = false
header-marks = false
pixel-area = "header"
source-spectrum = "flat"
colour-correction = 1.02
fluxconv = 0.15
allow-mixed-calibration = true
forced = true
"""


def test_the_settings_file_holds_every_option(typed: Any, tmp_path: Path) -> None:
    (tmp_path / "iracdb.toml").write_text(SETTINGS)
    told = typed("run", "--dry-run")
    assert {name: told["parameters"][name] for name in APPLIED} == APPLIED
    # What is typed goes before.
    told = typed("run", "--dry-run", "--no-mask", "--planes", "median", "--pixel-area", "nominal")
    assert told["parameters"]["mask"] is None
    assert told["parameters"]["subarray_planes"] == "median 1-56,58-63"
    assert told["parameters"]["pixel_size"] == 1.213


def test_a_wrong_choice_in_the_settings_file(typed: Any, tmp_path: Path) -> None:
    (tmp_path / "iracdb.toml").write_text('[run]\nplanes = "sum"\n')
    assert "planes" in typed("run", "--dry-run", status=2)


def test_a_radius_test_takes_them(typed: Any, catalogue: Catalogue, tmp_path: Path) -> None:
    chosen = tmp_path / "radii"
    chosen.write_text("2 2 6\n3 3 7\n")
    words = ("radius-test", "--first-run", "700", "--combinations", str(chosen), "--no-tables")
    told = typed(*words, *ALL, "--dry-run")
    assert {name: told["parameters"][name] for name in APPLIED} == APPLIED
    assert [run["from"] for run in told["runs"]] == ["handbook 1", "handbook 1"]
    typed(*words, "--recipe", "handbook", "--kind", "sub2d")
    for number, factor in ((700, 1.2322), (701, 1.1336)):
        run = catalogue.get(number)
        assert run.parameters["recipe"] == "handbook"
        assert {row["aperture_correction"] for row in averages(catalogue, run)} == {factor}
        assert catalogue.verify(number).verdict == "exact"
