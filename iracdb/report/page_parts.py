"""What a page is made of: plain values, which know nothing of databases nor of HTML."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal

NOTHING = "–"
"""What stands in a cell without a value."""

Tone = Literal["plain", "error", "warning", "note"]


@dataclass(frozen=True)
class Cell:
    """One cell of a table.

    Parameters
    ----------
    text : str
        As it is read.
    exact : str, optional
        The value itself, where what is read is rounded or has marks between its digits.
    tone : {'plain', 'error', 'warning', 'note'}, optional
        How grave it is.
    """

    text: str
    exact: str | None = None
    tone: Tone = "plain"


@dataclass(frozen=True)
class Heading:
    """The head of a column.

    Parameters
    ----------
    title : str
        What it is called.
    unit : str, optional
        Of its numbers.
    sentence : str, optional
        What it says.
    number : bool, optional
        Whether its cells stand to the right.
    """

    title: str
    unit: str | None = None
    sentence: str | None = None
    number: bool = False


@dataclass(frozen=True)
class Grid:
    """A table.

    Parameters
    ----------
    caption : str
        What it tells.
    headings : sequence of Heading
        Its columns.
    rows : sequence of sequence of Cell
        Its cells; the first of a row names it.
    large : bool, optional
        Whether it may be sorted and filtered, and has pages of its own on paper.
    """

    kind: ClassVar[str] = "grid"
    caption: str
    headings: Sequence[Heading]
    rows: Sequence[Sequence[Cell]]
    large: bool = False


@dataclass(frozen=True)
class Facts:
    """Names and what they are.

    Parameters
    ----------
    pairs : sequence of tuple
        Name and text.
    """

    kind: ClassVar[str] = "facts"
    pairs: Sequence[tuple[str, str]]


@dataclass(frozen=True)
class Sentences:
    """What is said in words.

    Parameters
    ----------
    items : sequence of str
        Sentences, each of its own.
    tone : {'plain', 'error', 'warning', 'note'}, optional
        How grave they are.
    """

    kind: ClassVar[str] = "sentences"
    items: Sequence[str]
    tone: Tone = "plain"


@dataclass(frozen=True)
class Command:
    """A command to be typed.

    Parameters
    ----------
    text : str
        As a shell takes it.
    sentence : str
        What it does.
    """

    kind: ClassVar[str] = "command"
    text: str
    sentence: str


@dataclass(frozen=True)
class Picture:
    """A figure.

    Parameters
    ----------
    name : str
        What it is called.
    caption : str
        What it shows, and what is to be known of it.
    seen : str
        What is seen, with numbers, for who cannot see it.
    source : str
        The picture itself, as a ``data:`` URI.
    width, height : int
        How large it is meant to be, in pixels of the page.
    """

    kind: ClassVar[str] = "picture"
    name: str
    caption: str
    seen: str
    source: str
    width: int
    height: int


Part = Grid | Facts | Sentences | Command | Picture


@dataclass(frozen=True)
class Section:
    """A part of the page with a title.

    Parameters
    ----------
    name : str
        For links: letters and ``-``.
    title : str
        What it is called.
    parts : sequence of Part
        What stands in it.
    """

    name: str
    title: str
    parts: Sequence[Part]


@dataclass(frozen=True)
class Page:
    """All that the page of a run says.

    Parameters
    ----------
    run_id : int
        The run's number.
    name : str
        Its name.
    state : str
        Whether it is finished, imported, or goes on.
    withdrawn : str or None
        That it was withdrawn, when and why.
    comment : str or None
        Why it was made.
    glance : sequence of tuple
        What it comes to: name and text.
    sections : sequence of Section
        In order.
    foot : str
        What made the page.
    """

    run_id: int
    name: str
    state: str
    withdrawn: str | None
    comment: str | None
    glance: Sequence[tuple[str, str]]
    sections: Sequence[Section]
    foot: str


def count_cell(number: int | None) -> Cell:
    """Write a number of things.

    Parameters
    ----------
    number : int or None
        How many; None where it is not known.

    Returns
    -------
    Cell
        With a comma between thousands.
    """
    return Cell(NOTHING) if number is None else Cell(f"{number:,}", str(number))


def number_cells(values: Sequence[float | None], digits: int, *, comma: bool = True) -> list[Cell]:
    """Write a column of numbers, their points one below the other.

    Parameters
    ----------
    values : sequence of float or None
        None or NaN where there is none.
    digits : int
        How many digits that count a typical value is shown with.
    comma : bool, optional
        Whether one stands between thousands; in a Julian date none does.

    Returns
    -------
    list of Cell
        Rounded for the eye; each keeps its exact value.
    """
    decimals = decimals_for(values, digits)
    return [number_cell(value, decimals, comma=comma) for value in values]


def number_cell(value: float | None, decimals: int, *, comma: bool = True) -> Cell:
    """Write a number.

    Parameters
    ----------
    value : float or None
        None or NaN where there is none.
    decimals : int
        Digits after the point.
    comma : bool, optional
        Whether one stands between thousands.

    Returns
    -------
    Cell
        Rounded for the eye; it keeps the exact value.
    """
    if value is None or math.isnan(value):
        return Cell(NOTHING)
    form = f"{',' if comma else ''}.{decimals}f" if abs(value) < _LONG else ".6g"
    shown = format(value, form)
    return Cell(shown.replace("-", "−"), repr(float(value)))


_LONG = 1e12


def decimals_for(values: Sequence[float | None], digits: int) -> int:
    """Choose how many digits after the point a column is written with.

    Parameters
    ----------
    values : sequence of float or None
        The column; NaN and None do not count.
    digits : int
        How many digits that count a typical value has.

    Returns
    -------
    int
        From 0 to 12; so that the smallest value but 0 still has two digits that count, and no
        more than the values have themselves.
    """
    known = sorted(abs(one) for one in values if one is not None and math.isfinite(one) and one)
    if not known:
        return 1
    typical = digits - 1 - math.floor(math.log10(known[len(known) // 2]))
    smallest = 1 - math.floor(math.log10(known[0]))
    wanted = min(max(typical, min(smallest, typical + 3), 0), 12)
    return min(wanted, max(_decimals_of(one) for one in known))


def _decimals_of(value: float) -> int:
    """Count the digits after the point that a number has."""
    text = repr(value)
    return 12 if "e" in text else len(text.partition(".")[2].rstrip("0"))
