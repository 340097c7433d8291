"""Files that carry a run or a part of it, told apart and checked against a digest."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from sqlalchemy import select

from iracdb.catalogue import tables as t
from iracdb.catalogue.database import open_database
from iracdb.catalogue.urls import database_url
from iracdb.errors import InputRefused, NotFound, UsageError
from iracdb.export.frozen.marks import read_contents
from iracdb.runs import registry
from iracdb.verify.answers import DigestCheck
from iracdb.verify.proofs import check_proof
from iracdb.verify.runs import check_run
from iracdb.verify.tables import check_tables

_SQLITE = b"SQLite format 3\x00"


def check_files(paths: Sequence[str | Path], digest: str | None = None) -> DigestCheck:
    """Check files against a run's digest.

    Parameters
    ----------
    paths : sequence of path
        One file: an exported table (ECSV or VOTable), a proof (JSON), a frozen run or a
        catalogue of one run (SQLite). Or two: both tables of a run.
    digest : str, optional
        The run's, or at least its first 12 digits; by default the one that the files carry.

    Returns
    -------
    DigestCheck
        The answer.

    Raises
    ------
    UsageError
        Where the files do not go together.
    InputRefused
        Where a file is of another kind, or cannot be read.
    """
    kinds = [_kind(Path(path)) for path in paths]
    if len(paths) == 1 and kinds[0] == "proof":
        return check_proof(paths[0], digest)
    if len(paths) == 1 and kinds[0] == "sqlite":
        return _check_sqlite(Path(paths[0]), digest)
    if len(paths) > 2 or set(kinds) != {"table"}:
        raise UsageError("Give one file, or the two tables of one run")
    return check_tables(paths, digest)


def _kind(path: Path) -> str:
    try:
        with path.open("rb") as stream:
            beginning = stream.read(len(_SQLITE))
    except OSError as problem:
        raise NotFound(f"{path} cannot be read: {problem.strerror or problem}") from None
    if beginning == _SQLITE:
        return "sqlite"
    return "proof" if path.suffix.lower() == ".json" else "table"


def _check_sqlite(path: Path, digest: str | None) -> DigestCheck:
    database = open_database(database_url(path))
    try:
        if database.frozen:
            with database.read() as connection:
                try:
                    contents = read_contents(connection)
                except InputRefused as problem:
                    raise InputRefused(f"{path} is refused: {problem}") from None
                run = registry.find(connection, contents.run_id)
            return check_run(database, run.run_id, digest, carried=contents.digests.get(run.uuid))
        with database.read() as connection:
            names = connection.execute(select(t.run.c.name).order_by(t.run.c.run_id)).scalars()
            held = list(names)
        if len(held) != 1:
            there = ", ".join(held[:10]) if held else "none"
            raise InputRefused(
                f"{path} holds {len(held)} runs ({there}): name one, with --db {path}"
            )
        return check_run(database, held[0], digest)
    finally:
        database.close()
