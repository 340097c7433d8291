"""Settings: flag before environment before files before default, and nothing wrong goes unseen."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from iracdb_cli.defaults import run_options
from iracdb_cli.main import cli, main
from iracdb_cli.measuring import run as run_command
from run_helpers import write_frames

from iracdb import Catalogue, settings
from iracdb.catalogue.urls import database_url
from iracdb.errors import UsageError
from iracdb.irac.simulate import FrameSpec

DOCS = Path(__file__).parents[1] / "docs"


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder to work in, and beside it a user's home; nothing set."""
    for name in [*os.environ]:
        if name.startswith(("IRACDB_", "XDG_")):
            monkeypatch.delenv(name)
    folder = tmp_path / "work"
    folder.mkdir()
    monkeypatch.chdir(folder)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    return tmp_path / "home"


def users(home: Path, text: str) -> Path:
    path = home / ".config" / "iracdb" / "config.toml"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def here(text: str) -> Path:
    path = Path("iracdb.toml").absolute()
    path.write_text(text)
    return path


Shown = dict[str, tuple[Any, str, str | None]]


@pytest.fixture
def shown(home: Path, capsys: pytest.CaptureFixture[str]) -> Callable[..., Shown]:
    """What 'iracdb config show --json' tells: value, source and place of each setting."""

    def ask(*words: str) -> Shown:
        capsys.readouterr()
        status = main(["config", "show", "--json", *words])
        out, said = capsys.readouterr()
        assert (status, said) == (0, ""), said
        return {row["setting"]: (row["value"], row["source"], row["where"])
                for row in json.loads(out)}  # fmt: skip

    return ask


# Where files are


def test_where_files_are_looked_for(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    at_home = home / ".config" / "iracdb" / "config.toml"
    assert settings.places() == (Path.cwd() / "iracdb.toml", at_home)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(home / "xdg"))
    assert settings.users_file() == home / "xdg" / "iracdb" / "config.toml"
    monkeypatch.setenv("XDG_CONFIG_HOME", "relative")
    assert settings.users_file() == at_home
    monkeypatch.setenv("XDG_CONFIG_HOME", "")
    assert settings.users_file() == at_home
    monkeypatch.setenv("IRACDB_CONFIG", "~/mine.toml")
    assert settings.users_file() == home / "mine.toml"
    monkeypatch.setenv("IRACDB_CONFIG", "")
    assert settings.users_file() == at_home
    assert settings.files() == []


def test_a_file_that_is_named_must_be_there(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IRACDB_CONFIG", str(home / "gone.toml"))
    with pytest.raises(UsageError, match=r"gone\.toml, which IRACDB_CONFIG names"):
        settings.files()
    monkeypatch.setenv("IRACDB_CONFIG", os.devnull)
    assert [file.values for file in settings.files()] == [{}]


# What goes before what


def test_precedence_of_the_database(
    home: Path, shown: Callable[..., Shown], monkeypatch: pytest.MonkeyPatch
) -> None:
    work = Path.cwd()
    assert shown()["database"] == (str(work / "iracdb.sqlite"), "default", None)
    own = users(home, 'database = "a.sqlite"\n')
    assert shown()["database"] == (str(own.parent / "a.sqlite"), "file", str(own))
    local = here('database = "~/b.sqlite"\n')
    assert shown()["database"] == (str(home / "b.sqlite"), "file", str(local))
    assert database_url().database == str(home / "b.sqlite")
    monkeypatch.setenv("IRACDB_DATABASE_URL", "c.sqlite")
    assert shown()["database"] == (str(work / "c.sqlite"), "environment", "IRACDB_DATABASE_URL")
    assert shown("--db", "d.sqlite")["database"] == (str(work / "d.sqlite"), "flag", None)
    assert database_url("d.sqlite").database == str(work / "d.sqlite")


def test_precedence_of_jobs_and_of_an_option_of_run(
    home: Path, shown: Callable[..., Shown], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert shown()["jobs"] == (1, "default", None)
    assert shown()["run.radius"] == (None, "default", None)
    own = users(home, "jobs = 2\n[run]\nradius = [3, 3, 7]\nstrict = true\n")
    assert shown()["jobs"] == (2, "file", str(own))
    assert shown()["run.radius"] == ([3, 3, 7], "file", str(own))
    local = here("jobs = 3\nrun.radius = [5, 5.5, 10]\n")
    assert shown()["jobs"] == (3, "file", str(local))
    assert shown()["run.radius"] == ([5, 5.5, 10], "file", str(local))
    assert shown()["run.strict"] == (True, "file", str(own))
    monkeypatch.setenv("IRACDB_JOBS", "4")
    monkeypatch.setenv("IRACDB_RUN_RADIUS", "2 12 20")
    monkeypatch.setenv("IRACDB_RUN_STRICT", "0")
    assert shown()["jobs"] == (4, "environment", "IRACDB_JOBS")
    assert shown()["run.radius"] == ([2, 12, 20], "environment", "IRACDB_RUN_RADIUS")
    assert shown()["run.strict"] == (False, "environment", "IRACDB_RUN_STRICT")


@pytest.mark.parametrize("command", ["ingest", "run", "verify"])
def test_every_command_with_jobs_takes_them(
    home: Path, command: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def asked(*words: str) -> int:
        with cli.make_context("iracdb", ["status"]) as parent:
            places = [] if command == "run" else ["x"]
            below = cli.commands[command].make_context(command, [*words, *places], parent=parent)
            return int(below.params["jobs"])

    assert asked() == 1
    here("jobs = 3\n")
    assert asked() == 3
    monkeypatch.setenv("IRACDB_JOBS", "4")
    assert asked() == 4
    assert asked("--jobs", "5") == 5


def test_paths_in_files(home: Path, shown: Callable[..., Shown]) -> None:
    own = users(
        home,
        'database = "sqlite:///../c.sqlite"\nidl-source = "x/corr.pro"\nidl-python = "python3.9"\n'
        '[run]\ntargets = "list.csv"\nout = "tables"\n',
    )
    folder, found = own.parent, shown()
    assert found["database"][0] == f"{folder}/../c.sqlite"
    assert found["idl-source"] == (f"{folder}/x/corr.pro", "file", str(own))
    assert found["idl-python"] == ("python3.9", "file", str(own))
    assert found["run.targets"][0] == f"{folder}/list.csv"
    assert found["run.out"][0] == "tables"
    assert settings.path_setting("idl-source") == f"{folder}/x/corr.pro"


@pytest.mark.parametrize("key", ["idl-source", "idl-python"])
def test_programs_are_named_in_the_users_own_file_only(
    home: Path, capsys: pytest.CaptureFixture[str], key: str
) -> None:
    here(f'{key} = "evil"\n')
    assert main(["runs"]) == 2
    said = capsys.readouterr().err.strip()
    assert re.fullmatch(
        rf".*iracdb\.toml, line 1: {key} names a program to be carried out, and may stand only in "
        rf"your own file: .*config\.toml",
        said,
    )


def test_python_takes_the_database_of_the_files(home: Path) -> None:
    home.mkdir()
    here('database = "~/one.sqlite"\n[run]\nradius = [3, 3, 7]\n')
    with Catalogue() as catalogue:
        assert repr(catalogue) == f"<Catalogue {home}/one.sqlite>"
    with Catalogue("two.sqlite") as catalogue:
        assert repr(catalogue) == f"<Catalogue {Path.cwd()}/two.sqlite>"


def test_options_are_those_of_the_command() -> None:
    all_of_them = {max(each.opts, key=len).lstrip("-") for each in run_command.params}
    never = {"run-id", "name", "comment", "dry-run", "json", "db", "debug", "scheduler"}
    assert never < all_of_them
    outside = set(settings.VARIABLES) & all_of_them
    assert "jobs" in outside
    assert set(run_options()) == all_of_them - never - outside
    for key, option in run_options().items():
        assert option.envvar == f"IRACDB_RUN_{key.upper().replace('-', '_')}"


# What is wrong


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('\ndatabse = "postgresql://me:secret@host/x"\n', "line 2: there is no setting 'databse':"),
        ("jobs = 0\n", "line 1: jobs must be a whole number from 1"),
        ("jobs = true\n", "line 1: jobs must be a whole number"),
        ('# jobs\njobs = "2"\n', "line 2: jobs must be a whole number"),
        ('database = ""\n', "line 1: database must be a text"),
        ("run = 3\n", "line 1: run must be a table"),
        ("[runs]\nx = 1\n", "line 1: there is no setting 'runs': database, jobs,"),
        ("[run]\nradii = [1, 2, 3]\n", "line 2: there is no setting 'radii' in [run]: channel,"),
        ("[run]\nrun-id = 3\n", "line 2: there is no setting 'run-id' in [run]"),
        ("[run]\njobs = 3\n", "line 2: there is no setting 'jobs' in [run]"),
        ("jobs = 1\n[run]\n\nradius = [3, 3]\n", "line 4: radius in [run] must be a list of 3 val"),
        (
            "[run]\nradius = 3\n",
            "line 2: radius in [run] must be a list of 3 values, each a number",
        ),
        ('[run]\nradius = [3, 3, "7"]\n', "each a number"),
        ("run.channel = 1.0\n", "line 1: channel in [run] must be a whole number"),
        ("[run]\nchannel = 7\n", "line 2: channel in [run] is refused: 7 is not in the range"),
        ('[run]\nkind = "raw"\n', "line 2: kind in [run] is refused: 'raw' is not one of"),
        ("[run]\nstrict = 1\n", "line 2: strict in [run] must be true or false"),
        ("[run]\naor = 90000256\n", "must be a list of values, each a whole number"),
        ("jobs = 1\njobs = 2\n", "is not TOML: Cannot overwrite a value (at line 2"),
        ("database = a.sqlite\n", "is not TOML: Invalid value (at line 1"),
        (f"jobs = {'9' * 5000}\n", "is not TOML"),
    ],
)
def test_what_is_wrong_is_told_in_a_sentence(
    home: Path, text: str, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    path = here(text)
    for words in (["config", "show"], ["run"]):
        assert main(words) == 2
        out, err = capsys.readouterr()
        assert out == ""
        assert err.count("\n") == 1
        assert str(path) in err
        assert said in err
        assert "secret" not in err


def test_files_that_cannot_be_read(
    home: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = here("")
    path.write_bytes(b"jobs = 1\n# \xff\n")
    assert main(["config", "show"]) == 2
    assert f"{path} is not UTF-8 text, in line 2" in capsys.readouterr().err
    path.unlink()
    path.mkdir()
    assert main(["config", "show"]) == 2
    assert f"{path} cannot be read: Is a directory" in capsys.readouterr().err
    assert main(["config", "path"]) == 0


def test_help_works_whatever_a_file_holds(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    here("jobs = \n")
    for words in (["--help"], ["run", "--help"], ["config", "show", "--help"]):
        assert main(words) == 0
        assert "Usage: iracdb" in capsys.readouterr().out
    here("jobs = 6\n")
    assert main(["run", "--help"]) == 0
    assert "[default: 6; x>=1]" in capsys.readouterr().out


def test_a_wrong_variable_is_named(
    home: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("IRACDB_RUN_CHANNEL", "9")
    assert main(["run"]) == 2
    assert "(from IRACDB_RUN_CHANNEL)" in capsys.readouterr().err
    assert main(["run", "--channel", "8"]) == 2
    assert "IRACDB_RUN_CHANNEL" not in capsys.readouterr().err
    monkeypatch.setenv("IRACDB_DATABASE_URL", "mysql://me:secret@host/x")
    assert main(["status"]) == 2
    said = capsys.readouterr().err
    assert "The database in IRACDB_DATABASE_URL: " in said
    assert "secret" not in said


def test_starting_stays_light(home: Path) -> None:
    code = (
        "import sys; from iracdb_cli.main import main; main(['--help'])\n"
        "print(*sys.modules, sep='\\n', file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = set(done.stderr.split())
    assert "iracdb.settings" in loaded
    assert not {"tomllib", "sqlalchemy", "numpy", "iracdb.catalogue.urls"} & loaded


# Runs under settings


def one_frame(location: str) -> None:
    write_frames(Path("archive"), FrameSpec(channel=1, x=127.0, y=127.0, noise=False))
    with Catalogue(location) as catalogue:
        catalogue.ingest("archive")


def test_a_run_records_what_was_applied_and_what_was_typed(
    home: Path, any_location: str, capsys: pytest.CaptureFixture[str], monkeypatch: Any
) -> None:
    one_frame(any_location)
    here(f'database = "{any_location}"\n[run]\nradius = [3, 3, 7]\nno-tables = true\n')
    typed = ["run", "--run-id", "7"]
    monkeypatch.setattr(sys, "argv", ["iracdb", *typed])
    assert main(typed) == 0
    said = capsys.readouterr().err
    assert "radius is 3.0 3.0 7.0, from iracdb.toml\n" in said
    assert "no-tables" not in said
    assert not Path("Reduction_Data_&_Logs").exists()
    monkeypatch.setenv("IRACDB_RUN_RADIUS", "10 12 20")
    assert main(["run", "--run-id", "8"]) == 0
    assert "radius is 10.0 12.0 20.0, from IRACDB_RUN_RADIUS\n" in capsys.readouterr().err
    with Catalogue() as catalogue:
        run = catalogue.get(7)
        assert run.row.command == "iracdb run --run-id 7"
        assert [run.parameters[f"radius_{which}"] for which in ("source", "inner", "outer")] == [
            3, 3, 7
        ]  # fmt: skip
        same = catalogue.run(9, radius=(3, 3, 7))
        assert same.result_digest == run.result_digest
        assert same.row.parameters_digest == run.row.parameters_digest
        assert catalogue.get(8).parameters["radius_source"] == 10
        assert catalogue.run(10).parameters["radius_source"] == 10, "Python asks no file for this"


def test_what_belongs_to_another_value_is_left_aside(
    home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    one_frame("iracdb.sqlite")
    users(home, "[run]\naperture-correction = 1.3\npixel-size = 1.2\nchannel = 1\n")
    here('[run]\nradius = [3, 3, 7]\ntarget = "A"\ncoord = "10 20"\n')

    def plan(*words: str) -> tuple[dict[str, Any], str]:
        assert main(["run", "--dry-run", "--json", *words]) == 0
        out, err = capsys.readouterr()
        found = json.loads(out)
        return {**found["parameters"], "target": found["averages"][0]["target"]}, err

    found, said = plan()
    # The folder's radii go before the user's correction, which was meant for others.
    assert found["aperture_correction"] != 1.3
    assert "aperture-correction of " in said
    assert found["pixel_size"] == 1.2
    assert found["target"] == "A"
    found, said = plan("--aperture-correction", "1.5", "--channel", "1")
    assert found["aperture_correction"] == 1.5
    assert found["pixel_size"] != 1.2
    found, said = plan("--coord", "30 40")
    assert found["target"] != "A"
    assert "target of iracdb.toml is left aside: it belongs to another coord\n" in said
    Path("list.csv").write_text("AOR Filepath,Target Coordinates\n")
    here('[run]\ntargets = "list.csv"\n')
    found, said = plan("--coord", "30 40")
    assert "targets of iracdb.toml is left aside" in said
