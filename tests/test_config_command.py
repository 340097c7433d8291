"""``iracdb config``: what holds, where it comes from, and no password; and the page of it."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path

import pytest
from iracdb_cli.defaults import run_options
from iracdb_cli.main import main
from run_helpers import write_frames

from iracdb import Catalogue, settings
from iracdb.irac.simulate import FrameSpec

DOCS = Path(__file__).parents[1] / "docs"
URL = "postgresql://ada:s3cret@db.example.org/irac"
IN_QUERY = "postgresql://db.example.org/irac?user=ada&password=s3cret"


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder to work in, and beside it a user's home; nothing set."""
    for name in [*os.environ]:
        if name.startswith(("IRACDB_", "XDG_")):
            monkeypatch.delenv(name)
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    return tmp_path / "home"


def users(home: Path, text: str) -> None:
    path = home / ".config" / "iracdb" / "config.toml"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def test_every_setting_is_shown_once(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["config", "show", "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    names = [row["setting"] for row in rows]
    assert names == [*settings.VARIABLES, *(f"run.{key}" for key in run_options())]
    assert {row["source"] for row in rows} == {"default"}
    assert not list(Path.cwd().iterdir()), "no database is made by asking"
    assert main(["config", "show"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines[2:]] == names


@pytest.mark.parametrize("url", [URL, IN_QUERY, "mysql://a:s3cret@h/x"])
@pytest.mark.parametrize("where", ["flag", "environment", "here", "users"])
def test_no_password_is_ever_shown(
    home: Path,
    url: str,
    where: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    words = ["--db", url] if where == "flag" else []
    if where == "environment":
        monkeypatch.setenv("IRACDB_DATABASE_URL", url)
    elif where == "here":
        Path("iracdb.toml").write_text(f'database = "{url}"\n')
    elif where == "users":
        users(home, f'database = "{url}"\n')
    for more in ([], ["--json"]):
        status = main(["config", "show", *words, *more])
        out, err = capsys.readouterr()
        assert "s3cret" not in out + err
        assert status == (2 if url.startswith("mysql") else 0)
        assert status or "***" in out


def test_a_flag_is_told(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--db", "a.sqlite", "config", "show"]) == 0
    line = capsys.readouterr().out.splitlines()[2]
    assert line.split() == ["database", f"{Path.cwd()}/a.sqlite", "flag", "--db"]


def test_where_files_are_looked_for_is_printed(
    home: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert main(["config", "path"]) == 0
    assert capsys.readouterr().out == (
        f"{Path.cwd()}/iracdb.toml\n{home}/.config/iracdb/config.toml\n"
    )
    monkeypatch.setenv("IRACDB_CONFIG", "other.toml")
    assert main(["config", "path"]) == 0
    assert capsys.readouterr().out.endswith(f"\n{Path.cwd()}/other.toml\n")


# The page


def block(page: str, language: str) -> str:
    (found,) = re.findall(rf"^```{language}\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    return str(found)


def test_the_page_tells_what_is_so(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    page = (DOCS / "settings.md").read_text(encoding="utf-8")
    rows = dict(re.findall(r"^\| `([\w-]+)` \| `(\w+)` \|", page, re.MULTILINE))
    assert rows == settings.VARIABLES
    Path("iracdb.toml").write_text(block(page, "toml"))
    users(home, 'run.channel = 2\nrun.recipe = "manual"\n')
    monkeypatch.setenv("IRACDB_JOBS", "4")
    assert main(["config", "show"]) == 0
    found = [line.split() for line in capsys.readouterr().out.splitlines()]
    told = page.split("$ iracdb config show\n")[1].split("```")[0].splitlines()
    told = [line for line in told if "─" not in line]
    assert len(told) == 8
    for line in told:
        assert line.split() in found, line
    write_frames(Path("archive"), FrameSpec(channel=1, x=127.0, y=127.0, noise=False))
    with Catalogue("iracdb.sqlite") as catalogue:
        catalogue.ingest("archive")
    monkeypatch.setenv("IRACDB_DATABASE_URL", "iracdb.sqlite")
    words, *said = page.split("$ iracdb run --run-id 7")[1].split("```")[0].splitlines()
    assert main(["run", "--run-id", "7", *words.split()]) == 0
    err = capsys.readouterr().err
    assert err.startswith("\n".join(said) + "\n")
    assert Path("tables", "run7_log.txt").is_file()
    Path("iracdb.toml").write_text("\n" * 4 + "[run]\nradius = 3\n")
    assert main(["run"]) == 2
    assert capsys.readouterr().err.replace(f"{Path.cwd()}/", "/data/stars/") in page
