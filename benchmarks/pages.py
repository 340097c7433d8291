"""How long each page of `iracdb serve` takes over a large catalogue.

The application itself is asked, without a socket, over a catalogue of `large`, in SQLite and in
PostgreSQL. Each page is asked once before it is timed, but at the tiny size: what it reads is in
memory then, and two runs have been compared. Pictures, and files that are kept, such as a report,
are not asked for.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from large import FIRST_AOR, IMAGES, IMPORTED, ROWS, RUNS, aors_of, catalogue_of, file_name
from places import ENGINES, server
from rows import PROCESSOR, WALL, Row, alone, timed, turns

from iracdb import Catalogue

GOAL_MS = 300.0
WHY = "A page asks the database several times and writes up to 200 rows; nothing of it is kept."


def addresses(rows: int) -> dict[str, str]:
    """Give an address of each kind of page, and what the page is."""
    aors, run = aors_of(rows), RUNS // 2
    other, aor, image = run + 1, FIRST_AOR + aors // 2, aors // 2 * IMAGES + 7
    return {
        "/": "the runs",
        "/?page=2&sort=-finished": "the runs, sorted, their second page",
        "/?q=XO-3": "runs of a target",
        "/?q=nowhere": "runs of a target that there is not",
        f"/run/{run}": "a run",
        f"/run/{IMPORTED}": "an imported run",
        f"/run/{run}?q={aor}": "a run's averages of an AOR",
        f"/run/{run}/lightcurve.json": "points of a run's light curve",
        f"/run/{run}/lightcurve.json?aor={aor}": "points of an AOR's light curve",
        f"/run/{run}/aor/{aor}": "an AOR in a run",
        f"/run/{IMPORTED}/aor/{aor}": "an AOR in an imported run",
        f"/run/{run}/image/{image}": "an image",
        f"/run/{run}/image/{aors * IMAGES}": "a run's last image",
        f"/run/{IMPORTED}/image/{image}": "an image of an imported run",
        f"/run/{run}/figure/lightcurve": "the page of a figure",
        f"/run/{run}/figure/frame?image={image}": "the page of a frame's cutout",
        "/files": "files",
        f"/files?q={aor}": "files of an AOR",
        f"/files?q={file_name(image)}": "a file by its name",
        "/files?q=ch2": "files by a part of their path",
        "/files?q=nowhere": "files that there are not",
        f"/file/{image}": "a file",
        f"/file/{image}/header.txt": "a file's header",
        f"/frame/{image}": "a frame",
        "/problems": "files set aside",
        "/compare": "runs to choose from",
        f"/compare/{run}/{other}": "two runs, compared before",
        f"/compare/{run}/{other}/aor/{aor}": "an AOR in two runs",
        f"/run/{run}/aor/{aor}/lineage": "an AOR's lineage",
        f"/file/{image}/lineage": "a file's lineage",
        f"/frame/{image}/lineage": "a frame's lineage",
        "/sql": "the schema",
        "/sql?q=SELECT+run_id,+name+FROM+run": "a short query",
    }


def all_kinds_are_asked(asked: Iterable[str]) -> None:
    """See that a page that was added is asked for, too."""
    from starlette.routing import compile_path

    from iracdb.web.addresses import PAGES

    paths = [one.partition("?")[0].removesuffix(".json") for one in asked]
    for page in PAGES:
        pattern = compile_path(page.path)[0]
        # The report is a file, as pictures are; a header is so small that it stands for a page.
        is_file = page.raw and "header" not in page.path
        assert is_file or any(map(pattern.match, paths)), f"no address of {page.path}"


@contextmanager
def reading_role(engine: str) -> Iterator[str | None]:
    """Give a role that can only read, by which PostgreSQL's SQL page asks."""
    if engine == "SQLite":
        yield None
        return
    import psycopg

    name = f"iracdb_bench_{uuid.uuid4().hex[:12]}"
    with psycopg.connect(server(), autocommit=True) as connection:
        connection.execute(f"CREATE ROLE {name} IN ROLE pg_read_all_data")
        try:
            yield name
        finally:
            connection.execute(f"DROP ROLE {name}")


@contextmanager
def asking(engine: str, rows: int) -> Iterator[Any]:
    """Give a client of the pages of a catalogue."""
    from starlette.testclient import TestClient

    from iracdb.web.app import application
    from iracdb.web.guard import LOOPBACK_NAMES, Guard

    guard = Guard(frozenset(LOOPBACK_NAMES))
    with Catalogue(catalogue_of(engine, rows)) as catalogue, reading_role(engine) as role:
        app = application(catalogue, guard, sql_role=role)
        with TestClient(app, base_url="http://127.0.0.1") as client:
            yield client


def measure(engine: str, size: str) -> list[Row]:
    """Ask for all pages of a catalogue in one kind of database."""
    asked = addresses(ROWS[size])
    all_kinds_are_asked(asked)
    # The processor's time is of this process alone: a server of PostgreSQL has its own.
    passed: dict[str, list[float]] = {}
    at_work: dict[str, list[float]] = {}
    with asking(engine, ROWS[size]) as client:

        def ask(address: str) -> None:
            answer = client.get(address)
            assert answer.status_code == 200, f"{address}: {answer.text}"

        if size != "tiny":
            for address in asked:
                ask(address)
        for clock, found in ((WALL, passed), (PROCESSOR, at_work)):
            ways = {
                one: lambda one=one, clock=clock: 1000 * timed(lambda: ask(one), clock)
                for one in asked
            }
            found.update(turns(ways, size))
    over = f"{ROWS[size]:,} image rows, {engine}"
    made = []
    for address, what in asked.items():
        made += [
            Row(f"page {address}: {what}, {over}", "", GOAL_MS, passed[address], WALL,
                at_most=True, unit="ms", why=WHY),
            Row("the same", "", None, at_work[address], PROCESSOR, at_most=True, unit="ms"),
        ]  # fmt: skip
    slowest = max(made[::2], key=lambda row: row.reached or 0.0)
    return [
        *made,
        Row(f"the slowest page, {slowest.what.removeprefix('page ')}", "", GOAL_MS,
            slowest.rounds, WALL, at_most=True, unit="ms", why=WHY),
    ]  # fmt: skip


def rows(size: str) -> list[Row]:
    """Ask both."""
    return [row for engine in ENGINES for row in measure(engine, size)]


if __name__ == "__main__":
    alone(rows, __doc__)
