"""The figures of a run as parts of its page: each a picture that needs no other file."""

from __future__ import annotations

import base64
import urllib.parse
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from astropy.table import QTable

from iracdb.errors import IracdbError
from iracdb.report.drawing import gather, picture
from iracdb.report.page_parts import Part, Picture, Section, Sentences
from iracdb.report.registry import FIGURES, Figure
from iracdb.report.style import MANY
from iracdb.report.subject import Subject

_PIXELS_AN_INCH = 110
_DOTS_AN_INCH = 144
_TOLD = 4
"""Of so many columns what is seen tells the range."""

_MOST = 8
"""So many of the numbers that a figure holds are told beside it."""

_BESIDE = {"row", "aorkey", "expid", "dcenum", "plane", "flags"}
"""Columns of numbers that are names."""


def figures_section(alone: Subject, both: Subject | None) -> Section:
    """Draw the figures of a run.

    Parameters
    ----------
    alone : Subject
        The run.
    both : Subject or None
        The run and the one it is compared with; None where there is none.

    Returns
    -------
    Section
        In the order of `iracdb.report.registry.FIGURES`; in the end why others are not drawn.
    """
    parts: list[Part] = []
    left_out = []
    # A run over one AOR has one average: its light curve is that of the images.
    aors = tuple({row.aorkey for row in alone.run.averages()})
    for figure in FIGURES:
        subject = alone if figure.runs == 1 else both
        if figure.name == "lightcurve" and len(aors) == 1:
            subject = replace(alone, aors=aors)
        if subject is None:
            continue
        try:
            table = gather(figure, subject)
        except IracdbError as problem:
            left_out.append(f"{figure.name}: {problem}")
            continue
        missing = table.meta.get("missing")
        if missing:
            left_out.append(f"{figure.name}: {missing}")
        elif len(table):
            parts.append(drawn(figure, table))
    if left_out:
        parts.append(Sentences([f"Not drawn: {one.rstrip('.')}." for one in left_out]))
    if not parts:
        parts.append(Sentences(["There is nothing to draw."]))
    return Section("figures", "Figures", parts)


def drawn(figure: Figure, table: QTable) -> Picture:
    """Draw a figure as a part of a page.

    Parameters
    ----------
    figure : Figure
        Which.
    table : astropy.table.QTable
        From `iracdb.report.drawing.gather`.

    Returns
    -------
    Picture
        As SVG; of many points as PNG, which is smaller then.
    """
    if len(table) > MANY:
        content = picture(figure, table, "png", _DOTS_AN_INCH)
        source = f"data:image/png;base64,{base64.b64encode(content).decode()}"
    else:
        source = _of_svg(picture(figure, table, "svg"))
    width, height = (round(inches * _PIXELS_AN_INCH) for inches in figure.size)
    caption = ". ".join((figure.sentence, *(note.rstrip(".") for note in table.meta["notes"])))
    return Picture(figure.name, f"{caption}.", seen(figure, table), source, width, height)


def _of_svg(content: bytes) -> str:
    """Write an SVG as a URI: its text as it is, but for what has a meaning in one."""
    text = " ".join(content.decode().split())
    return f"data:image/svg+xml,{urllib.parse.quote(text, safe=_PLAIN)}"


_PLAIN = " !$'()*+,-./:;=?@_~"


def seen(figure: Figure, table: QTable) -> str:
    """Say in words what a figure shows, with its numbers.

    Parameters
    ----------
    figure : Figure
        Which.
    table : astropy.table.QTable
        What is drawn.

    Returns
    -------
    str
        What the table says itself (``meta['seen']``), else how many points there are, and the
        range and median of the first columns of numbers.
    """
    own = table.meta.get("seen")
    if own:
        return str(own)
    words = [f"{figure.sentence}. {table.meta['title']}: {len(table):,} points"]
    words += [told for name in _numbers(table) if (told := _range(table, name))][:_TOLD]
    words += [
        f"{name.replace('_', ' ')}: {value:.6g}"
        for name, value in table.meta.get("numbers", {}).items()
        if isinstance(value, int | float)
    ][:_MOST]
    return "; ".join(words) + "."


def _numbers(table: QTable) -> Sequence[str]:
    """Name the columns of numbers, those that are drawn as a rule first."""
    first = ("time", "flux", "relative", "x", "y")
    names = [name for name in table.colnames if name not in _BESIDE]
    return [*(name for name in first if name in names), *(n for n in names if n not in first)]


def _range(table: QTable, name: str) -> str | None:
    values: Any = getattr(table[name], "value", table[name])
    array = np.ma.asarray(values)
    if array.dtype.kind not in "fiu" or array.ndim != 1:
        return None
    known = np.ma.compressed(array).astype(float)
    known = known[np.isfinite(known)]
    if not known.size:
        return None
    unit = getattr(table[name], "unit", None)
    ending = f" {unit}" if unit not in (None, "") else ""
    low, middle, high = known.min(), np.median(known), known.max()
    if name == "time":
        return f"time from {low:.2f} to {high:.2f}, {table.meta.get('time_scale', 'days')}"
    return f"{name.replace('_', ' ')} from {low:.6g} to {high:.6g}{ending}, median {middle:.6g}"
