"""Pictures of the documentation: every figure has one, and its command makes the one stored."""

from __future__ import annotations

import io
import re
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import page_pictures
import pictures
import pytest
from docs_helpers import DOCS, ROOT, blocks, console, table, text_of
from PIL import Image

from iracdb.report.registry import FIGURES

PAGE = "docs/figures.md"
TOLERANCE = 6.0
"""Root of the mean squared difference, of 255, that fonts drawn elsewhere may make."""

SECONDS = 90
"""Of a processor, that making all pictures may take: about 25 where it was written."""

IMAGE = re.compile(r"!\[([^\]]+)\]\(pictures/([\w-]+\.png)\)")


def apart(one: bytes, other: bytes) -> float:
    """Root of the mean squared difference of two pictures, of 255; inf where sizes differ."""
    both = []
    for content in (one, other):
        with Image.open(io.BytesIO(content)) as image:
            both.append(np.asarray(image.convert("RGB"), dtype=np.float64))
    if both[0].shape != both[1].shape:
        return np.inf
    return float(np.sqrt(np.mean((both[0] - both[1]) ** 2)))


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Path]]:
    """What the commands of the page draw, by name."""
    begun = time.process_time()
    drawn = pictures.carry_out(tmp_path_factory.mktemp("pictures"), text_of(PAGE))
    assert time.process_time() - begun < SECONDS
    yield {path.name: path for path in drawn}


def test_every_figure_has_a_section_with_its_picture() -> None:
    text = text_of(PAGE)
    listed = dict(table(text, "figure", "what it shows"))
    assert listed == {f"[{one.name}](#{one.name})": one.sentence for one in FIGURES}
    parts = dict(re.findall(r"^## ([a-z-]+)\n(.*?)(?=^## |\Z)", text, re.MULTILINE | re.DOTALL))
    assert list(parts) == [one.name for one in FIGURES]
    for name, part in parts.items():
        drawn = [words for words, _ in console(part)]
        # The light curve is the figure that is drawn where none is named.
        named = [w[w.index("--figure") + 1] if "--figure" in w else "lightcurve" for w in drawn]
        assert set(named) == {name}
        assert [words[words.index("--out") + 1] for words in drawn] == [
            picture for _, picture in IMAGE.findall(part)
        ]


def test_commands_make_the_stored_pictures(made: dict[str, Path]) -> None:
    shown = [name for _, name in IMAGE.findall(text_of(PAGE))]
    assert sorted(made) == sorted(shown)
    for name, path in made.items():
        assert path.with_suffix(".ecsv").is_file()
        stored = (pictures.PICTURES / name).read_bytes()
        found = apart(pictures.few_colours(path.read_bytes()), stored)
        assert found < TOLERANCE, f"{name} is {found:.1f} of 255 away: run docs/pictures.py"


def test_python_says_what_the_page_says(
    made: dict[str, Path], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from matplotlib import pyplot

    monkeypatch.chdir(made["frame.png"].parent)
    ((code,), (said,)) = (blocks(text_of(PAGE), language) for language in ("py", "text"))
    exec(compile(code, PAGE, "exec"), {})
    pyplot.close("all")
    assert capsys.readouterr().out == said


def test_another_picture_is_noticed(made: dict[str, Path]) -> None:
    names = ("lightcurve.png", "lightcurve-aor.png", "frame.png")
    drawn = {name: pictures.few_colours(made[name].read_bytes()) for name in names}
    assert apart(drawn[names[0]], drawn[names[0]]) == 0
    assert apart(drawn["lightcurve.png"], drawn["lightcurve-aor.png"]) > 2 * TOLERANCE
    assert apart(drawn["lightcurve.png"], drawn["frame.png"]) == np.inf


def test_every_picture_is_small_linked_and_made() -> None:
    stored = {path.name: path.stat().st_size for path in pictures.PICTURES.iterdir()}
    pages = [*DOCS.glob("*.md"), ROOT / "README.md"]
    linked = {
        name
        for page in pages
        for _, name in re.findall(
            r"!\[([^\]]+)\]\((?:docs/)?pictures/([\w-]+\.png)\)", page.read_text("utf-8")
        )
    }
    assert set(stored) == linked
    figures = {name for _, name in IMAGE.findall(text_of(PAGE))}
    assert linked == figures | set(page_pictures.PAGES)
    assert all(stored[name] < pictures.LARGEST for name in figures)
    assert all(stored[name] < pictures.LARGEST_PAGE for name in page_pictures.PAGES)
    assert sum(stored.values()) < 500_000
    for name, (_, width, height) in page_pictures.PAGES.items():
        with Image.open(pictures.PICTURES / name) as image:
            assert image.size == (width, height)
