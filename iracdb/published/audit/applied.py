"""Checks of what fluxes were corrected by: whether it was made for them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sqlalchemy import Connection, case, func, select

from iracdb.catalogue import tables as t
from iracdb.compare.columns import measured_here
from iracdb.irac.aperture_corrections import MISSIONS, RESPONSE_RADII, TABLES
from iracdb.irac.handbook import LAST_CRYOGENIC_MJD, Radii
from iracdb.irac.pipeline_versions import (
    mission_of,
    science_exists,
    span_of,
    tables_made_for,
    version_numbers,
)
from iracdb.photometry.aperture import Aperture
from iracdb.published.audit.finding import Finding
from iracdb.published.audit.held import (
    COUNTED,
    averages_with,
    by_whom,
    frames_of_files,
    image,
    result,
    with_files,
)
from iracdb.published.audit.saying import many
from iracdb.runs.marks import tables_of_mission
from iracdb.runs.parameters import Parameters, shown_radii
from iracdb.runs.stored_rows import rules_of

_ROUNDING = 0.0005
"""Tables print three or four places: within this a factor is theirs."""

_OTHER = {"cryo": "warm", "hora": "warm", "reach": "warm", "warm": "cryo"}
"""The mission that each of the response's tables was not made for."""


def off_aperture(connection: Connection, run: Any) -> Iterator[Finding]:
    """Find averages whose response correction was derived for other radii."""
    told = Parameters.recorded(run.parameters)
    if told["radius_source"] is None:
        return
    if _are_marked(run):
        rows = _marked(connection, run, "off-aperture")
    elif _radii(told) != RESPONSE_RADII and any(_tables(connection, run).values()):
        rows = _measured(connection, run)
    else:
        rows = []
    if rows:
        yield Finding(
            "off-aperture", run.run_id, run.name,
            f"the response correction of {many(len(rows), 'average')} was derived for radii "
            f"{_shown(RESPONSE_RADII)}, not {_shown(_radii(told))}",
            {"averages": len(rows), "radii": _shown(_radii(told))},
            [{"aorkey": row.aorkey} for row in rows],
        )  # fmt: skip


def off_centre(connection: Connection, run: Any) -> Iterator[Finding]:
    """Find averages whose response correction was derived for other centres; marked ones only."""
    rows = _marked(connection, run, "off-centre") if _are_marked(run) else []
    if rows:
        told = Parameters.recorded(run.parameters)
        centre = "the WCS" if told["position"] == "forced" else str(told["centre"])
        yield Finding(
            "off-centre", run.run_id, run.name,
            f"the response correction of {many(len(rows), 'average')} was derived for "
            f"first-moment centres, and centres are by {centre}",
            {"averages": len(rows), "centre": centre},
            [{"aorkey": row.aorkey} for row in rows],
        )  # fmt: skip


def other_version(connection: Connection, run: Any) -> Iterator[Finding]:
    """Find frames of a pipeline that the response's tables were not made for."""
    tables = _tables(connection, run)
    warm = image.mjd_obs > LAST_CRYOGENIC_MJD
    of_mission = {"warm": warm, "cryo": ~warm}
    creator = t.file.c.creator
    made = connection.execute(
        select(case((warm, "warm"), else_="cryo"), creator)
        .select_from(with_files(run))
        .where(COUNTED, creator.is_not(None))
        .distinct()
    ).all()
    others: dict[str, list[str]] = {}
    for mission, version in made:
        used = tables[mission]
        if used is not None and tables_made_for(used, version) is False:
            others.setdefault(mission, []).append(version)
    if not others:
        return
    # A frame of which any held file is of the right version, or of none, may have been that.
    other = [of_mission[mission] & creator.in_(versions) for mission, versions in others.items()]
    frames = frames_of_files(
        run,
        func.min(case(*((told, 1) for told in other), else_=0)).label("other"),
        func.min(creator).label("creator"),
    )
    rows = connection.execute(
        select(frames.c.aorkey, frames.c.creator, func.count().label("frames"))
        .where(frames.c.other == 1)
        .group_by(frames.c.row_number, frames.c.aorkey, frames.c.creator)
        .order_by(frames.c.row_number, frames.c.creator)
    ).all()
    if rows:
        number = sum(row.frames for row in rows)
        versions = sorted({row.creator for row in rows}, key=version_numbers)
        spans = [(name, span_of(name)) for name in sorted({str(tables[m]) for m in others})]
        yield Finding(
            "other-version", run.run_id, run.name,
            f"{many(number, 'frame')} {'is' if number == 1 else 'are'} of {', '.join(versions)}"
            f"{by_whom(run)}, and the response's tables were made for "
            f"{'; '.join(f'{span} ({name})' for name, span in spans)}",
            {"frames": number, "versions": versions, "tables": [name for name, _ in spans]},
            [{"aorkey": row.aorkey, "frames": row.frames, "creator": row.creator} for row in rows],
        )  # fmt: skip


def wrong_tables(connection: Connection, run: Any) -> Iterator[Finding]:
    """Find frames of one mission that the other's response corrected."""
    used = _tables(connection, run)
    for mission in MISSIONS:
        tables = used[mission]
        if tables is None or _OTHER[tables] != mission:
            continue
        warm = image.mjd_obs > LAST_CRYOGENIC_MJD
        rows = averages_with(connection, run, COUNTED, warm if mission == "warm" else ~warm)
        if rows:
            number = sum(row.frames for row in rows)
            name = {"cryo": "cryogenic", "warm": "warm"}[mission]
            yield Finding(
                "wrong-mission-tables", run.run_id, run.name,
                f"{many(number, 'frame')} of the {name} mission in {many(len(rows), 'average')} "
                f"{'was' if number == 1 else 'were'} corrected by the tables of {tables}",
                {"aors": len(rows), "frames": number, "tables": tables},
                [{"aorkey": row.aorkey, "frames": row.frames} for row in rows],
            )  # fmt: skip


def aperture_correction(connection: Connection, run: Any) -> Iterator[Finding]:
    """Find aperture corrections that no table has for the mission, or another one."""
    told = Parameters.recorded(run.parameters)
    if told["radius_source"] is None:
        return
    table, radii = TABLES["handbook"], _radii(told)
    rows = connection.execute(
        select(result.aorkey, result.mjd_obs, result.aperture_correction)
        .where(result.run_id == run.run_id, result.flux.is_not(None), result.listed)
        .where(result.mjd_obs.is_not(None), result.aperture_correction.is_not(None))
        .order_by(result.row_number)
    ).all()
    off: dict[tuple[str, float], list[int]] = {}
    for row in rows:
        if science_exists(run.channel, row.mjd_obs):
            key = mission_of(row.mjd_obs), row.aperture_correction
            off.setdefault(key, []).append(row.aorkey)
    said, found, apart = [], [], []
    for (mission, factor), aors in off.items():
        right = table.find(mission, run.channel, radii)
        if right is not None and abs(factor / right - 1) <= _ROUNDING:
            continue
        name = {"cryo": "cryogenic", "warm": "warm"}[mission]
        where = f"the {name} mission in {many(len(aors), 'average')}"
        if right is None:
            said.append(f"{factor:g} for {where}, where no table has any")
        else:
            apart.append(abs(factor / right - 1))
            said.append(f"{factor:g} for {where}, not {right:g} ({100 * apart[-1]:.2g} %)")
        found += [{"aorkey": aorkey, "applied": factor, "of_table": right} for aorkey in aors]
    if found:
        yield Finding(
            "aperture-correction", run.run_id, run.name,
            f"the aperture correction of channel {run.channel} and radii {_shown(radii)} is "
            f"{'; '.join(said)}",
            {"averages": len(found), "largest_relative": max(apart, default=None)},
            found,
        )  # fmt: skip


def _are_marked(run: Any) -> bool:
    """Tell whether averages were marked when they were made."""
    return measured_here(run) and "mask" in run.parameters


def _marked(connection: Connection, run: Any, mark: str) -> list[Any]:
    # No mark's name is a part of another's.
    return _measured(connection, run, result.marks.contains(mark, autoescape=True))


def _measured(connection: Connection, run: Any, *wanted: Any) -> list[Any]:
    query = select(result.aorkey).where(result.run_id == run.run_id, result.flux.is_not(None))
    return list(connection.execute(query.where(*wanted).order_by(result.row_number)).all())


def _tables(connection: Connection, run: Any) -> dict[str, str | None]:
    """Name the response's tables that corrected frames of each mission; None for none."""
    if run.origin == "imported":
        average = connection.execute(
            select(t.aor_result).where(result.run_id == run.run_id).limit(1)
        ).first()
        tables = None if average is None else rules_of(run, average).tables
        return {mission: mission if tables == "auto" else tables for mission in MISSIONS}
    told = Parameters.recorded(run.parameters)
    if not (told["pixel_phase"] or told["array_location"]):
        return dict.fromkeys(MISSIONS)
    used = {mission: tables_of_mission(told, mission) for mission in MISSIONS}
    return {mission: None if name == "none" else name for mission, name in used.items()}


def _radii(told: Parameters) -> Radii:
    return told["radius_source"], told["radius_inner"], told["radius_outer"]


def _shown(radii: Radii) -> str:
    return shown_radii(Aperture(*radii))
