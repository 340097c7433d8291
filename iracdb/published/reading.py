"""Reading a run of 2018 from its three files: every cell, or a refusal with file and line."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from iracdb.errors import InputRefused
from iracdb.layouts import AOR_TABLES, IMG_TABLES, LAYOUTS, Column, Layout
from iracdb.published.logs import Log, parse_log
from iracdb.published.sheets import PrintedTable, Sheet, read_sheet, read_table

ROLES = ("aor_data", "img_data", "log")
ENDINGS = {"aor_data": "_aor_data.csv", "img_data": "_img_data.csv", "log": "_log.txt"}
_IMG_COLUMNS = [columns for columns, _, _ in IMG_TABLES.values()]


@dataclass(frozen=True)
class Source:
    """A file that a run was read from.

    Parameters
    ----------
    role : str
        ``aor_data``, ``img_data`` or ``log``.
    path : Path
        Where it was read.
    size : int
        Bytes.
    sha256 : str
        Of its bytes, hexadecimal.
    line_end : str
        What ends its lines.
    ended : bool
        Whether its last line is ended.
    """

    role: str
    path: Path
    size: int
    sha256: str
    line_end: str
    ended: bool


@dataclass(frozen=True)
class PublishedRun:
    """A run as it was published.

    Parameters
    ----------
    name : str
        As its files are called.
    layout : Layout
        Of its tables.
    aor, img : PrintedTable
        Its tables.
    log : Log
        Its log.
    sources : tuple of Source
        Its three files.
    """

    name: str
    layout: Layout
    aor: PrintedTable
    img: PrintedTable
    log: Log
    sources: tuple[Source, ...]


def find_runs(folder: str | Path) -> dict[str, dict[str, Path]]:
    """Find the runs in a folder by the names of their files.

    Parameters
    ----------
    folder : path
        Of tables and logs; or one of the files of a run.

    Returns
    -------
    dict
        The paths by role, by the run's name; sorted.

    Raises
    ------
    InputRefused
        Where there is none.
    """
    place = Path(folder)
    if not place.exists():
        raise InputRefused(f"There is no file or folder {place}")
    files = sorted(place.iterdir()) if place.is_dir() else sorted(place.parent.iterdir())
    found: dict[str, dict[str, Path]] = {}
    for path in files:
        for role, ending in ENDINGS.items():
            if path.name.endswith(ending):
                found.setdefault(path.name.removesuffix(ending), {})[role] = path
    if not place.is_dir():
        found = {name: paths for name, paths in found.items() if place in paths.values()}
    if not found:
        raise InputRefused(f"There are no runs in {place}: no files called <run>_aor_data.csv")
    return dict(sorted(found.items()))


def read_run(name: str, paths: dict[str, Path]) -> PublishedRun:
    """Read one run.

    Parameters
    ----------
    name : str
        As its files are called.
    paths : dict
        Its files by role.

    Returns
    -------
    PublishedRun
        Complete.

    Raises
    ------
    InputRefused
        Where a file is missing or anything in it is not what a layout says, with file and line.
    """
    missing = [name + ENDINGS[role] for role in ROLES if role not in paths]
    if missing:
        there = next(iter(paths.values())).name
        raise InputRefused(f"{there} stands alone: there is no {', '.join(missing)} beside it")
    texts, sources = {}, []
    for role in ROLES:
        texts[role], source = _read(role, paths[role])
        sources.append(source)
    for role, known in (("aor_data", AOR_TABLES.values()), ("img_data", _IMG_COLUMNS)):
        _check_titles(texts[role], paths[role].name, known)
    aor, img = (read_sheet(texts[role], paths[role].name) for role in ("aor_data", "img_data"))
    layout = _layout(aor, img)
    return PublishedRun(
        name,
        layout,
        read_table(layout.aor, aor, layout),
        read_table(layout.img, img, layout),
        parse_log(texts["log"], paths["log"].name),
        tuple(sources),
    )


def _read(role: str, path: Path) -> tuple[str, Source]:
    try:
        content = path.read_bytes()
        text = content.decode("utf-8")
    except OSError as problem:
        raise InputRefused(f"{path} cannot be read: {problem.strerror}") from None
    except UnicodeDecodeError:
        raise InputRefused(f"{path} is not text") from None
    if not text:
        raise InputRefused(f"{path} is empty")
    line_end = "\r\n" if "\r\n" in text else "\n"
    plain = text.replace("\r\n", "\n")
    if "\r" in plain or plain.replace("\n", line_end) != text:
        raise InputRefused(f"{path} mixes line ends")
    ended = plain.endswith("\n")
    digest = hashlib.sha256(content).hexdigest()
    return plain.removesuffix("\n"), Source(role, path, len(content), digest, line_end, ended)


def _layout(aor: Sheet, img: Sheet) -> Layout:
    width = len(img.titles)
    found = np.unique([img.grid.letters(place) for place in range(1, 5)])
    letters = set(map(chr, found.tolist())) & set("XONY")
    form = "NY" if width == 14 and letters and letters <= {"N", "Y"} else "XO"
    return LAYOUTS[f"{len(aor.titles)}-{width}-{form}"]


def _check_titles(text: str, name: str, known: Iterable[tuple[Column, ...]]) -> None:
    """Refuse a table whose columns are those of no layout, and say where they differ."""
    titles = text.partition("\n")[0].split(",")
    candidates = [[column.title for column in table] for table in known]
    if titles in candidates:
        return
    # The nearest shares most titles and has fewest others.
    nearest = max(candidates, key=lambda t: (len(set(t) & set(titles)), -len(t)))
    lacking = [title for title in nearest if title not in titles]
    strange = [title for title in titles if title not in nearest]
    said = []
    if lacking:
        said.append(f"lacks {', '.join(lacking)}")
    if strange:
        said.append(f"has {', '.join(map(repr, strange))}, which no layout has there")
    if len(set(titles)) < len(titles):
        said.append("has a column twice")
    told = " and ".join(said) or "the columns are in another order"
    raise InputRefused(f"{name}, line 1: {told}")
