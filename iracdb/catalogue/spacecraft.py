"""Where Spitzer was when a file was exposed, as its header tells."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, select

from iracdb.catalogue.database import in_batches
from iracdb.catalogue.tables import header
from iracdb.irac.motion import PLACE_KEYWORDS, Place, place_of

# Headers are some ten kilobytes each.
_MANY = 200


def spacecraft_places(connection: Connection, file_ids: Sequence[int]) -> dict[int, Place]:
    """Read the spacecraft's places from stored headers.

    Parameters
    ----------
    connection : sqlalchemy.Connection
        To a catalogue.
    file_ids : sequence of int
        Files.

    Returns
    -------
    dict
        x, y and z from the Sun's centre in km by file; a file whose header does not tell all three
        is left out.
    """
    places: dict[int, Place] = {}
    for batch in in_batches(list(file_ids), _MANY):
        query = select(header.c.file_id, header.c.cards).where(header.c.file_id.in_(batch))
        for file_id, cards in connection.execute(query):
            numbers = {keyword: number for keyword, _, number in cards if keyword in PLACE_KEYWORDS}
            place = place_of(numbers)
            if place is not None:
                places[file_id] = place
    return places
