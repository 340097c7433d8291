"""A column whose cells are written by their numbers in a list of values."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Coded:
    """A column of texts, or of whole numbers that are not always there.

    Parameters
    ----------
    codes : array of int, (n,)
        Which of the values each cell is.
    values : sequence
        The values, some of them perhaps twice; None is no value.
    """

    codes: NDArray[np.intp]
    values: Sequence[Any]

    def __len__(self) -> int:
        return len(self.codes)

    @classmethod
    def of(cls, cells: Sequence[Any]) -> Coded:
        """Give each value a number.

        Parameters
        ----------
        cells : sequence
            Plain values of one type, and None.

        Returns
        -------
        Coded
            The same cells.
        """
        known = {value: code for code, value in enumerate(dict.fromkeys(cells))}
        codes = np.fromiter(map(known.__getitem__, cells), np.intp, count=len(cells))
        return cls(codes, list(known))


Cells = NDArray[Any] | Coded | Sequence[Any]
"""One column: an array of numbers with NaN for none, a `Coded`, or plain values with None."""


def plain(cells: Cells) -> list[Any]:
    """Write a column as plain values.

    Parameters
    ----------
    cells : array, Coded or sequence
        The column.

    Returns
    -------
    list
        None where there is no value; a NaN is none.
    """
    if isinstance(cells, Coded):
        return [cells.values[code] for code in cells.codes.tolist()]
    if isinstance(cells, np.ndarray):
        return [None if number != number else number for number in cells.tolist()]
    return list(cells)
