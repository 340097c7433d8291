"""Lists of AORs and targets, as people keep them: thousands of rows, read once from end to end."""

from __future__ import annotations

import csv
import hashlib
import io
import math
import re
from collections import defaultdict
from dataclasses import dataclass
from functools import cached_property
from itertools import product
from pathlib import Path

from iracdb.catalogue.targets import SAME_TARGET_ARCSEC as SAME
from iracdb.catalogue.targets import Position, separation_arcsec
from iracdb.errors import BadCoordinate, BadTargetList, NotFound, UsageError
from iracdb.runs.coordinates import motion_of, parse_coordinate

_AORKEY_IN_PATH = re.compile(r"(?:^|/)r?(\d{1,12})/*$")

TITLES = {
    "AOR Filepath": "aor",
    "AORKEY": "aor",
    "Target Coordinates": "coordinates",
    "Target Name": "name",
    "PM RA (mas/yr)": "pm_ra",
    "PM Dec (mas/yr)": "pm_dec",
    "Parallax (mas)": "parallax",
    "Epoch": "epoch",
}
"""The titles that a list's columns may have, and what stands below each."""

_PUBLISHED = ("AOR Filepath", "Target Coordinates")
_NEEDED = ("aor", "coordinates")
_NUMBERS = ("pm_ra", "pm_dec", "parallax", "epoch")
_PLAIN = {"".join(title.split()).lower(): title for title in TITLES}


@dataclass(frozen=True)
class FromList:
    """The positions of a list, by AOR.

    Parameters
    ----------
    name : str or None
        One name for all; by default each is called by its name in the list, or by its coordinates
        as typed.
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
        return self._by_aor.get(aorkey, ())

    @property
    def aors(self) -> tuple[int, ...]:
        """The AORs of the list, each once, in its order."""
        return tuple(self._by_aor)

    @cached_property
    def _by_aor(self) -> dict[int, tuple[Position, ...]]:
        found: dict[int, list[Position]] = defaultdict(list)
        for aorkey, position in self.rows:
            found[aorkey].append(position)
        return {aorkey: tuple(positions) for aorkey, positions in found.items()}


def read_target_list(path: str | Path, name: str | None = None) -> FromList:
    """Read a list of AORs and targets.

    Parameters
    ----------
    path : path
        A CSV file. Its first line has titles of `TITLES`, in any order; without one the columns
        are AOR and position. An AOR is told by its key or by a path that ends in it; a position
        is in hours or degrees.
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
        Where a title or a row is bad; the message tells which.
    """
    content, text = _content(path)
    rows: list[tuple[int, Position]] = []
    seen = _Seen()
    repeats = []
    titles: tuple[str, ...] = _PUBLISHED
    reader = csv.reader(io.StringIO(text, newline=None))
    for cells in reader:
        number = reader.line_num
        if not any(cell.strip() for cell in cells):
            continue
        if number == 1 and _is_title(cells):
            titles = _titles(path, cells)
            continue
        aorkey, position = _row(path, number, titles, cells, name)
        first = seen.before(aorkey, position)
        if first is not None:
            repeats.append(f"row {number} of {path} repeats row {first}: measured once")
            continue
        seen.note(aorkey, position, number)
        rows.append((aorkey, position))
    if not rows:
        raise BadTargetList(f"The target list {path} has no rows")
    digest = hashlib.sha256(content).hexdigest()
    return FromList(name, str(path), digest, tuple(rows), tuple(repeats))


def _content(path: str | Path) -> tuple[bytes, str]:
    try:
        content = Path(path).read_bytes()
    except OSError as problem:
        raise NotFound(
            f"The target list {path} cannot be read: {problem.strerror or problem}"
        ) from None
    try:
        return content, content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise BadTargetList(f"The target list {path} is not text") from None


def _is_title(cells: list[str]) -> bool:
    return not any(character.isdigit() for character in "".join(cells))


def _titles(path: str | Path, cells: list[str]) -> tuple[str, ...]:
    known = ", ".join(TITLES)
    titles = []
    for cell in cells:
        title = _PLAIN.get("".join(cell.split()).lower())
        if title is None:
            raise BadTargetList(
                f"Row 1 of {path} has the title {cell.strip()!r}; the titles known are: {known}"
            )
        titles.append(title)
    keys = [TITLES[title] for title in titles]
    if len(set(keys)) < len(keys):
        raise BadTargetList(f"Row 1 of {path} has two columns of one meaning: {', '.join(titles)}")
    if not set(_NEEDED) <= set(keys):
        raise BadTargetList(
            f"Row 1 of {path} lacks one of the titles {' and '.join(_PUBLISHED)}; it has: "
            + ", ".join(titles)
        )
    return tuple(titles)


def _row(
    path: str | Path, number: int, titles: tuple[str, ...], cells: list[str], name: str | None
) -> tuple[int, Position]:
    where = f"Row {number} of {path}"
    if len(cells) != len(titles):
        wanted = "two" if len(titles) == 2 else len(titles)
        raise BadTargetList(f"{where} has {len(cells)} columns, not {wanted} ({','.join(titles)})")
    told = {TITLES[title]: cell.strip() for title, cell in zip(titles, cells, strict=True)}
    match = _AORKEY_IN_PATH.search(told["aor"])
    if match is None:
        raise BadTargetList(f"{where} names no AOR: {told['aor']!r} does not end in r<AORKEY>")
    try:
        ra, dec = parse_coordinate(told["coordinates"])
        pm_ra, pm_dec, parallax, epoch = (_number(told.get(key, "")) for key in _NUMBERS)
        motion = motion_of(pm_ra, pm_dec, parallax, epoch)
    except (BadCoordinate, UsageError) as problem:
        raise BadTargetList(f"{where}: {problem}") from None
    called = name or told.get("name") or told["coordinates"]
    return int(match.group(1)), Position(called, ra, dec, motion)


def _number(text: str) -> float | None:
    try:
        return float(text) if text else None
    except ValueError:
        raise UsageError(f"{text!r} is no number") from None


class _Seen:
    """Positions met so far, by AOR: those as observed in a grid, those that move as they are.

    Two within the limit lie in one cell of the grid or in neighbours, as a cell is twice as wide.
    """

    _CELL = math.radians(2 * SAME / 3600)
    _AROUND = tuple(product((-1, 0, 1), repeat=3))

    def __init__(self) -> None:
        self._cells: dict[tuple[int, ...], list[tuple[int, Position]]] = defaultdict(list)
        self._moving: dict[tuple[int, str], int] = {}

    def before(self, aorkey: int, position: Position) -> int | None:
        """Tell the first row that measures the same."""
        if position.motion is not None:
            return self._moving.get((aorkey, position.identity))
        x, y, z = self._cell(position)
        near = [
            number
            for i, j, k in self._AROUND
            for number, other in self._cells.get((aorkey, x + i, y + j, z + k), ())
            if _same(position, other)
        ]
        return min(near, default=None)

    def note(self, aorkey: int, position: Position, number: int) -> None:
        """Keep the position of a row."""
        if position.motion is not None:
            self._moving[aorkey, position.identity] = number
        else:
            self._cells[aorkey, *self._cell(position)].append((number, position))

    def _cell(self, position: Position) -> tuple[int, int, int]:
        a, d = math.radians(position.ra or 0.0), math.radians(position.dec or 0.0)
        towards = (math.cos(d) * math.cos(a), math.cos(d) * math.sin(a), math.sin(d))
        x, y, z = (math.floor(part / self._CELL) for part in towards)
        return x, y, z


def _same(one: Position, other: Position) -> bool:
    if one.ra is None or one.dec is None or other.ra is None or other.dec is None:
        return False
    return separation_arcsec(one.ra, one.dec, other.ra, other.dec) <= SAME
