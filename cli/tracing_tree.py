"""A lineage as a tree in the terminal."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from .output import _NO_TERMINAL, _visible, many, shown_path
from .tracing_text import (
    DIGITS,
    STATUSES,
    average_rows,
    companions_of_images,
    day,
    export_text,
    files_of_frames,
    image_text,
    made_of,
    pipeline_text,
    records,
    rounded,
    run_text,
    study_text,
    through_text,
    why_here,
)

if TYPE_CHECKING:
    from rich.tree import Tree

    from iracdb.trace.graph import Lineage


class Branch(NamedTuple):
    """A line of a tree and what hangs on it.

    Parameters
    ----------
    text : str
        Plain text.
    below : list of Branch
        In order.
    """

    text: str
    below: Sequence[Branch] = ()


def tree_of(found: Lineage, shown: Sequence[dict[str, Any]]) -> Branch:
    """Make a tree of a lineage.

    Parameters
    ----------
    found : Lineage
        Either way.
    shown : sequence of dict
        The images to draw.

    Returns
    -------
    Branch
        Its root.
    """
    return Branch(found.about, (_down if found.direction == "down" else _up)(found, shown))


def print_tree(root: Branch) -> None:
    """Draw a tree, as wide as the terminal or as need be.

    Parameters
    ----------
    root : Branch
        With all below it.
    """
    from rich.console import Console
    from rich.text import Text
    from rich.tree import Tree

    def grow(tree: Tree, branches: Sequence[Branch]) -> None:
        for branch in branches:
            grow(tree.add(Text(_visible(branch.text))), branch.below)

    drawn = Tree(Text(_visible(root.text)))
    grow(drawn, root.below)
    console = Console(width=None if sys.stdout.isatty() else _NO_TERMINAL, highlight=False)
    with console.capture() as captured:
        console.print(drawn)
    for line in captured.get().splitlines():
        click.echo(line.rstrip())


def _down(found: Lineage, shown: Sequence[dict[str, Any]]) -> list[Branch]:
    files = {node["attributes"]["sha256"]: node["attributes"] for node in found.of_kind("file")}
    by_frame = files_of_frames(found)
    companions = companions_of_images(found)
    images: dict[int, list[Branch]] = {}
    for one in shown:
        if one["sha256"] is not None:
            of_image = [_file(files[one["sha256"]])]
        else:
            of_image = [_link(one, by_frame.get(one["frame"]))]
        for role, sha256 in companions[one["image"]].items():
            beside = _file(files[sha256])
            of_image.append(Branch(f"{role}: {beside.text}", beside.below))
        images.setdefault(one["average"], []).append(Branch(image_text(one), of_image))
    branches = []
    for number, target, group, flux, error, *counts in average_rows(found):
        became = zip(counts, STATUSES, strict=True)
        said = ", ".join(f"{count} {status}" for count, status in became if count) or "none"
        below = Branch(f"{many(sum(counts), 'image')}: {said}", images.get(number, []))
        branches.append(Branch(f"{target}, {group}: {flux} mJy, error {error} mJy", [below]))
    context = [Branch(f"{title}: {text}") for title, text in made_of(found)]
    return [*branches, Branch("made with", context)]


def _file(told: dict[str, Any]) -> Branch:
    places = [
        Branch(f"{shown_path(place['path'])}{'' if place['present'] else ' (gone)'}")
        for place in told["places"]
    ]
    pipeline = pipeline_text(told["creator"], told["fluxconv"])
    return Branch(f"{told['name']}, sha256 {told['sha256'][:DIGITS]}, {pipeline}", places)


def _link(one: dict[str, Any], names: str | None) -> Branch:
    said = f"{one['frame']}, link of grade {one['link_grade']}"
    return Branch(said, [Branch(f"shown by {names}")] if names else [])


def _up(found: Lineage, shown: Sequence[dict[str, Any]]) -> list[Branch]:
    results: dict[int, dict[str, list[Branch]]] = {}
    for one in shown:
        average = f"AOR {one['aorkey']}, {one['target']}: {rounded(one['flux'], '#.6g')} mJy"
        image = Branch(f"{image_text(one)}, through its {through_text(one)}")
        results.setdefault(one["run_id"], {}).setdefault(average, []).append(image)
    exports = [node["attributes"] for node in found.of_kind("activity")]
    direct = {one["run_id"] for one in records(found)}
    branches = [_file(node["attributes"]) for node in found.of_kind("file")]
    for node in found.of_kind("run"):
        run = node["attributes"]
        number = run["run_id"]
        below = [Branch(said, images) for said, images in results.get(number, {}).items()]
        below += [
            Branch(f"{one['kind']} {day(one['at'])}: {export_text(one)}")
            for one in exports
            if one["run_id"] == number
        ]
        why = "" if number in direct else f": {why_here(found, run)}"
        branches.append(Branch(f"run {run_text(run)}{why}", below))
    studies = [Branch(f"study {study_text(one['attributes'])}") for one in found.of_kind("study")]
    return [*branches, *studies]
