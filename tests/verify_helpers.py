"""What the tests of verifying share: the digest once more from its description, rows changed."""

from __future__ import annotations

import csv
import hashlib
import shutil
import struct
import uuid
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import psycopg
import yaml
from helpers import put, spec
from sqlalchemy import make_url, text

from iracdb import Catalogue
from iracdb.irac.simulate import FrameSpec
from iracdb.verify.verification import Verification

Table = list[tuple[str, str, Sequence[Any]]]
"""Columns of a table: title, form, cells."""


# --- The digest, from the words of its description alone ------------------------------------------


def sha(content: bytes) -> bytes:
    return hashlib.sha256(content).digest()


def field(form: str, cell: Any) -> bytes:
    """One cell of a record."""
    if form == "text":
        plain = "" if cell is None else cell.replace("\r\n", "\n").replace("\r", "\n").strip()
        return b"\x01" + sha(plain.encode("utf-8")) if plain else b"\x00" * 33
    if cell is None or cell != cell or cell in (float("inf"), float("-inf")):
        return b"\x00" * 9
    return b"\x01" + struct.pack(">d" if form == "float" else ">q", cell + 0)


def records(table: Table) -> tuple[list[tuple[str, str]], list[bytes]]:
    told = [
        (title, form, cells)
        for title, form, cells in table
        if any(field(form, cell)[0] for cell in cells)
    ]
    rows = zip(*(cells for *_, cells in told), strict=True)
    forms = [form for _, form, _ in told]
    made = [b"".join(map(field, forms, row)) for row in rows]
    return [(title, form) for title, form, _ in told], sorted(made)


def tree(leaves: Sequence[bytes]) -> bytes:
    """The Merkle tree hash of RFC 6962, section 2.1, over the data of the leaves."""
    if not leaves:
        return sha(b"")
    if len(leaves) == 1:
        return sha(b"\x00" + leaves[0])
    left = 1
    while left * 2 < len(leaves):
        left *= 2
    return sha(b"\x01" + tree(leaves[:left]) + tree(leaves[left:]))


def table_digest(what: str, table: Table) -> str:
    columns, rows = records(table)
    count = max((len(cells) for *_, cells in table), default=0)
    rows = rows or [b""] * count
    head = f"{what}\n{count}\n" + "".join(f"{title}\t{form}\n" for title, form in columns)
    content = tree(rows) if what == "averages" else sha(b"".join(rows))
    return hashlib.sha256(head.encode() + content).hexdigest()


def run_digest(averages: Table, images: Table) -> str:
    parts = table_digest("averages", averages), table_digest("images", images)
    return hashlib.sha256(
        "".join(f"{p}\n" for p in ("iracdb-result-1", *parts)).encode()
    ).hexdigest()


# --- Exported tables, read without astropy --------------------------------------------------------

_FORMS = {"float64": "float", "int64": "integer", "string": "text"}


class _Header(yaml.SafeLoader):
    """The header of an ECSV file; what astropy serializes of itself is not looked at."""


_Header.add_multi_constructor("!astropy", lambda *_: None)


def read_ecsv(path: Path) -> tuple[dict[str, Any], Table]:
    """Read an ECSV file: what it says of itself, and its columns."""
    lines = path.read_text(encoding="utf-8").split("\n")
    head = [line[2:] for line in lines if line.startswith("# ")]
    told = yaml.load("\n".join(head[1:]), _Header)
    rows = list(csv.reader("\n".join(lines[len(head) :]).splitlines(True), delimiter=" "))
    titles, *body = [row for row in rows if row]
    cells = list(zip(*body, strict=True)) or [()] * len(titles)
    forms = [_FORMS[each["datatype"]] for each in told["datatype"]]
    return dict(told["meta"]), [
        (title, form, [_value(form, cell) for cell in column])
        for title, form, column in zip(titles, forms, cells, strict=True)
    ]


def _value(form: str, cell: str | None) -> Any:
    if cell is None or (cell in ("", "nan", "NaN") and form != "text"):
        return None
    return cell if form == "text" else float(cell) if form == "float" else int(cell)


def read_votable(path: Path) -> tuple[dict[str, Any], Table]:
    """Read a VOTable by its elements."""
    root = ElementTree.fromstring(path.read_text(encoding="utf-8"))
    space = root.tag.split("}")[0] + "}"
    meta = {str(p.get("name")): p.get("value") for p in root.iter(f"{space}PARAM")}
    rows = [[cell.text for cell in row] for row in root.iter(f"{space}TR")]
    table: Table = []
    for place, one in enumerate(root.iter(f"{space}FIELD")):
        form = {"double": "float", "long": "integer"}.get(str(one.get("datatype")), "text")
        values = one.find(f"{space}VALUES")
        null = None if values is None else values.get("null")
        cells = [None if row[place] == null and form != "text" else row[place] for row in rows]
        table.append((str(one.get("name")), form, [_value(form, cell) for cell in cells]))
    return meta, table


def only(table: Table, titles: Iterable[str]) -> Table:
    """The columns of these titles, in their order."""
    held = {title: (title, form, cells) for title, form, cells in table}
    return [held[title] for title in titles]


# --- Runs to verify -------------------------------------------------------------------------------

STAR = spec(aorkey=91000000, flux_mjy=30.0, x=15.0, y=15.0)


def archive(folder: Path, *specs: FrameSpec) -> list[Path]:
    """Write small frames, which are measured fast."""
    return [put(folder, one) for one in specs]


def exposures(number: int, first: FrameSpec = STAR) -> list[FrameSpec]:
    """A series of one AOR, no two frames alike."""
    return [
        replace(first, expid=n, mjd=first.mjd + n / 1000, x=first.x + n / 50, flux_mjy=30 + n / 7)
        for n in range(number)
    ]


@contextmanager
def a_database(server: str, template: str | None = None) -> Iterator[str]:
    """URL of a PostgreSQL database of its own, a copy of another where asked for."""
    name = f"iracdb_test_{uuid.uuid4().hex}"
    source = "" if template is None else f' TEMPLATE "{make_url(template).database}"'
    plain = make_url(server).set(drivername="postgresql")
    # A database can be copied while nobody is in it.
    administrator = plain.set(database="postgres").render_as_string(hide_password=False)
    with psycopg.connect(administrator, autocommit=True) as admin:
        admin.execute(f'CREATE DATABASE "{name}"{source}')
        try:
            yield plain.set(database=name).render_as_string(hide_password=False)
        finally:
            admin.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


@contextmanager
def a_copy(location: str, folder: Path) -> Iterator[str]:
    """A copy of a catalogue that nobody has open."""
    if "://" in location:
        with a_database(location, location) as url:
            yield url
    else:
        shutil.copy(location, folder / "iracdb.sqlite")
        yield str(folder / "iracdb.sqlite")


def counts(found: Verification) -> tuple[tuple[int, int, int], tuple[int, int, int]]:
    """(same, differs, not checked) of images and of averages."""
    both = found.compared.images, found.compared.averages
    one, other = ((c.same, c.differs, c.not_checked) for c in both)
    return one, other


def change(catalogue: Catalogue, statement: str, **values: Any) -> None:
    """Change what is stored, behind the program's back."""
    with catalogue._database.write() as connection:
        assert connection.execute(text(statement), values).rowcount > 0, statement
