"""What reading one file gave, and the parts of it that are written as text or compressed."""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from functools import cached_property

from iracdb.errors import BadFile
from iracdb.irac.archive import Found
from iracdb.irac.files import IracFile

# The fastest: a header takes a tenth more room than by the default, in less than half the time.
_LEVEL = 1


@dataclass(frozen=True)
class Packed:
    """What of a file is stored otherwise than it is read.

    Parameters
    ----------
    verbatim : bytes
        The header's blocks, compressed by zlib.
    cards, wcs : str
        JSON.
    """

    verbatim: bytes
    cards: str
    wcs: str


@dataclass(frozen=True)
class Reading:
    """What reading one file gave.

    Parameters
    ----------
    found : Found
        The file.
    file : IracFile or None
        What is in it.
    problem : BadFile or None
        Or why it cannot be taken in.
    """

    found: Found
    file: IracFile | None
    problem: BadFile | None

    @cached_property
    def packed(self) -> Packed:
        """The file's header as it is stored; a worker makes it and sends it along."""
        if self.file is None:
            raise ValueError("there is no file in this reading")
        header = self.file.header
        return Packed(zlib.compress(header.verbatim, _LEVEL), header.cards_json, header.wcs_json)
