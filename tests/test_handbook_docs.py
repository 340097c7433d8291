"""docs/handbook.md: its commands print what it shows, its tables are the program's."""

from __future__ import annotations

import io
import shlex
from collections.abc import Iterator
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from docs_helpers import blocks, console, table, text_of, the_same, without_haste
from iracdb_cli.main import main

from iracdb import Catalogue
from iracdb.photometry.rejection import parse_rejection
from iracdb.runs.marks import MARKS
from iracdb.runs.recipes import RECIPES

PAGE = "docs/handbook.md"


@dataclass(frozen=True)
class Typed:
    """One command of the page: what is shown below it, what it printed, and its exit status."""

    command: str
    shown: str
    printed: str
    status: int


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("handbook")


@pytest.fixture(scope="module")
def typed(folder: Path) -> Iterator[list[Typed]]:
    """The page, carried out in one folder."""
    found = []
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.delenv("IRACDB_DATABASE_URL", raising=False)
        for words, shown in console(text_of(PAGE)):
            assert words[0] == "iracdb"
            printed = io.StringIO()
            with redirect_stdout(printed), redirect_stderr(printed):
                status = main(words[1:])
            said = without_haste(printed.getvalue())
            found.append(Typed(shlex.join(words), shown, said, status))
        yield found


def test_commands_print_what_the_page_shows(typed: list[Typed]) -> None:
    for each in typed:
        if each.shown:
            assert the_same(each.shown, each.printed), f"$ {each.command}\n{each.printed}"
    silent = [each.command.split()[1] for each in typed if not each.shown]
    assert silent == ["simulate", "ingest"]
    assert [each.command for each in typed if each.status] == ["iracdb compare 1 2"]


def test_fluxes_are_as_far_from_the_truth_as_told(typed: list[Typed], folder: Path) -> None:
    assert typed
    text = text_of(PAGE)
    with Catalogue(folder / "iracdb.sqlite", create=False) as catalogue:
        fluxes = dict(
            catalogue.sql("SELECT run_id, flux FROM aor_result WHERE run_id < 4 ORDER BY 1").rows
        )
        (long,) = catalogue.sql(
            "SELECT flux FROM aor_result WHERE run_id = 4 AND frame_group LIKE '%long'"
        ).rows[0]
        for query in blocks(text, "sql"):
            assert catalogue.sql(query).rows
        assert not catalogue.compare(2, 3).comparable
    assert "A star of 100 mJy" in text
    off = {number: flux - 100 for number, flux in fluxes.items()}
    assert f"is {-off[1]:.1f} % too low, that of `handbook` {off[2]:.1f} % too high" in text
    assert f"the flux would be {fluxes[2] * 1.12 / 1.1336:.1f} mJy" in text
    assert f"the flux is {100 - long:.0f} % too low" in text


def test_warnings_go_with_the_run(typed: list[Typed], folder: Path) -> None:
    assert typed
    with Catalogue(folder / "iracdb.sqlite", create=False) as catalogue:
        warnings = catalogue.get(2).warnings
        catalogue.freeze(2, folder / "run2.sqlite")
    assert len(warnings) == 4
    with Catalogue(folder / "other.sqlite") as other:
        other.thaw(folder / "run2.sqlite")
        assert other.get(2).warnings == warnings


def test_steps_are_those_of_the_recipes() -> None:
    rows = {step: (manual, handbook) for step, manual, handbook, _ in table(text_of(PAGE), "step")}
    recipes = RECIPES["manual"], RECIPES["handbook"]
    for step, name in (
        ("centre", "centre"),
        ("sky", "sky"),
        ("planes of a cube", "planes"),
        ("rejection", "rejection"),
        ("layout of the tables", "layout"),
    ):
        assert rows[step] == tuple(getattr(recipe, name) for recipe in recipes), step
    assert rows["radii"] == tuple(
        " ".join(f"{radius:g}" for radius in recipe.radii) for recipe in recipes
    )
    for step, name in (
        ("masks", "mask"),
        ("uncertainties", "uncertainty"),
        ("header marks", "header_marks"),
        ("warnings of its own", "cautious"),
    ):
        assert rows[step][0] != rows[step][1]
        assert [getattr(recipe, name) for recipe in recipes] == [False, True], step
    # What the page calls the same in both.
    for name in ("engine", "response", "pairing", "bounds", "grouping", "mixed_calibration"):
        assert getattr(recipes[0], name) == getattr(recipes[1], name), name


def test_marks_are_those_of_the_program() -> None:
    assert table(text_of(PAGE), "mark", "what it says") == [
        [mark.name, mark.sentence] for mark in MARKS
    ]


def test_three_images_lose_one_as_often_as_told() -> None:
    assert "of five it leaves one out in one case of nine" in text_of(PAGE)
    rule = parse_rejection(RECIPES["handbook"].rejection)
    draws = np.random.default_rng(20260603).normal(100, 1, size=(2000, 5))
    lost = sum(not rule(fluxes).kept.all() for fluxes in draws)
    assert lost / len(draws) == pytest.approx(1 / 9, abs=0.03)
