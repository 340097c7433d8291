"""What a catalogue can show: the part of `iracdb.Catalogue` that draws.

Nothing heavy is imported before it is used.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING, Any

from iracdb.catalogue.database import Database

if TYPE_CHECKING:
    from astropy.table import QTable


class ShowsRuns:
    """Draws figures of runs, and gives the tables of what they show."""

    _database: Database

    def figure(
        self,
        figure: str,
        *runs: int | str,
        target: str | None = None,
        aors: Collection[int] = (),
        row: int | None = None,
        study: str | None = None,
    ) -> QTable:
        """Give the table of what a figure shows.

        Parameters
        ----------
        figure : str
            Its name: ``iracdb plot --help`` lists them.
        *runs : int or str
            Number or name of the run; of both for a figure that compares.
        target : str, optional
            Only this target.
        aors : collection of int, optional
            Only these AORs.
        row : int, optional
            One image: its row in the run's image table, from 1.
        study : str, optional
            The study that is meant, where the run is in several.

        Returns
        -------
        astropy.table.QTable
            With units, and in ``meta`` the title, the runs, and what is to be known.

        Raises
        ------
        iracdb.errors.IracdbError
            Where there is no such figure, run, target, AOR or image.
        """
        from iracdb.report.drawing import gather
        from iracdb.report.registry import figure_named
        from iracdb.report.subject import Subject
        from iracdb.runs.results import Run

        asked = figure_named(figure)
        found = tuple(Run(self._database, which) for which in runs)
        return gather(asked, Subject(self._database, found, target, tuple(aors), row, study))

    def plot(self, figure: str, *runs: int | str, ax: Any = None, **which: Any) -> Any:
        """Draw a figure.

        Parameters
        ----------
        figure : str
            Its name: ``iracdb plot --help`` lists them.
        *runs : int or str
            Number or name of the run; of both for a figure that compares.
        ax : matplotlib.axes.Axes, optional
            Where to draw; by default on a new figure.
        **which
            As of `figure`.

        Returns
        -------
        matplotlib.axes.Axes or list of matplotlib.axes.Axes
            Where it is drawn; a list where the figure has several panels.

        Raises
        ------
        iracdb.errors.IracdbError
            Where there is no such figure, run, target, AOR or image.

        Examples
        --------
        >>> cat.plot("lightcurve", 13)  # doctest: +SKIP
        """
        from iracdb.report.registry import figure_named

        table = self.figure(figure, *runs, **which)
        return figure_named(figure).module.draw(table, ax)
