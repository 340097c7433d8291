"""An AOR in a run: all that is stored of its averages, and the other runs that measured it."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, select

from iracdb.catalogue import tables as t
from iracdb.web.reading.one_image import name_runs

_AVERAGE = t.aor_result.c


def facts_of_aor(connection: Connection, aorkey: int) -> list[dict[str, Any]]:
    """Tell what the headers tell of an AOR.

    Parameters
    ----------
    connection : sqlalchemy.Connection
        To a catalogue.
    aorkey : int
        The AOR.

    Returns
    -------
    list of dict
        name, value, meaning; empty where only a table knows it.
    """
    row = connection.execute(select(t.aor).where(t.aor.c.aorkey == aorkey)).one_or_none()
    return [] if row is None else told_of(t.aor, row)


def told_of(table: Any, row: Any, without: tuple[str, ...] = ()) -> list[dict[str, Any]]:
    """Tell all that is stored in a row, with what each column means.

    Parameters
    ----------
    table : sqlalchemy.Table
        Whose comments say it.
    row : Row
        Of this table.
    without : tuple of str, optional
        Columns left out.

    Returns
    -------
    list of dict
        name, value, meaning, in the order of the table.
    """
    return [
        {"name": column.name, "value": row._mapping[column.name], "meaning": column.comment}
        for column in table.c
        if column.name not in without
    ]


def stored_averages(connection: Connection, run_id: int, aorkey: int) -> list[list[dict[str, Any]]]:
    """Tell all that is stored of an AOR's averages in a run.

    Parameters
    ----------
    connection : sqlalchemy.Connection
        To a catalogue.
    run_id, aorkey : int
        The run and the AOR.

    Returns
    -------
    list of list of dict
        Of each average name, value and meaning of every column.
    """
    query = (
        select(t.aor_result)
        .where(_AVERAGE.run_id == run_id, _AVERAGE.aorkey == aorkey)
        .order_by(_AVERAGE.row_number)
    )
    return [told_of(t.aor_result, row) for row in connection.execute(query)]


def other_runs(
    connection: Connection, run_id: int, aorkey: int, *, after: int = 0, limit: int | None = None
) -> tuple[list[dict[str, Any]], int | None]:
    """List the averages of an AOR in other runs, beside those of one run.

    Parameters
    ----------
    connection : sqlalchemy.Connection
        To a catalogue.
    run_id, aorkey : int
        The run and the AOR.
    after : int, optional
        Run after which they begin.
    limit : int, optional
        Of how many runs; by default all.

    Returns
    -------
    tuple
        A list of dict with run_id, run, withdrawn, target, channel, frame_group, flux, error (mJy),
        images, workable, rejected and difference (mJy: this flux less that of the same target and
        frames in the run; None where there is no such); and the last run where there may be more.
    """
    of_aor = _AVERAGE.aorkey == aorkey
    numbers = list(
        connection.execute(
            select(_AVERAGE.run_id)
            .where(of_aor, _AVERAGE.run_id > after, _AVERAGE.run_id != run_id)
            .distinct()
            .order_by(_AVERAGE.run_id)
            .limit(limit)
        ).scalars()
    )
    query = (
        select(
            _AVERAGE.run_id, _AVERAGE.target_id, _AVERAGE.target_name.label("target"),
            _AVERAGE.channel, _AVERAGE.frame_group, _AVERAGE.repeat, _AVERAGE.flux, _AVERAGE.error,
            _AVERAGE.n_total.label("images"), _AVERAGE.n_workable.label("workable"),
            _AVERAGE.n_rejected.label("rejected"),
        )
        .where(of_aor, _AVERAGE.run_id.in_([run_id, *numbers]))
        .order_by(_AVERAGE.run_id, _AVERAGE.row_number)
    )  # fmt: skip
    named = name_runs(connection, set(numbers))
    mine, rows = {}, []
    for row in connection.execute(query):
        told = dict(row._mapping)
        alike = tuple(told.pop(name) for name in ("target_id", "repeat"))
        alike = (*alike, told["channel"], told["frame_group"])
        if told["run_id"] == run_id:
            mine[alike] = told["flux"]
        else:
            rows.append((alike, told))
    for alike, told in rows:
        flux = mine.get(alike)
        told["difference"] = None if flux is None or told["flux"] is None else told["flux"] - flux
        told["run"], told["withdrawn"] = named[told["run_id"]]
        told["address"] = f"/run/{told['run_id']}/aor/{aorkey}"
    more = numbers[-1] if limit is not None and len(numbers) == limit else None
    return [told for _, told in rows], more
