"""How much memory a run takes at its peak, and whether that grows with the run.

Each run has a process of its own, since a process tells only the most that it ever held. Files have
holes where no aperture reaches: a hundred thousand take a twelfth of the room of whole ones.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

from archives import make_archive
from places import empty
from rows import Row, alone, ratios

FRAMES = {"tiny": 4, "small": 2000, "full": 100_000}
FEWER = 4
"""The other run has so many times fewer frames."""

GOAL_MB, GOAL_GROWTH = 600.0, 1.1

RUN = """
import sys
sys.path.insert(0, sys.argv[2])
from rows import peak_memory
from iracdb import Catalogue
with Catalogue(sys.argv[1]) as catalogue:
    catalogue.run(channel=1, radius=(3.0, 3.0, 7.0))
print(peak_memory())
"""


def peak_of_run(frames: int, folder: Path) -> list[float]:
    """Run over so many frames in a process of its own, and give the most memory it held, MB."""
    from iracdb import Catalogue

    archive = folder / f"archive{frames}"
    make_archive(archive, frames, holes=True)
    with empty("SQLite", folder) as location:
        with Catalogue(location) as catalogue:
            catalogue.ingest(archive)
        words = [sys.executable, "-P", "-c", RUN, location, str(Path(__file__).parent)]
        told = subprocess.run(words, check=True, stdout=subprocess.PIPE, text=True).stdout
    return [float(told.split()[-1]) / 1e6]


def rows(size: str) -> list[Row]:
    """Measure a run, and one with fewer frames."""
    frames = FRAMES[size]
    with tempfile.TemporaryDirectory() as name:
        few, many = (peak_of_run(n, Path(name)) for n in (frames // FEWER, frames))
    return [
        Row(f"peak memory of a run over {frames:,} frames", "", GOAL_MB, many, "-",
            at_most=True, unit="MB"),
        Row("the same", f"a run over {frames // FEWER:,} frames", GOAL_GROWTH,
            ratios(many, few), "-", at_most=True),
    ]  # fmt: skip


if __name__ == "__main__":
    alone(rows, __doc__)
