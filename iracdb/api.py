"""The way in from Python: a catalogue, and runs in it."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from iracdb.catalogue import listing
from iracdb.catalogue.api import ListsHoldings
from iracdb.catalogue.database import open_database
from iracdb.catalogue.ingest import Progress, ingest
from iracdb.catalogue.ingest_report import IngestReport
from iracdb.catalogue.listing import Listing
from iracdb.catalogue.urls import database_url, shown
from iracdb.compare.api import ComparesRuns
from iracdb.export.frozen.api import KeepsRuns
from iracdb.export.prov.api import WritesProvenance
from iracdb.export.study_api import MakesStudies
from iracdb.published.api import PublishedRuns
from iracdb.report.api import ShowsRuns
from iracdb.trace.api import TracesNumbers
from iracdb.verify.api import VerifiesRuns

# Measuring needs astropy and photutils, which take a second to import: listings do not wait.
if TYPE_CHECKING:
    from iracdb.irac.handbook import Radii
    from iracdb.runs.plan import Plan
    from iracdb.runs.results import Run
    from iracdb.runs.wording import Change


class Catalogue(
    ListsHoldings,
    PublishedRuns,
    TracesNumbers,
    ComparesRuns,
    WritesProvenance,
    VerifiesRuns,
    KeepsRuns,
    MakesStudies,
    ShowsRuns,
):
    """A catalogue of frames and runs.

    Parameters
    ----------
    location : str or path-like, optional
        A file's path (SQLite) or a PostgreSQL URL; by default the environment variable
        ``IRACDB_DATABASE_URL``, else what the settings files say, else ``iracdb.sqlite`` in the
        current folder.
    create : bool, optional
        Make the catalogue where there is none yet.

    Raises
    ------
    iracdb.errors.CatalogueError
        Where it cannot be reached, is not ours, or was made by another version.

    Examples
    --------
    >>> cat = Catalogue("iracdb.sqlite")  # doctest: +SKIP
    >>> cat.ingest("archive")  # doctest: +SKIP
    >>> run = cat.run(run_id=13, channel=2, radius=(3, 3, 7))  # doctest: +SKIP
    >>> run.aor_data["Flux (mJy)"]  # doctest: +SKIP
    """

    def __init__(
        self, location: str | os.PathLike[str] | None = None, *, create: bool = True
    ) -> None:
        self._database = open_database(database_url(location), create=create)

    def __repr__(self) -> str:
        return f"<Catalogue {shown(self._database.url)}>"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Give the database's connections back."""
        self._database.close()

    def ingest(
        self,
        *places: str | os.PathLike[str],
        rehash: bool = False,
        jobs: int = 1,
        progress: Progress | None = None,
    ) -> IngestReport:
        """Take folders and files in.

        Parameters
        ----------
        *places : path-like
            Folders, walked to the bottom, and single files.
        rehash : bool, optional
            Read every file again, also those whose size and time are as they were.
        jobs : int, optional
            Worker processes that read and hash.
        progress : callable, optional
            Called with files done, files to read, and the path just read.

        Returns
        -------
        IngestReport
            What became of every file.

        Raises
        ------
        iracdb.errors.NotFound
            Where a place is not there.
        """
        return ingest(self._database, places, rehash=rehash, jobs=jobs, progress=progress)

    def plan(self, **options: Any) -> Plan:
        """Tell what `run` with the same options would do, without doing it.

        Parameters
        ----------
        **options
            As of `run`.

        Returns
        -------
        Plan
            AORs, frames, targets, parameters as applied, and what is missing.
        """
        from iracdb.runs.plan import make_plan
        from iracdb.runs.request import Request

        with self._database.read() as connection:
            return make_plan(connection, Request.of(options))

    def run(
        self,
        run_id: int | None = None,
        *,
        name: str | None = None,
        channel: int | None = None,
        kind: str = "bcd",
        wcs: str | None = None,
        aors: Iterable[int] = (),
        where: str | Iterable[str] = (),
        recipe: str = "manual",
        radius: Radii | None = None,
        aperture_correction: float | None = None,
        pixel_size: float | None = None,
        centre: str | None = None,
        sky: str | None = None,
        forced: bool = False,
        rejection: str | None = None,
        planes: str | None = None,
        drop_planes: str | None = None,
        mask: bool | None = None,
        mask_bits: str | None = None,
        uncertainties: bool | None = None,
        header_marks: bool | None = None,
        pixel_area: str = "nominal",
        source_spectrum: str = "stellar",
        colour_correction: float = 1.0,
        fluxconv: float | None = None,
        allow_mixed_calibration: bool = False,
        engine: str | None = None,
        response: str | None = None,
        pixel_phase: bool = True,
        array_location: bool = True,
        idl_source: str | Path | None = None,
        idl_python: str | Path | None = None,
        target: str | None = None,
        coord: str | None = None,
        pm: tuple[float, float] | None = None,
        parallax: float | None = None,
        epoch: float | None = None,
        targets: str | Path | None = None,
        comment: str | None = None,
        command: str | None = None,
        jobs: int = 1,
        scheduler: str | None = None,
        check_inputs: bool = False,
        out: str | Path | None = None,
        progress: Any = None,
        on_plan: Any = None,
    ) -> Run:
        """Measure a star in every frame, and average each AOR; or go on with such a run.

        Parameters
        ----------
        run_id : int, optional
            The run's number; by default the next free.
        name : str, optional
            Its name; by default ``run<number>``.
        channel : int, optional
            By default the only one there is.
        kind : str, optional
            ``bcd``, ``cbcd`` or ``sub2d``.
        wcs : str, optional
            Kind of the file of the same frame that gives the coordinate system, such as ``sub2d``
            for the cube of a ``bcd``; by default the measured file itself.
        aors : iterable of int, optional
            Only these AORs; by default all.
        where : str or iterable of str, optional
            Conditions on frames, all of which must hold, such as ``"frame_time >= 2"``.
        recipe : str, optional
            Named set of measuring parameters.
        radius : tuple of float, optional
            Source radius, inner and outer radius of the annulus, pixels.
        aperture_correction, pixel_size : float, optional
            Override the recipe's tables; the pixel size in arcsec.
        centre : str, optional
            How centres are found: ``gaussian``, ``moment`` or ``quadratic``.
        sky : str, optional
            How the sky is read: ``mean``, ``median`` or ``mode`` of the annulus.
        forced : bool, optional
            Lay the aperture where the WCS expects the target.
        rejection : str, optional
            ``minmax``, ``sigma:N``, ``sigma-iterate:N``, ``mad:N``, ``published`` or ``none``.
        planes : str, optional
            What is made of subarray cubes: ``each`` plane an image, or one by ``median`` or
            ``mean``.
        drop_planes : str, optional
            Planes left out, from 0, such as ``"0,57"``.
        mask : bool, optional
            Whether each frame's own mask is read, and what is fatal left out.
        mask_bits : str, optional
            Which bits are fatal, such as ``"3,8-14"``.
        uncertainties, header_marks : bool, optional
            Whether each frame's own uncertainties are read, and frames left out that their headers
            mark as bad.
        pixel_area : str, optional
            ``nominal``, or by the ``header`` of the frames.
        source_spectrum : str, optional
            ``stellar``, or ``flat``: then the place on the array is not corrected for.
        colour_correction : float, optional
            Divides every flux density.
        fluxconv : float, optional
            Rescale files of another FLUXCONV to this one, MJy/sr per DN/s.
        allow_mixed_calibration : bool, optional
            Average frames of different CREATOR or FLUXCONV.
        engine : str, optional
            What gives the response: ``native``, ``gdl`` or ``idl``.
        response : str, optional
            Whose response is applied: ``auto``, each image's own mission's; ``cryo``, ``warm``,
            ``hora`` or ``reach`` for all; or ``none``.
        pixel_phase, array_location : bool, optional
            Which parts of the response are applied.
        idl_source, idl_python : path, optional
            The IDL routine, and the Python that has mirpyidl, for the engines that need them; by
            default ``IRACDB_IDL_SOURCE`` and ``IRACDB_IDL_PYTHON``.
        target, coord : str, optional
            One target for all AORs: its name and ICRS position.
        pm : tuple of float, optional
            Its proper motion, mas/yr: in right ascension times cos(Dec), and in declination. The
            position is then moved to the time of each frame.
        parallax : float, optional
            Its parallax, mas, as seen from where the telescope was.
        epoch : float, optional
            Julian year of its position, which a motion needs.
        targets : path, optional
            A list of AORs and positions; by default each AOR's own RA_REF and DEC_REF.
        comment : str, optional
            Why the run is made.
        command : str, optional
            What was typed, for the log.
        jobs : int, optional
            Worker processes; the result does not depend on it.
        scheduler : str, optional
            Address of a Dask scheduler, whose workers measure instead.
        check_inputs : bool, optional
            Re-read the hashes of all inputs before closing.
        out : path, optional
            Write the tables and the log into this folder too.
        progress, on_plan : callable, optional
            Told how far it is, and what will be done.

        Returns
        -------
        Run
            Finished.

        Raises
        ------
        iracdb.errors.IracdbError
            Where it cannot be made; what is measured so far is kept.
        """
        given = dict(locals())
        from iracdb.export.run_into import run_into
        from iracdb.runs.dask_workers import cluster
        from iracdb.runs.request import Request

        request = Request.of({name: given[name] for name in Request.__dataclass_fields__})
        with cluster(scheduler, jobs) as team:
            return run_into(
                self._database, request, out, jobs=jobs, team=team, check_inputs=check_inputs,
                progress=progress, on_plan=on_plan,
            )  # fmt: skip

    def get(self, which: int | str) -> Run:
        """Find a run.

        Parameters
        ----------
        which : int or str
            Its number or name.

        Returns
        -------
        Run
            As it is now.

        Raises
        ------
        iracdb.errors.NotFound
            Where there is none.
        """
        from iracdb.runs.results import Run

        return Run(self._database, which)

    def rename(self, which: int | str, name: str, reason: str | None = None) -> Change:
        """Give a run another name; its number stays.

        Parameters
        ----------
        which : int or str
            Its number or name.
        name : str
            The new name.
        reason : str, optional
            Why.

        Returns
        -------
        iracdb.runs.wording.Change
            What was done; the old name is kept as an activity.

        Raises
        ------
        iracdb.errors.IracdbError
            Where the name is taken or breaks the rule for names, or the run is not finished.
        """
        from iracdb.runs.wording import rename

        return rename(self._database, which, name, reason)

    def comment(self, which: int | str, text: str) -> Change:
        """Change the comment of a run.

        Parameters
        ----------
        which : int or str
            Its number or name.
        text : str
            The new comment; an empty one takes the comment away.

        Returns
        -------
        iracdb.runs.wording.Change
            What was done; the comment before is kept as an activity.

        Raises
        ------
        iracdb.errors.IracdbError
            Where the text cannot be held, or is the comment already.
        """
        from iracdb.runs.wording import comment

        return comment(self._database, which, text)

    def runs(self, *, withdrawn: bool = False) -> Listing:
        """List the runs.

        Parameters
        ----------
        withdrawn : bool, optional
            Also those that were withdrawn.

        Returns
        -------
        Listing
            One row a run.
        """
        with self._database.read() as connection:
            return listing.runs(connection, withdrawn=withdrawn)
