"""The images of a published run as its digest is over them, before they are in a database."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from iracdb import flags
from iracdb.more_columns import FLAGS_COLUMN
from iracdb.published.reading import PublishedRun
from iracdb.published.sheets import PrintedTable
from iracdb.runs.digest import Values
from iracdb.runs.digested import imported_columns


def digested_images(published: PublishedRun) -> Values:
    """Take what the digest of an imported image table is over from its columns.

    Parameters
    ----------
    published : PublishedRun
        As read.

    Returns
    -------
    mapping
        What `iracdb.runs.digested.values_of_run` will read back.
    """
    table = published.img
    return {
        (column.title, column.form): (
            flag_bits(table) if column is FLAGS_COLUMN else table.array(column.key)
        )
        for column in imported_columns(published.layout, "img")
    }


def flag_bits(table: PrintedTable) -> NDArray[np.int64]:
    """Put the flags of each row into one number.

    Parameters
    ----------
    table : PrintedTable
        Of images.

    Returns
    -------
    ndarray of int64, shape (n,)
        Bits of `iracdb.flags`.
    """
    bits = np.zeros(len(table), np.int64)
    for column in table.columns:
        if column.key.startswith("flag:"):
            bits |= table.array(column.key) * np.int64(flags.flag_of_column(column.title).bit)
    return bits
