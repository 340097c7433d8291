"""Statements are compiled once for all catalogues of a session.

An engine keeps the SQL that it has made of a statement, for as long as it lives. A program opens
one catalogue; the tests open thousands, and each made the same SQL again. Here the engines of one
kind of database keep it together. It is the same SQL: what stands in for SQLAlchemy's cache only
leaves out of its keys whose engine it was.
"""

from __future__ import annotations

from typing import Any

import sqlalchemy
from sqlalchemy.util import LRUCache

KEPT = 3000


class Compiled:
    """Stands in for the cache of an engine: keys begin with its dialect."""

    def __init__(self) -> None:
        self._kept: LRUCache[Any, Any] = LRUCache(KEPT)

    def get(self, key: tuple[Any, ...], default: Any = None) -> Any:
        """Give what was compiled, of whatever engine."""
        return self._kept.get(key[1:], default)

    def __setitem__(self, key: tuple[Any, ...], compiled: Any) -> None:
        self._kept[key[1:]] = compiled


_BY_KIND: dict[tuple[Any, ...], Compiled] = {}


def create_engine(*arguments: Any, **options: Any) -> sqlalchemy.Engine:
    """Create an engine as SQLAlchemy does, that shares what it compiles."""
    engine = sqlalchemy.create_engine(*arguments, **options)
    kind = type(engine.dialect), engine.dialect.paramstyle
    engine._compiled_cache = _BY_KIND.setdefault(kind, Compiled())
    return engine
