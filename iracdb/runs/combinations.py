"""The sets of radii that a radius test lays on a centre: the manual's ten, or those of a file."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from iracdb.errors import IracdbError, RunRefused, UsageError
from iracdb.irac.handbook import APERTURE_CORRECTION, Radii
from iracdb.photometry.aperture import Aperture

MANUAL = "all"
"""Stands for the manual's ten combinations."""

_LARGEST_FILE = 1_000_000


@dataclass(frozen=True)
class Combination:
    """One set of radii, with its aperture correction where the manual has none or another.

    Parameters
    ----------
    radii : tuple of float
        Source radius, inner and outer radius of the annulus, pixels.
    correction : float or None, optional
        Factor by which fluxes are multiplied; None for the manual's.

    Examples
    --------
    >>> Combination((3.0, 3.0, 7.0)).label
    '(3, 3, 7)'
    """

    radii: Radii
    correction: float | None = None

    @property
    def label(self) -> str:
        """As the published tables write it."""
        return f"({', '.join(f'{length:g}' for length in self.radii)})"


def combinations_of(source: str | Path | None) -> tuple[Combination, ...]:
    """Tell which combinations are meant.

    Parameters
    ----------
    source : str, path or None
        ``all`` or None for the manual's ten, in its order; else a file: see `read_combinations`.

    Returns
    -------
    tuple of Combination
        At least one, no two alike.

    Raises
    ------
    UsageError
        Where a line of the file is wrong.
    RunRefused
        Where there is no such file.
    """
    if source is None or str(source) == MANUAL:
        return tuple(Combination(radii) for radii in APERTURE_CORRECTION)
    return read_combinations(source)


def read_combinations(path: str | Path) -> tuple[Combination, ...]:
    """Read combinations from a file.

    Parameters
    ----------
    path : path
        A line a combination: source radius, inner and outer radius of the annulus in pixels, and
        the aperture correction, which may be left out where the manual has one; between them
        commas or blanks. Empty lines, those that begin with ``#``, and a first line without a
        number are passed over.

    Returns
    -------
    tuple of Combination
        In the order of the lines.

    Raises
    ------
    UsageError
        With the line that is wrong, or where there is none.
    RunRefused
        Where the file cannot be read.
    """
    found: dict[Radii, Combination] = {}
    for number, line in enumerate(_text_of(path).splitlines(), start=1):
        cells = re.split(r"[\s,;]+", line.strip().strip(",;"))
        first = not found and not any(re.search(r"\d", cell) for cell in cells)
        if cells == [""] or line.lstrip().startswith("#") or (first and number == 1):
            continue
        try:
            combination = _combination(cells)
            if combination.radii in found:
                raise UsageError(f"the radii {combination.label} stand in an earlier line too")
        except IracdbError as problem:
            raise UsageError(f"{path}, line {number}: {problem}") from None
        found[combination.radii] = combination
    if not found:
        raise UsageError(f"{path} holds no combination: a line is 'r r_in r_out [correction]'")
    return tuple(found.values())


def _text_of(path: str | Path) -> str:
    try:
        with Path(path).open("rb") as stream:
            content = stream.read(_LARGEST_FILE + 1)
        if len(content) > _LARGEST_FILE:
            raise RunRefused(f"{path} is too large to be a list of combinations")
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise RunRefused(f"{path} is not text") from None
    except OSError as problem:
        raise RunRefused(
            f"The combinations cannot be read from {path}: {problem.strerror}. "
            "Name a file, or 'all' for the manual's"
        ) from None


def _combination(cells: list[str]) -> Combination:
    try:
        numbers = [float(cell) for cell in cells]
    except ValueError:
        numbers = []
    if len(numbers) not in (3, 4):
        raise UsageError("it is 'r r_in r_out [aperture correction]', three or four numbers")
    r, r_in, r_out = numbers[:3]
    Aperture(r, r_in, r_out)
    if len(numbers) == 4:
        return Combination((r, r_in, r_out), numbers[3])
    if (r, r_in, r_out) not in APERTURE_CORRECTION:
        raise UsageError(
            f"the manual has no aperture correction for radii {r:g} {r_in:g} {r_out:g}: "
            "put one into a fourth column"
        )
    return Combination((r, r_in, r_out))
