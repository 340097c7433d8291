"""The page of a run: whole in one file, true to the catalogue, and safe whatever is in it."""

from __future__ import annotations

import base64
import hashlib
import re
import shlex
import urllib.parse
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import click
import pytest
from astropy.table import QTable
from helpers import iracdb, put, spec
from iracdb_cli.main import main
from iracdb_cli.measuring import run as run_command
from report_helpers import Reader
from run_helpers import averages
from sqlalchemy import delete, insert, update

from iracdb import Catalogue
from iracdb.catalogue import tables as t
from iracdb.report import page_figures
from iracdb.report.html import page_html, visible
from iracdb.report.page import gather_page
from iracdb.report.page_parts import decimals_for, number_cell
from iracdb.report.page_rows import aorkeys_in
from iracdb.report.registry import FIGURES
from iracdb.report.repeating import SETTLES, command_again
from iracdb.runs.request import Request

HOSTILE = "<script>alert(1)</script>\"'&\u202eabc\u2066 {{ 7*7 }}"
POSITION = "269.7271542 +67.7936025"
MEGABYTES = 5

WITH_ALL_FIGURES = (
    "test_every_number_of_the_averages_is_the_catalogues[sqlite]",
    "test_imported_runs[sqlite]",
)
WITH_ONE_FIGURE = (
    "test_whatever_is_in_it_is_escaped",
    "test_from_the_command_line",
    "test_withdrawn_unfinished_and_empty_runs[sqlite]",
)
"""Drawing takes a page's time: other tests, of what is around figures, draw none."""


@pytest.fixture(autouse=True)
def _figures(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if request.node.name not in WITH_ALL_FIGURES:
        one = request.node.name in WITH_ONE_FIGURE
        monkeypatch.setattr(page_figures, "FIGURES", FIGURES[:one])


def fill(location: str, folder: Path) -> Catalogue:
    """Two runs of the same small frames: the first is called by what nobody should be called by."""
    for aorkey in (90_000_000, 90_000_256):
        for expid in range(3):
            put(
                folder, spec(aorkey=aorkey, expid=expid, label=HOSTILE[:20], flux_mjy=90 + expid,
                             mjd=56_001.0 + aorkey % 1000 + expid / 100),
            )  # fmt: skip
    put(folder, spec(aorkey=90_000_256, expid=7), content=b"no FITS file at all")
    (folder / "SPITZER_stray.fits").write_bytes(b"")
    catalogue = Catalogue(location)
    catalogue.ingest(folder)
    options: dict[str, Any] = {"channel": 2, "kind": "sub2d", "radius": (3, 3, 7)}
    catalogue.run(run_id=12, **options, rejection="none")
    catalogue.run(
        run_id=13, **options, sky="median", target=HOSTILE, comment=HOSTILE,
        where="frame_time > 0", pixel_phase=False,
    )  # fmt: skip
    return catalogue


@pytest.fixture
def catalogue(any_location: str, tmp_path: Path) -> Iterator[Catalogue]:
    with fill(any_location, tmp_path / "archive") as opened:
        yield opened


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Catalogue]:
    """One such catalogue for all that only look."""
    folder = tmp_path_factory.mktemp("made")
    with fill(str(folder / "iracdb.sqlite"), folder / "archive") as opened:
        yield opened


def text_of(catalogue: Catalogue, which: int | str, against: int | str | None = None) -> str:
    return page_html(gather_page(catalogue._database, which, against))


def check_alone(text: str) -> Reader:
    """A page asks nothing of anybody."""
    page = Reader(text)
    for tag, name, value in page.attributes:
        if name in ("src", "href", "action", "srcset", "data", "poster", "background"):
            assert value is not None
            assert value.startswith("#" if tag == "a" else "data:image/"), (tag, name, value[:60])
        assert not name.startswith("on"), name
    assert not {"link", "iframe", "object", "embed", "base", "form"} & set(page.tags)
    assert all("url(" not in style and "@import" not in style for style in page.styles)
    ids = {value for _, name, value in page.attributes if name == "id"}
    assert {v[1:] for tag, name, v in page.attributes if (tag, name) == ("a", "href")} <= ids
    for source in (v for tag, name, v in page.attributes if (tag, name) == ("img", "src")):
        if source.startswith("data:image/svg+xml,"):
            picture = urllib.parse.unquote(source)
            assert not re.findall(r"""href=["'](?!#|data:)""", picture)
            assert "<script" not in picture
    return page


def test_every_number_of_the_averages_is_the_catalogues(catalogue: Catalogue) -> None:
    page = check_alone(text_of(catalogue, 13))
    rows = averages(catalogue, catalogue.get(13))
    table = page.table("One row an average")
    assert len(table.rows) == len(rows) == 2
    held = {
        "AORKEY": "aorkey", "Flux [mJy]": "flux", "Error [mJy]": "error",
        "Standard Error [mJy]": "standard_error", "Time [d]": "mjd_obs",
        "Middle [d]": "mjd_mid", "Expected Noise [mJy]": "expected_noise",
    }  # fmt: skip
    checked = set()
    for title in table.titles:
        cells = table.column(title)
        if title in held:
            checked.add(title)
            told = [float(exact if exact is not None else text) for text, exact in cells]
            assert told == [row[held[title]] for row in rows], title
        for text, exact in cells:
            if exact is not None and "e" not in text:
                shown = float(text.replace(",", "").replace("−", "-"))
                decimals = len(text.partition(".")[2])
                assert shown == pytest.approx(float(exact), abs=0.51 * 10**-decimals)
    assert {"AORKEY", "Flux [mJy]", "Error [mJy]", "Standard Error [mJy]"} <= checked
    (spread,) = (title for title in table.titles if title.startswith("Spread"))
    assert [float(exact or text) for text, exact in table.column(spread)] == [
        pytest.approx(100 * row["error"] / row["flux"], rel=1e-15) for row in rows
    ]
    alike = next(said for said in page.said if said.startswith("The same in every row"))
    assert f"Aperture Correction {rows[0]['aperture_correction']!r}" in alike
    assert set(table.scopes) == {"col", "row"}


def test_whatever_is_in_it_is_escaped(made: Catalogue) -> None:
    text = text_of(made, 13)
    page = check_alone(text)
    assert page.tags.count("script") == 1
    assert "alert(1)</" not in text
    shown = visible(HOSTILE)
    assert shown == "<script>alert(1)</script>\"'&\\u202eabc\\u2066 {{ 7*7 }}"
    assert sum(shown in said for said in page.said) >= 3
    assert not {"\u202e", "\u2066"} & set(text)
    # A script that was smuggled in would not be carried out either.
    (policy,) = (v for tag, _, v in page.attributes if tag == "meta" and v and "default-src" in v)
    for kind, told in (("script", page.scripts), ("style", page.styles)):
        digest = base64.b64encode(hashlib.sha256("".join(told).encode()).digest()).decode()
        assert f"{kind}-src 'sha256-{digest}'" in policy
    assert "default-src 'none'" in policy and "unsafe" not in policy


def test_the_command_makes_the_run_again(catalogue: Catalogue, tmp_path: Path) -> None:
    run = catalogue.get(13)
    page = Reader(text_of(catalogue, 13))
    again = command_again(run)
    assert again is not None
    assert visible(again) in page.codes
    location = catalogue._database.url.render_as_string(hide_password=False)
    words = shlex.split(again)
    assert words[:2] == ["iracdb", "run"]
    where = location.removeprefix("sqlite:///").removeprefix("sqlite+pysqlite:///")
    done = iracdb(*words[1:], "--no-tables", "--db", where, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    made = catalogue.get(14)
    assert made.result_digest == run.result_digest
    assert made.row.parameters_digest == run.row.parameters_digest
    assert catalogue.get(12).result_digest != run.result_digest


def test_every_option_of_a_run_can_be_typed_again() -> None:
    options = {
        name: option
        for option in run_command.params
        if isinstance(option, click.Option)
        for name in (*option.opts, *option.secondary_opts)
    }
    values: dict[str, Any] = {
        "radius": [3.0, 3.0, 7.0], "pm": [1.5, -2.5], "aors": [1, 2], "where": ["a", "b"],
        "forced": True, "allow_mixed_calibration": True, "mask": False, "pixel_phase": False,
        "uncertainties": True, "header_marks": False, "array_location": False,
    }  # fmt: skip
    own = {"run_id", "name", "command"}
    names = set(Request.__dataclass_fields__)

    class Made:
        class row:  # noqa: N801
            origin, inputs_digest, channel, recipe = "executed", "0", 2, "manual"
            parameters_typed = {name: values.get(name, "5") for name in names} | {"run_id": 3}

    words = shlex.split(command_again(Made()) or "")  # type: ignore[arg-type]
    assert words[:2] == ["iracdb", "run"]
    typed = [word for word in words if word.startswith("--")]
    assert {options[word].name for word in typed} == names - own
    assert typed.count("--aor") == typed.count("--where") == 2
    assert {"--no-mask", "--uncertainties", "--no-pixel-phase"} <= set(typed)
    assert words[-2:] == ["--comment", "5"], "each with its value"
    assert "--run-id" not in typed and "--name" not in typed
    assert set(SETTLES) == names - own - {"comment", "idl_python"}


def test_parameters_as_typed_and_as_applied(made: Catalogue) -> None:
    run = made.get(13)
    page = Reader(text_of(made, 13))
    table = page.table("Every parameter as applied")
    told = {row[0][0]: [cell[0] for cell in row[1:]] for row in table.rows}
    applied = {name: value for name, value in run.parameters.values.items() if value is not None}
    assert set(applied) == set(told)
    assert told["radius_source"][:2] == ["3.0", "pix"]
    assert told["radius_source"][2] == "--radius 3.0 3.0 7.0; the recipe manual has 10.0"
    assert told["sky"] == ["median", "", "--sky median; the recipe manual has mean"]
    assert told["pixel_phase"][2] == "--no-pixel-phase"
    assert told["centre"][2] == ""
    empty = next(said for said in page.said if said.startswith("Without a value"))
    assert "mask_bits" in empty
    inputs = page.table("The files that the run declared").column("Files")
    assert sum(int(exact or "") for _, exact in inputs) == run.counts.inputs == 6
    for digest in (run.result_digest, run.row.parameters_digest, run.row.inputs_digest):
        assert f"sha256 {digest}" in page.text


def test_compared_with_the_run_before(made: Catalogue) -> None:
    page = Reader(text_of(made, 13))
    assert "Compared with run12" in page.text
    summary = made.compare(12, 13).summary()
    rows = page.table("How many rows came to what").rows
    for row, which in zip(rows, ("images", "aors"), strict=True):
        wanted = [value for name, value in summary[which].items() if isinstance(value, int)]
        assert [int(exact or "") for _, exact in row[1:]] == wanted
    names = [row[0][0] for row in page.table("What made them differ").rows]
    assert {"sky", "pixel_phase", "rejection"} <= set(names)
    changed = page.table("Averages that differ")
    table = made.compare(12, 13).aors
    assert len(changed.rows) == sum(table["outcome"] != "same")
    assert "iracdb compare run12 run13" in page.codes
    assert "There is no run to compare it with" in Reader(text_of(made, 12)).text
    other = Reader(text_of(made, 12, against=13))
    assert "Compared with run13" in other.text and "as asked for" in other.text


def test_files_set_aside_and_problems(made: Catalogue) -> None:
    table = Reader(text_of(made, 13)).table("Files that were set aside")
    told = [(Path(row[0][0]).name, row[1][0], row[2][0]) for row in table.rows]
    assert [(name[:11], whose) for name, whose, _ in told] == [
        ("SPITZER_I2_", "this run's"), ("SPITZER_str", "none held"),
    ]  # fmt: skip
    assert aorkeys_in("/a/r90000256/ch2/bcd/SPITZER_I2_90000257_0007_0000_2_x.fits") == {
        90000256, 90000257, 7,
    }  # fmt: skip
    assert aorkeys_in("/data/x90000256y/a.fits") == set()


def test_figures_say_what_is_seen_and_what_is_not(
    made: Catalogue, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Silent:
        """A figure of which nothing is known."""

        name, sentence, runs, size = "silent", "Nothing", 1, (4.0, 3.0)

        class module:  # noqa: N801
            @staticmethod
            def gather(subject: Any) -> QTable:
                return QTable({"a": [1]}, meta=subject.meta("t") | {"missing": "no temperature"})

    lightcurve = next(figure for figure in FIGURES if figure.name == "lightcurve")
    monkeypatch.setattr(page_figures, "FIGURES", (lightcurve, Silent))
    page = check_alone(text_of(made, 13))
    (alt,) = (v for tag, name, v in page.attributes if (tag, name) == ("img", "alt"))
    assert alt is not None
    fluxes = sorted(row["flux"] for row in averages(made, made.get(13)))
    assert f"flux from {fluxes[0]:.6g} to {fluxes[-1]:.6g} mJy" in alt
    assert "Not drawn: silent: no temperature." in page.said
    # Of a run over one AOR the images are drawn: one average is no curve.
    made.run(run_id=20, channel=2, kind="sub2d", radius=(3, 3, 7), aors=[90_000_000])
    page = check_alone(text_of(made, 20))
    assert any("AOR 90000000: 3 points" in (v or "") for _, n, v in page.attributes if n == "alt")


def change(catalogue: Catalogue, *statements: Any) -> None:
    with catalogue._database.write() as connection:
        for statement in statements:
            connection.execute(statement)


def test_withdrawn_unfinished_and_empty_runs(catalogue: Catalogue) -> None:
    catalogue.withdraw(12, reason=f"a slip {HOSTILE[:8]}")
    page = check_alone(text_of(catalogue, 12))
    assert "Withdrawn." in page.said
    assert any("was withdrawn on" in said and "<script>" in said for said in page.said)
    # A withdrawn run is not what others are compared with, unless it is asked for.
    assert "There is no run to compare it with" in Reader(text_of(catalogue, 13)).text
    assert "Compared with run12" in Reader(text_of(catalogue, 13, 12)).text
    begun = {"state": "running", "finished_at": None, "result_digest": None}
    change(catalogue, update(t.run).where(t.run.c.run_id == 13).values(begun))
    page = check_alone(text_of(catalogue, 13))
    assert "not finished: repeat the command that began it" in page.said
    assert len(page.table("One row an average").rows) == 2
    mine = t.aor_result.c.id.in_(
        t.aor_result.select().with_only_columns(t.aor_result.c.id).where(
            t.aor_result.c.run_id == 13
        )
    )  # fmt: skip
    images = t.image_result.c.aor_result_id.in_(
        t.aor_result.select().with_only_columns(t.aor_result.c.id).where(
            t.aor_result.c.run_id == 13
        )
    )  # fmt: skip
    change(
        catalogue, delete(t.image_result).where(images), delete(t.aor_result).where(mine),
        insert(t.run_problem).values(run_id=13, position=1, aorkey=90_000_000, reason="<b>none"),
    )  # fmt: skip
    page = check_alone(text_of(catalogue, 13))
    assert "The run has no averages." in page.said
    assert page.table("AORs that gave no flux").rows == [[("90000000", None), ("<b>none", None)]]


@pytest.mark.reference
def test_imported_runs(
    published_runs_at: Callable[[str], str],
    any_location: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with Catalogue(published_runs_at(any_location)) as catalogue:
        path = catalogue.report("hd_warm_final", tmp_path / "warm.html")
        text = path.read_text(encoding="utf-8")
        page = check_alone(text)
        run = catalogue.get("hd_warm_final")
        assert run.counts.images > 5000
        assert path.stat().st_size < MEGABYTES * 1e6
        rows = catalogue.sql(
            "SELECT aorkey, flux, error FROM aor_result WHERE listed AND run_id = "
            f"{run.run_id} ORDER BY row_number"
        ).rows
        table = page.table("One row an average")
        columns = [table.column(title) for title in ("AORKEY", "Flux [mJy]", "Error [mJy]")]
        told = [
            tuple(None if text == "–" else float(exact or text) for text, exact in cells)
            for cells in zip(*columns, strict=True)
        ]
        assert told == [tuple(row) for row in rows]
        found = [(one.severity, one.code, one.sentence) for one in catalogue.audit(run.run_id)]
        listed = page.table("What is wrong").rows
        assert [tuple(cell[0] for cell in row[:3]) for row in listed] == found
        links = {row[1][0]: int(row[2][1] or "") for row in page.table("How surely").rows[:1]}
        assert links.items() <= run.link_grades.items()
        log = page.table("Its log").rows
        assert [(row[0][0], row[1][0]) for row in log] == [
            (name.strip(), value.strip()) for name, value in run.log_fields()
        ]
        monkeypatch.setattr(page_figures, "FIGURES", ())
        compared = check_alone(text_of(catalogue, "run13", against="run20"))
        assert "iracdb compare run20 run13" in compared.codes


def test_from_the_command_line(made: Catalogue, tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("IRACDB_DATABASE_URL", str(made._database.url.database))
    assert main(["report", "13"]) == 0
    path = tmp_path / "Reduction_Data_&_Logs" / "run13_report.html"
    first = path.read_bytes()
    assert main(["report", "run13"]) == 0, "the same again is not in the way"
    assert path.read_bytes() == first
    path.write_text("something else")
    assert main(["report", "13"]) == 6
    assert path.read_text() == "something else"
    assert main(["report", "13", "--overwrite"]) == 0
    assert path.read_bytes() == first
    assert main(["report", "13", "--out", "mine.html", "--against", "12"]) == 0
    assert b"as asked for" in (tmp_path / "mine.html").read_bytes()
    assert main(["report", "99"]) == 3
    assert main(["report", "13", "--against", "99", "--out", "no.html"]) == 3
    assert not (tmp_path / "no.html").exists()


def test_numbers_for_the_eye() -> None:
    assert decimals_for([638.4512345, 650.1], 6) == 3
    assert decimals_for([0.4, 0.4], 4) == 1, "no more digits than a number has"
    assert decimals_for([None, float("nan")], 6) == 1
    cell = number_cell(-12345.678, 1)
    assert (cell.text, cell.exact) == ("−12,345.7", "-12345.678")
    assert number_cell(56001.25, 5, comma=False).text == "56001.25000"
    assert (number_cell(None, 2).text, number_cell(float("nan"), 2).exact) == ("–", None)
