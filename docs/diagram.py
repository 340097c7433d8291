"""A drawing of the tables, and of which refers to which, as SVG."""

from __future__ import annotations

from collections import defaultdict

from sqlalchemy import MetaData

BOX_WIDTH, BOX_HEIGHT = 150, 26
ACROSS, DOWN = 250, 42
MARGIN = 20


def references(metadata: MetaData) -> dict[str, list[str]]:
    """Tell which tables each table refers to.

    Parameters
    ----------
    metadata : sqlalchemy.MetaData
        All tables.

    Returns
    -------
    dict
        Names of other tables, sorted, by the name of a table.
    """
    return {
        name: sorted({key.column.table.name for key in table.foreign_keys} - {name})
        for name, table in sorted(metadata.tables.items())
    }


def places(refers: dict[str, list[str]]) -> dict[str, tuple[float, float]]:
    """Place each table to the right of all that it refers to.

    Parameters
    ----------
    refers : dict
        From `references`.

    Returns
    -------
    dict
        Left upper corner of each table's box, in pixels.
    """
    levels: dict[str, int] = {}

    def level(name: str) -> int:
        if name not in levels:
            levels[name] = 1 + max(map(level, refers[name]), default=-1)
        return levels[name]

    columns = defaultdict(list)
    for name in refers:
        columns[level(name)].append(name)
    highest = max(map(len, columns.values()))
    named_by = defaultdict(list)
    for name, others in refers.items():
        for other in others:
            named_by[other].append(name)

    found: dict[str, tuple[float, float]] = {}
    heights = dict.fromkeys(refers, 0.0)
    # Twice from left to right: a table comes to stand at the mean height of what it refers to,
    # and one that refers to nothing at that of what refers to it.
    for _ in range(2):
        for number in sorted(columns):

            def height(name: str) -> tuple[float, str]:
                near = refers[name] or named_by[name]
                return sum(heights[other] for other in near) / max(len(near), 1), name

            column = sorted(columns[number], key=height)
            top = MARGIN + (highest - len(column)) * DOWN / 2
            for row, name in enumerate(column):
                heights[name] = top + row * DOWN
                found[name] = (MARGIN + number * ACROSS, heights[name])
    return found


def drawing(metadata: MetaData) -> str:
    """Draw the tables.

    Parameters
    ----------
    metadata : sqlalchemy.MetaData
        All tables.

    Returns
    -------
    str
        SVG, which needs nothing from elsewhere.
    """
    refers = references(metadata)
    where = places(refers)
    width = max(x for x, _ in where.values()) + BOX_WIDTH + MARGIN
    height = max(y for _, y in where.values()) + BOX_HEIGHT + MARGIN
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:g} {height:g}" '
        f'width="{width:g}" height="{height:g}" font-family="monospace" font-size="13">',
        f'<rect width="{width:g}" height="{height:g}" fill="#ffffff"/>',
        '<g fill="none" stroke="#8795a8" stroke-width="1.2">',
    ]
    for name, others in refers.items():
        x, y = where[name]
        for other in others:
            to_x, to_y = where[other]
            start, end = x, to_x + BOX_WIDTH
            y1, y2 = y + BOX_HEIGHT / 2, to_y + BOX_HEIGHT / 2
            bend = (start - end) / 2
            lines.append(
                f'<path d="M{start:g} {y1:g} C{start - bend:g} {y1:g} {end + bend:g} {y2:g} '
                f'{end:g} {y2:g}"><title>{name} refers to {other}</title></path>'
            )
    lines.append('</g>\n<g fill="#eef3f9" stroke="#44618a">')
    for x, y in (where[name] for name in refers):
        lines.append(
            f'<rect x="{x:g}" y="{y:g}" width="{BOX_WIDTH}" height="{BOX_HEIGHT}" rx="4"/>'
        )
    lines.append('</g>\n<g fill="#1c2733" text-anchor="middle">')
    for name in refers:
        x, y = where[name]
        lines.append(f'<text x="{x + BOX_WIDTH / 2:g}" y="{y + 17.5:g}">{name}</text>')
    return "\n".join([*lines, "</g>", "</svg>"]) + "\n"
