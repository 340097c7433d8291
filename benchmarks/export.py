"""How fast a run's tables are exported in the published layout.

Against astropy.io.ascii.write of the same image table, which it has in memory, while an export
reads it from the database, writes the other table and the log too, and notes what it wrote.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

from astropy.io import ascii as astropy_ascii
from places import empty
from prov_export import fill
from rows import PROCESSOR, Row, alone, ratios, timed, turns
from sqlalchemy import update

from iracdb import Catalogue
from iracdb.catalogue.tables import run
from iracdb.export.tables import export_run

IMAGES = {"tiny": 300, "small": 20_000, "full": 70_000}


def rows(size: str) -> list[Row]:
    """Measure the export of one made run."""
    with tempfile.TemporaryDirectory() as name, empty("SQLite", Path(name)) as location:
        folder = Path(name) / "tables"
        with Catalogue(location) as catalogue:
            with catalogue._database.write() as connection:
                fill(connection, IMAGES[size])
            # A run notes the digest of its results when it is closed: its log repeats it.
            digest = catalogue.get(1).digest.sha256
            with catalogue._database.write() as connection:
                connection.execute(update(run).values(result_digest=digest))
            export_run(catalogue.get(1), folder)
            table = astropy_ascii.read(folder / "run1_img_data.csv", format="csv")
            assert len(table) == IMAGES[size]
            out = Path(name) / "astropy.csv"
            seconds = turns(
                {
                    "ours": lambda: timed(
                        lambda: export_run(catalogue.get(1), folder, overwrite=True)
                    ),
                    "astropy": lambda: timed(
                        lambda: astropy_ascii.write(table, out, format="csv", overwrite=True)
                    ),
                },
                size,
            )
    return [
        Row(f"export of {IMAGES[size]:,} image rows, as published", "astropy.io.ascii.write", 2,
            ratios(seconds["astropy"], seconds["ours"]), PROCESSOR,
            why="The driver takes two thirds of what the goal leaves to make Python's numbers of "
            "the rows, before any is printed: see the profile."),
    ]  # fmt: skip


if __name__ == "__main__":
    alone(rows, __doc__)
