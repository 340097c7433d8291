"""What keeps a large catalogue quick: statistics of what was written, where rows of runs lie."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, false, func, select, text

from iracdb.catalogue.cutting import CUT_BY, parts_of
from iracdb.catalogue.tables import aor_result, image_result, metadata
from iracdb.errors import CatalogueError


def analyse(connection: Connection) -> None:
    """Let the database look at what has been written since, after much of it.

    Of a table in parts only the last is looked at, which is the one that is written: the others
    are as they were, and looking at all of them takes longer with each that is closed.

    Parameters
    ----------
    connection : sqlalchemy.Connection
        In a transaction that may write.
    """
    try:
        in_parts = {table: parts_of(connection, table) for table in CUT_BY}
    except CatalogueError:  # cut in another way: which part is the last is not known
        in_parts = {}
    if not any(in_parts.values()):
        connection.execute(text("ANALYZE"))
        return
    names = [table.name for table in metadata.sorted_tables if not in_parts.get(table.name)]
    last = [parts[-1].name for parts in in_parts.values() if parts]
    told = ", ".join(f'"{name}"' for name in (*names, *last))
    connection.execute(text(f"ANALYZE {told}"))


def span_of_runs(connection: Connection, runs: Sequence[int]) -> ColumnElement[Any]:
    """Tell, as a condition on images, between which averages the rows of some runs lie.

    To be asked beside what picks the runs: it leaves out no row of theirs. Who joins images to the
    averages of a run does not tell PostgreSQL in which parts these are; told so, it opens no other.

    Parameters
    ----------
    connection : sqlalchemy.Connection
        To a catalogue.
    runs : sequence of int
        Numbers of runs.

    Returns
    -------
    sqlalchemy.ColumnElement
        Of ``image_result``; false where they have no averages.
    """
    numbers = select(func.min(aor_result.c.id), func.max(aor_result.c.id))
    first, last = connection.execute(numbers.where(aor_result.c.run_id.in_(list(runs)))).one()
    if first is None:
        return false()
    return image_result.c.aor_result_id.between(first, last)
