"""``iracdb init`` and ``iracdb db``: the database itself."""

from __future__ import annotations

import click

from .options import common_options, location, open_catalogue
from .output import many, note


@click.command()
@common_options
def init() -> None:
    """Make a new catalogue ('iracdb ingest' makes it too)."""
    from iracdb.catalogue.urls import database_url, shown

    with open_catalogue(create=True):
        note(f"The catalogue {shown(database_url(location()))} is ready")


@click.group()
def db() -> None:
    """Look after the database: its revision, and bringing it up to date."""


@db.command()
@common_options
def current() -> int:
    """Tell the database's revision. Exit status 1 where it is not this program's."""
    from iracdb.catalogue import database
    from iracdb.catalogue.urls import database_url

    revision, head, state = database.current(database_url(location()))
    said = {
        "head": "up to date",
        "older": f"older than this iracdb ({head}): run 'iracdb db upgrade'",
        "newer": f"newer than this iracdb ({head}): upgrade iracdb",
        "empty": "an empty database: run 'iracdb init'",
        "foreign": "not an iracdb catalogue",
    }
    click.echo(f"{revision or 'none'}: {said[state]}")
    return 0 if state == "head" else 1


@db.command()
@common_options
def upgrade() -> None:
    """Bring the database to this program's revision. Save a copy first."""
    from iracdb.catalogue import database
    from iracdb.catalogue.urls import database_url

    before, after = database.upgrade(database_url(location()))
    if before == after:
        note(f"The database is at revision {after} already")
    else:
        note(f"The database went from revision {before or 'none'} to {after}")


@db.command()
@click.option("--rows", type=int, help="Close the last part where it holds so many (20 million).")
@click.option("--undo", "is_undone", is_flag=True, help="Make each table one whole again.")
@common_options
def partition(rows: int | None, is_undone: bool) -> None:
    """Cut the tables that grow with the archive into parts, on PostgreSQL.

    The first time each table becomes its own first part, as it stands. Each later time its last
    part is closed where it has become large, and a new one begins; else nothing is done. All of it
    is done, or nothing. Not while a run is made.
    """
    from iracdb.catalogue import partitions
    from iracdb.catalogue.cutting import CUT_BY
    from iracdb.catalogue.urls import database_url

    url = database_url(location())
    if is_undone and rows is not None:
        raise click.UsageError("--undo and --rows cannot go together")
    if is_undone:
        partitions.undo(url)
        note("Each table is one whole")
        return
    found = partitions.partition(url, rows=partitions.ROWS if rows is None else rows)
    for table, parts in found.items():
        click.echo(f"{table}: {many(len(parts), 'part')}, cut by {CUT_BY[table]}")
        for part in parts:
            first = "the first" if part.first is None else f"{part.first:,}"
            end = "on" if part.end is None else f"to {part.end - 1:,}"
            click.echo(
                f"  {part.name}: from {first} {end}, "
                f"about {many(part.rows, 'row')}, {part.size / 1e6:,.1f} MB"
            )
