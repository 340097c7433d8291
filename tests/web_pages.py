"""What tests of pages share: a browser of a kind, and what every page must be like."""

from __future__ import annotations

import csv
import io
from html.parser import HTMLParser
from typing import Any

from starlette.testclient import TestClient

from iracdb import Catalogue
from iracdb.web.app import application
from iracdb.web.guard import Guard

_VOID = {"meta", "link", "img", "input", "br", "hr", "path", "rect"}


def client_of(catalogue: Catalogue, **settings: Any) -> TestClient:
    """Ask the pages of a catalogue as a browser on this machine would."""
    app = application(catalogue, Guard(frozenset({"127.0.0.1"})), **settings)
    return TestClient(app, base_url="http://127.0.0.1")


def page_of(client: TestClient, address: str, status: int = 200) -> str:
    """Get a page, and see that it is as every page must be."""
    answer = client.get(address)
    assert answer.status_code == status, (address, answer.text[-2000:])
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    check(answer.text)
    return str(answer.text)


def rows_of(client: TestClient, address: str) -> list[dict[str, str]]:
    """Get a page's table as CSV."""
    answer = client.get(address)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    return list(csv.DictReader(io.StringIO(answer.text)))


class _Outline(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.headings: list[int] = []
        self.open: list[tuple[str, dict[str, str]]] = []
        self.ids: list[str] = []
        self.wrong: list[str] = []
        self.labelled: set[str] = set()
        self.named: set[str] = set()
        self.inputs: list[tuple[str | None, bool]] = []
        self.tables: list[set[str]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        told = {name: value or "" for name, value in attrs}
        if "id" in told:
            self.ids.append(told["id"])
        if "aria-labelledby" in told:
            self.named.add(told["aria-labelledby"])
        self._see_what_may_not_be(tag, told)
        if tag in ("h1", "h2", "h3", "h4"):
            self.headings.append(int(tag[1]))
        self._see_names(tag, told)
        if tag not in _VOID:
            self.open.append((tag, told))

    def _see_what_may_not_be(self, tag: str, told: dict[str, str]) -> None:
        if "style" in told or any(name.startswith("on") for name in told):
            self.wrong.append(f"{tag} has style or a handler")
        if tag == "script" and not told.get("src"):
            self.wrong.append("a script in the page")
        if tag == "th" and told.get("scope") not in ("col", "row"):
            self.wrong.append("a th without a scope")
        if tag == "table" and not any("wide" in a.get("class", "") for _, a in self.open):
            self.wrong.append("a table that would widen the page")

    def _see_names(self, tag: str, told: dict[str, str]) -> None:
        if tag == "label" and "for" in told:
            self.labelled.add(told["for"])
        if tag in ("input", "select", "textarea") and told.get("type") != "hidden":
            within = any(name == "label" for name, _ in self.open)
            self.inputs.append((told.get("id"), within))
        if tag == "table":
            self.tables.append(set())
        if self.tables and tag in ("caption", "th"):
            self.tables[-1].add(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in _VOID:
            self.handle_endtag(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag in _VOID:
            return
        if not self.open or self.open[-1][0] != tag:
            self.wrong.append(f"</{tag}> ends {self.open[-1:]}")
        else:
            self.open.pop()


def check(html: str) -> None:
    """See that a page has its headings in order, and names for what a reader must know."""
    outline = _Outline()
    outline.feed(html)
    assert not outline.wrong, outline.wrong
    assert not outline.open
    assert outline.headings.count(1) == 1
    assert outline.headings[0] == 1
    steps = zip(outline.headings, outline.headings[1:], strict=False)
    assert all(after <= before + 1 for before, after in steps), outline.headings
    assert len(outline.ids) == len(set(outline.ids)), outline.ids
    assert outline.named <= set(outline.ids)
    assert all(within or one in outline.labelled for one, within in outline.inputs)
    assert all("caption" in parts and "th" in parts for parts in outline.tables)
