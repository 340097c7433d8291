"""The curve of growth of a radius test, before and after the aperture correction.

The apertures are told apart by their annulus. Where the same AORs were tested with other recipes,
their studies stand side by side: the recipe under which the apertures agree is to be preferred.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import astropy.units as u
import numpy as np
import numpy.typing as npt
from astropy.table import QTable
from sqlalchemy import Connection, select

from iracdb.catalogue import tables as t
from iracdb.irac.handbook import Radii
from iracdb.report.missing import say_missing, table_without
from iracdb.report.style import (
    BLUE,
    GREEN,
    GREY,
    MANY,
    ORANGE,
    PURPLE,
    VERMILION,
    axes,
    look,
    panels,
)  # fmt: skip
from iracdb.report.subject import Subject
from iracdb.runs.lightcurve_rows import target_meant
from iracdb.runs.radius_results import RadiusResults, radius_results
from iracdb.runs.radius_test import KIND
from iracdb.runs.studies import Study, find_study

if TYPE_CHECKING:
    from matplotlib.axes import Axes

FloatArray = npt.NDArray[np.float64]

SIDE_BY_SIDE = 3
"""How many studies a figure shows at most."""

BESIDE = "begins at the circle"
"""The family of annuli that begin where the source circle ends."""

_LOOKS = ((BLUE, "o", "-"), (VERMILION, "s", "--"), (GREEN, "^", "-."), (PURPLE, "D", ":"))
_OTHERS = (ORANGE, "v", ":")


def gather(subject: Subject) -> QTable:
    """Make the table that is drawn: every average through every aperture of the test.

    Parameters
    ----------
    subject : Subject
        A run of a radius test.

    Returns
    -------
    astropy.table.QTable
        One row an average, aperture and study: study, recipe, run_id, label, radius, inner, outer
        (pixels), family, aorkey, target, frame_group; before and flux (mJy), before and after the
        aperture correction; relative_before and relative, to the reference of the average, 1 for
        the same. NaN where there is no flux. ``meta['numbers']`` tells for each study how far each
        aperture is from the reference (mean and population standard deviation over averages, per
        cent), and how far the apertures are apart. Without rows where the run is in no such study.

    Raises
    ------
    NotFound
        Where there is no study of the name given, or the run has no such target.
    """
    title = f"{subject.run.name}, curve of growth"
    with subject.database.read() as connection:
        own = _study_meant(connection, subject)
        if isinstance(own, str):
            return table_without(subject, title, own)
        studies = [own, *_of_same_aors(connection, own)]
        results = [
            radius_results(connection, one, withdrawn=own.members[0].withdrawn)
            for one in studies[:SIDE_BY_SIDE]
        ]
    rows = [row for one in results for row in _rows(one, subject)]
    if not any(np.isfinite(row["relative"]) for row in rows):
        return table_without(
            subject, title, f"No average of the study {own.name} has a flux in what is asked for"
        )
    table = _table(rows, subject.meta(title))
    table.meta["numbers"] = {one.study.name: _agreement(table, one) for one in results}
    if len(studies) > SIDE_BY_SIDE:
        names = ", ".join(one.name for one in studies[SIDE_BY_SIDE:])
        table.meta["notes"].append(f"Studies over the same AORs that are not shown: {names}")
    return table


def _study_meant(connection: Connection, subject: Subject) -> Study | str:
    """Find the radius test that a run is in, or say that there is none."""
    run, member = subject.run, t.study_run.c
    query = (
        select(t.study.c.name)
        .join(t.study_run, member.study_id == t.study.c.id)
        .where(member.run_id == run.run_id, t.study.c.kind == KIND)
        .order_by(t.study.c.id)
    )
    names = list(connection.execute(query).scalars())
    if subject.study is not None:
        asked = find_study(connection, subject.study)
        if asked.name in names:
            return asked
        return f"{run.name} is not in the radius test {asked.name}"
    if not names:
        return (
            f"{run.name} is in no radius test, and a curve of growth needs several radii: "
            "iracdb radius-test makes one"
        )
    return find_study(connection, names[0])


def _of_same_aors(connection: Connection, own: Study) -> list[Study]:
    """Find the other radius tests over the same AORs in the same channel."""
    query = select(t.study.c.name).where(t.study.c.kind == KIND).order_by(t.study.c.id)
    names = [name for name in connection.execute(query).scalars() if name != own.name]
    others = (find_study(connection, name) for name in names)
    return [one for one in others if _over(one) == _over(own) and not one.members[0].withdrawn]


def _over(study: Study) -> tuple[Any, ...]:
    if not study.members:
        return (None, frozenset(), False)
    row = study.members[0].row
    return row.channel, frozenset(row.aors or ()), study.finished


def families(radii: Sequence[Radii]) -> list[str]:
    """Tell the apertures of a test apart by their annulus.

    Parameters
    ----------
    radii : sequence of tuple of float
        Source radius, inner and outer radius of the annulus, pixels.

    Returns
    -------
    list of str
        Such as ``12 to 20 pixels`` where several apertures share an annulus, `BESIDE` where one
        begins at its circle, else the annulus.

    Examples
    --------
    >>> families([(10, 12, 20), (5, 12, 20), (3, 3, 7)])
    ['12 to 20 pixels', '12 to 20 pixels', 'begins at the circle']
    """
    annuli = [(inner, outer) for _, inner, outer in radii]
    return [
        BESIDE
        if inner == circle and annuli.count((inner, outer)) == 1
        else f"{inner:g} to {outer:g} pixels"
        for circle, inner, outer in radii
    ]


def _rows(results: RadiusResults, subject: Subject) -> list[dict[str, Any]]:
    names = list(dict.fromkeys(line.target for line in results.lines))
    wanted = set(names)
    if subject.target is not None:
        wanted = set(target_meant(names, subject.target, results.study.name))
    lines = [
        line
        for line in results.lines
        if line.target in wanted and (not subject.aors or line.aorkey in subject.aors)
    ]
    shown = families(results.radii)
    rows = []
    for line in lines:
        reference = results.reference(line)
        held = np.nan if reference is None else line.cells[reference].flux
        told = zip(results.members, results.radii, shown, line.cells, strict=True)
        for member, (circle, inner, outer), family, cell in told:
            rows.append(
                {
                    "study": results.study.name, "recipe": str(member.row.recipe),
                    "run_id": member.run_id, "label": member.label, "radius": circle,
                    "inner": inner, "outer": outer, "family": family, "aorkey": line.aorkey,
                    "target": line.target, "frame_group": line.group,
                    "before": cell.before, "flux": cell.flux,
                    "relative_before": cell.before / held if held else np.nan,
                    "relative": cell.flux / held if held else np.nan,
                }
            )  # fmt: skip
    return rows


def _table(rows: list[dict[str, Any]], meta: dict[str, Any]) -> QTable:
    table = QTable({name: [row[name] for row in rows] for name in rows[0]}, meta=meta)
    for name in ("radius", "inner", "outer"):
        table[name] = np.asarray(table[name], dtype=np.float64) * u.pix
    for name in ("before", "flux"):
        table[name] = np.asarray(table[name], dtype=np.float64) * u.mJy
    return table


def _agreement(table: QTable, results: RadiusResults) -> dict[str, Any]:
    """Tell how far the apertures of one study agree, of what is shown of it."""
    mine = table[table["study"] == results.study.name]
    relative = np.asarray(mine["relative"], dtype=np.float64)
    each, means = {}, []
    for label in results.labels:
        percent = 100 * (relative[mine["label"] == label] - 1)
        percent = percent[np.isfinite(percent)]
        if len(percent):
            means.append(float(percent.mean()))
            each[label] = {
                "averages": len(percent), "mean": means[-1], "scatter": float(percent.std()),
            }  # fmt: skip
    apart = float(np.ptp(means)) if means else None
    return {"recipe": str(mine["recipe"][0]), "apart": apart, "apertures": each}


def draw(table: QTable, ax: Axes | None = None) -> Axes | list[Axes]:
    """Draw the flux relative to the reference against the source radius, and how far it agrees.

    Parameters
    ----------
    table : astropy.table.QTable
        From `gather`.
    ax : matplotlib.axes.Axes, optional
        Where to draw; by default on a new figure.

    Returns
    -------
    list of matplotlib.axes.Axes
        The curves of the studies, then their agreement; one where there is nothing to draw.
    """
    with look():
        nothing = say_missing(table, ax)
        if nothing is not None:
            return nothing
        names = list(dict.fromkeys(table["study"]))
        drawn = panels(axes(ax), 2, len(names), sharex=True, height_ratios=(1.25, 1))
        above, below = drawn[: len(names)], drawn[len(names) :]
        for place, name in enumerate(names):
            mine = table[table["study"] == name]
            _curves(mine, above[place])
            _agreements(mine, below[place])
            recipe = table.meta["numbers"][name]["recipe"]
            above[place].set_title(f"{name}: recipe {recipe}", fontsize=10)
            apart = table.meta["numbers"][name]["apart"]
            below[place].annotate(
                f"apertures {apart:.2g} % apart on average", (0.98, 0.04), xycoords="axes fraction",
                ha="right", fontsize=9, bbox={"fc": "white", "ec": "none", "alpha": 0.8, "pad": 2},
            )  # fmt: skip
            below[place].set_xlabel("Radius of the source circle  [pixels]")
        above[0].set_title(f"{table.meta['title']}\n{above[0].get_title('left')}", fontsize=10)
        above[0].set_ylabel("Flux over that\nthrough the reference")
        below[0].set_ylabel("After correction, minus\nthe reference  [per cent]")
        _alike(above)
        _alike(below)
        above[-1].legend(loc="lower right", title="Annulus", title_fontsize=9)
        return drawn


def _looks(table: QTable) -> list[tuple[str, tuple[str, str, str]]]:
    """Give each family its colour, marker and line, those of several apertures first."""
    found = sorted(set(table["family"]), key=lambda one: (one == BESIDE, _order(one)))
    return [
        (name, _LOOKS[place] if place < len(_LOOKS) else _OTHERS)
        for place, name in enumerate(found)
    ]


def _order(family: str) -> float:
    first = family.split(" ")[0]
    return -float(first) if first.replace(".", "").isdigit() else 0.0


def _curves(table: QTable, ax: Axes) -> None:
    """Draw the means over the averages: open before, filled after the correction."""
    for name, (colour, marker, line) in _looks(table):
        mine = table[table["family"] == name]
        radii, means, _ = _over_averages(mine, "relative_before")
        ax.plot(
            radii, means, line, marker=marker, color=colour, mfc="white", ms=5.5, lw=1.0,
            label=f"{name}, before correction",
        )  # fmt: skip
        radii, means, _ = _over_averages(mine, "relative")
        ax.plot(
            radii, means, line, marker=marker, color=colour, ms=5.5, lw=1.6,
            label=f"{name}, after correction",
        )  # fmt: skip
    ax.axhline(1.0, color=GREY, lw=0.8, zorder=1)


def _agreements(table: QTable, ax: Axes) -> None:
    """Draw how far each aperture is from the reference: every average, their mean and scatter."""
    from matplotlib.transforms import ScaledTranslation

    looks = _looks(table)
    ends = [0.0]
    for place, (name, (colour, marker, _)) in enumerate(looks):
        # Side by side on paper, at the same radius in numbers.
        points = 5.0 * (place - (len(looks) - 1) / 2)
        aside = ax.transData + ScaledTranslation(points / 72, 0, ax.figure.dpi_scale_trans)
        mine = table[table["family"] == name]
        percent = 100 * (np.asarray(mine["relative"], dtype=np.float64) - 1)
        ax.plot(
            mine["radius"].value, percent, ls="none", marker=marker, ms=2.5, mew=0, color=colour,
            alpha=0.4, rasterized=len(mine) > MANY, transform=aside, label=f"{name}, averages",
        )  # fmt: skip
        radii, means, scatter = _over_averages(mine, "relative")
        ax.errorbar(
            radii, 100 * (means - 1), 100 * scatter, fmt=marker, color=colour, ms=5.5,
            elinewidth=1.2, capsize=2.5, transform=aside, label=f"{name}, mean",
        )  # fmt: skip
        ends += [*percent, *(100 * (means - 1 - scatter)), *(100 * (means - 1 + scatter))]
    ax.axhline(0.0, color=GREY, lw=0.8, zorder=1)
    # What is moved aside on paper is not seen by the axes' own choice of limits.
    low, high = np.nanmin(ends), np.nanmax(ends)
    room = 0.08 * (high - low) or 1.0
    ax.set_ylim(low - room, high + room)


def _over_averages(table: QTable, column: str) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Give radii, means and population standard deviations over the averages."""
    values = np.asarray(table[column], dtype=np.float64)
    radius = table["radius"].value
    told = []
    for one in np.unique(radius):
        here = values[(radius == one) & np.isfinite(values)]
        if len(here):
            told.append((one, here.mean(), here.std()))
    radii, means, scatter = np.array(told, dtype=np.float64).reshape(-1, 3).T
    return radii, means, scatter


def _alike(row: list[Axes]) -> None:
    """Let panels of one row show the same stretch."""
    limits = np.array([one.get_ylim() for one in row])
    for place, one in enumerate(row):
        one.set_ylim(limits[:, 0].min(), limits[:, 1].max())
        if place:
            one.tick_params(labelleft=False)
