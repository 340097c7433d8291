"""The rows of a comparison that are worth showing, the gravest first."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from iracdb.compare.columns import column_named
from iracdb.compare.parts import Part
from iracdb.compare.values import FLAG_CHANGED, OUTCOMES, SAME, FloatArray, in_errors
from iracdb.errors import UsageError
from iracdb.flags import FLAGS


@dataclass(frozen=True)
class ChangedRow:
    """One matched row that differs.

    Parameters
    ----------
    key_a, key_b : ImageKey or AverageKey
        What it is about, in each run.
    outcome : str
        What it comes to: of the column asked for, or of the whole row.
    column : str
        The column shown: the one asked for, the flux, or that which changed most.
    a, b : object
        Its values; None for none.
    difference, relative, ulps, errors : float or None
        How far they are apart; None where that is not known, or does not apply.
    flags : tuple of str
        What became of flags, such as ``not_in_fov: no, yes``.
    """

    key_a: Any
    key_b: Any
    outcome: str
    column: str
    a: Any
    b: Any
    difference: float | None
    relative: float | None
    ulps: float | None
    errors: float | None
    flags: tuple[str, ...]


def column_of(part: Part, name: str) -> str | None:
    """Find a column of a part by its name or title.

    Parameters
    ----------
    part : Part
        Images or averages.
    name : str
        As typed.

    Returns
    -------
    str or None
        Its name; None where this part has no such column, or not both runs tell it.
    """
    plain = name.strip().lower()
    flag = next((f.name for f in FLAGS if f.column and f.column.lower() == plain), plain)
    if flag in part.names:
        return flag
    found = column_named(name)
    return found.name if found is not None and found.name in part.names else None


def check_column(parts: tuple[Part, Part], name: str) -> None:
    """Refuse a column that no part has.

    Parameters
    ----------
    parts : tuple of Part
        Images and averages.
    name : str
        As typed.

    Raises
    ------
    UsageError
        With the columns that both runs tell.
    """
    if any(column_of(part, name) for part in parts):
        return
    images, aors = (", ".join(part.names) for part in parts)
    raise UsageError(
        f"There is no column {name!r} that both runs tell. Of AORs: {aors}. Of images: {images}"
    )


def changed_rows(
    part: Part, *, over: float | None = None, column: str | None = None
) -> list[ChangedRow]:
    """List the matched rows that differ, the gravest first.

    Parameters
    ----------
    part : Part
        Images or averages.
    over : float, optional
        Only those whose relative change is larger, or that have a value in one run alone.
    column : str, optional
        Only those in which this column differs, by its change.

    Returns
    -------
    list of ChangedRow
        Changed flags before changed values before rounding; then by relative change.
    """
    outcome = part.outcome if column is None else part.columns[column].outcome
    relative = _relative(part, column)
    chosen = outcome != SAME
    if over is not None:
        chosen &= relative > over
    indices = np.flatnonzero(chosen)
    # A stable order: rows alike in both stay in the order of the table.
    order = np.lexsort((indices, -relative[indices], -outcome[indices]))
    return list(_rows(part, indices[order], outcome, column))


def _relative(part: Part, column: str | None) -> FloatArray:
    """Tell each row's relative change, infinite where only one run has a value."""
    names = part.decisive if column is None else (column,)
    found = np.zeros(len(part.matched.pairs))
    for name in names:
        pair = part.columns.get(name)
        if pair is not None and pair.numbers is not None:
            relative = pair.numbers.relative
            np.maximum(found, np.where(np.isnan(relative), np.inf, relative), out=found)
    return found


def _rows(
    part: Part, indices: npt.NDArray[Any], outcome: npt.NDArray[Any], column: str | None
) -> Iterator[ChangedRow]:
    errors = _in_errors(part)
    for index in map(int, indices):
        i, j = part.matched.pairs[index]
        name = column or ("flux" if part.which == "aors" else _most_changed(part, index))
        pair = part.columns[name]
        numbers = pair.numbers
        yield ChangedRow(
            part.keys_a[i],
            part.keys_b[j],
            OUTCOMES[outcome[index]],
            name,
            _plain(pair.a[index]),
            _plain(pair.b[index]),
            None if numbers is None else _plain(numbers.difference[index]),
            None if numbers is None else _plain(numbers.relative[index]),
            None if numbers is None else _plain(numbers.ulps[index]),
            _plain(errors[index]) if errors is not None and name == "flux" else None,
            tuple(_flags(part, index)),
        )


def _in_errors(part: Part) -> FloatArray | None:
    flux, error = part.columns.get("flux"), part.columns.get("error")
    if flux is None or error is None or flux.numbers is None:
        return None
    return in_errors(flux.numbers.difference, error.a, error.b)


def _most_changed(part: Part, index: int) -> str:
    """Name the number of a row that changed most; where none did, the first flag that did."""
    numbers = {
        name: pair.numbers.relative[index]
        for name, pair in part.columns.items()
        if pair.numbers is not None and pair.outcome[index] != SAME
    }
    known = {name: value for name, value in numbers.items() if np.isfinite(value)}
    if known:
        return max(known, key=lambda name: known[name])
    differing = (name for name, pair in part.columns.items() if pair.outcome[index] != SAME)
    return next(iter(numbers), None) or next(differing)


def _flags(part: Part, index: int) -> Iterator[str]:
    for name, pair in part.columns.items():
        if pair.outcome[index] == FLAG_CHANGED:
            yield f"{name}: {_word(pair.a[index])}, {_word(pair.b[index])}"


def _word(value: Any) -> str:
    if isinstance(value, bool | np.bool_):
        return "yes" if value else "no"
    return "none" if value is None else str(value)


def _plain(value: Any) -> Any:
    """Make a plain value of numpy's; None for none, and for what is not finite."""
    if isinstance(value, float | np.floating):
        return float(value) if np.isfinite(value) else None
    return value.item() if isinstance(value, np.generic) else value
