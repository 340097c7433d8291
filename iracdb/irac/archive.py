"""Walking trees: the archive's own layout and loose folders alike."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable
from dataclasses import dataclass
from operator import attrgetter
from pathlib import Path
from typing import NamedTuple

from iracdb.errors import NotFound
from iracdb.irac.names import KINDS, kind_in

_COMPRESSED = (".fits.gz", ".fits.bz2", ".fits.z", ".fits.fz")


class Found(NamedTuple):
    """A file that a walk came upon.

    Parameters
    ----------
    path : str
        Absolute, links kept as they are.
    size, mtime_ns : int or None
        As the folder tells; None where it cannot be asked.
    problem : tuple of str or None
        Code and sentence, where it cannot even be looked at.
    """

    path: str
    size: int | None
    mtime_ns: int | None
    problem: tuple[str, str] | None = None


@dataclass
class Walk:
    """What a walk found.

    Parameters
    ----------
    roots : tuple of str
        The absolute paths it began at.
    found : list of Found
        FITS files and what failed, sorted by path, each once.
    other_kinds : dict
        How many archive files there were of kinds that are not taken in.
    other_files : int
        How many other files there were.
    """

    roots: tuple[str, ...]
    found: list[Found]
    other_kinds: dict[str, int]
    other_files: int


def roots_of(places: Iterable[str | os.PathLike[str]]) -> tuple[str, ...]:
    """Make sure that places are there.

    Parameters
    ----------
    places : iterable of path-like
        Folders and files.

    Returns
    -------
    tuple of str
        Their absolute paths, sorted, each once.

    Raises
    ------
    NotFound
        Where a place is not there.
    """
    roots = set()
    for place in places:
        root = os.path.abspath(place)
        if not os.fspath(place) or not os.path.lexists(root):
            raise NotFound(f"There is no file or folder {root if os.fspath(place) else repr('')}")
        roots.add(root)
    return tuple(sorted(roots))


def walk(places: Iterable[str | os.PathLike[str]]) -> Walk:
    """Look through folders and files.

    Parameters
    ----------
    places : iterable of path-like
        Folders, walked to the bottom through links, and single files.

    Returns
    -------
    Walk
        Sorted, whatever the order the file system gives.

    Raises
    ------
    NotFound
        Where a place is not there.
    """
    roots = roots_of(places)
    result = Walk(roots, [], {}, 0)
    by_path: dict[str, Found] = {}
    for root in roots:
        try:
            _visit(root, os.stat(root), frozenset(), result, by_path)
        except OSError as problem:
            by_path[root] = Found(root, None, None, _link_problem(root, problem))
    result.found = [by_path[path] for path in sorted(by_path)]
    return result


def _visit(
    path: str,
    status: os.stat_result,
    above: frozenset[tuple[int, int]],
    result: Walk,
    by_path: dict[str, Found],
) -> None:
    """Note a file, or all that is in a folder."""
    if stat.S_ISREG(status.st_mode):
        _visit_file(path, os.path.basename(path), status, result, by_path)
    elif stat.S_ISDIR(status.st_mode):
        _visit_folder(path, status, above, result, by_path)
    elif path.lower().endswith(".fits"):
        by_path[path] = Found(path, None, None, ("unreadable", "it is not a regular file"))


def _visit_folder(
    path: str,
    status: os.stat_result,
    above: frozenset[tuple[int, int]],
    result: Walk,
    by_path: dict[str, Found],
) -> None:
    identity = (status.st_dev, status.st_ino)
    if identity in above:
        problem = ("link-loop", "it is a link to a folder that holds it")
        by_path[path] = Found(path, None, None, problem)
        return
    others: list[tuple[str, os.stat_result]] = []
    before = path if path.endswith("/") else f"{path}/"
    try:
        # What is asked of an open folder need not be looked for from the root.
        folder = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
        try:
            with os.scandir(folder) as listed:
                entries = sorted(listed, key=attrgetter("name"))
            for entry in entries:
                name = entry.name
                here = before + name
                try:
                    status = entry.stat()
                except OSError as why:
                    by_path[here] = Found(here, None, None, _link_problem(here, why))
                    continue
                if stat.S_ISREG(status.st_mode):
                    _visit_file(here, name, status, result, by_path)
                else:
                    others.append((here, status))
        finally:
            os.close(folder)
    except OSError as why:
        problem = ("unreadable", f"it cannot be listed: {why.strerror}")
        by_path[path] = Found(path, None, None, problem)
        return
    # Only then: however deep the tree, one folder is open at a time.
    above |= {identity}
    for here, status in others:
        _visit(here, status, above, result, by_path)


def _visit_file(
    path: str, name: str, status: os.stat_result, result: Walk, by_path: dict[str, Found]
) -> None:
    lowered = name.lower()
    if lowered.endswith(_COMPRESSED):
        problem = ("compressed", "it is compressed: uncompress it (gunzip, funpack) and try again")
        by_path[path] = Found(path, status.st_size, status.st_mtime_ns, problem)
        return
    if not lowered.endswith(".fits"):
        result.other_files += 1
        return
    kind = kind_in(name)
    if kind is not None and kind not in KINDS:
        result.other_kinds[kind] = result.other_kinds.get(kind, 0) + 1
        return
    by_path[path] = Found(path, status.st_size, status.st_mtime_ns)


def _link_problem(path: str, problem: OSError) -> tuple[str, str]:
    if not os.path.islink(path):
        return "unreadable", f"it cannot be looked at: {problem.strerror}"
    target = os.readlink(path)
    if isinstance(problem, FileNotFoundError):
        return "dangling-link", f"it is a link to {as_text(target)}, which is not there"
    return "link-loop", f"it is a link that leads nowhere: {problem.strerror}"


def as_text(path: str) -> str:
    r"""Write a path so that it can be stored and printed, whatever bytes it has.

    Parameters
    ----------
    path : str
        As the file system gives it.

    Returns
    -------
    str
        The same where it is text; else with ``\xff`` for a byte that is none.
    """
    return os.fsencode(path).decode("utf-8", "backslashreplace")


def under(path: str, roots: Iterable[str]) -> bool:
    """Tell whether a path lies in one of some folders, or is one of some files.

    Parameters
    ----------
    path : str
        Absolute.
    roots : iterable of str
        Absolute.

    Returns
    -------
    bool
        True for a root itself too.
    """
    return any(path == root or Path(path).is_relative_to(root) for root in roots)
