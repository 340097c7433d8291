"""What ten radii cost, as a ratio to one: a radius test beside a run, in turns in one process.

Both measure the same frames into an SQLite catalogue of their own; the ingest before is not
counted. Full-array frames are made by `archives`, cubes are simulated.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path

from archives import make_archive
from places import copy_of, empty
from rows import PROCESSOR, Row, alone, ratios, timed, turns

from iracdb import Catalogue
from iracdb.irac.simulate import simulate_archive

FRAMES = {"tiny": 3, "small": 500, "full": 5000}
CUBES = {"tiny": 2, "small": 60, "full": 500}
CUBES_AOR = 90001024
GOAL = 1.5

Make = Callable[[Catalogue], object]


def measured(make: Make, catalogued: str, folder: Path) -> float:
    """Time one way, in a copy of a catalogue that has no runs yet."""
    with copy_of(catalogued, folder) as location, Catalogue(location) as catalogue:
        return timed(lambda: make(catalogue))


def compared(archive: Path, channel: int, one: tuple[int, int, int], size: str) -> list[float]:
    """Give the times of ten radii over those of one, round by round."""
    folder = archive.parent
    chosen = {"channel": channel, "aors": (CUBES_AOR,) if channel == 2 else ()}
    makes: dict[str, Make] = {
        "one": lambda catalogue: catalogue.run(radius=one, **chosen),
        "ten": lambda catalogue: catalogue.radius_test(200, **chosen),
    }
    with empty("SQLite", folder) as location:
        with Catalogue(location) as catalogue:
            catalogue.ingest(archive)
        seconds = turns(
            {name: lambda m=make: measured(m, location, folder) for name, make in makes.items()},
            size,
        )
    return ratios(seconds["ten"], seconds["one"])


def rows(size: str) -> list[Row]:
    """Measure full-array frames, and cubes."""
    why = (
        "Each further radius takes a fifth of what all of one radius takes, and a tenth of that is "
        "laying it: rows are made, written, read back and digested. At the goal it would have to "
        "be an eighteenth, less than writing and reading back take: see the profile."
    )
    with tempfile.TemporaryDirectory() as name:
        full, cubes = Path(name) / "full", Path(name) / "cubes"
        make_archive(full, FRAMES[size])
        simulate_archive(cubes, frames=CUBES[size], full_frames=1, bad_files=False)
        return [
            Row(f"ten radii, {FRAMES[size]:,} full-array frames", "one radius", GOAL,
                compared(full, 1, (10, 12, 20), size), PROCESSOR, at_most=True, why=why),
            Row(f"ten radii, {CUBES[size]:,} cubes or more", "one radius", GOAL,
                compared(cubes, 2, (5, 5, 10), size), PROCESSOR, at_most=True, why=why),
        ]  # fmt: skip


if __name__ == "__main__":
    alone(rows, __doc__)
