"""Which average is meant: of an AOR in one run, or in two."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import compress
from typing import Any

from sqlalchemy import Connection, select

from iracdb.catalogue import tables as t
from iracdb.compare.matching import match_averages, plain_name
from iracdb.compare.rows import average_key, targets_of
from iracdb.errors import InputRefused, NotFound

_SHOWN = 12
_LARGEST = 2**63 - 1


@dataclass(frozen=True)
class Wanted:
    """What was asked for.

    Parameters
    ----------
    aorkey : int
        The AOR.
    target : str or None
        Name of the target, whatever its case and blanks.
    row : int or None
        Row of the AOR table of the (first) run, from 1.
    """

    aorkey: int
    target: str | None
    row: int | None


def choose_one(connection: Connection, run: Any, wanted: Wanted) -> Any:
    """Find the average of an AOR in a run.

    Parameters
    ----------
    connection : sqlalchemy.Connection
        To a catalogue.
    run : Row
        Of the table ``run``.
    wanted : Wanted
        Which.

    Returns
    -------
    Row
        Of the table ``aor_result``.

    Raises
    ------
    NotFound
        Where there is none.
    InputRefused
        Where there are several.
    """
    found = _averages(connection, run, wanted.aorkey)
    if not found:
        raise NotFound(f"Run {run.name} does not hold AOR {wanted.aorkey} (iracdb show {run.name})")
    meant = _meant(found, wanted)
    if not meant:
        raise NotFound(f"{_asked(wanted)} is not in {run.name}, which has {_listed(found)}")
    if len(meant) > 1:
        raise InputRefused(_several(run, wanted, meant))
    return meant[0]


def choose_two(
    connection: Connection, run_a: Any, run_b: Any, wanted: Wanted
) -> tuple[Any | None, Any | None]:
    """Find the average of an AOR in two runs.

    Parameters
    ----------
    connection : sqlalchemy.Connection
        To a catalogue.
    run_a, run_b : Row
        Of the table ``run``.
    wanted : Wanted
        Which.

    Returns
    -------
    tuple of Row or None
        Of the table ``aor_result``: of one target and of frames alike. Where neither run has
        more than one, they are compared whatever their targets. None for a run without it.

    Raises
    ------
    NotFound
        Where neither run has it.
    InputRefused
        Where the channels differ, or several averages could be meant.
    """
    if run_a.channel != run_b.channel:
        raise InputRefused(
            f"{run_a.name} is of channel {run_a.channel}, {run_b.name} of channel "
            f"{run_b.channel}: they measured other images"
        )
    of_a, of_b = (_averages(connection, run, wanted.aorkey) for run in (run_a, run_b))
    if not of_a and not of_b:
        raise NotFound(f"AOR {wanted.aorkey} is neither in {run_a.name} nor in {run_b.name}")
    if not of_a or not of_b:
        run = run_a if of_a else run_b
        only = choose_one(connection, run, wanted)
        return (only, None) if of_a else (None, only)
    return _one_of_both(connection, (run_a, run_b), (of_a, of_b), wanted)


def _one_of_both(
    connection: Connection,
    runs: tuple[Any, Any],
    averages: tuple[Sequence[Any], Sequence[Any]],
    wanted: Wanted,
) -> tuple[Any, Any]:
    of_a, of_b = averages
    keys = []
    for run, rows in zip(runs, averages, strict=True):
        targets = targets_of(connection, run.run_id)
        keys.append([average_key(row, targets[row.target_id]) for row in rows])
    pairs = [(of_a[one], of_b[other]) for one, other in match_averages(*keys).pairs]
    meant = [pair for pair in pairs if _is_meant(pair, wanted)]
    if len(meant) > 1:
        raise InputRefused(_several(runs[0], wanted, [one for one, _ in meant]))
    if meant:
        return meant[0]
    if not _meant(of_a, wanted):
        raise NotFound(f"{_asked(wanted)} is not in {runs[0].name}, which has {_listed(of_a)}")
    if len(of_a) == len(of_b) == 1:
        # Another target: the user named the AOR, and there is nothing else to be meant.
        return of_a[0], of_b[0]
    raise InputRefused(
        f"{_asked(wanted)} of {runs[0].name} has no counterpart in {runs[1].name}, of the same "
        f"target and frames alike: {runs[0].name} has {_listed(of_a)}; "
        f"{runs[1].name} has {_listed(of_b)}"
    )


def _is_meant(pair: tuple[Any, Any], wanted: Wanted) -> bool:
    """Tell whether two averages are asked for: by the first one's row, by either one's target."""
    by_row = wanted.row in (None, pair[0].row_number)
    return by_row and (wanted.target is None or any(_is_named(row, wanted) for row in pair))


def _is_named(row: Any, wanted: Wanted) -> bool:
    return wanted.target is None or plain_name(row.target_name) == plain_name(wanted.target)


def _averages(connection: Connection, run: Any, aorkey: int) -> Sequence[Any]:
    if abs(aorkey) > _LARGEST:
        # No database has a number that large.
        return []
    column = t.aor_result.c
    query = select(t.aor_result).where(
        column.run_id == run.run_id, column.aorkey == aorkey, column.channel == run.channel
    )
    return connection.execute(query.order_by(column.row_number)).all()


def _meant(rows: Sequence[Any], wanted: Wanted) -> list[Any]:
    return [row for row in rows if _is_named(row, wanted) and wanted.row in (None, row.row_number)]


def _asked(wanted: Wanted) -> str:
    said = f"AOR {wanted.aorkey}"
    if wanted.target is not None:
        said += f" of target {wanted.target}"
    if wanted.row is not None:
        said += f" in row {wanted.row}"
    return said


def _several(run: Any, wanted: Wanted, rows: Sequence[Any]) -> str:
    return (
        f"{_asked(wanted)} has {len(rows)} averages in {run.name}: choose one by its row of the "
        f"AOR table (--row) or its target (--target): {_listed(rows)}"
    )


def _listed(rows: Sequence[Any]) -> str:
    """List averages by their rows, with what tells them apart."""
    facts = [(row.target_name, _place(row), row.frame_group) for row in rows]
    telling = [len(set(column)) > 1 for column in zip(*facts, strict=True)]
    said = []
    for row, fact in zip(rows, facts, strict=True):
        words = ", ".join(compress(fact, telling))
        said.append(f"row {row.row_number} ({words})" if words else f"row {row.row_number}")
    more = f" and {len(said) - _SHOWN} more" if len(said) > _SHOWN else ""
    return ", ".join(said[:_SHOWN]) + more


def _place(row: Any) -> str:
    if row.target_ra is None:
        return "position not told"
    return f"{row.target_ra:.5f} {row.target_dec:+.5f}"
