"""What a radius test gave: for each average its flux through every combination, and what they say.

The least spread is not the truest flux: how far the combinations agree is told beside it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, select

from iracdb.catalogue import tables as t
from iracdb.irac.handbook import Radii
from iracdb.runs.parameters import Parameters
from iracdb.runs.studies import Member, Study

REFERENCE: Radii = (10.0, 12.0, 20.0)
"""The radii that the aperture corrections refer to: through them the correction is 1."""


@dataclass(frozen=True)
class Cell:
    """One average through one combination.

    Parameters
    ----------
    flux, error : float, optional
        mJy, after the aperture correction; NaN where there is no flux.
    correction : float, optional
        The aperture correction applied; NaN where it is not known.
    images : int, optional
        How many it is the mean of.
    """

    flux: float = math.nan
    error: float = math.nan
    correction: float = math.nan
    images: int = 0

    @property
    def spread(self) -> float:
        """100 x error / flux, per cent, signed; NaN where there is no flux, or one of zero."""
        return self.error / self.flux * 100 if self.flux else math.nan

    @property
    def before(self) -> float:
        """Flux density before the aperture correction, mJy."""
        return self.flux / self.correction if self.correction else math.nan


@dataclass(frozen=True)
class Line:
    """One average of like frames of an AOR for one target.

    Parameters
    ----------
    aorkey : int
        Which AOR.
    target, group : str
        Which target, and what the frames have in common.
    mjd : float or None
        MJD_OBS of the last frame.
    cells : tuple of Cell
        One a combination, in the study's order.
    """

    aorkey: int
    target: str
    group: str
    mjd: float | None
    cells: tuple[Cell, ...]

    @property
    def best(self) -> int | None:
        """Place of the combination with the least spread, of those alike the first; None if none.

        Where a flux is negative, its spread counts by its size.
        """
        return best_of([cell.spread for cell in self.cells])


def best_of(spreads: Sequence[float]) -> int | None:
    """Find the least spread.

    Parameters
    ----------
    spreads : sequence of float
        Per cent; NaN where there is no flux.

    Returns
    -------
    int or None
        Its place, of those alike the first; None where all are NaN.

    Examples
    --------
    >>> best_of([float("nan"), 0.5, 0.25, 0.25])
    2
    """
    sizes = [(abs(spread), place) for place, spread in enumerate(spreads) if spread == spread]
    return min(sizes)[1] if sizes else None


@dataclass(frozen=True)
class OverAll:
    """How far one combination agrees with the reference over all averages.

    Parameters
    ----------
    reference, place : int
        Places of the reference and of the combination.
    compared : int
        Averages that have a flux through both.
    mean, scatter, least, most : float
        Of the difference relative to the reference, per cent; the scatter is the population
        standard deviation. NaN where none were compared.
    best : int
        Averages of this reference in which the combination has the least spread.
    """

    reference: int
    place: int
    compared: int
    mean: float
    scatter: float
    least: float
    most: float
    best: int


@dataclass(frozen=True)
class RadiusResults:
    """What a radius test gave.

    Parameters
    ----------
    study : Study
        The study, with all its runs.
    members : tuple of Member
        Its runs that are shown, one a combination.
    radii : tuple of tuple of float
        Theirs: source radius, inner and outer radius of the annulus, pixels.
    lines : tuple of Line
        In the order of the runs' tables.
    """

    study: Study
    members: tuple[Member, ...]
    radii: tuple[Radii, ...]
    lines: tuple[Line, ...]

    @property
    def labels(self) -> tuple[str, ...]:
        """The combinations, such as ``(3, 3, 7)``."""
        return tuple(member.label for member in self.members)

    @property
    def left_out(self) -> tuple[Member, ...]:
        """Runs of the study that are not shown, since they were withdrawn."""
        shown = {member.run_id for member in self.members}
        return tuple(member for member in self.study.members if member.run_id not in shown)

    def reference(self, line: Line) -> int | None:
        """Tell what the fluxes of an average are held against.

        Parameters
        ----------
        line : Line
            The average.

        Returns
        -------
        int or None
            The place of 10 12 20 where it gave a flux, else of the largest aperture that did.
        """
        for place, radii in enumerate(self.radii):
            if radii == REFERENCE and math.isfinite(line.cells[place].flux):
                return place
        return self.largest(line)

    def largest(self, line: Line) -> int | None:
        """Find the largest aperture that gave an average a flux.

        Parameters
        ----------
        line : Line
            The average.

        Returns
        -------
        int or None
            Its place: by source radius, of those alike the first; None where there is no flux.
        """
        places = [place for place, cell in enumerate(line.cells) if math.isfinite(cell.flux)]
        return max(places, key=lambda place: self.radii[place][0], default=None)

    def relative(self, line: Line) -> tuple[float, ...]:
        """Tell how far each combination is from the reference.

        Parameters
        ----------
        line : Line
            The average.

        Returns
        -------
        tuple of float
            100 x (flux - reference) / reference, per cent; NaN where either is not there.
        """
        place = self.reference(line)
        size = math.nan if place is None else abs(line.cells[place].flux)
        if place is None or not size:
            return (math.nan,) * len(line.cells)
        held = line.cells[place].flux
        return tuple((cell.flux - held) / size * 100 for cell in line.cells)

    def extremes(self, line: Line) -> tuple[int, int] | None:
        """Find the combinations that disagree most.

        Parameters
        ----------
        line : Line
            The average.

        Returns
        -------
        tuple of int or None
            Places of the lowest and of the highest flux; None unless two have one.
        """
        places = [place for place, cell in enumerate(line.cells) if math.isfinite(cell.flux)]
        if len(places) < 2:
            return None
        return (
            min(places, key=lambda place: line.cells[place].flux),
            max(places, key=lambda place: line.cells[place].flux),
        )

    def disagreement(self, line: Line) -> float:
        """Tell how far apart the lowest and the highest flux are.

        Parameters
        ----------
        line : Line
            The average.

        Returns
        -------
        float
            Per cent of the reference; NaN unless two combinations gave a flux.
        """
        ends = self.extremes(line)
        if ends is None:
            return math.nan
        relative = self.relative(line)
        return relative[ends[1]] - relative[ends[0]]

    def over_all(self) -> tuple[OverAll, ...]:
        """Sum up how far the combinations agree.

        Returns
        -------
        tuple of OverAll
            For each reference one a combination; averages with other references apart.
        """
        by_reference: dict[int, list[Line]] = {}
        for line in self.lines:
            place = self.reference(line)
            if place is not None:
                by_reference.setdefault(place, []).append(line)
        return tuple(
            self._over(reference, place, by_reference[reference])
            for reference in sorted(by_reference)
            for place in range(len(self.members))
        )

    def _over(self, reference: int, place: int, lines: Sequence[Line]) -> OverAll:
        found = [self.relative(line)[place] for line in lines]
        held = [value for value in found if math.isfinite(value)]
        best = sum(line.best == place for line in lines)
        if not held:
            return OverAll(reference, place, 0, math.nan, math.nan, math.nan, math.nan, best)
        mean = math.fsum(held) / len(held)
        scatter = math.sqrt(math.fsum((value - mean) ** 2 for value in held) / len(held))
        return OverAll(reference, place, len(held), mean, scatter, min(held), max(held), best)


def radius_results(connection: Connection, study: Study, *, withdrawn: bool) -> RadiusResults:
    """Read what a radius test gave.

    Parameters
    ----------
    connection : sqlalchemy.Connection
        To a catalogue.
    study : Study
        A radius test.
    withdrawn : bool
        Whether runs that were withdrawn are shown too.

    Returns
    -------
    RadiusResults
        Of an unfinished one what is there.
    """
    members = tuple(one for one in study.members if withdrawn or not one.withdrawn)
    radii = tuple(_radii(member) for member in members)
    result = t.aor_result.c
    place_of = {member.run_id: place for place, member in enumerate(members)}
    cells: dict[tuple[Any, ...], list[Cell]] = {}
    first: dict[tuple[Any, ...], Any] = {}
    rows = connection.execute(
        select(t.aor_result).where(result.run_id.in_(place_of)).order_by(result.row_number)
    )
    for row in rows:
        key = (row.aorkey, row.target_id, row.channel, row.frame_group, row.repeat)
        first.setdefault(key, row)
        mine = cells.setdefault(key, [Cell()] * len(members))
        mine[place_of[row.run_id]] = _cell(row)
    return RadiusResults(
        study=study,
        members=members,
        radii=radii,
        lines=tuple(
            Line(row.aorkey, row.target_name, row.frame_group, row.mjd_obs, tuple(cells[key]))
            for key, row in first.items()
        ),
    )


def _radii(member: Member) -> Radii:
    aperture = Parameters.recorded(member.row.parameters).aperture
    return aperture.radii


def _cell(row: Any) -> Cell:
    def number(value: float | None) -> float:
        return math.nan if value is None else value

    images = (row.n_workable or 0) - (row.n_rejected or 0)
    return Cell(number(row.flux), number(row.error), number(row.aperture_correction), images)
