"""Importing a folder of published runs: all of it, or nothing and why."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, or_, select, text

from iracdb.catalogue import tables as t
from iracdb.catalogue.bulk import no_garbage_collection
from iracdb.catalogue.database import Database
from iracdb.catalogue.upkeep import analyse
from iracdb.errors import InputRefused, RunRefused, UsageError
from iracdb.published.ahead import ReadRun, reader
from iracdb.published.reading import PublishedRun, find_runs
from iracdb.published.store import Imported, Known, store_run
from iracdb.runs.names import agree, check_name, check_number, number_of
from iracdb.runs.registry import FIRST_IMPORTED
from iracdb.runs.target_lists import FromList, read_target_list
from iracdb.runs.wording import changes

Progress = Callable[[int, int, str], None]


_WAYS_OUT = (
    "give this one --as N --name NAME (by one of its files), or import the others with --keep-going"
)


@dataclass
class ImportReport:
    """What became of a folder.

    Parameters
    ----------
    imported : list of Imported
        The runs taken in, and those that were there already.
    refused : list of tuple
        Name and reason of each run refused (with ``keep_going``).
    renamed : list of tuple
        Name of the files and name of the run, where the rule for names made a difference.
    """

    imported: list[Imported] = field(default_factory=list)
    refused: list[tuple[str, str]] = field(default_factory=list)
    renamed: list[tuple[str, str]] = field(default_factory=list)


def import_runs(
    database: Database,
    folder: str | Path,
    *,
    targets: Sequence[str | Path] = (),
    number: int | None = None,
    name: str | None = None,
    keep_going: bool = False,
    jobs: int = 1,
    progress: Progress | None = None,
) -> ImportReport:
    """Import the runs of a folder.

    Parameters
    ----------
    database : Database
        Open for writing.
    folder : path
        With ``<run>_aor_data.csv``, ``<run>_img_data.csv`` and ``<run>_log.txt``; or one of them.
    targets : sequence of path, optional
        Lists of targets that the runs were given, or folders of them.
    number, name : optional
        For a single run: the number and name to give it.
    keep_going : bool, optional
        Import the runs that can be, and list what was refused.
    jobs : int, optional
        How many processes may be at work: this one writes, the others read. For a small folder
        none is started. What is stored does not depend on it.
    progress : callable, optional
        Called after each run.

    Returns
    -------
    ImportReport
        What became of each run.

    Raises
    ------
    InputRefused
        Where anything is not as it must be: nothing is imported then.
    """
    found = find_runs(folder)
    if (number is not None or name is not None) and len(found) > 1:
        raise UsageError(
            f"--as and --name go with one run, not with {len(found)}: name one of its files"
        )
    lists = _lists(targets)
    report = ImportReport()
    with reader(found, jobs) as read, database.write() as connection, no_garbage_collection():
        if connection.dialect.name == "postgresql":
            connection.execute(text("SELECT pg_advisory_xact_lock(4977674)"))
        known = Known(connection)
        for done, file_name in enumerate(found, start=1):
            try:
                # A place to go back to costs some speed: only where the import would go on.
                with connection.begin_nested() if keep_going else nullcontext():
                    made = _import_one(connection, file_name, read, lists, number, name, known)
            except InputRefused as problem:
                if not keep_going:
                    raise
                # What the refused run added was taken back.
                known = Known(connection)
                report.refused.append((file_name, str(problem)))
            else:
                report.imported.append(made)
                if made.name != file_name:
                    report.renamed.append((file_name, made.name))
            if progress is not None:
                progress(done, len(found), file_name)
    if any(made.new for made in report.imported):
        with database.write() as connection:
            analyse(connection)
    return report


def _import_one(
    connection: Connection,
    file_name: str,
    read: Callable[[str], ReadRun],
    lists: dict[str, FromList],
    number: int | None,
    name: str | None,
    known: Known,
) -> Imported:
    found = read(file_name)
    published = found.published
    run_name = name or lawful_name(file_name)
    if name is None and number is not None and number_of(run_name) is not None:
        # The files' own name owns another number.
        run_name = f"run{number}"
    owned, _ = agree(number, run_name)
    held = _same_files(connection, published, run_name)
    if held is not None and number in (None, held.run_id):
        return held
    run_id = owned or _next_imported(connection)
    _check_free(connection, run_id, run_name, file_name)
    given = _list_of(published, lists)
    return store_run(connection, found, run_id, run_name, given, known)


def lawful_name(name: str) -> str:
    """Make a run's name out of its files' name.

    Parameters
    ----------
    name : str
        What stands before ``_aor_data.csv``.

    Returns
    -------
    str
        The same where it keeps the rule for names.
    """
    try:
        number_of(check_name(name))
        return name
    except UsageError:
        lawful = re.sub(r"[^A-Za-z0-9_]", "_", name)[:48] or "imported"
        if lawful[0].isdigit() or lawful.lower().startswith("run"):
            lawful = f"r_{lawful}"[:48]
        return check_name(lawful)


def _same_files(connection: Connection, published: PublishedRun, name: str) -> Imported | None:
    """Find the run of a name, now or before it was renamed, if it is of these very files."""
    source = t.run_source.c
    digests = {one.role: one.sha256 for one in published.sources}
    candidates = connection.execute(
        select(t.run.c.run_id, t.run.c.name)
        .join(t.run_source, source.run_id == t.run.c.run_id)
        .where(source.role == "log", source.sha256 == digests["log"])
    ).all()
    for row in sorted(candidates, key=lambda row: row.name.lower() != name.lower()):
        names = {row.name, *(change.before for change in changes(connection, row.run_id)
                             if change.kind == "rename")}  # fmt: skip
        if name.lower() not in {str(each).lower() for each in names}:
            continue
        stored = connection.execute(
            select(source.role, source.sha256).where(source.run_id == row.run_id)
        ).all()
        if {one.role: one.sha256 for one in stored} == digests:
            averages, images = len(published.aor), len(published.img)
            return Imported(row.run_id, row.name, averages, images, {}, 0, new=False)
    return None


def _check_free(connection: Connection, run_id: int, name: str, file_name: str) -> None:
    row: Any = connection.execute(
        select(t.run.c.run_id, t.run.c.name, t.run.c.origin).where(
            or_(t.run.c.run_id == run_id, t.run.c.name_key == name.lower())
        )
    ).first()
    if row is None:
        return
    if row.origin == "imported" and row.name.lower() == name.lower():
        raise RunRefused(
            f"{file_name}: run {row.run_id} ({row.name}) was imported from other files of that "
            f"name, and a run is never overwritten: {_WAYS_OUT}"
        )
    raise RunRefused(
        f"{file_name}: number {run_id} or the name {name} is taken by run {row.run_id} "
        f"({row.name}): {_WAYS_OUT}"
    )


def _next_imported(connection: Connection) -> int:
    numbers = set(
        connection.execute(select(t.run.c.run_id).where(t.run.c.run_id >= FIRST_IMPORTED)).scalars()
    )
    number = FIRST_IMPORTED
    while number in numbers:
        number += 1
    return check_number(number)


def _lists(places: Sequence[str | Path]) -> dict[str, FromList]:
    """Read the lists of targets, by their file names."""
    found: dict[str, FromList] = {}
    for place in places:
        path = Path(place)
        files = sorted(path.glob("*.csv")) if path.is_dir() else [path]
        if not files:
            raise InputRefused(f"There are no lists of targets (*.csv) in {path}")
        for file in files:
            found[file.name] = read_target_list(file)
    return found


def _list_of(published: PublishedRun, lists: dict[str, FromList]) -> FromList | None:
    for path in published.log.command.paths:
        found = lists.get(Path(path).name)
        if found is not None:
            return found
    return None
