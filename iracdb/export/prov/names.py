"""Names of things that hold in any catalogue: from a run's UUID, a file's hash, a frame's exposure.

What stands after the colon is what an XML name may be: PROV-XML needs it so, and PROV-N takes it as
it is. So a file is ``urn:iracdb:sha256-<digits>``, and what belongs to a run alone is a fragment of
its ``urn:uuid``. A row number is a name only below the run whose table it counts.
"""

from __future__ import annotations

import re
from typing import Any

VOPROV = "http://www.ivoa.net/documents/ProvenanceDM/index.html#"
"""Of the terms of the IVOA Provenance Data Model 1.0."""

IRACDB = "urn:iracdb:"
"""Of our own terms, and of things named by their content."""

RUN = "run:run"
RESULTS = "run:results"
IMPORT = "run:import"

_PLAIN = re.compile("[A-Za-z0-9_-]")


def namespaces(uuid: str, parent_uuid: str | None) -> dict[str, str]:
    """List the prefixes of a run's document.

    Parameters
    ----------
    uuid : str
        The run's.
    parent_uuid : str or None
        That of the run it was made from.

    Returns
    -------
    dict
        URIs by prefix.
    """
    found = {"voprov": VOPROV, "iracdb": IRACDB, "run": f"urn:uuid:{uuid}#"}
    if parent_uuid is not None:
        found["parent"] = f"urn:uuid:{parent_uuid}#"
    return found


def content_name(sha256: str) -> str:
    """Name what has certain bytes.

    Parameters
    ----------
    sha256 : str
        Of all of them, hexadecimal.

    Returns
    -------
    str
        Qualified name.
    """
    return f"iracdb:sha256-{sha256}"


def frame_name(frame: Any) -> str | None:
    """Name an exposure.

    Parameters
    ----------
    frame : Row
        With channel, aorkey, expid, dcenum, frame_mjd.

    Returns
    -------
    str or None
        Qualified name, by the exposure or else by the time; None where neither is known.
    """
    if frame.expid is not None:
        exposure = f"{frame.aorkey}-{frame.expid:04d}-{frame.dcenum:04d}"
        return f"iracdb:frame-I{frame.channel}-{exposure}"
    if frame.frame_mjd is not None:
        return f"iracdb:frame-I{frame.channel}-mjd-{frame.frame_mjd!r}".replace("e+", "e")
    return None


def average_name(what: str, average: Any) -> str:
    """Name something that belongs to one average.

    Parameters
    ----------
    what : {'aor', 'inputs', 'images'}
        The average itself, the collection of its frames or files, the bundle of its images.
    average : Row
        Of the table ``aor_result``.

    Returns
    -------
    str
        Qualified name, by AOR and row of the run's table.
    """
    return f"run:{what}-{average.aorkey}-{average.row_number}"


def spelt(text: str) -> str:
    """Spell any text with the characters of a name.

    Parameters
    ----------
    text : str
        Such as ``jane@host``.

    Returns
    -------
    str
        Letters, digits, _ and - as they are, others as a point and their hexadecimal bytes: two
        texts that differ are spelt differently.
    """
    return "".join(
        character
        if _PLAIN.fullmatch(character)
        else "".join(f".{byte:02x}" for byte in character.encode("utf-8", "surrogatepass"))
        for character in text
    )
