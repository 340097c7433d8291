"""How fast a number is followed to its files, and a file to its numbers, in a large catalogue.

`Catalogue.lineage` is asked for single AORs and single files, picked at random, in a catalogue of
`large`, in SQLite and in PostgreSQL. A round is the median of many questions.
"""

from __future__ import annotations

import random
import statistics
from collections.abc import Callable

from large import FIRST_AOR, IMAGES, IMPORTED, ROWS, RUNS, aors_of, catalogue_of, file_name
from places import ENGINES
from rows import WALL, Row, alone, timed, turns

from iracdb import Catalogue

GOAL_MS = 10.0
WHY = (
    "A third of it makes the nodes of the graph, three for each image; the rest is asking, where "
    "each image's file, frame and places are looked up one by one: see the profile."
)
QUESTIONS = {"tiny": 1, "small": 30, "full": 100}


def milliseconds(ask: Callable[[], object], questions: int) -> float:
    """Give the median of some questions."""
    return 1000 * statistics.median(timed(ask, WALL) for _ in range(questions))


def measure(engine: str, size: str) -> list[Row]:
    """Ask a catalogue in one kind of database."""
    aors, questions = aors_of(ROWS[size]), QUESTIONS[size]
    rng = random.Random(1)
    with Catalogue(catalogue_of(engine, ROWS[size])) as catalogue:

        def down(first: int, last: int) -> None:
            aorkey = FIRST_AOR + rng.randrange(aors)
            found = catalogue.lineage(rng.randint(first, last), aor=aorkey)
            assert len(found.of_kind("image_result")) == IMAGES

        def up() -> None:
            found = catalogue.lineage(file=file_name(rng.randrange(aors * IMAGES)))
            assert len(found.of_kind("image_result")) == RUNS

        asked = {
            f"lineage of an AOR of {IMAGES} images": lambda: down(IMPORTED + 1, RUNS),
            "the same of an imported run": lambda: down(1, IMPORTED),
            f"lineage of a file up to {RUNS} runs": up,
        }
        found = turns(
            {what: lambda ask=ask: milliseconds(ask, questions) for what, ask in asked.items()},
            size,
        )
    goals = [GOAL_MS, GOAL_MS, None]
    return [
        Row(f"{what}, {ROWS[size]:,} image rows, {engine}", "", goal, ms, WALL, at_most=True,
            unit="ms", why=WHY)
        for (what, ms), goal in zip(found.items(), goals, strict=True)
    ]  # fmt: skip


def rows(size: str) -> list[Row]:
    """Ask both."""
    return [row for engine in ENGINES for row in measure(engine, size)]


if __name__ == "__main__":
    alone(rows, __doc__)
