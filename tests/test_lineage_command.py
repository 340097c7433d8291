"""``iracdb lineage``: tables and trees for people, JSON and CSV for scripts."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from iracdb_cli.main import main
from lineage_helpers import FIRST, OFF, UNLIKE, make_scene, path_of
from run_helpers import write_frames
from sqlalchemy import update

from iracdb import Catalogue
from iracdb.catalogue import tables as t
from iracdb.irac.simulate import FrameSpec

NASTY = "[bold]STAR[/bold]\x1b[31m\x07"


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Catalogue, Path]]:
    folder = tmp_path_factory.mktemp("command")
    with Catalogue(folder / "iracdb.sqlite") as catalogue:
        make_scene(catalogue, folder)
        with catalogue._database.write() as connection:
            # The names of run 1's targets are of the worst kind; run 2 is withdrawn.
            mine = t.aor_result.c.run_id == 1
            connection.execute(update(t.aor_result).where(mine).values(target_name=NASTY))
        catalogue.withdraw(2, "a test")
        yield catalogue, folder


Ask = Callable[..., tuple[str, str]]


@pytest.fixture
def ask(
    scene: tuple[Catalogue, Path],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> Ask:
    """Carry out the command; what it prints to stdout and to stderr."""
    monkeypatch.setenv("IRACDB_DATABASE_URL", str(scene[1] / "iracdb.sqlite"))

    def carried_out(*words: object, status: int = 0) -> tuple[str, str]:
        assert main(["lineage", *map(str, words)]) == status
        return capsys.readouterr()

    return carried_out


def test_json_is_the_lineage(scene: tuple[Catalogue, Path], ask: Ask) -> None:
    catalogue, folder = scene
    for words, asked in (
        ((1, "--aor", FIRST), {"which": 1, "aor": FIRST}),
        ((2, "--aor", FIRST, "--limit", 1), {"which": 2, "aor": FIRST}),
        (("--file", path_of(folder, 0)), {"file": path_of(folder, 0)}),
        (("--frame", f"1/{FIRST}/6/0"), {"frame": f"1/{FIRST}/6/0"}),
    ):
        out, err = ask(*words, "--json")
        told, expected = json.loads(out), catalogue.lineage(**asked)
        assert err == ""
        assert told["direction"] == expected.direction
        assert [tuple(edge.values()) for edge in told["edges"]] == expected.edges.rows
        assert list(told["edges"][0]) == ["from", "to", "relation"]
        rows = [
            (node["id"], node["kind"], node["label"], node["attributes"]) for node in told["nodes"]
        ]
        assert rows == expected.nodes.rows


def test_csv_has_every_image(scene: tuple[Catalogue, Path], ask: Ask) -> None:
    out, _ = ask(1, "--aor", FIRST, "--csv", "--limit", 2)
    rows = list(csv.DictReader(io.StringIO(out)))
    expected = scene[0].lineage(1, aor=FIRST).images
    assert tuple(rows[0]) == expected.columns
    assert len(rows) == 12
    for row, told in zip(rows, expected.rows, strict=True):
        texts = ["" if cell is None else str(cell) for cell in told]
        there = expected.columns.index("present")
        texts[there] = {"True": "yes", "False": "no"}[texts[there]]
        assert list(row.values()) == texts


def test_a_limit_is_said_plainly(ask: Ask) -> None:
    for more in ((), ("--tree",)):
        out, err = ask(1, "--aor", FIRST, "--limit", 5, *more)
        assert "5 of 12 images are shown: --limit N shows more, --json and --csv all" in err
        assert out.count("_bcd.fits") >= 5
        assert "0005_0000" not in out
        out, err = ask(1, "--aor", FIRST, *more)
        assert err == ""
        assert "0011_0000" in out


def test_a_table_says_what_is_known(scene: tuple[Catalogue, Path], ask: Ask) -> None:
    run = scene[0].get(3)
    out, _ = ask("newest", "--aor", UNLIKE)
    assert "FULL 2.0 s" in out
    assert "FULL 12.0 s" in out
    assert f"manual, radii 3 3 7, sha256 {run.parameters.digest[:12]}" in out
    assert run.parameters["response_coefficients"][:12] in out
    assert "FLUXCONV" in out
    assert "2 files, 2 there" in out
    out, _ = ask(5, "--aor", OFF)
    (line,) = [line for line in out.splitlines() if "not_in_fov" in line]
    assert "unusable" in line
    assert [line.split()[:3] for line in out.splitlines() if line.startswith("Made from")] == [
        ["Made", "from", "4"], ["Made", "from", "3"]
    ]  # fmt: skip
    out, _ = ask(1, "--aor", FIRST)
    images = [line.split() for line in out.splitlines() if line.endswith("_1_bcd.fits")]
    statuses = [words[1] for words in images if words[0].isdigit()]
    assert {status: statuses.count(status) for status in set(statuses)} == {
        "kept": 9, "rejected": 2, "unusable": 1
    }  # fmt: skip


def test_what_rests_on_a_file(scene: tuple[Catalogue, Path], ask: Ask) -> None:
    out, err = ask("--file", path_of(scene[1], 0))
    assert "4 images in 4 averages of 3 runs rest on SPITZER_I1_91000000_0000_0000_1_bcd" in out
    assert "a study (radius-test): runs 1, 3" in out
    assert "run2_aor_data.csv, run2_img_data.csv, run2_log.txt in " in out
    assert "made from run 3 (Newest)" in out
    assert "made from run 4 (run4)" in out
    # Run 2 is there, and marked: in its rows and in a sentence.
    marked = [line for line in out.splitlines() if line.lstrip().startswith("2  ")]
    assert len(marked) == 2
    assert all(line.rstrip()[-1].isdigit() for line in marked)
    assert err.startswith("Run 2 (run2) was withdrawn on ")
    assert err.endswith(" UTC: a test\n")


def test_nothing_rests_on_a_frame_that_no_run_measured(ask: Ask, tmp_path: Path) -> None:
    (path,) = write_frames(tmp_path, FrameSpec(channel=1, aorkey=92000000, noise=False))
    with Catalogue(tmp_path / "x.sqlite") as catalogue:
        catalogue.ingest(tmp_path)
    for more in ((), ("--tree",)):
        out, _ = ask("--frame", "1/92000000/0/0", "--db", tmp_path / "x.sqlite", *more)
        assert path.name in out
    out, _ = ask("--file", path, "--db", tmp_path / "x.sqlite")
    assert f"No result rests on {path.name}, sha256 " in out


def test_a_tree_has_each_image_below_its_average(scene: tuple[Catalogue, Path], ask: Ask) -> None:
    out, _ = ask("newest", "--aor", UNLIKE, "--tree")
    lines = out.splitlines()
    assert lines[0] == f"AOR {UNLIKE} in run 3 (Newest)"
    depth = [_depth(line) for line in lines]
    averages = [place for place, line in enumerate(lines) if " mJy" in line]
    assert [depth[place] for place in averages] == [1, 1]
    for place, expid in zip(averages, (0, 1), strict=True):
        average, images, image, file, where = lines[place : place + 5]
        assert "FULL" in average
        assert images.endswith("1 image: 1 kept")
        assert "image " in image
        assert f"_000{expid}_0000_1_bcd.fits, sha256 " in file
        assert f"_000{expid}_0000_1_bcd.fits" in where
        assert depth[place : place + 5] == [1, 2, 3, 4, 5]
    assert "Parameters: manual" in out
    up, _ = ask("--file", path_of(scene[1], 4), "--tree")
    assert "(gone)" in up
    assert "image 5: " in up


def _depth(line: str) -> int:
    return (len(line) - len(line.lstrip("│├└─ "))) // 4


@pytest.mark.parametrize("more", [(), ("--tree",)])
def test_names_are_text_and_no_orders_to_the_terminal(ask: Ask, more: tuple[str, ...]) -> None:
    out, _ = ask(1, "--aor", FIRST, *more)
    assert "\x1b" not in out
    assert "\x07" not in out
    assert "[bold]STAR[/bold]\\x1b[31m\\x07" in out
    out, _ = ask("--frame", f"1/{FIRST}/0/0", *more)
    assert "\x1b" not in out
    assert "[bold]STAR[/bold]" in out


@pytest.mark.parametrize(("words", "status", "said"), [
    ((), 2, "Say what to follow"),
    ((1,), 2, "RUN --aor KEY"),
    (("--aor", FIRST), 2, "RUN --aor KEY"),
    ((1, "--aor", FIRST, "--frame", 1), 2, "RUN --aor KEY"),
    ((1, "--aor", FIRST, "--tree", "--json"), 2, "--tree is for people"),
    (("--frame", 1, "--tree", "--csv"), 2, "--tree is for people"),
    ((1, "--aor", "x"), 2, "--aor"),
    ((1, "--aor", FIRST, "--limit", 0), 2, "--limit"),
    (("--frame", "x"), 2, "'x' is no frame: give a number"),
    ((99, "--aor", FIRST), 3, "There is no run 99"),
    ((1, "--aor", 17), 3, "has no AOR 17"),
    ((2, "--aor", FIRST, "--target", "x"), 3, "has no target x"),
    (("--file", "x.fits"), 3, "No file x.fits is held"),
    (("--frame", "4/1/2/3"), 3, "There is no frame 4/1/2/3"),
])  # fmt: skip
def test_what_is_refused(ask: Ask, words: tuple[Any, ...], status: int, said: str) -> None:
    out, err = ask(*words, status=status)
    assert out == ""
    assert said in err
    assert err.count("\n") == 1
