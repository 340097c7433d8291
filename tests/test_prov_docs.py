"""docs/standards.md: its examples run, its tables are the program's."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from iracdb_cli.standards import prov as command

from iracdb import Catalogue
from iracdb.catalogue.obscore import COLUMNS
from iracdb.export.prov.content import LEVELS
from iracdb.export.prov.writing import FORMATS
from iracdb.irac.simulate import simulate_archive

PAGE = (Path(__file__).parents[1] / "docs" / "standards.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)


def table(first: str) -> list[list[str]]:
    """Rows of the table whose first title this is, without ticks."""
    (text,) = re.findall(rf"^\| {first} \|.*?\n\| ---.*?\n((?:\|.*\n)+)", PAGE, re.MULTILINE)
    rows = [line.strip("|").split("|") for line in text.strip().split("\n")]
    return [[cell.strip().replace("`", "") for cell in row] for row in rows]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the examples of the page are carried out."""
    place = tmp_path_factory.mktemp("standards")
    simulate_archive(place / "archive", frames=3, bad_files=False)
    with Catalogue(place / "iracdb.sqlite") as catalogue:
        catalogue.ingest(place / "archive")
        catalogue.run(run_id=13, channel=2, radius=(3, 3, 7))
    return place


def test_columns_of_obscore() -> None:
    assert table("column") == [[c.name, c.unit or "", c.ucd, c.sentence] for c in COLUMNS]


def test_options() -> None:
    options = {option.opts[0]: option for option in command.params}
    told = dict(table("option"))
    assert set(told) == set(options) - {"run", "--db", "--debug"}
    assert all(name in told["--format"] for name in FORMATS)
    assert all(name in told["--level"] for name in LEVELS)
    assert options["--format"].default == "json"
    assert options["--level"].default == "aor"


@pytest.mark.parametrize("query", blocks("sql"))
def test_queries(folder: Path, query: str) -> None:
    with Catalogue(folder / "iracdb.sqlite") as catalogue:
        assert catalogue.sql(query).rows


def test_python(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    (example,) = blocks("python")
    exec(compile(example, "docs/standards.md", "exec"), {})


def test_files_of_the_crate(folder: Path, tmp_path: Path) -> None:
    (listing,) = (block for block in blocks("console") if "rocrate" in block)
    with Catalogue(folder / "iracdb.sqlite") as catalogue:
        written = catalogue.write_prov(13, tmp_path / "run13", format="rocrate")
    assert [f"run13/{path.name}" for path in written] == listing.splitlines()[1:]
