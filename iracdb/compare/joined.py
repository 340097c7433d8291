"""Images of two runs joined and compared where they are: only what differs comes out.

The database can only join rows by equal keys. Where that is not what `match_images` does, because
a frame counts several times, or is known to one run by its time alone, or a target has two numbers
or no position, nothing is told here, and the rows are read and matched one by one.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    FromClause,
    Select,
    and_,
    bindparam,
    case,
    exists,
    func,
    or_,
    select,
)

from iracdb.catalogue import tables as t
from iracdb.catalogue.upkeep import between_its_averages, span_of_averages
from iracdb.compare.columns import Compares
from iracdb.compare.matching import TargetKey, same_targets
from iracdb.compare.parts import ColumnPair, compare_bits, compare_column

_FLAGS = "flags"

_average_a, _average_b = t.aor_result.alias("average_a"), t.aor_result.alias("average_b")
_image_a, _image_b = t.image_result.alias("image_a"), t.image_result.alias("image_b")
_frame = t.frame.c


@dataclass(frozen=True)
class Joined:
    """Images of two runs, joined by frame, plane and target.

    Parameters
    ----------
    shared : int
        Pairs.
    alone : tuple of int
        Rows of the first run alone, and of the second.
    size : int
        Pairs that differ in some column.
    columns : dict
        The columns in which some pair differs, over those pairs, in no order.
    """

    shared: int
    alone: tuple[int, int]
    size: int
    columns: dict[str, ColumnPair]


@dataclass(frozen=True)
class _Held:
    """What one run has images of."""

    images: int
    targets: frozenset[int]
    once: bool
    """Whether no AOR has two averages of one target."""


@dataclass(frozen=True)
class _Places:
    """What rows are about, as far as it settles whether keys are enough."""

    rows: int
    shown: int
    """Rows on frames whose exposure is known."""
    plain: bool
    """Whether all are on frames of their own AOR, and not repeated in it."""
    keys: frozenset[tuple[int, int, int]] = frozenset()


def join_images(
    connection: Connection,
    a: int,
    b: int,
    targets: tuple[dict[int, TargetKey], dict[int, TargetKey]],
    columns: Sequence[Compares],
    bits: dict[str, int],
) -> Joined | None:
    """Join and compare the images of two runs in the database.

    Parameters
    ----------
    connection : sqlalchemy.Connection
        To a catalogue.
    a, b : int
        Numbers of the runs.
    targets : tuple of dict
        Their targets, by number.
    columns : sequence of Compares
        Of ``image_result``.
    bits : dict
        Quality flags that are compared: bits of ``flags`` by name.

    Returns
    -------
    Joined or None
        None where no two rows are joined, or where keys alone do not tell which belong together.
    """
    spans = span_of_averages(connection, a), span_of_averages(connection, b)
    held = _held(connection, a, spans[0]), _held(connection, b, spans[1])
    if not _numbers_tell_targets(targets, held):
        return None
    told, mask = tuple(columns), sum(bits.values())
    asked = {"a": a, "b": b, **_ends("a", spans[0]), **_ends("b", spans[1])}
    pairs = _pairs(*(span is not None for span in spans))
    with _by_hash(connection):
        counted = connection.execute(_counting(pairs, told, mask), asked).one()
    shared, shown, plain, *differing = counted
    if not shared:
        return None
    left = [
        _left_over(connection, run, other) if each.images > shared else _Places(0, 0, True)
        for run, other, each in ((a, b, held[0]), (b, a, held[1]))
    ]
    places = [_Places(shared, shown, plain == shared), *left]
    if not _keys_tell_rows(connection, (a, b), held, places):
        return None
    differ = {
        name: apart
        for (name, apart), count in zip(_apart(told, mask).items(), differing, strict=True)
        if count
    }
    size = 0
    found: dict[str, ColumnPair] = {}
    if differ:
        size, found = _differing(connection, pairs, asked, columns, bits, differ)
    return Joined(shared, (left[0].rows, left[1].rows), size, found)


Span = tuple[int, int] | None
"""Numbers of a run's first and last average, on PostgreSQL: see `between_its_averages`."""


def _ends(run: str, span: Span) -> dict[str, int]:
    return {} if span is None else {f"{run}_first": span[0], f"{run}_last": span[1]}


def _within(run: str, images: FromClause = t.image_result) -> ColumnElement[bool]:
    ends: list[Any] = [bindparam(f"{run}_{end}") for end in ("first", "last")]
    within: ColumnElement[bool] = images.c.aor_result_id.between(*ends)
    return within


# Statements are made once: to write one of forty columns takes as long as to answer it.


@cache
def _holding(spanned: bool) -> Select[Any]:
    result, image = t.aor_result.c, t.image_result.c
    query = (
        select(result.target_id, result.aorkey, func.count())
        .join(t.image_result, image.aor_result_id == result.id)
        .where(result.run_id == bindparam("run"))
        .group_by(result.id, result.target_id, result.aorkey)
    )
    return query.where(_within("run")) if spanned else query


def _held(connection: Connection, run_id: int, span: Span) -> _Held:
    asked = {"run": run_id, **_ends("run", span)}
    rows = connection.execute(_holding(span is not None), asked).all()
    return _Held(
        sum(row[2] for row in rows),
        frozenset(row[0] for row in rows),
        len({tuple(row[:2]) for row in rows}) == len(rows),
    )


def _numbers_tell_targets(
    targets: tuple[dict[int, TargetKey], dict[int, TargetKey]], held: tuple[_Held, _Held]
) -> bool:
    mine, others = (
        {key for number, key in run.items() if number in each.targets}
        for run, each in zip(targets, held, strict=True)
    )
    if any(target.ra is None for target in (*mine, *others)):
        return False
    return all(target.number == number for target, number in same_targets(mine, others).items())


@cache
def _apart(columns: tuple[Compares, ...], mask: int) -> dict[str, ColumnElement[bool]]:
    """Write what tells whether a pair differs, by column.

    A database knows no difference between the zeros, and one of the two has a NaN beside NULL:
    what it finds to be the same is the same, and what differs is looked at again.
    """
    a, b = _image_a.c, _image_b.c
    found: dict[str, ColumnElement[bool]] = {}
    if mask:
        found[_FLAGS] = a.flags.bitwise_and(mask) != b.flags.bitwise_and(mask)
    return found | {each.name: a[each.name].is_distinct_from(b[each.name]) for each in columns}


@cache
def _pairs(spanned_a: bool, spanned_b: bool) -> FromClause:
    one, other = _average_a.c, _average_b.c
    return (
        _average_a.join(
            _average_b,
            and_(
                one.run_id == bindparam("a"),
                other.run_id == bindparam("b"),
                other.aorkey == one.aorkey,
                other.target_id == one.target_id,
            ),
        )
        .join(
            _image_a,
            and_(_image_a.c.aor_result_id == one.id, *([_within("a", _image_a)] * spanned_a)),
        )
        .join(
            _image_b,
            and_(
                *([_within("b", _image_b)] * spanned_b),
                _image_b.c.aor_result_id == other.id,
                _image_b.c.frame_id == _image_a.c.frame_id,
                _image_b.c.plane == _image_a.c.plane,
            ),
        )
    )


@contextmanager
def _by_hash(connection: Connection) -> Iterator[None]:
    """Have PostgreSQL join images by a hash of all their keys.

    It takes an average's number and the numbers of the run's averages for independent, expects an
    image of each average, and would pair every image of an AOR with every other one to look for
    those of one frame.
    """
    if connection.dialect.name != "postgresql":
        yield
        return
    connection.execute(_JOIN_METHODS, {"whether": "off"})
    yield
    connection.execute(_JOIN_METHODS, {"whether": "on"})


_JOIN_METHODS = select(
    *(
        func.set_config(f"enable_{name}", bindparam("whether"), True)
        for name in ("mergejoin", "nestloop")
    )
)


@cache
def _counting(pairs: FromClause, columns: tuple[Compares, ...], mask: int) -> Any:
    # Looked up one by one: to be joined by a hash, all frames of the catalogue would be read.
    def looked_up(column: Any) -> Any:
        return select(column).where(_frame.id == _image_a.c.frame_id).scalar_subquery()

    plain = and_(
        looked_up(_frame.aorkey) == _average_a.c.aorkey,
        _image_a.c.repeat == 0,
        _image_b.c.repeat == 0,
    )
    return select(
        func.count(),
        func.count(looked_up(_frame.expid)),
        func.count(case((plain, 1))),
        *(func.count(case((each, 1))) for each in _apart(columns, mask).values()),
    ).select_from(pairs)


def _left_over(connection: Connection, run: int, other: int) -> _Places:
    """Read what the rows without a counterpart are about."""
    one, image = _average_a.c, _image_a.c
    counterpart = exists().where(
        *between_its_averages(connection, other, _image_b),
        _average_b.c.run_id == other,
        _average_b.c.aorkey == one.aorkey,
        _average_b.c.target_id == one.target_id,
        _image_b.c.aor_result_id == _average_b.c.id,
        _image_b.c.frame_id == image.frame_id,
        _image_b.c.plane == image.plane,
    )
    rows = connection.execute(
        select(
            image.frame_id, image.plane, one.target_id, image.repeat, one.aorkey,
            _frame.aorkey, _frame.expid,
        )
        .select_from(
            _average_a.join(_image_a, image.aor_result_id == one.id).join(
                t.frame, _frame.id == image.frame_id
            )
        )
        .where(one.run_id == run, ~counterpart, *between_its_averages(connection, run, _image_a))
    ).all()  # fmt: skip
    return _Places(
        len(rows),
        sum(row[6] is not None for row in rows),
        all(row[3] == 0 and row[4] == row[5] for row in rows),
        frozenset((row[0], row[1], row[2]) for row in rows),
    )


def _keys_tell_rows(
    connection: Connection,
    runs: tuple[int, int],
    held: tuple[_Held, _Held],
    places: Sequence[_Places],
) -> bool:
    # One frame known by its exposure and one by its time alone may be the same.
    if sum(each.shown for each in places) not in (0, sum(each.rows for each in places)):
        return False
    # What is left in both is about the same in other AORs.
    if places[1].keys & places[2].keys:
        return False
    if all(each.plain for each in places) and all(each.once for each in held):
        return True
    return not any(_counts_twice(connection, run) for run in runs)


def _counts_twice(connection: Connection, run_id: int) -> bool:
    result, image = t.aor_result.c, t.image_result.c
    twice = (
        select(image.frame_id)
        .join(t.aor_result, result.id == image.aor_result_id)
        .where(result.run_id == run_id, *between_its_averages(connection, run_id))
        .group_by(image.frame_id, image.plane, result.target_id)
        .having(func.count() > 1)
        .limit(1)
    )
    return connection.execute(twice).first() is not None


def _differing(
    connection: Connection,
    pairs: FromClause,
    runs: dict[str, int],
    columns: Sequence[Compares],
    bits: dict[str, int],
    apart: dict[str, ColumnElement[bool]],
) -> tuple[int, dict[str, ColumnPair]]:
    """Read the pairs that differ, in the columns in which any does."""
    values = [side.c[name] for name in apart for side in (_image_a, _image_b)]
    with _by_hash(connection):
        query = select(*values).select_from(pairs).where(or_(*apart.values()))
        rows = connection.execute(query, runs).all()
    read = dict(zip(apart, _by_two(list(zip(*rows, strict=True))), strict=True))
    found = {}
    if _FLAGS in read:
        found = compare_bits(tuple(bits), tuple(bits.values()), *read[_FLAGS])
    found |= {each.name: compare_column(each, *read[each.name]) for each in columns
              if each.name in read}  # fmt: skip
    return len(rows), found


def _by_two(items: Sequence[Any]) -> list[tuple[Any, Any]]:
    return list(zip(items[::2], items[1::2], strict=True))
