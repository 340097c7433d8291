"""The tables of a radius test, as columns and rows: how each is written stands here as data."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Literal

import astropy.units as u
import numpy as np
from astropy.table import QTable

from iracdb.errors import UsageError
from iracdb.export.csv_tables import csv_text
from iracdb.layouts import MISSING_TEXT, Column
from iracdb.runs.radius_results import Cell, Line, RadiusResults

WhichTable = Literal["best", "agreement", "over_all", "growth"]

ENDINGS: dict[str, str] = {
    "best": "",
    "agreement": "_agreement",
    "over_all": "_agreement_over_all",
    "growth": "_growth",
}
"""The tables, and what follows the study's name in the names of their files."""

CELL = "{flux:.3f} +- {error:.3f}, {spread:.3f}%"
"""A cell of the published table: mJy, mJy and per cent; without a flux ``nan +- nan, nan%``."""

BEST = Column(
    "Best Combination",
    "best",
    "text",
    None,
    "meta.note",
    "The combination with the least spread, of those alike the first.",
)

_AORKEY = Column("AORKEY", "aorkey", "integer", None, "meta.id;obs", "Key of the AOR.")
_TIME = Column(
    "Time (MJD)", "mjd", "float", "d", "time.epoch;obs.exposure", "MJD_OBS of the last frame, UTC."
)
_TARGET = Column("Target", "target", "text", None, "meta.id;src", "Name of the target.")
_GROUP = Column(
    "Frame Group", "group", "text", None, "instr.setup",
    "Read mode, frame time and HDR part of the frames averaged.",
)  # fmt: skip


def _combination(title: str, sentence: str) -> Column:
    return Column(title, title.lower().replace(" ", "_"), "text", None, "meta.note", sentence)


def _number(title: str, unit: str | None, ucd: str | None, sentence: str) -> Column:
    return Column(title, title, "float", unit, ucd, sentence)


def _count(title: str, ucd: str, sentence: str) -> Column:
    return Column(title, title, "integer", None, ucd, sentence)


_REFERENCE = _combination(
    "Reference", "What the fluxes are held against: (10, 12, 20) where it gave one, else the "
    "largest aperture that did.",
)  # fmt: skip

_RATIO = "phot.flux;arith.ratio"
_DIFFERENCE = "phot.flux;arith.diff;arith.ratio"

OVER_ALL = (
    _REFERENCE,
    _combination("Combination", "Source radius, inner and outer radius of the annulus."),
    _count("Compared", "meta.number", "Averages with a flux through both."),
    _number("Mean (%)", "%", _DIFFERENCE, "Mean of flux / reference - 1."),
    _number("Scatter (%)", "%", "stat.stdev", "Its population standard deviation."),
    _number("Least (%)", "%", "stat.min", "Its smallest value."),
    _number("Most (%)", "%", "stat.max", "Its largest value."),
    _count("Best In", "meta.number", "Averages in which the combination has the least spread."),
)

GROWTH = (
    _count("Run", "meta.id", "The run's number."),
    _combination("Combination", "Source radius, inner and outer radius of the annulus."),
    _number("Radius (pix)", "pix", "phys.angSize;instr.det", "Source radius."),
    _number("Inner Radius (pix)", "pix", "phys.angSize;instr.det", "Where the annulus begins."),
    _number("Outer Radius (pix)", "pix", "phys.angSize;instr.det", "Where the annulus ends."),
    _count("Images", "meta.number", "Images that the flux is the mean of."),
    _number("Aperture Correction", None, "arith.factor", "Factor applied."),
    _number("Uncorrected Flux (mJy)", "mJy", "phot.flux.density", "Before that factor."),
    _number("Flux (mJy)", "mJy", "phot.flux.density", "After it."),
    _number("Error (mJy)", "mJy", "stat.stdev;phot.flux.density", "Standard deviation, after it."),
    _number("Spread (%)", "%", "stat.stdev;arith.ratio", "100 x Error / Flux, signed."),
    _number(
        "Uncorrected / Largest", None, _RATIO,
        "Uncorrected flux relative to that of the largest source radius that gave one.",
    ),
    _number("Flux / Largest", None, _RATIO, "The same after the correction."),
)  # fmt: skip


def cell_of(flux: float, error: float, spread: float) -> str:
    """Write a cell of the published table.

    Parameters
    ----------
    flux, error : float
        mJy; NaN where there is no flux.
    spread : float
        Per cent.

    Returns
    -------
    str
        As published.

    Examples
    --------
    >>> cell_of(38.8671, 0.41434, 1.06604)
    '38.867 +- 0.414, 1.066%'
    """
    return CELL.format(flux=flux, error=error, spread=spread)


def best_columns(labels: Sequence[str], more: Sequence[Column] = ()) -> tuple[Column, ...]:
    """Tell the columns of the published table.

    Parameters
    ----------
    labels : sequence of str
        The combinations.
    more : sequence of Column, optional
        What else tells the rows apart, after the AORKEY.

    Returns
    -------
    tuple of Column
        Their titles are the published ones.
    """
    cells = [
        Column(label, label, "text", None, "phot.flux.density", "Flux +- error in mJy, spread.")
        for label in labels
    ]
    return (_AORKEY, *more, _TIME, *cells, BEST)


class RadiusTables:
    """The tables of a radius test.

    Parameters
    ----------
    results : RadiusResults
        What it gave.
    """

    def __init__(self, results: RadiusResults) -> None:
        self.results = results

    def __repr__(self) -> str:
        study = self.results.study
        return f"<RadiusTables {study.name!r}, runs {study.numbers}>"

    def columns(self, which: WhichTable) -> tuple[Column, ...]:
        """Tell the columns of a table.

        Parameters
        ----------
        which : {'best', 'agreement', 'over_all', 'growth'}
            The published table, or one of those beside it.

        Returns
        -------
        tuple of Column
            In order.
        """
        if which not in ENDINGS:
            raise UsageError(f"There is no table {which!r}: {', '.join(ENDINGS)}")
        if which == "over_all":
            return OVER_ALL
        if which == "best":
            return best_columns(self.results.labels, self._more)
        if which == "growth":
            return (_AORKEY, *self._more, _TIME, *GROWTH)
        difference = [
            _number(f"{label} (%)", "%", _DIFFERENCE, "100 x (flux / reference - 1).")
            for label in self.results.labels
        ]
        return (
            _AORKEY,
            *self._more,
            _TIME,
            _REFERENCE,
            *difference,
            _number(
                "Largest Disagreement (%)", "%", _DIFFERENCE,
                "Highest less lowest flux, relative to the reference.",
            ),
            _combination("Lowest", "The combination with the lowest flux."),
            _combination("Highest", "The combination with the highest flux."),
        )  # fmt: skip

    @property
    def _more(self) -> tuple[Column, ...]:
        """What tells rows of one AOR apart, where an AOR has several."""
        targets: dict[int, set[str]] = {}
        groups: dict[int, set[str]] = {}
        places: dict[tuple[int, str], int] = {}
        for line in self.results.lines:
            targets.setdefault(line.aorkey, set()).add(line.target)
            groups.setdefault(line.aorkey, set()).add(line.group)
            key = (line.aorkey, line.group)
            places[key] = places.get(key, 0) + 1
        # Two targets may have one name: their rows are then told apart by their order alone.
        several = any(count > 1 for count in places.values())
        more = (_TARGET,) if several or any(len(mine) > 1 for mine in targets.values()) else ()
        return (*more, _GROUP) if any(len(mine) > 1 for mine in groups.values()) else more

    def rows(self, which: WhichTable) -> list[tuple[Any, ...]]:
        """Give the rows of a table.

        Parameters
        ----------
        which : {'best', 'agreement', 'over_all', 'growth'}
            The table.

        Returns
        -------
        list of tuple
            Cells in the order of the columns; None where there is no value.
        """
        if which == "over_all":
            return self._over_all()
        make = {"best": self._best, "agreement": self._agreement, "growth": self._growth}
        if which not in make:
            raise UsageError(f"There is no table {which!r}: {', '.join(ENDINGS)}")
        return [row for line in self.results.lines for row in make[which](line)]

    def csv(self, which: WhichTable) -> str:
        """Write a table as CSV.

        Parameters
        ----------
        which : {'best', 'agreement', 'over_all', 'growth'}
            The table.

        Returns
        -------
        str
            With a title line, lines ended by a newline, floats in the shortest exact form.
        """
        return csv_text(self.columns(which), self.rows(which))

    def table(self, which: WhichTable) -> QTable:
        """Give a table with units.

        Parameters
        ----------
        which : {'best', 'agreement', 'over_all', 'growth'}
            The table.

        Returns
        -------
        QTable
            NaN where there is no number, ``--`` where there is no text.
        """
        columns, rows = self.columns(which), self.rows(which)
        table = QTable()
        for place, column in enumerate(columns):
            cells = [row[place] for row in rows]
            if column.form == "float":
                numbers = np.array([math.nan if cell is None else cell for cell in cells], float)
                table[column.title] = numbers if column.unit is None else numbers * u.Unit(
                    column.unit
                )  # fmt: skip
            elif column.form == "integer":
                table[column.title] = np.array(cells, dtype=np.int64)
            else:
                table[column.title] = [MISSING_TEXT if cell is None else cell for cell in cells]
            table[column.title].info.description = column.sentence
        study = self.results.study
        table.meta.update(study=study.name, runs=study.numbers)
        return table

    def _keys(self, line: Line) -> tuple[Any, ...]:
        told = {"target": line.target, "group": line.group}
        return (line.aorkey, *(told[column.key] for column in self._more), line.mjd)

    def _label(self, place: int | None) -> str | None:
        return None if place is None else self.results.labels[place]

    def _best(self, line: Line) -> list[tuple[Any, ...]]:
        cells = [cell_of(cell.flux, cell.error, cell.spread) for cell in line.cells]
        return [(*self._keys(line), *cells, self._label(line.best))]

    def _agreement(self, line: Line) -> list[tuple[Any, ...]]:
        results = self.results
        low, high = results.extremes(line) or (None, None)
        return [
            (
                *self._keys(line),
                self._label(results.reference(line)),
                *map(_held, results.relative(line)),
                _held(results.disagreement(line)),
                self._label(low),
                self._label(high),
            )
        ]

    def _over_all(self) -> list[tuple[Any, ...]]:
        return [
            (self._label(one.reference), self._label(one.place), one.compared, _held(one.mean),
             _held(one.scatter), _held(one.least), _held(one.most), one.best)
            for one in self.results.over_all()
        ]  # fmt: skip

    def _growth(self, line: Line) -> list[tuple[Any, ...]]:
        results = self.results
        place = results.largest(line)
        held = Cell() if place is None else line.cells[place]
        return [
            (
                *self._keys(line), member.run_id, member.label, *radii, cell.images,
                *map(_held, (
                    cell.correction, cell.before, cell.flux, cell.error, cell.spread,
                    _ratio(cell.before, held.before), _ratio(cell.flux, held.flux),
                )),
            )
            for member, radii, cell in zip(results.members, results.radii, line.cells, strict=True)
        ]  # fmt: skip


def _held(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _ratio(value: float, largest: float) -> float:
    return value / largest if largest else math.nan
