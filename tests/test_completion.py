"""Completion in the shell: the scripts of the page work, and runs are offered without a trace."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path

import pytest
from built_once import Beginnings
from run_helpers import write_frames

from iracdb import Catalogue
from iracdb.irac.simulate import FrameSpec
from iracdb.runs.recipes import RECIPES

PAGE = Path(__file__).parents[1] / "docs" / "completion.md"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder to work in, and a command iracdb that is this one."""
    programs = tmp_path / "bin"
    programs.mkdir()
    script = programs / "iracdb"
    script.write_text(
        f"#!{sys.executable}\nimport sys\nfrom iracdb_cli.main import main\nsys.exit(main())\n"
    )
    script.chmod(0o755)
    (tmp_path / "work").mkdir()
    return tmp_path / "work"


def environment(folder: Path) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("IRACDB_")}
    path = f"{folder.parent / 'bin'}{os.pathsep}{os.environ.get('PATH', os.defpath)}"
    return kept | {"PATH": path, "HOME": str(folder.parent), "IRACDB_CONFIG": os.devnull}


def said_by(shell: str, script: str, folder: Path) -> str:
    """What a shell says to a script, and nothing beside it."""
    program = shutil.which(shell)
    if program is None:
        pytest.skip(f"{shell} is not installed")
    quiet = {"bash": ["--norc", "--noprofile"], "zsh": ["-f"], "fish": ["--no-config"]}[shell]
    done = subprocess.run(
        [program, *quiet, "-c", script],
        cwd=folder, env=environment(folder), text=True, capture_output=True, timeout=60,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, ""), done.stderr
    return done.stdout


Offer = Callable[..., list[str]]


@pytest.fixture
def offered(folder: Path) -> Offer:
    """What bash offers after TAB, by the line of the page."""
    (line,) = re.findall(r"^eval .*bash_source.*$", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    # One shell would be asked for all a test asks: what the line has made in it is made once.
    made: list[str] = []

    def ask(*words: str) -> list[str]:
        typed = " ".join(f"'{word}'" for word in ("iracdb", *words))
        if not made:
            made.append(said_by("bash", f"{line}\ndeclare -f\ncomplete -p iracdb", folder))
        script = f"""
            eval {shlex.quote(made[0])}
            COMP_WORDS=({typed})
            COMP_CWORD={len(words)}
            COMPREPLY=()
            $(complete -p iracdb | sed 's/.*-F \\([^ ]*\\).*/\\1/') iracdb
            printf '%s\\n' "${{COMPREPLY[@]}}"
        """
        return said_by("bash", textwrap.dedent(script), folder).split()

    return ask


@pytest.fixture
def held(tmp_path: Path, any_location: str, begun_with: Beginnings) -> str:
    """A catalogue of runs 1, 12 and 13, one of them with a name."""

    def fill(place: str) -> None:
        write_frames(tmp_path / "archive", FrameSpec(channel=1, x=127.0, y=127.0, noise=False))
        with Catalogue(place) as catalogue:
            catalogue.ingest(tmp_path / "archive")
            catalogue.run(1)
            catalogue.run(12, name="Narrow")
            catalogue.run(13)

    return begun_with(any_location, fill)


def test_bash_completes_runs(offered: Offer, held: str) -> None:
    assert offered("--db", held, "show", "") == ["run1", "Narrow", "run13"]
    assert offered("--db", held, "compare", "run1", "n") == ["Narrow"]
    if "://" in held:
        return
    # What is begun is compared here, not in the database.
    assert offered("--db", held, "show", "run1") == ["run1", "run13"]
    assert offered("rename", "--db", held, "12") == ["12"]
    assert offered("withdraw", "--db", held, "1") == ["1", "12", "13"]


def test_bash_completes_commands_recipes_and_kinds(offered: Offer) -> None:
    assert offered("run", "--recipe", "") == list(RECIPES)
    assert offered("run", "--kind", "") == ["bcd", "cbcd", "sub2d"]
    assert offered("th") == ["thaw"]


def test_runs_are_those_of_the_settings(offered: Offer, held: str, folder: Path) -> None:
    (folder / "iracdb.toml").write_text(f'database = "{held}"\n')
    assert offered("show", "run13") == ["run13"]


@pytest.mark.parametrize("words", [("show", ""), ("--db", "sub/no.sqlite", "export", "r")])
def test_no_catalogue_is_made_to_complete(
    offered: Offer, folder: Path, words: tuple[str, ...]
) -> None:
    assert offered(*words) == []
    assert not list(folder.iterdir())


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("iracdb.sqlite", "not a database"),
        ("iracdb.sqlite", ""),
        ("iracdb.toml", "jobs ="),
        ("iracdb.toml", 'database = "postgresql://ada:secret@127.0.0.1:9/irac"'),
        ("iracdb.toml", 'database = "mysql://host/irac"'),
    ],
)
def test_whatever_is_wrong_it_is_silent(offered: Offer, folder: Path, name: str, text: str) -> None:
    (folder / name).write_text(text)
    assert offered("show", "") == []
    assert offered("run", "--kind", "c") == ["cbcd"]
    assert [path.name for path in folder.iterdir()] == [name]
    assert (folder / name).read_text() == text


def test_nothing_is_left_beside_a_database(offered: Offer, folder: Path) -> None:
    Catalogue(folder / "iracdb.sqlite").close()
    before = sorted(path.name for path in folder.iterdir())
    assert offered("show", "") == []
    assert sorted(path.name for path in folder.iterdir()) == before


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_page_gives_the_variable_that_writes_the_script(shell: str, folder: Path) -> None:
    assert f"_IRACDB_COMPLETE={shell}_source iracdb" in PAGE.read_text(encoding="utf-8")
    done = subprocess.run(
        [str(folder.parent / "bin" / "iracdb")],
        env=environment(folder) | {"_IRACDB_COMPLETE": f"{shell}_source"},
        cwd=folder, text=True, capture_output=True, timeout=60,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    assert f"_IRACDB_COMPLETE={shell}_complete" in done.stdout


@pytest.mark.parametrize(
    ("shell", "script", "answer"),
    [
        ("zsh", "autoload -Uz compinit && compinit -u; LINE; print $_comps[iracdb]", "_iracdb_"),
        ("fish", "LINE; complete -C 'iracdb tha'", "thaw"),
    ],
)
def test_the_lines_for_other_shells_work(
    shell: str, script: str, answer: str, folder: Path
) -> None:
    (line,) = re.findall(rf"^.*{shell}_source.*$", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    assert answer in said_by(shell, script.replace("LINE", line), folder)


def test_the_file_of_the_page_can_be_read_by_bash(folder: Path) -> None:
    page = PAGE.read_text(encoding="utf-8")
    (write,) = re.findall(r"^_IRACDB_COMPLETE=bash_source iracdb > .*$", page, re.MULTILINE)
    (read,) = re.findall(r"`(\. ~/\S+)`", page)
    assert "_iracdb_completion" in said_by("bash", f"{write}\n{read}\ncomplete -p iracdb", folder)
