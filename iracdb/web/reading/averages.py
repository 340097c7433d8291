"""Averages of a run, a stretch at a time, and the points of a light curve."""

from __future__ import annotations

import statistics
from typing import Any

from sqlalchemy import Connection, func, or_, select

from iracdb.catalogue import tables as t

_AVERAGE, _IMAGE = t.aor_result.c, t.image_result.c

MOST_POINTS = 4_000
"""Points of an interactive light curve: of more, every second, third, ... is shown."""


def list_averages(
    connection: Connection,
    run_id: int,
    *,
    after: int = 0,
    limit: int | None = None,
    aorkey: int = 0,
    wanted: str = "",
) -> list[dict[str, Any]]:
    """List averages of a run in the order of its AOR table.

    Parameters
    ----------
    connection : sqlalchemy.Connection
        To a catalogue.
    run_id : int
        The run.
    after : int, optional
        Row after which they begin.
    limit : int, optional
        How many; by default all.
    aorkey : int, optional
        Only of this AOR.
    wanted : str, optional
        Only where target, frames or reason hold this, or the AORKEY begins with it.

    Returns
    -------
    list of dict
        row, aorkey, target, frame_group, mission, flux, error, standard_error (mJy), spread (per
        cent), images, workable, rejected, time (MJD), state, reason, marks.
    """
    query = (
        select(
            _AVERAGE.row_number.label("row"), _AVERAGE.aorkey, _AVERAGE.target_name.label("target"),
            _AVERAGE.frame_group, _AVERAGE.mission, _AVERAGE.flux, _AVERAGE.error,
            _AVERAGE.standard_error, _AVERAGE.n_total.label("images"),
            _AVERAGE.n_workable.label("workable"), _AVERAGE.n_rejected.label("rejected"),
            func.coalesce(_AVERAGE.mjd_mid, _AVERAGE.mjd_obs).label("time"), _AVERAGE.state,
            _AVERAGE.reason, _AVERAGE.marks,
        )
        .where(_AVERAGE.run_id == run_id, _AVERAGE.row_number > after)
        .order_by(_AVERAGE.row_number)
        .limit(limit)
    )  # fmt: skip
    if aorkey:
        query = query.where(_AVERAGE.aorkey == aorkey)
    for one in wanted.lower().split():
        texts = (_AVERAGE.target_name, _AVERAGE.frame_group, _AVERAGE.reason, _AVERAGE.marks)
        held = [func.lower(text).contains(one, autoescape=True) for text in texts]
        if one.isascii() and one.isdigit() and len(one) <= 18:
            held.append(_AVERAGE.aorkey == int(one))
        query = query.where(or_(*held))
    rows = [dict(row._mapping) for row in connection.execute(query)]
    for row in rows:
        told = row["error"] is not None and row["flux"]
        row["spread"] = 100 * row["error"] / row["flux"] if told else None
    return rows


def curve(connection: Connection, run_id: int, aorkey: int = 0) -> dict[str, Any]:
    """Give the points of a light curve.

    Parameters
    ----------
    connection : sqlalchemy.Connection
        To a catalogue.
    run_id : int
        The run.
    aorkey : int, optional
        The AOR whose images are shown; by default the averages of all are.

    Returns
    -------
    dict
        points, a list of dict with time (days), flux and error (mJy; of an average the standard
        error, where that is not known the scatter of its images), kept (None where that is not
        known), relative (the flux over the median of its target), target, label and address;
        ``of``, what a point is; ``time_scale``; ``every``: of how many points one is given.
    """
    made = _images(connection, run_id, aorkey) if aorkey else _averages(connection, run_id)
    by_target: dict[str, list[float]] = {}
    for point in made["points"]:
        by_target.setdefault(point["target"], []).append(point["flux"])
    medians = {name: statistics.median(fluxes) for name, fluxes in by_target.items()}
    for point in made["points"]:
        middle = medians[point["target"]]
        point["relative"] = point["flux"] / middle if middle else None
    return made


def only_aor(connection: Connection, run_id: int) -> int:
    """Tell which AOR a run is over, where it is one alone.

    Parameters
    ----------
    connection : sqlalchemy.Connection
        To a catalogue.
    run_id : int
        The run.

    Returns
    -------
    int
        Its key; 0 where there are several, or none.
    """
    of_run = select(_AVERAGE.aorkey).where(_AVERAGE.run_id == run_id)
    first = connection.execute(of_run.order_by(_AVERAGE.row_number).limit(1)).scalar()
    if first is None or connection.execute(of_run.where(_AVERAGE.aorkey != first).limit(1)).first():
        return 0
    return int(first)


def _averages(connection: Connection, run_id: int) -> dict[str, Any]:
    of_run = _AVERAGE.run_id == run_id
    last = connection.execute(
        select(func.coalesce(func.max(_AVERAGE.row_number), 0)).where(of_run)
    ).scalar_one()
    every = -(-last // MOST_POINTS) or 1
    time = func.coalesce(_AVERAGE.mjd_mid, _AVERAGE.mjd_obs)
    query = select(
        _AVERAGE.aorkey, _AVERAGE.target_name, _AVERAGE.frame_group, _AVERAGE.flux,
        func.coalesce(_AVERAGE.standard_error, _AVERAGE.error).label("error"), time.label("time"),
    ).where(of_run, _AVERAGE.flux.is_not(None), time.is_not(None))  # fmt: skip
    if every > 1:
        query = query.where(_AVERAGE.row_number % every == 0)
    points = [
        {
            "time": row.time, "flux": row.flux, "error": row.error, "kept": True,
            "target": row.target_name, "label": f"AOR {row.aorkey}, {row.frame_group}",
            "address": f"/run/{run_id}/aor/{row.aorkey}",
        }
        for row in connection.execute(query.order_by(time))
    ]  # fmt: skip
    return {
        "points": points, "of": "average", "time_scale": "MJD (UTC)", "every": every,
    }  # fmt: skip


def _images(connection: Connection, run_id: int, aorkey: int) -> dict[str, Any]:
    from iracdb.web.reading.images import list_images

    rows = list_images(connection, run_id, aorkey=aorkey, limit=MOST_POINTS)
    points = [
        {
            "time": row["time"], "flux": row["flux"], "error": row["flux_error"],
            "kept": row["kept"], "target": row["target"], "label": row["file"] or row["frame"],
            "address": f"/run/{run_id}/image/{row['row']}",
        }
        for row in rows
        if row["flux"] is not None and row["time"] is not None
    ]  # fmt: skip
    points.sort(key=lambda point: point["time"])
    return {"points": points, "of": "image", "time_scale": "MJD (UTC)", "every": 1}
