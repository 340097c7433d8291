"""What the tests of the pages share: a client, a walk over every link, a look at the HTML."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from html.parser import HTMLParser
from urllib.parse import urljoin, urlsplit

from starlette.testclient import TestClient

from iracdb import Catalogue
from iracdb.web.app import application
from iracdb.web.guard import LOOPBACK_NAMES, Guard

HOST = "http://127.0.0.1"


def client_of(catalogue: Catalogue, **settings: object) -> TestClient:
    """Ask the pages of a catalogue without a server; redirections are told, not followed."""
    app = application(catalogue, Guard(frozenset(LOOPBACK_NAMES)), **settings)
    return TestClient(app, base_url=HOST, follow_redirects=False)


@contextmanager
def served(location: str) -> Iterator[tuple[Catalogue, TestClient]]:
    """Open a catalogue and its pages."""
    with Catalogue(location, create=False) as catalogue:
        yield catalogue, client_of(catalogue)


@dataclass
class Seen(HTMLParser):
    """What is on a page: its outline, where it leads to, and what is wrong with it."""

    address: str = ""
    leads: list[str] = field(default_factory=list)
    headings: list[int] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    scripts: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__()
        self._open: list[tuple[str, dict[str, str]]] = []
        self._text: dict[str, str] = {}
        self._ids: Counter[str] = Counter()
        self._named: list[str] = []
        self._labelled: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if "id" in given:
            self._ids[given["id"]] += 1
        self._named += given.get("aria-labelledby", "").split()
        self.leads += [given[one] for one in ("href", "src", "data-points") if one in given]
        self.faults += [
            f"{tag} has {one}" for one in given if one.startswith("on") or one == "style"
        ]
        around = [name for name, _ in self._open]
        if tag == "script":
            self.scripts.append(given.get("src", ""))
        if tag == "label":
            self._labelled.add(given.get("for", ""))
        labelled = "label" in around or given.get("id") in self._labelled
        if tag in ("input", "select", "textarea") and not labelled:
            self.faults.append(f"{tag} {given.get('name')} has no label")
        if tag == "img" and not given.get("alt"):
            self.faults.append(f"img {given.get('src')} says nothing")
        if tag == "th" and given.get("scope") not in ("col", "row"):
            self.faults.append("th without scope")
        if (
            tag == "table"
            and "wide" not in " ".join(one.get("class", "") for _, one in self._open).split()
        ):
            self.faults.append("a table that would make the page wide")
        if tag not in _VOID:
            self._open.append((tag, given))
            self._text[tag] = ""
        if re.fullmatch("h[1-6]", tag):
            self.headings.append(int(tag[1]))

    def handle_data(self, data: str) -> None:
        for tag, _ in self._open:
            self._text[tag] += data

    def handle_endtag(self, tag: str) -> None:
        if tag in _VOID:
            return
        if not self._open or self._open[-1][0] != tag:
            self.faults.append(f"{tag} ends where {self._open[-1:]} is open")
            return
        _, given = self._open.pop()
        if tag == "a" and not self._text["a"].strip():
            self.faults.append(f"a link to {given.get('href')} without text")
        if tag == "table" and not self._text.get("caption", "").strip():
            self.faults.append("a table without a caption")
        if tag == "table":
            self._text.pop("caption", None)

    def all_faults(self) -> list[str]:
        """Everything that is wrong with the page."""
        faults = [*self.faults, *(f"{one} is not closed" for one, _ in self._open)]
        if self.headings.count(1) != 1:
            faults.append(f"{self.headings.count(1)} headings of the first rank")
        steps = zip(self.headings, self.headings[1:], strict=False)
        faults += [f"a heading {b} after {a}" for a, b in steps if b > a + 1]
        faults += [f"two of id {one}" for one, count in self._ids.items() if count > 1]
        faults += [
            f"named by {one}, which is not there" for one in self._named if not self._ids[one]
        ]
        return faults


_VOID = {"meta", "link", "img", "input", "br", "hr", "polyline"}


def look(address: str, text: str) -> Seen:
    """Read a page."""
    seen = Seen(address)
    seen.feed(text)
    seen.close()
    return seen


@dataclass
class Walk:
    """What a walk over the pages came by."""

    pages: dict[str, str] = field(default_factory=dict)
    others: dict[str, bytes] = field(default_factory=dict)
    broken: dict[str, str] = field(default_factory=dict)
    faults: dict[str, list[str]] = field(default_factory=dict)


def walk(client: TestClient, *, a_kind: int = 3, drawings: bool = True) -> Walk:
    """Follow every link from page to page, of one kind of address only a few.

    Of pictures only those of two figures are asked for, and of reports one: each is drawn in tests
    of its own. Without ``drawings`` none is.
    """
    found, kinds, todo = Walk(), Counter[str](), [("/", "")]
    while todo:
        address, from_page = todo.pop(0)
        parts = urlsplit(urljoin(f"{HOST}{from_page}", address))
        whole = parts.path + (f"?{parts.query}" if parts.query else "")
        if f"{parts.scheme}://{parts.netloc}" != HOST:
            found.broken[address] = f"leads out of here, on {from_page}"
            continue
        kind = re.sub(r"(?<=[=/])\d+(?=[/.&]|$)", "N", re.sub("^/run/([0-9]+)", r"/run/r\1", whole))
        figure = re.match(r"/run/\d+/figure/([\w-]+)(?:\.(png|svg|pdf|ecsv))?", whole)
        if figure and figure[2] and figure[1] not in ("lightcurve", "frame"):
            continue
        report = whole.partition("?")[0].endswith("/report.html")
        if not drawings and (report or (figure and figure[2] not in (None, "ecsv"))):
            continue
        # A figure takes a second: each is tried with one run or two, not with all.
        kind = f"/figure/{figure[1]}.{figure[2]}" if figure else kind
        if whole in found.pages or whole in found.others:
            continue
        kind = "/report.html" if report else kind
        kinds[kind] += 1
        if kinds[kind] > (1 if report or (figure and figure[2]) else 2 if figure else a_kind):
            continue
        answer = client.get(whole)
        if answer.status_code != 200:
            found.broken[whole] = f"{answer.status_code}, on {from_page}: {answer.text[:300]}"
            continue
        saved = answer.headers.get("content-disposition", "").startswith("attachment")
        if saved or not answer.headers["content-type"].startswith("text/html"):
            found.others[whole] = answer.content
            if ".json" in whole:
                json.loads(answer.text)
            continue
        found.pages[whole] = answer.text
        seen = look(whole, answer.text)
        if faults := seen.all_faults():
            found.faults[whole] = faults
        todo += [(one, whole) for one in seen.leads if not one.startswith("#")]
    return found


def links_of(text: str, ends: Collection[str] = ()) -> list[str]:
    """Where a page leads to."""
    return [one for one in look("", text).leads if not ends or one.endswith(tuple(ends))]
