"""Each export leaves an activity behind, so that what rests on a run can be told."""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Iterable, Mapping
from pathlib import Path

from iracdb.catalogue.activity import record_activity
from iracdb.errors import CannotWrite, CatalogueError
from iracdb.runs.results import Run


def record_export(
    run: Run,
    folder: str | Path,
    contents: Mapping[str, bytes],
    *,
    formats: Iterable[str],
    layout: str | None,
    started_at: str,
) -> None:
    """Note what was written of a run; a catalogue that cannot be written is left as it is.

    Parameters
    ----------
    run : Run
        A finished run.
    folder : path
        Where to.
    contents : mapping
        Bytes by file name.
    formats : iterable of str
        Names of the tables' formats.
    layout : str or None
        Name of another layout than the run's own.
    started_at : str
        When it began, UTC.
    """
    files = [
        {"name": name, "sha256": hashlib.sha256(content).hexdigest()}
        for name, content in contents.items()
    ]
    detail = {
        "folder": str(Path(folder).absolute()),
        "files": files,
        "formats": list(formats),
        "layout": layout or run.row.layout,
    }
    # The files are written: that there is no note of them must not look like a failure.
    with contextlib.suppress(CatalogueError, CannotWrite), run._database.write() as connection:
        record_activity(
            connection, "export", run.run_id, f"{len(files)} files", started_at=started_at,
            detail=detail,
        )  # fmt: skip
