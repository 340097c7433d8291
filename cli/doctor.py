"""The command ``doctor``: what works here, with versions, and what is missing."""

from __future__ import annotations

import click

from .options import debug_option, idl_options
from .output import print_json, print_table

# Distribution, what it is for, and how to get it.
_OPTIONAL = (
    ("psycopg", "catalogues on PostgreSQL", "pip install 'iracdb[postgres]'"),
    ("lxml", "PROV as XML", "pip install 'iracdb[standards]'"),
    ("rocrate", "RO-Crates", "pip install 'iracdb[standards]'"),
)


@click.command()
@idl_options
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@debug_option
def doctor(idl_source: str | None, idl_python: str | None, as_json: bool) -> int:
    """Tell what works here, and how to mend what does not.

    The correction engines are really tried: with your source, each computes a small block, which
    is held against the native engine. Also told are Python, the databases and optional packages.

    Exit status: 0 where the native engine works and so does each that is asked for, by an option
    or in the environment; 1 otherwise. A source alone asks for gdl, with a Python for idl.
    """
    from iracdb.engines.examining import examine

    engines = examine(idl_source, idl_python)
    parts = _parts()
    well = all(engine.state == "works" for engine in engines if engine.asked)
    if as_json:
        names = ("part", "version", "says")
        print_json(
            {
                "works": well,
                "engines": [vars(engine) for engine in engines],
                "parts": [dict(zip(names, part, strict=True)) for part in parts],
            }
        )
        return 0 if well else 1
    print_table(
        ("Engine", "State", "Version", ""),
        [(each.engine, each.state, each.version, each.says) for each in engines],
    )
    click.echo()
    print_table(("Part", "Version", ""), parts)
    return 0 if well else 1


def _parts() -> list[tuple[str, str | None, str]]:
    """List name, version and what is to be said of each part."""
    import importlib.metadata
    import platform
    import sqlite3

    parts: list[tuple[str, str | None, str]] = [
        ("iracdb", importlib.metadata.version("iracdb"), ""),
        ("Python", platform.python_version(), platform.python_implementation()),
        ("numpy", importlib.metadata.version("numpy"), ""),
        ("SQLite", sqlite3.sqlite_version, "catalogues in a file"),
    ]
    for name, purpose, remedy in _OPTIONAL:
        try:
            parts.append((name, importlib.metadata.version(name), purpose))
        except importlib.metadata.PackageNotFoundError:
            parts.append((name, None, f"{purpose}: {remedy}"))
    return parts
