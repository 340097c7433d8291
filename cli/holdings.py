"""``iracdb status``, ``aors``, ``frames`` and ``files``: what is held."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from typing import TYPE_CHECKING, Any

import click

from .options import common_options, open_catalogue, output_options
from .output import many, note, print_json, print_rows, print_table, shown_path

if TYPE_CHECKING:
    from iracdb.catalogue.listing import Listing

_channel = click.option("--channel", type=click.IntRange(1, 4), help="Only this channel.")
_number = click.IntRange(1, 2**63 - 1)  # what a database holds
_aor = click.option("--aor", "aorkey", type=_number, help="Only this AOR.")
_limit = click.option("--limit", type=_number, help="At most so many rows.")


@click.command()
@output_options
@common_options
def status(output_format: str) -> None:
    """Tell what is held, by AOR, channel and kind of file."""
    with open_catalogue() as catalogue:
        held, totals = catalogue.holdings(), catalogue.totals()
    if output_format == "json":
        rows = [dict(zip(held.columns, row, strict=True)) for row in held.rows]
        print_json({"totals": totals, "holdings": rows})
    elif output_format == "csv":
        print_rows(held.columns, held.rows, "csv")
    else:
        _tell(held, totals)


def _tell(held: Listing, totals: dict[str, int]) -> None:
    if held.rows:
        print_table(("AOR", "Ch", "Object", "Mode", "Frames", "Files"), _by_channel(held))
    gone = f" and {totals['withdrawn']:,} withdrawn" if totals["withdrawn"] else ""
    click.echo(
        f"{many(totals['aors'], 'AOR')}, {many(totals['frames'], 'frame')}, "
        f"{many(totals['files'], 'file')} ({totals['bytes'] / 1e6:,.1f} MB), "
        f"{many(totals['runs'], 'run')}{gone}"
    )
    if totals["gone"]:
        click.echo(f"{many(totals['gone'], 'file')} gone from where it was seen (iracdb files)")
    if totals["set_aside"]:
        click.echo(f"{many(totals['set_aside'], 'file')} set aside (iracdb problems)")


def _by_channel(held: Listing) -> list[tuple[Any, ...]]:
    records = [dict(zip(held.columns, row, strict=True)) for row in held.rows]
    rows = []
    for (aorkey, channel), group in groupby(records, key=lambda r: (r["aorkey"], r["channel"])):
        kinds = list(group)
        rows.append(
            (
                aorkey,
                channel,
                next((r["object"] for r in kinds if r["object"]), None),
                next((r["read_mode"] for r in kinds if r["read_mode"]), None),
                max(r["frames"] for r in kinds),
                ", ".join(f"{r['kind']} {r['files']}" for r in kinds),
            )
        )
    return rows


def _list(found: Listing, output_format: str, spare: Sequence[str] = ()) -> None:
    if found.rows or output_format != "table":
        print_rows(found.columns, found.rows, output_format, spare=spare)
    else:
        note("There are none: take frames in with 'iracdb ingest'")


@click.command()
@_channel
@output_options
@common_options
def aors(channel: int | None, output_format: str) -> None:
    """List the AORs."""
    with open_catalogue() as catalogue:
        found = catalogue.aors(channel=channel)
    _list(found, output_format, ("observer", "program", "last", "label"))


@click.command()
@_aor
@_channel
@_limit
@output_options
@common_options
def frames(aorkey: int | None, channel: int | None, limit: int | None, output_format: str) -> None:
    """List the frames."""
    with open_catalogue() as catalogue:
        found = catalogue.frames(aorkey=aorkey, channel=channel, limit=limit)
    _list(found, output_format)


@click.command()
@_aor
@_channel
@click.option("--kind", help="Only this kind, such as bcd.")
@_limit
@output_options
@common_options
def files(
    aorkey: int | None, channel: int | None, kind: str | None, limit: int | None, output_format: str
) -> None:
    """List the files and where they lie."""
    with open_catalogue() as catalogue:
        found = catalogue.files(aorkey=aorkey, channel=channel, kind=kind, limit=limit)
    if output_format == "table":
        rows = [(name, creator, digest[:12], there, path and shown_path(path))
                for name, _, _, creator, _, digest, there, path in found.rows]  # fmt: skip
        print_table(("name", "creator", "sha256", "there", "path"), rows)
    else:
        print_rows(found.columns, found.rows, output_format)
