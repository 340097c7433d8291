"""The IDL source that a user gives: which of the two routines it holds, and its hash."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, field
from pathlib import Path

from iracdb.errors import EngineFailed
from iracdb.photometry.response import MISSIONS

BOTH_MISSIONS, CRYOGENIC_ONLY = "irac_aphot_corr", "irac_aphot_corr_cryo"

_LARGEST = 10_000_000


@dataclass(frozen=True)
class IdlSource:
    """A source, read once: what is hashed is what is carried out, whatever becomes of the file.

    Parameters
    ----------
    path : str
        Where it was read.
    content : bytes
        All of it.
    function : str
        The routine that it defines, in lower case, as IDL looks for files.
    gives_coefficients : bool
        Whether the routine takes the keyword PARAMS.
    """

    path: str
    content: bytes = field(repr=False)
    function: str
    gives_coefficients: bool

    @property
    def sha256(self) -> str:
        """Hash of the content, hexadecimal."""
        return hashlib.sha256(self.content).hexdigest()

    @property
    def missions(self) -> tuple[str, ...]:
        """Whose tables the routine has."""
        if self.function == BOTH_MISSIONS:
            return MISSIONS
        return tuple(mission for mission in MISSIONS if mission != "warm")


def read_source(path: str | Path) -> IdlSource:
    """Read an IDL source, and find the routine in it by the function that it defines.

    Parameters
    ----------
    path : str or pathlib.Path
        The file, of any name.

    Returns
    -------
    IdlSource
        Of IRAC_APHOT_CORR where it defines that, else of IRAC_APHOT_CORR_CRYO.

    Raises
    ------
    EngineFailed
        Where it cannot be read, is too large to be a source, or defines neither.
    """
    place = Path(path).expanduser()
    try:
        with place.open("rb") as source:
            content = source.read(_LARGEST + 1)
    except OSError as problem:
        raise EngineFailed(
            f"The IDL source {place} cannot be read ({problem.strerror}); name the Science "
            "Center's irac_aphot_corr.pro"
        ) from problem
    if len(content) > _LARGEST:
        raise EngineFailed(f"{place} is larger than any IDL source; name irac_aphot_corr.pro")
    # Every byte is a character of Latin-1; IDL's own words are ASCII whatever the comments are.
    text = content.decode("latin-1")
    for function in (BOTH_MISSIONS, CRYOGENIC_ONLY):
        head = _definition(text, function)
        if head is not None:
            takes = re.search(r",\s*params\s*=", head, re.IGNORECASE) is not None
            return IdlSource(str(place), content, function, takes)
    raise EngineFailed(
        f"The IDL source {place} defines neither function IRAC_APHOT_CORR nor "
        "IRAC_APHOT_CORR_CRYO; name the Science Center's irac_aphot_corr.pro"
    )


def _definition(text: str, function: str) -> str | None:
    """Find the line that defines a function, with the lines that continue it."""
    lines = re.split(r"\r\n|\r|\n", text)
    begins = re.compile(rf"\s*function\s+{function}\s*(?:[,$;]|$)", re.IGNORECASE)
    for number, line in enumerate(lines):
        if begins.match(line):
            head = ""
            for part in lines[number:]:
                head += part.split(";")[0].rstrip()
                if not head.endswith("$"):
                    break
                head = head[:-1] + " "
            return head
    return None
