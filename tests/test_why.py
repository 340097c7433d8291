"""``why``: the shares of real changes against formulas of their own, and the arithmetic redone."""

from __future__ import annotations

import csv
import json
import math
import re
import statistics
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from helpers import with_card
from iracdb_cli import main as command_line
from published_helpers import copy_run, rows_of
from run_helpers import select
from sqlalchemy import insert, update
from sqlalchemy import select as select_rows
from test_docs import console, the_same

from iracdb import Catalogue, irac_aphot_corr
from iracdb.catalogue import tables as t
from iracdb.compare.shares import CAUSES, LOCATION, PHASE
from iracdb.errors import InputRefused, NotFound, UsageError
from iracdb.irac.simulate import FrameSpec, file_path, simulate_frame
from iracdb.irac.simulate.cards import fits_bytes
from iracdb.published.recompute import Recomputation

WITHIN = 1e-12
# From a square pixel of 1.221 arcsec to mJy, with the original's radian.
MJY = 1.221**2 / 206265.0**2 * 1e9
FIRST = 65844480
PAGE = Path(__file__).parents[1] / "docs" / "explaining.md"


RECOMPUTED = {"hd_warm_final": 41, "ngc2420_337": 42}
"""Runs that are recomputed, and the numbers by which that is kept."""


@pytest.fixture(scope="module")
def imported(
    published_runs_at: Callable[[str], str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Catalogue]:
    """The runs of 2018."""
    location = str(tmp_path_factory.mktemp("why") / "iracdb.sqlite")
    with Catalogue(published_runs_at(location), create=False) as opened:
        yield opened


@pytest.fixture(scope="module")
def recomputed(imported: Catalogue) -> dict[str, Recomputation]:
    """Two of them, done right."""
    made = {name: imported.recompute(name) for name in RECOMPUTED}
    for name, number in RECOMPUTED.items():
        imported.keep_recomputed(made[name], number=number)
    return made


@pytest.fixture(scope="module")
def catalogue(imported: Catalogue, recomputed: dict[str, Recomputation]) -> Catalogue:
    """The runs of 2018, and two that are kept from them as done right."""
    del recomputed
    return imported


@pytest.fixture(scope="module")
def published(reference: Path) -> Path:
    return reference / "published_runs"


def printed(capsys: pytest.CaptureFixture[str], location: str, *words: str) -> str:
    """What a command that works out prints to stdout."""
    assert command_line.main(["--db", location, *words]) == 0
    return capsys.readouterr().out


def shares_of(found: Any) -> dict[str, float]:
    """The shares that are more than rounding, having seen that all add up to the change."""
    assert tuple(share.cause for share in found.shares) == CAUSES
    flux = max(abs(found.a.flux), abs(found.b.flux))
    assert abs(math.fsum(s.mjy for s in found.shares) - found.change) <= WITHIN * flux
    assert found.change == found.b.flux - found.a.flux
    return {share.cause: share.mjy for share in found.telling}


# --- The published runs --------------------------------------------------------------------------


def block(path: Path, mjd: set[str]) -> list[dict[str, str]]:
    return [row for row in rows_of(path) if row["Time[MJD]"] in mjd]


def by_the_readme(rows: list[dict[str, str]]) -> dict[str, float]:
    """Flux of each image, as the code of 2018 made it: centres and fluxes lose their own NaNs."""
    good = [row for row in rows if row["Res_Flux"] != "nan"]
    centres = [row for row in rows if row["Xc"] != "nan"][: len(good)]
    return {
        row["Time[MJD]"]: MJY * float(irac_aphot_corr(
            float(row["Res_Flux"]), float(centre["Xc"]), float(centre["Yc"]), 1, mission="warm"
        ))
        for row, centre in zip(good, centres, strict=True)
    }  # fmt: skip


def mean_without_extremes(fluxes: dict[str, float]) -> float:
    assert len(fluxes) > 10
    return statistics.fmean(sorted(fluxes.values())[1:-1])


def test_646_became_649_because_of_one_image(catalogue: Catalogue, published: Path) -> None:
    """One image lost its flux and kept its centre: which it took from the others' corrections."""
    aors = {
        name: next(r for r in rows_of(published / f"{name}_aor_data.csv")
                   if r["AORKEY"] == str(FIRST))
        for name in ("run6", "hd_warm_final")
    }  # fmt: skip
    end = float(aors["run6"]["Time (MJD)"])
    tables = {}
    for name in aors:
        rows = rows_of(published / f"{name}_img_data.csv")
        tables[name] = [row for row in rows if end - 0.0085 < float(row["Time[MJD]"]) <= end]
    assert [len(rows) for rows in tables.values()] == [48, 50]
    before, after = (by_the_readme(rows) for rows in tables.values())
    fluxes = [float(row["Flux (mJy)"]) for row in aors.values()]
    assert f"{fluxes[0]:.3f} {fluxes[1]:.3f}" == "646.689 649.551"
    assert mean_without_extremes(before) == pytest.approx(fluxes[0], rel=1e-13)
    assert mean_without_extremes(after) == pytest.approx(fluxes[1], rel=1e-13)
    # Without the image that is lost, all else as it was in run6.
    (lost,) = set(before) - set(after)
    (gone,) = (row for row in tables["hd_warm_final"] if row["Time[MJD]"] == lost)
    assert (gone["Res_Flux"], gone["Xc"] != "nan") == ("nan", True)
    fewer = mean_without_extremes({time: flux for time, flux in before.items() if time != lost})

    found = catalogue.why("run6", FIRST, "hd_warm_final")
    assert (found.a.flux, found.b.flux) == tuple(fluxes)
    shares = shares_of(found)
    assert set(shares) == {"images gained and lost", "pairing"}
    assert shares["images gained and lost"] == pytest.approx(fewer - fluxes[0], rel=1e-10)
    assert shares["pairing"] == pytest.approx(fluxes[1] - fewer, rel=1e-10)
    assert f"{shares['images gained and lost']:.4f} {shares['pairing']:.4f}" == "0.7309 2.1306"
    told = {share.cause: share.what for share in found.shares}
    assert told["images gained and lost"] == f"1 lost (MJD {lost}: Ap Out Of Bound)"
    assert "0 -> 12" in told["pairing"]
    assert (found.a.images, found.a.usable, found.a.kept) == (48, 17, 15)
    assert (found.b.images, found.b.usable, found.b.kept) == (50, 16, 14)
    assert "left out" in found.notes[-1]
    # And paired rightly again, the same share with the other sign.
    back = shares_of(catalogue.why("hd_warm_final", FIRST, 41))
    assert back["pairing"] == pytest.approx(-shares["pairing"], rel=1e-9)


@pytest.mark.parametrize(("parent", "telling"), [("hd_warm_final", 97), ("ngc2420_337", 39)])
def test_shares_are_those_of_recompute(
    catalogue: Catalogue, recomputed: dict[str, Recomputation], parent: str, telling: int
) -> None:
    kept = RECOMPUTED[parent]
    checked = paired = 0
    for row in recomputed[parent].rows:
        if row.published is None or row.recomputed is None:
            continue
        found = catalogue.why(parent, row.aorkey, kept, row=row.row_number)
        assert (found.a.flux, found.b.flux) == (row.published, row.recomputed)
        shares = {share.cause: share.mjy for share in found.shares}
        shares_of(found)
        near = pytest.approx
        least = WITHIN * abs(row.published)
        assert shares["pairing"] == near(row.shares["pairing"], rel=1e-9, abs=least)
        assert shares["images rejected and kept"] == near(
            row.shares["rejection"], rel=1e-9, abs=least
        )
        tables = shares["array-location factor"] + shares["pixel-phase factor"]
        assert tables == near(row.shares["tables"], rel=1e-9, abs=least)
        assert abs(shares["remaining"]) <= least
        checked += 1
        paired += abs(shares["pairing"]) > least
    assert checked > 40
    assert paired == telling


def test_cryogenic_tables_on_warm_data(published: Path, tmp_path: Path) -> None:
    """As run2 was: ten columns, no rejection, times of the warm mission."""
    copy_run(published, tmp_path, "run1", "run2")
    for which, title in (("aor", "Time (MJD)"), ("img", "Time[MJD]")):
        path = tmp_path / f"run2_{which}_data.csv"
        lines = [line.split(",") for line in path.read_text().splitlines()]
        place = lines[0].index(title)
        for line in lines[1:]:
            line[place] = repr(round(float(line[place]) + 3000, 7))
        path.write_text("".join(",".join(line) + "\n" for line in lines))
    with Catalogue(tmp_path / "iracdb.sqlite") as catalogue:
        catalogue.import_runs(tmp_path)
        recomputed = catalogue.recompute(2)
        catalogue.keep_recomputed(recomputed, name="right2")
        aors = [row.aorkey for row in recomputed.rows if row.published is not None]
        differing = 0
        for row in recomputed.rows:
            found = catalogue.why(2, row.aorkey, "right2", row=row.row_number)
            shares = shares_of(found)
            location, phase = (shares.get(f, 0.0) for f in (LOCATION, PHASE))
            assert location + phase == pytest.approx(row.shares["tables"], rel=1e-9)
            differing += bool(location) and bool(phase)
        assert len(aors) == differing == 131
        told = {share.cause: share.what for share in found.shares}
        assert told["array-location factor"] == told["pixel-phase factor"]
        assert told["array-location factor"] == "tables cryo -> auto"


def test_two_aors_of_run13_changed_by_the_order_of_their_files(catalogue: Catalogue) -> None:
    changes = {28899840: 2.7e-5, 21529088: 2.5e-5}
    for aorkey, relative in changes.items():
        found = catalogue.why(13, aorkey, 20)
        assert set(shares_of(found)) == {"pairing"}
        assert abs(found.change / found.a.flux) == pytest.approx(relative, rel=0.03)
    same = catalogue.why("run5", 28899840, "run13")
    assert same.change == 0.0
    assert shares_of(same) == {}


def test_an_aperture_correction_alone(catalogue: Catalogue) -> None:
    found = catalogue.why("ngc2420_337", 38111232, "ngc2420_ch2", row=14)
    shares = shares_of(found)
    assert set(shares) == {"aperture and its correction"}
    assert found.change == pytest.approx(found.a.flux * (1.12 / 1.125 - 1), rel=1e-9)


def test_other_radii(catalogue: Catalogue, published: Path) -> None:
    """The sky's share from the tables alone: kept image by image, with B's sky in A's circle."""
    found = catalogue.why("run17", 13856000, "upperSco_final")
    shares = shares_of(found)
    assert {"sky", "aperture and its correction", "images gained and lost"} <= set(shares)
    assert "remaining" not in shares
    (image,) = (line for line in catalogue.why("upperSco_final", 13856000).images if line.mjy)
    then = next(
        line for line in catalogue.why("run17", 13856000).images if line.frame == image.frame
    )
    more_sky = image.background / (math.pi * 25) * (math.pi * 100) - then.background
    factors = then.array_location * then.pixel_phase
    mjy = 1.213**2 / 206265**2 * 1e9
    assert shares["sky"] == pytest.approx(-more_sky / factors * mjy, rel=1e-9)
    assert shares["images gained and lost"] == pytest.approx(then.mjy - found.a.flux, rel=1e-9)


def test_what_another_routine_corrected_is_left_over(catalogue: Catalogue) -> None:
    found = catalogue.why("mk_test1", 40398848, "mk_test2")
    shares = shares_of(found)
    made = catalogue.why("mk_test2", 40398848)
    assert not made.agrees
    assert shares["remaining"] == pytest.approx(made.flux - made.mean, rel=1e-9)
    assert "mk_test2's flux is" in found.shares[-1].what


def test_every_aor_of_two_runs(catalogue: Catalogue) -> None:
    """Whatever is asked of run6 and hd_warm_final, the shares add up, and nothing is left over."""
    rows = select(catalogue, "SELECT * FROM aor_result WHERE run_id = 6 AND flux IS NOT NULL")
    causes: dict[str, int] = {}
    for row in rows:
        try:
            found = catalogue.why(6, row["aorkey"], "hd_warm_final", row=row["row_number"])
        except InputRefused:
            # Counted six times in run6, once in the other.
            assert row["aorkey"] == 41422592
            continue
        if found.change is not None:
            for cause in shares_of(found):
                causes[cause] = causes.get(cause, 0) + 1
    assert len(rows) > 190
    assert set(causes) == {"images gained and lost", "pairing"}
    assert causes["pairing"] > 50


# --- One frame -----------------------------------------------------------------------------------


@pytest.mark.parametrize("spec", ["58306.3093337", "MJD 58306.3093337", "1/58306.3093337"])
def test_one_frame_of_imported_runs(catalogue: Catalogue, spec: str) -> None:
    found = catalogue.why("run6", FIRST, "hd_warm_final", frame=spec)
    assert found.frame == "MJD 58306.3093337"
    shares = shares_of(found)
    assert set(shares) == {"pairing"}
    made = [catalogue.why(name, FIRST, frame=spec) for name in ("run6", "hd_warm_final")]
    assert [len(one.images) for one in made] == [1, 1]
    assert found.change == made[1].images[0].mjy - made[0].images[0].mjy
    assert "rejection published" in found.notes[0]
    assert found.notes[-1] == "The frame was kept in run6, kept in hd_warm_final"


def test_a_frame_that_one_run_has_no_flux_of(catalogue: Catalogue) -> None:
    found = catalogue.why("run6", FIRST, "hd_warm_final", frame="58306.3075373")
    assert (found.change, found.shares) == (None, ())
    assert found.b.without == "has no flux of it: Ap Out Of Bound"
    assert found.a.flux == pytest.approx(636.4566, abs=1e-4)


# --- Where there is no number, or nothing to explain --------------------------------------------


def test_an_aor_in_one_run_only(catalogue: Catalogue) -> None:
    found = catalogue.why("run6", FIRST, "run13")
    assert (found.change, found.percent, found.b.flux) == (None, None, None)
    assert found.b.without == "does not hold the AOR"
    assert len(found.table) == 0
    with pytest.raises(NotFound, match="leave out --frame"):
        catalogue.why("run6", FIRST, "run13", frame="58306.3093337")


def test_a_run_without_a_flux(catalogue: Catalogue) -> None:
    found = catalogue.why("mk_test1", 40398848, "run22")
    assert found.change is None
    assert found.b.without is not None
    assert "4 Ap Out Of Bound" in found.b.without
    made = catalogue.why("run22", 40398848)
    assert (made.mean, made.flux, made.kept) == (None, None, 0)
    assert made.reason == "no flux in the published table"
    assert made.agrees


@pytest.mark.parametrize(
    ("asked", "error", "said"),
    [
        (("run10", FIRST, "hd_warm_final"), InputRefused, "channel 2, hd_warm_final of channel 1"),
        (("run6", FIRST, "6"), InputRefused, "are one run"),
        (("run6", 4, "hd_warm_final"), NotFound, "neither in run6 nor in hd_warm_final"),
        (("run6", 4), NotFound, "does not hold AOR 4"),
        (("run6", 10**30), NotFound, "does not hold AOR 1000"),
        (("run6", FIRST, "run99"), NotFound, "There is no run run99"),
        (("run6", 41422592), InputRefused, r"6 averages in run6.*row 40, row 41"),
        (("ngc2420_337", 38111232), InputRefused, r"12 averages.*row 14 \(114.55775 \+21.54832\)"),
    ],
)
def test_what_is_refused(catalogue: Catalogue, asked: Any, error: Any, said: str) -> None:
    with pytest.raises(error, match=said):
        catalogue.why(*asked)


def test_what_is_asked_for_is_found_or_refused(catalogue: Catalogue) -> None:
    with pytest.raises(NotFound, match="target Vega is not in run6, which has row"):
        catalogue.why("run6", FIRST, target="Vega")
    with pytest.raises(NotFound, match="in row 3 is not in ngc2420_337"):
        catalogue.why("ngc2420_337", 38111232, "ngc2420_ch2", row=3)
    with pytest.raises(InputRefused, match="no counterpart in hd_warm_final"):
        catalogue.why("run6", 41422592, "hd_warm_final", row=42)
    with pytest.raises(UsageError, match="'star' is no frame: give"):
        catalogue.why("run6", FIRST, frame="star")
    with pytest.raises(NotFound, match=r"3/0 is no frame of AOR .* like MJD 58306.3066346"):
        catalogue.why("run6", FIRST, frame="3/0")
    with pytest.raises(NotFound, match=r"is no frame of AOR .* in run6 or hd_warm_final"):
        catalogue.why("run6", FIRST, "hd_warm_final", frame="999999")
    with pytest.raises(InputRefused, match=r"run6 does not hold it; .* Coord Conversion Issue: no"):
        catalogue.why("run6", FIRST, "hd_warm_final", frame="58306.3101809")
    with pytest.raises(InputRefused, match="Not In FOV: nothing to explain"):
        catalogue.why("run6", FIRST, "hd_warm_final", frame="58306.3083522")
    named = catalogue.why("run6", FIRST, "hd_warm_final", target="hd165459")
    assert named.a.target == "HD 165459"


# --- The arithmetic ------------------------------------------------------------------------------


def redone(told: dict[str, Any]) -> float:
    """The mean of the kept images from their raw sums, by hand."""
    kept = []
    for image in told["images"]:
        if image["fate"] != "kept":
            continue
        net = image["raw"] - image["background"]
        corrected = net / (image["array_location"] * image["pixel_phase"])
        pixel = told["pixel_size"] ** 2 / 206265**2
        kept.append(corrected * told["aperture_correction"] * pixel * 1e9)
    assert len(kept) == told["kept"]
    return math.fsum(kept) / len(kept)


@pytest.mark.parametrize(
    ("name", "aorkey", "row"),
    [("run6", FIRST, None), ("hd_warm_final", FIRST, None), ("41", FIRST, None),
     ("run13", 11638016, None), ("ngc2420_337", 38111232, 14), ("upperSco_final", 13856000, None)],
)  # fmt: skip
def test_the_arithmetic_can_be_redone(
    catalogue: Catalogue,
    capsys: pytest.CaptureFixture[str],
    name: str,
    aorkey: int,
    row: int | None,
) -> None:
    which = ["--row", str(row)] if row else []
    location = str(catalogue._database.url.database)
    words = ["why", name, "--aor", str(aorkey), *which]
    told = json.loads(printed(capsys, location, *words, "--json"))
    asked = catalogue.why(name, aorkey, row=row)
    assert told["flux"] == asked.flux == pytest.approx(redone(told), rel=WITHIN)
    assert told["agrees"] is True
    for image in told["images"]:
        if image["mjy"] is not None:
            assert image["mjy"] == pytest.approx(image["corrected"] * told["mjy_per_sum"])
    # The same from what is printed for people.
    shown = printed(capsys, location, *words)
    values = [line.split()[-8:-1] for line in shown.splitlines() if line.endswith("  kept")]
    factor = float(re.findall(r"= corrected x (\S+)", shown)[-1])
    kept = [
        (float(raw) - float(background)) / (float(location_) * float(phase)) * factor
        for raw, background, _, location_, phase, *_ in values
    ]
    assert len(kept) == told["kept"] > 0
    assert math.fsum(kept) / len(kept) == pytest.approx(asked.flux, rel=WITHIN)
    last = float(re.findall(r"= (\S+) mJy$", shown, re.MULTILINE)[-1])
    assert last == pytest.approx(asked.flux, rel=WITHIN)


def test_factors_are_those_at_the_centre_that_is_told(catalogue: Catalogue) -> None:
    made = catalogue.why("hd_warm_final", FIRST)
    assert made.notes[-1] == "By pairing stripped, 12 images took another image's centre"
    lines = [line for line in made.images if line.mjy is not None]
    for line in lines:
        net = irac_aphot_corr(line.net, line.x, line.y, 1, mission="warm")
        assert line.corrected == pytest.approx(net, rel=1e-14)
    assert len(lines) == 16
    fates = [line.fate for line in made.images]
    assert sorted(set(fates)) == [
        "kept", "no flux: Ap Out Of Bound", "no flux: Coord Conversion Issue",
        "no flux: Not In FOV", "rejected (max)", "rejected (min)",
    ]  # fmt: skip
    assert [row["fate"] for row in made.table] == fates
    assert made.table["mjy"].unit == "mJy"


# --- Runs made here, on both databases -----------------------------------------------------------


@pytest.fixture(scope="module")
def made(
    reference: Path,
    module_database: Any,
) -> Iterator[Catalogue]:
    """Runs over two real AORs of channel 2, each with one thing different."""
    catalogue = Catalogue.__new__(Catalogue)
    catalogue._database = module_database
    catalogue.ingest(reference / "archive")
    plain: dict[str, Any] = {"channel": 2, "radius": (3, 3, 7)}
    changes: dict[str, dict[str, Any]] = {
        "plain": {},
        "wider": {"radius": (2, 2, 6)},
        "annulus": {"radius": (3, 3, 6), "aperture_correction": 1.12},
        "clipped": {"rejection": "sigma:1"},
        "pixel": {"pixel_size": 1.2},
        "correction": {"aperture_correction": 1.2},
        "then": {"recipe": "published-2018"},
        "sub2d": {"kind": "sub2d", "aors": [46466816]},
        "elsewhere": {"coord": "330.794875 +18.884306", "target": "star", "aors": [38703360]},
    }
    for name, change in changes.items():
        catalogue.run(name=name, **(plain | change))
    yield catalogue


KINDS = {
    "wider": {"sky", "aperture and its correction"},
    "annulus": {"sky"},
    "clipped": {"images rejected and kept"},
    "pixel": {"pixel area"},
    "correction": {"aperture and its correction"},
    "then": {"images rejected and kept"},
    "sub2d": {"pixels", "centres moved"},
}


@pytest.mark.parametrize("name", list(KINDS))
def test_runs_with_one_thing_different(made: Catalogue, name: str) -> None:
    for a, b in (("plain", name), (name, "plain")):
        found = made.why(a, 46466816, b)
        assert set(shares_of(found)) == KINDS[name]
        assert abs(found.change) > 1e-4 * found.a.flux
    rows = select(made, "SELECT r.name, a.flux FROM aor_result a JOIN run r ON r.run_id = a.run_id "
                        "WHERE a.aorkey = 46466816")  # fmt: skip
    stored = {row["name"]: row["flux"] for row in rows}
    assert (found.a.flux, found.b.flux) == (stored[name], stored["plain"])


def test_known_ratios(made: Catalogue) -> None:
    pixel = made.why("plain", 38703360, "pixel")
    assert pixel.change == pytest.approx(pixel.a.flux * ((1.2 / 1.213) ** 2 - 1), rel=1e-10)
    correction = made.why("plain", 38703360, "correction")
    assert correction.change == pytest.approx(correction.a.flux * (1.2 / 1.12 - 1), rel=1e-10)
    then = shares_of(made.why("then", 38703360, "plain"))
    assert set(then) == {"pairing", "images rejected and kept"}


def test_the_skys_share_from_the_images(made: Catalogue) -> None:
    """Nothing but the annulus differs: what the sky took from each image is all there is."""
    one, other = (made.why(name, 46466816) for name in ("plain", "annulus"))
    less = [
        -(b.background - a.background) / (a.array_location * a.pixel_phase) * one.mjy_per_sum
        for a, b in zip(one.images, other.images, strict=True)
    ]
    assert len(less) == 11
    found = shares_of(made.why("plain", 46466816, "annulus"))
    assert found["sky"] == pytest.approx(statistics.fmean(less), rel=1e-9)


def test_another_target_is_said(made: Catalogue) -> None:
    found = made.why("plain", 38703360, "elsewhere")
    assert (found.a.target, found.b.target) == ("HD 209458", "star")
    assert any("targets differ" in said for said in found.notes)
    assert set(shares_of(found)) <= {"centres moved"}
    none = made.why("plain", 46466816, "elsewhere")
    assert none.change is None


@pytest.mark.parametrize(
    "spec",
    ["SPITZER_I2_46466816_0003_0000", "SPITZER_I2_46466816_0003_0000_4_bcd.fits", "3/0",
     "2/46466816/3/0", "number"],
)  # fmt: skip
def test_one_frame_by_its_names(made: Catalogue, spec: str) -> None:
    if spec == "number":
        query = "SELECT id FROM frame WHERE aorkey = 46466816 AND channel = 2 AND expid = 3"
        spec = str(select(made, query)[0]["id"])
    made_of = made.why("plain", 46466816, frame=spec)
    assert [line.frame for line in made_of.images] == ["SPITZER_I2_46466816_0003_0000"]
    found = made.why("plain", 46466816, "annulus", frame=spec)
    assert set(shares_of(found)) == {"sky"}
    assert found.a.flux == pytest.approx(made_of.images[0].mjy, rel=1e-15)
    # Rejected or not, a frame is looked at as it is.
    clipped = made.why("plain", 46466816, "then", frame=spec)
    assert clipped.change == 0
    assert clipped.notes == ("The frame was kept in plain, rejected (min) in then",)


def test_the_command(made: Catalogue, capsys: pytest.CaptureFixture[str]) -> None:
    location = made._database.url.render_as_string(hide_password=False)
    words = ("why", "plain", "--aor", "46466816", "--against", "annulus")
    lines = printed(capsys, location, *words).splitlines()
    found = made.why("plain", 46466816, "annulus")
    assert re.fullmatch(
        r"AOR 46466816: 54\.99\d+ mJy in plain became 54\.68\d+ mJy in annulus: "
        r"-0\.3087 mJy \(-0\.561 %\)", lines[0]
    )  # fmt: skip
    assert lines[1] == "  plain: mean of 11 of 11 images with a flux"
    assert [line.split()[0] for line in lines[5:]] == ["sky"]
    assert lines[5].endswith("annulus 3 7 -> 3 6")
    every = printed(capsys, location, *words, "--all").splitlines()
    assert [line[:28].strip() for line in every[5:]] == list(CAUSES)

    told = json.loads(printed(capsys, location, *words, "--json"))
    assert told["change_mjy"] == found.change
    assert [share["cause"] for share in told["shares"]] == list(CAUSES)
    total = sum(share["mjy"] for share in told["shares"])
    assert total == pytest.approx(found.change, abs=WITHIN * found.a.flux)
    assert (told["flux_a"], told["flux_b"]) == (found.a.flux, found.b.flux)
    (only,) = csv.DictReader(printed(capsys, location, *words, "--csv").splitlines())
    assert (only["cause"], float(only["mjy"])) == ("sky", found.telling[0].mjy)

    alone = printed(capsys, location, "why", "plain", "--aor", "38703360")
    assert "1 image without a flux: 1 Bad Center Guess" in alone
    missing = printed(capsys, location, "why", "plain", "--aor", "42789888")
    assert missing.splitlines()[-1] == "No image is kept: there is no mean"
    one_has_none = printed(
        capsys, location, "why", "plain", "--aor", "46466816", "--against", "elsewhere"
    )
    assert one_has_none.splitlines() == [
        f"AOR 46466816: {found.a.flux:.6g} mJy in plain; elsewhere does not hold the AOR",
        "  plain: mean of 11 of 11 images with a flux",
    ]


@pytest.mark.parametrize(
    ("words", "status", "said"),
    [
        (("plain", "--aor", "42789888", "--against", "annulus"), 3, "nothing to explain"),
        (("plain", "--aor", "0"), 3, "does not hold AOR 0"),
        (("plain",), 2, "Missing option '--aor'"),
        (("plain", "--aor", "46466816", "--frame", "x"), 2, "'x' is no frame"),
        (("plain", "--aor", "46466816", "--frame", "77/0"), 3, "is no frame of AOR 46466816"),
    ],
)
def test_exit_statuses(
    made: Catalogue,
    capsys: pytest.CaptureFixture[str],
    words: tuple[str, ...],
    status: int,
    said: str,
) -> None:
    location = made._database.url.render_as_string(hide_password=False)
    assert command_line.main(["--db", location, "why", *words]) == status
    shown = capsys.readouterr()
    assert shown.out == ""
    assert said in shown.err


def forget(catalogue: Catalogue, name: str) -> None:
    """Make of a run what an import would: no factors, no choice, no files, frames by time alone."""
    number = catalogue.get(name).run_id
    images = (
        "SELECT i.frame_id FROM image_result i JOIN aor_result a ON a.id = i.aor_result_id "
        f"WHERE a.run_id = {number}"
    )
    frames = [row["frame_id"] for row in select(catalogue, images)]
    parameters = dict(catalogue.get(name).row.parameters)
    parameters |= dict.fromkeys(("centre", "sky", "bounds", "pairing", "response", "grouping"))
    of_run = t.image_result.c.aor_result_id.in_(
        select_rows(t.aor_result.c.id).where(t.aor_result.c.run_id == number)
    )
    with catalogue._database.write() as connection:
        for frame_id in frames:
            known = t.frame.c
            here = select_rows(known.channel, known.mjd_obs).where(known.id == frame_id)
            made = insert(t.frame).from_select(["channel", "mjd_obs"], here).returning(known.id)
            connection.execute(
                update(t.image_result)
                .where(of_run, t.image_result.c.frame_id == frame_id)
                .values(
                    frame_id=connection.execute(made).scalar_one(), file_id=None, sky=None,
                    array_location_factor=None, pixel_phase_factor=None, corrected=None, kept=None,
                    rejected_by=None,
                )
            )  # fmt: skip
        connection.execute(
            update(t.run)
            .where(t.run.c.run_id == number)
            .values(origin="imported", parameters=parameters)
        )


def test_imported_runs_and_those_made_here(any_location: str, reference: Path) -> None:
    """A run that is stripped of all that a published table does not hold is explained the same."""
    with Catalogue(any_location) as catalogue:
        catalogue.ingest(reference / "archive" / "r38703360")
        options: dict[str, Any] = {"channel": 2, "radius": (3, 3, 7)}
        for name in ("then", "stripped"):
            catalogue.run(name=name, recipe="published-2018", **options)
        catalogue.run(name="here", **options)
        whole = catalogue.why("then", 38703360, "here")
        forget(catalogue, "stripped")
        found = catalogue.why("stripped", 38703360, "here")
        assert shares_of(found) == pytest.approx(shares_of(whole), rel=1e-9)
        assert set(shares_of(found)) == {"pairing", "images rejected and kept"}
        assert found.notes == (
            "Published tables hold no factors and no rejections; these are replayed: "
            "stripped by pairing stripped, rejection published, tables auto",
        )
        same = catalogue.why("then", 38703360, "stripped")
        assert (same.change, shares_of(same)) == (0.0, {})
        told = [catalogue.why(name, 38703360).images for name in ("then", "stripped")]
        numbers = [[(i.corrected, i.mjy, i.fate, i.x) for i in each] for each in told]
        assert numbers[0] == numbers[1]
        # Its frames are known by their times alone, and by their exposures in the other run.
        assert told[1][0].frame.startswith("MJD ")
        one = catalogue.why("stripped", 38703360, "here", frame="3/0")
        assert one.frame == told[1][3].frame
        assert set(shares_of(one)) == {"pairing"}
        back = catalogue.why("here", 38703360, "stripped", frame="3/0")
        assert back.change == -one.change
        with catalogue._database.write() as connection:
            ill = {"then": {"withdrawn_at": "now", "withdrawn_reason": "old"},
                   "here": {"state": "running"}}  # fmt: skip
            for name, values in ill.items():
                connection.execute(update(t.run).where(t.run.c.name == name).values(**values))
        notes = catalogue.why("then", 38703360, "here").notes
        assert notes == ("then is withdrawn: old", "here is not finished")


# --- The page ------------------------------------------------------------------------------------


def test_the_page_shows_what_is_printed(
    catalogue: Catalogue, capsys: pytest.CaptureFixture[str]
) -> None:
    commands = console(PAGE.read_text())
    assert len(commands) == 8
    for words, expected in commands:
        assert words[:2] == ["iracdb", "why"]
        location = str(catalogue._database.url.database)
        status = command_line.main(["--db", location, *words[1:]])
        shown = capsys.readouterr()
        assert status == (3 if expected.startswith("iracdb: ") else 0)
        # Both streams, as a terminal shows them one after the other.
        assert the_same(expected, shown.out + shown.err), shown.out + shown.err


def test_the_page_lists_the_causes_in_their_order(catalogue: Catalogue) -> None:
    text = PAGE.read_text()
    assert tuple(re.findall(r"^\| `([\w -]+)` \|", text, re.MULTILINE)) == CAUSES
    (example,) = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    names: dict[str, Any] = {"cat": catalogue}
    exec(compile(example, PAGE.name, "exec"), names)
    assert names["found"].change == pytest.approx(2.861541, abs=1e-6)


# --- Another calibration -------------------------------------------------------------------------


def test_another_fluxconv(tmp_path: Path) -> None:
    """The same frames from a later pipeline: all pixels are brighter by the ratio of FLUXCONV."""
    spec = FrameSpec(channel=2, subarray=True, noise=False, aorkey=91000000, flux_mjy=50.0)
    frames = []
    for number in range(3):
        cards, image = simulate_frame(
            FrameSpec(**{**vars(spec), "expid": number, "mjd": spec.mjd + number / 1000})
        )
        frames.append((number, cards, image))
    with Catalogue(tmp_path / "iracdb.sqlite") as catalogue:
        for version, (ratio, creator) in enumerate(((1.0, "S18.18.0"), (1.25, "S19.2.0")), start=1):
            for number, cards, image in frames:
                content = fits_bytes(cards, image * ratio)
                value = f"FLUXCONV= {0.1469 * ratio!r:>20}".encode()
                content = with_card(content, "FLUXCONV", value)
                content = with_card(content, "CREATOR", f"CREATOR = '{creator:<8}'".encode())
                name = FrameSpec(**{**vars(spec), "expid": number}).name()
                path = file_path(tmp_path / "archive", name)
                path = path.with_name(path.name.replace("_1_bcd", f"_{version}_bcd"))
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(content)
            catalogue.ingest(tmp_path / "archive")
            catalogue.run(name=f"v{version}", channel=2, radius=(3, 3, 7))
        found = catalogue.why("v1", 91000000, "v2")
    shares = shares_of(found)
    assert found.change == pytest.approx(0.25 * found.a.flux, rel=1e-6)
    assert shares["calibration"] == pytest.approx(0.25 * found.a.flux, rel=1e-10)
    # Pixels are kept in single precision.
    assert sum(abs(shares[c]) for c in set(shares) - {"calibration"}) < 1e-6 * found.a.flux
    told = {share.cause: share.what for share in found.shares}
    assert told["calibration"] == "FLUXCONV 0.1469 -> 0.183625"
    assert "S18.18.0 -> S19.2.0" in told["pixels"]
