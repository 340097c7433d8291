"""The language of conditions on frames, read into a tree and never into SQL.

::

    condition = all { "or" all }
    all       = one { "and" one }
    one       = "not" one | "(" condition ")" | test
    test      = fact comparison value
              | fact "in" "(" value { "," value } ")"
              | fact "between" value "and" value
              | fact "is" [ "not" ] "missing"
              | "flagged" [ flag ] "in" run
    comparison = "=" | "!=" | "<" | "<=" | ">" | ">="

A value is a number, a word, or text in single or double quotes, in which the quote stands twice
for itself.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple, NoReturn

from iracdb.catalogue.conditions import (
    COMPARISONS,
    All,
    Among,
    AnyOf,
    Between,
    Comparison,
    Condition,
    Flagged,
    Missing,
    Not,
    Value,
    conjuncts,
)
from iracdb.catalogue.frame_facts import (
    FACTS,
    HEADER,
    Sort,
    is_keyword,
    read_number,
    read_time,
    read_version,
)
from iracdb.errors import UsageError
from iracdb.flags import FLAGS

LONGEST = 4000
"""Characters of a condition."""

DEEPEST = 50
"""How many brackets and negations may stand in one another."""

_KEYWORDS = ("and", "or", "not", "in", "between", "is", "missing", "flagged")
_ONLY_EQUAL = ("=", "!=")


class _Token(NamedTuple):
    """A piece of the text: ``kind`` is sign, word, text or end."""

    kind: str
    text: str
    column: int


_TOKEN = re.compile(
    r"""[ \t\r\n]*(?:(?P<sign><=|>=|!=|[(),=<>])
    |(?P<text>'(?:[^']|'')*'|"(?:[^"]|"")*")
    |(?P<word>[A-Za-z0-9_.:+-]+))""",
    re.VERBOSE,
)


def parse_condition(text: str) -> Condition:
    """Read a condition.

    Parameters
    ----------
    text : str
        As typed.

    Returns
    -------
    condition
        A tree.

    Raises
    ------
    UsageError
        With the place in the text, counted from 1, and what is wrong there.

    Examples
    --------
    >>> parse_condition("frame_time >= 2")
    Comparison(fact='frame_time', operator='>=', value=2)
    """
    if len(text) > LONGEST:
        raise UsageError(f"A condition has at most {LONGEST} characters, not {len(text)}")
    return _Parser(text).condition()


class _Parser:
    """Reads one text."""

    def __init__(self, text: str) -> None:
        self._tokens = list(self._cut(text))
        self._at = 0
        self._depth = 0

    def _cut(self, text: str) -> Iterator[_Token]:
        place = 0
        while text[place:].strip(" \t\r\n"):
            match = _TOKEN.match(text, place)
            if match is None:
                rest = text[place:]
                column = place + len(rest) - len(rest.lstrip(" \t\r\n"))
                self._strange(text[column], column + 1)
            kind = str(match.lastgroup)
            yield _Token(kind, match[kind], match.start(kind) + 1)
            place = match.end()
        yield _Token("end", "", len(text) + 1)

    @staticmethod
    def _strange(character: str, column: int) -> NoReturn:
        if character in "'\"":
            raise UsageError(f"In the condition, column {column}: the quote is not closed")
        shown = character if character.isprintable() else f"U+{ord(character):04X}"
        raise UsageError(
            f"In the condition, column {column}: {shown} has no meaning here; text goes between "
            "straight quotes, as in object = 'HD 165459'"
        )

    def condition(self) -> Condition:
        """Read the whole."""
        found = self._any()
        if self._next.kind != "end":
            self._refuse("and, or, or the end")
        return found

    @property
    def _next(self) -> _Token:
        return self._tokens[self._at]

    def _take(self) -> _Token:
        token = self._next
        self._at += token.kind != "end"
        return token

    def _keyword(self) -> str | None:
        token = self._next
        word = token.text.lower()
        return word if token.kind == "word" and word in _KEYWORDS else None

    def _sign(self, sign: str) -> bool:
        if self._next.kind == "sign" and self._next.text == sign:
            self._take()
            return True
        return False

    def _expect(self, sign: str) -> None:
        if not self._sign(sign):
            self._refuse(sign)

    def _said(self, keyword: str) -> bool:
        if self._keyword() == keyword:
            self._take()
            return True
        return False

    def _refuse(self, wanted: str) -> NoReturn:
        token = self._next
        found = "it ends" if token.kind == "end" else f"there is {_short(token.text)}"
        raise UsageError(f"In the condition, column {token.column}: expected {wanted}, but {found}")

    def _any(self) -> Condition:
        parts = [self._all()]
        while self._said("or"):
            parts.append(self._all())
        flat = [p for part in parts for p in (part.parts if isinstance(part, AnyOf) else (part,))]
        return flat[0] if len(flat) == 1 else AnyOf(tuple(flat))

    def _all(self) -> Condition:
        parts = [self._one()]
        while self._said("and"):
            parts.append(self._one())
        flat = [p for part in parts for p in conjuncts(part)]
        return flat[0] if len(flat) == 1 else All(tuple(flat))

    def _one(self) -> Condition:
        self._depth += 1
        if self._depth > DEEPEST:
            column = self._next.column
            raise UsageError(f"In the condition, column {column}: more than {DEEPEST} levels deep")
        try:
            if self._said("not"):
                return Not(self._one())
            if self._sign("("):
                found = self._any()
                self._expect(")")
                return found
            if self._said("flagged"):
                return self._flagged()
            return self._test()
        finally:
            self._depth -= 1

    def _flagged(self) -> Condition:
        flag = None
        if self._keyword() is None:
            token = self._take()
            flag = token.text.lower()
            names = [each.name for each in FLAGS]
            if token.kind != "word" or flag not in names:
                raise UsageError(
                    f"In the condition, column {token.column}: {_short(token.text)} is no quality "
                    f"flag; there are: {', '.join(names)}"
                )
        if not self._said("in"):
            self._refuse("in and a run, as in flagged in 13")
        if self._next.kind not in ("word", "text") or self._keyword() is not None:
            self._refuse("the number or name of a run")
        return Flagged(flag, _plain(self._take()))

    def _test(self) -> Condition:
        fact, sort = self._fact()
        if self._said("is"):
            negated = self._said("not")
            if not self._said("missing"):
                self._refuse("missing")
            return Not(Missing(fact)) if negated else Missing(fact)
        if self._said("in"):
            self._expect("(")
            values = [self._value(fact, sort)]
            while self._sign(","):
                values.append(self._value(fact, sort))
            self._expect(")")
            return Among(fact, tuple(values))
        if self._keyword() == "between":
            return self._between(fact, sort)
        token = self._next
        if token.kind != "sign" or token.text not in COMPARISONS:
            self._refuse(f"{', '.join(COMPARISONS)}, in, between, or is missing after {fact}")
        self._take()
        if token.text not in _ONLY_EQUAL:
            self._check_order(fact, sort, token)
        value = self._value(fact, sort, ordered=token.text not in _ONLY_EQUAL)
        return Comparison(fact, token.text, value)

    def _between(self, fact: str, sort: Sort) -> Condition:
        self._check_order(fact, sort, self._take())
        low = self._value(fact, sort, ordered=True)
        if not self._said("and"):
            self._refuse("and")
        return Between(fact, low, self._value(fact, sort, ordered=True))

    @staticmethod
    def _check_order(fact: str, sort: Sort, token: _Token) -> None:
        if sort == "text":
            raise UsageError(
                f"In the condition, column {token.column}: {fact} is a text, which can be "
                f"compared by =, != and in, not by {token.text}"
            )

    def _fact(self) -> tuple[str, Sort]:
        token = self._next
        if token.kind != "word" or self._keyword() is not None:
            self._refuse("a fact of the frame")
        self._take()
        name = token.text.lower()
        if name.startswith(HEADER) and is_keyword(name[len(HEADER) :].upper()):
            return HEADER + name[len(HEADER) :].upper(), "header"
        if name not in FACTS:
            raise UsageError(
                f"In the condition, column {token.column}: {_short(token.text)} is no fact of a "
                f"frame; there are: {', '.join(FACTS)}, and {HEADER}KEYWORD"
            )
        return name, FACTS[name].sort

    def _value(self, fact: str, sort: Sort, *, ordered: bool = False) -> Value:
        token = self._next
        if token.kind not in ("word", "text") or self._keyword() is not None:
            self._refuse("a value")
        self._take()
        text = _plain(token)
        number = read_number(text) if token.kind == "word" else None
        found: Value | None
        if sort == "number":
            found, wanted = number, _with_unit(fact)
        elif sort == "time":
            found, wanted = read_time(text), "a time: a modified Julian day, or as 2012-05-03T10:20"
        elif sort == "version":
            found, wanted = read_version(text), "a version, as S18.18.0"
        elif sort == "header":
            found = number if ordered or number is not None else text
            wanted = "a number, where order is asked for"
        else:
            found, wanted = text, "a text"
        if found is None:
            raise UsageError(
                f"In the condition, column {token.column}: {fact} is {wanted}; "
                f"{_short(token.text)} is not"
            )
        return found


def _plain(token: _Token) -> str:
    if token.kind != "text":
        return token.text
    quote = token.text[0]
    return token.text[1:-1].replace(quote * 2, quote)


def _short(text: str) -> str:
    return text if len(text) <= 40 else f"{text[:40]}..."


def _with_unit(fact: str) -> str:
    unit = FACTS[fact].unit
    return f"a number, in {unit}" if unit else "a number"
