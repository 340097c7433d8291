"""The wheel: what is in it, and that it works where the source tree is not."""

from __future__ import annotations

import os
import re
import shutil
import sqlite3
import subprocess
import sys
import tomllib
import zipfile
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from iracdb.catalogue import revisions
from iracdb.catalogue.database import current
from iracdb.catalogue.urls import database_url

ROOT = Path(__file__).parents[1]
PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
IRACDB = "import sys; from iracdb_cli.main import main; sys.exit(main(sys.argv[1:]))"
NOT_BUILT_FROM = shutil.ignore_patterns(
    ".*", "__pycache__", "*.egg-info", "build", "dist", "demo", "tests", "*.sqlite*"
)


def call(*words: str | Path, cwd: Path, **environment: str) -> str:
    done = subprocess.run(
        [sys.executable, *map(str, words)], cwd=cwd, timeout=120,
        env={key: value for key, value in os.environ.items() if key != "IRACDB_DATABASE_URL"}
        | environment,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout
    return done.stdout


# --- The wheel -----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build a wheel from a copy of the tree, with what is installed here: without a network."""
    (needed,) = map(Requirement, PROJECT["build-system"]["requires"])
    found = Version(metadata.version(needed.name))
    if found not in needed.specifier:
        message = f"building needs {needed}, and {needed.name} {found} is installed"
        if os.environ.get("CI"):
            pytest.fail(message)
        pytest.skip(message)
    folder = tmp_path_factory.mktemp("wheel")
    tree = folder / "tree"
    shutil.copytree(ROOT, tree, ignore=NOT_BUILT_FROM)
    call(
        *("-m", "pip", "wheel", tree, "--no-deps", "--no-build-isolation", "--no-index"),
        *("--quiet", "--disable-pip-version-check", "--wheel-dir", folder),
        cwd=folder,
    )
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def installed(wheel: Path) -> Path:
    """A folder into which the wheel alone is installed."""
    folder = wheel.parent / "installed"
    call(
        *("-m", "pip", "install", "--no-deps", "--no-index", "--quiet", "--no-compile"),
        *("--disable-pip-version-check", "--target", folder, wheel),
        cwd=wheel.parent,
    )
    return folder


def python_files(folder: str) -> set[str]:
    return {path.relative_to(ROOT).as_posix() for path in (ROOT / folder).rglob("*.py")}


def test_wheel_holds_every_module_and_nothing_else(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    expected = python_files("iracdb")
    expected |= {f"iracdb_{name}" for name in python_files("cli") | python_files("migrations")}
    assert {name for name in names if name.endswith(".py")} == expected
    tops = {name.split("/")[0] for name in names}
    info = f"iracdb-{PROJECT['project']['version']}.dist-info"
    assert tops == {"iracdb", "iracdb_cli", "iracdb_migrations", info}
    assert {"iracdb/py.typed", "iracdb_migrations/script.py.mako"} <= set(names)
    assert any(name.startswith("iracdb_migrations/versions/0001_") for name in names)
    assert any(name.endswith("/LICENSE") for name in names)


def test_wheel_tells_what_it_needs(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        (name,) = (name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
        text = archive.read(name).decode()
    for requirement in PROJECT["project"]["dependencies"]:
        assert f"Requires-Dist: {requirement}\n" in text
    assert f"Requires-Python: {PROJECT['project']['requires-python']}\n" in text
    assert "License-Expression: BSD-3-Clause\n" in text


def test_installed_wheel_builds_a_database(installed: Path, tmp_path: Path) -> None:
    # What the tests themselves import is installed in place, from the tree: not that.
    where = call(
        "-c",
        "import iracdb, iracdb_cli, iracdb_migrations\n"
        "print(iracdb.__file__, iracdb_cli.__file__, iracdb_migrations.__file__, sep='\\n')\n"
        "print(iracdb.__version__)",
        cwd=tmp_path,
        PYTHONPATH=str(installed),
    ).splitlines()
    assert all(Path(line).is_relative_to(installed) for line in where[:3]), where
    assert where[3] == PROJECT["project"]["version"]

    said = call("-c", IRACDB, "init", cwd=tmp_path, PYTHONPATH=str(installed))
    assert "is ready" in said
    revision, _, state = current(database_url(tmp_path / "iracdb.sqlite"))
    assert (revision, state) == (revisions.head(), "head")
    assert "up to date" in call(
        "-c", IRACDB, "db", "current", cwd=tmp_path, PYTHONPATH=str(installed)
    )


def test_installed_wheel_knows_no_source_tree(installed: Path, tmp_path: Path) -> None:
    said = call(
        "-c",
        "from iracdb.runs.software import this_software; print(this_software().git_commit)",
        cwd=tmp_path,
        PYTHONPATH=str(installed),
    )
    assert said.strip() == "None"


# --- pyproject.toml ------------------------------------------------------------------------------


def test_every_package_is_listed() -> None:
    def packages(folder: str, name: str) -> set[str]:
        return {
            ".".join((name, *path.parent.relative_to(ROOT / folder).parts))
            for path in (ROOT / folder).rglob("*.py")
        }

    listed = PROJECT["tool"]["setuptools"]["packages"]
    there = packages("iracdb", "iracdb") | packages("cli", "iracdb_cli")
    there |= packages("migrations", "iracdb_migrations")
    assert sorted(listed) == sorted(there)
    assert len(listed) == len(set(listed))
    for name in listed:
        folder = ROOT / name.replace("iracdb_", "").replace(".", "/")
        assert (folder / "__init__.py").is_file(), f"{folder} has modules and no __init__.py"


def pins() -> dict[str, str]:
    found: dict[str, str] = {}
    for line in (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines():
        text = line.partition("#")[0].strip()
        if not text:
            continue
        match = re.fullmatch(r"([A-Za-z0-9._-]+)==([A-Za-z0-9.+!]+)", text)
        assert match is not None, f"{line!r} is no pin"
        name = canonicalize_name(match[1])
        assert name not in found, f"{name} is pinned twice"
        found[name] = match[2]
    return found


def test_every_dependency_is_pinned() -> None:
    """The named ones, those of every extra, and what they need in their turn on this machine."""
    project = PROJECT["project"]
    named = [
        *project["dependencies"],
        *(text for extra in project["optional-dependencies"].values() for text in extra),
    ]
    pinned = pins()
    waiting = [(Requirement(text), "pyproject.toml") for text in named]
    seen: set[tuple[str, frozenset[str]]] = set()
    missing: set[str] = set()
    while waiting:
        wanted, by = waiting.pop()
        name = canonicalize_name(wanted.name)
        key = (name, frozenset(wanted.extras))
        if key in seen:
            continue
        seen.add(key)
        if name not in pinned:
            missing.add(f"{name}, needed by {by}")
            continue
        assert wanted.specifier.contains(pinned[name], prereleases=True), f"{by} needs {wanted}"
        try:
            requirements = metadata.requires(name) or []
        except metadata.PackageNotFoundError:
            continue  # an extra that is not installed here
        for text in requirements:
            needed = Requirement(text)
            extras = {"", *wanted.extras}
            if needed.marker is None or any(
                needed.marker.evaluate({"extra": extra}) for extra in extras
            ):
                waiting.append((needed, name))
    assert not missing


def test_constraints_name_no_host() -> None:
    text = (ROOT / "constraints.txt").read_text(encoding="utf-8")
    assert "://" not in text
    assert "@" not in text
    assert "--" not in text


# --- alembic -------------------------------------------------------------------------------------


def test_alembic_upgrades_from_the_root_of_the_repository(tmp_path: Path) -> None:
    path = tmp_path / "catalogue.sqlite"
    call("-m", "alembic", "-x", f"db={path}", "upgrade", "head", cwd=ROOT)
    revision, _, state = current(database_url(path))
    assert (revision, state) == (revisions.head(), "head")
    connection = sqlite3.connect(path)
    try:
        views = {name for (name,) in connection.execute(
            "SELECT name FROM sqlite_master WHERE type = 'view'"
        )}  # fmt: skip
    finally:
        connection.close()
    assert {"run_aor_data", "run_img_data", "header_card", "quality_flag"} <= views
    said = call("-m", "alembic", "-x", f"db={path}", "current", cwd=ROOT)
    assert revisions.head() in said
