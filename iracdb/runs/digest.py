"""A run's citable digest: one SHA-256 over the exact values of its results.

Knows no database: columns of plain values in, digests out, so that the same digest comes from a
catalogue on SQLite or PostgreSQL, from a frozen file and from the exported tables.

A row is a record of fixed width: for each column one byte that says whether there is a value, then
eight bytes of a number (IEEE 754 double or signed integer, big-endian) or the 32 bytes of a text's
SHA-256 (UTF-8). Columns without any value are left out. Records are sorted by their bytes, the
frame's time first, so that neither row numbers nor the order of files matter. The averages are the
leaves of a Merkle tree (in the form of RFC 6962, section 2.1), so that one can be proven against
the digest without the others; the images are hashed in one sequence.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from iracdb.errors import InputRefused
from iracdb.layouts import CellForm

SCHEME = "iracdb-result-1"
"""Name of this way of hashing; another way would have another name."""

# A VOTable cannot tell an empty text from none.
_NOTHING = (None, "")
_LEAF, _NODE = b"\x00", b"\x01"

Values = Mapping[tuple[str, CellForm], Sequence[Any]]
"""Columns by title and form, each as long as the others; None where there is no value."""


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
    return TableDigest(_table_hash("averages", columns, len(records), root), columns, len(records))


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
    return TableDigest(_table_hash("images", columns, len(records), content), columns, len(records))


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
    titles, records = _records(averages)
    ordered = sorted(records)
    index = ordered.index(records[row])
    told = {title: (form, cells) for (title, form), cells in averages.items() if title in titles}
    return Proof(
        row={title: cells[row] for title, (_, cells) in told.items()},
        forms={title: form for title, (form, _) in told.items()},
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
    # A row may lack a value in a column in which others have one.
    values: Values = {(title, form): [proof.row.get(title)] for title, form in proof.forms.items()}
    columns, records = _records(values, keep_empty=True)
    if not 0 <= proof.index < proof.count:
        raise InputRefused("The proof has no place for its row")
    root = _climb(_leaf(records[0]), proof.index, proof.count, list(map(_bytes_of, proof.path)))
    return joined_digest(_table_hash("averages", columns, proof.count, root), proof.images)


def _bytes_of(text: str) -> bytes:
    try:
        return bytes.fromhex(text)
    except ValueError:
        raise InputRefused(f"{text!r} in the proof is no hash") from None


def _table_hash(what: str, columns: Sequence[str], count: int, content: bytes) -> str:
    head = f"{what}\n{count}\n" + "\n".join(columns) + "\n"
    return hashlib.sha256(head.encode() + content).hexdigest()


def _records(values: Values, *, keep_empty: bool = False) -> tuple[tuple[str, ...], list[bytes]]:
    """Make the titles of the columns that hold anything, and each row's record."""
    told = [
        (title, form, cells)
        for (title, form), cells in values.items()
        if keep_empty or any(cell not in _NOTHING for cell in cells)
    ]
    lengths = {len(cells) for _, _, cells in told}
    count = lengths.pop() if lengths else max((len(c) for c in values.values()), default=0)
    parts = [_column_bytes(form, cells) for _, form, cells in told]
    titles = tuple(title for title, _, _ in told)
    if not parts:
        return titles, [b""] * count
    block = np.hstack(parts)
    width, content = block.shape[1], block.tobytes()
    return titles, [content[start : start + width] for start in range(0, len(content), width)]


def _column_bytes(form: CellForm, cells: Sequence[Any]) -> np.ndarray:
    """Turn a column into bytes, (n, 1 + width): whether there is a value, and the value."""
    held = np.array([cell not in _NOTHING for cell in cells], dtype=np.uint8)[:, None]
    if form == "text":
        known: dict[Any, bytes] = dict.fromkeys(_NOTHING, bytes(32))
        for cell in cells:
            if cell not in known:
                known[cell] = hashlib.sha256(str(cell).encode()).digest()
        content = b"".join([known[cell] for cell in cells])
        return np.hstack((held, np.frombuffer(content, np.uint8).reshape(len(cells), 32)))
    kind = ">f8" if form == "float" else ">i8"
    numbers = np.array([0 if cell is None else cell for cell in cells], dtype=kind)
    if form == "float":
        numbers += 0.0  # -0.0 is 0.0
    return np.hstack((held, numbers.view(np.uint8).reshape(len(cells), 8)))


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
