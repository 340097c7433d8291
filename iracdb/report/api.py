"""What a catalogue can show: the part of `iracdb.Catalogue` that draws.

Nothing heavy is imported before it is used.
"""

from __future__ import annotations

import os
from collections.abc import Collection
from pathlib import Path
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

    def report(
        self,
        which: int | str,
        out: str | os.PathLike[str] | None = None,
        *,
        against: int | str | None = None,
        overwrite: bool = False,
        folder: str | os.PathLike[str] = ".",
    ) -> Path:
        """Write the page of a run: one HTML file that needs no other.

        Parameters
        ----------
        which : int or str
            Number or name of the run.
        out : path, optional
            The file, or a folder that is there; by default ``<name>_report.html`` in `folder`.
        against : int or str, optional
            The run it is compared with; by default the one it was made from, else the last before
            it over the same AORs.
        overwrite : bool, optional
            Replace a file that holds something else.
        folder : path, optional
            Where the file goes unless `out` says so.

        Returns
        -------
        pathlib.Path
            The file: the same bytes for the same catalogue and software.

        Raises
        ------
        iracdb.errors.NotFound
            Where there is no such run.
        iracdb.errors.CannotWrite
            Where a file that holds something else is in the way, or cannot be written.

        Examples
        --------
        >>> cat.report(13, "report13.html")  # doctest: +SKIP
        """
        from iracdb.report.html import page_html
        from iracdb.report.page import gather_page
        from iracdb.report.saving import save_page

        page = gather_page(self._database, which, against)
        return save_page(page_html(page), page.name, out, folder=folder, overwrite=overwrite)
