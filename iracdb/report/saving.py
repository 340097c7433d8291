"""Figures as files, each with the table of what it shows, written whole or not at all."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from iracdb.errors import UsageError
from iracdb.export.writing import write_files
from iracdb.report.drawing import FORMATS, gather, picture, table_text
from iracdb.report.registry import Figure
from iracdb.report.subject import Subject


def save_figures(
    figures: Sequence[Figure],
    subject: Subject,
    out: str | Path,
    *,
    format_name: str | None = None,
    overwrite: bool = False,
) -> tuple[list[Path], list[str]]:
    """Draw figures and write them, with their tables as ECSV.

    Parameters
    ----------
    figures : sequence of Figure
        Which.
    subject : Subject
        What they are about.
    out : path
        A folder; or the file, where its name ends in ``.png``, ``.pdf`` or ``.svg`` and there is
        one figure.
    format_name : {'png', 'pdf', 'svg'}, optional
        By default by the file's ending, else ``png``.
    overwrite : bool, optional
        Replace files that hold something else.

    Returns
    -------
    tuple of list
        The files written, pictures first; and what is to be known of what they show.

    Raises
    ------
    UsageError
        Where the ending is another than the format, or one file is asked for several figures.
    CannotWrite
        Where a file that holds something else is in the way, or cannot be written.
    """
    place = Path(out)
    ending = place.suffix.lower().removeprefix(".")
    single = ending in FORMATS
    if single and len(figures) > 1:
        raise UsageError(f"{place} is one file, and {len(figures)} figures are asked for")
    if single and format_name not in (None, ending):
        raise UsageError(f"{place} ends in .{ending}, but the format asked for is {format_name}")
    written = format_name or (ending if single else "png")
    pictures, tables, notes = {}, {}, []
    for figure in figures:
        table = gather(figure, subject)
        stem = place.stem if single else file_stem(figure, subject)
        pictures[f"{stem}.{written}"] = picture(figure, table, written)
        tables[f"{stem}.ecsv"] = table_text(table)
        notes += table.meta["notes"]
    folder = place.parent if single else place
    files = write_files(folder, {**pictures, **tables}, overwrite=overwrite)
    return files, list(dict.fromkeys(notes))


def file_stem(figure: Figure, subject: Subject) -> str:
    """Name the files of a figure: the runs, what of them, and the figure.

    Parameters
    ----------
    figure : Figure
        Which.
    subject : Subject
        What it is about.

    Returns
    -------
    str
        Without an ending; letters, digits, ``_`` and ``-`` alone.
    """
    parts = [run.name for run in subject.runs]
    if subject.target is not None:
        plain = "".join(one if one.isalnum() else "_" for one in subject.target)
        parts.append(plain[:60])
    parts += [str(key) for key in subject.aors[:3]]
    if subject.row is not None:
        parts.append(f"image{subject.row}")
    return "_".join((*parts, figure.name))


def save_page(
    text: str,
    run_name: str,
    out: str | os.PathLike[str] | None,
    *,
    folder: str | os.PathLike[str],
    overwrite: bool = False,
) -> Path:
    """Write the page of a run.

    Parameters
    ----------
    text : str
        HTML.
    run_name : str
        The run's name.
    out : path or None
        The file, or a folder that is there.
    folder : path
        Where the file goes unless `out` says so.
    overwrite : bool, optional
        Replace a file that holds something else.

    Returns
    -------
    Path
        The file.

    Raises
    ------
    CannotWrite
        Where a file that holds something else is in the way, or cannot be written.
    """
    own_name = f"{run_name}_report.html"
    place = Path(folder) / own_name if out is None else Path(out)
    if place.is_dir():
        place = place / own_name
    (written,) = write_files(place.parent, {place.name: text.encode()}, overwrite=overwrite)
    return written
