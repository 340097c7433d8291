"""What the tests of provenance share: runs to tell of, documents read back, catalogues copied."""

from __future__ import annotations

import io
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from prov.constants import PROV_RECORD_IDS_MAP
from prov.model import ProvBundle, ProvDocument
from sqlalchemy import Table, insert, select

from iracdb import Catalogue
from iracdb.catalogue.database import Database, open_database
from iracdb.catalogue.tables import metadata
from iracdb.catalogue.urls import database_url
from iracdb.catalogue.views import rebuild_all

FORMATS = ("json", "provn", "xml")
LEVELS = ("aor", "image")


def written(catalogue: Catalogue, which: int | str, format_name: str, level: str = "aor") -> str:
    out = io.StringIO()
    assert catalogue.write_prov(which, out, format=format_name, level=level) == []
    return out.getvalue()


def read(text: str, format_name: str) -> ProvDocument:
    return ProvDocument.deserialize(content=text, format=format_name)


def records(bundle: ProvBundle, kind: str) -> list[Any]:
    wanted = PROV_RECORD_IDS_MAP[kind]
    return [record for record in bundle.get_records() if record.get_type() == wanted]


def told(record: Any) -> dict[str, Any]:
    """What is told of a thing: the one value, or a list where there are several."""
    found: dict[str, list[Any]] = defaultdict(list)
    for name, value in record.extra_attributes:
        found[str(name)].append(value)
    return {name: values[0] if len(values) == 1 else values for name, values in found.items()}


def by_name(bundle: ProvBundle, kind: str) -> dict[str, dict[str, Any]]:
    return {str(record.identifier): told(record) for record in records(bundle, kind)}


def typed(bundle: ProvBundle, kind: str, type_name: str) -> dict[str, dict[str, Any]]:
    found = by_name(bundle, kind)
    return {
        name: facts for name, facts in found.items() if str(facts.get("prov:type")) == type_name
    }


def pairs(bundle: ProvBundle, kind: str) -> set[tuple[str, str]]:
    """First and second argument of each relation of a kind."""
    return {(str(record.args[0]), str(record.args[1])) for record in records(bundle, kind)}


@contextmanager
def copied(database: Database, location: str | Path, shift: int = 0) -> Iterator[Catalogue]:
    """A catalogue with the same content, in which all local numbers are others."""
    copy = open_database(database_url(location), create=True)
    try:
        with database.read() as source, copy.write() as target:
            for table in metadata.sorted_tables:
                rows = [_shifted(table, dict(row), shift)
                        for row in source.execute(select(table)).mappings()]  # fmt: skip
                if rows:
                    target.execute(insert(table), rows)
            rebuild_all(target)
    finally:
        copy.close()
    with Catalogue(location) as catalogue:
        yield catalogue


def _shifted(table: Table, row: dict[str, Any], shift: int) -> dict[str, Any]:
    for column in table.columns:
        local = column.name in ("id", "run_id") or any(
            key.column.name in ("id", "run_id") for key in column.foreign_keys
        )
        if local and row[column.name] is not None:
            row[column.name] += shift
    return row
