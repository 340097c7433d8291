"""Reading the runs of 2018: every form of log and table, and everything that is refused."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from random import Random

import pytest
from helpers import iracdb
from hypothesis import example, given, settings
from hypothesis import strategies as st
from published_helpers import change, copy_run, dump, rows_of, set_cell

from iracdb.catalogue.database import open_database
from iracdb.catalogue.urls import database_url
from iracdb.errors import InputRefused
from iracdb.export.csv_tables import csv_text
from iracdb.layouts import LAYOUTS, MISSING_TEXT
from iracdb.published.commands import parse_command
from iracdb.published.grid import Grid
from iracdb.published.importing import import_runs
from iracdb.published.logs import KNOWN_KEYS, parse_log
from iracdb.published.numerals import read_floats, read_integers
from iracdb.published.reading import PublishedRun, find_runs, read_run

# The columns of the two tables of each run, counted in their first lines, and the flags' letters.
KNOWN_LAYOUTS = {
    "run1": "10-13-XO", "run3": "10-13-XO", "run5": "11-13-XO", "run6": "11-13-XO",
    "run9": "11-13-XO", "run10": "11-13-XO", "run13": "11-13-XO", "run14": "14-13-XO",
    "run17": "14-13-XO", "run18": "14-13-XO", "run20": "15-13-XO", "mk_test1": "15-13-XO",
    "mk_test2": "15-13-XO", "run22": "16-14-XO", "ngc2506_pV2": "16-14-XO",
    "ngc2506_ch2": "16-14-XO", "ngc2420_337": "16-14-NY", "ngc2420_ch2": "16-14-NY",
    "hd_cryo_final": "16-14-NY", "hd_warm_final": "16-14-NY", "upperSco_final": "16-14-NY",
}  # fmt: skip

# 18 02 30.7410086899 +58 37 38.157415821, by hand.
HD_165459 = (
    15 * (18 + 2 / 60 + 30.7410086899 / 3600),
    58 + 37 / 60 + 38.157415821 / 3600,
)


@pytest.fixture(scope="module")
def runs(reference: Path) -> dict[str, PublishedRun]:
    """Every run of the folder, as read."""
    found = find_runs(reference / "published_runs")
    return {name: read_run(name, paths) for name, paths in found.items()}


@pytest.fixture
def published(reference: Path) -> Path:
    """The folder of published runs."""
    return reference / "published_runs"


# What is read


def test_every_run_is_found_and_its_layout_known(runs: dict[str, PublishedRun]) -> None:
    found = {name: run.layout.name for name, run in runs.items()}
    assert found == KNOWN_LAYOUTS
    assert {layout.split("-")[0] for layout in found.values()} == {"10", "11", "14", "15", "16"}
    assert {layout.split("-", 1)[1] for layout in found.values()} == {"13-XO", "14-XO", "14-NY"}


def test_every_cell_is_kept(runs: dict[str, PublishedRun], published: Path) -> None:
    for name, run in runs.items():
        for table, role in ((run.aor, "aor"), (run.img, "img")):
            path = published / f"{name}_{role}_data.csv"
            assert len(table) == path.read_bytes().count(b"\n") - 1
            rows = rows_of(path)
            for column in table.columns:
                texts = [row[column.title] for row in rows]
                values = table.column(column.key)
                if column.form == "float":
                    wanted = [None if math.isnan(float(text)) else float(text) for text in texts]
                elif column.form == "integer":
                    wanted = [int(text) for text in texts]
                elif column.key.startswith("flag:"):
                    wanted = [text == run.layout.yes for text in texts]
                else:
                    wanted = texts
                assert values == wanted, (name, column.title)


def test_logs_come_back_byte_for_byte(runs: dict[str, PublishedRun], published: Path) -> None:
    for name, run in runs.items():
        content = (published / f"{name}_log.txt").read_bytes()
        (source,) = [source for source in run.sources if source.role == "log"]
        assert run.log.text(source.line_end, ended=source.ended).encode() == content, name
        assert not source.ended


def test_six_sets_of_keys(runs: dict[str, PublishedRun]) -> None:
    sets = {tuple(name.strip() for name, _ in run.log.fields) for run in runs.values()}
    assert len(sets) >= 5
    for keys in sets:
        assert {"Date Reduced", "Instrument", "File Type", "Target", "Comments"} <= set(keys)
        assert set(keys) <= set(KNOWN_KEYS)


# The forms of the command, each with its values by hand


def test_a_log_without_a_command(runs: dict[str, PublishedRun]) -> None:
    log = runs["run1"].log
    command = log.command
    assert command.form == "none"
    assert (command.radii, command.pixel_size, command.aperture_correction) == (None, None, None)
    assert (command.channel, command.position, command.rejection) == (None, None, None)
    assert (log.channel, log.radii, log.value("Mission")) == (1, None, "Cryogenic")
    # Told in words, under Issues.
    assert log.problem_aors == (24960256, 24960512, 25127680, 25127936, 27150336, 27150592)


def test_fourteen_parts(runs: dict[str, PublishedRun]) -> None:
    log = runs["run9"].log
    command = log.command
    assert command.form == "14 parts"
    assert command.paths == ("/data1/phot_cal/spitzer/hd165459/cryo/r*/",)
    assert (command.kind, command.channel, command.mission) == ("bcd", 2, "Cryogenic")
    assert command.radii == log.radii == (10.0, 12.0, 20.0)
    assert (command.aperture_correction, command.pixel_size) == (1.0, 1.213)
    assert command.position == pytest.approx(HD_165459, abs=1e-12)
    assert command.run_name == "9"
    assert command.rejection is None
    assert (
        command.comment == "Updating the channel 2 runs. Used proper pixel size and correct files."
    )
    assert log.problem_aors == (20412416,)


def test_thirteen_parts_with_a_list(runs: dict[str, PublishedRun]) -> None:
    log = runs["run18"].log
    command = log.command
    assert (command.form, command.target_format) == ("13 parts", "multiple deg")
    assert (command.paths, command.coordinates) == (("ngc2506_skyCrd.csv",), None)
    assert command.radii == log.radii == (3.0, 3.0, 7.0)
    assert (command.channel, command.aperture_correction, command.pixel_size) == (1, 1.125, 1.221)
    assert command.comment is not None
    assert command.comment.startswith("NGC 2420 cluster stars. Used a radius combination of (3,3,7")
    assert log.problem_aors == (17133824, 17133824)


def test_thirteen_parts_with_one_position(runs: dict[str, PublishedRun]) -> None:
    command = runs["run14"].log.command
    assert command.target_format == "single hms"
    assert command.paths == ("/data1/phot_cal/spitzer/hd165459/cryo/r11638016",)
    assert command.position == pytest.approx(HD_165459, abs=1e-12)
    assert runs["run14"].log.problem_aors == ()


def test_a_dict_with_sigma_and_one_with_outlier(runs: dict[str, PublishedRun]) -> None:
    first, second = runs["mk_test1"].log.command, runs["ngc2506_ch2"].log.command
    assert (first.form, first.rejection, first.kind) == ("dict", True, "sub2d")
    assert (first.radii, first.aperture_correction) == ((2.0, 2.0, 6.0), 1.215)
    assert (first.channel, first.pixel_size, first.run_name) == (1, 1.221, "22")
    assert first.paths == ("aorcrd_files/michaela_skyCrd.csv",)
    assert first.position is None
    assert (second.rejection, second.channel, second.pixel_size) == (True, 2, 1.213)
    assert (second.aperture_correction, second.radii) == (1.12, (3.0, 3.0, 7.0))
    assert len(runs["mk_test1"].log.problem_aors) > 580
    one = runs["run20"].log.command
    assert one.position == pytest.approx(HD_165459, abs=1e-12)


def test_a_shell_line(runs: dict[str, PublishedRun]) -> None:
    command = runs["upperSco_final"].log.command
    assert (command.form, command.target_format) == ("shell", "multiple deg")
    assert command.paths == ("aorcrd_files/upperSco_skyCrd.csv",)
    assert (command.kind, command.radii) == ("sub2d", (5.0, 5.0, 10.0))
    assert (command.aperture_correction, command.channel, command.pixel_size) == (1.06, 2, 1.213)
    assert (command.rejection, command.run_name) == (True, "upperSco_final")
    assert runs["hd_warm_final"].log.command.position == pytest.approx(HD_165459, abs=1e-12)


def test_quotes_in_a_shell_line_are_not_escaped() -> None:
    command = parse_command(
        "python Pipeline.py 'single_deg' '/data/r*' '270.5 -58.25' -f 'bcd' -r 3 3 7 -a 1.125 "
        "-cp 1 1.221 -rn 'it' -t 'michaela's stars' -c 'that's -o one -f of 'them''"
    )
    assert command.position == (270.5, -58.25)
    assert command.rejection is False
    assert command.comment == "that's -o one -f of 'them'"
    assert command.kind == "bcd"


def test_a_comment_of_several_lines_is_one_field() -> None:
    text = (
        "Date Reduced : 2018-09-21\nInstrument : IRAC Channel 1\nFile Type : BCD\nTarget : X\n"
        "Comments : one\ntwo\n  Channel: three"
    )
    log = parse_log(text, "x_log.txt")
    assert log.value("Comments") == "one\ntwo\n  Channel: three"
    assert log.text("\n", ended=False) == text


# Cells that a value alone would not bring back


def test_odd_cells_are_kept_as_printed(published: Path, tmp_path: Path) -> None:
    copy_run(published, tmp_path, "run1")
    path = tmp_path / "run1_img_data.csv"
    change(path, set_cell(2, 5, "130.50"))
    change(path, set_cell(2, 6, "-0.0"))
    change(path, set_cell(2, 7, "1e2"))
    run = read_run("run1", find_runs(path)["run1"])
    assert [run.img.column(key)[0] for key in ("x", "y", "fwhm_x")] == [130.5, 0.0, 100.0]
    assert math.copysign(1, run.img.column("y")[0]) == 1
    assert run.img.cells == {(1, "Xc"): "130.50", (1, "Yc"): "-0.0", (1, "Fx"): "1e2"}


def test_cells_as_printed_write_the_table_again(
    runs: dict[str, PublishedRun], published: Path
) -> None:
    for name in ("run18", "mk_test1", "run22"):
        run = runs[name]
        letters = {True: run.layout.yes, False: run.layout.no}
        columns = [
            [letters[value] for value in run.img.column(c.key)]
            if c.key.startswith("flag:")
            else run.img.column(c.key)
            for c in run.img.columns
        ]
        rows = list(zip(*columns, strict=True))
        text = csv_text(LAYOUTS[run.layout.name].img, rows, run.img.cells)
        assert text == (published / f"{name}_img_data.csv").read_text()
        rows = list(zip(*(run.aor.column(c.key) for c in run.aor.columns), strict=True))
        text = csv_text(LAYOUTS[run.layout.name].aor, rows, run.aor.cells)
        assert text == (published / f"{name}_aor_data.csv").read_text()


def test_missing_texts_and_quoted_coordinates(runs: dict[str, PublishedRun]) -> None:
    assert runs["run1"].aor.column("dither_scale")[0] == MISSING_TEXT
    assert runs["run18"].aor.column("target_text")[1] == "120.009125, -10.77403917"
    assert runs["run14"].aor.column("target_text") == ["270.62808754,  58.627265"]


# What is refused

BAD: dict[str, tuple[str, Callable[[str], str], str]] = {
    "a column missing": (
        "img_data.csv", lambda s: s.replace(",Res_Flux\n", "\n", 1), "line 1: lacks Res_Flux",
    ),
    "a column added": (
        "aor_data.csv", lambda s: s.replace("\n", ",More\n", 1), "aor_data.csv, line 1.*'More'",
    ),
    "a column renamed": (
        "img_data.csv", lambda s: s.replace("Xc,", "X centre,", 1),
        "img_data.csv, line 1.*lacks Xc.*'X centre'",
    ),
    "columns exchanged": (
        "img_data.csv", lambda s: s.replace("Xc,Yc", "Yc,Xc", 1), "line 1.*another order",
    ),
    "a row too short": (
        "img_data.csv", lambda s: s.replace("\n2,X,", "\n2,", 1),
        "img_data.csv, line 3: 12 cells, not 13",
    ),
    "a row too long": ("aor_data.csv", lambda s: s.replace(",NO,", ",NO,NO,", 1),
                       "aor_data.csv, line 2: 12 cells, not 11"),
    "an empty line": ("img_data.csv", lambda s: s.replace("\n2,", "\n\n2,", 1), "line 3: "),
    "no number": ("img_data.csv", set_cell(4, 5, "12..5"), "img_data.csv, line 4: Xc is '12..5'"),
    "an infinite number": ("img_data.csv", set_cell(4, 6, "inf"), "line 4: Yc is 'inf'"),
    "a number with blanks": ("img_data.csv", set_cell(4, 6, " 1.5"), "line 4: Yc is ' 1.5'"),
    "a number with _": ("img_data.csv", set_cell(2, 5, "1_3.5"), "line 2: Xc is '1_3.5'"),
    "a whole number with _": ("img_data.csv", set_cell(2, 0, "1_0"), "line 2: File# is '1_0'"),
    "no whole number": ("aor_data.csv", set_cell(3, 0, "11638272.0"), "line 3: AORKEY is"),
    "a number too large": ("aor_data.csv", set_cell(3, 0, "9" * 20), "line 3: AORKEY is"),
    "a flag of another layout": (
        "img_data.csv", set_cell(9, 2, "Y"), "line 9: Centroiding Issue is 'Y': not X or O",
    ),
    "no dither position": ("aor_data.csv", set_cell(5, 4, "four"), "line 5: DPosition is 'four'"),
    "a dither position that would be lost": (
        "aor_data.csv", set_cell(5, 4, "04"), "line 5: DPosition is '04'",
    ),
    "neither YES nor NO": ("aor_data.csv", set_cell(5, 2, "yes"), "line 5: Cycling DPattern"),
    "quotes that would be lost": (
        "aor_data.csv", lambda s: s.replace(",NO,", ',"NO",', 1), "line 2: quotes",
    ),
    "an unknown key": (
        "log.txt", lambda s: s.replace("File Type", "File Kind"), "log.txt, line 4: 'File Kind",
    ),
    "a key twice": (
        "log.txt", lambda s: s.replace("Mission ", "Target "), "log.txt, line 6: Target .*twice",
    ),
    "a key missing": (
        "log.txt", lambda s: s.replace("File Type    : BCD \n", ""), "no line File Type",
    ),
    "no such channel": (
        "log.txt", lambda s: s.replace("Channel 1", "Channel 5"), "log.txt.*Channel 5",
    ),
    "a command of no form": (
        "log.txt", lambda s: s.replace(";10;12;20;", ";10;12;"), "log.txt.*command",
    ),
    "mixed line ends": ("img_data.csv", lambda s: s.replace("\n", "\r\n", 2), "mixes line ends"),
    "no rows": ("aor_data.csv", lambda s: s.split("\n")[0] + "\n", "line 1: no rows"),
}  # fmt: skip


@pytest.mark.parametrize("fault", BAD)
def test_bad_input_is_refused_with_file_and_line(
    fault: str, published: Path, tmp_path: Path
) -> None:
    ending, edit, said = BAD[fault]
    copy_run(published, tmp_path, "run5")
    change(tmp_path / f"run5_{ending}", edit)
    with pytest.raises(InputRefused, match=said):
        read_run("run5", find_runs(tmp_path)["run5"])


@pytest.mark.parametrize("ending", ["aor_data.csv", "img_data.csv", "log.txt"])
def test_a_file_missing_empty_or_not_text(ending: str, published: Path, tmp_path: Path) -> None:
    copy_run(published, tmp_path, "run5")
    path = tmp_path / f"run5_{ending}"
    path.write_bytes(b"")
    with pytest.raises(InputRefused, match=f"run5_{ending} is empty"):
        read_run("run5", find_runs(tmp_path)["run5"])
    path.write_bytes(b"\xff\xfe\x00a")
    with pytest.raises(InputRefused, match=f"run5_{ending} is not text"):
        read_run("run5", find_runs(tmp_path)["run5"])
    path.unlink()
    with pytest.raises(InputRefused, match=f"stands alone: there is no run5_{ending}"):
        read_run("run5", find_runs(tmp_path)["run5"])


def test_a_folder_without_runs(tmp_path: Path) -> None:
    with pytest.raises(InputRefused, match="no runs in"):
        find_runs(tmp_path)
    with pytest.raises(InputRefused, match="no file or folder"):
        find_runs(tmp_path / "nowhere")


def test_nothing_is_half_imported(published: Path, tmp_path: Path) -> None:
    folder = tmp_path / "runs"
    for name in ("run14", "run5", "run18"):
        copy_run(published, folder, name)
    # The last in order is bad: those before it must not stay.
    change(folder / "run5_img_data.csv", set_cell(2000, 5, "bad"))
    location = database_url(tmp_path / "catalogue.sqlite")
    database = open_database(location, create=True)
    try:
        before = dump(database)
        with pytest.raises(InputRefused, match=r"run5_img_data.csv, line 2000: Xc is 'bad'"):
            import_runs(database, folder)
        assert dump(database) == before
        report = import_runs(database, folder, keep_going=True)
        assert [run.name for run in report.imported] == ["run14", "run18"]
        ((name, why),) = report.refused
        assert (name, "line 2000" in why) == ("run5", True)
        assert {row[3] for row in dump(database)["run"]} & {"run5"} == set()
    finally:
        database.close()


@pytest.mark.parametrize("other", ["run9", "run3"])
def test_two_tables_that_cannot_belong_together(
    other: str, published: Path, tmp_path: Path
) -> None:
    copy_run(published, tmp_path / "runs", "run5")
    content = (published / f"{other}_img_data.csv").read_bytes()
    (tmp_path / "runs" / "run5_img_data.csv").write_bytes(content)
    database = open_database(database_url(tmp_path / "catalogue.sqlite"), create=True)
    try:
        before = dump(database)
        with pytest.raises(InputRefused, match="cannot belong together"):
            import_runs(database, tmp_path / "runs")
        assert dump(database) == before
    finally:
        database.close()


def test_exit_status_and_keep_going(published: Path, tmp_path: Path) -> None:
    for name in ("run14", "run18"):
        copy_run(published, tmp_path / "runs", name)
    (tmp_path / "runs" / "run18_log.txt").unlink()
    where = ("--db", "catalogue.sqlite")
    refused = iracdb("import", "runs", *where, cwd=tmp_path)
    assert refused.returncode == 3
    assert "run18_log.txt" in refused.stderr
    assert iracdb("runs", *where, cwd=tmp_path).stdout == ""
    going = iracdb("import", "runs", "--keep-going", *where, cwd=tmp_path)
    assert going.returncode == 3
    assert "1 run imported, 10 images" in going.stdout
    assert "refused run18: run18_aor_data.csv stands alone" in going.stderr
    again = iracdb("import", "runs", "--keep-going", *where, cwd=tmp_path)
    assert "1 run held already" in again.stdout


def test_carriage_returns_and_a_missing_last_line_end(published: Path, tmp_path: Path) -> None:
    copy_run(published, tmp_path, "run18")
    for ending in ("aor_data.csv", "img_data.csv", "log.txt"):
        path = tmp_path / f"run18_{ending}"
        content = path.read_bytes().replace(b"\n", b"\r\n")
        path.write_bytes(content.removesuffix(b"\r\n"))
    run = read_run("run18", find_runs(tmp_path)["run18"])
    assert {(source.line_end, source.ended) for source in run.sources} == {("\r\n", False)}
    assert len(run.img) == 1152


# Numbers read at once


def doubtful_rows(texts: list[str]) -> set[int]:
    """Read a column of floats; what is not in doubt must be what Python reads and prints."""
    values, doubtful = read_floats(Grid.of_cells(texts, 1), 0)
    in_doubt = set(doubtful.tolist())
    for row, (text, value) in enumerate(zip(texts, values.tolist(), strict=True)):
        if row not in in_doubt:
            assert repr(value) == repr(float(text)) == text
    return in_doubt


DIGITS = st.text("0123456789", min_size=1, max_size=19)


@given(
    st.lists(
        st.one_of(
            st.floats(allow_infinity=True, allow_nan=True).map(repr),
            st.floats(1e-4, 1e16).map(repr),
            st.floats(0.5, 300).map(lambda x: f"{x:.17g}"),
            st.floats(0.5, 30000).map(lambda x: f"{x:.16g}"),
            st.builds(lambda x, digit: repr(x)[:-1] + digit, st.floats(1, 1e5), DIGITS),
            st.builds(lambda a, b, sign: f"{sign}{a}.{b}", DIGITS, DIGITS, st.sampled_from("-+ ")),
            st.text("0123456789.-+e n_a", max_size=22),
            st.integers(-60, 60).map(lambda n: repr(2.0**n)),
            st.integers(-3, 15).map(lambda n: repr(math.nextafter(10.0**n, 0))),
            st.integers(-3, 15).map(lambda n: repr(math.nextafter(10.0**n, math.inf))),
            st.integers(0, 2**60).map(lambda n: f"{n}.0"),
        ),
        min_size=1,
        max_size=60,
    )
)
@settings(max_examples=400, deadline=None)
@example(["..."])
@example(["1..2", "3.5"])
@example(["."])
def test_what_is_not_in_doubt_prints_the_same(texts: list[str]) -> None:
    doubtful_rows(texts)


def test_few_numbers_are_in_doubt() -> None:
    random = Random(20180921)
    texts = [repr(random.uniform(low, high))
             for low, high in ((0.5, 3), (100, 200), (1e3, 1e5), (53000, 58000))
             for _ in range(2000)]  # fmt: skip
    assert len(doubtful_rows([*texts, "nan", "0.0", "5.0", "0.1", "-12.25"])) < len(texts) / 100


@given(st.lists(st.one_of(st.integers().map(str), st.text("0123456789-+ _n", max_size=21)),
                min_size=1))  # fmt: skip
def test_whole_numbers_not_in_doubt_print_the_same(texts: list[str]) -> None:
    values, doubtful = read_integers(Grid.of_cells(texts, 1), 0)
    in_doubt = set(doubtful.tolist())
    for row, (text, value) in enumerate(zip(texts, values.tolist(), strict=True)):
        if row not in in_doubt:
            assert text == str(value)
    assert not doubtful_of(range(-1000, 1000))


def doubtful_of(numbers: range) -> list[int]:
    return read_integers(Grid.of_cells([str(n) for n in numbers], 1), 0)[1].tolist()


def test_a_grid_gives_back_its_cells() -> None:
    lines = ["1,é,", "22,,x", ",long,3"]
    grid = Grid.of_lines("\n".join(lines), 3)
    assert len(grid) == 3
    for place in range(3):
        texts = [line.split(",")[place] for line in lines]
        assert grid.texts(place) == texts
        assert [grid.text(row, place) for row in range(3)] == texts
    assert grid.letters(2).tolist() == [0, ord("x"), ord("3")]
    for uneven in ("1,2\n3", "1\n2,3", "1,2,3\n4", ""):
        with pytest.raises(ValueError, match="not every row has 2 cells"):
            Grid.of_lines(uneven, 2)
