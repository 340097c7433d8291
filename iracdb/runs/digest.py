"""A run's citable digest: one SHA-256 over the exact values of its results.

Knows no database: columns of plain values in, digests out, so that the same digest comes from a
catalogue on SQLite or PostgreSQL, from a frozen file and from the exported tables.

A row is a record of fixed width: for each column one byte that says whether there is a value (1 or
0), then eight bytes of a number (IEEE 754 double or signed integer, big-endian) or the 32 bytes of
a text's SHA-256 (UTF-8); zeros where there is none. NaN, infinities and an empty text are no value;
-0.0 is 0.0. A text is taken without white space around it, and a line of it ends with a line feed:
tables keep no more. Columns without any value are left out. Records are sorted by their bytes, and
an average's key or an image's time stands first in them: neither row numbers nor the order of files
matter.

The averages are the leaves of a Merkle tree (in the form of RFC 6962, section 2.1), so that one can
be proven against the digest without the others; the images are hashed in one sequence. A table's
digest is the SHA-256 of a head and the root, or of a head and the sequence's SHA-256. The head is
text, in lines that end with a line feed: ``averages`` or ``images``, how many rows, then a line a
column: title, tab, form. A run's digest is the SHA-256 of three such lines: the name of this scheme
and the two tables' digests, hexadecimal.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, get_args

import numpy as np
from numpy.typing import NDArray

from iracdb.errors import InputRefused
from iracdb.layouts import CellForm
from iracdb.runs.coded import Cells, Coded, plain

SCHEME = "iracdb-result-1"
"""Name of this way of hashing; another way would have another name."""

_LEAF, _NODE = b"\x00", b"\x01"
_HASH_BYTES = 32
_KINDS: dict[CellForm, set[type]] = {"integer": {int}, "float": {int, float}, "text": {str}}
# What eight bytes hold of a whole number, as such and as a double.
_LARGEST: dict[CellForm, int] = {"integer": 2**63 - 1, "float": 2**53}
_MOST_FLOORS = 64

Values = Mapping[tuple[str, CellForm], Cells]
"""Columns by title and form, each as long as the others."""


@dataclass(frozen=True)
class TableDigest:
    """The digest of one table.

    Parameters
    ----------
    sha256 : str
        Hexadecimal.
    columns : tuple of str
        Titles of the columns that it is over, in order.
    count : int
        Rows.
    """

    sha256: str
    columns: tuple[str, ...]
    count: int


@dataclass(frozen=True)
class ResultDigest:
    """The digest of a run's results.

    Parameters
    ----------
    sha256 : str
        Hexadecimal: what is cited.
    averages, images : TableDigest
        Of the two tables, from which it is made.
    """

    sha256: str
    averages: TableDigest
    images: TableDigest


@dataclass(frozen=True)
class Proof:
    """What proves one average against a run's digest.

    Parameters
    ----------
    row : dict
        Its values by title; None where there is none.
    forms : dict
        The form of each column's cells, by title.
    count : int
        Averages in all.
    index : int
        Its place among the sorted ones, from 0.
    path : tuple of str
        Hashes of the neighbours on the way to the root, hexadecimal, from the leaf up.
    images : str
        Digest of the image table, hexadecimal.
    """

    row: dict[str, Any]
    forms: dict[str, CellForm]
    count: int
    index: int
    path: tuple[str, ...]
    images: str


def digest_results(averages: Values, images: Values) -> ResultDigest:
    """Digest a run's results.

    Parameters
    ----------
    averages, images : mapping
        Columns of the two tables.

    Returns
    -------
    ResultDigest
        The same for the same values, in whatever order the rows are.
    """
    of_averages, of_images = digest_averages(averages), digest_images(images)
    return ResultDigest(joined_digest(of_averages.sha256, of_images.sha256), of_averages, of_images)


def joined_digest(averages: str, images: str) -> str:
    """Make a run's digest of those of its two tables.

    Parameters
    ----------
    averages, images : str
        Hexadecimal.

    Returns
    -------
    str
        Hexadecimal.
    """
    return hashlib.sha256(f"{SCHEME}\n{averages}\n{images}\n".encode()).hexdigest()


def digest_averages(values: Values) -> TableDigest:
    """Digest the table of averages, as a tree.

    Parameters
    ----------
    values : mapping
        Its columns.

    Returns
    -------
    TableDigest
        Of the tree's root.
    """
    columns, records = _records(values)
    root = _root([_leaf(record) for record in sorted(records)])
    return _digest_of("averages", columns, len(records), root)


def digest_images(values: Values) -> TableDigest:
    """Digest the table of images, as one sequence.

    Parameters
    ----------
    values : mapping
        Its columns.

    Returns
    -------
    TableDigest
        Of all its records.
    """
    columns, records = _records(values)
    content = hashlib.sha256(b"".join(sorted(records))).digest()
    return _digest_of("images", columns, len(records), content)


def prove(averages: Values, images: str, row: int) -> Proof:
    """Prove one average.

    Parameters
    ----------
    averages : mapping
        Columns of the table of averages.
    images : str
        Digest of the table of images, hexadecimal.
    row : int
        Which average, from 0, in the order given.

    Returns
    -------
    Proof
        For `proven_digest`.
    """
    columns, records = _records(averages)
    ordered = sorted(records)
    index = ordered.index(records[row])
    return Proof(
        row={title: plain(averages[title, form])[row] for title, form in columns},
        forms=dict(columns),
        count=len(records),
        index=index,
        path=tuple(part.hex() for part in _path([_leaf(record) for record in ordered], index)),
        images=images,
    )


def proven_digest(proof: Proof) -> str:
    """Tell the digest of the run that a proof belongs to.

    Parameters
    ----------
    proof : Proof
        Perhaps of a stranger.

    Returns
    -------
    str
        Hexadecimal; the row is as it was in the run whose digest this is.

    Raises
    ------
    InputRefused
        Where the proof does not hang together.
    """
    # What is told beside the columns would not be proven, and a line feed could hide a column.
    if set(proof.row) != set(proof.forms) or any(c in t for t in proof.forms for c in "\t\n"):
        raise InputRefused("The proof's row and columns are not the same")
    if not set(proof.forms.values()) <= set(get_args(CellForm)):
        raise InputRefused("The proof has a column of an unknown form")
    if not 0 <= proof.index < proof.count:
        raise InputRefused("The proof has no place for its row")
    if len(proof.path) > _MOST_FLOORS:
        raise InputRefused("The proof has more hashes than its tree has floors")
    values: Values = {(title, form): [proof.row[title]] for title, form in proof.forms.items()}
    # A row may lack a value in a column in which others have one.
    columns, records = _records(values, keep_empty=True)
    path = [_hash_of(text) for text in proof.path]
    root = _climb(_leaf(records[0]), proof.index, proof.count, path)
    averages = _table_hash("averages", columns, proof.count, root)
    return joined_digest(averages, _hash_of(proof.images).hex())


def _hash_of(text: str) -> bytes:
    try:
        found = bytes.fromhex(text)
    except ValueError:
        found = b""
    if len(found) != _HASH_BYTES:
        raise InputRefused(f"{text[:80]!r} in the proof is no hash")
    return found


_Columns = tuple[tuple[str, CellForm], ...]


def _digest_of(what: str, columns: _Columns, count: int, content: bytes) -> TableDigest:
    titles = tuple(title for title, _ in columns)
    return TableDigest(_table_hash(what, columns, count, content), titles, count)


def _table_hash(what: str, columns: _Columns, count: int, content: bytes) -> str:
    # With the forms: eight bytes are one number as an integer and another as a double.
    told = [f"{title}\t{form}" for title, form in columns]
    head = "".join(f"{line}\n" for line in (what, count, *told))
    return hashlib.sha256(head.encode() + content).hexdigest()


def _records(values: Values, *, keep_empty: bool = False) -> tuple[_Columns, list[bytes]]:
    """Make the list of columns that hold anything, and each row's record."""
    parts = {column: _column_bytes(column, cells) for column, cells in values.items()}
    told = {column: part for column, part in parts.items() if keep_empty or part[:, 0].any()}
    if not told:
        return (), [b""] * max((len(cells) for cells in values.values()), default=0)
    block = np.hstack(list(told.values()))
    width, content = block.shape[1], block.tobytes()
    return tuple(told), [content[start : start + width] for start in range(0, len(content), width)]


def _column_bytes(column: tuple[str, CellForm], cells: Cells) -> NDArray[np.uint8]:
    """Turn a column into bytes, (n, 1 + width): whether there is a value, and the value."""
    form = column[1]
    if isinstance(cells, Coded):
        return _column_bytes(column, cells.values)[cells.codes]
    if isinstance(cells, np.ndarray):
        return _number_bytes(form, np.isfinite(cells), cells)
    told = _canonical(column, cells)
    held = np.array([cell is not None for cell in told], dtype=bool)
    if form != "text":
        return _number_bytes(form, held, np.array([0 if cell is None else cell for cell in told]))
    known = {cell: hashlib.sha256(cell.encode()).digest() for cell in set(told) - {None}}
    known[None] = bytes(_HASH_BYTES)
    content = np.frombuffer(b"".join([known[cell] for cell in told]), np.uint8)
    return np.hstack((held[:, None].view(np.uint8), content.reshape(len(told), _HASH_BYTES)))


def _number_bytes(
    form: CellForm, held: NDArray[np.bool_], numbers: NDArray[Any]
) -> NDArray[np.uint8]:
    content = np.where(held, numbers, 0).astype(">f8" if form == "float" else ">i8")
    if form == "float":
        content += 0.0  # -0.0 is 0.0
    return np.hstack((held[:, None].view(np.uint8), content.view(np.uint8).reshape(len(held), 8)))


def _canonical(column: tuple[str, CellForm], cells: Sequence[Any]) -> list[Any]:
    """Check a column's cells; None where there is no value."""
    title, form = column
    for cell in cells:
        if cell is not None and not _fits(cell, form):
            raise InputRefused(f"The column {title!r} holds {repr(cell)[:80]}, which is no {form}")
    if form == "integer":
        return list(cells)
    if form == "float":
        return [None if cell is None or not math.isfinite(cell) else cell for cell in cells]
    known = {cell: _canonical_text(cell) for cell in set(cells)}
    return [known[cell] for cell in cells]


def _canonical_text(cell: str | None) -> str | None:
    return (cell or "").replace("\r\n", "\n").replace("\r", "\n").strip() or None


def _fits(cell: Any, form: CellForm) -> bool:
    # Not isinstance: True is no number here.
    if type(cell) not in _KINDS[form]:
        return False
    return type(cell) is not int or abs(cell) <= _LARGEST[form]


def _leaf(record: bytes) -> bytes:
    return hashlib.sha256(_LEAF + record).digest()


def _node(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(_NODE + left + right).digest()


def _split(count: int) -> int:
    """Tell how many leaves go left: the largest power of two below their number."""
    return 1 << ((count - 1).bit_length() - 1)


def _root(leaves: Sequence[bytes]) -> bytes:
    if not leaves:
        return hashlib.sha256(b"").digest()
    if len(leaves) == 1:
        return leaves[0]
    middle = _split(len(leaves))
    return _node(_root(leaves[:middle]), _root(leaves[middle:]))


def _path(leaves: Sequence[bytes], index: int) -> list[bytes]:
    if len(leaves) <= 1:
        return []
    middle = _split(len(leaves))
    if index < middle:
        return [*_path(leaves[:middle], index), _root(leaves[middle:])]
    return [*_path(leaves[middle:], index - middle), _root(leaves[:middle])]


def _climb(leaf: bytes, index: int, count: int, path: list[bytes]) -> bytes:
    """Go from a leaf to the root of a tree of so many leaves."""
    if count == 1:
        if path:
            raise InputRefused("The proof has more hashes than its tree has floors")
        return leaf
    if not path:
        raise InputRefused("The proof has fewer hashes than its tree has floors")
    middle, beside = _split(count), path[-1]
    if index < middle:
        return _node(_climb(leaf, index, middle, path[:-1]), beside)
    return _node(beside, _climb(leaf, index - middle, count - middle, path[:-1]))
