"""Make the pictures of the documentation, by the commands that the pages show.

``python docs/pictures.py`` carries out what figures.md shows, in a folder of its own, and stores
each picture that a command wrote; where Chromium and selenium are at hand it also takes those of
``iracdb serve``. Look at each before it is committed. Whether the stored figures are those that the
commands make is tested.
"""

from __future__ import annotations

import contextlib
import io
import os
import re
import shlex
import socket
import tempfile
from pathlib import Path
from unittest.mock import patch

from iracdb_cli.main import main as iracdb
from page_pictures import take_pages
from PIL import Image

from iracdb.report import drawing, saving
from iracdb.runs import software

DOCS = Path(__file__).parent
PAGE = DOCS / "figures.md"
PICTURES = DOCS / "pictures"

DPI, COLOURS, LARGEST = 96, 64, 40_000
"""How figures are drawn, how many colours are kept of them, and how many bytes each may have."""

LARGEST_PAGE = 80_000
"""How many bytes the picture of a page may have."""

OPERATOR, HOST = "ada", "observatory"
"""Who the figures say made the runs: pages name nobody's machine."""

_BLOCK = re.compile(r"^```(python|console)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def carry_out(folder: Path, page: str) -> list[Path]:
    """Do what a page shows, block by block, and give the pictures that its commands wrote.

    Parameters
    ----------
    folder : pathlib.Path
        Where it is done.
    page : str
        Markdown: Python in blocks of ``python``, commands in blocks of ``console``.

    Returns
    -------
    list of pathlib.Path
        PNG files at `DPI`, in the order of the commands.

    Raises
    ------
    RuntimeError
        Where a command fails.
    """
    small = lambda *words: drawing.picture(*words, dpi=DPI)  # noqa: E731
    shown: list[Path] = []
    with (
        contextlib.chdir(folder),
        patch.dict(os.environ, {"LOGNAME": OPERATOR}),
        patch.object(socket, "gethostname", lambda: HOST),
        patch.object(software, "_git", lambda: (None, None)),  # another at each commit
        patch.object(saving, "picture", small),
    ):
        os.environ.pop("IRACDB_DATABASE_URL", None)
        software.this_software.cache_clear()
        for language, text in _BLOCK.findall(page):
            if language == "python":
                exec(compile(text, PAGE.name, "exec"), {})  # noqa: S102 - our own page
                continue
            for line in text.replace("\\\n", " ").splitlines():
                if line.startswith("$ "):
                    shown += _command(shlex.split(line[2:]))
    software.this_software.cache_clear()
    return [folder / path for path in shown]


def _command(words: list[str]) -> list[Path]:
    """Carry out one command, and give the picture that it was asked for."""
    said = io.StringIO()
    with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
        status = iracdb(words[1:])
    if status or words[0] != "iracdb":
        raise RuntimeError(f"{shlex.join(words)} gave {status}: {said.getvalue()}")
    return [Path(word) for word in words if word.endswith(".png")]


def few_colours(content: bytes, largest: int = LARGEST) -> bytes:
    """Keep a picture in so few colours that it is small.

    Parameters
    ----------
    content : bytes
        PNG.
    largest : int, optional
        How many bytes it may have: where `COLOURS` make more of them, half as many are kept.

    Returns
    -------
    bytes
        PNG.
    """
    with Image.open(io.BytesIO(content)) as image:
        made = image.convert("RGB")
    colours, written = COLOURS, io.BytesIO()
    while colours > 2 and not 0 < written.tell() < largest:
        written = io.BytesIO()
        # Chosen by what is furthest apart: the colour of a few points must not go to many others'.
        few = made.quantize(colours, method=Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE)
        few.save(written, format="png", optimize=True)
        colours //= 2
    return written.getvalue()


def main() -> None:
    """Make every picture, and store it."""
    PICTURES.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        made = {path.name: path.read_bytes() for path in carry_out(folder, PAGE.read_text("utf-8"))}
        pages = take_pages(folder / "iracdb.sqlite")
    for name, content in {**made, **pages}.items():
        small = few_colours(content, LARGEST if name in made else LARGEST_PAGE)
        (PICTURES / name).write_bytes(small)
        print(f"{name}: {len(small)} bytes")


if __name__ == "__main__":
    main()
