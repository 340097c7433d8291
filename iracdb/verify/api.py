"""What a catalogue can do to show that a run is what it was: the part of `iracdb.Catalogue`.

Nothing heavy is imported before it is used.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from iracdb.catalogue.database import Database

if TYPE_CHECKING:
    from iracdb.runs.digest import ResultDigest
    from iracdb.verify.answers import DigestCheck
    from iracdb.verify.verification import Verification


class VerifiesRuns:
    """Makes runs again, and checks them, their tables and single averages against digests."""

    _database: Database

    def verify(
        self,
        which: int | str,
        *,
        sample: int | None = None,
        seed: int | None = None,
        jobs: int = 1,
        scheduler: str | None = None,
        idl_source: str | Path | None = None,
        idl_python: str | Path | None = None,
        progress: Any = None,
    ) -> Verification:
        """Make a run again from its files, and compare every bit with what is stored.

        Parameters
        ----------
        which : int or str
            The run's number or name.
        sample : int, optional
            Check only so many images, chosen at random.
        seed : int, optional
            Chooses the same images again.
        jobs : int, optional
            Worker processes; the result does not depend on it.
        scheduler : str, optional
            Address of a Dask scheduler, whose workers measure instead.
        idl_source, idl_python : path, optional
            The IDL routine, and the Python that has mirpyidl, for a run that was corrected by
            them; by default ``IRACDB_IDL_SOURCE`` and ``IRACDB_IDL_PYTHON``.
        progress : callable, optional
            Told how far it is.

        Returns
        -------
        Verification
            Verdict, counts, differences by row and column, inputs, environment. Nothing is
            written but that the run was verified.

        Raises
        ------
        iracdb.errors.InputRefused
            Where there is no such run, or it is not finished.
        """
        from iracdb.engines.choosing import engine_named
        from iracdb.runs.dask_workers import cluster
        from iracdb.verify.verifying import verify

        engine_of = partial(engine_named, idl_source=idl_source, idl_python=idl_python)
        with cluster(scheduler, jobs) as team:
            return verify(
                self._database, which, sample=sample, seed=seed, jobs=jobs, team=team,
                engine_of=engine_of, progress=progress,
            )  # fmt: skip

    def digest(self, which: int | str) -> ResultDigest:
        """Make a run's citable digest from its rows.

        Parameters
        ----------
        which : int or str
            The run's number or name.

        Returns
        -------
        ResultDigest
            With those of its two tables.

        Raises
        ------
        iracdb.errors.InputRefused
            Where there is no such run, or it is not finished.
        """
        from iracdb.verify.runs import digest_of

        return digest_of(self._database, which)

    def check_digest(self, which: int | str, digest: str | None = None) -> DigestCheck:
        """Check a run's rows against a digest.

        Files are checked by `iracdb.verify.files.check_files`, which needs no catalogue.

        Parameters
        ----------
        which : int or str
            The run's number or name.
        digest : str, optional
            All of it, or at least 12 digits; by default the one noted when the run was closed.

        Returns
        -------
        DigestCheck
            The answer, and what is not as it should be.

        Raises
        ------
        iracdb.errors.UsageError
            Where there is nothing to check against.
        """
        from iracdb.verify.runs import check_run

        return check_run(self._database, which, digest)

    def proof(
        self, which: int | str, aorkey: int, *, target: str | None = None, group: str | None = None
    ) -> dict[str, Any]:
        """Prove one average of a run against its digest, without the other averages.

        Parameters
        ----------
        which : int or str
            The run's number or name.
        aorkey : int
            Of the average.
        target, group : str, optional
            Its target's name, and what its frames have in common, where the AOR has several.

        Returns
        -------
        dict
            Plain values, for JSON.

        Raises
        ------
        iracdb.errors.NotFound
            Where there is no such average.
        iracdb.errors.UsageError
            Where there are several.
        """
        from iracdb.verify.proofs import proof_document
        from iracdb.verify.runs import prove_average

        return proof_document(
            *prove_average(self._database, which, aorkey, target=target, group=group)
        )

    def check_files(self, *paths: str | Path, digest: str | None = None) -> DigestCheck:
        """Check exported tables, a proof or a frozen run against a digest.

        Parameters
        ----------
        *paths : path
            One file, or both tables of a run.
        digest : str, optional
            By default the one that they carry.

        Returns
        -------
        DigestCheck
            The answer, and what is not as it should be.
        """
        from iracdb.verify.files import check_files

        return check_files(paths, digest)
