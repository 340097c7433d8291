"""What a catalogue can do with two runs: the part of `iracdb.Catalogue` that compares.

Nothing heavy is imported before it is used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, overload

from iracdb.catalogue.database import Database

if TYPE_CHECKING:
    from iracdb.compare.arithmetic import Arithmetic
    from iracdb.compare.colour import Colours
    from iracdb.compare.comparison import Comparison
    from iracdb.compare.why import Explanation


class ComparesRuns:
    """Compares runs, and tells what a finished run has in common with earlier ones."""

    _database: Database

    def compare(self, a: int | str, b: int | str) -> Comparison:
        """Compare two runs: what made them, then their results row by row.

        Rows are matched by frame, plane and target. A value is the same to the bit, changed by
        rounding only (up to 4 units in the last place), or changed.

        Parameters
        ----------
        a, b : int or str
            Numbers or names of two runs.

        Returns
        -------
        Comparison
            With tables ``images``, ``aors`` and ``parameters``, and ``summary()``. Where the runs
            cannot be compared ``comparable`` is False and ``reason`` says why.

        Raises
        ------
        iracdb.errors.NotFound
            Where there is no such run.

        Examples
        --------
        >>> made = cat.compare(13, 20)  # doctest: +SKIP
        >>> made.summary()["aors"]["changed"]  # doctest: +SKIP
        2
        >>> made.aors[made.aors["outcome"] == "changed"]  # doctest: +SKIP
        """
        from iracdb.compare.comparison import compare

        return compare(self._database, a, b)

    def colour(
        self,
        a: int | str,
        b: int | str,
        *,
        target: str | None = None,
        within: float = 0.5,
    ) -> Colours:
        """Join two runs of different channels: flux ratios and Vega colours.

        Parameters
        ----------
        a, b : int or str
            Numbers or names of two runs.
        target : str, optional
            Only this target.
        within : float, optional
            How far averages of different AORs may be apart, days.

        Returns
        -------
        Colours
            With ``rows``, one a pair of averages: of one AOR, else the nearest in time.

        Raises
        ------
        iracdb.errors.IracdbError
            Where both are of one channel, or nothing of them goes together.
        """
        from iracdb.compare.colour import colours

        return colours(self._database, a, b, target=target, within=within)

    @overload
    def why(
        self,
        run: int | str,
        aor: int,
        against: None = None,
        *,
        target: str | None = None,
        row: int | None = None,
        frame: str | None = None,
    ) -> Arithmetic: ...

    @overload
    def why(
        self,
        run: int | str,
        aor: int,
        against: int | str,
        *,
        target: str | None = None,
        row: int | None = None,
        frame: str | None = None,
    ) -> Explanation: ...

    def why(
        self,
        run: int | str,
        aor: int,
        against: int | str | None = None,
        *,
        target: str | None = None,
        row: int | None = None,
        frame: str | None = None,
    ) -> Explanation | Arithmetic:
        """Tell why an AOR's flux is not the same in two runs, or how it came about in one.

        Parameters
        ----------
        run : int or str
            Number or name of a run.
        aor : int
            AORKEY.
        against : int or str, optional
            The run that it is compared with: the change from `run` to it is split into shares.
        target : str, optional
            Name of the target, where the AOR has several.
        row : int, optional
            Row of the AOR table of `run`, from 1, where the AOR has several.
        frame : str, optional
            One frame alone: its name in the archive, EXPID/DCENUM, time or number.

        Returns
        -------
        Explanation or Arithmetic
            With ``shares`` that add up to ``change``, by cause; without `against` the arithmetic
            from each image's raw sum to the flux. Both have a ``table``.

        Raises
        ------
        iracdb.errors.InputRefused
            Where there is nothing to explain, or it is not clear what is meant.

        Examples
        --------
        >>> found = cat.why("run6", 65844480, "hd_warm_final")  # doctest: +SKIP
        >>> {share.cause: share.mjy for share in found.telling}  # doctest: +SKIP
        """
        from iracdb.compare.arithmetic import arithmetic
        from iracdb.compare.why import why

        if against is None:
            return arithmetic(self._database, run, aor, target=target, row=row, frame=frame)
        return why(self._database, run, aor, against, target=target, row=row, frame=frame)

    def closing_notes(self, which: int | str) -> list[str]:
        """Tell what is worth knowing of a run when it is finished.

        Parameters
        ----------
        which : int or str
            Number or name of a run.

        Returns
        -------
        list of str
            Sentences: that its results are those of an earlier run, whole or in part; that its
            words and its parameters disagree. Empty where there is nothing to say.

        Raises
        ------
        iracdb.errors.NotFound
            Where there is no such run.
        """
        from iracdb.compare.alike import closing_notes

        return closing_notes(self._database, which)
