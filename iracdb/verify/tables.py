"""Exported tables, checked against a run's digest: made again from their cells."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from astropy.io.votable import parse_single_table
from astropy.io.votable.exceptions import VOWarning
from astropy.table import Table
from astropy.utils.exceptions import AstropyWarning

from iracdb.errors import InputRefused, NotFound, UsageError
from iracdb.layouts import LAYOUTS, Column
from iracdb.more_columns import AOR_MORE, IMG_MORE
from iracdb.runs.digest import SCHEME, digest_averages, digest_images, joined_digest
from iracdb.runs.digested import values_of_table
from iracdb.runs.tables import Which
from iracdb.verify.answers import DigestCheck, checked_digest, fits, is_digest

_NAMES: dict[Which, str] = {"aor": "averages", "img": "images"}
_ALL: dict[Which, tuple[Column, ...]] = {
    "aor": (*(column for each in LAYOUTS.values() for column in each.aor), *AOR_MORE),
    "img": (*(column for each in LAYOUTS.values() for column in each.img), *IMG_MORE),
}
_FORMATS = "ECSV (.ecsv) or VOTable (.vot, .xml)"


@dataclass(frozen=True)
class ExportedTable:
    """One of a run's two tables, read back from a file.

    Parameters
    ----------
    path : str
        The file.
    which : {'aor', 'img'}
        The table of averages or of images.
    meta : mapping
        What it says of itself.
    sha256 : str or None
        Digest of its cells; None where it lacks a column that its digest is over.
    lack : str or None
        Which.
    """

    path: str
    which: Which
    meta: Mapping[str, Any]
    sha256: str | None
    lack: str | None

    def told(self, which: Which) -> str:
        """Tell the digest that the file carries of one of the two tables.

        Parameters
        ----------
        which : {'aor', 'img'}
            Which.

        Returns
        -------
        str
            Hexadecimal.
        """
        return str(self.meta[f"{_NAMES[which]}_sha256"])


def read_exported(path: str | Path) -> ExportedTable:
    """Read a table that was exported, and make its digest again.

    Parameters
    ----------
    path : path
        Of an ECSV or VOTable file.

    Returns
    -------
    ExportedTable
        With what it carries.

    Raises
    ------
    NotFound
        Where there is no such file.
    InputRefused
        Where it is no such table, or carries no digest of this scheme.
    """
    table, meta = _read(Path(path))
    if meta.get("results_scheme") is None:
        raise InputRefused(
            f"{path} carries no digest: export the run again with --format ecsv or votable"
        )
    if meta["results_scheme"] != SCHEME:
        raise InputRefused(
            f"{path} carries a digest by {meta['results_scheme']}, and this iracdb knows {SCHEME}"
        )
    which: Which = "img" if "File#" in table.colnames else "aor"
    for name in ("results_sha256", "averages_sha256", "images_sha256"):
        if not is_digest(str(meta.get(name, ""))):
            raise InputRefused(f"{path} carries no usable {name}")
    told = str(meta.get(f"{_NAMES[which]}_columns", ""))
    titles = told.split(", ") if told else []
    digest = digest_averages if which == "aor" else digest_images
    try:
        found = digest(values_of_table(table, _ALL[which], titles)).sha256
    except InputRefused as problem:
        return ExportedTable(str(path), which, meta, None, str(problem))
    return ExportedTable(str(path), which, meta, found, None)


def _read(path: Path) -> tuple[Table, Mapping[str, Any]]:
    if not path.is_file():
        raise NotFound(f"There is no file {path}")
    suffix = path.suffix.lower()
    try:
        with warnings.catch_warnings():
            # Whatever is odd in a stranger's table shows in its digest.
            warnings.simplefilter("ignore", AstropyWarning)
            warnings.simplefilter("ignore", VOWarning)
            if suffix == ".ecsv":
                table = Table.read(path, format="ascii.ecsv")
                return table, table.meta
            if suffix in (".vot", ".votable", ".xml"):
                element = parse_single_table(path)
                meta = {param.name: param.value for param in element.params}
                return element.to_table(use_names_over_ids=True), meta
    except OSError as problem:
        raise NotFound(f"{path} cannot be read: {problem.strerror or problem}") from None
    except Exception as problem:  # the readers raise whatever their parsers do
        said = " ".join(str(problem).split())[:200]
        raise InputRefused(f"{path} cannot be read as a table: {said}") from None
    raise InputRefused(
        f"{path} carries no digest: it is neither {_FORMATS}, nor a proof (.json), nor SQLite"
    )


def check_tables(paths: Sequence[str | Path], digest: str | None = None) -> DigestCheck:
    """Check one or both of a run's exported tables against a digest.

    Parameters
    ----------
    paths : sequence of path
        One file, or two: of averages and of images.
    digest : str, optional
        The run's; by default the one that the tables carry.

    Returns
    -------
    DigestCheck
        The answer. With one file the other table's digest is believed as the file tells it.

    Raises
    ------
    UsageError
        Where two files are of the same table.
    """
    expected = None if digest is None else checked_digest(digest)
    tables = [read_exported(path) for path in paths]
    if len(tables) != len({table.which for table in tables}):
        raise UsageError(
            "Two files of one kind of table: give a run's averages and its images, or one of them"
        )
    first = tables[0]
    wanted = expected or str(first.meta["results_sha256"])
    parts: dict[Which, str | None] = {
        which: next((t.sha256 for t in tables if t.which == which), first.told(which))
        for which in _NAMES
    }
    found = None
    if parts["aor"] is not None and parts["img"] is not None:
        found = joined_digest(parts["aor"], parts["img"])
    agrees = found is not None and fits(found, wanted)
    differs: list[str] = []
    if not agrees:
        differs = [said for table in tables for said in _faults(table)]
        differs = differs or [_another(tables, wanted)]
    name = first.meta.get("run_name")
    return DigestCheck(
        tuple(table.path for table in tables), agrees, wanted, expected is None, found,
        tuple(differs), None if name is None else str(name),
    )  # fmt: skip


def _faults(table: ExportedTable) -> list[str]:
    """Tell whether a table's cells are those that its own digest is of."""
    which = _NAMES[table.which]
    if table.lack is not None:
        return [f"the {which} in {table.path} are not complete: {table.lack}"]
    if table.sha256 != table.told(table.which):
        return [
            f"the {which} in {table.path} were changed: their digest is {table.sha256}, "
            f"and the file says {table.told(table.which)}"
        ]
    return []


def _another(tables: Sequence[ExportedTable], wanted: str) -> str:
    """Say what is wrong where each table is what its file says of it."""
    runs = {str(table.meta["results_sha256"]) for table in tables}
    if len(runs) > 1:
        return "the two tables are of different runs"
    carried = next(iter(runs))
    if not fits(carried, wanted):
        return f"the file is of a run with the digest {carried}"
    return "the digests that the file tells of the two tables and of the whole do not go together"
