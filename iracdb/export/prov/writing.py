"""Writing a run's provenance: to a stream, to a file, to a folder of its own."""

from __future__ import annotations

import contextlib
import filecmp
import hashlib
import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TextIO

from iracdb.catalogue.activity import record_activity
from iracdb.catalogue.clock import now
from iracdb.catalogue.database import Database
from iracdb.errors import CannotWrite, CatalogueError, UsageError
from iracdb.export.prov.content import provenance_of
from iracdb.export.prov.texts import TEXTS, text_of
from iracdb.runs.results import Run

FORMATS = (*TEXTS, "rocrate")
"""Names of the formats: those of one file, and the folder."""


def prov_text(database: Database, run: Run, format_name: str, level: str) -> Iterator[str]:
    """Write a run's provenance piece by piece.

    Parameters
    ----------
    database : Database
        The catalogue.
    run : Run
        A finished run.
    format_name : {'json', 'provn', 'xml'}
        Of W3C PROV.
    level : {'aor', 'image'}
        How deep.

    Yields
    ------
    str
        The text in pieces.
    """
    with database.read() as connection:
        yield from text_of(provenance_of(connection, run.row, level), format_name)


def write_text(database: Database, run: Run, out: TextIO, format_name: str, level: str) -> None:
    """Write a run's provenance to a stream.

    Parameters
    ----------
    database : Database
        The catalogue.
    run : Run
        A finished run.
    out : text stream
        Where to.
    format_name : {'json', 'provn', 'xml'}
        Of W3C PROV.
    level : {'aor', 'image'}
        How deep.
    """
    out.writelines(prov_text(database, run, format_name, level))


def write_file(
    database: Database, run: Run, path: Path, format_name: str, level: str, *, overwrite: bool
) -> list[Path]:
    """Write a run's provenance into a file: all of it or nothing.

    Parameters
    ----------
    database : Database
        The catalogue.
    run : Run
        A finished run.
    path : Path
        The file; folders are made where they are not there.
    format_name : {'json', 'provn', 'xml'}
        Of W3C PROV.
    level : {'aor', 'image'}
        How deep.
    overwrite : bool
        Whether a file that holds something else may be replaced.

    Returns
    -------
    list of Path
        The file.

    Raises
    ------
    CannotWrite
        Where something else is in the way, or the disk is full, or permission lacks.
    """
    started_at = now()
    with _plain_problems(path):
        if path.is_dir():
            raise CannotWrite(f"{path} is a folder: name a file in it with --out")
        path.parent.mkdir(parents=True, exist_ok=True)
        with _beside(path) as beside:
            with beside.open("w", encoding="utf-8", newline="\n") as stream:
                write_text(database, run, stream, format_name, level)
            same = path.is_file() and filecmp.cmp(path, beside, shallow=False)
            if os.path.lexists(path) and not overwrite and not same:
                raise CannotWrite(
                    f"{path} is there already and holds something else: name another with --out, "
                    "or replace it with --overwrite"
                )
            os.replace(beside, path)
    _record(database, run, path.parent, [path], format_name, level, started_at)
    return [path]


def write_crate(
    database: Database,
    run: Run,
    folder: Path,
    level: str,
    *,
    license_: str | None,
    overwrite: bool,
) -> list[Path]:
    """Write a run as an RO-Crate: tables, log, PROV-JSON, and what describes them.

    Parameters
    ----------
    database : Database
        The catalogue.
    run : Run
        A finished run.
    folder : Path
        Of its own; made where it is not there.
    level : {'aor', 'image'}
        How deep the PROV document goes.
    license_ : str or None
        Address or name of the licence of the results; None where none is stated.
    overwrite : bool
        Whether the folder may hold something else, and files in it may be replaced.

    Returns
    -------
    list of Path
        The files.

    Raises
    ------
    CannotWrite
        Where something else is in the way, the disk is full, permission lacks, or the package
        `rocrate` is not installed.
    """
    from iracdb.export.prov.crate import described_crate
    from iracdb.export.prov.crate_facts import facts_of

    started_at = now()
    with _plain_problems(folder):
        if folder.exists() and not folder.is_dir():
            raise CannotWrite(f"{folder} is a file, not a folder: name another with --out")
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(
            prefix=f".{folder.name}.", dir=folder.parent, ignore_cleanup_errors=True
        ) as name:
            made = Path(name) / "crate"
            made.mkdir()
            files = _crate_files(database, run, made, level)
            with database.read() as connection:
                facts = facts_of(connection, run.row, license_)
            described_crate(facts, made, files)
            names = sorted(path.name for path in made.iterdir())
            _move(made, folder, names, overwrite=overwrite)
    written = [folder / name for name in names]
    _record(database, run, folder, written, "rocrate", level, started_at)
    return written


def _crate_files(database: Database, run: Run, made: Path, level: str) -> dict[str, str]:
    """Write everything but the description; tell what each file is."""
    from iracdb.export.tables import FORMATS as ENDINGS
    from iracdb.export.tables import _log_bytes, _table_bytes

    whats = {
        "aor_data.csv": "averages of AORs, in the layout of the published runs",
        "img_data.csv": "measurements of images, in the layout of the published runs",
        "aor_data.ecsv": "averages of AORs with all columns, units and metadata (ECSV)",
        "img_data.ecsv": "measurements of images with all columns, units and metadata (ECSV)",
        "log.txt": "log of the run",
        "prov.json": "where the results come from (W3C PROV-JSON)",
    }
    for format_name in ("csv", "ecsv"):
        for which in ("aor", "img"):
            path = made / f"{run.name}_{which}_data.{ENDINGS[format_name]}"
            path.write_bytes(_table_bytes(run, which, format_name, None))
    (made / f"{run.name}_log.txt").write_bytes(_log_bytes(run))
    with (made / f"{run.name}_prov.json").open("w", encoding="utf-8", newline="\n") as stream:
        write_text(database, run, stream, "json", level)
    return {f"{run.name}_{ending}": what for ending, what in whats.items()}


def _move(made: Path, folder: Path, names: Iterable[str], *, overwrite: bool) -> None:
    """Put a finished folder into its place."""
    if not os.path.lexists(folder):
        os.rename(made, folder)
        return
    present = {path.name for path in folder.iterdir()}
    match, _, _ = filecmp.cmpfiles(made, folder, names, shallow=False)
    if present - set(match) and not overwrite:
        raise CannotWrite(
            f"{folder} is there already and holds something else: name another with --out, or "
            "write into it with --overwrite"
        )
    for name in names:
        os.replace(made / name, folder / name)


@contextlib.contextmanager
def _plain_problems(place: Path) -> Iterator[None]:
    try:
        yield
    except CannotWrite:
        raise
    except OSError as problem:
        raise CannotWrite(f"Could not write to {place}: {problem.strerror or problem}") from None


@contextlib.contextmanager
def _beside(path: Path) -> Iterator[Path]:
    """Give a file beside the one to be written, with the permissions that one would have."""
    folder = tempfile.mkdtemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        yield Path(folder) / path.name
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _record(
    database: Database,
    run: Run,
    folder: Path,
    files: Iterable[Path],
    format_name: str,
    level: str,
    started_at: str,
) -> None:
    """Note what was written; a catalogue that cannot be written is left as it is."""
    listed = []
    for path in files:
        with path.open("rb") as stream:
            digest = hashlib.file_digest(stream, "sha256").hexdigest()
        listed.append({"name": path.name, "sha256": digest})
    detail = {"folder": str(folder.absolute()), "files": listed, "formats": [format_name],
              "level": level}  # fmt: skip
    with contextlib.suppress(CatalogueError, CannotWrite), database.write() as connection:
        record_activity(
            connection, "export", run.run_id, f"{len(listed)} files", started_at=started_at,
            detail=detail,
        )  # fmt: skip


def check_format(format_name: str) -> None:
    """Refuse a format that there is not.

    Parameters
    ----------
    format_name : str
        As typed.

    Raises
    ------
    UsageError
        Where it is not one of `FORMATS`.
    """
    if format_name not in FORMATS:
        raise UsageError(f"There is no format {format_name!r}: {', '.join(FORMATS)}")
