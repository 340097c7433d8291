"""What the tests of the documentation share: reading a page, carrying it out, comparing."""

from __future__ import annotations

import doctest
import math
import re
import shlex
from pathlib import Path

from iracdb.photometry.warming import MESSAGE

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"

# As the installed script does, but sure to be this Python's.
IRACDB = "import sys; from iracdb_cli.main import main; sys.exit(main(sys.argv[1:]))"

FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_NUMBER = re.compile(r"(?<![\w.])[+-]?\d+\.\d+(?:e[+-]?\d+)?(?![\w.])")


def text_of(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def blocks(text: str, language: str) -> list[str]:
    """What stands in fenced blocks of one language."""
    return [body for word, body in FENCE.findall(text) if word == language]


def table(text: str, *titles: str) -> list[list[str]]:
    """Rows of the one table whose first titles are these, without ticks."""
    found, rows = [], None
    for line in text.splitlines():
        if not line.startswith("|"):
            rows = None
            continue
        cells = [cell.strip().replace("`", "") for cell in line.strip("|").split("|")]
        if rows is not None:
            rows.append(cells)
        elif tuple(cells[: len(titles)]) == titles:
            rows = []
            found.append(rows)
        else:
            rows = []
    assert len(found) == 1, f"{len(found)} tables begin with {titles}"
    return found[0][1:]  # after the line of dashes


def console(text: str) -> list[tuple[list[str], str]]:
    """Commands of console blocks, each with what stands below it."""
    commands: list[tuple[list[str], str]] = []
    for block in blocks(text, "console"):
        for line in block.splitlines(keepends=True):
            if line.startswith("$ "):
                commands.append((shlex.split(line[2:]), ""))
            else:
                words, output = commands[-1]
                commands[-1] = (words, output + line)
    return commands


def without_haste(printed: str) -> str:
    """Leave out what a slow machine says while it compiles, which is not of the page."""
    return printed.replace(f"{MESSAGE}\n", "")


def the_same(expected: str, found: str) -> bool:
    """Compare line for line; numbers with a fraction may differ by 1e-9 of themselves.

    The last digits of a fit depend on the mathematical library and the processor: on one machine
    they are always the same, on another they may be others.
    """
    if _NUMBER.sub("#", expected).split() != _NUMBER.sub("#", found).split():
        return False
    pairs = zip(_NUMBER.findall(expected), _NUMBER.findall(found), strict=True)
    return all(math.isclose(float(one), float(other), rel_tol=1e-9) for one, other in pairs)


class NearlyEqual(doctest.OutputChecker):
    def check_output(self, want: str, got: str, _flags: int) -> bool:
        return the_same(want, got)
