"""The two calls of 2018 from a script: they give what runs with the same parameters give."""

from __future__ import annotations

import contextlib
import csv
import inspect
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import astropy.units as u
import numpy as np
import pytest
from astropy.coordinates import SkyCoord
from astropy.io import ascii as astropy_ascii
from astropy.table import QTable, Table
from run_helpers import content, read_csv, write_frames

from iracdb import Catalogue
from iracdb.compat import run
from iracdb.errors import InputRefused, NotFound, RunRefused, UsageError
from iracdb.irac.simulate import FrameSpec

ONE, TWO, COLD = 91_000_000, 91_000_001, 91_000_002
RA, DEC = 270.628087536, 58.6272659487
HOURS = "18 02 30.7410086899 +58 37 38.157415821"
RADII = (10, 12, 20)
HOW = ("bcd", 10, 12, 20, 1.0, 1, 1.221)


def frame(aorkey: int, expid: int = 0, **changes: Any) -> FrameSpec:
    plain = {"channel": 1, "noise": False, "response": False, "ra": RA, "dec": DEC}
    return FrameSpec(aorkey=aorkey, expid=expid, **(plain | changes))


@pytest.fixture(scope="module")
def frames(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An AOR of twelve frames, two of them far off, one of two frames, and a cryogenic one."""
    folder = tmp_path_factory.mktemp("frames")
    odd = {3: 20.0, 7: 45.0}
    write_frames(
        folder,
        *(frame(ONE, expid, flux_mjy=odd.get(expid, 30.0 + expid / 100)) for expid in range(12)),
        *(frame(TWO, expid, flux_mjy=50.0) for expid in range(2)),
        frame(COLD, mjd=53_500.0),
    )
    (folder / "readme.txt").write_text("r* matches this too")
    return folder


@pytest.fixture
def catalogue(any_location: str) -> Iterator[Catalogue]:
    with Catalogue(any_location) as opened:
        yield opened


@pytest.fixture
def lite(tmp_path: Path) -> Iterator[Catalogue]:
    with Catalogue(tmp_path / "lite.sqlite") as opened:
        yield opened


def same_by_run(catalogue: Catalogue, table: Table, **options: Any) -> None:
    """Make a run otherwise, and compare all that is stored of both, and what made them."""
    made = catalogue.get(table.meta["run_id"])
    other = catalogue.run(**options)
    assert content(catalogue, made) == content(catalogue, other)
    assert made.parameters.digest == other.parameters.digest
    assert made.result_digest == other.result_digest


def files_of(folder: Path, aorkey: int, channel: int = 1) -> list[str]:
    return sorted(map(str, (folder / f"r{aorkey}" / f"ch{channel}" / "bcd").glob("*_bcd.fits")))


def published_titles(reference: Path, name: str) -> tuple[list[str], list[str]]:
    titles = []
    for which in ("aor", "img"):
        path = reference / "published_runs" / f"{name}_{which}_data.csv"
        with path.open(newline="") as stream:
            titles.append(next(csv.reader(stream)))
    return titles[0], titles[1]


# --- The later call ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rejection", "rule", "left_out", "by_name"),
    [(True, "minmax", 2, False), (False, "none", 0, True)],
)
def test_the_later_call_is_a_run(
    catalogue: Catalogue, frames: Path, rejection: bool, rule: str, left_out: int, by_name: bool
) -> None:
    given = ("single_hms", [str(frames / f"r{ONE}"), HOURS], *HOW, rejection)
    names = ("crdFormat", "aor_crd", "filetype", "r", "rIn", "rOut", "ap_corr", "channel",
             "pixLen", "rejection")  # fmt: skip
    if by_name:
        tables = run(**dict(zip(names, given, strict=True)), catalogue=catalogue)
    else:
        tables = run(*given, catalogue=catalogue)
    aor_data, img_data, prob_aor = tables
    assert list(aor_data["AORKEY"]) == [ONE]
    assert list(aor_data["Outliers Rejected"]) == [left_out]
    assert list(img_data["File#"]) == list(range(1, 13))
    assert prob_aor.dtype == np.int64
    assert prob_aor.shape == (0,)
    same_by_run(
        catalogue, aor_data, channel=1, aors=[ONE], radius=RADII, aperture_correction=1.0,
        pixel_size=1.221, rejection=rule, coord=HOURS,
    )  # fmt: skip


def test_outliers_are_rejected_by_default(frames: Path, tmp_path: Path) -> None:
    words = ["single_hms", [str(frames / f"r{ONE}"), HOURS], *HOW]
    aor_data, _, _ = run(*words, catalogue=tmp_path / "iracdb.sqlite")
    assert list(aor_data["Outliers Rejected"]) == [2]


def test_a_wildcard_means_all_that_it_matches(catalogue: Catalogue, frames: Path) -> None:
    place = [str(frames / "r*"), f"{RA} {DEC}"]
    aor_data, img_data, _ = run("single_deg", place, *HOW, catalogue=catalogue)
    assert list(aor_data["AORKEY"]) == [ONE, TWO, COLD]
    assert list(aor_data["Mission"]) == ["WARM", "WARM", "CRYO"]
    assert len(img_data) == 15
    same_by_run(
        catalogue, aor_data, channel=1, aors=[ONE, TWO, COLD], coord=f"{RA} {DEC}", radius=RADII,
        aperture_correction=1.0, pixel_size=1.221, rejection="minmax",
    )  # fmt: skip


def test_other_numbers_reach_the_run(lite: Catalogue, frames: Path) -> None:
    place = [str(frames / f"r{TWO}"), HOURS]
    aor_data, _, _ = run(
        "single_hms",
        place,
        "bcd",
        3,
        3,
        np.float64(7),
        1.125,
        np.int64(1),
        1.2,
        catalogue=lite,
    )
    same_by_run(
        lite, aor_data, channel=1, aors=[TWO], radius=(3, 3, 7), aperture_correction=1.125,
        pixel_size=1.2, rejection="minmax", coord=HOURS,
    )  # fmt: skip


@pytest.mark.parametrize("as_list", [False, True])
def test_a_list_of_targets(
    catalogue: Catalogue, frames: Path, tmp_path: Path, as_list: bool
) -> None:
    path = tmp_path / "list.csv"
    path.write_text(
        "AOR Filepath,Target Coordinates\n"
        f"{frames}/r{ONE},{HOURS}\n{frames}/r{TWO}/,{HOURS}\n/data1/gone/r95000000,{HOURS}\n"
    )
    words = [str(path)] if as_list else str(path)
    aor_data, _, prob_aor = run("multiple_hms", words, *HOW, catalogue=catalogue)
    assert list(aor_data["AORKEY"]) == [ONE, TWO, 95_000_000]
    assert list(prob_aor) == [95_000_000]
    assert np.isfinite(aor_data["Flux (mJy)"][:2]).all()
    same_by_run(
        catalogue, aor_data, channel=1, targets=path, radius=RADII, aperture_correction=1.0,
        pixel_size=1.221, rejection="minmax",
    )  # fmt: skip


def test_paths_that_are_not_here_are_looked_up_by_their_aor(
    catalogue: Catalogue, frames: Path, tmp_path: Path
) -> None:
    catalogue.ingest(frames / f"r{ONE}")
    path = tmp_path / "list.csv"
    path.write_text(f"AOR Filepath,Target Coordinates\n/data1/x/r{ONE},{HOURS}\n")
    listed, _, problems = run("multiple_hms", str(path), *HOW, catalogue=catalogue)
    single, _, _ = run("single_hms", [f"/data1/x/r{ONE}", HOURS], *HOW, catalogue=catalogue)
    assert len(problems) == 0
    assert listed["Flux (mJy)"][0] == single["Flux (mJy)"][0]
    assert list(listed["Workable/Total Files in AOR"]) == ["12/12"]


def test_an_aor_without_frames_is_a_problem_and_the_rest_runs(
    catalogue: Catalogue, frames: Path, tmp_path: Path
) -> None:
    shutil.copytree(frames, tmp_path / "data")
    (tmp_path / "data" / "r96000000" / "ch1" / "bcd").mkdir(parents=True)
    (tmp_path / "data" / f"r{TWO}" / "ch1").rename(tmp_path / "data" / "away")
    place = [str(tmp_path / "data" / "r9*"), HOURS]
    aor_data, _, prob_aor = run("single_hms", place, *HOW, catalogue=catalogue)
    assert list(aor_data["AORKEY"]) == [ONE, COLD]
    assert list(prob_aor) == [TWO, 96_000_000]


def test_an_aor_off_the_star_is_a_problem(lite: Catalogue, frames: Path) -> None:
    place = [str(frames / f"r{TWO}"), f"{RA} {DEC - 0.1}"]
    aor_data, img_data, prob_aor = run("single_deg", place, *HOW, catalogue=lite)
    assert list(prob_aor) == [TWO]
    assert np.isnan(aor_data["Flux (mJy)"]).all()
    assert list(img_data["Not In FOV"]) == ["Y", "Y"]


def test_more_in_the_catalogue_than_at_the_path_is_said(
    catalogue: Catalogue, frames: Path, tmp_path: Path
) -> None:
    half = tmp_path / f"r{ONE}"
    half.mkdir()
    for path in files_of(frames, ONE)[:4]:
        shutil.copy(path, half)
    place = [str(half), HOURS]
    aor_data, _, _ = run("single_hms", place, *HOW, catalogue=catalogue)
    assert list(aor_data["Workable/Total Files in AOR"]) == ["4/4"]
    catalogue.ingest(frames)
    with pytest.warns(UserWarning, match=f"more of these AORs.*_{ONE}_0004_.* and 3 more"):
        aor_data, _, _ = run("single_hms", place, *HOW, catalogue=catalogue)
    assert list(aor_data["Workable/Total Files in AOR"]) == ["12/12"]


def test_a_file_set_aside_is_said(lite: Catalogue, frames: Path, tmp_path: Path) -> None:
    shutil.copytree(frames / f"r{TWO}", tmp_path / f"r{TWO}")
    broken = Path(files_of(tmp_path, TWO)[1])
    broken.write_bytes(broken.read_bytes()[:10_000])
    with pytest.warns(UserWarning, match="_0001_0000_1_bcd.fits is set aside: "):
        aor_data, _, _ = run("single_hms", [str(tmp_path / f"r{TWO}"), HOURS], *HOW, catalogue=lite)
    assert list(aor_data["Workable/Total Files in AOR"]) == ["1/1"]


# --- The older call ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("factor", "rule", "left_out", "by_name"),
    [("n/a", "none", 0, False), (10, "minmax", 2, True), ("yes", "minmax", 2, False)],
)
def test_the_older_call_is_a_run(
    catalogue: Catalogue, frames: Path, factor: object, rule: str, left_out: int, by_name: bool
) -> None:
    given = (
        [files_of(frames, ONE), files_of(frames, TWO)], SkyCoord(RA, DEC, unit="deg"),
        *RADII, 1.0, 1.221, "Warm", 1, factor,
    )  # fmt: skip
    names = ("AORs", "sky", "r", "rIn", "rOut", "ap_corr", "pixArea", "mission", "channel", "N")
    if by_name:
        tables = run(**dict(zip(names, given, strict=True)), catalogue=catalogue)
    else:
        tables = run(*given, catalogue=catalogue)
    aor_data, _, prob_aor = tables
    assert list(aor_data["AORKEY"]) == [ONE, TWO]
    assert list(aor_data["Outliers Rejected"]) == [left_out, 0]
    assert len(prob_aor) == 0
    same_by_run(
        catalogue, aor_data, channel=1, aors=[ONE, TWO], radius=RADII, aperture_correction=1.0,
        pixel_size=1.221, rejection=rule, coord=f"{RA} {DEC:+}",
    )  # fmt: skip


def test_both_calls_agree(lite: Catalogue, frames: Path) -> None:
    later, _, _ = run("single_deg", [str(frames / f"r{ONE}"), f"{RA} {DEC}"], *HOW, catalogue=lite)
    older, _, _ = run(
        [files_of(frames, ONE)], SkyCoord(RA, DEC, unit="deg"), *RADII, 1.0, 1.221, "Warm", 1, "x",
        catalogue=lite,
    )  # fmt: skip
    for title in set(older.colnames) & set(later.colnames):
        assert list(older[title]) == list(later[title]), title


def test_a_position_in_another_frame_is_converted(lite: Catalogue, frames: Path) -> None:
    sky = SkyCoord(RA, DEC, unit="deg")
    words = (*RADII, 1.0, 1.221, "Warm", 1, "n/a")
    galactic, _, _ = run([files_of(frames, TWO)], sky.galactic, *words, catalogue=lite)
    icrs, _, _ = run([files_of(frames, TWO)], sky, *words, catalogue=lite)
    assert galactic["Flux (mJy)"][0] == pytest.approx(icrs["Flux (mJy)"][0], rel=1e-9)


def test_positions_keep_all_their_bits(lite: Catalogue, frames: Path) -> None:
    sky = SkyCoord(1e-07, -1.2345678901234567e-05, unit="deg")
    words = (*RADII, 1.0, 1.221, "Warm", 1, "n/a")
    aor_data, _, _ = run([files_of(frames, TWO)], sky, *words, catalogue=lite)
    made = lite.get(aor_data.meta["run_id"])
    place = (made.parameters["target_ra"], made.parameters["target_dec"])
    assert place == (sky.ra.deg, sky.dec.deg)


@pytest.mark.parametrize(("aorkey", "mission"), [(ONE, "Cryogenic"), (COLD, "Warm")])
def test_another_mission_is_refused(
    lite: Catalogue, frames: Path, aorkey: int, mission: str
) -> None:
    words = (*RADII, 1.0, 1.221, mission, 1, "n/a")
    with pytest.raises(RunRefused, match=f"AOR {aorkey} .* not of the {mission} mission"):
        run([files_of(frames, aorkey)], SkyCoord(RA, DEC, unit="deg"), *words, catalogue=lite)
    assert lite.runs().rows == []


def test_no_frame_is_measured_that_was_not_listed(catalogue: Catalogue, frames: Path) -> None:
    sky, words = SkyCoord(RA, DEC, unit="deg"), (*RADII, 1.0, 1.221, "Warm", 1, "n/a")
    some = files_of(frames, ONE)[:5]
    aor_data, _, _ = run([some], sky, *words, catalogue=catalogue)
    assert len(catalogue.get(aor_data.meta["run_id"]).img_data) == 5
    catalogue.ingest(frames)
    with pytest.raises(RunRefused, match=f"_{ONE}_0005_.*catalogue='other.sqlite'"):
        run([some], sky, *words, catalogue=catalogue)


def test_empty_lists_and_files_set_aside_are_said(
    lite: Catalogue, frames: Path, tmp_path: Path
) -> None:
    shutil.copytree(frames / f"r{TWO}", tmp_path / f"r{TWO}")
    files = files_of(tmp_path, TWO)
    Path(files[0]).write_bytes(b"")
    words = (SkyCoord(RA, DEC, unit="deg"), *RADII, 1.0, 1.221, "Warm", 1, "n/a")
    with pytest.warns(UserWarning) as warned:
        run([files, []], *words, catalogue=lite)
    said = " ".join(str(each.message) for each in warned)
    assert "1 of the lists are empty" in said
    assert "is set aside" in said
    assert (
        f"Named but not measured, since set aside or replaced by a newer: SPITZER_I1_{TWO}" in said
    )
    assert {each.filename for each in warned} == {__file__}


# --- What they give ------------------------------------------------------------------------------


def test_columns_are_those_published(lite: Catalogue, frames: Path, reference: Path) -> None:
    later = run("single_hms", [str(frames / f"r{TWO}"), HOURS], *HOW, catalogue=lite)
    assert (later[0].colnames, later[1].colnames) == published_titles(reference, "hd_cryo_final")
    assert set(later[1]["Centroiding Issue"]) == {"N"}
    older = run(
        [files_of(frames, TWO)], SkyCoord(RA, DEC, unit="deg"), *RADII, 1.0, 1.221, "Warm", 1, 10,
        catalogue=lite,
    )  # fmt: skip
    assert (older[0].colnames, older[1].colnames) == published_titles(reference, "run13")
    assert set(older[1]["Centroiding Issue"]) == {"X"}


def test_tables_are_plain_and_written_as_the_manual_says(
    lite: Catalogue, frames: Path, tmp_path: Path
) -> None:
    place = [str(frames / "r*"), HOURS]
    aor_data, img_data, _ = run("single_hms", place, *HOW, catalogue=lite)
    made = lite.get(aor_data.meta["run_id"])
    lite.run(
        run_id=50, channel=1, aors=[ONE, TWO, COLD], radius=RADII, aperture_correction=1.0,
        pixel_size=1.221, coord=HOURS, out=tmp_path / "ours",
    )  # fmt: skip
    assert made.run_id != 50
    for which, table in (("aor", aor_data), ("img", img_data)):
        assert type(table) is Table
        assert not isinstance(table, QTable)
        path = tmp_path / f"{which}.csv"
        astropy_ascii.write(table, path, delimiter=",", overwrite=False)
        ours = (tmp_path / "ours" / f"run50_{which}_data.csv").read_bytes()
        assert read_csv(path.read_bytes()) == read_csv(ours)
    assert (aor_data["Flux (mJy)"] > 1).all()
    assert aor_data["Flux (mJy)"].unit == u.mJy
    assert set(aor_data["DScale"]) == {"--"}


def test_no_files_are_written_and_the_call_is_in_the_log(
    frames: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("IRACDB_DATABASE_URL", raising=False)
    run("single_hms", [str(frames / f"r{TWO}"), HOURS], *HOW)
    assert {path.name.removesuffix("-wal").removesuffix("-shm") for path in tmp_path.iterdir()} == {
        "iracdb.sqlite"
    }
    monkeypatch.setenv("IRACDB_DATABASE_URL", str(tmp_path / "other.sqlite"))
    run(
        [files_of(frames, TWO)], SkyCoord(RA, DEC, unit="deg"), *RADII, 1.0, 1.221, "Warm", 1, 10,
    )  # fmt: skip
    with Catalogue("iracdb.sqlite") as one, Catalogue("other.sqlite") as other:
        assert one.get(1).row.command == (
            f"iracdb.compat.run(crdFormat='single_hms', aor_crd=['{frames}/r{TWO}', '{HOURS}'], "
            "filetype='bcd', r=10, rIn=12, rOut=20, ap_corr=1.0, channel=1, pixLen=1.221, "
            "rejection=True)"
        )
        assert other.get(1).row.command == (
            f"iracdb.compat.run(AORs=<1 lists of 2 files>, "
            f"sky=SkyCoord('{RA} +{DEC}', unit='deg'), r=10, rIn=12, rOut=20, ap_corr=1.0, "
            "pixArea=1.221, mission='Warm', channel=1, N=10)"
        )


def test_the_docstring_says_what_pixarea_is() -> None:
    assert "``pixArea``, in spite of its name, the length of a pixel in arcsec" in " ".join(
        str(inspect.getdoc(run)).split()
    )


# --- What is refused -----------------------------------------------------------------------------

SKY = SkyCoord(RA, DEC, unit="deg")
TAIL = (10, 12, 20, 1.0, 1.221, "Warm", 1, "n/a")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("single", ["r1", HOURS], *HOW), "format is one of single_hms, single_deg"),
        (("single_hms", ["r1", "270.6 58.6"], *HOW), "no position as single_hms takes it"),
        (("single_deg", ["r1", HOURS], *HOW), "no position as single_deg takes it"),
        (("single_hms", [HOURS], *HOW), "takes the path of an AOR, then"),
        (("single_hms", "r1", *HOW), "takes the path of an AOR, then"),
        (("multiple_hms", ["a.csv", "b.csv"], *HOW), "takes one file"),
        (("single_hms", ["{frames}/r*", HOURS], "bcd", "x", 12, 20, 1.0, 1, 1.2), "radius must be"),
        (("single_hms", ["{frames}/r*", HOURS], "bcd", 8, 12, 20, None, 1, 1.2), "aperture corr"),
        (("single_hms", ["{frames}/r*", HOURS], "bcd", 8, 12, 20, 1.0, 5, 1.2), "channels 1 to 4"),
        (("single_hms", ["{frames}/r*", HOURS], "fits", 8, 12, 20, 1.0, 1, 1.2), "'fits' is not"),
        (("single_hms", ["{frames}/r*", HOURS], *HOW, "n/a"), "True or False"),
        (("single_hms", ["r1", HOURS], "bcd", 10), "missing a required argument"),
        (([["x"]], SKY, *TAIL, "more"), "too many positional arguments"),
        ((["x_bcd.fits"], SKY, *TAIL), "one list an AOR"),
        (([["x_bcd.fits"]], SKY, *TAIL), "no name of IRAC's archive"),
        (([[]], SKY, *TAIL), "name no files"),
        (([["{one}"], ["{one}"]], SKY, *TAIL), "all files of an AOR belong in one list"),
        (([["{one}", "{two}"]], SKY, *TAIL), "all files of an AOR belong in one list"),
        (([["{one}"]], SKY, 10, 12, 20, 1.0, 1.2, "Warm", 2, 1), "files of channel 1 in the lists"),
        (([["{one}"]], SKY, 10, 12, 20, 1.0, 1.2, "warm", 1, 1), "'Cryogenic' or 'Warm'"),
        (([["{one}"]], HOURS, *TAIL), "one astropy SkyCoord"),
        (([["{one}"]], SkyCoord([1, 2], [3, 4], unit="deg"), *TAIL), "one astropy SkyCoord"),
    ],
)
def test_wrong_calls(frames: Path, tmp_path: Path, arguments: tuple[Any, ...], said: str) -> None:
    places = {
        "{frames}/r*": str(frames / "r*"),
        "{one}": files_of(frames, ONE)[0],
        "{two}": files_of(frames, TWO)[0],
    }

    def real(value: Any) -> Any:
        if isinstance(value, list):
            return [real(each) for each in value]
        return places.get(value, value) if isinstance(value, str) else value

    with pytest.raises(UsageError, match=said.replace("(", r"\(")):
        run(*map(real, arguments), catalogue=tmp_path / "iracdb.sqlite")


def test_arguments_of_two_calls_are_refused() -> None:
    with pytest.raises(UsageError, match="aor_crd and N belong to two calls"):
        run(aor_crd=["r1", HOURS], N=10)
    with pytest.raises(UsageError, match=r"run\(crdFormat, .*unexpected.*pix"):
        run("single_hms", ["r1", HOURS], *HOW, pix=1)


@pytest.mark.parametrize(
    ("crd_format", "words", "kind", "said"),
    [
        ("single_hms", ["{}/nothing", HOURS], NotFound, "There is no folder .*r<AORKEY>"),
        ("single_hms", ["{}/x*", HOURS], NotFound, "Nothing matches"),
        ("single_hms", ["{}", HOURS], InputRefused, "no frames of IRAC in"),
        ("single_hms", ["{}/r123", HOURS], RunRefused, "AOR 123 has no frames, neither"),
        ("multiple_hms", "{}/no.csv", NotFound, "There is no list"),
    ],
)
def test_paths_that_mean_nothing(
    tmp_path: Path, crd_format: str, words: Any, kind: type[Exception], said: str
) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    (empty / "readme.txt").write_text("")
    given = (
        [word.format(empty) for word in words] if isinstance(words, list) else words.format(empty)
    )
    # A mistyped path leaves no empty catalogue behind.
    with Catalogue(tmp_path / "held.sqlite") as catalogue, pytest.raises(kind, match=said):
        run(crd_format, given, *HOW, catalogue=catalogue)
    with contextlib.suppress(Exception):
        run(crd_format, given, *HOW, catalogue=tmp_path / "new.sqlite")
    assert not (tmp_path / "new.sqlite").exists()


# --- On real frames ------------------------------------------------------------------------------

REAL = [
    # AOR, channel, kind, pixel size, mission, and where the star is.
    (24649984, 4, "bcd", 1.22, "Cryogenic", "330.794624 +18.884028"),
    (38703360, 2, "bcd", 1.213, "Warm", "330.795135 +18.88387"),
    (46466816, 2, "sub2d", 1.213, "Warm", "65.469837 +57.817564"),
    (48765440, 1, "bcd", 1.221, "Warm", "3.694617 -30.452201"),
]


@pytest.mark.parametrize(("aorkey", "channel", "kind", "pixel", "mission", "coord"), REAL)
def test_real_frames_by_both_calls(
    catalogue: Catalogue, reference: Path, aorkey: int, channel: int, kind: str, pixel: float,
    mission: str, coord: str,
) -> None:  # fmt: skip
    place = reference / "archive" / f"r{aorkey}"
    files = sorted(map(str, (place / f"ch{channel}" / "bcd").glob(f"*_{kind}.fits")))
    later, images, problems = run(
        "single_deg", [str(place), coord], kind, 3, 3, 7, 1.1, channel, pixel, catalogue=catalogue
    )
    older, _, _ = run(
        [files], SkyCoord(coord, unit="deg"), 3, 3, 7, 1.1, pixel, mission, channel, 10,
        catalogue=catalogue,
    )  # fmt: skip
    assert len(images) == len(files)
    assert np.isfinite(later["Flux (mJy)"]).all()
    assert len(problems) == 0
    assert list(older["Flux (mJy)"]) == list(later["Flux (mJy)"])
    same_by_run(
        catalogue, later, channel=channel, aors=[aorkey], kind=kind, radius=(3, 3, 7), coord=coord,
        aperture_correction=1.1, pixel_size=pixel, rejection="minmax",
    )  # fmt: skip
