"""Which positions a run measures: each AOR's own, one for all, or those of a list."""

from __future__ import annotations

import csv
import hashlib
import io
import re
from dataclasses import dataclass
from pathlib import Path

from iracdb.catalogue.targets import SAME_TARGET_ARCSEC as SAME
from iracdb.catalogue.targets import Position, separation_arcsec
from iracdb.errors import BadCoordinate, BadTargetList, NotFound
from iracdb.runs.coordinates import parse_coordinate

_AORKEY_IN_PATH = re.compile(r"(?:^|/)r?(\d{1,12})/*$")


@dataclass(frozen=True)
class FromHeaders:
    """Each AOR's own RA_REF and DEC_REF, of its first frame; named by OBJECT.

    Parameters
    ----------
    name : str or None
        A name to use instead of OBJECT.
    """

    name: str | None


@dataclass(frozen=True)
class Fixed:
    """One position for all AORs.

    Parameters
    ----------
    name : str
        The target's.
    ra, dec : float
        ICRS degrees.
    """

    name: str
    ra: float
    dec: float


@dataclass(frozen=True)
class FromList:
    """The positions of a list, by AOR.

    Parameters
    ----------
    name : str or None
        One name for all; by default each is called by its coordinates as typed.
    path : str
        Where the list was read.
    sha256 : str
        Of the list's bytes, hexadecimal.
    rows : tuple of tuple
        (AORKEY, Position) in the list's order, repeats left out.
    repeats : tuple of str
        A sentence for each row left out as a repeat.
    """

    name: str | None
    path: str
    sha256: str
    rows: tuple[tuple[int, Position], ...]
    repeats: tuple[str, ...]

    def of(self, aorkey: int) -> tuple[Position, ...]:
        """List the targets of one AOR.

        Parameters
        ----------
        aorkey : int
            Its key.

        Returns
        -------
        tuple of Position
            In the list's order.
        """
        return tuple(position for key, position in self.rows if key == aorkey)

    @property
    def aors(self) -> tuple[int, ...]:
        """The AORs of the list, each once, in its order."""
        return tuple(dict.fromkeys(key for key, _ in self.rows))


TargetChoice = FromHeaders | Fixed | FromList


def choose(target: str | None, coord: str | None, targets: str | Path | None) -> TargetChoice:
    """Make the choice of targets from what was typed.

    Parameters
    ----------
    target : str or None
        A name.
    coord : str or None
        A position.
    targets : path or None
        A list.

    Returns
    -------
    FromHeaders, Fixed or FromList
        With every position read and checked.

    Raises
    ------
    BadCoordinate, BadTargetList, NotFound
        Where a position or the list cannot be read.
    """
    if targets is not None:
        return read_target_list(targets, target)
    if coord is not None:
        ra, dec = parse_coordinate(coord)
        return Fixed(target or coord.strip(), ra, dec)
    return FromHeaders(target)


def read_target_list(path: str | Path, name: str | None = None) -> FromList:
    """Read a list of AORs and targets.

    Parameters
    ----------
    path : path
        A CSV file with the line ``AOR Filepath,Target Coordinates`` first. An AOR is told by its
        key or by a path that ends in it; a position is in hours or degrees.
    name : str, optional
        One name for all targets.

    Returns
    -------
    FromList
        Its rows.

    Raises
    ------
    NotFound
        Where the file cannot be read.
    BadTargetList
        Where a row is bad; the message tells which.
    """
    try:
        content = Path(path).read_bytes()
    except OSError as problem:
        raise NotFound(
            f"The target list {path} cannot be read: {problem.strerror or problem}"
        ) from None
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise BadTargetList(f"The target list {path} is not text") from None
    rows: list[tuple[int, Position]] = []
    first_row: dict[tuple[int, Position], int] = {}
    repeats = []
    reader = csv.reader(io.StringIO(text, newline=None))
    for cells in reader:
        number = reader.line_num
        if not any(cell.strip() for cell in cells) or (number == 1 and _is_title(cells)):
            continue
        aorkey, position = _row(path, number, cells, name)
        same = [seen for seen in rows if seen[0] == aorkey and _same(seen[1], position)]
        if same:
            repeats.append(
                f"row {number} of {path} repeats row {first_row[same[0]]}: measured once"
            )
            continue
        first_row[aorkey, position] = number
        rows.append((aorkey, position))
    if not rows:
        raise BadTargetList(f"The target list {path} has no rows")
    digest = hashlib.sha256(content).hexdigest()
    return FromList(name, str(path), digest, tuple(rows), tuple(repeats))


def _is_title(cells: list[str]) -> bool:
    return not any(character.isdigit() for character in "".join(cells))


def _row(path: str | Path, number: int, cells: list[str], name: str | None) -> tuple[int, Position]:
    where = f"Row {number} of {path}"
    if len(cells) != 2:
        raise BadTargetList(
            f"{where} has {len(cells)} columns, not two (AOR Filepath,Target Coordinates)"
        )
    match = _AORKEY_IN_PATH.search(cells[0].strip())
    if match is None:
        raise BadTargetList(f"{where} names no AOR: {cells[0]!r} does not end in r<AORKEY>")
    try:
        ra, dec = parse_coordinate(cells[1])
    except BadCoordinate as problem:
        raise BadTargetList(f"{where}: {problem}") from None
    return int(match.group(1)), Position(name or cells[1].strip(), ra, dec)


def _same(one: Position, other: Position) -> bool:
    if one.ra is None or one.dec is None or other.ra is None or other.dec is None:
        return False
    return separation_arcsec(one.ra, one.dec, other.ra, other.dec) <= SAME
