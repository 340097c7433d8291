"""``iracdb lineage``: from a number down to files, from a file up to numbers."""

from __future__ import annotations

from collections.abc import Sequence
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import click

from .completing import run_names
from .options import common_options, open_catalogue, output_options
from .output import _visible, many, note, plain, print_json, print_rows, print_table, shown_path
from .tracing_text import (
    DIGITS,
    STATUSES,
    average_rows,
    companions_of_images,
    day,
    export_text,
    files_of_frames,
    made_of,
    records,
    rounded,
    study_text,
    through_text,
    why_here,
)
from .tracing_tree import print_tree, tree_of

if TYPE_CHECKING:
    from iracdb.trace.graph import Lineage

_SHOWN = 20
_number = click.IntRange(1, 2**63 - 1)  # what a database holds


@click.command()
@click.argument("run", required=False, shell_complete=run_names)
@click.option("--aor", "aorkey", type=_number, help="Follow this AOR's flux down to files.")
@click.option("--target", metavar="NAME", help="Only this target of the AOR.")
@click.option(
    "--file",
    metavar="FILE",
    help="Find all that rests on a file: a path, an archive name, or the first digits of a "
    "SHA-256.",
)
@click.option(
    "--frame",
    metavar="FRAME",
    help="Find all that rests on a frame: its number, the beginning of an archive name, "
    "channel/AORKEY/EXPID/DCENUM, or channel/MJD.",
)
@click.option("--tree", is_flag=True, help="Draw a tree.")
@click.option(
    "--limit",
    type=_number,
    default=_SHOWN,
    show_default=True,
    help="Print at most so many images. JSON and CSV have all.",
)
@output_options
@common_options
def lineage(
    run: str | None,
    aorkey: int | None,
    target: str | None,
    file: str | None,
    frame: str | None,
    tree: bool,
    limit: int,
    output_format: str,
) -> None:
    """Tell where a number comes from, or what rests on a file.

    RUN, a number or a name, with --aor goes down: to the images of each average, kept and
    rejected, to their files and hashes, to calibration, software and parameters. --file and
    --frame go up: to every image and average in every run, to the runs made from those, to
    studies and exports.
    """  # fmt: skip
    if tree and output_format != "table":
        raise click.UsageError("--tree is for people: leave it out with --json and --csv")
    with open_catalogue() as catalogue:
        found = catalogue.lineage(run, aor=aorkey, target=target, file=file, frame=frame)
    if output_format == "json":
        print_json(_as_json(found))
    elif output_format == "csv":
        print_rows(found.images.columns, found.images.rows, "csv")
    else:
        _note_withdrawn(found)
        shown = records(found)[:limit]
        if tree:
            print_tree(tree_of(found, shown))
        else:
            (_tell_down if found.direction == "down" else _tell_up)(found, shown)
        _tell_cut(len(found.images.rows), len(shown))


def _as_json(found: Lineage) -> dict[str, Any]:
    return {
        "direction": found.direction,
        "about": found.about,
        "nodes": [
            {"id": one, "kind": kind, "label": label,
             "attributes": {key: plain(value) for key, value in attributes.items()}}
            for one, kind, label, attributes in found.nodes.rows
        ],
        "edges": [
            dict(zip(found.edges.columns, row, strict=True)) for row in found.edges.rows
        ],
    }  # fmt: skip


def _note_withdrawn(found: Lineage) -> None:
    from iracdb.runs.withdrawal import withdrawn_sentence

    for run in found.of_kind("run"):
        said = withdrawn_sentence(SimpleNamespace(**run["attributes"]))
        if said is not None:
            note(said)


def _tell_cut(total: int, shown: int) -> None:
    if total > shown:
        note(f"{shown:,} of {total:,} images are shown: --limit N shows more, --json and --csv all")


def _tell_down(found: Lineage, shown: Sequence[dict[str, Any]]) -> None:
    titles = (
        "Row",
        "Target",
        "Frames alike",
        "Flux/mJy",
        "Error/mJy",
        *map(str.capitalize, STATUSES),
    )
    print_table(titles, average_rows(found), right=titles[3:])
    click.echo("")
    print_table(("", found.about), made_of(found))
    if not shown:
        return
    click.echo("")
    several = len(found.of_kind("aor_result")) > 1
    if any(one["file"] is not None for one in shown):
        columns = {"SHA-256": _short_hash, "There": _field("present"), "File": _where}
    else:
        names = files_of_frames(found)
        columns = {"Link": _field("link_grade"), "Frame": _field("frame"),
                   "Files that show it": lambda one: names.get(one["frame"])}  # fmt: skip
    first = {"Row": _field("average")} if several else {}
    said = {"Image": _field("image"), "Status": _field("status"), "Why": _field("why")}
    files = {node["attributes"]["sha256"]: node["attributes"] for node in found.of_kind("file")}
    beside = companions_of_images(found)
    for role in sorted({role for roles in beside.values() for role in roles}):
        columns[f"File ({role})"] = lambda one, role=role: _beside(files, beside, one, role)
    columns = {**first, **said, **columns}
    print_table(tuple(columns), [tuple(tell(one) for tell in columns.values()) for one in shown])


def _beside(files: Any, beside: Any, one: dict[str, Any], role: str) -> str | None:
    sha256 = beside[one["image"]].get(role)
    return None if sha256 is None else str(files[sha256]["name"])


def _field(name: str) -> Any:
    return lambda one: one[name]


def _short_hash(one: dict[str, Any]) -> str | None:
    return None if one["sha256"] is None else one["sha256"][:DIGITS]


def _where(one: dict[str, Any]) -> str | None:
    return one["file"] if one["path"] is None else shown_path(one["path"])


def _tell_up(found: Lineage, shown: Sequence[dict[str, Any]]) -> None:
    files = [node["attributes"] for node in found.of_kind("file")]
    if files:
        print_table(
            ("File", "SHA-256", "CREATOR", "There", "Place"),
            [(file["name"], file["sha256"][:DIGITS], file["creator"], place["present"],
              place["path"] and shown_path(place["path"]))
             for file in files
             for place in file["places"] or [{"present": False, "path": None}]],
        )  # fmt: skip
        click.echo("")
    _tell_results(found, shown)
    direct = {one["run_id"] for one in records(found)}
    others = [run["attributes"] for run in found.of_kind("run")]
    others = [run for run in others if run["run_id"] not in direct]
    exports = [node["attributes"] for node in found.of_kind("activity")]
    for titles, rows in (
        (("Run", "Name", "State", "Why it is here", "Withdrawn"),
         [(run["run_id"], run["name"], run["state"], why_here(found, run),
           day(run["withdrawn_at"])) for run in others]),
        (("Study",), [(study_text(study["attributes"]),) for study in found.of_kind("study")]),
        (("Written", "Run", "When", "By", "What"),
         [(one["kind"], one["run_id"], day(one["at"]), one["operator"], export_text(one))
          for one in exports]),
    ):  # fmt: skip
        if rows:
            click.echo("")
            print_table(titles, rows)


def _tell_results(found: Lineage, shown: Sequence[dict[str, Any]]) -> None:
    if not shown:
        click.echo(_visible(f"No result rests on {found.about}"))
        return
    titles = ("Run", "Name", "AOR", "Target", "Flux/mJy", "Image", "Status", "Why", "Through",
              "Withdrawn")  # fmt: skip
    rows = [
        (one["run_id"], one["run"], one["aorkey"], one["target"], rounded(one["flux"], "#.6g"),
         one["image"], one["status"], one["why"], through_text(one), day(one["withdrawn_at"]))
        for one in shown
    ]  # fmt: skip
    print_table(titles, rows, right=("Flux/mJy",))
    every = records(found)
    averages = len({(one["run_id"], one["average"]) for one in every})
    runs = len({one["run_id"] for one in every})
    verb = "rests" if len(every) == 1 else "rest"
    said = (
        f"{many(len(every), 'image')} in {many(averages, 'average')} of {many(runs, 'run')} "
        f"{verb} on {found.about}"
    )
    click.echo(_visible(said))
