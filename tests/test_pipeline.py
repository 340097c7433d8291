"""``iracdb pipeline``: the command lines of 2018, those of the published logs first of all."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from iracdb_cli import main as command_line
from run_helpers import content, csv_files, write_frames

from iracdb import Catalogue
from iracdb.compat.asked import Asked, asked_by_command
from iracdb.errors import InputRefused
from iracdb.irac.simulate import FrameSpec
from iracdb.published.commands import parse_command
from iracdb.published.reading import find_runs, read_run

ONE, TWO = 91_000_000, 91_000_001
RA, DEC = 270.628087536, 58.6272659487
HOURS = "18 02 30.7410086899 +58 37 38.157415821"
OUT = "Reduction_Data_&_Logs"

Pipeline = Callable[..., int]


@pytest.fixture(scope="module")
def frames(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An AOR of twelve frames, two of them far off, and one of two frames."""
    folder = tmp_path_factory.mktemp("frames")
    odd = {3: 20.0, 7: 45.0}
    plain: dict[str, Any] = {"channel": 1, "noise": False, "ra": RA, "dec": DEC}
    write_frames(
        folder,
        *(FrameSpec(aorkey=ONE, expid=n, flux_mjy=odd.get(n, 30.0), **plain) for n in range(12)),
        *(FrameSpec(aorkey=TWO, expid=n, flux_mjy=50.0, **plain) for n in range(2)),
    )
    return folder


@pytest.fixture
def pipeline(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Pipeline]:
    """Carry the command out in an empty folder; its exit status."""
    folder = tmp_path / "here"
    folder.mkdir()
    monkeypatch.chdir(folder)
    monkeypatch.delenv("IRACDB_DATABASE_URL", raising=False)

    def carry_out(*words: str | Path) -> int:
        argv = ["iracdb", "pipeline", *map(str, words)]
        with monkeypatch.context() as patch:
            patch.setattr(sys, "argv", argv)
            return command_line.main(argv[1:])

    yield carry_out


def options_of(catalogue: Catalogue, which: str | int) -> dict[str, Any]:
    names = ("channel", "kind", "radius_source", "radius_inner", "radius_outer", "rejection",
             "aperture_correction", "pixel_size")  # fmt: skip
    parameters = catalogue.get(which).parameters
    return {name: parameters[name] for name in names}


def same_as_run(catalogue: Catalogue, which: str | int, folder: Path, **options: Any) -> None:
    """Make a run otherwise, and compare all that is stored of both, and the files' bytes."""
    made = catalogue.get(which)
    other = catalogue.run(**options, out=folder / "other")
    assert content(catalogue, made) == content(catalogue, other)
    assert made.parameters.digest == other.parameters.digest
    written = csv_files(Path(OUT))
    for which_table in ("aor", "img"):
        mine = written[f"{made.name}_{which_table}_data.csv"]
        assert mine == (folder / "other" / f"{other.name}_{which_table}_data.csv").read_bytes()


# --- Word by word --------------------------------------------------------------------------------


def test_a_command_is_a_run(
    pipeline: Pipeline, frames: Path, tmp_path: Path, any_location: str,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    words = [
        "single_hms", str(frames / "r*"), HOURS, "-f", "bcd", "-r", "3", "3", "7", "-a", "1.125",
        "-cp", "1", "1.2", "-o", "-rn", "run13", "-t", "HD 165459", "-c", "-c is -cp, -r is -rn",
        "--db", any_location,
    ]  # fmt: skip
    assert pipeline(*words) == 0
    said = capsys.readouterr()
    assert re.search(rf"{ONE} +HD 165459 +12/12 .* 2\n", said.out)
    assert "Run 13 (run13) is finished: 2 AORs, 14 images, 14 workable, 2 rejected" in said.out
    assert "This makes run 13 (run13): 2 AORs, 14 frames" in said.err
    assert sorted(path.name for path in Path(OUT).iterdir()) == [
        "run13_aor_data.csv", "run13_img_data.csv", "run13_log.txt",
    ]  # fmt: skip
    with Catalogue(any_location) as catalogue:
        row = catalogue.get(13).row
        assert row.command == shlex.join(["iracdb", "pipeline", *words])
        assert row.comment == "-c is -cp, -r is -rn"
        same_as_run(
            catalogue, 13, tmp_path, channel=1, aors=[ONE, TWO], coord=HOURS, radius=(3, 3, 7),
            aperture_correction=1.125, pixel_size=1.2, rejection="minmax", target="HD 165459",
        )  # fmt: skip
    # As of any run: a finished one is never overwritten.
    assert pipeline(*words) == 3
    assert "is finished" in capsys.readouterr().err


def test_defaults_are_those_of_2018(pipeline: Pipeline, frames: Path) -> None:
    assert pipeline("single_hms", frames / f"r{ONE}", HOURS) == 0
    with Catalogue() as catalogue:
        assert options_of(catalogue, 1) == {
            "channel": 1, "kind": "bcd", "radius_source": 10.0, "radius_inner": 12.0,
            "radius_outer": 20.0, "rejection": "none", "aperture_correction": 1.0,
            "pixel_size": 1.221,
        }  # fmt: skip
        made = catalogue.get("run1")
        assert (made.row.comment, made.parameters["target"]) == (None, HOURS)


def test_long_options(pipeline: Pipeline, frames: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = [
        "SINGLE_DEG", str(frames / f"r{TWO}"), f"{RA} {DEC}", "--file-type", "bcd", "--radius", "8",
        "12", "20", "--aperture-correction", "1.011", "--ch-px", "1", "1.22",
        "--outlier-rejection", "--run-name", "it", "--target-name", "T", "--comments", "why",
        "--json",
    ]  # fmt: skip
    assert pipeline(*words) == 0
    summary = json.loads(capsys.readouterr().out)
    assert (summary["name"], summary["averages"][0]["target_name"]) == ("it", "T")
    with Catalogue() as catalogue:
        assert options_of(catalogue, "it") == {
            "channel": 1, "kind": "bcd", "radius_source": 8.0, "radius_inner": 12.0,
            "radius_outer": 20.0, "rejection": "minmax", "aperture_correction": 1.011,
            "pixel_size": 1.22,
        }  # fmt: skip
        assert catalogue.get("it").row.comment == "why"


def test_a_forgotten_aperture_correction_is_said(
    pipeline: Pipeline, frames: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    place = (str(frames / f"r{TWO}"), HOURS)
    assert pipeline("single_hms", *place, "-r", "3", "3", "7") == 0
    assert "correction is 1, as in 2018 without -a; the manual has 1.125" in capsys.readouterr().err
    assert pipeline("single_hms", *place, "-r", "3", "3", "7", "-a", "1") == 0
    assert "manual" not in capsys.readouterr().err


def test_several_paths_as_a_shell_expands_them(pipeline: Pipeline, frames: Path) -> None:
    assert pipeline("single_hms", frames / f"r{ONE}", frames / f"r{TWO}", HOURS) == 0
    with Catalogue() as catalogue:
        assert list(catalogue.get(1).aor_data["AORKEY"]) == [ONE, TWO]


def test_a_list_and_problem_aors(
    pipeline: Pipeline, frames: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "list.csv"
    path.write_text(
        f"AOR Filepath,Target Coordinates\n{frames}/r{ONE},{HOURS}\n/data1/x/r95000000,{HOURS}\n"
    )
    assert pipeline("multiple_hms", path, "-o", "-rn", "20") == 0
    assert "Problem AOR 95000000: not in this catalogue" in capsys.readouterr().out
    assert "Problem AORs     : 95000000 \n" in (Path(OUT) / "run20_log.txt").read_text()
    with Catalogue() as catalogue:
        same_as_run(
            catalogue, "run20", tmp_path, channel=1, targets=path, radius=(10, 12, 20),
            aperture_correction=1.0, pixel_size=1.221, rejection="minmax",
        )  # fmt: skip
    assert pipeline("multiple_hms", path, "--strict") == 5


def test_an_aor_without_frames_is_reported(
    pipeline: Pipeline, frames: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(frames / f"r{TWO}", tmp_path / "data" / f"r{TWO}")
    (tmp_path / "data" / "r96000000" / "ch1").mkdir(parents=True)
    words = ("single_hms", tmp_path / "data" / "r*", HOURS)
    assert pipeline(*words) == 0
    assert "Problem AOR 96000000: no file of it could be taken in" in capsys.readouterr().out
    assert pipeline(*words, "--strict", "--json") == 5
    (problem,) = json.loads(capsys.readouterr().out)["problems"]
    assert problem["aorkey"] == 96_000_000


@pytest.mark.parametrize(
    ("words", "status", "said"),
    [
        (("single_hms", "gone/r*", HOURS), 3, "Nothing matches gone/r*"),
        (("single_hms", "gone", HOURS), 3, "There is no folder gone, and it does not end in r<"),
        (("single_hms", "gone/r123", HOURS), 4, "no catalogue"),
        (("multiple_deg", "gone.csv"), 3, "There is no list gone.csv"),
        (("multiple_deg", "a.csv", "1 2"), 2, "multiple_deg takes one file"),
        (("single_hms", "r1"), 2, "single_hms takes the path of an AOR, then the target's"),
        (("single_deg", "r1", HOURS), 2, "no position as single_deg takes it"),
        (("triple_deg", "r1", "1 2"), 2, "The format is one of single_hms, single_deg"),
        (("nothing",), 3, "the command has none of the known forms: nothing"),
        (("a;b;c;d;e;f;g;h;i;j;k;l;m;n",), 3, "the command cannot be read"),
        (("python Pipeline.py 'a",), 3, "the command cannot be read"),
        ((f"r1;bcd;T;{HOURS};full;10;12;20;1;1;1.2;1;1;c", "-c", "x"), 2, "leave out --comments"),
        (("single_hms", "r1", HOURS, "-rx"), 2, "-r"),
        ((), 2, "FORMAT PLACE"),
    ],
)
def test_what_is_refused(
    pipeline: Pipeline, words: tuple[str, ...], status: int, said: str,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    assert pipeline(*words) == status
    error = capsys.readouterr().err
    assert said.lower() in error.lower()
    assert len(error.strip().splitlines()) == 1
    assert list(Path.cwd().iterdir()) == []


def test_help_is_h_too(pipeline: Pipeline, capsys: pytest.CaptureFixture[str]) -> None:
    assert pipeline("-h") == 0
    assert "-cp, --ch-px CHANNEL PIXEL" in capsys.readouterr().out


# --- Whole lines ---------------------------------------------------------------------------------


def line(form: str, place: Path | str, position: str = HOURS, mission: str = "Warm") -> str:
    end = "10;12;20;1;1.0;1.221;13;{};one; two".format
    return {
        "14 parts": f"{place};bcd;HD 165459;{position};{mission};{end(12)}",
        "13 parts": f"single hms;{place},{position};bcd;HD 165459;{end(10)}",
        "dict": repr({
            "run": "13", "target": "HD 165459", "crdFormat": "single_hms",
            "aor_crd": [str(place), position], "filetype": "bcd", "ap_corr": 1.0,
            "comments": "one; two", "ch_px": [1, 1.221], "radius": [10, 12, 20], "sigma": True,
        }),
        "shell": f"python Pipeline.py 'single_hms' '{place}' '{position}' -f 'bcd' -r 10 12 20 "
        "-a 1.000000 -cp 1 1.221000 -o -rn 'run13' -t 'HD 165459' -c 'one; two'",
    }[form]  # fmt: skip


@pytest.mark.parametrize("form", ["14 parts", "13 parts", "dict", "shell"])
def test_a_whole_line_is_a_run(pipeline: Pipeline, frames: Path, tmp_path: Path, form: str) -> None:
    text = line(form, frames / "r*/")
    title = "Input Parameters : " if form in ("dict", "shell") else "Command Used : "
    assert pipeline(f"{title}{text} ") == 0
    log = (Path(OUT) / "run13_log.txt").read_text().splitlines()
    assert log[1] == f"Input Parameters : {text} "
    assert log[7] == "Comments         : one; two "
    with Catalogue() as catalogue:
        assert catalogue.get(13).row.command == text
        same_as_run(
            catalogue, 13, tmp_path, channel=1, aors=[ONE, TWO], coord=HOURS, radius=(10, 12, 20),
            aperture_correction=1.0, pixel_size=1.221, rejection="minmax", target="HD 165459",
        )  # fmt: skip


def test_paths_joined_by_commas_and_no_rejection(pipeline: Pipeline, frames: Path) -> None:
    text = line("14 parts", f"{frames}/r{ONE}/,{frames}/r{TWO}/").replace(";12;one", ";n/a;one")
    assert pipeline(text) == 0
    with Catalogue() as catalogue:
        assert list(catalogue.get(13).aor_data["AORKEY"]) == [ONE, TWO]
        assert options_of(catalogue, 13)["rejection"] == "none"


def test_another_mission_is_refused(
    pipeline: Pipeline, frames: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert pipeline(line("14 parts", frames / "r*/", mission="Cryogenic")) == 3
    assert "not of the Cryogenic mission" in capsys.readouterr().err
    # Run13's line has another word there: it was no longer heeded.
    assert pipeline(line("14 parts", frames / "r*/", mission="full")) == 0


def test_a_line_as_the_manual_types_it(pipeline: Pipeline, frames: Path) -> None:
    """Options left out, double quotes, an apostrophe."""
    short = f"python Pipeline.py 'single_hms' '{frames}/r*' '{HOURS}' -rn \"short\""
    assert pipeline(short) == 0
    full = line("shell", frames / "r*").replace("'one; two'", '"that\'s it"')
    assert pipeline(full.replace("'run13'", '"long"').replace("-a 1.000000 ", "")) == 0
    with Catalogue() as catalogue:
        assert catalogue.get("short").row.command == short
        assert options_of(catalogue, "short")["rejection"] == "none"
        assert catalogue.get("long").row.comment == "that's it"
        assert options_of(catalogue, "long")["rejection"] == "minmax"


def test_a_name_that_breaks_the_rule_is_mapped_as_an_import_does(
    pipeline: Pipeline, frames: Path
) -> None:
    assert pipeline("single_hms", frames / f"r{TWO}", HOURS, "-rn", "2mass-run") == 0
    assert (Path(OUT) / "r_2mass_run_log.txt").is_file()


# --- The lines of the published logs -------------------------------------------------------------


@pytest.fixture
def moved(reference: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], str]:
    """Make a published line one of this machine: its folders and lists are put here."""
    lists = tmp_path / "aorcrd_files"
    shutil.copytree(reference / "coordinates", lists)
    for target in ("cryo", "warm"):
        for aorkey in (11638016, 24649984):
            (tmp_path / "hd165459" / target / f"r{aorkey}" / "ch1").mkdir(parents=True)
    monkeypatch.chdir(tmp_path)

    def move(text: str) -> str:
        text = text.replace("/data1/phot_cal/spitzer/", f"{tmp_path}/")
        return re.sub(r"(?:\.\./)?(?:aorcrd_files/)?(\w+_skyCrd\.csv)", rf"{lists}/\1", text)

    return move


def test_each_published_line_is_a_run_that_would_be_made(
    reference: Path, moved: Callable[[str], str]
) -> None:
    folder = reference / "published_runs"
    seen = 0
    for name, paths in find_runs(folder).items():
        log = read_run(name, paths).log
        command = log.value("Command Used") or log.value("Input Parameters")
        if command is None:
            assert name in ("run1", "run3")
            continue
        seen += 1
        asked: Asked = asked_by_command(parse_command(moved(command)))
        options = asked.options
        said = log.value("Radius Used") or "10 12 20"  # two logs do not tell
        assert [float(r) for r in re.findall(r"\d+", said)] == list(options["radius"]), name
        assert log.value("Instrument") == f"IRAC Channel {options['channel']}"
        assert log.value("File Type") == options["kind"].upper()
        assert log.value("Target") == options["target"]
        # run18's log was corrected by hand afterwards: its line says NGC 2420, its log NGC 2506.
        if name != "run18":
            assert log.value("Comments") == options["comment"]
        assert options["rejection"] == "minmax"
        assert options["pixel_size"] == {1: 1.221, 2: 1.213}[options["channel"]]
        single = "coord" in options
        assert single is ("hd165459" in command), name
        assert bool(asked.places.aors) is single
        assert Path(options.get("targets", folder)).exists()
        number = re.fullmatch(r"run(\d+)", name)
        own = options.get("run_id") or options.get("name")
        # mk_test1 was called 22 when it was made.
        assert own in {name, "22", 22, int(number[1]) if number else name}, name
    assert seen == 19


@pytest.mark.parametrize(
    ("name", "aorkey", "channel", "mission"),
    [("run10", 38703360, 2, "Warm"), ("run13", 24649984, 4, "Cryogenic"),
     ("hd_warm_final", 48765440, 1, "Warm"), ("run14", 48765440, 1, None),
     ("run20", 48765440, 1, None)],
)  # fmt: skip
def test_published_lines_over_real_frames(
    pipeline: Pipeline, reference: Path, tmp_path: Path, name: str, aorkey: int, channel: int,
    mission: str | None,
) -> None:  # fmt: skip
    """The line as published; only the frames, where they are and where the star is are ours."""
    log = read_run(name, find_runs(reference / "published_runs")[name]).log
    text = str(log.value("Command Used") or log.value("Input Parameters")).strip()
    place = str(reference / "archive" / f"r{aorkey}")
    # Hours of the three stars.
    star = {
        24649984: "22 03 10.70976 +18 53 02.5008", 38703360: "22 03 10.8324 +18 53 01.932",
        48765440: "00 14 46.70808 -30 27 07.9236",
    }[aorkey]  # fmt: skip
    text = re.sub(r"/data1/[\w/*]+", place, text).replace(HOURS, star)
    # An annulus out to 20 pixels fits no subarray.
    radii = (10, 12, 20) if channel == 1 else (3, 3, 7)
    text = text.replace(";10;12;20;", ";{};{};{};".format(*radii))
    text = re.sub(r";1;(1\.0+);1\.221;", rf";{channel};\1;1.221;", text)
    assert pipeline(text) == 0
    with Catalogue() as catalogue:
        made = catalogue.get(name)
        assert made.row.command == text
        assert made.counts.aors == 1
        assert made.counts.workable > 0
        same_as_run(
            catalogue, name, tmp_path, channel=channel, aors=[aorkey], coord=star, radius=radii,
            aperture_correction=1.0, pixel_size=1.213 if name == "run10" else 1.221,
            rejection="minmax", target=log.value("Target"),
        )  # fmt: skip


def test_the_published_line_with_a_list_over_real_frames(
    pipeline: Pipeline, reference: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Upper Sco's line as it stands; its list holds one AOR that is here and one that is not."""
    with Catalogue("iracdb.sqlite") as catalogue:
        catalogue.ingest(reference / "archive" / "r46466816")
    lists = Path("aorcrd_files")
    lists.mkdir()
    path = lists / "upperSco_skyCrd.csv"
    path.write_text(
        "AOR Filepath,Target Coordinates\n"
        "/data1/phot_cal/spitzer/upperSco/r46466816,65.469837 57.817564\n"
        "/data1/phot_cal/spitzer/upperSco/r13856000,241.359375 -19.805167\n"
    )
    log = read_run("upperSco_final", find_runs(reference / "published_runs")["upperSco_final"]).log
    assert pipeline(str(log.value("Input Parameters"))) == 0
    assert "Problem AOR 13856000" in capsys.readouterr().out
    with Catalogue() as catalogue:
        made = catalogue.get("upperSco_final")
        assert made.counts.workable == 11
        assert made.problem_aors == [13856000]
        same_as_run(
            catalogue, "upperSco_final", tmp_path, channel=2, kind="sub2d", radius=(5, 5, 10),
            aperture_correction=1.06, pixel_size=1.213, rejection="minmax", targets=path,
            target="Upper Sco stars",
        )  # fmt: skip


def test_a_line_that_contradicts_itself_is_refused(frames: Path) -> None:
    text = line("13 parts", frames / "r*", position="270.6 58.6")
    with pytest.raises((InputRefused, ValueError), match="no position as single_hms takes it"):
        asked_by_command(parse_command(text))
