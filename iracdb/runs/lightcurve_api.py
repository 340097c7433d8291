"""What a run can do with one target: the part of `iracdb.runs.results.Run` for light curves.

Nothing is imported before it is used.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from astropy.table import QTable

    from iracdb.runs.results import Run


class GivesLightCurves:
    """Gives the light curve of a target."""

    def lightcurve(
        self,
        target: str | None = None,
        *,
        unit: str = "mJy",
        aors: Collection[int] = (),
        kept_only: bool = False,
        stamp: bool = False,
    ) -> QTable:
        """Give the light curve of a target: one row an image, by time.

        Parameters
        ----------
        target : str, optional
            Its name; by default the run's only one.
        unit : {'mJy', 'uJy', 'mag', 'electron'}, optional
            Of the flux; magnitudes are Vega's.
        aors : collection of int, optional
            Only these AORs.
        kept_only : bool, optional
            Only images that the run's averages count.
        stamp : bool, optional
            Add the 5 x 5 pixels around the star, read from the frames.

        Returns
        -------
        astropy.table.QTable
            With units, descriptions and UCDs, and in ``meta`` what made it. NaN where a value is
            not known; a column of which nothing is known is left out.

        Raises
        ------
        iracdb.errors.IracdbError
            Where there is no such target or unit, the run is not finished, or a frame that a
            stamp is to be read from is not there any more.

        Examples
        --------
        >>> curve = run.lightcurve("HD 209458", unit="uJy")  # doctest: +SKIP
        >>> curve["time_bjd_tdb"], curve["flux"]  # doctest: +SKIP
        """
        from iracdb.runs.lightcurve import light_curve

        run = cast("Run", self)
        return light_curve(run, target, unit=unit, aors=aors, kept_only=kept_only, stamp=stamp)
