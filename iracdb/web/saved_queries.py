"""Queries to begin with, as docs/database.md has them: they ask any catalogue, of either kind."""

from __future__ import annotations

from typing import NamedTuple


class Saved(NamedTuple):
    """A query that can be chosen.

    Parameters
    ----------
    title : str
        What it asks for.
    sql : str
        One query, the same for SQLite and PostgreSQL.
    """

    title: str
    sql: str


SAVED: tuple[Saved, ...] = (
    Saved(
        "The runs, with what tells them apart",
        """\
SELECT run_id, name, origin, state, recipe, channel, finished_at, withdrawn_at, comment
FROM run
ORDER BY run_id""",
    ),
    Saved(
        "Each target in each run: how many averages, and their mean",
        """\
SELECT run_name, target, channel, count("Flux (mJy)") AS averages,
       avg("Flux (mJy)") AS mean_mjy, min("Flux (mJy)") AS least, max("Flux (mJy)") AS largest
FROM run_aor_data
GROUP BY run_id, run_name, target, channel
ORDER BY target, channel, run_id""",
    ),
    Saved(
        "Averages that scatter most, in percent of their flux",
        """\
SELECT run_name, target, "AORKEY", "Flux (mJy)", "Spread (%)"
FROM run_aor_data
WHERE "Spread (%)" IS NOT NULL
ORDER BY "Spread (%)" DESC
LIMIT 20""",
    ),
    Saved(
        "AORs that gave no flux, and why",
        """\
SELECT r.name AS run, p.aorkey, p.reason
FROM run_problem p
JOIN run r ON r.run_id = p.run_id
ORDER BY p.run_id, p.position""",
    ),
    Saved(
        "Images of the newest run by what became of them",
        """\
SELECT a.run_id, i.kept, i.rejected_by, i.flags, count(*) AS images
FROM image_result i
JOIN aor_result a ON a.id = i.aor_result_id
WHERE a.run_id = (SELECT max(run_id) FROM run WHERE state = 'finished')
GROUP BY a.run_id, i.kept, i.rejected_by, i.flags
ORDER BY images DESC""",
    ),
    Saved(
        "Parameters in which runs differ",
        """\
SELECT name, count(DISTINCT value) AS values_held, min(value) AS one, max(value) AS another
FROM run_parameter
GROUP BY name
HAVING count(DISTINCT value) > 1
ORDER BY name""",
    ),
    Saved(
        "The pipelines and flux calibrations of the files held",
        """\
SELECT e.channel, f.kind, f.creator, f.fluxconv, count(*) AS files, min(e.aorkey) AS such_as
FROM file f
JOIN frame e ON e.id = f.frame_id
GROUP BY e.channel, f.kind, f.creator, f.fluxconv
ORDER BY e.channel, f.kind, f.creator""",
    ),
    Saved(
        "A keyword of every header",
        """\
SELECT file, keyword, text, number
FROM header_card
WHERE keyword = 'EXPTIME'
ORDER BY file
LIMIT 100""",
    ),
    Saved(
        "Files that are no longer where they were",
        """\
SELECT l.path, f.name, f.sha256, l.last_seen
FROM file_location l
JOIN file f ON f.id = l.file_id
WHERE NOT l.present
ORDER BY l.path""",
    ),
    Saved(
        "What the quality flags mean",
        """\
SELECT bit, name, column_title, sentence
FROM quality_flag
ORDER BY bit""",
    ),
)
"""In the order in which they are offered."""
