"""The documentation: its examples run, its tables are the program's, its links lead somewhere."""

from __future__ import annotations

import ast
import doctest
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path

import command_pages
import generate
import pytest
from docs_helpers import (
    DOCS,
    FENCE,
    IRACDB,
    ROOT,
    NearlyEqual,
    blocks,
    console,
    table,
    text_of,
    the_same,
    without_haste,
)
from helpers import in_this_process
from iracdb_cli import main as command_line
from iracdb_cli.measuring import run as run_command
from sqlalchemy import inspect

from iracdb import Catalogue, errors
from iracdb.catalogue import obscore
from iracdb.catalogue.database import Database, open_database
from iracdb.catalogue.ingest_report import OUTCOMES
from iracdb.catalogue.query import run_query
from iracdb.catalogue.tables import metadata
from iracdb.catalogue.urls import database_url
from iracdb.errors import EXIT_STATUSES, IracdbError
from iracdb.flags import FLAGS
from iracdb.irac.handbook import APERTURE_CORRECTION, FULL_WELL, PIXEL_SIZE
from iracdb.irac.mask_bits import FATAL, parse_bits
from iracdb.irac.names import KINDS
from iracdb.irac.simulate import FrameTruth, simulate_archive
from iracdb.layouts import DEFAULT_LAYOUT, LAYOUTS, OWN_LAYOUT
from iracdb.more_columns import AOR_MORE, IMG_MORE
from iracdb.photometry.noise import SATURATED
from iracdb.photometry.planes import Planes, parse_planes_list, planes_without
from iracdb.photometry.sky import LEVEL_NOISE
from iracdb.runs.coordinates import parse_coordinate
from iracdb.runs.recipes import RECIPES
from iracdb.runs.target_lists import read_target_list

PAGES = sorted([*ROOT.glob("*.md"), *DOCS.rglob("*.md"), *ROOT.glob("benchmarks/*.md")])


# --- Examples ------------------------------------------------------------------------------------


@pytest.fixture
def empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("IRACDB_DATABASE_URL", raising=False)
    return tmp_path


def test_readme_prints_what_it_says(empty_folder: Path) -> None:
    text = text_of("README.md")
    commands = console(text)
    assert [words[1] for words, _ in commands] == ["simulate", "ingest", "run", "sql"]
    for words, expected in commands:
        assert words[0] == "iracdb"
        # Both streams as a terminal shows them, in the order of writing.
        done = in_this_process(words[1:], empty_folder, os.environ, together=True)
        assert done.returncode == 0, done.stdout
        printed = without_haste(done.stdout)
        assert len(printed.splitlines()) == len(expected.splitlines()), printed
        assert the_same(expected, printed), printed

    (example,) = blocks(text, "pycon")
    case = doctest.DocTestParser().get_doctest(example, {}, "README.md", None, None)
    said: list[str] = []
    result = doctest.DocTestRunner(NearlyEqual(), verbose=False).run(case, out=said.append)
    assert result.failed == 0, "".join(said)
    assert result.attempted > 0
    assert not list(empty_folder.glob("*/run14*"))


def test_a_wrong_number_is_noticed() -> None:
    assert the_same("a  1.25 b\n", "a 1.25000000001 b\n")
    assert not the_same("a 1.25 b\n", "a 1.26 b\n")
    assert not the_same("a 1.25 b\n", "a 1.25 c\n")
    assert not the_same("3 files\n", "4 files\n")


@pytest.fixture(scope="module")
def used(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which the commands of docs/using.md were typed."""
    folder = tmp_path_factory.mktemp("using")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.delenv("IRACDB_DATABASE_URL", raising=False)
        for words, expected in console(text_of("docs/using.md")):
            assert words[0] == "iracdb"
            assert expected == "", "outputs are shown in the README, where they are compared"
            assert command_line.main(words[1:]) == 0, words
    return folder


def test_commands_of_using_work(used: Path) -> None:
    assert (used / "Reduction_Data_&_Logs" / "run13_log.txt").is_file()
    assert sorted(path.name for path in (used / "tables").iterdir()) == [
        "run13_aor_data.csv", "run13_aor_data.ecsv", "run13_aor_data.vot", "run13_img_data.csv",
        "run13_img_data.ecsv", "run13_img_data.vot", "run13_log.txt",
    ]  # fmt: skip


def check_queries(database: Database) -> None:
    for query in blocks(text_of("docs/using.md"), "sql"):
        found = run_query(database, query)
        # The archive has no average that leaves out an image: three frames are too few.
        assert found.rows or "rejected_by" in query, query


def test_queries_of_using_work(used: Path) -> None:
    database = open_database(database_url(used / "iracdb.sqlite"))
    try:
        check_queries(database)
    finally:
        database.close()


def test_queries_of_using_work_on_postgresql(used: Path, postgres_url: str) -> None:
    with Catalogue(postgres_url) as catalogue:
        catalogue.ingest(used / "archive")
        catalogue.run(run_id=5, channel=1)
        catalogue.run(run_id=13, channel=1, radius=(3, 3, 7))
    database = open_database(database_url(postgres_url))
    try:
        check_queries(database)
    finally:
        database.close()


def test_python_of_using_runs(
    used: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(used)
    monkeypatch.delenv("IRACDB_DATABASE_URL", raising=False)
    names: dict[str, object] = {}
    examples = blocks(text_of("docs/using.md"), "python")
    assert len(examples) >= 4
    for example in examples:
        exec(compile(example, "docs/using.md", "exec"), names)
    assert "run-refused 3 Run 13 (run13) is finished" in capsys.readouterr().out


def test_target_list_of_using_is_one(tmp_path: Path) -> None:
    text = text_of("docs/using.md")
    (example,) = blocks(text, "text")
    path = tmp_path / "targets.csv"
    path.write_text(example)
    assert read_target_list(path).aors == (90000256, 90000512)
    for position in ("18 02 30.74 +58 37 38.16", "270.628 +58.627"):
        assert position in text
        assert parse_coordinate(position) == pytest.approx((270.628, 58.627), abs=1e-3)


# --- Commands ------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def generated() -> dict[str, str]:
    return generate.generated()


def test_what_is_generated_is_current(generated: dict[str, str]) -> None:
    assert len(generated) > 30
    for name, text in generated.items():
        path = DOCS / name
        assert path.exists(), f"run docs/generate.py: {name} is not there"
        assert path.read_text(encoding="utf-8") == text, f"run docs/generate.py: {name} is old"
    assert generate.left_over(generated) == [], "run docs/generate.py"


def test_every_command_is_documented_with_its_help() -> None:
    for name, command in command_pages.commands():
        words = name.split()[1:]
        page = text_of(f"docs/commands/{words[0]}.md" if words else "docs/commands.md")
        title = f"{'##' if len(words) > 1 else '#'} {name}\n\n" if words else ""
        help_text = command_pages.help_text(name, command)
        assert f"{title}```text\n{help_text}\n```\n" in page, name
        assert max(map(len, "".join(blocks(page, "text")).splitlines())) <= 80


def test_every_command_has_a_page_that_shows_it() -> None:
    for page in DOCS.glob("commands/*.md"):
        assert "\nShown in [" in page.read_text(encoding="utf-8"), f"no page names {page.stem}"


@pytest.mark.parametrize("columns", ["40", "80", "200"])
def test_help_does_not_depend_on_the_terminal(
    columns: str, generated: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", columns)
    monkeypatch.setenv("FORCE_COLOR", "1")
    name = "iracdb run"
    told = command_pages.help_text(name, dict(command_pages.commands())[name])
    assert f"```text\n{told}\n```\n" in generated["commands/run.md"]


def test_help_does_not_depend_on_the_terminal_it_was_begun_in(generated: dict[str, str]) -> None:
    done = subprocess.run(
        [sys.executable, "-c",
         "from command_pages import pages; print(pages()['commands/run.md'])"],
        capture_output=True, text=True, check=True, timeout=60, encoding="utf-8",
        env=os.environ | {
            "COLUMNS": "40", "PYTHONIOENCODING": "utf-8", "FORCE_COLOR": "1",
            "PYTHONPATH": os.pathsep.join([str(DOCS), *sys.path]),
        },
    )  # fmt: skip
    assert done.stdout == generated["commands/run.md"] + "\n"


@pytest.mark.parametrize("words", [[], ["run"], ["db", "current"]])
def test_help_is_what_a_terminal_shows(words: list[str]) -> None:
    done = subprocess.run(
        [sys.executable, "-c", IRACDB, *words, "--help"],
        capture_output=True, text=True, check=True, timeout=60,
        env=os.environ | {"COLUMNS": "80", "PYTHONIOENCODING": "utf-8"}, encoding="utf-8",
    )  # fmt: skip
    name = " ".join(["iracdb", *words])
    command = dict(command_pages.commands())[name]
    assert done.stdout.rstrip("\n") == command_pages.help_text(name, command)


def test_list_of_tables_is_current() -> None:
    page = text_of("docs/database.md")
    listed = {name: sentence for name, sentence, _ in table(page, "table", "a row is")}
    assert listed == {name: each.comment for name, each in metadata.tables.items()}


def test_data_model_tells_every_column(used: Path) -> None:
    sections = {
        part.partition("\n")[0]: part for part in text_of("docs/data-model.md").split("\n### ")
    }
    drawn = text_of("docs/data-model.svg")
    for name, each in metadata.tables.items():
        rows = table(sections[name], "column", "type")
        assert [row[0] for row in rows] == [column.name for column in each.columns]
        for row, column in zip(rows, each.columns, strict=True):
            assert row[2] == ("may be" if column.nullable else "")
            assert ("primary" in row[3]) == column.primary_key
            others = {key.column.table.name for key in column.foreign_keys}
            assert set(re.findall(r"\(#(\w+)\)", row[3])) == others
            assert all(f"{name} refers to {other}<" in drawn for other in others - {name})
            assert column.comment and row[4] == column.comment
        assert f">{name}</text>" in drawn
    database = open_database(database_url(used / "iracdb.sqlite"))
    try:
        with database.read() as connection:
            inspector = inspect(connection)
            for view in inspector.get_view_names():
                if re.match("run(5|21)_", view):
                    continue
                there = [column["name"] for column in inspector.get_columns(view)]
                told = re.findall(r"(?:^\| |[:,] )`([^`]+)`", sections[view], re.MULTILINE)
                assert told == there, view
    finally:
        database.close()


def test_options_of_run_are_documented() -> None:
    listed = {
        name: default for name, default, _ in table(text_of("docs/using.md"), "option", "default")
    }
    options = {option.opts[0]: option for option in run_command.params}
    assert set(listed) == set(options) - {"--db", "--debug"}
    for name, default in listed.items():
        option = options[name]
        if default.isdigit() or name in (
            "--kind", "--recipe", "--out", "--pixel-area", "--source-spectrum",
            "--colour-correction",
        ):  # fmt: skip
            assert str(option.default) == default, name
    manual = RECIPES["manual"]
    assert listed["--recipe"] == "manual"
    using = (ROOT / "docs" / "using.md").read_text()
    assert all(f"`{name}`" in using for name in RECIPES)
    assert tuple(map(float, listed["--radius"].split())) == manual.radii
    assert listed["--rejection"] == manual.rejection
    dropped = parse_planes_list(listed["--drop-planes"])
    assert Planes(listed["--planes"], planes_without(dropped)).text == manual.planes
    assert parse_bits(listed["--mask-bits"]) == FATAL
    assert not (manual.mask or manual.uncertainty or manual.header_marks)


# --- Tables --------------------------------------------------------------------------------------


def test_outcomes_of_ingest() -> None:
    assert dict(table(text_of("docs/using.md"), "outcome", "meaning")) == OUTCOMES


def test_kinds_of_file() -> None:
    listed = dict(table(text_of("docs/using.md"), "kind", "what it holds"))
    assert listed == {kind.name: kind.sentence for kind in KINDS.values()}


def test_columns_of_the_tables() -> None:
    text = text_of("docs/using.md")
    csv_files, more = text.split("ECSV and VOTable files have these columns too")
    of_aor, of_img = csv_files.split("The image table, `run13_img_data.csv`")
    more_of_aor, more_of_img = more.split("The image table:")
    more_of_img, own = more_of_img.split(f"a layout of its own, `{OWN_LAYOUT}`")
    own_of_aor, own_of_img = own.split("Its image table:")
    layout = LAYOUTS[DEFAULT_LAYOUT]
    for part, columns in (
        (of_aor, layout.aor),
        (of_img, layout.img),
        (more_of_aor, AOR_MORE),
        (more_of_img, IMG_MORE),
        (own_of_aor, LAYOUTS[OWN_LAYOUT].aor),
        (own_of_img, LAYOUTS[OWN_LAYOUT].img),
    ):
        assert table(part, "column", "unit") == [
            [column.title, column.unit or "", column.sentence] for column in columns
        ]


def test_flags() -> None:
    assert table(text_of("docs/measuring.md"), "bit", "name") == [
        [str(flag.bit), flag.name, flag.column or "", flag.sentence] for flag in FLAGS
    ]


def test_tables_of_the_handbook() -> None:
    text = text_of("docs/measuring.md")
    sizes = {int(channel): float(size) for channel, size in table(text, "channel", "arcsec")}
    assert sizes == PIXEL_SIZE
    rows = [tuple(map(float, row)) for row in table(text, "r", "r_in", "r_out")]
    assert {row[:3]: row[3:] for row in rows} == APERTURE_CORRECTION


def test_recipe() -> None:
    manual = RECIPES["manual"]
    page = text_of("docs/measuring.md")
    assert f"`manual`, version {manual.version}:" in page
    planes = [f"`{name}` takes `{RECIPES[name].planes}`" for name in ("manual", "handbook")]
    assert ", ".join(planes) in page
    ways = {name: factor for name, factor in LEVEL_NOISE.items() if name != "mean"}
    scatters = re.findall(r"([\d.]+) for the (median|mode)[.,]", page)
    told = {name: float(factor) for factor, name in scatters}
    assert told == pytest.approx(ways, abs=5e-3)
    wells = " or ".join(", ".join(f"{well:,.0f}" for well in FULL_WELL.values()).rsplit(", ", 1))
    told_of_wells = f"over {wells} electrons in channels 1 to 4. From {SATURATED} on"
    assert told_of_wells in " ".join(page.split())
    chosen = (manual.centre, manual.sky, manual.engine, manual.rejection)
    assert chosen == ("gaussian", "mean", "native", "minmax")


def test_exit_statuses() -> None:
    text = text_of("docs/errors.md")
    listed = {int(status): meaning for status, meaning in table(text, "status", "meaning")}
    assert listed == EXIT_STATUSES
    assert f"status {command_line.FAULT} " in text


def kinds_of_error(kind: type[IracdbError] = IracdbError) -> Iterator[type[IracdbError]]:
    for below in kind.__subclasses__():
        if below.__module__ == errors.__name__:
            yield below
            yield from kinds_of_error(below)


def test_codes_of_errors() -> None:
    listed = table(text_of("docs/errors.md"), "error", "code", "status", "meaning")
    said = {
        kind.__name__: [kind.code, str(kind.exit_status), str(kind.__doc__).replace("`", "")]
        for kind in kinds_of_error()
    }
    assert {row[0]: row[1:4] for row in listed} == said
    assert all(row[4] for row in listed)


def codes_in_the_source() -> Iterator[tuple[str, str]]:
    """Each class of error that is given a code of its own, and the code."""
    for path in sorted((ROOT / "iracdb").rglob("*.py")):
        text = path.read_text(encoding="utf-8")
        if "code=" not in text and path.name != "archive.py":
            continue
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
                for word in node.keywords:
                    if word.arg == "code" and isinstance(word.value, ast.Constant):
                        yield node.func.id, str(word.value.value)
            # The walk gives pairs of code and sentence, in a tuple.
            elif path.name == "archive.py" and isinstance(node, ast.Tuple):
                first = node.elts[0] if len(node.elts) == 2 else None
                if isinstance(first, ast.Constant) and isinstance(first.value, str):
                    yield "BadFile", first.value


def test_codes_of_files_set_aside() -> None:
    text = text_of("docs/errors.md")
    rows = table(text, "code", "what is wrong", "what to do")
    codes = set(codes_in_the_source())
    assert {row[0] for row in rows} == {code for kind, code in codes if kind == "BadFile"}
    assert len({row[0] for row in rows}) == len(rows)
    others = {code for kind, code in codes if kind not in ("BadFile", "Outcome")}
    assert others, "such as query-too-long"
    assert all(f"`{code}`" in text for code in others)


def test_views(used: Path) -> None:
    listed = dict(table(text_of("docs/database.md"), "view", "a row is"))
    database = open_database(database_url(used / "iracdb.sqlite"))
    try:
        with database.read() as connection:
            columns = {
                view: [column["name"] for column in inspect(connection).get_columns(view)]
                for view in inspect(connection).get_view_names()
            }
    finally:
        database.close()
    assert set(listed) == {view for view in columns if not re.match("run(5|21)_", view)}
    layout = LAYOUTS[DEFAULT_LAYOUT]
    titles = {
        "aor": [column.title for column in layout.aor],
        "img": [column.title for column in layout.img],
    }
    for view, sentence in listed.items():
        own = re.findall(r"[\w]+", sentence.split(": ")[1]) if ": " in sentence else []
        which = re.search("_(aor|img)_data", view)
        if view == obscore.NAME:
            assert columns[view] == [column.name for column in obscore.COLUMNS]
        elif which is None:
            assert columns[view] == own
        elif view.startswith("run_"):
            own = own[: own.index("then")]
            assert columns[view] == own + titles[which[1]]
        else:
            assert columns[view] == titles[which[1]]


def test_truth_of_the_simulated_archive(tmp_path: Path) -> None:
    text = text_of("docs/simulated.md")
    names = [name for name, _ in table(text, "column", "meaning")]
    assert names == [field.name for field in fields(FrameTruth)]
    made = simulate_archive(tmp_path / "archive", frames=5, noise=False)
    listed = {int(row[0]): row for row in table(text, "AORKEY", "channel", "mission")}
    assert set(listed) == {
        int(path.relative_to(made.directory).parts[0][1:]) for path in made.written
    }
    for aorkey, row in listed.items():
        mine = [frame for frame in made.truth if frame.aorkey == aorkey]
        exposures = len({(frame.expid, frame.dcenum) for frame in mine})
        shown = {"N": 5, "up to 4": 4, "up to 4 pairs": 8}
        assert not mine or exposures == (shown.get(row[4]) or int(row[4])), row
        assert all(str(frame.channel) == row[1] for frame in mine)
        assert all(("subarray" if frame.subarray else "full") == row[3] for frame in mine)
        assert all(f"{frame.flux_mjy:g} mJy" in row[5] for frame in mine)


# --- Links ---------------------------------------------------------------------------------------


def anchors(text: str) -> set[str]:
    """Anchors of a page's titles, as GitHub makes them."""
    titles = re.findall(r"^#+ (.*)$", FENCE.sub("", text), re.MULTILINE)
    return {
        re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in map(str.strip, titles)
    }


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    text = FENCE.sub("", page.read_text(encoding="utf-8"))
    for link in re.findall(r"\]\(([^)\s]+)\)", text):
        if "://" in link:
            continue
        name, _, anchor = link.partition("#")
        target = page if not name else (page.parent / name).resolve()
        assert target.exists(), link
        if anchor:
            assert anchor in anchors(target.read_text(encoding="utf-8")), link


def test_every_page_is_in_the_contents() -> None:
    contents = text_of("docs/README.md")
    assert len(list(DOCS.glob("*.md"))) > 8
    for page in DOCS.glob("*.md"):
        assert page.name == "README.md" or f"({page.name})" in contents, page.name
    commands = text_of("docs/commands.md")
    for page in DOCS.glob("commands/*.md"):
        assert f"(commands/{page.name})" in commands, page.name


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_pages_name_no_place_of_this_machine(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    assert str(ROOT) not in text
    assert str(Path.home()) + "/" not in text
