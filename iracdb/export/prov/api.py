"""What a catalogue can tell in the standards' words: the part of `iracdb.Catalogue` about it.

Nothing heavy is imported before it is used.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from iracdb.catalogue.database import Database

if TYPE_CHECKING:
    from prov.model import ProvDocument


class WritesProvenance:
    """Tells where a run's results come from: W3C PROV, RO-Crate."""

    _database: Database

    def prov(self, which: int | str, *, level: str = "aor") -> ProvDocument:
        """Tell where a run's results come from, as a document of the library `prov`.

        Parameters
        ----------
        which : int or str
            The run's number or name.
        level : {'aor', 'image'}
            Down to the averages and the files they are over, or to every image as well.

        Returns
        -------
        prov.model.ProvDocument
            In memory: for a large run down to its images, `write_prov` is the better way.

        Raises
        ------
        iracdb.errors.RunRefused
            Where the run is not finished.
        """
        from iracdb.export.prov.content import provenance_of
        from iracdb.export.prov.document import document_of
        from iracdb.runs.results import Run

        run = Run(self._database, which)
        with self._database.read() as connection:
            return document_of(provenance_of(connection, run.row, level))

    def write_prov(
        self,
        which: int | str,
        out: str | Path | TextIO,
        *,
        format: str = "json",  # noqa: A002 (the word that everybody uses)
        level: str = "aor",
        license: str | None = None,  # noqa: A002 (the word of RO-Crate)
        overwrite: bool = False,
    ) -> list[Path]:
        """Write where a run's results come from.

        Parameters
        ----------
        which : int or str
            The run's number or name.
        out : path or text stream
            A file, a stream, or for an RO-Crate a folder.
        format : {'json', 'provn', 'xml', 'rocrate'}
            PROV-JSON, PROV-N, PROV-XML, or an RO-Crate with the tables and the log.
        level : {'aor', 'image'}
            As of `prov`.
        license : str, optional
            Address or name of the licence of the results, for an RO-Crate.
        overwrite : bool, optional
            Whether something else may be replaced.

        Returns
        -------
        list of Path
            The files written; none for a stream.

        Raises
        ------
        iracdb.errors.RunRefused
            Where the run is not finished.
        iracdb.errors.CannotWrite
            Where it cannot be written; nothing is half written then.
        """
        from iracdb.errors import UsageError
        from iracdb.export.prov.writing import check_format, write_crate, write_file, write_text
        from iracdb.runs.results import Run

        check_format(format)
        run = Run(self._database, which)
        if isinstance(out, str | Path):
            if format == "rocrate":
                return write_crate(
                    self._database, run, Path(out), level, license_=license, overwrite=overwrite
                )
            return write_file(self._database, run, Path(out), format, level, overwrite=overwrite)
        if format == "rocrate":
            raise UsageError("An RO-Crate is a folder: name one with --out")
        write_text(self._database, run, out, format, level)
        return []
