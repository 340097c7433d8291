"""Walking trees: the archive's own layout and loose folders alike."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from iracdb.errors import NotFound
from iracdb.irac.names import KINDS, parse_name

_COMPRESSED = (".fits.gz", ".fits.bz2", ".fits.z", ".fits.fz")


@dataclass(frozen=True)
class Found:
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
        for found in _visit(root, frozenset(), result):
            by_path[found.path] = found
    result.found = [by_path[path] for path in sorted(by_path)]
    return result


def _visit(path: str, above: frozenset[tuple[int, int]], result: Walk) -> Iterator[Found]:
    try:
        status = os.stat(path)
    except OSError as problem:
        yield Found(path, None, None, _link_problem(path, problem))
        return
    if stat.S_ISDIR(status.st_mode):
        identity = (status.st_dev, status.st_ino)
        if identity in above:
            yield Found(path, None, None, ("link-loop", "it is a link to a folder that holds it"))
            return
        try:
            names = sorted(os.listdir(path))
        except OSError as problem:
            yield Found(
                path, None, None, ("unreadable", f"it cannot be listed: {problem.strerror}")
            )
            return
        for name in names:
            yield from _visit(os.path.join(path, name), above | {identity}, result)
    elif stat.S_ISREG(status.st_mode):
        yield from _file(path, status, result)
    elif path.lower().endswith(".fits"):
        yield Found(path, None, None, ("unreadable", "it is not a regular file"))


def _file(path: str, status: os.stat_result, result: Walk) -> Iterator[Found]:
    name = os.path.basename(path)
    lowered = name.lower()
    if lowered.endswith(_COMPRESSED):
        problem = ("compressed", "it is compressed: uncompress it (gunzip, funpack) and try again")
        yield Found(path, status.st_size, status.st_mtime_ns, problem)
        return
    if not lowered.endswith(".fits"):
        result.other_files += 1
        return
    parsed = parse_name(name)
    if parsed is not None and parsed.kind not in KINDS:
        result.other_kinds[parsed.kind] = result.other_kinds.get(parsed.kind, 0) + 1
        return
    yield Found(path, status.st_size, status.st_mtime_ns)


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
