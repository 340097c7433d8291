"""Where the cells of a table lie in its text: found at once, none made a string before it is asked.

A table of 2018 has up to two hundred thousand cells. As strings they would cost more than all that
is done with them after.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

COMMA, NEWLINE = ord(","), ord("\n")
WIDEST = 20
"""The widest cell that `windows` shows."""


class Grid:
    """The cells of a table whose rows are all of one length.

    Parameters
    ----------
    content : bytes
        All cells, `WIDEST` bytes before the first.
    starts, ends : numpy.ndarray
        Where in it each cell begins and ends: a row of each array is one of the table.
    """

    def __init__(self, content: bytes, starts: NDArray[np.int64], ends: NDArray[np.int64]) -> None:
        self.bytes = np.frombuffer(content, np.uint8)
        self.starts, self.ends = starts, ends

    @classmethod
    def of_lines(cls, text: str, columns: int) -> Grid:
        """Cut lines at their commas.

        Parameters
        ----------
        text : str
            Lines without quotes; the last is not ended.
        columns : int
            How many cells a row must have.

        Returns
        -------
        Grid
            Of them.

        Raises
        ------
        ValueError
            Where a row is too short or too long.
        """
        content = b"\n" * WIDEST + text.encode() + b"\n"
        found = np.frombuffer(content, np.uint8)
        ends = np.flatnonzero((found == COMMA) | (found == NEWLINE))[WIDEST - 1 :]
        starts, ends = ends[:-1] + 1, ends[1:]
        ends_line = found[ends] == NEWLINE
        if len(ends) % columns or not np.array_equal(
            np.flatnonzero(ends_line), np.arange(columns - 1, len(ends), columns)
        ):
            raise ValueError(f"not every row has {columns} cells")
        return cls(content, starts.reshape(-1, columns), ends.reshape(-1, columns))

    @classmethod
    def of_cells(cls, cells: list[str], columns: int) -> Grid:
        """Take cells that are cut already.

        Parameters
        ----------
        cells : list of str
            Row after row.
        columns : int
            How many a row has.

        Returns
        -------
        Grid
            Of them.
        """
        parts = [cell.encode() for cell in cells]
        ends = WIDEST + np.cumsum([len(part) for part in parts], dtype=np.int64)
        starts = np.concatenate(([WIDEST], ends[:-1]))
        content = b"\n" * WIDEST + b"".join(parts) + b"\n"
        return cls(content, starts.reshape(-1, columns), ends.reshape(-1, columns))

    def __len__(self) -> int:
        return len(self.starts)

    def texts(self, column: int) -> list[str]:
        """List the cells of a column.

        Parameters
        ----------
        column : int
            From 0.

        Returns
        -------
        list of str
            In the order of the rows.
        """
        content = self.bytes.tobytes()
        bounds = zip(self.starts[:, column].tolist(), self.ends[:, column].tolist(), strict=True)
        return [content[start:end].decode() for start, end in bounds]

    def text(self, row: int, column: int) -> str:
        """Give one cell.

        Parameters
        ----------
        row, column : int
            From 0.

        Returns
        -------
        str
            As printed.
        """
        found = self.bytes[self.starts[row, column] : self.ends[row, column]]
        return found.tobytes().decode()

    def letters(self, column: int) -> NDArray[np.uint8]:
        """Give the cells of a column that are single letters.

        Parameters
        ----------
        column : int
            From 0.

        Returns
        -------
        numpy.ndarray
            One byte a row; 0 where another number of bytes stands.
        """
        return np.where(self.widths(column) == 1, self.first_bytes(column), np.uint8(0))

    def widths(self, column: int) -> NDArray[np.int64]:
        """Tell how many bytes the cells of a column have.

        Parameters
        ----------
        column : int
            From 0.

        Returns
        -------
        numpy.ndarray
            In the order of the rows.
        """
        widths: NDArray[np.int64] = self.ends[:, column] - self.starts[:, column]
        return widths

    def first_bytes(self, column: int) -> NDArray[np.uint8]:
        """Give the first byte of each cell of a column; of an empty one, what stands after it.

        Parameters
        ----------
        column : int
            From 0.

        Returns
        -------
        numpy.ndarray
            In the order of the rows.
        """
        return self.bytes[self.starts[:, column]]

    def windows(self, column: int) -> NDArray[np.uint8]:
        """Give the last bytes of each cell of a column, and what stands before a shorter one.

        Parameters
        ----------
        column : int
            From 0.

        Returns
        -------
        numpy.ndarray
            `WIDEST` bytes a cell below one another, the cell's own last: it is quicker so.
        """
        views = np.lib.stride_tricks.sliding_window_view(self.bytes, WIDEST)
        return np.ascontiguousarray(views[self.ends[:, column] - WIDEST].T)
