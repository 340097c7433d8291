"""``iracdb serve``: the catalogue in a browser."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from .options import common_options, open_catalogue
from .output import note

if TYPE_CHECKING:
    from iracdb import Catalogue


@click.command()
@click.option(
    "--host",
    default="127.0.0.1",
    show_default=True,
    help="Address to listen at; another is reached from elsewhere, with a token.",
)
@click.option(
    "--port", type=click.IntRange(0, 65535), default=8613, show_default=True, help="0: any free."
)
@click.option(
    "--name",
    "names",
    multiple=True,
    metavar="HOST",
    help="Another name that browsers call it by (may be repeated).",
)
@click.option(
    "--token",
    envvar="IRACDB_SERVE_TOKEN",
    metavar="TEXT",
    help="What a browser must know; by default a new one, where others reach it.",
)
@click.option(
    "--sql-role", metavar="ROLE", help="The role of PostgreSQL by which the SQL page reads."
)
@common_options
def serve(
    host: str, port: int, names: tuple[str, ...], token: str | None, sql_role: str | None
) -> None:
    """Show the catalogue in a browser, read-only, until Ctrl-C."""
    from iracdb.web.serving import serve as serve_catalogue

    with open_catalogue() as catalogue:
        if sql_role is not None:
            _check_role(catalogue, sql_role)
        serve_catalogue(
            catalogue, host=host, port=port, hosts=names, token=token, sql_role=sql_role,
            ready=_told,
        )  # fmt: skip
    note("Stopped")


def _check_role(catalogue: Catalogue, role: str) -> None:
    """Refuse at once a role by which no query would be carried out."""
    from iracdb.catalogue.readers import why_not_a_reader

    if catalogue._database.dialect == "sqlite":
        raise click.UsageError("--sql-role: SQLite has no roles, its queries can only read anyway")
    said = why_not_a_reader(catalogue._database, role)
    if said is not None:
        raise click.UsageError(f"--sql-role: {said}; it is to be one that can only read")


def _told(address: str) -> None:
    click.echo(address)
    note("Ctrl-C stops it; nothing can be changed there")
