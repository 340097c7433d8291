"""What is worth saying when a run closes: that its numbers are not new, or its words not true."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, and_, distinct, func, or_, select

from iracdb.catalogue import tables as t
from iracdb.catalogue.database import Database
from iracdb.compare.columns import measured_here
from iracdb.irac.handbook import is_cryogenic
from iracdb.runs import registry
from iracdb.runs.words import disagreements

_SAMPLE = 25
"""Images by which a run is found that shares many; all are compared with that one only."""

_IMAGE = ("x", "y", "raw", "background")

run, result, image = t.run.c, t.aor_result, t.image_result


def closing_notes(database: Database, which: int | str) -> list[str]:
    """Tell what is worth knowing of a run when it is finished.

    Parameters
    ----------
    database : Database
        A catalogue.
    which : int or str
        The run's number or name.

    Returns
    -------
    list of str
        Sentences, without full stops; empty where there is nothing to say.
    """
    with database.read() as connection:
        row = registry.find(connection, which)
        missions = missions_of(connection, row.run_id)
        said = repeated(connection, row)
        words = disagreements(row.name, row.comment, row.channel, row.parameters, missions)
        return [*said, *(_capital(found.sentence) for found in words)]


def repeated(connection: Connection, row: Any) -> list[str]:
    """Tell which run's results a run repeats, to the bit.

    Parameters
    ----------
    connection : sqlalchemy.Connection
        To a catalogue.
    row : Row
        Of the table ``run``.

    Returns
    -------
    list of str
        One sentence, or none: of whole runs, else of the run that shares most averages, else of
        one that shares images.
    """
    whole = _whole(connection, row)
    if whole:
        return [f"Its results are, to the bit, those of {_listed(whole)}"]
    averages = _averages_shared(connection, row.run_id)
    other = averages[0] if averages else _images_sampled(connection, row)
    if other is None:
        return []
    images = _images_shared(connection, row.run_id, other) if measured_here(row) else (0, 0)
    said = [_of(averages[1], averages[2], "average")] if averages else []
    if images[0]:
        said.append(_of(*images, "image", " with a flux"))
    if not said:
        return []
    name = connection.execute(select(*_NAMED).where(run.run_id == other)).one()
    verb = "is" if len(said) == 1 and said[0].startswith("its one") else "are"
    return [f"{_capital(' and '.join(said))} {verb}, to the bit, in {_listed([name])} too"]


_NAMED = (run.run_id, run.name, run.withdrawn_at)


def _whole(connection: Connection, row: Any) -> Sequence[Any]:
    if row.result_digest is None:
        return []
    return connection.execute(
        select(*_NAMED)
        .where(
            run.result_digest == row.result_digest,
            run.run_id != row.run_id,
            run.state == "finished",
        )
        .order_by(run.run_id)
    ).all()


def _averages_shared(connection: Connection, run_id: int) -> tuple[int, int, int] | None:
    """Find the run that shares most averages: its number, how many, of how many."""
    mine, other = result.alias("mine"), result.alias("other")
    of_mine, of_other = t.target.alias("of_mine"), t.target.alias("of_other")
    measured = and_(mine.c.run_id == run_id, mine.c.listed, mine.c.flux.is_not(None))
    shared = func.count(distinct(mine.c.id))
    found = connection.execute(
        select(other.c.run_id, shared)
        .select_from(mine)
        .join(
            other,
            and_(
                other.c.aorkey == mine.c.aorkey,
                other.c.channel == mine.c.channel,
                other.c.run_id != mine.c.run_id,
                other.c.listed,
                other.c.flux == mine.c.flux,
                _same(other.c.error, mine.c.error),
            ),
        )
        .join(t.run, and_(run.run_id == other.c.run_id, run.state == "finished"))
        .join(of_mine, of_mine.c.id == mine.c.target_id)
        .join(of_other, of_other.c.id == other.c.target_id)
        .where(
            measured,
            # Positions within the limit are one target in the catalogue.
            or_(
                mine.c.target_id == other.c.target_id,
                of_mine.c.ra.is_(None),
                of_other.c.ra.is_(None),
            ),
        )
        .group_by(other.c.run_id)
        .order_by(shared.desc(), other.c.run_id)
        .limit(1)
    ).one_or_none()
    if found is None:
        return None
    total = connection.execute(select(func.count()).select_from(mine).where(measured)).scalar_one()
    return int(found[0]), int(found[1]), int(total)


def _images_sampled(connection: Connection, row: Any) -> int | None:
    """Find the run that shares most of some images spread over this one."""
    if not measured_here(row):
        # The images of a recomputation are copies of its parent's.
        return None
    with_flux = _images_of(row.run_id).where(image.c.raw.is_not(None))
    count = connection.execute(select(func.count()).select_from(with_flux.subquery())).scalar_one()
    step = max(1, int(count) // _SAMPLE)
    numbered = with_flux.add_columns(
        func.row_number().over(order_by=image.c.row_number).label("place")
    ).subquery()
    mine = select(numbered).where(numbered.c.place % step == 0).limit(2 * _SAMPLE).subquery()
    other = image.alias("other")
    average = result.alias("average")
    shared = func.count()
    found = connection.execute(
        select(average.c.run_id, shared)
        .select_from(mine)
        .join(other, and_(*_same_image(mine, other)))
        .join(average, average.c.id == other.c.aor_result_id)
        .join(t.run, and_(run.run_id == average.c.run_id, run.state == "finished"))
        .where(average.c.run_id != row.run_id, average.c.target_id == mine.c.target_id)
        .group_by(average.c.run_id)
        .order_by(shared.desc(), average.c.run_id)
        .limit(1)
    ).first()
    return None if found is None else int(found[0])


def _images_shared(connection: Connection, run_id: int, other_id: int) -> tuple[int, int]:
    """Count the images with a flux that another run has to the bit, and all of them."""
    # Each read once, not looked up frame by frame among the images of all runs.
    mine, other = (
        _images_of(number).where(image.c.raw.is_not(None)).cte(name).prefix_with("MATERIALIZED")
        for number, name in ((run_id, "mine"), (other_id, "other"))
    )
    shared = connection.execute(
        select(func.count()).select_from(
            select(mine.c.aor_result_id, mine.c.frame_id, mine.c.plane, mine.c.repeat)
            .join(other, and_(*_same_image(mine, other), mine.c.target_id == other.c.target_id))
            .distinct()
            .subquery()
        )
    ).scalar_one()
    total = connection.execute(select(func.count()).select_from(mine)).scalar_one()
    return int(shared), int(total)


def _images_of(run_id: int) -> Select[Any]:
    names = ("aor_result_id", "frame_id", "plane", "repeat", *_IMAGE)
    return (
        select(*(image.c[name] for name in names), result.c.target_id)
        .join(result, result.c.id == image.c.aor_result_id)
        .where(result.c.run_id == run_id)
    )


def _same_image(mine: Any, other: Any) -> list[ColumnElement[bool]]:
    keys = [mine.c[name] == other.c[name] for name in ("frame_id", "plane")]
    return [*keys, *(_same(mine.c[name], other.c[name]) for name in _IMAGE)]


def _same(one: Any, other: Any) -> ColumnElement[bool]:
    same: ColumnElement[bool] = one.is_not_distinct_from(other)
    return same


def missions_of(connection: Connection, run_id: int) -> tuple[str, ...]:
    """Tell the missions that a run's averages are of, by their times.

    Parameters
    ----------
    connection : sqlalchemy.Connection
        To a catalogue.
    run_id : int
        The run.

    Returns
    -------
    tuple of str
        ``CRYO`` and ``WARM``, as far as they occur.
    """
    time = result.c.mjd_obs
    row = connection.execute(
        select(func.min(time), func.max(time)).where(result.c.run_id == run_id)
    ).one()
    if row[0] is None:
        return ()
    ends = {is_cryogenic(float(mjd)) for mjd in row}
    return tuple(name for name, is_so in (("CRYO", True), ("WARM", False)) if is_so in ends)


def _of(number: int, total: int, noun: str, which: str = "") -> str:
    if number == total:
        return f"all its {total:,} {noun}s{which}" if total > 1 else f"its one {noun}{which}"
    return f"{number:,} of its {total:,} {noun}s{which}"


def _listed(rows: Sequence[Any]) -> str:
    names = [f"{row.name}{'' if row.withdrawn_at is None else ' (withdrawn)'}" for row in rows]
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def _capital(text: str) -> str:
    return f"{text[0].upper()}{text[1:]}"
