"""Checks of imported runs: what the code of 2018 did to their numbers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
from sqlalchemy import Connection, select

from iracdb.catalogue import tables as t
from iracdb.irac.handbook import LAST_CRYOGENIC_MJD
from iracdb.photometry.combine import to_mjy
from iracdb.photometry.rejection import MinMax
from iracdb.published.audit.applied import off_aperture, other_version
from iracdb.published.audit.finding import Finding
from iracdb.published.recompute import replays_of, verdict_of
from iracdb.runs.replay import Replays, Rules
from iracdb.runs.stored_rows import averages_of, images_of, rules_of


def chain(connection: Connection, run: Any) -> Iterator[Finding]:
    """Make each average again, and find what its rules did."""
    averages = averages_of(connection, run.run_id)
    images = images_of(connection, run.run_id)
    replays = replays_of(averages, images)
    replayed = [(average, replays[average.id], rules_of(run, average)) for average in averages]
    verdict = verdict_of(run, averages, replays)
    if not verdict.agrees:
        yield Finding(
            "not-reproducible", run.run_id, run.name, verdict.verdict,
            {"aors": sum(not row.agrees for row in verdict.rows)},
            [{"aorkey": row.aorkey, "published": row.published, "recomputed": row.recomputed}
             for row in verdict.rows if not row.agrees],
        )  # fmt: skip
        # What the rules give is no guide to the rows that they do not give.
        agreeing = {row.aor_result_id for row in verdict.rows if row.agrees}
        replayed = [entry for entry in replayed if entry[0].id in agreeing]
        if not any(entry[0].flux is not None for entry in replayed):
            return
    yield from _mispaired(run, replayed)
    yield from _wrong_tables(run, replayed)
    yield from _blind_rejection(run, replayed)
    # What another routine did is not known: only where the rules hold was this the response.
    yield from other_version(connection, run)
    yield from off_aperture(connection, run)


def _mispaired(run: Any, replayed: list[tuple[Any, Replays, Rules]]) -> Iterator[Finding]:
    moved = []
    for average, replays, rules in replayed:
        was = replays(rules).mean.flux
        right = replays(replace(rules, pairing="image")).mean.flux
        if np.isfinite(was) and was != right:
            moved.append((average, right - was, abs(right / was - 1) if was else np.inf))
    if moved:
        largest = max(relative for _, _, relative in moved)
        yield Finding(
            "mispaired-centres",
            run.run_id,
            run.name,
            f"in {len(moved)} of {len(replayed)} AORs fluxes were corrected at the centre of "
            f"another image; pairing rightly moves them by up to {100 * largest:.2g} %",
            {"aors": len(moved), "averages": len(replayed), "largest_relative": float(largest)},
            [
                {"aorkey": average.aorkey, "change_mjy": float(change), "relative": float(relative)}
                for average, change, relative in moved
            ],
        )


def _wrong_tables(run: Any, replayed: list[tuple[Any, Replays, Rules]]) -> Iterator[Finding]:
    warm = [
        (average, replays, rules)
        for average, replays, rules in replayed
        if rules.tables == "cryo"
        and (replays.rows.mjd > LAST_CRYOGENIC_MJD).any()
        and np.isfinite(replays.rows.net).any()
    ]
    if warm:
        changes = [
            abs(replays(replace(rules, tables="auto")).mean.flux / average.flux - 1)
            for average, replays, rules in warm
        ]
        yield Finding(
            "wrong-mission-tables",
            run.run_id,
            run.name,
            f"{len(warm)} AORs of the warm mission were corrected by cryogenic tables; the warm "
            f"ones move them by up to {100 * max(changes):.2g} %",
            {"aors": len(warm), "largest_relative": float(max(changes))},
            [{"aorkey": average.aorkey} for average, _, _ in warm],
        )


def _blind_rejection(run: Any, replayed: list[tuple[Any, Replays, Rules]]) -> Iterator[Finding]:
    blind = []
    for average, replays, rules in replayed:
        if rules.rejection != "published":
            continue
        again = replays(rules)
        mjy = to_mjy(again.corrected, rules.aperture_correction, rules.pixel_size)
        workable = mjy[np.isfinite(mjy)]
        if again.mean.n_rejected and MinMax()(workable).kept.all():
            spread = 100 * workable.std() / abs(workable.mean())
            blind.append((average, float(spread)))
    if blind:
        yield Finding(
            "rejection-blind",
            run.run_id,
            run.name,
            f"in {len(blind)} of {len(replayed)} AORs the smallest and the largest image were "
            "rejected though the spread is under the 2 % that the manual asks for",
            {"aors": len(blind), "averages": len(replayed)},
            [{"aorkey": average.aorkey, "spread_percent": spread} for average, spread in blind],
        )


def identical_tables(connection: Connection, run: Any) -> Iterator[Finding]:
    """Find other imported runs whose tables have the same bytes."""
    source, other = t.run_source.c, t.run_source.alias("other")
    rows = connection.execute(
        select(source.role, t.run.c.run_id, t.run.c.name)
        .join(other, (other.c.sha256 == source.sha256) & (other.c.run_id != source.run_id))
        .join(t.run, t.run.c.run_id == other.c.run_id)
        .where(source.run_id == run.run_id, source.role.in_(("aor_data", "img_data")))
        .order_by(t.run.c.run_id, source.role)
    ).all()
    if rows:
        told: dict[str, list[str]] = {}
        for row in rows:
            told.setdefault(row.name, []).append(
                {"aor_data": "AOR table", "img_data": "image table"}[row.role]
            )
        said = "; ".join(f"{' and '.join(sorted(what))} of {name}" for name, what in told.items())
        yield Finding(
            "identical-tables", run.run_id, run.name,
            f"bit-identical to the {said}",
            {"runs": list(told)},
            [{"run": row.name, "table": row.role} for row in rows],
        )  # fmt: skip
