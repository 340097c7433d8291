"""What of a run's results its digest is over, read from a catalogue or from an exported table."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from astropy.table import Table
from sqlalchemy import Connection

from iracdb.errors import InputRefused
from iracdb.layouts import LAYOUTS, CellForm, Column, Layout
from iracdb.more_columns import AOR_MORE, FLAGS_COLUMN, IMG_MORE
from iracdb.runs.coded import plain
from iracdb.runs.digest import ResultDigest, Values, digest_results
from iracdb.runs.stored_columns import read_columns
from iracdb.runs.tables import Which, columns_of

# What follows from other columns, where those are there.
_DERIVED = {
    "spread": {"flux", "error"},
    "noise_ratio": {"error", "expected_noise"},
    "net": {"raw", "background"},
    "workable_total": {"n_workable", "n_total"},
    "target_text": {"target_ra", "target_dec"},
}
# The same bytes may come to be called otherwise; their hash tells the file, and what its header
# says. Runs have digests of before these columns were shown.
_TOLD_BY_HASH = {"file", "creator", "fluxconv"}
# What a later link to a frame tells of an imported row, and of one recomputed from it.
_BY_LINK = {
    "aorkey", "group", "expid", "dcenum", "plane", "sha256", "link_grade", *_TOLD_BY_HASH,
}  # fmt: skip


def digested_columns(run: Any, which: Which) -> tuple[Column, ...]:
    """List the columns that a run's digest is over.

    Of a run made here these are all that is held, but what is derived. Of an imported run they
    are those that its tables had, so that two copies of one table have one digest, whatever lists
    of targets and frames were at hand.

    Parameters
    ----------
    run : Row
        Of the table ``run``.
    which : {'aor', 'img'}
        The table of averages or of images.

    Returns
    -------
    tuple of Column
        The key of the AOR or the time of the frame first.
    """
    if run.origin == "imported":
        return imported_columns(LAYOUTS[run.layout], which)
    return _exact((*columns_of(LAYOUTS[run.layout], which), *_more(run, which)), which)


def imported_columns(layout: Layout, which: Which) -> tuple[Column, ...]:
    """List the columns that the digest of an imported run is over.

    Parameters
    ----------
    layout : Layout
        Of its tables.
    which : {'aor', 'img'}
        The table of averages or of images.

    Returns
    -------
    tuple of Column
        The key of the AOR or the time of the frame first.
    """
    more = (FLAGS_COLUMN,) if which == "img" else ()
    return _exact((*columns_of(layout, which), *more), which)


def _more(run: Any, which: Which) -> Iterable[Column]:
    left_out = {column.key for column in columns_of(LAYOUTS[run.layout], which)}
    if which == "aor":
        return (column for column in AOR_MORE if column.key not in left_out)
    left_out |= _TOLD_BY_HASH if run.inputs_digest is not None else _BY_LINK
    return (column for column in IMG_MORE if column.key not in left_out)


def _exact(held: Sequence[Column], which: Which) -> tuple[Column, ...]:
    keys = {column.key for column in held}
    columns = [
        column
        for column in held
        if not (column.key in _DERIVED and _DERIVED[column.key] <= keys)
        # Their letters are another way to write the bits.
        and not column.key.startswith("flag:")
    ]
    first = "aorkey" if which == "aor" else "mjd"
    return tuple(sorted(columns, key=lambda column: column.key != first))


def digest_of_run(connection: Connection, run: Any) -> ResultDigest:
    """Make a run's digest from its rows.

    Parameters
    ----------
    connection : sqlalchemy.Connection
        To a catalogue.
    run : Row
        Of the table ``run``.

    Returns
    -------
    ResultDigest
        The same in every database that holds the same results.
    """
    return digest_results(_columns(connection, run, "aor"), _columns(connection, run, "img"))


def values_of_run(connection: Connection, run: Any, which: Which) -> Values:
    """Read what a run's digest is over.

    Parameters
    ----------
    connection : sqlalchemy.Connection
        To a catalogue.
    run : Row
        Of the table ``run``.
    which : {'aor', 'img'}
        The table of averages or of images.

    Returns
    -------
    mapping
        Columns by title and form, in the order of the table's rows.
    """
    return {column: plain(cells) for column, cells in _columns(connection, run, which).items()}


def _columns(connection: Connection, run: Any, which: Which) -> Values:
    columns = digested_columns(run, which)
    read = read_columns(connection, run.run_id, which, columns, LAYOUTS[run.layout])
    return {(column.title, column.form): cells for column, cells in zip(columns, read, strict=True)}


def values_of_table(table: Table, columns: Iterable[Column], titles: Iterable[str]) -> Values:
    """Take what a digest is over from an exported table.

    Parameters
    ----------
    table : astropy.table.Table
        Read from ECSV or VOTable.
    columns : iterable of Column
        All that such a table may have.
    titles : iterable of str
        Of the columns that the digest is over.

    Returns
    -------
    mapping
        Columns by title and form.

    Raises
    ------
    InputRefused
        Where the table lacks a column.
    """
    forms: dict[str, CellForm] = {column.title: column.form for column in columns}
    values: Values = {}
    for title in titles:
        if title not in table.colnames or title not in forms:
            raise InputRefused(f"The table has no column {title!r}, which its digest is over")
        values = {**values, (title, forms[title]): _cells(table[title], forms[title])}
    return values


def _cells(column: Any, form: CellForm) -> list[Any]:
    held = np.ma.asarray(getattr(column, "value", column))
    missing = np.ma.getmaskarray(held)
    if form == "float":
        numbers = held.filled(np.nan).astype(float)
        return [float(x) if np.isfinite(x) else None for x in numbers]
    convert = int if form == "integer" else str
    return [None if gone else convert(cell) for cell, gone in zip(held.data, missing, strict=True)]
