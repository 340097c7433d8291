"""A run's averages by time as a small picture in text."""

from __future__ import annotations

import sys
from collections import Counter
from typing import TYPE_CHECKING, Any

import click

from .output import many
from .sketch import WIDTH, sketch

if TYPE_CHECKING:
    from iracdb.api import Catalogue
    from iracdb.runs.results import Run


def print_curve(catalogue: Catalogue, run: Run) -> None:
    """Print a run by time: its averages, or where it is over one AOR the images of that.

    Parameters
    ----------
    catalogue : Catalogue
        Where the run is.
    run : Run
        One that has averages. Where it has several targets or kinds of frames each flux is shown
        over the median of its own, and what is alone of its kind is left out.
    """
    from numpy.ma import masked

    keys = {row.aorkey for row in run.averages()}
    table = catalogue.figure("lightcurve", run.run_id, aors=keys if len(keys) == 1 else ())
    kinds = Counter(zip(table["target"], table["frame_group"], strict=True))
    name = "flux" if len(kinds) == 1 else "relative"
    if name not in table.colnames:
        return
    shown = [
        (float(row["time"].value), float(getattr(row[name], "value", row[name])), row["mission"])
        for row in table
        if kinds[row["target"], row["frame_group"]] > 1 and _counts(row, masked)
    ]
    times = [time for time, _, _ in shown]
    lines = sketch(
        times,
        [value for _, value, _ in shown],
        time_name=table.meta["time_scale"].partition(",")[0],
        divided=_division(times, [str(mission) for _, _, mission in shown]),
        plain=not _can_be_printed("⠿┤┊▲"),
        width=min(WIDTH, _columns()),
    )
    if lines:
        what = "image" if "kept" in table.colnames else "average"
        unit = "mJy" if name == "flux" else "over the median of each target and kind of frame"
        known = sum(1 for _, value, _ in shown if value == value)
        click.echo(f"\n{many(known, what)} by time, {unit}")
        click.echo("\n".join(lines))


def _counts(row: Any, unknown: Any) -> bool:
    """Leave out the images that no average counts."""
    return "kept" not in row.colnames or bool(row["kept"]) or row["kept"] is unknown


def _division(times: list[float], missions: list[str]) -> tuple[float, str, str] | None:
    """Tell the time between the cryogenic and the warm mission, where there is one."""
    cryo, warm = (
        [time for time, mission in zip(times, missions, strict=True) if mission == name]
        for name in ("CRYO", "WARM")
    )
    if not cryo or not warm or max(cryo) >= min(warm):
        return None
    return (max(cryo) + min(warm)) / 2, "cryogenic", "warm"


def _can_be_printed(text: str) -> bool:
    """Tell whether what is printed can hold characters that are not ASCII."""
    try:
        text.encode(sys.stdout.encoding or "ascii")
    except (UnicodeEncodeError, LookupError):
        return False
    return True


def _columns() -> int:
    """Tell how wide the terminal is, or what is as good as one."""
    import shutil

    return max(shutil.get_terminal_size().columns, 30)
