"""What a catalogue can tell of what it holds: the part of `iracdb.Catalogue` that lists."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from iracdb.catalogue import listing
from iracdb.catalogue.database import Database
from iracdb.catalogue.listing import Listing
from iracdb.catalogue.query import QueryResult, run_query

if TYPE_CHECKING:
    from iracdb.irac.header import Header


class ListsHoldings:
    """Lists AORs, frames, files and headers, and answers SQL."""

    _database: Database

    def holdings(self) -> Listing:
        """Tell what is held, by AOR, channel and kind.

        Returns
        -------
        Listing
            One row each.
        """
        with self._database.read() as connection:
            return listing.holdings(connection)

    def totals(self) -> dict[str, int]:
        """Count what is held.

        Returns
        -------
        dict
            AORs, frames, files, bytes, gone, set aside, runs.
        """
        with self._database.read() as connection:
            return listing.totals(connection)

    def aors(self, *, channel: int | None = None) -> Listing:
        """List the AORs.

        Parameters
        ----------
        channel : int, optional
            Only those with frames of this channel.

        Returns
        -------
        Listing
            One row an AOR and channel.
        """
        with self._database.read() as connection:
            return listing.aors(connection, channel=channel)

    def frames(
        self, *, aorkey: int | None = None, channel: int | None = None, limit: int | None = None
    ) -> Listing:
        """List the frames.

        Parameters
        ----------
        aorkey, channel : int, optional
            Only those.
        limit : int, optional
            At most so many.

        Returns
        -------
        Listing
            One row a frame.
        """
        with self._database.read() as connection:
            return listing.frames(connection, aorkey=aorkey, channel=channel, limit=limit)

    def files(
        self,
        *,
        aorkey: int | None = None,
        channel: int | None = None,
        kind: str | None = None,
        limit: int | None = None,
    ) -> Listing:
        """List the files, one row a place.

        Parameters
        ----------
        aorkey, channel : int, optional
            Only those.
        kind : str, optional
            Only that.
        limit : int, optional
            At most so many.

        Returns
        -------
        Listing
            Name, version, hash, where, and whether it is there.
        """
        with self._database.read() as connection:
            return listing.files(connection, aorkey=aorkey, channel=channel, kind=kind, limit=limit)

    def problems(self, *, settled: bool = False) -> Listing:
        """List the files set aside.

        Parameters
        ----------
        settled : bool, optional
            Also those that were taken in since, or have gone.

        Returns
        -------
        Listing
            Path, code, sentence, times.
        """
        with self._database.read() as connection:
            return listing.problems(connection, settled=settled)

    def header(self, which: str | os.PathLike[str]) -> Header:
        """Give a file's header without opening the file.

        Parameters
        ----------
        which : str or path-like
            A path, an archive name, or the beginning of a SHA-256.

        Returns
        -------
        Header
            Byte for byte what it was.

        Raises
        ------
        iracdb.errors.NotFound
            Where no file is meant, or more than one.
        """
        with self._database.read() as connection:
            return listing.header_of(connection, os.fspath(which))

    def sql(self, query: str, *, limit: int | None = None, timeout: float = 60.0) -> QueryResult:
        """Carry out one query, which can change nothing.

        Parameters
        ----------
        query : str
            SQL, with the columns' names as they are, in double quotes.
        limit : int, optional
            At most so many rows.
        timeout : float, optional
            Seconds.

        Returns
        -------
        QueryResult
            Columns and rows.

        Raises
        ------
        iracdb.errors.QueryRefused
            Where it fails, or would change something.
        """
        return run_query(self._database, query, limit=limit, timeout_seconds=timeout)
