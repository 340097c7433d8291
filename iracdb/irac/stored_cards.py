"""The cards of a coordinate system as a catalogue keeps them: a text, read when it is asked for.

Frames of one pipeline differ in the numbers of few cards. Where they do, these alone need be read,
and a text goes to another process as it is.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import repeat
from typing import Any, NamedTuple

_BETWEEN = ', "'
_AFTER_NAME = '": '


class StoredCards(Mapping[str, Any]):
    """Cards by keyword.

    Parameters
    ----------
    text : str
        A JSON object.
    """

    __slots__ = ("_read", "text")

    def __init__(self, text: str) -> None:
        self.text = text
        self._read: dict[str, Any] | None = None

    def __getitem__(self, keyword: str) -> Any:
        return self.read()[keyword]

    def __iter__(self) -> Iterator[str]:
        return iter(self.read())

    def __len__(self) -> int:
        return len(self.read())

    def __repr__(self) -> str:
        return f"StoredCards({self.text!r})"

    def __reduce__(self) -> tuple[type[StoredCards], tuple[str]]:
        return StoredCards, (self.text,)

    def read(self) -> dict[str, Any]:
        """Read all cards, once.

        Returns
        -------
        dict
            By keyword.
        """
        if self._read is None:
            self._read = json.loads(self.text)
        return self._read


def stored_cards(text: str | None) -> StoredCards | None:
    """Take what a catalogue holds of a frame's coordinate system.

    Parameters
    ----------
    text : str or None
        JSON.

    Returns
    -------
    StoredCards or None
        None where there is none.
    """
    return None if text is None or text == "null" else StoredCards(text)


class Differing(NamedTuple):
    """Cards whose values are not the same in all of some texts.

    Parameters
    ----------
    keyword : str
        Of the card.
    values : list of float
        Its value in each text.
    """

    keyword: str
    values: list[float]


def differing_numbers(many: Sequence[StoredCards]) -> list[Differing] | None:
    """Tell in which cards some systems differ, without reading all cards of each.

    Parameters
    ----------
    many : sequence of StoredCards
        At least one.

    Returns
    -------
    list of Differing or None
        None where they must be read one by one: they have not the same keywords in the same order,
        or differ in what is no number.
    """
    texts = [cards.text for cards in many]
    # A list or a text may hold what looks like the beginning of a card.
    cards = texts[0][2:-1].split(_BETWEEN)
    if [card.partition(_AFTER_NAME)[0] for card in cards] != list(many[0]):
        return None
    begun, left = _same_at_both_ends(texts)
    parts = [text[begun : len(text) - left].split(_BETWEEN) for text in texts]
    if any(len(other) != len(parts[0]) for other in parts):
        return None
    found = []
    for some in zip(*parts, strict=True):
        if len(set(some)) == 1:
            continue
        keyword = some[0].partition(_AFTER_NAME)[0]
        start = f"{keyword}{_AFTER_NAME}"
        if not all(part.startswith(start) for part in some):
            return None
        width = len(start)
        try:
            values = [float(part[width:]) for part in some]
        except ValueError:
            return None
        found.append(Differing(keyword, values))
    return found


def _same_at_both_ends(texts: list[str]) -> tuple[int, int]:
    """Tell how many characters before and after some whole cards are the same in all texts."""
    first, shortest = texts[0], min(map(len, texts))
    begun = _longest(shortest, lambda n: all(map(str.startswith, texts, repeat(first[:n]))))
    # Up to the last card that begins in it; of the first one that much is of every text.
    begun = max(2, first.rfind(_BETWEEN, 0, begun) + len(_BETWEEN))
    most = shortest - begun
    left = _longest(most, lambda n: all(map(str.endswith, texts, repeat(first[len(first) - n :]))))
    after = first.find(_BETWEEN, len(first) - left)
    return begun, 1 if after < 0 else len(first) - after


def _longest(most: int, holds: Callable[[int], bool]) -> int:
    """Find the largest number up to which something holds."""
    least = 0
    while least < most:
        middle = (least + most + 1) // 2
        least, most = (middle, most) if holds(middle) else (least, middle - 1)
    return least
