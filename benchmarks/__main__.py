"""All benchmarks, one after the other: ``python benchmarks [--size SIZE] [--only FAMILY ...]``.

The table is printed at the end and the same is written to results/latest.json. A family that cannot
be measured is told in a row of its own, and the others are measured all the same.
"""

from __future__ import annotations

import argparse
import importlib
import sys
import time
from pathlib import Path

import rows

FAMILIES = (
    "startup", "measuring", "handbook", "measure", "memory", "radius_test", "ingest", "lineage",
    "comparing", "pages", "export", "prov_export", "import_runs",
)  # fmt: skip


def measured(family: str, size: str) -> list[rows.Row]:
    """Measure one family."""
    try:
        return list(importlib.import_module(family).rows(size))
    except Exception as problem:  # whatever it is, it is told
        why = f"It could not be measured: {type(problem).__name__}: {problem}"
        return [rows.Row(f"{family}.py", "", 0.0, [], "-", why=why)]


def main(words: list[str] | None = None) -> int:
    """Measure, print and write; 1 where a family could not be measured."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", choices=rows.SIZES, default="small", help="how much (small)")
    parser.add_argument("--only", nargs="+", choices=FAMILIES, default=FAMILIES, metavar="FAMILY")
    parser.add_argument(
        "--json", type=Path, default=rows.RESULTS, help="where the rows are written"
    )
    chosen = parser.parse_args(words)
    found: list[rows.Row] = []
    for family in chosen.only:
        begun = time.perf_counter()
        found += measured(family, chosen.size)
        print(f"{family}: {time.perf_counter() - begun:.0f} s", file=sys.stderr, flush=True)
        rows.write(found, chosen.json)
    rows.show(found)
    return int(any(row.goal is not None and not row.rounds for row in found))


if __name__ == "__main__":
    sys.exit(main())
