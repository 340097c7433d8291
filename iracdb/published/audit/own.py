"""Checks of runs made here: whether their files are still the newest, and what they were."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

from sqlalchemy import Connection, select

from iracdb.catalogue import tables as t
from iracdb.catalogue.file_places import places_of_files
from iracdb.irac.pipeline_versions import version_numbers
from iracdb.published.audit.finding import Finding


def superseded_files(connection: Connection, run: Any) -> Iterator[Finding]:
    """Find inputs of which a newer version is held."""
    newer = t.file.alias("newer")
    rows = connection.execute(
        select(
            t.file.c.name,
            t.file.c.version,
            t.file.c.creator,
            newer.c.version.label("new_version"),
            newer.c.creator.label("new_creator"),
        )
        .join(t.run_input, t.run_input.c.file_id == t.file.c.id)
        .join(
            newer,
            (newer.c.frame_id == t.file.c.frame_id)
            & (newer.c.kind == t.file.c.kind)
            & (newer.c.id != t.file.c.id),
        )
        .where(t.run_input.c.run_id == run.run_id)
        .order_by(t.file.c.name)
    ).all()
    behind = [
        row
        for row in rows
        if (row.new_version, version_numbers(row.new_creator))
        > (row.version, version_numbers(row.creator))
    ]
    if behind:
        yield Finding(
            "superseded-files", run.run_id, run.name,
            f"a newer version is held of {len({row.name for row in behind})} of its files",
            {"files": len({row.name for row in behind})},
            [{"file": row.name, "version": row.version, "newer": row.new_version}
             for row in behind],
        )  # fmt: skip


def files_gone_or_changed(connection: Connection, run: Any) -> Iterator[Finding]:
    """Find inputs that are at none of their places any more, or have changed there."""
    inputs = t.run_input.c
    numbers = (
        connection.execute(
            select(inputs.file_id).where(inputs.run_id == run.run_id).order_by(inputs.position)
        )
        .scalars()
        .all()
    )
    places = places_of_files(connection, numbers)
    gone = len(numbers) - len(places)
    changed = []
    for place in places.values():
        try:
            status = os.stat(place.path)
        except OSError:
            gone += 1
            continue
        if (status.st_size, status.st_mtime_ns) != (place.size, place.mtime_ns):
            changed.append(place.path)
    if gone:
        yield Finding(
            "files-gone", run.run_id, run.name,
            f"{gone} of the {len(numbers)} files that it measured are gone",
            {"files": gone, "inputs": len(numbers)},
        )  # fmt: skip
    if changed:
        yield Finding(
            "files-changed", run.run_id, run.name,
            f"{len(changed)} of the {len(numbers)} files that it measured have changed since",
            {"files": len(changed), "inputs": len(numbers)},
            [{"path": path} for path in sorted(changed)],
        )  # fmt: skip
