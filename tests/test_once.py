"""What is noted once is noted once, though two look at the same moment and find nothing."""

from __future__ import annotations

import threading

from sqlalchemy import func, select

from iracdb.catalogue.database import Database, open_database
from iracdb.catalogue.once import find_or_insert
from iracdb.catalogue.tables import target
from iracdb.catalogue.urls import database_url

VALUES = {"name": "a star", "ra": 10.0, "dec": 20.0}


def note(database: Database, found: list[int]) -> None:
    with database.write() as connection:
        found.append(find_or_insert(connection, target, {"identity": "10.0 20.0"}, VALUES))


def test_a_row_that_is_there_is_found(any_database: Database) -> None:
    found: list[int] = []
    note(any_database, found)
    note(any_database, found)
    assert found[0] == found[1]
    with any_database.read() as connection:
        assert connection.execute(select(func.count()).select_from(target)).scalar_one() == 1


def test_one_that_is_just_being_made_is_waited_for(postgres_url: str) -> None:
    database = open_database(database_url(postgres_url), create=True)
    other = open_database(database_url(postgres_url), create=False)
    mine: list[int] = []
    theirs: list[int] = []
    try:
        with database.write() as connection:
            mine.append(find_or_insert(connection, target, {"identity": "10.0 20.0"}, VALUES))
            # It sees nothing yet, and must wait at its insertion until this is committed.
            second = threading.Thread(target=note, args=(other, theirs))
            second.start()
            second.join(1.0)
            assert second.is_alive() and not theirs
        second.join(60)
        assert theirs == mine
    finally:
        database.close()
        other.close()
