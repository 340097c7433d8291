"""The last table as Markdown, for docs/performance.md: ``python benchmarks/page.py``."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rows import RESULTS, number

_MET = {True: "yes", False: "no", None: ""}


def table(found: Sequence[dict[str, Any]]) -> str:
    """Write rows, as `rows.Row.as_json` gives them, as a table."""
    lines = [
        "| what | against | reached | goal | met | clock |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    for row in found:
        unit = f" {row['unit']}" if row["unit"] else ""
        reached = "not measured"
        if row["reached"] is not None:
            reached = f"{number(row['reached'])}{unit}"
            if row["low"] != row["high"]:
                reached += f" ({number(row['low'])} to {number(row['high'])})"
        goal = ""
        if row["goal"] is not None:
            goal = f"{'under ' if row['at_most'] else ''}{number(row['goal'])}{unit}"
        cells = (row["what"], row["against"], reached, goal, _MET[row["met"]], row["clock"])
        lines.append(f"| {' | '.join(cells)} |")
    whys: dict[str, list[str]] = {}
    for row in found:
        if row["why_not"]:
            whys.setdefault(row["why_not"], []).append(row["what"])
    told = (f"- {'; '.join(dict.fromkeys(whats))}: {why}" for why, whats in whys.items())
    lines += ["", *told] if whys else []
    return "\n".join(lines)


def without_each_page(found: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Leave the browser's pages to the results, but for the slowest: they would fill the table."""
    kept, within = [], False
    for row in found:
        within = row["what"].startswith("page ") or (within and row["what"] == "the same")
        if not within:
            kept.append(row)
    return kept


def main(place: Path = RESULTS) -> None:
    """Print the table of the last measurement."""
    print(table(without_each_page(json.loads(place.read_text(encoding="utf-8")))))


if __name__ == "__main__":
    main()
