"""Where a run's words contradict it: its name and comment against its parameters and its data."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from iracdb.irac.handbook import APERTURE_CORRECTION

CHANNEL, WORDS = "wrong-channel", "words-disagree"
"""Codes: which kind of contradiction it is."""

_CHANNEL_WORD = re.compile(r"(?<![A-Za-z0-9])ch(?:annel)?[ _]?([1-4])(?![0-9])", re.IGNORECASE)
_CHANNEL_IN_NAME = re.compile(r"(?:^|_)ch([1-4])(?:_|$)", re.IGNORECASE)
_CATALOGUE_NAME = re.compile(r"\b(NGC|HD|BD|IC|M)[ _]?([+-]?\d+)", re.IGNORECASE)
_SENTENCE = re.compile(r"(?<=[.!?;])\s+")
_NUMBER = r"(\d{1,2}(?:\.\d+)?)"
_RADII = re.compile(
    rf"(?<![\d.]){_NUMBER}(?P<between>, ?| ?- ?| ){_NUMBER}(?P=between){_NUMBER}(?![\d.]\d)"
)
_SPEAKS_OF_RADII = re.compile(
    r"\b(?:radi|rad\b|px\b|pixel|aperture|annul|combination)", re.IGNORECASE
)
# What is said of another run is no claim about this one.
_OTHER_RUN = re.compile(
    r"\b(?:runs?\b|run\d|instead|original|previous|earlier|before|last)", re.IGNORECASE
)
_MISSIONS = {
    "CRYO": re.compile(r"(?<![a-z])(?:cryo|cryogenic|cold)(?![a-z])(?! tables)", re.IGNORECASE),
    "WARM": re.compile(r"(?<![a-z])warm(?![a-z])(?! tables)", re.IGNORECASE),
}
_KIND = re.compile(r"\b(c?bcd|sub2d)s?\b", re.IGNORECASE)
_NONE_REJECTED = re.compile(
    r"\b(?:no|without|not? any) (?:outliers?(?: rejected| rejection)?|rejection)\b", re.IGNORECASE
)
_REJECTED = re.compile(
    r"\boutliers? (?:were )?rejected|\brejecting (?:the )?min|\bmin(?:imum)? and max", re.IGNORECASE
)


@dataclass(frozen=True)
class Disagreement:
    """One contradiction between words and deeds.

    Parameters
    ----------
    code : str
        ``wrong-channel`` or ``words-disagree``.
    sentence : str
        What is said, and what is so.
    numbers : dict
        The same, for scripts.
    """

    code: str
    sentence: str
    numbers: dict[str, Any]


def disagreements(
    name: str,
    comment: str | None,
    channel: int | None,
    parameters: Mapping[str, Any],
    missions: Collection[str] = (),
) -> Iterator[Disagreement]:
    """Find where a run's name or comment contradicts what it is.

    Parameters
    ----------
    name : str
        The run's name.
    comment : str or None
        Why it was made.
    channel : int or None
        1 to 4.
    parameters : mapping
        As applied; what is not told contradicts nothing.
    missions : collection of str, optional
        ``CRYO`` and ``WARM``, of the frames that it measured.

    Yields
    ------
    Disagreement
        Each, the channel first.
    """
    text = comment or ""
    yield from _channel(name, text, channel, parameters)
    yield from _target(text, parameters)
    yield from _radii(text, parameters)
    yield from _mission(name, text, missions)
    yield from _kind(text, parameters)
    yield from _rejection(text, parameters)


def _channel(
    name: str, text: str, channel: int | None, parameters: Mapping[str, Any]
) -> Iterator[Disagreement]:
    said = {int(n) for n in _CHANNEL_WORD.findall(text)}
    said |= {int(n) for n in _CHANNEL_IN_NAME.findall(name)}
    if said and channel is not None and channel not in said:
        spoken = ", ".join(map(str, sorted(said)))
        also = _table_says(channel, parameters)
        yield Disagreement(
            CHANNEL,
            f"its words say channel {spoken}, it was made with channel {channel}{also}",
            {"said": sorted(said), "channel": channel},
        )


def _table_says(channel: int, parameters: Mapping[str, Any]) -> str:
    """Tell whose aperture correction was typed, where it is that of another channel."""
    known = APERTURE_CORRECTION.get(_radii_of(parameters))
    typed = parameters.get("aperture_correction")
    if known is None or typed is None or known[channel - 1] == typed or typed not in known:
        return ""
    return f", and its aperture correction {typed} is that of channel {known.index(typed) + 1}"


def _target(text: str, parameters: Mapping[str, Any]) -> Iterator[Disagreement]:
    target = parameters.get("target") or ""
    named = {_plain(match) for match in _CATALOGUE_NAME.findall(target)}
    spoken_of = {_plain(match) for match in _CATALOGUE_NAME.findall(text)}
    if named and spoken_of and not named & spoken_of:
        yield Disagreement(
            WORDS,
            f"its target is {target}, its comment speaks of {', '.join(sorted(spoken_of))}",
            {"target": target, "comment": text},
        )


def _plain(match: tuple[str, str]) -> str:
    return f"{match[0].upper()} {match[1]}"


def _radii(text: str, parameters: Mapping[str, Any]) -> Iterator[Disagreement]:
    radii = _radii_of(parameters)
    said = [
        tuple(map(float, found.group(1, 3, 4)))
        for sentence in _SENTENCE.split(text)
        if _SPEAKS_OF_RADII.search(sentence) and not _OTHER_RUN.search(sentence)
        for found in _RADII.finditer(sentence)
    ]
    if said and None not in radii and radii not in said:
        spoken, applied = (" ".join(f"{r:g}" for r in each) for each in (said[0], radii))
        yield Disagreement(
            WORDS,
            f"its comment speaks of radii {spoken}, it was made with {applied}",
            {"said": list(said[0]), "radii": list(radii)},
        )


def _radii_of(parameters: Mapping[str, Any]) -> Any:
    return tuple(parameters.get(f"radius_{which}") for which in ("source", "inner", "outer"))


def _mission(name: str, text: str, missions: Collection[str]) -> Iterator[Disagreement]:
    words = f"{name.replace('_', ' ')} {text}"
    said = {mission for mission, word in _MISSIONS.items() if word.search(words)}
    if len(said) == 1 and missions and not said & set(missions):
        spoken, measured = ({"CRYO": "cryogenic", "WARM": "warm"}[m] for m in (*said, *missions))
        yield Disagreement(
            WORDS,
            f"its words say {spoken} mission, all its frames are of the {measured} mission",
            {"said": sorted(said), "missions": sorted(missions)},
        )


def _kind(text: str, parameters: Mapping[str, Any]) -> Iterator[Disagreement]:
    kind = parameters.get("kind")
    said = {word.lower() for word in _KIND.findall(text)}
    if kind and said and kind not in said:
        spoken = ", ".join(sorted(said))
        yield Disagreement(
            WORDS,
            f"its comment speaks of {spoken} files, it measured {kind} files",
            {"said": sorted(said), "kind": kind},
        )


def _rejection(text: str, parameters: Mapping[str, Any]) -> Iterator[Disagreement]:
    rule = parameters.get("rejection")
    none_said = bool(_NONE_REJECTED.search(text))
    some_said = bool(_REJECTED.search(text)) and not none_said
    if rule is None or not (none_said or some_said):
        return
    if none_said != (rule == "none"):
        spoken = "no outlier was rejected" if none_said else "outliers were rejected"
        yield Disagreement(
            WORDS,
            f"its comment says that {spoken}, its rule of rejection is {rule}",
            {"said": "none" if none_said else "outliers rejected", "rejection": rule},
        )
