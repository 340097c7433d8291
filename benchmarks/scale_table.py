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


_ON_PAGE = {
    "load, s": ("loading, rows first and indices then, s", 1),
    "image_result: table, bytes a row": ("`image_result`, bytes a row", 1),
    "image_result: index pk_image_result, bytes a row": ("- its key", 1),
    "image_result: index ix_image_result_frame_id, bytes a row": ("- its index by frame", 1),
    "image_result: index ix_image_result_file_id, bytes a row": ("- its index by file", 1),
    "run_input: table, bytes a row": ("`run_input`, bytes a row", 1),
    "run_input: index pk_run_input, bytes a row": ("- its key", 1),
    "run_input: index ix_run_input_file_id, bytes a row": ("- its index by file", 1),
    "all, GB": ("everything, GB", 1),
    "building pk_image_result, s": ("building the key of `image_result`, s", 1),
    "building ix_image_result_frame_id, s": ("building its index by frame, s", 1),
    "VACUUM after the load, s": ("VACUUM after loading, s", 1),
    "VACUUM after new runs, s": ("VACUUM after three more runs, s", 1),
    "ANALYZE, s": ("ANALYZE of everything, s", 1),
    "ANALYZE after a run, s": ("ANALYZE of what a run writes, s", 1),
    "lineage of an AOR, ms": ("lineage of an AOR of 100 images, ms", 1),
    "lineage of a file, ms": ("lineage of a file up to 100 runs, ms", 1),
    "compare of two runs, microseconds an image": ("compare, microseconds an image", 1),
    "writing a new run, images a second": ("writing a run, thousand images a second", 1e-3),
    "pages for the images of an average": ("pages asked for, images of an average", 1),
    "pages for the images of a frame": ("pages asked for, images of a frame", 1),
    "planning, the images of a frame, ms": ("planning the latter, ms", 1),
    "pages for the images of a run": ("pages asked for, images of a run", 1),
    "pages for the images of a run, its span told": ("the same, where its averages are told", 1),
    "cutting: the whole becomes the first part, s": ("cutting the whole tables, s", 1),
    "closing a part of all rows, s": ("closing a part of all rows, s", 1),
    "undoing it, nothing in later parts, s": ("making them whole again, s", 1),
}


def for_page(columns: dict[str, dict[str, float]]) -> str:
    """Write what docs/scale.md shows: a column each catalogue, by layout and size."""
    told = sorted(columns, key=lambda name: (name.rpartition(", ")[0], len(name), name))
    heads = (name.replace("PostgreSQL", "whole", 1).replace("whole:", "") for name in told)
    lines = [f"| | {' | '.join(heads)} |", f"| --- |{' ---: |' * len(told)}"]
    for what, (name, factor) in _ON_PAGE.items():
        values = [columns[column].get(what) for column in told]
        if any(value is not None for value in values):
            cells = (number(None if value is None else value * factor) for value in values)
            lines.append(f"| {name} | {' | '.join(cells)} |")
    return "\n".join(lines)
