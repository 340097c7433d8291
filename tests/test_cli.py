"""The command line: what it prints, where, and with which exit status it ends."""

from __future__ import annotations

import contextlib
import csv
import io
import json
import os
import pty
import shutil
import signal
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from helpers import facts, iracdb, many_files, places, put, spec
from iracdb_cli.main import cli, main
from published_helpers import copy_run

from iracdb.catalogue.database import open_database
from iracdb.catalogue.urls import database_url
from iracdb.errors import EXIT_STATUSES

OUT = "Reduction_Data_&_Logs"
RUN_13 = ("--run-id", "13", "--channel", "2", "--radius", "3", "3", "7")


def reject_constant(name: str) -> None:
    raise AssertionError(f"{name} is no JSON")


def parse_json(text: str):
    return json.loads(text, parse_constant=reject_constant)


def without_times(listed: object) -> object:
    if isinstance(listed, list):
        return [without_times(row) for row in listed]
    if isinstance(listed, dict):
        return {k: without_times(v) for k, v in listed.items() if not k.endswith("ed_at")}
    return listed


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory, reference: Path) -> Path:
    """A folder in which the real archive was ingested and run 13 was made, as a user does."""
    folder = tmp_path_factory.mktemp("home")
    printed = io.StringIO()
    with contextlib.chdir(folder), contextlib.redirect_stdout(printed), _no_variable():
        assert main(["ingest", str(reference / "archive")]) == 0
        assert main(["run", *RUN_13]) == 0
    return folder


@contextlib.contextmanager
def _no_variable() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("IRACDB_DATABASE_URL", raising=False)
        yield


@pytest.fixture(autouse=True)
def no_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("IRACDB_DATABASE_URL", raising=False)


@pytest.fixture
def home(made: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The same folder, to look into."""
    monkeypatch.chdir(made)
    return made


@pytest.fixture
def own(made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the catalogue, to write into."""
    source = sqlite3.connect(made / "iracdb.sqlite")
    target = sqlite3.connect(tmp_path / "iracdb.sqlite")
    source.backup(target)
    source.close()
    target.close()
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def empty(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder, with a small archive beside it."""
    put(tmp_path / "data", spec())
    folder = tmp_path / "here"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


class Said:
    """Carries a command out, and gives what was printed."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self._capsys = capsys

    def __call__(self, *arguments: object, status: int = 0) -> tuple[str, str]:
        self._capsys.readouterr()
        assert main(list(map(str, arguments))) == status
        printed = self._capsys.readouterr()
        assert "\x1b" not in printed.out + printed.err
        return printed.out, printed.err

    def refused(self, *arguments: object, status: int) -> str:
        """Carry out a command that is refused: one line on stderr, nothing on stdout."""
        out, err = self(*arguments, status=status)
        assert out == ""
        assert err.startswith("iracdb: ")
        assert err.endswith("\n")
        assert err.count("\n") == 1
        assert "Traceback" not in err
        return err.removeprefix("iracdb: ").removesuffix("\n")


@pytest.fixture
def said(capsys: pytest.CaptureFixture[str]) -> Said:
    return Said(capsys)


# --- What a user does ----------------------------------------------------------------------------


def test_ingest_again(home: Path, said: Said, reference: Path):
    out, err = said("ingest", reference / "archive")
    assert out == "130 FITS files found, 130 unchanged\nNothing new\n"
    assert err == ""


def test_ingest_as_json(home: Path, said: Said, reference: Path):
    out, err = said("ingest", reference / "archive", "--json")
    summary = parse_json(out)
    assert (summary["found"], summary["unchanged"], summary["new"]) == (130, 130, 0)
    assert (summary["files"], err) == ([], "")


def test_status(home: Path, said: Said):
    out, _ = said("status")
    lines = [line.split() for line in out.splitlines()]
    assert ["24649984", "4", "HD", "209458", "SUB", "12", "bcd", "12"] in lines
    assert "5 AORs, 43 frames, 130 files (20.5 MB), 1 run" in out
    summary = parse_json(said("status", "--json")[0])
    assert summary["totals"]["files"] == 130
    assert sum(row["files"] for row in summary["holdings"]) == 130


@pytest.mark.parametrize(
    ("command", "rows"),
    [
        (["status"], 16),
        (["aors"], 5),
        (["aors", "--channel", "2"], 3),
        (["frames"], 43),
        (["frames", "--aor", "38703360"], 12),
        (["frames", "--channel", "4", "--limit", "3"], 3),
        (["files"], 130),
        (["files", "--kind", "bcd"], 38),
        (["files", "--aor", "42789888", "--channel", "2"], 26),
        (["files", "--kind", "nosuch"], 0),
        (["problems"], 0),
        (["problems", "--all"], 0),
        (["runs"], 1),
        (["sql", "SELECT * FROM run13_img_data"], 23),
        (["sql", "SELECT * FROM run13_aor_data"], 3),
    ],
)
def test_every_listing_as_csv_and_json(home: Path, said: Said, command: list[str], rows: int):
    out, err = said(*command, "--csv")
    assert err == ""
    titles, *cells = list(csv.reader(io.StringIO(out)))
    assert [len(row) for row in cells] == [len(titles)] * rows
    found = parse_json(said(*command, "--json")[0])
    found = found["holdings"] if command == ["status"] else found
    assert len(found) == rows
    for record, row in zip(found, cells, strict=True):
        assert list(record) == titles
        for value, cell in zip(record.values(), row, strict=True):
            assert value is None or isinstance(value, float | bool) or str(value) == cell
    said(*command)


def test_floats_are_printed_in_full(home: Path, said: Said):
    query = 'SELECT "Flux (mJy)" FROM run13_aor_data WHERE "AORKEY" = 46466816'
    [record] = parse_json(said("sql", query, "--json")[0])
    text = said("sql", query, "--csv")[0].splitlines()[1]
    rows = csv.DictReader(io.StringIO((home / OUT / "run13_aor_data.csv").read_text()))
    [row] = [row for row in rows if row["AORKEY"] == "46466816"]
    assert text == row["Flux (mJy)"] == repr(record["Flux (mJy)"])


def test_the_query_of_the_transcript(home: Path, said: Said):
    out, err = said("sql", 'SELECT "AORKEY", "Flux (mJy)", "Spread (%)" FROM run13_aor_data '
                    "ORDER BY 1")  # fmt: skip
    assert out.split()[:5] == ["AORKEY", "Flux", "(mJy)", "Spread", "(%)"]
    assert [line.split()[0] for line in out.splitlines()[2:]] == [
        "38703360", "42789888", "46466816",
    ]  # fmt: skip
    assert err == ""


def test_runs_and_show(home: Path, said: Said):
    out, _ = said("runs")
    assert "13   run13   finished   manual" in out
    for which in ("13", "run13", "RUN13"):
        out, _ = said("show", which)
        assert "Problem AOR 42789888: no bcd file of channel 2" in out
    found = parse_json(said("show", "13", "--json")[0])
    assert (found["run_id"], len(found["averages"])) == (13, 3)


def test_the_files_of_the_run(home: Path):
    names = sorted(path.name for path in (home / OUT).iterdir())
    assert names == ["run13_aor_data.csv", "run13_img_data.csv", "run13_log.txt"]


def test_export_prints_what_it_wrote(home: Path, said: Said, tmp_path: Path):
    out, err = said("export", "13", "--out", tmp_path / "tables", "--format", "csv",
                    "--format", "ecsv", "--format", "votable")  # fmt: skip
    assert err == ""
    written = [Path(line) for line in out.splitlines()]
    assert sorted(written) == sorted((tmp_path / "tables").iterdir())
    assert len(written) == 7
    for path in written[:2]:
        assert path.read_bytes() == (home / OUT / path.name).read_bytes()


def test_header(home: Path, reference: Path, capfdbinary: pytest.CaptureFixture[bytes]):
    path = next((reference / "archive").rglob("SPITZER_I1_48765440_*_bcd.fits"))
    content = path.read_bytes()
    for which in (path, path.name, os.path.relpath(path, home)):
        assert main(["header", "--raw", str(which)]) == 0
        raw = capfdbinary.readouterr().out
        assert content.startswith(raw)
        assert len(raw) % 2880 == 0
        assert main(["header", str(which)]) == 0
        lines = capfdbinary.readouterr().out.split(b"\n")
        assert lines.pop() == b""
        assert {len(line) for line in lines} == {80}
        assert b"".join(lines).ljust(len(raw)) == raw


@pytest.mark.parametrize(
    ("channel", "radius", "problem"),
    [
        ("1", (), "Problem AOR 48765440: no usable image of 3: 3 not in the field"),
        ("4", ("--radius", "3", "3", "7"), None),
    ],
)
def test_the_other_channels(own: Path, said: Said, channel: str, radius: tuple, problem):
    out, err = said("run", "--channel", channel, *radius)
    assert "Run 14 (run14) is finished: 1 AOR" in out
    assert (problem or "Run 14") in out
    assert "This makes run 14 (run14)" in err
    assert "wrote" in err


def test_a_run_without_a_channel_names_those_there_are(own: Path, said: Said):
    assert said.refused("run", status=2) == (
        "There are frames of channels 1, 2, 4: name one with --channel"
    )


def test_a_dry_run_does_nothing(home: Path, said: Said):
    before = (home / "iracdb.sqlite").read_bytes(), sorted(home.rglob("*"))
    out, _ = said("run", "--channel", "2", "--radius", "3", "3", "7", "--dry-run")
    assert "A dry run: 3 AORs, 23 frames and 3 averages would be made; nothing was done" in out
    assert "42789888" in out
    plan = parse_json(said("run", "--channel", "2", "--radius", "3", "3", "7", "--dry-run",
                           "--json")[0])  # fmt: skip
    assert plan["parameters"]["aperture_correction"] == 1.12
    assert ((home / "iracdb.sqlite").read_bytes(), sorted(home.rglob("*"))) == before


# --- Where things are printed --------------------------------------------------------------------


def test_what_becomes_of_files_is_told_on_both_streams(empty: Path, said: Said):
    bad = put(empty.parent / "data", spec(expid=3), content=b"")
    out, err = said("ingest", empty.parent / "data")
    assert out.splitlines() == [
        "2 FITS files found, 0 unchanged",
        "  new                        1 (1 new frame, AOR 90000000)",
        "  set aside                  1",
    ]
    assert err == f"    {bad}: it is empty\n"
    out, err = said("problems")
    assert out.splitlines()[-1].split(maxsplit=2) == [str(bad), "file-empty", "it is empty"]


def test_empty_listings_say_so_beside_the_data(empty: Path, said: Said):
    said("init")
    assert said("runs") == ("", "There are no runs yet: make one with 'iracdb run'\n")
    assert said("problems") == ("", "No file is set aside\n")
    for command in ("aors", "frames", "files", "runs", "problems"):
        assert parse_json(said(command, "--json")[0]) == []


def test_a_limit_is_told_beside_the_data(home: Path, said: Said):
    out, err = said("sql", "SELECT aorkey FROM aor ORDER BY 1", "--csv", "--limit", "2")
    assert out == "aorkey\n24649984\n38703360\n"
    assert err == "Only the first 2 rows are shown (--limit)\n"


def test_a_progress_bar_on_a_terminal_only(empty: Path):
    many_files(empty.parent / "many", 30)
    plain = iracdb("--db", "a.sqlite", "ingest", empty.parent / "many", cwd=empty)
    assert (plain.returncode, plain.stderr) == (0, "")
    terminal, stderr = pty.openpty()
    drawn = b""

    def read_terminal() -> None:
        nonlocal drawn
        with contextlib.suppress(OSError):  # a terminal's end is an error
            while more := os.read(terminal, 65536):
                drawn += more

    # Meanwhile: a slow machine draws more than a terminal holds for whoever does not read.
    reader = threading.Thread(target=read_terminal)
    reader.start()
    to_terminal = f"import os; os.dup2(os.open({os.ttyname(stderr)!r}, os.O_WRONLY), 2)"
    shown = iracdb("--db", "b.sqlite", "ingest", empty.parent / "many", cwd=empty,
                   before=to_terminal)  # fmt: skip
    os.close(stderr)
    reader.join()
    os.close(terminal)
    assert b"Reading" in drawn
    assert b"30/30" in drawn
    assert shown.stdout == plain.stdout


# --- Which database ------------------------------------------------------------------------------


def test_the_database_before_and_after_the_command(made: Path, empty: Path, said: Said):
    there = made / "iracdb.sqlite"
    for arguments in (
        ["--db", there, "aors", "--csv"],
        ["aors", "--db", there, "--csv"],
        ["--db", "nowhere.sqlite", "aors", "--db", there, "--csv"],
        [f"--db={there}", "aors", "--csv"],
    ):
        assert len(said(*arguments)[0].splitlines()) == 6
    assert said("--db", there, "db", "current") == said("db", "current", "--db", there)
    assert list(empty.iterdir()) == []


def test_the_database_of_the_environment(
    made: Path, empty: Path, said: Said, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("IRACDB_DATABASE_URL", str(made / "iracdb.sqlite"))
    assert len(said("aors", "--csv")[0].splitlines()) == 6
    assert "There is no catalogue" in said.refused("aors", "--db", "other.sqlite", status=4)
    assert list(empty.iterdir()) == []


def test_postgresql(postgres_url: str, empty: Path, said: Said):
    put(empty.parent / "data", spec(expid=1, mjd=56001.0))
    said("ingest", empty.parent / "data", "--db", postgres_url)
    out, _ = said("--db", postgres_url, "run", "--kind", "sub2d", "--radius", "3", "3", "7")
    assert "Run 1 (run1) is finished: 1 AOR, 2 images, 2 workable" in out
    for command in ("status", "aors", "frames", "files", "problems", "runs"):
        said(command, "--db", postgres_url)
        said(command, "--db", postgres_url, "--csv")
    assert not (empty / "iracdb.sqlite").exists()
    said("ingest", empty.parent / "data")
    said("run", "--kind", "sub2d", "--radius", "3", "3", "7", "--no-tables")
    for command in ("status", "aors", "frames", "files", "problems", "runs"):
        here, there = (
            parse_json(said(command, "--json", *db)[0]) for db in ((), ("--db", postgres_url))
        )
        # A sum of integers is a decimal number to PostgreSQL, which JSON would show as a text.
        assert without_times(here) == without_times(there), command


READING = [
    ["status"], ["aors"], ["frames"], ["files"], ["problems"], ["header", "x"], ["runs"],
    ["show", "1"], ["export", "1"], ["sql", "SELECT 1"], ["run"], ["run", "--dry-run"],
    ["db", "current"],
]  # fmt: skip


@pytest.mark.parametrize("command", READING, ids=" ".join)
def test_a_command_that_reads_makes_no_database(empty: Path, said: Said, command: list[str]):
    assert said.refused(*command, status=4) == (
        f"There is no catalogue at {empty / 'iracdb.sqlite'}: make one with 'iracdb init' or "
        "'iracdb ingest', or name another with --db"
    )
    assert list(empty.iterdir()) == []


def test_a_database_that_is_not_ours(empty: Path, said: Said):
    (empty / "text.sqlite").write_text("hello, this is no database at all" * 100)
    connection = sqlite3.connect(empty / "foreign.sqlite")
    connection.execute("CREATE TABLE x (a)")
    connection.close()
    before = {path: path.read_bytes() for path in empty.iterdir()}
    for name in ("text.sqlite", "foreign.sqlite"):
        for command in (*READING[:-1], ["ingest", empty.parent / "data"], ["db", "upgrade"]):
            message = said.refused(*command, "--db", name, status=4)
            assert message.startswith(f"{empty / name} is not an iracdb catalogue")
    assert {path: path.read_bytes() for path in empty.iterdir()} == before
    assert said("db", "current", "--db", "foreign.sqlite", status=1)[0] == (
        "none: not an iracdb catalogue\n"
    )


@pytest.mark.parametrize(
    ("location", "status", "message"),
    [
        ("postgresql://nobody@127.0.0.1:1/x", 4, "Cannot reach postgresql"),
        ("mysql://x/y", 2, "mysql is not supported"),
        ("no/such/folder/x.sqlite", 4, "There is no"),
        (".", 4, "is a folder, not a catalogue"),
    ],
)
def test_a_database_that_cannot_be(empty: Path, said: Said, location, status, message):
    assert message in said.refused("aors", "--db", location, status=status)
    assert message in said.refused("ingest", "--db", location, empty.parent / "data",
                                   status=status)  # fmt: skip
    assert list(empty.iterdir()) == []


# --- What is refused -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "status", "message"),
    [
        (["--run-id", "0"], 2, "A run's number is a positive integer up to 2147483647, not 0"),
        (["--run-id", "-1"], 2, "A run's number is a positive integer up to 2147483647, not -1"),
        (["--run-id", "99999999999"], 2,
         "A run's number is a positive integer up to 2147483647, not 99999999999"),
        (["--run-id", "abc"], 2, "'abc' is not a valid integer"),
        (["--run-id", "1.5"], 2, "'1.5' is not a valid integer"),
        (["--name", "9lives"], 2, "'9lives' is no name for a run"),
        (["--name", "run"], 2, "'run' is no name for a run"),
        (["--name", "RUN"], 2, "'RUN' is no name for a run"),
        (["--name", "a b"], 2, "'a b' is no name for a run"),
        (["--name", "a" * 49], 2, "is no name for a run"),
        (["--name", ""], 2, "'' is no name for a run"),
        (["--name", 'x"; DROP TABLE run; --'], 2, "is no name for a run"),
        (["--name", "sternü"], 2, "is no name for a run"),
        (["--name", "run7", "--run-id", "8"], 2,
         "The name run7 owns number 7: it cannot be run 8"),
        (["--radius", "3", "7", "3"], 2, "Radii must grow: 3 7 3"),
        (["--radius", "3", "7", "7"], 2, "Radii must grow: 3 7 7"),
        (["--radius", "7", "3", "9"], 2, "Radii must grow: 7 3 9"),
        (["--radius", "0", "3", "7"], 2, "Radii must grow: 0 3 7"),
        (["--radius", "-3", "3", "7"], 2, "Radii must grow: -3 3 7"),
        (["--radius", "nan", "3", "7"], 2, "Radii must grow: nan 3 7"),
        (["--radius", "3", "3", "nan"], 2, "Radii must grow: 3 3 nan"),
        (["--radius", "3", "3", "inf"], 2, "Radii must grow"),
        (["--radius", "3", "4", "7"], 2, "no aperture correction for radii 3 4 7"),
        (["--radius", "x", "4", "7"], 2, "'x' is not a valid float"),
        (["--radius", "10", "12", "20"], 3, "cannot fit the 32 x 32 array"),
        (["--channel", "5"], 2, "5 is not in the range"),
        (["--channel", "3"], 3, "There is no bcd file of channel 3"),
        (["--aor", "99999999999999999999999"], 3, "is not in this catalogue"),
        (["--aor", "5"], 3, "AOR 5 is not in this catalogue"),
        (["--kind", "bunc"], 2, "'bunc' is not one of"),
        (["--recipe", "nosuch"], 2, "nosuch"),
        (["--rejection", "sigma:x"], 2, "sigma:x"),
        (["--rejection", "sigma:-1"], 2, "sigma:-1"),
        (["--aperture-correction", "0"], 2, "must be from 0.01 to 100, not 0"),
        (["--aperture-correction", "nan"], 2, "must be from 0.01 to 100, not nan"),
        (["--pixel-size", "-1"], 2, "must be from 0.01 to 100, not -1"),
        (["--jobs", "0"], 2, "0 is not in the range"),
        (["--coord", "foo"], 3, "'foo' is no position on the sky: give"),
        (["--coord", ""], 3, "is no position on the sky: give"),
        (["--coord", "400 10"], 3, "right ascension is 0 to 360 degrees"),
        (["--coord", "10 91"], 3, "declination -90 to +90"),
        (["--coord", "nan nan"], 3, "is no position on the sky"),
        (["--coord", "18 02 60 +58 37 38"], 3, "18 02 60 are no hours, minutes, seconds"),
        (["--coord", "25 02 30 +58 37 38"], 3, "is no position on the sky"),
        (["--coord", "18 02 30 +58 61 38"], 3, "+58 61 38 are no degrees, minutes, seconds"),
        (["--coord", "1 2 3"], 3, "is no position on the sky"),
        (["--targets", "no.csv"], 3, "The target list no.csv cannot be read: No such file"),
        (["--coord", "1 2", "--targets", "no.csv"], 2, "either one position (coord) or a list"),
        (["--run-id", "13"], 3, "Run 13 (run13) is finished"),
        (["--nosuch"], 2, "--nosuch"),
        (["extra"], 2, "extra"),
    ],
)  # fmt: skip
def test_a_run_that_cannot_be(home: Path, said: Said, arguments, status: int, message: str):
    before = sorted(home.rglob("*"))
    given = arguments if "--channel" in arguments else [*arguments, "--channel", "2"]
    given = given if "--radius" in arguments else [*given, "--radius", "3", "3", "7"]
    assert message in said.refused("run", *given, status=status)
    assert sorted(home.rglob("*")) == before
    assert len(parse_json(said("runs", "--json")[0])) == 1


def test_radii_that_are_not_in_the_table_name_those_that_are(home: Path, said: Said):
    message = said.refused("run", "--channel", "2", "--radius", "3", "4", "7", status=2)
    assert (
        "10 12 20; 8 12 20; 6 12 20; 5 12 20; 5 5 10; 4 12 20; 3 12 20; 3 3 7; 2 12 20; 2 2 6"
        in message
    )
    message = said.refused("run", "--channel", "2", status=3)
    assert message.endswith("Of the manual's, these fit: 5 5 10; 3 3 7; 2 2 6 (--radius)")


def test_a_finished_run_names_the_next_free_number(home: Path, said: Said):
    for given in (RUN_13, ("--name", "run13", *RUN_13[2:]), ("--name", "RUN13", *RUN_13[2:])):
        message = said.refused("run", *given, status=3)
        assert message.endswith("a run is never overwritten. The next free number is 14")


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("r38703360,banana", "Row 3 of list.csv: 'banana' is no position on the sky"),
        ("r38703360", "Row 3 of list.csv has 1 columns, not two"),
        ("r38703360,1 2,3", "Row 3 of list.csv has 3 columns, not two"),
        ("somewhere,22 03 10.8 +18 53 03", "Row 3 of list.csv names no AOR"),
        ("r38703360,22 03 10.8", "Row 3 of list.csv: '22 03 10.8' is no position"),
        ('"r38703360,22', "Row "),
    ],
)
def test_a_list_with_one_bad_row_names_the_row(own: Path, said: Said, row: str, message: str):
    (own / "list.csv").write_text(
        "AOR Filepath,Target Coordinates\nr46466816,04 21 52.7 +57 49 01\n"
        f"{row}\nr38703360,22 03 10.8 +18 53 03\n"
    )
    assert message in said.refused("run", "--targets", "list.csv", "--channel", "2", "--radius",
                                   "3", "3", "7", status=3)  # fmt: skip
    assert len(parse_json(said("runs", "--json")[0])) == 1


@pytest.mark.parametrize("content", [b"", b"AOR Filepath,Target Coordinates\n", b"\xff\xfe\x00"])
def test_a_list_that_is_none(own: Path, said: Said, content: bytes):
    (own / "list.csv").write_bytes(content)
    assert "list.csv" in said.refused("run", "--targets", "list.csv", "--channel", "2", status=3)


def test_aors_of_a_list_that_are_not_ingested_are_problem_aors(own: Path, said: Said):
    (own / "list.csv").write_text(
        "AOR Filepath,Target Coordinates\n"
        "/data/r46466816/,04 21 52.7 +57 49 01\n/data/r12345678,04 21 52.7 +57 49 01\n"
    )
    arguments = ("--targets", "list.csv", "--channel", "2", "--radius", "3", "3", "7", "--json")
    out, _ = said("run", *arguments, "--strict", status=5)
    summary = parse_json(out)
    assert summary["problems"] == [{"aorkey": 12345678, "reason": "not in this catalogue"}]
    assert {row["aorkey"] for row in summary["averages"]} == {12345678, 46466816}
    log = (own / OUT / "run14_log.txt").read_text()
    assert "Problem AORs     : 12345678 \n" in log


@pytest.mark.parametrize(
    ("arguments", "status", "message"),
    [
        (["show", "77"], 3, "There is no run 77"),
        (["show", "nosuch"], 3, "There is no run nosuch"),
        (["export", "0"], 3, "There is no run 0"),
        (["export", "99999999999999999999999"], 3, "There is no run 999"),
        (["export", "13", "--format", "pdf"], 2, "'pdf' is not one of"),
        (["header", "nosuch"], 3, "No file nosuch is held"),
        (["ingest", "no/where"], 3, "There is no file or folder"),
        (["ingest"], 2, "Missing argument"),
        (["sql", "DELETE FROM run"], 3, ""),
        (["sql", "SELECT nosuch FROM run"], 3, "nosuch"),
        (["sql", ""], 3, ""),
        (["files", "--limit", "0"], 2, "0 is not in the range"),
        (["files", "--aor", "x"], 2, "'x' is not a valid integer"),
        (["frames", "--aor", "99999999999999999999999"], 2, "is not in the range"),
        (["files", "--limit", "99999999999999999999999"], 2, "is not in the range"),
        (["sql", "SELECT 1", "--limit", "99999999999999999999999"], 2, "is not in the range"),
        (["sql", "SELECT 1", "--timeout", "nan"], 2, "nan"),
        (["frobnicate"], 2, "No such command 'frobnicate'"),
        (["--nosuch"], 2, "--nosuch"),
        (["db", "frobnicate"], 2, "No such command 'frobnicate'"),
        (["simulate", "."], 6, "it is not empty"),
    ],
)
def test_refused_in_one_line(home: Path, said: Said, arguments, status: int, message: str):
    assert message in said.refused(*arguments, status=status)


def test_what_is_in_the_way_is_not_overwritten(home: Path, said: Said, tmp_path: Path):
    (tmp_path / "run13_img_data.csv").write_text("mine")
    assert "is there already and holds something else" in said.refused(
        "export", "13", "--out", tmp_path, status=6
    )
    assert [path.name for path in tmp_path.iterdir()] == ["run13_img_data.csv"]
    said("export", "13", "--out", tmp_path, "--overwrite")
    assert (tmp_path / "run13_img_data.csv").read_bytes() == (
        home / OUT / "run13_img_data.csv"
    ).read_bytes()
    assert "holds something else" not in said("export", "13", "--out", tmp_path)[1]


def test_a_path_with_a_line_end_in_it_is_still_one_line(empty: Path, said: Said):
    assert said.refused("ingest", "no\nwhere\x1b[31m", status=3).endswith("/no\\x0awhere\\x1b[31m")


def test_debug_shows_the_trace_and_keeps_the_status(home: Path, said: Said):
    for arguments in (["--debug", "show", "77"], ["show", "77", "--debug"]):
        out, err = said(*arguments, status=3)
        assert out == ""
        assert err.startswith("Traceback (most recent call last):")
        assert "NotFound" in err
        assert err.splitlines()[-1].startswith("iracdb: There is no run 77")


# --- Exit statuses -------------------------------------------------------------------------------


def test_the_help_lists_the_exit_statuses(said: Said):
    out, _ = said("--help")
    for status, meaning in EXIT_STATUSES.items():
        assert f"{status:<4}{meaning}" in out
    assert set(EXIT_STATUSES) == {0, 1, 2, 3, 4, 5, 6, 130}


def test_set_aside_and_strict(empty: Path, said: Said):
    put(empty.parent / "data", spec(expid=3), content=b"")
    said("ingest", empty.parent / "data", status=0)
    said("ingest", empty.parent / "data", "--strict", status=5)
    (empty.parent / "data").joinpath("x").mkdir()
    put(empty.parent / "data", spec(expid=3))
    said("ingest", empty.parent / "data", "--strict", status=0)


def commands(group: click.Group = cli, path: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    found = [path]
    for name, command in group.commands.items():
        found += (
            commands(command, (*path, name))
            if isinstance(command, click.Group)
            else [(*path, name)]
        )
    return found


@pytest.mark.parametrize("command", commands(), ids=" ".join)
def test_every_command_has_help(empty: Path, said: Said, command: tuple[str, ...]):
    out, err = said(*command, "--help")
    assert out.startswith(f"Usage: {' '.join(('iracdb', *command))}")
    assert err == ""
    assert list(empty.iterdir()) == []


def test_help_imports_nothing_heavy(tmp_path: Path):
    program = (
        "import sys; from iracdb_cli.main import main; main(['run', '--help']); "
        "print([name for name in ('astropy', 'numpy', 'sqlalchemy', 'rich', 'scipy', 'photutils', "
        "'alembic', 'psycopg') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert (done.returncode, done.stdout.splitlines()[-1]) == (0, "[]")


def test_the_version(said: Said):
    assert said("--version")[0].startswith("iracdb, version ")


@pytest.mark.parametrize(
    "command",
    ["sql 'WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) "
     "SELECT i FROM n LIMIT 90000' --csv", "files --json"],
)  # fmt: skip
def test_whoever_reads_may_stop(home: Path, command: str):
    shell = shutil.which("bash")
    if shell is None:
        pytest.skip("no bash")
    program = "import sys; from iracdb_cli.main import main; sys.exit(main())"
    done = subprocess.run(
        [shell, "-c", f"set -o pipefail; {sys.executable} -c '{program}' {command} | head -1"],
        capture_output=True, text=True, cwd=home,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    assert len(done.stdout.splitlines()) == 1


# --- A full disk ---------------------------------------------------------------------------------


def with_room_for(size: int) -> str:
    """Limit the size of files of a process, as a disk that is full would: what goes before it."""
    limits = f"({size}, resource.RLIM_INFINITY)"
    return f"import resource; resource.setrlimit(resource.RLIMIT_FSIZE, {limits})"


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("many")
    many_files(folder, 230)
    return folder


@pytest.fixture(scope="module")
def whole(many: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[dict, dict]:
    """What a catalogue holds that was made in one go."""
    return held(tmp_path_factory.mktemp("whole") / "iracdb.sqlite", many)


def held(path: Path, many: Path) -> tuple[dict, dict]:
    assert main(["--db", str(path), "ingest", str(many)]) == 0
    database = open_database(database_url(path))
    try:
        return facts(database), places(database)
    finally:
        database.close()


def assert_sound(path: Path) -> None:
    connection = sqlite3.connect(path)
    try:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert connection.execute("PRAGMA foreign_key_check").fetchall() == []
    finally:
        connection.close()


@pytest.mark.parametrize("size", [100_000, 700_000, 2_000_000])
def test_a_full_disk_while_ingesting(empty: Path, many: Path, whole: tuple, size: int):
    done = iracdb("ingest", many, cwd=empty, before=with_room_for(size))
    assert (done.returncode, done.stdout) == (6, ""), done.stderr
    assert done.stderr.startswith("iracdb: Could not write to ")
    assert done.stderr.count("\n") == 1
    assert_sound(empty / "iracdb.sqlite")
    assert held(empty / "iracdb.sqlite", many) == whole


def test_a_full_disk_while_exporting(home: Path, said: Said, tmp_path: Path):
    # Somebody else looks into the catalogue, so that SQLite's own small files are there.
    reader = sqlite3.connect(home / "iracdb.sqlite")
    reader.execute("SELECT count(*) FROM file").fetchall()
    out = tmp_path / "tables"
    done = iracdb("export", "13", "--out", out, cwd=home, before=with_room_for(2000))
    reader.close()
    assert (done.returncode, done.stdout) == (6, "")
    assert done.stderr == f"iracdb: Could not write to {out}: File too large\n"
    assert list(out.iterdir()) == []
    said("export", "13", "--out", out)
    for path in out.iterdir():
        if path.suffix == ".csv":
            assert path.read_bytes() == (home / OUT / path.name).read_bytes()


def test_output_that_cannot_be_written(home: Path):
    with Path("/dev/full").open("w") as full:
        done = iracdb("files", "--csv", cwd=home, stdout=full, stderr=subprocess.PIPE,
                      capture_output=False)  # fmt: skip
    assert (done.returncode, done.stderr) == (
        6, "iracdb: Could not write: No space left on device\n",
    )  # fmt: skip


# --- Interrupted ---------------------------------------------------------------------------------

INTERRUPT = """
import os, signal
from iracdb.{module} import {owner} as owner

calls = 0
original = owner.{method}

def interrupting(*arguments):
    global calls
    calls += 1
    if calls == {call}:
        os.killpg(os.getpgid(0), signal.SIGINT)  # as Ctrl-C does: workers too
    return original(*arguments)

owner.{method} = interrupting
"""

SAID = "iracdb: Interrupted. What was finished is kept; repeat the command to go on"


@pytest.mark.parametrize("jobs", ["1", "2"])
def test_an_interrupted_ingest(empty: Path, many: Path, whole: tuple, jobs: str):
    hook = INTERRUPT.format(module="catalogue", owner="ingest_new", method="insert_rows", call=9)
    hook += "from iracdb.catalogue import ingest\ningest.WORTH_A_WORKER = 1\n"
    done = iracdb("ingest", many, "--jobs", jobs, before=hook, cwd=empty, start_new_session=True)
    assert (done.returncode, done.stdout) == (130, "")
    assert done.stderr.strip() == SAID
    connection = sqlite3.connect(empty / "iracdb.sqlite")
    assert connection.execute("SELECT count(*) FROM file").fetchall() == [(200,)]
    connection.close()
    assert_sound(empty / "iracdb.sqlite")
    assert held(empty / "iracdb.sqlite", many) == whole


@pytest.mark.parametrize("jobs", ["1", "2"])
def test_an_interrupted_run(own: Path, made: Path, said: Said, jobs: str):
    hook = INTERRUPT.format(module="runs.execute", owner="_Writer", method="_write", call=2)
    arguments = ("run", "--run-id", "14", *RUN_13[2:], "--jobs", jobs)
    done = iracdb(*arguments, before=hook, cwd=own, start_new_session=True)
    assert (done.returncode, done.stdout) == (130, "")
    assert done.stderr.startswith("This makes run 14 (run14)")
    assert done.stderr.splitlines()[-1] == SAID
    assert "Traceback" not in done.stderr
    assert not (own / OUT).exists()
    [state] = [row["state"] for row in parse_json(said("runs", "--json")[0])
               if row["run_id"] == 14]  # fmt: skip
    assert state != "finished"
    assert "is not finished" in said.refused("export", "14", status=3)
    out, err = said(*arguments)
    assert "This goes on with run 14 (run14)" in err
    assert "Run 14 (run14) is finished: 3 AORs, 23 images" in out
    for which in ("aor", "img"):
        assert (own / OUT / f"run14_{which}_data.csv").read_bytes() == (
            made / OUT / f"run13_{which}_data.csv"
        ).read_bytes()


def test_an_interrupt_in_process_is_130(
    home: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    def interrupted(*_: object, **__: object) -> None:
        signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr("iracdb.api.Catalogue.sql", interrupted)
    assert main(["sql", "SELECT 1"]) == 130
    assert capsys.readouterr().err.strip() == SAID


@pytest.mark.parametrize("kilobytes", [300, 1500, 4000])
def test_a_full_disk_while_importing(kilobytes: int, empty: Path, reference: Path, tmp_path: Path):
    runs, limit = tmp_path / "runs", with_room_for(kilobytes * 1024)
    for name in ("run1", "run3", "run6"):
        copy_run(reference / "published_runs", runs, name)
    done = iracdb("import", runs, cwd=empty, before=limit)
    assert done.returncode == 6, done.stderr
    assert "Could not write" in done.stderr
    assert iracdb("import", runs, cwd=empty).returncode == 0


def test_a_mistyped_folder_leaves_no_catalogue(empty: Path, said: Said):
    assert "There is no file or folder" in said.refused("ingest", "tyop", status=3)
    assert "There is no file or folder ''" in said.refused("ingest", "", status=3)
    assert list(empty.iterdir()) == []


def test_tables_that_cannot_be_written_are_said_before_measuring(made: Path, said: Said):
    (made / "in the way").write_text("a file")
    words = ("run", "--channel", "4", "--radius", "2", "2", "6", "--out", made / "in the way")
    refused = said.refused("--db", made / "iracdb.sqlite", *words, status=6)
    assert "is a file, not a folder" in refused
    runs = parse_json(said("--db", made / "iracdb.sqlite", "runs", "--json")[0])
    assert all(run["state"] == "finished" for run in runs)
