"""The site: it is built without a warning, holds every page, and needs nothing from elsewhere."""

from __future__ import annotations

import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
from docs_helpers import DOCS, ROOT


class Links(HTMLParser):
    """What a page loads by itself, where it leads to, and the places in it."""

    def __init__(self) -> None:
        super().__init__()
        self.loads: list[str] = []
        self.leads: list[str] = []
        self.places: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        self.places.add(given.get("id", ""))
        self.loads += [given[name] for name in ("src", "srcset", "data", "poster") if name in given]
        if "href" in given:
            (self.leads if tag == "a" else self.loads).append(given["href"])


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build it as ``make docs`` does, elsewhere."""
    folder = tmp_path_factory.mktemp("site")
    done = subprocess.run(
        [sys.executable, "-m", "sphinx", "-q", "-W", "--keep-going", "-c", DOCS,
         "-d", folder / "doctrees", ROOT, folder / "html"],
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=400,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout
    return folder / "html"


def read(page: Path) -> Links:
    links = Links()
    links.feed(page.read_text(encoding="utf-8"))
    return links


def test_makefile_builds_the_same_site() -> None:
    text = (ROOT / "Makefile").read_text(encoding="utf-8")
    assert "-m sphinx -q -W --keep-going -c docs -d docs/_build/.doctrees . docs/_build" in text
    assert "docs/_build/" in (ROOT / ".gitignore").read_text(encoding="utf-8").splitlines()


def test_every_page_is_built_and_in_the_contents(site: Path) -> None:
    first = (site / "index.html").read_text(encoding="utf-8")
    assert "url=docs/README.html" in first
    start = site / "docs" / "README.html"
    reached = {
        (start.parent / unquote(urlsplit(link).path)).resolve()
        for link in read(start).leads
        if not urlsplit(link).scheme and urlsplit(link).path
    }
    pages = [*DOCS.rglob("*.md"), ROOT / "README.md", ROOT / "CHANGELOG.md"]
    assert len(pages) > 40
    for page in pages:
        built = site / page.relative_to(ROOT).with_suffix(".html")
        assert built.is_file(), page
        assert page.name == "README.md" or built.resolve() in reached, page


def test_pages_need_nothing_from_elsewhere(site: Path) -> None:
    pages = sorted(site.rglob("*.html"))
    assert len(pages) > 40
    for page in pages:
        for address in read(page).loads:
            parts = urlsplit(address)
            assert parts.scheme in ("", "data"), f"{page.name} loads {address}"
            assert not parts.netloc, f"{page.name} loads {address}"
            if parts.scheme == "" and parts.path:
                assert (page.parent / unquote(parts.path)).is_file(), f"{page.name}: {address}"
    for sheet in site.rglob("*.css"):
        text = sheet.read_text(encoding="utf-8")
        assert "@import" not in text, sheet
        for address in re.findall(r"url\([\"']?([^)\"']+)", text):
            assert address.startswith("data:") or "//" not in address, f"{sheet}: {address}"


def test_links_within_the_site_lead_somewhere(site: Path) -> None:
    pages = {page.resolve(): read(page) for page in site.rglob("*.html")}
    for page, links in pages.items():
        for address in links.leads:
            parts = urlsplit(address)
            if parts.scheme or parts.netloc:
                continue
            target = (page.parent / unquote(parts.path)).resolve() if parts.path else page
            assert target.exists(), f"{page.name}: {address}"
            if parts.fragment and target in pages:
                places = pages[target].places
                assert unquote(parts.fragment) in places, f"{page.name}: {address}"
