"""What `scale` found, as tables: as measured, and carried on to the whole archive."""

from __future__ import annotations

from rows import number

ARCHIVE = {"rows": 1_000_000_000, "files": 50_000_000}
"""The size that the table is carried on to."""


def carried_on(found: dict[str, float], rows: int) -> dict[str, float]:
    """Carry sizes and rates on to the whole archive, in proportion to rows; see docs/scale.md."""
    times = ARCHIVE["rows"] / rows
    sizes = {
        what.replace(", bytes a row", ", GB"): size * ARCHIVE["rows"] / 1e9
        for what, size in found.items()
        if what.endswith("bytes a row") and what.split(":")[0] in ("image_result", "run_input")
    }
    hours = {
        what.replace(", s", ", hours"): seconds * times / 3600
        for what, seconds in found.items()
        if what.endswith(", s") and what.split(",")[0].split(" ")[0] in ("load", "building")
    }
    rate = found["writing a new run, images a second"]
    return sizes | hours | {"all runs written one by one, hours": ARCHIVE["rows"] / rate / 3600}


def written(columns: dict[str, dict[str, float]]) -> str:
    """Write what was found as a table in Markdown, a column each catalogue."""
    names = list(dict.fromkeys(what for found in columns.values() for what in found))
    lines = [f"| what | {' | '.join(columns)} |", f"| --- |{' ---: |' * len(columns)}"]
    for name in names:
        cells = (number(found.get(name)) for found in columns.values())
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return "\n".join(lines)
