"""How fast two runs are compared in a large catalogue, against the bare SQL join of their images.

The join is one statement through the bare driver: both runs' rows of each frame, with the columns
that a comparison looks at, by the keys that the tables have; all rows are fetched. The summary is
told without reading rows that are the same; the table of all images, which reads and matches them,
stands beside it without a goal.
"""

from __future__ import annotations

import sqlite3
from typing import Any

from large import IMPORTED, ROWS, RUNS, catalogue_of
from places import ENGINES
from rows import WALL, Row, alone, ratios, timed, turns

from iracdb import Catalogue
from iracdb.compare.columns import IMAGE_COLUMNS

ONE, OTHER = IMPORTED + 1, IMPORTED + 2
GOAL = 1.5

_COLUMNS = ", ".join(f"{run}.{column.name}" for column in IMAGE_COLUMNS for run in "ab")
JOIN = (
    f"SELECT a.frame_id, a.plane, {_COLUMNS} FROM aor_result x "
    "JOIN aor_result y ON y.run_id = {other} AND y.aorkey = x.aorkey AND y.channel = x.channel "
    "AND y.target_id = x.target_id AND y.frame_group = x.frame_group AND y.repeat = x.repeat "
    "JOIN image_result a ON a.aor_result_id = x.id "
    "JOIN image_result b ON b.aor_result_id = y.id AND b.frame_id = a.frame_id "
    "AND b.plane = a.plane AND b.repeat = a.repeat WHERE x.run_id = {one}"
).replace("{one}", str(ONE)).replace("{other}", str(OTHER))  # fmt: skip


def connected(location: str) -> Any:
    """Connect without iracdb."""
    if "://" not in location:
        return sqlite3.connect(location)
    import psycopg

    return psycopg.connect(location)


def measure(engine: str, size: str) -> list[Row]:
    """Compare two runs in one kind of database."""
    location = catalogue_of(engine, ROWS[size])
    count = ROWS[size] // RUNS
    bare = connected(location)
    try:
        assert len(bare.execute(JOIN).fetchall()) == count
        with Catalogue(location) as catalogue:
            assert len(catalogue.compare(ONE, OTHER).images) == count
            seconds = turns(
                {
                    "ours": lambda: timed(lambda: catalogue.compare(ONE, OTHER).summary(), WALL),
                    "table": lambda: timed(lambda: catalogue.compare(ONE, OTHER).images, WALL),
                    "join": lambda: timed(lambda: bare.execute(JOIN).fetchall(), WALL),
                },
                size,
            )
    finally:
        bare.close()
    what = f"{count:,} images, {ROWS[size]:,} image rows, {engine}"
    return [
        Row(
            f"compare of two runs of {what}",
            "the bare SQL join", GOAL, ratios(seconds["ours"], seconds["join"]), WALL, at_most=True,
            why="Some twenty short statements stand around the join, which a few thousand rows do "
                "not make up for; rows that differ are joined once more, to be read.",
        ),
        Row(
            f"the same and its table of all images, {what}",
            "the bare SQL join", None, ratios(seconds["table"], seconds["join"]), WALL,
            at_most=True,
        ),
    ]  # fmt: skip


def rows(size: str) -> list[Row]:
    """Compare in both."""
    return [row for engine in ENGINES for row in measure(engine, size)]


if __name__ == "__main__":
    alone(rows, __doc__)
