"""What keeps a large catalogue quick: statistics of what was written, where rows of runs lie."""

from __future__ import annotations

from sqlalchemy import ColumnElement, Connection, FromClause, Text, column, func, select, text

from iracdb.catalogue.tables import aor_result, image_result, metadata

_GROWN = text("""
    SELECT c.relname
    FROM pg_class c
    LEFT JOIN pg_inherits h ON h.inhrelid = c.oid
    LEFT JOIN pg_class whole ON whole.oid = h.inhparent
    WHERE c.relkind = 'r'
      AND c.relnamespace = current_schema()::regnamespace
      AND coalesce(whole.relname, c.relname) = ANY(:names)
      AND (
          pg_relation_size(c.oid) > 1.1 * c.relpages * current_setting('block_size')::bigint
          OR (pg_relation_size(c.oid) > 0 AND NOT EXISTS (
              SELECT 1 FROM pg_stats s
              WHERE s.schemaname = current_schema() AND s.tablename = c.relname
          ))
      )
    ORDER BY c.relname
""").columns(column("relname", Text))
"""Tables, and parts of tables, that have grown by a tenth since PostgreSQL looked at them last, or
that it never looked at: to build an index or to clear away what is gone also counts the pages.

In one order, so that two who look at once do not wait for each other.
"""


def analyse(connection: Connection) -> None:
    """Let the database look at what has been written since, after much of it.

    PostgreSQL takes a sample as large of a table that has hardly changed as of one that is new: it
    looks only at what has grown by a tenth since it looked last, as its own autovacuum does, but
    at once. So parts that are closed are not looked at again.

    Parameters
    ----------
    connection : sqlalchemy.Connection
        In a transaction that may write.
    """
    if connection.dialect.name != "postgresql":
        connection.execute(text("ANALYZE"))
        return
    grown = connection.execute(_GROWN, {"names": list(metadata.tables)}).scalars().all()
    if grown:
        told = ", ".join(f'"{name}"' for name in grown)
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
