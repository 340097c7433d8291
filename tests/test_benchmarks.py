"""The benchmarks: each family runs at its tiniest size, and what it finds is told and written.

What they measure is no business of the tests: only that they can.
"""

from __future__ import annotations

import importlib.util
import json
import math
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
from built_once import NAME
from warm import CONTEXT, carried_out

FOLDER = Path(__file__).parents[1] / "benchmarks"
KEPT = {"what", "reached", "goal", "met", "low", "high"}


def python(words: Sequence[str], **_: Any) -> subprocess.CompletedProcess[str]:
    """Stand in for `subprocess.run` of a Python, whose process is there at once."""
    assert words[0] == sys.executable
    how, *told = [word for word in words[1:] if word != "-P"]
    program = told.pop(0) if how == "-c" else Path(how).read_text()
    done = carried_out(program, told, Path.cwd(), os.environ, seconds=120)
    assert done.returncode == 0, done.stderr
    return done


@pytest.fixture(scope="module")
def benchmarks(postgres_server: str) -> Iterator[ModuleType]:
    """The module that runs all of them; theirs are found beside it, and forgotten afterwards."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(FOLDER))
        patch.setenv("IRACDB_TEST_POSTGRES_URL", postgres_server)
        spec = importlib.util.spec_from_file_location("all_benchmarks", FOLDER / "__main__.py")
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        load = module.importlib.import_module
        # Databases of the tests' own are copies of one that was built.
        patch.setattr(load("places"), "NAME", NAME)
        patch.setattr(load("measure"), "get_context", lambda _: CONTEXT)
        for name in ("memory", "prov_export"):
            processes = SimpleNamespace(run=python, PIPE=subprocess.PIPE)
            patch.setattr(load(name), "subprocess", processes)
        yield module
        if "large" in sys.modules:
            sys.modules["large"].drop_all()
        for path in FOLDER.glob("[!_]*.py"):
            sys.modules.pop(path.stem, None)


def test_every_script_with_rows_is_a_family(benchmarks: ModuleType) -> None:
    with_rows = {p.stem for p in FOLDER.glob("*.py") if "\ndef rows(" in p.read_text()}
    assert with_rows == set(benchmarks.FAMILIES)


@pytest.mark.parametrize(
    "family",
    ["startup", "measuring", "handbook", "measure", "memory", "radius_test", "ingest", "lineage",
     "comparing", "pages", "export", "prov_export", "import_runs"],
)  # fmt: skip
@pytest.mark.filterwarnings("default")  # the plain ways warn as astropy does
def test_family_runs_and_writes_its_rows(
    family: str, benchmarks: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str],
    request: pytest.FixtureRequest,
) -> None:  # fmt: skip
    if family == "import_runs":
        request.getfixturevalue("reference")
    place = tmp_path / "results" / "latest.json"
    status = benchmarks.main(["--size", "tiny", "--only", family, "--json", str(place)])
    found = json.loads(place.read_text())
    assert [row["why_not"] for row in found if row["reached"] is None] == []
    assert status == 0
    for row in found:
        assert row.keys() >= KEPT
        assert row["low"] <= row["reached"] <= row["high"]
        assert math.isfinite(row["reached"])
        assert row["reached"] > 0
        assert (row["met"] is None) == (row["goal"] is None)
    assert "reached" in capsys.readouterr().out


def test_row_tells_median_range_and_whether_its_goal_is_met(benchmarks: ModuleType) -> None:
    row = benchmarks.rows.Row
    more = row("a", "b", 2.0, [1.0, 3.0, 2.5], "wall", why="Because.")
    assert (more.low, more.reached, more.high, more.met, more.why_not) == (1.0, 2.5, 3.0, True, "")
    less = row("a", "b", 2.0, [1.0, 3.0, 2.5], "wall", at_most=True, why="Because.")
    assert (less.met, less.why_not) == (False, "Because.")
    assert row("a", "b", None, [1.0], "wall").met is None
    assert row("a", "b", 2.0, [], "wall").met is False


def test_steps_of_a_run_are_told_for_every_way(
    benchmarks: ModuleType, capsys: pytest.CaptureFixture[str]
) -> None:
    steps = benchmarks.importlib.import_module("steps")
    steps.main(["--size", "tiny"])
    head, _, *lines = capsys.readouterr().out.splitlines()
    rows = {name: list(map(int, told)) for name, *told in map(cells, lines)}
    assert list(rows) == [*steps.STEPS, steps.REST, steps.ALL, steps.SERVER, steps.PASSED]
    ways = cells(head)[1:]
    assert ways == ["one process, SQLite", "two workers, SQLite", "one process, PostgreSQL",
                    "each further radius"]  # fmt: skip
    # Each step was met, but where workers measure; only one way has a server.
    for step in steps.STEPS:
        assert all(rows[step][0:3:2]), step
    assert (rows["measuring"][1] == 0) and all(rows["measuring"][0:3:2])
    assert rows[steps.SERVER][2] > 0
    for place in range(3):
        parts = sum(
            told[place] for step, told in rows.items() if step in (*steps.STEPS, steps.REST)
        )
        assert parts == pytest.approx(rows[steps.ALL][place], abs=len(rows))


def cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip("|").split("|")]


def test_table_for_the_page_has_every_row(benchmarks: ModuleType) -> None:
    row = benchmarks.rows.Row
    found = [
        row("first", "b", 20.0, [1.0, 3.0, 2.5], "wall", why="Because."),
        row("second", "", 10.0, [4.0], "-", at_most=True, unit="ms"),
        row("third", "", 10.0, [], "-"),
    ]
    page = benchmarks.importlib.import_module("page")
    assert page.table([each.as_json() for each in found]).splitlines()[2:] == [
        "| first | b | 2.5 (1 to 3) | 20 | no | wall |",
        "| second |  | 4 ms | under 10 ms | yes | - |",
        "| third |  | not measured | 10 | no | - |",
        "",
        "- first: Because.",
    ]


def test_ways_take_turns_in_changing_order(benchmarks: ModuleType) -> None:
    asked: list[str] = []
    ways = {name: lambda name=name: asked.append(name) or 1.0 for name in "ab"}
    found = benchmarks.rows.turns(ways, "small")
    assert "".join(asked) == "baabbaabbaab"
    # The first round is not counted.
    assert [len(seconds) for seconds in found.values()] == [5, 5]


def test_failed_family_is_told_in_a_row(
    benchmarks: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_size: str) -> None:
        raise OSError("no room")

    monkeypatch.setattr(benchmarks.importlib.import_module("startup"), "rows", fail)
    place = tmp_path / "latest.json"
    status = benchmarks.main(["--size", "tiny", "--only", "startup", "--json", str(place)])
    (row,) = json.loads(place.read_text())
    assert status == 1
    assert row["met"] is False
    assert row["why_not"] == "It could not be measured: OSError: no room"


def test_made_files_differ_and_are_what_their_names_say(
    benchmarks: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from iracdb import Catalogue

    archives = benchmarks.importlib.import_module("archives")
    # More than one round of the simulated frames, and more than one AOR.
    monkeypatch.setattr(archives, "IN_AN_AOR", 10)
    for holes in (False, True):
        folder = tmp_path / f"archive{holes}"
        paths = archives.make_archive(folder, 13, holes=holes)
        assert len({path.read_bytes() for path in paths}) == 13
        with Catalogue(tmp_path / f"{holes}.sqlite") as catalogue:
            catalogue.ingest(folder)
            assert catalogue.totals()["frames"] == 13
            assert catalogue.problems().rows == []
            assert len(catalogue.aors().rows) == 2
            catalogue.plan(channel=1)  # refuses what a run would refuse


def test_trial_of_sizes_tells_every_layout(
    benchmarks: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    from helpers import fits_of, put, spec

    put(tmp_path / "archive", spec(), content=fits_of(spec()))
    layouts = ["SQLite", "PostgreSQL", "PostgreSQL:cut:2", "PostgreSQL:hash:2"]
    kept = tmp_path / "trial.json"
    words = ["--rows", "10000", "--layouts", *layouts, "--json", str(kept)]
    scale = benchmarks.importlib.import_module("scale")
    # As many rows of fewer runs: each has views of its own, which are made over and over.
    monkeypatch.setattr(benchmarks.importlib.import_module("large"), "RUNS", 20)
    monkeypatch.setattr(scale, "QUESTIONS", 2)
    monkeypatch.setattr(scale, "ROUNDS", 1)
    assert scale.main([*words, "--archive", str(tmp_path / "archive")]) == 0
    found = json.loads(kept.read_text())
    assert list(found) == [f"{layout}, 10,000" for layout in layouts]
    for told in found.values():
        assert 150 < told["image_result: table, bytes a row"] < 400
        assert 0 < told["image_result: index ix_image_result_frame_id, bytes a row"] < 40
        assert all(math.isfinite(value) and value >= 0 for value in told.values())
        assert told["writing a new run, images a second"] > 0
    # What is cut is asked in each part: at least one more page a part.
    pages = [
        found[f"{layout}, 10,000"]["pages for the images of a frame"] for layout in layouts[1:]
    ]
    assert pages[0] < pages[1]
    assert pages[0] < pages[2]
    assert "cutting: the whole becomes the first part, s" in found["PostgreSQL, 10,000"]
    printed = capsys.readouterr().out
    assert "| image_result: table, GB |" in printed
    assert "| header: bytes a file, indices included |" in printed
    with pytest.raises(SystemExit, match="is no layout"):
        scale.trial("Oracle", 10_000)
