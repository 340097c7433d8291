"""What keeps a large catalogue quick: statistics of what was written, where rows of runs lie."""

from __future__ import annotations

from sqlalchemy import ColumnElement, Connection, FromClause, func, select, text

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


def between_its_averages(
    connection: Connection, run: int, images: FromClause = image_result
) -> list[ColumnElement[bool]]:
    """Tell between which averages the images of a run lie, on PostgreSQL.

    To be asked beside what picks the run's averages; it leaves out no row. Without it PostgreSQL
    would sooner read all images than look for those of many averages, in every part if the table
    is cut.

    Parameters
    ----------
    connection : sqlalchemy.Connection
        To a catalogue.
    run : int
        Its number.
    images : sqlalchemy.FromClause, optional
        ``image_result``, or an alias of it.

    Returns
    -------
    list of sqlalchemy.ColumnElement
        One condition; none on SQLite, which goes by the averages, and of a run that has none.
    """
    span = span_of_averages(connection, run)
    return [] if span is None else [images.c.aor_result_id.between(*span)]


def span_of_averages(connection: Connection, run: int) -> tuple[int, int] | None:
    """Tell the numbers of a run's first and last average, on PostgreSQL.

    Parameters
    ----------
    connection : sqlalchemy.Connection
        To a catalogue.
    run : int
        The run's number.

    Returns
    -------
    tuple of int or None
        None where nothing would be won by them: see `between_its_averages`.
    """
    if connection.dialect.name != "postgresql":
        return None
    # Of the bare column PostgreSQL would look for the least by walking through the averages of all
    # the runs before.
    number = aor_result.c.id + 0
    numbers = select(func.min(number), func.max(number))
    first, last = connection.execute(numbers.where(aor_result.c.run_id == run)).one()
    return None if first is None else (first, last)
