"""Checks that every run's tables must stand, imported or made here."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
from sqlalchemy import Connection, func, select

from iracdb.catalogue import tables as t
from iracdb.compare.alike import missions_of
from iracdb.published.audit.finding import Finding
from iracdb.published.audit.saying import aors
from iracdb.runs.stored_rows import averages_of
from iracdb.runs.words import disagreements

OUTLYING_SIGMA = 10.0
"""Robust standard deviations from the median beyond which a flux is outlying."""

FEWEST_TO_JUDGE = 5

image, result = t.image_result.c, t.aor_result.c


def frames_counted_twice(connection: Connection, run: Any) -> Iterator[Finding]:
    """Find frames that stand in more than one row for one target."""
    counted = (
        select(image.frame_id, func.count().label("times"))
        .join(t.aor_result, result.id == image.aor_result_id)
        .where(result.run_id == run.run_id)
        .group_by(result.target_id, image.frame_id, image.plane)
        .subquery()
    )
    rows = connection.execute(select(counted.c.times, func.count()).group_by(counted.c.times)).all()
    times = {int(row[0]): int(row[1]) for row in rows}
    frames = sum(times.values())
    more = sum(count for number, count in times.items() if number > 1)
    if more:
        percent = 100 * more / frames
        yield Finding(
            "frames-counted-twice",
            run.run_id,
            run.name,
            f"{more:,} of {frames:,} frames ({percent:.2g} %) are counted more than once, "
            f"up to {max(times)} times",
            {"frames": frames, "counted_more_than_once": more, "percent": percent,
             "most_often": max(times)},
        )  # fmt: skip


def aor_repeated(connection: Connection, run: Any) -> Iterator[Finding]:
    """Find AORs that stand more than once with the same time and flux for one target."""
    rows = averages_of(connection, run.run_id)
    counted = Counter((row.aorkey, row.target_id, row.mjd_obs, row.flux) for row in rows)
    again = {key: count for key, count in counted.items() if count > 1 and key[3] is not None}
    # Several targets of an AOR whose positions are not told look like repeats and are none.
    again = {key: count for key, count in again.items() if _has_position(rows, key)}
    if again:
        extra = sum(count - 1 for count in again.values())
        keys = ", ".join(str(key[0]) for key in again)
        yield Finding(
            "aor-repeated",
            run.run_id,
            run.name,
            f"{extra} rows repeat the row before them in place of an empty AOR (AOR {keys})",
            {"extra_rows": extra},
            [
                {"aorkey": key[0], "times": count, "flux_mjy": key[3]}
                for key, count in again.items()
            ],
        )


def _has_position(rows: Sequence[Any], key: tuple[Any, ...]) -> bool:
    fluxes = {row.flux for row in rows if row.aorkey == key[0] and row.target_id == key[1]}
    return len(fluxes) == 1


def flux_repeated(connection: Connection, run: Any) -> Iterator[Finding]:
    """Find AORs whose flux is, to the bit, that of the measured AOR before them."""
    rows = [row for row in averages_of(connection, run.run_id) if row.flux is not None]
    stale = [
        after
        for before, after in pairwise(rows)
        if after.flux == before.flux and after.aorkey != before.aorkey
    ]
    if stale:
        yield Finding(
            "flux-repeated",
            run.run_id,
            run.name,
            f"{len(stale)} of {len(rows)} AORs have the very flux of the AOR before them",
            {"aors": len(stale), "measured": len(rows)},
            [{"aorkey": row.aorkey, "flux_mjy": row.flux} for row in stale],
        )


def without_flux(connection: Connection, run: Any) -> Iterator[Finding]:
    """Find AORs without a usable image, and runs of nothing else."""
    query = select(t.aor_result).where(result.run_id == run.run_id)
    rows = connection.execute(query.order_by(result.row_number)).all()
    empty = [row for row in rows if row.flux is None]
    if rows and len(empty) == len(rows):
        yield Finding(
            "no-flux-at-all",
            run.run_id,
            run.name,
            f"none of its {len(rows)} AORs has a flux",
            {"averages": len(rows)},
        )
    elif empty:
        listed = sum(1 for row in empty if row.listed)
        yield Finding(
            "aor-without-flux",
            run.run_id,
            run.name,
            f"{len(empty)} of {len(rows)} averages have no usable image"
            + ("" if listed == len(empty) else f", {len(empty) - listed} of them no row either"),
            {"empty": len(empty), "averages": len(rows), "listed": listed},
            [{"aorkey": row.aorkey, "reason": row.reason} for row in empty],
        )


def strange_fluxes(connection: Connection, run: Any) -> Iterator[Finding]:
    """Find fluxes that are not positive, or far from the median of their target."""
    rows = [row for row in averages_of(connection, run.run_id) if row.flux is not None]
    negative = [row for row in rows if row.flux <= 0]
    if negative:
        yield Finding(
            "negative-flux",
            run.run_id,
            run.name,
            f"{len(negative)} of {len(rows)} fluxes are not positive, down to "
            f"{min(row.flux for row in negative):.4g} mJy",
            {"aors": len(negative)},
            [{"aorkey": row.aorkey, "flux_mjy": row.flux} for row in negative],
        )
    by_target: dict[Any, list[Any]] = defaultdict(list)
    for row in rows:
        by_target[row.target_id].append(row)
    outlying = [row for group in by_target.values() for row in _outlying(group)]
    if outlying:
        yield Finding(
            "outlying-flux",
            run.run_id,
            run.name,
            f"{len(outlying)} of {len(rows)} fluxes are more than {OUTLYING_SIGMA:g} robust "
            "standard deviations from the median of their target",
            {"aors": len(outlying), "sigma": OUTLYING_SIGMA},
            [{"aorkey": row.aorkey, "flux_mjy": row.flux} for row in outlying],
        )


def _outlying(rows: list[Any]) -> list[Any]:
    if len(rows) < FEWEST_TO_JUDGE:
        return []
    fluxes = np.array([row.flux for row in rows])
    median = np.median(fluxes)
    sigma = 1.4826 * np.median(np.abs(fluxes - median))
    far = np.abs(fluxes - median) > OUTLYING_SIGMA * sigma
    return [row for row, is_far in zip(rows, far, strict=True) if is_far and sigma > 0]


def unlike_frames(connection: Connection, run: Any) -> Iterator[Finding]:
    """Find the AORs whose read mode or frame time is not that of most, for one target."""
    by_target: dict[Any, list[Any]] = defaultdict(list)
    for row in averages_of(connection, run.run_id):
        by_target[row.target_id].append(row)
    unlike, means = [], []
    for rows in by_target.values():
        kinds = Counter((row.read_mode, row.frame_time) for row in rows)
        most, count = kinds.most_common(1)[0]
        if len(rows) >= FEWEST_TO_JUDGE and count > len(rows) / 2 and len(kinds) > 1:
            unlike += [row for row in rows if (row.read_mode, row.frame_time) != most]
            usual = " ".join(str(word) for word in (*most, "s") if word is not None)
            alike = [row for row in rows if (row.read_mode, row.frame_time) == most]
            means.append(_with_and_without(rows[0].target_name, usual, rows, alike))
    if unlike:
        yield Finding(
            "unlike-frames",
            run.run_id,
            run.name,
            f"{len(unlike)} AORs are not {' or '.join(sorted({m['usual'] for m in means}))} as the "
            f"rest ({aors([row.aorkey for row in unlike])}){_means_said(means)}",
            {"aors": len(unlike), "targets": means},
            [
                {"aorkey": row.aorkey, "read_mode": row.read_mode, "frame_time": row.frame_time,
                 "flux_mjy": row.flux}
                for row in unlike
            ],
        )  # fmt: skip


def _with_and_without(target: str, usual: str, rows: list[Any], alike: list[Any]) -> dict[str, Any]:
    """Tell the mean and scatter of a target's fluxes, in mJy, of all and of the like ones."""
    told: dict[str, Any] = {"target": target, "usual": usual}
    for name, some in (("all", rows), ("alike", alike)):
        fluxes = np.array([row.flux for row in some if row.flux is not None])
        told[f"fluxes_{name}"] = len(fluxes)
        told[f"mean_{name}_mjy"] = float(fluxes.mean()) if len(fluxes) else None
        told[f"scatter_{name}_mjy"] = float(fluxes.std(ddof=1)) if len(fluxes) > 1 else None
    return told


def _means_said(means: list[dict[str, Any]]) -> str:
    """Say what the unlike AORs do to the mean of the target where they do most."""
    told = [m for m in means if m["fluxes_alike"] and m["fluxes_alike"] < m["fluxes_all"]]
    if not told:
        return "; none of them has a flux that could move a mean"
    most = max(told, key=lambda m: abs(m["mean_all_mjy"] / m["mean_alike_mjy"] - 1))
    of = f" of {most['target']}" if len(means) > 1 else ""
    return (
        f": the mean{of} is {most['mean_all_mjy']:.2f} mJy over {most['fluxes_all']} fluxes, "
        f"{most['mean_alike_mjy']:.2f} mJy over the {most['fluxes_alike']} alike"
    )


def words(connection: Connection, run: Any) -> Iterator[Finding]:
    """Find runs whose name or comment contradicts their parameters, or their frames."""
    missions = missions_of(connection, run.run_id)
    for found in disagreements(run.name, run.comment, run.channel, run.parameters, missions):
        yield Finding(found.code, run.run_id, run.name, found.sentence, found.numbers)
