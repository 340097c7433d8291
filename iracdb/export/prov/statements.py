"""Statements of W3C PROV as plain values: what is said, before it is written in any format."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

FORMAL: dict[str, tuple[str, ...]] = {
    "entity": (),
    "activity": ("startTime", "endTime"),
    "agent": (),
    "wasGeneratedBy": ("entity", "activity", "time"),
    "used": ("activity", "entity", "time"),
    "wasInformedBy": ("informed", "informant"),
    "wasInvalidatedBy": ("entity", "activity", "time"),
    "wasDerivedFrom": ("generatedEntity", "usedEntity", "activity", "generation", "usage"),
    "wasAttributedTo": ("entity", "agent"),
    "wasAssociatedWith": ("activity", "agent", "plan"),
    "actedOnBehalfOf": ("delegate", "responsible", "activity"),
    "wasInfluencedBy": ("influencee", "influencer"),
    "specializationOf": ("specificEntity", "generalEntity"),
    "hadMember": ("collection", "entity"),
}
"""The arguments of each kind of statement, in PROV-DM's order."""

TIMES = ("startTime", "endTime", "time")
"""Arguments that are times; all others are names."""

# What XML 1.0 cannot hold.
_UNWRITABLE = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


@dataclass(frozen=True, slots=True)
class Name:
    """A qualified name.

    Parameters
    ----------
    text : str
        Such as ``prov:Plan``; after the colon what an XML name may be, so that every format can
        hold it.
    """

    text: str


@dataclass(frozen=True, slots=True)
class Uri:
    """A resource on the web.

    Parameters
    ----------
    text : str
        Its address.
    """

    text: str


Value = str | bool | int | float | datetime | Name | Uri
"""What an attribute may hold."""

Attributes = tuple[tuple[str, Value], ...]


@dataclass(frozen=True, slots=True)
class Statement:
    """One statement of PROV.

    Parameters
    ----------
    kind : str
        A key of `FORMAL`.
    identifier : str or None
        Qualified name of an element; None for a relation.
    arguments : tuple
        As many as `FORMAL` has: qualified names, times, or None where not told.
    attributes : tuple of tuple
        Qualified name and value of each; a name may stand more than once.
    """

    kind: str
    identifier: str | None
    arguments: tuple[str | datetime | None, ...] = ()
    attributes: Attributes = ()


def element(
    kind: str, identifier: str, told: Mapping[str, Any], *times: datetime | None
) -> Statement:
    """State an entity, an activity or an agent.

    Parameters
    ----------
    kind : {'entity', 'activity', 'agent'}
        Which.
    identifier : str
        Its qualified name.
    told : mapping
        Values by qualified name; a tuple for several, None for what is not known.
    *times : datetime or None
        Start and end of an activity.

    Returns
    -------
    Statement
        With what is known.
    """
    return Statement(kind, identifier, times, attributes_of(told))


def relation(
    kind: str, *arguments: str | datetime | None, told: Mapping[str, Any] | None = None
) -> Statement:
    """State a relation.

    Parameters
    ----------
    kind : str
        A key of `FORMAL`.
    *arguments : str, datetime or None
        In PROV-DM's order; those left out at the end are not told.
    told : mapping, optional
        Values by qualified name, as of `element`.

    Returns
    -------
    Statement
        With all its arguments.
    """
    missing = len(FORMAL[kind]) - len(arguments)
    return Statement(kind, None, (*arguments, *[None] * missing), attributes_of(told or {}))


def attributes_of(told: Mapping[str, Any]) -> Attributes:
    """List the values that are known, by name.

    Parameters
    ----------
    told : mapping
        Values by qualified name, as of `element`.

    Returns
    -------
    tuple of tuple
        Name and value, in the order given; text as every format can hold it.
    """
    return tuple(
        (name, writable(value) if isinstance(value, str) else value)
        for name, values in told.items()
        for value in (dict.fromkeys(values) if isinstance(values, tuple) else (values,))
        if value is not None
    )


def writable(text: str) -> str:
    """Replace characters that XML cannot hold.

    Parameters
    ----------
    text : str
        Any.

    Returns
    -------
    str
        With the replacement character for each of them, control characters mostly.
    """
    # Most are plain, and there are many.
    plain = text.isascii() and text.isprintable()
    return text if plain else _UNWRITABLE.sub("\ufffd", text)


class Provenance:
    """What is told of one run: a document, with bundles in it.

    Parameters
    ----------
    namespaces : mapping
        URIs by prefix, but for those of PROV and XML Schema.
    statements : iterable of Statement
        Of the document itself.
    bundles : iterable of tuple
        Qualified name and statements of each bundle.
    """

    def __init__(
        self,
        namespaces: Mapping[str, str],
        statements: Iterable[Statement],
        bundles: Iterable[tuple[str, Iterable[Statement]]],
    ) -> None:
        self.namespaces = dict(namespaces)
        self._statements = statements
        self._bundles = bundles

    def statements(self) -> Iterator[Statement]:
        """Give the document's own statements, once.

        Yields
        ------
        Statement
            In order.
        """
        yield from self._statements

    def bundles(self) -> Iterator[tuple[str, Iterable[Statement]]]:
        """Give the bundles, once, after the statements.

        Yields
        ------
        tuple
            Qualified name and statements.
        """
        yield from self._bundles
