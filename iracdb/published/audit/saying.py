"""How findings count and name things."""

from __future__ import annotations

from collections.abc import Sequence

MOST_NAMED = 10
"""AORs that a sentence names; the rows of its finding are all of them."""


def many(number: int, word: str) -> str:
    """Count things.

    Parameters
    ----------
    number : int
        How many.
    word : str
        What one is called.

    Returns
    -------
    str
        Such as ``1 frame`` or ``1,200 frames``.
    """
    return f"{number:,} {word}" if number == 1 else f"{number:,} {word}s"


def aors(keys: Sequence[int]) -> str:
    """Name AORs, a few at most.

    Parameters
    ----------
    keys : sequence of int
        AORKEYs; not empty.

    Returns
    -------
    str
        Such as ``AOR 90000256, 90000512``.
    """
    named = ", ".join(str(key) for key in keys[:MOST_NAMED])
    more = len(keys) - MOST_NAMED
    return f"AOR {named}" + (f" and {more:,} more" if more > 0 else "")
