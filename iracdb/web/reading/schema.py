"""What SQL can ask: tables and views with their columns, and what each holds."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cache
from typing import Any

from sqlalchemy import Connection, select

from iracdb.catalogue import obscore
from iracdb.catalogue import tables as t
from iracdb.catalogue.views import view_names
from iracdb.flags import FLAGS
from iracdb.layouts import DEFAULT_LAYOUT, LAYOUTS, Column

RUNS = 50
"""Runs whose views are listed: the newest."""

_OF_RUN = ("run_id", "run_name", "target", "channel")
_SENTENCES = {
    "run_id": "The run's number", "run_name": "The run's name", "target": "As the run calls it",
    "channel": "Of the array", "AORKEY": "Of the observation request",
    "file_name": "Of the file measured", "sha256": "Of the file measured",
    "frame_id": "Number of the frame", "plane": "Of a cube, from 0; -1 for no cube",
    "row_number": "In the run's table",
}  # fmt: skip


def schema(connection: Connection) -> list[dict[str, Any]]:
    """List what a query can ask.

    Parameters
    ----------
    connection : sqlalchemy.Connection
        To a catalogue.

    Returns
    -------
    list of dict
        Groups with title and tables; of each table its names (runs of one layout have views of the
        same columns), a sentence and columns; of each column its name as it is written in SQL, its
        type (``''`` in a view) and a sentence.
    """
    return [
        {"title": "Views", "tables": _views()},
        {"title": "Tables", "tables": _tables(connection.dialect.name)},
        {"title": "Views of single runs", "tables": _of_runs(connection)},
    ]


def as_written(name: str) -> str:
    """Write a name as SQL takes it.

    Parameters
    ----------
    name : str
        Of a table or a column.

    Returns
    -------
    str
        In double quotes where it holds capitals, blanks or signs.
    """
    plain = re.fullmatch(r"[a-z_][a-z0-9_]*", name) is not None
    return name if plain else '"' + name.replace('"', '""') + '"'


@cache
def _tables(dialect: str) -> list[dict[str, Any]]:
    from sqlalchemy.dialects import postgresql, sqlite

    kind = (sqlite if dialect == "sqlite" else postgresql).dialect()
    return [
        {
            "names": [as_written(table.name)], "sentence": table.comment or "",
            "columns": [
                {
                    "name": as_written(column.name), "type": column.type.compile(kind).lower(),
                    "sentence": column.comment or "",
                }
                for column in table.columns
            ],
        }
        for table in sorted(t.metadata.tables.values(), key=lambda one: one.name)
    ]  # fmt: skip


@cache
def _views() -> list[dict[str, Any]]:
    layout = LAYOUTS[DEFAULT_LAYOUT]
    of_images = (*_OF_RUN[:3], "AORKEY", "channel", "file_name", "sha256", "frame_id", "plane",
                 "row_number")  # fmt: skip
    return [
        _view("run_aor_data", "An average of any finished run",
              [*_named(_OF_RUN), *_printed(layout.aor)]),
        _view("run_img_data", "An image of any finished run",
              [*_named(of_images), *_printed(layout.img)]),
        _view("header_card", "A card of one header", [
            _column("file_id", "Number of the file"), _column("file", "Its name"),
            _column("keyword", "Such as EXPTIME"), _column("position", "In the header, from 0"),
            _column("text", "The value as it is printed"),
            _column("number", "The value, where it is a number"),
        ]),
        _view("quality_flag", "What a bit of the flags says", [
            _column("bit", f"Its value: {len(FLAGS)} are in use"), _column("name", "Of the flag"),
            _column("column_title", "In the image table, where it has one"),
            _column("sentence", "What it says"),
        ]),
        _view(obscore.NAME, "A science file, in the words of the IVOA's ObsCore",
              [_column(one.name, one.sentence) for one in obscore.COLUMNS]),
    ]  # fmt: skip


def _of_runs(connection: Connection) -> list[dict[str, Any]]:
    run = t.run.c
    query = (
        select(run.name, run.layout)
        .where(run.state == "finished", run.withdrawn_at.is_(None))
        .order_by(run.run_id.desc())
        .limit(RUNS)
    )
    names: dict[str, list[tuple[str, str]]] = {}
    for name, layout_name in connection.execute(query):
        names.setdefault(layout_name, []).append(view_names(name))
    # Runs of one layout have the same columns: they are told once.
    return [
        {
            "names": [as_written(pair[place]) for pair in pairs],
            "sentence": f"{what} of one run: the columns of its table",
            "columns": _printed(columns),
        }
        for layout_name, pairs in names.items()
        for place, what, columns in (
            (0, "An average", LAYOUTS[layout_name].aor), (1, "An image", LAYOUTS[layout_name].img),
        )
    ]  # fmt: skip


def _view(name: str, sentence: str, columns: list[dict[str, str]]) -> dict[str, Any]:
    return {"names": [as_written(name)], "sentence": sentence, "columns": columns}


def _column(name: str, sentence: str) -> dict[str, str]:
    return {"name": as_written(name), "type": "", "sentence": sentence}


def _named(names: Iterable[str]) -> list[dict[str, str]]:
    return [_column(name, _SENTENCES[name]) for name in names]


def _printed(columns: Iterable[Column]) -> list[dict[str, str]]:
    return [_column(column.title, column.sentence) for column in columns]
