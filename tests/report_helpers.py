"""What tests of a run's page share: the page read back, without the code that wrote it."""

from __future__ import annotations

from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Any

_EMPTY = {"meta", "img", "input", "br", "link", "hr"}


@dataclass
class Table:
    """A table as it stands in the page: titles, and cells as (text, exact value or None)."""

    caption: str = ""
    titles: list[str] = field(default_factory=list)
    scopes: list[str | None] = field(default_factory=list)
    rows: list[list[tuple[str, str | None]]] = field(default_factory=list)

    def column(self, title: str) -> list[tuple[str, str | None]]:
        place = self.titles.index(title)
        return [row[place] for row in self.rows]


class Reader(HTMLParser):
    """Reads a page: its tables, attributes, texts, scripts; and that all that opens closes."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tables: list[Table] = []
        self.attributes: list[tuple[str, str, str | None]] = []
        self.tags: list[str] = []
        self.said: list[str] = []
        self.codes: list[str] = []
        self.scripts: list[str] = []
        self.styles: list[str] = []
        self._open: list[str] = []
        self._cell: list[Any] | None = None
        self.feed(text)
        self.close()
        assert not self._open, self._open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [(tag, name, value) for name, value in attrs]
        given = dict(attrs)
        if tag not in _EMPTY:
            self._open.append(tag)
        if tag == "table":
            self.tables.append(Table())
        elif tag == "tr" and "tbody" in self._open:
            self.tables[-1].rows.append([])
        elif tag in ("td", "th"):
            self._cell = ["", None]
            self.tables[-1].scopes += [given.get("scope")] if tag == "th" else []
        elif tag == "data" and self._cell is not None:
            self._cell[1] = given["value"]

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag, tag
        if tag in ("td", "th") and self._cell is not None:
            text, exact = self._cell
            if "tbody" in self._open:
                self.tables[-1].rows[-1].append((text.strip(), exact))
            else:
                self.tables[-1].titles.append(text.strip())
            self._cell = None

    def handle_data(self, data: str) -> None:
        where = self._open[-1] if self._open else ""
        if where == "script":
            self.scripts.append(data)
        elif where == "style":
            self.styles.append(data)
        elif self._cell is not None:
            # A unit stands below the title, and is told apart from it.
            self._cell[0] += f" [{data}]" if self._open[-1] == "span" and self._unit() else data
            self.said.append(data)
        elif data.strip():
            self.said.append(data)
            if "caption" in self._open:
                self.tables[-1].caption += data
            if where == "code":
                self.codes.append(data)

    def _unit(self) -> bool:
        return self.attributes[-1] == ("span", "class", "unit")

    def table(self, caption: str) -> Table:
        """Find the one table whose caption begins so."""
        (found,) = (table for table in self.tables if table.caption.startswith(caption))
        return found

    @property
    def text(self) -> str:
        return " ".join(self.said)
