"""The three formats of W3C PROV, written statement by statement.

A document of the library `prov` takes some 2 kB of memory a statement, and a run of 70,000 images
makes some 600,000 of them. So the formats are written here as the statements come; what is written
reads back with `prov` as the very document that `document_of` makes.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from datetime import datetime
from itertools import groupby
from json.encoder import encode_basestring_ascii as _json_text
from operator import itemgetter
from typing import IO, Any
from xml.sax.saxutils import escape, quoteattr

from iracdb.errors import UsageError
from iracdb.export.prov.statements import FORMAL, TIMES, Name, Provenance, Statement, Uri, Value

_IN_MEMORY = 5_000
_BLOCK = 1 << 20
_INT = 2**31
_LONG = 2**63
_NAME = itemgetter(0)
_RETURN = "\r"


def text_of(provenance: Provenance, format_name: str) -> Iterator[str]:
    """Write a document.

    Parameters
    ----------
    provenance : Provenance
        Whose statements are read as they are written.
    format_name : {'json', 'provn', 'xml'}
        PROV-JSON, PROV-N or PROV-XML.

    Returns
    -------
    iterator of str
        The text in pieces.

    Raises
    ------
    UsageError
        Where there is no such format.
    """
    if format_name not in TEXTS:
        raise UsageError(f"There is no format {format_name!r}: {', '.join(TEXTS)}")
    return TEXTS[format_name](provenance)


def _moment(value: datetime) -> str:
    return value.isoformat()


def _argument(value: str | datetime) -> str:
    return _moment(value) if isinstance(value, datetime) else value


_TYPED: dict[type, Callable[[Any], tuple[str, str | None]]] = {
    str: lambda value: (value, None),
    bool: lambda value: ("true" if value else "false", "xsd:boolean"),
    int: lambda value: (str(value), _integer_type(value)),
    float: lambda value: (repr(value), "xsd:double"),
    datetime: lambda value: (_moment(value), "xsd:dateTime"),
    Name: lambda value: (value.text, "xsd:QName"),
    Uri: lambda value: (value.text, "xsd:anyURI"),
}
"""A value's text and the name of its type, None for plain text, by what it is here."""


def _integer_type(value: int) -> str:
    if -_INT <= value < _INT:
        return "xsd:int"
    return "xsd:long" if -_LONG <= value < _LONG else "xsd:integer"


# --- PROV-N --------------------------------------------------------------------------------------


def _provn(provenance: Provenance) -> Iterator[str]:
    yield "document\n"
    for prefix, uri in provenance.namespaces.items():
        yield f"  prefix {prefix} <{uri}>\n"
    yield "\n"
    for statement in provenance.statements():
        yield f"  {_provn_line(statement)}\n"
    for name, statements in provenance.bundles():
        yield f"\n  bundle {name}\n"
        for statement in statements:
            yield f"    {_provn_line(statement)}\n"
        yield "  endBundle\n"
    yield "endDocument\n"


def _provn_line(statement: Statement) -> str:
    parts = [] if statement.identifier is None else [statement.identifier]
    parts += ["-" if argument is None else _argument(argument) for argument in statement.arguments]
    if statement.attributes:
        told = (f"{name}={_provn_value(value)}" for name, value in statement.attributes)
        parts.append(f"[{', '.join(told)}]")
    return f"{statement.kind}({', '.join(parts)})"


def _provn_value(value: Value) -> str:
    text, kind = _TYPED[type(value)](value)
    if kind is None:
        return _provn_string(text)
    return f"'{text}'" if kind == "xsd:QName" else f"{_provn_string(text)} %% {kind}"


def _provn_string(text: str) -> str:
    quoted = text.replace("\\", "\\\\").replace('"', '\\"').replace("\r", "\\r")
    return f'"""{quoted}"""' if "\n" in quoted else f'"{quoted}"'


# --- PROV-JSON -----------------------------------------------------------------------------------


def _json(provenance: Provenance) -> Iterator[str]:
    yield '{\n"prefix": ' + json.dumps(provenance.namespaces)
    yield from _json_groups(provenance.statements())
    end = ""
    for number, (name, statements) in enumerate(provenance.bundles()):
        yield ",\n" if number else ',\n"bundle": {\n'
        yield f"{json.dumps(name)}: {{"
        yield from _json_groups(statements, first=True)
        yield "}"
        end = "}"
    yield f"{end}\n}}\n"


def _json_groups(statements: Iterable[Statement], *, first: bool = False) -> Iterator[str]:
    """Write statements of one kind together, as the format wants: each kind waits in a file."""
    with ExitStack() as stack:
        waiting: dict[str, _Waiting] = {}
        for number, statement in enumerate(statements, start=1):
            kind = statement.kind
            if kind not in waiting:
                waiting[kind] = stack.enter_context(_Waiting())
            name = statement.identifier or f"_:s{number}"
            waiting[kind].add(f"{_json_text(name)}: {_json_record(statement)}")
        for kind in (name for name in FORMAL if name in waiting):
            yield "\n" if first else ",\n"
            first = False
            yield f"{_json_text(kind)}: {{\n"
            yield from waiting[kind].texts()
            yield "}"


class _Waiting:
    """Texts that wait for their turn: in memory while they are few, else in a file."""

    def __init__(self) -> None:
        self._texts: list[str] = []
        self._file: IO[str] | None = None

    def __enter__(self) -> _Waiting:
        return self

    def __exit__(self, *_: object) -> None:
        if self._file is not None:
            self._file.close()

    def add(self, text: str) -> None:
        """Take one more."""
        self._texts.append(text)
        if len(self._texts) < _IN_MEMORY:
            return
        before = ",\n"
        if self._file is None:
            before = ""
            self._file = tempfile.TemporaryFile(  # noqa: SIM115 (closed in __exit__)
                "w+", encoding="utf-8", newline="\n"
            )
        self._file.write(before + ",\n".join(self._texts))
        self._texts = []

    def texts(self) -> Iterator[str]:
        """Give all back, with commas between them."""
        if self._file is not None:
            self._file.seek(0)
            while block := self._file.read(_BLOCK):
                yield block
            if self._texts:
                yield ",\n"
        yield ",\n".join(self._texts)


def _json_record(statement: Statement) -> str:
    told = [
        f'"prov:{name}": {_json_text(_argument(argument))}'
        for name, argument in zip(FORMAL[statement.kind], statement.arguments, strict=True)
        if argument is not None
    ]
    for name, pairs in groupby(statement.attributes, key=_NAME):
        values = [_json_value(value) for _, value in pairs]
        one = values[0] if len(values) == 1 else f"[{', '.join(values)}]"
        told.append(f"{_json_text(name)}: {one}")
    return f"{{{', '.join(told)}}}"


def _json_value(value: Value) -> str:
    text, kind = _TYPED[type(value)](value)
    if kind is None:
        return _json_text(text)
    return text if kind == "xsd:boolean" else f'{{"$": {_json_text(text)}, "type": "{kind}"}}'


# --- PROV-XML ------------------------------------------------------------------------------------

_XML_NAMESPACES = {
    "prov": "http://www.w3.org/ns/prov#",
    "xsd": "http://www.w3.org/2001/XMLSchema",
    "xsi": "http://www.w3.org/2001/XMLSchema-instance",
}
# The schema wants these in this order, after the arguments and before all others.
_XML_FIRST = ("prov:label", "prov:location", "prov:role", "prov:type", "prov:value")


def _xml(provenance: Provenance) -> Iterator[str]:
    yield '<?xml version="1.0" encoding="UTF-8"?>\n<prov:document'
    for prefix, uri in {**_XML_NAMESPACES, **provenance.namespaces}.items():
        yield f"\n    xmlns:{prefix}={quoteattr(uri)}"
    yield ">\n"
    for statement in provenance.statements():
        yield _xml_element(statement, "  ")
    for name, statements in provenance.bundles():
        yield f'  <prov:bundleContent prov:id="{name}">\n'
        for statement in statements:
            yield _xml_element(statement, "    ")
        yield "  </prov:bundleContent>\n"
    yield "</prov:document>\n"


def _xml_element(statement: Statement, indent: str) -> str:
    tag = f"prov:{statement.kind}"
    # Our names hold nothing that XML would take for its own.
    named = "" if statement.identifier is None else f' prov:id="{statement.identifier}"'
    lines = []
    for name, argument in zip(FORMAL[statement.kind], statement.arguments, strict=True):
        if argument is None:
            continue
        text = _argument(argument)
        if name in TIMES:
            lines.append(f"<prov:{name}>{text}</prov:{name}>")
        else:
            lines.append(f'<prov:{name} prov:ref="{text}"/>')
    ordered = sorted(statement.attributes, key=_place)
    lines += [_xml_attribute(name, value) for name, value in ordered]
    if not lines:
        return f"{indent}<{tag}{named}/>\n"
    inner = "".join(f"{indent}  {line}\n" for line in lines)
    return f"{indent}<{tag}{named}>\n{inner}{indent}</{tag}>\n"


def _place(pair: tuple[str, Value]) -> tuple[int, str]:
    name, _ = pair
    return (_XML_FIRST.index(name), "") if name in _XML_FIRST else (len(_XML_FIRST), name)


def _xml_attribute(name: str, value: Value) -> str:
    text, kind = _TYPED[type(value)](value)
    if kind is None:
        # A bare return would be read as the end of a line.
        return f"<{name}>{escape(text, {_RETURN: '&#13;'})}</{name}>"
    return f'<{name} xsi:type="{kind}">{escape(text) if kind == "xsd:anyURI" else text}</{name}>'


TEXTS: dict[str, Callable[[Provenance], Iterator[str]]] = {
    "json": _json,
    "provn": _provn,
    "xml": _xml,
}
"""Formats by name."""
