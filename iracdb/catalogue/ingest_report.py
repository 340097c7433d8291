"""What became of the files of one ingest."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

OUTCOMES: dict[str, str] = {
    "new": "content not held before",
    "newer version": "content not held before, of a frame held in an older version",
    "older version": "content not held before, of a frame held in a newer version",
    "sibling": "content not held before, of a frame held with other content in the same version",
    "changed": "another content at a known path",
    "moved": "known content at a new path, the old path gone",
    "copy": "known content at one more path",
    "back": "known content that was gone",
    "touched": "known content whose time has changed",
    "gone": "no longer at its path",
    "set aside": "cannot be taken in",
    "no longer set aside": "set aside before, now taken in or gone",
}


@dataclass(frozen=True)
class Outcome:
    """What became of one file.

    Parameters
    ----------
    kind : str
        One of `OUTCOMES`.
    path : str
        Where it is, or was.
    note : str
        A clause that completes it: what it replaces, why it was set aside.
    code : str or None
        For one set aside: why, in a word.
    again : bool
        For one set aside: that it was before, and has not changed since.
    """

    kind: str
    path: str
    note: str
    code: str | None = None
    again: bool = False


@dataclass
class IngestReport:
    """What became of all files of one ingest.

    Parameters
    ----------
    found : int
        FITS files that the walk came upon.
    other_kinds : dict
        Archive files of kinds that are not taken in, by kind.
    other_files : int
        Files that are not FITS.
    unchanged : int
        Files known by size and time, and not read.
    outcomes : list of Outcome
        What became of the others.
    moved_from : set of str
        Paths whose content is elsewhere now.
    replaced : dict of int to str
        Paths that hold other content now, by the file that was there.
    aors : set of int
        AORs of which there is new content.
    frames : int
        New frames.
    """

    found: int = 0
    other_kinds: dict[str, int] = field(default_factory=dict)
    other_files: int = 0
    unchanged: int = 0
    outcomes: list[Outcome] = field(default_factory=list)
    moved_from: set[str] = field(default_factory=set)
    replaced: dict[int, str] = field(default_factory=dict)
    aors: set[int] = field(default_factory=set)
    frames: int = 0

    def __repr__(self) -> str:
        # A notebook shows it of what a cell ends with, and there may be a hundred thousand files.
        told = [f"{count:,} {kind}" for kind, count in self.counts.items() if count]
        told += [f"{self.unchanged:,} unchanged"] if self.unchanged else []
        return f"<IngestReport of {self.found:,} files: {', '.join(told) or 'nothing new'}>"

    def add(self, outcome: Outcome) -> None:
        """Note what became of a file.

        Parameters
        ----------
        outcome : Outcome
            Of one file.
        """
        self.outcomes.append(outcome)

    @property
    def counts(self) -> dict[str, int]:
        """How many files came to each outcome, all of `OUTCOMES`, zeros included."""
        counted = Counter(outcome.kind for outcome in self.outcomes)
        return {kind: counted[kind] for kind in OUTCOMES}

    def of(self, kind: str) -> list[Outcome]:
        """List the files that came to one outcome.

        Parameters
        ----------
        kind : str
            One of `OUTCOMES`.

        Returns
        -------
        list of Outcome
            Sorted by path.
        """
        return sorted((o for o in self.outcomes if o.kind == kind), key=lambda o: o.path)

    @property
    def nothing_new(self) -> bool:
        """Whether the catalogue was as the files are."""
        return all(outcome.again for outcome in self.outcomes)

    def as_dict(self) -> dict[str, Any]:
        """Give everything as plain values, for JSON.

        Returns
        -------
        dict
            Counts by outcome, and a list for each outcome but ``new``.
        """
        names = {kind: kind.replace(" ", "_") for kind in OUTCOMES}
        return {
            "found": self.found,
            "unchanged": self.unchanged,
            **{names[kind]: count for kind, count in self.counts.items()},
            "other_kinds": dict(sorted(self.other_kinds.items())),
            "other_files": self.other_files,
            "aors": sorted(self.aors),
            "new_frames": self.frames,
            "files": [
                {"outcome": names[o.kind], "path": o.path, "note": o.note, "code": o.code}
                for o in sorted(self.outcomes, key=lambda o: (o.path, o.kind))
                if o.kind != "new"
            ],
        }
