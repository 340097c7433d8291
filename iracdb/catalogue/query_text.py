"""A query's text, taken apart only as far as it takes to speak of it in plain words.

Nothing rests on this being right: what a query may do is decided by the database.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from iracdb.errors import QueryRefused

NOTHING_CHANGES = "iracdb sql reads and changes nothing"

_QUERY_WORDS = {"SELECT", "WITH", "VALUES", "TABLE", "("}

LETTER = r"A-Za-z_\x80-\U0010ffff"
_TOKENS = {
    "sqlite": rf"""
        (?P<skip>[ \t\n\r\f\v]+ | --[^\n]* | /\*.*?(?:\*/|\Z))
        | (?P<text>'(?:[^']|'')*+(?:'|\Z))
        | (?P<name>"(?:[^"]|"")*+(?:"|\Z) | `(?:[^`]|``)*+(?:`|\Z) | \[[^\]]*(?:\]|\Z))
        | (?P<word>[{LETTER}][{LETTER}0-9$]*) | (?P<number>[0-9][\w.]*) | (?P<mark>.)""",
    "postgresql": rf"""
        (?P<skip>[ \t\n\r\f\v]+ | --[^\n\r]*)
        | (?P<text>[eE]'(?:[^'\\]|\\.|'')*+(?:'|\Z) | (?:[bBxXnN]|[uU]&)?'(?:[^']|'')*+(?:'|\Z)
                   | \$(?P<tag>(?:[{LETTER}][{LETTER}0-9]*)?)\$.*?(?:\$(?P=tag)\$|\Z))
        | (?P<name>"(?:[^"]|"")*+(?:"|\Z))
        | (?P<word>[{LETTER}][{LETTER}0-9$]*) | (?P<number>[0-9][\w.]*) | (?P<mark>.)""",
}
_PATTERNS = {dialect: re.compile(text, re.VERBOSE | re.DOTALL) for dialect, text in _TOKENS.items()}


@dataclass(frozen=True)
class Token:
    """A piece of the text: a word, a name in quotes, a text, a number, a mark, or a blank."""

    kind: str
    text: str
    end: int

    @property
    def name(self) -> str:
        """What it names, out of its quotes."""
        quote = self.text[-1]
        return self.text[1:-1].replace(quote * 2, quote) if self.kind == "name" else self.text


@dataclass(frozen=True)
class Query:
    """One statement, without the semicolon and the comments after it."""

    text: str
    tokens: tuple[Token, ...]

    def in_backticks(self) -> str:
        """Write it with the names quoted so that SQLite cannot take one for a text."""
        return "".join(
            "`" + token.name.replace("`", "``") + "`"
            if token.kind == "name" and token.text.startswith('"')
            else token.text
            for token in self.tokens
        )


def _tokens(sql: str, dialect: str) -> list[Token]:
    found, start = [], 0
    while start < len(sql):
        if dialect == "postgresql" and sql.startswith("/*", start):
            kind, end = "skip", _end_of_nested_comment(sql, start)
        else:
            match = _PATTERNS[dialect].match(sql, start)
            assert match is not None and match.lastgroup is not None  # noqa: S101 - any character
            kind, end = match.lastgroup, match.end()
        found.append(Token(kind, sql[start:end], end))
        start = end
    return found


def _end_of_nested_comment(sql: str, start: int) -> int:
    depth = 0
    for match in re.compile(r"/\*|\*/").finditer(sql, start):
        depth += 1 if match[0] == "/*" else -1
        if depth == 0:
            return match.end()
    return len(sql)


def one_query(sql: str, dialect: str) -> Query:
    """Find the one query in what a user typed.

    Parameters
    ----------
    sql : str
        As typed.
    dialect : {'sqlite', 'postgresql'}
        Whose words they are.

    Returns
    -------
    Query
        Taken apart.

    Raises
    ------
    QueryRefused
        Where there is none, more than one, or something else than a query.
    """
    if "\0" in sql:
        raise QueryRefused("The query was refused: it holds a NUL character")
    tokens = _tokens(sql, dialect)
    while tokens and (tokens[-1].kind == "skip" or tokens[-1].text == ";"):
        tokens.pop()
    told = [token.text for token in tokens if token.kind != "skip"]
    if not told:
        raise QueryRefused("There is no query: write one that begins with SELECT")
    if ";" in told:
        raise QueryRefused(f"{NOTHING_CHANGES}: it takes one query at a time, not several")
    if told[0].upper() not in _QUERY_WORDS:
        raise QueryRefused(
            f"{NOTHING_CHANGES}: a query begins with SELECT, WITH or VALUES, not {told[0]}"
        )
    return Query(sql[: tokens[-1].end], tuple(tokens))
