"""The runs of 2018 compared, in both kinds of database, with the tables themselves as witness."""

from __future__ import annotations

import csv
import json
import math
import re
import struct
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from iracdb_cli.main import main
from published_helpers import change, copy_run, set_cell
from run_helpers import command
from sqlalchemy import update

from iracdb import Catalogue
from iracdb.catalogue import tables as t
from iracdb.catalogue.database import Database, open_database
from iracdb.catalogue.urls import database_url
from iracdb.compare.comparison import Comparison, compare
from iracdb.errors import NotFound, RunRefused

RUNS = (
    "run1", "run3", "run5", "run6", "run10", "run13", "run14", "run18", "run20", "hd_warm_final",
    "ngc2506_pV2", "ngc2420_337", "ngc2420_ch2",
)  # fmt: skip
COUNTS = ("same", "rounding_only", "changed", "flag_changed", "only_a", "only_b")


@pytest.fixture(scope="module")
def published(reference: Path) -> Path:
    """The folder of published runs."""
    return reference / "published_runs"


@pytest.fixture(scope="module")
def imported(
    module_database: Database, published: Path, tmp_path_factory: pytest.TempPathFactory
) -> Database:
    """A catalogue of some of the runs, in both kinds of database."""
    folder = tmp_path_factory.mktemp("published")
    for name in RUNS:
        copy_run(published, folder, name)
    with Catalogue(location(module_database)) as catalogue:
        catalogue.import_runs(folder, targets=[published.parent / "coordinates"])
    return module_database


def location(database: Database) -> str:
    if database.dialect == "sqlite":
        return str(database.url.database)
    return database.url.render_as_string(hide_password=False)


@pytest.fixture(scope="module")
def catalogue(imported: Database) -> Iterator[Catalogue]:
    with Catalogue(location(imported)) as opened:
        yield opened


# The witness: plain Python over the tables


def table(folder: Path, name: str, which: str) -> list[dict[str, str]]:
    with (folder / f"{name}_{which}_data.csv").open(newline="") as stream:
        return list(csv.DictReader(stream))


def steps(one: float, other: float) -> int:
    """Doubles from one to another, for two of one sign."""
    (a,), (b,) = (struct.unpack("<q", struct.pack("<d", value)) for value in (one, other))
    return abs(a - b)


def fate(one: str, other: str) -> str:
    a, b = float(one), float(other)
    if math.isnan(a) or math.isnan(b):
        return "same" if math.isnan(a) and math.isnan(b) else "flag_changed"
    if a == b:
        return "same"
    return "rounding_only" if steps(a, b) <= 4 else "changed"


def by_aor(rows: list[dict[str, str]]) -> dict[str, dict[str, str]]:
    found = {row["AORKEY"]: row for row in rows}
    assert len(found) == len(rows)
    return found


def by_time(rows: list[dict[str, str]]) -> dict[float, dict[str, str]]:
    found = {float(row["Time[MJD]"]): row for row in rows}
    assert len(found) == len(rows)
    return found


def told(comparison: Comparison, which: str) -> dict[str, int]:
    counts = comparison.summary()[which]
    return {key: counts[key] for key in COUNTS}


def test_run13_and_run20(catalogue: Catalogue, published: Path) -> None:
    found = catalogue.compare(13, "run20")
    assert told(found, "images") == dict(zip(COUNTS, (2458, 0, 0, 0, 0, 1), strict=True))
    assert told(found, "aors") == dict(zip(COUNTS, (94, 35, 2, 0, 0, 6), strict=True))
    # The same from the tables, by time and by key.
    a, b = (by_time(table(published, name, "img")) for name in ("run13", "run20"))
    assert (len(a.keys() & b.keys()), len(b.keys() - a.keys())) == (2458, 1)
    shared = set(next(iter(a.values()))) & set(next(iter(b.values()))) - {"File#"}
    assert shared >= {"Xc", "Raw_Flux", "Not In FOV"}
    for time in a:
        assert {name: a[time][name] for name in shared} == {n: b[time][n] for n in shared}
    a, b = (by_aor(table(published, name, "aor")) for name in ("run13", "run20"))
    fates = {key: fate(a[key]["Flux (mJy)"], b[key]["Flux (mJy)"]) for key in a.keys() & b.keys()}
    assert Counter(fates.values()) == {"same": 94, "rounding_only": 35, "changed": 2}
    assert len(b.keys() - a.keys()) == 6
    changed = {key: abs(float(b[key]["Flux (mJy)"]) / float(a[key]["Flux (mJy)"]) - 1)
               for key, what in fates.items() if what == "changed"}  # fmt: skip
    assert {key: f"{value:.1e}" for key, value in changed.items()} == {
        "28899840": "2.7e-05", "21529088": "2.5e-05",
    }  # fmt: skip
    # And row by row from Python.
    aors = found.aors
    assert dict(zip(map(str, aors["aorkey"]), aors["outcome"], strict=True)) == fates
    for row in aors:
        key = str(row["aorkey"])
        one, other = float(a[key]["Flux (mJy)"]), float(b[key]["Flux (mJy)"])
        assert row["flux_difference"].to_value("mJy") == other - one
        assert row["flux_ulps"] == steps(one, other)
    largest = found.summary()["aors"]["largest_relative_change"]
    assert largest == pytest.approx(max(changed.values()), rel=1e-9)
    only = found.only("aors")
    assert sorted(only["aorkey"]) == sorted(int(key) for key in b.keys() - a.keys())
    assert set(only["run"]) == {"run20"}


def test_the_other_way_round_is_the_mirror_image(catalogue: Catalogue) -> None:
    there, back = catalogue.compare(6, "hd_warm_final"), catalogue.compare("hd_warm_final", 6)
    for which in ("images", "aors"):
        one, other = told(there, which), told(back, which)
        one["only_a"], one["only_b"] = one["only_b"], one["only_a"]
        assert one == other
    differences = [part.aors["flux_difference"].to_value("mJy") for part in (there, back)]
    assert sorted(differences[0]) == sorted(-differences[1])


def test_images_that_lost_their_flux(catalogue: Catalogue, published: Path) -> None:
    """run6 and hd_warm_final: values in one run alone, flags that both tell, frames gained."""
    found = catalogue.compare("run6", "hd_warm_final")
    a, b = (table(published, name, "img") for name in ("run6", "hd_warm_final"))
    times = [Counter(float(row["Time[MJD]"]) for row in rows) for rows in (a, b)]
    shared = times[0] & times[1]
    assert told(found, "images")["only_a"] == (times[0] - times[1]).total() == 50
    assert told(found, "images")["only_b"] == (times[1] - times[0]).total() == 117
    rows = {}
    for row in b:
        rows.setdefault(float(row["Time[MJD]"]), row)
    lost = moved = 0
    seen: set[float] = set()
    for row in a:
        time = float(row["Time[MJD]"])
        if time not in shared or time in seen:
            continue
        seen.add(time)
        other = rows[time]
        # X and O are the letters of run6, N and Y those of hd_warm_final.
        flags = ("Coord Conversion Issue", "Centroiding Issue", "Bad Center Guess", "Not In FOV")
        flag = any((row[name] == "O") != (other[name] == "Y") for name in flags)
        values = ("Xc", "Yc", "Fx", "Fy", "Raw_Flux", "Bkg_Flux")
        value = any(float(row[name]) != float(other[name]) for name in values
                    if not (row[name] == other[name] == "nan"))  # fmt: skip
        moved += flag
        lost += value and not flag
    counts = told(found, "images")
    assert (counts["changed"], counts["flag_changed"]) == (lost, moved) == (297, 6)
    assert counts["same"] == len(seen) - lost - moved
    summary = {each.name: each for each in found.parts[0].summaries}
    assert (summary["raw"].only_a, summary["raw"].only_b) == (297, 0)
    assert (summary["bad_center_guess"].changed, summary["x"].changed) == (6, 0)
    assert "aperture_out_of_bounds" not in summary
    assert "run6 does not tell rejection and the flag aperture_out_of_bounds" in " ".join(
        found.made_by.not_told
    )


def test_an_aor_of_long_and_short_frames_is_one_in_both(catalogue: Catalogue) -> None:
    """One table prints the frame time of the long frame for it, the other that of the short."""
    aors = catalogue.compare("run6", "hd_warm_final").aors
    (row,) = aors[aors["aorkey"] == 41589504]
    assert row["outcome"] == "rounding_only"
    assert [row[f"frame_time_{run}"].to_value("s") for run in "ab"] == [6.0, 0.6]


def test_frames_counted_several_times_are_matched_in_turn(
    catalogue: Catalogue, published: Path
) -> None:
    found = catalogue.compare(3, 3)
    assert not found.differs
    times = Counter(row["Time[MJD]"] for row in table(published, "run3", "img"))
    assert max(times.values()) == 3
    assert told(found, "images")["same"] == times.total() == 13012
    images = found.images
    assert (images["row_a"] == images["row_b"]).all()


def test_the_same_run_twice(catalogue: Catalogue, published: Path) -> None:
    found = catalogue.compare(5, 13)
    assert not found.differs
    assert found.verdict == (
        "nothing changed: run5 and run13 are the same run twice, "
        "imported from tables of the same bytes"
    )
    assert told(found, "images") == dict(zip(COUNTS, (2458, 0, 0, 0, 0, 0), strict=True))
    assert told(found, "aors") == dict(zip(COUNTS, (131, 0, 0, 0, 0, 0), strict=True))
    assert (published / "run5_img_data.csv").read_bytes() == (
        published / "run13_img_data.csv"
    ).read_bytes()


@pytest.mark.parametrize(
    ("a", "b", "reason"),
    [
        ("run10", "hd_warm_final",
         "run10 is of channel 2 and hd_warm_final of channel 1, though 6,224 times of exposure "
         "are shared"),
        ("run5", "ngc2420_337",
         "run5 measured HD 165459 (270.62809 +58.62727) and ngc2420_337 12 targets (NGC2420 solar "
         "analogs): other targets, the nearest two are 97.3 degrees apart"),
        ("run1", "run3",
         "run1 measured HD165459 (position not told) and run3 BD +60 1753 (position not told): "
         "other targets, by their names"),
        ("run3", "run13",
         "run3 and run13 share no frame: run3 is from MJD 53070.029 to 54913.037, "
         "run13 is from MJD 53013.023 to 54913.033"),
    ],
)  # fmt: skip
def test_runs_that_cannot_be_compared(
    catalogue: Catalogue, published: Path, a: str, b: str, reason: str
) -> None:
    found = catalogue.compare(a, b)
    assert not found.comparable
    assert found.reason == reason
    summary = found.summary()
    assert (summary["comparable"], summary["reason"]) == (False, reason)
    assert summary["images"] is summary["aors"] is None
    assert str(catalogue.compare(b, a).reason).count(" and ") == reason.count(" and ")
    with pytest.raises(RunRefused, match=re.escape(reason)):
        found.images  # noqa: B018
    if "6,224" in reason:
        times = [{float(row["Time[MJD]"]) for row in table(published, name, "img")}
                 for name in (a, b)]  # fmt: skip
        assert len(times[0] & times[1]) == 6224


def test_a_target_without_a_position_is_compared_by_its_frames(catalogue: Catalogue) -> None:
    found = catalogue.compare("run1", "run20")
    assert told(found, "images")["same"] == 2458
    assert told(found, "aors")["changed"] == 3
    unknown = {each.name for each in found.made_by.parameters if each.moves == "not known"}
    assert unknown >= {"radius_source", "aperture_correction", "target_ra"}
    assert not {cause.name for cause in found.made_by.causes} & unknown


def test_one_aor_alone_against_its_run(catalogue: Catalogue) -> None:
    found = catalogue.compare(14, 13)
    assert told(found, "images") == dict(zip(COUNTS, (10, 0, 0, 0, 0, 2448), strict=True))
    assert told(found, "aors") == dict(zip(COUNTS, (1, 0, 0, 0, 0, 130), strict=True))
    assert found.differs


def test_stars_of_one_field_are_kept_apart(catalogue: Catalogue, published: Path) -> None:
    """Twelve stars on the same frames: matched by their positions, which are printed rounded."""
    found = catalogue.compare("ngc2420_337", "ngc2420_ch2")
    a, b = (table(published, name, "aor") for name in ("ngc2420_337", "ngc2420_ch2"))
    fates: Counter[str] = Counter()
    for row in a:
        (other,) = (
            each for each in b
            if each["AORKEY"] == row["AORKEY"]
            and abs(float(each["Target RA"]) - float(row["Target RA"])) < 1e-5
            and abs(float(each["Target Dec"]) - float(row["Target Dec"])) < 1e-5
        )  # fmt: skip
        fates[fate(row["Flux (mJy)"], other["Flux (mJy)"])] += 1
    counts = told(found, "aors")
    assert {key: counts[key] for key in fates} == fates
    assert counts["only_a"] == counts["only_b"] == 0
    assert {p.name: (p.a, p.b) for p in found.made_by.parameters}["aperture_correction"] == (
        1.125, 1.12,
    )  # fmt: skip


# Causes


def test_causes_are_named_and_what_cannot_be_one_is_not(catalogue: Catalogue) -> None:
    made_by = catalogue.compare("run18", "ngc2506_pV2").made_by
    moves = {each.name: each.moves for each in made_by.parameters}
    assert moves["radius_source"] == "images and averages"
    assert moves["aperture_correction"] == "averages"
    assert moves["target"] == "nothing"
    assert moves["rejection"] == "not known"
    names = {cause.name for cause in made_by.causes}
    assert "radius_outer" in names
    assert not {"target", "rejection", "comment"} & names
    assert not made_by.inputs.known


def test_a_kept_recomputation_against_its_parent(catalogue: Catalogue) -> None:
    again = catalogue.recompute("run5")
    number = catalogue.keep_recomputed(again, name="again5")
    found = catalogue.compare("run5", number)
    # Its images are copies; what the recomputation adds is not told by the parent.
    assert told(found, "images") == dict(zip(COUNTS, (2458, 0, 0, 0, 0, 0), strict=True))
    assert not {"corrected", "kept"} & found.parts[0].columns.keys()
    aors = found.aors
    assert len(aors) == 131
    expected = {row.aorkey: (row.published, row.recomputed) for row in again.rows}
    for row in aors:
        pair = (row["flux_a"].to_value("mJy"), row["flux_b"].to_value("mJy"))
        assert pair == expected[row["aorkey"]]
        assert (row["outcome"] == "same") == (pair[0] == pair[1])
    twice = catalogue.keep_recomputed(again, name="twice5")
    same = catalogue.compare(number, twice)
    assert not same.differs
    assert {"corrected", "kept", "rejected_by"} <= same.parts[0].columns.keys()
    assert catalogue.compare(number, "run20").differs


# States


def test_unfinished_runs_are_refused_and_withdrawn_ones_are_compared(
    imported: Database, catalogue: Catalogue
) -> None:
    row = t.run.c.run_id == 14
    with imported.write() as connection:
        connection.execute(
            update(t.run).where(row).values(
                withdrawn_at="2026-01-02T03:04:05", withdrawn_reason="one AOR only"
            )
        )  # fmt: skip
    found = catalogue.compare(14, 13)
    assert found.comparable
    assert found.notes == ("run14 was withdrawn 2026-01-02: one AOR only",)
    with imported.write() as connection:
        connection.execute(
            update(t.run).where(row).values(
                withdrawn_at=None, withdrawn_reason=None, state="running"
            )
        )  # fmt: skip
    for pair in ((14, 13), (13, 14)):
        refused = catalogue.compare(*pair)
        assert "Run 14 (run14) is not finished" in str(refused.reason)
    with imported.write() as connection:
        connection.execute(update(t.run).where(row).values(state="finished"))
    with pytest.raises(NotFound, match="There is no run 99"):
        catalogue.compare(13, 99)


# The command


@pytest.fixture(scope="module")
def folder(published: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a catalogue of six runs, for commands."""
    folder = tmp_path_factory.mktemp("commands")
    for name in ("run5", "run6", "run13", "run20", "run10", "hd_warm_final"):
        copy_run(published, folder / "runs", name)
    done = command(str(folder / "iracdb.sqlite"), "import", folder / "runs", folder=folder)
    assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture
def said(folder: Path, capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[str, str]]:
    """Carry out a comparison that ends with a status; what it printed on both streams."""

    def carried_out(*words: str, status: int) -> tuple[str, str]:
        found = main(["compare", *words, "--db", str(folder / "iracdb.sqlite")])
        out, err = capsys.readouterr()
        assert found == status, (out, err)
        return out, err

    return carried_out


Said = Callable[..., tuple[str, str]]


def test_exit_statuses_and_what_is_printed(said: Said) -> None:
    out, err = said("5", "13", status=0)
    assert out.rstrip().endswith("imported from tables of the same bytes")
    assert err == ""
    out, _ = said("run13", "20", status=1)
    lines = [line.split() for line in out.splitlines()]
    assert ["Images", "2458", "0", "0", "0", "0", "1"] in lines
    assert ["AORs", "94", "35", "2", "0", "0", "6"] in lines
    changed = [line[0] for line in lines if line and line[-1] == "changed"]
    assert changed == ["28899840", "21529088"]
    assert "AORs only in run20: 24960256, 24960512, 25127680, 25127936, 27150336, 27150592" in out
    assert "... and 22 more (--all)" in out
    out, err = said("run10", "hd_warm_final", status=3)
    assert out == ""
    assert err == (
        "iracdb: run10 and hd_warm_final cannot be compared: run10 is of channel 2 and "
        "hd_warm_final of channel 1, though 6,224 times of exposure are shared\n"
    )
    said("13", "99", status=3)


def test_json(said: Said) -> None:
    out, _ = said("13", "20", "--json", status=1)
    found = json.loads(out)
    assert {"comparable", "reason", "parameters", "images", "aors"} <= found.keys()
    assert found["comparable"] is True
    assert found["reason"] is None
    for which in ("images", "aors"):
        assert found[which].keys() == {*COUNTS, "largest_relative_change"}
    assert found["aors"]["largest_relative_change"] == pytest.approx(2.7e-5, rel=0.01)
    assert [each.keys() for each in found["parameters"]] == [{"name", "a", "b"}] * 2
    assert "rows" not in found
    out, err = said("10", "hd_warm_final", "--json", status=3)
    found = json.loads(out)
    assert found["comparable"] is False
    assert found["reason"].startswith("run10 is of channel 2")
    assert found["reason"] in err
    out, _ = said("13", "20", "--json", "--rows", status=1)
    found = json.loads(out)
    assert {which: len(rows) for which, rows in found["rows"].items()} == {"aors": 37, "images": 0}
    assert [row["aorkey"] for row in found["rows"]["aors"][:2]] == [28899840, 21529088]
    (only,) = found["only"]["images"]
    assert (only["run"], only["row"]) == ("run20", 2209)


@pytest.mark.parametrize(
    ("words", "aors", "images"),
    [
        ((), 37, None),
        (("--over", "0.001%"), 2, None),
        (("--over", "2.6e-5"), 1, None),
        (("--over", "1"), 0, None),
        (("--column", "flux"), 37, None),
        (("--column", "Error (mJy)"), 31, None),
        (("--column", "mjd_obs", "--rows"), 110, 0),
        (("--rows", "--all"), 37, 0),
    ],
)
def test_rows_on_demand(said: Said, words: tuple[str, ...], aors: int, images: int | None) -> None:
    out, _ = said("13", "20", *words, "--all", status=1)
    listed = [line for line in out.splitlines() if re.match(r" *\d{7,8} ", line)]
    assert len(listed) == aors + (images or 0)
    if not words or words[0] != "--column" or "flux" not in words[1]:
        return
    assert all("ulp" not in line for line in listed)


def test_images_that_differ_and_rows_of_one_run(said: Said) -> None:
    out, _ = said("6", "hd_warm_final", "--column", "Bad Center Guess", status=1)
    assert len(re.findall(r"flag changed; bad_center_guess: yes, no$", out, re.MULTILINE)) == 6
    assert "Images only in run6: of AOR 41422592 (50)\n" in out
    assert "Images only in hd_warm_final: of AOR 45709056 (10), 45709568 (10), 52120064," in out
    assert " and 56 more AORs (--all)\n" in out
    out, _ = said("6", "hd_warm_final", "--rows", status=1)
    assert "AORs only in run6: 41422592 (5)\n" in out
    assert "AORs only in hd_warm_final: 45709056, 45709312, 45709568\n" in out
    assert "... and 288 more (--all)" in out
    # A value in one run alone has no relative change, and is over any.
    out, _ = said("6", "hd_warm_final", "--rows", "--over", "50%", "--json", status=1)
    rows = json.loads(out)["rows"]
    assert (len(rows["aors"]), len(rows["images"])) == (0, 297)
    assert {(row["a"] is None, row["b"], row["relative"]) for row in rows["images"]} == {
        (False, None, None)
    }


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--column", "nothing"), "There is no column 'nothing' that both runs tell. Of AOR"),
        (("--column", "corrected"), "There is no column 'corrected' that both runs tell"),
        (("--over", "much"), "'much' is no relative change"),
        (("--over", "nan"), "'nan' is no relative change"),
        (("--over", "-1%"), "'-1%' is no relative change"),
    ],
)  # fmt: skip
def test_wrong_words(said: Said, words: tuple[str, ...], message: str) -> None:
    _, err = said("13", "20", *words, status=2)
    assert message in err
    assert len(err.splitlines()) == 1


def test_a_changed_cell_is_found(published: Path, tmp_path: Path) -> None:
    """A copy of run14 with one centre moved by a unit in the last place, and one flag set."""
    copy_run(published, tmp_path, "run14")
    copy_run(published, tmp_path, "run14", "copy14")
    rows = table(tmp_path, "run14", "img")
    titles = list(rows[0])
    x = float(rows[0]["Xc"])
    for line, title, cell in (
        (2, "Xc", repr(math.nextafter(x, math.inf))),
        (3, "Not In FOV", "O"),
        (4, "Raw_Flux", "1234.5"),
    ):
        change(tmp_path / "copy14_img_data.csv", set_cell(line, titles.index(title), cell))
    database = open_database(database_url(tmp_path / "iracdb.sqlite"), create=True)
    try:
        with Catalogue(tmp_path / "iracdb.sqlite") as catalogue:
            catalogue.import_runs(tmp_path)
        found = compare(database, "run14", "copy14")
    finally:
        database.close()
    assert told(found, "images") == dict(zip(COUNTS, (7, 1, 1, 1, 0, 0), strict=True))
    images = found.images
    assert list(images["outcome"][:4]) == ["rounding_only", "flag_changed", "changed", "same"]
    assert images["x_ulps"][0] == 1
    relative = abs(1234.5 / float(rows[2]["Raw_Flux"]) - 1)
    assert images["raw_relative"][2] == pytest.approx(relative, rel=1e-12)
    assert images["raw_a"].unit == "MJy sr-1 pix"
    pair = images["not_in_fov_a"], images["not_in_fov_b"]
    assert [index for index in range(10) if pair[0][index] != pair[1][index]] == [1]
