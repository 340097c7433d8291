"""What the tests of lineage share: a scene with all that can happen, and a witness in Python."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from run_helpers import write_frames
from sqlalchemy import insert, select, update

from iracdb import Catalogue, flags
from iracdb.catalogue import tables as t
from iracdb.irac.simulate import FrameSpec, file_path
from iracdb.trace.graph import Lineage

FIRST, UNLIKE, OFF = 91_000_000, 91_000_256, 91_000_512
RADIUS = (3, 3, 7)
START = FrameSpec(
    channel=1, aorkey=FIRST, x=127.0, y=127.0, flux_mjy=30.0, noise=False, mjd=56_000.0
)
COPIED, GONE, RENEWED, SIBLING = 2, 4, 6, 9
"""Frames of the first AOR whose file lies twice, lies nowhere, is held in a newer version, and has
a namesake with other content in the folder ``siblings``."""


def scene_specs() -> list[FrameSpec]:
    """Twelve frames that scatter, one of them off the array; two unlike ones; one hopeless."""
    first = [
        replace(START, expid=n, mjd=START.mjd + n / 100, flux_mjy=30.0 * (1 + 0.05 * (n % 5)))
        for n in range(12)
    ]
    first[7] = replace(first[7], x=-40.0)
    unlike = replace(START, aorkey=UNLIKE, mjd=56_100.0)
    return [
        *first,
        unlike,
        replace(unlike, expid=1, frame_time=12.0, mjd=unlike.mjd + 0.01),
        # At the time of another AOR's frame.
        replace(START, aorkey=OFF, x=-40.0, mjd=unlike.mjd),
    ]


def make_scene(catalogue: Catalogue, folder: Path) -> None:
    """Fill a catalogue: runs 1 to 5, a study, exports, a parent and its child's child."""
    paths = write_frames(folder / "archive", *scene_specs())
    targets = folder / "targets.csv"
    targets.write_text(
        "AOR Filepath,Target Coordinates\n"
        f"/data/r{FIRST},{START.ra} {START.dec}\n"
        f"/data/r{FIRST},{START.ra + 0.02} {START.dec}\n"
        f"/data/r{UNLIKE},{START.ra} {START.dec}\n"
    )
    catalogue.ingest(folder / "archive")
    catalogue.run(run_id=1, comment="the first", command="as typed")
    catalogue.run(run_id=2, radius=RADIUS, targets=targets, out=folder / "tables")
    (folder / "copies").mkdir()
    shutil.copyfile(paths[COPIED], folder / "copies" / paths[COPIED].name)
    paths[GONE].rename(folder / "elsewhere")
    newer = replace(scene_specs()[RENEWED], version=2, flux_mjy=31.0)
    write_frames(folder / "archive", newer)
    catalogue.ingest(folder / "archive", folder / "copies")
    (folder / "elsewhere").rename(paths[GONE])
    catalogue.ingest(folder / "archive")
    catalogue.run(run_id=3, radius=RADIUS, name="Newest")
    paths[GONE].unlink()
    catalogue.ingest(folder / "archive")
    catalogue.run(run_id=4, radius=RADIUS, aors=[UNLIKE])
    catalogue.run(run_id=5, radius=RADIUS, aors=[OFF])
    write_frames(folder / "siblings", replace(scene_specs()[SIBLING], flux_mjy=29.0))
    catalogue.ingest(folder / "siblings")
    with catalogue._database.write() as connection:
        for child, parent in ((4, 3), (5, 4)):
            mark = update(t.run).where(t.run.c.run_id == child)
            connection.execute(mark.values(parent_run_id=parent))
        held = insert(t.study).values(name="a study", kind="radius-test", created_at="now")
        number = connection.execute(held.returning(t.study.c.id)).scalar_one()
        rows = [
            {"study_id": number, "run_id": run, "position": run, "label": f"radius {run}"}
            for run in (1, 3)
        ]
        connection.execute(insert(t.study_run), rows)


def path_of(folder: Path, expid: int, version: int = 1, where: str = "archive") -> Path:
    """Where a file of the first AOR lies."""
    spec = replace(scene_specs()[expid], version=version)
    return file_path(folder / where, spec.name())


def rows_of(catalogue: Catalogue, table: Any) -> list[dict[str, Any]]:
    """Every row of a table, by column."""
    with catalogue._database.read() as connection:
        return [dict(row._mapping) for row in connection.execute(select(table))]


class Witness:
    """The tables read whole, and joined in plain Python."""

    def __init__(self, catalogue: Catalogue) -> None:
        self.run = {row["run_id"]: row for row in rows_of(catalogue, t.run)}
        self.average = {row["id"]: row for row in rows_of(catalogue, t.aor_result)}
        self.image = rows_of(catalogue, t.image_result)
        self.frame = {row["id"]: row for row in rows_of(catalogue, t.frame)}
        self.file = {row["id"]: row for row in rows_of(catalogue, t.file)}
        self.location = rows_of(catalogue, t.file_location)
        self.input = rows_of(catalogue, t.run_input)

    def aors(self) -> list[tuple[int, int]]:
        """Every run and AOR with a result."""
        return sorted({(row["run_id"], row["aorkey"]) for row in self.average.values()})

    def images(self, run: int, aorkey: int) -> list[tuple[Any, ...]]:
        """The images of an AOR: average, row, status, why, hash, place."""
        found = []
        for image in self.image:
            average = self.average[image["aor_result_id"]]
            if (average["run_id"], average["aorkey"]) != (run, aorkey):
                continue
            found.append(
                (average["row_number"], image["row_number"], *self.status(image),
                 self.file.get(image["file_id"], {}).get("sha256"))
            )  # fmt: skip
        return sorted(found)

    def status(self, image: dict[str, Any]) -> tuple[str, str | None]:
        """What became of an image, told from its row by other words than the program's."""
        usable = image["raw"] is not None and image["background"] is not None
        if image["kept"] is None and usable:
            return "not told", None
        if image["kept"]:
            return "kept", None
        if usable:
            return "rejected", image["rejected_by"]
        names = [flag.name for flag in flags.FLAGS if image["flags"] & flag.bit]
        return "unusable", ", ".join(names) or "no flux"

    def resting(self, file: int) -> set[tuple[int, int, int]]:
        """Run, average's row and image's row of every image measured on a file."""
        return {
            (average["run_id"], average["row_number"], image["row_number"])
            for image in self.image
            for average in [self.average[image["aor_result_id"]]]
            if image["file_id"] == file
        }

    def children(self, runs: set[int]) -> set[int]:
        """Runs made from runs, from those, and so on."""
        made: set[int] = set()
        while True:
            more = {
                number
                for number, row in self.run.items()
                if row["parent_run_id"] in runs | made and number not in made
            }
            if not more:
                return made
            made |= more


def told_images(found: Lineage, *columns: str) -> list[tuple[Any, ...]]:
    """Some columns of the table of images."""
    places = [found.images.columns.index(column) for column in columns]
    return [tuple(row[place] for place in places) for row in found.images.rows]


def results(found: Lineage) -> set[tuple[int, int, int]]:
    """Run, average's row and image's row of the images of a lineage."""
    return set(told_images(found, "run_id", "average", "image"))  # type: ignore[arg-type]


def attributes(found: Lineage, *kinds: str) -> list[dict[str, Any]]:
    """What is told of the nodes of some kinds."""
    return [node["attributes"] for node in found.of_kind(*kinds)]


def edges(found: Lineage, *relations: str) -> set[tuple[str, str, str]]:
    """Edges of some relations."""
    return {row for row in found.edges.rows if row[2] in relations}


def sha256(content: bytes | Path) -> str:
    """Hash of bytes, or of a file's."""
    data = content.read_bytes() if isinstance(content, Path) else content
    return hashlib.sha256(data).hexdigest()


def numbers(runs: Sequence[dict[str, Any]]) -> set[int]:
    """Numbers of runs."""
    return {run["run_id"] for run in runs}
