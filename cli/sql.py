"""``iracdb sql``: ask the database anything, change nothing."""

from __future__ import annotations

import sys

import click

from .options import common_options, open_catalogue, output_options
from .output import note, print_rows


@click.command()
@click.argument("query")
@click.option("--limit", type=click.IntRange(1, 2**31 - 1), help="At most so many rows.")
@click.option(
    "--timeout",
    type=click.FloatRange(min=0, min_open=True),
    default=60.0,
    show_default=True,
    help="Seconds the query may take.",
)
@output_options
@common_options
def sql(query: str, limit: int | None, timeout: float, output_format: str) -> None:
    """Carry out one query; it can change nothing.

    Column names stand in double quotes, as they are: "Flux (mJy)", "Spread (%)", "Time[MJD]".
    The tables of run 13 are run13_aor_data and run13_img_data; those of all runs run_aor_data and
    run_img_data; headers are in header_card. QUERY may be - to read it from standard input.
    """  # fmt: skip
    text = sys.stdin.read() if query == "-" else query
    with open_catalogue() as catalogue:
        found = catalogue.sql(text, limit=limit, timeout=timeout)
    print_rows(found.columns, found.rows, output_format)
    if found.truncated:
        note(f"Only the first {limit} rows are shown (--limit)")
