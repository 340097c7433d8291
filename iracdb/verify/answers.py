"""Whether something has the digest that it should have, as a value."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from iracdb.errors import UsageError

SHORTEST = 12
"""Digits of a digest that are enough to name it."""

_DIGITS = re.compile(r"[0-9a-f]+")
_ALL_DIGITS = 64


@dataclass(frozen=True)
class DigestCheck:
    """Whether something has the digest that it should have.

    Parameters
    ----------
    what : tuple of str
        What was looked at.
    agrees : bool
        The answer.
    expected : str
        The digest that it should have, or its beginning.
    carried : bool
        Whether nobody but the thing itself tells that digest.
    found : str or None
        The digest that it has; None where it has none.
    differs : tuple of str
        A sentence for each thing that is not as it should be.
    run : str or None
        The run that it is of, as it says.
    row : dict or None
        Of a proof, the values that it proves.
    """

    what: tuple[str, ...]
    agrees: bool
    expected: str
    carried: bool
    found: str | None
    differs: tuple[str, ...]
    run: str | None
    row: dict[str, Any] | None = None

    @property
    def shortened(self) -> bool:
        """Whether only the beginning of a digest was given."""
        return len(self.expected) < _ALL_DIGITS


def is_digest(text: str) -> bool:
    """Tell whether a text can only be meant as a digest.

    Parameters
    ----------
    text : str
        As typed.

    Returns
    -------
    bool
        True for 12 to 64 hexadecimal digits.
    """
    plain = text.strip().lower()
    return SHORTEST <= len(plain) <= _ALL_DIGITS and _DIGITS.fullmatch(plain) is not None


def checked_digest(text: str) -> str:
    """Read a digest as typed.

    Parameters
    ----------
    text : str
        All of its 64 hexadecimal digits, or at least the first 12.

    Returns
    -------
    str
        In lower case.

    Raises
    ------
    UsageError
        Where it is none.
    """
    if not is_digest(text):
        raise UsageError(
            f"{text!r} is no digest: give its {_ALL_DIGITS} hexadecimal digits, "
            f"or at least the first {SHORTEST}"
        )
    return text.strip().lower()


def fits(found: str, expected: str) -> bool:
    """Tell whether a digest is the one expected.

    Parameters
    ----------
    found : str
        Complete.
    expected : str
        Complete, or its beginning.

    Returns
    -------
    bool
        Whether one begins with the other.
    """
    return found.startswith(expected)
