"""What ten radii cost, as a ratio to one: a radius test beside a run, in turns in one process.

Both measure the same frames into an SQLite catalogue of their own; the ingest before is not
counted. What else is printed are runs through one aperture: the smallest and the largest.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from iracdb import Catalogue
from iracdb.irac.simulate import simulate_archive

GOAL = 1.5
FULL, SUBARRAY = 1, 2
CUBES = 90001024

Way = Callable[[Catalogue], object]


def ways(channel: int, aors: tuple[int, ...]) -> dict[str, Way]:
    """List what is timed on the frames of a channel; the first is what the others are held to."""
    one = (10, 12, 20) if channel == FULL else (5, 5, 10)
    return {
        "one radius": lambda catalogue: catalogue.run(channel=channel, aors=aors, radius=one),
        "ten radii": lambda catalogue: catalogue.radius_test(200, channel=channel, aors=aors),
        "smallest radius": lambda catalogue: catalogue.run(
            channel=channel, aors=aors, radius=(2, 2, 6)
        ),
    }


def seconds(way: Way, archive: Path) -> float:
    """Time one way, in an empty catalogue; of the processor, since other work disturbs clocks."""
    with tempfile.TemporaryDirectory() as folder, Catalogue(Path(folder) / "a.sqlite") as catalogue:
        catalogue.ingest(archive)
        begun = time.process_time()
        way(catalogue)
        return time.process_time() - begun


def main() -> None:
    """Compare, and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--frames", type=int, default=20, help="exposures an AOR (20)")
    parser.add_argument("--rounds", type=int, default=5, help="rounds after the first (5)")
    chosen = parser.parse_args()
    print(f"{'':<14}{'':<18}{'frames':>8}{'s':>9}{'ratio':>8}{'range':>15}   goal")
    with tempfile.TemporaryDirectory() as name:
        archive = Path(name) / "archive"
        made = simulate_archive(archive, frames=chosen.frames, bad_files=False)
        for title, channel, aors in (("full array", FULL, ()), ("subarray", SUBARRAY, (CUBES,))):
            listed = ways(channel, aors)
            times: dict[str, list[float]] = {each: [] for each in listed}
            for turn in range(chosen.rounds + 1):
                for each in listed if turn % 2 else reversed(listed):
                    times[each].append(seconds(listed[each], archive))
            # The first round warms the caches of the disk and of the libraries.
            first = times["one radius"][1:]
            frames = sum(
                f"/ch{channel}/" in path.as_posix() and (not aors or f"/r{CUBES}/" in str(path))
                for path in made.written
            )
            for each, found in times.items():
                ratios = [mine / other for mine, other in zip(found[1:], first, strict=True)]
                spread = f"{min(ratios):.2f}-{max(ratios):.2f}"
                goal = f"under {GOAL}" if each == "ten radii" else ""
                print(
                    f"{title:<14}{each:<18}{frames:>8}{statistics.median(found[1:]):>9.2f}"
                    f"{statistics.median(ratios):>8.2f}{spread:>15}   {goal}"
                )


if __name__ == "__main__":
    main()
