"""What the pages of lineage ask beside the lineage itself: the numbers of files here."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import Connection, select

from iracdb.catalogue import tables as t
from iracdb.errors import NotFound

_AT_ONCE = 500
_FILE = t.file.c


def sha256_of(connection: Connection, number: int) -> str:
    """Tell the hash of a file.

    Parameters
    ----------
    connection : sqlalchemy.Connection
        To a catalogue.
    number : int
        Of the file.

    Returns
    -------
    str
        Hexadecimal.

    Raises
    ------
    NotFound
        Where there is no such file.
    """
    found = connection.execute(select(_FILE.sha256).where(_FILE.id == number)).scalar_one_or_none()
    if found is None:
        raise NotFound(f"There is no file {number}")
    return str(found)


def numbers_of(connection: Connection, hashes: Iterable[str]) -> dict[str, int]:
    """Tell the numbers of files.

    Parameters
    ----------
    connection : sqlalchemy.Connection
        To a catalogue.
    hashes : iterable of str
        SHA-256 of files that are held.

    Returns
    -------
    dict
        By hash.
    """
    wanted = list(dict.fromkeys(hashes))
    found: dict[str, int] = {}
    for first in range(0, len(wanted), _AT_ONCE):
        some = wanted[first : first + _AT_ONCE]
        query = select(_FILE.sha256, _FILE.id).where(_FILE.sha256.in_(some))
        found.update({row.sha256: row.id for row in connection.execute(query)})
    return found
