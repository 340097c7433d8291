"""Images compared in the database against images read and matched one by one, in made-up runs."""

from __future__ import annotations

import math
import random
import uuid
from collections.abc import Iterator
from itertools import product
from typing import Any

import numpy as np
import pytest
from sqlalchemy import Boolean, Double, Integer, func, insert, select

from iracdb import Catalogue
from iracdb.catalogue import tables as t
from iracdb.catalogue.database import Database
from iracdb.compare import comparison
from iracdb.compare.columns import IMAGE_COLUMNS
from iracdb.compare.comparison import Comparison, compare
from iracdb.compare.counted import CountedPart
from iracdb.compare.listed import changed_rows
from iracdb.compare.report import causes_said, sentences
from iracdb.flags import FLAGS
from iracdb.photometry.response import NATIVE
from iracdb.runs.parameters import apply
from iracdb.runs.request import Request
from iracdb.runs.targets import FromHeaders

NOW = "2026-01-01T00:00:00.000000Z"
AORS = (50_000_001, 50_000_002)
SEEDS = 60
# The third lies within 0.1 arcsec of the first, the last has no position.
TARGETS = (("one", 65.5, 57.8), ("two", 10.0, -20.0), ("One", 65.500001, 57.8), ("one", None, None))


@pytest.fixture(scope="module")
def sky(module_database: Database) -> Database:
    """A catalogue of targets and frames: known by exposure, by time, and some by both."""
    with module_database.write() as connection:
        connection.execute(insert(t.aor), [{"aorkey": aor} for aor in AORS])
        connection.execute(
            insert(t.target),
            [{"id": n, "identity": f"t{n}", "name": name, "ra": ra, "dec": dec}
             for n, (name, ra, dec) in enumerate(TARGETS, start=1)],
        )  # fmt: skip
        connection.execute(
            insert(t.frame),
            [{"id": n + (8 if by_time else 0), "channel": 2, "aorkey": AORS[n % 2],
              "mjd_obs": 55000.0 + n, "expid": None if by_time else n,
              "dcenum": None if by_time else 0}
             for by_time in (False, True) for n in range(1, 9)],
        )  # fmt: skip
    return module_database


def value(chance: random.Random, column: Any, was: Any, dialect: str) -> Any:
    """Give what another run may have where one has a value."""
    if isinstance(column.type, Boolean):
        return chance.choice((None, True, False))
    if isinstance(column.type, Integer):
        return chance.choice((None, 0, 3))
    if not isinstance(column.type, Double):
        return chance.choice((None, "min", "max"))
    if was is None or chance.random() < 0.2:
        odd = (None, 0.0, -0.0, 1.5, math.inf)
        return chance.choice((*odd, math.nan) if dialect == "postgresql" else odd)
    return chance.choice((None, math.nextafter(was, math.inf), was * 1.01, -was))


def made_up(database: Database, chance: random.Random) -> tuple[int, int]:
    """Make two runs that are much alike, and odd in some ways."""
    odd = chance.random() < 0.5
    kind = chance.choice(("shown", "shown", "by time", "either"))
    changed = chance.choice((0.0, 0.02, 0.5))
    base: dict[Any, Any] = {}
    runs = []
    with database.write() as connection:
        for _ in range(2):
            imported = odd and chance.random() < 0.3
            number = connection.execute(
                insert(t.run)
                .values(
                    run_id=_next(connection), uuid=str(uuid.uuid4()),
                    name=(name := f"r{uuid.uuid4().hex}"), name_key=name,
                    origin="imported" if imported else "executed", state="finished", channel=2,
                    kind="bcd", layout="16-14-NY", parameters_digest="x", aors=list(AORS),
                    parameters=apply(Request(channel=2), 2, FromHeaders(None), NATIVE).values,
                    inputs_digest=None if imported else "x", started_at=NOW, finished_at=NOW,
                )
                .returning(t.run.c.run_id)
            ).scalar_one()  # fmt: skip
            runs.append(number)
            images = list(_images(connection, chance, number, odd, kind))
            for row in images:
                key = row["frame_id"], row["plane"]
                for each in (*IMAGE_COLUMNS, None):
                    name = "flags" if each is None else each.name
                    column = t.image_result.c[name]
                    known = base.setdefault(
                        (*key, name),
                        0 if each is None else value(chance, column, None, database.dialect),
                    )
                    if chance.random() < changed / 4:
                        known = (
                            chance.choice(FLAGS).bit
                            if each is None
                            else value(chance, column, known, database.dialect)
                        )
                    row[name] = known
            if images:
                connection.execute(insert(t.image_result), images)
    return runs[0], runs[1]


def _next(connection: Any) -> int:
    largest = connection.execute(select(func.max(t.run.c.run_id))).scalar_one()
    return (largest or 0) + 1


def _images(
    connection: Any, chance: random.Random, run: int, odd: bool, kind: str
) -> Iterator[dict[str, Any]]:
    targets = chance.choice(((1,), (1, 2), (3,), (4,), (1, 3))) if odd else (1,)
    groups = ("A", "B") if odd and chance.random() < 0.3 else ("A",)
    number = 0
    repeats = (0, 1) if odd and chance.random() < 0.2 else (0,)
    averages = product(AORS, targets, groups, repeats)
    for place, (aor, target, group, repeat) in enumerate(averages, start=1):
        average = connection.execute(
            insert(t.aor_result)
            .values(
                run_id=run, target_id=target, aorkey=aor, channel=2, frame_group=group,
                repeat=repeat, row_number=place, listed=True, state="measured",
                target_name=TARGETS[target - 1][0], flux=1.0, error=0.1,
            )
            .returning(t.aor_result.c.id)
        ).scalar_one()  # fmt: skip
        for frame in range(1, 9):
            own = AORS[frame % 2] == aor
            if chance.random() < 0.1 or not (own or (odd and chance.random() < 0.1)):
                continue
            by_time = kind == "by time" or (kind == "either" and chance.random() < 0.3)
            for plane in (-1,) if frame < 6 else (0, 1):
                for again in range(2 if odd and chance.random() < 0.05 else 1):
                    number += 1
                    yield {
                        "aor_result_id": average, "frame_id": frame + (8 if by_time else 0),
                        "plane": plane, "repeat": again, "row_number": number,
                    }  # fmt: skip


def told(found: Comparison) -> list[Any]:
    """Tell all that a comparison offers, without reading rows first."""
    if not found.comparable:
        return [found.summary()]
    images = found.parts[0]
    text = [found.summary(), found.verdict, sentences(found), causes_said(found), found.differs]
    listed = [
        changed_rows(images),
        changed_rows(images, over=0.005),
        changed_rows(images, column=images.names[-1]),
    ]
    tables = [found.images, found.only("images"), found.only("aors")]
    return [
        *text, listed, images.outcome.tolist(),
        [[table.colnames, [_cells(table[name]) for name in table.colnames]] for table in tables],
        list(images.columns), images.names, images.counts,
    ]  # fmt: skip


def _cells(column: Any) -> list[str]:
    # Signs of zeros are to be the same, too, and NaN is NaN.
    return [repr(each) for each in np.asarray(column).tolist()]


@pytest.mark.parametrize("chunk", range(4))
def test_the_database_tells_what_reading_tells(
    sky: Database, monkeypatch: pytest.MonkeyPatch, chunk: int
) -> None:
    """A comparison with the short way is, to the last word, that without it."""
    short = 0
    for seed in range(chunk * SEEDS // 4, (chunk + 1) * SEEDS // 4):
        a, b = made_up(sky, random.Random(seed))
        found = compare(sky, a, b)
        short += isinstance(found.image_part, CountedPart)
        with monkeypatch.context() as patched:
            patched.setattr(comparison, "join_images", lambda *_: None)
            oracle = compare(sky, a, b)
            assert not isinstance(oracle.image_part, CountedPart)
        # By text, where NaN is what NaN is.
        assert repr(told(found)) == repr(told(oracle)), seed
    assert 2 <= short < SEEDS // 4


def test_rows_can_be_read_when_the_catalogue_is_closed(sky: Database) -> None:
    where = (
        str(sky.url.database)
        if sky.dialect == "sqlite"
        else sky.url.render_as_string(hide_password=False)
    )
    for seed in range(20):
        a, b = made_up(sky, random.Random(seed))
        with Catalogue(where) as catalogue:
            found = catalogue.compare(a, b)
        if isinstance(found.image_part, CountedPart):
            break
    assert isinstance(found.image_part, CountedPart)
    assert len(found.images) == found.parts[0].shared > 0
