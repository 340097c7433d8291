"""A file's header as cards with their comments, and those that are looked for."""

from __future__ import annotations

import re
import zlib
from typing import Any

from sqlalchemy import Connection, select

from iracdb.catalogue import tables as t
from iracdb.irac.header import Header

MOST = 1_000
"""Cards of one page; real headers have some 300."""


def header_of_file(connection: Connection, number: int) -> Header | None:
    """Give a file's header.

    Parameters
    ----------
    connection : sqlalchemy.Connection
        To a catalogue.
    number : int
        Of the file.

    Returns
    -------
    Header or None
        Byte for byte what it was; None where none is held.
    """
    query = select(t.header.c.verbatim).where(t.header.c.file_id == number)
    verbatim = connection.execute(query).scalar_one_or_none()
    return None if verbatim is None else Header(zlib.decompress(verbatim))


def cards_like(header: Header, wanted: str) -> list[dict[str, Any]]:
    """List the cards of a header in which all of some words are.

    Parameters
    ----------
    header : Header
        Of a file.
    wanted : str
        Words, whatever their case, each in the keyword, the value or the comment; '' for all.

    Returns
    -------
    list of dict
        card (its place, from 1), keyword, value (as printed), comment.
    """
    words = wanted.lower().split()
    found = []
    for place, (card, line) in enumerate(zip(header.cards, header.lines, strict=False), start=1):
        told = {
            "card": place, "keyword": card.keyword, "value": card.text, "comment": comment_of(line),
        }  # fmt: skip
        text = f"{card.keyword}\n{card.text}\n{told['comment']}".lower()
        if all(word in text for word in words):
            found.append(told)
    return found


def comment_of(line: bytes) -> str:
    """Tell what stands after the value of a card.

    Parameters
    ----------
    line : bytes
        80 of them.

    Returns
    -------
    str
        Without the stroke and the blanks around it; '' where there is none.
    """
    text = line.decode("latin-1")
    if text[8:10] != "= " or text[:8].rstrip() in ("COMMENT", "HISTORY", ""):
        return ""
    quoted = _QUOTED.match(text, 10)
    rest = text[10:] if quoted is None else text[quoted.end() :]
    comment = rest.partition("/")[2].strip()
    return "".join(one if one.isprintable() else "�" for one in comment)


_QUOTED = re.compile(r"\s*'(?:[^']|'')*'?")
