"""The paths of an old call: which AORs they mean, and which of their frames are there."""

from __future__ import annotations

import csv
import glob
import os
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from iracdb.errors import InputRefused, NotFound, UsageError
from iracdb.irac.archive import walk
from iracdb.irac.names import KINDS, FileName, parse_name

_AOR_FOLDER = re.compile(r"r?(\d{1,12})")


@dataclass(frozen=True)
class Places:
    """What the paths of a call mean.

    Parameters
    ----------
    there : tuple of str
        Folders and files on this machine, to be ingested.
    aors : tuple of int
        The AORs meant, sorted: those of the frames below the paths, and those that a path
        without frames ends in. Empty where a list names them.
    names : frozenset of str
        File names of all frames below the paths.
    exact : bool
        Whether each frame was named, so that no other may be measured.
    notes : tuple of str
        Sentences that the user should read.
    """

    there: tuple[str, ...] = ()
    aors: tuple[int, ...] = ()
    names: frozenset[str] = frozenset()
    exact: bool = False
    notes: tuple[str, ...] = ()

    def strangers(self, measured: Iterable[str]) -> list[str]:
        """List the files that would be measured and are not below the paths.

        Parameters
        ----------
        measured : iterable of str
            Names of files.

        Returns
        -------
        list of str
            Of AORs that have frames below the paths, sorted.
        """
        here = {found.aorkey for name in self.names if (found := parse_name(name)) is not None}
        return sorted(
            name
            for name in set(measured) - self.names
            if (found := parse_name(name)) is not None and found.aorkey in here
        )


def places_of(paths: Iterable[str]) -> Places:
    """Find out what paths mean.

    Parameters
    ----------
    paths : iterable of str
        Folders of AORs, with wildcards or without, several joined by commas, or single files.

    Returns
    -------
    Places
        A path that is not there but ends in ``r<AORKEY>`` means that AOR.

    Raises
    ------
    NotFound
        Where a path means nothing.
    """
    there: list[str] = []
    aors: set[int] = set()
    names: set[str] = set()
    for path in _split(paths):
        places = _on_this_machine(path)
        key = _key_of(path)
        if not places and key is None:
            raise NotFound(f"There is no folder {path}, and it does not end in r<AORKEY>")
        if not places and key is not None:
            aors.add(key)
        meant = False
        for place in places:
            found = _names_below(place)
            key = _key_of(place)
            # The folder of an AOR that has no frames still names it.
            mine = {name.aorkey for name in found} or ({key} if key is not None else set())
            if mine:
                there.append(place)
                aors |= mine
                names |= {str(name) for name in found}
                meant = True
        if places and not meant:
            raise InputRefused(f"There are no frames of IRAC in {path}")
    return Places(tuple(dict.fromkeys(there)), tuple(sorted(aors)), frozenset(names))


def places_of_list(path: str) -> Places:
    """Find out which AORs of a list are on this machine.

    Parameters
    ----------
    path : str
        A list with the columns AOR Filepath and Target Coordinates.

    Returns
    -------
    Places
        What is there; the list itself is read, and refused, where the run is planned.

    Raises
    ------
    NotFound
        Where the list is not there.
    """
    if not Path(path).is_file():
        raise NotFound(f"There is no list {path}")
    with open(path, newline="", encoding="utf-8-sig", errors="replace") as stream:
        places = dict.fromkeys(cells[0].strip() for cells in csv.reader(stream) if cells)
    return Places(tuple(place for place in places if os.path.isdir(place)))


def places_of_files(lists: Iterable[Sequence[str]], channel: int) -> tuple[Places, str]:
    """Find out which frames lists of files name, one list an AOR.

    Parameters
    ----------
    lists : iterable of sequence of str
        Paths of files with their archive names.
    channel : int
        That all must have.

    Returns
    -------
    places : Places
        Exactly those.
    kind : str
        Theirs: bcd, cbcd or sub2d.

    Raises
    ------
    NotFound
        Where a file is not there.
    UsageError
        Where the files are not of one channel and kind, or a list not of one AOR.
    """
    paths: list[str] = []
    found: list[FileName] = []
    seen: set[int] = set()
    empty = 0
    for files in lists:
        empty += not len(files)
        mine = [_named(os.fspath(path)) for path in files]
        keys = {name.aorkey for name in mine}
        if len(keys) > 1 or keys & seen:
            raise UsageError(
                f"AOR {', '.join(map(str, sorted(keys)))}: all files of an AOR belong in one list, "
                "and no others"
            )
        seen |= keys
        paths += [os.fspath(path) for path in files]
        found += mine
    if not found:
        raise UsageError("The lists name no files")
    others = sorted({name.channel for name in found} - {channel})
    if others:
        raise UsageError(f"There are files of channel {others[0]} in the lists, not of {channel}")
    kinds = sorted({name.kind for name in found})
    if len(kinds) > 1 or KINDS[kinds[0]].role != "science":
        raise UsageError(f"The files must be of one kind, bcd, cbcd or sub2d, not {kinds}")
    names = frozenset(map(str, found))
    notes = (f"{empty} of the lists are empty and name no AOR",) if empty else ()
    return Places(tuple(paths), tuple(sorted(seen)), names, exact=True, notes=notes), kinds[0]


def _named(path: str) -> FileName:
    name = parse_name(os.path.basename(path))
    if name is None or name.kind not in KINDS:
        raise UsageError(f"{path} has no name of IRAC's archive (SPITZER_I..._bcd.fits)")
    if not os.path.isfile(path):
        raise NotFound(f"There is no file {path}")
    return name


def _split(paths: Iterable[str]) -> list[str]:
    """Take paths apart that are joined by commas, unless it is a comma of the path's own."""
    parts: list[str] = []
    for path in paths:
        whole = "," not in path or _on_this_machine(path)
        parts += [path] if whole else [part for part in path.split(",") if part.strip()]
    return [os.path.expanduser(part.strip()) for part in parts]


def _on_this_machine(path: str) -> list[str]:
    if os.path.exists(path):
        return [path]
    if not glob.has_magic(path):
        return []
    # A wildcard may also take in notes that lie between the folders.
    matched = [
        place for place in sorted(glob.glob(path)) if os.path.isdir(place) or _is_fits(place)
    ]
    if not matched:
        raise NotFound(f"Nothing matches {path}")
    return matched


def _is_fits(path: str) -> bool:
    return path.lower().endswith(".fits")


def _key_of(path: str) -> int | None:
    match = _AOR_FOLDER.fullmatch(os.path.basename(path.rstrip("/")))
    return None if match is None else int(match.group(1))


def _names_below(place: str) -> list[FileName]:
    found = (parse_name(os.path.basename(each.path)) for each in walk([place]).found)
    return [name for name in found if name is not None and name.kind in KINDS]
