"""The program and everything under it, as a run records it."""

from __future__ import annotations

import functools
import hashlib
import json
import platform
import subprocess
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path

from sqlalchemy import Connection, select

import iracdb
from iracdb.catalogue.once import find_or_insert
from iracdb.catalogue.tables import software

PACKAGES = (
    "astropy", "llvmlite", "numba", "numpy", "photutils", "pyerfa", "scipy", "sqlalchemy",
)  # fmt: skip
_MOST_CHANGES = 1_000_000


@dataclass(frozen=True)
class Software:
    """What a run is made with.

    Parameters
    ----------
    iracdb : str
        Version of this program.
    git_commit : str or None
        Commit of its source tree, where it runs from one.
    git_clean : bool or None
        Whether nothing was uncommitted there.
    git_changes : str or None
        What was uncommitted, as a diff and the names of new files.
    python, platform : str
        Versions.
    packages : dict
        Versions by name.
    """

    iracdb: str
    git_commit: str | None
    git_clean: bool | None
    git_changes: str | None
    python: str
    platform: str
    packages: dict[str, str]

    @property
    def digest(self) -> str:
        """SHA-256 of all of it in canonical JSON, hexadecimal."""
        canonical = json.dumps(asdict(self), sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(canonical.encode()).hexdigest()

    def differences(self, other: Software) -> list[tuple[str, str, str]]:
        """Tell where other software differs.

        Parameters
        ----------
        other : Software
            To compare with.

        Returns
        -------
        list of tuple
            (name, here, there) of each that differs.
        """
        mine, others = self._flat(), other._flat()
        names = sorted(set(mine) | set(others))
        pairs = [(name, mine.get(name, "none"), others.get(name, "none")) for name in names]
        return [pair for pair in pairs if pair[1] != pair[2]]

    def _flat(self) -> dict[str, str]:
        changes = hashlib.sha256((self.git_changes or "").encode()).hexdigest()[:12]
        return {
            "iracdb": self.iracdb,
            "commit": str(self.git_commit),
            "uncommitted changes": changes if self.git_changes else "none",
            "python": self.python,
            "platform": self.platform,
            **self.packages,
        }


@functools.cache
def this_software() -> Software:
    """Look at what this process runs on.

    Returns
    -------
    Software
        The same for the life of the process.
    """
    commit, changes = _git()
    libc = "-".join(filter(None, platform.libc_ver()))
    return Software(
        iracdb=version("iracdb"),
        git_commit=commit,
        git_clean=None if commit is None else changes is None,
        git_changes=changes,
        python=f"{platform.python_implementation()} {platform.python_version()}",
        platform=" ".join(filter(None, (platform.system(), platform.machine(), libc))),
        packages={name: version(name) for name in PACKAGES},
    )


def _git() -> tuple[str | None, str | None]:
    """Tell commit and uncommitted changes of the source tree this package lies in."""
    package = Path(iracdb.__file__).resolve().parent
    top = _ask_git(package, "rev-parse", "--show-toplevel")
    # An installed package may lie in somebody's own repository: that is not our source tree.
    if top is None or Path(top).resolve() / "iracdb" != package:
        return None, None
    commit = _ask_git(package, "rev-parse", "HEAD")
    if commit is None:
        return None, None
    source = ("--", "iracdb", "cli", "migrations", "pyproject.toml")
    status = _ask_git(Path(top), "status", "--porcelain", *source)
    if not status:
        return commit, None
    diff = _ask_git(Path(top), "diff", "HEAD", *source) or ""
    return commit, f"{status}\n{diff}"[:_MOST_CHANGES]


def _ask_git(folder: Path, *words: str) -> str | None:
    try:
        done = subprocess.run(  # noqa: S603  (fixed words, no shell)
            ["git", "-C", str(folder), *words],  # noqa: S607  (the user's own git)
            capture_output=True, text=True, errors="replace", timeout=20, check=True,
        )  # fmt: skip
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip()


def record(connection: Connection, found: Software) -> int:
    """Note software in the catalogue, once.

    Parameters
    ----------
    connection : sqlalchemy.Connection
        In a transaction that may write.
    found : Software
        To be noted.

    Returns
    -------
    int
        Its number.
    """
    values = asdict(found)
    values["git_clean"] = None if found.git_clean is None else int(found.git_clean)
    return find_or_insert(connection, software, {"digest": found.digest}, values)


def recorded(connection: Connection, number: int) -> Software:
    """Fetch software from the catalogue.

    Parameters
    ----------
    connection : sqlalchemy.Connection
        To a catalogue.
    number : int
        Its number.

    Returns
    -------
    Software
        As it was.
    """
    row = connection.execute(select(software).where(software.c.id == number)).one()
    return Software(
        iracdb=row.iracdb,
        git_commit=row.git_commit,
        git_clean=None if row.git_clean is None else bool(row.git_clean),
        git_changes=row.git_changes,
        python=row.python,
        platform=row.platform,
        packages=dict(row.packages),
    )
