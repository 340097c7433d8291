"""``iracdb init`` and ``iracdb db``: the database itself."""

from __future__ import annotations

import click

from .options import common_options, location, open_catalogue
from .output import note


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
