"""The house keeps its order: imports run downward, files hold one idea, public things are told."""

from __future__ import annotations

import ast
import functools
import importlib
import inspect
import pkgutil
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from numpydoc.validate import Validator, validate

import iracdb
from iracdb import errors, flags, layouts

ROOT = Path(__file__).resolve().parents[1]

# From the top of the house to the ground: a room imports only from rooms below its own.
FLOORS = (
    "iracdb_cli",
    "iracdb.web",
    "iracdb.compat",
    "iracdb.api",
    "iracdb.report",
    "iracdb.verify",
    "iracdb.published",
    "iracdb.export",
    "iracdb.compare",
    "iracdb.trace",
    "iracdb.runs",
    "iracdb.catalogue",
    "iracdb.engines",
    "iracdb.photometry",
    "iracdb.irac",
    "iracdb.more_columns",
    "iracdb.layouts",
    "iracdb.flags",
    "iracdb.workers",
    "iracdb.compiled",
    "iracdb.settings",
    "iracdb.passwords",
    "iracdb.errors",
)
# Both stand above the ground, and neither knows the other.
STRANGERS = {("iracdb.catalogue", "iracdb.photometry")}
LONGEST = 400


def sources() -> list[Path]:
    return sorted(
        path for room in ("iracdb", "cli", "migrations") for path in (ROOT / room).rglob("*.py")
    )


def module_name(path: Path) -> str:
    parts = list(path.relative_to(ROOT).with_suffix("").parts)
    if parts[-1] == "__init__":
        parts.pop()
    parts[0] = {"cli": "iracdb_cli", "migrations": "iracdb_migrations"}.get(parts[0], parts[0])
    return ".".join(parts)


def floor_of(name: str) -> str | None:
    return next((f for f in FLOORS if name == f or name.startswith(f + ".")), None)


def imported(path: Path) -> set[str]:
    """Everything of ours that a file imports, at its top or inside its functions."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            names.add(node.module)
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level:
            names.add("iracdb_cli")
    return {name for name in names if name.startswith("iracdb")}


def test_imports_run_downward():
    upward = []
    for path in sources():
        here = floor_of(module_name(path))
        if here is None:
            continue
        for name in imported(path):
            there = floor_of(name)
            if there is None:
                continue
            if FLOORS.index(there) < FLOORS.index(here) or (here, there) in STRANGERS:
                upward.append(f"{path.relative_to(ROOT)} imports {name}")
    assert not upward


def test_every_room_has_a_floor():
    rooms = {module_name(path) for path in sources()} - {"iracdb"}
    homeless = [r for r in rooms if floor_of(r) is None and not r.startswith("iracdb_migrations")]
    assert not homeless


def test_migrations_never_import_the_live_tables():
    revisions = list((ROOT / "migrations" / "versions").glob("[0-9]*.py"))
    assert revisions
    for path in revisions:
        assert not imported(path), path.name


def test_files_hold_one_idea():
    long = {
        str(path.relative_to(ROOT)): len(path.read_text().splitlines())
        for path in sources()
        if "versions" not in path.parts
    }
    assert not {name: lines for name, lines in long.items() if lines > LONGEST}


def test_every_package_is_shipped():
    listed = set(
        tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]["packages"]
    )
    there = {module_name(path) for path in sources() if path.name == "__init__.py"}
    assert listed == there


PUBLIC_SURFACE = ["Catalogue", "IracdbError", "Run", "__version__", "irac_aphot_corr"]


def test_the_public_surface_is_exactly_this():
    assert iracdb.__all__ == PUBLIC_SURFACE
    for name in iracdb.__all__:
        assert getattr(iracdb, name) is not None
    with pytest.raises(AttributeError):
        iracdb.nothing  # noqa: B018


def test_importing_iracdb_is_light():
    code = "import sys, iracdb; print(','.join(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not {"astropy", "numpy", "sqlalchemy", "scipy"} & set(done.stdout.strip().split(","))


def public_objects() -> list[str]:
    """Dotted names of every public function, class and method below ``iracdb``."""
    found = []
    for info in pkgutil.walk_packages(iracdb.__path__, "iracdb."):
        module = importlib.import_module(info.name)
        for name, thing in vars(module).items():
            if name.startswith("_") or getattr(thing, "__module__", None) != info.name:
                continue
            if inspect.isclass(thing):
                found.append(f"{info.name}.{name}")
                found += [
                    f"{info.name}.{name}.{method}"
                    for method, function in vars(thing).items()
                    if not method.startswith("_") and inspect.isfunction(function)
                ]
            elif inspect.isfunction(thing):
                found.append(f"{info.name}.{name}")
    return found


# What numpydoc finds that no public docstring may have: a missing summary, parameters or returned
# values that are not described, or described and not there.
FAULTS = {"GL08", "SS01", "SS03", "PR01", "PR02", "PR03", "PR04", "PR07", "RT01", "RT03", "YD01"}


@pytest.fixture
def quick_numpydoc(monkeypatch):
    """What it works out over and over, or looks for in vain, takes most of its time.

    It looks for comments that silence it, and for the lines where they would count.
    """
    assert not any("numpydoc ignore" in path.read_text() for path in sources())
    monkeypatch.setattr("numpydoc.validate.extract_ignore_validation_comments", lambda *_: {})
    monkeypatch.setattr(Validator, "source_file_def_line", None)
    titles = functools.cached_property(Validator.section_titles.fget)
    titles.__set_name__(Validator, "section_titles")
    monkeypatch.setattr(Validator, "section_titles", titles)


def test_public_docstrings_are_complete(quick_numpydoc):
    faults = []
    for name in public_objects():
        report = validate(name)
        told = [f"{code} {text}" for code, text in report["errors"] if code in FAULTS]
        one_line = len((report["docstring"] or "").strip().splitlines()) <= 1
        # What typing.Protocol gives its classes for a signature is no parameter of ours.
        told = [text for text in told if "*args" not in text]
        if one_line:
            # A property or a protocol's method: its class says the rest.
            told = [text for text in told if text.startswith(("GL08", "SS"))]
        faults += [f"{name}: {text}" for text in told]
    assert not faults, "\n".join(faults)


def test_the_tree_of_errors_is_what_its_docstring_draws():
    drawn = re.findall(r"[│├└─ ]*([A-Z]\w+)(?: \(\w+\))? ", errors.__doc__ or "")
    classes = {
        name
        for name, thing in vars(errors).items()
        if inspect.isclass(thing) and issubclass(thing, Exception)
    }
    assert classes <= set(drawn)
    codes = [vars(errors)[name].code for name in sorted(classes)]
    assert len(set(codes)) == len(codes)
    statuses = {vars(errors)[name].exit_status for name in classes - {"IracdbError"}}
    assert statuses <= set(errors.EXIT_STATUSES)


def test_flags_are_distinct_bits_that_decode():
    bits = [flag.bit for flag in flags.FLAGS]
    assert bits == [1 << place for place in range(len(bits))]
    assert flags.decode(sum(bits)) == tuple(flag.name for flag in flags.FLAGS)
    with pytest.raises(ValueError, match="no flag owns"):
        flags.decode(1 << 40)


def test_flag_columns_are_those_of_the_layout():
    shown = [c.title for c in layouts.LAYOUTS[layouts.DEFAULT_LAYOUT].img if "flag:" in c.key]
    assert shown == [flag.column for flag in flags.FLAGS if flag.column is not None]


def test_no_path_of_one_machine_is_in_the_tree():
    listed = subprocess.run(
        ["git", "-C", str(ROOT), "ls-files", "-z"], capture_output=True, text=True, check=True
    ).stdout.split("\0")
    suspects = re.compile(r"(?<![\w.])/(?:work|farm|root|home/\w+)/")
    for name in filter(None, listed):
        path = ROOT / name
        if path.is_file() and path != Path(__file__).resolve():
            assert not suspects.search(path.read_text(errors="replace")), name
