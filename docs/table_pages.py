"""What the documentation takes from the tables: the list in database.md, and data-model.md."""

from __future__ import annotations

import importlib
import re
import tempfile
from collections.abc import Iterable
from pathlib import Path

from sqlalchemy import CheckConstraint, Column, Table, UniqueConstraint, inspect
from sqlalchemy.dialects import postgresql, sqlite

from iracdb.catalogue import obscore, tables
from iracdb.catalogue.database import open_database
from iracdb.catalogue.tables import metadata
from iracdb.catalogue.urls import database_url
from iracdb.layouts import DEFAULT_LAYOUT, LAYOUTS

DOCS = Path(__file__).parent

BEGIN = "<!-- tables: written by docs/generate.py -->\n"
END = "<!-- end of tables -->\n"

ROOMS = ("observation", "file", "target", "run", "result")
"""The modules of the tables, in the order in which a number comes to be."""

_OWN = {
    "run_id": tables.run.c.run_id,
    "run_name": tables.run.c.name,
    "target": tables.aor_result.c.target_name,
    "channel": tables.aor_result.c.channel,
    "file_name": tables.file.c.name,
    "sha256": tables.file.c.sha256,
    "frame_id": tables.image_result.c.frame_id,
    "plane": tables.image_result.c.plane,
    "row_number": tables.image_result.c.row_number,
}
"""Columns of tables that the views over all runs show before those of the layouts."""

_INTRODUCTION = """\
# The data model

Every table and view of the catalogue with its columns. Written by [generate.py](generate.py) from
the tables' own comments, which PostgreSQL holds as well (`\\d+ file` in psql). How the tables are
used is told in [database.md](database.md).

![The tables, and which refers to which](data-model.svg)

A line leads from each table to those that it refers to, from right to left; most tables of a run
refer to `run`. Columns are of the type that PostgreSQL calls so; SQLite has its own names:
"""


def tables_list() -> str:
    """Write the list of tables in database.md.

    Returns
    -------
    str
        A markdown table: name, what a row is, key.
    """
    lines = ["| table | a row is | primary key |", "| --- | --- | --- |"]
    for name in sorted(metadata.tables):
        table = metadata.tables[name]
        key = ", ".join(f"`{column.name}`" for column in table.primary_key)
        lines.append(f"| `{name}` | {table.comment} | {key} |")
    return "\n".join(lines) + "\n"


def database_page(text: str) -> str:
    """Put the list of tables into database.md.

    Parameters
    ----------
    text : str
        The page as it is.

    Returns
    -------
    str
        The page as it ought to be.
    """
    return put_between(text, BEGIN, tables_list(), END)


def put_between(text: str, begin: str, inside: str, end: str) -> str:
    """Put what is generated between two marks of a page.

    Parameters
    ----------
    text : str
        The page as it is.
    begin, end : str
        The marks, each there once.
    inside : str
        What stands between them from now on.

    Returns
    -------
    str
        The page as it ought to be.

    Raises
    ------
    ValueError
        Where a mark is not there once.
    """
    before, rest = text.split(begin)
    _, after = rest.split(end)
    return f"{before}{begin}\n{inside}\n{end}{after}"


def data_model_page() -> str:
    """Write data-model.md.

    Returns
    -------
    str
        Markdown.
    """
    parts = [_INTRODUCTION, _types()]
    for room in ROOMS:
        module = importlib.import_module(f"{tables.__name__}.{room}")
        parts.append(f"## {(module.__doc__ or '').strip().rstrip('.')}\n")
        parts += [_table(each) for each in vars(module).values() if isinstance(each, Table)]
    parts.append(_views())
    return "\n".join(parts)


def type_name(column: Column, dialect: str = "postgresql") -> str:
    """Give a column's type as a database calls it.

    Parameters
    ----------
    column : sqlalchemy.Column
        Of one of the tables.
    dialect : {'postgresql', 'sqlite'}, optional
        Which database.

    Returns
    -------
    str
        Such as ``'DOUBLE PRECISION'``.
    """
    spoken = {"postgresql": postgresql.dialect, "sqlite": sqlite.dialect}[dialect]()
    return str(column.type.compile(spoken))


def _types() -> str:
    pairs: dict[str, set[str]] = {}
    for table in metadata.tables.values():
        for column in table.columns:
            pairs.setdefault(type_name(column), set()).add(type_name(column, "sqlite"))
    lines = ["| PostgreSQL | SQLite |", "| --- | --- |"]
    lines += [f"| {name} | {' or '.join(sorted(pairs[name]))} |" for name in sorted(pairs)]
    return "\n".join(lines) + "\n"


def _table(table: Table) -> str:
    lines = [f"### {table.name}\n", f"{table.comment}.\n"]
    lines += ["| column | type | NULL | key | holds |", "| --- | --- | --- | --- | --- |"]
    for column in table.columns:
        others = [key.column for key in column.foreign_keys]
        keys = ["primary"] if column.primary_key else []
        keys += [f"[{other.table.name}](#{other.table.name}).{other.name}" for other in others]
        null = "may be" if column.nullable else ""
        cells = (f"`{column.name}`", type_name(column), null, ", ".join(keys), column.comment)
        lines.append(_row(cells))
    rules = _rules(table)
    return "\n".join(lines) + "\n" + (f"\n{rules}\n" if rules else "")


def _row(cells: Iterable[str]) -> str:
    return "|" + "|".join(f" {cell} " if cell else " " for cell in cells) + "|"


def _capital(text: str) -> str:
    return text[0].upper() + text[1:]


def _rules(table: Table) -> str:
    unique = [
        ", ".join(f"`{column.name}`" for column in constraint.columns)
        for constraint in table.constraints
        if isinstance(constraint, UniqueConstraint)
    ]
    for index in table.indexes:
        if index.unique:
            where = index.dialect_options["postgresql"]["where"]
            told = re.sub(rf"\b{table.name}\.", "", str(where))
            unique.append(", ".join(f"`{c.name}`" for c in index.columns) + f" where `{told}`")
    checks = [
        f"`{constraint.sqltext}`"
        for constraint in table.constraints
        if isinstance(constraint, CheckConstraint)
    ]
    told = [f"Unique: {'; '.join(sorted(unique))}."] if unique else []
    told += [f"Always: {'; '.join(sorted(checks))}."] if checks else []
    return "\n".join(told)


def _views() -> str:
    """Write the views: columns as a database made for it has them, sentences from database.md."""
    text = (DOCS / "database.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `(\w+)` \| ([^|:]*?)(?::[^|]*|, in the columns[^|]*)? \|$",
                      text.partition("## Views")[2], re.MULTILINE)  # fmt: skip
    with tempfile.TemporaryDirectory() as folder:
        database = open_database(database_url(str(Path(folder) / "empty.sqlite")), create=True)
        try:
            with database.read() as connection:
                inspector = inspect(connection)
                there = {
                    name: [column["name"] for column in inspector.get_columns(name)]
                    for name in inspector.get_view_names()
                }
        finally:
            database.close()
    layout = LAYOUTS[DEFAULT_LAYOUT]
    told = {column.name: column.sentence for column in obscore.COLUMNS}
    told |= {name: _capital(f"{column.comment}.") for name, column in _OWN.items()}
    told |= {column.title: column.sentence for column in (*layout.aor, *layout.img)}
    lines = ["## Views\n", "They hold no data, and are made anew by `iracdb db upgrade`.\n"]
    for name, row_is in rows:
        which = re.search("_(aor|img)_data$", name)
        names = there.get(name) or [column.title for column in getattr(layout, which[1])]
        lines += [f"### {name}\n", _capital(f"{row_is}.\n")]
        if all(column in told for column in names):
            lines += ["| column | holds |", "| --- | --- |"]
            lines += [_row((f"`{column}`", told[column])) for column in names]
        else:
            lines.append(f"Columns: {', '.join(f'`{column}`' for column in names)}.")
        lines.append("")
    return "\n".join(lines)
