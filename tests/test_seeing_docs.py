"""docs/seeing.md: its commands print what it shows, and the page has the sections it names."""

from __future__ import annotations

from pathlib import Path

import pytest
from docs_helpers import blocks, console, table, text_of
from iracdb_cli.main import main
from report_helpers import Reader

PAGE = "docs/seeing.md"


def cells(picture: str) -> list[list[str]]:
    """The words of a picture, without the dots: those hang on the last digits of a fit."""
    lines = picture.splitlines()
    return [[word for word in line.split() if word.isascii()] for line in lines]


def test_the_page_is_true(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("IRACDB_DATABASE_URL", raising=False)
    (picture,) = blocks(text_of(PAGE), "text")
    drawn = ""
    for words, expected in console(text_of(PAGE)):
        assert words[0] == "iracdb"
        assert main(words[1:]) == 0, words
        found = capsys.readouterr()
        if expected:
            assert found.out == expected, words
        if words[1:2] == ["show"]:
            drawn = found.out
    begin = drawn.index(picture.splitlines()[0])
    assert cells(drawn[begin:].rstrip()) == cells(picture.rstrip())
    page = Reader((tmp_path / "report13.html").read_text(encoding="utf-8"))
    named = [row[0] for row in table(text_of(PAGE), "section", "what it tells")]
    titles = [said.split(" with ")[0].strip() for said in page.said]
    assert all(name in titles for name in named)
    assert "Compared with run12" in page.text
