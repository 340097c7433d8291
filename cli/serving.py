"""``iracdb serve``: the catalogue in a browser."""

from __future__ import annotations

import click

from .options import common_options, open_catalogue
from .output import note


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
        serve_catalogue(
            catalogue, host=host, port=port, hosts=names, token=token, sql_role=sql_role,
            ready=_told,
        )  # fmt: skip
    note("Stopped")


def _told(address: str) -> None:
    click.echo(address)
    note("Ctrl-C stops it; nothing can be changed there")
